// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Numbers per unit from lists and files, joined by label; selections of units; initial states. */
#include "experiment/values.h"
#include "experiment/data.h"
#include "core/mutant.h"
#include "experiment/box.h"
#include "experiment/equations_model.h"
#include "experiment/refer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ----------------------------------------------------------------------------------------------------------------- files */

/* Content of a file as 64 bits: eight bytes at a time, multiply and fold (the mixing step of splitmix64). Guards a resumed run against
 * inputs that have changed by mistake. */
static uint64_t mix(uint64_t h, uint64_t v) {
    h = (h ^ v) * UINT64_C(0xbf58476d1ce4e5b9);
    h ^= h >> 31;
    h *= UINT64_C(0x94d049bb133111eb);
    return h ^ (h >> 29);
}

static uint64_t hash_bytes(uint64_t h, const char *p, size_t n) {
    h = mix(h, (uint64_t)n);
    for (; n >= 8; n -= 8, p += 8) {
        uint64_t v;
        memcpy(&v, p, 8);
        h = mix(h, v);
    }
    uint64_t tail = 0;
    memcpy(&tail, p, n);
    return mix(h, tail);
}

sx_status sx_values_fail(const sx_reader *r, const sx_toml_node *node, sx_status status) {
    sx_ctx *ctx = r->ctx;
    (void)sx_node_prefix(r, node, status);
    if (status == SX_E_IO || status == SX_E_USAGE) { /* an input that cannot be read is an input error */
        char *text = NULL;
        if (sx_strdup(ctx, sx_ctx_message(ctx), &text) == SX_OK) {
            sx_ctx_clear(ctx);
            status = SX_FAIL(ctx, SX_E_FILE, "%s", text);
            sx_free(ctx, text);
        }
    }
    return status;
}

/* Path joined to the directory and content, which enters the hash; plain failures. */
static sx_status read_bytes(const sx_reader *r, const char *file, char **path, char **bytes, size_t *n) {
    const char *dir = r->bind->directory;
    bool joined = file[0] != '/' && dir && *dir && strcmp(dir, ".") != 0;
    SX_TRY(r->ctx, sx_format(r->ctx, path, "%s%s%s", joined ? dir : "", joined ? "/" : "", file));
    sx_status status = sx_file_read(r->ctx, *path, INT64_C(4000000000), bytes, n);
    if (status < 0) {
        sx_free(r->ctx, *path);
        *path = NULL;
        return status;
    }
    r->bind->files = hash_bytes(r->bind->files, *bytes, *n);
    return SX_OK;
}

sx_status sx_values_bytes(const sx_reader *r, const sx_toml_node *node, const char *file, char **path, char **bytes,
                          size_t *n) {
    sx_status status = read_bytes(r, file, path, bytes, n);
    return status < 0 ? sx_values_fail(r, node, status) : SX_OK;
}

sx_status sx_values_file(const sx_reader *r, const sx_toml_node *node, const char *file, const sx_read_opts *opts,
                         sx_array *out) {
    sx_ctx *ctx = r->ctx;
    sx_status status = SX_OK;
    char *path = NULL, *bytes = NULL;
    size_t n = 0;
    SX_GO(ctx, status, done, read_bytes(r, file, &path, &bytes, &n));
    sx_free(ctx, bytes);
    bytes = NULL;
    SX_GO(ctx, status, done, sx_array_read(ctx, path, opts, out));
done:
    sx_free(ctx, bytes);
    sx_free(ctx, path);
    return status < 0 ? sx_values_fail(r, node, status) : SX_OK;
}

/* ---------------------------------------------------------------------------------------------------------------- labels */

typedef struct entry {
    const char *label;
    int64_t index;
} entry;

static int compare_entries(const void *a, const void *b) {
    const entry *x = a, *y = b;
    int c = strcmp(x->label, y->label);
    return c ? c : (x->index > y->index) - (x->index < y->index);
}

