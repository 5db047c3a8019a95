// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Measures of non-normality. Resolvent norms: S. H. Lui, SIAM J. Sci. Comput. 18 (1997) 565; L. N. Trefethen, Acta Numerica 8 (1999) 247: Schur form
 * once, then inverse Lanczos with triangular solves,
 *     sigma_min(z - A)^-2 = largest eigenvalue of (z - T)^-1 (z - T)^-H. */
#include "core/nonnormal.h"

#include "core/cmplx.h"
#include "core/krylov_basis.h"
#include "core/linalg.h"

#include <cblas.h>
#include <float.h>
#include <inttypes.h>
#include <lapacke.h>
#include <math.h>
#include <string.h>

/* -- numerical abscissa, Henrici ------------------------------------------------------------------------------------------------------------ */

sx_status sx_numerical_abscissa_dense(sx_ctx *ctx, int64_t n, const double *A, double *out) {
    double *s = NULL, *w = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, n * n, sizeof *s, &s));
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *w, &w));
    for (int64_t i = 0; i < n; ++i)
        for (int64_t j = 0; j < n; ++j) s[i * n + j] = 0.5 * (A[i * n + j] + A[j * n + i]);
    SX_GO(ctx, status, done, sx_symmetric_eigen(ctx, n, s, w, NULL));
    *out = w[n - 1];
done:
    sx_free(ctx, w);
    sx_free(ctx, s);
    return status;
}

typedef struct symmetric_part {
    const sx_operator *a;
    double *t;
} symmetric_part;

static sx_status symmetric_apply(void *user, sx_ctx *ctx, int64_t b, const double *x, double *y) {
    const symmetric_part *s = user;
    (void)b; /* 1 */
    SX_RUN(ctx, s->a->apply(s->a->user, ctx, 1, x, y));
    SX_RUN(ctx, s->a->adjoint(s->a->user, ctx, 1, x, s->t));
    for (int64_t u = 0; u < s->a->n; ++u) y[u] = 0.5 * (y[u] + s->t[u]);
    return SX_OK;
}

static sx_status need_adjoint(sx_ctx *ctx, const sx_operator *a, const char *what) {
    if (!a->adjoint) return SX_FAIL(ctx, SX_E_UNSUPPORTED, "%s needs the products with the adjoint", what);
    return SX_OK;
}

sx_status sx_numerical_abscissa(sx_ctx *ctx, const sx_operator *a, double tolerance, sx_key key, double *out) {
    SX_TRY(ctx, need_adjoint(ctx, a, "the numerical abscissa"));
    symmetric_part s = { .a = a };
    sx_modes m = { 0 };
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, a->n, sizeof *s.t, &s.t));
    sx_operator op = { a->n, &s, symmetric_apply, symmetric_apply, 1 };
    sx_krylov_opts o = {
        .k = 1, .wanted = SX_WANTED_RIGHTMOST, .symmetric = true, .tolerance = tolerance, .norm = -1, .key = key
    };
    status = sx_krylov_eigen(ctx, &op, &o, &m);
    if (status == SX_OK || status == SX_NOT_CONVERGED) *out = m.re[0];
done:
    sx_modes_free(ctx, &m);
    sx_free(ctx, s.t);
    return status < 0 ? sx_frame_at(ctx, status, __FILE__, __LINE__, __func__) : status;
}

double sx_henrici(int64_t n, const double *A, const double *re, const double *im) {
    double total = 0, normal = 0;
    for (int64_t i = 0; i < n * n; ++i) total += A[i] * A[i];
    for (int64_t i = 0; i < n; ++i) normal += re[i] * re[i] + im[i] * im[i];
    double rest = total - normal;
    return rest > 0 ? sqrt(rest) : 0;
}

/* -- Schur form ------------------------------------------------------------------------------------------------------------------------------- */

struct sx_resolvent {
    int64_t n;
    double complex *t; /* column-major, upper triangular */
    double norm;       /* Frobenius */
};

void sx_resolvent_free(sx_ctx *ctx, sx_resolvent *r) {
    if (!r) return;
    sx_free(ctx, r->t);
    sx_free(ctx, r);
}

