// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Values that may come from a file: numbers per unit, selections of units, initial states, inputs. While loading (no binding) the
 * form is checked and files stay closed; while building they are read and joined to the units by label. */
#ifndef SX_EXPERIMENT_VALUES_H
#define SX_EXPERIMENT_VALUES_H

#include "experiment/schema.h"

sx_status sx_values_read(const sx_reader *r, const sx_toml_node *node, const sx_field *f, sx_values *out) SX_MUST_USE;
/* A field with a shape keeps the order of the list (channels); else it is a set and comes in the order of the model. */
/* From { file = ... } with further keys that the caller reads itself. */
sx_status sx_values_file_read(const sx_reader *r, const sx_toml_node *node, const sx_field *f,
                              const char *const *handled, sx_values *out) SX_MUST_USE;
sx_status sx_units_read(const sx_reader *r, const sx_toml_node *node, const sx_field *f, sx_units *out) SX_MUST_USE;
sx_status sx_initial_read(const sx_reader *r, const sx_toml_node *node, const sx_field *f, sx_initial *out) SX_MUST_USE;

/* Read a file named in the experiment: the path is joined to the directory, the content enters the hash of the binding. Failures are
 * SX_E_FILE and begin with the place of `node`. */
/* The bytes of such a file and its path (free both with sx_free), for files with several arrays. */
sx_status sx_values_bytes(const sx_reader *r, const sx_toml_node *node, const char *file, char **path, char **bytes,
                          size_t *n) SX_MUST_USE;
/* A failure to read a file becomes SX_E_FILE with the place of the node; returns status. */
sx_status sx_values_fail(const sx_reader *r, const sx_toml_node *node, sx_status status) SX_MUST_USE;
sx_status sx_values_file(const sx_reader *r, const sx_toml_node *node, const char *file, const sx_read_opts *opts,
                         sx_array *out) SX_MUST_USE;
/* order[k] = index of want[k] among have; SX_E_FILE naming up to five labels of each side that lack a partner, or a label given twice.
 * `partial`: wanted labels may be absent (order = -1). The sides are named in the message: "HAVER: 301 units, but WANTER has 302". */
sx_status sx_labels_join(const sx_reader *r, const sx_toml_node *node, const char *haver, const char *wanter,
                         int64_t n_want, const char *const *want, int64_t n_have, const char *const *have, bool partial,
                         int64_t *order) SX_MUST_USE;

#endif
