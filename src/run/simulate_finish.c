// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Outputs of `simulate`: definition of what is written while running, and the reduction of the blocks' sums, always in the order of
 * blocks and replicas, to numbers with errors. */
#include "simulate_private.h"

#include "core/mutant.h"

#include "core/stats.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* -- definition --------------------------------------------------------------------------------------------------------------- */

static sx_status put_labels(sx_ctx *ctx, const sx_simulation *s, sx_result *r, const char *name, const char *dim,
                            const int64_t *index, int64_t n) {
    char(*buf)[64] = NULL;
    const char **text = NULL;
    int id;
    sx_status status;
    sx_var var = { .name = name, .dims = dim, .dtype = SX_DT_STRING, .units = "", .long_name = "label of the unit" };
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *buf, &buf));
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *text, &text));
    for (int64_t i = 0; i < n; i++)
        text[i] = sx_model_unit_label(s->model, index ? index[i] : i, buf[i], sizeof buf[i]);
    SX_GO(ctx, status, done, sx_result_define(ctx, r, s->group, &var, &id));
    SX_GO(ctx, status, done, sx_result_write(ctx, r, id, NULL, NULL, text));
done:
    sx_free(ctx, text);
    sx_free(ctx, buf);
    return status;
}

/* A regular coordinate start + k * step. */
static sx_status put_axis(sx_ctx *ctx, const sx_simulation *s, sx_result *r, const char *name, int64_t n, double start,
                          double step, const char *units, const char *help) {
    double *v = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_result_dim(ctx, r, s->group, name, n));
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *v, &v));
    for (int64_t k = 0; k < n; k++) v[k] = start + (double)k * step;
    SX_GO(ctx, status, done, sx_result_put(ctx, r, s->group, name, name, units, help, v));
done:
    sx_free(ctx, v);
    return status;
}

/* Trajectories: one variable per state array; its own dimension if all its units are recorded, else "recorded_<dim>". */
static sx_status define_records(sx_ctx *ctx, sx_simulation *s, sx_result *r) {
    const sx_layout *layout = sx_model_layout(s->model);
    int64_t first = 0, from = 0;
    SX_TRY(ctx, put_axis(ctx, s, r, "time", s->records, 0, (double)s->record_every * s->h, "time",
                         "time since the end of the burn-in"));
    for (int a = 0; a < layout->n_arrays; a++) {
        const sx_state_array *array = &layout->arrays[a];
        int64_t end = first + array->n, to = from;
        while (to < s->n_recorded && s->recorded[to] < end) to++;
        char dim[80], dims[160], label[96];
        bool all = to - from == array->n;
        snprintf(dim, sizeof dim, "%s%s", all ? "" : "recorded_", array->dim);
        snprintf(dims, sizeof dims, "replica,time,%s", dim);
        if (to > from) {
            if (!all || layout->n_arrays > 1) {
                snprintf(label, sizeof label, "%s_label", dim);
                SX_TRY(ctx, sx_result_dim(ctx, r, s->group, dim, to - from));
                SX_TRY(ctx, put_labels(ctx, s, r, label, dim, s->recorded + from, to - from));
            }
            sx_var var = { .name = array->name,
                           .dims = dims,
                           .dtype = s->o.record.dtype == 1 ? SX_DT_F32 : SX_DT_F64,
                           .units = "state",
                           .long_name = "recorded trajectories",
                           .method = sx_stepper_name(s->stepper),
                           .stored = true };
            SX_TRY(ctx, sx_result_define(ctx, r, s->group, &var, &s->id_x[a]));
        }
        first = end;
        from = to;
    }
    if (s->o.energy) {
        sx_var var = { .name = "energy",
                       .dims = "replica,time",
                       .dtype = SX_DT_F64,
                       .units = "1",
                       .long_name = "potential along the trajectories",
                       .stored = true };
        SX_TRY(ctx, sx_result_define(ctx, r, s->group, &var, &s->id_energy));
    }
    return SX_OK;
}

