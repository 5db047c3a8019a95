// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* From the ends of the runs to attractors, in the order of the runs: points by their coordinates, cycles by period and one state, tori and chaos by the
 * means and standard deviations along them. */
#include "basins_private.h"

#include "core/stats.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

sx_status sx_ba_define(sx_ctx *ctx, void *instance, sx_result *result) {
    const sx_ba *s = instance;
    SX_TRY(ctx, sx_result_dim(ctx, result, "", "unit", s->n));
    SX_TRY(ctx, sx_result_dim(ctx, result, s->group, "start", s->starts));
    SX_TRY(ctx, sx_result_attr_text(ctx, result, s->group, NULL, "task", "basins"));
    SX_TRY(ctx, sx_result_attr_text(ctx, result, s->group, NULL, "method", sx_stepper_name(s->stepper)));
    SX_TRY(ctx, sx_result_attr_text(ctx, result, s->group, NULL, "drift",
                                    s->noise_steps > 0 ? "F; with noise f = F + c before the relaxation" : "F"));
    SX_TRY(ctx, sx_result_attr_number(ctx, result, s->group, NULL, "dt", s->h));
    SX_TRY(ctx, sx_result_attr_number(ctx, result, s->group, NULL, "transient", (double)s->transient * s->h));
    return sx_result_attr_number(ctx, result, s->group, NULL, "window", (double)s->window * s->h);
}

/* -- who is the same --------------------------------------------------------------------------------------------------------- */

/* What a run says of its attractor; rows of the state of its block. */
typedef struct seen {
    int kind;
    const double *state, *mean, *mean_se, *sd, *info;
} seen;

static seen look(const sx_ba *s, const void *const *states, int64_t run) {
    const void *state = states[run / s->b];
    int64_t r = run % s->b;
    seen v = { .info = sx_ba_at(s, state, BA_INFO) + r * BI_NUMBERS };
    v.kind = (int)v.info[BI_KIND];
    v.state = sx_ba_at(s, state, BA_RESULT) + r * s->n;
    v.mean = sx_ba_at(s, state, BA_MEAN) + r * s->n;
    v.mean_se = sx_ba_at(s, state, BA_MEAN_SE) + r * s->n;
    v.sd = sx_ba_at(s, state, BA_SD) + r * s->n;
    return v;
}

/* Speed |F| at a state: how far apart two states of one cycle may be that were both looked at once per step. */
static double speed_at(const sx_root_system *system, const double *x, sx_root_work *w) {
    sx_root_G(system, x, w->g, w);
    return sqrt(system->kernels->dot(system->n, w->g, w->g));
}

static bool same_motion(const sx_ba *s, const seen *a, const seen *b, double speed) {
    if (a->kind != b->kind) return false;
    if (a->kind == SX_ATTRACTOR_CYCLE) {
        double d2 = 0, range = fmax(a->info[BI_RANGE], b->info[BI_RANGE]), T = a->info[BI_PERIOD];
        for (int64_t u = 0; u < s->n; u++) d2 += (a->state[u] - b->state[u]) * (a->state[u] - b->state[u]);
        double step = s->map ? 0 : 1.5 * s->h * speed;
        return fabs(T - b->info[BI_PERIOD]) <= 0.01 * T && sqrt(d2) <= step + 3e-3 * range;
    }
    for (int64_t u = 0; u < s->n; u++) {
        double sd = fmax(a->sd[u], b->sd[u]);
        double limit = 6 * hypot(a->mean_se[u], b->mean_se[u]) + 0.1 * sd + 1e-9 * (1 + fabs(a->mean[u]));
        if (fabs(a->mean[u] - b->mean[u]) > limit || fabs(a->sd[u] - b->sd[u]) > 0.5 * sd) return false;
    }
    return true;
}

/* -- attractors ---------------------------------------------------------------------------------------------------------------- */

typedef struct attractor {
    int kind;
    int64_t point;     /* number among the points; -1: no point */
    seen first;        /* of the first run; not of points */
    double speed;      /* at its state */
    int64_t hits, all; /* random starts; with those of the slice */
    double period, exponent, exponent_var;
    double *mean, *sd; /* owned, n each: sums over the runs */
} attractor;

