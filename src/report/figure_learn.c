// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Figures of the tasks `learn` and `recall`: weights and their antisymmetric part, patterns, attractors, cues and responses as pictures, success of trials beside
 * that of their cues, which pattern follows which. */
#include "report/figure.h"

#include <math.h>
#include <string.h>

enum { ACROSS = 6, DOWN = 4 }; /* pictures in a row, rows */

typedef struct view {
    sx_figures *f;
    int id, n_dims;
    const char *group, *dims[8];
    int64_t shape[8], height, width; /* of a picture; 0 = rows are no pictures */
} view;

/* A number among the attributes of a group, 0 without it. */
static int64_t number_of(const sx_result *r, const char *group, const char *wanted) {
    const char *name, *text;
    double value;
    for (int i = 0; sx_result_attr(r, group, NULL, i, &name, &text, &value); i++)
        if (strcmp(name, wanted) == 0) return (int64_t)value;
    return 0;
}

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* -- pictures ------------------------------------------------------------------------------------------------------------------------- */

/* An empty gallery of `down` rows of `across` pictures, drawn from the top left. */
static sx_status gallery(const view *v, int64_t across, int64_t down, sx_figure **out, double **cells) {
    sx_figures *f = v->f;
    sx_figure *g;
    double *x, *y;
    int64_t columns = across * (v->width + 1) - 1, rows = down * (v->height + 1) - 1;
    SX_TRY(f->ctx, sx_figures_add(f, v->id, 0, &g));
    SX_TRY(f->ctx, sx_figures_take(f, rows * columns, sizeof **cells, cells));
    SX_TRY(f->ctx, sx_figures_take(f, columns, sizeof *x, &x));
    SX_TRY(f->ctx, sx_figures_take(f, rows, sizeof *y, &y));
    for (int64_t i = 0; i < rows * columns; i++) (*cells)[i] = NAN;
    for (int64_t i = 0; i < columns; i++) x[i] = ((double)i + 0.5) / (double)(v->width + 1);
    for (int64_t i = 0; i < rows; i++) y[i] = ((double)i + 0.5) / (double)(v->height + 1);
    SX_TRY(f->ctx, sx_figures_value_axis(f, v->id, &g->z));
    g->x = (sx_axis){ .label = "column", .unit = "", .discrete = true };
    g->y = (sx_axis){ .label = "row", .unit = "", .discrete = true };
    g->gallery = true;
    g->wide = 10 * columns > 300; /* points of a cell */
    g->rows = rows;
    g->columns = columns;
    g->cells = *cells;
    g->cell_x = x;
    g->cell_y = y;
    *out = g;
    return SX_OK;
}

/* Row `from` of variable id as picture (down, across), counted from the top left; row 0 of a picture is its top. */
static sx_status paste(const view *v, int id, int64_t from, const sx_figure *g, int64_t down, int64_t across,
                       double *cells) {
    const int64_t n = v->height * v->width, start[2] = { from, 0 }, count[2] = { 1, n };
    double *x = NULL;
    SX_TRY(v->f->ctx, sx_alloc(v->f->ctx, n, sizeof *x, &x));
    sx_status status = sx_result_read(v->f->ctx, v->f->r, id, start, count, x);
    for (int64_t i = 0; i < v->height && status >= 0; i++) {
        int64_t row = g->rows - 1 - (down * (v->height + 1) + i);
        memcpy(cells + row * g->columns + across * (v->width + 1), x + i * v->width, (size_t)v->width * sizeof *cells);
    }
    sx_free(v->f->ctx, x);
    return status;
}

/* How many pictures fit in a row and below each other. */
static bool fits(const view *v, int64_t *across, int64_t *down) {
    *across = least(*across, least(ACROSS, (SX_FIGURE_CELLS + 1) / (v->width + 1)));
    *down = least(*down, least(DOWN, (SX_FIGURE_CELLS + 1) / (v->height + 1)));
    return *across > 0 && *down > 0;
}

