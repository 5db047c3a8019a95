// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Stochastic Lanczos quadrature (S. Ubaru, J. Chen, Y. Saad, SIAM J. Matrix Anal. Appl. 38 (2017) 1075): m Lanczos steps from q_1 = z/|z| give a
 * tridiagonal T = Y diag(theta) Y^T whose Ritz values are the nodes and (e_1.y_k)^2 the weights of the Gauss rule of z's spectral measure. */
#include "core/spectral_density.h"

#include "core/krylov_basis.h"
#include "core/mutant.h"
#include "core/stats.h"

#include <float.h>
#include <inttypes.h>
#include <lapacke.h>
#include <math.h>
#include <string.h>

void sx_quadrature_free(sx_ctx *ctx, sx_quadrature *q) {
    sx_free(ctx, q->size);
    sx_free(ctx, q->node);
    sx_free(ctx, q->weight);
    sx_free(ctx, q->residual);
    memset(q, 0, sizeof *q);
}

/* Nodes of one probe from its tridiagonal matrix: alpha [size], beta [size] with the last one the coupling to what is left out. */
static sx_status gauss_rule(sx_ctx *ctx, sx_quadrature *q, int probe, int size, double *alpha, double *beta, double *Z,
                            double *work) {
    double *node = q->node + (int64_t)probe * q->steps, *weight = q->weight + (int64_t)probe * q->steps;
    double *residual = q->residual + (int64_t)probe * q->steps, rest = beta[size - 1];
    lapack_int info = LAPACKE_dsteqr_work(LAPACK_COL_MAJOR, 'I', size, alpha, beta, Z, size, work);
    if (info) return SX_FAIL(ctx, SX_E_NUMERIC, "dsteqr did not converge (info %d)", (int)info);
    for (int k = 0; k < size; ++k) {
        double first = Z[(int64_t)k * size], last = Z[size - 1 + (int64_t)k * size];
        node[k] = alpha[k];
        weight[k] = SX_MUTANT(quadrature_weight) ? 1.0 / size : first * first;
        residual[k] = fabs(rest * last);
    }
    q->size[probe] = size;
    return SX_OK;
}

/* of one group of probes that go through the operator together */
typedef struct group {
    int b;
    sx_basis basis;
    double *V;            /* [b][steps + 1][n] */
    double *x, *y;        /* [n][b] */
    double *alpha, *beta; /* [b][steps] */
    double *h, *Z, *work;
    int *size; /* [b] 0 while the probe goes on */
} group;

static sx_status run_group(sx_ctx *ctx, const sx_operator *a, group *g, sx_quadrature *q, int first, sx_key key) {
    const int64_t n = a->n, b = g->b, m = q->steps;
    int64_t products = 0;
    sx_uniform_fill(key, 0, SX_SLOT_INITIAL, first, n, b, g->x);
    for (int64_t k = 0; k < n * b; ++k) g->x[k] = (g->x[k] < 0.5 ? -1 : 1) / sqrt((double)n);
    for (int64_t c = 0; c < b; ++c) {
        g->size[c] = 0;
        for (int64_t u = 0; u < n; ++u) g->V[c * (m + 1) * n + u] = g->x[u * b + c];
    }
    for (int64_t j = 0; j < m; ++j) {
        SX_RUN(ctx, sx_operator_apply_block(ctx, a, false, b, g->x, g->y, &products));
        for (int64_t c = 0; c < b; ++c) {
            if (g->size[c]) continue;
            double *V = g->V + c * (m + 1) * n, *w = V + (j + 1) * n, *alpha = g->alpha + c * m,
                   *beta = g->beta + c * m;
            for (int64_t u = 0; u < n; ++u) w[u] = g->y[u * b + c];
            double length = sx_basis_norm(&g->basis, w);
            SX_TRY(ctx, sx_basis_orthogonalise(ctx, &g->basis, (int)j + 1, V, w, g->h));
            alpha[j] = g->h[j];
            beta[j] = sx_basis_norm(&g->basis, w);
            if (beta[j] <= 16 * DBL_EPSILON * length || j + 1 == n) { /* an invariant space: its nodes are exact */
                beta[j] = 0;
                g->size[c] = (int)j + 1;
                continue;
            }
            sx_basis_scale(&g->basis, 1 / beta[j], w);
            for (int64_t u = 0; u < n; ++u) g->x[u * b + c] = w[u];
        }
    }
    for (int64_t c = 0; c < b; ++c)
        SX_TRY(ctx, gauss_rule(ctx, q, first + (int)c, g->size[c] ? g->size[c] : (int)m, g->alpha + c * m,
                               g->beta + c * m, g->Z, g->work));
    return SX_OK;
}

