// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Homeostatic reentry: see reentry.h. With q = |y|^2 and z = W y + A y (A: fast weights)
 *     y' = -y + gamma g(q) z - kappa q y     (soft-shell: g = 1; gain: kappa = 0, g = 1/(1 - beta + beta sqrt q))
 *     A' = (-A + eta y y^T)/tau
 * and for the adjoint (p, P):
 *     J^T (p, P) = ( -p + gamma g (W + A)^T p + 2 gamma g'(q) (p.z) y - kappa (q p + 2 (p.y) y) + (eta/tau) (P + P^T) y,
 *                    gamma g p y^T - P/tau ).
 * Derivatives follow from these two in jets (jet.h). */
#include "models/reentry_private.h"

#include "core/mutant.h"
#include "models/jet.h"

typedef sx_reentry reentry;

/* Within sqrt(NEAR) of the origin the derivatives of g, which has none there, count as 0. */
static const double NEAR = 1e-60;

void sx_reentry_add_W(const sx_reentry *m, bool transposed, double alpha, sx_cbatch v, sx_batch out, sx_work w) {
    int64_t b = v.b;
    double sign = transposed ? -1.0 : 1.0, turn = alpha * sign * m->omega;
    m->k->axpy(v.n * b, alpha * m->rho, v.x, out.x);
    for (int64_t i = 0; m->omega != 0.0 && i + 1 < v.n;
         i += 2) { /* A = [0 -1; 1 0]: the phase grows at the rate omega */
        for (int64_t r = 0; r < b; ++r) {
            out.x[i * b + r] -= turn * v.x[(i + 1) * b + r];
            out.x[(i + 1) * b + r] += turn * v.x[i * b + r];
        }
    }
    if (m->C) sx_coupling_apply(m->C, transposed, alpha, v, 1.0, out, w);
}
/* out += alpha op(W + A) v */
static void add_weights(const reentry *m, bool transposed, double alpha, const sx_jet *x, const sx_jet *v, sx_jet *out,
                        sx_work *w) {
    for (int s = 0; s < 1 << out->order; ++s) {
        if (!v->p[s]) continue;
        sx_batch y = { sx_jet_plane(out, s, w), m->n, out->b };
        sx_reentry_add_W(m, transposed, alpha, sx_view(v->p[s], m->n, out->b), y, *w);
    }
    if (!m->fast) return;
    sx_jet A = sx_jet_rows(x, m->n, m->n * m->n);
    sx_jet_product(transposed ? SX_JET_MIX_T : SX_JET_MIX, m->n, 1, alpha, &A, v, out, w);
}

/* d^k g/dq^k, k = first .. first + order, at the numbers q:
 *     r = sqrt q, h = 1 - beta + beta r, g = 1/h, g1 = -beta/(2 r h^2), g2 = beta/(4 r^3 h^2) + beta^2/(2 r^2 h^3),
 *     g3 = -3 beta/(8 r^5 h^2) - 3 beta^2/(4 r^4 h^3) - 3 beta^3/(4 r^3 h^4) */
static void gain(const reentry *m, int64_t b, const double *q, int first, int order, double **f, sx_work *w) {
    double c = m->beta;
    for (int k = 0; k < 4; ++k) f[k] = k <= order ? sx_take(w, b) : NULL;
    for (int64_t r = 0; r < b; ++r) {
        double y = sqrt(q[r]), h = 1.0 - c + c * y;
        double all[4] = { 1.0 / h, 0.0, 0.0, 0.0 };
        if (q[r] > NEAR) {
            double y3 = y * y * y, h2 = h * h, ch = c / h;
            all[1] = -c / (2.0 * y * h2);
            all[2] = c / (y3 * h2) * (0.25 + 0.5 * ch * y);
            all[3] = -c / (y3 * y * y * h2) * (0.375 + 0.75 * ch * y + 0.75 * ch * ch * y * y);
        }
        for (int k = 0; k <= order; ++k) f[k][r] = all[first + k];
    }
}

