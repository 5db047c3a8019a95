// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Sections of the report in words: what was asked, the model, how a task was run, warnings, how to repeat it. */
#include "report/page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *root(const sx_result *r, const char *name) {
    return sx_result_attr_find(r, "", NULL, name);
}

static int64_t dimension(const sx_result *r, const char *group, const char *want) {
    const char *name;
    int64_t n;
    for (int i = 0; sx_result_dim_at(r, group, i, &name, &n); i++)
        if (strcmp(name, want) == 0) return n;
    return -1;
}

static bool number(const sx_result *r, const char *group, const char *want, double *out) {
    const char *name, *text;
    for (int i = 0; sx_result_attr(r, group, NULL, i, &name, &text, out); i++)
        if (strcmp(name, want) == 0) return isfinite(*out);
    return false;
}

/* "100 ms" */
static void quantity(sx_writer *t, double value, const char *unit) {
    sx_writer_human(t, value, 4);
    if (unit && *unit) {
        sx_writer_add(t, " ");
        sx_writer_escape(t, unit);
    }
}

static void sentence_of_task(sx_writer *t, const sx_result *r, const char *group) {
    double replicas, steps, burn, dt;
    const char *kind = sx_result_attr_find(r, group, NULL, "task"),
               *method = sx_result_attr_find(r, group, NULL, "method");
    const char *unit = root(r, "unit_time");
    sx_writer_add(t, " Task <b>");
    sx_writer_escape(t, group);
    sx_writer_add(t, "</b>");
    if (kind && strcmp(kind, group) != 0) {
        sx_writer_add(t, " (");
        sx_writer_escape(t, kind);
        sx_writer_add(t, ")");
    }
    if (!number(r, group, "replicas", &replicas) || !number(r, group, "steps", &steps) ||
        !number(r, group, "dt", &dt)) {
        sx_writer_add(t, ".");
        return;
    }
    sx_writer_add(t, ": ");
    sx_writer_human(t, replicas, 12);
    sx_writer_addf(t, " independent %s of ", replicas == 1 ? "trajectory" : "trajectories");
    quantity(t, steps * dt, unit);
    sx_writer_add(t, " in steps of ");
    quantity(t, dt, unit);
    if (number(r, group, "burn_in_steps", &burn) && burn > 0) {
        sx_writer_add(t, ", after ");
        quantity(t, burn * dt, unit);
        sx_writer_add(t, " of burn-in");
    }
    if (method) {
        sx_writer_add(t, ", by the method <i>");
        sx_writer_escape(t, method);
        sx_writer_add(t, "</i>");
    }
    sx_writer_add(t, ".");
}

void sx_page_summary(sx_writer *t, const sx_result *r) {
    const char *model = root(r, "model"), *complete = root(r, "complete");
    int64_t n = dimension(r, "", "unit");
    if (complete && strcmp(complete, "yes") != 0) {
        const char *task = root(r, "stopped_in"), *why = root(r, "stopped_because");
        sx_writer_add(t, "<p class=\"alert\"><b>This run is not complete.</b> It stopped in task ");
        sx_writer_escape(t, task ? task : "(unknown)");
        sx_writer_add(t, ": ");
        sx_writer_escape(t, why ? why : "no reason was recorded");
        sx_writer_add(t, "</p>\n");
    }
    sx_writer_add(t, "<p class=\"lead\">");
    if (model) {
        sx_writer_add(t, "A <b>");
        sx_writer_escape(t, model);
        sx_writer_add(t, "</b> model");
        if (n > 0) sx_writer_addf(t, " with %lld unit%s", (long long)n, n == 1 ? "" : "s");
        sx_writer_add(t, ".");
    }
    for (int g = 0; g < sx_result_groups(r); g++)
        if (*sx_result_group(r, g)) sentence_of_task(t, r, sx_result_group(r, g));
    int count = sx_result_verdicts(r), judged[4] = { 0 };
    for (int i = 0; i < count; i++) judged[sx_verdict_judge(sx_result_verdict_at(r, i, NULL))]++;
    const int agree = judged[SX_AGREES], unsure = judged[SX_DOUBTFUL], against = judged[SX_DISAGREES];
    if (count > 0)
        sx_writer_addf(t, " Theory stands beside %d number%s: %d agree%s%s", count, count == 1 ? "" : "s", agree,
                       agree == 1 ? "s" : "", unsure + against == 0 ? "." : "");
    if (unsure + against > 0)
        sx_writer_addf(t, ", %d %s doubtful, %s%d disagree%s%s.", unsure, unsure == 1 ? "is" : "are",
                       against ? "<b>" : "", against, against == 1 ? "s" : "", against ? "</b>" : "");
    int warnings = sx_result_warnings(r);
    if (warnings > 0) sx_writer_addf(t, " <a href=\"#warnings\">%d warning%s.</a>", warnings, warnings == 1 ? "" : "s");
    sx_writer_add(t, "</p>\n");
}

static void row(sx_writer *t, const char *name, const char *value) {
    if (!value || !*value) return;
    sx_writer_add(t, "<tr><th scope=\"row\">");
    sx_writer_escape(t, name);
    sx_writer_add(t, "</th><td>");
    sx_writer_escape(t, value);
    sx_writer_add(t, "</td></tr>\n");
}

