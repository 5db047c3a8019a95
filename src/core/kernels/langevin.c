// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The continuous Bernoulli law on [-1, 1], density t e^{tx} / (2 sinh t) (Loaiza-Ganem & Cunningham 2019; here with the natural parameter of
 * Spisak & Friston, arXiv 2505.22749): its mean, the Langevin function, and draws by the inverse of its distribution function. Loops over inline
 * functions without branches, like the other elementary functions. */
#include "core/kernels/level.h"
#include "core/kernels/vmath_inline.h"

/* L(t) = coth t - 1/t, one quotient N / D. |t| < 3/2: Lambert's continued fraction t / (3 + t^2 / (5 + t^2 / (7 + ...))) up to 21, off by 2e-18
 * at most. Else, with E = e^{2|t|}, ((|t| - 1)(E - 1) + 2|t|) / (|t| (E - 1)): no term is negative. */
static inline double langevin(double t) {
    double a = sx_vm_abs(t), z = t * t, r, k;
    double P = 4583103525.0 + z * (349188840.0 + z * (6891885.0 + z * (42900.0 + z * 65.0)));
    double Q = 13749310575.0 + z * (1964187225.0 + z * (64324260.0 + z * (675675.0 + z * (2145.0 + z))));
    uint64_t bits;
    double b = a > 0x1p60 ? 0x1p60 : a, twice = b + b; /* NaN passes */
    double p = sx_vm_exp_reduce(twice > 80.0 ? 80.0 : twice, &r, &k, &bits);
    double s = sx_vm_double(((bits & 4095) - 1025) << 52);
    double e = (s - 1.0) + s * (r + p);
    double N = a < 1.5 ? a * P : (b - 1.0) * e + twice;
    double D = a < 1.5 ? Q : b * e;
    return sx_vm_double(sx_vm_bits(N / D) | (sx_vm_bits(t) & SX_VM_SIGN));
}

void SX_K(langevin)(int64_t n, const double *t, double *y) {
    SX_INDEPENDENT
    for (int64_t i = 0; i < n; i++) y[i] = langevin(t[i]);
}

/* x with P(X <= x) = u: for t > 0, x = 1 + ln(u + (1 - u) e^{-2t}) / t, for t < 0 minus that of 1 - u and -t. While q = (1 - u)(e^{-2t} - 1) > -1/2
 * the logarithm is that of 1 + q with the rounding error of the sum, so that nothing is lost for small t; t = 0: 2u - 1. */
static inline double draw(double t, double u) {
    double a = sx_vm_abs(t), r, k;
    uint64_t bits;
    double v = t < 0.0 ? 1.0 - u : u, rest = 1.0 - v;
    double y = -2.0 * a;
    double p = sx_vm_exp_reduce(y < -700.0 ? -700.0 : y, &r, &k, &bits) + r;
    double s = sx_vm_double(((bits & 4095) - 1025) << 52);
    double q = rest * ((s - 1.0) + s * p), one = 1.0 + q;
    double sum = q > -0.5 ? one : v + rest * (s + s * p);
    double low = q > -0.5 ? q - (one - 1.0) : 0.0;
    double x = 1.0 + sx_vm_log_sum(sum, low) / a;
    x = a < 1e-150 ? v + v - 1.0 : x;
    x = x < -1.0 ? -1.0 : x;
    return t < 0.0 ? -x : x;
}

void SX_K(continuous_bernoulli)(int64_t n, const double *t, const double *u, double *x) {
    SX_INDEPENDENT
    for (int64_t i = 0; i < n; i++) x[i] = draw(t[i], u[i]);
}
