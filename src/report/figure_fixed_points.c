// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Fixed points in the plane of two units, or of the first two principal axes of the points; one colour for each stability. */
#include "report/figure.h"

#include <math.h>
#include <string.h>

enum { MOST = 600, GROUPS = 5 }; /* points drawn; kinds of points */

static const char *const group_names[GROUPS] = { "stable", "saddle", "unstable", "non-hyperbolic",
                                                 "slow, no fixed point" };

static int group_of(const char *kind) {
    if (!kind) return 3;
    if (strncmp(kind, "stable", 6) == 0) return 0;
    if (strncmp(kind, "saddle", 6) == 0) return 1;
    if (strncmp(kind, "unstable", 8) == 0) return 2;
    return strncmp(kind, "slow", 4) == 0 ? 4 : 3;
}

/* Coordinates of the n points along their two leading principal axes, by powers of the matrix of their products; rows of x lose their mean, then
 * their part along each axis. *share: of the variance. */
static sx_status project(sx_figures *f, int64_t n, int64_t dim, double *x, double *px, double *py, double share[2]) {
    enum { POWERS = 300 };
    double *v = NULL, total = 0;
    SX_TRY(f->ctx, sx_alloc(f->ctx, dim, sizeof *v, &v));
    for (int64_t i = 0; i < dim; i++) {
        double mean = 0;
        for (int64_t k = 0; k < n; k++) mean += x[k * dim + i] / (double)n;
        for (int64_t k = 0; k < n; k++) x[k * dim + i] -= mean;
    }
    for (int64_t k = 0; k < n * dim; k++) total += x[k] * x[k];
    for (int a = 0; a < 2; a++) {
        double *p = a ? py : px, length = 0, variance = 0;
        int64_t far = 0;
        for (int64_t k = 0; k < n; k++) /* begin along the point furthest out */
            if (fabs(x[k * dim]) > fabs(x[far * dim])) far = k;
        for (int64_t i = 0; i < dim; i++) v[i] = x[far * dim + i] + 1e-3 / (double)(1 + i);
        for (int power = 0; power <= POWERS; power++) {
            for (int64_t i = 0; i < dim; i++) length += v[i] * v[i];
            for (int64_t i = 0; i < dim; i++) v[i] /= length > 0 ? sqrt(length) : 1;
            length = 0;
            for (int64_t k = 0; k < n; k++) {
                p[k] = 0;
                for (int64_t i = 0; i < dim; i++) p[k] += x[k * dim + i] * v[i];
            }
            if (power == POWERS) break;
            memset(v, 0, (size_t)dim * sizeof *v);
            for (int64_t k = 0; k < n; k++)
                for (int64_t i = 0; i < dim; i++) v[i] += p[k] * x[k * dim + i];
        }
        for (int64_t k = 0; k < n; k++) {
            variance += p[k] * p[k];
            for (int64_t i = 0; i < dim; i++) x[k * dim + i] -= p[k] * v[i];
        }
        share[a] = total > 0 ? variance / total : 0;
    }
    sx_free(f->ctx, v);
    return SX_OK;
}

/* One unit: against the rate; two: as they are; more: principal axes. */
static sx_status coordinates(sx_figures *f, int id, int64_t n, int64_t dim, sx_figure *figure, double *px, double *py) {
    const char *group, *const *names = NULL;
    double *x = NULL, share[2];
    int64_t start[2] = { 0 }, count[2] = { n, dim };
    sx_status status;
    const sx_var *var = sx_result_var(f->r, id, &group);
    SX_TRY(f->ctx, sx_figures_unit(f, var->units, &figure->x.unit));
    figure->y.unit = figure->x.unit;
    SX_TRY(f->ctx, sx_figures_labels(f, group, "unit", dim, &names));
    SX_GO(f->ctx, status, done, sx_alloc(f->ctx, n * dim, sizeof *x, &x));
    SX_GO(f->ctx, status, done, sx_result_read(f->ctx, f->r, id, start, count, x));
    if (dim <= 2) {
        int rate = sx_result_find(f->r, group, "slowest_rate");
        SX_GO(f->ctx, status, done, sx_figures_item_name(f, names, "unit", 0, &figure->x.label));
        for (int64_t k = 0; k < n; k++) px[k] = x[k * dim];
        for (int64_t k = 0; k < n && dim == 2; k++) py[k] = x[k * dim + 1];
        if (dim == 2) SX_GO(f->ctx, status, done, sx_figures_item_name(f, names, "unit", 1, &figure->y.label));
        if (dim == 1) {
            figure->y.label = "rate of the slowest mode";
            SX_GO(f->ctx, status, done, sx_figures_unit(f, "1/time", &figure->y.unit));
            SX_GO(f->ctx, status, done, sx_result_read(f->ctx, f->r, rate, start, count, py));
        }
        goto done;
    }
    SX_GO(f->ctx, status, done, project(f, n, dim, x, px, py, share));
    SX_GO(f->ctx, status, done,
          sx_figures_print(f, &figure->x.label, "first principal axis, %.0f %% of the variance", 100 * share[0]));
    SX_GO(f->ctx, status, done,
          sx_figures_print(f, &figure->y.label, "second principal axis, %.0f %%", 100 * share[1]));
done:
    sx_free(f->ctx, x);
    return status;
}

