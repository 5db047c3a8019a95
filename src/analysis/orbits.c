// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The task `orbits`: options, plan, work items. */
#include "analysis/orbits_private.h"

#include <math.h>
#include <string.h>

#define LARGEST     1000 /* numbers in the state: dense derivatives of every segment */
#define UNKNOWNS    6000 /* of the shooting equations */
#define LONGEST_MAP 1000 /* steps of a period */

#define F(member) .offset = offsetof(sx_orbits_opts, member)
const sx_field sx_orbits_fields[] = {
    { .name = "start",
      .type = SX_POINTS,
      F(start),
      .unit = "state",
      .help = "where trajectories begin: points, { file }, \"random\", { task, select, n, jitter }; left out: random "
              "points" },
    { .name = "random",
      .type = SX_I64,
      F(random),
      .lo = 0,
      .hi = 1e6,
      .def = "-1",
      .help = "random starts; left out: 8 if `start` says \"random\" or is left out, else none" },
    { .name = "spread",
      .type = SX_F64,
      F(spread),
      .lo = 0,
      .hi = INFINITY,
      .flags = SX_LO_OPEN | SX_HI_OPEN,
      .def = "1.0",
      .unit = "state",
      .help = "standard deviation of random starts" },
    { .name = "transient",
      .type = SX_F64,
      F(transient),
      .lo = 0,
      .hi = INFINITY,
      .flags = SX_HI_OPEN,
      .def = "-1.0",
      .unit = "time",
      .help = "time before recurrences are looked for (steps for maps); left out: 200 over an estimate of the spectral "
              "radius of J, 1000 steps" },
    { .name = "duration",
      .type = SX_F64,
      F(duration),
      .lo = 0,
      .hi = INFINITY,
      .flags = SX_LO_OPEN | SX_HI_OPEN,
      .def = "0.0",
      .unit = "time",
      .help = "length of the trajectory in which recurrences are looked for (steps for maps); left out: 500 over an "
              "estimate of the spectral radius of J, 2000 steps" },
    { .name = "samples",
      .type = SX_I64,
      F(samples),
      .lo = 100,
      .hi = 1e7,
      .def = "4000",
      .help = "flows: recorded states of the trajectory; some 50 in a period are wanted" },
    { .name = "recurrences",
      .type = SX_I64,
      F(recurrences),
      .lo = 1,
      .hi = 10000,
      .def = "8",
      .help = "flows: times along the trajectory whose returns are tried; maps: returns tried for each period" },
    { .name = "period_min",
      .type = SX_F64,
      F(period_min),
      .lo = 0,
      .hi = INFINITY,
      .flags = SX_HI_OPEN,
      .def = "0.0",
      .unit = "time",
      .help = "shortest period (maps: at least 1)" },
    { .name = "period_max",
      .type = SX_F64,
      F(period_max),
      .lo = 0,
      .hi = INFINITY,
      .flags = SX_LO_OPEN | SX_HI_OPEN,
      .def = "0.0",
      .unit = "time",
      .help = "longest period; left out: half the duration (flows), 8 (maps)" },
    { .name = "segments",
      .type = SX_I64,
      F(segments),
      .lo = 1,
      .hi = 1000,
      .def = "4",
      .help = "flows: shooting segments of an orbit; more for strongly unstable ones" },
    { .name = "phases",
      .type = SX_I64,
      F(phases),
      .lo = 16,
      .hi = 100000,
      .def = "64",
      .help = "flows: phases of an orbit that are reported" },
    { .name = "tolerance",
      .type = SX_F64,
      F(tolerance),
      .lo = 0,
      .hi = 1e-3,
      .flags = SX_LO_OPEN,
      .def = "1e-9",
      .help = "converged: jumps between the segments over the size of the trajectory" },
    { .name = "rtol",
      .type = SX_F64,
      F(rtol),
      .lo = 1e-14,
      .hi = 1e-3,
      .def = "1e-12",
      .help = "flows: relative error of a step of the integrator" },
    { .name = "iterations",
      .type = SX_I64,
      F(iterations),
      .lo = 1,
      .hi = 10000,
      .def = "50",
      .help = "steps of Newton's method, at most" },
    SX_FIELD_END
};
#undef F

