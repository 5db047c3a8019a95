// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The task `response` with dense matrices: closed forms, identities between its outputs, several points, refusals. */
#include "response_testing.h"

#include "core/cmplx.h"

/* T8 (i) of the theory: J = -[[1, k], [0, 2]], D = 1: C = [[1 + k^2/6, -k/6], [., 1/2]], Q12 = -k/3, entropy production k^2/3. */
static void test_shear(void **state) {
    (void)state;
    sx_ctx *ctx = context(1);
    for (int i = 0; i < 3; i++) {
        double k = i == 0 ? 0.0 : i == 1 ? 1.5 : 40.0, J[4] = { -1, -k, 0, -2 }, D = 1;
        sx_model *m = additive(ctx, linear(ctx, 2, J, false), 1, &D);
        sx_response_opts o = options();
        o.frequencies = 3;
        o.frequency_max = 1;
        o.spacing = 1;
        o.max_lag = 1;
        o.lags = 4;
        sx_result *r = run(ctx, m, &o);
        double size = 1 + k * k / 6;
        NEAR(get(ctx, r, "covariance", 0), 1 + k * k / 6, 1e-13 * size);
        NEAR(get(ctx, r, "covariance", 1), -k / 6, 1e-13 * size);
        NEAR(get(ctx, r, "covariance", 2), -k / 6, 1e-13 * size);
        NEAR(get(ctx, r, "covariance", 3), 0.5, 1e-13 * size);
        NEAR(get(ctx, r, "circulation", 1), -k / 3, 1e-12 * size);
        NEAR(get(ctx, r, "circulation", 2), k / 3, 1e-12 * size);
        NEAR(get(ctx, r, "circulation", 0), 0, 1e-13 * size);
        NEAR(get(ctx, r, "entropy_production", 0), k * k / 3, 1e-12 * size);
        NEAR(get(ctx, r, "fdt_violation", 0), k / 3, 1e-12 * size); /* sqrt 2 k/3 over sqrt 2 */
        assert_true(get(ctx, r, "covariance_residual", 0) < 1e-13 * size);
        NEAR(get(ctx, r, "slowest_rate", 0), 1, 1e-13);
        NEAR(get(ctx, r, "speed", 0), 0, 0);
        NEAR(get(ctx, r, "static_susceptibility", 0), 1, 1e-14);
        NEAR(get(ctx, r, "static_susceptibility", 1), -k / 2, 1e-13 * size);
        NEAR(get(ctx, r, "static_susceptibility", 3), 0.5, 1e-14);
        for (int f = 0; f < 3; f++) { /* H = [[1/(1-iw), -k/((1-iw)(2-iw))], [0, 1/(2-iw)]] */
            double w = 2 * pi * f / 2.0;
            double complex a = 1 / CMPLX(1, -w), b = 1 / CMPLX(2, -w), h[4] = { a, -k * a * b, 0, b };
            for (int q = 0; q < 4; q++) {
                NEAR(get(ctx, r, "susceptibility", (f * 4 + q) * 2), creal(h[q]), 1e-13 * size);
                NEAR(get(ctx, r, "susceptibility", (f * 4 + q) * 2 + 1), cimag(h[q]), 1e-13 * size);
                double complex S = 2 * (h[q / 2 * 2] * conj(h[q % 2 * 2]) + h[q / 2 * 2 + 1] * conj(h[q % 2 * 2 + 1]));
                NEAR(get(ctx, r, "csd", (f * 4 + q) * 2), creal(S), 1e-12 * size);
                NEAR(get(ctx, r, "csd", (f * 4 + q) * 2 + 1), cimag(S), 1e-12 * size);
            }
            NEAR(get(ctx, r, "psd", f * 2), get(ctx, r, "csd", f * 8), 1e-12 * size);
            /* unit 0: S - 2 Im H_00 / w = 2 k^2 / |(1-iw)(2-iw)|^2; unit 1 sees no violation. w = 0 too */
            NEAR(get(ctx, r, "fdt_violation_psd", f * 2), 2 * k * k / ((1 + w * w) * (4 + w * w)), 1e-12 * size);
            NEAR(get(ctx, r, "fdt_violation_psd", f * 2 + 1), 0, 1e-13);
        }
        for (int l = 0; l < 5; l++) { /* e^{Jt} = [[e^-t, -k (e^-t - e^-2t)], [0, e^-2t]] */
            double t = l / 4.0, e[4] = { exp(-t), -k * (exp(-t) - exp(-2 * t)), 0, exp(-2 * t) };
            NEAR(get(ctx, r, "lag", l), t, 1e-15);
            for (int q = 0; q < 4; q++) NEAR(get(ctx, r, "response", l * 4 + q), e[q], 1e-13 * size);
            NEAR(get(ctx, r, "lagged_covariance", l * 4), e[0] * (1 + k * k / 6) - e[1] * k / 6, 1e-12 * size);
        }
        sx_result_free(ctx, r);
        sx_model_free(ctx, m);
    }
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* T8 (ii): H = diag(1, 9), J = -(1 + A) H, A = w [[0, 1], [-1, 0]], D = T: C = T/H for all w, defective at w = 4/3 (both rates 5). Q = -T A,
 * so the entropy production is -tr(D^-1 J Q) = -tr((1 + A) H A) = w^2 tr H = 10 w^2. T8 (iii): G = H: every rate is 1. */
static void test_equal_covariance(void **state) {
    (void)state;
    sx_ctx *ctx = context(1);
    static const double strength[] = { 0, 0.5, 4.0 / 3, 30 };
    for (int i = 0; i < 4; i++) {
        double w = strength[i], T = 0.7, J[4] = { -1, -9 * w, w, -9 };
        sx_model *m = additive(ctx, linear(ctx, 2, J, false), 1, &T);
        sx_response_opts o = options();
        o.frequencies = 0;
        sx_result *r = run(ctx, m, &o);
        NEAR(get(ctx, r, "covariance", 0), T, 1e-12 * (1 + w));
        NEAR(get(ctx, r, "covariance", 1), 0, 1e-12 * (1 + w));
        NEAR(get(ctx, r, "covariance", 3), T / 9, 1e-12 * (1 + w));
        NEAR(get(ctx, r, "circulation", 1), -T * w, 1e-12 * (1 + w));
        NEAR(get(ctx, r, "entropy_production", 0), 10 * w * w, 1e-11 * (1 + w * w));
        NEAR(get(ctx, r, "slowest_rate", 0), 5 - sqrt(fmax(0, 25 - 9 * (1 + w * w))), i == 2 ? 1e-6 : 1e-12);
        assert_false(has(r, "psd") || has(r, "frequency") || has(r, "response"));
        sx_result_free(ctx, r);
        sx_model_free(ctx, m);
    }
    double h[2] = { 1, 9 }, T = 0.7;
    sx_composed_opts c = SX_COMPOSED_OPTS;
    sx_model *bare = NULL;
    sx_noise *noise = NULL;
    sx_fields_default(sx_composed_fields, &c);
    c.struct_size = sizeof c;
    c.potential = SX_POTENTIAL_QUADRATIC;
    c.metric = SX_METRIC_DIAGONAL;
    c.a = c.metric_values = (sx_values){ 2, h };
    OK(ctx, sx_composed_create(ctx, &c, NULL, NULL, NULL, &bare));
    OK(ctx, sx_noise_thermal(ctx, bare, T, &noise));
    sx_model *m = with(ctx, bare, noise);
    sx_response_opts o = options();
    sx_result *r = run(ctx, m, &o);
    NEAR(get(ctx, r, "slowest_rate", 0), 1, 1e-14);
    NEAR(get(ctx, r, "covariance", 3), T / 9, 1e-14);
    NEAR(get(ctx, r, "entropy_production", 0), 0, 1e-14);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* T15 at a nonlinear minimum with thermal noise: double wells coupled by nothing but a curved metric, G = 1/(1 + x^2), at x = (1, 1, -1, 1): H = 2,
 * G^-1 = 2, so J = -4, D = 2 T, C = T/2. Then J C + D = 0, R D = -dC/dt, no spectrum of violation. A flow -omega A grad Phi keeps C and
 * makes entropy: J = -(G^-1 + omega A) H, Q = -omega T A, entropy production -tr(D^-1 J Q) = 2 omega^2 for each pair. */
static void test_equilibrium(void **state) {
    (void)state;
    enum { N = 4 };
    sx_ctx *ctx = context(1);
    static const double x[N] = { 1, 1, -1, 1 };
    for (int driven = 0; driven < 2; driven++) {
        double T = 0.3, omega = 1.7;
        sx_composed_opts c = SX_COMPOSED_OPTS;
        sx_model *bare = NULL;
        sx_noise *noise = NULL;
        double a = -1;
        sx_fields_default(sx_composed_fields, &c);
        c.struct_size = sizeof c;
        c.n = N;
        c.potential = SX_POTENTIAL_QUARTIC;
        c.a = (sx_values){ 1, &a };
        c.metric = SX_METRIC_LORENTZIAN;
        if (driven) {
            c.flow = SX_FLOW_GRADIENT;
            c.omega = omega;
        }
        OK(ctx, sx_composed_create(ctx, &c, NULL, NULL, NULL, &bare));
        OK(ctx, sx_noise_thermal(ctx, bare, T, &noise));
        sx_model *m = with(ctx, bare, noise);
        sx_response_opts o = options();
        o.at = (sx_points){ .n = 1, .size = N, .x = x };
        o.max_lag = 2;
        o.lags = 400;
        sx_result *r = run(ctx, m, &o);
        double *C = all(ctx, r, "covariance", NULL), *R = all(ctx, r, "response", NULL),
               *L = all(ctx, r, "lagged_covariance", NULL), *violation = all(ctx, r, "fdt_violation_psd", NULL),
               *psd = all(ctx, r, "psd", NULL);
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++) NEAR(C[i * N + j], i == j ? T / 2 : 0, 1e-14);
        assert_true(has(r, "fdt_violation"));
        if (!driven) {
            assert_true(get(ctx, r, "fdt_violation", 0) < 1e-12);
            NEAR(get(ctx, r, "entropy_production", 0), 0, 1e-12);
            for (int l = 1; l < 400;
                 l++) /* R D = -dC/dt: against the derivative of the cubic through four lags, h^4 errors 6e-9 */
                for (int q = 0; q < N * N; q++) {
                    double slope = l < 2 || l > 398 ? -2 * T * R[l * N * N + q]
                                                    : (L[(l - 2) * N * N + q] - 8 * L[(l - 1) * N * N + q] +
                                                       8 * L[(l + 1) * N * N + q] - L[(l + 2) * N * N + q]) /
                                                          (12 * 2.0 / 400);
                    NEAR(2 * T * R[l * N * N + q], -slope, 1e-7);
                    /* and exactly: C(t) = e^{-4t} T/2, R(t) = e^{-4t} */
                    NEAR(-4 * L[l * N * N + q], -2 * T * R[l * N * N + q], 1e-12);
                }
            for (int k = 0; k < 201 * N; k++) assert_true(fabs(violation[k]) < 1e-10 * psd[k]);
        } else {
            assert_true(get(ctx, r, "fdt_violation", 0) > 0.1);
            NEAR(get(ctx, r, "entropy_production", 0), 2 * 2 * omega * omega, 1e-11);
        }
        free(C), free(R), free(L), free(violation), free(psd);
        sx_result_free(ctx, r);
        sx_model_free(ctx, m);
    }
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* A fixed non-normal matrix of 5 units, stable, with a full noise factor of rank 3. */
enum { FIVE = 5, RANK = 3 };
static const double J5[FIVE * FIVE] = { -1.0, 0.8, -0.3, 0.0,  0.2, -0.5, -0.7, 0.4, 0.1,  0.0, 0.9,  0.2, -1.5,
                                        0.6,  0.3, 0.0,  -0.4, 0.2, -0.9, 1.1,  0.3, -0.2, 0.1, -0.6, -0.8 };
static const double B5[FIVE * RANK] = { 0.5, 0.1, 0, 0, 0.7, -0.2, 0.3, 0, 0.4, 0, 0.2, 0.6, -0.4, 0, 0.3 };

static sx_model *five(sx_ctx *ctx) {
    sx_noise *noise = NULL;
    OK(ctx, sx_noise_additive_factor(ctx, FIVE, RANK, B5, &noise));
    return with(ctx, linear(ctx, FIVE, J5, false), noise);
}

/* variance = int S df: the trapezoidal rule in log f is exact to rounding beyond the ends, which hold 2e-8 of it. Cross spectra likewise: the
 * covariance is the integral of Re S_ij. Harada and Sasa (Phys. Rev. Lett. 95, 130602 (2005)): the entropy production is
 * sum_i int w^2 (S_ii - 2 Im (H D)_ii / w) df / D_i for diagonal D. */
static void test_integrals(void **state) {
    (void)state;
    sx_ctx *ctx = context(2);
    double D[FIVE] = { 0.5, 1, 0.2, 0.7, 0.3 };
    for (int diagonal = 0; diagonal < 2; diagonal++) {
        sx_model *m = diagonal ? additive(ctx, linear(ctx, FIVE, J5, false), FIVE, D) : five(ctx);
        sx_response_opts o = options();
        o.frequencies = 2001;
        o.frequency_min = 1e-8;
        o.frequency_max = 1e8;
        sx_result *r = run(ctx, m, &o);
        double *f = all(ctx, r, "frequency", NULL), *C = all(ctx, r, "covariance", NULL), *S = all(ctx, r, "csd", NULL),
               *V = all(ctx, r, "fdt_violation_psd", NULL), *psd = all(ctx, r, "psd", NULL), sum[FIVE * FIVE] = { 0 },
               sigma = 0;
        double step = log(1e16) / 2000;
        for (int k = 0; k < 2001; k++) {
            double w = 2 * pi * f[k];
            for (int q = 0; q < FIVE * FIVE; q++)
                sum[q] += 2 * step * f[k] * S[(k * FIVE * FIVE + q) * 2]; /* both signs of f */
            /* beyond 1e4 the difference of two spectra, which falls as w^-4, is below their rounding */
            for (int i = 0; i < FIVE && diagonal && f[k] < 1e4; i++)
                sigma += 2 * step * f[k] * w * w * V[k * FIVE + i] / D[i];
            for (int i = 0; i < FIVE; i++)
                NEAR(psd[k * FIVE + i], S[(k * FIVE * FIVE + i * (FIVE + 1)) * 2], 1e-12 * psd[k * FIVE + i]);
        }
        for (int q = 0; q < FIVE * FIVE; q++) NEAR(sum[q], C[q], 1e-7);
        double entropy = diagonal ? get(ctx, r, "entropy_production", 0) : 0;
        print_message("entropy production %.6f, by Harada and Sasa %.6f\n", entropy, sigma);
        if (diagonal) NEAR(sigma, entropy, 1e-3 * entropy);
        free(f), free(C), free(S), free(V), free(psd);
        sx_result_free(ctx, r);
        sx_model_free(ctx, m);
    }
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* S_ij(w) = int <x_i(t) x_j(0)> e^{iwt} dt: the Fourier integral (Simpson) of lagged_covariance, with C(-t) = C(t)^T. */
static void test_fourier(void **state) {
    (void)state;
    enum { LAGS = 20000 };
    sx_ctx *ctx = context(1);
    sx_model *m = five(ctx);
    sx_response_opts o = options();
    o.frequencies = 7;
    o.spacing = 1;
    o.frequency_max = 0.6;
    o.max_lag = 100;
    o.lags = LAGS;
    sx_result *r = run(ctx, m, &o);
    double *C = all(ctx, r, "lagged_covariance", NULL), *S = all(ctx, r, "csd", NULL),
           *R = all(ctx, r, "response", NULL), *H = all(ctx, r, "susceptibility", NULL), h = 100.0 / LAGS, worst = 0;
    for (int f = 0; f < 7; f++)
        for (int i = 0; i < FIVE; i++)
            for (int j = 0; j < FIVE; j++) {
                double complex s = 0, response = 0;
                for (int l = 0; l <= LAGS; l++) {
                    double weight = h / 3 * (l == 0 || l == LAGS ? 1 : l % 2 ? 4 : 2);
                    double complex e = cexp(CMPLX(0, 2 * pi * 0.1 * f * l * h));
                    s += weight * (C[(l * FIVE + i) * FIVE + j] * e + C[(l * FIVE + j) * FIVE + i] * conj(e));
                    response += weight * R[(l * FIVE + i) * FIVE + j] * e;
                }
                int64_t at = ((f * FIVE + i) * FIVE + j) * 2;
                worst = fmax(worst, cabs(s - CMPLX(S[at], S[at + 1])));
                worst = fmax(worst, cabs(response - CMPLX(H[at], H[at + 1])));
            }
    print_message("largest difference from the Fourier integral %.2g\n", worst);
    assert_true(worst < 1e-9);
    free(C), free(S), free(R), free(H);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* x <- a x + noise of variance 2 D per step: C = 2D/(1 - a^2), S = 2D/|e^{-iw} - a|^2, H = 1/(e^{-iw} - a), static 1/(1 - a). A rotation by theta with
 * modulus rho: C = 2D/(1 - rho^2), Q = (A C - C A^T)/2 = C rho sin(theta) [[0, -1], [1, 0]], entropy production -tr(D^-1 A Q) = 2 C rho^2 sin^2/D; and that
 * equals the relative entropy of the process and its reverse (checked below from the Gaussian laws themselves). */
static void test_map(void **state) {
    (void)state;
    sx_ctx *ctx = context(1);
    double a = 0.6, D = 0.4;
    sx_model *m = additive(ctx, linear(ctx, 1, &a, true), 1, &D);
    sx_response_opts o = options();
    o.frequencies = 65;
    o.spacing = 1;
    o.max_lag = 3;
    sx_result *r = run(ctx, m, &o);
    double mean = 0;
    NEAR(get(ctx, r, "covariance", 0), 2 * D / (1 - a * a), 1e-14);
    NEAR(get(ctx, r, "static_susceptibility", 0), 1 / (1 - a), 1e-14);
    NEAR(get(ctx, r, "slowest_rate", 0), -log(a), 1e-14);
    for (int f = 0; f < 65; f++) {
        double w = pi * f / 64;
        double complex d = cexp(CMPLX(0, -w)) - a;
        NEAR(get(ctx, r, "frequency", f), f / 128.0, 1e-15);
        NEAR(get(ctx, r, "psd", f), 2 * D / (creal(d) * creal(d) + cimag(d) * cimag(d)), 1e-13);
        NEAR(get(ctx, r, "susceptibility", 2 * f), creal(1 / d), 1e-13);
        NEAR(get(ctx, r, "susceptibility", 2 * f + 1), cimag(1 / d), 1e-13);
        NEAR(get(ctx, r, "fdt_violation_psd", f), 0, 1e-12);                /* one unit is always in equilibrium */
        mean += get(ctx, r, "psd", f) / 64 * (f == 0 || f == 64 ? 0.5 : 1); /* periodic: exact but for a^128 */
    }
    NEAR(mean, 2 * D / (1 - a * a), 1e-13);
    for (int l = 0; l <= 3; l++) {
        NEAR(get(ctx, r, "response", l), pow(a, l), 1e-15);
        NEAR(get(ctx, r, "lagged_covariance", l), pow(a, l) * 2 * D / (1 - a * a), 1e-14);
    }
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);

    double rho = 0.8, theta = 0.7, c = rho * cos(theta), s = rho * sin(theta), A[4] = { c, -s, s, c };
    m = additive(ctx, linear(ctx, 2, A, true), 1, &D);
    r = run(ctx, m, &o);
    double C = 2 * D / (1 - rho * rho);
    NEAR(get(ctx, r, "covariance", 0), C, 1e-14);
    NEAR(get(ctx, r, "circulation", 1), -C * s, 1e-14);
    /* KL rate = <ln p(x'|x) - ln p_reverse(x'|x)> with the same noise and A^T for A: <|x' - A^T x|^2 - |x' - A x|^2> / (4 D) = |A - A^T|^2 C / (4 D) */
    NEAR(get(ctx, r, "entropy_production", 0), 8 * s * s * C / (4 * D), 1e-13);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* Noises: multiplicative and thermal at their value at the point, coloured in both halves of its state, none. */
static void test_noises(void **state) {
    (void)state;
    sx_ctx *ctx = context(1);
    double J[4] = { -1, 0.4, -0.3, -2 }, s = 0.6, x[2] = { 0, 0 };
    sx_noise *noise = NULL;
    sx_response_opts o = options();
    o.at = (sx_points){ .n = 1, .size = 2, .x = x };
    /* sigma = 0.6 (2 + 0.5 x): D = 0.72 at the origin */
    OK(ctx, sx_noise_multiplicative(ctx, 2, SX_AMPLITUDE_LINEAR, (sx_values){ 1, &s }, 2, 0.5, &noise));
    sx_model *m = with(ctx, linear(ctx, 2, J, false), noise);
    sx_result *r = run(ctx, m, &o);
    double D = 0.72, C[3];
    /* J C + C J^T + 2 D = 0 by hand: unknowns C00, C01, C11 by Cramer */
    double a = J[0], b = J[1], c = J[2], d = J[3], det = (a + d) * (a * d - b * c);
    C[0] = -D * (d * d + a * d - b * c + b * b) / det;
    C[1] = D * (b * a + c * d) / det;
    C[2] = -D * (a * a + a * d - b * c + c * c) / det;
    NEAR(get(ctx, r, "covariance", 0), C[0], 1e-14);
    NEAR(get(ctx, r, "covariance", 1), C[1], 1e-14);
    NEAR(get(ctx, r, "covariance", 3), C[2], 1e-14);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
    /* x' = -k x + eta, <eta eta> = (D/tau) e^{-|t|/tau}: variance D / (k (1 + k tau)), S = 2 D / ((k^2 + w^2)(1 + w^2 tau^2)). Q has an entry
     * in the noise-free row: no entropy production, said in words. */
    double k = -1.5, tau = 0.8, one = 1;
    sx_model *bare = linear(ctx, 1, &k, false);
    OK(ctx, sx_noise_additive(ctx, 1, (sx_values){ 1, &one }, &noise));
    OK(ctx, sx_model_with_coloured_noise(ctx, bare, noise, tau, &m));
    sx_noise_free(ctx, noise);
    sx_model_free(ctx, bare);
    o.frequencies = 2;
    o.frequency_min = 0.1;
    o.frequency_max = 1;
    r = run(ctx, m, &o);
    NEAR(get(ctx, r, "covariance", 0), 1 / (1.5 * (1 + 1.5 * tau)), 1e-14);
    NEAR(get(ctx, r, "covariance", 3), 1 / tau, 1e-14);
    for (int f = 0; f < 2; f++) {
        double w = 2 * pi * (f ? 1 : 0.1);
        NEAR(get(ctx, r, "psd", f * 2), 2 / ((2.25 + w * w) * (1 + w * w * tau * tau)), 1e-13);
    }
    assert_false(has(r, "entropy_production"));
    assert_int_equal(warnings_with(r, "entropy production"), 1);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
    /* no noise: responses only */
    m = linear(ctx, 2, J, false);
    r = run(ctx, m, &o);
    assert_true(has(r, "susceptibility") && has(r, "static_susceptibility") && !has(r, "covariance") && !has(r, "psd"));
    assert_int_equal(warnings_with(r, "no noise"), 1);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
    /* noise whose amplitude vanishes at the point: nothing fluctuates */
    OK(ctx, sx_noise_multiplicative(ctx, 2, SX_AMPLITUDE_LINEAR, (sx_values){ 1, &s }, 0, 1, &noise));
    m = with(ctx, linear(ctx, 2, J, false), noise);
    r = run(ctx, m, &o);
    NEAR(get(ctx, r, "covariance", 0), 0, 0);
    NEAR(get(ctx, r, "psd", 0), 0, 0);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* Double wells at three points: two minima and the saddle between them, which is refused alone; a point that is none is named. */
static void test_points(void **state) {
    (void)state;
    sx_ctx *ctx = context(3);
    double a = -1, D = 0.05, x[8] = { -1, 1, 0, 1, 1, 1, 0.9, 1 };
    sx_composed_opts c = SX_COMPOSED_OPTS;
    sx_model *bare = NULL;
    sx_fields_default(sx_composed_fields, &c);
    c.struct_size = sizeof c;
    c.n = 2;
    c.potential = SX_POTENTIAL_QUARTIC;
    c.a = (sx_values){ 1, &a };
    OK(ctx, sx_composed_create(ctx, &c, NULL, NULL, NULL, &bare));
    sx_model *m = additive(ctx, bare, 1, &D);
    sx_response_opts o = options();
    int64_t units[1] = { 1 };
    o.at = (sx_points){ .n = 4, .size = 2, .x = x };
    o.units = (sx_units){ 1, units };
    o.frequencies = 3;
    sx_result *r = run(ctx, m, &o);
    int64_t count;
    double *C = all(ctx, r, "covariance", &count);
    assert_int_equal(count, 16);
    for (int p = 0; p < 4; p++) {
        NEAR(get(ctx, r, "stable", p), p != 1, 0);
        NEAR(get(ctx, r, "x", p * 2), x[p * 2], 0);
        for (int q = 0; q < 4 && p == 1; q++) assert_true(isnan(C[p * 4 + q]));
        if (p != 1) NEAR(C[p * 4], D / (3 * x[p * 2] * x[p * 2] - 1), 1e-14);
    }
    NEAR(get(ctx, r, "slowest_rate", 1), -1, 1e-14);
    NEAR(get(ctx, r, "speed", 3), 0.9 - 0.729, 1e-15);
    assert_int_equal(warnings_with(r, "point 1 is not stable"), 1);
    assert_int_equal(warnings_with(r, "point 3 is not a fixed point"), 1);
    assert_int_equal(sx_result_warnings(r), 2);
    int64_t shape[8];
    const char *dims[8];
    assert_int_equal(sx_result_shape(r, sx_result_find(r, "response", "csd"), shape, dims), 5);
    assert_string_equal(dims[0], "point");
    assert_string_equal(dims[2], "observed_unit");
    assert_string_equal(sx_result_text(r, sx_result_find(r, "response", "observed_unit_label"), 0), "x[1]");
    free(C);
    sx_result_free(ctx, r);
    o.at = (sx_points){ .n = 1, .size = 2, .x = x + 2 }; /* only the saddle */
    r = run(ctx, m, &o);
    assert_true(has(r, "stable") && !has(r, "covariance") && !has(r, "psd"));
    assert_int_equal(warnings_with(r, "not stable"), 1);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

static void refused(sx_ctx *ctx, const sx_model *m, const sx_response_opts *o, sx_status want, const char *words) {
    sx_plan plan;
    sx_status s = sx_task_plan(ctx, &sx_response_task, m, o, "response", &plan);
    if (s != want || !strstr(sx_ctx_message(ctx), words))
        fail_msg("status %d, want %d and '%s': %s", s, want, words, sx_ctx_message(ctx));
    sx_ctx_clear(ctx);
}

static void test_refusals(void **state) {
    (void)state;
    sx_ctx *ctx = context(1);
    sx_model *m = five(ctx);
    sx_response_opts o = options();
    int64_t bad[2] = { 0, 5 }, twice[2] = { 1, 1 };
    double x[4] = { 0 };
    o.units = (sx_units){ 2, bad };
    refused(ctx, m, &o, SX_E_USAGE, "unit 5: the model has units 0 to 4");
    o.units.index = twice;
    refused(ctx, m, &o, SX_E_USAGE, "unit 1 is given twice");
    o = options();
    o.at = (sx_points){ .n = 1, .size = 4, .x = x };
    refused(ctx, m, &o, SX_E_USAGE, "response.at: points of 4 numbers");
    o = options();
    o.frequency_min = 2;
    o.frequency_max = 1;
    refused(ctx, m, &o, SX_E_USAGE, "frequency_min = 2: want less than frequency_max = 1");
    o = options();
    o.frequencies = -1;
    refused(ctx, m, &o, SX_E_USAGE, "response.frequencies = -1");
    o = options();
    o.method = SX_RESPONSE_KRYLOV;
    o.subspace = 7;
    refused(ctx, m, &o, SX_E_USAGE, "subspace = 7: want at least two vectors for each of the 4 units");
    sx_model_free(ctx, m);
    double a = 0.5, D = 1;
    m = additive(ctx, linear(ctx, 1, &a, true), 1, &D);
    o = options();
    o.frequency_max = 0.7;
    refused(ctx, m, &o, SX_E_USAGE, "frequency_max = 0.7: a map has frequencies up to 1/2");
    o = options();
    o.max_lag = 2.5;
    refused(ctx, m, &o, SX_E_USAGE, "max_lag = 2.5: a map wants a whole number");
    sx_model_free(ctx, m);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shear),     cmocka_unit_test(test_equal_covariance), cmocka_unit_test(test_equilibrium),
        cmocka_unit_test(test_integrals), cmocka_unit_test(test_fourier),          cmocka_unit_test(test_map),
        cmocka_unit_test(test_noises),    cmocka_unit_test(test_points),           cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