typedef struct basins {
    sx_ctx *ctx;
    const sx_ba *s;
    const void *const *states;
    sx_fp fp; /* what the set of points needs */
    sx_fp_points points;
    attractor *a; /* owned */
    int64_t n, capacity;
    int64_t *outcome; /* owned, runs */
    double *scratch;  /* owned */
} basins;

static void free_basins(basins *b) {
    for (int64_t k = 0; k < b->n; k++) {
        sx_free(b->ctx, b->a[k].mean);
        sx_free(b->ctx, b->a[k].sd);
    }
    sx_free(b->ctx, b->a);
    sx_free(b->ctx, b->outcome);
    sx_free(b->ctx, b->scratch);
    sx_fp_points_free(b->ctx, &b->points);
}

static sx_status add_attractor(basins *b, const attractor *a) {
    if (b->n == b->capacity) {
        int64_t capacity = 2 * b->capacity + 16;
        SX_TRY(b->ctx, b->a ? sx_resize(b->ctx, capacity, sizeof *b->a, &b->a)
                            : sx_alloc(b->ctx, capacity, sizeof *b->a, &b->a));
        b->capacity = capacity;
    }
    attractor *p = &b->a[b->n];
    *p = *a;
    SX_TRY(b->ctx, sx_alloc(b->ctx, b->s->n, sizeof *p->mean, &p->mean));
    sx_status status = sx_alloc(b->ctx, b->s->n, sizeof *p->sd, &p->sd);
    if (status < 0) {
        sx_free(b->ctx, p->mean);
        return status;
    }
    b->n++;
    return SX_OK;
}

static sx_status add_run(basins *b, int64_t run, sx_root_work *w) {
    const sx_ba *s = b->s;
    seen v = look(s, b->states, run);
    int64_t k = 0;
    b->outcome[run] = v.kind == SX_ATTRACTOR_ESCAPED ? -2 : -1;
    if (v.kind == SX_ATTRACTOR_ESCAPED || v.kind == SX_ATTRACTOR_UNRESOLVED) return SX_OK;
    if (v.kind == SX_ATTRACTOR_POINT) {
        bool added;
        int64_t point;
        sx_fp_point p = { .x = (double *)(uintptr_t)v.state,
                          .residual = v.info[BI_RESIDUAL],
                          .error = v.info[BI_ERROR] };
        SX_TRY(b->ctx, sx_fp_add(b->ctx, &b->fp, &b->points, &p, &point, &added));
        while (k < b->n && b->a[k].point != point) k++;
        if (k == b->n) SX_TRY(b->ctx, add_attractor(b, &(attractor){ .kind = v.kind, .point = point }));
    } else {
        sx_root_system system = sx_ba_system(s);
        while (k < b->n && !same_motion(s, &b->a[k].first, &v, b->a[k].speed)) k++;
        if (k == b->n)
            SX_TRY(b->ctx, add_attractor(b, &(attractor){ .kind = v.kind,
                                                          .point = -1,
                                                          .first = v,
                                                          .speed = speed_at(&system, v.state, w) }));
    }
    attractor *a = &b->a[k];
    a->hits += run < s->starts;
    a->all++;
    a->period += v.info[BI_PERIOD];
    a->exponent += v.info[BI_EXPONENT];
    a->exponent_var += v.info[BI_EXPONENT_SE] * v.info[BI_EXPONENT_SE];
    for (int64_t u = 0; u < s->n && a->point < 0; u++) {
        a->mean[u] += v.mean[u];
        a->sd[u] += v.sd[u];
    }
    b->outcome[run] = k;
    return SX_OK;
}

/* Points that are not stable hold nobody: a run that ended there had not arrived yet. */
static sx_status drop_unstable(basins *b) {
    int64_t *number = NULL, kept = 0;
    SX_TRY(b->ctx, sx_fp_stability(b->ctx, &b->fp, &b->points));
    SX_TRY(b->ctx, sx_alloc(b->ctx, b->n + 1, sizeof *number, &number));
    for (int64_t k = 0; k < b->n; k++) {
        attractor *a = &b->a[k];
        bool unstable = a->point >= 0 && b->points.p[a->point].n_unstable > 0;
        number[k] = unstable ? -1 : kept;
        if (unstable) {
            sx_free(b->ctx, a->mean);
            sx_free(b->ctx, a->sd);
        } else {
            b->a[kept++] = *a;
        }
    }
    b->n = kept;
    for (int64_t r = 0; r < b->s->runs; r++)
        if (b->outcome[r] >= 0) b->outcome[r] = number[b->outcome[r]];
    sx_free(b->ctx, number);
    return SX_OK;
}

