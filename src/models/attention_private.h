// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Between attention.c (operations, one token), attention_tokens.c, attention_create.c and noise_thermal.c. */
#ifndef SX_MODELS_ATTENTION_PRIVATE_H
#define SX_MODELS_ATTENTION_PRIVATE_H

#include "models/jet.h"

#include <separatrix/attention.h>

typedef struct sx_attention {
    sx_attention_form form;
    int64_t n, d, T, patterns; /* numbers of the state and of a token; tokens; keys */
    double beta, shell;
    bool softmax, causal;
    bool gradient_flow; /* R = 0 */
    const sx_kernels *k;
    /* one token: owned; V, M, Minv may be NULL: S, 1, 1 */
    sx_coupling *S, *V, *M, *Minv;
    double *M_full; /* owned: d x d, or NULL */
    double *along;  /* owned: v_mu.k_mu */
    /* tokens: owned d x d, or NULL for 1 */
    double *B, *B_S, *W_V;
} sx_attention;

extern const sx_model_ops sx_attention_ops;
void sx_attention_destroy(sx_ctx *ctx, void *self);
sx_status sx_attention_thermal(sx_ctx *ctx, const sx_model *m, double temperature, sx_noise **out) SX_MUST_USE;

/* w = exp(a)/Z in groups of rows: of softmax Z is the sum over the group, else `size`. With causal, row j of group i counts for j <= i only. Numbers Z
 * (plane 0, without the shift of softmax, which is in `top`) go to Z and top when these are not NULL: `groups` rows each. */
void sx_attention_weights(const sx_attention *m, int64_t groups, int64_t size, const sx_jet *a, sx_jet *out, double **Z,
                          double **top, sx_work *w);
/* scratch of it without planes of out */
int64_t sx_attention_weights_work(int64_t groups, int64_t size, int planes, int64_t b);

/* tokens */
void sx_tokens_drift(const sx_attention *m, const sx_jet *x, sx_batch out, sx_work w);
void sx_tokens_pull(const sx_attention *m, const sx_jet *x, sx_cbatch p, sx_batch out, sx_work w);
void sx_tokens_potential(const sx_attention *m, sx_cbatch x, double *out, sx_work w);
void sx_tokens_gradient(const sx_attention *m, sx_cbatch x, sx_batch out, sx_work w);
void sx_tokens_metric(const sx_attention *m, bool inverse, sx_cbatch x, sx_cbatch v, sx_batch out, sx_work w);
int64_t sx_tokens_work(const sx_attention *m, int planes, int64_t b);

#endif
