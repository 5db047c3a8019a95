// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The task `simulate` as a whole: laws beside theory, the same bits for any number of workers and any interruption, clear failures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <separatrix/separatrix.h>

#include "core/file.h"
#include "core/kernels.h"

#include <dirent.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static sx_ctx *context(int threads) {
    sx_host host = { .struct_size = sizeof host, .threads = threads };
    return sx_ctx_create(&host);
}

#define OK(ctx, call)                                                                                                  \
    do {                                                                                                               \
        if ((call) != SX_OK) fail_msg("%s\n%s", sx_ctx_message(ctx), sx_ctx_trace(ctx));                               \
    } while (0)

/* x' = -x + sqrt(2) xi on n units: variance 1, autocovariance e^-t. */
static sx_model *ou(sx_ctx *ctx, int64_t n, double leak, double D) {
    sx_linear_opts o = SX_LINEAR_OPTS;
    sx_model *bare = NULL, *m = NULL;
    sx_noise *noise = NULL;
    sx_fields_default(sx_linear_fields, &o);
    o.struct_size = sizeof o;
    o.n = n;
    o.leak = (sx_values){ 1, &leak };
    OK(ctx, sx_linear_create(ctx, &o, NULL, NULL, &bare));
    OK(ctx, sx_noise_additive(ctx, n, (sx_values){ 1, &D }, &noise));
    OK(ctx, sx_model_with_noise(ctx, bare, noise, SX_KINETIC, &m));
    sx_noise_free(ctx, noise);
    sx_model_free(ctx, bare);
    return m;
}

static sx_simulate_opts options(void) {
    sx_simulate_opts o = SX_SIMULATE_OPTS;
    sx_fields_default(sx_simulate_fields, &o);
    o.struct_size = sizeof o;
    return o;
}

static double get(sx_ctx *ctx, const sx_result *r, const char *group, const char *name, int64_t k) {
    int id = sx_result_find(r, group, name);
    if (id < 0) fail_msg("no variable %s", name);
    int64_t shape[8], size = 1;
    const char *dims[8];
    int nd = sx_result_shape(r, id, shape, dims);
    for (int i = 0; i < nd; i++) size *= shape[i];
    double *all = malloc(sizeof(double) * (size_t)size), v;
    OK(ctx, sx_result_read(ctx, r, id, NULL, NULL, all));
    v = all[k];
    free(all);
    return v;
}

/* Hash over the numbers of every numeric variable, in order of definition. */
static uint64_t result_hash(sx_ctx *ctx, const sx_result *r) {
    uint64_t h = 0;
    for (int id = 0; id < sx_result_vars(r); id++) {
        const char *group, *dims[8];
        const sx_var *var = sx_result_var(r, id, &group);
        if (var->dtype == SX_DT_STRING) continue;
        int64_t shape[8], size = 1;
        int nd = sx_result_shape(r, id, shape, dims);
        for (int i = 0; i < nd; i++) size *= shape[i];
        double *all = malloc(sizeof(double) * (size_t)(size + 1));
        OK(ctx, sx_result_read(ctx, r, id, NULL, NULL, all));
        h = sx_hash(all, sizeof(double) * (size_t)size, h).h[0];
        free(all);
    }
    return h;
}

static sx_result *run(sx_ctx *ctx, const sx_model *m, const sx_simulate_opts *o, uint64_t seed, const char *name) {
    sx_result *r = NULL;
    OK(ctx, sx_result_create(ctx, NULL, &r));
    OK(ctx, sx_task_run(ctx, &sx_simulate_task, m, o, sx_key_derive(sx_key_seed(seed), name, 0), name, NULL, r));
    return r;
}

/* Stationary law of Euler-Maruyama on the OU process at h = 0.1: variance 1/(1 - h/2) = 1.0526316 (reliability.md A3), not 1. The lag-k
 * autocovariance is variance (1 - h)^k. Mutants: noise_dt, noise_sqrt2, noise_2D, lag_index, covariance_padding, moment_shift, pilot_noise. */
