// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Reading TOML tables into options structs by their field tables. The same walk runs twice: when an experiment is loaded it checks
 * every key, type and range and touches no other file; when it is built, a binding is present and files and unit labels are resolved. */
#ifndef SX_EXPERIMENT_SCHEMA_H
#define SX_EXPERIMENT_SCHEMA_H

#include <separatrix/io.h>
#include <separatrix/simulate.h>

/* Blocks that live and die together. */
typedef struct sx_arena {
    struct sx_arena_block *first;
} sx_arena;
sx_status sx_arena_alloc(sx_ctx *ctx, sx_arena *arena, int64_t n, size_t size, void *out) SX_MUST_USE;
sx_status sx_arena_strdup(sx_ctx *ctx, sx_arena *arena, const char *text, const char **out) SX_MUST_USE;
void sx_arena_free(sx_ctx *ctx, sx_arena *arena);

/* A growing text. A failed addition is remembered in `status`, so that only the end needs a check. */
typedef struct sx_buf {
    char *p; /* owned; NULL while empty */
    int64_t n, capacity;
    sx_status status;
} sx_buf;
void sx_buf_add(sx_ctx *ctx, sx_buf *t, const char *format, ...) SX_PRINTF(3, 4);
/* A number as TOML: shortest text that reads back exactly, with a point or an exponent. */
void sx_buf_number(sx_ctx *ctx, sx_buf *t, double value);
/* A quoted TOML string. */
void sx_buf_quote(sx_ctx *ctx, sx_buf *t, const char *s);
/* A node as TOML on one line. With a base, relative paths under the key `file` become absolute. */
void sx_buf_node(sx_ctx *ctx, sx_buf *t, const sx_toml_node *node, const char *base);

/* What is known of the model while it is built. */
typedef struct sx_binding {
    const char *directory;     /* relative paths start here */
    int64_t n;                 /* units; -1 = not known yet */
    int64_t state;             /* length of the whole state; -1 = not known yet */
    const char *const *labels; /* n labels, or NULL */
    int64_t trials;            /* of the model's input; 0 = none */
    sx_key initial;            /* of seeds.initial and the task's name */
    const sx_model *model;     /* NULL = not built yet */
    const sx_data *data;       /* the data sets read so far */
    int n_data;
    const sx_result *results; /* of the tasks that have run; NULL before the run */
    uint64_t files;           /* hash of the content of all files read so far */
    const char *derivatives;  /* of a plug-in: where they come from; borrowed from the model. NULL = all given */
    struct sx_equations_tables *equations; /* of models of kind equations, or NULL; owned by the build */
} sx_binding;

typedef struct sx_reader {
    sx_ctx *ctx;
    const char *name; /* of the document in messages */
    sx_arena *arena;  /* receives arrays and strings */
    sx_binding *bind; /* NULL while loading */
    /* while a task is read: the experiment and the number of the task, which may refer to earlier ones */
    const struct sx_experiment *experiment;
    int task;
} sx_reader;

/* Failure at a node: "FILE:LINE:COLUMN: message"; returns status. */
sx_status sx_node_fail(const sx_reader *r, const sx_toml_node *node, sx_status status, const char *format, ...)
    SX_PRINTF(4, 5);
/* Put "FILE:LINE:COLUMN: KEY: " before the present message; returns status. */
sx_status sx_node_prefix(const sx_reader *r, const sx_toml_node *node, sx_status status);

/* One field table and the struct it describes; a TOML table may fill several. */
typedef struct sx_part {
    const sx_field *fields;
    void *opts;
} sx_part;
/* Fill the structs from a table. Defaults are set first. `what` names the table in messages ("task 'traj'"); `handled` (NULL-terminated,
 * or NULL) are keys that the caller reads itself. */
sx_status sx_schema_read(const sx_reader *r, const sx_toml_node *table, const char *what, const sx_part *parts,
                         int n_parts, const char *const *handled) SX_MUST_USE;
/* Only the check for unknown keys. */
sx_status sx_schema_known(const sx_reader *r, const sx_toml_node *table, const char *what, const sx_part *parts,
                          int n_parts, const char *const *handled) SX_MUST_USE;
/* A default outside of its own range stands for "not given". */
bool sx_field_default_means_absent(const sx_field *f);
/* Single values with the messages of a field. */
sx_status sx_schema_number(const sx_reader *r, const sx_toml_node *node, const sx_field *f, double *out) SX_MUST_USE;
sx_status sx_schema_string(const sx_reader *r, const sx_toml_node *node, const char **out) SX_MUST_USE;
sx_status sx_schema_want(const sx_reader *r, const sx_toml_node *node, sx_toml_type type, const char *want) SX_MUST_USE;

#endif
