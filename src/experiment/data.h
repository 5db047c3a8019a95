// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Sections [data.NAME]: rows of numbers from a file, from an earlier section or drawn at random, checked, chosen and preprocessed. */
#ifndef SX_EXPERIMENT_DATA_H
#define SX_EXPERIMENT_DATA_H

#include "experiment/schema.h"

struct sx_experiment;

/* One section as written. */
typedef struct sx_data_spec {
    const sx_toml_node *node;
    const char *name, *file, *from, *entry, *rows;
    sx_strings files;     /* pictures */
    int64_t label_column; /* from 0; negative from the end: -1 is the last */
    bool has_label, header, has_header;
    sx_values values, image, range, shape, resize;
    int random; /* an sx_data_law */
    bool has_random;
    sx_strings preprocess;
} sx_data_spec;
extern const sx_field sx_data_fields[];

/* data_pictures.c. Whether the section is read from PNG files. */
bool sx_data_is_pictures(const sx_data_spec *d);
/* All pictures as rows into the arena; `image` of the section cuts them into tiles. */
sx_status sx_data_pictures(const sx_reader *r, const sx_data_spec *d, sx_data *out) SX_MUST_USE;
/* Every row, a picture of image[0] x image[1], to height x width. */
sx_status sx_data_resize(const sx_reader *r, int64_t height, int64_t width, sx_data *set) SX_MUST_USE;

/* First reading: keys and forms. */
sx_status sx_data_load(const sx_reader *r, struct sx_experiment *e, const sx_toml_node *root) SX_MUST_USE;
/* Second reading: all sections, in order, into the arena of the reader and its binding. */
sx_status sx_data_build(const sx_reader *r, const struct sx_experiment *e) SX_MUST_USE;
/* The section that a text names. While loading only the name is checked. */
sx_status sx_data_find(const sx_reader *r, const sx_toml_node *node, sx_data *out) SX_MUST_USE;

#endif
