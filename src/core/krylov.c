// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Thick-restart Krylov-Schur (G. W. Stewart, SIAM J. Matrix Anal. Appl. 23 (2002) 601); its symmetric case is thick-restart Lanczos (K. Wu,
 * H. Simon, ibid. 22 (2000) 602). With the basis in the rows of V,
 *     C v_j = sum_i h_ij v_i  (j < m),   C V^T = V^T H + beta v_m e_{m-1}^T.
 * H = Z T Z^T with the wanted Ritz values leading; the first p columns of V^T Z span the next basis, H becomes the leading block of T with the row
 * beta e_{m-1}^T Z below it, and the iteration goes on from v_m. All of it with two passes of classical Gram-Schmidt. */
#include "core/krylov_private.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

double sx_krylov_score(const sx_krylov_opts *o, double re, double im) {
    switch (o->wanted) {
    case SX_WANTED_RIGHTMOST:
        return re;
    case SX_WANTED_LEFTMOST:
        return -re;
    case SX_WANTED_LARGEST:
        return hypot(re, im);
    default: /* both of a pair have the same score */
        return -hypot(re - o->target_re, fabs(im) - fabs(o->target_im));
    }
}

double sx_krylov_limit(const sx_krylov *s, double re, double im) {
    double tolerance = s->o->tolerance > 0 ? s->o->tolerance : 1e-9;
    double norm = s->o->norm < 0 ? s->anorm : s->o->norm, size = fmax(hypot(re, im), norm);
    return fmax(tolerance * size, 16 * DBL_EPSILON * s->anorm);
}

/* -- the basis -------------------------------------------------------------------------------------------------------------------------- */

/* A random unit vector into row j of V, orthogonal to the rows before. */
static sx_status random_row(sx_ctx *ctx, sx_krylov *s, int j) {
    double *v = s->V + (int64_t)j * s->n;
    sx_normal_fill(s->o->key, (uint64_t)(s->restarts * (int64_t)s->m + j), SX_SLOT_INITIAL, 0, s->n, 1, v);
    sx_basis_scale(&s->b, 1 / sx_basis_norm(&s->b, v), v);
    SX_TRY(ctx, sx_basis_orthogonalise(ctx, &s->b, j, s->V, v, s->h));
    sx_basis_scale(&s->b, 1 / sx_basis_norm(&s->b, v), v);
    return SX_OK;
}

/* From k to at most m vectors; *beta couples to row *size of V. When the space turns out invariant (C v in the span) a random direction goes on, with
 * coupling 0: so copies of multiple eigenvalues are found. */
static sx_status expand(sx_ctx *ctx, sx_krylov *s, int k, int *size, double *beta) {
    for (int j = k; j < s->m; ++j) {
        double *next = s->V + (int64_t)(j + 1) * s->n, *column = s->H + (int64_t)j * s->m;
        int64_t once = 0;
        SX_RUN(ctx, sx_operator_apply(ctx, s->c, s->V + (int64_t)j * s->n, next, &once));
        s->products += once * s->degree;
        double length = sx_basis_norm(&s->b, next);
        s->cnorm = fmax(s->cnorm, length);
        SX_TRY(ctx, sx_basis_orthogonalise(ctx, &s->b, j + 1, s->V, next, column));
        *beta = sx_basis_norm(&s->b, next);
        if (*beta <= 8 * DBL_EPSILON * s->cnorm) {
            *beta = 0;
            if (j + 1 < s->n) SX_TRY(ctx, random_row(ctx, s, j + 1));
        } else
            sx_basis_scale(&s->b, 1 / *beta, next);
        if (j + 1 < s->m) column[j + 1] = *beta;
    }
    *size = s->m;
    return SX_OK;
}

/* -- Schur form, wanted first ------------------------------------------------------------------------------------------------------------- */

/* score of a Ritz value of C */
static double score_of(const sx_krylov *s, int i) {
    return s->c == s->a ? sx_krylov_score(s->o, s->re[i], s->im[i]) : hypot(s->re[i], s->im[i]);
}

