// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/** @file activation.h  Activation functions phi as named objects: derivatives to third order and Gaussian averages. */
#ifndef SEPARATRIX_ACTIVATION_H
#define SEPARATRIX_ACTIVATION_H

#include <separatrix/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The activation functions. */
typedef enum sx_activation_kind {
    SX_PHI_TANH,            /**< tanh u */
    SX_PHI_ERF,             /**< erf(sqrt(pi) u / 2): slope 1 at 0 */
    SX_PHI_RELU,            /**< max(u, 0); derivative 0 at 0 */
    SX_PHI_SOFTPLUS,        /**< ln(1 + e^{beta u}) / beta */
    SX_PHI_LOGISTIC,        /**< 1 / (1 + e^{-beta u}) */
    SX_PHI_THRESHOLD_POWER, /**< beta max(u - theta, 0)^p */
    SX_PHI_LINEAR           /**< u */
} sx_activation_kind;
/** Their names in experiment files, in the order of sx_activation_kind. */
#define SX_PHI_CHOICES "tanh|erf|relu|softplus|logistic|threshold-power|linear"

/** Parameters with their defaults: beta = 1, theta = 0, power = 2. */
typedef struct sx_activation {
    sx_activation_kind kind; /**< which function */
    /** steepness or factor; threshold; exponent: as in sx_activation_kind */
    double beta, theta, power;
} sx_activation;
/** Initialiser with the default parameters. */
#define SX_ACTIVATION(kind)                                                                                            \
    { (kind), 1.0, 0.0, 2.0 }

/** y = d^order phi (x), order 0..3, over n numbers; y may equal x. */
SX_API void sx_phi(const sx_activation *phi, int order, int64_t n, const double *x, double *y);
/** <d^order phi(mean + sqrt(variance) z)>, z ~ N(0,1), order 0..3: closed forms for erf, relu, linear and threshold-power of
 *  integer power, else adaptive Gauss-Legendre panels to 1e-12 of the integral of the modulus. For variance > 0 it is the
 *  derivative of the average with respect to the mean, so kinks count (relu, order 2: the density at 0). variance >= 0. */
SX_API double sx_phi_gauss(const sx_activation *phi, int order, double mean, double variance);
/** SX_E_USAGE that names the parameter and its range when one has no meaning for the kind. */
SX_API sx_status sx_phi_check(sx_ctx *ctx, const sx_activation *phi) SX_MUST_USE;
/** LaTeX of phi(u) for an argument. */
SX_API const char *sx_phi_latex(const sx_activation *phi);

#ifdef __cplusplus
}
#endif
#endif
