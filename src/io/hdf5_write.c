// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Results as HDF5 files in netCDF-4 layout: one group per result group, dimension scales, creation order tracked, no time stamps (the
 * same result gives the same bytes).
 *
 * Protocol: (1) write PATH.tmp, every call checked; (2) close all ids but the file's, see that none is left, close the file; append the
 * checksum (hdf5_disk.c), fsync; (3) read PATH.tmp back and compare all of it with the result in memory, chunk by chunk; (4) rename,
 * fsync of the directory. The old file stays until the new one is proved. */
#include "io/hdf5_private.h"

#include <separatrix/io.h>

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct writer {
    sx_ctx *ctx;
    const sx_result *r, *extra; /* extra: warnings and verdicts as variables of the root */
    hid_t file, string, scalar;
    void *buffer; /* one chunk */
    int32_t dimid;
    sx_h5_disk disk;
} writer;

#define GO_H5(w, status, call) SX_H5((w)->ctx, status, SX_E_IO, done, call)

/* -- attributes ------------------------------------------------------------------------------------------------------ */
static sx_status write_attribute(writer *w, hid_t object, const char *name, hid_t type, hid_t space, hid_t memory_type,
                                 const void *value) {
    sx_status status = SX_OK;
    hid_t attribute = H5I_INVALID_HID;
    GO_H5(w, status, attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT));
    GO_H5(w, status, H5Awrite(attribute, memory_type, value));
done:
    sx_h5_close(w->ctx, &status, attribute);
    return status;
}

static sx_status text_attribute(writer *w, hid_t object, const char *name, const char *text) {
    return write_attribute(w, object, name, w->string, w->scalar, w->string, &text);
}

/* The attributes that the result carries for a group (var NULL) or a variable. */
static sx_status write_attributes(writer *w, hid_t object, const sx_result *r, const char *group, const char *var) {
    const char *name, *text;
    double number;
    for (int i = 0; sx_result_attr(r, group, var, i, &name, &text, &number); i++) {
        if (!group[0] && !var && (strcmp(name, "Conventions") == 0 || strcmp(name, "separatrix_format") == 0)) continue;
        if (sx_result_attr_is_number(r, group, var, i))
            SX_TRY(w->ctx, write_attribute(w, object, name, H5T_IEEE_F64LE, w->scalar, H5T_NATIVE_DOUBLE, &number));
        else
            SX_TRY(w->ctx, text_attribute(w, object, name, text));
    }
    return SX_OK;
}

/* -- dimensions ------------------------------------------------------------------------------------------------------ */
static hid_t new_dataset_properties(void) {
    const hid_t p = H5Pcreate(H5P_DATASET_CREATE);
    if (p < 0) return p;
    if (H5Pset_obj_track_times(p, false) >= 0 &&
        H5Pset_attr_creation_order(p, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED) >= 0)
        return p;
    (void)H5Pclose(p);
    return H5I_INVALID_HID;
}

/* netCDF's number of a dimension: keeps their order. */
static sx_status dimension_id(writer *w, hid_t object) {
    const int32_t id = w->dimid++;
    return write_attribute(w, object, "_Netcdf4Dimid", H5T_STD_I32LE, w->scalar, H5T_NATIVE_INT32, &id);
}

/* A dimension without coordinate variable: an empty dataset that is a scale. */
static sx_status write_dimension(writer *w, hid_t group, const char *name, int64_t length) {
    sx_status status = SX_OK;
    hid_t space = H5I_INVALID_HID, dataset = H5I_INVALID_HID, properties = H5I_INVALID_HID;
    const hsize_t n = (hsize_t)length;
    char text[96];
    snprintf(text, sizeof text, SX_H5_NO_VARIABLE "%10lld", (long long)length);
    GO_H5(w, status, space = H5Screate_simple(1, &n, NULL));
    GO_H5(w, status, properties = new_dataset_properties());
    GO_H5(w, status, H5Pset_fill_time(properties, H5D_FILL_TIME_NEVER));
    GO_H5(w, status, dataset = H5Dcreate2(group, name, H5T_IEEE_F32BE, space, H5P_DEFAULT, properties, H5P_DEFAULT));
    GO_H5(w, status, H5DSset_scale(dataset, text));
    SX_GO(w->ctx, status, done, dimension_id(w, dataset));
done:
    sx_h5_close(w->ctx, &status, dataset);
    sx_h5_close(w->ctx, &status, properties);
    sx_h5_close(w->ctx, &status, space);
    return status;
}

