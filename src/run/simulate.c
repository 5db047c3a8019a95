// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The task `simulate`: one work item is one block of replicas, stepped and observed segment by segment; the last item may be the
 * pilot at half the step.
 *
 *   open     1 check options against the model   2 fix step, counts, segments   3 lay out the state   4 create the steppers
 *   advance  1 step to the next event   2 observe   3 repeat to the end of the segment   4 look for a blow-up   5 write records
 */
#include "simulate_private.h"

#include "core/mutant.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

extern const sx_output sx_simulate_outputs[];

#define SEGMENT_FLOPS    4e8        /* work of one segment: some tens of milliseconds */
#define RECORD_BYTES     (32 << 20) /* most bytes of records held by one worker */
#define COVARIANCE_LIMIT 8192       /* units */

/* -- options ------------------------------------------------------------------------------------------------------------------ */

static sx_status copy_values(sx_ctx *ctx, const double *from, int64_t n, double **out) {
    SX_TRY(ctx, sx_alloc(ctx, n, sizeof **out, out));
    memcpy(*out, from, sizeof(double) * (size_t)n);
    return SX_OK;
}

/* Units of a selection, or the first `most` units. */
static sx_status select_units(sx_ctx *ctx, const sx_simulation *s, const char *what, sx_units u, int64_t most,
                              int64_t **out, int64_t *n) {
    *n = u.n > 0 ? u.n : s->n < most ? s->n : most;
    SX_TRY(ctx, sx_alloc(ctx, *n, sizeof **out, out));
    for (int64_t i = 0; i < *n; i++) {
        (*out)[i] = u.n > 0 ? u.index[i] : i;
        if ((*out)[i] < 0 || (*out)[i] >= s->n)
            return SX_FAIL(ctx, SX_E_USAGE, "%s: unit %lld: the model has units 0 to %lld", what, (long long)(*out)[i],
                           (long long)(s->n - 1));
        if (i > 0 && (*out)[i] <= (*out)[i - 1])
            return SX_FAIL(ctx, SX_E_USAGE, "%s: units must be in increasing order and different", what);
    }
    return SX_OK;
}

/* A time as a whole number of steps. */
static sx_status whole_steps(sx_ctx *ctx, const char *name, double time, double h, int64_t *steps) {
    double k = nearbyint(time / h);
    if (!(k < (double)SX_STEP_LIMIT))
        return SX_FAIL(ctx, SX_E_USAGE, "%s = %g: more than 2^48 steps of dt = %g", name, time, h);
    if (fabs(k * h - time) > 1e-9 * fabs(time) + 1e-12 * h)
        return SX_FAIL(ctx, SX_E_USAGE, "%s = %.15g is not a whole number of steps of dt = %.15g; nearest: %.15g", name,
                       time, h, k * h);
    *steps = (int64_t)k;
    return SX_OK;
}

/* dt left out: 0.05 over the spectral radius of the Jacobian at the first initial state, so that the interval that matters (between
 * records, else the duration) is a whole number of steps. */
static sx_status choose_dt(sx_ctx *ctx, sx_simulation *s) {
    double *x = NULL, radius = 0;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, s->n * s->b, sizeof *x, &x));
    sx_simulate_initial(s, 0, (sx_batch){ x, s->n, s->b });
    for (int64_t u = 0; u < s->n; u++) x[u] = x[u * s->b];
    SX_GO(ctx, status, done, sx_model_stiffness(ctx, s->model, x, &radius));
    double interval = s->o.record.given && s->o.record.every > 0 ? s->o.record.every : s->o.duration;
    double most = radius > 0 ? 0.05 / radius : interval / 1000;
    s->h = interval / ceil(interval / most);
    sx_log(ctx, SX_LOG_INFO, "task '%s': dt = %.6g (spectral radius of the Jacobian about %.4g)", s->group, s->h,
           radius);
done:
    sx_free(ctx, x);
    return status;
}