static const sx_output outputs[] = {
    { "x", "orbit,phase,unit", "state",
      "flows: states at equally spaced times from the maximum of the unit with the largest range on; maps: the points "
      "of the cycle, NaN beyond its period" },
    { "phase", "phase", "1", "flows: fraction of the period" },
    { "period", "orbit", "time", "period; a number of steps for maps" },
    { "multiplier", "orbit,mode,complex", "1", "Floquet multipliers by modulus, descending" },
    { "n_unstable", "orbit", "1",
      "multipliers outside of the unit circle (flows: the one of the flow's direction is left out)" },
    { "stable", "orbit", "1", "1 where there is none" },
    { "trivial_error", "orbit", "1", "flows: distance of 1 from the nearest multiplier" },
    { "residual", "orbit", "1", "jumps of the shooting solution over the size of the trajectory" },
    { "hits", "orbit", "1", "recurrences that led to it" },
    { "n_orbit", "", "1", "number of orbits" },
    { "n_recurrence", "", "1", "recurrences that were tried" },
    { NULL, NULL, NULL, NULL }
};

/* -- options ------------------------------------------------------------------------------------------------------------------ */

/* F must not depend on time: compared at a few times and one state. */
static sx_status check_autonomous(sx_ctx *ctx, const sx_orbits *s) {
    static const double times[] = { 0.7310585, 17.320508, 1234.5678 };
    int64_t n = s->n, work = sx_model_work(s->model, 1);
    double *p = NULL, *scratch = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, 3 * n, sizeof *p, &p));
    SX_GO(ctx, status, done, sx_alloc(ctx, work, sizeof *scratch, &scratch));
    sx_work w = { .p = scratch, .doubles = work };
    double *x = p, *a = p + n, *b = a + n;
    bool same = !isfinite(sx_model_input_end(s->model));
    for (int64_t u = 0; u < n; u++) x[u] = 0.1 + 0.01 * (double)(u % 7);
    sx_model_F(s->model, 0, (sx_cbatch){ x, n, 1 }, (sx_batch){ a, n, 1 }, w);
    for (int k = 0; k < 3 && same; k++) {
        sx_model_F(s->model, times[k], (sx_cbatch){ x, n, 1 }, (sx_batch){ b, n, 1 }, w);
        same = memcmp(a, b, sizeof(double) * (size_t)n) == 0;
    }
    if (!same)
        status = SX_FAIL(ctx, SX_E_UNSUPPORTED,
                         "orbits: the model is driven by an input that changes in time; its orbits are "
                         "not those of a flow or map by itself");
done:
    sx_free(ctx, scratch);
    sx_free(ctx, p);
    return status;
}

static sx_status flow_times(sx_ctx *ctx, sx_orbits *s) {
    sx_orbits_opts *o = &s->o;
    double radius = 0, *x = NULL;
    if (o->duration == 0 || o->transient < 0) {
        if (!sx_model_has(s->model, "vjp"))
            return SX_FAIL(ctx, SX_E_USAGE,
                           "orbits.duration and orbits.transient are required for a model without products with J^T");
        SX_TRY(ctx, sx_alloc(ctx, s->n, sizeof *x, &x));
        if (s->starts > s->random) memcpy(x, s->places.x, sizeof(double) * (size_t)s->n);
        sx_status status = sx_model_stiffness(ctx, s->model, x, &radius);
        sx_free(ctx, x);
        SX_TRY(ctx, status);
        if (!(radius > 0) || !isfinite(radius)) radius = 1;
        if (o->duration == 0) o->duration = 500 / radius;
        if (o->transient < 0) o->transient = 200 / radius;
    }
    if (o->period_max == 0) o->period_max = o->duration / 2;
    s->S = o->samples;
    s->P = o->phases;
    s->interval = o->duration / (double)s->S;
    s->before = (int64_t)ceil(o->transient / s->interval);
    s->Q = 2 * o->recurrences;
    return SX_OK;
}

static sx_status map_times(sx_ctx *ctx, sx_orbits *s) {
    sx_orbits_opts *o = &s->o;
    if (o->duration == 0) o->duration = 2000;
    if (o->transient < 0) o->transient = 1000;
    if (o->period_max == 0) o->period_max = 8;
    if (o->period_min < 1) o->period_min = 1;
    if (o->duration > 1e7 || o->transient > 1e12 || o->period_max > LONGEST_MAP)
        return SX_FAIL(ctx, SX_E_USAGE,
                       "orbits: want at most 1e7 steps of duration, 1e12 of transient and periods up to %d for a map",
                       LONGEST_MAP);
    s->S = (int64_t)o->duration;
    s->before = (int64_t)o->transient;
    s->P = (int64_t)o->period_max;
    s->interval = 1;
    s->Q = o->recurrences * ((int64_t)o->period_max - (int64_t)o->period_min + 1);
    if (s->S <= s->P + 1)
        return SX_FAIL(ctx, SX_E_USAGE, "orbits.duration = %g: want more steps than the longest period, %g",
                       o->duration, o->period_max);
    return SX_OK;
}

