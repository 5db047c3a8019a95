// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The law that the steps sample: stationary moments at finite step. Linear models by moment recursion of the steps themselves (no
 * sampling, 1e-12); non-linear ones by simulation against the stationary law of the scheme at that step, from a transfer operator on
 * 300 Chebyshev nodes with 60-point Gauss-Hermite noise (NumPy), stable to 1e-6 in nodes and domain.
 * Mutants that must turn this file red: noise_dt, noise_sqrt2, ito_stratonovich, ito_correction, strat_sign, kinetic_dropped, heun_noise,
 * lm_shared, exact_mean. */
#include "stepper_models.h"

#include <separatrix/models.h>
#include <separatrix/random.h>

/* -- linear: exact --------------------------------------------------------------------------------------------------------- */

/* Stationary covariance of the step of n units with r normals, y' = M y + N n, from impulses; the state y is x, or (x, n_k) for
 * leimkuhler-matthews, whose noise lasts two steps. */
static void stationary(sx_ctx *ctx, rig *g, double *cov) {
    enum { MOST = 6 };
    const int n = (int)sx_model_n(g->m), r = (int)sx_stepper_normals(g->s), b = n + 2 * r;
    const bool two = sx_stepper_method(g->s) == SX_METHOD_LEIMKUHLER_MATTHEWS,
               sra = sx_stepper_method(g->s) == SX_METHOD_SRA;
    double x[MOST * 3 * MOST] = { 0 }, n1[MOST * 3 * MOST] = { 0 }, n2[MOST * 3 * MOST] = { 0 };
    assert_true(n <= 2 && r <= 2);
    for (int i = 0; i < n; i++) x[i * b + i] = 1;
    for (int k = 0; k < r; k++) {
        n1[k * b + n + k] = 1;
        n2[k * b + n + r + k] = 1;
    }
    const sx_batch v = { x, n, b };
    const sx_cbatch w = { n1, r, b }, z = { n2, r, b };
    OK(sx_stepper_step_with(ctx, g->s, 0, v, w, z, g->w));
    const int size = two ? n + r : n, sources = sra ? 2 * r : r;
    double M[MOST][MOST] = { { 0 } }, N[MOST][MOST] = { { 0 } }, C[MOST][MOST] = { { 0 } };
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) M[i][j] = x[i * b + j];
        for (int k = 0; k < r; k++) {
            if (two) {
                M[i][n + k] = x[i * b + n + k];
                N[i][k] = x[i * b + n + r + k];
            } else {
                N[i][k] = x[i * b + n + k];
                if (sra) N[i][r + k] = x[i * b + n + r + k];
            }
        }
    }
    if (two)
        for (int k = 0; k < r; k++) N[n + k][k] = 1; /* the new normals are kept */
    for (int step = 0; step < 20000; step++) {
        double T[MOST][MOST] = { { 0 } }, change = 0;
        for (int i = 0; i < size; i++)
            for (int j = 0; j < size; j++)
                for (int k = 0; k < size; k++) T[i][j] += M[i][k] * C[k][j];
        for (int i = 0; i < size; i++) {
            for (int j = 0; j < size; j++) {
                double sum = 0;
                for (int k = 0; k < size; k++) sum += T[i][k] * M[j][k];
                for (int k = 0; k < sources; k++) sum += N[i][k] * N[j][k];
                change = fmax(change, fabs(sum - C[i][j]));
                C[i][j] = sum;
            }
        }
        if (change < 1e-16) break;
    }
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) cov[i * n + j] = C[i][j];
}

/* dx = -x dt + sqrt 2 dW (kT = 1). Var = 1/(1 - h/2) for Euler-Maruyama, 2h (1 - h/2)^2 / (1 - (1 - h + h^2/2)^2) for Heun, the same with
 * + h^3/6 in the numerator for SRA, and 1 for any h for Leimkuhler-Matthews and the exact update. */
