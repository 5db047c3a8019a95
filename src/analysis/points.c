// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
#include "analysis/points.h"

#include <separatrix/models.h>

#include <string.h>

static sx_status fill(sx_ctx *ctx, const sx_model *m, const sx_points *points, sx_places *p) {
    int64_t total;
    SX_TRY(ctx, sx_mul_size(ctx, p->n, p->size, &total));
    SX_TRY(ctx, sx_alloc(ctx, total, sizeof *p->x, &p->x));
    SX_TRY(ctx, sx_alloc(ctx, p->n, sizeof(sx_model *), &p->models));
    if (points->n > 0) memcpy(p->x, points->x, (size_t)total * sizeof *p->x);
    for (int64_t k = 0; k < p->n; k++) {
        if (points->n > 0 && points->models)
            p->models[k] = sx_model_ref(points->models[k]);
        else if (points->n > 0 && points->input)
            SX_TRY(ctx,
                   sx_model_with_input(ctx, m, points->channels, points->input + k * points->channels, &p->models[k]));
        else
            p->models[k] = sx_model_ref(m);
    }
    return SX_OK;
}

sx_status sx_places_create(sx_ctx *ctx, const sx_model *m, const sx_points *points, const char *what, sx_places *out) {
    sx_places p = { .n = sx_points_count(points), .size = sx_model_n(m) };
    if (points->n > 0 && points->size != p.size)
        return SX_FAIL(ctx, SX_E_USAGE, "%s: points of %lld numbers, but the state of the model has %lld", what,
                       (long long)points->size, (long long)p.size);
    sx_status status = fill(ctx, m, points, &p);
    if (status < 0) {
        sx_places_free(ctx, &p);
        return status;
    }
    *out = p;
    return SX_OK;
}

void sx_places_free(sx_ctx *ctx, sx_places *p) {
    for (int64_t k = 0; p->models && k < p->n; k++) sx_model_free(ctx, p->models[k]);
    sx_free(ctx, p->models);
    sx_free(ctx, p->x);
    memset(p, 0, sizeof *p);
}
