// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The report: one HTML file that needs nothing else. */
#include "report/figure.h"

#include "core/file.h"

#include <separatrix/report.h>

#include <string.h>

static sx_status save(sx_ctx *ctx, const char *path, const sx_writer *t) {
    const char *slash = strrchr(path, '/');
    char *directory = NULL;
    sx_chunk chunk = { t->p, (size_t)t->n };
    SX_TRY(ctx, t->status);
    SX_TRY(ctx, slash ? sx_format(ctx, &directory, "%.*s", (int)(slash == path ? 1 : slash - path), path)
                      : sx_strdup(ctx, ".", &directory));
    sx_status status = sx_file_replace(ctx, directory, slash ? slash + 1 : path, &chunk, 1);
    sx_free(ctx, directory);
    return status;
}

sx_status sx_report_write(sx_ctx *ctx, const sx_result *r, const char *path) {
    sx_figures f = { 0 };
    sx_writer t = { .ctx = ctx };
    const char *title = sx_result_attr_find(r, "", NULL, "title");
    SX_TRY(ctx, sx_figures_build(ctx, r, NULL, &f));
    sx_writer_add(&t, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>");
    sx_writer_escape(&t, title ? title : "Separatrix");
    sx_writer_add(&t, "</title></head><body>\n<h1>");
    sx_writer_escape(&t, title ? title : "Separatrix");
    sx_writer_add(&t, "</h1>\n");
    for (int64_t i = 0; i < f.n; i++) sx_figure_svg(&f.item[i], true, &t);
    sx_writer_add(&t, "</body></html>\n");
    sx_status status = save(ctx, path, &t);
    sx_free(ctx, t.p);
    sx_figures_free(&f);
    return status;
}
