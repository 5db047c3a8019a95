// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Small dense products and sparse products with batches: every element is one sum in the order of k (or of the row's entries),
 * starting from 0, kept in a register; only the number of elements done at once depends on the level. */
#include "core/kernels/level.h"

/* -- dense: Y = beta Y + alpha W X ------------------------------------------------------------------------------------------- */

/* W[row, k] at W[row * rs + k * ks]: both W and its transpose. */
typedef struct {
    const double *W, *X;
    double *Y, alpha, beta;
    int64_t k, b, rs, ks;
} sx_product;

/* ROWS x COLS registers of Y at row i, column c. Literal bounds, so that both compilers keep acc in registers. */
#define SX_DENSE_BLOCK(ROWS, COLS)                                                                                     \
    static void dense_##ROWS##x##COLS(const sx_product *p, int64_t i, int64_t c) {                                     \
        const int64_t b = p->b, rs = p->rs, ks = p->ks, k = p->k;                                                      \
        const double *W = p->W + i * rs, *X = p->X + c;                                                                \
        sx_lanes acc[ROWS][COLS] = { { { 0 } } };                                                                      \
        for (int64_t e = 0; e < k; e++, W += ks, X += b)                                                               \
            for (int r = 0; r < ROWS; r++)                                                                             \
                for (int j = 0; j < COLS; j++) acc[r][j] += W[r * rs] * sx_lanes_load(X + j * SX_LANES);               \
        for (int r = 0; r < ROWS; r++)                                                                                 \
            for (int j = 0; j < COLS; j++) {                                                                           \
                double *y = p->Y + (i + r) * b + c + j * SX_LANES;                                                     \
                sx_lanes v = p->alpha * acc[r][j];                                                                     \
                sx_lanes_store(y, p->beta == 0.0 ? v : p->beta * sx_lanes_load(y) + v);                                \
            }                                                                                                          \
    }

/* Columns that fill no register: ROWS independent sums. */
#define SX_DENSE_COLUMN(ROWS)                                                                                          \
    static void dense_##ROWS##x0(const sx_product *p, int64_t i, int64_t c) {                                          \
        double acc[ROWS] = { 0 };                                                                                      \
        const double *W = p->W + i * p->rs, *X = p->X + c;                                                             \
        for (int64_t e = 0; e < p->k; e++, W += p->ks, X += p->b)                                                      \
            for (int r = 0; r < ROWS; r++) acc[r] += W[r * p->rs] * *X;                                                \
        for (int r = 0; r < ROWS; r++) {                                                                               \
            double *y = p->Y + (i + r) * p->b + c;                                                                     \
            *y = p->beta == 0.0 ? p->alpha * acc[r] : p->beta * *y + p->alpha * acc[r];                                \
        }                                                                                                              \
    }

SX_DENSE_BLOCK(1, 1)
SX_DENSE_BLOCK(1, 2)
SX_DENSE_BLOCK(4, 1)
SX_DENSE_BLOCK(4, 2)
SX_DENSE_COLUMN(1)
SX_DENSE_COLUMN(8)
#if SX_LANES == 8 /* 32 registers */
SX_DENSE_BLOCK(8, 1)
SX_DENSE_BLOCK(8, 2)
#define SX_DENSE_TALL(COLS)                                                                                            \
    for (; i + 8 <= m; i += 8) dense_8x##COLS(p, i, c);
#else
#define SX_DENSE_TALL(COLS)
#endif

/* Column by column of panels, all rows of each. */
#define SX_DENSE_PANEL(COLS)                                                                                           \
    do {                                                                                                               \
        int64_t i = 0;                                                                                                 \
        SX_DENSE_TALL(COLS)                                                                                            \
        for (; i + 4 <= m; i += 4) dense_4x##COLS(p, i, c);                                                            \
        for (; i < m; i++) dense_1x##COLS(p, i, c);                                                                    \
    } while (0)

