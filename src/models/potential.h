// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The potential Phi of a composed model and its derivatives to fourth order. All batches have the same b. */
#ifndef SX_MODELS_POTENTIAL_H
#define SX_MODELS_POTENTIAL_H

#include "models/parity.h"

typedef struct sx_potential {
    sx_potential_kind kind;
    int64_t n;
    const sx_kernels *k;
    double a0, b, g, beta;
    double *a;          /* owned: quadratic, one per unit; NULL with a matrix */
    sx_coupling *H;     /* owned: quadratic with a matrix */
    double *H_diagonal; /* owned: of H or W_S */
    sx_parity S;        /* hopfield: symmetric part of W */
    double *input;      /* owned: hopfield */
    int64_t patterns;
    sx_coupling *keys, *keys2; /* owned: patterns x n, and its squares */
} sx_potential;

sx_status sx_potential_init(sx_ctx *ctx, const sx_composed_opts *o, int64_t n, const sx_coupling *W,
                            sx_potential *out) SX_MUST_USE;
void sx_potential_clear(sx_ctx *ctx, sx_potential *p);
int64_t sx_potential_work(const sx_potential *p, int64_t b);
double sx_potential_flops(const sx_potential *p);

void sx_potential_value(const sx_potential *p, sx_cbatch x, double *out, sx_work w);
void sx_potential_gradient(const sx_potential *p, sx_cbatch x, sx_batch out, sx_work w);
void sx_potential_hessian(const sx_potential *p, sx_cbatch x, sx_cbatch v, sx_batch out, sx_work w);
void sx_potential_third(const sx_potential *p, sx_cbatch x, sx_cbatch u, sx_cbatch v, sx_batch out, sx_work w);
void sx_potential_fourth(const sx_potential *p, sx_cbatch x, sx_cbatch u, sx_cbatch v, sx_cbatch z, sx_batch out,
                         sx_work w);
void sx_potential_hessian_diagonal(const sx_potential *p, sx_cbatch x, sx_batch out, sx_work w);

/* s = tanh x and d^k s / dx^k (k = 1..4, into f[k-1]; NULL skips), over n numbers. */
void sx_tanh_derivatives(const sx_kernels *k, int64_t n, const double *x, double *s, double *f1, double *f2, double *f3,
                         double *f4);

#endif
