// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Orders of convergence, as values of the error and not only as slopes. Strong errors: closed forms (linear problems) and an
 * independent NumPy run of 1e5 paths (double well). Deterministic errors: mpmath with 30 digits. CVODE: scipy's Radau.
 * Mutants that must turn this file red: noise_dt, ito_stratonovich, milstein_ito, sra_dz, rk4_time, step_time, dopri_norm. */
#include "stepper_models.h"

#include <separatrix/random.h>

/* -- strong order ---------------------------------------------------------------------------------------------------------- */

enum { COLUMNS = 1000 };

/* Root-mean-square of e over all paths and its standard error, from the second and fourth moments. */
typedef struct rms {
    double n, two, four;
} rms;
static void rms_add(rms *r, int64_t n, const double *x, const double *y) {
    for (int64_t i = 0; i < n; i++) {
        const double e = (x[i] - y[i]) * (x[i] - y[i]);
        r->two += e;
        r->four += e * e;
    }
    r->n += (double)n;
}
static void rms_check(const char *what, rms r, double want, double kurtosis) {
    const double value = sqrt(r.two / r.n), measured = r.four / r.n / (r.two / r.n * (r.two / r.n));
    const double se = 0.5 * want * sqrt((kurtosis - 1) / r.n);
    print_message("    %s: rms error %.6e, exact %.6e, kurtosis %.2f\n", what, value, want, measured);
    Z(what, value * 1e3, se * 1e3, want * 1e3);
}

/* Geometric Brownian motion dx = x dW / 2, x(0) = 1: exact x = exp(W/2 - t/8). Exact errors of the schemes from
 * E[a^2] = 1 + s^2 h (+ s^4 h^2/2), E[a e] the same, E[e^2] = e^{s^2 h}, each to the power N; their kurtosis likewise from
 * E[a^j e^(4-j)] by quadrature (mpmath). */
static void test_strong_gbm(void **state) {
    sx_ctx *ctx = *state;
    static const struct {
        sx_method method;
        int N;
        double want, kurtosis;
    } cases[] = {
        { SX_METHOD_EULER_MARUYAMA, 16, 4.97960196e-2, 15.1667323 },
        { SX_METHOD_EULER_MARUYAMA, 64, 2.50037064e-2, 10.0299696 },
        { SX_METHOD_MILSTEIN, 16, 3.59299401e-3, 27.5084077 },
        { SX_METHOD_MILSTEIN, 64, 9.02204616e-4, 12.8123177 },
    };
    double *x = numbers(ctx, COLUMNS), *W = numbers(ctx, COLUMNS), *n1 = numbers(ctx, COLUMNS);
    for (size_t i = 0; i < 4; i++) {
        const double h = 1.0 / cases[i].N;
        rig g =
            rig_create(ctx, with_gbm(ctx, poly_model(ctx, 1, 0, 0, 0, 0), 0.5, SX_ITO), cases[i].method, h, COLUMNS);
        rms error = { 0, 0, 0 };
        for (int64_t first = 0; first < 100000; first += COLUMNS) {
            const sx_batch v = { x, 1, COLUMNS };
            const sx_cbatch dW = { n1, 1, COLUMNS }, none = { NULL, 0, 0 };
            for (int r = 0; r < COLUMNS; r++) x[r] = 1, W[r] = 0;
            for (int k = 0; k < cases[i].N; k++) {
                sx_normal_fill(sx_key_seed(101), (uint64_t)k, SX_SLOT_DW, first, 1, COLUMNS, n1);
                OK(sx_stepper_step_with(ctx, g.s, k * h, v, dW, none, g.w));
                for (int r = 0; r < COLUMNS; r++) W[r] += sqrt(h) * n1[r];
            }
            for (int r = 0; r < COLUMNS; r++) W[r] = exp(0.5 * W[r] - 0.125);
            rms_add(&error, COLUMNS, x, W);
        }
        rms_check(sx_stepper_name(g.s), error, cases[i].want, cases[i].kurtosis);
        rig_free(&g);
    }
    sx_free(ctx, x);
    sx_free(ctx, W);
    sx_free(ctx, n1);
}

