// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The task `lyapunov`: Lyapunov exponents by the method of Benettin, Galgani, Giorgilli and Strelcyn (Meccanica 15 (1980) 9) and Shimada
 * and Nagashima (Prog. Theor. Phys. 61 (1979) 1605). A frame U of k columns moves with the tangent of the stepper's own step; after m steps
 *
 *     U = Q R,   sum_i += ln R_ii,   U <- Q;      lambda_i = sum_i / time.
 *
 * R_ii is known to about eps L_i, L_i = |u_i| / R_ii. The interval m adapts: it doubles while L stays far below LOSS, halves above it,
 * and an interval that lost more than REDO is done again in halves. m is part of the state, so interruptions change nothing. */
#include "lyapunov_private.h"

#include "core/linalg.h"
#include "run/stepper_tangent.h"

#include <math.h>
#include <string.h>

extern const sx_output sx_lyapunov_outputs[];

#define SEGMENT_FLOPS 4e8 /* work of one segment: some tens of milliseconds */
#define LOSS          1e3
#define REDO          1e6
#define DEPENDENT     1e10

enum { LONGEST = 1024, DETERMINANT_UNITS = 64, COVARIANT_LIMIT = 200 };

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
    s->marks = s->steps < SX_LYAPUNOV_MARKS ? s->steps : SX_LYAPUNOV_MARKS;
    if (s->marks > SX_LYAPUNOV_BATCHES) s->marks -= s->marks % SX_LYAPUNOV_BATCHES;
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
    add_part(s, PART_Q, "frame", SX_DT_F64, n * k);
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

static int64_t pad(int64_t doubles) {
    return (doubles + 7) / 8 * 8;
}

/* Scratch of a worker: the tangent's (also a plain step's, F's and the backward recursion's) | x and Q at the start of an interval | R |
 * QR | the Jacobian of a map. */
static int64_t scratch_doubles(const sx_lyapunov_run *s) {
    const int64_t n = s->n, k = s->k, jacobian = s->map && s->volume ? pad(2 * n * n) + sx_qr_work(n, n) : 0;
    return s->tangent_work + pad(n) + pad(n * k) + pad(k * k) + pad(sx_qr_work(n, k)) + jacobian + pad(n) + 64;
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
        const int64_t work = pad(sx_tangent_work(s->steppers[i], s->k));
        if (work > s->tangent_work) s->tangent_work = work;
    }
    return SX_OK;
}

static void fill_plan(const sx_lyapunov_run *s, sx_plan *plan) {
    const double flops = sx_tangent_flops(s->steppers[0], s->k), n = (double)s->n, k = (double)s->k;
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
    SX_GO(ctx, status, done, sx_alloc(ctx, 3 * pad(s->n) + w.doubles, sizeof *p, &p));
    w.p = p + 3 * pad(s->n);
    SX_GO(ctx, status, done, set_times(ctx, s, p));
    SX_GO(ctx, status, done, make_steppers(ctx, s));
    first_state(s, 0, p);
    s->autonomous = s->quiet && !s->map && !isfinite(sx_model_input_end(s->model)) &&
                    time_independent(s, p, p + pad(s->n), w); /* p: the first state */
    s->volume =
        s->map ? sx_model_has(s->model, "jacobian") && s->n <= DETERMINANT_UNITS : sx_model_has(s->model, "divergence");
    lay_out(s);
    const int64_t backward = s->half > 0 ? pad(sx_lyapunov_backward_work(s)) : 0;
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
    double *work = NULL, *Q = sx_lyapunov_at(s, state, PART_Q), *smallest = sx_lyapunov_at(s, state, PART_ANGLES);
    SX_TRY(ctx, sx_alloc(ctx, sx_qr_work(s->n, s->k) + pad(s->k * s->k), sizeof *work, &work));
    first_state(s, replica, sx_lyapunov_at(s, state, PART_X));
    sx_normal_fill(s->key_frame, (uint64_t)replica, SX_SLOT_USER, 0, s->n, s->k, Q);
    const sx_status status = sx_qr(ctx, s->n, s->k, Q, work, work + pad(s->k * s->k));
    sx_free(ctx, work);
    sx_lyapunov_clock_of(s, state)[CLOCK_INTERVAL] = s->o.orthonormalise_every > 0 ? s->o.orthonormalise_every : 1;
    for (int64_t i = 0; smallest && i < s->k * s->k; i++) smallest[s->k * s->k + i] = INFINITY;
    return status;
}

