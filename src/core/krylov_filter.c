// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Polynomials of an operator that make its wanted eigenvalues the largest.
 *
 * Chebyshev (Y. Saad, Math. Comp. 42 (1984) 567): p(z) = T_d((z - c)/e) / T_d((x - c)/e), small on the ellipse with foci c +- e, 1 at the real point x.
 * With s_1 = 1/(x - c), s_{k+1} = 1/(2/s_1 - e^2 s_k), all real for real e^2 of either sign:
 *     y_1 = s_1 (A - c) y_0,   y_{k+1} = 2 s_{k+1} (A - c) y_k - e^2 s_k s_{k+1} y_{k-1}.
 * Exponential: p(z) = [sum_{k<=q} (tau (z - c))^k / k!]^steps ~ e^{t0 (z - c)}; a filter need not be accurate, only keep its order. */
#include "core/krylov_private.h"

#include "core/cmplx.h"

#include <math.h>
#include <string.h>

struct sx_filter {
    sx_operator self;
    const sx_operator *a;
    sx_filter_opts o;
    int steps, terms;
    double *scratch; /* [2][n] */
};

static const double step_size = 8, accuracy = 1e-3; /* of a Taylor step: |tau (z - c)|, and its first neglected term */

/* y = a (A - c) x + b y */
static sx_status shifted(const sx_filter *f, sx_ctx *ctx, bool adjoint, double a, const double *x, double b, double *y,
                         double *t) {
    int64_t n = f->self.n;
    SX_RUN(ctx, (adjoint ? f->a->adjoint : f->a->apply)(f->a->user, ctx, 1, x, t));
    double c = f->o.centre;
    for (int64_t u = 0; u < n; ++u) y[u] = a * (t[u] - c * x[u]) + (b == 0 ? 0 : b * y[u]);
    return SX_OK;
}

static sx_status chebyshev(const sx_filter *f, sx_ctx *ctx, bool adjoint, const double *x, double *y) {
    int64_t n = f->self.n;
    double *t = f->scratch, *older = f->scratch + n, s1 = 1 / (f->o.reference - f->o.centre), s = s1;
    memcpy(older, x, (size_t)n * sizeof *x);
    SX_RUN(ctx, shifted(f, ctx, adjoint, s1, older, 0, y, t));
    for (int k = 1; k < f->o.degree; ++k) {
        double next = 1 / (2 / s1 - f->o.focus2 * s);
        /* the new vector replaces the older one, then both change places */
        SX_RUN(ctx, shifted(f, ctx, adjoint, 2 * next, y, -f->o.focus2 * s * next, older, t));
        for (int64_t u = 0; u < n; ++u) {
            double newer = older[u];
            older[u] = y[u];
            y[u] = newer;
        }
        s = next;
    }
    return SX_OK;
}

static sx_status exponential(const sx_filter *f, sx_ctx *ctx, bool adjoint, const double *x, double *y) {
    int64_t n = f->self.n;
    double *t = f->scratch, *term = f->scratch + n, tau = f->o.time / f->steps;
    memcpy(y, x, (size_t)n * sizeof *x);
    for (int step = 0; step < f->steps; ++step) {
        memcpy(term, y, (size_t)n * sizeof *y);
        for (int k = 1; k <= f->terms; ++k) {
            SX_RUN(ctx, (adjoint ? f->a->adjoint : f->a->apply)(f->a->user, ctx, 1, term, t));
            for (int64_t u = 0; u < n; ++u) {
                term[u] = tau / k * (t[u] - f->o.centre * term[u]);
                y[u] += term[u];
            }
        }
    }
    return SX_OK;
}

static sx_status run(const sx_filter *f, sx_ctx *ctx, bool adjoint, int64_t b, const double *x, double *y) {
    if (b != 1) return SX_FAIL(ctx, SX_E_INTERNAL, "a filter of more than one column");
    return (f->o.kind == SX_FILTER_CHEBYSHEV ? chebyshev : exponential)(f, ctx, adjoint, x, y);
}
static sx_status apply(void *user, sx_ctx *ctx, int64_t b, const double *x, double *y) {
    return run(user, ctx, false, b, x, y);
}
static sx_status adjoint(void *user, sx_ctx *ctx, int64_t b, const double *x, double *y) {
    return run(user, ctx, true, b, x, y);
}

