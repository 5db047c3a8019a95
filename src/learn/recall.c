// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The task `recall`. A trial presents o = strength * pattern with noise as evidence and averages the state; its success is the squared correlation
 * with o, beside that of the cue itself. Without evidence the state is labelled by the pattern it correlates with most, and the steps from one label
 * to another are counted. Measures of Spisak & Friston, arXiv 2505.22749 (Simulations 2 and 3). Trials are
 * independent work items, or, where each begins in the state that the one before has left, one item. */
#include <separatrix/recall.h>

#include "learn_private.h"

#include "core/mutant.h"
#include "core/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

extern const sx_output sx_recall_outputs[];

/* A run: the network, its weights as rows, the patterns. */
typedef struct recall {
    sx_learner l; /* kernels, size and units */
    sx_recall_opts o;
    double *J, *x; /* owned */
    int64_t patterns;
    int64_t chain; /* trials of an item, one after the other */
    double beta;
    sx_key key_cue, key_draw;
    sx_section sections[5];
} recall;
enum { CLOCK, CUE, STATE, SUM, COUNT, PARTS };

static void *at(const recall *q, const void *state, int section) {
    return (unsigned char *)(uintptr_t)state + q->sections[section].offset;
}

static double correlation(int64_t n, const double *a, const double *b) {
    double ma = 0, mb = 0, ab = 0, aa = 0, bb = 0;
    for (int64_t i = 0; i < n; i++) ma += a[i], mb += b[i];
    ma /= (double)n, mb /= (double)n;
    for (int64_t i = 0; i < n; i++) {
        ab += (a[i] - ma) * (b[i] - mb);
        aa += (a[i] - ma) * (a[i] - ma);
        bb += (b[i] - mb) * (b[i] - mb);
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
}

static int64_t pattern_of(const recall *q, int64_t trial) {
    double u[2];
    if (q->o.order == 0) return trial % q->patterns;
    q->l.k->uniform(q->key_cue, (uint64_t)trial, SX_SLOT_USER + 1, 0, 2, 1, u);
    return (int64_t)(u[0] * (double)q->patterns);
}

/* -- life --------------------------------------------------------------------------------------------------------------------------- */

static sx_status prepare(sx_ctx *ctx, recall *q, sx_plan *plan) {
    sx_learner *l = &q->l;
    const sx_recall_opts *o = &q->o;
    const int64_t n = sx_model_n(l->model);
    if (!sx_sampler_parts_of(l->model, &l->parts))
        return SX_FAIL(ctx, SX_E_UNSUPPORTED,
                       "recall runs a network of random units ('free-energy', 'ising'); the model is '%s'",
                       sx_model_name(l->model));
    if (o->data.columns > 0 && o->data.columns != n)
        return SX_FAIL(ctx, SX_E_USAGE,
                       "recall.data: a row of [data.%s] has %lld numbers, but the model has %lld units", o->data.name,
                       (long long)o->data.columns, (long long)n);
    if (o->burn_in >= o->steps)
        return SX_FAIL(ctx, SX_E_USAGE, "recall.burn_in = %lld: want fewer than the %lld steps of a trial",
                       (long long)o->burn_in, (long long)o->steps);
    if (o->mode == SX_RECALL_RETAIN && o->start != 0)
        return SX_FAIL(ctx, SX_E_USAGE, "recall.start: the mode \"retain\" always begins at the cue");
    if (o->mode == SX_RECALL_REPLAY && o->start == 2)
        return SX_FAIL(
            ctx, SX_E_USAGE,
            "recall.start = \"previous\": the mode \"replay\" begins at random (\"zero\") or at the \"cue\"");
    if (o->sampler > 0) l->parts.sampler = (sx_sampler)(o->sampler - 1);
    l->n = n;
    l->ld = sx_learn_row(n);
    l->k = sx_kernels_get(NULL);
    q->beta = o->inverse_temperature > 0 ? o->inverse_temperature : l->parts.inverse_temperature;
    q->patterns = o->data.rows > 0 ? o->data.rows : 1;
    SX_TRY(ctx, sx_alloc(ctx, q->patterns * n, sizeof *q->x, &q->x));
    if (o->data.rows > 0) memcpy(q->x, o->data.x, (size_t)(q->patterns * n) * sizeof *q->x);
    double *dense = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, n * l->ld, sizeof *q->J, &q->J));
    SX_GO(ctx, status, done, sx_alloc(ctx, n * n, sizeof *dense, &dense));
    if (l->parts.weights) sx_coupling_add_to_dense(l->parts.weights, 1, NULL, dense);
    for (int64_t i = 0; i < n; i++) memcpy(q->J + i * l->ld, dense + i * n, (size_t)n * sizeof *dense);
    int64_t counts = o->mode == SX_RECALL_REPLAY ? q->patterns * q->patterns + 2 : 1;
    q->chain = o->start == 2 ? o->trials : 1;
    int64_t rows;
    SX_GO(ctx, status, done, sx_mul_size(ctx, q->chain, l->ld, &rows));
    const int64_t sizes[PARTS] = { 8, rows, l->ld, rows, counts };
    static const char *const names[PARTS] = { "clock", "cue", "state", "sum", "count" };
    size_t bytes = 0;
    for (int k = 0; k < PARTS; k++) {
        q->sections[k] = (sx_section){ names[k], k == CLOCK ? SX_DT_I64 : SX_DT_F64, sizes[k], bytes };
        bytes += ((size_t)sizes[k] * 8 + 63) / 64 * 64;
    }
    double step = 2 * (double)n * (double)n + 100 * (double)n;
    *plan = (sx_plan){ .n_items = o->trials / q->chain,
                       .state_bytes = bytes,
                       .sections = q->sections,
                       .n_sections = PARTS,
                       .scratch_bytes = (size_t)(4 * l->ld) * 8,
                       .shared_bytes = (size_t)(n * l->ld + q->patterns * n) * 8,
                       .result_bytes = 8 * o->trials * (3 * n + 3),
                       .disk_bytes = 16 * o->trials * (3 * n + 3),
                       .flops = step * (double)o->steps * (double)o->trials,
                       .segments = 1 };