/* -- one interval --------------------------------------------------------------------------------------------------------------- */

typedef struct scratch {
    sx_work work; /* of the tangent */
    double *x, *Q, *R, *qr, *jacobian, *f;
} scratch;

static void carve(const sx_lyapunov_run *s, double *p, const sx_exec *exec, int64_t replica, scratch *g) {
    const int64_t n = s->n, k = s->k;
    g->work = (sx_work){ p, s->tangent_work, exec, replica };
    p += s->tangent_work;
    g->x = p, p += pad(n);
    g->Q = p, p += pad(n * k);
    g->R = p, p += pad(k * k);
    g->qr = p, p += pad(sx_qr_work(n, k));
    g->f = p, p += pad(n);
    g->jacobian = p;
}

static sx_status blow_up(sx_ctx *ctx, const sx_lyapunov_run *s, int64_t replica, int64_t step, const char *what) {
    return SX_FAIL(
        ctx, SX_E_NUMERIC,
        "task '%s': %s of replica %lld is not finite at t = %.9g (step %lld, dt = %g). A smaller dt helps if "
        "the equations themselves stay bounded.",
        s->group, what, (long long)replica, s->t0 + (double)step * s->h, (long long)step, s->h);
}

/* Rate of change of volume at x: tr J for flows, ln |det J| = sum ln R_ii of J = Q R for maps. */
static sx_status volume_rate(sx_ctx *ctx, const sx_lyapunov_run *s, int64_t replica, int64_t step, const double *x,
                             scratch *g, double *out) {
    const sx_model *m = sx_lyapunov_model(s, replica);
    const sx_model_ops *ops = sx_model_operations(m);
    const int64_t n = s->n;
    const double t = s->t0 + (double)step * s->h;
    if (!s->map) {
        ops->divergence(sx_model_self(m), t, (sx_cbatch){ x, n, 1 }, out, g->work);
        return SX_OK;
    }
    double *J = g->jacobian, *R = J + n * n;
    ops->jacobian(sx_model_self(m), t, x, J, g->work);
    SX_TRY(ctx, sx_qr(ctx, n, n, J, R, g->jacobian + pad(2 * n * n)));
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += log(R[i * n + i]);
    *out = sum;
    return SX_OK;
}

static double speed(const sx_lyapunov_run *s, int64_t replica, int64_t step, const double *x, scratch *g) {
    double sum = 0;
    sx_model_F(sx_lyapunov_model(s, replica), s->t0 + (double)step * s->h, (sx_cbatch){ x, s->n, 1 },
               (sx_batch){ g->f, s->n, 1 }, g->work);
    for (int64_t i = 0; i < s->n; i++) sum += g->f[i] * g->f[i];
    return sqrt(sum);
}

/* L_i = |R(:, i)| / R_ii, the largest of them; INFINITY when a column vanished. */
static double loss_of(int64_t k, const double *R) {
    double worst = 1;
    for (int64_t i = 0; i < k; i++) {
        double sum = 0;
        for (int64_t j = 0; j <= i; j++) sum += R[j * k + i] * R[j * k + i];
        const double loss = R[i * k + i] > 0 ? sqrt(sum) / R[i * k + i] : HUGE_VAL;
        if (!(loss <= worst)) worst = loss;
    }
    return worst;
}

/* sum += v with the rounding of earlier additions carried along (Kahan): runs of 10^9 steps lose no digits. -infinity stays. */
static void accumulate(double *sum, double *carry, double v) {
    if (isinf(v) || isinf(*sum)) {
        *sum += v;
        return;
    }
    const double y = v - *carry, next = *sum + y;
    *carry = (next - *sum) - y;
    *sum = next;
}

