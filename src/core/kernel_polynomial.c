// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Kernel polynomial method (Weisse et al., Rev. Mod. Phys. 78 (2006) 275): with A~ = (2 A - (a + b)) / (b - a) and v_k = T_k(A~) z,
 *     v_{k+1} = 2 A~ v_k - v_{k-1},   mu_{2k} = 2 v_k.v_k - mu_0,   mu_{2k+1} = 2 v_{k+1}.v_k - mu_1,
 *     rho(x) = [g_0 mu_0 + 2 sum_k g_k mu_k cos(k acos x)] / (pi sqrt(1 - x^2)),
 *     F(x) = mu_0 (1 - acos(x)/pi) - (2/pi) sum_k g_k mu_k sin(k acos x)/k, Jackson's g. */
#include "core/spectral_density.h"

#include "core/krylov_basis.h"
#include "core/mutant.h"
#include "core/stats.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static const double pi = 3.14159265358979323846;

enum { COLUMNS = 8 };

sx_status sx_spectral_bounds(sx_ctx *ctx, const sx_operator *a, int steps, sx_key key, double *lower, double *upper) {
    sx_quadrature q = { 0 };
    SX_RUN(ctx, sx_quadrature_create(ctx, a, 1, steps > 0 ? steps : 40, key, &q));
    int last = q.size[0] - 1;
    double low = q.node[0] - q.residual[0], high = q.node[last] + q.residual[last];
    double margin = 0.01 * (high - low);
    if (!(margin > 0)) margin = 0.01 * fmax(fabs(low), 1e-300); /* a multiple of the identity */
    sx_quadrature_free(ctx, &q);
    *lower = low - margin;
    *upper = high + margin;
    return SX_OK;
}

/* -- moments -------------------------------------------------------------------------------------------------------------------------------- */

/* older <- p y + q now + r older, with the sums now.now' and now'.now' (now' the new vector), per column */
typedef struct update {
    int64_t n, b;
    double p, q, r;
    const double *y, *now;
    double *older, *partial; /* [chunks][2][b] */
} update;

static sx_status update_chunk(sx_ctx *child, int64_t i, int worker, void *arg) {
    (void)child, (void)worker;
    const update *w = arg;
    int64_t first = i * SX_BASIS_CHUNK, last = first + SX_BASIS_CHUNK < w->n ? first + SX_BASIS_CHUNK : w->n;
    double cross[COLUMNS] = { 0 }, square[COLUMNS] = { 0 };
    for (int64_t u = first; u < last; ++u)
        for (int64_t c = 0; c < w->b; ++c) {
            int64_t k = u * w->b + c;
            double next = w->p * w->y[k] + w->q * w->now[k] + w->r * w->older[k];
            w->older[k] = next;
            cross[c] += next * w->now[k];
            square[c] += next * next;
        }
    memcpy(w->partial + 2 * i * w->b, cross, (size_t)w->b * sizeof(double));
    memcpy(w->partial + (2 * i + 1) * w->b, square, (size_t)w->b * sizeof(double));
    return SX_OK;
}

static sx_status step(sx_ctx *ctx, update *w, double *cross, double *square) {
    int64_t chunks = (w->n + SX_BASIS_CHUNK - 1) / SX_BASIS_CHUNK;
    SX_TRY(ctx, sx_chunks_run(ctx, chunks, update_chunk, w));
    for (int64_t c = 0; c < w->b; ++c) cross[c] = square[c] = 0;
    for (int64_t i = 0; i < chunks; ++i)
        for (int64_t c = 0; c < w->b; ++c) {
            cross[c] += w->partial[2 * i * w->b + c];
            square[c] += w->partial[(2 * i + 1) * w->b + c];
        }
    return SX_OK;
}

/* b probes from `first` on; block: [4][n][COLUMNS] */
static sx_status probe_moments(sx_ctx *ctx, const sx_operator *a, const sx_moments *m, int first, int b, sx_key key,
                               double *block, double *partial) {
    const int64_t n = a->n, cells = n * b;
    double *older = block, *now = block + n * COLUMNS, *y = now + n * COLUMNS;
    double cross[COLUMNS], square[COLUMNS], scale = 2 / (m->upper - m->lower),
                                            shift = -0.5 * (m->lower + m->upper) * scale;
    int64_t products = 0;
    sx_uniform_fill(key, 0, SX_SLOT_INITIAL, first, n, b, now);
    for (int64_t k = 0; k < cells; ++k) now[k] = now[k] < 0.5 ? -1 : 1;
    update w = {
        .n = n, .b = b, .p = scale, .q = shift, .r = 0, .y = y, .now = now, .older = older, .partial = partial
    };
    memset(older, 0, (size_t)cells * sizeof *older);
    for (int k = 0; 2 * k < m->moments; ++k) { /* now = v_k; older becomes v_{k+1} */
        SX_RUN(ctx, sx_operator_apply_block(ctx, a, false, b, now, y, &products));
        SX_TRY(ctx, step(ctx, &w, cross, square));
        for (int c = 0; c < b; ++c) {
            double *mu = m->mu + (int64_t)(first + c) * m->moments;
            if (k == 0) mu[0] = 1;
            mu[2 * k + 1] = k == 0 ? cross[c] / (double)n : 2 * cross[c] / (double)n - mu[1];
            if (2 * k + 2 < m->moments) mu[2 * k + 2] = 2 * square[c] / (double)n - mu[0];
        }
        double *swap = older;
        older = now;
        now = swap;
        w.now = now;
        w.older = older;
        w.p = 2 * scale;
        w.q = 2 * shift;
        w.r = -1;
    }
    return SX_OK;
}

