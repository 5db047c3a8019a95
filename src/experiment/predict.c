// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* What a run will cost, from the plans of its tasks and a few measured steps; limits; the text of `check`. */
#include "experiment/predict.h"

#include <separatrix/equations.h>
#include <separatrix/models.h>
#include <separatrix/random.h>
#include <separatrix/response.h>
#include <separatrix/spectrum.h>

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Program, libraries and their buffers before any experiment, measured with an empty one. */
#define BASELINE_BYTES (INT64_C(32) << 20)
/* result.h5 with no data: groups, attributes, chunk indices. */
#define FILE_BYTES (INT64_C(256) << 10)

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Seconds per step of one block, measured over at least 20 ms. */
static sx_status measure(sx_ctx *ctx, const sx_model *m, const sx_simulate_opts *o, double *flops_per_second) {
    sx_status status = SX_OK;
    sx_stepper *s = NULL;
    double *x = NULL, *p = NULL, h = o->dt;
    int64_t n = sx_model_n(m), b = sx_model_block(m), need = (o->replicas + 7) / 8 * 8, size, steps = 0, burst = 1;
    if (need < b) b = need;
    SX_GO(ctx, status, done, sx_mul_size(ctx, n, b, &size));
    SX_GO(ctx, status, done, sx_alloc(ctx, size, sizeof *x, &x));
    if (h <= 0) {
        double stiffness = 0;
        if (sx_model_kind(m) == SX_FLOW) SX_GO(ctx, status, done, sx_model_stiffness(ctx, m, x, &stiffness));
        h = sx_model_kind(m) == SX_FLOW ? (stiffness > 0 ? 0.05 / stiffness : 0.05) : 1;
    }
    SX_GO(ctx, status, done, sx_stepper_create(ctx, m, (sx_method)o->method, h, o->rtol, o->atol, &s));
    int64_t work = sx_stepper_work(s, b);
    SX_GO(ctx, status, done, sx_alloc(ctx, work, sizeof *p, &p));
    double begin = now(), spent = 0;
    while (spent < 0.02 && steps < 100000) {
        SX_GO(ctx, status, done,
              sx_stepper_advance(ctx, s, sx_key_seed(0), 0, steps, burst, 0, (sx_batch){ x, n, b },
                                 (sx_work){ .p = p, .doubles = work }));
        steps += burst;
        burst *= 2;
        spent = now() - begin;
    }
    *flops_per_second = sx_stepper_flops(s) * (double)b * (double)steps / spent;
done:
    sx_stepper_free(ctx, s);
    sx_free(ctx, p);
    sx_free(ctx, x);
    return status;
}

/* Operations per second of the model's own F, of a whole block of columns; over at least 10 ms. */
static sx_status measure_model(sx_ctx *ctx, const sx_model *m, double *flops_per_second) {
    int64_t n = sx_model_n(m), b = sx_model_block(m), work = sx_model_work(m, b), size, calls = 0;
    double *x = NULL, spent = 0;
    sx_status status;
    SX_GO(ctx, status, done, sx_mul_size(ctx, n, b, &size));
    SX_GO(ctx, status, done, sx_alloc(ctx, 2 * size + work, sizeof *x, &x));
    for (double begin = now(); spent < 0.01 && calls < 100000; calls++, spent = now() - begin)
        sx_model_F(m, 0, (sx_cbatch){ x, n, b }, (sx_batch){ x + size, n, b },
                   (sx_work){ .p = x + 2 * size, .doubles = work });
    *flops_per_second = sx_model_flops(m) * (double)b * (double)calls / spent;
done:
    sx_free(ctx, x);
    return status;
}