/* Ornstein-Uhlenbeck dx = -x dt + dW, x(0) = 1. The increments dW = sqrt(h) n1, dZ = h^(3/2)/2 (n1 + n2/sqrt 3) and
 * I = int e^{-(h-s)} dW are jointly Gaussian: I = a1 n1 + a2 n2 + a3 n3 with a1 = (1 - e^-h)/sqrt h,
 * Cov(dZ, I) = 1 - (1+h) e^-h, Var I = (1 - e^-2h)/2. So the exact solution x' = e^-h x + I belongs to the same path.
 * Exact errors: the 2 x 2 moment recursion of (scheme, solution) in 50-digit arithmetic. */
static void test_strong_ou(void **state) {
    sx_ctx *ctx = *state;
    static const struct {
        sx_method method;
        int N;
        double want;
    } cases[] = {
        { SX_METHOD_EULER_MARUYAMA, 16, 2.24920995e-2 },
        { SX_METHOD_EULER_MARUYAMA, 64, 5.53022683e-3 },
        { SX_METHOD_HEUN, 16, 1.18676778e-2 },
        { SX_METHOD_HEUN, 64, 2.96583974e-3 },
        { SX_METHOD_SRA, 16, 5.61707708e-4 },
        { SX_METHOD_SRA, 64, 3.42589147e-5 },
    };
    double *x = numbers(ctx, COLUMNS), *y = numbers(ctx, COLUMNS), *n = numbers(ctx, 3 * COLUMNS);
    for (size_t i = 0; i < 6; i++) {
        const double h = 1.0 / cases[i].N, decay = exp(-h);
        const double a1 = -expm1(-h) / sqrt(h), a2 = sqrt(3.0) * (2 * (1 - (1 + h) * decay) / (h * sqrt(h)) - a1);
        const double a3 = sqrt(-0.5 * expm1(-2 * h) - a1 * a1 - a2 * a2);
        rig g = rig_create(ctx, with_additive(ctx, poly_model(ctx, 1, 0, -1, 0, 0), 0.5), cases[i].method, h, COLUMNS);
        rms error = { 0, 0, 0 };
        for (int64_t first = 0; first < 100000; first += COLUMNS) {
            const sx_batch v = { x, 1, COLUMNS };
            const sx_cbatch dW = { n, 1, COLUMNS }, dZ = { n + COLUMNS, 1, COLUMNS };
            for (int r = 0; r < COLUMNS; r++) x[r] = y[r] = 1;
            for (int k = 0; k < cases[i].N; k++) {
                sx_normal_fill(sx_key_seed(102), (uint64_t)k, SX_SLOT_USER, first, 3, COLUMNS, n);
                OK(sx_stepper_step_with(ctx, g.s, k * h, v, dW, dZ, g.w));
                for (int r = 0; r < COLUMNS; r++)
                    y[r] = decay * y[r] + a1 * n[r] + a2 * n[COLUMNS + r] + a3 * n[2 * COLUMNS + r];
            }
            rms_add(&error, COLUMNS, x, y);
        }
        rms_check(sx_stepper_name(g.s), error, cases[i].want, 3);
        rig_free(&g);
    }
    sx_free(ctx, x);
    sx_free(ctx, y);
    sx_free(ctx, n);
}

/* dx1 = dW1, dx2 = x1 dW2 with steps H against Euler with h = H/m on the same path. Per coarse step the difference is the double
 * integral of the fine path, of variance H^2/2 (1 - 1/m), for Euler-Maruyama; Heun adds dW1 dW2/2, which leaves H^2/4. Summed to
 * T = 1: rms^2 = H/2 (1 - 1/m) and H/4, order 1/2 for both; kurtosis 3 + 4/N. */