static void dense(const sx_product *p, int64_t m) {
    int64_t c = 0;
    for (; c + 2 * SX_LANES <= p->b; c += 2 * SX_LANES) SX_DENSE_PANEL(2);
    for (; c + SX_LANES <= p->b; c += SX_LANES) SX_DENSE_PANEL(1);
    for (; c < p->b; c++) {
        int64_t i = 0;
        for (; i + 8 <= m; i += 8) dense_8x0(p, i, c);
        for (; i < m; i++) dense_1x0(p, i, c);
    }
}

void SX_K(gemm)(int64_t m, int64_t k, int64_t b, double alpha, const double *W, int64_t ldw, const double *X,
                double beta, double *Y) {
    dense(&(sx_product){ .W = W, .X = X, .Y = Y, .alpha = alpha, .beta = beta, .k = k, .b = b, .rs = ldw, .ks = 1 }, m);
}

void SX_K(gemm_t)(int64_t m, int64_t k, int64_t b, double alpha, const double *W, int64_t ldw, const double *X,
                  double beta, double *Y) {
    dense(&(sx_product){ .W = W, .X = X, .Y = Y, .alpha = alpha, .beta = beta, .k = k, .b = b, .rs = 1, .ks = ldw }, m);
}

/* -- sparse: Y = beta Y + alpha W X with X in tiles of 8 columns --------------------------------------------------------------- */

enum { SX_TILE = 8, SX_REGISTERS = SX_TILE / SX_LANES };

/* One row and tile. Out-of-order execution already overlaps the loads of X: software prefetch measured no gain. */
SX_INLINE void sparse_row(int64_t e0, int64_t e1, const int32_t *column, const double *value, double alpha,
                          const double *X, double beta, double *y) {
    sx_lanes acc[SX_REGISTERS] = { { 0 } };
    for (int64_t e = e0; e < e1; e++) {
        const double *x = X + (int64_t)column[e] * SX_TILE;
        const double w = value[e];
        for (int j = 0; j < SX_REGISTERS; j++) acc[j] += w * sx_lanes_load(x + j * SX_LANES);
    }
    for (int j = 0; j < SX_REGISTERS; j++) {
        sx_lanes v = alpha * acc[j];
        sx_lanes_store(y + j * SX_LANES, beta == 0.0 ? v : beta * sx_lanes_load(y + j * SX_LANES) + v);
    }
}

void SX_K(csr)(int64_t row0, int64_t row1, const int64_t *row_start, const int32_t *column, const double *value,
               double alpha, int64_t n_in, int64_t tiles, const double *X, double beta, double *Y) {
    for (int64_t t = 0; t < tiles; t++)
        for (int64_t i = row0; i < row1; i++)
            sparse_row(row_start[i], row_start[i + 1], column, value, alpha, X + t * n_in * SX_TILE, beta,
                       Y + (i * tiles + t) * SX_TILE);
}

void SX_K(csr_scatter)(int64_t rows, const int64_t *row_start, const int32_t *column, const double *value, int64_t b,
                       const double *X, double *T) {
    for (int64_t i = 0; i < rows; i++) {
        sx_lanes x[SX_REGISTERS];
        for (int j = 0; j < SX_REGISTERS; j++) x[j] = sx_lanes_load(X + i * b + j * SX_LANES);
        for (int64_t e = row_start[i]; e < row_start[i + 1]; e++) {
            double *t = T + (int64_t)column[e] * SX_TILE;
            const double w = value[e];
            for (int j = 0; j < SX_REGISTERS; j++)
                sx_lanes_store(t + j * SX_LANES, sx_lanes_load(t + j * SX_LANES) + w * x[j]);
        }
    }
}

void SX_K(tile)(int64_t n, int64_t b, const double *X, double *T) {
    for (int64_t t = 0; t < b / SX_TILE; t++)
        for (int64_t i = 0; i < n; i++)
            for (int j = 0; j < SX_REGISTERS; j++)
                sx_lanes_store(T + (t * n + i) * SX_TILE + j * SX_LANES,
                               sx_lanes_load(X + i * b + t * SX_TILE + j * SX_LANES));
}