static sx_status write_dimensions(writer *w, const sx_result *r, const char *group, hid_t where) {
    const char *name;
    int64_t length;
    for (int i = 0; sx_result_dim_at(r, group, i, &name, &length); i++)
        if (sx_result_find(r, group, name) < 0)
            SX_TRY(w->ctx, write_dimension(w, where, name, length));
        else
            w->dimid++; /* its variable takes this number: see coordinate_id */
    return SX_OK;
}

/* -- variables ------------------------------------------------------------------------------------------------------- */
static sx_status write_numbers(writer *w, const sx_result *r, int id, hid_t dataset, sx_dtype dtype, int ndim,
                               const int64_t *shape) {
    sx_status status = SX_OK;
    hid_t file_space = H5I_INVALID_HID, memory_space = H5I_INVALID_HID;
    int64_t chunk[8], at[8] = { 0 }, count[8];
    for (int k = 0; k < ndim; k++)
        if (shape[k] == 0) return SX_OK;
    sx_h5_chunk(ndim, shape, sx_dtype_size(dtype), chunk);
    do {
        hsize_t from[8], n[8];
        (void)sx_h5_cells(ndim, shape, chunk, at, count);
        for (int k = 0; k < ndim; k++) from[k] = (hsize_t)at[k], n[k] = (hsize_t)count[k];
        SX_GO(w->ctx, status, done,
              sx_result_read_raw(w->ctx, r, id, ndim ? at : NULL, ndim ? count : NULL, w->buffer));
        if (ndim == 0) {
            GO_H5(w, status, H5Dwrite(dataset, sx_h5_type(dtype), H5S_ALL, H5S_ALL, H5P_DEFAULT, w->buffer));
            break;
        }
        GO_H5(w, status, file_space = H5Dget_space(dataset));
        GO_H5(w, status, H5Sselect_hyperslab(file_space, H5S_SELECT_SET, from, NULL, n, NULL));
        GO_H5(w, status, memory_space = H5Screate_simple(ndim, n, NULL));
        GO_H5(w, status, H5Dwrite(dataset, sx_h5_type(dtype), memory_space, file_space, H5P_DEFAULT, w->buffer));
        sx_h5_close(w->ctx, &status, memory_space);
        sx_h5_close(w->ctx, &status, file_space);
        memory_space = file_space = H5I_INVALID_HID;
        if (status < 0) goto done;
        SX_GO(w->ctx, status, done, sx_h5_disk_error(w->ctx, &w->disk));
    } while (sx_h5_next(ndim, shape, chunk, at));
done:
    sx_h5_close(w->ctx, &status, memory_space);
    sx_h5_close(w->ctx, &status, file_space);
    return status;
}

static sx_status write_texts(writer *w, const sx_result *r, int id, hid_t dataset, int64_t n) {
    sx_status status = SX_OK;
    const char **text = NULL;
    if (n == 0) return SX_OK;
    if (n > SX_H5_MAX_TEXTS)
        return SX_FAIL(w->ctx, SX_E_USAGE, "%lld texts in one variable; at most %d", (long long)n, SX_H5_MAX_TEXTS);
    SX_TRY(w->ctx, sx_alloc(w->ctx, n, sizeof *text, &text));
    for (int64_t i = 0; i < n; i++) text[i] = sx_result_text(r, id, i);
    GO_H5(w, status, H5Dwrite(dataset, w->string, H5S_ALL, H5S_ALL, H5P_DEFAULT, text));
done:
    sx_free(w->ctx, text);
    return status;
}

