// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* What the files of `learn` share. */
#ifndef SX_LEARN_LEARN_PRIVATE_H
#define SX_LEARN_LEARN_PRIVATE_H

#include <separatrix/learn.h>
#include <separatrix/samplers.h>

#include "core/kernels.h"

enum { SX_LEARN_KEPT = 1000 }; /* so many patterns are kept in the result */

/* The network that learns: weights of the model kind and how its units are drawn. */
typedef struct sx_learner {
    sx_model *model; /* referenced */
    sx_learn_opts o; /* data are copied into x */
    char *group;
    const sx_kernels *k;
    sx_sampler_parts parts; /* of the model, when `sampled` */
    bool sampled;
    double beta;
    int64_t n, ld; /* units; length of a row of weights, sx_learn_row(n) */
    int64_t patterns;
    double *x;                                 /* owned, patterns * n */
    double *bias;                              /* owned, n: of the model */
    int64_t n_schedule, *schedule;             /* owned: rows of scheduled presentations */
    double *target;                            /* owned, n * n: where hebb, pseudo-inverse and metric go, else NULL */
    double *first;                             /* owned, n * n: first weights of the model, else NULL */
    int64_t n_snapshots, *snapshot;            /* owned: epochs after which the weights are kept */
    int64_t records, every;                    /* values of the free energy */
    int64_t segment;                           /* epochs of one advance */
    int64_t clamped[2], targets[2];            /* equilibrium propagation: first unit and end */
    sx_key key, key_order, key_draw, key_free; /* of the task; of one network */
    sx_section sections[8];
    int n_sections;
    size_t state_bytes;
    int id_weights;
} sx_learner;

/* Sections of the state. */
enum { SX_LEARN_CLOCK, SX_LEARN_WEIGHTS, SX_LEARN_STATE, SX_LEARN_FIELD, SX_LEARN_MONITOR, SX_LEARN_PARTS };
/* Rules whose steps are those of free-energy learning; rules that change weights they are given. */
bool sx_learn_is_free_energy(int rule);
bool sx_learn_needs_start(int rule);
/* Length of a row of n weights: a multiple of 8, beyond 64 an odd one, so that eight rows lie in different sets of the first-level cache. */
static inline int64_t sx_learn_row(int64_t n) {
    int64_t lines = (n + 7) / 8;
    return 8 * (lines > 8 ? lines | 1 : lines);
}
static inline void *sx_learn_at(const sx_learner *l, const void *state, int section) {
    return (unsigned char *)(uintptr_t)state + l->sections[section].offset;
}

/* learn_rules.c: one epoch. clock[0] epochs done, clock[1] steps done. scratch: sx_learn_scratch doubles. */
sx_status sx_learn_epoch(sx_ctx *ctx, const sx_learner *l, void *state, double *scratch);
int64_t sx_learn_scratch(const sx_learner *l);
/* Targets of hebb and pseudo-inverse. */
sx_status sx_learn_target(sx_ctx *ctx, sx_learner *l);
/* m(t): mean of a unit with natural parameter t, and a draw. */
void sx_learn_mean(const sx_learner *l, int64_t n, const double *t, double *y);
void sx_learn_draw(const sx_learner *l, int64_t n, const double *t, const double *u, double *y);
/* One step of the network in place without learning: h = J s is scratch. theta, u: n numbers each. */
void sx_learn_step(const sx_learner *l, double beta, const double *J, const double *b, sx_key key, uint64_t step,
                   double *s, double *h, double *theta, double *u);
/* Pearson's r; 0 where one of them is constant. */
double sx_learn_correlation(int64_t n, const double *a, const double *b);
/* h = J s */
void sx_learn_product(const sx_learner *l, const double *J, const double *s, double *h);

/* Pattern of a presentation. */
const double *sx_learn_present(const sx_learner *l, int64_t epoch);

/* b = bias of the model + evidence * pattern of a presentation */
void sx_learn_evidence(const sx_learner *l, int64_t epoch, double *b);
/* e = rate (s - m(h)), or of the other free-energy rules; t: n numbers of scratch. */
void sx_learn_error(const sx_learner *l, const double *b, const double *s, const double *h, double *t, double *e);
/* Whether the free energy is recorded after a step; records it from weights and field of the state; t, m, y: n numbers of scratch. */
bool sx_learn_recorded(const sx_learner *l, int64_t step);
void sx_learn_monitor(const sx_learner *l, void *state, const double *b, double *t, double *m, double *y);

/* learn_sweep.c: one epoch of free-energy learning with Gibbs updates. */
void sx_learn_sweep(const sx_learner *l, void *state, double *p);

/* learn_equilibrium.c: equilibrium propagation and synaptic scaling. */
sx_status sx_learn_units(sx_ctx *ctx, sx_learner *l); /* reads `clamped` and `targets` */
void sx_learn_equilibrium(const sx_learner *l, void *state, double *p);
void sx_learn_scaling(const sx_learner *l, void *state, double *p);

/* learn_metric.c: H, the mean Hessian of the potential over the patterns (none: at the origin), into l->target; one step of G; its rates. */
sx_status sx_learn_hessian(sx_ctx *ctx, sx_learner *l);
void sx_learn_metric(const sx_learner *l, double *G);
sx_status sx_learn_rates(sx_ctx *ctx, const sx_learner *l, const double *G, double *rates);

/* What to be careful of: the text of warning k, false if it does not apply. */
enum { SX_LEARN_WARNINGS = 2, SX_LEARN_WARNING = 200 };
bool sx_learn_warning(const sx_learner *l, int k, char text[SX_LEARN_WARNING]);

/* The learner of one network: its random numbers. */
sx_learner sx_learn_network(const sx_learner *l, int64_t network);

/* learn_finish.c */
sx_status sx_learn_define(sx_ctx *ctx, void *instance, sx_result *result);
sx_status sx_learn_finish(sx_ctx *ctx, const void *instance, const void *const *states, sx_result *result);

/* learn_attractors.c: what the patterns lead to. p: 2 ld numbers of scratch. */
sx_status sx_learn_attractors(sx_ctx *ctx, const sx_learner *l, const void *const *states, sx_result *r, double *p);

#endif