static void test_levy_area(void **state) {
    sx_ctx *ctx = *state;
    enum { N = 16, FINE = 16, B = COLUMNS };
    const double H = 1.0 / N, h = H / FINE;
    static const sx_method methods[2] = { SX_METHOD_EULER_MARUYAMA, SX_METHOD_HEUN };
    double *x = numbers(ctx, 2 * B), *y = numbers(ctx, 2 * B), *n = numbers(ctx, 2 * B), *sum = numbers(ctx, 2 * B);
    for (int i = 0; i < 2; i++) {
        rig g = rig_create(ctx, with_area(ctx), methods[i], H, B);
        rms error = { 0, 0, 0 };
        for (int64_t first = 0; first < 20000; first += B) {
            const sx_batch v = { x, 2, B };
            const sx_cbatch dW = { sum, 2, B }, none = { NULL, 0, 0 };
            memset(x, 0, 2 * B * sizeof *x);
            memset(y, 0, 2 * B * sizeof *y);
            for (int k = 0; k < N; k++) {
                memset(sum, 0, 2 * B * sizeof *sum);
                for (int j = 0; j < FINE; j++) {
                    sx_normal_fill(sx_key_seed(103), (uint64_t)(k * FINE + j), SX_SLOT_DW, first, 2, B, n);
                    for (int r = 0; r < B; r++) {
                        y[B + r] += y[r] * sqrt(h) * n[B + r];
                        y[r] += sqrt(h) * n[r];
                    }
                    for (int r = 0; r < 2 * B; r++) sum[r] += n[r] / sqrt((double)FINE);
                }
                OK(sx_stepper_step_with(ctx, g.s, k * H, v, dW, none, g.w));
            }
            rms_add(&error, B, x + B, y + B);
        }
        rms_check(sx_stepper_name(g.s), error, i == 0 ? sqrt(H / 2 * (1 - 1.0 / FINE)) : sqrt(H / 4), 3 + 4.0 / N);
        rig_free(&g);
    }
    sx_free(ctx, x);
    sx_free(ctx, y);
    sx_free(ctx, n);
    sx_free(ctx, sum);
}

/* SRA on dx = (x - x^3) dt + dW, x(0) = 0, against itself with h = 2^-10 on the same path (dW and dZ of a coarse step are sums over
 * its fine steps). Predicted: an independent NumPy program, 1e5 paths. Order 1.5: the slope of an order-1 scheme is 1. */
