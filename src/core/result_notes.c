// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Attributes, warnings and verdicts of a result. */
#include "core/result_struct.h"

#include "core/number.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const sx_list *find_attributes(const sx_result *r, const char *group_name, const char *var) {
    if (!var) {
        const sx_group *g = sx_result_find_group(r, group_name);
        return g ? &g->attrs : NULL;
    }
    int id = sx_result_find(r, group_name, var);
    return id < 0 ? NULL : &((const sx_variable *)r->vars.item[id])->attrs;
}

/* Set, or replace under the same name. */
static sx_status set_attribute(sx_ctx *ctx, sx_result *r, const char *group_name, const char *var, const char *name,
                               const char *text, double number, bool is_number) {
    SX_TRY(ctx, sx_result_check_name(ctx, "attribute", name, "."));
    sx_list *l;
    if (var) {
        int id = sx_result_find(r, group_name, var);
        if (id < 0)
            return SX_FAIL(ctx, SX_E_USAGE, "attribute %s: there is no variable %s in group \"%s\"", name, var,
                           group_name ? group_name : "");
        l = &((sx_variable *)r->vars.item[id])->attrs;
    } else {
        sx_group *g;
        SX_TRY(ctx, sx_result_get_group(ctx, r, group_name, &g));
        l = &g->attrs;
    }
    SX_TRY(ctx, sx_list_reserve(ctx, l));
    sx_attribute *a;
    sx_status status;
    SX_TRY(ctx, sx_alloc(ctx, 1, sizeof *a, &a));
    a->number = number;
    a->is_number = is_number;
    SX_GO(ctx, status, failed, sx_strdup(ctx, name, &a->name));
    SX_GO(ctx, status, failed, sx_strdup(ctx, text ? text : "", &a->text));
    for (int64_t i = 0; i < l->n; ++i) {
        sx_attribute *old = l->item[i];
        if (!strcmp(old->name, name)) {
            sx_attribute_free(ctx, old);
            l->item[i] = a;
            return SX_OK;
        }
    }
    sx_list_append(l, a);
    return SX_OK;
failed:
    sx_attribute_free(ctx, a);
    return status;
}

sx_status sx_result_attr_text(sx_ctx *ctx, sx_result *r, const char *group_name, const char *var, const char *name,
                              const char *value) {
    SX_TRY(ctx, set_attribute(ctx, r, group_name, var, name, value, (double)NAN, false));
    return SX_OK;
}

sx_status sx_result_attr_number(sx_ctx *ctx, sx_result *r, const char *group_name, const char *var, const char *name,
                                double value) {
    char text[32];
    SX_TRY(ctx, set_attribute(ctx, r, group_name, var, name, sx_number_print(text, value), value, true));
    return SX_OK;
}

sx_status sx_result_warn(sx_ctx *ctx, sx_result *r, const char *group_name, const char *format, ...) {
    sx_group *g;
    sx_remark *w;
    va_list args;
    sx_status status;
    SX_TRY(ctx, sx_result_get_group(ctx, r, group_name, &g));
    SX_TRY(ctx, sx_list_reserve(ctx, &r->warnings));
    SX_TRY(ctx, sx_alloc(ctx, 1, sizeof *w, &w));
    w->group = g;
    va_start(args, format);
    int n = sx_number_vprint(NULL, 0, format, args);
    va_end(args);
    if (n < 0) {
        status = SX_FAIL(ctx, SX_E_INTERNAL, "a warning that cannot be printed: format \"%s\"", format);
        goto failed;
    }
    SX_GO(ctx, status, failed, sx_alloc(ctx, (int64_t)n + 1, 1, &w->text));
    va_start(args, format);
    sx_number_vprint(w->text, (size_t)n + 1, format, args);
    va_end(args);
    sx_list_append(&r->warnings, w);
    sx_log(ctx, SX_LOG_WARNING, "%s%s%s", g->name, *g->name ? ": " : "", w->text);
    return SX_OK;
failed:
    sx_free(ctx, w);
    return status;
}

