// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* `response` for large models, by products of J and J^T alone.
 *
 * Chosen units S: the rows e_i^T H(w) and e_i^T e^{Jt} all live in Krylov spaces of J^T. Band Arnoldi (A. Ruhe, Math. Comp. 33 (1979) 680) from
 * e_i, i in S, gives an orthonormal V with J^T V = V T + V' T'; the first vectors are the e_i themselves. Then T^T in the place of J and
 * V^T B in that of B is a small model of its own whose first units are S, with the same answers up to the residuals |T' z|, z = (s - T)^-1 e_i:
 * it goes through response_dense.c.
 *
 * Variances of all units: C = E int_0^oo 2 w w^T dt with w(t) = e^{Jt} B z, z = +-1 at random (M. F. Hutchinson, Commun. Stat. Simul. 19 (1990) 433). From a Krylov space of (J, B z),
 * w = V e^{Tt} V^T B z, and the integral is V Y V^T with T Y + Y T^T + 2 |B z|^2 e_1 e_1^T = 0 (Y. Saad, in Signal Processing, Scattering and
 * Operator Theory, 1990, p. 503): one unbiased sample of diag C, and of the entropy production
 *     -tr(D^-1 J Q) = 1/2 int E [ (J w).D^-1 J w - w.D^-1 J^2 w ] 2 dt,
 * which vanishes for every sample in equilibrium (D^-1 J symmetric). */
#include "analysis/response_private.h"

#include "core/linalg.h"
#include "core/shifted.h"

#include <math.h>
#include <string.h>

#define PI 3.14159265358979323846
enum { WIDE = 8 }; /* columns of a product */

typedef struct sx_band {
    const sx_response *r;
    const sx_model *m;
    const double *x; /* the point */
    bool transposed; /* products with J^T */
    int64_t k, j;    /* vectors; of them multiplied: A V_j = V_k T */
    int64_t K;
    double *V; /* [K + 1][n] */
    double *T; /* [K][K] */
    sx_work work;
} sx_band;

/* K + 1 vectors, four times eight columns, the noise (rank), the model's scratch */
int64_t sx_response_krylov_scratch(const sx_response *r) {
    int64_t n = (r->n + 7) / 8 * 8, rank = (r->rank + 7) / 8 * 8;
    return (r->K + 1 + 4 * WIDE) * n + rank + sx_model_work(r->model, WIDE) + 64;
}

static void multiply(const sx_band *a, int64_t b, const double *u, double *out) {
    const sx_model_ops *ops = sx_model_operations(a->m);
    int64_t n = a->r->n;
    (a->transposed ? ops->vjp : ops->jvp)(sx_model_self(a->m), 0, (sx_cbatch){ a->x, n, 1 }, (sx_cbatch){ u, n, b },
                                          (sx_batch){ out, n, b }, a->work);
}

static double length(int64_t n, const double *x) {
    double sq;
    sx_gemm(false, false, 1, 1, n, 1, x, n, x, 1, 0, &sq, 1);
    return sqrt(sq);
}

/* Multiply vector after vector; what is left of each beyond the present ones becomes the next. Ends with K vectors, or when the space is invariant. */
static sx_status extend(sx_ctx *ctx, sx_band *a) {
    int64_t n = a->r->n;
    double *h = NULL;
    SX_TRY(ctx, sx_alloc(ctx, a->K, sizeof *h, &h));
    while (a->j < a->k && (a->k < a->K || a->k == n)) {
        double *w = a->V + a->k * n;
        multiply(a, 1, a->V + a->j * n, w);
        double before = length(n, w);
        for (int pass = 0; pass < 2; pass++) { /* twice is enough (Giraud, Langou, Rozloznik 2005) */
            sx_gemm(false, false, a->k, 1, n, 1, a->V, n, w, 1, 0, h, 1);
            sx_gemm(true, false, n, 1, a->k, -1, a->V, n, h, 1, 1, w, 1);
            for (int64_t i = 0; i < a->k; i++) a->T[i * a->K + a->j] += h[i];
        }
        double after = length(n, w);
        if (!isfinite(after)) {
            sx_free(ctx, h);
            return SX_FAIL(ctx, SX_E_NUMERIC, "task '%s': products with the Jacobian are not finite", a->r->group);
        }
        if (a->k < n && after > 1e-13 * before) {
            for (int64_t u = 0; u < n; u++) w[u] /= after;
            a->T[a->k * a->K + a->j] = after;
            a->k++;
        }
        a->j++;
    }
    sx_free(ctx, h);
    return SX_OK;
}