static sx_status sorted_labels(sx_ctx *ctx, int64_t n, const char *const *labels, entry **out) {
    entry *e = NULL;
    SX_TRY(ctx, sx_alloc(ctx, n, sizeof *e, &e));
    for (int64_t i = 0; i < n; i++) e[i] = (entry){ labels[i], i };
    if (n > 1) qsort(e, (size_t)n, sizeof *e, compare_entries);
    *out = e;
    return SX_OK;
}

static int64_t find_label(const entry *e, int64_t n, const char *label) {
    entry key = { label, -1 };
    int64_t lo = 0, hi = n;
    while (lo < hi) {
        int64_t mid = (lo + hi) / 2;
        if (compare_entries(&e[mid], &key) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < n && strcmp(e[lo].label, label) == 0 ? e[lo].index : -1;
}

/* Labels of `want` that are not among `have`, in order, at most five by name. */
static int64_t list_absent(char *text, size_t size, int64_t n_want, const char *const *want, int64_t n_have,
                           const entry *have) {
    int64_t count = 0;
    size_t used = 0;
    text[0] = '\0';
    for (int64_t i = 0; i < n_want; i++) {
        if (find_label(have, n_have, want[i]) >= 0) continue;
        if (count < 5 && used < size)
            used += (size_t)snprintf(text + used, size - used, "%s%.60s", count ? ", " : "", want[i]);
        count++;
    }
    if (count > 5 && used < size) snprintf(text + used, size - used, " and %lld more", (long long)(count - 5));
    return count;
}

sx_status sx_labels_join(const sx_reader *r, const sx_toml_node *node, const char *haver, const char *wanter,
                         int64_t n_want, const char *const *want, int64_t n_have, const char *const *have, bool partial,
                         int64_t *order) {
    sx_ctx *ctx = r->ctx;
    sx_status status = SX_OK;
    entry *h = NULL, *w = NULL;
    char missing[512], extra[512];
    SX_GO(ctx, status, done, sorted_labels(ctx, n_have, have, &h));
    SX_GO(ctx, status, done, sorted_labels(ctx, n_want, want, &w));
    for (int64_t i = 1; i < n_have; i++)
        if (strcmp(h[i].label, h[i - 1].label) == 0) {
            status = sx_node_fail(r, node, SX_E_FILE, "%s: the label '%s' occurs twice", haver, h[i].label);
            goto done;
        }
    int64_t n_missing = list_absent(missing, sizeof missing, n_want, want, n_have, h);
    int64_t n_extra = list_absent(extra, sizeof extra, n_have, have, n_want, w);
    if ((n_missing && !partial) || n_extra) {
        status = sx_node_fail(r, node, SX_E_FILE, "%s: %lld units, but %s has %lld%s%s%s%s", haver, (long long)n_have,
                              wanter, (long long)n_want, n_missing ? "; missing: " : "", missing,
                              n_extra ? "; not among them: " : "", extra);
        goto done;
    }
    for (int64_t i = 0; i < n_want; i++) order[i] = SX_MUTANT(label_join) ? i % n_have : find_label(h, n_have, want[i]);
done:
    sx_free(ctx, h);
    sx_free(ctx, w);
    return status;
}

/* ---------------------------------------------------------------------------------------------------------------- values */

typedef struct file_opts {
    const char *file, *column, *key, *name;
    double missing;
    bool has_missing, header, has_header;
} file_opts;
#define F(member) .offset = offsetof(file_opts, member)
static const sx_field file_fields[] = {
    { .name = "file", .type = SX_STRING, F(file), .flags = SX_REQUIRED, .help = "path, relative to the experiment" },
    { .name = "column", .type = SX_STRING, F(column), .help = "column of the values in a CSV file, by header name" },
    { .name = "key", .type = SX_STRING, F(key), .help = "column of the unit labels in a CSV file" },
    { .name = "missing",
      .type = SX_F64,
      F(missing),
      SX_UNBOUNDED,
      .given = offsetof(file_opts, has_missing),
      .help = "value of units that the file does not give" },
    { .name = "name", .type = SX_STRING, F(name), .help = "array of an .npz or .safetensors file" },
    { .name = "header",
      .type = SX_BOOL,
      F(header),
      .given = offsetof(file_opts, has_header),
      .help = "whether the first line of a CSV file names the columns" },
    SX_FIELD_END
};
#undef F

static bool in_range(const sx_field *f, double v) {
    if (f->lo == 0 && f->hi == 0) return true;
    return ((f->flags & SX_LO_OPEN) ? v > f->lo : v >= f->lo) && ((f->flags & SX_HI_OPEN) ? v < f->hi : v <= f->hi);
}

/* Per unit: the one-index shape of most values; matrices name two or give alternatives. */
static bool is_per_unit(const sx_field *f) {
    return f->shape && strcmp(f->shape, "unit") == 0;
}

static sx_status check_length(const sx_reader *r, const sx_toml_node *node, const sx_field *f, int64_t n,
                              sx_status status) {
    if (!is_per_unit(f) || !r->bind || r->bind->n < 0 || n == 1 || n == r->bind->n) return SX_OK;
    return sx_node_fail(r, node, status, "%s: %lld values, but the model has %lld units", f->name, (long long)n,
                        (long long)r->bind->n);
}

static sx_status from_list(const sx_reader *r, const sx_toml_node *node, const sx_field *f, sx_values *out) {
    int64_t rows = sx_toml_count(node), columns = -1, n = 0;
    double *data = NULL;
    if (f->flags & SX_NO_LIST)
        return sx_node_fail(r, node, SX_E_USAGE, "%s: want a single number, not a list", f->name);
    if (rows == 0) {
        if (f->flags & SX_REQUIRED) return sx_node_fail(r, node, SX_E_USAGE, "%s: the list is empty", f->name);
        *out = (sx_values){ 0, NULL };
        return SX_OK;
    }
    bool nested = sx_toml_type_of(sx_toml_at(node, 0)) == SX_TOML_ARRAY;
    if (nested && is_per_unit(f))
        return sx_node_fail(r, node, SX_E_USAGE, "%s: want a flat list of numbers, one per unit", f->name);
    if (nested) columns = sx_toml_count(sx_toml_at(node, 0));
    SX_TRY(r->ctx, sx_arena_alloc(r->ctx, r->arena, nested ? rows * columns : rows, sizeof *data, &data));
    for (int64_t i = 0; i < rows; i++) {
        const sx_toml_node *row = sx_toml_at(node, i);
        if (!nested) {
            if (sx_toml_type_of(row) == SX_TOML_ARRAY)
                return sx_node_fail(r, row, SX_E_USAGE, "%s: numbers and lists are mixed", f->name);
            SX_TRY(r->ctx, sx_schema_number(r, row, f, &data[n++]));
            continue;
        }
        if (sx_toml_type_of(row) != SX_TOML_ARRAY || sx_toml_count(row) != columns)
            return sx_node_fail(
                r, row, SX_E_USAGE, "%s: row %lld has %lld numbers, the first row has %lld", f->name, (long long)i,
                (long long)(sx_toml_type_of(row) == SX_TOML_ARRAY ? sx_toml_count(row) : 1), (long long)columns);
        for (int64_t j = 0; j < columns; j++) SX_TRY(r->ctx, sx_schema_number(r, sx_toml_at(row, j), f, &data[n++]));
    }
    SX_TRY(r->ctx, check_length(r, node, f, n, SX_E_USAGE));
    *out = (sx_values){ n, data };
    return SX_OK;
}

/* Values of the file in the order of the model's units. */
static sx_status join(const sx_reader *r, const sx_toml_node *node, const file_opts *o, const sx_array *a,
                      double *data) {
    sx_ctx *ctx = r->ctx;
    sx_status status = SX_OK;
    int64_t *order = NULL;
    SX_GO(ctx, status, done, sx_alloc(ctx, r->bind->n, sizeof *order, &order));
    SX_GO(ctx, status, done,
          sx_labels_join(r, node, o->file, "the model", r->bind->n, r->bind->labels, a->n,
                         (const char *const *)a->row_labels, o->has_missing, order));
    for (int64_t i = 0; i < r->bind->n; i++) data[i] = order[i] < 0 ? o->missing : a->data[order[i]];
done:
    sx_free(ctx, order);
    return status;
}

static sx_status from_file(const sx_reader *r, const sx_toml_node *node, const sx_field *f, const char *const *handled,
                           sx_values *out) {
    sx_ctx *ctx = r->ctx;
    sx_status status = SX_OK;
    file_opts o = { 0 };
    sx_part part = { file_fields, &o };
    sx_array a = { 0 };
    double *data = NULL;
    int64_t n;
    if (!(f->flags & SX_FROM_FILE))
        return sx_node_fail(r, node, SX_E_USAGE, "%s: want numbers; a file is not possible here", f->name);
    SX_TRY(ctx, sx_schema_read(r, node, f->name, &part, 1, handled));
    if (o.has_missing && !in_range(f, o.missing))
        SX_TRY(ctx, sx_schema_number(r, sx_toml_get(node, "missing"), f, &o.missing));
    if (!r->bind) {
        *out = (sx_values){ 0, NULL };
        return SX_OK;
    }
    sx_read_opts ro = {
        .name = o.name, .column = o.column, .key = o.key, .missing_error = !o.has_missing, .missing = o.missing
    };
    ro.layout = o.column || o.key || is_per_unit(f) ? SX_CSV_COLUMN : SX_CSV_MATRIX;
    ro.header = o.has_header ? o.header : (o.column || o.key) ? 1 : -1;
    SX_GO(ctx, status, done, sx_values_file(r, node, o.file, &ro, &a));
    if (!a.data) {
        status = sx_node_fail(r, node, SX_E_FILE, "%s: %s is sparse; want plain numbers", f->name, o.file);
        goto done;
    }
    for (int64_t i = 0; i < a.n; i++)
        if (!in_range(f, a.data[i])) {
            char *range = NULL;
            SX_GO(ctx, status, done, sx_field_range(ctx, f, &range));
            status = sx_node_fail(r, node, SX_E_FILE, "%s: %s: value %lld%s%s%s is %.17g: want a value %s", f->name,
                                  o.file, (long long)i, a.row_labels ? " (" : "", a.row_labels ? a.row_labels[i] : "",
                                  a.row_labels ? ")" : "", a.data[i], range);
            sx_free(ctx, range);
            goto done;
        }
    if (o.key && !r->bind->labels) {
        status = sx_node_fail(
            r, node, SX_E_USAGE,
            "%s: key = '%s' joins by label, but the units have no labels (give `labels` to a coupling, or drop `key`)",
            f->name, o.key);
        goto done;
    }
    bool by_label = a.row_labels && r->bind->labels && r->bind->n >= 0 && is_per_unit(f);
    n = by_label ? r->bind->n : a.n;
    SX_GO(ctx, status, done, sx_arena_alloc(ctx, r->arena, n, sizeof *data, &data));
    if (by_label)
        SX_GO(ctx, status, done, join(r, node, &o, &a, data));
    else
        memcpy(data, a.data, (size_t)n * sizeof *data);
    SX_GO(ctx, status, done, check_length(r, node, f, n, SX_E_FILE));
    *out = (sx_values){ n, data };
done:
    sx_array_free(ctx, &a);
    return status;
}

sx_status sx_values_file_read(const sx_reader *r, const sx_toml_node *node, const sx_field *f,
                              const char *const *handled, sx_values *out) {
    return from_file(r, node, f, handled, out);
}

sx_status sx_values_read(const sx_reader *r, const sx_toml_node *node, const sx_field *f, sx_values *out) {
    double *data = NULL;
    switch (sx_toml_type_of(node)) {
    case SX_TOML_ARRAY:
        return from_list(r, node, f, out);
    case SX_TOML_TABLE:
        if (f->shape && strcmp(f->shape, SX_BOX_SHAPE) == 0) return sx_box_read(r, node, f, out);
        return from_file(r, node, f, NULL, out);
    case SX_TOML_STRING:
        return sx_node_fail(r, node, SX_E_USAGE,
                            "%s = \"%s\": want a number%s%s; expressions belong to models of kind "
                            "'equations'",
                            f->name, sx_toml_string(node, NULL), f->flags & SX_NO_LIST ? "" : ", a list of numbers",
                            f->flags & SX_FROM_FILE ? " or { file = ... }" : "");
    default:
        break;
    }
    SX_TRY(r->ctx, sx_arena_alloc(r->ctx, r->arena, 1, sizeof *data, &data));
    SX_TRY(r->ctx, sx_schema_number(r, node, f, data));
    *out = (sx_values){ 1, data };
    return SX_OK;
}

/* ----------------------------------------------------------------------------------------------------------------- units */

static sx_status one_unit(const sx_reader *r, const sx_toml_node *node, const sx_field *f, int64_t *out) {
    const sx_binding *b = r->bind;
    if (sx_toml_type_of(node) == SX_TOML_INTEGER) {
        int64_t i = sx_toml_integer(node);
        if (i < 0) return sx_node_fail(r, node, SX_E_USAGE, "%s: unit %lld: indices run from 0", f->name, (long long)i);
        if (b && b->n >= 0 && i >= b->n)
            return sx_node_fail(r, node, SX_E_USAGE,
                                "%s: unit %lld: the model has %lld units, want an index from 0 to %lld", f->name,
                                (long long)i, (long long)b->n, (long long)b->n - 1);
        *out = i;
        return SX_OK;
    }
    if (sx_toml_type_of(node) != SX_TOML_STRING)
        return sx_node_fail(r, node, SX_E_USAGE, "%s: want unit labels or indices, as in [\"AVAL\", 3]", f->name);
    const char *label = sx_toml_string(node, NULL);
    if (!b) {
        *out = 0;
        return SX_OK;
    }
    if (!b->labels)
        return sx_node_fail(r, node, SX_E_USAGE, "%s: unit '%s': the units of this model have no labels; use indices",
                            f->name, label);
    for (int64_t i = 0; i < b->n; i++)
        if (strcmp(b->labels[i], label) == 0) {
            *out = i;
            return SX_OK;
        }
    const char *near = sx_nearest(label, b->labels, b->n);
    return sx_node_fail(r, node, SX_E_USAGE, "%s: no unit is labelled '%s'%s%s%s", f->name, label,
                        near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static int compare_indices(const void *a, const void *b) {
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

sx_status sx_units_read(const sx_reader *r, const sx_toml_node *node, const sx_field *f, sx_units *out) {
    bool list = sx_toml_type_of(node) == SX_TOML_ARRAY;
    int64_t n = list ? sx_toml_count(node) : 1, *index = NULL;
    SX_TRY(r->ctx, sx_arena_alloc(r->ctx, r->arena, n, sizeof *index, &index));
    for (int64_t i = 0; i < n; i++) {
        const sx_toml_node *child = list ? sx_toml_at(node, i) : node;
        SX_TRY(r->ctx, one_unit(r, child, f, &index[i]));
        for (int64_t k = 0; k < i && r->bind; k++)
            if (index[k] == index[i])
                return sx_node_fail(r, child, SX_E_USAGE, "%s: unit %lld is given twice", f->name, (long long)index[i]);
    }
    if (r->bind && n > 1 && !f->shape) qsort(index, (size_t)n, sizeof *index, compare_indices);
    *out = (sx_units){ n, index };
    return SX_OK;
}

/* -------------------------------------------------------------------------------------------------------- initial states */

#define F(member) .offset = offsetof(sx_initial, member)
static const sx_field gaussian_fields[] = { { .name = "mean",
                                              .type = SX_F64,
                                              F(mean),
                                              SX_UNBOUNDED,
                                              .def = "0.0",
                                              .unit = "state",
                                              .help = "mean of the initial states" },
                                            { .name = "sd",
                                              .type = SX_F64,
                                              F(sd),
                                              .lo = 0,
                                              .hi = (double)INFINITY,
                                              .flags = SX_HI_OPEN,
                                              .def = "1.0",
                                              .unit = "state",
                                              .help = "standard deviation" },
                                            SX_FIELD_END };
static const sx_field uniform_fields[] = {
    { .name = "lo", .type = SX_F64, F(lo), SX_UNBOUNDED, .def = "-1.0", .unit = "state", .help = "lower end" },
    { .name = "hi", .type = SX_F64, F(hi), SX_UNBOUNDED, .def = "1.0", .unit = "state", .help = "upper end" },
    SX_FIELD_END
};
#undef F

static sx_status initial_values(const sx_reader *r, const sx_toml_node *node, const sx_field *f, sx_initial *out) {
    sx_field any = *f;
    any.type = SX_VALUES;
    any.shape = sx_toml_type_of(node) == SX_TOML_TABLE && (sx_toml_get(node, "column") || sx_toml_get(node, "key"))
                    ? "unit"
                    : "point,unit";
    any.flags = SX_FROM_FILE | SX_REQUIRED;
    any.lo = any.hi = 0;
    out->kind = SX_INITIAL_VALUES;
    SX_TRY(r->ctx, sx_values_read(r, node, &any, &out->values));
    int64_t n = out->values.n;
    if (r->bind && r->bind->n > 0 && n % r->bind->n != 0 && (r->bind->state <= 0 || n % r->bind->state != 0))
        return sx_node_fail(
            r, node, sx_toml_type_of(node) == SX_TOML_TABLE ? SX_E_FILE : SX_E_USAGE,
            "%s: %lld values, but the model has %lld units (want one per unit, or whole points one after the other)",
            f->name, (long long)n, (long long)r->bind->n);
    return SX_OK;
}

/* Points of an earlier task: replica r starts at point r mod points. While they are not known: zero. */
static sx_status initial_reference(const sx_reader *r, const sx_toml_node *node, const sx_field *f, sx_initial *out) {
    sx_points p;
    const sx_toml_node *jitter = sx_toml_get(node, "jitter");
    if (jitter) return sx_node_fail(r, jitter, SX_E_USAGE, "%s: initial states take no jitter", f->name);
    SX_TRY(r->ctx, sx_refer_points(r, node, f, &p));
    if (p.n <= 0) return SX_OK;
    out->kind = SX_INITIAL_VALUES;
    out->values = (sx_values){ p.n * p.size, p.x };
    return SX_OK;
}

/* { data = "patterns", flip = 0.1 }: rows of a data set, round(flip n) random numbers of each with the other sign. */
typedef struct from_data {
    double flip;
} from_data;
static const sx_field data_fields[] = { { .name = "flip",
                                          .type = SX_F64,
                                          .offset = offsetof(from_data, flip),
                                          .lo = 0,
                                          .hi = 1,
                                          .def = "0.0",
                                          .unit = "1",
                                          .help = "fraction of the numbers of each row that change their sign" },
                                        SX_FIELD_END };

static sx_status initial_data(const sx_reader *r, const sx_toml_node *node, const sx_field *f, sx_initial *out) {
    static const char *const handled[] = { "data", NULL };
    from_data d;
    sx_part part = { data_fields, &d };
    sx_data set = { 0 };
    double *x, *u;
    SX_TRY(r->ctx, sx_schema_read(r, node, "initial", &part, 1, handled));
    SX_TRY(r->ctx, sx_data_find(r, sx_toml_get(node, "data"), &set));
    if (!r->bind || !set.x) return SX_OK;
    int64_t n = set.columns, state = r->bind->state > 0 ? r->bind->state : r->bind->n, flips;
    if (state > 0 && n != state)
        return sx_node_fail(r, node, SX_E_USAGE, "%s: a row of [data.%s] has %lld numbers, but the state has %lld",
                            f->name, set.name, (long long)n, (long long)state);
    SX_TRY(r->ctx, sx_arena_alloc(r->ctx, r->arena, set.rows * n, sizeof *x, &x));
    SX_TRY(r->ctx, sx_arena_alloc(r->ctx, r->arena, n, sizeof *u, &u));
    memcpy(x, set.x, (size_t)(set.rows * n) * sizeof *x);
    flips = (int64_t)floor(d.flip * (double)n + 0.5);
    for (int64_t k = 0; flips > 0 && k < set.rows; k++) { /* selection sampling (Knuth, vol. 2, 3.4.2 S) */
        int64_t left = flips;
        sx_uniform_fill(sx_key_derive(r->bind->initial, "flip", (uint64_t)k), 0, SX_SLOT_INITIAL, 0, n, 1, u);
        for (int64_t i = 0; i < n; i++) {
            if (!(u[i] * (double)(n - i) < (double)left)) continue;
            x[k * n + i] = -x[k * n + i];
            left--;
        }
    }
    out->kind = SX_INITIAL_VALUES;
    out->values = (sx_values){ set.rows * n, x };
    return SX_OK;
}

/* { x = "0.1*i", u = 0.0 } of models of kind equations; while loading, when the kind is not known: no key of the other forms. */
static bool is_state_table(const sx_reader *r, const sx_toml_node *node) {
    static const char *const others[] = { "mean", "sd", "lo", "hi", "column", "key" };
    if (r->bind) return r->bind->equations != NULL;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (sx_toml_get(node, others[i])) return false;
    return sx_toml_count(node) > 0;
}

sx_status sx_initial_read(const sx_reader *r, const sx_toml_node *node, const sx_field *f, sx_initial *out) {
    static const char *const kind_key[] = { "kind", NULL };
    const char *want = "want \"zero\", a list of numbers, { kind = \"gaussian\", mean = , sd = }, { kind = "
                       "\"uniform\", lo = , hi = }, "
                       "{ file = }, { data = } or { task = , select = }";
    sx_toml_type type = sx_toml_type_of(node);
    *out = (sx_initial){ 0 };
    if (r->bind) {
        out->key = r->bind->initial;
        out->has_key = true;
    }
    if (type == SX_TOML_STRING) {
        if (strcmp(sx_toml_string(node, NULL), "zero") == 0) return SX_OK;
        return sx_node_fail(r, node, SX_E_USAGE, "%s = \"%s\": %s", f->name, sx_toml_string(node, NULL), want);
    }
    if (type == SX_TOML_ARRAY) return initial_values(r, node, f, out);
    if (type != SX_TOML_TABLE) return sx_node_fail(r, node, SX_E_USAGE, "%s: %s", f->name, want);
    if (sx_toml_get(node, "task")) return initial_reference(r, node, f, out);
    if (sx_toml_get(node, "data")) return initial_data(r, node, f, out);
    const sx_toml_node *kind = sx_toml_get(node, "kind");
    if (!kind && sx_toml_get(node, "file")) return initial_values(r, node, f, out);
    if (!kind && is_state_table(r, node)) {
        out->kind = SX_INITIAL_VALUES;
        return sx_equations_initial(r, node, f->name, &out->values);
    }
    if (!kind) return sx_node_fail(r, node, SX_E_USAGE, "%s: 'kind' is missing; %s", f->name, want);
    const char *name = sx_toml_type_of(kind) == SX_TOML_STRING ? sx_toml_string(kind, NULL) : "";
    if (strcmp(name, "gaussian") == 0) {
        sx_part part = { gaussian_fields, out };
        SX_TRY(r->ctx, sx_schema_read(r, node, "initial", &part, 1, kind_key));
        out->kind = SX_INITIAL_GAUSSIAN;
        return SX_OK;
    }
    if (strcmp(name, "uniform") == 0) {
        sx_part part = { uniform_fields, out };
        SX_TRY(r->ctx, sx_schema_read(r, node, "initial", &part, 1, kind_key));
        out->kind = SX_INITIAL_UNIFORM;
        if (!(out->lo <= out->hi))
            return sx_node_fail(r, node, SX_E_USAGE, "%s: lo = %g is above hi = %g", f->name, out->lo, out->hi);
        return SX_OK;
    }
    return sx_node_fail(r, kind, SX_E_USAGE, "%s: unknown kind '%s'; want gaussian or uniform", f->name, name);
}
