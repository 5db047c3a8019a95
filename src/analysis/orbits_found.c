// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* From a recurrence to an orbit: Newton's method, the smallest period, a phase that does not depend on where the search began. */
#include "analysis/orbits_private.h"

#include <math.h>
#include <string.h>

enum { DIVISORS = 12 };

/* -- flows ---------------------------------------------------------------------------------------------------------------------- */

/* Points of the recorded trajectory at fractions of the guessed period, between samples by lines. */
static void seed_flow(const sx_orbits *s, const double *samples, int64_t from, sx_shooting *h) {
    int64_t n = s->n;
    for (int64_t i = 0; i < h->s; i++) {
        double at = (double)from + (double)i * h->T / (double)h->s / s->interval;
        int64_t k = (int64_t)at;
        if (k > s->S - 2) k = s->S - 2;
        double u = at - (double)k;
        for (int64_t v = 0; v < n; v++) h->X[i * n + v] = (1 - u) * samples[k * n + v] + u * samples[(k + 1) * n + v];
    }
}

/* T/k for the largest k after which the orbit has closed already. */
static sx_status smallest_period(sx_ctx *ctx, sx_shooting *h, double *x, bool *shorter) {
    int64_t n = h->o->n;
    *shorter = false;
    for (int k = DIVISORS; k > 1; k--) {
        double sum = 0;
        SX_TRY(ctx, sx_orbits_state(ctx, h, h->T / k, x));
        for (int64_t u = 0; u < n; u++) sum += (x[u] - h->X[u]) * (x[u] - h->X[u]);
        if (!(sqrt(sum) < 1e-5 * h->size)) continue;
        double T = h->T / k;
        for (int64_t i = h->s - 1; i > 0; i--)
            SX_TRY(ctx, sx_orbits_state(ctx, h, T * (double)i / (double)h->s, h->X + i * n));
        h->T = T;
        *shorter = true;
        return SX_OK;
    }
    return SX_OK;
}

static double rate_of(const sx_shooting *h, const double *x, double *f, int64_t unit) {
    sx_work w = { .p = h->scratch, .doubles = sx_model_work(h->m, 1) };
    sx_model_F(h->m, 0, (sx_cbatch){ x, h->o->n, 1 }, (sx_batch){ f, h->o->n, 1 }, w);
    return f[unit];
}

/* Time at which the unit with the largest range is at its maximum: the root of F_u between two samples about the largest sample (Illinois). orbit: [P][n]
 * samples of the orbit on entry; x, f: [n]. */
static sx_status phase_zero(sx_ctx *ctx, const sx_shooting *h, const double *orbit, double *x, double *f, double *t0) {
    int64_t n = h->o->n, P = h->o->P, unit = 0, at = 0;
    double widest = -1;
    for (int64_t u = 0; u < n; u++) {
        double lo = INFINITY, hi = -INFINITY;
        int64_t top = 0;
        for (int64_t k = 0; k < P; k++) {
            lo = fmin(lo, orbit[k * n + u]);
            if (orbit[k * n + u] > hi) hi = orbit[k * n + u], top = k;
        }
        if (hi - lo > widest * (1 + 1e-9)) widest = hi - lo, unit = u, at = top;
    }
    double step = h->T / (double)P, centre = (double)at * step, a = centre - step, b = centre + step, fa, fb;
#define WRAP(t) ((t) < 0 ? (t) + h->T : (t) >= h->T ? (t)-h->T : (t))
    SX_TRY(ctx, sx_orbits_state(ctx, h, WRAP(a), x));
    fa = rate_of(h, x, f, unit);
    SX_TRY(ctx, sx_orbits_state(ctx, h, WRAP(b), x));
    fb = rate_of(h, x, f, unit);
    *t0 = WRAP(centre);
    if (!(fa > 0 && fb < 0)) return SX_OK; /* a corner: the sample itself */
    for (int k = 0; k < 60 && b - a > 1e-14 * h->T; k++) {
        double c = k % 8 == 7 ? (a + b) / 2 : b - fb * (b - a) / (fb - fa), fc;
        SX_TRY(ctx, sx_orbits_state(ctx, h, WRAP(c), x));
        fc = rate_of(h, x, f, unit);
        *t0 = WRAP(c);
        if (fc == 0) break;
        if (fc > 0) {
            a = c, fa = fc;
            fb /= 2;
        } else {
            b = c, fb = fc;
            fa /= 2;
        }
    }
#undef WRAP
    return SX_OK;
}