/* Every 2 x 2 block of the real form is made triangular by a rotation (as in MATLAB's rsf2csf). */
static void to_complex(int64_t n, double complex *t) {
    for (int64_t m = n - 1; m > 0; --m) {
        double complex *d = t + (m - 1) + (m - 1) * n; /* the block: d[0] d[n]; d[1] d[n + 1] */
        if (d[1] != 0) {
            double complex trace = d[0] + d[n + 1], product = d[0] * d[n + 1] - d[n] * d[1];
            double complex mu = trace / 2 + csqrt(trace * trace / 4 - product) - d[n + 1];
            double r = sqrt(creal(mu) * creal(mu) + cimag(mu) * cimag(mu) + creal(d[1]) * creal(d[1]) +
                            cimag(d[1]) * cimag(d[1]));
            double complex c = mu / r, s = d[1] / r;
            for (int64_t j = m - 1; j < n; ++j) { /* rows m-1 and m, G = [conj(c) s; -s c] */
                double complex *x = t + m - 1 + j * n, a = x[0], b = x[1];
                x[0] = conj(c) * a + s * b;
                x[1] = -s * a + c * b;
            }
            for (int64_t i = 0; i <= m; ++i) { /* columns, times G^H; s is real */
                double complex *x = t + i + (m - 1) * n, a = x[0], b = x[n];
                x[0] = a * c + b * s;
                x[n] = -a * s + b * conj(c);
            }
        }
        d[1] = 0;
    }
}

sx_status sx_resolvent_create(sx_ctx *ctx, int64_t n, const double *A, sx_resolvent **out) {
    if (n < 1 || n > INT32_MAX)
        return SX_FAIL(ctx, SX_E_USAGE, "resolvent: size %" PRId64 ": want 1 to %d", n, INT32_MAX);
    double *a = NULL, *w = NULL, *work = NULL, wish, none;
    sx_resolvent *r = NULL;
    sx_status status;
    lapack_int N = (lapack_int)n, sorted, info = 0;
    SX_GO(ctx, status, done, sx_alloc(ctx, n * n, sizeof *a, &a));
    SX_GO(ctx, status, done, sx_alloc(ctx, 2 * n, sizeof *w, &w));
    SX_GO(ctx, status, done, sx_alloc(ctx, 1, sizeof *r, &r));
    r->n = n;
    SX_GO(ctx, status, done, sx_alloc(ctx, n * n, sizeof *r->t, &r->t));
    for (int64_t i = 0; i < n; ++i)
        for (int64_t j = 0; j < n; ++j) {
            a[j * n + i] = A[i * n + j];
            r->norm += A[i * n + j] * A[i * n + j];
        }
    r->norm = sqrt(r->norm);
    if (!isfinite(r->norm)) {
        status = SX_FAIL(ctx, SX_E_NUMERIC, "resolvent: the matrix is not finite");
        goto done;
    }
    for (int pass = 0; pass < 2 && !info; ++pass) {
        lapack_int lwork = pass ? (lapack_int)wish : -1;
        if (pass) SX_GO(ctx, status, done, sx_alloc(ctx, lwork, sizeof *work, &work));
        info = LAPACKE_dgees_work(LAPACK_COL_MAJOR, 'N', 'N', NULL, N, a, N, &sorted, w, w + n, &none, 1,
                                  pass ? work : &wish, lwork, NULL);
    }
    if (info) {
        status = SX_FAIL(ctx, SX_E_NUMERIC, "dgees found no Schur form (info %d)", (int)info);
        goto done;
    }
    for (int64_t j = 0; j < n; ++j)
        for (int64_t i = 0; i < n && i <= j + 1; ++i) r->t[i + j * n] = a[i + j * n];
    to_complex(n, r->t);
    *out = r;
    r = NULL;
done:
    sx_resolvent_free(ctx, r);
    sx_free(ctx, work);
    sx_free(ctx, w);
    sx_free(ctx, a);
    return status;
}

void sx_resolvent_eigenvalues(const sx_resolvent *r, double *re, double *im) {
    for (int64_t i = 0; i < r->n; ++i) {
        re[i] = creal(r->t[i + i * r->n]);
        im[i] = cimag(r->t[i + i * r->n]);
    }
}

/* -- smallest singular values ------------------------------------------------------------------------------------------------------------------ */

enum { LANCZOS = 200 };

/* of one worker: z - T, three vectors, the tridiagonal matrix */
typedef struct solver {
    double complex *t, *q, *older, *v;
    double *alpha, *beta, *d, *e;
} solver;

static double norm_of(int64_t n, const double complex *x) {
    double sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += creal(x[i]) * creal(x[i]) + cimag(x[i]) * cimag(x[i]);
    return sqrt(sum);
}

