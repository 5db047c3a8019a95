// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Building: couplings, then the model in their order of units, its noise, the options of the tasks. */
#include "experiment/build.h"
#include "experiment/cells.h"
#include "experiment/couple.h"
#include "experiment/data.h"
#include "experiment/equations_model.h"
#include "experiment/plugins.h"

#include <separatrix/attention.h>
#include <separatrix/reentry.h>
#include <separatrix/hopfield.h>
#include <separatrix/samplers.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---------------------------------------------------------------------------------------------------------------- couplings */

enum { W, L }; /* the two places of a model: synaptic and diffusive, or potential and flow */

/* Sum of the couplings of one place; NULL when there is none. */
static sx_status sum_parts(sx_ctx *ctx, const sx_experiment *e, const sx_coupled *all, const int *place, int which,
                           sx_coupling **out) {
    sx_status status = SX_OK;
    const sx_coupling **part = NULL;
    double *scale = NULL;
    int n = 0;
    *out = NULL;
    SX_GO(ctx, status, done, sx_alloc(ctx, e->n_couplings, sizeof *part, &part));
    SX_GO(ctx, status, done, sx_alloc(ctx, e->n_couplings, sizeof *scale, &scale));
    for (int i = 0; i < e->n_couplings; i++)
        if (place[i] == which) {
            scale[n] = 1;
            part[n++] = all[i].w;
        }
    if (n == 1) *out = sx_coupling_ref(part[0]);
    if (n > 1) SX_GO(ctx, status, done, sx_coupling_sum(ctx, n, part, scale, out));
done:
    sx_free(ctx, (void *)part);
    sx_free(ctx, scale);
    return status;
}

/* Places of the couplings of a composed model: W serves the hopfield potential and the activation flow, A the other flows. */
static sx_status place_composed(const sx_reader *r, const sx_experiment *e, const sx_composed_opts *o, int *place) {
    bool potential = o->potential == SX_POTENTIAL_HOPFIELD || o->flow == SX_FLOW_ACTIVATION;
    bool flow = o->flow == SX_FLOW_ANTISYMMETRIC || o->flow == SX_FLOW_GRADIENT;
    for (int i = 0; i < e->n_couplings; i++) {
        const sx_coupling_spec *c = &e->couplings[i];
        const char *name = c->name;
        if (c->part == 0 && potential && flow)
            return sx_node_fail(r, c->node, SX_E_USAGE,
                                "coupling '%s': both potential and flow of this model have couplings; say part = "
                                "\"potential\" or \"flow\"",
                                name);
        if (c->part == 0 && !potential && !flow)
            return sx_node_fail(r, c->node, SX_E_USAGE,
                                "coupling '%s': neither potential nor flow of this model has a coupling", name);
        if ((c->part == 1 && !potential) || (c->part == 2 && !flow && o->flow != SX_FLOW_ACTIVATION))
            return sx_node_fail(r, sx_toml_get(c->node, "part"), SX_E_USAGE,
                                "coupling '%s': the %s of this model has no coupling", name,
                                c->part == 1 ? "potential" : "flow");
        bool to_flow = c->part == 2 ? flow : c->part == 0 && flow;
        place[i] = to_flow ? L : W;
    }
    return SX_OK;
}

static sx_status describe_couplings(sx_ctx *ctx, const sx_experiment *e, const sx_coupled *all, char **out) {
    sx_buf t = { 0 };
    for (int i = 0; i < e->n_couplings; i++) {
        const sx_coupling_spec *c = &e->couplings[i];
        const sx_coupling *w = all[i].w;
        static const char *const forms[] = { "dense", "sparse", "low rank", "sum" };
        sx_buf_add(ctx, &t, "%s: %lld x %lld %s, %lld nonzero", c->name, (long long)sx_coupling_rows(w),
                   (long long)sx_coupling_columns(w), forms[sx_coupling_form_of(w)],
                   (long long)sx_coupling_nonzeros(w));
        if (c->type == 1) sx_buf_add(ctx, &t, ", diffusive");
        if (sx_coupling_rows(w) <= 2000) {
            double radius;
            sx_status s = sx_coupling_spectral_radius(ctx, w, &radius);
            if (s < 0) {
                sx_free(ctx, t.p);
                return s;
            }
            sx_buf_add(ctx, &t, ", spectral radius %.6g", radius);
        }
        if (!isnan(all[i].radius)) sx_buf_add(ctx, &t, " (%.6g as read)", all[i].radius);
        sx_buf_add(ctx, &t, "\n");
    }
    if (t.status < 0) {
        sx_free(ctx, t.p);
        return t.status;
    }
    *out = t.p;
    return SX_OK;
}

