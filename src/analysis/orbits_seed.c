// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Where orbits are looked for: a trajectory is recorded, and the moments when it comes back near an earlier state are kept (D. Auerbach et al., Phys. Rev.
 * Lett. 58 (1987) 2387). A limit cycle comes back exactly; a chaotic attractor near each of its unstable cycles now and then. */
#include "analysis/orbits_private.h"

#include <math.h>
#include <string.h>

#define CHUNK  64   /* sample intervals of one call */
#define NEAR   0.15 /* a return: so near, over the size of the trajectory */
#define AWAY   0.3  /* after having been so far away */
#define FOLLOW 1e-9 /* relative error of a step of the trajectory */

sx_status sx_orbits_start(sx_ctx *ctx, const sx_orbits *s, int64_t item, void *state) {
    double *x = sx_orbits_part_at(s, state, ORBITS_X);
    int64_t given = s->starts - s->random;
    (void)ctx;
    sx_normal_fill(sx_key_derive(s->key, "start", (uint64_t)item), 0, SX_SLOT_INITIAL, 0, s->n, 1, x);
    for (int64_t u = 0; u < s->n; u++)
        x[u] = item < given ? s->places.x[item * s->n + u] + s->o.start.jitter * x[u] : s->o.spread * x[u];
    sx_orbits_at_numbers(s, state)[AT_STAGE] = STAGE_TRANSIENT;
    return SX_OK;
}

/* One sample interval (a step of a map). */
static sx_status advance(sx_ctx *ctx, const sx_orbits *s, const sx_model *m, double *x, double *step, double *scratch) {
    if (s->map) {
        sx_work w = { .p = scratch + (s->n + 7) / 8 * 8, .doubles = sx_model_work(m, 1) };
        sx_model_F(m, 0, (sx_cbatch){ x, s->n, 1 }, (sx_batch){ scratch, s->n, 1 }, w);
        memcpy(x, scratch, sizeof(double) * (size_t)s->n);
    } else {
        sx_variational v = { .m = m, .rtol = FOLLOW, .atol = FOLLOW, .step = *step, .scratch = scratch };
        SX_TRY(ctx, sx_variational_run(ctx, &v, s->interval, x, 0, NULL));
        *step = v.step;
    }
    for (int64_t u = 0; u < s->n; u++)
        if (!(fabs(x[u]) < 1e100)) return SX_FAIL(ctx, SX_E_NUMERIC, "the trajectory runs away");
    return SX_OK;
}

sx_status sx_orbits_follow(sx_ctx *ctx, const sx_orbits *s, int64_t item, void *state, double *scratch) {
    const sx_model *m = sx_orbits_model(s, item);
    int64_t *at = sx_orbits_at_numbers(s, state), n = s->n;
    double *x = sx_orbits_part_at(s, state, ORBITS_X), *step = sx_orbits_part_at(s, state, ORBITS_NUMBER) + NUMBER_STEP,
           *samples = sx_orbits_part_at(s, state, ORBITS_SAMPLES);
    bool record = at[AT_STAGE] == STAGE_RECORD;
    int64_t end = record ? s->S : s->before;
    for (int64_t k = 0; k < CHUNK * (s->map ? 16 : 1) && at[AT_SAMPLE] < end; k++, at[AT_SAMPLE]++) {
        if (record) memcpy(samples + at[AT_SAMPLE] * n, x, sizeof(double) * (size_t)n);
        if (advance(ctx, s, m, x, step, scratch) < 0) {
            if (sx_ctx_status(ctx) != SX_E_NUMERIC) return sx_ctx_status(ctx);
            sx_ctx_clear(ctx);
            at[AT_FAILED] = 1;
            at[AT_STAGE] = STAGE_DONE;
            return SX_OK;
        }
    }
    if (at[AT_SAMPLE] == end) {
        at[AT_SAMPLE] = 0;
        at[AT_STAGE] = record ? STAGE_SEARCH : STAGE_RECORD;
    }
    return SX_OK;
}

/* Root of the sum over units of squared ranges. */
static double size_of(const sx_orbits *s, const double *samples) {
    double sum = 0;
    for (int64_t u = 0; u < s->n; u++) {
        double lo = samples[u], hi = lo;
        for (int64_t k = 1; k < s->S; k++) {
            lo = fmin(lo, samples[k * s->n + u]);
            hi = fmax(hi, samples[k * s->n + u]);
        }
        sum += (hi - lo) * (hi - lo);
    }
    return sqrt(sum);
}

static double distance(int64_t n, const double *x, const double *y) {
    double sum = 0;
    for (int64_t u = 0; u < n; u++) sum += (x[u] - y[u]) * (x[u] - y[u]);
    return sqrt(sum);
}

