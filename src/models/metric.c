// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Inverse metrics M = G^-1 and their derivatives.
 *
 * Diagonal, M_i = m_i shape(x_i):
 *     identity, diagonal  shape = 1
 *     activation          shape = 1/phi'(u), u = gain x; cosh^2 u (tanh), derivatives 2 tanh(u) cosh^2 u, 4 cosh^2 u - 2, 4 shape';
 *                         exp(pi u^2/4) (erf), derivatives v, v^2 + pi/2, v^3 + 3 pi v/2 times shape with v = pi u/2   (m = 1/tau)
 *     lorentzian          shape = 1 + x^2
 * Radial-tangential: M = mu_t I + delta x x^T s, delta = mu_r - mu_t, s = 1/|x|^2, with derivatives of s
 *     s1[u] = -2 s^2 (x.u),  s2[u,v] = 8 s^3 (x.u)(x.v) - 2 s^2 (u.v),
 *     s3[u,v,z] = -48 s^4 (x.u)(x.v)(x.z) + 8 s^3 [(u.v)(x.z) + (u.z)(x.v) + (v.z)(x.u)].
 * At the origin, where n = x/|x| does not exist, M = mu_t I and its derivatives are taken as 0. */
#include "models/metric.h"

static bool radial(const sx_metric *m) {
    return m->kind == SX_METRIC_RADIAL_TANGENTIAL;
}

sx_status sx_metric_init(sx_ctx *ctx, const sx_composed_opts *o, int64_t n, sx_metric *out) {
    sx_metric m = { (sx_metric_kind)o->metric, n, sx_kernels_get(NULL), NULL, o->mu_r, o->mu_t, 1.0, false };
    if (m.kind == SX_METRIC_DIAGONAL && o->metric_values.n == 0)
        return SX_FAIL(ctx, SX_E_USAGE,
                       "model.metric_values is missing: metric = \"diagonal\" wants 1 or %lld positive numbers",
                       (long long)n);
    if (m.kind != SX_METRIC_DIAGONAL && o->metric_values.n != 0)
        return SX_FAIL(ctx, SX_E_USAGE, "model.metric_values has a meaning only with metric = \"diagonal\"");
    for (int64_t i = 0; i < o->metric_values.n; ++i) {
        if (!(o->metric_values.data[i] > 0.0))
            return SX_FAIL(ctx, SX_E_USAGE, "model.metric_values[%lld] = %g: want a value > 0", (long long)i,
                           o->metric_values.data[i]);
    }
    if (m.kind == SX_METRIC_DIAGONAL)
        SX_TRY(ctx, sx_values_spread(ctx, "model.metric_values", o->metric_values, n, 1.0, &m.m));
    else if (m.kind == SX_METRIC_ACTIVATION)
        SX_TRY(ctx, sx_values_spread(ctx, "model.tau", o->tau, n, 1.0, &m.m));
    else
        SX_TRY(ctx, sx_values_spread(ctx, "model.metric", (sx_values){ 0, NULL }, n, 1.0, &m.m));
    for (int64_t i = 0; i < n; ++i) m.m[i] = 1.0 / m.m[i];
    *out = m;
    return SX_OK;
}

void sx_metric_clear(sx_ctx *ctx, sx_metric *m) {
    sx_free(ctx, m->m);
    m->m = NULL;
}

/* Diagonal kinds: two batches. Radial: up to 20 numbers per column. */
int64_t sx_metric_work(const sx_metric *m, int64_t b) {
    return radial(m) ? 20 * sx_pad(b) : 2 * sx_pad(m->n * b);
}

/* -- diagonal kinds ------------------------------------------------------------------------------------------------------------ */

