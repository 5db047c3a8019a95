// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* How sure one can be that nothing is missing.
 *
 * Index sum: where G points outwards of -G ... on a sphere, the degree of -G in the ball is 1, so that over all roots inside
 *     sum sign det(-A) = 1      (Poincare and Hopf; for maps, A = J - 1, the number of Lefschetz).
 * A pair of points born together has the indices +1 and -1: that it is missing does not show here.
 *
 * Unseen mass: n starts, f1 of the points hit once, f2 hit twice,
 *     U = f1/n,  se^2 = (f1 (1 - f1/n) + 2 f2)/n^2     (Good 1953; Esty 1983)
 * and at least f1 (f1 - 1)/(2 (f2 + 1)) points not seen (Chao 1984, without bias). The interval is U +- 1.96 se, its ends moved outwards to those of
 * Clopper and Pearson for f1 of n, which stay apart when f1 = 0: then its upper end is 1 - 0.025^(1/n), about 3.7/n. */
#include "fixed_points_private.h"

#include "core/mutant.h"
#include "core/stats.h"

#include <math.h>
#include <string.h>

enum { DIRECTIONS = 256, DIRECTIONS_LARGE = 32, RADII = 10 };

void sx_unseen(int64_t n, int64_t once, int64_t twice, sx_fp_complete *out) {
    double N = (double)n, f1 = (double)once, f2 = (double)twice, lo = 0, hi = 1;
    out->unseen_mass = n > 0 ? f1 / N : 1;
    out->unseen_se = n > 0 ? sqrt(f1 * (1 - f1 / N) + 2 * f2) / N : 1;
    out->unseen_points = once > 1 ? f1 * (f1 - 1) / (2 * (f2 + 1)) : 0;
    if (n > 0) sx_binomial_interval(once, n, 0.05, &lo, &hi);
    if (SX_MUTANT(unseen_interval)) out->unseen_se = lo = hi = 0;
    out->unseen_lo = fmax(fmin(lo, out->unseen_mass - 1.959963984540054 * out->unseen_se), 0);
    out->unseen_hi = fmin(fmax(hi, out->unseen_mass + 1.959963984540054 * out->unseen_se), 1);
}

/* Directions: normals, and the axes of the first units. x . G < 0 at all of them, on a sphere about the centre of the box. */
static bool inward_at(const sx_fp *s, const sx_root_system *system, double radius, int64_t directions, double *u,
                      sx_root_work *w, bool *finite) {
    int64_t n = s->n;
    for (int64_t k = 0; k < directions; k++) {
        int64_t axis = k / 2;
        double length, along = 0;
        if (axis < n && k < directions / 2) {
            memset(u, 0, (size_t)n * sizeof *u);
            u[axis] = k % 2 ? -1 : 1;
        } else {
            sx_normal_fill(sx_key_derive(s->key, "sphere", 0), 0, SX_SLOT_INITIAL, k, n, 1, u);
        }
        length = sqrt(system->kernels->dot(n, u, u));
        for (int64_t i = 0; i < n; i++) w->x_new[i] = 0.5 * (s->lo[i] + s->hi[i]) + radius / length * u[i];
        sx_root_G(system, w->x_new, w->g, w);
        *finite = sx_max_abs(n, w->g) < HUGE_VAL;
        if (!*finite) return false;
        for (int64_t i = 0; i < n; i++) along += w->g[i] * u[i];
        if (!(along < 0)) return false;
    }
    return true;
}

sx_status sx_fp_inward(sx_ctx *ctx, const sx_fp *s, int64_t context, double reach, double *radius, bool *inward) {
    sx_root_system system = sx_fp_system(s, context);
    sx_root_work w;
    double *scratch = NULL, *u = NULL, half = 0;
    bool finite = true;
    sx_status status;
    int64_t directions = s->n <= 2000 ? DIRECTIONS : DIRECTIONS_LARGE;
    SX_GO(ctx, status, done, sx_alloc(ctx, sx_root_doubles(&system), sizeof *scratch, &scratch));
    SX_GO(ctx, status, done, sx_alloc(ctx, s->n, sizeof *u, &u));
    sx_root_carve(&system, scratch, sx_ctx_exec(ctx), &w);
    for (int64_t i = 0; i < s->n; i++) half = fmax(half, 0.5 * (s->hi[i] - s->lo[i]));
    *inward = false;
    *radius = 2 * fmax(reach, half) * sqrt((double)s->n);
    for (int k = 0; k < RADII && finite && !*inward; k++, *radius *= *inward ? 1 : 2)
        *inward = inward_at(s, &system, *radius, directions, u, &w, &finite);
done:
    sx_free(ctx, u);
    sx_free(ctx, scratch);
    return status;
}
