// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* A figure as JSON for the interactive page (web/report.js). Series that share their x share one array in "xs". */
#include "report/figure.h"

#include <math.h>

enum { DIGITS = 6 };

static void numbers(sx_writer *t, const double *v, int64_t n) {
    sx_writer_add(t, "[");
    for (int64_t i = 0; i < n; i++) {
        if (i) sx_writer_add(t, ",");
        if (isfinite(v[i]))
            sx_writer_number(t, v[i], DIGITS);
        else
            sx_writer_add(t, "null");
    }
    sx_writer_add(t, "]");
}

static void texts(sx_writer *t, const char *const *s, int64_t n) {
    sx_writer_add(t, "[");
    for (int64_t i = 0; i < n; i++) {
        if (i) sx_writer_add(t, ",");
        sx_writer_json(t, s[i]);
    }
    sx_writer_add(t, "]");
}

static void axis(sx_writer *t, const char *name, const sx_axis *a) {
    sx_writer_addf(t, ",\"%s\":{\"label\":", name);
    sx_writer_json(t, a->label);
    sx_writer_add(t, ",\"unit\":");
    sx_writer_json(t, a->unit);
    sx_writer_addf(t, ",\"log\":%s,\"discrete\":%s", a->log ? "true" : "false", a->discrete ? "true" : "false");
    if (a->names) {
        sx_writer_add(t, ",\"names\":");
        texts(t, a->names, a->n_names);
    }
    sx_writer_add(t, "}");
}

static bool same(const sx_series *a, const sx_series *b) {
    if (a->n != b->n) return false;
    for (int64_t i = 0; i < a->n; i++)
        if (a->x[i] != b->x[i]) return false;
    return true;
}

static int first_with_x(const sx_figure *f, int k) {
    for (int j = 0; j < k; j++)
        if (same(&f->series[j], &f->series[k])) return j;
    return k;
}

/* Cells as base64 of little-endian 16-bit numbers between low and high of all cells; 65535: no number. */
static void heat(const sx_figure *f, sx_writer *t) {
    double min = HUGE_VAL, max = -HUGE_VAL;
    int64_t n = f->rows * f->columns;
    unsigned char *b = NULL;
    for (int64_t i = 0; i < n; i++)
        if (isfinite(f->cells[i])) {
            min = fmin(min, f->cells[i]);
            max = fmax(max, f->cells[i]);
        }
    if (!(min < max)) max = min + 1;
    if (!isfinite(min)) min = 0, max = 1;
    sx_writer_addf(t, ",\"heat\":{\"rows\":%lld,\"columns\":%lld", (long long)f->rows, (long long)f->columns);
    sx_writer_add(t, ",\"range\":");
    numbers(t, (const double[]){ min, max }, 2);
    sx_writer_add(t, ",\"x\":");
    numbers(t, f->cell_x, f->columns);
    sx_writer_add(t, ",\"y\":");
    numbers(t, f->cell_y, f->rows);
    sx_writer_add(t, ",\"cells\":\"");
    sx_status status = sx_alloc(t->ctx, n, 2, &b);
    if (status < 0) {
        t->status = status;
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        unsigned v = isfinite(f->cells[i]) ? (unsigned)(65534 * (f->cells[i] - min) / (max - min) + 0.5) : 65535;
        b[2 * i] = (unsigned char)(v & 255);
        b[2 * i + 1] = (unsigned char)(v >> 8);
    }
    sx_writer_base64(t, b, 2 * n);
    sx_free(t->ctx, b);
    sx_writer_add(t, "\"}");
}

void sx_figure_json(const sx_figure *f, sx_writer *t) {
    static const char *const kinds[] = { "line", "points", "marks", "steps", "bars" };
    sx_writer_add(t, "{\"id\":");
    sx_writer_json(t, f->id);
    axis(t, "x", &f->x);
    axis(t, "y", &f->y);
    axis(t, "z", &f->z);
    sx_writer_addf(t, ",\"wide\":%s,\"diagonal\":%s,\"xs\":{", f->wide ? "true" : "false",
                   f->diagonal ? "true" : "false");
    bool any = false;
    for (int k = 0; k < f->n_series; k++) {
        if (first_with_x(f, k) != k) continue;
        sx_writer_addf(t, "%s\"%d\":", any ? "," : "", k);
        numbers(t, f->series[k].x, f->series[k].n);
        any = true;
    }
    sx_writer_add(t, "},\"series\":[");
    for (int k = 0; k < f->n_series; k++) {
        const sx_series *s = &f->series[k];
        sx_writer_addf(t, "%s{\"x\":%d,\"kind\":\"%s\",\"dashed\":%s,\"colour\":%d,\"width\":", k ? "," : "",
                       first_with_x(f, k), kinds[s->kind], s->dashed ? "true" : "false", s->colour);
        sx_writer_number(t, s->width, DIGITS);
        sx_writer_add(t, ",\"name\":");
        sx_writer_json(t, s->name ? s->name : "");
        sx_writer_add(t, ",\"y\":");
        numbers(t, s->y, s->n);
        if (s->error) {
            sx_writer_add(t, ",\"error\":");
            numbers(t, s->error, s->n);
        }
        if (s->names) {
            sx_writer_add(t, ",\"names\":");
            texts(t, s->names, s->n);
        }
        sx_writer_add(t, "}");
    }
    sx_writer_add(t, "]");
    if (f->gallery) sx_writer_add(t, ",\"gallery\":true");
    if (f->cells) heat(f, t);
    sx_writer_add(t, "}");
}
