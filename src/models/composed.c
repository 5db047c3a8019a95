// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The composed model, F = -M(x) g(x) + R(x) with M = G^-1, g = grad Phi. With H, T3, T4 the derivatives of g, and for the gradient
 * flow R = -omega A g, the antisymmetric flow R = omega A x, the activation flow R = W_A tanh(x) / tau:
 *     J v        = -M H v - dM[v] g                                               - omega A H v
 *     J^T p      = H y - grad_x(p.M g),   y = -M p + omega A p
 *     d2F[u,v]   = -M T3[u,v] - dM[u] H v - dM[v] H u - d2M[u,v] g                - omega A T3[u,v]
 *     grad p.Jv  = T3[y, v] - grad_x(p.M (H v)) - H dM[v] p - grad_x(p.dM[v] g)
 *     d3F[u,v,z] = -M T4 - sum dM[.] T3[.,.] - sum d2M[.,.] H . - d3M[u,v,z] g    - omega A T4
 *     tr J       = -sum M_ij H_ij - (div M).g
 * (grad_x at fixed vectors.) With the hopfield potential and the activation metric -M g is the rate network
 *     -M g [+ R] = (-x + V tanh x + I) / tau,  V = W_S, or W with the activation flow,
 * which is computed as such: one product, and nothing of the form 0 times infinity at saturation. */
#include "models/composed.h"

#include "core/mutant.h"

typedef sx_composed composed;

/* -- the native part: V in and its transpose -------------------------------------------------------------------------------------- */

static void native_product(const composed *c, bool transposed, sx_cbatch in, double beta, sx_batch out, sx_work w) {
    if (c->W)
        sx_coupling_apply(c->W, transposed, 1.0, in, beta, out, w);
    else
        sx_parity_apply(&c->symmetric, 1.0, in, beta, out, w);
}
static int64_t native_work(const composed *c, int64_t b) {
    return c->W ? sx_coupling_work(c->W, b) : sx_parity_work(&c->symmetric, b);
}
/* s = tanh x into f[0], its derivatives to `order` into f[1..order] */
static void tanh_at(const composed *c, int order, sx_cbatch x, double **f, sx_work *w) {
    for (int k = 0; k < 5; ++k) f[k] = k <= order ? sx_take(w, x.n * x.b) : NULL;
    sx_tanh_derivatives(c->k, x.n * x.b, x.x, f[0], f[1], f[2], f[3], f[4]);
}
/* out = V (f u v z) / tau */
static void native_direction(const composed *c, const double *f, sx_cbatch u, const double *v, const double *z,
                             sx_batch out, sx_work w) {
    double *tmp = sx_take(&w, u.n * u.b);
    for (int64_t i = 0; i < u.n * u.b; ++i) tmp[i] = f[i] * u.x[i] * (v ? v[i] : 1.0) * (z ? z[i] : 1.0);
    native_product(c, false, sx_view(tmp, u.n, u.b), 0.0, out, w);
    c->k->scale_rows(u.n, u.b, c->metric.m, out.x, out.x);
}

/* -- flows: out += ------------------------------------------------------------------------------------------------------------------ */

/* out += W_A (f u v z) / tau */
static void activation_add(const composed *c, const double *f, sx_cbatch u, const double *v, const double *z,
                           sx_batch out, sx_work w) {
    int64_t count = u.n * u.b;
    double *tmp = sx_take(&w, count);
    sx_batch R = sx_take_batch(&w, u.n, u.b);
    for (int64_t i = 0; i < count; ++i) tmp[i] = f[i] * (u.x ? u.x[i] : 1.0) * (v ? v[i] : 1.0) * (z ? z[i] : 1.0);
    memset(R.x, 0, (size_t)count * sizeof *R.x);
    sx_flow_add(&c->flow, 1.0, sx_view(tmp, u.n, u.b), R, w);
    c->k->axpy_rows(u.n, u.b, c->flow.inverse_tau, R.x, out.x);
}
/* out += f v (W_A^T (p / tau)) = -f v (W_A (p / tau)) */
static void activation_add_transposed(const composed *c, const double *f, const double *v, sx_cbatch p, sx_batch out,
                                      sx_work w) {
    int64_t count = p.n * p.b;
    double *tmp = sx_take(&w, count);
    sx_batch R = sx_take_batch(&w, p.n, p.b);
    c->k->scale_rows(p.n, p.b, c->flow.inverse_tau, p.x, tmp);
    memset(R.x, 0, (size_t)count * sizeof *R.x);
    sx_flow_add(&c->flow, -1.0, sx_view(tmp, p.n, p.b), R, w);
    for (int64_t i = 0; i < count; ++i) out.x[i] += f[i] * (v ? v[i] : 1.0) * R.x[i];
}
/* The activation flow where it is not part of the native form. */
static bool own_activation(const composed *c) {
    return c->flow.kind == SX_FLOW_ACTIVATION && !c->native;
}