/* s->t holds -T above its diagonal already */
static double smallest(const sx_resolvent *r, solver *s, double complex z) {
    const int64_t n = r->n;
    const int N = (int)n;
    for (int64_t i = 0; i < n; ++i) {
        s->t[i + i * n] = z - r->t[i + i * n];
        if (s->t[i + i * n] == 0) return 0;
    }
    sx_normal_fill(sx_key_seed(0), 0, SX_SLOT_INITIAL, 0, 2 * n, 1, (double *)s->q);
    double length = norm_of(n, s->q), beta = 0, before = 0, now = 0;
    for (int64_t i = 0; i < n; ++i) {
        s->q[i] /= length;
        s->older[i] = 0;
    }
    int agreed = 0;
    for (int k = 0; k < LANCZOS && k < n + 8; ++k) {
        memcpy(s->v, s->q, (size_t)n * sizeof *s->v);
        cblas_ztrsv(CblasColMajor, CblasUpper, CblasConjTrans, CblasNonUnit, N, s->t, N, s->v, 1);
        cblas_ztrsv(CblasColMajor, CblasUpper, CblasNoTrans, CblasNonUnit, N, s->t, N, s->v, 1);
        double alpha = 0;
        for (int64_t i = 0; i < n; ++i) alpha += creal(conj(s->q[i]) * s->v[i]);
        for (int64_t i = 0; i < n; ++i) s->v[i] -= alpha * s->q[i] + beta * s->older[i];
        double next = norm_of(n, s->v);
        if (!isfinite(alpha) || !isfinite(next)) return 0; /* below the smallest number whose square has an inverse */
        s->alpha[k] = alpha;
        s->beta[k] = next;
        memcpy(s->d, s->alpha, (size_t)(k + 1) * sizeof *s->d);
        memcpy(s->e, s->beta, (size_t)(k + 1) * sizeof *s->e);
        if (LAPACKE_dsterf_work(k + 1, s->d, s->e)) return NAN;
        now = s->d[k];
        agreed = fabs(now - before) <= 1e-7 * now ? agreed + 1 : 0;
        before = now;
        if (agreed == 2 || next <= 4 * DBL_EPSILON * now) break;
        beta = next;
        for (int64_t i = 0; i < n; ++i) {
            s->older[i] = s->q[i];
            s->q[i] = s->v[i] / next;
        }
    }
    return 1 / sqrt(now);
}

typedef struct grid_job {
    const sx_resolvent *r;
    solver *solvers;
    const double *re, *im;
    double *out;
} grid_job;

static sx_status grid_point(sx_ctx *child, int64_t i, int worker, void *arg) {
    const grid_job *g = arg;
    if (sx_cancelled(child)) return SX_STOPPED;
    g->out[i] = smallest(g->r, &g->solvers[worker], CMPLX(g->re[i], g->im ? g->im[i] : 0));
    return SX_OK;
}

sx_status sx_resolvent_smallest(sx_ctx *ctx, const sx_resolvent *r, int64_t points, const double *re, const double *im,
                                double *out) {
    const int64_t n = r->n;
    int workers = points < sx_ctx_threads(ctx) ? (int)points : sx_ctx_threads(ctx);
    solver *s = NULL;
    double *found = NULL;
    sx_status status;
    if (workers < 1) return SX_OK;
    workers = sx_ctx_threads(ctx); /* a host's loop may use any of them */
    SX_GO(ctx, status, done, sx_alloc(ctx, workers, sizeof *s, &s));
    SX_GO(ctx, status, done, sx_alloc(ctx, points, sizeof *found, &found));
    for (int w = 0; w < workers; ++w) {
        SX_GO(ctx, status, done, sx_alloc(ctx, n * n, sizeof *s[w].t, &s[w].t));
        SX_GO(ctx, status, done, sx_alloc(ctx, 3 * n, sizeof *s[w].q, &s[w].q));
        SX_GO(ctx, status, done, sx_alloc(ctx, 4 * LANCZOS, sizeof *s[w].alpha, &s[w].alpha));
        s[w].older = s[w].q + n;
        s[w].v = s[w].older + n;
        s[w].beta = s[w].alpha + LANCZOS;
        s[w].d = s[w].beta + LANCZOS;
        s[w].e = s[w].d + LANCZOS;
        for (int64_t i = 0; i < n * n; ++i) s[w].t[i] = -r->t[i];
    }
    grid_job g = { r, s, re, im, found };
    SX_RUN_GO(ctx, status, done, sx_parallel_for(ctx, points, grid_point, &g));
    memcpy(out, found, (size_t)points * sizeof *found);
done:
    for (int w = 0; s && w < workers; ++w) {
        sx_free(ctx, s[w].t);
        sx_free(ctx, s[w].q);
        sx_free(ctx, s[w].alpha);
    }
    sx_free(ctx, found);
    sx_free(ctx, s);
    return status;
}

/* -- Kreiss constant from below ---------------------------------------------------------------------------------------------------------------- */