static int partner(const sx_krylov *s, int size, int i) {
    int pair = s->im[i] > 0 ? i + 1 : s->im[i] < 0 ? i - 1 : -1;
    return pair >= 0 && pair < size ? pair : -1;
}

/* Select the best `count`, the first `fixed` in any case, pairs whole; returns how many. */
static int mark(sx_krylov *s, int size, int fixed, int count) {
    int marked = fixed;
    for (int i = 0; i < size; ++i) s->select[i] = i < fixed;
    while (marked < count) {
        int best = -1;
        for (int i = 0; i < size; ++i)
            if (!s->select[i] && (best < 0 || score_of(s, i) > score_of(s, best))) best = i;
        if (best < 0) break;
        int other = partner(s, size, best);
        s->select[best] = 1;
        ++marked;
        if (other >= 0 && !s->select[other]) {
            s->select[other] = 1;
            ++marked;
        }
    }
    return marked;
}

/* Selected eigenvalues to the top of the Schur form, in their order; *leading of them. */
static sx_status reorder(sx_ctx *ctx, sx_krylov *s, int size, int *leading) {
    lapack_int m = 0, iwork;
    double condition, separation;
    lapack_int info = LAPACKE_dtrsen_work(LAPACK_COL_MAJOR, 'N', 'V', s->select, size, s->H, s->m, s->Z, s->m, s->re,
                                          s->im, &m, &condition, &separation, s->work, size, &iwork, 1);
    if (info < 0) return SX_FAIL(ctx, SX_E_INTERNAL, "dtrsen: argument %d", (int)-info);
    /* info 1: eigenvalues too close to swap; what was done is a Schur form all the same */
    int p = (int)m;
    if (p > 0 && p < size && s->H[p + (int64_t)(p - 1) * s->m] != 0) ++p;
    *leading = p;
    return SX_OK;
}

/* Residuals with C of the eigenpairs of the leading block: |beta e_{m-1}^T Z y|, T y = theta y. */
static sx_status estimate(sx_ctx *ctx, sx_krylov *s, int size, int leading, double beta) {
    lapack_int found;
    lapack_int info = LAPACKE_dtrevc_work(LAPACK_COL_MAJOR, 'R', 'A', NULL, leading, s->H, s->m, NULL, 1, s->Y, s->m,
                                          leading, &found, s->work);
    if (info) return SX_FAIL(ctx, SX_E_INTERNAL, "dtrevc: argument %d", (int)-info);
    for (int k = 0; k < leading; ++k) {
        bool pair = s->im[k] > 0 && k + 1 < leading;
        double last[2] = { 0, 0 }, norm2 = 0;
        for (int part = 0; part < (pair ? 2 : 1); ++part) {
            const double *y = s->Y + (int64_t)(k + part) * s->m;
            for (int i = 0; i < leading; ++i) {
                last[part] += s->Z[size - 1 + (int64_t)i * s->m] * y[i];
                norm2 += y[i] * y[i];
            }
        }
        s->estimate[k] = fabs(beta) * hypot(last[0], last[1]) / sqrt(norm2);
        if (pair) {
            s->estimate[k + 1] = s->estimate[k];
            ++k;
        }
    }
    return SX_OK;
}

static sx_status decompose_general(sx_ctx *ctx, sx_krylov *s, int size, double beta, int *extract, int *keep) {
    lapack_int sorted, lwork = (lapack_int)(s->m * (int64_t)s->m + 64);
    lapack_int info = LAPACKE_dgees_work(LAPACK_COL_MAJOR, 'V', 'N', NULL, size, s->H, s->m, &sorted, s->re, s->im,
                                         s->Z, s->m, s->Y, lwork, NULL);
    if (info) return SX_FAIL(ctx, SX_E_NUMERIC, "dgees found no Schur form (info %d)", (int)info);
    if (s->restarts == 0 && s->c == s->a) {
        memcpy(s->seen_re, s->re, (size_t)size * sizeof(double));
        memcpy(s->seen_im, s->im, (size_t)size * sizeof(double));
        s->seen = size;
    }
    (void)mark(s, size, 0, s->extract);
    SX_TRY(ctx, reorder(ctx, s, size, extract));
    (void)mark(s, size, *extract, s->keep);
    SX_TRY(ctx, reorder(ctx, s, size, keep));
    if (*keep < *extract) *extract = *keep;
    return estimate(ctx, s, size, *extract, beta);
}

