// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* separatrix bench: the speed table of this machine, beside its limits (bench/floors.c), measured in the same process. */
#include "cli/cli.h"

#include "bench/floors.h"

#include <separatrix/separatrix.h>

#include <math.h>
#include <string.h>

typedef struct sx_case {
    const char *name;
    int ensemble;
    int64_t n, replicas;
    double density;
    int64_t steps;
    double target; /* of the floor, one thread */
} sx_case;

static sx_ctx *threads_context(int threads) {
    sx_host host = { .struct_size = sizeof host, .threads = threads };
    return sx_ctx_create(&host);
}

static sx_status make_model(sx_ctx *ctx, const sx_case *c, sx_model **out) {
    sx_ensemble e = { 0 };
    sx_rate_opts o = { 0 };
    sx_coupling *w = NULL;
    sx_noise *noise = NULL;
    sx_model *bare = NULL;
    double D = 0.01;
    sx_status status;
    sx_fields_default(sx_ensemble_fields, &e);
    sx_fields_default(sx_rate_fields, &o);
    e.struct_size = sizeof e;
    o.struct_size = sizeof o;
    e.kind = c->ensemble;
    e.n = c->n;
    e.g = 1.5;
    e.density = c->density;
    SX_GO(ctx, status, done, sx_coupling_realise(ctx, &e, sx_key_seed(1), &w));
    SX_GO(ctx, status, done, sx_rate_create(ctx, &o, w, NULL, NULL, NULL, &bare));
    SX_GO(ctx, status, done, sx_noise_additive(ctx, c->n, (sx_values){ 1, &D }, &noise));
    SX_GO(ctx, status, done, sx_model_with_noise(ctx, bare, noise, SX_KINETIC, out));
done:
    sx_noise_free(ctx, noise);
    sx_model_free(ctx, bare);
    sx_coupling_free(ctx, w);
    return status;
}

/* Best seconds per step of a whole `simulate` (Euler-Maruyama, last state only); a run of one step is taken off as overhead. */
static sx_status time_case(sx_ctx *ctx, const sx_case *c, const sx_model *m, double *seconds) {
    double best[2] = { INFINITY, INFINITY };
    for (int run = 0; run < 6; run++) {
        int64_t steps = run % 2 == 0 ? c->steps + 1 : 1;
        sx_simulate_opts o = { 0 };
        sx_result *r = NULL;
        sx_fields_default(sx_simulate_fields, &o);
        o.struct_size = sizeof o;
        o.method = SX_METHOD_EULER_MARUYAMA;
        o.dt = 0.0625;
        o.duration = 0.0625 * (double)steps;
        o.replicas = c->replicas;
        o.moments = o.pilot = false;
        o.initial = (sx_initial){ .kind = SX_INITIAL_GAUSSIAN, .sd = 1 };
        SX_TRY(ctx, sx_result_create(ctx, NULL, &r));
        double t = sx_seconds();
        sx_status s = sx_task_run(ctx, &sx_simulate_task, m, &o, sx_key_seed(1), "bench", NULL, r);
        t = sx_seconds() - t;
        sx_result_free(ctx, r);
        SX_TRY(ctx, s);
        if (t < best[run % 2]) best[run % 2] = t;
    }
    *seconds = (best[0] - best[1]) / (double)c->steps;
    return SX_OK;
}

static void print_vector(const sx_rates *r) {
    printf("%-34s %12s %12s %9s\n", "elementary kernels, one thread", "ns each", "libm ns", "speed-up");
    printf("%-34s %12.3f %12.3f %8.1fx\n", "tanh", 1e9 * r->tanh, 1e9 * r->libm_tanh, r->libm_tanh / r->tanh);
    printf("%-34s %12.3f %12.3f %8.1fx\n\n", "normal (Philox, Box-Muller)", 1e9 * r->normal, 1e9 * r->libm_normal,
           r->libm_normal / r->normal);
}

