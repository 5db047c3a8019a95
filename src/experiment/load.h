// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* A loaded experiment: the document, and what the field tables make of it. Building reads the same nodes again with a binding. */
#ifndef SX_EXPERIMENT_LOAD_H
#define SX_EXPERIMENT_LOAD_H

#include "experiment/schema.h"

#include <separatrix/experiment.h>
#include <separatrix/models.h>

/* One coupling as written. Exactly one of file, matrix and ensemble. */
typedef struct sx_coupling_spec {
    const sx_toml_node *node;
    const char *name, *file, *entry;
    sx_values matrix; /* rows * columns numbers */
    int64_t matrix_rows;
    bool has_ensemble;
    sx_ensemble ensemble;
    int type;      /* 0 synaptic, 1 diffusive */
    int part;      /* 0 auto, 1 potential, 2 flow (composed models) */
    int rows;      /* 0 target, 1 source */
    int layout;    /* 0 matrix, 1 edges */
    int normalise; /* 0 none, 1 spectral radius */
    bool has_rows, header, has_header, first_column;
    sx_strings labels;
    bool has_missing;
    double missing, strength;
} sx_coupling_spec;
extern const sx_field sx_coupling_fields[];

typedef struct sx_task_spec {
    const sx_toml_node *node;
    const sx_task_ops *ops;
    const char *name, *title;
    bool require;
    /* model = { task = , snapshot = , network = }: the weights that an earlier task has learned */
    const char *learned;
    int64_t snapshot; /* SX_SNAPSHOT_LAST, SX_SNAPSHOT_ALL or its number */
    int64_t network;  /* of several */
} sx_task_spec;
enum { SX_SNAPSHOT_LAST = -1, SX_SNAPSHOT_ALL = -2 };

typedef enum sx_seed { SX_SEED_COUPLING, SX_SEED_NOISE, SX_SEED_INITIAL, SX_SEED_DATA, SX_SEED_COUNT } sx_seed;

struct sx_experiment {
    sx_arena arena;
    sx_toml *doc;
    const char *name, *directory, *title;
    uint64_t seed, seeds[SX_SEED_COUNT];
    const char *unit_time, *unit_state; /* labels, or NULL */
    const sx_toml_node *model, *input, *noise;
    const sx_model_info *info;
    int n_couplings, n_tasks, n_data;
    struct sx_data_spec *data; /* data.h */
    sx_coupling_spec *couplings;
    sx_task_spec *tasks;
    struct {
        int64_t runs, disk, memory; /* 0 = no limit */
        double time;
    } limits;
    char *text;    /* as resolved */
    uint64_t hash; /* of the text without title and limits */
};

/* Second reading: options of model, noise, input and task i from their nodes. The structs are filled completely. */
sx_status sx_load_model(const sx_reader *r, const sx_experiment *e, void **opts) SX_MUST_USE;
sx_status sx_load_noise(const sx_reader *r, const sx_experiment *e, sx_noise_opts *opts) SX_MUST_USE;
sx_status sx_load_input(const sx_reader *r, const sx_experiment *e, sx_input *input) SX_MUST_USE;
sx_status sx_load_task(const sx_reader *r, const sx_experiment *e, int i, void **opts) SX_MUST_USE;
/* Whether the model of the experiment takes an input of its own (sx_input) rather than a field of its options. */
bool sx_load_takes_input(const sx_model_info *info);

/* The resolved text. With a base, relative paths become absolute. `full` adds title and limits. */
sx_status sx_resolve_text(sx_ctx *ctx, const sx_experiment *e, const char *base, bool full, char **out) SX_MUST_USE;

#endif
