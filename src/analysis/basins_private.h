// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* What the files of `basins` share. A run of a block: [noise] -> transient -> (all settled at points: done) -> window
 * -> (a start is still on its way: transient, twice as long). */
#ifndef SX_ANALYSIS_BASINS_PRIVATE_H
#define SX_ANALYSIS_BASINS_PRIVATE_H

#include <separatrix/basins.h>
#include <separatrix/simulate.h>

#include "analysis/fixed_points_private.h"

enum { SX_BASIN_BATCHES = 8, SX_BASIN_RETURNS = 3, SX_BASIN_ROUNDS = 6 };

/* State of a block of b starts, n units. */
typedef enum sx_ba_part {
    BA_STEP,    /* i64 [4]: steps done, phase, rounds, spare */
    BA_X,       /* [n][b] */
    BA_SHADOW,  /* [n][b]: a copy set off by a little, for the largest Lyapunov exponent */
    BA_REF,     /* [n][b]: state at the start of the window */
    BA_SUM,     /* [batches][n][b] */
    BA_SUMSQ,   /* [2][n][b]: earlier and later half of the window */
    BA_LOW,     /* [n][b] */
    BA_HIGH,    /* [n][b] */
    BA_ANCHOR,  /* [n][b]: state where the fixed linear function of the state was largest */
    BA_SCALARS, /* [SCALARS][b] */
    BA_RESULT,  /* [b][n]: root or anchor */
    BA_MEAN,    /* [b][n] */
    BA_MEAN_SE, /* [b][n] */
    BA_SD,      /* [b][n] */
    BA_INFO,    /* [b][8]: kind, period, exponent, its error, error of the state, speed along it, range, residual */
    BA_EDGE,    /* [6][n]: both sides, mean and standard deviation of the two references */
    BA_PARTS
} sx_ba_part;
/* Rows of BA_SCALARS. */
enum {
    BA_TOP,      /* largest value of the linear function */
    BA_FAR,      /* whether the state has left the neighbourhood of its reference */
    BA_NEAREST,  /* least distance to the reference during the present return */
    BA_NEAR_AT,  /* and its time */
    BA_RETURNS,  /* returns so far */
    BA_RETURN_0, /* their times and distances */
    BA_GROWTH_0 = BA_RETURN_0 + 2 * SX_BASIN_RETURNS, /* growth of the shadow's distance in each batch */
    BA_SCALAR_ROWS = BA_GROWTH_0 + SX_BASIN_BATCHES
};
enum { BI_KIND, BI_PERIOD, BI_EXPONENT, BI_EXPONENT_SE, BI_ERROR, BI_SPEED, BI_RANGE, BI_RESIDUAL, BI_NUMBERS };

typedef struct sx_ba {
    sx_basins_opts o;
    sx_model *model, *quiet; /* references: as given, without noise */
    sx_stepper *noisy, *stepper;
    char *group;
    sx_key key;
    const sx_kernels *kernels;
    int64_t n, b;
    bool map;
    double h;
    int64_t noise_steps, transient, window; /* steps */
    int64_t rounds;                         /* how often the transient may be repeated, each time twice as long */
    double *lo, *hi;                        /* owned, n each */
    double *weight;                         /* owned, n: the linear function */
    double *at, *from, *to;                 /* owned, n each, or NULL */
    double *initial;                        /* owned: given states, or NULL */
    int64_t n_initial;
    int64_t starts, side; /* random starts; points of an axis of the slice, 0 = none */
    int64_t slice_x, slice_y;
    int64_t runs, blocks; /* starts and cells of the slice; work items, one more for the edge */
    sx_section sections[BA_PARTS];
    int section_of[BA_PARTS], n_sections;
    size_t state_bytes;
    int64_t work; /* doubles of the steppers */
} sx_ba;

static inline double *sx_ba_at(const sx_ba *s, const void *state, sx_ba_part part) {
    int i = s->section_of[part];
    return i < 0 ? NULL : (double *)(void *)((unsigned char *)(uintptr_t)state + s->sections[i].offset);
}
static inline int64_t *sx_ba_i64(const sx_ba *s, const void *state, sx_ba_part part) {
    return (int64_t *)(void *)sx_ba_at(s, state, part);
}
sx_root_system sx_ba_system(const sx_ba *s);
int64_t sx_ba_scratch(const sx_ba *s); /* doubles */

/* basins_run.c */
void sx_ba_start(const sx_ba *s, int64_t run, double *x);
void sx_ba_start_block(const sx_ba *s, int64_t block, void *state);
sx_status sx_ba_advance(sx_ctx *ctx, const sx_ba *s, int64_t block, void *state, double *scratch, const sx_exec *exec,
                        bool *done, double *fraction) SX_MUST_USE;

/* basins_edge.c: an item of its own. */
sx_status sx_ba_edge_advance(sx_ctx *ctx, const sx_ba *s, void *state, double *scratch, const sx_exec *exec, bool *done,
                             double *fraction) SX_MUST_USE;

/* basins_finish.c */
sx_status sx_ba_define(sx_ctx *ctx, void *instance, sx_result *result);
sx_status sx_ba_finish(sx_ctx *ctx, const void *instance, const void *const *states, sx_result *result);

extern const sx_output sx_basins_outputs[];

#endif
