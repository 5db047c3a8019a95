// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The task `response` by Krylov spaces: against dense matrices, against closed forms at 20,000 units, and the same bits for any number of
 * workers and after interruptions. */
#include "response_testing.h"

#include <dirent.h>
#include <unistd.h>

/* Random sparse matrix with `links` entries of each row of standard deviation g / sqrt(links), minus 1 (flows). */
static void sparse(uint64_t seed, int64_t n, int links, double g, bool map, double *J) {
    double *z = malloc(sizeof(double) * (size_t)(n * links)), *u = malloc(sizeof(double) * (size_t)(n * links));
    sx_normal_fill(sx_key_seed(seed), 0, SX_SLOT_USER, 0, n * links, 1, z);
    sx_uniform_fill(sx_key_seed(seed), 1, SX_SLOT_USER, 0, n * links, 1, u);
    memset(J, 0, sizeof(double) * (size_t)(n * n));
    for (int64_t k = 0; k < n * links; k++) J[k / links * n + (int64_t)(u[k] * (double)n)] += g * z[k] / sqrt(links);
    for (int64_t i = 0; i < n && !map; i++) J[i * n + i] -= 1;
    free(z), free(u);
}

static double largest_difference(sx_ctx *ctx, const sx_result *a, const sx_result *b, const char *name,
                                 const char *other, double *size) {
    int64_t n, m;
    double *x = all(ctx, a, name, &n), *y = all(ctx, b, other, &m), d = 0;
    assert_int_equal(n, m);
    *size = 0;
    for (int64_t k = 0; k < n; k++) {
        d = fmax(d, fabs(x[k] - y[k]));
        *size = fmax(*size, fabs(y[k]));
    }
    free(x), free(y);
    return d;
}

/* A network of 300 units, flow and map, noise per unit and of low rank: everything about three units within ten times the stated residuals; the
 * variances of all units and the entropy production within 5 standard errors over 64 probes. */
