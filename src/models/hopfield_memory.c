// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Energies of patterns xi_mu (rows of K). With n units, P patterns and a_k = K d_k:
 *     polynomial (Krotov & Hopfield 2016), z = K s / n:
 *         Q = (n/p) sum_mu z_mu^p,   q = K^T z^(p-1),   d^kq[d_1..d_k] = (p-1)...(p-k) K^T (z^(p-1-k) prod_k a_k / n)
 *     log-sum-exp (Ramsauer et al. 2021), p = softmax(beta K s), da = a - <a> under p:
 *         Q = (1/beta) ln sum_mu e^(beta xi_mu.s),   q = K^T p,
 *         dq[u] = beta K^T (p da),   d2q[u,v] = beta^2 K^T (p [da dc - <da dc>]),
 *         d3q[u,v,z] = beta^3 K^T (p [da dc de - da <dc de> - dc <da de> - de <da dc> - <da dc de>])
 * Every derivative is K^T c: two products with the patterns and one more for each direction. */
#include "models/hopfield_private.h"

#include "core/mutant.h"

sx_status sx_memory_init(sx_ctx *ctx, const sx_dense_hopfield_opts *o, int64_t n, int64_t patterns, const double *keys,
                         sx_memory *out) {
    sx_memory m = { .energy = (sx_dense_energy)o->energy, .n = n, .patterns = patterns, .degree = o->degree };
    double *squares = NULL;
    sx_status status;
    m.beta = o->beta;
    m.k = sx_kernels_get(NULL);
    SX_GO(ctx, status, done, sx_coupling_dense(ctx, patterns, n, keys, &m.keys));
    SX_GO(ctx, status, done, sx_alloc(ctx, patterns * n, sizeof *squares, &squares));
    for (int64_t i = 0; i < patterns * n; ++i) squares[i] = keys[i] * keys[i];
    SX_GO(ctx, status, done, sx_coupling_dense(ctx, patterns, n, squares, &m.squares));
    *out = m;
done:
    sx_free(ctx, squares);
    if (status < 0) sx_memory_clear(ctx, &m);
    return status;
}

void sx_memory_clear(sx_ctx *ctx, sx_memory *m) {
    sx_coupling_free(ctx, m->keys);
    sx_coupling_free(ctx, m->squares);
    m->keys = m->squares = NULL;
}

/* c, three directions, one batch over units; eight numbers per column */
int64_t sx_memory_work(const sx_memory *m, int64_t b) {
    int64_t down = sx_coupling_work(m->keys, b), square = sx_coupling_work(m->squares, b);
    return 5 * sx_pad(m->patterns * b) + sx_pad(m->n * b) + 8 * sx_pad(b) + (down > square ? down : square);
}

/* -- columns of P rows -------------------------------------------------------------------------------------------------------------- */

static sx_batch overlaps(const sx_memory *m, double scale, sx_cbatch s, sx_work *w) {
    sx_batch z = sx_take_batch(w, m->patterns, s.b);
    sx_coupling_apply(m->keys, false, scale, s, 0.0, z, *w);
    return z;
}

/* z <- factor z^p, p >= 0 */
static void power(sx_batch z, double factor, int64_t p) {
    for (int64_t i = 0; i < z.n * z.b; ++i) {
        double y = factor;
        for (int64_t k = 0; k < p; ++k) y *= z.x[i];
        z.x[i] = y;
    }
}

/* z <- softmax(z) down each column; log_sum (may be NULL): ln sum e^z */
static void softmax(const sx_kernels *k, sx_batch z, double *log_sum, sx_work w) {
    int64_t b = z.b;
    double *top = sx_take(&w, b), *sum = sx_take(&w, b);
    for (int64_t r = 0; r < b; ++r) {
        top[r] = z.x[r];
        sum[r] = 0.0;
    }
    for (int64_t i = b; i < z.n * b; ++i) top[i % b] = z.x[i] > top[i % b] ? z.x[i] : top[i % b];
    for (int64_t i = 0; i < z.n; ++i) {
        for (int64_t r = 0; r < b; ++r) z.x[i * b + r] -= top[r];
    }
    k->exp(z.n * b, z.x, z.x);
    for (int64_t i = 0; i < z.n; ++i) {
        for (int64_t r = 0; r < b; ++r) sum[r] += z.x[i * b + r];
    }
    for (int64_t i = 0; i < z.n; ++i) {
        for (int64_t r = 0; r < b; ++r) z.x[i * b + r] /= sum[r];
    }
    if (!log_sum) return;
    k->log(b, sum, log_sum);
    for (int64_t r = 0; r < b; ++r) log_sum[r] += top[r];
}

