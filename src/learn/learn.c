// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The task `learn`: a work item is a network that learns; a segment is a number of epochs. Weights go to the result after the epochs of the
 * snapshots, so a run that was interrupted continues with the same bits. */
#include "learn_private.h"

#include <separatrix/hopfield.h>
#include <separatrix/models.h>

#include "core/mutant.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

extern const sx_output sx_learn_outputs[];

#define SEGMENT_FLOPS  1e8
#define MONITOR_VALUES 1000

bool sx_learn_is_free_energy(int rule) {
    return rule == SX_RULE_FREE_ENERGY || rule == SX_RULE_FREE_ENERGY_PRINTED || rule == SX_RULE_NATURAL_GRADIENT;
}
bool sx_learn_needs_start(int rule) {
    return rule == SX_RULE_HOMEOSTATIC || rule == SX_RULE_SYNAPTIC_SCALING;
}
static bool uses_network(int rule) {
    return sx_learn_is_free_energy(rule) || rule == SX_RULE_ANTI_HEBBIAN || rule == SX_RULE_CONTRASTIVE_DIVERGENCE ||
           rule == SX_RULE_EQUILIBRIUM_PROPAGATION || rule == SX_RULE_SYNAPTIC_SCALING;
}
/* W of the model: what `start = "model"` begins with. */
static const sx_coupling *weights_of(const sx_learner *l) {
    const sx_coupling *rate = sx_rate_weights(l->model);
    return l->sampled ? l->parts.weights : rate ? rate : sx_hopfield_weights(l->model);
}
static bool uses_data(int rule) {
    return rule != SX_RULE_ANTI_HEBBIAN && rule != SX_RULE_METRIC && !sx_learn_needs_start(rule);
}

/* Epochs 1 .. epochs, the last included, each once. */
static sx_status choose_snapshots(sx_ctx *ctx, sx_learner *l) {
    int64_t n = l->o.snapshots.n < l->o.epochs ? l->o.snapshots.n : l->o.epochs, before = 0, k = 0;
    SX_TRY(ctx, sx_alloc(ctx, n, sizeof *l->snapshot, &l->snapshot));
    for (int64_t i = 1; i <= n; i++) {
        double f = (double)i / (double)n, last = (double)l->o.epochs;
        double at =
            l->o.snapshots.spacing ? exp(log(last) * (n > 1 ? (double)(i - 1) / (double)(n - 1) : 1)) : f * last;
        int64_t epoch = i == n ? l->o.epochs : (int64_t)floor(at + 0.5);
        if (epoch > before) l->snapshot[k++] = before = epoch;
    }
    l->n_snapshots = k;
    return SX_OK;
}

/* Without random numbers all networks would be the same. */
static bool draws(const sx_learner *l) {
    switch ((sx_rule)l->o.rule) {
    case SX_RULE_HEBB:
    case SX_RULE_PSEUDO_INVERSE:
    case SX_RULE_STORKEY:
    case SX_RULE_HOMEOSTATIC:
    case SX_RULE_METRIC:
        return false;
    case SX_RULE_OJA:
    case SX_RULE_ANTISYMMETRIC:
    case SX_RULE_EQUILIBRIUM_PROPAGATION:
        return l->o.order == 0;
    default:
        return l->o.order == 0 || l->parts.sampler != SX_SAMPLER_DETERMINISTIC;
    }
}

/* Rows of the data, from the numbers of the option. */
static sx_status read_schedule(sx_ctx *ctx, sx_learner *l) {
    const sx_values *v = &l->o.schedule;
    if ((l->o.order == 2) != (v->n > 0))
        return SX_FAIL(ctx, SX_E_USAGE,
                       l->o.order == 2 ? "learn.schedule is missing: order = \"scheduled\" takes rows of the data"
                                       : "learn.schedule: want order = \"scheduled\" with it");
    SX_TRY(ctx, sx_alloc(ctx, v->n, sizeof *l->schedule, &l->schedule));
    for (int64_t k = 0; k < v->n; k++) {
        if (!(v->data[k] >= 0 && v->data[k] < (double)l->patterns && floor(v->data[k]) == v->data[k]))
            return SX_FAIL(ctx, SX_E_USAGE, "learn.schedule[%lld] = %g: want a row of the data, 0 to %lld",
                           (long long)k, v->data[k], (long long)l->patterns - 1);
        l->schedule[k] = (int64_t)v->data[k];
    }
    l->n_schedule = v->n;
    return SX_OK;
}

