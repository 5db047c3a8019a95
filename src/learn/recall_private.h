// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* What the files of `recall` share. */
#ifndef SX_LEARN_RECALL_PRIVATE_H
#define SX_LEARN_RECALL_PRIVATE_H

#include <separatrix/recall.h>
#include <separatrix/simulate.h>

#include "learn/learn_private.h"

enum {
    SX_RECALL_RECORDS = 250, /* steps at which overlaps are kept, at most */
    SX_RECALL_SHOWN = 100    /* overlaps of the first trial: so many patterns at most */
};

/* A run: the network, its weights as rows, the patterns; or another model with its stepper. */
typedef struct sx_recall {
    sx_learner l; /* kernels, size and units */
    sx_recall_opts o;
    double *J, *x;       /* owned; J only of networks of random units */
    sx_stepper *stepper; /* owned: other models, else NULL */
    int64_t stepper_work;
    double h; /* its time step */
    int64_t patterns;
    int64_t chain;           /* trials of an item, one after the other */
    int64_t every, n_record; /* steps between overlaps, and how many */
    double beta;
    sx_key key_cue, key_draw;
    sx_section sections[6];
    int id_overlap; /* of the first trial; -1 = too many patterns */
} sx_recall;

/* Sections of the state of an item. */
enum {
    SX_RECALL_CLOCK, /* step of the trial, trial of the item */
    SX_RECALL_CUE,
    SX_RECALL_STATE,
    SX_RECALL_SUM,
    SX_RECALL_COUNT,
    SX_RECALL_OVERLAP, /* with the pattern of the trial, n_record each */
    SX_RECALL_PARTS
};
static inline void *sx_recall_at(const sx_recall *q, const void *state, int section) {
    return (unsigned char *)(uintptr_t)state + q->sections[section].offset;
}
/* The row of the data that a trial presents. */
int64_t sx_recall_pattern(const sx_recall *q, int64_t trial);
/* m = x.s / x.x, 0 of x = 0. */
double sx_recall_overlap(int64_t n, const double *x, const double *s);

/* recall_finish.c */
sx_status sx_recall_define(sx_ctx *ctx, void *instance, sx_result *r);
sx_status sx_recall_finish(sx_ctx *ctx, const void *instance, const void *const *states, sx_result *r);

#endif
