// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* What the files of `simulate` share: the instance (immutable during the run) and the sections of an item's state. */
#ifndef SX_RUN_SIMULATE_PRIVATE_H
#define SX_RUN_SIMULATE_PRIVATE_H

#include <separatrix/noise.h>
#include <separatrix/simulate.h>

#include "core/fft.h"
#include "core/kernels.h"

/* Sections of the state of one block of b replicas; n units, m observed units, S sums per unit. */
typedef enum sx_part {
    PART_STEP,  /* i64 [1]          steps done since the start of the burn-in */
    PART_X,     /* [n][b]           the state */
    PART_SHIFT, /* [n]              origin of the sums: a sample near the mean, against cancellation */
    PART_SUM, /* [n][S]           sum of x - shift, per replica (S = b) or per batch of time (one replica: S = SX_BATCHES) */
    PART_SUMSQ,     /* [n][S] */
    PART_COV,       /* [n][n]           sum of (x - shift)(x - shift)^T */
    PART_HEAD,      /* [L][m][b]        first L samples, for the ends of the lagged sums */
    PART_RING,      /* [L][m][b]        last L samples */
    PART_LAG,       /* [L+1][m][b]      sum of y(t) y(t-l) */
    PART_WINDOW,    /* [m][b][W]        the window being filled */
    PART_PSD,       /* [m][b][W/2+1]    sum of |FFT|^2 */
    PART_HISTOGRAM, /* i64 [m][bins+2]  below, bins, above */
    PART_PASSAGE,   /* [targets][b]     first-passage times, NaN = not yet */
    PART_COUNT
} sx_part;

#define SX_BATCHES 32

typedef struct sx_simulation {
    sx_model *model;
    sx_simulate_opts o; /* resolved; borrowed arrays are copied into `owned` */
    char *group;
    const sx_kernels *kernels;
    sx_stepper *stepper, *half;
    sx_fft *fft;
    double *fft_window; /* Hann */
    sx_key key, key_initial, key_pilot;
    double h, t0; /* step; time of step 0 */
    int64_t n, b, replicas, blocks, pilot_b;
    int64_t burn, steps;    /* in steps */
    int64_t every, samples; /* of the statistics */
    int64_t record_every, records, n_recorded;
    int64_t segment;         /* steps of one advance */
    int64_t sums;            /* S */
    int64_t lags, m, window; /* L, observed units, W */
    int64_t *observed, *recorded;
    double *x0; /* initial values, points * n, or NULL */
    int64_t x0_points;
    const sx_target *targets;
    int64_t n_targets;
    sx_section sections[PART_COUNT];
    int section_of[PART_COUNT]; /* index into sections, or -1 */
    int n_sections;
    size_t state_bytes;
    int64_t work; /* doubles of the steppers' scratch */
    int id_x[8], id_energy, id_final, id_passage, id_censored;
} sx_simulation;

static inline double *sx_part_at(const sx_simulation *s, const void *state, sx_part part) {
    int i = s->section_of[part];
    return i < 0 ? NULL : (double *)((unsigned char *)(uintptr_t)state + s->sections[i].offset);
}
static inline int64_t *sx_part_i64(const sx_simulation *s, const void *state, sx_part part) {
    return (int64_t *)(void *)sx_part_at(s, state, part);
}
/* Replicas of a block that exist (the last block is padded). */
static inline int64_t sx_valid(const sx_simulation *s, int64_t block) {
    int64_t left = s->replicas - block * s->b;
    return left < s->b ? left : s->b;
}

/* observe.c: add one sample of the statistics (sample index k); y is scratch for [n][b]. */
void sx_observe_sample(const sx_simulation *s, int64_t block, int64_t k, void *state, double *y, void *fft_scratch);
/* observe.c: note first passages at time t. */
void sx_observe_passage(const sx_simulation *s, double t, void *state);

/* simulate_finish.c */
sx_status sx_simulate_define(sx_ctx *ctx, void *instance, sx_result *result);
sx_status sx_simulate_finish(sx_ctx *ctx, const void *instance, const void *const *states, sx_result *result);

/* pilot.c: the item that runs pilot_b replicas at h and at h/2 on the same noise; finish writes dt_shift_*. */
sx_status sx_pilot_start(sx_ctx *ctx, const sx_simulation *s, void *state);
sx_status sx_pilot_advance(sx_ctx *ctx, const sx_simulation *s, void *state, double *scratch, const sx_exec *exec,
                           bool *done, double *fraction);
int64_t sx_pilot_steps(const sx_simulation *s);
int64_t sx_pilot_scratch(const sx_simulation *s); /* doubles */
sx_status sx_pilot_finish(sx_ctx *ctx, const sx_simulation *s, const void *state, sx_result *result);
/* simulate.c: initial states of columns replica0 .. replica0 + b. */
void sx_simulate_initial(const sx_simulation *s, int64_t replica0, sx_batch x);

/* linear_noise.c: mean (n) and covariance (n x n) that theory predicts beside the statistics. `source` says which theory. *found is
 * false, with the reason logged, when there is none (unstable, no fixed point, too large). near: start of the Newton search. */
sx_status sx_linear_noise(sx_ctx *ctx, const sx_simulation *s, const double *near, double *mean, double *covariance,
                          const char **source, bool *found);

#endif
