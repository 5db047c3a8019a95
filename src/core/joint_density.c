// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Density of eigenvalues of a non-normal operator in the plane. The logarithmic potential of the eigenvalues, Hermitised and regularised (V. L. Girko 1985;
 * J. Feinberg, A. Zee, Nucl. Phys. B 504 (1997) 579),
 *     U(z) = (1/2n) tr log(M^H M + eta^2),  M = z - A,      rho(z) = (1/2 pi) Laplacian U,
 * needs eigenvalues of Hermitian matrices only: it is stable where those of A are not. The trace: random probes v of unimodular numbers, for each
 * m steps of Golub-Kahan bidiagonalisation M V = P B; B^T B is the Jacobi matrix of the probe's spectral measure. The Gauss rule bounds the
 * quadrature of the logarithm from one side, the Gauss-Radau rule with a node at zero from the other: their mean is taken.
 * Same probes at all z, so that U is smooth in z; a Gaussian of width sigma on a grid of step sigma has its derivatives taken exactly:
 *     rho_sigma = (1/2 pi) (Laplacian G_sigma) * U. */
#include "core/spectral_density.h"

#include "core/krylov_basis.h"
#include "core/mutant.h"
#include "core/stats.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

static const double pi = 3.14159265358979323846;

/* lanes: pairs (z, probe) that share products, two columns each; PAD: half width of the smoothing kernel in cells; MARGIN: of the density around the box */
enum { LANES = 4, COLUMNS = 2 * LANES, PAD = 5, MARGIN = 3, OUTLINE = 60, LIMIT = 400000 };

/* -- Gauss rules ------------------------------------------------------------------------------------------------------------------------------ */

/* Eigenvalues d and first components w of the eigenvectors of a symmetric tridiagonal matrix: implicit QL as in Golub and Welsch, Math. Comp. 23 (1969) 221.
 * e [m]: e[i] couples i and i + 1; lost. False when it does not converge. */
static bool golub_welsch(int m, double *d, double *e, double *w) {
    for (int i = 0; i < m; ++i) w[i] = i == 0;
    e[m - 1] = 0;
    for (int l = 0; l < m; ++l)
        for (int sweep = 0;; ++sweep) {
            int k = l;
            while (k < m - 1 && fabs(e[k]) > DBL_EPSILON * (fabs(d[k]) + fabs(d[k + 1]))) ++k;
            if (k == l) break;
            if (sweep == 100) return false;
            double g = (d[l + 1] - d[l]) / (2 * e[l]), r = hypot(g, 1), s = 1, c = 1, p = 0;
            g = d[k] - d[l] + e[l] / (g + copysign(r, g));
            int i = k - 1;
            for (; i >= l; --i) {
                double f = s * e[i], b = c * e[i];
                r = hypot(f, g);
                e[i + 1] = r;
                if (r == 0) {
                    d[i + 1] -= p;
                    e[k] = 0;
                    break;
                }
                s = f / r;
                c = g / r;
                g = d[i + 1] - p;
                r = (d[i] - g) * s + 2 * c * b;
                p = s * r;
                d[i + 1] = g + p;
                g = c * r - b;
                f = w[i + 1];
                w[i + 1] = s * w[i] + c * f;
                w[i] = c * w[i] - s * f;
            }
            if (i >= l) continue;
            d[l] -= p;
            e[l] = g;
            e[k] = 0;
        }
    return true;
}

/* sum_k w_k^2 log(theta_k + eta^2) / 2 of the Jacobi matrix B^T B, B upper bidiagonal with `rows` rows (diagonal alpha, above it beta) and `columns` columns;
 * columns = rows + 1 has a node at zero. scratch [3][columns] */
static double log_rule(int rows, int columns, const double *alpha, const double *beta, double eta, double *scratch) {
    double *d = scratch, *e = scratch + columns, *w = e + columns, sum = 0;
    for (int i = 0; i < columns; ++i) {
        double a = i < rows ? alpha[i] : 0, b = i > 0 ? beta[i - 1] : 0;
        d[i] = a * a + b * b;
        e[i] = i < rows ? a * beta[i] : 0;
    }
    if (!golub_welsch(columns, d, e, w)) return (double)NAN;
    for (int i = 0; i < columns; ++i) sum += w[i] * w[i] * log(fmax(d[i], 0) + eta * eta);
    return 0.5 * sum;
}

