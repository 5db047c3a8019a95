// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The log-sum-exp potential of modern Hopfield networks, Phi = |x|^2/2 - (1/beta) ln sum_mu exp(beta k_mu.x) (Ramsauer et al. 2020).
 * With p = softmax(beta K x), a = K u, c = K v, e = K z and da = a - <a> under p:
 *     grad      = x - K^T p
 *     H u       = u - beta K^T (p da)
 *     T3[u,v]   = -beta^2 K^T (p [da dc - <da dc>])
 *     T4[u,v,z] = -beta^3 K^T (p [da dc de - da <dc de> - dc <da de> - de <da dc> - <da dc de>])
 *     H_ii      = 1 - beta [sum_mu p_mu k_mu,i^2 - (sum_mu p_mu k_mu,i)^2] */
#include "models/potential_private.h"

sx_status sx_softmax_init(sx_ctx *ctx, const sx_composed_opts *o, sx_potential *p) {
    int64_t n = p->n, patterns = o->patterns > 0 ? o->patterns : o->keys.n / n;
    if (!(o->beta > 0.0)) return SX_FAIL(ctx, SX_E_USAGE, "model.beta = %g: want a value > 0", o->beta);
    if (o->keys.n == 0)
        return SX_FAIL(ctx, SX_E_USAGE,
                       "model.keys is missing: potential = \"log-sum-exp\" wants patterns x %lld numbers",
                       (long long)n);
    if (patterns < 1 || o->keys.n != patterns * n)
        return SX_FAIL(ctx, SX_E_USAGE, "model.keys: %lld numbers: want patterns x units = %lld x %lld",
                       (long long)o->keys.n, (long long)patterns, (long long)n);
    p->patterns = patterns;
    SX_TRY(ctx, sx_coupling_dense(ctx, patterns, n, o->keys.data, &p->keys));
    double *squares = NULL;
    SX_TRY(ctx, sx_alloc(ctx, o->keys.n, sizeof *squares, &squares));
    for (int64_t i = 0; i < o->keys.n; ++i) squares[i] = o->keys.data[i] * o->keys.data[i];
    sx_status status = sx_coupling_dense(ctx, patterns, n, squares, &p->keys2);
    sx_free(ctx, squares);
    return status;
}

/* p, a, c, e, one product over patterns; one batch over units; 12 numbers per column */
int64_t sx_softmax_work(const sx_potential *p, int64_t b) {
    return 6 * sx_pad(p->patterns * b) + sx_pad(p->n * b) + 12 * sx_pad(b) + sx_coupling_work(p->keys, b);
}

/* p = softmax(beta K x) over the rows of each column; log_sum (may be NULL) = ln sum_mu exp(beta k_mu.x) */
static sx_batch softmax(const sx_potential *q, sx_cbatch x, double *log_sum, sx_work *w) {
    int64_t P = q->patterns, b = x.b;
    sx_batch p = sx_take_batch(w, P, b);
    double *top = sx_take(w, b), *sum = sx_take(w, b);
    sx_coupling_apply(q->keys, false, q->beta, x, 0.0, p, *w);
    for (int64_t r = 0; r < b; ++r) {
        top[r] = p.x[r];
        sum[r] = 0.0;
    }
    for (int64_t m = 1; m < P; ++m) {
        for (int64_t r = 0; r < b; ++r) top[r] = p.x[m * b + r] > top[r] ? p.x[m * b + r] : top[r];
    }
    for (int64_t m = 0; m < P; ++m) {
        for (int64_t r = 0; r < b; ++r) p.x[m * b + r] -= top[r];
    }
    q->k->exp(P * b, p.x, p.x);
    for (int64_t m = 0; m < P; ++m) {
        for (int64_t r = 0; r < b; ++r) sum[r] += p.x[m * b + r];
    }
    for (int64_t m = 0; m < P; ++m) {
        for (int64_t r = 0; r < b; ++r) p.x[m * b + r] /= sum[r];
    }
    if (log_sum) {
        q->k->log(b, sum, log_sum);
        for (int64_t r = 0; r < b; ++r) log_sum[r] += top[r];
    }
    return p;
}

/* K u minus its mean under p */
static double *centred(const sx_potential *q, sx_batch p, sx_cbatch u, sx_work *w) {
    sx_batch a = sx_take_batch(w, q->patterns, u.b);
    sx_coupling_apply(q->keys, false, 1.0, u, 0.0, a, *w);
    double *mean = sx_column_dots(sx_const_batch(p), sx_const_batch(a), w);
    for (int64_t m = 0; m < a.n; ++m) {
        for (int64_t r = 0; r < a.b; ++r) a.x[m * a.b + r] -= mean[r];
    }
    return a.x;
}

