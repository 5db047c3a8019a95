// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* All figures of a result, and their files. */
#include "report/figure.h"

#include "core/file.h"
#include "core/program.h"

#include <separatrix/report.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool has_suffix(const char *name, const char *suffix) {
    size_t n = strlen(name), m = strlen(suffix);
    return n > m && strcmp(name + n - m, suffix) == 0;
}

bool sx_figures_secondary(const sx_figures *f, int id) {
    static const char *const suffixes[] = { "_se", "_theory" };
    const char *group, *dims[8];
    int64_t shape[8];
    char name[256];
    const sx_var *var = sx_result_var(f->r, id, &group);
    int n_dims = sx_result_shape(f->r, id, shape, dims);
    if (var->dtype == SX_DT_STRING || (n_dims == 1 && strcmp(var->name, dims[0]) == 0)) return true;
    for (size_t k = 0; k < sizeof suffixes / sizeof *suffixes; k++) {
        if (!has_suffix(var->name, suffixes[k])) continue;
        snprintf(name, sizeof name, "%.*s", (int)(strlen(var->name) - strlen(suffixes[k])), var->name);
        if (sx_result_find(f->r, group, name) >= 0) return true;
    }
    /* in the table of the discretisation, in the curves of first passages, beside the mean */
    if (strncmp(var->name, "dt_shift_", 9) == 0) return true;
    if (strcmp(var->name, "censored") == 0) return sx_result_find(f->r, group, "first_passage") >= 0;
    if (strcmp(var->name, "passage_rate") == 0) return true;
    if (strcmp(var->name, "x_outside") == 0) return sx_result_find(f->r, group, "x_histogram") >= 0;
    if (strcmp(var->name, "x_final") == 0)
        return sx_result_find(f->r, group, "x_mean") >= 0 || sx_result_find(f->r, group, "x") >= 0;
    return false;
}

/* The first family that takes the variable. */
static sx_status build(sx_figures *f, int id) {
    typedef sx_status family(sx_figures *, int);
    static family *const families[] = { sx_figure_basins,    sx_figure_orbits,       sx_figure_fixed_points,
                                        sx_figure_lyapunov,  sx_figure_response,     sx_figure_spectrum,
                                        sx_figure_learn,     sx_figure_trajectories, sx_figure_passage,
                                        sx_figure_histogram, sx_figure_matrix,       sx_figure_moments,
                                        sx_figure_generic };
    if (sx_figures_secondary(f, id)) return SX_OK;
    for (size_t k = 0; k < sizeof families / sizeof *families; k++) {
        sx_status status = families[k](f, id);
        if (status != SX_STOPPED) return status;
    }
    return SX_OK;
}

sx_status sx_figures_build(sx_ctx *ctx, const sx_result *r, const char *task, sx_figures *out) {
    sx_status status = SX_OK;
    sx_figures f = { .ctx = ctx, .r = r };
    int n = sx_result_vars(r);
    for (int id = 0; id < n; id++) {
        const char *group;
        sx_result_var(r, id, &group);
        if (task && strcmp(task, group) != 0) continue;
        SX_GO(ctx, status, fail, build(&f, id));
    }
    *out = f;
    return SX_OK;
fail:
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

/* The drawing as PDF: librsvg's converter makes it from the SVG text. */
static sx_status save_pdf(sx_ctx *ctx, const char *directory, const char *id, const sx_writer *svg) {
    char *from = NULL, *partial = NULL, *pdf = NULL;
    sx_heard heard;
    sx_status status;
    SX_GO(ctx, status, done, sx_format(ctx, &from, "%s/%s.partial.svg", directory, id));
    SX_GO(ctx, status, done, sx_format(ctx, &partial, "%s/%s.partial.pdf", directory, id));
    SX_GO(ctx, status, done, sx_format(ctx, &pdf, "%s/%s.pdf", directory, id));
    SX_GO(ctx, status, done, save(ctx, directory, id, "partial.svg", svg));
    const char *const argv[] = { "rsvg-convert", "--format=pdf", "--output", partial, from, NULL };
    int how = 0, error = sx_program_run(argv, -1, &heard, &how);
    if (error > 0)
        status =
            SX_FAIL(ctx, SX_E_USAGE, "PDF wants the program rsvg-convert (Debian: librsvg2-bin): %s", strerror(error));
    else if (how != 0)
        status = SX_FAIL(ctx, SX_E_IO, "%s: rsvg-convert failed: %s", pdf, sx_program_lines(&heard, 3));
    else if (rename(partial, pdf) != 0)
        status = SX_FAIL(ctx, SX_E_IO, "%s cannot be written: %s", pdf, strerror(errno));
    (void)unlink(from);
    if (status < 0) (void)unlink(partial);
done:
    sx_free(ctx, from);
    sx_free(ctx, partial);
    sx_free(ctx, pdf);
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
        if (formats & (SX_FIGURES_SVG | SX_FIGURES_PDF)) {
            sx_writer_add(&svg, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
            sx_figure_svg(&f.item[i], true, &svg);
        }
        if (formats & SX_FIGURES_SVG) status = save(ctx, directory, f.item[i].id, "svg", &svg);
        if (formats & SX_FIGURES_PDF && status >= 0) status = save_pdf(ctx, directory, f.item[i].id, &svg);
        if (formats & SX_FIGURES_CSV && status >= 0) {
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