/* All rows of the variable, a picture each. */
static sx_status pictures(const view *v) {
    int64_t total = v->shape[0], across = total, down = DOWN;
    const char **names;
    sx_figure *g;
    double *cells;
    if (!fits(v, &across, &down)) return SX_STOPPED;
    down = least(down, (total + across - 1) / across);
    int64_t shown = least(total, down * across);
    SX_TRY(v->f->ctx, gallery(v, across, down, &g, &cells));
    SX_TRY(v->f->ctx, sx_figures_take(v->f, down, sizeof *names, &names));
    for (int64_t k = 0; k < shown; k++) SX_TRY(v->f->ctx, paste(v, v->id, k, g, k / across, k % across, cells));
    for (int64_t i = 0; i < down; i++) {
        int64_t first = (down - 1 - i) * across, last = least(first + across, shown) - 1;
        SX_TRY(v->f->ctx, first == last
                              ? sx_figures_print(v->f, &names[i], "%lld", (long long)first)
                              : sx_figures_print(v->f, &names[i], "%lld to %lld", (long long)first, (long long)last));
    }
    g->y.names = names;
    g->y.n_names = down;
    return shown < total
               ? sx_figures_print(v->f, &g->caption, "The first %lld of %lld.", (long long)shown, (long long)total)
               : SX_OK;
}

/* Trials as columns: target, cue, response. */
static sx_status trials(const view *v) {
    static const char *const rows[3] = { "response", "cue", "target" }; /* from below */
    sx_figures *f = v->f;
    int ids[3];
    int64_t across = v->shape[0], down = 3;
    const char **names;
    sx_figure *g;
    double *cells, *r2;
    for (int k = 0; k < 3; k++) ids[k] = sx_result_find(f->r, v->group, rows[k]);
    int measure = sx_result_find(f->r, v->group, "r2_response");
    if (ids[1] < 0 || ids[2] < 0 || measure < 0 || !fits(v, &across, &down) || down < 3) return SX_STOPPED;
    SX_TRY(f->ctx, gallery(v, across, 3, &g, &cells));
    SX_TRY(f->ctx, sx_figures_print(f, &g->title, "Targets, cues and responses"));
    SX_TRY(f->ctx, sx_figures_take(f, across, sizeof *names, &names));
    SX_TRY(f->ctx, sx_figures_take(f, across, sizeof *r2, &r2));
    SX_TRY(f->ctx, sx_result_read(f->ctx, f->r, measure, &(int64_t){ 0 }, &across, r2));
    for (int64_t k = 0; k < across; k++) {
        for (int i = 0; i < 3; i++) SX_TRY(f->ctx, paste(v, ids[i], k, g, 2 - i, k, cells));
        SX_TRY(f->ctx, sx_figures_print(f, &names[k], "%.2f", r2[k]));
    }
    for (int i = 0; i < 3; i++) { /* cues are larger than responses */
        double *row = cells + i * (v->height + 1) * g->columns, most = 0;
        for (int64_t k = 0; k < v->height * g->columns; k++) most = fmax(most, isnan(row[k]) ? 0 : fabs(row[k]));
        for (int64_t k = 0; k < v->height * g->columns && most > 0; k++) row[k] /= most;
    }
    g->z.label = "relative";
    g->z.unit = "";
    g->y.names = rows;
    g->y.n_names = 3;
    g->x.names = names;
    g->x.n_names = across;
    return sx_figures_print(f, &g->caption,
                            "The first %lld of %lld trials; below, r² of the response with its target. "
                            "Each row is divided by its largest modulus.",
                            (long long)across, (long long)v->shape[0]);
}

/* -- matrices ------------------------------------------------------------------------------------------------------------------------- */