static sx_status check(sx_ctx *ctx, sx_orbits *s) {
    const sx_model *m = s->model;
    sx_kind kind = sx_model_kind(m);
    if (kind != SX_FLOW && kind != SX_MAP)
        return SX_FAIL(ctx, SX_E_UNSUPPORTED, "orbits: for flows and maps; the model '%s' is neither",
                       sx_model_name(m));
    if (s->n > LARGEST)
        return SX_FAIL(
            ctx, SX_E_USAGE,
            "orbits: %lld numbers in the state: want at most %d (derivatives of a period are dense matrices)",
            (long long)s->n, LARGEST);
    SX_TRY(ctx, check_autonomous(ctx, s));
    SX_TRY(ctx, s->map ? map_times(ctx, s) : flow_times(ctx, s));
    if (!(s->o.period_min < s->o.period_max * (1 + 1e-12)))
        return SX_FAIL(ctx, SX_E_USAGE, "orbits.period_min = %g: want at most period_max = %g", s->o.period_min,
                       s->o.period_max);
    int64_t pieces = s->map ? s->P : s->o.segments;
    if (pieces * s->n > UNKNOWNS)
        return SX_FAIL(ctx, SX_E_USAGE,
                       "orbits.%s = %lld: with %lld numbers in the state want at most %lld (%d unknowns)",
                       s->map ? "period_max" : "segments", (long long)pieces, (long long)s->n,
                       (long long)(UNKNOWNS / s->n), UNKNOWNS);
    return SX_OK;
}

/* -- state -------------------------------------------------------------------------------------------------------------------- */

static sx_status lay_out(sx_ctx *ctx, sx_orbits *s) {
    int64_t n = s->n;
    const struct {
        const char *name;
        int64_t a, b, c;
    } part[ORBITS_PARTS] = {
        [ORBITS_AT] = { "at", AT_COUNT, 1, 1 },
        [ORBITS_NUMBER] = { "number", NUMBER_COUNT, 1, 1 },
        [ORBITS_X] = { "x", n, 1, 1 },
        [ORBITS_SAMPLES] = { "samples", s->S, n, 1 },
        [ORBITS_FROM] = { "from", s->Q, 1, 1 },
        [ORBITS_GUESS] = { "guess", s->Q, 1, 1 },
        [ORBITS_PERIOD] = { "period", s->Q, 1, 1 },
        [ORBITS_RESIDUAL] = { "residual", s->Q, 1, 1 },
        [ORBITS_HITS] = { "hits", s->Q, 1, 1 },
        [ORBITS_ORBIT] = { "orbit", s->Q, s->P, n },
        [ORBITS_MULTIPLIER] = { "multiplier", s->Q, n, 2 },
    };
    for (int k = 0; k < ORBITS_PARTS; k++) {
        int64_t count;
        SX_TRY(ctx, sx_mul_size(ctx, part[k].a, part[k].b, &count));
        SX_TRY(ctx, sx_mul_size(ctx, count, part[k].c, &count));
        s->sections[k] = (sx_section){ part[k].name, k == ORBITS_AT ? SX_DT_I64 : SX_DT_F64, count, s->state_bytes };
        s->state_bytes += ((size_t)count * 8 + 63) / 64 * 64;
    }
    s->n_sections = ORBITS_PARTS;
    return SX_OK;
}

static void close_orbits(sx_ctx *ctx, void *instance) {
    sx_orbits *s = instance;
    if (!s) return;
    sx_places_free(ctx, &s->places);
    sx_model_free(ctx, s->model);
    sx_free(ctx, s->group);
    sx_free(ctx, s);
}

