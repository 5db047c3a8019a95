// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Spectral radius of a coupling: LAPACK for a matrix that fits, Krylov-Schur beyond (Stewart, SIAM J. Matrix Anal. Appl. 23, 601, 2001). */
#include "models/coupling_private.h"

#include "core/linalg.h"

#include <lapacke.h>

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { DENSE_LIMIT = 2000, BASIS = 100, RESTARTS = 400, CHUNK = 512 };
static const double tolerance = 1e-9;

/* A V = V H + beta v e^T with the basis vectors in the rows of V, H column-major. */
typedef struct krylov {
    int m; /* largest basis */
    int64_t n;
    double *V, *H, *Z, *re, *im, *rotated, *h;
    lapack_logical *select;
    double *scratch;
    sx_work work;
} krylov;

/* Extend the basis from k to m vectors; two passes of Gram-Schmidt keep it orthonormal. Returns its size, smaller when the space
 * turned out invariant (beta = 0). */
static int expand(krylov *s, const sx_coupling *w, int k, double *beta) {
    const sx_kernels *f = w->kernels;
    int64_t n = s->n;
    for (int j = k; j < s->m; j++) {
        double *next = s->V + (int64_t)(j + 1) * n;
        sx_cbatch in = { s->V + (int64_t)j * n, n, 1 };
        sx_batch out = { next, n, 1 };
        sx_coupling_apply(w, false, 1.0, in, 0.0, out, s->work);
        double size = sqrt(f->dot(n, next, next));
        for (int i = 0; i <= j; i++) s->h[i] = 0;
        for (int pass = 0; pass < 2; pass++)
            for (int i = 0; i <= j; i++) {
                double c = f->dot(n, s->V + (int64_t)i * n, next);
                s->h[i] += c;
                f->axpy(n, -c, s->V + (int64_t)i * n, next);
            }
        for (int i = 0; i <= j; i++) s->H[i + (int64_t)j * s->m] = s->h[i];
        *beta = sqrt(f->dot(n, next, next));
        if (!(*beta > 1e-14 * size)) {
            *beta = 0;
            return j + 1;
        }
        f->lincomb(n, 1.0 / *beta, next, 0.0, next, next);
        if (j + 1 < s->m) s->H[j + 1 + (int64_t)j * s->m] = *beta;
    }
    return s->m;
}

/* Mark the `keep` eigenvalues of largest modulus, conjugate pairs together, and return how many that are. */
static int mark_largest(krylov *s, int size, int keep) {
    int marked = 0;
    memset(s->select, 0, (size_t)s->m * sizeof *s->select);
    while (marked < keep) {
        int best = -1;
        double most = -1;
        for (int i = 0; i < size; i++) {
            double modulus = hypot(s->re[i], s->im[i]);
            if (!s->select[i] && modulus > most) {
                most = modulus;
                best = i;
            }
        }
        if (best < 0) break;
        s->select[best] = 1;
        marked++;
        int pair = s->im[best] > 0 ? best + 1 : s->im[best] < 0 ? best - 1 : -1;
        if (pair >= 0 && pair < size && !s->select[pair]) {
            s->select[pair] = 1;
            marked++;
        }
    }
    return marked;
}

static sx_status reorder(sx_ctx *ctx, krylov *s, int size, int *marked) {
    lapack_int m = 0, iwork;
    double condition, separation;
    /* the short form passes no iwork for job 'N', which dtrsen writes to all the same */
    lapack_int info = LAPACKE_dtrsen_work(LAPACK_COL_MAJOR, 'N', 'V', s->select, size, s->H, s->m, s->Z, s->m, s->re,
                                          s->im, &m, &condition, &separation, s->h, s->m, &iwork, 1);
    if (info < 0) return SX_FAIL(ctx, SX_E_INTERNAL, "dtrsen: argument %d", (int)-info);
    *marked = m; /* info 1: too close to reorder further; the part done is still a Schur form */
    return SX_OK;
}

/* V[0..k) = Z^T V, in chunks of columns; the residual vector follows as row k. */
static void rotate(krylov *s, int size, int k) {
    for (int64_t first = 0; first < s->n; first += CHUNK) {
        int64_t width = s->n - first < CHUNK ? s->n - first : CHUNK;
        /* Z is column-major: as a row-major matrix it is Z^T */
        sx_gemm(false, false, k, width, size, 1.0, s->Z, s->m, s->V + first, s->n, 0.0, s->rotated, CHUNK);
        for (int i = 0; i < k; i++)
            memcpy(s->V + (int64_t)i * s->n + first, s->rotated + (int64_t)i * CHUNK, (size_t)width * sizeof(double));
    }
    memcpy(s->V + (int64_t)k * s->n, s->V + (int64_t)size * s->n, (size_t)s->n * sizeof(double));
}

