// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Figures of the task `spectrum`: eigenvalues in the plane with the law's ellipse, densities with the law over them, the memory kernel,
 * participation over rates, slow modes over units, the pseudospectrum. */
#include "report/figure.h"

#include <math.h>
#include <string.h>

enum { MODES = 3, OUTLINE = 181 };

typedef struct sx_view {
    sx_figures *f;
    int id, n_dims;
    const char *group, *name, *dims[8];
    int64_t shape[8];
    int64_t points, shown; /* points of the task, those drawn */
    int64_t main;          /* where there is room for one point only: the first, or the last snapshot */
} sx_view;

static bool is_map(const sx_view *v) {
    const char *time = sx_result_attr_find(v->f->r, v->group, NULL, "time");
    return time && strcmp(time, "discrete") == 0;
}

static int other(const sx_view *v, const char *name) {
    return sx_result_find(v->f->r, v->group, name);
}

/* The i-th point drawn: the first ones, of snapshots some from the first to the last. */
static int64_t drawn_point(const sx_view *v, int64_t i) {
    return v->main > 0 && v->shown > 1 ? i * (v->points - 1) / (v->shown - 1) : i;
}

/* Number of the snapshot, or its epoch, at a point: variable `name` over points; false without it. */
static sx_status along_points(const sx_view *v, const char *name, int64_t point, double *out, bool *there) {
    int id = other(v, name);
    *there = id >= 0;
    return id < 0 ? SX_OK : sx_result_read(v->f->ctx, v->f->r, id, &point, &(int64_t){ 1 }, out);
}

