// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Running: build and predict first, then the directory, the tasks in order with checkpoints, one result. */
#include "experiment/manifest.h"
#include "experiment/predict.h"

#include "core/linalg.h"

#include <separatrix/vmath.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ------------------------------------------------------------------------------------------------------- attributes of the root */

static sx_status put_labels(sx_ctx *ctx, sx_result *result, const sx_model *m) {
    const sx_layout *layout = sx_model_layout(m);
    for (int k = 0; k < layout->n_arrays; k++) {
        const sx_state_array *a = &layout->arrays[k];
        char name[80];
        int id;
        bool again = false;
        for (int j = 0; j < k; j++) again = again || strcmp(layout->arrays[j].dim, a->dim) == 0;
        if (again) continue;
        SX_TRY(ctx, sx_result_dim(ctx, result, "", a->dim, a->n));
        if (!a->labels) continue;
        snprintf(name, sizeof name, "%s_label", a->dim);
        sx_var var = {
            .name = name, .dims = a->dim, .dtype = SX_DT_STRING, .units = "", .long_name = "label of the unit"
        };
        SX_TRY(ctx, sx_result_define(ctx, result, "", &var, &id));
        SX_TRY(ctx, sx_result_write(ctx, result, id, NULL, NULL, a->labels));
    }
    return SX_OK;
}

/* Several state arrays: which element of which array each number of the flat state is. */
static sx_status put_flat(sx_ctx *ctx, sx_result *result, const sx_model *m) {
    const sx_layout *layout = sx_model_layout(m);
    sx_status status = SX_OK;
    const char **array = NULL;
    char *text = NULL, buf[96];
    int64_t *index = NULL, u = 0;
    enum { WIDTH = 96 };
    if (layout->n_arrays < 2) return SX_OK;
    for (int k = 0; k < layout->n_arrays; k++)
        if (strcmp(layout->arrays[k].dim, "unit") == 0) return SX_OK; /* the name is taken */
    const sx_var vars[] = {
        { .name = "unit_array",
          .dims = "unit",
          .dtype = SX_DT_STRING,
          .units = "",
          .long_name = "state array of the unit" },
        { .name = "unit_index",
          .dims = "unit",
          .dtype = SX_DT_I64,
          .units = "1",
          .long_name = "index in its state array" },
        { .name = "unit_label", .dims = "unit", .dtype = SX_DT_STRING, .units = "", .long_name = "label of the unit" },
    };
    int id[3];
    SX_GO(ctx, status, done, sx_alloc(ctx, layout->n, sizeof *array, &array));
    SX_GO(ctx, status, done, sx_alloc(ctx, layout->n, sizeof *index, &index));
    SX_GO(ctx, status, done, sx_alloc(ctx, layout->n, WIDTH, &text));
    SX_GO(ctx, status, done, sx_result_dim(ctx, result, "", "unit", layout->n));
    for (int k = 0; k < 3; k++) SX_GO(ctx, status, done, sx_result_define(ctx, result, "", &vars[k], &id[k]));
    for (int k = 0; k < layout->n_arrays; k++)
        for (int64_t i = 0; i < layout->arrays[k].n; i++, u++) {
            array[u] = layout->arrays[k].name;
            index[u] = i;
        }
    SX_GO(ctx, status, done, sx_result_write(ctx, result, id[0], NULL, NULL, array));
    SX_GO(ctx, status, done, sx_result_write(ctx, result, id[1], NULL, NULL, index));
    for (u = 0; u < layout->n; u++) {
        snprintf(text + u * WIDTH, WIDTH, "%s", sx_model_unit_label(m, u, buf, sizeof buf));
        array[u] = text + u * WIDTH;
    }
    status = sx_result_write(ctx, result, id[2], NULL, NULL, array);
done:
    sx_free(ctx, text);
    sx_free(ctx, index);
    sx_free(ctx, (void *)array);
    return status;
}

