// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/** @file spectrum.h  The task `spectrum`: relaxation modes and the density of time scales at given points.
 *
 *  J = dF/dx at the point. Flows: zeta an eigenvalue of J, relaxation rate -Re zeta, angular frequency Im zeta. Maps: relaxation rate
 *  -ln|zeta| and angular frequency arg zeta per step, divided by `time_step`. Rates are > 0 when perturbations decay. */
#ifndef SEPARATRIX_SPECTRUM_H
#define SEPARATRIX_SPECTRUM_H

#include <separatrix/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How modes are found. auto: dense up to 1500 numbers in the state, Krylov beyond. */
typedef enum sx_spectrum_method {
    SX_SPECTRUM_AUTO,
    SX_SPECTRUM_DENSE, /**< all of them, by LAPACK; the symmetric pencil of Hessian and metric for gradient systems */
    SX_SPECTRUM_KRYLOV /**< the slowest, by Krylov-Schur with products of J and J^T alone */
} sx_spectrum_method;
/** Their names in experiment files. */
#define SX_SPECTRUM_METHOD_CHOICES "auto|dense|krylov"

/** How the density of rates is found. auto: dense if all modes are known; else the kernel polynomial method for symmetric J and the
 *  Hermitised resolvent for others. */
typedef enum sx_density_method {
    SX_DENSITY_AUTO,
    SX_DENSITY_DENSE,             /**< counts of all eigenvalues */
    SX_DENSITY_KERNEL_POLYNOMIAL, /**< symmetric J: Chebyshev moments by random probes, Jackson kernel */
    SX_DENSITY_LANCZOS,           /**< symmetric J: stochastic Lanczos quadrature */
    SX_DENSITY_RESOLVENT,         /**< any J: stochastic trace of the Hermitised resolvent */
    SX_DENSITY_NONE
} sx_density_method;
/** Their names in experiment files. */
#define SX_DENSITY_CHOICES "auto|dense|kernel-polynomial|lanczos|resolvent|none"

/** What the Krylov method sees of J where slow modes lie close together. auto: J itself first, and a polynomial where that does not converge. */
typedef enum sx_spectrum_filter {
    SX_SPECTRUM_FILTER_AUTO,
    SX_SPECTRUM_FILTER_NONE,       /**< J itself */
    SX_SPECTRUM_FILTER_POLYNOMIAL, /**< Chebyshev polynomial that is small on an ellipse around the unwanted eigenvalues */
    SX_SPECTRUM_FILTER_TIME_STEPPER, /**< exp(J t0): slow modes decay least */
} sx_spectrum_filter;
/** Their names in experiment files. */
#define SX_SPECTRUM_FILTER_CHOICES "auto|none|polynomial|time-stepper"

/** Random-matrix law beside the density. */
typedef enum sx_spectrum_law {
    SX_LAW_AUTO, /**< elliptic if J has at least 100 units and its entries look like independent ones of one variance */
    SX_LAW_NONE,
    SX_LAW_ELLIPTIC /**< circular, elliptic or semicircle law with mean, variance and symmetry of the entries of J */
} sx_spectrum_law;
/** Their names in experiment files. */
#define SX_SPECTRUM_LAW_CHOICES "auto|none|elliptic"

/** What a slow mode must stand out from to be called collective. */
typedef enum sx_spectrum_null {
    SX_NULL_EDGE,     /**< edge of the elliptic law of J's own entries, with its fluctuation */
    SX_NULL_SHUFFLED, /**< slowest mode of copies of J whose pairs (J_ij, J_ji) are shuffled */
    SX_NULL_GAP       /**< no ensemble: a ratio of at least 3 to the next slower rate */
} sx_spectrum_null;
/** Their names in experiment files. */
#define SX_SPECTRUM_NULL_CHOICES "edge|shuffled|gap"

/** Options of the task `spectrum`. */
typedef struct sx_spectrum_opts {
    size_t struct_size;     /**< sizeof(sx_spectrum_opts) */
    sx_points at;           /**< where */
    int64_t modes;          /**< slowest modes to report; 0: all (dense) or 20 (Krylov) */
    int method;             /**< an sx_spectrum_method */
    bool vectors;           /**< right and left eigenvectors of the reported modes */
    int filter;             /**< an sx_spectrum_filter; of Krylov modes of flows */
    double time_step;       /**< maps: duration of a step */
    int density;            /**< an sx_density_method */
    int64_t bins;           /**< of the density; 0: by the number of modes */
    sx_values range;        /**< first and last rate of the density; none: that of the spectrum */
    int64_t probes;         /**< random vectors of stochastic densities */
    int64_t order;          /**< moments, or Lanczos steps; 0: 512 moments, 120 steps */
    double smoothing;       /**< of the resolvent density, absolute; 0: 5 % of the radius of the spectrum */
    int64_t lags;           /**< of the memory kernel; 0 = none */
    sx_values lag_range;    /**< first and last lag, > 0; none: chosen from the rates */
    sx_values infrared;     /**< first and last rate of the window of the infrared exponent; none: no exponent */
    int law;                /**< an sx_spectrum_law */
    bool collective;        /**< look for collective modes */
    int null;               /**< an sx_spectrum_null */
    int64_t shuffles;       /**< copies of the shuffled null model */
    bool non_normality;     /**< numerical abscissa, Henrici departure, Kreiss bound */
    int64_t pseudospectrum; /**< grid points of each axis; 0 = none */
    double tolerance;       /**< relative residual of Krylov modes */
    double slow_below;      /**< rate up to which modes count as slow; 0 = no share of them */
    bool track;             /**< follow modes from point to point */
    double least_overlap;   /**< |w^H v| with which a mode is that of the point before */
} sx_spectrum_opts;
/** Initialiser; fill in the defaults with sx_fields_default. */
#define SX_SPECTRUM_OPTS                                                                                               \
    { sizeof(sx_spectrum_opts) }
/** Fields of sx_spectrum_opts. */
SX_API extern const sx_field sx_spectrum_fields[];
/** The task. */
SX_API extern const sx_task_ops sx_spectrum_task;

#ifdef __cplusplus
}
#endif
#endif
