// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Relations that hold exactly, or to a known order, for every model: derivatives against differences and against each other, the drift
 * against its parts, the noise against its adjoint and its divergence, the zero-noise limit, halved steps. Points and directions are
 * standard normals of a fixed key. */
#include "cli/selfcheck.h"

#include <separatrix/noise.h>
#include <separatrix/random.h>
#include <separatrix/simulate.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#define COLUMNS    8
#define DENSE_MOST 1500 /* units for checks that cost n operations */
#define SMALL_MOST 64   /* units for checks that cost n^2 operations */

typedef struct probe {
    sx_ctx *ctx;
    const sx_model *m;
    const sx_model_ops *ops;
    const void *self;
    const sx_noise *noise;
    sx_checklist *list;
    int64_t n, rank;
    double *x, *u, *p, *v; /* n x COLUMNS each: point and directions */
    double *a, *b, *c, *d; /* n x COLUMNS each: results */
    double *w;             /* rank x COLUMNS */
    sx_work work;
} probe;

static sx_cbatch in(const probe *q, const double *x) {
    return (sx_cbatch){ x, q->n, COLUMNS };
}
static sx_batch to(const probe *q, double *x) {
    return (sx_batch){ x, q->n, COLUMNS };
}

static double dot(int64_t n, const double *a, const double *b) {
    double s = 0;
    for (int64_t i = 0; i < n; i++) s += a[i] * b[i];
    return s;
}

static double largest(int64_t n, const double *a) {
    double s = 0;
    for (int64_t i = 0; i < n; i++) s = fmax(s, fabs(a[i]));
    return s;
}

/* max |a - b| over max |b| */
static double deviation(int64_t n, const double *a, const double *b) {
    double s = 0, scale = fmax(largest(n, b), 1e-300);
    for (int64_t i = 0; i < n; i++) s = fmax(s, fabs(a[i] - b[i]));
    return s / scale;
}

static void zero_check(const probe *q, const char *name, double error, double tolerance) {
    sx_checklist_number(q->list, name, error, 0, tolerance);
}

/* -- derivatives ----------------------------------------------------------------------------------------------------------- */

/* out = x + h u */
static void shifted(const probe *q, double h, const double *u, double *out) {
    for (int64_t i = 0; i < q->n * COLUMNS; i++) out[i] = q->x[i] + h * u[i];
}

static void check_jvp(const probe *q) {
    const double h = 1e-6;
    int64_t size = q->n * COLUMNS;
    shifted(q, h, q->u, q->d);
    sx_model_F(q->m, 0, in(q, q->d), to(q, q->a), q->work);
    shifted(q, -h, q->u, q->d);
    sx_model_F(q->m, 0, in(q, q->d), to(q, q->b), q->work);
    for (int64_t i = 0; i < size; i++) q->a[i] = (q->a[i] - q->b[i]) / (2 * h);
    q->ops->jvp(q->self, 0, in(q, q->x), in(q, q->u), to(q, q->b), q->work);
    zero_check(q, "J u against differences of F", deviation(size, q->a, q->b), 1e-7);
}

static void check_vjp(const probe *q) {
    int64_t size = q->n * COLUMNS;
    q->ops->jvp(q->self, 0, in(q, q->x), in(q, q->u), to(q, q->a), q->work);
    q->ops->vjp(q->self, 0, in(q, q->x), in(q, q->p), to(q, q->b), q->work);
    double left = dot(size, q->p, q->a), right = dot(size, q->b, q->u);
    double scale = sqrt(dot(size, q->p, q->p) * dot(size, q->a, q->a));
    zero_check(q, "p.(J u) against (J^T p).u", (left - right) / fmax(scale, 1e-300), 1e-12);
}