/* d^order M_i / dx_i^order (order 0..3), or sqrt(M_i) (order -1), its derivative (order -2), 1/M_i (order -3). */
static const double *diagonal(const sx_metric *m, int order, sx_cbatch x, sx_work *w) {
    int64_t count = x.n * x.b;
    double *d = sx_take(w, count);
    if (m->kind == SX_METRIC_ACTIVATION && m->gaussian) {
        const double pi = 3.14159265358979323846;
        for (int64_t i = 0; i < count; ++i) d[i] = 0.25 * pi * (m->gain * x.x[i]) * (m->gain * x.x[i]);
        for (int64_t i = 0; (order == -1 || order == -2) && i < count; ++i) d[i] *= 0.5;
        m->k->exp(count, d, d);
        for (int64_t i = 0; i < count; ++i) {
            double g = m->gain, v = 0.5 * pi * g * x.x[i];
            switch (order) {
            case 1:
                d[i] *= g * v;
                break;
            case 2:
                d[i] *= g * g * (v * v + 0.5 * pi);
                break;
            case 3:
                d[i] *= g * g * g * (v * v + 1.5 * pi) * v;
                break;
            case -2:
                d[i] *= g * 0.5 * v;
                break;
            case -3:
                d[i] = 1.0 / d[i];
                break;
            default:
                break;
            }
        }
    } else if (m->kind == SX_METRIC_ACTIVATION) {
        /* cosh^2 u = (e^2u + 2 + e^-2u) / 4: accurate for all u, where 1/(1 - tanh^2 u) is not */
        double *th = sx_take(w, count), g = m->gain;
        for (int64_t i = 0; i < count; ++i) d[i] = 2.0 * (g * x.x[i]);
        m->k->exp(count, d, d);
        if (order == 1 || order == 3 || order == -2) {
            for (int64_t i = 0; i < count; ++i) th[i] = g * x.x[i];
            m->k->tanh(count, th, th);
        }
        for (int64_t i = 0; i < count; ++i) {
            double c2 = 0.25 * (d[i] + 2.0 + 1.0 / d[i]);
            switch (order) {
            case 0:
                d[i] = c2;
                break;
            case 1:
                d[i] = g * (2.0 * th[i] * c2);
                break;
            case 2:
                d[i] = g * g * (4.0 * c2 - 2.0);
                break;
            case 3:
                d[i] = g * g * g * (8.0 * th[i] * c2);
                break;
            case -1:
                d[i] = sqrt(c2);
                break;
            case -2:
                d[i] = g * (th[i] * sqrt(c2));
                break;
            default:
                d[i] = 1.0 / c2;
                break;
            }
        }
    } else if (m->kind == SX_METRIC_LORENTZIAN) {
        for (int64_t i = 0; i < count; ++i) {
            double y = x.x[i], c = 1.0 + y * y;
            switch (order) {
            case 0:
                d[i] = c;
                break;
            case 1:
                d[i] = 2.0 * y;
                break;
            case 2:
                d[i] = 2.0;
                break;
            case 3:
                d[i] = 0.0;
                break;
            case -1:
                d[i] = sqrt(c);
                break;
            case -2:
                d[i] = y / sqrt(c);
                break;
            default:
                d[i] = 1.0 / c;
                break;
            }
        }
    } else {
        double constant = order > 0 || order == -2 ? 0.0 : 1.0;
        for (int64_t i = 0; i < count; ++i) d[i] = constant;
    }
    for (int64_t i = 0; i < x.n; ++i) {
        double f = order == -1 || order == -2 ? sqrt(m->m[i]) : order == -3 ? 1.0 / m->m[i] : m->m[i];
        for (int64_t r = 0; r < x.b; ++r) d[i * x.b + r] *= f;
    }
    return d;
}

/* -- radial-tangential: vectors with one coefficient per column ------------------------------------------------------------------- */

static double *dots(sx_cbatch a, sx_cbatch c, sx_work *w) {
    double *d = sx_take(w, a.b);
    for (int64_t r = 0; r < a.b; ++r) d[r] = 0.0;
    for (int64_t i = 0; i < a.n; ++i) {
        for (int64_t r = 0; r < a.b; ++r) d[r] += a.x[i * a.b + r] * c.x[i * a.b + r];
    }
    return d;
}
/* s = 1/|x|^2, 0 at the origin */
static double *inverse_square(sx_cbatch x, sx_work *w) {
    double *s = dots(x, x, w);
    for (int64_t r = 0; r < x.b; ++r) s[r] = s[r] > 0.0 ? 1.0 / s[r] : 0.0;
    return s;
}
static void add(sx_batch out, const double *c, sx_cbatch v) {
    for (int64_t i = 0; i < out.n; ++i) {
        for (int64_t r = 0; r < out.b; ++r) out.x[i * out.b + r] += c[r] * v.x[i * out.b + r];
    }
}