/* -------------------------------------------------------------------------------------------------------------------- model */

static sx_status create_model(const sx_reader *r, const sx_experiment *e, const void *opts, const sx_coupled *all,
                              sx_model **out, sx_values *tau) {
    sx_ctx *ctx = r->ctx;
    sx_status status = SX_OK;
    sx_coupling *w = NULL, *l = NULL, *laplacian = NULL, *sum = NULL;
    sx_input input;
    const sx_input *in = NULL;
    const char *const *labels = r->bind->labels;
    const char *kind = e->info->kind;
    bool composed = strcmp(kind, "composed") == 0;
    int *place = NULL;
    SX_GO(ctx, status, done, sx_alloc(ctx, e->n_couplings, sizeof *place, &place));
    for (int i = 0; i < e->n_couplings; i++) place[i] = e->couplings[i].type == 1 ? L : W;
    if (composed) SX_GO(ctx, status, done, place_composed(r, e, opts, place));
    SX_GO(ctx, status, done, sum_parts(ctx, e, all, place, W, &w));
    SX_GO(ctx, status, done, sum_parts(ctx, e, all, place, L, &l));
    if (l && !composed) SX_GO(ctx, status, done, sx_coupling_diffusive(ctx, l, &laplacian));
    if (e->input) {
        SX_GO(ctx, status, done, sx_load_input(r, e, &input));
        in = &input;
    }
    if (strcmp(kind, "linear") == 0) {
        const sx_coupling *both[] = { w, laplacian };
        const double one[] = { 1, 1 };
        if (w && laplacian) SX_GO(ctx, status, done, sx_coupling_sum(ctx, 2, both, one, &sum));
        SX_GO(ctx, status, done, sx_linear_create(ctx, opts, sum ? sum : w ? w : laplacian, labels, out));
    } else if (strcmp(kind, "rate") == 0) {
        SX_GO(ctx, status, done, sx_rate_create(ctx, opts, w, laplacian, in, labels, out));
        *tau = ((const sx_rate_opts *)opts)->tau;
    } else if (composed) {
        SX_GO(ctx, status, done, sx_composed_create(ctx, opts, w, l, labels, out));
        *tau = ((const sx_composed_opts *)opts)->tau;
    } else if (strcmp(kind, "free-energy") == 0) {
        SX_GO(ctx, status, done, sx_free_energy_create(ctx, opts, w, labels, out));
    } else if (strcmp(kind, "reentry") == 0) {
        SX_GO(ctx, status, done, sx_reentry_create(ctx, opts, w, labels, out));
    } else if (strcmp(kind, "attention") == 0) {
        SX_GO(ctx, status, done, sx_attention_create(ctx, opts, labels, out));
    } else if (strcmp(kind, "ising") == 0) {
        SX_GO(ctx, status, done, sx_ising_create(ctx, opts, w, labels, out));
    } else if (strcmp(kind, "hopfield") == 0 && !l) {
        SX_GO(ctx, status, done, sx_hopfield_create(ctx, opts, w, labels, out));
        *tau = ((const sx_hopfield_opts *)opts)->tau;
    } else if (strcmp(kind, "dense-hopfield") == 0 && !l && !w) {
        SX_GO(ctx, status, done, sx_dense_hopfield_create(ctx, opts, labels, out));
        *tau = ((const sx_dense_hopfield_opts *)opts)->tau;
    } else if (strcmp(kind, "hopfield") == 0 || strcmp(kind, "dense-hopfield") == 0) {
        status = sx_node_fail(r, e->couplings[0].node, SX_E_USAGE,
                              l ? "models of kind '%s' have no diffusive coupling"
                                : "models of kind '%s' have no coupling; their patterns stand in 'data' or 'keys'",
                              kind);
    } else if (strcmp(kind, "cell") == 0) {
        SX_GO(ctx, status, done, sx_cell_build(r, e, opts, in, out));
    } else if (sx_equations_is(e)) {
        SX_GO(ctx, status, done, sx_equations_build(r, e, opts, out));
    } else if (sx_plugins_is(e)) {
        SX_GO(ctx, status, done, sx_plugins_build(r, e, opts, out));
        r->bind->derivatives = sx_plugin_derivatives(*out); /* its data live as long as the model with its noise */
    } else {
        status = SX_FAIL(ctx, SX_E_INTERNAL, "no builder for model kind '%s'", kind);
    }
done:
    sx_coupling_free(ctx, sum);
    sx_coupling_free(ctx, laplacian);
    sx_coupling_free(ctx, l);
    sx_coupling_free(ctx, w);
    sx_free(ctx, place);
    return status;
}

