// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The pilot: a few replicas stepped at h and at h/2 along the same Brownian path. The difference of their moments is the leading
 * discretisation error of the run, measured with far less noise than two independent runs would have.
 *
 * Over a coarse step of two fine ones (a_i, z_i standard normals of the fine steps, delta = h/2):
 *   dW = sqrt(delta)(a_1 + a_2),   dZ = dZ_1 + dZ_2 + delta dW_1,   dZ_i = delta^{3/2}/2 (a_i + z_i/sqrt 3)
 * so the coarse normals are w = (a_1 + a_2)/sqrt 2 and z = sqrt 3 [ (3 a_1 + a_2 + (z_1 + z_2)/sqrt 3)/2^{3/2} - w ].
 *
 * State of the pilot's item: x = coarse [n][p] then fine [n][p]; the sums likewise. */
#include "simulate_private.h"

#include "core/mutant.h"

#include <math.h>
#include <string.h>

#define PILOT_SEGMENTS 40

/* Burn-in and a quarter of the run, in whole sample intervals. */
int64_t sx_pilot_steps(const sx_simulation *s) {
    int64_t quarter = s->samples / 4 < 1 ? 1 : s->samples / 4;
    return s->burn + quarter * s->every;
}

int64_t sx_pilot_scratch(const sx_simulation *s) {
    return s->work + 6 * sx_stepper_normals(s->stepper) * s->pilot_b + 64;
}

sx_status sx_pilot_start(sx_ctx *ctx, const sx_simulation *s, void *state) {
    double *x = sx_part_at(s, state, PART_X);
    (void)ctx;
    sx_simulate_initial(s, 0, (sx_batch){ x, s->n, s->pilot_b });
    memcpy(x + s->n * s->pilot_b, x, sizeof(double) * (size_t)(s->n * s->pilot_b));
    return SX_OK;
}

static void coarse_normals(int64_t n, const double *a1, const double *a2, const double *z1, const double *z2, double *w,
                           double *z) {
    const double r2 = 0.70710678118654752440, r8 = 0.35355339059327376220, r3 = 1.73205080756887729353;
    for (int64_t i = 0; i < n; i++) {
        w[i] = SX_MUTANT(pilot_noise) ? a1[i] : (a1[i] + a2[i]) * r2;
        z[i] = (SX_MUTANT(pilot_dz) ? 0 : r3 * ((3 * a1[i] + a2[i]) * r8 - w[i])) + (z1[i] + z2[i]) * r8;
    }
}

static void add_sample(const sx_simulation *s, void *state) {
    int64_t size = 2 * s->n * s->pilot_b;
    const double *x = sx_part_at(s, state, PART_X), *shift = sx_part_at(s, state, PART_SHIFT);
    double *sum = sx_part_at(s, state, PART_SUM), *sumsq = sx_part_at(s, state, PART_SUMSQ);
    for (int64_t k = 0; k < size; k++) {
        double y = x[k] - shift[k / s->pilot_b % s->n];
        sum[k] += y;
        sumsq[k] += y * y;
    }
}

