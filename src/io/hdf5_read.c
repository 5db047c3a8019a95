// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Reading results from HDF5. Files may be damaged or hostile: every length is checked before memory is taken; only plain datasets in
 * the file itself are read (no soft or external links, no virtual or external storage, no filters but deflate, shuffle, fletcher32).
 *
 * 1 open and check; 2 list the links of every group in the order of creation; 3 dimensions; 4 variables: small ones are read, large
 * ones stay in the file; 5 warnings and verdicts. */
#include "io/hdf5_private.h"

#include <separatrix/io.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* An open file behind a result, and the variables that are read on demand. */
typedef struct external {
    hid_t dataset;
    int ndim;
    sx_dtype dtype;
    struct external *next;
} external;

typedef struct source {
    hid_t file;
    external *variables;
} source;

/* A dataset or group of the file. */
typedef struct entry {
    char *group, *name; /* owned; group "" is the root */
    haddr_t address;
    bool scale, dimension_only, reserved;
    int64_t length; /* of a scale */
    int32_t dimid;
} entry;

typedef struct reader {
    sx_ctx *ctx;
    source *source; /* owned until the result has it */
    sx_result *r, *extra;
    entry *objects;
    int64_t n, space;
    int64_t in_memory; /* bytes of variables that were read */
    const char *group; /* being listed */
    hid_t where;
    sx_status status; /* of a callback */
} reader;

#define GO_H5(k, status, call) SX_H5((k)->ctx, status, SX_E_FILE, done, call)

/* -- variables read on demand ------------------------------------------------------------------------------------------ */
static sx_status read_cells(sx_ctx *ctx, hid_t dataset, sx_dtype dtype, int ndim, const int64_t *start,
                            const int64_t *count, void *data) {
    sx_status status = SX_OK;
    hid_t file_space = H5I_INVALID_HID, memory_space = H5I_INVALID_HID;
    hsize_t from[8], n[8];
    if (ndim == 0) {
        SX_H5(ctx, status, SX_E_FILE, done, H5Dread(dataset, sx_h5_type(dtype), H5S_ALL, H5S_ALL, H5P_DEFAULT, data));
        return SX_OK;
    }
    for (int k = 0; k < ndim; k++) from[k] = (hsize_t)start[k], n[k] = (hsize_t)count[k];
    SX_H5(ctx, status, SX_E_FILE, done, file_space = H5Dget_space(dataset));
    SX_H5(ctx, status, SX_E_FILE, done, H5Sselect_hyperslab(file_space, H5S_SELECT_SET, from, NULL, n, NULL));
    SX_H5(ctx, status, SX_E_FILE, done, memory_space = H5Screate_simple(ndim, n, NULL));
    SX_H5(ctx, status, SX_E_FILE, done,
          H5Dread(dataset, sx_h5_type(dtype), memory_space, file_space, H5P_DEFAULT, data));
done:
    sx_h5_close(ctx, &status, memory_space);
    sx_h5_close(ctx, &status, file_space);
    return status;
}

static sx_status read_external(void *user, sx_ctx *ctx, const int64_t *start, const int64_t *count, void *data) {
    const external *e = user;
    sx_h5_printing printing;
    sx_h5_silence(&printing);
    const sx_status status = read_cells(ctx, e->dataset, e->dtype, e->ndim, start, count, data);
    sx_h5_restore(&printing);
    return status;
}

static void release_source(void *user, sx_ctx *ctx) {
    source *s = user;
    sx_h5_printing printing;
    sx_h5_silence(&printing);
    while (s->variables) {
        external *next = s->variables->next;
        (void)H5Dclose(s->variables->dataset);
        sx_free(ctx, s->variables);
        s->variables = next;
    }
    if (s->file >= 0) (void)H5Fclose(s->file);
    sx_h5_restore(&printing);
    sx_free(ctx, s);
}

