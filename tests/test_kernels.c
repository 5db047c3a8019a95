// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Every kernel of every level against the plain loop in the stated order, bit for bit; the stated order of the sums is written out
 * here a second time. Sizes go through all remainders of the register blocks. */
#include "core/kernels.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const level_names[] = { "x86-64", "x86-64-v3", "x86-64-v4" };

/* Runs the body for each level of this CPU as K. */
#define FOR_LEVELS(K)                                                                                                  \
    for (int level_ = 0; level_ < 3; level_++)                                                                         \
        for (const sx_kernels *K = sx_kernels_get(level_names[level_]); K; K = NULL)

static double number(uint64_t i) { /* full mantissas of both signs, |x| < 4 */
    uint64_t z = i * UINT64_C(0x9E3779B97F4A7C15) + 1;
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return (double)(int64_t)(z ^ (z >> 31)) * 0x1p-61;
}

static double *numbers(int64_t n, uint64_t salt) {
    double *x = malloc((size_t)(n + 1) * sizeof *x);
    assert_non_null(x);
    for (int64_t i = 0; i < n; i++) x[i] = number((uint64_t)i + salt * 1000003);
    return x;
}

static void equal(const char *kernel, const char *level, int64_t n, const double *got, const double *want) {
    for (int64_t i = 0; i < n; i++)
        if (memcmp(&got[i], &want[i], sizeof(double)) != 0)
            fail_msg("%s of %s: [%d] = %a, want %a", kernel, level, (int)i, got[i], want[i]);
}

/* -- elementwise ------------------------------------------------------------------------------------------------------------- */

enum { ROWS = 5, MOST = 37, CELLS = ROWS * MOST };

static void elementwise(void **state) {
    (void)state;
    double *x = numbers(CELLS, 1), *y = numbers(CELLS, 2), *w = numbers(CELLS, 3), *d = numbers(ROWS, 4),
           *m = numbers(ROWS, 5);
    double out[CELLS], want[CELLS], square[CELLS], want_square[CELLS];
    const double a = 0.3, s = -1.7;
    FOR_LEVELS(K) for (int64_t b = 0; b <= MOST; b++) {
        const int64_t n = ROWS * b;
        const size_t size = (size_t)n * sizeof(double);
#define CHECK(what) equal(what, K->name, n, out, want)
#define WANT(expression)                                                                                               \
    for (int64_t i = 0; i < n; i++) {                                                                                  \
        const int64_t u = i / b;                                                                                       \
        (void)u;                                                                                                       \
        want[i] = (expression);                                                                                        \
    }
        WANT(a * x[i] + s * y[i]);
        K->lincomb(n, a, x, s, y, out), CHECK("lincomb");
        memcpy(out, x, size), K->lincomb(n, a, out, s, y, out), CHECK("lincomb in place of x");
        memcpy(out, y, size), K->lincomb(n, a, x, s, out, out), CHECK("lincomb in place of y");
        WANT(y[i] + a * x[i]);
        memcpy(out, y, size), K->axpy(n, a, x, out), CHECK("axpy");
        WANT(x[i] * y[i]);
        K->mul(n, x, y, out), CHECK("mul");
        memcpy(out, x, size), K->mul(n, out, y, out), CHECK("mul in place");
        WANT(x[i] + (a * y[i] + s * w[i]));
        memcpy(out, x, size), K->em(n, a, y, s, w, out), CHECK("em");
        WANT(x[i] + (a * y[i] + d[u] * w[i]));
        memcpy(out, x, size), K->em_rows(ROWS, b, a, y, d, w, out), CHECK("em_rows");
        WANT(d[u] * x[i]);
        K->scale_rows(ROWS, b, d, x, out), CHECK("scale_rows");
        memcpy(out, x, size), K->scale_rows(ROWS, b, d, out, out), CHECK("scale_rows in place");
        WANT(y[i] + d[u] * x[i]);
        memcpy(out, y, size), K->axpy_rows(ROWS, b, d, x, out), CHECK("axpy_rows");
        WANT(((y[i] - x[i]) + d[u]) * m[u]);
        memcpy(out, y, size), K->leak_rows(ROWS, b, x, d, m, out), CHECK("leak_rows");
        WANT((y[i] - x[i]) * m[u]);
        memcpy(out, y, size), K->leak_rows(ROWS, b, x, NULL, m, out), CHECK("leak_rows without input");
        WANT((y[i] - x[i]) + d[u]);
        memcpy(out, y, size), K->leak_rows(ROWS, b, x, d, NULL, out), CHECK("leak_rows without rate");
        WANT(y[i] + x[i]);
        memcpy(out, y, size), memcpy(square, w, size);
        K->moments(n, x, out, square), CHECK("moments, sum");
        WANT(w[i] + x[i] * x[i]);
        memcpy(want_square, want, size), equal("moments, squares", K->name, n, square, want_square);
#undef WANT
#undef CHECK
    }
    free(x), free(y), free(w), free(d), free(m);
}