static void drift(const reentry *m, const sx_jet *x, sx_batch out, sx_work w) {
    int64_t n = m->n, b = x->b;
    sx_jet y = sx_jet_rows(x, 0, n), q = sx_jet_zero(x->order, 1, b), z = sx_jet_zero(x->order, n, b), F = z;
    sx_jet_product(SX_JET_DOT, 1, n, 1.0, &y, &y, &q, &w);
    sx_jet_add(-1.0, &y, &F, &w);
    if (m->form == SX_REENTRY_GAIN) {
        sx_jet g = sx_jet_zero(x->order, 1, b);
        double *f[4];
        gain(m, b, q.p[0], 0, x->order, f, &w);
        sx_jet_function(&q, f, &g, &w);
        add_weights(m, false, 1.0, x, &y, &z, &w);
        sx_jet_product(SX_JET_SCALE, 1, n, m->gamma, &z, &g, &F, &w);
    } else {
        add_weights(m, false, m->gamma, x, &y, &F, &w);
        sx_jet_product(SX_JET_SCALE, 1, n, SX_MUTANT(reentry_shell) ? m->kappa : -m->kappa, &y, &q, &F, &w);
    }
    sx_jet_out(&F, (sx_batch){ out.x, n, b });
    if (!m->fast) return;
    sx_jet A = sx_jet_rows(x, n, n * n), dA = sx_jet_zero(x->order, n * n, b);
    sx_jet_add(-1.0 / m->tau, &A, &dA, &w);
    sx_jet_product(SX_JET_OUTER, n, 1, m->eta / m->tau, &y, &y, &dA, &w);
    sx_jet_out(&dA, (sx_batch){ out.x + n * b, n * n, b });
}

/* J^T (p, P) */
static void pull(const reentry *m, const sx_jet *x, sx_cbatch cotangent, sx_batch out, sx_work w) {
    int64_t n = m->n, b = x->b;
    int order = x->order;
    sx_jet y = sx_jet_rows(x, 0, n), p = sx_jet_constant(order, sx_view(cotangent.x, n, b));
    sx_jet q = sx_jet_zero(order, 1, b), g = q, to = sx_jet_zero(order, n, b), Wp = to, back = to;
    sx_jet dA = sx_jet_zero(order, n * n, b), outer = dA;
    sx_jet_product(SX_JET_DOT, 1, n, 1.0, &y, &y, &q, &w);
    sx_jet_add(-1.0, &p, &back, &w);
    add_weights(m, true, m->gamma, x, &p, &Wp, &w);
    if (m->fast) sx_jet_product(SX_JET_OUTER, n, 1, m->gamma, &p, &y, &outer, &w);
    if (m->form == SX_REENTRY_GAIN) {
        sx_jet z = to, g1 = sx_jet_zero(order, 1, b), pz = g1, c = g1;
        double *f[4];
        gain(m, b, q.p[0], 0, order, f, &w);
        sx_jet_function(&q, f, &g, &w);
        gain(m, b, q.p[0], 1, order, f, &w);
        sx_jet_function(&q, f, &g1, &w);
        add_weights(m, false, 1.0, x, &y, &z, &w);
        sx_jet_product(SX_JET_DOT, 1, n, 1.0, &z, &p, &pz, &w);
        sx_jet_product(SX_JET_SCALE, 1, 1, 2.0 * m->gamma, &pz, &g1, &c, &w);
        sx_jet_product(SX_JET_SCALE, 1, n, 1.0, &Wp, &g, &back, &w);
        sx_jet_product(SX_JET_SCALE, 1, n, 1.0, &y, &c, &back, &w);
        if (m->fast) sx_jet_product(SX_JET_SCALE, 1, n * n, 1.0, &outer, &g, &dA, &w);
    } else {
        sx_jet py = sx_jet_zero(order, 1, b);
        sx_jet_product(SX_JET_DOT, 1, n, 1.0, &y, &p, &py, &w);
        sx_jet_add(1.0, &Wp, &back, &w);
        sx_jet_product(SX_JET_SCALE, 1, n, -m->kappa, &p, &q, &back, &w);
        sx_jet_product(SX_JET_SCALE, 1, n, -2.0 * m->kappa, &y, &py, &back, &w);
        if (m->fast) sx_jet_add(1.0, &outer, &dA, &w);
    }
    if (m->fast) {
        sx_jet P = sx_jet_constant(order, sx_view(cotangent.x + n * b, n * n, b));
        sx_jet_product(SX_JET_MIX, n, 1, m->eta / m->tau, &P, &y, &back, &w);
        sx_jet_product(SX_JET_MIX_T, n, 1, m->eta / m->tau, &P, &y, &back, &w);
        sx_jet_add(-1.0 / m->tau, &P, &dA, &w);
        sx_jet_out(&dA, (sx_batch){ out.x + n * b, n * n, b });
    }
    sx_jet_out(&back, (sx_batch){ out.x, n, b });
}

