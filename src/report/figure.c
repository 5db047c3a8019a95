// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The set of figures of a result, and what builders share: memory, units, labels, axes, curves. */
#include "report/figure.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* -- memory ----------------------------------------------------------------------------------------------------------------- */

sx_status sx_figures_take(sx_figures *f, int64_t n, size_t size, void *out) {
    if (f->n_blocks == f->block_room) {
        int64_t room = 2 * f->block_room + 64;
        SX_TRY(f->ctx, f->blocks ? sx_resize(f->ctx, room, sizeof *f->blocks, &f->blocks)
                                 : sx_alloc(f->ctx, room, sizeof *f->blocks, &f->blocks));
        f->block_room = room;
    }
    void *p = NULL;
    SX_TRY(f->ctx, sx_alloc(f->ctx, n, size, &p));
    f->blocks[f->n_blocks++] = p;
    memcpy(out, &p, sizeof p);
    return SX_OK;
}

sx_status sx_figures_print(sx_figures *f, const char **out, const char *format, ...) {
    va_list args, again;
    char *p = NULL;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    sx_status status = sx_figures_take(f, (n < 0 ? 0 : n) + 1, 1, &p);
    if (status >= 0) {
        vsnprintf(p, (size_t)n + 1, format, again);
        *out = p;
    }
    va_end(again);
    return status;
}

void sx_figures_free(sx_figures *f) {
    for (int64_t i = 0; i < f->n_blocks; i++) sx_free(f->ctx, f->blocks[i]);
    sx_free(f->ctx, f->blocks);
    sx_free(f->ctx, f->item);
    memset(f, 0, sizeof *f);
}

/* -- names and units -------------------------------------------------------------------------------------------------------- */

/* An identifier for files and XML: letters, digits, _ and -, beginning with a letter. */
static void make_id(char *id) {
    for (char *c = id; *c; c++)
        if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || *c == '_' ||
              *c == '-'))
            *c = '-';
}

sx_status sx_figures_add(sx_figures *f, int id, int n_series, sx_figure **out) {
    const char *group, *name, *title;
    const sx_var *var = sx_result_var(f->r, id, &group);
    if (f->n == f->capacity) {
        int64_t capacity = 2 * f->capacity + 16;
        SX_TRY(f->ctx, f->item ? sx_resize(f->ctx, capacity, sizeof *f->item, &f->item)
                               : sx_alloc(f->ctx, capacity, sizeof *f->item, &f->item));
        f->capacity = capacity;
    }
    sx_figure figure = { .group = group, .caption = "" };
    SX_TRY(f->ctx, sx_figures_print(f, &name, "%s%s%s", group, *group ? "-" : "", var->name));
    char *id_text = NULL;
    SX_TRY(f->ctx, sx_figures_take(f, (int64_t)strlen(name) + 8, 1, &id_text));
    sprintf(id_text, "%s%s", *name >= '0' && *name <= '9' ? "n" : "", name);
    make_id(id_text);
    size_t end = strlen(id_text);
    for (int64_t i = 0, copy = 2; i < f->n; i++) /* the second figure of a variable: name-2 */
        if (strcmp(f->item[i].id, id_text) == 0) {
            snprintf(id_text + end, 8, "-%d", (int)copy++);
            i = -1;
        }
    title = var->long_name && *var->long_name ? var->long_name : var->name;
    bool lower = *title >= 'a' && *title <= 'z' && !(title[1] == '_' || title[1] == ' ');
    SX_TRY(f->ctx, sx_figures_print(f, &figure.title, "%c%s", lower ? *title - 'a' + 'A' : *title, title + 1));
    figure.id = id_text;
    figure.x.label = figure.y.label = figure.z.label = "";
    figure.x.unit = figure.y.unit = figure.z.unit = "";
    if (n_series > 0) SX_TRY(f->ctx, sx_figures_take(f, n_series, sizeof *figure.series, &figure.series));
    figure.n_series = n_series;
    f->item[f->n] = figure;
    *out = &f->item[f->n++];
    return SX_OK;
}

