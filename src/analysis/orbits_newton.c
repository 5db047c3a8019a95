// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Multiple shooting. Flow: points x_0 .. x_{s-1}, a period T, y_i = phi_{T/s}(x_i):
 *     y_i - x_{i+1} = 0 (x_s = x_0),     F(x_0) . delta x_0 = 0,
 * the last fixes the phase. Newton: G_i dx_i - dx_{i+1} + F(y_i) dT/s = -(y_i - x_{i+1}), G_i = d y_i/d x_i, with step halving on the norm of the jumps.
 * Map: the same without T, y_i = F(x_i). (E. Doedel, in Numerical Continuation Methods for Dynamical Systems, 2007, chapter 1; P. Cvitanovic et al.,
 * ChaosBook, chapter 16.) */
#include "analysis/orbits_private.h"

#include "core/linalg.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void drift(const sx_shooting *h, const double *x, double *out) {
    sx_work w = { .p = h->scratch, .doubles = sx_model_work(h->m, 1) };
    sx_model_F(h->m, 0, (sx_cbatch){ x, h->o->n, 1 }, (sx_batch){ out, h->o->n, 1 }, w);
}

/* y = image of x after a segment, and its derivative G unless NULL. */
static sx_status segment(sx_ctx *ctx, const sx_shooting *h, double time, double *x, double *G) {
    int64_t n = h->o->n;
    for (int64_t k = 0; G && k < n * n; k++) G[k] = k % (n + 1) == 0;
    if (!h->o->map) {
        sx_variational v = { .m = h->m, .rtol = h->o->o.rtol, .atol = h->o->o.rtol * h->size, .scratch = h->scratch };
        return sx_variational_run(ctx, &v, time, x, G ? n : 0, G);
    }
    int64_t b = G ? n : 1;
    double *y = h->scratch, *work = y + (n + 7) / 8 * 8, *U = work + (sx_model_work(h->m, b) + 7) / 8 * 8;
    sx_work w = { .p = work, .doubles = sx_model_work(h->m, b) };
    sx_model_F(h->m, 0, (sx_cbatch){ x, n, 1 }, (sx_batch){ y, n, 1 }, w);
    if (G) {
        memcpy(U, G, sizeof(double) * (size_t)(n * n));
        sx_model_operations(h->m)->jvp(sx_model_self(h->m), 0, (sx_cbatch){ x, n, 1 }, (sx_cbatch){ U, n, n },
                                       (sx_batch){ G, n, n }, w);
    }
    memcpy(x, y, sizeof(double) * (size_t)n);
    return SX_OK;
}

/* Jumps y_i - x_{i+1} [s][n] and ends y_i [s][n]; the norm of the jumps over size. */
static sx_status jumps(sx_ctx *ctx, const sx_shooting *h, const double *X, double T, double *G, double *r, double *Y,
                       double *norm) {
    int64_t n = h->o->n, s = h->s;
    double sum = 0;
    memcpy(Y, X, sizeof(double) * (size_t)(s * n));
    for (int64_t i = 0; i < s; i++) {
        SX_TRY(ctx, segment(ctx, h, T / (double)s, Y + i * n, G ? G + i * n * n : NULL));
        for (int64_t u = 0; u < n; u++) {
            r[i * n + u] = Y[i * n + u] - X[(i + 1) % s * n + u];
            sum += r[i * n + u] * r[i * n + u];
        }
    }
    *norm = sqrt(sum) / h->size;
    return isfinite(*norm) ? SX_OK : SX_FAIL(ctx, SX_E_NUMERIC, "the orbit is not finite");
}

/* The system, dense: s n + 1 unknowns (maps: s n). */
static sx_status newton_step(sx_ctx *ctx, const sx_shooting *h, const double *r, const double *Y, double *A, double *b,
                             double *delta) {
    int64_t n = h->o->n, s = h->s, size = s * n + !h->o->map;
    memset(A, 0, sizeof(double) * (size_t)(size * size));
    for (int64_t i = 0; i < s; i++)
        for (int64_t u = 0; u < n; u++) {
            double *row = A + (i * n + u) * size;
            for (int64_t v = 0; v < n; v++) row[i * n + v] += h->G[(i * n + u) * n + v];
            row[(i + 1) % s * n + u] -= 1;
            b[i * n + u] = -r[i * n + u];
        }
    if (!h->o->map) {
        double *f = delta; /* room for a drift; overwritten by the solution */
        for (int64_t i = 0; i < s; i++) {
            drift(h, Y + i * n, f);
            for (int64_t u = 0; u < n; u++) A[(i * n + u) * size + s * n] = f[u] / (double)s;
        }
        drift(h, h->X, A + s * n * size);
        b[s * n] = 0;
    }
    return sx_solve(ctx, size, 1, A, b, delta);
}