sx_status sx_quadrature_create(sx_ctx *ctx, const sx_operator *a, int probes, int steps, sx_key key,
                               sx_quadrature *out) {
    sx_quadrature q = { .probes = probes > 0 ? probes : 16, .steps = steps > 0 ? steps : 120, .n = a->n };
    group g = { 0 };
    sx_status status;
    if (a->n < 1 || a->n > INT32_MAX)
        return SX_FAIL(ctx, SX_E_USAGE, "operator of size %" PRId64 ": want 1 to %d", a->n, INT32_MAX);
    if (q.steps > a->n) q.steps = (int)a->n;
    int64_t m = q.steps, vectors, together = (INT64_C(64) << 20) / (8 * (m + 1)) / a->n;
    together = together < 1 ? 1 : together > 8 ? 8 : together;
    if (a->block > 0 && together > a->block) together = a->block;
    g.b = (int)(together < q.probes ? together : q.probes);
    SX_GO(ctx, status, done, sx_basis_create(ctx, a->n, q.steps + 1, &g.basis));
    SX_GO(ctx, status, done, sx_mul_size(ctx, (m + 1) * g.b, a->n, &vectors));
    SX_GO(ctx, status, done, sx_alloc(ctx, vectors, sizeof *g.V, &g.V));
    SX_GO(ctx, status, done, sx_alloc(ctx, 2 * a->n * g.b, sizeof *g.x, &g.x));
    SX_GO(ctx, status, done, sx_alloc(ctx, 2 * m * g.b, sizeof *g.alpha, &g.alpha));
    SX_GO(ctx, status, done, sx_alloc(ctx, m + 1, sizeof *g.h, &g.h));
    SX_GO(ctx, status, done, sx_alloc(ctx, m * m, sizeof *g.Z, &g.Z));
    SX_GO(ctx, status, done, sx_alloc(ctx, 2 * m, sizeof *g.work, &g.work));
    SX_GO(ctx, status, done, sx_alloc(ctx, g.b, sizeof *g.size, &g.size));
    SX_GO(ctx, status, done, sx_alloc(ctx, q.probes, sizeof *q.size, &q.size));
    SX_GO(ctx, status, done, sx_alloc(ctx, q.probes * m, sizeof *q.node, &q.node));
    SX_GO(ctx, status, done, sx_alloc(ctx, q.probes * m, sizeof *q.weight, &q.weight));
    SX_GO(ctx, status, done, sx_alloc(ctx, q.probes * m, sizeof *q.residual, &q.residual));
    g.y = g.x + a->n * g.b;
    g.beta = g.alpha + m * g.b;
    const int width = g.b;
    for (int first = 0; first < q.probes; first += width) {
        g.b = q.probes - first < width ? q.probes - first : width;
        SX_RUN_GO(ctx, status, done, run_group(ctx, a, &g, &q, first, key));
    }
    *out = q;
    memset(&q, 0, sizeof q);
done:
    sx_quadrature_free(ctx, &q);
    sx_basis_free(ctx, &g.basis);
    sx_free(ctx, g.V);
    sx_free(ctx, g.x);
    sx_free(ctx, g.alpha);
    sx_free(ctx, g.h);
    sx_free(ctx, g.Z);
    sx_free(ctx, g.work);
    sx_free(ctx, g.size);
    return status;
}

/* -- what follows from the rules --------------------------------------------------------------------------------------------------------------- */

sx_status sx_quadrature_trace(sx_ctx *ctx, const sx_quadrature *q, double (*f)(double x, const void *arg),
                              const void *arg, double *mean, double *se) {
    double *of_probe, error;
    SX_TRY(ctx, sx_alloc(ctx, q->probes, sizeof *of_probe, &of_probe));
    for (int p = 0; p < q->probes; ++p)
        for (int k = 0; k < q->size[p]; ++k)
            of_probe[p] += q->weight[(int64_t)p * q->steps + k] * f(q->node[(int64_t)p * q->steps + k], arg);
    sx_mean_se(q->probes, of_probe, mean, se ? se : &error);
    sx_free(ctx, of_probe);
    return SX_OK;
}

static double decay(double x, const void *t) {
    return exp(-x * *(const double *)t);
}

