// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Rate networks: F against the written equations entry by entry, every derivative, inputs, refusals. */
#include "model_checks.h"

static sx_rate_opts defaults(void) {
    sx_rate_opts o = { .struct_size = sizeof o };
    sx_fields_default(sx_rate_fields, &o);
    return o;
}

/* The equation of models.h, summed naively with libm. W, L dense row-major. */
static double reference(const sx_rate_opts *o, double tau, int64_t n, const double *W, const double *L, double I,
                        const double *x, int64_t i) {
    double s = 0.0, l = 0.0;
    for (int64_t j = 0; j < n; ++j) {
        s += W[i * n + j] * (o->form == 0 ? tanh(x[j]) : x[j]);
        l += L[i * n + j] * x[j];
    }
    double drive = o->form == 0 ? o->gain * s + I + l : tanh(o->gain * s + I) + l;
    return o->time == 0 ? (-x[i] + drive) / tau : drive;
}

static void equation(void **state) {
    sx_ctx *ctx = *state;
    enum { N = 23, B = 16 };
    double *x = numbers("x", -2, 2, N * B), *tau = numbers("tau", 0.5, 3, N), *I = numbers("I", -1, 1, N), out[N * B];
    sx_coupling *W = dense(ctx, "W", N, 1.3), *A = sparse(ctx, "A", N, 4), *L = NULL;
    OK(sx_coupling_diffusive(ctx, A, &L));
    double Wd[N * N] = { 0 }, Ld[N * N] = { 0 };
    sx_coupling_add_to_dense(W, 1.0, NULL, Wd);
    sx_coupling_add_to_dense(L, 1.0, NULL, Ld);
    for (int form = 0; form < 2; ++form) {
        for (int time = 0; time < 2; ++time) {
            sx_rate_opts o = defaults();
            o.form = form;
            o.time = time;
            o.gain = 1.7;
            if (time == 0) o.tau = (sx_values){ N, tau };
            sx_input in = { .struct_size = sizeof in, .kind = SX_INPUT_CONSTANT, .amplitude = { N, I } };
            sx_model *m = NULL;
            OK(sx_rate_create(ctx, &o, W, L, &in, NULL, &m));
            assert_int_equal(sx_model_kind(m), time == 0 ? SX_FLOW : SX_MAP);
            assert_string_equal(sx_model_name(m), "rate");
            apply_op(m, OP_F, 0.0, x, B, NULL, B, out, NULL);
            for (int r = 0; r < B; ++r) {
                double column[N];
                for (int i = 0; i < N; ++i) column[i] = x[i * B + r];
                for (int i = 0; i < N; ++i) {
                    double want = reference(&o, time == 0 ? tau[i] : 1.0, N, Wd, Ld, I[i], column, i);
                    assert_true(fabs(out[i * B + r] - want) <= 1e-13 * (1.0 + fabs(want)));
                }
            }
            sx_model_free(ctx, m);
        }
    }
    sx_coupling_free(ctx, L);
    sx_coupling_free(ctx, A);
    sx_coupling_free(ctx, W);
    free(I);
    free(tau);
    free(x);
}

static void derivatives(void **state) {
    sx_ctx *ctx = *state;
    enum { N = 11 };
    const int smooth[] = { SX_PHI_TANH, SX_PHI_ERF, SX_PHI_SOFTPLUS, SX_PHI_LOGISTIC, SX_PHI_LINEAR };
    double *tau = numbers("tau", 0.5, 3, N), amplitude = 0.3;
    sx_coupling *W = dense(ctx, "W", N, 1.3), *A = sparse(ctx, "A", N, 3), *L = NULL;
    OK(sx_coupling_diffusive(ctx, A, &L));
    for (int form = 0; form < 2; ++form) {
        for (int time = 0; time < 2; ++time) {
            for (size_t k = 0; k < sizeof smooth / sizeof *smooth; ++k) {
                sx_rate_opts o = defaults();
                o.form = form;
                o.time = time;
                o.phi = smooth[k];
                o.beta = 1.4;
                o.gain = 1.2;
                if (time == 0) o.tau = (sx_values){ N, tau };
                sx_input in = { .struct_size = sizeof in,
                                .kind = SX_INPUT_SINE,
                                .amplitude = { 1, &amplitude },
                                .frequency = 0.7,
                                .phase = 0.4 };
                sx_model *m = NULL;
                const sx_coupling *w = k % 2 ? A : W;
                OK(sx_rate_create(ctx, &o, w, k == 1 ? NULL : L, k == 2 ? NULL : &in, NULL, &m));
                check_model(ctx, form ? "activity" : "current", m, 0.9, 1.0, 0.08);
                sx_model_free(ctx, m);
            }
        }
    }
    sx_rate_opts o = defaults(); /* only diffusive */
    sx_model *m = NULL;
    OK(sx_rate_create(ctx, &o, NULL, L, NULL, NULL, &m));
    check_model(ctx, "diffusive", m, 0.0, 1.0, 0.08);
    assert_string_equal(sx_model_equation(m), "tau_i x_i' = -x_i + sum_j L_ij x_j");
    sx_model_free(ctx, m);
    sx_coupling_free(ctx, L);
    sx_coupling_free(ctx, A);
    sx_coupling_free(ctx, W);
    free(tau);
}