static void test_strong_sra(void **state) {
    sx_ctx *ctx = *state;
    enum { LEVELS = 2, FINE = 1024, M = 10000 };
    static const int N[LEVELS] = { 64, 128 };
    static const double want[LEVELS] = { 5.6994341e-4, 1.90875464e-4 }, want_se[LEVELS] = { 1.71e-6, 4.84e-7 };
    static const double kurtosis[LEVELS] = { 4.62, 3.57 };
    const double h = 1.0 / FINE;
    rms error[LEVELS] = { { 0, 0, 0 } };
    double *x = numbers(ctx, LEVELS * COLUMNS), *y = numbers(ctx, COLUMNS), *n = numbers(ctx, 2 * COLUMNS);
    double *dW = numbers(ctx, LEVELS * COLUMNS), *dZ = numbers(ctx, LEVELS * COLUMNS), *m = numbers(ctx, COLUMNS);
    rig fine = rig_create(ctx, with_additive(ctx, poly_model(ctx, 1, 0, 1, 0, -1), 0.5), SX_METHOD_SRA, h, COLUMNS);
    rig g[LEVELS];
    for (int l = 0; l < LEVELS; l++)
        g[l] = rig_create(ctx, with_additive(ctx, poly_model(ctx, 1, 0, 1, 0, -1), 0.5), SX_METHOD_SRA, 1.0 / N[l],
                          COLUMNS);
    for (int64_t first = 0; first < M; first += COLUMNS) {
        memset(x, 0, LEVELS * COLUMNS * sizeof *x);
        memset(y, 0, COLUMNS * sizeof *y);
        memset(dW, 0, LEVELS * COLUMNS * sizeof *x);
        memset(dZ, 0, LEVELS * COLUMNS * sizeof *x);
        for (int k = 0; k < FINE; k++) {
            sx_normal_fill(sx_key_seed(104), (uint64_t)k, SX_SLOT_DW, first, 2, COLUMNS, n);
            const sx_cbatch n1 = { n, 1, COLUMNS }, n2 = { n + COLUMNS, 1, COLUMNS };
            const sx_batch vy = { y, 1, COLUMNS };
            OK(sx_stepper_step_with(ctx, fine.s, k * h, vy, n1, n2, fine.w));
            for (int l = 0; l < LEVELS; l++) {
                const double H = 1.0 / N[l];
                double *w = dW + l * COLUMNS, *z = dZ + l * COLUMNS;
                for (int r = 0; r < COLUMNS; r++) {
                    z[r] += 0.5 * h * sqrt(h) * (n[r] + n[COLUMNS + r] / sqrt(3.0)) + h * w[r];
                    w[r] += sqrt(h) * n[r];
                }
                if ((k + 1) % (FINE / N[l])) continue;
                for (int r = 0; r < COLUMNS; r++) {
                    w[r] /= sqrt(H);
                    m[r] = sqrt(3.0) * (2 * z[r] / (H * sqrt(H)) - w[r]);
                }
                const sx_cbatch c1 = { w, 1, COLUMNS }, c2 = { m, 1, COLUMNS };
                const sx_batch v = { x + l * COLUMNS, 1, COLUMNS };
                OK(sx_stepper_step_with(ctx, g[l].s, (k + 1) * h - H, v, c1, c2, g[l].w));
                memset(w, 0, COLUMNS * sizeof *w);
                memset(z, 0, COLUMNS * sizeof *z);
            }
        }
        for (int l = 0; l < LEVELS; l++) rms_add(&error[l], COLUMNS, x + l * COLUMNS, y);
    }
    double value[LEVELS];
    for (int l = 0; l < LEVELS; l++) {
        value[l] = sqrt(error[l].two / M);
        Z("sra, double well (errors x 1e4)", 1e4 * value[l],
          1e4 * hypot(0.5 * want[l] * sqrt((kurtosis[l] - 1) / M), want_se[l]), 1e4 * want[l]);
        rig_free(&g[l]);
    }
    NEAR(log2(value[0] / value[1]), 1.578, 0.06);
    rig_free(&fine);
    sx_free(ctx, x);
    sx_free(ctx, y);
    sx_free(ctx, n);
    sx_free(ctx, m);
    sx_free(ctx, dW);
    sx_free(ctx, dZ);
}

/* -- weak order: moment recursions of the steps themselves, no sampling ---------------------------------------------------- */

/* A linear one-unit step x' = a x + c1 n1 + c2 n2, read off by impulses. */
static void impulses(sx_ctx *ctx, rig *g, double *a, double *c1, double *c2) {
    double x[3] = { 1, 0, 0 };
    const double n1[3] = { 0, 1, 0 }, n2[3] = { 0, 0, 1 };
    const sx_batch v = { x, 1, 3 };
    const sx_cbatch w = { n1, 1, 3 }, z = { n2, 1, 3 };
    OK(sx_stepper_step_with(ctx, g->s, 0, v, w, z, g->w));
    *a = x[0];
    *c1 = x[1];
    *c2 = x[2];
}

/* E[x^2](1) - exact for dx = -x dt + dW, x(0) = 1. Closed forms: a = 1 - h, s^2 = h for Euler-Maruyama; a = 1 - h + h^2/2,
 * s^2 = h (1 - h/2)^2 for Heun, + h^3/12 for SRA (mpmath, 50 digits). */
