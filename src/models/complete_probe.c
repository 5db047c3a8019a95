// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* How good the completed derivatives of a plug-in are: eight points around the starting point with random directions; the step at which
 * two steps agree best; given derivatives against differences; complex F against F. */
#include "models/complete.h"

#include <stdarg.h>
#include <stdio.h>

enum { POINTS = 8, STEPS = 7 };

static const char *const names[] = { "phv", "jvp", "hvv", "tvvv" }; /* by order; [0]: the adjoint of the second */

typedef struct probe {
    sx_ctx *ctx;
    sx_complete *c;
    const char *name;
    sx_batch x, d[3], before, now;
    sx_work w;
    double scale[POINTS]; /* largest number of the derivatives so far; < 0: F is not finite there */
    double error[4];      /* of the completed ones; < 0: exact or given */
    char text[1024];
    size_t used;
} probe;

static void SX_PRINTF(2, 3) add(probe *p, const char *format, ...) {
    va_list args;
    va_start(args, format);
    if (p->used < sizeof p->text) {
        int n = vsnprintf(p->text + p->used, sizeof p->text - p->used, format, args);
        if (n > 0) p->used += (size_t)n;
    }
    va_end(args);
}

static double largest(sx_batch v, int64_t r) {
    double most = 0.0;
    for (int64_t i = 0; i < v.n; ++i) {
        double a = fabs(v.x[i * v.b + r]);
        if (!(a <= most)) most = a; /* NaN stays */
    }
    return most;
}
/* Largest |a - b| relative to the scale of the columns; median: of the columns, else the worst. */
static double disagreement(const probe *p, bool median) {
    double each[POINTS];
    int n = 0;
    for (int64_t r = 0; r < POINTS; ++r) {
        double most = 0.0, scale = fmax(p->scale[r], largest(p->now, r));
        if (p->scale[r] < 0.0) continue;
        for (int64_t i = 0; i < p->now.n; ++i) {
            double a = fabs(p->now.x[i * POINTS + r] - p->before.x[i * POINTS + r]);
            if (!(a <= most)) most = a;
        }
        double e = most == 0.0 ? 0.0 : most / scale;
        int k = n++; /* insertion, NaN last */
        for (; k > 0 && (isnan(each[k - 1]) || each[k - 1] > e); --k) each[k] = each[k - 1];
        each[k] = e;
    }
    return n == 0 ? 0.0 : each[median ? (n - 1) / 2 : n - 1];
}
static void take_scale(probe *p) {
    for (int64_t r = 0; r < POINTS; ++r) {
        double most = largest(p->now, r);
        if (p->scale[r] >= 0.0 && isfinite(most)) p->scale[r] = fmax(p->scale[r], most);
    }
}

static void evaluate(probe *p, int order, bool by_differences, double step, sx_batch out) {
    const sx_cbatch d[3] = { sx_const_batch(p->d[0]), sx_const_batch(p->d[1]), sx_const_batch(p->d[2]) };
    if (order == 0)
        sx_complete_curvature(p->c, step, 0.0, sx_const_batch(p->x), d[0], d[1], out, p->w);
    else
        sx_complete_along(p->c, order, by_differences, step, 0.0, sx_const_batch(p->x), d, out, p->w);
}

/* The step c = 2^-2, 2^-4, ... whose result agrees best with the next one; p->now is that result. */
static double choose_step(probe *p, int order, bool by_differences, double *step) {
    double best = HUGE_VAL, c = 0.25;
    evaluate(p, order, by_differences, c, p->before);
    for (int k = 0; k < STEPS; ++k, c *= 0.25) {
        evaluate(p, order, by_differences, 0.25 * c, p->now);
        double e = disagreement(p, false);
        if (e < best || k == 0) {
            best = isnan(e) ? HUGE_VAL : e;
            *step = c;
        }
        sx_batch swap = p->before;
        p->before = p->now;
        p->now = swap;
    }
    evaluate(p, order, by_differences, *step, p->now);
    return fmax(best, 0x1p-52);
}

