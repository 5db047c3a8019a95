// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Statistics of samples: sums in the order of the indices, an error beside every number. */
#include "core/stats.h"

#include "core/mutant.h"

#include <math.h>

static const double undefined = (double)NAN;

void sx_mean_se(int64_t n, const double *x, double *mean, double *se) {
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < n; ++i) sum += x[i];
    *mean = n > 0 ? sum / (double)n : undefined;
    for (int64_t i = 0; i < n; ++i) squares += (x[i] - *mean) * (x[i] - *mean);
    /* se^2 = sum (x - mean)^2 / (n (n - 1)) */
    *se = n > 1 ? sqrt(squares / ((double)n * (double)(n - !SX_MUTANT(mean_se_n)))) : undefined;
}

/* With m_r = sum_r / S, q_r = sumsq_r / S and R replicas of S samples:
 *     mean       = (1/R) sum_r m_r
 *     mean_se^2  = sum_r (m_r - mean)^2 / (R (R - 1))
 *     variance   = (1/R) sum_r q_r - mean^2 + mean_se^2                     since E (x - mean)^2 = variance - Var(mean)
 *     variance_se^2 = (R - 1)/R sum_r (v_r - vbar)^2                        jackknife (Quenouille, Tukey):
 *     v_r = (Q - q_r)/(R - 1) - ((M - m_r)/(R - 1))^2                       the plain variance without replica r
 * All with x - mean in the place of x, so that a large mean costs no digits beyond those that the sums have lost. */
void sx_pooled_moments(int64_t replicas, int64_t samples, const double *sum, const double *sumsq, double *mean,
                       double *mean_se, double *variance, double *variance_se) {
    const double R = (double)replicas, S = (double)samples;
    if (replicas < 1 || samples < 1) {
        *mean = *mean_se = *variance = *variance_se = undefined;
        return;
    }
    double total = 0;
    for (int64_t r = 0; r < replicas; ++r) total += sum[r] / S;
    const double grand = total / R;
    double m2 = 0, M = 0, Q = 0;
    for (int64_t r = 0; r < replicas; ++r) {
        double raw = sum[r] / S, m = raw - grand;
        m2 += m * m;
        M += m;
        Q += sumsq[r] / S - grand * (2 * raw - grand);
    }
    *mean = grand;
    if (replicas < 2) { /* the variance of the mean is unknown */
        *variance = *mean_se = *variance_se = undefined;
        return;
    }
    *mean_se = sqrt(m2 / (R * (R - 1)));
    if (SX_MUTANT(stats_independent)) *mean_se = sqrt(Q / R / (R * S));
    *variance = Q / R - (M / R) * (M / R) + (SX_MUTANT(variance_biased) ? 0 : *mean_se * *mean_se);

    double vbar = 0, spread = 0;
    for (int pass = 0; pass < 2; ++pass) {
        for (int64_t r = 0; r < replicas; ++r) {
            double raw = sum[r] / S, m = raw - grand, q = sumsq[r] / S - grand * (2 * raw - grand);
            double mu = (M - m) / (R - 1), v = (Q - q) / (R - 1) - mu * mu;
            if (pass == 0)
                vbar += v / R;
            else
                spread += (v - vbar) * (v - vbar);
        }
    }
    *variance_se = sqrt((R - 1) / R * spread);
}

/* Batch means: batches much longer than the correlation time are as good as independent. Fewer than 30 give no error. */
void sx_batch_moments(int64_t batches, int64_t samples, const double *sum, const double *sumsq, double *mean,
                      double *mean_se, double *variance, double *variance_se) {
    sx_pooled_moments(batches, samples, sum, sumsq, mean, mean_se, variance, variance_se);
    if (batches < 30) *mean_se = *variance_se = undefined;
}

double sx_normal_p(double z) {
    return erfc(fabs(z) * 0.70710678118654752440); /* P(|Z| > |z|) = erfc(|z| / sqrt 2) */
}

/* Regularised upper incomplete gamma function Q(a, x): series of P = 1 - Q below x = a + 1, Legendre's continued fraction by
 * Lentz's method above (Abramowitz and Stegun 6.5.29, 6.5.31). */