static void minus(sx_batch out) {
    for (int64_t i = 0; i < out.n * out.b; ++i) out.x[i] = -out.x[i];
}
static void apply_M(const composed *c, sx_cbatch x, sx_cbatch v, sx_batch out, sx_work w) {
    sx_metric_apply(&c->metric, 2, x, v, out, w);
}

/* -- operations ----------------------------------------------------------------------------------------------------------------------- */

static void F(const void *self, double t, sx_cbatch x, sx_batch out, sx_work w) {
    (void)t;
    const composed *c = self;
    int64_t n = x.n, b = x.b;
    if (c->native) {
        double *s = sx_take(&w, n * b);
        c->k->tanh(n * b, x.x, s);
        native_product(c, false, sx_view(s, n, b), 0.0, out, w);
        c->k->leak_rows(n, b, x.x, c->phi.input, c->metric.m, out.x);
    }
    if (!c->native || c->flow.kind == SX_FLOW_GRADIENT) {
        sx_batch g = sx_take_batch(&w, n, b);
        sx_potential_gradient(&c->phi, x, g, w);
        if (!c->native) {
            apply_M(c, x, sx_const_batch(g), out, w);
            minus(out);
        }
        if (c->flow.kind == SX_FLOW_GRADIENT)
            sx_flow_add(&c->flow, SX_MUTANT(flow_sign) ? 1.0 : -1.0, sx_const_batch(g), out, w);
    }
    if (c->flow.kind == SX_FLOW_ANTISYMMETRIC) sx_flow_add(&c->flow, 1.0, x, out, w);
    if (own_activation(c)) {
        double *s = sx_take(&w, n * b);
        c->k->tanh(n * b, x.x, s);
        activation_add(c, s, sx_view(NULL, n, b), NULL, NULL, out, w);
    }
}

static void jvp(const void *self, double t, sx_cbatch x0, sx_cbatch u, sx_batch out, sx_work w) {
    (void)t;
    const composed *c = self;
    sx_cbatch x = sx_spread(x0, u.b, &w);
    int64_t n = u.n, b = u.b;
    double *f[5];
    if (c->native) {
        tanh_at(c, 1, x, f, &w);
        native_direction(c, f[1], u, NULL, NULL, out, w);
        for (int64_t i = 0; i < n; ++i) {
            for (int64_t r = 0; r < b; ++r) out.x[i * b + r] -= c->metric.m[i] * u.x[i * b + r];
        }
    }
    if (!c->native || c->flow.kind == SX_FLOW_GRADIENT) {
        sx_batch Hu = sx_take_batch(&w, n, b);
        sx_potential_hessian(&c->phi, x, u, Hu, w);
        if (!c->native) {
            apply_M(c, x, sx_const_batch(Hu), out, w);
            minus(out);
            if (!sx_metric_constant(&c->metric)) {
                sx_work inner = w;
                sx_batch g = sx_take_batch(&inner, n, b);
                sx_potential_gradient(&c->phi, x, g, inner);
                sx_metric_d1(&c->metric, -1.0, x, u, sx_const_batch(g), out, inner);
            }
        }
        if (c->flow.kind == SX_FLOW_GRADIENT) sx_flow_add(&c->flow, -1.0, sx_const_batch(Hu), out, w);
    }
    if (c->flow.kind == SX_FLOW_ANTISYMMETRIC) sx_flow_add(&c->flow, 1.0, u, out, w);
    if (own_activation(c)) {
        tanh_at(c, 1, x, f, &w);
        activation_add(c, f[1], u, NULL, NULL, out, w);
    }
}