/* Operations per second of dense eigenvalue problems of the model's size, at most 120: modes of a random matrix, 25 n^3 of them. */
static sx_status measure_matrix(sx_ctx *ctx, int64_t n, double *flops_per_second) {
    enum { MOST = 120 };
    sx_spectrum_opts o = SX_SPECTRUM_OPTS;
    sx_linear_opts linear = SX_LINEAR_OPTS;
    sx_coupling *w = NULL;
    sx_model *m = NULL;
    double *A = NULL, spent = 0;
    int64_t calls = 0;
    sx_status status;
    if (n > MOST) n = MOST;
    sx_fields_default(sx_spectrum_fields, &o);
    sx_fields_default(sx_linear_fields, &linear);
    o.struct_size = sizeof o;
    linear.struct_size = sizeof linear;
    o.vectors = o.non_normality = o.collective = false;
    o.density = SX_DENSITY_NONE;
    o.law = SX_LAW_NONE;
    SX_GO(ctx, status, done, sx_alloc(ctx, n * n, sizeof *A, &A));
    sx_normal_fill(sx_key_seed(0), 0, SX_SLOT_USER, 0, n * n, 1, A);
    SX_GO(ctx, status, done, sx_coupling_dense(ctx, n, n, A, &w));
    SX_GO(ctx, status, done, sx_linear_create(ctx, &linear, w, NULL, &m));
    for (double begin = now(); spent < 0.01; calls++, spent = now() - begin) {
        sx_result *r = NULL;
        SX_GO(ctx, status, done, sx_result_create(ctx, NULL, &r));
        status = sx_task_run(ctx, &sx_spectrum_task, m, &o, sx_key_seed(0), "modes", NULL, r);
        sx_result_free(ctx, r);
        if (status < 0) goto done;
    }
    *flops_per_second = 25 * (double)(n * n * n) * (double)calls / spent;
done:
    sx_model_free(ctx, m);
    sx_coupling_free(ctx, w);
    sx_free(ctx, A);
    return status;
}

/* A task's options with the origin in the place of points that earlier tasks will find: they cost the same. */
static sx_status without_references(sx_ctx *ctx, const sx_task_ops *ops, const void *opts, void **out) {
    SX_TRY(ctx, sx_alloc(ctx, (int64_t)ops->opts_size, 1, out));
    memcpy(*out, opts, ops->opts_size);
    for (const sx_field *f = ops->fields; f->name; f++) {
        sx_points *p = (sx_points *)(void *)((unsigned char *)*out + f->offset);
        if (f->type == SX_POINTS && p->task) *p = (sx_points){ .random = p->random };
    }
    return SX_OK;
}

/* Seconds of a task: simulate by its steps, the others by the progress of their first item; what cannot be measured so by the operations of its
 * plan at the rate of what it mostly does. */
static sx_status seconds_of(sx_ctx *ctx, const sx_build *b, int i, const sx_task_spec *t, const sx_plan *plan,
                            int workers, double *seconds) {
    enum { DENSE = 1500 }; /* beyond it matrices are multiplied, not decomposed */
    const double budget = 0.1;
    int64_t n = sx_model_n(b->model), together = plan->n_items < workers ? plan->n_items : workers;
    bool matrices = (t->ops == &sx_spectrum_task || t->ops == &sx_response_task) && n <= DENSE;
    double rate = 0;
    void *opts = NULL;
    *seconds = 0;
    if (!(plan->flops > 0)) return SX_OK;
    if (t->ops == &sx_simulate_task) {
        SX_TRY(ctx, measure(ctx, b->model, b->task_opts[i], &rate));
    } else if (!t->learned) {
        SX_TRY(ctx, without_references(ctx, t->ops, b->task_opts[i], &opts));
        sx_status status = sx_task_measure(ctx, t->ops, b->model, opts, t->name, budget, seconds);
        sx_free(ctx, opts);
        if (status == SX_E_MEMORY) return sx_frame_at(ctx, status, __FILE__, __LINE__, __func__);
        if (status >= 0 && isfinite(*seconds)) return SX_OK;
        sx_ctx_clear(ctx); /* the origin may be no place for this task: an unstable point, say */
        *seconds = 0;
    }
    if (t->ops != &sx_simulate_task)
        SX_TRY(ctx, matrices ? measure_matrix(ctx, n, &rate) : measure_model(ctx, b->model, &rate));
    if (rate > 0) *seconds = plan->flops / (rate * (double)(together < 1 ? 1 : together));
    return SX_OK;
}

/* The model that a task will find: with weights of its own, none of them known yet, if another task learns them. */
static sx_status model_of(sx_ctx *ctx, const sx_build *b, const sx_task_spec *t, sx_model **out) {
    const int64_t n = sx_model_n(b->model);
    int64_t *start = NULL;
    sx_coupling *w = NULL;
    sx_status status;
    if (!t->learned) {
        *out = sx_model_ref(b->model);
        return SX_OK;
    }
    SX_GO(ctx, status, done, sx_alloc(ctx, n + 1, sizeof *start, &start));
    SX_GO(ctx, status, done, sx_coupling_csr(ctx, n, n, start, NULL, NULL, &w));
    SX_GO(ctx, status, done, sx_model_with_weights(ctx, b->model, w, out));
done:
    sx_coupling_free(ctx, w);
    sx_free(ctx, start);
    return status;
}

