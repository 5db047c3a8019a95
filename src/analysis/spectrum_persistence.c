// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Do slow modes last as long as their relaxation times (unified-dynamics.md section 9, item 3)? The noise-free dynamics carries the state x and the
 * slow modes v_a along for a time D, twice the longest relaxation time of a slow mode, u_a(t) = M(t) v_a, M' = J(x(t)) M:
 *
 *     persistence  |P v_a|^2, P the projector onto the slowest modes of J at x(D); without all modes of J there (Krylov), the part of u_a(D)
 *                  in the slow modes at x(0), |P_0 u_a|^2 / |u_a|^2
 *     rate         lambda_a(t) = -ln |w_a^H u_a(t)| / t; it has a plateau when it stays the same for t from tau_a/2 to 2 tau_a
 *
 * At a fixed point the place and the modes stay, and lambda_a(t) is the rate. */
#include "spectrum_private.h"

#include "core/linalg_eigen.h"

#include <math.h>
#include <string.h>

enum { MOST_STEPS = 10000, FEWEST_STEPS = 40, MOST_FOLLOWED = 32 };

/* What is carried along: the state and the columns Re v_0, Im v_0, Re v_1, ... in blocks [n][block]. */
typedef struct sx_carried {
    int64_t n, followed, columns, block; /* columns: 2 per mode, rounded up to whole blocks */
    double h;
    double *x, *u;               /* now */
    double *kx[4], *ku[4];       /* slopes of the four stages */
    double *y, *v;               /* at a stage */
    double *least, *most, *lags; /* of lambda_a(t) in its window; samples there */
} sx_carried;

static double *column(const sx_carried *c, double *u, int64_t k) {
    return u + k / c->block * c->n * c->block + k % c->block;
}

static sx_status slopes(sx_ctx *ctx, sx_tangent *t, const sx_operator *op, const sx_carried *c, const double *x,
                        const double *u, double *kx, double *ku) {
    sx_work w = { .p = t->scratch, .doubles = t->work, .exec = t->exec };
    sx_model_F(t->m, 0, (sx_cbatch){ x, c->n, 1 }, (sx_batch){ kx, c->n, 1 }, w);
    t->x = x;
    for (int64_t k = 0; k < c->columns; k += c->block)
        SX_TRY(ctx, op->apply(op->user, ctx, c->block, u + k * c->n, ku + k * c->n));
    return SX_OK;
}

/* One step: of the map, or Runge-Kutta of order 4. */
static sx_status carry_on(sx_ctx *ctx, const sx_spectrum *s, sx_tangent *t, const sx_operator *op, sx_carried *c) {
    int64_t n = c->n, all = n * c->columns;
    for (int stage = 0; stage < (s->map ? 1 : 4); stage++) {
        double a = stage == 0 ? 0 : stage == 3 ? c->h : c->h / 2;
        int last = stage ? stage - 1 : 0;
        for (int64_t i = 0; i < n; i++) c->y[i] = c->x[i] + (stage ? a * c->kx[last][i] : 0);
        for (int64_t i = 0; i < all; i++) c->v[i] = c->u[i] + (stage ? a * c->ku[last][i] : 0);
        SX_TRY(ctx, slopes(ctx, t, op, c, c->y, c->v, c->kx[stage], c->ku[stage]));
    }
    if (s->map) {
        memcpy(c->x, c->kx[0], sizeof(double) * (size_t)n);
        memcpy(c->u, c->ku[0], sizeof(double) * (size_t)all);
        return SX_OK;
    }
    for (int64_t i = 0; i < n; i++)
        c->x[i] += c->h / 6 * (c->kx[0][i] + 2 * c->kx[1][i] + 2 * c->kx[2][i] + c->kx[3][i]);
    for (int64_t i = 0; i < all; i++)
        c->u[i] += c->h / 6 * (c->ku[0][i] + 2 * c->ku[1][i] + 2 * c->ku[2][i] + c->ku[3][i]);
    return SX_OK;
}

