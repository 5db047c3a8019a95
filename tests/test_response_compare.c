// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* `response` beside `simulate`: the law of the scheme at its step against laws computed here, measurements against both, the choice of the point. */
#include "response_testing.h"

#include "core/linalg.h"
#include "core/stats.h"

enum { N = 6 };
static const double J[N * N] = { -1.0, 0.6,  0.0,  -0.3, 0.2,  0.0,  -0.5, -0.8, 0.3, 0.0,  0.1,  0.2,
                                 0.0,  0.4,  -1.3, 0.5,  0.0,  -0.2, 0.3,  0.0,  0.2, -0.9, 0.4,  0.0,
                                 0.0,  -0.2, 0.0,  0.3,  -1.1, 0.6,  0.1,  0.0,  0.5, 0.0,  -0.4, -0.7 };
static const double D[N] = { 0.5, 0.2, 0.3, 0.6, 0.1, 0.4 };

static sx_simulate_opts simulation(void) {
    sx_simulate_opts o = SX_SIMULATE_OPTS;
    sx_fields_default(sx_simulate_fields, &o);
    o.struct_size = sizeof o;
    o.dt = 0.2;
    o.sample_every = 0.4;
    o.burn_in = 40;
    o.duration = 200;
    o.replicas = 512;
    o.covariance = o.psd = true;
    o.psd_window = 64;
    o.pilot = false;
    o.compare = SX_COMPARE_NONE;
    return o;
}

/* A simulation named "traj", then the response beside it, in one result. */
static sx_result *both(sx_ctx *ctx, const sx_model *m, const sx_simulate_opts *s, sx_response_opts *o) {
    sx_result *r = NULL;
    OK(ctx, sx_result_create(ctx, NULL, &r));
    OK(ctx, sx_task_run(ctx, &sx_simulate_task, m, s, sx_key_derive(sx_key_seed(12), "traj", 0), "traj", NULL, r));
    o->compare = "traj";
    OK(ctx, sx_task_run(ctx, &sx_response_task, m, o, sx_key_seed(1), "response", NULL, r));
    return r;
}

/* C = M C M^T + S by repeated substitution. */
static void fixed_law(int64_t n, const double *M, const double *S, double *C) {
    double T[64], U[64];
    memcpy(C, S, sizeof(double) * (size_t)(n * n));
    for (int k = 0; k < 4000; k++) {
        sx_gemm(false, false, n, n, n, 1, M, n, C, n, 0, T, n);
        sx_gemm(false, true, n, n, n, 1, T, n, M, n, 0, U, n);
        for (int64_t i = 0; i < n * n; i++) C[i] = U[i] + S[i];
    }
}

static double largest_z(sx_ctx *ctx, const sx_result *r, const char *name, int64_t *count, double *mean_square) {
    char se_name[64], theory_name[64];
    snprintf(se_name, sizeof se_name, "%s_se", name);
    snprintf(theory_name, sizeof theory_name, "%s_theory", name);
    double *v = all(ctx, r, name, count), *se = all(ctx, r, se_name, NULL), *theory = all(ctx, r, theory_name, NULL),
           z = 0, sum = 0;
    for (int64_t k = 0; k < *count; k++) {
        double e = (v[k] - theory[k]) / se[k];
        z = fmax(z, fabs(e));
        sum += e * e;
    }
    *mean_square = sum / (double)*count;
    free(v), free(se), free(theory);
    return z;
}

/* Covariance of the 21 estimated covariances, for S samples in each of R replicas of a Gaussian process (Isserlis):
 *     Cov(C_ij, C_kl) = 1/(R S) sum_{|m| < S} (1 - |m|/S) [ C_ik(m) C_jl(m) + C_il(m) C_jk(m) ],   C(m) = P^m C, C(-m) = C(m)^T. */
