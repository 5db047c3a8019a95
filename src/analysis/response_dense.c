// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* `response` with dense matrices.
 *
 *   linearise     J, B, eigenvalues of J; an unstable point ends here
 *   covariance    J C + C J^T + 2 D = 0 (Bartels-Stewart), or C = A C A^T + 2 D (doubling); circulation, entropy production, -J^-1
 *   reduce        J = Q H Q^T, so that every frequency costs O(n^2) per unit (core/shifted.h)
 *   frequencies   rows e_i^T H(w), a few frequencies per call
 *   lags          rows e_i^T e^{J t}, step by step with e^{J dt} */
#include "analysis/response_private.h"

#include "core/linalg.h"
#include "core/shifted.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define SEGMENT_FLOPS 4e8

static double norm(int64_t n, const double *x) { /* Frobenius */
    double s = 0;
    for (int64_t k = 0; k < n; k++) s += x[k] * x[k];
    return sqrt(s);
}

static double trace_of_product(int64_t n, const double *A, const double *B) {
    double s = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < n; k++) s += A[i * n + k] * B[k * n + i];
    return s;
}

/* -- the point ------------------------------------------------------------------------------------------------------------------ */

/* Columns of J by products with unit vectors, for models without the operation `jacobian`. */
static sx_status jacobian_columns(sx_ctx *ctx, const sx_model *m, int64_t n, const double *x, double *J) {
    enum { B = 8 };
    const sx_model_ops *ops = sx_model_operations(m);
    int64_t work = sx_model_work(m, B);
    double *u = NULL, *scratch = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, 2 * n * B, sizeof *u, &u));
    SX_GO(ctx, status, done, sx_alloc(ctx, work, sizeof *scratch, &scratch));
    double *out = u + n * B;
    for (int64_t first = 0; first < n; first += B) {
        int64_t b = n - first < B ? n - first : B;
        memset(u, 0, sizeof(double) * (size_t)(n * B));
        for (int64_t k = 0; k < b; k++) u[(first + k) * B + k] = 1;
        ops->jvp(sx_model_self(m), 0, (sx_cbatch){ x, n, 1 }, (sx_cbatch){ u, n, B }, (sx_batch){ out, n, B },
                 (sx_work){ .p = scratch, .doubles = work });
        for (int64_t i = 0; i < n; i++)
            for (int64_t k = 0; k < b; k++) J[i * n + first + k] = out[i * B + k];
    }
done:
    sx_free(ctx, scratch);
    sx_free(ctx, u);
    return status;
}

sx_status sx_response_linearise(sx_ctx *ctx, const sx_response *r, int64_t point, double *J, double *B, double *speed) {
    const sx_model *m = r->places.models[point];
    const sx_noise *noise = sx_model_noise(m);
    const double *x = r->places.x + point * r->n;
    int64_t n = r->n, rank = r->rank, b = (rank + 7) / 8 * 8, work = sx_model_work(m, b > 8 ? b : 8);
    double *p = NULL, *scratch = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, n + (2 * n + rank) * b, sizeof *p, &p));
    SX_GO(ctx, status, done, sx_alloc(ctx, work, sizeof *scratch, &scratch));
    sx_work wk = { .p = scratch, .doubles = work };
    double *f = p, *xb = p + n, *out = xb + n * b, *w = out + n * b;
    sx_model_F(m, 0, (sx_cbatch){ x, n, 1 }, (sx_batch){ f, n, 1 }, wk);
    *speed = 0;
    for (int64_t u = 0; u < n; u++) *speed = fmax(*speed, fabs(r->map ? f[u] - x[u] : f[u]));
    if (sx_model_has(m, "jacobian"))
        sx_model_operations(m)->jacobian(sx_model_self(m), 0, x, J, wk);
    else
        SX_GO(ctx, status, done, jacobian_columns(ctx, m, n, x, J));
    if (rank > 0) {
        for (int64_t u = 0; u < n; u++)
            for (int64_t k = 0; k < b; k++) xb[u * b + k] = x[u];
        for (int64_t k = 0; k < rank; k++) w[k * b + k] = 1;
        sx_noise_operations(noise)->B(sx_noise_self(noise), 0, (sx_cbatch){ xb, n, b }, (sx_cbatch){ w, rank, b },
                                      (sx_batch){ out, n, b }, wk);
        for (int64_t u = 0; u < n; u++) memcpy(B + u * rank, out + u * b, sizeof(double) * (size_t)rank);
    }
