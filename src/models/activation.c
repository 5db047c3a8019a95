// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Activation functions and their derivatives to third order, in forms that neither overflow nor cancel in the tails. Everything is
 * + - * / and the library's own exp, log, tanh, erf, so the bits are the same on every CPU. Gaussian averages: activation_gauss.c. */
#include <separatrix/activation.h>

#include "core/kernels.h"

#include "core/mutant.h"

#include <math.h>
#include <string.h>

enum { BLOCK = 256 };

static const double half_pi = 1.57079632679489661923;
static const double half_sqrt_pi = 0.88622692545275801365;

/* s = sech^2 u = 4 e / (1 + e)^2 with e = exp(-2 |u|), which keeps full relative accuracy where 1 - tanh^2 cancels;
 * tanh' = s, tanh'' = -2 t s, tanh''' = s (6 t^2 - 2) = s (4 - 6 s). */
static void tanh_derivative(const sx_kernels *k, int order, int64_t n, const double *x, double *y) {
    double e[BLOCK], t[BLOCK];
    for (int64_t i = 0; i < n; i++) e[i] = -2.0 * fabs(x[i]);
    k->exp(n, e, e);
    if (order == 2) k->tanh(n, x, t);
    for (int64_t i = 0; i < n; i++) {
        double p = 1.0 + e[i];
        e[i] = 4.0 * e[i] / (p * p);
    }
    if (order == 1) memcpy(y, e, (size_t)n * sizeof *y);
    if (order == 2)
        for (int64_t i = 0; i < n; i++) y[i] = -2.0 * t[i] * e[i];
    if (order == 3)
        for (int64_t i = 0; i < n; i++) y[i] = e[i] * (4.0 - 6.0 * e[i]);
}

/* phi = erf(sqrt(pi) u / 2): phi' = e = exp(-pi u^2 / 4), phi'' = -(pi u / 2) e, phi''' = ((pi u / 2)^2 - pi / 2) e.
 * Beyond |u| = 64 e is zero in double; clamping u there keeps infinity times zero out. */
static void erf_derivative(const sx_kernels *k, int order, int64_t n, const double *x, double *y) {
    double e[BLOCK], u[BLOCK];
    if (order == 0) {
        for (int64_t i = 0; i < n; i++) u[i] = half_sqrt_pi * x[i];
        k->erf(n, u, y);
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        double v = x[i] > 64.0 ? 64.0 : x[i];
        v = v < -64.0 ? -64.0 : v;
        u[i] = half_pi * v;
        e[i] = -0.5 * u[i] * v;
    }
    k->exp(n, e, e);
    if (order == 1) memcpy(y, e, (size_t)n * sizeof *y);
    if (order == 2)
        for (int64_t i = 0; i < n; i++) y[i] = -u[i] * e[i];
    if (order == 3)
        for (int64_t i = 0; i < n; i++) y[i] = (u[i] * u[i] - half_pi) * e[i];
}

/* phi = 1 / (1 + e^{-beta u}). With e = exp(-|beta u|), q = e / (1 + e)^2 = phi (1 - phi), t = tanh(beta u / 2) = 2 phi - 1:
 * phi' = beta q, phi'' = -beta^2 q t, phi''' = beta^3 q (1 - 6 q). */
static void logistic_derivative(const sx_kernels *k, double beta, int order, int64_t n, const double *x, double *y) {
    double e[BLOCK], t[BLOCK];
    for (int64_t i = 0; i < n; i++) e[i] = -fabs(beta * x[i]);
    k->exp(n, e, e);
    if (order == 0) {
        for (int64_t i = 0; i < n; i++) y[i] = (x[i] >= 0 ? 1.0 : e[i]) / (1.0 + e[i]);
        return;
    }
    if (order == 2) {
        for (int64_t i = 0; i < n; i++) t[i] = 0.5 * (beta * x[i]);
        k->tanh(n, t, t);
    }
    for (int64_t i = 0; i < n; i++) {
        double p = 1.0 + e[i];
        e[i] = beta * (e[i] / (p * p));
    }
    if (order == 1) memcpy(y, e, (size_t)n * sizeof *y);
    if (order == 2)
        for (int64_t i = 0; i < n; i++) y[i] = -beta * e[i] * t[i];
    if (order == 3)
        for (int64_t i = 0; i < n; i++) y[i] = beta * e[i] * (beta - (SX_MUTANT(phi_third) ? 3.0 : 6.0) * e[i]);
}

/* phi = ln(1 + e^{beta u}) / beta = max(u, 0) + ln(1 + e) / beta with e = exp(-|beta u|); phi' is the logistic function.
 * ln(1 + e) = e ln(w) / (w - 1) with w = 1 + e rounded, which is accurate for every e (Higham 2002, section 1.14.1). */
static void softplus(const sx_kernels *k, double beta, int64_t n, const double *x, double *y) {
    double e[BLOCK], w[BLOCK], l[BLOCK];
    for (int64_t i = 0; i < n; i++) e[i] = -fabs(beta * x[i]);
    k->exp(n, e, e);
    for (int64_t i = 0; i < n; i++) w[i] = 1.0 + e[i];
    k->log(n, w, l);
    for (int64_t i = 0; i < n; i++) {
        double d = w[i] - 1.0;
        double log1p_e = d == 0 ? e[i] : e[i] * (l[i] / d);
        y[i] = (x[i] > 0 ? x[i] : 0.0) + log1p_e / beta;
    }
}

