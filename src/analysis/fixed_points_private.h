// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* What the files of `fixed-points` share. Throughout, G(x) = F(x) for flows and F(x) - x for maps: a fixed point is a root of G, and
 * A = dG/dx is J or J - 1. */
#ifndef SX_ANALYSIS_FIXED_POINTS_PRIVATE_H
#define SX_ANALYSIS_FIXED_POINTS_PRIVATE_H

#include <separatrix/fixed_points.h>

#include "core/kernels.h"
#include "models/equations_interval.h"

/* -- roots of one model (fixed_points_newton.c) -------------------------------------------------------------------------------- */

/* A system G(x) = 0 and how its Newton steps are solved. */
typedef struct sx_root_system {
    const sx_model *model;
    const sx_kernels *kernels;
    int64_t n;
    double t;
    bool map, dense, curved;      /* curved: the model has phv, the minimisation knows second derivatives */
    double tolerance, resolution; /* of G; of x */
} sx_root_system;

/* Scratch of one worker: carved from doubles. */
typedef struct sx_root_work {
    double *g, *g_new, *x_new, *step, *a, *krylov, *small;
    sx_work model;
} sx_root_work;
int64_t sx_root_doubles(const sx_root_system *s);
void sx_root_carve(const sx_root_system *s, double *scratch, const sx_exec *exec, sx_root_work *w);

enum { SX_ROOT_GOING, SX_ROOT_CONVERGED, SX_ROOT_FAILED };

/* Points whose neighbourhood a deflated search leaves: k points of n numbers, scale2 = s^2 of the factors 1 + s^2/|x - r|^2. */
typedef struct sx_deflation {
    int64_t k;
    const double *points;
    double scale2;
} sx_deflation;

/* Iteration numbers are kept by the caller. memory[4] is the state beside x: norm of G before, error of x, steps since convergence, unused. */
sx_status sx_newton_step(sx_ctx *ctx, const sx_root_system *s, const sx_deflation *deflation, double *x,
                         double memory[4], sx_root_work *w, int *outcome) SX_MUST_USE;
/* One step of the minimisation of |G|^2/2: Newton's method on its gradient in a trust region, the step by conjugate gradients (Steihaug 1983).
 * memory[0]: radius (0 at the start), memory[1]: norm of the gradient. */
sx_status sx_speed_step(sx_ctx *ctx, const sx_root_system *s, double *x, double memory[4], sx_root_work *w,
                        int *outcome) SX_MUST_USE;
/* G(x); max |G_i|; |G|^2/2 */
void sx_root_G(const sx_root_system *s, const double *x, double *g, sx_root_work *w);
double sx_max_abs(int64_t n, const double *x);
/* A = dG/dx at x, row-major. */
void sx_root_matrix(const sx_root_system *s, const double *x, double *a, sx_root_work *w);

/* -- interval search (fixed_points_interval.c) ----------------------------------------------------------------------------------- */

enum { SX_INTERVAL_UNITS = 6, SX_INTERVAL_STACK = 64 * SX_INTERVAL_UNITS, SX_INTERVAL_ROOTS = 512 };

/* State of the search; the arrays lie in the state of the work item. Boxes and roots are rows of 2 n numbers, lo and hi of each unit. */
typedef struct sx_interval_state {
    int64_t *count;   /* [4]: boxes on the stack, roots, boxes looked at, boxes given up */
    double *stack;    /* SX_INTERVAL_STACK x 2n */
    double *unique;   /* SX_INTERVAL_ROOTS x 2n: boxes that hold exactly one root */
    double *enclosed; /* SX_INTERVAL_ROOTS x 2n: narrow boxes about those roots */
} sx_interval_state;
typedef struct sx_interval_search {
    const sx_interval_model *model;
    int64_t n, most; /* boxes to look at, at most */
    bool map;
    double t;
    const double *lo, *hi;
} sx_interval_search;
void sx_interval_start(const sx_interval_search *s, sx_interval_state *state);
/* Looks at up to `boxes` boxes. */
void sx_interval_advance(const sx_interval_search *s, sx_interval_state *state, int64_t boxes, sx_interval *work);
int64_t sx_interval_work(const sx_interval_search *s); /* intervals of scratch */
bool sx_interval_finished(const sx_interval_search *s, const sx_interval_state *state);
/* Every root of the box is in the list, each once. */
bool sx_interval_complete(const sx_interval_state *state);

/* -- the task ---------------------------------------------------------------------------------------------------------------------- */

typedef enum sx_fp_part {
    FP_CURSOR,    /* i64 [4]: start within the block, phase, iterations */
    FP_X,         /* [n]: present point */
    FP_MEMORY,    /* [4]: of the present search */
    FP_ROOT,      /* [block][n]: where each start ended */
    FP_INFO,      /* [block][4]: outcome, residual, error, iterations */
    FP_SLOW,      /* [block][n]: minimum of the speed */
    FP_SLOW_INFO, /* [block][4]: outcome, residual, speed, iterations */
    FP_COUNT,     /* i64 [4] and below: interval search */
    FP_STACK,
    FP_UNIQUE,
    FP_ENCLOSED,
    FP_PARTS
} sx_fp_part;