done:
    sx_free(ctx, scratch);
    sx_free(ctx, p);
    return status;
}

sx_status sx_response_rate(sx_ctx *ctx, bool map, int64_t n, const double *J, double *rate) {
    double *w = NULL, most = -INFINITY;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, 2 * n, sizeof *w, &w));
    SX_GO(ctx, status, done, sx_eigenvalues(ctx, n, J, w, w + n));
    for (int64_t k = 0; k < n; k++) most = fmax(most, map ? hypot(w[k], w[n + k]) : w[k]);
    *rate = map ? -log(most) : -most;
done:
    sx_free(ctx, w);
    return status;
}

sx_status sx_response_judge(sx_ctx *ctx, const sx_response *r, void *state) {
    double *number = sx_response_at_part(r, state, RESPONSE_NUMBER);
    int64_t *at = sx_response_at_numbers(r, state);
    SX_TRY(ctx, sx_response_rate(ctx, r->map, r->n, sx_response_at_part(r, state, RESPONSE_J), &number[NUMBER_RATE]));
    at[AT_STABLE] = number[NUMBER_RATE] > 0;
    at[AT_STAGE] = at[AT_STABLE] ? STAGE_COVARIANCE : STAGE_DONE;
    return SX_OK;
}

static sx_status linearise(sx_ctx *ctx, const sx_response *r, int64_t point, void *state) {
    double *J = sx_response_at_part(r, state, RESPONSE_J);
    SX_TRY(ctx, sx_response_linearise(ctx, r, point, J, sx_response_at_part(r, state, RESPONSE_B),
                                      sx_response_at_part(r, state, RESPONSE_NUMBER) + NUMBER_SPEED));
    for (int64_t k = 0; k < r->n * r->n; k++)
        if (!isfinite(J[k]))
            return SX_FAIL(ctx, SX_E_NUMERIC, "task '%s': the Jacobian at point %lld is not finite", r->group,
                           (long long)point);
    return sx_response_judge(ctx, r, state);
}

/* -- covariance and what follows from it ------------------------------------------------------------------------------------------ */

/* J C + C J^T + 2 D or A C A^T + 2 D - C, relative to 2 D. t: 2 n^2 */
static double covariance_residual(const sx_response *r, const double *J, const double *C, const double *D2, double *t) {
    int64_t n = r->n, nn = n * n;
    double *u = t + nn;
    sx_gemm(false, false, n, n, n, 1, J, n, C, n, 0, t, n);
    if (r->map) {
        sx_gemm(false, true, n, n, n, 1, t, n, J, n, 0, u, n);
        for (int64_t k = 0; k < nn; k++) u[k] += D2[k] - C[k];
    } else {
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < n; j++) u[i * n + j] = t[i * n + j] + t[j * n + i] + D2[i * n + j];
    }
    return norm(nn, u) / norm(nn, D2);
}

/* -tr(D^+ J Q). Noise-free directions carry no irreversible current, or the entropy production is infinite: *defined is false. t: 2 n^2 */
static sx_status entropy_production(sx_ctx *ctx, int64_t n, const double *J, const double *D2, const double *Q,
                                    double *t, double *out, bool *defined) {
    int64_t nn = n * n;
    double *w = NULL, *V = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *w, &w));
    SX_GO(ctx, status, done, sx_alloc(ctx, nn, sizeof *V, &V));
    SX_GO(ctx, status, done, sx_symmetric_eigen(ctx, n, D2, w, V)); /* of 2 D */
    double *P = t, *u = t + nn, least = 0, outside = 0;
    for (int64_t k = 0; k < n; k++) least = fmax(least, fabs(w[k]));
    least *= (double)n * DBL_EPSILON;
    sx_gemm(true, false, n, n, n, 1, V, n, Q, n, 0, u, n); /* V^T Q */
    for (int64_t k = 0; k < n; k++)
        if (!(w[k] > least)) outside += norm(n, u + k * n) * norm(n, u + k * n);
    *defined = sqrt(outside) <= 1e-10 * norm(nn, Q);
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < n; k++) u[i * n + k] = w[k] > least ? V[i * n + k] * 2 / w[k] : 0;
    sx_gemm(false, true, n, n, n, 1, u, n, V, n, 0, P, n); /* D^+ */
    sx_gemm(false, false, n, n, n, 1, P, n, J, n, 0, u, n);
    *out = -trace_of_product(n, u, Q);