/* Symmetric: T is diagonal and sorted as wanted. */
static sx_status decompose_symmetric(sx_ctx *ctx, sx_krylov *s, int size, double beta, int *extract, int *keep) {
    for (int j = 0; j < size; ++j) /* eigenvectors replace the matrix: work on a copy in Y */
        memcpy(s->Y + (int64_t)j * s->m, s->H + (int64_t)j * s->m, (size_t)size * sizeof(double));
    lapack_int info = LAPACKE_dsyev_work(LAPACK_COL_MAJOR, 'V', 'U', size, s->Y, s->m, s->re, s->work, 3 * s->m);
    if (info) return SX_FAIL(ctx, SX_E_NUMERIC, "dsyev did not converge (info %d)", (int)info);
    if (s->restarts == 0 && s->c == s->a) {
        memcpy(s->seen_re, s->re, (size_t)size * sizeof(double));
        memset(s->seen_im, 0, (size_t)size * sizeof(double));
        s->seen = size;
    }
    memset(s->im, 0, (size_t)size * sizeof(double));
    memset(s->select, 0, (size_t)size * sizeof *s->select);
    memset(s->H, 0, (size_t)s->m * (size_t)s->m * sizeof(double));
    *extract = s->extract < size ? s->extract : size;
    *keep = s->keep < size ? s->keep : size;
    for (int k = 0; k < size; ++k) {
        int best = -1;
        for (int i = 0; i < size; ++i)
            if (!s->select[i] && (best < 0 || score_of(s, i) > score_of(s, best))) best = i;
        s->select[best] = 1;
        memcpy(s->Z + (int64_t)k * s->m, s->Y + (int64_t)best * s->m, (size_t)size * sizeof(double));
        s->h[k] = s->re[best];
        s->estimate[k] = fabs(beta * s->Z[size - 1 + (int64_t)k * s->m]);
        s->H[k + (int64_t)k * s->m] = s->re[best];
    }
    memcpy(s->re, s->h, (size_t)size * sizeof(double));
    return SX_OK;
}

/* The next basis: the first `keep` Schur vectors and the residual vector. */
static sx_status shrink(sx_ctx *ctx, sx_krylov *s, int size, int keep, double beta) {
    SX_TRY(ctx, sx_basis_rotate(ctx, &s->b, size, keep, s->Z, s->m, s->V));
    if (keep < size) memcpy(s->V + (int64_t)keep * s->n, s->V + (int64_t)size * s->n, (size_t)s->n * sizeof(double));
    for (int j = 0; j < s->m; ++j)
        for (int i = 0; i < s->m; ++i)
            if (i >= keep || j >= keep)
                s->H[i + (int64_t)j * s->m] = i == keep && j < keep ? beta * s->Z[size - 1 + (int64_t)j * s->m] : 0;
    return SX_OK;
}

/* Whether it is worth looking at the residuals with A: always cheap beside an expansion when C is a polynomial. */
static bool promising(const sx_krylov *s, int extract) {
    int good = 0;
    for (int i = 0; i < extract; ++i) {
        double size = hypot(s->re[i], s->im[i]);
        good += s->estimate[i] <= (s->c == s->a ? sx_krylov_limit(s, s->re[i], s->im[i]) : 1e-3 * size);
    }
    return good >= (s->wanted < extract ? s->wanted : extract);
}

/* -- the iteration ------------------------------------------------------------------------------------------------------------------------ */