void sx_metric_apply(const sx_metric *m, int twice_power, sx_cbatch x, sx_cbatch v, sx_batch out, sx_work w) {
    if (!radial(m)) {
        const double *d = diagonal(m, twice_power == 2 ? 0 : twice_power == 1 ? -1 : -3, x, &w);
        m->k->mul(x.n * x.b, d, v.x, out.x);
        return;
    }
    /* M^p = mu_t^p I + (mu_r^p - mu_t^p) n n^T */
    double p = 0.5 * twice_power, t = pow(m->mu_t, p), delta = pow(m->mu_r, p) - t;
    double *s = inverse_square(x, &w), *c = dots(x, v, &w);
    for (int64_t r = 0; r < x.b; ++r) c[r] *= delta * s[r];
    for (int64_t i = 0; i < x.n * x.b; ++i) out.x[i] = t * v.x[i];
    add(out, c, x);
}

void sx_metric_d1(const sx_metric *m, double s, sx_cbatch x, sx_cbatch u, sx_cbatch g, sx_batch out, sx_work w) {
    if (sx_metric_constant(m)) return;
    if (!radial(m)) {
        const double *d = diagonal(m, 1, x, &w);
        for (int64_t i = 0; i < x.n * x.b; ++i) out.x[i] += s * d[i] * u.x[i] * g.x[i];
        return;
    }
    /* dM[u] g = delta { [u (x.g) + x (u.g)] s + x (x.g) s1[u] } */
    double *q = inverse_square(x, &w), *xg = dots(x, g, &w), *ug = dots(u, g, &w), *xu = dots(x, u, &w);
    double delta = s * (m->mu_r - m->mu_t);
    for (int64_t r = 0; r < x.b; ++r) {
        double s0 = q[r], cu = delta * s0 * xg[r], cx = delta * (ug[r] * s0 - 2.0 * xu[r] * xg[r] * s0 * s0);
        ug[r] = cu;
        xu[r] = cx;
    }
    add(out, ug, u);
    add(out, xu, x);
}

void sx_metric_grad1(const sx_metric *m, double s, sx_cbatch x, sx_cbatch p, sx_cbatch g, sx_batch out, sx_work w) {
    if (!radial(m)) { /* diagonal: p.(d_k M) g = M_k' p_k g_k */
        sx_metric_d1(m, s, x, p, g, out, w);
        return;
    }
    /* grad delta (x.p)(x.g) s = delta { [p (x.g) + g (x.p)] s - 2 s^2 (x.p)(x.g) x } */
    double *q = inverse_square(x, &w), *xp = dots(x, p, &w), *xg = dots(x, g, &w);
    double delta = s * (m->mu_r - m->mu_t);
    for (int64_t r = 0; r < x.b; ++r) {
        double s0 = q[r], cp = delta * xg[r] * s0, cg = delta * xp[r] * s0, cx = -2.0 * delta * s0 * s0 * xp[r] * xg[r];
        xp[r] = cp;
        xg[r] = cg;
        q[r] = cx;
    }
    add(out, xp, p);
    add(out, xg, g);
    add(out, q, x);
}