static void test_weak_ou(void **state) {
    sx_ctx *ctx = *state;
    static const struct {
        sx_method method;
        double want[4]; /* h = 2^-2, 2^-4, 2^-6, 2^-8 */
    } cases[] = {
        { SX_METHOD_EULER_MARUYAMA, { 0.046666464827, 0.00981080340282, 0.00235247855034, 0.000582070379861 } },
        { SX_METHOD_MILSTEIN, { 0.046666464827, 0.00981080340282, 0.00235247855034, 0.000582070379861 } },
        { SX_METHOD_HEUN, { -0.00583328259609, -0.000342881812406, -2.10212974015e-5, -1.30725065514e-6 } },
        { SX_METHOD_SRA, { -0.00295534735157, -0.00019310565345, -1.20870755415e-5, -7.55360457673e-7 } },
        { SX_METHOD_EXACT, { 0, 0, 0, 0 } },
    };
    const double exact = exp(-2.0) - 0.5 * expm1(-2.0), minus[1] = { -1 };
    for (size_t i = 0; i < 5; i++) {
        for (int p = 0; p < 4; p++) {
            const int N = 4 << (2 * p);
            sx_model *m = cases[i].method == SX_METHOD_EXACT ? linear_model(ctx, SX_FLOW, 1, minus, NULL)
                                                             : poly_model(ctx, 1, 0, -1, 0, 0);
            rig g = rig_create(ctx, with_additive(ctx, m, 0.5), cases[i].method, 1.0 / N, 3);
            double a, c1, c2, square = 1;
            impulses(ctx, &g, &a, &c1, &c2);
            for (int k = 0; k < N; k++) square = a * a * square + c1 * c1 + c2 * c2;
            NEAR(square - exact, cases[i].want[p], 1e-12);
            rig_free(&g);
        }
    }
}

/* Geometric Brownian motion, dx = mu x dt + s x dW: x' = x (p0 + p1 n + p2 n^2), so E x' = p0 + p2 and E x'^2 = p0^2 + p1^2 + 2 p0 p2 +
 * 3 p2^2 must be 1 + mu h and (1 + mu h)^2 + s^2 h (+ s^4 h^2/2 for Milstein). The Stratonovich reading has the drift
 * mu + s^2/2; Heun's mean is 1 + v + v^2/2 + s^2 h/2 (1 + v)^2 ..., computed below from its polynomial in n. */
static void test_weak_gbm(void **state) {
    sx_ctx *ctx = *state;
    const double h = 0.125, s = 0.75, mu = 0.5;
    for (int strat = 0; strat < 2; strat++) {
        const double v = 1 + (mu + (strat ? 0.5 * s * s : 0)) * h;
        for (int milstein = 0; milstein < 2; milstein++) {
            rig g = rig_create(ctx, with_gbm(ctx, poly_model(ctx, 1, 0, mu, 0, 0), s, strat ? SX_STRATONOVICH : SX_ITO),
                               milstein ? SX_METHOD_MILSTEIN : SX_METHOD_EULER_MARUYAMA, h, 3);
            double x[3] = { 1, 1, 1 };
            const double n[3] = { 0, 1, -1 };
            const sx_batch b = { x, 1, 3 };
            const sx_cbatch w = { n, 1, 3 }, none = { NULL, 0, 0 };
            OK(sx_stepper_step_with(ctx, g.s, 0, b, w, none, g.w));
            const double p0 = x[0], p1 = (x[1] - x[2]) / 2, p2 = (x[1] + x[2]) / 2 - x[0];
            NEAR(p0 + p2, v, 1e-14);
            NEAR(p0 * p0 + p1 * p1 + 2 * p0 * p2 + 3 * p2 * p2,
                 v * v + s * s * h + (milstein ? s * s * s * s * h * h / 2 : 0), 1e-14);
            rig_free(&g);
        }
        /* Heun with the Stratonovich drift k = mu (strat) or mu - s^2/2 (ito), z = k h + s sqrt(h) n: x' = x (1 + z + z^2/2) */
        rig g = rig_create(ctx, with_gbm(ctx, poly_model(ctx, 1, 0, mu, 0, 0), s, strat ? SX_STRATONOVICH : SX_ITO),
                           SX_METHOD_HEUN, h, 3);
        double x[3] = { 1, 1, 1 };
        const double n[3] = { 0, 1, -2 };
        const sx_batch b = { x, 1, 3 };
        const sx_cbatch w = { n, 1, 3 }, none = { NULL, 0, 0 };
        OK(sx_stepper_step_with(ctx, g.s, 0, b, w, none, g.w));
        for (int i = 0; i < 3; i++) {
            const double z = (mu - (strat ? 0 : 0.5 * s * s)) * h + s * sqrt(h) * n[i];
            NEAR(x[i], 1 + z + z * z / 2, 1e-14);
        }
        rig_free(&g);
    }
}

