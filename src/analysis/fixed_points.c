// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The task `fixed-points`: one work item is a block of starts under one input; a last one is the interval search.
 *
 *   open     1 check options against the model   2 inputs, starts, box   3 lay out the state
 *   advance  one start after the other: Newton's method, then (slow) the minimisation of the speed; large models one step at a time
 *   finish   merge, deflation, interval search, symmetries, stability, completeness (fixed_points_finish.c) */
#include "fixed_points_private.h"

#include <separatrix/models.h>

#include <math.h>
#include <string.h>

extern const sx_output sx_fixed_points_outputs[];

#define SEGMENT_FLOPS 2e8 /* work of one call of advance */
enum { DENSE_LIMIT = 2000, BLOCK = 16, INTERVAL_SEGMENT = 2000 };
enum { CURSOR_START, CURSOR_PHASE, CURSOR_STEP };
enum { PHASE_BEGIN, PHASE_NEWTON, PHASE_SLOW, PHASE_LAST };

/* -- options ------------------------------------------------------------------------------------------------------------------ */

static sx_status set_box(sx_ctx *ctx, sx_fp *s) {
    const sx_values *b = &s->o.box;
    if (b->n != 0 && b->n != 2 && b->n != 2 * s->n)
        return SX_FAIL(ctx, SX_E_USAGE,
                       "fixed-points.box: %lld numbers: want 2 (lo, hi) or a pair for each of %lld units",
                       (long long)b->n, (long long)s->n);
    SX_TRY(ctx, sx_alloc(ctx, s->n, sizeof *s->lo, &s->lo));
    SX_TRY(ctx, sx_alloc(ctx, s->n, sizeof *s->hi, &s->hi));
    for (int64_t i = 0; i < s->n; i++) {
        const double *pair = b->n == 0 ? NULL : b->data + (b->n == 2 ? 0 : 2 * i);
        s->lo[i] = pair ? pair[0] : -2;
        s->hi[i] = pair ? pair[1] : 2;
        if (!(isfinite(s->lo[i]) && isfinite(s->hi[i]) && s->lo[i] < s->hi[i]))
            return SX_FAIL(ctx, SX_E_USAGE, "fixed-points.box: unit %lld has [%g, %g]: want lo < hi", (long long)i,
                           s->lo[i], s->hi[i]);
    }
    return SX_OK;
}

static sx_status copy(sx_ctx *ctx, int64_t n, const double *from, double **out) {
    SX_TRY(ctx, sx_alloc(ctx, n, sizeof **out, out));
    if (n > 0) memcpy(*out, from, (size_t)n * sizeof **out);
    return SX_OK;
}

static sx_status set_starts(sx_ctx *ctx, sx_fp *s) {
    const sx_points *p = &s->o.start;
    bool nothing = p->n == 0 && !p->origin;
    if (p->n > 0 && p->size != s->n)
        return SX_FAIL(ctx, SX_E_USAGE,
                       "fixed-points.start: points of %lld numbers, but the state of the model has %lld",
                       (long long)p->size, (long long)s->n);
    s->n_given = nothing && p->random ? 0 : sx_points_count(p);
    if (p->n > 0)
        SX_TRY(ctx, copy(ctx, p->n * s->n, p->x, &s->given));
    else
        SX_TRY(ctx, sx_alloc(ctx, (s->n_given + 1) * s->n, sizeof *s->given, &s->given));
    s->n_random = s->o.random >= 0                     ? s->o.random
                  : p->random || (nothing && !p->task) ? (s->n > DENSE_LIMIT ? 16 : 256)
                                                       : 0;
    s->starts = s->n_given + s->n_random;
    if (s->starts == 0)
        return SX_FAIL(ctx, SX_E_USAGE, "fixed-points: no start: want points in `start`, or random >= 1");
    return SX_OK;
}

/* The range of the box and of the given starts, stretched about its middle. Without a box the widest unit's range is taken for all: one
 * that rests at the starts may be elsewhere at a fixed point. Starts without any width set no limit. */
