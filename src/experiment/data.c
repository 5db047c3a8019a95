// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
#include "experiment/data.h"
#include "experiment/load.h"
#include "experiment/values.h"

#include "core/mutant.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT(member) .offset = offsetof(sx_data_spec, member)
const sx_field sx_data_fields[] = {
    { .name = "file",
      .type = SX_STRING,
      AT(file),
      .help = "table of numbers, one pattern a row: .csv, .csv.gz, .npy, .npz; or a picture, .png" },
    { .name = "files",
      .type = SX_STRINGS,
      AT(files),
      .help = "instead: several pictures of the same size, .png, one pattern each" },
    { .name = "values",
      .type = SX_VALUES,
      AT(values),
      SX_UNBOUNDED,
      .shape = "row,column",
      .help = "instead: the rows themselves, [[1, -1], [1, 1]]" },
    { .name = "from", .type = SX_STRING, AT(from), .help = "instead: an earlier section [data.NAME]" },
    { .name = "random",
      .type = SX_ENUM,
      AT(random),
      .given = offsetof(sx_data_spec, has_random),
      .def = "\"sign\"",
      .choices = "sign|gaussian|uniform",
      .help =
          "instead: independent numbers, -1 or 1, of the normal law, or uniform in [-1, 1]; a row does not depend on "
          "how many there are" },
    { .name = "shape",
      .type = SX_VALUES,
      AT(shape),
      SX_UNBOUNDED,
      .shape = "2",
      .help = "[rows, columns] of random numbers" },
    { .name = "name", .type = SX_STRING, AT(entry), .help = "array of an .npz file" },
    { .name = "header",
      .type = SX_BOOL,
      AT(header),
      .given = offsetof(sx_data_spec, has_header),
      .help = "whether the first line of a CSV file names the columns" },
    { .name = "label_column",
      .type = SX_I64,
      AT(label_column),
      .lo = -1e9,
      .hi = 1e9,
      .given = offsetof(sx_data_spec, has_label),
      .help = "column of integer labels, taken out of the numbers; -1 is the last" },
    { .name = "range",
      .type = SX_VALUES,
      AT(range),
      SX_UNBOUNDED,
      .shape = "2",
      .help = "[lo, hi] of the numbers as read; a number outside is an error" },
    { .name = "rows", .type = SX_STRING, AT(rows), .help = "rows \"first:end\" to keep, from 0, end not included" },
    { .name = "image",
      .type = SX_VALUES,
      AT(image),
      SX_UNBOUNDED,
      .shape = "2",
      .help = "[height, width]: a row is a picture; .png files are cut into pictures of this size" },
    { .name = "resize",
      .type = SX_VALUES,
      AT(resize),
      SX_UNBOUNDED,
      .shape = "2",
      .help =
          "[height, width] that pictures are brought to before `preprocess`: linear interpolation, averages where they "
          "shrink" },
    { .name = "preprocess",
      .type = SX_STRINGS,
      AT(preprocess),
      .help = "steps in order: square, sqrt, sign, centre-row, zscore-row, unit-row, centre-column, zscore-column" },
    SX_FIELD_END
};

/* ------------------------------------------------------------------------------------------------------------- preprocessing */

/* Mean and population standard deviation of n numbers at a stride. */
static void mean_sd(const double *x, int64_t n, int64_t stride, double *mean, double *sd) {
    double a = 0, b = 0;
    for (int64_t i = 0; i < n; i++) a += x[i * stride];
    a /= (double)n;
    for (int64_t i = 0; i < n; i++) b += (x[i * stride] - a) * (x[i * stride] - a);
    *mean = a;
    *sd = sqrt(b / (double)n);
}

static void standardise(double *x, int64_t lines, int64_t n, int64_t line, int64_t stride, bool scale) {
    for (int64_t k = 0; k < lines; k++) {
        double mean, sd, *p = x + k * line;
        mean_sd(p, n, stride, &mean, &sd);
        for (int64_t i = 0; i < n; i++) p[i * stride] = (p[i * stride] - mean) / (scale && sd > 0 ? sd : 1);
    }
}

