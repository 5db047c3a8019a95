// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Every root of G in a box, with proof (Neumaier, Interval Methods for Systems of Equations, 1990; Kearfott 1996). A box X is
 *   dropped     when 0 is not in G(X), or not in G(m) + A(X) (X - m), m its middle;
 *   shrunk      to its common part with K(X) = m - C G(m) + (1 - C A(X)) (X - m), C near the inverse of A(m); maps also with F(X);
 *   recorded    when K(X) lies in the interior of X: then X holds exactly one root (Krawczyk 1969);
 *   halved      otherwise, and given up when it is narrower than 1e-10 of the whole.
 * A root on the edge of a box is found by trying a slightly larger one about K(X). Where F jumps, has a kink or no value (`rough`), nothing
 * is concluded from derivatives. */
#include "fixed_points_private.h"

#include <math.h>
#include <string.h>

enum { U = SX_INTERVAL_UNITS, SHRINKS = 12 };

typedef struct search {
    const sx_interval_search *s;
    int64_t n;
    sx_interval *work, J[U * U];
    double C[U * U];
} search;

static void load(int64_t n, const double *row, sx_interval *x) {
    for (int64_t i = 0; i < n; i++) x[i] = sx_iv(row[2 * i], row[2 * i + 1]);
}
static void store(int64_t n, const sx_interval *x, double *row) {
    for (int64_t i = 0; i < n; i++) {
        row[2 * i] = x[i].lo;
        row[2 * i + 1] = x[i].hi;
    }
}

/* G over a box; maps: F as well. */
static void evaluate(search *q, const sx_interval *x, sx_interval *G, sx_interval *F, bool *rough) {
    sx_interval_model_F(q->s->model, q->s->t, x, F, q->work, rough);
    for (int64_t i = 0; i < q->n; i++) G[i] = q->s->map ? sx_iv_sub(F[i], x[i]) : F[i];
}

/* C = A(middle of J)^-1 by elimination with pivots; false when it is singular. Its rounding does not matter. */
static bool precondition(search *q) {
    int64_t n = q->n;
    double a[U * 2 * U];
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            a[i * 2 * n + j] = sx_iv_mid(q->J[i * n + j]);
            a[i * 2 * n + n + j] = i == j;
            if (!isfinite(a[i * 2 * n + j])) return false;
        }
    for (int64_t k = 0; k < n; k++) {
        int64_t pivot = k;
        for (int64_t i = k + 1; i < n; i++)
            if (fabs(a[i * 2 * n + k]) > fabs(a[pivot * 2 * n + k])) pivot = i;
        if (!(fabs(a[pivot * 2 * n + k]) > 1e-300)) return false;
        for (int64_t j = 0; j < 2 * n; j++) {
            double swap = a[k * 2 * n + j];
            a[k * 2 * n + j] = a[pivot * 2 * n + j];
            a[pivot * 2 * n + j] = swap;
        }
        double r = 1 / a[k * 2 * n + k];
        for (int64_t j = 0; j < 2 * n; j++) a[k * 2 * n + j] *= r;
        for (int64_t i = 0; i < n; i++) {
            double f = a[i * 2 * n + k];
            if (i == k || f == 0) continue;
            for (int64_t j = 0; j < 2 * n; j++) a[i * 2 * n + j] -= f * a[k * 2 * n + j];
        }
    }
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            q->C[i * n + j] = a[i * 2 * n + n + j];
            if (!isfinite(q->C[i * n + j])) return false;
        }
    return true;
}

/* J = A(X). The mean-value form of G over X; false when it excludes 0. `rough` comes from G over X: the derivative alone does not see a
 * jump. */
static bool mean_value(search *q, const sx_interval *x, sx_interval *Gm, bool *rough) {
    int64_t n = q->n;
    sx_interval m[U], F[U];
    if (*rough) return true;
    for (int64_t i = 0; i < n; i++) m[i] = sx_iv_point(sx_iv_mid(x[i]));
    evaluate(q, m, Gm, F, rough);
    sx_interval_model_J(q->s->model, q->s->t, x, q->J, q->work, rough);
    for (int64_t i = 0; q->s->map && i < n; i++) q->J[i * n + i] = sx_iv_sub(q->J[i * n + i], sx_iv_point(1));
    if (*rough) return true;
    for (int64_t i = 0; i < n; i++) {
        sx_interval g = Gm[i];
        for (int64_t j = 0; j < n; j++) g = sx_iv_add(g, sx_iv_mul(q->J[i * n + j], sx_iv_sub(x[j], m[j])));
        if (!sx_iv_has(g, 0)) return false;
    }
    return true;
}

