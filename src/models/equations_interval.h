// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* F and its Jacobian over boxes: enclosures of all values that they take there, for models of kind equations. */
#ifndef SX_MODELS_EQUATIONS_INTERVAL_H
#define SX_MODELS_EQUATIONS_INTERVAL_H

#include <separatrix/model.h>

#include "core/interval.h"

/* Refers to the model, which must outlive it. */
typedef struct sx_interval_model sx_interval_model;

/* SX_E_UNSUPPORTED for models of other kinds. */
sx_status sx_interval_model_create(sx_ctx *ctx, const sx_model *m, sx_interval_model **out) SX_MUST_USE;
void sx_interval_model_free(sx_ctx *ctx, sx_interval_model *e);
/* Intervals of scratch. */
int64_t sx_interval_model_work(const sx_interval_model *e);
/* out[n] contains F(t, y) for all y in x[n]. *rough is set (never cleared) where F may lack a value or a derivative in the box, or jump:
 * theorems about the mean value do not hold there. Constants that are no short binary fractions stand for 4 ulp about them, so that what
 * holds is true for the numbers as they were written. */
void sx_interval_model_F(const sx_interval_model *e, double t, const sx_interval *x, sx_interval *out,
                         sx_interval *work, bool *rough);
/* out[n][n], row-major: the Jacobian over the box. */
void sx_interval_model_J(const sx_interval_model *e, double t, const sx_interval *x, sx_interval *out,
                         sx_interval *work, bool *rough);

#endif
