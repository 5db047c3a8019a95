// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Derivatives that a plug-in does not give. First order: from the Jacobian matrix; by complex step,
 *     J u = Im F(x + i h u)/h + O(h^2),   h = 2^-100/max|u|                       (Squire and Trapp, SIAM Rev. 40, 110 (1998));
 * else, and for the higher orders, by differences of the highest exact derivative D along the missing directions in turn,
 *     d_v D = [8 (D(x + e v) - D(x - e v)) - (D(x + 2e v) - D(x - 2e v))]/(12 e) + O(e^4),   e = c (1 + max|x|)/max|v|. */
#include "models/complete.h"

/* -- orders -------------------------------------------------------------------------------------------------------------------- */

int sx_complete_exact(const sx_complete *c, int order) {
    const sx_model_ops *f = c->f;
    if (order >= 3 && f->tvvv) return 3;
    if (order >= 2 && f->hvv) return 2;
    if (order >= 1 && (f->jvp || f->jacobian || c->F_complex)) return 1;
    return 0;
}
static int64_t inner_work(const sx_complete *c, sx_op op, int64_t b) {
    return c->f->work ? c->f->work(c->self, op, b) : 0;
}

/* out_r = J(x_r) u_r or J(x_r)^T u_r, one column after the other */
static void by_matrix(const sx_complete *c, bool transposed, double t, sx_cbatch x, sx_cbatch u, sx_batch out,
                      sx_work w) {
    int64_t n = c->n, b = u.b;
    double *J = sx_take(&w, n * n), *at = sx_take(&w, n);
    memset(out.x, 0, (size_t)(n * b) * sizeof *out.x);
    for (int64_t r = 0; r < b; ++r) {
        for (int64_t i = 0; i < n; ++i) at[i] = x.x[i * b + r];
        c->f->jacobian(c->self, t, at, J, w);
        for (int64_t i = 0; i < n; ++i) {
            for (int64_t j = 0; j < n; ++j)
                out.x[(transposed ? j : i) * b + r] += J[i * n + j] * u.x[(transposed ? i : j) * b + r];
        }
    }
}

/* max_i |v_ir| as a power of two at or above it; 1 where v vanishes */
static void sizes(sx_cbatch v, double *out) {
    for (int64_t r = 0; r < v.b; ++r) out[r] = 0.0;
    for (int64_t i = 0; i < v.n; ++i) {
        for (int64_t r = 0; r < v.b; ++r) out[r] = fmax(out[r], fabs(v.x[i * v.b + r]));
    }
    for (int64_t r = 0; r < v.b; ++r) {
        int e = 0;
        if (out[r] > 0.0 && isfinite(out[r])) (void)frexp(out[r], &e);
        out[r] = ldexp(1.0, e);
    }
}

static void by_complex_step(const sx_complete *c, double t, sx_cbatch x, sx_cbatch u, sx_batch out, sx_work w) {
    int64_t n = c->n, b = u.b;
    double *z = sx_take(&w, 2 * n * b), *y = sx_take(&w, 2 * n * b), *h = sx_take(&w, b);
    sizes(u, h);
    for (int64_t r = 0; r < b; ++r) h[r] = 0x1p-100 / h[r];
    for (int64_t i = 0; i < n; ++i) {
        for (int64_t r = 0; r < b; ++r) {
            z[2 * (i * b + r)] = x.x[i * b + r];
            z[2 * (i * b + r) + 1] = h[r] * u.x[i * b + r];
        }
    }
    c->F_complex(c->self, t, z, y, b, w);
    for (int64_t i = 0; i < n; ++i) {
        for (int64_t r = 0; r < b; ++r) out.x[i * b + r] = y[2 * (i * b + r) + 1] / h[r];
    }
}

/* out = the exact derivative of that order; x has as many columns as the directions */
static void exact(const sx_complete *c, int order, double t, sx_cbatch x, const sx_cbatch *d, sx_batch out, sx_work w) {
    const sx_model_ops *f = c->f;
    if (order == 0)
        f->F(c->self, t, x, out, w);
    else if (order == 3)
        f->tvvv(c->self, t, x, d[0], d[1], d[2], out, w);
    else if (order == 2)
        f->hvv(c->self, t, x, d[0], d[1], out, w);
    else if (f->jvp)
        f->jvp(c->self, t, x, d[0], out, w);
    else if (f->jacobian)
        by_matrix(c, false, t, x, d[0], out, w);
    else
        by_complex_step(c, t, x, d[0], out, w);
}
static int64_t exact_work(const sx_complete *c, int order, int64_t b) {
    static const sx_op op[] = { SX_OP_F, SX_OP_JVP, SX_OP_HVV, SX_OP_TVVV };
    int64_t n = c->n;
    if (order == 1 && !c->f->jvp) {
        if (c->f->jacobian) return sx_pad(n * n) + sx_pad(n) + inner_work(c, SX_OP_JACOBIAN, 1);
        return 2 * sx_pad(2 * n * b) + sx_pad(b) + inner_work(c, SX_OP_F, b);
    }
    return inner_work(c, op[order], b);
}