/* -- bidiagonalisation of LANES operators z - A at once ------------------------------------------------------------------------------------------- */

typedef struct lanes {
    const sx_operator *a;
    int64_t n, chunks;
    int steps;
    double *v, *p,
        *y; /* [n][COLUMNS]: right and left vectors, a product; column 2 l and 2 l + 1 are Re and Im of lane l */
    double *partial;      /* [chunks][LANES] */
    double *alpha, *beta; /* [LANES][steps] */
    double *scratch;      /* [3][steps + 1] */
    double z_re[LANES], z_im[LANES];
    int64_t products;
} lanes;

/* x <- z w - y - c x per lane (conj(z) when conjugate), and |x|^2 in partial */
typedef struct turn {
    lanes *s;
    bool conjugate;
    const double *w, *c;
    double *x;
} turn;

static sx_status turn_chunk(sx_ctx *child, int64_t i, int worker, void *arg) {
    (void)child, (void)worker;
    const turn *t = arg;
    lanes *s = t->s;
    int64_t first = i * SX_BASIS_CHUNK, last = first + SX_BASIS_CHUNK < s->n ? first + SX_BASIS_CHUNK : s->n;
    double sum[LANES] = { 0 }, sign = t->conjugate ? -1 : 1;
    for (int64_t u = first; u < last; ++u)
        for (int l = 0; l < LANES; ++l) {
            int64_t k = u * COLUMNS + 2 * l;
            double zr = s->z_re[l], zi = sign * s->z_im[l], re = t->w[k], im = t->w[k + 1];
            double a = zr * re - zi * im - s->y[k] - t->c[l] * t->x[k];
            double b = zr * im + zi * re - s->y[k + 1] - t->c[l] * t->x[k + 1];
            t->x[k] = a;
            t->x[k + 1] = b;
            sum[l] += a * a + b * b;
        }
    memcpy(s->partial + i * LANES, sum, sizeof sum);
    return SX_OK;
}

typedef struct scaling {
    lanes *s;
    const double *c;
    double *x;
} scaling;

static sx_status scale_chunk(sx_ctx *child, int64_t i, int worker, void *arg) {
    (void)child, (void)worker;
    const scaling *t = arg;
    int64_t first = i * SX_BASIS_CHUNK, last = first + SX_BASIS_CHUNK < t->s->n ? first + SX_BASIS_CHUNK : t->s->n;
    for (int64_t k = first * COLUMNS; k < last * COLUMNS; ++k) t->x[k] *= t->c[k % COLUMNS / 2];
    return SX_OK;
}

/* x <- normalised (z - A) w - c x, or with the adjoint; its length before in length [LANES] */
static sx_status advance(sx_ctx *ctx, lanes *s, bool adjoint, const double *w, const double *c, double *x,
                         double *length) {
    SX_RUN(ctx, sx_operator_apply_block(ctx, s->a, adjoint, COLUMNS, w, s->y, &s->products));
    turn t = { s, adjoint, w, c, x };
    SX_TRY(ctx, sx_chunks_run(ctx, s->chunks, turn_chunk, &t));
    double inverse[LANES];
    for (int l = 0; l < LANES; ++l) {
        double sum = 0;
        for (int64_t i = 0; i < s->chunks; ++i) sum += s->partial[i * LANES + l];
        length[l] = sqrt(sum);
        inverse[l] = sum > 0 ? 1 / length[l] : 0; /* an invariant space: zeros from here on */
    }
    scaling r = { s, inverse, x };
    return sx_chunks_run(ctx, s->chunks, scale_chunk, &r);
}

