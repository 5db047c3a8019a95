// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Free-energy learning with Gibbs updates. A unit learns as soon as it is drawn, from the states that the others have then:
 *     s_i given beta (b_i + h_i), h_i = sum_j J_ij s_j;   e_i = rate (s_i - m(h_i));   J_ij += e_i s_j, j != i
 * so the step is a chain of n draws; what lies between two draws must be short. The weights are kept transposed during a presentation and the fields
 * h = J s are carried along: after unit i has changed by d,
 *     h += d J_{.i},
 * a contiguous column, of which the next draw waits for one number only. A sweep visits each unit once and does not look at a row again, so all rows may
 * learn after it: with s before and s' after the sweep, and s'' = (s'_1 .. s'_{i-1}, s_{i+1} .. s_n) what unit i has seen,
 *     J_ij += e_i s''_j,   h_i += e_i sum_{j<i} s'_j^2 + e_i sum_{j>i} s_j s'_j.
 * The fields begin anew from J s with each presentation, so rounding errors do not add up. */
#include "learn_private.h"

#include "core/mutant.h"

#include <string.h>

/* out[j * ld + i] = in[i * ld + j] */
static void transpose(int64_t n, int64_t ld, const double *in, double *out) {
    enum { BLOCK = 8 };
    const int64_t whole = n / BLOCK * BLOCK;
    for (int64_t a = 0; a < whole; a += BLOCK)
        for (int64_t b = 0; b < whole; b += BLOCK)
            for (int64_t i = a; i < a + BLOCK; i++)
                for (int64_t j = b; j < b + BLOCK; j++) out[j * ld + i] = in[i * ld + j];
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = i < whole ? whole : 0; j < n; j++) out[j * ld + i] = in[i * ld + j];
}

/* Draws unit i with natural parameter theta given the others, keeps the field it has seen, carries the fields along. Returns the parameter of unit `next`,
 *     beta (b + h - s_i J_{next,i}) + beta J_{next,i} s'_i,
 * of which only the last product waits for the draw. */
static double draw_unit(const sx_learner *l, const double *b, double u, int64_t i, int64_t next, double theta,
                        const double *T, double *s, double *h, double *seen) {
    const double *column = T + i * l->ld;
    const double slope = l->beta * column[next], rest = l->beta * (b[next] + (h[next] - s[i] * column[next]));
    double y;
    seen[i] = h[i];
    sx_learn_draw(l, 1, &theta, &u, &y);
    const double ahead = rest + slope * y;
    l->k->axpy(l->ld, y - s[i], column, h);
    s[i] = y;
    return ahead;
}

/* All rows after a sweep. old, s: states before and after it; spare: n numbers of scratch. */
static void learn_rows(const sx_learner *l, const double *old, const double *s, const double *e, double *T, double *h,
                       double *spare) {
    const int64_t n = l->n, ld = l->ld;
    double later = 0, earlier = 0;
    l->k->rank_one(n, ld, s, e, T, spare); /* as if all had seen s; the product T e is not needed */
    for (int64_t j = 0; j < n; j++) {      /* those before j have seen its old state */
        double *column = T + j * ld;
        if (!SX_MUTANT(sweep_order)) l->k->axpy(j, old[j] - s[j], e, column);
        column[j] = 0;
        later += old[j] * s[j];
    }
    for (int64_t i = 0; i < n; i++) {
        later -= old[i] * s[i];
        h[i] += e[i] * (earlier + later);
        earlier += s[i] * s[i];
    }
}

/* One row, which may be used again in this step. */
static void learn_unit(const sx_learner *l, const double *b, int64_t i, double field, const double *s, double *T,
                       double *h) {
    double t, e, square = 0;
    sx_learner unit = *l;
    unit.n = 1;
    sx_learn_error(&unit, b + i, s + i, &field, &t, &e);
    for (int64_t j = 0; j < l->n; j++) {
        if (j == i) continue;
        T[j * l->ld + i] += e * s[j];
        square += s[j] * s[j];
    }
    h[i] += e * square;
}

void sx_learn_sweep(const sx_learner *l, void *state, double *p) {
    int64_t *clock = sx_learn_at(l, state, SX_LEARN_CLOCK);
    double *J = sx_learn_at(l, state, SX_LEARN_WEIGHTS), *s = sx_learn_at(l, state, SX_LEARN_STATE);
    double *h = sx_learn_at(l, state, SX_LEARN_FIELD);
    const int64_t n = l->n, ld = l->ld;
    double *b = p, *u = b + ld, *e = u + ld, *seen = e + ld, *which = seen + ld;
    double *before = which + ld, *T = before + ld;
    const bool sweep = l->parts.sampler == SX_SAMPLER_GIBBS_SWEEP;
    sx_learn_evidence(l, clock[0], b);
    if (l->o.reset) memset(s, 0, (size_t)ld * sizeof *s);
    memset(p + ld, 0, (size_t)((5 + n) * ld) * sizeof *p);
    transpose(n, ld, J, T);
    sx_learn_product(l, J, s, h);
    for (int64_t t = 0; t < l->o.steps; t++) {
        l->k->uniform(l->key_draw, (uint64_t)clock[1], SX_SLOT_DW, 0, n, 1, u);
        memcpy(before, s, (size_t)n * sizeof *s);
        if (!sweep) l->k->uniform(l->key_draw, (uint64_t)clock[1], SX_SLOT_DZ, 0, n, 1, which);
        int64_t unit = sweep ? 0 : (int64_t)(which[0] * (double)n);
        double theta = l->beta * (b[unit] + h[unit]);
        for (int64_t k = 0; k < n; k++) {
            int64_t next = k + 1 == n ? unit : sweep ? k + 1 : (int64_t)(which[k + 1] * (double)n);
            theta = draw_unit(l, b, u[k], unit, next, theta, T, s, h, seen);
            if (!sweep) {
                learn_unit(l, b, unit, seen[unit], s, T, h);
                theta = l->beta * (b[next] + h[next]);
            }
            unit = next;
        }
        if (sweep) {
            sx_learn_error(l, b, s, seen, u, e);
            learn_rows(l, before, s, e, T, h, which);
        }
        clock[1]++;
        if (!sx_learn_recorded(l, clock[1])) continue;
        transpose(n, ld, T, J);
        sx_learn_monitor(l, state, b, u, seen, which);
    }
    transpose(n, ld, T, J);
}
