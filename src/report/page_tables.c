// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Tables of the report: verdicts beside theory, single numbers, the error of the time step. */
#include "report/page.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void cell(sx_writer *t, double x) {
    sx_writer_add(t, "<td class=\"number\">");
    sx_writer_human(t, x, 4);
    sx_writer_add(t, "</td>");
}

/* Value and error with a common power of ten, to two digits of the error: 0.00682 ± 0.00033, (1.03 ± 0.06)×10⁻⁵. */
static void cell_with_error(sx_writer *t, double x, double se) {
    bool usable = isfinite(x) && isfinite(se) && se > 0;
    if (!usable) {
        cell(t, x);
        return;
    }
    int power = (int)floor(log10(fmax(fabs(x), se)));
    if (power >= -4 && power < 6) power = 0;
    double scale = pow(10, power), places = 1 - floor(log10(se / scale));
    int decimals = places < 0 ? 0 : places > 12 ? 12 : (int)places;
    sx_writer_add(t, power ? "<td class=\"number\">(" : "<td class=\"number\">");
    if (x < 0) sx_writer_add(t, "−");
    sx_writer_decimals(t, fabs(x) / scale, decimals);
    sx_writer_add(t, " ± ");
    sx_writer_decimals(t, se / scale, decimals);
    if (power) {
        sx_writer_add(t, ")×10");
        sx_writer_superscript(t, power);
    }
    sx_writer_add(t, "</td>");
}

void sx_page_value(sx_writer *t, double value, double se) {
    cell_with_error(t, value, se);
}

void sx_page_verdicts(sx_writer *t, const sx_result *r) {
    int n = sx_result_verdicts(r);
    if (n == 0) return;
    sx_writer_add(
        t, "<section id=\"verdicts\"><h2>Theory beside simulation</h2>\n"
           "<p>z = (simulation − theory) / standard error. By chance |z| exceeds 3 once in 370 comparisons, 5 once in "
           "1.7 million; the largest of n exceeds them up to n times as often, and is judged by that.</p>\n"
           "<div class=\"scroll\"><table><thead><tr><th scope=\"col\">task</th><th scope=\"col\">quantity</th>"
           "<th scope=\"col\">simulation ± standard error</th><th scope=\"col\">theory</th><th scope=\"col\">z</th>"
           "<th scope=\"col\">verdict</th><th scope=\"col\">theory from</th></tr></thead><tbody>\n");
    for (int i = 0; i < n; i++) {
        const char *group;
        const sx_verdict *v = sx_result_verdict_at(r, i, &group);
        double z = (v->value - v->theory) / v->se, size = fabs(z);
        sx_writer_add(t, "<tr><td>");
        sx_writer_escape(t, group);
        sx_writer_add(t, "</td><td>");
        sx_writer_escape(t, v->name);
        sx_writer_add(t, "</td>");
        cell_with_error(t, v->value, v->se);
        cell(t, v->theory);
        sx_writer_add(t, "<td class=\"number\">");
        if (isfinite(z)) {
            sx_writer_add(t, z < 0 ? "−" : "");
            sx_writer_decimals(t, size, 2);
        }
        static const char *const words[] = { [SX_NO_ERROR_KNOWN] = "no error known",
                                             [SX_AGREES] = "<span class=\"verdict agree\">agrees</span>",
                                             [SX_DOUBTFUL] = "<span class=\"verdict doubt\">doubtful</span>",
                                             [SX_DISAGREES] = "<span class=\"verdict against\">disagrees</span>" };
        sx_writer_addf(t, "</td><td>%s</td><td class=\"source\">", words[sx_verdict_judge(v)]);
        sx_writer_escape(t, v->source);
        sx_writer_add(t, "</td></tr>\n");
    }
    sx_writer_add(t, "</tbody></table></div></section>\n");
}

/* -- single numbers --------------------------------------------------------------------------------------------------------- */

enum { FEW = 2, TARGETS = 32 };

/* Scalars, and numbers of so few units or targets that a figure would say less. */
static int64_t few(const sx_figures *f, int id) {
    const char *dims[8], *name = sx_result_var(f->r, id, NULL)->name;
    int64_t shape[8];
    int n = sx_result_shape(f->r, id, shape, dims);
    bool rate = strcmp(name, "passage_rate") == 0;
    if (n > 1 || (sx_figures_secondary(f, id) && !rate)) return 0;
    if (n == 0) return 1;
    return shape[0] <= (rate ? TARGETS : FEW) ? shape[0] : 0;
}

