// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Gaussian averages of the activation functions, <phi^(k)(m + s z)>, z ~ N(0,1). For s > 0 they are the k-th derivative of <phi>
 * with respect to m, so a kink contributes its delta function (Stein's lemma); for s = 0 they are phi^(k)(m). */
#include <separatrix/activation.h>
#include <separatrix/vmath.h>

#include "core/kernels.h"

#include <math.h>

static const double half_pi = 1.57079632679489661923;
static const double inv_sqrt_2pi = 0.39894228040143267794;
static const double inv_sqrt_2 = 0.70710678118654752440;

/* -- adaptive quadrature: 16-point Gauss-Legendre panels, bisected until two halves agree with the whole --------------------- */

enum { NODES = 16, STACK = 64, EDGES = 16, PANEL_LIMIT = 20000 };

/* Positive nodes and weights of P_16 (computed to 40 digits from its roots; Abramowitz and Stegun, table 25.4). */
static const double gauss_x[NODES / 2] = { 0.095012509837637440185, 0.28160355077925891323, 0.45801677765722738634,
                                           0.61787624440264374845,  0.7554044083550030339,  0.86563120238783174388,
                                           0.94457502307323257608,  0.9894009349916499326 };
static const double gauss_w[NODES / 2] = { 0.18945061045506849629,  0.18260341504492358887, 0.16915651939500253819,
                                           0.14959598881657673208,  0.12462897125553387205, 0.09515851168249278481,
                                           0.062253523938647892863, 0.027152459411754094852 };

typedef struct integrand {
    void (*f)(const struct integrand *self, int64_t n, const double *t, double *y);
    const sx_activation *phi;
    int order;
    double m, s; /* f = phi^(order)(m + s t) N(t) */
    double a, q; /* f = y^q He_h(y - a) N(y - a), y = t^4 */
    int hermite;
} integrand;

typedef struct panel {
    double lo, hi, value;
} panel;

static double panel_rule(const integrand *g, double lo, double hi, double *absolute) {
    double t[NODES], y[NODES], centre = 0.5 * (lo + hi), half = 0.5 * (hi - lo), sum = 0, sum_abs = 0;
    for (int i = 0; i < NODES / 2; i++) {
        t[2 * i] = centre - half * gauss_x[i];
        t[2 * i + 1] = centre + half * gauss_x[i];
    }
    g->f(g, NODES, t, y);
    for (int i = 0; i < NODES / 2; i++) {
        sum += gauss_w[i] * (y[2 * i] + y[2 * i + 1]);
        sum_abs += gauss_w[i] * (fabs(y[2 * i]) + fabs(y[2 * i + 1]));
    }
    if (absolute) *absolute = half * sum_abs;
    return half * sum;
}

/* Integral over ascending edges; the tolerance is relative to the integral of |f|. */
static double integrate(const integrand *g, int n_edges, const double *edge) {
    panel stack[EDGES + STACK];
    int top = 0, panels = 0;
    double total = 0, scale = 0;
    for (int i = 0; i + 1 < n_edges; i++) {
        double absolute, value = panel_rule(g, edge[i], edge[i + 1], &absolute);
        stack[top++] = (panel){ edge[i], edge[i + 1], value };
        scale += absolute;
    }
    while (top > 0) {
        panel p = stack[--top];
        double mid = 0.5 * (p.lo + p.hi);
        double left = panel_rule(g, p.lo, mid, NULL), right = panel_rule(g, mid, p.hi, NULL);
        bool fine = !(fabs(left + right - p.value) > 2e-14 * scale);
        if (fine || top + 2 > EDGES + STACK || ++panels > PANEL_LIMIT) {
            total += left + right;
        } else {
            stack[top++] = (panel){ mid, p.hi, right };
            stack[top++] = (panel){ p.lo, mid, left };
        }
    }
    return total;
}

static void insert_edge(double *edge, int *n, double lo, double hi, double value) {
    if (!(value > lo && value < hi)) return;
    int i = *n;
    for (; i > 0 && edge[i - 1] > value; i--) edge[i] = edge[i - 1];
    edge[i] = value;
    (*n)++;
}

/* -- smooth functions --------------------------------------------------------------------------------------------------------- */

static void smooth_integrand(const integrand *g, int64_t n, const double *t, double *y) {
    double u[NODES];
    for (int64_t i = 0; i < n; i++) {
        u[i] = g->m + g->s * t[i];
        y[i] = -0.5 * t[i] * t[i];
    }
    sx_phi(g->phi, g->order, n, u, u);
    sx_vexp(n, y, y);
    for (int64_t i = 0; i < n; i++) y[i] = inv_sqrt_2pi * y[i] * u[i];
}

static double smooth_average(const sx_activation *phi, int order, double m, double s) {
    /* odd functions average to an exact zero at zero mean */
    if (m == 0 && phi->kind == SX_PHI_TANH && order % 2 == 0) return 0;
    static const double reach[] = { 0, 2, 8, 40 };
    const double lo = -13, hi = 13, beta = phi->kind == SX_PHI_TANH ? 1.0 : phi->beta;
    double edge[EDGES];
    int n = 0;
    insert_edge(edge, &n, -14, 14, lo);
    insert_edge(edge, &n, -14, 14, hi);
    insert_edge(edge, &n, lo, hi, -3);
    insert_edge(edge, &n, lo, hi, 3);
    for (int i = 0; i < 4; i++) /* where the function bends: |beta u| <= 40 */
        for (int sign = -1; sign <= (i ? 1 : -1); sign += 2)
            insert_edge(edge, &n, lo, hi, (-m + sign * reach[i] / beta) / s);
    integrand g = { .f = smooth_integrand, .phi = phi, .order = order, .m = m, .s = s };
    return integrate(&g, n, edge);
}

/* -- threshold-power and relu -------------------------------------------------------------------------------------------------- */

static double normal_density(double a) {
    return inv_sqrt_2pi * sx_exp(-0.5 * a * a);
}

static double normal_cdf(double a) {
    return 0.5 * (1.0 + sx_erf(inv_sqrt_2 * a));
}

static double hermite(int k, double z) {
    switch (k) {
    case 0:
        return 1;
    case 1:
        return z;
    case 2:
        return z * z - 1;
    default:
        return z * (z * z - 3);
    }
}

static void power_integrand(const integrand *g, int64_t n, const double *t, double *y) {
    double l[NODES], e[NODES];
    for (int64_t i = 0; i < n; i++) {
        double v = t[i] * t[i] * (t[i] * t[i]), z = v - g->a;
        l[i] = v;
        e[i] = -0.5 * z * z;
        y[i] = 4.0 * t[i] * t[i] * t[i] * hermite(g->hermite, z);
    }
    sx_vlog(n, l, l);
    for (int64_t i = 0; i < n; i++) e[i] += g->q * l[i];
    sx_vexp(n, e, e);
    for (int64_t i = 0; i < n; i++) y[i] *= inv_sqrt_2pi * e[i];
}

/* M_q(a) = <max(z + a, 0)^q>, q = 0, 1, 2, ...: M_0 = Phi(a), M_1 = a Phi(a) + N(a), M_q = a M_{q-1} + (q - 1) M_{q-2}. */
static double power_moment(int q, double a) {
    double previous = normal_cdf(a), value = a * previous + normal_density(a);
    if (q == 0) return previous;
    for (int j = 2; j <= q; j++) {
        double next = a * value + (j - 1) * previous;
        previous = value;
        value = next;
    }
    return value > 0 ? value : 0;
}

/* With a = (m - theta)/s: d^k/dm^k <beta max(m + s z - theta, 0)^p> = beta p (p-1) .. (p-k+1) s^{p-k} M_{p-k}(a). Differentiating the
 * Gaussian instead h times gives s^{-h} <phi^(k-h) He_h(z)>, used to keep the power of the integrand >= 0. */
static double power_average(const sx_activation *phi, int order, double m, double s) {
    double power = phi->power, a = (m - phi->theta) / s, c = phi->beta;
    bool whole = power == floor(power) && power <= 32;
    int h = 0;
    while (order - h > 0 && power - (order - h) < 0) h++;
    for (int j = 0; j < order - h; j++) c *= power - j;
    double q = power - (order - h);
    double scale = q == 0 ? 1.0 : sx_exp(q * sx_log1(s));
    for (int j = 0; j < h; j++) scale /= s;
    if (whole) {
        /* the (h-1)-th derivative of N(a) once the power is used up: (-1)^{h-1} He_{h-1}(a) N(a) */
        double value = h == 0 ? power_moment((int)q, a) : (h % 2 ? 1.0 : -1.0) * hermite(h - 1, a) * normal_density(a);
        return c * scale * value;
    }
    const double width = 13 + sqrt(q);
    double edge[EDGES];
    int n = 0;
    if (a + width <= 0) return 0;
    if (a >= width) { /* the threshold is out of reach */
        insert_edge(edge, &n, -width - 1, width + 1, -width);
        insert_edge(edge, &n, -width - 1, width + 1, 0);
        insert_edge(edge, &n, -width - 1, width + 1, width);
        integrand smooth = { .f = smooth_integrand, .phi = phi, .order = order, .m = m, .s = s };
        return integrate(&smooth, n, edge);
    }
    double top = sqrt(sqrt(a + width));
    insert_edge(edge, &n, -1, 2 * top, 0);
    insert_edge(edge, &n, -1, 2 * top, top);
    for (int i = -2; i <= 2; i++)
        if (a + 3 * i > 0) insert_edge(edge, &n, 0, top, sqrt(sqrt(a + 3 * i)));
    integrand g = { .f = power_integrand, .a = a, .q = q, .hermite = h };
    return c * scale * integrate(&g, n, edge);
}

double sx_phi_gauss(const sx_activation *phi, int order, double mean, double variance) {
    double s = sqrt(variance), value;
    if (s == 0) {
        sx_phi(phi, order, 1, &mean, &value);
        return value;
    }
    switch (phi->kind) {
    case SX_PHI_LINEAR:
        return order == 0 ? mean : order == 1 ? 1.0 : 0.0;
    case SX_PHI_ERF: {
        /* <phi^(k)> = kappa^k phi^(k)(kappa m), kappa = (1 + pi s^2 / 2)^{-1/2} */
        double kappa = 1.0 / sqrt(1.0 + half_pi * variance), u = kappa * mean;
        sx_phi(phi, order, 1, &u, &value);
        for (int k = 0; k < order; k++) value *= kappa;
        return value;
    }
    case SX_PHI_RELU: {
        const sx_activation relu = { SX_PHI_THRESHOLD_POWER, 1.0, 0.0, 1.0 };
        return power_average(&relu, order, mean, s);
    }
    case SX_PHI_THRESHOLD_POWER:
        return power_average(phi, order, mean, s);
    case SX_PHI_TANH:
    case SX_PHI_SOFTPLUS:
    case SX_PHI_LOGISTIC:
        break;
    }
    return smooth_average(phi, order, mean, s);
}