done:
    sx_free(ctx, dense);
    return status;
}

static void close_recall(sx_ctx *ctx, void *instance) {
    recall *q = instance;
    if (!q) return;
    sx_model_free(ctx, q->l.model);
    sx_free(ctx, q->l.group);
    sx_free(ctx, q->J);
    sx_free(ctx, q->x);
    sx_free(ctx, q);
}

static sx_status open_recall(sx_ctx *ctx, const sx_model *m, const void *opts, sx_key key, const char *group,
                             void **instance, sx_plan *plan) {
    const sx_recall_opts *o = opts;
    recall *q = NULL;
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
static void make_cue(const recall *q, int64_t trial, double *cue, double *scratch) {
    const int64_t n = q->l.n;
    const double *x = q->x + pattern_of(q, trial) * n;
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
    const recall *q = instance;
    const int64_t n = q->l.n, ld = q->l.ld;
    double *cue = at(q, state, CUE), *s = at(q, state, STATE);
    (void)ctx;
    if (q->o.mode == SX_RECALL_REPLAY && q->o.start == 0) {
        q->l.k->uniform(q->key_cue, (uint64_t)item, SX_SLOT_INITIAL, 0, n, 1, s);
        for (int64_t i = 0; i < n; i++) s[i] = 2 * s[i] - 1;
        return SX_OK;
    }
    for (int64_t k = 0; k < q->chain; k++) make_cue(q, item * q->chain + k, cue + k * ld, at(q, state, SUM));
    if (q->o.start == 1 || q->o.mode == SX_RECALL_RETAIN) memcpy(s, cue, (size_t)n * sizeof *s);
    return SX_OK;
}

/* Pattern with the largest correlation. */
static int64_t label(const recall *q, const double *s, double *r) {
    int64_t best = 0;
    *r = -2;
    for (int64_t k = 0; k < q->patterns; k++) {
        double c = correlation(q->l.n, s, q->x + k * q->l.n);
        if (c > *r) *r = c, best = k;
    }
    return best;
}

static sx_status advance(sx_ctx *ctx, const void *instance, int64_t item, void *state, void *scratch,
                         const sx_exec *exec, sx_result *result, bool *done, double *fraction) {
    const recall *q = instance;
    const sx_learner *l = &q->l;
    enum { STEPS = 2000 };
    int64_t *clock = at(q, state, CLOCK), *trial = clock + 1; /* step of the trial, trial of the item */
    double *s = at(q, state, STATE), *count = at(q, state, COUNT);
    double *b = scratch, *h = b + l->ld, *theta = h + l->ld, *u = theta + l->ld, r;
    bool evidence = q->o.mode != SX_RECALL_RETAIN && q->o.mode != SX_RECALL_REPLAY;
    (void)ctx, (void)exec, (void)result;
    for (int e = 0; e < STEPS && *trial < q->chain; e++) {
        const double *cue = (double *)at(q, state, CUE) + *trial * l->ld;
        double *sum = (double *)at(q, state, SUM) + *trial * l->ld;
        sx_key key = sx_key_derive(q->key_draw, "trial", (uint64_t)(item * q->chain + *trial));
        for (int64_t i = 0; i < l->n; i++) b[i] = l->parts.bias[i] + (evidence ? cue[i] : 0);
        for (; e < STEPS && clock[0] < q->o.steps; e++, clock[0]++) {
            sx_learn_step(l, q->beta, q->J, b, key, (uint64_t)clock[0], s, h, theta, u);
            if (clock[0] < q->o.burn_in) continue;
            for (int64_t i = 0; i < l->n; i++) sum[i] += s[i];
            if (q->o.mode != SX_RECALL_REPLAY) continue;
            int64_t now = label(q, s, &r), P = q->patterns;
            if (clock[0] > q->o.burn_in) count[now * P + (int64_t)count[P * P]]++;
            count[P * P] = (double)now;
            count[P * P + 1] += r;
        }
        if (clock[0] < q->o.steps) break;
        clock[0] = 0;
        ++*trial;
    }
    *done = *trial >= q->chain;
    *fraction = ((double)*trial + (double)clock[0] / (double)q->o.steps) / (double)q->chain;
    return SX_OK;
}

/* -- results ------------------------------------------------------------------------------------------------------------------------ */

static sx_status define(sx_ctx *ctx, void *instance, sx_result *r) {
    const recall *q = instance;
    const char *group = q->l.group;
    char mode[16];
    SX_TRY(ctx, sx_result_dim(ctx, r, "", "unit", q->l.n));
    SX_TRY(ctx, sx_result_attr_text(ctx, r, group, NULL, "task", "recall"));
    SX_TRY(ctx, sx_result_attr_text(ctx, r, group, NULL, "mode",
                                    sx_choice_name(SX_RECALL_CHOICES, q->o.mode, mode, sizeof mode)));
    if (q->o.data.image[0] > 0) {
        SX_TRY(ctx, sx_result_attr_number(ctx, r, group, NULL, "image_height", (double)q->o.data.image[0]));
        SX_TRY(ctx, sx_result_attr_number(ctx, r, group, NULL, "image_width", (double)q->o.data.image[1]));
    }
    return SX_OK;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Median of n numbers (sorted here) and its distribution-free 95 % interval: ranks n/2 -+ 0.98 sqrt n. */
static void median(int64_t n, double *v, double out[3]) {
    qsort(v, (size_t)n, sizeof *v, ascending);
    double half = 0.98 * sqrt((double)n);
    int64_t low = (int64_t)floor((double)n / 2 - half), high = (int64_t)ceil((double)n / 2 + half);
    out[0] = n % 2 ? v[n / 2] : 0.5 * (v[n / 2 - 1] + v[n / 2]);
    out[1] = v[low < 0 ? 0 : low];
    out[2] = v[high > n - 1 ? n - 1 : high];
}

static sx_status finish_trials(sx_ctx *ctx, const recall *q, const void *const *states, sx_result *r) {
    const int64_t n = q->l.n, T = q->o.trials;
    const char *group = q->l.group;
    double *v = NULL, *response = NULL, gain[3], mean, se;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, 5 * T, sizeof *v, &v));
    SX_GO(ctx, status, done, sx_alloc(ctx, T * n, sizeof *response, &response));
    for (int64_t k = 0; k < T; k++) {
        const double *cue = (double *)at(q, states[k / q->chain], CUE) + k % q->chain * q->l.ld;
        const double *sum = (double *)at(q, states[k / q->chain], SUM) + k % q->chain * q->l.ld;
        int64_t p = pattern_of(q, k);
        for (int64_t i = 0; i < n; i++) response[k * n + i] = sum[i] / (double)(q->o.steps - q->o.burn_in);
        double out = correlation(n, response + k * n, q->x + p * n), in = correlation(n, cue, q->x + p * n);
        v[k] = out * out;
        v[T + k] = in * in;
        v[2 * T + k] = (double)p;
        v[3 * T + k] = v[k] - v[T + k];
        v[4 * T + k] = q->o.strength < 0 ? -out : out;
    }
    SX_GO(ctx, status, done, sx_result_dim(ctx, r, group, "trial", T));
    SX_GO(ctx, status, done,
          sx_result_put(ctx, r, group, "r2_response", "trial", "1",
                        "squared correlation of the mean response with the target", v));
    SX_GO(
        ctx, status, done,
        sx_result_put(ctx, r, group, "r2_cue", "trial", "1", "squared correlation of the cue with the target", v + T));
    SX_GO(ctx, status, done, sx_result_put(ctx, r, group, "pattern", "trial", "1", "row of the data", v + 2 * T));
    median(T, v + 3 * T, gain);
    SX_GO(ctx, status, done,
          sx_result_put(ctx, r, group, "r2_gain", "", "1", "median of r2_response - r2_cue", &gain[0]));
    SX_GO(ctx, status, done,
          sx_result_put(ctx, r, group, "r2_gain_low", "", "1", "lower end of its 95 % interval", &gain[1]));
    SX_GO(ctx, status, done,
          sx_result_put(ctx, r, group, "r2_gain_high", "", "1", "upper end of its 95 % interval", &gain[2]));
    sx_mean_se(T, v + 4 * T, &mean, &se);
    SX_GO(ctx, status, done,
          sx_result_put(ctx, r, group, "correlation", "", "1", "mean correlation of the response with the target",
                        &mean));
    if (T > 1) SX_GO(ctx, status, done, sx_result_put(ctx, r, group, "correlation_se", "", "1", "standard error", &se));
    SX_GO(ctx, status, done,
          sx_result_put(ctx, r, group, "response", "trial,unit", "state", "mean response", response));
    for (int64_t k = 0; k < T; k++)
        memcpy(response + k * n, (double *)at(q, states[k / q->chain], CUE) + k % q->chain * q->l.ld,
               (size_t)n * sizeof *response);
    SX_GO(ctx, status, done,
          sx_result_put(ctx, r, group, "cue", "trial,unit", "state", "pattern with noise", response));
    for (int64_t k = 0; k < T; k++)
        for (int64_t i = 0; i < n; i++) response[k * n + i] = q->o.strength * q->x[pattern_of(q, k) * n + i];
    SX_GO(ctx, status, done,
          sx_result_put(ctx, r, group, "target", "trial,unit", "state", "strength * pattern", response));
done:
    sx_free(ctx, response);
    sx_free(ctx, v);
    return status;
}

