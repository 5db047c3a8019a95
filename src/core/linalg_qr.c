// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* QR factors of tall matrices by blocked Householder reflections (LAPACK's recursive dgeqrt, whose panels are matrix products too: plain
 * dgeqrf turns to vector code below 128 columns). Shapes depend on n and k only, scratch is the caller's. */
#include "core/linalg.h"

#include <lapacke.h>
#include <string.h>

enum { PANEL = 32 };

static int64_t panel_of(int64_t k) {
    return k < PANEL ? k : PANEL;
}

/* columns of A | columns of Q | block reflectors | work of the panels */
int64_t sx_qr_work(int64_t n, int64_t k) {
    const int64_t nb = panel_of(k);
    return (2 * n + 2 * nb) * k + 8;
}

/* to[j][i] = from[i][j] in tiles that stay in the first-level cache */
static void transpose(int64_t rows, int64_t columns, const double *from, int64_t from_ld, double *to, int64_t to_ld) {
    enum { TILE = 16 };
    for (int64_t i0 = 0; i0 < rows; i0 += TILE)
        for (int64_t j0 = 0; j0 < columns; j0 += TILE) {
            const int64_t i1 = i0 + TILE < rows ? i0 + TILE : rows, j1 = j0 + TILE < columns ? j0 + TILE : columns;
            for (int64_t j = j0; j < j1; j++)
                for (int64_t i = i0; i < i1; i++) to[j * to_ld + i] = from[i * from_ld + j];
        }
}

sx_status sx_qr(sx_ctx *ctx, int64_t n, int64_t k, double *A, int64_t lda, double *R, double *work) {
    if (k < 0 || k > n || k > lda || n > INT32_MAX)
        return SX_FAIL(ctx, SX_E_USAGE, "QR of a %lld x %lld matrix: want at least as many rows as columns",
                       (long long)n, (long long)k);
    if (k == 0) return SX_OK;
    const int64_t nb = panel_of(k);
    const lapack_int N = (lapack_int)n, K = (lapack_int)k, NB = (lapack_int)nb;
    double *a = work, *q = a + n * k, *t = q + n * k, *panel = t + nb * k;
    transpose(n, k, A, lda, a, n);
    lapack_int info = LAPACKE_dgeqrt_work(LAPACK_COL_MAJOR, N, K, NB, a, N, t, NB, panel);
    if (info == 0) {
        memset(q, 0, (size_t)(n * k) * sizeof *q);
        for (int64_t j = 0; j < k; j++) q[j * n + j] = 1.0;
        info = LAPACKE_dgemqrt_work(LAPACK_COL_MAJOR, 'L', 'N', N, K, K, NB, a, N, t, NB, q, N, panel);
    }
    if (info != 0) return SX_FAIL(ctx, SX_E_INTERNAL, "dgeqrt: argument %d is wrong", (int)-info);
    for (int64_t j = 0; j < k; j++) /* row j of R and column j of Q change sign together */
        if (a[j * n + j] < 0) {
            for (int64_t i = 0; i < n; i++) q[j * n + i] = -q[j * n + i];
            for (int64_t i = j; i < k; i++) a[i * n + j] = -a[i * n + j];
        }
    for (int64_t i = 0; i < k; i++)
        for (int64_t j = 0; j < k; j++) R[i * k + j] = j < i ? 0.0 : a[j * n + i];
    transpose(k, n, q, n, A, lda);
    return SX_OK;
}
