// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/** @file io.h  Files: arrays in (.npy .npz .csv .mtx .safetensors), results out and in (HDF5, netCDF-4 layout). Part of
 *  libseparatrix-io. Every reader survives hostile files: sizes are checked before memory is taken, nothing is executed. */
#ifndef SEPARATRIX_IO_H
#define SEPARATRIX_IO_H

#include <separatrix/result.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A numeric array from a file, converted exactly to f64 (integers above 2^53 are refused). Owned; free with sx_array_free. */
typedef struct sx_array {
    int ndim;             /**< number of axes */
    int64_t shape[8];     /**< length of each axis */
    double *data;         /**< row-major; NULL for sparse */
    int64_t n;            /**< numbers in data */
    char **row_labels;    /**< shape[0] labels, or NULL */
    char **column_labels; /**< shape[1] labels, or NULL */
    /* sparse (Matrix Market coordinate, CSV edges): entries (row, column, value), in the order of the file */
    int64_t nnz; /**< sparse: number of entries */
    /** row and column of each entry */
    int64_t *row, *column;
    double *value; /**< value of each entry */
} sx_array;
SX_API void sx_array_free(sx_ctx *ctx, sx_array *a); /**< content, not the struct; leaves it zero */

/** What a CSV file holds. */
typedef enum sx_csv_layout { SX_CSV_MATRIX, SX_CSV_EDGES, SX_CSV_COLUMN } sx_csv_layout;
/** How to read a file. Zero-initialise; unset members do not matter for other formats. */
typedef struct sx_read_opts {
    const char *name; /**< entry of .npz / tensor of .safetensors; NULL: the only one */
    int layout; /**< CSV: matrix, edges (columns source,target,weight by header name or the first three), column */
    int header; /**< CSV: 1 yes, 0 no, -1 unknown: refused with a hint when the first line does not parse as numbers */
    bool first_column_labels; /**< CSV: the first column holds labels */
    /** CSV column layout: value column and label column by header name */
    const char *column, *key;
    bool missing_error;   /**< empty fields and "nan": error (true) or `missing` */
    double missing;       /**< value of empty fields when they are no error */
    bool allow_nonfinite; /**< accept infinities and NaN, which are errors otherwise */
    int64_t max_bytes;    /**< limit of the expanded data; 0 = 4 GB */
} sx_read_opts;
/** Read by extension (.npy .npz .csv .csv.gz .txt .mtx .safetensors; .png: grey values, height x width). Errors: SX_E_FILE "FILE:LINE:COLUMN: ..." or "FILE: ...". */
SX_API sx_status sx_array_read(sx_ctx *ctx, const char *path, const sx_read_opts *opts, sx_array *out) SX_MUST_USE;
/** Same from memory (fuzzing); format is the extension without dot. */
SX_API sx_status sx_array_parse(sx_ctx *ctx, const char *name, const char *format, const void *bytes, size_t n,
                                const sx_read_opts *opts, sx_array *out) SX_MUST_USE;
/** Names of the arrays of a .npz or .safetensors file in memory, in its order: one block, free with sx_free. `format` as for
 *  sx_array_parse. */
SX_API sx_status sx_array_names(sx_ctx *ctx, const char *name, const char *format, const void *bytes, size_t n,
                                char ***out, int64_t *count) SX_MUST_USE;
/** Write a .npy file (version 1.0, '<f8'). */
SX_API sx_status sx_npy_write(sx_ctx *ctx, const char *path, int ndim, const int64_t *shape,
                              const double *data) SX_MUST_USE;

/* The HDF5 library is not thread-safe: call the following two, and read a loaded result, from one thread at a time. */
/** Write a result as HDF5 in netCDF-4 layout: PATH.tmp, every call checked, all ids closed, fsync, reopened and compared, rename. On
 *  failure (SX_E_IO: disk full, not writable) an existing PATH stays as it was. Equal results give equal bytes. Needs 2 MB of memory,
 *  whatever the size of stored variables; cost: one pass of compression and two of reading. */
SX_API sx_status sx_result_save(sx_ctx *ctx, const sx_result *r, const char *path) SX_MUST_USE;
/** Load a result (variables above 1 MB stay in the file and are read on demand; it stays open until the result is freed). SX_E_FILE:
 *  missing, cut, damaged or not a result. Files up to 1 GB are checked as a whole by a checksum. */
SX_API sx_status sx_result_load(sx_ctx *ctx, const char *path, sx_result **out) SX_MUST_USE;