bool sx_learn_warning(const sx_learner *l, int k, char text[SX_LEARN_WARNING]) {
    const sx_learn_opts *o = &l->o;
    if (!sx_learn_is_free_energy(o->rule)) return false;
    if (k == 0) {
        snprintf(text, SX_LEARN_WARNING,
                 "rate * units = %.3g is above 0.3, where learning may not converge (one step changes a field by about "
                 "rate * |s|^2)",
                 o->rate * (double)l->n);
        return o->rate * (double)l->n > 0.3;
    }
    snprintf(text, SX_LEARN_WARNING,
             "with evidence and an inverse temperature of %g >= 1 the weights have no finite fixed point; they grow "
             "slowly for ever",
             l->beta);
    return l->beta >= 1 && o->evidence != 0;
}

static sx_status check(sx_ctx *ctx, sx_learner *l) {
    const sx_learn_opts *o = &l->o;
    char rule[40];
    (void)sx_choice_name(SX_RULE_CHOICES, o->rule, rule, sizeof rule);
    if (uses_network(o->rule) && !l->sampled)
        return SX_FAIL(ctx, SX_E_UNSUPPORTED,
                       "learn.rule = \"%s\" runs a network of random units ('free-energy', 'ising'); the model is '%s'",
                       rule, sx_model_name(l->model));
    if (uses_data(o->rule) && !o->data.name)
        return SX_FAIL(ctx, SX_E_USAGE, "learn.data is missing: the rule \"%s\" learns patterns", rule);
    if (o->data.name && o->data.columns > 0 && o->data.columns != l->n)
        return SX_FAIL(ctx, SX_E_USAGE, "learn.data: a row of [data.%s] has %lld numbers, but the model has %lld units",
                       o->data.name, (long long)o->data.columns, (long long)l->n);
    if (sx_learn_needs_start(o->rule) && o->start != 1)
        return SX_FAIL(ctx, SX_E_USAGE,
                       "learn.start = \"zero\": the rule \"%s\" scales weights: want start = \"model\"", rule);
    if (o->start == 1 && !weights_of(l))
        return SX_FAIL(ctx, SX_E_UNSUPPORTED, "learn.start = \"model\": the model '%s' has no weights to begin with",
                       sx_model_name(l->model));
    if (o->networks > 1 && !draws(l))
        return SX_FAIL(ctx, SX_E_USAGE,
                       "learn.networks = %lld: nothing is drawn with the rule \"%s\"%s, all networks would be the same",
                       (long long)o->networks, rule, o->order == 0 ? "" : " and this order of presentation");
    if (o->rule == SX_RULE_STORKEY && o->epochs > l->patterns && l->patterns > 0)
        return SX_FAIL(ctx, SX_E_USAGE,
                       "learn.epochs = %lld: the rule \"storkey\" takes each of the %lld patterns once",
                       (long long)o->epochs, (long long)l->patterns);
    for (int k = 0; k < SX_LEARN_WARNINGS; k++) {
        char text[SX_LEARN_WARNING];
        if (sx_learn_warning(l, k, text)) sx_log(ctx, SX_LOG_WARNING, "%s: %s", l->group, text);
    }
    return SX_OK;
}

static sx_status copy(sx_ctx *ctx, const double *from, int64_t n, double **out) {
    SX_TRY(ctx, sx_alloc(ctx, n, sizeof **out, out));
    if (n > 0) memcpy(*out, from, (size_t)n * sizeof **out);
    return SX_OK;
}

static void lay_out(sx_learner *l) {
    int64_t words = 3 * l->records > 0 ? 3 * l->records : 1;
    const struct {
        const char *name;
        sx_dtype dtype;
        int64_t count;
    } parts[SX_LEARN_PARTS] = { { "clock", SX_DT_I64, 8 },
                                { "weights", SX_DT_F64, l->n * l->ld },
                                { "state", SX_DT_F64, l->ld },
                                { "field", SX_DT_F64, l->ld },
                                { "monitor", SX_DT_F64, words } };
    size_t at = 0;
    for (int k = 0; k < SX_LEARN_PARTS; k++) {
        l->sections[k] = (sx_section){ parts[k].name, parts[k].dtype, parts[k].count, at };
        at += ((size_t)parts[k].count * 8 + 63) / 64 * 64;
    }
    l->n_sections = SX_LEARN_PARTS;
    l->state_bytes = at;
}