static sx_status set_times(sx_ctx *ctx, sx_simulation *s) {
    const sx_simulate_opts *o = &s->o;
    bool map = sx_model_kind(s->model) != SX_FLOW;
    int64_t k = 0;
    if (map) {
        double length = sx_model_input_end(s->model); /* steps left out: as long as the samples of the input last */
        bool sampled = isfinite(length) && length >= 1 && length < (double)SX_STEP_LIMIT;
        if (o->steps <= 0 && !sampled)
            return SX_FAIL(ctx, SX_E_USAGE, "simulate.steps is required for a map (a whole number >= 1)");
        if (o->duration > 0 || o->dt > 0)
            return SX_FAIL(ctx, SX_E_USAGE,
                           "simulate.duration and simulate.dt are for flows; this model is a map: give steps");
        s->h = 1;
        s->steps = o->steps > 0 ? o->steps : (int64_t)(length * (1 + 1e-12));
    } else {
        if (!(o->duration > 0))
            return SX_FAIL(ctx, SX_E_USAGE, "simulate.duration is required for a flow (a time > 0)");
        if (o->steps > 0)
            return SX_FAIL(ctx, SX_E_USAGE, "simulate.steps is for maps; this model is a flow: give duration and dt");
        s->h = o->dt;
        if (o->dt == 0) SX_TRY(ctx, choose_dt(ctx, s));
        SX_TRY(ctx, whole_steps(ctx, "simulate.duration", o->duration, s->h, &s->steps));
    }
    s->burn = SX_MUTANT(burn_in) ? 0 : (int64_t)ceil(o->burn_in / s->h - 1e-9);
    s->t0 = -(double)s->burn * s->h;
    double end = sx_model_input_end(s->model);
    if (isfinite(end)) {
        if (s->burn > 0)
            return SX_FAIL(ctx, SX_E_USAGE,
                           "simulate.burn_in = %g: an input from a file starts at time 0; use burn_in = 0", o->burn_in);
        if ((double)s->steps * s->h > end * (1 + 1e-12))
            return SX_FAIL(
                ctx, SX_E_USAGE,
                "simulate.duration = %g runs past the end of the input at %g; shorten it or write hold = \"last\"",
                (double)s->steps * s->h, end);
    }
    s->every = map ? 1 : 4;
    if (o->sample_every > 0) SX_TRY(ctx, whole_steps(ctx, "simulate.sample_every", o->sample_every, s->h, &s->every));
    if (s->every < 1) s->every = 1;
    if (s->every > s->steps) s->every = s->steps;
    s->samples = s->steps / s->every;
    if (o->record.given) {
        s->record_every = 1;
        if (o->record.every > 0)
            SX_TRY(ctx, whole_steps(ctx, "simulate.record.every", o->record.every, s->h, &s->record_every));
        if (s->record_every < 1) s->record_every = 1;
        s->records = s->steps / s->record_every + 1;
    }
    if (o->max_lag > 0) {
        SX_TRY(ctx, whole_steps(ctx, "simulate.max_lag", o->max_lag, s->h, &k));
        s->lags = k / s->every;
        if (s->lags < 1 || s->lags >= s->samples)
            return SX_FAIL(
                ctx, SX_E_USAGE,
                "simulate.max_lag = %g: want at least one sample interval (%g) and less than the recorded time (%g)",
                o->max_lag, (double)s->every * s->h, (double)s->steps * s->h);
    }
    return SX_OK;
}