static sx_status finish_replay(sx_ctx *ctx, const recall *q, const void *const *states, sx_result *r) {
    const int64_t P = q->patterns;
    const char *group = q->l.group;
    double *total = NULL, sum = 0;
    sx_status status;
    SX_TRY(ctx, sx_alloc(ctx, P * P, sizeof *total, &total));
    for (int64_t k = 0; k < q->o.trials; k++) {
        const double *count = at(q, states[k], COUNT);
        for (int64_t i = 0; i < P * P; i++) total[i] += count[i];
        sum += count[P * P + 1];
    }
    sum /= (double)(q->o.trials * (q->o.steps - q->o.burn_in));
    SX_GO(ctx, status, done, sx_result_dim(ctx, r, group, "pattern", P));
    SX_GO(ctx, status, done, sx_result_dim(ctx, r, group, "pattern2", P));
    SX_GO(
        ctx, status, done,
        sx_result_put(ctx, r, group, "transitions", "pattern,pattern2", "1", "steps from pattern2 to pattern", total));
    SX_GO(
        ctx, status, done,
        sx_result_put(ctx, r, group, "label_correlation", "", "1", "mean correlation of a state with its label", &sum));
done:
    sx_free(ctx, total);
    return status;
}

static sx_status finish(sx_ctx *ctx, const void *instance, const void *const *states, sx_result *r) {
    const recall *q = instance;
    return q->o.mode == SX_RECALL_REPLAY ? finish_replay(ctx, q, states, r) : finish_trials(ctx, q, states, r);
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
            "pattern follows which.",
    .fields = sx_recall_fields,
    .opts_size = sizeof(sx_recall_opts),
    .outputs = sx_recall_outputs,
    .needs = "F sample",
    .example = example,
    .open = open_recall,
    .define = define,
    .start = start,
    .advance = advance,
    .finish = finish,
    .close = close_recall,
};
