// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Models of kind "equations": the tables index, state, parameters, let and equations of [model], expressions in [noise] and in initial
 * states. */
#ifndef SX_EXPERIMENT_EQUATIONS_MODEL_H
#define SX_EXPERIMENT_EQUATIONS_MODEL_H

#include "experiment/load.h"

#include <separatrix/equations.h>

/* Keys of [model] that have no field; NULL-terminated. */
extern const char *const sx_equations_keys[];
bool sx_equations_is(const sx_experiment *e);

/* While loading: keys, types, what is missing. Files stay closed and texts are not yet read. */
sx_status sx_equations_check(const sx_reader *r, const sx_experiment *e) SX_MUST_USE;
/* The model; r->bind->equations keeps what noise and initial states need (free with sx_equations_free). */
sx_status sx_equations_build(const sx_reader *r, const sx_experiment *e, const sx_equations_opts *o,
                             sx_model **out) SX_MUST_USE;
void sx_equations_free(sx_ctx *ctx, struct sx_equations_tables *t);

/* Keys of [noise] that hold expressions here ("D", "sigma"), for sx_schema_read; NULL-terminated. */
void sx_equations_noise_keys(const sx_experiment *e, const char *keys[3]);
/* Noise from those expressions: numbers go into *opts (then *out stays NULL), else the model with its noise. */
sx_status sx_equations_noise_build(const sx_reader *r, const sx_experiment *e, const sx_model *bare,
                                   sx_noise_opts *opts, sx_model **out) SX_MUST_USE;
/* initial = { x = "0.1*i", u = 0.0 }; while loading only types. */
sx_status sx_equations_initial(const sx_reader *r, const sx_toml_node *node, const char *name,
                               sx_values *out) SX_MUST_USE;

#endif
