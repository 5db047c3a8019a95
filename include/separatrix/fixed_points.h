// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/** @file fixed_points.h  The task `fixed-points`: where F(x) = 0 (flows) or F(x) = x (maps), and how sure one can be that nothing is
 *  missing. Newton's method with line search from many starts, minima of the speed, deflation, interval search. */
#ifndef SEPARATRIX_FIXED_POINTS_H
#define SEPARATRIX_FIXED_POINTS_H

#include <separatrix/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How Newton's equation is solved: auto takes dense LU up to 2000 units, GMRES with products J u beyond. */
typedef enum sx_newton_solver { SX_NEWTON_AUTO, SX_NEWTON_DENSE, SX_NEWTON_KRYLOV } sx_newton_solver;
/** Their names in experiment files. */
#define SX_NEWTON_CHOICES "auto|dense|krylov"

/** What to do with the symmetries that a model declares: add the images of every point; keep one point of each class; nothing. */
typedef enum sx_symmetry_use { SX_SYMMETRY_COMPLETE, SX_SYMMETRY_MERGE, SX_SYMMETRY_IGNORE } sx_symmetry_use;
/** Their names in experiment files. */
#define SX_SYMMETRY_CHOICES "complete|merge|ignore"

/** slow = { speed_below, iterations } */
typedef struct sx_slow_opts {
    double speed_below; /**< minima of the speed |F|^2/2 (maps |F - x|^2/2) below this are reported */
    int64_t iterations; /**< at most, of the minimisation of one start */
    bool given;         /**< whether slow points are looked for */
} sx_slow_opts;

/** Options of the task `fixed-points`. */
typedef struct sx_fixed_points_opts {
    size_t struct_size; /**< sizeof(sx_fixed_points_opts) */
    sx_points start;    /**< starts of the search; none: the origin and random ones */
    int64_t
        random;    /**< random starts; < 0: 256 (16 beyond 2000 units) if `start` says "random" or nothing, else none */
    sx_values box; /**< ends lo, hi of the random starts and of the interval search: 2 numbers, or 2 per unit */
    double reach;  /**< points further from the middle of box and starts than so many half-widths are left out */
    sx_values input;    /**< contexts x channels: inputs held constant, one search each */
    double time;        /**< at which F is taken */
    int solver;         /**< an sx_newton_solver */
    double tolerance;   /**< converged: max |F_i| <= tolerance (1 + max |x_i|); the search then goes on to rounding */
    int64_t iterations; /**< of Newton's method, at most, per start */
    double merge;       /**< points closer than merge (1 + max |x_i|) are one */
    int symmetry;       /**< an sx_symmetry_use */
    int64_t
        deflation; /**< starts of each round that looks for points beside those known; < 0: 32, none beyond 2000 units */
    bool interval;     /**< interval search of the box where it is possible: equations, at most 6 units */
    int64_t boxes;     /**< most boxes of the interval search */
    sx_slow_opts slow; /**< slow points */
    int64_t block_;    /**< tests only: starts of a work item; 0 = chosen */
} sx_fixed_points_opts;
/** Initialiser; fill in the defaults with sx_fields_default. */
#define SX_FIXED_POINTS_OPTS                                                                                           \
    { sizeof(sx_fixed_points_opts) }
/** Fields of sx_fixed_points_opts. */
SX_API extern const sx_field sx_fixed_points_fields[];
/** The task. */
SX_API extern const sx_task_ops sx_fixed_points_task;

#ifdef __cplusplus
}
#endif
#endif
