// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Shared by the stepper files: the stepper itself, the row that describes a method, and the step functions.
 *
 * Scratch of sx_stepper_advance for b columns, in doubles; a "batch" is max(n, rank) * b doubles rounded up to 8 (64 bytes):
 *     [ batches of the method ][ normals, first set ][ normals, second set ][ extra ][ work of the model's operations ] */
#ifndef SX_RUN_STEPPER_PRIVATE_H
#define SX_RUN_STEPPER_PRIVATE_H

#include "core/kernels.h"
#include "core/mutant.h"

#include <separatrix/noise.h>
#include <separatrix/simulate.h>

#include <math.h>

/* From so many numbers on, elementwise work is cut into panels for the executor. */
#define SX_PARALLEL_SIZE_ 65536

#define SX_NOISE_CLASSES 5
#define SX_METHODS       11

/* Which standard normals a step reads. */
typedef enum sx_draw_ {
    SX_DRAW_NONE_, /* deterministic */
    SX_DRAW_DW_,   /* n1 = normals of this step */
    SX_DRAW_DZ_,   /* n1, and n2 = a second, independent set */
    SX_DRAW_NEXT_  /* n1, and n2 = the n1 of the next step */
} sx_draw_;

/* One step of fixed length from time t, in place. n1, n2 [rank][b] as the method's sx_draw_ says, NULL when the model has no
 * noise; p: the batches of the method; w: the work of the model's operations. Never allocates, never fails. */
typedef void sx_step_fn_(const sx_stepper *s, double t, sx_batch x, const double *n1, const double *n2, double *p,
                         sx_work w);
/* `count` steps at once, for methods that can fail or draw their own numbers. x is untouched on failure. */
typedef sx_status sx_advance_fn_(sx_ctx *ctx, const sx_stepper *s, double t0, int64_t step, int64_t count, sx_batch x,
                                 double *p, double *extra, sx_work w);

typedef struct sx_cell_ {
    double strong, weak;
    const char *refusal; /* NULL: the method fits this class of noise */
} sx_cell_;

typedef struct sx_method_row_ {
    const char *name;
    sx_draw_ draw;
    int batches;        /* n x b arrays of scratch */
    double evaluations; /* of F per step, for predictions */
    sx_step_fn_ *step;
    sx_advance_fn_ *advance;
    sx_cell_ cell[SX_NOISE_CLASSES];
} sx_method_row_;

struct sx_stepper {
    sx_model *m; /* referenced */
    const sx_kernels *k;
    const sx_method_row_ *row;
    sx_advance_fn_ *advance; /* NULL: the loop over row->step */
    sx_method method;
    sx_noise_class cls;
    int64_t n, rank; /* rank: rows of one set of normals; 0 without noise */
    double h, rtol, atol;
    double scale; /* sqrt(2 h): noise enters as scale * B n */
    /* additive diagonal noise: scale * B_uu, so that steps need no call of B */
    double *amplitude;      /* owned; NULL for other noise */
    bool amplitude_uniform; /* all units alike */
    /* exact: x' = E x + c + L n, rows of n numbers; only the diagonals when everything is diagonal */
    double *E, *c, *L; /* owned */
    bool exact_diagonal;
};

/* Doubles of a batch of scratch, enough for a state and for a set of normals. */
static inline int64_t sx_stride_(const sx_stepper *s, int64_t b) {
    return ((s->n > s->rank ? s->n : s->rank) * b + 7) / 8 * 8;
}
static inline sx_batch sx_as_batch_(double *p, int64_t rows, int64_t b) {
    sx_batch v = { p, rows, b };
    return v;
}
static inline sx_cbatch sx_as_cbatch_(const double *p, int64_t rows, int64_t b) {
    sx_cbatch v = { p, rows, b };
    return v;
}

/* sqrt(2 h): the noise of a step is this times B n, n standard normal. */
static inline double sx_noise_scale_(double h) {
    if (SX_MUTANT(noise_dt)) return sqrt(2.0) * h;
    if (SX_MUTANT(noise_sqrt2)) return sqrt(h);
    return sqrt(2.0 * h);
}

/* stepper_sde.c */
sx_step_fn_ sx_step_euler_maruyama_, sx_step_heun_, sx_step_milstein_, sx_step_sra_, sx_step_leimkuhler_matthews_;
/* stepper_exact.c */
sx_step_fn_ sx_step_exact_;
sx_status sx_exact_prepare_(sx_ctx *ctx, sx_stepper *s) SX_MUST_USE;
/* stepper_ode.c */
sx_step_fn_ sx_step_rk4_;
sx_advance_fn_ sx_advance_dormand_prince_;
/* stepper_cvode.c */
sx_advance_fn_ sx_advance_cvode_;
int64_t sx_cvode_extra_(const sx_stepper *s); /* doubles of `extra`: two columns and the Jacobian */
/* stepper_map.c */
sx_step_fn_ sx_step_map_;
void sx_draw_samples_(const sx_stepper *s, sx_key key, int64_t step, int64_t count, sx_batch x, sx_work w);

#endif