/* K = m - C G(m) + (1 - C J) (X - m), after mean_value. Returned: the norm of 1 - C J, below 1 when G is one to one on X. */
static double krawczyk(const search *q, const sx_interval *x, const sx_interval *Gm, sx_interval *K) {
    int64_t n = q->n;
    double most = 0;
    for (int64_t i = 0; i < n; i++) {
        sx_interval k = sx_iv_point(sx_iv_mid(x[i]));
        double sum = 0;
        for (int64_t j = 0; j < n; j++) k = sx_iv_sub(k, sx_iv_mul(sx_iv_point(q->C[i * n + j]), Gm[j]));
        for (int64_t j = 0; j < n; j++) {
            sx_interval e = sx_iv_point(i == j);
            for (int64_t l = 0; l < n; l++) e = sx_iv_sub(e, sx_iv_mul(sx_iv_point(q->C[i * n + l]), q->J[l * n + j]));
            k = sx_iv_add(k, sx_iv_mul(e, sx_iv_sub(x[j], sx_iv_point(sx_iv_mid(x[j])))));
            sum += sx_iv_abs_max(e);
        }
        K[i] = k;
        most = fmax(most, sum);
    }
    return most;
}

/* Whether X holds exactly one root; K then encloses it, as narrow as it gets. */
static bool prove(search *q, const sx_interval *x, sx_interval *K) {
    sx_interval Gm[U], box[U], F[U];
    bool rough = false;
    evaluate(q, x, Gm, F, &rough);
    if (!mean_value(q, x, Gm, &rough) || rough || !precondition(q)) return false;
    krawczyk(q, x, Gm, K);
    for (int64_t i = 0; i < q->n; i++)
        if (!sx_iv_inside(K[i], x[i])) return false;
    for (int k = 0; k < 30; k++) {
        bool smaller = false;
        memcpy(box, K, sizeof box);
        if (!mean_value(q, box, Gm, &rough) || rough || !precondition(q)) return true;
        krawczyk(q, box, Gm, K);
        for (int64_t i = 0; i < q->n; i++) {
            K[i] = sx_iv_meet(K[i], box[i]) ? sx_iv_common(K[i], box[i]) : box[i];
            smaller = smaller || K[i].hi - K[i].lo < 0.9 * (box[i].hi - box[i].lo);
        }
        if (!smaller) break;
    }
    return true;
}

static bool all_within(int64_t n, const sx_interval *a, const double *row) {
    for (int64_t i = 0; i < n; i++)
        if (!(row[2 * i] <= a[i].lo && a[i].hi <= row[2 * i + 1])) return false;
    return true;
}

/* A new root: X holds one, K encloses it. It is an old one when either enclosure lies in the other's box; enclosures that overlap
 * otherwise leave the question open. */
static void record(const search *q, sx_interval_state *state, const sx_interval *x, const sx_interval *K) {
    int64_t n = q->n, row = 2 * n;
    for (int64_t k = 0; k < state->count[1]; k++) {
        sx_interval old[U];
        double mine[2 * U];
        bool meet = true;
        load(n, state->enclosed + k * row, old);
        store(n, x, mine);
        if (all_within(n, K, state->unique + k * row) || all_within(n, old, mine)) return;
        for (int64_t i = 0; i < n; i++) meet = meet && sx_iv_meet(K[i], old[i]);
        if (meet) state->count[3]++;
    }
    if (state->count[1] == SX_INTERVAL_ROOTS) {
        state->count[3]++;
        return;
    }
    store(n, x, state->unique + state->count[1] * row);
    store(n, K, state->enclosed + state->count[1]++ * row);
}

enum { DROPPED, RECORDED, LEFT };

