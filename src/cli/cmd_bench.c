// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* separatrix bench: the speed table of this machine, beside its limits (bench/floors.c), measured in the same process. */
#include "cli/cli.h"
#include "cli/cmd_bench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct sx_case {
    const char *name;
    int ensemble;
    int64_t n, replicas;
    double density;
    int64_t steps;
    double target; /* of the floor, one thread */
} sx_case;

static sx_ctx *threads_context(int threads, const sx_cli_tools *tools) {
    sx_host host = { .struct_size = sizeof host, .threads = threads };
    if (tools) sx_cli_lend(tools, &host);
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

/* -- equations beside the model written by hand -------------------------------------------------------------------------------- */

enum { HAND, EVALUATOR, GENERATED, FORMS };

/* dx = (-x + W tanh x) dt + noise in one of three forms; seconds of making it are kept for the generated one. */
static sx_status make_form(sx_ctx *ctx, int form, const sx_coupling *w, sx_model **out, double *making) {
    const int64_t n = sx_coupling_rows(w);
    const sx_equations_index index[] = { { "i", n, NULL }, { "j", 0, "i" } };
    const sx_equations_state state = { "x", "i", NULL };
    const sx_equations_parameter parameter = { "W", "i,j", { 0, NULL }, w };
    const sx_equations_text text = { "x", "-x[i] + sum(j, W[i,j]*tanh(x[j]))" };
    const sx_equations_desc d = { .struct_size = sizeof d,
                                  .n_indices = 2,
                                  .indices = index,
                                  .n_states = 1,
                                  .states = &state,
                                  .n_parameters = 1,
                                  .parameters = &parameter,
                                  .n_equations = 1,
                                  .equations = &text,
                                  .compile = form == GENERATED };
    sx_rate_opts o = { 0 };
    sx_model *bare = NULL;
    sx_noise *noise = NULL;
    double D = 0.01, t = sx_seconds();
    sx_status status;
    sx_fields_default(sx_rate_fields, &o);
    o.struct_size = sizeof o;
    SX_GO(ctx, status, done,
          form == HAND ? sx_rate_create(ctx, &o, w, NULL, NULL, NULL, &bare)
                       : sx_equations_create(ctx, &d, NULL, &bare));
    *making = sx_seconds() - t;
    SX_GO(ctx, status, done, sx_noise_additive(ctx, n, (sx_values){ 1, &D }, &noise));
    SX_GO(ctx, status, done, sx_model_with_noise(ctx, bare, noise, SX_KINETIC, out));
done:
    sx_noise_free(ctx, noise);
    sx_model_free(ctx, bare);
    return status;
}

/* Seconds of the drift alone, one block of replicas, the least of `runs` that each form had in turn. */
static sx_status time_drift(sx_ctx *ctx, sx_model *const *m, int forms, int64_t b, int runs, double *best) {
    const int64_t n = sx_model_n(m[0]);
    double *x = NULL, *y = NULL, *scratch = NULL;
    int64_t need = 0;
    sx_status status;
    for (int f = 0; f < forms; f++) {
        int64_t w = sx_model_operations(m[f])->work(sx_model_self(m[f]), SX_OP_F, b);
        need = w > need ? w : need;
        best[f] = INFINITY;
    }
    SX_GO(ctx, status, done, sx_alloc(ctx, n * b, sizeof *x, &x));
    SX_GO(ctx, status, done, sx_alloc(ctx, n * b, sizeof *y, &y));
    SX_GO(ctx, status, done, sx_alloc(ctx, need, sizeof *scratch, &scratch));
    sx_normal_fill(sx_key_seed(1), 0, SX_SLOT_USER, 0, n, b, x);
    for (int run = 0; run < runs * forms; run++) {
        const sx_model *at = m[run % forms];
        double t = sx_seconds();
        for (int k = 0; k < 10; k++)
            sx_model_operations(at)->F(sx_model_self(at), 0, (sx_cbatch){ x, n, b }, (sx_batch){ y, n, b },
                                       (sx_work){ scratch, need, NULL, 0 });
        t = (sx_seconds() - t) / 10;
        if (t < best[run % forms]) best[run % forms] = t;
    }
done:
    sx_free(ctx, x);
    sx_free(ctx, y);
    sx_free(ctx, scratch);
    return status;
}

/* One thread. */
static sx_status run_equations(sx_ctx *ctx, sx_rates *r, int threads) {
    static const sx_case cases[] = { { "N=1000, 256 replicas", SX_ENSEMBLE_GAUSSIAN, 1000, 256, 1, 40, 0 },
                                     { "N=3, 100000 replicas", SX_ENSEMBLE_GAUSSIAN, 3, 100000, 1, 40, 0 } };
    static const char *const names[FORMS] = { "rate, written by hand", "equations, evaluator",
                                              "equations, compile = true" };
    sx_status status = SX_OK;
    (void)r;
    if (threads > 1) return SX_OK;
    printf("\n%-22s %-26s %12s %7s %12s %7s %8s\n", "one thread", "model", "ms/step", "", "drift ms", "", "made in");
    for (int k = 0; k < 2 && status >= 0; k++) {
        const sx_case *c = &cases[k];
        sx_ensemble e = { 0 };
        sx_coupling *w = NULL;
        sx_model *m[FORMS] = { NULL };
        double made[FORMS], step[FORMS] = { 0 }, drift[FORMS];
        sx_fields_default(sx_ensemble_fields, &e);
        e.struct_size = sizeof e;
        e.kind = c->ensemble;
        e.n = c->n;
        e.g = 1.5;
        SX_GO(ctx, status, done, sx_coupling_realise(ctx, &e, sx_key_seed(1), &w));
        for (int f = 0; f < EVALUATOR + 1; f++) SX_GO(ctx, status, done, make_form(ctx, f, w, &m[f], &made[f]));
        int forms = make_form(ctx, GENERATED, w, &m[GENERATED], &made[GENERATED]) < 0 ? GENERATED : FORMS;
        for (int f = 0; f < forms; f++) SX_GO(ctx, status, done, time_case(ctx, c, m[f], &step[f]));
        int64_t b = sx_model_block(m[0]);
        SX_GO(ctx, status, done, time_drift(ctx, m, forms, b, c->n > 64 ? 5 : 200, drift));
        for (int f = 0; f < forms; f++)
            printf("%-22s %-26s %12.4g %6.2fx %12.4g %6.2fx %6.2f s\n", f ? "" : c->name, names[f], 1e3 * step[f],
                   step[f] / step[HAND], 1e3 * drift[f] * (double)c->replicas / (double)b, drift[f] / drift[HAND],
                   made[f]);
        if (forms < FORMS) printf("%-22s %s: %s\n", "", names[GENERATED], sx_ctx_message(ctx));
    done:
        for (int f = 0; f < FORMS; f++) sx_model_free(ctx, m[f]);
        sx_coupling_free(ctx, w);
    }
    return status;
}

/* Best seconds per step of `lyapunov` (sra: two stages), a tangent frame of k vectors; a run of one step is taken off. The trace has 32
 * marks, which end intervals: steps = 32 every. */
static sx_status time_lyapunov(sx_ctx *ctx, const sx_model *m, int64_t k, int64_t every, double *seconds) {
    double best[2] = { INFINITY, INFINITY };
    for (int run = 0; run < 6; run++) {
        sx_lyapunov_opts o = SX_LYAPUNOV_OPTS;
        sx_result *r = NULL;
        sx_fields_default(sx_lyapunov_fields, &o);
        o.struct_size = sizeof o;
        o.method = SX_METHOD_SRA;
        o.exponents = k;
        o.dt = 0.0625;
        o.duration = 0.0625 * (double)(run % 2 == 0 ? 32 * every : 1);
        o.burn_in = o.transient = 0;
        o.orthonormalise_every = every;
        SX_TRY(ctx, sx_result_create(ctx, NULL, &r));
        double t = sx_seconds();
        sx_status s = sx_task_run(ctx, &sx_lyapunov_task, m, &o, sx_key_seed(1), "bench", NULL, r);
        t = sx_seconds() - t;
        sx_result_free(ctx, r);
        SX_TRY(ctx, s);
        if (t < best[run % 2]) best[run % 2] = t;
    }
    *seconds = (best[0] - best[1]) / (double)(32 * every - 1);
    return SX_OK;
}

/* The tangent of a network: matrix products and QR factors are the bound. */
static sx_status run_lyapunov(sx_ctx *ctx, sx_rates *r, int threads) {
    enum { N = 1000, K = 100, EVERY = 10 };
    static const sx_case network = { "", SX_ENSEMBLE_GAUSSIAN, N, 1, 1, 0, 0 };
    sx_model *m = NULL;
    double seconds = 0;
    sx_status status;
    SX_GO(ctx, status, done, make_model(ctx, &network, &m));
    SX_GO(ctx, status, done, time_lyapunov(ctx, m, K, EVERY, &seconds));
    if (threads == 1) {
        sx_measure_dgemm(r, N); /* once more: what the machine gives now */
        sx_measure_qr(r, N, K);
        printf("\n%-34s %7s %12s %12s %10s\n", "Lyapunov exponents, sra", "threads", "ms/step", "bound ms", "of bound");
    }
    const double bound = sx_floor_lyapunov(r, N, K, 2, EVERY) / threads;
    printf("%-34s %7d %12.4g %12.4g %8.0f %%\n", "N=1000, k=100, QR every 10 steps", threads, 1e3 * seconds,
           1e3 * bound, 100 * bound / seconds);
    fflush(stdout);
done:
    sx_model_free(ctx, m);
    return status;
}

static sx_status run_network(sx_ctx *ctx, sx_rates *r, int threads, int k) {
    static const sx_case cases[] = { { "dense N=1000, 256 replicas", SX_ENSEMBLE_GAUSSIAN, 1000, 256, 1, 40, 0.85 },
                                     { "small N=10, 100000 replicas", SX_ENSEMBLE_GAUSSIAN, 10, 100000, 1, 40, 0.60 },
                                     { "sparse N=100000, 1e7 couplings", SX_ENSEMBLE_SPARSE, 100000, 8, 1e-3, 6,
                                       0.60 } };
    if (threads == 1)
        printf("\n%-34s %7s %12s %12s %10s\n", "rate network, Euler-Maruyama", "threads", "ms/step", "floor ms",
               "of floor");
    return run_case(ctx, &cases[k], r, threads);
}
static sx_status run_dense(sx_ctx *ctx, sx_rates *r, int threads) {
    return run_network(ctx, r, threads, 0);
}
static sx_status run_small(sx_ctx *ctx, sx_rates *r, int threads) {
    return run_network(ctx, r, threads, 1);
}
static sx_status run_sparse(sx_ctx *ctx, sx_rates *r, int threads) {
    return run_network(ctx, r, threads, 2);
}

/* The parts of the table, in its order; each runs for 1, 2, 4, ... threads and prints a row for each. */
static const struct part {
    const char *name;
    sx_status (*run)(sx_ctx *ctx, sx_rates *r, int threads);
    bool slow; /* not with --quick */
} parts[] = { { "dense", run_dense, false },
              { "small", run_small, false },
              { "sparse", run_sparse, true },
              { "lyapunov", run_lyapunov, false },
              { "jacobians", sx_bench_jacobians, false },
              { "learning", sx_bench_learning, false },
              { "equations", run_equations, false } };
enum { PARTS = sizeof parts / sizeof *parts };

int sx_cmd_bench(const sx_command *self, int argc, char **argv) {
    static const struct option options[] = { { "threads", required_argument, NULL, 't' },
                                             { "quick", no_argument, NULL, 'k' },
                                             { "only", required_argument, NULL, 'o' },
                                             { "help", no_argument, NULL, 'h' },
                                             { NULL, 0, NULL, 0 } };
    sx_cli_tools tools = { 0 };
    const char *only = NULL;
    int most = 0, c;
    bool quick = false, known = false;
    sx_cli_tools_find(&tools);
    while ((c = getopt_long(argc, argv, ":t:ko:h", options, NULL)) != -1) {
        if (c == 'h') return sx_cli_help(self);
        if (c == 'k')
            quick = true;
        else if (c == 'o')
            only = optarg;
        else if (c != 't' || !sx_cli_threads(optarg, &most))
            return sx_cli_bad_option(self, c, argv);
    }
    if (optind != argc) return sx_cli_usage(self, "no arguments are wanted, but '%s' was given", argv[optind]);
    for (int k = 0; k < PARTS; k++) known = known || (only && strcmp(only, parts[k].name) == 0);
    if (only && !known)
        return sx_cli_usage(self, "no part of the table is called '%s'; separatrix bench --help names them", only);

    sx_ctx *probe = threads_context(most, NULL);
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
           "random lines %.0f million/s\n",
           1e-9 * r.dgemm, (long long)r.dgemm_block, 1e-9 * r.small_gemm, 1e-9 * r.triad, 1e-6 * r.lines);
    for (int k = 0; k < PARTS; k++) {
        if (only ? strcmp(only, parts[k].name) != 0 : quick && parts[k].slow) continue;
        for (int t = 1; t <= threads; t *= 2) {
            sx_ctx *ctx = threads_context(t, &tools);
            sx_status status = parts[k].run(ctx, &r, t);
            int code = status < 0 ? sx_cli_fail(self, ctx, status) : 0;
            sx_ctx_free(ctx);
            if (code) return code;
        }
    }
    return 0;
}
