// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
#include "models/continuous_bernoulli.h"

#include "core/kernels.h"

#include <math.h>
#include <stddef.h>

enum { TERMS = 16 };

/* L(t) = sum_k c_k t^{2k-1}, c_k = 2^{2k} B_{2k} / (2k)!, for |t| < pi; used below 1, where 16 terms leave 1e-16 */
static const double c[TERMS] = { 0x1.5555555555555p-2,   -0x1.6c16c16c16c17p-6,  0x1.1566abc011567p-9,
                                 -0x1.bbd779334ef0bp-13, 0x1.66a8f2bf70ebep-16,  -0x1.22805d644267fp-19,
                                 0x1.d6db2c4e09162p-23,  -0x1.7da4e1f79955cp-26, 0x1.355871d652e9ep-29,
                                 -0x1.f57d968caacf1p-33, 0x1.967e1f09c376fp-36,  -0x1.497d9033a2b5cp-39,
                                 0x1.0b132d7c6ad06p-42,  -0x1.b0f72d59f1c16p-46, 0x1.5ef2da4cca26dp-49,
                                 -0x1.1c77df96de38bp-52 };

/* d^order/dt^order of the series, 1 <= order <= 3 */
static double near_zero(int order, double t) {
    double z = t * t, sum = 0;
    for (int k = TERMS; k >= 1; k--) {
        double power = 2 * k - 1, factor = power; /* t^(2k-1) differentiated */
        if (order > 1) factor *= power - 1;
        if (order > 2) factor *= power - 2;
        if (power < order) break; /* t'' = 0 */
        sum = sum * z + factor * c[k - 1];
    }
    return order == 2
               ? sum * t
               : sum; /* order 2 begins with t (k = 2), order 3 with a constant (k = 2), order 1 with one (k = 1) */
}

/* With s = csch^2 t and C = coth t: L' = 1/t^2 - s, L'' = 2 C s - 2/t^3, L''' = 6/t^4 - 4 C^2 s - 2 s^2; C = 1 + 2/E, s = 4 (E + 1)/E^2,
 * E = e^{2|t|} - 1. */
static double far(int order, double t) {
    double a = fabs(t), E = expm1(2 * (a > 350 ? 350 : a)), C = 1 + 2 / E, s = 4 * ((E + 1) / E) / E, i = 1 / a;
    switch (order) {
    case 1:
        return i * i - s;
    case 2:
        return t > 0 ? 2 * C * s - 2 * i * i * i : 2 * i * i * i - 2 * C * s; /* odd */
    default:
        return 6 * (i * i) * (i * i) - 4 * C * C * s - 2 * s * s;
    }
}

void sx_langevin(int order, int64_t n, const double *t, double *y) {
    if (order == 0) {
        sx_kernels_get(NULL)->langevin(n, t, y);
        return;
    }
    for (int64_t i = 0; i < n; i++) y[i] = fabs(t[i]) < 1 ? near_zero(order, t[i]) : far(order, t[i]);
}

double sx_cb_log_partition(double t) {
    double a = fabs(t), z = t * t, sum = 0;
    if (a < 1) { /* the integral of the series */
        for (int k = TERMS; k >= 1; k--) sum = sum * z + c[k - 1] / (2 * k);
        return 0.69314718055994530942 + z * sum;
    }
    return a - log(a) + log1p(-exp(-2 * a));
}

double sx_cb_entropy(double t) {
    double mean;
    sx_langevin(0, 1, &t, &mean);
    return sx_cb_log_partition(t) - t * mean;
}

double sx_cb_divergence(double q, double t) {
    double mean;
    sx_langevin(0, 1, &q, &mean);
    return sx_cb_log_partition(t) - sx_cb_log_partition(q) + (q - t) * mean;
}