/* Unimodular probes 1, i, -1, -i from the key: unit vectors in column pairs. */
static void fill_probe(lanes *s, int lane, int probe, sx_key key, double *uniform) {
    double length = 1 / sqrt((double)s->n);
    sx_uniform_fill(key, 0, SX_SLOT_INITIAL, SX_MUTANT(joint_one_probe) ? 0 : probe, s->n, 1, uniform);
    for (int64_t u = 0; u < s->n; ++u) {
        int quarter = (int)(4 * uniform[u]);
        s->v[u * COLUMNS + 2 * lane] = quarter == 0 ? length : quarter == 2 ? -length : 0;
        s->v[u * COLUMNS + 2 * lane + 1] = quarter == 1 ? length : quarter == 3 ? -length : 0;
    }
}

/* U of the present lanes: p_1 = M v_1 / alpha_1, then v_{j+1} = (M^H p_j - alpha_j v_j)/beta_j and p_{j+1} = (M v_{j+1} - beta_j p_j)/alpha_{j+1}. */
static sx_status potentials(sx_ctx *ctx, lanes *s, double eta, double *out) {
    const int m = s->steps;
    double c[LANES] = { 0 }, length[LANES];
    memset(s->p, 0, (size_t)(s->n * COLUMNS) * sizeof *s->p);
    for (int j = 0; j < m; ++j) {
        SX_RUN(ctx, advance(ctx, s, false, s->v, c, s->p, length));
        for (int l = 0; l < LANES; ++l) c[l] = s->alpha[l * m + j] = length[l];
        SX_RUN(ctx, advance(ctx, s, true, s->p, c, s->v, length));
        for (int l = 0; l < LANES; ++l) c[l] = s->beta[l * m + j] = length[l];
    }
    for (int l = 0; l < LANES; ++l) {
        const double *alpha = s->alpha + (int64_t)l * m, *beta = s->beta + (int64_t)l * m;
        out[l] =
            0.5 * (log_rule(m, m, alpha, beta, eta, s->scratch) + log_rule(m, m + 1, alpha, beta, eta, s->scratch));
        if (!isfinite(out[l])) return SX_FAIL(ctx, SX_E_NUMERIC, "a Gauss rule did not converge");
    }
    return SX_OK;
}

/* -- the plane ------------------------------------------------------------------------------------------------------------------------------------ */

/* Box from Ritz values: they lie inside of the spectrum, so it is widened a little. */
static sx_status find_box(sx_ctx *ctx, const sx_operator *a, sx_joint_opts *o) {
    double *re;
    int count = 0;
    SX_TRY(ctx, sx_alloc(ctx, 2 * OUTLINE, sizeof *re, &re));
    sx_status status = sx_krylov_outline(ctx, a, OUTLINE, sx_key_derive(o->key, "box", 0), re, re + OUTLINE, &count);
    if (status == SX_OK) {
        o->x0 = o->x1 = re[0];
        o->y1 = 0;
        for (int i = 0; i < count; ++i) {
            o->x0 = fmin(o->x0, re[i]);
            o->x1 = fmax(o->x1, re[i]);
            o->y1 = fmax(o->y1, re[OUTLINE + i]);
        }
        double margin = 0.04 * fmax(0.5 * (o->x1 - o->x0), o->y1);
        if (!(margin > 0)) margin = fmax(1e-3 * fabs(o->x0), 1e-12);
        o->x0 -= margin;
        o->x1 += margin;
        o->y1 += margin;
    }
    sx_free(ctx, re);
    return status;
}

/* Samples of a Gaussian of variance 1 and of its second derivative at -PAD .. PAD with exact moments: sum g = 1, sum g2 = 0, sum k^2 g2 = 2. */
static void kernels_of(double *g, double *g2) {
    double s0 = 0, s2 = 0, s4 = 0, q0 = 0, q2 = 0;
    for (int k = -PAD; k <= PAD; ++k) s0 += exp(-0.5 * k * k);
    for (int k = -PAD; k <= PAD; ++k) {
        double w = g[k + PAD] = exp(-0.5 * k * k) / s0, w2 = g2[k + PAD] = (k * k - 1) * w;
        s2 += k * k * w;
        s4 += (double)k * k * k * k * w;
        q0 += w2;
        q2 += k * k * w2;
    }
    /* g2 + (a + b k^2) g:  q0 + a + b s2 = 0,  q2 + a s2 + b s4 = 2 */
    double b = (2 - q2 + q0 * s2) / (s4 - s2 * s2), a = -q0 - b * s2;
    for (int k = -PAD; k <= PAD; ++k) g2[k + PAD] += (a + b * k * k) * g[k + PAD];
}

