// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* From an invariant subspace to modes: Rayleigh-Ritz with true residuals, left vectors, normalisation. */
#include "core/krylov_private.h"

#include "core/linalg.h"

#include <math.h>
#include <string.h>

void sx_modes_free(sx_ctx *ctx, sx_modes *m) {
    double *blocks[] = { m->re, m->im, m->residual, m->right, m->left, m->left_residual, m->condition };
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; ++i) sx_free(ctx, blocks[i]);
    memset(m, 0, sizeof *m);
}

void sx_modes_component(const double *rows, const double *im, int64_t n, int k, int64_t u, double *re_out,
                        double *im_out) {
    const double *row = rows + (int64_t)k * n + u;
    *re_out = im[k] < 0 ? row[-n] : row[0];
    *im_out = im[k] > 0 ? row[n] : im[k] < 0 ? -row[0] : 0;
}

/* -- Rayleigh-Ritz ------------------------------------------------------------------------------------------------------------------------ */

/* Eigenvalues and packed column-major vectors of the small matrix G (row-major, lost). */
static sx_status small_eigen(sx_ctx *ctx, bool symmetric, int l, double *G, double *re, double *im, double *vectors) {
    double *work = NULL;
    lapack_int info, lwork = 40 * l + 64;
    SX_TRY(ctx, sx_alloc(ctx, lwork, sizeof *work, &work));
    for (int i = 0; i < l; ++i)
        for (int j = 0; j < i; ++j) {
            double a = G[i * l + j], b = G[j * l + i];
            G[i * l + j] = symmetric ? 0.5 * (a + b) : b;
            G[j * l + i] = symmetric ? 0.5 * (a + b) : a;
        }
    if (symmetric) {
        info = LAPACKE_dsyev_work(LAPACK_COL_MAJOR, 'V', 'U', l, G, l, re, work, lwork);
        memset(im, 0, (size_t)l * sizeof *im);
        memcpy(vectors, G, (size_t)l * (size_t)l * sizeof *G);
    } else
        info = LAPACKE_dgeev_work(LAPACK_COL_MAJOR, 'N', 'V', l, G, l, re, im, NULL, 1, vectors, l, work, lwork);
    sx_free(ctx, work);
    if (info) return SX_FAIL(ctx, SX_E_NUMERIC, "the eigenvalues of a Rayleigh quotient did not converge");
    return SX_OK;
}

static double quadratic(int l, const double *S, const double *y) {
    double sum = 0;
    for (int i = 0; i < l; ++i) {
        double row = 0;
        for (int j = 0; j < l; ++j) row += S[i * l + j] * y[j];
        sum += y[i] * row;
    }
    return sum > 0 ? sum : 0;
}

/* With orthonormal rows V: W = A V^T, G = V W, R = W - V^T G, and for G y = theta y the vector v = V^T y has A v - theta v = R y:
 *     |A v - theta v|^2 = y^H (R^T R) y. */
