// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/** @file task.h  A task: one question asked of a model, done as a list of work items. Each item is a pure function of (model, options,
 *  key, item, state), so every task is parallel over items, can stop at any segment end and resume with the same bits. */
#ifndef SEPARATRIX_TASK_H
#define SEPARATRIX_TASK_H

#include <separatrix/field.h>
#include <separatrix/model.h>
#include <separatrix/random.h>
#include <separatrix/result.h>

#ifdef __cplusplus
extern "C" {
#endif

/** One section of an item's state: the checkpoint stores and verifies state by this table. */
typedef struct sx_section {
    const char *name; /**< name in the checkpoint */
    sx_dtype dtype;   /**< type of its numbers */
    int64_t count;    /**< how many */
    size_t offset;    /**< bytes from the start of the state */
} sx_section;

/** What a task is going to do: printed by `check`, obeyed by the executor. */
typedef struct sx_plan {
    int64_t n_items;            /**< work items */
    size_t state_bytes;         /**< per item */
    const sx_section *sections; /**< owned by the instance */
    int n_sections;             /**< number of sections */
    size_t scratch_bytes;       /**< per worker */
    size_t shared_bytes;        /**< held by the instance for all items */
    int64_t result_bytes;       /**< variables kept in memory */
    int64_t disk_bytes;         /**< stored variables plus the final file */
    double flops;               /**< of the whole task */
    double segments;            /**< calls of advance per item, about */
} sx_plan;

/** Version of the table of operations. */
#define SX_TASK_ABI 1
/** A task as a table: what it asks for, what it gives, and how its work items run. */
typedef struct sx_task_ops {
    /** SX_TASK_ABI; sizeof(sx_task_ops) */
    uint32_t abi, struct_size;
    /** value of `do`; a few words; one sentence or two */
    const char *name, *title, *help;
    const sx_field *fields;   /**< of the options struct */
    size_t opts_size;         /**< sizeof the options struct */
    const sx_output *outputs; /**< ends with name NULL */
    const char *needs;        /**< operations required of the model: "F jvp vjp" */
    const char *example;      /**< a complete experiment as TOML text */
    /** Check options against the model, prepare what all items share, define nothing yet. `group` is the task's name. */
    sx_status (*open)(sx_ctx *ctx, const sx_model *m, const void *opts, sx_key key, const char *group, void **instance,
                      sx_plan *plan);
    /** Define the outputs. */
    sx_status (*define)(sx_ctx *ctx, void *instance, sx_result *result);
    /** First state of an item (its memory is zero). */
    sx_status (*start)(sx_ctx *ctx, const void *instance, int64_t item, void *state);
    /** Bounded work on one item; *done when it is finished. scratch is the worker's; exec for panels or NULL. */
    sx_status (*advance)(sx_ctx *ctx, const void *instance, int64_t item, void *state, void *scratch,
                         const sx_exec *exec, sx_result *result, bool *done, double *fraction);
    /** All items are done: reduce over states in a fixed order and write the remaining outputs. */
    sx_status (*finish)(sx_ctx *ctx, const void *instance, const void *const *states, sx_result *result);
    /** Free the instance. */
    void (*close)(sx_ctx *ctx, void *instance);
} sx_task_ops;

/** Where and how often a run saves its state. */
typedef struct sx_checkpoints {
    size_t struct_size;                           /**< sizeof(sx_checkpoints) */
    const char *directory;                        /**< existing; NULL = none */
    double interval;                              /**< seconds between checkpoints; 0 = after every round */
    uint64_t hash;                                /**< of experiment and build: a checkpoint with another is refused */
    bool resume;                                  /**< begin from the newest valid checkpoint */
    sx_status (*before)(void *user, sx_ctx *ctx); /**< flush the store; called before each write */
    void *user;                                   /**< passed to `before` */
} sx_checkpoints;

/** Run a task to its end: open, define, all items over all workers, finish, close. SX_STOPPED when the host asked to stop, with a
 *  checkpoint written if a directory is given. */
SX_API sx_status sx_task_run(sx_ctx *ctx, const sx_task_ops *task, const sx_model *m, const void *opts, sx_key key,
                             const char *group, const sx_checkpoints *checkpoints, sx_result *result) SX_MUST_USE;
/** Open, read the plan, close: for `check`. */
SX_API sx_status sx_task_plan(sx_ctx *ctx, const sx_task_ops *task, const sx_model *m, const void *opts,
                              const char *group, sx_plan *plan) SX_MUST_USE;
/** Seconds that the items of a task will take, by the progress of the first one within about `budget` seconds; NaN when one call would take
 *  too long or the outputs are large: for `check`. Nothing is written. */
SX_API sx_status sx_task_measure(sx_ctx *ctx, const sx_task_ops *task, const sx_model *m, const void *opts,
                                 const char *group, double budget, double *seconds) SX_MUST_USE;
/** First operation of task->needs that the model lacks, or NULL; the text lives in buf. */
SX_API const char *sx_task_missing(const sx_task_ops *task, const sx_model *m, char *buf, size_t size);

#ifdef __cplusplus
}
#endif
#endif