/* sums += ln R_ii. A column that one step has turned into a multiple of earlier ones to working precision has exponent -infinity. */
static void add_logs(const sx_lyapunov_run *s, int64_t m, const double *R, double *sum, int64_t *clock) {
    bool singular = false;
    for (int64_t i = 0; i < s->k; i++) {
        double norm = 0;
        for (int64_t j = 0; j <= i; j++) norm += R[j * s->k + i] * R[j * s->k + i];
        const double r = R[i * s->k + i];
        const bool gone = r <= 0 || (m == 1 && r <= 4 * 0x1p-52 * (double)s->n * sqrt(norm));
        accumulate(&sum[i], &sum[s->k + 1 + i], gone ? -HUGE_VAL : log(r));
        singular = singular || gone;
    }
    clock[CLOCK_SINGULAR] += singular;
}

/* One interval of at most `most` steps, up to its QR factors in g->R. */
static sx_status interval(sx_ctx *ctx, const sx_lyapunov_run *s, int64_t replica, void *state, scratch *g, int64_t most,
                          bool measuring, bool frozen, int64_t *done) {
    int64_t *clock = sx_lyapunov_clock_of(s, state);
    const int64_t n = s->n, k = s->k, step = clock[CLOCK_STEP];
    const bool adapt = s->o.orthonormalise_every == 0 && !frozen;
    double *sum = sx_lyapunov_at(s, state, PART_SUM), volume, rate, loss;
    sx_batch x = { sx_lyapunov_at(s, state, PART_X), n, 1 }, U = { sx_lyapunov_at(s, state, PART_Q), n, k };
    memcpy(g->x, x.x, (size_t)n * sizeof(double));
    memcpy(g->Q, U.x, (size_t)(n * k) * sizeof(double));
    for (;;) {
        const int64_t m = clock[CLOCK_INTERVAL] < most ? clock[CLOCK_INTERVAL] : most;
        volume = 0;
        for (int64_t i = 0; i < m; i++) {
            if (measuring && s->volume) {
                SX_TRY(ctx, volume_rate(ctx, s, replica, step + i, x.x, g, &rate));
                volume += rate;
            }
            SX_TRY(ctx, sx_tangent_step(ctx, sx_lyapunov_stepper(s, replica), s->key, s->t0, step + i, replica, x, U,
                                        g->work));
        }
        if (s->kernels->nonfinite(n, x.x)) return blow_up(ctx, s, replica, step + m, "the state");
        const bool overflow = s->kernels->nonfinite(n * k, U.x);
        if (!overflow) SX_TRY(ctx, sx_qr(ctx, n, k, U.x, g->R, g->qr));
        loss = overflow ? HUGE_VAL : loss_of(k, g->R);
        *done = m;
        if (adapt && m > 1 && !(loss <= REDO)) {
            clock[CLOCK_INTERVAL] = m / 2;
            memcpy(x.x, g->x, (size_t)n * sizeof(double));
            memcpy(U.x, g->Q, (size_t)(n * k) * sizeof(double));
            continue;
        }
        if (overflow) return blow_up(ctx, s, replica, step + m, "the tangent frame");
        break;
    }
    if (measuring) {
        add_logs(s, *done, g->R, sum, clock);
        accumulate(&sum[k], &sum[2 * k + 1], volume * s->h);
        clock[CLOCK_FACTORS]++;
        clock[CLOCK_DEPENDENT] += *done > 1 && !(loss <= DEPENDENT);
    }
    if (adapt && loss > LOSS && clock[CLOCK_INTERVAL] > 1)
        clock[CLOCK_INTERVAL] /= 2;
    else if (adapt && *done == clock[CLOCK_INTERVAL] && loss * loss < LOSS && *done < LONGEST)
        clock[CLOCK_INTERVAL] *= 2;
    clock[CLOCK_STEP] = step + *done;
    return SX_OK;
}

