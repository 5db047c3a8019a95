// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The step of an on-line learning rule: J += e s^T and h = J s in one pass over J. The sum of a row runs in 32 lanes that are added up in one
 * fixed tree, so every level gives the same bits. */
#include "core/kernels/level.h"

enum { SUM_LANES = 32, REGISTERS = SUM_LANES / SX_LANES };

/* lanes 0..31 -> 16 -> 8 -> 4 -> 2 -> 1 */
static double add_lanes(const sx_lanes acc[REGISTERS]) {
    double x[SUM_LANES];
    for (int j = 0; j < REGISTERS; j++) sx_lanes_store(x + j * SX_LANES, acc[j]);
    for (int half = SUM_LANES / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++) x[l] += x[l + half];
    return x[0];
}

/* Rows of `ld` numbers, ld a multiple of 8; what is beyond n must be 0 in J and s. */
void SX_K(rank_one)(int64_t rows, int64_t ld, const double *e, const double *s, double *J, double *h) {
    for (int64_t i = 0; i < rows; i++) {
        double *row = J + i * ld;
        const double a = e[i];
        sx_lanes acc[REGISTERS] = { { 0 } };
        int64_t c = 0;
        for (; c + SUM_LANES <= ld; c += SUM_LANES)
            for (int j = 0; j < REGISTERS; j++) {
                sx_lanes v = sx_lanes_load(s + c + j * SX_LANES);
                sx_lanes w = sx_lanes_load(row + c + j * SX_LANES) + a * v;
                sx_lanes_store(row + c + j * SX_LANES, w);
                acc[j] += w * v;
            }
        for (int j = 0; c < ld; c += SX_LANES, j++) {
            sx_lanes v = sx_lanes_load(s + c), w = sx_lanes_load(row + c) + a * v;
            sx_lanes_store(row + c, w);
            acc[j] += w * v;
        }
        h[i] = add_lanes(acc);
    }
}
