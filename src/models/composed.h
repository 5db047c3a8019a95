// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Between composed.c, composed_create.c and noise_thermal.c: the data of a composed model. */
#ifndef SX_MODELS_COMPOSED_H
#define SX_MODELS_COMPOSED_H

#include "models/flow.h"
#include "models/metric.h"
#include "models/potential.h"

typedef struct sx_composed {
    int64_t n;
    const sx_kernels *k;
    sx_potential phi;
    sx_metric metric;
    sx_flow flow;
    bool native;         /* hopfield potential with activation metric */
    sx_parity symmetric; /* native without activation flow: V = W_S, shared with phi.S (not owned) */
    sx_coupling *W;      /* native with activation flow: V = W (owned reference) */
    double *W_diagonal;  /* owned: of V */
} sx_composed;

/* Frees a composed model, complete or half made. */
void sx_composed_destroy(sx_ctx *ctx, void *self);

/* The metric of a model; NULL when it is of another kind. Borrowed from the model. */
const sx_metric *sx_composed_metric(const sx_model *m);

#endif
