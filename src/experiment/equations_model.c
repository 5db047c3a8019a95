// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Tables of an experiment to a description of equations, and faults of texts back to their places in the file. */
#include "experiment/equations_model.h"
#include "experiment/couple.h"
#include "experiment/sections.h"
#include "experiment/values.h"

#include <stdio.h>
#include <string.h>

/* What a model was made from. Everything is in the arena but the couplings. */
struct sx_equations_tables {
    sx_equations_desc d;
    const sx_toml_node
        *section[11]; /* as in sx_equations_fault: index, state, parameters, let, equations; potential, metric, flow */
    sx_coupling **coupling; /* owned, one per parameter or NULL */
};

const char *const sx_equations_keys[] = { "kind",      "index",     "state",  "parameters", "let",
                                          "equations", "potential", "metric", "flow",       NULL };

bool sx_equations_is(const sx_experiment *e) {
    return strcmp(e->info->kind, "equations") == 0;
}

void sx_equations_free(sx_ctx *ctx, struct sx_equations_tables *t) {
    if (!t) return;
    for (int i = 0; t->coupling && i < t->d.n_parameters; i++) sx_coupling_free(ctx, t->coupling[i]);
}

/* A fault of the library at the place of its line. */
static sx_status at_fault(const sx_reader *r, const struct sx_equations_tables *t, const sx_toml_node *table,
                          const sx_equations_fault *f, sx_status status) {
    const sx_toml_node *node = table ? table : f->section >= 1 && f->section <= 10 ? t->section[f->section] : NULL;
    if (f->section == 7) node = t->section[5];
    if (!node || f->section == 0) return status;
    bool lines = f->section != 7 && (sx_toml_type_of(node) == SX_TOML_TABLE || sx_toml_type_of(node) == SX_TOML_ARRAY);
    const sx_toml_node *line = lines ? sx_toml_at(node, f->item) : NULL;
    (void)sx_fail_prefix(r->ctx, "%s", sx_toml_origin(line ? line : node));
    return status;
}

/* ------------------------------------------------------------------------------------------------------------------ tables */

static sx_status table_of(const sx_reader *r, const sx_experiment *e, const char *key, bool required, const char *want,
                          const sx_toml_node **out) {
    const sx_toml_node *node = sx_toml_get(e->model, key);
    *out = node;
    if (!node && required)
        return sx_node_fail(r, e->model, SX_E_USAGE, "[model]: '%s' is missing, as in %s", key, want);
    if (node && sx_toml_type_of(node) != SX_TOML_TABLE)
        return sx_node_fail(r, node, SX_E_USAGE, "%s: want a table, as in %s", key, want);
    return SX_OK;
}

/* n from the shape of a file */
static sx_status index_file(const sx_reader *r, const sx_toml_node *node, const char *name, int64_t *n) {
    static const char *const known[] = { "file", "axis", "name", NULL };
    const sx_toml_node *file = sx_toml_get(node, "file"), *axis = sx_toml_get(node, "axis"),
                       *entry = sx_toml_get(node, "name");
    const char *path, *array = NULL;
    int64_t k = 0;
    SX_TRY(r->ctx, sx_schema_known(r, node, name, NULL, 0, known));
    if (!file) return sx_node_fail(r, node, SX_E_USAGE, "index %s: 'file' is missing", name);
    SX_TRY(r->ctx, sx_schema_string(r, file, &path));
    if (entry) SX_TRY(r->ctx, sx_schema_string(r, entry, &array));
    if (axis && (sx_toml_type_of(axis) != SX_TOML_INTEGER || sx_toml_integer(axis) < 0 || sx_toml_integer(axis) > 7))
        return sx_node_fail(r, axis, SX_E_USAGE, "index %s: axis: want an integer from 0 to 7", name);
    if (axis) k = sx_toml_integer(axis);
    *n = 1;
    if (!r->bind) return SX_OK;
    sx_array a = { 0 };
    sx_read_opts ro = { .name = array, .layout = SX_CSV_MATRIX, .header = -1, .missing_error = true };
    SX_TRY(r->ctx, sx_values_file(r, node, path, &ro, &a));
    int ndim = a.ndim;
    int64_t size = k < ndim ? a.shape[k] : 0;
    sx_array_free(r->ctx, &a);
    if (k >= ndim)
        return sx_node_fail(r, axis ? axis : node, SX_E_FILE, "index %s: axis %lld, but %s has %d", name, (long long)k,
                            path, ndim);
    *n = size;
    return SX_OK;
}

