// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Collective slow modes (unified-dynamics.md section 9; our operational definition). A mode is collective when it is
 *     slow:        rate < edge - 3 sd of the null model, or, null = gap, the next rate is at least 3 times as large;
 *     collective:  1/sum p_u^2 >= max(10, 0.02 N), p_u = |w_u v_u| / sum;
 *     conditioned: |w| |v| / |w^H v| < 1000;
 *     persistent:  |P v|^2 >= 0.8, P the projector on the slowest modes at the place where the noise-free dynamics has brought the state after
 *                  the relaxation time of the slowest mode. At a fixed point that is the same place, and the overlap is 1. */
#include "spectrum_private.h"

#include "core/linalg.h"
#include "core/linalg_eigen.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FEWEST_UNITS = 10, MOST_STEPS = 10000 };
static const double share_of_units = 0.02, worst_condition = 1e3, least_overlap = 0.8, least_gap = 3, spreads = 3;

/* -- null models -------------------------------------------------------------------------------------------------------------- */

/* Uniform integer below `below` from position `at` of a key's stream. */
static int64_t draw(sx_key key, uint64_t at, int64_t below) {
    uint32_t counter[4] = { (uint32_t)at, (uint32_t)(at >> 32), 0, 0 }, out[4];
    sx_philox(counter, key, out);
    uint64_t bits = ((uint64_t)out[0] << 32 | out[1]) >> 11;
    return (int64_t)((double)bits * 0x1p-53 * (double)below);
}

static void swap(double *a, double *b) {
    double t = *a;
    *a = *b;
    *b = t;
}

/* Fisher-Yates over the diagonal and over the pairs (J_ij, J_ji), i < j, each turned round with probability 1/2: the law of the entries and
 * their symmetry stay, every arrangement goes. */
static sx_status shuffle_pairs(sx_ctx *ctx, int64_t n, sx_key key, double *J) {
    int64_t pairs = n * (n - 1) / 2, k = 0;
    int32_t *row = NULL;
    sx_key diagonal = sx_key_derive(key, "diagonal", 0), order = sx_key_derive(key, "pairs", 0),
           turn = sx_key_derive(key, "turn", 0);
    SX_TRY(ctx, sx_alloc(ctx, 2 * pairs, sizeof *row, &row));
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = i + 1; j < n; j++, k++) {
            row[2 * k] = (int32_t)i;
            row[2 * k + 1] = (int32_t)j;
        }
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t other = draw(diagonal, (uint64_t)i, i + 1);
        swap(&J[i * n + i], &J[other * n + other]);
    }
    for (k = pairs - 1; k >= 0; k--) {
        int64_t other = draw(order, (uint64_t)k, k + 1), i = row[2 * k], j = row[2 * k + 1], a = row[2 * other],
                b = row[2 * other + 1];
        if (k != other) {
            swap(&J[i * n + j], &J[a * n + b]);
            swap(&J[j * n + i], &J[b * n + a]);
        }
        if (draw(turn, (uint64_t)k, 2)) swap(&J[i * n + j], &J[j * n + i]);
    }
    sx_free(ctx, row);
    return SX_OK;
}

sx_status sx_spectrum_shuffle(sx_ctx *ctx, const sx_spectrum *s, int64_t point, int64_t copy, void *state,
                              const sx_exec *exec) {
    int64_t n = s->n;
    double *J = NULL, *re = NULL, slowest = INFINITY, rate, frequency;
    sx_key key = sx_key_derive(sx_key_derive(s->key, "shuffle", (uint64_t)point), "copy", (uint64_t)copy);
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, n * n, sizeof *J, &J));
    SX_GO(ctx, status, done, sx_alloc(ctx, 2 * n, sizeof *re, &re));
    SX_GO(ctx, status, done, sx_spectrum_jacobian(ctx, s, s->places.models[point], s->places.x + point * n, exec, J));
    bool symmetric = true;
    for (int64_t i = 0; i < n && symmetric; i++)
        for (int64_t j = 0; j < i; j++) symmetric = symmetric && J[i * n + j] == J[j * n + i];
    SX_GO(ctx, status, done, shuffle_pairs(ctx, n, key, J));
    if (symmetric)
        SX_GO(ctx, status, done, sx_symmetric_eigen(ctx, n, J, re, NULL));
    else
        SX_GO(ctx, status, done, sx_eigenvalues(ctx, n, J, re, re + n));
    for (int64_t i = 0; i < n; i++) {
        sx_spectrum_rate(s, re[i], re[n + i], 1e-300, &rate, &frequency);
        slowest = fmin(slowest, rate);
    }
    sx_spectrum_part_at(s, state, PART_SHUFFLED)[copy] = slowest;
done:
    sx_free(ctx, re);
    sx_free(ctx, J);
    return status;
}