/* A message of a model or noise names its options; the section says where they stand. Messages with a place stay as they are. */
static sx_status at_section(const sx_reader *r, const sx_toml_node *section, const char *name, sx_status status) {
    size_t n = strlen(r->name);
    const char *message = sx_ctx_message(r->ctx);
    bool placed = strncmp(message, r->name, n) == 0 && message[n] == ':';
    if (!placed && strncmp(message, "--set", 5) != 0)
        (void)sx_fail_prefix(r->ctx, "%s: [%s]", section ? sx_toml_origin(section) : r->name, name);
    return status;
}

static sx_status build_model(const sx_reader *r, const sx_experiment *e, const sx_coupled *all, sx_model **out) {
    sx_ctx *ctx = r->ctx;
    sx_status status = SX_OK;
    void *opts = NULL;
    sx_model *bare = NULL;
    sx_values tau = { 0, NULL };
    sx_noise_opts noise;
    const sx_toml_node *n = sx_toml_get(e->model, "n");
    if (n && sx_toml_type_of(n) == SX_TOML_INTEGER && sx_toml_integer(n) > 0) {
        if (r->bind->n >= 0 && r->bind->n != sx_toml_integer(n))
            return sx_node_fail(r, n, SX_E_USAGE, "n = %lld, but the coupling has %lld units",
                                (long long)sx_toml_integer(n), (long long)r->bind->n);
        r->bind->n = sx_toml_integer(n);
    }
    SX_GO(ctx, status, done, sx_load_model(r, e, &opts));
    status = create_model(r, e, opts, all, &bare, &tau);
    if (status < 0) {
        status = at_section(r, e->model, "model", status);
        goto done;
    }
    r->bind->n = sx_model_n(bare);
    SX_GO(ctx, status, done, sx_load_noise(r, e, &noise));
    sx_model *with = NULL; /* noise from expressions */
    if (sx_equations_is(e)) SX_GO(ctx, status, done, sx_equations_noise_build(r, e, bare, &noise, &with));
    if (with)
        *out = with;
    else
        status = sx_noise_attach(ctx, bare, &noise, tau, out);
    if (status < 0) {
        status = at_section(r, e->noise, "noise", status);
        goto done;
    }
    r->bind->state = sx_model_n(*out);
    r->bind->model = *out;
done:
    sx_model_free(ctx, bare);
    return status;
}

/* -------------------------------------------------------------------------------------------------------------------- whole */

sx_key sx_build_key(const sx_experiment *e, int i) {
    return sx_key_derive(sx_key_seed(e->seeds[SX_SEED_NOISE]), e->tasks[i].name, 0);
}

static sx_status build_tasks(sx_reader *r, const sx_experiment *e, sx_build *b) {
    const sx_layout *layout = sx_model_layout(b->model);
    SX_TRY(r->ctx, sx_arena_alloc(r->ctx, &b->arena, e->n_tasks, sizeof *b->task_opts, &b->task_opts));
    for (int i = 0; i < e->n_tasks; i++) {
        const char *name = e->tasks[i].name;
        for (int k = 0; k < layout->n_arrays; k++) {
            char label[80];
            snprintf(label, sizeof label, "%s_label", layout->arrays[k].dim);
            if (strcmp(name, layout->arrays[k].dim) == 0 || strcmp(name, label) == 0)
                return sx_node_fail(r, e->tasks[i].node, SX_E_USAGE,
                                    "a task cannot be called '%s': the result has a variable of that name", name);
        }
        b->bind.initial = sx_key_derive(sx_key_seed(e->seeds[SX_SEED_INITIAL]), name, 0);
        SX_TRY(r->ctx, sx_load_task(r, e, i, &b->task_opts[i]));
    }
    return SX_OK;
}

/* FNV-1a step over a text. */
static uint64_t add_text(uint64_t h, const char *s) {
    for (; *s; s++) h = (h ^ (unsigned char)*s) * UINT64_C(1099511628211);
    return h;
}