static sx_status read_indices(const sx_reader *r, const sx_toml_node *table, sx_equations_desc *d) {
    sx_equations_index *x = NULL;
    int64_t n = table ? sx_toml_count(table) : 0;
    SX_TRY(r->ctx, sx_arena_alloc(r->ctx, r->arena, n, sizeof *x, &x));
    for (int64_t i = 0; i < n; i++) {
        const sx_toml_node *node = sx_toml_at(table, i);
        SX_TRY(r->ctx, sx_arena_strdup(r->ctx, r->arena, sx_toml_key(node), &x[i].name));
        switch (sx_toml_type_of(node)) {
        case SX_TOML_INTEGER:
            x[i].n = sx_toml_integer(node);
            break;
        case SX_TOML_STRING:
            SX_TRY(r->ctx, sx_schema_string(r, node, &x[i].same));
            break;
        case SX_TOML_TABLE:
            SX_TRY(r->ctx, index_file(r, node, x[i].name, &x[i].n));
            break;
        default:
            return sx_node_fail(r, node, SX_E_USAGE,
                                "index %s: want a number of elements, the name of an index whose range it shares, or { "
                                "file = \"W.npy\", axis = 0 }",
                                x[i].name);
        }
    }
    d->n_indices = (int)n;
    d->indices = x;
    return SX_OK;
}

/* ["x", "y"], or { x = "i", u = "" } */
static sx_status read_states(const sx_reader *r, const sx_experiment *e, struct sx_equations_tables *t) {
    const sx_toml_node *node = sx_toml_get(e->model, "state");
    const char *want = "state = [\"x\", \"y\"] for numbers or state = { x = \"i\", u = \"\" } for arrays over an index";
    sx_equations_state *s = NULL;
    if (!node) return sx_node_fail(r, e->model, SX_E_USAGE, "[model]: 'state' is missing: want %s", want);
    sx_toml_type type = sx_toml_type_of(node);
    if (type != SX_TOML_ARRAY && type != SX_TOML_TABLE)
        return sx_node_fail(r, node, SX_E_USAGE, "state: want %s", want);
    int64_t n = sx_toml_count(node);
    if (n < 1) return sx_node_fail(r, node, SX_E_USAGE, "state is empty: want %s", want);
    SX_TRY(r->ctx, sx_arena_alloc(r->ctx, r->arena, n, sizeof *s, &s));
    for (int64_t i = 0; i < n; i++) {
        const sx_toml_node *child = sx_toml_at(node, i);
        if (sx_toml_type_of(child) != SX_TOML_STRING) return sx_node_fail(r, child, SX_E_USAGE, "state: want %s", want);
        if (type == SX_TOML_ARRAY) {
            SX_TRY(r->ctx, sx_schema_string(r, child, &s[i].name));
        } else {
            SX_TRY(r->ctx, sx_arena_strdup(r->ctx, r->arena, sx_toml_key(child), &s[i].name));
            SX_TRY(r->ctx, sx_schema_string(r, child, &s[i].index));
        }
    }
    t->section[2] = node;
    t->d.n_states = (int)n;
    t->d.states = s;
    return SX_OK;
}

static sx_status read_texts(const sx_reader *r, const sx_toml_node *table, const char *what, int *count,
                            const sx_equations_text **out) {
    sx_equations_text *x = NULL;
    int64_t n = table ? sx_toml_count(table) : 0;
    SX_TRY(r->ctx, sx_arena_alloc(r->ctx, r->arena, n, sizeof *x, &x));
    for (int64_t i = 0; i < n; i++) {
        const sx_toml_node *node = sx_toml_at(table, i);
        SX_TRY(r->ctx, sx_arena_strdup(r->ctx, r->arena, sx_toml_key(node), &x[i].left));
        if (sx_toml_type_of(node) != SX_TOML_STRING)
            return sx_node_fail(r, node, SX_E_USAGE, "%s.%s: want an expression in quotes", what, x[i].left);
        SX_TRY(r->ctx, sx_schema_string(r, node, &x[i].text));
    }
    *count = (int)n;
    *out = x;
    return SX_OK;
}