/* -- chosen units --------------------------------------------------------------------------------------------------------------- */

/* 2 V^T D V [j][j]; BV: [8][rank] */
static sx_status noise_in_basis(sx_ctx *ctx, const sx_band *a, double *p, double *M) {
    const sx_noise *noise = sx_model_noise(a->m);
    const sx_noise_ops *ops = sx_noise_operations(noise);
    int64_t n = a->r->n, rank = a->r->rank, j = a->j;
    double *BV = NULL;
    if (!ops->Bt)
        return SX_FAIL(ctx, SX_E_UNSUPPORTED,
                       "response.method = \"krylov\" needs products with B^T, which the noise '%s' does not have",
                       ops->name);
    SX_TRY(ctx, sx_alloc(ctx, j * rank, sizeof *BV, &BV));
    for (int64_t i = 0; i < j; i++)
        ops->Bt(sx_noise_self(noise), 0, (sx_cbatch){ a->x, n, 1 }, (sx_cbatch){ a->V + i * n, n, 1 },
                (sx_batch){ BV + i * rank, rank, 1 }, a->work);
    (void)p;
    sx_gemm(false, true, j, j, rank, 2, BV, rank, BV, rank, 0, M, j);
    sx_free(ctx, BV);
    return SX_OK;
}

/* B with B B^T = M / 2, n x n; rounding below zero is cut off. */
static sx_status factor(sx_ctx *ctx, int64_t n, const double *M, double *B) {
    double *w = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *w, &w));
    SX_GO(ctx, status, done, sx_symmetric_eigen(ctx, n, M, w, B));
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < n; k++) B[i * n + k] *= w[k] > 0 ? sqrt(w[k] / 2) : 0;
done:
    sx_free(ctx, w);
    return status;
}

/* Largest |T' z_i| over frequencies (and the static response) and units. */
static sx_status solve_residual(sx_ctx *ctx, const sx_band *a, const sx_response *s, const void *state, double *out) {
    int64_t n = s->n, m = s->m, rest = a->k - a->j;
    const double *H = sx_response_at_part(s, state, RESPONSE_H), *Q = sx_response_at_part(s, state, RESPONSE_Q);
    double *p = NULL;
    *out = 0;
    if (rest == 0 || s->F == 0) return SX_OK;
    SX_TRY(ctx, sx_alloc(ctx, 4 * m * n + 2 * m * rest + 7 * n, sizeof *p, &p));
    double *re = p, *im = re + m * n, *z_re = im + m * n, *z_im = z_re + m * n, *t_re = z_im + m * n,
           *t_im = t_re + m * rest, *rows = t_im + m * rest;
    for (int64_t f = 0; f < s->F; f++) {
        double omega = 2 * PI * s->frequency[f];
        memcpy(re, Q, sizeof(double) * (size_t)(m * n));
        memset(im, 0, sizeof(double) * (size_t)(m * n));
        if (!sx_hessenberg_rows(n, H, s->map ? cos(omega) : 0, s->map ? -sin(omega) : -omega, m, re, im, rows))
            continue;
        sx_gemm(false, true, m, n, n, 1, re, n, Q, n, 0, z_re, n);
        sx_gemm(false, true, m, n, n, 1, im, n, Q, n, 0, z_im, n);
        sx_gemm(false, true, m, rest, n, 1, z_re, n, a->T + a->j * a->K, a->K, 0, t_re, rest);
        sx_gemm(false, true, m, rest, n, 1, z_im, n, a->T + a->j * a->K, a->K, 0, t_im, rest);
        for (int64_t i = 0; i < m; i++) {
            double sum = 0;
            for (int64_t k = 0; k < rest; k++)
                sum += t_re[i * rest + k] * t_re[i * rest + k] + t_im[i * rest + k] * t_im[i * rest + k];
            *out = fmax(*out, sqrt(sum));
        }
    }
    sx_free(ctx, p);
    return SX_OK;
}

