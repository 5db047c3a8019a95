// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Head (title, seeds, unit labels), limits with their suffixes, couplings. */
#include "experiment/sections.h"

#include "core/number.h"
#include "experiment/values.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------------------------------------------------------------- head */

static sx_status read_seed(const sx_reader *r, const sx_toml_node *node, uint64_t *out) {
    if (sx_toml_type_of(node) != SX_TOML_INTEGER || sx_toml_integer(node) < 0)
        return sx_schema_want(r, node, SX_TOML_TABLE,
                              "an integer from 0 to 2^63 - 1 (seed of all random numbers; default 0)");
    *out = (uint64_t)sx_toml_integer(node);
    return SX_OK;
}

static sx_status read_seeds(const sx_reader *r, sx_experiment *e, const sx_toml_node *node) {
    static const char *const names[] = { "coupling", "noise", "initial", "data", NULL };
    SX_TRY(r->ctx, sx_schema_want(r, node, SX_TOML_TABLE, "a table of seeds"));
    SX_TRY(r->ctx, sx_schema_known(r, node, "seeds", NULL, 0, names));
    for (int k = 0; k < SX_SEED_COUNT; k++) {
        const sx_toml_node *child = sx_toml_get(node, names[k]);
        if (child) SX_TRY(r->ctx, read_seed(r, child, &e->seeds[k]));
    }
    return SX_OK;
}

/* A unit of time that is spelled out makes readers of the result turn numbers into dates. */
static sx_status read_unit(const sx_reader *r, const sx_toml_node *node, const char **out) {
    static const char *const dates[][2] = { { "second", "s" },      { "millisecond", "ms" }, { "microsecond", "us" },
                                            { "nanosecond", "ns" }, { "minute", "min" },     { "hour", "h" },
                                            { "day", "d" } };
    SX_TRY(r->ctx, sx_schema_string(r, node, out));
    for (size_t i = 0; i < sizeof dates / sizeof *dates; i++) {
        size_t n = strlen(dates[i][0]);
        if (strncmp(*out, dates[i][0], n) == 0 && ((*out)[n] == '\0' || strcmp(*out + n, "s") == 0))
            return sx_node_fail(r, node, SX_E_USAGE,
                                "%s = \"%s\": write \"%s\"; readers of the result would turn \"%s\" into dates",
                                sx_toml_key(node), *out, dates[i][1], *out);
    }
    if (strstr(*out, " since "))
        return sx_node_fail(
            r, node, SX_E_USAGE,
            "%s = \"%s\": readers of the result would turn this into dates; want a label such as \"ms\"",
            sx_toml_key(node), *out);
    if (!**out || strlen(*out) > 32)
        return sx_node_fail(r, node, SX_E_USAGE, "%s = \"%s\": want a label of 1 to 32 characters such as \"ms\"",
                            sx_toml_key(node), *out);
    return SX_OK;
}

static sx_status read_units(const sx_reader *r, sx_experiment *e, const sx_toml_node *node) {
    static const char *const names[] = { "time", "state", NULL };
    const sx_toml_node *child;
    SX_TRY(r->ctx, sx_schema_want(r, node, SX_TOML_TABLE, "a table of labels, as in { time = \"ms\" }"));
    SX_TRY(r->ctx, sx_schema_known(r, node, "units", NULL, 0, names));
    if ((child = sx_toml_get(node, "time"))) SX_TRY(r->ctx, read_unit(r, child, &e->unit_time));
    if ((child = sx_toml_get(node, "state"))) SX_TRY(r->ctx, read_unit(r, child, &e->unit_state));
    return SX_OK;
}

typedef struct suffix {
    const char *name;
    double factor;
} suffix;

