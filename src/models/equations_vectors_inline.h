// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The head of generated C: a register of doubles of the level that the compiler was told, and the functions of equations on it. Lanes are
 * independent and every one of them does the operations of the scalar functions, so the width changes no bits. Only generated text
 * holds this (equations_generate.c): it says with SX_CALLED whether functions are inlined. */
#ifndef SX_MODELS_EQUATIONS_VECTORS_INLINE_H
#define SX_MODELS_EQUATIONS_VECTORS_INLINE_H

#ifndef SX_MODELS_EQUATIONS_INLINE_H /* generated C holds that text already */
#include "models/equations_inline.h"
#endif
#ifndef SX_CALLED
#define SX_CALLED
#endif

#if defined(__AVX512F__)
#define LANES 8
#elif defined(__AVX2__)
#define LANES 4
#else
#define LANES 2
#endif
typedef double vec __attribute__((vector_size(8 * LANES)));
typedef double vec_anywhere __attribute__((vector_size(8 * LANES), aligned(8), may_alias));
typedef int64_t mask __attribute__((vector_size(8 * LANES)));

static inline vec load(const double *p) {
    return *(const vec_anywhere *)p;
}
static inline void store(double *p, vec v) {
    *(vec_anywhere *)p = v;
}
static inline vec all(double x) {
    return x - (vec){ 0 };
}
/* Short texts compile faster: what ends a row is not worth more. */
#define OUTLINE __attribute__((noinline, unused))
/* The first m < LANES numbers; the others are 0. */
static OUTLINE vec load_part(const double *p, int64_t m) {
    vec v = { 0 };
    v[0] = p[0];
    if (m > 1) {
        double part[LANES] = { 0 };
        for (int64_t l = 0; l < m; l++) part[l] = p[l];
        memcpy(&v, part, sizeof v);
    }
    return v;
}
static OUTLINE void store_part(double *p, vec v, int64_t m) {
    p[0] = v[0];
    if (m > 1) {
        double part[LANES];
        memcpy(part, &v, sizeof v);
        for (int64_t l = 1; l < m; l++) p[l] = part[l];
    }
}
/* m ? a : b */
static inline vec pick(mask m, vec a, vec b) {
    return (vec)(((mask)a & m) | ((mask)b & ~m));
}

/* The unrolled loop would be scalar code in clang; GCC wants no word. */
#if defined(__clang__)
#define SX_LANE_LOOP _Pragma("clang loop vectorize(assume_safety) unroll(disable)")
#else
#define SX_LANE_LOOP _Pragma("GCC ivdep")
#endif
#define FUNCTION(name, how, f)                                                                                         \
    how vec name(vec x) {                                                                                              \
        double a[LANES], b[LANES];                                                                                     \
        memcpy(a, &x, sizeof a);                                                                                       \
        SX_LANE_LOOP                                                                                                   \
        for (int l = 0; l < LANES; l++) b[l] = f(a[l]);                                                                \
        memcpy(&x, b, sizeof b);                                                                                       \
        return x;                                                                                                      \
    }
FUNCTION(v_exp, SX_CALLED static, sx_vm_exp)
FUNCTION(v_expm1, SX_CALLED static, sx_vm_expm1)
FUNCTION(v_log, SX_CALLED static, sx_vm_log)
FUNCTION(v_log1p, SX_CALLED static, sx_eq_log1p)
FUNCTION(v_sin, SX_CALLED static, sx_eq_sin)
FUNCTION(v_cos, SX_CALLED static, sx_eq_cos)
FUNCTION(v_tan, SX_CALLED static, sx_eq_tan)
FUNCTION(v_tanh, SX_CALLED static, sx_vm_tanh)
FUNCTION(v_sinh, SX_CALLED static, sx_eq_sinh)
FUNCTION(v_cosh, SX_CALLED static, sx_eq_cosh)
FUNCTION(v_erf, SX_CALLED static, sx_vm_erf)
FUNCTION(v_atan, SX_CALLED static, sx_eq_atan)
FUNCTION(v_sqrt, static inline, __builtin_sqrt)
/* x^0 = 1 */
SX_CALLED static vec v_power(vec x, vec e) {
    return v_exp((vec)((mask)(e * v_log(x)) & (e != 0.0)));
}
static inline vec v_abs(vec x) {
    return (vec)((mask)x & INT64_MAX);
}
static inline vec v_sign(vec x) {
    return pick(x > 0.0, all(1.0), pick(x < 0.0, all(-1.0), x * 0.0));
}
static inline vec v_heaviside(vec x) {
    return pick(x > 0.0, all(1.0), pick(x <= 0.0, all(0.0), x));
}
static inline vec v_mulz(vec a, vec b) {
    return (vec)((mask)(a * b) & (a != 0.0));
}

#endif
