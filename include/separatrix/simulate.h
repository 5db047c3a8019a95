// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/** @file simulate.h  The task `simulate`: an ensemble of trajectories, observed inside the stepper. */
#ifndef SEPARATRIX_SIMULATE_H
#define SEPARATRIX_SIMULATE_H

#include <separatrix/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Steppers. The table of (method x noise class) is in docs: a cell is a measured order or a refusal that names what fits. */
typedef enum sx_method {
    SX_METHOD_AUTO,
    SX_METHOD_EULER_MARUYAMA,
    SX_METHOD_HEUN,
    SX_METHOD_MILSTEIN,
    SX_METHOD_SRA,
    SX_METHOD_LEIMKUHLER_MATTHEWS,
    SX_METHOD_EXACT,
    SX_METHOD_RK4,
    SX_METHOD_DORMAND_PRINCE,
    SX_METHOD_CVODE,
    SX_METHOD_MAP
} sx_method;
/** Their names in experiment files. */
#define SX_METHOD_CHOICES "auto|euler-maruyama|heun|milstein|sra|leimkuhler-matthews|exact|rk4|dormand-prince|cvode|map"

/** record = { every, units, dtype } */
typedef struct sx_record_opts {
    double every;   /**< time between samples (steps for maps); 0 = every step */
    sx_units units; /**< units to record; empty = all */
    int dtype;      /**< 0 f64, 1 f32 */
    bool given;     /**< whether anything is recorded */
} sx_record_opts;

/** first_passage = [ { name, unit, above | below } | { name, centre, radius } ] */
typedef struct sx_target {
    const char *name; /**< name of the target */
    sx_units unit;    /**< one unit */
    /** NaN = not given */
    double above, below;
    sx_values centre; /**< ball: n values */
    double radius;    /**< first time with |x - centre| > radius */
} sx_target;

/** auto: linear for linear models with additive noise, else none. linear: the stationary law of the scheme itself for linear models
 *  (exact at finite dt), the linear-noise law about the fixed point nearest to the mean for others. */
typedef enum sx_compare { SX_COMPARE_AUTO, SX_COMPARE_NONE, SX_COMPARE_LINEAR } sx_compare;
/** Their names in experiment files. */
#define SX_COMPARE_CHOICES "auto|none|linear"

/** Options of the task `simulate`. */
typedef struct sx_simulate_opts {
    size_t struct_size;     /**< sizeof(sx_simulate_opts) */
    int method;             /**< an sx_method */
    double dt;              /**< 0: 0.05 over an estimate of the spectral radius, printed */
    double duration;        /**< flows; recorded part, after burn_in */
    int64_t steps;          /**< maps */
    double burn_in;         /**< time before anything is observed; steps for maps */
    int64_t replicas;       /**< independent trajectories */
    bool replicas_trials;   /**< replicas = "trials" */
    sx_initial initial;     /**< first states */
    double sample_every;    /**< time between samples of the statistics; 0 = every fourth step (every step of a map) */
    sx_record_opts record;  /**< trajectories to keep */
    bool moments;           /**< x_mean, x_variance with _se */
    bool covariance;        /**< x_covariance */
    double max_lag;         /**< > 0: x_autocovariance up to this lag */
    bool psd;               /**< x_psd (Welch) */
    int64_t psd_window;     /**< samples per window */
    int64_t histogram_bins; /**< > 0: x_histogram over histogram_range */
    /** ends of the histogram */
    double histogram_lo, histogram_hi;
    bool energy;             /**< potential along the run, where the model has one */
    sx_units units;          /**< units of autocovariance, psd and histogram; empty = the first 16 */
    sx_tables first_passage; /**< of sx_target */
    /** adaptive methods */
    double rtol, atol;
    bool pilot;       /**< repeat a few replicas at dt/2 on the same noise and report the shift */
    int compare;      /**< theory beside the statistics: SX_COMPARE_CHOICES */
    int64_t block_;   /**< tests only: replicas of a block; 0 = the model's */
    int64_t segment_; /**< tests only: steps of one segment; 0 = chosen */
} sx_simulate_opts;
/** Initialiser; fill in the defaults with sx_fields_default. */
#define SX_SIMULATE_OPTS                                                                                               \
    { sizeof(sx_simulate_opts) }