static void test_ou_variance(void **state) {
    sx_ctx *ctx = *state;
    static const double minus[1] = { -1 }, steps[4] = { 0.4, 0.1, 0.05, 0.025 };
    for (int i = 0; i < 4; i++) {
        const double h = steps[i], a = 1 - h + h * h / 2, q = 2 * h * (1 - h / 2) * (1 - h / 2);
        const struct {
            sx_method method;
            double want;
        } cases[] = {
            { SX_METHOD_EULER_MARUYAMA, 1 / (1 - h / 2) }, { SX_METHOD_MILSTEIN, 1 / (1 - h / 2) },
            { SX_METHOD_HEUN, q / (1 - a * a) },           { SX_METHOD_SRA, (q + h * h * h / 6) / (1 - a * a) },
            { SX_METHOD_LEIMKUHLER_MATTHEWS, 1 },          { SX_METHOD_EXACT, 1 },
        };
        for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
            double cov;
            rig g = rig_create(ctx, with_additive(ctx, linear_model(ctx, SX_FLOW, 1, minus, NULL), 1), cases[k].method,
                               h, 3);
            stationary(ctx, &g, &cov);
            NEAR(cov, cases[k].want, 1e-12);
            if (i == 1 && k == 0) NEAR(cov, 1.0526315789473684, 1e-12);
            if (i == 1 && k == 2) NEAR(cov, 0.9973753, 5e-8);
            rig_free(&g);
        }
    }
}

/* A = [[-1,4],[0,-2]], <xi xi> = 2 I: covariance [[11/3, 2/3], [2/3, 1/2]] exactly; Euler-Maruyama at h = 0.01 from
 * C = (1+hA) C (1+hA)^T + 2h. Also a rank-one source: A C + C A^T + 2 B B^T = 0 with B = (1, 2): C22 = 2, C12 = 4, C11 = 17. */
static void test_network_covariance(void **state) {
    sx_ctx *ctx = *state;
    static const double A[4] = { -1, 4, 0, -2 }, B[2] = { 1, 2 };
    static const double em[4] = { 3.6897251493724, 0.6643617381872, 0.6643617381872, 0.5050505050505 };
    static const double exact[4] = { 11.0 / 3, 2.0 / 3, 2.0 / 3, 0.5 }, one[4] = { 17, 4, 4, 2 };
    static const double steps[3] = { 0.01, 0.3, 7.0 };
    double cov[4];
    rig g = rig_create(ctx, with_additive(ctx, linear_model(ctx, SX_FLOW, 2, A, NULL), 1), SX_METHOD_EULER_MARUYAMA,
                       0.01, 6);
    stationary(ctx, &g, cov);
    for (int i = 0; i < 4; i++) NEAR(cov[i], em[i], 1e-12);
    rig_free(&g);
    for (int k = 0; k < 3; k++) {
        g = rig_create(ctx, with_additive(ctx, linear_model(ctx, SX_FLOW, 2, A, NULL), 1), SX_METHOD_EXACT, steps[k],
                       6);
        stationary(ctx, &g, cov);
        for (int i = 0; i < 4; i++) NEAR(cov[i], exact[i], 1e-12);
        rig_free(&g);
        g = rig_create(ctx, with_factor(ctx, linear_model(ctx, SX_FLOW, 2, A, NULL), 1, B), SX_METHOD_EXACT, steps[k],
                       6);
        stationary(ctx, &g, cov);
        for (int i = 0; i < 4; i++) NEAR(cov[i], one[i], 1e-11);
        rig_free(&g);
    }
    /* leimkuhler-matthews is exact in linear gradient systems, here A = -[[2,1],[1,3]]: C = T H^-1 */
    static const double H[4] = { -2, -1, -1, -3 };
    g = rig_create(ctx, with_additive(ctx, linear_model(ctx, SX_FLOW, 2, H, NULL), 0.5), SX_METHOD_LEIMKUHLER_MATTHEWS,
                   0.25, 6);
    stationary(ctx, &g, cov);
    NEAR(cov[0], 0.5 * 3 / 5, 1e-12);
    NEAR(cov[1], -0.5 / 5, 1e-12);
    NEAR(cov[3], 0.5 * 2 / 5, 1e-12);
    rig_free(&g);
}

/* One exact step: mean e^{Ah} x + A^-1 (e^{Ah} - 1) I and covariance int e^{As} 2D e^{A^T s}, for a rotation A = [[-a, -w], [w, -a]]: e^{Ah} =
 * e^{-ah} R(wh), covariance (1 - e^{-2ah})/a D; and for the integrator x1' = x2, x2' = noise, whose A is singular:
 * covariance 2D [[h^3/3, h^2/2], [h^2/2, h]]. */
