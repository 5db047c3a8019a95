// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Outputs of `orbits`: what the starts have found, each orbit once, by period. */
#include "analysis/orbits_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct sx_orbit {
    double period, residual, hits;
    const double *x, *multiplier; /* in the states */
    int64_t n_unstable, phases;
    double trivial;
} sx_orbit;

sx_status sx_orbits_define(sx_ctx *ctx, void *instance, sx_result *result) {
    const sx_orbits *s = instance;
    SX_TRY(ctx, sx_result_dim(ctx, result, "", "unit", s->n));
    SX_TRY(ctx, sx_result_attr_text(ctx, result, s->group, NULL, "task", "orbits"));
    SX_TRY(ctx, sx_result_attr_text(ctx, result, s->group, NULL, "method", "multiple shooting"));
    return sx_result_attr_text(ctx, result, s->group, NULL, "drift", "F");
}

/* Multipliers outside of the circle; for flows without the one nearest to 1. */
static void count_unstable(const sx_orbits *s, sx_orbit *o) {
    int64_t trivial = -1;
    o->trivial = INFINITY;
    for (int64_t k = 0; k < s->n && !s->map; k++) {
        double d = hypot(o->multiplier[2 * k] - 1, o->multiplier[2 * k + 1]);
        if (d < o->trivial) o->trivial = d, trivial = k;
    }
    o->n_unstable = 0;
    for (int64_t k = 0; k < s->n; k++)
        o->n_unstable += k != trivial && hypot(o->multiplier[2 * k], o->multiplier[2 * k + 1]) > 1 + 1e-9;
}

/* The same curve: equal periods, and phases of the one on the other (a polygon of P corners is off by about (pi/P)^2/2 of the extent). */
static bool same(const sx_orbits *s, const sx_orbit *a, const sx_orbit *b) {
    double extent = 0, far = 0;
    if (s->map ? a->period != b->period : fabs(a->period - b->period) > 1e-6 * b->period) return false;
    for (int64_t k = 0; k < b->phases; k++)
        for (int64_t u = 0; u < s->n; u++) extent = fmax(extent, fabs(b->x[k * s->n + u] - b->x[u]));
    for (int64_t u = 0; u < s->n && s->map; u++) extent = fmax(extent, fabs(b->x[u]));
    for (int64_t k = 0; k < a->phases; k += s->map ? 1 : (a->phases + 3) / 4)
        far = fmax(far, sx_orbits_distance(s->map, s->n, b->phases, b->x, a->x + k * s->n));
    return far < (s->map ? 1e-6 * (1 + extent) : (1e-4 + 10.0 / (double)(b->phases * b->phases)) * extent);
}

static int by_period(const void *a, const void *b) {
    const sx_orbit *x = a, *y = b;
    if (fabs(x->period - y->period) > 1e-9 * (x->period + y->period)) return x->period < y->period ? -1 : 1;
    if (x->n_unstable != y->n_unstable) return x->n_unstable < y->n_unstable ? -1 : 1;
    return (x->x[0] > y->x[0]) - (x->x[0] < y->x[0]);
}

static int64_t collect(const sx_orbits *s, const void *const *states, sx_orbit *all) {
    int64_t count = 0;
    for (int64_t item = 0; item < s->starts; item++) {
        const void *state = states[item];
        for (int64_t k = 0; k < sx_orbits_at_numbers(s, state)[AT_FOUND]; k++) {
            sx_orbit o = { .period = sx_orbits_part_at(s, state, ORBITS_PERIOD)[k],
                           .residual = sx_orbits_part_at(s, state, ORBITS_RESIDUAL)[k],
                           .hits = sx_orbits_part_at(s, state, ORBITS_HITS)[k],
                           .x = sx_orbits_part_at(s, state, ORBITS_ORBIT) + k * s->P * s->n,
                           .multiplier = sx_orbits_part_at(s, state, ORBITS_MULTIPLIER) + k * s->n * 2 };
            o.phases = s->map ? (int64_t)o.period : s->P;
            count_unstable(s, &o);
            int64_t old = 0;
            while (old < count && !same(s, &o, &all[old])) old++;
            if (old < count)
                all[old].hits += o.hits;
            else
                all[count++] = o;
        }
    }
    qsort(all, (size_t)count, sizeof *all, by_period);
    return count;
}

static sx_status put(sx_ctx *ctx, const sx_orbits *s, sx_result *r, const char *name, const char *dims,
                     const char *units, const char *help, const double *v) {
    return sx_result_put(ctx, r, s->group, name, dims, units, help, v);
}