/* rho on [nx][half] (y >= 0) from U on [nx + 2 PAD][half + PAD] whose lower half is its mirror image; temporaries [2][nx][half + PAD] */
static void smooth(int64_t nx, int64_t half, double h, const double *U, double *temporary, double *rho) {
    double g[2 * PAD + 1], g2[2 * PAD + 1];
    int64_t width = half + PAD;
    double *even = temporary, *bent = temporary + nx * width;
    kernels_of(g, g2);
    for (int64_t i = 0; i < nx; ++i)
        for (int64_t j = 0; j < width; ++j) {
            double a = 0, b = 0;
            for (int k = 0; k <= 2 * PAD; ++k) {
                double u = U[(i + k) * width + j];
                a += g[k] * u;
                b += g2[k] * u;
            }
            even[i * width + j] = a;
            bent[i * width + j] = b;
        }
    for (int64_t i = 0; i < nx; ++i)
        for (int64_t j = 0; j < half; ++j) {
            double sum = 0;
            for (int k = 0; k <= 2 * PAD; ++k) {
                int64_t at = j + k - PAD;
                if (at < 0) at = -at;
                sum += g[k] * bent[i * width + at] + g2[k] * even[i * width + at];
            }
            rho[i * half + j] = sum / (2 * pi * h * h);
        }
}

/* Cumulative of samples f of step h: trapezes with the correction -h^2/12 f' of Euler and Maclaurin. */
static void accumulate(int64_t n, double h, const double *f, double *F) {
    double sum = 0;
    for (int64_t i = 0; i < n; ++i) {
        double before = i > 0 ? f[i - 1] : 0, after = i + 1 < n ? f[i + 1] : 0;
        sum += 0.5 * h * (before + f[i]);
        F[i] = sum - h * (after - before) / 24;
    }
}

void sx_joint_density_free(sx_ctx *ctx, sx_joint_density *d) {
    double *blocks[] = { d->x,        d->y,           d->density,    d->density_se,
                         d->marginal, d->marginal_se, d->cumulative, d->cumulative_se };
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; ++i) sx_free(ctx, blocks[i]);
    memset(d, 0, sizeof *d);
}

static sx_status allocate_density(sx_ctx *ctx, sx_joint_density *d) {
    int64_t cells = d->nx * d->ny;
    SX_TRY(ctx, sx_alloc(ctx, d->nx, sizeof(double), &d->x));
    SX_TRY(ctx, sx_alloc(ctx, d->ny, sizeof(double), &d->y));
    SX_TRY(ctx, sx_alloc(ctx, cells, sizeof(double), &d->density));
    SX_TRY(ctx, sx_alloc(ctx, cells, sizeof(double), &d->density_se));
    SX_TRY(ctx, sx_alloc(ctx, d->nx, sizeof(double), &d->marginal));
    SX_TRY(ctx, sx_alloc(ctx, d->nx, sizeof(double), &d->marginal_se));
    SX_TRY(ctx, sx_alloc(ctx, d->nx, sizeof(double), &d->cumulative));
    return sx_alloc(ctx, d->nx, sizeof(double), &d->cumulative_se);
}

static sx_status allocate_lanes(sx_ctx *ctx, lanes *s) {
    int64_t numbers;
    SX_TRY(ctx, sx_mul_size(ctx, s->n, COLUMNS, &numbers));
    SX_TRY(ctx, sx_alloc(ctx, numbers, sizeof(double), &s->v));
    SX_TRY(ctx, sx_alloc(ctx, numbers, sizeof(double), &s->p));
    SX_TRY(ctx, sx_alloc(ctx, numbers, sizeof(double), &s->y));
    SX_TRY(ctx, sx_alloc(ctx, s->chunks * LANES, sizeof(double), &s->partial));
    SX_TRY(ctx, sx_alloc(ctx, LANES * (int64_t)s->steps, sizeof(double), &s->alpha));
    SX_TRY(ctx, sx_alloc(ctx, LANES * (int64_t)s->steps, sizeof(double), &s->beta));
    return sx_alloc(ctx, 3 * ((int64_t)s->steps + 1), sizeof(double), &s->scratch);
}