/* -- deterministic orders -------------------------------------------------------------------------------------------------- */

/* x' = x (1 - x), x(0) = 0.1, error at t = 2 with N = 8 ... 128 steps: the same schemes in mpmath with 30 digits. For
 * dormand-prince the tolerance is so loose that every output step is one substep. */
static void test_logistic(void **state) {
    sx_ctx *ctx = *state;
    static const struct {
        sx_method method;
        double order, want[5];
    } cases[] = {
        { SX_METHOD_EULER_MARUYAMA,
          1,
          { -0.03062041099, -0.01551468322, -0.00779743823, -0.003907238049, -0.00195555326 } },
        { SX_METHOD_HEUN, 2, { -0.002133373739, -0.0005705056814, -0.0001475640535, -3.752805191e-5, -9.46293775e-6 } },
        { SX_METHOD_SRA, 2, { -0.001560839247, -0.0004145944096, -0.0001069004544, -2.714536855e-5, -6.839771558e-6 } },
        { SX_METHOD_RK4, 4, { -4.176679104e-6, -2.756102007e-7, -1.770161928e-8, -1.121547564e-9, -7.057661529e-11 } },
        { SX_METHOD_DORMAND_PRINCE,
          5,
          { 2.778764529e-8, 7.311924479e-10, 2.055019087e-11, 6.049934071e-13, 1.831476356e-14 } },
    };
    const double exact = 1 / (1 + 9 * exp(-2.0));
    for (size_t i = 0; i < 5; i++) {
        double error[5];
        for (int p = 0; p < 5; p++) {
            const int N = 8 << p;
            sx_model *m = poly_model(ctx, 1, 0, 1, -1, 0);
            rig g = { ctx, m, NULL, { NULL, 0, NULL, 0 } };
            OK(sx_stepper_create(ctx, m, cases[i].method, 2.0 / N, 1e3, 1e3, &g.s));
            g.w.doubles = sx_stepper_work(g.s, 1);
            OK(sx_alloc(ctx, g.w.doubles, sizeof(double), &g.w.p));
            double x = 0.1;
            const sx_batch v = { &x, 1, 1 };
            OK(sx_stepper_advance(ctx, g.s, sx_key_seed(0), 0, 0, N, 0, v, g.w));
            error[p] = x - exact;
            NEAR(error[p], cases[i].want[p], 1e-9 * fabs(cases[i].want[p]) + 5e-16 + N * 0x1p-54);
            rig_free(&g);
        }
        if (cases[i].order <= 4) NEAR(log2(error[3] / error[4]), cases[i].order, 0.05);
        if (cases[i].order == 5) NEAR(log2(error[1] / error[2]), cases[i].order, 0.2);
    }
}

