// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Points of the state space and references to what earlier tasks found. A reference is checked when the experiment is loaded and followed just
 * before its task runs: the options of that task are read once more, with the results at hand. */
#ifndef SX_EXPERIMENT_REFER_H
#define SX_EXPERIMENT_REFER_H

#include "experiment/schema.h"

/* Name of an earlier task. */
sx_status sx_refer_task(const sx_reader *r, const sx_toml_node *node, const char **out) SX_MUST_USE;
/* "origin" | "random" | list of numbers, of points, of names | { file } | { task, select | near, n, jitter } */
sx_status sx_refer_points(const sx_reader *r, const sx_toml_node *node, const sx_field *f, sx_points *out) SX_MUST_USE;

#endif