/* -- TOML ------------------------------------------------------------------------------------------------------------ */
/** A parsed document: a tree of nodes with their places. Tables keep the order of the text. */
typedef struct sx_toml sx_toml;
/** Type of a node. */
typedef enum sx_toml_type {
    SX_TOML_TABLE,
    SX_TOML_ARRAY,
    SX_TOML_STRING,
    SX_TOML_INTEGER,
    SX_TOML_FLOAT,
    SX_TOML_BOOL,
    SX_TOML_DATE
} sx_toml_type;
/** A node of the tree; borrowed from its document. */
typedef struct sx_toml_node sx_toml_node;
/** Parse; errors are SX_E_USAGE "FILE:LINE:COLUMN: ...". Limits: 1 MB, nesting 32, 1e5 keys, valid UTF-8. */
SX_API sx_status sx_toml_parse(sx_ctx *ctx, const char *name, const char *text, size_t n, sx_toml **out) SX_MUST_USE;
/** Free a document with all its nodes; NULL is fine. */
SX_API void sx_toml_free(sx_ctx *ctx, sx_toml *t);
/** The table that holds everything. */
SX_API const sx_toml_node *sx_toml_root(const sx_toml *t);
/** The name given to sx_toml_parse. */
SX_API const char *sx_toml_name(const sx_toml *t);
/** Type of a node. */
SX_API sx_toml_type sx_toml_type_of(const sx_toml_node *node);
/** Line of the value, from 1; 0 for values that are not in the text. */
SX_API int sx_toml_line(const sx_toml_node *node);
/** Column of the value in characters, from 1. */
SX_API int sx_toml_column(const sx_toml_node *node);
/** Key of a node inside its table (NULL for array elements) and the place of the key itself. */
SX_API const char *sx_toml_key(const sx_toml_node *node);
/** Line of the key. */
SX_API int sx_toml_key_line(const sx_toml_node *node);
/** Column of the key. */
SX_API int sx_toml_key_column(const sx_toml_node *node);
/** Where the value (the key) of a node was written, to begin a message with: "worm.toml:12:5", "--set task.traj.dt=0" or
 *  "default model.gain". Borrowed from the document; made at the first call. */
SX_API const char *sx_toml_origin(const sx_toml_node *node);
/** The same for the key. */
SX_API const char *sx_toml_key_origin(const sx_toml_node *node);
/** Number of children of a table or array, 0 for others. */
SX_API int64_t sx_toml_count(const sx_toml_node *node);
SX_API const sx_toml_node *sx_toml_at(const sx_toml_node *node, int64_t i); /**< child i in the order of the text */
/** Child with that key, or NULL. */
SX_API const sx_toml_node *sx_toml_get(const sx_toml_node *table, const char *key);
SX_API const char *sx_toml_string(const sx_toml_node *node,
                                  size_t *length); /**< text of strings and dates; length may be NULL */
/** Value of an integer node, 0 for others. */
SX_API int64_t sx_toml_integer(const sx_toml_node *node);
SX_API double sx_toml_float(const sx_toml_node *node); /**< integers too */
/** Value of a boolean node, false for others. */
SX_API bool sx_toml_bool(const sx_toml_node *node);
/** Set KEY=VALUE of --set: a dotted path; arrays of tables are addressed by the element's `name` (or `do`): "task.traj.dt",
 *  "model.coupling.gap.strength", or by index. VALUE is TOML, or a bare string. New keys are allowed (the schema judges them). */
SX_API sx_status sx_toml_set(sx_ctx *ctx, sx_toml *t, const char *assignment) SX_MUST_USE;
/** Add a default: as sx_toml_set, but the value is strictly TOML and a key that is already there stays as it is. */
SX_API sx_status sx_toml_put(sx_ctx *ctx, sx_toml *t, const char *path, const char *toml_value) SX_MUST_USE;
/** The document as TOML text (what experiment.toml stores). */
SX_API sx_status sx_toml_print(sx_ctx *ctx, const sx_toml *t, char **out) SX_MUST_USE;

/* -- output directories --------------------------------------------------------------------------------------------- */
/** An output directory, locked for one process. Files of it are written whole or not at all. */
typedef struct sx_outdir sx_outdir;
/** Create (parents must exist) or open and lock. Existing results need `force` or `resume`. SX_E_BUSY names the other process. Checks
 *  that the directory is writable and has `bytes` free, before any work. With `force` or `resume`, half-written files (.NAME.PID.K.tmp) of
 *  processes that are gone are removed. */
SX_API sx_status sx_outdir_open(sx_ctx *ctx, const char *path, bool force, bool resume, int64_t bytes,
                                sx_outdir **out) SX_MUST_USE;
/** Close and unlock; NULL is fine. */
SX_API void sx_outdir_close(sx_ctx *ctx, sx_outdir *d);
/** The path it was opened with; borrowed. */
SX_API const char *sx_outdir_path(const sx_outdir *d);
/** A store for large variables under parts/ (preallocated, so a full disk shows before the work). */
SX_API const sx_store *sx_outdir_store(sx_outdir *d);
/** fsync all parts. */
SX_API sx_status sx_outdir_flush(sx_ctx *ctx, sx_outdir *d) SX_MUST_USE;
/** Remove checkpoints/ and parts/ after the result is in place. */
SX_API sx_status sx_outdir_clean(sx_ctx *ctx, sx_outdir *d) SX_MUST_USE;
/** Write a small file atomically: tmp, fsync, verify, rename, fsync of the directory. */
SX_API sx_status sx_file_write(sx_ctx *ctx, const char *path, const void *data, size_t n) SX_MUST_USE;
/** Read a whole file of at most max_bytes; a zero byte follows the content. Free with sx_free. */
SX_API sx_status sx_file_read(sx_ctx *ctx, const char *path, int64_t max_bytes, char **out, size_t *n) SX_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
