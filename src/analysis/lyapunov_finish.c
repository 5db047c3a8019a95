// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Results of `lyapunov`: averages over replicas and their errors. Samples are the replicas where there are at least MANY, else the batches
 * of time of all replicas; numbers that are not linear in the exponents take the jackknife over the same samples. */
#include "lyapunov_private.h"

#include "core/linalg.h"
#include "core/mutant.h"
#include "core/stats.h"
#include "run/stepper_tangent.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MANY = 8, THEORY_UNITS = 512 };

sx_status sx_lyapunov_define(sx_ctx *ctx, void *instance, sx_result *r) {
    static const char *const drift[] = { "F + c (kinetic)", "F (ito)", "F + c (stratonovich)", "F + c (covariant)" };
    const sx_lyapunov_run *s = instance;
    SX_TRY(ctx, sx_result_dim(ctx, r, s->group, "replica", s->o.replicas));
    SX_TRY(ctx, sx_result_dim(ctx, r, s->group, "exponent_index", s->k));
    SX_TRY(ctx, sx_result_attr_text(ctx, r, s->group, NULL, "task", "lyapunov"));
    SX_TRY(ctx, sx_result_attr_text(ctx, r, s->group, NULL, "method", sx_stepper_name(s->steppers[0])));
    SX_TRY(ctx, sx_result_attr_text(ctx, r, s->group, NULL, "drift",
                                    s->quiet || s->map ? "F" : drift[sx_model_calculus(s->model)]));
    SX_TRY(ctx, sx_result_attr_number(ctx, r, s->group, NULL, "dt", s->h));
    SX_TRY(ctx, sx_result_attr_number(ctx, r, s->group, NULL, "steps", (double)s->steps));
    SX_TRY(ctx, sx_result_attr_number(ctx, r, s->group, NULL, "burn_in_steps", (double)s->burn));
    SX_TRY(ctx, sx_result_attr_number(ctx, r, s->group, NULL, "transient_steps", (double)s->transient));
    return sx_result_attr_number(ctx, r, s->group, NULL, "replicas", (double)s->o.replicas);
}

/* -- samples -------------------------------------------------------------------------------------------------------------------- */

typedef struct reduction {
    const sx_lyapunov_run *s;
    const void *const *states;
    sx_result *result;
    const char *rate;  /* unit of exponents */
    int64_t width;     /* k + 1: exponents, then volume */
    int64_t samples;   /* rows of `sample` */
    double *sample;    /* [samples][width]: rates of a replica or of a batch of time */
    double *replica;   /* [replicas][width] */
    double *mean, *se; /* [width] */
    double *shared;    /* [width]: standard deviation of what all replicas share */
    double *sorted;    /* [k], scratch */
    int64_t zero;      /* the exponent along the flow, or -1 */
} reduction;

/* Difference of two sums that may both be -infinity: then the growth between them is -infinity, too. */
static double between(double now, double before) {
    return isinf(now) ? now : now - before;
}

/* What the ends of the run add to all replicas alike. An oscillation that keeps its phase (Roessler's) goes round in all replicas together; S(t) then has
 * a periodic part a(t) that their spread does not show, and the exponent is off by (a(T) - a(0))/T. Over pieces of time, the variance of the growth of the
 * mean over replicas, less what their spread explains, is that of a(t + piece) - a(t); of pieces of 1, 2, 4 and 8 marks the largest counts.
 * Independent replicas have none of it. */
static double shared_variance(const reduction *d, int64_t i) {
    const sx_lyapunov_run *s = d->s;
    const int64_t w = d->width, R = s->o.replicas;
    double most = 0;
    for (int64_t piece = 1; piece <= 8; piece *= 2) {
        const int64_t pieces = s->marks / piece;
        double squares = 0, within = 0;
        if (pieces < MANY) break;
        for (int64_t j = 0; j < pieces; j++) {
            const int64_t from = piece * j - 1, to = piece * (j + 1) - 1;
            const int64_t begin = from < 0 ? 0 : sx_lyapunov_mark(s, from), end = sx_lyapunov_mark(s, to);
            const double expected = d->mean[i] * (double)(end - begin) * s->h;
            double sum = 0, square = 0;
            for (int64_t q = 0; q < R; q++) {
                const double *marks = sx_lyapunov_at(s, d->states[q], PART_MARKS);
                const double growth = between(marks[to * w + i], from < 0 ? 0 : marks[from * w + i]) - expected;
                sum += growth / (double)R;
                square += growth * growth / (double)R;
            }
            squares += sum * sum / (double)pieces;
            within += (square - sum * sum) / (double)(R - 1) / (double)pieces;
        }
        most = fmax(most, squares - within);
    }
    return SX_MUTANT(lyapunov_shared) ? 0 : most;
}