static void null_model(const sx_spectrum *s, void *state, double *edge, double *sd) {
    const double *slowest = sx_spectrum_part_at(s, state, PART_SHUFFLED),
                 *scalars = sx_spectrum_part_at(s, state, PART_SCALARS);
    if (!slowest) {
        sx_spectrum_law_edge(s, scalars, edge, sd);
        return;
    }
    double n = (double)s->o.shuffles, mean = 0, square = 0;
    for (int64_t k = 0; k < s->o.shuffles; k++) mean += slowest[k] / n;
    for (int64_t k = 0; k < s->o.shuffles; k++) square += (slowest[k] - mean) * (slowest[k] - mean);
    *edge = mean;
    *sd = sqrt(square / (n - 1));
}

/* -- persistence -------------------------------------------------------------------------------------------------------------- */

/* x after a time (steps of a map) of the noise-free dynamics; *moved when it went further than 1e-6 of its scale. */
static sx_status carry_on(sx_ctx *ctx, const sx_spectrum *s, int64_t point, double duration, const double *scalars,
                          const sx_exec *exec, double *x, bool *moved) {
    const sx_model *m = s->places.models[point];
    int64_t n = s->n, work = sx_model_work(m, 1);
    double *f = NULL, scale = 1, shift = 0;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, work + 5 * n, sizeof *f, &f));
    double *k[4] = { f + work, f + work + n, f + work + 2 * n, f + work + 3 * n }, *y = f + work + 4 * n;
    sx_work w = { .p = f, .doubles = work, .exec = exec };
    double want = s->map ? ceil(duration / s->step) : ceil(duration * scalars[POINT_NORM] / 0.5);
    int64_t steps = want < 1 ? 1 : want > MOST_STEPS ? MOST_STEPS : (int64_t)want;
    double h = fmin(duration / (double)steps, 0.5 / scalars[POINT_NORM]);
    for (int64_t step = 0; step < steps; step++) { /* Runge-Kutta of order 4, |h J| <= 1/2 */
        for (int stage = 0; stage < (s->map ? 1 : 4); stage++) {
            double a = stage == 0 ? 0 : stage == 3 ? h : h / 2;
            for (int64_t i = 0; i < n; i++) y[i] = x[i] + (stage ? a * k[stage - 1][i] : 0);
            sx_model_F(m, 0, (sx_cbatch){ y, n, 1 }, (sx_batch){ k[stage], n, 1 }, w);
        }
        for (int64_t i = 0; i < n; i++)
            x[i] = s->map ? k[0][i] : x[i] + h / 6 * (k[0][i] + 2 * k[1][i] + 2 * k[2][i] + k[3][i]);
    }
    for (int64_t i = 0; i < n; i++) {
        const double *x0 = s->places.x + point * n;
        scale = fmax(scale, fabs(x0[i]));
        shift = fmax(shift, isfinite(x[i]) ? fabs(x[i] - x0[i]) : (double)INFINITY);
    }
    *moved = shift > 1e-6 * scale;
done:
    sx_free(ctx, f);
    return status;
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
        rate[best] = INFINITY;
        for (int64_t u = 0; u < n; u++)
            sx_modes_component(V, im, n, (int)best, u, &q[2 * c * n + u], &q[(2 * c + 1) * n + u]);
    }
done:
    sx_free(ctx, re);
    sx_free(ctx, V);
    sx_free(ctx, J);
    return status;
}

/* overlap[j] = |P v_j|^2, P onto the max(candidates, j + 1) slowest modes at x. */
static sx_status overlaps(sx_ctx *ctx, const sx_spectrum *s, int64_t point, const double *x, int64_t count,
                          int64_t candidates, const sx_mode_set *m, const sx_exec *exec, double *overlap) {
    int64_t n = s->n, kept = 0;
    double *q = NULL, *v = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, 2 * n * count, sizeof *q, &q));
    SX_GO(ctx, status, done, sx_alloc(ctx, 2 * n, sizeof *v, &v));
    SX_GO(ctx, status, done, slowest_at(ctx, s, point, x, count, exec, q));
    for (int64_t c = 0; c < count; c++) { /* Gram-Schmidt, twice; dependent vectors are left out */
        double *u = q + 2 * c * n, size = 0;
        (void)project_out(n, kept, q, u);
        (void)project_out(n, kept, q, u);
        for (int64_t i = 0; i < 2 * n; i++) size += u[i] * u[i];
        if (size > 1e-20) {
            for (int64_t i = 0; i < 2 * n; i++) q[2 * kept * n + i] = u[i] / sqrt(size);
            kept++;
        }
        int64_t last = c + 1 < candidates    ? -1
                       : c + 1 == candidates ? 0
                                             : c; /* modes whose projector is complete now */
        for (int64_t j = last; j >= 0 && j <= c; j++) {
            for (int64_t u2 = 0; u2 < n; u2++)
                sx_modes_component(m->right, m->im, n, m->order[j], u2, &v[u2], &v[n + u2]);
            overlap[j] = fmin(1, project_out(n, kept, q, v));
        }
    }
