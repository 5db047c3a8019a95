// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/** @file reentry.h  The model `reentry`: activity that feeds back on itself, held at a finite radius by homeostasis.
 *
 *      soft-shell   y' = -y + gamma W y - kappa r^2 y
 *      gain         y' = -y + gamma g(r) W y,    g = 1/(1 + beta (r - 1))
 *      r = |y|,  W = rho 1 + omega A + C [+ the fast weights A_f,  A_f' = (-A_f + eta y y^T)/tau_A]
 *
 *  A rotates the units 2k, 2k+1, C is a coupling. As (Phi, G, R, noise), with W_S, W_A the symmetric and antisymmetric parts of W:
 *
 *      soft-shell   Phi = r^2/2 - gamma y.W_S y/2 + kappa r^4/4,  G = 1,  R = gamma W_A y
 *      gain         Phi = U(r), U' = r - gamma s r g(r), s = tr W/n,  G = 1,  R = gamma g(r) (W - s) y
 *
 *  Fast weights add |A_f|^2 gamma/(4 eta) to Phi, and -gamma y.A_f y/2 in the soft shell; their metric is gamma tau_A/(2 eta).
 *  In the gain form with W_S = s 1 the flow R has no divergence and R.grad Phi = 0: thermal noise leaves exp(-U/T) stationary. Equations after
 *  B. G. Chae, arXiv 2512.05158 and 2512.19086; the forms are a reconstruction. */
#ifndef SEPARATRIX_REENTRY_H
#define SEPARATRIX_REENTRY_H

#include <separatrix/coupling.h>
#include <separatrix/field.h>
#include <separatrix/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How homeostasis acts. */
typedef enum sx_reentry_form {
    SX_REENTRY_SOFT_SHELL, /**< a cubic force towards the origin */
    SX_REENTRY_GAIN        /**< a gain that falls with the radius */
} sx_reentry_form;
/** Their names in experiment files. */
#define SX_REENTRY_FORM_CHOICES "soft-shell|gain"

/** Options of `reentry`. */
typedef struct sx_reentry_opts {
    size_t struct_size; /**< sizeof(sx_reentry_opts) */
    int form;           /**< an sx_reentry_form */
    int64_t n;          /**< units; 0 = taken from the coupling */
    double gamma;       /**< reentrant amplification >= 0 */
    double rho;         /**< structural gain: the part of W proportional to 1 */
    double omega;       /**< rotation of the units 2k, 2k+1 */
    double kappa;       /**< soft-shell: stiffness > 0 */
    double beta;        /**< gain: homeostatic strength in [0, 1) */
    double eta;         /**< strength of the fast weights >= 0; 0 = none */
    double tau_fast;    /**< time constant of the fast weights > 0 */
    /** whether these were given: they have a meaning in one form only */
    bool has_kappa, has_beta, has_tau;
} sx_reentry_opts;
/** Initialiser; fill in the defaults with sx_fields_default. */
#define SX_REENTRY_OPTS                                                                                                \
    { sizeof(sx_reentry_opts) }
/** Fields of sx_reentry_opts. */
SX_API extern const sx_field sx_reentry_fields[];
/** C may be NULL. State: n numbers "x"; with fast weights "y" of n and "A" of n^2 numbers, row by row. The gain form has no second derivatives at the
 *  origin: within 1e-30 of it those of g count as 0. Cost of F: one product with C, and n^2 with fast weights. */
SX_API sx_status sx_reentry_create(sx_ctx *ctx, const sx_reentry_opts *o, const sx_coupling *C,
                                   const char *const *labels, sx_model **out) SX_MUST_USE;

/** Regimes of homeostatic reentry. */
typedef enum sx_reentry_regime {
    SX_REGIME_QUENCHED,  /**< leak wins: activity dies, r = 0 (gamma rho < 1; in the gain form gamma rho < 1 - beta) */
    SX_REGIME_REACTIVE,  /**< a stable shell that turns at most as fast as it relaxes: frequency <= rate */
    SX_REGIME_REFLECTIVE /**< a stable shell that turns faster than it relaxes: frequency > rate */
} sx_reentry_regime;
/** Their names. */
#define SX_REENTRY_REGIME_CHOICES "quenched|reactive|reflective"
/** The radial reduction in one direction n = y/|y|: r' = -r + gamma rho r g(r) or -kappa r^3, rho = n.W n. It is exact where W_S = rho 1. */
typedef struct sx_reentry_shell {
    sx_reentry_regime regime; /**< by the thresholds above */
    double rho;               /**< Rayleigh quotient n.W n */
    double radius;    /**< r* of the shell, 0 when quenched; infinite: growth without bound (gain form with beta = 0) */
    double rate;      /**< relaxation rate of the radius at r* */
    double frequency; /**< angular velocity gamma g(r*) |W_A n| at r* */
} sx_reentry_shell;
/** The shell in the direction of the state x (all numbers of the model; fast weights count as frozen); at the origin in the direction that grows most,
 *  which takes the eigenvalues of W_S: O(n^3). SX_E_UNSUPPORTED: the model is of another kind. */
SX_API sx_status sx_reentry_shell_at(sx_ctx *ctx, const sx_model *m, const double *x,
                                     sx_reentry_shell *out) SX_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
