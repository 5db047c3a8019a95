// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Exact update of linear models with additive noise, dx = (A x + I) dt + sqrt(2) B dW:
 *     x' = E x + c + L n,   E = e^{Ah},   c = int_0^h e^{As} I ds,   L L^T = Q = int_0^h e^{As} 2D e^{A^T s} ds
 * Q and c over a short step come from block exponentials (Van Loan, IEEE Trans. Autom. Control 23 (1978) 395); doubling the step,
 *     Q_2 = E Q E^T + Q,   c_2 = E c + c,   E_2 = E E,
 * keeps them accurate where e^{-Ah} would overflow. */
#include "run/stepper_private.h"

#include "core/linalg.h"

#include <string.h>

enum { OWN_PRODUCT_LIMIT = 128 }; /* up to this n the library's own product: same bits for any number of columns */

/* Lower L with L L^T = Q for Q positive semidefinite: Cholesky where a pivot at rounding level ends its column. Unlike an
 * eigenvector factor it is unique, so the same noise gives the same path whatever the LAPACK. In place. */
static void semidefinite_cholesky(int64_t n, double *Q) {
    double largest = 0;
    for (int64_t i = 0; i < n; i++) largest = fmax(largest, Q[i * n + i]);
    const double floor = (double)n * 0x1p-52 * largest;
    for (int64_t j = 0; j < n; j++) {
        double pivot = Q[j * n + j];
        for (int64_t k = 0; k < j; k++) pivot -= Q[j * n + k] * Q[j * n + k];
        const double root = pivot > floor ? sqrt(pivot) : 0.0;
        for (int64_t i = j + 1; i < n; i++) {
            double v = Q[i * n + j];
            for (int64_t k = 0; k < j; k++) v -= Q[i * n + k] * Q[j * n + k];
            Q[i * n + j] = root > 0 ? v / root : 0.0;
        }
        Q[j * n + j] = root;
        for (int64_t i = 0; i < j; i++) Q[i * n + j] = 0.0;
    }
}

static bool diagonal(int64_t n, const double *M) {
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            if (i != j && M[i * n + j] != 0.0) return false;
    return true;
}

/* A = J(0), I = F(0), and a check that F is what they say at another point and time. p: 3 n numbers. */
static sx_status read_linear(sx_ctx *ctx, const sx_stepper *s, double *A, double *input, double *p, sx_work w) {
    const int64_t n = s->n;
    const sx_model_ops *ops = sx_model_operations(s->m);
    double *x = p, *f = p + n, largest = 0, error = 0;
    memset(x, 0, (size_t)n * sizeof(double));
    ops->jacobian(sx_model_self(s->m), 0.0, x, A, w);
    sx_model_F(s->m, 0.0, sx_as_cbatch_(x, n, 1), sx_as_batch_(input, n, 1), w);
    for (int64_t i = 0; i < n; i++) x[i] = 1.0 + (double)(i * 7919 % 1009) / 1009.0;
    sx_model_F(s->m, 2.375 * s->h, sx_as_cbatch_(x, n, 1), sx_as_batch_(f, n, 1), w);
    for (int64_t i = 0; i < n; i++) {
        double sum = input[i], size = fabs(input[i]);
        for (int64_t j = 0; j < n; j++) {
            sum += A[i * n + j] * x[j];
            size += fabs(A[i * n + j] * x[j]);
        }
        largest = fmax(largest, size);
        error = fmax(error, fabs(sum - f[i]));
    }
    if (!(error <= 1e-10 * largest))
        return SX_FAIL(ctx, SX_E_USAGE,
                       "method = exact: the model is not linear with constant input (F differs by %g of %g)", error,
                       largest);
    return SX_OK;
}