sx_status sx_result_add_warning(sx_ctx *ctx, sx_result *r, const char *group_name, const char *text) {
    sx_group *g;
    sx_remark *w;
    SX_TRY(ctx, sx_result_get_group(ctx, r, group_name, &g));
    SX_TRY(ctx, sx_list_reserve(ctx, &r->warnings));
    SX_TRY(ctx, sx_alloc(ctx, 1, sizeof *w, &w));
    w->group = g;
    sx_status status = sx_strdup(ctx, text, &w->text);
    if (status < 0) {
        sx_free(ctx, w);
        return sx_frame_at(ctx, status, __FILE__, __LINE__, __func__);
    }
    sx_list_append(&r->warnings, w);
    return SX_OK;
}

sx_status sx_result_verdict(sx_ctx *ctx, sx_result *r, const char *group_name, const sx_verdict *verdict) {
    sx_group *g;
    sx_comparison *c;
    sx_status status;
    SX_TRY(ctx, sx_result_get_group(ctx, r, group_name, &g));
    SX_TRY(ctx, sx_list_reserve(ctx, &r->verdicts));
    SX_TRY(ctx, sx_alloc(ctx, 1, sizeof *c, &c));
    c->verdict = *verdict;
    c->verdict.name = c->verdict.source = NULL;
    if (c->verdict.comparisons < 1) c->verdict.comparisons = 1;
    c->group = g;
    SX_GO(ctx, status, failed, sx_result_copy_text(ctx, verdict->name ? verdict->name : "", &c->verdict.name));
    SX_GO(ctx, status, failed, sx_result_copy_text(ctx, verdict->source ? verdict->source : "", &c->verdict.source));
    sx_list_append(&r->verdicts, c);
    return SX_OK;
failed:
    sx_comparison_free(ctx, c);
    return status;
}

sx_judgement sx_verdict_judge(const sx_verdict *v) {
    const double z = fabs((v->value - v->theory) / v->se), n = v->comparisons > 1 ? (double)v->comparisons : 1;
    if (!isfinite(z)) return SX_NO_ERROR_KNOWN;
    const double chance = n * erfc(z * sqrt(0.5));
    return chance >= 0.0026997960632601866 ? SX_AGREES : chance >= 5.733031437583868e-07 ? SX_DOUBTFUL : SX_DISAGREES;
}

bool sx_result_attr(const sx_result *r, const char *group_name, const char *var, int i, const char **name,
                    const char **text, double *number) {
    const sx_list *l = find_attributes(r, group_name, var);
    if (!l || i < 0 || i >= l->n) return false;
    const sx_attribute *a = l->item[i];
    if (name) *name = a->name;
    if (text) *text = a->text;
    if (number) *number = a->number;
    return true;
}

bool sx_result_attr_is_number(const sx_result *r, const char *group_name, const char *var, int i) {
    const sx_list *l = find_attributes(r, group_name, var);
    return l && i >= 0 && i < l->n && ((const sx_attribute *)l->item[i])->is_number;
}

const char *sx_result_attr_find(const sx_result *r, const char *group_name, const char *var, const char *name) {
    const sx_list *l = find_attributes(r, group_name, var);
    for (int64_t i = 0; l && i < l->n; ++i) {
        const sx_attribute *a = l->item[i];
        if (!strcmp(a->name, name)) return a->text;
    }
    return NULL;
}

int sx_result_warnings(const sx_result *r) {
    return (int)r->warnings.n;
}

const char *sx_result_warning(const sx_result *r, int i, const char **group_name) {
    if (i < 0 || i >= r->warnings.n) return NULL;
    const sx_remark *w = r->warnings.item[i];
    if (group_name) *group_name = w->group->name;
    return w->text;
}

int sx_result_verdicts(const sx_result *r) {
    return (int)r->verdicts.n;
}

const sx_verdict *sx_result_verdict_at(const sx_result *r, int i, const char **group_name) {
    if (i < 0 || i >= r->verdicts.n) return NULL;
    const sx_comparison *c = r->verdicts.item[i];
    if (group_name) *group_name = c->group->name;
    return &c->verdict;
}