/* -- differences --------------------------------------------------------------------------------------------------------------- */

typedef void (*function)(const sx_complete *c, int order, double step, double t, sx_cbatch x, const sx_cbatch *d,
                         sx_batch out, sx_work w);

/* out = derivative along v of f of x; f has `order` directions d */
static void difference(const sx_complete *c, function f, int order, double step, double t, sx_cbatch x,
                       const sx_cbatch *d, sx_cbatch v, sx_batch out, sx_work w) {
    static const double shift[4] = { 1, -1, 2, -2 }, factor[4] = { 8, -8, -1, 1 };
    int64_t n = c->n, b = v.b;
    double *e = sx_take(&w, b), *size = sx_take(&w, b);
    sx_batch y = sx_take_batch(&w, n, b), part = sx_take_batch(&w, n, b);
    sizes(v, size);
    sizes(x, e);
    for (int64_t r = 0; r < b; ++r) e[r] = step * fmax(1.0, e[r]) / size[r];
    for (int k = 0; k < 4; ++k) {
        for (int64_t i = 0; i < n; ++i) {
            for (int64_t r = 0; r < b; ++r) y.x[i * b + r] = x.x[i * b + r] + shift[k] * e[r] * v.x[i * b + r];
        }
        f(c, order, step, t, sx_const_batch(y), d, part, w);
        for (int64_t i = 0; i < n * b; ++i) out.x[i] = (k ? out.x[i] : 0.0) + factor[k] * part.x[i];
    }
    for (int64_t i = 0; i < n; ++i) {
        for (int64_t r = 0; r < b; ++r) out.x[i * b + r] /= 12.0 * e[r];
    }
}
static int64_t difference_work(const sx_complete *c, int64_t b) {
    return 2 * sx_pad(b) + 2 * sx_pad(c->n * b);
}

/* d^order F along d[0] ... d[order-1] */
static void derivative(const sx_complete *c, int order, double step, double t, sx_cbatch x, const sx_cbatch *d,
                       sx_batch out, sx_work w) {
    if (sx_complete_exact(c, order) == order)
        exact(c, order, t, x, d, out, w);
    else
        difference(c, derivative, order - 1, step, t, x, d, d[order - 1], out, w);
}
static int64_t derivative_work(const sx_complete *c, int order, int64_t b) {
    int base = sx_complete_exact(c, order);
    return (order - base) * difference_work(c, b) + exact_work(c, base, b);
}

/* J^T p: given, from the matrix, or as n directions */
static void adjoint(const sx_complete *c, int order, double step, double t, sx_cbatch x, const sx_cbatch *d,
                    sx_batch out, sx_work w) {
    int64_t n = c->n, b = d[0].b;
    (void)order;
    if (c->f->vjp) {
        c->f->vjp(c->self, t, x, d[0], out, w);
        return;
    }
    if (c->f->jacobian && !c->f->jvp) {
        by_matrix(c, true, t, x, d[0], out, w);
        return;
    }
    sx_batch unit = sx_take_batch(&w, n, b), column = sx_take_batch(&w, n, b);
    sx_cbatch e = sx_const_batch(unit);
    memset(unit.x, 0, (size_t)(n * b) * sizeof *unit.x);
    for (int64_t j = 0; j < n; ++j) {
        for (int64_t r = 0; r < b; ++r) unit.x[j * b + r] = 1.0;
        derivative(c, 1, step, t, x, &e, column, w);
        for (int64_t r = 0; r < b; ++r) {
            double sum = 0.0;
            unit.x[j * b + r] = 0.0;
            for (int64_t i = 0; i < n; ++i) sum += d[0].x[i * b + r] * column.x[i * b + r];
            out.x[j * b + r] = sum;
        }
    }
}
static int64_t adjoint_work(const sx_complete *c, int64_t b) {
    if (c->f->vjp) return inner_work(c, SX_OP_VJP, b);
    if (c->f->jacobian && !c->f->jvp) return exact_work(c, 1, b);
    return 2 * sx_pad(c->n * b) + derivative_work(c, 1, b);
}
/* grad_x (p.J v) is the derivative of J^T p along v */
static void curvature(const sx_complete *c, double step, double t, sx_cbatch x, sx_cbatch p, sx_cbatch v, sx_batch out,
                      sx_work w) {
    difference(c, adjoint, 1, step, t, x, &p, v, out, w);
}