void sx_metric_d2(const sx_metric *m, double s, sx_cbatch x, sx_cbatch u, sx_cbatch v, sx_cbatch g, sx_batch out,
                  sx_work w) {
    if (sx_metric_constant(m)) return;
    if (!radial(m)) {
        const double *d = diagonal(m, 2, x, &w);
        for (int64_t i = 0; i < x.n * x.b; ++i) out.x[i] += s * d[i] * u.x[i] * v.x[i] * g.x[i];
        return;
    }
    /* d2M[u,v] g = delta { [u (v.g) + v (u.g)] s + [u (x.g) + x (u.g)] s1[v] + [v (x.g) + x (v.g)] s1[u] + x (x.g) s2[u,v] } */
    double *q = inverse_square(x, &w), *xg = dots(x, g, &w), *ug = dots(u, g, &w), *vg = dots(v, g, &w);
    double *xu = dots(x, u, &w), *xv = dots(x, v, &w), *uv = dots(u, v, &w);
    double delta = s * (m->mu_r - m->mu_t);
    for (int64_t r = 0; r < x.b; ++r) {
        double s0 = q[r], s1u = -2.0 * s0 * s0 * xu[r], s1v = -2.0 * s0 * s0 * xv[r];
        double s2 = 8.0 * s0 * s0 * s0 * xu[r] * xv[r] - 2.0 * s0 * s0 * uv[r];
        double cu = delta * (vg[r] * s0 + xg[r] * s1v), cv = delta * (ug[r] * s0 + xg[r] * s1u);
        double cx = delta * (ug[r] * s1v + vg[r] * s1u + xg[r] * s2);
        xu[r] = cu;
        xv[r] = cv;
        uv[r] = cx;
    }
    add(out, xu, u);
    add(out, xv, v);
    add(out, uv, x);
}

void sx_metric_grad2(const sx_metric *m, double s, sx_cbatch x, sx_cbatch v, sx_cbatch p, sx_cbatch g, sx_batch out,
                     sx_work w) {
    if (!radial(m)) {
        sx_metric_d2(m, s, x, v, p, g, out, w);
        return;
    }
    /* p.dM[v] g = delta { [(p.v)(x.g) + (x.p)(v.g)] s + (x.p)(x.g) s1[v] }; its gradient, with grad s1[v] = -2 s^2 v + 8 s^3 (x.v) x */
    double *q = inverse_square(x, &w), *xg = dots(x, g, &w), *xp = dots(x, p, &w), *xv = dots(x, v, &w);
    double *pv = dots(p, v, &w), *vg = dots(v, g, &w);
    double delta = s * (m->mu_r - m->mu_t);
    for (int64_t r = 0; r < x.b; ++r) {
        double s0 = q[r], s1v = -2.0 * s0 * s0 * xv[r];
        double cg = delta * (pv[r] * s0 + xp[r] * s1v), cp = delta * (vg[r] * s0 + xg[r] * s1v);
        double cv = -2.0 * delta * s0 * s0 * xp[r] * xg[r];
        double cx =
            delta * (-2.0 * s0 * s0 * (pv[r] * xg[r] + xp[r] * vg[r]) + 8.0 * s0 * s0 * s0 * xv[r] * xp[r] * xg[r]);
        xg[r] = cg;
        xp[r] = cp;
        xv[r] = cv;
        pv[r] = cx;
    }
    add(out, xg, g);
    add(out, xp, p);
    add(out, xv, v);
    add(out, pv, x);
}

void sx_metric_d3(const sx_metric *m, double s, sx_cbatch x, sx_cbatch u, sx_cbatch v, sx_cbatch z, sx_cbatch g,
                  sx_batch out, sx_work w) {
    if (sx_metric_constant(m)) return;
    if (!radial(m)) {
        const double *d = diagonal(m, 3, x, &w);
        for (int64_t i = 0; i < x.n * x.b; ++i) out.x[i] += s * d[i] * u.x[i] * v.x[i] * z.x[i] * g.x[i];
        return;
    }
    /* d3M[u,v,z] g = delta { sum over pairs (a,c | e) [a (c.g) + c (a.g)] s1[e] + sum over e [e (x.g) + x (e.g)] s2[rest]
     *                        + x (x.g) s3[u,v,z] } */
    double *q = inverse_square(x, &w), *xg = dots(x, g, &w);
    double *ug = dots(u, g, &w), *vg = dots(v, g, &w), *zg = dots(z, g, &w);
    double *xu = dots(x, u, &w), *xv = dots(x, v, &w), *xz = dots(x, z, &w);
    double *uv = dots(u, v, &w), *uz = dots(u, z, &w), *vz = dots(v, z, &w);
    double delta = s * (m->mu_r - m->mu_t);
    for (int64_t r = 0; r < x.b; ++r) {
        double s0 = q[r], p2 = s0 * s0, p3 = p2 * s0, p4 = p2 * p2;
        double s1u = -2.0 * p2 * xu[r], s1v = -2.0 * p2 * xv[r], s1z = -2.0 * p2 * xz[r];
        double suv = 8.0 * p3 * xu[r] * xv[r] - 2.0 * p2 * uv[r], suz = 8.0 * p3 * xu[r] * xz[r] - 2.0 * p2 * uz[r];
        double svz = 8.0 * p3 * xv[r] * xz[r] - 2.0 * p2 * vz[r];
        double s3 = -48.0 * p4 * xu[r] * xv[r] * xz[r] + 8.0 * p3 * (uv[r] * xz[r] + uz[r] * xv[r] + vz[r] * xu[r]);
        double cu = delta * (vg[r] * s1z + zg[r] * s1v + xg[r] * svz),
               cv = delta * (ug[r] * s1z + zg[r] * s1u + xg[r] * suz);
        double cz = delta * (ug[r] * s1v + vg[r] * s1u + xg[r] * suv);
        double cx = delta * (ug[r] * svz + vg[r] * suz + zg[r] * suv + xg[r] * s3);
        xu[r] = cu;
        xv[r] = cv;
        xz[r] = cz;
        uv[r] = cx;
    }
    add(out, xu, u);
    add(out, xv, v);
    add(out, xz, z);
    add(out, uv, x);
}