/* |mu_k| <= 1 as long as the spectrum lies inside of the bounds; outside the polynomials explode. */
static bool bounded(const sx_moments *m) {
    for (int64_t k = 0; k < (int64_t)m->probes * m->moments; ++k)
        if (!(fabs(m->mu[k]) <= 1 + 1e-6)) return false;
    return true;
}

sx_status sx_moments_create(sx_ctx *ctx, const sx_operator *a, int probes, int moments, double lower, double upper,
                            sx_key key, sx_moments *out) {
    sx_moments m = {
        .probes = probes > 0 ? probes : 16, .moments = moments > 0 ? moments : 512, .lower = lower, .upper = upper
    };
    double *block = NULL, *partial = NULL;
    sx_status status;
    const bool given = lower < upper;
    if (m.moments < 2 || m.moments % 2) return SX_FAIL(ctx, SX_E_USAGE, "%d moments: want an even number", m.moments);
    int columns = a->block > 0 && a->block < COLUMNS ? (int)a->block : COLUMNS;
    if (!given)
        SX_RUN_GO(ctx, status, done,
                  sx_spectral_bounds(ctx, a, 0, sx_key_derive(key, "bounds", 0), &m.lower, &m.upper));
    int64_t numbers, chunks = (a->n + SX_BASIS_CHUNK - 1) / SX_BASIS_CHUNK;
    SX_GO(ctx, status, done, sx_mul_size(ctx, a->n, 3 * COLUMNS, &numbers));
    SX_GO(ctx, status, done, sx_alloc(ctx, numbers, sizeof *block, &block));
    SX_GO(ctx, status, done, sx_alloc(ctx, 2 * chunks * COLUMNS, sizeof *partial, &partial));
    SX_GO(ctx, status, done, sx_alloc(ctx, (int64_t)m.probes * m.moments, sizeof *m.mu, &m.mu));
    for (int attempt = 0;; ++attempt) {
        for (int first = 0; first < m.probes; first += columns) {
            int b = m.probes - first < columns ? m.probes - first : columns;
            SX_RUN_GO(ctx, status, done, probe_moments(ctx, a, &m, first, b, key, block, partial));
        }
        if (bounded(&m)) break;
        if (given || attempt == 5) {
            status = SX_FAIL(ctx, SX_E_NUMERIC, "kernel polynomials: eigenvalues outside of the bounds %g to %g",
                             m.lower, m.upper);
            goto done;
        }
        double margin = 0.05 * (m.upper - m.lower);
        m.lower -= margin;
        m.upper += margin;
    }
    *out = m;
    m.mu = NULL;
done:
    sx_free(ctx, m.mu);
    sx_free(ctx, partial);
    sx_free(ctx, block);
    return status;
}

void sx_moments_free(sx_ctx *ctx, sx_moments *m) {
    sx_free(ctx, m->mu);
    memset(m, 0, sizeof *m);
}

/* -- density ---------------------------------------------------------------------------------------------------------------------------------- */

/* factors[k] at one point: the estimate of a probe is their product with its moments */
static void factors_at(const sx_moments *m, double x, bool cumulative, double *factors) {
    const int M = m->moments;
    double t = (2 * x - m->lower - m->upper) / (m->upper - m->lower);
    if (!(t > -1 && t < 1)) {
        memset(factors, 0, (size_t)M * sizeof *factors);
        factors[0] = cumulative && t >= 1;
        return;
    }
    double theta = acos(t), front = 2 / (m->upper - m->lower) / (pi * sqrt((1 - t) * (1 + t))), unit = pi / (M + 1);
    for (int k = 0; k < M; ++k) {
        double g = ((M - k + 1) * cos(unit * k) + sin(unit * k) / tan(unit)) / (M + 1);
        if (cumulative)
            factors[k] =
                k == 0 ? 1 - theta / pi : (SX_MUTANT(moments_kernel) ? 0.9 : 1) * -2 * g * sin(k * theta) / (pi * k);
        else
            factors[k] = front * g * (k == 0 ? 1 : 2 * cos(k * theta));
    }
}

static sx_status evaluate(sx_ctx *ctx, const sx_moments *m, bool cumulative, int64_t points, const double *x,
                          double *value, double *se) {
    double *factors;
    SX_TRY(ctx, sx_alloc(ctx, m->moments + m->probes, sizeof *factors, &factors));
    double *of_probe = factors + m->moments;
    for (int64_t i = 0; i < points; ++i) {
        factors_at(m, x[i], cumulative, factors);
        for (int p = 0; p < m->probes; ++p) {
            const double *mu = m->mu + (int64_t)p * m->moments;
            of_probe[p] = 0;
            for (int k = 0; k < m->moments; ++k) of_probe[p] += factors[k] * mu[k];
        }
        double error;
        sx_mean_se(m->probes, of_probe, &value[i], se ? &se[i] : &error);
    }
    sx_free(ctx, factors);
    return SX_OK;
}

sx_status sx_moments_density(sx_ctx *ctx, const sx_moments *m, int64_t points, const double *x, double *density,
                             double *se) {
    return evaluate(ctx, m, false, points, x, density, se);
}

sx_status sx_moments_cumulative(sx_ctx *ctx, const sx_moments *m, int64_t points, const double *x, double *cumulative,
                                double *se) {
    return evaluate(ctx, m, true, points, x, cumulative, se);
}