static void check_second(const probe *q) {
    const double h = 1e-5;
    int64_t size = q->n * COLUMNS;
    if (q->ops->hvv) {
        shifted(q, h, q->v, q->d);
        q->ops->jvp(q->self, 0, in(q, q->d), in(q, q->u), to(q, q->a), q->work);
        shifted(q, -h, q->v, q->d);
        q->ops->jvp(q->self, 0, in(q, q->d), in(q, q->u), to(q, q->b), q->work);
        for (int64_t i = 0; i < size; i++) q->a[i] = (q->a[i] - q->b[i]) / (2 * h);
        q->ops->jvp(q->self, 0, in(q, q->x), in(q, q->u), to(q, q->c), q->work);
        double scale = fmax(largest(size, q->c), 1e-300);
        q->ops->hvv(q->self, 0, in(q, q->x), in(q, q->u), in(q, q->v), to(q, q->b), q->work);
        for (int64_t i = 0; i < size; i++) q->a[i] -= q->b[i];
        zero_check(q, "H[u,v] against differences of J u", largest(size, q->a) / scale, 1e-6);
    }
    if (q->ops->hvv && q->ops->phv) { /* p.H[u,v] = (grad_x p.J v).u */
        q->ops->phv(q->self, 0, in(q, q->x), in(q, q->p), in(q, q->v), to(q, q->a), q->work);
        q->ops->hvv(q->self, 0, in(q, q->x), in(q, q->u), in(q, q->v), to(q, q->b), q->work);
        double left = dot(size, q->a, q->u), right = dot(size, q->p, q->b);
        double scale = sqrt(dot(size, q->p, q->p) * dot(size, q->b, q->b)) + sqrt(dot(size, q->a, q->a)) * 1e-3;
        zero_check(q, "p.H[u,v] against (p.H[v]).u", (left - right) / fmax(scale, 1e-300), 1e-11);
    }
}

/* Trace and product from J e_k, COLUMNS columns at a time; one base point for all (b == 1). */
static sx_status check_matrix(const probe *q) {
    double *J = NULL, *x1 = NULL, trace = 0, scale = 0;
    sx_status status;
    if (q->n > DENSE_MOST) {
        sx_checklist_skip("divergence and Jacobian matrix", "more than 1500 units");
        return SX_OK;
    }
    SX_GO(q->ctx, status, done, sx_alloc(q->ctx, q->n, sizeof *x1, &x1));
    for (int64_t i = 0; i < q->n; i++) x1[i] = q->x[i * COLUMNS];
    for (int64_t k = 0; k < q->n; k += COLUMNS) {
        memset(q->d, 0, sizeof(double) * (size_t)(q->n * COLUMNS));
        for (int64_t j = 0; j < COLUMNS && k + j < q->n; j++) q->d[(k + j) * COLUMNS + j] = 1;
        q->ops->jvp(q->self, 0, (sx_cbatch){ x1, q->n, 1 }, in(q, q->d), to(q, q->a), q->work);
        for (int64_t j = 0; j < COLUMNS && k + j < q->n; j++) {
            trace += q->a[(k + j) * COLUMNS + j];
            scale += fabs(q->a[(k + j) * COLUMNS + j]);
        }
    }
    if (q->ops->divergence) {
        double divergence[COLUMNS];
        q->ops->divergence(q->self, 0, in(q, q->x), divergence, q->work);
        sx_checklist_number(q->list, "divergence of F against the trace of J", divergence[0], trace,
                            1e-11 * fmax(scale, 1));
    }
    if (q->ops->jacobian) {
        SX_GO(q->ctx, status, done, sx_alloc(q->ctx, q->n * q->n, sizeof *J, &J));
        q->ops->jacobian(q->self, 0, x1, J, q->work);
        memset(q->b, 0, sizeof(double) * (size_t)(q->n * COLUMNS));
        for (int64_t i = 0; i < q->n; i++)
            for (int64_t j = 0; j < q->n; j++)
                for (int64_t r = 0; r < COLUMNS; r++) q->b[i * COLUMNS + r] += J[i * q->n + j] * q->u[j * COLUMNS + r];
        q->ops->jvp(q->self, 0, (sx_cbatch){ x1, q->n, 1 }, in(q, q->u), to(q, q->a), q->work);
        zero_check(q, "Jacobian matrix times u against J u", deviation(q->n * COLUMNS, q->b, q->a), 1e-12);
    }
    status = SX_OK;
done:
    sx_free(q->ctx, J);
    sx_free(q->ctx, x1);
    return status;
}

