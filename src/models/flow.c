// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
#include "models/flow.h"

static sx_status init(sx_ctx *ctx, const sx_composed_opts *o, const sx_coupling *W, const sx_coupling *A, sx_flow *f) {
    bool uses_A = f->kind == SX_FLOW_ANTISYMMETRIC || f->kind == SX_FLOW_GRADIENT;
    if (A && !uses_A)
        return SX_FAIL(ctx, SX_E_USAGE,
                       "the flow coupling has a meaning only with flow = \"antisymmetric\" or \"gradient\"");
    if (f->kind == SX_FLOW_ACTIVATION) {
        if (!W) return SX_FAIL(ctx, SX_E_USAGE, "model.coupling is missing: flow = \"activation\" wants one");
        SX_TRY(ctx, sx_parity_init(ctx, W, -1.0, &f->A));
        SX_TRY(ctx, sx_values_spread(ctx, "model.tau", o->tau, f->n, 1.0, &f->inverse_tau));
        for (int64_t i = 0; i < f->n; ++i) f->inverse_tau[i] = 1.0 / f->inverse_tau[i];
    } else if (uses_A && A) {
        SX_TRY(ctx, sx_parity_init(ctx, A, -1.0, &f->A));
    } else if (uses_A) {
        if (f->n < 2)
            return SX_FAIL(ctx, SX_E_USAGE, "model.flow: a rotation of %lld unit: want at least 2 units",
                           (long long)f->n);
        f->rotation = true;
    }
    return SX_OK;
}

sx_status sx_flow_init(sx_ctx *ctx, const sx_composed_opts *o, int64_t n, const sx_coupling *W, const sx_coupling *A,
                       sx_flow *out) {
    sx_flow f = { .kind = (sx_flow_kind)o->flow, .n = n, .omega = o->omega };
    sx_status status = init(ctx, o, W, A, &f);
    if (status < 0) {
        sx_flow_clear(ctx, &f);
        return status;
    }
    *out = f;
    return SX_OK;
}

void sx_flow_clear(sx_ctx *ctx, sx_flow *f) {
    sx_parity_clear(ctx, &f->A);
    sx_free(ctx, f->inverse_tau);
    f->inverse_tau = NULL;
}

int64_t sx_flow_work(const sx_flow *f, int64_t b) {
    return sx_parity_work(&f->A, b);
}

double sx_flow_flops(const sx_flow *f) {
    return f->rotation ? 2.0 * (double)f->n
                       : sx_parity_flops(&f->A) + (f->kind == SX_FLOW_ACTIVATION ? 2.0 * (double)f->n : 0.0);
}

void sx_flow_add(const sx_flow *f, double s, sx_cbatch v, sx_batch out, sx_work w) {
    if (!f->rotation) {
        sx_parity_apply(&f->A, f->kind == SX_FLOW_ACTIVATION ? s : s * f->omega, v, 1.0, out, w);
        return;
    }
    /* A = [0 -1; 1 0] on each pair: the phase grows at the rate omega */
    double so = s * f->omega;
    int64_t b = v.b;
    for (int64_t i = 0; i + 1 < v.n; i += 2) {
        for (int64_t r = 0; r < b; ++r) {
            out.x[i * b + r] -= so * v.x[(i + 1) * b + r];
            out.x[(i + 1) * b + r] += so * v.x[i * b + r];
        }
    }
}
