// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The table of one level. */
#include "core/kernels/level.h"
#include "core/kernels/tables.h"

#if defined(__AVX512F__)
#define SX_LEVEL_NAME "x86-64-v4"
#elif defined(__AVX2__)
#define SX_LEVEL_NAME "x86-64-v3"
#else
#define SX_LEVEL_NAME "x86-64"
#endif

const sx_kernels SX_PASTE(sx_kernels, SX_LEVEL) = {
    .name = SX_LEVEL_NAME,
    .exp = SX_K(exp),
    .expm1 = SX_K(expm1),
    .log = SX_K(log),
    .tanh = SX_K(tanh),
    .erf = SX_K(erf),
    .sincospi = SX_K(sincospi),
    .langevin = SX_K(langevin),
    .continuous_bernoulli = SX_K(continuous_bernoulli),
    .normal = SX_K(normal),
    .normal_rows = SX_K(normal_rows),
    .uniform = SX_K(uniform),
    .lincomb = SX_K(lincomb),
    .axpy = SX_K(axpy),
    .mul = SX_K(mul),
    .em = SX_K(em),
    .em_rows = SX_K(em_rows),
    .scale_rows = SX_K(scale_rows),
    .axpy_rows = SX_K(axpy_rows),
    .leak_rows = SX_K(leak_rows),
    .gemm = SX_K(gemm),
    .gemm_t = SX_K(gemm_t),
#if SX_HAS_PACKED
    .gemm_packed = SX_K(gemm_packed),
#endif
    .rank_one = SX_K(rank_one),
    .rows_times = SX_K(rows_times),
    .csr = SX_K(csr),
    .csr_scatter = SX_K(csr_scatter),
    .tile = SX_K(tile),
    .sum = SX_K(sum),
    .dot = SX_K(dot),
    .moments = SX_K(moments),
    .nonfinite = SX_K(nonfinite),
};