static sx_status define_targets(sx_ctx *ctx, sx_simulation *s, sx_result *r) {
    const char **names = NULL;
    int id;
    sx_status status;
    sx_var name = {
        .name = "target", .dims = "target", .dtype = SX_DT_STRING, .units = "", .long_name = "name of the target"
    };
    sx_var time = { .name = "first_passage",
                    .dims = "replica,target",
                    .dtype = SX_DT_F64,
                    .units = "time",
                    .long_name = "first-passage time; the end of the run where censored" };
    sx_var flag = { .name = "censored",
                    .dims = "replica,target",
                    .dtype = SX_DT_U8,
                    .units = "1",
                    .long_name = "1 where the target was not reached" };
    SX_GO(ctx, status, done, sx_result_dim(ctx, r, s->group, "target", s->n_targets));
    SX_GO(ctx, status, done, sx_alloc(ctx, s->n_targets, sizeof *names, &names));
    for (int64_t k = 0; k < s->n_targets; k++) names[k] = s->targets[k].name;
    SX_GO(ctx, status, done, sx_result_define(ctx, r, s->group, &name, &id));
    SX_GO(ctx, status, done, sx_result_write(ctx, r, id, NULL, NULL, names));
    SX_GO(ctx, status, done, sx_result_define(ctx, r, s->group, &time, &s->id_passage));
    SX_GO(ctx, status, done, sx_result_define(ctx, r, s->group, &flag, &s->id_censored));
done:
    sx_free(ctx, names);
    return status;
}

sx_status sx_simulate_define(sx_ctx *ctx, void *instance, sx_result *r) {
    sx_simulation *s = instance;
    static const char *const drift[] = { "F + c (kinetic)", "F (ito)", "F + c (stratonovich)", "F + c (covariant)" };
    bool noisy = sx_noise_class_of(sx_model_noise(s->model)) != SX_NOISE_NONE;
    SX_TRY(ctx, sx_result_dim(ctx, r, "", "unit", s->n));
    SX_TRY(ctx, sx_result_dim(ctx, r, s->group, "replica", s->replicas));
    SX_TRY(ctx, sx_result_attr_text(ctx, r, s->group, NULL, "task", "simulate"));
    SX_TRY(ctx, sx_result_attr_text(ctx, r, s->group, NULL, "method", sx_stepper_name(s->stepper)));
    SX_TRY(ctx, sx_result_attr_text(ctx, r, s->group, NULL, "drift", noisy ? drift[sx_model_calculus(s->model)] : "F"));
    SX_TRY(ctx, sx_result_attr_number(ctx, r, s->group, NULL, "dt", s->h));
    SX_TRY(ctx, sx_result_attr_number(ctx, r, s->group, NULL, "steps", (double)s->steps));
    SX_TRY(ctx, sx_result_attr_number(ctx, r, s->group, NULL, "burn_in_steps", (double)s->burn));
    SX_TRY(ctx, sx_result_attr_number(ctx, r, s->group, NULL, "sample_interval", (double)s->every * s->h));
    SX_TRY(ctx, sx_result_attr_number(ctx, r, s->group, NULL, "replicas", (double)s->replicas));
    SX_TRY(ctx, sx_result_attr_number(ctx, r, s->group, NULL, "block", (double)s->b));
    if (s->records > 0) SX_TRY(ctx, define_records(ctx, s, r));
    if (s->n_targets > 0) SX_TRY(ctx, define_targets(ctx, s, r));
    sx_var final = { .name = "x_final",
                     .dims = "replica,unit",
                     .dtype = SX_DT_F64,
                     .units = "state",
                     .long_name = "last state",
                     .stored = true };
    return sx_result_define(ctx, r, s->group, &final, &s->id_final);
}

/* -- reduction ---------------------------------------------------------------------------------------------------------------- */

