// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The task `lyapunov`: Lyapunov exponents by the method of Benettin, Galgani, Giorgilli and Strelcyn (Meccanica 15 (1980) 9) and Shimada
 * and Nagashima (Prog. Theor. Phys. 61 (1979) 1605). A frame U of k columns moves with the tangent of the stepper's own step; after m steps
 *
 *     U = Q R,   sum_i += ln R_ii,   U <- Q;      lambda_i = sum_i / time. */
#include "lyapunov_private.h"

#include "core/linalg.h"
#include "run/stepper_tangent.h"

#include <math.h>
#include <string.h>

extern const sx_output sx_lyapunov_outputs[];

#define SEGMENT_FLOPS 4e8 /* work of one segment: some tens of milliseconds */

enum { DETERMINANT_UNITS = 64, COVARIANT_LIMIT = 200 };

/* -- options -------------------------------------------------------------------------------------------------------------------- */

static sx_status set_initial(sx_ctx *ctx, sx_lyapunov_run *s) {
    sx_initial *i = &s->o.initial;
    const sx_points *at = &s->o.at;
    int64_t starts = s->o.replicas; /* different ones */
    if (s->o.has_at && s->o.has_initial)
        return SX_FAIL(ctx, SX_E_USAGE, "lyapunov: both initial and at are given: want one of them");
    if (s->o.has_at) {
        if (at->random)
            return SX_FAIL(
                ctx, SX_E_USAGE,
                "lyapunov.at = \"random\": want initial = { kind = \"gaussian\", mean, sd } for random states");
        SX_TRY(ctx, sx_places_create(ctx, s->model, at, "lyapunov.at", &s->places));
        if (!(at->jitter > 0)) starts = s->places.n;
    } else if (!s->o.has_initial) {
        *i = (sx_initial){ .kind = SX_INITIAL_GAUSSIAN, .sd = 1, .key = i->key, .has_key = i->has_key };
    } else if (i->kind == SX_INITIAL_ZERO) {
        starts = 1;
    } else if (i->kind == SX_INITIAL_VALUES) {
        if (i->values.n != 1 && (i->values.n == 0 || i->values.n % s->n))
            return SX_FAIL(ctx, SX_E_USAGE, "lyapunov.initial: %lld numbers for %lld units", (long long)i->values.n,
                           (long long)s->n);
        starts = s->x0_points = i->values.n == 1 ? 1 : i->values.n / s->n;
        SX_TRY(ctx, sx_alloc(ctx, s->x0_points * s->n, sizeof *s->x0, &s->x0));
        for (int64_t u = 0; u < s->x0_points * s->n; u++) s->x0[u] = i->values.data[i->values.n == 1 ? 0 : u];
    }
    if (s->quiet && s->o.replicas > starts && sx_model_trials(s->model) <= 1)
        return SX_FAIL(
            ctx, SX_E_USAGE,
            "lyapunov.replicas = %lld: there is no noise and only %lld initial state(s), so that replicas would "
            "be copies: want replicas <= %lld, or initial = { kind = \"gaussian\", mean, sd }",
            (long long)s->o.replicas, (long long)starts, (long long)starts);
    return SX_OK;
}

static void first_state(const sx_lyapunov_run *s, int64_t replica, double *x) {
    const sx_initial *i = &s->o.initial;
    if (s->places.n > 0) {
        const double *from = s->places.x + replica % s->places.n * s->n, jitter = s->o.at.jitter;
        sx_normal_fill(s->key_initial, 0, SX_SLOT_INITIAL, replica, s->n, 1, x);
        for (int64_t u = 0; u < s->n; u++) x[u] = jitter > 0 ? from[u] + jitter * x[u] : from[u];
        return;
    }
    switch ((sx_initial_kind)i->kind) {
    case SX_INITIAL_ZERO:
        memset(x, 0, (size_t)s->n * sizeof *x);
        break;
    case SX_INITIAL_VALUES:
        memcpy(x, s->x0 + replica % s->x0_points * s->n, (size_t)s->n * sizeof *x);
        break;
    case SX_INITIAL_GAUSSIAN:
        sx_normal_fill(s->key_initial, 0, SX_SLOT_INITIAL, replica, s->n, 1, x);
        for (int64_t u = 0; u < s->n; u++) x[u] = i->mean + i->sd * x[u];
        break;
    case SX_INITIAL_UNIFORM:
        sx_uniform_fill(s->key_initial, 0, SX_SLOT_INITIAL, replica, s->n, 1, x);
        for (int64_t u = 0; u < s->n; u++) x[u] = i->lo + (i->hi - i->lo) * x[u];
        break;
    }
}