/* Large enough that elementwise loops and couplings run in panels on the executor: same bits. */
static void panels(void **state) {
    sx_ctx *ctx = *state;
    enum { N = 600, B = 256 };
    sx_coupling *W = dense(ctx, "W", N, 1.3);
    sx_rate_opts o = defaults();
    sx_model *m = NULL;
    OK(sx_rate_create(ctx, &o, W, NULL, NULL, NULL, &m));
    assert_int_equal(sx_model_block(m), 256);
    double *x = numbers("x", -1, 1, N * B), *a = numbers("a", 0, 1, N * B), *c = numbers("c", 0, 1, N * B);
    apply_op(m, OP_F, 0.0, x, B, NULL, B, a, NULL);
    apply_op(m, OP_F, 0.0, x, B, NULL, B, c, sx_ctx_exec(ctx));
    assert_memory_equal(a, c, sizeof *a * N * B);
    free(c);
    free(a);
    free(x);
    sx_model_free(ctx, m);
    sx_coupling_free(ctx, W);
}

/* F(x) - F(x without input) = I / tau, for every kind of input and form "current". */
/* Mutant: input_rounding. */
static void inputs(void **state) {
    sx_ctx *ctx = *state;
    enum { N = 4, B = 8, TRIALS = 3, TIMES = 5, CHANNELS = 2 };
    sx_coupling *W = dense(ctx, "W", N, 1.0);
    double x[N * B], F0[N * B], F1[N * B], amplitude[N] = { 1, -2, 0.5, 0 },
                                           *data = numbers("data", -1, 1, TRIALS * TIMES * CHANNELS);
    const int64_t unit[CHANNELS] = { 3, 1 };
    fill("x", -1, 1, N * B, x);
    sx_rate_opts o = defaults();
    sx_model *quiet = NULL, *m = NULL;
    OK(sx_rate_create(ctx, &o, W, NULL, NULL, NULL, &quiet));
    apply_op(quiet, OP_F, 0.0, x, B, NULL, B, F0, NULL);
    assert_true(isinf(sx_model_input_end(quiet)));
    assert_int_equal(sx_model_trials(quiet), 1);
    struct {
        sx_input in;
        double t, factor; /* I = factor * amplitude */
    } cases[] = {
        { { .kind = SX_INPUT_CONSTANT }, 3.0, 1.0 },
        { { .kind = SX_INPUT_SINE, .frequency = 0.25, .phase = 0.0 }, 1.0, 1.0 },                    /* sin(pi/2) */
        { { .kind = SX_INPUT_SINE, .frequency = 0.25, .phase = 0.52359877559829887308 }, 0.0, 0.5 }, /* sin(pi/6) */
        { { .kind = SX_INPUT_PULSE, .start = 1.0, .stop = 2.0 }, 1.0, 1.0 },
        { { .kind = SX_INPUT_PULSE, .start = 1.0, .stop = 2.0 }, 2.0, 0.0 },
        { { .kind = SX_INPUT_PULSE, .start = 1.0, .stop = 2.0 }, 0.999, 0.0 },
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; ++k) {
        cases[k].in.struct_size = sizeof cases[k].in;
        cases[k].in.amplitude = (sx_values){ N, amplitude };
        OK(sx_rate_create(ctx, &o, W, NULL, &cases[k].in, NULL, &m));
        apply_op(m, OP_F, cases[k].t, x, B, NULL, B, F1, NULL);
        for (int i = 0; i < N * B; ++i) assert_true(fabs(F1[i] - F0[i] - cases[k].factor * amplitude[i / B]) < 1e-14);
        sx_model_free(ctx, m);
    }
    /* samples: replica replica0 + r reads trial (replica0 + r) mod trials */
    sx_input in = { .struct_size = sizeof in,
                    .kind = SX_INPUT_SAMPLES,
                    .trials = TRIALS,
                    .times = TIMES,
                    .channels = CHANNELS,
                    .data = data,
                    .dt = 0.1,
                    .channel_unit = unit };
    OK(sx_rate_create(ctx, &o, W, NULL, &in, NULL, &m));
    assert_true(fabs(sx_model_input_end(m) - 0.5) < 1e-15);
    assert_int_equal(sx_model_trials(m), TRIALS);
    const sx_model_ops *ops = sx_model_operations(m);
    for (int k = 0; k < 2 * TIMES; ++k) {
        int step = k / 2;
        double t =
            k % 2 ? 10 * step * 0.01 : step * 0.1; /* next to a multiple of dt: 3 * 0.1 > 0.3, 30 * 0.01 / 0.1 < 3 */
        for (int64_t replica0 = 0; replica0 < 16; replica0 += 8) {
            sx_work w = scratch(ops->work(sx_model_self(m), SX_OP_F, B), NULL);
            w.replica0 = replica0;
            ops->F(sx_model_self(m), t, view(x, N, B), (sx_batch){ F1, N, B }, w);
            release(w);
            for (int i = 0; i < N; ++i) {
                for (int r = 0; r < B; ++r) {
                    int64_t trial = (replica0 + r) % TRIALS;
                    double want = i == 3   ? data[(trial * TIMES + step) * CHANNELS]
                                  : i == 1 ? data[(trial * TIMES + step) * CHANNELS + 1]
                                           : 0.0;
                    assert_true(fabs(F1[i * B + r] - F0[i * B + r] - want) < 1e-14);
                }
            }
        }
    }
    sx_model_free(ctx, m);
    o.form = 1; /* derivatives of the activity form see the trial's own input */
    OK(sx_rate_create(ctx, &o, W, NULL, &in, NULL, &m));
    check_model(ctx, "trials", m, 0.25, 1.0, 0.08);
    sx_model_free(ctx, m);
    o.form = 0;
    in.hold = 1;
    OK(sx_rate_create(ctx, &o, W, NULL, &in, NULL, &m));
    assert_true(isinf(sx_model_input_end(m)));
    apply_op(m, OP_F, 100.0, x, B, NULL, B, F1, NULL);
    for (int r = 0; r < B; ++r)
        assert_true(fabs(F1[3 * B + r] - F0[3 * B + r] - data[(r % TRIALS * TIMES + TIMES - 1) * CHANNELS]) < 1e-14);
    sx_model_free(ctx, m);
    in.channel_unit = NULL;
    assert_int_equal(sx_rate_create(ctx, &o, W, NULL, &in, NULL, &m), SX_E_USAGE);
    assert_non_null(strstr(sx_ctx_message(ctx), "2 channels for 4 units"));
    sx_model_free(ctx, quiet);
    sx_coupling_free(ctx, W);
    free(data);
}