/* phi = beta r^p, r = max(u - theta, 0): phi^(k) = beta p (p-1) .. (p-k+1) r^{p-k} above the threshold and 0 at and below it. */
static void threshold_power(const sx_kernels *k, const sx_activation *phi, int order, int64_t n, const double *x,
                            double *y) {
    double r[BLOCK], v[BLOCK];
    double c = phi->beta, q = phi->power - order;
    for (int j = 0; j < order; j++) c *= phi->power - j;
    for (int64_t i = 0; i < n; i++) {
        r[i] = x[i] - phi->theta;
        v[i] = 1.0;
    }
    if (c == 0) { /* a derivative beyond the degree */
        for (int64_t i = 0; i < n; i++) y[i] = r[i] == r[i] ? 0.0 : r[i];
        return;
    }
    if (q >= 0 && q <= 32 && q == floor(q)) {
        for (int j = 0; j < (int)q; j++)
            for (int64_t i = 0; i < n; i++) v[i] *= r[i];
    } else {
        for (int64_t i = 0; i < n; i++) v[i] = r[i] <= 0 ? 1.0 : r[i];
        k->log(n, v, v);
        for (int64_t i = 0; i < n; i++) v[i] *= q;
        k->exp(n, v, v);
    }
    for (int64_t i = 0; i < n; i++) {
        double above = r[i] == r[i] ? c * v[i] : r[i];
        y[i] = r[i] <= 0 ? 0.0 : above;
    }
}

/* max(u, 0); phi'(0) = 0 and phi'' = phi''' = 0 everywhere. The comparisons let NaN through. */
static void relu(int order, int64_t n, const double *x, double *y) {
    if (order == 0)
        for (int64_t i = 0; i < n; i++) y[i] = x[i] <= 0 ? 0.0 : x[i];
    else
        for (int64_t i = 0; i < n; i++) {
            double v = order == 1 && x[i] > 0 ? 1.0 : 0.0;
            y[i] = x[i] == x[i] ? v : x[i];
        }
}

static void linear(int order, int64_t n, const double *x, double *y) {
    if (order == 0) {
        if (y != x) memmove(y, x, (size_t)n * sizeof *y);
        return;
    }
    for (int64_t i = 0; i < n; i++) y[i] = x[i] == x[i] ? (order == 1 ? 1.0 : 0.0) : x[i];
}

void sx_phi(const sx_activation *phi, int order, int64_t n, const double *x, double *y) {
    const sx_kernels *k = sx_kernels_get(NULL);
    if (phi->kind == SX_PHI_TANH && order == 0) {
        k->tanh(n, x, y);
        return;
    }
    for (int64_t i = 0; i < n; i += BLOCK) {
        int64_t m = n - i < BLOCK ? n - i : BLOCK;
        const double *u = x + i;
        double *v = y + i;
        switch (phi->kind) {
        case SX_PHI_TANH:
            tanh_derivative(k, order, m, u, v);
            break;
        case SX_PHI_ERF:
            erf_derivative(k, order, m, u, v);
            break;
        case SX_PHI_RELU:
            relu(order, m, u, v);
            break;
        case SX_PHI_SOFTPLUS:
            if (order == 0)
                softplus(k, phi->beta, m, u, v);
            else
                logistic_derivative(k, phi->beta, order - 1, m, u, v);
            break;
        case SX_PHI_LOGISTIC:
            logistic_derivative(k, phi->beta, order, m, u, v);
            break;
        case SX_PHI_THRESHOLD_POWER:
            threshold_power(k, phi, order, m, u, v);
            break;
        case SX_PHI_LINEAR:
            linear(order, m, u, v);
            break;
        }
    }
}

sx_status sx_phi_check(sx_ctx *ctx, const sx_activation *phi) {
    int kind = (int)phi->kind;
    if (kind < SX_PHI_TANH || kind > SX_PHI_LINEAR)
        return SX_FAIL(ctx, SX_E_USAGE, "phi: kind %d is not one of %s", kind, SX_PHI_CHOICES);
    bool smooth = kind == SX_PHI_SOFTPLUS || kind == SX_PHI_LOGISTIC;
    if (smooth && !(phi->beta > 0 && isfinite(phi->beta)))
        return SX_FAIL(ctx, SX_E_USAGE, "phi.beta = %.17g: want a value in (0, inf) (slope)", phi->beta);
    if (kind != SX_PHI_THRESHOLD_POWER) return SX_OK;
    if (!isfinite(phi->beta))
        return SX_FAIL(ctx, SX_E_USAGE, "phi.beta = %.17g: want a finite value (gain)", phi->beta);
    if (!isfinite(phi->theta))
        return SX_FAIL(ctx, SX_E_USAGE, "phi.theta = %.17g: want a finite value (threshold)", phi->theta);
    if (!(phi->power > 0 && isfinite(phi->power)))
        return SX_FAIL(ctx, SX_E_USAGE, "phi.power = %.17g: want a value in (0, inf) (exponent)", phi->power);
    return SX_OK;
}

const char *sx_phi_latex(const sx_activation *phi) {
    switch (phi->kind) {
    case SX_PHI_TANH:
        return "\\tanh u";
    case SX_PHI_ERF:
        return "\\mathrm{erf}\\left(\\tfrac{\\sqrt{\\pi}}{2} u\\right)";
    case SX_PHI_RELU:
        return "\\max(u, 0)";
    case SX_PHI_SOFTPLUS:
        return "\\beta^{-1} \\ln\\left(1 + e^{\\beta u}\\right)";
    case SX_PHI_LOGISTIC:
        return "\\left(1 + e^{-\\beta u}\\right)^{-1}";
    case SX_PHI_THRESHOLD_POWER:
        return "\\beta \\max(u - \\theta, 0)^{p}";
    case SX_PHI_LINEAR:
        return "u";
    }
    return "";
}
