// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Content of the variables of a result: hyperslabs in memory, in the store of the host, or in a file. Writes of disjoint cells need
 * no lock: every cell has its place from the moment its variable is defined. When a store or file fails, part of the output of a
 * read may have been filled. */
#include "core/result_struct.h"

#include <inttypes.h>
#include <string.h>

/* A hyperslab as runs of adjacent cells. */
typedef struct slab {
    int64_t start[SX_RESULT_MAX_DIMS], count[SX_RESULT_MAX_DIMS]; /* start has one more number than it needs: scalars */
    int outer;                                                    /* dimensions that are looped over */
    int64_t run;                                                  /* adjacent cells */
    int64_t total;                                                /* cells */
} slab;

static sx_status get_variable(sx_ctx *ctx, const sx_result *r, int id, sx_variable **out) {
    if (id < 0 || id >= r->vars.n)
        return SX_FAIL(ctx, SX_E_USAGE, "variable number %d: want 0 to %" PRId64, id, r->vars.n - 1);
    *out = r->vars.item[id];
    return SX_OK;
}

static sx_status make_slab(sx_ctx *ctx, const sx_variable *v, const int64_t *start, const int64_t *count, slab *s) {
    memset(s, 0, sizeof *s);
    s->total = s->run = 1;
    for (int k = 0; k < v->ndim; ++k) {
        int64_t length = v->dims[k]->length;
        s->start[k] = start ? start[k] : 0;
        s->count[k] = !start ? length : count ? count[k] : length - s->start[k];
        if (s->start[k] < 0 || s->start[k] > length || s->count[k] < 0 || s->count[k] > length - s->start[k])
            return SX_FAIL(ctx, SX_E_USAGE,
                           "variable %s: cells %" PRId64 " to %" PRId64 " along %s: want within 0 to %" PRId64,
                           v->var.name, s->start[k], s->start[k] + s->count[k] - 1, v->dims[k]->name, length - 1);
        s->total *= s->count[k]; /* <= v->count */
    }
    /* from the last dimension on: whole ones merge into the run, the first partial one ends it */
    int k = v->ndim;
    while (k > 0) {
        --k;
        s->run *= s->count[k];
        if (s->count[k] != v->dims[k]->length) break;
    }
    s->outer = k;
    return SX_OK;
}

typedef sx_status (*run_action)(sx_ctx *ctx, const sx_result *r, const sx_variable *v, int64_t cell, int64_t n,
                                int64_t done, void *arg);

/* action(cell, n, done): n cells from `cell` on, after `done` earlier ones of the slab */
static sx_status for_runs(sx_ctx *ctx, const sx_result *r, const sx_variable *v, const slab *s, run_action action,
                          void *arg) {
    int64_t at[SX_RESULT_MAX_DIMS] = { 0 };
    for (int64_t done = 0; done < s->total; done += s->run) {
        int64_t cell = 0;
        for (int k = 0; k < v->ndim; ++k) cell = cell * v->dims[k]->length + s->start[k] + (k < s->outer ? at[k] : 0);
        SX_TRY(ctx, action(ctx, r, v, cell, s->run, done, arg));
        for (int k = s->outer - 1; k >= 0; --k) {
            if (++at[k] < s->count[k]) break;
            at[k] = 0;
        }
    }
    return SX_OK;
}

static sx_status write_run(sx_ctx *ctx, const sx_result *r, const sx_variable *v, int64_t cell, int64_t n, int64_t done,
                           void *arg) {
    size_t size = sx_dtype_size(v->var.dtype);
    const char *from = (const char *)arg + (size_t)done * size;
    if (v->in_store)
        return r->store.write(r->store.user, ctx, v->handle, cell * (int64_t)size, n * (int64_t)size, from);
    memcpy((char *)v->data + (size_t)cell * size, from, (size_t)n * size);
    return SX_OK;
}

static sx_status write_texts(sx_ctx *ctx, const sx_result *r, const sx_variable *v, int64_t cell, int64_t n,
                             int64_t done, void *arg) {
    (void)r;
    char **to = (char **)v->data + cell;
    const char *const *from = (const char *const *)arg + done;
    for (int64_t i = 0; i < n; ++i) {
        char *copy = NULL;
        SX_TRY(ctx, sx_strdup(ctx, from[i], &copy));
        sx_free(ctx, to[i]);
        to[i] = copy;
    }
    return SX_OK;
}