/* Layout, filters and fill value by size and type. */
static sx_status storage(writer *w, hid_t properties, const sx_var *var, int ndim, const int64_t *shape, int64_t n) {
    sx_status status = SX_OK;
    const double nan64 = (double)NAN;
    const float nan32 = NAN;
    const size_t size = sx_dtype_size(var->dtype);
    if (var->dtype == SX_DT_F64) GO_H5(w, status, H5Pset_fill_value(properties, H5T_NATIVE_DOUBLE, &nan64));
    if (var->dtype == SX_DT_F32) GO_H5(w, status, H5Pset_fill_value(properties, H5T_NATIVE_FLOAT, &nan32));
    if (var->dtype == SX_DT_STRING || n == 0) return SX_OK;
    if (n <= (int64_t)(SX_H5_COMPACT / size)) {
        GO_H5(w, status, H5Pset_layout(properties, H5D_COMPACT));
        return SX_OK;
    }
    int64_t chunk[8];
    hsize_t chunk_size[8];
    sx_h5_chunk(ndim, shape, size, chunk);
    for (int k = 0; k < ndim; k++) chunk_size[k] = (hsize_t)chunk[k];
    GO_H5(w, status, H5Pset_chunk(properties, ndim, chunk_size));
    if (size > 1) GO_H5(w, status, H5Pset_shuffle(properties));
    if (H5Zfilter_avail(H5Z_FILTER_DEFLATE) > 0) GO_H5(w, status, H5Pset_deflate(properties, 1));
    GO_H5(w, status, H5Pset_fletcher32(properties));
done:
    return status;
}

/* netCDF's number of the dimension `name` of a group: dimensions of the root, then of each group, are counted in order. */
static int32_t coordinate_id(const writer *w, const char *group, const char *name) {
    int32_t id = 0;
    const char *dim;
    for (int g = 0; g < sx_result_groups(w->r); g++) {
        const char *other = sx_result_group(w->r, g);
        for (int i = 0; sx_result_dim_at(w->r, other, i, &dim, NULL); i++, id++)
            if (strcmp(other, group) == 0 && strcmp(dim, name) == 0) return id;
        if (!other[0])
            for (int i = 0; sx_result_dim_at(w->extra, "", i, &dim, NULL); i++) id++;
    }
    return id;
}

static bool is_coordinate(const sx_result *r, const char *group, const char *name, int ndim) {
    const char *dim;
    for (int i = 0; ndim == 1 && sx_result_dim_at(r, group, i, &dim, NULL); i++)
        if (strcmp(dim, name) == 0) return true;
    return false;
}

static sx_status write_variable(writer *w, const sx_result *r, int id, hid_t group_id) {
    const hid_t file_types[] = { H5T_IEEE_F64LE, H5T_IEEE_F32LE, H5T_STD_I64LE, H5T_STD_U8LE, w->string };
    sx_ctx *ctx = w->ctx;
    sx_status status = SX_OK;
    hid_t space = H5I_INVALID_HID, properties = H5I_INVALID_HID, dataset = H5I_INVALID_HID, one = H5I_INVALID_HID;
    const char *group, *dims[8];
    int64_t shape[8], n = 1;
    hsize_t length[8];
    const sx_var *var = sx_result_var(r, id, &group);
    const int ndim = sx_result_shape(r, id, shape, dims);
    const bool coordinate = is_coordinate(r, group, var->name, ndim);
    for (int k = 0; k < ndim; k++) n *= shape[k], length[k] = (hsize_t)shape[k];
    if (ndim)
        GO_H5(w, status, space = H5Screate_simple(ndim, length, NULL));
    else
        GO_H5(w, status, space = H5Screate(H5S_SCALAR));
    GO_H5(w, status, properties = new_dataset_properties());
    SX_GO(ctx, status, done, storage(w, properties, var, ndim, shape, n));
    GO_H5(w, status,
          dataset =
              H5Dcreate2(group_id, var->name, file_types[var->dtype], space, H5P_DEFAULT, properties, H5P_DEFAULT));
    if (coordinate) {
        const int32_t dimid = coordinate_id(w, group, var->name);
        GO_H5(w, status, H5DSset_scale(dataset, var->name));
        SX_GO(ctx, status, done,
              write_attribute(w, dataset, "_Netcdf4Dimid", H5T_STD_I32LE, w->scalar, H5T_NATIVE_INT32, &dimid));
    }
    if (var->long_name) SX_GO(ctx, status, done, text_attribute(w, dataset, "long_name", var->long_name));
    if (var->units && (var->units[0] || var->dtype != SX_DT_STRING))
        SX_GO(ctx, status, done, text_attribute(w, dataset, "units", var->units));
    if (var->method) SX_GO(ctx, status, done, text_attribute(w, dataset, "method", var->method));
    if ((var->dtype == SX_DT_F64 || var->dtype == SX_DT_F32) && !coordinate) {
        const hsize_t single = 1;
        const double nan64 = (double)NAN;
        GO_H5(w, status, one = H5Screate_simple(1, &single, NULL));
        SX_GO(ctx, status, done,
              write_attribute(w, dataset, "_FillValue", file_types[var->dtype], one, H5T_NATIVE_DOUBLE, &nan64));
    }
    SX_GO(ctx, status, done, write_attributes(w, dataset, r, group, var->name));
    if (var->dtype == SX_DT_STRING)
        SX_GO(ctx, status, done, write_texts(w, r, id, dataset, n));
    else
        SX_GO(ctx, status, done, write_numbers(w, r, id, dataset, var->dtype, ndim, shape));
done:
    sx_h5_close(ctx, &status, one);
    sx_h5_close(ctx, &status, dataset);
    sx_h5_close(ctx, &status, properties);
    sx_h5_close(ctx, &status, space);
    if (status < 0 && var) (void)sx_fail_prefix(ctx, "variable %s/%s", group, var->name);
    return status;
}