/* Diagonal: div M = M', strat = covariant = M'/2 (grad ln|G|^1/2 = -M'/2M). */
static void half_derivative(const sx_metric *m, double factor, sx_cbatch x, sx_batch out, sx_work w) {
    const double *d = diagonal(m, 1, x, &w);
    for (int64_t i = 0; i < x.n * x.b; ++i) out.x[i] = factor * d[i];
}

/* Radial: every correction is c n / |x|. */
static void radial_vector(double c, sx_cbatch x, sx_batch out, sx_work w) {
    double *s = inverse_square(x, &w);
    for (int64_t r = 0; r < x.b; ++r) s[r] *= c;
    for (int64_t i = 0; i < x.n; ++i) {
        for (int64_t r = 0; r < x.b; ++r) out.x[i * x.b + r] = s[r] * x.x[i * x.b + r];
    }
}

/* Radial: d_j (delta n_i n_j) = delta (n-1) n_i / |x|. */
void sx_metric_div(const sx_metric *m, sx_cbatch x, sx_batch out, sx_work w) {
    if (radial(m))
        radial_vector((m->mu_r - m->mu_t) * (double)(m->n - 1), x, out, w);
    else
        half_derivative(m, 1.0, x, out, w);
}

/* Radial, B = b_t I + (b_r - b_t) n n^T: (d_k B_ij) B_kj = (b_r - b_t) b_t (n-1) n_i / |x|. */
void sx_metric_strat(const sx_metric *m, sx_cbatch x, sx_batch out, sx_work w) {
    double br = sqrt(m->mu_r), bt = sqrt(m->mu_t);
    if (radial(m))
        radial_vector((br - bt) * bt * (double)(m->n - 1), x, out, w);
    else
        half_derivative(m, 0.5, x, out, w);
}

/* Radial: det G does not depend on x, so the covariant correction is div M. */
void sx_metric_covariant(const sx_metric *m, sx_cbatch x, sx_batch out, sx_work w) {
    if (radial(m))
        sx_metric_div(m, x, out, w);
    else
        half_derivative(m, 0.5, x, out, w);
}

void sx_metric_dB(const sx_metric *m, double s, sx_cbatch x, sx_cbatch u, sx_cbatch v, sx_batch out, sx_work w) {
    if (sx_metric_constant(m)) return;
    if (radial(m)) { /* B has the same form as M, with the roots of mu */
        sx_metric root = *m;
        root.mu_r = sqrt(m->mu_r);
        root.mu_t = sqrt(m->mu_t);
        sx_metric_d1(&root, s, x, u, v, out, w);
        return;
    }
    const double *d = diagonal(m, -2, x, &w);
    for (int64_t i = 0; i < x.n * x.b; ++i) out.x[i] += s * d[i] * u.x[i] * v.x[i];
}