/* -- F -------------------------------------------------------------------------------------------------------------------------- */

static const char *label(const sx_layout *l, int64_t unit, char *buf, size_t size) {
    for (int a = 0; a < l->n_arrays; unit -= l->arrays[a++].n) {
        if (unit >= l->arrays[a].n) continue;
        if (l->arrays[a].labels) return l->arrays[a].labels[unit];
        (void)snprintf(buf, size, "%s[%lld]", l->arrays[a].name, (long long)unit);
        return buf;
    }
    return "?";
}

static sx_status probe_F(probe *p, const sx_layout *layout) {
    const sx_complete *c = p->c;
    char buf[96];
    c->f->F(c->self, 0.0, sx_const_batch(p->x), p->now, p->w);
    for (int64_t i = 0; i < c->n; ++i) {
        double v = p->now.x[i * POINTS];
        if (isfinite(v)) continue;
        return SX_FAIL(p->ctx, SX_E_NUMERIC,
                       "plug-in %s: F of unit %lld (%s) is %s at t = 0 and the starting point, where %s = %g: want a "
                       "finite number; `point` of sx_plugin_model names another starting point",
                       p->name, (long long)i, label(layout, i, buf, sizeof buf),
                       isnan(v)  ? "nan"
                       : v > 0.0 ? "inf"
                                 : "-inf",
                       label(layout, i, buf, sizeof buf), p->x.x[i * POINTS]);
    }
    for (int64_t r = 0; r < POINTS; ++r) {
        double most = largest(p->now, r);
        p->scale[r] = isfinite(most) ? most : -1.0;
    }
    return SX_OK;
}

/* F_complex of a real point is F with imaginary part 0. */
static sx_status probe_complex(probe *p) {
    const sx_complete *c = p->c;
    sx_work w = p->w;
    int64_t count = c->n * POINTS;
    double *z = sx_take(&w, 2 * count), *y = sx_take(&w, 2 * count);
    for (int64_t i = 0; i < count; ++i) {
        z[2 * i] = p->x.x[i];
        z[2 * i + 1] = 0.0;
    }
    c->F_complex(c->self, 0.0, z, y, POINTS, w);
    for (int64_t i = 0; i < count; ++i) {
        double scale = p->scale[i % POINTS], F = p->now.x[i];
        if (scale < 0.0 || (fabs(y[2 * i] - F) <= 1e-8 * (scale + 1e-300) && fabs(y[2 * i + 1]) <= 1e-8 * scale))
            continue;
        return SX_FAIL(p->ctx, SX_E_FILE,
                       "plug-in %s: F_complex is another function than F: at a real point %g%+gi, want %g", p->name,
                       y[2 * i], y[2 * i + 1], F);
    }
    return SX_OK;
}

/* -- derivatives ------------------------------------------------------------------------------------------------------------------ */

/* A given derivative against differences of the next lower one. */
static void check_given(probe *p, int order) {
    double step = 0.0, *kept = p->w.p;
    sx_work w = p->w;
    int64_t count = p->c->n * POINTS;
    kept = sx_take(&w, count);
    sx_work before = p->w;
    p->w = w;
    double error = choose_step(p, order, true, &step);
    memcpy(kept, p->now.x, (size_t)count * sizeof *kept);
    evaluate(p, order, false, step, p->now);
    memcpy(p->before.x, kept, (size_t)count * sizeof *kept);
    double wrong = disagreement(p, true);
    p->w = before;
    take_scale(p);
    if (wrong > fmax(1e-4, 100.0 * error))
        sx_log(p->ctx, SX_LOG_WARNING,
               "plug-in %s: its %s disagrees with differences by %.1g of its size: one of them is wrong", p->name,
               names[order], wrong);
}