static double chi_square(const double *M, const double *C, int every, int64_t S, int64_t R, const double *measured) {
    enum { PAIRS = N * (N + 1) / 2 };
    double P[N * N], T[N * N], lag[N * N], sigma[PAIRS * PAIRS] = { 0 }, d[PAIRS], x[PAIRS], chi = 0;
    int a[PAIRS], b[PAIRS], pairs = 0;
    for (int i = 0; i < N; i++)
        for (int j = 0; j <= i; j++) a[pairs] = i, b[pairs++] = j;
    memcpy(P, M, sizeof P);
    for (int k = 1; k < every; k++) {
        sx_gemm(false, false, N, N, N, 1, P, N, M, N, 0, T, N);
        memcpy(P, T, sizeof P);
    }
    memcpy(lag, C, sizeof lag);
    for (int64_t m = 0; m < S && m < 400; m++) {
        double w = (m ? 2 : 1) * (1 - (double)m / (double)S) / (double)(R * S);
        for (int p = 0; p < PAIRS; p++)
            for (int q = 0; q < PAIRS; q++)
                for (int sign = 0; sign < 2; sign++) { /* lags m and -m */
#define C_(u, v) (sign ? lag[(v)*N + (u)] : lag[(u)*N + (v)])
                    sigma[p * PAIRS + q] += w / 2 * (C_(a[p], a[q]) * C_(b[p], b[q]) + C_(a[p], b[q]) * C_(b[p], a[q]));
#undef C_
                }
        sx_gemm(false, false, N, N, N, 1, P, N, lag, N, 0, T, N);
        memcpy(lag, T, sizeof lag);
    }
    sx_ctx *ctx = context(1);
    for (int p = 0; p < PAIRS; p++) d[p] = measured[a[p] * N + b[p]] - C[a[p] * N + b[p]];
    OK(ctx, sx_solve(ctx, PAIRS, 1, sigma, d, x));
    sx_ctx_free(ctx);
    for (int p = 0; p < PAIRS; p++) chi += d[p] * x[p];
    return chi;
}

/* Euler-Maruyama at dt = 0.2: C = M C M^T + 2 dt D, M = 1 + dt J, 10 to 30 % away from the continuum. The largest |z| stays below the
 * Bonferroni quantile of 1e-6, and chi^2 within 5 standard errors of its 21 degrees of freedom. Mutant: response_continuum. */