/* lambda_a(t) of each mode that is followed, where t lies in its window (at least two samples). */
static void sample(const sx_carried *c, const double *rate, double t, double duration, const sx_mode_set *m) {
    for (int64_t j = 0; j < c->followed; j++) {
        double tau = fmin(1 / fmax(fabs(rate[j]), 1e-300), duration), a = 0, b = 0;
        if (t < tau / 2 - c->h / 2 || t > fmax(fmin(2 * tau, duration) + c->h / 2, 2.5 * c->h)) continue;
        const double *re = column(c, c->u, 2 * j), *im = column(c, c->u, 2 * j + 1);
        for (int64_t i = 0; i < c->n; i++) { /* w^H u */
            double w[2];
            sx_modes_component(m->left, m->im, c->n, m->order[j], i, &w[0], &w[1]);
            a += w[0] * re[i * c->block] + w[1] * im[i * c->block];
            b += w[0] * im[i * c->block] - w[1] * re[i * c->block];
        }
        double value = -log(hypot(a, b)) / t;
        c->least[j] = fmin(c->least[j], value);
        c->most[j] = fmax(c->most[j], value);
        c->lags[j] += isfinite(value) ? 1 : -(double)INFINITY;
    }
}

/* v -= sum_e q_e (q_e^H v) over the first `count` of the orthonormal complex vectors (rows 2e, 2e+1); returns |v|^2 before minus after. */
static double project_out(int64_t n, int64_t count, const double *q, double *v) {
    double inside = 0;
    for (int64_t e = 0; e < count; e++) {
        const double *u = q + 2 * e * n;
        double a = 0, b = 0; /* u^H v */
        for (int64_t i = 0; i < n; i++) {
            a += u[i] * v[i] + u[n + i] * v[n + i];
            b += u[i] * v[n + i] - u[n + i] * v[i];
        }
        for (int64_t i = 0; i < n; i++) {
            v[i] -= a * u[i] - b * u[n + i];
            v[n + i] -= a * u[n + i] + b * u[i];
        }
        inside += a * a + b * b;
    }
    return inside;
}

/* Orthonormal vectors of the space of the first `count` complex vectors (rows 2e, 2e+1), in place; dependent ones are left out. */
static int64_t orthonormal(int64_t n, int64_t count, double *q) {
    int64_t kept = 0;
    for (int64_t c = 0; c < count; c++) { /* Gram-Schmidt, twice */
        double *u = q + 2 * c * n, size = 0;
        (void)project_out(n, kept, q, u);
        (void)project_out(n, kept, q, u);
        for (int64_t i = 0; i < 2 * n; i++) size += u[i] * u[i];
        if (!(size > 1e-20)) continue;
        for (int64_t i = 0; i < 2 * n; i++) q[2 * kept * n + i] = u[i] / sqrt(size);
        kept++;
    }
    return kept;
}

static void mode_vector(const sx_mode_set *m, int64_t j, double *v) {
    for (int64_t u = 0; u < m->n; u++) sx_modes_component(m->right, m->im, m->n, m->order[j], u, &v[u], &v[m->n + u]);
}

/* Vectors of the `count` slowest modes of J at x, slowest first: rows 2c, 2c+1. */
static sx_status slowest_at(sx_ctx *ctx, const sx_spectrum *s, int64_t point, const double *x, int64_t count,
                            const sx_exec *exec, double *q) {
    int64_t n = s->n;
    double *J = NULL, *V = NULL, *re = NULL, frequency;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, n * n, sizeof *J, &J));
    SX_GO(ctx, status, done, sx_alloc(ctx, n * n, sizeof *V, &V));
    SX_GO(ctx, status, done, sx_alloc(ctx, 3 * n, sizeof *re, &re));
    double *im = re + n, *rate = re + 2 * n;
    SX_GO(ctx, status, done, sx_spectrum_jacobian(ctx, s, s->places.models[point], x, exec, J));
    SX_GO(ctx, status, done, sx_general_eigen(ctx, n, J, re, im, V, NULL, NULL));
    for (int64_t i = 0; i < n; i++) sx_spectrum_rate(s, re[i], im[i], 1e-300, &rate[i], &frequency);
    for (int64_t c = 0; c < count; c++) {
        int64_t best = 0;
        for (int64_t i = 1; i < n; i++)
            if (rate[i] < rate[best]) best = i;
        rate[best] = (double)INFINITY;
        for (int64_t u = 0; u < n; u++)
            sx_modes_component(V, im, n, (int)best, u, &q[2 * c * n + u], &q[(2 * c + 1) * n + u]);
    }
