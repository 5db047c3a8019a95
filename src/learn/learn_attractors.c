// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Attractors after learning, as in Spisak & Friston, arXiv 2505.22749: from the mean of a unit under scale * pattern, s <- m(J s) without evidence. The
 * map is odd, so with s also -s is an attractor; patterns may reach either of the two. */
#include "learn_private.h"

#include "core/mutant.h"

#include <math.h>
#include <string.h>

enum { RELAX_STEPS = 1000 };
#define RELAX_TOLERANCE 1e-10
#define DISTINCT        0.01 /* told apart in the second decimal, as in the paper */

/* s <- m(J s) from m(scale x); true when the state has settled. */
static bool relax(const sx_learner *l, const double *J, const double *x, double *s, double *t) {
    for (int64_t i = 0; i < l->n; i++) s[i] = l->o.attractor_scale * x[i];
    sx_learn_mean(l, l->n, s, s);
    for (int step = 0; step < RELAX_STEPS; step++) {
        double change = 0;
        sx_learn_product(l, J, s, t);
        sx_learn_mean(l, l->n, t, t);
        for (int64_t i = 0; i < l->n; i++) change = fmax(change, fabs(t[i] - s[i]));
        memcpy(s, t, (size_t)l->n * sizeof *s);
        if (change < RELAX_TOLERANCE) return true;
    }
    return false;
}

static double angle(int64_t n, const double *a, const double *b) {
    double ab = 0, aa = 0, bb = 0;
    for (int64_t i = 0; i < n; i++) ab += a[i] * b[i], aa += a[i] * a[i], bb += b[i] * b[i];
    double c = aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
    return acos(c > 1 ? 1 : c < -1 ? -1 : c) * (180 / 3.14159265358979323846);
}

