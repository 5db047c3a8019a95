// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Potentials: quadratic, quartic, radial, and the hopfield energy. log-sum-exp: potential_softmax.c.
 *
 * Hopfield, with s = tanh x, f_k = d^k tanh, and h = x - W_S s - I:
 *     Phi        = -s.W_S s/2 + sum_i (x s - ln cosh x)_i - I.s
 *     grad       = f1 h
 *     H v        = f2 v h + f1 h[v],                     h[v]     = v - W_S (f1 v)
 *     T3[u,v]    = f3 u v h + f2 (u h[v] + v h[u]) + f1 h[u,v],   h[u,v]   = -W_S (f2 u v)
 *     T4[u,v,z]  = f4 u v z h + f3 (u v h[z] + ...) + f2 (u h[v,z] + ...) + f1 h[u,v,z],   h[u,v,z] = -W_S (f3 u v z) */
#include "models/potential_private.h"

/* f1 = sech^2 x = 4 q / (1 + q)^2 with q = exp(-2|x|): accurate in the tails, where 1 - tanh^2 x is not.
 * f2 = -2 s f1, f3 = (6 s^2 - 2) f1, f4 = (16 - 24 s^2) s f1. */
void sx_tanh_derivatives(const sx_kernels *k, int64_t n, const double *x, double *s, double *f1, double *f2, double *f3,
                         double *f4) {
    k->tanh(n, x, s);
    if (!f1) return;
    for (int64_t i = 0; i < n; ++i) f1[i] = -2.0 * fabs(x[i]);
    k->exp(n, f1, f1);
    for (int64_t i = 0; i < n; ++i) f1[i] = 4.0 * f1[i] / ((1.0 + f1[i]) * (1.0 + f1[i]));
    for (int64_t i = 0; f2 && i < n; ++i) f2[i] = -2.0 * s[i] * f1[i];
    for (int64_t i = 0; f3 && i < n; ++i) f3[i] = (6.0 * s[i] * s[i] - 2.0) * f1[i];
    for (int64_t i = 0; f4 && i < n; ++i) f4[i] = (16.0 - 24.0 * s[i] * s[i]) * s[i] * f1[i];
}

/* -- creation -------------------------------------------------------------------------------------------------------------------- */

static sx_status quadratic_init(sx_ctx *ctx, const sx_composed_opts *o, sx_potential *p) {
    int64_t n = p->n;
    if (o->a.n != n * n || n == 1) return sx_values_spread(ctx, "model.a", o->a, n, 1.0, &p->a);
    double scale = 0.0;
    for (int64_t i = 0; i < n * n; ++i) scale = fmax(scale, fabs(o->a.data[i]));
    for (int64_t i = 0; i < n; ++i) {
        for (int64_t j = 0; j < i; ++j) {
            if (fabs(o->a.data[i * n + j] - o->a.data[j * n + i]) > 1e-12 * scale)
                return SX_FAIL(ctx, SX_E_USAGE,
                               "model.a: a[%lld][%lld] = %.17g but a[%lld][%lld] = %.17g: want a symmetric matrix",
                               (long long)i, (long long)j, o->a.data[i * n + j], (long long)j, (long long)i,
                               o->a.data[j * n + i]);
        }
    }
    SX_TRY(ctx, sx_coupling_dense(ctx, n, n, o->a.data, &p->H));
    SX_TRY(ctx, sx_alloc(ctx, n, sizeof *p->H_diagonal, &p->H_diagonal));
    sx_coupling_diagonal(p->H, p->H_diagonal);
    return SX_OK;
}

static sx_status scalar_a(sx_ctx *ctx, const sx_composed_opts *o, double *out) {
    if (o->a.n > 1)
        return SX_FAIL(ctx, SX_E_USAGE, "model.a: %lld numbers: the quartic and radial potentials want one",
                       (long long)o->a.n);
    *out = o->a.n == 1 ? o->a.data[0] : 1.0;
    return SX_OK;
}