typedef struct sx_reduction {
    const sx_simulation *s;
    const void *const *states;
    sx_result *result;
    double *mean, *mean_se, *variance, *variance_se; /* [n] */
    double *row;                                     /* [replicas or SX_BATCHES] x 2 */
} sx_reduction;

static const double *part(const sx_reduction *d, int64_t block, sx_part p) {
    return sx_part_at(d->s, d->states[block], p);
}

static sx_status put(sx_ctx *ctx, const sx_reduction *d, const char *name, const char *dims, const char *units,
                     const char *help, const double *v) {
    return sx_result_put(ctx, d->result, d->s->group, name, dims, units, help, v);
}

/* Means and variances about the shift of block 0, then moved back by it. */
static void reduce_moments(const sx_reduction *d) {
    const sx_simulation *s = d->s;
    double N = (double)s->samples;
    double *sum = d->row, *sumsq = d->row + (s->replicas > SX_BATCHES ? s->replicas : SX_BATCHES);
    for (int64_t u = 0; u < s->n; u++) {
        double origin = part(d, 0, PART_SHIFT)[u];
        if (s->replicas == 1) {
            memcpy(sum, part(d, 0, PART_SUM) + u * SX_BATCHES, sizeof(double) * SX_BATCHES);
            memcpy(sumsq, part(d, 0, PART_SUMSQ) + u * SX_BATCHES, sizeof(double) * SX_BATCHES);
            if (s->samples >= SX_BATCHES)
                sx_batch_moments(SX_BATCHES, s->samples / SX_BATCHES, sum, sumsq, &d->mean[u], &d->mean_se[u],
                                 &d->variance[u], &d->variance_se[u]);
            else /* one sample per batch: no error can be given */
                sx_pooled_moments(1, s->samples, (double[]){ s->kernels->sum(s->samples, sum) },
                                  (double[]){ s->kernels->sum(s->samples, sumsq) }, &d->mean[u], &d->mean_se[u],
                                  &d->variance[u], &d->variance_se[u]);
        } else {
            for (int64_t r = 0; r < s->replicas; r++) {
                int64_t block = r / s->b, at = u * s->b + r % s->b;
                double c = SX_MUTANT(moment_shift) ? 0 : part(d, block, PART_SHIFT)[u] - origin,
                       a = part(d, block, PART_SUM)[at];
                sum[r] = a + N * c;
                sumsq[r] = part(d, block, PART_SUMSQ)[at] + 2 * c * a + N * c * c;
            }
            sx_pooled_moments(s->replicas, s->samples, sum, sumsq, &d->mean[u], &d->mean_se[u], &d->variance[u],
                              &d->variance_se[u]);
        }
        d->mean[u] += origin;
    }
}

static sx_status write_moments(sx_ctx *ctx, const sx_reduction *d) {
    SX_TRY(ctx, put(ctx, d, "x_mean", "unit", "state", "mean over time and replicas", d->mean));
    SX_TRY(ctx, put(ctx, d, "x_mean_se", "unit", "state", "standard error of x_mean", d->mean_se));
    SX_TRY(ctx, put(ctx, d, "x_variance", "unit", "state^2", "variance over time and replicas", d->variance));
    return put(ctx, d, "x_variance_se", "unit", "state^2", "standard error of x_variance", d->variance_se);
}

/* Covariance about the grand mean M: sum over blocks of C - d a^T - a d^T + N d d^T, a the sum about the block's shift and
 * d = M - shift. Standard error, for near-Gaussian states (Wick): sqrt((C_ii C_jj + C_ij^2) / N_ij) with the effective number of
 * samples N_ij = sqrt(N_i N_j), N_i = 2 C_ii^2 / se(C_ii)^2 measured from the spread between replicas. */
