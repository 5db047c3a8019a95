// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Figures of the task `response` for pairs of units, the strongest ones: coherence from cross spectra, moduli of susceptibilities, response functions,
 * lagged covariances; and measured spectra beside their theory on logarithmic axes. */
#include "report/figure.h"

#include <math.h>
#include <string.h>

enum { NUMBERS = 4000000 }; /* of a variable that is drawn */

typedef enum sx_pair_value { PLAIN, MODULUS, COHERENCE } sx_pair_value;

typedef struct sx_pairs {
    const double *v; /* [K][m][m][parts] of one point */
    int64_t K, m, parts;
    sx_pair_value what;
} sx_pairs;

/* |S_ij|^2 / (S_ii S_jj) for the coherence. */
static double value(const sx_pairs *p, int64_t k, int64_t i, int64_t j) {
    const double *v = p->v + k * p->m * p->m * p->parts, *x = v + (i * p->m + j) * p->parts;
    if (p->what == PLAIN) return x[0];
    double sq = x[0] * x[0] + x[1] * x[1];
    if (p->what == MODULUS) return sqrt(sq);
    return sq / (v[i * (p->m + 1) * p->parts] * v[j * (p->m + 1) * p->parts]);
}

/* The pairs with the largest values, up to `most`, strongest first. Coherence: i < j only. */
static int64_t strongest(const sx_pairs *p, int64_t most, int64_t *row, int64_t *column) {
    double size[SX_FIGURE_CURVES];
    int64_t n = 0;
    for (int64_t i = 0; i < p->m; i++)
        for (int64_t j = p->what == COHERENCE ? i + 1 : 0; j < p->m; j++) {
            double largest = 0;
            for (int64_t k = 0; k < p->K; k++) largest = fmax(largest, fabs(value(p, k, i, j)));
            if (!(largest > 0)) continue;
            int64_t at = n < most ? n++ : most;
            while (at > 0 && size[at - 1] < largest) at--;
            if (at == most) continue;
            for (int64_t l = n - 1; l > at; l--) size[l] = size[l - 1], row[l] = row[l - 1], column[l] = column[l - 1];
            size[at] = largest;
            row[at] = i;
            column[at] = j;
        }
    return n;
}

/* Numbers of the first point that has any, and which point that is (-1: there is no such dimension). */
static sx_status read_point(sx_figures *f, int id, int n_dims, const int64_t *shape, bool several, double **out,
                            int64_t *point) {
    int64_t total = 1, start[8] = { 0 }, count[8];
    *out = NULL;
    *point = -1;
    for (int k = 0; k < n_dims; k++) count[k] = shape[k];
    for (int k = several; k < n_dims; k++) total *= shape[k];
    if (total < 1 || total > NUMBERS) return SX_STOPPED;
    double *v;
    SX_TRY(f->ctx, sx_figures_take(f, total, sizeof *v, &v));
    for (int64_t p = 0; p < (several ? shape[0] : 1); p++) {
        if (several) start[0] = p, count[0] = 1;
        SX_TRY(f->ctx, sx_result_read(f->ctx, f->r, id, start, count, v));
        if (!isfinite(v[0])) continue;
        *out = v;
        if (several) *point = p;
        return SX_OK;
    }
    return SX_STOPPED;
}

static sx_status draw_pairs(sx_figures *f, int id, const sx_pairs *p, const char *const *dims, int first,
                            int64_t point) {
    int64_t row[SX_FIGURE_CURVES], column[SX_FIGURE_CURVES],
        n = strongest(p, SX_FIGURE_CURVES, row, column),
        pairs = p->what == COHERENCE ? p->m * (p->m - 1) / 2 : p->m * p->m;
    const char *group, *const *names = NULL, *where = "";
    sx_figure *figure;
    double *x;
    sx_result_var(f->r, id, &group);
    if (n == 0) return SX_OK; /* nothing to see: one unit, or silence */
    SX_TRY(f->ctx, sx_figures_labels(f, group, dims[first + 1], p->m, &names));
    SX_TRY(f->ctx, sx_figures_add(f, id, (int)n, &figure));
    SX_TRY(f->ctx, sx_figures_axis(f, group, dims[first], p->K, &figure->x));
    figure->x.discrete = false;
    SX_TRY(f->ctx, sx_figures_value_axis(f, id, &figure->y));
    int axis = sx_figures_find(f, group, dims[first]);
    SX_TRY(f->ctx, sx_figures_take(f, p->K, sizeof *x, &x));
    if (axis < 0) return SX_STOPPED;
    SX_TRY(f->ctx, sx_result_read(f->ctx, f->r, axis, NULL, NULL, x));
    if (p->what == COHERENCE) {
        SX_TRY(f->ctx, sx_figures_print(f, &figure->title, "Coherence between units"));
        figure->y = (sx_axis){ .label = "coherence", .unit = "" };
    } else if (p->what == MODULUS)
        SX_TRY(f->ctx,
               sx_figures_print(f, &figure->title, "Susceptibility: response to a force at a frequency, modulus"));
    bool log = p->what != PLAIN && x[0] > 0;
    figure->x.log = log;
    figure->y.log = p->what == MODULUS;
    for (int64_t c = 0; c < n; c++) {
        sx_series *s = &figure->series[c];
        const char *to, *from;
        double *y;
        SX_TRY(f->ctx, sx_figures_take(f, p->K, sizeof *y, &y));
        for (int64_t k = 0; k < p->K; k++) y[k] = value(p, k, row[c], column[c]);
        *s = (sx_series){ .kind = SX_SERIES_LINE, .colour = (int)c, .n = p->K, .x = x, .y = y };
        SX_TRY(f->ctx, sx_figures_item_name(f, names, "unit", row[c], &to));
        SX_TRY(f->ctx, sx_figures_item_name(f, names, "unit", column[c], &from));
        SX_TRY(f->ctx, sx_figures_print(f, &s->name, p->what == COHERENCE ? "%s and %s" : "%s ← %s", to, from));
    }
    if (point >= 0) SX_TRY(f->ctx, sx_figures_print(f, &where, "Point %lld. ", (long long)point));
    return sx_figures_print(f, &figure->caption, "%s%s%s", where, n < pairs ? "The strongest pairs of units. " : "",
                            p->what == COHERENCE ? "|S_ij|² / (S_ii S_jj)." : "");
}

