// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Sections of an experiment that have a shape of their own: the head, limits, couplings. */
#ifndef SX_EXPERIMENT_SECTIONS_H
#define SX_EXPERIMENT_SECTIONS_H

#include "experiment/load.h"

/* title, seed, seeds, units, limits */
sx_status sx_load_head(const sx_reader *r, sx_experiment *e, const sx_toml_node *root) SX_MUST_USE;
/* One coupling that is a parameter of equations: its keys may also be `shape` and `n`, which the caller reads. */
sx_status sx_load_coupling(const sx_reader *r, const sx_toml_node *node, const char *parameter,
                           sx_coupling_spec *c) SX_MUST_USE;
/* model.coupling: one table or a list of tables */
sx_status sx_load_couplings(const sx_reader *r, sx_experiment *e) SX_MUST_USE;

#endif