/* Try x + lambda delta for lambda = 1, 1/2, ...; *accepted with the new norm when one lowers it. */
static sx_status line_search(sx_ctx *ctx, sx_shooting *h, const double *delta, double norm, double *trial, double *r,
                             double *Y, bool *accepted) {
    int64_t count = h->s * h->o->n;
    double dT = h->o->map ? 0 : delta[count], lambda = fabs(dT) > 0.3 * h->T ? 0.3 * h->T / fabs(dT) : 1;
    *accepted = false;
    for (int k = 0; k < 10 && !*accepted; k++, lambda /= 2) {
        double now;
        for (int64_t i = 0; i < count; i++) trial[i] = h->X[i] + lambda * delta[i];
        if (jumps(ctx, h, trial, h->T + lambda * dT, NULL, r, Y, &now) < 0) {
            if (sx_ctx_status(ctx) == SX_E_MEMORY) return SX_E_MEMORY;
            sx_ctx_clear(ctx);
            continue;
        }
        if (!(now < (1 - 0.25 * lambda) * norm)) continue;
        memcpy(h->X, trial, sizeof(double) * (size_t)count);
        h->T += lambda * dT;
        *accepted = true;
    }
    return SX_OK;
}

sx_status sx_orbits_solve(sx_ctx *ctx, sx_shooting *h, bool *found) {
    int64_t n = h->o->n, s = h->s, count = s * n, size = count + !h->o->map, cells;
    double *p = NULL, *A = NULL, norm;
    sx_status status;
    *found = false;
    SX_GO(ctx, status, done, sx_mul_size(ctx, size, size, &cells));
    SX_GO(ctx, status, done, sx_alloc(ctx, cells, sizeof *A, &A));
    SX_GO(ctx, status, done, sx_alloc(ctx, 3 * count + 2 * size, sizeof *p, &p));
    double *r = p, *Y = r + count, *trial = Y + count, *b = trial + count, *delta = b + size;
    for (int64_t k = 0; k < h->o->o.iterations; k++) {
        bool accepted;
        SX_GO(ctx, status, done, jumps(ctx, h, h->X, h->T, h->G, r, Y, &norm));
        h->residual = norm;
        SX_GO(ctx, status, done, newton_step(ctx, h, r, Y, A, b, delta));
        SX_GO(ctx, status, done, line_search(ctx, h, delta, norm, trial, r, Y, &accepted));
        if (!accepted) { /* as good as it gets */
            *found = norm <= h->o->o.tolerance;
            goto done;
        }
    }
done:
    sx_free(ctx, p);
    sx_free(ctx, A);
    if (status == SX_E_NUMERIC) { /* singular, or off to infinity: this guess leads nowhere */
        sx_ctx_clear(ctx);
        status = SX_OK;
    }
    return status;
}

/* -- multipliers ---------------------------------------------------------------------------------------------------------------- */

typedef struct sx_pair_ {
    double re, im;
} sx_pair_;

static int by_modulus(const void *a, const void *b) {
    const sx_pair_ *x = a, *y = b;
    double p = hypot(x->re, x->im), q = hypot(y->re, y->im);
    if (fabs(p - q) > 1e-13 * (p + q)) return p < q ? 1 : -1;
    if (x->re != y->re) return x->re < y->re ? 1 : -1;
    return (x->im < y->im) - (x->im > y->im);
}

/* Multipliers far below the largest have no digits in the product of the G_i. Orthogonal iteration round the orbit, G_i Q_i = Q_{i+1} R_i, keeps them: after
 * some turns Q_s = Q_0 up to signs and mu_k = prod_i (R_i)_kk, for real multipliers apart from their neighbours. Those that settle and are below
 * 1e-6 of the largest are taken from there. p: 3 n^2 + 2 n */