static void test_exact_step(void **state) {
    sx_ctx *ctx = *state;
    static const double steps[3] = { 0.01, 0.7, 30 };
    for (int k = 0; k < 3; k++) {
        const double h = steps[k], a = 0.5, o = 3, D = 0.75, A[4] = { -a, -o, o, -a }, input[2] = { 1, -2 };
        const double shift[2] = { (a * 1 - o * -2) / (a * a + o * o),
                                  (o * 1 + a * -2) / (a * a + o * o) }; /* fixed point */
        rig g = rig_create(ctx, with_additive(ctx, linear_model(ctx, SX_FLOW, 2, A, input), D), SX_METHOD_EXACT, h, 4);
        double x[8] = { 1, 0, 0, 0, 0, 1, 0, 0 };
        const double n[8] = { 0, 0, 1, 0, 0, 0, 0, 1 }, e = exp(-a * h), c = cos(o * h), s = sin(o * h);
        const sx_batch v = { x, 2, 4 };
        const sx_cbatch w = { n, 2, 4 }, none = { NULL, 0, 0 };
        OK(sx_stepper_step_with(ctx, g.s, 0, v, w, none, g.w));
        for (int j = 0; j < 2; j++) {
            const double d0 = (j == 0) - shift[0], d1 = (j == 1) - shift[1];
            NEAR(x[j], shift[0] + e * (c * d0 - s * d1), 1e-12);
            NEAR(x[4 + j], shift[1] + e * (s * d0 + c * d1), 1e-12);
        }
        const double zero[2] = { shift[0] - e * (c * shift[0] - s * shift[1]),
                                 shift[1] - e * (s * shift[0] + c * shift[1]) };
        const double variance = -expm1(-2 * a * h) / a * D;
        double L[4] = { x[2] - zero[0], x[3] - zero[0], x[6] - zero[1], x[7] - zero[1] };
        NEAR(L[0] * L[0] + L[1] * L[1], variance, 1e-12 * (1 + variance));
        NEAR(L[0] * L[2] + L[1] * L[3], 0, 1e-12);
        NEAR(L[2] * L[2] + L[3] * L[3], variance, 1e-12 * (1 + variance));
        rig_free(&g);

        static const double chain[4] = { 0, 1, 0, 0 }, push[2] = { 0, 1 };
        g = rig_create(ctx, with_factor(ctx, linear_model(ctx, SX_FLOW, 2, chain, NULL), 1, push), SX_METHOD_EXACT, h,
                       2);
        double y[4] = { 0 };
        const double m[4] = { 1, 0, 0, 1 };
        const sx_batch vy = { y, 2, 2 };
        const sx_cbatch wm = { m, 2, 2 };
        OK(sx_stepper_step_with(ctx, g.s, 0, vy, wm, none, g.w));
        NEAR((y[0] * y[0] + y[1] * y[1]) / (2 * h * h * h / 3), 1, 1e-12);
        NEAR((y[0] * y[2] + y[1] * y[3]) / (h * h), 1, 1e-12);
        NEAR((y[2] * y[2] + y[3] * y[3]) / (2 * h), 1, 1e-12);
        rig_free(&g);
    }
}

/* A network of 136 units, beyond the library's own small products: e^{Ah} x against Dormand-Prince, and the noise factor over a
 * time long after relaxation against its equation A C + C A^T + 2 D = 0. */
