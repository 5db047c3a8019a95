// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Tangents of steps: against eighth-order differences of the step itself at given normals, for every method, class of noise and
 * calculus; the state itself moves bit for bit as the stepper moves it; refusals. The mutant tangent_noise (the
 * derivative of the noise left out) must turn test_state_dependent red. */
#include "stepper_models.h"

#include "run/stepper_tangent.h"

#include <separatrix/models.h>

static const double weights[16] = {
    0.3, 1.2, -0.8, 0.5, -1.1, 0.2, 0.9, -0.4, 0.7, -1.3, -0.1, 1.0, 0.6, 0.8, -0.9, 0.4
};

static sx_coupling *coupling(sx_ctx *ctx, int64_t n) {
    sx_coupling *w = NULL;
    OK(sx_coupling_dense(ctx, n, n, weights, &w));
    return w;
}

static sx_model *rate(sx_ctx *ctx, int64_t n, int form, int time, const sx_input *input) {
    sx_rate_opts o = SX_RATE_OPTS;
    sx_coupling *w = coupling(ctx, n);
    sx_model *m = NULL;
    sx_fields_default(sx_rate_fields, &o);
    o.form = form;
    o.time = time;
    o.gain = 1.7;
    OK(sx_rate_create(ctx, &o, w, NULL, input, NULL, &m));
    sx_coupling_free(ctx, w);
    return m;
}

static sx_model *thermal(sx_ctx *ctx, int metric, sx_calculus calculus) {
    static const double minus_one = -1;
    sx_composed_opts o = SX_COMPOSED_OPTS;
    sx_model *bare = NULL;
    sx_noise *noise = NULL;
    sx_fields_default(sx_composed_fields, &o);
    o.n = 3;
    o.potential = SX_POTENTIAL_QUARTIC;
    o.a = (sx_values){ 1, &minus_one };
    o.metric = metric;
    if (metric == SX_METRIC_RADIAL_TANGENTIAL) {
        o.mu_r = 0.5;
        o.mu_t = 2;
    }
    OK(sx_composed_create(ctx, &o, NULL, NULL, NULL, &bare));
    OK(sx_noise_thermal(ctx, bare, 0.3, &noise));
    return noisy(ctx, bare, noise, calculus);
}

static sx_model *multiplicative(sx_ctx *ctx, sx_model *bare, sx_amplitude shape, sx_calculus calculus) {
    static const double s[4] = { 0.5, 0.8, 0.3, 0.6 };
    sx_noise *noise = NULL;
    OK(sx_noise_multiplicative(ctx, sx_model_n(bare), shape, (sx_values){ sx_model_n(bare), s }, 2.0, 0.7, &noise));
    return noisy(ctx, bare, noise, calculus);
}

/* Points of the state, of the normals and of the directions: nothing special about them. */
static const double start[4] = { 0.4, -0.7, 0.9, 0.25 };
static const double normals1[4] = { 0.8, -1.3, 0.35, 1.9 }, normals2[4] = { -0.6, 0.9, 1.4, -0.2 };
static const double turn[16] = { 1.0, 0.2, 0.1, 0.0, -0.3, 1.0, 0.0, 0.5, 0.2, 0.1, 1.0, -0.4, 0.0, 0.6, 0.3, 1.0 };