sx_status sx_quadrature_kernel(sx_ctx *ctx, const sx_quadrature *q, int64_t lags, const double *t, double *kernel,
                               double *se) {
    for (int64_t i = 0; i < lags; ++i)
        SX_TRY(ctx, sx_quadrature_trace(ctx, q, decay, &t[i], &kernel[i], se ? &se[i] : NULL));
    return SX_OK;
}

/* The measure of a probe below x. Its true value at an inner node lies between the weights before it and those with it (Chebyshev, Markov and
 * Stieltjes); half of the node's weight is the best guess. A converged node is an eigenvalue: a step. */
static double below(const sx_quadrature *q, int p, double atom, double x) {
    const double *node = q->node + (int64_t)p * q->steps, *weight = q->weight + (int64_t)p * q->steps;
    const double *residual = q->residual + (int64_t)p * q->steps;
    double sum = 0, left = 0, at = 0; /* weight before node k; value just right of the node before, and where that is */
    for (int k = 0; k < q->size[p]; ++k) {
        bool step = residual[k] <= atom;
        double here = step ? sum : sum + 0.5 * weight[k];
        if (x < node[k]) return k == 0 ? 0 : left + (here - left) * (x - at) / (node[k] - at);
        sum += weight[k];
        left = step ? sum : here;
        at = node[k];
        if (x == at) return left;
    }
    return 1;
}

sx_status sx_quadrature_cumulative(sx_ctx *ctx, const sx_quadrature *q, int64_t points, const double *x,
                                   double *cumulative, double *se) {
    double *of_probe, *atom, error;
    SX_TRY(ctx, sx_alloc(ctx, 2 * (int64_t)q->probes, sizeof *of_probe, &of_probe));
    atom = of_probe + q->probes;
    for (int p = 0; p < q->probes; ++p) {
        const double *node = q->node + (int64_t)p * q->steps;
        atom[p] = 1e-6 * (node[q->size[p] - 1] - node[0]);
    }
    for (int64_t i = 0; i < points; ++i) {
        for (int p = 0; p < q->probes; ++p) of_probe[p] = below(q, p, atom[p], x[i]);
        sx_mean_se(q->probes, of_probe, &cumulative[i], se ? &se[i] : &error);
    }
    sx_free(ctx, of_probe);
    return SX_OK;
}

sx_status sx_quadrature_density(sx_ctx *ctx, const sx_quadrature *q, int64_t bins, const double *edges, double *density,
                                double *se) {
    double *of_probe, error;
    SX_TRY(ctx, sx_alloc(ctx, q->probes, sizeof *of_probe, &of_probe));
    for (int64_t i = 0; i < bins; ++i) {
        for (int p = 0; p < q->probes; ++p) {
            const double *node = q->node + (int64_t)p * q->steps;
            double atom = 1e-6 * (node[q->size[p] - 1] - node[0]);
            of_probe[p] = (below(q, p, atom, edges[i + 1]) - below(q, p, atom, edges[i])) / (edges[i + 1] - edges[i]);
        }
        sx_mean_se(q->probes, of_probe, &density[i], se ? &se[i] : &error);
    }
    sx_free(ctx, of_probe);
    return SX_OK;
}

/* Converged nodes in ascending order, by repeated search: there are few of them. */
sx_status sx_quadrature_atoms(sx_ctx *ctx, const sx_quadrature *q, double tolerance, int most, double *value,
                              double *weight, double *residual, int *count) {
    (void)ctx;
    double after = -INFINITY;
    int found = 0;
    while (found < most) {
        double next = INFINITY;
        for (int64_t i = 0; i < (int64_t)q->probes * q->steps; ++i)
            if (i % q->steps < q->size[i / q->steps] && q->residual[i] <= tolerance && q->node[i] > after &&
                q->node[i] < next)
                next = q->node[i];
        if (!(next < (double)INFINITY)) break;
        double best = INFINITY, sum = 0, last = next;
        for (int64_t i = 0; i < (int64_t)q->probes * q->steps; ++i) {
            if (i % q->steps >= q->size[i / q->steps] || q->residual[i] > tolerance || q->node[i] < next ||
                q->node[i] > next + 2 * tolerance)
                continue;
            sum += q->weight[i];
            last = fmax(last, q->node[i]);
            if (q->residual[i] < best) {
                best = q->residual[i];
                value[found] = q->node[i];
            }
        }
        weight[found] = sum / q->probes;
        residual[found] = best;
        after = last;
        ++found;
    }
    *count = found;
    return SX_OK;
}
