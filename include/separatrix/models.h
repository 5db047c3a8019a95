// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/** @file models.h  The built-in models: linear, rate, composed. */
#ifndef SEPARATRIX_MODELS_H
#define SEPARATRIX_MODELS_H

#include <separatrix/activation.h>
#include <separatrix/coupling.h>
#include <separatrix/noise.h>

#ifdef __cplusplus
extern "C" {
#endif

/** External input I_i(t). */
typedef enum sx_input_kind { SX_INPUT_CONSTANT, SX_INPUT_SINE, SX_INPUT_PULSE, SX_INPUT_SAMPLES } sx_input_kind;
/** Their names in experiment files. */
#define SX_INPUT_CHOICES "constant|sine|pulse|file"
/** External input: a constant, a waveform, or samples. */
typedef struct sx_input {
    size_t struct_size;  /**< sizeof(sx_input) */
    int kind;            /**< an sx_input_kind */
    sx_values amplitude; /**< per unit (constant: the value itself) */
    /** sine: amplitude sin(2 pi frequency t + phase) */
    double frequency, phase;
    /** pulse: amplitude for start <= t < stop */
    double start, stop;
    /* samples: I(t) = data[trial][floor(t/dt)][channel -> unit]; replica r uses trial r mod trials */
    /** shape of the samples */
    int64_t trials, times, channels;
    const double *data;          /**< borrowed for creation, copied */
    double dt;                   /**< time between samples */
    int hold;                    /**< 0 "none": running past the end is an error; 1 "last" */
    const int64_t *channel_unit; /**< unit of each channel; NULL: channel k drives unit k */
} sx_input;
/** Initialiser: struct_size set, everything else zero. */
#define SX_INPUT                                                                                                       \
    { sizeof(sx_input) }
/** What happens after the last sample, as in experiment files. */
#define SX_HOLD_CHOICES "none|last"
/** kind, amplitude, frequency, phase, start, stop, dt, hold; the samples themselves come from the caller. Before t = 0 samples are 0. */
SX_API extern const sx_field sx_input_fields[];

/** Linear: x' = A x + I, or x' <- A x + I for maps. */
typedef struct sx_linear_opts {
    size_t struct_size; /**< sizeof(sx_linear_opts) */
    int time;           /**< 0 continuous, 1 discrete */
    int64_t n;          /**< units; 0 = taken from A or the coupling */
    sx_values leak;     /**< k: x' = -k x + ...; scalar or per unit; for maps x' = (1-k) x + ... */
    sx_values input;    /**< constant */
} sx_linear_opts;
/** Initialiser; fill in the defaults with sx_fields_default. */
#define SX_LINEAR_OPTS                                                                                                 \
    { sizeof(sx_linear_opts) }
/** Fields of sx_linear_opts. */
SX_API extern const sx_field sx_linear_fields[];
/** x' = -leak x + W x + input; w may be NULL. Labels are copied (NULL = none). */
SX_API sx_status sx_linear_create(sx_ctx *ctx, const sx_linear_opts *o, const sx_coupling *w, const char *const *labels,
                                  sx_model **out) SX_MUST_USE;

/** Rate network, flows: "current"  tau_i x_i' = -x_i + gain sum_j W_ij phi(x_j) + sum_j L_ij x_j + I_i(t)
 *                        "activity" tau_i r_i' = -r_i + phi(gain sum_j W_ij r_j + I_i(t)) + sum_j L_ij r_j
 *  maps (time = "discrete"): x' = gain W phi(x) + L x + I, and r' = phi(gain W r + I) + L r. W is the synaptic coupling, L the diffusive. */
typedef struct sx_rate_opts {
    size_t struct_size; /**< sizeof(sx_rate_opts) */
    int form;           /**< 0 current, 1 activity */
    int time;           /**< 0 continuous, 1 discrete */
    int phi;            /**< an sx_activation_kind */
    /** parameters of phi */
    double beta, theta, power;
    double gain;   /**< factor g of the synaptic coupling */
    sx_values tau; /**< > 0 */
} sx_rate_opts;
/** Initialiser; fill in the defaults with sx_fields_default. */
#define SX_RATE_OPTS                                                                                                   \
    { sizeof(sx_rate_opts) }
/** Fields of sx_rate_opts. */
SX_API extern const sx_field sx_rate_fields[];
/** W (synaptic) or L (diffusive; already a Laplacian) may be NULL, not both. input may be NULL. */
SX_API sx_status sx_rate_create(sx_ctx *ctx, const sx_rate_opts *o, const sx_coupling *W, const sx_coupling *L,
                                const sx_input *input, const char *const *labels, sx_model **out) SX_MUST_USE;
/** Synaptic weights of a rate network, without its gain (borrowed); NULL: it has none, or the model is of another kind. */
SX_API const sx_coupling *sx_rate_weights(const sx_model *m);

/** Composed: F = -G(x)^-1 grad Phi(x) + R(x). Constants in the formulas are the options of the same name. */
typedef enum sx_potential_kind {
    SX_POTENTIAL_QUADRATIC, /**< sum_i a_i x_i^2 / 2, or x.H x / 2 with matrix H */
    SX_POTENTIAL_QUARTIC,   /**< sum_i a x_i^2/2 + b x_i^3/3 + g x_i^4/4: double well a = -1, b = 0, g = 1 */
    SX_POTENTIAL_RADIAL,    /**< a |x|^2/2 + g |x|^4/4 */
    SX_POTENTIAL_HOPFIELD, /**< -s.W_S s/2 + sum_i int_0^{s_i} phi^-1 - I.s, s = phi(x), W_S the symmetric part; phi = tanh */
    SX_POTENTIAL_LOGSUMEXP /**< |x|^2/2 - (1/beta) ln sum_mu exp(beta k_mu.x): modern Hopfield; keys k in the rows of `keys` */
} sx_potential_kind;
/** Their names in experiment files. */
#define SX_POTENTIAL_CHOICES "quadratic|quartic|radial|hopfield|log-sum-exp"
/** Metric G of a composed model. */
typedef enum sx_metric_kind {
    SX_METRIC_IDENTITY,
    SX_METRIC_DIAGONAL,          /**< constant G = diag(metric_values) */
    SX_METRIC_ACTIVATION,        /**< G = diag(tau phi'(x_i)), phi = tanh */
    SX_METRIC_RADIAL_TANGENTIAL, /**< G^-1 = mu_r n n^T + mu_t (I - n n^T), n = x/|x| */
    SX_METRIC_LORENTZIAN         /**< G = diag(1/(1 + x_i^2)) */
} sx_metric_kind;
/** Their names in experiment files. */
#define SX_METRIC_CHOICES "identity|diagonal|activation|radial-tangential|lorentzian"
/** Reentrant flow R of a composed model; every kind is free of divergence. */
typedef enum sx_flow_kind {
    SX_FLOW_NONE,
    SX_FLOW_ANTISYMMETRIC, /**< R = omega A x, A the antisymmetric part of the flow coupling; default: units 2k, 2k+1 rotate,
                                A = [0 -1; 1 0] */
    SX_FLOW_GRADIENT,      /**< R = -omega A grad Phi: leaves exp(-Phi/T) stationary */
    SX_FLOW_ACTIVATION /**< R_i = sum_j W_A,ij phi(x_j) / tau_i, W_A the antisymmetric part of the coupling, phi = tanh */
} sx_flow_kind;
/** Their names in experiment files. */
#define SX_FLOW_CHOICES "none|antisymmetric|gradient|activation"
/** Options of a composed model; what has no meaning for the chosen parts must be left out. */
typedef struct sx_composed_opts {
    size_t struct_size; /**< sizeof(sx_composed_opts) */
    int64_t n;          /**< units; 0 = taken from coupling, keys or metric values */
    int potential;      /**< an sx_potential_kind */
    sx_values a;        /**< quadratic: scalar, per unit or n x n matrix H; quartic, radial: scalar */
    /** cubic and quartic coefficient; inverse temperature of log-sum-exp */
    double b, g, beta;
    sx_values keys;          /**< log-sum-exp: patterns x n */
    int64_t patterns;        /**< number of keys; 0 = keys.n / n */
    int metric;              /**< an sx_metric_kind */
    sx_values metric_values; /**< diagonal metric: one or n positive numbers */
    /** radial-tangential metric: mobilities */
    double mu_r, mu_t;
    int flow;        /**< an sx_flow_kind */
    double omega;    /**< strength of the antisymmetric and gradient flows */
    sx_values input; /**< hopfield */
    sx_values tau;   /**< activation metric and flow; default 1 */
} sx_composed_opts;
/** Initialiser; fill in the defaults with sx_fields_default. */
#define SX_COMPOSED_OPTS                                                                                               \
    { sizeof(sx_composed_opts) }
/** Fields of sx_composed_opts. */
SX_API extern const sx_field sx_composed_fields[];
/** W: coupling of the hopfield potential and the activation flow; A: coupling of the antisymmetric and gradient flows. Either may
 *  be NULL where not needed. */
SX_API sx_status sx_composed_create(sx_ctx *ctx, const sx_composed_opts *o, const sx_coupling *W, const sx_coupling *A,
                                    const char *const *labels, sx_model **out) SX_MUST_USE;

/** Registry, for `separatrix models`, the docs and the model x task table. */
typedef struct sx_model_info {
    /** example: a complete experiment as TOML text */
    const char *kind, *title, *equation, *help, *example;
    const sx_field *fields;  /**< fields of its options */
    size_t opts_size;        /**< sizeof its options */
    const sx_model_ops *ops; /**< all operations it can have; those of a given model may be fewer (sx_model_has) */
} sx_model_info;
/** All built-in kinds, in the order of the documentation. */
SX_API const sx_model_info *sx_model_infos(int *n);

#ifdef __cplusplus
}
#endif
#endif
