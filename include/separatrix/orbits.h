// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/** @file orbits.h  The task `orbits`: periodic orbits of flows (limit cycles, unstable cycles) and of maps (period-p points) with their Floquet
 *  multipliers, by multiple shooting from recurrences of trajectories. The noise-free drift F is used.
 *
 *  Flow: x(t + T) = x(t); the multipliers are the eigenvalues of M = dx(T)/dx(0), one of which is 1. Map: F^p(x) = x, M = DF^p(x). */
#ifndef SEPARATRIX_ORBITS_H
#define SEPARATRIX_ORBITS_H

#include <separatrix/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Options of the task `orbits`. */
typedef struct sx_orbits_opts {
    size_t struct_size; /**< sizeof(sx_orbits_opts) */
    sx_points start;    /**< where trajectories begin; none: random points alone */
    int64_t random;     /**< random starts; < 0: 8 if `start` says "random" or nothing, else none */
    double spread;      /**< standard deviation of random starts */
    double
        transient; /**< time before recurrences are looked for (steps for maps); < 0: 200 over the stiffness, 1000 steps */
    double duration; /**< of the recorded trajectory (steps for maps); 0: 500 over the stiffness, 2000 steps */
    int64_t samples; /**< flows: states recorded */
    int64_t
        recurrences; /**< flows: times along the trajectory whose returns are tried; maps: returns tried for each period */
    double period_min;  /**< shortest period */
    double period_max;  /**< longest period; 0: half the duration (flows), 8 (maps) */
    int64_t segments;   /**< flows: shooting segments of an orbit */
    int64_t phases;     /**< flows: phases reported */
    double tolerance;   /**< converged: residual of the shooting equations over the size of the trajectory */
    double rtol;        /**< flows: relative error of a step of the integrator */
    int64_t iterations; /**< of Newton's method, at most */
} sx_orbits_opts;
/** Initialiser; fill in the defaults with sx_fields_default. */
#define SX_ORBITS_OPTS                                                                                                 \
    { sizeof(sx_orbits_opts) }
/** Fields of sx_orbits_opts. */
SX_API extern const sx_field sx_orbits_fields[];
/** The task. */
SX_API extern const sx_task_ops sx_orbits_task;

#ifdef __cplusplus
}
#endif
#endif