sx_status sx_build_create(sx_ctx *ctx, const sx_experiment *e, bool survey, sx_build *b) {
    sx_status status = SX_OK;
    sx_coupled *all = NULL;
    size_t before = sx_ctx_bytes(ctx);
    memset(b, 0, sizeof *b);
    b->bind = (sx_binding){ .directory = e->directory, .n = -1, .state = -1, .files = e->hash };
    sx_reader r = { .ctx = ctx, .name = e->name, .arena = &b->arena, .bind = &b->bind };
    SX_GO(ctx, status, done, sx_alloc(ctx, e->n_couplings, sizeof *all, &all));
    SX_GO(ctx, status, done, sx_data_build(&r, e)); /* models may take patterns from it */
    SX_GO(ctx, status, done, sx_couple_all(&r, e, all));
    SX_GO(ctx, status, done, build_model(&r, e, all, &b->model));
    if (survey) SX_GO(ctx, status, done, describe_couplings(ctx, e, all, &b->couplings));
    SX_GO(ctx, status, done, build_tasks(&r, e, b));
    b->hash = add_text(add_text(b->bind.files, sx_version()), sx_revision());
    b->model_bytes = (int64_t)sx_ctx_bytes(ctx) - (int64_t)before;
done:
    for (int i = 0; all && i < e->n_couplings; i++) sx_coupling_free(ctx, all[i].w);
    sx_free(ctx, all);
    if (status < 0) sx_build_free(ctx, b);
    return status;
}

/* Whether the text of a task names another. */
static bool refers(const sx_toml_node *node, const sx_field *fields) {
    for (const sx_field *f = fields; f && f->name; f++) {
        const sx_toml_node *given = sx_toml_get(node, f->name);
        bool points = f->type == SX_POINTS, table = given && sx_toml_type_of(given) == SX_TOML_TABLE;
        if (!given) continue;
        if (points || (f->type == SX_INITIAL && table && sx_toml_get(given, "task"))) return true;
        if (f->type == SX_TABLE && table && refers(given, f->sub)) return true;
    }
    return false;
}

/* Points that are no longer there although they were referred to. */
static const char *nothing_found(const void *opts, const sx_field *fields) {
    for (const sx_field *f = fields; f && f->name; f++) {
        const unsigned char *at = (const unsigned char *)opts + f->offset;
        if (f->type == SX_POINTS) {
            sx_points p;
            memcpy(&p, at, sizeof p);
            if (p.task && p.n == 0 && !p.random) return p.task;
        }
        const char *inner = f->type == SX_TABLE ? nothing_found(at, f->sub) : NULL;
        if (inner) return inner;
    }
    return NULL;
}

static void free_learned(sx_ctx *ctx, sx_build *b) {
    for (int64_t k = 0; k < b->n_learned; k++) sx_model_free(ctx, b->learned[k]);
    sx_free(ctx, b->learned);
    b->learned = NULL;
    b->n_learned = 0;
}

/* The model with the weights of the snapshots that the task asks for. */
static sx_status learn_models(sx_ctx *ctx, const sx_experiment *e, sx_build *b, const sx_task_spec *t,
                              const sx_result *results) {
    int64_t shape[8], n = b->bind.state;
    const char *dims[8];
    double *w = NULL;
    sx_status status = SX_OK;
    sx_reader r = { .ctx = ctx, .name = e->name, .arena = &b->arena, .bind = &b->bind };
    const sx_toml_node *node = sx_toml_get(t->node, "model");
    int id = sx_result_find(results, t->learned, "weights");
    int n_dims = id < 0 ? 0 : sx_result_shape(results, id, shape, dims), of = n_dims == 4; /* of: networks come first */
    if (n_dims < 3 || shape[of] < 1)
        return sx_node_fail(&r, node, SX_E_USAGE, "task '%s' has learned no weights", t->learned);
    const int64_t networks = of ? shape[0] : 1, snapshots = shape[of];
    if (t->network >= networks)
        return sx_node_fail(&r, node, SX_E_USAGE, "network %lld: task '%s' has %lld (0 to %lld)", (long long)t->network,
                            t->learned, (long long)networks, (long long)networks - 1);
    if (t->snapshot >= snapshots)
        return sx_node_fail(&r, node, SX_E_USAGE, "snapshot %lld: task '%s' has %lld (0 to %lld)",
                            (long long)t->snapshot, t->learned, (long long)snapshots, (long long)snapshots - 1);
    bool all = t->snapshot == SX_SNAPSHOT_ALL;
    int64_t first = all                               ? 0
                    : t->snapshot == SX_SNAPSHOT_LAST ? snapshots - 1
                                                      : t->snapshot,
            count = all ? snapshots : 1;
    SX_GO(ctx, status, done, sx_alloc(ctx, count, sizeof(sx_model *), &b->learned));
    SX_GO(ctx, status, done, sx_alloc(ctx, n * n, sizeof *w, &w));
    for (int64_t k = 0; k < count; k++) {
        const int64_t start[] = { t->network, first + k, 0, 0 }, size[] = { 1, 1, n, n };
        sx_coupling *coupling = NULL;
        SX_GO(ctx, status, done, sx_result_read(ctx, results, id, start + !of, size + !of, w));
        SX_GO(ctx, status, done, sx_coupling_dense(ctx, n, n, w, &coupling));
        status = sx_model_with_weights(ctx, b->model, coupling, &b->learned[k]);
        sx_coupling_free(ctx, coupling);
        if (status < 0) {
            status = sx_node_prefix(&r, node, status);
            goto done;
        }
        b->n_learned = k + 1;
    }
done:
    sx_free(ctx, w);
    return status;
}

