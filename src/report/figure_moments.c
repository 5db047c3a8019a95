// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* One number per unit with its error, theory beside it; and simulation against theory. */
#include "report/figure.h"

#include <math.h>

enum { SCATTER = 8, EVERY = 4000 };

/* Series of variable id without reduction: a discrete axis is thinned instead. */
static sx_status read_points(sx_figures *f, int id, int64_t n, int64_t every, double **out) {
    double *all = NULL, *y;
    int64_t m = (n + every - 1) / every;
    SX_TRY(f->ctx, sx_figures_take(f, m, sizeof *y, &y));
    SX_TRY(f->ctx, sx_alloc(f->ctx, n, sizeof *all, &all));
    sx_status status = sx_result_read(f->ctx, f->r, id, NULL, NULL, all);
    for (int64_t i = 0; i < m && status >= 0; i++) y[i] = all[i * every];
    sx_free(f->ctx, all);
    *out = y;
    return status;
}

static double spread(int64_t n, const double *v) {
    double low = HUGE_VAL, high = -HUGE_VAL;
    for (int64_t i = 0; i < n; i++) {
        low = fmin(low, v[i]);
        high = fmax(high, v[i]);
    }
    return high - low;
}

sx_status sx_figures_scatter(sx_figures *f, int id, int64_t n, const double *y, const double *error,
                             const double *theory, const char *const *names, const char *caption) {
    sx_figure *figure;
    const char *quantity;
    if (n < SCATTER || spread(n, theory) <= 0.05 * spread(n, y)) return SX_OK;
    SX_TRY(f->ctx, sx_figures_quantity(f, id, &quantity));
    SX_TRY(f->ctx, sx_figures_add(f, id, 1, &figure));
    SX_TRY(f->ctx, sx_figures_print(f, &figure->title, "Simulation against theory: %s", quantity));
    SX_TRY(f->ctx, sx_figures_value_axis(f, id, &figure->y));
    figure->x = figure->y;
    SX_TRY(f->ctx, sx_figures_print(f, &figure->x.label, "%s, theory", quantity));
    SX_TRY(f->ctx, sx_figures_print(f, &figure->y.label, "%s, simulation", quantity));
    figure->series[0] = (sx_series){
        .name = "", .kind = SX_SERIES_POINTS, .n = n, .x = theory, .y = y, .error = error, .names = names
    };
    figure->diagonal = true;
    return sx_figures_print(f, &figure->caption, "%s Dashed: equality.%s", caption,
                            error ? " Bars: ± 1 standard error." : "");
}

sx_status sx_figure_moments(sx_figures *f, int id) {
    const char *dims[8], *group, *thinned = "", *source = "";
    int64_t shape[8];
    sx_axis axis;
    sx_figure *figure;
    double *x, *y, *error = NULL, *theory = NULL;
    sx_result_var(f->r, id, &group);
    if (sx_result_shape(f->r, id, shape, dims) != 1 || shape[0] < 3) return SX_STOPPED;
    SX_TRY(f->ctx, sx_figures_axis(f, group, dims[0], shape[0], &axis));
    if (!axis.discrete) return SX_STOPPED;
    int64_t every = 1 + (shape[0] - 1) / EVERY, n = (shape[0] + every - 1) / every;
    int se_id = sx_figures_beside(f, id, "_se"), theory_id = sx_figures_beside(f, id, "_theory");
    SX_TRY(f->ctx, sx_figures_take(f, n, sizeof *x, &x));
    for (int64_t i = 0; i < n; i++) x[i] = (double)(i * every);
    SX_TRY(f->ctx, read_points(f, id, shape[0], every, &y));
    if (se_id >= 0) SX_TRY(f->ctx, read_points(f, se_id, shape[0], every, &error));
    if (theory_id >= 0) SX_TRY(f->ctx, read_points(f, theory_id, shape[0], every, &theory));
    if (every > 1)
        SX_TRY(f->ctx,
               sx_figures_print(f, &thinned, " Every %lldth of %lld is drawn.", (long long)every, (long long)shape[0]));
    SX_TRY(f->ctx, sx_figures_add(f, id, theory ? 2 : 1, &figure));
    figure->wide = n > 40;
    figure->x = axis;
    SX_TRY(f->ctx, sx_figures_value_axis(f, id, &figure->y));
    figure->series[0] = (sx_series){
        .name = theory ? "simulation" : "", .kind = SX_SERIES_POINTS, .n = n, .x = x, .y = y, .error = error
    };
    if (theory) {
        figure->series[1] = (sx_series){
            .name = "theory", .kind = SX_SERIES_MARKS, .dashed = true, .colour = 1, .n = n, .x = x, .y = theory
        };
        SX_TRY(f->ctx, sx_figures_print(f, &source, "%sDashes: %s.", error ? " " : "",
                                        sx_result_var(f->r, theory_id, NULL)->long_name));
    }
    SX_TRY(f->ctx,
           sx_figures_print(f, &figure->caption, "%s%s%s", error ? "Bars: ± 1 standard error." : "", source, thinned));
    if (!theory) return SX_OK;
    SX_TRY(f->ctx, sx_figures_print(f, &source, "One point per unit.%s", thinned));
    return sx_figures_scatter(f, id, n, y, error, theory, every > 1 ? NULL : axis.names, source);
}