/* y = -M p + omega A p of the gradient flow (p without the first term when native) */
static sx_batch pulled(const composed *c, sx_cbatch x, sx_cbatch p, sx_work *w) {
    sx_batch y = sx_take_batch(w, p.n, p.b);
    if (c->native) {
        memset(y.x, 0, (size_t)(p.n * p.b) * sizeof *y.x);
    } else {
        apply_M(c, x, p, y, *w);
        minus(y);
    }
    if (c->flow.kind == SX_FLOW_GRADIENT) sx_flow_add(&c->flow, 1.0, p, y, *w);
    return y;
}

static void vjp(const void *self, double t, sx_cbatch x0, sx_cbatch p, sx_batch out, sx_work w) {
    (void)t;
    const composed *c = self;
    sx_cbatch x = sx_spread(x0, p.b, &w);
    int64_t n = p.n, b = p.b;
    double *f[5];
    if (!c->native || c->flow.kind == SX_FLOW_GRADIENT) {
        sx_batch y = pulled(c, x, p, &w);
        sx_potential_hessian(&c->phi, x, sx_const_batch(y), out, w);
        if (!c->native && !sx_metric_constant(&c->metric)) {
            sx_work inner = w;
            sx_batch g = sx_take_batch(&inner, n, b);
            sx_potential_gradient(&c->phi, x, g, inner);
            sx_metric_grad1(&c->metric, -1.0, x, p, sx_const_batch(g), out, inner);
        }
    } else {
        memset(out.x, 0, (size_t)(n * b) * sizeof *out.x);
    }
    if (c->native) {
        tanh_at(c, 1, x, f, &w);
        double *q = sx_take(&w, n * b);
        sx_batch Vq = sx_take_batch(&w, n, b);
        c->k->scale_rows(n, b, c->metric.m, p.x, q);
        native_product(c, true, sx_view(q, n, b), 0.0, Vq, w);
        for (int64_t i = 0; i < n * b; ++i) out.x[i] += f[1][i] * Vq.x[i] - q[i];
    }
    if (c->flow.kind == SX_FLOW_ANTISYMMETRIC) sx_flow_add(&c->flow, -1.0, p, out, w);
    if (own_activation(c)) {
        tanh_at(c, 1, x, f, &w);
        activation_add_transposed(c, f[1], NULL, p, out, w);
    }
}

static void hvv(const void *self, double t, sx_cbatch x0, sx_cbatch u, sx_cbatch v, sx_batch out, sx_work w) {
    (void)t;
    const composed *c = self;
    sx_cbatch x = sx_spread(x0, u.b, &w);
    int64_t n = u.n, b = u.b;
    double *f[5];
    if (c->native) {
        tanh_at(c, 2, x, f, &w);
        native_direction(c, f[2], u, v.x, NULL, out, w);
    }
    if (!c->native || c->flow.kind == SX_FLOW_GRADIENT) {
        sx_batch T = sx_take_batch(&w, n, b);
        sx_potential_third(&c->phi, x, u, v, T, w);
        if (!c->native) {
            apply_M(c, x, sx_const_batch(T), out, w);
            minus(out);
            if (!sx_metric_constant(&c->metric)) {
                sx_work inner = w;
                sx_batch h = sx_take_batch(&inner, n, b);
                sx_potential_hessian(&c->phi, x, v, h, inner);
                sx_metric_d1(&c->metric, -1.0, x, u, sx_const_batch(h), out, inner);
                sx_potential_hessian(&c->phi, x, u, h, inner);
                sx_metric_d1(&c->metric, -1.0, x, v, sx_const_batch(h), out, inner);
                sx_potential_gradient(&c->phi, x, h, inner);
                sx_metric_d2(&c->metric, -1.0, x, u, v, sx_const_batch(h), out, inner);
            }
        }
        if (c->flow.kind == SX_FLOW_GRADIENT) sx_flow_add(&c->flow, -1.0, sx_const_batch(T), out, w);
    }
    if (own_activation(c)) {
        tanh_at(c, 2, x, f, &w);
        activation_add(c, f[2], u, v.x, NULL, out, w);
    }
}