void sx_page_model(sx_writer *t, const sx_result *r) {
    const char *latex = root(r, "model_latex"), *equation = root(r, "model_equation"), *name;
    int64_t n;
    sx_writer_add(t, "<section id=\"model\"><h2>Model</h2>\n");
    if (latex && *latex) {
        sx_writer_add(t, "<div class=\"equation\">");
        sx_page_math(t, latex);
        sx_writer_add(t, "</div>\n");
    }
    if (equation && *equation) {
        sx_writer_add(t, "<p class=\"small\">As text: <code>");
        sx_writer_escape(t, equation);
        sx_writer_add(t, "</code></p>\n");
    }
    sx_writer_add(
        t, "<p class=\"small\">Noise enters as dx = [F + c] dt + √2 B dW with B Bᵀ = D (⟨ξξ⟩ = 2D δ); W<sub>ij</sub> "
           "is the weight "
           "from j to i.</p>\n<div class=\"scroll\"><table class=\"facts\"><caption>Units and conventions</caption>\n");
    row(t, "model", root(r, "model"));
    row(t, "unit of time", root(r, "unit_time"));
    row(t, "unit of the state", root(r, "unit_state"));
    row(t, "drift", root(r, "drift"));
    row(t, "calculus", root(r, "calculus"));
    for (int i = 0; sx_result_dim_at(r, "", i, &name, &n); i++) {
        size_t end = strlen(name);
        bool second = end > 1 && name[end - 1] == '2',
             bookkeeping = strncmp(name, "verdict", 7) == 0 || strncmp(name, "warning", 7) == 0;
        if (second || bookkeeping) continue; /* unit2, the other index of a matrix */
        sx_writer_add(t, "<tr><th scope=\"row\">size of dimension <i>");
        sx_writer_escape(t, name);
        sx_writer_addf(t, "</i></th><td>%lld</td></tr>\n", (long long)n);
    }
    sx_writer_add(t, "</table></div></section>\n");
}

void sx_page_task(sx_writer *t, const sx_result *r, const char *group) {
    const char *name, *text, *title = sx_result_attr_find(r, group, NULL, "title");
    double value;
    if (title) {
        sx_writer_add(t, "<p>");
        sx_writer_escape(t, title);
        sx_writer_add(t, "</p>\n");
    }
    sx_writer_add(t, "<details><summary>How it was computed</summary><div class=\"scroll\"><table class=\"facts\">\n");
    for (int i = 0; sx_result_attr(r, group, NULL, i, &name, &text, &value); i++) {
        char label[128];
        size_t n = 0;
        if (strcmp(name, "title") == 0) continue;
        for (; name[n] && n + 1 < sizeof label; n++) label[n] = name[n] == '_' ? ' ' : name[n];
        label[n] = 0;
        bool time = strcmp(name, "dt") == 0 || strcmp(name, "sample_interval") == 0;
        if (!time) {
            row(t, label, text);
            continue;
        }
        sx_writer with_unit = { .ctx = t->ctx };
        quantity(&with_unit, value, root(r, "unit_time")); /* escapes the unit: row must not escape again */
        sx_writer_addf(t, "<tr><th scope=\"row\">%s</th><td>%s</td></tr>\n", label, with_unit.p ? with_unit.p : "");
        if (with_unit.status < 0) t->status = with_unit.status;
        sx_free(t->ctx, with_unit.p);
    }
    sx_writer_add(t, "</table></div></details>\n");
}

void sx_page_warnings(sx_writer *t, const sx_result *r) {
    int n = sx_result_warnings(r);
    sx_writer_add(t, "<section id=\"warnings\"><h2>Warnings</h2>\n");
    if (n == 0) sx_writer_add(t, "<p>None.</p>\n");
    if (n > 0) sx_writer_add(t, "<ul class=\"warnings\">\n");
    for (int i = 0; i < n; i++) {
        const char *group;
        sx_writer_add(t, "<li>");
        const char *text = sx_result_warning(r, i, &group);
        if (group && *group) {
            sx_writer_add(t, "<b>");
            sx_writer_escape(t, group);
            sx_writer_add(t, "</b>: ");
        }
        sx_writer_escape(t, text);
        sx_writer_add(t, "</li>\n");
    }
    sx_writer_add(t, n > 0 ? "</ul></section>\n" : "</section>\n");
}

void sx_page_reproduce(sx_writer *t, const sx_result *r) {
    const char *text = root(r, "experiment");
    sx_writer_add(t, "<section id=\"reproduce\"><h2>How to reproduce</h2>\n"
                     "<p>The experiment below, saved as <code>experiment.toml</code>, gives the same numbers with the "
                     "same version:</p>\n"
                     "<pre><code>separatrix run experiment.toml\nseparatrix figures experiment.out   # every figure as "
                     "SVG, its numbers as CSV"
                     "</code></pre>\n<p>The same bits come out for any number of threads on the same vector kernels "
                     "and the same BLAS "
                     "kernels.</p>\n<div class=\"scroll\"><table class=\"facts\">\n");
    row(t, "seed", root(r, "seed"));
    row(t, "version", root(r, "version"));
    row(t, "revision", root(r, "revision"));
    row(t, "vector kernels", root(r, "kernel_set"));
    row(t, "BLAS", root(r, "blas"));
    row(t, "hash of the experiment", root(r, "hash"));
    sx_writer_add(t, "</table></div>\n");
    if (text && *text) {
        sx_writer_add(t, "<details open><summary>The experiment, every default written out</summary>\n<pre><code>");
        sx_writer_escape(t, text);
        sx_writer_add(t, "</code></pre></details>\n");
    }
    sx_writer_add(t, "</section>\n");
}