/* -- parts ----------------------------------------------------------------------------------------------------------------- */

static void check_parts(const probe *q) {
    int64_t size = q->n * COLUMNS;
    if (q->ops->potential && q->ops->gradient) {
        const double h = 1e-6;
        double plus[COLUMNS], minus[COLUMNS], error = 0, scale = 0;
        shifted(q, h, q->u, q->d);
        q->ops->potential(q->self, 0, in(q, q->d), plus, q->work);
        shifted(q, -h, q->u, q->d);
        q->ops->potential(q->self, 0, in(q, q->d), minus, q->work);
        q->ops->gradient(q->self, 0, in(q, q->x), to(q, q->a), q->work);
        for (int r = 0; r < COLUMNS; r++) {
            double slope = 0;
            for (int64_t i = 0; i < q->n; i++) slope += q->a[i * COLUMNS + r] * q->u[i * COLUMNS + r];
            error = fmax(error, fabs(slope - (plus[r] - minus[r]) / (2 * h)));
            scale = fmax(scale, fmax(fabs(slope), fabs(plus[r])));
        }
        zero_check(q, "grad Phi against differences of Phi", error / fmax(scale, 1e-300), 1e-7);
    }
    if (!q->ops->gradient || !q->ops->metric) return;
    /* F = -G^-1 grad Phi + R */
    q->ops->gradient(q->self, 0, in(q, q->x), to(q, q->a), q->work);
    q->ops->metric(q->self, 1, in(q, q->x), in(q, q->a), to(q, q->b), q->work);
    q->ops->metric(q->self, 0, in(q, q->x), in(q, q->b), to(q, q->c), q->work);
    zero_check(q, "G G^-1 v against v", deviation(size, q->c, q->a), 1e-11);
    memset(q->c, 0, sizeof(double) * (size_t)size);
    if (q->ops->reentrant) q->ops->reentrant(q->self, 0, in(q, q->x), to(q, q->c), q->work);
    for (int64_t i = 0; i < size; i++) q->c[i] -= q->b[i];
    sx_model_F(q->m, 0, in(q, q->x), to(q, q->a), q->work);
    zero_check(q, "F against -G^-1 grad Phi + R", deviation(size, q->c, q->a), 1e-11);
}

/* -- noise ----------------------------------------------------------------------------------------------------------------- */

static void check_noise(const probe *q) {
    const sx_noise_ops *ops = sx_noise_operations(q->noise);
    const void *self = sx_noise_self(q->noise);
    int64_t size = q->n * COLUMNS;
    if (q->rank == 0 || sx_noise_class_of(q->noise) == SX_NOISE_NONE) return;
    sx_batch wide = { q->w + q->rank * COLUMNS, q->rank, COLUMNS };
    sx_cbatch w = { q->w, q->rank, COLUMNS }, from = { q->w + q->rank * COLUMNS, q->rank, COLUMNS };
    ops->B(self, 0, in(q, q->x), w, to(q, q->a), q->work);
    ops->Bt(self, 0, in(q, q->x), in(q, q->p), wide, q->work);
    double left = dot(size, q->p, q->a), right = dot(q->rank * COLUMNS, q->w, wide.x);
    double scale = sqrt(dot(size, q->p, q->p) * dot(size, q->a, q->a));
    zero_check(q, "p.(B w) against (B^T p).w", (left - right) / fmax(scale, 1e-300), 1e-12);
    if (ops->Dinv) { /* v = D p lies in the range of D: D D^-1 v = v */
        double residual[COLUMNS];
        ops->B(self, 0, in(q, q->x), from, to(q, q->a), q->work);
        ops->Dinv(self, 0, in(q, q->x), in(q, q->a), to(q, q->b), residual, q->work);
        ops->Bt(self, 0, in(q, q->x), in(q, q->b), wide, q->work);
        ops->B(self, 0, in(q, q->x), from, to(q, q->c), q->work);
        zero_check(q, "D D^-1 v against v", deviation(size, q->c, q->a), 1e-9);
    }
    if (!ops->div_D || q->n > SMALL_MOST) return;
    /* d_k D_ik by differences of D e_k */
    const double h = 1e-5;
    memset(q->c, 0, sizeof(double) * (size_t)size);
    for (int64_t k = 0; k < q->n; k++)
        for (int sign = -1; sign <= 1; sign += 2) {
            memcpy(q->d, q->x, sizeof(double) * (size_t)size);
            memset(q->a, 0, sizeof(double) * (size_t)size);
            for (int r = 0; r < COLUMNS; r++) {
                q->d[k * COLUMNS + r] += sign * h;
                q->a[k * COLUMNS + r] = 1;
            }
            ops->Bt(self, 0, in(q, q->d), in(q, q->a), wide, q->work);
            ops->B(self, 0, in(q, q->d), from, to(q, q->b), q->work);
            for (int64_t i = 0; i < size; i++) q->c[i] += sign * q->b[i] / (2 * h);
        }
    ops->div_D(self, 0, in(q, q->x), to(q, q->a), q->work);
    zero_check(q, "div D against differences of D", deviation(size, q->c, q->a), 1e-6);
}