static bool turn(const sx_shooting *h, double **Q, double **W, double *d) {
    int64_t n = h->o->n;
    for (int64_t k = 0; k < n; k++) d[k] = 1;
    for (int64_t i = 0; i < h->s; i++) {
        double *w = *W;
        sx_gemm(false, false, n, n, n, 1, h->G + i * n * n, n, *Q, n, 0, w, n);
        for (int64_t k = 0; k < n; k++) { /* Gram-Schmidt, twice; diagonal of R positive */
            double norm = 0;
            for (int pass = 0; pass < 2; pass++)
                for (int64_t l = 0; l < k; l++) {
                    double dot = 0;
                    for (int64_t u = 0; u < n; u++) dot += w[u * n + l] * w[u * n + k];
                    for (int64_t u = 0; u < n; u++) w[u * n + k] -= dot * w[u * n + l];
                }
            for (int64_t u = 0; u < n; u++) norm += w[u * n + k] * w[u * n + k];
            norm = sqrt(norm);
            if (!(norm > 0)) return false; /* a direction dies altogether */
            d[k] *= norm;
            for (int64_t u = 0; u < n; u++) w[u * n + k] /= norm;
        }
        *W = *Q;
        *Q = w;
    }
    return true;
}

static void small_multipliers(const sx_shooting *h, sx_pair_ *pair, double *p) {
    int64_t n = h->o->n, nn = n * n;
    double *Q = p, *W = p + nn, *S = W + nn, *d = S + nn, *before = d + n, largest = hypot(pair[0].re, pair[0].im);
    bool settled = false;
    for (int64_t k = 0; k < nn; k++) Q[k] = k % (n + 1) == 0;
    for (int64_t k = 0; k < n; k++) before[k] = 0;
    for (int k = 0; k < 40 && !settled; k++) {
        memcpy(S, Q, sizeof(double) * (size_t)nn);
        if (!turn(h, &Q, &W, d)) return;
        settled = k > 0;
        for (int64_t i = 0; i < n; i++) {
            settled = settled && fabs(d[i] - before[i]) <= 1e-13 * d[i];
            before[i] = d[i];
        }
    }
    for (int64_t k = 0; k < n; k++) {
        double back = 0; /* -1: the direction comes back reversed */
        for (int64_t u = 0; u < n; u++) back += S[u * n + k] * Q[u * n + k];
        bool apart = (k == 0 || d[k - 1] > 3 * d[k]) && (k + 1 == n || d[k] > 3 * d[k + 1]);
        if (apart && d[k] < 1e-6 * largest && fabs(fabs(back) - 1) < 1e-6)
            pair[k] = (sx_pair_){ back < 0 ? -d[k] : d[k], 0 };
    }
}

sx_status sx_orbits_multipliers(sx_ctx *ctx, const sx_shooting *h, double *out) {
    int64_t n = h->o->n, nn = n * n;
    double *p = NULL;
    sx_pair_ *pair = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, 3 * nn + 2 * n, sizeof *p, &p));
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *pair, &pair));
    double *M = p, *T = p + nn, *re = T + nn, *im = re + n;
    memcpy(M, h->G, sizeof(double) * (size_t)nn);
    for (int64_t i = 1; i < h->s; i++) {
        sx_gemm(false, false, n, n, n, 1, h->G + i * nn, n, M, n, 0, T, n);
        memcpy(M, T, sizeof(double) * (size_t)nn);
    }
    SX_GO(ctx, status, done, sx_eigenvalues(ctx, n, M, re, im));
    for (int64_t k = 0; k < n; k++) pair[k] = (sx_pair_){ re[k], im[k] };
    qsort(pair, (size_t)n, sizeof *pair, by_modulus);
    if (hypot(pair[n - 1].re, pair[n - 1].im) < 1e-6 * hypot(pair[0].re, pair[0].im)) small_multipliers(h, pair, p);
    for (int64_t k = 0; k < n; k++) {
        out[2 * k] = pair[k].re;
        out[2 * k + 1] = pair[k].im;
    }
done:
    sx_free(ctx, pair);
    sx_free(ctx, p);
    return status;
}

sx_status sx_orbits_state(sx_ctx *ctx, const sx_shooting *h, double t, double *x) {
    double part = h->T / (double)h->s;
    int64_t i = (int64_t)(t / part);
    if (i >= h->s) i = h->s - 1;
    memcpy(x, h->X + i * h->o->n, sizeof(double) * (size_t)h->o->n);
    double left = t - (double)i * part;
    return left > 1e-15 * h->T ? segment(ctx, h, left, x, NULL) : SX_OK;
}