static void step_square(double *x, int64_t rows, int64_t columns) {
    for (int64_t i = 0; i < rows * columns; i++) x[i] *= x[i];
}
static void step_sqrt(double *x, int64_t rows, int64_t columns) {
    for (int64_t i = 0; i < rows * columns; i++) x[i] = copysign(sqrt(fabs(x[i])), x[i]);
}
static void step_sign(double *x, int64_t rows, int64_t columns) {
    for (int64_t i = 0; i < rows * columns; i++) x[i] = x[i] > 0 ? 1 : -1;
}
static void step_centre_row(double *x, int64_t rows, int64_t columns) {
    standardise(x, rows, columns, columns, 1, false);
}
static void step_zscore_row(double *x, int64_t rows, int64_t columns) {
    standardise(x, rows, columns, columns, 1, true);
}
static void step_unit_row(double *x, int64_t rows, int64_t columns) {
    for (int64_t k = 0; k < rows; k++) {
        double sum = 0;
        for (int64_t i = 0; i < columns; i++) sum += x[k * columns + i] * x[k * columns + i];
        for (int64_t i = 0; i < columns && sum > 0; i++) x[k * columns + i] /= sqrt(sum);
    }
}
static void step_centre_column(double *x, int64_t rows, int64_t columns) {
    standardise(x, columns, rows, 1, columns, false);
}
static void step_zscore_column(double *x, int64_t rows, int64_t columns) {
    standardise(x, columns, rows, 1, columns, true);
}

static const struct {
    const char *name;
    void (*apply)(double *x, int64_t rows, int64_t columns);
} steps[] = {
    { "square", step_square },
    { "sqrt", step_sqrt },
    { "sign", step_sign },
    { "centre-row", step_centre_row },
    { "zscore-row", step_zscore_row },
    { "unit-row", step_unit_row },
    { "centre-column", step_centre_column },
    { "zscore-column", step_zscore_column },
};
enum { STEPS = sizeof steps / sizeof *steps };

static int find_step(const char *name) {
    for (int k = 0; k < STEPS; k++)
        if (strcmp(steps[k].name, name) == 0) return k;
    return -1;
}

/* ------------------------------------------------------------------------------------------------------------------- loading */

static sx_status check_pair(const sx_reader *r, const sx_toml_node *node, const char *name, sx_values v, bool sizes) {
    const sx_toml_node *given = sx_toml_get(node, name);
    if (!given) return SX_OK;
    bool good = v.n == 2 && (sizes ? v.data[0] >= 1 && v.data[1] >= 1 && v.data[0] == floor(v.data[0]) &&
                                         v.data[1] == floor(v.data[1])
                                   : v.data[0] < v.data[1]);
    if (good) return SX_OK;
    return sx_node_fail(r, given, SX_E_USAGE, "%s: want %s", name,
                        !sizes                       ? "[lo, hi] with lo < hi"
                        : strcmp(name, "shape") == 0 ? "[rows, columns], two integers > 0"
                                                     : "[height, width], two integers > 0");
}

/* "first:end", either may be left out; end <= 0: to the last row. */
static bool parse_rows(const char *text, int64_t *first, int64_t *end) {
    char *p;
    *first = strtoll(text, &p, 10);
    if (*p++ != ':' || *first < 0) return false;
    *end = *p ? strtoll(p, &p, 10) : -1;
    return *p == '\0' && (*end == -1 || *end > *first);
}