/* One factor of a unit with its power: mV², (mV/s)⁻¹. */
static void add_factor(sx_writer *t, const char *unit, int power) {
    if (power == 0) return;
    if (t->n > 0) sx_writer_add(t, " ");
    bool compound = power != 1 && strpbrk(unit, " /*^");
    sx_writer_addf(t, compound ? "(%s)" : "%s", unit);
    if (power != 1) sx_writer_superscript(t, power);
}

sx_status sx_figures_unit(sx_figures *f, const char *units, const char **out) {
    sx_writer t = { .ctx = f->ctx };
    const char *p = units ? units : "";
    int sign = 1;
    while (*p && t.status >= 0) {
        char name[64];
        const char *close = *p == '(' ? strchr(p, ')') : NULL; /* (mV/s)^2: one factor */
        size_t n = close ? (size_t)(close - p - 1) : strcspn(p, " /^*");
        snprintf(name, sizeof name, "%.*s", (int)n, close ? p + 1 : p);
        p = close ? close + 1 : p + n;
        int power = 1;
        if (*p == '^') {
            int read = 0;
            if (sscanf(p + 1, "%d%n", &power, &read) == 1) p += read;
            p++;
        }
        const char *unit = name;
        if (strcmp(name, "time") == 0) unit = sx_result_attr_find(f->r, "", NULL, "unit_time");
        if (strcmp(name, "state") == 0) unit = sx_result_attr_find(f->r, "", NULL, "unit_state");
        if (unit && *unit && strcmp(unit, "1") != 0) add_factor(&t, unit, sign * power);
        if (*p == '/') sign = -1;
        if (*p) p++;
    }
    sx_status status = t.status;
    if (status >= 0) status = sx_figures_print(f, out, "%s", t.p ? t.p : "");
    sx_free(f->ctx, t.p);
    return status;
}

int sx_figures_find(const sx_figures *f, const char *group, const char *name) {
    int id = sx_result_find(f->r, group, name);
    return id >= 0 || !*group ? id : sx_result_find(f->r, "", name);
}

int sx_figures_beside(const sx_figures *f, int id, const char *suffix) {
    const char *group, *dims[8], *other_dims[8];
    int64_t shape[8], other_shape[8];
    char name[256];
    const sx_var *var = sx_result_var(f->r, id, &group);
    snprintf(name, sizeof name, "%s%s", var->name, suffix);
    int other = sx_result_find(f->r, group, name);
    if (other < 0 || sx_result_var(f->r, other, NULL)->dtype == SX_DT_STRING) return -1;
    int n = sx_result_shape(f->r, id, shape, dims);
    if (sx_result_shape(f->r, other, other_shape, other_dims) != n) return -1;
    return n == 0 || memcmp(shape, other_shape, (size_t)n * sizeof *shape) == 0 ? other : -1;
}

/* -- axes ------------------------------------------------------------------------------------------------------------------- */

/* <dim>_label, the string variable <dim>, and for unit2 (the second index of a matrix) what holds for unit. */
static int find_labels(const sx_figures *f, const char *group, const char *dim, int64_t n) {
    char name[256];
    int64_t shape[8];
    const char *dims[8];
    for (int attempt = 0; attempt < 3; attempt++) {
        size_t end = strlen(dim);
        if (attempt == 2 && (end < 2 || dim[end - 1] != '2')) return -1;
        snprintf(name, sizeof name, attempt == 1 ? "%.*s" : "%.*s_label", (int)(attempt == 2 ? end - 1 : end), dim);
        int id = sx_figures_find(f, group, name);
        if (id >= 0 && sx_result_var(f->r, id, NULL)->dtype == SX_DT_STRING &&
            sx_result_shape(f->r, id, shape, dims) == 1 && shape[0] == n)
            return id;
    }
    return -1;
}

sx_status sx_figures_labels(sx_figures *f, const char *group, const char *dim, int64_t n, const char *const **out) {
    int id = find_labels(f, group, dim, n);
    const char **names = NULL;
    if (id >= 0) {
        SX_TRY(f->ctx, sx_figures_take(f, n, sizeof *names, &names));
        for (int64_t i = 0; i < n; i++) {
            const char *text = sx_result_text(f->r, id, i);
            SX_TRY(f->ctx, sx_figures_print(f, &names[i], "%s", text ? text : ""));
        }
    }
    *out = names;
    return SX_OK;
}