sx_status sx_filter_create(sx_ctx *ctx, const sx_operator *a, const sx_filter_opts *o, sx_filter **out) {
    sx_filter *f = NULL;
    if (o->kind == SX_FILTER_CHEBYSHEV) {
        if (o->degree < 1 || !isfinite(o->focus2) || !(fabs(o->reference - o->centre) > 0))
            return SX_FAIL(ctx, SX_E_USAGE,
                           "Chebyshev filter: degree %d, e^2 %g, c %g, reference %g: want degree >= 1 and two points",
                           o->degree, o->focus2, o->centre, o->reference);
    } else if (o->kind != SX_FILTER_EXPONENTIAL || !isfinite(o->time) || !(o->radius >= 0) || !isfinite(o->radius) ||
               o->time * o->radius > 1e6)
        return SX_FAIL(ctx, SX_E_USAGE, "exponential filter: time %g, radius %g: want |time| radius <= 1e6", o->time,
                       o->radius);
    SX_TRY(ctx, sx_alloc(ctx, 1, sizeof *f, &f));
    f->a = a;
    f->o = *o;
    f->self = (sx_operator){ a->n, f, apply, a->adjoint ? adjoint : NULL, 1 };
    if (o->kind == SX_FILTER_EXPONENTIAL) {
        f->steps = (int)ceil(fabs(o->time) * o->radius / step_size);
        if (f->steps < 1) f->steps = 1;
        double z = fabs(o->time) * o->radius / f->steps, next = 1;
        for (f->terms = 0; f->terms < 2 || next > accuracy; ++f->terms) next *= z / (f->terms + 1);
    }
    sx_status status = sx_alloc(ctx, 2 * a->n, sizeof(double), &f->scratch);
    if (status < 0) {
        sx_free(ctx, f);
        return sx_frame_at(ctx, status, __FILE__, __LINE__, __func__);
    }
    *out = f;
    return SX_OK;
}

void sx_filter_free(sx_ctx *ctx, sx_filter *f) {
    if (!f) return;
    sx_free(ctx, f->scratch);
    sx_free(ctx, f);
}

const sx_operator *sx_filter_operator(const sx_filter *f) {
    return &f->self;
}

int sx_filter_degree(const sx_filter *f) {
    return f->o.kind == SX_FILTER_CHEBYSHEV ? f->o.degree : f->steps * f->terms;
}

/* -- choice of the polynomial ----------------------------------------------------------------------------------------------------------------- */

/* Points in coordinates where the wanted ones are on the right. */
typedef struct cloud {
    int wanted, unwanted;
    double complex *w, *u;
    double left, right, edge,
        height; /* smallest Re of all, largest Re of the wanted, largest of the unwanted, largest |Im| */
} cloud;

/* |z - c + sqrt((z - c)^2 - e^2)|, the larger branch: T_d grows like its d-th power. */
static double growth(double complex z, double c, double focus2) {
    double complex d = z - c, r = csqrt(d * d - focus2);
    return fmax(cabs(d + r), cabs(d - r));
}

static double damping(const cloud *p, double c, double focus2) {
    double most = 0, least = INFINITY;
    for (int i = 0; i < p->unwanted; ++i) most = fmax(most, growth(p->u[i], c, focus2));
    for (int i = 0; i < p->wanted; ++i) least = fmin(least, growth(p->w[i], c, focus2));
    return most / least;
}

/* The ellipse that separates best per degree, by search over centre and focus. */
static double best_ellipse(const cloud *p, double *c_out, double *focus2_out) {
    double width = p->right - p->left, best = INFINITY;
    for (int i = 0; i < 40; ++i) {
        double s = width * 0.25 * pow(1.12, i), c = p->right - s;
        for (int j = -30; j <= 30; ++j) {
            double e = j < 0 ? (double)j / 10 * fmax(p->height, 1e-12 * width) : (double)j / 30 * s;
            double focus2 = j < 0 ? -e * e : e * e, r = damping(p, c, focus2);
            if (r < best) {
                best = r;
                *c_out = c;
                *focus2_out = focus2;
            }
        }
    }
    return best;
}

static int by_modulus(const void *a, const void *b) {
    double x = cabs(*(const double complex *)a), y = cabs(*(const double complex *)b);
    return x > y ? -1 : x < y;
}

static int by_re(const void *a, const void *b) {
    double x = creal(*(const double complex *)a), y = creal(*(const double complex *)b);
    return x > y ? -1 : x < y;
}