/* -------------------------------------------------------------------------------------------------------------- parameters */

static int64_t range_of(const sx_equations_desc *d, const char *name, size_t length, int *range) {
    for (int i = 0; i < d->n_indices; i++) {
        const sx_equations_index *x = &d->indices[i];
        if (strlen(x->name) != length || memcmp(x->name, name, length) != 0) continue;
        if (x->same) return range_of(d, x->same, strlen(x->same), range);
        *range = i;
        return x->n;
    }
    *range = -1;
    return -1;
}

/* "i" or "i,j" -> sizes; unknown names are left to the library, which knows the message */
static int sizes(const sx_equations_desc *d, const char *shape, int64_t n[2], int range[2]) {
    int count = 0;
    for (const char *p = shape; *p && count < 2;) {
        size_t blank = strspn(p, " "), length = strcspn(p, ",");
        size_t end = length;
        while (end > blank && p[end - 1] == ' ') end--;
        n[count] = range_of(d, p + blank, blank < end ? end - blank : 0, &range[count]);
        count++;
        p += length + (p[length] == ',');
    }
    return count;
}

static sx_status read_matrix(const sx_reader *r, const sx_experiment *e, const sx_toml_node *node, const char *name,
                             const int64_t n[2], bool square, sx_equations_parameter *x, sx_coupling **owned) {
    static const char *const keys[] = { "shape", NULL };
    sx_field field = { .name = name, .type = SX_VALUES, .shape = "unit,unit", .flags = SX_FROM_FILE };
    const sx_toml_node *size = sx_toml_get(node, "n"), *matrix = sx_toml_get(node, "matrix");
    if (!square) { /* as the file or the text has it: the first index runs over its rows */
        if (matrix) return sx_values_read(r, matrix, &field, &x->values);
        return sx_values_file_read(r, node, &field, keys, &x->values);
    }
    sx_coupling_spec *spec = NULL;
    SX_TRY(r->ctx, sx_arena_alloc(r->ctx, r->arena, 1, sizeof *spec, &spec));
    SX_TRY(r->ctx, sx_load_coupling(r, node, name, spec));
    if (spec->type == 1 || spec->part)
        return sx_node_fail(r, sx_toml_get(node, spec->type == 1 ? "type" : "part"), SX_E_USAGE,
                            "parameter '%s': write the difference or the part in the equation", name);
    if (size && (sx_toml_type_of(size) != SX_TOML_INTEGER || (r->bind && sx_toml_integer(size) != n[0])))
        return sx_node_fail(r, size, SX_E_USAGE, "parameter '%s': n follows from its shape: leave it out", name);
    if (!r->bind || n[0] < 1) return SX_OK;
    sx_coupled c = { 0 };
    SX_TRY(r->ctx, sx_couple_one(r, e, spec, n[0], &c));
    *owned = c.w;
    x->coupling = c.w;
    return SX_OK;
}