static const double *state_of(const basins *b, const attractor *a) {
    return a->point >= 0 ? b->points.p[a->point].x : a->first.state;
}

typedef struct place {
    const basins *b;
    int64_t k;
} place;
/* By hits, kind, coordinates. */
static int compare(const void *p, const void *q) {
    const basins *b = ((const place *)p)->b;
    const attractor *x = &b->a[((const place *)p)->k], *y = &b->a[((const place *)q)->k];
    if (x->hits != y->hits) return x->hits > y->hits ? -1 : 1;
    if (x->kind != y->kind) return x->kind < y->kind ? -1 : 1;
    for (int64_t u = 0; u < b->s->n; u++) {
        double d = state_of(b, x)[u] - state_of(b, y)[u];
        if (d != 0) return d < 0 ? -1 : 1;
    }
    return 0;
}

static sx_status sort(basins *b) {
    place *order = NULL;
    attractor *sorted = NULL;
    int64_t *number = NULL;
    sx_status status;
    SX_GO(b->ctx, status, done, sx_alloc(b->ctx, b->n, sizeof *order, &order));
    SX_GO(b->ctx, status, done, sx_alloc(b->ctx, b->n, sizeof *sorted, &sorted));
    SX_GO(b->ctx, status, done, sx_alloc(b->ctx, b->n, sizeof *number, &number));
    for (int64_t k = 0; k < b->n; k++) order[k] = (place){ b, k };
    if (b->n > 1) qsort(order, (size_t)b->n, sizeof *order, compare);
    for (int64_t k = 0; k < b->n; k++) {
        sorted[k] = b->a[order[k].k];
        number[order[k].k] = k;
    }
    for (int64_t k = 0; k < b->n; k++) b->a[k] = sorted[k];
    for (int64_t r = 0; r < b->s->runs; r++)
        if (b->outcome[r] >= 0) b->outcome[r] = number[b->outcome[r]];
done:
    sx_free(b->ctx, number);
    sx_free(b->ctx, sorted);
    sx_free(b->ctx, order);
    return status;
}

/* -- output ---------------------------------------------------------------------------------------------------------------------- */

typedef struct writer {
    basins *b;
    sx_result *r;
} writer;

static sx_status put(const writer *w, const char *name, sx_dtype type, const void *data) {
    const sx_output *o = sx_basins_outputs;
    while (strcmp(o->name, name) != 0) o++;
    sx_var v = { .name = name, .dims = o->dims, .dtype = type, .units = o->unit, .long_name = o->help };
    int id;
    SX_TRY(w->b->ctx, sx_result_define(w->b->ctx, w->r, w->b->s->group, &v, &id));
    return sx_result_write(w->b->ctx, w->r, id, NULL, NULL, data);
}
static sx_status put_number(const writer *w, const char *name, double value) {
    return put(w, name, SX_DT_F64, &value);
}
static sx_status put_count(const writer *w, const char *name, int64_t value) {
    return put(w, name, SX_DT_I64, &value);
}

/* One number per attractor. */
enum { FRACTION, FRACTION_SE, FRACTION_LO, FRACTION_HI, PERIOD, EXPONENT, EXPONENT_SE, COLUMNS };
static double number_of(const basins *b, const attractor *a, int what) {
    double n = (double)b->s->starts, f = (double)a->hits / n, lo, hi;
    bool point = a->point >= 0;
    sx_binomial_interval(a->hits, b->s->starts, 0.05, &lo, &hi);
    switch (what) {
    case FRACTION:
        return f;
    case FRACTION_SE:
        return sqrt(f * (1 - f) / n);
    case FRACTION_LO:
        return lo;
    case FRACTION_HI:
        return hi;
    case PERIOD:
        return point ? 0 : a->period / (double)a->all;
    case EXPONENT:
        return point ? -b->points.p[a->point].rate : a->exponent / (double)a->all;
    default:
        return point ? 0 : sqrt(a->exponent_var) / (double)a->all;
    }
}