static void test_ou_law(void **state) {
    (void)state;
    sx_ctx *ctx = context(2);
    sx_model *m = ou(ctx, 2, 1, 1);
    sx_simulate_opts o = options();
    o.method = SX_METHOD_EULER_MARUYAMA;
    o.dt = 0.1;
    o.burn_in = 20;
    o.duration = 400;
    o.replicas = 500;
    o.sample_every = 0.5;
    o.max_lag = 2;
    o.covariance = true;
    o.block_ = 64; /* several blocks and a padded last one */
    sx_result *r = run(ctx, m, &o, 1, "ou");
    double want = 1 / (1 - 0.05);
    for (int u = 0; u < 2; u++) {
        double v = get(ctx, r, "ou", "x_variance", u), se = get(ctx, r, "ou", "x_variance_se", u);
        double mean = get(ctx, r, "ou", "x_mean", u), mean_se = get(ctx, r, "ou", "x_mean_se", u);
        print_message("variance %.6f +- %.6f, exact %.6f, z = %.2f\n", v, se, want, (v - want) / se);
        assert_true(fabs(v - want) < 5 * se);
        assert_true(fabs(mean) < 5 * mean_se);
        /* the errors themselves: 2 var^2 tau_v / T over replicas with tau of x^2: (1+q^2)/(1-q^2) intervals, q = (1-h)^5 */
        double q = pow(0.9, 5), n = 800.0 * 500;
        double expect = want * sqrt(2 * (1 + q * q) / (1 - q * q) / n),
               expect_mean = sqrt(want * (1 + q) / (1 - q) / n);
        assert_true(fabs(se / expect - 1) < 5 * sqrt(0.5 / 500) + 0.02);
        assert_true(fabs(mean_se / expect_mean - 1) < 5 * sqrt(0.5 / 500) + 0.02);
        assert_true(fabs(v - 1) > 10 * se); /* it can tell the scheme from the continuum */
        assert_float_equal(get(ctx, r, "ou", "x_variance_theory", u), want, 1e-12);
        for (int l = 0; l <= 4; l++) {
            double c = get(ctx, r, "ou", "x_autocovariance", l * 2 + u),
                   cse = get(ctx, r, "ou", "x_autocovariance_se", l * 2 + u);
            assert_true(fabs(c - want * pow(0.9, 5 * l)) < 5 * cse);
        }
    }
    /* two units are independent: covariance 0 */
    assert_true(fabs(get(ctx, r, "ou", "x_covariance", 1)) < 5 * get(ctx, r, "ou", "x_covariance_se", 1));
    assert_float_equal(get(ctx, r, "ou", "x_covariance", 0), get(ctx, r, "ou", "x_variance", 0), 1e-4);
    /* variance at h/2 is 1/(1 - h/4): the shift is seen */
    double shift = get(ctx, r, "ou", "dt_shift_variance", 0), shift_se = get(ctx, r, "ou", "dt_shift_variance_se", 0);
    assert_true(fabs(shift - (1 / (1 - 0.025) - want)) < 5 * shift_se);
    assert_true(fabs(shift) > 5 * shift_se);
    assert_int_equal(sx_result_verdicts(r), 3);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* S(w) = 2 D/(1 + w^2); the sampled spectrum is the aliased one: with q = e^-s, var s (1 - q^2)/(1 - 2 q cos(w s) + q^2). Hann windows smear a
 * smooth spectrum by about S'' df^2 / 2, far below the error here. Mutant: psd_window. */
static void test_psd(void **state) {
    (void)state;
    sx_ctx *ctx = context(2);
    sx_model *m = ou(ctx, 1, 1, 1);
    sx_simulate_opts o = options();
    o.method = SX_METHOD_EXACT;
    o.dt = 0.25;
    o.sample_every = 0.25;
    o.burn_in = 20;
    o.duration = 2048;
    o.replicas = 64;
    o.psd = true;
    o.psd_window = 256;
    sx_result *r = run(ctx, m, &o, 2, "psd");
    double q = exp(-0.25), worst = 0;
    for (int f = 3; f <= 128; f++) {
        double w = 2 * M_PI * f / (256 * 0.25);
        double want = 0.25 * (1 - q * q) / (1 - 2 * q * cos(w * 0.25) + q * q);
        double z = (get(ctx, r, "psd", "x_psd", f) - want) / get(ctx, r, "psd", "x_psd_se", f);
        if (fabs(z) > fabs(worst)) worst = z;
    }
    print_message("worst z of 126 frequencies: %.2f\n", worst);
    assert_true(fabs(worst) < 5);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
    sx_ctx_free(ctx);
}

/* The stationary law of Euler-Maruyama on the OU process is normal with variance v = 1/(1 - h/2). One sample per replica after the burn-in: the
 * bins and what lies outside are binomial. Mutants: burn_in, histogram_range. */
static void test_histogram(void **state) {
    (void)state;
    enum { BINS = 8, REPLICAS = 20000 };
    sx_ctx *ctx = context(2);
    sx_model *m = ou(ctx, 1, 1, 1);
    sx_simulate_opts o = options();
    o.method = SX_METHOD_EULER_MARUYAMA;
    o.dt = 0.1;
    o.burn_in = 10;
    o.duration = o.sample_every = 0.1;
    o.replicas = REPLICAS;
    o.pilot = false;
    o.histogram_bins = BINS;
    o.histogram_lo = -2;
    o.histogram_hi = 1.5;
    sx_result *r = run(ctx, m, &o, 6, "histogram");
    const double scale = sqrt(0.5 * (1 - 0.05)), width = 3.5 / BINS; /* P(x < y) = erfc(-y scale)/2 */
    double worst = 0, inside = 0;
    for (int k = 0; k < BINS; k++) {
        const double lo = -2 + k * width, p = 0.5 * (erfc(-(lo + width) * scale) - erfc(-lo * scale));
        const double z = (get(ctx, r, "histogram", "x_histogram", k) * width - p) / sqrt(p * (1 - p) / REPLICAS);
        if (fabs(z) > fabs(worst)) worst = z;
        inside += p;
    }
    const double z = (get(ctx, r, "histogram", "x_outside", 0) - (1 - inside)) / sqrt(inside * (1 - inside) / REPLICAS);
    print_message("worst z of %d bins %.2f, outside %.2f\n", BINS, worst, z);
    assert_true(fabs(worst) < 5);
    assert_true(fabs(z) < 5);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
    sx_ctx_free(ctx);
}

/* The pilot of a method with two sets of normals: the shift is the difference of the exact laws at h/2 and h, and both paths see the same Brownian
 * motion, so that a few replicas resolve it. Mutant: pilot_dz. */
static void test_pilot_sra(void **state) {
    (void)state;
    sx_ctx *ctx = context(2);
    sx_model *m = ou(ctx, 1, 1, 1);
    sx_simulate_opts o = options();
    double variance[2];
    o.method = SX_METHOD_SRA;
    o.dt = 0.5;
    o.burn_in = 20;
    o.duration = 4000;
    o.replicas = 32;
    sx_result *r = run(ctx, m, &o, 7, "pilot");
    variance[0] = get(ctx, r, "pilot", "x_variance_theory", 0);
    const double shift = get(ctx, r, "pilot", "dt_shift_variance", 0),
                 se = get(ctx, r, "pilot", "dt_shift_variance_se", 0);
    sx_result_free(ctx, r);
    o.dt = 0.25;
    o.duration = 10;
    r = run(ctx, m, &o, 7, "pilot");
    variance[1] = get(ctx, r, "pilot", "x_variance_theory", 0);
    sx_result_free(ctx, r);
    print_message("variances %.6f %.6f, shift %.6f +- %.6f\n", variance[0], variance[1], shift, se);
    assert_true(fabs(shift - (variance[1] - variance[0])) < 5 * se);
    assert_true(fabs(shift) > 10 * se);
    sx_model_free(ctx, m);
    sx_ctx_free(ctx);
}

/* One rate unit x' = -x + w tanh x + I with weak noise: fixed point x*, J = -1 + w (1 - tanh^2 x*), variance -D/J to leading order. Mutant:
 * linear_noise_2D. */
static void test_linear_noise(void **state) {
    (void)state;
    sx_ctx *ctx = context(1);
    const double w = 0.5, I = 0.7, D = 1e-4;
    sx_rate_opts ro = SX_RATE_OPTS;
    sx_fields_default(sx_rate_fields, &ro);
    ro.struct_size = sizeof ro;
    sx_coupling *W = NULL;
    sx_input input = SX_INPUT;
    sx_model *bare = NULL, *m = NULL;
    sx_noise *noise = NULL;
    input.amplitude = (sx_values){ 1, &I };
    OK(ctx, sx_coupling_dense(ctx, 1, 1, &w, &W));
    OK(ctx, sx_rate_create(ctx, &ro, W, NULL, &input, NULL, &bare));
    OK(ctx, sx_noise_additive(ctx, 1, (sx_values){ 1, &D }, &noise));
    OK(ctx, sx_model_with_noise(ctx, bare, noise, SX_KINETIC, &m));
    sx_simulate_opts o = options();
    o.method = SX_METHOD_HEUN;
    o.dt = 0.05;
    o.burn_in = 20;
    o.duration = 200;
    o.replicas = 400;
    o.compare = SX_COMPARE_LINEAR;
    sx_result *r = run(ctx, m, &o, 8, "weak");
    double x = 0;
    for (int k = 0; k < 200; k++) x = w * tanh(x) + I; /* contraction by w */
    const double want = D / (1 - w * (1 - tanh(x) * tanh(x)));
    const double v = get(ctx, r, "weak", "x_variance", 0), se = get(ctx, r, "weak", "x_variance_se", 0);
    print_message("variance %.4e +- %.1e, predicted %.4e\n", v, se, want);
    assert_true(fabs(get(ctx, r, "weak", "x_mean_theory", 0) - x) < 1e-10);
    assert_true(fabs(get(ctx, r, "weak", "x_variance_theory", 0) / want - 1) < 1e-10);
    assert_true(fabs(v - want) < 5 * se + 2e-3 * want); /* the next order in D and h^2 */
    sx_result_free(ctx, r);
    sx_noise_free(ctx, noise);
    sx_coupling_free(ctx, W);
    sx_model_free(ctx, bare);
    sx_model_free(ctx, m);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* Symmetric first passage of Brownian motion (D = 1/2) out of (-1, 1) monitored every h: continuity correction of Broadie, Glasserman, Kou
 * (1997): barriers move out by 0.5826 sqrt(h), so E T = (1 + 0.5826 sqrt h)^2. */
static void test_first_passage(void **state) {
    (void)state;
    sx_ctx *ctx = context(2);
    double zero = 0;
    sx_model *m = ou(ctx, 1, 0, 0.5);
    sx_simulate_opts o = options();
    sx_target ball = { .name = "out", .above = NAN, .below = NAN, .centre = { 1, &zero }, .radius = 1 };
    o.method = SX_METHOD_EULER_MARUYAMA;
    o.dt = 0.01;
    o.duration = 30;
    o.replicas = 4000;
    o.moments = false;
    o.first_passage = (sx_tables){ 1, &ball };
    sx_result *r = run(ctx, m, &o, 3, "exit");
    double sum = 0, sumsq = 0;
    for (int k = 0; k < 4000; k++) {
        double t = get(ctx, r, "exit", "first_passage", k);
        assert_float_equal(get(ctx, r, "exit", "censored", k), 0, 0);
        sum += t;
        sumsq += t * t;
    }
    double mean = sum / 4000, se = sqrt((sumsq / 4000 - mean * mean) / 4000), want = pow(1 + 0.5826 * 0.1, 2);
    print_message("mean exit time %.5f +- %.5f, predicted %.5f\n", mean, se, want);
    assert_true(fabs(mean - want) < 5 * se);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
    sx_ctx_free(ctx);
}

/* The same out of (-R, R), censored at T: with L = R + 0.5826 sqrt(h) the survival function is
 *     S(t) = 4/pi sum_k (-1)^k/(2k+1) exp(-(2k+1)^2 pi^2 t/(8 L^2))
 * and the rate estimates (1 - S(T))/int_0^T S, with the spread of a ratio of means. Mutants: passage_censored, ball_radius. */
static void test_censored_passage(void **state) {
    (void)state;
    enum { N = 4000 };
    sx_ctx *ctx = context(2);
    const double zero = 0, R = 1.4, T = 2, h = 0.01, L = R + 0.5826 * sqrt(h);
    sx_model *m = ou(ctx, 1, 0, 0.5);
    sx_simulate_opts o = options();
    sx_target ball = { .name = "out", .above = NAN, .below = NAN, .centre = { 1, &zero }, .radius = R };
    o.method = SX_METHOD_EULER_MARUYAMA;
    o.dt = h;
    o.duration = T;
    o.replicas = N;
    o.moments = false;
    o.first_passage = (sx_tables){ 1, &ball };
    sx_result *r = run(ctx, m, &o, 9, "exit");
    double S = 0, area = 0;
    for (int k = 0; k < 30; k++) {
        const double a = pow((2 * k + 1) * M_PI / L, 2) / 8, c = (k % 2 ? -4 : 4) / (M_PI * (2 * k + 1));
        S += c * exp(-a * T);
        area += c * (1 - exp(-a * T)) / a;
    }
    const double want = (1 - S) / area, rate = get(ctx, r, "exit", "passage_rate", 0);
    double spread = 0, censored = 0;
    for (int k = 0; k < N; k++) {
        const double t = get(ctx, r, "exit", "first_passage", k), c = get(ctx, r, "exit", "censored", k);
        assert_true(c == 0 || t == T);
        censored += c;
        spread += pow((1 - c) - want * t, 2);
    }
    const double z = (censored / N - S) / sqrt(S * (1 - S) / N), se = sqrt(spread) / N / area;
    print_message("%.0f censored, z = %.2f; rate %.5f +- %.5f, predicted %.5f\n", censored, z, rate, se, want);
    assert_true(fabs(z) < 5);
    assert_true(fabs(rate - want) < 5 * se);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
    sx_ctx_free(ctx);
}

static sx_simulate_opts everything(void) {
    static const int64_t some[] = { 0, 2 };
    static sx_target high = { .name = "high", .below = NAN, .above = 2, .unit = { 1, some } };
    sx_simulate_opts o = options();
    o.method = SX_METHOD_SRA;
    o.dt = 0.05;
    o.burn_in = 1;
    o.duration = 8;
    o.replicas = 50;
    o.sample_every = 0.05;
    o.max_lag = 0.5;
    o.psd = true;
    o.psd_window = 32;
    o.covariance = true;
    o.histogram_bins = 10;
    o.initial = (sx_initial){ .kind = SX_INITIAL_GAUSSIAN, .sd = 1 };
    o.units = (sx_units){ 2, some };
    o.record = (sx_record_opts){ .every = 0.1, .given = true, .units = { 2, some } };
    o.first_passage = (sx_tables){ 1, &high };
    o.block_ = 8; /* several blocks and a padded last one */
    return o;
}

/* The executor polls `cancelled` from every worker: the distinct threads seen there are the workers that ran. */
typedef struct sx_workers {
    pthread_mutex_t lock;
    pthread_cond_t second;
    pthread_t seen[16];
    int n, wanted;
} sx_workers;

static bool note_worker(void *user) {
    sx_workers *w = user;
    pthread_mutex_lock(&w->lock);
    int k = 0;
    while (k < w->n && !pthread_equal(w->seen[k], pthread_self())) k++;
    if (k == w->n && w->n < 16) w->seen[w->n++] = pthread_self();
    /* the first worker waits for a second one, so that a short run on a busy machine is shared all the same */
    struct timespec limit;
    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_sec += 60;
    if (w->n > 1) pthread_cond_broadcast(&w->second);
    while (w->wanted > 1 && w->n < 2 && pthread_cond_timedwait(&w->second, &w->lock, &limit) == 0) continue;
    pthread_mutex_unlock(&w->lock);
    return false;
}

/* Same bits for 1, 2, 3, 4 and 7 workers. Mutant: thread_blocks. */
static void test_threads(void **state) {
    (void)state;
    uint64_t first = 0;
    static const int threads[] = { 1, 2, 3, 4, 7 };
    for (int k = 0; k < 5; k++) {
        sx_workers workers = { .lock = PTHREAD_MUTEX_INITIALIZER,
                               .second = PTHREAD_COND_INITIALIZER,
                               .wanted = threads[k] };
        sx_host host = {
            .struct_size = sizeof host, .threads = threads[k], .user = &workers, .cancelled = note_worker
        };
        sx_ctx *ctx = sx_ctx_create(&host);
        assert_int_equal(sx_ctx_threads(ctx), threads[k]);
        sx_model *m = ou(ctx, 3, 1, 1);
        sx_simulate_opts o = everything();
        sx_result *r = run(ctx, m, &o, 4, "bits");
        uint64_t h = result_hash(ctx, r);
        if (k == 0) first = h;
        assert_int_equal(h, first);
        print_message("%d threads asked for, %d ran\n", threads[k], workers.n);
        assert_true(threads[k] == 1 ? workers.n == 1 : workers.n > 1);
        sx_result_free(ctx, r);
        sx_model_free(ctx, m);
        assert_int_equal(sx_ctx_bytes(ctx), 0);
        sx_ctx_free(ctx);
    }
}

/* -- interruption: stop after a random number of polls, resume from the checkpoint, until done ------------------------------------ */

typedef struct sx_interrupt {
    int polls, limit;
} sx_interrupt;

static bool interrupt(void *user) {
    sx_interrupt *i = user;
    return __atomic_add_fetch(&i->polls, 1, __ATOMIC_RELAXED) > i->limit;
}

static char *scratch_directory(void) {
    static char name[64];
    snprintf(name, sizeof name, "/tmp/sx-simulate-XXXXXX");
    assert_non_null(mkdtemp(name));
    return name;
}

static void remove_directory(const char *name) {
    DIR *d = opendir(name);
    char path[512];
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%s", name, e->d_name);
        unlink(path);
    }
    closedir(d);
    rmdir(name);
}

/* Mutant: checkpoint_section. */
static void test_resume(void **state) {
    (void)state;
    sx_ctx *plain = context(2);
    sx_simulate_opts o = everything();
    o.duration = 80;
    o.segment_ = 37; /* many segments, not aligned with any event */
    sx_model *m = ou(plain, 3, 1, 1);
    sx_result *whole = run(plain, m, &o, 5, "resume");
    char *dir = scratch_directory();
    int stops = 0;
    for (;;) {
        sx_interrupt stop = { 0, 12 + stops % 5 };
        sx_host host = { .struct_size = sizeof host, .threads = 1 + stops % 3, .user = &stop, .cancelled = interrupt };
        sx_ctx *ctx = sx_ctx_create(&host);
        sx_model *again = ou(ctx, 3, 1, 1);
        sx_result *r = NULL;
        OK(ctx, sx_result_create(ctx, NULL, &r));
        sx_checkpoints c = { .struct_size = sizeof c, .directory = dir, .hash = 77, .resume = true, .interval = 0 };
        sx_status s =
            sx_task_run(ctx, &sx_simulate_task, again, &o, sx_key_derive(sx_key_seed(5), "resume", 0), "resume", &c, r);
        if (s == SX_OK) {
            /* trajectories live in memory here, so only the sums of a resumed run can be compared: all but x */
            for (int id = 0; id < sx_result_vars(r); id++) {
                const char *group;
                const sx_var *var = sx_result_var(r, id, &group);
                if (var->dtype == SX_DT_STRING || strcmp(var->name, "x") == 0) continue;
                int64_t shape[8], size = 1;
                const char *dims[8];
                for (int i = 0, nd = sx_result_shape(r, id, shape, dims); i < nd; i++) size *= shape[i];
                double *a = malloc(sizeof(double) * (size_t)size), *b = malloc(sizeof(double) * (size_t)size);
                OK(ctx, sx_result_read(ctx, r, id, NULL, NULL, a));
                OK(plain, sx_result_read(plain, whole, sx_result_find(whole, group, var->name), NULL, NULL, b));
                if (memcmp(a, b, sizeof(double) * (size_t)size))
                    fail_msg("%s differs after %d interruptions", var->name, stops);
                free(a);
                free(b);
            }
        } else if (s != SX_STOPPED) {
            fail_msg("%s", sx_ctx_message(ctx));
        }
        sx_result_free(ctx, r);
        sx_model_free(ctx, again);
        assert_int_equal(sx_ctx_bytes(ctx), 0);
        sx_ctx_free(ctx);
        if (s == SX_OK) break;
        stops++;
        assert_true(stops < 1000);
    }
    print_message("%d interruptions\n", stops);
    assert_true(stops >= 20);
    remove_directory(dir);
    sx_result_free(plain, whole);
    sx_model_free(plain, m);
    sx_ctx_free(plain);
}

/* A damaged newest checkpoint is passed over; a foreign one is refused; nothing valid is an error of its own. */
static int warnings;
static void count_warnings(void *user, int level, const char *text) {
    (void)user, (void)text;
    warnings += level == SX_LOG_WARNING;
}

static void test_damaged_checkpoints(void **state) {
    (void)state;
    sx_host host = { .struct_size = sizeof host, .threads = 1, .log = count_warnings };
    sx_ctx *ctx = sx_ctx_create(&host);
    sx_model *m = ou(ctx, 2, 1, 1);
    sx_simulate_opts o = everything();
    static const int64_t some[] = { 0, 1 };
    o.units.index = o.record.units.index = some;
    char *dir = scratch_directory(), path[512];
    sx_checkpoints c = { .struct_size = sizeof c, .directory = dir, .hash = 1, .interval = 0 };
    sx_result *r = NULL;
    OK(ctx, sx_result_create(ctx, NULL, &r));
    OK(ctx, sx_task_run(ctx, &sx_simulate_task, m, &o, sx_key_seed(1), "t", &c, r));
    sx_result_free(ctx, r);
    DIR *d = opendir(dir);
    int files = 0;
    char newest[300] = "";
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.') continue;
        files++;
        if (strcmp(e->d_name, newest) > 0) snprintf(newest, sizeof newest, "%s", e->d_name);
    }
    closedir(d);
    assert_in_range(files, 1, 3);
    snprintf(path, sizeof path, "%s/%s", dir, newest);
    char *bytes = NULL;
    size_t n = 0;
    OK(ctx, sx_file_slurp(ctx, path, 1 << 30, true, &bytes, &n));
    c.resume = true;
    /* every 97th byte flipped, and truncations: never accepted as valid. With only this file there is then no checkpoint at all. */
    char other[512];
    d = opendir(dir);
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.' && strcmp(e->d_name, newest)) {
            snprintf(other, sizeof other, "%s/%s", dir, e->d_name);
            unlink(other);
        }
    closedir(d);
    int tried = 0;
    for (size_t k = 0; k < n; k += n / 61 + 1) {
        for (int how = 0; how < 2; how++) {
            FILE *f = fopen(path, "wb");
            if (how == 0) {
                bytes[k] ^= 0x10;
                fwrite(bytes, 1, n, f);
                bytes[k] ^= 0x10;
            } else {
                fwrite(bytes, 1, k, f);
            }
            fclose(f);
            OK(ctx, sx_result_create(ctx, NULL, &r));
            assert_int_equal(sx_task_run(ctx, &sx_simulate_task, m, &o, sx_key_seed(1), "t", &c, r), SX_E_CHECKPOINT);
            sx_result_free(ctx, r);
            tried++;
        }
    }
    assert_true(tried > 100);
    assert_true(warnings >= tried);
    FILE *f = fopen(path, "wb");
    fwrite(bytes, 1, n, f);
    fclose(f);
    sx_free(ctx, bytes);
    c.hash = 2;
    OK(ctx, sx_result_create(ctx, NULL, &r));
    assert_int_equal(sx_task_run(ctx, &sx_simulate_task, m, &o, sx_key_seed(1), "t", &c, r), SX_E_CHECKPOINT);
    assert_non_null(strstr(sx_ctx_message(ctx), "another experiment"));
    sx_result_free(ctx, r);
    remove_directory(dir);
    sx_model_free(ctx, m);
    sx_ctx_free(ctx);
}

