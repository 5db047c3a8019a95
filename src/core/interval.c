// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
#include "core/interval.h"

#include <separatrix/vmath.h>

#define ULPS 8

/* 0 times infinity is 0: an infinite end stands for arbitrarily large numbers, not for one. */
static double times(double x, double y) {
    return x == 0 || y == 0 ? 0 : x * y;
}
static double least(double x, double y) {
    return x < y ? x : y;
}
static double most(double x, double y) {
    return x > y ? x : y;
}

sx_interval sx_iv_mul(sx_interval a, sx_interval b) {
    sx_interval out;
    if ((a.lo == 0 && a.hi == 0) || (b.lo == 0 && b.hi == 0)) return sx_iv_point(0);
    if (a.lo >= 0 && b.lo >= 0) {
        out = sx_iv(times(a.lo, b.lo), times(a.hi, b.hi));
    } else {
        double p = times(a.lo, b.lo), q = times(a.lo, b.hi), r = times(a.hi, b.lo), s = times(a.hi, b.hi);
        out = sx_iv(least(least(p, q), least(r, s)), most(most(p, q), most(r, s)));
    }
    return sx_iv_widen(out, 1);
}

sx_interval sx_iv_div(sx_interval a, sx_interval b) {
    if (!(b.lo > 0 || b.hi < 0)) return sx_iv_all();
    return sx_iv_mul(a, sx_iv_widen(sx_iv(1 / b.hi, 1 / b.lo), 1));
}

sx_interval sx_iv_square(sx_interval a) {
    double p = a.lo * a.lo, q = a.hi * a.hi;
    double lo = a.lo > 0 ? p : a.hi < 0 ? q : 0;
    return (sx_interval){ lo > 0 ? fmax(sx_iv_down(lo, 1), 0) : 0, sx_iv_up(fmax(p, q), 1) };
}

sx_interval sx_iv_fabs(sx_interval a) {
    if (a.lo >= 0) return a;
    return a.hi <= 0 ? sx_iv_neg(a) : sx_iv(0, fmax(-a.lo, a.hi));
}

/* Increasing functions by their ends, kept within the range of the function. */
static sx_interval increasing(sx_interval a, double (*f)(double), double least, double most) {
    sx_interval y = sx_iv_widen(sx_iv(f(a.lo), f(a.hi)), ULPS);
    return sx_iv(fmax(y.lo, least), fmin(y.hi, most));
}

sx_interval sx_iv_sqrt(sx_interval a, bool *rough) {
    if (!(a.lo > 0)) *rough = true;
    if (a.hi < 0) return sx_iv_all();
    return sx_iv(a.lo > 0 ? fmax(sx_iv_down(sqrt(a.lo), 1), 0) : 0, sx_iv_up(sqrt(a.hi), 1));
}
sx_interval sx_iv_exp(sx_interval a) {
    return increasing(a, sx_exp, 0, HUGE_VAL);
}
sx_interval sx_iv_expm1(sx_interval a) {
    return increasing(a, sx_expm1, -1, HUGE_VAL);
}
sx_interval sx_iv_log(sx_interval a, bool *rough) {
    if (!(a.lo > 0)) *rough = true;
    if (!(a.hi > 0)) return sx_iv_all();
    return sx_iv(a.lo > 0 ? sx_iv_down(sx_log1(a.lo), ULPS) : -HUGE_VAL, sx_iv_up(sx_log1(a.hi), ULPS));
}
/* log(1 + x) by the C library: below 1 ulp in every one in use. */
sx_interval sx_iv_log1p(sx_interval a, bool *rough) {
    if (!(a.lo > -1)) *rough = true;
    if (!(a.hi > -1)) return sx_iv_all();
    return sx_iv(a.lo > -1 ? sx_iv_down(log1p(a.lo), ULPS) : -HUGE_VAL, sx_iv_up(log1p(a.hi), ULPS));
}
sx_interval sx_iv_tanh(sx_interval a) {
    return increasing(a, sx_tanh, -1, 1);
}
sx_interval sx_iv_erf(sx_interval a) {
    return increasing(a, sx_erf, -1, 1);
}
sx_interval sx_iv_sinh(sx_interval a) {
    return increasing(a, sinh, -HUGE_VAL, HUGE_VAL);
}
sx_interval sx_iv_atan(sx_interval a) {
    return increasing(a, atan, -1.5707963267948968, 1.5707963267948968);
}
sx_interval sx_iv_cosh(sx_interval a) {
    sx_interval m = sx_iv_fabs(a);
    return sx_iv(fmax(sx_iv_down(cosh(m.lo), ULPS), 1), sx_iv_up(cosh(m.hi), ULPS));
}

/* Whether some c + k p, k whole, may lie in a: the rounding of the quotients is below 1e-9 for |x| < 1e6. */
static bool may_have(sx_interval a, double c, double p) {
    return floor((a.hi - c) / p + 1e-9) >= ceil((a.lo - c) / p - 1e-9);
}

static const double pi = 3.14159265358979323846;

/* Extremes at the ends, or at the maxima and minima inside. Beyond 1e6 the reduction of the argument is not followed. */
static sx_interval wave(sx_interval a, double (*f)(double), double top) {
    if (!(sx_iv_abs_max(a) < 1e6) || a.hi - a.lo >= 2 * pi) return sx_iv(-1, 1);
    double p = f(a.lo), q = f(a.hi);
    sx_interval y = sx_iv_widen(sx_iv(fmin(p, q), fmax(p, q)), ULPS);
    if (y.hi > 1 || may_have(a, top, 2 * pi)) y.hi = 1;
    if (y.lo < -1 || may_have(a, top + pi, 2 * pi)) y.lo = -1;
    return y;
}
sx_interval sx_iv_sin(sx_interval a) {
    return wave(a, sin, pi / 2);
}
sx_interval sx_iv_cos(sx_interval a) {
    return wave(a, cos, 0);
}
sx_interval sx_iv_tan(sx_interval a, bool *rough) {
    if (!(sx_iv_abs_max(a) < 1e6) || may_have(a, pi / 2, pi)) {
        *rough = true;
        return sx_iv_all();
    }
    return sx_iv_widen(sx_iv(tan(a.lo), tan(a.hi)), ULPS);
}