/* -- the list of objects --------------------------------------------------------------------------------------------- */
static sx_status add_object(reader *k, const char *group, const char *name, entry **out) {
    sx_ctx *ctx = k->ctx;
    if (k->n == SX_H5_MAX_OBJECTS) return SX_FAIL(ctx, SX_E_FILE, "more than %d objects", SX_H5_MAX_OBJECTS);
    if (k->n == k->space) {
        SX_TRY(ctx, sx_resize(ctx, 2 * k->space + 16, sizeof *k->objects, &k->objects));
        k->space = 2 * k->space + 16;
    }
    entry *o = &k->objects[k->n];
    *o = (entry){ .dimid = INT32_MAX };
    SX_TRY(ctx, sx_strdup(ctx, group, &o->group));
    k->n++;
    SX_TRY(ctx, sx_strdup(ctx, name, &o->name));
    *out = o;
    return SX_OK;
}

/* Is the dataset plain: stored in this file, with filters that every build has? */
static sx_status check_storage(reader *k, hid_t dataset, const char *name) {
    sx_ctx *ctx = k->ctx;
    sx_status status = SX_OK;
    hid_t p = H5I_INVALID_HID;
    GO_H5(k, status, p = H5Dget_create_plist(dataset));
    const H5D_layout_t layout = H5Pget_layout(p);
    if ((layout != H5D_COMPACT && layout != H5D_CONTIGUOUS && layout != H5D_CHUNKED) || H5Pget_external_count(p) != 0) {
        status = SX_FAIL(ctx, SX_E_FILE, "%s: virtual or external storage is not read", name);
        goto done;
    }
    int filters;
    GO_H5(k, status, filters = H5Pget_nfilters(p));
    for (int i = 0; i < filters; i++) {
        unsigned flags, config;
        size_t n = 0;
        const H5Z_filter_t f = H5Pget_filter2(p, (unsigned)i, &flags, &n, NULL, 0, NULL, &config);
        if (f != H5Z_FILTER_DEFLATE && f != H5Z_FILTER_SHUFFLE && f != H5Z_FILTER_FLETCHER32) {
            status = SX_FAIL(ctx, SX_E_FILE, "%s: filter %d is not read", name, (int)f);
            goto done;
        }
    }
    if (layout == H5D_CHUNKED) {
        hsize_t length[H5S_MAX_RANK];
        double bytes = 8;
        int n;
        GO_H5(k, status, n = H5Pget_chunk(p, H5S_MAX_RANK, length));
        for (int i = 0; i < n; i++) bytes *= (double)length[i];
        if (bytes > 1 << 28) status = SX_FAIL(ctx, SX_E_FILE, "%s: chunks of %.3g bytes", name, bytes);
    }
done:
    sx_h5_close(ctx, &status, p);
    return status;
}

/* Note a dataset: is it a scale, a mere dimension, how long? */
static sx_status note_dataset(reader *k, const char *name, haddr_t address) {
    sx_ctx *ctx = k->ctx;
    sx_status status = SX_OK;
    hid_t dataset = H5I_INVALID_HID, space = H5I_INVALID_HID;
    entry *o = NULL;
    char *text = NULL;
    double dimid = -1;
    SX_GO(ctx, status, done, add_object(k, k->group, name, &o));
    o->address = address;
    o->reserved = sx_h5_reserved(k->group, name);
    GO_H5(k, status, dataset = H5Dopen2(k->where, name, H5P_DEFAULT));
    SX_GO(ctx, status, done, check_storage(k, dataset, name));
    htri_t scale;
    GO_H5(k, status, scale = H5DSis_scale(dataset));
    if (!scale) goto done;
    hsize_t length;
    GO_H5(k, status, space = H5Dget_space(dataset));
    if (H5Sget_simple_extent_ndims(space) != 1 || H5Sget_simple_extent_dims(space, &length, NULL) != 1 ||
        length > INT64_MAX) {
        status = SX_FAIL(ctx, SX_E_FILE, "%s: a dimension scale has one dimension", name);
        goto done;
    }
    o->scale = true;
    o->length = (int64_t)length;
    SX_GO(ctx, status, done, sx_h5_text_attribute(ctx, dataset, "NAME", &text));
    o->dimension_only = text && strncmp(text, SX_H5_NO_VARIABLE, strlen(SX_H5_NO_VARIABLE)) == 0;
    SX_GO(ctx, status, done, sx_h5_number_attribute(ctx, dataset, "_Netcdf4Dimid", &dimid));
    if (dimid >= 0 && dimid < INT32_MAX) o->dimid = (int32_t)dimid;
done:
    sx_free(ctx, text);
    sx_h5_close(ctx, &status, space);
    sx_h5_close(ctx, &status, dataset);
    return status;
}

