// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Steps of free-energy learning beside what they cannot avoid: the update of J and the product with it, the draws, and where each unit is drawn
 * given the one before, the chain of draws. One thread. */
#include "cli/cmd_bench.h"

#include <separatrix/separatrix.h>

#include <math.h>
#include <stdio.h>
#include <time.h>

typedef struct learning_case {
    const char *name;
    int64_t n, epochs;
    int sampler;
    double target; /* times the bound */
} learning_case;

static sx_status network(sx_ctx *ctx, int64_t n, int sampler, sx_model **out) {
    sx_sampler_opts o = SX_SAMPLER_OPTS;
    sx_fields_default(sx_sampler_fields, &o);
    o.struct_size = sizeof o;
    o.n = n;
    o.sampler = sampler;
    return sx_free_energy_create(ctx, &o, NULL, NULL, out);
}

/* Of this process: other programs on the machine do not count. */
static double cpu_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Seconds per step of the task `learn`: the least of some runs, with those of a run of one epoch taken off. */
static sx_status time_learning(sx_ctx *ctx, const learning_case *c, double *seconds) {
    enum { PATTERNS = 10, STEPS = 10, RUNS = 7 };
    double best[2] = { (double)INFINITY, (double)INFINITY }, *x = NULL;
    sx_model *m = NULL;
    sx_status status;
    SX_GO(ctx, status, done, network(ctx, c->n, c->sampler, &m));
    SX_GO(ctx, status, done, sx_alloc(ctx, PATTERNS * c->n, sizeof *x, &x));
    sx_normal_fill(sx_key_seed(1), 0, SX_SLOT_USER, 0, PATTERNS * c->n, 1, x);
    for (int run = 0; run < 2 * RUNS; run++) {
        sx_learn_opts o = SX_LEARN_OPTS;
        sx_result *r = NULL;
        sx_fields_default(sx_learn_fields, &o);
        o.struct_size = sizeof o;
        o.data = (sx_data){ .name = "patterns", .rows = PATTERNS, .columns = c->n, .x = x };
        o.snapshots.n = 1;
        o.rate = 0.02 / (double)c->n;
        o.evidence = 5;
        o.inverse_temperature = 0.2;
        o.epochs = run % 2 == 0 ? c->epochs + 1 : 1;
        o.steps = STEPS;
        o.monitor = INT64_C(1000000000);
        o.attractors = false;
        SX_GO(ctx, status, done, sx_result_create(ctx, NULL, &r));
        double t = cpu_seconds();
        status = sx_task_run(ctx, &sx_learn_task, m, &o, sx_key_seed(1), "bench", NULL, r);
        t = cpu_seconds() - t;
        sx_result_free(ctx, r);
        if (status < 0) goto done;
        best[run % 2] = fmin(best[run % 2], t);
    }
    *seconds = (best[0] - best[1]) / (double)(c->epochs * STEPS);
    status = SX_OK;
done:
    sx_free(ctx, x);
    sx_model_free(ctx, m);
    return status;
}

/* Seconds of one conditional draw of many at once, its uniform number included: a network without couplings. */
static sx_status time_draws(sx_ctx *ctx, double *seconds) {
    enum { N = 4096, RUNS = 200 };
    sx_model *m = NULL;
    double *s = NULL, *scratch = NULL;
    sx_status status;
    *seconds = (double)INFINITY;
    SX_GO(ctx, status, done, network(ctx, N, SX_SAMPLER_SYNC, &m));
    int64_t need = sx_model_operations(m)->work(sx_model_self(m), SX_OP_SAMPLE, 1);
    SX_GO(ctx, status, done, sx_alloc(ctx, N, sizeof *s, &s));
    SX_GO(ctx, status, done, sx_alloc(ctx, need, sizeof *scratch, &scratch));
    for (int run = 0; run < RUNS; run++) {
        double t = sx_seconds();
        sx_model_operations(m)->sample(sx_model_self(m), sx_key_seed(1), (uint64_t)run, 0, (sx_batch){ s, N, 1 },
                                       (sx_work){ .p = scratch, .doubles = need });
        *seconds = fmin(*seconds, (sx_seconds() - t) / N);
    }
done:
    sx_free(ctx, scratch);
    sx_free(ctx, s);
    sx_model_free(ctx, m);
    return status;
}

sx_status sx_bench_learning(sx_ctx *ctx, sx_rates *rates, int threads) {
    static const learning_case cases[] = { { "sync, 64 units", 64, 4000, SX_SAMPLER_SYNC, 2 },
                                           { "gibbs-sweep, 64 units", 64, 1000, SX_SAMPLER_GIBBS_SWEEP, 1.5 },
                                           { "sync, 1024 units", 1024, 20, SX_SAMPLER_SYNC, 1.5 } };
    double draw, seconds;
    if (threads > 1) return SX_OK; /* one network is one work item */
    SX_TRY(ctx, time_draws(ctx, &draw));
    printf("\n%-34s %7s %12s %12s %10s %7s\n", "free-energy learning", "threads", "us/step", "bound us", "of bound",
           "aim");
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        const learning_case *c = &cases[k];
        sx_learning_rates r;
        sx_measure_learning(&r, c->n);
        double bound =
            sx_floor_learning(rates, &r, c->n, c->sampler == SX_SAMPLER_GIBBS_SWEEP ? r.chain + r.uniform : draw);
        SX_TRY(ctx, time_learning(ctx, c, &seconds));
        printf("%-34s %7d %12.4g %12.4g %9.2fx %6.1fx\n", c->name, 1, 1e6 * seconds, 1e6 * bound, seconds / bound,
               c->target);
        fflush(stdout);
    }
    return SX_OK;
}
