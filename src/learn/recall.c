// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The task `recall`. A trial presents o = strength * pattern with noise as evidence and averages the state; its success is the squared correlation
 * with o, beside that of the cue itself. Without evidence the state is labelled by the pattern it correlates with most, and the steps from one label
 * to another are counted. Measures of Spisak & Friston, arXiv 2505.22749 (Simulations 2 and 3). Trials are
 * independent work items, or, where each begins in the state that the one before has left, one item. Flows and maps begin at the cue and take no evidence. */
#include <separatrix/recall.h>

#include "recall_private.h"

#include "core/mutant.h"

#include <math.h>
#include <string.h>

extern const sx_output sx_recall_outputs[];

int64_t sx_recall_pattern(const sx_recall *q, int64_t trial) {
    double u[2];
    if (q->o.order == 0) return trial % q->patterns;
    q->l.k->uniform(q->key_cue, (uint64_t)trial, SX_SLOT_USER + 1, 0, 2, 1, u);
    return (int64_t)(u[0] * (double)q->patterns);
}

/* -- life --------------------------------------------------------------------------------------------------------------------------- */

/* J as rows of l.ld numbers. */
static sx_status read_weights(sx_ctx *ctx, sx_recall *q) {
    const int64_t n = q->l.n, ld = q->l.ld;
    double *dense = NULL;
    sx_status status;
    q->h = 1;
    SX_GO(ctx, status, done, sx_alloc(ctx, n * ld, sizeof *q->J, &q->J));
    SX_GO(ctx, status, done, sx_alloc(ctx, n * n, sizeof *dense, &dense));
    if (q->l.parts.weights) sx_coupling_add_to_dense(q->l.parts.weights, 1, NULL, dense);
    for (int64_t i = 0; i < n; i++) memcpy(q->J + i * ld, dense + i * n, (size_t)n * sizeof *dense);
done:
    sx_free(ctx, dense);
    return status;
}

/* Flows and maps. The step of flows, if left out: 0.05 over the spectral radius of the Jacobian at the first pattern. */
static sx_status make_stepper(sx_ctx *ctx, sx_recall *q) {
    const sx_model *m = q->l.model;
    const bool flow = sx_model_kind(m) != SX_MAP && sx_model_kind(m) != SX_SAMPLER;
    double *x = NULL, radius = 0;
    sx_status status = SX_OK;
    if (!flow && q->o.dt > 0)
        return SX_FAIL(ctx, SX_E_USAGE, "recall.dt = %g: '%s' is a map, which has no time step", q->o.dt,
                       sx_model_name(m));
    q->h = flow ? q->o.dt : 1;
    if (flow && !(q->h > 0)) {
        SX_TRY(ctx, sx_alloc(ctx, q->l.n, sizeof *x, &x));
        for (int64_t i = 0; i < q->l.n; i++) x[i] = q->o.strength * q->x[i];
        status = sx_model_stiffness(ctx, m, x, &radius);
        sx_free(ctx, x);
        SX_TRY(ctx, status);
        q->h = radius > 0 ? 0.05 / radius : 0.05;
    }
    SX_TRY(ctx, sx_stepper_create(ctx, m, SX_METHOD_AUTO, q->h, 1e-6, 1e-9, &q->stepper));
    q->stepper_work = sx_stepper_work(q->stepper, 1);
    return SX_OK;
}

