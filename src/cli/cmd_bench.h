// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The parts of `separatrix bench` that have files of their own. Each prints its rows for one number of threads, the title with the first. */
#ifndef SX_CLI_CMD_BENCH_H
#define SX_CLI_CMD_BENCH_H

#include "bench/floors.h"

#include <separatrix/separatrix.h>

sx_status sx_bench_jacobians(sx_ctx *ctx, sx_rates *r, int threads);
/* Steps of free-energy learning, one thread. */
sx_status sx_bench_learning(sx_ctx *ctx, sx_rates *r, int threads);

#endif