typedef struct sx_fp {
    sx_fixed_points_opts o;
    sx_model *model; /* reference */
    sx_model **held; /* references, one per context: with its input */
    char *group;
    sx_key key;
    int64_t n;
    bool map, dense;
    int64_t contexts, channels; /* channels 0: no contexts were asked for */
    double *input;              /* owned, contexts x channels */
    double *given;              /* owned, n_given x n */
    double *lo, *hi;            /* owned, n each */
    double *middle, *reach;     /* owned, n each: points with |x - middle| > reach are left out */
    int64_t n_given, n_random, starts;
    int64_t block, blocks; /* starts of an item; items of a context */
    int64_t items;         /* of the searches from starts; one more for the interval search if `interval` is set */
    sx_interval_model *interval;
    sx_section sections[FP_PARTS];
    int section_of[FP_PARTS], n_sections;
    size_t state_bytes;
    int64_t scratch; /* doubles */
} sx_fp;

static inline double *sx_fp_at(const sx_fp *s, const void *state, sx_fp_part part) {
    int i = s->section_of[part];
    return i < 0 ? NULL : (double *)(void *)((unsigned char *)(uintptr_t)state + s->sections[i].offset);
}
static inline int64_t *sx_fp_i64(const sx_fp *s, const void *state, sx_fp_part part) {
    return (int64_t *)(void *)sx_fp_at(s, state, part);
}
sx_root_system sx_fp_system(const sx_fp *s, int64_t context);
sx_interval_search sx_fp_search(const sx_fp *s);
sx_interval_state sx_fp_interval_state(const sx_fp *s, const void *state);

/* fixed_points_starts.c: start number k, the same for all contexts. */
void sx_fp_start(const sx_fp *s, int64_t k, double *x);
/* Whether a point is within reach. */
bool sx_fp_reached(const sx_fp *s, const double *x);
/* A random point of the box, number k of a stream. */
void sx_fp_random(const sx_fp *s, const char *stream, int64_t k, double *x);

/* One point that was found. */
typedef struct sx_fp_point {
    double *x; /* owned, n */
    int64_t context;
    double residual, speed, error;
    int64_t hits, random_hits; /* starts that led here; random ones among them */
    bool slow, proven;         /* a minimum of the speed, no root; matched by the interval search */
    int64_t symmetry_class;
    /* from the eigenvalues of J */
    int64_t n_unstable; /* -1: not known */
    int64_t index;      /* sign det(-A); 0: not known */
    double rate;        /* relaxation rate of the slowest mode */
    char kind[32];
} sx_fp_point;

typedef struct sx_fp_points {
    int64_t n, capacity;
    sx_fp_point *p; /* owned */
} sx_fp_points;

/* fixed_points_merge.c */
void sx_fp_points_free(sx_ctx *ctx, sx_fp_points *all);
bool sx_fp_same(const sx_fp *s, const double *x, double error_x, const double *y, double error_y);
/* The point of a context near x, or -1. */
int64_t sx_fp_find(const sx_fp *s, const sx_fp_points *all, int64_t context, bool slow, const double *x, double error);
/* x is copied. *index of the point, old or new. */
sx_status sx_fp_add(sx_ctx *ctx, const sx_fp *s, sx_fp_points *all, const sx_fp_point *p, int64_t *index,
                    bool *added) SX_MUST_USE;
/* Images under the generators: added (complete), or all but one of a class dropped (merge). Sets symmetry_class. */
sx_status sx_fp_symmetry(sx_ctx *ctx, const sx_fp *s, sx_fp_points *all, double *scratch) SX_MUST_USE;
/* Context, roots before slow points, speed, n_unstable, coordinates. */
sx_status sx_fp_sort(sx_ctx *ctx, const sx_fp *s, sx_fp_points *all) SX_MUST_USE;

/* fixed_points_stability.c: eigenvalues of J at every point. */
sx_status sx_fp_stability(sx_ctx *ctx, const sx_fp *s, sx_fp_points *all) SX_MUST_USE;

/* fixed_points_completeness.c */
typedef struct sx_fp_complete {
    int64_t starts, converged;
    int64_t index_sum, index_expected; /* expected 0: not known */
    int64_t index_consistent;          /* 1, 0; -1: not known */
    double unseen_mass, unseen_se, unseen_lo, unseen_hi, unseen_points;
    int64_t outside;  /* searches that ended out of reach */
    int64_t deflated; /* points found by deflation alone */
    bool proven;
} sx_fp_complete;
/* Probability that the next start of the same kind ends at a point not seen yet, from the number of starts n and the numbers of points
 * hit once, twice (Good 1953; interval after Esty 1983 and, for small counts, Clopper and Pearson); lower bound of the number of such points
 * (Chao 1984). */
void sx_unseen(int64_t n, int64_t once, int64_t twice, sx_fp_complete *out);
/* Whether the flow points inwards (maps: x - F outwards) on a large sphere about the box and all points: sampled. */
sx_status sx_fp_inward(sx_ctx *ctx, const sx_fp *s, int64_t context, double reach, double *radius,
                       bool *inward) SX_MUST_USE;

/* fixed_points_finish.c */
sx_status sx_fp_define(sx_ctx *ctx, void *instance, sx_result *result);
sx_status sx_fp_finish(sx_ctx *ctx, const void *instance, const void *const *states, sx_result *result);

#endif
