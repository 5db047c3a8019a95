// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* What running an experiment needs: the model with its noise, the options of every task with files and labels resolved. */
#ifndef SX_EXPERIMENT_BUILD_H
#define SX_EXPERIMENT_BUILD_H

#include "experiment/load.h"

typedef struct sx_build {
    sx_arena arena;
    sx_binding bind;
    sx_model *model;
    void **task_opts;   /* arena; e->n_tasks */
    sx_model **learned; /* owned: the models with learned weights of the present task */
    int64_t n_learned;
    char *couplings;     /* owned; one line each, for `check` */
    int64_t model_bytes; /* held by the context since before building */
    uint64_t hash;       /* of experiment, input files and version of the library */
} sx_build;

/* @param[in] survey also describe the couplings with their spectral radius (up to 2000 units) */
sx_status sx_build_create(sx_ctx *ctx, const sx_experiment *e, bool survey, sx_build *b) SX_MUST_USE;
void sx_build_free(sx_ctx *ctx, sx_build *b);
/* Follow the references of task i into the results of the tasks before it: its options are read once more. */
typedef struct sx_followed {
    const char *nothing;   /* the task that was referred to and has found nothing; NULL: all is there */
    const sx_model *model; /* the model to run with, borrowed from the build */
    int64_t snapshots;     /* > 0: every point stands so many times, once per snapshot of the learned weights */
} sx_followed;
sx_status sx_build_follow(sx_ctx *ctx, const sx_experiment *e, sx_build *b, int i, const sx_result *results,
                          sx_followed *out) SX_MUST_USE;
/* Key of the noise of task i. */
sx_key sx_build_key(const sx_experiment *e, int i);

#endif