/* "8h", "20GB", "1.5 GiB": a number and a suffix. */
static sx_status read_amount(const sx_reader *r, const sx_toml_node *node, const suffix *suffixes, const char *want,
                             double *out) {
    const char *s;
    char number[32];
    double v;
    SX_TRY(r->ctx, sx_schema_want(r, node, SX_TOML_STRING, want));
    SX_TRY(r->ctx, sx_schema_string(r, node, &s));
    size_t digits = strspn(s, "0123456789.");
    const char *unit = s + digits;
    unit += strspn(unit, " ");
    snprintf(number, sizeof number, "%.*s", (int)(digits < sizeof number ? digits : 0), s);
    if (sx_number_parse(number, &v) && v > 0)
        for (; suffixes->name; suffixes++)
            if (strcmp(unit, suffixes->name) == 0 && v * suffixes->factor < 9e18) {
                *out = v * suffixes->factor;
                return SX_OK;
            }
    return sx_node_fail(r, node, SX_E_USAGE, "%s = \"%s\": want %s", sx_toml_key(node), s, want);
}

static sx_status read_limits(const sx_reader *r, sx_experiment *e, const sx_toml_node *node) {
    static const char *const names[] = { "runs", "time", "disk", "memory", NULL };
    static const suffix times[] = { { "ms", 1e-3 }, { "s", 1 },     { "min", 60 },
                                    { "h", 3600 },  { "d", 86400 }, { NULL, 0 } };
    static const suffix sizes[] = { { "B", 1 },
                                    { "kB", 1e3 },
                                    { "KB", 1e3 },
                                    { "MB", 1e6 },
                                    { "GB", 1e9 },
                                    { "TB", 1e12 },
                                    { "KiB", 1024.0 },
                                    { "kiB", 1024.0 },
                                    { "MiB", 1048576.0 },
                                    { "GiB", 1073741824.0 },
                                    { "TiB", 1099511627776.0 },
                                    { NULL, 0 } };
    const char *bytes = "a size such as \"500MB\", \"20GB\" or \"16GiB\"";
    const sx_toml_node *child;
    double v;
    SX_TRY(r->ctx, sx_schema_want(r, node, SX_TOML_TABLE, "a section [limits]"));
    SX_TRY(r->ctx, sx_schema_known(r, node, "[limits]", NULL, 0, names));
    if ((child = sx_toml_get(node, "runs"))) {
        if (sx_toml_type_of(child) != SX_TOML_INTEGER || sx_toml_integer(child) < 1)
            return sx_schema_want(r, child, SX_TOML_TABLE, "an integer >= 1 (most runs of a sweep)");
        e->limits.runs = sx_toml_integer(child);
    }
    if ((child = sx_toml_get(node, "time")))
        SX_TRY(r->ctx,
               read_amount(r, child, times, "a time such as \"90s\", \"30min\", \"8h\" or \"2d\"", &e->limits.time));
    if ((child = sx_toml_get(node, "disk"))) {
        SX_TRY(r->ctx, read_amount(r, child, sizes, bytes, &v));
        e->limits.disk = (int64_t)v;
    }
    if ((child = sx_toml_get(node, "memory"))) {
        SX_TRY(r->ctx, read_amount(r, child, sizes, bytes, &v));
        e->limits.memory = (int64_t)v;
    }
    return SX_OK;
}

sx_status sx_load_head(const sx_reader *r, sx_experiment *e, const sx_toml_node *root) {
    const sx_toml_node *node;
    e->title = "untitled";
    if ((node = sx_toml_get(root, "title"))) SX_TRY(r->ctx, sx_schema_string(r, node, &e->title));
    if ((node = sx_toml_get(root, "seed"))) SX_TRY(r->ctx, read_seed(r, node, &e->seed));
    for (int k = 0; k < SX_SEED_COUNT; k++) e->seeds[k] = e->seed;
    if ((node = sx_toml_get(root, "seeds"))) SX_TRY(r->ctx, read_seeds(r, e, node));
    if ((node = sx_toml_get(root, "units"))) SX_TRY(r->ctx, read_units(r, e, node));
    if ((node = sx_toml_get(root, "limits"))) SX_TRY(r->ctx, read_limits(r, e, node));
    return SX_OK;
}

/* -------------------------------------------------------------------------------------------------------------- couplings */