static sx_status point_name(const sx_view *v, int64_t point, const char **out) {
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

static sx_status shown_of(const sx_view *v, const char *rest, const char **out) {
    if (v->shown < v->points)
        return sx_figures_print(v->f, out,
                                v->main > 0 ? "%lld of %lld snapshots. %s" : "The first %lld of %lld points. %s",
                                (long long)v->shown, (long long)v->points, rest);
    return sx_figures_print(v->f, out, "%s", rest);
}

/* Row of numbers (point, i) of another variable over modes, thinned to SX_FIGURE_POINTS. */
static sx_status row(const sx_view *v, int id, int64_t point, int64_t n, double **out) {
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
        int id = other(v, names[k]);
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
        int64_t start[3] = { drawn_point(v, p), 0, 0 }, count[3] = { 1, n, 2 };
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
        SX_GO(v->f->ctx, status, done, point_name(v, start[0], &figure->series[p].name));
        if (v->points == 1) figure->series[p].name = "eigenvalues";
    }
    if (law)
        for (int i = 0; i < OUTLINE; i++) top = fmax(top, fabs(outline.y[i]));
    SX_GO(v->f->ctx, status, done, stability(v, top > 0 ? top : 1, &figure->series[v->shown]));
    if (law) figure->series[v->shown + 1] = outline;
    SX_GO(v->f->ctx, status, done,
          shown_of(v, law ? "Dashed: edge of the elliptic law with the moments of the entries of the Jacobian." : "",
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
        int64_t at[8] = { drawn_point(v, i % v->shown) };
        SX_TRY(v->f->ctx, sx_figures_curve(v->f, is_theory ? theory : v->id, 1, at, s, &reduced));
        s->kind = SX_SERIES_LINE;
        s->colour = v->shown == 1 && is_theory ? -1 : (int)(i % v->shown);
        s->dashed = is_theory;
        if (counted) s->error = NULL;
        if (counted && !is_theory && !kernel && !logarithmic && !reduced) SX_TRY(v->f->ctx, outline_of_bins(v, s));
        SX_TRY(v->f->ctx, point_name(v, at[0], &s->name));
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
    return shown_of(v, rest, &figure->caption);
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
        SX_TRY(v->f->ctx, row(v, other(v, "pseudospectrum_re"), v->main, v->shape[2], &x));
        SX_TRY(v->f->ctx, row(v, other(v, "pseudospectrum_im"), v->main, v->shape[1], &y));
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
    SX_TRY(v->f->ctx, point_name(v, v->main, &name));
    return sx_figures_print(
        v->f, &figure->caption, "%s%s%s%s",
        pseudo ? "Smallest singular value of z − J: where it is small, small perturbations of J have eigenvalues. "
               : "",
        *name ? "At " : "", name, *name ? "." : "");
}

/* -- modes -------------------------------------------------------------------------------------------------------------------- */

/* Participation over the rates; collective modes in a series of their own. */
static sx_status participation(sx_view *v) {
    sx_figure *figure;
    int rate_id = other(v, "relaxation_rate"), flag_id = other(v, "collective");
    int64_t n = v->shape[1] < SX_FIGURE_POINTS ? v->shape[1] : SX_FIGURE_POINTS, marked = 0;
    double *x, *y, *flag = NULL;
    if (v->shape[1] < 2) return SX_OK;
    if (v->shown > SX_FIGURE_CURVES - 1) v->shown = SX_FIGURE_CURVES - 1;
    SX_TRY(v->f->ctx, sx_figures_add(v->f, v->id, (int)v->shown + 1, &figure));
    SX_TRY(v->f->ctx, sx_figures_value_axis(v->f, rate_id, &figure->x));
    figure->y = (sx_axis){ .label = "participation", .unit = "units" };
    double *mx, *my;
    SX_TRY(v->f->ctx, sx_figures_take(v->f, n * v->shown, sizeof *mx, &mx));
    SX_TRY(v->f->ctx, sx_figures_take(v->f, n * v->shown, sizeof *my, &my));
    for (int64_t p = 0; p < v->shown; p++) {
        int64_t at = drawn_point(v, p);
        SX_TRY(v->f->ctx, row(v, rate_id, at, n, &x));
        SX_TRY(v->f->ctx, row(v, v->id, at, n, &y));
        if (flag_id >= 0) SX_TRY(v->f->ctx, row(v, flag_id, at, n, &flag));
        for (int64_t i = 0; flag && i < n; i++)
            if (flag[i] > 0) {
                mx[marked] = x[i];
                my[marked++] = y[i];
            }
        figure->series[p] = (sx_series){ .kind = SX_SERIES_POINTS, .colour = (int)p, .n = n, .x = x, .y = y };
        SX_TRY(v->f->ctx, point_name(v, at, &figure->series[p].name));
        if (v->points == 1 && flag) figure->series[p].name = "modes";
    }
    if (marked > 0)
        figure->series[v->shown] = (sx_series){
            .name = "collective", .kind = SX_SERIES_POINTS, .colour = (int)v->shown, .n = marked, .x = mx, .y = my
        };
    else
        figure->n_series--;
    if (figure->n_series == 1) figure->series[0].name = "";
    return shown_of(v, n < v->shape[1] ? "The slowest modes." : "", &figure->caption);
}

/* |v_u| of the slowest modes of the first point, one of each conjugate pair. */
static sx_status slow_modes(sx_view *v) {
    sx_figure *figure;
    int64_t n = v->shape[2], modes = v->shape[1];
    double *pair = NULL, *frequency = NULL;
    sx_status status = SX_OK;
    int frequency_id = other(v, "angular_frequency"), drawn = 0;
    if (n < 3 || n > SX_FIGURE_POINTS || frequency_id < 0) return SX_OK;
    SX_TRY(v->f->ctx, row(v, frequency_id, v->main, modes, &frequency));
    SX_TRY(v->f->ctx, sx_figures_add(v->f, v->id, MODES, &figure));
    SX_TRY(v->f->ctx, sx_figures_print(v->f, &figure->title, "Slow modes over the units"));
    SX_TRY(v->f->ctx, sx_figures_axis(v->f, v->group, "unit", n, &figure->x));
    figure->y = (sx_axis){ .label = "|v|", .unit = "" };
    figure->wide = n > 40;
    SX_TRY(v->f->ctx, sx_alloc(v->f->ctx, 2 * n, sizeof *pair, &pair));
    for (int64_t j = 0; j < modes && drawn < MODES; j++) {
        int64_t start[4] = { v->main, j, 0, 0 }, count[4] = { 1, 1, n, 2 };
        double *x, *y;
        if (!(frequency[j] >= 0)) continue; /* the other of a pair; not converged */
        SX_GO(v->f->ctx, status, done, sx_figures_take(v->f, n, sizeof *x, &x));
        SX_GO(v->f->ctx, status, done, sx_figures_take(v->f, n, sizeof *y, &y));
        SX_GO(v->f->ctx, status, done, sx_result_read(v->f->ctx, v->f->r, v->id, start, count, pair));
        for (int64_t u = 0; u < n; u++) {
            x[u] = (double)u;
            y[u] = hypot(pair[2 * u], pair[2 * u + 1]);
        }
        figure->series[drawn] =
            (sx_series){ .kind = SX_SERIES_POINTS, .colour = drawn, .n = n, .x = x, .y = y, .names = figure->x.names };
        SX_GO(v->f->ctx, status, done, sx_figures_print(v->f, &figure->series[drawn].name, "mode %lld", (long long)j));
        drawn++;
    }
    figure->n_series = drawn;
    const char *name;
    SX_GO(v->f->ctx, status, done, point_name(v, v->main, &name));
    status = sx_figures_print(v->f, &figure->caption,
                              "Right eigenvectors of the slowest modes%s%s; one of each conjugate pair.",
                              *name ? " at " : "", name);
done:
    sx_free(v->f->ctx, pair);
    return status;
}

/* Share |w_u v_u| / sum of each unit in a mode of the main point; pair: 4 n numbers. */
static sx_status shares(const sx_view *v, int64_t mode, double *pair, double *out) {
    int64_t n = v->shape[2], start[4] = { v->main, mode, 0, 0 }, count[4] = { 1, 1, n, 2 };
    double sum = 0;
    SX_TRY(v->f->ctx, sx_result_read(v->f->ctx, v->f->r, v->id, start, count, pair));
    SX_TRY(v->f->ctx, sx_result_read(v->f->ctx, v->f->r, other(v, "right"), start, count, pair + 2 * n));
    for (int64_t u = 0; u < n; u++) {
        out[u] = hypot(pair[2 * u], pair[2 * u + 1]) * hypot(pair[2 * (n + u)], pair[2 * (n + u) + 1]);
        sum += out[u];
    }
    for (int64_t u = 0; u < n && sum > 0; u++) out[u] /= sum;
    return SX_OK;
}

/* Who carries the slow modes: the units with the largest shares in the slowest one, by name, and what they have of the next ones. */
static sx_status carriers(sx_view *v) {
    enum { UNITS = 16 };
    sx_figure *figure;
    int64_t n = v->shape[2], modes = v->shape[1], unit[UNITS];
    int frequency_id = other(v, "angular_frequency"), drawn = 0;
    const char *const *labels, **names, *point;
    double *work = NULL, *frequency;
    sx_status status = SX_OK;
    if (n <= UNITS || frequency_id < 0 || other(v, "right") < 0) return SX_OK;
    SX_TRY(v->f->ctx, row(v, frequency_id, v->main, modes, &frequency));
    SX_TRY(v->f->ctx, sx_figures_labels(v->f, v->group, "unit", n, &labels));
    SX_TRY(v->f->ctx, sx_figures_take(v->f, UNITS, sizeof *names, &names));
    SX_TRY(v->f->ctx, sx_figures_add(v->f, v->id, MODES, &figure));
    SX_GO(v->f->ctx, status, done, sx_alloc(v->f->ctx, 6 * n, sizeof *work, &work));
    double *share = work + 4 * n, *left = work + 5 * n;
    for (int64_t j = 0; j < modes && drawn < MODES; j++) {
        double *x, *y;
        if (!(frequency[j] >= 0)) continue;
        SX_GO(v->f->ctx, status, done, shares(v, j, work, share));
        memcpy(left, share, sizeof(double) * (size_t)n);
        for (int i = 0; i < UNITS && drawn == 0; i++) {
            int64_t best = 0;
            for (int64_t u = 1; u < n; u++)
                if (left[u] > left[best]) best = u;
            left[best] = -1;
            unit[i] = best;
            if (labels)
                names[i] = labels[best];
            else
                SX_GO(v->f->ctx, status, done, sx_figures_print(v->f, &names[i], "%lld", (long long)best));
        }
        SX_GO(v->f->ctx, status, done, sx_figures_take(v->f, UNITS, sizeof *x, &x));
        SX_GO(v->f->ctx, status, done, sx_figures_take(v->f, UNITS, sizeof *y, &y));
        for (int i = 0; i < UNITS; i++) {
            x[i] = i;
            y[i] = share[unit[i]];
        }
        figure->series[drawn] =
            (sx_series){ .kind = SX_SERIES_POINTS, .colour = drawn, .n = UNITS, .x = x, .y = y, .names = names };
        SX_GO(v->f->ctx, status, done, sx_figures_print(v->f, &figure->series[drawn].name, "mode %lld", (long long)j));
        drawn++;
    }
    figure->n_series = drawn;
    figure->x = (sx_axis){ .label = "unit", .unit = "", .names = names, .n_names = UNITS, .discrete = true };
    figure->y = (sx_axis){ .label = "share of the mode", .unit = "" };
    SX_GO(v->f->ctx, status, done, sx_figures_print(v->f, &figure->title, "Units that carry the slowest mode"));
    SX_GO(v->f->ctx, status, done, point_name(v, v->main, &point));
    status =
        sx_figures_print(v->f, &figure->caption,
                         "The %d units with the largest shares |w v|/Σ|w v|%s%s, and their shares of the next modes.",
                         UNITS, *point ? " at " : "", point);
done:
    sx_free(v->f->ctx, work);
    return status;
}

/* Rates in their order, those of the null model's edge and beyond its spread to be seen at once. */
static sx_status rates(sx_view *v) {
    sx_figure *figure;
    int error_id = other(v, "rate_error");
    int64_t n = v->shape[1] < SX_FIGURE_POINTS ? v->shape[1] : SX_FIGURE_POINTS;
    double *x, *y, *error;
    if (n < 2) return SX_OK;
    SX_TRY(v->f->ctx, sx_figures_add(v->f, v->id, (int)v->shown, &figure));
    SX_TRY(v->f->ctx, sx_figures_print(v->f, &figure->title, "Relaxation rates"));
    figure->x = (sx_axis){ .label = "mode", .unit = "" };
    SX_TRY(v->f->ctx, sx_figures_value_axis(v->f, v->id, &figure->y));
    SX_TRY(v->f->ctx, sx_figures_take(v->f, n, sizeof *x, &x));
    for (int64_t i = 0; i < n; i++) x[i] = (double)i;
    for (int64_t p = 0; p < v->shown; p++) {
        SX_TRY(v->f->ctx, row(v, v->id, drawn_point(v, p), n, &y));
        SX_TRY(v->f->ctx, row(v, error_id, drawn_point(v, p), n, &error));
        figure->series[p] =
            (sx_series){ .kind = SX_SERIES_POINTS, .colour = (int)p, .n = n, .x = x, .y = y, .error = error };
        SX_TRY(v->f->ctx, point_name(v, drawn_point(v, p), &figure->series[p].name));
    }
    return shown_of(v, "The slowest first. Bars: bound of rounding and residual.", &figure->caption);
}

/* -- tracks ------------------------------------------------------------------------------------------------------------------- */

/* Where the points stand on the axis of a figure of tracks: epochs of learning, snapshots, or their numbers. */
static sx_status track_axis(const sx_view *v, int64_t points, double **x, sx_axis *axis) {
    static const char *const words[2] = { "epoch", "snapshot" };
    int id = -1;
    *axis = (sx_axis){ .label = "point", .unit = "" };
    SX_TRY(v->f->ctx, sx_figures_take(v->f, points, sizeof **x, x));
    for (int k = 0; k < 2 && id < 0; k++) {
        id = other(v, words[k]);
        if (id >= 0) axis->label = words[k];
    }
    for (int64_t p = 0; p < points; p++) (*x)[p] = (double)p;
    if (id < 0) return SX_OK;
    SX_TRY(v->f->ctx, sx_result_read(v->f->ctx, v->f->r, id, NULL, NULL, *x));
    axis->log = (*x)[0] > 0 && (*x)[points - 1] > 30 * (*x)[0];
    return SX_OK;
}

/* Modes of all points in grey: the slowest of each, at most SX_FIGURE_POINTS in all. */
static sx_status cloud(const sx_view *v, const char *name, int64_t points, const double *x, sx_series *s) {
    int64_t shape[8], m = 0;
    const char *dims[8];
    double *px, *py;
    int id = other(v, name);
    if (id < 0) return SX_OK;
    (void)sx_result_shape(v->f->r, id, shape, dims);
    int64_t each = SX_FIGURE_POINTS / points + 1;
    if (each > shape[1]) each = shape[1];
    const int64_t start[2] = { 0, 0 }, count[2] = { points, each };
    SX_TRY(v->f->ctx, sx_figures_take(v->f, points * each, sizeof *px, &px));
    SX_TRY(v->f->ctx, sx_figures_take(v->f, points * each, sizeof *py, &py));
    SX_TRY(v->f->ctx, sx_result_read(v->f->ctx, v->f->r, id, start, count, py));
    for (int64_t i = 0; i < points * each; i++) {
        if (isnan(py[i])) continue;
        px[m] = x[i / each];
        py[m++] = py[i];
    }
    *s = (sx_series){ .name = each < shape[1] ? "slowest modes" : "all modes",
                      .kind = SX_SERIES_POINTS,
                      .colour = 6,
                      .n = m,
                      .x = px,
                      .y = py };
    return SX_OK;
}

/* The tracks that come to the smallest rates, one of each conjugate pair: rank[i], at most `most`. */
static sx_status slowest_tracks(const sx_view *v, int64_t most, int64_t *rank, int64_t *count) {
    int64_t tracks = v->shape[0], points = v->shape[1];
    double *rate = NULL, *frequency = NULL, *score = NULL;
    sx_status status;
    *count = 0;
    SX_GO(v->f->ctx, status, done, sx_alloc(v->f->ctx, tracks * points, sizeof *rate, &rate));
    SX_GO(v->f->ctx, status, done, sx_alloc(v->f->ctx, tracks * points, sizeof *frequency, &frequency));
    SX_GO(v->f->ctx, status, done, sx_alloc(v->f->ctx, tracks, sizeof *score, &score));
    SX_GO(v->f->ctx, status, done, sx_result_read(v->f->ctx, v->f->r, other(v, "track_rate"), NULL, NULL, rate));
    SX_GO(v->f->ctx, status, done,
          sx_result_read(v->f->ctx, v->f->r, other(v, "track_frequency"), NULL, NULL, frequency));
    for (int64_t c = 0; c < tracks; c++) {
        score[c] = (double)INFINITY;
        for (int64_t p = 0; p < points; p++) {
            if (frequency[c * points + p] < 0) { /* the other of a pair */
                score[c] = (double)INFINITY;
                break;
            }
            if (rate[c * points + p] < score[c]) score[c] = rate[c * points + p];
        }
    }
    while (*count < most) {
        int64_t best = 0;
        for (int64_t c = 1; c < tracks; c++)
            if (score[c] < score[best]) best = c;
        if (!(score[best] < (double)INFINITY)) break;
        rank[(*count)++] = best;
        score[best] = (double)INFINITY;
    }
done:
    sx_free(v->f->ctx, score);
    sx_free(v->f->ctx, frequency);
    sx_free(v->f->ctx, rate);
    return status;
}

/* Rates, or angular frequencies, of tracked modes over the snapshots. */
static sx_status tracks(sx_view *v) {
    enum { LINES = SX_FIGURE_CURVES - 1 };
    sx_figure *figure;
    bool frequency = strcmp(v->name, "track_frequency") == 0;
    int64_t points = v->shape[1], rank[LINES], count, drawn = 0;
    double *x, *y, turning = 0;
    sx_axis axis;
    SX_TRY(v->f->ctx, slowest_tracks(v, LINES, rank, &count));
    SX_TRY(v->f->ctx, track_axis(v, points, &x, &axis));
    for (int64_t i = 0; i < count && frequency; i++) { /* nothing turns: no figure */
        SX_TRY(v->f->ctx, row(v, v->id, rank[i], points, &y));
        for (int64_t p = 0; p < points; p++) turning = fmax(turning, isfinite(y[p]) ? fabs(y[p]) : 0);
    }
    if (count == 0 || (frequency && !(turning > 0))) return SX_OK;
    SX_TRY(v->f->ctx, sx_figures_add(v->f, v->id, (int)count + 1, &figure));
    SX_TRY(v->f->ctx, sx_figures_print(v->f, &figure->title, "%s of tracked modes",
                                       frequency ? "Angular frequency" : "Relaxation rate"));
    SX_TRY(v->f->ctx, sx_figures_value_axis(v->f, v->id, &figure->y));
    figure->x = axis;
    figure->y.label = frequency ? "angular frequency" : "relaxation rate";
    SX_TRY(v->f->ctx, cloud(v, frequency ? "angular_frequency" : "relaxation_rate", points, x, &figure->series[0]));
    for (int64_t i = 0; i < count; i++) {
        double *at, *value;
        int64_t m = 0;
        SX_TRY(v->f->ctx, row(v, v->id, rank[i], points, &value));
        SX_TRY(v->f->ctx, sx_figures_take(v->f, points, sizeof *at, &at));
        for (int64_t p = 0; p < points; p++) {
            if (isnan(value[p])) continue;
            at[m] = x[p];
            value[m++] = value[p];
        }
        sx_series *s = &figure->series[1 + drawn];
        *s = (sx_series){ .kind = SX_SERIES_LINE, .colour = (int)drawn, .n = m, .x = at, .y = value };
        SX_TRY(v->f->ctx, sx_figures_print(v->f, &s->name, "track %lld", (long long)rank[i]));
        drawn++;
    }
    return sx_figures_print(v->f, &figure->caption,
                            "Lines: the tracks that become slowest, of %lld%s. Grey: modes at each point.",
                            (long long)v->shape[0], frequency ? "; one of each conjugate pair" : "");
}

sx_status sx_figure_spectrum(sx_figures *f, int id) {
    sx_view v = { .f = f, .id = id };
    const sx_var *var = sx_result_var(f->r, id, &v.group);
    const char *task = sx_result_attr_find(f->r, v.group, NULL, "task"),
               *method = sx_result_attr_find(f->r, v.group, NULL, "density");
    if (!task || strcmp(task, "spectrum") != 0) return SX_STOPPED;
    v.name = var->name;
    v.n_dims = sx_result_shape(f->r, id, v.shape, v.dims);
    if (v.n_dims == 2 && strcmp(v.dims[0], "track") == 0) return tracks(&v);
    if (v.n_dims < 2 || strcmp(v.dims[0], "point") != 0 || v.shape[0] < 1) return SX_OK; /* in the tables */
    v.points = v.shape[0];
    v.shown = v.points < SX_FIGURE_CURVES ? v.points : SX_FIGURE_CURVES;
    v.main = other(&v, "snapshot") >= 0 ? v.points - 1 : 0;
    bool counted = method && strncmp(method, "counts", 6) == 0;
    if (strcmp(v.name, "eigenvalue") == 0) return plane(&v);
    if (strcmp(v.name, "tdos") == 0 || strcmp(v.name, "tdos_log") == 0 || strcmp(v.name, "kernel") == 0)
        return curves(&v, counted);
    if (strcmp(v.name, "tdos_joint") == 0 || strcmp(v.name, "pseudospectrum") == 0) return heat(&v);
    if (strcmp(v.name, "participation") == 0) return participation(&v);
    if (strcmp(v.name, "right") == 0) return slow_modes(&v);
    if (strcmp(v.name, "left") == 0) return carriers(&v);
    if (strcmp(v.name, "relaxation_rate") == 0) return rates(&v);
    return SX_OK;
}
