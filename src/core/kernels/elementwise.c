// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Elementwise updates, reductions of fixed shape, streaming moments, the search for inf and NaN. */
#include "core/kernels/level.h"

#include <string.h>

void SX_K(lincomb)(int64_t n, double a, const double *x, double b, const double *y, double *out) {
    SX_INDEPENDENT
    for (int64_t i = 0; i < n; i++) out[i] = a * x[i] + b * y[i];
}

void SX_K(axpy)(int64_t n, double a, const double *x, double *y) {
    SX_INDEPENDENT
    for (int64_t i = 0; i < n; i++) y[i] += a * x[i];
}

void SX_K(mul)(int64_t n, const double *x, const double *y, double *out) {
    SX_INDEPENDENT
    for (int64_t i = 0; i < n; i++) out[i] = x[i] * y[i];
}

void SX_K(em)(int64_t n, double h, const double *f, double s, const double *w, double *x) {
    SX_INDEPENDENT
    for (int64_t i = 0; i < n; i++) x[i] += h * f[i] + s * w[i];
}

void SX_K(em_rows)(int64_t n, int64_t b, double h, const double *f, const double *s, const double *w, double *x) {
    for (int64_t u = 0; u < n; u++) SX_K(em)(b, h, f + u * b, s[u], w + u * b, x + u * b);
}

void SX_K(scale_rows)(int64_t n, int64_t b, const double *d, const double *x, double *out) {
    for (int64_t u = 0; u < n; u++) {
        const double du = d[u];
        SX_INDEPENDENT
        for (int64_t i = u * b; i < (u + 1) * b; i++) out[i] = du * x[i];
    }
}

void SX_K(axpy_rows)(int64_t n, int64_t b, const double *d, const double *x, double *y) {
    for (int64_t u = 0; u < n; u++) SX_K(axpy)(b, d[u], x + u * b, y + u * b);
}

/* y = (y - x + I) m; the sums keep this order, a missing I adds 0 and a missing m multiplies by 1, so -0 + 0 is +0 either way. */
void SX_K(leak_rows)(int64_t n, int64_t b, const double *x, const double *I, const double *m, double *y) {
    for (int64_t u = 0; u < n; u++) {
        const double Iu = I ? I[u] : 0.0, mu = m ? m[u] : 1.0;
        SX_INDEPENDENT
        for (int64_t i = u * b; i < (u + 1) * b; i++) y[i] = ((y[i] - x[i]) + Iu) * mu;
    }
}

void SX_K(moments)(int64_t n, const double *x, double *sum, double *sumsq) {
    SX_INDEPENDENT
    for (int64_t i = 0; i < n; i++) {
        sum[i] += x[i];
        sumsq[i] += x[i] * x[i];
    }
}

/* Exponent bits all set. Adding one to the exponent field then carries into the sign bit. */
int SX_K(nonfinite)(int64_t n, const double *x) {
    uint64_t carry = 0;
    for (int64_t i = 0; i < n; i++) {
        uint64_t u;
        memcpy(&u, x + i, sizeof u);
        carry |= (u & UINT64_C(0x7fffffffffffffff)) + UINT64_C(0x0010000000000000);
    }
    return (int)(carry >> 63);
}

/* Sums of fixed shape. A block holds 1024 numbers: lane l adds the elements l, l + 8, l + 16, ... in order, then
 * ((0+4)+(2+6)) + ((1+5)+(3+7)). Blocks are joined like the digits of a binary counter: block sums of equal rank are added
 * pairwise, the rest at the end from the smallest rank up. The error grows with log2(n) and no level changes the shape. */
enum { SX_BLOCK = 1024, SX_RANKS = 54 };

SX_INLINE double block_sum(int64_t n, const double *x, const double *y) {
    enum { REGISTERS = 8 / SX_LANES };
    sx_lanes acc[REGISTERS] = { { 0 } };
    double lane[8];
    int64_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (int j = 0; j < REGISTERS; j++) {
            sx_lanes v = sx_lanes_load(x + i + j * SX_LANES);
            acc[j] += y ? v * sx_lanes_load(y + i + j * SX_LANES) : v;
        }
    memcpy(lane, acc, sizeof lane);
    for (int l = 0; i < n; i++, l++) lane[l] += y ? x[i] * y[i] : x[i];
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

SX_INLINE double tree_sum(int64_t n, const double *x, const double *y) {
    double part[SX_RANKS];
    double total = 0.0;
    int64_t blocks = 0;
    for (int64_t i = 0; i < n; i += SX_BLOCK, blocks++) {
        double s = block_sum(n - i < SX_BLOCK ? n - i : SX_BLOCK, x + i, y ? y + i : y);
        int rank = 0;
        for (; (blocks >> rank) & 1; rank++) s = part[rank] + s;
        part[rank] = s;
    }
    for (int rank = 0; rank < SX_RANKS; rank++)
        if ((blocks >> rank) & 1) total = part[rank] + total;
    return total;
}

double SX_K(sum)(int64_t n, const double *x) {
    return tree_sum(n, x, NULL);
}

double SX_K(dot)(int64_t n, const double *x, const double *y) {
    return tree_sum(n, x, y);
}