done:
    sx_free(ctx, v);
    sx_free(ctx, q);
    return status;
}

static sx_status persistence(sx_ctx *ctx, const sx_spectrum *s, int64_t point, const double *scalars, double rate,
                             int64_t count, int64_t candidates, const sx_mode_set *m, const sx_exec *exec,
                             double *overlap) {
    int64_t n = s->n;
    double *x = NULL, size = 1;
    bool moved = false, finite = true;
    sx_status status = SX_OK;
    for (int64_t i = 0; i < n; i++) size = fmax(size, fabs(s->places.x[point * n + i]));
    if (!s->dense || count == 0 || scalars[POINT_SPEED] <= 1e-8 * scalars[POINT_NORM] * size) return SX_OK;
    SX_TRY(ctx, sx_alloc(ctx, n, sizeof *x, &x));
    memcpy(x, s->places.x + point * n, sizeof(double) * (size_t)n);
    double duration = 1 / fmax(fabs(rate), 1e-6 * scalars[POINT_NORM]);
    SX_GO(ctx, status, done, carry_on(ctx, s, point, duration, scalars, exec, x, &moved));
    for (int64_t i = 0; i < n; i++) finite = finite && isfinite(x[i]);
    for (int64_t j = 0; !finite && j < count; j++) overlap[j] = 0;
    if (moved && finite) SX_GO(ctx, status, done, overlaps(ctx, s, point, x, count, candidates, m, exec, overlap));
done:
    sx_free(ctx, x);
    return status;
}

/* -- the detector ------------------------------------------------------------------------------------------------------------- */

static sx_status write_members(sx_ctx *ctx, const sx_spectrum *s, int64_t point, int64_t j, const double *p,
                               sx_result *result) {
    unsigned char *flag = NULL;
    int64_t start[3] = { point, j, 0 }, size[3] = { 1, 1, s->n };
    SX_TRY(ctx, sx_alloc(ctx, s->n, 1, &flag));
    for (int64_t u = 0; u < s->n; u++) flag[u] = p[u] * (double)s->n > 1;
    sx_status status = sx_result_write(ctx, result, s->id_member, start, size, flag);
    sx_free(ctx, flag);
    return status;
}

sx_status sx_spectrum_collective(sx_ctx *ctx, const sx_spectrum *s, int64_t point, void *state, const sx_mode_set *m,
                                 const sx_exec *exec, sx_result *result) {
    double *scalars = sx_spectrum_part_at(s, state, PART_SCALARS), *p = NULL;
    const double *rate = sx_spectrum_mode(s, state, MODE_RATE), *gap = sx_spectrum_mode(s, state, MODE_GAP),
                 *participation = sx_spectrum_mode(s, state, MODE_PARTICIPATION),
                 *condition = sx_spectrum_mode(s, state, MODE_CONDITION);
    double *flag = sx_spectrum_mode(s, state, MODE_COLLECTIVE), *overlap = sx_spectrum_mode(s, state, MODE_PERSISTENCE);
    int64_t count = (int64_t)scalars[POINT_MODES], candidates = 0;
    double units = fmax(FEWEST_UNITS, share_of_units * (double)s->n);
    sx_status status = SX_OK;
    if (s->o.null != SX_NULL_GAP) null_model(s, state, &scalars[POINT_EDGE], &scalars[POINT_EDGE_SD]);
    double slow = scalars[POINT_EDGE] - spreads * scalars[POINT_EDGE_SD];
    for (int64_t j = 0; j < count; j++) {
        bool is_slow = s->o.null == SX_NULL_GAP ? rate[j] > 0 && gap[j] >= (least_gap - 1) * rate[j] : rate[j] < slow;
        flag[j] = is_slow && participation[j] >= units && condition[j] < worst_condition;
        overlap[j] = 1;
        if (is_slow) candidates = j + 1;
    }
    SX_TRY(ctx, persistence(ctx, s, point, scalars, count ? rate[0] : 0, count, candidates, m, exec, overlap));
    SX_TRY(ctx, sx_alloc(ctx, s->n, sizeof *p, &p));
    for (int64_t j = 0; j < count; j++) {
        if (overlap[j] < least_overlap) flag[j] = 0;
        if (flag[j] == 0) continue;
        sx_spectrum_weights(m, j, p);
        SX_GO(ctx, status, done, write_members(ctx, s, point, j, p, result));
    }
done:
    sx_free(ctx, p);
    return status;
}