done:
    sx_free(ctx, V);
    sx_free(ctx, w);
    return status;
}

static sx_status covariance(sx_ctx *ctx, const sx_response *r, void *state) {
    int64_t n = r->n, nn = n * n, *at = sx_response_at_numbers(r, state);
    double *C = sx_response_at_part(r, state, RESPONSE_COVARIANCE),
           *Q = sx_response_at_part(r, state, RESPONSE_CIRCULATION),
           *S = sx_response_at_part(r, state, RESPONSE_STATIC),
           *number = sx_response_at_part(r, state, RESPONSE_NUMBER), *p = NULL;
    const double *J = sx_response_at_part(r, state, RESPONSE_J), *B = sx_response_at_part(r, state, RESPONSE_B);
    sx_status status;
    bool defined = false;
    SX_GO(ctx, status, done, sx_alloc(ctx, 3 * nn, sizeof *p, &p));
    double *D2 = p, *t = p + nn;
    /* static susceptibility: -J^-1, (1 - A)^-1 */
    for (int64_t k = 0; k < nn; k++) {
        t[k] = (r->map && k % (n + 1) == 0) - J[k];
        t[nn + k] = k % (n + 1) == 0;
    }
    SX_GO(ctx, status, done, sx_solve(ctx, n, n, t, t + nn, S));
    at[AT_STAGE] = STAGE_REDUCE;
    if (!r->noisy) goto done;
    sx_gemm(false, true, n, n, r->rank, 2, B, r->rank, B, r->rank, 0, D2, n);
    if (norm(nn, D2) == 0) goto done; /* amplitude zero at this point: nothing fluctuates */
    if (r->map)
        SX_GO(ctx, status, done, sx_stein(ctx, n, J, D2, C));
    else
        SX_GO(ctx, status, done, sx_lyapunov(ctx, n, J, D2, C));
    number[NUMBER_RESIDUAL] = covariance_residual(r, J, C, D2, t);
    sx_gemm(false, false, n, n, n, 1, J, n, C, n, 0, t, n);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) Q[i * n + j] = (t[i * n + j] - t[j * n + i]) / 2;
    number[NUMBER_VIOLATION] = 2 * norm(nn, Q) / norm(nn, D2);
    SX_GO(ctx, status, done, entropy_production(ctx, n, J, D2, Q, t, &number[NUMBER_ENTROPY], &defined));
    at[AT_ENTROPY] = defined;
done:
    sx_free(ctx, p);
    return status;
}

/* -- frequencies ------------------------------------------------------------------------------------------------------------------ */

static sx_status reduce(sx_ctx *ctx, const sx_response *r, void *state) {
    int64_t n = r->n;
    double *Q = sx_response_at_part(r, state, RESPONSE_Q);
    if (r->F > 0) {
        SX_TRY(ctx, sx_hessenberg(ctx, n, sx_response_at_part(r, state, RESPONSE_J),
                                  sx_response_at_part(r, state, RESPONSE_H), Q));
        sx_gemm(true, false, n, r->rank, n, 1, Q, n, sx_response_at_part(r, state, RESPONSE_B), r->rank, 0,
                sx_response_at_part(r, state, RESPONSE_QB), r->rank);
    }
    sx_response_at_numbers(r, state)[AT_STAGE] = STAGE_FREQUENCIES;
    return SX_OK;
}

/* Rows y_i = e_i^T Q (s - H)^-1 of the chosen units; then, with g_i = y_i Q^T B,
 *     H_ij = y_i . Q_j,     S_ij = 2 g_i g_j^+,
 *     S_ii - 2 Im (H D)_ii / w   the violation of the fluctuation-dissipation theorem (w: sin w for maps).
 * Im H / w = H conj(H): where w is too small to divide by, a second solve gives it. scratch: m (4 n + 2 rank) + 7 n */