static void collect(reduction *d) {
    const sx_lyapunov_run *s = d->s;
    const int64_t w = d->width, batches = d->samples / s->o.replicas;
    const double time = (double)s->steps * s->h;
    for (int64_t q = 0; q < s->o.replicas; q++) {
        const double *marks = sx_lyapunov_at(s, d->states[q], PART_MARKS);
        for (int64_t i = 0; i < w; i++) d->replica[q * w + i] = marks[(s->marks - 1) * w + i] / time;
        for (int64_t b = 0; b < batches; b++) {
            const int64_t from = s->marks * b / batches - 1, to = s->marks * (b + 1) / batches - 1;
            const int64_t begin = from < 0 ? 0 : sx_lyapunov_mark(s, from), end = sx_lyapunov_mark(s, to);
            for (int64_t i = 0; i < w; i++)
                d->sample[(q * batches + b) * w + i] =
                    between(marks[to * w + i], from < 0 ? 0 : marks[from * w + i]) / ((double)(end - begin) * s->h);
        }
    }
    for (int64_t i = 0; i < w; i++) {
        double sum = 0, squares = 0;
        for (int64_t q = 0; q < s->o.replicas; q++) sum += d->replica[q * w + i];
        d->mean[i] = sum / (double)s->o.replicas;
        for (int64_t b = 0; b < d->samples; b++)
            squares += (d->sample[b * w + i] - d->mean[i]) * (d->sample[b * w + i] - d->mean[i]);
        if (SX_MUTANT(lyapunov_se)) squares *= (double)d->samples;
        d->se[i] = isinf(d->mean[i])    ? 0 /* one singular step is enough: certain */
                   : d->samples >= MANY ? sqrt(squares / (double)d->samples / (double)(d->samples - 1))
                                        : (double)NAN;
        d->shared[i] = 0;
        if (isfinite(d->se[i]) && s->o.replicas >= MANY && !isinf(d->mean[i]))
            d->shared[i] = sqrt(shared_variance(d, i)) / time;
        d->se[i] = hypot(d->se[i], d->shared[i]);
    }
}

static int descending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

/* Kaplan and Yorke (1979): with S_j the sum of the j largest exponents and j the last with S_j >= 0,
 *     D = j + S_j / |lambda_{j+1}|;   N if every S_j >= 0, unknown (NaN) if more exponents than computed are wanted. */
static double kaplan_yorke(const reduction *d, const double *exponent) {
    const int64_t k = d->s->k;
    double sum = 0;
    memcpy(d->sorted, exponent, (size_t)k * sizeof *exponent);
    if (d->zero >= 0) d->sorted[d->zero] = 0;
    qsort(d->sorted, (size_t)k, sizeof *d->sorted, descending);
    for (int64_t j = 0; j < k; j++) {
        if (sum + d->sorted[j] < 0) return (double)j + sum / -d->sorted[j];
        sum += d->sorted[j];
    }
    return k == d->s->n ? (double)k : (double)NAN;
}

/* Pesin's formula: the entropy rate of a smooth measure; an upper bound in general (Ruelle). */
static double entropy_rate(const reduction *d, const double *exponent) {
    double sum = 0;
    for (int64_t i = 0; i < d->s->k; i++)
        if (exponent[i] > 0 && i != d->zero) sum += exponent[i];
    return sum;
}

static double total(const reduction *d, const double *exponent) {
    double sum = 0;
    for (int64_t i = 0; i < d->s->k; i++) sum += exponent[i];
    return sum;
}

