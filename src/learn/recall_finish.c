// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* What `recall` leaves: success of each trial beside that of its cue, overlaps over time, and which pattern follows which. */
#include "recall_private.h"

#include "core/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

double sx_recall_overlap(int64_t n, const double *x, const double *s) {
    double xs = 0, xx = 0;
    for (int64_t i = 0; i < n; i++) xs += x[i] * s[i], xx += x[i] * x[i];
    return xx > 0 ? xs / xx : 0;
}

sx_status sx_recall_define(sx_ctx *ctx, void *instance, sx_result *r) {
    sx_recall *q = instance;
    const char *group = q->l.group;
    double *step = NULL;
    char mode[16];
    SX_TRY(ctx, sx_result_dim(ctx, r, "", "unit", q->l.n));
    SX_TRY(ctx, sx_result_attr_text(ctx, r, group, NULL, "task", "recall"));
    SX_TRY(ctx, sx_result_attr_text(ctx, r, group, NULL, "mode",
                                    sx_choice_name(SX_RECALL_CHOICES, q->o.mode, mode, sizeof mode)));
    if (q->o.data.image[0] > 0) {
        SX_TRY(ctx, sx_result_attr_number(ctx, r, group, NULL, "image_height", (double)q->o.data.image[0]));
        SX_TRY(ctx, sx_result_attr_number(ctx, r, group, NULL, "image_width", (double)q->o.data.image[1]));
    }
    if (q->stepper) {
        SX_TRY(ctx, sx_result_attr_text(ctx, r, group, NULL, "method", sx_stepper_name(q->stepper)));
        SX_TRY(ctx, sx_result_attr_number(ctx, r, group, NULL, "dt", q->h));
    }
    SX_TRY(ctx, sx_result_dim(ctx, r, group, "step", q->n_record));
    SX_TRY(ctx, sx_alloc(ctx, q->n_record, sizeof *step, &step));
    for (int64_t k = 0; k < q->n_record; k++) step[k] = (double)((k + 1) * q->every) * q->h;
    bool flow = q->stepper && sx_model_kind(q->l.model) != SX_MAP;
    sx_status status = sx_result_put(ctx, r, group, "step", "step", flow ? "time" : "1",
                                     flow ? "time since the cue" : "steps of the network", step);
    sx_free(ctx, step);
    q->id_overlap = -1;
    if (status < 0 || q->patterns > SX_RECALL_SHOWN) return status;
    SX_TRY(ctx, sx_result_dim(ctx, r, group, "row", q->patterns));
    const sx_var overlap = { .name = "overlap",
                             .dims = "step,row",
                             .dtype = SX_DT_F64,
                             .units = "1",
                             .long_name = "overlaps x.s / x.x of the first trial with all rows of the data",
                             .stored = true };
    return sx_result_define(ctx, r, group, &overlap, &q->id_overlap);
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Median of n numbers (sorted here) and its distribution-free 95 % interval: ranks n/2 -+ 0.98 sqrt n. */
static void median(int64_t n, double *v, double out[3]) {
    qsort(v, (size_t)n, sizeof *v, ascending);
    double half = 0.98 * sqrt((double)n);
    int64_t low = (int64_t)floor((double)n / 2 - half), high = (int64_t)ceil((double)n / 2 + half);
    out[0] = n % 2 ? v[n / 2] : 0.5 * (v[n / 2 - 1] + v[n / 2]);
    out[1] = v[low < 0 ? 0 : low];
    out[2] = v[high > n - 1 ? n - 1 : high];
}

/* Mean over trials of the overlap with the pattern of the trial. */
static sx_status put_overlaps(sx_ctx *ctx, const sx_recall *q, const void *const *states, sx_result *r) {
    const int64_t R = q->n_record, T = q->o.trials;
    double *v = NULL;
    sx_status status;
    SX_TRY(ctx, sx_alloc(ctx, T + 2 * R, sizeof *v, &v));
    double *mean = v + T, *se = mean + R;
    for (int64_t i = 0; i < R; i++) {
        for (int64_t k = 0; k < T; k++)
            v[k] = ((const double *)sx_recall_at(q, states[k / q->chain], SX_RECALL_OVERLAP))[k % q->chain * R + i];
        sx_mean_se(T, v, &mean[i], &se[i]);
    }
    SX_GO(ctx, status, done,
          sx_result_put(ctx, r, q->l.group, "target_overlap", "step", "1",
                        "overlap x.s / x.x with the pattern of the trial, mean over trials", mean));
    if (T > 1)
        SX_GO(ctx, status, done,
              sx_result_put(ctx, r, q->l.group, "target_overlap_se", "step", "1", "standard error", se));
done:
    sx_free(ctx, v);
    return status;
}

static sx_status finish_trials(sx_ctx *ctx, const sx_recall *q, const void *const *states, sx_result *r) {
    const int64_t n = q->l.n, T = q->o.trials;
    const char *group = q->l.group;
    double *v = NULL, *response = NULL, gain[3], mean, se;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, 5 * T, sizeof *v, &v));
    SX_GO(ctx, status, done, sx_alloc(ctx, T * n, sizeof *response, &response));
    for (int64_t k = 0; k < T; k++) {
        const double *cue = (double *)sx_recall_at(q, states[k / q->chain], SX_RECALL_CUE) + k % q->chain * q->l.ld;
        const double *sum = (double *)sx_recall_at(q, states[k / q->chain], SX_RECALL_SUM) + k % q->chain * q->l.ld;
        int64_t p = sx_recall_pattern(q, k);
        for (int64_t i = 0; i < n; i++) response[k * n + i] = sum[i] / (double)(q->o.steps - q->o.burn_in);
        double out = sx_learn_correlation(n, response + k * n, q->x + p * n),
               in = sx_learn_correlation(n, cue, q->x + p * n);
        v[k] = out * out;
        v[T + k] = in * in;
        v[2 * T + k] = (double)p;
        v[3 * T + k] = v[k] - v[T + k];
        v[4 * T + k] = q->o.strength < 0 ? -out : out;
    }
    SX_GO(ctx, status, done, sx_result_dim(ctx, r, group, "trial", T));
    SX_GO(ctx, status, done,
          sx_result_put(ctx, r, group, "r2_response", "trial", "1",
                        "squared correlation of the mean response with the target", v));
    SX_GO(
        ctx, status, done,
        sx_result_put(ctx, r, group, "r2_cue", "trial", "1", "squared correlation of the cue with the target", v + T));
    SX_GO(ctx, status, done, sx_result_put(ctx, r, group, "pattern", "trial", "1", "row of the data", v + 2 * T));
    median(T, v + 3 * T, gain);
    SX_GO(ctx, status, done,
          sx_result_put(ctx, r, group, "r2_gain", "", "1", "median of r2_response - r2_cue", &gain[0]));
    SX_GO(ctx, status, done,
          sx_result_put(ctx, r, group, "r2_gain_low", "", "1", "lower end of its 95 % interval", &gain[1]));
    SX_GO(ctx, status, done,
          sx_result_put(ctx, r, group, "r2_gain_high", "", "1", "upper end of its 95 % interval", &gain[2]));
    sx_mean_se(T, v + 4 * T, &mean, &se);
    SX_GO(ctx, status, done,
          sx_result_put(ctx, r, group, "correlation", "", "1", "mean correlation of the response with the target",
                        &mean));
    if (T > 1) SX_GO(ctx, status, done, sx_result_put(ctx, r, group, "correlation_se", "", "1", "standard error", &se));
    SX_GO(ctx, status, done,
          sx_result_put(ctx, r, group, "response", "trial,unit", "state", "mean response", response));
    for (int64_t k = 0; k < T; k++)
        memcpy(response + k * n,
               (double *)sx_recall_at(q, states[k / q->chain], SX_RECALL_CUE) + k % q->chain * q->l.ld,
               (size_t)n * sizeof *response);
    SX_GO(ctx, status, done,
          sx_result_put(ctx, r, group, "cue", "trial,unit", "state", "pattern with noise", response));
    for (int64_t k = 0; k < T; k++)
        for (int64_t i = 0; i < n; i++) response[k * n + i] = q->o.strength * q->x[sx_recall_pattern(q, k) * n + i];
    SX_GO(ctx, status, done,
          sx_result_put(ctx, r, group, "target", "trial,unit", "state", "strength * pattern", response));
    status = put_overlaps(ctx, q, states, r);