static sx_status one_frequency(sx_ctx *ctx, const sx_response *r, int64_t f, void *state, double *scratch) {
    int64_t n = r->n, m = r->m, rank = r->rank;
    const double *Q = sx_response_at_part(r, state, RESPONSE_Q), *H = sx_response_at_part(r, state, RESPONSE_H),
                 *QB = sx_response_at_part(r, state, RESPONSE_QB), *B = sx_response_at_part(r, state, RESPONSE_B);
    double *psd = sx_response_at_part(r, state, RESPONSE_PSD), *csd = sx_response_at_part(r, state, RESPONSE_CSD),
           *sus = sx_response_at_part(r, state, RESPONSE_SUSCEPTIBILITY),
           *violation = sx_response_at_part(r, state, RESPONSE_VIOLATION);
    double *re = scratch, *im = re + m * n, *g_re = im + m * n, *g_im = g_re + m * rank, *rows = g_im + m * rank;
    double omega = 2 * 3.14159265358979323846 * r->frequency[f], w = r->map ? sin(omega) : omega;
    double s_re = r->map ? cos(omega) : 0, s_im = r->map ? -sin(omega) : -omega;
    for (int64_t i = 0; i < m; i++) memcpy(re + i * n, Q + r->unit[i] * n, sizeof(double) * (size_t)n);
    memset(im, 0, sizeof(double) * (size_t)(m * n));
    if (!sx_hessenberg_rows(n, H, s_re, s_im, m, re, im, rows))
        return SX_FAIL(ctx, SX_E_NUMERIC, "task '%s': the response diverges at frequency %g", r->group,
                       r->frequency[f]);
    if (sus)
        for (int64_t i = 0; i < m; i++)
            for (int64_t j = 0; j < m; j++) {
                double *h = sus + ((f * m + i) * m + j) * 2;
                for (int64_t k = 0; k < n; k++) {
                    h[0] += re[i * n + k] * Q[r->unit[j] * n + k];
                    h[1] += im[i * n + k] * Q[r->unit[j] * n + k];
                }
            }
    if (!r->noisy) return SX_OK;
    sx_gemm(false, false, m, rank, n, 1, re, n, QB, rank, 0, g_re, rank);
    sx_gemm(false, false, m, rank, n, 1, im, n, QB, rank, 0, g_im, rank);
    for (int64_t i = 0; i < m; i++) {
        const double *a = g_re + i * rank, *b = g_im + i * rank, *Bi = B + r->unit[i] * rank;
        for (int64_t j = 0; j < m && csd; j++) {
            const double *c = g_re + j * rank, *d = g_im + j * rank;
            double *s = csd + ((f * m + i) * m + j) * 2;
            for (int64_t k = 0; k < rank; k++) {
                s[0] += 2 * (a[k] * c[k] + b[k] * d[k]);
                s[1] += 2 * (b[k] * c[k] - a[k] * d[k]);
            }
        }
        double power = 0, dissipation = 0;
        for (int64_t k = 0; k < rank; k++) {
            power += 2 * (a[k] * a[k] + b[k] * b[k]);
            dissipation += b[k] * Bi[k];
        }
        psd[f * m + i] = power;
        violation[f * m + i] = power - 2 * dissipation / w;
    }
    if (fabs(w) > 1e-7 * sx_response_at_part(r, state, RESPONSE_NUMBER)[NUMBER_RATE]) return SX_OK;
    if (!sx_hessenberg_rows(n, H, s_re, -s_im, m, re, im, rows)) return SX_FAIL(ctx, SX_E_INTERNAL, "singular shift");
    sx_gemm(false, false, m, rank, n, 1, re, n, QB, rank, 0, g_re, rank);
    for (int64_t i = 0; i < m; i++) {
        double dissipation = 0;
        for (int64_t k = 0; k < rank; k++) dissipation += g_re[i * rank + k] * B[r->unit[i] * rank + k];
        violation[f * m + i] = psd[f * m + i] - 2 * dissipation;
    }
    return SX_OK;
}

