// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
#include "experiment/refer.h"
#include "experiment/data.h"
#include "experiment/load.h"
#include "experiment/values.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ----------------------------------------------------------------------------------------------------------- names of tasks */

sx_status sx_refer_task(const sx_reader *r, const sx_toml_node *node, const char **out) {
    const char *name, *known[64];
    int64_t n_known = 0;
    SX_TRY(r->ctx, sx_schema_string(r, node, &name));
    const sx_experiment *e = r->experiment;
    for (int i = 0; e && i < r->task; i++) {
        if (strcmp(e->tasks[i].name, name) == 0) {
            *out = name;
            return SX_OK;
        }
        if (n_known < 64) known[n_known++] = e->tasks[i].name;
    }
    const char *near = sx_nearest(name, known, n_known);
    return sx_node_fail(r, node, SX_E_USAGE, "no task before this one is called '%s'%s%s%s", name,
                        near           ? "; did you mean '"
                        : n_known == 0 ? "; this is the first task"
                                       : "",
                        near ? near : "", near ? "'?" : "");
}

/* ------------------------------------------------------------------------------------------------------ what a reference says */

enum { ALL, STABLE, SADDLE, UNSTABLE, FINAL, RECORDED, LISTED };
/* What a task leaves that one can begin with. */
typedef enum leaves { LEAVES_NOTHING, LEAVES_POINTS, LEAVES_STATES } leaves;
#define SELECT_CHOICES "all|stable|saddle|unstable|final|recorded"

typedef struct reference {
    const sx_toml_node *node;
    const char *task;
    int select;
    bool selected;            /* `select` is given */
    const sx_toml_node *list; /* of numbers of points */
    const sx_toml_node *near;
    int64_t n; /* 0 = all */
    double jitter;
} reference;

#define F(member) .offset = offsetof(reference, member)
static const sx_field reference_fields[] = {
    { .name = "n", .type = SX_I64, F(n), .lo = 1, .hi = 1e9, .def = "0", .help = "at most so many, evenly spread" },
    { .name = "jitter",
      .type = SX_F64,
      F(jitter),
      .lo = 0,
      .hi = (double)INFINITY,
      .flags = SX_HI_OPEN,
      .def = "0.0",
      .unit = "state",
      .help = "standard deviation of what is added to each point" },
    SX_FIELD_END
};
#undef F

