// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* QR factors: A = Q R, Q^T Q = 1, R upper with a diagonal >= 0, at shapes around the panels; graded columns; dependent columns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/linalg.h"

#include <separatrix/random.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define OK(call)                                                                                                       \
    do {                                                                                                               \
        if ((call) != SX_OK) fail_msg("%s", sx_ctx_message(ctx));                                                      \
    } while (0)

static double *numbers(int64_t n) {
    double *x = calloc((size_t)(n > 0 ? n : 1), sizeof *x);
    if (!x) abort();
    return x;
}

/* Largest errors of A = Q R (relative to the norms of the columns of A) and of Q^T Q = 1. */
static void errors(int64_t n, int64_t k, const double *A, const double *Q, const double *R, double *product,
                   double *orthonormal) {
    *product = *orthonormal = 0;
    for (int64_t j = 0; j < k; j++) {
        double norm = 0, worst = 0;
        for (int64_t i = 0; i < n; i++) {
            double sum = 0;
            for (int64_t l = 0; l <= j; l++) sum += Q[i * k + l] * R[l * k + j];
            worst = fmax(worst, fabs(sum - A[i * k + j]));
            norm = fmax(norm, fabs(A[i * k + j]));
        }
        if (norm > 0) *product = fmax(*product, worst / norm);
        for (int64_t l = 0; l < k; l++) {
            double dot = 0;
            for (int64_t i = 0; i < n; i++) dot += Q[i * k + j] * Q[i * k + l];
            *orthonormal = fmax(*orthonormal, fabs(dot - (j == l)));
            if (l < j) assert_true(R[j * k + l] == 0);
        }
        assert_true(R[j * k + j] >= 0);
    }
}

static void factor(sx_ctx *ctx, int64_t n, int64_t k, const double *A, double *Q, double *R) {
    double *work = numbers(sx_qr_work(n, k));
    memcpy(Q, A, (size_t)(n * k) * sizeof *Q);
    OK(sx_qr(ctx, n, k, Q, k, R, work));
    free(work);
}

static void test_shapes(void **state) {
    sx_ctx *ctx = *state;
    static const int64_t shapes[][2] = { { 1, 1 },   { 2, 1 },   { 2, 2 },   { 3, 2 },    { 40, 31 },  { 40, 32 },
                                         { 40, 33 }, { 97, 64 }, { 64, 64 }, { 200, 17 }, { 300, 100 } };
    for (size_t c = 0; c < sizeof shapes / sizeof *shapes; c++) {
        const int64_t n = shapes[c][0], k = shapes[c][1];
        double *A = numbers(n * k), *Q = numbers(n * k), *R = numbers(k * k), product, orthonormal;
        sx_normal_fill(sx_key_seed(c), 0, SX_SLOT_USER, 0, n, k, A);
        factor(ctx, n, k, A, Q, R);
        errors(n, k, A, Q, R, &product, &orthonormal);
        assert_true(product < 1e-14 * (double)(n + 4));
        assert_true(orthonormal < 1e-15 * (double)(n + 8));
        free(A);
        free(Q);
        free(R);
    }
    sx_ctx_clear(ctx);
    assert_int_equal(sx_qr(ctx, 2, 3, NULL, 3, NULL, NULL), SX_E_USAGE);
    assert_non_null(strstr(sx_ctx_message(ctx), "at least as many rows"));
}

/* Closed form: A = [3 1; 4 2] = [3/5 -4/5; 4/5 3/5] [5 11/5; 0 2/5]. */
static void test_closed_form(void **state) {
    sx_ctx *ctx = *state;
    const double A[4] = { 3, 1, 4, 2 }, wantQ[4] = { 0.6, -0.8, 0.8, 0.6 }, wantR[4] = { 5, 2.2, 0, 0.4 };
    double Q[4], R[4];
    factor(ctx, 2, 2, A, Q, R);
    for (int i = 0; i < 4; i++) {
        assert_true(fabs(Q[i] - wantQ[i]) < 1e-15);
        assert_true(fabs(R[i] - wantR[i]) < 1e-14);
    }
}

/* Columns of a tangent flow: the later ones lean towards the first, c_j = sum_{i<=j} 10^{-i} q_i. Then R_jj = 10^{-j}, each to the
 * accuracy that the loss |c_j| / R_jj allows. */
static void test_graded(void **state) {
    sx_ctx *ctx = *state;
    enum { N = 60, K = 8 };
    double *A = numbers(N * K), *Q = numbers(N * K), *R = numbers(K * K), *C = numbers(N * K), product, orthonormal;
    sx_normal_fill(sx_key_seed(5), 0, SX_SLOT_USER, 0, N, K, A);
    factor(ctx, N, K, A, Q, R);
    for (int64_t i = 0; i < N; i++)
        for (int64_t j = 0; j < K; j++)
            for (int64_t l = 0; l <= j; l++) C[i * K + j] += pow(10, -(double)l) * Q[i * K + l];
    factor(ctx, N, K, C, A, R);
    errors(N, K, C, A, R, &product, &orthonormal);
    assert_true(product < 1e-14 && orthonormal < 1e-14);
    for (int64_t j = 0; j < K; j++) {
        const double want = pow(10, -(double)j);
        assert_true(fabs(R[j * K + j] - want) < 1e-15);
    }
    free(A);
    free(Q);
    free(R);
    free(C);
}

/* A zero column and a repeated one: R_jj at rounding level, Q orthonormal all the same. */
static void test_dependent(void **state) {
    sx_ctx *ctx = *state;
    enum { N = 9, K = 4 };
    double A[N * K], Q[N * K], R[K * K], product, orthonormal;
    sx_normal_fill(sx_key_seed(6), 0, SX_SLOT_USER, 0, N, K, A);
    for (int64_t i = 0; i < N; i++) {
        A[i * K + 1] = 0;
        A[i * K + 3] = -2 * A[i * K];
    }
    factor(ctx, N, K, A, Q, R);
    errors(N, K, A, Q, R, &product, &orthonormal);
    assert_true(product < 1e-14 && orthonormal < 1e-14);
    assert_true(R[1 * K + 1] == 0);
    assert_true(R[3 * K + 3] < 1e-14);
}

/* Rows further apart: the same numbers, and what stands between is left alone. */
static void test_stride(void **state) {
    sx_ctx *ctx = *state;
    enum { N = 50, K = 5, LD = 8 };
    double A[N * K], Q[N * K], R[K * K], wide[N * LD], S[K * K], *work = numbers(sx_qr_work(N, K));
    sx_normal_fill(sx_key_seed(8), 0, SX_SLOT_USER, 0, N, K, A);
    for (int i = 0; i < N * LD; i++) wide[i] = i % LD < K ? A[i / LD * K + i % LD] : 7;
    factor(ctx, N, K, A, Q, R);
    OK(sx_qr(ctx, N, K, wide, LD, S, work));
    assert_memory_equal(R, S, sizeof R);
    for (int i = 0; i < N * LD; i++) assert_true(wide[i] == (i % LD < K ? Q[i / LD * K + i % LD] : 7));
    free(work);
}

static int set_up(void **state) {
    *state = sx_ctx_create(NULL);
    return *state ? 0 : -1;
}
static int tear_down(void **state) {
    sx_ctx_free(*state);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_shapes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_closed_form, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_graded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_dependent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stride, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