/* Largest |DS U - differences| over k columns, relative to the largest entry; m is consumed. */
static double tangent_error(sx_ctx *ctx, sx_model *m, sx_method method, double h, int64_t k, int64_t replica) {
    static const double c[4] = { 4.0 / 5, -1.0 / 5, 4.0 / 105, -1.0 / 280 }; /* Fornberg, Math. Comp. 51 (1988) 699 */
    const double e = 4e-3, t = 0.3;
    rig g = rig_create(ctx, m, method, h, 1);
    const int64_t n = sx_model_n(m), rank = sx_stepper_normals(g.s);
    double x[4], y[4], U[16], error = 0, largest = 0;
    sx_work w = { NULL, sx_tangent_work(g.s, k), NULL, replica };
    OK(sx_alloc(ctx, w.doubles, sizeof(double), &w.p));
    OK(sx_tangent_check(ctx, g.s, "test"));
    g.w.replica0 = replica;
    memcpy(x, start, sizeof x);
    for (int64_t i = 0; i < n; i++)
        for (int64_t r = 0; r < k; r++) U[i * k + r] = turn[i * 4 + r];
    OK(sx_tangent_step_with(ctx, g.s, t, (sx_batch){ x, n, 1 }, (sx_batch){ U, n, k }, normals1, normals2, w));
    const sx_cbatch dW = { normals1, rank, 1 }, dZ = { normals2, rank, 1 };
    memcpy(y, start, sizeof y);
    OK(sx_stepper_step_with(ctx, g.s, t, (sx_batch){ y, n, 1 }, dW, dZ, g.w));
    assert_memory_equal(x, y, (size_t)n * sizeof *x);
    for (int64_t r = 0; r < k; r++) {
        double sum[4] = { 0 };
        for (int l = 1; l <= 4; l++)
            for (int sign = 1; sign >= -1; sign -= 2) {
                for (int64_t i = 0; i < n; i++) y[i] = start[i] + sign * l * e * turn[i * 4 + r];
                OK(sx_stepper_step_with(ctx, g.s, t, (sx_batch){ y, n, 1 }, dW, dZ, g.w));
                for (int64_t i = 0; i < n; i++) sum[i] += sign * c[l - 1] * y[i] / e;
            }
        for (int64_t i = 0; i < n; i++) {
            error = fmax(error, fabs(sum[i] - U[i * k + r]));
            largest = fmax(largest, fabs(sum[i]));
        }
    }
    sx_free(ctx, w.p);
    rig_free(&g);
    return error / largest;
}

#define TANGENT(m, method, tolerance)                                                                                  \
    do {                                                                                                               \
        const double error_ = tangent_error(ctx, m, method, 0.2, 3, 0);                                                \
        if (!(error_ <= (tolerance))) fail_msg("%s, %s: error %.3g", #m, #method, error_);                             \
    } while (0)

/* No noise, additive noise by unit and by matrix: the normals must not matter, the stages must. */
static void test_additive(void **state) {
    sx_ctx *ctx = *state;
    static const double factor[8] = { 0.5, 0, 0.25, 0.75, -0.5, 1, 0.1, 0.2 };
    static const sx_method methods[] = { SX_METHOD_EULER_MARUYAMA, SX_METHOD_HEUN, SX_METHOD_MILSTEIN, SX_METHOD_SRA,
                                         SX_METHOD_LEIMKUHLER_MATTHEWS };
    for (int form = 0; form < 2; form++) {
        for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
            TANGENT(rate(ctx, 4, form, 0, NULL), methods[i], 1e-11);
            TANGENT(with_additive(ctx, rate(ctx, 4, form, 0, NULL), 0.3), methods[i], 1e-11);
            TANGENT(with_factor(ctx, rate(ctx, 4, form, 0, NULL), 2, factor), methods[i], 1e-11);
        }
        TANGENT(rate(ctx, 4, form, 0, NULL), SX_METHOD_RK4, 1e-11);
        TANGENT(rate(ctx, 4, form, 1, NULL), SX_METHOD_MAP, 1e-11);
        TANGENT(with_additive(ctx, rate(ctx, 4, form, 1, NULL), 0.3), SX_METHOD_MAP, 1e-11);
    }
}