static void test_exact_large(void **state) {
    sx_ctx *ctx = *state;
    enum { N = 136 };
    double *W = numbers(ctx, N * N), *x = numbers(ctx, 2 * N), *L = numbers(ctx, N * N), *one = numbers(ctx, N * N),
           *C = numbers(ctx, N * N);
    const double leak = 1, D = 0.5;
    sx_normal_fill(sx_key_seed(7), 0, SX_SLOT_COUPLING, 0, N, N, W);
    for (int i = 0; i < N * N; i++) W[i] *= 0.5 / sqrt((double)N);
    sx_coupling *coupling = NULL;
    sx_model *m = NULL;
    sx_linear_opts o = { .struct_size = sizeof o };
    sx_fields_default(sx_linear_fields, &o);
    o.struct_size = sizeof o;
    o.n = N;
    o.leak = (sx_values){ 1, &leak };
    OK(sx_coupling_dense(ctx, N, N, W, &coupling));
    OK(sx_linear_create(ctx, &o, coupling, NULL, &m));
    sx_coupling_free(ctx, coupling);

    rig flow = rig_create(ctx, sx_model_ref(m), SX_METHOD_DORMAND_PRINCE, 1.5, 1);
    rig exact = rig_create(ctx, sx_model_ref(m), SX_METHOD_EXACT, 1.5, 1);
    for (int i = 0; i < N; i++) x[i] = x[N + i] = cos(i);
    OK(sx_stepper_advance(ctx, flow.s, sx_key_seed(0), 0, 0, 2, 0, (sx_batch){ x, N, 1 }, flow.w));
    OK(sx_stepper_advance(ctx, exact.s, sx_key_seed(0), 0, 0, 2, 0, (sx_batch){ x + N, N, 1 }, exact.w));
    for (int i = 0; i < N; i++) NEAR(x[i], x[N + i], 1e-6);
    rig_free(&flow);
    rig_free(&exact);

    rig g = rig_create(ctx, with_additive(ctx, m, D), SX_METHOD_EXACT, 60, N);
    for (int i = 0; i < N; i++) one[i * N + i] = 1;
    const sx_cbatch none = { NULL, 0, 0 };
    OK(sx_stepper_step_with(ctx, g.s, 0, (sx_batch){ L, N, N }, (sx_cbatch){ one, N, N }, none, g.w));
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++)
            for (int k = 0; k < N; k++) C[i * N + j] += L[i * N + k] * L[j * N + k];
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            double sum = (i == j ? 2 * D : 0) - 2 * leak * C[i * N + j];
            for (int k = 0; k < N; k++) sum += W[i * N + k] * C[k * N + j] + C[i * N + k] * W[j * N + k];
            NEAR(sum, 0, 1e-11);
        }
    }
    rig_free(&g);
    sx_free(ctx, W);
    sx_free(ctx, x);
    sx_free(ctx, L);
    sx_free(ctx, one);
    sx_free(ctx, C);
}

/* Noisy map x' = a x + sqrt(2) B n: Var = 2D/(1 - a^2) per unit. */
static void test_map_variance(void **state) {
    sx_ctx *ctx = *state;
    static const double a[1] = { 0.75 };
    double cov;
    rig g = rig_create(ctx, with_additive(ctx, linear_model(ctx, SX_MAP, 1, a, NULL), 0.25), SX_METHOD_MAP, 1, 3);
    stationary(ctx, &g, &cov);
    NEAR(cov, 0.5 / (1 - 0.5625), 1e-12);
    rig_free(&g);
}

/* -- simulation ------------------------------------------------------------------------------------------------------------ */

enum { BLOCK = 500 };

/* Time averages of x^2 over `samples` samples, one every `every` steps after `burn` steps; mean and standard error over replicas. */
static void simulate(sx_ctx *ctx, sx_model *m, sx_method method, double h, uint64_t seed, int64_t replicas,
                     int64_t burn, int64_t every, int64_t samples, double *mean, double *se) {
    double *x = numbers(ctx, BLOCK), *sum = numbers(ctx, BLOCK), total = 0, square = 0;
    rig g = rig_create(ctx, m, method, h, BLOCK);
    const sx_key key = sx_key_seed(seed);
    const sx_batch v = { x, 1, BLOCK };
    for (int64_t first = 0; first < replicas; first += BLOCK) {
        sx_normal_fill(key, 0, SX_SLOT_INITIAL, first, 1, BLOCK, x);
        for (int r = 0; r < BLOCK; r++) x[r] *= 0.8, sum[r] = 0;
        OK(sx_stepper_advance(ctx, g.s, key, 0, 0, burn, first, v, g.w));
        for (int64_t k = 0; k < samples; k++) {
            OK(sx_stepper_advance(ctx, g.s, key, 0, burn + k * every, every, first, v, g.w));
            for (int r = 0; r < BLOCK; r++) sum[r] += x[r] * x[r] / (double)samples;
        }
        for (int r = 0; r < BLOCK; r++) {
            total += sum[r];
            square += sum[r] * sum[r];
        }
    }
    *mean = total / (double)replicas;
    *se = sqrt((square / (double)replicas - *mean * *mean) / (double)(replicas - 1));
    rig_free(&g);
    sx_free(ctx, x);
    sx_free(ctx, sum);
}

/* V = x^4/4, kT = 1: <x^2> = 2 Gamma(3/4)/Gamma(1/4) = 0.675978240067 plus the bias of the scheme at h. The biases of Euler-Maruyama and
 * Heun are resolved: the unbiased value must lie more than 5 standard errors off. Leimkuhler-Matthews, of second order, must lie as far
 * from Euler-Maruyama's bias at its step. (At h = 0.2 it escapes: steps from |x| > sqrt(2/h) grow.) */
