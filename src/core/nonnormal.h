// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* How far an operator is from normal, and what that does: numerical abscissa, Henrici's departure, the Kreiss constant from below, resolvent norms
 * over the plane (L. N. Trefethen, M. Embree, Spectra and Pseudospectra, Princeton 2005). */
#ifndef SX_CORE_NONNORMAL_H
#define SX_CORE_NONNORMAL_H

#include "core/krylov.h"

/* Largest eigenvalue of (A + A^T)/2: the largest initial growth rate of |x|. Large operators: Lanczos, needs the adjoint. */
sx_status sx_numerical_abscissa_dense(sx_ctx *ctx, int64_t n, const double *A, double *out) SX_MUST_USE;
sx_status sx_numerical_abscissa(sx_ctx *ctx, const sx_operator *a, double tolerance, sx_key key,
                                double *out) SX_MUST_USE;
/* sqrt(|A|_F^2 - sum |lambda|^2), never below zero; 0 for a normal matrix. */
double sx_henrici(int64_t n, const double *A, const double *re, const double *im);

/* Complex Schur form of a dense matrix, for many resolvent norms. n^2 complex numbers. */
typedef struct sx_resolvent sx_resolvent;
sx_status sx_resolvent_create(sx_ctx *ctx, int64_t n, const double *A, sx_resolvent **out) SX_MUST_USE;
void sx_resolvent_free(sx_ctx *ctx, sx_resolvent *r);
/* Smallest singular value of z - A, that is 1/|(z - A)^-1|, for `points` values of z in parallel; relative accuracy 1e-6 or better. Inverse Lanczos:
 * O(n^2) each. out may be 0 (z is an eigenvalue). */
sx_status sx_resolvent_smallest(sx_ctx *ctx, const sx_resolvent *r, int64_t points, const double *re, const double *im,
                                double *out) SX_MUST_USE;
/* Eigenvalues of the Schur form. */
void sx_resolvent_eigenvalues(const sx_resolvent *r, double *re, double *im);
/* max over real x > 0 of x |(x - A)^-1|, at least 1 (its limit for large x): a lower bound of the Kreiss constant of e^{At} and so of
 * max_t |e^{At}|. at: the x of the maximum (INFINITY when it is the limit). A with an eigenvalue of Re >= 0: INFINITY. */
sx_status sx_resolvent_kreiss(sx_ctx *ctx, const sx_resolvent *r, double *bound, double *at) SX_MUST_USE;
/* The same from below for large operators: Lanczos on (x - A)^T (x - A) at a few x, `products` products at most. Ritz values lie above the smallest
 * eigenvalue, so every number is a valid lower bound. Needs the adjoint; the caller knows that A is stable. scale: about |A|. */
sx_status sx_kreiss_bound(sx_ctx *ctx, const sx_operator *a, double scale, int64_t products, sx_key key, double *bound,
                          double *at) SX_MUST_USE;

#endif
