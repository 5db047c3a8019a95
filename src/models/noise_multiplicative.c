// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Multiplicative noise, one source per unit: sigma_i(x) = s_i shape(x_i), B = sigma / sqrt 2, D = s^2 shape^2 / 2.
 * With q(x) = shape^2:
 *     linear      q = (o + m x)^2      q' = 2 m (o + m x)     q'' = 2 m^2
 *     sqrt        q = max(o + m x, 0)  q' = m where positive  q'' = 0
 *     quadratic   q = 1 + x^2          q' = 2 x               q'' = 2
 * and div D = D', (d_k B_ij) B_kj = B' B = D'/2. */
#include "models/rows.h"

#include "core/mutant.h"

typedef struct multiplicative {
    sx_amplitude shape;
    double offset, slope;
    double *s;  /* owned: s_i / sqrt 2 */
    double *s2; /* owned: s_i^2 / 2 */
} multiplicative;

/* shape, shape' (signed), and q, q', q'' at one number */
static double shape0(const multiplicative *m, double x) {
    double y = m->offset + m->slope * x;
    switch (m->shape) {
    case SX_AMPLITUDE_LINEAR:
        return y;
    case SX_AMPLITUDE_SQRT:
        return y > 0.0 ? sqrt(y) : 0.0;
    case SX_AMPLITUDE_QUADRATIC:
        return sqrt(1.0 + x * x);
    }
    return 0.0;
}
static double shape1(const multiplicative *m, double x) {
    double y = m->offset + m->slope * x;
    switch (m->shape) {
    case SX_AMPLITUDE_LINEAR:
        return m->slope;
    case SX_AMPLITUDE_SQRT:
        return y > 0.0 ? 0.5 * m->slope / sqrt(y) : 0.0;
    case SX_AMPLITUDE_QUADRATIC:
        return x / sqrt(1.0 + x * x);
    }
    return 0.0;
}
static double q0(const multiplicative *m, double x) {
    double y = m->offset + m->slope * x;
    switch (m->shape) {
    case SX_AMPLITUDE_LINEAR:
        return y * y;
    case SX_AMPLITUDE_SQRT:
        return y > 0.0 ? y : 0.0;
    case SX_AMPLITUDE_QUADRATIC:
        return 1.0 + x * x;
    }
    return 0.0;
}
static double q1(const multiplicative *m, double x) {
    double y = m->offset + m->slope * x;
    switch (m->shape) {
    case SX_AMPLITUDE_LINEAR:
        return 2.0 * m->slope * y;
    case SX_AMPLITUDE_SQRT:
        return y > 0.0 ? m->slope : 0.0;
    case SX_AMPLITUDE_QUADRATIC:
        return 2.0 * x;
    }
    return 0.0;
}
static double q2(const multiplicative *m) {
    switch (m->shape) {
    case SX_AMPLITUDE_LINEAR:
        return 2.0 * m->slope * m->slope;
    case SX_AMPLITUDE_SQRT:
        return 0.0;
    case SX_AMPLITUDE_QUADRATIC:
        return 2.0;
    }
    return 0.0;
}