/* A function of the mean exponents, its error by the jackknife: se^2 = (S-1)/S sum (f_(b) - mean f)^2. row: width numbers. */
static sx_status put_function(sx_ctx *ctx, const reduction *d, double (*f)(const reduction *, const double *),
                              const char *name, const char *units, const char *help, double *row) {
    const int64_t S = d->samples, w = d->width;
    const double value = f(d, d->mean);
    double mean = 0, squares = 0, se = (double)NAN;
    char error[64], text[96];
    for (int pass = 0; pass < 2; pass++)
        for (int64_t b = 0; b < S; b++) {
            for (int64_t i = 0; i < w; i++)
                row[i] = isinf(d->mean[i])
                             ? d->mean[i]
                             : d->mean[i] + (d->mean[i] - d->sample[b * w + i]) / (double)(S > 1 ? S - 1 : 1);
            const double v = f(d, row);
            if (pass == 0)
                mean += v / (double)S;
            else
                squares += (v - mean) * (v - mean);
        }
    if (S >= MANY && isfinite(value)) {
        se = (double)(S - 1) / (double)S * squares;
        memcpy(row, d->mean, (size_t)w * sizeof *row);
        for (int64_t i = 0; i < w; i++) {
            if (!(d->shared[i] > 0)) continue;
            row[i] += d->shared[i];
            se += (f(d, row) - value) * (f(d, row) - value);
            row[i] = d->mean[i];
        }
        se = sqrt(se);
    }
    if (isinf(value)) se = 0;
    (void)snprintf(error, sizeof error, "%s_se", name);
    (void)snprintf(text, sizeof text, "standard error of %s", name);
    SX_TRY(ctx, sx_result_put(ctx, d->result, d->s->group, name, "", units, help, &value));
    return sx_result_put(ctx, d->result, d->s->group, error, "", units, text, &se);
}

/* -- outputs -------------------------------------------------------------------------------------------------------------------- */

static sx_status put_exponents(sx_ctx *ctx, const reduction *d) {
    const sx_lyapunov_run *s = d->s;
    const char *help = s->map ? "Lyapunov exponents, per step" : "Lyapunov exponents";
    SX_TRY(ctx, sx_result_put(ctx, d->result, s->group, "exponent", "exponent_index", d->rate, help, d->mean));
    SX_TRY(ctx, sx_result_put(ctx, d->result, s->group, "exponent_se", "exponent_index", d->rate,
                              s->o.replicas >= MANY ? "standard error, from the spread between replicas"
                                                    : "standard error, from batches of time",
                              d->se));
    if (s->o.replicas == 1) return SX_OK;
    double *v = NULL;
    SX_TRY(ctx, sx_alloc(ctx, s->o.replicas * s->k, sizeof *v, &v));
    for (int64_t q = 0; q < s->o.replicas; q++)
        memcpy(v + q * s->k, d->replica + q * d->width, (size_t)s->k * sizeof *v);
    const sx_status status = sx_result_put(ctx, d->result, s->group, "exponent_replica", "replica,exponent_index",
                                           d->rate, "Lyapunov exponents of each replica", v);
    sx_free(ctx, v);
    return status;
}

/* trace(t, i): the sum up to a mark over the time up to it, averaged over replicas */
static sx_status put_trace(sx_ctx *ctx, const reduction *d) {
    const sx_lyapunov_run *s = d->s;
    const int64_t M = s->marks, k = s->k;
    double *v = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, M * k + M, sizeof *v, &v));
    for (int64_t j = 0; j < M; j++) {
        const double time = (double)sx_lyapunov_mark(s, j) * s->h;
        v[M * k + j] = time;
        for (int64_t q = 0; q < s->o.replicas; q++)
            for (int64_t i = 0; i < k; i++)
                v[j * k + i] +=
                    sx_lyapunov_at(s, d->states[q], PART_MARKS)[j * d->width + i] / time / (double)s->o.replicas;
    }
    SX_GO(ctx, status, done, sx_result_dim(ctx, d->result, s->group, "time", M));
    SX_GO(ctx, status, done,
          sx_result_put(ctx, d->result, s->group, "time", "time", s->map ? "1" : "time",
                        "time since the start of the measurement", v + M * k));
    SX_GO(ctx, status, done,
          sx_result_put(ctx, d->result, s->group, "trace", "time,exponent_index", d->rate,
                        "exponents from the start of the measurement up to a time", v));
done:
    sx_free(ctx, v);
    return status;
}

