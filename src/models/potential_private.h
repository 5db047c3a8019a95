// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Between potential.c and potential_softmax.c: the log-sum-exp potential. */
#ifndef SX_MODELS_POTENTIAL_PRIVATE_H
#define SX_MODELS_POTENTIAL_PRIVATE_H

#include "models/potential.h"

/* a.c per column, into scratch */
double *sx_column_dots(sx_cbatch a, sx_cbatch c, sx_work *w);

sx_status sx_softmax_init(sx_ctx *ctx, const sx_composed_opts *o, sx_potential *p) SX_MUST_USE;
int64_t sx_softmax_work(const sx_potential *p, int64_t b);
void sx_softmax_value(const sx_potential *p, sx_cbatch x, double *out, sx_work w);
void sx_softmax_gradient(const sx_potential *p, sx_cbatch x, sx_batch out, sx_work w);
void sx_softmax_hessian(const sx_potential *p, sx_cbatch x, sx_cbatch v, sx_batch out, sx_work w);
void sx_softmax_third(const sx_potential *p, sx_cbatch x, sx_cbatch u, sx_cbatch v, sx_batch out, sx_work w);
void sx_softmax_fourth(const sx_potential *p, sx_cbatch x, sx_cbatch u, sx_cbatch v, sx_cbatch z, sx_batch out,
                       sx_work w);
void sx_softmax_hessian_diagonal(const sx_potential *p, sx_cbatch x, sx_batch out, sx_work w);

#endif
