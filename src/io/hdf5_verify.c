// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Is what lies in a file the result in memory? Chunk by chunk, with two buffers of SX_H5_CHUNK bytes. */
#include "io/hdf5_private.h"

#include <string.h>

#define DIFFERS(...) SX_FAIL(ctx, SX_E_IO, "what was written reads back different: " __VA_ARGS__)

static bool same_text(const char *a, const char *b) {
    return a == b || (a && b && strcmp(a, b) == 0);
}

static sx_status compare_attributes(sx_ctx *ctx, const sx_result *a, const sx_result *b, const char *group,
                                    const char *var) {
    const char *name, *text, *other_name, *other;
    double x, y;
    int i = 0, j = 0; /* b lacks the attributes that the file adds anyway */
    for (; sx_result_attr(a, group, var, i, &name, &text, &x); i++) {
        if (!group[0] && !var && (strcmp(name, "Conventions") == 0 || strcmp(name, "separatrix_format") == 0)) continue;
        if (!sx_result_attr(b, group, var, j, &other_name, &other, &y) || strcmp(name, other_name) != 0 ||
            strcmp(text, other) != 0 ||
            sx_result_attr_is_number(a, group, var, i) != sx_result_attr_is_number(b, group, var, j))
            return DIFFERS("attribute %s of %s/%s", name, group, var ? var : "");
        j++;
    }
    return sx_result_attr(b, group, var, j, NULL, NULL, NULL) ? DIFFERS("attributes of %s/%s", group, var ? var : "")
                                                              : SX_OK;
}

static sx_status compare_variable(sx_ctx *ctx, const sx_result *a, const sx_result *b, int id, char *one, char *two) {
    const char *group, *dims[8], *other_dims[8];
    int64_t shape[8], other[8], chunk[8], at[8] = { 0 }, count[8];
    const sx_var *var = sx_result_var(a, id, &group);
    const int ndim = sx_result_shape(a, id, shape, dims), twin = sx_result_find(b, group, var->name);
    if (twin < 0 || sx_result_shape(b, twin, other, other_dims) != ndim)
        return DIFFERS("variable %s/%s is missing or has another shape", group, var->name);
    const sx_var *found = sx_result_var(b, twin, NULL);
    bool empty = false;
    for (int k = 0; k < ndim; k++) {
        if (shape[k] != other[k] || strcmp(dims[k], other_dims[k]) != 0)
            return DIFFERS("dimension %d of %s/%s", k, group, var->name);
        empty = empty || shape[k] == 0;
    }
    if (found->dtype != var->dtype || !same_text(found->units, var->units) ||
        !same_text(found->long_name, var->long_name) || !same_text(found->method, var->method))
        return DIFFERS("description of %s/%s", group, var->name);
    SX_TRY(ctx, compare_attributes(ctx, a, b, group, var->name));
    if (empty) return SX_OK;
    const size_t size = sx_dtype_size(var->dtype);
    sx_h5_chunk(ndim, shape, size, chunk);
    int64_t done = 0;
    if (var->dtype == SX_DT_STRING) {
        int64_t n = 1;
        for (int k = 0; k < ndim; k++) n *= shape[k];
        for (; done < n; done++)
            if (!same_text(sx_result_text(a, id, done), sx_result_text(b, twin, done)))
                return DIFFERS("text %lld of %s/%s", (long long)done, group, var->name);
        return SX_OK;
    }
    do {
        const int64_t cells = sx_h5_cells(ndim, shape, chunk, at, count);
        SX_TRY(ctx, sx_result_read_raw(ctx, a, id, ndim ? at : NULL, ndim ? count : NULL, one));
        SX_TRY(ctx, sx_result_read_raw(ctx, b, twin, ndim ? at : NULL, ndim ? count : NULL, two));
        if (memcmp(one, two, (size_t)cells * size) != 0)
            return DIFFERS("numbers of %s/%s near cell %lld", group, var->name, (long long)done);
        done += cells;
    } while (sx_h5_next(ndim, shape, chunk, at));
    return SX_OK;
}

sx_status sx_h5_compare(sx_ctx *ctx, const sx_result *a, const sx_result *b, void *one, void *two) {
    if (sx_result_groups(a) != sx_result_groups(b) || sx_result_vars(a) != sx_result_vars(b) ||
        sx_result_warnings(a) != sx_result_warnings(b) || sx_result_verdicts(a) != sx_result_verdicts(b))
        return DIFFERS("numbers of groups, variables, warnings or verdicts");
    for (int g = 0; g < sx_result_groups(a); g++) {
        const char *where = sx_result_group(a, g), *name, *other_name;
        int64_t length, other;
        if (strcmp(where, sx_result_group(b, g)) != 0) return DIFFERS("group %s", where);
        SX_TRY(ctx, compare_attributes(ctx, a, b, where, NULL));
        for (int i = 0; sx_result_dim_at(a, where, i, &name, &length); i++)
            if (!sx_result_dim_at(b, where, i, &other_name, &other) || strcmp(name, other_name) != 0 || length != other)
                return DIFFERS("dimension %s/%s", where, name);
    }
    for (int i = 0; i < sx_result_vars(a); i++) SX_TRY(ctx, compare_variable(ctx, a, b, i, one, two));
    const char *group = NULL, *other_group = NULL;
    for (int i = 0; i < sx_result_warnings(a); i++)
        if (!same_text(sx_result_warning(a, i, &group), sx_result_warning(b, i, &other_group)) ||
            !same_text(group, other_group))
            return DIFFERS("warning %d", i);
    for (int i = 0; i < sx_result_verdicts(a); i++) {
        const sx_verdict *p = sx_result_verdict_at(a, i, &group), *q = sx_result_verdict_at(b, i, &other_group);
        const double x[] = { p->value, p->se, p->theory, (double)p->comparisons },
                     y[] = { q->value, q->se, q->theory, (double)q->comparisons };
        if (memcmp(x, y, sizeof x) != 0 || !same_text(p->name, q->name) || !same_text(p->source, q->source) ||
            !same_text(group, other_group))
            return DIFFERS("verdict %d", i);
    }
    return SX_OK;
}

#undef DIFFERS
