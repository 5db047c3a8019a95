// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Between reentry.c, reentry_create.c and noise_thermal.c. */
#ifndef SX_MODELS_REENTRY_PRIVATE_H
#define SX_MODELS_REENTRY_PRIVATE_H

#include "models/parity.h"

#include <separatrix/reentry.h>

typedef struct sx_reentry {
    sx_reentry_form form;
    int64_t n, all; /* units of y; numbers of the state */
    bool fast;      /* fast weights */
    double gamma, rho, omega, kappa, beta, eta, tau;
    double trace;   /* of W without fast weights */
    sx_coupling *C; /* owned reference or NULL */
    sx_parity C_S;  /* owned: symmetric part; empty without C */
    const sx_kernels *k;
} sx_reentry;

extern const sx_model_ops sx_reentry_ops;
void sx_reentry_destroy(sx_ctx *ctx, void *self);
/* out += alpha op(W) v without fast weights */
void sx_reentry_add_W(const sx_reentry *m, bool transposed, double alpha, sx_cbatch v, sx_batch out, sx_work w);
/* G^-1 of the fast weights: 2 eta/(gamma tau) */
static inline double sx_reentry_mobility(const sx_reentry *m) {
    return 2.0 * m->eta / (m->gamma * m->tau);
}
/* Give a new model the coupling C (NULL: none). */
sx_status sx_reentry_bind(sx_ctx *ctx, const sx_coupling *C, sx_reentry *m) SX_MUST_USE;
/* Thermal noise D = T G^-1, which is constant. */
sx_status sx_reentry_thermal(sx_ctx *ctx, const sx_model *m, double temperature, sx_noise **out) SX_MUST_USE;

#endif