/* Every point once per snapshot: snapshot after snapshot. */
static sx_status spread_points(sx_ctx *ctx, sx_build *b, sx_points *p) {
    int64_t n = sx_points_count(p), size = b->bind.state, total = n * b->n_learned;
    double *x, *input = NULL;
    int64_t *index;
    const sx_model **models;
    SX_TRY(ctx, sx_arena_alloc(ctx, &b->arena, total * size, sizeof *x, &x));
    SX_TRY(ctx, sx_arena_alloc(ctx, &b->arena, total, sizeof *index, &index));
    SX_TRY(ctx, sx_arena_alloc(ctx, &b->arena, total, sizeof(sx_model *), &models));
    for (int64_t s = 0; s < b->n_learned; s++)
        for (int64_t k = 0; k < n; k++) {
            if (p->n > 0) memcpy(x + (s * n + k) * size, p->x + k * size, (size_t)size * sizeof *x);
            index[s * n + k] = p->n > 0 && p->index ? p->index[k] : k;
            models[s * n + k] = b->learned[s];
        }
    p->n = total;
    p->size = size;
    p->x = x;
    p->index = index;
    p->input = input;
    p->models = models;
    return SX_OK;
}

sx_status sx_build_follow(sx_ctx *ctx, const sx_experiment *e, sx_build *b, int i, const sx_result *results,
                          sx_followed *out) {
    const sx_task_spec *t = &e->tasks[i];
    sx_reader r = { .ctx = ctx, .name = e->name, .arena = &b->arena, .bind = &b->bind };
    *out = (sx_followed){ .model = b->model };
    free_learned(ctx, b);
    if (refers(t->node, t->ops->fields)) {
        b->bind.results = results;
        b->bind.initial = sx_key_derive(sx_key_seed(e->seeds[SX_SEED_INITIAL]), t->name, 0);
        sx_status status = sx_load_task(&r, e, i, &b->task_opts[i]);
        b->bind.results = NULL;
        if (status < 0) return status;
        out->nothing = nothing_found(b->task_opts[i], t->ops->fields);
    }
    if (!t->learned || out->nothing) return SX_OK;
    SX_TRY(ctx, learn_models(ctx, e, b, t, results));
    out->model = b->learned[b->n_learned - 1];
    if (t->snapshot != SX_SNAPSHOT_ALL) return SX_OK;
    out->snapshots = b->n_learned;
    for (const sx_field *f = t->ops->fields; f->name; f++) {
        if (f->type != SX_POINTS) continue;
        void *at = (unsigned char *)b->task_opts[i] + f->offset;
        sx_points p;
        memcpy(&p, at, sizeof p);
        if (p.input)
            return sx_node_fail(&r, sx_toml_get(t->node, "model"), SX_E_USAGE,
                                "snapshot = \"all\": points with inputs of their own cannot be combined with it");
        SX_TRY(ctx, spread_points(ctx, b, &p));
        memcpy(at, &p, sizeof p);
        break;
    }
    return SX_OK;
}

void sx_build_free(sx_ctx *ctx, sx_build *b) {
    free_learned(ctx, b);
    sx_model_free(ctx, b->model);
    sx_equations_free(ctx, b->bind.equations);
    sx_free(ctx, b->couplings);
    sx_arena_free(ctx, &b->arena);
    memset(b, 0, sizeof *b);
}

sx_status sx_experiment_model(sx_ctx *ctx, const sx_experiment *e, sx_model **out) {
    sx_build b;
    SX_TRY(ctx, sx_build_create(ctx, e, false, &b));
    *out = sx_model_ref(b.model);
    sx_build_free(ctx, &b);
    return SX_OK;
}