/* Diagonal and general noise in every calculus. Where the derivative of the correction comes from differences the bound is theirs. */
static void test_state_dependent(void **state) {
    sx_ctx *ctx = *state;
    static const sx_method methods[] = { SX_METHOD_EULER_MARUYAMA, SX_METHOD_HEUN, SX_METHOD_MILSTEIN };
    static const sx_calculus calculi[] = { SX_KINETIC, SX_ITO, SX_STRATONOVICH };
    for (int i = 0; i < 3; i++)
        for (int q = 0; q < 3; q++)
            for (int shape = 0; shape <= SX_AMPLITUDE_QUADRATIC; shape++)
                TANGENT(multiplicative(ctx, rate(ctx, 4, 0, 0, NULL), (sx_amplitude)shape, calculi[q]), methods[i],
                        1e-10);
    for (int i = 0; i < 3; i++)
        for (int q = SX_KINETIC; q <= SX_COVARIANT; q++) {
            TANGENT(thermal(ctx, SX_METRIC_LORENTZIAN, (sx_calculus)q), methods[i], 1e-10);
            TANGENT(thermal(ctx, SX_METRIC_ACTIVATION, (sx_calculus)q), methods[i], 1e-10);
            if (methods[i] != SX_METHOD_MILSTEIN)
                TANGENT(thermal(ctx, SX_METRIC_RADIAL_TANGENTIAL, (sx_calculus)q), methods[i], 1e-10);
        }
    for (int shape = 0; shape <= SX_AMPLITUDE_QUADRATIC; shape++)
        TANGENT(multiplicative(ctx, rate(ctx, 4, 0, 1, NULL), (sx_amplitude)shape, SX_ITO), SX_METHOD_MAP, 1e-10);
}

/* exact: U' = e^{A h} U; A = [-a w; -w -a]: e^{-a h} times a rotation by w h. The diagonal form too. */
static void test_exact(void **state) {
    sx_ctx *ctx = *state;
    static const double A[4] = { -0.5, 2, -2, -0.5 }, D[4] = { -0.5, 0, 0, -3 };
    for (int diagonal = 0; diagonal < 2; diagonal++) {
        rig g = rig_create(ctx, with_additive(ctx, linear_model(ctx, SX_FLOW, 2, diagonal ? D : A, NULL), 0.4),
                           SX_METHOD_EXACT, 0.7, 1);
        double x[2] = { 1, 2 }, U[6] = { 1, 0, 1, 0, 1, 2 };
        sx_work w = { NULL, sx_tangent_work(g.s, 3), NULL, 0 };
        OK(sx_alloc(ctx, w.doubles, sizeof(double), &w.p));
        OK(sx_tangent_step_with(ctx, g.s, 0, (sx_batch){ x, 2, 1 }, (sx_batch){ U, 2, 3 }, normals1, NULL, w));
        const double s = exp(-0.35), c = cos(1.4), d = sin(1.4), e = exp(-2.1);
        const double turned[6] = { s * c, s * d, s * (c + 2 * d), -s * d, s * c, s * (2 * c - d) };
        const double stretched[6] = { s, 0, s, 0, e, 2 * e };
        for (int i = 0; i < 6; i++) NEAR(U[i], diagonal ? stretched[i] : turned[i], 1e-14);
        sx_free(ctx, w.p);
        rig_free(&g);
    }
}

/* Keyed steps: the state is that of sx_stepper_advance bit for bit; steps [0, 7) equal [0, 3) then [3, 7). */
static void test_keyed(void **state) {
    sx_ctx *ctx = *state;
    static const sx_method methods[] = { SX_METHOD_EULER_MARUYAMA, SX_METHOD_HEUN, SX_METHOD_MILSTEIN, SX_METHOD_SRA,
                                         SX_METHOD_LEIMKUHLER_MATTHEWS };
    const sx_key key = sx_key_seed(3);
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        rig g = rig_create(ctx, with_additive(ctx, rate(ctx, 4, 0, 0, NULL), 0.3), methods[i], 0.05, 8);
        double x[4], y[4], U[16], block[32];
        sx_work w = { NULL, sx_tangent_work(g.s, 4), NULL, 0 };
        OK(sx_alloc(ctx, w.doubles, sizeof(double), &w.p));
        memcpy(x, start, sizeof x);
        memcpy(y, start, sizeof y);
        memcpy(U, turn, sizeof U);
        for (int64_t k = 0; k < 7; k++)
            OK(sx_tangent_step(ctx, g.s, key, -0.1, k, 5, (sx_batch){ x, 4, 1 }, (sx_batch){ U, 4, 4 }, w));
        OK(sx_stepper_advance(ctx, g.s, key, -0.1, 0, 7, 5, (sx_batch){ y, 4, 1 }, g.w));
        assert_memory_equal(x, y, sizeof x);
        /* and it is replica 5 of a block */
        for (int64_t u = 0; u < 4; u++)
            for (int64_t r = 0; r < 8; r++) block[u * 8 + r] = start[u];
        OK(sx_stepper_advance(ctx, g.s, key, -0.1, 0, 7, 0, (sx_batch){ block, 4, 8 }, g.w));
        for (int64_t u = 0; u < 4; u++) NEAR(block[u * 8 + 5], x[u], 1e-14);
        sx_free(ctx, w.p);
        rig_free(&g);
    }
}

