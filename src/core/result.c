// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Results: groups, dimensions, variables.
 * This file: structure and life; the content is in result_cells.c, remarks in result_notes.c. */
#include "core/result_struct.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

size_t sx_dtype_size(sx_dtype dtype) {
    switch (dtype) {
    case SX_DT_F64:
        return sizeof(double);
    case SX_DT_F32:
        return sizeof(float);
    case SX_DT_I64:
        return sizeof(int64_t);
    case SX_DT_U8:
        return 1;
    case SX_DT_STRING:
        return sizeof(char *);
    }
    return 0;
}

/* -- lists ----------------------------------------------------------------------------------------------------------------------- */

sx_status sx_list_reserve(sx_ctx *ctx, sx_list *l) {
    if (l->n < l->capacity) return SX_OK;
    int64_t capacity = l->capacity ? 2 * l->capacity : 8;
    SX_TRY(ctx, sx_resize(ctx, capacity, sizeof *l->item, &l->item));
    l->capacity = capacity;
    return SX_OK;
}

void sx_list_append(sx_list *l, void *item) {
    l->item[l->n++] = item;
}

void sx_attribute_free(sx_ctx *ctx, sx_attribute *a) {
    if (!a) return;
    sx_free(ctx, a->name);
    sx_free(ctx, a->text);
    sx_free(ctx, a);
}

static void attributes_free(sx_ctx *ctx, sx_list *l) {
    for (int64_t i = 0; i < l->n; ++i) sx_attribute_free(ctx, l->item[i]);
    sx_free(ctx, l->item);
}

static void dimension_free(sx_ctx *ctx, sx_dimension *d) {
    if (!d) return;
    sx_free(ctx, d->name);
    sx_free(ctx, d);
}

static void group_free(sx_ctx *ctx, sx_group *g) {
    if (!g) return;
    for (int64_t i = 0; i < g->dims.n; ++i) dimension_free(ctx, g->dims.item[i]);
    sx_free(ctx, g->dims.item);
    attributes_free(ctx, &g->attrs);
    sx_free(ctx, g->name);
    sx_free(ctx, g);
}

void sx_result_free_text(sx_ctx *ctx, const char *text) {
    sx_free(ctx, (void *)(uintptr_t)text);
}

static void variable_free(sx_ctx *ctx, sx_variable *v) {
    if (!v) return;
    if (v->var.dtype == SX_DT_STRING && v->data)
        for (int64_t i = 0; i < v->count; ++i) sx_free(ctx, ((char **)v->data)[i]);
    sx_free(ctx, v->data);
    attributes_free(ctx, &v->attrs);
    sx_result_free_text(ctx, v->var.name);
    sx_result_free_text(ctx, v->var.dims);
    sx_result_free_text(ctx, v->var.units);
    sx_result_free_text(ctx, v->var.long_name);
    sx_result_free_text(ctx, v->var.method);
    sx_free(ctx, v);
}

void sx_comparison_free(sx_ctx *ctx, sx_comparison *c) {
    if (!c) return;
    sx_result_free_text(ctx, c->verdict.name);
    sx_result_free_text(ctx, c->verdict.source);
    sx_free(ctx, c);
}

/* -- groups and dimensions --------------------------------------------------------------------------------------------------------- */