/* The last snapshot, of several networks the first, and its antisymmetric part where that is not small. */
static sx_status weights(const view *v) {
    sx_figures *f = v->f;
    const int first = v->n_dims - 3;
    const int64_t snapshots = v->shape[first], n = v->shape[first + 1];
    int64_t at[8] = { 0 };
    sx_figure *w, *a;
    bool reduced;
    if (snapshots < 1 || n < 2) return SX_OK;
    at[first] = snapshots - 1;
    SX_TRY(f->ctx, sx_figures_add(f, v->id, 0, &w));
    SX_TRY(f->ctx, sx_figures_heat(f, v->id, first + 1, first + 2, at, w, &reduced));
    w->x.label = "from unit";
    w->y.label = "to unit";
    SX_TRY(f->ctx, sx_figures_print(f, &w->caption, "%s%s%s", first ? "The first network. " : "",
                                    snapshots > 1 ? "The last snapshot. " : "",
                                    reduced ? "Averaged over blocks of units." : ""));
    double *cells, anti = 0, all = 0;
    const int64_t m = w->rows;
    const sx_figure whole = *w; /* the pointer does not outlive the next figure */
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < m; j++) {
            double d = (whole.cells[i * m + j] - whole.cells[j * m + i]) / 2;
            anti += d * d;
            all += whole.cells[i * m + j] * whole.cells[i * m + j];
        }
    if (strcmp(sx_result_var(f->r, v->id, NULL)->name, "metric") == 0 || !(anti > 1e-4 * all)) return SX_OK;
    SX_TRY(f->ctx, sx_figures_take(f, m * m, sizeof *cells, &cells));
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < m; j++) cells[i * m + j] = (whole.cells[i * m + j] - whole.cells[j * m + i]) / 2;
    SX_TRY(f->ctx, sx_figures_add(f, v->id, 0, &a));
    a->x = whole.x, a->y = whole.y, a->z = whole.z;
    a->rows = a->columns = m;
    a->cell_x = whole.cell_x;
    a->cell_y = whole.cell_y;
    a->cells = cells;
    SX_TRY(f->ctx, sx_figures_print(f, &a->title, "Antisymmetric part of the weights"));
    return sx_figures_print(f, &a->caption, "(J - Jᵀ)/2, which holds %.0f %% of the square of the norm.",
                            100 * anti / all);
}

/* Where a step that leaves a pattern goes: columns of the counts without the diagonal, divided by their sums. */
static sx_status transitions(const view *v) {
    sx_figures *f = v->f;
    const int64_t n = v->shape[0], at[8] = { 0 };
    double *cells, leaving = 0, all = 0;
    sx_figure *g;
    bool reduced;
    if (n < 2 || n > SX_FIGURE_CELLS) return SX_STOPPED;
    SX_TRY(f->ctx, sx_figures_add(f, v->id, 0, &g));
    SX_TRY(f->ctx, sx_figures_heat(f, v->id, 0, 1, at, g, &reduced));
    SX_TRY(f->ctx, sx_figures_take(f, n * n, sizeof *cells, &cells));
    for (int64_t j = 0; j < n; j++) {
        double sum = 0;
        for (int64_t i = 0; i < n; i++) {
            all += g->cells[i * n + j];
            sum += i != j ? g->cells[i * n + j] : 0;
        }
        for (int64_t i = 0; i < n; i++) cells[i * n + j] = i == j || sum == 0 ? (double)NAN : g->cells[i * n + j] / sum;
        leaving += sum;
    }
    g->cells = cells;
    g->x.label = "from pattern";
    g->y.label = "to pattern";
    g->z.label = "probability";
    g->z.unit = "";
    SX_TRY(f->ctx, sx_figures_print(f, &g->title, "Which pattern follows which"));
    return sx_figures_print(
        f, &g->caption,
        "Of the steps that leave a pattern (%.3g of all). Empty: the diagonal, and patterns never left.",
        all > 0 ? leaving / all : 0);
}