/* Distance of x from the segment a b, and where along it. */
static double to_segment(int64_t n, const double *x, const double *a, const double *b, double *theta) {
    double up = 0, down = 0, sum = 0;
    for (int64_t u = 0; u < n; u++) {
        up += (x[u] - a[u]) * (b[u] - a[u]);
        down += (b[u] - a[u]) * (b[u] - a[u]);
    }
    double t = down > 0 ? fmin(1, fmax(0, up / down)) : 0;
    for (int64_t u = 0; u < n; u++) {
        double e = x[u] - a[u] - t * (b[u] - a[u]);
        sum += e * e;
    }
    *theta = t;
    return sqrt(sum);
}

double sx_orbits_distance(bool map, int64_t n, int64_t phases, const double *orbit, const double *x) {
    double least = INFINITY, theta;
    for (int64_t k = 0; k < phases; k++)
        least = fmin(least, map ? distance(n, x, orbit + k * n)
                                : to_segment(n, x, orbit + k * n, orbit + (k + 1) % phases * n, &theta));
    return least;
}

static void keep(const sx_orbits *s, void *state, int64_t from, double period) {
    int64_t *at = sx_orbits_at_numbers(s, state), k = at[AT_RECURRENCES];
    if (k == s->Q) return;
    sx_orbits_part_at(s, state, ORBITS_FROM)[k] = (double)from;
    sx_orbits_part_at(s, state, ORBITS_GUESS)[k] = period;
    at[AT_RECURRENCES]++;
}

/* From evenly spread samples of the first half: the first return and the closest one. A return is the nearest approach of one visit to the
 * neighbourhood, after the trajectory has been away. */
static void search_flow(const sx_orbits *s, void *state, double size) {
    const double *samples = sx_orbits_part_at(s, state, ORBITS_SAMPLES);
    int64_t n = s->n, longest = (int64_t)(s->o.period_max / s->interval) + 1;
    for (int64_t k = 0; k < s->o.recurrences; k++) {
        int64_t from = k * (s->S / 2) / s->o.recurrences;
        const double *x = samples + from * n;
        double nearest = NEAR, T = 0, first = 0, closest = INFINITY, best = 0, theta;
        bool away = false, inside = false;
        for (int64_t j = 1; from + j + 1 < s->S && j <= longest; j++) {
            double d = to_segment(n, x, x + j * n, x + (j + 1) * n, &theta) / size;
            away = away || d > AWAY;
            if (away && d < NEAR) {
                inside = true;
                if (d < nearest) nearest = d, T = ((double)j + theta) * s->interval;
            } else if (inside) { /* a visit has ended */
                if (T >= s->o.period_min) {
                    if (first == 0) first = T;
                    if (nearest < 0.5 * closest) best = T, closest = nearest;
                }
                inside = false;
                away = d > AWAY;
                nearest = NEAR;
            }
        }
        if (first > 0) keep(s, state, from, first);
        if (best > first) keep(s, state, from, best);
    }
}

/* For every period the closest returns |x_{k+p} - x_k|, a period apart. */
static void search_map(const sx_orbits *s, void *state, double size) {
    const double *samples = sx_orbits_part_at(s, state, ORBITS_SAMPLES);
    int64_t n = s->n;
    for (int64_t p = (int64_t)s->o.period_min; p <= (int64_t)s->o.period_max; p++) {
        double last = -1; /* distance of the one taken before */
        int64_t last_k = -1;
        for (int64_t found = 0; found < s->o.recurrences; found++) {
            double least = INFINITY;
            int64_t best = -1;
            for (int64_t k = 0; k + p < s->S; k++) { /* the next in the order of distance, then of time */
                double d = distance(n, samples + k * n, samples + (k + p) * n);
                if ((d > last || (d == last && k > last_k)) && d < least) least = d, best = k;
            }
            if (best < 0 || least > NEAR * size + 1e-12) break;
            keep(s, state, best, (double)p);
            last = least;
            last_k = best;
        }
    }
}

sx_status sx_orbits_search(sx_ctx *ctx, const sx_orbits *s, void *state) {
    int64_t *at = sx_orbits_at_numbers(s, state);
    const double *samples = sx_orbits_part_at(s, state, ORBITS_SAMPLES);
    double size = size_of(s, samples), largest = 1;
    (void)ctx;
    for (int64_t k = 0; k < s->S * s->n; k++) largest = fmax(largest, fabs(samples[k]));
    at[AT_STAGE] = STAGE_ORBITS;
    if (s->map) {
        sx_orbits_part_at(s, state, ORBITS_NUMBER)[NUMBER_SIZE] = largest;
        search_map(s, state, fmax(size, 1e-9 * largest));
    } else if (size > 1e-6 * largest) { /* else it has settled */
        sx_orbits_part_at(s, state, ORBITS_NUMBER)[NUMBER_SIZE] = size;
        search_flow(s, state, size);
    }
    if (at[AT_RECURRENCES] == 0) at[AT_STAGE] = STAGE_DONE;
    return SX_OK;
}
