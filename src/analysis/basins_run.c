// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* A block of starts: steps, and what is seen of the attractor in the window.
 *
 *   point   after the transient Newton's method arrives nearby
 *   cycle   the state returns to its reference three times in a row, each after the same time
 *   chaos   a shadow set off by 1e-7 departs: exponent (1/T) sum ln(d'/d), d set back after every step (Benettin, Galgani and Strelcyn 1976)
 *   torus   neither, while the shadow keeps its distance
 *
 * A return is the least distance to the line between two steps once the state has been half the range away. */
#include "basins_private.h"

#include "core/mutant.h"

#include <math.h>
#include <string.h>

enum { PHASE_NOISE, PHASE_RELAX, PHASE_WINDOW };
enum { STEP, PHASE, ROUND };
#define SEGMENT_FLOPS 2e8
#define SHADOW        1e-7 /* distance of the shadow, of 1 + max |x| */

sx_root_system sx_ba_system(const sx_ba *s) {
    return (sx_root_system){ .model = s->quiet,
                             .kernels = s->kernels,
                             .n = s->n,
                             .t = 0,
                             .map = s->map,
                             .dense = s->n <= 2000,
                             .curved = false,
                             .tolerance = 1e-10,
                             .resolution = 1e-6 };
}

static int64_t pad(int64_t doubles) {
    return (doubles + 7) & ~INT64_C(7);
}
int64_t sx_ba_scratch(const sx_ba *s) {
    sx_root_system system = sx_ba_system(s);
    int64_t roots = pad(s->n) + sx_root_doubles(&system), steps = 2 * pad(s->n * s->b) + s->work;
    return (roots > steps ? roots : steps) + 6 * pad(s->n) + 64;
}

/* -- starts ------------------------------------------------------------------------------------------------------------------- */

static void start_random(const sx_ba *s, int64_t run, double *x) {
    const sx_initial *i = &s->o.initial;
    sx_key key = sx_key_derive(i->has_key ? i->key : s->key, "initial", 0);
    switch ((sx_initial_kind)i->kind) {
    case SX_INITIAL_VALUES:
        memcpy(x, s->initial + run % s->n_initial * s->n, (size_t)s->n * sizeof *x);
        return;
    case SX_INITIAL_GAUSSIAN:
        sx_normal_fill(key, 0, SX_SLOT_INITIAL, run, s->n, 1, x);
        for (int64_t u = 0; u < s->n; u++) x[u] = i->mean + i->sd * x[u];
        return;
    case SX_INITIAL_UNIFORM:
    case SX_INITIAL_ZERO:
        sx_uniform_fill(key, 0, SX_SLOT_INITIAL, run, s->n, 1, x);
        for (int64_t u = 0; u < s->n; u++) {
            double lo = i->kind == SX_INITIAL_UNIFORM ? i->lo : s->lo[u];
            double hi = i->kind == SX_INITIAL_UNIFORM ? i->hi : s->hi[u];
            x[u] = lo + (hi - lo) * x[u];
        }
        return;
    }
}

/* Runs: the random starts, then the cells of the slice, row by row. */
void sx_ba_start(const sx_ba *s, int64_t run, double *x) {
    if (run < s->starts) {
        start_random(s, run, x);
        return;
    }
    int64_t cell = run - s->starts, row = cell / s->side, column = cell % s->side;
    for (int64_t u = 0; u < s->n; u++) x[u] = s->at ? s->at[u] : 0;
    double step_x = (s->hi[s->slice_x] - s->lo[s->slice_x]) / (double)(s->side - 1),
           step_y = (s->hi[s->slice_y] - s->lo[s->slice_y]) / (double)(s->side - 1);
    x[s->slice_x] = s->lo[s->slice_x] + step_x * (double)column;
    x[s->slice_y] = s->lo[s->slice_y] + step_y * (double)row;
}

/* Columns past the last run repeat it. */
void sx_ba_start_block(const sx_ba *s, int64_t block, void *state) {
    double *x = sx_ba_at(s, state, BA_X), *one = sx_ba_at(s, state, BA_RESULT);
    for (int64_t r = 0; r < s->b; r++) {
        int64_t run = block * s->b + r;
        sx_ba_start(s, run < s->runs ? run : s->runs - 1, one);
        for (int64_t u = 0; u < s->n; u++) x[u * s->b + r] = one[u];
    }
    sx_ba_i64(s, state, BA_STEP)[PHASE] = s->noise_steps > 0 ? PHASE_NOISE : PHASE_RELAX;
}

/* -- points ------------------------------------------------------------------------------------------------------------------- */

static double *info_of(const sx_ba *s, void *state, int64_t r) {
    return sx_ba_at(s, state, BA_INFO) + r * BI_NUMBERS;
}

static void escape(const sx_ba *s, void *state, int64_t r) {
    double *x = sx_ba_at(s, state, BA_X);
    info_of(s, state, r)[BI_KIND] = SX_ATTRACTOR_ESCAPED;
    for (int64_t u = 0; u < s->n; u++) x[u * s->b + r] = 0; /* goes on from somewhere harmless */
}

/* Newton's method from the column; a root within `tolerance` is where it has settled. The direction of the rest of the way is not asked: whether
 * the root is stable is seen at the end. */
static sx_status settle(sx_ctx *ctx, const sx_ba *s, void *state, int64_t r, double *scratch, const sx_exec *exec,
                        bool *settled) {
    sx_root_system system = sx_ba_system(s);
    sx_root_work w;
    double *x = scratch, *from = sx_ba_at(s, state, BA_X), *result = sx_ba_at(s, state, BA_RESULT) + r * s->n;
    double memory[4] = { 0 }, far = 0, *info = info_of(s, state, r);
    int outcome = SX_ROOT_GOING;
    sx_root_carve(&system, scratch + pad(s->n), exec, &w);
    for (int64_t u = 0; u < s->n; u++) x[u] = from[u * s->b + r];
    double size = 1 + sx_max_abs(s->n, x);
    *settled = false;
    for (int k = 0; k < 60 && outcome == SX_ROOT_GOING; k++) {
        SX_TRY(ctx, sx_newton_step(ctx, &system, NULL, x, memory, &w, &outcome));
        if (k == 0 && memory[1] > 10 * s->o.tolerance * size) return SX_OK; /* the nearest root is further away */
    }
    if (outcome != SX_ROOT_CONVERGED) return SX_OK;
    for (int64_t u = 0; u < s->n; u++) far = fmax(far, fabs(x[u] - from[u * s->b + r]));
    if (!(far <= s->o.tolerance * size)) return SX_OK;
    sx_root_G(&system, x, w.g, &w);
    memcpy(result, x, (size_t)s->n * sizeof *x);
    info[BI_KIND] = SX_ATTRACTOR_POINT;
    info[BI_ERROR] = memory[1];
    info[BI_RESIDUAL] = sx_max_abs(s->n, w.g);
    *settled = true;
    return SX_OK;
}

/* Whether every column has settled or escaped. */
static sx_status settle_all(sx_ctx *ctx, const sx_ba *s, int64_t block, void *state, double *scratch,
                            const sx_exec *exec, bool *all) {
    *all = true;
    for (int64_t r = 0; r < s->b && block * s->b + r < s->runs; r++) {
        bool settled = false;
        if (info_of(s, state, r)[BI_KIND] == SX_ATTRACTOR_ESCAPED) continue;
        info_of(s, state, r)[BI_KIND] = SX_ATTRACTOR_UNRESOLVED;
        SX_TRY(ctx, settle(ctx, s, state, r, scratch, exec, &settled));
        *all = *all && settled;
    }
    return SX_OK;
}

static void look_for_escapes(const sx_ba *s, void *state) {
    const double *x = sx_ba_at(s, state, BA_X);
    for (int64_t r = 0; r < s->b; r++)
        for (int64_t u = 0; u < s->n; u++)
            if (!(fabs(x[u * s->b + r]) <= s->o.escape)) {
                escape(s, state, r);
                break;
            }
}

/* -- the window ------------------------------------------------------------------------------------------------------------------ */

static void begin_window(const sx_ba *s, int64_t block, void *state) {
    int64_t size = s->n * s->b;
    double *x = sx_ba_at(s, state, BA_X), *y = sx_ba_at(s, state, BA_SHADOW), *scalars = sx_ba_at(s, state, BA_SCALARS);
    size_t bytes = (size_t)size * sizeof *x;
    memset(sx_ba_at(s, state, BA_SUM), 0, SX_BASIN_BATCHES * bytes);
    memset(sx_ba_at(s, state, BA_SUMSQ), 0, 2 * bytes);
    memset(scalars, 0, (size_t)(BA_SCALAR_ROWS * s->b) * sizeof *scalars);
    memcpy(sx_ba_at(s, state, BA_REF), x, bytes);
    memcpy(sx_ba_at(s, state, BA_LOW), x, bytes);
    memcpy(sx_ba_at(s, state, BA_HIGH), x, bytes);
    memcpy(sx_ba_at(s, state, BA_ANCHOR), x, bytes);
    sx_normal_fill(sx_key_derive(s->key, "shadow", 0), 0, SX_SLOT_INITIAL, block * s->b, s->n, s->b, y);
    for (int64_t r = 0; r < s->b; r++) {
        double length = 0, far = 1;
        for (int64_t u = 0; u < s->n; u++) {
            length += y[u * s->b + r] * y[u * s->b + r];
            far = fmax(far, 1 + fabs(x[u * s->b + r]));
        }
        for (int64_t u = 0; u < s->n; u++)
            y[u * s->b + r] = x[u * s->b + r] + SHADOW * far / sqrt(length) * y[u * s->b + r];
        scalars[BA_TOP * s->b + r] = -HUGE_VAL;
        scalars[BA_NEAREST * s->b + r] = HUGE_VAL;
    }
}

/* Distance of the shadow before and after the step; it is set back to where it was. */
static void measure_growth(const sx_ba *s, void *state, int64_t step, const double *before) {
    const double *x = sx_ba_at(s, state, BA_X);
    double *y = sx_ba_at(s, state, BA_SHADOW);
    double *growth = sx_ba_at(s, state, BA_SCALARS) + (BA_GROWTH_0 + step * SX_BASIN_BATCHES / s->window) * s->b;
    for (int64_t r = 0; r < s->b; r++) {
        double d2 = 0;
        for (int64_t u = 0; u < s->n; u++) {
            double e = y[u * s->b + r] - x[u * s->b + r];
            d2 += e * e;
        }
        double d = sqrt(d2);
        growth[r] += log(fmax(d, 1e-300) / before[r]);
        for (int64_t u = 0; u < s->n && d > 0; u++)
            y[u * s->b + r] = x[u * s->b + r] + before[r] / d * (y[u * s->b + r] - x[u * s->b + r]);
        if (!(d > 0)) y[r] = x[r] + before[r]; /* it fell onto the state */
    }
}

static void distances(const sx_ba *s, void *state, double *out) {
    const double *x = sx_ba_at(s, state, BA_X), *y = sx_ba_at(s, state, BA_SHADOW);
    for (int64_t r = 0; r < s->b; r++) {
        double d2 = 0;
        for (int64_t u = 0; u < s->n; u++) {
            double e = y[u * s->b + r] - x[u * s->b + r];
            d2 += e * e;
        }
        out[r] = fmax(sqrt(d2), 1e-300);
    }
}

/* Least distance of the reference to the way from old to x (maps: to x), and when. */
static double approach(const sx_ba *s, const double *ref, const double *old, const double *x, int64_t r, double *when) {
    double along = 0, length = 0, d2 = 0;
    for (int64_t u = 0; u < s->n; u++) {
        int64_t k = u * s->b + r;
        along += (ref[k] - old[k]) * (x[k] - old[k]);
        length += (x[k] - old[k]) * (x[k] - old[k]);
    }
    *when = s->map || !(length > 0) ? 1 : fmin(fmax(along / length, 0), 1);
    for (int64_t u = 0; u < s->n; u++) {
        int64_t k = u * s->b + r;
        double e = old[k] + *when * (x[k] - old[k]) - ref[k];
        d2 += e * e;
    }
    return sqrt(d2);
}

/* One step of the window: `old` is the state before. */
static void observe(const sx_ba *s, void *state, int64_t step, const double *old) {
    const double *x = sx_ba_at(s, state, BA_X), *ref = sx_ba_at(s, state, BA_REF);
    double *sum = sx_ba_at(s, state, BA_SUM) + step * SX_BASIN_BATCHES / s->window * s->n * s->b;
    double *sumsq = sx_ba_at(s, state, BA_SUMSQ) + step * 2 / s->window * s->n * s->b,
           *low = sx_ba_at(s, state, BA_LOW), *high = sx_ba_at(s, state, BA_HIGH);
    double *anchor = sx_ba_at(s, state, BA_ANCHOR), *scalars = sx_ba_at(s, state, BA_SCALARS);
    int64_t b = s->b;
    for (int64_t k = 0; k < s->n * b; k++) {
        double e = x[k] - ref[k];
        sum[k] += e;
        sumsq[k] += e * e;
        low[k] = fmin(low[k], x[k]);
        high[k] = fmax(high[k], x[k]);
    }
    for (int64_t r = 0; r < b; r++) {
        double value = 0, range2 = 0, when, *c = scalars + r;
        for (int64_t u = 0; u < s->n; u++) {
            double e = high[u * b + r] - low[u * b + r];
            value += s->weight[u] * x[u * b + r];
            range2 += e * e;
        }
        if (value > c[BA_TOP * b]) {
            c[BA_TOP * b] = value;
            for (int64_t u = 0; u < s->n; u++) anchor[u * b + r] = x[u * b + r];
        }
        double d = approach(s, ref, old, x, r, &when), far = s->map ? 0 : 0.3 * sqrt(range2);
        int64_t returns = (int64_t)c[BA_RETURNS * b];
        if (returns >= SX_BASIN_RETURNS) continue;
        /* a flow must have been away; it has returned when it is on its way out again. A map returns from one step to the next. */
        bool near = d < s->o.recurrence * sqrt(range2);
        if (s->map && near) {
            c[(BA_RETURN_0 + 2 * returns) * b] = (double)(step + 1);
            c[(BA_RETURN_0 + 2 * returns + 1) * b] = d;
            c[BA_RETURNS * b] += 1;
        } else if (!s->map && d > far && far > 0) {
            if (c[BA_NEAREST * b] < s->o.recurrence * sqrt(range2)) {
                c[(BA_RETURN_0 + 2 * returns) * b] = c[BA_NEAR_AT * b];
                c[(BA_RETURN_0 + 2 * returns + 1) * b] = c[BA_NEAREST * b];
                c[BA_RETURNS * b] += 1;
            }
            c[BA_FAR * b] = 1;
            c[BA_NEAREST * b] = HUGE_VAL;
        } else if (!s->map && c[BA_FAR * b] > 0 && d < c[BA_NEAREST * b]) {
            c[BA_NEAREST * b] = d;
            c[BA_NEAR_AT * b] = (double)step + when;
        }
    }
}

/* -- verdict -------------------------------------------------------------------------------------------------------------------------- */

/* The returns are one period apart, to a percent, and the last comes as close as the first: on a torus the distance grows with every one. */
static bool periodic(const sx_ba *s, const double *scalars, int64_t r, double range, double *period) {
    double last = 0, least = HUGE_VAL, most = 0;
    if (scalars[BA_RETURNS * s->b + r] < SX_BASIN_RETURNS) return false;
    for (int k = 0; k < SX_BASIN_RETURNS; k++) {
        double at = scalars[(BA_RETURN_0 + 2 * k) * s->b + r];
        least = fmin(least, at - last);
        most = fmax(most, at - last);
        last = at;
    }
    *period = last / SX_BASIN_RETURNS * s->h;
    double first_miss = scalars[(BA_RETURN_0 + 1) * s->b + r],
           last_miss = scalars[(BA_RETURN_0 + 2 * SX_BASIN_RETURNS - 1) * s->b + r];
    return most - least <= 0.01 * most && last_miss <= 2 * first_miss + 1e-7 * range;
}

/* The later half of the window has moved away from the earlier one by more than the motion is wide: not there yet. (A steady drift moves it by
 * 1.7 standard deviations.) */
static bool drifting(const sx_ba *s, const void *state, int64_t r, const double *sd) {
    const double *sum = sx_ba_at(s, state, BA_SUM);
    for (int64_t u = 0; u < s->n; u++) {
        double halves = 0;
        for (int k = 0; k < SX_BASIN_BATCHES; k++)
            halves += (k < SX_BASIN_BATCHES / 2 ? -2 : 2) * sum[(k * s->n + u) * s->b + r] / (double)s->window;
        if (fabs(halves) > 0.8 * sd[u]) return true;
    }
    return false;
}

/* Variance of the later half of the window below a quarter of that of the earlier one: the motion dies out. */
static bool dying(const sx_ba *s, const void *state, int64_t r) {
    const double *sum = sx_ba_at(s, state, BA_SUM), *sumsq = sx_ba_at(s, state, BA_SUMSQ);
    double variance[2] = { 0, 0 }, half = (double)s->window / 2;
    for (int side = 0; side < 2; side++)
        for (int64_t u = 0; u < s->n; u++) {
            double m = 0;
            for (int k = 0; k < SX_BASIN_BATCHES / 2; k++)
                m += sum[((side * SX_BASIN_BATCHES / 2 + k) * s->n + u) * s->b + r] / half;
            variance[side] += fmax(sumsq[(side * s->n + u) * s->b + r] / half - m * m, 0);
        }
    return variance[1] < 0.25 * variance[0];
}

static void judge(const sx_ba *s, void *state, int64_t r) {
    const double *scalars = sx_ba_at(s, state, BA_SCALARS), *sum = sx_ba_at(s, state, BA_SUM);
    const double *sumsq = sx_ba_at(s, state, BA_SUMSQ), *ref = sx_ba_at(s, state, BA_REF);
    const double *anchor = sx_ba_at(s, state, BA_ANCHOR);
    const double *low = sx_ba_at(s, state, BA_LOW), *high = sx_ba_at(s, state, BA_HIGH);
    double *mean = sx_ba_at(s, state, BA_MEAN) + r * s->n, *se = sx_ba_at(s, state, BA_MEAN_SE) + r * s->n;
    double *sd = sx_ba_at(s, state, BA_SD) + r * s->n, *info = info_of(s, state, r);
    double N = (double)s->window, B = SX_BASIN_BATCHES, total = 0, square = 0, range2 = 0, time = N * s->h;
    for (int64_t u = 0; u < s->n; u++) {
        double m = 0, q = 0;
        for (int k = 0; k < SX_BASIN_BATCHES; k++) {
            double v = sum[(k * s->n + u) * s->b + r] * B / N;
            m += v / B;
            q += v * v / B;
        }
        mean[u] = ref[u * s->b + r] + m;
        se[u] = sqrt(fmax(q - m * m, 0) / (B - 1));
        sd[u] = sqrt(fmax((sumsq[u * s->b + r] + sumsq[(s->n + u) * s->b + r]) / N - m * m, 0));
        double e = high[u * s->b + r] - low[u * s->b + r];
        range2 += e * e;
        sx_ba_at(s, state, BA_RESULT)[r * s->n + u] = anchor[u * s->b + r];
    }
    for (int k = 0; k < SX_BASIN_BATCHES; k++) {
        double g = scalars[(BA_GROWTH_0 + k) * s->b + r] * B / time;
        total += g / B;
        square += g * g / B;
    }
    info[BI_EXPONENT] = total;
    info[BI_EXPONENT_SE] = sqrt(fmax(square - total * total, 0) / (B - 1));
    info[BI_RANGE] = sqrt(range2);
    bool cycle = periodic(s, scalars, r, info[BI_RANGE], &info[BI_PERIOD]);
    bool grows = total * time > 8 && total > 4 * info[BI_EXPONENT_SE];
    /* a shadow of a cycle or torus of a flow stays where it is along the flow: once it has come in, its distance falls no further */
    bool falls = dying(s, state, r) || (!s->map && total * time < -1 && total < -4 * info[BI_EXPONENT_SE]);
    info[BI_KIND] = grows                                        ? SX_ATTRACTOR_CHAOS
                    : drifting(s, state, r, sd) || falls         ? SX_ATTRACTOR_UNRESOLVED
                    : cycle                                      ? SX_ATTRACTOR_CYCLE
                    : total * time < -8 || info[BI_RANGE] < 1e-9 ? SX_ATTRACTOR_UNRESOLVED
                                                                 : SX_ATTRACTOR_TORUS;
    if (info[BI_KIND] != SX_ATTRACTOR_CYCLE) info[BI_PERIOD] = 0;
}

/* -- advance ----------------------------------------------------------------------------------------------------------------------------- */

static sx_status window_steps(sx_ctx *ctx, const sx_ba *s, void *state, int64_t from, int64_t to, double *scratch,
                              const sx_exec *exec) {
    int64_t size = s->n * s->b;
    double *old = scratch, *before = scratch + pad(size), *x = sx_ba_at(s, state, BA_X),
           *y = sx_ba_at(s, state, BA_SHADOW);
    sx_work w = { .p = scratch + 2 * pad(size), .doubles = s->work, .exec = exec };
    for (int64_t step = from; step < to; step++) {
        memcpy(old, x, (size_t)size * sizeof *x);
        distances(s, state, before);
        SX_TRY(ctx, sx_stepper_advance(ctx, s->stepper, s->key, 0, 0, 1, 0, (sx_batch){ x, s->n, s->b }, w));
        SX_TRY(ctx, sx_stepper_advance(ctx, s->stepper, s->key, 0, 0, 1, 0, (sx_batch){ y, s->n, s->b }, w));
        look_for_escapes(s, state);
        measure_growth(s, state, step, before);
        observe(s, state, step, old);
    }
    return SX_OK;
}

static sx_status plain_steps(sx_ctx *ctx, const sx_ba *s, int64_t block, void *state, bool noise, int64_t from,
                             int64_t to, double *scratch, const sx_exec *exec) {
    enum { LOOK = 64 }; /* steps between looks for escapes */
    sx_batch x = { sx_ba_at(s, state, BA_X), s->n, s->b };
    sx_work w = { .p = scratch, .doubles = s->work, .exec = exec };
    if (noise && SX_MUTANT(basins_noise)) to = from; /* no noise at all */
    for (int64_t step = from; step < to; step += LOOK) {
        int64_t count = to - step < LOOK ? to - step : LOOK;
        SX_TRY(ctx, sx_stepper_advance(ctx, noise ? s->noisy : s->stepper, sx_key_derive(s->key, "dW", 0), 0, step,
                                       count, noise ? block * s->b : 0, x, w));
        look_for_escapes(s, state);
    }
    return SX_OK;
}

sx_status sx_ba_advance(sx_ctx *ctx, const sx_ba *s, int64_t block, void *state, double *scratch, const sx_exec *exec,
                        bool *done, double *fraction) {
    int64_t *cursor = sx_ba_i64(s, state, BA_STEP), phase = cursor[PHASE];
    int64_t length = phase == PHASE_NOISE   ? s->noise_steps
                     : phase == PHASE_RELAX ? s->transient << cursor[ROUND]
                                            : s->window;
    double per_step =
        (4 * sx_model_flops(s->model) + 20 * (double)s->n) * (double)s->b * (phase == PHASE_WINDOW ? 3 : 1);
    int64_t segment = (int64_t)fmin(fmax(SEGMENT_FLOPS / per_step, 1), 1e6);
    int64_t from = cursor[STEP], to = from + segment < length ? from + segment : length;
    if (phase == PHASE_WINDOW)
        SX_TRY(ctx, window_steps(ctx, s, state, from, to, scratch, exec));
    else
        SX_TRY(ctx, plain_steps(ctx, s, block, state, phase == PHASE_NOISE, from, to, scratch, exec));
    cursor[STEP] = to;
    double all = (double)(s->noise_steps + s->transient + s->window);
    *fraction = ((double)to + (phase > PHASE_NOISE ? (double)s->noise_steps : 0) +
                 (phase > PHASE_RELAX ? (double)s->transient : 0)) /
                all;
    if (s->rounds > 0) *fraction = 1 - ldexp(2 - fmin(1, *fraction), -1 - (int)cursor[ROUND]);
    if (to < length) return SX_OK;
    cursor[STEP] = 0;
    cursor[PHASE] = phase + 1;
    if (phase == PHASE_NOISE) {
        for (int64_t r = 0; r < s->b; r++) info_of(s, state, r)[BI_KIND] = 0; /* what noise drove out is no outcome */
        return SX_OK;
    }
    if (phase == PHASE_RELAX) {
        bool settled;
        SX_TRY(ctx, settle_all(ctx, s, block, state, scratch, exec, &settled));
        *done = settled;
        if (!settled) begin_window(s, block, state);
        return SX_OK;
    }
    bool again = false;
    for (int64_t r = 0; r < s->b && block * s->b + r < s->runs; r++) {
        double *info = info_of(s, state, r);
        if (info[BI_KIND] == SX_ATTRACTOR_POINT || info[BI_KIND] == SX_ATTRACTOR_ESCAPED) continue;
        bool settled = false;
        SX_TRY(ctx, settle(ctx, s, state, r, scratch, exec, &settled)); /* it may have come to rest meanwhile */
        if (!settled) judge(s, state, r);
        again = again || info[BI_KIND] == SX_ATTRACTOR_UNRESOLVED;
    }
    *done = !again || cursor[ROUND] == s->rounds;
    if (*done) return SX_OK;
    cursor[PHASE] = PHASE_RELAX;
    cursor[ROUND]++;
    return SX_OK;
}