done:
    sx_free(ctx, re);
    sx_free(ctx, V);
    sx_free(ctx, J);
    return status;
}

/* overlap[j] = |P v_j|^2 for all modes, P onto the max(slow, j + 1) slowest ones at x. */
static sx_status overlaps_there(sx_ctx *ctx, const sx_spectrum *s, int64_t point, const double *x, int64_t count,
                                int64_t slow, const sx_mode_set *m, const sx_exec *exec, double *overlap) {
    int64_t n = s->n;
    double *q = NULL, *v = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, 2 * n * count, sizeof *q, &q));
    SX_GO(ctx, status, done, sx_alloc(ctx, 2 * n, sizeof *v, &v));
    SX_GO(ctx, status, done, slowest_at(ctx, s, point, x, count, exec, q));
    int64_t first = slow > 1 ? slow : 1, kept = orthonormal(n, first, q);
    for (int64_t j = 0; j < count; j++) {
        if (j >= first) { /* one mode more */
            memmove(q + 2 * kept * n, q + 2 * j * n, sizeof(double) * (size_t)(2 * n));
            double *u = q + 2 * kept * n, size = 0;
            (void)project_out(n, kept, q, u);
            (void)project_out(n, kept, q, u);
            for (int64_t i = 0; i < 2 * n; i++) size += u[i] * u[i];
            for (int64_t i = 0; i < 2 * n && size > 1e-20; i++) u[i] /= sqrt(size);
            kept += size > 1e-20;
        }
        mode_vector(m, j, v);
        overlap[j] = fmin(1, project_out(n, kept, q, v));
    }
done:
    sx_free(ctx, v);
    sx_free(ctx, q);
    return status;
}

/* overlap[j] = |P_0 u_j|^2 / |u_j|^2 of the modes that are followed, P_0 onto them at x(0). */
static sx_status overlaps_carried(sx_ctx *ctx, const sx_carried *c, const sx_mode_set *m, double *overlap) {
    int64_t n = c->n;
    double *q = NULL, *v = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, 2 * n * c->followed, sizeof *q, &q));
    SX_GO(ctx, status, done, sx_alloc(ctx, 2 * n, sizeof *v, &v));
    for (int64_t j = 0; j < c->followed; j++) mode_vector(m, j, q + 2 * j * n);
    int64_t kept = orthonormal(n, c->followed, q);
    for (int64_t j = 0; j < c->followed; j++) {
        const double *re = column(c, c->u, 2 * j), *im = column(c, c->u, 2 * j + 1);
        double size = 0;
        for (int64_t i = 0; i < n; i++) {
            v[i] = re[i * c->block];
            v[n + i] = im[i * c->block];
            size += v[i] * v[i] + v[n + i] * v[n + i];
        }
        overlap[j] = size > 0 ? fmin(1, project_out(n, kept, q, v) / size) : 0;
    }
done:
    sx_free(ctx, v);
    sx_free(ctx, q);
    return status;
}

static sx_status carried_create(sx_ctx *ctx, const sx_spectrum *s, int64_t point, int64_t followed, int64_t block,
                                const sx_mode_set *m, sx_carried *c) {
    int64_t n = s->n, columns = (2 * followed + block - 1) / block * block;
    double *v = NULL;
    *c = (sx_carried){ .n = n, .followed = followed, .columns = columns, .block = block };
    SX_TRY(ctx, sx_alloc(ctx, 6 * n * (1 + columns) + 3 * followed + 2 * n, sizeof *c->x, &c->x));
    double *at = c->x + n;
    for (int k = 0; k < 4; k++, at += n) c->kx[k] = at;
    c->y = at;
    c->u = at += n;
    for (int k = 0; k < 4; k++) c->ku[k] = at += n * columns;
    c->v = at += n * columns;
    c->least = at += n * columns;
    c->most = c->least + followed;
    c->lags = c->most + followed;
    v = c->lags + followed;
    memcpy(c->x, s->places.x + point * n, sizeof(double) * (size_t)n);
    for (int64_t j = 0; j < followed; j++) {
        mode_vector(m, j, v);
        for (int64_t part = 0; part < 2; part++)
            for (int64_t i = 0; i < n; i++) column(c, c->u, 2 * j + part)[i * block] = v[part * n + i];
        c->least[j] = (double)INFINITY;
        c->most[j] = -(double)INFINITY;
    }
    return SX_OK;
}

