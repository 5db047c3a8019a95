// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Heat maps: one number per pair of units, or per unit and time; their colours. */
#include "report/figure.h"

#include <math.h>
#include <stdlib.h>

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* Centres of the blocks of a dimension in the coordinate of its axis. */
static sx_status centres(sx_figures *f, const char *group, const char *dim, int64_t n, int64_t cells,
                         const sx_axis *axis, const double **out) {
    double *x, *all = NULL;
    sx_status status = SX_OK;
    SX_TRY(f->ctx, sx_figures_take(f, cells, sizeof *x, &x));
    SX_TRY(f->ctx, sx_alloc(f->ctx, n, sizeof *all, &all));
    for (int64_t i = 0; i < n; i++) all[i] = (double)i;
    if (!axis->discrete) status = sx_result_read(f->ctx, f->r, sx_figures_find(f, group, dim), NULL, NULL, all);
    for (int64_t c = 0; c < cells && status >= 0; c++) x[c] = (all[c * n / cells] + all[(c + 1) * n / cells - 1]) / 2;
    sx_free(f->ctx, all);
    *out = x;
    return status;
}

sx_status sx_figures_heat(sx_figures *f, int id, int row_dim, int column_dim, const int64_t at[8], sx_figure *figure,
                          bool *reduced) {
    const char *dims[8], *group;
    int64_t shape[8], start[8], count[8];
    int n_dims = sx_result_shape(f->r, id, shape, dims);
    sx_result_var(f->r, id, &group);
    int64_t n = shape[row_dim], m = shape[column_dim], rows = least(n, SX_FIGURE_CELLS),
            columns = least(m, SX_FIGURE_CELLS);
    double *cells, *row = NULL;
    sx_status status = SX_OK;
    *reduced = rows < n || columns < m;
    SX_TRY(f->ctx, sx_figures_take(f, rows * columns, sizeof *cells, &cells));
    SX_TRY(f->ctx, sx_figures_axis(f, group, dims[row_dim], n, &figure->y));
    SX_TRY(f->ctx, sx_figures_axis(f, group, dims[column_dim], m, &figure->x));
    SX_TRY(f->ctx, centres(f, group, dims[row_dim], n, rows, &figure->y, &figure->cell_y));
    SX_TRY(f->ctx, centres(f, group, dims[column_dim], m, columns, &figure->x, &figure->cell_x));
    SX_TRY(f->ctx, sx_figures_value_axis(f, id, &figure->z));
    for (int k = 0; k < n_dims; k++) {
        start[k] = k == row_dim || k == column_dim ? 0 : at[k];
        count[k] = k == column_dim ? m : 1;
    }
    SX_GO(f->ctx, status, done, sx_alloc(f->ctx, m, sizeof *row, &row));
    for (int64_t i = 0; i < rows; i++) {
        int64_t first = i * n / rows, end = (i + 1) * n / rows;
        for (start[row_dim] = first; start[row_dim] < end; start[row_dim]++) {
            SX_GO(f->ctx, status, done, sx_result_read(f->ctx, f->r, id, start, count, row));
            for (int64_t j = 0; j < columns; j++) {
                int64_t from = j * m / columns, to = (j + 1) * m / columns;
                for (int64_t k = from; k < to; k++)
                    cells[i * columns + j] += row[k] / (double)((end - first) * (to - from));
            }
        }
    }
    figure->rows = rows;
    figure->columns = columns;
    figure->cells = cells;
done:
    sx_free(f->ctx, row);
    return status;
}

/* Pairs on and above the diagonal against theory: all, or as many as a figure can show, regularly chosen. */
static sx_status theory_scatter(sx_figures *f, int id, int64_t n, int64_t m, const char *const *rows,
                                const char *const *columns) {
    int ids[3] = { id, sx_figures_beside(f, id, "_se"), sx_figures_beside(f, id, "_theory") };
    double *v[3] = { 0 }, *row = NULL;
    const char **names = NULL, *caption = NULL;
    int64_t pairs = 0, every, count = 0;
    sx_status status = SX_OK;
    if (ids[2] < 0) return SX_OK;
    for (int64_t i = 0; i < n; i++) pairs += i < m ? m - i : 0;
    every = 1 + (pairs - 1) / SX_FIGURE_POINTS;
    for (int k = 0; k < 3; k++)
        if (ids[k] >= 0) SX_TRY(f->ctx, sx_figures_take(f, pairs / every + 1, sizeof *v[k], &v[k]));
    if (rows && columns) SX_TRY(f->ctx, sx_figures_take(f, pairs / every + 1, sizeof *names, &names));
    SX_TRY(f->ctx, sx_alloc(f->ctx, m, sizeof *row, &row));
    for (int k = 0; k < 3 && status >= 0; k++) {
        if (ids[k] < 0) continue;
        int64_t pair = 0;
        count = 0;
        for (int64_t i = 0; i < n && i < m; i++) {
            int64_t start[2] = { i, 0 }, shape[2] = { 1, m };
            SX_GO(f->ctx, status, done, sx_result_read(f->ctx, f->r, ids[k], start, shape, row));
            for (int64_t j = i; j < m; j++) {
                if (pair++ % every != 0) continue;
                if (k == 0 && names)
                    SX_GO(f->ctx, status, done, sx_figures_print(f, &names[count], "%s, %s", rows[i], columns[j]));
                v[k][count++] = row[j];
            }
        }
    }
    SX_GO(f->ctx, status, done,
          sx_figures_print(f, &caption, "One point per pair of units; %lld of %lld pairs.", (long long)count,
                           (long long)pairs));
    SX_GO(f->ctx, status, done,
          sx_figures_scatter(f, id, count, v[0], v[1], v[2], (const char *const *)names, caption));
done:
    sx_free(f->ctx, row);
    return status;
}

