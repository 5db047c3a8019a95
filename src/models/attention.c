// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Attention: see attention.h. One token, with the effective keys in the rows of S and the values in the rows of V:
 *     F = -x + V^T w,  w = softmax(beta S x),      J^T p = -p + beta S^T (w (y - w.y)),  y = V p
 *     tr J = -d + beta [sum_mu w_mu v_mu.k_mu - (V^T w).(S^T w)]
 * Tokens on the sphere: attention_tokens.c. Derivatives follow from F and J^T p in jets (jet.h). */
#include "models/attention_private.h"

#include "core/mutant.h"

typedef sx_attention attention;

static const sx_coupling *values_of(const attention *m) {
    return m->V ? m->V : m->S;
}

int64_t sx_attention_weights_work(int64_t groups, int64_t size, int planes, int64_t b) {
    return (planes + 2) * sx_pad(groups * size * b) + (2 * planes + 6) * sx_pad(groups * b);
}

void sx_attention_weights(const attention *m, int64_t groups, int64_t size, const sx_jet *a, sx_jet *out, double **Z,
                          double **top, sx_work *w) {
    int64_t b = a->b, count = groups * size * b;
    double *e = sx_take(w, count), *shift = sx_take(w, groups * b), *f[4] = { e, e, e, e };
    sx_jet exps = sx_jet_zero(a->order, groups * size, b), sum = sx_jet_zero(a->order, groups, b), inverse = sum;
    for (int64_t g = 0; g < groups; ++g) {
        int64_t last = m->causal ? g + 1 : size;
        for (int64_t r = 0; r < b; ++r) shift[g * b + r] = m->softmax ? a->p[0][g * size * b + r] : 0.0;
        for (int64_t c = 1; m->softmax && c < last; ++c) {
            for (int64_t r = 0; r < b; ++r) {
                double y = a->p[0][(g * size + c) * b + r];
                shift[g * b + r] = y > shift[g * b + r] ? y : shift[g * b + r];
            }
        }
        for (int64_t c = 0; c < size; ++c) {
            for (int64_t r = 0; r < b; ++r)
                e[(g * size + c) * b + r] = c < last ? a->p[0][(g * size + c) * b + r] - shift[g * b + r] : 0.0;
        }
    }
    m->k->exp(count, e, e);
    for (int64_t g = 0; m->causal && g < groups; ++g)
        memset(e + (g * size + g + 1) * b, 0, (size_t)((size - g - 1) * b) * sizeof *e);
    sx_jet_function(a, f, &exps, w);
    if (m->softmax) {
        double *ones = sx_take(w, count), *h[4];
        for (int64_t i = 0; i < count; ++i) ones[i] = 1.0;
        sx_jet one = sx_jet_constant(a->order, sx_view(ones, groups * size, b));
        sx_jet_product(SX_JET_DOT, groups, size, 1.0, &exps, &one, &sum, w);
        for (int k = 0; k < 4; ++k) h[k] = sx_take(w, groups * b);
        for (int64_t i = 0; i < groups * b; ++i) {
            double z = 1.0 / sum.p[0][i];
            h[0][i] = z;
            h[1][i] = -z * z;
            h[2][i] = 2.0 * z * z * z;
            h[3][i] = -6.0 * z * z * z * z;
        }
        sx_jet_function(&sum, h, &inverse, w);
        sx_jet_product(SX_JET_SCALE, groups, size, 1.0, &exps, &inverse, out, w);
        if (Z) *Z = sum.p[0];
        if (top) *top = shift;
    } else {
        sx_jet_add(1.0 / (double)size, &exps, out, w);
    }
}

/* softmax(beta S x) */
static sx_jet softmax(const attention *m, const sx_jet *x, double **Z, double **top, sx_work *w) {
    sx_jet a = sx_jet_zero(x->order, m->patterns, x->b), p = a;
    sx_jet_apply(m->S, false, m->beta, x, &a, w);
    sx_attention_weights(m, 1, m->patterns, &a, &p, Z, top, w);
    return p;
}

static void drift(const attention *m, const sx_jet *x, sx_batch out, sx_work w) {
    if (m->form == SX_ATTENTION_TOKENS) {
        sx_tokens_drift(m, x, out, w);
        return;
    }
    sx_jet F = sx_jet_zero(x->order, m->n, x->b), p = softmax(m, x, NULL, NULL, &w);
    sx_jet_add(-1.0, x, &F, &w);
    sx_jet_apply(values_of(m), true, SX_MUTANT(attention_sign) ? -1.0 : 1.0, &p, &F, &w);
    sx_jet_out(&F, out);
}