#define F(member) .offset = offsetof(sx_coupling_spec, member)
const sx_field sx_coupling_fields[] = {
    { .name = "name",
      .type = SX_STRING,
      F(name),
      .help = "name in messages and of the random stream; needed when there are several" },
    { .name = "file",
      .type = SX_STRING,
      F(file),
      .help = "weights from .npy, .npz, .csv, .csv.gz, .mtx or .safetensors" },
    { .name = "ensemble",
      .type = SX_ENUM,
      .offset = offsetof(sx_coupling_spec, ensemble) + offsetof(sx_ensemble, kind),
      .choices = SX_ENSEMBLE_CHOICES,
      .given = offsetof(sx_coupling_spec, has_ensemble),
      .help = "random weights of this kind" },
    { .name = "matrix",
      .type = SX_VALUES,
      F(matrix),
      SX_UNBOUNDED,
      .unit = "1",
      .shape = "unit,unit",
      .help = "weights written out, one list per row" },
    { .name = "entry", .type = SX_STRING, F(entry), .help = "array of an .npz or .safetensors file" },
    { .name = "type",
      .type = SX_ENUM,
      F(type),
      .def = "\"synaptic\"",
      .choices = "synaptic|diffusive",
      .help = "synaptic: sum_j W_ij phi(x_j); diffusive: sum_j W_ij (x_j - x_i)" },
    { .name = "rows",
      .type = SX_ENUM,
      F(rows),
      .choices = "target|source",
      .given = offsetof(sx_coupling_spec, has_rows),
      .help =
          "which end the rows of a file are; W[i][j] is the weight from j to i, so \"target\" needs no transposition" },
    { .name = "layout",
      .type = SX_ENUM,
      F(layout),
      .def = "\"matrix\"",
      .choices = "matrix|edges",
      .help = "CSV: a matrix, or a list of edges with the columns source, target, weight" },
    { .name = "header",
      .type = SX_BOOL,
      F(header),
      .given = offsetof(sx_coupling_spec, has_header),
      .help = "CSV: whether the first line holds names" },
    { .name = "normalise",
      .type = SX_ENUM,
      F(normalise),
      .def = "\"none\"",
      .choices = "none|spectral-radius",
      .help = "divide by the spectral radius before strength and gain" },
    { .name = "strength",
      .type = SX_F64,
      F(strength),
      SX_UNBOUNDED,
      .def = "1.0",
      .unit = "1",
      .help = "factor of the weights" },
    { .name = "part",
      .type = SX_ENUM,
      F(part),
      .def = "\"auto\"",
      .choices = "auto|potential|flow",
      .help = "composed models: what the coupling belongs to" },
    SX_FIELD_END
};
#undef F
static const char *const coupling_keys[] = { "labels", "missing", NULL };
static const char *const file_keys[] = { "entry", "rows", "layout", "header", "labels", "missing", NULL };

static sx_status read_labels(const sx_reader *r, const sx_toml_node *node, sx_coupling_spec *c) {
    const char **text = NULL;
    if (sx_toml_type_of(node) == SX_TOML_STRING) {
        const char *s = sx_toml_string(node, NULL);
        c->first_column = strcmp(s, "first-column") == 0;
        if (c->first_column || strcmp(s, "none") == 0) return SX_OK;
        return sx_node_fail(r, node, SX_E_USAGE, "labels = \"%s\": want \"first-column\", \"none\" or a list of labels",
                            s);
    }
    SX_TRY(r->ctx, sx_schema_want(r, node, SX_TOML_ARRAY, "\"first-column\", \"none\" or a list of labels"));
    int64_t n = sx_toml_count(node);
    SX_TRY(r->ctx, sx_arena_alloc(r->ctx, r->arena, n, sizeof *text, &text));
    for (int64_t i = 0; i < n; i++) {
        SX_TRY(r->ctx, sx_schema_string(r, sx_toml_at(node, i), &text[i]));
        for (int64_t k = 0; k < i; k++)
            if (strcmp(text[k], text[i]) == 0)
                return sx_node_fail(r, sx_toml_at(node, i), SX_E_USAGE, "labels: '%s' occurs twice", text[i]);
    }
    c->labels = (sx_strings){ n, text };
    return SX_OK;
}