static sx_status put_attractors(const writer *w) {
    static const char *const names[COLUMNS] = { "fraction", "fraction_se", "fraction_lo", "fraction_hi",
                                                "period",   "exponent",    "exponent_se" };
    static const char *const kinds[] = { "point", "cycle", "torus", "chaos" };
    basins *b = w->b;
    int64_t n = b->s->n, count = b->n;
    double *v = NULL, *rows[3] = { NULL };
    const char **kind = NULL;
    sx_status status;
    SX_GO(b->ctx, status, done, sx_result_dim(b->ctx, w->r, b->s->group, "attractor", count));
    SX_GO(b->ctx, status, done, sx_alloc(b->ctx, count, sizeof *v, &v));
    SX_GO(b->ctx, status, done, sx_alloc(b->ctx, count, sizeof *kind, &kind));
    for (int k = 0; k < 3; k++) SX_GO(b->ctx, status, done, sx_alloc(b->ctx, count * n, sizeof **rows, &rows[k]));
    for (int c = 0; c < COLUMNS; c++) {
        for (int64_t k = 0; k < count; k++) v[k] = number_of(b, &b->a[k], c);
        SX_GO(b->ctx, status, done, put(w, names[c], SX_DT_F64, v));
    }
    for (int64_t k = 0; k < count; k++) {
        const attractor *a = &b->a[k];
        kind[k] = kinds[a->kind];
        for (int64_t u = 0; u < n; u++) {
            double x = state_of(b, a)[u];
            rows[0][k * n + u] = x;
            rows[1][k * n + u] = a->point >= 0 ? x : a->mean[u] / (double)a->all;
            rows[2][k * n + u] = a->point >= 0 ? 0 : a->sd[u] / (double)a->all;
        }
    }
    SX_GO(b->ctx, status, done, put(w, "kind", SX_DT_STRING, kind));
    SX_GO(b->ctx, status, done, put(w, "state", SX_DT_F64, rows[0]));
    SX_GO(b->ctx, status, done, put(w, "mean_state", SX_DT_F64, rows[1]));
    SX_GO(b->ctx, status, done, put(w, "sd_state", SX_DT_F64, rows[2]));
done:
    for (int k = 0; k < 3; k++) sx_free(b->ctx, rows[k]);
    sx_free(b->ctx, kind);
    sx_free(b->ctx, v);
    return status;
}

static sx_status put_outcomes(const writer *w) {
    const sx_ba *s = w->b->s;
    int64_t unresolved = 0, escaped = 0, once = 0, twice = 0;
    for (int64_t r = 0; r < s->starts; r++) {
        unresolved += w->b->outcome[r] == -1;
        escaped += w->b->outcome[r] == -2;
    }
    for (int64_t k = 0; k < w->b->n; k++) {
        once += w->b->a[k].hits == 1;
        twice += w->b->a[k].hits == 2;
    }
    sx_fp_complete c = { 0 };
    sx_unseen(s->starts, once, twice, &c);
    sx_ctx *ctx = w->b->ctx;
    SX_TRY(ctx, put(w, "outcome", SX_DT_I64, w->b->outcome));
    SX_TRY(ctx, put_count(w, "n_unresolved", unresolved));
    SX_TRY(ctx, put_number(w, "unresolved_fraction", (double)unresolved / (double)s->starts));
    SX_TRY(ctx, put_count(w, "n_escaped", escaped));
    SX_TRY(ctx, put_number(w, "escaped_fraction", (double)escaped / (double)s->starts));
    SX_TRY(ctx, put_number(w, "unseen_mass_hi", c.unseen_hi));
    if (20 * unresolved > s->starts)
        return sx_result_warn(
            ctx, w->r, s->group,
            "%lld of %lld starts have not come to an attractor: a longer transient or window may help",
            (long long)unresolved, (long long)s->starts);
    return SX_OK;
}

static sx_status put_slice(const writer *w) {
    const sx_ba *s = w->b->s;
    double *x = NULL;
    sx_status status;
    static const char *const names[] = { "slice_x", "slice_y" };
    for (int k = 0; k < 2; k++) SX_TRY(w->b->ctx, sx_result_dim(w->b->ctx, w->r, s->group, names[k], s->side));
    SX_TRY(w->b->ctx, sx_alloc(w->b->ctx, s->side, sizeof *x, &x));
    for (int k = 0; k < 2; k++) {
        int64_t u = k ? s->slice_y : s->slice_x;
        for (int64_t i = 0; i < s->side; i++)
            x[i] = s->lo[u] + (s->hi[u] - s->lo[u]) / (double)(s->side - 1) * (double)i;
        SX_GO(w->b->ctx, status, done, put(w, names[k], SX_DT_F64, x));
        char unit[24];
        (void)snprintf(unit, sizeof unit, "%lld", (long long)u);
        SX_GO(w->b->ctx, status, done, sx_result_attr_text(w->b->ctx, w->r, s->group, names[k], "unit_index", unit));
    }
    status = put(w, "slice_outcome", SX_DT_I64, w->b->outcome + s->starts);
done:
    sx_free(w->b->ctx, x);
    return status;
}

