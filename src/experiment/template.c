// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* `separatrix new KIND`: the example of a model or task, every other field beside it as a comment with default, range and meaning. */
#include "experiment/data.h"
#include "experiment/load.h"

#include <stdio.h>
#include <string.h>

const sx_field *sx_experiment_coupling_fields(void) {
    return sx_coupling_fields;
}

static void add_comment(sx_ctx *ctx, sx_buf *t, int64_t line_start, const sx_field *f) {
    char *range = NULL;
    int64_t width = t->n - line_start;
    sx_buf_add(ctx, t, "%*s# %s", width < 34 ? (int)(34 - width) : 1, "", f->help ? f->help : "");
    if (f->type != SX_TABLE && f->type != SX_TABLES && f->type != SX_INITIAL && f->type != SX_STRING &&
        f->type != SX_UNITS && f->type != SX_BOOL && !(f->lo == 0 && f->hi == 0 && f->type != SX_ENUM) &&
        sx_field_range(ctx, f, &range) == SX_OK)
        sx_buf_add(ctx, t, "; %s", range);
    if (f->unit && strcmp(f->unit, "1") != 0) sx_buf_add(ctx, t, " [%s]", f->unit);
    sx_buf_add(ctx, t, "\n");
    sx_free(ctx, range);
}

static void add_sub_defaults(sx_ctx *ctx, sx_buf *t, const sx_field *sub) {
    int n = 0;
    sx_buf_add(ctx, t, "{");
    for (; sub && sub->name; sub++)
        if (sub->def && strcmp(sub->def, "nan") != 0)
            sx_buf_add(ctx, t, "%s%s = %s", n++ ? ", " : " ", sub->name, sub->def);
    sx_buf_add(ctx, t, " }");
}

/* Fields of a table: those of the example as they are, the others as comments. */
static void add_fields(sx_ctx *ctx, sx_buf *t, const sx_toml_node *node, const sx_field *fields, const sx_field *but) {
    for (const sx_field *f = fields; f->name; f++) {
        const sx_toml_node *given = sx_toml_get(node, f->name);
        int64_t start = t->n;
        if (but && sx_field_find(but, f->name)) continue;
        sx_buf_add(ctx, t, "%s%s = ", given ? "" : "# ", f->name);
        if (given)
            sx_buf_node(ctx, t, given, NULL);
        else if (f->type == SX_TABLE)
            add_sub_defaults(ctx, t, f->sub);
        else if (f->def && strcmp(f->def, "nan") != 0 && !sx_field_default_means_absent(f))
            sx_buf_add(ctx, t, "%s", f->def);
        add_comment(ctx, t, start, f);
    }
}

static void add_key(sx_ctx *ctx, sx_buf *t, const sx_toml_node *node, const char *key, const char *comment) {
    const sx_toml_node *child = sx_toml_get(node, key);
    int64_t start = t->n;
    if (!child) return;
    sx_buf_add(ctx, t, "%s = ", key);
    sx_buf_node(ctx, t, child, NULL);
    int64_t width = t->n - start;
    sx_buf_add(ctx, t, "%*s# %s\n", width < 34 ? (int)(34 - width) : 1, "", comment);
}