static void free_lanes(sx_ctx *ctx, lanes *s) {
    double *blocks[] = { s->v, s->p, s->y, s->partial, s->alpha, s->beta, s->scratch };
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; ++i) sx_free(ctx, blocks[i]);
}

/* U [probes][ux][uy] for all points and probes, LANES at a time */
static sx_status sample(sx_ctx *ctx, lanes *s, const sx_joint_opts *o, double x0, double h, int64_t ux, int64_t uy,
                        double *U) {
    int64_t points = ux * uy, items = points * o->probes;
    double *uniform, value[LANES];
    SX_TRY(ctx, sx_alloc(ctx, s->n, sizeof *uniform, &uniform));
    sx_status status = SX_OK;
    for (int64_t first = 0; first < items; first += LANES) {
        for (int l = 0; l < LANES; ++l) {
            int64_t item = first + l < items ? first + l : items - 1, point = item % points;
            s->z_re[l] = x0 + h * (double)(point / uy);
            s->z_im[l] = h * (double)(point % uy);
            fill_probe(s, l, (int)(item / points), o->key, uniform);
        }
        SX_RUN_GO(ctx, status, done, potentials(ctx, s, o->regularisation, value));
        for (int l = 0; l < LANES && first + l < items; ++l) U[first + l] = value[l];
        if (o->what && !sx_progress(ctx, o->what, (double)(first + LANES), (double)items)) {
            status = SX_STOPPED;
            goto done;
        }
    }
done:
    sx_free(ctx, uniform);
    return status;
}

/* means and errors over probes of the rows of `of_probe` [probes][count] */
static void mean_over_probes(int probes, int64_t count, const double *of_probe, double *column, double *mean,
                             double *se) {
    for (int64_t i = 0; i < count; ++i) {
        for (int p = 0; p < probes; ++p) column[p] = of_probe[p * count + i];
        sx_mean_se(probes, column, &mean[i], &se[i]);
    }
}

/* Everything that follows from U. work: [probes][nx half + 2 nx + 1], then temporaries */
static sx_status reduce(sx_ctx *ctx, int probes, int64_t half, const double *U, sx_joint_density *d) {
    const int64_t nx = d->nx, points = (nx + 2 * PAD) * (half + PAD), cells = nx * half;
    double *rho = NULL, *marginal = NULL, *cumulative = NULL, *mass = NULL, *temporary = NULL, *mean = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, probes * cells, sizeof *rho, &rho));
    SX_GO(ctx, status, done, sx_alloc(ctx, probes * nx, sizeof *marginal, &marginal));
    SX_GO(ctx, status, done, sx_alloc(ctx, probes * nx, sizeof *cumulative, &cumulative));
    SX_GO(ctx, status, done, sx_alloc(ctx, 2 * (int64_t)probes, sizeof *mass, &mass));
    SX_GO(ctx, status, done, sx_alloc(ctx, 2 * nx * (half + PAD), sizeof *temporary, &temporary));
    SX_GO(ctx, status, done, sx_alloc(ctx, 2 * cells, sizeof *mean, &mean));
    for (int p = 0; p < probes; ++p) {
        double *r = rho + p * cells, *m = marginal + p * nx;
        smooth(nx, half, d->width, U + p * points, temporary, r);
        for (int64_t i = 0; i < nx; ++i) {
            double sum = 0;
            for (int64_t j = 0; j < half; ++j) sum += (j > 0 ? 2 : 1) * r[i * half + j];
            m[i] = d->width * sum;
            mass[p] += d->width * m[i];
        }
        accumulate(nx, d->width, m, cumulative + p * nx);
    }
    mean_over_probes(probes, cells, rho, mass + probes, mean, mean + cells);
    for (int64_t i = 0; i < nx; ++i)
        for (int64_t j = 0; j < d->ny; ++j) {
            int64_t from = i * half + (j < half - 1 ? half - 1 - j : j - half + 1);
            d->density[i * d->ny + j] = mean[from];
            d->density_se[i * d->ny + j] = mean[cells + from];
        }
    mean_over_probes(probes, nx, marginal, mass + probes, d->marginal, d->marginal_se);
    mean_over_probes(probes, nx, cumulative, mass + probes, d->cumulative, d->cumulative_se);
    sx_mean_se(probes, mass, &d->mass, &d->mass_se);
