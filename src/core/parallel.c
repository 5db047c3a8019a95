// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The one parallel loop of the library, and the only file with OpenMP. Without OpenMP, and without a loop lent by the host, it is
 * serial. Indices are handed out one at a time; every index is run, so which failure is reported does not depend on the workers. */
#include "core/context_private.h"

#include <inttypes.h>
#include <string.h>

#ifdef _OPENMP
#include <omp.h>
#endif

int sx_parallel_threads(const sx_host *host, int wanted) {
#ifndef _OPENMP
    if (!host->parallel_for) return 1;
#else
    (void)host;
#endif
    return wanted > 1 ? wanted : 1;
}

/* body(arg, i, worker) for all i, on up to `threads` workers */
static void run_all(sx_family *f, int64_t n, void (*body)(void *arg, int64_t i, int worker), void *arg) {
    f->parallel = true;
    if (f->host.parallel_for) {
        f->host.parallel_for(f->host.user, n, body, arg);
    } else {
#ifdef _OPENMP
        int workers = n < f->threads ? (int)n : f->threads;
#pragma omp parallel num_threads(workers)
        {
            int worker = omp_get_thread_num();
#pragma omp for schedule(dynamic, 1)
            for (int64_t i = 0; i < n; ++i) body(arg, i, worker);
        }
#else
        for (int64_t i = 0; i < n; ++i) body(arg, i, 0);
#endif
    }
    f->parallel = false;
}

static bool runs_parallel(const sx_ctx *ctx, int64_t n) {
    return ctx->root && !ctx->family->parallel && ctx->family->threads > 1 && n > 1;
}

static void swap_errors(sx_error *a, sx_error *b) {
    sx_error c = *a;
    *a = *b;
    *b = c;
}

typedef struct loop {
    sx_ctx *children;
    sx_status (*body)(sx_ctx *child, int64_t i, int worker, void *arg);
    void *arg;
} loop;

/* Run one index in `ctx` and keep its outcome there if no lower index of this worker had one of its kind. */
static void run_one(sx_ctx *ctx, int64_t i, int worker, const loop *l) {
    sx_status status = l->body(ctx, i, worker, l->arg);
    if (status < 0) {
        if (ctx->error.status == SX_OK) (void)SX_FAIL(ctx, status, "%s", sx_status_text(status));
        if (ctx->kept_index < 0 || i < ctx->kept_index) {
            ctx->kept_index = i;
            ctx->error.status = status;
            swap_errors(&ctx->kept, &ctx->error);
        }
    } else if (status > 0 && (ctx->finished_index < 0 || i < ctx->finished_index)) {
        ctx->finished_index = i;
        ctx->finished = status;
    }
    sx_error_clear(ctx, &ctx->error);
}

static void run_child(void *arg, int64_t i, int worker) {
    const loop *l = arg;
    run_one(&l->children[worker], i, worker, l);
}

/* Serial loops run in the caller's own context, whose outcome of an outer loop is put aside meanwhile. */
static sx_status run_serial(sx_ctx *ctx, int64_t n, const loop *l) {
    int worker = ctx->root ? 0 : (int)(ctx - ctx->family->children);
    sx_error before = ctx->error, kept = ctx->kept;
    int64_t kept_index = ctx->kept_index, finished_index = ctx->finished_index;
    sx_status finished = ctx->finished;
    memset(&ctx->error, 0, sizeof ctx->error);
    memset(&ctx->kept, 0, sizeof ctx->kept);
    ctx->kept_index = ctx->finished_index = -1;
    for (int64_t i = 0; i < n; ++i) run_one(ctx, i, worker, l);

    sx_status status = SX_OK;
    if (ctx->kept_index >= 0) {
        status = ctx->kept.status;
        sx_error_clear(ctx, &before);
        ctx->error = ctx->kept;
    } else {
        if (ctx->finished_index >= 0) status = ctx->finished;
        ctx->error = before;
    }
    ctx->kept = kept;
    ctx->kept_index = kept_index;
    ctx->finished_index = finished_index;
    ctx->finished = finished;
    return status;
}

sx_status sx_parallel_for(sx_ctx *ctx, int64_t n, sx_status (*body)(sx_ctx *child, int64_t i, int worker, void *arg),
                          void *arg) {
    if (n < 0) return SX_FAIL(ctx, SX_E_INTERNAL, "a loop of %" PRId64 " turns", n);
    sx_family *f = ctx->family;
    loop l = { .children = f->children, .body = body, .arg = arg };
    if (!runs_parallel(ctx, n)) return run_serial(ctx, n, &l);

    for (int w = 0; w < f->threads; ++w) {
        f->children[w].kept_index = f->children[w].finished_index = -1;
        f->children[w].progress = w == 0 && !f->host.parallel_for; /* OpenMP: worker 0 is the calling thread */
    }
    run_all(f, n, run_child, &l);

    sx_ctx *failed = NULL, *finished = NULL;
    for (int w = 0; w < f->threads; ++w) {
        sx_ctx *c = &f->children[w];
        c->progress = false;
        if (c->kept_index >= 0 && (!failed || c->kept_index < failed->kept_index)) failed = c;
        if (c->finished_index >= 0 && (!finished || c->finished_index < finished->finished_index)) finished = c;
    }
    sx_status status = failed ? failed->kept.status : finished ? finished->finished : SX_OK;
    if (failed) swap_errors(&ctx->error, &failed->kept);
    for (int w = 0; w < f->threads; ++w) sx_error_clear(ctx, &f->children[w].kept);
    return status;
}

/* -- panels ---------------------------------------------------------------------------------------------------------------------- */

typedef struct panels {
    void (*body)(void *arg, int64_t i);
    void *arg;
} panels;

static void run_panel(void *arg, int64_t i, int worker) {
    const panels *p = arg;
    (void)worker;
    p->body(p->arg, i);
}

void sx_exec_run(void *user, int64_t n, void (*body)(void *arg, int64_t i), void *arg) {
    sx_ctx *ctx = user;
    panels p = { .body = body, .arg = arg };
    if (runs_parallel(ctx, n)) {
        run_all(ctx->family, n, run_panel, &p);
    } else {
        for (int64_t i = 0; i < n; ++i) body(arg, i);
    }
}

void sx_exec_for(const sx_exec *exec, int64_t n, void (*body)(void *arg, int64_t i), void *arg) {
    if (exec && n > 1)
        exec->run(exec->user, n, body, arg);
    else
        for (int64_t i = 0; i < n; ++i) body(arg, i);
}