sx_status sx_figure_matrix(sx_figures *f, int id) {
    const char *dims[8], *group;
    int64_t shape[8], at[8] = { 0 };
    sx_figure *figure;
    bool reduced, diverging;
    double low, high, largest = 0;
    sx_axis rows, columns;
    sx_result_var(f->r, id, &group);
    if (sx_result_shape(f->r, id, shape, dims) != 2 || shape[0] < 3 || shape[1] < 3) return SX_STOPPED;
    SX_TRY(f->ctx, sx_figures_axis(f, group, dims[0], shape[0], &rows));
    SX_TRY(f->ctx, sx_figures_axis(f, group, dims[1], shape[1], &columns));
    if (!rows.discrete || !columns.discrete) return SX_STOPPED;
    SX_TRY(f->ctx, sx_figures_add(f, id, 0, &figure));
    SX_TRY(f->ctx, sx_figures_heat(f, id, 0, 1, at, figure, &reduced));
    sx_figure_limits(figure, &low, &high, &diverging);
    for (int64_t i = 0; i < figure->rows * figure->columns; i++)
        if (fabs(figure->cells[i]) > largest) largest = fabs(figure->cells[i]);
    sx_writer t = { .ctx = f->ctx };
    if (reduced) sx_writer_add(&t, "Averaged over blocks of units. ");
    if (largest > fmax(fabs(low), fabs(high))) {
        sx_writer_add(&t, "Numbers beyond the ends of the colour bar have the colours of its ends; the largest is ");
        sx_writer_human(&t, largest, 3);
        sx_writer_add(&t, ".");
    }
    sx_status status = t.status;
    if (status >= 0) status = sx_figures_print(f, &figure->caption, "%s", t.p ? t.p : "");
    sx_free(f->ctx, t.p);
    if (status < 0) return status;
    return theory_scatter(f, id, shape[0], shape[1], rows.names, columns.names);
}

/* -- colours ---------------------------------------------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The range of the numbers; if a few large ones (a diagonal) would leave no colour to the others, that of 98 % of them. */
void sx_figure_limits(const sx_figure *figure, double *low, double *high, bool *diverging) {
    enum { SAMPLE = 4096 };
    double sample[SAMPLE], min = HUGE_VAL, max = -HUGE_VAL;
    int64_t n = figure->rows * figure->columns, m = 0;
    double fraction =
        n > SAMPLE ? 0.9 * SAMPLE / (double)n : 1; /* a hash chooses: regular steps could meet every diagonal cell */
    for (int64_t i = 0; i < n; i++) {
        double v = figure->cells[i];
        if (!isfinite(v)) continue;
        min = fmin(min, v);
        max = fmax(max, v);
        if (((uint32_t)i * 2654435761u) / 4294967296.0 < fraction && m < SAMPLE) sample[m++] = fabs(v);
    }
    if (!(min <= max)) min = 0, max = 1;
    *diverging = min < 0 && max > 0;
    double largest = fmax(fabs(min), fabs(max)), limit = largest;
    qsort(sample, (size_t)m, sizeof *sample, ascending);
    if (m > 100 && sample[m * 98 / 100] > 0 && largest > 2 * sample[m * 98 / 100]) limit = sample[m * 98 / 100];
    if (*diverging) {
        *low = -limit;
        *high = limit;
    } else {
        *low = fmax(min, -limit);
        *high = fmin(max, limit);
        if (*low == *high) *high = *low + (*low == 0 ? 1 : fabs(*low));
    }
}

/* Sequential: viridis (van der Walt, Smith; CC0); diverging: RdBu reversed (Brewer). Both are read by colour-blind people. */
void sx_figure_colour(double u, bool diverging, unsigned char rgb[3]) {
    static const unsigned char viridis[9][3] = { { 68, 1, 84 },    { 71, 44, 122 },  { 59, 81, 139 },
                                                 { 44, 113, 142 }, { 33, 144, 141 }, { 39, 173, 129 },
                                                 { 92, 200, 99 },  { 170, 220, 50 }, { 253, 231, 37 } };
    static const unsigned char red_blue[9][3] = { { 33, 102, 172 },  { 67, 147, 195 },  { 146, 197, 222 },
                                                  { 209, 229, 240 }, { 247, 247, 247 }, { 253, 219, 199 },
                                                  { 244, 165, 130 }, { 214, 96, 77 },   { 178, 24, 43 } };
    const unsigned char(*map)[3] = diverging ? red_blue : viridis;
    double at = 8 * fmin(1, fmax(0, u));
    int k = at >= 8 ? 7 : (int)at;
    for (int c = 0; c < 3; c++) rgb[c] = (unsigned char)(map[k][c] + (at - k) * (map[k + 1][c] - map[k][c]) + 0.5);
}