/* -- operations ---------------------------------------------------------------------------------------------------------------- */

static void F(const void *self, double t, sx_cbatch x, sx_batch out, sx_work w) {
    const sx_complete *c = self;
    c->f->F(c->self, t, x, out, w);
}
static void jvp(const void *self, double t, sx_cbatch x, sx_cbatch u, sx_batch out, sx_work w) {
    const sx_complete *c = self;
    if (c->f->jvp)
        c->f->jvp(c->self, t, x, u, out, w);
    else
        derivative(c, 1, c->step[1], t, sx_spread(x, u.b, &w), &u, out, w);
}
static void vjp(const void *self, double t, sx_cbatch x, sx_cbatch p, sx_batch out, sx_work w) {
    const sx_complete *c = self;
    if (c->f->vjp)
        c->f->vjp(c->self, t, x, p, out, w);
    else
        adjoint(c, 1, c->step[1], t, sx_spread(x, p.b, &w), &p, out, w);
}
static void hvv(const void *self, double t, sx_cbatch x, sx_cbatch u, sx_cbatch v, sx_batch out, sx_work w) {
    const sx_complete *c = self;
    const sx_cbatch d[2] = { u, v };
    if (c->f->hvv)
        c->f->hvv(c->self, t, x, u, v, out, w);
    else
        derivative(c, 2, c->step[2], t, sx_spread(x, u.b, &w), d, out, w);
}
static void phv(const void *self, double t, sx_cbatch x, sx_cbatch p, sx_cbatch v, sx_batch out, sx_work w) {
    const sx_complete *c = self;
    if (c->f->phv)
        c->f->phv(c->self, t, x, p, v, out, w);
    else
        curvature(c, c->step[0], t, sx_spread(x, p.b, &w), p, v, out, w);
}
static void tvvv(const void *self, double t, sx_cbatch x, sx_cbatch u, sx_cbatch v, sx_cbatch z, sx_batch out,
                 sx_work w) {
    const sx_complete *c = self;
    const sx_cbatch d[3] = { u, v, z };
    if (c->f->tvvv)
        c->f->tvvv(c->self, t, x, u, v, z, out, w);
    else
        derivative(c, 3, c->step[3], t, sx_spread(x, u.b, &w), d, out, w);
}
static void jacobian(const void *self, double t, const double *x, double *out, sx_work w) {
    const sx_complete *c = self;
    if (c->f->jacobian)
        c->f->jacobian(c->self, t, x, out, w);
    else
        sx_jacobian_by_columns(&c->ops, self, c->n, t, x, out, w);
}
static void divergence(const void *self, double t, sx_cbatch x, double *out, sx_work w) {
    const sx_complete *c = self;
    int64_t n = c->n, b = x.b;
    if (c->f->divergence) {
        c->f->divergence(c->self, t, x, out, w);
        return;
    }
    sx_batch unit = sx_take_batch(&w, n, b), column = sx_take_batch(&w, n, b);
    memset(unit.x, 0, (size_t)(n * b) * sizeof *unit.x);
    memset(out, 0, (size_t)b * sizeof *out);
    for (int64_t j = 0; j < n; ++j) {
        for (int64_t r = 0; r < b; ++r) unit.x[j * b + r] = 1.0;
        jvp(self, t, x, sx_const_batch(unit), column, w);
        for (int64_t r = 0; r < b; ++r) {
            unit.x[j * b + r] = 0.0;
            out[r] += column.x[j * b + r];
        }
    }
}
static void potential(const void *self, double t, sx_cbatch x, double *out, sx_work w) {
    const sx_complete *c = self;
    c->f->potential(c->self, t, x, out, w);
}
static void gradient(const void *self, double t, sx_cbatch x, sx_batch out, sx_work w) {
    const sx_complete *c = self;
    c->f->gradient(c->self, t, x, out, w);
}
static void metric(const void *self, int inverse, sx_cbatch x, sx_cbatch v, sx_batch out, sx_work w) {
    const sx_complete *c = self;
    c->f->metric(c->self, inverse, x, v, out, w);
}
static void reentrant(const void *self, double t, sx_cbatch x, sx_batch out, sx_work w) {
    const sx_complete *c = self;
    c->f->reentrant(c->self, t, x, out, w);
}
static void sample(const void *self, sx_key key, uint64_t step, int64_t replica0, sx_batch x, sx_work w) {
    const sx_complete *c = self;
    c->f->sample(c->self, key, step, replica0, x, w);
}
static void kick(const void *self, double t, double h, sx_batch x, sx_work w) {
    const sx_complete *c = self;
    c->f->kick(c->self, t, h, x, w);
}
static void move(const void *self, double t, double h, sx_batch x, sx_work w) {
    const sx_complete *c = self;
    c->f->move(c->self, t, h, x, w);
}
static void observe(const void *self, double t, sx_cbatch x, int which, double *out, sx_work w) {
    const sx_complete *c = self;
    c->f->observe(c->self, t, x, which, out, w);
}
static int symmetry(const void *self, int i, sx_cbatch x, sx_batch out) {
    const sx_complete *c = self;
    return c->f->symmetry(c->self, i, x, out);
}
static double input_end(const void *self) {
    const sx_complete *c = self;
    return c->f->input_end(c->self);
}
static int64_t trials(const void *self) {
    const sx_complete *c = self;
    return c->f->trials(c->self);
}

