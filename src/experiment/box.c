// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
#include "experiment/box.h"

#include <stdio.h>
#include <string.h>

static sx_status read_pair(const sx_reader *r, const sx_toml_node *node, const sx_field *f, double pair[2]) {
    bool good = sx_toml_type_of(node) == SX_TOML_ARRAY && sx_toml_count(node) == 2;
    for (int64_t k = 0; good && k < 2; k++) SX_TRY(r->ctx, sx_schema_number(r, sx_toml_at(node, k), f, &pair[k]));
    if (!good || !(pair[0] < pair[1]))
        return sx_node_fail(r, node, SX_E_USAGE, "%s.%s: want a range [lo, hi] with lo < hi", f->name,
                            sx_toml_key(node));
    return SX_OK;
}

/* Units [*first, *first + *count) of a key: a state array, or one unit by its label. */
static bool find_units(const sx_model *m, const char *key, int64_t *first, int64_t *count) {
    const sx_layout *layout = sx_model_layout(m);
    char text[96];
    *first = 0;
    for (int a = 0; a < layout->n_arrays; *first += layout->arrays[a++].n) {
        *count = layout->arrays[a].n;
        if (!(layout->n_arrays == 1 && layout->arrays[a].labels) && strcmp(layout->arrays[a].name, key) == 0)
            return true;
    }
    *count = 1;
    for (*first = 0; *first < layout->n; ++*first)
        if (strcmp(sx_model_unit_label(m, *first, text, sizeof text), key) == 0) return true;
    *first = 0;
    *count = layout->n;
    return layout->n_arrays == 1 && strcmp(layout->arrays[0].name, key) == 0;
}

sx_status sx_box_read(const sx_reader *r, const sx_toml_node *node, const sx_field *f, sx_values *out) {
    double pair[2], *data = NULL;
    bool *set = NULL;
    for (int64_t k = 0; k < sx_toml_count(node); k++) SX_TRY(r->ctx, read_pair(r, sx_toml_at(node, k), f, pair));
    *out = (sx_values){ 0, NULL };
    if (!r->bind || !r->bind->model) return SX_OK;
    const sx_model *m = r->bind->model;
    int64_t n = sx_model_n(m), first, count;
    SX_TRY(r->ctx, sx_arena_alloc(r->ctx, r->arena, 2 * n, sizeof *data, &data));
    SX_TRY(r->ctx, sx_arena_alloc(r->ctx, r->arena, n, sizeof *set, &set));
    for (int64_t k = 0; k < sx_toml_count(node); k++) {
        const sx_toml_node *child = sx_toml_at(node, k);
        if (!find_units(m, sx_toml_key(child), &first, &count))
            return sx_node_fail(r, child, SX_E_USAGE, "%s: the state has no array or unit '%s'", f->name,
                                sx_toml_key(child));
        SX_TRY(r->ctx, read_pair(r, child, f, pair));
        for (int64_t u = first; u < first + count; u++) {
            if (set[u])
                return sx_node_fail(r, child, SX_E_USAGE, "%s: '%s' has a range already", f->name, sx_toml_key(child));
            set[u] = true;
            data[2 * u] = pair[0];
            data[2 * u + 1] = pair[1];
        }
    }
    for (int64_t u = 0; u < n; u++) {
        char text[96];
        if (!set[u])
            return sx_node_fail(r, node, SX_E_USAGE, "%s: there is no range for '%s'", f->name,
                                sx_model_unit_label(m, u, text, sizeof text));
    }
    *out = (sx_values){ 2 * n, data };
    return SX_OK;
}