static sx_status read_parameter(const sx_reader *r, const sx_experiment *e, const sx_toml_node *node,
                                struct sx_equations_tables *t, sx_equations_parameter *x, sx_coupling **owned) {
    static const char *const keys[] = { "shape", NULL }, *const list_keys[] = { "values", "shape", NULL };
    const char *name = sx_toml_key(node);
    sx_toml_type type = sx_toml_type_of(node);
    sx_field field = { .name = name, .type = SX_VALUES, .shape = "any", .flags = SX_FROM_FILE };
    SX_TRY(r->ctx, sx_arena_strdup(r->ctx, r->arena, name, &x->name));
    if (type == SX_TOML_INTEGER || type == SX_TOML_FLOAT) return sx_values_read(r, node, &field, &x->values);
    if (type != SX_TOML_TABLE)
        return sx_node_fail(r, node, SX_E_USAGE,
                            "parameters.%s: want a number, { values = [...], shape = \"i\" }, { file = \"...\", shape "
                            "= \"i\" } or a coupling "
                            "{ ensemble = \"gaussian\", shape = \"i,j\" }%s",
                            name, type == SX_TOML_STRING ? "; expressions belong to [model.let]" : "");
    const sx_toml_node *shape = sx_toml_get(node, "shape"), *list = sx_toml_get(node, "values");
    if (!shape)
        return sx_node_fail(r, node, SX_E_USAGE,
                            "parameters.%s: 'shape' is missing, as in shape = \"i\" or shape = \"i,j\"", name);
    SX_TRY(r->ctx, sx_schema_string(r, shape, &x->shape));
    int64_t n[2] = { 0, 0 };
    int range[2] = { -1, -1 };
    int count = sizes(&t->d, x->shape, n, range);
    if (list) {
        if (sx_toml_type_of(list) != SX_TOML_ARRAY)
            return sx_node_fail(r, list, SX_E_USAGE, "parameters.%s: values: want a list of numbers", name);
        SX_TRY(r->ctx, sx_schema_known(r, node, name, NULL, 0, list_keys));
        return sx_values_read(r, list, &field, &x->values);
    }
    if (count == 2) return read_matrix(r, e, node, name, n, range[0] == range[1] && range[0] >= 0, x, owned);
    return sx_values_file_read(r, node, &field, keys, &x->values);
}

static sx_status read_parameters(const sx_reader *r, const sx_experiment *e, struct sx_equations_tables *t) {
    const sx_toml_node *table = t->section[3];
    sx_equations_parameter *x = NULL;
    int64_t n = table ? sx_toml_count(table) : 0;
    SX_TRY(r->ctx, sx_arena_alloc(r->ctx, r->arena, n, sizeof *x, &x));
    SX_TRY(r->ctx, sx_arena_alloc(r->ctx, r->arena, n, sizeof *t->coupling, &t->coupling));
    t->d.n_parameters = (int)n;
    t->d.parameters = x;
    for (int64_t i = 0; i < n; i++)
        SX_TRY(r->ctx, read_parameter(r, e, sx_toml_at(table, i), t, &x[i], &t->coupling[i]));
    return SX_OK;
}

/* number or text */
static sx_status text_value(const sx_reader *r, const sx_toml_node *node, const char *what, const char **out) {
    char number[40];
    sx_toml_type type = sx_toml_type_of(node);
    if (type == SX_TOML_STRING) return sx_schema_string(r, node, out);
    if (type != SX_TOML_INTEGER && type != SX_TOML_FLOAT)
        return sx_node_fail(r, node, SX_E_USAGE, "%s: want a number or an expression in quotes", what);
    double v = sx_toml_float(node);
    if (!(v - v == 0.0)) return sx_node_fail(r, node, SX_E_USAGE, "%s: want a finite number", what);
    (void)snprintf(number, sizeof number, "%.17g", v);
    return sx_arena_strdup(r->ctx, r->arena, number, out);
}

/* metric, flow: one text for all states, or a table */
static sx_status read_part(const sx_reader *r, const sx_toml_node *node, const char *what, const char *want, int *count,
                           const sx_equations_text **out) {
    sx_equations_text *x = NULL;
    char name[160];
    if (!node) return SX_OK;
    sx_toml_type type = sx_toml_type_of(node);
    bool table = type == SX_TOML_TABLE;
    if (!table && type != SX_TOML_STRING && type != SX_TOML_INTEGER && type != SX_TOML_FLOAT)
        return sx_node_fail(r, node, SX_E_USAGE, "%s: want %s", what, want);
    int64_t n = table ? sx_toml_count(node) : 1;
    if (n == 0) return sx_node_fail(r, node, SX_E_USAGE, "%s is empty: want %s", what, want);
    SX_TRY(r->ctx, sx_arena_alloc(r->ctx, r->arena, n, sizeof *x, &x));
    for (int64_t i = 0; i < n; i++) {
        const sx_toml_node *child = table ? sx_toml_at(node, i) : node;
        const char *left = table ? sx_toml_key(child) : "";
        (void)snprintf(name, sizeof name, "%s%s%.80s", what, table ? "." : "", left);
        SX_TRY(r->ctx, sx_arena_strdup(r->ctx, r->arena, left, &x[i].left));
        SX_TRY(r->ctx, text_value(r, child, name, &x[i].text));
    }
    *count = (int)n;
    *out = x;
    return SX_OK;
}