/* Other weights or another input: the same numbers as a model made with them. */
static void rebound(void **state) {
    enum { N = 4, B = 8 };
    sx_ctx *ctx = *state;
    sx_coupling *W = dense(ctx, "W", N, 1.0), *V = dense(ctx, "V", N, 1.0), *big = dense(ctx, "X", N + 1, 1.0);
    double tau[N] = { 1, 2, 3, 4 }, held[N] = { 0.5, -1, 0, 2 }, x[N * B], F0[N * B], F1[N * B], J0[N * N], J1[N * N];
    sx_rate_opts o = defaults();
    sx_input wave = SX_INPUT, constant = SX_INPUT;
    sx_model *m = NULL, *other = NULL, *want = NULL;
    wave.kind = SX_INPUT_SINE;
    wave.amplitude = (sx_values){ N, tau };
    wave.frequency = 0.3;
    constant.amplitude = (sx_values){ N, held };
    o.tau = (sx_values){ N, tau };
    for (int i = 0; i < N * B; i++) x[i] = 0.1 * i - 1;
    OK(sx_rate_create(ctx, &o, W, NULL, &wave, NULL, &m));
    for (int which = 0; which < 2; which++) {
        if (which)
            OK(sx_model_with_input(ctx, m, N, held, &other));
        else
            OK(sx_model_with_weights(ctx, m, V, &other));
        OK(sx_rate_create(ctx, &o, which ? W : V, NULL, which ? &constant : &wave, NULL, &want));
        apply_op(other, OP_F, 0.7, x, B, NULL, B, F0, NULL);
        apply_op(want, OP_F, 0.7, x, B, NULL, B, F1, NULL);
        assert_memory_equal(F0, F1, sizeof F0);
        double p[1024];
        sx_work w = { .p = p, .doubles = 1024 };
        assert_true(sx_model_work(other, 1) <= 1024);
        sx_model_operations(other)->jacobian(sx_model_self(other), 0.7, x, J0, w);
        sx_model_operations(want)->jacobian(sx_model_self(want), 0.7, x, J1, w);
        assert_memory_equal(J0, J1, sizeof J0);
        sx_model_free(ctx, other);
        sx_model_free(ctx, want);
    }
    assert_int_equal(sx_model_with_weights(ctx, m, big, &other), SX_E_USAGE);
    assert_non_null(strstr(sx_ctx_message(ctx), "weights of 5 x 5: want 4 x 4"));
    sx_ctx_clear(ctx);
    sx_model_free(ctx, m);
    sx_coupling_free(ctx, W);
    sx_coupling_free(ctx, V);
    sx_coupling_free(ctx, big);
}

