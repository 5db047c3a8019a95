// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Elementary functions of one double, to be inlined into loops that the compiler vectorises. Self-contained: the library includes
 * it, and so does the C that is generated for a user's equations, so that both give the same bits.
 *
 * Only + - * / sqrt, bit casts, 64-bit integer add, and, or, xor and shift, and selects; no branch, no table, no fused multiply-add
 * (compile with -ffp-contract=off). Under these rules every vector width and compiler rounds the same operations in the same
 * order. Polynomials are minimax (Remez at 300 bits, weights in tools/make_vmath_tables.py); reductions follow fdlibm. */
#ifndef SX_CORE_KERNELS_VMATH_INLINE_H
#define SX_CORE_KERNELS_VMATH_INLINE_H

#include <stdint.h>
#include <string.h>

#define SX_VM_SIGN  UINT64_C(0x8000000000000000)
#define SX_VM_INF   __builtin_inf()
#define SX_VM_MAGIC 0x1.8p52 /* t = y + MAGIC: the low bits of t hold rint(y), t - MAGIC is rint(y), |y| < 2^51 */

static inline uint64_t sx_vm_bits(double x) {
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static inline double sx_vm_double(uint64_t u) {
    double x;
    memcpy(&x, &u, sizeof x);
    return x;
}

static inline double sx_vm_abs(double x) {
    return sx_vm_double(sx_vm_bits(x) & ~SX_VM_SIGN);
}

/* x = k ln 2 + r + c, |r| <= ln(2)/2, c the rounding error of r, |x| < 800. The low 12 bits of *k are k + 2048. Returns
 * q = e^(r+c) - 1 - r, so that e^x = 2^k (1 + r + q). */
static inline double sx_vm_exp_reduce(double x, double *r, double *k_real, uint64_t *k) {
    const double magic = SX_VM_MAGIC + 2048.0;
    double t = x * 0x1.71547652b82fep+0 + magic;
    double n = t - magic;
    double hi = x - n * 0x1.62e42fefa3000p-1; /* exact: 41 bits times 11 bits */
    double lo = n * 0x1.3de6af278ece6p-42;
    double y = hi - lo;
    double c = (hi - y) - lo;
    double z = y * y;
    double even = 0x1.555555555555ap-3 +
                  z * (0x1.111111110f0a0p-7 +
                       z * (0x1.a01a01b2d019ap-13 + z * (0x1.71ddf03dda552p-19 + z * 0x1.af6d940a981cdp-26)));
    double odd =
        0x1.5555555553ab3p-5 + z * (0x1.6c16c17a20603p-10 + z * (0x1.a019b325dc34dp-16 + z * 0x1.2897e7c408dbep-22));
    *r = y;
    *k_real = n;
    *k = sx_vm_bits(t);
    return z * (0.5 + y * (even + y * odd)) + c;
}

static inline double sx_vm_exp(double x) {
    double r, n;
    uint64_t k;
    x = x > 710.0 ? 710.0 : x; /* NaN passes */
    x = x < -746.0 ? -746.0 : x;
    double q = sx_vm_exp_reduce(x, &r, &n, &k);
    /* 2^k in two factors: subnormal results round once, overflow gives inf */
    uint64_t kb = k & 4095, k1 = kb >> 1, k2 = kb - k1;
    return (1.0 + (r + q)) * sx_vm_double((k1 - 1) << 52) * sx_vm_double((k2 - 1) << 52);
}

/* e^x - 1 = (2^k - 1 + 2^k r) + 2^k q = t + tail, t the bracket, tail with its rounding error (fast two-sum: |2^k - 1| >= |2^k r|
 * or 2^k = 1). s = 2^k. */
static inline double sx_vm_expm1_sum(double s, double r, double q, double *tail) {
    double a = s - 1.0, b = s * r;
    double t = a + b;
    *tail = ((a - t) + b) + s * q;
    return t;
}

static inline double sx_vm_expm1(double x) {
    double r, n;
    uint64_t k;
    double y = x > 710.0 ? 710.0 : x;
    y = y < -40.0 ? -40.0 : y;
    double q = sx_vm_exp_reduce(y, &r, &n, &k);
    /* k = 1024: half the scale, doubled at the end */
    uint64_t kb = k & 4095, top = (kb + 1024) >> 12;
    double s = sx_vm_double((kb - 1025 - top) << 52);
    double huge = (s + s * (r + q)) * 2.0;
    double tail, t = sx_vm_expm1_sum(s, r, q, &tail);
    double e = t + tail;
    e = n > 1023.0 ? huge : e;
    return sx_vm_double(sx_vm_bits(e) | (sx_vm_bits(x) & SX_VM_SIGN)); /* -0 stays -0 */
}

/* a = |x| = k ln(2)/2 + h, -0.144 < h < 0.203 (k = 2 begins at tanh a = 1/2, where the errors of N and D would add up most);
 * T = tanh h = h/R, R = h coth h = 1 + h^2 P(h^2). By the addition formula, with s = 2^k,
 *   tanh a = ((s-1) R + (s+1) h) / ((s+1) R + (s-1) h) = N / (N + 2 (R - h)): one division, exactly 1 for large a.
 * N sums (s-1) + s h with its rounding error, h, (s-1)(R-1) and s c; c is 3/2 of the low part of
 * -k ln(2)/2: s c is then the (s+1) low of the formula at s = 2, where it counts. In D the 2 is added last for
 * k < 2, where N + 2 (R-1-h) is small or nearly exact, and first above, where the errors of N and D must be one. */
static inline double sx_vm_tanh(double x) {
    const double magic = SX_VM_MAGIC + 1023.0; /* the low bits of t are the exponent field of s */
    double a = sx_vm_abs(x);
    a = a > 20.0 ? 20.0 : a; /* NaN passes */
    double t = (a * 0x1.71547652b82fep+1 - 0.085) + magic;
    double k = t - magic;
    double s = sx_vm_double(sx_vm_bits(t) << 52);
    double h = a - k * 0x1.62e42fefa39efp-2; /* exact for k < 3; the error fades as 1 - tanh^2 above */
    double c = k * -0x1.40d76ac6b202fp-56;
    double z = h * h;
    double P = 0x1.55555555554e4p-2 +
               z * (-0x1.6c16c16b7ef5ap-6 +
                    z * (0x1.1566a9ade37dap-9 + z * (-0x1.bbd1282b10640p-13 + z * 0x1.624822430ae97p-16)));
    double R1 = z * P, s1 = s - 1.0, b = s * h;
    double m = s1 + b;
    double N = m + ((((s1 - m) + b) + h) + (s1 * R1 + s * c));
    double w = R1 - h;
    w = w + w;
    double first = k > 1.5 ? w + 2.0 : w, last = k > 1.5 ? 0.0 : 2.0;
    double D = (N + first) + last;
    return sx_vm_double(sx_vm_bits(N / D) | (sx_vm_bits(x) & SX_VM_SIGN));
}

/* log(2^k (1 + f)), sqrt(1/2) <= 1 + f < sqrt 2: with s = f/(2 + f), log(1 + f) = f - (f^2/2 - s (f^2/2 + R)), R = s^2 P(s^2) (fdlibm). */
static inline double sx_vm_log_reduced(double k, double f) {
    double s = f / (2.0 + f);
    double z = s * s, w = z * z;
    double odd =
        0x1.5555555555593p-1 + w * (0x1.2492494217af5p-2 + w * (0x1.7466462f9c870p-3 + w * 0x1.2f0d91cc394cbp-3));
    double even = 0x1.999999997fb31p-2 + w * (0x1.c71c51e7e93bbp-3 + w * 0x1.39a0f4b2019f3p-3);
    double h = 0.5 * f * f;
    double R = z * (odd + z * even);
    return k * 0x1.62e42fefa3000p-1 - ((h - (s * (h + R) + k * 0x1.3de6af278ece6p-42)) - f);
}

/* A positive normal x as 2^k (1 + f). */
static inline double sx_vm_log_reduce(double x, double *k) {
    const uint64_t root = UINT64_C(0x3fe6a09e00000000);
    uint64_t t = sx_vm_bits(x) + (UINT64_C(0x3ff0000000000000) - root);
    *k = sx_vm_double((t >> 52) | UINT64_C(0x4330000000000000)) - (0x1p52 + 1023.0);
    return sx_vm_double((t & UINT64_C(0x000fffffffffffff)) + root) - 1.0;
}

/* Natural logarithm of a positive normal x times 2^-shift. */
static inline double sx_vm_log_normal(double x, double shift) {
    double k, f = sx_vm_log_reduce(x, &k);
    return sx_vm_log_reduced(k - shift, f);
}

/* log(x + low), low the rounding error of x; low = 0 unless 1/2 < x < sqrt 2. */
static inline double sx_vm_log_sum(double x, double low) {
    double k, f = sx_vm_log_reduce(x, &k);
    return sx_vm_log_reduced(k, f + low * (1.0 - k)); /* 2^-k = 1 - k for k = 0, -1 */
}

static inline double sx_vm_log(double x) {
    double shift = x < 0x1p-1022 ? 54.0 : 0.0;
    double y = x < 0x1p-1022 ? x * 0x1p54 : x;
    double l = sx_vm_log_normal(y, shift);
    l = x < SX_VM_INF ? l : x + x; /* inf and NaN */
    l = x < 0.0 ? sx_vm_double(UINT64_C(0x7ff8000000000000)) : l;
    return x == 0.0 ? -SX_VM_INF : l;
}

/* sin(pi x), cos(pi x) for |x| < 2^50: x = n/2 + r, |r| <= 1/4, sin(pi r) = pi r + r^3 S(r^2), cos(pi r) = 1 + r^2 C(r^2) */
static inline void sx_vm_sincospi_near(double x, double *s, double *c) {
    double t = (x + x) + SX_VM_MAGIC;
    double n = t - SX_VM_MAGIC;
    uint64_t k = sx_vm_bits(t);
    double r = x - 0.5 * n; /* exact */
    double z = r * r, w = z * z;
    double S = (-0x1.4abbce625be47p+2 + w * (-0x1.32d2cce332e2cp-1 + w * -0x1.e300a604dfccep-8)) +
               z * (0x1.466bc67758d81p+1 + w * (0x1.5078301b0dc0fp-4 + w * 0x1.e403b0d64684dp-12));
    double C = (-0x1.3bd3cc9be45dep+2 +
                w * (-0x1.55d3c7e3c95b7p+0 + w * (-0x1.a6d1ecb6ce8a6p-6 + w * -0x1.b26fcbad5b61fp-14))) +
               z * (0x1.03c1f081b5ab0p+2 + w * (0x1.e1f50683b3a38p-3 + w * 0x1.f9cc6a7428756p-10));
    uint64_t sr = sx_vm_bits(r * 0x1.921fb54442d18p+1 + r * (0x1.1a62633145c07p-53 + z * S));
    uint64_t cr = sx_vm_bits(1.0 + z * C);
    /* odd quarter turns swap sine and cosine; bit 1 of n and of n + 1 are the signs */
    uint64_t m = UINT64_C(0) - (k & 1);
    *s = sx_vm_double(((sr & ~m) | (cr & m)) ^ ((k & 2) << 62));
    *c = sx_vm_double(((cr & ~m) | (sr & m)) ^ (((k + 1) & 2) << 62));
}

/* IEEE 754-2019 sinPi, cosPi: sin(pi n) = +-0 with the sign of n, cos(pi (n + 1/2)) = +0 */
static inline void sx_vm_sincospi(double x, double *s, double *c) {
    double a = sx_vm_abs(x), sa, ca;
    double even = 2.0 * ((0.5 * a + 0x1p52) - 0x1p52);              /* nearest even integer, |x| < 2^53 */
    sx_vm_sincospi_near(a < 0x1p53 ? a - even : a * 0.0, &sa, &ca); /* larger x are even integers; inf gives NaN */
    *s = sx_vm_double(sx_vm_bits(sa + 0.0) ^ (sx_vm_bits(x) & SX_VM_SIGN));
    *c = ca + 0.0;
}

/* |x| < 1: x + x E(x^2). Else 1 - exp(-x^2) g(u), u = (x - 5/2)/(x + 3), g = exp(x^2) erfc(x), |x| cut at 6. */
static inline double sx_vm_erf(double x) {
    double a = sx_vm_abs(x);
    double z = a * a, w = z * z;
    double E0 = 0x1.06eba8214db69p-3 +
                w * (0x1.ce2f21a042b34p-4 +
                     w * (0x1.565bcd0dbd6c3p-8 +
                          w * (0x1.f9a321e3dd0d5p-14 +
                               w * (0x1.b9df2f774a1bap-20 + w * (0x1.f7b945d7554d7p-27 + w * 0x1.06244fa074f7bp-34)))));
    double E1 = -0x1.812746b0379e6p-2 +
                w * (-0x1.b82ce31284f29p-6 +
                     w * (-0x1.c02db3db424aep-11 +
                          w * (-0x1.f4d1e4238c413p-17 + w * (-0x1.5f1f391a16049p-23 + w * -0x1.38ab0b1ba0d73p-30))));
    double near = a + a * (E0 + z * E1);
    double b = a > 6.0 ? 6.0 : a;
    double u = (b - 2.5) / (b + 3.0), v = u * u;
    double g0 = 0x1.afbb3f3b73435p-3 +
                v * (0x1.61c150e591564p-2 +
                     v * (0x1.e302959f08807p-4 +
                          v * (0x1.965a536017e3bp-8 + v * (-0x1.402a930e10bccp-10 +
                                                           v * (0x1.74ea056cb6721p-13 + v * -0x1.393d666e18f79p-16)))));
    double g1 = -0x1.a2b968ea24d55p-2 +
                v * (-0x1.d9f423991a402p-3 +
                     v * (-0x1.5055a03e87ff7p-5 +
                          v * (0x1.1503b405d073dp-9 + v * (-0x1.33142df76cd0bp-15 + v * 0x1.06d080332f389p-19))));
    double r, n;
    uint64_t k;
    double q = sx_vm_exp_reduce(-(b * b), &r, &n, &k);
    double e = (1.0 + (r + q)) * sx_vm_double(((k & 4095) - 1025) << 52);
    double far = 1.0 - e * (g0 + u * g1);
    double y = a < 1.0 ? near : far;
    return sx_vm_double(sx_vm_bits(y) | (sx_vm_bits(x) & SX_VM_SIGN));
}

/* (k + 1/2) 2^-53 rounded to nearest and kept below 1, k the 53 bits of hi and of the top 21 bits of lo. 2^20 + hi 2^-32 and
 * 2^-2 + (2 low21 + 1) 2^-54 are set as bits; their sum without 2^20 and 2^-2 rounds once. hi, lo < 2^32. */
static inline double sx_vm_uniform(uint64_t hi, uint64_t lo) {
    double a = sx_vm_double(hi | UINT64_C(0x4130000000000000));
    double b = sx_vm_double((lo >> 10) | UINT64_C(0x3fd0000000000001));
    double u = (a - (0x1p20 + 0x1p-2)) + b;
    return u < 1.0 ? u : 1.0 - 0x1p-53;
}

#endif
