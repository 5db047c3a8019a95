// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Figures of the task `orbits`: orbits in the plane of the two units that move most, and Floquet multipliers with the unit circle. */
#include "report/figure.h"

#include <math.h>
#include <string.h>

enum { ORBITS = SX_FIGURE_CURVES, CIRCLE = 181, NUMBERS = 4000000 };

/* The two units with the largest ranges over all orbits, in order of index. */
static void widest(int64_t count, int64_t n, const double *x, int64_t unit[2]) {
    double size[2] = { -1, -1 };
    for (int64_t u = 0; u < n; u++) {
        double lo = INFINITY, hi = -INFINITY;
        for (int64_t k = 0; k < count; k++)
            if (isfinite(x[k * n + u])) {
                lo = fmin(lo, x[k * n + u]);
                hi = fmax(hi, x[k * n + u]);
            }
        double range = hi - lo;
        int at = range > size[0] ? 0 : range > size[1] ? 1 : 2;
        if (at == 0) size[1] = size[0], unit[1] = unit[0];
        if (at < 2) size[at] = range, unit[at] = u;
    }
    if (unit[0] > unit[1]) {
        int64_t t = unit[0];
        unit[0] = unit[1], unit[1] = t;
    }
}

/* Whether each orbit is stable; all false when that is not known. */
static sx_status stable_orbits(sx_figures *f, const char *group, int64_t orbits, double **out) {
    int64_t shape[8];
    const char *dims[8];
    int id = sx_result_find(f->r, group, "stable");
    SX_TRY(f->ctx, sx_figures_take(f, orbits, sizeof **out, out));
    if (id >= 0 && sx_result_shape(f->r, id, shape, dims) == 1 && shape[0] == orbits)
        return sx_result_read(f->ctx, f->r, id, NULL, NULL, *out);
    return SX_OK;
}

static sx_status name_orbit(sx_figures *f, const char *group, int64_t k, bool stable, const char **out) {
    double period = NAN;
    int id = sx_result_find(f->r, group, "period");
    if (id >= 0) SX_TRY(f->ctx, sx_result_read(f->ctx, f->r, id, &k, &(int64_t){ 1 }, &period));
    return sx_figures_print(f, out, "orbit %lld, period %.5g, %s", (long long)k, period,
                            stable ? "stable" : "unstable");
}

static sx_status portrait(sx_figures *f, int id, const char *group, const int64_t *shape) {
    int64_t orbits = shape[0], P = shape[1], n = shape[2], unit[2] = { 0, 0 };
    int64_t curves = orbits < ORBITS ? orbits : ORBITS;
    const char *const *names = NULL;
    double *x, *stable;
    sx_figure *figure;
    if (n < 2 || P < 1 || orbits < 1 || orbits * P > NUMBERS / n) return SX_STOPPED;
    SX_TRY(f->ctx, sx_figures_take(f, orbits * P * n, sizeof *x, &x));
    SX_TRY(f->ctx, sx_result_read(f->ctx, f->r, id, NULL, NULL, x));
    SX_TRY(f->ctx, stable_orbits(f, group, orbits, &stable));
    widest(orbits * P, n, x, unit);
    SX_TRY(f->ctx, sx_figures_labels(f, group, "unit", n, &names));
    SX_TRY(f->ctx, sx_figures_add(f, id, (int)curves, &figure));
    SX_TRY(f->ctx, sx_figures_print(f, &figure->title, "Periodic orbits"));
    SX_TRY(f->ctx, sx_figures_item_name(f, names, "unit", unit[0], &figure->x.label));
    SX_TRY(f->ctx, sx_figures_item_name(f, names, "unit", unit[1], &figure->y.label));
    SX_TRY(f->ctx, sx_figures_unit(f, "state", &figure->x.unit));
    figure->y.unit = figure->x.unit;
    /* flows have equally spaced phases in [0, 1), maps numbers of steps: their points are not joined */
    double phase[2] = { 0, 0 };
    int axis = sx_result_find(f->r, group, "phase");
    if (axis >= 0 && P > 1) SX_TRY(f->ctx, sx_result_read(f->ctx, f->r, axis, &(int64_t){ 0 }, &(int64_t){ 2 }, phase));
    bool flow = P > 1 && phase[1] < 1;
    for (int64_t k = 0; k < curves; k++) {
        sx_series *s = &figure->series[k];
        int64_t m = 0;
        double *a, *b;
        SX_TRY(f->ctx, sx_figures_take(f, P + 1, sizeof *a, &a));
        SX_TRY(f->ctx, sx_figures_take(f, P + 1, sizeof *b, &b));
        for (int64_t i = 0; i < P + flow; i++) {
            const double *point = x + (k * P + i % P) * n;
            if (!isfinite(point[unit[0]])) continue;
            a[m] = point[unit[0]];
            b[m++] = point[unit[1]];
        }
        *s = (sx_series){ .kind = flow ? SX_SERIES_LINE : SX_SERIES_POINTS, .colour = (int)k, .n = m, .x = a, .y = b };
        s->dashed = flow && stable[k] == 0;
        SX_TRY(f->ctx, name_orbit(f, group, k, stable[k] != 0, &s->name));
    }
    return sx_figures_print(f, &figure->caption, "%s%s%s", n > 2 ? "The two units that move most. " : "",
                            curves < orbits ? "The shortest periods. " : "", flow ? "Dashed: unstable." : "");
}

