// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Hessenberg form and shifted systems: defining equations to rounding, real and complex shifts, near an eigenvalue, tiny sizes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/cmplx.h"
#include "core/linalg.h"
#include "core/shifted.h"

#include <separatrix/random.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>

enum { LARGEST = 40 };

static void normals(uint64_t seed, int64_t n, double *out) {
    sx_normal_fill(sx_key_seed(seed), 0, SX_SLOT_USER, 0, n, 1, out);
}

static double largest(int64_t n, const double *x) {
    double m = 0;
    for (int64_t k = 0; k < n; k++) m = fmax(m, fabs(x[k]));
    return m;
}

/* Q H Q^T = A, Q^T Q = 1, H zero below the subdiagonal; y (s - A) = r through the form. */
static void check(sx_ctx *ctx, int64_t n, uint64_t seed, double s_re, double s_im) {
    enum { M = 3, NN = LARGEST * LARGEST };
    static double A[NN], H[NN], Q[NN], T[NN], B[NN], scratch[7 * LARGEST], r[M * LARGEST], re[M * LARGEST],
        im[M * LARGEST];
    normals(seed, n * n, A);
    normals(seed + 1, M * n, r);
    assert_int_equal(sx_hessenberg(ctx, n, A, H, Q), SX_OK);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j + 1 < i; j++) assert_true(H[i * n + j] == 0);
    sx_gemm(false, false, n, n, n, 1, Q, n, H, n, 0, T, n);
    sx_gemm(false, true, n, n, n, 1, T, n, Q, n, 0, B, n);
    for (int64_t k = 0; k < n * n; k++) B[k] -= A[k];
    assert_true(largest(n * n, B) < 50 * DBL_EPSILON * (double)n);
    sx_gemm(true, false, n, n, n, 1, Q, n, Q, n, 0, T, n);
    for (int64_t k = 0; k < n * n; k++) T[k] -= k % (n + 1) == 0;
    assert_true(largest(n * n, T) < 20 * DBL_EPSILON * (double)n);

    /* y (s - A) = r  <=>  (y Q)(s - H) = r Q */
    sx_gemm(false, false, M, n, n, 1, r, n, Q, n, 0, re, n);
    for (int64_t k = 0; k < M * n; k++) im[k] = 0;
    assert_true(sx_hessenberg_rows(n, H, s_re, s_im, M, re, im, scratch));
    double size = fmax(largest(M * n, re), largest(M * n, im));
    for (int64_t i = 0; i < M; i++) {
        double complex y[LARGEST];
        for (int64_t j = 0; j < n; j++) {
            y[j] = 0;
            for (int64_t k = 0; k < n; k++) y[j] += CMPLX(re[i * n + k], im[i * n + k]) * Q[j * n + k];
        }
        for (int64_t j = 0; j < n; j++) {
            double complex left = y[j] * CMPLX(s_re, s_im) - r[i * n + j];
            for (int64_t k = 0; k < n; k++) left -= y[k] * A[k * n + j];
            assert_true(cabs(left) < 1e3 * DBL_EPSILON * (double)n * (1 + size));
        }
    }
}

static void test_shifts(void **state) {
    sx_ctx *ctx = *state;
    for (int64_t n = 1; n <= LARGEST; n = n < 5 ? n + 1 : 2 * n) {
        check(ctx, n, 10, 0.0, 0.0);
        check(ctx, n, 11, 0.0, -1.5);
        check(ctx, n, 12, 2.0, 30.0);
        check(ctx, n, 13, -0.25, 1e-9);
    }
}

/* The pivot is zero only at an eigenvalue: H = [[0, 1], [1, 0]] at s = 1; one row needs a swap at s = 0. */
static void test_singular(void **state) {
    double H[4] = { 0, 1, 1, 0 }, scratch[14], re[2] = { 1, 2 }, im[2] = { 0, 0 };
    (void)state;
    assert_false(sx_hessenberg_rows(2, H, 1, 0, 1, re, im, scratch));
    re[0] = 1, re[1] = 2, im[0] = im[1] = 0;
    assert_true(sx_hessenberg_rows(2, H, 0, 0, 1, re, im, scratch));
    assert_true(re[0] == -2 && re[1] == -1 && im[0] == 0 && im[1] == 0); /* y (-H) = (1, 2) */
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
        cmocka_unit_test_setup_teardown(test_shifts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_singular, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