static sx_status write_covariance(sx_ctx *ctx, const sx_reduction *d) {
    const sx_simulation *s = d->s;
    int64_t n = s->n;
    double *c = NULL, *a = NULL, total = (double)s->samples * (double)s->replicas;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, n * n, sizeof *c, &c));
    SX_GO(ctx, status, done, sx_alloc(ctx, 3 * n, sizeof *a, &a));
    double *e = a + n, *neff = a + 2 * n;
    for (int64_t block = 0; block < s->blocks; block++) {
        const double *cov = part(d, block, PART_COV), *sum = part(d, block, PART_SUM),
                     *shift = part(d, block, PART_SHIFT);
        int64_t columns = s->replicas == 1 ? SX_BATCHES : sx_valid(s, block);
        double N = (double)s->samples * (double)sx_valid(s, block);
        for (int64_t u = 0; u < n; u++) {
            a[u] = s->kernels->sum(columns, sum + u * s->sums);
            e[u] = d->mean[u] - shift[u];
        }
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < n; j++)
                c[i * n + j] += cov[i * n + j] - e[i] * a[j] - a[i] * e[j] + N * e[i] * e[j];
    }
    for (int64_t k = 0; k < n * n; k++) c[k] /= total;
    SX_GO(ctx, status, done, sx_result_dim(ctx, d->result, "", "unit2", n));
    SX_GO(ctx, status, done, put(ctx, d, "x_covariance", "unit,unit2", "state^2", "covariance at equal times", c));
    for (int64_t i = 0; i < n; i++) neff[i] = 2 * c[i * n + i] * c[i * n + i] / (d->variance_se[i] * d->variance_se[i]);
    for (int64_t i = 0; i < n; i++) e[i] = c[i * n + i];
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            c[i * n + j] = e[i] <= 0 || e[j] <= 0
                               ? 0.0 /* a unit that never moves: silent behind a relu */
                               : sqrt((e[i] * e[j] + c[i * n + j] * c[i * n + j]) / sqrt(neff[i] * neff[j]));
    SX_GO(ctx, status, done,
          put(ctx, d, "x_covariance_se", "unit,unit2", "state^2", "standard error of x_covariance (Gaussian estimate)",
              c));
done:
    sx_free(ctx, a);
    sx_free(ctx, c);
    return status;
}

static sx_status observed_dim(sx_ctx *ctx, const sx_reduction *d) {
    const sx_simulation *s = d->s;
    SX_TRY(ctx, sx_result_dim(ctx, d->result, s->group, "observed_unit", s->m));
    return put_labels(ctx, s, d->result, "observed_unit_label", "observed_unit", s->observed, s->m);
}

/* Sum of y over one observed replica and the part of it at the two ends that lag l leaves out. */
static double lagged(const sx_reduction *d, int64_t r, int64_t i, int64_t l, double sum, double mean) {
    const sx_simulation *s = d->s;
    int64_t block = r / s->b, at = i * s->b + r % s->b, size = s->m * s->b, N = s->samples, L = s->lags;
    const double *head = part(d, block, PART_HEAD), *ring = part(d, block, PART_RING), *lag = part(d, block, PART_LAG);
    double late = sum, early = sum;
    for (int64_t k = 0; k < l; k++) {
        late -= head[k * size + at];
        early -= ring[(N - 1 - k) % L * size + at];
    }
    double count = (double)(N - l);
    return lag[l * size + at] / count - mean * (late + early) / count + mean * mean;
}