/* dt left out: 0.05 over the largest singular value of the Jacobian at the first state. x: n numbers. */
static sx_status choose_dt(sx_ctx *ctx, sx_lyapunov_run *s, double *x) {
    double radius = 0;
    first_state(s, 0, x);
    SX_TRY(ctx, sx_model_stiffness(ctx, sx_lyapunov_model(s, 0), x, &radius));
    double most = radius > 0 ? 0.05 / radius : s->o.duration / 1000;
    s->h = s->o.duration / ceil(s->o.duration / most);
    sx_log(ctx, SX_LOG_INFO, "task '%s': dt = %.6g (spectral radius of the Jacobian about %.4g)", s->group, s->h,
           radius);
    return SX_OK;
}

static sx_status count_steps(sx_ctx *ctx, const char *name, double time, double h, int64_t *steps) {
    const double k = ceil(time / h - 1e-9);
    if (!(k < (double)SX_STEP_LIMIT / 4))
        return SX_FAIL(ctx, SX_E_USAGE, "%s = %g: more than 2^46 steps of dt = %g", name, time, h);
    *steps = (int64_t)k;
    return SX_OK;
}

static sx_status set_times(sx_ctx *ctx, sx_lyapunov_run *s, double *x) {
    const sx_lyapunov_opts *o = &s->o;
    if (s->map) {
        if (o->steps <= 0)
            return SX_FAIL(ctx, SX_E_USAGE, "lyapunov.steps is required for a map (a whole number >= 1)");
        if (o->duration > 0 || o->dt > 0)
            return SX_FAIL(ctx, SX_E_USAGE,
                           "lyapunov.duration and lyapunov.dt are for flows; this model is a map: give steps");
        s->h = 1;
        s->steps = o->steps;
    } else {
        if (!(o->duration > 0))
            return SX_FAIL(ctx, SX_E_USAGE, "lyapunov.duration is required for a flow (a time > 0)");
        if (o->steps > 0)
            return SX_FAIL(ctx, SX_E_USAGE, "lyapunov.steps is for maps; this model is a flow: give duration and dt");
        s->h = o->dt;
        if (o->dt == 0) SX_TRY(ctx, choose_dt(ctx, s, x));
        const double k = nearbyint(o->duration / s->h);
        if (k < 1 || fabs(k * s->h - o->duration) > 1e-9 * o->duration)
            return SX_FAIL(ctx, SX_E_USAGE,
                           "lyapunov.duration = %.15g is not a whole number of steps of dt = %.15g; nearest: %.15g",
                           o->duration, s->h, fmax(k, 1) * s->h);
        SX_TRY(ctx, count_steps(ctx, "lyapunov.duration", o->duration, s->h, &s->steps));
    }
    const double tenth = 0.1 * (double)s->steps * s->h;
    SX_TRY(ctx, count_steps(ctx, "lyapunov.burn_in", o->burn_in < 0 ? tenth : o->burn_in, s->h, &s->burn));
    SX_TRY(ctx, count_steps(ctx, "lyapunov.transient", o->transient < 0 ? tenth : o->transient, s->h, &s->transient));
    const double end = sx_model_input_end(s->model), length = (double)(s->burn + s->transient + s->steps) * s->h;
    s->t0 = isfinite(end) ? 0 : -(double)(s->burn + s->transient) * s->h;
    if (isfinite(end) && (length > end * (1 + 1e-12) || o->covariant))
        return SX_FAIL(ctx, SX_E_USAGE,
                       "lyapunov: burn_in, transient and duration take %g%s, past the end of the input at %g; shorten "
                       "them or write hold = \"last\"",
                       length, o->covariant ? " and the covariant vectors more" : "", end);
    /* a mark ends an interval, so not too many of them: 32, 64, 96 or 128, sixteen steps apart if there are enough */
    s->marks = s->steps / 16 < SX_LYAPUNOV_MARKS ? s->steps / 16 : SX_LYAPUNOV_MARKS;
    if (s->marks > SX_LYAPUNOV_BATCHES) s->marks -= s->marks % SX_LYAPUNOV_BATCHES;
    if (s->marks < SX_LYAPUNOV_BATCHES) s->marks = s->steps < SX_LYAPUNOV_BATCHES ? s->steps : SX_LYAPUNOV_BATCHES;
    return SX_OK;
}

