// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Null models of slow modes: how slow a mode may be, and of how many units, without any structure (unified-dynamics.md section 9).
 *
 *   edge      slow edge of the elliptic law of the entries, its fluctuation, and the participation of a state that one unit carries
 *   shuffled  slowest modes of copies of J whose pairs are shuffled: mean and standard deviation of their rates, 95 % quantile of the
 *             participation of those among them that are localised */
#include "spectrum_private.h"

#include "core/linalg.h"
#include "core/linalg_eigen.h"
#include "core/mutant.h"

#include <math.h>
#include <stdlib.h>

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

/* Slowest mode of J: its rate and participation 1/sum p^2, p_u = |w_u v_u| / sum. */
static sx_status slowest_mode(sx_ctx *ctx, const sx_spectrum *s, const double *J, double *rate, double *participation) {
    int64_t n = s->n, best = 0;
    bool symmetric = true;
    double *re = NULL, *right = NULL, *left = NULL, frequency, value, first = 0, second = 0;
    sx_status status;
    for (int64_t i = 0; i < n && symmetric; i++)
        for (int64_t j = 0; j < i; j++) symmetric = symmetric && J[i * n + j] == J[j * n + i];
    SX_GO(ctx, status, done, sx_alloc(ctx, 2 * n, sizeof *re, &re));
    SX_GO(ctx, status, done, sx_alloc(ctx, n * n, sizeof *right, &right));
    if (symmetric) {
        SX_GO(ctx, status, done, sx_symmetric_eigen(ctx, n, J, re, right));
    } else {
        SX_GO(ctx, status, done, sx_alloc(ctx, n * n, sizeof *left, &left));
        SX_GO(ctx, status, done, sx_general_eigen(ctx, n, J, re, re + n, right, left, NULL));
    }
    *rate = (double)INFINITY;
    for (int64_t i = 0; i < n; i++) {
        sx_spectrum_rate(s, re[i], re[n + i], 1e-300, &value, &frequency);
        if (value < *rate) {
            *rate = value;
            best = i;
        }
    }
    for (int64_t u = 0; u < n; u++) {
        double v[2] = { 0, 0 }, w[2] = { 0, 0 };
        if (symmetric)
            v[0] = w[0] = right[u * n + best]; /* columns */
        else {
            sx_modes_component(right, re + n, n, (int)best, u, &v[0], &v[1]);
            sx_modes_component(left, re + n, n, (int)best, u, &w[0], &w[1]);
        }
        double p = hypot(v[0], v[1]) * hypot(w[0], w[1]);
        first += p;
        second += p * p;
    }
    *participation = first * first / second;
done:
    sx_free(ctx, left);
    sx_free(ctx, right);
    sx_free(ctx, re);
    return status;
}

sx_status sx_spectrum_shuffle(sx_ctx *ctx, const sx_spectrum *s, int64_t point, int64_t copy, void *state,
                              const sx_exec *exec) {
    double *J = NULL, *out = sx_spectrum_part_at(s, state, PART_SHUFFLED);
    sx_key key = sx_key_derive(sx_key_derive(s->key, "shuffle", (uint64_t)point), "copy", (uint64_t)copy);
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, s->n * s->n, sizeof *J, &J));
    SX_GO(ctx, status, done,
          sx_spectrum_jacobian(ctx, s, s->places.models[point], s->places.x + point * s->n, exec, J));
    SX_GO(ctx, status, done, shuffle_pairs(ctx, s->n, key, J));
    SX_GO(ctx, status, done, slowest_mode(ctx, s, J, &out[copy], &out[s->o.shuffles + copy]));
done:
    sx_free(ctx, J);
    return status;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Participations of the copies below half of n/3, which a vector without any structure has (symmetric; more in a non-symmetric matrix): their 95 %
 * quantile, 0 when the null model has no localised state. */