/* Linear models: the step is x' = M x + noise, its exponents ln |eigenvalue of M| / h. M: the tangent of one step on the unit vectors. */
static sx_status put_theory(sx_ctx *ctx, const reduction *d) {
    const sx_lyapunov_run *s = d->s;
    const int64_t n = s->n;
    const sx_model *m = sx_lyapunov_model(s, 0);
    if (strcmp(sx_model_name(m), "linear") != 0 || n > THEORY_UNITS ||
        sx_noise_class_of(sx_model_noise(m)) > SX_NOISE_ADDITIVE_MATRIX)
        return SX_OK;
    double *p = NULL, *M, *re, *im;
    sx_work w = { NULL, sx_tangent_work(s->steppers[0], n), NULL, 0 };
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, w.doubles, sizeof *w.p, &w.p));
    SX_GO(ctx, status, done, sx_alloc(ctx, n * n + 3 * n, sizeof *p, &p));
    M = p, re = p + n * n, im = re + n;
    for (int64_t i = 0; i < n; i++) M[i * n + i] = 1;
    SX_GO(
        ctx, status, done,
        sx_tangent_step_with(ctx, s->steppers[0], 0, (sx_batch){ im + n, n, 1 }, (sx_batch){ M, n, n }, NULL, NULL, w));
    SX_GO(ctx, status, done, sx_eigenvalues(ctx, n, M, re, im));
    for (int64_t i = 0; i < n; i++) re[i] = log(hypot(re[i], im[i])) / s->h;
    qsort(re, (size_t)n, sizeof *re, descending);
    SX_GO(ctx, status, done,
          sx_result_put(ctx, d->result, s->group, "exponent_theory", "exponent_index", d->rate,
                        "ln |multiplier of a step| / dt", re));
done:
    sx_free(ctx, p);
    sx_free(ctx, w.p);
    return status;
}

/* An autonomous flow that does not come to rest has an exponent 0 along itself: |F| neither grows nor decays. Which one it is: the nearest
 * to 0. The speeds tell rest from motion; rounding keeps them above about 1e-13 of the sizes. */
static int64_t zero_exponent(const reduction *d) {
    const sx_lyapunov_run *s = d->s;
    int64_t best = 0;
    if (!s->autonomous) return -1;
    for (int64_t q = 0; q < s->o.replicas; q++) {
        const double *v = sx_lyapunov_at(s, d->states[q], PART_SPEED), *x = sx_lyapunov_at(s, d->states[q], PART_X);
        double size = 0;
        for (int64_t u = 0; u < s->n; u++) size = fmax(size, fabs(x[u]));
        const double least = 1e-9 * fmax(size, 1e-300) / ((double)s->steps * s->h);
        if (!(v[0] > least && v[1] > least && v[1] < 1e3 * v[0] && v[0] < 1e3 * v[1])) return -1;
    }
    for (int64_t i = 1; i < s->k; i++)
        if (fabs(d->mean[i]) < fabs(d->mean[best])) best = i;
    /* not among the computed ones when all of these are clearly positive */
    const double resolution = 10 / ((double)s->steps * s->h) + 5 * (isfinite(d->se[best]) ? d->se[best] : 0);
    return s->k == s->n || fabs(d->mean[best]) < resolution ? best : -1;
}

static sx_status judge(sx_ctx *ctx, const reduction *d) {
    const sx_lyapunov_run *s = d->s;
    const double resolution = 1 / ((double)s->steps * s->h);
    int64_t dependent = 0, singular = 0, factors = 0;
    if (d->zero >= 0) {
        const double se = d->se[d->zero];
        sx_verdict v = { "the exponent of the flow along itself", d->mean[d->zero],
                         isfinite(se) ? hypot(se, resolution) : resolution, 0,
                         "0 for an autonomous flow that does not come to rest (Haken 1983)" };
        SX_TRY(ctx, sx_result_verdict(ctx, d->result, s->group, &v));
    }
    for (int64_t q = 0; q < s->o.replicas; q++) {
        const int64_t *clock = sx_lyapunov_clock_of(s, d->states[q]);
        dependent += clock[CLOCK_DEPENDENT];
        singular += clock[CLOCK_SINGULAR];
        factors += clock[CLOCK_FACTORS];
    }
    const double mean = (double)s->steps * (double)s->o.replicas / (double)factors;
    SX_TRY(ctx, sx_result_put(ctx, d->result, s->group, "interval_mean", "", "1",
                              "mean number of steps between QR factors", &mean));
    if (dependent > 0)
        SX_TRY(
            ctx,
            sx_result_warn(
                ctx, d->result, s->group,
                "In %lld of %lld intervals the columns of the frame became nearly dependent: the smaller exponents are "
                "not known. Want orthonormalise_every below %lld, or left out.",
                (long long)dependent, (long long)factors, (long long)ceil(mean)));
    if (singular > 0)
        SX_TRY(
            ctx,
            sx_result_warn(
                ctx, d->result, s->group,
                "In %lld of %lld steps the derivative of the step is singular to working precision: exponents that are "
                "-infinity are meant so.",
                (long long)singular, (long long)factors));
    if (isnan(kaplan_yorke(d, d->mean)))
        SX_TRY(ctx,
               sx_result_warn(
                   ctx, d->result, s->group,
                   "The sum of the %lld exponents is still positive: the Kaplan-Yorke dimension needs more of them.",
                   (long long)s->k));
    return SX_OK;
}

