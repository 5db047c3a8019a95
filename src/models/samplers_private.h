// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The law of one unit given its natural parameter. */
#ifndef SX_MODELS_SAMPLERS_PRIVATE_H
#define SX_MODELS_SAMPLERS_PRIVATE_H

#include <separatrix/model.h>

#include "core/kernels.h"

typedef struct unit_law {
    void (*mean)(int order, int64_t n, const double *theta,
                 double *y); /* d^order m / dtheta^order; y may equal theta */
    void (*draw)(const sx_kernels *k, int64_t n, const double *theta, const double *u, double *s);
} unit_law;

extern const sx_model_ops sx_free_energy_ops, sx_ising_ops;

#endif