/* Keep the R of an interval of the last phase, and the frame and the state at its start at `samples` of the first half. */
static void keep(const sx_lyapunov_run *s, void *state, const scratch *g) {
    const int64_t n = s->n, k = s->k, j = sx_lyapunov_clock_of(s, state)[CLOCK_STORED]++, every = s->half / s->samples;
    double *to = sx_lyapunov_at(s, state, PART_R) + j * (k * (k + 1) / 2);
    for (int64_t i = 0; i < k; i++)
        for (int64_t l = i; l < k; l++) *to++ = g->R[i * k + l];
    if (j % every != 0 || j / every >= s->samples) return;
    memcpy(sx_lyapunov_at(s, state, PART_FRAMES) + j / every * n * k, g->Q, (size_t)(n * k) * sizeof(double));
    memcpy(sx_lyapunov_at(s, state, PART_STATES) + j / every * n, g->x, (size_t)n * sizeof(double));
}

/* One interval in whatever phase the clock says. */
static sx_status next_interval(sx_ctx *ctx, const sx_lyapunov_run *s, int64_t replica, void *state, scratch *g) {
    int64_t *clock = sx_lyapunov_clock_of(s, state), done;
    const int64_t first = s->burn + s->transient, last = first + s->steps, step = clock[CLOCK_STEP];
    double *sum = sx_lyapunov_at(s, state, PART_SUM), *speeds = sx_lyapunov_at(s, state, PART_SPEED);
    const double *x = sx_lyapunov_at(s, state, PART_X);
    if (step < first) return interval(ctx, s, replica, state, g, first - step, false, false, &done);
    if (step < last) {
        if (step == first && s->autonomous) speeds[0] = speed(s, replica, step, x, g);
        const int64_t mark = clock[CLOCK_MARK], stop = first + sx_lyapunov_mark(s, mark);
        SX_TRY(ctx, interval(ctx, s, replica, state, g, stop - step, true, false, &done));
        if (clock[CLOCK_STEP] < stop) return SX_OK;
        memcpy(sx_lyapunov_at(s, state, PART_MARKS) + mark * (s->k + 1), sum, (size_t)(s->k + 1) * sizeof *sum);
        clock[CLOCK_MARK]++;
        if (clock[CLOCK_STEP] < last) return SX_OK;
        if (s->autonomous) speeds[1] = speed(s, replica, last, x, g);
        if (s->o.orthonormalise_every == 0 && clock[CLOCK_INTERVAL] > 1) clock[CLOCK_INTERVAL] /= 2;
        return SX_OK;
    }
    SX_TRY(ctx, interval(ctx, s, replica, state, g, clock[CLOCK_INTERVAL], false, true, &done));
    keep(s, state, g);
    if (clock[CLOCK_STORED] == 2 * s->half) sx_lyapunov_backward(s, replica, state, g->work.p);
    return SX_OK;
}

static sx_status advance_replica(sx_ctx *ctx, const void *instance, int64_t replica, void *state, void *memory,
                                 const sx_exec *exec, sx_result *result, bool *done, double *fraction) {
    const sx_lyapunov_run *s = instance;
    int64_t *clock = sx_lyapunov_clock_of(s, state);
    const sx_stepper *stepper = sx_lyapunov_stepper(s, replica);
    const double step_flops = sx_tangent_flops(stepper, s->k);
    const int64_t last = s->burn + s->transient + s->steps;
    scratch g;
    (void)result;
    carve(s, memory, exec, replica, &g);
    if (clock[CLOCK_STEP] < s->burn) {
        const double most = SEGMENT_FLOPS / (sx_stepper_flops(stepper) + 1);
        int64_t count = s->o.segment_ > 0 ? s->o.segment_ : most < 1 ? 1 : most > 1e6 ? 1000000 : (int64_t)most;
        if (count > s->burn - clock[CLOCK_STEP]) count = s->burn - clock[CLOCK_STEP];
        sx_batch x = { sx_lyapunov_at(s, state, PART_X), s->n, 1 };
        SX_TRY(ctx, sx_stepper_advance(ctx, stepper, s->key, s->t0, clock[CLOCK_STEP], count, replica, x, g.work));
        clock[CLOCK_STEP] += count;
        if (s->kernels->nonfinite(s->n, x.x)) return blow_up(ctx, s, replica, clock[CLOCK_STEP], "the state");
    } else {
        double flops = 0;
        int64_t factors = 0;
        do {
            const int64_t step = clock[CLOCK_STEP];
            SX_TRY(ctx, next_interval(ctx, s, replica, state, &g));
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
