// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The executor of tasks: items over workers in waves, checkpoints between them, the same bits for any number of workers. */

#include "run/checkpoint.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

const char *sx_task_missing(const sx_task_ops *task, const sx_model *m, char *buf, size_t size) {
    for (const char *p = task->needs; p && *p;) {
        size_t n = strcspn(p, " ");
        snprintf(buf, size, "%.*s", (int)n, p);
        if (!sx_model_has(m, buf)) return buf;
        p += n;
        p += strspn(p, " ");
    }
    return NULL;
}

/* Segments every item advances in one wave: long enough that the last worker of a wave waits little, short enough that errors
 * and checkpoints come soon. */
#define WAVE_SEGMENTS 8

typedef struct sx_wave {
    const sx_task_ops *task;
    const void *instance;
    sx_states *states;
    sx_result *result;
    double *fraction;
    int *segments; /* of this wave, per item */
    bool *busy;
    sx_status *failed; /* per item */
    char **message;    /* of failed items */
    unsigned char *scratch;
    size_t scratch_bytes;
    const sx_exec *exec; /* panels in parallel; then items run one after the other */
    bool stop;
    double interval, begin;
    pthread_mutex_t lock;
} sx_wave;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The idle unfinished item with the fewest segments done in this wave, or -1. */
static int64_t pick(sx_wave *w) {
    int64_t best = -1;
    for (int64_t i = 0; i < w->states->n_items; i++) {
        if (w->busy[i] || w->states->done[i] || w->failed[i] < 0 || w->segments[i] >= WAVE_SEGMENTS) continue;
        if (best < 0 || w->segments[i] < w->segments[best]) best = i;
    }
    return best;
}

static sx_status wave_worker(sx_ctx *ctx, int64_t index, int worker, void *arg) {
    sx_wave *w = arg;
    (void)index;
    for (;;) {
        bool stop = sx_cancelled(ctx);
        pthread_mutex_lock(&w->lock);
        if (stop) w->stop = true;
        int64_t item = w->stop ? -1 : pick(w);
        if (item >= 0) w->busy[item] = true;
        pthread_mutex_unlock(&w->lock);
        if (item < 0) return SX_OK;

        bool done = false;
        double fraction = w->fraction[item];
        sx_status s =
            w->task->advance(ctx, w->instance, item, sx_state_at(w->states, item),
                             w->scratch + (size_t)worker * w->scratch_bytes, w->exec, w->result, &done, &fraction);
        pthread_mutex_lock(&w->lock);
        w->busy[item] = false;
        w->segments[item]++;
        w->states->done[item] = done;
        w->fraction[item] = fraction;
        if (s < 0) {
            w->failed[item] = s;
            if (sx_strdup(ctx, sx_ctx_message(ctx), &w->message[item]) < 0) w->message[item] = NULL;
            sx_ctx_clear(ctx);
        }
        pthread_mutex_unlock(&w->lock);
    }
}

/* One wave: every unfinished item advances WAVE_SEGMENTS segments. The failure of the lowest item is reported, whatever the order. */
static sx_status run_wave(sx_ctx *ctx, sx_wave *w) {
    int64_t left = 0, n = w->states->n_items;
    int workers = sx_ctx_threads(ctx);
    for (int64_t i = 0; i < n; i++) {
        left += !w->states->done[i];
        w->segments[i] = 0;
    }
    w->exec = NULL;
    if (left < workers) {
        w->exec = sx_ctx_exec(ctx);
        SX_TRY(ctx, wave_worker(ctx, 0, 0, w));
    } else {
        SX_TRY(ctx, sx_parallel_for(ctx, workers, wave_worker, w));
    }
    for (int64_t i = 0; i < n; i++)
        if (w->failed[i] < 0)
            return SX_FAIL(ctx, w->failed[i], "%s", w->message[i] ? w->message[i] : sx_status_text(w->failed[i]));
    return SX_OK;
}

typedef struct sx_start_job {
    const sx_task_ops *task;
    const void *instance;
    sx_states *states;
} sx_start_job;

static sx_status start_item(sx_ctx *ctx, int64_t item, int worker, void *arg) {
    sx_start_job *j = arg;
    (void)worker;
    return j->task->start(ctx, j->instance, item, sx_state_at(j->states, item));
}

static sx_status save(sx_ctx *ctx, const sx_checkpoints *c, const char *group, int64_t *generation,
                      const sx_states *states) {
    if (!c || !c->directory) return SX_OK;
    if (c->before) SX_TRY(ctx, c->before(c->user, ctx));
    SX_TRY(ctx, sx_checkpoint_write(ctx, c->directory, group, *generation + 1, states));
    ++*generation;
    return SX_OK;
}