static sx_status load_one(const sx_reader *r, sx_experiment *e, const sx_toml_node *node, int i) {
    sx_data_spec *d = &e->data[i];
    char what[96];
    const char *name = sx_toml_key(node);
    const sx_toml_node *steps_node = sx_toml_get(node, "preprocess");
    int64_t first, end;
    snprintf(what, sizeof what, "[data.%.64s]", name);
    SX_TRY(r->ctx, sx_schema_want(r, node, SX_TOML_TABLE, "a section [data.NAME]"));
    sx_part part = { sx_data_fields, d };
    SX_TRY(r->ctx, sx_schema_read(r, node, what, &part, 1, NULL));
    d->node = node;
    d->name = name;
    if ((d->file != NULL) + (d->files.n > 0) + (d->from != NULL) + (d->values.n > 0) + d->has_random != 1)
        return sx_node_fail(r, node, SX_E_USAGE, "%s: want one of `file`, `files`, `values`, `from` and `random`",
                            what);
    if (sx_data_is_pictures(d) && (d->has_label || d->has_header || d->entry))
        return sx_node_fail(r, node, SX_E_USAGE, "%s: pictures have no columns: `%s` belongs to tables", what,
                            d->has_label ? "label_column"
                            : d->entry   ? "name"
                                         : "header");
    if (d->has_random != (d->shape.n > 0))
        return sx_node_fail(r, node, SX_E_USAGE, "%s: `random` and `shape = [rows, columns]` belong together", what);
    if (d->from) {
        int k = 0;
        while (k < i && strcmp(e->data[k].name, d->from) != 0) k++;
        if (k == i)
            return sx_node_fail(r, sx_toml_get(node, "from"), SX_E_USAGE,
                                "no section before this one is called [data.%s]", d->from);
        static const char *const of_files[] = { "header", "name", "label_column", "range", "shape" };
        for (size_t q = 0; q < sizeof of_files / sizeof *of_files; q++)
            if (sx_toml_get(node, of_files[q]))
                return sx_node_fail(r, sx_toml_get(node, of_files[q]), SX_E_USAGE,
                                    "%s: `%s` belongs to the section with the file", what, of_files[q]);
    }
    if (d->rows && !parse_rows(d->rows, &first, &end))
        return sx_node_fail(r, sx_toml_get(node, "rows"), SX_E_USAGE,
                            "rows = \"%s\": want \"first:end\", as in \"0:10\" or \"10:\"", d->rows);
    SX_TRY(r->ctx, check_pair(r, node, "range", d->range, false));
    SX_TRY(r->ctx, check_pair(r, node, "image", d->image, true));
    SX_TRY(r->ctx, check_pair(r, node, "shape", d->shape, true));
    SX_TRY(r->ctx, check_pair(r, node, "resize", d->resize, true));
    for (int64_t k = 0; k < d->preprocess.n; k++) {
        if (find_step(d->preprocess.text[k]) >= 0) continue;
        const char *known[STEPS];
        for (int q = 0; q < STEPS; q++) known[q] = steps[q].name;
        const char *near = sx_nearest(d->preprocess.text[k], known, STEPS);
        return sx_node_fail(
            r, sx_toml_at(steps_node, k), SX_E_USAGE,
            "preprocess: unknown step '%s'%s%s%s; known: square, sqrt, sign, centre-row, zscore-row, unit-row, "
            "centre-column, zscore-column",
            d->preprocess.text[k], near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    }
    return SX_OK;
}

sx_status sx_data_load(const sx_reader *r, sx_experiment *e, const sx_toml_node *root) {
    const sx_toml_node *data = sx_toml_get(root, "data");
    if (!data) return SX_OK;
    SX_TRY(r->ctx, sx_schema_want(r, data, SX_TOML_TABLE, "sections [data.NAME]"));
    int64_t n = sx_toml_count(data);
    if (n > 100)
        return sx_node_fail(r, data, SX_E_USAGE, "%lld data sets; at most 100 fit in one experiment", (long long)n);
    SX_TRY(r->ctx, sx_arena_alloc(r->ctx, r->arena, n, sizeof *e->data, &e->data));
    for (int64_t i = 0; i < n; i++) SX_TRY(r->ctx, load_one(r, e, sx_toml_at(data, i), (int)i));
    e->n_data = (int)n;
    return SX_OK;
}

/* ------------------------------------------------------------------------------------------------------------------- building */

static sx_status take_labels(const sx_reader *r, const sx_data_spec *d, const sx_array *a, int64_t column,
                             int64_t *label) {
    int64_t columns = a->shape[1];
    for (int64_t i = 0; i < a->shape[0]; i++) {
        double v = a->data[i * columns + column];
        if (v != floor(v) || fabs(v) > 1e15)
            return sx_node_fail(r, d->node, SX_E_FILE, "%s: the label of row %lld is %g: want an integer", d->file,
                                (long long)i, v);
        label[i] = (int64_t)v;
    }
    return SX_OK;
}

static sx_status check_range(const sx_reader *r, const sx_data_spec *d, const sx_data *set) {
    if (d->range.n != 2) return SX_OK;
    for (int64_t i = 0; i < set->rows * set->columns; i++)
        if (!(set->x[i] >= d->range.data[0] && set->x[i] <= d->range.data[1]))
            return sx_node_fail(r, sx_toml_get(d->node, "range"), SX_E_FILE,
                                "%s: row %lld, column %lld is %.17g: want a value in [%g, %g]",
                                d->file ? d->file : "files", (long long)(i / set->columns),
                                (long long)(i % set->columns), set->x[i], d->range.data[0], d->range.data[1]);
    return SX_OK;
}

static sx_status from_file(const sx_reader *r, const sx_data_spec *d, sx_data *out) {
    sx_ctx *ctx = r->ctx;
    sx_read_opts ro = {
        .name = d->entry, .layout = SX_CSV_MATRIX, .header = d->has_header ? d->header : -1, .missing_error = true
    };
    sx_array a = { 0 };
    sx_status status;
    double *x = NULL;
    int64_t *label = NULL;
    SX_GO(ctx, status, done, sx_values_file(r, sx_toml_get(d->node, "file"), d->file, &ro, &a));
    if (!a.data || a.ndim < 1 || a.shape[0] < 1) {
        status = sx_node_fail(r, d->node, SX_E_FILE, "%s: want a table of numbers, one pattern a row", d->file);
        goto done;
    }
    int64_t rows = a.shape[0], all = a.n / rows, column = d->label_column < 0 ? all + d->label_column : d->label_column;
    int64_t columns = all - d->has_label;
    if (columns < 1 || (d->has_label && (column < 0 || column >= all))) {
        status = sx_node_fail(r, d->has_label ? sx_toml_get(d->node, "label_column") : d->node, SX_E_FILE,
                              "%s has %lld columns: label_column = %lld is not one of them", d->file, (long long)all,
                              (long long)d->label_column);
        goto done;
    }
    a.shape[1] = all;
    SX_GO(ctx, status, done, sx_arena_alloc(ctx, r->arena, rows * columns, sizeof *x, &x));
    if (d->has_label) {
        SX_GO(ctx, status, done, sx_arena_alloc(ctx, r->arena, rows, sizeof *label, &label));
        SX_GO(ctx, status, done, take_labels(r, d, &a, column, label));
    }
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0, k = 0; j < all; j++)
            if (!d->has_label || j != column) x[i * columns + k++] = a.data[i * all + j];
    *out = (sx_data){ .name = d->name, .rows = rows, .columns = columns, .x = x, .label = label };
    status = check_range(r, d, out);
done:
    sx_array_free(ctx, &a);
    return status;
}