sx_status sx_result_write(sx_ctx *ctx, sx_result *r, int id, const int64_t *start, const int64_t *count,
                          const void *data) {
    sx_variable *v = NULL;
    slab s;
    SX_TRY(ctx, get_variable(ctx, r, id, &v));
    SX_TRY(ctx, make_slab(ctx, v, start, count, &s));
    if (v->read)
        return SX_FAIL(ctx, SX_E_USAGE, "variable %s was loaded from a file and cannot be written", v->var.name);
    SX_TRY(ctx,
           for_runs(ctx, r, v, &s, v->var.dtype == SX_DT_STRING ? write_texts : write_run, (void *)(uintptr_t)data));
    return SX_OK;
}

static sx_status read_run(sx_ctx *ctx, const sx_result *r, const sx_variable *v, int64_t cell, int64_t n, int64_t done,
                          void *arg) {
    size_t size = sx_dtype_size(v->var.dtype);
    char *to = (char *)arg + (size_t)done * size;
    if (v->in_store) return r->store.read(r->store.user, ctx, v->handle, cell * (int64_t)size, n * (int64_t)size, to);
    memcpy(to, (const char *)v->data + (size_t)cell * size, (size_t)n * size);
    return SX_OK;
}

static sx_status read_slab(sx_ctx *ctx, const sx_result *r, const sx_variable *v, const slab *s, void *out) {
    if (v->var.dtype == SX_DT_STRING)
        return SX_FAIL(ctx, SX_E_USAGE, "variable %s holds texts, not numbers", v->var.name);
    if (s->total == 0) return SX_OK;
    if (v->read) return v->read(v->read_user, ctx, s->start, s->count, out);
    return for_runs(ctx, r, v, s, read_run, out);
}

sx_status sx_result_read_raw(sx_ctx *ctx, const sx_result *r, int id, const int64_t *start, const int64_t *count,
                             void *out) {
    sx_variable *v = NULL;
    slab s;
    SX_TRY(ctx, get_variable(ctx, r, id, &v));
    SX_TRY(ctx, make_slab(ctx, v, start, count, &s));
    SX_TRY(ctx, read_slab(ctx, r, v, &s, out));
    return SX_OK;
}

sx_status sx_result_read(sx_ctx *ctx, const sx_result *r, int id, const int64_t *start, const int64_t *count,
                         double *out) {
    sx_variable *v = NULL;
    slab s;
    void *raw;
    SX_TRY(ctx, get_variable(ctx, r, id, &v));
    SX_TRY(ctx, make_slab(ctx, v, start, count, &s));
    if (v->var.dtype == SX_DT_F64) {
        SX_TRY(ctx, read_slab(ctx, r, v, &s, out));
        return SX_OK;
    }
    SX_TRY(ctx, sx_alloc(ctx, s.total, sx_dtype_size(v->var.dtype), &raw));
    sx_status status = read_slab(ctx, r, v, &s, raw);
    if (status >= 0)
        for (int64_t i = 0; i < s.total; ++i)
            out[i] = v->var.dtype == SX_DT_F32   ? (double)((const float *)raw)[i]
                     : v->var.dtype == SX_DT_I64 ? (double)((const int64_t *)raw)[i]
                                                 : (double)((const uint8_t *)raw)[i];
    sx_free(ctx, raw);
    return status < 0 ? sx_frame_at(ctx, status, __FILE__, __LINE__, __func__) : SX_OK;
}

const char *sx_result_text(const sx_result *r, int id, int64_t i) {
    if (id < 0 || id >= r->vars.n) return NULL;
    const sx_variable *v = r->vars.item[id];
    if (v->var.dtype != SX_DT_STRING || i < 0 || i >= v->count) return NULL;
    const char *text = ((char *const *)v->data)[i];
    return text ? text : "";
}

sx_status sx_result_put(sx_ctx *ctx, sx_result *r, const char *group_name, const char *name, const char *dims,
                        const char *units, const char *long_name, const double *data) {
    sx_var var = { .name = name, .dims = dims, .dtype = SX_DT_F64, .units = units, .long_name = long_name };
    int id;
    SX_TRY(ctx, sx_result_define(ctx, r, group_name, &var, &id));
    SX_TRY(ctx, sx_result_write(ctx, r, id, NULL, NULL, data));
    return SX_OK;
}