static sx_status init(sx_ctx *ctx, const sx_composed_opts *o, const sx_coupling *W, sx_potential *p) {
    bool uses_a =
        p->kind == SX_POTENTIAL_QUADRATIC || p->kind == SX_POTENTIAL_QUARTIC || p->kind == SX_POTENTIAL_RADIAL;
    if (!uses_a && o->a.n != 0)
        return SX_FAIL(ctx, SX_E_USAGE, "model.a has a meaning only for the quadratic, quartic and radial potentials");
    if (p->kind != SX_POTENTIAL_HOPFIELD && o->input.n != 0)
        return SX_FAIL(ctx, SX_E_USAGE, "model.input has a meaning only for potential = \"hopfield\"");
    if (p->kind != SX_POTENTIAL_LOGSUMEXP && o->keys.n != 0)
        return SX_FAIL(ctx, SX_E_USAGE, "model.keys has a meaning only for potential = \"log-sum-exp\"");
    switch (p->kind) {
    case SX_POTENTIAL_QUADRATIC:
        return quadratic_init(ctx, o, p);
    case SX_POTENTIAL_QUARTIC:
    case SX_POTENTIAL_RADIAL:
        return scalar_a(ctx, o, &p->a0);
    case SX_POTENTIAL_HOPFIELD:
        if (!W) return SX_FAIL(ctx, SX_E_USAGE, "model.coupling is missing: potential = \"hopfield\" wants one");
        SX_TRY(ctx, sx_parity_init(ctx, W, 1.0, &p->S));
        SX_TRY(ctx, sx_alloc(ctx, p->n, sizeof *p->H_diagonal, &p->H_diagonal));
        sx_coupling_diagonal(W, p->H_diagonal);
        return sx_values_spread(ctx, "model.input", o->input, p->n, 0.0, &p->input);
    case SX_POTENTIAL_LOGSUMEXP:
        return sx_softmax_init(ctx, o, p);
    }
    return SX_FAIL(ctx, SX_E_USAGE,
                   "model.potential = %d: want one of quadratic, quartic, radial, hopfield, log-sum-exp", o->potential);
}

sx_status sx_potential_init(sx_ctx *ctx, const sx_composed_opts *o, int64_t n, const sx_coupling *W,
                            sx_potential *out) {
    sx_potential p = { .kind = (sx_potential_kind)o->potential, .n = n, .k = sx_kernels_get(NULL), .a0 = 1.0 };
    p.b = o->b;
    p.g = o->g;
    p.beta = o->beta;
    sx_status status = init(ctx, o, W, &p);
    if (status < 0) {
        sx_potential_clear(ctx, &p);
        return status;
    }
    *out = p;
    return SX_OK;
}

void sx_potential_clear(sx_ctx *ctx, sx_potential *p) {
    sx_free(ctx, p->a);
    sx_coupling_free(ctx, p->H);
    sx_free(ctx, p->H_diagonal);
    sx_parity_clear(ctx, &p->S);
    sx_free(ctx, p->input);
    sx_coupling_free(ctx, p->keys);
    sx_coupling_free(ctx, p->keys2);
    *p = (sx_potential){ .kind = p->kind };
}

/* Hopfield: s, f1..f4, h, one product and up to six h[..]. */
int64_t sx_potential_work(const sx_potential *p, int64_t b) {
    switch (p->kind) {
    case SX_POTENTIAL_QUADRATIC:
        return p->H ? sx_coupling_work(p->H, b) + sx_pad(p->n * b) : sx_pad(p->n * b);
    case SX_POTENTIAL_QUARTIC:
        return 0;
    case SX_POTENTIAL_RADIAL:
        return 8 * sx_pad(b);
    case SX_POTENTIAL_HOPFIELD:
        return 14 * sx_pad(p->n * b) + sx_parity_work(&p->S, b);
    case SX_POTENTIAL_LOGSUMEXP:
        return sx_softmax_work(p, b);
    }
    return 0;
}