/** Fields of sx_simulate_opts. */
SX_API extern const sx_field sx_simulate_fields[];
/** The task. */
SX_API extern const sx_task_ops sx_simulate_task;

/* -- steppers, also for use outside of a task ------------------------------------------------------------------------- */
/** A stepper prepared for one model and one step: opaque, immutable. */
typedef struct sx_stepper sx_stepper;
/** Prepare a stepper for a model and a fixed step h (adaptive methods: h is the output step). SX_E_USAGE names the methods that fit
 *  when the noise class, calculus or model kind does not. auto: exact for linear models (n <= 1000) with additive noise, sra for additive
 *  noise, milstein for diagonal, heun for general; dormand-prince without noise; map for maps. The model is referenced. */
SX_API sx_status sx_stepper_create(sx_ctx *ctx, const sx_model *m, sx_method method, double h, double rtol, double atol,
                                   sx_stepper **out) SX_MUST_USE;
/** Free a stepper; NULL is fine. */
SX_API void sx_stepper_free(sx_ctx *ctx, sx_stepper *s);
/** The method; never SX_METHOD_AUTO. */
SX_API sx_method sx_stepper_method(const sx_stepper *s);
/** Its name as in experiment files; static. */
SX_API const char *sx_stepper_name(const sx_stepper *s);
SX_API double sx_stepper_strong_order(const sx_stepper *s); /**< for the model's noise class; 0 = none claimed */
SX_API double sx_stepper_flops(const sx_stepper *s);        /**< per step and replica */
/** Doubles of scratch for b columns. */
SX_API int64_t sx_stepper_work(const sx_stepper *s, int64_t b);
/** Rows of one set of normals: the rank of the noise; n for exact; 0 without noise. */
SX_API int64_t sx_stepper_normals(const sx_stepper *s);
/** The table of (method x noise class): strong order, or 0 with *refusal (static text that names what fits; NULL when it fits).
 *  INFINITY: exact; 0 without a refusal: none claimed. Weak order likewise. Kind of time and linearity are checked on creation. */
SX_API double sx_stepper_capability(sx_method method, sx_noise_class cls, const char **refusal);
/** Weak order in the same table. */
SX_API double sx_stepper_weak_order(sx_method method, sx_noise_class cls);
/** Advance a block by `count` steps from step number `step` (t = t0 + step * h). Noise: key, step, replica0. Thread-safe.
 *  Steps [a, c) equal steps [a, b) then [b, c) bit for bit: adaptive methods restart at every output step. A replica's bits do not
 *  depend on the others of its block, except for dormand-prince, whose substeps are those of the worst replica of the block.
 *  Failure (cvode, dormand-prince: tolerance not reached) is SX_E_NUMERIC and leaves x as it was. */
SX_API sx_status sx_stepper_advance(sx_ctx *ctx, const sx_stepper *s, sx_key key, double t0, int64_t step,
                                    int64_t count, int64_t replica0, sx_batch x, sx_work w) SX_MUST_USE;
/** Drive one step with given standard normals instead of keyed ones: exact moment tests. dW, dZ: sx_stepper_normals(s) x b. sra:
 *  dZ is the second, independent set n2 of the increment int (W_s - W_t) ds = h^(3/2)/2 (dW + dZ/sqrt 3); leimkuhler-matthews: the
 *  dW of the next step; others ignore it. dZ.x == NULL: zeros. */
SX_API sx_status sx_stepper_step_with(sx_ctx *ctx, const sx_stepper *s, double t, sx_batch x, sx_cbatch dW,
                                      sx_cbatch dZ, sx_work w) SX_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
