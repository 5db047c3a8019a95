// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* A stepper on a linear model with constant noise, as a matrix: one step is
 *     x' = M x + m + N1 n1 + N2 n2
 * with standard normals n1, n2. M, m, N1, N2 are read off the stepper itself by driving it with unit vectors, so that the law of a run is known
 * at its finite step, whatever the scheme. */
#ifndef SX_RUN_SCHEME_LAW_H
#define SX_RUN_SCHEME_LAW_H

#include <separatrix/simulate.h>

typedef struct sx_scheme {
    int64_t n, rank; /* state; normals of one set */
    double *M, *m;   /* [n][n], [n] */
    double *N1, *N2; /* [n][rank] */
    bool shared;     /* n2 is the n1 of the next step (leimkuhler-matthews); else both are new */
} sx_scheme;

/* Read the scheme of a linear model of n numbers. Free with sx_scheme_free. */
sx_status sx_scheme_read(sx_ctx *ctx, const sx_stepper *s, int64_t n, sx_scheme *out) SX_MUST_USE;
void sx_scheme_free(sx_ctx *ctx, sx_scheme *s);
/* Stationary mean [n], covariance C = <x x^T> and <x_{k+1} x_k^T> [n][n], about the mean; each may be NULL. Later ones are M times the one before.
 * SX_E_NUMERIC when there is none (spectral radius of M >= 1). */
sx_status sx_scheme_stationary(sx_ctx *ctx, const sx_scheme *s, double *mean, double *C, double *next) SX_MUST_USE;

#endif
