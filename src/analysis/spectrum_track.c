// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Modes followed from point to point (unified-dynamics.md section 8): with w_a the left vectors at a point and v_b the right ones at the next, the
 * links a -> b are the assignment of largest sum of
 *     o_ab = min(1, |w_a^H v_b|)
 * among the pairs with |w_a^H v_b| >= least_overlap; a track is a chain of links. For v_b = v_a the overlap is 1 (w^H v = 1), for v_b another mode at
 * the first point it is 0, and to first order in dJ it is |w_a^H dJ v_b| / |zeta_b - zeta_a|.
 *
 * Modes with equal eigenvalues have no vectors of their own, only a space: groups of them (|zeta_a - zeta_b| <= 1e-7 |J|_2) count by their spectral
 * projectors P = sum v w^H. For groups A and B, o_ab = |P_A v_b| if A is at least as large as B, else |P_B v_a|; both are |w^H v| where the groups are
 * single modes and |v| = 1. Modes that split off from a degenerate group are so followed from it, and back into it. */
#include "spectrum_private.h"

#include "core/assignment.h"
#include "core/linalg.h"
#include "core/mutant.h"

#include <math.h>
#include <string.h>

static const double same_eigenvalue = 1e-7; /* of |J|_2 */

/* Modes of a point: rows 0 .. k-1 real parts, k .. 2k-1 imaginary parts; zero beyond `count`. */
typedef struct sx_side {
    int64_t count;
    double *right, *left; /* [2k][n] */
    int64_t *group;       /* [k] first mode of the group of a mode */
    int64_t *size;        /* [k] modes of the group that begins here */
} sx_side;

static void free_side(sx_ctx *ctx, sx_side *d) {
    sx_free(ctx, d->right);
    sx_free(ctx, d->left);
    sx_free(ctx, d->group);
    sx_free(ctx, d->size);
}

static sx_status create_side(sx_ctx *ctx, const sx_spectrum *s, sx_side *d) {
    SX_TRY(ctx, sx_alloc(ctx, 2 * s->k * s->n, sizeof *d->right, &d->right));
    SX_TRY(ctx, sx_alloc(ctx, 2 * s->k * s->n, sizeof *d->left, &d->left));
    SX_TRY(ctx, sx_alloc(ctx, s->k, sizeof *d->group, &d->group));
    return sx_alloc(ctx, s->k, sizeof *d->size, &d->size);
}

/* Of the variable (point, mode, unit, complex) as it was written. */
static sx_status read_vectors(sx_ctx *ctx, const sx_spectrum *s, const sx_result *r, int id, int64_t point,
                              int64_t count, double *pair, double *out) {
    int64_t n = s->n, k = s->k;
    memset(out, 0, sizeof(double) * (size_t)(2 * k * n));
    for (int64_t j = 0; j < count; j++) {
        const int64_t start[4] = { point, j, 0, 0 }, size[4] = { 1, 1, n, 2 };
        SX_TRY(ctx, sx_result_read(ctx, r, id, start, size, pair));
        for (int64_t u = 0; u < n; u++) {
            out[j * n + u] = pair[2 * u];
            out[(k + j) * n + u] = pair[2 * u + 1];
        }
    }
    return SX_OK;
}

static void find_groups(const sx_spectrum *s, const void *state, sx_side *d) {
    const double *re = sx_spectrum_mode(s, state, MODE_RE), *im = sx_spectrum_mode(s, state, MODE_IM);
    double near = same_eigenvalue * sx_spectrum_part_at(s, state, PART_SCALARS)[POINT_NORM];
    for (int64_t j = 0; j < s->k; j++) {
        d->group[j] = j;
        d->size[j] = j < d->count;
    }
    for (int64_t j = 0; j < d->count; j++)
        for (int64_t i = 0; i < j; i++) {
            int64_t a = d->group[i], b = d->group[j];
            if (a == b || !(hypot(re[i] - re[j], im[i] - im[j]) <= near)) continue;
            int64_t first = a < b ? a : b, gone = a < b ? b : a;
            d->size[first] += d->size[gone];
            for (int64_t l = 0; l <= j; l++)
                if (d->group[l] == gone) d->group[l] = first;
        }
}

static sx_status read_side(sx_ctx *ctx, const sx_spectrum *s, const void *state, const sx_result *r, int64_t point,
                           double *pair, sx_side *d) {
    d->count = (int64_t)sx_spectrum_part_at(s, state, PART_SCALARS)[POINT_MODES];
    SX_TRY(ctx, read_vectors(ctx, s, r, s->id_right, point, d->count, pair, d->right));
    SX_TRY(ctx, read_vectors(ctx, s, r, s->id_left, point, d->count, pair, d->left));
    find_groups(s, state, d);
    return SX_OK;
}