static herr_t each_link(hid_t where, const char *name, const H5L_info_t *info, void *user) {
    reader *k = user;
    sx_ctx *ctx = k->ctx;
    sx_status status = SX_OK;
    H5O_info_t object_info;
    if (info->type != H5L_TYPE_HARD) {
        status = SX_FAIL(ctx, SX_E_FILE, "%s: soft and external links are not followed", name);
        goto done;
    }
    GO_H5(k, status, H5Oget_info_by_name(where, name, &object_info, H5P_DEFAULT));
    if (object_info.type == H5O_TYPE_DATASET) {
        SX_GO(ctx, status, done, note_dataset(k, name, object_info.addr));
    } else if (object_info.type == H5O_TYPE_GROUP && !k->group[0]) {
        SX_GO(ctx, status, done, sx_result_add_group(ctx, k->r, name));
    } else {
        status = SX_FAIL(ctx, SX_E_FILE, "%s/%s: neither a variable nor a group of the root", k->group, name);
    }
done:
    k->status = status;
    return status < 0 ? -1 : 0;
}

static sx_status list_group(reader *k, const char *group) {
    sx_ctx *ctx = k->ctx;
    sx_status status = SX_OK;
    hsize_t at = 0;
    hid_t p = H5I_INVALID_HID;
    unsigned order = 0;
    k->group = group;
    GO_H5(k, status, k->where = H5Gopen2(k->source->file, group[0] ? group : "/", H5P_DEFAULT));
    GO_H5(k, status, p = H5Gget_create_plist(k->where));
    GO_H5(k, status, H5Pget_link_creation_order(p, &order));
    const H5_index_t index = order & H5P_CRT_ORDER_TRACKED ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME;
    k->status = SX_OK;
    SX_H5_ITERATE(ctx, status, done, k->status, H5Literate(k->where, index, H5_ITER_INC, &at, each_link, k));
    SX_GO(ctx, status, done, sx_h5_read_attributes(ctx, k->r, k->where, group, NULL));
done:
    sx_h5_close(ctx, &status, p);
    sx_h5_close(ctx, &status, k->where);
    return status;
}

/* -- dimensions ------------------------------------------------------------------------------------------------------ */
static int by_dimid(const void *a, const void *b) {
    const entry *p = *(const entry *const *)a, *q = *(const entry *const *)b;
    return p->dimid != q->dimid ? (p->dimid < q->dimid ? -1 : 1) : (p < q ? -1 : p > q);
}

static sx_status define_dimensions(reader *k) {
    sx_ctx *ctx = k->ctx;
    sx_status status = SX_OK;
    const entry **scales = NULL;
    int64_t n = 0;
    SX_TRY(ctx, sx_alloc(ctx, k->n, sizeof *scales, &scales));
    for (int64_t i = 0; i < k->n; i++)
        if (k->objects[i].scale) scales[n++] = &k->objects[i];
    if (n) qsort(scales, (size_t)n, sizeof *scales, by_dimid);
    for (int64_t i = 0; i < n; i++)
        SX_GO(ctx, status, done,
              sx_result_dim(ctx, scales[i]->reserved ? k->extra : k->r, scales[i]->group, scales[i]->name,
                            scales[i]->length));
done:
    sx_free(ctx, scales);
    return status;
}

typedef struct attached {
    reader *k;
    const entry *scale;
} attached;

static herr_t each_scale(hid_t dataset, unsigned axis, hid_t scale, void *user) {
    attached *a = user;
    H5O_info_t info;
    (void)dataset, (void)axis;
    if (H5Oget_info(scale, &info) < 0) return -1;
    for (int64_t i = 0; i < a->k->n; i++)
        if (a->k->objects[i].scale && a->k->objects[i].address == info.addr) {
            a->scale = &a->k->objects[i];
            return 1;
        }
    return 0;
}

