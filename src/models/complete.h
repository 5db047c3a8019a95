// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* A table of operations with its missing derivatives completed (complete.c), as the data of a model of kind plugin (plugin.c). */
#ifndef SX_MODELS_COMPLETE_H
#define SX_MODELS_COMPLETE_H

#include <separatrix/plugin.h>

#include "models/rows.h"

typedef struct sx_complete {
    sx_model_ops ops; /* as far as there are any; the model's table points here */
    const sx_model_ops *f;
    void *self;   /* of the plug-in; its destroy frees it */
    void *handle; /* of the shared library, or NULL */
    void (*F_complex)(const void *self, double t, const double *x, double *out, int64_t b, sx_work w);
    int64_t n;
    double step[4]; /* of differences, by order of the derivative; [0]: of grad p.J v */
    char *notes;    /* owned */
} sx_complete;

/* Highest derivative <= order that needs no difference. */
int sx_complete_exact(const sx_complete *c, int order);
/* d^order F along d[0] ... d[order-1]; by_differences: the last direction even where it is exact. x has as many columns as d. */
void sx_complete_along(const sx_complete *c, int order, bool by_differences, double step, double t, sx_cbatch x,
                       const sx_cbatch *d, sx_batch out, sx_work w);
/* J^T p, grad p.J v */
void sx_complete_adjoint(const sx_complete *c, double step, double t, sx_cbatch x, sx_cbatch p, sx_batch out,
                         sx_work w);
void sx_complete_curvature(const sx_complete *c, double step, double t, sx_cbatch x, sx_cbatch p, sx_cbatch v,
                           sx_batch out, sx_work w);
/* Scratch of any of them. */
int64_t sx_complete_work(const sx_complete *c, int64_t b);

/* Chooses steps, estimates errors, fills c->ops and c->notes; logs. c->f, self, F_complex and n are set; point: n numbers. SX_E_FILE if
 * F_complex is not F; SX_E_NUMERIC if F is not finite at the point. */
sx_status sx_complete_derivatives(sx_ctx *ctx, sx_complete *c, const char *name, const double *point, double tolerance,
                                  const sx_layout *layout) SX_MUST_USE;

/* All operations; for the registry. */
extern const sx_model_ops sx_plugin_ops;
/* Frees the data of the plug-in, then *self, then closes the library. */
void sx_plugin_close(sx_ctx *ctx, void *self);

#endif