static void nonfinite(void **state) {
    (void)state;
    static const double bad[] = { (double)INFINITY, -(double)INFINITY, (double)NAN, -(double)NAN };
    static const double good[] = { 0.0, -0.0, 1.7976931348623157e308, -1.7976931348623157e308, 5e-324, -2.3e-308 };
    double x[70];
    FOR_LEVELS(K) for (int n = 0; n <= 70; n++) {
        for (int i = 0; i < n; i++) x[i] = good[i % 6];
        assert_int_equal(K->nonfinite(n, x), 0);
        for (int i = 0; i < n; i++) {
            x[i] = bad[i % 4];
            assert_true(K->nonfinite(n, x) != 0);
            assert_int_equal(K->nonfinite(i, x), 0);
            x[i] = good[i % 6];
        }
    }
}

/* -- sums ---------------------------------------------------------------------------------------------------------------------- */

/* The shape: blocks of 1024 with 8 lanes; blocks halved at the largest power of two below their number. */
static double block(int64_t n, const double *x, const double *y) {
    double l[8] = { 0 };
    for (int64_t i = 0; i < n; i++) l[i % 8] += y ? x[i] * y[i] : x[i];
    return ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]));
}

static double tree(int64_t blocks, int64_t n, const double *x, const double *y) {
    if (blocks == 1) return block(n, x, y);
    int64_t left = 1;
    while (2 * left < blocks) left *= 2;
    return tree(left, left * 1024, x, y) +
           tree(blocks - left, n - left * 1024, x + left * 1024, y ? y + left * 1024 : y);
}

static void sums(void **state) {
    (void)state;
    enum { N = 40000 };
    double *x = numbers(N, 6), *y = numbers(N, 7);
    FOR_LEVELS(K) {
        assert_true(K->sum(0, x) == 0 && K->dot(0, x, y) == 0);
        for (int64_t n = 1; n <= N; n += n < 40 ? 1 : n < 3000 ? 97 : 1013) {
            double want[2] = { tree((n + 1023) / 1024, n, x, NULL), tree((n + 1023) / 1024, n, x, y) };
            double got[2] = { K->sum(n, x), K->dot(n, x, y) };
            equal("sum, dot", K->name, 2, got, want);
        }
        long double exact = 0, size = 0;
        for (int i = 0; i < N; i++)
            exact += (long double)x[i] * (long double)y[i], size += fabsl((long double)x[i] * (long double)y[i]);
        /* 128 terms a lane, 3 + 6 levels of the tree: at most 137 roundings of 2^-53 */
        assert_true(fabsl((long double)K->dot(N, x, y) - exact) <= 137 * 0x1p-53L * size);
    }
    free(x), free(y);
}

/* -- products ------------------------------------------------------------------------------------------------------------------ */

static void dense(void **state) {
    (void)state;
    static const int64_t columns[] = { 1, 2, 3, 5, 8, 12, 16, 17, 23, 33, 56 };
    enum { K_MOST = 21, M_MOST = 19, LD = 25 };
    double *W = numbers(LD * LD, 8), *X = numbers(K_MOST * 56, 9), *Y0 = numbers(M_MOST * 56, 10);
    double *Y = numbers(M_MOST * 56, 11), *want = numbers(M_MOST * 56, 11);
    FOR_LEVELS(P)
    for (size_t c = 0; c < sizeof columns / sizeof columns[0]; c++)
        for (int64_t m = 0; m <= M_MOST; m++)
            for (int64_t k = 0; k <= K_MOST; k += k < 4 ? 1 : 8)
                for (int beta = 0; beta < 2; beta++) {
                    const int64_t b = columns[c];
                    const double alpha = 0.7, be = beta ? -0.4 : 0.0;
                    for (int t = 0; t < 2; t++) {
                        for (int64_t i = 0; i < m * b; i++) Y[i] = beta ? Y0[i] : (double)NAN;
                        for (int64_t i = 0; i < m; i++)
                            for (int64_t r = 0; r < b; r++) {
                                double sum = 0;
                                for (int64_t e = 0; e < k; e++)
                                    sum += (t ? W[e * LD + i] : W[i * LD + e]) * X[e * b + r];
                                want[i * b + r] = beta ? be * Y0[i * b + r] + alpha * sum : alpha * sum;
                            }
                        (t ? P->gemm_t : P->gemm)(m, k, b, alpha, W, LD, X, be, Y);
                        equal(t ? "gemm_t" : "gemm", P->name, m * b, Y, want);
                    }
                }
    free(W), free(X), free(Y0), free(Y), free(want);
}