/* x' = +x from 1 overflows at t = ln(DBL_MAX) = 709.78: the message names unit, replica, time and the last finite value. */
static void test_blow_up(void **state) {
    (void)state;
    sx_ctx *ctx = context(2);
    sx_model *m = ou(ctx, 2, -1, 1e-30);
    double one = 1;
    sx_simulate_opts o = options();
    o.method = SX_METHOD_EULER_MARUYAMA;
    o.dt = 0.5;
    o.duration = 5000;
    o.replicas = 3;
    o.initial = (sx_initial){ .kind = SX_INITIAL_VALUES, .values = { 1, &one } };
    sx_result *r = NULL;
    OK(ctx, sx_result_create(ctx, NULL, &r));
    assert_int_equal(sx_task_run(ctx, &sx_simulate_task, m, &o, sx_key_seed(1), "boom", NULL, r), SX_E_NUMERIC);
    /* 1.5^k > DBL_MAX first at k = 1751 (log(DBL_MAX)/log 1.5 = 1750.56); 1.5^1750 = 1.44445e308 */
    const char *message = sx_ctx_message(ctx);
    print_message("%s\n", message);
    assert_non_null(strstr(message, "unit 0"));
    assert_non_null(strstr(message, "replica 0"));
    assert_non_null(strstr(message, "became inf at t = 875.5 (step 1751)"));
    assert_non_null(strstr(message, "last finite value 1.44445e+308"));
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
    sx_ctx_free(ctx);
}

