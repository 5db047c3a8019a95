// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/** @file vmath.h  Elementary functions over arrays: at most 2 ulp, + - * / sqrt only, so the same bits at every vector width,
 *  on every x86-64 CPU and from every compiler. y may equal x. Subnormals, infinities and NaN as C99 Annex F. */
#ifndef SEPARATRIX_VMATH_H
#define SEPARATRIX_VMATH_H

#include <separatrix/status.h>

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** y = e^x. */
SX_API void sx_vexp(int64_t n, const double *x, double *y);
/** y = e^x - 1, accurate near 0. */
SX_API void sx_vexpm1(int64_t n, const double *x, double *y);
/** y = ln x. */
SX_API void sx_vlog(int64_t n, const double *x, double *y);
/** y = tanh x. */
SX_API void sx_vtanh(int64_t n, const double *x, double *y);
/** y = erf x. */
SX_API void sx_verf(int64_t n, const double *x, double *y);
/** s = sin(pi x), c = cos(pi x); either may be NULL. */
SX_API void sx_vsincospi(int64_t n, const double *x, double *s, double *c);
/** Scalar twins with the same bits. */
/** Scalar twin of sx_vexp: same bits. */
SX_API double sx_exp(double x);
/** Scalar twin of sx_vexpm1. */
SX_API double sx_expm1(double x);
/** Scalar twin of sx_vlog. */
SX_API double sx_log1(double x);
/** Scalar twin of sx_vtanh. */
SX_API double sx_tanh(double x);
/** Scalar twin of sx_verf. */
SX_API double sx_erf(double x);
/** Name of the kernel set this CPU gets: "x86-64-v4", "x86-64-v3" or "x86-64". */
SX_API const char *sx_kernel_set(void);

#ifdef __cplusplus
}
#endif
#endif