static sx_status set_reach(sx_ctx *ctx, sx_fp *s) {
    bool box = s->o.box.n > 0, points = s->o.start.n > 0;
    double widest = 0;
    SX_TRY(ctx, sx_alloc(ctx, s->n, sizeof *s->middle, &s->middle));
    SX_TRY(ctx, sx_alloc(ctx, s->n, sizeof *s->reach, &s->reach));
    for (int64_t i = 0; i < s->n; i++) {
        double lo = box || !points ? s->lo[i] : HUGE_VAL, hi = box || !points ? s->hi[i] : -HUGE_VAL;
        for (int64_t k = 0; points && k < s->n_given; k++) {
            lo = fmin(lo, s->given[k * s->n + i] - 3 * s->o.start.jitter);
            hi = fmax(hi, s->given[k * s->n + i] + 3 * s->o.start.jitter);
        }
        s->middle[i] = 0.5 * (lo + hi);
        s->reach[i] = s->o.reach * 0.5 * (hi - lo);
        widest = fmax(widest, s->reach[i]);
    }
    for (int64_t i = 0; i < s->n && !box; i++) s->reach[i] = points && widest > 0 ? widest : HUGE_VAL;
    return SX_OK;
}

/* Inputs of the option, or those that the points of an earlier task carry, each once. */
static sx_status set_inputs(sx_ctx *ctx, sx_fp *s) {
    const sx_points *p = &s->o.start;
    int64_t channels = sx_model_channels(s->model);
    s->contexts = 1;
    if (s->o.input.n > 0) {
        if (channels == 0)
            return SX_FAIL(ctx, SX_E_UNSUPPORTED,
                           "fixed-points.input: the model '%s' has no input that can be held at another value",
                           sx_model_name(s->model));
        if (s->o.input.n % channels)
            return SX_FAIL(ctx, SX_E_USAGE,
                           "fixed-points.input: %lld numbers: want a list of lists of %lld, one number per channel",
                           (long long)s->o.input.n, (long long)channels);
        s->channels = channels;
        s->contexts = s->o.input.n / channels;
        SX_TRY(ctx, copy(ctx, s->o.input.n, s->o.input.data, &s->input));
    } else if (p->n > 0 && p->input) {
        s->channels = p->channels;
        s->contexts = 0;
        SX_TRY(ctx, sx_alloc(ctx, p->n * p->channels, sizeof *s->input, &s->input));
        size_t row = (size_t)p->channels * sizeof *s->input;
        for (int64_t k = 0; k < p->n; k++) {
            bool old = false;
            for (int64_t c = 0; c < s->contexts; c++)
                old = old || memcmp(s->input + c * p->channels, p->input + k * p->channels, row) == 0;
            if (!old) memcpy(s->input + s->contexts++ * p->channels, p->input + k * p->channels, row);
        }
    } else if (sx_model_trials(s->model) > 1) {
        return SX_FAIL(ctx, SX_E_USAGE,
                       "fixed-points: the input of the model has %lld trials: hold it at a value with input = [[...]]",
                       (long long)sx_model_trials(s->model));
    }
    SX_TRY(ctx, sx_alloc(ctx, s->contexts, sizeof(sx_model *), &s->held));
    for (int64_t c = 0; c < s->contexts; c++) {
        if (s->channels)
            SX_TRY(ctx, sx_model_with_input(ctx, s->model, s->channels, s->input + c * s->channels, &s->held[c]));
        else
            s->held[c] = sx_model_ref(s->model);
    }
    return SX_OK;
}

sx_root_system sx_fp_system(const sx_fp *s, int64_t context) {
    return (sx_root_system){ .model = s->held[context],
                             .kernels = sx_kernels_get(NULL),
                             .n = s->n,
                             .t = s->o.time,
                             .map = s->map,
                             .dense = s->dense,
                             .curved = sx_model_has(s->model, "phv"),
                             .tolerance = s->o.tolerance,
                             .resolution = s->o.merge };
}
sx_interval_search sx_fp_search(const sx_fp *s) {
    return (sx_interval_search){
        .model = s->interval, .n = s->n, .most = s->o.boxes, .map = s->map, .t = s->o.time, .lo = s->lo, .hi = s->hi
    };
}
sx_interval_state sx_fp_interval_state(const sx_fp *s, const void *state) {
    return (sx_interval_state){ sx_fp_i64(s, state, FP_COUNT), sx_fp_at(s, state, FP_STACK),
                                sx_fp_at(s, state, FP_UNIQUE), sx_fp_at(s, state, FP_ENCLOSED) };
}

/* -- state -------------------------------------------------------------------------------------------------------------------- */

static void add_part(sx_fp *s, sx_fp_part part, const char *name, sx_dtype dtype, int64_t count) {
    s->section_of[part] = s->n_sections;
    s->sections[s->n_sections++] = (sx_section){ name, dtype, count, s->state_bytes };
    s->state_bytes += ((size_t)count * 8 + 63) / 64 * 64;
}