static sx_status prepare(sx_ctx *ctx, sx_learner *l, sx_plan *plan) {
    const sx_learn_opts *o = &l->o;
    l->n = sx_model_n(l->model);
    l->ld = sx_learn_row(l->n);
    l->k = sx_kernels_get(NULL);
    l->sampled = sx_sampler_parts_of(l->model, &l->parts);
    l->beta = o->inverse_temperature > 0 ? o->inverse_temperature : l->sampled ? l->parts.inverse_temperature : 1;
    l->patterns = o->data.rows;
    SX_TRY(ctx, check(ctx, l));
    SX_TRY(ctx, read_schedule(ctx, l));
    SX_TRY(ctx, copy(ctx, o->data.x, l->patterns * l->n, &l->x));
    SX_TRY(ctx, sx_alloc(ctx, l->ld, sizeof *l->bias, &l->bias));
    if (l->sampled) memcpy(l->bias, l->parts.bias, (size_t)l->n * sizeof *l->bias);
    if (o->start == 1) {
        SX_TRY(ctx, sx_alloc(ctx, l->n * l->n, sizeof *l->first, &l->first));
        sx_coupling_add_to_dense(weights_of(l), 1, NULL, l->first);
    }
    if ((o->rule == SX_RULE_HEBB || o->rule == SX_RULE_PSEUDO_INVERSE) && l->patterns > 0)
        SX_TRY(ctx, sx_learn_target(ctx, l));
    if (o->rule == SX_RULE_METRIC) SX_TRY(ctx, sx_learn_hessian(ctx, l));
    if (o->rule == SX_RULE_EQUILIBRIUM_PROPAGATION) SX_TRY(ctx, sx_learn_units(ctx, l));
    SX_TRY(ctx, choose_snapshots(ctx, l));
    bool equilibrium = o->rule == SX_RULE_EQUILIBRIUM_PROPAGATION;
    bool monitored = sx_learn_is_free_energy(o->rule) || equilibrium;
    int64_t total = equilibrium ? o->epochs : o->epochs * o->steps;
    l->every = o->monitor > 0 ? o->monitor : total > MONITOR_VALUES ? total / MONITOR_VALUES : 1;
    l->records = monitored ? total / l->every : 0;
    lay_out(l);
    double n = (double)l->n, epoch = (uses_network(o->rule) ? (double)o->steps : 1) * (4 * n * n + 100 * n);
    if (o->rule == SX_RULE_HOMEOSTATIC) epoch = 25 * n * n * n;
    l->segment = o->segment_ > 0 ? o->segment_ : epoch > SEGMENT_FLOPS ? 1 : (int64_t)(SEGMENT_FLOPS / epoch);
    int64_t weights = 8 * l->n * l->n * l->n_snapshots;
    double networks = (double)o->networks;
    weights *= o->networks;
    if (l->patterns <= SX_LEARN_KEPT) weights += 8 * l->patterns * l->n;
    *plan = (sx_plan){ .n_items = o->networks,
                       .state_bytes = l->state_bytes,
                       .sections = l->sections,
                       .n_sections = l->n_sections,
                       .scratch_bytes = (size_t)sx_learn_scratch(l) * 8,
                       .shared_bytes = (size_t)(l->patterns * l->n + (l->target ? 2 : 1) * l->n * l->n) * 8,
                       .result_bytes = 24 * l->records,
                       .disk_bytes = 2 * weights + 24 * l->records + 4 * o->networks * (int64_t)l->state_bytes,
                       .flops = epoch * (double)o->epochs * networks,
                       .segments = ceil((double)o->epochs / (double)l->segment) };
    return SX_OK;
}

static void close_learner(sx_ctx *ctx, void *instance) {
    sx_learner *l = instance;
    if (!l) return;
    sx_model_free(ctx, l->model);
    sx_free(ctx, l->group);
    sx_free(ctx, l->x);
    sx_free(ctx, l->bias);
    sx_free(ctx, l->schedule);
    sx_free(ctx, l->target);
    sx_free(ctx, l->first);
    sx_free(ctx, l->snapshot);
    sx_free(ctx, l);
}

static sx_status open_learner(sx_ctx *ctx, const sx_model *m, const void *opts, sx_key key, const char *group,
                              void **instance, sx_plan *plan) {
    const sx_learn_opts *o = opts;
    sx_learner *l = NULL;
    sx_status status;
    if (o->struct_size != sizeof *o)
        return SX_FAIL(ctx, SX_E_USAGE, "learn: options are not initialised (sx_fields_default and struct_size)");
    SX_TRY(ctx, sx_fields_check(ctx, sx_learn_fields, o, "learn"));
    SX_TRY(ctx, sx_alloc(ctx, 1, sizeof *l, &l));
    l->o = *o;
    l->model = sx_model_ref(m);
    l->key = key;
    SX_GO(ctx, status, fail, sx_strdup(ctx, group, &l->group));
    SX_GO(ctx, status, fail, prepare(ctx, l, plan));
    *instance = l;
    return SX_OK;
fail:
    close_learner(ctx, l);
    return status;
}