static void pull(const attention *m, const sx_jet *x, sx_cbatch cotangent, sx_batch out, sx_work w) {
    if (m->form == SX_ATTENTION_TOKENS) {
        sx_tokens_pull(m, x, cotangent, out, w);
        return;
    }
    int64_t P = m->patterns, b = x->b;
    sx_jet q = sx_jet_constant(x->order, cotangent), p = softmax(m, x, NULL, NULL, &w);
    sx_jet y = sx_jet_zero(x->order, P, b), mean = sx_jet_zero(x->order, 1, b), back = sx_jet_zero(x->order, m->n, b);
    sx_jet g = y;
    sx_jet_apply(values_of(m), false, 1.0, &q, &y, &w);
    sx_jet_product(SX_JET_DOT, 1, P, 1.0, &p, &y, &mean, &w);
    sx_jet_product(SX_JET_SCALE, P, 1, 1.0, &p, &y, &g, &w);
    sx_jet_product(SX_JET_SCALE, 1, P, -1.0, &p, &mean, &g, &w);
    sx_jet_add(-1.0, &q, &back, &w);
    sx_jet_apply(m->S, true, m->beta, &g, &back, &w);
    sx_jet_out(&back, out);
}

/* -- operations ---------------------------------------------------------------------------------------------------------------- */

SX_JET_OPERATIONS(drift, pull)

static void jacobian(const void *self, double t, const double *x, double *out, sx_work w) {
    sx_jacobian_by_columns(&sx_attention_ops, self, ((const attention *)self)->n, t, x, out, w);
}

/* Tokens: J e_i for every unit i. */
static void divergence(const void *self, double t, sx_cbatch x, double *out, sx_work w) {
    const attention *m = self;
    int64_t n = m->n, b = x.b;
    if (m->form == SX_ATTENTION_TOKENS) {
        sx_batch e = sx_take_batch(&w, n, b), Je = sx_take_batch(&w, n, b);
        for (int64_t r = 0; r < b; ++r) out[r] = 0.0;
        memset(e.x, 0, (size_t)(n * b) * sizeof *e.x);
        for (int64_t i = 0; i < n; ++i) {
            for (int64_t r = 0; r < b; ++r) e.x[i * b + r] = 1.0;
            jvp(self, t, x, sx_const_batch(e), Je, w);
            for (int64_t r = 0; r < b; ++r) {
                out[r] += Je.x[i * b + r];
                e.x[i * b + r] = 0.0;
            }
        }
        return;
    }
    sx_jet at = sx_jet_make(0, x, b, NULL, &w), p = softmax(m, &at, NULL, NULL, &w);
    sx_batch value = sx_take_batch(&w, n, b), key = sx_take_batch(&w, n, b);
    sx_cbatch q = sx_view(p.p[0], m->patterns, b);
    sx_coupling_apply(values_of(m), true, 1.0, q, 0.0, value, w);
    sx_coupling_apply(m->S, true, 1.0, q, 0.0, key, w);
    for (int64_t r = 0; r < b; ++r) {
        double sum = 0.0;
        for (int64_t k = 0; k < m->patterns; ++k) sum += p.p[0][k * b + r] * m->along[k];
        for (int64_t i = 0; i < n; ++i) sum -= value.x[i * b + r] * key.x[i * b + r];
        out[r] = m->beta * sum - (double)n;
    }
}

/* -- parts ----------------------------------------------------------------------------------------------------------------------- */

/* out = M v or M^-1 v */
static void apply_M(const attention *m, bool inverse, sx_cbatch v, sx_batch out, sx_work w) {
    const sx_coupling *A = inverse ? m->Minv : m->M;
    if (A)
        sx_coupling_apply(A, false, 1.0, v, 0.0, out, w);
    else
        memcpy(out.x, v.x, (size_t)(v.n * v.b) * sizeof *out.x);
}

static void potential(const void *self, double t, sx_cbatch x, double *out, sx_work w) {
    (void)t;
    const attention *m = self;
    int64_t b = x.b;
    if (m->form == SX_ATTENTION_TOKENS) {
        sx_tokens_potential(m, x, out, w);
        return;
    }
    double *Z = NULL, *top = NULL, *log_Z = sx_take(&w, b);
    sx_batch y = sx_take_batch(&w, m->n, b);
    sx_jet at = sx_jet_make(0, x, b, NULL, &w);
    (void)softmax(m, &at, &Z, &top, &w);
    m->k->log(b, Z, log_Z);
    apply_M(m, true, x, y, w);
    for (int64_t r = 0; r < b; ++r) {
        double sum = 0.0;
        for (int64_t i = 0; i < m->n; ++i) sum += x.x[i * b + r] * y.x[i * b + r];
        out[r] = 0.5 * sum - (top[r] + log_Z[r]) / m->beta;
    }
}

