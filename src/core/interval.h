// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Interval arithmetic with outward rounding: the result of an operation contains the exact result for every choice of numbers in its
 * operands (Moore, Kearfott and Cloud, Introduction to Interval Analysis, SIAM 2009). Bounds are computed in round-to-nearest and moved
 * outwards by more than the rounding error: by 1 ulp after + - * / sqrt, by 8 ulp after elementary functions, whose error is at most
 * 2 ulp (vmath.h). An operand without real values (log of a negative interval) gives the whole line. */
#ifndef SX_CORE_INTERVAL_H
#define SX_CORE_INTERVAL_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

/* lo <= hi; infinite ends are allowed. */
typedef struct sx_interval {
    double lo, hi;
} sx_interval;

static inline sx_interval sx_iv(double lo, double hi) {
    return (sx_interval){ lo, hi };
}
static inline sx_interval sx_iv_point(double x) {
    return (sx_interval){ x, x };
}
static inline sx_interval sx_iv_all(void) {
    return (sx_interval){ -HUGE_VAL, HUGE_VAL };
}
static inline double sx_iv_mid(sx_interval a) {
    return 0.5 * a.lo + 0.5 * a.hi;
}
/* Upper bounds of the width and of the largest |x|. */
static inline double sx_iv_width(sx_interval a) {
    return (a.hi - a.lo) * (1 + 0x1p-51);
}
static inline double sx_iv_abs_max(sx_interval a) {
    return fmax(fabs(a.lo), fabs(a.hi));
}
static inline bool sx_iv_has(sx_interval a, double x) {
    return a.lo <= x && x <= a.hi;
}
static inline bool sx_iv_within(sx_interval a, sx_interval b) {
    return b.lo <= a.lo && a.hi <= b.hi;
}
/* a in the interior of b */
static inline bool sx_iv_inside(sx_interval a, sx_interval b) {
    return b.lo < a.lo && a.hi < b.hi;
}
static inline bool sx_iv_meet(sx_interval a, sx_interval b) {
    return a.lo <= b.hi && b.lo <= a.hi;
}
/* Common part of intervals that meet. */
static inline sx_interval sx_iv_common(sx_interval a, sx_interval b) {
    return (sx_interval){ fmax(a.lo, b.lo), fmin(a.hi, b.hi) };
}
static inline sx_interval sx_iv_hull(sx_interval a, sx_interval b) {
    return (sx_interval){ fmin(a.lo, b.lo), fmax(a.hi, b.hi) };
}
/* x - 1 ulp and x + 1 ulp, or a little further; NaN becomes infinite. |x| 2^-52 lies in [1, 2) ulp. */
static inline double sx_iv_down(double x, double ulps) {
    return x >= -HUGE_VAL ? x - (fabs(x) < HUGE_VAL ? fabs(x) * (ulps * 0x1p-52) + 0x1p-1074 : 0) : -HUGE_VAL;
}
static inline double sx_iv_up(double x, double ulps) {
    return x <= HUGE_VAL ? x + (fabs(x) < HUGE_VAL ? fabs(x) * (ulps * 0x1p-52) + 0x1p-1074 : 0) : HUGE_VAL;
}
static inline sx_interval sx_iv_widen(sx_interval a, double ulps) {
    return (sx_interval){ sx_iv_down(a.lo, ulps), sx_iv_up(a.hi, ulps) };
}

static inline sx_interval sx_iv_neg(sx_interval a) {
    return (sx_interval){ -a.hi, -a.lo };
}
static inline sx_interval sx_iv_add(sx_interval a, sx_interval b) {
    return sx_iv_widen(sx_iv(a.lo + b.lo, a.hi + b.hi), 1);
}
static inline sx_interval sx_iv_sub(sx_interval a, sx_interval b) {
    return sx_iv_widen(sx_iv(a.lo - b.hi, a.hi - b.lo), 1);
}
sx_interval sx_iv_mul(sx_interval a, sx_interval b);
sx_interval sx_iv_div(sx_interval a, sx_interval b); /* the whole line when b has 0 */
sx_interval sx_iv_square(sx_interval a);
sx_interval sx_iv_fabs(sx_interval a);

/* Elementary functions; *rough is set where the function has no value, or no derivative, somewhere in the interval. */
sx_interval sx_iv_sqrt(sx_interval a, bool *rough);
sx_interval sx_iv_exp(sx_interval a);
sx_interval sx_iv_expm1(sx_interval a);
sx_interval sx_iv_log(sx_interval a, bool *rough);
sx_interval sx_iv_log1p(sx_interval a, bool *rough);
sx_interval sx_iv_tanh(sx_interval a);
sx_interval sx_iv_sinh(sx_interval a);
sx_interval sx_iv_cosh(sx_interval a);
sx_interval sx_iv_erf(sx_interval a);
sx_interval sx_iv_atan(sx_interval a);
sx_interval sx_iv_sin(sx_interval a);
sx_interval sx_iv_cos(sx_interval a);
sx_interval sx_iv_tan(sx_interval a, bool *rough);

#endif
