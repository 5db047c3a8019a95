// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Tokens on the sphere. With q_i = |x_i|^2, s_i = q_i^(-1/2), u = s x, k = B u, v = W_V u, a_ij = beta u_i.k_j, w = w(a), h_i = sum_j w_ij v_j and
 * c_i = u_i.h_i
 *     F_i = s_i (h_i - c_i u_i) + (shell/2) (1 - q_i) x_i
 * and backwards, from p_i:
 *     h*_i = s_i (p_i - u_i (u_i.p_i)),   u*_i = -s_i (c_i p_i + (u_i.p_i) h_i),   s*_i = p_i.h_i - c_i (p_i.u_i)
 *     v*_j = sum_i w_ij h*_i,   w*_ij = h*_i.v_j,   a*_ij = w_ij (w*_ij - sum_l w_il w*_il) (softmax) or w_ij w*_ij
 *     u*_i += beta sum_j a*_ij k_j + [B^T k* + W_V^T v*]_i,   k*_j = beta sum_i a*_ij u_i
 *     s*_i += x_i.u*_i,   q*_i = -q_i^(-3/2) s*_i/2 - (shell/2) x_i.p_i
 *     J^T p = s_i u*_i + (shell/2) (1 - q_i) p_i + 2 q*_i x_i */
#include "models/attention_private.h"

#include "core/mutant.h"

/* Within sqrt(NEAR) of the origin, where a token has no direction, s counts as 0. */
static const double NEAR = 1e-60;

typedef struct forward {
    sx_jet q, s, u, k, v, w, h, c;
    double *Z, *top; /* softmax */
} forward;

static sx_jet zeros(const sx_jet *x, int64_t rows) {
    return sx_jet_zero(x->order, rows, x->b);
}
/* matrix u for each token; u itself for the unit matrix */
static sx_jet through(const sx_attention *m, const double *matrix, const sx_jet *u, sx_work *w) {
    if (!matrix) return *u;
    sx_jet y = zeros(u, m->n);
    sx_jet_gemm(m->k, matrix, false, m->T, m->d, m->d, 1.0, u, &y, w);
    return y;
}
/* d^k q^power / dq^k */
static void power(const sx_jet *q, double exponent, double **f, sx_work *w) {
    int64_t count = q->n * q->b;
    for (int k = 0; k < 4; ++k) f[k] = sx_take(w, count);
    for (int64_t i = 0; i < count; ++i) {
        double y = q->p[0][i], s = y > NEAR ? 1.0 / sqrt(y) : 0.0, inverse = s * s;
        f[0][i] = exponent == -0.5 ? s : s * inverse;
        for (int k = 1; k < 4; ++k) f[k][i] = (exponent - k + 1) * f[k - 1][i] * inverse;
    }
}

static void directions(const sx_attention *m, const sx_jet *x, forward *f, sx_work *w) {
    double *g[4];
    f->q = zeros(x, m->T);
    f->s = f->q;
    sx_jet_product(SX_JET_DOT, m->T, m->d, 1.0, x, x, &f->q, w);
    power(&f->q, -0.5, g, w);
    sx_jet_function(&f->q, g, &f->s, w);
    f->u = zeros(x, m->n);
    sx_jet_product(SX_JET_SCALE, m->T, m->d, 1.0, x, &f->s, &f->u, w);
}
static void attend(const sx_attention *m, const sx_jet *x, forward *f, sx_work *w) {
    sx_jet a = zeros(x, m->T * m->T);
    directions(m, x, f, w);
    f->k = through(m, m->B, &f->u, w);
    f->v = through(m, m->W_V, &f->u, w);
    sx_jet_product(SX_JET_OUTER, m->T, m->d, m->beta, &f->u, &f->k, &a, w);
    f->w = zeros(x, m->T * m->T);
    f->Z = f->top = NULL;
    sx_attention_weights(m, m->T, m->T, &a, &f->w, &f->Z, &f->top, w);
    f->h = zeros(x, m->n);
    f->c = zeros(x, m->T);
    sx_jet_product(SX_JET_MIX, m->T, m->d, 1.0, &f->w, &f->v, &f->h, w);
    sx_jet_product(SX_JET_DOT, m->T, m->d, 1.0, &f->u, &f->h, &f->c, w);
}