/* "replica,time,unit" of a variable, from the scales of its axes. */
static sx_status dimension_names(reader *k, const entry *o, hid_t dataset, int ndim, const hsize_t *length,
                                 char names[2048]) {
    sx_ctx *ctx = k->ctx;
    sx_status status = SX_OK;
    size_t used = 0;
    names[0] = '\0';
    for (int axis = 0; axis < ndim; axis++) {
        attached a = { k, o->scale ? o : NULL };
        if (!a.scale) GO_H5(k, status, H5DSiterate_scales(dataset, (unsigned)axis, NULL, each_scale, &a));
        if (!a.scale || (uint64_t)a.scale->length != length[axis] ||
            (a.scale->group[0] && strcmp(a.scale->group, o->group) != 0))
            return SX_FAIL(ctx, SX_E_FILE, "axis %d has no dimension of its length", axis);
        used += (size_t)snprintf(names + used, 2048 - used, "%s%s", axis ? "," : "", a.scale->name);
        if (used >= 2048) return SX_FAIL(ctx, SX_E_FILE, "dimension names of more than 2048 bytes");
    }
done:
    return status;
}

/* -- variables ------------------------------------------------------------------------------------------------------- */
static sx_status variable_type(reader *k, hid_t dataset, sx_dtype *out) {
    sx_ctx *ctx = k->ctx;
    sx_status status = SX_OK;
    hid_t type = H5I_INVALID_HID;
    GO_H5(k, status, type = H5Dget_type(dataset));
    const H5T_class_t class = H5Tget_class(type);
    const size_t size = H5Tget_size(type);
    if (class == H5T_FLOAT && size == 8)
        *out = SX_DT_F64;
    else if (class == H5T_FLOAT && size == 4)
        *out = SX_DT_F32;
    else if (class == H5T_INTEGER && size == 8 && H5Tget_sign(type) == H5T_SGN_2)
        *out = SX_DT_I64;
    else if (class == H5T_INTEGER && size == 1 && H5Tget_sign(type) == H5T_SGN_NONE)
        *out = SX_DT_U8;
    else if (class == H5T_STRING && H5Tis_variable_str(type) > 0)
        *out = SX_DT_STRING;
    else
        status = SX_FAIL(ctx, SX_E_FILE, "its type is none of f64, f32, i64, u8, text");
done:
    sx_h5_close(ctx, &status, type);
    return status;
}

static sx_status read_texts(reader *k, sx_result *r, int id, hid_t dataset, int64_t n) {
    sx_ctx *ctx = k->ctx;
    sx_status status = SX_OK;
    hid_t type = H5I_INVALID_HID, space = H5I_INVALID_HID;
    char **text = NULL;
    const char **given = NULL;
    bool read = false;
    if (n == 0) return SX_OK;
    if (n > SX_H5_MAX_TEXTS) return SX_FAIL(ctx, SX_E_FILE, "more than %d texts", SX_H5_MAX_TEXTS);
    SX_TRY(ctx, sx_alloc(ctx, n, sizeof *text, &text));
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *given, &given));
    GO_H5(k, status, type = sx_h5_string_type());
    GO_H5(k, status, space = H5Dget_space(dataset));
    GO_H5(k, status, H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, text));
    read = true;
    for (int64_t i = 0; i < n; i++) {
        given[i] = text[i] ? text[i] : "";
        const size_t bytes = strlen(given[i]);
        k->in_memory += (int64_t)bytes;
        if (bytes > SX_H5_MAX_TEXT || k->in_memory > (int64_t)256 << 20) {
            status = SX_FAIL(ctx, SX_E_FILE, "texts of more than 256 MB");
            goto done;
        }
    }
    SX_GO(ctx, status, done, sx_result_write(ctx, r, id, NULL, NULL, given));
done:
    if (read) (void)H5Dvlen_reclaim(type, space, H5P_DEFAULT, text);
    sx_free(ctx, given);
    sx_free(ctx, text);
    sx_h5_close(ctx, &status, space);
    sx_h5_close(ctx, &status, type);
    return status;
}