/* A flow without noise whose F is the same number at several times. x: n numbers, f: 2 n. */
static bool time_independent(const sx_lyapunov_run *s, const double *x, double *f, sx_work w) {
    static const double times[] = { 0.318309886183791, 1.618033988749895, 7.389056098930650, 141.421356237309505 };
    const sx_model *m = sx_lyapunov_model(s, 0);
    const int64_t n = s->n;
    sx_model_F(m, 0.0, (sx_cbatch){ x, n, 1 }, (sx_batch){ f, n, 1 }, w);
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        sx_model_F(m, times[i] * (1 + s->h), (sx_cbatch){ x, n, 1 }, (sx_batch){ f + n, n, 1 }, w);
        if (memcmp(f, f + n, (size_t)n * sizeof *f) != 0) return false;
    }
    return true;
}

/* Products of large networks take their columns in whole tiles: a frame some zero columns wider is faster. */
static int64_t frame_width(int64_t n, int64_t k) {
    const int64_t tile = n <= 64 || k < 8 ? 1 : k < 3 * SX_COLUMNS ? 8 : SX_COLUMNS;
    return (k + tile - 1) / tile * tile;
}

/* -- state ---------------------------------------------------------------------------------------------------------------------- */

static void add_part(sx_lyapunov_run *s, sx_lyapunov_part part, const char *name, sx_dtype dtype, int64_t count) {
    s->section_of[part] = s->n_sections;
    s->sections[s->n_sections++] = (sx_section){ name, dtype, count, s->state_bytes };
    s->state_bytes += (size_t)((count + 7) / 8 * 8) * 8;
}

static void lay_out(sx_lyapunov_run *s) {
    const int64_t n = s->n, k = s->k;
    for (int i = 0; i < PART_COUNT; i++) s->section_of[i] = -1;
    add_part(s, PART_CLOCK, "clock", SX_DT_I64, CLOCK_COUNT);
    add_part(s, PART_X, "x", SX_DT_F64, n);
    add_part(s, PART_Q, "frame", SX_DT_F64, n * s->width);
    add_part(s, PART_SUM, "sum", SX_DT_F64, 2 * (k + 1));
    add_part(s, PART_MARKS, "marks", SX_DT_F64, s->marks * (k + 1));
    add_part(s, PART_SPEED, "speed", SX_DT_F64, 2);
    if (!s->o.covariant) return;
    s->half = SX_LYAPUNOV_MARKS + 2 * k;
    s->samples = SX_LYAPUNOV_SAMPLES;
    add_part(s, PART_R, "triangles", SX_DT_F64, 2 * s->half * (k * (k + 1) / 2));
    add_part(s, PART_FRAMES, "frames", SX_DT_F64, s->samples * n * k);
    add_part(s, PART_STATES, "states", SX_DT_F64, s->samples * n);
    add_part(s, PART_ANGLES, "angles", SX_DT_F64, 2 * k * k);
    add_part(s, PART_GROWTH, "growth", SX_DT_F64, 2 * k);
}

/* Scratch of a worker: the tangent's (also a plain step's, F's and the backward recursion's) | x and Q at the start of an interval | R |
 * QR | the Jacobian of a map. */
static int64_t scratch_doubles(const sx_lyapunov_run *s) {
    const int64_t n = s->n, k = s->k,
                  jacobian = s->map && s->volume ? sx_lyapunov_pad(2 * n * n) + sx_qr_work(n, n) : 0;
    return s->tangent_work + sx_lyapunov_pad(n) + sx_lyapunov_pad(n * s->width) + sx_lyapunov_pad(k * k) +
           sx_lyapunov_pad(sx_qr_work(n, k)) + jacobian + sx_lyapunov_pad(n) + 64;
}

/* -- task operations ------------------------------------------------------------------------------------------------------------ */

static void close_run(sx_ctx *ctx, void *instance) {
    sx_lyapunov_run *s = instance;
    if (!s) return;
    for (int64_t i = 0; i < s->n_steppers; i++) sx_stepper_free(ctx, s->steppers[i]);
    sx_free(ctx, s->steppers);
    sx_places_free(ctx, &s->places);
    sx_free(ctx, s->x0);
    sx_free(ctx, s->group);
    sx_model_free(ctx, s->model);
    sx_free(ctx, s);
}

