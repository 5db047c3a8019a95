// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Models of kind "cell": their weights from a file, an ensemble or the text itself. */
#ifndef SX_EXPERIMENT_CELLS_H
#define SX_EXPERIMENT_CELLS_H

#include "experiment/load.h"

#include <separatrix/cell.h>

/* Exactly one source of weights, and only the keys that belong to it. */
sx_status sx_cell_check(const sx_reader *r, const sx_experiment *e, const sx_cell_opts *o) SX_MUST_USE;
/* Weights and model. @param[in] input NULL: none */
sx_status sx_cell_build(const sx_reader *r, const sx_experiment *e, const sx_cell_opts *o, const sx_input *input,
                        sx_model **out) SX_MUST_USE;

#endif