static bool is_name(const char *name, const char *more) {
    size_t n = name ? strlen(name) : 0;
    if (n == 0 || n > SX_RESULT_MAX_NAME) return false;
    for (; *name; ++name)
        if (!((*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') || (*name >= '0' && *name <= '9') ||
              *name == '_' || *name == '-' || strchr(more, *name)))
            return false;
    return true;
}

sx_status sx_result_check_name(sx_ctx *ctx, const char *what, const char *name, const char *more) {
    if (is_name(name, more)) return SX_OK;
    return SX_FAIL(ctx, SX_E_USAGE, "%s \"%.*s\": want 1 to %d of the characters A-Z a-z 0-9 _ - %s", what,
                   SX_RESULT_MAX_NAME, name ? name : "", (int)SX_RESULT_MAX_NAME, more);
}

sx_group *sx_result_find_group(const sx_result *r, const char *name) {
    for (int64_t i = 0; i < r->groups.n; ++i) {
        sx_group *g = r->groups.item[i];
        if (!strcmp(g->name, name ? name : "")) return g;
    }
    return NULL;
}

sx_status sx_result_get_group(sx_ctx *ctx, sx_result *r, const char *name, sx_group **out) {
    if ((*out = sx_result_find_group(r, name))) return SX_OK;
    if (r->groups.n) SX_TRY(ctx, sx_result_check_name(ctx, "group", name, "")); /* the first one is the root "" */
    SX_TRY(ctx, sx_list_reserve(ctx, &r->groups));
    sx_group *g;
    SX_TRY(ctx, sx_alloc(ctx, 1, sizeof *g, &g));
    sx_status status = sx_strdup(ctx, name, &g->name);
    if (status < 0) {
        group_free(ctx, g);
        return sx_frame_at(ctx, status, __FILE__, __LINE__, __func__);
    }
    sx_list_append(&r->groups, g);
    *out = g;
    return SX_OK;
}

static sx_dimension *find_dim(const sx_group *g, const char *name, size_t n) {
    for (int64_t i = 0; i < g->dims.n; ++i) {
        sx_dimension *d = g->dims.item[i];
        if (strlen(d->name) == n && !memcmp(d->name, name, n)) return d;
    }
    return NULL;
}

/* of the group itself, else of the root */
static sx_dimension *visible_dim(const sx_result *r, const sx_group *g, const char *name, size_t n) {
    sx_dimension *d = find_dim(g, name, n);
    return d ? d : find_dim(r->groups.item[0], name, n);
}

sx_status sx_result_create(sx_ctx *ctx, const sx_store *store, sx_result **out) {
    sx_result *r;
    sx_group *root;
    SX_TRY(ctx, sx_alloc(ctx, 1, sizeof *r, &r));
    if (store) {
        memcpy(&r->store, store, store->struct_size < sizeof r->store ? store->struct_size : sizeof r->store);
        r->has_store = true;
    }
    sx_status status = sx_result_get_group(ctx, r, "", &root);
    if (status < 0) {
        sx_result_free(ctx, r);
        return sx_frame_at(ctx, status, __FILE__, __LINE__, __func__);
    }
    *out = r;
    return SX_OK;
}

void sx_result_free(sx_ctx *ctx, sx_result *r) {
    if (!r) return;
    for (int64_t i = 0; i < r->vars.n; ++i) variable_free(ctx, r->vars.item[i]);
    for (int64_t i = 0; i < r->warnings.n; ++i) {
        sx_remark *w = r->warnings.item[i];
        sx_free(ctx, w->text);
        sx_free(ctx, w);
    }
    for (int64_t i = 0; i < r->verdicts.n; ++i) sx_comparison_free(ctx, r->verdicts.item[i]);
    for (int64_t i = 0; i < r->groups.n; ++i) group_free(ctx, r->groups.item[i]);
    sx_free(ctx, r->vars.item);
    sx_free(ctx, r->warnings.item);
    sx_free(ctx, r->verdicts.item);
    sx_free(ctx, r->groups.item);
    if (r->release) r->release(r->release_user, ctx);
    sx_free(ctx, r);
}

void sx_result_on_free(sx_result *r, void (*release)(void *user, sx_ctx *ctx), void *user) {
    r->release = release;
    r->release_user = user;
}

sx_status sx_result_add_group(sx_ctx *ctx, sx_result *r, const char *name) {
    sx_group *g;
    SX_TRY(ctx, sx_result_get_group(ctx, r, name, &g));
    return SX_OK;
}

sx_status sx_result_dim(sx_ctx *ctx, sx_result *r, const char *group_name, const char *name, int64_t length) {
    SX_TRY(ctx, sx_result_check_name(ctx, "dimension", name, ""));
    if (length < 0) return SX_FAIL(ctx, SX_E_USAGE, "dimension %s: length %" PRId64 ": want >= 0", name, length);
    sx_group *g;
    SX_TRY(ctx, sx_result_get_group(ctx, r, group_name, &g));
    sx_dimension *d = find_dim(g, name, strlen(name));
    if (d) {
        if (d->length == length) return SX_OK;
        return SX_FAIL(ctx, SX_E_USAGE,
                       "dimension %s of group \"%s\" has length %" PRId64 "; it cannot become %" PRId64, name, g->name,
                       d->length, length);
    }
    SX_TRY(ctx, sx_list_reserve(ctx, &g->dims));
    SX_TRY(ctx, sx_alloc(ctx, 1, sizeof *d, &d));
    d->length = length;
    sx_status status = sx_strdup(ctx, name, &d->name);
    if (status < 0) {
        dimension_free(ctx, d);
        return sx_frame_at(ctx, status, __FILE__, __LINE__, __func__);
    }
    sx_list_append(&g->dims, d);
    return SX_OK;
}

/* -- variables --------------------------------------------------------------------------------------------------------------------- */

/* Resolve "replica,time,unit" and count the cells. */
static sx_status resolve_dims(sx_ctx *ctx, const sx_result *r, sx_variable *v, const sx_var *var) {
    const char *p = var->dims ? var->dims : "";
    v->count = 1;
    while (*p) {
        size_t n = strcspn(p, ",");
        if (v->ndim == SX_RESULT_MAX_DIMS)
            return SX_FAIL(ctx, SX_E_USAGE, "variable %s: dimensions \"%s\": want at most %d", var->name, var->dims,
                           SX_RESULT_MAX_DIMS);
        const sx_dimension *d = visible_dim(r, v->group, p, n);
        if (!d)
            return SX_FAIL(ctx, SX_E_USAGE,
                           "variable %s: its dimension \"%.*s\" is not defined in group \"%s\" or the root", var->name,
                           (int)n, p, v->group->name);
        v->dims[v->ndim++] = d;
        SX_TRY(ctx, sx_mul_size(ctx, v->count, d->length, &v->count));
        p += n;
        if (*p == ',' && *++p == '\0')
            return SX_FAIL(ctx, SX_E_USAGE, "variable %s: dimensions \"%s\" end with a comma", var->name, var->dims);
    }
    if (visible_dim(r, v->group, var->name, strlen(var->name)) &&
        (v->ndim != 1 || strcmp(v->dims[0]->name, var->name) != 0))
        return SX_FAIL(ctx, SX_E_USAGE,
                       "variable %s has the name of a dimension, so it must have that dimension alone, not \"%s\"",
                       var->name, var->dims ? var->dims : "");
    return SX_OK;
}

sx_status sx_result_copy_text(sx_ctx *ctx, const char *text, const char **out) {
    char *copy = NULL;
    SX_TRY(ctx, sx_strdup(ctx, text, &copy));
    *out = copy;
    return SX_OK;
}

static sx_status make_content(sx_ctx *ctx, const sx_result *r, sx_variable *v) {
    if (v->read) return SX_OK;
    size_t size = sx_dtype_size(v->var.dtype);
    int64_t bytes;
    SX_TRY(ctx, sx_mul_size(ctx, v->count, (int64_t)size, &bytes));
    if (v->var.stored && r->has_store && v->var.dtype != SX_DT_STRING) {
        /* a resumed run finds its earlier content, so nothing is written here */
        char *name;
        SX_TRY(ctx, sx_format(ctx, &name, "%s%s%s", v->group->name, *v->group->name ? "." : "", v->var.name));
        sx_status status = r->store.reserve(r->store.user, ctx, name, bytes, &v->handle);
        sx_free(ctx, name);
        if (status < 0) return sx_frame_at(ctx, status, __FILE__, __LINE__, __func__);
        v->in_store = true;
        return SX_OK;
    }
    SX_TRY(ctx, sx_alloc(ctx, v->count, size, &v->data));
    if (v->var.dtype == SX_DT_F64)
        for (int64_t i = 0; i < v->count; ++i) ((double *)v->data)[i] = (double)NAN;
    if (v->var.dtype == SX_DT_F32)
        for (int64_t i = 0; i < v->count; ++i) ((float *)v->data)[i] = NAN;
    return SX_OK;
}

/* The words "time" and "state" of units become the labels in the root attributes unit_time and unit_state: state^2 -> mV^2. */
static sx_status label_units(sx_ctx *ctx, const sx_result *r, const char *units, const char **out) {
    static const char *const words[][2] = { { "time", "unit_time" }, { "state", "unit_state" } };
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
    char text[256];
    size_t used = 0;
    for (const char *p = units; *p && used < sizeof text;) {
        size_t n = strspn(p, letters);
        const char *label = NULL;
        for (size_t k = 0; n && k < sizeof words / sizeof *words; ++k)
            if (strlen(words[k][0]) == n && strncmp(words[k][0], p, n) == 0)
                label = sx_result_attr_find(r, "", NULL, words[k][1]);
        if (n == 0) n = 1;
        /* "state^2" with state = "mV/s" is (mV/s)^2, "1/state" 1/(mV/s) */
        bool compound = label && strpbrk(label, "/* ^") && (p[n] == '^' || (p > units && p[-1] == '/'));
        int w = snprintf(text + used, sizeof text - used, compound ? "(%.*s)" : "%.*s",
                         label ? (int)strlen(label) : (int)n, label ? label : p);
        used += w > 0 ? (size_t)w : 0;
        p += n;
    }
    if (used >= sizeof text) return sx_result_copy_text(ctx, units, out);
    text[used] = '\0';
    return sx_result_copy_text(ctx, text, out);
}

static sx_status define(sx_ctx *ctx, sx_result *r, const char *group_name, const sx_var *var, sx_result_reader read,
                        void *user, int *id) {
    SX_TRY(ctx, sx_result_check_name(ctx, "variable", var->name, ""));
    if (sx_dtype_size(var->dtype) == 0)
        return SX_FAIL(ctx, SX_E_USAGE, "variable %s: unknown data type %d", var->name, (int)var->dtype);
    if (read && var->dtype == SX_DT_STRING)
        return SX_FAIL(ctx, SX_E_USAGE, "variable %s: texts cannot stay in a file", var->name);
    sx_group *g;
    SX_TRY(ctx, sx_result_get_group(ctx, r, group_name, &g));
    if (sx_result_find(r, g->name, var->name) >= 0)
        return SX_FAIL(ctx, SX_E_USAGE, "variable %s is defined already in group \"%s\"", var->name, g->name);
    SX_TRY(ctx, sx_list_reserve(ctx, &r->vars));
    sx_variable *v;
    sx_status status;
    SX_TRY(ctx, sx_alloc(ctx, 1, sizeof *v, &v));
    v->group = g;
    v->var.dtype = var->dtype;
    v->var.stored = var->stored;
    v->read = read;
    v->read_user = user;
    SX_GO(ctx, status, failed, resolve_dims(ctx, r, v, var));
    SX_GO(ctx, status, failed, sx_result_copy_text(ctx, var->name, &v->var.name));
    SX_GO(ctx, status, failed, sx_result_copy_text(ctx, var->dims ? var->dims : "", &v->var.dims));
    if (read) /* labelled when it was written */
        SX_GO(ctx, status, failed, sx_result_copy_text(ctx, var->units ? var->units : "", &v->var.units));
    else
        SX_GO(ctx, status, failed, label_units(ctx, r, var->units ? var->units : "", &v->var.units));
    SX_GO(ctx, status, failed, sx_result_copy_text(ctx, var->long_name ? var->long_name : "", &v->var.long_name));
    SX_GO(ctx, status, failed, sx_result_copy_text(ctx, var->method, &v->var.method));
    SX_GO(ctx, status, failed, make_content(ctx, r, v));
    sx_list_append(&r->vars, v);
    if (id) *id = (int)(r->vars.n - 1);
    return SX_OK;
failed:
    variable_free(ctx, v);
    return status;
}

sx_status sx_result_define(sx_ctx *ctx, sx_result *r, const char *group_name, const sx_var *var, int *id) {
    SX_TRY(ctx, define(ctx, r, group_name, var, NULL, NULL, id));
    return SX_OK;
}

sx_status sx_result_define_external(sx_ctx *ctx, sx_result *r, const char *group_name, const sx_var *var,
                                    sx_result_reader read, void *user, int *id) {
    SX_TRY(ctx, define(ctx, r, group_name, var, read, user, id));
    return SX_OK;
}

/* -- reading ----------------------------------------------------------------------------------------------------------------------- */

int sx_result_groups(const sx_result *r) {
    return (int)r->groups.n;
}

const char *sx_result_group(const sx_result *r, int i) {
    return i < 0 || i >= r->groups.n ? NULL : ((const sx_group *)r->groups.item[i])->name;
}

int sx_result_vars(const sx_result *r) {
    return (int)r->vars.n;
}

const sx_var *sx_result_var(const sx_result *r, int id, const char **group_name) {
    if (id < 0 || id >= r->vars.n) return NULL;
    const sx_variable *v = r->vars.item[id];
    if (group_name) *group_name = v->group->name;
    return &v->var;
}

int sx_result_find(const sx_result *r, const char *group_name, const char *name) {
    const sx_group *g = sx_result_find_group(r, group_name);
    for (int64_t i = 0; g && i < r->vars.n; ++i) {
        const sx_variable *v = r->vars.item[i];
        if (v->group == g && !strcmp(v->var.name, name)) return (int)i;
    }
    return -1;
}

int sx_result_shape(const sx_result *r, int id, int64_t shape[8], const char *dims[8]) {
    if (id < 0 || id >= r->vars.n) return -1;
    const sx_variable *v = r->vars.item[id];
    for (int k = 0; k < v->ndim; ++k) {
        if (shape) shape[k] = v->dims[k]->length;
        if (dims) dims[k] = v->dims[k]->name;
    }
    return v->ndim;
}

bool sx_result_dim_at(const sx_result *r, const char *group_name, int i, const char **name, int64_t *length) {
    const sx_group *g = sx_result_find_group(r, group_name);
    if (!g || i < 0 || i >= g->dims.n) return false;
    const sx_dimension *d = g->dims.item[i];
    if (name) *name = d->name;
    if (length) *length = d->length;
    return true;
}