static void phv(const void *self, double t, sx_cbatch x0, sx_cbatch p, sx_cbatch v, sx_batch out, sx_work w) {
    (void)t;
    const composed *c = self;
    sx_cbatch x = sx_spread(x0, p.b, &w);
    int64_t n = p.n, b = p.b;
    double *f[5];
    if (!c->native || c->flow.kind == SX_FLOW_GRADIENT) {
        sx_batch y = pulled(c, x, p, &w);
        sx_potential_third(&c->phi, x, sx_const_batch(y), v, out, w);
        if (!c->native && !sx_metric_constant(&c->metric)) {
            sx_work inner = w;
            sx_batch h = sx_take_batch(&inner, n, b), d = sx_take_batch(&inner, n, b);
            sx_potential_hessian(&c->phi, x, v, h, inner);
            sx_metric_grad1(&c->metric, -1.0, x, p, sx_const_batch(h), out, inner);
            memset(d.x, 0, (size_t)(n * b) * sizeof *d.x);
            sx_metric_d1(&c->metric, -1.0, x, v, p, d, inner);
            sx_potential_hessian(&c->phi, x, sx_const_batch(d), h, inner);
            c->k->axpy(n * b, 1.0, h.x, out.x);
            sx_potential_gradient(&c->phi, x, h, inner);
            sx_metric_grad2(&c->metric, -1.0, x, v, p, sx_const_batch(h), out, inner);
        }
    } else {
        memset(out.x, 0, (size_t)(n * b) * sizeof *out.x);
    }
    if (c->native) {
        tanh_at(c, 2, x, f, &w);
        double *q = sx_take(&w, n * b);
        sx_batch Vq = sx_take_batch(&w, n, b);
        c->k->scale_rows(n, b, c->metric.m, p.x, q);
        native_product(c, true, sx_view(q, n, b), 0.0, Vq, w);
        for (int64_t i = 0; i < n * b; ++i) out.x[i] += f[2][i] * v.x[i] * Vq.x[i];
    }
    if (own_activation(c)) {
        tanh_at(c, 2, x, f, &w);
        activation_add_transposed(c, f[2], v.x, p, out, w);
    }
}

static void tvvv(const void *self, double t, sx_cbatch x0, sx_cbatch u, sx_cbatch v, sx_cbatch z, sx_batch out,
                 sx_work w) {
    (void)t;
    const composed *c = self;
    sx_cbatch x = sx_spread(x0, u.b, &w);
    int64_t n = u.n, b = u.b;
    double *f[5];
    if (c->native) {
        tanh_at(c, 3, x, f, &w);
        native_direction(c, f[3], u, v.x, z.x, out, w);
    }
    if (!c->native || c->flow.kind == SX_FLOW_GRADIENT) {
        sx_batch T = sx_take_batch(&w, n, b);
        sx_potential_fourth(&c->phi, x, u, v, z, T, w);
        if (!c->native) {
            apply_M(c, x, sx_const_batch(T), out, w);
            minus(out);
            if (!sx_metric_constant(&c->metric)) {
                sx_work inner = w;
                sx_batch h = sx_take_batch(&inner, n, b);
                const sx_cbatch d[3] = { u, v, z };
                for (int e = SX_MUTANT(tvvv_symmetry); e < 3; ++e) {
                    sx_cbatch a = d[(e + 1) % 3], q = d[(e + 2) % 3];
                    sx_potential_third(&c->phi, x, a, q, h, inner);
                    sx_metric_d1(&c->metric, -1.0, x, d[e], sx_const_batch(h), out, inner);
                    sx_potential_hessian(&c->phi, x, d[e], h, inner);
                    sx_metric_d2(&c->metric, -1.0, x, a, q, sx_const_batch(h), out, inner);
                }
                sx_potential_gradient(&c->phi, x, h, inner);
                sx_metric_d3(&c->metric, -1.0, x, u, v, z, sx_const_batch(h), out, inner);
            }
        }
        if (c->flow.kind == SX_FLOW_GRADIENT) sx_flow_add(&c->flow, -1.0, sx_const_batch(T), out, w);
    }
    if (own_activation(c)) {
        tanh_at(c, 3, x, f, &w);
        activation_add(c, f[3], u, v.x, z.x, out, w);
    }
}