static sx_status read_missing(const sx_reader *r, const sx_toml_node *node, sx_coupling_spec *c) {
    static const sx_field field = { .name = "missing", .type = SX_F64, .help = "value of empty fields" };
    if (sx_toml_type_of(node) == SX_TOML_STRING && strcmp(sx_toml_string(node, NULL), "error") == 0) return SX_OK;
    if (sx_toml_type_of(node) == SX_TOML_STRING)
        return sx_node_fail(r, node, SX_E_USAGE, "missing = \"%s\": want \"error\" or a number",
                            sx_toml_string(node, NULL));
    SX_TRY(r->ctx, sx_schema_number(r, node, &field, &c->missing));
    c->has_missing = true;
    return SX_OK;
}

/* Exactly one source, and only the keys that belong to it. */
static sx_status check_keys(const sx_reader *r, const sx_toml_node *node, const char *what) {
    const sx_toml_node *other;
    bool file = sx_toml_get(node, "file"), matrix = sx_toml_get(node, "matrix"),
         ensemble = sx_toml_get(node, "ensemble");
    int sources = file + matrix + ensemble;
    if (sources != 1)
        return sx_node_fail(r, node, SX_E_USAGE, "%s: want exactly one of 'file', 'matrix' and 'ensemble', got %s",
                            what, sources ? "several" : "none");
    for (const char *const *k = file_keys; *k && !file; k++)
        if ((other = sx_toml_get(node, *k)) && !(matrix && (strcmp(*k, "rows") == 0 || strcmp(*k, "labels") == 0)))
            return sx_node_fail(r, other, SX_E_USAGE, "%s: '%s' belongs to couplings from a file", what, *k);
    for (const sx_field *f = sx_ensemble_fields; f->name && !ensemble; f++)
        if ((other = sx_toml_get(node, f->name)) && !sx_field_find(sx_coupling_fields, f->name))
            return sx_node_fail(r, other, SX_E_USAGE, "%s: '%s' belongs to couplings from an ensemble", what, f->name);
    return SX_OK;
}

static sx_status check_rows(const sx_reader *r, const sx_coupling_spec *c, const char *what) {
    if (c->layout == 1 && c->has_rows && c->rows == 0)
        return sx_node_fail(r, sx_toml_get(c->node, "rows"), SX_E_USAGE,
                            "%s: the columns of a list of edges are source, target, weight; leave 'rows' out", what);
    if (c->file && c->layout == 0 && !c->has_rows)
        return sx_node_fail(r, c->node, SX_E_USAGE,
                            "%s: 'rows' is missing: write rows = \"target\" when row i holds the weights into unit i "
                            "(W[i][j] from j to i), "
                            "rows = \"source\" when it holds the weights out of unit i",
                            what);
    return SX_OK;
}

