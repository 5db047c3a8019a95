// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Figures of any variable: curves over a coordinate, numbers per unit beside theory, so that new tasks have figures at once. */
#include "report/figure.h"

#include <string.h>

static bool has_suffix(const char *name, const char *suffix) {
    size_t n = strlen(name), m = strlen(suffix);
    return n > m && strcmp(name + n - m, suffix) == 0;
}

/* X_se and X_theory are drawn with X. */
static bool belongs_to_other(const sx_figures *f, int id) {
    const char *group;
    const sx_var *var = sx_result_var(f->r, id, &group);
    static const char *const suffixes[] = { "_se", "_theory" };
    for (int k = 0; k < 2; k++) {
        char name[256];
        if (!has_suffix(var->name, suffixes[k])) continue;
        size_t n = strlen(var->name) - strlen(suffixes[k]);
        if (n >= sizeof name) continue;
        memcpy(name, var->name, n);
        name[n] = 0;
        if (sx_result_find(f->r, group, name) >= 0) return true;
    }
    return false;
}

sx_status sx_figure_generic(sx_figures *f, int id) {
    const char *dims[8], *group, *const *names = NULL;
    int64_t shape[8], at[8] = { 0 };
    const sx_var *var = sx_result_var(f->r, id, &group);
    int n_dims = sx_result_shape(f->r, id, shape, dims), along = -1, across = -1;
    if (var->dtype == SX_DT_STRING || n_dims == 0 || belongs_to_other(f, id)) return SX_OK;
    if (n_dims == 1 && strcmp(var->name, dims[0]) == 0) return SX_OK; /* a coordinate */
    sx_axis axis = { 0 };
    for (int k = n_dims - 1; k >= 0; k--) { /* along the last dimension with a coordinate, else the longest */
        sx_axis a;
        SX_TRY(f->ctx, sx_figures_axis(f, group, dims[k], shape[k], &a));
        bool better = along < 0 || (axis.discrete && !a.discrete && shape[k] > 1) ||
                      (axis.discrete == a.discrete && shape[k] > shape[along]);
        if (!better) continue;
        along = k;
        axis = a;
    }
    if (shape[along] < 2) return SX_OK;
    for (int k = n_dims - 1; k >= 0; k--)
        if (k != along && (across < 0 || shape[k] > shape[across])) across = k;
    int64_t curves = across < 0 ? 1 : shape[across] < SX_FIGURE_CURVES ? shape[across] : SX_FIGURE_CURVES;
    int theory = sx_figures_beside(f, id, "_theory");
    sx_figure *figure;
    bool reduced = false;
    SX_TRY(f->ctx, sx_figures_add(f, id, (int)curves * (theory >= 0 ? 2 : 1), &figure));
    figure->x = axis;
    figure->y.label = var->name;
    SX_TRY(f->ctx, sx_figures_unit(f, var->units, &figure->y.unit));
    if (across >= 0) SX_TRY(f->ctx, sx_figures_labels(f, group, dims[across], shape[across], &names));
    for (int64_t i = 0; i < figure->n_series; i++) {
        sx_series *s = &figure->series[i];
        int64_t curve = i % curves;
        bool is_theory = i >= curves;
        if (across >= 0) at[across] = curve;
        SX_TRY(f->ctx, sx_figures_curve(f, is_theory ? theory : id, along, at, s, &reduced));
        s->kind = axis.discrete ? (is_theory ? SX_SERIES_MARKS : SX_SERIES_POINTS) : SX_SERIES_LINE;
        s->dashed = is_theory;
        s->colour = curves == 1 && is_theory ? -1 : (int)curve;
        s->names = axis.names;
        if (across < 0)
            s->name = is_theory ? "theory" : theory >= 0 ? "simulation" : "";
        else if (names)
            SX_TRY(f->ctx, sx_figures_print(f, &s->name, "%s%s", names[curve], is_theory ? ", theory" : ""));
        else
            SX_TRY(f->ctx, sx_figures_print(f, &s->name, "%s %lld%s", dims[across], (long long)curve,
                                            is_theory ? ", theory" : ""));
    }
    return SX_OK;
}
