// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Loading: the document is parsed and every key of every section is checked before any other file is opened. */
#include "experiment/cells.h"
#include "experiment/equations_model.h"
#include "experiment/data.h"
#include "experiment/load.h"
#include "experiment/plugins.h"
#include "experiment/refer.h"
#include "experiment/sections.h"

#include <stdio.h>
#include <string.h>

static const char *const later_models[] = { "klein-gordon", "phi4", "dirac", "scalar-qed", NULL };
static const char *const later_tasks[] = { "path",    "rates",   "quasipotential", "loops",    "mean-field",
                                           "replica", "duality", "field",          "continue", NULL };
static const char *const model_keys[] = { "kind", "coupling", "input", NULL };
static const char *const task_keys[] = { "name", "do", "require", "title", "model", NULL };

/* "model kind 'x' ..." for a name that is not there: planned, or unknown with the nearest name. */
static sx_status no_such_kind(const sx_reader *r, const sx_toml_node *node, const char *what, const char *name,
                              const char *const *have, int n, const char *const *later) {
    char list[512] = "";
    size_t used = 0;
    const char *known[64];
    int64_t n_known = 0;
    for (int i = 0; i < n && used < sizeof list; i++) {
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", have[i]);
        known[n_known++] = have[i];
    }
    for (; *later; later++) {
        if (strcmp(*later, name) == 0)
            return sx_node_fail(r, node, SX_E_USAGE, "%s kind '%s' comes with a later version; this version has: %s",
                                what, name, list);
        known[n_known++] = *later;
    }
    const char *near = sx_nearest(name, known, n_known);
    return sx_node_fail(r, node, SX_E_USAGE, "unknown %s kind '%s'%s%s%s; this version has: %s", what, name,
                        near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "", list);
}

/* ------------------------------------------------------------------------------------------------------------------ model */

bool sx_load_takes_input(const sx_model_info *info) {
    bool has = strcmp(info->kind, "rate") == 0 || strcmp(info->kind, "cell") == 0;
    return has && !sx_field_find(info->fields, "input");
}

sx_status sx_load_model(const sx_reader *r, const sx_experiment *e, void **opts) {
    static const char *const without_input[] = { "kind", "coupling", NULL };
    void *o = NULL;
    SX_TRY(r->ctx, sx_arena_alloc(r->ctx, r->arena, 1, e->info->opts_size, &o));
    *(size_t *)o = e->info->opts_size;
    sx_part part = { e->info->fields, o };
    const char *const *keys = sx_load_takes_input(e->info) ? model_keys : without_input;
    if (sx_equations_is(e)) keys = sx_equations_keys;
    if (sx_plugins_is(e)) keys = sx_plugins_keys;
    sx_reader of_model = *r; /* patterns are names of sections [data.NAME] */
    of_model.experiment = e;
    SX_TRY(r->ctx, sx_schema_read(&of_model, e->model, "[model]", &part, 1, keys));
    *opts = o;
    return SX_OK;
}

static sx_status load_model(const sx_reader *r, sx_experiment *e, const sx_toml_node *root) {
    int n;
    const sx_model_info *infos = sx_model_infos(&n);
    const char *names[16], *kind;
    void *opts;
    e->model = sx_toml_get(root, "model");
    if (!e->model) return sx_node_fail(r, root, SX_E_USAGE, "the section [model] is missing");
    SX_TRY(r->ctx, sx_schema_want(r, e->model, SX_TOML_TABLE, "a section [model]"));
    const sx_toml_node *node = sx_toml_get(e->model, "kind");
    if (!node) return sx_node_fail(r, e->model, SX_E_USAGE, "[model]: 'kind' is missing");
    SX_TRY(r->ctx, sx_schema_string(r, node, &kind));
    for (int i = 0; i < n && i < 16; i++) {
        names[i] = infos[i].kind;
        if (strcmp(infos[i].kind, kind) == 0) e->info = &infos[i];
    }
    if (!e->info) return no_such_kind(r, node, "model", kind, names, n, later_models);
    if (sx_equations_is(e)) SX_TRY(r->ctx, sx_equations_check(r, e));
    if (sx_plugins_is(e)) SX_TRY(r->ctx, sx_plugins_check(r, e));
    SX_TRY(r->ctx, sx_load_model(r, e, &opts));
    if (strcmp(kind, "cell") == 0) SX_TRY(r->ctx, sx_cell_check(r, e, opts));
    SX_TRY(r->ctx, sx_load_couplings(r, e));
    e->input = sx_load_takes_input(e->info) ? sx_toml_get(e->model, "input") : NULL;
    if (e->input) {
        sx_input input;
        SX_TRY(r->ctx, sx_load_input(r, e, &input));
    }
    return SX_OK;
}