done:
    sx_free(ctx, rho);
    sx_free(ctx, marginal);
    sx_free(ctx, cumulative);
    sx_free(ctx, mass);
    sx_free(ctx, temporary);
    sx_free(ctx, mean);
    return status;
}

sx_status sx_joint_density_create(sx_ctx *ctx, const sx_operator *a, const sx_joint_opts *given,
                                  sx_joint_density *out) {
    sx_joint_opts o = *given;
    sx_joint_density d = { 0 };
    lanes s = { .a = a, .n = a->n, .chunks = (a->n + SX_BASIS_CHUNK - 1) / SX_BASIS_CHUNK };
    double *U = NULL;
    sx_status status;
    if (!a->adjoint)
        return SX_FAIL(ctx, SX_E_UNSUPPORTED,
                       "the density of a non-normal operator needs the products with the adjoint");
    if (a->block > 0 && a->block < COLUMNS)
        return SX_FAIL(ctx, SX_E_UNSUPPORTED, "joint density: the operator takes %" PRId64 " columns: want %d",
                       a->block, COLUMNS);
    if (o.probes <= 0) o.probes = 4;
    if (o.steps <= 0) o.steps = 40;
    s.steps = o.steps;
    if (!(o.x0 < o.x1)) SX_RUN(ctx, find_box(ctx, a, &o));
    d.radius = fmax(0.5 * (o.x1 - o.x0), o.y1);
    d.width = o.width > 0 ? o.width : 0.05 * d.radius;
    d.regularisation = o.regularisation = o.regularisation > 0 ? o.regularisation : 0.2 * d.width;
    double cells_x = ceil((o.x1 - o.x0) / d.width) + 2 * MARGIN + 1, cells_y = ceil(o.y1 / d.width) + MARGIN + 1;
    if (!(o.x1 > o.x0) || !(o.y1 >= 0) || !((cells_x + 2 * PAD) * (cells_y + PAD) <= LIMIT))
        return SX_FAIL(ctx, SX_E_USAGE,
                       "joint density: width %g in the box %g to %g, %g i: want at most %d points of the plane",
                       d.width, o.x0, o.x1, o.y1, LIMIT);
    int64_t half = (int64_t)cells_y, ux, uy, points;
    d.nx = (int64_t)cells_x;
    d.ny = 2 * half - 1;
    ux = d.nx + 2 * PAD;
    uy = half + PAD;
    SX_GO(ctx, status, done, allocate_density(ctx, &d));
    SX_GO(ctx, status, done, allocate_lanes(ctx, &s));
    SX_GO(ctx, status, done, sx_mul_size(ctx, ux * uy, o.probes, &points));
    SX_GO(ctx, status, done, sx_alloc(ctx, points, sizeof *U, &U));
    double x0 = 0.5 * (o.x0 + o.x1) - 0.5 * d.width * (double)(d.nx - 1);
    for (int64_t i = 0; i < d.nx; ++i) d.x[i] = x0 + d.width * (double)i;
    for (int64_t j = 0; j < d.ny; ++j) d.y[j] = d.width * (double)(j - half + 1);
    SX_RUN_GO(ctx, status, done, sample(ctx, &s, &o, x0 - PAD * d.width, d.width, ux, uy, U));
    SX_GO(ctx, status, done, reduce(ctx, o.probes, half, U, &d));
    *out = d;
    memset(&d, 0, sizeof d);
done:
    sx_free(ctx, U);
    free_lanes(ctx, &s);
    sx_joint_density_free(ctx, &d);
    return status;
}