/* A forced equation: stage times. x' = -2 t x has x = exp(-t^2). */
static void gaussian_rhs(double t, int64_t n, const double *x, double *f) {
    for (int64_t i = 0; i < n; i++) f[i] = -2 * t * x[i];
}
static void gaussian_jac(double t, int64_t n, const double *x, double *J) {
    (void)x;
    memset(J, 0, (size_t)(n * n) * sizeof *J);
    for (int64_t i = 0; i < n; i++) J[i * n + i] = -2 * t;
}
static void test_forced(void **state) {
    sx_ctx *ctx = *state;
    static const sx_method methods[] = { SX_METHOD_HEUN, SX_METHOD_SRA, SX_METHOD_RK4, SX_METHOD_DORMAND_PRINCE,
                                         SX_METHOD_CVODE };
    static const double order[] = { 2, 2, 4 };
    for (size_t i = 0; i < 5; i++) {
        double error[2];
        for (int p = 0; p < 2; p++) {
            test_self self = { .n = 2, .rhs = gaussian_rhs, .jac = gaussian_jac };
            const int N = 64 << p;
            rig g = rig_create(ctx, test_model(ctx, SX_FLOW, &column_ops, &self), methods[i], 1.0 / N, 1);
            double x[2] = { exp(-0.25), 2 * exp(-0.25) };
            const sx_batch v = { x, 2, 1 };
            OK(sx_stepper_advance(ctx, g.s, sx_key_seed(0), 0.25, N / 4, N, 0, v, g.w)); /* from 0.5 to 1.5 */
            error[p] = x[0] - exp(-2.25);
            NEAR(x[1], 2 * x[0], 1e-8);
            rig_free(&g);
        }
        if (i < 3) NEAR(log2(error[0] / error[1]), order[i], 0.1);
        if (i == 3) NEAR(error[0], 0, 1e-9);
        if (i == 4) NEAR(error[0], 0, 1e-6);
    }
}

/* Dormand-Prince: the error follows the tolerance. Logistic equation over one output step of 10. */
static void test_tolerance(void **state) {
    sx_ctx *ctx = *state;
    double last = 0;
    for (int p = 4; p <= 11; p++) {
        const double tol = pow(10, -p);
        sx_model *m = poly_model(ctx, 1, 0, 1, -1, 0);
        rig g = { ctx, m, NULL, { NULL, 0, NULL, 0 } };
        OK(sx_stepper_create(ctx, m, SX_METHOD_DORMAND_PRINCE, 10, tol, tol, &g.s));
        g.w.doubles = sx_stepper_work(g.s, 2);
        OK(sx_alloc(ctx, g.w.doubles, sizeof(double), &g.w.p));
        double x[2] = { 0.01, 0.9 };
        const sx_batch v = { x, 1, 2 };
        OK(sx_stepper_advance(ctx, g.s, sx_key_seed(0), 0, 0, 1, 0, v, g.w));
        const double error = fabs(x[0] - 1 / (1 + 99 * exp(-10.0)));
        print_message("    rtol = atol = %.0e: error %.3e\n", tol, error);
        assert_true(error <= 3 * tol);
        assert_true(p == 4 || error < last);
        assert_true(p < 5 || error >= 1e-4 * tol);
        last = error;
        rig_free(&g);
    }
}

/* -- stiff ----------------------------------------------------------------------------------------------------------------- */

/* Robertson's reaction, rates 0.04, 1e4, 3e7, at t = 40: scipy 1.1x Radau, rtol 1e-12, atol 1e-16, analytic Jacobian (agrees with its
 * BDF to 1e-9). */
