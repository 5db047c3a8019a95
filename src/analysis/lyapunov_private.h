// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* What the files of `lyapunov` share: the instance and the sections of an item's state. One item is one replica. Its run:
 *
 *     burn-in (x alone) | transient (x and the frame Q) | measurement (logs of R_ii are summed) | covariant: J intervals whose R are
 *     kept and whose vectors are wanted, J more for the backward recursion to converge */
#ifndef SX_ANALYSIS_LYAPUNOV_PRIVATE_H
#define SX_ANALYSIS_LYAPUNOV_PRIVATE_H

#include <separatrix/lyapunov.h>
#include <separatrix/noise.h>

#include "analysis/points.h"
#include "core/kernels.h"

/* Entries of the clock of an item. */
typedef enum sx_lyapunov_clock {
    CLOCK_STEP,      /* steps done since the start of the burn-in */
    CLOCK_INTERVAL,  /* steps until the next QR factors */
    CLOCK_MARK,      /* marks passed */
    CLOCK_FACTORS,   /* QR factors of the measurement */
    CLOCK_DEPENDENT, /* of these with a column that lost more than ten digits */
    CLOCK_SINGULAR,  /* of these with a column that vanished */
    CLOCK_STORED,    /* R kept for the covariant vectors */
    CLOCK_COUNT
} sx_lyapunov_clock;

typedef enum sx_lyapunov_part {
    PART_CLOCK, /* i64 [CLOCK_COUNT] */
    PART_X,     /* [n] */
    PART_Q,     /* [n][width] */
    PART_SUM, /* [2][k+1]     sums of ln R_ii since the start of the measurement, then of tr J h; what rounding took */
    PART_MARKS,  /* [marks][k+1] the sums at the marks */
    PART_SPEED,  /* [2]          |F| at the start and at the end of the measurement */
    PART_R,      /* [2 J][k(k+1)/2] upper triangles, by rows */
    PART_FRAMES, /* [samples][n][k] frames, in the end covariant vectors */
    PART_STATES, /* [samples][n] */
    PART_ANGLES, /* [2][k][k]    sum of angles, smallest angle */
    PART_GROWTH, /* [2][k]       sum of logs of growth; sum of participations */
    PART_COUNT
} sx_lyapunov_part;

enum { SX_LYAPUNOV_BATCHES = 32, SX_LYAPUNOV_MARKS = 128, SX_LYAPUNOV_SAMPLES = 16 };

typedef struct sx_lyapunov_run {
    sx_model *model; /* without its noise if that is not wanted */
    sx_lyapunov_opts o;
    char *group;
    const sx_kernels *kernels;
    sx_places places; /* of `at`; places.n == 0: initial */
    double *x0;       /* initial values, x0_points * n, or NULL */
    int64_t x0_points;
    sx_stepper **steppers; /* one per place, or one */
    int64_t n_steppers;
    sx_key key, key_initial, key_frame;
    int64_t n, k, width; /* width: columns of the frame, k of them not zero; see frame_width */
    double h, t0;
    bool map, quiet; /* discrete time; no noise */
    bool autonomous; /* a flow whose F does not depend on time, without noise */
    bool volume;     /* divergence_mean is measured */
    int64_t burn, transient, steps, marks;
    int64_t half, samples; /* J; frames kept of the first J intervals */
    sx_section sections[PART_COUNT];
    int section_of[PART_COUNT];
    int n_sections;
    size_t state_bytes;
    int64_t tangent_work; /* doubles */
} sx_lyapunov_run;

/* Scratch comes in multiples of 64 bytes. */
static inline int64_t sx_lyapunov_pad(int64_t doubles) {
    return (doubles + 7) / 8 * 8;
}
static inline double *sx_lyapunov_at(const sx_lyapunov_run *s, const void *state, sx_lyapunov_part part) {
    int i = s->section_of[part];
    return i < 0 ? NULL : (double *)((unsigned char *)(uintptr_t)state + s->sections[i].offset);
}
static inline int64_t *sx_lyapunov_clock_of(const sx_lyapunov_run *s, const void *state) {
    return (int64_t *)(void *)sx_lyapunov_at(s, state, PART_CLOCK);
}
static inline const sx_stepper *sx_lyapunov_stepper(const sx_lyapunov_run *s, int64_t replica) {
    return s->steppers[replica % s->n_steppers];
}
static inline const sx_model *sx_lyapunov_model(const sx_lyapunov_run *s, int64_t replica) {
    return s->places.n > 0 ? s->places.models[replica % s->places.n] : s->model;
}
/* Step, counted from the start of the measurement, at which mark j = 0, 1, ... stands. */
static inline int64_t sx_lyapunov_mark(const sx_lyapunov_run *s, int64_t j) {
    return s->steps / s->marks * (j + 1) + s->steps % s->marks * (j + 1) / s->marks;
}

/* Scratch of a worker: the tangent's (also a plain step's, F's and the backward recursion's), the state and the frame at the start of an
 * interval, R, the work of the QR factors, the Jacobian of a map, F. */
typedef struct sx_lyapunov_scratch {
    sx_work work;
    double *x, *Q, *R, *qr, *jacobian, *f;
} sx_lyapunov_scratch;

/* lyapunov_interval.c: one interval in whatever phase the clock of the state says. */
sx_status sx_lyapunov_interval(sx_ctx *ctx, const sx_lyapunov_run *s, int64_t replica, void *state,
                               sx_lyapunov_scratch *g) SX_MUST_USE;
sx_status sx_lyapunov_blow_up(sx_ctx *ctx, const sx_lyapunov_run *s, int64_t replica, int64_t step, const char *what);

/* lyapunov_covariant.c: the backward recursion over the R that were kept; scratch: sx_lyapunov_backward_work doubles. */
int64_t sx_lyapunov_backward_work(const sx_lyapunov_run *s);
void sx_lyapunov_backward(const sx_lyapunov_run *s, int64_t replica, void *state, double *scratch);
/* and its outputs */
sx_status sx_lyapunov_put_covariant(sx_ctx *ctx, const sx_lyapunov_run *s, const void *const *states,
                                    sx_result *result) SX_MUST_USE;

/* lyapunov_finish.c */
sx_status sx_lyapunov_define(sx_ctx *ctx, void *instance, sx_result *result);
sx_status sx_lyapunov_finish(sx_ctx *ctx, const void *instance, const void *const *states, sx_result *result);

#endif