static sx_status open_checked(sx_ctx *ctx, sx_orbits *s, const char *group, sx_plan *plan) {
    const sx_points *start = &s->o.start;
    bool nothing = start->n == 0 && !start->task;
    SX_TRY(ctx, sx_strdup(ctx, group, &s->group));
    s->n = sx_model_n(s->model);
    s->map = sx_model_kind(s->model) == SX_MAP;
    SX_TRY(ctx, sx_places_create(ctx, s->model, start, "orbits.start", &s->places));
    s->random = s->o.random >= 0 ? s->o.random : start->random || nothing ? 8 : 0;
    s->starts = s->random + (nothing ? 0 : s->places.n);
    if (s->starts == 0) return SX_FAIL(ctx, SX_E_USAGE, "orbits: no start: give `start` or random > 0");
    SX_TRY(ctx, check(ctx, s));
    SX_TRY(ctx, lay_out(ctx, s));
    double n = (double)s->n, steps = s->map ? (double)(s->S + s->before) : 12.0 * 4 * (double)(s->S + s->before);
    int64_t pieces = s->map ? s->P : s->o.segments, unknowns = pieces * s->n + 1;
    *plan = (sx_plan){ .n_items = s->starts,
                       .state_bytes = s->state_bytes,
                       .sections = s->sections,
                       .n_sections = s->n_sections,
                       .scratch_bytes = (size_t)sx_variational_scratch(s->model, s->n) * 8,
                       .shared_bytes = (size_t)(2 * unknowns * unknowns + pieces * s->n * s->n) * 8,
                       .result_bytes = 4 * s->P * s->n * 8,
                       .segments = (double)(s->S + s->before) / 64 + (double)s->Q };
    plan->disk_bytes = plan->result_bytes;
    plan->flops = (double)s->starts *
                  (steps * sx_model_flops(s->model) + 3 * 10 * (12.0 * 100 * n * n * n + pow((double)unknowns, 3)));
    return SX_OK;
}

static sx_status open_orbits(sx_ctx *ctx, const sx_model *m, const void *opts, sx_key key, const char *group,
                             void **instance, sx_plan *plan) {
    const sx_orbits_opts *o = opts;
    if (!o || o->struct_size != sizeof *o)
        return SX_FAIL(ctx, SX_E_USAGE, "task orbits: want options initialised with SX_ORBITS_OPTS");
    SX_TRY(ctx, sx_fields_check(ctx, sx_orbits_fields, o, "orbits"));
    sx_orbits *s = NULL;
    SX_TRY(ctx, sx_alloc(ctx, 1, sizeof *s, &s));
    s->model = sx_model_ref(m);
    s->o = *o;
    s->key = key;
    sx_status status = open_checked(ctx, s, group, plan);
    if (status < 0)
        close_orbits(ctx, s);
    else
        *instance = s;
    return status;
}

static sx_status start_item(sx_ctx *ctx, const void *instance, int64_t item, void *state) {
    return sx_orbits_start(ctx, instance, item, state);
}

static sx_status advance_item(sx_ctx *ctx, const void *instance, int64_t item, void *state, void *scratch,
                              const sx_exec *exec, sx_result *result, bool *done, double *fraction) {
    const sx_orbits *s = instance;
    int64_t *at = sx_orbits_at_numbers(s, state);
    (void)exec, (void)result;
    switch (at[AT_STAGE]) {
    case STAGE_TRANSIENT:
    case STAGE_RECORD:
        SX_TRY(ctx, sx_orbits_follow(ctx, s, item, state, scratch));
        break;
    case STAGE_SEARCH:
        SX_TRY(ctx, sx_orbits_search(ctx, s, state));
        break;
    case STAGE_ORBITS:
        SX_TRY(ctx, sx_orbits_next(ctx, s, item, state, scratch));
        break;
    default:
        break;
    }
    *done = at[AT_STAGE] == STAGE_DONE;
    *fraction =
        ((double)at[AT_STAGE] + (double)at[AT_RECURRENCE] / (double)(at[AT_RECURRENCES] + 1)) / (STAGE_DONE + 1);
    return SX_OK;
}

const sx_task_ops sx_orbits_task = {
    .abi = SX_TASK_ABI,
    .struct_size = sizeof(sx_task_ops),
    .name = "orbits",
    .title = "Periodic orbits and their Floquet multipliers",
    .help = "Limit cycles and unstable cycles of flows, period-p points of maps: recurrences of trajectories, made "
            "exact by multiple shooting.",
    .fields = sx_orbits_fields,
    .opts_size = sizeof(sx_orbits_opts),
    .outputs = outputs,
    .needs = "F jvp",
    .example = "title = \"The cycle of FitzHugh and Nagumo\"\nseed = 1\n\n[model]\nkind = \"equations\"\n"
               "time = \"continuous\"\nstate = [\"v\", \"w\"]\n\n[model.parameters]\na = 0.7\nb = 0.8\n"
               "tau = 12.5\nI = 0.5\n\n[model.equations]\nv = \"v - v^3/3 - w + I\"\nw = \"(v + a - b*w)/tau\"\n"
               "\n[noise]\nkind = \"none\"\n\n[[task]]\nname = \"cycle\"\ndo = \"orbits\"\nrandom = 4\ntransient = "
               "200.0\nduration = 400.0\n",
    .open = open_orbits,
    .define = sx_orbits_define,
    .start = start_item,
    .advance = advance_item,
    .finish = sx_orbits_finish,
    .close = close_orbits,
};
