// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/** @file field.h  Field tables: the only description of an options struct. They drive the experiment parser, its messages,
 *  `separatrix models/tasks/new`, the documentation and the attributes of the result. */
#ifndef SEPARATRIX_FIELD_H
#define SEPARATRIX_FIELD_H

#include <separatrix/context.h>
#include <separatrix/random.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Numbers per unit (or per whatever `shape` says): n == 0 absent, n == 1 the same for all, else one each. In an experiment
 *  file: a number, a list, or { file = "a.csv", column = , key = , missing = }; matrices are row-major, n = rows * columns. */
typedef struct sx_values {
    int64_t n;          /**< 0, 1 or as many as the shape says */
    const double *data; /**< borrowed */
} sx_values;

/** A selection of units by label or index; n == 0 means all. */
typedef struct sx_units {
    int64_t n;            /**< number of selected units; 0 = all */
    const int64_t *index; /**< borrowed */
} sx_units;

/** A list of texts. */
typedef struct sx_strings {
    int64_t n;               /**< number of texts */
    const char *const *text; /**< borrowed */
} sx_strings;

/** Initial states. Random ones use slot SX_SLOT_INITIAL of the task's key derived with "initial". */
typedef enum sx_initial_kind {
    SX_INITIAL_ZERO,
    SX_INITIAL_VALUES,
    SX_INITIAL_GAUSSIAN,
    SX_INITIAL_UNIFORM
} sx_initial_kind;
/** Initial states of the replicas. */
typedef struct sx_initial {
    int kind;         /**< an sx_initial_kind */
    sx_values values; /**< n, or points * n: replica r starts at point r mod points */
    /** gaussian: mean and standard deviation */
    double mean, sd; /**< gaussian */
    /** uniform: ends of the interval */
    double lo, hi;
    sx_key key;   /**< of random states, used when has_key (experiment: seeds.initial); derived with "initial" */
    bool has_key; /**< false: the task's own key */
} sx_initial;

/** Points of the whole state. In an experiment file: "origin", a list of numbers, a list of such lists, { file = }, or points that an earlier
 *  task found: { task =, select = }, { task =, near = }. Random points and names of tasks may stand in one list: ["traj", "random"]. */
typedef struct sx_points {
    int64_t n;            /**< points; 0: the origin alone; -1: of a task that has not run yet (a plan counts one) */
    int64_t size;         /**< numbers in a point: the whole state */
    const double *x;      /**< n * size numbers, borrowed */
    const char *task;     /**< the (first) task that found them; NULL = none */
    const int64_t *index; /**< number of each point in that task's result; NULL = none */
    const double *input;  /**< n * channels numbers: input of the model held at each point; NULL = the model's own */
    int64_t channels;     /**< numbers in an input */
    /** n models, borrowed: the model as it is at each point (learned weights); NULL = the task's own */
    const struct sx_model *const *models;
    double jitter; /**< standard deviation of what the task adds to each point; 0 = nothing */
    bool random;   /**< the task draws points of its own as well */
    bool origin;   /**< "origin" was said, not left out */
} sx_points;
struct sx_model; /* model.h */

/** Rows of numbers with labels: patterns, images. In an experiment file the name of a section [data.NAME]. */
typedef struct sx_data {
    const char *name;     /**< NULL: none given */
    int64_t rows;         /**< patterns */
    int64_t columns;      /**< numbers of one */
    const double *x;      /**< rows * columns, borrowed */
    const int64_t *label; /**< rows, or NULL */
    int64_t image[2];     /**< height and width of a row drawn as a picture; 0 = none */
} sx_data;

/** How many points a plan counts. */
static inline int64_t sx_points_count(const sx_points *p) {
    return p->n > 0 ? p->n : 1;
}

/** Type of a field: what the options struct holds and what the experiment file may say. */
typedef enum sx_type {
    SX_BOOL,    /**< bool */
    SX_I64,     /**< int64_t */
    SX_U64,     /**< uint64_t */
    SX_F64,     /**< double */
    SX_STRING,  /**< const char * */
    SX_ENUM,    /**< int: index into `choices` */
    SX_VALUES,  /**< sx_values: number | list | { file = ... } */
    SX_UNITS,   /**< sx_units: list of labels or indices */
    SX_STRINGS, /**< sx_strings */
    SX_TABLE,   /**< nested struct described by `sub` */
    SX_TABLES,  /**< array of tables: sx_tables */
    SX_INITIAL, /**< sx_initial: "zero" | list | { kind = } | { file = } | { task =, select = } */
    SX_DATA,    /**< sx_data: the name of a section [data.NAME] */
    SX_POINTS   /**< sx_points: "origin" | list | { file = } | { task =, select = | near = } */
} sx_type;

