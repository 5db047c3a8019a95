// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Long thin matrices: k vectors of n numbers in rows. Every product is cut into chunks of SX_BASIS_CHUNK columns, whose partial sums are added
 * in order: the bits do not depend on the workers. For the files of krylov.h and its users only. */
#ifndef SX_CORE_KRYLOV_BASIS_H
#define SX_CORE_KRYLOV_BASIS_H

#include "core/kernels.h"
#include "core/krylov.h"

enum { SX_BASIS_CHUNK = 512 };

/* body for all chunks; by the calling thread alone when they are few (waking the workers would cost more). */
sx_status sx_chunks_run(sx_ctx *ctx, int64_t chunks, sx_status (*body)(sx_ctx *child, int64_t i, int worker, void *arg),
                        void *arg) SX_MUST_USE;

/* Scratch for n columns and at most m rows. */
typedef struct sx_basis {
    const sx_kernels *kernels;
    int64_t n, chunks;
    int m;
    double *partial; /* [chunks][m] */
    double *rotated; /* [workers][m][CHUNK] */
    double *h;       /* [m] */
} sx_basis;

sx_status sx_basis_create(sx_ctx *ctx, int64_t n, int m, sx_basis *out) SX_MUST_USE;
void sx_basis_free(sx_ctx *ctx, sx_basis *b);

/* w -= V^T h, h = V w, twice (classical Gram-Schmidt with reorthogonalisation); h [j] is the sum of both passes. V has j rows. */
sx_status sx_basis_orthogonalise(sx_ctx *ctx, sx_basis *b, int j, const double *V, double *w, double *h) SX_MUST_USE;
/* V[0..k) = Z^T V[0..size) in place; Z column-major, leading dimension ldz. */
sx_status sx_basis_rotate(sx_ctx *ctx, sx_basis *b, int size, int k, const double *Z, int ldz, double *V) SX_MUST_USE;
/* out[p][q] = X Y^T for X [p][n], Y [q][n]. */
void sx_basis_gram(int64_t n, int p, const double *X, int q, const double *Y, double *out);
/* Out[k][n] = beta Out + alpha C V, C [k][size] row-major, V [size][n]; Out is not V. */
sx_status sx_basis_combine(sx_ctx *ctx, int64_t n, int k, int size, double alpha, const double *C, const double *V,
                           double beta, double *Out) SX_MUST_USE;
/* Euclidean length; x scaled by 1/length. */
double sx_basis_norm(const sx_basis *b, const double *x);
void sx_basis_scale(const sx_basis *b, double s, double *x);

/* y = A x with one column: cancellation polled, *products counted, result finite. SX_STOPPED when cancelled. */
sx_status sx_operator_apply(sx_ctx *ctx, const sx_operator *a, const double *x, double *y,
                            int64_t *products) SX_MUST_USE;
/* The same with b columns, b <= a->block; y = A^T x when adjoint. */
sx_status sx_operator_apply_block(sx_ctx *ctx, const sx_operator *a, bool adjoint, int64_t b, const double *x,
                                  double *y, int64_t *products) SX_MUST_USE;

/* Return at once unless SX_OK: failures get a frame, SX_STOPPED and the like go up as they are. */
#define SX_RUN(ctx, call)                                                                                              \
    do {                                                                                                               \
        sx_status sx_run_ = (call);                                                                                    \
        if (sx_run_ < 0) (void)sx_frame_at((ctx), sx_run_, __FILE__, __LINE__, __func__);                              \
        if (sx_run_ != SX_OK) return sx_run_;                                                                          \
    } while (0)
/* The same, to the single exit that frees. */
#define SX_RUN_GO(ctx, status, label, call)                                                                            \
    do {                                                                                                               \
        (status) = (call);                                                                                             \
        if ((status) < 0) (void)sx_frame_at((ctx), (status), __FILE__, __LINE__, __func__);                            \
        if ((status) != SX_OK) goto label;                                                                             \
    } while (0)

#endif
