// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Loops over the inline elementary functions. */
#include "core/kernels/level.h"
#include "core/kernels/vmath_inline.h"

void SX_K(exp)(int64_t n, const double *x, double *y) {
    SX_INDEPENDENT
    for (int64_t i = 0; i < n; i++) y[i] = sx_vm_exp(x[i]);
}

void SX_K(expm1)(int64_t n, const double *x, double *y) {
    SX_INDEPENDENT
    for (int64_t i = 0; i < n; i++) y[i] = sx_vm_expm1(x[i]);
}

void SX_K(log)(int64_t n, const double *x, double *y) {
    SX_INDEPENDENT
    for (int64_t i = 0; i < n; i++) y[i] = sx_vm_log(x[i]);
}

void SX_K(tanh)(int64_t n, const double *x, double *y) {
    SX_INDEPENDENT
    for (int64_t i = 0; i < n; i++) y[i] = sx_vm_tanh(x[i]);
}

void SX_K(erf)(int64_t n, const double *x, double *y) {
    SX_INDEPENDENT
    for (int64_t i = 0; i < n; i++) y[i] = sx_vm_erf(x[i]);
}

/* Either output may be NULL; s or c may equal x. */
void SX_K(sincospi)(int64_t n, const double *x, double *s, double *c) {
    if (s && c) {
        SX_INDEPENDENT
        for (int64_t i = 0; i < n; i++) {
            double si, ci;
            sx_vm_sincospi(x[i], &si, &ci);
            s[i] = si;
            c[i] = ci;
        }
    } else if (s) {
        SX_INDEPENDENT
        for (int64_t i = 0; i < n; i++) {
            double si, ci;
            sx_vm_sincospi(x[i], &si, &ci);
            s[i] = si;
        }
    } else if (c) {
        SX_INDEPENDENT
        for (int64_t i = 0; i < n; i++) {
            double si, ci;
            sx_vm_sincospi(x[i], &si, &ci);
            c[i] = ci;
        }
    }
}
