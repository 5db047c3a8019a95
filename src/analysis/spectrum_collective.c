// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Collective slow modes (unified-dynamics.md section 9; our operational definition). A mode is collective when it is
 *     slow:        rate < edge - 3 sd of the null model, or, null = gap, the next rate is at least 3 times as large;
 *     collective:  1/sum p_u^2 >= max(10, 0.02 N), p_u = |w_u v_u| / sum, and above 95 % of the localised states of the null model;
 *     conditioned: |w| |v| / |w^H v| < 1000;
 *     persistent:  overlap >= 0.8 with the slow modes where the noise-free dynamics has brought the state after the longest relaxation time, and a
 *                  rate that varies by less than 20 % in windows about its own (spectrum_persistence.c);
 *     excited:     under the noise of the model its variance is at least the floor |w|^2 (tr D/N) / |J|_2, that of a direction which takes an average
 *                  share of the noise and forgets as fast as anything does. */
#include "spectrum_private.h"

#include <math.h>

enum { FEWEST_UNITS = 10, PROBES = 16 };
static const double share_of_units = 0.02, worst_condition = 1e3, least_overlap = 0.8, most_variation = 0.2,
                    least_gap = 3, spreads = 3;

/* tr D / N by <|B^T z|^2> over random signs z: exact for independent noise. */
static sx_status mean_noise(sx_ctx *ctx, const sx_spectrum *s, int64_t point, const sx_exec *exec, double *out) {
    const sx_model *m = s->places.models[point];
    const sx_noise *noise = sx_model_noise(m);
    const sx_noise_ops *ops = sx_noise_operations(noise);
    int64_t n = s->n, rank = sx_noise_rank(noise),
            work = sx_model_work(m, 1) + (ops->work ? ops->work(sx_noise_self(noise), 1) : 0);
    double *z = NULL, sum = 0;
    SX_TRY(ctx, sx_alloc(ctx, n + rank + work, sizeof *z, &z));
    double *b = z + n;
    for (int k = 0; k < PROBES; k++) {
        sx_uniform_fill(sx_key_derive(s->key, "noise", (uint64_t)k), 0, SX_SLOT_USER, 0, n, 1, z);
        for (int64_t i = 0; i < n; i++) z[i] = z[i] < 0.5 ? -1 : 1;
        ops->Bt(sx_noise_self(noise), 0, (sx_cbatch){ s->places.x + point * n, n, 1 }, (sx_cbatch){ z, n, 1 },
                (sx_batch){ b, rank, 1 }, (sx_work){ .p = b + rank, .doubles = work, .exec = exec });
        for (int64_t c = 0; c < rank; c++) sum += b[c] * b[c];
    }
    *out = sum / PROBES / (double)n;
    sx_free(ctx, z);
    return SX_OK;
}

/* Variance over the floor; of maps the floor is 2 |w|^2 tr D/N, the noise of one step. */
static sx_status excitation(sx_ctx *ctx, const sx_spectrum *s, int64_t point, void *state, int64_t count,
                            const sx_exec *exec) {
    const double *variance = sx_spectrum_mode(s, state, MODE_VARIANCE),
                 *condition = sx_spectrum_mode(s, state, MODE_CONDITION);
    double *out = sx_spectrum_mode(s, state, MODE_EXCITATION), noise = 0;
    for (int64_t j = 0; j < s->k; j++) out[j] = (double)NAN;
    if (!s->noisy) return SX_OK;
    SX_TRY(ctx, mean_noise(ctx, s, point, exec, &noise));
    double floor = s->map ? 2 * noise : noise / sx_spectrum_part_at(s, state, PART_SCALARS)[POINT_NORM];
    for (int64_t j = 0; j < count; j++)
        out[j] = floor > 0 ? variance[j] / (floor * condition[j] * condition[j]) : (double)INFINITY;
    return SX_OK;
}

static sx_status write_members(sx_ctx *ctx, const sx_spectrum *s, int64_t point, int64_t j, const double *p,
                               sx_result *result) {
    unsigned char *flag = NULL;
    int64_t start[3] = { point, j, 0 }, size[3] = { 1, 1, s->n };
    SX_TRY(ctx, sx_alloc(ctx, s->n, 1, &flag));
    for (int64_t u = 0; u < s->n; u++) flag[u] = p[u] * (double)s->n > 1;
    sx_status status = sx_result_write(ctx, result, s->id_member, start, size, flag);
    sx_free(ctx, flag);
    return status;
}

sx_status sx_spectrum_collective(sx_ctx *ctx, const sx_spectrum *s, int64_t point, void *state, const sx_mode_set *m,
                                 const sx_exec *exec, sx_result *result) {
    double *scalars = sx_spectrum_part_at(s, state, PART_SCALARS), *p = NULL;
    const double *rate = sx_spectrum_mode(s, state, MODE_RATE), *gap = sx_spectrum_mode(s, state, MODE_GAP),
                 *participation = sx_spectrum_mode(s, state, MODE_PARTICIPATION),
                 *condition = sx_spectrum_mode(s, state, MODE_CONDITION), *re = sx_spectrum_mode(s, state, MODE_RE),
                 *im = sx_spectrum_mode(s, state, MODE_IM), *overlap = sx_spectrum_mode(s, state, MODE_PERSISTENCE),
                 *variation = sx_spectrum_mode(s, state, MODE_VARIATION),
                 *excited = sx_spectrum_mode(s, state, MODE_EXCITATION);
    double *flag = sx_spectrum_mode(s, state, MODE_COLLECTIVE), *localised = sx_spectrum_mode(s, state, MODE_LOCALISED);
    int64_t count = (int64_t)scalars[POINT_MODES], slow = 0;
    double units = fmax(FEWEST_UNITS, share_of_units * (double)s->n);
    sx_status status = SX_OK;
    if (s->o.null != SX_NULL_GAP) SX_TRY(ctx, sx_spectrum_null_model(ctx, s, state));
    SX_TRY(ctx, excitation(ctx, s, point, state, count, exec));
    double edge = scalars[POINT_EDGE] - spreads * scalars[POINT_EDGE_SD];
    for (int64_t j = 0; j < count; j++) {
        bool is_slow = s->o.null == SX_NULL_GAP ? rate[j] > 0 && gap[j] >= (least_gap - 1) * rate[j] : rate[j] < edge;
        localised[j] = sx_spectrum_localised(s, scalars, re[j], im[j]);
        flag[j] = is_slow && participation[j] >= fmax(units, localised[j]) && condition[j] < worst_condition &&
                  !(excited[j] < 1);
        if (is_slow) slow = j + 1;
    }
    SX_TRY(ctx, sx_spectrum_persistence(ctx, s, point, state, slow, m, exec));
    SX_TRY(ctx, sx_alloc(ctx, s->n, sizeof *p, &p));
    for (int64_t j = 0; j < count; j++) {
        if (!(overlap[j] >= least_overlap && variation[j] <= most_variation)) flag[j] = 0;
        if (flag[j] == 0) continue;
        sx_spectrum_weights(m, j, p);
        SX_GO(ctx, status, done, write_members(ctx, s, point, j, p, result));
    }
done:
    sx_free(ctx, p);
    return status;
}