static sx_status put_root(sx_ctx *ctx, const sx_experiment *e, const sx_build *b, sx_result *result) {
    static const char *const calculi[] = { "kinetic", "ito", "stratonovich", "covariant" };
    char hash[32], seed[32], units[96];
    const sx_model *m = b->model;
    bool noisy = sx_noise_class_of(sx_model_noise(m)) != SX_NOISE_NONE;
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)b->hash);
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)e->seed);
    snprintf(units, sizeof units, "time = \"%s\", state = \"%s\"", e->unit_time ? e->unit_time : "",
             e->unit_state ? e->unit_state : "");
    const char *const pairs[][2] = {
        { "title", e->title },
        { "version", sx_version() },
        { "revision", sx_revision() },
        { "seed", seed },
        { "calculus", calculi[sx_model_calculus(m)] },
        { "drift", noisy ? "f = F + c, c the correction of the calculus" : "F" },
        { "model", sx_model_name(m) },
        { "model_equation", sx_model_equation(m) },
        { "model_latex", sx_model_latex(m) },
        { "model_derivatives", b->bind.derivatives },
        { "units", units },
        { "unit_time", e->unit_time },
        { "unit_state", e->unit_state },
        { "hash", hash },
        { "kernel_set", sx_kernel_set() },
        { "blas", sx_blas_name() },
        { "experiment", e->text },
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (pairs[i][1]) SX_TRY(ctx, sx_result_attr_text(ctx, result, "", NULL, pairs[i][0], pairs[i][1]));
    SX_TRY(ctx, put_labels(ctx, result, m));
    return put_flat(ctx, result, m);
}

/* ---------------------------------------------------------------------------------------------------------------------- tasks */

static sx_status flush_store(void *user, sx_ctx *ctx) {
    return sx_outdir_flush(ctx, user);
}

/* A run and where it stands. */
typedef struct sx_run {
    const sx_experiment *e;
    sx_build *b;
    sx_outdir *dir; /* NULL: in memory */
    bool resume;
    double interval; /* seconds between checkpoints */
    sx_result *result;
    bool unmet; /* a task with require = true found nothing */
} sx_run;

/* A task that was to begin where another found nothing: an empty group that says so. */
static sx_status skip_task(sx_ctx *ctx, sx_run *run, const sx_task_spec *t, const char *nothing) {
    char *why = NULL;
    SX_TRY(ctx, sx_format(ctx, &why, "task '%s' found no point to begin with", nothing));
    sx_log(ctx, SX_LOG_WARNING, "task '%s': %s", t->name, why);
    sx_status status = sx_result_attr_text(ctx, run->result, t->name, NULL, "empty", why);
    if (status == SX_OK) status = sx_result_attr_text(ctx, run->result, t->name, NULL, "do", t->ops->name);
    if (status == SX_OK) status = sx_result_warn(ctx, run->result, t->name, "%s", why);
    sx_free(ctx, why);
    run->unmet = run->unmet || t->require;
    return status;
}

/* Which snapshot of the learned weights each point of a task belongs to, and after how many epochs it was taken. */
static sx_status put_snapshots(sx_ctx *ctx, sx_run *run, const sx_task_spec *t, int64_t snapshots) {
    const char *name, *dims[8];
    int64_t points = 0, length, shape[8];
    double *number = NULL, *epoch = NULL;
    sx_status status = SX_OK;
    int id = sx_result_find(run->result, t->learned, "epoch");
    for (int i = 0; sx_result_dim_at(run->result, t->name, i, &name, &length); i++)
        if (strcmp(name, "point") == 0) points = length;
    if (points % snapshots != 0 || points == 0) return SX_OK;
    SX_GO(ctx, status, done, sx_alloc(ctx, points, sizeof *number, &number));
    for (int64_t k = 0; k < points; k++) number[k] = (double)(k / (points / snapshots));
    SX_GO(
        ctx, status, done,
        sx_result_put(ctx, run->result, t->name, "snapshot", "point", "1", "snapshot of the learned weights", number));
    if (id < 0 || sx_result_shape(run->result, id, shape, dims) != 1 || shape[0] != snapshots) goto done;
    SX_GO(ctx, status, done, sx_alloc(ctx, snapshots, sizeof *epoch, &epoch));
    SX_GO(ctx, status, done, sx_result_read(ctx, run->result, id, NULL, NULL, epoch));
    for (int64_t k = 0; k < points; k++) number[k] = epoch[k / (points / snapshots)];
    SX_GO(ctx, status, done,
          sx_result_put(ctx, run->result, t->name, "epoch", "point", "1", "epochs of learning before the snapshot",
                        number));
done:
    sx_free(ctx, epoch);
    sx_free(ctx, number);
    return status;
}