static sx_status prepare(sx_ctx *ctx, sx_recall *q, sx_plan *plan) {
    sx_learner *l = &q->l;
    const sx_recall_opts *o = &q->o;
    const int64_t n = sx_model_n(l->model);
    const bool network = sx_sampler_parts_of(l->model, &l->parts);
    if (o->data.columns > 0 && o->data.columns != n)
        return SX_FAIL(ctx, SX_E_USAGE,
                       "recall.data: a row of [data.%s] has %lld numbers, but the model has %lld units", o->data.name,
                       (long long)o->data.columns, (long long)n);
    const int64_t burn = o->burn_in >= 0 ? o->burn_in : network ? 0 : o->steps - 1;
    if (burn >= o->steps)
        return SX_FAIL(ctx, SX_E_USAGE, "recall.burn_in = %lld: want fewer than the %lld steps of a trial",
                       (long long)burn, (long long)o->steps);
    q->o.burn_in = burn;
    if (o->mode == SX_RECALL_RETAIN && o->start != 0)
        return SX_FAIL(ctx, SX_E_USAGE, "recall.start: the mode \"retain\" always begins at the cue");
    if (o->mode == SX_RECALL_REPLAY && o->start == 2)
        return SX_FAIL(
            ctx, SX_E_USAGE,
            "recall.start = \"previous\": the mode \"replay\" begins at random (\"zero\") or at the \"cue\"");
    if (network && o->dt > 0)
        return SX_FAIL(ctx, SX_E_USAGE, "recall.dt = %g: '%s' is a network of random units, which has no time step",
                       o->dt, sx_model_name(l->model));
    if (!network && (o->sampler > 0 || o->inverse_temperature > 0 || o->start != 0))
        return SX_FAIL(ctx, SX_E_USAGE,
                       "recall.%s: for networks of random units ('free-energy', 'ising'); the model is '%s'",
                       o->sampler > 0  ? "sampler"
                       : o->start != 0 ? "start"
                                       : "inverse_temperature",
                       sx_model_name(l->model));
    if (o->sampler > 0) l->parts.sampler = (sx_sampler)(o->sampler - 1);
    l->n = n;
    l->ld = sx_learn_row(n);
    l->k = sx_kernels_get(NULL);
    q->beta = o->inverse_temperature > 0 ? o->inverse_temperature : l->parts.inverse_temperature;
    q->patterns = o->data.rows > 0 ? o->data.rows : 1;
    SX_TRY(ctx, sx_alloc(ctx, q->patterns * n, sizeof *q->x, &q->x));
    if (o->data.rows > 0) memcpy(q->x, o->data.x, (size_t)(q->patterns * n) * sizeof *q->x);
    SX_TRY(ctx, network ? read_weights(ctx, q) : make_stepper(ctx, q));
    int64_t counts = o->mode == SX_RECALL_REPLAY ? q->patterns * q->patterns + 2 : 1;
    q->chain = o->start == 2 ? o->trials : 1;
    int64_t rows;
    SX_TRY(ctx, sx_mul_size(ctx, q->chain, l->ld, &rows));
    q->every = (o->steps + SX_RECALL_RECORDS - 1) / SX_RECALL_RECORDS;
    q->n_record = o->steps / q->every;
    const int64_t sizes[SX_RECALL_PARTS] = { 8, rows, l->ld, rows, counts, q->chain * q->n_record };
    static const char *const names[SX_RECALL_PARTS] = { "clock", "cue", "state", "sum", "count", "overlap" };
    size_t bytes = 0;
    for (int k = 0; k < SX_RECALL_PARTS; k++) {
        q->sections[k] = (sx_section){ names[k], k == SX_RECALL_CLOCK ? SX_DT_I64 : SX_DT_F64, sizes[k], bytes };
        bytes += ((size_t)sizes[k] * 8 + 63) / 64 * 64;
    }
    double step = q->stepper ? sx_stepper_flops(q->stepper) : 2 * (double)n * (double)n + 100 * (double)n;
    *plan = (sx_plan){ .n_items = o->trials / q->chain,
                       .state_bytes = bytes,
                       .sections = q->sections,
                       .n_sections = SX_RECALL_PARTS,
                       .scratch_bytes = (size_t)(4 * l->ld + q->stepper_work + 8) * 8,
                       .shared_bytes = (size_t)((q->J ? n * l->ld : 0) + q->patterns * n) * 8,
                       .result_bytes = 8 * o->trials * (3 * n + 3),
                       .disk_bytes = 16 * o->trials * (3 * n + 3),
                       .flops = step * (double)o->steps * (double)o->trials,
                       .segments = 1 };
    return SX_OK;
}

static void close_recall(sx_ctx *ctx, void *instance) {
    sx_recall *q = instance;
    if (!q) return;
    sx_model_free(ctx, q->l.model);
    sx_free(ctx, q->l.group);
    sx_stepper_free(ctx, q->stepper);
    sx_free(ctx, q->J);
    sx_free(ctx, q->x);
    sx_free(ctx, q);
}

static sx_status open_recall(sx_ctx *ctx, const sx_model *m, const void *opts, sx_key key, const char *group,
                             void **instance, sx_plan *plan) {
    const sx_recall_opts *o = opts;
    sx_recall *q = NULL;
    sx_status status;
    if (o->struct_size != sizeof *o)
        return SX_FAIL(ctx, SX_E_USAGE, "recall: options are not initialised (sx_fields_default and struct_size)");
    SX_TRY(ctx, sx_fields_check(ctx, sx_recall_fields, o, "recall"));
    SX_TRY(ctx, sx_alloc(ctx, 1, sizeof *q, &q));
    q->o = *o;
    q->l.model = sx_model_ref(m);
    q->key_cue = sx_key_derive(key, "cue", 0);
    q->key_draw = sx_key_derive(key, "draw", 0);
    SX_GO(ctx, status, fail, sx_strdup(ctx, group, &q->l.group));
    SX_GO(ctx, status, fail, prepare(ctx, q, plan));
    *instance = q;
    return SX_OK;
fail:
    close_recall(ctx, q);
    return status;
}

