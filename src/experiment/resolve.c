// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The resolved experiment as TOML: what was written, and the default of everything that was not. It loads again to the same text. */
#include "experiment/load.h"

#include <string.h>

/* A default that a reader of the text could type in its place. */
static bool has_default(const sx_field *f) {
    if (!f->def || !*f->def) return false;
    if (f->flags & (SX_REQUIRED | SX_OPTIONAL)) return false;
    if (f->given) return false;                   /* absent means something else than any value */
    if (strcmp(f->def, "nan") == 0 || strcmp(f->def, "[]") == 0) return false;
    return !sx_field_is_placeholder(f);
}

static void add_default(sx_ctx *ctx, sx_buf *t, const sx_field *f) {
    bool quoted = f->def[0] == '"' || (f->type != SX_ENUM && f->type != SX_STRING);
    sx_buf_add(ctx, t, quoted ? "%s" : "\"%s\"", f->def);
}

static void add_inline(sx_ctx *ctx, sx_buf *t, const sx_toml_node *node, const sx_field *fields, const char *base);

static void add_value(sx_ctx *ctx, sx_buf *t, const sx_toml_node *node, const sx_field *f, const char *base) {
    if (f && f->type == SX_TABLE && sx_toml_type_of(node) == SX_TOML_TABLE) {
        add_inline(ctx, t, node, f->sub, base);
    } else if (f && f->type == SX_TABLES) {
        sx_buf_add(ctx, t, "[");
        for (int64_t i = 0; i < sx_toml_count(node); i++) {
            if (i) sx_buf_add(ctx, t, ", ");
            add_inline(ctx, t, sx_toml_at(node, i), f->sub, base);
        }
        sx_buf_add(ctx, t, "]");
    } else {
        sx_buf_node(ctx, t, node, base);
    }
}

static void add_inline(sx_ctx *ctx, sx_buf *t, const sx_toml_node *node, const sx_field *fields, const char *base) {
    int n = 0;
    sx_buf_add(ctx, t, "{");
    for (int64_t i = 0; i < sx_toml_count(node); i++) {
        const sx_toml_node *child = sx_toml_at(node, i);
        sx_buf_add(ctx, t, "%s%s = ", n++ ? ", " : " ", sx_toml_key(child));
        add_value(ctx, t, child, sx_field_find(fields, sx_toml_key(child)), base);
    }
    for (const sx_field *f = fields; f->name; f++) {
        if (sx_toml_get(node, f->name) || !has_default(f) || f->type == SX_VALUES) continue;
        sx_buf_add(ctx, t, "%s%s = ", n++ ? ", " : " ", f->name);
        add_default(ctx, t, f);
    }
    sx_buf_add(ctx, t, n ? " }" : "}");
}

/* Lines "key = value": what is written first, in the order of the text, then defaults in the order of the tables. */
static void add_section(sx_ctx *ctx, sx_buf *t, const sx_toml_node *node, const sx_field *const *tables, const char *const *skip,
                        const char *base) {
    for (int64_t i = 0; i < sx_toml_count(node); i++) {
        const sx_toml_node *child = sx_toml_at(node, i);
        const char *key = sx_toml_key(child);
        const sx_field *f = NULL;
        bool skipped = false;
        for (const char *const *s = skip; s && *s; s++) skipped = skipped || strcmp(*s, key) == 0;
        if (skipped) continue;
        for (const sx_field *const *k = tables; *k && !f; k++) f = sx_field_find(*k, key);
        sx_buf_add(ctx, t, "%s = ", key);
        if (!f && strcmp(key, "input") == 0 && sx_toml_type_of(child) == SX_TOML_TABLE)
            sx_buf_node(ctx, t, child, base);
        else
            add_value(ctx, t, child, f, base);
        sx_buf_add(ctx, t, "\n");
    }
    for (const sx_field *const *k = tables; *k; k++)
        for (const sx_field *f = *k; f->name; f++) {
            if (sx_toml_get(node, f->name) || !has_default(f)) continue;
            /* values that no number was given for may have no meaning for this model: said, not set */
            sx_buf_add(ctx, t, "%s%s = ", f->type == SX_VALUES ? "# default: " : "", f->name);
            add_default(ctx, t, f);
            sx_buf_add(ctx, t, "\n");
        }
}