/* Replicas that disagree by more than their own batches of time allow have probably found different attractors. */
static sx_status compare_replicas(sx_ctx *ctx, const reduction *d) {
    const sx_lyapunov_run *s = d->s;
    const int64_t B = SX_LYAPUNOV_BATCHES, M = s->marks, w = d->width;
    if (s->o.replicas < 2 || M < B || !isfinite(d->mean[0])) return SX_OK;
    double chi2 = 0, low = INFINITY, high = -INFINITY;
    for (int64_t q = 0; q < s->o.replicas; q++) {
        const double *marks = sx_lyapunov_at(s, d->states[q], PART_MARKS);
        double rates[SX_LYAPUNOV_BATCHES], mean, se;
        for (int64_t b = 0; b < B; b++) {
            const int64_t from = M * b / B - 1, to = M * (b + 1) / B - 1;
            const int64_t begin = from < 0 ? 0 : sx_lyapunov_mark(s, from), end = sx_lyapunov_mark(s, to);
            rates[b] = (marks[to * w] - (from < 0 ? 0 : marks[from * w])) / ((double)(end - begin) * s->h);
        }
        sx_mean_se(B, rates, &mean, &se);
        const double own = d->replica[q * w], width = hypot(se, 1 / ((double)s->steps * s->h));
        chi2 += (own - d->mean[0]) * (own - d->mean[0]) / (width * width);
        low = fmin(low, own);
        high = fmax(high, own);
    }
    if (!(sx_chi2_p(chi2, (double)(s->o.replicas - 1)) < 1e-6)) return SX_OK;
    return sx_result_warn(
        ctx, d->result, s->group,
        "The largest exponents of the replicas lie between %.4g and %.4g, further apart than their errors: several "
        "attractors, or longer transients than burn_in. See exponent_replica.",
        low, high);
}

static sx_status write_all(sx_ctx *ctx, const reduction *d, double *row) {
    const sx_lyapunov_run *s = d->s;
    SX_TRY(ctx, put_exponents(ctx, d));
    SX_TRY(ctx, put_theory(ctx, d));
    SX_TRY(ctx, put_function(ctx, d, total, "exponent_sum", d->rate, "sum of the computed exponents", row));
    SX_TRY(ctx, put_function(ctx, d, entropy_rate, "entropy_rate", d->rate, "sum of the positive exponents", row));
    SX_TRY(ctx, put_function(ctx, d, kaplan_yorke, "kaplan_yorke", "1", "Kaplan-Yorke dimension", row));
    if (s->volume) {
        SX_TRY(ctx,
               sx_result_put(ctx, d->result, s->group, "divergence_mean", "", d->rate,
                             s->map ? "mean of ln |det J| along the trajectory" : "mean of tr J along the trajectory",
                             &d->mean[s->k]));
        SX_TRY(ctx, sx_result_put(ctx, d->result, s->group, "divergence_mean_se", "", d->rate, "standard error",
                                  &d->se[s->k]));
    }
    if (s->o.trace) SX_TRY(ctx, put_trace(ctx, d));
    SX_TRY(ctx, judge(ctx, d));
    SX_TRY(ctx, compare_replicas(ctx, d));
    return s->o.covariant ? sx_lyapunov_put_covariant(ctx, s, d->states, d->result) : SX_OK;
}

sx_status sx_lyapunov_finish(sx_ctx *ctx, const void *instance, const void *const *states, sx_result *result) {
    const sx_lyapunov_run *s = instance;
    const int64_t w = s->k + 1, R = s->o.replicas;
    const int64_t batches = R >= MANY ? 1 : s->marks < SX_LYAPUNOV_BATCHES ? 1 : SX_LYAPUNOV_BATCHES;
    double *p = NULL;
    SX_TRY(ctx, sx_alloc(ctx, (R * batches + R + 5) * w, sizeof *p, &p));
    reduction d = { .s = s,
                    .states = states,
                    .result = result,
                    .rate = s->map ? "1" : "1/time",
                    .width = w,
                    .samples = R * batches,
                    .sample = p,
                    .replica = p + R * batches * w,
                    .zero = -1 };
    d.mean = d.replica + R * w;
    d.se = d.mean + w;
    d.shared = d.se + w;
    d.sorted = d.shared + w;
    collect(&d);
    d.zero = zero_exponent(&d);
    const sx_status status = write_all(ctx, &d, d.sorted + w);
    sx_free(ctx, p);
    return status;
}
