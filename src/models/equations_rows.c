// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Elementwise functions of equations: the kernels of the library where it has them, and + - * / sqrt only elsewhere, so that the bits
 * are the same on every CPU. y may equal any input: blocks are read before they are written. The functions are those of
 * equations_inline.h, cut where a kernel does the middle. */
#include "models/equations.h"

#include "models/equations_inline.h"

enum { BLOCK = 128 };

static void sincos_rows(const sx_kernels *k, int64_t n, const double *x, double *s, double *c) {
    double y[BLOCK], sign[BLOCK];
    for (int64_t i = 0; i < n; ++i) y[i] = sx_eq_half_turns(x[i], &sign[i]);
    k->sincospi(n, y, s, c);
    for (int64_t i = 0; i < n; ++i) {
        s[i] *= sign[i];
        c[i] *= sign[i];
    }
}

static void log1p_block(const sx_kernels *k, int64_t n, const double *x, double *y) {
    double u[BLOCK], r[BLOCK];
    for (int64_t i = 0; i < n; ++i) {
        u[i] = 1.0 + x[i];
        r[i] = sx_eq_log1p_rest(x[i], u[i]);
    }
    k->log(n, u, u);
    for (int64_t i = 0; i < n; ++i) y[i] = u[i] + r[i];
}

static void sinh_block(const sx_kernels *k, int64_t n, const double *x, double *y) {
    double e[BLOCK];
    for (int64_t i = 0; i < n; ++i) e[i] = fabs(x[i]);
    k->expm1(n, e, e);
    for (int64_t i = 0; i < n; ++i) y[i] = sx_eq_sinh_of(e[i], x[i]);
}
static void cosh_block(const sx_kernels *k, int64_t n, const double *x, double *y) {
    double e[BLOCK];
    for (int64_t i = 0; i < n; ++i) e[i] = fabs(x[i]);
    k->exp(n, e, e);
    for (int64_t i = 0; i < n; ++i) y[i] = sx_eq_cosh_of(e[i]);
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
        for (int64_t i = 0; i < n; ++i) y[i] = sx_eq_atan(x[i]);
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
        for (int64_t i = 0; i < n; ++i) y[i] = sx_eq_sign(x[i]);
        return;
    case EQ_HEAVISIDE:
        for (int64_t i = 0; i < n; ++i) y[i] = sx_eq_heaviside(x[i]);
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

static void power_rows(const sx_kernels *k, int64_t n, const double *x, int sx, const double *y, int sy, double *out) {
    double l[BLOCK];
    for (int64_t i0 = 0; i0 < n; i0 += BLOCK) {
        int64_t m = n - i0 < BLOCK ? n - i0 : BLOCK;
        for (int64_t i = 0; i < m; ++i) l[i] = x[sx ? i0 + i : 0];
        k->log(m, l, l);
        for (int64_t i = 0; i < m; ++i) l[i] = sx_eq_power_of(l[i], y[sy ? i0 + i : 0]);
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
        LOOP(sx_eq_mulz(a, b));
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
