// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* A metric that learns the geometry of a potential: dG/dt = H - G from G = 1, H the Hessian of the potential. A unit of `rate` is a unit of time and the step is
 * exact, G -> H + e^-rate (G - H). The relaxation rates at a minimum are the eigenvalues of G^-1 H; one of H's eigenvalues h belongs to
 *     h / (h + (1 - h) e^-t),
 * so all rates go to 1: steps along the natural gradient (Amari, Neural Comput. 10 (1998) 251) relax all directions alike. */
#include "learn_private.h"

#include "core/linalg.h"

#include <math.h>
#include <string.h>

/* Column j: (8 (g(x + h e_j) - g(x - h e_j)) - (g(x + 2 h e_j) - g(x - 2 h e_j))) / 12 h; the error is of order h^4. */
sx_status sx_learn_hessian(sx_ctx *ctx, sx_learner *l) {
    const sx_model_ops *ops = sx_model_operations(l->model);
    const void *self = sx_model_self(l->model);
    const int64_t n = l->n, P = l->patterns > 0 ? l->patterns : 1;
    double *x = NULL, *g = NULL, *scratch = NULL;
    sx_status status;
    if (!ops->gradient)
        return SX_FAIL(ctx, SX_E_UNSUPPORTED, "learn.rule = \"metric\" follows a potential; the model '%s' states none",
                       sx_model_name(l->model));
    int64_t need = ops->work(self, SX_OP_GRADIENT, 4);
    SX_GO(ctx, status, done, sx_alloc(ctx, n * n, sizeof *l->target, &l->target));
    SX_GO(ctx, status, done, sx_alloc(ctx, 4 * n, sizeof *x, &x));
    SX_GO(ctx, status, done, sx_alloc(ctx, 4 * n, sizeof *g, &g));
    SX_GO(ctx, status, done, sx_alloc(ctx, need, sizeof *scratch, &scratch));
    for (int64_t k = 0; k < P; k++)
        for (int64_t j = 0; j < n; j++) {
            static const double steps[4] = { 1, -1, 2, -2 };
            double at = l->patterns > 0 ? l->x[k * n + j] : 0, h = 0x1p-10 * fmax(1, fabs(at));
            for (int64_t i = 0; i < n; i++)
                for (int c = 0; c < 4; c++)
                    x[4 * i + c] = (l->patterns > 0 ? l->x[k * n + i] : 0) + (i == j ? steps[c] * h : 0);
            ops->gradient(self, 0, (sx_cbatch){ x, n, 4 }, (sx_batch){ g, n, 4 },
                          (sx_work){ .p = scratch, .doubles = need });
            for (int64_t i = 0; i < n; i++)
                l->target[i * n + j] +=
                    (8 * (g[4 * i] - g[4 * i + 1]) - (g[4 * i + 2] - g[4 * i + 3])) / (12 * h * (double)P);
        }
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < i; j++)
            l->target[i * n + j] = l->target[j * n + i] = (l->target[i * n + j] + l->target[j * n + i]) / 2;
done:
    sx_free(ctx, scratch);
    sx_free(ctx, g);
    sx_free(ctx, x);
    return status;
}

void sx_learn_metric(const sx_learner *l, double *G) {
    const double keep = exp(-l->o.rate);
    for (int64_t i = 0; i < l->n; i++)
        for (int64_t j = 0; j < l->n; j++) {
            double H = l->target[i * l->n + j], *g = &G[i * l->ld + j];
            *g = H + keep * (*g - H);
        }
}

/* Eigenvalues of L^-1 H L^-T, G = L L^T. */
sx_status sx_learn_rates(sx_ctx *ctx, const sx_learner *l, const double *G, double *rates) {
    const int64_t n = l->n;
    double *A = NULL, *L = NULL, *Y = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, n * n, sizeof *A, &A));
    SX_GO(ctx, status, done, sx_alloc(ctx, n * n, sizeof *L, &L));
    SX_GO(ctx, status, done, sx_alloc(ctx, n * n, sizeof *Y, &Y));
    for (int64_t i = 0; i < n; i++) memcpy(A + i * n, G + i * l->ld, (size_t)n * sizeof *A);
    SX_GO(ctx, status, done, sx_cholesky(ctx, n, A, L));
    SX_GO(ctx, status, done, sx_solve(ctx, n, n, L, l->target, Y));
    for (int64_t i = 0; i < n; i++) /* Y^T = H L^-T */
        for (int64_t j = 0; j < n; j++) A[i * n + j] = Y[j * n + i];
    SX_GO(ctx, status, done, sx_solve(ctx, n, n, L, A, Y));
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < i; j++) Y[i * n + j] = Y[j * n + i] = (Y[i * n + j] + Y[j * n + i]) / 2;
    SX_GO(ctx, status, done, sx_symmetric_eigen(ctx, n, Y, rates, NULL));
done:
    sx_free(ctx, Y);
    sx_free(ctx, L);
    sx_free(ctx, A);
    return status;
}