static sx_status make_steppers(sx_ctx *ctx, sx_lyapunov_run *s) {
    const int64_t count = s->places.n > 0 ? s->places.n : 1;
    SX_TRY(ctx, sx_alloc(ctx, count, sizeof *s->steppers, &s->steppers));
    for (int64_t i = 0; i < count; i++) {
        const sx_model *m = sx_lyapunov_model(s, i);
        const sx_method method = sx_tangent_method(m, (sx_method)s->o.method);
        SX_TRY(ctx, sx_stepper_create(ctx, m, method, s->h, 1e-8, 1e-10, &s->steppers[i]));
        s->n_steppers = i + 1;
        SX_TRY(ctx, sx_tangent_check(ctx, s->steppers[i], "lyapunov"));
        const int64_t work = sx_lyapunov_pad(sx_tangent_work(s->steppers[i], s->width));
        if (work > s->tangent_work) s->tangent_work = work;
    }
    return SX_OK;
}

static void fill_plan(const sx_lyapunov_run *s, sx_plan *plan) {
    const double flops = sx_tangent_flops(s->steppers[0], s->width), n = (double)s->n, k = (double)s->k;
    const double qr = 6 * n * k * k / 16; /* an interval of 16 steps, say */
    const double more = s->o.covariant ? 2.0 * (double)s->half * (16 * (flops + qr) + k * k * k / 3) : 0;
    const double total =
        (double)s->burn * sx_stepper_flops(s->steppers[0]) + (double)(s->transient + s->steps) * (flops + qr) + more;
    *plan = (sx_plan){ .n_items = s->o.replicas,
                       .state_bytes = s->state_bytes,
                       .sections = s->sections,
                       .n_sections = s->n_sections,
                       .scratch_bytes = (size_t)scratch_doubles(s) * 8,
                       .shared_bytes = (size_t)((s->x0_points + s->places.n) * s->n) * 8,
                       .result_bytes = 8 * (s->k * (s->marks + 8 + s->o.replicas) + s->samples * s->n * (s->k + 1) +
                                            2 * s->k * s->k * (s->samples > 0)),
                       .flops = total * (double)s->o.replicas,
                       .segments = ceil(total / SEGMENT_FLOPS) };
    plan->disk_bytes = plan->result_bytes + 4 * plan->n_items * (int64_t)s->state_bytes;
}

static sx_status open_steps(sx_ctx *ctx, sx_lyapunov_run *s) {
    double *p = NULL;
    sx_status status;
    SX_GO(ctx, status, done, set_initial(ctx, s));
    sx_work w = { NULL, sx_model_work(s->model, 1), NULL, 0 };
    SX_GO(ctx, status, done, sx_alloc(ctx, 3 * sx_lyapunov_pad(s->n) + w.doubles, sizeof *p, &p));
    w.p = p + 3 * sx_lyapunov_pad(s->n);
    SX_GO(ctx, status, done, set_times(ctx, s, p));
    SX_GO(ctx, status, done, make_steppers(ctx, s));
    first_state(s, 0, p);
    s->autonomous = s->quiet && !s->map && !isfinite(sx_model_input_end(s->model)) &&
                    time_independent(s, p, p + sx_lyapunov_pad(s->n), w); /* p: the first state */
    s->volume =
        s->map ? sx_model_has(s->model, "jacobian") && s->n <= DETERMINANT_UNITS : sx_model_has(s->model, "divergence");
    lay_out(s);
    const int64_t backward = s->half > 0 ? sx_lyapunov_pad(sx_lyapunov_backward_work(s)) : 0;
    if (backward > s->tangent_work) s->tangent_work = backward;
done:
    sx_free(ctx, p);
    return status;
}

