// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/** @file basins.h  The task `basins`: to which attractor random starts go, with error bars; points, cycles, tori and chaos; under noise;
 *  pictures of planes; the state on the edge between two basins. */
#ifndef SEPARATRIX_BASINS_H
#define SEPARATRIX_BASINS_H

#include <separatrix/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Kinds of attractors, in the order of their numbers. */
typedef enum sx_attractor_kind {
    SX_ATTRACTOR_POINT,
    SX_ATTRACTOR_CYCLE,
    SX_ATTRACTOR_TORUS,
    SX_ATTRACTOR_CHAOS,
    SX_ATTRACTOR_UNRESOLVED, /**< the run was too short to tell */
    SX_ATTRACTOR_ESCAPED     /**< left every bound */
} sx_attractor_kind;
/** Their names. */
#define SX_ATTRACTOR_CHOICES "point|cycle|torus|chaos|unresolved|escaped"

/** slice = { x, y, points, at } */
typedef struct sx_slice_opts {
    sx_units x, y;  /**< the two units of the plane */
    int64_t points; /**< of each axis */
    sx_values at;   /**< the other units; none = 0 */
    bool given;     /**< whether a slice is wanted */
} sx_slice_opts;

/** edge = { from, to, rounds } */
typedef struct sx_edge_opts {
    sx_values from, to; /**< states of two basins */
    int64_t rounds;     /**< of bisecting and following */
    bool given;         /**< whether an edge state is wanted */
} sx_edge_opts;

/** Options of the task `basins`. */
typedef struct sx_basins_opts {
    size_t struct_size;  /**< sizeof(sx_basins_opts) */
    int64_t starts;      /**< random starts */
    sx_values box;       /**< where they are drawn: 2 numbers, or 2 per unit */
    sx_initial initial;  /**< or their law; zero = the box */
    double dt;           /**< step of flows; 0 = 0.1 over an estimate of the spectral radius */
    double noise;        /**< time (steps of maps) under noise before the relaxation; 0 = none */
    double transient;    /**< time (steps of maps) of relaxation before anything is looked at; 0 = chosen */
    double window;       /**< time (steps of maps) over which an attractor is looked at; 0 = chosen */
    double tolerance;    /**< settled: closer to a fixed point than tolerance (1 + max |x_i|) */
    double recurrence;   /**< returned: closer than recurrence times the range of the motion */
    double escape;       /**< escaped: max |x_i| above this */
    sx_slice_opts slice; /**< picture of a plane */
    sx_edge_opts edge;   /**< edge state */
    int64_t block_;      /**< tests only: starts of a work item; 0 = chosen */
} sx_basins_opts;
/** Initialiser; fill in the defaults with sx_fields_default. */
#define SX_BASINS_OPTS                                                                                                 \
    { sizeof(sx_basins_opts) }
/** Fields of sx_basins_opts. */
SX_API extern const sx_field sx_basins_fields[];
/** The task. */
SX_API extern const sx_task_ops sx_basins_task;

#ifdef __cplusplus
}
#endif
#endif