static sx_status check_observers(sx_ctx *ctx, sx_simulation *s) {
    const sx_simulate_opts *o = &s->o;
    if (o->psd) {
        if (o->psd_window & (o->psd_window - 1))
            return SX_FAIL(ctx, SX_E_USAGE, "simulate.psd_window = %lld: want a power of two",
                           (long long)o->psd_window);
        if (o->psd_window > s->samples)
            return SX_FAIL(ctx, SX_E_USAGE, "simulate.psd_window = %lld samples, but the run has only %lld (every %g)",
                           (long long)o->psd_window, (long long)s->samples, (double)s->every * s->h);
        s->window = o->psd_window;
    }
    if (o->histogram_bins > 0 && !(o->histogram_hi > o->histogram_lo))
        return SX_FAIL(ctx, SX_E_USAGE, "simulate.histogram_hi = %g: want more than histogram_lo = %g", o->histogram_hi,
                       o->histogram_lo);
    if (o->covariance && s->n > COVARIANCE_LIMIT)
        return SX_FAIL(ctx, SX_E_USAGE,
                       "simulate.covariance: %lld units need a %lld x %lld matrix per block; the limit is %d units",
                       (long long)s->n, (long long)s->n, (long long)s->n, COVARIANCE_LIMIT);
    if (o->energy && !sx_model_has(s->model, "potential"))
        return SX_FAIL(ctx, SX_E_UNSUPPORTED,
                       "simulate.energy needs the operation 'potential', which the model '%s' does not have",
                       sx_model_name(s->model));
    if (o->energy && !o->record.given)
        return SX_FAIL(ctx, SX_E_USAGE, "simulate.energy needs record = { every = ... }");
    s->n_targets = o->first_passage.n;
    s->targets = o->first_passage.items;
    for (int64_t k = 0; k < s->n_targets; k++) {
        const sx_target *g = &s->targets[k];
        bool level = !isnan(g->above) || !isnan(g->below), ball = g->radius > 0;
        if (level == ball || (level && g->unit.n != 1) || (ball && g->centre.n != 1 && g->centre.n != s->n))
            return SX_FAIL(ctx, SX_E_USAGE,
                           "simulate.first_passage '%s': want unit = [one unit] with above or below, or centre (1 or "
                           "%lld numbers) with radius > 0",
                           g->name, (long long)s->n);
        if (level && (g->unit.index[0] < 0 || g->unit.index[0] >= s->n))
            return SX_FAIL(ctx, SX_E_USAGE, "simulate.first_passage '%s': unit %lld: the model has units 0 to %lld",
                           g->name, (long long)g->unit.index[0], (long long)(s->n - 1));
    }
    return SX_OK;
}

static sx_status set_initial(sx_ctx *ctx, sx_simulation *s) {
    const sx_initial *i = &s->o.initial;
    if (i->kind != SX_INITIAL_VALUES) return SX_OK;
    if (i->values.n != 1 && (i->values.n == 0 || i->values.n % s->n))
        return SX_FAIL(ctx, SX_E_USAGE, "simulate.initial: %lld numbers for %lld units", (long long)i->values.n,
                       (long long)s->n);
    s->x0_points = i->values.n == 1 ? 1 : i->values.n / s->n;
    if (i->values.n != 1) return copy_values(ctx, i->values.data, i->values.n, &s->x0);
    SX_TRY(ctx, sx_alloc(ctx, s->n, sizeof *s->x0, &s->x0));
    for (int64_t u = 0; u < s->n; u++) s->x0[u] = i->values.data[0];
    return SX_OK;
}

/* -- state -------------------------------------------------------------------------------------------------------------------- */

static void add_part(sx_simulation *s, sx_part part, const char *name, sx_dtype dtype, int64_t count) {
    s->section_of[part] = s->n_sections;
    s->sections[s->n_sections++] = (sx_section){ name, dtype, count, s->state_bytes };
    s->state_bytes += ((size_t)count * 8 + 63) / 64 * 64;
}