static sx_status run_case(sx_ctx *ctx, const sx_case *c, const sx_rates *r, int threads) {
    sx_model *m = NULL;
    double seconds = 0, floor;
    sx_status status;
    SX_GO(ctx, status, done, make_model(ctx, c, &m));
    SX_GO(ctx, status, done, time_case(ctx, c, m, &seconds));
    int64_t nonzeros = (int64_t)((double)c->n * (double)c->n * c->density);
    floor = c->density < 1 ? sx_floor_sparse(r, c->n, nonzeros, c->replicas)
            : c->n <= 64   ? sx_floor_small(r, c->n, c->replicas)
                           : sx_floor_dense(r, c->n, c->replicas);
    printf("%-34s %7d %12.4g %12.4g %8.0f %%\n", c->name, threads, 1e3 * seconds, 1e3 * floor / threads,
           100 * floor / threads / seconds);
    fflush(stdout);
    if (c->density < 1) {
        double plain = sx_plain_csr(c->n, nonzeros / c->n);
        printf("%-34s %7d %12.4g %12.4g %8.1fx\n", "  product per vector, plain CSR loop", threads,
               1e3 * seconds / (double)c->replicas, 1e3 * plain, plain * (double)c->replicas / seconds);
    }
done:
    sx_model_free(ctx, m);
    return status;
}

int sx_cmd_bench(const sx_command *self, int argc, char **argv) {
    static const struct option options[] = { { "threads", required_argument, NULL, 't' },
                                             { "quick", no_argument, NULL, 'k' },
                                             { "help", no_argument, NULL, 'h' },
                                             { NULL, 0, NULL, 0 } };
    static const sx_case cases[] = { { "dense N=1000, 256 replicas", SX_ENSEMBLE_GAUSSIAN, 1000, 256, 1, 40, 0.85 },
                                     { "small N=10, 100000 replicas", SX_ENSEMBLE_GAUSSIAN, 10, 100000, 1, 40, 0.60 },
                                     { "sparse N=100000, 1e7 couplings", SX_ENSEMBLE_SPARSE, 100000, 8, 1e-3, 6,
                                       0.60 } };
    int most = 0, c;
    bool quick = false;
    while ((c = getopt_long(argc, argv, ":t:kh", options, NULL)) != -1) {
        if (c == 'h') return sx_cli_help(self);
        if (c == 'k')
            quick = true;
        else if (c != 't' || !sx_cli_threads(optarg, &most))
            return sx_cli_bad_option(self, c, argv);
    }
    if (optind != argc) return sx_cli_usage(self, "no arguments are wanted, but '%s' was given", argv[optind]);

    sx_ctx *probe = threads_context(most);
    int threads = sx_ctx_threads(probe);
    sx_ctx_free(probe);
    printf("separatrix %s, kernels %s, %d threads. Times are the best of several runs; ratios to the floors are what "
           "to quote.\n\n",
           sx_version(), sx_kernel_set(), threads);
    sx_rates r = { 0 };
    sx_measure_vector(&r);
    print_vector(&r);
    sx_measure_dgemm(&r, 1000);
    sx_measure_small(&r, 10);
    sx_measure_memory(&r, 100000);
    printf("rates of one thread: dgemm %.1f Gflop/s (blocks of %lld), small product %.1f Gflop/s, triad %.1f GB/s, "
           "random lines %.0f million/s\n\n",
           1e-9 * r.dgemm, (long long)r.dgemm_block, 1e-9 * r.small_gemm, 1e-9 * r.triad, 1e-6 * r.lines);
    printf("%-34s %7s %12s %12s %10s\n", "rate network, Euler-Maruyama", "threads", "ms/step", "floor ms", "of floor");
    sx_status status = SX_OK;
    for (int k = 0; k < (quick ? 2 : 3) && status >= 0; k++)
        for (int t = 1; t <= threads && status >= 0; t *= 2) {
            sx_ctx *ctx = threads_context(t);
            status = run_case(ctx, &cases[k], &r, t);
            int code = status < 0 ? sx_cli_fail(self, ctx, status) : 0;
            sx_ctx_free(ctx);
            if (code) return code;
        }
    return 0;
}