/* Weights in strips, input in tiles, sums of 256 terms with one rounding a term: the definition with fma. */
static void packed(void **state) {
    (void)state;
    enum { K_ALL = 259, M_ALL = 31, B_ALL = 2 * SX_COLUMNS, STRIPS = (M_ALL + SX_STRIP - 1) / SX_STRIP };
    double *W = numbers(M_ALL * K_ALL, 20), *X = numbers(K_ALL * B_ALL, 21), *Y0 = numbers(M_ALL * B_ALL, 22);
    double *Y = numbers(M_ALL * B_ALL, 22), *want = numbers(M_ALL * B_ALL, 22);
    double *A = calloc((size_t)STRIPS * SX_STRIP * K_ALL, sizeof *A), *T = numbers(K_ALL * B_ALL, 21);
    int levels = 0;
    assert_non_null(A);
    for (int64_t i = 0; i < M_ALL; i++)
        for (int64_t k = 0; k < K_ALL; k++) A[(i / SX_STRIP * K_ALL + k) * SX_STRIP + i % SX_STRIP] = W[i * K_ALL + k];
    for (int64_t k = 0; k < K_ALL; k++)
        for (int64_t r = 0; r < B_ALL; r++)
            T[(r / SX_COLUMNS * K_ALL + k) * SX_COLUMNS + r % SX_COLUMNS] = X[k * B_ALL + r];
    FOR_LEVELS(P) {
        if (!P->gemm_packed) continue;
        levels++;
        for (int beta = 0; beta < 2; beta++) {
            const double be = beta ? -0.4 : 0.0;
            for (int64_t i = 0; i < M_ALL; i++)
                for (int64_t r = 0; r < B_ALL; r++) {
                    double y = Y0[i * B_ALL + r];
                    for (int64_t k0 = 0; k0 < K_ALL; k0 += 256) {
                        double sum = 0, c = k0 ? 1.0 : be;
                        for (int64_t k = k0; k < K_ALL && k < k0 + 256; k++)
                            sum = fma(W[i * K_ALL + k], X[k * B_ALL + r], sum);
                        y = c == 0 ? 0.7 * sum : fma(c, y, 0.7 * sum);
                    }
                    want[i * B_ALL + r] = y;
                    Y[i * B_ALL + r] = beta ? Y0[i * B_ALL + r] : (double)NAN;
                }
            /* in two parts, as two threads would */
            P->gemm_packed(M_ALL - SX_STRIP, K_ALL, B_ALL, 0.7, A + SX_STRIP * K_ALL, T, be, Y + SX_STRIP * B_ALL);
            P->gemm_packed(SX_STRIP, K_ALL, B_ALL, 0.7, A, T, be, Y);
            equal("gemm_packed", P->name, M_ALL * B_ALL, Y, want);
        }
    }
    if (sx_kernels_get("x86-64-v4")) assert_int_equal(levels, 1);
    free(W), free(X), free(Y0), free(Y), free(want), free(A), free(T);
}

