// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Predicted memory, disk and time, and the limits of the experiment. */
#ifndef SX_EXPERIMENT_PREDICT_H
#define SX_EXPERIMENT_PREDICT_H

#include "experiment/build.h"

/* Plans every task. Without timing, seconds stay 0. */
sx_status sx_predict(sx_ctx *ctx, const sx_experiment *e, const sx_build *b, bool timing,
                     sx_prediction *out) SX_MUST_USE;
/* SX_E_USAGE when a limit would be exceeded, with the estimate. */
sx_status sx_limits_check(sx_ctx *ctx, const sx_experiment *e, const sx_prediction *p) SX_MUST_USE;
/* "1.5 GB", "30 min" */
void sx_bytes_print(char buf[32], double bytes);
void sx_seconds_print(char buf[32], double seconds);

#endif