/* -- operations ---------------------------------------------------------------------------------------------------------------- */

SX_JET_OPERATIONS(drift, pull)

static void jacobian(const void *self, double t, const double *x, double *out, sx_work w) {
    sx_jacobian_by_columns(&sx_reentry_ops, self, ((const reentry *)self)->all, t, x, out, w);
}

/* tr J = -n + gamma g tr(W + A) + 2 gamma g'(q) y.z - kappa (n + 2) q - n^2/tau */
static void divergence(const void *self, double t, sx_cbatch x, double *out, sx_work w) {
    (void)t;
    const reentry *m = self;
    int64_t n = m->n, b = x.b;
    sx_jet at = sx_jet_make(0, x, b, NULL, &w), y = sx_jet_rows(&at, 0, n);
    sx_jet q = sx_jet_zero(0, 1, b), yz = q, z = sx_jet_zero(0, n, b);
    double *f[4], *trace = sx_take(&w, b);
    sx_jet_product(SX_JET_DOT, 1, n, 1.0, &y, &y, &q, &w);
    for (int64_t r = 0; r < b; ++r) trace[r] = m->trace;
    for (int64_t i = 0; m->fast && i < n; ++i) {
        for (int64_t r = 0; r < b; ++r) trace[r] += x.x[(n + i * n + i) * b + r];
    }
    if (m->form == SX_REENTRY_GAIN) {
        gain(m, b, q.p[0], 0, 1, f, &w);
        add_weights(m, false, 1.0, &at, &y, &z, &w);
        sx_jet_product(SX_JET_DOT, 1, n, 1.0, &y, &z, &yz, &w);
    }
    for (int64_t r = 0; r < b; ++r) {
        out[r] = m->form == SX_REENTRY_GAIN ? m->gamma * (f[0][r] * trace[r] + 2.0 * f[1][r] * yz.p[0][r])
                                            : m->gamma * trace[r] - m->kappa * (double)(n + 2) * q.p[0][r];
        out[r] -= (double)n + (m->fast ? (double)(n * n) / m->tau : 0.0);
    }
}

/* -- parts ----------------------------------------------------------------------------------------------------------------------- */

/* (x - ln(1 + x))/x^2, by its series where the difference would cancel */
static double log_remainder(double x) {
    if (fabs(x) > 0.125) return (x - log1p(x)) / (x * x);
    double sum = 0.0;
    for (int k = 20; k >= 2; --k) sum = 1.0 / k - x * sum;
    return sum;
}

/* soft-shell: r^2/2 - gamma y.(W_S + A) y/2 + kappa r^4/4;   gain: U(r) = r^2/2 - gamma s int_0^r r g,
 * int_0^r r g dr = (1-beta)/beta^2 (x - ln(1 + x)), x = beta r/(1-beta), s = tr W/n;   both + gamma/(4 eta) |A|^2 */