/* C[2k][k]: w_a^H v_b of two points, real parts above imaginary ones. */
static void products(const sx_spectrum *s, const double *left, const double *right, double *C) {
    int64_t n = s->n, k = s->k;
    const double *wr = left, *wi = left + k * n, *vr = right, *vi = right + k * n;
    sx_gemm(false, true, k, k, n, 1, wr, n, vr, n, 0, C, k);
    sx_gemm(false, true, k, k, n, 1, wi, n, vi, n, 1, C, k);
    sx_gemm(false, true, k, k, n, 1, wr, n, vi, n, 0, C + k * k, k);
    sx_gemm(false, true, k, k, n, -1, wi, n, vr, n, 1, C + k * k, k);
}

/* |P_g v_b| = |sum_{a in g} v_a (w_a^H v_b)|; y: 2 n numbers. */
static double projected(const sx_spectrum *s, const sx_side *d, int64_t g, const double *C, int64_t b, double *y) {
    int64_t n = s->n, k = s->k;
    double sum = 0;
    if (d->size[g] == 1) return hypot(C[g * k + b], C[(k + g) * k + b]);
    memset(y, 0, sizeof(double) * (size_t)(2 * n));
    for (int64_t a = g; a < d->count; a++) {
        if (d->group[a] != g) continue;
        const double *vr = d->right + a * n, *vi = d->right + (k + a) * n, cr = C[a * k + b], ci = C[(k + a) * k + b];
        for (int64_t u = 0; u < n; u++) {
            y[u] += vr[u] * cr - vi[u] * ci;
            y[n + u] += vr[u] * ci + vi[u] * cr;
        }
    }
    for (int64_t u = 0; u < 2 * n; u++) sum += y[u] * y[u];
    return sqrt(sum);
}

/* overlap[a][b] of modes a of p and b of q wherever the group of a is larger than that of b, or as large and `equal`. turned: p and q have changed
 * places, so overlap[b][a]. */
static void fill_overlaps(const sx_spectrum *s, const sx_side *p, const sx_side *q, const double *C, bool equal,
                          bool turned, double *y, double *overlap) {
    for (int64_t g = 0; g < p->count; g++) {
        if (p->group[g] != g) continue;
        for (int64_t b = 0; b < q->count; b++) {
            int64_t other = q->size[q->group[b]];
            if (!(p->size[g] > other || (equal && p->size[g] == other))) continue;
            double o = projected(s, p, g, C, b, y);
            for (int64_t a = g; a < p->count; a++)
                if (p->group[a] == g) overlap[turned ? b * s->k + a : a * s->k + b] = o;
        }
    }
}

/* next[a]: the mode at the following point that mode a becomes, or -1; and their overlap. */
static sx_status link(sx_ctx *ctx, const sx_spectrum *s, const sx_side *p, const sx_side *q, double *work,
                      int64_t *next, double *how) {
    int64_t k = s->k;
    double *C = work, *overlap = C + 2 * k * k, *cost = overlap + k * k, *y = cost + k * k;
    memset(overlap, 0, sizeof(double) * (size_t)(k * k));
    products(s, p->left, q->right, C);
    fill_overlaps(s, p, q, C, true, false, y, overlap);
    products(s, q->left, p->right, C);
    fill_overlaps(s, q, p, C, false, true, y, overlap);
    for (int64_t i = 0; i < k * k; i++) cost[i] = overlap[i] >= s->o.least_overlap ? 1 - fmin(1, overlap[i]) : 1;
    SX_TRY(ctx, sx_assign(ctx, k, cost, next));
    for (int64_t a = 0; a < k; a++) {
        if (SX_MUTANT(track_by_rate)) next[a] = a;
        how[a] = overlap[a * k + next[a]];
        bool there = a < p->count && next[a] < q->count && how[a] >= s->o.least_overlap;
        if (!there) next[a] = -1;
    }
    return SX_OK;
}

/* -- what is written ------------------------------------------------------------------------------------------------------------ */

/* Chains of links get numbers in the order of their first modes; modes without any link stay at -1. */
static int64_t number_tracks(const sx_spectrum *s, const int64_t *next, int64_t *track) {
    int64_t k = s->k, points = s->places.n, count = 0;
    for (int64_t i = 0; i < points * k; i++) track[i] = -1;
    for (int64_t p = 0; p + s->stride < points; p++)
        for (int64_t a = 0; a < k; a++) {
            int64_t b = next[p * k + a];
            if (b < 0) continue;
            if (track[p * k + a] < 0) track[p * k + a] = count++;
            track[(p + s->stride) * k + b] = track[p * k + a];
        }
    return count;
}