sx_status sx_pilot_advance(sx_ctx *ctx, const sx_simulation *s, void *state, double *scratch, const sx_exec *exec,
                           bool *done, double *fraction) {
    int64_t p = s->pilot_b, np = s->n * p, rank = sx_stepper_normals(s->stepper), size = rank * p;
    int64_t *at = sx_part_i64(s, state, PART_STEP), last = sx_pilot_steps(s);
    int64_t stop = *at + (last + PILOT_SEGMENTS - 1) / PILOT_SEGMENTS;
    sx_batch coarse = { sx_part_at(s, state, PART_X), s->n, p }, fine = { coarse.x + np, s->n, p };
    sx_work work = { .p = scratch, .doubles = s->work, .exec = exec, .replica0 = 0 };
    double *a1 = scratch + s->work, *a2 = a1 + size, *z1 = a2 + size, *z2 = z1 + size, *w = z2 + size, *z = w + size;
    if (stop > last) stop = last;
    for (int64_t step = *at; step < stop; step++) {
        double t = s->t0 + (double)step * s->h;
        uint64_t half = (uint64_t)step * 2;
        s->kernels->normal(s->key_pilot, half, SX_SLOT_DW, 0, rank, p, a1);
        s->kernels->normal(s->key_pilot, half + 1, SX_SLOT_DW, 0, rank, p, a2);
        s->kernels->normal(s->key_pilot, half, SX_SLOT_DZ, 0, rank, p, z1);
        s->kernels->normal(s->key_pilot, half + 1, SX_SLOT_DZ, 0, rank, p, z2);
        coarse_normals(size, a1, a2, z1, z2, w, z);
        SX_TRY(ctx, sx_stepper_step_with(ctx, s->stepper, t, coarse, (sx_cbatch){ w, rank, p },
                                         (sx_cbatch){ z, rank, p }, work));
        SX_TRY(ctx, sx_stepper_step_with(ctx, s->half, t, fine, (sx_cbatch){ a1, rank, p }, (sx_cbatch){ z1, rank, p },
                                         work));
        SX_TRY(ctx, sx_stepper_step_with(ctx, s->half, t + s->h / 2, fine, (sx_cbatch){ a2, rank, p },
                                         (sx_cbatch){ z2, rank, p }, work));
        int64_t k = step + 1 - s->burn;
        if (k == s->every) {
            double *shift = sx_part_at(s, state, PART_SHIFT);
            for (int64_t u = 0; u < s->n; u++) shift[u] = coarse.x[u * p];
        }
        if (k > 0 && k % s->every == 0) add_sample(s, state);
    }
    if (s->kernels->nonfinite(2 * np, coarse.x))
        return SX_FAIL(ctx, SX_E_NUMERIC,
                       "task '%s': the pilot at dt = %g and dt/2 blew up before t = %g; a smaller dt helps if the "
                       "equations stay bounded",
                       s->group, s->h, s->t0 + (double)stop * s->h);
    *at = stop;
    *done = stop == last;
    *fraction = (double)stop / (double)last;
    return SX_OK;
}

/* Mean over replicas of the differences fine - coarse of mean and variance, with the spread as error. */
sx_status sx_pilot_finish(sx_ctx *ctx, const sx_simulation *s, const void *state, sx_result *result) {
    int64_t p = s->pilot_b, n = s->n, np = n * p;
    double N = (double)((sx_pilot_steps(s) - s->burn) / s->every);
    const double *sum = sx_part_at(s, state, PART_SUM), *sumsq = sx_part_at(s, state, PART_SUMSQ);
    double *out = NULL, *d = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, 4 * n, sizeof *out, &out));
    SX_GO(ctx, status, done, sx_alloc(ctx, 2 * p, sizeof *d, &d));
    for (int64_t u = 0; u < n; u++) {
        double centre[2] = { 0, 0 };
        for (int64_t r = 0; r < p; r++)
            for (int f = 0; f < 2; f++) centre[f] += sum[f * np + u * p + r] / N / (double)p;
        for (int64_t r = 0; r < p; r++) {
            double m[2], v[2];
            for (int f = 0; f < 2; f++) {
                m[f] = sum[f * np + u * p + r] / N;
                v[f] = sumsq[f * np + u * p + r] / N - 2 * m[f] * centre[f] + centre[f] * centre[f];
            }
            d[r] = m[1] - m[0];
            d[p + r] = v[1] - v[0];
        }
        for (int q = 0; q < 2; q++) {
            double mean = 0, ss = 0;
            for (int64_t r = 0; r < p; r++) mean += d[q * p + r] / (double)p;
            for (int64_t r = 0; r < p; r++) ss += (d[q * p + r] - mean) * (d[q * p + r] - mean);
            out[2 * q * n + u] = mean;
            out[(2 * q + 1) * n + u] = sqrt(ss / (double)(p - 1) / (double)p);
        }
    }
    SX_GO(ctx, status, done,
          sx_result_put(ctx, result, s->group, "dt_shift_mean", "unit", "state", "mean at dt/2 minus mean at dt", out));
    SX_GO(ctx, status, done,
          sx_result_put(ctx, result, s->group, "dt_shift_mean_se", "unit", "state", "standard error", out + n));
    SX_GO(ctx, status, done,
          sx_result_put(ctx, result, s->group, "dt_shift_variance", "unit", "state^2",
                        "variance at dt/2 minus variance at dt", out + 2 * n));
    SX_GO(
        ctx, status, done,
        sx_result_put(ctx, result, s->group, "dt_shift_variance_se", "unit", "state^2", "standard error", out + 3 * n));
done:
    sx_free(ctx, d);
    sx_free(ctx, out);
    return status;
}
