// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Histograms over the dimension "bin": bars of one unit, outlines of several. */
#include "report/figure.h"

#include <string.h>

/* Outline of bars: left edges, and the right edge of the last. */
static sx_status outline(sx_figures *f, sx_series *s, double width) {
    double *x, *y;
    SX_TRY(f->ctx, sx_figures_take(f, s->n + 1, sizeof *x, &x));
    SX_TRY(f->ctx, sx_figures_take(f, s->n + 1, sizeof *y, &y));
    for (int64_t i = 0; i < s->n; i++) {
        x[i] = s->x[i] - width / 2;
        y[i] = s->y[i];
    }
    x[s->n] = s->x[s->n - 1] + width / 2;
    y[s->n] = y[s->n - 1];
    s->kind = SX_SERIES_STEPS;
    s->x = x;
    s->y = y;
    s->n++;
    return SX_OK;
}

sx_status sx_figure_histogram(sx_figures *f, int id) {
    const char *dims[8], *group, *const *names = NULL;
    int64_t shape[8], at[8] = { 0 };
    int n_dims = sx_result_shape(f->r, id, shape, dims), last = n_dims - 1;
    sx_figure *figure;
    sx_axis axis;
    bool reduced = false;
    sx_result_var(f->r, id, &group);
    if (n_dims < 1 || n_dims > 2 || strcmp(dims[last], "bin") != 0 || shape[last] < 2 ||
        shape[last] > SX_FIGURE_POINTS || shape[0] < 1)
        return SX_STOPPED;
    SX_TRY(f->ctx, sx_figures_axis(f, group, "bin", shape[last], &axis));
    if (axis.discrete) return SX_STOPPED;
    int64_t units = n_dims == 2 ? shape[0] : 1, curves = units < SX_FIGURE_CURVES ? units : SX_FIGURE_CURVES;
    if (n_dims == 2) SX_TRY(f->ctx, sx_figures_labels(f, group, dims[0], units, &names));
    SX_TRY(f->ctx, sx_figures_add(f, id, (int)curves, &figure));
    figure->x = axis;
    figure->x.label = "state";
    SX_TRY(f->ctx, sx_figures_value_axis(f, id, &figure->y));
    figure->y.label = "probability density";
    for (int64_t i = 0; i < curves; i++) {
        sx_series *s = &figure->series[i];
        at[0] = n_dims == 2 ? i : 0;
        SX_TRY(f->ctx, sx_figures_curve(f, id, last, at, s, &reduced));
        double width = s->x[1] - s->x[0];
        s->colour = (int)i;
        s->kind = SX_SERIES_BARS;
        s->name = "";
        if (units > 1) SX_TRY(f->ctx, sx_figures_item_name(f, names, dims[0], i, &s->name));
        if (curves == 1)
            s->width = width;
        else
            SX_TRY(f->ctx, outline(f, s, width));
    }
    if (curves < units)
        return sx_figures_print(f, &figure->caption, "The first %d of %lld units.", (int)curves, (long long)units);
    return SX_OK;
}