double sx_potential_flops(const sx_potential *p) {
    double n = (double)p->n;
    switch (p->kind) {
    case SX_POTENTIAL_QUADRATIC:
        return p->H ? 2.0 * n * n : n;
    case SX_POTENTIAL_QUARTIC:
        return 6.0 * n;
    case SX_POTENTIAL_RADIAL:
        return 4.0 * n;
    case SX_POTENTIAL_HOPFIELD:
        return 45.0 * n + sx_parity_flops(&p->S);
    case SX_POTENTIAL_LOGSUMEXP:
        return 4.0 * n * (double)p->patterns + 25.0 * (double)p->patterns;
    }
    return 0.0;
}

/* -- columns ----------------------------------------------------------------------------------------------------------------------- */

double *sx_column_dots(sx_cbatch a, sx_cbatch c, sx_work *w) {
    double *d = sx_take(w, a.b);
    for (int64_t r = 0; r < a.b; ++r) d[r] = 0.0;
    for (int64_t i = 0; i < a.n; ++i) {
        for (int64_t r = 0; r < a.b; ++r) d[r] += a.x[i * a.b + r] * c.x[i * a.b + r];
    }
    return d;
}
static void add(sx_batch out, double s, const double *c, sx_cbatch v) {
    for (int64_t i = 0; i < out.n; ++i) {
        for (int64_t r = 0; r < out.b; ++r) out.x[i * out.b + r] += s * c[r] * v.x[i * out.b + r];
    }
}

/* -- hopfield ---------------------------------------------------------------------------------------------------------------------- */

typedef struct hopfield {
    double *s, *f[4], *h;
} hopfield;

/* h = x - W_S s - I and the first `order` derivatives of tanh */
static hopfield hopfield_at(const sx_potential *p, int order, sx_cbatch x, sx_work *w) {
    int64_t count = x.n * x.b;
    hopfield y = { sx_take(w, count), { NULL, NULL, NULL, NULL }, sx_take(w, count) };
    for (int k = 0; k < order; ++k) y.f[k] = sx_take(w, count);
    sx_tanh_derivatives(p->k, count, x.x, y.s, y.f[0], y.f[1], y.f[2], y.f[3]);
    sx_batch h = { y.h, x.n, x.b };
    sx_parity_apply(&p->S, -1.0, sx_view(y.s, x.n, x.b), 0.0, h, *w);
    for (int64_t i = 0; i < x.n; ++i) {
        for (int64_t r = 0; r < x.b; ++r) y.h[i * x.b + r] += x.x[i * x.b + r] - p->input[i];
    }
    return y;
}
/* -W_S (f u v z) (v, z may be NULL), plus u itself when `identity`: the directional derivatives of h */
static double *hopfield_direction(const sx_potential *p, bool identity, const double *f, sx_cbatch u, const double *v,
                                  const double *z, sx_work *w) {
    int64_t count = u.n * u.b;
    double *d = sx_take(w, count), *tmp = sx_take(w, count);
    for (int64_t i = 0; i < count; ++i) tmp[i] = f[i] * u.x[i] * (v ? v[i] : 1.0) * (z ? z[i] : 1.0);
    sx_batch out = { d, u.n, u.b };
    sx_parity_apply(&p->S, -1.0, sx_view(tmp, u.n, u.b), 0.0, out, *w);
    for (int64_t i = 0; identity && i < count; ++i) d[i] += u.x[i];
    w->p = tmp; /* tmp lies last: give it back */
    w->doubles += sx_pad(count);
    return d;
}

/* -- value, gradient, Hessian, third, fourth ------------------------------------------------------------------------------------------ */