/* C(l) = <(y(t) - M)(y(t+l) - M)> over the samples - l pairs, averaged over replicas; its error from their spread. */
static sx_status write_autocovariance(sx_ctx *ctx, const sx_reduction *d) {
    const sx_simulation *s = d->s;
    int64_t rows = s->lags + 1;
    double *c = NULL, *sums = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, 2 * rows * s->m, sizeof *c, &c));
    SX_GO(ctx, status, done, sx_alloc(ctx, s->replicas, sizeof *sums, &sums));
    for (int64_t i = 0; i < s->m; i++) {
        int64_t u = s->observed[i];
        for (int64_t r = 0; r < s->replicas; r++) {
            const double *sum = part(d, r / s->b, PART_SUM) + u * s->sums;
            sums[r] = sum[r % s->b];
            if (s->replicas ==
                1) { /* batches may leave samples out at the end: add up the whole from lag 0's partner */
                sums[0] = 0;
                for (int64_t k = 0; k < SX_BATCHES; k++) sums[0] += sum[k];
            }
        }
        for (int64_t l = 0; l < rows; l++) {
            for (int64_t r = 0; r < s->replicas; r++) {
                double mean = d->mean[u] - part(d, r / s->b, PART_SHIFT)[u];
                d->row[r] = lagged(d, r, i, l, sums[r], mean);
            }
            sx_mean_se(s->replicas, d->row, &c[l * s->m + i], &c[(rows + l) * s->m + i]);
        }
    }
    SX_GO(ctx, status, done, put_axis(ctx, s, d->result, "lag", rows, 0, (double)s->every * s->h, "time", "lag"));
    SX_GO(ctx, status, done, put(ctx, d, "x_autocovariance", "lag,observed_unit", "state^2", "autocovariance", c));
    SX_GO(ctx, status, done,
          put(ctx, d, "x_autocovariance_se", "lag,observed_unit", "state^2", "standard error of x_autocovariance",
              c + rows * s->m));
done:
    sx_free(ctx, sums);
    sx_free(ctx, c);
    return status;
}

/* S(w) = int C(t) e^{iwt} dt, two-sided: interval * |FFT|^2 / sum of squared window weights, averaged over windows and replicas. */
static sx_status write_psd(sx_ctx *ctx, const sx_reduction *d) {
    const sx_simulation *s = d->s;
    int64_t F = s->window / 2 + 1, windows = 1 + (s->samples - s->window) / (s->window / 2);
    double interval = (double)s->every * s->h;
    double norm = SX_MUTANT(psd_window) ? (double)s->window : s->kernels->dot(s->window, s->fft_window, s->fft_window);
    double weight = interval / norm / (double)windows;
    double *p = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, 2 * F * s->m, sizeof *p, &p));
    for (int64_t i = 0; i < s->m; i++)
        for (int64_t f = 0; f < F; f++) {
            for (int64_t r = 0; r < s->replicas; r++)
                d->row[r] = weight * part(d, r / s->b, PART_PSD)[(i * s->b + r % s->b) * F + f];
            sx_mean_se(s->replicas, d->row, &p[f * s->m + i], &p[(F + f) * s->m + i]);
        }
    SX_GO(ctx, status, done,
          put_axis(ctx, s, d->result, "frequency", F, 0, 1 / ((double)s->window * interval), "1/time",
                   "frequency (angular frequency over 2 pi)"));
    SX_GO(ctx, status, done,
          put(ctx, d, "x_psd", "frequency,observed_unit", "state^2 time", "two-sided power spectral density", p));
    SX_GO(ctx, status, done,
          put(ctx, d, "x_psd_se", "frequency,observed_unit", "state^2 time", "standard error of x_psd", p + F * s->m));
done:
    sx_free(ctx, p);
    return status;
}

static sx_status write_histogram(sx_ctx *ctx, const sx_reduction *d) {
    const sx_simulation *s = d->s;
    int64_t bins = s->o.histogram_bins;
    double width = (s->o.histogram_hi - s->o.histogram_lo) / (double)bins,
           total = (double)s->samples * (double)s->replicas;
    double *h = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, (bins + 2) * s->m, sizeof *h, &h));
    double *outside = h + bins * s->m;
    for (int64_t block = 0; block < s->blocks; block++) {
        const int64_t *count = sx_part_i64(s, d->states[block], PART_HISTOGRAM);
        for (int64_t i = 0; i < s->m; i++) {
            for (int64_t k = 0; k < bins; k++) h[i * bins + k] += (double)count[i * (bins + 2) + k + 1] / total / width;
            outside[i] += (double)(count[i * (bins + 2)] + count[i * (bins + 2) + bins + 1]) / total;
        }
    }
    SX_GO(ctx, status, done,
          put_axis(ctx, s, d->result, "bin", bins, s->o.histogram_lo + width / 2, width, "state", "centre of the bin"));
    SX_GO(ctx, status, done, put(ctx, d, "x_histogram", "observed_unit,bin", "1/state", "probability density", h));
    SX_GO(ctx, status, done,
          put(ctx, d, "x_outside", "observed_unit", "1", "fraction of samples outside the histogram", outside));
