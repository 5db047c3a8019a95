// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The numbers of a figure as CSV (RFC 4180): one row per point. Numbers read back exactly; a missing number is "nan". */
#include "report/figure.h"

static void column(sx_writer *t, const char *name, const char *unit) {
    sx_writer field = { .ctx = t->ctx };
    sx_writer_add(&field, *name ? name : "value");
    if (*unit) sx_writer_addf(&field, " [%s]", unit);
    if (field.p) sx_writer_csv(t, field.p);
    if (field.status < 0) t->status = field.status;
    sx_free(t->ctx, field.p);
}

static void name_of_index(sx_writer *t, const sx_axis *axis, double x) {
    int64_t i = (int64_t)x;
    if (i >= 0 && i < axis->n_names) sx_writer_csv(t, axis->names[i]);
}

void sx_figure_csv(const sx_figure *figure, sx_writer *t) {
    bool matrix = figure->cells != NULL, names = figure->x.names || (matrix && figure->y.names);
    for (int k = 0; k < figure->n_series; k++) names = names || figure->series[k].names;
    sx_writer_add(t, matrix ? "" : "series,");
    column(t, figure->x.label, figure->x.unit);
    if (names) sx_writer_add(t, ",name");
    sx_writer_add(t, ",");
    column(t, figure->y.label, figure->y.unit);
    if (matrix && names) sx_writer_add(t, ",name");
    if (matrix) {
        sx_writer_add(t, ",");
        column(t, figure->z.label, figure->z.unit);
        sx_writer_add(t, "\r\n");
        for (int64_t i = 0; i < figure->rows; i++)
            for (int64_t j = 0; j < figure->columns; j++) {
                sx_writer_exact(t, figure->cell_x[j]);
                sx_writer_add(t, ",");
                if (names) {
                    name_of_index(t, &figure->x, figure->cell_x[j]);
                    sx_writer_add(t, ",");
                }
                sx_writer_exact(t, figure->cell_y[i]);
                sx_writer_add(t, ",");
                if (names) {
                    name_of_index(t, &figure->y, figure->cell_y[i]);
                    sx_writer_add(t, ",");
                }
                sx_writer_exact(t, figure->cells[i * figure->columns + j]);
                sx_writer_add(t, "\r\n");
            }
        return;
    }
    sx_writer_add(t, ",standard error\r\n");
    for (int k = 0; k < figure->n_series; k++) {
        const sx_series *s = &figure->series[k];
        for (int64_t i = 0; i < s->n; i++) {
            sx_writer_csv(t, s->name && *s->name ? s->name : figure->y.label);
            sx_writer_add(t, ",");
            sx_writer_exact(t, s->x[i]);
            sx_writer_add(t, ",");
            if (names) {
                if (s->names)
                    sx_writer_csv(t, s->names[i]);
                else
                    name_of_index(t, &figure->x, s->x[i]);
                sx_writer_add(t, ",");
            }
            sx_writer_exact(t, s->y[i]);
            sx_writer_add(t, ",");
            if (s->error) sx_writer_exact(t, s->error[i]);
            sx_writer_add(t, "\r\n");
        }
    }
}
