// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Figures of any variable: curves over a coordinate with theory dashed, so that new tasks have figures at once. */
#include "report/figure.h"

#include <string.h>

/* Along the last dimension with a coordinate, else the longest. */
static sx_status choose_axis(sx_figures *f, const char *group, int n_dims, const int64_t *shape, const char **dims,
                             sx_axis *axis, int *along) {
    *along = -1;
    for (int k = n_dims - 1; k >= 0; k--) {
        sx_axis a;
        SX_TRY(f->ctx, sx_figures_axis(f, group, dims[k], shape[k], &a));
        bool better = *along < 0 || (axis->discrete && !a.discrete && shape[k] > 1) ||
                      (axis->discrete == a.discrete && shape[k] > shape[*along]);
        if (!better) continue;
        *along = k;
        *axis = a;
    }
    return SX_OK;
}

sx_status sx_figure_generic(sx_figures *f, int id) {
    const char *dims[8], *group, *const *names = NULL, *which = "";
    int64_t shape[8], at[8] = { 0 };
    int n_dims = sx_result_shape(f->r, id, shape, dims), along, across = -1;
    sx_axis axis = { 0 };
    sx_result_var(f->r, id, &group);
    if (n_dims == 0) return SX_STOPPED;
    SX_TRY(f->ctx, choose_axis(f, group, n_dims, shape, dims, &axis, &along));
    if (shape[along] < 2) return SX_STOPPED;
    for (int k = n_dims - 1; k >= 0; k--)
        if (k != along && (across < 0 || shape[k] > shape[across])) across = k;
    int64_t curves = across < 0 ? 1 : shape[across] < SX_FIGURE_CURVES ? shape[across] : SX_FIGURE_CURVES;
    if (curves == 0) return SX_STOPPED;
    int theory = sx_figures_beside(f, id, "_theory");
    sx_figure *figure;
    bool reduced = false;
    SX_TRY(f->ctx, sx_figures_add(f, id, (int)curves * (theory >= 0 ? 2 : 1), &figure));
    figure->x = axis;
    SX_TRY(f->ctx, sx_figures_value_axis(f, id, &figure->y));
    figure->x.log = figure->y.log = strcmp(dims[along], "frequency") == 0;
    if (across >= 0) SX_TRY(f->ctx, sx_figures_labels(f, group, dims[across], shape[across], &names));
    bool error = false;
    for (int64_t i = 0; i < figure->n_series; i++) {
        sx_series *s = &figure->series[i];
        int64_t curve = i % curves;
        bool is_theory = i >= curves;
        if (across >= 0) at[across] = curve;
        SX_TRY(f->ctx, sx_figures_curve(f, is_theory ? theory : id, along, at, s, &reduced));
        error = error || s->error;
        s->kind = axis.discrete ? (is_theory ? SX_SERIES_MARKS : SX_SERIES_POINTS) : SX_SERIES_LINE;
        s->dashed = is_theory;
        s->colour = curves == 1 && is_theory ? -1 : (int)curve;
        s->name = is_theory ? "theory" : theory >= 0 ? "simulation" : "";
        if (across < 0) continue;
        SX_TRY(f->ctx, sx_figures_item_name(f, names, dims[across], curve, &s->name));
        if (is_theory) SX_TRY(f->ctx, sx_figures_print(f, &s->name, "%s, theory", s->name));
    }
    if (across >= 0 && curves < shape[across])
        SX_TRY(f->ctx, sx_figures_print(f, &which, "The first %d of %lld. ", (int)curves, (long long)shape[across]));
    return sx_figures_print(f, &figure->caption, "%s%s%s%s", which,
                            error ? (axis.discrete ? "Bars: ± 1 standard error. " : "Bands: ± 1 standard error. ") : "",
                            theory >= 0 ? "Dashed: theory. " : "",
                            reduced ? "Drawn by the smallest and largest number of each of 800 intervals." : "");
}
