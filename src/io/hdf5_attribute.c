// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Attributes: texts of fixed or variable length and single numbers; anything else is passed over. */
#include "io/hdf5_private.h"

#include <string.h>

/* A text attribute as an owned string; *out NULL if it is something else. */
static sx_status read_text_attribute(sx_ctx *ctx, hid_t attribute, char **out) {
    sx_status status = SX_OK;
    hid_t type = H5I_INVALID_HID, space = H5I_INVALID_HID, memory = H5I_INVALID_HID;
    char *text = NULL;
    *out = NULL;
    SX_H5(ctx, status, SX_E_FILE, done, type = H5Aget_type(attribute));
    SX_H5(ctx, status, SX_E_FILE, done, space = H5Aget_space(attribute));
    if (H5Tget_class(type) != H5T_STRING || H5Sget_simple_extent_npoints(space) != 1) goto done;
    if (H5Tis_variable_str(type) > 0) {
        SX_H5(ctx, status, SX_E_FILE, done, memory = sx_h5_string_type());
        SX_H5(ctx, status, SX_E_FILE, done, H5Aread(attribute, memory, &text));
        if (text && strlen(text) > SX_H5_MAX_TEXT)
            status = SX_FAIL(ctx, SX_E_FILE, "a text attribute of more than 16 MB");
        else
            status = sx_strdup(ctx, text ? text : "", out);
        (void)H5free_memory(text);
    } else {
        const size_t n = H5Tget_size(type);
        if (n > SX_H5_MAX_TEXT) {
            status = SX_FAIL(ctx, SX_E_FILE, "a text attribute of more than 16 MB");
            goto done;
        }
        SX_GO(ctx, status, done, sx_alloc(ctx, (int64_t)n + 1, 1, &text));
        if (H5Aread(attribute, type, text) >= 0) {
            *out = text;
        } else {
            sx_free(ctx, text);
            status = sx_h5_fail_at(ctx, SX_E_FILE, __FILE__, __LINE__, __func__, "H5Aread()");
        }
    }
done:
    sx_h5_close(ctx, &status, memory);
    sx_h5_close(ctx, &status, space);
    sx_h5_close(ctx, &status, type);
    return status;
}

/* A number attribute (one element); *found false if it is something else. */
static sx_status read_number_attribute(sx_ctx *ctx, hid_t attribute, double *out, bool *found) {
    sx_status status = SX_OK;
    hid_t type = H5I_INVALID_HID, space = H5I_INVALID_HID;
    *found = false;
    SX_H5(ctx, status, SX_E_FILE, done, type = H5Aget_type(attribute));
    SX_H5(ctx, status, SX_E_FILE, done, space = H5Aget_space(attribute));
    const H5T_class_t class = H5Tget_class(type);
    if ((class == H5T_FLOAT || class == H5T_INTEGER) && H5Sget_simple_extent_npoints(space) == 1) {
        SX_H5(ctx, status, SX_E_FILE, done, H5Aread(attribute, H5T_NATIVE_DOUBLE, out));
        *found = true;
    }
done:
    sx_h5_close(ctx, &status, space);
    sx_h5_close(ctx, &status, type);
    return status;
}

typedef struct target {
    sx_ctx *ctx;
    sx_result *r;
    const char *group, *var;
    sx_status status;
} target;

/* What the layout itself writes. */
static bool layout_attribute(const char *name, bool root_group) {
    static const char *const names[] = { "CLASS",
                                         "NAME",
                                         "DIMENSION_LIST",
                                         "REFERENCE_LIST",
                                         "_Netcdf4Dimid",
                                         "_FillValue",
                                         "_Netcdf4Coordinates",
                                         "_NCProperties",
                                         "long_name",
                                         "units",
                                         "method" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0) return i < 8 || !root_group;
    return root_group && (strcmp(name, "Conventions") == 0 || strcmp(name, "separatrix_format") == 0);
}

static herr_t each_attribute(hid_t object, const char *name, const H5A_info_t *info, void *user) {
    target *a = user;
    sx_ctx *ctx = a->ctx;
    (void)info;
    if (a->var ? layout_attribute(name, false) : !a->group[0] && layout_attribute(name, true)) return 0;
    sx_status status = SX_OK;
    char *text = NULL;
    double number = 0;
    bool found = false;
    hid_t attribute = H5I_INVALID_HID;
    SX_H5(ctx, status, SX_E_FILE, done, attribute = H5Aopen(object, name, H5P_DEFAULT));
    SX_GO(ctx, status, done, read_text_attribute(ctx, attribute, &text));
    if (text) {
        SX_GO(ctx, status, done, sx_result_attr_text(ctx, a->r, a->group, a->var, name, text));
    } else {
        SX_GO(ctx, status, done, read_number_attribute(ctx, attribute, &number, &found));
        if (found) SX_GO(ctx, status, done, sx_result_attr_number(ctx, a->r, a->group, a->var, name, number));
    }
done:
    sx_free(ctx, text);
    sx_h5_close(ctx, &status, attribute);
    a->status = status;
    return status < 0 ? -1 : 0;
}

sx_status sx_h5_read_attributes(sx_ctx *ctx, sx_result *r, hid_t object, const char *group, const char *var) {
    sx_status status = SX_OK;
    target a = { ctx, r, group, var, SX_OK };
    hsize_t at = 0;
    SX_H5_ITERATE(ctx, status, done, a.status,
                  H5Aiterate2(object, H5_INDEX_CRT_ORDER, H5_ITER_INC, &at, each_attribute, &a));
done:
    return status;
}

sx_status sx_h5_text_attribute(sx_ctx *ctx, hid_t object, const char *name, char **out) {
    sx_status status = SX_OK;
    hid_t attribute = H5I_INVALID_HID;
    *out = NULL;
    htri_t there;
    SX_H5(ctx, status, SX_E_FILE, done, there = H5Aexists(object, name));
    if (!there) return SX_OK;
    SX_H5(ctx, status, SX_E_FILE, done, attribute = H5Aopen(object, name, H5P_DEFAULT));
    SX_GO(ctx, status, done, read_text_attribute(ctx, attribute, out));
done:
    sx_h5_close(ctx, &status, attribute);
    return status;
}

sx_status sx_h5_number_attribute(sx_ctx *ctx, hid_t object, const char *name, double *out) {
    sx_status status = SX_OK;
    hid_t attribute = H5I_INVALID_HID;
    bool found;
    htri_t there;
    SX_H5(ctx, status, SX_E_FILE, done, there = H5Aexists(object, name));
    if (!there) return SX_OK;
    SX_H5(ctx, status, SX_E_FILE, done, attribute = H5Aopen(object, name, H5P_DEFAULT));
    SX_GO(ctx, status, done, read_number_attribute(ctx, attribute, out, &found));
done:
    sx_h5_close(ctx, &status, attribute);
    return status;
}
