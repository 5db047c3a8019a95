// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The set of points: who is the same as whom, symmetries, order. */
#include "fixed_points_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_IMAGES 4096 /* points that symmetries may make */

void sx_fp_points_free(sx_ctx *ctx, sx_fp_points *all) {
    for (int64_t k = 0; k < all->n; k++) sx_free(ctx, all->p[k].x);
    sx_free(ctx, all->p);
    memset(all, 0, sizeof *all);
}

/* Near each other in every unit. The error of a point is its last Newton step; nearly double roots have large ones. */
bool sx_fp_same(const sx_fp *s, const double *x, double error_x, const double *y, double error_y) {
    double size = 1 + fmin(sx_max_abs(s->n, x), sx_max_abs(s->n, y));
    double limit = fmax(s->o.merge * size, 4 * (error_x + error_y));
    limit = fmin(limit, 1e-3 * size);
    for (int64_t i = 0; i < s->n; i++)
        if (!(fabs(x[i] - y[i]) <= limit)) return false;
    return true;
}

int64_t sx_fp_find(const sx_fp *s, const sx_fp_points *all, int64_t context, bool slow, const double *x, double error) {
    for (int64_t k = 0; k < all->n; k++) {
        const sx_fp_point *p = &all->p[k];
        if (p->context == context && p->slow == slow && sx_fp_same(s, p->x, p->error, x, error)) return k;
    }
    return -1;
}

/* A point that is there already keeps its place; the better of the two coordinates stays. */
sx_status sx_fp_add(sx_ctx *ctx, const sx_fp *s, sx_fp_points *all, const sx_fp_point *p, int64_t *index, bool *added) {
    int64_t k = sx_fp_find(s, all, p->context, p->slow, p->x, p->error);
    *added = k < 0;
    if (k >= 0) {
        sx_fp_point *old = &all->p[k];
        old->hits += p->hits;
        old->random_hits += p->random_hits;
        if (p->residual < old->residual) {
            memcpy(old->x, p->x, (size_t)s->n * sizeof *old->x);
            old->residual = p->residual;
            old->speed = p->speed;
            old->error = p->error;
        }
        *index = k;
        return SX_OK;
    }
    if (all->n == all->capacity) {
        int64_t capacity = 2 * all->capacity + 16;
        SX_TRY(ctx, all->p ? sx_resize(ctx, capacity, sizeof *all->p, &all->p)
                           : sx_alloc(ctx, capacity, sizeof *all->p, &all->p));
        all->capacity = capacity;
    }
    double *x = NULL;
    SX_TRY(ctx, sx_alloc(ctx, s->n, sizeof *x, &x));
    memcpy(x, p->x, (size_t)s->n * sizeof *x);
    all->p[all->n] = *p;
    all->p[all->n].x = x;
    *index = all->n++;
    return SX_OK;
}

/* -- symmetries ---------------------------------------------------------------------------------------------------------------- */

static int64_t class_of(sx_fp_points *all, int64_t k) {
    while (all->p[k].symmetry_class != k) k = all->p[k].symmetry_class;
    return k;
}
static void unite(sx_fp_points *all, int64_t a, int64_t b) {
    a = class_of(all, a);
    b = class_of(all, b);
    if (a < b) all->p[b].symmetry_class = a;
    if (b < a) all->p[a].symmetry_class = b;
}

/* The image of point k under generator g: G vanishes there too, or the generator is none under this input. */
static sx_status image(sx_ctx *ctx, const sx_fp *s, sx_fp_points *all, int64_t k, int g, double *y, double *scratch,
                       bool *more) {
    sx_root_system system = sx_fp_system(s, all->p[k].context);
    const sx_model_ops *o = sx_model_operations(system.model);
    sx_root_work w;
    int64_t to = -1;
    bool added = false;
    *more = o->symmetry(sx_model_self(system.model), g, (sx_cbatch){ all->p[k].x, s->n, 1 }, (sx_batch){ y, s->n, 1 });
    if (!*more) return SX_OK;
    sx_root_carve(&system, scratch, NULL, &w);
    sx_root_G(&system, y, w.g, &w);
    sx_fp_point p = all->p[k];
    p.x = y;
    p.hits = p.random_hits = 0;
    p.residual = sx_max_abs(s->n, w.g);
    p.speed = 0.5 * system.kernels->dot(s->n, w.g, w.g);
    double allowed = s->o.tolerance * (1 + sx_max_abs(s->n, y)) + 2 * all->p[k].residual;
    if (!(p.residual <= allowed)) return SX_OK;
    to = sx_fp_find(s, all, p.context, p.slow, y, p.error);
    if (to < 0 && s->o.symmetry == SX_SYMMETRY_COMPLETE && all->n < MOST_IMAGES) {
        SX_TRY(ctx, sx_fp_add(ctx, s, all, &p, &to, &added));
        all->p[to].symmetry_class = to;
    }
    if (to >= 0) unite(all, k, to);
    return SX_OK;
}