sx_status sx_load_noise(const sx_reader *r, const sx_experiment *e, sx_noise_opts *opts) {
    sx_noise_opts o = { .struct_size = sizeof o };
    if (e->noise) {
        const char *texts[3];
        sx_part part = { sx_noise_fields, &o };
        sx_equations_noise_keys(e, texts);
        SX_TRY(r->ctx, sx_schema_read(r, e->noise, "[noise]", &part, 1, texts));
    } else {
        sx_fields_default(sx_noise_fields, &o);
        o.kind = 0;
    }
    if (!o.has_calculus) o.calculus = -1;
    *opts = o;
    return SX_OK;
}

static sx_status load_noise(const sx_reader *r, sx_experiment *e, const sx_toml_node *root) {
    sx_noise_opts opts;
    e->noise = sx_toml_get(root, "noise");
    if (!e->noise) return SX_OK;
    SX_TRY(r->ctx, sx_schema_want(r, e->noise, SX_TOML_TABLE, "a section [noise]"));
    SX_TRY(r->ctx, sx_load_noise(r, e, &opts));
    const sx_toml_node *sigma = sx_toml_get(e->noise, "sigma");
    if (opts.has_D && opts.has_sigma)
        return sx_node_fail(
            r, sigma, SX_E_USAGE,
            "[noise]: give D (<xi xi> = 2 D delta) or sigma (dx = f dt + sigma dW, D = sigma^2/2), not both");
    return SX_OK;
}

/* ------------------------------------------------------------------------------------------------------------------ tasks */

sx_status sx_load_task(const sx_reader *r, const sx_experiment *e, int i, void **opts) {
    const sx_task_spec *t = &e->tasks[i];
    char what[128];
    static const char *const with_replicas[] = { "name", "do", "require", "title", "model", "replicas", NULL };
    void *o = NULL;
    snprintf(what, sizeof what, "task '%s'", t->name);
    SX_TRY(r->ctx, sx_arena_alloc(r->ctx, r->arena, 1, t->ops->opts_size, &o));
    *(size_t *)o = t->ops->opts_size;
    sx_part part = { t->ops->fields, o };
    sx_reader of_task = *r; /* names of tasks mean those before this one */
    of_task.experiment = e;
    of_task.task = i;
    /* replicas = "trials": one replica per trial of the input */
    const sx_toml_node *replicas = sx_toml_get(t->node, "replicas");
    bool trials = t->ops == &sx_simulate_task && replicas && sx_toml_type_of(replicas) == SX_TOML_STRING;
    SX_TRY(r->ctx, sx_schema_read(&of_task, t->node, what, &part, 1, trials ? with_replicas : task_keys));
    if (trials) {
        sx_simulate_opts *s = o;
        if (strcmp(sx_toml_string(replicas, NULL), "trials") != 0)
            return sx_node_fail(r, replicas, SX_E_USAGE, "replicas = \"%s\": want an integer or \"trials\"",
                                sx_toml_string(replicas, NULL));
        if (!e->input)
            return sx_node_fail(r, replicas, SX_E_USAGE, "replicas = \"trials\": the model has no input with trials");
        if (r->bind && r->bind->trials <= 0)
            return sx_node_fail(r, replicas, SX_E_USAGE,
                                "replicas = \"trials\": the input of the model has no axis \"trial\"");
        s->replicas_trials = true;
        s->replicas = r->bind ? r->bind->trials : 1;
    }
    *opts = o;
    return SX_OK;
}

