// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The state on the edge between two basins (Skufca, Yorke and Eckhardt 2006): bisect between a state of one and a state of the other until they
 * are 1e-8 apart, follow both until they are 1e-5 apart, bisect again. Both stay beside the boundary and go where it leads, to the saddle or the chaotic
 * set that lives in it. Which basin: mean and standard deviation over the second half of a run are nearer to those of `from` or of `to`. One call of advance
 * looks at eight states of the segment. */
#include "basins_private.h"

#include <math.h>
#include <string.h>

enum { ROUND, STAGE };                  /* of BA_STEP */
enum { STAGE_REFERENCE, STAGE_BISECT }; /* what comes next */
enum { SIDES = 8 };
#define NARROW 1e-8
#define WIDE   1e-5

static int64_t pad(int64_t doubles) {
    return (doubles + 7) & ~INT64_C(7);
}

/* Means and standard deviations of the columns over the second half of a run, law[2n][SIDES]; x is used up. */
static sx_status laws(sx_ctx *ctx, const sx_ba *s, double *x, double *law, double *scratch, const sx_exec *exec) {
    int64_t steps = s->transient + s->window / 4, half = steps / 2, size = s->n * SIDES;
    sx_work w = { .p = scratch, .doubles = s->work, .exec = exec };
    memset(law, 0, 2 * (size_t)size * sizeof *law);
    SX_TRY(ctx, sx_stepper_advance(ctx, s->stepper, s->key, 0, 0, half, 0, (sx_batch){ x, s->n, SIDES }, w));
    for (int64_t step = half; step < steps; step++) {
        SX_TRY(ctx, sx_stepper_advance(ctx, s->stepper, s->key, 0, step, 1, 0, (sx_batch){ x, s->n, SIDES }, w));
        for (int64_t k = 0; k < size; k++) { /* Welford's update */
            double e = x[k] - law[k];
            law[k] += e / (double)(step - half + 1);
            law[size + k] += e * (x[k] - law[k]);
        }
    }
    for (int64_t k = 0; k < size; k++) law[size + k] = sqrt(law[size + k] / (double)(steps - half));
    return SX_OK;
}

static double distance(int64_t n, const double *a, int64_t stride, const double *b) {
    double d2 = 0;
    for (int64_t u = 0; u < n; u++) d2 += (a[u * stride] - b[u]) * (a[u * stride] - b[u]);
    return sqrt(d2);
}

/* The outermost of eight states between a and b that still go to the side of a, and the next one: the boundary is between them. */
static sx_status cut(sx_ctx *ctx, const sx_ba *s, double *edge, double *x, double *law, double *scratch,
                     const sx_exec *exec) {
    int64_t n = s->n, last = -1;
    double *a = edge, *b = edge + n, *from = edge + 2 * n, *to = edge + 4 * n;
    for (int64_t u = 0; u < n; u++)
        for (int64_t k = 0; k < SIDES; k++) x[u * SIDES + k] = a[u] + (double)(k + 1) / (SIDES + 1) * (b[u] - a[u]);
    SX_TRY(ctx, laws(ctx, s, x, law, scratch, exec));
    for (int64_t k = 0; k < SIDES; k++) {
        if (!(distance(2 * n, law + k, SIDES, from) <= distance(2 * n, law + k, SIDES, to))) break;
        last = k;
    }
    for (int64_t u = 0; u < n; u++) {
        double p = a[u], q = b[u];
        a[u] = p + (double)(last + 1) / (SIDES + 1) * (q - p);
        b[u] = p + (double)(last + 2) / (SIDES + 1) * (q - p);
    }
    return SX_OK;
}

/* Both along the flow until they have parted, or for the time of a window. */
static sx_status follow(sx_ctx *ctx, const sx_ba *s, double *edge, double wide, double *x, double *scratch,
                        const sx_exec *exec) {
    int64_t n = s->n;
    sx_work w = { .p = scratch, .doubles = s->work, .exec = exec };
    for (int64_t u = 0; u < n; u++)
        for (int64_t k = 0; k < SIDES; k++) x[u * SIDES + k] = edge[(k % 2) * n + u];
    for (int64_t step = 0; step < s->window; step++) {
        double d2 = 0;
        SX_TRY(ctx, sx_stepper_advance(ctx, s->stepper, s->key, 0, step, 1, 0, (sx_batch){ x, n, SIDES }, w));
        for (int64_t u = 0; u < n; u++) d2 += (x[u * SIDES] - x[u * SIDES + 1]) * (x[u * SIDES] - x[u * SIDES + 1]);
        if (!(d2 < wide * wide)) break;
    }
    for (int64_t u = 0; u < n; u++)
        for (int64_t k = 0; k < 2; k++) edge[k * n + u] = x[u * SIDES + k];
    return SX_OK;
}