/* The propagated rows r_i(t) = V e^{Tt} e_i leave r' - J^T r = -V' T' e^{Tt} e_i. With P = int e^{T^T t} T'^T T' e^{Tt} dt the error of r_i is
 * about sqrt(P_ii / (2 rate)), |r_i(0)| = 1. */
static sx_status propagator_error(sx_ctx *ctx, const sx_band *a, const sx_response *s, const double *J, double rate,
                                  double *out) {
    int64_t n = s->n, rest = a->k - a->j;
    const double *T = a->T + a->j * a->K;
    double *G = NULL, *P = NULL;
    sx_status status = SX_OK;
    *out = 0;
    if (rest == 0) return SX_OK;
    SX_GO(ctx, status, done, sx_alloc(ctx, n * n, sizeof *G, &G));
    SX_GO(ctx, status, done, sx_alloc(ctx, n * n, sizeof *P, &P));
    sx_gemm(true, false, n, n, rest, 1, T, a->K, T, a->K, 0, G, n);
    if (s->map)
        SX_GO(ctx, status, done, sx_stein(ctx, n, J, G, P));
    else
        SX_GO(ctx, status, done, sx_lyapunov(ctx, n, J, G, P));
    for (int64_t i = 0; i < s->m; i++) *out = fmax(*out, sqrt(fmax(0, P[i * (n + 1)]) / (2 * rate)));
done:
    sx_free(ctx, P);
    sx_free(ctx, G);
    return status;
}

static void corner(int64_t m, int64_t n, const double *from, double *to) {
    for (int64_t i = 0; to && i < m; i++) memcpy(to + i * m, from + i * n, sizeof(double) * (size_t)m);
}

static sx_status chosen_units(sx_ctx *ctx, const sx_response *r, sx_band *a, double *p, void *state) {
    static const sx_response_part same[] = { RESPONSE_PSD,       RESPONSE_CSD,      RESPONSE_SUSCEPTIBILITY,
                                             RESPONSE_VIOLATION, RESPONSE_FUNCTION, RESPONSE_LAGGED };
    sx_response s = *r; /* the small model */
    int64_t first[2] = { 0, 1 }, *unit = first;
    void *small = NULL;
    double *M = NULL, *number = sx_response_at_part(r, state, RESPONSE_NUMBER), fraction;
    bool done = false;
    sx_status status = SX_OK;
    for (int64_t i = 0; i < r->m; i++) a->V[i * r->n + r->unit[i]] = 1;
    a->k = r->m;
    SX_GO(ctx, status, done_, extend(ctx, a));
    s.n = s.rank = a->j;
    s.dense = true;
    s.probes = 0;
    s.n_sections = 0;
    s.state_bytes = 0;
    s.rank = r->noisy ? a->j : 0;
    if (r->m > 2) SX_GO(ctx, status, done_, sx_alloc(ctx, r->m, sizeof *unit, &unit));
    for (int64_t i = 0; i < r->m; i++) unit[i] = i;
    s.unit = unit;
    SX_GO(ctx, status, done_, sx_response_lay_out(ctx, &s));
    SX_GO(ctx, status, done_, sx_alloc(ctx, (int64_t)s.state_bytes, 1, &small));
    double *J = sx_response_at_part(&s, small, RESPONSE_J);
    for (int64_t i = 0; i < s.n; i++)
        for (int64_t k = 0; k < s.n; k++) J[i * s.n + k] = a->T[k * a->K + i];
    if (r->noisy) {
        SX_GO(ctx, status, done_, sx_alloc(ctx, s.n * s.n, sizeof *M, &M));
        SX_GO(ctx, status, done_, noise_in_basis(ctx, a, p, M));
        SX_GO(ctx, status, done_, factor(ctx, s.n, M, sx_response_at_part(&s, small, RESPONSE_B)));
    }
    SX_GO(ctx, status, done_, sx_response_judge(ctx, &s, small));
    const double *found = sx_response_at_part(&s, small, RESPONSE_NUMBER);
    number[NUMBER_RATE] = found[NUMBER_RATE];
    sx_response_at_numbers(r, state)[AT_STABLE] = found[NUMBER_RATE] > 0;
    if (!(found[NUMBER_RATE] > 0)) goto done_;
    while (!done) SX_GO(ctx, status, done_, sx_response_dense(ctx, &s, 0, small, &done, &fraction));
    for (size_t k = 0; k < sizeof same / sizeof *same; k++) {
        int i = r->section_of[same[k]];
        if (i >= 0)
            memcpy(sx_response_at_part(r, state, same[k]), sx_response_at_part(&s, small, same[k]),
                   (size_t)r->sections[i].count * 8);
    }
    corner(r->m, s.n, sx_response_at_part(&s, small, RESPONSE_COVARIANCE),
           sx_response_at_part(r, state, RESPONSE_COVARIANCE));
    corner(r->m, s.n, sx_response_at_part(&s, small, RESPONSE_STATIC), sx_response_at_part(r, state, RESPONSE_STATIC));
    SX_GO(ctx, status, done_, solve_residual(ctx, a, &s, small, &number[NUMBER_SOLVE]));
    SX_GO(ctx, status, done_, propagator_error(ctx, a, &s, J, number[NUMBER_RATE], &number[NUMBER_RESIDUAL]));
done_:
    if (unit != first) sx_free(ctx, unit);
    sx_free(ctx, M);
    sx_free(ctx, small);
    return status;
}