static void lay_out(sx_fp *s) {
    for (int k = 0; k < FP_PARTS; k++) s->section_of[k] = -1;
    add_part(s, FP_CURSOR, "cursor", SX_DT_I64, 4);
    add_part(s, FP_X, "x", SX_DT_F64, s->n);
    add_part(s, FP_MEMORY, "memory", SX_DT_F64, 4);
    add_part(s, FP_ROOT, "root", SX_DT_F64, s->block * s->n);
    add_part(s, FP_INFO, "info", SX_DT_F64, s->block * 4);
    if (s->o.slow.given) {
        add_part(s, FP_SLOW, "slow", SX_DT_F64, s->block * s->n);
        add_part(s, FP_SLOW_INFO, "slow_info", SX_DT_F64, s->block * 4);
    }
    if (s->interval) {
        add_part(s, FP_COUNT, "count", SX_DT_I64, 4);
        add_part(s, FP_STACK, "stack", SX_DT_F64, SX_INTERVAL_STACK * 2 * s->n);
        add_part(s, FP_UNIQUE, "unique", SX_DT_F64, SX_INTERVAL_ROOTS * 2 * s->n);
        add_part(s, FP_ENCLOSED, "enclosed", SX_DT_F64, SX_INTERVAL_ROOTS * 2 * s->n);
    }
}

/* -- task operations ---------------------------------------------------------------------------------------------------------- */

static void close_task(sx_ctx *ctx, void *instance) {
    sx_fp *s = instance;
    if (!s) return;
    for (int64_t c = 0; s->held && c < s->contexts; c++) sx_model_free(ctx, s->held[c]);
    sx_interval_model_free(ctx, s->interval);
    sx_free(ctx, s->held);
    sx_free(ctx, s->input);
    sx_free(ctx, s->given);
    sx_free(ctx, s->lo);
    sx_free(ctx, s->hi);
    sx_free(ctx, s->middle);
    sx_free(ctx, s->reach);
    sx_free(ctx, s->group);
    sx_model_free(ctx, s->model);
    sx_free(ctx, s);
}

/* Operations of one step: LU and J, or GMRES. */
static double step_flops(const sx_fp *s) {
    double n = (double)s->n, F = sx_model_flops(s->model);
    return s->dense ? 2.0 / 3 * n * n * n + n * F + 10 * F : 60 * (2 * F + 120 * n);
}

static sx_status open_all(sx_ctx *ctx, sx_fp *s, sx_plan *plan) {
    const sx_fixed_points_opts *o = &s->o;
    sx_kind kind = sx_model_kind(s->model);
    s->n = sx_model_n(s->model);
    s->map = kind == SX_MAP || kind == SX_SAMPLER;
    s->dense = o->solver == SX_NEWTON_AUTO ? s->n <= DENSE_LIMIT : o->solver == SX_NEWTON_DENSE;
    if (o->slow.given && !sx_model_has(s->model, "vjp"))
        return SX_FAIL(ctx, SX_E_UNSUPPORTED,
                       "fixed-points.slow needs the operation 'vjp', which the model '%s' does not have",
                       sx_model_name(s->model));
    if (o->deflation < 0) s->o.deflation = s->n <= DENSE_LIMIT ? 32 : 0;
    SX_TRY(ctx, set_box(ctx, s));
    SX_TRY(ctx, set_starts(ctx, s));
    SX_TRY(ctx, set_reach(ctx, s));
    SX_TRY(ctx, set_inputs(ctx, s));
    s->block = o->block_ > 0 ? o->block_ : s->n <= DENSE_LIMIT ? BLOCK : 1;
    if (s->block > s->starts) s->block = s->starts;
    s->blocks = (s->starts + s->block - 1) / s->block;
    SX_TRY(ctx, sx_mul_size(ctx, s->blocks, s->contexts, &s->items));
    if (o->interval && s->n <= SX_INTERVAL_UNITS && s->channels == 0) {
        sx_status status = sx_interval_model_create(ctx, s->model, &s->interval);
        if (status == SX_E_UNSUPPORTED)
            sx_ctx_clear(ctx);
        else
            SX_TRY(ctx, status);
    }
    lay_out(s);
    sx_root_system system = sx_fp_system(s, 0);
    sx_interval_search search = sx_fp_search(s);
    s->scratch = sx_root_doubles(&system) + (s->interval ? 2 * sx_interval_work(&search) : 0) + 8;
    double per_start = step_flops(s) * (o->slow.given ? 60 : 20);
    *plan = (sx_plan){
        .n_items = s->items + (s->interval != NULL),
        .state_bytes = s->state_bytes,
        .sections = s->sections,
        .n_sections = s->n_sections,
        .scratch_bytes = (size_t)s->scratch * 8,
        .shared_bytes = (size_t)((s->n_given + 4) * s->n) * 8,
        .result_bytes = 8 * 32 * (s->n + 16),
        .flops = per_start * (double)(s->starts * s->contexts) +
                 (s->interval ? 0.1 * (double)o->boxes * 20 * (double)(s->n + 1) * (sx_model_flops(s->model) + 50) : 0),
        .segments = fmax(per_start * (double)s->block / SEGMENT_FLOPS, 1)
    };
    plan->disk_bytes = plan->result_bytes + 4 * plan->n_items * (int64_t)s->state_bytes;
    return SX_OK;
}