/* Attach the scale of every axis; needs all scales of the file. */
static sx_status attach_scales(writer *w, const sx_result *r, int id) {
    sx_status status = SX_OK;
    hid_t dataset = H5I_INVALID_HID, scale = H5I_INVALID_HID;
    const char *group, *dims[8], *dim;
    char path[512];
    const sx_var *var = sx_result_var(r, id, &group);
    const int ndim = sx_result_shape(r, id, NULL, dims);
    if (ndim == 0 || is_coordinate(r, group, var->name, ndim)) return SX_OK;
    snprintf(path, sizeof path, "/%s%s%s", group, group[0] ? "/" : "", var->name);
    GO_H5(w, status, dataset = H5Dopen2(w->file, path, H5P_DEFAULT));
    for (int k = 0; k < ndim; k++) {
        bool own = false; /* a dimension of the group hides one of the root */
        for (int i = 0; !own && sx_result_dim_at(r, group, i, &dim, NULL); i++) own = strcmp(dim, dims[k]) == 0;
        snprintf(path, sizeof path, "/%s%s%s", own ? group : "", own && group[0] ? "/" : "", dims[k]);
        GO_H5(w, status, scale = H5Dopen2(w->file, path, H5P_DEFAULT));
        GO_H5(w, status, H5DSattach_scale(dataset, scale, (unsigned)k));
        sx_h5_close(w->ctx, &status, scale);
        scale = H5I_INVALID_HID;
        if (status < 0) goto done;
    }
done:
    sx_h5_close(w->ctx, &status, scale);
    sx_h5_close(w->ctx, &status, dataset);
    return status;
}

/* -- the file -------------------------------------------------------------------------------------------------------- */
static sx_status write_group(writer *w, const char *group) {
    sx_ctx *ctx = w->ctx;
    sx_status status = SX_OK;
    hid_t properties = H5I_INVALID_HID, id = H5I_INVALID_HID;
    if (group[0]) {
        GO_H5(w, status, properties = H5Pcreate(H5P_GROUP_CREATE));
        GO_H5(w, status, H5Pset_obj_track_times(properties, false));
        GO_H5(w, status, H5Pset_link_creation_order(properties, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED));
        GO_H5(w, status, H5Pset_attr_creation_order(properties, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED));
        GO_H5(w, status, id = H5Gcreate2(w->file, group, H5P_DEFAULT, properties, H5P_DEFAULT));
    } else {
        const int64_t format = SX_H5_FORMAT;
        GO_H5(w, status, id = H5Gopen2(w->file, "/", H5P_DEFAULT));
        SX_GO(ctx, status, done, text_attribute(w, id, "Conventions", "CF-1.10"));
        SX_GO(ctx, status, done,
              write_attribute(w, id, "separatrix_format", H5T_STD_I64LE, w->scalar, H5T_NATIVE_INT64, &format));
    }
    SX_GO(ctx, status, done, write_attributes(w, id, w->r, group, NULL));
    SX_GO(ctx, status, done, write_dimensions(w, w->r, group, id));
    if (!group[0]) SX_GO(ctx, status, done, write_dimensions(w, w->extra, "", id));
    for (int i = 0; i < sx_result_vars(w->r); i++) {
        const char *owner;
        (void)sx_result_var(w->r, i, &owner);
        if (strcmp(owner, group) == 0) SX_GO(ctx, status, done, write_variable(w, w->r, i, id));
    }
    for (int i = 0; !group[0] && i < sx_result_vars(w->extra); i++)
        SX_GO(ctx, status, done, write_variable(w, w->extra, i, id));
done:
    sx_h5_close(ctx, &status, id);
    sx_h5_close(ctx, &status, properties);
    return status;
}