/* -- random probes -------------------------------------------------------------------------------------------------------------- */

/* Adds the squares of the columns w of V^T L to the variances, and 1/2 [(J w).D^-1 J w - w.D^-1 J^2 w] of each to the entropy production. Eight columns
 * at once; p: 4 x 8 n. */
static void add_columns(const sx_band *a, int64_t columns, const double *L, double *variance, double *p,
                        double *entropy, bool *defined) {
    const sx_noise *noise = sx_model_noise(a->m);
    const sx_noise_ops *ops = sx_noise_operations(noise);
    int64_t n = a->r->n, j = a->j, stride = (n + 7) / 8 * 8 * WIDE;
    double *w = p, *Jw = p + stride, *JJw = Jw + stride, *d = JJw + stride, sum = 0, residual[2][WIDE];
    for (int64_t c = 0; c < columns; c += WIDE) { /* columns is a multiple of WIDE, filled up with zeros */
        sx_gemm(true, false, n, WIDE, j, 1, a->V, n, L + c, columns, 0, w, WIDE);
        for (int64_t u = 0; u < n; u++)
            for (int k = 0; k < WIDE; k++) variance[u] += w[u * WIDE + k] * w[u * WIDE + k];
        if (!*defined) continue;
        double part = 0, size = 0;
        multiply(a, WIDE, w, Jw);
        multiply(a, WIDE, Jw, JJw);
        ops->Dinv(sx_noise_self(noise), 0, (sx_cbatch){ a->x, n, 1 }, (sx_cbatch){ Jw, n, WIDE },
                  (sx_batch){ d, n, WIDE }, residual[0], a->work);
        for (int64_t k = 0; k < n * WIDE; k++) {
            part += Jw[k] * d[k];
            size += Jw[k] * Jw[k] + JJw[k] * JJw[k];
        }
        ops->Dinv(sx_noise_self(noise), 0, (sx_cbatch){ a->x, n, 1 }, (sx_cbatch){ JJw, n, WIDE },
                  (sx_batch){ d, n, WIDE }, residual[1], a->work);
        for (int64_t k = 0; k < n * WIDE; k++) part -= w[k] * d[k];
        for (int k = 0; k < 2 * WIDE; k++) *defined = *defined && residual[k / WIDE][k % WIDE] <= 1e-9 * sqrt(size);
        sum += part / 2;
    }
    *entropy = sum;
}