static void gradient(const void *self, double t, sx_cbatch x, sx_batch out, sx_work w) {
    (void)t;
    const attention *m = self;
    if (m->form == SX_ATTENTION_TOKENS) {
        sx_tokens_gradient(m, x, out, w);
        return;
    }
    sx_jet at = sx_jet_make(0, x, x.b, NULL, &w), p = softmax(m, &at, NULL, NULL, &w);
    apply_M(m, true, x, out, w);
    sx_coupling_apply(m->S, true, -1.0, sx_view(p.p[0], m->patterns, x.b), 1.0, out, w);
}

static void metric(const void *self, int inverse, sx_cbatch x, sx_cbatch v, sx_batch out, sx_work w) {
    const attention *m = self;
    if (m->form == SX_ATTENTION_TOKENS)
        sx_tokens_metric(m, inverse != 0, sx_spread(x, v.b, &w), v, out, w);
    else
        apply_M(m, !inverse, v, out, w);
}

/* R = F + G^-1 grad Phi; of one token sum p (v - M k) */
static void reentrant(const void *self, double t, sx_cbatch x, sx_batch out, sx_work w) {
    const attention *m = self;
    int64_t count = m->n * x.b;
    memset(out.x, 0, (size_t)count * sizeof *out.x);
    if (m->gradient_flow) return;
    if (m->form == SX_ATTENTION_TOKENS) {
        sx_batch g = sx_take_batch(&w, m->n, x.b), Mg = sx_take_batch(&w, m->n, x.b);
        F(self, t, x, out, w);
        sx_tokens_gradient(m, x, g, w);
        sx_tokens_metric(m, true, x, sx_const_batch(g), Mg, w);
        m->k->axpy(count, 1.0, Mg.x, out.x);
        return;
    }
    sx_batch key = sx_take_batch(&w, m->n, x.b), Mk = sx_take_batch(&w, m->n, x.b);
    sx_jet at = sx_jet_make(0, x, x.b, NULL, &w), p = softmax(m, &at, NULL, NULL, &w);
    sx_cbatch q = sx_view(p.p[0], m->patterns, x.b);
    sx_coupling_apply(values_of(m), true, 1.0, q, 0.0, out, w);
    sx_coupling_apply(m->S, true, 1.0, q, 0.0, key, w);
    apply_M(m, false, sx_const_batch(key), Mk, w);
    m->k->axpy(count, -1.0, Mk.x, out.x);
}

/* Tokens: all together to the opposite side. */
static int symmetry(const void *self, int i, sx_cbatch x, sx_batch out) {
    const attention *m = self;
    if (i > 0 || m->form != SX_ATTENTION_TOKENS) return 0;
    for (int64_t k = 0; k < x.n * x.b; ++k) out.x[k] = -x.x[k];
    return 1;
}

static int64_t work(const void *self, sx_op op, int64_t b) {
    const attention *m = self;
    if (op == SX_OP_JACOBIAN) return sx_jacobian_work(&sx_attention_ops, self, m->n);
    int planes = 1 << sx_jet_order(op);
    int64_t batches = 4 * sx_pad(m->n * b); /* x, and what the operation holds */
    if (m->form == SX_ATTENTION_TOKENS) {
        if (op == SX_OP_DIVERGENCE) planes = 2;
        return batches + sx_tokens_work(m, planes, b);
    }
    int64_t product = sx_coupling_work(m->S, b);
    const sx_coupling *others[] = { m->V, m->M, m->Minv };
    for (int k = 0; k < 3; ++k) {
        int64_t need = others[k] ? sx_coupling_work(others[k], b) : 0;
        if (need > product) product = need;
    }
    return batches + product + sx_attention_weights_work(1, m->patterns, planes, b) +
           planes * (4 * sx_pad(m->patterns * b) + sx_pad(m->n * b) + 2 * sx_pad(b)) + sx_pad(b);
}

void sx_attention_destroy(sx_ctx *ctx, void *self) {
    attention *m = self;
    if (!m) return;
    sx_coupling_free(ctx, m->S);
    sx_coupling_free(ctx, m->V);
    sx_coupling_free(ctx, m->M);
    sx_coupling_free(ctx, m->Minv);
    sx_free(ctx, m->M_full);
    sx_free(ctx, m->along);
    sx_free(ctx, m->B);
    sx_free(ctx, m->B_S);
    sx_free(ctx, m->W_V);
    sx_free(ctx, m);
}

const sx_model_ops sx_attention_ops = {
    .abi = SX_MODEL_ABI,
    .struct_size = sizeof(sx_model_ops),
    .name = "attention",
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
    .destroy = sx_attention_destroy,
};
