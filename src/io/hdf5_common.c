// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* What writing and reading of HDF5 results share. */
#include "io/hdf5_private.h"

#include <stdio.h>
#include <string.h>

/* -- errors ---------------------------------------------------------------------------------------------------------- */
void sx_h5_silence(sx_h5_printing *p) {
    p->function = NULL;
    p->data = NULL;
    if (H5Eget_auto2(H5E_DEFAULT, &p->function, &p->data) >= 0) (void)H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

void sx_h5_restore(const sx_h5_printing *p) {
    (void)H5Eclear2(H5E_DEFAULT);
    (void)H5Eset_auto2(H5E_DEFAULT, p->function, p->data);
}

static herr_t innermost(unsigned n, const H5E_error2_t *e, void *user) {
    char *text = user;
    if (n == 0) snprintf(text, 256, "%s: %s", e->func_name ? e->func_name : "?", e->desc ? e->desc : "?");
    return 0;
}

sx_status sx_h5_fail_at(sx_ctx *ctx, sx_status status, const char *file, int line, const char *function,
                        const char *call) {
    char text[256] = "no message";
    (void)H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, innermost, text);
    (void)H5Eclear2(H5E_DEFAULT);
    const char *end = strchr(call, '('); /* the name of the HDF5 function, without "id = " before it */
    const char *name = call;
    for (const char *p = call; end && p < end; p++)
        if (*p == ' ' || *p == '(') name = p + 1;
    const int n = end ? (int)(end - name) : (int)strlen(call);
    return sx_fail_at(ctx, status, file, line, function, "HDF5 %.*s failed (%s)", n, name, text);
}

sx_status sx_h5_restate(sx_ctx *ctx, sx_status status, const char *before) {
    char text[512];
    snprintf(text, sizeof text, "%s%s", before, sx_ctx_message(ctx));
    return SX_FAIL(ctx, status, "%s", text);
}

void sx_h5_close(sx_ctx *ctx, sx_status *status, hid_t id) {
    if (id < 0) return;
    herr_t e;
    switch (H5Iget_type(id)) {
    case H5I_DATASET:
        e = H5Dclose(id);
        break;
    case H5I_GROUP:
        e = H5Gclose(id);
        break;
    case H5I_ATTR:
        e = H5Aclose(id);
        break;
    case H5I_DATATYPE:
        e = H5Tclose(id);
        break;
    case H5I_DATASPACE:
        e = H5Sclose(id);
        break;
    case H5I_FILE:
        e = H5Fclose(id);
        break;
    case H5I_GENPROP_LST:
        e = H5Pclose(id);
        break;
    default:
        e = H5Oclose(id);
        break;
    }
    if (e >= 0) return;
    if (*status >= 0)
        *status = sx_h5_fail_at(ctx, SX_E_IO, __FILE__, __LINE__, __func__, "close()");
    else
        (void)H5Eclear2(H5E_DEFAULT);
}

/* -- chunks ---------------------------------------------------------------------------------------------------------- */
void sx_h5_chunk(int ndim, const int64_t *shape, size_t size, int64_t *chunk) {
    int64_t room = SX_H5_CHUNK / (int64_t)size;
    for (int k = ndim - 1; k >= 0; k--) {
        chunk[k] = shape[k] < room ? shape[k] : room;
        if (chunk[k] < 1) chunk[k] = 1;
        room /= chunk[k];
        if (chunk[k] < shape[k]) room = 1; /* only one dimension is cut in between */
    }
}

bool sx_h5_next(int ndim, const int64_t *shape, const int64_t *chunk, int64_t *at) {
    for (int k = ndim - 1; k >= 0; k--) {
        at[k] += chunk[k];
        if (at[k] < shape[k]) return true;
        at[k] = 0;
    }
    return false;
}

int64_t sx_h5_cells(int ndim, const int64_t *shape, const int64_t *chunk, const int64_t *at, int64_t *count) {
    int64_t cells = 1;
    for (int k = 0; k < ndim; k++) {
        count[k] = shape[k] - at[k] < chunk[k] ? shape[k] - at[k] : chunk[k];
        cells *= count[k];
    }
    return cells;
}

/* -- names and types ------------------------------------------------------------------------------------------------- */
hid_t sx_h5_type(sx_dtype dtype) {
    switch (dtype) {
    case SX_DT_F64:
        return H5T_NATIVE_DOUBLE;
    case SX_DT_F32:
        return H5T_NATIVE_FLOAT;
    case SX_DT_I64:
        return H5T_NATIVE_INT64;
    case SX_DT_U8:
        return H5T_NATIVE_UINT8;
    case SX_DT_STRING:
        break;
    }
    return H5I_INVALID_HID;
}

hid_t sx_h5_string_type(void) {
    const hid_t type = H5Tcopy(H5T_C_S1);
    if (type < 0) return type;
    if (H5Tset_size(type, H5T_VARIABLE) >= 0 && H5Tset_cset(type, H5T_CSET_UTF8) >= 0) return type;
    (void)H5Tclose(type);
    return H5I_INVALID_HID;
}

bool sx_h5_reserved(const char *group, const char *name) {
    static const char *const names[] = { "warning_index",  "warning",       "warning_group",  "verdict_index",
                                         "verdict_name",   "verdict_group", "verdict_value",  "verdict_se",
                                         "verdict_theory", "verdict_z",     "verdict_source", "verdict_comparisons" };
    if (group[0]) return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0) return true;
    return false;
}
