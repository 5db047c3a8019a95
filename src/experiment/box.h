// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Ranges of the state: fields of type SX_VALUES with shape "unit,2". */
#ifndef SX_EXPERIMENT_BOX_H
#define SX_EXPERIMENT_BOX_H

#include "experiment/schema.h"

#define SX_BOX_SHAPE "unit,2"

/* { x = [lo, hi], y = [lo, hi] } by state array or unit: a pair for every unit. */
sx_status sx_box_read(const sx_reader *r, const sx_toml_node *node, const sx_field *f, sx_values *out) SX_MUST_USE;

#endif