static void test_refusals(void **state) {
    (void)state;
    sx_ctx *ctx = context(1);
    sx_model *m = ou(ctx, 2, 1, 1);
    sx_simulate_opts base = options();
    base.dt = 0.1;
    base.duration = 1;
    const struct {
        size_t offset;
        double value;
        const char *message;
    } numbers[] = {
        { offsetof(sx_simulate_opts, duration), 0, "simulate.duration is required for a flow" },
        { offsetof(sx_simulate_opts, duration), 1.05,
          "simulate.duration = 1.05 is not a whole number of steps of dt = 0.1; nearest: 1" },
        { offsetof(sx_simulate_opts, dt), -1, "simulate.dt = -1: want a value" },
        { offsetof(sx_simulate_opts, sample_every), 0.05, "simulate.sample_every" },
        { offsetof(sx_simulate_opts, max_lag), 5, "simulate.max_lag = 5" },
        { offsetof(sx_simulate_opts, rtol), 0, "simulate.rtol = 0: want a value" },
    };
    for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++) {
        sx_simulate_opts o = base;
        *(double *)(void *)((char *)&o + numbers[k].offset) = numbers[k].value;
        sx_plan plan;
        assert_int_equal(sx_task_plan(ctx, &sx_simulate_task, m, &o, "t", &plan), SX_E_USAGE);
        if (!strstr(sx_ctx_message(ctx), numbers[k].message))
            fail_msg("got: %s\nwant: %s", sx_ctx_message(ctx), numbers[k].message);
    }
    sx_simulate_opts o = base;
    o.energy = true;
    sx_plan plan;
    assert_int_equal(sx_task_plan(ctx, &sx_simulate_task, m, &o, "t", &plan), SX_E_UNSUPPORTED);
    assert_non_null(strstr(sx_ctx_message(ctx), "'potential'"));
    sx_model_free(ctx, m);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* Another task name, seed or replica gives other numbers; the number of replicas and the block do not change a replica's path. */