/* The tests on one box, which may shrink. */
static int examine(search *q, sx_interval_state *state, sx_interval *x) {
    int64_t n = q->n;
    sx_interval G[U], F[U], Gm[U], K[U], larger[U];
    for (int round = 0; round < SHRINKS; round++) {
        bool rough = false, shrunk = false, inside = true;
        evaluate(q, x, G, F, &rough);
        for (int64_t i = 0; i < n; i++)
            if (!sx_iv_has(G[i], 0)) return DROPPED;
        for (int64_t i = 0; q->s->map && i < n; i++) {
            if (!sx_iv_meet(x[i], F[i])) return DROPPED;
            sx_interval y = sx_iv_common(x[i], F[i]);
            shrunk = shrunk || y.hi - y.lo < 0.8 * (x[i].hi - x[i].lo);
            x[i] = y;
        }
        if (!mean_value(q, x, Gm, &rough)) return DROPPED;
        if (!rough && precondition(q)) {
            double contraction = krawczyk(q, x, Gm, K);
            for (int64_t i = 0; i < n; i++) {
                if (!sx_iv_meet(K[i], x[i])) return DROPPED;
                inside = inside && sx_iv_inside(K[i], x[i]);
            }
            if (inside && prove(q, x, K)) {
                record(q, state, x, K);
                return RECORDED;
            }
            if (!inside && contraction < 0.9) { /* the root may be on the edge */
                for (int64_t i = 0; i < n; i++) {
                    double r = K[i].hi - K[i].lo + 1e-14 * (1 + sx_iv_abs_max(K[i]));
                    larger[i] = sx_iv(K[i].lo - r, K[i].hi + r);
                }
                if (prove(q, larger, K)) {
                    record(q, state, larger, K);
                    return RECORDED;
                }
            }
            for (int64_t i = 0; i < n; i++) {
                sx_interval y = sx_iv_common(x[i], K[i]);
                shrunk = shrunk || y.hi - y.lo < 0.8 * (x[i].hi - x[i].lo);
                x[i] = y;
            }
        }
        if (!shrunk) return LEFT;
    }
    return LEFT;
}

/* Cut across the side that is longest beside the whole box; not in the middle, where roots of symmetric systems lie. */
static void halve(const search *q, sx_interval_state *state, const sx_interval *x) {
    int64_t n = q->n, widest = 0;
    double most = -1;
    for (int64_t i = 0; i < n; i++) {
        double w = (x[i].hi - x[i].lo) / (q->s->hi[i] - q->s->lo[i]);
        if (w > most) {
            most = w;
            widest = i;
        }
    }
    double cut = x[widest].lo + 0.4873 * (x[widest].hi - x[widest].lo);
    if (most < 1e-10 || !(cut > x[widest].lo && cut < x[widest].hi) || state->count[0] + 2 > SX_INTERVAL_STACK) {
        state->count[3]++;
        return;
    }
    for (int side = 0; side < 2; side++) {
        double *row = state->stack + state->count[0]++ * 2 * n;
        store(n, x, row);
        row[2 * widest + (side == 0)] = cut;
    }
}

void sx_interval_start(const sx_interval_search *s, sx_interval_state *state) {
    for (int64_t i = 0; i < s->n; i++) {
        state->stack[2 * i] = s->lo[i];
        state->stack[2 * i + 1] = s->hi[i];
    }
    state->count[0] = 1;
}

int64_t sx_interval_work(const sx_interval_search *s) {
    return sx_interval_model_work(s->model);
}

void sx_interval_advance(const sx_interval_search *s, sx_interval_state *state, int64_t boxes, sx_interval *work) {
    search q = { .s = s, .n = s->n, .work = work };
    sx_interval x[U];
    for (int64_t k = 0; k < boxes && !sx_interval_finished(s, state); k++) {
        state->count[0]--;
        state->count[2]++;
        load(s->n, state->stack + state->count[0] * 2 * s->n, x);
        bool known = false;
        for (int64_t r = 0; r < state->count[1] && !known; r++)
            known = all_within(s->n, x, state->unique + r * 2 * s->n);
        if (!known && examine(&q, state, x) == LEFT) halve(&q, state, x);
    }
}

/* One box that was given up is enough to end it: the proof has failed. */
bool sx_interval_finished(const sx_interval_search *s, const sx_interval_state *state) {
    return state->count[0] == 0 || state->count[2] >= s->most || state->count[3] > 0;
}
bool sx_interval_complete(const sx_interval_state *state) {
    return state->count[0] == 0 && state->count[3] == 0;
}
