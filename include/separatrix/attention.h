// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/** @file attention.h  The model `attention`: one token that looks at stored ones, or tokens on a sphere that look at each other.
 *
 *      tied     x' = -x + K^T p,               p = softmax(beta K x)                       modern Hopfield network, keys k in the rows of K
 *      values   x' = -x + M K^T p                                                          M symmetric and positive definite
 *      untied   x' = -x + sum p_mu W_V t_mu,   p_mu ~ exp(beta x.W_Q^T W_K t_mu)           tokens t in the rows of `keys`
 *      tokens   x_i' = P_i sum_j w_ij W_V u_j / |x_i| + s (1 - |x_i|^2) x_i / 2,           u = x/|x|, P_i = 1 - u_i u_i^T,
 *               w_ij = e_ij/sum_k e_ik (softmax) or e_ij/T (none),  e_ij = exp(beta u_i.W_Q^T W_K u_j)
 *
 *  As (Phi, G, R, noise), with effective keys k_mu (untied: W_Q^T W_K t_mu) and values v_mu, B = W_Q^T W_K, B_S = (B + B^T)/2:
 *
 *      one token   Phi = x.M^-1 x/2 - ln(sum_mu exp(beta k_mu.x))/beta,  G = M^-1,  R = sum_mu p_mu (v_mu - M k_mu), 0 for tied and values
 *      tokens      Phi = -sum_ij exp(beta u_i.B_S u_j)/(2 beta T) + s sum_i (|x_i|^2 - 1)^2/8,
 *                  G^-1 = u u^T + c_i P_i for each token, c_i = T/sum_j e_ij (softmax) or 1 (none);  R the rest, 0 where W_V = B = B^T
 *
 *  Ramsauer et al., ICLR 2021 (one token); Geshkovski et al., arXiv 2312.10794 (tokens). */
#ifndef SEPARATRIX_ATTENTION_H
#define SEPARATRIX_ATTENTION_H

#include <separatrix/field.h>
#include <separatrix/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Which attention. */
typedef enum sx_attention_form {
    SX_ATTENTION_TIED,
    SX_ATTENTION_VALUES,
    SX_ATTENTION_UNTIED,
    SX_ATTENTION_TOKENS
} sx_attention_form;
/** Their names in experiment files. */
#define SX_ATTENTION_CHOICES "tied|values|untied|tokens"

/** Options of `attention`. Matrices are row-major; what is left out is the unit matrix. What has no meaning for the form must be left out. */
typedef struct sx_attention_opts {
    size_t struct_size; /**< sizeof(sx_attention_opts) */
    int form;           /**< an sx_attention_form */
    int64_t dimension;  /**< d: numbers of one token; 0 = taken from keys and patterns */
    int64_t patterns;   /**< number of keys; 0 = taken from their count */
    int64_t tokens;     /**< tokens: number T of tokens >= 1 */
    double beta;        /**< inverse temperature > 0 */
    sx_values keys;     /**< tied, values: keys; untied: tokens t; patterns x d */
    sx_values mobility; /**< values, untied: M as one number, d numbers (diagonal) or d x d */
    sx_values W_Q;      /**< untied, tokens: h x d */
    sx_values W_K;      /**< untied, tokens: h x d */
    sx_values W_V;      /**< untied, tokens: d x d */
    int normalise;      /**< tokens: 0 softmax, 1 none */
    bool causal;        /**< tokens: token i looks at tokens j <= i only */
    double shell;       /**< tokens: rate s >= 0 at which norms return to 1 */
    /** whether these were given */
    bool has_tokens, has_normalise, has_causal, has_shell;
} sx_attention_opts;
/** Initialiser; fill in the defaults with sx_fields_default. */
#define SX_ATTENTION_OPTS                                                                                              \
    { sizeof(sx_attention_opts) }
/** Fields of sx_attention_opts. */
SX_API extern const sx_field sx_attention_fields[];
/** State: d numbers, or T d: number c of token i is unit i d + c. Cost of F: 4 d patterns flops and `patterns` exponentials; 4 T^2 d and T^2. */
SX_API sx_status sx_attention_create(sx_ctx *ctx, const sx_attention_opts *o, const char *const *labels,
                                     sx_model **out) SX_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