/* parameter: its name where the coupling is a matrix of equations, which knows its size and has a `shape`; else NULL */
static sx_status load_coupling(const sx_reader *r, const sx_toml_node *node, int64_t index, int64_t count,
                               const char *parameter, sx_coupling_spec *c) {
    static const char *const parameter_keys[] = { "labels", "missing", "shape", "n", NULL };
    const char *const *handled = parameter ? parameter_keys : coupling_keys;
    char what[160];
    const sx_toml_node *child, *name = sx_toml_get(node, "name");
    SX_TRY(r->ctx, sx_schema_want(r, node, SX_TOML_TABLE, "a table { file = ... } or { ensemble = ... }"));
    if (parameter)
        snprintf(what, sizeof what, "parameter '%.100s'", parameter);
    else if (name && sx_toml_type_of(name) == SX_TOML_STRING)
        snprintf(what, sizeof what, "coupling '%.100s'", sx_toml_string(name, NULL));
    else if (count > 1)
        snprintf(what, sizeof what, "coupling %lld", (long long)index + 1);
    else
        snprintf(what, sizeof what, "coupling");
    c->node = node;
    c->ensemble.struct_size = sizeof c->ensemble;
    sx_part parts[] = { { sx_coupling_fields, c }, { sx_ensemble_fields, &c->ensemble } };
    SX_TRY(r->ctx, sx_schema_known(r, node, what, parts, 2, handled));
    SX_TRY(r->ctx, check_keys(r, node, what));
    /* the fields of ensembles count only where there is one: some of them are required then */
    SX_TRY(r->ctx, sx_schema_read(r, node, what, parts, sx_toml_get(node, "ensemble") ? 2 : 1, handled));
    if ((child = sx_toml_get(node, "labels"))) SX_TRY(r->ctx, read_labels(r, child, c));
    if ((child = sx_toml_get(node, "missing"))) SX_TRY(r->ctx, read_missing(r, child, c));
    SX_TRY(r->ctx, check_rows(r, c, what));
    child = sx_toml_get(node, "matrix");
    if (child) {
        c->matrix_rows = sx_toml_type_of(child) == SX_TOML_ARRAY ? sx_toml_count(child) : 0;
        if (c->matrix_rows < 1 || c->matrix.n != c->matrix_rows * c->matrix_rows)
            return sx_node_fail(r, child, SX_E_USAGE,
                                "%s: matrix: want a square list of lists, as in [[0.0, 1.0], [-1.0, 0.0]]", what);
    }
    if (c->labels.n && c->matrix_rows && c->labels.n != c->matrix_rows)
        return sx_node_fail(r, sx_toml_get(node, "labels"), SX_E_USAGE, "%s: %lld labels for %lld units", what,
                            (long long)c->labels.n, (long long)c->matrix_rows);
    if (parameter) c->name = parameter;
    if (!c->name) {
        char plain[32];
        if (index)
            snprintf(plain, sizeof plain, "coupling-%lld", (long long)index + 1);
        else
            snprintf(plain, sizeof plain, "coupling");
        SX_TRY(r->ctx, sx_arena_strdup(r->ctx, r->arena, plain, &c->name));
    }
    return SX_OK;
}

sx_status sx_load_coupling(const sx_reader *r, const sx_toml_node *node, const char *parameter, sx_coupling_spec *c) {
    return load_coupling(r, node, 0, 1, parameter, c);
}

sx_status sx_load_couplings(const sx_reader *r, sx_experiment *e) {
    const sx_toml_node *node = sx_toml_get(e->model, "coupling");
    if (!node) return SX_OK;
    if (strcmp(e->info->kind, "attention") == 0)
        return sx_node_fail(
            r, node, SX_E_USAGE,
            "models of kind 'attention' have no coupling; their matrices are keys, mobility, W_Q, W_K, W_V");
    bool list = sx_toml_type_of(node) == SX_TOML_ARRAY;
    int64_t n = list ? sx_toml_count(node) : 1;
    if (n > 1000)
        return sx_node_fail(r, node, SX_E_USAGE, "%lld couplings; at most 1000 fit in one model", (long long)n);
    SX_TRY(r->ctx, sx_arena_alloc(r->ctx, r->arena, n, sizeof *e->couplings, &e->couplings));
    e->n_couplings = (int)n;
    for (int64_t i = 0; i < n; i++) {
        sx_coupling_spec *c = &e->couplings[i];
        SX_TRY(r->ctx, load_coupling(r, list ? sx_toml_at(node, i) : node, i, n, NULL, c));
        for (int64_t k = 0; k < i; k++)
            if (strcmp(e->couplings[k].name, c->name) == 0)
                return sx_node_fail(r, c->node, SX_E_USAGE, "two couplings are called '%s'", c->name);
        if (c->part && strcmp(e->info->kind, "composed") != 0)
            return sx_node_fail(r, sx_toml_get(c->node, "part"), SX_E_USAGE,
                                "coupling '%s': 'part' belongs to models of kind 'composed'", c->name);
        bool one_place = strcmp(e->info->kind, "composed") == 0 || strcmp(e->info->kind, "reentry") == 0;
        if (c->type == 1 && one_place)
            return sx_node_fail(r, sx_toml_get(c->node, "type"), SX_E_USAGE,
                                "coupling '%s': models of kind '%s' have no diffusive coupling", c->name,
                                e->info->kind);
    }
    return SX_OK;
}