static sx_status run_task(sx_ctx *ctx, sx_run *run, int i) {
    sx_followed f;
    const sx_task_spec *t = &run->e->tasks[i];
    sx_checkpoints c = {
        .struct_size = sizeof c, .interval = run->interval, .hash = run->b->hash, .resume = run->resume
    };
    sx_status status = SX_OK;
    char *path = NULL;
    SX_TRY(ctx, sx_build_follow(ctx, run->e, run->b, i, run->result, &f));
    if (f.nothing) return skip_task(ctx, run, t, f.nothing);
    if (run->dir) {
        SX_GO(ctx, status, done, sx_format(ctx, &path, "%s/checkpoints", sx_outdir_path(run->dir)));
        c.directory = path;
        c.before = flush_store;
        c.user = run->dir;
    }
    sx_log(ctx, SX_LOG_INFO, "task '%s' (%s): started", t->name, t->ops->name);
    status = sx_task_run(ctx, t->ops, f.model, run->b->task_opts[i], sx_build_key(run->e, i), t->name, &c, run->result);
    if (status < 0) {
        (void)sx_fail_prefix(ctx, "task '%s'", t->name);
        goto done;
    }
    if (f.snapshots > 0 && status != SX_STOPPED) {
        sx_status put = put_snapshots(ctx, run, t, f.snapshots);
        if (put < 0) status = put;
        if (put < 0) goto done;
    }
    if (t->title) SX_GO(ctx, status, done, sx_result_attr_text(ctx, run->result, t->name, NULL, "title", t->title));
    if (status == SX_NOT_CONVERGED) {
        run->unmet = run->unmet || t->require;
        sx_log(ctx, SX_LOG_WARNING, "task '%s': %s", t->name, sx_status_text(status));
        status = SX_OK;
    }
    if (status == SX_OK) sx_log(ctx, SX_LOG_INFO, "task '%s': finished", t->name);
done:
    sx_free(ctx, path);
    return status;
}

/* What the tasks before have found is kept: a stop, a blow-up, a reference to a point that was not found. */
static bool is_partial(sx_status status) {
    return status == SX_STOPPED || status == SX_E_NUMERIC || status == SX_E_USAGE || status == SX_E_UNSUPPORTED;
}

/* All tasks in order. The result says whether it is whole: "complete" = "yes", or "no" with the task it stopped in and why. */
static sx_status run_tasks(sx_ctx *ctx, sx_run *run) {
    sx_status status = SX_OK;
    SX_TRY(ctx, put_root(ctx, run->e, run->b, run->result));
    int i = 0;
    for (; i < run->e->n_tasks && status == SX_OK; i++) status = run_task(ctx, run, i);
    if (status == SX_OK) {
        SX_TRY(ctx, sx_result_attr_text(ctx, run->result, "", NULL, "complete", "yes"));
        return run->unmet ? SX_NOT_CONVERGED : SX_OK;
    }
    if (is_partial(status)) {
        const char *why = status == SX_STOPPED ? "stopped on request; the run can be resumed" : sx_ctx_message(ctx);
        SX_TRY(ctx, sx_result_attr_text(ctx, run->result, "", NULL, "stopped_in", run->e->tasks[i - 1].name));
        SX_TRY(ctx, sx_result_attr_text(ctx, run->result, "", NULL, "stopped_because", why));
        SX_TRY(ctx, sx_result_attr_text(ctx, run->result, "", NULL, "complete", "no"));
    }
    return status;
}

/* --------------------------------------------------------------------------------------------------------------------- public */

sx_status sx_experiment_result(sx_ctx *ctx, const sx_experiment *e, sx_result **out) {
    sx_build b;
    sx_prediction p;
    sx_run run = { .e = e, .b = &b };
    sx_status status = SX_OK;
    SX_TRY(ctx, sx_build_create(ctx, e, false, &b));
    SX_GO(ctx, status, done, sx_predict(ctx, e, &b, e->limits.time > 0, &p));
    SX_GO(ctx, status, done, sx_limits_check(ctx, e, &p));
    SX_GO(ctx, status, done, sx_result_create(ctx, NULL, &run.result));
    SX_GO(ctx, status, done, run_tasks(ctx, &run));
    *out = run.result;
    run.result = NULL;
done:
    sx_result_free(ctx, run.result);
    sx_build_free(ctx, &b);
    return status;
}