/* Q, E, c over tau by block exponentials; M, X are (2n) x (2n). */
static sx_status van_loan(sx_ctx *ctx, int64_t n, const double *A, const double *D, const double *input, double tau,
                          double *E, double *Q, double *c, double *M, double *X) {
    const int64_t n1 = n + 1, n2 = 2 * n;
    memset(M, 0, (size_t)(n1 * n1) * sizeof(double));
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < n; j++) M[i * n1 + j] = tau * A[i * n + j];
        M[i * n1 + n] = tau * input[i];
    }
    SX_TRY(ctx, sx_expm(ctx, n1, M, X)); /* [[E, c], [0, 1]] */
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < n; j++) E[i * n + j] = X[i * n1 + j];
        c[i] = SX_MUTANT(exact_mean) ? tau * input[i] : X[i * n1 + n];
    }
    memset(Q, 0, (size_t)(n * n) * sizeof(double));
    if (!D) return SX_OK;
    memset(M, 0, (size_t)(n2 * n2) * sizeof(double));
    const double twice = SX_MUTANT(noise_sqrt2) ? 1.0 : 2.0;
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < n; j++) {
            M[i * n2 + j] = -tau * A[i * n + j];
            M[i * n2 + n + j] = twice * tau * D[i * n + j];
            M[(n + i) * n2 + n + j] = tau * A[j * n + i];
        }
    }
    SX_TRY(ctx, sx_expm(ctx, n2, M, X)); /* [[., E^-1 Q], [0, E^T]] */
    sx_gemm(false, false, n, n, n, 1.0, E, n, X + n, n2, 0.0, Q, n);
    return SX_OK;
}

/* One doubling of (E, Q, c); M, X: n x n. */
static void double_step(int64_t n, double *E, double *Q, double *c, double *M, double *X) {
    sx_gemm(false, false, n, n, n, 1.0, E, n, Q, n, 0.0, M, n);
    sx_gemm(false, true, n, n, n, 1.0, M, n, E, n, 1.0, Q, n);
    sx_gemm(false, false, n, 1, n, 1.0, E, n, c, 1, 0.0, X, 1);
    for (int64_t i = 0; i < n; i++) c[i] += X[i];
    sx_gemm(false, false, n, n, n, 1.0, E, n, E, n, 0.0, M, n);
    memcpy(E, M, (size_t)(n * n) * sizeof(double));
}

/* D = B B^T of constant noise, from B applied to the unit vectors. column: n numbers; unit: rank numbers. */
static void read_diffusion(const sx_stepper *s, double *D, double *column, double *unit, const double *x, sx_work w) {
    const sx_noise *noise = sx_model_noise(s->m);
    const int64_t n = s->n, rank = sx_noise_rank(noise);
    memset(unit, 0, (size_t)rank * sizeof(double));
    for (int64_t k = 0; k < rank; k++) {
        unit[k] = 1.0;
        sx_noise_operations(noise)->B(sx_noise_self(noise), 0.0, sx_as_cbatch_(x, n, 1), sx_as_cbatch_(unit, rank, 1),
                                      sx_as_batch_(column, n, 1), w);
        unit[k] = 0.0;
        for (int64_t i = 0; i < n; i++) {
            if (column[i] == 0.0) continue;
            for (int64_t j = 0; j < n; j++) D[i * n + j] += column[i] * column[j];
        }
    }
}