static sx_status open_run(sx_ctx *ctx, const sx_model *m, const void *opts, sx_key key, const char *group,
                          void **instance, sx_plan *plan) {
    const sx_lyapunov_opts *o = opts;
    sx_lyapunov_run *s = NULL;
    sx_status status;
    if (o->struct_size != sizeof *o)
        return SX_FAIL(ctx, SX_E_USAGE, "lyapunov: options are not initialised (sx_fields_default and struct_size)");
    SX_TRY(ctx, sx_fields_check(ctx, sx_lyapunov_fields, o, "lyapunov"));
    SX_TRY(ctx, sx_alloc(ctx, 1, sizeof *s, &s));
    s->o = *o;
    s->kernels = sx_kernels_get(NULL);
    s->key = sx_key_derive(key, "dW", 0);
    s->key_initial = sx_key_derive(o->initial.has_key ? o->initial.key : key, "initial", 0);
    s->key_frame = sx_key_derive(key, "frame", 0);
    s->n = sx_model_n(m);
    s->k = o->exponents > 0 ? o->exponents : s->n;
    s->width = frame_width(s->n, s->k);
    s->map = sx_model_kind(m) != SX_FLOW;
    if (s->k > s->n)
        status = SX_FAIL(ctx, SX_E_USAGE, "lyapunov.exponents = %lld: the model has %lld units, so want 1 to %lld",
                         (long long)s->k, (long long)s->n, (long long)s->n);
    else if (o->covariant && s->k > COVARIANT_LIMIT)
        status =
            SX_FAIL(ctx, SX_E_USAGE,
                    "lyapunov.covariant with %lld exponents: the recursion keeps all triangles; want exponents <= %d",
                    (long long)s->k, COVARIANT_LIMIT);
    else if (sx_model_kind(m) == SX_HAMILTONIAN || sx_model_kind(m) == SX_SAMPLER)
        status = SX_FAIL(ctx, SX_E_UNSUPPORTED,
                         "lyapunov: model %s is a %s, whose steps have no tangent here: want a flow or a map",
                         sx_model_name(m), sx_model_kind(m) == SX_SAMPLER ? "sampler" : "Hamiltonian model");
    else
        status = o->noise ? SX_OK : sx_model_with_noise(ctx, m, NULL, SX_KINETIC, &s->model);
    if (status < 0) goto fail;
    if (o->noise) s->model = sx_model_ref(m);
    s->quiet = sx_noise_class_of(sx_model_noise(s->model)) == SX_NOISE_NONE;
    SX_GO(ctx, status, fail, sx_strdup(ctx, group, &s->group));
    SX_GO(ctx, status, fail, open_steps(ctx, s));
    fill_plan(s, plan);
    *instance = s;
    return SX_OK;
fail:
    close_run(ctx, s);
    return status;
}

/* The frame starts as the orthonormal factor of normal numbers, so that it has a part in every direction. */
static sx_status start_replica(sx_ctx *ctx, const void *instance, int64_t replica, void *state) {
    const sx_lyapunov_run *s = instance;
    const int64_t n = s->n, k = s->k, square = sx_lyapunov_pad(k * k), frame = sx_lyapunov_pad(n * k);
    double *work = NULL, *Q = sx_lyapunov_at(s, state, PART_Q), *smallest = sx_lyapunov_at(s, state, PART_ANGLES);
    SX_TRY(ctx, sx_alloc(ctx, frame + square + sx_qr_work(n, k), sizeof *work, &work));
    first_state(s, replica, sx_lyapunov_at(s, state, PART_X));
    sx_normal_fill(s->key_frame, (uint64_t)replica, SX_SLOT_USER, 0, n, k, work);
    const sx_status status = sx_qr(ctx, n, k, work, k, work + frame, work + frame + square);
    for (int64_t u = 0; u < n; u++) memcpy(Q + u * s->width, work + u * k, (size_t)k * sizeof *Q);
    sx_free(ctx, work);
    sx_lyapunov_clock_of(s, state)[CLOCK_INTERVAL] = s->o.orthonormalise_every > 0 ? s->o.orthonormalise_every : 1;
    for (int64_t i = 0; smallest && i < k * k; i++) smallest[k * k + i] = INFINITY;
    return status;
}

/* -- segments ------------------------------------------------------------------------------------------------------------------- */

static void carve(const sx_lyapunov_run *s, double *p, const sx_exec *exec, int64_t replica, sx_lyapunov_scratch *g) {
    const int64_t n = s->n, k = s->k;
    g->work = (sx_work){ p, s->tangent_work, exec, replica };
    p += s->tangent_work;
    g->x = p, p += sx_lyapunov_pad(n);
    g->Q = p, p += sx_lyapunov_pad(n * s->width);
    g->R = p, p += sx_lyapunov_pad(k * k);
    g->qr = p, p += sx_lyapunov_pad(sx_qr_work(n, k));
    g->f = p, p += sx_lyapunov_pad(n);
    g->jacobian = p;
}