/* -- steps ----------------------------------------------------------------------------------------------------------------- */

/* Advance the point by `count` steps of h into out. */
static sx_status advance(const probe *q, const sx_model *m, sx_method method, double h, int64_t count, double *out) {
    sx_stepper *s = NULL;
    double *p = NULL;
    sx_status status;
    SX_GO(q->ctx, status, done, sx_stepper_create(q->ctx, m, method, h, 1e-8, 1e-10, &s));
    int64_t doubles = sx_stepper_work(s, COLUMNS);
    SX_GO(q->ctx, status, done, sx_alloc(q->ctx, doubles, sizeof *p, &p));
    memcpy(out, q->x, sizeof(double) * (size_t)(q->n * COLUMNS));
    SX_GO(q->ctx, status, done,
          sx_stepper_advance(q->ctx, s, sx_key_seed(2), 0, 0, count, 0, to(q, out),
                             (sx_work){ .p = p, .doubles = doubles }));
done:
    sx_free(q->ctx, p);
    sx_stepper_free(q->ctx, s);
    return status;
}

/* Noise of amplitude zero changes nothing: Euler-Maruyama is Euler's rule. */
static sx_status check_zero_noise(const probe *q, double h) {
    double zero = 0;
    sx_noise *none = NULL;
    sx_model *m = NULL;
    sx_status status;
    SX_GO(q->ctx, status, done, sx_noise_additive(q->ctx, q->n, (sx_values){ 1, &zero }, &none));
    SX_GO(q->ctx, status, done, sx_model_with_noise(q->ctx, q->m, none, SX_KINETIC, &m));
    SX_GO(q->ctx, status, done, advance(q, m, SX_METHOD_EULER_MARUYAMA, h, 10, q->a));
    memcpy(q->b, q->x, sizeof(double) * (size_t)(q->n * COLUMNS));
    for (int step = 0; step < 10; step++) {
        sx_model_F(m, step * h, in(q, q->b), to(q, q->c), q->work);
        for (int64_t i = 0; i < q->n * COLUMNS; i++) q->b[i] += h * q->c[i];
    }
    zero_check(q, "noise of amplitude 0 against no noise", deviation(q->n * COLUMNS, q->a, q->b), 1e-13);
done:
    sx_model_free(q->ctx, m);
    sx_noise_free(q->ctx, none);
    return status;
}