/* Go over to the operator C with a start in the span of the first `size` rows of V. */
static sx_status start_with(sx_ctx *ctx, sx_krylov *s, int size) {
    double *v = s->V;
    for (int i = 1; i < size; ++i) s->b.kernels->axpy(s->n, 1, s->V + (int64_t)i * s->n, v);
    if (size > 0) {
        sx_basis_scale(&s->b, 1 / sx_basis_norm(&s->b, v), v);
    } else
        SX_TRY(ctx, random_row(ctx, s, 0));
    memset(s->H, 0, (size_t)s->m * (size_t)s->m * sizeof(double));
    s->cnorm = 0;
    return SX_OK;
}

/* Plain iterations before a filter: one for its outline when it is asked for, a few when it has to prove necessary. */
static int plain_restarts(const sx_krylov_opts *o) {
    return o->filter == SX_FILTER_NONE || o->transformed ? INT32_MAX : o->filter == SX_FILTER_AUTO ? 6 : 2;
}

static sx_status iterate(sx_ctx *ctx, sx_krylov *s) {
    const int restarts = s->o->restarts > 0 ? s->o->restarts : 500;
    int k = 0, size = 0, extract = 0, keep = 0, stage = 0; /* stage: restarts with the present operator */
    double beta = 0;
    SX_TRY(ctx, start_with(ctx, s, 0));
    for (s->restarts = 0; s->restarts < restarts; ++s->restarts) {
        SX_RUN(ctx, expand(ctx, s, k, &size, &beta));
        if (s->c == s->a) s->anorm = fmax(s->anorm, s->cnorm);
        SX_TRY(ctx, (s->o->symmetric ? decompose_symmetric : decompose_general)(ctx, s, size, beta, &extract, &keep));
        SX_TRY(ctx, shrink(ctx, s, size, keep, beta));
        k = keep;
        bool last = s->restarts + 1 == restarts || s->m == s->n;
        bool near_end = promising(s, extract);
        if (last || near_end) {
            SX_RUN(ctx, sx_krylov_extract(ctx, s, extract, s->V + (int64_t)(keep + 1) * s->n));
            if (s->converged >= s->wanted || s->m == s->n) break;
        }
        if (s->o->what && !sx_progress(ctx, s->o->what, s->converged, s->wanted)) return SX_STOPPED;
        ++stage;
        bool begin = s->c == s->a && stage == plain_restarts(s->o);
        bool renew = s->filter && s->o->degree <= 0 && s->degree < SX_KRYLOV_DEGREE && stage >= (near_end ? 6 : 2);
        if (!begin && !renew) continue;
        const sx_filter *before = s->filter;
        int kind = s->o->filter == SX_FILTER_EXPONENTIAL ? SX_FILTER_EXPONENTIAL : SX_FILTER_CHEBYSHEV;
        if (renew) SX_RUN(ctx, sx_krylov_ritz(ctx, s, keep, s->V + (int64_t)(keep + 1) * s->n));
        SX_RUN(ctx, sx_krylov_plan(ctx, s, kind, keep, s->re, s->im));
        stage = 0;
        if (renew || s->filter != before) { /* the Krylov relation of the old operator is gone */
            SX_TRY(ctx, start_with(ctx, s, extract));
            k = 0;
        }
    }
    return SX_OK;
}

/* -- one run, from options to vectors ----------------------------------------------------------------------------------------------------- */

static void free_run(sx_ctx *ctx, sx_krylov *s) {
    sx_basis_free(ctx, &s->b);
    sx_filter_free(ctx, s->filter);
    double *blocks[] = { s->V, s->H, s->Z, s->Y,   s->re,  s->im,        s->estimate, s->h,      s->work,
                         s->G, s->S, s->y, s->are, s->aim, s->aresidual, s->seen_re,  s->seen_im };
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; ++i) sx_free(ctx, blocks[i]);
    sx_free(ctx, s->select);
}