/* One point of each class, the one hit most often, with the hits of all. */
static void keep_one(sx_ctx *ctx, sx_fp_points *all) {
    int64_t kept = 0;
    for (int64_t k = 0; k < all->n; k++) {
        int64_t first = class_of(all, k);
        if (first == k) continue;
        sx_fp_point *a = &all->p[first], *b = &all->p[k];
        a->hits += b->hits;
        a->random_hits += b->random_hits;
    }
    for (int64_t k = 0; k < all->n; k++) {
        if (all->p[k].symmetry_class != k) {
            sx_free(ctx, all->p[k].x);
            continue;
        }
        all->p[kept] = all->p[k];
        all->p[kept].symmetry_class = kept;
        kept++;
    }
    all->n = kept;
}

sx_status sx_fp_symmetry(sx_ctx *ctx, const sx_fp *s, sx_fp_points *all, double *scratch) {
    double *y = NULL;
    bool more = true;
    for (int64_t k = 0; k < all->n; k++) all->p[k].symmetry_class = k;
    if (s->o.symmetry == SX_SYMMETRY_IGNORE || !sx_model_has(s->model, "symmetry")) return SX_OK;
    SX_TRY(ctx, sx_alloc(ctx, s->n, sizeof *y, &y));
    sx_status status = SX_OK;
    for (int64_t k = 0; k < all->n && status >= 0; k++) { /* the list may grow */
        more = true;
        for (int g = 0; more && status >= 0; g++) status = image(ctx, s, all, k, g, y, scratch, &more);
    }
    sx_free(ctx, y);
    SX_TRY(ctx, status);
    if (s->o.symmetry == SX_SYMMETRY_MERGE) keep_one(ctx, all);
    for (int64_t k = 0; k < all->n; k++) all->p[k].symmetry_class = class_of(all, k);
    return SX_OK;
}

/* -- order --------------------------------------------------------------------------------------------------------------------------- */

typedef struct place {
    const sx_fp *s;
    const sx_fp_point *p;
} place;

/* Roots have speed 0 here: what is left of it is rounding. Coordinates in steps of the merging distance, for the same reason. */
static int compare(const void *a, const void *b) {
    const sx_fp *s = ((const place *)a)->s;
    const sx_fp_point *p = ((const place *)a)->p, *q = ((const place *)b)->p;
    if (p->context != q->context) return p->context < q->context ? -1 : 1;
    if (p->slow != q->slow) return p->slow ? 1 : -1;
    if (p->slow && p->speed != q->speed) return p->speed < q->speed ? -1 : 1;
    if (p->n_unstable != q->n_unstable) return p->n_unstable < q->n_unstable ? -1 : 1;
    for (int pass = 0; pass < 2; pass++)
        for (int64_t i = 0; i < s->n; i++) {
            double u = p->x[i], v = q->x[i];
            if (pass == 0) {
                u = nearbyint(u / s->o.merge);
                v = nearbyint(v / s->o.merge);
            }
            if (u != v) return u < v ? -1 : 1;
        }
    return 0;
}

sx_status sx_fp_sort(sx_ctx *ctx, const sx_fp *s, sx_fp_points *all) {
    sx_status status;
    place *order = NULL;
    sx_fp_point *sorted = NULL;
    int64_t *number = NULL;
    SX_GO(ctx, status, done, sx_alloc(ctx, all->n, sizeof *order, &order));
    SX_GO(ctx, status, done, sx_alloc(ctx, all->n, sizeof *sorted, &sorted));
    SX_GO(ctx, status, done, sx_alloc(ctx, all->n, sizeof *number, &number));
    for (int64_t k = 0; k < all->n; k++) order[k] = (place){ s, &all->p[k] };
    if (all->n > 1) qsort(order, (size_t)all->n, sizeof *order, compare);
    for (int64_t k = 0; k < all->n; k++) number[k] = -1;
    for (int64_t k = 0, classes = 0; k < all->n; k++) { /* classes are numbered in the new order */
        sorted[k] = *order[k].p;
        int64_t *c = &number[sorted[k].symmetry_class];
        if (*c < 0) *c = classes++;
        sorted[k].symmetry_class = *c;
    }
    for (int64_t k = 0; k < all->n; k++) all->p[k] = sorted[k];
done:
    sx_free(ctx, number);
    sx_free(ctx, sorted);
    sx_free(ctx, order);
    return status;
}