/* The cue of a trial: evidence beside the model's bias, or the first state. scratch: n numbers. */
static void make_cue(const sx_recall *q, int64_t trial, double *cue, double *scratch) {
    const int64_t n = q->l.n;
    const double *x = q->x + sx_recall_pattern(q, trial) * n;
    double mean = 0, sd = 0;
    for (int64_t i = 0; i < n; i++) mean += q->o.strength * x[i] / (double)n;
    for (int64_t i = 0; i < n; i++) sd += (q->o.strength * x[i] - mean) * (q->o.strength * x[i] - mean) / (double)n;
    sd = q->o.snr > 0 ? sqrt(sd) / (SX_MUTANT(recall_snr) ? 1 : q->o.snr) : 0;
    q->l.k->normal(q->key_cue, (uint64_t)trial, SX_SLOT_DW, 0, n, 1, cue);
    for (int64_t i = 0; i < n; i++) cue[i] = q->o.strength * x[i] + sd * cue[i];
    if (q->o.flip > 0) { /* selection sampling: exactly `left` units, every subset as likely (Knuth, vol. 2, 3.4.2 S) */
        double left = floor(q->o.flip * (double)n + 0.5);
        q->l.k->uniform(q->key_cue, (uint64_t)trial, SX_SLOT_USER + 2, 0, n, 1, scratch);
        for (int64_t i = 0; i < n; i++) {
            bool flip = (SX_MUTANT(cue_flip) ? 0 : scratch[i]) * (double)(n - i) < left;
            if (flip) cue[i] = -cue[i];
            left -= flip;
            scratch[i] = 0;
        }
    }
    if (q->o.mode != SX_RECALL_COMPLETE) return;
    q->l.k->uniform(q->key_cue, (uint64_t)trial, SX_SLOT_DZ, 0, n, 1, scratch);
    for (int64_t i = 0; i < n; i++) {
        if (scratch[i] < q->o.hidden) cue[i] = 0;
        scratch[i] = 0;
    }
}

/* Replay: a random first state, or the cue. */
static sx_status start(sx_ctx *ctx, const void *instance, int64_t item, void *state) {
    const sx_recall *q = instance;
    const int64_t n = q->l.n, ld = q->l.ld;
    double *cue = sx_recall_at(q, state, SX_RECALL_CUE), *s = sx_recall_at(q, state, SX_RECALL_STATE);
    (void)ctx;
    if (q->o.mode == SX_RECALL_REPLAY && q->o.start == 0 && !q->stepper) {
        q->l.k->uniform(q->key_cue, (uint64_t)item, SX_SLOT_INITIAL, 0, n, 1, s);
        for (int64_t i = 0; i < n; i++) s[i] = 2 * s[i] - 1;
        return SX_OK;
    }
    for (int64_t k = 0; k < q->chain; k++)
        make_cue(q, item * q->chain + k, cue + k * ld, sx_recall_at(q, state, SX_RECALL_SUM));
    if (q->o.start == 1 || q->o.mode == SX_RECALL_RETAIN || q->stepper) memcpy(s, cue, (size_t)n * sizeof *s);
    return SX_OK;
}

/* Pattern with the largest correlation. */
static int64_t label(const sx_recall *q, const double *s, double *r) {
    int64_t best = 0;
    *r = -2;
    for (int64_t k = 0; k < q->patterns; k++) {
        double c = sx_learn_correlation(q->l.n, s, q->x + k * q->l.n);
        if (c > *r) *r = c, best = k;
    }
    return best;
}

/* Overlaps after a step of a trial. */
static sx_status record(sx_ctx *ctx, const sx_recall *q, int64_t trial, int64_t step, const double *s, double *own,
                        sx_result *result) {
    const int64_t n = q->l.n, at = step / q->every - 1;
    if (step % q->every != 0 || at >= q->n_record) return SX_OK;
    own[at] = sx_recall_overlap(n, q->x + (SX_MUTANT(recall_target) ? 0 : sx_recall_pattern(q, trial)) * n, s);
    if (trial > 0 || q->id_overlap < 0) return SX_OK;
    double m[SX_RECALL_SHOWN];
    const int64_t from[] = { at, 0 }, count[] = { 1, q->patterns };
    for (int64_t k = 0; k < q->patterns; k++) m[k] = sx_recall_overlap(n, q->x + k * n, s);
    return sx_result_write(ctx, result, q->id_overlap, from, count, m);
}

