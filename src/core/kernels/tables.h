// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The three tables: x86-64 (SSE2), x86-64-v3 (AVX2), x86-64-v4 (AVX-512). */
#ifndef SX_CORE_KERNELS_TABLES_H
#define SX_CORE_KERNELS_TABLES_H

#include "core/kernels.h"

extern const sx_kernels sx_kernels_v1, sx_kernels_v3, sx_kernels_v4;

#endif
