// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Observers of `simulate`: sums that grow while the stepper runs. No allocation, fixed order of additions. */
#include "simulate_private.h"

#include "core/mutant.h"

#include "core/linalg.h"

#include <math.h>
#include <string.h>

/* y = x - shift, for the n units of a batch. */
static void centre(const sx_simulation *s, const double *x, const double *shift, double *y) {
    for (int64_t u = 0; u < s->n; u++) {
        const double *from = x + u * s->b;
        double *to = y + u * s->b, c = shift[u];
        for (int64_t r = 0; r < s->b; r++) to[r] = from[r] - c;
    }
}

/* Sums of one replica go to its own column; a single replica has one column per batch of time instead. */
static void add_moments(const sx_simulation *s, int64_t k, const double *y, double *sum, double *sumsq) {
    if (s->replicas > 1) {
        s->kernels->moments(s->n * s->b, y, sum, sumsq);
        return;
    }
    int64_t batch = k / (s->samples / SX_BATCHES > 0 ? s->samples / SX_BATCHES : 1);
    if (batch >= SX_BATCHES) return;
    for (int64_t u = 0; u < s->n; u++) {
        double v = y[u * s->b];
        sum[u * s->sums + batch] += v;
        sumsq[u * s->sums + batch] += v * v;
    }
}

/* lag[l] += y(k) y(k-l), l = 0..min(k, L); the ring holds the last L samples. */
static void add_lags(const sx_simulation *s, int64_t k, const double *y, double *head, double *ring, double *lag) {
    int64_t size = s->m * s->b, L = s->lags, reach = k < L ? k : L;
    for (int64_t l = 0; l <= reach; l++)
        for (int64_t i = 0; i < s->m; i++) {
            const double *now = y + s->observed[i] * s->b;
            const double *then = l == 0 ? now : ring + ((k - l + SX_MUTANT(lag_index)) % L) * size + i * s->b;
            double *to = lag + l * size + i * s->b;
            for (int64_t r = 0; r < s->b; r++) to[r] += now[r] * then[r];
        }
    for (int64_t i = 0; i < s->m; i++) {
        const double *now = y + s->observed[i] * s->b;
        memcpy(ring + (k % L) * size + i * s->b, now, sizeof(double) * (size_t)s->b);
        if (k < L) memcpy(head + k * size + i * s->b, now, sizeof(double) * (size_t)s->b);
    }
}

/* Welch (1967): Hann windows of W samples, half overlapping, each with its own mean removed. */
static void add_psd(const sx_simulation *s, int64_t k, const double *y, double *window, double *psd, double *scratch) {
    int64_t W = s->window, half = W / 2;
    int64_t at = k < W ? k : half + (k - W) % half; /* after the first window only its second half is refilled */
    for (int64_t i = 0; i < s->m; i++)
        for (int64_t r = 0; r < s->b; r++) window[(i * s->b + r) * W + at] = y[s->observed[i] * s->b + r];
    if (at != W - 1) return;
    double *z = scratch, *re = z + W, *im = re + half + 1, *fft_scratch = im + half + 1;
    for (int64_t j = 0; j < s->m * s->b; j++) {
        double *w = window + j * W, *to = psd + j * (half + 1);
        double mean = s->kernels->sum(W, w) / (double)W;
        for (int64_t t = 0; t < W; t++) z[t] = (w[t] - mean) * s->fft_window[t];
        sx_fft_forward(s->fft, z, re, im, fft_scratch);
        for (int64_t f = 0; f <= half; f++) to[f] += re[f] * re[f] + im[f] * im[f];
        memmove(w, w + half, sizeof(double) * (size_t)half);
    }
}

static void add_histogram(const sx_simulation *s, int64_t valid, const double *x, int64_t *count) {
    double lo = s->o.histogram_lo, scale = (double)s->o.histogram_bins / (s->o.histogram_hi - lo);
    int64_t bins = s->o.histogram_bins;
    for (int64_t i = 0; i < s->m; i++)
        for (int64_t r = 0; r < valid; r++) {
            double v = (x[s->observed[i] * s->b + r] - lo) * scale;
            int64_t bin = v < 0 ? 0 : v >= (double)bins ? bins + !SX_MUTANT(histogram_range) : 1 + (int64_t)v;
            count[i * (bins + 2) + bin]++;
        }
}

void sx_observe_sample(const sx_simulation *s, int64_t block, int64_t k, void *state, double *y, void *fft_scratch) {
    const double *x = sx_part_at(s, state, PART_X);
    double *shift = sx_part_at(s, state, PART_SHIFT), *cov = sx_part_at(s, state, PART_COV);
    int64_t valid = SX_MUTANT(covariance_padding) ? s->b : sx_valid(s, block);
    if (!shift) return;
    if (k == 0)
        for (int64_t u = 0; u < s->n; u++) shift[u] = x[u * s->b];
    centre(s, x, shift, y);
    add_moments(s, k, y, sx_part_at(s, state, PART_SUM), sx_part_at(s, state, PART_SUMSQ));
    if (cov) sx_gemm(false, true, s->n, s->n, valid, 1, y, s->b, y, s->b, 1, cov, s->n);
    if (s->lags > 0)
        add_lags(s, k, y, sx_part_at(s, state, PART_HEAD), sx_part_at(s, state, PART_RING),
                 sx_part_at(s, state, PART_LAG));
    if (s->window > 0) add_psd(s, k, y, sx_part_at(s, state, PART_WINDOW), sx_part_at(s, state, PART_PSD), fft_scratch);
    if (s->o.histogram_bins > 0) add_histogram(s, valid, x, sx_part_i64(s, state, PART_HISTOGRAM));
}

void sx_observe_passage(const sx_simulation *s, double t, void *state) {
    const double *x = sx_part_at(s, state, PART_X);
    double *passage = sx_part_at(s, state, PART_PASSAGE);
    for (int64_t k = 0; k < s->n_targets; k++) {
        const sx_target *g = &s->targets[k];
        double *first = passage + k * s->b;
        for (int64_t r = 0; r < s->b; r++) {
            if (!isnan(first[r])) continue;
            bool hit;
            if (g->radius > 0) {
                double d2 = 0;
                for (int64_t u = 0; u < s->n; u++) {
                    double d = x[u * s->b + r] - g->centre.data[g->centre.n == 1 ? 0 : u];
                    d2 += d * d;
                }
                hit = d2 > g->radius * (SX_MUTANT(ball_radius) ? 1 : g->radius);
            } else {
                double v = x[g->unit.index[0] * s->b + r];
                hit = v > g->above || v < g->below; /* NaN = not given: never true */
            }
            if (hit) first[r] = t;
        }
    }
}
