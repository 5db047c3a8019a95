// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Figures of the task `spectrum`: eigenvalues in the plane with the law's ellipse, densities with the law over them, the memory kernel,
 * the pseudospectrum. Those of the modes are in figure_spectrum_modes.c. */
#include "report/figure_spectrum.h"

#include <math.h>
#include <string.h>

enum { OUTLINE = 181 };

static bool is_map(const sx_view *v) {
    const char *time = sx_result_attr_find(v->f->r, v->group, NULL, "time");
    return time && strcmp(time, "discrete") == 0;
}

int sx_view_find(const sx_view *v, const char *name) {
    return sx_result_find(v->f->r, v->group, name);
}

int64_t sx_view_point(const sx_view *v, int64_t i) {
    return v->main > 0 && v->shown > 1 ? i * (v->points - 1) / (v->shown - 1) : i;
}

/* Number of the snapshot, or its epoch, at a point: variable `name` over points; false without it. */
static sx_status along_points(const sx_view *v, const char *name, int64_t point, double *out, bool *there) {
    int id = sx_view_find(v, name);
    *there = id >= 0;
    return id < 0 ? SX_OK : sx_result_read(v->f->ctx, v->f->r, id, &point, &(int64_t){ 1 }, out);
}

sx_status sx_view_point_name(const sx_view *v, int64_t point, const char **out) {
    static const char *const words[2] = { "epoch", "snapshot" };
    double number;
    bool there = false;
    *out = "";
    if (v->points < 2) return SX_OK;
    for (int k = 0; k < 2; k++) {
        SX_TRY(v->f->ctx, along_points(v, words[k], point, &number, &there));
        if (there) return sx_figures_print(v->f, out, "%s %.0f", words[k], number);
    }
    return sx_figures_print(v->f, out, "point %lld", (long long)point);
}

sx_status sx_view_caption(const sx_view *v, const char *rest, const char **out) {
    if (v->shown < v->points)
        return sx_figures_print(v->f, out,
                                v->main > 0 ? "%lld of %lld snapshots. %s" : "The first %lld of %lld points. %s",
                                (long long)v->shown, (long long)v->points, rest);
    return sx_figures_print(v->f, out, "%s", rest);
}

sx_status sx_view_row(const sx_view *v, int id, int64_t point, int64_t n, double **out) {
    int64_t start[2] = { point, 0 }, count[2] = { 1, n };
    SX_TRY(v->f->ctx, sx_figures_take(v->f, n, sizeof **out, out));
    return sx_result_read(v->f->ctx, v->f->r, id, start, count, *out);
}

/* -- the plane ---------------------------------------------------------------------------------------------------------------- */

/* The ellipse of the law of a point (centre c, half-axes sigma (1 +- tau)); false without one. */
static sx_status law_outline(const sx_view *v, int64_t point, sx_series *s, bool *there) {
    static const char *const names[3] = { "law_centre", "law_sigma", "law_symmetry" };
    double p[3], *x, *y;
    *there = false;
    for (int k = 0; k < 3; k++) {
        int id = sx_view_find(v, names[k]);
        if (id < 0) return SX_OK;
        SX_TRY(v->f->ctx, sx_result_read(v->f->ctx, v->f->r, id, &point, &(int64_t){ 1 }, &p[k]));
    }
    if (!isfinite(p[1])) return SX_OK;
    SX_TRY(v->f->ctx, sx_figures_take(v->f, OUTLINE, sizeof *x, &x));
    SX_TRY(v->f->ctx, sx_figures_take(v->f, OUTLINE, sizeof *y, &y));
    for (int i = 0; i < OUTLINE; i++) {
        double angle = 2 * M_PI * i / (OUTLINE - 1);
        x[i] = p[0] + p[1] * (1 + p[2]) * cos(angle);
        y[i] = p[1] * (1 - p[2]) * sin(angle);
    }
    *s = (sx_series){
        .name = "law", .kind = SX_SERIES_LINE, .dashed = true, .colour = -1, .n = OUTLINE, .x = x, .y = y
    };
    *there = true;
    return SX_OK;
}

/* Edge of stability: Re = 0, or the unit circle of maps. */
static sx_status stability(const sx_view *v, double top, sx_series *s) {
    double *x, *y;
    SX_TRY(v->f->ctx, sx_figures_take(v->f, OUTLINE, sizeof *x, &x));
    SX_TRY(v->f->ctx, sx_figures_take(v->f, OUTLINE, sizeof *y, &y));
    for (int i = 0; i < OUTLINE; i++) {
        double u = (double)i / (OUTLINE - 1);
        x[i] = is_map(v) ? cos(2 * M_PI * u) : 0;
        y[i] = is_map(v) ? sin(2 * M_PI * u) : (2 * u - 1) * top;
    }
    *s = (sx_series){ .name = is_map(v) ? "|z| = 1" : "growth to the right",
                      .kind = SX_SERIES_LINE,
                      .colour = -1,
                      .n = OUTLINE,
                      .x = x,
                      .y = y };
    return SX_OK;
}