static void add_head(sx_ctx *ctx, sx_buf *t, const sx_experiment *e, bool full) {
    static const char *const names[] = { "coupling", "noise", "initial", "data" };
    if (full) {
        sx_buf_add(ctx, t, "title = ");
        sx_buf_quote(ctx, t, e->title);
        sx_buf_add(ctx, t, "\n");
    }
    sx_buf_add(ctx, t, "seed = %llu\nseeds = {", (unsigned long long)e->seed);
    for (int k = 0; k < SX_SEED_COUNT; k++)
        sx_buf_add(ctx, t, "%s %s = %llu", k ? "," : "", names[k], (unsigned long long)e->seeds[k]);
    sx_buf_add(ctx, t, " }\n");
    if (e->unit_time || e->unit_state) {
        sx_buf_add(ctx, t, "units = {");
        if (e->unit_time) {
            sx_buf_add(ctx, t, " time = ");
            sx_buf_quote(ctx, t, e->unit_time);
        }
        if (e->unit_state) {
            sx_buf_add(ctx, t, "%s state = ", e->unit_time ? "," : "");
            sx_buf_quote(ctx, t, e->unit_state);
        }
        sx_buf_add(ctx, t, " }\n");
    }
}

sx_status sx_resolve_text(sx_ctx *ctx, const sx_experiment *e, const char *base, bool full, char **out) {
    static const char *const no_coupling[] = { "coupling", NULL };
    sx_buf t = { 0 };
    const sx_toml_node *limits = sx_toml_get(sx_toml_root(e->doc), "limits");
    add_head(ctx, &t, e, full);
    const sx_field *model[] = { e->info->fields, NULL };
    sx_buf_add(ctx, &t, "\n[model]\n");
    add_section(ctx, &t, e->model, model, no_coupling, base);
    for (int i = 0; i < e->n_couplings; i++) {
        const sx_coupling_spec *c = &e->couplings[i];
        const sx_field *from_file[] = { sx_coupling_fields, NULL }, *ensemble[] = { sx_ensemble_fields, NULL };
        sx_buf_add(ctx, &t, "[[model.coupling]]\n");
        if (!sx_toml_get(c->node, "name")) {
            sx_buf_add(ctx, &t, "name = ");
            sx_buf_quote(ctx, &t, c->name);
            sx_buf_add(ctx, &t, "\n");
        }
        /* the defaults of the source that was chosen; those of files have no meaning elsewhere */
        const sx_field *plain[] = { NULL };
        add_section(ctx, &t, c->node, c->has_ensemble ? ensemble : c->file ? from_file : plain, NULL, base);
    }
    const sx_field *noise[] = { sx_noise_fields, NULL };
    sx_buf_add(ctx, &t, "\n[noise]\n");
    if (e->noise)
        add_section(ctx, &t, e->noise, noise, NULL, base);
    else
        sx_buf_add(ctx, &t, "kind = \"none\"\n");
    for (int i = 0; i < e->n_tasks; i++) {
        const sx_task_spec *k = &e->tasks[i];
        const sx_field *fields[] = { k->ops->fields, NULL };
        sx_buf_add(ctx, &t, "\n[[task]]\n");
        if (!sx_toml_get(k->node, "name")) sx_buf_add(ctx, &t, "name = \"%s\"\n", k->name);
        add_section(ctx, &t, k->node, fields, NULL, base);
    }
    if (full && limits && sx_toml_count(limits) > 0) {
        const sx_field *none[] = { NULL };
        sx_buf_add(ctx, &t, "\n[limits]\n");
        add_section(ctx, &t, limits, none, NULL, base);
    }
    if (t.status < 0) {
        sx_free(ctx, t.p);
        return t.status;
    }
    *out = t.p;
    return SX_OK;
}