sx_status sx_exact_prepare_(sx_ctx *ctx, sx_stepper *s) {
    const int64_t n = s->n, rank = sx_noise_rank(sx_model_noise(s->m));
    const bool noisy = s->cls != SX_NOISE_NONE;
    double *A = NULL, *D = NULL, *M = NULL, *X = NULL, *p = NULL;
    int64_t nn = 0, block = 0;
    sx_status status;
    sx_work w = { NULL, sx_model_work(s->m, 1), NULL, 0 };
    SX_GO(ctx, status, done, sx_mul_size(ctx, n, n, &nn));
    SX_GO(ctx, status, done, sx_mul_size(ctx, nn, 4, &block));
    if (block < (n + 1) * (n + 1)) block = (n + 1) * (n + 1);
    SX_GO(ctx, status, done, sx_alloc(ctx, w.doubles, sizeof(double), &w.p));
    SX_GO(ctx, status, done, sx_alloc(ctx, nn, sizeof(double), &A));
    SX_GO(ctx, status, done, sx_alloc(ctx, nn, sizeof(double), &D));
    SX_GO(ctx, status, done, sx_alloc(ctx, block, sizeof(double), &M));
    SX_GO(ctx, status, done, sx_alloc(ctx, block, sizeof(double), &X));
    SX_GO(ctx, status, done, sx_alloc(ctx, 4 * n + rank, sizeof(double), &p));
    SX_GO(ctx, status, done, sx_alloc(ctx, nn, sizeof(double), &s->E));
    SX_GO(ctx, status, done, sx_alloc(ctx, nn, sizeof(double), &s->L));
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof(double), &s->c));
    double *input = p, *spare = p + n;
    SX_GO(ctx, status, done, read_linear(ctx, s, A, input, spare, w));
    if (noisy) read_diffusion(s, D, spare, spare + 3 * n, input, w);

    /* halve until |A| h <= 1/2 in the maximum row sum */
    double norm = 0;
    for (int64_t i = 0; i < n; i++) {
        double sum = 0;
        for (int64_t j = 0; j < n; j++) sum += fabs(A[i * n + j]);
        norm = fmax(norm, sum);
    }
    int halvings = 0;
    for (double size = norm * s->h; size > 0.5 && halvings < 1000; size /= 2) halvings++;
    SX_GO(ctx, status, done,
          van_loan(ctx, n, A, noisy ? D : NULL, input, ldexp(s->h, -halvings), s->E, s->L, s->c, M, X));
    for (int k = 0; k < halvings; k++) double_step(n, s->E, s->L, s->c, M, X);
    if (sx_kernels_get(NULL)->nonfinite(nn, s->E) || s->k->nonfinite(nn, s->L)) {
        status = SX_FAIL(ctx, SX_E_NUMERIC, "method = exact: e^{A h} overflows at h = %g: want a smaller dt", s->h);
        goto done;
    }
    semidefinite_cholesky(n, s->L);
    s->exact_diagonal = diagonal(n, s->E) && diagonal(n, s->L);
    if (s->exact_diagonal) { /* keep the diagonals, packed */
        for (int64_t i = 0; i < n; i++) {
            s->E[i] = s->E[i * n + i];
            s->L[i] = s->L[i * n + i];
        }
    }
    s->rank = noisy ? n : 0;
    status = SX_OK;
done:
    sx_free(ctx, w.p);
    sx_free(ctx, A);
    sx_free(ctx, D);
    sx_free(ctx, M);
    sx_free(ctx, X);
    sx_free(ctx, p);
    return status;
}

typedef struct panel_args {
    const sx_stepper *s;
    sx_batch x;
    const double *normals;
    double *y;
    int64_t rows;
} panel_args;

/* Rows of y = E x + L n + c. */
static void panel(void *arg, int64_t i) {
    const panel_args *a = arg;
    const sx_stepper *s = a->s;
    const int64_t n = s->n, b = a->x.b, first = i * a->rows, rows = n - first < a->rows ? n - first : a->rows;
    double *y = a->y + first * b;
    if (n <= OWN_PRODUCT_LIMIT) {
        s->k->gemm(rows, n, b, 1.0, s->E + first * n, n, a->x.x, 0.0, y);
        if (a->normals) s->k->gemm(rows, n, b, 1.0, s->L + first * n, n, a->normals, 1.0, y);
    } else {
        sx_gemm(false, false, rows, b, n, 1.0, s->E + first * n, n, a->x.x, b, 0.0, y, b);
        if (a->normals) sx_gemm(false, false, rows, b, n, 1.0, s->L + first * n, n, a->normals, b, 1.0, y, b);
    }
    for (int64_t u = 0; u < rows; u++)
        for (int64_t r = 0; r < b; r++) y[u * b + r] += s->c[first + u];
}

void sx_step_exact_(const sx_stepper *s, double t, sx_batch x, const double *n1, const double *n2, double *p,
                    sx_work w) {
    const int64_t n = s->n, b = x.b;
    (void)t;
    (void)n2;
    if (s->exact_diagonal) {
        s->k->scale_rows(n, b, s->E, x.x, x.x);
        if (n1) s->k->axpy_rows(n, b, s->L, n1, x.x);
        for (int64_t u = 0; u < n; u++)
            for (int64_t r = 0; r < b; r++) x.x[u * b + r] += s->c[u];
        return;
    }
    const int64_t rows = sx_model_panel(s->m);
    panel_args a = { s, x, n1, p, rows };
    sx_exec_for(w.exec, (n + rows - 1) / rows, panel, &a);
    memcpy(x.x, p, (size_t)(n * b) * sizeof(double));
}
