// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Dense linear algebra, row-major, on OpenBLAS and LAPACKE with one BLAS thread per call. */
#ifndef SX_CORE_LINALG_H
#define SX_CORE_LINALG_H

#include <separatrix/context.h>

/* C[m][n] = alpha op(A) op(B) + beta C; op(A) is m x k. lda etc. are row strides. */
void sx_gemm(bool ta, bool tb, int64_t m, int64_t n, int64_t k, double alpha, const double *A, int64_t lda,
             const double *B, int64_t ldb, double beta, double *C, int64_t ldc);
/* One BLAS thread per call from now on (OpenBLAS keeps this per process); called by sx_ctx_create. */
void sx_blas_single_thread(void);
/* "openblas 0.3.21 SkylakeX", or "unknown". */
SX_API const char *sx_blas_name(void);

/* Eigenvalues and orthonormal eigenvectors (columns of V) of a symmetric matrix, ascending. V may be NULL. A is kept. */
sx_status sx_symmetric_eigen(sx_ctx *ctx, int64_t n, const double *A, double *values, double *V) SX_MUST_USE;
/* Eigenvalues of a general matrix. */
sx_status sx_eigenvalues(sx_ctx *ctx, int64_t n, const double *A, double *re, double *im) SX_MUST_USE;
/* Lower Cholesky factor; SX_E_NUMERIC if not positive definite. */
sx_status sx_cholesky(sx_ctx *ctx, int64_t n, const double *A, double *L) SX_MUST_USE;
/* X = A^-1 B, B n x m. SX_E_NUMERIC if singular. */
sx_status sx_solve(sx_ctx *ctx, int64_t n, int64_t m, const double *A, const double *B, double *X) SX_MUST_USE;
/* e^A: scaling and squaring with Pade 13 (Higham 2005). */
sx_status sx_expm(sx_ctx *ctx, int64_t n, const double *A, double *E) SX_MUST_USE;
/* X of A X + X A^T + Q = 0, Q symmetric: Schur form and dtrsyl (Bartels-Stewart). SX_E_NUMERIC if A and -A share an eigenvalue. */
sx_status sx_lyapunov(sx_ctx *ctx, int64_t n, const double *A, const double *Q, double *X) SX_MUST_USE;
/* X of X = A X A^T + Q (doubling). SX_E_NUMERIC if the spectral radius of A is not below 1. */
sx_status sx_stein(sx_ctx *ctx, int64_t n, const double *A, const double *Q, double *X) SX_MUST_USE;
/* A = Q R in place: A, n x k with n >= k and rows lda apart, becomes Q with orthonormal columns; R is k x k, upper, its diagonal >= 0. Blocked Householder
 * reflections; `work` has sx_qr_work(n, k) doubles. Columns that depend on earlier ones give R_jj = 0 and any orthonormal column. */
int64_t sx_qr_work(int64_t n, int64_t k);
sx_status sx_qr(sx_ctx *ctx, int64_t n, int64_t k, double *A, int64_t lda, double *R, double *work) SX_MUST_USE;
/* Symmetric positive semidefinite square root factor: B n x rank with B B^T = A (eigenvalues below n eps max dropped). */
sx_status sx_psd_factor(sx_ctx *ctx, int64_t n, const double *A, double *B, int64_t *rank) SX_MUST_USE;

#endif
