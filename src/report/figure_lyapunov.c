// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Lyapunov exponents: the spectrum with its errors, theory beside it where there is one, and how the averages settle. The replicas and the
 * covariant vectors are for the tables. */
#include "report/figure.h"

#include <math.h>
#include <string.h>

enum { CURVES = 6 };

static sx_status read_all(sx_figures *f, int id, int64_t n, double **out) {
    double *v;
    SX_TRY(f->ctx, sx_figures_take(f, n, sizeof *v, &v));
    SX_TRY(f->ctx, sx_result_read(f->ctx, f->r, id, NULL, NULL, v));
    for (int64_t i = 0; i < n; i++)
        if (isinf(v[i])) v[i] = NAN; /* an exponent of minus infinity has no place */
    *out = v;
    return SX_OK;
}

/* Points over their number, the largest first; many of them as a line with a band. */
static sx_status spectrum(sx_figures *f, int id, int64_t n) {
    const int se = sx_figures_beside(f, id, "_se"), theory = sx_figures_beside(f, id, "_theory");
    double *x, *y, *error = NULL, *other = NULL;
    sx_figure *figure;
    const bool many = n > 60;
    if (n < 2) return SX_OK;
    SX_TRY(f->ctx, sx_figures_take(f, n, sizeof *x, &x));
    for (int64_t i = 0; i < n; i++) x[i] = (double)(i + 1);
    SX_TRY(f->ctx, read_all(f, id, n, &y));
    if (se >= 0) SX_TRY(f->ctx, read_all(f, se, n, &error));
    if (theory >= 0) SX_TRY(f->ctx, read_all(f, theory, n, &other));
    SX_TRY(f->ctx, sx_figures_add(f, id, other ? 2 : 1, &figure));
    SX_TRY(f->ctx, sx_figures_print(f, &figure->title, "Lyapunov spectrum"));
    figure->x = (sx_axis){ .label = "number of the exponent", .unit = "", .discrete = true };
    SX_TRY(f->ctx, sx_figures_value_axis(f, id, &figure->y));
    figure->series[0] = (sx_series){ .name = other ? "measured" : "",
                                     .kind = many ? SX_SERIES_LINE : SX_SERIES_POINTS,
                                     .n = n,
                                     .x = x,
                                     .y = y,
                                     .error = error };
    if (other)
        figure->series[1] = (sx_series){ .name = "theory",
                                         .kind = many ? SX_SERIES_LINE : SX_SERIES_MARKS,
                                         .dashed = true,
                                         .colour = many ? -1 : 1,
                                         .n = n,
                                         .x = x,
                                         .y = other };
    return sx_figures_print(f, &figure->caption, "%s%s",
                            error ? (many ? "Band: ± 1 standard error." : "Bars: ± 1 standard error.") : "",
                            other ? " Dashes: logarithms of the eigenvalues of a step." : "");
}

/* Running averages minus the last one, over the logarithm of time: the largest three, the middle and the last two. */
static sx_status convergence(sx_figures *f, int id, const char *group, int64_t times, int64_t n) {
    const int64_t wanted[CURVES] = { 0, 1, 2, n / 2, n - 2, n - 1 };
    const int time_id = sx_figures_find(f, group, "time");
    int64_t chosen[CURVES];
    int curves = 0;
    double *t, *all;
    sx_figure *figure;
    if (times < 4 || time_id < 0) return SX_OK;
    for (int c = 0; c < CURVES; c++)
        if (wanted[c] < n && (curves == 0 || wanted[c] > chosen[curves - 1])) chosen[curves++] = wanted[c];
    SX_TRY(f->ctx, read_all(f, time_id, times, &t));
    SX_TRY(f->ctx, read_all(f, id, times * n, &all));
    SX_TRY(f->ctx, sx_figures_add(f, id, curves, &figure));
    SX_TRY(f->ctx, sx_figures_print(f, &figure->title, "Convergence of the exponents"));
    figure->x = (sx_axis){ .label = "time", .log = true };
    SX_TRY(f->ctx, sx_figures_unit(f, sx_result_var(f->r, time_id, NULL)->units, &figure->x.unit));
    figure->y = (sx_axis){ .label = "average so far − final average" };
    SX_TRY(f->ctx, sx_figures_unit(f, sx_result_var(f->r, id, NULL)->units, &figure->y.unit));
    for (int c = 0; c < curves; c++) {
        sx_series *s = &figure->series[c];
        double *y;
        SX_TRY(f->ctx, sx_figures_take(f, times, sizeof *y, &y));
        for (int64_t k = 0; k < times; k++) y[k] = all[k * n + chosen[c]] - all[(times - 1) * n + chosen[c]];
        *s = (sx_series){ .kind = SX_SERIES_LINE, .colour = c, .n = times, .x = t, .y = y };
        SX_TRY(f->ctx, sx_figures_print(f, &s->name, "exponent %lld", (long long)(chosen[c] + 1)));
    }
    return sx_figures_print(f, &figure->caption, "Averages from the start of the measurement up to a time.");
}

sx_status sx_figure_lyapunov(sx_figures *f, int id) {
    const char *dims[8], *group;
    int64_t shape[8];
    const sx_var *var = sx_result_var(f->r, id, &group);
    const int n_dims = sx_result_shape(f->r, id, shape, dims);
    const char *task = sx_result_attr_find(f->r, group, NULL, "task");
    if (!task || strcmp(task, "lyapunov") != 0) return SX_STOPPED;
    if (strcmp(var->name, "exponent") == 0 && n_dims == 1) return spectrum(f, id, shape[0]);
    if (strcmp(var->name, "trace") == 0 && n_dims == 2) return convergence(f, id, group, shape[0], shape[1]);
    if (strcmp(var->name, "exponent_replica") == 0 || strcmp(var->name, "covariant_vector") == 0 ||
        strcmp(var->name, "covariant_state") == 0 || strcmp(var->name, "covariant_exponent") == 0)
        return SX_OK;
    return SX_STOPPED;
}
