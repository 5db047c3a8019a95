// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* First-passage times: the fraction of replicas that have not yet passed, S(t) = 1 - (events until t) / replicas. Replicas are censored
 * only at the end of the run, so this is the Kaplan-Meier estimate. Beside it exp(-k t) with the measured rate k. */
#include "report/figure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 600 };

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static sx_status survival(sx_figures *f, int64_t n, double *time, const double *censored, sx_series *s, double *end) {
    int64_t events = 0;
    double *x, *y;
    *end = 0;
    for (int64_t i = 0; i < n; i++) {
        *end = fmax(*end, time[i]);
        if (censored[i] == 0) time[events++] = time[i];
    }
    qsort(time, (size_t)events, sizeof *time, ascending);
    int64_t steps = events < STEPS ? events : STEPS, k = 0;
    SX_TRY(f->ctx, sx_figures_take(f, steps + 2, sizeof *x, &x));
    SX_TRY(f->ctx, sx_figures_take(f, steps + 2, sizeof *y, &y));
    y[k++] = 1;
    for (int64_t j = 1; j <= steps; j++) { /* every (events / steps)th event */
        int64_t i = j * events / steps;
        if (i == n) break; /* S = 0 has no place on a logarithmic axis */
        x[k] = time[i - 1];
        y[k++] = 1 - (double)i / (double)n;
    }
    x[k] = *end;
    y[k] = y[k - 1];
    s->x = x;
    s->y = y;
    s->n = k + 1;
    return SX_OK;
}

sx_status sx_figure_passage(sx_figures *f, int id) {
    enum { CURVE = 60 };
    const char *dims[8], *group, *const *names = NULL;
    int64_t shape[8];
    sx_figure *figure;
    double *time = NULL, *flags = NULL;
    const sx_var *var = sx_result_var(f->r, id, &group);
    int n_dims = sx_result_shape(f->r, id, shape, dims), flag_id = sx_result_find(f->r, group, "censored");
    if (strcmp(var->name, "first_passage") != 0 || n_dims != 2 || flag_id < 0 || shape[0] < 2 || shape[1] < 1)
        return SX_STOPPED;
    int rate_id = sx_result_find(f->r, group, "passage_rate");
    int64_t n = shape[0], targets = shape[1] < 3 ? shape[1] : 3;
    sx_status status = SX_OK;
    SX_TRY(f->ctx, sx_figures_labels(f, group, dims[1], shape[1], &names));
    SX_TRY(f->ctx, sx_figures_add(f, id, (int)targets * (rate_id >= 0 ? 2 : 1), &figure));
    SX_TRY(f->ctx, sx_figures_print(f, &figure->title, "Survival: replicas that have not yet reached the target"));
    figure->x = (sx_axis){ .label = "time" };
    figure->y = (sx_axis){ .label = "fraction not yet passed", .unit = "", .log = true };
    SX_TRY(f->ctx, sx_figures_unit(f, var->units, &figure->x.unit));
    SX_GO(f->ctx, status, done, sx_alloc(f->ctx, n, sizeof *time, &time));
    SX_GO(f->ctx, status, done, sx_alloc(f->ctx, n, sizeof *flags, &flags));
    for (int64_t k = 0; k < targets; k++) {
        int64_t start[2] = { 0, k }, count[2] = { n, 1 };
        double end, rate = 0;
        sx_series *s = &figure->series[k];
        SX_GO(f->ctx, status, done, sx_result_read(f->ctx, f->r, id, start, count, time));
        SX_GO(f->ctx, status, done, sx_result_read(f->ctx, f->r, flag_id, start, count, flags));
        SX_GO(f->ctx, status, done, survival(f, n, time, flags, s, &end));
        SX_GO(f->ctx, status, done, sx_figures_item_name(f, names, dims[1], k, &s->name));
        s->kind = SX_SERIES_STEPS;
        s->colour = (int)k;
        if (rate_id < 0) continue;
        double *x, *y;
        SX_GO(f->ctx, status, done, sx_result_read(f->ctx, f->r, rate_id, &k, &(int64_t){ 1 }, &rate));
        SX_GO(f->ctx, status, done, sx_figures_take(f, CURVE, sizeof *x, &x));
        SX_GO(f->ctx, status, done, sx_figures_take(f, CURVE, sizeof *y, &y));
        for (int i = 0; i < CURVE; i++) { /* as far as the measured curve is seen */
            x[i] = end * i / (CURVE - 1);
            y[i] = exp(-rate * x[i]);
            if (y[i] < 0.5 / (double)n) y[i] = NAN;
        }
        sx_series *e = &figure->series[targets + k];
        *e = (sx_series){ .kind = SX_SERIES_LINE, .dashed = true, .colour = (int)k, .n = CURVE, .x = x, .y = y };
        SX_GO(f->ctx, status, done, sx_figures_print(f, &e->name, "%s, exponential", s->name));
    }
    SX_GO(f->ctx, status, done,
          sx_figures_print(
              f, &figure->caption, "%lld replicas%s.%s", (long long)n,
              targets < shape[1] ? ", the first 3 targets" : "",
              rate_id >= 0
                  ? " Dashed: exp(−k t) with the measured rate k; a straight line here means exponential passages."
                  : ""));
done:
    sx_free(f->ctx, time);
    sx_free(f->ctx, flags);
    return status;
}