static sx_status phases(sx_ctx *ctx, const sx_shooting *h, double t0, double *orbit) {
    for (int64_t k = 0; k < h->o->P; k++) {
        double t = t0 + (double)k * h->T / (double)h->o->P;
        SX_TRY(ctx, sx_orbits_state(ctx, h, t < h->T ? t : t - h->T, orbit + k * h->o->n));
    }
    return SX_OK;
}

/* *found false: no orbit, or one without extent. */
static sx_status finish_flow(sx_ctx *ctx, sx_shooting *h, double *orbit, double *x, double *f, bool *found) {
    int64_t n = h->o->n;
    bool shorter = true;
    double t0, extent = 0, largest = 1;
    for (int k = 0; k < 4 && shorter && *found; k++) {
        SX_TRY(ctx, smallest_period(ctx, h, x, &shorter));
        if (shorter) SX_TRY(ctx, sx_orbits_solve(ctx, h, found));
    }
    *found = *found && h->T >= h->o->o.period_min && h->T <= 1.01 * h->o->o.period_max;
    if (!*found) return SX_OK;
    SX_TRY(ctx, phases(ctx, h, 0, orbit));
    for (int64_t k = 0; k < h->o->P; k++)
        for (int64_t u = 0; u < n; u++) {
            extent = fmax(extent, fabs(orbit[k * n + u] - orbit[u]));
            largest = fmax(largest, fabs(orbit[k * n + u]));
        }
    *found = extent > 1e-7 * largest;
    if (!*found) return SX_OK;
    SX_TRY(ctx, phase_zero(ctx, h, orbit, x, f, &t0));
    return phases(ctx, h, t0, orbit);
}

/* -- maps ----------------------------------------------------------------------------------------------------------------------- */

/* The points in order from the one with the largest value of the unit with the largest range; *found false when a shorter period closes it. */
static void finish_map(const sx_shooting *h, double *orbit, bool *found) {
    int64_t n = h->o->n, p = h->s, unit = 0, first = 0;
    double widest = -1;
    for (int64_t d = 1; d < p; d++) {
        double e = 0;
        if (p % d) continue;
        for (int64_t u = 0; u < n; u++) e = fmax(e, fabs(h->X[d * n + u] - h->X[u]));
        if (e < 1e-7 * h->size) *found = false;
    }
    for (int64_t u = 0; u < n; u++) {
        double lo = INFINITY, hi = -INFINITY;
        int64_t top = 0;
        for (int64_t k = 0; k < p; k++) {
            lo = fmin(lo, h->X[k * n + u]);
            if (h->X[k * n + u] > hi) hi = h->X[k * n + u], top = k;
        }
        if (hi - lo > widest * (1 + 1e-9)) widest = hi - lo, unit = u, first = top;
    }
    (void)unit;
    for (int64_t k = 0; k < p; k++) memcpy(orbit + k * n, h->X + (first + k) % p * n, sizeof(double) * (size_t)n);
}

/* -- one recurrence --------------------------------------------------------------------------------------------------------------- */

/* An orbit of this start that the recurrence leads to as far as one can see, or -1. */
static int64_t known(const sx_orbits *s, const void *state, double period, const double *x, double near_) {
    const int64_t *at = sx_orbits_at_numbers(s, state);
    double size = sx_orbits_part_at(s, state, ORBITS_NUMBER)[NUMBER_SIZE];
    for (int64_t k = 0; k < at[AT_FOUND]; k++) {
        double T = sx_orbits_part_at(s, state, ORBITS_PERIOD)[k];
        const double *orbit = sx_orbits_part_at(s, state, ORBITS_ORBIT) + k * s->P * s->n;
        double turns = s->map ? 1 : fmax(1, nearbyint(period / T)); /* several times round is no other orbit */
        if (fabs(period - turns * T) > near_ * T) continue;
        if (sx_orbits_distance(s->map, s->n, s->map ? (int64_t)T : s->P, orbit, x) < near_ * size) return k;
    }
    return -1;
}

