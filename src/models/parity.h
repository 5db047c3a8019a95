// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The symmetric (W + W^T)/2 or antisymmetric (W - W^T)/2 part of a square coupling, as an operator. */
#ifndef SX_MODELS_PARITY_H
#define SX_MODELS_PARITY_H

#include "models/rows.h"

typedef struct sx_parity {
    double sign;    /* +1 symmetric, -1 antisymmetric */
    sx_coupling *w; /* owned reference: the part itself when `whole`, else W */
    bool whole;
    int64_t n; /* 0: empty */
} sx_parity;

sx_status sx_parity_init(sx_ctx *ctx, const sx_coupling *w, double sign, sx_parity *out) SX_MUST_USE;
void sx_parity_clear(sx_ctx *ctx, sx_parity *p);
/* out = beta out + alpha P in */
void sx_parity_apply(const sx_parity *p, double alpha, sx_cbatch in, double beta, sx_batch out, sx_work w);
int64_t sx_parity_work(const sx_parity *p, int64_t b);
double sx_parity_flops(const sx_parity *p);

#endif
