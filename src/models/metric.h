// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The metric G of a composed model through its inverse M = G^-1 and the derivatives of M. All batches have the same b. */
#ifndef SX_MODELS_METRIC_H
#define SX_MODELS_METRIC_H

#include "models/rows.h"

typedef struct sx_metric {
    sx_metric_kind kind;
    int64_t n;
    const sx_kernels *k;
    double *m; /* owned; diagonal kinds: M_i = m_i shape(x_i) */
    double mu_r, mu_t;
    double gain;   /* activation: shape = 1/phi'(gain x) */
    bool gaussian; /* activation: phi' = exp(-pi u^2/4), of erf; else sech^2 u, of tanh */
} sx_metric;

sx_status sx_metric_init(sx_ctx *ctx, const sx_composed_opts *o, int64_t n, sx_metric *out) SX_MUST_USE;
void sx_metric_clear(sx_ctx *ctx, sx_metric *m);
static inline bool sx_metric_constant(const sx_metric *m) {
    return m->kind == SX_METRIC_IDENTITY || m->kind == SX_METRIC_DIAGONAL;
}
int64_t sx_metric_work(const sx_metric *m, int64_t b);

/* out = M^power v for power -1, 1/2 or 1, given as twice the power: -2 (G), 1 (the symmetric square root), 2 (M). */
void sx_metric_apply(const sx_metric *m, int twice_power, sx_cbatch x, sx_cbatch v, sx_batch out, sx_work w);
/* out += s dM[u] g,  s d2M[u,v] g,  s d3M[u,v,z] g */
void sx_metric_d1(const sx_metric *m, double s, sx_cbatch x, sx_cbatch u, sx_cbatch g, sx_batch out, sx_work w);
void sx_metric_d2(const sx_metric *m, double s, sx_cbatch x, sx_cbatch u, sx_cbatch v, sx_cbatch g, sx_batch out,
                  sx_work w);
void sx_metric_d3(const sx_metric *m, double s, sx_cbatch x, sx_cbatch u, sx_cbatch v, sx_cbatch z, sx_cbatch g,
                  sx_batch out, sx_work w);
/* out += s grad_x (p.M g) at fixed p, g;  out += s grad_x (p.dM[v] g) at fixed p, v, g */
void sx_metric_grad1(const sx_metric *m, double s, sx_cbatch x, sx_cbatch p, sx_cbatch g, sx_batch out, sx_work w);
void sx_metric_grad2(const sx_metric *m, double s, sx_cbatch x, sx_cbatch v, sx_cbatch p, sx_cbatch g, sx_batch out,
                     sx_work w);
/* Divergence (div M)_i = d_k M_ik;  (d_k B_ij) B_kj for B = M^(1/2);  |G|^-1/2 d_j (|G|^1/2 M_ij). out is overwritten. */
void sx_metric_div(const sx_metric *m, sx_cbatch x, sx_batch out, sx_work w);
void sx_metric_strat(const sx_metric *m, sx_cbatch x, sx_batch out, sx_work w);
void sx_metric_covariant(const sx_metric *m, sx_cbatch x, sx_batch out, sx_work w);
/* out += s (u.grad B) v, B = M^(1/2) */
void sx_metric_dB(const sx_metric *m, double s, sx_cbatch x, sx_cbatch u, sx_cbatch v, sx_batch out, sx_work w);

#endif