static sx_status multipliers(sx_figures *f, int id, const char *group, const int64_t *shape) {
    int64_t orbits = shape[0], n = shape[1], curves = orbits < ORBITS ? orbits : ORBITS;
    double *v, *stable, *cx, *cy;
    sx_figure *figure;
    if (orbits < 1 || orbits * n > NUMBERS) return SX_STOPPED;
    SX_TRY(f->ctx, sx_figures_take(f, orbits * n * 2, sizeof *v, &v));
    SX_TRY(f->ctx, sx_figures_take(f, CIRCLE, sizeof *cx, &cx));
    SX_TRY(f->ctx, sx_figures_take(f, CIRCLE, sizeof *cy, &cy));
    SX_TRY(f->ctx, sx_result_read(f->ctx, f->r, id, NULL, NULL, v));
    SX_TRY(f->ctx, stable_orbits(f, group, orbits, &stable));
    SX_TRY(f->ctx, sx_figures_add(f, id, (int)curves + 1, &figure));
    SX_TRY(f->ctx, sx_figures_print(f, &figure->title, "Floquet multipliers"));
    figure->x = (sx_axis){ .label = "real part", .unit = "" };
    figure->y = (sx_axis){ .label = "imaginary part", .unit = "" };
    for (int k = 0; k < CIRCLE; k++) {
        cx[k] = cos(2 * 3.14159265358979323846 * k / (CIRCLE - 1));
        cy[k] = sin(2 * 3.14159265358979323846 * k / (CIRCLE - 1));
    }
    figure->series[0] = (sx_series){
        .name = "unit circle", .kind = SX_SERIES_LINE, .dashed = true, .colour = -1, .n = CIRCLE, .x = cx, .y = cy
    };
    for (int64_t k = 0; k < curves; k++) {
        sx_series *s = &figure->series[k + 1];
        double *a, *b;
        SX_TRY(f->ctx, sx_figures_take(f, n, sizeof *a, &a));
        SX_TRY(f->ctx, sx_figures_take(f, n, sizeof *b, &b));
        for (int64_t i = 0; i < n; i++) {
            a[i] = v[(k * n + i) * 2];
            b[i] = v[(k * n + i) * 2 + 1];
        }
        *s = (sx_series){ .kind = SX_SERIES_POINTS, .colour = (int)k, .n = n, .x = a, .y = b };
        SX_TRY(f->ctx, name_orbit(f, group, k, stable[k] != 0, &s->name));
    }
    return sx_figures_print(f, &figure->caption, "Inside of the circle perturbations decay.%s",
                            curves < orbits ? " The shortest periods." : "");
}

sx_status sx_figure_orbits(sx_figures *f, int id) {
    const char *dims[8], *group, *task;
    int64_t shape[8];
    const sx_var *var = sx_result_var(f->r, id, &group);
    int n_dims = sx_result_shape(f->r, id, shape, dims);
    task = sx_result_attr_find(f->r, group, NULL, "task");
    if (!task || strcmp(task, "orbits") != 0) return SX_STOPPED;
    if (n_dims == 1 && strcmp(dims[0], "orbit") == 0) return SX_OK; /* the tables have these */
    if (n_dims != 3) return SX_STOPPED;
    if (strcmp(var->name, "x") == 0) return portrait(f, id, group, shape);
    if (strcmp(var->name, "multiplier") == 0) return multipliers(f, id, group, shape);
    return SX_STOPPED;
}
