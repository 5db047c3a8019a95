// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Models of kind plugin: their numbers and the shared library. */
#ifndef SX_EXPERIMENT_PLUGINS_H
#define SX_EXPERIMENT_PLUGINS_H

#include "experiment/load.h"

#include <separatrix/plugin.h>

/* Keys of [model] besides the fields. */
extern const char *const sx_plugins_keys[];
bool sx_plugins_is(const sx_experiment *e);
/* While loading: no coupling; options are numbers. The library stays closed. */
sx_status sx_plugins_check(const sx_reader *r, const sx_experiment *e) SX_MUST_USE;
/* Opens the library; its content enters the hash of the binding. */
sx_status sx_plugins_build(const sx_reader *r, const sx_experiment *e, const sx_plugin_opts *o,
                           sx_model **out) SX_MUST_USE;

#endif