static void test_quartic(void **state) {
    sx_ctx *ctx = *state;
    static const struct {
        sx_method method;
        double h, bias, excluded;
        const char *name;
    } cases[] = {
        { SX_METHOD_EULER_MARUYAMA, 0.1, 1.0899e-2, 0, "quartic, euler-maruyama" },
        { SX_METHOD_HEUN, 0.1, -1.9023e-2, 0, "quartic, heun" },
        { SX_METHOD_LEIMKUHLER_MATTHEWS, 0.125, -1.8337e-3, 1.3e-2, "quartic, leimkuhler-matthews" },
    };
    const double exact = 0.675978240067;
    for (size_t i = 0; i < 3; i++) {
        double mean, se;
        const int64_t every = (int64_t)lround(2 / cases[i].h);
        simulate(ctx, with_additive(ctx, poly_model(ctx, 1, 0, 0, 0, -1), 1), cases[i].method, cases[i].h, 201 + i,
                 12000, 3 * every, every, 50, &mean, &se);
        Z(cases[i].name, mean, se, exact + cases[i].bias);
        assert_true(fabs(mean - exact - cases[i].excluded) > 5 * se);
    }
}

/* Phi = x^2/2 + x^4/40, D = 1: <x^2> = 0.817561403867 (quadrature), 0.821720519 for Euler-Maruyama at h = 0.01. */
static void test_anharmonic(void **state) {
    sx_ctx *ctx = *state;
    double mean, se;
    simulate(ctx, with_additive(ctx, poly_model(ctx, 1, 0, -1, 0, -0.1), 1), SX_METHOD_EULER_MARUYAMA, 0.01, 210, 10000,
             600, 150, 20, &mean, &se);
    Z("anharmonic, euler-maruyama", mean, se, 0.8217205193);
    NEAR(mean, 0.817561403867, 0.0042 + 5 * se);
}

/* Metric G^-1 = D = 1 + x^2, Phi = x^2/2: <x^2> = 1 (kinetic), 0.71537774 (Stratonovich; covariant), 0.52513528 (Ito), here with the bias
 * of each scheme at h = 0.02. */
static void test_calculus(void **state) {
    sx_ctx *ctx = *state;
    static const struct {
        sx_calculus calculus;
        const char *name;
        double exact, want[3]; /* euler-maruyama, milstein, heun */
    } cases[] = {
        { SX_KINETIC, "kinetic", 1, { 0.9989239, 0.9735089, 1.0132785 } },
        { SX_STRATONOVICH, "stratonovich", 0.71537774, { 0.7236032, 0.7044430, 0.7245007 } },
        { SX_ITO, "ito", 0.52513528, { 0.5374207, 0.5244008, 0.5316751 } },
        { SX_COVARIANT, "covariant", 0.71537774, { 0.7236032, 0.7044430, 0.7245007 } },
    };
    static const sx_method methods[3] = { SX_METHOD_EULER_MARUYAMA, SX_METHOD_MILSTEIN, SX_METHOD_HEUN };
    static const char *const names[3] = { "euler-maruyama", "milstein", "heun" };
    for (int i = 0; i < 4; i++) {
        for (int k = 0; k < 3; k++) {
            double mean, se;
            char what[64];
            simulate(ctx, with_lorentz(ctx, poly_model(ctx, 1, 0, -1, 0, -1), cases[i].calculus), methods[k], 0.02,
                     220 + (uint64_t)(3 * i + k), 6000, 300, 50, 16, &mean, &se);
            (void)snprintf(what, sizeof what, "calculus %s, %s", cases[i].name, names[k]);
            Z(what, mean, se, cases[i].want[k]);
            NEAR(mean, cases[i].exact, 0.03 + 5 * se);
            /* the three laws are far apart */
            for (int j = 0; j < 3; j++)
                assert_true(cases[j].exact == cases[i].exact || fabs(mean - cases[j].want[k]) > 10 * se);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ou_variance),  cmocka_unit_test(test_network_covariance),
        cmocka_unit_test(test_exact_step),   cmocka_unit_test(test_exact_large),
        cmocka_unit_test(test_map_variance), cmocka_unit_test(test_quartic),
        cmocka_unit_test(test_anharmonic),   cmocka_unit_test(test_calculus),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
