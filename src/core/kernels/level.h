// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Shared by the kernel sources, which are compiled once per x86-64 level: SX_LEVEL is v1, v3 or v4 and becomes part of every name. */
#ifndef SX_CORE_KERNELS_LEVEL_H
#define SX_CORE_KERNELS_LEVEL_H

#include "core/kernels.h"

#define SX_PASTE2(a, b) a##_##b
#define SX_PASTE(a, b)  SX_PASTE2(a, b)
#define SX_K(name)      SX_PASTE(sx_k_##name, SX_LEVEL)

/* The iterations of the next loop are independent (an output may equal an input, never overlap it in part). */
#if defined(__clang__)
#pragma clang diagnostic ignored "-Wpass-failed" /* sanitizers and -O0 keep the loops scalar */
#define SX_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define SX_INDEPENDENT _Pragma("GCC ivdep")
#endif

/* A register of doubles of the level; unaligned loads. + - * / act lane by lane, so the width changes no bits. */
#if defined(__AVX512F__)
#define SX_LANES 8
#elif defined(__AVX2__)
#define SX_LANES 4
#else
#define SX_LANES 2
#endif
typedef double sx_lanes __attribute__((vector_size(8 * SX_LANES)));
typedef double sx_lanes_any __attribute__((vector_size(8 * SX_LANES), aligned(8), may_alias));

static inline sx_lanes sx_lanes_load(const double *p) {
    return *(const sx_lanes_any *)p;
}

static inline void sx_lanes_store(double *p, sx_lanes v) {
    *(sx_lanes_any *)p = v;
}

#if defined(__AVX512F__)
#define SX_HAS_PACKED 1
#else
#define SX_HAS_PACKED 0
#endif
#define SX_INLINE static inline __attribute__((always_inline))

void SX_K(exp)(int64_t n, const double *x, double *y);
void SX_K(expm1)(int64_t n, const double *x, double *y);
void SX_K(log)(int64_t n, const double *x, double *y);
void SX_K(tanh)(int64_t n, const double *x, double *y);
void SX_K(erf)(int64_t n, const double *x, double *y);
void SX_K(sincospi)(int64_t n, const double *x, double *s, double *c);
void SX_K(langevin)(int64_t n, const double *t, double *y);
void SX_K(continuous_bernoulli)(int64_t n, const double *t, const double *u, double *x);
void SX_K(normal)(sx_key key, uint64_t step, uint32_t slot, uint32_t replica0, int64_t n, int64_t b, double *out);
void SX_K(normal_rows)(sx_key key, uint64_t step, uint32_t slot, uint32_t replica0, int64_t unit0, int64_t n, int64_t b,
                       double *out);
void SX_K(uniform)(sx_key key, uint64_t step, uint32_t slot, uint32_t replica0, int64_t n, int64_t b, double *out);
void SX_K(lincomb)(int64_t n, double a, const double *x, double b, const double *y, double *out);
void SX_K(axpy)(int64_t n, double a, const double *x, double *y);
void SX_K(mul)(int64_t n, const double *x, const double *y, double *out);
void SX_K(em)(int64_t n, double h, const double *f, double s, const double *w, double *x);
void SX_K(em_rows)(int64_t n, int64_t b, double h, const double *f, const double *s, const double *w, double *x);
void SX_K(scale_rows)(int64_t n, int64_t b, const double *d, const double *x, double *out);
void SX_K(axpy_rows)(int64_t n, int64_t b, const double *d, const double *x, double *y);
void SX_K(leak_rows)(int64_t n, int64_t b, const double *x, const double *I, const double *m, double *y);
void SX_K(gemm)(int64_t m, int64_t k, int64_t b, double alpha, const double *W, int64_t ldw, const double *X,
                double beta, double *Y);
void SX_K(gemm_t)(int64_t m, int64_t k, int64_t b, double alpha, const double *W, int64_t ldw, const double *X,
                  double beta, double *Y);
void SX_K(gemm_packed)(int64_t rows, int64_t k, int64_t b, double alpha, const double *W, const double *tiles,
                       double beta, double *Y);
void SX_K(rank_one)(int64_t rows, int64_t ld, const double *e, const double *s, double *J, double *h);
void SX_K(rows_times)(int64_t rows, int64_t ld, const double *J, const double *s, double *h);
void SX_K(csr)(int64_t row0, int64_t row1, const int64_t *row_start, const int32_t *column, const double *value,
               double alpha, int64_t n_in, int64_t tiles, const double *X, double beta, double *Y);
void SX_K(csr_scatter)(int64_t rows, const int64_t *row_start, const int32_t *column, const double *value, int64_t b,
                       const double *X, double *T);
void SX_K(tile)(int64_t n, int64_t b, const double *X, double *T);
double SX_K(sum)(int64_t n, const double *x);
double SX_K(dot)(int64_t n, const double *x, const double *y);
void SX_K(moments)(int64_t n, const double *x, double *sum, double *sumsq);
int SX_K(nonfinite)(int64_t n, const double *x);

#endif