sx_status sx_predict(sx_ctx *ctx, const sx_experiment *e, const sx_build *b, bool timing, sx_prediction *out) {
    sx_prediction p = { .struct_size = sizeof p, .memory = BASELINE_BYTES + b->model_bytes, .disk = FILE_BYTES };
    int64_t largest = 0;
    int workers = sx_ctx_threads(ctx);
    for (int i = 0; i < e->n_tasks; i++) {
        sx_plan plan;
        const sx_task_spec *t = &e->tasks[i];
        sx_model *m = NULL;
        sx_status status = model_of(ctx, b, t, &m);
        if (status >= 0) status = sx_task_plan(ctx, t->ops, m, b->task_opts[i], t->name, &plan);
        sx_model_free(ctx, m);
        if (status < 0) {
            (void)sx_fail_prefix(ctx, "%s: task '%s'", sx_toml_origin(t->node), t->name);
            return status;
        }
        int64_t states, scratch, held;
        SX_TRY(ctx, sx_mul_size(ctx, plan.n_items, (int64_t)plan.state_bytes, &states));
        SX_TRY(ctx, sx_mul_size(ctx, workers, (int64_t)plan.scratch_bytes, &scratch));
        held = states + scratch + (int64_t)plan.shared_bytes;
        if (held < 0 || plan.result_bytes < 0 || plan.disk_bytes < 0)
            return SX_FAIL(ctx, SX_E_MEMORY, "task '%s': the plan is too large to count in bytes", t->name);
        if (held > largest) largest = held;
        p.memory += plan.result_bytes;
        p.disk += plan.disk_bytes;
        double seconds = 0;
        if (timing) SX_TRY(ctx, seconds_of(ctx, b, i, t, &plan, workers, &seconds));
        p.seconds += seconds;
    }
    p.memory += largest;
    *out = p;
    return SX_OK;
}

/* ------------------------------------------------------------------------------------------------------------------ limits */

void sx_bytes_print(char buf[32], double bytes) {
    static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB" };
    int k = 0;
    while (bytes >= 1000 && k < 5) {
        bytes /= 1000;
        k++;
    }
    snprintf(buf, 32, k ? "%.3g %s" : "%.0f %s", bytes, units[k]);
}

void sx_seconds_print(char buf[32], double s) {
    if (s < 1)
        snprintf(buf, 32, "%.2g s", s);
    else if (s < 120)
        snprintf(buf, 32, "%.0f s", s);
    else if (s < 7200)
        snprintf(buf, 32, "%.0f min", s / 60);
    else if (s < 172800)
        snprintf(buf, 32, "%.1f h", s / 3600);
    else
        snprintf(buf, 32, "%.1f d", s / 86400);
}

static sx_status exceeds(sx_ctx *ctx, const sx_experiment *e, const char *name, const char *limit,
                         const char *estimate) {
    const sx_toml_node *limits = sx_toml_get(sx_toml_root(e->doc), "limits");
    return SX_FAIL(ctx, SX_E_USAGE, "%s: limits.%s = %s, but this run would need %s; nothing was started",
                   sx_toml_origin(sx_toml_get(limits, name)), name, limit, estimate);
}

sx_status sx_limits_check(sx_ctx *ctx, const sx_experiment *e, const sx_prediction *p) {
    char a[32], b[32];
    if (e->limits.memory > 0 && p->memory > e->limits.memory) {
        sx_bytes_print(a, (double)e->limits.memory);
        sx_bytes_print(b, (double)p->memory);
        return exceeds(ctx, e, "memory", a, b);
    }
    if (e->limits.disk > 0 && p->disk > e->limits.disk) {
        sx_bytes_print(a, (double)e->limits.disk);
        sx_bytes_print(b, (double)p->disk);
        return exceeds(ctx, e, "disk", a, b);
    }
    if (e->limits.time > 0 && p->seconds > e->limits.time) {
        sx_seconds_print(a, e->limits.time);
        sx_seconds_print(b, p->seconds);
        return exceeds(ctx, e, "time", a, b);
    }
    return SX_OK;
}

/* ------------------------------------------------------------------------------------------------------------------- check */