static sx_status read_numbers(reader *k, sx_result *r, const entry *o, const sx_var *var, hid_t *dataset, int ndim,
                              const int64_t *shape, int64_t n) {
    sx_ctx *ctx = k->ctx;
    sx_status status = SX_OK;
    const int64_t size = (int64_t)sx_dtype_size(var->dtype);
    const int64_t origin[8] = { 0 };
    void *data = NULL;
    int id;
    if (n <= SX_H5_IN_MEMORY / size && k->in_memory + n * size <= (int64_t)256 << 20) {
        SX_GO(ctx, status, done, sx_result_define(ctx, r, o->group, var, &id));
        if (n == 0) goto done;
        SX_GO(ctx, status, done, sx_alloc(ctx, n, (size_t)size, &data));
        SX_GO(ctx, status, done, read_cells(ctx, *dataset, var->dtype, ndim, origin, shape, data));
        SX_GO(ctx, status, done, sx_result_write(ctx, r, id, NULL, NULL, data));
        k->in_memory += n * size;
    } else {
        external *e;
        SX_GO(ctx, status, done, sx_alloc(ctx, 1, sizeof *e, &e));
        *e = (external){ *dataset, ndim, var->dtype, k->source->variables };
        k->source->variables = e; /* takes the dataset */
        *dataset = H5I_INVALID_HID;
        sx_var stored = *var;
        stored.stored = true;
        SX_GO(ctx, status, done, sx_result_define_external(ctx, r, o->group, &stored, read_external, e, &id));
    }
done:
    sx_free(ctx, data);
    return status;
}

static sx_status read_variable(reader *k, const entry *o) {
    sx_ctx *ctx = k->ctx;
    sx_result *r = o->reserved ? k->extra : k->r;
    sx_status status = SX_OK;
    hid_t dataset = H5I_INVALID_HID, space = H5I_INVALID_HID;
    char path[512], names[2048], *units = NULL, *long_name = NULL, *method = NULL;
    hsize_t length[H5S_MAX_RANK];
    int64_t shape[8], n = 1;
    if (snprintf(path, sizeof path, "%s/%s", o->group, o->name) >= (int)sizeof path)
        return SX_FAIL(ctx, SX_E_FILE, "a name of more than 500 bytes");
    GO_H5(k, status, dataset = H5Dopen2(k->source->file, path, H5P_DEFAULT));
    GO_H5(k, status, space = H5Dget_space(dataset));
    const int ndim = H5Sget_simple_extent_ndims(space);
    const H5S_class_t class = H5Sget_simple_extent_type(space);
    if (ndim < 0 || ndim > 8 || (class != H5S_SCALAR && class != H5S_SIMPLE)) {
        status = SX_FAIL(ctx, SX_E_FILE, "%d dimensions; at most 8", ndim);
        goto done;
    }
    GO_H5(k, status, H5Sget_simple_extent_dims(space, length, NULL));
    SX_GO(ctx, status, done, dimension_names(k, o, dataset, ndim, length, names));
    for (int a = 0; a < ndim; a++) {
        shape[a] = (int64_t)length[a];
        SX_GO(ctx, status, done, sx_mul_size(ctx, n, shape[a], &n));
    }
    SX_GO(ctx, status, done, sx_h5_text_attribute(ctx, dataset, "units", &units));
    SX_GO(ctx, status, done, sx_h5_text_attribute(ctx, dataset, "long_name", &long_name));
    SX_GO(ctx, status, done, sx_h5_text_attribute(ctx, dataset, "method", &method));
    sx_var var = { .name = o->name, .dims = names, .units = units, .long_name = long_name, .method = method };
    SX_GO(ctx, status, done, variable_type(k, dataset, &var.dtype));
    hid_t kept = dataset;
    if (var.dtype == SX_DT_STRING) {
        int id;
        if (n > SX_H5_MAX_TEXTS) {
            status = SX_FAIL(ctx, SX_E_FILE, "more than %d texts", SX_H5_MAX_TEXTS);
            goto done;
        }
        SX_GO(ctx, status, done, sx_result_define(ctx, r, o->group, &var, &id));
        SX_GO(ctx, status, done, read_texts(k, r, id, dataset, n));
    } else {
        status = read_numbers(k, r, o, &var, &kept, ndim, shape, n);
    }
    if (status >= 0) status = sx_h5_read_attributes(ctx, r, dataset, o->group, o->name);
    if (kept < 0) dataset = H5I_INVALID_HID;
done:
    sx_free(ctx, units);
    sx_free(ctx, long_name);
    sx_free(ctx, method);
    sx_h5_close(ctx, &status, space);
    sx_h5_close(ctx, &status, dataset);
    if (status < 0 && status != SX_E_MEMORY) (void)sx_fail_prefix(ctx, "variable %s/%s", o->group, o->name);
    return status;
}