static sx_status iterate(sx_ctx *ctx, krylov *s, const sx_coupling *w, double *out) {
    double beta = 0, radius = 0;
    int k = 0, m = s->m;
    sx_normal_fill(sx_key_seed(0), 0, SX_SLOT_INITIAL, 0, s->n, 1, s->V);
    double size0 = sqrt(w->kernels->dot(s->n, s->V, s->V));
    w->kernels->lincomb(s->n, 1.0 / size0, s->V, 0.0, s->V, s->V);
    for (int restart = 0; restart < RESTARTS; restart++) {
        int size = expand(s, w, k, &beta), marked;
        lapack_int sorted;
        lapack_int info =
            LAPACKE_dgees(LAPACK_COL_MAJOR, 'V', 'N', NULL, size, s->H, m, &sorted, s->re, s->im, s->Z, m);
        if (info) return SX_FAIL(ctx, SX_E_NUMERIC, "dgees found no Schur form (info %d)", (int)info);
        (void)mark_largest(s, size, 1);
        SX_TRY(ctx, reorder(ctx, s, size, &marked));
        radius = hypot(s->re[0], s->im[0]);
        double residual = 0;
        for (int j = 0; j < marked; j++) residual = hypot(residual, beta * s->Z[size - 1 + (int64_t)j * m]);
        if (residual <= tolerance * radius || beta == 0) {
            *out = radius;
            return SX_OK;
        }
        (void)mark_largest(s, size, m / 2);
        SX_TRY(ctx, reorder(ctx, s, size, &k));
        rotate(s, size, k);
        for (int j = 0; j < m; j++) /* keep the leading block; row k holds beta times the last row of Z */
            for (int i = 0; i < m; i++) {
                double *h = s->H + i + (int64_t)j * m;
                if (i >= k || j >= k) *h = i == k && j < k ? beta * s->Z[size - 1 + (int64_t)j * m] : 0.0;
            }
        if (sx_cancelled(ctx)) return SX_STOPPED;
    }
    *out = radius;
    return SX_NOT_CONVERGED;
}

sx_status sx_coupling_krylov_radius(sx_ctx *ctx, const sx_coupling *w, int basis, double *out) {
    krylov s = { .n = w->n_out };
    sx_status status;
    s.m = basis < s.n ? basis : (int)s.n;
    int64_t m = s.m, scratch = sx_coupling_work(w, 1);
    SX_GO(ctx, status, done, sx_alloc(ctx, (m + 1) * s.n, sizeof *s.V, &s.V));
    SX_GO(ctx, status, done, sx_alloc(ctx, m * m, sizeof *s.H, &s.H));
    SX_GO(ctx, status, done, sx_alloc(ctx, m * m, sizeof *s.Z, &s.Z));
    SX_GO(ctx, status, done, sx_alloc(ctx, m, sizeof *s.re, &s.re));
    SX_GO(ctx, status, done, sx_alloc(ctx, m, sizeof *s.im, &s.im));
    SX_GO(ctx, status, done, sx_alloc(ctx, m, sizeof *s.h, &s.h));
    SX_GO(ctx, status, done, sx_alloc(ctx, m * CHUNK, sizeof *s.rotated, &s.rotated));
    SX_GO(ctx, status, done, sx_alloc(ctx, m, sizeof *s.select, &s.select));
    SX_GO(ctx, status, done, sx_alloc(ctx, scratch, sizeof *s.scratch, &s.scratch));
    s.work = (sx_work){ .p = s.scratch, .doubles = scratch, .exec = sx_ctx_exec(ctx) };
    SX_GO(ctx, status, done, iterate(ctx, &s, w, out));
done:
    sx_free(ctx, s.V);
    sx_free(ctx, s.H);
    sx_free(ctx, s.Z);
    sx_free(ctx, s.re);
    sx_free(ctx, s.im);
    sx_free(ctx, s.h);
    sx_free(ctx, s.rotated);
    sx_free(ctx, s.select);
    sx_free(ctx, s.scratch);
    return status;
}

static sx_status dense_radius(sx_ctx *ctx, const sx_coupling *w, double *out) {
    int64_t n = w->n_out;
    double *a = NULL, *re = NULL, *im = NULL, radius = 0;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, n * n, sizeof *a, &a));
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *re, &re));
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *im, &im));
    sx_coupling_add_to_dense(w, 1.0, NULL, a);
    SX_GO(ctx, status, done, sx_eigenvalues(ctx, n, a, re, im));
    for (int64_t i = 0; i < n; i++) {
        double modulus = hypot(re[i], im[i]);
        if (modulus > radius) radius = modulus;
    }
    *out = radius;
done:
    sx_free(ctx, a);
    sx_free(ctx, re);
    sx_free(ctx, im);
    return status;
}

sx_status sx_coupling_spectral_radius(sx_ctx *ctx, const sx_coupling *w, double *out) {
    if (w->n_out != w->n_in)
        return SX_FAIL(ctx, SX_E_USAGE, "spectral radius of a %" PRId64 " x %" PRId64 " coupling: want a square matrix",
                       w->n_out, w->n_in);
    sx_status status =
        w->n_out <= DENSE_LIMIT ? dense_radius(ctx, w, out) : sx_coupling_krylov_radius(ctx, w, BASIS, out);
    return status < 0 ? sx_frame_at(ctx, status, __FILE__, __LINE__, __func__) : status;
}