sx_learner sx_learn_network(const sx_learner *l, int64_t network) {
    sx_learner one = *l;
    one.key_order = sx_key_derive(l->key, "order", (uint64_t)network);
    one.key_draw = sx_key_derive(l->key, "draw", SX_MUTANT(learn_networks) ? 0 : (uint64_t)network);
    one.key_free = sx_key_derive(l->key, "free", (uint64_t)network);
    return one;
}

static sx_status start(sx_ctx *ctx, const void *instance, int64_t item, void *state) {
    const sx_learner *l = instance;
    (void)ctx, (void)item;
    double *J = sx_learn_at(l, state, SX_LEARN_WEIGHTS);
    for (int64_t i = 0; l->o.rule == SX_RULE_METRIC && i < l->n; i++) J[i * l->ld + i] = 1;
    for (int64_t i = 0; l->first && i < l->n; i++) memcpy(J + i * l->ld, l->first + i * l->n, (size_t)l->n * sizeof *J);
    return SX_OK;
}

/* Snapshot k of a network. */
static sx_status keep(sx_ctx *ctx, const sx_learner *l, const void *state, int64_t network, int64_t k,
                      sx_result *result) {
    const double *J = sx_learn_at(l, state, SX_LEARN_WEIGHTS);
    for (int64_t i = 0; i < l->n; i++) {
        const int64_t at[] = { network, k, i, 0 }, count[] = { 1, 1, 1, l->n };
        const int first = l->o.networks > 1 ? 0 : 1;
        SX_TRY(ctx, sx_result_write(ctx, result, l->id_weights, at + first, count + first, J + i * l->ld));
    }
    return SX_OK;
}

static sx_status advance(sx_ctx *ctx, const void *instance, int64_t item, void *state, void *scratch,
                         const sx_exec *exec, sx_result *result, bool *done, double *fraction) {
    const sx_learner *l = instance, one = sx_learn_network(l, item);
    int64_t *clock = sx_learn_at(l, state, SX_LEARN_CLOCK);
    const double *J = sx_learn_at(l, state, SX_LEARN_WEIGHTS);
    (void)exec;
    for (int64_t e = 0; e < l->segment && clock[0] < l->o.epochs; e++) {
        SX_TRY(ctx, sx_learn_epoch(ctx, &one, state, scratch));
        for (int64_t k = 0; k < l->n_snapshots; k++)
            if (l->snapshot[k] == clock[0]) SX_TRY(ctx, keep(ctx, l, state, item, k, result));
    }
    if (l->k->nonfinite(l->n * l->ld, J))
        return SX_FAIL(ctx, SX_E_NUMERIC,
                       "learn: the weights are not finite after %lld epochs; the rate %g is too large",
                       (long long)clock[0], l->o.rate);
    *done = clock[0] >= l->o.epochs;
    *fraction = (double)clock[0] / (double)l->o.epochs;
    return SX_OK;
}

static const char example[] = "title = \"Four patterns in a network of continuous units\"\n"
                              "seed = 1\n"
                              "\n"
                              "[data.patterns]\n"
                              "values = [[1, 1, 1, 1, -1, -1, -1, -1], [1, 1, -1, -1, 1, 1, -1, -1]]\n"
                              "\n"
                              "[model]\n"
                              "kind = \"free-energy\"\n"
                              "n = 8\n"
                              "\n"
                              "[noise]\n"
                              "kind = \"none\"\n"
                              "\n"
                              "[[task]]\n"
                              "name = \"train\"\n"
                              "do = \"learn\"\n"
                              "data = \"patterns\"\n"
                              "rate = 0.01\n"
                              "evidence = 5.0\n"
                              "inverse_temperature = 0.3\n"
                              "epochs = 500\n"
                              "steps = 10\n"
                              "snapshots = { n = 10, spacing = \"log\" }\n";

const sx_task_ops sx_learn_task = {
    .abi = SX_TASK_ABI,
    .struct_size = sizeof(sx_task_ops),
    .name = "learn",
    .title = "Learning",
    .help = "Weights from data by a local rule, in presentations of patterns; snapshots of the weights for other "
            "tasks, free energy along the "
            "way, the attractors that were formed.",
    .fields = sx_learn_fields,
    .opts_size = sizeof(sx_learn_opts),
    .outputs = sx_learn_outputs,
    .needs = "F",
    .example = example,
    .open = open_learner,
    .define = sx_learn_define,
    .start = start,
    .advance = advance,
    .finish = sx_learn_finish,
    .close = close_learner,
};
