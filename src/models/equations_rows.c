// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Elementwise functions of equations: the kernels of the library where it has them, and + - * / sqrt only elsewhere, so that the bits
 * are the same on every CPU. y may equal any input: blocks are read before they are written. */
#include "models/equations.h"

enum { BLOCK = 128 };

/* y = x - n pi, |y| <= pi/2, in three parts of 33 bits: n pi is exact up to n = 2^20. Beyond 2^30 the error of x itself rules. */
static void sincos_rows(const sx_kernels *k, int64_t n, const double *x, double *s, double *c) {
    double y[BLOCK], sign[BLOCK];
    for (int64_t i = 0; i < n; ++i) {
        double near = fabs(x[i]) < 0x1p30 ? x[i] : 0.0;
        double t = near * 0x1.45f306dc9c883p-2 + 0x1.8p52, m = t - 0x1.8p52;
        uint64_t bits;
        memcpy(&bits, &t, sizeof bits);
        sign[i] = bits & 1 ? -1.0 : 1.0;
        y[i] =
            (((x[i] - m * 0x1.921fb544p+1) - m * 0x1.0b4611a6p-33) - m * 0x1.3198a2e037073p-68) * 0x1.45f306dc9c883p-2;
    }
    k->sincospi(n, y, s, c);
    for (int64_t i = 0; i < n; ++i) {
        s[i] *= sign[i];
        c[i] *= sign[i];
    }
}

/* atan a = atan c + atan((a - c)/(1 + a c)), c = 0, 1/2, 1, 3/2, inf; |z| <= 7/16: z + z^3 P(z^2), P of degree 10 (Chebyshev
 * interpolation at 60 digits, relative error below 2^-55). */
static double atan1(double x) {
    static const double P[] = { -0x1.5555555555554p-2, 0x1.9999999998863p-3,  -0x1.24924923b09bfp-3,
                                0x1.c71c71366bfc2p-4,  -0x1.745cff64fb1e8p-4, 0x1.3b1161c0261b4p-4,
                                -0x1.10ed20cc03917p-4, 0x1.df0bad09fa62cp-5,  -0x1.9c616e7e61a95p-5,
                                0x1.35dd3ba3a06adp-5,  -0x1.1f7e7048b0a6fp-6 };
    static const double high[] = { 0.0, 0x1.dac670561bb4fp-2, 0x1.921fb54442d18p-1, 0x1.f730bd281f69bp-1,
                                   0x1.921fb54442d18p+0 };
    static const double low[] = { 0.0, 0x1.a2b7f222f65e2p-56, 0x1.1a62633145c07p-55, 0x1.007887af0cbbdp-56,
                                  0x1.1a62633145c07p-54 };
    double a = fabs(x), z, w, p = 0.0;
    int c;
    if (!(a <= 0x1p60)) return isnan(x) ? x : copysign(high[4], x);
    if (a <= 0.4375) {
        c = 0;
        z = a;
    } else if (a < 0.6875) {
        c = 1;
        z = (2.0 * a - 1.0) / (2.0 + a);
    } else if (a < 1.1875) {
        c = 2;
        z = (a - 1.0) / (a + 1.0);
    } else if (a < 2.4375) {
        c = 3;
        z = (a - 1.5) / (1.0 + 1.5 * a);
    } else {
        c = 4;
        z = -1.0 / a;
    }
    w = z * z;
    for (int i = 10; i >= 0; --i) p = p * w + P[i];
    return copysign(high[c] + (z + (z * w * p + low[c])), x);
}

/* log(1 + x) = log u + (x - (u - 1))/u, u = 1 + x rounded */
static void log1p_block(const sx_kernels *k, int64_t n, const double *x, double *y) {
    double u[BLOCK], r[BLOCK];
    for (int64_t i = 0; i < n; ++i) {
        u[i] = 1.0 + x[i];
        r[i] = u[i] > 0.0 && u[i] < HUGE_VAL ? (x[i] - (u[i] - 1.0)) / u[i] : 0.0;
    }
    k->log(n, u, u);
    for (int64_t i = 0; i < n; ++i) y[i] = u[i] + r[i];
}

/* with e = exp|x| - 1: sinh|x| = (e + e/(e + 1))/2, cosh x = (E + 1/E)/2, E = exp|x| */
static void sinh_block(const sx_kernels *k, int64_t n, const double *x, double *y) {
    double e[BLOCK];
    for (int64_t i = 0; i < n; ++i) e[i] = fabs(x[i]);
    k->expm1(n, e, e);
    for (int64_t i = 0; i < n; ++i) y[i] = copysign(0.5 * (e[i] + (e[i] > 0x1p60 ? 1.0 : e[i] / (e[i] + 1.0))), x[i]);
}
static void cosh_block(const sx_kernels *k, int64_t n, const double *x, double *y) {
    double e[BLOCK];
    for (int64_t i = 0; i < n; ++i) e[i] = fabs(x[i]);
    k->exp(n, e, e);
    for (int64_t i = 0; i < n; ++i) y[i] = 0.5 * (e[i] + 1.0 / e[i]);
}

