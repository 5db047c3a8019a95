// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Dense eigenvalue problems with both sides' vectors and condition numbers. Row-major; vectors are packed as in sx_modes (krylov.h):
 * mode k in row k, a conjugate pair (k, k+1) with Im > 0 first as its real part in row k and its imaginary part in row k + 1. */
#ifndef SX_CORE_LINALG_EIGEN_H
#define SX_CORE_LINALG_EIGEN_H

#include <separatrix/context.h>

/* A v = lambda v and w^H A = lambda w^H of a general matrix, balanced (dgeevx), in LAPACK's order. |v| = 1 with the largest component real and
 * positive, w^H v = 1. right, left [n][n] and condition [n] = |w| |v| / |w^H v| (computed on the unbalanced matrix, infinite for a defective
 * eigenvalue) may each be NULL. */
sx_status sx_general_eigen(sx_ctx *ctx, int64_t n, const double *A, double *re, double *im, double *right, double *left,
                           double *condition) SX_MUST_USE;
/* H v = lambda G v, H symmetric, G symmetric positive definite (dsygvd): ascending values; row k of V is v_k with v_k^T G v_l = delta_kl. The
 * left vector of mode k of G^-1 H is G v_k. V may be NULL. SX_E_NUMERIC when G is not positive definite. */
sx_status sx_pencil_eigen(sx_ctx *ctx, int64_t n, const double *H, const double *G, double *values,
                          double *V) SX_MUST_USE;
/* -ln |zeta| of a multiplier zeta = a + i b, as -log1p((a - 1)(a + 1) + b^2) / 2 where |zeta| is near 1: no digits are lost. */
double sx_multiplier_rate(double re, double im);

#endif
