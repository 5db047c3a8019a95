// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Where a task looks at the model: the points of an option made whole, each with the model under the input that is held there. */
#ifndef SX_ANALYSIS_POINTS_H
#define SX_ANALYSIS_POINTS_H

#include <separatrix/field.h>
#include <separatrix/model.h>

typedef struct sx_places {
    int64_t n, size;   /* points; numbers of a point */
    double *x;         /* owned, n * size */
    sx_model **models; /* owned references, n: the model, or the model with the input of the point */
} sx_places;

/* A copy of the points. No points: the origin; a reference that is not resolved yet counts as the origin too. SX_E_USAGE when the size is not
 * that of the model; `what` begins messages ("spectrum.at"). */
sx_status sx_places_create(sx_ctx *ctx, const sx_model *m, const sx_points *points, const char *what,
                           sx_places *out) SX_MUST_USE;
void sx_places_free(sx_ctx *ctx, sx_places *p);

#endif