/* -- warnings and verdicts ------------------------------------------------------------------------------------------- */
/* Text or number i of a variable of the root of `extra`. */
static sx_status extra_text(sx_ctx *ctx, const sx_result *extra, const char *name, int64_t i, const char **out) {
    const int id = sx_result_find(extra, "", name);
    *out = id < 0 ? NULL : sx_result_text(extra, id, i);
    return *out ? SX_OK : SX_FAIL(ctx, SX_E_FILE, "%s: text %lld is missing", name, (long long)i);
}

static sx_status extra_number(sx_ctx *ctx, const sx_result *extra, const char *name, int64_t i, double *out) {
    const int id = sx_result_find(extra, "", name);
    const int64_t one = 1;
    if (id < 0 || sx_result_var(extra, id, NULL)->dtype == SX_DT_STRING || sx_result_shape(extra, id, NULL, NULL) != 1)
        return SX_FAIL(ctx, SX_E_FILE, "%s: number %lld is missing", name, (long long)i);
    SX_TRY(ctx, sx_result_read(ctx, extra, id, &i, &one, out));
    return SX_OK;
}

static sx_status read_extra(reader *k) {
    sx_ctx *ctx = k->ctx;
    const char *dim, *group, *text;
    int64_t length, n_warnings = 0, n_verdicts = 0;
    for (int i = 0; sx_result_dim_at(k->extra, "", i, &dim, &length); i++)
        *(strcmp(dim, "warning_index") == 0 ? &n_warnings : &n_verdicts) = length;
    for (int64_t i = 0; i < n_warnings; i++) {
        SX_TRY(ctx, extra_text(ctx, k->extra, "warning", i, &text));
        SX_TRY(ctx, extra_text(ctx, k->extra, "warning_group", i, &group));
        SX_TRY(ctx, sx_result_add_warning(ctx, k->r, group, text));
    }
    for (int64_t i = 0; i < n_verdicts; i++) {
        sx_verdict v = { 0 };
        double comparisons;
        SX_TRY(ctx, extra_text(ctx, k->extra, "verdict_name", i, &v.name));
        SX_TRY(ctx, extra_text(ctx, k->extra, "verdict_group", i, &group));
        SX_TRY(ctx, extra_text(ctx, k->extra, "verdict_source", i, &v.source));
        SX_TRY(ctx, extra_number(ctx, k->extra, "verdict_value", i, &v.value));
        SX_TRY(ctx, extra_number(ctx, k->extra, "verdict_se", i, &v.se));
        SX_TRY(ctx, extra_number(ctx, k->extra, "verdict_theory", i, &v.theory));
        SX_TRY(ctx, extra_number(ctx, k->extra, "verdict_comparisons", i, &comparisons));
        if (!(comparisons >= 1 && comparisons <= 0x1p53))
            return SX_FAIL(ctx, SX_E_FILE, "verdict_comparisons: %g", comparisons);
        v.comparisons = (int64_t)comparisons;
        SX_TRY(ctx, sx_result_verdict(ctx, k->r, group, &v));
    }
    return SX_OK;
}