static sx_status put_edge(const writer *w, const void *state, sx_root_work *work) {
    const sx_ba *s = w->b->s;
    sx_root_system system = sx_ba_system(s);
    const double *x = sx_ba_at(s, state, BA_RESULT), *edge = sx_ba_at(s, state, BA_EDGE);
    bool point = sx_ba_at(s, state, BA_INFO)[BI_KIND] == SX_ATTRACTOR_POINT, added;
    double width = 0, speed = speed_at(&system, x, work);
    int64_t unstable = -1, index;
    for (int64_t u = 0; u < s->n; u++) width = fmax(width, fabs(edge[u] - edge[s->n + u]));
    if (point) {
        sx_fp_points one = { 0 };
        sx_status status =
            sx_fp_add(w->b->ctx, &w->b->fp, &one, &(sx_fp_point){ .x = (double *)(uintptr_t)x }, &index, &added);
        if (status >= 0) status = sx_fp_stability(w->b->ctx, &w->b->fp, &one);
        if (status >= 0) unstable = one.p[0].n_unstable;
        sx_fp_points_free(w->b->ctx, &one);
        SX_TRY(w->b->ctx, status);
    }
    SX_TRY(w->b->ctx, put(w, "edge_state", SX_DT_F64, x));
    SX_TRY(w->b->ctx, put_number(w, "edge_speed", 0.5 * speed * speed));
    SX_TRY(w->b->ctx, put_count(w, "edge_is_point", point));
    SX_TRY(w->b->ctx, put_count(w, "edge_n_unstable", unstable));
    return put_number(w, "edge_width", width);
}

/* -- finish ---------------------------------------------------------------------------------------------------------------------------- */

static sx_status reduce(basins *b, sx_result *result) {
    const sx_ba *s = b->s;
    sx_root_system system = sx_ba_system(s);
    sx_root_work work;
    writer w = { b, result };
    SX_TRY(b->ctx, sx_alloc(b->ctx, s->runs, sizeof *b->outcome, &b->outcome));
    SX_TRY(b->ctx, sx_alloc(b->ctx, sx_root_doubles(&system), sizeof *b->scratch, &b->scratch));
    sx_root_carve(&system, b->scratch, NULL, &work);
    for (int64_t run = 0; run < s->runs; run++) SX_TRY(b->ctx, add_run(b, run, &work));
    SX_TRY(b->ctx, drop_unstable(b));
    SX_TRY(b->ctx, sort(b));
    if (b->n > 0) SX_TRY(b->ctx, put_attractors(&w));
    SX_TRY(b->ctx, put_outcomes(&w));
    if (s->side > 0) SX_TRY(b->ctx, put_slice(&w));
    if (s->o.edge.given) SX_TRY(b->ctx, put_edge(&w, b->states[s->blocks], &work));
    if (b->n > 0) return SX_OK;
    const char *why = "no start came to an attractor";
    SX_TRY(b->ctx, sx_result_attr_text(b->ctx, result, s->group, NULL, "empty", why));
    SX_TRY(b->ctx, sx_result_warn(b->ctx, result, s->group, "%s", why));
    return SX_NOT_CONVERGED;
}

sx_status sx_ba_finish(sx_ctx *ctx, const void *instance, const void *const *states, sx_result *result) {
    const sx_ba *s = instance;
    sx_model *held[1] = { s->quiet };
    basins b = { .ctx = ctx, .s = s, .states = states };
    b.fp = (sx_fp){ .model = s->quiet, .held = held, .key = s->key, .n = s->n, .map = s->map, .dense = s->n <= 2000 };
    b.fp.contexts = 1;
    b.fp.lo = s->lo;
    b.fp.hi = s->hi;
    b.fp.o.merge = 1e-6;
    b.fp.o.tolerance = 1e-10;
    sx_status status = reduce(&b, result);
    free_basins(&b);
    return status;
}