void sx_potential_value(const sx_potential *p, sx_cbatch x, double *out, sx_work w) {
    int64_t n = x.n, b = x.b;
    if (p->kind == SX_POTENTIAL_LOGSUMEXP) {
        sx_softmax_value(p, x, out, w);
        return;
    }
    for (int64_t r = 0; r < b; ++r) out[r] = 0.0;
    if (p->kind == SX_POTENTIAL_QUADRATIC) {
        sx_batch g = sx_take_batch(&w, n, b);
        sx_potential_gradient(p, x, g, w);
        for (int64_t i = 0; i < n; ++i) {
            for (int64_t r = 0; r < b; ++r) out[r] += 0.5 * x.x[i * b + r] * g.x[i * b + r];
        }
    } else if (p->kind == SX_POTENTIAL_QUARTIC) {
        for (int64_t i = 0; i < n; ++i) {
            for (int64_t r = 0; r < b; ++r) {
                double y = x.x[i * b + r];
                out[r] += y * y * (p->a0 / 2.0 + y * (p->b / 3.0 + y * p->g / 4.0));
            }
        }
    } else if (p->kind == SX_POTENTIAL_RADIAL) {
        double *q = sx_column_dots(x, x, &w);
        for (int64_t r = 0; r < b; ++r) out[r] = q[r] * (p->a0 / 2.0 + q[r] * p->g / 4.0);
    } else {
        /* x s - ln cosh x = ln 2 - 2|x| q/(1+q) - ln(1+q), q = exp(-2|x|): no cancellation of large numbers */
        double *s = sx_take(&w, n * b), *q = sx_take(&w, n * b), *l = sx_take(&w, n * b);
        sx_batch Ws = sx_take_batch(&w, n, b);
        p->k->tanh(n * b, x.x, s);
        sx_parity_apply(&p->S, 1.0, sx_view(s, n, b), 0.0, Ws, w);
        for (int64_t i = 0; i < n * b; ++i) q[i] = -2.0 * fabs(x.x[i]);
        p->k->exp(n * b, q, q);
        for (int64_t i = 0; i < n * b; ++i) l[i] = 1.0 + q[i];
        p->k->log(n * b, l, l);
        const double ln2 = 0.693147180559945309417232121458176568;
        for (int64_t i = 0; i < n; ++i) {
            for (int64_t r = 0; r < b; ++r) {
                int64_t j = i * b + r;
                double integral = ln2 - 2.0 * fabs(x.x[j]) * q[j] / (1.0 + q[j]) - l[j];
                out[r] += integral - s[j] * (0.5 * Ws.x[j] + p->input[i]);
            }
        }
    }
}

void sx_potential_gradient(const sx_potential *p, sx_cbatch x, sx_batch out, sx_work w) {
    int64_t n = x.n, b = x.b;
    switch (p->kind) {
    case SX_POTENTIAL_QUADRATIC:
        sx_potential_hessian(p, x, x, out, w);
        break;
    case SX_POTENTIAL_QUARTIC:
        for (int64_t i = 0; i < n * b; ++i) {
            double y = x.x[i];
            out.x[i] = y * (p->a0 + y * (p->b + y * p->g));
        }
        break;
    case SX_POTENTIAL_RADIAL: {
        double *q = sx_column_dots(x, x, &w);
        for (int64_t i = 0; i < n; ++i) {
            for (int64_t r = 0; r < b; ++r) out.x[i * b + r] = (p->a0 + p->g * q[r]) * x.x[i * b + r];
        }
        break;
    }
    case SX_POTENTIAL_HOPFIELD: {
        hopfield y = hopfield_at(p, 1, x, &w);
        p->k->mul(n * b, y.f[0], y.h, out.x);
        break;
    }
    case SX_POTENTIAL_LOGSUMEXP:
        sx_softmax_gradient(p, x, out, w);
        break;
    }
}

