// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* What the files krylov*.c share. */
#ifndef SX_CORE_KRYLOV_PRIVATE_H
#define SX_CORE_KRYLOV_PRIVATE_H

#include "core/krylov_basis.h"

#include <lapacke.h>

/* One run for the eigenvalues of A through C (C = A, or an operator with the same eigenvectors):
 *     C V = V H + beta v e^T      rows of V, H column-major with leading dimension m.
 * Leading `extract` Schur vectors of C go into a Rayleigh-Ritz step with A itself: residuals are true ones. */
typedef struct sx_krylov {
    const sx_operator *a, *c;
    const sx_krylov_opts *o;
    sx_basis b;
    int64_t n, products;
    int m, wanted, extract,
        keep; /* most vectors; eigenvalues wanted; Schur vectors extracted and kept (before pairs are completed) */
    int restarts, degree;
    double cnorm;      /* largest |C v| seen, |v| = 1 */
    double anorm;      /* the same of A */
    double *V;         /* [rows][n] */
    double *H, *Z, *Y; /* [m][m] */
    double *re, *im;   /* [m] Ritz values of C, those of the leading Schur vectors first */
    double *estimate;  /* [m] their residuals with C */
    double *h, *work;  /* [m], [3 m + 64] */
    lapack_logical *select;
    /* Rayleigh-Ritz with A, in the wanted order: eigenvalues, true residuals, vectors in terms of V */
    int found, converged;
    double *G, *S, *y;             /* [limit][limit] */
    double *are, *aim, *aresidual; /* [limit] */
    int limit;
    sx_filter *filter;         /* owned; the present C when not NULL */
    double *seen_re, *seen_im; /* [m] Ritz values of A after the first expansion: an outline of the spectrum */
    int seen;
} sx_krylov;

/* Larger is wanted more. */
double sx_krylov_score(const sx_krylov_opts *o, double re, double im);
/* Residual that counts as converged: tolerance |theta|, tolerance norm, or the rounding of a product. */
double sx_krylov_limit(const sx_krylov *s, double re, double im);
/* Rayleigh-Ritz of A on the first `size` rows of V, `scratch` rows of length n beside; fills found, converged and the arrays. */
sx_status sx_krylov_extract(sx_ctx *ctx, sx_krylov *s, int size, double *scratch) SX_MUST_USE;
/* Ritz values of A alone on the first `size` rows of V into re, im; one row of scratch. */
sx_status sx_krylov_ritz(sx_ctx *ctx, sx_krylov *s, int size, double *scratch) SX_MUST_USE;
/* Highest degree that is chosen unasked. */
enum { SX_KRYLOV_DEGREE = 400 };
/* Polynomial for the wanted ones from Ritz values of A; s->filter and s->c are replaced, by at least twice the degree of a filter
 * before. The caller starts again when s->filter has changed. */
sx_status sx_krylov_plan(sx_ctx *ctx, sx_krylov *s, int kind, int ritz, const double *re, const double *im) SX_MUST_USE;
/* One run for right vectors; left vectors and everything normalised. */
sx_status sx_krylov_run(sx_ctx *ctx, const sx_operator *a, const sx_krylov_opts *o, sx_modes *out) SX_MUST_USE;
sx_status sx_krylov_left(sx_ctx *ctx, const sx_operator *a, const sx_krylov_opts *o, sx_modes *m) SX_MUST_USE;

#endif
