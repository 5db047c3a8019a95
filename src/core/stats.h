// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Statistics of samples: fixed summation order, errors beside every number. */
#ifndef SX_CORE_STATS_H
#define SX_CORE_STATS_H

#include <separatrix/context.h>

/* Mean and its standard error of n independent numbers (n < 2: se = NaN). */
void sx_mean_se(int64_t n, const double *x, double *mean, double *se);
/* Pooled mean and variance of `replicas` independent replicas, each with `samples` correlated samples given by its sums
 * sum[r], sumsq[r]: mean = grand mean; variance = pooled over all samples, about the grand mean, corrected by the variance of the
 * mean; their standard errors from the spread between replicas (jackknife for the variance). replicas >= 2. */
void sx_pooled_moments(int64_t replicas, int64_t samples, const double *sum, const double *sumsq, double *mean,
                       double *mean_se, double *variance, double *variance_se);
/* The same from one replica by batch means: batches >= 30 sums of `samples` each. */
void sx_batch_moments(int64_t batches, int64_t samples, const double *sum, const double *sumsq, double *mean,
                      double *mean_se, double *variance, double *variance_se);
/* Two-sided normal p-value of z; chi-square upper tail P(X > x) with k degrees of freedom; Kolmogorov distribution tail. */
double sx_normal_p(double z);
double sx_chi2_p(double x, double k);
double sx_ks_p(double d, double n);
/* Kaplan-Meier-free mean of exponential first passages with right censoring: n_events events, total exposure time; rate and se. */
void sx_censored_rate(int64_t n_events, double exposure, double *rate, double *se);
/* Exact interval of a probability after k successes in n trials (Clopper and Pearson 1934), each side missed with alpha/2 at most. */
void sx_binomial_interval(int64_t k, int64_t n, double alpha, double *lo, double *hi);

#endif