/* (most - least)/|mean| of lambda_a(t) in its window, of rates too small for the time in units of 1/time; infinite when the mode vanished there. */
static double variation_of(const sx_carried *c, int64_t j, double rate, double duration) {
    if (!(c->lags[j] >= 2)) return (double)INFINITY;
    double mean = 0.5 * fabs(c->least[j] + c->most[j]), marginal = fabs(rate) * duration < 0.99 ? 1 / duration : 1e-300;
    return (c->most[j] - c->least[j]) / fmax(mean, marginal);
}

sx_status sx_spectrum_persistence(sx_ctx *ctx, const sx_spectrum *s, int64_t point, void *state, int64_t slow,
                                  const sx_mode_set *m, const sx_exec *exec) {
    const double *scalars = sx_spectrum_part_at(s, state, PART_SCALARS), *rate = sx_spectrum_mode(s, state, MODE_RATE),
                 *x0 = s->places.x + point * s->n;
    double *overlap = sx_spectrum_mode(s, state, MODE_PERSISTENCE),
           *variation = sx_spectrum_mode(s, state, MODE_VARIATION), norm = scalars[POINT_NORM], scale = 1, shift = 0,
           duration = 0;
    int64_t n = s->n, count = (int64_t)scalars[POINT_MODES],
            followed = slow < 1               ? (count < 1 ? 0 : 1)
                       : slow > MOST_FOLLOWED ? MOST_FOLLOWED
                                              : slow;
    sx_carried c = { 0 };
    sx_tangent t = { 0 };
    sx_operator op;
    sx_status status = SX_OK;
    for (int64_t j = 0; j < count; j++) {
        overlap[j] = 1;
        variation[j] = 0;
    }
    for (int64_t i = 0; i < n; i++) scale = fmax(scale, fabs(x0[i]));
    if (count == 0 || !(norm > 0) || scalars[POINT_SPEED] <= 1e-8 * norm * scale) return SX_OK;
    for (int64_t j = 0; j < followed; j++) duration = fmax(duration, 2 / fmax(fabs(rate[j]), 1e-6 * norm));
    double want = ceil(s->map ? duration / s->step : 2 * duration * norm); /* |h J| <= 1/2 */
    int64_t fewest = s->map ? 4 : FEWEST_STEPS, steps = want < (double)fewest ? fewest
                                                        : want > MOST_STEPS   ? MOST_STEPS
                                                                              : (int64_t)want;
    SX_GO(ctx, status, done, sx_tangent_create(ctx, s, point, 1, exec, &t, &op));
    SX_GO(ctx, status, done, carried_create(ctx, s, point, followed, t.block, m, &c));
    c.h = s->map ? s->step : fmin(duration / (double)steps, 0.5 / norm);
    duration = c.h * (double)steps;
    for (int64_t k = 1; k <= steps; k++) {
        SX_GO(ctx, status, done, carry_on(ctx, s, &t, &op, &c));
        sample(&c, rate, (double)k * c.h, duration, m);
    }
    for (int64_t i = 0; i < n; i++) shift = fmax(shift, isfinite(c.x[i]) ? fabs(c.x[i] - x0[i]) : (double)INFINITY);
    if (shift <= 1e-6 * scale) goto done; /* it stays */
    for (int64_t j = 0; j < count; j++)
        variation[j] = j < followed ? variation_of(&c, j, rate[j], duration) : (double)NAN;
    if (!isfinite(shift))
        for (int64_t j = 0; j < count; j++) overlap[j] = 0;
    else if (s->dense)
        SX_GO(ctx, status, done, overlaps_there(ctx, s, point, c.x, count, slow, m, exec, overlap));
    else {
        for (int64_t j = 0; j < count; j++) overlap[j] = (double)NAN;
        SX_GO(ctx, status, done, overlaps_carried(ctx, &c, m, overlap));
    }
done:
    sx_free(ctx, c.x);
    sx_tangent_free(ctx, &t);
    return status;
}
