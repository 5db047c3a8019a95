// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/** @file experiment.h  Experiment files: load -> build -> execute. Part of libseparatrix-io. */
#ifndef SEPARATRIX_EXPERIMENT_H
#define SEPARATRIX_EXPERIMENT_H

#include <separatrix/io.h>
#include <separatrix/model.h>
#include <separatrix/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A parsed, checked experiment: immutable. */
typedef struct sx_experiment sx_experiment;

/** Load from a file ("-": standard input is the caller's job; use sx_experiment_parse). Relative paths inside are relative to the
 *  experiment's directory. `set` are n_set KEY=VALUE overrides. Every key is checked against the field tables here; nothing is read
 *  from other files yet. Errors: "FILE:LINE:COLUMN: message". */
SX_API sx_status sx_experiment_load(sx_ctx *ctx, const char *path, const char *const *set, int n_set,
                                    sx_experiment **out) SX_MUST_USE;
/** The same from memory; `name` stands for the file in messages, `directory` is where relative paths begin. */
SX_API sx_status sx_experiment_parse(sx_ctx *ctx, const char *name, const char *directory, const char *text, size_t n,
                                     const char *const *set, int n_set, sx_experiment **out) SX_MUST_USE;
/** Free an experiment; NULL is fine. */
SX_API void sx_experiment_free(sx_ctx *ctx, sx_experiment *e);
/** Title, "untitled" if none was given; borrowed. */
SX_API const char *sx_experiment_title(const sx_experiment *e);
/** The resolved experiment as TOML (defaults filled in). */
SX_API const char *sx_experiment_text(const sx_experiment *e);
/** Hash of the resolved text without title and limits; input files are not part of it. */
SX_API uint64_t sx_experiment_hash(const sx_experiment *e);
/** Number of tasks. */
SX_API int sx_experiment_tasks(const sx_experiment *e);
/** Name of task i, NULL when out of range; borrowed. */
SX_API const char *sx_experiment_task_name(const sx_experiment *e, int i);
/** Build the model (reads coupling files, realises ensembles). The caller frees it. */
SX_API sx_status sx_experiment_model(sx_ctx *ctx, const sx_experiment *e, sx_model **out) SX_MUST_USE;

/** All tasks, in the order of the documentation. */
SX_API const sx_task_ops *const *sx_tasks(int *n);
/** The task of that name, or NULL. */
SX_API const sx_task_ops *sx_task_find(const char *name);
/** A commented starting file for a model or task kind: its example, with every other field as a comment. Free with sx_free. */
SX_API sx_status sx_experiment_template(sx_ctx *ctx, const char *kind, char **out) SX_MUST_USE;
/** Fields of a coupling besides those of its ensemble (sx_ensemble_fields), for documentation. */
SX_API const sx_field *sx_experiment_coupling_fields(void);

/** Prediction of one run. */
typedef struct sx_prediction {
    size_t struct_size; /**< sizeof(sx_prediction) */
    int64_t memory;     /**< peak bytes */
    int64_t disk;       /**< peak bytes in the output directory */
    double seconds;     /**< from a few measured steps on this machine */
} sx_prediction;
/** Validate everything, including files and needs of tasks, and predict. Does not write. */
SX_API sx_status sx_experiment_check(sx_ctx *ctx, const sx_experiment *e, sx_prediction *out) SX_MUST_USE;
/** The same, with the text that `separatrix check` prints: the resolved experiment, model, couplings (with spectral radius up to 2000
 *  units), predictions. text may be NULL; free it with sx_free. */
SX_API sx_status sx_experiment_describe(sx_ctx *ctx, const sx_experiment *e, char **text,
                                        sx_prediction *out) SX_MUST_USE;
/** The model's equations, one per line: as text, for models made of texts in normal form, or as LaTeX. Builds the model. Free with
 *  sx_free. */
SX_API sx_status sx_experiment_equations(sx_ctx *ctx, const sx_experiment *e, bool latex, char **out) SX_MUST_USE;
/** Run all tasks and save result.h5 in the directory. SX_STOPPED: a checkpoint and a partial result are there. Everything that can be
 *  checked is checked before the directory is made. Once the directory is made and locked, "output directory: DIR" is logged: a host that
 *  keeps a log file in it may open that now. `resume` continues from checkpoints and refuses a changed experiment, changed input files and
 *  (without `force`) another kernel set with SX_E_CHECKPOINT. */
SX_API sx_status sx_experiment_run(sx_ctx *ctx, const sx_experiment *e, const char *directory, bool resume,
                                   bool force) SX_MUST_USE;
/** How sx_experiment_run_with runs. */
typedef struct sx_run_opts {
    size_t struct_size; /**< sizeof(sx_run_opts) */
    /** continue from checkpoints; replace an earlier result (with resume: accept another kernel set) */
    bool resume, force;
    double
        checkpoint_interval; /**< seconds between checkpoints, at least one round of segments; 0 = after every round */
} sx_run_opts;
/** Initialiser: a fresh run with checkpoints every 30 seconds. */
#define SX_RUN_OPTS                                                                                                    \
    { sizeof(sx_run_opts), false, false, 30.0 }
/** sx_experiment_run with all its choices. */
SX_API sx_status sx_experiment_run_with(sx_ctx *ctx, const sx_experiment *e, const char *directory,
                                        const sx_run_opts *opts) SX_MUST_USE;
/** Run into memory (Python, tests). */
SX_API sx_status sx_experiment_result(sx_ctx *ctx, const sx_experiment *e, sx_result **out) SX_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