/* A number of the modes, or where its track stands at each point, by track. */
static sx_status put_along(sx_ctx *ctx, const sx_spectrum *s, const void *const *states, const int64_t *track,
                           int64_t count, const char *name, const char *help, sx_spectrum_number which, sx_result *r) {
    int64_t points = s->places.n;
    double *v = NULL;
    SX_TRY(ctx, sx_alloc(ctx, count * points, sizeof *v, &v));
    for (int64_t i = 0; i < count * points; i++) v[i] = (double)NAN;
    for (int64_t p = 0; p < points; p++)
        for (int64_t a = 0; a < s->k; a++)
            if (track[p * s->k + a] >= 0)
                v[track[p * s->k + a] * points + p] = sx_spectrum_mode(s, states[p], which)[a];
    sx_status status = sx_spectrum_put(ctx, s, r, name, "track,point", "1/time", help, v);
    sx_free(ctx, v);
    return status;
}

static sx_status write_tracks(sx_ctx *ctx, const sx_spectrum *s, const void *const *states, const int64_t *track,
                              const double *overlap, int64_t count, sx_result *r) {
    sx_var var = { .name = "track_index",
                   .dims = "point,mode",
                   .dtype = SX_DT_I64,
                   .units = "1",
                   .long_name = "track that a mode belongs to; -1: it is followed to no other point" };
    double n_track = (double)count;
    int id;
    SX_TRY(ctx, sx_result_define(ctx, r, s->group, &var, &id));
    SX_TRY(ctx, sx_result_write(ctx, r, id, NULL, NULL, track));
    SX_TRY(ctx, sx_spectrum_put(ctx, s, r, "track_overlap", "point,mode", "1",
                                "overlap |w^H v| with the mode of the same track at the point before", overlap));
    SX_TRY(ctx, sx_spectrum_put(ctx, s, r, "n_track", "", "1", "modes followed over two points or more", &n_track));
    if (count == 0) return SX_OK;
    SX_TRY(ctx, sx_result_dim(ctx, r, s->group, "track", count));
    SX_TRY(ctx, put_along(ctx, s, states, track, count, "track_rate", "relaxation rate along a track", MODE_RATE, r));
    return put_along(ctx, s, states, track, count, "track_frequency", "angular frequency along a track", MODE_FREQUENCY,
                     r);
}

sx_status sx_spectrum_track(sx_ctx *ctx, const sx_spectrum *s, const void *const *states, sx_result *r) {
    int64_t n = s->n, k = s->k, points = s->places.n;
    sx_side side[2] = { { 0 }, { 0 } };
    int64_t *next = NULL, *track = NULL;
    double *overlap = NULL, *how = NULL, *work = NULL;
    sx_status status;
    SX_GO(ctx, status, done, create_side(ctx, s, &side[0]));
    SX_GO(ctx, status, done, create_side(ctx, s, &side[1]));
    SX_GO(ctx, status, done, sx_alloc(ctx, points * k, sizeof *next, &next));
    SX_GO(ctx, status, done, sx_alloc(ctx, points * k, sizeof *track, &track));
    SX_GO(ctx, status, done, sx_alloc(ctx, points * k, sizeof *overlap, &overlap));
    SX_GO(ctx, status, done, sx_alloc(ctx, k, sizeof *how, &how));
    SX_GO(ctx, status, done, sx_alloc(ctx, 4 * k * k + 2 * n, sizeof *work, &work));
    for (int64_t i = 0; i < points * k; i++) overlap[i] = (double)NAN;
    for (int64_t first = 0; first < s->stride && first < points; first++) {
        int now = 0;
        SX_GO(ctx, status, done, read_side(ctx, s, states[first], r, first, work, &side[now]));
        for (int64_t p = first; p + s->stride < points; p += s->stride, now = !now) {
            int64_t q = p + s->stride;
            SX_GO(ctx, status, done, read_side(ctx, s, states[q], r, q, work, &side[!now]));
            SX_GO(ctx, status, done, link(ctx, s, &side[now], &side[!now], work, next + p * k, how));
            for (int64_t a = 0; a < k; a++)
                if (next[p * k + a] >= 0) overlap[q * k + next[p * k + a]] = how[a];
        }
    }
    int64_t count = number_tracks(s, next, track);
    SX_GO(ctx, status, done, write_tracks(ctx, s, states, track, overlap, count, r));
done:
    sx_free(ctx, work);
    sx_free(ctx, how);
    sx_free(ctx, overlap);
    sx_free(ctx, track);
    sx_free(ctx, next);
    free_side(ctx, &side[1]);
    free_side(ctx, &side[0]);
    return status;
}
