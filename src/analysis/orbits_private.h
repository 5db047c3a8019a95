// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* What the files of `orbits` share: the instance (immutable during the run) and the sections of an item's state. An item is a start: transient,
 * recording, then one recurrence after the other. */
#ifndef SX_ANALYSIS_ORBITS_PRIVATE_H
#define SX_ANALYSIS_ORBITS_PRIVATE_H

#include <separatrix/orbits.h>

#include "analysis/points.h"
#include "run/variational.h"

typedef enum sx_orbits_part {
    ORBITS_AT,         /* i64: an sx_orbits_at */
    ORBITS_NUMBER,     /* an sx_orbits_number */
    ORBITS_X,          /* [n] */
    ORBITS_SAMPLES,    /* [S][n] */
    ORBITS_FROM,       /* [Q] sample where a recurrence begins */
    ORBITS_GUESS,      /* [Q] its period */
    ORBITS_PERIOD,     /* [Q] of the orbits found */
    ORBITS_RESIDUAL,   /* [Q] */
    ORBITS_HITS,       /* [Q] recurrences that led to it */
    ORBITS_ORBIT,      /* [Q][P][n] */
    ORBITS_MULTIPLIER, /* [Q][n][2] */
    ORBITS_PARTS
} sx_orbits_part;
typedef enum sx_orbits_at {
    AT_STAGE,
    AT_SAMPLE,
    AT_RECURRENCE,
    AT_RECURRENCES,
    AT_FOUND,
    AT_FAILED,
    AT_COUNT
} sx_orbits_at;
typedef enum sx_orbits_number { NUMBER_STEP, NUMBER_SIZE, NUMBER_COUNT } sx_orbits_number;
enum { STAGE_START, STAGE_TRANSIENT, STAGE_RECORD, STAGE_SEARCH, STAGE_ORBITS, STAGE_DONE };

typedef struct sx_orbits {
    sx_model *model;
    sx_orbits_opts o; /* resolved */
    char *group;
    sx_places places;
    sx_key key;
    bool map;
    int64_t n, starts, random; /* places come before random ones */
    int64_t S, Q, P;           /* samples, most orbits of a start, phases (maps: the longest period) */
    int64_t before;            /* sample intervals of the transient */
    double interval;
    sx_section sections[ORBITS_PARTS];
    int n_sections;
    size_t state_bytes;
} sx_orbits;

static inline double *sx_orbits_part_at(const sx_orbits *s, const void *state, sx_orbits_part part) {
    return (double *)(void *)((unsigned char *)(uintptr_t)state + s->sections[part].offset);
}
static inline int64_t *sx_orbits_at_numbers(const sx_orbits *s, const void *state) {
    return (int64_t *)(void *)sx_orbits_part_at(s, state, ORBITS_AT);
}
/* The model of a start. */
static inline const sx_model *sx_orbits_model(const sx_orbits *s, int64_t item) {
    return item < s->starts - s->random ? s->places.models[item] : s->model;
}

/* An orbit being solved for: s points a time T/s apart (maps: T = s points). */
typedef struct sx_shooting {
    const sx_orbits *o;
    const sx_model *m;
    double *scratch; /* sx_variational_scratch(m, n) */
    int64_t s;
    double T, size;  /* period; size of the trajectory */
    double *X;       /* [s][n] */
    double *G;       /* [s][n][n] derivatives of the segments, at X */
    double residual; /* norm of the jumps over size */
} sx_shooting;

/* orbits_newton.c: Newton's method from X and T; *found, with G at the solution. */
sx_status sx_orbits_solve(sx_ctx *ctx, sx_shooting *h, bool *found);
/* Eigenvalues of G_{s-1} ... G_0 by modulus, descending, conjugate pairs together with Im > 0 first: out [n][2]. */
sx_status sx_orbits_multipliers(sx_ctx *ctx, const sx_shooting *h, double *out);
/* State of the orbit at time t in [0, T). */
sx_status sx_orbits_state(sx_ctx *ctx, const sx_shooting *h, double t, double *x);
/* orbits_seed.c */
sx_status sx_orbits_start(sx_ctx *ctx, const sx_orbits *s, int64_t item, void *state);
sx_status sx_orbits_follow(sx_ctx *ctx, const sx_orbits *s, int64_t item, void *state, double *scratch);
sx_status sx_orbits_search(sx_ctx *ctx, const sx_orbits *s, void *state);
/* orbits_found.c: solve for the next recurrence and keep what is new. */
sx_status sx_orbits_next(sx_ctx *ctx, const sx_orbits *s, int64_t item, void *state, double *scratch);
/* Distance of a point from an orbit given by its phases, as a closed polygon (maps: from the nearest point). */
double sx_orbits_distance(bool map, int64_t n, int64_t phases, const double *orbit, const double *x);
/* orbits_finish.c */
sx_status sx_orbits_define(sx_ctx *ctx, void *instance, sx_result *result);
sx_status sx_orbits_finish(sx_ctx *ctx, const void *instance, const void *const *states, sx_result *result);

#endif