static int64_t work(const void *self, sx_op op, int64_t b) {
    const sx_complete *c = self;
    const sx_model_ops *f = c->f;
    int64_t spread = sx_pad(c->n * b);
    switch (op) {
    case SX_OP_JVP:
        return f->jvp ? inner_work(c, op, b) : spread + derivative_work(c, 1, b);
    case SX_OP_VJP:
        return f->vjp ? inner_work(c, op, b) : spread + adjoint_work(c, b);
    case SX_OP_HVV:
        return f->hvv ? inner_work(c, op, b) : spread + derivative_work(c, 2, b);
    case SX_OP_PHV:
        return f->phv ? inner_work(c, op, b) : spread + difference_work(c, b) + adjoint_work(c, b);
    case SX_OP_TVVV:
        return f->tvvv ? inner_work(c, op, b) : spread + derivative_work(c, 3, b);
    case SX_OP_JACOBIAN:
        return f->jacobian ? inner_work(c, op, b) : c->ops.jvp ? sx_jacobian_work(&c->ops, self, c->n) : 0;
    case SX_OP_DIVERGENCE:
        return f->divergence ? inner_work(c, op, b) : 2 * spread + work(self, SX_OP_JVP, b);
    default:
        return inner_work(c, op, b);
    }
}

const sx_model_ops sx_plugin_ops = {
    .abi = SX_MODEL_ABI,
    .struct_size = sizeof(sx_model_ops),
    .name = "plugin",
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
    .sample = sample,
    .kick = kick,
    .move = move,
    .observe = observe,
    .symmetry = symmetry,
    .destroy = sx_plugin_close,
    .input_end = input_end,
    .trials = trials,
};

/* -- for the choice of steps (complete_probe.c) ----------------------------------------------------------------------------------- */

void sx_complete_along(const sx_complete *c, int order, bool by_differences, double step, double t, sx_cbatch x,
                       const sx_cbatch *d, sx_batch out, sx_work w) {
    if (by_differences)
        difference(c, derivative, order - 1, step, t, x, d, d[order - 1], out, w);
    else
        derivative(c, order, step, t, x, d, out, w);
}
void sx_complete_adjoint(const sx_complete *c, double step, double t, sx_cbatch x, sx_cbatch p, sx_batch out,
                         sx_work w) {
    adjoint(c, 1, step, t, x, &p, out, w);
}
void sx_complete_curvature(const sx_complete *c, double step, double t, sx_cbatch x, sx_cbatch p, sx_cbatch v,
                           sx_batch out, sx_work w) {
    curvature(c, step, t, x, p, v, out, w);
}
int64_t sx_complete_work(const sx_complete *c, int64_t b) {
    int64_t most = difference_work(c, b) + adjoint_work(c, b), complex_F = 2 * sx_pad(2 * c->n * b);
    for (int order = 1; order <= 3; ++order) {
        int64_t a = derivative_work(c, order, b), d = difference_work(c, b) + derivative_work(c, order - 1, b);
        if (a > most) most = a;
        if (d > most) most = d;
    }
    return most > complex_F + inner_work(c, SX_OP_F, b) ? most : complex_F + inner_work(c, SX_OP_F, b);
}
