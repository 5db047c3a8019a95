// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The step of an on-line learning rule: J += e s^T and h = J s in one pass over J, or h = J s alone. The sum of a row runs in 32 lanes that are added up
 * in one fixed tree, so every level, and both kernels, give the same bits. */
#include "core/kernels/level.h"

#include <stdbool.h>
#include <stddef.h>

enum { SUM_LANES = 32, REGISTERS = SUM_LANES / SX_LANES, TOGETHER = 8 };

#if SX_LANES == 8 && defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define SX_TOGETHER 1
#endif
#endif

/* lanes 0..31 -> 16 -> 8 (... -> SX_LANES) */
SX_INLINE void add_registers(sx_lanes acc[REGISTERS]) {
    for (int half = REGISTERS / 2; half > 0; half /= 2)
        for (int j = 0; j < half; j++) acc[j] += acc[j + half];
}

/* One row: J += a s, sums of J s in the lanes of one register. */
SX_INLINE sx_lanes row_lanes(int64_t ld, bool update, double a, const double *s, double *row) {
    sx_lanes acc[REGISTERS] = { { 0 } };
    int64_t c = 0;
    for (; c + SUM_LANES <= ld; c += SUM_LANES)
        for (int j = 0; j < REGISTERS; j++) {
            sx_lanes v = sx_lanes_load(s + c + j * SX_LANES), w = sx_lanes_load(row + c + j * SX_LANES);
            if (update) {
                w += a * v;
                sx_lanes_store(row + c + j * SX_LANES, w);
            }
            acc[j] += w * v;
        }
    for (int j = 0; c < ld; c += SX_LANES, j++) {
        sx_lanes v = sx_lanes_load(s + c), w = sx_lanes_load(row + c);
        if (update) {
            w += a * v;
            sx_lanes_store(row + c, w);
        }
        acc[j] += w * v;
    }
    add_registers(acc);
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
/* The same sums for eight rows at once: lane r of the result is that of row r. */
SX_INLINE sx_lanes add_rows(const sx_lanes v[TOGETHER]) {
    sx_lanes four[4], two[2];
    for (int k = 0; k < 4; k++)
        four[k] = __builtin_shufflevector(v[2 * k], v[2 * k + 1], 0, 1, 2, 3, 8, 9, 10, 11) +
                  __builtin_shufflevector(v[2 * k], v[2 * k + 1], 4, 5, 6, 7, 12, 13, 14, 15);
    for (int k = 0; k < 2; k++)
        two[k] = __builtin_shufflevector(four[2 * k], four[2 * k + 1], 0, 1, 4, 5, 8, 9, 12, 13) +
                 __builtin_shufflevector(four[2 * k], four[2 * k + 1], 2, 3, 6, 7, 10, 11, 14, 15);
    return __builtin_shufflevector(two[0], two[1], 0, 2, 4, 6, 8, 10, 12, 14) +
           __builtin_shufflevector(two[0], two[1], 1, 3, 5, 7, 9, 11, 13, 15);
}
#endif

/* Rows of `ld` numbers, ld a multiple of 8; what is beyond n must be 0 in J and s. */
SX_INLINE void all_rows(int64_t rows, int64_t ld, bool update, const double *e, const double *s, double *J, double *h) {
    int64_t i = 0;
#ifdef SX_TOGETHER
    for (; i + TOGETHER <= rows; i += TOGETHER) {
        sx_lanes v[TOGETHER];
        for (int r = 0; r < TOGETHER; r++) v[r] = row_lanes(ld, update, update ? e[i + r] : 0, s, J + (i + r) * ld);
        sx_lanes_store(h + i, add_rows(v));
    }
#endif
    for (; i < rows; i++) h[i] = add_lanes(row_lanes(ld, update, update ? e[i] : 0, s, J + i * ld));
}

void SX_K(rank_one)(int64_t rows, int64_t ld, const double *e, const double *s, double *J, double *h) {
    all_rows(rows, ld, true, e, s, J, h);
}

void SX_K(rows_times)(int64_t rows, int64_t ld, const double *J, const double *s, double *h) {
    all_rows(rows, ld, false, NULL, s, (double *)(uintptr_t)J, h);
}