done:
    sx_free(ctx, h);
    return status;
}

static sx_status write_passages(sx_ctx *ctx, const sx_reduction *d) {
    const sx_simulation *s = d->s;
    int64_t T = s->n_targets;
    double *time = NULL, *rate = NULL, end = (double)s->steps * s->h;
    uint8_t *censored = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, s->replicas * T, sizeof *time, &time));
    SX_GO(ctx, status, done, sx_alloc(ctx, s->replicas * T, 1, &censored));
    SX_GO(ctx, status, done, sx_alloc(ctx, 2 * T, sizeof *rate, &rate));
    for (int64_t k = 0; k < T; k++) {
        int64_t events = 0;
        double exposure = 0;
        for (int64_t r = 0; r < s->replicas; r++) {
            double t = part(d, r / s->b, PART_PASSAGE)[k * s->b + r % s->b];
            censored[r * T + k] = (uint8_t)(isnan(t) != 0);
            time[r * T + k] = isnan(t) ? end : t;
            events += !isnan(t) || SX_MUTANT(passage_censored);
            exposure += time[r * T + k];
        }
        sx_censored_rate(events, exposure, &rate[k], &rate[T + k]);
    }
    SX_GO(ctx, status, done, sx_result_write(ctx, d->result, s->id_passage, NULL, NULL, time));
    SX_GO(ctx, status, done, sx_result_write(ctx, d->result, s->id_censored, NULL, NULL, censored));
    SX_GO(ctx, status, done, put(ctx, d, "passage_rate", "target", "1/time", "events over exposure", rate));
    SX_GO(ctx, status, done,
          put(ctx, d, "passage_rate_se", "target", "1/time", "standard error of passage_rate", rate + T));
done:
    sx_free(ctx, rate);
    sx_free(ctx, censored);
    sx_free(ctx, time);
    return status;
}

static sx_status write_final(sx_ctx *ctx, const sx_reduction *d) {
    const sx_simulation *s = d->s;
    double *row = NULL;
    sx_status status = SX_OK;
    SX_GO(ctx, status, done, sx_alloc(ctx, s->n, sizeof *row, &row));
    for (int64_t r = 0; r < s->replicas; r++) {
        const double *x = part(d, r / s->b, PART_X);
        int64_t start[2] = { r, 0 }, count[2] = { 1, s->n };
        for (int64_t u = 0; u < s->n; u++) row[u] = x[u * s->b + r % s->b];
        SX_GO(ctx, status, done, sx_result_write(ctx, d->result, s->id_final, start, count, row));
    }
done:
    sx_free(ctx, row);
    return status;
}