/* potential, metric, flow instead of equations */
static sx_status read_parts(const sx_reader *r, const sx_experiment *e, struct sx_equations_tables *t) {
    const sx_toml_node *phi = sx_toml_get(e->model, "potential"), *metric = sx_toml_get(e->model, "metric"),
                       *flow = sx_toml_get(e->model, "flow"), *lines = sx_toml_get(e->model, "equations");
    if (phi && lines)
        return sx_node_fail(r, phi, SX_E_USAGE,
                            "potential: [model.equations] is given too: want one of them; beside a potential, what is "
                            "no gradient belongs to flow = { x = \"...\" }");
    if (!phi && (metric || flow))
        return sx_node_fail(
            r, metric ? metric : flow, SX_E_USAGE,
            "%s has a meaning only beside potential = \"...\": F = -G^-1 grad Phi + R; without one write the whole "
            "right side in [model.equations]",
            metric ? "metric" : "flow");
    t->section[8] = phi;
    t->section[9] = metric;
    t->section[10] = flow;
    if (!phi) return SX_OK;
    SX_TRY(r->ctx, text_value(r, phi, "potential", &t->d.potential));
    SX_TRY(r->ctx, read_part(r, metric, "metric",
                             "a text for all states, a table { x = \"1/(1+x[i]^2)\" } (diagonal), or { radial = "
                             "\"1+r^2\", tangential = "
                             "\"1\" }; a full matrix has no inverse and square root in closed form",
                             &t->d.n_metric, &t->d.metric));
    return read_part(r, flow, "flow", "a text for all states, or a table { x = \"...\" }", &t->d.n_flow, &t->d.flow);
}

static sx_status read_all(const sx_reader *r, const sx_experiment *e, struct sx_equations_tables *t) {
    t->d.struct_size = sizeof t->d;
    SX_TRY(r->ctx, table_of(r, e, "index", false, "index = { i = 1000, j = \"i\" }", &t->section[1]));
    SX_TRY(r->ctx, table_of(r, e, "parameters", false, "parameters = { g = 1.5 }", &t->section[3]));
    SX_TRY(r->ctx, table_of(r, e, "let", false, "let = { \"r[i]\" = \"tanh(x[i])\" }", &t->section[4]));
    bool gradient =
        sx_toml_get(e->model, "potential") || sx_toml_get(e->model, "metric") || sx_toml_get(e->model, "flow");
    SX_TRY(r->ctx, read_parts(r, e, t));
    if (!gradient && !sx_toml_get(e->model, "equations"))
        return sx_node_fail(r, e->model, SX_E_USAGE,
                            "[model]: 'equations' is missing, as in equations = { x = \"-x[i]\" }; or give potential = "
                            "\"sum(i, x[i]^2)\"");
    SX_TRY(r->ctx, table_of(r, e, "equations", false, "equations = { x = \"-x[i]\" }", &t->section[5]));
    SX_TRY(r->ctx, read_indices(r, t->section[1], &t->d));
    SX_TRY(r->ctx, read_states(r, e, t));
    SX_TRY(r->ctx, read_parameters(r, e, t));
    SX_TRY(r->ctx, read_texts(r, t->section[4], "let", &t->d.n_definitions, &t->d.definitions));
    return read_texts(r, t->section[5], "equations", &t->d.n_equations, &t->d.equations);
}

/* ------------------------------------------------------------------------------------------------------------ load and build */

static bool is_text(const sx_toml_node *node) {
    return node && (sx_toml_type_of(node) == SX_TOML_STRING ||
                    (sx_toml_type_of(node) == SX_TOML_TABLE && !sx_toml_get(node, "file")));
}

void sx_equations_noise_keys(const sx_experiment *e, const char *keys[3]) {
    int n = 0;
    if (sx_equations_is(e) && e->noise) {
        if (is_text(sx_toml_get(e->noise, "D"))) keys[n++] = "D";
        if (is_text(sx_toml_get(e->noise, "sigma"))) keys[n++] = "sigma";
    }
    keys[n] = NULL;
}