/* x / sigma_min(x - A) over a logarithmic grid, then on ever finer grids around the best point. */
sx_status sx_resolvent_kreiss(sx_ctx *ctx, const sx_resolvent *r, double *bound, double *at) {
    enum { GRID = 48, FINE = 7 };
    double x[GRID], sigma[GRID], best = 1, best_x = INFINITY;
    for (int64_t i = 0; i < r->n; ++i)
        if (creal(r->t[i + i * r->n]) >= 0) {
            *bound = INFINITY;
            *at = 0;
            return SX_OK;
        }
    double step = log(1e8) / (GRID - 1), centre = 0;
    for (int i = 0; i < GRID; ++i) x[i] = r->norm * 1e-7 * exp(step * i);
    int points = GRID;
    for (int round = 0; round < 6; ++round) {
        SX_RUN(ctx, sx_resolvent_smallest(ctx, r, points, x, NULL, sigma));
        for (int i = 0; i < points; ++i)
            if (x[i] / sigma[i] > best) {
                best = x[i] / sigma[i];
                best_x = x[i];
            }
        if (isinf(best_x)) break;
        centre = best_x;
        step *= round == 0 ? 1 : 2.0 / (FINE - 1);
        points = FINE;
        for (int i = 0; i < FINE; ++i) x[i] = centre * exp(step * (2.0 * i / (FINE - 1) - 1));
    }
    *bound = best;
    *at = best_x;
    return SX_OK;
}

typedef struct normal_equations {
    const sx_operator *a;
    double x;
    double *t;
    int64_t products;
} normal_equations;

/* y = (x - A)^T (x - A) v */
static sx_status normal_apply(void *user, sx_ctx *ctx, int64_t b, const double *v, double *y) {
    normal_equations *e = user;
    int64_t n = e->a->n;
    (void)b; /* 1 */
    SX_RUN(ctx, e->a->apply(e->a->user, ctx, 1, v, y));
    for (int64_t u = 0; u < n; ++u) e->t[u] = e->x * v[u] - y[u];
    SX_RUN(ctx, e->a->adjoint(e->a->user, ctx, 1, e->t, y));
    for (int64_t u = 0; u < n; ++u) y[u] = e->x * e->t[u] - y[u];
    e->products += 2;
    return SX_OK;
}

sx_status sx_kreiss_bound(sx_ctx *ctx, const sx_operator *a, double scale, int64_t products, sx_key key, double *bound,
                          double *at) {
    enum { POINTS = 7, BASIS = 40 };
    SX_TRY(ctx, need_adjoint(ctx, a, "a bound of the Kreiss constant"));
    if (!(scale > 0) || !isfinite(scale) || products < 1)
        return SX_FAIL(ctx, SX_E_USAGE, "bound of the Kreiss constant: scale %g, %" PRId64 " products: want both > 0",
                       scale, products);
    normal_equations e = { .a = a };
    sx_modes m = { 0 };
    double best = 1, best_x = INFINITY, *y = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, a->n, sizeof *e.t, &e.t));
    SX_GO(ctx, status, done, sx_alloc(ctx, a->n, sizeof *y, &y));
    sx_operator op = { a->n, &e, normal_apply, normal_apply, 1 };
    int64_t restarts = products / POINTS / BASIS; /* two products each, half of the basis kept */
    sx_krylov_opts o = { .k = 1,
                         .wanted = SX_WANTED_LEFTMOST,
                         .symmetric = true,
                         .tolerance = 1e-3,
                         .basis = BASIS,
                         .restarts = restarts > 1 ? (int)(restarts < 10000 ? restarts : 10000) : 1,
                         .key = key };
    for (int i = 0; i < POINTS; ++i) {
        e.x = scale * pow(10, 0.5 * (i - 4)); /* scale/100 .. 10 scale */
        sx_status found = sx_krylov_eigen(ctx, &op, &o, &m);
        if (found != SX_OK && found != SX_NOT_CONVERGED) {
            status = found;
            goto done;
        }
        /* |(x - A) v| for the unit vector itself: never below the smallest singular value */
        SX_RUN_GO(ctx, status, done, sx_operator_apply(ctx, a, m.right, y, &e.products));
        double sum = 0;
        for (int64_t u = 0; u < a->n; ++u) {
            double d = e.x * m.right[u] - y[u];
            sum += d * d;
        }
        sx_modes_free(ctx, &m);
        if (e.x / sqrt(sum) > best) {
            best = e.x / sqrt(sum);
            best_x = e.x;
        }
    }
    *bound = best;
    *at = best_x;
    status = SX_OK;
done:
    sx_modes_free(ctx, &m);
    sx_free(ctx, y);
    sx_free(ctx, e.t);
    return status;
}