static sx_status write_file(writer *w, const char *path, int fd) {
    sx_ctx *ctx = w->ctx;
    sx_status status = SX_OK;
    hid_t create = H5I_INVALID_HID, access = H5I_INVALID_HID;
    GO_H5(w, status, create = H5Pcreate(H5P_FILE_CREATE));
    GO_H5(w, status, H5Pset_obj_track_times(create, false));
    GO_H5(w, status, H5Pset_link_creation_order(create, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED));
    GO_H5(w, status, H5Pset_attr_creation_order(create, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED));
    GO_H5(w, status, access = H5Pcreate(H5P_FILE_ACCESS));
    GO_H5(w, status, H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_V18));
    GO_H5(w, status, H5Pset_fclose_degree(access, H5F_CLOSE_STRONG));
    SX_GO(ctx, status, done, sx_h5_disk_use(ctx, &w->disk, fd, access));
    GO_H5(w, status, w->string = sx_h5_string_type());
    GO_H5(w, status, w->scalar = H5Screate(H5S_SCALAR));
    GO_H5(w, status, w->file = H5Fcreate(path, H5F_ACC_TRUNC, create, access));
    for (int g = 0; g < sx_result_groups(w->r); g++) SX_GO(ctx, status, done, write_group(w, sx_result_group(w->r, g)));
    for (int g = 0; g < sx_result_groups(w->r); g++)
        for (int i = 0; i < sx_result_vars(w->r);
             i++) { /* by group: the order of the file, whatever the order in memory */
            const char *owner;
            (void)sx_result_var(w->r, i, &owner);
            if (strcmp(owner, sx_result_group(w->r, g)) == 0) SX_GO(ctx, status, done, attach_scales(w, w->r, i));
        }
    for (int i = 0; i < sx_result_vars(w->extra); i++) SX_GO(ctx, status, done, attach_scales(w, w->extra, i));
    GO_H5(w, status, H5Fflush(w->file, H5F_SCOPE_LOCAL));
    if (H5Fget_obj_count(w->file, H5F_OBJ_ALL) != 1)
        status = SX_FAIL(ctx, SX_E_INTERNAL, "%lld HDF5 objects were left open",
                         (long long)H5Fget_obj_count(w->file, H5F_OBJ_ALL) - 1);
done:
    sx_h5_close(ctx, &status, w->file);
    sx_h5_close(ctx, &status, w->scalar);
    sx_h5_close(ctx, &status, w->string);
    sx_h5_close(ctx, &status, access);
    sx_h5_close(ctx, &status, create);
    if (status >= 0) status = sx_h5_disk_error(ctx, &w->disk);
    if (status >= 0) status = sx_h5_seal(ctx, fd);
    if (status >= 0 && fsync(fd) != 0) status = SX_FAIL(ctx, SX_E_IO, "fsync: %s", strerror(errno));
    sx_h5_disk_end(&w->disk);
    return status;
}