/* Sizes: with a transformed operator the order of A's eigenvalues is only nearly that of C's, so some more are extracted. */
static void plan_sizes(sx_krylov *s) {
    const sx_krylov_opts *o = s->o;
    bool other = o->transformed || o->filter != SX_FILTER_NONE;
    int64_t n = s->n, extra = other ? (o->k / 4 > 4 ? o->k / 4 : 4) : 0;
    s->wanted = o->k < n ? o->k : (int)n;
    s->extract = s->wanted + extra < n ? s->wanted + (int)extra : (int)n;
    int64_t m = o->basis > 0 ? o->basis : 2 * (int64_t)o->k + 20;
    if (o->basis <= 0 && m < 40) m = 40;
    if (m < 2 * (int64_t)s->extract + 4)
        m = 2 * (int64_t)s->extract + 4; /* room for a pair each and a step of progress */
    s->m = m < n ? (int)m : (int)n;
    int half = s->extract + (s->m - s->extract) / 2, room = s->m - s->extract - 2;
    s->keep = half < room ? half : room;
    if (s->keep < s->extract) s->keep = s->extract;
    s->limit = s->extract + 1;
}

static sx_status allocate(sx_ctx *ctx, sx_krylov *s) {
    int64_t m = s->m, l = s->limit, rows = m + 1;
    if (rows < s->keep + 2 + l) rows = s->keep + 2 + l;
    SX_TRY(ctx, sx_basis_create(ctx, s->n, s->m, &s->b));
    int64_t numbers;
    SX_TRY(ctx, sx_mul_size(ctx, rows, s->n, &numbers));
    SX_TRY(ctx, sx_alloc(ctx, numbers, sizeof(double), &s->V));
    struct {
        int64_t count;
        double **p;
    } parts[] = { { m * m, &s->H }, { m * m, &s->Z },     { m * m + 64, &s->Y }, { m, &s->re },
                  { m, &s->im },    { m, &s->estimate },  { m, &s->h },          { 3 * m + 64, &s->work },
                  { l * l, &s->G }, { l * l, &s->S },     { l * l, &s->y },      { l, &s->are },
                  { l, &s->aim },   { l, &s->aresidual }, { m, &s->seen_re },    { m, &s->seen_im } };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; ++i)
        SX_TRY(ctx, sx_alloc(ctx, parts[i].count, sizeof(double), parts[i].p));
    return sx_alloc(ctx, m, sizeof *s->select, &s->select);
}

/* How many rows of the result: the wanted, one more when they would cut a pair. */
static int rows_of(const sx_krylov *s) {
    int rows = s->wanted < s->found ? s->wanted : s->found;
    if (rows > 0 && s->aim[rows - 1] > 0 && rows < s->found) ++rows;
    return rows;
}

static sx_status check(sx_ctx *ctx, const sx_operator *a, const sx_krylov_opts *o) {
    if (a->n < 1 || a->n > INT32_MAX)
        return SX_FAIL(ctx, SX_E_USAGE, "operator of size %" PRId64 ": want 1 to %d", a->n, INT32_MAX);
    if (o->k < 1 || o->k > 10000) return SX_FAIL(ctx, SX_E_USAGE, "%d eigenvalues: want 1 to 10000", o->k);
    if (o->wanted < 0 || o->wanted > SX_WANTED_NEAREST)
        return SX_FAIL(ctx, SX_E_USAGE, "wanted = %d: want an sx_wanted", o->wanted);
    if (o->transformed && (o->filter != SX_FILTER_NONE || o->transformed->n != a->n))
        return SX_FAIL(ctx, SX_E_USAGE, "a transformed operator: want the size of the operator and no filter");
    if (o->filter != SX_FILTER_NONE && o->wanted == SX_WANTED_NEAREST)
        return SX_FAIL(ctx, SX_E_USAGE,
                       "a filter is for the eigenvalues at an edge of the spectrum, not near a target");
    bool two = o->left && !o->symmetric;
    if (two && (!a->adjoint || (o->transformed && !o->transformed->adjoint)))
        return SX_FAIL(ctx, SX_E_UNSUPPORTED, "left vectors need the products with the adjoint");
    return SX_OK;
}