/* RK4 at h, h/2, h/4 over the same time: the differences shrink by 2^4 where F is smooth (at least by 2^1.5 with kinks). */
static sx_status check_halving(const probe *q, double h) {
    sx_model *bare = NULL;
    sx_noise *none = NULL;
    sx_status status;
    int64_t size = q->n * COLUMNS;
    SX_GO(q->ctx, status, done, sx_noise_none(q->ctx, q->n, &none));
    SX_GO(q->ctx, status, done, sx_model_with_noise(q->ctx, q->m, none, SX_KINETIC, &bare));
    SX_GO(q->ctx, status, done, advance(q, bare, SX_METHOD_RK4, h, 8, q->a));
    SX_GO(q->ctx, status, done, advance(q, bare, SX_METHOD_RK4, h / 2, 16, q->b));
    SX_GO(q->ctx, status, done, advance(q, bare, SX_METHOD_RK4, h / 4, 32, q->c));
    double first = deviation(size, q->a, q->b), second = deviation(size, q->b, q->c);
    if (second < 1e-14)
        zero_check(q, "steps h and h/2 (RK4): difference", second, 1e-14);
    else
        sx_checklist_number(q->list, "order seen by halving the step (RK4; up to 4)", fmin(log2(first / second), 4), 4,
                            2.5);
done:
    sx_model_free(q->ctx, bare);
    sx_noise_free(q->ctx, none);
    return status;
}

static sx_status run_checks(const probe *q) {
    bool flow = sx_model_kind(q->m) == SX_FLOW;
    double most = 0, radius;
    if (q->ops->jvp) check_jvp(q);
    if (q->ops->jvp && q->ops->vjp) check_vjp(q);
    if (q->ops->jvp) check_second(q);
    if (q->ops->jvp) SX_TRY(q->ctx, check_matrix(q));
    check_parts(q);
    check_noise(q);
    if (!flow || !q->ops->jvp || !q->ops->vjp) return SX_OK;
    for (int r = 0; r < COLUMNS; r++) { /* the stiffest of the points */
        for (int64_t i = 0; i < q->n; i++) q->d[i] = q->x[i * COLUMNS + r];
        SX_TRY(q->ctx, sx_model_stiffness(q->ctx, q->m, q->d, &radius));
        most = fmax(most, radius);
    }
    double h = most > 0 ? 0.2 / most : 0.1;
    SX_TRY(q->ctx, check_zero_noise(q, h));
    return check_halving(q, h);
}

sx_status sx_selfcheck_model(sx_ctx *ctx, const sx_model *m, sx_checklist *list) {
    probe q = { .ctx = ctx,
                .m = m,
                .ops = sx_model_operations(m),
                .self = sx_model_self(m),
                .noise = sx_model_noise(m),
                .list = list,
                .n = sx_model_n(m) };
    double *memory = NULL;
    char title[160];
    sx_status status;
    int64_t size = q.n * COLUMNS;
    q.rank = sx_noise_rank(q.noise);
    q.work.doubles = sx_model_work(m, COLUMNS);
    SX_GO(ctx, status, done, sx_alloc(ctx, 8 * size + 2 * q.rank * COLUMNS, sizeof *memory, &memory));
    SX_GO(ctx, status, done, sx_alloc(ctx, q.work.doubles, sizeof *q.work.p, &q.work.p));
    double **const parts[] = { &q.x, &q.u, &q.p, &q.v, &q.a, &q.b, &q.c, &q.d, &q.w };
    for (int i = 0; i < 9; i++) *parts[i] = memory + i * size;
    for (int i = 0; i < 4; i++) sx_normal_fill(sx_key_seed(1), (uint64_t)i, SX_SLOT_USER, 0, q.n, COLUMNS, *parts[i]);
    for (int64_t i = 0; i < size; i++) q.x[i] *= 0.5;
    sx_normal_fill(sx_key_seed(1), 9, SX_SLOT_USER, 0, q.rank, COLUMNS, q.w);
    snprintf(title, sizeof title, "your model: %s, %lld units", sx_model_name(m), (long long)q.n);
    sx_checklist_section(title);
    SX_GO(ctx, status, done, run_checks(&q));
done:
    sx_free(ctx, q.work.p);
    sx_free(ctx, memory);
    return status;
}
