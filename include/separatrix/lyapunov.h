// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/** @file lyapunov.h  The task `lyapunov`: exponents of flows, maps and noisy systems from the QR factors of the tangent flow.
 *
 *      U(t + h) = DS(x) U(t),   U = Q R after every few steps,   lambda_i = mean(ln R_ii) / time
 *
 *  DS is the derivative of the very step that the stepper takes, at the noise of the trajectory, so the sum of all exponents is the
 *  mean log-determinant of the scheme's own step map. Exponents are > 0 when unstable, per time (per step for maps). */
#ifndef SEPARATRIX_LYAPUNOV_H
#define SEPARATRIX_LYAPUNOV_H

#include <separatrix/simulate.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Options of the task `lyapunov`. */
typedef struct sx_lyapunov_opts {
    size_t struct_size; /**< sizeof(sx_lyapunov_opts) */
    int64_t exponents;  /**< largest exponents to compute; 0 = all */
    int method;         /**< an sx_method with a tangent */
    double dt;          /**< 0: 0.05 over an estimate of the spectral radius, printed */
    double duration;    /**< flows; averaged part */
    int64_t steps;      /**< maps */
    /** time of the state alone, then of state and frame, before anything is averaged (steps for maps); < 0: a tenth of the run */
    double burn_in, transient;
    int64_t
        orthonormalise_every; /**< steps between QR factors; 0 = adapted so that the columns stay far from dependent */
    int64_t replicas;         /**< independent trajectories */
    sx_initial initial;       /**< first states */
    bool has_initial;         /**< whether it was given; else independent standard normal numbers */
    sx_points at;             /**< first states, instead of initial: replica r starts at point r mod points */
    bool has_at;              /**< whether it was given */
    bool noise;               /**< false: the model without its noise */
    bool covariant;           /**< covariant vectors too */
    bool trace;               /**< running averages over time */
    int64_t segment_;         /**< tests only: QR factors (steps of the burn-in) of one segment; 0 = chosen */
} sx_lyapunov_opts;
/** Initialiser; fill in the defaults with sx_fields_default. */
#define SX_LYAPUNOV_OPTS                                                                                               \
    { sizeof(sx_lyapunov_opts) }
/** Fields of sx_lyapunov_opts. */
SX_API extern const sx_field sx_lyapunov_fields[];
/** The task. Cost of a step: as many products of J with `exponents` directions as the stepper evaluates F; memory 3 n k numbers per worker. */
SX_API extern const sx_task_ops sx_lyapunov_task;

#ifdef __cplusplus
}
#endif
#endif