static void add_all(sx_ctx *ctx, sx_buf *t, const sx_experiment *e, const char *kind) {
    sx_buf_add(ctx, t,
               "# %s\n#   %s\n# Check it: separatrix check FILE     Run it: separatrix run FILE     (separatrix new %s "
               "| separatrix run -)\n",
               e->info->title, e->info->equation, kind);
    sx_buf_add(ctx, t, "title = ");
    sx_buf_quote(ctx, t, e->title);
    sx_buf_add(
        ctx, t,
        "\nseed = %llu%*s# of all random numbers; seeds = { coupling = , noise = , initial = } moves them apart\n",
        (unsigned long long)e->seed, 25, "");
    const sx_toml_node *units = sx_toml_get(sx_toml_root(e->doc), "units");
    if (units)
        add_key(ctx, t, sx_toml_root(e->doc), "units", "labels, carried into every array of the result");
    else
        sx_buf_add(ctx, t,
                   "# units = { time = \"ms\", state = \"mV\" }   # labels, carried into every array of the result\n");
    sx_buf_add(ctx, t, "\n[model]\n");
    add_key(ctx, t, e->model, "kind", "separatrix models lists the kinds");
    if (strcmp(e->info->kind, "equations") == 0) {
        add_key(ctx, t, e->model, "index", "j runs over the range of i; or i = { file = \"W.npy\", axis = 0 }");
        add_key(ctx, t, e->model, "state", "arrays over an index; numbers: [\"x\", \"y\"]");
        add_key(ctx, t, e->model, "parameters",
                "numbers; { values = [], shape = \"i\" }; { ensemble = or file =, shape = \"i,j\" }");
        add_key(ctx, t, e->model, "let", "definitions; each may use those before it");
        add_key(ctx, t, e->model, "equations", "one text per state");
        sx_buf_add(ctx, t,
                   "# instead: potential = \"sum(i, x[i]^4/4)\", metric = { x = \"1/(1+x[i]^2)\" }, flow = { x = "
                   "\"...\" }: -G^-1 grad Phi + R\n");
    }
    add_key(ctx, t, e->model, "options", "numbers that the library takes");
    add_fields(ctx, t, e->model, e->info->fields, NULL);
    if (sx_load_takes_input(e->info)) {
        if (e->input)
            add_key(ctx, t, e->model, "input", "a number, a list, a waveform or samples from a file");
        else
            sx_buf_add(ctx, t,
                       "# input = { kind = \"sine\", amplitude = 1.0, frequency = 0.1 }   # or a number, a list, { "
                       "file = \"I.npy\", axes = "
                       "[\"time\", \"channel\"], dt = 1.0 }\n");
    }
    for (int i = 0; i < e->n_couplings; i++) {
        const sx_toml_node *c = e->couplings[i].node;
        sx_buf_add(ctx, t, "[[model.coupling]]\n");
        add_fields(ctx, t, c, sx_coupling_fields, NULL);
        if (e->couplings[i].has_ensemble) add_fields(ctx, t, c, sx_ensemble_fields, sx_coupling_fields);
        sx_buf_add(ctx, t,
                   "# labels = \"first-column\"         # CSV with names in the first column, or a list of names\n"
                   "# missing = \"error\"               # empty fields of a CSV file, or a number\n");
    }
    for (int i = 0; i < e->n_data; i++) {
        sx_buf_add(ctx, t, "\n[data.%s]\n", e->data[i].name);
        add_fields(ctx, t, e->data[i].node, sx_data_fields, NULL);
    }
    sx_buf_add(ctx, t, "\n[noise]\n");
    if (e->noise) add_fields(ctx, t, e->noise, sx_noise_fields, NULL);
    for (int i = 0; i < e->n_tasks; i++) {
        sx_buf_add(ctx, t, "\n[[task]]\n");
        add_key(ctx, t, e->tasks[i].node, "name", "group of the result");
        add_key(ctx, t, e->tasks[i].node, "do", "separatrix tasks lists the kinds");
        add_key(ctx, t, e->tasks[i].node, "model", "weights that an earlier task has learned");
        add_fields(ctx, t, e->tasks[i].node, e->tasks[i].ops->fields, NULL);
    }
    sx_buf_add(ctx, t,
               "\n# [limits]                        # a run that would exceed them is refused before it starts\n"
               "# time = \"1h\"\n# disk = \"10GB\"\n# memory = \"8GB\"\n");
}

sx_status sx_experiment_template(sx_ctx *ctx, const char *kind, char **out) {
    int n_models, n_tasks;
    const sx_model_info *infos = sx_model_infos(&n_models);
    const sx_task_ops *const *tasks = sx_tasks(&n_tasks);
    const char *example = NULL, *known[64];
    sx_experiment *e = NULL;
    sx_buf t = { 0 };
    int n = 0;
    for (int i = 0; i < n_models && n < 32; i++) {
        known[n++] = infos[i].kind;
        if (strcmp(infos[i].kind, kind) == 0) example = infos[i].example;
    }
    for (int i = 0; i < n_tasks && n < 64; i++) {
        known[n++] = tasks[i]->name;
        if (strcmp(tasks[i]->name, kind) == 0) example = tasks[i]->example;
    }
    if (!example) {
        const char *near = sx_nearest(kind, known, n);
        sx_status status = SX_OK;
        for (int i = 0; i < n; i++) sx_buf_add(ctx, &t, "%s%s", i ? ", " : "", known[i]);
        status = SX_FAIL(ctx, SX_E_USAGE, "there is no model or task of kind '%s'%s%s%s; this version has: %s", kind,
                         near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "", t.p ? t.p : "");
        sx_free(ctx, t.p);
        return status;
    }
    SX_TRY(ctx, sx_experiment_parse(ctx, kind, ".", example, strlen(example), NULL, 0, &e));
    add_all(ctx, &t, e, kind);
    sx_experiment_free(ctx, e);
    if (t.status < 0) {
        sx_free(ctx, t.p);
        return t.status;
    }
    *out = t.p;
    return SX_OK;
}