static void test_streams(void **state) {
    (void)state;
    sx_ctx *ctx = context(2);
    sx_model *m = ou(ctx, 2, 1, 1);
    sx_simulate_opts o = options();
    o.method = SX_METHOD_EULER_MARUYAMA;
    o.dt = 0.1;
    o.duration = 5;
    o.replicas = 8;
    sx_result *a = run(ctx, m, &o, 1, "a"), *b = run(ctx, m, &o, 1, "b"), *c = run(ctx, m, &o, 2, "a");
    o.replicas = 100;
    o.block_ = 16;
    sx_result *d = run(ctx, m, &o, 1, "a");
    for (int k = 0; k < 16; k++) {
        double x = get(ctx, a, "a", "x_final", k);
        assert_true(x != get(ctx, b, "b", "x_final", k));
        assert_true(x != get(ctx, c, "a", "x_final", k));
        assert_true(x == get(ctx, d, "a", "x_final", k));
    }
    sx_result *all[] = { a, b, c, d };
    for (int k = 0; k < 4; k++) sx_result_free(ctx, all[k]);
    sx_model_free(ctx, m);
    sx_ctx_free(ctx);
}

/* Two tasks, two replicas and two units are uncorrelated: z = sqrt(N) r over N = 4000 replicas of last states of independent processes. Mutant:
 * same_replica_key makes replicas equal. */