/* A saddle nearby ends the search: Newton's method from the middle arrives within `tolerance`. */
static sx_status arrived(sx_ctx *ctx, const sx_ba *s, void *state, double *scratch, const sx_exec *exec, bool *yes) {
    sx_root_system system = sx_ba_system(s);
    sx_root_work w;
    double *x = scratch, *edge = sx_ba_at(s, state, BA_EDGE), memory[4] = { 0 }, far = 0,
           *info = sx_ba_at(s, state, BA_INFO);
    int outcome = SX_ROOT_GOING;
    sx_root_carve(&system, scratch + pad(s->n), exec, &w);
    for (int64_t u = 0; u < s->n; u++) x[u] = 0.5 * (edge[u] + edge[s->n + u]);
    double size = 1 + sx_max_abs(s->n, x);
    *yes = false;
    info[BI_KIND] = SX_ATTRACTOR_UNRESOLVED;
    for (int k = 0; k < 60 && outcome == SX_ROOT_GOING; k++) {
        SX_TRY(ctx, sx_newton_step(ctx, &system, NULL, x, memory, &w, &outcome));
        if (k == 0 && memory[1] > 10 * s->o.tolerance * size) return SX_OK;
    }
    if (outcome != SX_ROOT_CONVERGED) return SX_OK;
    for (int64_t u = 0; u < s->n; u++) far = fmax(far, fabs(x[u] - 0.5 * (edge[u] + edge[s->n + u])));
    *yes = far <= s->o.tolerance * size;
    if (*yes) memcpy(sx_ba_at(s, state, BA_RESULT), x, (size_t)s->n * sizeof *x);
    if (*yes) info[BI_KIND] = SX_ATTRACTOR_POINT;
    return SX_OK;
}

sx_status sx_ba_edge_advance(sx_ctx *ctx, const sx_ba *s, void *state, double *scratch, const sx_exec *exec, bool *done,
                             double *fraction) {
    int64_t *cursor = sx_ba_i64(s, state, BA_STEP), n = s->n;
    double *edge = sx_ba_at(s, state, BA_EDGE), *x = sx_ba_at(s, state, BA_X), *law = sx_ba_at(s, state, BA_SUM);
    if (cursor[STAGE] == STAGE_REFERENCE) {
        memcpy(edge, s->from, (size_t)n * sizeof *edge);
        memcpy(edge + n, s->to, (size_t)n * sizeof *edge);
        for (int64_t u = 0; u < n; u++)
            for (int64_t k = 0; k < SIDES; k++) x[u * SIDES + k] = edge[(k % 2) * n + u];
        SX_TRY(ctx, laws(ctx, s, x, law, scratch, exec));
        for (int64_t u = 0; u < 2 * n; u++)
            for (int64_t k = 0; k < 2; k++) edge[(2 + 2 * k) * n + u] = law[u * SIDES + k];
        double apart = distance(2 * n, edge + 2 * n, 1, edge + 4 * n), size = 1 + sx_max_abs(4 * n, edge + 2 * n);
        if (!(apart > 1e-3 * size) || !isfinite(size))
            return SX_FAIL(ctx, SX_E_USAGE,
                           "basins.edge: `from` and `to` go to the same attractor (their means and standard deviations "
                           "are %g apart): want states of "
                           "two basins",
                           apart);
        cursor[STAGE] = STAGE_BISECT;
        return SX_OK;
    }
    double size = 1 + sx_max_abs(2 * n, edge);
    if (distance(n, edge, 1, edge + n) > NARROW * size) return cut(ctx, s, edge, x, law, scratch, exec);
    bool yes = false;
    SX_TRY(ctx, arrived(ctx, s, state, scratch, exec, &yes));
    if (!yes) SX_TRY(ctx, follow(ctx, s, edge, WIDE * size, x, scratch, exec));
    cursor[ROUND]++;
    *done = yes || cursor[ROUND] >= s->o.edge.rounds;
    *fraction = (double)cursor[ROUND] / (double)s->o.edge.rounds;
    if (*done && !yes)
        for (int64_t u = 0; u < n; u++) sx_ba_at(s, state, BA_RESULT)[u] = 0.5 * (edge[u] + edge[n + u]);
    return SX_OK;
}
