// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Inside of a result, shared by result.c (structure), result_cells.c (content) and result_notes.c (attributes, remarks). */
#ifndef SX_CORE_RESULT_STRUCT_H
#define SX_CORE_RESULT_STRUCT_H

#include "core/result_private.h"

enum { SX_RESULT_MAX_DIMS = 8, SX_RESULT_MAX_NAME = 200 };

typedef struct sx_attribute {
    char *name, *text;
    double number; /* NaN for texts */
    bool is_number;
} sx_attribute;

typedef struct sx_dimension {
    char *name;
    int64_t length;
} sx_dimension;

/* growing arrays of owned pointers: what is handed out stays where it is */
typedef struct sx_list {
    void **item;
    int64_t n, capacity;
} sx_list;

typedef struct sx_group {
    char *name;
    sx_list dims, attrs;
} sx_group;

typedef struct sx_variable {
    sx_var var; /* its texts are owned */
    sx_group *group;
    int ndim;
    const sx_dimension *dims[SX_RESULT_MAX_DIMS];
    int64_t count;
    sx_list attrs;
    /* where the content is: memory, the store, or a reader */
    void *data; /* strings: char *[count], NULL = "" */
    bool in_store;
    int handle;
    sx_result_reader read;
    void *read_user;
} sx_variable;

typedef struct sx_remark {
    char *text;
    const sx_group *group;
} sx_remark;

typedef struct sx_comparison {
    sx_verdict verdict; /* its texts are owned */
    const sx_group *group;
} sx_comparison;

struct sx_result {
    sx_store store;
    bool has_store;
    sx_list groups, vars, warnings, verdicts;
    void (*release)(void *user, sx_ctx *ctx);
    void *release_user;
};

/* Make room for one more, so that the append that follows cannot fail. */
sx_status sx_list_reserve(sx_ctx *ctx, sx_list *l) SX_MUST_USE;
void sx_list_append(sx_list *l, void *item);
/* "group "a b": want 1 to 200 of the characters ..."; `more`: characters allowed besides letters, digits, _ and - */
sx_status sx_result_check_name(sx_ctx *ctx, const char *what, const char *name, const char *more) SX_MUST_USE;
sx_group *sx_result_find_group(const sx_result *r, const char *name);
/* Find, or make, a group. */
sx_status sx_result_get_group(sx_ctx *ctx, sx_result *r, const char *name, sx_group **out) SX_MUST_USE;
sx_status sx_result_copy_text(sx_ctx *ctx, const char *text, const char **out) SX_MUST_USE;
void sx_result_free_text(sx_ctx *ctx, const char *text);
void sx_attribute_free(sx_ctx *ctx, sx_attribute *a);
void sx_comparison_free(sx_ctx *ctx, sx_comparison *c);

#endif
