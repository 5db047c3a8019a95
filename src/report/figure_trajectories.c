// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Trajectories: units of one replica, or replicas of a single unit; many units also as a heat map over time. */
#include "report/figure.h"

#include <string.h>

enum { HEAT_UNITS = 12 };

sx_status sx_figure_trajectories(sx_figures *f, int id) {
    const char *dims[8], *group, *const *names = NULL;
    int64_t shape[8], at[8] = { 0 };
    const sx_var *var = sx_result_var(f->r, id, &group);
    int n_dims = sx_result_shape(f->r, id, shape, dims);
    if (n_dims < 2 || n_dims > 3 || strcmp(dims[0], "replica") != 0 || strcmp(dims[1], "time") != 0 || shape[0] < 1 ||
        shape[1] < 2)
        return SX_STOPPED;
    bool units = n_dims == 3 && shape[2] > 1, reduced = false;
    if (n_dims == 3 && shape[2] < 1) return SX_STOPPED;
    int across = units ? 2 : 0;
    int64_t curves = shape[across] < SX_FIGURE_CURVES ? shape[across] : SX_FIGURE_CURVES;
    sx_figure *figure;
    if (n_dims == 3) SX_TRY(f->ctx, sx_figures_labels(f, group, dims[2], shape[2], &names));
    SX_TRY(f->ctx, sx_figures_add(f, id, (int)curves, &figure));
    SX_TRY(f->ctx, sx_figures_axis(f, group, "time", shape[1], &figure->x));
    SX_TRY(f->ctx, sx_figures_value_axis(f, id, &figure->y));
    figure->wide = true;
    for (int64_t i = 0; i < curves; i++) {
        at[across] = i;
        SX_TRY(f->ctx, sx_figures_curve(f, id, 1, at, &figure->series[i], &reduced));
        figure->series[i].kind = SX_SERIES_LINE;
        figure->series[i].colour = (int)i;
        figure->series[i].name = "";
        if (curves > 1)
            SX_TRY(f->ctx, sx_figures_item_name(f, units ? names : NULL, dims[across], i, &figure->series[i].name));
    }
    const char *extremes = reduced ? " Drawn by the smallest and largest value of each of 800 intervals of time." : "";
    if (units)
        SX_TRY(f->ctx, sx_figures_print(f, &figure->caption, "%s%lld of %lld recorded units; replica 0 of %lld.%s",
                                        curves < shape[2] ? "The first " : "", (long long)curves, (long long)shape[2],
                                        (long long)shape[0], extremes));
    else
        SX_TRY(f->ctx, sx_figures_print(f, &figure->caption, "%s%s%lld of %lld replicas.%s", names ? names[0] : "",
                                        names ? ": " : "", (long long)curves, (long long)shape[0], extremes));
    if (!units || shape[2] < HEAT_UNITS) return SX_OK;
    at[2] = 0;
    SX_TRY(f->ctx, sx_figures_add(f, id, 0, &figure));
    SX_TRY(f->ctx, sx_figures_print(f, &figure->title, "All recorded units over time"));
    figure->wide = true;
    SX_TRY(f->ctx, sx_figures_heat(f, id, 2, 1, at, figure, &reduced));
    return sx_figures_print(f, &figure->caption, "Replica 0; colour: %s.%s", var->name,
                            reduced ? " Averaged over blocks of units and times." : "");
}