void sx_potential_hessian(const sx_potential *p, sx_cbatch x, sx_cbatch v, sx_batch out, sx_work w) {
    int64_t n = x.n, b = x.b;
    switch (p->kind) {
    case SX_POTENTIAL_QUADRATIC:
        if (p->H)
            sx_coupling_apply(p->H, false, 1.0, v, 0.0, out, w);
        else
            p->k->scale_rows(n, b, p->a, v.x, out.x);
        break;
    case SX_POTENTIAL_QUARTIC:
        for (int64_t i = 0; i < n * b; ++i) {
            double y = x.x[i];
            out.x[i] = (p->a0 + y * (2.0 * p->b + y * 3.0 * p->g)) * v.x[i];
        }
        break;
    case SX_POTENTIAL_RADIAL: {
        double *q = sx_column_dots(x, x, &w), *xv = sx_column_dots(x, v, &w);
        for (int64_t i = 0; i < n; ++i) {
            for (int64_t r = 0; r < b; ++r)
                out.x[i * b + r] = (p->a0 + p->g * q[r]) * v.x[i * b + r] + 2.0 * p->g * xv[r] * x.x[i * b + r];
        }
        break;
    }
    case SX_POTENTIAL_HOPFIELD: {
        hopfield y = hopfield_at(p, 2, x, &w);
        double *hv = hopfield_direction(p, true, y.f[0], v, NULL, NULL, &w);
        for (int64_t i = 0; i < n * b; ++i) out.x[i] = y.f[1][i] * v.x[i] * y.h[i] + y.f[0][i] * hv[i];
        break;
    }
    case SX_POTENTIAL_LOGSUMEXP:
        sx_softmax_hessian(p, x, v, out, w);
        break;
    }
}

void sx_potential_third(const sx_potential *p, sx_cbatch x, sx_cbatch u, sx_cbatch v, sx_batch out, sx_work w) {
    int64_t n = x.n, b = x.b;
    switch (p->kind) {
    case SX_POTENTIAL_QUADRATIC:
        memset(out.x, 0, (size_t)(n * b) * sizeof *out.x);
        break;
    case SX_POTENTIAL_QUARTIC:
        for (int64_t i = 0; i < n * b; ++i) out.x[i] = (2.0 * p->b + 6.0 * p->g * x.x[i]) * u.x[i] * v.x[i];
        break;
    case SX_POTENTIAL_RADIAL: { /* 2g [(x.u) v + (x.v) u + (u.v) x] */
        double *xu = sx_column_dots(x, u, &w), *xv = sx_column_dots(x, v, &w), *uv = sx_column_dots(u, v, &w);
        memset(out.x, 0, (size_t)(n * b) * sizeof *out.x);
        add(out, 2.0 * p->g, xu, v);
        add(out, 2.0 * p->g, xv, u);
        add(out, 2.0 * p->g, uv, x);
        break;
    }
    case SX_POTENTIAL_HOPFIELD: {
        hopfield y = hopfield_at(p, 3, x, &w);
        double *hu = hopfield_direction(p, true, y.f[0], u, NULL, NULL, &w);
        double *hv = hopfield_direction(p, true, y.f[0], v, NULL, NULL, &w);
        double *huv = hopfield_direction(p, false, y.f[1], u, v.x, NULL, &w);
        for (int64_t i = 0; i < n * b; ++i)
            out.x[i] = y.f[2][i] * u.x[i] * v.x[i] * y.h[i] + y.f[1][i] * (u.x[i] * hv[i] + v.x[i] * hu[i]) +
                       y.f[0][i] * huv[i];
        break;
    }
    case SX_POTENTIAL_LOGSUMEXP:
        sx_softmax_third(p, x, u, v, out, w);
        break;
    }
}