static void lay_out(sx_simulation *s) {
    int64_t n = s->n, b = s->b, mb = s->m * b;
    bool sums = s->o.moments || s->o.covariance || s->lags > 0 || s->window > 0 || s->o.histogram_bins > 0;
    for (int i = 0; i < PART_COUNT; i++) s->section_of[i] = -1;
    s->sums = s->replicas > 1 ? b : SX_BATCHES;
    add_part(s, PART_STEP, "step", SX_DT_I64, 1);
    add_part(s, PART_X, "x", SX_DT_F64, n * b);
    if (sums) {
        add_part(s, PART_SHIFT, "shift", SX_DT_F64, n);
        add_part(s, PART_SUM, "sum", SX_DT_F64, n * s->sums);
        add_part(s, PART_SUMSQ, "sumsq", SX_DT_F64, n * s->sums);
    }
    if (s->o.covariance) add_part(s, PART_COV, "covariance", SX_DT_F64, n * n);
    if (s->lags > 0) {
        add_part(s, PART_HEAD, "lag_head", SX_DT_F64, s->lags * mb);
        add_part(s, PART_RING, "lag_ring", SX_DT_F64, s->lags * mb);
        add_part(s, PART_LAG, "lag_sum", SX_DT_F64, (s->lags + 1) * mb);
    }
    if (s->window > 0) {
        add_part(s, PART_WINDOW, "psd_window", SX_DT_F64, s->window * mb);
        add_part(s, PART_PSD, "psd_sum", SX_DT_F64, (s->window / 2 + 1) * mb);
    }
    if (s->o.histogram_bins > 0) add_part(s, PART_HISTOGRAM, "histogram", SX_DT_I64, s->m * (s->o.histogram_bins + 2));
    if (s->n_targets > 0) add_part(s, PART_PASSAGE, "passage", SX_DT_F64, s->n_targets * b);
}

static int64_t records_in_segment(const sx_simulation *s) {
    return s->records > 0 ? s->segment / s->record_every + 2 : 0;
}

/* Doubles of a worker's scratch: steppers' work | copy of x | centred sample | FFT | records | energies | one replica's rows. */
static int64_t scratch_doubles(const sx_simulation *s) {
    int64_t nb = s->n * s->b, t = records_in_segment(s);
    int64_t fft = s->window > 0 ? 3 * s->window + 8 + sx_fft_scratch(s->fft) / 8 + 8 : 0;
    int64_t mine = s->work + 3 * nb + fft + t * (s->n_recorded * s->b + s->b + s->n_recorded) + 64;
    int64_t pilot = s->pilot_b > 0 ? sx_pilot_scratch(s) : 0;
    return mine > pilot ? mine : pilot;
}

static sx_status make_pilot(sx_ctx *ctx, sx_simulation *s) {
    sx_method method = sx_stepper_method(s->stepper);
    bool fits = s->o.pilot && s->section_of[PART_SUM] >= 0 && s->o.moments && s->replicas > 1 &&
                sx_noise_class_of(sx_model_noise(s->model)) != SX_NOISE_NONE &&
                (method == SX_METHOD_EULER_MARUYAMA || method == SX_METHOD_HEUN || method == SX_METHOD_MILSTEIN ||
                 method == SX_METHOD_SRA);
    if (!fits) return SX_OK;
    SX_TRY(ctx, sx_stepper_create(ctx, s->model, method, s->h / 2, s->o.rtol, s->o.atol, &s->half));
    s->pilot_b = s->b / 2 < 16 ? s->b / 2 / 4 * 4 : 16;
    if (s->pilot_b > s->replicas) s->pilot_b = s->replicas / 2 * 2;
    if (s->pilot_b < 2) s->pilot_b = 0;
    int64_t work = sx_stepper_work(s->half, s->pilot_b);
    if (work > s->work) s->work = work;
    return SX_OK;
}

/* -- task operations ---------------------------------------------------------------------------------------------------------- */

static void close_simulation(sx_ctx *ctx, void *instance) {
    sx_simulation *s = instance;
    if (!s) return;
    sx_stepper_free(ctx, s->stepper);
    sx_stepper_free(ctx, s->half);
    sx_fft_free(ctx, s->fft);
    sx_free(ctx, s->fft_window);
    sx_free(ctx, s->observed);
    sx_free(ctx, s->recorded);
    sx_free(ctx, s->x0);
    sx_free(ctx, s->group);
    sx_model_free(ctx, s->model);
    sx_free(ctx, s);
}

static sx_status make_window(sx_ctx *ctx, sx_simulation *s) {
    if (s->window == 0) return SX_OK;
    SX_TRY(ctx, sx_fft_create(ctx, s->window, &s->fft));
    SX_TRY(ctx, sx_alloc(ctx, s->window, sizeof *s->fft_window, &s->fft_window));
    for (int64_t t = 0; t < s->window; t++) { /* periodic Hann: (1 - cos(2 pi t/W))/2 */
        double x = 2.0 * (double)t / (double)s->window, c;
        s->kernels->sincospi(1, &x, NULL, &c);
        s->fft_window[t] = 0.5 * (1 - c);
    }
    return SX_OK;
}