static sx_status sort_into_series(sx_figures *f, const char *group, int64_t n, const double *px, const double *py,
                                  sx_figure *figure) {
    int kinds = sx_result_find(f->r, group, "kind"), used = 0;
    for (int g = 0; g < GROUPS; g++) {
        double *x, *y;
        int64_t count = 0;
        SX_TRY(f->ctx, sx_figures_take(f, n, sizeof *x, &x));
        SX_TRY(f->ctx, sx_figures_take(f, n, sizeof *y, &y));
        for (int64_t k = 0; k < n; k++) {
            if (group_of(sx_result_text(f->r, kinds, k)) != g) continue;
            x[count] = px[k];
            y[count++] = py[k];
        }
        if (count == 0) continue;
        figure->series[used++] =
            (sx_series){ .name = group_names[g], .kind = SX_SERIES_POINTS, .colour = g, .n = count, .x = x, .y = y };
    }
    figure->n_series = used;
    return SX_OK;
}

/* The coordinates of the only point. */
static sx_status over_units(sx_figures *f, int id, int64_t dim, sx_figure *figure) {
    const char *group;
    int64_t at[8] = { 0 };
    bool reduced;
    sx_result_var(f->r, id, &group);
    SX_TRY(f->ctx, sx_figures_axis(f, group, "unit", dim, &figure->x));
    SX_TRY(f->ctx, sx_figures_value_axis(f, id, &figure->y));
    SX_TRY(f->ctx, sx_figures_curve(f, id, 1, at, &figure->series[0], &reduced));
    figure->series[0].kind = SX_SERIES_POINTS;
    figure->series[0].name = "";
    figure->n_series = 1;
    figure->wide = dim > 40;
    return SX_OK;
}

sx_status sx_figure_fixed_points(sx_figures *f, int id) {
    const char *dims[8], *group, *task;
    int64_t shape[8];
    sx_figure *figure;
    double *px = NULL, *py = NULL;
    const sx_var *var = sx_result_var(f->r, id, &group);
    task = sx_result_attr_find(f->r, group, NULL, "task");
    if (!task || strcmp(task, "fixed-points") != 0) return SX_STOPPED;
    if (strcmp(var->name, "slowest_rate") == 0) return SX_STOPPED;
    if (strcmp(var->name, "x") != 0) return SX_OK; /* flags and counts: the tables show them */
    int n_dims = sx_result_shape(f->r, id, shape, dims);
    int64_t n = shape[0] < MOST ? shape[0] : MOST;
    if (n_dims != 2 || shape[0] < 1 || shape[1] < 1) return SX_OK;
    SX_TRY(f->ctx, sx_figures_take(f, n, sizeof *px, &px));
    SX_TRY(f->ctx, sx_figures_take(f, n, sizeof *py, &py));
    SX_TRY(f->ctx, sx_figures_add(f, id, GROUPS, &figure));
    SX_TRY(f->ctx, sx_figures_print(f, &figure->title, n == 1 && shape[1] > 2 ? "The fixed point" : "Fixed points"));
    if (n == 1 && shape[1] > 2) { /* no plane to draw it in: over the units */
        SX_TRY(f->ctx, over_units(f, id, shape[1], figure));
    } else {
        SX_TRY(f->ctx, coordinates(f, id, n, shape[1], figure, px, py));
        SX_TRY(f->ctx, sort_into_series(f, group, n, px, py, figure));
    }
    const char *say = sx_result_attr_find(f->r, group, NULL, "completeness"), *part = "";
    if (n < shape[0])
        SX_TRY(f->ctx,
               sx_figures_print(f, &part, "The first %lld of %lld points. ", (long long)n, (long long)shape[0]));
    return sx_figures_print(f, &figure->caption, "%sCompleteness: %s.", part, say ? say : "not known");
}