/* Spectra of a simulation and their expected values, without frequency 0, where the mean of each window was removed. */
static sx_status draw_measured(sx_figures *f, int id, const int64_t *shape, const char *const *dims) {
    const char *group, *const *names = NULL;
    int theory = sx_figures_beside(f, id, "_theory");
    int64_t at[8] = { 0 }, units = shape[1] < SX_FIGURE_CURVES ? shape[1] : SX_FIGURE_CURVES;
    sx_figure *figure;
    bool reduced = false;
    sx_result_var(f->r, id, &group);
    if (theory < 0 || shape[0] < 3) return SX_STOPPED;
    SX_TRY(f->ctx, sx_figures_labels(f, group, dims[1], shape[1], &names));
    SX_TRY(f->ctx, sx_figures_add(f, id, 2 * (int)units, &figure));
    SX_TRY(f->ctx, sx_figures_axis(f, group, dims[0], shape[0], &figure->x));
    SX_TRY(f->ctx, sx_figures_value_axis(f, id, &figure->y));
    SX_TRY(f->ctx, sx_figures_print(f, &figure->title, "Power spectral density, measured and by linear theory"));
    figure->x.log = figure->y.log = true;
    for (int64_t c = 0; c < 2 * units; c++) {
        sx_series *s = &figure->series[c];
        at[1] = c % units;
        SX_TRY(f->ctx, sx_figures_curve(f, c < units ? id : theory, 0, at, s, &reduced));
        s->kind = SX_SERIES_LINE;
        s->dashed = c >= units;
        s->colour = units == 1 && s->dashed ? -1 : (int)at[1];
        if (!reduced) { /* without the first frequency */
            s->x++, s->y++, s->n--;
            if (s->error) s->error++;
        }
        SX_TRY(f->ctx, sx_figures_item_name(f, names, dims[1], at[1], &s->name));
        if (s->dashed) SX_TRY(f->ctx, sx_figures_print(f, &s->name, "%s, theory", s->name));
    }
    return sx_figures_print(
        f, &figure->caption,
        "%sBands: ± 1 standard error. Dashed: expected value of Welch's estimate at this time step.",
        units < shape[1] ? "The first units. " : "");
}

sx_status sx_figure_response(sx_figures *f, int id) {
    static const struct {
        const char *name;
        sx_pair_value what;
    } known[] = {
        { "csd", COHERENCE }, { "susceptibility", MODULUS }, { "response", PLAIN }, { "lagged_covariance", PLAIN }
    };
    const char *dims[8], *group, *task;
    int64_t shape[8], point;
    const sx_var *var = sx_result_var(f->r, id, &group);
    int n_dims = sx_result_shape(f->r, id, shape, dims);
    task = sx_result_attr_find(f->r, group, NULL, "task");
    if (!task || strcmp(task, "response") != 0) return SX_STOPPED;
    if (strcmp(var->name, "psd_measured") == 0 && n_dims == 2) return draw_measured(f, id, shape, dims);
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        if (strcmp(var->name, known[k].name) != 0) continue;
        bool several = strcmp(dims[0], "point") == 0;
        int first = several, own = n_dims - first;
        sx_pairs p = { .what = known[k].what, .parts = known[k].what == PLAIN ? 1 : 2 };
        if (own != (p.parts == 2 ? 4 : 3) || shape[first + 1] != shape[first + 2]) return SX_STOPPED;
        p.K = shape[first];
        p.m = shape[first + 1];
        double *v;
        sx_status status = read_point(f, id, n_dims, shape, several, &v, &point);
        if (status != SX_OK) return status;
        p.v = v;
        return draw_pairs(f, id, &p, dims, first, point);
    }
    return SX_STOPPED;
}