/* Row k: numbers of step k of a key that the seed of data and the name of the section give. */
static sx_status from_law(const sx_reader *r, const sx_data_spec *d, uint64_t seed, sx_data *out) {
    int64_t rows = (int64_t)d->shape.data[0], columns = (int64_t)d->shape.data[1], n;
    sx_key key = sx_key_derive(sx_key_seed(seed), d->name, 0);
    double *x;
    SX_TRY(r->ctx, sx_mul_size(r->ctx, rows, columns, &n));
    SX_TRY(r->ctx, sx_arena_alloc(r->ctx, r->arena, n, sizeof *x, &x));
    for (int64_t k = 0; k < rows; k++) {
        double *p = x + k * columns;
        uint64_t step = SX_MUTANT(data_rows) ? 0 : (uint64_t)k;
        if (d->random == 1) {
            sx_normal_fill(key, step, SX_SLOT_USER, 0, columns, 1, p);
            continue;
        }
        sx_uniform_fill(key, step, SX_SLOT_USER, 0, columns, 1, p);
        for (int64_t i = 0; i < columns; i++) p[i] = d->random == 0 ? (p[i] < 0.5 ? -1 : 1) : 2 * p[i] - 1;
    }
    *out = (sx_data){ .name = d->name, .rows = rows, .columns = columns, .x = x };
    return SX_OK;
}

/* How a row is drawn. */
static sx_status take_image(const sx_reader *r, const sx_data_spec *d, sx_data *set) {
    if (d->image.n == 2) {
        set->image[0] = (int64_t)d->image.data[0];
        set->image[1] = (int64_t)d->image.data[1];
    }
    if (set->image[0] > 0 && set->image[0] * set->image[1] != set->columns)
        return sx_node_fail(r, d->image.n ? sx_toml_get(d->node, "image") : d->node, SX_E_USAGE,
                            "image = [%lld, %lld]: a row has %lld numbers%s", (long long)set->image[0],
                            (long long)set->image[1], (long long)set->columns,
                            set->columns == set->image[0] * set->image[1] + 1 && d->file && !d->has_label
                                ? "; if the last one is a label: label_column = -1"
                                : "");
    if (d->resize.n == 2 && set->image[0] == 0)
        return sx_node_fail(r, sx_toml_get(d->node, "resize"), SX_E_USAGE,
                            "resize: `image = [height, width]` is missing: how a row of %lld numbers is a picture",
                            (long long)set->columns);
    return SX_OK;
}

