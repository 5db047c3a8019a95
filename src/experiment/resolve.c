// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The resolved experiment as TOML: what was written, and the default of everything that was not. It loads again to the same text. */
#include "experiment/data.h"
#include "experiment/load.h"

#include <string.h>

/* A default that a reader of the text could type in its place. */
static bool has_default(const sx_field *f) {
    if (!f->def || !*f->def) return false;
    if (f->flags & (SX_REQUIRED | SX_OPTIONAL)) return false;
    if (f->given) return false; /* absent means something else than any value */
    if (strcmp(f->def, "nan") == 0 || strcmp(f->def, "[]") == 0) return false;
    return !sx_field_default_means_absent(f);
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

static void add_line(sx_ctx *ctx, sx_buf *t, const sx_toml_node *child, const sx_field *f, const char *base) {
    sx_buf_add(ctx, t, "%s = ", sx_toml_key(child));
    add_value(ctx, t, child, f, base);
    sx_buf_add(ctx, t, "\n");
}

/* Lines "key = value": the keys that no table has, then the fields in the order of the tables, so that the text does not depend on the
 * order in which things were written. */
static void add_section(sx_ctx *ctx, sx_buf *t, const sx_toml_node *node, const char *const *head,
                        const sx_field *fields, const sx_field *but, bool defaults, const char *base) {
    for (; *head; head++)
        if (sx_toml_get(node, *head) && !(fields && sx_field_find(fields, *head)))
            add_line(ctx, t, sx_toml_get(node, *head), NULL, base);
    for (const sx_field *f = fields; f && f->name; f++) {
        const sx_toml_node *given = sx_toml_get(node, f->name);
        if (but && sx_field_find(but, f->name)) continue;
        if (given)
            add_line(ctx, t, given, f, base);
        else if (defaults && has_default(f)) {
            /* values that no number was given for may have no meaning for this model: said, not set */
            sx_buf_add(ctx, t, "%s%s = ", f->type == SX_VALUES ? "# default: " : "", f->name);
            add_default(ctx, t, f);
            sx_buf_add(ctx, t, "\n");
        }
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

static void add_coupling(sx_ctx *ctx, sx_buf *t, const sx_coupling_spec *c, const char *base) {
    static const char *const head[] = { "labels", "missing", NULL };
    sx_buf_add(ctx, t, "[[model.coupling]]\n");
    if (!sx_toml_get(c->node, "name")) {
        sx_buf_add(ctx, t, "name = ");
        sx_buf_quote(ctx, t, c->name);
        sx_buf_add(ctx, t, "\n");
    }
    /* the defaults of the source that was chosen; those of files have no meaning elsewhere */
    add_section(ctx, t, c->node, head, sx_coupling_fields, NULL, c->file != NULL, base);
    if (c->has_ensemble) add_section(ctx, t, c->node, head + 2, sx_ensemble_fields, sx_coupling_fields, true, base);
}

sx_status sx_resolve_text(sx_ctx *ctx, const sx_experiment *e, const char *base, bool full, char **out) {
    static const char *const model[] = { "kind",      "input",     "index",  "state", "parameters", "let",
                                         "equations", "potential", "metric", "flow",  "options",    NULL },
                             *const nothing[] = { NULL };
    static const char *const task[] = { "name", "do", "title", "require", "model", NULL };
    static const char *const amounts[] = { "runs", "time", "disk", "memory", NULL };
    sx_buf t = { 0 };
    const sx_toml_node *limits = sx_toml_get(sx_toml_root(e->doc), "limits");
    add_head(ctx, &t, e, full);
    for (int i = 0; i < e->n_data; i++) {
        sx_buf_add(ctx, &t, "\n[data.");
        sx_buf_quote(ctx, &t, e->data[i].name);
        sx_buf_add(ctx, &t, "]\n");
        add_section(ctx, &t, e->data[i].node, nothing, sx_data_fields, NULL, false, base);
    }
    sx_buf_add(ctx, &t, "\n[model]\n");
    add_section(ctx, &t, e->model, model, e->info->fields, NULL, true, base);
    for (int i = 0; i < e->n_couplings; i++) add_coupling(ctx, &t, &e->couplings[i], base);
    sx_buf_add(ctx, &t, "\n[noise]\n");
    if (e->noise)
        add_section(ctx, &t, e->noise, nothing, sx_noise_fields, NULL, true, base);
    else
        sx_buf_add(ctx, &t, "kind = \"none\"\n");
    for (int i = 0; i < e->n_tasks; i++) {
        const sx_task_spec *k = &e->tasks[i];
        sx_buf_add(ctx, &t, "\n[[task]]\n");
        if (!sx_toml_get(k->node, "name")) sx_buf_add(ctx, &t, "name = \"%s\"\n", k->name);
        add_section(ctx, &t, k->node, task, k->ops->fields, NULL, true, base);
    }
    if (full && limits && sx_toml_count(limits) > 0) {
        sx_buf_add(ctx, &t, "\n[limits]\n");
        add_section(ctx, &t, limits, amounts, NULL, NULL, false, base);
    }
    if (t.status < 0) {
        sx_free(ctx, t.p);
        return t.status;
    }
    *out = t.p;
    return SX_OK;
}