static sx_status put_numbers(sx_ctx *ctx, const sx_orbits *s, sx_result *r, const sx_orbit *all, int64_t count) {
    double *v = NULL;
    uint8_t *flag = NULL;
    int id;
    sx_status status;
    sx_var stable = { .name = "stable",
                      .dims = "orbit",
                      .dtype = SX_DT_U8,
                      .units = "1",
                      .long_name = "1 where no multiplier is outside of the unit circle" };
    SX_GO(ctx, status, done, sx_alloc(ctx, count, sizeof *v, &v));
    SX_GO(ctx, status, done, sx_alloc(ctx, count, 1, &flag));
    for (int64_t k = 0; k < count; k++) v[k] = all[k].period;
    SX_GO(ctx, status, done, put(ctx, s, r, "period", "orbit", "time", "period", v));
    for (int64_t k = 0; k < count; k++) v[k] = (double)all[k].n_unstable;
    SX_GO(ctx, status, done, put(ctx, s, r, "n_unstable", "orbit", "1", "multipliers outside of the unit circle", v));
    for (int64_t k = 0; k < count; k++) flag[k] = all[k].n_unstable == 0;
    SX_GO(ctx, status, done, sx_result_define(ctx, r, s->group, &stable, &id));
    SX_GO(ctx, status, done, sx_result_write(ctx, r, id, NULL, NULL, flag));
    for (int64_t k = 0; k < count; k++) v[k] = all[k].trivial;
    if (!s->map)
        SX_GO(ctx, status, done,
              put(ctx, s, r, "trivial_error", "orbit", "1", "distance of 1 from the nearest multiplier", v));
    for (int64_t k = 0; k < count; k++) v[k] = all[k].residual;
    SX_GO(
        ctx, status, done,
        put(ctx, s, r, "residual", "orbit", "1", "jumps of the shooting solution over the size of the trajectory", v));
    for (int64_t k = 0; k < count; k++) v[k] = all[k].hits;
    SX_GO(ctx, status, done, put(ctx, s, r, "hits", "orbit", "1", "recurrences that led to it", v));
done:
    sx_free(ctx, flag);
    sx_free(ctx, v);
    return status;
}

static sx_status put_orbits(sx_ctx *ctx, const sx_orbits *s, sx_result *r, const sx_orbit *all, int64_t count) {
    int64_t P = 0, n = s->n;
    int id;
    double *v = NULL;
    sx_status status = SX_OK;
    for (int64_t k = 0; k < count; k++) P = all[k].phases > P ? all[k].phases : P;
    sx_var x = {
        .name = "x", .dims = "orbit,phase,unit", .dtype = SX_DT_F64, .units = "state", .long_name = "periodic orbits"
    };
    sx_var m = { .name = "multiplier",
                 .dims = "orbit,mode,complex",
                 .dtype = SX_DT_F64,
                 .units = "1",
                 .long_name = "Floquet multipliers" };
    SX_TRY(ctx, sx_result_dim(ctx, r, s->group, "orbit", count));
    SX_TRY(ctx, sx_result_dim(ctx, r, s->group, "phase", P));
    SX_TRY(ctx, sx_result_dim(ctx, r, s->group, "mode", n));
    SX_TRY(ctx, sx_result_dim(ctx, r, "", "complex", 2));
    SX_GO(ctx, status, done, sx_alloc(ctx, P, sizeof *v, &v));
    for (int64_t k = 0; k < P; k++) v[k] = s->map ? (double)k : (double)k / (double)P;
    SX_GO(ctx, status, done, put(ctx, s, r, "phase", "phase", "1", s->map ? "step" : "fraction of the period", v));
    SX_GO(ctx, status, done, sx_result_define(ctx, r, s->group, &x, &id));
    for (int64_t k = 0; k < count; k++) {
        int64_t start[3] = { k, 0, 0 }, shape[3] = { 1, all[k].phases, n };
        SX_GO(ctx, status, done, sx_result_write(ctx, r, id, start, shape, all[k].x));
    }
    SX_GO(ctx, status, done, sx_result_define(ctx, r, s->group, &m, &id));
    for (int64_t k = 0; k < count; k++) {
        int64_t start[3] = { k, 0, 0 }, shape[3] = { 1, n, 2 };
        SX_GO(ctx, status, done, sx_result_write(ctx, r, id, start, shape, all[k].multiplier));
    }
done:
    sx_free(ctx, v);
    return status;
}

sx_status sx_orbits_finish(sx_ctx *ctx, const void *instance, const void *const *states, sx_result *result) {
    const sx_orbits *s = instance;
    sx_orbit *all = NULL;
    int64_t failed = 0, tried = 0, room = 0;
    sx_status status;
    for (int64_t item = 0; item < s->starts; item++) {
        failed += sx_orbits_at_numbers(s, states[item])[AT_FAILED];
        tried += sx_orbits_at_numbers(s, states[item])[AT_RECURRENCES];
        room += sx_orbits_at_numbers(s, states[item])[AT_FOUND];
    }
    SX_GO(ctx, status, done, sx_alloc(ctx, room, sizeof *all, &all));
    int64_t count = collect(s, states, all);
    double found = (double)count, attempts = (double)tried;
    if (failed > 0)
        SX_GO(ctx, status, done,
              sx_result_warn(ctx, result, s->group, "%lld of %lld trajectories ran away", (long long)failed,
                             (long long)s->starts));
    SX_GO(ctx, status, done, put(ctx, s, result, "n_orbit", "", "1", "number of orbits", &found));
    SX_GO(ctx, status, done, put(ctx, s, result, "n_recurrence", "", "1", "recurrences that were tried", &attempts));
    if (count == 0) {
        const char *why =
            tried > 0 ? "no recurrence led to a periodic orbit" : "no trajectory came back to where it had been";
        SX_GO(ctx, status, done, sx_result_attr_text(ctx, result, s->group, NULL, "empty", why));
        SX_GO(ctx, status, done, sx_result_warn(ctx, result, s->group, "%s", why));
        status = SX_NOT_CONVERGED;
        goto done;
    }
    SX_GO(ctx, status, done, put_orbits(ctx, s, result, all, count));
    SX_GO(ctx, status, done, put_numbers(ctx, s, result, all, count));
done:
    sx_free(ctx, all);
    return status;
}