/* The numeric coordinate of a dimension, or -1. */
static int coordinate(const sx_figures *f, const char *group, const char *dim, int64_t n) {
    int64_t shape[8];
    const char *dims[8];
    int id = sx_figures_find(f, group, dim);
    if (id < 0 || sx_result_var(f->r, id, NULL)->dtype == SX_DT_STRING) return -1;
    return sx_result_shape(f->r, id, shape, dims) == 1 && shape[0] == n ? id : -1;
}

sx_status sx_figures_axis(sx_figures *f, const char *group, const char *dim, int64_t n, sx_axis *axis) {
    int id = coordinate(f, group, dim, n);
    char *label = NULL;
    sx_axis a = { .label = dim, .unit = "" };
    if (id >= 0) {
        const sx_var *var = sx_result_var(f->r, id, NULL);
        SX_TRY(f->ctx, sx_figures_unit(f, var->units, &a.unit));
    } else {
        a.discrete = true;
        SX_TRY(f->ctx, sx_figures_labels(f, group, dim, n, &a.names));
        if (a.names) a.n_names = n;
    }
    SX_TRY(f->ctx, sx_figures_take(f, (int64_t)strlen(dim) + 1, 1, &label));
    strcpy(label, dim);
    size_t end = strlen(label);
    if (a.discrete && end > 1 && label[end - 1] == '2') label[end - 1] = 0; /* unit2, the other index of a matrix */
    for (char *c = label; *c; c++)
        if (*c == '_') *c = ' ';
    a.label = label;
    *axis = a;
    return SX_OK;
}

/* n_start is a count; n_mean the mean of a state array n. */
static bool is_count(const char *name) {
    static const char *const moments[] = { "mean", "variance",  "covariance", "autocovariance",
                                           "psd",  "histogram", "final" };
    if (strncmp(name, "n_", 2) != 0) return false;
    for (size_t k = 0; k < sizeof moments / sizeof *moments; k++)
        if (strncmp(name + 2, moments[k], strlen(moments[k])) == 0) return false;
    return true;
}

/* "x_mean" -> "mean of x", "first_passage" -> "first passage", "n_unstable" -> "number: unstable" */
sx_status sx_figures_quantity(sx_figures *f, int id, const char **out) {
    const char *name = sx_result_var(f->r, id, NULL)->name;
    char *text = NULL;
    SX_TRY(f->ctx, sx_figures_take(f, (int64_t)strlen(name) + 32, 1, &text));
    bool of = name[0] && name[1] == '_' && name[2];
    if (of && is_count(name)) {
        sprintf(text, "number: %s", name + 2);
        of = false;
    } else {
        strcpy(text, of ? name + 2 : name);
    }
    if (strcmp(text, "psd") == 0) strcpy(text, "spectral density");
    for (char *c = text; *c; c++)
        if (*c == '_') *c = ' ';
    if (of) sprintf(text + strlen(text), " of %c", name[0]);
    *out = text;
    return SX_OK;
}

sx_status sx_figures_value_axis(sx_figures *f, int id, sx_axis *axis) {
    sx_axis a = { 0 };
    SX_TRY(f->ctx, sx_figures_quantity(f, id, &a.label));
    SX_TRY(f->ctx, sx_figures_unit(f, sx_result_var(f->r, id, NULL)->units, &a.unit));
    *axis = a;
    return SX_OK;
}

sx_status sx_figures_item_name(sx_figures *f, const char *const *names, const char *dim, int64_t i, const char **out) {
    if (names) return sx_figures_print(f, out, "%s", names[i]);
    const char *word = strrchr(dim, '_'); /* recorded_unit -> unit */
    return sx_figures_print(f, out, "%s %lld", word ? word + 1 : dim, (long long)i);
}

/* -- curves ----------------------------------------------------------------------------------------------------------------- */

/* Extremes of the numbers since the last point written, in their order. */
typedef struct extremes {
    double low, high, low_x, high_x;
    bool any;
} extremes;