/* p.J u = u.J^T p for a vjp that was given */
static void check_adjoint(probe *p) {
    evaluate(p, 1, false, p->c->step[1], p->now);
    sx_complete_adjoint(p->c, p->c->step[1], 0.0, sx_const_batch(p->x), sx_const_batch(p->d[1]), p->before, p->w);
    double worst = 0.0;
    for (int64_t r = 0; r < POINTS; ++r) {
        double left = 0.0, right = 0.0, size = 0.0;
        for (int64_t i = 0; i < p->c->n; ++i) {
            double a = p->d[1].x[i * POINTS + r] * p->now.x[i * POINTS + r];
            double b = p->d[0].x[i * POINTS + r] * p->before.x[i * POINTS + r];
            left += a;
            right += b;
            size += fabs(a) + fabs(b);
        }
        if (p->scale[r] >= 0.0 && size > 0.0) worst = fmax(worst, fabs(left - right) / size);
    }
    if (worst > 1e-6 + 100.0 * fmax(p->error[1], 0.0))
        sx_log(p->ctx, SX_LOG_WARNING,
               "plug-in %s: its vjp is not the adjoint of J u: p.(J u) and u.(J^T p) differ by %.1g of their size",
               p->name, worst);
}

/* One order: exact, or by differences with a chosen step; false: left out. */
static bool complete_order(probe *p, int order, bool given, double tolerance) {
    sx_complete *c = p->c;
    p->error[order] = -1.0;
    if (given || (order > 0 && sx_complete_exact(c, order) == order)) {
        if (given && order > 0)
            check_given(p, order);
        else if (order > 0) {
            evaluate(p, order, false, 0.0, p->now);
            take_scale(p);
        }
        return true;
    }
    if (order == 0 && !c->f->vjp) { /* n directions of the second derivative: its step and error */
        c->step[0] = c->step[2];
        p->error[0] = c->f->hvv ? -1.0 : p->error[2];
        if (c->f->hvv) p->error[0] = choose_step(p, 2, true, &c->step[0]);
    } else {
        p->error[order] = choose_step(p, order, false, &c->step[order]);
        if (order > 0) take_scale(p);
    }
    if (p->error[order] <= tolerance) return true;
    sx_log(p->ctx, SX_LOG_WARNING,
           "plug-in %s: %s by differences has a relative error of about %.1g, more than the tolerance %g: left out; "
           "tasks that need it will refuse",
           p->name, names[order], p->error[order], tolerance);
    return false;
}

/* "jvp, vjp given; jacobian from jvp; hvv by differences, relative error 2e-12" */
static void describe(probe *p) {
    const sx_complete *c = p->c;
    const sx_model_ops *f = c->f, *o = &c->ops;
    const struct {
        const char *name;
        bool given, there;
        double error;
    } all[] = {
        { "jvp", f->jvp != NULL, o->jvp != NULL, p->error[1] },
        { "vjp", f->vjp != NULL, o->vjp != NULL, p->error[1] },
        { "jacobian", f->jacobian != NULL, o->jacobian != NULL, p->error[1] },
        { "divergence", f->divergence != NULL, o->divergence != NULL, p->error[1] },
        { "hvv", f->hvv != NULL, o->hvv != NULL, p->error[2] },
        { "phv", f->phv != NULL, o->phv != NULL, p->error[0] },
        { "tvvv", f->tvvv != NULL, o->tvvv != NULL, p->error[3] },
    };
    enum { ALL = sizeof all / sizeof *all };
    int n = 0;
    for (int k = 0; k < ALL; ++k) {
        if (all[k].given) add(p, "%s%s", n++ ? ", " : "given: ", all[k].name);
    }
    for (int k = 0, m = 0; k < ALL; ++k) { /* exact without being given */
        if (all[k].given || !all[k].there || all[k].error >= 0.0) continue;
        const char *how = f->jvp ? "from jvp" : f->jacobian ? "from jacobian" : "by complex step";
        if (m++ == 0)
            add(p, "%s%s: %s", n++ ? "; " : "", how, all[k].name);
        else
            add(p, ", %s", all[k].name);
    }
    for (int k = 0, m = 0; k < ALL; ++k) {
        if (all[k].given || !all[k].there || all[k].error < 0.0) continue;
        if (m++ == 0)
            add(p, "%sby differences, relative error: %s %.1g", n++ ? "; " : "", all[k].name, all[k].error);
        else
            add(p, ", %s %.1g", all[k].name, all[k].error);
    }
    for (int k = 0, m = 0; k < ALL; ++k) {
        if (all[k].there) continue;
        add(p, "%s%s", m++ ? ", " : n++ ? "; left out: " : "left out: ", all[k].name);
    }
}