static void jacobian(const void *self, double t, const double *x, double *out, sx_work w) {
    const composed *c = self;
    sx_jacobian_by_columns(&sx_composed_ops, self, c->n, t, x, out, w);
}

/* tr J; R has no divergence. Native: sum (-1 + V_ii f1_i) / tau_i. */
static void divergence(const void *self, double t, sx_cbatch x, double *out, sx_work w) {
    (void)t;
    const composed *c = self;
    int64_t n = x.n, b = x.b;
    double *f[5];
    for (int64_t r = 0; r < b; ++r) out[r] = 0.0;
    if (c->native) {
        tanh_at(c, 1, x, f, &w);
        for (int64_t i = 0; i < n; ++i) {
            for (int64_t r = 0; r < b; ++r) out[r] += c->metric.m[i] * (c->W_diagonal[i] * f[1][i * b + r] - 1.0);
        }
        return;
    }
    sx_batch a = sx_take_batch(&w, n, b), g = sx_take_batch(&w, n, b), h = sx_take_batch(&w, n, b);
    sx_potential_hessian_diagonal(&c->phi, x, a, w);
    if (c->metric.kind == SX_METRIC_RADIAL_TANGENTIAL) {
        /* sum M_ij H_ij = mu_t tr H + (mu_r - mu_t) n.H n */
        sx_potential_hessian(&c->phi, x, x, h, w);
        double *q = sx_take(&w, b), *xHx = sx_take(&w, b);
        for (int64_t r = 0; r < b; ++r) q[r] = xHx[r] = 0.0;
        for (int64_t i = 0; i < n; ++i) {
            for (int64_t r = 0; r < b; ++r) {
                int64_t j = i * b + r;
                q[r] += x.x[j] * x.x[j];
                xHx[r] += x.x[j] * h.x[j];
                out[r] -= c->metric.mu_t * a.x[j];
            }
        }
        for (int64_t r = 0; r < b; ++r) {
            if (q[r] > 0.0) out[r] -= (c->metric.mu_r - c->metric.mu_t) * xHx[r] / q[r];
        }
    } else {
        apply_M(c, x, sx_const_batch(a), h, w);
        for (int64_t i = 0; i < n; ++i) {
            for (int64_t r = 0; r < b; ++r) out[r] -= h.x[i * b + r];
        }
    }
    if (sx_metric_constant(&c->metric)) return;
    sx_potential_gradient(&c->phi, x, g, w);
    sx_metric_div(&c->metric, x, h, w);
    for (int64_t i = 0; i < n; ++i) {
        for (int64_t r = 0; r < b; ++r) out[r] -= h.x[i * b + r] * g.x[i * b + r];
    }
}

