// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Models of kind plugin: the table `options` of numbers, the path of the library, faults at their places. */
#include "experiment/plugins.h"
#include "experiment/values.h"

#include <stdio.h>
#include <string.h>

const char *const sx_plugins_keys[] = { "kind", "options", NULL };

bool sx_plugins_is(const sx_experiment *e) {
    return strcmp(e->info->kind, "plugin") == 0;
}

static sx_status read_options(const sx_reader *r, const sx_experiment *e, int *count, const char *const **names,
                              const double **values) {
    const sx_toml_node *table = sx_toml_get(e->model, "options");
    const char **name = NULL;
    double *value = NULL;
    *count = 0;
    if (!table) return SX_OK;
    SX_TRY(r->ctx, sx_schema_want(r, table, SX_TOML_TABLE, "a table of numbers, as in options = { tau = 12.5 }"));
    int64_t n = sx_toml_count(table);
    SX_TRY(r->ctx, sx_arena_alloc(r->ctx, r->arena, n, sizeof *name, &name));
    SX_TRY(r->ctx, sx_arena_alloc(r->ctx, r->arena, n, sizeof *value, &value));
    for (int64_t i = 0; i < n; i++) {
        const sx_toml_node *node = sx_toml_at(table, i);
        sx_toml_type type = sx_toml_type_of(node);
        bool number = type == SX_TOML_INTEGER || type == SX_TOML_FLOAT;
        value[i] = number ? sx_toml_float(node) : 0;
        if (!number || !(value[i] - value[i] == 0))
            return sx_node_fail(r, node, SX_E_USAGE, "options.%s: want a finite number", sx_toml_key(node));
        SX_TRY(r->ctx, sx_arena_strdup(r->ctx, r->arena, sx_toml_key(node), &name[i]));
    }
    *count = (int)n;
    *names = name;
    *values = value;
    return SX_OK;
}

sx_status sx_plugins_check(const sx_reader *r, const sx_experiment *e) {
    const sx_toml_node *coupling = sx_toml_get(e->model, "coupling");
    const char *const *names;
    const double *values;
    int n;
    if (coupling)
        return sx_node_fail(r, coupling, SX_E_USAGE,
                            "models of kind 'plugin' have no coupling; the library has its own");
    return read_options(r, e, &n, &names, &values);
}

/* "options.tau ..." stands at that option, everything else at the file. */
static const sx_toml_node *place_of(const sx_reader *r, const sx_experiment *e, sx_status status) {
    const sx_toml_node *table = sx_toml_get(e->model, "options");
    const char *message = sx_ctx_message(r->ctx);
    if (status != SX_E_USAGE || strncmp(message, "options.", 8) != 0) return sx_toml_get(e->model, "file");
    for (int64_t i = 0; i < (table ? sx_toml_count(table) : 0); i++) {
        const sx_toml_node *node = sx_toml_at(table, i);
        size_t n = strlen(sx_toml_key(node));
        if (strncmp(message + 8, sx_toml_key(node), n) == 0 && strchr(" :", message[8 + n])) return node;
    }
    return table ? table : e->model;
}

sx_status sx_plugins_build(const sx_reader *r, const sx_experiment *e, const sx_plugin_opts *o, sx_model **out) {
    const char *const *names = NULL;
    const double *values = NULL;
    char *path = NULL, *bytes = NULL;
    size_t size = 0;
    int n;
    SX_TRY(r->ctx, read_options(r, e, &n, &names, &values));
    SX_TRY(r->ctx, sx_values_bytes(r, sx_toml_get(e->model, "file"), o->file, &path, &bytes, &size));
    sx_free(r->ctx, bytes);
    sx_status status = sx_plugin_open(r->ctx, path, n, names, values, o->tolerance, out);
    if (status < 0) (void)sx_fail_prefix(r->ctx, "%s", sx_toml_origin(place_of(r, e, status)));
    sx_free(r->ctx, path);
    return status;
}
