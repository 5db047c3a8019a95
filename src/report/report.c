// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* report.html: one file that needs nothing else. Every text of the user is escaped; the content security policy lets the browser run
 * the script of this page and nothing else, and load nothing. */
#include "report/page.h"

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

static void policy(sx_writer *t, const sx_writer *style, const sx_writer *script) {
    sx_writer_add(
        t,
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'sha256-");
    sx_page_sha256(t, style->p, (size_t)style->n);
    sx_writer_add(t, "'");
    if (script->n > 0) {
        sx_writer_add(t, "; script-src 'sha256-");
        sx_page_sha256(t, script->p, (size_t)script->n);
        sx_writer_add(t, "'");
    }
    sx_writer_add(t, "; base-uri 'none'; form-action 'none'\">\n");
}

static void head(sx_writer *t, const char *title, const sx_writer *style, const sx_writer *script) {
    sx_writer_add(t, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    policy(t, style, script);
    sx_writer_add(t, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta "
                     "name=\"color-scheme\" content=\"light dark\">\n"
                     "<title>");
    sx_writer_escape(t, title);
    sx_writer_add(t, "</title>\n<style>");
    sx_writer_add_bytes(t, style->p, style->n);
    sx_writer_add(t, "</style>\n</head>\n");
}

static bool has_group_content(const sx_result *r, const char *group) {
    for (int id = 0; id < sx_result_vars(r); id++) {
        const char *owner;
        sx_result_var(r, id, &owner);
        if (strcmp(owner, group) == 0) return true;
    }
    return false;
}

static void contents(sx_writer *t, const sx_result *r) {
    sx_writer_add(t, "<nav aria-label=\"Contents\"><ul>\n<li><a href=\"#summary\">Summary</a></li>\n<li><a "
                     "href=\"#model\">Model</a></li>\n");
    if (sx_result_verdicts(r) > 0) sx_writer_add(t, "<li><a href=\"#verdicts\">Theory beside simulation</a></li>\n");
    for (int g = 0; g < sx_result_groups(r); g++) {
        const char *name = sx_result_group(r, g);
        if (!*name || !has_group_content(r, name)) continue;
        sx_writer_addf(t, "<li><a href=\"#task-%d\">Task ", g);
        sx_writer_escape(t, name);
        sx_writer_add(t, "</a></li>\n");
    }
    sx_writer_add(t, "<li><a href=\"#warnings\">Warnings</a></li>\n<li><a href=\"#reproduce\">How to "
                     "reproduce</a></li>\n</ul></nav>\n");
}

/* The static drawing, on paper and without script; and the numbers for the interactive one. */
static void figure(sx_writer *t, const sx_figure *f, int64_t number, bool interactive) {
    sx_writer_addf(t, "<figure id=\"figure-%s\" class=\"%s\"><h3>Figure %lld. ", f->id,
                   f->wide    ? "wide"
                   : f->cells ? "plain"
                              : "",
                   (long long)number);
    sx_writer_escape(t, f->title);
    sx_writer_addf(t, "</h3>\n<div class=\"%s\">", f->cells ? "heat" : "static");
    sx_figure_svg(f, false, t);
    sx_writer_add(t, "</div>\n<div class=\"plot\"></div>\n<figcaption>");
    sx_writer_escape(t, f->caption);
    sx_writer_add(t, "</figcaption>\n");
    if (interactive) {
        sx_writer_add(t, "<script type=\"application/json\">");
        sx_figure_json(f, t);
        sx_writer_add(t, "</script>");
    }
    sx_writer_add(t, "</figure>\n");
}

static void task(sx_writer *t, sx_figures *f, int g, int64_t *number, bool interactive) {
    const char *name = sx_result_group(f->r, g);
    if (!has_group_content(f->r, name)) return;
    sx_writer_addf(t, "<section id=\"%s%d\"><h2>", *name ? "task-" : "root-", g);
    sx_writer_add(t, *name ? "Task " : "Numbers of the whole experiment");
    sx_writer_escape(t, name);
    sx_writer_add(t, "</h2>\n");
    if (*name) sx_page_task(t, f->r, name);
    sx_page_numbers(t, f, name);
    sx_page_items(t, f, name);
    sx_writer_add(t, "<div class=\"figures\">\n");
    for (int64_t i = 0; i < f->n; i++)
        if (strcmp(f->item[i].group, name) == 0) figure(t, &f->item[i], ++*number, interactive);
    sx_writer_add(t, "</div>\n");
    sx_page_discretisation(t, f, name);
    sx_writer_add(t, "</section>\n");
}

static bool has_figures(const sx_figures *f, const char *group) {
    for (int64_t i = 0; i < f->n; i++)
        if (strcmp(f->item[i].group, group) == 0) return true;
    return false;
}

static void page(sx_writer *t, sx_figures *f, const sx_writer *style, const sx_writer *script) {
    const char *title = sx_result_attr_find(f->r, "", NULL, "title"),
               *version = sx_result_attr_find(f->r, "", NULL, "version");
    int64_t number = 0;
    if (!title || !*title) title = "Separatrix report";
    head(t, title, style, script);
    sx_writer_add(t, "<body>\n<header><h1>");
    sx_writer_escape(t, title);
    sx_writer_add(t, "</h1><button id=\"theme\" type=\"button\" hidden>Dark</button></header>\n");
    contents(t, f->r);
    sx_writer_add(t, "<main>\n<section id=\"summary\"><h2>Summary</h2>\n");
    sx_page_summary(t, f->r);
    sx_writer_add(t, "</section>\n");
    sx_page_model(t, f->r);
    sx_page_verdicts(t, f->r);
    for (int g = 0; g < sx_result_groups(f->r); g++)
        if (*sx_result_group(f->r, g) || has_figures(f, "")) task(t, f, g, &number, script->n > 0);
    sx_page_warnings(t, f->r);
    sx_page_reproduce(t, f->r);
    sx_writer_add(t, "</main>\n<footer>Separatrix ");
    sx_writer_escape(t, version ? version : "");
    sx_writer_add(t, "</footer>\n");
    if (script->n > 0) {
        sx_writer_add(t, "<script>");
        sx_writer_add_bytes(t, script->p, script->n);
        sx_writer_add(t, "</script>\n");
    }
    sx_writer_add(t, "</body>\n</html>\n");
}

sx_status sx_report_write(sx_ctx *ctx, const sx_result *r, const char *path) {
    sx_figures f = { 0 };
    sx_writer t = { .ctx = ctx }, style = t, script = t;
    SX_TRY(ctx, sx_figures_build(ctx, r, NULL, &f));
    sx_writer_add(&style, sx_embedded_uplot_css);
    sx_writer_add(&style, sx_embedded_report_css);
    if (*sx_embedded_uplot_js) {
        sx_writer_add(&script, "/*\n");
        sx_writer_add(&script, sx_embedded_uplot_license);
        sx_writer_add(&script, "*/\n");
        sx_writer_add(&script, sx_embedded_uplot_js);
        sx_writer_add(&script, "\n");
        sx_writer_add(&script, sx_embedded_report_js);
    }
    sx_status status = style.status < 0 ? style.status : script.status;
    if (status >= 0) {
        page(&t, &f, &style, &script);
        status = save(ctx, path, &t);
    }
    sx_free(ctx, style.p);
    sx_free(ctx, script.p);
    sx_free(ctx, t.p);
    sx_figures_free(&f);
    return status;
}