static double correlation(int64_t n, const double *a, const double *b) {
    double ma = 0, mb = 0, ab = 0, aa = 0, bb = 0;
    for (int64_t i = 0; i < n; i++) ma += a[i] / (double)n, mb += b[i] / (double)n;
    for (int64_t i = 0; i < n; i++) {
        ab += (a[i] - ma) * (b[i] - mb);
        aa += (a[i] - ma) * (a[i] - ma);
        bb += (b[i] - mb) * (b[i] - mb);
    }
    return ab / sqrt(aa * bb);
}

static void test_independence(void **state) {
    (void)state;
    enum { N = 4000 };
    sx_ctx *ctx = context(2);
    sx_model *m = ou(ctx, 2, 1, 1);
    sx_simulate_opts o = options();
    o.method = SX_METHOD_EULER_MARUYAMA;
    o.dt = 0.25;
    o.duration = 8;
    o.replicas = N;
    o.moments = false;
    static double a[2 * N], b[2 * N], x[N], y[N];
    sx_result *first = run(ctx, m, &o, 1, "first"), *second = run(ctx, m, &o, 1, "second");
    OK(ctx, sx_result_read(ctx, first, sx_result_find(first, "first", "x_final"), NULL, NULL, a));
    OK(ctx, sx_result_read(ctx, second, sx_result_find(second, "second", "x_final"), NULL, NULL, b));
    const struct {
        const char *what;
        const double *from;
        int unit, shift;
    } pairs[] = { { "tasks", b, 0, 0 },
                  { "units", a, 1, 0 },
                  { "neighbouring replicas", a, 0, 1 },
                  { "replicas of other blocks", a, 0, 1024 },
                  { "tasks and units", b, 1, 0 } };
    for (size_t k = 0; k < sizeof pairs / sizeof *pairs; k++) {
        for (int r = 0; r < N; r++) {
            x[r] = a[2 * r];
            y[r] = pairs[k].from[2 * ((r + pairs[k].shift) % N) + pairs[k].unit];
        }
        double z = sqrt(N) * correlation(N, x, y);
        print_message("%s: z = %.2f\n", pairs[k].what, z);
        assert_true(fabs(z) < 5);
        assert_true(z != 0);
    }
    sx_result_free(ctx, first);
    sx_result_free(ctx, second);
    sx_model_free(ctx, m);
    sx_ctx_free(ctx);
}

int main(void) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ou_law),        cmocka_unit_test(test_psd),
        cmocka_unit_test(test_histogram),     cmocka_unit_test(test_pilot_sra),
        cmocka_unit_test(test_linear_noise),  cmocka_unit_test(test_censored_passage),
        cmocka_unit_test(test_first_passage), cmocka_unit_test(test_threads),
        cmocka_unit_test(test_resume),        cmocka_unit_test(test_damaged_checkpoints),
        cmocka_unit_test(test_blow_up),       cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_streams),       cmocka_unit_test(test_independence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
