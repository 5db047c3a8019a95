// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Large dense products with weights that never change: W is packed once into strips of SX_STRIP rows and the input comes in tiles of SX_COLUMNS
 * columns, so that a step neither copies nor transposes anything. Strip and tile of one k-block stay in the first-level cache, the block of tiles
 * in the second; the sums of a strip x tile stay in 28 of the 32 registers (Goto & van de Geijn, ACM TOMS 34 (2008) 12). With fused
 * multiply-add, hence only at the level that is sure to have enough registers for it; elsewhere BLAS is as good. */
#include "core/kernels/level.h"

#if SX_HAS_PACKED

#include <immintrin.h>

enum { K_BLOCK = 256, VECTORS = SX_COLUMNS / 8 };

/* One strip times one tile: SX_STRIP x SX_COLUMNS sums over `count` terms. */
SX_INLINE void block(int64_t count, const double *W, const double *X, __m512d acc[SX_STRIP][VECTORS]) {
#pragma GCC unroll 14
    for (int i = 0; i < SX_STRIP; i++)
        for (int j = 0; j < VECTORS; j++) acc[i][j] = _mm512_setzero_pd();
    for (int64_t e = 0; e < count; e++, W += SX_STRIP, X += SX_COLUMNS) {
        __m512d x0 = _mm512_loadu_pd(X), x1 = _mm512_loadu_pd(X + 8);
        _mm_prefetch((const char *)(W + 8 * SX_STRIP), _MM_HINT_T0);
#pragma GCC unroll 14
        for (int i = 0; i < SX_STRIP; i++) {
            __m512d w = _mm512_set1_pd(W[i]);
            acc[i][0] = _mm512_fmadd_pd(w, x0, acc[i][0]);
            acc[i][1] = _mm512_fmadd_pd(w, x1, acc[i][1]);
        }
    }
}

/* Y = beta Y + alpha acc for the rows of the strip that exist. */
SX_INLINE void store(int64_t rows, int64_t b, double alpha, __m512d acc[SX_STRIP][VECTORS], double beta, double *Y) {
    const __m512d a = _mm512_set1_pd(alpha), c = _mm512_set1_pd(beta);
#pragma GCC unroll 14
    for (int i = 0; i < SX_STRIP; i++) {
        if (i >= rows) break;
        for (int j = 0; j < VECTORS; j++) {
            double *y = Y + i * b + 8 * j;
            __m512d v = _mm512_mul_pd(a, acc[i][j]);
            _mm512_storeu_pd(y, beta == 0.0 ? v : _mm512_fmadd_pd(c, _mm512_loadu_pd(y), v));
        }
    }
}

void SX_K(gemm_packed)(int64_t rows, int64_t k, int64_t b, double alpha, const double *W, const double *tiles,
                       double beta, double *Y) {
    __m512d acc[SX_STRIP][VECTORS];
    for (int64_t k0 = 0; k0 < k; k0 += K_BLOCK) {
        const int64_t count = k - k0 < K_BLOCK ? k - k0 : K_BLOCK;
        for (int64_t i = 0; i < rows; i += SX_STRIP)
            for (int64_t c = 0; c < b; c += SX_COLUMNS) {
                block(count, W + i * k + k0 * SX_STRIP, tiles + c * k + k0 * SX_COLUMNS, acc);
                store(rows - i, b, alpha, acc, k0 == 0 ? beta : 1.0, Y + i * b + c);
            }
    }
}

#else
typedef int sx_no_packed_product; /* a file is not to be empty */
#endif
