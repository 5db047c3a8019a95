// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Figures of the modes of `spectrum`: participation over rates, slow modes over units, the units that carry them, rates, tracks over snapshots. */
#include "report/figure_spectrum.h"

#include <math.h>
#include <string.h>

enum { MODES = 3 };

/* -- modes -------------------------------------------------------------------------------------------------------------------- */

/* Participation over the rates; collective modes in a series of their own. */
static sx_status participation(sx_view *v) {
    sx_figure *figure;
    int rate_id = sx_view_find(v, "relaxation_rate"), flag_id = sx_view_find(v, "collective");
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
        int64_t at = sx_view_point(v, p);
        SX_TRY(v->f->ctx, sx_view_row(v, rate_id, at, n, &x));
        SX_TRY(v->f->ctx, sx_view_row(v, v->id, at, n, &y));
        if (flag_id >= 0) SX_TRY(v->f->ctx, sx_view_row(v, flag_id, at, n, &flag));
        for (int64_t i = 0; flag && i < n; i++)
            if (flag[i] > 0) {
                mx[marked] = x[i];
                my[marked++] = y[i];
            }
        figure->series[p] = (sx_series){ .kind = SX_SERIES_POINTS, .colour = (int)p, .n = n, .x = x, .y = y };
        SX_TRY(v->f->ctx, sx_view_point_name(v, at, &figure->series[p].name));
        if (v->points == 1 && flag) figure->series[p].name = "modes";
    }
    if (marked > 0)
        figure->series[v->shown] = (sx_series){
            .name = "collective", .kind = SX_SERIES_POINTS, .colour = (int)v->shown, .n = marked, .x = mx, .y = my
        };
    else
        figure->n_series--;
    if (figure->n_series == 1) figure->series[0].name = "";
    return sx_view_caption(v, n < v->shape[1] ? "The slowest modes." : "", &figure->caption);
}

/* |v_u| of the slowest modes of the first point, one of each conjugate pair. */
static sx_status slow_modes(sx_view *v) {
    sx_figure *figure;
    int64_t n = v->shape[2], modes = v->shape[1];
    double *pair = NULL, *frequency = NULL;
    sx_status status = SX_OK;
    int frequency_id = sx_view_find(v, "angular_frequency"), drawn = 0;
    if (n < 3 || n > SX_FIGURE_POINTS || frequency_id < 0) return SX_OK;
    SX_TRY(v->f->ctx, sx_view_row(v, frequency_id, v->main, modes, &frequency));
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
    SX_GO(v->f->ctx, status, done, sx_view_point_name(v, v->main, &name));
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
    SX_TRY(v->f->ctx, sx_result_read(v->f->ctx, v->f->r, sx_view_find(v, "right"), start, count, pair + 2 * n));
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
    int frequency_id = sx_view_find(v, "angular_frequency"), drawn = 0;
    const char *const *labels, **names, *point;
    double *work = NULL, *frequency;
    sx_status status = SX_OK;
    if (n <= UNITS || frequency_id < 0 || sx_view_find(v, "right") < 0) return SX_OK;
    SX_TRY(v->f->ctx, sx_view_row(v, frequency_id, v->main, modes, &frequency));
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
    SX_GO(v->f->ctx, status, done, sx_view_point_name(v, v->main, &point));
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
    int error_id = sx_view_find(v, "rate_error");
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
        SX_TRY(v->f->ctx, sx_view_row(v, v->id, sx_view_point(v, p), n, &y));
        SX_TRY(v->f->ctx, sx_view_row(v, error_id, sx_view_point(v, p), n, &error));
        figure->series[p] =
            (sx_series){ .kind = SX_SERIES_POINTS, .colour = (int)p, .n = n, .x = x, .y = y, .error = error };
        SX_TRY(v->f->ctx, sx_view_point_name(v, sx_view_point(v, p), &figure->series[p].name));
    }
    return sx_view_caption(v, "The slowest first. Bars: bound of rounding and residual.", &figure->caption);
}

/* -- tracks ------------------------------------------------------------------------------------------------------------------- */

/* Where the points stand on the axis of a figure of tracks: epochs of learning, snapshots, or their numbers. */
static sx_status track_axis(const sx_view *v, int64_t points, double **x, sx_axis *axis) {
    static const char *const words[2] = { "epoch", "snapshot" };
    int id = -1;
    *axis = (sx_axis){ .label = "point", .unit = "" };
    SX_TRY(v->f->ctx, sx_figures_take(v->f, points, sizeof **x, x));
    for (int k = 0; k < 2 && id < 0; k++) {
        id = sx_view_find(v, words[k]);
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
    int id = sx_view_find(v, name);
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
    SX_GO(v->f->ctx, status, done, sx_result_read(v->f->ctx, v->f->r, sx_view_find(v, "track_rate"), NULL, NULL, rate));
    SX_GO(v->f->ctx, status, done,
          sx_result_read(v->f->ctx, v->f->r, sx_view_find(v, "track_frequency"), NULL, NULL, frequency));
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
        SX_TRY(v->f->ctx, sx_view_row(v, v->id, rank[i], points, &y));
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
        SX_TRY(v->f->ctx, sx_view_row(v, v->id, rank[i], points, &value));
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

/* One number of each snapshot over the epochs. */
static sx_status over_snapshots(sx_view *v) {
    sx_figure *figure;
    double *x, *y, *error = NULL;
    int se = sx_figures_beside(v->f, v->id, "_se");
    sx_axis axis;
    SX_TRY(v->f->ctx, track_axis(v, v->points, &x, &axis));
    SX_TRY(v->f->ctx, sx_figures_take(v->f, v->points, sizeof *y, &y));
    SX_TRY(v->f->ctx, sx_result_read(v->f->ctx, v->f->r, v->id, NULL, NULL, y));
    if (se >= 0) {
        SX_TRY(v->f->ctx, sx_figures_take(v->f, v->points, sizeof *error, &error));
        SX_TRY(v->f->ctx, sx_result_read(v->f->ctx, v->f->r, se, NULL, NULL, error));
    }
    SX_TRY(v->f->ctx, sx_figures_add(v->f, v->id, 1, &figure));
    SX_TRY(v->f->ctx, sx_figures_value_axis(v->f, v->id, &figure->y));
    figure->x = axis;
    figure->series[0] =
        (sx_series){ .name = "", .kind = SX_SERIES_POINTS, .n = v->points, .x = x, .y = y, .error = error };
    return sx_figures_print(v->f, &figure->caption, "%s", se >= 0 ? "Bars: ± 1 standard error." : "");
}

sx_status sx_figure_modes(sx_view *v) {
    static const char *const numbers[] = { "slow_fraction", "mean_log_time", "numerical_abscissa", "henrici" };
    for (size_t k = 0; v->n_dims == 1 && v->main > 0 && k < sizeof numbers / sizeof *numbers; k++)
        if (strcmp(v->name, numbers[k]) == 0) return over_snapshots(v);
    if (v->n_dims == 2 && strcmp(v->dims[0], "track") == 0) return tracks(v);
    if (v->n_dims < 2 || strcmp(v->dims[0], "point") != 0) return SX_STOPPED;
    if (strcmp(v->name, "participation") == 0) return participation(v);
    if (strcmp(v->name, "right") == 0) return slow_modes(v);
    if (strcmp(v->name, "left") == 0) return carriers(v);
    if (strcmp(v->name, "relaxation_rate") == 0) return rates(v);
    return SX_STOPPED;
}