static double gamma_q(double a, double x) {
    if (!(x > 0)) return isnan(x) ? undefined : 1;
    if (isinf(x)) return 0;
    int sign;
    double front = exp(a * log(x) - x - lgamma_r(a, &sign));
    if (x < a + 1) {
        double term = 1 / a, sum = term;
        for (int k = 1; k < 100000 && fabs(term) > 1e-17 * fabs(sum); ++k) {
            term *= x / (a + k);
            sum += term;
        }
        return 1 - front * sum;
    }
    const double tiny = 1e-300;
    double b = x + 1 - a, c = 1 / tiny, d = 1 / b, h = d;
    for (int k = 1; k < 100000; ++k) {
        double an = -k * (k - a);
        b += 2;
        d = an * d + b;
        if (fabs(d) < tiny) d = tiny;
        c = b + an / c;
        if (fabs(c) < tiny) c = tiny;
        d = 1 / d;
        h *= d * c;
        if (fabs(d * c - 1) < 1e-16) break;
    }
    return front * h;
}

double sx_chi2_p(double x, double k) {
    return k > 0 ? gamma_q(0.5 * k, 0.5 * x) : undefined;
}

/* P(D_n > d) with Stephens' correction lambda = (sqrt n + 0.12 + 0.11/sqrt n) d (J. R. Stat. Soc. B 32 (1970) 115) of Kolmogorov's
 *     Q(lambda) = 2 sum_j (-1)^(j-1) e^{-2 j^2 lambda^2} = 1 - sqrt(2 pi)/lambda sum_j e^{-(2j-1)^2 pi^2 / (8 lambda^2)},
 * the first for large lambda, the second for small. */
double sx_ks_p(double d, double n) {
    const double pi = 3.14159265358979323846, root = sqrt(n), lambda = (root + 0.12 + 0.11 / root) * d;
    if (isnan(lambda)) return undefined;
    if (lambda <= 0.04) return 1; /* 1 - Q < 1e-300 */
    double sum = 0;
    if (lambda < 1) {
        for (int j = 1; j <= 9; ++j) sum += exp(-(2 * j - 1) * (2 * j - 1) * pi * pi / (8 * lambda * lambda));
        return 1 - sqrt(2 * pi) / lambda * sum;
    }
    for (int j = 1; j <= 9; ++j) sum += (j % 2 ? 2 : -2) * exp(-2.0 * j * j * lambda * lambda);
    return sum;
}

/* Maximum likelihood for exponential times: rate = events / exposure, se = rate / sqrt(events) from the Fisher information. Without
 * an event the rate is 0 and its error unknown. */
void sx_censored_rate(int64_t n_events, double exposure, double *rate, double *se) {
    bool known = n_events >= 0 && exposure > 0;
    *rate = known ? (double)n_events / exposure : undefined;
    *se = known && n_events > 0 ? sqrt((double)n_events) / exposure : undefined;
}

/* Regularised incomplete beta function I_x(a, b): continued fraction by Lentz's method (Numerical Recipes, 6.4), used where it converges
 * fast, x < (a + 1)/(a + b + 2), else I_x(a, b) = 1 - I_{1-x}(b, a). */
static double beta_fraction(double a, double b, double x) {
    const double tiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < tiny ? tiny : d);
    double h = d;
    for (int m = 1; m <= 10000; ++m) {
        for (int odd = 0; odd < 2; ++odd) {
            double f = odd ? -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
                           : m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
            d = 1 + f * d;
            c = 1 + f / c;
            d = 1 / (fabs(d) < tiny ? tiny : d);
            c = fabs(c) < tiny ? tiny : c;
            h *= c * d;
        }
        if (fabs(c * d - 1) < 1e-15) break;
    }
    return h;
}
static double beta_regular(double a, double b, double x) {
    if (!(x > 0)) return 0;
    if (!(x < 1)) return 1;
    double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
    return x < (a + 1) / (a + b + 2) ? front * beta_fraction(a, b, x) / a : 1 - front * beta_fraction(b, a, 1 - x) / b;
}
static double beta_quantile(double a, double b, double p) {
    double lo = 0, hi = 1;
    for (int k = 0; k < 200 && hi - lo > 1e-16 * hi; ++k) {
        double x = 0.5 * (lo + hi);
        if (beta_regular(a, b, x) < p)
            lo = x;
        else
            hi = x;
    }
    return 0.5 * (lo + hi);
}

/* P(X >= k | p) = I_p(k, n - k + 1). */
void sx_binomial_interval(int64_t k, int64_t n, double alpha, double *lo, double *hi) {
    *lo = k > 0 ? beta_quantile((double)k, (double)(n - k + 1), 0.5 * alpha) : 0;
    *hi = k < n ? beta_quantile((double)(k + 1), (double)(n - k), 1 - 0.5 * alpha) : 1;
}
