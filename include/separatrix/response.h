// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/** @file response.h  The task `response`: the linear theory of fluctuations and responses at fixed points.
 *
 *  Flow x' = J x + e(t) + sqrt(2) B xi, D = B B^T at the point, J = dF/dx:
 *      J C + C J^T + 2 D = 0,    R(t) = e^{J t},    H(w) = int_0^oo R(t) e^{iwt} dt = (-iw - J)^-1,    S(w) = 2 H D H^+,
 *      circulation Q = (J C - C J^T)/2 = J C + D,   entropy production -tr(D^-1 J Q).
 *  Map x' = A x + e + sqrt(2) B xi: C = A C A^T + 2 D, H(w) = (e^{-iw} - A)^-1, Q = (A C - C A^T)/2; the rest alike, per step.
 *  S(w) = int C(t) e^{iwt} dt is two-sided, `frequency` is w/2pi, variance = int S d(frequency). */
#ifndef SEPARATRIX_RESPONSE_H
#define SEPARATRIX_RESPONSE_H

#include <separatrix/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How the equations are solved. auto: dense up to 1500 numbers in the state, Krylov beyond. */
typedef enum sx_response_method {
    SX_RESPONSE_AUTO,
    SX_RESPONSE_DENSE, /**< Schur and Hessenberg forms, all units */
    SX_RESPONSE_KRYLOV /**< products of J and J^T alone: chosen units, variances by random probes, residuals stated */
} sx_response_method;
/** Their names in experiment files. */
#define SX_RESPONSE_METHOD_CHOICES "auto|dense|krylov"
/** Spacings of the frequencies in experiment files. */
#define SX_RESPONSE_SPACING_CHOICES "logarithmic|linear"

/** Options of the task `response`. */
typedef struct sx_response_opts {
    size_t struct_size;   /**< sizeof(sx_response_opts) */
    sx_points at;         /**< fixed points; each must be stable */
    int method;           /**< an sx_response_method */
    sx_units units;       /**< units of spectra and responses; empty = the first 16 (Krylov: the first 4) */
    int64_t frequencies;  /**< how many; 0 = no spectra */
    double frequency_min; /**< first frequency; 0: 1e-4 of the last (logarithmic), 0 (linear) */
    double frequency_max; /**< last frequency; 0: twice the largest singular value of J over 2 pi, 1/2 for maps */
    int spacing;          /**< 0 logarithmic, 1 linear */
    bool cross;           /**< cross spectra and susceptibilities between the units */
    double max_lag;       /**< > 0: response functions and lagged covariance up to this time (steps for maps) */
    int64_t lags;         /**< intervals between 0 and max_lag (flows) */
    const char *compare;  /**< name of a `simulate` task to stand beside the theory; NULL = none */
    int64_t subspace;     /**< Krylov: vectors of a basis */
    int64_t probes;       /**< Krylov: random vectors behind the variances of all units */
    double tolerance;     /**< warn about residuals above this */
} sx_response_opts;
/** Initialiser; fill in the defaults with sx_fields_default. */
#define SX_RESPONSE_OPTS                                                                                               \
    { sizeof(sx_response_opts) }
/** Fields of sx_response_opts. */
SX_API extern const sx_field sx_response_fields[];
/** The task. */
SX_API extern const sx_task_ops sx_response_task;

#ifdef __cplusplus
}
#endif
#endif
