// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* From the ends of the searches to the set of points, in a fixed order: starts by number, deflation, interval search, symmetries. */
#include "fixed_points_private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 10 };

sx_status sx_fp_define(sx_ctx *ctx, void *instance, sx_result *result) {
    const sx_fp *s = instance;
    SX_TRY(ctx, sx_result_dim(ctx, result, "", "unit", s->n));
    SX_TRY(ctx, sx_result_attr_text(ctx, result, s->group, NULL, "task", "fixed-points"));
    SX_TRY(ctx, sx_result_attr_text(ctx, result, s->group, NULL, "method",
                                    s->dense ? "Newton's method with line search, LU"
                                             : "Newton's method with line search, GMRES"));
    SX_TRY(ctx, sx_result_attr_text(ctx, result, s->group, NULL, "drift", "F"));
    return sx_result_attr_number(ctx, result, s->group, NULL, "tolerance", s->o.tolerance);
}

/* -- starts -------------------------------------------------------------------------------------------------------------------- */

static sx_status add_start(sx_ctx *ctx, const sx_fp *s, int64_t item, const void *state, int64_t k, sx_fp_points *all,
                           sx_fp_complete *complete) {
    int64_t context = item / s->blocks, start = item % s->blocks * s->block + k, index;
    bool random = start >= s->n_given, added;
    const double *info = sx_fp_at(s, state, FP_INFO) + 4 * k, *slow = sx_fp_at(s, state, FP_SLOW_INFO);
    sx_root_system system = sx_fp_system(s, context);
    sx_fp_point p = { .context = context, .hits = 1, .random_hits = random };
    complete[context].starts++;
    p.x = sx_fp_at(s, state, FP_ROOT) + k * s->n;
    bool root = info[0] == SX_ROOT_CONVERGED;
    if (root && !sx_fp_reached(s, p.x)) {
        complete[context].outside++;
    } else if (root) {
        p.residual = info[1];
        p.error = info[2];
        p.speed = info[3];
        complete[context].converged++;
        SX_TRY(ctx, sx_fp_add(ctx, s, all, &p, &index, &added));
    }
    if (!slow || slow[4 * k] != SX_ROOT_CONVERGED) return SX_OK;
    slow += 4 * k;
    p.x = sx_fp_at(s, state, FP_SLOW) + k * s->n;
    p.residual = slow[1];
    p.speed = slow[2];
    p.error = 1e-8 * (1 + sx_max_abs(s->n, p.x));
    p.slow = true;
    if (root && p.residual <= system.tolerance * (1 + sx_max_abs(s->n, p.x)))
        return SX_OK; /* the root has been counted */
    if (p.speed >= s->o.slow.speed_below || !sx_fp_reached(s, p.x)) return SX_OK;
    return sx_fp_add(ctx, s, all, &p, &index, &added);
}

/* -- searches beside what is known ------------------------------------------------------------------------------------------------ */

typedef struct extra {
    const sx_fp *s;
    int64_t context, round;
    const sx_deflation *deflation;
    double *x, *info; /* per start: n numbers; outcome, residual, error, speed */
} extra;

/* Newton to the end from x, first with deflation, then without it. */
static sx_status follow(sx_ctx *ctx, const sx_root_system *system, const sx_deflation *deflation, int64_t iterations,
                        double *x, double info[4], sx_root_work *w) {
    double memory[4] = { 0 };
    int outcome = SX_ROOT_GOING;
    for (int64_t k = 0; k < iterations && outcome == SX_ROOT_GOING; k++)
        SX_TRY(ctx, sx_newton_step(ctx, system, deflation, x, memory, w, &outcome));
    info[0] = outcome;
    if (outcome != SX_ROOT_CONVERGED) return SX_OK;
    sx_root_G(system, x, w->g, w);
    info[1] = sx_max_abs(system->n, w->g);
    info[2] = memory[1];
    info[3] = 0.5 * system->kernels->dot(system->n, w->g, w->g);
    return SX_OK;
}