static void potential(const void *self, double t, sx_cbatch x, double *out, sx_work w) {
    (void)t;
    const reentry *m = self;
    int64_t n = m->n, b = x.b;
    sx_jet at = sx_jet_make(0, x, b, NULL, &w), y = sx_jet_rows(&at, 0, n);
    sx_jet q = sx_jet_zero(0, 1, b), yz = q, z = sx_jet_zero(0, n, b);
    sx_jet_product(SX_JET_DOT, 1, n, 1.0, &y, &y, &q, &w);
    if (m->form == SX_REENTRY_SOFT_SHELL) {
        add_weights(m, false, 1.0, &at, &y, &z, &w); /* y.W y = y.W_S y */
        sx_jet_product(SX_JET_DOT, 1, n, 1.0, &y, &z, &yz, &w);
    }
    for (int64_t r = 0; r < b; ++r) {
        double q0 = q.p[0][r], c = m->beta;
        out[r] = m->form == SX_REENTRY_SOFT_SHELL ? 0.5 * (q0 - m->gamma * yz.p[0][r]) + 0.25 * m->kappa * q0 * q0
                                                  : 0.5 * q0 - m->gamma * m->trace / (double)n * q0 / (1.0 - c) *
                                                                   log_remainder(c * sqrt(q0) / (1.0 - c));
    }
    for (int64_t i = n; i < m->all; ++i) {
        for (int64_t r = 0; r < b; ++r) out[r] += m->gamma / (4.0 * m->eta) * x.x[i * b + r] * x.x[i * b + r];
    }
}

static void gradient(const void *self, double t, sx_cbatch x, sx_batch out, sx_work w) {
    (void)t;
    const reentry *m = self;
    int64_t n = m->n, b = x.b;
    double *f[4];
    sx_jet at = sx_jet_make(0, x, b, NULL, &w), y = sx_jet_rows(&at, 0, n), q = sx_jet_zero(0, 1, b);
    sx_batch head = { out.x, n, b };
    sx_jet_product(SX_JET_DOT, 1, n, 1.0, &y, &y, &q, &w);
    if (m->form == SX_REENTRY_GAIN) {
        gain(m, b, q.p[0], 0, 0, f, &w);
        for (int64_t i = 0; i < n; ++i) {
            for (int64_t r = 0; r < b; ++r)
                out.x[i * b + r] = (1.0 - m->gamma * m->trace / (double)n * f[0][r]) * x.x[i * b + r];
        }
    } else {
        for (int64_t i = 0; i < n; ++i) {
            for (int64_t r = 0; r < b; ++r)
                out.x[i * b + r] = (1.0 - m->gamma * m->rho + m->kappa * q.p[0][r]) * x.x[i * b + r];
        }
        if (m->C) sx_parity_apply(&m->C_S, -m->gamma, sx_view(x.x, n, b), 1.0, head, w);
        for (int64_t i = 0; m->fast && i < n; ++i) { /* -gamma A_S y */
            for (int64_t j = 0; j < n; ++j) {
                for (int64_t r = 0; r < b; ++r)
                    out.x[i * b + r] -=
                        0.5 * m->gamma * (x.x[(n + i * n + j) * b + r] + x.x[(n + j * n + i) * b + r]) * x.x[j * b + r];
            }
        }
    }
    for (int64_t i = 0; m->fast && i < n; ++i) {
        for (int64_t j = 0; j < n; ++j) {
            int64_t e = (n + i * n + j) * b;
            for (int64_t r = 0; r < b; ++r) {
                out.x[e + r] = 0.5 * m->gamma / m->eta * x.x[e + r];
                if (m->form == SX_REENTRY_SOFT_SHELL) out.x[e + r] -= 0.5 * m->gamma * x.x[i * b + r] * x.x[j * b + r];
            }
        }
    }
}

static void metric(const void *self, int inverse, sx_cbatch x, sx_cbatch v, sx_batch out, sx_work w) {
    (void)x, (void)w;
    const reentry *m = self;
    int64_t head = m->n * v.b;
    memcpy(out.x, v.x, (size_t)head * sizeof *out.x);
    double c = m->fast ? sx_reentry_mobility(m) : 1.0;
    if (!inverse) c = 1.0 / c;
    for (int64_t i = head; i < m->all * v.b; ++i) out.x[i] = c * v.x[i];
}