/** Elements of an array of tables; stride is sub_size of the field. */
typedef struct sx_tables {
    int64_t n;         /**< number of tables */
    const void *items; /**< borrowed */
} sx_tables;

/** Properties of a field; add them up. */
typedef enum sx_field_flag {
    SX_REQUIRED = 1,  /**< no default: must be given */
    SX_LO_OPEN = 2,   /**< value > lo instead of >= */
    SX_HI_OPEN = 4,   /**< value < hi instead of <= */
    SX_FROM_FILE = 8, /**< SX_VALUES may come from a file */
    SX_OPTIONAL = 16, /**< SX_TABLE: absent means "not given"; the bool at `given` tells */
    SX_NO_LIST = 32,  /**< SX_VALUES: a single number only */
    SX_TASK_NAME = 64 /**< SX_STRING: the name of an earlier task */
} sx_field_flag;

/** One field of an options struct. */
typedef struct sx_field {
    const char *name; /**< key in the experiment file */
    sx_type type;     /**< type of the member */
    size_t offset;    /**< in the options struct */
    /** closed unless flagged (an infinite end is open unless it is the default); SX_VALUES: range of each element; lo == hi == 0: unbounded */
    double lo, hi;
    const char *def;  /**< default as TOML text ("0.01", "\"tanh\"", "[]"); NULL with SX_REQUIRED or "absent" */
    const char *unit; /**< "time", "state", "1/time", "1", ...: dimensions, printed with the experiment's unit names */
    const char *help; /**< one sentence */
    const char *choices;        /**< SX_ENUM: "euler-maruyama|heun|..." */
    const char *shape;          /**< SX_VALUES: "unit", "unit,unit", "unit,rank" */
    const struct sx_field *sub; /**< fields of a nested table */
    size_t sub_size;            /**< sizeof one element of `sub` */
    size_t given;               /**< offset of a bool set when the key was given; 0 = none */
    unsigned flags;             /**< sx_field_flag values */
} sx_field;
/** Ends a table. */
#define SX_FIELD_END                                                                                                   \
    { .name = NULL }
/** Range of a number that may have any finite value. */
#define SX_UNBOUNDED .lo = 0, .hi = 0

/** One output variable of a task: what a reader of the result may rely on. */
typedef struct sx_output {
    /** name, dimensions separated by commas, dimension of the value ("state^2"), one sentence */
    const char *name, *dims, *unit, *help;
} sx_output;

/** Fill an options struct with the defaults of its table (numbers, bools, enums, strings; pointers become NULL/0). */
SX_API void sx_fields_default(const sx_field *table, void *opts);
/** Check every number of an options struct against its table. Message: "NAME.dt = 0: want a value in (0, inf) (time step;
 *  default 0.01)". @param[in] name what the struct is called in messages. */
SX_API sx_status sx_fields_check(sx_ctx *ctx, const sx_field *table, const void *opts, const char *name) SX_MUST_USE;
/** Field of that name, or NULL. */
SX_API const sx_field *sx_field_find(const sx_field *table, const char *name);
/** The known name nearest to `name` by edit distance (at most 3 edits), or NULL. */
SX_API const char *sx_nearest(const char *name, const char *const *known, int64_t n);
/** "in (0, inf)", "one of tanh, erf, relu", "true or false", ... into a new string. */
SX_API sx_status sx_field_range(sx_ctx *ctx, const sx_field *field, char **out);
/** Index of `name` in choices "a|b|c", or -1. Name of an index (borrowed copy into buf). */
SX_API int sx_choice_index(const char *choices, const char *name);
/** Name of index `index` of the choices, copied into buf; "?" past the end. Returns buf. */
SX_API const char *sx_choice_name(const char *choices, int index, char *buf, size_t size);

#ifdef __cplusplus
}
#endif
#endif