static sx_status frequencies(sx_ctx *ctx, const sx_response *r, void *state) {
    int64_t n = r->n, m = r->m, *at = sx_response_at_numbers(r, state);
    double *scratch = NULL, flops = (double)n * (double)n * (8.0 * (double)m + 12) + 4.0 * (double)(n * m * r->rank);
    int64_t count = (int64_t)(SEGMENT_FLOPS / flops) + 1, end = at[AT_FREQUENCY] + count;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, m * (2 * n + 2 * r->rank) + 7 * n, sizeof *scratch, &scratch));
    for (; at[AT_FREQUENCY] < end && at[AT_FREQUENCY] < r->F; at[AT_FREQUENCY]++)
        SX_GO(ctx, status, done, one_frequency(ctx, r, at[AT_FREQUENCY], state, scratch));
    if (at[AT_FREQUENCY] == r->F) at[AT_STAGE] = STAGE_LAGS;
done:
    sx_free(ctx, scratch);
    return status;
}

/* -- lags ------------------------------------------------------------------------------------------------------------------------- */

/* R(t_l) = E^l with E = e^{J dt}, or A for maps: rows of the chosen units; C(t_l) = R(t_l) C. */
static sx_status lags(sx_ctx *ctx, const sx_response *r, void *state) {
    int64_t n = r->n, m = r->m, *at = sx_response_at_numbers(r, state);
    double *E = sx_response_at_part(r, state, RESPONSE_E), *rows = sx_response_at_part(r, state, RESPONSE_ROWS),
           *R = sx_response_at_part(r, state, RESPONSE_FUNCTION),
           *lagged = sx_response_at_part(r, state, RESPONSE_LAGGED), *p = NULL;
    const double *J = sx_response_at_part(r, state, RESPONSE_J),
                 *C = sx_response_at_part(r, state, RESPONSE_COVARIANCE);
    int64_t count = (int64_t)(SEGMENT_FLOPS / (4.0 * (double)m * (double)n * (double)n)) + 1, end = at[AT_LAG] + count;
    sx_status status = SX_OK;
    if (r->L == 0) {
        at[AT_STAGE] = STAGE_DONE;
        return SX_OK;
    }
    SX_GO(ctx, status, done, sx_alloc(ctx, n * n, sizeof *p, &p));
    if (at[AT_LAG] == 0) {
        for (int64_t k = 0; k < n * n; k++) p[k] = r->lag_step * J[k];
        if (r->map)
            memcpy(E, J, sizeof(double) * (size_t)(n * n));
        else
            SX_GO(ctx, status, done, sx_expm(ctx, n, p, E));
        for (int64_t i = 0; i < m; i++) rows[i * n + r->unit[i]] = 1;
    }
    for (; at[AT_LAG] < end && at[AT_LAG] < r->L; at[AT_LAG]++) {
        int64_t l = at[AT_LAG];
        if (l > 0) {
            sx_gemm(false, false, m, n, n, 1, rows, n, E, n, 0, p, n);
            memcpy(rows, p, sizeof(double) * (size_t)(m * n));
        }
        if (lagged) sx_gemm(false, false, m, n, n, 1, rows, n, C, n, 0, p, n);
        for (int64_t i = 0; i < m; i++)
            for (int64_t j = 0; j < m; j++) {
                R[(l * m + i) * m + j] = rows[i * n + r->unit[j]];
                if (lagged) lagged[(l * m + i) * m + j] = p[i * n + r->unit[j]];
            }
    }
    if (at[AT_LAG] == r->L) at[AT_STAGE] = STAGE_DONE;
done:
    sx_free(ctx, p);
    return status;
}

sx_status sx_response_dense(sx_ctx *ctx, const sx_response *r, int64_t point, void *state, bool *done,
                            double *fraction) {
    int64_t *at = sx_response_at_numbers(r, state);
    switch (at[AT_STAGE]) {
    case STAGE_LINEARISE:
        SX_TRY(ctx, linearise(ctx, r, point, state));
        break;
    case STAGE_COVARIANCE:
        SX_TRY(ctx, covariance(ctx, r, state));
        break;
    case STAGE_REDUCE:
        SX_TRY(ctx, reduce(ctx, r, state));
        break;
    case STAGE_FREQUENCIES:
        SX_TRY(ctx, frequencies(ctx, r, state));
        break;
    default:
        SX_TRY(ctx, lags(ctx, r, state));
        break;
    }
    *done = at[AT_STAGE] == STAGE_DONE;
    *fraction = ((double)at[AT_STAGE] + (double)at[AT_FREQUENCY] / (double)(r->F + 1)) / (STAGE_DONE + 1);
    return SX_OK;
}