static void sparse(void **state) {
    (void)state;
    enum { N = 31, M = 23, TILES = 3, B = 8 * TILES };
    int64_t row_start[M + 1] = { 0 };
    int32_t column[M * N];
    double value[M * N], want[M * B], Y[M * B], T[N * B];
    double *X = numbers(N * B, 12), *Y0 = numbers(M * B, 13);
    for (int64_t i = 0; i < M; i++) { /* rows of 0 to 22 entries in no order */
        row_start[i + 1] = row_start[i];
        for (int64_t j = 0; j < i; j++) {
            int64_t e = row_start[i + 1]++;
            column[e] = (int32_t)((7 * j + 3 * i) % N);
            value[e] = number((uint64_t)(e + 77));
        }
    }
    FOR_LEVELS(K) {
        K->tile(N, B, X, T);
        for (int64_t t = 0; t < TILES; t++)
            for (int64_t i = 0; i < N; i++)
                for (int64_t l = 0; l < 8; l++) assert_true(T[(t * N + i) * 8 + l] == X[i * B + t * 8 + l]);
        for (int beta = 0; beta < 2; beta++) {
            const double be = beta ? 1.3 : 0.0;
            for (int64_t i = 0; i < M; i++)
                for (int64_t r = 0; r < B; r++) {
                    double sum = 0;
                    for (int64_t e = row_start[i]; e < row_start[i + 1]; e++) sum += value[e] * X[column[e] * B + r];
                    want[i * B + r] = beta ? be * Y0[i * B + r] + 0.9 * sum : 0.9 * sum;
                    Y[i * B + r] = beta ? Y0[i * B + r] : (double)NAN;
                }
            /* in two parts, as two threads would */
            K->csr(11, M, row_start, column, value, 0.9, N, TILES, T, be, Y);
            K->csr(0, 11, row_start, column, value, 0.9, N, TILES, T, be, Y);
            equal("csr", K->name, M * B, Y, want);
        }
        double sums[N * 8] = { 0 }, expected[N * 8] = { 0 };
        for (int64_t i = 0; i < M; i++)
            for (int64_t e = row_start[i]; e < row_start[i + 1]; e++)
                for (int64_t r = 0; r < 8; r++) expected[column[e] * 8 + r] += value[e] * Y0[i * B + 5 + r];
        K->csr_scatter(M, row_start, column, value, B, Y0 + 5, sums);
        equal("csr_scatter", K->name, N * 8, sums, expected);
    }
    free(X), free(Y0);
}

/* J += e s^T and h = J s: sums in 8 lanes, added 4 + 4, 2 + 2, 1 + 1 ; rows in and out of groups of eight. */
static void learning_step(void **state) {
    (void)state;
    static const int64_t columns[] = { 1, 7, 8, 25, 31, 32, 33, 64, 100, 137 };
    for (size_t q = 0; q < sizeof columns / sizeof *columns; q++)
        for (int64_t rows = 1; rows <= 19; rows += 6) {
            const int64_t n = columns[q], ld = (n + 7) / 8 * 8;
            double *J0 = numbers(rows * ld, 61), *J = numbers(rows * ld, 61), *e = numbers(rows, 62),
                   *s = numbers(ld, 63);
            double h[19], want[19], alone;
            for (int64_t i = 0; i < rows; i++)
                for (int64_t j = n; j < ld; j++) J0[i * ld + j] = s[j] = 0;
            FOR_LEVELS(K) {
                memcpy(J, J0, (size_t)(rows * ld) * sizeof *J);
                K->rank_one(rows, ld, e, s, J, h);
                for (int64_t i = 0; i < rows; i++) {
                    double lane[8] = { 0 };
                    for (int64_t j = 0; j < ld; j++) {
                        double w = J0[i * ld + j] + e[i] * s[j];
                        equal("rank_one, J", K->name, 1, &J[i * ld + j], &w);
                        lane[j % 8] += w * s[j];
                    }
                    for (int half = 4; half > 0; half /= 2)
                        for (int k = 0; k < half; k++) lane[k] += lane[k + half];
                    want[i] = lane[0];
                }
                equal("rank_one", K->name, rows, h, want);
                K->rows_times(rows, ld, J, s, h);
                equal("rows_times", K->name, rows, h, want);
                K->rows_times(1, ld, J, s, &alone);
                equal("rows_times of one row", K->name, 1, &alone, want);
            }
            free(J0), free(J), free(e), free(s);
        }
}

static void names(void **state) {
    (void)state;
    assert_string_equal(sx_kernels_get("x86-64")->name, "x86-64"); /* every x86-64 CPU has it */
    FOR_LEVELS(K) assert_string_equal(K->name, level_names[level_]);
    assert_null(sx_kernels_get(""));
    /* the default is the highest level present */
    const sx_kernels *best = NULL;
    FOR_LEVELS(K) best = K;
    assert_ptr_equal(best, sx_kernels_get(NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elementwise), cmocka_unit_test(nonfinite),     cmocka_unit_test(sums),
        cmocka_unit_test(dense),       cmocka_unit_test(packed),        cmocka_unit_test(sparse),
        cmocka_unit_test(names),       cmocka_unit_test(learning_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