static sx_status number_rows(sx_writer *t, sx_figures *f, int id, int64_t n, bool with_theory) {
    const char *dims[8] = { "" }, *group, *unit, *quantity, *item = "", *const *names = NULL;
    int64_t shape[8];
    double value[TARGETS], se[TARGETS], theory[TARGETS];
    const sx_var *var = sx_result_var(f->r, id, &group);
    int n_dims = sx_result_shape(f->r, id, shape, dims), se_id = sx_figures_beside(f, id, "_se"),
        theory_id = sx_figures_beside(f, id, "_theory");
    SX_TRY(f->ctx, sx_figures_unit(f, var->units, &unit));
    SX_TRY(f->ctx, sx_figures_quantity(f, id, &quantity));
    bool texts = var->dtype == SX_DT_STRING;
    if (!texts) SX_TRY(f->ctx, sx_result_read(f->ctx, f->r, id, NULL, NULL, value));
    if (se_id >= 0) SX_TRY(f->ctx, sx_result_read(f->ctx, f->r, se_id, NULL, NULL, se));
    if (theory_id >= 0) SX_TRY(f->ctx, sx_result_read(f->ctx, f->r, theory_id, NULL, NULL, theory));
    if (n_dims > 0) SX_TRY(f->ctx, sx_figures_labels(f, group, dims[0], shape[0], &names));
    for (int64_t i = 0; i < n; i++) {
        if (n_dims > 0) SX_TRY(f->ctx, sx_figures_item_name(f, names, dims[0], i, &item));
        sx_writer_add(t, "<tr><td>");
        sx_writer_escape(t, quantity);
        sx_writer_add(t, "</td><td>");
        sx_writer_escape(t, item);
        sx_writer_add(t, "</td>");
        if (texts) {
            const char *text = sx_result_text(f->r, id, i);
            sx_writer_add(t, "<td>");
            sx_writer_escape(t, text ? text : "");
            sx_writer_add(t, "</td>");
        } else {
            cell_with_error(t, value[i], se_id >= 0 ? se[i] : 0);
        }
        if (theory_id >= 0)
            cell(t, theory[i]);
        else if (with_theory)
            sx_writer_add(t, "<td></td>");
        sx_writer_add(t, "<td>");
        sx_writer_escape(t, unit);
        sx_writer_add(t, "</td><td class=\"source\">");
        sx_writer_escape(t, var->long_name ? var->long_name : "");
        sx_writer_add(t, "</td></tr>\n");
    }
    return SX_OK;
}

/* Words about single points, as the kind of a fixed point; labels of units stand with the numbers. */
static int64_t few_texts(const sx_figures *f, int id) {
    const char *dims[8];
    int64_t shape[8];
    int n = sx_result_shape(f->r, id, shape, dims);
    return n == 1 && strcmp(dims[0], "point") == 0 && shape[0] <= FEW ? shape[0] : 0;
}

/* Whether a variable belongs into the table of a group, and how many rows it has. */
static int64_t rows_of(const sx_figures *f, int id, const char *group) {
    const char *owner;
    const sx_var *var = sx_result_var(f->r, id, &owner);
    if (strcmp(owner, group) != 0 || sx_page_is_item(f, id)) return 0;
    return var->dtype == SX_DT_STRING ? few_texts(f, id) : few(f, id);
}

void sx_page_numbers(sx_writer *t, sx_figures *f, const char *group) {
    bool any = false, theory = false;
    for (int id = 0; id < sx_result_vars(f->r); id++) {
        if (rows_of(f, id, group) == 0) continue;
        any = true;
        theory = theory || sx_figures_beside(f, id, "_theory") >= 0;
    }
    if (!any) return;
    sx_writer_add(t, "<h3>Numbers</h3>\n<div class=\"scroll\"><table><thead><tr><th scope=\"col\">quantity</th><th "
                     "scope=\"col\">of</th>"
                     "<th scope=\"col\">value ± standard error</th>");
    if (theory) sx_writer_add(t, "<th scope=\"col\">theory</th>");
    sx_writer_add(t, "<th scope=\"col\">unit</th><th scope=\"col\">meaning</th></tr></thead><tbody>\n");
    for (int id = 0; id < sx_result_vars(f->r) && t->status >= 0; id++) {
        int64_t n = rows_of(f, id, group);
        sx_status status = n > 0 ? number_rows(t, f, id, n, theory) : SX_OK;
        if (status < 0) t->status = status;
    }
    sx_writer_add(t, "</tbody></table></div>\n");
}

/* -- discretisation --------------------------------------------------------------------------------------------------------- */

/* Variable of the group that ends in "_<quantity>" and has the shape of the shift: what the shift is of. */
static int shifted(const sx_figures *f, int shift, const char *quantity) {
    const char *group, *owner, *dims[8];
    int64_t shape[8], other[8];
    sx_result_var(f->r, shift, &group);
    if (sx_result_shape(f->r, shift, shape, dims) != 1) return -1;
    for (int id = 0; id < sx_result_vars(f->r); id++) {
        const char *name = sx_result_var(f->r, id, &owner)->name;
        size_t n = strlen(name), m = strlen(quantity);
        if (strcmp(owner, group) != 0 || n <= m + 1 || strcmp(name + n - m, quantity) != 0 || name[n - m - 1] != '_')
            continue;
        if (strncmp(name, "dt_shift", 8) != 0 && sx_result_shape(f->r, id, other, dims) == 1 && other[0] == shape[0])
            return id;
    }
    return -1;
}

