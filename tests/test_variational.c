// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The integrator of order 8 with tangents: a pendulum against its closed forms, the error following the tolerance, tangents against differences, a blow-up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <separatrix/separatrix.h>

#include "run/variational.h"

#include <math.h>
#include <stdlib.h>

static int64_t evaluations;

/* kind 0: pendulum x' = y, y' = -sin x;  kind 1: x' = x^2, y' = 0 */
static int64_t work(const void *self, sx_op op, int64_t b) {
    (void)self, (void)op, (void)b;
    return 0;
}
static void F(const void *self, double t, sx_cbatch x, sx_batch out, sx_work w) {
    (void)t, (void)w;
    evaluations++;
    for (int64_t r = 0; r < x.b; r++) {
        double q = x.x[r], p = x.x[x.b + r];
        out.x[r] = *(const int *)self ? q * q : p;
        out.x[x.b + r] = *(const int *)self ? 0 : -sin(q);
    }
}
static void jvp(const void *self, double t, sx_cbatch x, sx_cbatch u, sx_batch out, sx_work w) {
    (void)t, (void)w;
    for (int64_t r = 0; r < u.b; r++) {
        double q = x.x[x.b == 1 ? 0 : r];
        out.x[r] = *(const int *)self ? 2 * q * u.x[r] : u.x[u.b + r];
        out.x[u.b + r] = *(const int *)self ? 0 : -cos(q) * u.x[r];
    }
}
static const sx_model_ops ops = {
    .abi = SX_MODEL_ABI, .struct_size = sizeof(sx_model_ops), .name = "test", .work = work, .F = F, .jvp = jvp
};

static sx_model *make(sx_ctx *ctx, const int *kind) {
    sx_state_array array = { "x", "unit", 2, NULL };
    sx_model_desc d = SX_MODEL_DESC;
    sx_model *m = NULL;
    d.ops = &ops;
    d.self = (void *)(uintptr_t)kind;
    d.kind = SX_FLOW;
    d.layout = (sx_layout){ 2, 1, &array };
    d.block = 8;
    d.panel = 2;
    d.equation = "test";
    assert_int_equal(sx_model_create(ctx, &d, &m), SX_OK);
    return m;
}

static sx_status integrate(sx_ctx *ctx, const sx_model *m, double tol, double time, double *x, int64_t b, double *U) {
    double *scratch = calloc((size_t)sx_variational_scratch(m, b), sizeof *scratch);
    sx_variational v = { .m = m, .rtol = tol, .atol = tol, .scratch = scratch };
    sx_status s = sx_variational_run(ctx, &v, time, x, b, U);
    free(scratch);
    return s;
}

/* Period of the pendulum from the arithmetic-geometric mean: T = 2 pi / agm(1, cos(x0/2)) (Gauss). After one period it is back; the tangent of the period map
 * has determinant 1, and fixes the direction of the flow. */
static double period(double x0) {
    double a = 1, b = cos(x0 / 2);
    while (fabs(a - b) > 1e-16) {
        double c = (a + b) / 2;
        b = sqrt(a * b), a = c;
    }
    return 2 * 3.14159265358979323846 / a;
}

static void test_pendulum(void **state) {
    sx_ctx *ctx = *state;
    int kind = 0;
    sx_model *m = make(ctx, &kind);
    double T = period(2), before = 0;
    for (int k = 4; k <= 12; k += 2) {
        double x[2] = { 2, 0 }, tol = pow(10, -k);
        evaluations = 0;
        assert_int_equal(integrate(ctx, m, tol, T, x, 0, NULL), SX_OK);
        double error = hypot(x[0] - 2, x[1]);
        print_message("tolerance %.0e: error %.1e, %d evaluations\n", tol, error, (int)evaluations);
        assert_true(error < 100 * tol);
        /* order 8: a hundredth of the tolerance costs 100^(1/8) = 1.8 times the steps, not 10 */
        if (before > 0) assert_true((double)evaluations < 2.2 * before);
        before = (double)evaluations;
    }
    double x[2] = { 2, 0 }, U[4] = { 1, 0, 0, 1 }, f[2] = { 0, -sin(2) };
    assert_int_equal(integrate(ctx, m, 1e-13, T, x, 2, U), SX_OK);
    assert_true(fabs(U[0] * U[3] - U[1] * U[2] - 1) < 1e-11);
    assert_true(fabs(U[0] * f[0] + U[1] * f[1] - f[0]) < 1e-11 && fabs(U[2] * f[0] + U[3] * f[1] - f[1]) < 1e-11);
    for (int c = 0; c < 2; c++) { /* central differences */
        double a[2] = { 2, 0 }, b[2] = { 2, 0 }, h = 1e-5;
        a[c] += h, b[c] -= h;
        assert_int_equal(integrate(ctx, m, 1e-13, T, a, 0, NULL), SX_OK);
        assert_int_equal(integrate(ctx, m, 1e-13, T, b, 0, NULL), SX_OK);
        for (int u = 0; u < 2; u++) assert_true(fabs((a[u] - b[u]) / (2 * h) - U[u * 2 + c]) < 1e-7);
    }
    sx_model_free(ctx, m);
}

/* x' = x^2 from 1 is infinite at t = 1: fine before, a failure after. */
static void test_blow_up(void **state) {
    sx_ctx *ctx = *state;
    int kind = 1;
    sx_model *m = make(ctx, &kind);
    double x[2] = { 1, 0 };
    assert_int_equal(integrate(ctx, m, 1e-12, 0.9, x, 0, NULL), SX_OK);
    assert_true(fabs(x[0] - 10) < 1e-8);
    assert_int_equal(integrate(ctx, m, 1e-12, 0.2, x, 0, NULL), SX_E_NUMERIC);
    sx_ctx_clear(ctx);
    sx_model_free(ctx, m);
}

static int set_up(void **state) {
    *state = sx_ctx_create(NULL);
    return *state ? 0 : -1;
}
static int tear_down(void **state) {
    sx_ctx *ctx = *state;
    size_t left = sx_ctx_bytes(ctx);
    sx_ctx_free(ctx);
    return left == 0 ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_pendulum, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_blow_up, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