static void potential(const void *self, double t, sx_cbatch x, double *out, sx_work w) {
    (void)t;
    sx_potential_value(&((const composed *)self)->phi, x, out, w);
}
static void gradient(const void *self, double t, sx_cbatch x, sx_batch out, sx_work w) {
    (void)t;
    sx_potential_gradient(&((const composed *)self)->phi, x, out, w);
}
static void metric(const void *self, int inverse, sx_cbatch x0, sx_cbatch v, sx_batch out, sx_work w) {
    sx_cbatch x = sx_spread(x0, v.b, &w);
    sx_metric_apply(&((const composed *)self)->metric, inverse ? 2 : -2, x, v, out, w);
}
static void reentrant(const void *self, double t, sx_cbatch x, sx_batch out, sx_work w) {
    (void)t;
    const composed *c = self;
    memset(out.x, 0, (size_t)(x.n * x.b) * sizeof *out.x);
    if (c->flow.kind == SX_FLOW_ANTISYMMETRIC) {
        sx_flow_add(&c->flow, 1.0, x, out, w);
    } else if (c->flow.kind == SX_FLOW_GRADIENT) {
        sx_batch g = sx_take_batch(&w, x.n, x.b);
        sx_potential_gradient(&c->phi, x, g, w);
        sx_flow_add(&c->flow, -1.0, sx_const_batch(g), out, w);
    } else if (c->flow.kind == SX_FLOW_ACTIVATION) {
        double *s = sx_take(&w, x.n * x.b);
        c->k->tanh(x.n * x.b, x.x, s);
        activation_add(c, s, sx_view(NULL, x.n, x.b), NULL, NULL, out, w);
    }
}

/* Batches held at once (x, T, h, d or y, tanh and its derivatives, two of a flow) and the largest need of a part. */
static int64_t work(const void *self, sx_op op, int64_t b) {
    const composed *c = self;
    if (op == SX_OP_JACOBIAN) return sx_jacobian_work(&sx_composed_ops, self, c->n);
    int64_t most = sx_potential_work(&c->phi, b),
            parts[] = { sx_metric_work(&c->metric, b), sx_flow_work(&c->flow, b), native_work(c, b) };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; ++i) most = parts[i] > most ? parts[i] : most;
    int64_t batches = op == SX_OP_F || op == SX_OP_GRADIENT || op == SX_OP_POTENTIAL || op == SX_OP_REENTRANT ? 4
                      : op == SX_OP_METRIC                                                                    ? 1
                      : op == SX_OP_DIVERGENCE                                                                ? 3
                                                                                                              : 12;
    return most + batches * sx_pad(c->n * b) + 2 * sx_pad(b);
}

void sx_composed_destroy(sx_ctx *ctx, void *self) {
    composed *c = self;
    if (!c) return;
    sx_potential_clear(ctx, &c->phi);
    sx_metric_clear(ctx, &c->metric);
    sx_flow_clear(ctx, &c->flow);
    sx_coupling_free(ctx, c->W);
    sx_free(ctx, c->W_diagonal);
    sx_free(ctx, c);
}

/* x -> -x where Phi is even: metrics are even and flows odd. */
static int symmetry(const void *self, int i, sx_cbatch x, sx_batch out) {
    const composed *c = self;
    bool even = c->phi.kind == SX_POTENTIAL_QUADRATIC || c->phi.kind == SX_POTENTIAL_RADIAL ||
                (c->phi.kind == SX_POTENTIAL_QUARTIC && c->phi.b == 0.0) || c->phi.kind == SX_POTENTIAL_HOPFIELD;
    for (int64_t u = 0; c->phi.kind == SX_POTENTIAL_HOPFIELD && c->phi.input && u < c->n; ++u)
        even = even && c->phi.input[u] == 0.0;
    if (i > 0 || !even) return 0;
    for (int64_t k = 0; k < x.n * x.b; ++k) out.x[k] = -x.x[k];
    return 1;
}

const sx_model_ops sx_composed_ops = {
    .abi = SX_MODEL_ABI,
    .struct_size = sizeof(sx_model_ops),
    .name = "composed",
    .work = work,
    .F = F,
    .jvp = jvp,
    .vjp = vjp,
    .hvv = hvv,
    .phv = phv,
    .tvvv = tvvv,
    .jacobian = jacobian,
    .divergence = divergence,
    .potential = potential,
    .gradient = gradient,
    .metric = metric,
    .reentrant = reentrant,
    .symmetry = symmetry,
    .destroy = sx_composed_destroy,
};

const sx_metric *sx_composed_metric(const sx_model *m) {
    return sx_model_operations(m) == &sx_composed_ops ? &((const composed *)sx_model_self(m))->metric : NULL;
}