static void fill_plan(const sx_simulation *s, sx_plan *plan) {
    double total = (double)(s->burn + s->steps), step = sx_stepper_flops(s->stepper) * (double)s->b;
    int64_t size = s->o.record.dtype == 1 ? 4 : 8;
    int64_t stored = s->replicas * (s->records * (s->n_recorded * size + (s->o.energy ? 8 : 0)) + s->n * 8);
    *plan = (sx_plan){ .n_items = s->blocks + (s->pilot_b > 0),
                       .state_bytes = s->state_bytes,
                       .sections = s->sections,
                       .n_sections = s->n_sections,
                       .scratch_bytes = (size_t)scratch_doubles(s) * 8,
                       .shared_bytes = (size_t)(s->window + s->x0_points * s->n + s->m + s->n_recorded) * 8,
                       .result_bytes = 8 * (8 * s->n + (s->o.covariance ? 2 * s->n * s->n : 0) +
                                            2 * (s->lags + s->window / 2 + 2) * s->m + s->m * s->o.histogram_bins +
                                            2 * s->n_targets * s->replicas),
                       .disk_bytes = 2 * stored,
                       .flops = step * total * (double)s->blocks,
                       .segments = ceil(total / (double)s->segment) };
    plan->disk_bytes += plan->result_bytes + 4 * plan->n_items * (int64_t)s->state_bytes;
}

static sx_status open_steps(sx_ctx *ctx, sx_simulation *s) {
    s->n = sx_model_n(s->model);
    s->kernels = sx_kernels_get(NULL);
    s->replicas = s->o.replicas_trials ? sx_model_trials(s->model) : s->o.replicas;
    int64_t block = s->o.block_ > 0 ? s->o.block_ : sx_model_block(s->model);
    if (SX_MUTANT(thread_blocks)) block = 8 * sx_ctx_threads(ctx);
    int64_t need = (s->replicas + 7) / 8 * 8;
    s->b = need < block ? need : block;
    s->blocks = (s->replicas + s->b - 1) / s->b;
    SX_TRY(ctx, set_initial(ctx, s));
    SX_TRY(ctx, set_times(ctx, s));
    SX_TRY(ctx, check_observers(ctx, s));
    SX_TRY(ctx, select_units(ctx, s, "simulate.units", s->o.units, 16, &s->observed, &s->m));
    if (s->records > 0)
        SX_TRY(ctx,
               select_units(ctx, s, "simulate.record.units", s->o.record.units, s->n, &s->recorded, &s->n_recorded));
    SX_TRY(ctx, make_window(ctx, s));
    SX_TRY(ctx, sx_stepper_create(ctx, s->model, (sx_method)s->o.method, s->h, s->o.rtol, s->o.atol, &s->stepper));
    s->work = sx_stepper_work(s->stepper, s->b);
    lay_out(s);
    SX_TRY(ctx, make_pilot(ctx, s));
    double per_step = sx_stepper_flops(s->stepper) * (double)s->b + 1;
    double most = SEGMENT_FLOPS / per_step;
    s->segment = most < 1 ? 1 : most > 1e6 ? 1000000 : (int64_t)most;
    if (s->o.segment_ > 0) s->segment = s->o.segment_;
    if (s->records > 0) {
        int64_t fit = RECORD_BYTES / (s->n_recorded * s->b * 8) * s->record_every;
        if (fit < 1) fit = 1;
        if (s->segment > fit) s->segment = fit;
    }
    return SX_OK;
}