/* Unwanted are the Ritz values seen at the beginning that lie beyond the last one kept now. */
static sx_status sort_cloud(sx_ctx *ctx, const sx_krylov *s, int ritz, const double *re, const double *im, cloud *p) {
    double sign = s->o->wanted == SX_WANTED_LEFTMOST ? -1 : 1;
    SX_TRY(ctx, sx_alloc(ctx, ritz, sizeof *p->w, &p->w));
    SX_TRY(ctx, sx_alloc(ctx, s->seen + ritz, sizeof *p->u, &p->u));
    for (int i = 0; i < ritz; ++i) p->w[i] = CMPLX(sign * re[i], im[i]);
    qsort(p->w, (size_t)ritz, sizeof *p->w, s->o->wanted == SX_WANTED_LARGEST ? by_modulus : by_re);
    p->wanted = s->wanted < ritz ? s->wanted : ritz;
    p->right = creal(p->w[0]);
    p->edge = p->left = creal(p->w[ritz - 1]);
    p->u[p->unwanted++] = p->w[ritz - 1];
    for (int i = 0; i < s->seen; ++i)
        if (sign * s->seen_re[i] < p->edge) p->u[p->unwanted++] = CMPLX(sign * s->seen_re[i], s->seen_im[i]);
    for (int i = 0; i < p->unwanted; ++i) {
        p->left = fmin(p->left, creal(p->u[i]));
        p->height = fmax(p->height, fabs(cimag(p->u[i])));
    }
    return SX_OK;
}

sx_status sx_krylov_plan(sx_ctx *ctx, sx_krylov *s, int kind, int ritz, const double *re, const double *im) {
    /* e^20 = 5e8 of damping in one basis of m - keep new steps; at first, when the Ritz values are still far inside, e^5 in each step, and from
     * then on two to four times the degree before */
    const int least = s->filter ? 2 * s->degree : 2;
    const int most = s->filter && 4 * s->degree < SX_KRYLOV_DEGREE ? 4 * s->degree : SX_KRYLOV_DEGREE;
    const double nepers = s->filter ? 20.0 / (s->m - s->keep > 1 ? s->m - s->keep : 1) : 5;
    cloud p = { 0 };
    sx_status status;
    SX_GO(ctx, status, done, sort_cloud(ctx, s, ritz, re, im, &p));
    double sign = s->o->wanted == SX_WANTED_LEFTMOST ? -1 : 1, last = creal(p.w[p.wanted - 1]);
    sx_filter_opts f = { .kind = kind, .reference = sign * p.right };
    if (s->o->wanted == SX_WANTED_LARGEST) { /* a circle: z^d */
        double rate = log(cabs(p.w[p.wanted - 1]) / cabs(p.w[ritz - 1]));
        if (!(rate > 0)) goto done;
        f.kind = SX_FILTER_CHEBYSHEV;
        f.reference = cabs(p.w[0]);
        f.degree = s->o->degree > 0 ? s->o->degree : (int)fmin(fmax(ceil(nepers / rate), least), most);
    } else if (!(p.right > p.edge) || !(last > p.edge)) {
        goto done; /* nothing to separate */
    } else if (kind == SX_FILTER_CHEBYSHEV) {
        double c = 0, focus2 = 0, rate = -log(best_ellipse(&p, &c, &focus2));
        if (!(rate > 0)) goto done;
        f.centre = sign * c;
        f.focus2 = focus2;
        f.degree = s->o->degree > 0 ? s->o->degree : (int)fmin(fmax(ceil(nepers / rate), least), most);
    } else {
        double t = nepers / (last - p.edge),
               per_degree = 3.3; /* |t0| radius of one product: 27 of them for a step of 8 */
        f.centre = sign * p.right;
        f.radius = 1.05 * hypot(p.right - p.left, p.height);
        t = fmax(t, least / (per_degree * f.radius));
        f.time = sign * fmin(t, (s->o->degree > 0 ? s->o->degree : most) / (per_degree * f.radius));
    }
    sx_filter *made;
    SX_GO(ctx, status, done, sx_filter_create(ctx, s->a, &f, &made));
    sx_filter_free(ctx, s->filter);
    s->filter = made;
    s->c = sx_filter_operator(made);
    s->degree = sx_filter_degree(made);
done:
    sx_free(ctx, p.w);
    sx_free(ctx, p.u);
    return status;
}