static sx_status deflated_start(sx_ctx *ctx, int64_t k, int worker, void *arg) {
    const extra *e = arg;
    const sx_fp *s = e->s;
    sx_root_system system = sx_fp_system(s, e->context);
    sx_root_work w;
    double *scratch = NULL, *x = e->x + k * s->n;
    char stream[40];
    (void)worker;
    SX_TRY(ctx, sx_alloc(ctx, sx_root_doubles(&system), sizeof *scratch, &scratch));
    sx_root_carve(&system, scratch, NULL, &w);
    snprintf(stream, sizeof stream, "deflation %lld", (long long)e->round);
    double u[3];
    sx_uniform_fill(sx_key_derive(s->key, stream, 1), 0, SX_SLOT_INITIAL, k, 3, 1, u);
    if (k % 2 == 0 && e->deflation->k > 1) { /* between two known points */
        int64_t known = e->deflation->k, p = (int64_t)(u[0] * (double)known), q = (int64_t)(u[1] * (double)(known - 1));
        const double *a = e->deflation->points + p * s->n, *b = e->deflation->points + (q + (q >= p)) * s->n;
        for (int64_t i = 0; i < s->n; i++) x[i] = a[i] + (0.25 + 0.5 * u[2]) * (b[i] - a[i]);
    } else if (s->n_random > 0 || s->n_given < 2) {
        sx_fp_random(s, stream, k, x);
    } else { /* where the given starts are */
        sx_fp_start(s, (int64_t)(u[0] * (double)s->n_given), x);
    }
    sx_status status = follow(ctx, &system, e->deflation, s->o.iterations, x, e->info + 4 * k, &w);
    sx_free(ctx, scratch);
    return status;
}