static sx_status open_task(sx_ctx *ctx, const sx_model *m, const void *opts, sx_key key, const char *group,
                           void **instance, sx_plan *plan) {
    const sx_fixed_points_opts *o = opts;
    sx_fp *s = NULL;
    sx_status status;
    if (o->struct_size != sizeof *o)
        return SX_FAIL(ctx, SX_E_USAGE,
                       "fixed-points: options are not initialised (sx_fields_default and struct_size)");
    SX_TRY(ctx, sx_fields_check(ctx, sx_fixed_points_fields, o, "fixed-points"));
    SX_TRY(ctx, sx_alloc(ctx, 1, sizeof *s, &s));
    s->o = *o;
    s->key = sx_key_derive(key, "fixed-points", 0);
    s->model = sx_model_ref(m);
    SX_GO(ctx, status, fail, sx_strdup(ctx, group, &s->group));
    SX_GO(ctx, status, fail, open_all(ctx, s, plan));
    *instance = s;
    return SX_OK;
fail:
    close_task(ctx, s);
    return status;
}

static sx_status start_item(sx_ctx *ctx, const void *instance, int64_t item, void *state) {
    const sx_fp *s = instance;
    (void)ctx;
    if (item == s->items) {
        sx_interval_search search = sx_fp_search(s);
        sx_interval_state v = sx_fp_interval_state(s, state);
        sx_interval_start(&search, &v);
    }
    return SX_OK;
}

/* The end of one search of a start: outcome and numbers into its row. */
static void keep(const sx_fp *s, const sx_root_system *system, void *state, bool slow, int outcome, sx_root_work *w) {
    int64_t k = sx_fp_i64(s, state, FP_CURSOR)[CURSOR_START];
    double *x = sx_fp_at(s, state, FP_X), *info = sx_fp_at(s, state, slow ? FP_SLOW_INFO : FP_INFO) + 4 * k;
    memcpy(sx_fp_at(s, state, slow ? FP_SLOW : FP_ROOT) + k * s->n, x, (size_t)s->n * sizeof *x);
    info[0] = outcome;
    if (outcome != SX_ROOT_CONVERGED) return;
    sx_root_G(system, x, w->g, w);
    double speed = 0.5 * system->kernels->dot(s->n, w->g, w->g);
    info[1] = sx_max_abs(s->n, w->g);
    info[2] = slow ? speed : sx_fp_at(s, state, FP_MEMORY)[1];
    info[3] = speed;
}

/* After Newton's method the minimisation; when that has come near a root that Newton's method had missed, Newton's method once more. */
static int64_t next_phase(const sx_fp *s, const void *state) {
    const int64_t *cursor = sx_fp_i64(s, state, FP_CURSOR);
    const double *slow = sx_fp_at(s, state, FP_SLOW_INFO), *x = sx_fp_at(s, state, FP_X);
    if (cursor[CURSOR_PHASE] == PHASE_NEWTON && slow) return PHASE_SLOW;
    if (cursor[CURSOR_PHASE] != PHASE_SLOW) return PHASE_BEGIN;
    const double *info = sx_fp_at(s, state, FP_INFO) + 4 * cursor[CURSOR_START];
    slow += 4 * cursor[CURSOR_START];
    bool root = slow[0] == SX_ROOT_CONVERGED && slow[1] <= s->o.tolerance * (1 + sx_max_abs(s->n, x));
    return root && info[0] != SX_ROOT_CONVERGED ? PHASE_LAST : PHASE_BEGIN;
}