/* Root mean square of the numbers of a variable; its largest size and where. */
static sx_status norms(sx_figures *f, int id, int64_t n, double *rms, double *largest, int64_t *where) {
    double *v = NULL;
    sx_status status;
    *rms = *largest = 0;
    *where = 0;
    SX_TRY(f->ctx, sx_alloc(f->ctx, n, sizeof *v, &v));
    SX_GO(f->ctx, status, done, sx_result_read(f->ctx, f->r, id, NULL, NULL, v));
    for (int64_t i = 0; i < n; i++) {
        *rms += v[i] * v[i] / (double)n;
        if (fabs(v[i]) > *largest) {
            *largest = fabs(v[i]);
            *where = i;
        }
    }
    *rms = sqrt(*rms);
done:
    sx_free(f->ctx, v);
    return status;
}

static sx_status shift_row(sx_writer *t, sx_figures *f, int id, const char *quantity) {
    const char *group, *dims[8], *const *names = NULL, *item, *unit;
    int64_t shape[8], where, ignored;
    double rms, largest, se_rms = NAN, error = NAN, se_there = NAN, x;
    const sx_var *var = sx_result_var(f->r, id, &group);
    if (sx_result_shape(f->r, id, shape, dims) != 1 || shape[0] < 1) return SX_OK;
    int se_id = sx_figures_beside(f, id, "_se"), of = shifted(f, id, quantity),
        of_se = of >= 0 ? sx_figures_beside(f, of, "_se") : -1;
    SX_TRY(f->ctx, sx_figures_labels(f, group, dims[0], shape[0], &names));
    SX_TRY(f->ctx, sx_figures_unit(f, var->units, &unit));
    SX_TRY(f->ctx, norms(f, id, shape[0], &rms, &largest, &where));
    if (se_id >= 0) SX_TRY(f->ctx, norms(f, se_id, shape[0], &se_rms, &x, &ignored));
    if (se_id >= 0) SX_TRY(f->ctx, sx_result_read(f->ctx, f->r, se_id, &where, &(int64_t){ 1 }, &se_there));
    if (of_se >= 0) SX_TRY(f->ctx, norms(f, of_se, shape[0], &error, &x, &ignored));
    SX_TRY(f->ctx, sx_figures_item_name(f, names, dims[0], where, &item));
    sx_writer_add(t, "<tr><td>");
    sx_writer_escape(t, quantity);
    if (*unit) {
        sx_writer_add(t, " (");
        sx_writer_escape(t, unit);
        sx_writer_add(t, ")");
    }
    sx_writer_add(t, "</td>");
    cell_with_error(t, largest, se_there);
    sx_writer_add(t, "<td class=\"number\">");
    sx_writer_escape(t, item);
    sx_writer_add(t, "</td>");
    cell_with_error(t, rms, se_rms);
    cell(t, error);
    /* the shift without what chance adds to it */
    double shift = isfinite(se_rms) ? sqrt(fmax(0, rms * rms - se_rms * se_rms)) : rms;
    const char *verdict = "<span class=\"verdict against\">larger than the statistical error: halve dt</span>";
    if (!isfinite(error))
        verdict = "no statistical error to compare with";
    else if (shift <= 0.3 * error)
        verdict = "<span class=\"verdict agree\">small beside the statistical error</span>";
    else if (shift <= error)
        verdict = "<span class=\"verdict doubt\">as large as the statistical error</span>";
    sx_writer_addf(t, "<td>%s</td></tr>\n", verdict);
    return SX_OK;
}

void sx_page_discretisation(sx_writer *t, sx_figures *f, const char *group) {
    static const char prefix[] = "dt_shift_";
    bool any = false;
    for (int id = 0; id < sx_result_vars(f->r) && t->status >= 0; id++) {
        const char *owner, *name = sx_result_var(f->r, id, &owner)->name;
        size_t n = strlen(name);
        if (strcmp(owner, group) != 0 || strncmp(name, prefix, strlen(prefix)) != 0 ||
            (n > 3 && strcmp(name + n - 3, "_se") == 0))
            continue;
        if (!any)
            sx_writer_add(t, "<h3>Error of the time step</h3>\n<p>A few replicas were repeated at dt/2 on the same "
                             "noise. The shift is the number at dt/2 "
                             "minus that at dt; the largest of many units is large by chance too.</p>\n<div "
                             "class=\"scroll\"><table><thead><tr>"
                             "<th scope=\"col\">of the</th><th scope=\"col\">largest shift ± standard error</th><th "
                             "scope=\"col\">at</th>"
                             "<th scope=\"col\">root mean square shift ± that of chance</th><th "
                             "scope=\"col\">statistical error of the result (r.m.s.)</th>"
                             "<th scope=\"col\">verdict</th></tr></thead><tbody>\n");
        any = true;
        sx_status status = shift_row(t, f, id, name + strlen(prefix));
        if (status < 0) t->status = status;
    }
    if (any) sx_writer_add(t, "</tbody></table></div>\n");
}
