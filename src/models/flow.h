// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The reentrant flow R of a composed model. Its divergence vanishes for every kind: A and W_A are antisymmetric. */
#ifndef SX_MODELS_FLOW_H
#define SX_MODELS_FLOW_H

#include "models/parity.h"

typedef struct sx_flow {
    sx_flow_kind kind;
    int64_t n;
    double omega;
    bool rotation;       /* default A: units 2k, 2k+1 rotate */
    sx_parity A;         /* antisymmetric part of the flow coupling, or W_A */
    double *inverse_tau; /* owned: activation */
} sx_flow;

sx_status sx_flow_init(sx_ctx *ctx, const sx_composed_opts *o, int64_t n, const sx_coupling *W, const sx_coupling *A,
                       sx_flow *out) SX_MUST_USE;
void sx_flow_clear(sx_ctx *ctx, sx_flow *f);
int64_t sx_flow_work(const sx_flow *f, int64_t b);
double sx_flow_flops(const sx_flow *f);
/* out += s omega A v (antisymmetric, gradient) or out += s W_A v (activation, without 1/tau) */
void sx_flow_add(const sx_flow *f, double s, sx_cbatch v, sx_batch out, sx_work w);

#endif