static sx_status read_select(const sx_reader *r, const sx_toml_node *node, reference *ref) {
    ref->selected = true;
    if (sx_toml_type_of(node) == SX_TOML_STRING) {
        const char *known[] = { "all", "stable", "saddle", "unstable", "final", "recorded" };
        const char *name = sx_toml_string(node, NULL);
        ref->select = sx_choice_index(SELECT_CHOICES, name);
        if (ref->select >= 0) return SX_OK;
        const char *near = sx_nearest(name, known, 6);
        return sx_node_fail(r, node, SX_E_USAGE,
                            "select = \"%s\": want \"all\", \"stable\", \"saddle\", \"unstable\", \"final\", "
                            "\"recorded\" or numbers of points as in [0, 3]%s%s%s",
                            name, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    }
    ref->select = LISTED;
    ref->list = node;
    bool good = sx_toml_type_of(node) == SX_TOML_ARRAY && sx_toml_count(node) > 0;
    for (int64_t i = 0; good && i < sx_toml_count(node); i++) {
        const sx_toml_node *k = sx_toml_at(node, i);
        good = sx_toml_type_of(k) == SX_TOML_INTEGER && sx_toml_integer(k) >= 0;
    }
    return good ? SX_OK
                : sx_node_fail(r, node, SX_E_USAGE,
                               "select: want a word or a list of numbers of points, which run from 0, as in [0, 3]");
}

static sx_status read_near(const sx_reader *r, const sx_toml_node *node, reference *ref) {
    static const sx_field coordinate = { .name = "near", .type = SX_F64, SX_UNBOUNDED };
    double value;
    bool table = sx_toml_type_of(node) == SX_TOML_TABLE, list = sx_toml_type_of(node) == SX_TOML_ARRAY;
    if ((!table && !list) || sx_toml_count(node) == 0)
        return sx_node_fail(r, node, SX_E_USAGE,
                            "near: want coordinates, as in { x = -1.0 }, or a list of all of them");
    for (int64_t i = 0; i < sx_toml_count(node); i++)
        SX_TRY(r->ctx, sx_schema_number(r, sx_toml_at(node, i), &coordinate, &value));
    ref->near = node;
    return SX_OK;
}

static leaves leaves_of(const sx_reader *r, const char *task) {
    const sx_experiment *e = r->experiment;
    for (int i = 0; i < r->task; i++) {
        if (strcmp(e->tasks[i].name, task) != 0) continue;
        for (const sx_output *o = e->tasks[i].ops->outputs; o && o->name; o++) {
            if (strcmp(o->name, "x") == 0 && strcmp(o->dims, "point,unit") == 0) return LEAVES_POINTS;
            if (strcmp(o->name, "x_final") == 0 && strcmp(o->dims, "replica,unit") == 0) return LEAVES_STATES;
        }
    }
    return LEAVES_NOTHING;
}

/* Whether the words of a reference fit what its task leaves. */
static sx_status check_fit(const sx_reader *r, const reference *ref) {
    bool by_stability = ref->select == STABLE || ref->select == SADDLE || ref->select == UNSTABLE;
    bool of_trajectory = ref->select == FINAL || ref->select == RECORDED;
    switch (leaves_of(r, ref->task)) {
    case LEAVES_POINTS:
        if (!of_trajectory) return SX_OK;
        return sx_node_fail(r, ref->node, SX_E_USAGE,
                            "task '%s' gives points, not trajectories: want select = \"all\", \"stable\", \"saddle\", "
                            "\"unstable\" or numbers of points",
                            ref->task);
    case LEAVES_STATES:
        if (!by_stability) return SX_OK;
        return sx_node_fail(r, ref->node, SX_E_USAGE,
                            "task '%s' gives trajectories, whose states are neither stable nor saddles: want select = "
                            "\"final\", \"recorded\" or numbers of replicas",
                            ref->task);
    case LEAVES_NOTHING:
        break;
    }
    return sx_node_fail(r, ref->node, SX_E_USAGE, "task '%s' gives neither points nor states to begin with", ref->task);
}

static sx_status read_reference(const sx_reader *r, const sx_toml_node *node, reference *out) {
    static const char *const handled[] = { "task", "select", "near", NULL };
    reference ref = { .node = node };
    sx_part part = { reference_fields, &ref };
    const sx_toml_node *task = sx_toml_get(node, "task"), *select = sx_toml_get(node, "select"),
                       *near = sx_toml_get(node, "near");
    SX_TRY(r->ctx, sx_schema_read(r, node, "the reference", &part, 1, handled));
    ref.node = node;
    if (!task) return sx_node_fail(r, node, SX_E_USAGE, "'task' is missing: the name of an earlier task");
    SX_TRY(r->ctx, sx_refer_task(r, task, &ref.task));
    if (select && near) return sx_node_fail(r, near, SX_E_USAGE, "give `select` or `near`, not both");
    if (select) SX_TRY(r->ctx, read_select(r, select, &ref));
    if (near) SX_TRY(r->ctx, read_near(r, near, &ref));
    *out = ref;
    return check_fit(r, out);
}

/* ----------------------------------------------------------------------------------------------------------- what was found */

/* Rows of the state space that a task has left in its group, with their numbers there. */
typedef struct found {
    int64_t n;
    double *x;      /* arena, n * size */
    int64_t *index; /* arena, n */
    const double *input;
    int64_t channels;
} found;

static int find(const sx_reader *r, const reference *ref, const char *name) {
    return sx_result_find(r->bind->results, ref->task, name);
}

static sx_status read_all(const sx_reader *r, int id, int64_t *count, double **out) {
    int64_t shape[8], n = 1;
    const char *dims[8];
    int ndim = sx_result_shape(r->bind->results, id, shape, dims);
    for (int k = 0; k < ndim; k++) SX_TRY(r->ctx, sx_mul_size(r->ctx, n, shape[k], &n));
    SX_TRY(r->ctx, sx_arena_alloc(r->ctx, r->arena, n, sizeof **out, out));
    *count = n;
    return n > 0 ? sx_result_read(r->ctx, r->bind->results, id, NULL, NULL, *out) : SX_OK;
}

static bool has_dims(const sx_result *results, int id, const char *a, const char *b) {
    int64_t shape[8];
    const char *dims[8];
    return id >= 0 && sx_result_shape(results, id, shape, dims) == 2 && strcmp(dims[0], a) == 0 &&
           strcmp(dims[1], b) == 0;
}

/* Points with their inputs: x(point,unit), context_index(point), input(context,channel). */
static sx_status found_points(const sx_reader *r, const reference *ref, int id, found *out) {
    int64_t size = r->bind->state, total, n_context, n_input;
    double *context, *input, *each;
    SX_TRY(r->ctx, read_all(r, id, &total, &out->x));
    out->n = size > 0 ? total / size : 0;
    int of = find(r, ref, "context_index"), in = find(r, ref, "input");
    if (of < 0 || !has_dims(r->bind->results, in, "context", "channel") || out->n == 0) return SX_OK;
    SX_TRY(r->ctx, read_all(r, of, &n_context, &context));
    SX_TRY(r->ctx, read_all(r, in, &n_input, &input));
    int64_t shape[8];
    const char *dims[8];
    (void)sx_result_shape(r->bind->results, in, shape, dims);
    out->channels = shape[1];
    SX_TRY(r->ctx, sx_arena_alloc(r->ctx, r->arena, out->n * out->channels, sizeof *each, &each));
    for (int64_t k = 0; k < out->n && k < n_context; k++)
        memcpy(each + k * out->channels, input + (int64_t)context[k] * out->channels,
               (size_t)out->channels * sizeof *each);
    out->input = each;
    return SX_OK;
}

/* Recorded states, when every unit was recorded: one variable (replica,time,index) per state array. *id < 0: they are not there. */
static sx_status found_recorded(const sx_reader *r, const reference *ref, bool *there, found *out) {
    const sx_layout *layout = sx_model_layout(r->bind->model);
    int64_t shape[8], rows = 0, first = 0, total;
    const char *dims[8];
    *there = false;
    for (int k = 0; k < layout->n_arrays; k++) {
        int id = find(r, ref, layout->arrays[k].name);
        bool whole = id >= 0 && sx_result_shape(r->bind->results, id, shape, dims) == 3 &&
                     strcmp(dims[0], "replica") == 0 && shape[2] == layout->arrays[k].n;
        if (!whole || (k > 0 && shape[0] * shape[1] != rows)) return SX_OK;
        rows = shape[0] * shape[1];
    }
    SX_TRY(r->ctx, sx_mul_size(r->ctx, rows, layout->n, &total));
    SX_TRY(r->ctx, sx_arena_alloc(r->ctx, r->arena, total, sizeof *out->x, &out->x));
    for (int k = 0; k < layout->n_arrays; k++) {
        double *part;
        int64_t n = layout->arrays[k].n, count;
        SX_TRY(r->ctx, read_all(r, find(r, ref, layout->arrays[k].name), &count, &part));
        for (int64_t i = 0; i < rows; i++)
            memcpy(out->x + i * layout->n + first, part + i * n, (size_t)n * sizeof *part);
        first += n;
    }
    out->n = rows;
    *there = true;
    return SX_OK;
}

static sx_status find_rows(const sx_reader *r, const reference *ref, found *out) {
    bool there = false;
    int64_t total;
    *out = (found){ 0 };
    int id = find(r, ref, leaves_of(r, ref->task) == LEAVES_POINTS ? "x" : "x_final");
    if (id < 0) return SX_OK; /* it found nothing */
    if (leaves_of(r, ref->task) == LEAVES_POINTS) return found_points(r, ref, id, out);
    if (ref->select == RECORDED || (ref->n > 0 && !ref->selected)) {
        SX_TRY(r->ctx, found_recorded(r, ref, &there, out));
        if (there) return SX_OK;
        if (ref->select == RECORDED)
            return sx_node_fail(
                r, ref->node, SX_E_USAGE,
                "task '%s' has not recorded every unit: want record = { every = } without `units` there, "
                "or select = \"final\"",
                ref->task);
    }
    SX_TRY(r->ctx, read_all(r, id, &total, &out->x));
    out->n = total / r->bind->state;
    return SX_OK;
}

/* ---------------------------------------------------------------------------------------------------------------- selection */

/* Unit of a coordinate: a label, "x[3]", or the name of an array of one number. */
static int64_t find_unit(const sx_model *m, const char *key) {
    const sx_layout *layout = sx_model_layout(m);
    int64_t first = 0;
    char text[96];
    for (int k = 0; k < layout->n_arrays; first += layout->arrays[k++].n)
        if (layout->arrays[k].n == 1 && strcmp(layout->arrays[k].name, key) == 0) return first;
    for (int64_t u = 0; u < layout->n; u++)
        if (strcmp(sx_model_unit_label(m, u, text, sizeof text), key) == 0) return u;
    return -1;
}

static double number_of(const sx_toml_node *node) {
    return sx_toml_type_of(node) == SX_TOML_INTEGER ? (double)sx_toml_integer(node) : sx_toml_float(node);
}

/* Flat units of the coordinates of `near`. */
static sx_status near_units(const sx_reader *r, const reference *ref, int64_t **out) {
    const sx_model *m = r->bind->model;
    int64_t n = sx_model_n(m), count = sx_toml_count(ref->near), *unit;
    bool table = sx_toml_type_of(ref->near) == SX_TOML_TABLE;
    if (!table && count != n)
        return sx_node_fail(r, ref->near, SX_E_USAGE, "near: %lld coordinates, but the state has %lld",
                            (long long)count, (long long)n);
    SX_TRY(r->ctx, sx_arena_alloc(r->ctx, r->arena, count, sizeof *unit, &unit));
    for (int64_t i = 0; i < count; i++) {
        const sx_toml_node *c = sx_toml_at(ref->near, i);
        unit[i] = table ? find_unit(m, sx_toml_key(c)) : i;
        if (unit[i] < 0)
            return sx_node_fail(r, c, SX_E_USAGE, "near: the state has no coordinate '%s'", sx_toml_key(c));
    }
    *out = unit;
    return SX_OK;
}

/* The point nearest to the given coordinates, the first of equals. */
static sx_status nearest(const sx_reader *r, const reference *ref, const found *all, int64_t *out) {
    int64_t n = r->bind->state, *unit, best = 0;
    double least = INFINITY;
    SX_TRY(r->ctx, near_units(r, ref, &unit));
    for (int64_t k = 0; k < all->n; k++) {
        double d = 0;
        for (int64_t i = 0; i < sx_toml_count(ref->near); i++) {
            double e = all->x[k * n + unit[i]] - number_of(sx_toml_at(ref->near, i));
            d += e * e;
        }
        if (d < least) {
            least = d;
            best = k;
        }
    }
    *out = best;
    return SX_OK;
}

/* Numbers of the chosen rows, in order. */
static sx_status choose(const sx_reader *r, const reference *ref, const found *all, int64_t *n, int64_t *index) {
    int64_t count = 0, n_unstable = 0, size = r->bind->state;
    double *unstable = NULL;
    bool by_stability = ref->select == STABLE || ref->select == SADDLE || ref->select == UNSTABLE;
    if (ref->near && all->n > 0) {
        SX_TRY(r->ctx, nearest(r, ref, all, &index[0]));
        *n = 1;
        return SX_OK;
    }
    if (ref->list) {
        for (int64_t i = 0; i < sx_toml_count(ref->list); i++) {
            const sx_toml_node *node = sx_toml_at(ref->list, i);
            int64_t k = sx_toml_integer(node);
            if (k >= all->n)
                return sx_node_fail(r, node, SX_E_USAGE,
                                    "select: number %lld, but task '%s' found %lld points (0 to %lld)", (long long)k,
                                    ref->task, (long long)all->n, (long long)all->n - 1);
            for (int64_t j = 0; j < count; j++)
                if (index[j] == k)
                    return sx_node_fail(r, node, SX_E_USAGE, "select: %lld is given twice", (long long)k);
            index[count++] = k;
        }
        *n = count;
        return SX_OK;
    }
    if (by_stability) {
        int id = find(r, ref, "n_unstable");
        if (id < 0)
            return sx_node_fail(r, ref->node, SX_E_USAGE, "task '%s' does not say which of its points are stable",
                                ref->task);
        SX_TRY(r->ctx, read_all(r, id, &n_unstable, &unstable));
    }
    for (int64_t k = 0; k < all->n; k++) {
        double u = unstable && k < n_unstable ? unstable[k] : 0;
        bool take = !by_stability || (ref->select == STABLE     ? u == 0
                                      : ref->select == UNSTABLE ? u > 0
                                                                : u > 0 && u < (double)size);
        for (int64_t i = 0; i < size && take; i++) take = isfinite(all->x[k * size + i]);
        if (take) index[count++] = k;
    }
    *n = count;
    if (ref->n > 0 && count > ref->n) { /* evenly spread */
        for (int64_t i = 0; i < ref->n; i++) index[i] = index[i * count / ref->n];
        *n = ref->n;
    }
    return SX_OK;
}

/* Add the points of a reference to those there are; before the run it stays open. */
static sx_status follow(const sx_reader *r, const sx_toml_node *node, const reference *ref, sx_points *out) {
    found all;
    int64_t n = 0, *index, size = r->bind ? r->bind->state : 0;
    if (!out->task) out->task = ref->task;
    if (ref->jitter > 0) out->jitter = ref->jitter;
    if (!r->bind || !r->bind->results) {
        int64_t *unit;
        out->n = -1;
        return r->bind && r->bind->model && ref->near ? near_units(r, ref, &unit) : SX_OK;
    }
    SX_TRY(r->ctx, find_rows(r, ref, &all));
    int64_t most = ref->list && sx_toml_count(ref->list) > all.n ? sx_toml_count(ref->list) : all.n;
    SX_TRY(r->ctx, sx_arena_alloc(r->ctx, r->arena, most + 1, sizeof *index, &index));
    SX_TRY(r->ctx, choose(r, ref, &all, &n, index));
    double *x, *input = NULL;
    int64_t *numbers, before = out->n > 0 ? out->n : 0;
    if (before > 0 && (out->input != NULL) != (all.input != NULL))
        return sx_node_fail(r, node, SX_E_USAGE, "points with inputs of their own cannot be mixed with others");
    SX_TRY(r->ctx, sx_arena_alloc(r->ctx, r->arena, (before + n) * size, sizeof *x, &x));
    SX_TRY(r->ctx, sx_arena_alloc(r->ctx, r->arena, before + n, sizeof *numbers, &numbers));
    if (before > 0) {
        memcpy(x, out->x, (size_t)(before * size) * sizeof *x);
        for (int64_t k = 0; k < before; k++) numbers[k] = out->index ? out->index[k] : -1;
    }
    for (int64_t k = 0; k < n; k++) {
        memcpy(x + (before + k) * size, all.x + index[k] * size, (size_t)size * sizeof *x);
        numbers[before + k] = index[k];
    }
    if (all.input) {
        SX_TRY(r->ctx, sx_arena_alloc(r->ctx, r->arena, (before + n) * all.channels, sizeof *input, &input));
        if (before > 0) memcpy(input, out->input, (size_t)(before * all.channels) * sizeof *input);
        for (int64_t k = 0; k < n; k++)
            memcpy(input + (before + k) * all.channels, all.input + index[k] * all.channels,
                   (size_t)all.channels * sizeof *input);
    }
    out->n = before + n;
    out->size = size;
    out->x = x;
    out->index = numbers;
    out->input = input;
    out->channels = all.channels;
    return SX_OK;
}

/* ------------------------------------------------------------------------------------------------------------------- points */

static sx_status given_points(const sx_reader *r, const sx_toml_node *node, const sx_field *f, sx_points *out) {
    sx_field any = *f;
    sx_values v;
    any.type = SX_VALUES;
    any.shape = "point,unit";
    any.flags = SX_FROM_FILE | SX_REQUIRED;
    any.lo = any.hi = 0;
    SX_TRY(r->ctx, sx_values_read(r, node, &any, &v));
    if (!r->bind || r->bind->state <= 0) return SX_OK;
    int64_t size = r->bind->state;
    if (v.n == 0 || v.n % size)
        return sx_node_fail(r, node, sx_toml_type_of(node) == SX_TOML_TABLE ? SX_E_FILE : SX_E_USAGE,
                            "%s: %lld values, but a point of this model has %lld", f->name, (long long)v.n,
                            (long long)size);
    out->n = v.n / size;
    out->size = size;
    out->x = v.data;
    return SX_OK;
}

/* { data = "train", n = , jitter = } */
static sx_status data_points(const sx_reader *r, const sx_toml_node *node, const sx_field *f, sx_points *out) {
    static const char *const handled[] = { "data", NULL };
    reference ref = { .node = node };
    sx_part part = { reference_fields, &ref };
    sx_data set = { 0 };
    SX_TRY(r->ctx, sx_schema_read(r, node, "the reference", &part, 1, handled));
    SX_TRY(r->ctx, sx_data_find(r, sx_toml_get(node, "data"), &set));
    out->jitter = ref.jitter;
    if (!r->bind || r->bind->state <= 0) return SX_OK;
    if (set.columns != r->bind->state)
        return sx_node_fail(r, node, SX_E_USAGE, "%s: a row of [data.%s] has %lld numbers, but the state has %lld",
                            f->name, set.name, (long long)set.columns, (long long)r->bind->state);
    out->n = ref.n > 0 && ref.n < set.rows ? ref.n : set.rows;
    out->size = set.columns;
    out->x = set.x;
    if (out->n == set.rows) return SX_OK;
    double *x;
    SX_TRY(r->ctx, sx_arena_alloc(r->ctx, r->arena, out->n * out->size, sizeof *x, &x));
    for (int64_t k = 0; k < out->n; k++)
        memcpy(x + k * out->size, set.x + k * set.rows / out->n * out->size, (size_t)out->size * sizeof *x);
    out->x = x;
    return SX_OK;
}

static sx_status named_points(const sx_reader *r, const sx_toml_node *node, const sx_field *f, sx_points *out) {
    const char *name = sx_toml_string(node, NULL);
    reference ref = { .node = node };
    if (strcmp(name, "origin") == 0) {
        out->origin = true;
        return SX_OK;
    }
    if (strcmp(name, "random") == 0) {
        out->random = true;
        return SX_OK;
    }
    (void)f;
    SX_TRY(r->ctx, sx_refer_task(r, node, &ref.task));
    SX_TRY(r->ctx, check_fit(r, &ref));
    return follow(r, node, &ref, out);
}

sx_status sx_refer_points(const sx_reader *r, const sx_toml_node *node, const sx_field *f, sx_points *out) {
    sx_points p = { 0 };
    sx_toml_type type = sx_toml_type_of(node);
    if (type == SX_TOML_STRING) {
        SX_TRY(r->ctx, named_points(r, node, f, &p));
    } else if (type == SX_TOML_TABLE && sx_toml_get(node, "file")) {
        SX_TRY(r->ctx, given_points(r, node, f, &p));
    } else if (type == SX_TOML_TABLE && sx_toml_get(node, "data")) {
        SX_TRY(r->ctx, data_points(r, node, f, &p));
    } else if (type == SX_TOML_TABLE) {
        reference ref;
        SX_TRY(r->ctx, read_reference(r, node, &ref));
        SX_TRY(r->ctx, follow(r, node, &ref, &p));
    } else if (type == SX_TOML_ARRAY && sx_toml_count(node) > 0 &&
               sx_toml_type_of(sx_toml_at(node, 0)) == SX_TOML_STRING) {
        for (int64_t i = 0; i < sx_toml_count(node); i++) {
            const sx_toml_node *child = sx_toml_at(node, i);
            SX_TRY(r->ctx, sx_schema_want(r, child, SX_TOML_STRING, "names of tasks or \"random\""));
            SX_TRY(r->ctx, named_points(r, child, f, &p));
        }
    } else if (type == SX_TOML_ARRAY) {
        SX_TRY(r->ctx, given_points(r, node, f, &p));
    } else {
        char *range = NULL;
        SX_TRY(r->ctx, sx_field_range(r->ctx, f, &range));
        sx_status s = sx_node_fail(r, node, SX_E_USAGE, "%s: want %s", f->name, range);
        sx_free(r->ctx, range);
        return s;
    }
    *out = p;
    return SX_OK;
}