static void refusals(void **state) {
    sx_ctx *ctx = *state;
    sx_coupling *W = dense(ctx, "W", 3, 1.0), *big = dense(ctx, "V", 4, 1.0);
    sx_model *m = NULL;
    double tau[4] = { 1, 2, 3, 4 }, bad[3] = { 1, 0, 1 };
    sx_rate_opts o = defaults();
    assert_int_equal(sx_rate_create(ctx, &o, NULL, NULL, NULL, NULL, &m), SX_E_USAGE);
    assert_non_null(strstr(sx_ctx_message(ctx), "coupling"));
    assert_int_equal(sx_rate_create(ctx, &o, W, big, NULL, NULL, &m), SX_E_USAGE);
    assert_non_null(strstr(sx_ctx_message(ctx), "4 x 4"));
    o.tau = (sx_values){ 4, tau };
    assert_int_equal(sx_rate_create(ctx, &o, W, NULL, NULL, NULL, &m), SX_E_USAGE);
    assert_non_null(strstr(sx_ctx_message(ctx), "tau"));
    o.tau = (sx_values){ 3, bad };
    assert_int_equal(sx_rate_create(ctx, &o, W, NULL, NULL, NULL, &m), SX_E_USAGE);
    assert_non_null(strstr(sx_ctx_message(ctx), "tau"));
    o.tau = (sx_values){ 3, tau };
    o.time = 1;
    assert_int_equal(sx_rate_create(ctx, &o, W, NULL, NULL, NULL, &m), SX_E_USAGE);
    o = defaults();
    o.beta = 0.0;
    assert_int_equal(sx_rate_create(ctx, &o, W, NULL, NULL, NULL, &m), SX_E_USAGE);
    assert_non_null(strstr(sx_ctx_message(ctx), "beta"));
    assert_null(m);
    sx_coupling_free(ctx, big);
    sx_coupling_free(ctx, W);
}

static int setup(void **state) {
    *state = sx_ctx_create(NULL);
    return *state == NULL;
}
static int teardown(void **state) {
    sx_ctx *ctx = *state;
    size_t left = sx_ctx_bytes(ctx);
    sx_ctx_free(ctx);
    return left > 1 << 20;
}
int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equation), cmocka_unit_test(derivatives), cmocka_unit_test(panels),
        cmocka_unit_test(inputs),   cmocka_unit_test(rebound),     cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