sx_status sx_equations_check(const sx_reader *r, const sx_experiment *e) {
    struct sx_equations_tables t = { 0 };
    const sx_toml_node *coupling = sx_toml_get(e->model, "coupling");
    if (coupling)
        return sx_node_fail(r, coupling, SX_E_USAGE,
                            "models of kind 'equations' have no coupling; matrices stand in 'parameters', as in W = { "
                            "ensemble = \"gaussian\", shape = "
                            "\"i,j\" }");
    return read_all(r, e, &t);
}

sx_status sx_equations_build(const sx_reader *r, const sx_experiment *e, const sx_equations_opts *o, sx_model **out) {
    struct sx_equations_tables *t = NULL;
    sx_equations_fault fault;
    SX_TRY(r->ctx, sx_arena_alloc(r->ctx, r->arena, 1, sizeof *t, &t));
    r->bind->equations = t; /* freed with the build, also on failure */
    SX_TRY(r->ctx, read_all(r, e, t));
    t->d.time = o->time;
    t->d.boundary = o->boundary;
    t->d.compile = o->compile;
    sx_status status = sx_equations_create(r->ctx, &t->d, &fault, out);
    if (status < 0) return at_fault(r, t, NULL, &fault, status);
    const sx_layout *layout = sx_model_layout(*out);
    if (layout->n_arrays == 1 && layout->arrays[0].labels &&
        t->d.n_states == layout->n) { /* numbers: their names are labels */
        const char **labels = NULL;
        SX_TRY(r->ctx, sx_arena_alloc(r->ctx, r->arena, layout->n, sizeof *labels, &labels));
        for (int64_t i = 0; i < layout->n; i++) labels[i] = t->d.states[i].name;
        r->bind->labels = labels;
    }
    return SX_OK;
}

/* ------------------------------------------------------------------------------------------------------- noise and initial states */

/* One text per state: the same for all, or a table. */
static sx_status texts_of(const sx_reader *r, const sx_toml_node *node, const char *what, int *n,
                          sx_equations_text **out) {
    const struct sx_equations_tables *t = r->bind->equations;
    bool table = sx_toml_type_of(node) == SX_TOML_TABLE;
    int64_t count = table ? sx_toml_count(node) : t->d.n_states;
    sx_equations_text *x = NULL;
    char name[160];
    SX_TRY(r->ctx, sx_arena_alloc(r->ctx, r->arena, count, sizeof *x, &x));
    for (int64_t i = 0; i < count; i++) {
        const sx_toml_node *child = table ? sx_toml_at(node, i) : node;
        const char *left = table ? sx_toml_key(child) : t->d.states[i].name;
        (void)snprintf(name, sizeof name, "%s.%.80s", what, left);
        SX_TRY(r->ctx, sx_arena_strdup(r->ctx, r->arena, left, &x[i].left));
        SX_TRY(r->ctx, text_value(r, child, name, &x[i].text));
    }
    *n = (int)count;
    *out = x;
    return SX_OK;
}

/* What goes with an amplitude that depends on the state. */
static sx_status check_rules(const sx_reader *r, const sx_experiment *e, const sx_model *bare, const sx_noise_opts *o) {
    char kind[32];
    bool map = sx_model_kind(bare) == SX_MAP;
    const sx_toml_node *node = sx_toml_get(e->noise, "calculus");
    (void)sx_choice_name(SX_NOISE_KIND_CHOICES, o->kind, kind, sizeof kind);
    if (strcmp(kind, "additive") != 0 && strcmp(kind, "multiplicative") != 0)
        return sx_node_fail(
            r, e->noise, SX_E_USAGE,
            "noise.kind = \"%s\": noise that depends on the state wants \"additive\" or \"multiplicative\"", kind);
    if (o->scaled_by != 0)
        return sx_node_fail(r, sx_toml_get(e->noise, "scaled_by"), SX_E_USAGE,
                            "noise.scaled_by: write the factor in the expression");
    if (map && o->has_calculus)
        return sx_node_fail(r, node, SX_E_USAGE, "noise.calculus: maps have no calculus; leave it out");
    if (!map && !o->has_calculus)
        return sx_node_fail(
            r, e->noise, SX_E_USAGE,
            "noise.calculus is missing: noise that depends on the state wants one of kinetic, ito, stratonovich");
    if (o->has_calculus && o->calculus == SX_COVARIANT)
        return sx_node_fail(r, node, SX_E_USAGE,
                            "noise.calculus = \"covariant\" wants thermal noise, whose metric defines it; want "
                            "kinetic, ito or stratonovich");
    return SX_OK;
}

