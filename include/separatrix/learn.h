// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/** @file learn.h  The task `learn`: weights from data by local rules, with snapshots, free energy and attractors.
 *
 *  J_ij is the weight from j to i, s the state, b the evidence, theta = beta (b + J s), m the mean of a unit (coth t - 1/t, or tanh t for spins). */
#ifndef SEPARATRIX_LEARN_H
#define SEPARATRIX_LEARN_H

#include <separatrix/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Rules. dJ of one step; x is a pattern, X all patterns as columns. */
typedef enum sx_rule {
    SX_RULE_FREE_ENERGY, /**< rate (s' - m(J s)) s'^T, s' drawn given b + J s: as in the authors' code (Spisak & Friston 2025) */
    SX_RULE_FREE_ENERGY_PRINTED, /**< rate (s' - m(b + J s)) s'^T: as printed in the paper */
    SX_RULE_HEBB,                /**< rate (X X^T / n - J) */
    SX_RULE_PSEUDO_INVERSE,      /**< rate (X X^+ - J), the projector on the patterns (Personnaz et al. 1985) */
    SX_RULE_STORKEY,      /**< (x x^T - x g^T - g x^T) / n, g the local field without the two units (Storkey 1997) */
    SX_RULE_OJA,          /**< rate (x x^T - diag(x^2) J) */
    SX_RULE_ANTI_HEBBIAN, /**< -rate s s^T of the free running network: unlearning */
    SX_RULE_CONTRASTIVE_DIVERGENCE, /**< rate (x x^T - s s^T), s after `steps` steps from x (Hinton 2002) */
    SX_RULE_ANTISYMMETRIC, /**< rate (x x_before^T - x_before x^T): order of presentation, as with spike timing */
    SX_RULE_HOMEOSTATIC, /**< rate (1 - margin - a(J)) J, a the largest real part of an eigenvalue: the edge is held */
    SX_RULE_NATURAL_GRADIENT, /**< free-energy with row i divided by the Fisher information m'(beta h_i) of its unit */
    SX_RULE_EQUILIBRIUM_PROPAGATION, /**< rate (s+ s+^T - s- s-^T) / (2 nudge), s+- the equilibria pulled to and pushed from
                                          the targets (Scellier & Bengio 2017; Laborieux et al. 2021) */
    SX_RULE_SYNAPTIC_SCALING, /**< row i times (activity / r_i)^rate, r_i the root mean square of unit i (Turrigiano et al. 1998) */
    SX_RULE_METRIC /**< G to H + e^-rate (G - H), from G = 1: a metric follows the Hessian H of the potential */
} sx_rule;
/** Their names in experiment files. */
#define SX_RULE_CHOICES                                                                                                \
    "free-energy|free-energy-printed|hebb|pseudo-inverse|storkey|oja|anti-hebbian|contrastive-divergence|"             \
    "antisymmetric|homeostatic|natural-gradient|equilibrium-propagation|synaptic-scaling|metric"

/** Which snapshots of the weights are kept. */
typedef struct sx_snapshot_opts {
    int64_t n;   /**< how many, the last epoch included */
    int spacing; /**< 0 linear, 1 log */
} sx_snapshot_opts;

/** Options of the task `learn`. */
typedef struct sx_learn_opts {
    size_t struct_size;         /**< sizeof(sx_learn_opts) */
    int rule;                   /**< an sx_rule */
    sx_data data;               /**< patterns, one number per unit */
    double rate;                /**< learning rate */
    double evidence;            /**< b = model's bias + evidence * pattern */
    double inverse_temperature; /**< beta while learning; 0 = the model's */
    int64_t epochs;             /**< presentations (hebb, pseudo-inverse, homeostatic: passes over all patterns) */
    int64_t steps;              /**< steps of the network per presentation */
    int64_t networks;           /**< independent networks, each with random numbers of its own; one work item each */
    int order;                  /**< 0 random, 1 sequential, 2 scheduled */
    sx_values schedule;         /**< scheduled: rows of the data, again from the first after the last */
    bool reset;                 /**< the state is set to 0 before each presentation */
    int start;                  /**< first weights: 0 zero, 1 the model's */
    double margin;              /**< homeostatic */
    const char *clamped; /**< equilibrium propagation: units "first:end" that are held at the pattern; NULL = none */
    const char
        *targets; /**< equilibrium propagation: units "first:end" whose values in the pattern are wanted; NULL = all */
    double nudge; /**< equilibrium propagation: strength of the pull to the targets */
    double activity;            /**< synaptic scaling: root mean square of a unit that is aimed at */
    sx_snapshot_opts snapshots; /**< which weights are kept */
    int64_t monitor;            /**< steps between values of the free energy; 0 = about 1000 values */
    int64_t free_steps;         /**< steps of the free run after each snapshot, for the entropy production; 0 = none */
    bool attractors;            /**< relax from the patterns and compare what they reach */
    double attractor_scale;     /**< relaxations start at m(scale * pattern) */
    int64_t segment_;           /**< tests only: epochs of one segment; 0 = chosen */
} sx_learn_opts;
/** Initialiser; fill in the defaults with sx_fields_default. */
#define SX_LEARN_OPTS                                                                                                  \
    { sizeof(sx_learn_opts) }
/** Fields of sx_learn_opts. */
SX_API extern const sx_field sx_learn_fields[];
/** The task. Cost of a step of the free-energy rules: one pass over J (read and write) and n draws. */
SX_API extern const sx_task_ops sx_learn_task;

#ifdef __cplusplus
}
#endif
#endif
