// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* What the files of `response` share: the instance (immutable during the run) and the sections of an item's state.
 * Dense: an item is a point. Krylov: point p has 1 + probes items, the first for the chosen units, the others one random probe each. */
#ifndef SX_ANALYSIS_RESPONSE_PRIVATE_H
#define SX_ANALYSIS_RESPONSE_PRIVATE_H

#include <separatrix/noise.h>
#include <separatrix/response.h>

#include "analysis/points.h"

typedef enum sx_response_part {
    RESPONSE_AT,          /* i64: an sx_response_at */
    RESPONSE_NUMBER,      /* an sx_response_number */
    RESPONSE_COVARIANCE,  /* [n][n]; Krylov: [m][m] */
    RESPONSE_CIRCULATION, /* [n][n] */
    RESPONSE_STATIC,      /* [n][n]; Krylov: [m][m] */
    RESPONSE_VARIANCE,    /* Krylov: [n] of one probe */
    RESPONSE_J,           /* [n][n] */
    RESPONSE_B,           /* [n][rank] */
    RESPONSE_H,
    RESPONSE_Q,              /* J = Q H Q^T */
    RESPONSE_QB,             /* Q^T B, [n][rank] */
    RESPONSE_E,              /* propagator over one lag */
    RESPONSE_ROWS,           /* [m][n] rows of e^{J t} */
    RESPONSE_PSD,            /* [F][m] */
    RESPONSE_CSD,            /* [F][m][m][2] */
    RESPONSE_SUSCEPTIBILITY, /* [F][m][m][2] */
    RESPONSE_VIOLATION,      /* [F][m] */
    RESPONSE_FUNCTION,       /* [L][m][m] */
    RESPONSE_LAGGED,         /* [L][m][m] */
    RESPONSE_PARTS
} sx_response_part;

typedef enum sx_response_at { AT_STAGE, AT_FREQUENCY, AT_LAG, AT_STABLE, AT_ENTROPY, AT_COUNT } sx_response_at;
typedef enum sx_response_number {
    NUMBER_SPEED,    /* largest |F| (|F(x) - x| for maps) at the point */
    NUMBER_RATE,     /* slowest relaxation rate */
    NUMBER_RESIDUAL, /* of the covariance equation, relative */
    NUMBER_SOLVE,    /* Krylov: largest relative residual over frequencies and units */
    NUMBER_VIOLATION,
    NUMBER_ENTROPY,
    NUMBER_COUNT
} sx_response_number;
enum { STAGE_LINEARISE, STAGE_COVARIANCE, STAGE_REDUCE, STAGE_FREQUENCIES, STAGE_LAGS, STAGE_DONE };

typedef struct sx_response {
    sx_model *model;
    sx_response_opts o; /* resolved; borrowed arrays are copied */
    char *group, *compare;
    sx_places places;
    sx_key key;
    bool dense, map, noisy, all; /* all: the chosen units are all units in order */
    int64_t n, m, rank, probes, K;
    int64_t *unit;     /* [m] */
    int64_t F, L;      /* frequencies, lags */
    double *frequency; /* [F] */
    double lag_step;
    sx_section sections[RESPONSE_PARTS];
    int section_of[RESPONSE_PARTS];
    int n_sections;
    size_t state_bytes;
} sx_response;

static inline double *sx_response_at_part(const sx_response *r, const void *state, sx_response_part part) {
    int i = r->section_of[part];
    return i < 0 ? NULL : (double *)((unsigned char *)(uintptr_t)state + r->sections[i].offset);
}
static inline int64_t *sx_response_at_numbers(const sx_response *r, const void *state) {
    return (int64_t *)(void *)sx_response_at_part(r, state, RESPONSE_AT);
}

/* response.c: the sections of a state, from n, m, rank, F, L and what is wanted. */
sx_status sx_response_lay_out(sx_ctx *ctx, sx_response *r);
/* response_dense.c: one bounded part of the work on a point. */
sx_status sx_response_dense(sx_ctx *ctx, const sx_response *r, int64_t point, void *state, bool *done,
                            double *fraction);
/* The first stage when J and B are in the state already: slowest rate, stability. */
sx_status sx_response_judge(sx_ctx *ctx, const sx_response *r, void *state);
/* Slowest relaxation rate of an n x n matrix: -max Re lambda, -ln max |zeta|. Stable: > 0. */
sx_status sx_response_rate(sx_ctx *ctx, bool map, int64_t n, const double *J, double *rate);
/* J [n][n] and B [n][rank] at a point, and the largest |F| there (|F(x) - x| for maps). */
sx_status sx_response_linearise(sx_ctx *ctx, const sx_response *r, int64_t point, double *J, double *B, double *speed);
/* response_krylov.c: an item of a large model. */
int64_t sx_response_krylov_scratch(const sx_response *r); /* doubles */
sx_status sx_response_krylov(sx_ctx *ctx, const sx_response *r, int64_t item, void *state, double *scratch,
                             const sx_exec *exec);
/* response_finish.c */
sx_status sx_response_define(sx_ctx *ctx, void *instance, sx_result *result);
sx_status sx_response_finish(sx_ctx *ctx, const void *instance, const void *const *states, sx_result *result);
/* response_compare.c: the measurements of a `simulate` task beside the theory of `point`, whose law is computed anew for the scheme of the run. */
sx_status sx_response_compare(sx_ctx *ctx, const sx_response *r, const void *const *states, sx_result *result);

#endif