static sx_status open_simulation(sx_ctx *ctx, const sx_model *m, const void *opts, sx_key key, const char *group,
                                 void **instance, sx_plan *plan) {
    const sx_simulate_opts *o = opts;
    sx_simulation *s = NULL;
    sx_status status;
    if (o->struct_size != sizeof *o)
        return SX_FAIL(ctx, SX_E_USAGE, "simulate: options are not initialised (sx_fields_default and struct_size)");
    SX_TRY(ctx, sx_fields_check(ctx, sx_simulate_fields, o, "simulate"));
    SX_TRY(ctx, sx_alloc(ctx, 1, sizeof *s, &s));
    s->o = *o;
    s->key = sx_key_derive(key, "dW", 0);
    s->key_initial = sx_key_derive(o->initial.has_key ? o->initial.key : key, "initial", 0);
    s->key_pilot = sx_key_derive(key, "pilot", 0);
    s->model = sx_model_ref(m);
    SX_GO(ctx, status, fail, sx_strdup(ctx, group, &s->group));
    SX_GO(ctx, status, fail, open_steps(ctx, s));
    fill_plan(s, plan);
    *instance = s;
    return SX_OK;
fail:
    close_simulation(ctx, s);
    return status;
}

void sx_simulate_initial(const sx_simulation *s, int64_t replica0, sx_batch x) {
    const sx_initial *i = &s->o.initial;
    int64_t size = x.n * x.b;
    switch ((sx_initial_kind)i->kind) {
    case SX_INITIAL_ZERO:
        memset(x.x, 0, sizeof(double) * (size_t)size);
        break;
    case SX_INITIAL_VALUES:
        for (int64_t u = 0; u < x.n; u++)
            for (int64_t r = 0; r < x.b; r++) x.x[u * x.b + r] = s->x0[(replica0 + r) % s->x0_points * s->n + u];
        break;
    case SX_INITIAL_GAUSSIAN:
        sx_normal_fill(s->key_initial, 0, SX_SLOT_INITIAL, replica0, x.n, x.b, x.x);
        for (int64_t k = 0; k < size; k++) x.x[k] = i->mean + i->sd * x.x[k];
        break;
    case SX_INITIAL_UNIFORM:
        sx_uniform_fill(s->key_initial, 0, SX_SLOT_INITIAL, replica0, x.n, x.b, x.x);
        for (int64_t k = 0; k < size; k++) x.x[k] = i->lo + (i->hi - i->lo) * x.x[k];
        break;
    }
}

static sx_status start_block(sx_ctx *ctx, const void *instance, int64_t item, void *state) {
    const sx_simulation *s = instance;
    if (item == s->blocks) return sx_pilot_start(ctx, s, state);
    sx_simulate_initial(s, item * s->b, (sx_batch){ sx_part_at(s, state, PART_X), s->n, s->b });
    double *passage = sx_part_at(s, state, PART_PASSAGE);
    for (int64_t k = 0; passage && k < s->n_targets * s->b; k++) passage[k] = NAN;
    return SX_OK;
}

/* -- one segment -------------------------------------------------------------------------------------------------------------- */

typedef struct sx_segment {
    sx_work work;
    double *copy, *sample, *fft, *records, *energy, *row;
    int64_t first_record, n_records;
} sx_segment;

static void carve(const sx_simulation *s, double *p, const sx_exec *exec, int64_t replica0, sx_segment *g) {
    int64_t nb = s->n * s->b, t = records_in_segment(s);
    *g = (sx_segment){ .work = { .p = p, .doubles = s->work, .exec = exec, .replica0 = replica0 } };
    p += s->work;
    g->copy = p;
    g->sample = p + nb;
    p += 3 * nb;
    g->fft = p;
    p += s->window > 0 ? 3 * s->window + 8 + sx_fft_scratch(s->fft) / 8 + 8 : 0;
    g->records = p;
    g->energy = p + t * s->n_recorded * s->b;
    g->row = g->energy + t * s->b;
}