static int compare_numbers(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Scale s of the factors 1 + s^2/|x - r|^2: half the median distance of a point to its nearest neighbour, so that points beside each other do not hide
 * what lies between; half the diagonal of the box while there are not two. */
static sx_status deflation_scale(sx_ctx *ctx, const sx_fp *s, sx_deflation *d) {
    double *nearest = NULL;
    d->scale2 = 0;
    for (int64_t i = 0; i < s->n; i++) d->scale2 += 0.25 * (s->hi[i] - s->lo[i]) * (s->hi[i] - s->lo[i]);
    if (d->k < 2) return SX_OK;
    SX_TRY(ctx, sx_alloc(ctx, d->k, sizeof *nearest, &nearest));
    for (int64_t a = 0; a < d->k; a++) {
        nearest[a] = HUGE_VAL;
        for (int64_t b = 0; b < d->k; b++) {
            double d2 = 0;
            for (int64_t i = 0; i < s->n && a != b; i++) {
                double e = d->points[a * s->n + i] - d->points[b * s->n + i];
                d2 += e * e;
            }
            if (a != b) nearest[a] = fmin(nearest[a], d2);
        }
    }
    qsort(nearest, (size_t)d->k, sizeof *nearest, compare_numbers);
    d->scale2 = 0.25 * nearest[d->k / 2];
    sx_free(ctx, nearest);
    return SX_OK;
}

/* Rounds of starts that know all points of the context, until a round finds nothing new. */
static sx_status deflate(sx_ctx *ctx, const sx_fp *s, int64_t context, sx_fp_points *all, int64_t *found) {
    int64_t starts = s->o.deflation;
    double *known = NULL, *x = NULL, *info = NULL;
    sx_status status = SX_OK;
    SX_GO(ctx, status, done, sx_alloc(ctx, starts * s->n, sizeof *x, &x));
    SX_GO(ctx, status, done, sx_alloc(ctx, 4 * starts, sizeof *info, &info));
    for (int round = 0; round < ROUNDS; round++) {
        sx_deflation d = { .points = NULL };
        int64_t before = *found;
        sx_free(ctx, known);
        known = NULL;
        SX_GO(ctx, status, done, sx_alloc(ctx, (all->n + 1) * s->n, sizeof *known, &known));
        for (int64_t k = 0; k < all->n; k++)
            if (all->p[k].context == context && !all->p[k].slow)
                memcpy(known + d.k++ * s->n, all->p[k].x, (size_t)s->n * sizeof *known);
        d.points = known;
        SX_GO(ctx, status, done, deflation_scale(ctx, s, &d));
        extra e = { s, context, round, &d, x, info };
        SX_GO(ctx, status, done, sx_parallel_for(ctx, starts, deflated_start, &e));
        for (int64_t k = 0; k < starts; k++) {
            const double *i = info + 4 * k;
            int64_t index;
            bool added = false;
            if (i[0] != SX_ROOT_CONVERGED || !sx_fp_reached(s, x + k * s->n)) continue;
            sx_fp_point p = { .x = x + k * s->n, .context = context, .residual = i[1], .error = i[2], .speed = i[3] };
            SX_GO(ctx, status, done, sx_fp_add(ctx, s, all, &p, &index, &added));
            *found += added;
        }
        if (*found == before) break;
    }
done:
    sx_free(ctx, info);
    sx_free(ctx, x);
    sx_free(ctx, known);
    return status;
}

/* -- interval search ------------------------------------------------------------------------------------------------------------------ */

static bool within(int64_t n, const double *x, const double *row) {
    for (int64_t i = 0; i < n; i++)
        if (!(row[2 * i] <= x[i] && x[i] <= row[2 * i + 1])) return false;
    return true;
}

/* Every root of the search has its point, added where it was missing; *proven when the search is complete and every point of the box has
 * its root. */
static sx_status add_proved(sx_ctx *ctx, const sx_fp *s, const void *state, sx_fp_points *all, double *scratch,
                            bool *proven) {
    sx_interval_state v = sx_fp_interval_state(s, state);
    sx_root_system system = sx_fp_system(s, 0);
    sx_root_work w;
    int64_t n = s->n, index;
    double x[SX_INTERVAL_UNITS], info[4] = { 0 };
    bool good = sx_interval_complete(&v), added;
    sx_root_carve(&system, scratch, NULL, &w);
    for (int64_t r = 0; r < v.count[1]; r++) {
        const double *unique = v.unique + r * 2 * n, *enclosed = v.enclosed + r * 2 * n;
        int64_t owner = -1;
        for (int64_t k = 0; k < all->n; k++) {
            sx_fp_point *p = &all->p[k];
            if (p->slow || !within(n, p->x, unique)) continue;
            if (owner >= 0) good = false; /* two points where there is one root: one of them is none */
            owner = k;
            p->proven = true;
        }
        if (owner >= 0) continue;
        for (int64_t i = 0; i < n; i++) x[i] = 0.5 * (enclosed[2 * i] + enclosed[2 * i + 1]);
        SX_TRY(ctx, follow(ctx, &system, NULL, s->o.iterations, x, info, &w));
        bool arrived = info[0] == SX_ROOT_CONVERGED && within(n, x, unique);
        if (!arrived) { /* the middle of the enclosure is as good a point */
            for (int64_t i = 0; i < n; i++) x[i] = 0.5 * (enclosed[2 * i] + enclosed[2 * i + 1]);
            sx_root_G(&system, x, w.g, &w);
            info[1] = sx_max_abs(n, w.g);
            info[2] = 0;
            info[3] = 0.5 * system.kernels->dot(n, w.g, w.g);
        }
        sx_fp_point p = { .x = x, .residual = info[1], .error = info[2], .speed = info[3], .proven = true };
        SX_TRY(ctx, sx_fp_add(ctx, s, all, &p, &index, &added));
        if (!added) good = false;
    }
    for (int64_t k = 0; k < all->n; k++) {
        bool inside = true;
        for (int64_t i = 0; i < n; i++) inside = inside && all->p[k].x[i] > s->lo[i] && all->p[k].x[i] < s->hi[i];
        if (inside && !all->p[k].slow && !all->p[k].proven) good = false;
    }
    *proven = good;
    return SX_OK;
}

/* -- completeness ------------------------------------------------------------------------------------------------------------------------ */

static sx_status judge(sx_ctx *ctx, const sx_fp *s, const sx_fp_points *all, int64_t context, sx_fp_complete *c) {
    int64_t once = 0, twice = 0, unknown = 0;
    bool by_random = s->n_random > 0, inward = false;
    double reach = 0, radius = 0;
    for (int64_t k = 0; k < all->n; k++) {
        const sx_fp_point *p = &all->p[k];
        int64_t hits = by_random ? p->random_hits : p->hits;
        if (p->context != context || p->slow) continue;
        once += hits == 1;
        twice += hits == 2;
        c->index_sum += p->index;
        unknown += p->index == 0;
        reach = fmax(reach, sx_max_abs(s->n, p->x));
    }
    sx_unseen(by_random ? s->n_random : s->starts, once, twice, c);
    SX_TRY(ctx, sx_fp_inward(ctx, s, context, reach, &radius, &inward));
    c->index_expected = inward;
    c->index_consistent = !inward || unknown || s->o.symmetry == SX_SYMMETRY_MERGE ? -1 : c->index_sum == 1;
    return SX_OK;
}

/* -- output -------------------------------------------------------------------------------------------------------------------------------- */

typedef struct writer {
    sx_ctx *ctx;
    const sx_fp *s;
    sx_result *r;
    const sx_fp_points *all;
    const sx_fp_complete *complete;
} writer;

static const sx_output *output(const char *name) {
    extern const sx_output sx_fixed_points_outputs[];
    const sx_output *o = sx_fixed_points_outputs;
    while (strcmp(o->name, name) != 0) o++;
    return o;
}

static sx_status put(const writer *w, const char *name, const char *dims, sx_dtype type, const void *data) {
    const sx_output *o = output(name);
    sx_var v = { .name = name, .dims = dims ? dims : o->dims, .dtype = type, .units = o->unit, .long_name = o->help };
    int id;
    SX_TRY(w->ctx, sx_result_define(w->ctx, w->r, w->s->group, &v, &id));
    return sx_result_write(w->ctx, w->r, id, NULL, NULL, data);
}

enum { OF_F64, OF_I64, OF_BOOL };
typedef struct column {
    const char *name;
    int type;
    size_t offset;
} column;

/* One variable from a member of n structs. */
static sx_status put_column(const writer *w, const column *c, const char *dims, const void *items, size_t size,
                            int64_t n) {
    double *f = NULL;
    int64_t *i = NULL;
    sx_status status;
    SX_GO(w->ctx, status, done, sx_alloc(w->ctx, n, sizeof *f, &f));
    SX_GO(w->ctx, status, done, sx_alloc(w->ctx, n, sizeof *i, &i));
    for (int64_t k = 0; k < n; k++) {
        const unsigned char *p = (const unsigned char *)items + (size_t)k * size + c->offset;
        bool b;
        if (c->type == OF_F64) memcpy(&f[k], p, sizeof f[k]);
        if (c->type == OF_I64) memcpy(&i[k], p, sizeof i[k]);
        if (c->type == OF_BOOL) {
            memcpy(&b, p, sizeof b);
            i[k] = b;
        }
    }
    status = c->type == OF_F64 ? put(w, c->name, dims, SX_DT_F64, f) : put(w, c->name, dims, SX_DT_I64, i);
done:
    sx_free(w->ctx, i);
    sx_free(w->ctx, f);
    return status;
}

static sx_status put_points(const writer *w) {
    static const column columns[] = {
        { "residual", OF_F64, offsetof(sx_fp_point, residual) },
        { "speed", OF_F64, offsetof(sx_fp_point, speed) },
        { "slow", OF_BOOL, offsetof(sx_fp_point, slow) },
        { "n_unstable", OF_I64, offsetof(sx_fp_point, n_unstable) },
        { "slowest_rate", OF_F64, offsetof(sx_fp_point, rate) },
        { "index", OF_I64, offsetof(sx_fp_point, index) },
        { "hits", OF_I64, offsetof(sx_fp_point, hits) },
        { "symmetry_class", OF_I64, offsetof(sx_fp_point, symmetry_class) },
        { "context_index", OF_I64, offsetof(sx_fp_point, context) },
    };
    int64_t n = w->all->n;
    double *x = NULL;
    const char **kind = NULL;
    sx_status status;
    SX_GO(w->ctx, status, done, sx_result_dim(w->ctx, w->r, w->s->group, "point", n));
    SX_GO(w->ctx, status, done, sx_alloc(w->ctx, n * w->s->n, sizeof *x, &x));
    SX_GO(w->ctx, status, done, sx_alloc(w->ctx, n, sizeof *kind, &kind));
    for (int64_t k = 0; k < n; k++) {
        memcpy(x + k * w->s->n, w->all->p[k].x, (size_t)w->s->n * sizeof *x);
        kind[k] = w->all->p[k].kind;
    }
    SX_GO(w->ctx, status, done, put(w, "x", NULL, SX_DT_F64, x));
    SX_GO(w->ctx, status, done, put(w, "kind", NULL, SX_DT_STRING, kind));
    for (size_t c = 0; c < sizeof columns / sizeof *columns - (w->s->channels == 0); c++)
        SX_GO(w->ctx, status, done, put_column(w, &columns[c], NULL, w->all->p, sizeof *w->all->p, n));
done:
    sx_free(w->ctx, kind);
    sx_free(w->ctx, x);
    return status;
}

static sx_status put_complete(const writer *w) {
    static const column columns[] = {
        { "n_starts", OF_I64, offsetof(sx_fp_complete, starts) },
        { "n_converged", OF_I64, offsetof(sx_fp_complete, converged) },
        { "n_outside", OF_I64, offsetof(sx_fp_complete, outside) },
        { "index_sum", OF_I64, offsetof(sx_fp_complete, index_sum) },
        { "index_expected", OF_I64, offsetof(sx_fp_complete, index_expected) },
        { "index_consistent", OF_I64, offsetof(sx_fp_complete, index_consistent) },
        { "unseen_mass", OF_F64, offsetof(sx_fp_complete, unseen_mass) },
        { "unseen_mass_se", OF_F64, offsetof(sx_fp_complete, unseen_se) },
        { "unseen_mass_lo", OF_F64, offsetof(sx_fp_complete, unseen_lo) },
        { "unseen_mass_hi", OF_F64, offsetof(sx_fp_complete, unseen_hi) },
        { "unseen_points", OF_F64, offsetof(sx_fp_complete, unseen_points) },
        { "n_deflated", OF_I64, offsetof(sx_fp_complete, deflated) },
        { "proven_complete", OF_BOOL, offsetof(sx_fp_complete, proven) },
    };
    const sx_fp *s = w->s;
    const char *dims = s->channels ? "context" : "";
    if (s->channels) {
        SX_TRY(w->ctx, sx_result_dim(w->ctx, w->r, s->group, "context", s->contexts));
        SX_TRY(w->ctx, sx_result_dim(w->ctx, w->r, s->group, "channel", s->channels));
        SX_TRY(w->ctx, put(w, "input", NULL, SX_DT_F64, s->input));
    }
    for (size_t c = 0; c < sizeof columns / sizeof *columns; c++)
        SX_TRY(w->ctx, put_column(w, &columns[c], dims, w->complete, sizeof *w->complete, s->contexts));
    return SX_OK;
}

/* What the numbers say, in words; warnings where points are known to be missing. */
static sx_status say(const writer *w) {
    const sx_fp *s = w->s;
    int64_t proven = 0, wrong = 0;
    double hi = 0;
    for (int64_t c = 0; c < s->contexts; c++) {
        proven += w->complete[c].proven;
        wrong += w->complete[c].index_consistent == 0;
        hi = fmax(hi, w->complete[c].unseen_hi);
    }
    char text[512];
    if (proven == s->contexts)
        snprintf(text, sizeof text, "proved for the box by interval search");
    else
        snprintf(text, sizeof text,
                 "not proved; a further start ends at an unknown point with a probability of at most %.3g (95 %%)", hi);
    SX_TRY(w->ctx, sx_result_attr_text(w->ctx, w->r, s->group, NULL, "completeness", text));
    if (wrong)
        SX_TRY(w->ctx, sx_result_warn(w->ctx, w->r, s->group,
                                      "fixed points are missing: the indices do not add up to 1%s; more random starts "
                                      "or a larger box may find them",
                                      s->contexts > 1 ? " in every context" : ""));
    return SX_OK;
}

/* -- finish --------------------------------------------------------------------------------------------------------------------------------- */

static sx_status collect(sx_ctx *ctx, const sx_fp *s, const void *const *states, sx_fp_points *all,
                         sx_fp_complete *complete, double *scratch) {
    for (int64_t item = 0; item < s->items; item++) {
        int64_t first = item % s->blocks * s->block;
        int64_t count = s->starts - first < s->block ? s->starts - first : s->block;
        for (int64_t k = 0; k < count; k++) SX_TRY(ctx, add_start(ctx, s, item, states[item], k, all, complete));
    }
    for (int64_t c = 0; c < s->contexts && s->o.deflation > 0; c++)
        SX_TRY(ctx, deflate(ctx, s, c, all, &complete[c].deflated));
    if (s->interval) SX_TRY(ctx, add_proved(ctx, s, states[s->items], all, scratch, &complete[0].proven));
    SX_TRY(ctx, sx_fp_symmetry(ctx, s, all, scratch));
    SX_TRY(ctx, sx_fp_stability(ctx, s, all));
    SX_TRY(ctx, sx_fp_sort(ctx, s, all));
    for (int64_t c = 0; c < s->contexts; c++) SX_TRY(ctx, judge(ctx, s, all, c, &complete[c]));
    return SX_OK;
}

sx_status sx_fp_finish(sx_ctx *ctx, const void *instance, const void *const *states, sx_result *result) {
    const sx_fp *s = instance;
    sx_fp_points all = { 0 };
    sx_fp_complete *complete = NULL;
    double *scratch = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, s->contexts, sizeof *complete, &complete));
    SX_GO(ctx, status, done, sx_alloc(ctx, s->scratch, sizeof *scratch, &scratch));
    SX_GO(ctx, status, done, collect(ctx, s, states, &all, complete, scratch));
    if (all.n == 0) {
        const char *why = "no start ended at a fixed point";
        SX_GO(ctx, status, done, sx_result_attr_text(ctx, result, s->group, NULL, "empty", why));
        SX_GO(ctx, status, done, sx_result_warn(ctx, result, s->group, "%s", why));
        status = SX_NOT_CONVERGED;
        goto done;
    }
    writer w = { ctx, s, result, &all, complete };
    SX_GO(ctx, status, done, put_points(&w));
    SX_GO(ctx, status, done, put_complete(&w));
    SX_GO(ctx, status, done, say(&w));
done:
    sx_free(ctx, scratch);
    sx_free(ctx, complete);
    sx_fp_points_free(ctx, &all);
    return status;
}