/* -- warnings and verdicts as variables of the root ------------------------------------------------------------------- */
typedef const char *(*text_of)(const sx_result *r, int i);
static const char *warning_text(const sx_result *r, int i) {
    return sx_result_warning(r, i, NULL);
}
static const char *warning_group(const sx_result *r, int i) {
    const char *group = "";
    (void)sx_result_warning(r, i, &group);
    return group;
}
static const char *verdict_name(const sx_result *r, int i) {
    return sx_result_verdict_at(r, i, NULL)->name;
}
static const char *verdict_source(const sx_result *r, int i) {
    return sx_result_verdict_at(r, i, NULL)->source;
}
static const char *verdict_group(const sx_result *r, int i) {
    const char *group = "";
    (void)sx_result_verdict_at(r, i, &group);
    return group;
}

static sx_status add_texts(sx_ctx *ctx, sx_result *extra, const sx_result *r, const char *name, const char *dim,
                           const char *long_name, int n, text_of get) {
    const sx_var var = { .name = name, .dims = dim, .dtype = SX_DT_STRING, .long_name = long_name };
    int id;
    SX_TRY(ctx, sx_result_define(ctx, extra, "", &var, &id));
    for (int64_t i = 0; i < n; i++) {
        const int64_t one = 1;
        const char *text = get(r, (int)i);
        if (!text) text = "";
        SX_TRY(ctx, sx_result_write(ctx, extra, id, &i, &one, &text));
    }
    return SX_OK;
}

static sx_status make_extra(sx_ctx *ctx, const sx_result *r, sx_result **out) {
    sx_result *extra = NULL;
    sx_status status;
    double *number = NULL;
    const int n_warn = sx_result_warnings(r), n = sx_result_verdicts(r);
    SX_GO(ctx, status, done, sx_result_create(ctx, NULL, &extra));
    if (n_warn) {
        SX_GO(ctx, status, done, sx_result_dim(ctx, extra, "", "warning_index", n_warn));
        SX_GO(ctx, status, done, add_texts(ctx, extra, r, "warning", "warning_index", "warning", n_warn, warning_text));
        SX_GO(
            ctx, status, done,
            add_texts(ctx, extra, r, "warning_group", "warning_index", "group of the warning", n_warn, warning_group));
    }
    if (n) {
        static const char *const names[][2] = {
            { "verdict_value", "number found" },
            { "verdict_se", "standard error of the number found" },
            { "verdict_theory", "number that theory predicts" },
            { "verdict_z", "(value - theory) / standard error" },
            { "verdict_comparisons",
              "the quantity is the one with the largest |z| of so many (1: chosen beforehand)" }
        };
        SX_GO(ctx, status, done, sx_result_dim(ctx, extra, "", "verdict_index", n));
        SX_GO(ctx, status, done,
              add_texts(ctx, extra, r, "verdict_name", "verdict_index", "what is compared", n, verdict_name));
        SX_GO(ctx, status, done, add_texts(ctx, extra, r, "verdict_group", "verdict_index", "group", n, verdict_group));
        SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *number, &number));
        for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
            for (int i = 0; i < n; i++) {
                const sx_verdict *v = sx_result_verdict_at(r, i, NULL);
                const double all[] = { v->value, v->se, v->theory, (v->value - v->theory) / v->se,
                                       (double)v->comparisons };
                number[i] = all[k];
            }
            SX_GO(ctx, status, done,
                  sx_result_put(ctx, extra, "", names[k][0], "verdict_index", NULL, names[k][1], number));
        }
        SX_GO(ctx, status, done,
              add_texts(ctx, extra, r, "verdict_source", "verdict_index", "where the theory comes from", n,
                        verdict_source));
    }
    *out = extra;
    extra = NULL;
done:
    sx_free(ctx, number);
    sx_result_free(ctx, extra);
    return status;
}