void sx_tokens_drift(const sx_attention *m, const sx_jet *x, sx_batch out, sx_work w) {
    forward f;
    sx_jet across = zeros(x, m->n), F = across;
    attend(m, x, &f, &w);
    sx_jet_add(1.0, &f.h, &across, &w);
    if (!SX_MUTANT(tokens_projection)) sx_jet_product(SX_JET_SCALE, m->T, m->d, -1.0, &f.u, &f.c, &across, &w);
    sx_jet_product(SX_JET_SCALE, m->T, m->d, 1.0, &across, &f.s, &F, &w);
    sx_jet_add(0.5 * m->shell, x, &F, &w);
    sx_jet_product(SX_JET_SCALE, m->T, m->d, -0.5 * m->shell, x, &f.q, &F, &w);
    sx_jet_out(&F, out);
}

void sx_tokens_pull(const sx_attention *m, const sx_jet *x, sx_cbatch cotangent, sx_batch out, sx_work w) {
    int64_t T = m->T, d = m->d;
    forward f;
    sx_jet p = sx_jet_constant(x->order, cotangent);
    attend(m, x, &f, &w);
    sx_jet pu = zeros(x, T), ph = pu, s1 = pu, q1 = pu, cube = pu, tmp = zeros(x, m->n), h1 = tmp, u1 = tmp, back = tmp;
    sx_jet_product(SX_JET_DOT, T, d, 1.0, &f.u, &p, &pu, &w);
    sx_jet_product(SX_JET_DOT, T, d, 1.0, &f.h, &p, &ph, &w);
    /* h* */
    sx_jet_add(1.0, &p, &tmp, &w);
    sx_jet_product(SX_JET_SCALE, T, d, -1.0, &f.u, &pu, &tmp, &w);
    sx_jet_product(SX_JET_SCALE, T, d, 1.0, &tmp, &f.s, &h1, &w);
    /* u* of the projection, s* */
    sx_jet inner = zeros(x, m->n);
    sx_jet_product(SX_JET_SCALE, T, d, 1.0, &p, &f.c, &inner, &w);
    sx_jet_product(SX_JET_SCALE, T, d, 1.0, &f.h, &pu, &inner, &w);
    sx_jet_product(SX_JET_SCALE, T, d, -1.0, &inner, &f.s, &u1, &w);
    sx_jet_add(1.0, &ph, &s1, &w);
    sx_jet_product(SX_JET_SCALE, T, 1, -1.0, &f.c, &pu, &s1, &w);
    /* a* */
    sx_jet w1 = zeros(x, T * T), a1 = w1, mean = zeros(x, T);
    sx_jet_product(SX_JET_OUTER, T, d, 1.0, &h1, &f.v, &w1, &w);
    sx_jet_product(SX_JET_SCALE, T * T, 1, 1.0, &f.w, &w1, &a1, &w);
    if (m->softmax) {
        sx_jet_product(SX_JET_DOT, T, T, 1.0, &f.w, &w1, &mean, &w);
        sx_jet_product(SX_JET_SCALE, T, T, -1.0, &f.w, &mean, &a1, &w);
    }
    /* u* of scores and values */
    sx_jet k1 = zeros(x, m->n), v1 = k1;
    sx_jet_product(SX_JET_MIX, T, d, m->beta, &a1, &f.k, &u1, &w);
    sx_jet_product(SX_JET_MIX_T, T, d, m->beta, &a1, &f.u, &k1, &w);
    sx_jet_product(SX_JET_MIX_T, T, d, 1.0, &f.w, &h1, &v1, &w);
    if (m->B)
        sx_jet_gemm(m->k, m->B, true, T, d, d, 1.0, &k1, &u1, &w);
    else
        sx_jet_add(1.0, &k1, &u1, &w);
    if (m->W_V)
        sx_jet_gemm(m->k, m->W_V, true, T, d, d, 1.0, &v1, &u1, &w);
    else
        sx_jet_add(1.0, &v1, &u1, &w);
    /* x* */
    double *g[4];
    sx_jet_product(SX_JET_DOT, T, d, 1.0, x, &u1, &s1, &w);
    power(&f.q, -1.5, g, &w);
    sx_jet_function(&f.q, g, &cube, &w);
    sx_jet_product(SX_JET_SCALE, T, 1, -0.5, &s1, &cube, &q1, &w);
    sx_jet_product(SX_JET_DOT, T, d, -0.5 * m->shell, x, &p, &q1, &w);
    sx_jet_product(SX_JET_SCALE, T, d, 1.0, &u1, &f.s, &back, &w);
    sx_jet_add(0.5 * m->shell, &p, &back, &w);
    sx_jet_product(SX_JET_SCALE, T, d, -0.5 * m->shell, &p, &f.q, &back, &w);
    sx_jet_product(SX_JET_SCALE, T, d, 2.0, x, &q1, &back, &w);
    sx_jet_out(&back, out);
}