double sx_learn_correlation(int64_t n, const double *a, const double *b) {
    double ma = 0, mb = 0, ab = 0, aa = 0, bb = 0;
    for (int64_t i = 0; i < n; i++) ma += a[i], mb += b[i];
    ma /= (double)n, mb /= (double)n;
    for (int64_t i = 0; i < n; i++) {
        ab += (a[i] - ma) * (b[i] - mb);
        aa += (a[i] - ma) * (a[i] - ma);
        bb += (b[i] - mb) * (b[i] - mb);
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
}

/* Mean |90 - angle| over the pairs of rows; attractors: only of angles between 1 and 179 degrees. NaN without such a pair. */
static double orthogonality(int64_t n, int64_t rows, const double *x, bool all) {
    double sum = 0;
    int64_t count = 0;
    for (int64_t a = 0; a < rows; a++)
        for (int64_t b = a + 1; b < rows; b++) {
            double d = angle(n, x + a * n, x + b * n);
            if (!all && !(d > 1 && d < 179)) continue;
            sum += fabs(90 - d);
            count++;
        }
    return count ? sum / (double)count : (double)NAN;
}

/* Largest |a - sign b| */
static double distance(int64_t n, const double *a, double sign, const double *b) {
    double d = 0;
    for (int64_t i = 0; i < n; i++) d = fmax(d, fabs(a[i] - sign * b[i]));
    return d;
}

/* What one network leaves. */
typedef struct found {
    int64_t count;           /* distinct states */
    double pairs, unsettled; /* s and -s counted once; patterns without a fixed point */
    double *s, *hits;        /* owned: patterns * n, patterns */
    int64_t *reached;        /* owned, patterns: which state; -1 = none */
} found;

/* Mean correlation of the states that two patterns lead to, NaN without two. */
static double correlation_of_patterns(const sx_learner *l, const found *f) {
    double sum = 0;
    int64_t count = 0;
    for (int64_t a = 0; a < l->patterns; a++)
        for (int64_t b = a + 1; b < l->patterns; b++) {
            if (f->reached[a] < 0 || f->reached[b] < 0) continue;
            sum += sx_learn_correlation(l->n, f->s + f->reached[a] * l->n, f->s + f->reached[b] * l->n);
            count++;
        }
    return count ? sum / (double)count : (double)NAN;
}

static void look(const sx_learner *l, const double *J, double *p, found *f) {
    const int64_t n = l->n;
    f->count = 0;
    f->pairs = f->unsettled = 0;
    memset(p, 0, (size_t)(2 * l->ld) * sizeof *p);
    memset(f->hits, 0, (size_t)l->patterns * sizeof *f->hits);
    for (int64_t k = 0; k < l->patterns; k++) {
        f->reached[k] = -1;
        if (!relax(l, J, l->x + k * n, p, p + l->ld)) {
            f->unsettled++;
            continue;
        }
        int64_t same = 0;
        bool mirrored = false;
        for (; same < f->count && distance(n, f->s + same * n, 1, p) >= DISTINCT; same++)
            mirrored = mirrored || (!SX_MUTANT(attractor_mirrors) && distance(n, f->s + same * n, -1, p) < DISTINCT);
        if (same == f->count) {
            memcpy(f->s + n * f->count++, p, (size_t)n * sizeof *p);
            f->pairs += !mirrored;
        }
        f->hits[same]++;
        f->reached[k] = same;
    }
}

/* The states themselves. */
static sx_status put_states(sx_ctx *ctx, const sx_learner *l, const found *f, sx_result *r) {
    const int64_t n = l->n, count = f->count;
    double *angles = NULL;
    sx_status status;
    if (count == 0) return SX_OK;
    SX_GO(ctx, status, done, sx_alloc(ctx, count * count, sizeof *angles, &angles));
    for (int64_t a = 0; a < count; a++)
        for (int64_t b = 0; b < count; b++) angles[a * count + b] = a == b ? 0 : angle(n, f->s + a * n, f->s + b * n);
    SX_GO(ctx, status, done, sx_result_dim(ctx, r, l->group, "attractor", count));
    SX_GO(ctx, status, done, sx_result_dim(ctx, r, l->group, "attractor2", count));
    SX_GO(ctx, status, done,
          sx_result_put(ctx, r, l->group, "state", "attractor,unit", "state", "attractors reached from the patterns",
                        f->s));
    SX_GO(ctx, status, done,
          sx_result_put(ctx, r, l->group, "hits", "attractor", "1", "patterns that lead there", f->hits));
    SX_GO(
        ctx, status, done,
        sx_result_put(ctx, r, l->group, "angle", "attractor,attractor2", "degree", "angle between attractors", angles));
done:
    sx_free(ctx, angles);
    return status;
}

sx_status sx_learn_attractors(sx_ctx *ctx, const sx_learner *l, const void *const *states, sx_result *r, double *p) {
    static const struct {
        const char *name, *unit, *text;
    } out[] = { { "n_attractors", "1", "distinct attractors, s and -s counted once" },
                { "n_unsettled", "1", "patterns from which no fixed point was reached" },
                { "orthogonality", "degree", "mean |90 - angle| of attractors" },
                { "attractor_correlation", "1", "mean correlation of the attractors that two patterns lead to" } };
    const int64_t K = l->o.networks, P = l->patterns;
    const char *dim = K > 1 ? "network" : "";
    found f = { 0 };
    double *v = NULL, value;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, P * l->n, sizeof *f.s, &f.s));
    SX_GO(ctx, status, done, sx_alloc(ctx, P, sizeof *f.hits, &f.hits));
    SX_GO(ctx, status, done, sx_alloc(ctx, P, sizeof *f.reached, &f.reached));
    SX_GO(ctx, status, done, sx_alloc(ctx, 4 * K, sizeof *v, &v));
    for (int64_t k = 0; k < K; k++) {
        look(l, sx_learn_at(l, states[k], SX_LEARN_WEIGHTS), p, &f);
        const double numbers[4] = { f.pairs, f.unsettled, orthogonality(l->n, f.count, f.s, false),
                                    correlation_of_patterns(l, &f) };
        for (int q = 0; q < 4; q++) v[q * K + k] = numbers[q];
        if (k == 0) SX_GO(ctx, status, done, put_states(ctx, l, &f, r));
    }
    for (int q = 0; q < 4; q++) /* one network with one attractor has no angle */
        if (K > 1 || isfinite(v[q]))
            SX_GO(ctx, status, done,
                  sx_result_put(ctx, r, l->group, out[q].name, dim, out[q].unit, out[q].text, v + q * K));
    if (P > 1) {
        value = orthogonality(l->n, P, l->x, true);
        SX_GO(ctx, status, done,
              sx_result_put(ctx, r, l->group, "data_orthogonality", "", "degree", "mean |90 - angle| of patterns",
                            &value));
    }
    status = SX_OK;
done:
    sx_free(ctx, v);
    sx_free(ctx, f.reached);
    sx_free(ctx, f.hits);
    sx_free(ctx, f.s);
    return status;
}