void sx_potential_fourth(const sx_potential *p, sx_cbatch x, sx_cbatch u, sx_cbatch v, sx_cbatch z, sx_batch out,
                         sx_work w) {
    int64_t n = x.n, b = x.b;
    switch (p->kind) {
    case SX_POTENTIAL_QUADRATIC:
        memset(out.x, 0, (size_t)(n * b) * sizeof *out.x);
        break;
    case SX_POTENTIAL_QUARTIC:
        for (int64_t i = 0; i < n * b; ++i) out.x[i] = 6.0 * p->g * u.x[i] * v.x[i] * z.x[i];
        break;
    case SX_POTENTIAL_RADIAL: { /* 2g [(u.v) z + (v.z) u + (z.u) v] */
        double *uv = sx_column_dots(u, v, &w), *vz = sx_column_dots(v, z, &w), *zu = sx_column_dots(z, u, &w);
        memset(out.x, 0, (size_t)(n * b) * sizeof *out.x);
        add(out, 2.0 * p->g, uv, z);
        add(out, 2.0 * p->g, vz, u);
        add(out, 2.0 * p->g, zu, v);
        break;
    }
    case SX_POTENTIAL_HOPFIELD: {
        hopfield y = hopfield_at(p, 4, x, &w);
        double *hu = hopfield_direction(p, true, y.f[0], u, NULL, NULL, &w);
        double *hv = hopfield_direction(p, true, y.f[0], v, NULL, NULL, &w);
        double *hz = hopfield_direction(p, true, y.f[0], z, NULL, NULL, &w);
        double *huv = hopfield_direction(p, false, y.f[1], u, v.x, NULL, &w);
        double *huz = hopfield_direction(p, false, y.f[1], u, z.x, NULL, &w);
        double *hvz = hopfield_direction(p, false, y.f[1], v, z.x, NULL, &w);
        for (int64_t i = 0; i < n * b; ++i) {
            double a = u.x[i], c = v.x[i], e = z.x[i];
            out.x[i] = y.f[3][i] * a * c * e * y.h[i] + y.f[2][i] * (a * c * hz[i] + a * e * hv[i] + c * e * hu[i]) +
                       y.f[1][i] * (a * hvz[i] + c * huz[i] + e * huv[i]);
        }
        /* the last term reuses the room of h[u], which is no longer needed */
        double *huvz = hu, *product = hv;
        for (int64_t i = 0; i < n * b; ++i) product[i] = y.f[2][i] * u.x[i] * v.x[i] * z.x[i];
        sx_batch last = { huvz, n, b };
        sx_parity_apply(&p->S, -1.0, sx_view(product, n, b), 0.0, last, w);
        for (int64_t i = 0; i < n * b; ++i) out.x[i] += y.f[0][i] * huvz[i];
        break;
    }
    case SX_POTENTIAL_LOGSUMEXP:
        sx_softmax_fourth(p, x, u, v, z, out, w);
        break;
    }
}

void sx_potential_hessian_diagonal(const sx_potential *p, sx_cbatch x, sx_batch out, sx_work w) {
    int64_t n = x.n, b = x.b;
    switch (p->kind) {
    case SX_POTENTIAL_QUADRATIC:
        for (int64_t i = 0; i < n; ++i) {
            for (int64_t r = 0; r < b; ++r) out.x[i * b + r] = p->H ? p->H_diagonal[i] : p->a[i];
        }
        break;
    case SX_POTENTIAL_QUARTIC:
        for (int64_t i = 0; i < n * b; ++i) {
            double y = x.x[i];
            out.x[i] = p->a0 + y * (2.0 * p->b + y * 3.0 * p->g);
        }
        break;
    case SX_POTENTIAL_RADIAL: {
        double *q = sx_column_dots(x, x, &w);
        for (int64_t i = 0; i < n; ++i) {
            for (int64_t r = 0; r < b; ++r)
                out.x[i * b + r] = p->a0 + p->g * q[r] + 2.0 * p->g * x.x[i * b + r] * x.x[i * b + r];
        }
        break;
    }
    case SX_POTENTIAL_HOPFIELD: {
        hopfield y = hopfield_at(p, 2, x, &w);
        for (int64_t i = 0; i < n; ++i) {
            for (int64_t r = 0; r < b; ++r) {
                int64_t j = i * b + r;
                out.x[j] = y.f[1][j] * y.h[j] + y.f[0][j] * (1.0 - p->H_diagonal[i] * y.f[0][j]);
            }
        }
        break;
    }
    case SX_POTENTIAL_LOGSUMEXP:
        sx_softmax_hessian_diagonal(p, x, out, w);
        break;
    }
}