/* r^2 of the response over that of the cue. */
static sx_status success(const view *v) {
    sx_figures *f = v->f;
    int cue = sx_result_find(f->r, v->group, "r2_cue");
    const int64_t n = least(v->shape[0], SX_FIGURE_POINTS), start = 0;
    double *x, *y;
    sx_figure *g;
    if (cue < 0 || n < 2) return SX_OK;
    SX_TRY(f->ctx, sx_figures_take(f, n, sizeof *x, &x));
    SX_TRY(f->ctx, sx_figures_take(f, n, sizeof *y, &y));
    SX_TRY(f->ctx, sx_result_read(f->ctx, f->r, cue, &start, &n, x));
    SX_TRY(f->ctx, sx_result_read(f->ctx, f->r, v->id, &start, &n, y));
    SX_TRY(f->ctx, sx_figures_add(f, v->id, 1, &g));
    SX_TRY(f->ctx, sx_figures_print(f, &g->title, "Response beside cue"));
    g->diagonal = true;
    g->x = (sx_axis){ .label = "r² of the cue", .unit = "" };
    g->y = (sx_axis){ .label = "r² of the response", .unit = "" };
    g->series[0] = (sx_series){ .kind = SX_SERIES_POINTS, .n = n, .x = x, .y = y, .name = "" };
    return sx_figures_print(f, &g->caption, "One point a trial. Above the line the network has cleaned up its cue.");
}

/* One number a snapshot, over the presentations before it. */
static sx_status over_epochs(const view *v) {
    sx_figures *f = v->f;
    const int64_t n = v->shape[0], at[8] = { 0 };
    int epochs = sx_result_find(f->r, v->group, "epoch");
    double *x;
    sx_figure *g;
    bool reduced;
    if (epochs < 0 || n < 2 || n > SX_FIGURE_POINTS) return SX_STOPPED;
    SX_TRY(f->ctx, sx_figures_take(f, n, sizeof *x, &x));
    SX_TRY(f->ctx, sx_result_read(f->ctx, f->r, epochs, NULL, NULL, x));
    SX_TRY(f->ctx, sx_figures_add(f, v->id, 1, &g));
    SX_TRY(f->ctx, sx_figures_value_axis(f, v->id, &g->y));
    SX_TRY(f->ctx, sx_figures_curve(f, v->id, 0, at, &g->series[0], &reduced));
    g->x = (sx_axis){ .label = "presentations", .unit = "", .log = x[0] > 0 && x[n - 1] / x[0] >= 100 };
    g->series[0].kind = SX_SERIES_POINTS;
    g->series[0].name = "";
    g->series[0].x = x;
    return sx_figures_print(f, &g->caption, "%s", g->series[0].error ? "Bars: ± 1 standard error." : "");
}

sx_status sx_figure_learn(sx_figures *f, int id) {
    view v = { .f = f, .id = id };
    const char *name = sx_result_var(f->r, id, &v.group)->name;
    const char *task = sx_result_attr_find(f->r, v.group, NULL, "task");
    if (!task || (strcmp(task, "learn") != 0 && strcmp(task, "recall") != 0)) return SX_STOPPED;
    v.n_dims = sx_result_shape(f->r, id, v.shape, v.dims);
    v.height = number_of(f->r, v.group, "image_height");
    v.width = number_of(f->r, v.group, "image_width");
    bool rows = v.n_dims == 2 && strcmp(v.dims[1], "unit") == 0 && v.height > 0 && v.height * v.width == v.shape[1];
    if (v.n_dims >= 3 && (strcmp(name, "weights") == 0 || strcmp(name, "metric") == 0)) return weights(&v);
    if (strcmp(name, "transitions") == 0) return transitions(&v);
    if (strcmp(name, "r2_response") == 0) return success(&v);
    if (strcmp(name, "r2_cue") == 0 || strcmp(name, "pattern") == 0 || strcmp(name, "hits") == 0) return SX_OK;
    if (strcmp(name, "epoch") == 0 || (strcmp(name, "angle") == 0 && v.shape[0] < 3)) return SX_OK;
    if (v.n_dims == 1 && strcmp(v.dims[0], "snapshot") == 0) return over_epochs(&v);
    if (strcmp(name, "cue") == 0 || strcmp(name, "target") == 0) return SX_OK; /* beside the response */
    if (strcmp(name, "response") == 0 && rows) return trials(&v);
    return rows ? pictures(&v) : SX_STOPPED;
}
