// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/** @file hopfield.h  Associative memories with an energy: `hopfield` (weights between units) and `dense-hopfield` (patterns themselves).
 *
 *      tau_i x_i' = -x_i + q_i(s) + I_i,   s = phi(gain x),   q = grad Q_S + W_A s
 *
 *  which is x' = -G^-1 grad Phi + R with Phi = sum_i int^{s_i} phi^-1 / gain - Q_S(s) - I.s, G = diag(tau_i ds_i/dx_i) and R = W_A s / tau. */
#ifndef SEPARATRIX_HOPFIELD_H
#define SEPARATRIX_HOPFIELD_H

#include <separatrix/coupling.h>
#include <separatrix/field.h>
#include <separatrix/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Activations that have an inverse. */
typedef enum sx_hopfield_phi {
    SX_HOPFIELD_TANH,     /**< tanh u */
    SX_HOPFIELD_ERF,      /**< erf(sqrt(pi) u / 2) */
    SX_HOPFIELD_LOGISTIC, /**< 1 / (1 + e^-u) */
    SX_HOPFIELD_LINEAR    /**< u */
} sx_hopfield_phi;
/** Their names in experiment files. */
#define SX_HOPFIELD_PHI_CHOICES "tanh|erf|logistic|linear"

/** Options of `hopfield`: tau x' = -x + W s + I, s = phi(gain x) (Cohen & Grossberg 1983, Hopfield 1984). */
typedef struct sx_hopfield_opts {
    size_t struct_size; /**< sizeof(sx_hopfield_opts) */
    int64_t n;          /**< units; 0 = taken from the coupling */
    int phi;            /**< an sx_hopfield_phi */
    double gain;        /**< slope of an activation, > 0 */
    sx_values tau;      /**< > 0: one number or one per unit; default 1 */
    sx_values input;    /**< I, constant: one number or one per unit; default 0 */
} sx_hopfield_opts;
/** Initialiser; fill in the defaults with sx_fields_default. */
#define SX_HOPFIELD_OPTS                                                                                               \
    { sizeof(sx_hopfield_opts) }
/** Fields of sx_hopfield_opts. */
SX_API extern const sx_field sx_hopfield_fields[];
/** Phi = -s.W_S s/2 + sum_i int^{s_i} phi^-1/gain - I.s, G = diag(tau ds/dx), R = W_A s/tau, W_S and W_A the symmetric and antisymmetric
 *  part of W (NULL: 0). Cost of F: one product with W. */
SX_API sx_status sx_hopfield_create(sx_ctx *ctx, const sx_hopfield_opts *o, const sx_coupling *W,
                                    const char *const *labels, sx_model **out) SX_MUST_USE;

/** Weights of a model of kind `hopfield`, borrowed; NULL for other models, and without weights. */
SX_API const sx_coupling *sx_hopfield_weights(const sx_model *m);

/** How patterns make an energy. */
typedef enum sx_dense_energy {
    SX_DENSE_POLYNOMIAL, /**< Q = (n/degree) sum_mu (xi_mu.s/n)^degree (Krotov & Hopfield 2016); degree 2 is Hebb's rule */
    SX_DENSE_LOGSUMEXP /**< Q = (1/beta) ln sum_mu exp(beta xi_mu.s): the logarithm of the exponential energy (Demircigil et al. 2017,
                          *   Ramsauer et al. 2021) */
} sx_dense_energy;
/** Their names in experiment files. */
#define SX_DENSE_ENERGY_CHOICES "polynomial|log-sum-exp"

/** Options of `dense-hopfield`: tau x' = -x + grad Q(s) + I, s = phi(gain x). */
typedef struct sx_dense_hopfield_opts {
    size_t struct_size; /**< sizeof(sx_dense_hopfield_opts) */
    int64_t n;          /**< units; 0 = length of a pattern of `data` */
    sx_data data;       /**< patterns xi, one per row */
    sx_values keys;     /**< the same as numbers, patterns x n; instead of data */
    int energy;         /**< an sx_dense_energy */
    int64_t degree;     /**< polynomial: 2 to 30 */
    double beta;        /**< log-sum-exp: > 0 */
    int phi;            /**< an sx_hopfield_phi */
    double gain;        /**< slope of an activation, > 0 */
    sx_values tau;      /**< > 0: one number or one per unit; default 1 */
    sx_values input;    /**< I, constant: one number or one per unit; default 0 */
} sx_dense_hopfield_opts;
/** Initialiser; fill in the defaults with sx_fields_default. */
#define SX_DENSE_HOPFIELD_OPTS                                                                                         \
    { sizeof(sx_dense_hopfield_opts) }
/** Fields of sx_dense_hopfield_opts. */
SX_API extern const sx_field sx_dense_hopfield_fields[];
/** A gradient system: R = 0. Patterns are copied. Cost of F: two products with the patterns, whatever their number. */
SX_API sx_status sx_dense_hopfield_create(sx_ctx *ctx, const sx_dense_hopfield_opts *o, const char *const *labels,
                                          sx_model **out) SX_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
