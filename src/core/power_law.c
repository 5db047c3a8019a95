// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The slow edge of a density of rates, rho ~ lambda^(s - 1) in a window, by maximum likelihood; a regression of ln N(< lambda) on ln lambda over the window
 * is biased, since it counts no rate below the window. */
#include "core/spectral_density.h"

#include "core/mutant.h"

#include <math.h>

/* 1/(1 - e^-a) - 1/a, between 0 and 1, 1/2 at 0 */
static double mean_place(double a) {
    return fabs(a) < 1e-3 ? 0.5 + a / 12 - a * a * a / 720 : -1 / expm1(-a) - 1 / a;
}

/* Its derivative: the variance of y/L. 1/a^2 - e^a/(e^a - 1)^2 */
static double place_variance(double a) {
    if (fabs(a) < 0.02) return 1.0 / 12 - a * a / 240;
    double s = 2 * sinh(0.5 * a);
    return 1 / (a * a) - 1 / (s * s);
}

sx_status sx_power_law_fit(sx_ctx *ctx, int64_t n, const double *rate, const double *weight, double lower, double upper,
                           sx_power_law *out) {
    if (!(lower > 0 && upper > lower) || !isfinite(upper))
        return SX_FAIL(ctx, SX_E_USAGE, "window of the power law %g to %g: want 0 < lower < upper", lower, upper);
    const double L = log(upper / lower);
    double count = 0, sum = 0;
    int64_t inside = 0;
    for (int64_t i = 0; i < n; ++i)
        if (rate[i] >= lower && rate[i] <= upper) {
            double w = weight ? weight[i] : 1;
            count += w;
            sum += w * log(rate[i] / lower);
            ++inside;
        }
    sx_power_law p = { (double)NAN, (double)NAN, count };
    double place = sum / (count * L);
    if (inside >= 2 && place > 0 && place < 1) {
        /* the mean place grows with a = s L from 0 to 1: it is below -1/a for a < 0 and above 1 - 1/a for a > 0 */
        double low = -1 / place - 1, high = 1 / (1 - place) + 1;
        for (int step = 0; step < 200 && high - low > 1e-15 * fmax(fabs(low), fabs(high)); ++step) {
            double middle = 0.5 * (low + high);
            if (mean_place(middle) < place)
                low = middle;
            else
                high = middle;
        }
        double a = SX_MUTANT(power_law_untruncated) ? -1 / place : 0.5 * (low + high); /* Hill's estimator */
        p.exponent = a / L - 1;
        p.se = 1 / (L * sqrt(count * place_variance(a)));
    }
    *out = p;
    return SX_OK;
}

/* x^-s gamma(s, x): series e^-x sum_k x^k / (s (s+1) ... (s+k)) of positive terms below s + 1; above, Gamma(s) x^-s minus Legendre's continued fraction of the
 * upper function (Abramowitz and Stegun 6.5.29, 6.5.31). */
static double scaled_gamma(double s, double x) {
    if (x < s + 1) {
        double term = 1 / s, sum = term;
        for (int k = 1; k < 10000 && term > 1e-17 * sum; ++k) {
            term *= x / (s + k);
            sum += term;
        }
        return exp(-x) * sum;
    }
    double b = x + 1 - s, c = 1e300, d = 1 / b, h = d;
    for (int k = 1; k < 10000; ++k) {
        double an = -k * (k - s);
        b += 2;
        d = 1 / (an * d + b);
        c = b + an / c;
        h *= d * c;
        if (fabs(d * c - 1) < 1e-16) break;
    }
    int sign;
    return exp(lgamma_r(s, &sign) - s * log(x)) - exp(-x) * h;
}

double sx_power_law_kernel(double exponent, double lower, double upper, double t) {
    double s = 1 + exponent;
    if (!(s > 0) || !(lower >= 0) || !(upper > lower) || !(t >= 0)) return (double)NAN;
    /* t^-s gamma(s, u t) = u^s (u t)^-s gamma(s, u t), with all in units of upper */
    double ratio = pow(lower / upper, s);
    return s * (scaled_gamma(s, upper * t) - ratio * scaled_gamma(s, lower * t)) / (1 - ratio);
}