/* Forward: 5 batches, 3 squares and the weights; backwards: 7 batches, 2 squares. */
int64_t sx_tokens_work(const sx_attention *m, int planes, int64_t b) {
    int64_t row = sx_pad(m->T * b), batch = sx_pad(m->n * b), square = sx_pad(m->T * m->T * b);
    return planes * (14 * batch + 5 * square + 12 * row) + sx_attention_weights_work(m->T, m->T, planes, b) + 12 * row;
}

/* -- parts ----------------------------------------------------------------------------------------------------------------------- */

/* exp(beta u_i.B_S u_j) into e (T x T rows), B_S u into y */
static double *symmetric_scores(const sx_attention *m, const forward *f, sx_jet *y, sx_work *w) {
    sx_jet a = sx_jet_zero(0, m->T * m->T, f->u.b);
    *y = through(m, m->B_S, &f->u, w);
    sx_jet_product(SX_JET_OUTER, m->T, m->d, m->beta, &f->u, y, &a, w);
    m->k->exp(a.n * a.b, a.p[0], a.p[0]);
    return a.p[0];
}

void sx_tokens_potential(const sx_attention *m, sx_cbatch x, double *out, sx_work w) {
    int64_t b = x.b, T = m->T;
    forward f;
    sx_jet at = sx_jet_make(0, x, b, NULL, &w), y;
    directions(m, &at, &f, &w);
    const double *e = symmetric_scores(m, &f, &y, &w);
    for (int64_t r = 0; r < b; ++r) {
        double sum = 0.0, norms = 0.0;
        for (int64_t i = 0; i < T * T; ++i) sum += e[i * b + r];
        for (int64_t i = 0; i < T; ++i) norms += (f.q.p[0][i * b + r] - 1.0) * (f.q.p[0][i * b + r] - 1.0);
        out[r] = 0.125 * m->shell * norms - sum / (2.0 * m->beta * (double)T);
    }
}

/* -s_i P_i sum_j e_ij B_S u_j / T + (shell/2) (q_i - 1) x_i */
void sx_tokens_gradient(const sx_attention *m, sx_cbatch x, sx_batch out, sx_work w) {
    int64_t b = x.b, T = m->T, d = m->d;
    forward f;
    sx_jet at = sx_jet_make(0, x, b, NULL, &w), y;
    directions(m, &at, &f, &w);
    double *e = symmetric_scores(m, &f, &y, &w);
    sx_jet E = sx_jet_constant(0, sx_view(e, T * T, b)), h = sx_jet_zero(0, m->n, b), c = sx_jet_zero(0, T, b);
    sx_jet_product(SX_JET_MIX, T, d, 1.0 / (double)T, &E, &y, &h, &w);
    sx_jet_product(SX_JET_DOT, T, d, 1.0, &f.u, &h, &c, &w);
    for (int64_t i = 0; i < T * d; ++i) {
        for (int64_t r = 0; r < b; ++r) {
            int64_t g = i / d * b + r, j = i * b + r;
            out.x[j] =
                -f.s.p[0][g] * (h.p[0][j] - c.p[0][g] * f.u.p[0][j]) + 0.5 * m->shell * (f.q.p[0][g] - 1.0) * x.x[j];
        }
    }
}

/* G^-1 = u u^T + c P = c + (1 - c) u u^T, c = T/Z (softmax) or 1 */
void sx_tokens_metric(const sx_attention *m, bool inverse, sx_cbatch x, sx_cbatch v, sx_batch out, sx_work w) {
    int64_t b = v.b, T = m->T, d = m->d;
    if (!m->softmax) {
        memcpy(out.x, v.x, (size_t)(v.n * b) * sizeof *out.x);
        return;
    }
    forward f;
    sx_jet at = sx_jet_make(0, x, b, NULL, &w), along = sx_jet_zero(0, T, b), V = sx_jet_constant(0, v);
    attend(m, &at, &f, &w);
    sx_jet_product(SX_JET_DOT, T, d, 1.0, &f.u, &V, &along, &w);
    for (int64_t i = 0; i < T * b; ++i) f.top[i] = -f.top[i];
    m->k->exp(T * b, f.top, f.top);
    for (int64_t i = 0; i < T * d; ++i) {
        for (int64_t r = 0; r < b; ++r) {
            int64_t g = i / d * b + r, j = i * b + r;
            double c = (double)T / f.Z[g] * f.top[g];
            if (!inverse) c = 1.0 / c;
            out.x[j] = c * v.x[j] + (1.0 - c) * along.p[0][g] * f.u.p[0][j];
        }
    }
}
