// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* All figures of a result, and their files. */
#include "report/figure.h"

#include "core/file.h"

#include <separatrix/report.h>

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

sx_status sx_figures_build(sx_ctx *ctx, const sx_result *r, const char *task, sx_figures *out) {
    sx_status status = SX_OK;
    sx_figures f = { .ctx = ctx, .r = r };
    int n = sx_result_vars(r);
    SX_GO(ctx, status, done, sx_figures_take(&f, n, 1, &f.drawn));
    for (int id = 0; id < n; id++) {
        const char *group;
        sx_result_var(r, id, &group);
        if (task && strcmp(task, group) != 0) continue;
        if (!f.drawn[id]) SX_GO(ctx, status, done, sx_figure_generic(&f, id));
    }
    *out = f;
    return SX_OK;
done:
    sx_figures_free(&f);
    return status;
}

static sx_status save(sx_ctx *ctx, const char *directory, const char *id, const char *suffix, const sx_writer *t) {
    char *name = NULL;
    sx_status status = t->status;
    sx_chunk chunk = { t->p, (size_t)t->n };
    if (status >= 0) status = sx_format(ctx, &name, "%s.%s", id, suffix);
    if (status >= 0) status = sx_file_replace(ctx, directory, name, &chunk, 1);
    sx_free(ctx, name);
    return status;
}

sx_status sx_figures_write(sx_ctx *ctx, const sx_result *r, const char *directory, const char *task, unsigned formats,
                           int *count) {
    sx_figures f = { 0 };
    sx_status status = SX_OK;
    if (mkdir(directory, 0777) != 0 && errno != EEXIST)
        return SX_FAIL(ctx, SX_E_IO, "%s: the directory cannot be made: %s", directory, strerror(errno));
    SX_TRY(ctx, sx_figures_build(ctx, r, task, &f));
    for (int64_t i = 0; i < f.n; i++) {
        sx_writer svg = { .ctx = ctx }, csv = { .ctx = ctx };
        if (formats & 1) {
            sx_writer_add(&svg, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
            sx_figure_svg(&f.item[i], true, &svg);
            status = save(ctx, directory, f.item[i].id, "svg", &svg);
        }
        if (formats & 2 && status >= 0) {
            sx_figure_csv(&f.item[i], &csv);
            status = save(ctx, directory, f.item[i].id, "csv", &csv);
        }
        sx_free(ctx, svg.p);
        sx_free(ctx, csv.p);
        if (status < 0) goto done;
    }
    *count = (int)f.n;
done:
    sx_figures_free(&f);
    return status;
}
