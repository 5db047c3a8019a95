// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Functions of one double that equations have beside those of vmath_inline.h, under the same rules: the evaluator works in blocks with
 * the same steps in the same order, and the C that is generated for a user's equations holds this text, so that both give the same
 * bits. */
#ifndef SX_MODELS_EQUATIONS_INLINE_H
#define SX_MODELS_EQUATIONS_INLINE_H

#ifndef SX_CORE_KERNELS_VMATH_INLINE_H /* generated C holds that text already */
#include "core/kernels/vmath_inline.h"
#endif

/* |size| with the sign of x */
static inline double sx_eq_with_sign(double size, double x) {
    return sx_vm_double((sx_vm_bits(size) & ~SX_VM_SIGN) | (sx_vm_bits(x) & SX_VM_SIGN));
}

/* y = (x - n pi)/pi, |y| <= 1/2, the difference in three parts of 33 bits: n pi is exact up to n = 2^20. Beyond 2^30 the error of x
 * itself rules. *sign = (-1)^n. */
static inline double sx_eq_half_turns(double x, double *sign) {
    double near = sx_vm_abs(x) < 0x1p30 ? x : 0.0;
    double t = near * 0x1.45f306dc9c883p-2 + SX_VM_MAGIC, m = t - SX_VM_MAGIC;
    *sign = sx_vm_bits(t) & 1 ? -1.0 : 1.0;
    return (((x - m * 0x1.921fb544p+1) - m * 0x1.0b4611a6p-33) - m * 0x1.3198a2e037073p-68) * 0x1.45f306dc9c883p-2;
}
static inline double sx_eq_sin(double x) {
    double sign, s, c, y = sx_eq_half_turns(x, &sign);
    sx_vm_sincospi(y, &s, &c);
    return s * sign;
}
static inline double sx_eq_cos(double x) {
    double sign, s, c, y = sx_eq_half_turns(x, &sign);
    sx_vm_sincospi(y, &s, &c);
    return c * sign;
}
static inline double sx_eq_tan(double x) {
    double sign, s, c, y = sx_eq_half_turns(x, &sign);
    sx_vm_sincospi(y, &s, &c);
    return (s * sign) / (c * sign);
}

/* atan a = atan c + atan((a - c)/(1 + a c)), c = 0, 1/2, 1, 3/2, inf; |z| <= 7/16: z + z^3 P(z^2), P of degree 10 (Chebyshev
 * interpolation at 60 digits, relative error below 2^-55). */
static inline double sx_eq_atan(double x) {
    double a = sx_vm_abs(x);
    double above = -1.0, below = a, high = 0x1.921fb54442d18p+0, low = 0x1.1a62633145c07p-54;
    above = a < 2.4375 ? a - 1.5 : above;
    below = a < 2.4375 ? 1.0 + 1.5 * a : below;
    high = a < 2.4375 ? 0x1.f730bd281f69bp-1 : high;
    low = a < 2.4375 ? 0x1.007887af0cbbdp-56 : low;
    above = a < 1.1875 ? a - 1.0 : above;
    below = a < 1.1875 ? a + 1.0 : below;
    high = a < 1.1875 ? 0x1.921fb54442d18p-1 : high;
    low = a < 1.1875 ? 0x1.1a62633145c07p-55 : low;
    above = a < 0.6875 ? 2.0 * a - 1.0 : above;
    below = a < 0.6875 ? 2.0 + a : below;
    high = a < 0.6875 ? 0x1.dac670561bb4fp-2 : high;
    low = a < 0.6875 ? 0x1.a2b7f222f65e2p-56 : low;
    above = a <= 0.4375 ? a : above;
    below = a <= 0.4375 ? 1.0 : below;
    high = a <= 0.4375 ? 0.0 : high;
    low = a <= 0.4375 ? 0.0 : low;
    double z = above / below, w = z * z, p = -0x1.1f7e7048b0a6fp-6;
    p = p * w + 0x1.35dd3ba3a06adp-5;
    p = p * w + -0x1.9c616e7e61a95p-5;
    p = p * w + 0x1.df0bad09fa62cp-5;
    p = p * w + -0x1.10ed20cc03917p-4;
    p = p * w + 0x1.3b1161c0261b4p-4;
    p = p * w + -0x1.745cff64fb1e8p-4;
    p = p * w + 0x1.c71c71366bfc2p-4;
    p = p * w + -0x1.24924923b09bfp-3;
    p = p * w + 0x1.9999999998863p-3;
    p = p * w + -0x1.5555555555554p-2;
    double y = high + (z + (z * w * p + low));
    y = a <= 0x1p60 ? y : 0x1.921fb54442d18p+0;
    return x != x ? x : sx_eq_with_sign(y, x);
}

/* log(1 + x) = log u + (x - (u - 1))/u, u = 1 + x rounded; the second term */
static inline double sx_eq_log1p_rest(double x, double u) {
    double rest = (x - (u - 1.0)) / u;
    rest = u > 0.0 ? rest : 0.0;
    return u < SX_VM_INF ? rest : 0.0;
}
static inline double sx_eq_log1p(double x) {
    double u = 1.0 + x;
    return sx_vm_log(u) + sx_eq_log1p_rest(x, u);
}

/* with e = exp|x| - 1: sinh|x| = (e + e/(e + 1))/2; with E = exp|x|: cosh x = (E + 1/E)/2 */
static inline double sx_eq_sinh_of(double e, double x) {
    return sx_eq_with_sign(0.5 * (e + (e > 0x1p60 ? 1.0 : e / (e + 1.0))), x);
}
static inline double sx_eq_sinh(double x) {
    return sx_eq_sinh_of(sx_vm_expm1(sx_vm_abs(x)), x);
}
static inline double sx_eq_cosh_of(double E) {
    return 0.5 * (E + 1.0 / E);
}
static inline double sx_eq_cosh(double x) {
    return sx_eq_cosh_of(sx_vm_exp(sx_vm_abs(x)));
}

/* x^e = exp(e log x); x^0 = 1 */
static inline double sx_eq_power_of(double log_x, double e) {
    return e == 0.0 ? 0.0 : e * log_x;
}
static inline double sx_eq_power(double x, double e) {
    return sx_vm_exp(sx_eq_power_of(sx_vm_log(x), e));
}

static inline double sx_eq_sign(double x) {
    return x > 0.0 ? 1.0 : x < 0.0 ? -1.0 : x * 0.0;
}
static inline double sx_eq_heaviside(double x) {
    return x > 0.0 ? 1.0 : x <= 0.0 ? 0.0 : x;
}
/* 0 where a is 0, whatever b */
static inline double sx_eq_mulz(double a, double b) {
    return a == 0.0 ? 0.0 : a * b;
}

#endif