/* One step of the present search. */
static sx_status one_step(sx_ctx *ctx, const sx_fp *s, const sx_root_system *system, int64_t first, void *state,
                          sx_root_work *w) {
    int64_t *cursor = sx_fp_i64(s, state, FP_CURSOR);
    double *x = sx_fp_at(s, state, FP_X), *memory = sx_fp_at(s, state, FP_MEMORY);
    int outcome = SX_ROOT_GOING;
    if (cursor[CURSOR_PHASE] == PHASE_BEGIN) {
        sx_fp_start(s, first + cursor[CURSOR_START], x);
        memset(memory, 0, 4 * sizeof *memory);
        cursor[CURSOR_STEP] = 0;
        cursor[CURSOR_PHASE] = PHASE_NEWTON;
    }
    bool slow = cursor[CURSOR_PHASE] == PHASE_SLOW;
    if (slow)
        SX_TRY(ctx, sx_speed_step(ctx, system, x, memory, w, &outcome));
    else
        SX_TRY(ctx, sx_newton_step(ctx, system, NULL, x, memory, w, &outcome));
    int64_t most = slow ? s->o.slow.iterations : s->o.iterations;
    if (++cursor[CURSOR_STEP] >= most && outcome == SX_ROOT_GOING) outcome = SX_ROOT_FAILED;
    if (outcome == SX_ROOT_GOING) return SX_OK;
    keep(s, system, state, slow, outcome, w);
    cursor[CURSOR_PHASE] = next_phase(s, state);
    cursor[CURSOR_STEP] = 0;
    memset(memory, 0, 4 * sizeof *memory);
    if (cursor[CURSOR_PHASE] == PHASE_SLOW) sx_fp_start(s, first + cursor[CURSOR_START], x);
    if (cursor[CURSOR_PHASE] == PHASE_BEGIN) cursor[CURSOR_START]++;
    return SX_OK;
}

static sx_status advance_item(sx_ctx *ctx, const void *instance, int64_t item, void *state, void *scratch,
                              const sx_exec *exec, sx_result *result, bool *done, double *fraction) {
    const sx_fp *s = instance;
    (void)result;
    if (item == s->items) {
        sx_interval_search search = sx_fp_search(s);
        sx_interval_state v = sx_fp_interval_state(s, state);
        sx_interval_advance(&search, &v, INTERVAL_SEGMENT, scratch);
        *done = sx_interval_finished(&search, &v);
        *fraction = (double)v.count[2] / (double)s->o.boxes;
        return SX_OK;
    }
    sx_root_system system = sx_fp_system(s, item / s->blocks);
    int64_t first = item % s->blocks * s->block, *cursor = sx_fp_i64(s, state, FP_CURSOR);
    int64_t count = s->starts - first < s->block ? s->starts - first : s->block;
    sx_root_work w;
    sx_root_carve(&system, scratch, exec, &w);
    double per_step = step_flops(s) + 1;
    int64_t steps = per_step >= SEGMENT_FLOPS ? 1 : (int64_t)fmin(SEGMENT_FLOPS / per_step, 2000);
    for (int64_t k = 0; k < steps && cursor[CURSOR_START] < count; k++)
        SX_TRY(ctx, one_step(ctx, s, &system, first, state, &w));
    *done = cursor[CURSOR_START] == count;
    *fraction = (double)cursor[CURSOR_START] / (double)count;
    return SX_OK;
}

const sx_task_ops sx_fixed_points_task = {
    .abi = SX_TASK_ABI,
    .struct_size = sizeof(sx_task_ops),
    .name = "fixed-points",
    .title = "Fixed points, their stability, and what may be missing",
    .help =
        "Searches F(x) = 0 (maps: F(x) = x) from many starts by Newton's method; reports stability, hits, the index "
        "sum, the probability of points not seen, and for small models proves that there are no others.",
    .fields = sx_fixed_points_fields,
    .opts_size = sizeof(sx_fixed_points_opts),
    .outputs = sx_fixed_points_outputs,
    .needs = "F jvp",
    .example =
        "title = \"Maier-Stein\"\nseed = 1\n\n[model]\nkind = \"equations\"\nstate = [\"x\", "
        "\"y\"]\n[model.parameters]\nbeta = 10.0\n[model.equations]\nx = \"x - x^3 - beta*x*y^2\"\ny = \"-(1 + "
        "x^2)*y\"\n\n[noise]\nkind = \"none\"\n\n[[task]]\nname = \"points\"\ndo = \"fixed-points\"\nbox = { x = "
        "[-2.0, 2.0], y = [-2.0, 2.0] }\n",
    .open = open_task,
    .define = sx_fp_define,
    .start = start_item,
    .advance = advance_item,
    .finish = sx_fp_finish,
    .close = close_task,
};
