// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Thermal noise D = T G^-1 of a model with a metric; B = sqrt(T) M^(1/2), the exact symmetric square root (metric.c). */
#include "models/composed.h"
#include "models/hopfield_private.h"

#include "core/mutant.h"
#include "models/attention_private.h"
#include "models/equations.h"
#include "models/reentry_private.h"

typedef struct thermal {
    sx_model *model; /* owned reference: keeps the metric alive */
    const sx_metric *metric;
    double T;
} thermal;

static int64_t work(const void *self, int64_t b) {
    const thermal *h = self;
    return sx_metric_work(h->metric, b) + 2 * sx_pad(h->metric->n * b);
}

static void scale(sx_batch out, double s) {
    for (int64_t i = 0; i < out.n * out.b; ++i) out.x[i] *= s;
}
static void clear(sx_batch out) {
    memset(out.x, 0, (size_t)(out.n * out.b) * sizeof *out.x);
}

static void B(const void *self, double t, sx_cbatch x, sx_cbatch w, sx_batch out, sx_work wk) {
    (void)t;
    const thermal *h = self;
    sx_metric_apply(h->metric, 1, sx_spread(x, w.b, &wk), w, out, wk);
    if (!SX_MUTANT(thermal_T)) scale(out, sqrt(h->T));
}
/* D is positive definite for T > 0; for T = 0 everything is residual. */
static void Dinv(const void *self, double t, sx_cbatch x, sx_cbatch v, sx_batch out, double *residual, sx_work wk) {
    (void)t;
    const thermal *h = self;
    sx_metric_apply(h->metric, -2, sx_spread(x, v.b, &wk), v, out, wk);
    scale(out, h->T > 0.0 ? 1.0 / h->T : 0.0);
    if (!residual) return;
    for (int64_t r = 0; r < v.b; ++r) {
        double sum = 0.0;
        for (int64_t i = 0; h->T == 0.0 && i < v.n; ++i) sum += v.x[i * v.b + r] * v.x[i * v.b + r];
        residual[r] = sqrt(sum);
    }
}
static void div_D(const void *self, double t, sx_cbatch x, sx_batch out, sx_work wk) {
    (void)t;
    const thermal *h = self;
    sx_metric_div(h->metric, sx_spread(x, out.b, &wk), out, wk);
    scale(out, h->T);
}
static void strat(const void *self, double t, sx_cbatch x, sx_batch out, sx_work wk) {
    (void)t;
    const thermal *h = self;
    sx_metric_strat(h->metric, sx_spread(x, out.b, &wk), out, wk);
    scale(out, h->T);
}
static void covariant(const void *self, double t, sx_cbatch x, sx_batch out, sx_work wk) {
    (void)t;
    const thermal *h = self;
    sx_metric_covariant(h->metric, sx_spread(x, out.b, &wk), out, wk);
    scale(out, h->T);
}
static void dB(const void *self, double t, sx_cbatch x, sx_cbatch u, sx_cbatch w, sx_batch out, sx_work wk) {
    (void)t;
    const thermal *h = self;
    clear(out);
    sx_metric_dB(h->metric, sqrt(h->T), sx_spread(x, u.b, &wk), u, w, out, wk);
}
static void grad_pDp(const void *self, double t, sx_cbatch x, sx_cbatch p, sx_batch out, sx_work wk) {
    (void)t;
    const thermal *h = self;
    clear(out);
    sx_metric_grad1(h->metric, h->T, sx_spread(x, p.b, &wk), p, p, out, wk);
}
static void d2D(const void *self, double t, sx_cbatch x, sx_cbatch u, sx_cbatch v, sx_cbatch p, sx_batch out,
                sx_work wk) {
    (void)t;
    const thermal *h = self;
    clear(out);
    sx_metric_d2(h->metric, h->T, sx_spread(x, u.b, &wk), u, v, p, out, wk);
}
static void destroy(sx_ctx *ctx, void *self) {
    thermal *h = self;
    if (!h) return;
    sx_model_free(ctx, h->model);
    sx_free(ctx, h);
}

static const sx_noise_ops ops = {
    .abi = SX_MODEL_ABI,
    .struct_size = sizeof(sx_noise_ops),
    .name = "thermal",
    .work = work,
    .B = B,
    .Bt = B, /* symmetric */
    .Dinv = Dinv,
    .div_D = div_D,
    .strat = strat,
    .covariant = covariant,
    .dB = dB,
    .grad_pDp = grad_pDp,
    .d2D = d2D,
    .destroy = destroy,
};

sx_status sx_noise_thermal(sx_ctx *ctx, const sx_model *m, double temperature, sx_noise **out) {
    if (sx_equations_made(m)) return sx_equations_thermal(ctx, m, temperature, out);
    const sx_metric *metric = sx_composed_metric(m);
    bool reentry = sx_model_operations(m) == &sx_reentry_ops;
    bool attention = sx_model_operations(m) == &sx_attention_ops;
    if (!metric) metric = sx_hopfield_metric(m);
    if (!metric && !reentry && !attention)
        return SX_FAIL(ctx, SX_E_UNSUPPORTED,
                       "thermal noise needs a metric, which model.kind = \"composed\", \"reentry\", \"attention\", "
                       "\"hopfield\" and \"dense-hopfield\" have, and \"equations\" with a potential; this is \"%s\"",
                       sx_model_name(m));
    if (!(temperature >= 0.0 && isfinite(temperature)))
        return SX_FAIL(ctx, SX_E_USAGE, "noise.temperature = %g: want a finite value >= 0", temperature);
    if (attention) return sx_attention_thermal(ctx, m, temperature, out);
    if (reentry) return sx_reentry_thermal(ctx, m, temperature, out);
    int64_t n = metric->n;
    sx_status status;
    if (sx_metric_constant(metric)) { /* D_i = T / g_i */
        double *D = NULL;
        SX_TRY(ctx, sx_alloc(ctx, n, sizeof *D, &D));
        for (int64_t i = 0; i < n; ++i) D[i] = temperature * metric->m[i];
        status = sx_noise_additive(ctx, n, (sx_values){ n, D }, out);
        sx_free(ctx, D);
        return status;
    }
    thermal *h = NULL;
    SX_TRY(ctx, sx_alloc(ctx, 1, sizeof *h, &h));
    h->model = sx_model_ref(m);
    h->metric = metric;
    h->T = temperature;
    status = sx_noise_create(
        ctx, &ops, h, metric->kind == SX_METRIC_RADIAL_TANGENTIAL ? SX_NOISE_GENERAL : SX_NOISE_DIAGONAL, n, n, out);
    if (status < 0) destroy(ctx, h);
    return status;
}