static sx_status attempt(sx_ctx *ctx, const sx_orbits *s, int64_t item, void *state, double *scratch, int64_t which) {
    int64_t n = s->n, *at = sx_orbits_at_numbers(s, state),
            from = (int64_t)sx_orbits_part_at(s, state, ORBITS_FROM)[which];
    double guess = sx_orbits_part_at(s, state, ORBITS_GUESS)[which], *hits = sx_orbits_part_at(s, state, ORBITS_HITS),
           *p = NULL;
    const double *samples = sx_orbits_part_at(s, state, ORBITS_SAMPLES);
    sx_shooting h = { .o = s, .m = sx_orbits_model(s, item), .scratch = scratch, .T = guess };
    bool found = false;
    sx_status status = SX_OK;
    h.size = sx_orbits_part_at(s, state, ORBITS_NUMBER)[NUMBER_SIZE];
    h.s = s->map ? (int64_t)guess : s->o.segments;
    int64_t same = known(s, state, guess, samples + from * n, s->map ? 1e-6 : 1e-2);
    if (same >= 0) {
        hits[same]++;
        return SX_OK;
    }
    SX_GO(ctx, status, done, sx_alloc(ctx, h.s * n, sizeof *h.X, &h.X));
    SX_GO(ctx, status, done, sx_alloc(ctx, h.s * n * n, sizeof *h.G, &h.G));
    SX_GO(ctx, status, done, sx_alloc(ctx, s->P * n + 2 * n, sizeof *p, &p));
    double *orbit = p, *x = p + s->P * n, *f = x + n;
    if (s->map)
        memcpy(h.X, samples + from * n, sizeof(double) * (size_t)(h.s * n));
    else
        seed_flow(s, samples, from, &h);
    SX_GO(ctx, status, done, sx_orbits_solve(ctx, &h, &found));
    if (found && !s->map) SX_GO(ctx, status, done, finish_flow(ctx, &h, orbit, x, f, &found));
    if (found && s->map) finish_map(&h, orbit, &found);
    if (!found) goto done;
    same = known(s, state, h.T, orbit, s->map ? 1e-6 : 1e-4);
    if (same >= 0) {
        hits[same]++;
        goto done;
    }
    int64_t k = at[AT_FOUND]++;
    SX_GO(ctx, status, done,
          sx_orbits_multipliers(ctx, &h, sx_orbits_part_at(s, state, ORBITS_MULTIPLIER) + k * n * 2));
    sx_orbits_part_at(s, state, ORBITS_PERIOD)[k] = h.T;
    sx_orbits_part_at(s, state, ORBITS_RESIDUAL)[k] = h.residual;
    hits[k] = 1;
    memcpy(sx_orbits_part_at(s, state, ORBITS_ORBIT) + k * s->P * n, orbit,
           sizeof(double) * (size_t)((s->map ? h.s : s->P) * n));
done:
    sx_free(ctx, p);
    sx_free(ctx, h.G);
    sx_free(ctx, h.X);
    if (status == SX_E_NUMERIC) {
        sx_ctx_clear(ctx);
        status = SX_OK;
    }
    return status;
}

sx_status sx_orbits_next(sx_ctx *ctx, const sx_orbits *s, int64_t item, void *state, double *scratch) {
    int64_t *at = sx_orbits_at_numbers(s, state);
    SX_TRY(ctx, attempt(ctx, s, item, state, scratch, at[AT_RECURRENCE]));
    if (++at[AT_RECURRENCE] == at[AT_RECURRENCES]) at[AT_STAGE] = STAGE_DONE;
    return SX_OK;
}