/* -- the file -------------------------------------------------------------------------------------------------------- */
static sx_status open_file(reader *k, const char *path) {
    sx_ctx *ctx = k->ctx;
    sx_status status = SX_OK;
    hid_t access = H5I_INVALID_HID;
    struct stat st;
    bool sealed;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return SX_FAIL(ctx, SX_E_FILE, "%s", strerror(errno));
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        (void)close(fd);
        return SX_FAIL(ctx, SX_E_FILE, "not a regular file");
    }
    status = sx_h5_check_seal(ctx, fd, st.st_size, &sealed);
    (void)close(fd);
    if (status < 0) return status;
    GO_H5(k, status, access = H5Pcreate(H5P_FILE_ACCESS));
    GO_H5(k, status, H5Pset_fclose_degree(access, H5F_CLOSE_STRONG));
#if H5_VERSION_GE(1, 10, 7)
    GO_H5(k, status, H5Pset_file_locking(access, true, true)); /* file systems without locks */
#endif
    k->source->file = H5Fopen(path, H5F_ACC_RDONLY, access);
    if (k->source->file < 0) {
        status = sx_h5_fail_at(ctx, SX_E_FILE, __FILE__, __LINE__, __func__, "H5Fopen()");
        (void)sx_fail_prefix(ctx, "not a complete HDF5 file");
        goto done;
    }
    haddr_t end;
    GO_H5(k, status, H5Fget_eoa(k->source->file, &end));
    if (!sealed && end != (haddr_t)st.st_size) { /* other programs cut the seal off, they leave no part of it */
        status = SX_FAIL(ctx, SX_E_FILE, "damaged: its end is missing");
        goto done;
    }
    double format = -1;
    SX_GO(ctx, status, done, sx_h5_number_attribute(ctx, k->source->file, "separatrix_format", &format));
    if (format < 1)
        status = SX_FAIL(ctx, SX_E_FILE, "an HDF5 file, but not a result (no attribute separatrix_format)");
    else if (format > SX_H5_FORMAT)
        status = SX_FAIL(ctx, SX_E_FILE, "format %g is newer than this program (%d)", format, SX_H5_FORMAT);
done:
    sx_h5_close(ctx, &status, access);
    return status;
}

static sx_status load(reader *k, const char *path) {
    sx_ctx *ctx = k->ctx;
    SX_TRY(ctx, open_file(k, path));
    SX_TRY(ctx, list_group(k, ""));
    for (int g = 1; g < sx_result_groups(k->r); g++) SX_TRY(ctx, list_group(k, sx_result_group(k->r, g)));
    SX_TRY(ctx, define_dimensions(k));
    for (int64_t i = 0; i < k->n; i++)
        if (!k->objects[i].dimension_only) SX_TRY(ctx, read_variable(k, &k->objects[i]));
    SX_TRY(ctx, read_extra(k));
    return SX_OK;
}

sx_status sx_result_load(sx_ctx *ctx, const char *path, sx_result **out) {
    reader k = { .ctx = ctx, .where = H5I_INVALID_HID };
    sx_h5_printing printing;
    sx_status status;
    sx_h5_silence(&printing);
    SX_GO(ctx, status, done, sx_result_create(ctx, NULL, &k.r));
    SX_GO(ctx, status, done, sx_result_create(ctx, NULL, &k.extra));
    SX_GO(ctx, status, done, sx_alloc(ctx, 1, sizeof *k.source, &k.source));
    k.source->file = H5I_INVALID_HID;
    status = load(&k, path);
    if (status < 0) {
        if (status != SX_E_MEMORY) status = sx_h5_restate(ctx, SX_E_FILE, "");
        (void)sx_fail_prefix(ctx, "%s", path);
        goto done;
    }
    sx_result_on_free(k.r, release_source, k.source);
    k.source = NULL;
    *out = k.r;
    k.r = NULL;
done:
    sx_result_free(ctx, k.r); /* before its source */
    sx_result_free(ctx, k.extra);
    if (k.source) release_source(k.source, ctx);
    for (int64_t i = 0; i < k.n; i++) {
        sx_free(ctx, k.objects[i].group);
        sx_free(ctx, k.objects[i].name);
    }
    sx_free(ctx, k.objects);
    sx_h5_restore(&printing);
    return status;
}