static sx_status plane(sx_view *v) {
    sx_figure *figure;
    sx_series outline = { 0 };
    bool law = false;
    int64_t n = v->shape[1], every = 1 + (n - 1) / SX_FIGURE_POINTS, m = (n + every - 1) / every;
    double *all = NULL, top = 0;
    sx_status status = SX_OK;
    if (n < 2) return SX_OK;
    if (v->shown > SX_FIGURE_CURVES - 2) v->shown = SX_FIGURE_CURVES - 2;
    if (v->points == 1) SX_TRY(v->f->ctx, law_outline(v, 0, &outline, &law));
    SX_TRY(v->f->ctx, sx_figures_add(v->f, v->id, (int)v->shown + 1 + law, &figure));
    SX_TRY(v->f->ctx, sx_figures_value_axis(v->f, v->id, &figure->y));
    figure->x.label = "real part";
    figure->x.unit = figure->y.unit;
    figure->y.label = "imaginary part";
    SX_GO(v->f->ctx, status, done, sx_alloc(v->f->ctx, 2 * n, sizeof *all, &all));
    for (int64_t p = 0; p < v->shown; p++) {
        int64_t start[3] = { sx_view_point(v, p), 0, 0 }, count[3] = { 1, n, 2 };
        double *x, *y;
        SX_GO(v->f->ctx, status, done, sx_figures_take(v->f, m, sizeof *x, &x));
        SX_GO(v->f->ctx, status, done, sx_figures_take(v->f, m, sizeof *y, &y));
        SX_GO(v->f->ctx, status, done, sx_result_read(v->f->ctx, v->f->r, v->id, start, count, all));
        for (int64_t i = 0; i < m; i++) {
            x[i] = all[2 * i * every];
            y[i] = all[2 * i * every + 1];
            top = fmax(top, fabs(y[i]));
        }
        figure->series[p] = (sx_series){ .kind = SX_SERIES_POINTS, .colour = (int)p, .n = m, .x = x, .y = y };
        SX_GO(v->f->ctx, status, done, sx_view_point_name(v, start[0], &figure->series[p].name));
        if (v->points == 1) figure->series[p].name = "eigenvalues";
    }
    if (law)
        for (int i = 0; i < OUTLINE; i++) top = fmax(top, fabs(outline.y[i]));
    SX_GO(v->f->ctx, status, done, stability(v, top > 0 ? top : 1, &figure->series[v->shown]));
    if (law) figure->series[v->shown + 1] = outline;
    SX_GO(v->f->ctx, status, done,
          sx_view_caption(
              v, law ? "Dashed: edge of the elliptic law with the moments of the entries of the Jacobian." : "",
              &figure->caption));
done:
    sx_free(v->f->ctx, all);
    return status;
}

/* -- densities and kernel ----------------------------------------------------------------------------------------------------- */

/* Bars without their sides: constant over each bin. */
static sx_status outline_of_bins(const sx_view *v, sx_series *s) {
    double *x, *y, width = s->x[1] - s->x[0];
    SX_TRY(v->f->ctx, sx_figures_take(v->f, s->n + 1, sizeof *x, &x));
    SX_TRY(v->f->ctx, sx_figures_take(v->f, s->n + 1, sizeof *y, &y));
    for (int64_t i = 0; i < s->n; i++) {
        x[i] = s->x[i] - width / 2;
        y[i] = s->y[i];
    }
    x[s->n] = s->x[s->n - 1] + width / 2;
    y[s->n] = s->y[s->n - 1];
    s->kind = SX_SERIES_STEPS;
    s->error = NULL;
    s->x = x;
    s->y = y;
    s->n++;
    return SX_OK;
}

static sx_status curves(sx_view *v, bool counted) {
    sx_figure *figure;
    bool reduced = false, logarithmic = strcmp(v->name, "tdos_log") == 0, kernel = strcmp(v->name, "kernel") == 0;
    int theory = sx_figures_beside(v->f, v->id, "_theory");
    const char *rest = "";
    if (v->shape[1] < 2) return SX_OK;
    if (theory >= 0 && v->shown > 3) v->shown = 3;
    SX_TRY(v->f->ctx, sx_figures_add(v->f, v->id, (int)v->shown * (theory >= 0 ? 2 : 1), &figure));
    SX_TRY(v->f->ctx, sx_figures_axis(v->f, v->group, v->dims[1], v->shape[1], &figure->x));
    SX_TRY(v->f->ctx, sx_figures_value_axis(v->f, v->id, &figure->y));
    figure->x.label = kernel ? "lag" : logarithmic ? "relaxation time" : "relaxation rate";
    figure->y.label = kernel ? "memory kernel" : logarithmic ? "density per ln τ" : "density of modes";
    figure->x.log = kernel || logarithmic;
    figure->y.log = kernel;
    for (int64_t i = 0; i < figure->n_series; i++) {
        sx_series *s = &figure->series[i];
        bool is_theory = i >= v->shown;
        int64_t at[8] = { sx_view_point(v, i % v->shown) };
        SX_TRY(v->f->ctx, sx_figures_curve(v->f, is_theory ? theory : v->id, 1, at, s, &reduced));
        s->kind = SX_SERIES_LINE;
        s->colour = v->shown == 1 && is_theory ? -1 : (int)(i % v->shown);
        s->dashed = is_theory;
        if (counted) s->error = NULL;
        if (counted && !is_theory && !kernel && !logarithmic && !reduced) SX_TRY(v->f->ctx, outline_of_bins(v, s));
        SX_TRY(v->f->ctx, sx_view_point_name(v, at[0], &s->name));
        if (theory >= 0 && v->points == 1) s->name = is_theory ? "law" : "measured";
        if (theory >= 0 && v->points > 1 && is_theory)
            SX_TRY(v->f->ctx, sx_figures_print(v->f, &s->name, "%s, law", s->name));
        if (!kernel) continue;
        double *y; /* what a logarithmic axis cannot show */
        SX_TRY(v->f->ctx, sx_figures_take(v->f, s->n, sizeof *y, &y));
        for (int64_t k = 0; k < s->n; k++) y[k] = s->y[k] > 1e-12 ? s->y[k] : (double)NAN;
        s->y = y;
    }
    if (theory >= 0) rest = "Dashed: elliptic law with the moments of the entries of the Jacobian. ";
    SX_TRY(v->f->ctx, sx_figures_print(v->f, &rest, "%s%s", rest, counted ? "" : "Bands: ± 1 standard error."));
    return sx_view_caption(v, rest, &figure->caption);
}