/* Names become groups of the result and names of directories. */
static bool is_name(const char *s) {
    size_t n = strlen(s);
    if (n == 0 || n > 64 || s[0] == '-') return false;
    return strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == n;
}

static bool gives(const sx_task_ops *ops, const char *name, const char *dims) {
    for (const sx_output *o = ops->outputs; o && o->name; o++)
        if (strcmp(o->name, name) == 0 && strcmp(o->dims, dims) == 0) return true;
    return false;
}

static bool looks_at_points(const sx_task_ops *ops) {
    for (const sx_field *f = ops->fields; f->name; f++)
        if (f->type == SX_POINTS) return true;
    return false;
}

/* An integer of an earlier task's section, `key` or `key.inner`, if it is written there. */
static int64_t written(const sx_toml_node *task, const char *key, const char *inner, int64_t otherwise) {
    const sx_toml_node *node = sx_toml_get(task, key);
    if (node && inner) node = sx_toml_type_of(node) == SX_TOML_TABLE ? sx_toml_get(node, inner) : NULL;
    return node && sx_toml_type_of(node) == SX_TOML_INTEGER ? sx_toml_integer(node) : otherwise;
}

/* model = { task = "train", snapshot = "last" | "all" | k, network = k } */
static sx_status load_learned(const sx_reader *r, sx_experiment *e, const sx_toml_node *node, int i) {
    static const char *const keys[] = { "task", "snapshot", "network", NULL };
    sx_task_spec *t = &e->tasks[i];
    sx_reader of_task = *r;
    of_task.experiment = e;
    of_task.task = i;
    SX_TRY(r->ctx, sx_schema_want(r, node, SX_TOML_TABLE, "a table { task = , snapshot = , network = }"));
    SX_TRY(r->ctx, sx_schema_known(r, node, "the learned model", NULL, 0, keys));
    const sx_toml_node *task = sx_toml_get(node, "task"), *snapshot = sx_toml_get(node, "snapshot"),
                       *network = sx_toml_get(node, "network");
    if (!task) return sx_node_fail(r, node, SX_E_USAGE, "'task' is missing: the name of an earlier task that learns");
    SX_TRY(r->ctx, sx_refer_task(&of_task, task, &t->learned));
    int64_t networks = 1, snapshots = 1;
    for (int k = 0; k < i; k++) {
        if (strcmp(e->tasks[k].name, t->learned) != 0) continue;
        if (!gives(e->tasks[k].ops, "weights", "snapshot,unit,unit2"))
            return sx_node_fail(r, task, SX_E_USAGE, "task '%s' (%s) does not learn weights", t->learned,
                                e->tasks[k].ops->name);
        networks = written(e->tasks[k].node, "networks", NULL, 1);
        snapshots = written(e->tasks[k].node, "snapshots", "n", INT64_MAX);
    }
    if (network) {
        if (sx_toml_type_of(network) != SX_TOML_INTEGER || sx_toml_integer(network) < 0)
            return sx_node_fail(r, network, SX_E_USAGE, "network: want the number of one of the networks, from 0");
        t->network = sx_toml_integer(network);
        if (t->network >= networks)
            return sx_node_fail(r, network, SX_E_USAGE, "network %lld: task '%s' has %lld (0 to %lld)",
                                (long long)t->network, t->learned, (long long)networks, (long long)networks - 1);
    }
    t->snapshot = SX_SNAPSHOT_LAST;
    if (!snapshot) return SX_OK;
    const char *word = sx_toml_type_of(snapshot) == SX_TOML_STRING ? sx_toml_string(snapshot, NULL) : "";
    if (sx_toml_type_of(snapshot) == SX_TOML_INTEGER && sx_toml_integer(snapshot) >= 0)
        t->snapshot = sx_toml_integer(snapshot);
    else if (strcmp(word, "all") == 0)
        t->snapshot = SX_SNAPSHOT_ALL;
    else if (strcmp(word, "last") != 0)
        return sx_node_fail(r, snapshot, SX_E_USAGE, "snapshot: want \"last\", \"all\" or its number, from 0");
    if (t->snapshot >= snapshots)
        return sx_node_fail(r, snapshot, SX_E_USAGE, "snapshot %lld: task '%s' has %lld (0 to %lld)",
                            (long long)t->snapshot, t->learned, (long long)snapshots, (long long)snapshots - 1);
    if (t->snapshot == SX_SNAPSHOT_ALL && !looks_at_points(t->ops))
        return sx_node_fail(r, snapshot, SX_E_USAGE,
                            "snapshot = \"all\": the task '%s' takes one model; want \"last\" or a number",
                            t->ops->name);
    return SX_OK;
}