static void unary_block(const sx_kernels *k, sx_eq_op op, int64_t n, const double *x, double *y) {
    double s[BLOCK], c[BLOCK];
    switch (op) {
    case EQ_LOG1P:
        log1p_block(k, n, x, y);
        return;
    case EQ_SINH:
        sinh_block(k, n, x, y);
        return;
    case EQ_COSH:
        cosh_block(k, n, x, y);
        return;
    case EQ_SIN:
    case EQ_COS:
    case EQ_TAN:
        sincos_rows(k, n, x, s, c);
        for (int64_t i = 0; i < n; ++i) y[i] = op == EQ_SIN ? s[i] : op == EQ_COS ? c[i] : s[i] / c[i];
        return;
    default:
        for (int64_t i = 0; i < n; ++i) y[i] = atan1(x[i]);
    }
}

void sx_eq_rows_unary(const sx_kernels *k, sx_eq_op op, int64_t n, const double *x, double *y) {
    switch (op) {
    case EQ_EXP:
        k->exp(n, x, y);
        return;
    case EQ_EXPM1:
        k->expm1(n, x, y);
        return;
    case EQ_LOG:
        k->log(n, x, y);
        return;
    case EQ_TANH:
        k->tanh(n, x, y);
        return;
    case EQ_ERF:
        k->erf(n, x, y);
        return;
    case EQ_SQRT:
        for (int64_t i = 0; i < n; ++i) y[i] = sqrt(x[i]);
        return;
    case EQ_NEG:
        for (int64_t i = 0; i < n; ++i) y[i] = -x[i];
        return;
    case EQ_ABS:
        for (int64_t i = 0; i < n; ++i) y[i] = fabs(x[i]);
        return;
    case EQ_SIGN:
        for (int64_t i = 0; i < n; ++i) y[i] = x[i] > 0.0 ? 1.0 : x[i] < 0.0 ? -1.0 : x[i] * 0.0;
        return;
    case EQ_HEAVISIDE:
        for (int64_t i = 0; i < n; ++i) y[i] = x[i] > 0.0 ? 1.0 : x[i] <= 0.0 ? 0.0 : x[i];
        return;
    case EQ_COPY:
        if (y != x) memcpy(y, x, (size_t)n * sizeof *y);
        return;
    default:
        for (int64_t i = 0; i < n; i += BLOCK) unary_block(k, op, n - i < BLOCK ? n - i : BLOCK, x + i, y + i);
    }
}

#define LOOP(expression)                                                                                               \
    do {                                                                                                               \
        if (sx && sy) {                                                                                                \
            for (int64_t i = 0; i < n; ++i) {                                                                          \
                const double a = x[i], b = y[i];                                                                       \
                out[i] = (expression);                                                                                 \
            }                                                                                                          \
        } else if (sx) {                                                                                               \
            const double b = y[0];                                                                                     \
            for (int64_t i = 0; i < n; ++i) {                                                                          \
                const double a = x[i];                                                                                 \
                out[i] = (expression);                                                                                 \
            }                                                                                                          \
        } else {                                                                                                       \
            const double a = x[0];                                                                                     \
            for (int64_t i = 0; i < n; ++i) {                                                                          \
                const double b = y[sy ? i : 0];                                                                        \
                out[i] = (expression);                                                                                 \
            }                                                                                                          \
        }                                                                                                              \
    } while (0)

/* x^y = exp(y log x); x^0 = 1 */
static void power_rows(const sx_kernels *k, int64_t n, const double *x, int sx, const double *y, int sy, double *out) {
    double l[BLOCK];
    for (int64_t i0 = 0; i0 < n; i0 += BLOCK) {
        int64_t m = n - i0 < BLOCK ? n - i0 : BLOCK;
        for (int64_t i = 0; i < m; ++i) l[i] = x[sx ? i0 + i : 0];
        k->log(m, l, l);
        for (int64_t i = 0; i < m; ++i) {
            double e = y[sy ? i0 + i : 0];
            l[i] = e == 0.0 ? 0.0 : e * l[i];
        }
        k->exp(m, l, out + i0);
    }
}

void sx_eq_rows_binary(const sx_kernels *k, sx_eq_op op, int64_t n, const double *x, int sx, const double *y, int sy,
                       double *out) {
    switch (op) {
    case EQ_ADD:
        if (sx && sy)
            k->lincomb(n, 1.0, x, 1.0, y, out);
        else
            LOOP(a + b);
        return;
    case EQ_SUB:
        if (sx && sy)
            k->lincomb(n, 1.0, x, -1.0, y, out);
        else
            LOOP(a - b);
        return;
    case EQ_MUL:
        if (sx && sy)
            k->mul(n, x, y, out);
        else
            LOOP(a * b);
        return;
    case EQ_DIV:
        LOOP(a / b);
        return;
    case EQ_MULZ:
        LOOP(a == 0.0 ? 0.0 : a * b);
        return;
    default:
        power_rows(k, n, x, sx, y, sy, out);
    }
}

static bool holds(sx_eq_compare c, double a, double b) {
    switch (c) {
    case EQ_LT:
        return a < b;
    case EQ_LE:
        return a <= b;
    case EQ_GT:
        return a > b;
    case EQ_GE:
        return a >= b;
    case EQ_EQ:
        return a == b;
    case EQ_NE:
        return a != b;
    case EQ_GT_OR_NAN:
        return a > b || isnan(a);
    case EQ_LT_OR_NAN:
        return a < b || isnan(a);
    }
    return false;
}

void sx_eq_rows_select(sx_eq_compare c, int64_t n, const double *const in[4], const int s[4], double *out) {
    for (int64_t i = 0; i < n; ++i) {
        double a = in[0][i * s[0]], b = in[1][i * s[1]], x = in[2][i * s[2]], y = in[3][i * s[3]];
        out[i] = holds(c, a, b) ? x : y;
    }
}