/* <a c e> under p, per column (c, e may be NULL) */
static double *average(sx_batch p, const double *a, const double *c, const double *e, sx_work *w) {
    double *mean = sx_take(w, p.b);
    for (int64_t r = 0; r < p.b; ++r) mean[r] = 0.0;
    for (int64_t i = 0; i < p.n; ++i) {
        for (int64_t r = 0; r < p.b; ++r) {
            int64_t j = i * p.b + r;
            mean[r] += p.x[j] * a[j] * (c ? c[j] : 1.0) * (e ? e[j] : 1.0);
        }
    }
    return mean;
}

/* p <- the coefficients c of d^order q, without beta^order */
static void cumulant(sx_batch p, int order, double *const *d, sx_work w) {
    const double *a = d[0], *c = d[1], *e = d[2];
    for (int k = 0; k < order; ++k) {
        double *mean = average(p, d[k], NULL, NULL, &w);
        for (int64_t i = 0; i < p.n; ++i) {
            for (int64_t r = 0; r < p.b; ++r) d[k][i * p.b + r] -= mean[r];
        }
    }
    const double *ac = order > 1 ? average(p, a, c, NULL, &w) : NULL;
    const double *ae = order > 2 ? average(p, a, e, NULL, &w) : NULL;
    const double *ce = order > 2 ? average(p, c, e, NULL, &w) : NULL;
    const double *ace = order > 2 ? average(p, a, c, e, &w) : NULL;
    for (int64_t i = 0; i < p.n; ++i) {
        for (int64_t r = 0; r < p.b; ++r) {
            int64_t j = i * p.b + r;
            if (order == 1) p.x[j] *= a[j];
            if (order == 2) p.x[j] *= a[j] * c[j] - ac[r];
            if (order == 3) p.x[j] *= a[j] * c[j] * e[j] - a[j] * ce[r] - c[j] * ae[r] - e[j] * ac[r] - ace[r];
        }
    }
}

/* -- the energy and its derivatives -------------------------------------------------------------------------------------------------- */

void sx_memory_value(const sx_memory *m, sx_cbatch s, double *out, sx_work w) {
    if (m->energy == SX_DENSE_LOGSUMEXP) {
        sx_batch z = overlaps(m, m->beta, s, &w);
        softmax(m->k, z, out, w);
        for (int64_t r = 0; r < s.b; ++r) out[r] /= m->beta;
        return;
    }
    sx_batch z = overlaps(m, 1.0 / (double)m->n, s, &w);
    power(z, (double)m->n / (double)m->degree, m->degree);
    for (int64_t r = 0; r < s.b; ++r) out[r] = 0.0;
    for (int64_t i = 0; i < z.n; ++i) {
        for (int64_t r = 0; r < s.b; ++r) out[r] += z.x[i * s.b + r];
    }
}

void sx_memory_apply(const sx_memory *m, int order, sx_cbatch s, const sx_cbatch *d, double beta, sx_batch out,
                     sx_work w) {
    bool soft = m->energy == SX_DENSE_LOGSUMEXP;
    double n = (double)m->n, factor = 1.0, *a[3] = { NULL, NULL, NULL };
    sx_batch c = overlaps(m, soft ? m->beta : 1.0 / n, s, &w);
    for (int k = 0; k < order; ++k) a[k] = overlaps(m, soft ? m->beta : 1.0 / n, d[k], &w).x;
    if (soft) {
        softmax(m->k, c, NULL, w);
        cumulant(c, order, a, w);
    } else {
        for (int k = 1; k <= order; ++k) factor *= (double)(m->degree - k);
        int64_t left = m->degree - 1 - order;
        power(c, left < 0 ? 0.0 : factor, left < 0 ? 0 : left + SX_MUTANT(dense_degree));
        for (int k = 0; k < order; ++k) m->k->mul(c.n * c.b, c.x, a[k], c.x);
    }
    sx_coupling_apply(m->keys, true, 1.0, sx_const_batch(c), beta, out, w);
}

/* polynomial: (p-1)/n sum z^(p-2) xi_i^2; log-sum-exp: beta (<xi_i^2> - <xi_i>^2) under p */
void sx_memory_diagonal(const sx_memory *m, sx_cbatch s, sx_batch out, sx_work w) {
    if (m->energy == SX_DENSE_POLYNOMIAL) {
        sx_batch z = overlaps(m, 1.0 / (double)m->n, s, &w);
        power(z, (double)(m->degree - 1) / (double)m->n, m->degree - 2);
        sx_coupling_apply(m->squares, true, 1.0, sx_const_batch(z), 0.0, out, w);
        return;
    }
    sx_batch p = overlaps(m, m->beta, s, &w), mean = sx_take_batch(&w, m->n, s.b);
    softmax(m->k, p, NULL, w);
    sx_coupling_apply(m->keys, true, 1.0, sx_const_batch(p), 0.0, mean, w);
    sx_coupling_apply(m->squares, true, 1.0, sx_const_batch(p), 0.0, out, w);
    for (int64_t i = 0; i < m->n * s.b; ++i) out.x[i] = m->beta * (out.x[i] - mean.x[i] * mean.x[i]);
}