static sx_status load_task(const sx_reader *r, sx_experiment *e, const sx_toml_node *node, int i) {
    sx_task_spec *t = &e->tasks[i];
    const char *kind, *names[64];
    int n;
    void *opts;
    const sx_task_ops *const *tasks = sx_tasks(&n);
    const sx_toml_node *what = sx_toml_get(node, "do"), *name = sx_toml_get(node, "name"), *other;
    SX_TRY(r->ctx, sx_schema_want(r, node, SX_TOML_TABLE, "a section [[task]]"));
    if (!what) return sx_node_fail(r, node, SX_E_USAGE, "[[task]]: 'do' is missing, as in do = \"simulate\"");
    SX_TRY(r->ctx, sx_schema_string(r, what, &kind));
    for (int k = 0; k < n && k < 64; k++) names[k] = tasks[k]->name;
    t->node = node;
    t->ops = sx_task_find(kind);
    if (!t->ops) return no_such_kind(r, what, "task", kind, names, n, later_tasks);
    t->name = kind;
    if (name) SX_TRY(r->ctx, sx_schema_string(r, name, &t->name));
    if (!is_name(t->name))
        return sx_node_fail(r, name, SX_E_USAGE,
                            "task name '%s': want up to 64 letters, digits, '_' and '-', not beginning with '-'",
                            t->name);
    for (int k = 0; k < i; k++)
        if (strcmp(e->tasks[k].name, t->name) == 0)
            return sx_node_fail(r, name ? name : node, SX_E_USAGE,
                                "two tasks are called '%s'; give each its own `name`", t->name);
    if ((other = sx_toml_get(node, "model"))) SX_TRY(r->ctx, load_learned(r, e, other, i));
    if ((other = sx_toml_get(node, "title"))) SX_TRY(r->ctx, sx_schema_string(r, other, &t->title));
    if ((other = sx_toml_get(node, "require"))) {
        SX_TRY(r->ctx, sx_schema_want(r, other, SX_TOML_BOOL, "true or false"));
        t->require = sx_toml_bool(other);
    }
    return sx_load_task(r, e, i, &opts);
}

static sx_status load_tasks(const sx_reader *r, sx_experiment *e, const sx_toml_node *root) {
    const sx_toml_node *list = sx_toml_get(root, "task");
    if (!list || sx_toml_count(list) == 0)
        return sx_node_fail(r, list ? list : root, SX_E_USAGE,
                            "there is no task; add a section [[task]] with do = \"simulate\"");
    if (sx_toml_type_of(list) != SX_TOML_ARRAY)
        return sx_node_fail(r, list, SX_E_USAGE, "task: write [[task]] with two brackets");
    int64_t n = sx_toml_count(list);
    if (n > 1000)
        return sx_node_fail(r, list, SX_E_USAGE, "%lld tasks; at most 1000 fit in one experiment", (long long)n);
    SX_TRY(r->ctx, sx_arena_alloc(r->ctx, r->arena, n, sizeof *e->tasks, &e->tasks));
    e->n_tasks = (int)n;
    for (int64_t i = 0; i < n; i++) SX_TRY(r->ctx, load_task(r, e, sx_toml_at(list, i), (int)i));
    return SX_OK;
}

/* -------------------------------------------------------------------------------------------------------------- the whole */