static sx_status run_items(sx_ctx *ctx, sx_wave *w, const char *group, const sx_checkpoints *c, int64_t generation) {
    int64_t n = w->states->n_items;
    double last = now();
    for (;;) {
        int64_t left = 0;
        double fraction = 0;
        for (int64_t i = 0; i < n; i++) {
            left += !w->states->done[i];
            fraction += w->states->done[i] ? 1 : w->fraction[i];
        }
        if (!sx_progress(ctx, group, fraction, (double)n)) w->stop = true;
        if (left == 0) return save(ctx, c, group, &generation, w->states);
        if (w->stop) {
            SX_TRY(ctx, save(ctx, c, group, &generation, w->states));
            return SX_STOPPED;
        }
        SX_TRY(ctx, run_wave(ctx, w));
        if (!w->stop && c && c->directory && now() - last >= c->interval) {
            SX_TRY(ctx, save(ctx, c, group, &generation, w->states));
            last = now();
        }
    }
}

static sx_status run_open_task(sx_ctx *ctx, const sx_task_ops *task, void *instance, const sx_plan *plan,
                               const char *group, const sx_checkpoints *c, sx_result *result) {
    sx_status status;
    sx_states states = {
        plan->n_items, (plan->state_bytes + 63) / 64 * 64, plan->sections, plan->n_sections, c ? c->hash : 0, NULL, NULL
    };
    sx_wave w = { .task = task, .instance = instance, .states = &states, .result = result };
    const void **pointers = NULL;
    int64_t generation = -1;
    int workers = sx_ctx_threads(ctx);
    int64_t bytes = 0;

    pthread_mutex_init(&w.lock, NULL);
    w.scratch_bytes = (plan->scratch_bytes + 63) / 64 * 64;
    SX_GO(ctx, status, done, sx_mul_size(ctx, states.n_items, (int64_t)states.state_bytes, &bytes));
    SX_GO(ctx, status, done, sx_alloc(ctx, (states.n_items + 7) / 8 * 8, 1, &states.done));
    SX_GO(ctx, status, done, sx_alloc(ctx, bytes, 1, &states.data));
    SX_GO(ctx, status, done, sx_alloc(ctx, (int64_t)w.scratch_bytes * workers, 1, &w.scratch));
    SX_GO(ctx, status, done, sx_alloc(ctx, states.n_items, sizeof *w.fraction, &w.fraction));
    SX_GO(ctx, status, done, sx_alloc(ctx, states.n_items, sizeof *w.segments, &w.segments));
    SX_GO(ctx, status, done, sx_alloc(ctx, states.n_items, sizeof *w.busy, &w.busy));
    SX_GO(ctx, status, done, sx_alloc(ctx, states.n_items, sizeof *w.failed, &w.failed));
    SX_GO(ctx, status, done, sx_alloc(ctx, states.n_items, sizeof *w.message, &w.message));
    SX_GO(ctx, status, done, sx_alloc(ctx, states.n_items, sizeof *pointers, &pointers));
    SX_GO(ctx, status, done, task->define(ctx, instance, result));

    if (c && c->directory && c->resume) {
        /* Whatever start() would have set must come from the file: poison first, so that an unsaved field shows. */
        memset(states.data, 0xff, (size_t)bytes);
        SX_GO(ctx, status, done, sx_checkpoint_read(ctx, c->directory, group, &states, &generation));
        if (generation >= 0)
            sx_log(ctx, SX_LOG_INFO, "task '%s': resumed from checkpoint %lld", group, (long long)generation);
    }
    if (generation < 0) {
        memset(states.data, 0, (size_t)bytes);
        sx_start_job job = { task, instance, &states };
        SX_GO(ctx, status, done, sx_parallel_for(ctx, states.n_items, start_item, &job));
    }
    SX_GO(ctx, status, done, run_items(ctx, &w, group, c, generation));
    if (status == SX_OK) {
        for (int64_t i = 0; i < states.n_items; i++) pointers[i] = sx_state_at(&states, i);
        SX_GO(ctx, status, done, task->finish(ctx, instance, pointers, result));
    }
done:
    if (w.message)
        for (int64_t i = 0; i < states.n_items; i++) sx_free(ctx, w.message[i]);
    sx_free(ctx, pointers);
    sx_free(ctx, w.message);
    sx_free(ctx, w.failed);
    sx_free(ctx, w.busy);
    sx_free(ctx, w.segments);
    sx_free(ctx, w.fraction);
    sx_free(ctx, w.scratch);
    sx_free(ctx, states.data);
    sx_free(ctx, states.done);
    pthread_mutex_destroy(&w.lock);
    return status;
}

