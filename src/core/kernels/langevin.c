// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The continuous Bernoulli law on [-1, 1], density t e^{tx} / (2 sinh t) (Loaiza-Ganem & Cunningham 2019; here with the natural parameter of
 * Spisak & Friston, arXiv 2505.22749): its mean, the Langevin function, and draws by the inverse of its distribution function. Loops over inline
 * functions without branches, like the other elementary functions. */
#include "core/kernels/level.h"
#include "core/kernels/vmath_inline.h"

/* L(t) = coth t - 1/t. |t| < 1: t sum_k 2^{2k} B_{2k} / (2k)! t^{2k-2}, whose terms fall by pi^2; else 1 + 2 / (e^{2t} - 1) - 1/t. */
static inline double langevin(double t) {
    double a = sx_vm_abs(t), z = t * t, w = z * z;
    double odd =
        0x1.5555555555555p-2 +
        w * (0x1.1566abc011567p-9 +
             w * (0x1.66a8f2bf70ebep-16 +
                  w * (0x1.d6db2c4e09162p-23 +
                       w * (0x1.355871d652e9ep-29 +
                            w * (0x1.967e1f09c376fp-36 + w * (0x1.0b132d7c6ad06p-42 + w * 0x1.5ef2da4cca26dp-49))))));
    double even =
        -0x1.6c16c16c16c17p-6 + w * (-0x1.bbd779334ef0bp-13 +
                                     w * (-0x1.22805d644267fp-19 +
                                          w * (-0x1.7da4e1f79955cp-26 +
                                               w * (-0x1.f57d968caacf1p-33 +
                                                    w * (-0x1.497d9033a2b5cp-39 +
                                                         w * (-0x1.b0f72d59f1c16p-46 + w * -0x1.1c77df96de38bp-52))))));
    double near = a * (odd + z * even);
    double b = a < 1.0 ? 1.0 : a;
    double far = (1.0 + 2.0 / sx_vm_expm1(b + b)) - 1.0 / b;
    double y = a < 1.0 ? near : far;
    return sx_vm_double(sx_vm_bits(y) | (sx_vm_bits(t) & SX_VM_SIGN));
}

void SX_K(langevin)(int64_t n, const double *t, double *y) {
    SX_INDEPENDENT
    for (int64_t i = 0; i < n; i++) y[i] = langevin(t[i]);
}

/* x with P(X <= x) = u: for t > 0, x = 1 + ln(u + (1 - u) e^{-2t}) / t, for t < 0 minus that of 1 - u and -t. While q = (1 - u)(e^{-2t} - 1) > -1/2
 * the logarithm is ln(1 + q) with the rounding of 1 + q undone (Kahan), so that nothing is lost for small t; t = 0: 2u - 1. */
static inline double draw(double t, double u) {
    double a = sx_vm_abs(t), r, k;
    uint64_t bits;
    double v = t < 0.0 ? 1.0 - u : u, rest = 1.0 - v;
    double y = -2.0 * a;
    y = y < -700.0 ? -700.0 : y;
    double p = sx_vm_exp_reduce(y, &r, &k, &bits);
    double s = sx_vm_double(((bits & 4095) - 1025) << 52), tail;
    double e = s + s * (r + p), em1 = sx_vm_expm1_sum(s, r, p, &tail);
    em1 += tail;
    double q = rest * em1, one = 1.0 + q;
    double sum = q > -0.5 ? one : v + rest * e;
    double log = sx_vm_log_normal(sum, 0.0);
    double back = one - 1.0;
    double plus = back == 0.0 ? q : log * (q / back);
    double l = q > -0.5 ? plus : log;
    double x = 1.0 + l / a;
    x = a < 1e-150 ? v + v - 1.0 : x;
    x = x < -1.0 ? -1.0 : x;
    x = x > 1.0 ? 1.0 : x;
    return t < 0.0 ? -x : x;
}

void SX_K(continuous_bernoulli)(int64_t n, const double *t, const double *u, double *x) {
    SX_INDEPENDENT
    for (int64_t i = 0; i < n; i++) x[i] = draw(t[i], u[i]);
}