static void robertson(double t, int64_t n, const double *y, double *f) {
    (void)t;
    (void)n;
    f[0] = -0.04 * y[0] + 1e4 * y[1] * y[2];
    f[2] = 3e7 * y[1] * y[1];
    f[1] = -f[0] - f[2];
}
static void robertson_jac(double t, int64_t n, const double *y, double *J) {
    (void)t;
    (void)n;
    const double row0[3] = { -0.04, 1e4 * y[2], 1e4 * y[1] }, row2[3] = { 0, 6e7 * y[1], 0 };
    for (int j = 0; j < 3; j++) {
        J[j] = row0[j];
        J[6 + j] = row2[j];
        J[3 + j] = -row0[j] - row2[j];
    }
}
static void test_robertson(void **state) {
    sx_ctx *ctx = *state;
    static const double want[3] = { 0.7158270687194148, 9.185534764558218e-06, 0.28416374574582 };
    for (int derivative = 0; derivative < 2; derivative++) {
        for (int N = 1; N <= 8; N *= 8) {
            sx_model_ops ops = column_ops;
            if (!derivative) ops.jacobian = NULL;
            test_self self = { .n = 3, .rhs = robertson, .jac = robertson_jac };
            sx_model *m = test_model(ctx, SX_FLOW, &ops, &self);
            rig g = { ctx, m, NULL, { NULL, 0, NULL, 0 } };
            OK(sx_stepper_create(ctx, m, SX_METHOD_CVODE, 40.0 / N, 1e-8, 1e-12, &g.s));
            g.w.doubles = sx_stepper_work(g.s, 2);
            OK(sx_alloc(ctx, g.w.doubles, sizeof(double), &g.w.p));
            double x[6] = { 1, 1, 0, 0, 0, 0 };
            const sx_batch v = { x, 3, 2 };
            OK(sx_stepper_advance(ctx, g.s, sx_key_seed(0), 0, 0, N, 0, v, g.w));
            for (int u = 0; u < 3; u++) {
                assert_true(x[2 * u] == x[2 * u + 1]);
                NEAR(x[2 * u], want[u], 100 * (1e-8 * want[u] + 1e-12));
            }
            rig_free(&g);
        }
    }
}

/* Diffusion on a chain of 600 units with absorbing ends, k = 1e4 (fastest rate 4e4): the first mode decays with rate
 * 4 k sin^2(pi/2/(n+1)). Beyond 500 units CVODE takes GMRES with J v. */
static void diffusion(double t, int64_t n, const double *x, double *f) {
    (void)t;
    for (int64_t i = 0; i < n; i++) f[i] = 1e4 * ((i ? x[i - 1] : 0) - 2 * x[i] + (i + 1 < n ? x[i + 1] : 0));
}
static void test_krylov(void **state) {
    sx_ctx *ctx = *state;
    enum { N = 600 };
    const double pi = acos(-1.0), s = sin(pi / 2 / (N + 1)), rate = 4e4 * s * s;
    test_self self = { .n = N, .rhs = diffusion };
    sx_model *m = test_model(ctx, SX_FLOW, &matrix_free_ops, &self);
    rig g = { ctx, m, NULL, { NULL, 0, NULL, 0 } };
    OK(sx_stepper_create(ctx, m, SX_METHOD_CVODE, 1, 1e-7, 1e-9, &g.s));
    g.w.doubles = sx_stepper_work(g.s, 1);
    OK(sx_alloc(ctx, g.w.doubles, sizeof(double), &g.w.p));
    double *x = numbers(ctx, N);
    for (int i = 0; i < N; i++) x[i] = sin(pi * (i + 1) / (N + 1));
    const sx_batch v = { x, N, 1 };
    OK(sx_stepper_advance(ctx, g.s, sx_key_seed(0), 0, 0, 2, 0, v, g.w));
    for (int i = 0; i < N; i++) NEAR(x[i], exp(-2 * rate) * sin(pi * (i + 1) / (N + 1)), 1e-5);
    sx_free(ctx, x);
    rig_free(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strong_gbm), cmocka_unit_test(test_strong_ou), cmocka_unit_test(test_levy_area),
        cmocka_unit_test(test_strong_sra), cmocka_unit_test(test_weak_ou),   cmocka_unit_test(test_weak_gbm),
        cmocka_unit_test(test_logistic),   cmocka_unit_test(test_forced),    cmocka_unit_test(test_tolerance),
        cmocka_unit_test(test_robertson),  cmocka_unit_test(test_krylov),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