/* soft-shell: gamma (W_A + A_A) y and 0;   gain: gamma g (W - s + A) y and eta y y^T/tau */
static void reentrant(const void *self, double t, sx_cbatch x, sx_batch out, sx_work w) {
    (void)t;
    const reentry *m = self;
    int64_t n = m->n, b = x.b;
    sx_jet at = sx_jet_make(0, x, b, NULL, &w), y = sx_jet_rows(&at, 0, n), z = sx_jet_zero(0, n, b);
    memset(out.x, 0, (size_t)(m->all * b) * sizeof *out.x);
    double sign = m->form == SX_REENTRY_GAIN ? 1.0 : 0.5;
    add_weights(m, false, sign, &at, &y, &z, &w);
    if (m->form == SX_REENTRY_SOFT_SHELL) add_weights(m, true, -0.5, &at, &y, &z, &w);
    if (m->form == SX_REENTRY_SOFT_SHELL) {
        for (int64_t i = 0; i < n * b; ++i) out.x[i] = m->gamma * z.p[0][i];
        return;
    }
    sx_jet q = sx_jet_zero(0, 1, b);
    double *f[4];
    sx_jet_product(SX_JET_DOT, 1, n, 1.0, &y, &y, &q, &w);
    gain(m, b, q.p[0], 0, 0, f, &w);
    for (int64_t i = 0; i < n; ++i) {
        for (int64_t r = 0; r < b; ++r)
            out.x[i * b + r] = m->gamma * f[0][r] * (z.p[0][i * b + r] - m->trace / (double)n * x.x[i * b + r]);
    }
    for (int64_t i = 0; m->fast && i < n; ++i) {
        for (int64_t j = 0; j < n; ++j) {
            for (int64_t r = 0; r < b; ++r)
                out.x[(n + i * n + j) * b + r] = m->eta / m->tau * x.x[i * b + r] * x.x[j * b + r];
        }
    }
}

/* (y, A) -> (-y, A) */
static int symmetry(const void *self, int i, sx_cbatch x, sx_batch out) {
    const reentry *m = self;
    if (i > 0) return 0;
    memcpy(out.x, x.x, (size_t)(x.n * x.b) * sizeof *out.x);
    for (int64_t k = 0; k < m->n * x.b; ++k) out.x[k] = -x.x[k];
    return 1;
}

/* One batch of x; at most 6 jets of y, 2 of A and 8 of one row (with the derivatives of g), and a product. */
static int64_t work(const void *self, sx_op op, int64_t b) {
    const reentry *m = self;
    if (op == SX_OP_JACOBIAN) return sx_jacobian_work(&sx_reentry_ops, self, m->all);
    int64_t planes = INT64_C(1) << sx_jet_order(op);
    int64_t product = m->C ? sx_coupling_work(m->C, b) : 0, symmetric = sx_parity_work(&m->C_S, b);
    if (symmetric > product) product = symmetric;
    return product + sx_pad(m->all * b) +
           planes * (6 * sx_pad(m->n * b) + (m->fast ? 2 * sx_pad(m->n * m->n * b) : 0) + 8 * sx_pad(b)) +
           8 * sx_pad(b);
}

static sx_status rebind(sx_ctx *ctx, const void *self, const sx_coupling *weights, const sx_input *input, void **out) {
    const reentry *from = self;
    reentry *m = NULL;
    if (input) return SX_FAIL(ctx, SX_E_UNSUPPORTED, "the model reentry takes no input");
    if (weights && (sx_coupling_rows(weights) != from->n || sx_coupling_columns(weights) != from->n))
        return SX_FAIL(ctx, SX_E_USAGE, "weights of %lld x %lld: want %lld x %lld",
                       (long long)sx_coupling_rows(weights), (long long)sx_coupling_columns(weights),
                       (long long)from->n, (long long)from->n);
    SX_TRY(ctx, sx_alloc(ctx, 1, sizeof *m, &m));
    *m = *from;
    m->C = NULL;
    m->C_S = (sx_parity){ .n = 0 };
    sx_status status = sx_reentry_bind(ctx, weights ? weights : from->C, m);
    if (status < 0) {
        sx_reentry_destroy(ctx, m);
        return status;
    }
    *out = m;
    return SX_OK;
}

void sx_reentry_destroy(sx_ctx *ctx, void *self) {
    reentry *m = self;
    if (!m) return;
    sx_coupling_free(ctx, m->C);
    sx_parity_clear(ctx, &m->C_S);
    sx_free(ctx, m);
}

const sx_model_ops sx_reentry_ops = {
    .abi = SX_MODEL_ABI,
    .struct_size = sizeof(sx_model_ops),
    .name = "reentry",
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
    .destroy = sx_reentry_destroy,
    .rebind = rebind,
};