static void test_network(void **state) {
    (void)state;
    sx_ctx *ctx = context(2);
    sx_model *m = additive(ctx, linear(ctx, N, J, false), N, D);
    sx_simulate_opts s = simulation();
    s.method = SX_METHOD_EULER_MARUYAMA;
    sx_response_opts o = options();
    sx_result *r = both(ctx, m, &s, &o);
    double M[N * N], S[N * N] = { 0 }, C[N * N], z, mean;
    int64_t count;
    for (int k = 0; k < N * N; k++) M[k] = (k % (N + 1) == 0) + s.dt * J[k];
    for (int i = 0; i < N; i++) S[i * (N + 1)] = 2 * s.dt * D[i];
    fixed_law(N, M, S, C);
    double *theory = all(ctx, r, "covariance_measured_theory", NULL),
           *measured = all(ctx, r, "covariance_measured", NULL);
    for (int k = 0; k < N * N; k++) NEAR(theory[k], C[k], 1e-12);
    for (int u = 0; u < N; u++) NEAR(get(ctx, r, "variance_measured_theory", u), C[u * (N + 1)], 1e-12);
    z = largest_z(ctx, r, "covariance_measured", &count, &mean);
    NEAR(z, get(ctx, r, "covariance_measured_z", 0), 0);
    double chi = chi_square(M, C, 2, 500, 512, measured), far = 0;
    print_message("covariances: largest |z| %.2f, chi^2 %.1f of 21 +- %.1f\n", z, chi, sqrt(42));
    assert_true(sx_normal_p(z) * 21 > 1e-6);
    assert_true(fabs(chi - 21) < 5 * sqrt(42));
    for (int k = 0; k < N * N; k++)
        far = fmax(far, fabs(measured[k] - get(ctx, r, "covariance", k)) / get(ctx, r, "covariance_measured_se", k));
    print_message("covariances against the continuum: largest |z| %.1f\n", far);
    assert_true(far > 20); /* it can tell the scheme from the continuum */
    z = largest_z(ctx, r, "psd_measured", &count, &mean);
    assert_int_equal(count, 33 * N);
    print_message("spectra: largest |z| of %d %.2f, mean z^2 %.2f\n", (int)count, z, mean);
    assert_true(sx_normal_p(z) * (double)count > 1e-6);
    assert_true(fabs(mean - 1) <
                5 * sqrt(2.0 * 3 / (double)count)); /* neighbours are correlated: a third of the values counts */
    NEAR(get(ctx, r, "compared_point", 0), 0, 0);
    int rows = 0;
    for (int i = 0; i < sx_result_verdicts(r); i++) {
        const char *group;
        const sx_verdict *v = sx_result_verdict_at(r, i, &group);
        rows += strcmp(group, "response") == 0 && fabs(v->value - v->theory) < 5.5 * v->se;
    }
    assert_int_equal(rows, N + 2);
    free(theory), free(measured);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* Every scheme: its variance for x' = -x + sqrt(2) xi at step h against the formula of the scheme, and the measured ones against it.
 *     Euler, Milstein: 1/(1 - h/2);   Leimkuhler-Matthews, exact: 1;   Heun: 2h (1 - h/2)^2 / (1 - a^2), a = 1 - h + h^2/2;
 *     SRA1: ((1 - h/2)^2 + h^2/12) 2h / (1 - a^2). A map: 2 D/(1 - a^2). */
static void test_schemes(void **state) {
    (void)state;
    sx_ctx *ctx = context(2);
    double h = 0.5, a = 1 - h + h * h / 2, k = -1, one = 1, half = 0.5;
    struct {
        sx_method method;
        double variance;
    } cases[] = {
        { SX_METHOD_EULER_MARUYAMA, 1 / (1 - h / 2) },
        { SX_METHOD_MILSTEIN, 1 / (1 - h / 2) },
        { SX_METHOD_LEIMKUHLER_MATTHEWS, 1 },
        { SX_METHOD_EXACT, 1 },
        { SX_METHOD_HEUN, 2 * h * (1 - h / 2) * (1 - h / 2) / (1 - a * a) },
        { SX_METHOD_SRA, 2 * h * ((1 - h / 2) * (1 - h / 2) + h * h / 12) / (1 - a * a) },
        { SX_METHOD_MAP, 2 / (1 - 0.25) },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool map = cases[i].method == SX_METHOD_MAP;
        sx_model *m = additive(ctx, linear(ctx, 1, map ? &half : &k, map), 1, &one);
        sx_simulate_opts s = simulation();
        s.method = (int)cases[i].method;
        s.dt = map ? 0 : h;
        s.sample_every = map ? 2 : h;
        s.duration = map ? 0 : 300;
        s.steps = map ? 1200 : 0;
        s.replicas = 256;
        sx_response_opts o = options();
        sx_result *r = both(ctx, m, &s, &o);
        int64_t count;
        double mean, z = largest_z(ctx, r, "psd_measured", &count, &mean), v = get(ctx, r, "variance_measured", 0),
                     se = get(ctx, r, "variance_measured_se", 0);
        NEAR(get(ctx, r, "variance_measured_theory", 0), cases[i].variance, 1e-12);
        print_message("method %d: variance %.4f +- %.4f, law %.4f; spectrum largest |z| %.2f, mean z^2 %.2f\n",
                      cases[i].method, v, se, cases[i].variance, z, mean);
        assert_true(fabs(v - cases[i].variance) < 5 * se);
        assert_true(sx_normal_p(z) * (double)count > 1e-6);
        sx_result_free(ctx, r);
        sx_model_free(ctx, m);
    }
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* Double wells at low temperature with multiplicative noise: fixed points -1 and 1, the run stays in the right one, and that is the point compared with.
 * Noise D(x) = D (1 + x^2)/2 of the quadratic amplitude: D at +-1. */
static void test_wells(void **state) {
    (void)state;
    sx_ctx *ctx = context(2);
    double a = -1, amplitude = sqrt(2e-4), x[3] = { -1, 0, 1 };
    sx_composed_opts c = SX_COMPOSED_OPTS;
    sx_model *bare = NULL;
    sx_noise *noise = NULL;
    sx_fields_default(sx_composed_fields, &c);
    c.struct_size = sizeof c;
    c.n = 1;
    c.potential = SX_POTENTIAL_QUARTIC;
    c.a = (sx_values){ 1, &a };
    OK(ctx, sx_composed_create(ctx, &c, NULL, NULL, NULL, &bare));
    OK(ctx, sx_noise_multiplicative(ctx, 1, SX_AMPLITUDE_QUADRATIC, (sx_values){ 1, &amplitude }, 0, 0, &noise));
    sx_model *m = with(ctx, bare, noise);
    sx_simulate_opts s = simulation();
    double start = 1;
    s.method = SX_METHOD_MILSTEIN;
    s.dt = 0.1;
    s.sample_every = 0.2;
    s.initial = (sx_initial){ .kind = SX_INITIAL_VALUES, .values = { 1, &start } };
    sx_response_opts o = options();
    o.at = (sx_points){ .n = 3, .size = 1, .x = x };
    sx_result *r = both(ctx, m, &s, &o);
    NEAR(get(ctx, r, "compared_point", 0), 2, 0);
    double D1 = 2e-4, want = D1 / 2 / (1 - 0.1 * 2 / 2); /* D = s^2 (1 + x^2)/2; J = -2; Euler's factor at h = 0.1 */
    NEAR(get(ctx, r, "covariance", 2), D1 / 2, 1e-15);
    NEAR(get(ctx, r, "variance_measured_theory", 0), want, 1e-15);
    double v = get(ctx, r, "variance_measured", 0), se = get(ctx, r, "variance_measured_se", 0);
    print_message("variance %.4g +- %.2g, linear theory %.4g\n", v, se, want);
    assert_true(fabs(v - want) < 5 * se + 3 * want * D1); /* beyond linear theory: of relative order D */
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* What cannot be compared is said; a large model has the variances of its chosen units beside the theory. */
static void test_limits(void **state) {
    (void)state;
    sx_ctx *ctx = context(1);
    sx_model *m = additive(ctx, linear(ctx, N, J, false), N, D);
    sx_response_opts o = options();
    o.compare = "nothing";
    sx_result *r = run(ctx, m, &o);
    assert_int_equal(warnings_with(r, "compare = \"nothing\": the result has no such task"), 1);
    sx_result_free(ctx, r);
    sx_simulate_opts s = simulation();
    s.moments = s.covariance = s.psd = false;
    s.duration = 4;
    s.record = (sx_record_opts){ .every = 1, .given = true };
    r = both(ctx, m, &s, &o);
    assert_int_equal(warnings_with(r, "task 'traj' has measured no variances"), 1);
    assert_false(has(r, "psd_measured") || has(r, "covariance_measured"));
    sx_result_free(ctx, r);
    s = simulation();
    s.method = SX_METHOD_EXACT;
    o.method = SX_RESPONSE_KRYLOV;
    o.probes = 2;
    r = both(ctx, m, &s, &o);
    int rows = 0;
    for (int i = 0; i < sx_result_verdicts(r); i++) {
        const sx_verdict *v = sx_result_verdict_at(r, i, NULL);
        rows += fabs(v->value - v->theory) < 5 * v->se;
    }
    assert_int_equal(rows, 4);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_network),
        cmocka_unit_test(test_schemes),
        cmocka_unit_test(test_wells),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