static void take_extreme(extremes *e, double x, double y) {
    if (isnan(y)) return;
    if (!e->any || y < e->low) {
        e->low = y;
        e->low_x = x;
    }
    if (!e->any || y > e->high) {
        e->high = y;
        e->high_x = x;
    }
    e->any = true;
}

static void put_extremes(extremes *e, double fallback, double *x, double *y, int64_t *n) {
    bool low_first = e->low_x <= e->high_x;
    x[*n] = e->any ? (low_first ? e->low_x : e->high_x) : fallback;
    y[*n] = e->any ? (low_first ? e->low : e->high) : (double)NAN;
    x[*n + 1] = e->any ? (low_first ? e->high_x : e->low_x) : fallback;
    y[*n + 1] = e->any ? (low_first ? e->high : e->low) : (double)NAN;
    *n += 2;
    e->any = false;
}

/* x of the points from `first`: the coordinate, or the index. */
static sx_status read_x(const sx_figures *f, int id, int64_t first, int64_t count, double *x) {
    if (id >= 0) return sx_result_read(f->ctx, f->r, id, &first, &count, x);
    for (int64_t i = 0; i < count; i++) x[i] = (double)(first + i);
    return SX_OK;
}

static sx_status read_reduced(sx_figures *f, int id, int along, int64_t start[8], int64_t count[8], int x_id, int64_t n,
                              sx_series *s) {
    enum { CHUNK = 65536 };
    double *x, *y, *buf;
    extremes e = { 0 };
    int64_t bucket = 0, points = 0;
    double last = 0;
    SX_TRY(f->ctx, sx_figures_take(f, 2 * SX_FIGURE_BUCKETS, sizeof *x, &x));
    SX_TRY(f->ctx, sx_figures_take(f, 2 * SX_FIGURE_BUCKETS, sizeof *y, &y));
    SX_TRY(f->ctx, sx_figures_take(f, 2 * CHUNK, sizeof *buf, &buf));
    for (int64_t first = 0; first < n; first += CHUNK) {
        int64_t m = n - first < CHUNK ? n - first : CHUNK;
        start[along] = first;
        count[along] = m;
        SX_TRY(f->ctx, sx_result_read(f->ctx, f->r, id, start, count, buf));
        SX_TRY(f->ctx, read_x(f, x_id, first, m, buf + CHUNK));
        for (int64_t i = 0; i < m; i++) {
            if ((double)(first + i) * SX_FIGURE_BUCKETS >= (double)(bucket + 1) * (double)n) {
                put_extremes(&e, last, x, y, &points);
                bucket++;
            }
            last = buf[CHUNK + i];
            take_extreme(&e, last, buf[i]);
        }
    }
    put_extremes(&e, last, x, y, &points);
    s->x = x;
    s->y = y;
    s->n = points;
    return SX_OK;
}

sx_status sx_figures_curve(sx_figures *f, int id, int along, const int64_t at[8], sx_series *s, bool *reduced) {
    const char *dims[8], *group;
    int64_t shape[8], start[8], count[8];
    int n_dims = sx_result_shape(f->r, id, shape, dims), se = sx_figures_beside(f, id, "_se");
    sx_result_var(f->r, id, &group);
    int64_t n = shape[along];
    int x_id = coordinate(f, group, dims[along], n);
    for (int k = 0; k < n_dims; k++) {
        start[k] = k == along ? 0 : at[k];
        count[k] = k == along ? n : 1;
    }
    if (n > SX_FIGURE_POINTS) {
        *reduced = true;
        return read_reduced(f, id, along, start, count, x_id, n, s);
    }
    double *x, *y, *error;
    SX_TRY(f->ctx, sx_figures_take(f, n, sizeof *x, &x));
    SX_TRY(f->ctx, sx_figures_take(f, n, sizeof *y, &y));
    SX_TRY(f->ctx, read_x(f, x_id, 0, n, x));
    SX_TRY(f->ctx, sx_result_read(f->ctx, f->r, id, start, count, y));
    if (se >= 0) {
        SX_TRY(f->ctx, sx_figures_take(f, n, sizeof *error, &error));
        SX_TRY(f->ctx, sx_result_read(f->ctx, f->r, se, start, count, error));
        s->error = error;
    }
    s->x = x;
    s->y = y;
    s->n = n;
    return SX_OK;
}
