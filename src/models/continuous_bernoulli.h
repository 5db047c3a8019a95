// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The continuous Bernoulli law on [-1, 1], density t e^{tx} / (2 sinh t), stable for every t (theory: Spisak & Friston, arXiv 2505.22749). */
#ifndef SX_MODELS_CONTINUOUS_BERNOULLI_H
#define SX_MODELS_CONTINUOUS_BERNOULLI_H

#include <stdint.h>

/* y = d^order L / dt^order, order 0 to 3, of the mean L(t) = coth t - 1/t; order 1 is the variance. y may equal t. */
void sx_langevin(int order, int64_t n, const double *t, double *y);
/* psi(t) = ln(2 sinh(t) / t), psi' = L */
double sx_cb_log_partition(double t);
/* psi(t) - t L(t); negative for |t| > 2.63 */
double sx_cb_entropy(double t);
/* KL of the law of q from the law of t: psi(t) - psi(q) + (q - t) L(q) */
double sx_cb_divergence(double q, double t);

#endif
