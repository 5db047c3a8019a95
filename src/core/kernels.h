// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The vector kernels: the same C, compiled once per x86-64 level, chosen at run time. Every kernel uses + - * / sqrt in one fixed
 * order (no contraction), so all levels give the same bits. Arrays in, arrays out; no context, no error path. */
#ifndef SX_CORE_KERNELS_H
#define SX_CORE_KERNELS_H

#include <separatrix/random.h>

#include <stdint.h>

/* Shape of packed products: rows of a strip of weights, columns of a tile of the input. */
enum { SX_STRIP = 14, SX_COLUMNS = 16 };

typedef struct sx_kernels {
    const char *name; /* "x86-64", "x86-64-v3", "x86-64-v4" */
    /* elementary functions; y may equal x */
    void (*exp)(int64_t n, const double *x, double *y);
    void (*expm1)(int64_t n, const double *x, double *y);
    void (*log)(int64_t n, const double *x, double *y);
    void (*tanh)(int64_t n, const double *x, double *y);
    void (*erf)(int64_t n, const double *x, double *y);
    void (*sincospi)(int64_t n, const double *x, double *s, double *c);
    /* the continuous Bernoulli law on [-1, 1] with natural parameter t: mean coth t - 1/t, and the draw of a uniform number u in (0, 1);
     * y, x may equal t */
    void (*langevin)(int64_t n, const double *t, double *y);
    void (*continuous_bernoulli)(int64_t n, const double *t, const double *u, double *x);
    /* random numbers: out[u*b + r], see random.h */
    void (*normal)(sx_key key, uint64_t step, uint32_t slot, uint32_t replica0, int64_t n, int64_t b, double *out);
    /* the same for the units unit0 .. unit0 + n only, unit0 even: out[(u - unit0)*b + r] */
    void (*normal_rows)(sx_key key, uint64_t step, uint32_t slot, uint32_t replica0, int64_t unit0, int64_t n,
                        int64_t b, double *out);
    void (*uniform)(sx_key key, uint64_t step, uint32_t slot, uint32_t replica0, int64_t n, int64_t b, double *out);
    /* elementwise over n numbers; out may equal an input */
    void (*lincomb)(int64_t n, double a, const double *x, double b, const double *y, double *out); /* a x + b y */
    void (*axpy)(int64_t n, double a, const double *x, double *y);                                 /* y += a x */
    void (*mul)(int64_t n, const double *x, const double *y, double *out);                         /* x y */
    void (*em)(int64_t n, double h, const double *f, double s, const double *w, double *x);        /* x += h f + s w */
    /* elementwise over batches of n rows and b columns; d, s, ... have one number per row */
    void (*em_rows)(int64_t n, int64_t b, double h, const double *f, const double *s, const double *w,
                    double *x);                                                              /* x += h f + s_u w */
    void (*scale_rows)(int64_t n, int64_t b, const double *d, const double *x, double *out); /* d_u x */
    void (*axpy_rows)(int64_t n, int64_t b, const double *d, const double *x, double *y);    /* y += d_u x */
    /* y = (y - x + I_u) * m_u: the leak of a rate network; I and m may be NULL (0 and 1) */
    void (*leak_rows)(int64_t n, int64_t b, const double *x, const double *I, const double *m, double *y);
    /* small dense products of the library's own (no BLAS: same bits on every CPU). Y[m][b] = beta Y + alpha W X, W row-major with
     * leading dimension ldw, X [k][b]; the sum over k runs in order from 0. _t: W^T, W is [k][m]. beta == 0 ignores Y. */
    void (*gemm)(int64_t m, int64_t k, int64_t b, double alpha, const double *W, int64_t ldw, const double *X,
                 double beta, double *Y);
    void (*gemm_t)(int64_t m, int64_t k, int64_t b, double alpha, const double *W, int64_t ldw, const double *X,
                   double beta, double *Y);
    /* the same for weights that were packed once, in strips [m/SX_STRIP][k][SX_STRIP] filled up with zeros, and X in tiles
     * [b/SX_COLUMNS][k][SX_COLUMNS]: `rows` rows from the first of a strip. b a multiple of SX_COLUMNS. NULL at levels that leave this to BLAS. */
    void (*gemm_packed)(int64_t rows, int64_t k, int64_t b, double alpha, const double *W, const double *tiles,
                        double beta, double *Y);
    /* J += e s^T, then h = J s, over rows of ld numbers, ld a multiple of 8: what is beyond the columns must be 0 in J and s */
    void (*rank_one)(int64_t rows, int64_t ld, const double *e, const double *s, double *J, double *h);
    /* h = J s with the same sums; rows = 1: one unit */
    void (*rows_times)(int64_t rows, int64_t ld, const double *J, const double *s, double *h);
    /* CSR times tiles: X is tile-major, X[tile][column][8]; rows row0..row1 of Y[row][b], b = 8 tiles.
     * Y = beta Y + alpha W X; the sum over a row runs in the order of its columns. */
    void (*csr)(int64_t row0, int64_t row1, const int64_t *row_start, const int32_t *column, const double *value,
                double alpha, int64_t n_in, int64_t tiles, const double *X, double beta, double *Y);
    /* The transposed sums of eight columns: T[column][8] += value * X[row][0..8), the rows of X b numbers apart. */
    void (*csr_scatter)(int64_t rows, const int64_t *row_start, const int32_t *column, const double *value, int64_t b,
                        const double *X, double *T);
    /* pack X[n][b] into tiles [b/8][n][8] */
    void (*tile)(int64_t n, int64_t b, const double *X, double *T);
    /* fixed-shape reductions: blocks of 1024, 8 lanes, fixed tree; sums over n numbers */
    double (*sum)(int64_t n, const double *x);
    double (*dot)(int64_t n, const double *x, const double *y);
    /* streaming moments over a batch: per element sum += x, sumsq += x^2 */
    void (*moments)(int64_t n, const double *x, double *sum, double *sumsq);
    /* true if any of n numbers is inf or NaN (exponent bits OR) */
    int (*nonfinite)(int64_t n, const double *x);
} sx_kernels;

/* The set for this CPU; a pointer to a const table. level: NULL = best, else a name (NULL returned if the CPU lacks it). */
const sx_kernels *sx_kernels_get(const char *level);

#endif