sx_status sx_equations_noise_build(const sx_reader *r, const sx_experiment *e, const sx_model *bare,
                                   sx_noise_opts *opts, sx_model **out) {
    const struct sx_equations_tables *t = r->bind->equations;
    const sx_toml_node *D = e->noise ? sx_toml_get(e->noise, "D") : NULL;
    const sx_toml_node *sigma = e->noise ? sx_toml_get(e->noise, "sigma") : NULL, *node = is_text(sigma) ? sigma : D;
    const char *what = node == sigma ? "noise.sigma" : "noise.D";
    sx_equations_text *texts = NULL;
    sx_equations_fault fault;
    sx_noise *noise = NULL;
    bool constant = false;
    double *numbers = NULL, *kept = NULL;
    int n;
    *out = NULL;
    if (!is_text(node)) return SX_OK;
    if (D && sigma)
        return sx_node_fail(
            r, sigma, SX_E_USAGE,
            "[noise]: give D (<xi xi> = 2 D delta) or sigma (dx = f dt + sigma dW, D = sigma^2/2), not both");
    SX_TRY(r->ctx, texts_of(r, node, what, &n, &texts));
    sx_status status = sx_equations_noise(r->ctx, &t->d, node == sigma, n, texts, &fault, &constant, &numbers, &noise);
    if (status < 0) return at_fault(r, t, fault.section == 6 ? node : NULL, &fault, status);
    if (constant) {
        int64_t units = sx_model_n(bare);
        status = sx_arena_alloc(r->ctx, r->arena, units, sizeof *kept, &kept);
        if (status >= 0) {
            memcpy(kept, numbers, (size_t)units * sizeof *kept);
            *(node == sigma ? &opts->sigma : &opts->D) = (sx_values){ units, kept };
            *(node == sigma ? &opts->has_sigma : &opts->has_D) = true;
        }
        sx_free(r->ctx, numbers);
        return status;
    }
    status = check_rules(r, e, bare, opts);
    if (status >= 0)
        status = sx_model_with_noise(r->ctx, bare, noise, opts->has_calculus ? (sx_calculus)opts->calculus : SX_KINETIC,
                                     out);
    sx_noise_free(r->ctx, noise);
    return status;
}

sx_status sx_equations_initial(const sx_reader *r, const sx_toml_node *node, const char *name, sx_values *out) {
    char what[160];
    for (int64_t i = 0; i < sx_toml_count(node); i++) {
        const char *text;
        (void)snprintf(what, sizeof what, "%s.%.80s", name, sx_toml_key(sx_toml_at(node, i)));
        SX_TRY(r->ctx, text_value(r, sx_toml_at(node, i), what, &text));
    }
    *out = (sx_values){ 0, NULL };
    if (!r->bind) return SX_OK;
    const struct sx_equations_tables *t = r->bind->equations;
    sx_equations_text *texts = NULL;
    sx_equations_fault fault;
    double *numbers = NULL, *kept = NULL;
    int n;
    SX_TRY(r->ctx, texts_of(r, node, name, &n, &texts));
    sx_status status = sx_equations_values(r->ctx, &t->d, name, n, texts, &fault, &numbers);
    if (status < 0) return at_fault(r, t, fault.section == 6 ? node : NULL, &fault, status);
    /* the state may be longer than the model's own: coloured noise starts from 0 */
    int64_t own = r->bind->n, all = r->bind->state > own ? r->bind->state : own;
    status = sx_arena_alloc(r->ctx, r->arena, all, sizeof *kept, &kept);
    if (status >= 0) memcpy(kept, numbers, (size_t)own * sizeof *kept);
    sx_free(r->ctx, numbers);
    *out = (sx_values){ all, kept };
    return status;
}
