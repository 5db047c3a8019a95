// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Writing DIR/experiment.toml and comparing a resumed run with it, line by line. */
#include "experiment/manifest.h"

#include "core/linalg.h"

#include <separatrix/vmath.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VERSION_LINE    "# separatrix: "
#define EXPERIMENT_LINE "# experiment: "
#define FILES_LINE      "# experiment and input files: "
#define KERNELS_LINE    "# kernels: "

static void add_body(sx_ctx *ctx, sx_buf *t, const sx_experiment *e) {
    char *real = realpath(e->directory, NULL), *text = NULL;
    sx_status status = sx_resolve_text(ctx, e, real ? real : e->directory, true, &text);
    free(real);
    if (status < 0)
        t->status = status;
    else
        sx_buf_add(ctx, t, "%s", text);
    sx_free(ctx, text);
}

static void add_head(sx_ctx *ctx, sx_buf *t, const sx_experiment *e, const sx_build *b) {
    sx_buf_add(ctx, t, VERSION_LINE "%s %s\n", sx_version(), sx_revision());
    sx_buf_add(ctx, t, EXPERIMENT_LINE "%016llx\n", (unsigned long long)e->hash);
    sx_buf_add(ctx, t, FILES_LINE "%016llx\n", (unsigned long long)b->bind.files);
    sx_buf_add(ctx, t, KERNELS_LINE "%s, %s\n", sx_kernel_set(), sx_blas_name());
}

sx_status sx_manifest_write(sx_ctx *ctx, const sx_experiment *e, const sx_build *b, const char *directory) {
    sx_buf t = { 0 };
    char *path = NULL;
    sx_status status = SX_OK;
    add_head(ctx, &t, e, b);
    add_body(ctx, &t, e);
    status = t.status;
    if (status < 0) goto done;
    SX_GO(ctx, status, done, sx_format(ctx, &path, "%s/experiment.toml", directory));
    SX_GO(ctx, status, done, sx_file_write(ctx, path, t.p, (size_t)t.n));
done:
    sx_free(ctx, path);
    sx_free(ctx, t.p);
    return status;
}

sx_status sx_manifest_find(sx_ctx *ctx, const char *directory) {
    char *path = NULL;
    SX_TRY(ctx, sx_format(ctx, &path, "%s/experiment.toml", directory));
    bool there = access(path, R_OK) == 0;
    sx_free(ctx, path);
    if (!there)
        return SX_FAIL(ctx, SX_E_CHECKPOINT,
                       "%s: there is no run to resume here (no experiment.toml); run without --resume first",
                       directory);
    return SX_OK;
}

/* Rest of the line that begins with `label`, or NULL. */
static const char *find_line(const char *text, const char *label, int *n) {
    for (const char *p = text; *p;) {
        size_t length = strcspn(p, "\n");
        if (strncmp(p, label, strlen(label)) == 0) {
            *n = (int)(length - strlen(label));
            return p + strlen(label);
        }
        p += length + (p[length] == '\n');
    }
    return NULL;
}

static bool same_line(const char *a, const char *b, const char *label) {
    int n, m;
    const char *x = find_line(a, label, &n), *y = find_line(b, label, &m);
    return x && y && n == m && strncmp(x, y, (size_t)n) == 0;
}

/* The first line of the bodies that differs; comments, title and limits may. */
static sx_status name_difference(sx_ctx *ctx, const char *directory, const char *old, const char *new) {
    int line = 1;
    while (*old && *new) {
        size_t n = strcspn(old, "\n"), m = strcspn(new, "\n");
        bool skip = *old == '#' || strncmp(old, "title = ", 8) == 0;
        if (!skip && (n != m || strncmp(old, new, n) != 0))
            return SX_FAIL(ctx, SX_E_CHECKPOINT,
                           "%s was started with another experiment; experiment.toml:%d was '%.*s' and is now '%.*s'",
                           directory, line, n > 120 ? 120 : (int)n, old, m > 120 ? 120 : (int)m, new);
        old += n + (old[n] == '\n');
        new += m + (new[m] == '\n');
        line++;
    }
    return SX_FAIL(ctx, SX_E_CHECKPOINT,
                   "%s was started with another experiment; experiment.toml has %s lines than now", directory,
                   *old ? "more" : "fewer");
}

static sx_status is_whole(sx_ctx *ctx, const char *directory, bool *whole) {
    char *path = NULL;
    sx_result *result = NULL;
    sx_status status = SX_OK;
    SX_TRY(ctx, sx_format(ctx, &path, "%s/result.h5", directory));
    if (access(path, R_OK) == 0) {
        status = sx_result_load(ctx, path, &result);
        if (status >= 0) {
            const char *complete = sx_result_attr_find(result, "", NULL, "complete");
            *whole = complete && strcmp(complete, "yes") == 0;
        }
        sx_result_free(ctx, result);
    }
    sx_free(ctx, path);
    return status;
}

sx_status sx_manifest_compare(sx_ctx *ctx, const sx_experiment *e, const sx_build *b, const char *directory, bool force,
                              bool *whole) {
    sx_buf t = { 0 };
    char *path = NULL, *old = NULL;
    size_t size = 0;
    sx_status status = SX_OK;
    int n = 0;
    add_head(ctx, &t, e, b);
    add_body(ctx, &t, e);
    status = t.status;
    if (status < 0) goto done;
    SX_GO(ctx, status, done, sx_format(ctx, &path, "%s/experiment.toml", directory));
    SX_GO(ctx, status, done, sx_file_read(ctx, path, 4 << 20, &old, &size));
    if (!same_line(old, t.p, EXPERIMENT_LINE)) {
        status = name_difference(ctx, directory, old, t.p);
    } else if (!same_line(old, t.p, FILES_LINE)) {
        status = SX_FAIL(ctx, SX_E_CHECKPOINT, "%s: an input file has changed since the run was started", directory);
    } else if (!same_line(old, t.p, VERSION_LINE)) {
        const char *version = find_line(old, VERSION_LINE, &n);
        status = SX_FAIL(ctx, SX_E_CHECKPOINT, "%s was started by version %.*s of the library; this is %s %s",
                         directory, n, version ? version : "?", sx_version(), sx_revision());
    } else if (!same_line(old, t.p, KERNELS_LINE) && !force) {
        const char *kernels = find_line(old, KERNELS_LINE, &n);
        status = SX_FAIL(ctx, SX_E_CHECKPOINT,
                         "%s was started with the kernels %.*s; this machine has %s, %s, so the numbers would not be "
                         "the same bits; --force resumes "
                         "nevertheless",
                         directory, n, kernels ? kernels : "?", sx_kernel_set(), sx_blas_name());
    }
    if (status >= 0) status = is_whole(ctx, directory, whole);
done:
    sx_free(ctx, old);
    sx_free(ctx, path);
    sx_free(ctx, t.p);
    return status;
}