/* Right vectors of `a` into out (values, residuals and rows). */
sx_status sx_krylov_run(sx_ctx *ctx, const sx_operator *a, const sx_krylov_opts *o, sx_modes *out) {
    sx_krylov s = { .a = a, .c = o->transformed ? o->transformed : a, .o = o, .n = a->n, .degree = 1 };
    sx_modes m = { .n = a->n };
    sx_status status;
    plan_sizes(&s);
    SX_GO(ctx, status, done, allocate(ctx, &s));
    SX_RUN_GO(ctx, status, done, iterate(ctx, &s));
    m.count = rows_of(&s);
    SX_GO(ctx, status, done, sx_alloc(ctx, m.count, sizeof(double), &m.re));
    SX_GO(ctx, status, done, sx_alloc(ctx, m.count, sizeof(double), &m.im));
    SX_GO(ctx, status, done, sx_alloc(ctx, m.count, sizeof(double), &m.residual));
    SX_GO(ctx, status, done, sx_alloc(ctx, m.count * m.n, sizeof(double), &m.right));
    size_t bytes = (size_t)m.count * sizeof(double);
    memcpy(m.re, s.are, bytes);
    memcpy(m.im, s.aim, bytes);
    memcpy(m.residual, s.aresidual, bytes);
    SX_GO(ctx, status, done, sx_basis_combine(ctx, m.n, m.count, s.found, 1, s.y, s.V, 0, m.right));
    m.converged = s.converged < m.count ? s.converged : m.count;
    m.restarts = s.restarts;
    m.products = s.products;
    m.degree = s.degree;
    *out = m;
    memset(&m, 0, sizeof m);
    status = s.converged >= s.wanted ? SX_OK : SX_NOT_CONVERGED;
done:
    sx_modes_free(ctx, &m);
    free_run(ctx, &s);
    return status;
}

sx_status sx_krylov_eigen(sx_ctx *ctx, const sx_operator *a, const sx_krylov_opts *o, sx_modes *out) {
    SX_TRY(ctx, check(ctx, a, o));
    sx_modes m = { 0 };
    sx_status status = sx_krylov_run(ctx, a, o, &m);
    if (status == SX_OK || status == SX_NOT_CONVERGED) {
        sx_status left = o->left ? sx_krylov_left(ctx, a, o, &m) : SX_OK;
        if (!o->left) sx_modes_normalise(m.n, m.count, m.im, m.right, NULL, NULL);
        if (left != SX_OK) status = left;
    }
    if (status == SX_OK || status == SX_NOT_CONVERGED)
        *out = m;
    else
        sx_modes_free(ctx, &m);
    return status < 0 ? sx_frame_at(ctx, status, __FILE__, __LINE__, __func__) : status;
}

sx_status sx_krylov_outline(sx_ctx *ctx, const sx_operator *a, int steps, sx_key key, double *re, double *im,
                            int *count) {
    sx_krylov_opts o = { .k = 1, .wanted = SX_WANTED_LARGEST, .key = key };
    SX_TRY(ctx, check(ctx, a, &o));
    sx_krylov s = { .a = a, .c = a, .o = &o, .n = a->n, .degree = 1, .wanted = 1, .extract = 1, .keep = 1, .limit = 2 };
    s.m = steps < 1 ? 1 : steps < s.n ? steps : (int)s.n;
    int size, extract, keep;
    double beta = 0;
    sx_status status;
    SX_GO(ctx, status, done, allocate(ctx, &s));
    SX_GO(ctx, status, done, start_with(ctx, &s, 0));
    SX_RUN_GO(ctx, status, done, expand(ctx, &s, 0, &size, &beta));
    SX_GO(ctx, status, done, decompose_general(ctx, &s, size, beta, &extract, &keep));
    memcpy(re, s.seen_re, (size_t)s.seen * sizeof *re);
    memcpy(im, s.seen_im, (size_t)s.seen * sizeof *im);
    *count = s.seen;
done:
    free_run(ctx, &s);
    return status;
}
