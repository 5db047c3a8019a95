// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Covariant Lyapunov vectors by the dynamical algorithm of Ginelli et al., Phys. Rev. Lett. 99 (2007) 130601. With the frames Q_j and
 * triangles R_j of successive intervals, DS Q_j = Q_{j+1} R_{j+1}, vectors V_j = Q_j C_j with upper triangular C_j are mapped onto each
 * other when R_{j+1} C_j is C_{j+1} up to lengths. Backwards in time
 *
 *     C_j = R_{j+1}^-1 C_{j+1}, columns scaled to length 1,
 *
 * converges from any triangle: half of the intervals for that, half to look at. ln 1/|R^-1 c_i| is the growth of vector i, its
 * mean the i-th exponent again; angles between vectors are those between the columns of C, since Q has orthonormal ones. */
#include "lyapunov_private.h"

#include "core/linalg.h"
#include "core/stats.h"

#include <math.h>
#include <string.h>

/* Columns of C are its rows here: c[i*k + l] is component l of vector i. */
int64_t sx_lyapunov_backward_work(const sx_lyapunov_run *s) {
    return s->k * s->k + s->n * s->k + 8;
}

/* c_i <- R^-1 c_i, scaled to length 1; adds ln of the growth forwards. R: packed rows of the upper triangle. */
static void step_back(int64_t k, const double *R, double *c, double *growth) {
    for (int64_t i = 0; i < k; i++) {
        double *v = c + i * k, norm = 0;
        for (int64_t l = i; l >= 0; l--) {
            const double *row = R + l * k - l * (l - 1) / 2 - l; /* row[q] = R_lq for q >= l */
            double sum = v[l];
            for (int64_t q = l + 1; q <= i; q++) sum -= row[q] * v[q];
            v[l] = sum / row[l];
            norm += v[l] * v[l];
        }
        norm = sqrt(norm);
        for (int64_t l = 0; l <= i; l++) v[l] /= norm;
        if (growth) growth[i] -= log(norm);
    }
}

static void add_angles(int64_t k, const double *c, double *sum, double *smallest) {
    for (int64_t a = 0; a < k; a++)
        for (int64_t b = 0; b < a; b++) {
            double dot = 0;
            for (int64_t l = 0; l <= b; l++) dot += c[a * k + l] * c[b * k + l];
            const double angle = fabs(dot) >= 1 ? 0 : acos(fabs(dot)); /* a NaN stays */
            sum[a * k + b] = sum[b * k + a] += angle;
            if (angle < smallest[a * k + b]) smallest[a * k + b] = smallest[b * k + a] = angle;
        }
}

void sx_lyapunov_backward(const sx_lyapunov_run *s, int64_t replica, void *state, double *scratch) {
    const int64_t n = s->n, k = s->k, triangle = k * (k + 1) / 2, every = s->half / s->samples;
    double *c = scratch, *V = c + k * k, *growth = sx_lyapunov_at(s, state, PART_GROWTH);
    double *participation = growth + k, *sum = sx_lyapunov_at(s, state, PART_ANGLES), *smallest = sum + k * k;
    const double *R = sx_lyapunov_at(s, state, PART_R);
    sx_normal_fill(s->key_frame, (uint64_t)replica, SX_SLOT_USER + 1, 0, k, k, c);
    for (int64_t i = 0; i < k; i++)
        for (int64_t l = i + 1; l < k; l++) c[i * k + l] = 0;
    for (int64_t a = 0; a < k; a++) smallest[a * k + a] = 0;
    const double rate = 1 / ((double)(s->half * sx_lyapunov_clock_of(s, state)[CLOCK_INTERVAL]) * s->h);
    for (int64_t j = 2 * s->half - 1; j >= 0; j--) {
        step_back(k, R + j * triangle, c, j < s->half ? growth : NULL);
        if (j >= s->half) continue;
        add_angles(k, c, sum, smallest);
        if (j % every != 0 || j / every >= s->samples) continue;
        double *Q = sx_lyapunov_at(s, state, PART_FRAMES) + j / every * n * k;
        sx_gemm(false, true, n, k, k, 1, Q, k, c, k, 0, V, k);
        memcpy(Q, V, (size_t)(n * k) * sizeof *Q);
        for (int64_t i = 0; i < k; i++) { /* 1 / sum p^2, p = v^2 */
            double fourth = 0;
            for (int64_t u = 0; u < n; u++) fourth += V[u * k + i] * V[u * k + i] * V[u * k + i] * V[u * k + i];
            participation[i] += 1 / fourth / (double)s->samples;
        }
    }
    for (int64_t i = 0; i < k; i++) growth[i] *= rate;
    for (int64_t i = 0; i < k * k; i++) sum[i] /= (double)s->half;
}