static void record(const sx_simulation *s, int64_t step, const double *x, sx_segment *g) {
    int64_t k = (step - s->burn) / s->record_every, b = s->b;
    if (g->n_records == 0) g->first_record = k;
    double *to = g->records + g->n_records * s->n_recorded * b;
    for (int64_t i = 0; i < s->n_recorded; i++) memcpy(to + i * b, x + s->recorded[i] * b, sizeof(double) * (size_t)b);
    if (s->o.energy)
        sx_model_operations(s->model)->potential(sx_model_self(s->model), (double)(step - s->burn) * s->h,
                                                 (sx_cbatch){ x, s->n, b }, g->energy + g->n_records * b, g->work);
    g->n_records++;
}

/* Records of a segment, one row (time, unit) per replica and state array. */
static sx_status write_records(sx_ctx *ctx, const sx_simulation *s, int64_t block, sx_segment *g, sx_result *result) {
    const sx_layout *layout = sx_model_layout(s->model);
    int64_t T = g->n_records, b = s->b, m = s->n_recorded;
    if (T == 0) return SX_OK;
    for (int64_t r = 0; r < sx_valid(s, block); r++) {
        int64_t start[3] = { block * b + r, g->first_record, 0 }, count[3] = { 1, T, 0 };
        int64_t first = 0, from = 0;
        for (int a = 0; a < layout->n_arrays; a++) {
            first += layout->arrays[a].n;
            int64_t to = from;
            while (to < m && s->recorded[to] < first) to++;
            if (to == from) continue;
            count[2] = to - from;
            float *narrow = (float *)(void *)g->row;
            for (int64_t t = 0; t < T; t++)
                for (int64_t i = from; i < to; i++) {
                    double v = g->records[(t * m + i) * b + r];
                    if (s->o.record.dtype == 1)
                        narrow[t * count[2] + i - from] = (float)v;
                    else
                        g->row[t * count[2] + i - from] = v;
                }
            SX_TRY(ctx, sx_result_write(ctx, result, s->id_x[a], start, count, g->row));
            from = to;
        }
        if (s->o.energy) {
            for (int64_t t = 0; t < T; t++) g->row[t] = g->energy[t * b + r];
            SX_TRY(ctx, sx_result_write(ctx, result, s->id_energy, start, count, g->row));
        }
    }
    return SX_OK;
}

/* First non-finite number of a batch among existing replicas, or -1. */
static int64_t first_nonfinite(const sx_simulation *s, int64_t valid, const double *x) {
    for (int64_t u = 0; u < s->n; u++)
        for (int64_t r = 0; r < valid; r++)
            if (!isfinite(x[u * s->b + r])) return u * s->b + r;
    return -1;
}

/* Replay the segment step by step from its start to name where the blow-up began. Columns of padding are set right instead. */
static sx_status explain_blow_up(sx_ctx *ctx, const sx_simulation *s, int64_t block, int64_t from, int64_t to,
                                 sx_segment *g, double *x) {
    int64_t valid = sx_valid(s, block), nb = s->n * s->b;
    if (first_nonfinite(s, valid, x) < 0) {
        for (int64_t u = 0; u < s->n; u++)
            for (int64_t r = valid; r < s->b; r++) x[u * s->b + r] = x[u * s->b];
        return SX_OK;
    }
    double *now = g->sample, *before = g->copy;
    memcpy(now, before, sizeof(double) * (size_t)nb);
    for (int64_t step = from; step < to; step++) {
        SX_TRY(ctx, sx_stepper_advance(ctx, s->stepper, s->key, s->t0, step, 1, block * s->b,
                                       (sx_batch){ now, s->n, s->b }, g->work));
        int64_t k = first_nonfinite(s, valid, now);
        if (k >= 0) {
            char label[64];
            int64_t unit = k / s->b;
            return SX_FAIL(ctx, SX_E_NUMERIC,
                           "task '%s': blow-up: unit %lld \"%s\" of replica %lld became %g at t = %.9g (step %lld); "
                           "last finite value %.6g; dt = %g. "
                           "A smaller dt helps if the equations themselves stay bounded.",
                           s->group, (long long)unit, sx_model_unit_label(s->model, unit, label, sizeof label),
                           (long long)(block * s->b + k % s->b), now[k], s->t0 + (double)(step + 1) * s->h,
                           (long long)(step + 1), before[k], s->h);
        }
        memcpy(before, now, sizeof(double) * (size_t)nb);
    }
    return SX_FAIL(ctx, SX_E_INTERNAL, "task '%s': a blow-up was not found again on replay", s->group);
}