static sx_status advance_replica(sx_ctx *ctx, const void *instance, int64_t replica, void *state, void *memory,
                                 const sx_exec *exec, sx_result *result, bool *done, double *fraction) {
    const sx_lyapunov_run *s = instance;
    int64_t *clock = sx_lyapunov_clock_of(s, state);
    const sx_stepper *stepper = sx_lyapunov_stepper(s, replica);
    const double step_flops = sx_tangent_flops(stepper, s->width);
    const int64_t last = s->burn + s->transient + s->steps;
    sx_lyapunov_scratch g;
    (void)result;
    carve(s, memory, exec, replica, &g);
    if (clock[CLOCK_STEP] < s->burn) {
        const double most = SEGMENT_FLOPS / (sx_stepper_flops(stepper) + 1);
        int64_t count = s->o.segment_ > 0 ? s->o.segment_ : most < 1 ? 1 : most > 1e6 ? 1000000 : (int64_t)most;
        if (count > s->burn - clock[CLOCK_STEP]) count = s->burn - clock[CLOCK_STEP];
        sx_batch x = { sx_lyapunov_at(s, state, PART_X), s->n, 1 };
        SX_TRY(ctx, sx_stepper_advance(ctx, stepper, s->key, s->t0, clock[CLOCK_STEP], count, replica, x, g.work));
        clock[CLOCK_STEP] += count;
        if (s->kernels->nonfinite(s->n, x.x))
            return sx_lyapunov_blow_up(ctx, s, replica, clock[CLOCK_STEP], "the state");
    } else {
        double flops = 0;
        int64_t factors = 0;
        do {
            const int64_t step = clock[CLOCK_STEP];
            SX_TRY(ctx, sx_lyapunov_interval(ctx, s, replica, state, &g));
            flops += (double)(clock[CLOCK_STEP] - step) * step_flops + 6.0 * (double)(s->n * s->k * s->k);
            factors++;
            *done = clock[CLOCK_STEP] >= last && clock[CLOCK_STORED] == 2 * s->half;
        } while (!*done && (s->o.segment_ > 0 ? factors < s->o.segment_ : flops < SEGMENT_FLOPS));
    }
    const double more = (double)((2 * s->half - clock[CLOCK_STORED]) * clock[CLOCK_INTERVAL]);
    const double left = (clock[CLOCK_STEP] < last ? (double)(last - clock[CLOCK_STEP]) : 0) + more;
    *fraction = (double)clock[CLOCK_STEP] / ((double)clock[CLOCK_STEP] + left);
    return SX_OK;
}

const sx_task_ops sx_lyapunov_task = {
    .abi = SX_TASK_ABI,
    .struct_size = sizeof(sx_task_ops),
    .name = "lyapunov",
    .title = "Lyapunov exponents",
    .help = "Growth rates of perturbations of a trajectory, with noise too (common noise): k of N exponents by QR of "
            "the tangent of the "
            "stepper, errors, Kaplan-Yorke dimension, entropy rate, covariant vectors.",
    .fields = sx_lyapunov_fields,
    .opts_size = sizeof(sx_lyapunov_opts),
    .outputs = sx_lyapunov_outputs,
    .needs = "F jvp",
    .example = "title = \"Lorenz\"\nseed = 1\n\n[model]\nkind = \"equations\"\nstate = [\"x\", \"y\", "
               "\"z\"]\n\n[model.parameters]\n"
               "sigma = 10.0\nrho = 28.0\nbeta = 2.6666666666666667\n\n[model.equations]\nx = \"sigma*(y - x)\"\n"
               "y = \"x*(rho - z) - y\"\nz = \"x*y - beta*z\"\n\n[noise]\nkind = \"none\"\n\n[[task]]\ndo = "
               "\"lyapunov\"\nburn_in = "
               "20.0\ntransient = 20.0\n"
               "duration = 1000.0\ndt = 0.01\nreplicas = 4\n",
    .open = open_run,
    .define = sx_lyapunov_define,
    .start = start_replica,
    .advance = advance_replica,
    .finish = sx_lyapunov_finish,
    .close = close_run,
};