sx_status sx_krylov_extract(sx_ctx *ctx, sx_krylov *s, int size, double *scratch) {
    const int l = size;
    double *small = NULL, *re, *im, *vectors, *residual;
    int *order = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, (int64_t)l * l + 3 * l, sizeof *small, &small));
    SX_GO(ctx, status, done, sx_alloc(ctx, l, sizeof *order, &order));
    vectors = small;
    re = small + (int64_t)l * l;
    im = re + l;
    residual = im + l;
    for (int j = 0; j < l; ++j) {
        double *w = scratch + (int64_t)j * s->n;
        SX_RUN_GO(ctx, status, done, sx_operator_apply(ctx, s->a, s->V + (int64_t)j * s->n, w, &s->products));
        s->anorm = fmax(s->anorm, sx_basis_norm(&s->b, w));
    }
    sx_basis_gram(s->n, l, s->V, l, scratch, s->G);
    for (int i = 0; i < l; ++i)
        for (int j = 0; j < l; ++j) s->S[j * l + i] = s->G[i * l + j];
    SX_GO(ctx, status, done, sx_basis_combine(ctx, s->n, l, l, -1, s->S, s->V, 1, scratch));
    sx_basis_gram(s->n, l, scratch, l, scratch, s->S);
    SX_GO(ctx, status, done, small_eigen(ctx, s->o->symmetric, l, s->G, re, im, vectors));

    for (int k = 0; k < l; ++k) {
        const double *y = vectors + (int64_t)k * l;
        double sum = quadratic(l, s->S, y);
        if (im[k] > 0 && k + 1 < l) {
            residual[k] = residual[k + 1] = sqrt(sum + quadratic(l, s->S, y + l));
            ++k;
        } else
            residual[k] = sqrt(sum);
    }
    /* in the wanted order, pairs whole: insertion sort of the first of each */
    int placed = 0;
    for (int k = 0; k<l; k += im[k]> 0 ? 2 : 1) {
        int at = placed, width = im[k] > 0 ? 2 : 1;
        double score = sx_krylov_score(s->o, re[k], im[k]);
        while (at > 0 && sx_krylov_score(s->o, re[order[at - 1]], im[order[at - 1]]) < score) --at;
        memmove(order + at + width, order + at, (size_t)(placed - at) * sizeof *order);
        for (int i = 0; i < width; ++i) order[at + i] = k + i;
        placed += width;
    }
    s->found = l;
    for (int k = 0; k < l; ++k) {
        s->are[k] = re[order[k]];
        s->aim[k] = im[order[k]];
        s->aresidual[k] = residual[order[k]];
        memcpy(s->y + (int64_t)k * l, vectors + (int64_t)order[k] * l, (size_t)l * sizeof(double));
    }
    s->converged = 0;
    while (s->converged < l &&
           s->aresidual[s->converged] <= sx_krylov_limit(s, s->are[s->converged], s->aim[s->converged]))
        ++s->converged;
done:
    sx_free(ctx, order);
    sx_free(ctx, small);
    return status;
}

sx_status sx_krylov_ritz(sx_ctx *ctx, sx_krylov *s, int size, double *scratch) {
    lapack_int info, lwork = (lapack_int)(s->m * (int64_t)s->m + 64);
    for (int j = 0; j < size; ++j) {
        SX_RUN(ctx, sx_operator_apply(ctx, s->a, s->V + (int64_t)j * s->n, scratch, &s->products));
        s->anorm = fmax(s->anorm, sx_basis_norm(&s->b, scratch));
        sx_basis_gram(s->n, size, s->V, 1, scratch, s->H + (int64_t)j * s->m);
    }
    info =
        LAPACKE_dgeev_work(LAPACK_COL_MAJOR, 'N', 'N', size, s->H, s->m, s->re, s->im, NULL, 1, NULL, 1, s->Y, lwork);
    if (info) return SX_FAIL(ctx, SX_E_NUMERIC, "the eigenvalues of a Rayleigh quotient did not converge");
    return SX_OK;
}

/* -- normalisation -------------------------------------------------------------------------------------------------------------------------- */

static double dot(int64_t n, const double *x, const double *y) {
    return sx_kernels_get(NULL)->dot(n, x, y);
}

/* v *= a + i b, v = row + i (row + n) for a pair, row alone otherwise (b = 0) */
static void multiply(int64_t n, bool pair, double *row, double a, double b) {
    for (int64_t u = 0; u < n; ++u) {
        double re = row[u], im = pair ? row[n + u] : 0;
        row[u] = a * re - b * im;
        if (pair) row[n + u] = a * im + b * re;
    }
}

void sx_modes_normalise(int64_t n, int count, const double *im, double *right, double *left, double *condition) {
    for (int k = 0; k < count; ++k) {
        bool pair = im[k] > 0 && k + 1 < count;
        double *v = right + (int64_t)k * n, *w = left ? left + (int64_t)k * n : NULL;
        double norm = sqrt(dot(n, v, v) + (pair ? dot(n, v + n, v + n) : 0)), most = -1, a = 1, b = 0;
        for (int64_t u = 0; u < n; ++u) {
            double x = v[u], y = pair ? v[n + u] : 0, size = x * x + y * y;
            if (size > most) {
                most = size;
                a = x;
                b = -y;
            }
        }
        double scale = norm * sqrt(most);
        if (scale > 0) multiply(n, pair, v, a / scale, b / scale);
        double kappa = NAN;
        if (w) {
            /* w^H v = p + i q; w / conj(w^H v) has product 1 */
            double p = dot(n, w, v), q = 0, size = dot(n, w, w);
            if (pair) {
                p += dot(n, w + n, v + n);
                q = dot(n, w, v + n) - dot(n, w + n, v);
                size += dot(n, w + n, w + n);
            }
            double inner2 = p * p + q * q;
            kappa = inner2 > 0 ? sqrt(size / inner2) : (double)INFINITY;
            if (inner2 > 0) multiply(n, pair, w, p / inner2, q / inner2);
        }
        for (int i = 0; i < (pair ? 2 : 1); ++i)
            if (condition) condition[k + i] = kappa;
        if (pair) ++k;
    }
}