/* Save what there is; an error on the way keeps its own message. */
static sx_status save(sx_ctx *ctx, sx_run *run, sx_status status) {
    char *path = NULL, *message = NULL;
    bool failed = status < 0;
    if (failed && sx_strdup(ctx, sx_ctx_message(ctx), &message) < 0) return status;
    if (failed) sx_ctx_clear(ctx);
    sx_status saved = sx_outdir_flush(ctx, run->dir);
    if (saved >= 0) saved = sx_format(ctx, &path, "%s/result.h5", sx_outdir_path(run->dir));
    if (saved >= 0) saved = sx_result_save(ctx, run->result, path);
    sx_free(ctx, path);
    if (failed) {
        if (saved < 0) sx_log(ctx, SX_LOG_WARNING, "the partial result could not be saved: %s", sx_ctx_message(ctx));
        sx_ctx_clear(ctx);
        status = SX_FAIL(ctx, status, "%s", message);
        sx_free(ctx, message);
        return status;
    }
    return saved < 0 ? saved : status;
}

/* What an earlier run left must not look like the result of this one. */
static sx_status start_afresh(sx_ctx *ctx, sx_outdir *dir) {
    static const char *const names[] = { "result.h5", "report.html", "experiment.toml", "log.txt" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = NULL;
        SX_TRY(ctx, sx_format(ctx, &path, "%s/%s", sx_outdir_path(dir), names[i]));
        bool gone = unlink(path) == 0 || errno == ENOENT;
        sx_status status = gone ? SX_OK : SX_FAIL(ctx, SX_E_IO, "%s: cannot be removed: %s", path, strerror(errno));
        sx_free(ctx, path);
        if (status < 0) return status;
    }
    return SX_OK;
}

sx_status sx_experiment_run(sx_ctx *ctx, const sx_experiment *e, const char *directory, bool resume, bool force) {
    sx_run_opts o = SX_RUN_OPTS;
    o.resume = resume;
    o.force = force;
    return sx_experiment_run_with(ctx, e, directory, &o);
}

sx_status sx_experiment_run_with(sx_ctx *ctx, const sx_experiment *e, const char *directory, const sx_run_opts *o) {
    if (o->struct_size != sizeof *o || !(o->checkpoint_interval >= 0))
        return SX_FAIL(ctx, SX_E_USAGE, "sx_run_opts: want SX_RUN_OPTS and checkpoint_interval >= 0 (here %g)",
                       o->checkpoint_interval);
    const bool resume = o->resume, force = o->force;
    sx_build b;
    sx_prediction p;
    sx_run run = { .e = e, .b = &b, .resume = resume, .interval = o->checkpoint_interval };
    sx_status status = SX_OK;
    bool whole = false;
    SX_TRY(ctx, sx_build_create(ctx, e, false, &b));
    SX_GO(ctx, status, done, sx_predict(ctx, e, &b, e->limits.time > 0, &p));
    SX_GO(ctx, status, done, sx_limits_check(ctx, e, &p));
    if (resume) SX_GO(ctx, status, done, sx_manifest_find(ctx, directory));
    SX_GO(ctx, status, done, sx_outdir_open(ctx, directory, force, resume, p.disk, &run.dir));
    if (resume)
        SX_GO(ctx, status, done, sx_manifest_compare(ctx, e, &b, directory, force, &whole));
    else
        SX_GO(ctx, status, done, start_afresh(ctx, run.dir));
    sx_log(ctx, SX_LOG_INFO, "output directory: %s", directory);
    if (whole) {
        sx_log(ctx, SX_LOG_INFO, "the run is already complete; nothing is left to do");
        SX_GO(ctx, status, done, sx_outdir_clean(ctx, run.dir));
        goto done;
    }
    if (!resume) SX_GO(ctx, status, done, sx_manifest_write(ctx, e, &b, directory));
    SX_GO(ctx, status, done, sx_result_create(ctx, sx_outdir_store(run.dir), &run.result));
    status = run_tasks(ctx, &run);
    if (status >= 0 || is_partial(status)) status = save(ctx, &run, status);
    if (status == SX_OK || status == SX_NOT_CONVERGED) SX_GO(ctx, status, done, sx_outdir_clean(ctx, run.dir));
    if (status == SX_OK && run.unmet) status = SX_NOT_CONVERGED;
done:
    sx_result_free(ctx, run.result);
    sx_outdir_close(ctx, run.dir);
    sx_build_free(ctx, &b);
    return status;
}