static sx_status check_needs(sx_ctx *ctx, const sx_task_ops *task, const sx_model *m, const char *group) {
    char name[32];
    if (sx_task_missing(task, m, name, sizeof name))
        return SX_FAIL(ctx, SX_E_UNSUPPORTED,
                       "task '%s' (%s) needs the operation '%s', which the model '%s' does not have", group, task->name,
                       name, sx_model_name(m));
    return SX_OK;
}

sx_status sx_task_run(sx_ctx *ctx, const sx_task_ops *task, const sx_model *m, const void *opts, sx_key key,
                      const char *group, const sx_checkpoints *checkpoints, sx_result *result) {
    void *instance = NULL;
    sx_plan plan = { 0 };
    SX_TRY(ctx, check_needs(ctx, task, m, group));
    SX_TRY(ctx, task->open(ctx, m, opts, key, group, &instance, &plan));
    sx_status status = run_open_task(ctx, task, instance, &plan, group, checkpoints, result);
    task->close(ctx, instance);
    return status < 0 ? sx_frame_at(ctx, status, __FILE__, __LINE__, __func__) : status;
}

sx_status sx_task_plan(sx_ctx *ctx, const sx_task_ops *task, const sx_model *m, const void *opts, const char *group,
                       sx_plan *plan) {
    void *instance = NULL;
    sx_plan p = { 0 };
    SX_TRY(ctx, check_needs(ctx, task, m, group));
    SX_TRY(ctx, task->open(ctx, m, opts, sx_key_seed(0), group, &instance, &p));
    p.sections = NULL; /* they belong to the instance */
    p.n_sections = 0;
    task->close(ctx, instance);
    *plan = p;
    return SX_OK;
}

/* Advance item 0 for `budget` seconds and go by its progress. */
static sx_status measure_open_task(sx_ctx *ctx, const sx_task_ops *task, void *instance, const sx_plan *plan,
                                   double budget, double *seconds) {
    enum { MOST_BYTES = 1 << 28 };
    const double most_flops = 3e9; /* of one call: it cannot be stopped */
    const int64_t workers = sx_ctx_threads(ctx), together = plan->n_items < workers ? plan->n_items : workers;
    unsigned char *state = NULL, *scratch = NULL;
    sx_result *result = NULL;
    double fraction = 0, begin = now(), spent = 0;
    bool done = false;
    sx_status status = SX_OK;
    *seconds = plan->n_items < 1 ? 0 : (double)NAN;
    if (plan->n_items < 1 || plan->result_bytes + plan->disk_bytes > MOST_BYTES ||
        plan->flops / (double)plan->n_items / fmax(plan->segments, 1) > most_flops)
        return SX_OK;
    SX_GO(ctx, status, done, sx_alloc(ctx, ((int64_t)plan->state_bytes + 63) / 64 * 64 + 64, 1, &state));
    SX_GO(ctx, status, done, sx_alloc(ctx, ((int64_t)plan->scratch_bytes + 63) / 64 * 64 + 64, 1, &scratch));
    SX_GO(ctx, status, done, sx_result_create(ctx, NULL, &result));
    SX_GO(ctx, status, done, task->define(ctx, instance, result));
    SX_GO(ctx, status, done, task->start(ctx, instance, 0, state));
    while (!done && spent < budget && !sx_cancelled(ctx)) {
        const sx_exec *exec = plan->n_items < workers ? sx_ctx_exec(ctx) : NULL;
        SX_GO(ctx, status, done, task->advance(ctx, instance, 0, state, scratch, exec, result, &done, &fraction));
        spent = now() - begin;
    }
    if (done) fraction = 1;
    if (fraction > 0) *seconds = spent / fraction * (double)plan->n_items / (double)together;
done:
    sx_result_free(ctx, result);
    sx_free(ctx, scratch);
    sx_free(ctx, state);
    return status;
}

sx_status sx_task_measure(sx_ctx *ctx, const sx_task_ops *task, const sx_model *m, const void *opts, const char *group,
                          double budget, double *seconds) {
    void *instance = NULL;
    sx_plan plan = { 0 };
    SX_TRY(ctx, check_needs(ctx, task, m, group));
    SX_TRY(ctx, task->open(ctx, m, opts, sx_key_seed(0), group, &instance, &plan));
    sx_status status = measure_open_task(ctx, task, instance, &plan, budget, seconds);
    task->close(ctx, instance);
    return status < 0 ? sx_frame_at(ctx, status, __FILE__, __LINE__, __func__) : status;
}