static sx_status localised_copies(sx_ctx *ctx, const sx_spectrum *s, const double *participation, double *out) {
    double *localised = NULL;
    int64_t count = 0;
    SX_TRY(ctx, sx_alloc(ctx, s->o.shuffles, sizeof *localised, &localised));
    for (int64_t k = 0; k < s->o.shuffles; k++)
        if (participation[k] < (double)s->n / 6) localised[count++] = participation[k];
    qsort(localised, (size_t)count, sizeof *localised, ascending);
    *out = count > 0 ? localised[(int64_t)(0.95 * (double)(count - 1) + 0.5)] : 0;
    sx_free(ctx, localised);
    return SX_OK;
}

sx_status sx_spectrum_null_model(sx_ctx *ctx, const sx_spectrum *s, void *state) {
    const double *slowest = sx_spectrum_part_at(s, state, PART_SHUFFLED);
    double *scalars = sx_spectrum_part_at(s, state, PART_SCALARS), n = (double)s->o.shuffles, mean = 0, square = 0;
    if (!slowest) {
        sx_spectrum_law_edge(s, scalars, &scalars[POINT_EDGE], &scalars[POINT_EDGE_SD]);
        return SX_OK;
    }
    for (int64_t k = 0; k < s->o.shuffles; k++) mean += slowest[k] / n;
    for (int64_t k = 0; k < s->o.shuffles; k++) square += (slowest[k] - mean) * (slowest[k] - mean);
    scalars[POINT_EDGE] = mean;
    scalars[POINT_EDGE_SD] = sqrt(square / (n - 1));
    return localised_copies(ctx, s, slowest + s->o.shuffles, &scalars[POINT_LOCALISED]);
}

/* A self-coupling s of one unit, J = c + s e e^T + sigma X with X elliptic, |s| > sigma: eigenvalue c + s + tau sigma^2/s, and with y = sigma^2/s^2
 *     |e.v|^2 = |e.w|^2 = q = 1 - y,   cos(v, w) = q/(1 - tau y),
 * since e^T R e = 1/s and e^T R R^T e = (1/s^2)/(1 - y) for the resolvent R of sigma X at the eigenvalue (tau = 1: F. Benaych-Georges,
 * R. Nadakuditi, Adv. Math. 227 (2011) 494). What v and w have elsewhere is Gaussian with correlation r = (1 - y) tau/(1 - tau y):
 *     <|v w|> = (2/pi) (sqrt(1 - r^2) + r asin r) = a,   <v^2 w^2> = 1 + 2 r^2,
 *     participation = (q + (1 - q) a)^2 / (q^2 + 6 q (1 - q)/n + (1 - q)^2 (1 + 2 r^2)/n).
 * The quantile of 95 % is 1.1 to 2.7 times that near the edge (measured for n = 150 and 400, tau = 0 and 1): twice is asked for. */
static double one_unit(double n, double sigma, double tau, double distance) {
    double root = distance * distance - 4 * tau * sigma * sigma, s = 0.5 * (distance + sqrt(fmax(0, root)));
    double y = s > 0 ? fmin(1, sigma * sigma / (s * s)) : 1, q = 1 - y, r = y < 1 ? (1 - y) * tau / (1 - tau * y) : tau;
    double a = 2 / M_PI * (sqrt(fmax(0, 1 - r * r)) + r * asin(fmax(-1, fmin(1, r)))), first = q + (1 - q) * a;
    return first * first / (q * q + 6 * q * (1 - q) / n + (1 - q) * (1 - q) * (1 + 2 * r * r) / n);
}

double sx_spectrum_localised(const sx_spectrum *s, const double *scalars, double re, double im) {
    if (s->o.null == SX_NULL_GAP || SX_MUTANT(localised_state)) return 0;
    if (s->o.null == SX_NULL_SHUFFLED) return scalars[POINT_LOCALISED];
    return 2 * one_unit((double)s->n, scalars[POINT_SIGMA], scalars[POINT_TAU], hypot(re - scalars[POINT_CENTRE], im));
}