/* -- outputs -------------------------------------------------------------------------------------------------------------------- */

/* Means over replicas of numbers that every state has, with the spread between replicas as error where there are several. */
static sx_status put_means(sx_ctx *ctx, const sx_lyapunov_run *s, const void *const *states, sx_result *r,
                           sx_lyapunov_part part, int64_t offset, int64_t count, const char *name, const char *dims,
                           const char *units, const char *help) {
    const int64_t replicas = s->o.replicas;
    double *out = NULL;
    char *error = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, 2 * count + replicas, sizeof *out, &out));
    for (int64_t i = 0; i < count; i++) {
        double *row = out + 2 * count;
        for (int64_t q = 0; q < replicas; q++) row[q] = sx_lyapunov_at(s, states[q], part)[offset + i];
        sx_mean_se(replicas, row, &out[i], &out[count + i]);
    }
    SX_GO(ctx, status, done, sx_result_put(ctx, r, s->group, name, dims, units, help, out));
    if (replicas > 1) {
        SX_GO(ctx, status, done, sx_format(ctx, &error, "%s_se", name));
        SX_GO(ctx, status, done, sx_result_put(ctx, r, s->group, error, dims, units, "standard error", out + count));
    }
done:
    sx_free(ctx, error);
    sx_free(ctx, out);
    return status;
}

/* The vectors of replica 0: from [sample][unit][exponent] to sample, exponent, unit. */
static sx_status put_vectors(sx_ctx *ctx, const sx_lyapunov_run *s, const void *state, sx_result *r) {
    const int64_t n = s->n, k = s->k;
    const double *V = sx_lyapunov_at(s, state, PART_FRAMES);
    double *v = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, s->samples * n * k, sizeof *v, &v));
    for (int64_t j = 0; j < s->samples; j++)
        for (int64_t u = 0; u < n; u++)
            for (int64_t i = 0; i < k; i++) v[(j * k + i) * n + u] = V[(j * n + u) * k + i];
    SX_GO(ctx, status, done,
          sx_result_put(ctx, r, s->group, "covariant_vector", "sample,exponent_index,unit", "1",
                        "covariant vectors of replica 0, of length 1", v));
    SX_GO(ctx, status, done,
          sx_result_put(ctx, r, s->group, "covariant_state", "sample,unit", "state", "states where these vectors stand",
                        sx_lyapunov_at(s, state, PART_STATES)));
done:
    sx_free(ctx, v);
    return status;
}

sx_status sx_lyapunov_put_covariant(sx_ctx *ctx, const sx_lyapunov_run *s, const void *const *states, sx_result *r) {
    const int64_t k = s->k;
    const char *pair = "exponent_index,exponent_index2";
    double *least = NULL;
    bool finite = true;
    sx_status status;
    SX_TRY(ctx, sx_result_dim(ctx, r, "", "unit", s->n));
    SX_TRY(ctx, sx_result_dim(ctx, r, s->group, "exponent_index2", k));
    SX_TRY(ctx, sx_result_dim(ctx, r, s->group, "sample", s->samples));
    SX_TRY(ctx, put_means(ctx, s, states, r, PART_GROWTH, 0, k, "covariant_exponent", "exponent_index",
                          s->map ? "1" : "1/time", "growth rate of the covariant vectors"));
    SX_TRY(ctx, put_means(ctx, s, states, r, PART_GROWTH, k, k, "covariant_participation", "exponent_index", "1",
                          "mean of 1/sum v^4: number of units that take part"));
    SX_TRY(ctx, put_means(ctx, s, states, r, PART_ANGLES, 0, k * k, "covariant_angle", pair, "rad",
                          "mean angle between two covariant vectors"));
    SX_GO(ctx, status, done, sx_alloc(ctx, k * k, sizeof *least, &least));
    for (int64_t q = 0; q < s->o.replicas; q++) {
        const double *angle = sx_lyapunov_at(s, states[q], PART_ANGLES) + k * k;
        for (int64_t i = 0; i < k * k; i++) least[i] = q == 0 || angle[i] < least[i] ? angle[i] : least[i];
        finite = finite && !s->kernels->nonfinite(k, sx_lyapunov_at(s, states[q], PART_GROWTH));
    }
    SX_GO(ctx, status, done,
          sx_result_put(ctx, r, s->group, "covariant_angle_min", pair, "rad",
                        "smallest angle between two covariant vectors", least));
    SX_GO(ctx, status, done, put_vectors(ctx, s, states[0], r));
    if (!finite)
        SX_GO(ctx, status, done,
              sx_result_warn(
                  ctx, r, s->group,
                  "Covariant vectors: the tangent is singular along the run, the recursion backwards in time has no "
                  "meaning; ask for fewer exponents."));
done:
    sx_free(ctx, least);
    return status;
}
