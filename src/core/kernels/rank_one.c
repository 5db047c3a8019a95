// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The step of an on-line learning rule: J += e s^T and h = J s in one pass over J, or h = J s alone. The sum of a row runs in 8 lanes that are added up
 * in one fixed tree, so every level, and both kernels, give the same bits. */
#include "core/kernels/level.h"

#include <stdbool.h>
#include <stddef.h>

enum { SUM_LANES = 8, REGISTERS = SUM_LANES / SX_LANES, TOGETHER = 8 };

#if SX_LANES == 8 && defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define SX_TOGETHER 1
#endif
#endif

/* w += a v if the row is to be updated; w v. */
SX_INLINE sx_lanes touch(bool update, double a, sx_lanes v, double *p) {
    sx_lanes w = sx_lanes_load(p);
    if (update) {
        w += a * v;
        sx_lanes_store(p, w);
    }
    return w * v;
}

/* One row: J += a s, sums of J s in the lanes of one register: 8 (-> 4 -> 2). */
SX_INLINE sx_lanes row_lanes(int64_t ld, bool update, double a, const double *s, double *row) {
    sx_lanes acc[REGISTERS] = { { 0 } };
    for (int64_t c = 0; c < ld; c += SUM_LANES)
        for (int j = 0; j < REGISTERS; j++)
            acc[j] += touch(update, a, sx_lanes_load(s + c + j * SX_LANES), row + c + j * SX_LANES);
    for (int half = REGISTERS / 2; half > 0; half /= 2)
        for (int j = 0; j < half; j++) acc[j] += acc[j + half];
    return acc[0];
}

/* SX_LANES -> ... -> 2 -> 1 */
SX_INLINE double add_lanes(sx_lanes v) {
    double x[SX_LANES];
    sx_lanes_store(x, v);
    for (int half = SX_LANES / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++) x[l] += x[l + half];
    return x[0];
}

#ifdef SX_TOGETHER
/* Eight rows at once, a register of sums each: eight chains of additions that do not wait for each other. Lane r of the result is the sum of row r. */
SX_INLINE sx_lanes eight_rows(int64_t ld, bool update, const double *e, const double *s, double *J) {
    const sx_lanes zero = { 0 };
    sx_lanes v0 = zero, v1 = zero, v2 = zero, v3 = zero, v4 = zero, v5 = zero, v6 = zero, v7 = zero;
    for (int64_t c = 0; c < ld; c += SX_LANES) {
        const sx_lanes v = sx_lanes_load(s + c);
        double *p = J + c, *q = p + 4 * ld;
        v0 += touch(update, e[0], v, p);
        v1 += touch(update, e[1], v, p + ld);
        v2 += touch(update, e[2], v, p + 2 * ld);
        v3 += touch(update, e[3], v, p + 3 * ld);
        v4 += touch(update, e[4], v, q);
        v5 += touch(update, e[5], v, q + ld);
        v6 += touch(update, e[6], v, q + 2 * ld);
        v7 += touch(update, e[7], v, q + 3 * ld);
    }
#define HALVES(a, b)                                                                                                   \
    (__builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11) +                                                         \
     __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15))
#define QUARTERS(a, b)                                                                                                 \
    (__builtin_shufflevector(a, b, 0, 1, 4, 5, 8, 9, 12, 13) +                                                         \
     __builtin_shufflevector(a, b, 2, 3, 6, 7, 10, 11, 14, 15))
    const sx_lanes low = QUARTERS(HALVES(v0, v1), HALVES(v2, v3)), high = QUARTERS(HALVES(v4, v5), HALVES(v6, v7));
#undef HALVES
#undef QUARTERS
    return __builtin_shufflevector(low, high, 0, 2, 4, 6, 8, 10, 12, 14) +
           __builtin_shufflevector(low, high, 1, 3, 5, 7, 9, 11, 13, 15);
}
#endif

SX_INLINE void one_row(int64_t ld, bool update, const double *e, const double *s, double *J, double *h) {
    *h = add_lanes(row_lanes(ld, update, update ? *e : 0, s, J));
}

/* Rows of `ld` numbers, ld a multiple of 8; what is beyond n must be 0 in J and s. */
SX_INLINE void all_rows(int64_t rows, int64_t ld, bool update, const double *e, const double *s, double *J, double *h) {
    const int64_t whole = rows / TOGETHER * TOGETHER;
    for (int64_t i = 0; i < whole; i += TOGETHER) {
#ifdef SX_TOGETHER
        sx_lanes_store(h + i, eight_rows(ld, update, update ? e + i : s, s, J + i * ld));
#else
        for (int64_t r = i; r < i + TOGETHER; r++) one_row(ld, update, e + r, s, J + r * ld, h + r);
#endif
    }
    for (int64_t i = whole; i < rows; i++) one_row(ld, update, e + i, s, J + i * ld, h + i);
}

void SX_K(rank_one)(int64_t rows, int64_t ld, const double *e, const double *s, double *J, double *h) {
    all_rows(rows, ld, true, e, s, J, h);
}

void SX_K(rows_times)(int64_t rows, int64_t ld, const double *J, const double *s, double *h) {
    all_rows(rows, ld, false, s, s, (double *)(uintptr_t)J, h);
}