/* <a c> or <a c e> under p, per column */
static double *average(sx_batch p, const double *a, const double *c, const double *e, sx_work *w) {
    double *s = sx_take(w, p.b);
    for (int64_t r = 0; r < p.b; ++r) s[r] = 0.0;
    for (int64_t m = 0; m < p.n; ++m) {
        for (int64_t r = 0; r < p.b; ++r) {
            int64_t j = m * p.b + r;
            s[r] += p.x[j] * a[j] * c[j] * (e ? e[j] : 1.0);
        }
    }
    return s;
}

void sx_softmax_value(const sx_potential *q, sx_cbatch x, double *out, sx_work w) {
    double *l = sx_take(&w, x.b);
    (void)softmax(q, x, l, &w);
    for (int64_t r = 0; r < x.b; ++r) out[r] = 0.0;
    for (int64_t i = 0; i < x.n; ++i) {
        for (int64_t r = 0; r < x.b; ++r) out[r] += x.x[i * x.b + r] * x.x[i * x.b + r];
    }
    for (int64_t r = 0; r < x.b; ++r) out[r] = 0.5 * out[r] - l[r] / q->beta;
}

void sx_softmax_gradient(const sx_potential *q, sx_cbatch x, sx_batch out, sx_work w) {
    sx_batch p = softmax(q, x, NULL, &w);
    memcpy(out.x, x.x, (size_t)(x.n * x.b) * sizeof *out.x);
    sx_coupling_apply(q->keys, true, -1.0, sx_const_batch(p), 1.0, out, w);
}

void sx_softmax_hessian(const sx_potential *q, sx_cbatch x, sx_cbatch v, sx_batch out, sx_work w) {
    sx_batch p = softmax(q, x, NULL, &w);
    double *a = centred(q, p, v, &w);
    q->k->mul(p.n * p.b, p.x, a, a);
    memcpy(out.x, v.x, (size_t)(x.n * x.b) * sizeof *out.x);
    sx_coupling_apply(q->keys, true, -q->beta, sx_view(a, p.n, p.b), 1.0, out, w);
}

void sx_softmax_third(const sx_potential *q, sx_cbatch x, sx_cbatch u, sx_cbatch v, sx_batch out, sx_work w) {
    sx_batch p = softmax(q, x, NULL, &w);
    double *a = centred(q, p, u, &w), *c = centred(q, p, v, &w), *ac = average(p, a, c, NULL, &w);
    for (int64_t m = 0; m < p.n; ++m) {
        for (int64_t r = 0; r < p.b; ++r) {
            int64_t j = m * p.b + r;
            p.x[j] *= a[j] * c[j] - ac[r];
        }
    }
    sx_coupling_apply(q->keys, true, -q->beta * q->beta, sx_const_batch(p), 0.0, out, w);
}

void sx_softmax_fourth(const sx_potential *q, sx_cbatch x, sx_cbatch u, sx_cbatch v, sx_cbatch z, sx_batch out,
                       sx_work w) {
    sx_batch p = softmax(q, x, NULL, &w);
    double *a = centred(q, p, u, &w), *c = centred(q, p, v, &w), *e = centred(q, p, z, &w);
    double *ac = average(p, a, c, NULL, &w), *ae = average(p, a, e, NULL, &w), *ce = average(p, c, e, NULL, &w);
    double *ace = average(p, a, c, e, &w);
    for (int64_t m = 0; m < p.n; ++m) {
        for (int64_t r = 0; r < p.b; ++r) {
            int64_t j = m * p.b + r;
            p.x[j] *= a[j] * c[j] * e[j] - a[j] * ce[r] - c[j] * ae[r] - e[j] * ac[r] - ace[r];
        }
    }
    sx_coupling_apply(q->keys, true, -q->beta * q->beta * q->beta, sx_const_batch(p), 0.0, out, w);
}

void sx_softmax_hessian_diagonal(const sx_potential *q, sx_cbatch x, sx_batch out, sx_work w) {
    sx_batch p = softmax(q, x, NULL, &w), mean = sx_take_batch(&w, x.n, x.b);
    sx_coupling_apply(q->keys, true, 1.0, sx_const_batch(p), 0.0, mean, w);
    sx_coupling_apply(q->keys2, true, 1.0, sx_const_batch(p), 0.0, out, w);
    for (int64_t i = 0; i < x.n * x.b; ++i) out.x[i] = 1.0 - q->beta * (out.x[i] - mean.x[i] * mean.x[i]);
}