static sx_status advance(sx_ctx *ctx, const void *instance, int64_t item, void *state, void *scratch,
                         const sx_exec *exec, sx_result *result, bool *done, double *fraction) {
    const sx_recall *q = instance;
    const sx_learner *l = &q->l;
    enum { STEPS = 2000 };
    int64_t *clock = sx_recall_at(q, state, SX_RECALL_CLOCK), *trial = clock + 1;
    double *s = sx_recall_at(q, state, SX_RECALL_STATE), *count = sx_recall_at(q, state, SX_RECALL_COUNT);
    double *b = scratch, *h = b + l->ld, *theta = h + l->ld, *u = theta + l->ld, r;
    bool evidence = q->o.mode != SX_RECALL_RETAIN && q->o.mode != SX_RECALL_REPLAY;
    sx_work w = { .p = u + l->ld, .doubles = q->stepper_work, .exec = exec };
    for (int e = 0; e < STEPS && *trial < q->chain; e++) {
        const int64_t number = item * q->chain + *trial;
        const double *cue = (double *)sx_recall_at(q, state, SX_RECALL_CUE) + *trial * l->ld;
        double *sum = (double *)sx_recall_at(q, state, SX_RECALL_SUM) + *trial * l->ld;
        double *own = (double *)sx_recall_at(q, state, SX_RECALL_OVERLAP) + *trial * q->n_record;
        sx_key key = sx_key_derive(q->key_draw, "trial", (uint64_t)number);
        for (int64_t i = 0; i < l->n && !q->stepper; i++) b[i] = l->parts.bias[i] + (evidence ? cue[i] : 0);
        for (; e < STEPS && clock[0] < q->o.steps; e++, clock[0]++) {
            if (q->stepper)
                SX_TRY(ctx, sx_stepper_advance(ctx, q->stepper, q->key_draw, 0, clock[0], 1, number,
                                               (sx_batch){ s, l->n, 1 }, w));
            else
                sx_learn_step(l, q->beta, q->J, b, key, (uint64_t)clock[0], s, h, theta, u);
            SX_TRY(ctx, record(ctx, q, number, clock[0] + 1, s, own, result));
            if (clock[0] < q->o.burn_in) continue;
            for (int64_t i = 0; i < l->n; i++) sum[i] += s[i];
            if (q->o.mode != SX_RECALL_REPLAY) continue;
            int64_t now = label(q, s, &r), P = q->patterns;
            if (clock[0] > q->o.burn_in) count[now * P + (int64_t)count[P * P]]++;
            count[P * P] = (double)now;
            count[P * P + 1] += r;
        }
        if (clock[0] < q->o.steps) break;
        if (q->stepper && l->k->nonfinite(l->n, s))
            return SX_FAIL(ctx, SX_E_NUMERIC, "recall: the state is not finite at the end of trial %lld (dt = %g)",
                           (long long)number, q->h);
        clock[0] = 0;
        ++*trial;
    }
    *done = *trial >= q->chain;
    *fraction = ((double)*trial + (double)clock[0] / (double)q->o.steps) / (double)q->chain;
    return SX_OK;
}

static const char example[] = "title = \"Two patterns, learned and cleaned of noise\"\n"
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
                              "\n"
                              "[[task]]\n"
                              "name = \"cleanup\"\n"
                              "do = \"recall\"\n"
                              "model = { task = \"train\", snapshot = \"last\" }\n"
                              "data = \"patterns\"\n"
                              "snr = 1.0\n"
                              "trials = 100\n"
                              "steps = 100\n";

const sx_task_ops sx_recall_task = {
    .abi = SX_TASK_ABI,
    .struct_size = sizeof(sx_task_ops),
    .name = "recall",
    .title = "Recall",
    .help = "What a network makes of noisy or partial patterns: squared correlation of response and cue with the "
            "target; or, without evidence, which "
            "pattern follows which. Flows and maps begin at the cue.",
    .fields = sx_recall_fields,
    .opts_size = sizeof(sx_recall_opts),
    .outputs = sx_recall_outputs,
    .needs = "F",
    .example = example,
    .open = open_recall,
    .define = sx_recall_define,
    .start = start,
    .advance = advance,
    .finish = sx_recall_finish,
    .close = close_recall,
};