/* -- left vectors --------------------------------------------------------------------------------------------------------------------------- */

/* For every right mode the nearest left one of its kind (real or pair) that is still free; conjugated, since A^T u = lambda u means u = conj(w).
 * Returns how many were matched before the first that was not. */
static int match(sx_modes *m, const sx_modes *t, bool *used) {
    int matched = 0;
    for (int k = 0; k < m->count; ++k) {
        bool pair = m->im[k] > 0 && k + 1 < m->count;
        int best = -1;
        double least = INFINITY;
        for (int j = 0; j < t->count; ++j) {
            bool other = t->im[j] > 0 && j + 1 < t->count;
            if (!used[j] && t->im[j] >= 0 && other == pair) {
                double distance = hypot(m->re[k] - t->re[j], m->im[k] - t->im[j]);
                if (distance < least) {
                    least = distance;
                    best = j;
                }
            }
        }
        if (best >= 0) {
            int width = pair ? 2 : 1;
            memcpy(m->left + (int64_t)k * m->n, t->right + (int64_t)best * m->n,
                   (size_t)width * (size_t)m->n * sizeof(double));
            for (int64_t u = 0; pair && u < m->n; ++u) m->left[(k + 1) * m->n + u] *= -1;
            used[best] = true;
            if (matched == k) matched = k + width;
        }
        if (pair) ++k;
    }
    return matched;
}

/* W <- X W with X (W V^T) = D: then w_k^H v_l = delta_kl for all of the modes, those of clusters too. In real rows D is 1 for a real mode and 1/2, 1/2
 * for the parts of a pair. A singular W V^T (a mode without partner) is left to the normalisation one by one. */
static sx_status biorthogonalise(sx_ctx *ctx, sx_modes *m) {
    int c = m->count;
    double *gram = NULL, *D, *X, *rows = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, 3 * (int64_t)c * c, sizeof *gram, &gram));
    SX_GO(ctx, status, done, sx_alloc(ctx, (int64_t)c * m->n, sizeof *rows, &rows));
    D = gram + (int64_t)c * c;
    X = D + (int64_t)c * c;
    sx_basis_gram(m->n, c, m->right, c, m->left, gram); /* (W V^T)^T */
    for (int k = 0; k < c; ++k) D[k * c + k] = m->im[k] == 0 ? 1 : 0.5;
    if (sx_solve(ctx, c, c, gram, D, X) < 0) { /* X^T */
        sx_ctx_clear(ctx);
        goto done;
    }
    for (int i = 0; i < c; ++i)
        for (int j = 0; j < c; ++j) D[i * c + j] = X[j * c + i];
    SX_GO(ctx, status, done, sx_basis_combine(ctx, m->n, c, c, 1, D, m->left, 0, rows));
    memcpy(m->left, rows, (size_t)c * (size_t)m->n * sizeof *rows);
done:
    sx_free(ctx, rows);
    sx_free(ctx, gram);
    return status;
}