static int64_t next_multiple(int64_t k, int64_t every) {
    return (k / every + 1) * every;
}

static int64_t next_event(const sx_simulation *s, int64_t step, int64_t stop) {
    int64_t next = stop, k = step - s->burn;
    if (k < 0) return next;
    if (s->n_targets > 0) return step + 1;
    if (s->section_of[PART_SHIFT] >= 0 && s->burn + next_multiple(k, s->every) < next)
        next = s->burn + next_multiple(k, s->every);
    if (s->records > 0 && s->burn + next_multiple(k, s->record_every) < next)
        next = s->burn + next_multiple(k, s->record_every);
    return next;
}

static sx_status advance_block(sx_ctx *ctx, const void *instance, int64_t block, void *state, void *scratch,
                               const sx_exec *exec, sx_result *result, bool *done, double *fraction) {
    const sx_simulation *s = instance;
    if (block == s->blocks) return sx_pilot_advance(ctx, s, state, scratch, exec, done, fraction);
    sx_segment g;
    carve(s, scratch, exec, block * s->b, &g);
    int64_t *at = sx_part_i64(s, state, PART_STEP), last = s->burn + s->steps;
    sx_batch x = { sx_part_at(s, state, PART_X), s->n, s->b };
    int64_t begin = *at, step = begin, stop = begin + s->segment < last ? begin + s->segment : last;
    if (begin < s->burn && stop > s->burn) stop = s->burn;

    memcpy(g.copy, x.x, sizeof(double) * (size_t)(s->n * s->b));
    if (begin == s->burn && s->records > 0) record(s, step, x.x, &g);
    if (begin == s->burn && s->n_targets > 0) sx_observe_passage(s, 0, state);
    while (step < stop) {
        int64_t next = next_event(s, step, stop);
        SX_TRY(ctx, sx_stepper_advance(ctx, s->stepper, s->key, s->t0, step, next - step, block * s->b, x, g.work));
        step = next;
        int64_t k = step - s->burn;
        if (k <= 0) continue;
        if (s->n_targets > 0) sx_observe_passage(s, (double)k * s->h, state);
        if (k % s->every == 0 && k / s->every <= s->samples)
            sx_observe_sample(s, block, k / s->every - 1, state, g.sample, g.fft);
        if (s->records > 0 && k % s->record_every == 0) record(s, step, x.x, &g);
    }
    if (s->kernels->nonfinite(s->n * s->b, x.x)) SX_TRY(ctx, explain_blow_up(ctx, s, block, begin, stop, &g, x.x));
    SX_TRY(ctx, write_records(ctx, s, block, &g, result));
    *at = step;
    *done = step == last;
    *fraction = (double)step / (double)last;
    return SX_OK;
}

const sx_task_ops sx_simulate_task = {
    .abi = SX_TASK_ABI,
    .struct_size = sizeof(sx_task_ops),
    .name = "simulate",
    .title = "An ensemble of trajectories",
    .help = "Steps replicas of the model and observes them inside the stepper: recordings, moments, covariance, "
            "spectra, first passages.",
    .fields = sx_simulate_fields,
    .opts_size = sizeof(sx_simulate_opts),
    .outputs = sx_simulate_outputs,
    .needs = "F",
    .example =
        "title = \"Ornstein-Uhlenbeck\"\nseed = 1\n\n[model]\nkind = \"linear\"\nn = 1\nleak = 1.0\n\n[noise]\nkind = "
        "\"additive\"\nD = 1.0\n\n"
        "[[task]]\ndo = \"simulate\"\nburn_in = 10.0\nduration = 100.0\ndt = 0.05\nreplicas = 256\nmax_lag = 4.0\n",
    .open = open_simulation,
    .define = sx_simulate_define,
    .start = start_block,
    .advance = advance_block,
    .finish = sx_simulate_finish,
    .close = close_simulation,
};