static sx_status run(probe *p, double tolerance, const sx_layout *layout) {
    sx_complete *c = p->c;
    const sx_model_ops *f = c->f;
    sx_model_ops *o = &c->ops;
    SX_TRY(p->ctx, probe_F(p, layout));
    if (c->F_complex) SX_TRY(p->ctx, probe_complex(p));
    bool first = complete_order(p, 1, f->jvp != NULL, tolerance);
    bool second = first && complete_order(p, 2, f->hvv != NULL, tolerance);
    bool mixed = (first || f->vjp) && complete_order(p, 0, f->phv != NULL, tolerance);
    bool third = second && complete_order(p, 3, f->tvvv != NULL, tolerance);
    if (f->vjp && first) check_adjoint(p);
    *o = sx_plugin_ops;
#define KEEP(operation, completed)                                                                                     \
    if (!f->operation && !(completed)) o->operation = NULL
    KEEP(jvp, first);
    KEEP(vjp, first);
    KEEP(jacobian, first);
    KEEP(divergence, first);
    KEEP(hvv, second);
    KEEP(phv, mixed);
    KEEP(tvvv, third);
    KEEP(potential, false);
    KEEP(gradient, false);
    KEEP(metric, false);
    KEEP(reentrant, false);
    KEEP(sample, false);
    KEEP(kick, false);
    KEEP(move, false);
    KEEP(observe, false);
    KEEP(symmetry, false);
    KEEP(input_end, false);
    KEEP(trials, false);
#undef KEEP
    describe(p);
    sx_log(p->ctx, SX_LOG_INFO, "plug-in %s: derivatives: %s", p->name, p->text);
    return sx_strdup(p->ctx, p->text, &c->notes);
}

sx_status sx_complete_derivatives(sx_ctx *ctx, sx_complete *c, const char *name, const double *point, double tolerance,
                                  const sx_layout *layout) {
    probe p = { .ctx = ctx, .c = c, .name = name };
    int64_t n = c->n, count = sx_pad(n * POINTS), need = count + sx_complete_work(c, POINTS), all = 6 * count + need;
    double *memory = NULL;
    sx_key key = sx_key_derive(sx_key_seed(0), "plugin", 0);
    SX_TRY(ctx, sx_alloc(ctx, all, sizeof *memory, &memory));
    sx_work w = { memory, all, NULL, 0 };
    p.x = sx_take_batch(&w, n, POINTS);
    for (int k = 0; k < 3; ++k) {
        p.d[k] = sx_take_batch(&w, n, POINTS);
        sx_uniform_fill(key, (uint64_t)k + 1, SX_SLOT_USER, 0, n, POINTS, p.d[k].x);
        for (int64_t i = 0; i < n * POINTS; ++i) p.d[k].x[i] = 2.0 * p.d[k].x[i] - 1.0;
    }
    p.before = sx_take_batch(&w, n, POINTS);
    p.now = sx_take_batch(&w, n, POINTS);
    p.w = w;
    sx_uniform_fill(key, 0, SX_SLOT_USER, 0, n, POINTS, p.x.x);
    for (int64_t i = 0; i < n; ++i) {
        double at = point ? point[i] : 0.0;
        for (int64_t r = 0; r < POINTS; ++r) {
            double *x = &p.x.x[i * POINTS + r];
            *x = r == 0 ? at : at + 0.3 * (1.0 + fabs(at)) * (2.0 * *x - 1.0);
        }
    }
    sx_status status = run(&p, tolerance, layout);
    sx_free(ctx, memory);
    return status;
}
