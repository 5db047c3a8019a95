// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Shared by hdf5_write.c, hdf5_read.c, hdf5_common.c: errors of HDF5, chunk shapes, names of the layout.
 * The HDF5 library of the distributions is not thread-safe: everything here is called from one thread only. */
#ifndef SX_IO_HDF5_PRIVATE_H
#define SX_IO_HDF5_PRIVATE_H

#include "core/result_private.h"

#define H5_USE_110_API /* newer libraries keep this interface */
#include <hdf5.h>
#include <hdf5_hl.h>

enum {
    SX_H5_FORMAT = 1,      /* version of the layout, root attribute separatrix_format */
    SX_H5_CHUNK = 1 << 20, /* bytes of a chunk at most */
    SX_H5_COMPACT = 60000, /* variables up to this size live in the object header, which HDF5 protects by a checksum */
    SX_H5_CHECK_ALL = 1 << 30,   /* larger files are not checked as a whole when they are opened */
    SX_H5_IN_MEMORY = 1 << 20,   /* larger variables are read on demand */
    SX_H5_MAX_OBJECTS = 1 << 16, /* groups and variables of a file */
    SX_H5_MAX_TEXTS = 1 << 20,   /* elements of a string variable */
    SX_H5_MAX_TEXT = 16 << 20    /* bytes of a string or text attribute */
};

/* NAME of a dimension without coordinate variable: what netCDF-4 writes. */
#define SX_H5_NO_VARIABLE "This is a netCDF dimension but not a netCDF variable."

/* HDF5 prints its errors unless told not to: switch that off, and on again. */
typedef struct sx_h5_printing {
    H5E_auto2_t function;
    void *data;
} sx_h5_printing;
void sx_h5_silence(sx_h5_printing *p);
void sx_h5_restore(const sx_h5_printing *p);

/* Record the innermost message of HDF5's error stack. */
sx_status sx_h5_fail_at(sx_ctx *ctx, sx_status status, const char *file, int line, const char *function,
                        const char *call);
/* Run an HDF5 call inside an expression: its failure becomes `status` and goes to `label`. */
#define SX_H5(ctx, status, code, label, call)                                                                          \
    do {                                                                                                               \
        if ((call) < 0) {                                                                                              \
            (status) = sx_h5_fail_at((ctx), (code), __FILE__, __LINE__, __func__, #call);                              \
            goto label;                                                                                                \
        }                                                                                                              \
    } while (0)
/* Run an HDF5 iteration whose callback leaves its own failure in `own`. */
#define SX_H5_ITERATE(ctx, status, label, own, call)                                                                   \
    do {                                                                                                               \
        const herr_t iterate_ = (call);                                                                                \
        if ((own) < 0) {                                                                                               \
            (status) = sx_frame_at((ctx), (own), __FILE__, __LINE__, __func__);                                        \
            (void)H5Eclear2(H5E_DEFAULT);                                                                              \
            goto label;                                                                                                \
        }                                                                                                              \
        SX_H5((ctx), status, SX_E_FILE, label, iterate_);                                                              \
    } while (0)
/* Give the present failure another status, its message a beginning. */
sx_status sx_h5_restate(sx_ctx *ctx, sx_status status, const char *before);
/* Close an id on the way out: the first failure counts. */
void sx_h5_close(sx_ctx *ctx, sx_status *status, hid_t id);

/* hdf5_disk.c. A file being written: HDF5 writes to fd through `access`; failures are noted here instead of breaking HDF5. */
typedef struct sx_h5_disk {
    sx_ctx *ctx;
    int fd;                           /* borrowed */
    int error;                        /* errno of the first write that failed, or 0 */
    struct sx_h5_piece *lost, **last; /* what could not be written */
    H5FD_t *file;                     /* owned */
    hid_t driver;
} sx_h5_disk;
/* Make files of `access` go to fd; the name is ignored. */
sx_status sx_h5_disk_use(sx_ctx *ctx, sx_h5_disk *disk, int fd, hid_t access) SX_MUST_USE;
sx_status sx_h5_disk_error(sx_ctx *ctx, const sx_h5_disk *disk) SX_MUST_USE;
/* After H5Fclose and H5Pclose of `access`. */
void sx_h5_disk_end(sx_h5_disk *disk);
/* Append the checksum of the whole file; check it (sealed false: there is none). */
sx_status sx_h5_seal(sx_ctx *ctx, int fd) SX_MUST_USE;
sx_status sx_h5_check_seal(sx_ctx *ctx, int fd, int64_t size, bool *sealed) SX_MUST_USE;

/* Chunk of at most SX_H5_CHUNK bytes: the last dimensions whole, then a part of one, then 1. Zero lengths become 1. */
void sx_h5_chunk(int ndim, const int64_t *shape, size_t size, int64_t *chunk);
/* Walk over the chunks in row-major order: at[] runs from all zero; false past the end. count[] = cells of the present chunk. */
bool sx_h5_next(int ndim, const int64_t *shape, const int64_t *chunk, int64_t *at);
int64_t sx_h5_cells(int ndim, const int64_t *shape, const int64_t *chunk, const int64_t *at, int64_t *count);

/* hdf5_attribute.c. A text as an owned string (*out NULL: there is none, or it is something else); a number (*out stays then). */
sx_status sx_h5_text_attribute(sx_ctx *ctx, hid_t object, const char *name, char **out) SX_MUST_USE;
sx_status sx_h5_number_attribute(sx_ctx *ctx, hid_t object, const char *name, double *out) SX_MUST_USE;
/* All but those of the layout, into a group (var NULL) or variable of a result. */
sx_status sx_h5_read_attributes(sx_ctx *ctx, sx_result *r, hid_t object, const char *group,
                                const char *var) SX_MUST_USE;

/* hdf5_verify.c. Compare a result with what was read back from its file; one, two: buffers of SX_H5_CHUNK bytes. */
sx_status sx_h5_compare(sx_ctx *ctx, const sx_result *a, const sx_result *b, void *one, void *two) SX_MUST_USE;

/* Memory type of a dtype (borrowed); not for strings. */
hid_t sx_h5_type(sx_dtype dtype);
/* New id of the variable-length UTF-8 string type. */
hid_t sx_h5_string_type(void);
/* Is this the name of a root variable or dimension that holds warnings and verdicts? */
bool sx_h5_reserved(const char *group, const char *name);

#endif
