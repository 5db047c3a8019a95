// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Linear models: F and J entry by entry, flow and map, dense and sparse, refusals. */
#include "model_checks.h"

static sx_linear_opts defaults(void) {
    sx_linear_opts o = { .struct_size = sizeof o };
    sx_fields_default(sx_linear_fields, &o);
    return o;
}

static void equation(void **state) {
    sx_ctx *ctx = *state;
    enum { N = 70, B = 8 };
    double *x = numbers("x", -2, 2, N * B), *leak = numbers("leak", 0.5, 2, N), *I = numbers("I", -1, 1, N),
           *out = numbers("o", 0, 1, N * B);
    double *J = numbers("J", 0, 1, N * N);
    for (int k = 0; k < 3; ++k) { /* without, dense, sparse coupling */
        sx_coupling *W = k == 1 ? dense(ctx, "W", N, 1.0) : k == 2 ? sparse(ctx, "S", N, 13) : NULL;
        double *Wd = calloc(N * N, sizeof *Wd);
        if (W) sx_coupling_add_to_dense(W, 1.0, NULL, Wd);
        for (int time = 0; time < 2; ++time) {
            sx_linear_opts o = defaults();
            o.time = time;
            o.n = k == 0 ? N : 0;
            o.leak = (sx_values){ N, leak };
            o.input = (sx_values){ N, I };
            sx_model *m = NULL;
            OK(sx_linear_create(ctx, &o, W, NULL, &m));
            assert_int_equal(sx_model_kind(m), time ? SX_MAP : SX_FLOW);
            assert_int_equal(sx_model_n(m), N);
            apply_op(m, OP_F, 0.0, x, B, NULL, B, out, NULL);
            for (int i = 0; i < N; ++i) {
                for (int r = 0; r < B; ++r) {
                    double want = (time ? 1.0 - leak[i] : -leak[i]) * x[i * B + r] + I[i];
                    for (int j = 0; j < N; ++j) want += Wd[i * N + j] * x[j * B + r];
                    assert_true(fabs(out[i * B + r] - want) < 1e-13);
                }
            }
            const sx_model_ops *ops = sx_model_operations(m);
            sx_work w = scratch(ops->work(sx_model_self(m), SX_OP_JACOBIAN, 1), NULL);
            ops->jacobian(sx_model_self(m), 0.0, x, J, w);
            release(w);
            for (int i = 0; i < N * N; ++i) {
                double own = i % (N + 1) == 0 ? (time ? 1.0 - leak[i / N] : -leak[i / N]) : 0.0;
                assert_true(fabs(J[i] - Wd[i] - own) < 1e-15);
            }
            check_model(ctx, "linear", m, 0.0, 1.0, 0.1);
            sx_model_free(ctx, m);
        }
        free(Wd);
        sx_coupling_free(ctx, W);
    }
    free(J);
    free(out);
    free(I);
    free(leak);
    free(x);
}

/* Defaults: leak 1, no input: x' = -x + W x. */
static void default_leak(void **state) {
    sx_ctx *ctx = *state;
    const double w[4] = { 0, 2, -3, 0 }, x[2] = { 5, 7 };
    double F[2];
    sx_coupling *W = NULL;
    sx_model *m = NULL;
    OK(sx_coupling_dense(ctx, 2, 2, w, &W));
    sx_linear_opts o = defaults();
    OK(sx_linear_create(ctx, &o, W, NULL, &m));
    apply_op(m, OP_F, 0.0, x, 1, NULL, 1, F, NULL);
    assert_true(F[0] == -5 + 14 && F[1] == -7 - 15);
    sx_model_free(ctx, m);
    sx_coupling_free(ctx, W);
}

static void refusals(void **state) {
    sx_ctx *ctx = *state;
    const double three[3] = { 1, 2, 3 };
    sx_coupling *W = dense(ctx, "W", 4, 1.0), *wide = NULL;
    double a[8] = { 0 };
    OK(sx_coupling_dense(ctx, 2, 4, a, &wide));
    sx_model *m = NULL;
    sx_linear_opts o = defaults();
    assert_int_equal(sx_linear_create(ctx, &o, NULL, NULL, &m), SX_E_USAGE);
    assert_non_null(strstr(sx_ctx_message(ctx), "model.n"));
    assert_int_equal(sx_linear_create(ctx, &o, wide, NULL, &m), SX_E_USAGE);
    assert_non_null(strstr(sx_ctx_message(ctx), "2 x 4"));
    o.leak = (sx_values){ 3, three };
    assert_int_equal(sx_linear_create(ctx, &o, W, NULL, &m), SX_E_USAGE);
    assert_non_null(strstr(sx_ctx_message(ctx), "model.leak: 3 numbers for 4 units"));
    sx_linear_opts zero = { 0 };
    assert_int_equal(sx_linear_create(ctx, &zero, W, NULL, &m), SX_E_USAGE);
    assert_null(m);
    sx_coupling_free(ctx, wide);
    sx_coupling_free(ctx, W);
}

static int setup(void **state) {
    *state = sx_ctx_create(NULL);
    return *state == NULL;
}
static int teardown(void **state) {
    sx_ctx_free(*state);
    return 0;
}
int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(equation), cmocka_unit_test(default_leak),
                                        cmocka_unit_test(refusals) };
    return cmocka_run_group_tests(tests, setup, teardown);
}
