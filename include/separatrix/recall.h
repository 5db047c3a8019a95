// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/** @file recall.h  The task `recall`: what a network makes of noisy or partial patterns, and which sequences it replays. */
#ifndef SEPARATRIX_RECALL_H
#define SEPARATRIX_RECALL_H

#include <separatrix/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What is asked of the network. */
typedef enum sx_recall_mode {
    SX_RECALL_DENOISE,  /**< evidence = pattern + noise; the response is the mean state */
    SX_RECALL_COMPLETE, /**< the same with a part of the units without evidence */
    SX_RECALL_REPLAY,   /**< no evidence: which pattern follows which */
    SX_RECALL_RETAIN    /**< no evidence, pattern + noise is the first state: does it stay there */
} sx_recall_mode;
/** Their names in experiment files. */
#define SX_RECALL_CHOICES "denoise|complete|replay|retain"

/** Options of the task `recall`. */
typedef struct sx_recall_opts {
    size_t struct_size; /**< sizeof(sx_recall_opts) */
    int mode;           /**< an sx_recall_mode */
    sx_data data;       /**< patterns */
    double strength;    /**< the target is o = strength * pattern */
    double snr;         /**< cue = o + noise of standard deviation sd(o)/snr; 0 = no noise */
    double flip;        /**< fraction of the units whose cue has the other sign */
    double hidden;      /**< complete: fraction of units without evidence */
    int64_t trials;     /**< independent trials */
    int order;          /**< 0: trial k takes pattern k mod patterns; 1: patterns at random */
    int start;          /**< first state: 0 zero (replay: random), 1 the cue, 2 the last of the trial before */
    int sampler;        /**< 0: the model's; else 1 + an sx_sampler */
    int64_t steps;      /**< steps of the network per trial */
    int64_t burn_in;    /**< steps before the response is averaged; -1: none, of flows and maps all but the last */
    double dt;          /**< flows: time step; 0 = chosen */
    double inverse_temperature; /**< beta; 0 = the model's */
} sx_recall_opts;
/** Initialiser; fill in the defaults with sx_fields_default. */
#define SX_RECALL_OPTS                                                                                                 \
    { sizeof(sx_recall_opts) }
/** Fields of sx_recall_opts. */
SX_API extern const sx_field sx_recall_fields[];
/** The task. Cost of a step: one product with J and n draws. */
SX_API extern const sx_task_ops sx_recall_task;

#ifdef __cplusplus
}
#endif
#endif