/* |A^T w - conj(lambda) w| / |w|; with lambda = a + i b and w = p + i q: A^T p - a p - b q and A^T q - a q + b p. */
static sx_status left_residuals(sx_ctx *ctx, const sx_operator *a, sx_modes *m) {
    double *y;
    sx_operator t = sx_operator_transposed(a);
    SX_TRY(ctx, sx_alloc(ctx, 2 * m->n, sizeof *y, &y));
    sx_status status = SX_OK;
    for (int k = 0; k < m->count; ++k) {
        bool pair = m->im[k] > 0 && k + 1 < m->count;
        const double *p = m->left + (int64_t)k * m->n, *q = p + m->n;
        double sum = 0, size = dot(m->n, p, p) + (pair ? dot(m->n, q, q) : 0);
        SX_RUN_GO(ctx, status, done, sx_operator_apply(ctx, &t, p, y, &m->products));
        if (pair) SX_RUN_GO(ctx, status, done, sx_operator_apply(ctx, &t, q, y + m->n, &m->products));
        for (int64_t u = 0; u < m->n; ++u) {
            double r = y[u] - m->re[k] * p[u] - (pair ? m->im[k] * q[u] : 0);
            double i = pair ? y[m->n + u] - m->re[k] * q[u] + m->im[k] * p[u] : 0;
            sum += r * r + i * i;
        }
        m->left_residual[k] = size > 0 ? sqrt(sum / size) : (double)INFINITY;
        if (pair) {
            m->left_residual[k + 1] = m->left_residual[k];
            ++k;
        }
    }
done:
    sx_free(ctx, y);
    return status;
}

static sx_status copy_right(sx_ctx *ctx, sx_modes *m) {
    (void)ctx;
    sx_modes_normalise(m->n, m->count, m->im, m->right, NULL, NULL);
    memcpy(m->left, m->right, (size_t)m->count * (size_t)m->n * sizeof(double));
    for (int k = 0; k < m->count; ++k) {
        m->left_residual[k] = m->residual[k];
        m->condition[k] = 1;
    }
    return SX_OK;
}

sx_status sx_krylov_left(sx_ctx *ctx, const sx_operator *a, const sx_krylov_opts *o, sx_modes *m) {
    SX_TRY(ctx, sx_alloc(ctx, (int64_t)m->count * m->n, sizeof(double), &m->left));
    SX_TRY(ctx, sx_alloc(ctx, m->count, sizeof(double), &m->left_residual));
    SX_TRY(ctx, sx_alloc(ctx, m->count, sizeof(double), &m->condition));
    if (o->symmetric) return copy_right(ctx, m);

    sx_operator at = sx_operator_transposed(a), ct;
    sx_krylov_opts lo = *o;
    sx_modes t = { 0 };
    bool *used = NULL;
    sx_status status, found;
    if (o->transformed) {
        ct = sx_operator_transposed(o->transformed);
        lo.transformed = &ct;
    }
    lo.key = sx_key_derive(o->key, "left", 0);
    lo.k = m->count + (o->k / 8 > 2 ? o->k / 8 : 2); /* equal scores at the end of the list: more to choose from */
    if (lo.k > m->n) lo.k = (int)m->n;
    lo.tolerance = 0.1 * (o->tolerance > 0 ? o->tolerance : 1e-9); /* biorthogonalisation mixes the errors */
    found = sx_krylov_run(ctx, &at, &lo, &t);
    if (found != SX_OK && found != SX_NOT_CONVERGED) {
        status = found;
        goto done;
    }
    SX_GO(ctx, status, done, sx_alloc(ctx, t.count, sizeof *used, &used));
    int matched = match(m, &t, used);
    m->restarts += t.restarts;
    m->products += t.products;
    sx_modes_free(ctx, &t);
    if (matched == m->count) SX_GO(ctx, status, done, biorthogonalise(ctx, m));
    sx_modes_normalise(m->n, m->count, m->im, m->right, m->left, m->condition);
    SX_RUN_GO(ctx, status, done, left_residuals(ctx, a, m));

    /* what counts as converged from the right has to hold from the left too */
    sx_krylov limits = { .o = o };
    for (int k = 0; k < m->count; ++k) limits.anorm = fmax(limits.anorm, hypot(m->re[k], m->im[k]));
    int both = 0;
    while (both < m->converged && m->left_residual[both] <= sx_krylov_limit(&limits, m->re[both], m->im[both])) ++both;
    m->converged = both;
    if (both < (o->k < m->n ? o->k : m->n)) status = SX_NOT_CONVERGED;
done:
    sx_free(ctx, used);
    sx_modes_free(ctx, &t);
    return status < 0 ? sx_frame_at(ctx, status, __FILE__, __LINE__, __func__) : status;
}