static sx_status probe(sx_ctx *ctx, const sx_response *r, sx_band *a, int64_t item, double *p, double *z, void *state) {
    const sx_noise *noise = sx_model_noise(a->m);
    const sx_noise_ops *ops = sx_noise_operations(noise);
    int64_t n = r->n, *at = sx_response_at_numbers(r, state);
    double *number = sx_response_at_part(r, state, RESPONSE_NUMBER), *S = NULL;
    sx_status status;
    sx_uniform_fill(sx_key_derive(r->key, "probe", (uint64_t)item), 0, SX_SLOT_USER, 0, r->rank, 1, z);
    for (int64_t k = 0; k < r->rank; k++) z[k] = z[k] < 0.5 ? -1 : 1;
    ops->B(sx_noise_self(noise), 0, (sx_cbatch){ a->x, n, 1 }, (sx_cbatch){ z, r->rank, 1 }, (sx_batch){ a->V, n, 1 },
           a->work);
    double size = length(n, a->V), rate;
    at[AT_STABLE] = at[AT_ENTROPY] = 1;
    number[NUMBER_RATE] = INFINITY;
    if (size == 0) return SX_OK; /* nothing fluctuates */
    for (int64_t u = 0; u < n; u++) a->V[u] /= size;
    a->k = 1;
    SX_TRY(ctx, extend(ctx, a));
    int64_t j = a->j, jj = j * j;
    SX_GO(ctx, status, done, sx_alloc(ctx, 3 * jj + j * (j + WIDE) + j, sizeof *S, &S));
    double *T = S, *G = S + jj, *Y = S + 2 * jj, *L = S + 3 * jj, *w = L + j * (j + WIDE);
    for (int64_t i = 0; i < j; i++) memcpy(T + i * j, a->T + i * a->K, sizeof(double) * (size_t)j);
    SX_GO(ctx, status, done, sx_response_rate(ctx, r->map, j, T, &rate));
    number[NUMBER_RATE] = rate;
    at[AT_STABLE] = rate > 0;
    if (rate <= 0) goto done;
    G[0] = 2 * size * size;
    if (r->map)
        SX_GO(ctx, status, done, sx_stein(ctx, j, T, G, Y));
    else
        SX_GO(ctx, status, done, sx_lyapunov(ctx, j, T, G, Y));
    /* J Y' + Y' J^T + 2 b b^T with Y' = V Y V^T: what is left is the last row of Y times what T leaves out, twice */
    double left = a->k > j ? a->T[j * a->K + j - 1] : 0, last = 0;
    for (int64_t i = 0; i < j; i++) last += Y[(j - 1) * j + i] * Y[(j - 1) * j + i];
    number[NUMBER_RESIDUAL] = left * sqrt(2 * last) / (2 * size * size);
    SX_GO(ctx, status, done, sx_symmetric_eigen(ctx, j, Y, w, G));
    int64_t columns = 0;
    for (int64_t k = 0; k < j; k++) columns += w[k] > 1e-14 * w[j - 1];
    int64_t wide = (columns + WIDE - 1) / WIDE * WIDE;
    for (int64_t i = 0; i < j; i++)
        for (int64_t c = 0; c < wide; c++)
            L[i * wide + c] = c < columns ? G[i * j + j - 1 - c] * sqrt(w[j - 1 - c]) : 0;
    bool defined = ops->Dinv != NULL;
    add_columns(a, wide, L, sx_response_at_part(r, state, RESPONSE_VARIANCE), p, &number[NUMBER_ENTROPY], &defined);
    at[AT_ENTROPY] = defined;
done:
    sx_free(ctx, S);
    return status;
}

sx_status sx_response_krylov(sx_ctx *ctx, const sx_response *r, int64_t item, void *state, double *scratch,
                             const sx_exec *exec) {
    int64_t point = item / (1 + r->probes), which = item % (1 + r->probes), n = r->n, stride = (n + 7) / 8 * 8;
    sx_band a = {
        .r = r, .m = r->places.models[point], .x = r->places.x + point * n, .K = r->K, .transposed = which == 0
    };
    double *p = scratch + (r->K + 1) * stride, *z = p + 4 * WIDE * stride;
    a.V = scratch;
    a.work = (sx_work){ .p = z + (r->rank + 7) / 8 * 8, .doubles = sx_model_work(a.m, WIDE), .exec = exec };
    memset(scratch, 0, sizeof(double) * (size_t)((r->K + 1) * stride));
    SX_TRY(ctx, sx_alloc(ctx, r->K * r->K, sizeof *a.T, &a.T));
    if (which == 0) {
        double *number = sx_response_at_part(r, state, RESPONSE_NUMBER);
        sx_model_F(a.m, 0, (sx_cbatch){ a.x, n, 1 }, (sx_batch){ p, n, 1 }, a.work);
        for (int64_t u = 0; u < n; u++)
            number[NUMBER_SPEED] = fmax(number[NUMBER_SPEED], fabs(r->map ? p[u] - a.x[u] : p[u]));
    }
    sx_status status = which == 0 ? chosen_units(ctx, r, &a, p, state) : probe(ctx, r, &a, item, p, z, state);
    sx_free(ctx, a.T);
    return status;
}