static void test_against_dense(void **state) {
    (void)state;
    enum { N = 300 };
    static double J[N * N], D[N], B[N * 4];
    static const int64_t units[3] = { 7, 250, 31 };
    static const char *const names[] = {
        "psd", "csd", "susceptibility", "fdt_violation_psd", "response", "lagged_covariance"
    };
    sx_ctx *ctx = context(2);
    for (int kind = 0; kind < 4; kind++) {
        bool map = kind & 1, low = kind & 2;
        sparse(5 + (uint64_t)kind, N, 10, 0.55, map, J);
        for (int i = 0; i < N; i++) D[i] = 0.5 + 0.001 * i;
        sx_normal_fill(sx_key_seed(9), 0, SX_SLOT_USER, 0, N * 4, 1, B);
        sx_model *m = NULL;
        if (low) {
            sx_noise *noise = NULL;
            OK(ctx, sx_noise_additive_factor(ctx, N, 4, B, &noise));
            m = with(ctx, linear(ctx, N, J, map), noise);
        } else
            m = additive(ctx, linear(ctx, N, J, map), N, D);
        sx_response_opts o = options();
        o.units = (sx_units){ 3, units };
        o.frequencies = 11;
        o.spacing = 1;
        o.max_lag = map ? 6 : 3;
        o.lags = 6;
        sx_result *dense = run(ctx, m, &o);
        o.method = SX_RESPONSE_KRYLOV;
        o.subspace = 60;
        o.probes = 64;
        sx_result *krylov = run(ctx, m, &o);
        double residual = get(ctx, krylov, "solve_residual", 0), error = get(ctx, krylov, "covariance_residual", 0),
               size;
        print_message("residuals %.2g (solve), %.2g (propagators)\n", residual, error);
        assert_true(residual < 1e-4 && error < 1e-4);
        assert_true(residual > 0 && error > 0);
        for (int k = 0; k < 6; k++) {
            double d = largest_difference(ctx, krylov, dense, names[k], names[k], &size);
            if (!(d <= 10 * (residual + error) * size)) fail_msg("%s differs by %g of %g", names[k], d, size);
        }
        double *C = all(ctx, dense, "covariance", NULL), *c = all(ctx, krylov, "covariance", NULL),
               *S = all(ctx, dense, "static_susceptibility", NULL),
               *s = all(ctx, krylov, "static_susceptibility", NULL), *v = all(ctx, krylov, "variance", NULL),
               *se = all(ctx, krylov, "variance_se", NULL), worst = 0, chi2 = 0;
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++) {
                NEAR(c[i * 3 + j], C[units[i] * N + units[j]], 10 * error * C[units[i] * (N + 1)]);
                NEAR(s[i * 3 + j], S[units[i] * N + units[j]], 10 * residual + 1e-6);
            }
        for (int u = 0; u < N; u++) {
            double z = (v[u] - C[u * (N + 1)]) / se[u];
            worst = fmax(worst, fabs(z));
            chi2 += z * z / N;
        }
        print_message("variances of %d units: largest |z| %.2f, mean z^2 %.2f\n", N, worst, chi2);
        assert_true(worst < 5.5 && chi2 < 2); /* 63 degrees of freedom: heavier tails than normal */
        if (!low) {
            double sigma = get(ctx, krylov, "entropy_production", 0),
                   sigma_se = get(ctx, krylov, "entropy_production_se", 0),
                   want = get(ctx, dense, "entropy_production", 0);
            print_message("entropy production %.3f +- %.3f, dense %.3f\n", sigma, sigma_se, want);
            assert_true(fabs(sigma - want) < 5 * sigma_se && sigma_se < 0.1 * want);
        } else
            assert_true(!has(krylov, "entropy_production") && !has(dense, "entropy_production"));
        free(C), free(c), free(S), free(s), free(v), free(se);
        sx_result_free(ctx, dense);
        sx_result_free(ctx, krylov);
        sx_model_free(ctx, m);
    }
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* The whole space, where the basis ends by itself: exact. Also fewer dimensions than asked for: two units that see only each other. */
static void test_whole_space(void **state) {
    (void)state;
    enum { N = 12 };
    static double J[N * N];
    sx_ctx *ctx = context(1);
    double D = 0.3, size;
    for (int split = 0; split < 2; split++) {
        sparse(3, N, 4, 0.5, false, J);
        for (int i = 0; i < 2 && split; i++)
            for (int j = 2; j < N; j++) J[i * N + j] = 0;
        sx_model *m = additive(ctx, linear(ctx, N, J, false), 1, &D);
        static const int64_t units[2] = { 0, 1 };
        sx_response_opts o = options();
        o.units = (sx_units){ 2, units };
        sx_result *dense = run(ctx, m, &o);
        o.method = SX_RESPONSE_KRYLOV;
        sx_result *krylov = run(ctx, m, &o);
        assert_true(get(ctx, krylov, "solve_residual", 0) < 1e-12);
        assert_true(largest_difference(ctx, krylov, dense, "csd", "csd", &size) < 1e-12 * size);
        assert_true(largest_difference(ctx, krylov, dense, "susceptibility", "susceptibility", &size) < 1e-12 * size);
        assert_true(largest_difference(ctx, krylov, dense, "fdt_violation_psd", "fdt_violation_psd", &size) <
                    1e-10 * (1 + size));
        sx_result_free(ctx, dense);
        sx_result_free(ctx, krylov);
        sx_model_free(ctx, m);
    }
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* Directed ring x_i' = -x_i + a x_{i-1} + sqrt(2 D) xi, N -> infinity: modes lambda_q = -1 + a e^{-iq}, normal. With s = sqrt(1 - a^2):
 *     variance D/s,   entropy production of a unit: mean of (Im lambda)^2/(-Re lambda) = 1 - s,
 *     H_ij(w) = a^(i-j) / (1 - iw)^(i-j+1) for i >= j (a chain),   S_ii(w) = 2 D / (1 + w^2 - a^2).
 * 20,000 units; the ends of the Krylov space are 1e-13 away. */
static void test_ring(void **state) {
    (void)state;
    enum { N = 20000 };
    sx_ctx *ctx = context(2);
    double a = 0.6, D = 0.5, s = sqrt(1 - a * a);
    int64_t *row = malloc(sizeof(int64_t) * (N + 1));
    int32_t *column = malloc(sizeof(int32_t) * N);
    double *value = malloc(sizeof(double) * N);
    for (int64_t i = 0; i < N; i++) {
        row[i] = i;
        column[i] = (int32_t)((i + N - 1) % N);
        value[i] = a;
    }
    row[N] = N;
    sx_coupling *w = NULL;
    sx_linear_opts l = SX_LINEAR_OPTS;
    sx_model *bare = NULL;
    sx_fields_default(sx_linear_fields, &l);
    l.struct_size = sizeof l;
    OK(ctx, sx_coupling_csr(ctx, N, N, row, column, value, &w));
    OK(ctx, sx_linear_create(ctx, &l, w, NULL, &bare));
    sx_coupling_free(ctx, w);
    free(row), free(column), free(value);
    sx_model *m = additive(ctx, bare, 1, &D);
    static const int64_t units[2] = { 5000, 5001 };
    sx_response_opts o = options();
    o.units = (sx_units){ 2, units };
    o.subspace = 60;
    o.probes = 4;
    o.frequencies = 5;
    o.spacing = 1;
    o.frequency_max = 0.4;
    sx_result *r = run(ctx, m, &o);
    assert_string_equal(sx_result_attr_find(r, "response", NULL, "method"), "krylov"); /* chosen by itself */
    print_message("residuals %.2g, %.2g\n", get(ctx, r, "solve_residual", 0), get(ctx, r, "covariance_residual", 0));
    assert_true(get(ctx, r, "solve_residual", 0) < 1e-11);
    NEAR(get(ctx, r, "covariance", 0), D / s, 1e-12);
    NEAR(get(ctx, r, "covariance", 1), D / s * (1 - s) / a, 1e-12); /* first Fourier coefficient of D/(1 - a cos q) */
    for (int f = 0; f < 5; f++) {
        double om = 2 * pi * 0.1 * f, d = 1 + om * om;
        NEAR(get(ctx, r, "psd", 2 * f), 2 * D / (1 + om * om - a * a), 1e-11);
        /* H_10 = a/(1 - iw)^2, H_01 = 0 */
        NEAR(get(ctx, r, "susceptibility", (f * 4 + 2) * 2), a * (1 - om * om) / (d * d), 1e-11);
        NEAR(get(ctx, r, "susceptibility", (f * 4 + 2) * 2 + 1), a * 2 * om / (d * d), 1e-11);
        NEAR(get(ctx, r, "susceptibility", (f * 4 + 1) * 2), 0, 1e-12);
    }
    double *v = all(ctx, r, "variance", NULL), *se = all(ctx, r, "variance_se", NULL), sum = 0, spread = 0;
    for (int64_t u = 0; u < N; u++) {
        sum += v[u] / N;
        spread += se[u] * se[u] / N;
    }
    /* samples of different units are nearly independent: about a decade of them is not */
    print_message("mean variance %.6f, exact %.6f, one unit's standard error %.3f\n", sum, D / s, sqrt(spread));
    assert_true(fabs(sum - D / s) < 5 * sqrt(spread * 10 / N));
    double sigma = get(ctx, r, "entropy_production", 0), sigma_se = get(ctx, r, "entropy_production_se", 0);
    print_message("entropy production per unit %.6f +- %.6f, exact %.6f\n", sigma / N, sigma_se / N, 1 - s);
    assert_true(fabs(sigma - N * (1 - s)) < 8 * sigma_se && sigma_se < 0.01 * sigma); /* 3 degrees of freedom */
    free(v), free(se);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* Equilibrium: every probe gives an entropy production of zero. An unstable network is refused with its rate. */
static void test_equilibrium(void **state) {
    (void)state;
    enum { N = 60 };
    static double J[N * N];
    sx_ctx *ctx = context(1);
    double D = 0.7;
    sparse(8, N, 6, 0.4, true, J);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < i; j++) J[i * N + j] = J[j * N + i];
    for (int i = 0; i < N; i++) J[i * N + i] = -2;
    sx_model *m = additive(ctx, linear(ctx, N, J, false), 1, &D);
    sx_response_opts o = options();
    o.method = SX_RESPONSE_KRYLOV;
    o.subspace = 50;
    o.probes = 4;
    sx_result *r = run(ctx, m, &o);
    NEAR(get(ctx, r, "entropy_production", 0), 0, 1e-10);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
    for (int i = 0; i < N; i++) J[i * N + i] = 0.1;
    m = additive(ctx, linear(ctx, N, J, false), 1, &D);
    r = run(ctx, m, &o);
    assert_int_equal(warnings_with(r, "not stable"), 1);
    assert_true(get(ctx, r, "slowest_rate", 0) < 0 && !has(r, "covariance"));
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* -- the same bits -------------------------------------------------------------------------------------------------------------- */

typedef struct interrupt {
    int polls, limit;
} interrupt;

static bool cancelled(void *user) {
    interrupt *i = user;
    return __atomic_add_fetch(&i->polls, 1, __ATOMIC_RELAXED) > i->limit;
}

static uint64_t bits(sx_ctx *ctx, const sx_result *r) {
    uint64_t h = 0;
    for (int id = 0; id < sx_result_vars(r); id++) {
        const char *group, *dims[8];
        const sx_var *var = sx_result_var(r, id, &group);
        int64_t shape[8], size = 1;
        if (var->dtype == SX_DT_STRING) continue;
        for (int i = 0, nd = sx_result_shape(r, id, shape, dims); i < nd; i++) size *= shape[i];
        double *v = malloc(sizeof(double) * (size_t)(size + 1));
        OK(ctx, sx_result_read(ctx, r, id, NULL, NULL, v));
        for (int64_t k = 0; k < size; k++) {
            uint64_t u;
            memcpy(&u, &v[k], sizeof u);
            h = (h ^ u) * UINT64_C(0x9e3779b97f4a7c15);
            h ^= h >> 29;
        }
        free(v);
    }
    return h;
}

static void test_bits(void **state) {
    (void)state;
    enum { N = 50, POINTS = 3 };
    static double J[N * N], points[POINTS * N];
    double D = 0.2;
    sparse(4, N, 8, 0.5, false, J);
    for (int krylov = 0; krylov < 2; krylov++) {
        sx_response_opts o = options();
        o.at = (sx_points){ .n = POINTS, .size = N, .x = points };
        o.method = krylov ? SX_RESPONSE_KRYLOV : SX_RESPONSE_DENSE;
        o.subspace = 30;
        o.probes = 5;
        o.max_lag = 2;
        uint64_t first = 0;
        for (int threads = 1; threads <= 4; threads++) {
            sx_ctx *ctx = context(threads);
            sx_model *m = additive(ctx, linear(ctx, N, J, false), 1, &D);
            sx_result *r = run(ctx, m, &o);
            uint64_t h = bits(ctx, r);
            if (threads == 1) first = h;
            assert_true(h == first);
            sx_result_free(ctx, r);
            sx_model_free(ctx, m);
            sx_ctx_free(ctx);
        }
        char dir[] = "/tmp/sx-response-XXXXXX";
        assert_non_null(mkdtemp(dir));
        int stops = 0;
        for (sx_status s = SX_STOPPED; s != SX_OK; stops += s != SX_OK) {
            interrupt stop = { 0, 1 + stops % 3 };
            sx_host host = {
                .struct_size = sizeof host, .threads = 1 + stops % 2, .user = &stop, .cancelled = cancelled
            };
            sx_ctx *ctx = sx_ctx_create(&host);
            sx_model *m = additive(ctx, linear(ctx, N, J, false), 1, &D);
            sx_result *r = NULL;
            OK(ctx, sx_result_create(ctx, NULL, &r));
            sx_checkpoints c = { .struct_size = sizeof c, .directory = dir, .hash = 7, .resume = true, .interval = 0 };
            s = sx_task_run(ctx, &sx_response_task, m, &o, sx_key_seed(1), "response", &c, r);
            OK(ctx, s);
            if (s == SX_OK) assert_true(bits(ctx, r) == first);
            sx_result_free(ctx, r);
            sx_model_free(ctx, m);
            assert_int_equal(sx_ctx_bytes(ctx), 0);
            sx_ctx_free(ctx);
            assert_true(stops < 1000);
        }
        print_message("%d interruptions\n", stops);
        assert_true(stops >= 4);
        DIR *d = opendir(dir);
        char path[512];
        for (struct dirent *e; (e = readdir(d));) {
            snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
            if (e->d_name[0] != '.') unlink(path);
        }
        closedir(d);
        rmdir(dir);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_dense), cmocka_unit_test(test_whole_space), cmocka_unit_test(test_ring),
        cmocka_unit_test(test_equilibrium),   cmocka_unit_test(test_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