/* Theory beside the statistics: up to eight units by name, then the sum over all units. */
static sx_status write_theory(sx_ctx *ctx, const sx_reduction *d) {
    const sx_simulation *s = d->s;
    bool linear = strcmp(sx_model_name(s->model), "linear") == 0;
    if (s->o.compare == SX_COMPARE_NONE || (s->o.compare == SX_COMPARE_AUTO && !linear)) return SX_OK;
    double *mean = NULL, *cov = NULL;
    const char *source = "";
    bool found = false;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, 2 * s->n, sizeof *mean, &mean));
    SX_GO(ctx, status, done, sx_alloc(ctx, s->n * s->n, sizeof *cov, &cov));
    SX_GO(ctx, status, done, sx_linear_noise(ctx, s, d->mean, mean, cov, &source, &found));
    if (!found) {
        SX_GO(ctx, status, done,
              sx_result_warn(ctx, d->result, s->group, "no theory beside the statistics: %s", source));
        goto done;
    }
    double *variance = mean + s->n;
    for (int64_t u = 0; u < s->n; u++) variance[u] = cov[u * s->n + u];
    SX_GO(ctx, status, done, put(ctx, d, "x_mean_theory", "unit", "state", source, mean));
    SX_GO(ctx, status, done, put(ctx, d, "x_variance_theory", "unit", "state^2", source, variance));
    if (s->o.covariance)
        SX_GO(ctx, status, done, put(ctx, d, "x_covariance_theory", "unit,unit2", "state^2", source, cov));
    for (int64_t u = 0; u < s->n && u < 8; u++) {
        char label[64], name[128];
        snprintf(name, sizeof name, "variance of %s", sx_model_unit_label(s->model, u, label, sizeof label));
        sx_verdict v = { name, d->variance[u], d->variance_se[u], variance[u], source };
        SX_GO(ctx, status, done, sx_result_verdict(ctx, d->result, s->group, &v));
    }
    if (s->n > 1 && s->replicas > 1) { /* sum over units, its error from the spread between replicas */
        double N = (double)s->samples, m, se;
        for (int64_t r = 0; r < s->replicas; r++) {
            d->row[r] = 0;
            for (int64_t u = 0; u < s->n; u++) {
                int64_t block = r / s->b, at = u * s->b + r % s->b;
                double e = d->mean[u] - part(d, block, PART_SHIFT)[u], a = part(d, block, PART_SUM)[at];
                d->row[r] += (part(d, block, PART_SUMSQ)[at] - 2 * e * a) / N + e * e;
            }
        }
        sx_mean_se(s->replicas, d->row, &m, &se);
        sx_verdict v = { "variance, summed over all units", m, se, s->kernels->sum(s->n, variance), source };
        SX_GO(ctx, status, done, sx_result_verdict(ctx, d->result, s->group, &v));
    }
done:
    sx_free(ctx, cov);
    sx_free(ctx, mean);
    return status;
}

sx_status sx_simulate_finish(sx_ctx *ctx, const void *instance, const void *const *states, sx_result *result) {
    const sx_simulation *s = instance;
    sx_reduction d = { .s = s, .states = states, .result = result };
    int64_t rows = s->replicas > SX_BATCHES ? s->replicas : SX_BATCHES;
    double *memory = NULL;
    sx_status status;
    SX_GO(ctx, status, done, write_final(ctx, &d));
    if (s->n_targets > 0) SX_GO(ctx, status, done, write_passages(ctx, &d));
    if (s->section_of[PART_SHIFT] < 0) goto done;
    SX_GO(ctx, status, done, sx_alloc(ctx, 4 * s->n + 2 * rows, sizeof *memory, &memory));
    d.mean = memory;
    d.mean_se = d.mean + s->n;
    d.variance = d.mean_se + s->n;
    d.variance_se = d.variance + s->n;
    d.row = d.variance_se + s->n;
    reduce_moments(&d);
    if (s->o.moments) SX_GO(ctx, status, done, write_moments(ctx, &d));
    if (s->o.covariance) SX_GO(ctx, status, done, write_covariance(ctx, &d));
    if (s->lags > 0 || s->window > 0 || s->o.histogram_bins > 0) SX_GO(ctx, status, done, observed_dim(ctx, &d));
    if (s->lags > 0) SX_GO(ctx, status, done, write_autocovariance(ctx, &d));
    if (s->window > 0) SX_GO(ctx, status, done, write_psd(ctx, &d));
    if (s->o.histogram_bins > 0) SX_GO(ctx, status, done, write_histogram(ctx, &d));
    if (s->pilot_b > 0) SX_GO(ctx, status, done, sx_pilot_finish(ctx, s, states[s->blocks], result));
    if (s->o.moments) SX_GO(ctx, status, done, write_theory(ctx, &d));
done:
    sx_free(ctx, memory);
    return status;
}