static int64_t work(const void *self, int64_t b) {
    (void)self, (void)b;
    return 0;
}
static void B(const void *self, double t, sx_cbatch x, sx_cbatch w, sx_batch out, sx_work wk) {
    (void)t, (void)wk;
    const multiplicative *m = self;
    for (int64_t i = 0; i < out.n; ++i) {
        for (int64_t r = 0; r < out.b; ++r)
            out.x[i * out.b + r] = m->s[i] * shape0(m, sx_at(x, i, r)) * w.x[i * out.b + r];
    }
}
static void Dinv(const void *self, double t, sx_cbatch x, sx_cbatch v, sx_batch out, double *residual, sx_work wk) {
    (void)t, (void)wk;
    const multiplicative *m = self;
    for (int64_t r = 0; residual && r < v.b; ++r) residual[r] = 0.0;
    for (int64_t i = 0; i < v.n; ++i) {
        for (int64_t r = 0; r < v.b; ++r) {
            double D = m->s2[i] * q0(m, sx_at(x, i, r)), y = v.x[i * v.b + r];
            out.x[i * v.b + r] = D > 0.0 ? y / D : 0.0;
            if (residual && !(D > 0.0)) residual[r] += y * y;
        }
    }
    for (int64_t r = 0; residual && r < v.b; ++r) residual[r] = sqrt(residual[r]);
}
static void derivative(const multiplicative *m, double factor, sx_cbatch x, sx_batch out) {
    for (int64_t i = 0; i < out.n; ++i) {
        for (int64_t r = 0; r < out.b; ++r) out.x[i * out.b + r] = factor * m->s2[i] * q1(m, sx_at(x, i, r));
    }
}
static void div_D(const void *self, double t, sx_cbatch x, sx_batch out, sx_work wk) {
    (void)t, (void)wk;
    derivative(self, 1.0, x, out);
}
static void strat(const void *self, double t, sx_cbatch x, sx_batch out, sx_work wk) {
    (void)t, (void)wk;
    derivative(self, SX_MUTANT(multiplicative_strat) ? 1.0 : 0.5, x, out);
}
static void dB(const void *self, double t, sx_cbatch x, sx_cbatch u, sx_cbatch w, sx_batch out, sx_work wk) {
    (void)t, (void)wk;
    const multiplicative *m = self;
    for (int64_t i = 0; i < out.n; ++i) {
        for (int64_t r = 0; r < out.b; ++r)
            out.x[i * out.b + r] = m->s[i] * shape1(m, sx_at(x, i, r)) * sx_at(u, i, r) * w.x[i * out.b + r];
    }
}
static void grad_pDp(const void *self, double t, sx_cbatch x, sx_cbatch p, sx_batch out, sx_work wk) {
    (void)t, (void)wk;
    const multiplicative *m = self;
    for (int64_t i = 0; i < out.n; ++i) {
        for (int64_t r = 0; r < out.b; ++r) {
            double y = p.x[i * out.b + r];
            out.x[i * out.b + r] = m->s2[i] * q1(m, sx_at(x, i, r)) * y * y;
        }
    }
}
static void d2D(const void *self, double t, sx_cbatch x, sx_cbatch u, sx_cbatch v, sx_cbatch p, sx_batch out,
                sx_work wk) {
    (void)t, (void)x, (void)wk;
    const multiplicative *m = self;
    for (int64_t i = 0; i < out.n; ++i) {
        for (int64_t r = 0; r < out.b; ++r) {
            int64_t k = i * out.b + r;
            out.x[k] = m->s2[i] * q2(m) * sx_at(u, i, r) * sx_at(v, i, r) * p.x[k];
        }
    }
}
static void destroy(sx_ctx *ctx, void *self) {
    multiplicative *m = self;
    if (!m) return;
    sx_free(ctx, m->s);
    sx_free(ctx, m->s2);
    sx_free(ctx, m);
}
static const sx_noise_ops ops = {
    .abi = SX_MODEL_ABI,
    .struct_size = sizeof(sx_noise_ops),
    .name = "multiplicative",
    .work = work,
    .B = B,
    .Bt = B,
    .Dinv = Dinv,
    .div_D = div_D,
    .strat = strat,
    .dB = dB,
    .grad_pDp = grad_pDp,
    .d2D = d2D,
    .destroy = destroy,
};

sx_status sx_noise_multiplicative(sx_ctx *ctx, int64_t n, sx_amplitude shape, sx_values s, double offset, double slope,
                                  sx_noise **out) {
    multiplicative *m = NULL;
    sx_status status;
    if (s.n == 0) return SX_FAIL(ctx, SX_E_USAGE, "noise.sigma: no number given: want 1 or %lld", (long long)n);
    for (int64_t i = 0; i < s.n; ++i) {
        if (!isfinite(s.data[i]) || s.data[i] < 0.0)
            return SX_FAIL(ctx, SX_E_USAGE, "noise.sigma[%lld] = %g: want a finite value >= 0", (long long)i,
                           s.data[i]);
    }
    if ((int)shape < 0 || shape > SX_AMPLITUDE_QUADRATIC)
        return SX_FAIL(ctx, SX_E_USAGE, "noise.amplitude = %d: want one of linear, sqrt, quadratic", (int)shape);
    if (!isfinite(offset) || !isfinite(slope))
        return SX_FAIL(ctx, SX_E_USAGE, "noise.offset = %g, slope = %g: want finite values", offset, slope);
    SX_GO(ctx, status, done, sx_alloc(ctx, 1, sizeof *m, &m));
    m->shape = shape;
    m->offset = offset;
    m->slope = slope;
    SX_GO(ctx, status, done, sx_values_spread(ctx, "noise.sigma", s, n, 0.0, &m->s));
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *m->s2, &m->s2));
    for (int64_t i = 0; i < n; ++i) {
        m->s2[i] = 0.5 * m->s[i] * m->s[i];
        m->s[i] /= sqrt(2.0);
    }
    SX_GO(ctx, status, done, sx_noise_create(ctx, &ops, m, SX_NOISE_DIAGONAL, n, n, out));
    return SX_OK;
done:
    destroy(ctx, m);
    return status;
}
