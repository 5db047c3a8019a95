// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Choice of the kernel set for this CPU; the public elementary functions. */
#include <separatrix/vmath.h>

#include "core/kernels.h"
#include "core/kernels/tables.h"
#include "core/kernels/vmath_inline.h"

#include <string.h>

/* What the compiler may use under -march=x86-64-v3. Clang before 18 knows no names for f16c, lzcnt and movbe; every CPU that
 * has AVX2, FMA and BMI2 has them. */
static int has_v3(void) {
    int has = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
              __builtin_cpu_supports("fma");
#if !defined(__clang__)
    has = has && __builtin_cpu_supports("f16c") && __builtin_cpu_supports("lzcnt") && __builtin_cpu_supports("movbe");
#endif
    return has;
}

static int has_v4(void) {
    return has_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
}

const sx_kernels *sx_kernels_get(const char *level) {
    if (has_v4() && (!level || strcmp(level, sx_kernels_v4.name) == 0)) return &sx_kernels_v4;
    if (has_v3() && (!level || strcmp(level, sx_kernels_v3.name) == 0)) return &sx_kernels_v3;
    if (!level || strcmp(level, sx_kernels_v1.name) == 0) return &sx_kernels_v1;
    return NULL;
}

const char *sx_kernel_set(void) {
    return sx_kernels_get(NULL)->name;
}

void sx_vexp(int64_t n, const double *x, double *y) {
    sx_kernels_get(NULL)->exp(n, x, y);
}

void sx_vexpm1(int64_t n, const double *x, double *y) {
    sx_kernels_get(NULL)->expm1(n, x, y);
}

void sx_vlog(int64_t n, const double *x, double *y) {
    sx_kernels_get(NULL)->log(n, x, y);
}

void sx_vtanh(int64_t n, const double *x, double *y) {
    sx_kernels_get(NULL)->tanh(n, x, y);
}

void sx_verf(int64_t n, const double *x, double *y) {
    sx_kernels_get(NULL)->erf(n, x, y);
}

void sx_vsincospi(int64_t n, const double *x, double *s, double *c) {
    sx_kernels_get(NULL)->sincospi(n, x, s, c);
}

double sx_exp(double x) {
    return sx_vm_exp(x);
}

double sx_expm1(double x) {
    return sx_vm_expm1(x);
}

double sx_log1(double x) {
    return sx_vm_log(x);
}

double sx_tanh(double x) {
    return sx_vm_tanh(x);
}

double sx_erf(double x) {
    return sx_vm_erf(x);
}
