// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* DIR/experiment.toml: the resolved experiment under a few comment lines that say what the run depends on. It is an experiment that runs
 * as it stands, and what a resumed run is compared with. */
#ifndef SX_EXPERIMENT_MANIFEST_H
#define SX_EXPERIMENT_MANIFEST_H

#include "experiment/build.h"

sx_status sx_manifest_write(sx_ctx *ctx, const sx_experiment *e, const sx_build *b, const char *directory) SX_MUST_USE;
/* SX_E_CHECKPOINT when there is no run to resume. */
sx_status sx_manifest_find(sx_ctx *ctx, const char *directory) SX_MUST_USE;
/* SX_E_CHECKPOINT naming what differs. *whole: result.h5 is there and complete. */
sx_status sx_manifest_compare(sx_ctx *ctx, const sx_experiment *e, const sx_build *b, const char *directory, bool force,
                              bool *whole) SX_MUST_USE;

#endif
