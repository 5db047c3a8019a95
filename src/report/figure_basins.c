// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Basins: the plane of the slice, each point with the number of its attractor; fractions and exponents. The rest is in the table of the attractors. */
#include "report/figure.h"

#include <stdlib.h>
#include <string.h>

enum { NAMED = 6, UNITS = 4 };

/* "0: point at x = 1, v = 0; 1: cycle of period 6.283" for the first attractors */
static sx_status name_attractors(sx_figures *f, const char *group, const char **out) {
    int kind = sx_result_find(f->r, group, "kind"), state = sx_result_find(f->r, group, "state"),
        period = sx_result_find(f->r, group, "period");
    const char *dims[8], *const *labels = NULL, *all = "";
    int64_t shape[8];
    *out = "";
    if (kind < 0 || state < 0 || period < 0) return SX_OK;
    (void)sx_result_shape(f->r, state, shape, dims);
    int64_t n = shape[0], units = shape[1];
    SX_TRY(f->ctx, sx_figures_labels(f, group, "unit", units, &labels));
    for (int64_t i = 0; i < n && i < NAMED; i++) {
        const char *word = sx_result_text(f->r, kind, i), *unit;
        int64_t start[2] = { i, 0 }, count[2] = { 1, units < UNITS ? units : UNITS }, one = 1;
        double x[UNITS], T;
        SX_TRY(f->ctx, sx_result_read(f->ctx, f->r, state, start, count, x));
        SX_TRY(f->ctx, sx_result_read(f->ctx, f->r, period, start, &one, &T));
        SX_TRY(f->ctx, sx_figures_print(f, &all, "%s%s%lld: %s", all, i ? "; " : "", (long long)i, word ? word : ""));
        if (T > 0) SX_TRY(f->ctx, sx_figures_print(f, &all, "%s of period %.4g", all, T));
        bool point = word && strcmp(word, "point") == 0;
        for (int64_t u = 0; u < units && units <= UNITS && point; u++) {
            SX_TRY(f->ctx, sx_figures_item_name(f, labels, "unit", u, &unit));
            SX_TRY(f->ctx, sx_figures_print(f, &all, "%s%s %s = %.4g", all, u ? "," : " at", unit, x[u]));
        }
    }
    return sx_figures_print(f, out, "%s%s.", all, n > NAMED ? "; ..." : "");
}

static sx_status slice(sx_figures *f, int id, const char *group) {
    static const char *const axes[] = { "slice_x", "slice_y" };
    const char *dims[8], *const *labels = NULL, *name[2] = { NULL, NULL }, *attractors;
    int64_t shape[8], at[8] = { 0 }, units = 0;
    int state = sx_result_find(f->r, group, "mean_state");
    sx_figure *figure;
    bool reduced;
    if (state >= 0) (void)sx_result_shape(f->r, state, shape, dims);
    if (state >= 0) units = shape[1];
    SX_TRY(f->ctx, sx_figures_labels(f, group, "unit", units, &labels));
    SX_TRY(f->ctx, sx_figures_add(f, id, 0, &figure));
    SX_TRY(f->ctx, sx_figures_heat(f, id, 0, 1, at, figure, &reduced));
    for (int k = 0; k < 2; k++) {
        const char *unit = sx_result_attr_find(f->r, group, axes[k], "unit_index");
        int64_t u = unit ? strtoll(unit, NULL, 10) : -1;
        if (u >= 0 && u < units) SX_TRY(f->ctx, sx_figures_item_name(f, labels, "unit", u, &name[k]));
        if (name[k]) *(k ? &figure->y.label : &figure->x.label) = name[k];
    }
    if (name[0] && name[1])
        SX_TRY(f->ctx, sx_figures_print(f, &figure->title, "Basins in the plane of %s and %s", name[0], name[1]));
    figure->z.label = "attractor";
    SX_TRY(f->ctx, name_attractors(f, group, &attractors));
    return sx_figures_print(f, &figure->caption,
                            "%sWhere every state of the plane goes; -1: unresolved, -2: escaped. %s",
                            reduced ? "Averages over blocks of states. " : "", attractors);
}

sx_status sx_figure_basins(sx_figures *f, int id) {
    const char *group, *task, *dims[8];
    int64_t shape[8];
    const sx_var *var = sx_result_var(f->r, id, &group);
    int rank = sx_result_shape(f->r, id, shape, dims);
    task = sx_result_attr_find(f->r, group, NULL, "task");
    if (!task || strcmp(task, "basins") != 0) return SX_STOPPED;
    if (strcmp(var->name, "slice_outcome") == 0) return slice(f, id, group);
    if (strcmp(var->name, "fraction") == 0 && shape[0] > 2) return SX_STOPPED;
    bool states = strcmp(var->name, "edge_state") == 0 || strcmp(var->name, "state") == 0;
    return states && shape[rank - 1] > UNITS ? SX_STOPPED : SX_OK; /* the rest is in the tables */
}