/* -- names ----------------------------------------------------------------------------------------------------------- */
/* Groups, variables and dimensions of the root share one name space in the file. */
static sx_status check_names(sx_ctx *ctx, const sx_result *r) {
    const char *name, *group;
    for (int g = 0; g < sx_result_groups(r); g++) {
        group = sx_result_group(r, g);
        if (!group[0]) continue;
        bool taken = sx_result_find(r, "", group) >= 0 || sx_h5_reserved("", group);
        for (int i = 0; !taken && sx_result_dim_at(r, "", i, &name, NULL); i++) taken = strcmp(name, group) == 0;
        if (taken)
            return SX_FAIL(ctx, SX_E_USAGE, "the group \"%s\" has the name of a variable or dimension of the root",
                           group);
    }
    for (int i = 0; sx_result_dim_at(r, "", i, &name, NULL); i++)
        if (sx_h5_reserved("", name)) return SX_FAIL(ctx, SX_E_USAGE, "the name \"%s\" is reserved", name);
    for (int i = 0; i < sx_result_vars(r); i++) {
        const sx_var *var = sx_result_var(r, i, &group);
        if (sx_h5_reserved(group, var->name)) return SX_FAIL(ctx, SX_E_USAGE, "the name \"%s\" is reserved", var->name);
    }
    return SX_OK;
}

static sx_status sync_directory(sx_ctx *ctx, const char *path) {
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
    if (fd < 0) return SX_FAIL(ctx, SX_E_IO, "%s: %s", path, strerror(errno));
    const int e = fsync(fd) != 0 ? errno : 0;
    (void)close(fd);
    return e ? SX_FAIL(ctx, SX_E_IO, "%s: fsync: %s", path, strerror(e)) : SX_OK;
}

sx_status sx_result_save(sx_ctx *ctx, const sx_result *r, const char *path) {
    writer w = { .ctx = ctx,
                 .r = r,
                 .file = H5I_INVALID_HID,
                 .string = H5I_INVALID_HID,
                 .scalar = H5I_INVALID_HID,
                 .disk = { .ctx = ctx, .driver = H5I_INVALID_HID } };
    sx_h5_printing printing;
    sx_status status;
    sx_result *extra = NULL, *back = NULL;
    char *temporary = NULL, *directory = NULL, *second = NULL;
    int fd = -1;
    bool made = false;
    sx_h5_silence(&printing);
    SX_GO(ctx, status, done, check_names(ctx, r));
    SX_GO(ctx, status, done, sx_format(ctx, &temporary, "%s.tmp", path));
    SX_GO(ctx, status, done, sx_strdup(ctx, path, &directory));
    char *slash = strrchr(directory, '/');
    if (slash) slash[slash == directory] = '\0';
    SX_GO(ctx, status, done, make_extra(ctx, r, &extra));
    SX_GO(ctx, status, done, sx_alloc(ctx, SX_H5_CHUNK, 1, &w.buffer));
    SX_GO(ctx, status, done, sx_alloc(ctx, SX_H5_CHUNK, 1, &second));
    w.extra = extra;
    if (unlink(temporary) != 0 && errno != ENOENT) {
        status = SX_FAIL(ctx, SX_E_IO, "%s: cannot be replaced: %s", temporary, strerror(errno));
        goto done;
    }
    fd = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0) {
        status = SX_FAIL(ctx, SX_E_IO, "%s: cannot be written: %s", temporary, strerror(errno));
        goto done;
    }
    made = true;
    status = write_file(&w, temporary, fd);
    if (close(fd) != 0 && status >= 0) status = SX_FAIL(ctx, SX_E_IO, "closing: %s", strerror(errno));
    if (status >= 0) status = sx_result_load(ctx, temporary, &back);
    if (status >= 0) status = sx_h5_compare(ctx, r, back, w.buffer, second);
    sx_result_free(ctx, back);
    if (status == SX_E_FILE) status = sx_h5_restate(ctx, SX_E_IO, "the file just written is damaged: ");
    if (status < 0) {
        (void)sx_fail_prefix(ctx, "%s", temporary);
        goto done;
    }
    if (rename(temporary, path) != 0) {
        status = SX_FAIL(ctx, SX_E_IO, "%s: cannot be renamed to %s: %s", temporary, path, strerror(errno));
        goto done;
    }
    made = false;
    SX_GO(ctx, status, done, sync_directory(ctx, slash ? directory : "."));
done:
    if (made) (void)unlink(temporary);
    sx_free(ctx, w.buffer);
    sx_free(ctx, second);
    sx_result_free(ctx, extra);
    sx_free(ctx, temporary);
    sx_free(ctx, directory);
    sx_h5_restore(&printing);
    return status;
}