/* Lines of text or LaTeX. Texts are in normal form; with coloured noise, whose model is another, and for other kinds: as the model says. */
static sx_status equations_of(sx_ctx *ctx, const sx_model *m, bool latex, char **out) {
    sx_status status = sx_equations_print(ctx, m, latex, out);
    if (status != SX_E_UNSUPPORTED) return status;
    sx_ctx_clear(ctx);
    const char *text = latex ? sx_model_latex(m) : sx_model_equation(m);
    return sx_format(ctx, out, "%s\n", text ? text : "");
}

sx_status sx_experiment_equations(sx_ctx *ctx, const sx_experiment *e, bool latex, char **out) {
    sx_build b;
    SX_TRY(ctx, sx_build_create(ctx, e, false, &b));
    sx_status status = equations_of(ctx, b.model, latex, out);
    sx_build_free(ctx, &b);
    return status;
}

static void describe(sx_ctx *ctx, const sx_experiment *e, const sx_build *b, const sx_prediction *p, sx_buf *t) {
    char text[32], *lines = NULL;
    const sx_model *m = b->model;
    const sx_layout *layout = sx_model_layout(m);
    const sx_noise *noise = sx_model_noise(m);
    sx_buf_add(ctx, t, "# model: %s\n", sx_model_name(m));
    sx_status status = equations_of(ctx, m, false, &lines);
    if (status < 0) t->status = status;
    for (const char *line = lines; line && *line;) {
        int n = (int)strcspn(line, "\n");
        sx_buf_add(ctx, t, "#   %.*s\n", n, line);
        line += n + (line[n] == '\n');
    }
    sx_free(ctx, lines);
    if (b->bind.derivatives) sx_buf_add(ctx, t, "# derivatives: %s\n", b->bind.derivatives);
    sx_buf_add(ctx, t, "# state:");
    for (int k = 0; k < layout->n_arrays; k++)
        sx_buf_add(ctx, t, "%s %s(%s) of %lld%s", k ? "," : "", layout->arrays[k].name, layout->arrays[k].dim,
                   (long long)layout->arrays[k].n, layout->arrays[k].labels ? ", labelled" : "");
    sx_buf_add(ctx, t, "\n# noise: %s, rank %lld\n", sx_noise_class_name(sx_noise_class_of(noise)),
               (long long)sx_noise_rank(noise));
    for (const char *line = b->couplings; line && *line;) {
        int n = (int)strcspn(line, "\n");
        sx_buf_add(ctx, t, "# coupling %.*s\n", n, line);
        line += n + (line[n] == '\n');
    }
    if (e->unit_time || e->unit_state)
        sx_buf_add(ctx, t, "# units: time %s, state %s\n", e->unit_time ? e->unit_time : "-",
                   e->unit_state ? e->unit_state : "-");
    sx_bytes_print(text, (double)p->memory);
    sx_buf_add(ctx, t, "# predicted peak memory: %s with %d threads\n", text, sx_ctx_threads(ctx));
    sx_bytes_print(text, (double)p->disk);
    sx_buf_add(ctx, t, "# predicted peak disk:   %s\n", text);
    sx_seconds_print(text, p->seconds);
    sx_buf_add(ctx, t, "# predicted time:        %s (from a few measured steps)\n", text);
}

sx_status sx_experiment_describe(sx_ctx *ctx, const sx_experiment *e, char **text, sx_prediction *out) {
    sx_build b;
    sx_prediction p;
    sx_buf t = { 0 };
    sx_status status = SX_OK;
    SX_TRY(ctx, sx_build_create(ctx, e, text != NULL, &b));
    SX_GO(ctx, status, done, sx_predict(ctx, e, &b, true, &p));
    if (text) {
        sx_buf_add(ctx, &t, "%s\n", e->text);
        describe(ctx, e, &b, &p, &t);
        status = t.status;
        if (status < 0) goto done;
        *text = t.p;
        t.p = NULL;
    }
    *out = p;
    status = sx_limits_check(ctx, e, &p);
    if (status < 0 && text) {
        sx_free(ctx, *text);
        *text = NULL;
    }
done:
    sx_free(ctx, t.p);
    sx_build_free(ctx, &b);
    return status;
}

sx_status sx_experiment_check(sx_ctx *ctx, const sx_experiment *e, sx_prediction *out) {
    sx_prediction p;
    SX_TRY(ctx, sx_experiment_describe(ctx, e, NULL, &p));
    *out = p;
    return SX_OK;
}
