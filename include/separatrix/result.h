// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/** @file result.h  Results: labelled arrays in groups, append-only. libseparatrix holds them in memory or, for large recordings,
 *  in a store of the host; libseparatrix-io writes them as HDF5 in netCDF-4 layout and reads them back. */
#ifndef SEPARATRIX_RESULT_H
#define SEPARATRIX_RESULT_H

#include <separatrix/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A result: opaque. */
typedef struct sx_result sx_result;

/** Type of the elements of a variable. */
typedef enum sx_dtype { SX_DT_F64, SX_DT_F32, SX_DT_I64, SX_DT_U8, SX_DT_STRING } sx_dtype;

/** One variable. `dims` are names separated by commas ("replica,time,unit"; "" = scalar). A dimension belongs to its group
 *  (or to the root group "") and is created by the first variable or sx_result_dim that names it. A variable with the name of
 *  a dimension is its coordinate and must index it alone. `X_se` is the standard error of `X`. */
typedef struct sx_var {
    /** name; dimension names separated by commas */
    const char *name, *dims;
    sx_dtype dtype; /**< type of an element */
    const char *units, *long_name,
        *method; /**< copied; method may be NULL. In units the words "time" and "state" become the labels
                                                 that the root attributes unit_time and unit_state hold at that moment */
    bool stored; /**< true: large, kept in the store if the result has one */
} sx_var;

/** Where large variables live while a run goes on: positioned reads and writes of one named byte range. */
typedef struct sx_store {
    size_t struct_size; /**< sizeof(sx_store) */
    void *user;         /**< passed to every call */
    /** Reserve `bytes` under a name (once; keeps the content of an earlier run that is being resumed). */
    sx_status (*reserve)(void *user, sx_ctx *ctx, const char *name, int64_t bytes, int *handle);
    /** Write bytes at an offset. */
    sx_status (*write)(void *user, sx_ctx *ctx, int handle, int64_t offset, int64_t bytes, const void *data);
    /** Read bytes at an offset. */
    sx_status (*read)(void *user, sx_ctx *ctx, int handle, int64_t offset, int64_t bytes, void *data);
} sx_store;

/** @param[in] store copied; NULL = everything in memory. */
SX_API sx_status sx_result_create(sx_ctx *ctx, const sx_store *store, sx_result **out) SX_MUST_USE;
/** Free a result; NULL is fine. */
SX_API void sx_result_free(sx_ctx *ctx, sx_result *result);

/** Define a dimension of a group (group "" = root, seen by all groups). Redefining with the same length is fine. */
SX_API sx_status sx_result_dim(sx_ctx *ctx, sx_result *r, const char *group, const char *name,
                               int64_t length) SX_MUST_USE;
/** Define a variable; its dimensions must exist. Numbers start as NaN (f64, f32), 0 (integers), "" (strings). */
SX_API sx_status sx_result_define(sx_ctx *ctx, sx_result *r, const char *group, const sx_var *var, int *id) SX_MUST_USE;
/** Write a hyperslab (row-major, start/count per dimension; NULL start = all). data is of the variable's dtype. Thread-safe for
 *  disjoint cells. SX_DT_STRING: data is const char *const *. */
SX_API sx_status sx_result_write(sx_ctx *ctx, sx_result *r, int id, const int64_t *start, const int64_t *count,
                                 const void *data) SX_MUST_USE;
/** Attribute of a group or, with var != NULL, of a variable. */
SX_API sx_status sx_result_attr_text(sx_ctx *ctx, sx_result *r, const char *group, const char *var, const char *name,
                                     const char *value) SX_MUST_USE;
/** The same with a number. */
SX_API sx_status sx_result_attr_number(sx_ctx *ctx, sx_result *r, const char *group, const char *var, const char *name,
                                       double value) SX_MUST_USE;
/** Convenience: define and write a whole f64 variable. */
SX_API sx_status sx_result_put(sx_ctx *ctx, sx_result *r, const char *group, const char *name, const char *dims,
                               const char *units, const char *long_name, const double *data) SX_MUST_USE;
/** A warning that the report shows for a group. */
SX_API sx_status sx_result_warn(sx_ctx *ctx, sx_result *r, const char *group, const char *format, ...) SX_PRINTF(4, 5);

/** A comparison "beside theory": one row of the report's verdict table. z = (value - theory) / se. */
typedef struct sx_verdict {
    const char *name; /**< what is compared, "variance of unit AVAL" */
    /** what was measured, its standard error, what theory says */
    double value, se, theory;
    const char *source; /**< where the theory comes from */
    /** 0 or 1: the quantity was chosen beforehand; n: it is the one with the largest |z| of n */
    int64_t comparisons;
} sx_verdict;
/** What a comparison says. */
typedef enum sx_judgement { SX_NO_ERROR_KNOWN, SX_AGREES, SX_DOUBTFUL, SX_DISAGREES } sx_judgement;
/** The probability of |z| by chance, erfc(|z| / sqrt 2) for one quantity and at most n times that for the largest of n, beside those of 3 and of 5
 *  standard errors: above the first it agrees, below the second it disagrees. */
SX_API sx_judgement sx_verdict_judge(const sx_verdict *verdict);
/** Add a comparison to a group. */
SX_API sx_status sx_result_verdict(sx_ctx *ctx, sx_result *r, const char *group, const sx_verdict *verdict) SX_MUST_USE;

/* Reading (also of a result loaded from a file). Indices run from 0; -1 = not found. */
/** Number of groups, the root included. */
SX_API int sx_result_groups(const sx_result *r);
SX_API const char *sx_result_group(const sx_result *r, int group); /**< name; "" is the root */
/** Number of variables of all groups. */
SX_API int sx_result_vars(const sx_result *r);
/** Group and description of a variable (borrowed). */
SX_API const sx_var *sx_result_var(const sx_result *r, int id, const char **group);
/** Index of a variable, or -1. */
SX_API int sx_result_find(const sx_result *r, const char *group, const char *name);
/** Number of dimensions; shape[k] and dimension names (up to 8). */
SX_API int sx_result_shape(const sx_result *r, int id, int64_t shape[8], const char *dims[8]);
/** Read a hyperslab as doubles (f64, f32, integers). NULL start = all. */
SX_API sx_status sx_result_read(sx_ctx *ctx, const sx_result *r, int id, const int64_t *start, const int64_t *count,
                                double *out) SX_MUST_USE;
/** Text of element i of a string variable (borrowed), or NULL. */
SX_API const char *sx_result_text(const sx_result *r, int id, int64_t i);
/** Attributes in order of definition: name and value (numbers as text). Returns false past the end. */
SX_API bool sx_result_attr(const sx_result *r, const char *group, const char *var, int i, const char **name,
                           const char **text, double *number);
/** Text of an attribute, or NULL. */
SX_API const char *sx_result_attr_find(const sx_result *r, const char *group, const char *var, const char *name);
/** Number of warnings. */
SX_API int sx_result_warnings(const sx_result *r);
/** Text and group of warning i; borrowed. */
SX_API const char *sx_result_warning(const sx_result *r, int i, const char **group);
/** Number of comparisons. */
SX_API int sx_result_verdicts(const sx_result *r);
/** Comparison i and its group; borrowed. */
SX_API const sx_verdict *sx_result_verdict_at(const sx_result *r, int i, const char **group);
/** Dimensions of a group in order; false past the end. */
SX_API bool sx_result_dim_at(const sx_result *r, const char *group, int i, const char **name, int64_t *length);

#ifdef __cplusplus
}
#endif
#endif
