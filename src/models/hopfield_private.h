// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Between hopfield.c (operations), hopfield_create.c and hopfield_memory.c (energies of patterns). */
#ifndef SX_MODELS_HOPFIELD_PRIVATE_H
#define SX_MODELS_HOPFIELD_PRIVATE_H

#include <separatrix/hopfield.h>

#include "models/metric.h"

/* Q(s) of patterns xi and its gradient q with derivatives to third order. */
typedef struct sx_memory {
    sx_dense_energy energy;
    int64_t n, patterns, degree;
    double beta;
    const sx_kernels *k;
    sx_coupling *keys, *squares; /* owned: patterns x n, and their squares */
} sx_memory;

sx_status sx_memory_init(sx_ctx *ctx, const sx_dense_hopfield_opts *o, int64_t n, int64_t patterns, const double *keys,
                         sx_memory *out) SX_MUST_USE;
void sx_memory_clear(sx_ctx *ctx, sx_memory *m);
int64_t sx_memory_work(const sx_memory *m, int64_t b);
/* Q, one number per column */
void sx_memory_value(const sx_memory *m, sx_cbatch s, double *out, sx_work w);
/* out = beta out + d^order q [d_0, ..., d_(order-1)], order 0..3; s has as many columns as the directions */
void sx_memory_apply(const sx_memory *m, int order, sx_cbatch s, const sx_cbatch *d, double beta, sx_batch out,
                     sx_work w);
/* out_i = dq_i/ds_i */
void sx_memory_diagonal(const sx_memory *m, sx_cbatch s, sx_batch out, sx_work w);

typedef struct sx_hopfield {
    int64_t n;
    const sx_kernels *k;
    sx_activation phi;
    double gain;
    double *m, *input; /* owned: 1/tau_i, I_i */
    sx_metric metric;  /* owned */
    sx_coupling *W;    /* owned reference or NULL */
    double *diagonal;  /* owned: of W */
    bool patterns;     /* dense-hopfield: memory instead of W */
    sx_memory memory;
} sx_hopfield;

extern const sx_model_ops sx_hopfield_ops, sx_dense_hopfield_ops;
/* Frees a model, complete or half made. */
void sx_hopfield_destroy(sx_ctx *ctx, void *self);
/* The same model with another W or constant input (NULL: as it is). */
sx_status sx_hopfield_rebind(sx_ctx *ctx, const void *self, const sx_coupling *weights, const sx_input *input,
                             void **out) SX_MUST_USE;
/* The metric of a model; NULL when it is of another kind. Borrowed from the model. */
const sx_metric *sx_hopfield_metric(const sx_model *m);

#endif
