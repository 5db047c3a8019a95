// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Dense eigenvalue problems with vectors of both sides. */
#include "core/linalg_eigen.h"

#include "core/krylov.h"

#include <inttypes.h>
#include <lapacke.h>
#include <math.h>
#include <string.h>

static sx_status check_matrix(sx_ctx *ctx, int64_t n, const double *A, const char *what) {
    if (n < 1 || n > INT32_MAX)
        return SX_FAIL(ctx, SX_E_USAGE, "%s: size %" PRId64 ": want 1 to %d", what, n, INT32_MAX);
    for (int64_t i = 0; i < n * n; ++i)
        if (!isfinite(A[i]))
            return SX_FAIL(ctx, SX_E_NUMERIC, "%s: entry [%" PRId64 "][%" PRId64 "] = %g: want a finite number", what,
                           i / n, i % n, A[i]);
    return SX_OK;
}

/* conj(v) of packed rows: the second row of every pair changes its sign */
static void conjugate(int64_t n, const double *im, double *rows) {
    for (int64_t k = 0; k + 1 < n; ++k)
        if (im[k] > 0) {
            for (int64_t u = 0; u < n; ++u) rows[(k + 1) * n + u] *= -1;
            ++k;
        }
}

/* LAPACK reads our rows as columns and sees B = A^T. Its right vectors, B x = lambda x, are conj(w): w^H A = lambda w^H; its left ones, y^H B = lambda y^H,
 * are conj(v): A v = lambda v. Its columns are our rows. */
sx_status sx_general_eigen(sx_ctx *ctx, int64_t n, const double *A, double *re, double *im, double *right, double *left,
                           double *condition) {
    SX_TRY(ctx, check_matrix(ctx, n, A, "eigenvectors"));
    const bool vectors = right || left || condition;
    double *a = NULL, *w = NULL, *v = NULL, *u = NULL, *kappa = NULL, *scale = NULL, *work = NULL, wish, norm, none;
    lapack_int N = (lapack_int)n, lo, hi;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, n * n, sizeof *a, &a));
    SX_GO(ctx, status, done, sx_alloc(ctx, 2 * n, sizeof *w, &w));
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *scale, &scale));
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *kappa, &kappa));
    if (vectors) {
        SX_GO(ctx, status, done, sx_alloc(ctx, n * n, sizeof *v, &v));
        SX_GO(ctx, status, done, sx_alloc(ctx, n * n, sizeof *u, &u));
    }
    memcpy(a, A, (size_t)(n * n) * sizeof *a);
    char job = vectors ? 'V' : 'N';
    double *vl = vectors ? v : &none, *vr = vectors ? u : &none;
    lapack_int ld = vectors ? N : 1, info = 0;
    for (int pass = 0; pass < 2 && !info; ++pass) { /* the wish for workspace first */
        lapack_int lwork = pass ? (lapack_int)wish : -1;
        if (pass) SX_GO(ctx, status, done, sx_alloc(ctx, lwork, sizeof *work, &work));
        info = LAPACKE_dgeevx_work(LAPACK_COL_MAJOR, 'B', job, job, 'N', N, a, N, w, w + n, vl, ld, vr, ld, &lo, &hi,
                                   scale, &norm, NULL, NULL, pass ? work : &wish, lwork, NULL);
    }
    if (info) {
        status = SX_FAIL(ctx, SX_E_NUMERIC, "dgeevx did not converge (info = %d)", (int)info);
        goto done;
    }
    memcpy(re, w, (size_t)n * sizeof *w);
    memcpy(im, w + n, (size_t)n * sizeof *w);
    if (vectors) {
        conjugate(n, im, v);
        conjugate(n, im, u);
        sx_modes_normalise(n, (int)n, im, v, u, kappa);
        if (right) memcpy(right, v, (size_t)(n * n) * sizeof *v);
        if (left) memcpy(left, u, (size_t)(n * n) * sizeof *u);
        if (condition) memcpy(condition, kappa, (size_t)n * sizeof *kappa);
    }
done:
    sx_free(ctx, work);
    sx_free(ctx, kappa);
    sx_free(ctx, scale);
    sx_free(ctx, u);
    sx_free(ctx, v);
    sx_free(ctx, w);
    sx_free(ctx, a);
    return status;
}

/* Both matrices are symmetric and read the same both ways; LAPACK's columns of vectors are our rows. */
sx_status sx_pencil_eigen(sx_ctx *ctx, int64_t n, const double *H, const double *G, double *values, double *V) {
    SX_TRY(ctx, check_matrix(ctx, n, H, "symmetric pencil, H"));
    SX_TRY(ctx, check_matrix(ctx, n, G, "symmetric pencil, G"));
    double *h = NULL, *g = NULL, *w = NULL, *work = NULL, wish;
    lapack_int *iwork = NULL, iwish, N = (lapack_int)n, info = 0;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, n * n, sizeof *h, &h));
    SX_GO(ctx, status, done, sx_alloc(ctx, n * n, sizeof *g, &g));
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *w, &w));
    for (int64_t i = 0; i < n; ++i)
        for (int64_t j = 0; j < n; ++j) {
            h[i * n + j] = 0.5 * (H[i * n + j] + H[j * n + i]);
            g[i * n + j] = 0.5 * (G[i * n + j] + G[j * n + i]);
        }
    for (int pass = 0; pass < 2 && !info; ++pass) {
        lapack_int lwork = pass ? (lapack_int)wish : -1, liwork = pass ? iwish : -1;
        if (pass) {
            SX_GO(ctx, status, done, sx_alloc(ctx, lwork, sizeof *work, &work));
            SX_GO(ctx, status, done, sx_alloc(ctx, liwork, sizeof *iwork, &iwork));
        }
        info = LAPACKE_dsygvd_work(LAPACK_COL_MAJOR, 1, V ? 'V' : 'N', 'U', N, h, N, g, N, w, pass ? work : &wish,
                                   lwork, pass ? iwork : &iwish, liwork);
    }
    if (info > N)
        status = SX_FAIL(ctx, SX_E_NUMERIC, "symmetric pencil: G is not positive definite (leading minor %d)",
                         (int)(info - N));
    else if (info)
        status = SX_FAIL(ctx, SX_E_NUMERIC, "dsygvd did not converge (info = %d)", (int)info);
    else {
        memcpy(values, w, (size_t)n * sizeof *w);
        if (V) memcpy(V, h, (size_t)(n * n) * sizeof *h);
    }
done:
    sx_free(ctx, iwork);
    sx_free(ctx, work);
    sx_free(ctx, w);
    sx_free(ctx, g);
    sx_free(ctx, h);
    return status;
}

/* |zeta|^2 - 1 = (a - 1)(a + 1) + b^2 */
double sx_multiplier_rate(double re, double im) {
    double modulus = hypot(re, im);
    if (modulus > 0.5 && modulus < 2) return -0.5 * log1p((fabs(re) - 1) * (fabs(re) + 1) + im * im);
    return -log(modulus);
}