static sx_status heat(sx_view *v) {
    sx_figure *figure;
    int64_t at[8] = { v->main };
    bool reduced;
    const char *name;
    if (v->shape[1] < 2 || v->shape[2] < 2) return SX_OK;
    SX_TRY(v->f->ctx, sx_figures_add(v->f, v->id, 0, &figure));
    bool pseudo = strcmp(v->name, "pseudospectrum") == 0;
    SX_TRY(v->f->ctx, sx_figures_heat(v->f, v->id, pseudo ? 1 : 2, pseudo ? 2 : 1, at, figure, &reduced));
    if (pseudo) {
        double *cells = (double *)(uintptr_t)figure->cells, *x, *y;
        for (int64_t i = 0; i < figure->rows * figure->columns; i++) cells[i] = log10(fmax(cells[i], 1e-300));
        SX_TRY(v->f->ctx, sx_view_row(v, sx_view_find(v, "pseudospectrum_re"), v->main, v->shape[2], &x));
        SX_TRY(v->f->ctx, sx_view_row(v, sx_view_find(v, "pseudospectrum_im"), v->main, v->shape[1], &y));
        figure->cell_x = x;
        figure->cell_y = y;
        figure->x = (sx_axis){ .label = "Re z", .unit = figure->z.unit };
        figure->y = (sx_axis){ .label = "Im z", .unit = figure->z.unit };
        figure->z = (sx_axis){ .label = "log₁₀ 1/|(z − J)⁻¹|", .unit = "" };
    } else {
        figure->x.label = "relaxation rate";
        figure->y.label = "angular frequency";
        figure->z.label = "density of modes";
    }
    SX_TRY(v->f->ctx, sx_view_point_name(v, v->main, &name));
    return sx_figures_print(
        v->f, &figure->caption, "%s%s%s%s",
        pseudo ? "Smallest singular value of z − J: where it is small, small perturbations of J have eigenvalues. "
               : "",
        *name ? "At " : "", name, *name ? "." : "");
}

sx_status sx_figure_spectrum(sx_figures *f, int id) {
    sx_view v = { .f = f, .id = id };
    const sx_var *var = sx_result_var(f->r, id, &v.group);
    const char *task = sx_result_attr_find(f->r, v.group, NULL, "task"),
               *method = sx_result_attr_find(f->r, v.group, NULL, "density");
    if (!task || strcmp(task, "spectrum") != 0) return SX_STOPPED;
    v.name = var->name;
    v.n_dims = sx_result_shape(f->r, id, v.shape, v.dims);
    if (v.n_dims == 2 && strcmp(v.dims[0], "track") == 0) return sx_figure_modes(&v);
    if (v.n_dims < 1 || strcmp(v.dims[0], "point") != 0 || v.shape[0] < 1) return SX_OK; /* in the tables */
    v.points = v.shape[0];
    v.shown = v.points < SX_FIGURE_CURVES ? v.points : SX_FIGURE_CURVES;
    v.main = sx_view_find(&v, "snapshot") >= 0 ? v.points - 1 : 0;
    bool counted = method && strncmp(method, "counts", 6) == 0;
    if (strcmp(v.name, "eigenvalue") == 0) return plane(&v);
    if (strcmp(v.name, "tdos") == 0 || strcmp(v.name, "tdos_log") == 0 || strcmp(v.name, "kernel") == 0)
        return curves(&v, counted);
    if (strcmp(v.name, "tdos_joint") == 0 || strcmp(v.name, "pseudospectrum") == 0) return heat(&v);
    sx_status status = sx_figure_modes(&v);
    return status == SX_STOPPED ? SX_OK : status;
}