static sx_status build_one(const sx_reader *r, const sx_data_spec *d, uint64_t seed, const sx_data *before,
                           int n_before, sx_data *out) {
    sx_data set = { 0 };
    double *x;
    if (d->values.n > 0) {
        const sx_toml_node *values = sx_toml_get(d->node, "values");
        bool nested = sx_toml_type_of(sx_toml_at(values, 0)) == SX_TOML_ARRAY;
        set = (sx_data){ .name = d->name, .rows = nested ? sx_toml_count(values) : 1, .x = d->values.data };
        set.columns = d->values.n / set.rows;
    } else if (sx_data_is_pictures(d)) {
        SX_TRY(r->ctx, sx_data_pictures(r, d, &set));
        SX_TRY(r->ctx, check_range(r, d, &set));
    } else if (d->file) {
        SX_TRY(r->ctx, from_file(r, d, &set));
    } else if (d->has_random) {
        SX_TRY(r->ctx, from_law(r, d, seed, &set));
    } else {
        for (int k = 0; k < n_before; k++)
            if (strcmp(before[k].name, d->from) == 0) set = before[k];
        set.name = d->name;
    }
    int64_t first = 0, end = set.rows;
    if (d->rows) {
        (void)parse_rows(d->rows, &first, &end);
        if (end < 0) end = set.rows;
        if (end > set.rows || first >= set.rows)
            return sx_node_fail(r, sx_toml_get(d->node, "rows"), SX_E_USAGE, "rows = \"%s\": there are %lld rows",
                                d->rows, (long long)set.rows);
    }
    set.rows = end - first;
    SX_TRY(r->ctx, sx_arena_alloc(r->ctx, r->arena, set.rows * set.columns, sizeof *x, &x));
    memcpy(x, set.x + first * set.columns, (size_t)(set.rows * set.columns) * sizeof *x);
    set.x = x;
    SX_TRY(r->ctx, take_image(r, d, &set));
    if (d->resize.n == 2) {
        SX_TRY(r->ctx, sx_data_resize(r, (int64_t)d->resize.data[0], (int64_t)d->resize.data[1], &set));
        x = (double *)(uintptr_t)set.x;
    }
    for (int64_t k = 0; k < d->preprocess.n; k++)
        steps[find_step(d->preprocess.text[k])].apply(x, set.rows, set.columns);
    for (int64_t i = 0; i < set.rows * set.columns; i++)
        if (!isfinite(x[i]))
            return sx_node_fail(r, d->node, SX_E_FILE, "[data.%s]: row %lld is not finite after preprocessing", d->name,
                                (long long)(i / set.columns));
    if (set.label) set.label += first;
    *out = set;
    return SX_OK;
}

sx_status sx_data_build(const sx_reader *r, const sx_experiment *e) {
    sx_data *all = NULL;
    SX_TRY(r->ctx, sx_arena_alloc(r->ctx, r->arena, e->n_data, sizeof *all, &all));
    for (int i = 0; i < e->n_data; i++)
        SX_TRY(r->ctx, build_one(r, &e->data[i], e->seeds[SX_SEED_DATA], all, i, &all[i]));
    r->bind->data = all;
    r->bind->n_data = e->n_data;
    return SX_OK;
}

sx_status sx_data_find(const sx_reader *r, const sx_toml_node *node, sx_data *out) {
    const char *name, *known[100];
    const sx_experiment *e = r->experiment;
    SX_TRY(r->ctx, sx_schema_string(r, node, &name));
    int n = e ? e->n_data : 0;
    for (int i = 0; i < n; i++) {
        known[i] = e->data[i].name;
        if (strcmp(known[i], name) != 0) continue;
        *out = r->bind && i < r->bind->n_data ? r->bind->data[i] : (sx_data){ .name = known[i] };
        return SX_OK;
    }
    const char *near = sx_nearest(name, known, n);
    return sx_node_fail(r, node, SX_E_USAGE, "there is no section [data.%s]%s%s%s", name,
                        near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}
