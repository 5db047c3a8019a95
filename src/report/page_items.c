// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Tables of the report with one row per fixed point, orbit or attractor: coordinates of small states, then every number and word there is of each. */
#include "report/page.h"

#include <stdio.h>
#include <string.h>

enum { FEWEST = 2, MOST = 40, COLUMNS = 16, UNITS = 4 };

static const struct {
    const char *task, *dim, *title, *state;
} kinds[] = { { "fixed-points", "context", "Inputs held constant", NULL },
              { "fixed-points", "point", "Fixed points", "x" },
              { "orbits", "orbit", "Orbits", NULL },
              { "basins", "attractor", "Attractors", "state" } };

enum { KINDS = sizeof kinds / sizeof *kinds };

static bool is_kind(const sx_figures *f, const char *group, int kind, const char *dim) {
    const char *task = sx_result_attr_find(f->r, group, NULL, "task");
    return task && strcmp(task, kinds[kind].task) == 0 && (!dim || strcmp(dim, kinds[kind].dim) == 0);
}

bool sx_page_is_item(const sx_figures *f, int id) {
    const char *group, *dims[8];
    int64_t shape[8];
    (void)sx_result_var(f->r, id, &group);
    if (sx_result_shape(f->r, id, shape, dims) < 1 || shape[0] < FEWEST) return false;
    for (int k = 0; k < KINDS; k++)
        if (is_kind(f, group, k, dims[0])) return true;
    return false;
}

typedef struct column {
    int id;
    int64_t unit; /* of the state; -1: a number of each item */
    bool text;
    double *value, *se;
} column;

/* Numbers of the items; `unit` of those that have one per unit. */
static sx_status load(sx_figures *f, column *c, int64_t shown) {
    int64_t start[2] = { 0, c->unit }, count[2] = { shown, 1 };
    int se = c->unit < 0 ? sx_figures_beside(f, c->id, "_se") : -1;
    if (c->text) return SX_OK;
    SX_TRY(f->ctx, sx_figures_take(f, shown, sizeof *c->value, &c->value));
    SX_TRY(f->ctx, sx_result_read(f->ctx, f->r, c->id, start, count, c->value));
    if (se < 0) return SX_OK;
    SX_TRY(f->ctx, sx_figures_take(f, shown, sizeof *c->se, &c->se));
    return sx_result_read(f->ctx, f->r, se, start, count, c->se);
}

static sx_status head(sx_writer *t, sx_figures *f, const column *c, const char *const *units) {
    const char *label = "", *unit = "";
    const sx_var *var = sx_result_var(f->r, c->id, NULL);
    if (c->unit >= 0)
        SX_TRY(f->ctx, sx_figures_item_name(f, units, "unit", c->unit, &label));
    else
        SX_TRY(f->ctx, sx_figures_quantity(f, c->id, &label));
    if (!c->text) SX_TRY(f->ctx, sx_figures_unit(f, var->units, &unit));
    sx_writer_add(t, "<th scope=\"col\" title=\"");
    sx_writer_escape(t, var->long_name ? var->long_name : "");
    sx_writer_add(t, "\">");
    sx_writer_escape(t, label);
    if (*unit) {
        sx_writer_add(t, " (");
        sx_writer_escape(t, unit);
        sx_writer_add(t, ")");
    }
    sx_writer_add(t, "</th>");
    return SX_OK;
}

static sx_status table(sx_writer *t, sx_figures *f, const char *group, const char *title, const char *dim, int64_t n,
                       column *c, int columns, const char *const *units) {
    int64_t shown = n < MOST ? n : MOST;
    char text[96];
    for (int k = 0; k < columns; k++) SX_TRY(f->ctx, load(f, &c[k], shown));
    sx_writer_add(t, "<h3>");
    sx_writer_add(t, title);
    sx_writer_add(t, "</h3>\n<div class=\"scroll\"><table><thead><tr><th scope=\"col\">");
    sx_writer_add(t, dim);
    sx_writer_add(t, "</th>");
    for (int k = 0; k < columns; k++) SX_TRY(f->ctx, head(t, f, &c[k], units));
    sx_writer_add(t, "</tr></thead><tbody>\n");
    for (int64_t i = 0; i < shown; i++) {
        (void)snprintf(text, sizeof text, "<tr><td class=\"number\">%lld</td>", (long long)i);
        sx_writer_add(t, text);
        for (int k = 0; k < columns; k++) {
            if (!c[k].text) {
                sx_page_value(t, c[k].value[i], c[k].se ? c[k].se[i] : 0);
                continue;
            }
            const char *word = sx_result_text(f->r, c[k].id, i);
            sx_writer_add(t, "<td>");
            sx_writer_escape(t, word ? word : "");
            sx_writer_add(t, "</td>");
        }
        sx_writer_add(t, "</tr>\n");
    }
    sx_writer_add(t, "</tbody></table></div>\n");
    if (shown == n) return SX_OK;
    (void)snprintf(text, sizeof text, "<p class=\"source\">The first %lld of %lld; all are in ", (long long)shown,
                   (long long)n);
    sx_writer_add(t, text);
    sx_writer_escape(t, group);
    sx_writer_add(t, " of result.h5.</p>\n");
    return SX_OK;
}

static void items(sx_writer *t, sx_figures *f, const char *group, int kind) {
    const char *owner, *dims[8], *const *units = NULL;
    column c[COLUMNS];
    int columns = 0;
    int64_t n = 0, shape[8];
    for (int id = 0; id < sx_result_vars(f->r) && columns + UNITS < COLUMNS; id++) {
        const sx_var *var = sx_result_var(f->r, id, &owner);
        int rank = sx_result_shape(f->r, id, shape, dims);
        if (strcmp(owner, group) != 0 || rank < 1 || rank > 2 || strcmp(dims[0], kinds[kind].dim) != 0) continue;
        if (rank == 2) { /* the state, first of all */
            if (!kinds[kind].state || strcmp(var->name, kinds[kind].state) != 0 || shape[1] > UNITS) continue;
            sx_status status = sx_figures_labels(f, group, "unit", shape[1], &units);
            if (status < 0) t->status = status;
            for (int k = columns - 1; k >= 0; k--) c[k + shape[1]] = c[k];
            for (int64_t u = 0; u < shape[1]; u++) c[u] = (column){ .id = id, .unit = u };
            columns += (int)shape[1];
            continue;
        }
        bool text = var->dtype == SX_DT_STRING;
        if (!text && sx_figures_secondary(f, id)) continue;
        n = shape[0];
        c[columns++] = (column){ .id = id, .unit = -1, .text = text };
    }
    if (n < FEWEST || columns == 0 || t->status < 0) return;
    sx_status status = table(t, f, group, kinds[kind].title, kinds[kind].dim, n, c, columns, units);
    if (status < 0) t->status = status;
}

void sx_page_items(sx_writer *t, sx_figures *f, const char *group) {
    for (int k = 0; k < KINDS; k++)
        if (is_kind(f, group, k, NULL)) items(t, f, group, k);
}