done:
    sx_free(ctx, response);
    sx_free(ctx, v);
    return status;
}

static sx_status finish_replay(sx_ctx *ctx, const sx_recall *q, const void *const *states, sx_result *r) {
    const int64_t P = q->patterns;
    const char *group = q->l.group;
    double *total = NULL, sum = 0;
    sx_status status;
    SX_TRY(ctx, sx_alloc(ctx, P * P, sizeof *total, &total));
    for (int64_t k = 0; k < q->o.trials; k++) {
        const double *count = sx_recall_at(q, states[k], SX_RECALL_COUNT);
        for (int64_t i = 0; i < P * P; i++) total[i] += count[i];
        sum += count[P * P + 1];
    }
    sum /= (double)(q->o.trials * (q->o.steps - q->o.burn_in));
    SX_GO(ctx, status, done, sx_result_dim(ctx, r, group, "pattern", P));
    SX_GO(ctx, status, done, sx_result_dim(ctx, r, group, "pattern2", P));
    SX_GO(
        ctx, status, done,
        sx_result_put(ctx, r, group, "transitions", "pattern,pattern2", "1", "steps from pattern2 to pattern", total));
    SX_GO(
        ctx, status, done,
        sx_result_put(ctx, r, group, "label_correlation", "", "1", "mean correlation of a state with its label", &sum));
done:
    sx_free(ctx, total);
    return status;
}

sx_status sx_recall_finish(sx_ctx *ctx, const void *instance, const void *const *states, sx_result *r) {
    const sx_recall *q = instance;
    return q->o.mode == SX_RECALL_REPLAY ? finish_replay(ctx, q, states, r) : finish_trials(ctx, q, states, r);
}