static sx_status load_document(const sx_reader *r, sx_experiment *e) {
    static const char *const known[] = { "title", "seed", "seeds", "units",  "data", "model",
                                         "noise", "task", "sweep", "limits", NULL };
    const sx_toml_node *root = sx_toml_root(e->doc), *node;
    SX_TRY(r->ctx, sx_schema_known(r, root, "the experiment", NULL, 0, known));
    SX_TRY(r->ctx, sx_load_head(r, e, root));
    if ((node = sx_toml_get(root, "sweep")))
        return sx_node_fail(r, node, SX_E_USAGE, "[sweep]: sweeps come with a later version");
    SX_TRY(r->ctx, sx_data_load(r, e, root));
    SX_TRY(r->ctx, load_model(r, e, root));
    SX_TRY(r->ctx, load_noise(r, e, root));
    SX_TRY(r->ctx, load_tasks(r, e, root));
    return SX_OK;
}

/* FNV-1a, 64 bit: tells one experiment from another. */
static uint64_t hash_text(const char *s) {
    uint64_t h = UINT64_C(14695981039346656037);
    for (; *s; s++) h = (h ^ (unsigned char)*s) * UINT64_C(1099511628211);
    return h;
}

sx_status sx_experiment_parse(sx_ctx *ctx, const char *name, const char *directory, const char *text, size_t n,
                              const char *const *set, int n_set, sx_experiment **out) {
    sx_experiment *e = NULL;
    sx_status status = SX_OK;
    char *plain = NULL;
    SX_GO(ctx, status, done, sx_alloc(ctx, 1, sizeof *e, &e));
    SX_GO(ctx, status, done, sx_arena_strdup(ctx, &e->arena, name, &e->name));
    SX_GO(ctx, status, done, sx_arena_strdup(ctx, &e->arena, directory ? directory : ".", &e->directory));
    SX_GO(ctx, status, done, sx_toml_parse(ctx, name, text, n, &e->doc));
    for (int i = 0; i < n_set; i++) SX_GO(ctx, status, done, sx_toml_set(ctx, e->doc, set[i]));
    sx_reader r = { .ctx = ctx, .name = e->name, .arena = &e->arena };
    SX_GO(ctx, status, done, load_document(&r, e));
    SX_GO(ctx, status, done, sx_resolve_text(ctx, e, NULL, true, &e->text));
    SX_GO(ctx, status, done, sx_resolve_text(ctx, e, NULL, false, &plain));
    e->hash = hash_text(plain);
    *out = e;
    e = NULL;
done:
    sx_free(ctx, plain);
    sx_experiment_free(ctx, e);
    return status;
}

sx_status sx_experiment_load(sx_ctx *ctx, const char *path, const char *const *set, int n_set, sx_experiment **out) {
    char *text = NULL, *directory = NULL;
    size_t n = 0;
    sx_status status = SX_OK;
    const char *slash = strrchr(path, '/');
    int length = slash ? (slash == path ? 1 : (int)(slash - path)) : 1;
    SX_GO(ctx, status, done, sx_file_read(ctx, path, 1 << 20, &text, &n));
    SX_GO(ctx, status, done, sx_format(ctx, &directory, "%.*s", length, slash ? path : "."));
    SX_GO(ctx, status, done, sx_experiment_parse(ctx, path, directory, text, n, set, n_set, out));
done:
    sx_free(ctx, directory);
    sx_free(ctx, text);
    return status;
}

void sx_experiment_free(sx_ctx *ctx, sx_experiment *e) {
    if (!e) return;
    sx_free(ctx, e->text);
    sx_toml_free(ctx, e->doc);
    sx_arena_free(ctx, &e->arena);
    sx_free(ctx, e);
}

const char *sx_experiment_title(const sx_experiment *e) {
    return e->title;
}
const char *sx_experiment_text(const sx_experiment *e) {
    return e->text;
}
uint64_t sx_experiment_hash(const sx_experiment *e) {
    return e->hash;
}
int sx_experiment_tasks(const sx_experiment *e) {
    return e->n_tasks;
}
const char *sx_experiment_task_name(const sx_experiment *e, int i) {
    return i >= 0 && i < e->n_tasks ? e->tasks[i].name : NULL;
}
