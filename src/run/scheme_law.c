// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
#include "run/scheme_law.h"

#include "core/mutant.h"

#include "core/linalg.h"

#include <string.h>

static sx_batch batch(double *x, int64_t n, int64_t b) {
    return (sx_batch){ x, n, b };
}

void sx_scheme_free(sx_ctx *ctx, sx_scheme *s) {
    sx_free(ctx, s->M);
    sx_free(ctx, s->m);
    sx_free(ctx, s->N1);
    sx_free(ctx, s->N2);
    memset(s, 0, sizeof *s);
}

/* Columns 0..n-1: unit states, column n: the origin; no noise. Then unit normals of each set from the origin. x: [n][b], w: [2 rank][b] */
static sx_status drive(sx_ctx *ctx, const sx_stepper *stepper, sx_scheme *s, int64_t b, double *x, double *w,
                       sx_work wk) {
    int64_t n = s->n, rank = s->rank;
    double *z = w + rank * b;
    for (int64_t u = 0; u < n; u++) x[u * b + u] = 1;
    SX_TRY(ctx, sx_stepper_step_with(ctx, stepper, 0, batch(x, n, b), (sx_cbatch){ w, rank, b },
                                     (sx_cbatch){ z, rank, b }, wk));
    for (int64_t u = 0; u < n; u++) {
        s->m[u] = x[u * b + n];
        for (int64_t v = 0; v < n; v++) s->M[u * n + v] = x[u * b + v] - s->m[u];
    }
    for (int set = 0; set < 2; set++) {
        double *N = set ? s->N2 : s->N1;
        memset(x, 0, sizeof(double) * (size_t)(n * b));
        memset(w, 0, sizeof(double) * (size_t)(2 * rank * b));
        for (int64_t k = 0; k < rank; k++) (set ? z : w)[k * b + k] = 1;
        SX_TRY(ctx, sx_stepper_step_with(ctx, stepper, 0, batch(x, n, b), (sx_cbatch){ w, rank, b },
                                         (sx_cbatch){ z, rank, b }, wk));
        for (int64_t u = 0; u < n; u++)
            for (int64_t k = 0; k < rank; k++) N[u * rank + k] = x[u * b + k] - s->m[u];
    }
    return SX_OK;
}

sx_status sx_scheme_read(sx_ctx *ctx, const sx_stepper *stepper, int64_t n, sx_scheme *out) {
    sx_scheme s = { .n = n,
                    .rank = sx_stepper_normals(stepper),
                    .shared = sx_stepper_method(stepper) == SX_METHOD_LEIMKUHLER_MATTHEWS };
    int64_t b = ((n + 1 > s.rank ? n + 1 : s.rank) + 7) / 8 * 8, work = sx_stepper_work(stepper, b);
    double *x = NULL, *w = NULL, *scratch = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, n * n, sizeof *s.M, &s.M));
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *s.m, &s.m));
    SX_GO(ctx, status, done, sx_alloc(ctx, n * s.rank, sizeof *s.N1, &s.N1));
    SX_GO(ctx, status, done, sx_alloc(ctx, n * s.rank, sizeof *s.N2, &s.N2));
    SX_GO(ctx, status, done, sx_alloc(ctx, n * b, sizeof *x, &x));
    SX_GO(ctx, status, done, sx_alloc(ctx, 2 * s.rank * b, sizeof *w, &w));
    SX_GO(ctx, status, done, sx_alloc(ctx, work, sizeof *scratch, &scratch));
    SX_GO(ctx, status, done, drive(ctx, stepper, &s, b, x, w, (sx_work){ .p = scratch, .doubles = work }));
    *out = s;
    memset(&s, 0, sizeof s);
done:
    sx_free(ctx, scratch);
    sx_free(ctx, w);
    sx_free(ctx, x);
    sx_scheme_free(ctx, &s);
    return status;
}

/* mean = (1 - M)^-1 m,   C = M C M^T + S,   S = N1 N1^T + N2 N2^T.
 * Shared normals: x_k holds N2 n1_k already, so <x_k n1_k^T> = N2: S grows by M N2 N1^T and its transpose, <x_{k+1} x_k^T> = M C + N1 N2^T. */
sx_status sx_scheme_stationary(sx_ctx *ctx, const sx_scheme *s, double *mean, double *C, double *next) {
    int64_t n = s->n, nn = n * n, rank = s->rank;
    double *p = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, 3 * nn, sizeof *p, &p));
    double *A = p, *S = p + nn, *cross = p + 2 * nn;
    if (mean) {
        for (int64_t k = 0; k < nn; k++) A[k] = (k % (n + 1) == 0) - s->M[k];
        SX_GO(ctx, status, done, sx_solve(ctx, n, 1, A, s->m, mean));
    }
    sx_gemm(false, true, n, n, rank, 1, s->N1, rank, s->N1, rank, 0, S, n);
    sx_gemm(false, true, n, n, rank, SX_MUTANT(scheme_second) ? 0 : 1, s->N2, rank, s->N2, rank, 1, S, n);
    if (s->shared) {
        sx_gemm(false, true, n, n, rank, 1, s->N2, rank, s->N1, rank, 0, cross, n);
        sx_gemm(false, false, n, n, n, 1, s->M, n, cross, n, 0, A, n);
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < n; j++) S[i * n + j] += A[i * n + j] + A[j * n + i];
    }
    SX_GO(ctx, status, done, sx_stein(ctx, n, s->M, S, A));
    if (next) {
        if (s->shared) sx_gemm(false, true, n, n, rank, 1, s->N1, rank, s->N2, rank, 0, next, n);
        sx_gemm(false, false, n, n, n, 1, s->M, n, A, n, s->shared ? 1 : 0, next, n);
    }
    if (C) memcpy(C, A, (size_t)nn * sizeof *C);
done:
    sx_free(ctx, p);
    return status;
}