/* Inputs that differ between replicas: every direction sees the input of its own replica, not that of the column it stands in. */
static void test_trials(void **state) {
    sx_ctx *ctx = *state;
    static const double data[8] = { 0, 0, 0, 0, 3, -2, 4, -3 }; /* two trials of four channels at one time */
    sx_input input = SX_INPUT;
    input.kind = SX_INPUT_SAMPLES;
    input.trials = 2;
    input.times = 1;
    input.channels = 4;
    input.data = data;
    input.dt = 100;
    input.hold = 1;
    for (int64_t replica = 0; replica < 3; replica++)
        for (int form = 0; form < 2; form++) {
            sx_model *m = rate(ctx, 4, form, 0, &input);
            assert_int_equal(sx_model_trials(m), 2);
            NEAR(tangent_error(ctx, m, SX_METHOD_HEUN, 0.2, 3, replica), 0, 1e-11);
        }
}

static void refused(sx_ctx *ctx, sx_model *m, sx_method method, sx_status want, const char *text) {
    rig g = rig_create(ctx, m, method, 0.1, 1);
    assert_int_equal(sx_tangent_check(ctx, g.s, "lyapunov"), want);
    if (!strstr(sx_ctx_message(ctx), text)) fail_msg("\"%s\" lacks \"%s\"", sx_ctx_message(ctx), text);
    sx_ctx_clear(ctx);
    rig_free(&g);
}

static void test_refusals(void **state) {
    sx_ctx *ctx = *state;
    refused(ctx, rate(ctx, 4, 0, 0, NULL), SX_METHOD_DORMAND_PRINCE, SX_E_USAGE, "want one of " SX_TANGENT_METHODS);
    refused(ctx, poly_model(ctx, 2, 0, -1, 0, 0), SX_METHOD_RK4, SX_E_UNSUPPORTED, "'jvp'");
    refused(ctx, with_gbm(ctx, rate(ctx, 4, 0, 0, NULL), 0.1, SX_ITO), SX_METHOD_HEUN, SX_E_UNSUPPORTED, "'dB'");
    sx_model *m = rate(ctx, 4, 0, 0, NULL), *noisy_one = with_additive(ctx, rate(ctx, 4, 0, 0, NULL), 0.1);
    assert_int_equal(sx_tangent_method(m, SX_METHOD_AUTO), SX_METHOD_RK4);
    assert_int_equal(sx_tangent_method(m, SX_METHOD_HEUN), SX_METHOD_HEUN);
    assert_int_equal(sx_tangent_method(noisy_one, SX_METHOD_AUTO), SX_METHOD_AUTO);
    sx_model_free(ctx, noisy_one);
    rig g = rig_create(ctx, m, SX_METHOD_RK4, 0.1, 1);
    double x[4] = { 0 }, U[8] = { 0 };
    sx_work none = { NULL, 0, NULL, 0 };
    assert_int_equal(
        sx_tangent_step(ctx, g.s, sx_key_seed(1), 0, 0, 0, (sx_batch){ x, 4, 1 }, (sx_batch){ U, 4, 2 }, none),
        SX_E_USAGE);
    assert_non_null(strstr(sx_ctx_message(ctx), "doubles of scratch"));
    assert_int_equal(
        sx_tangent_step(ctx, g.s, sx_key_seed(1), 0, 0, 0, (sx_batch){ x, 2, 2 }, (sx_batch){ U, 4, 2 }, none),
        SX_E_USAGE);
    rig_free(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_additive, setup, teardown),
        cmocka_unit_test_setup_teardown(test_state_dependent, setup, teardown),
        cmocka_unit_test_setup_teardown(test_exact, setup, teardown),
        cmocka_unit_test_setup_teardown(test_keyed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_trials, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
