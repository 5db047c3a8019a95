// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* All rates of a point as a measure: every eigenvalue (dense), Chebyshev moments or Gauss rules by random probes (symmetric J), or the smoothed
 * density over the plane (Hermitised resolvent). Symmetric flows are looked at as L = -J, whose eigenvalues are the rates; of maps the
 * eigenvalues zeta are known and share(rate <= r) = share(|zeta| >= e^{-r step}). */
#include "spectrum_private.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum {
    MOMENTS = 512,
    STEPS = 120,
    RESOLVENT_STEPS = 40,
    SIDE = 192, /* most grid points of a side of the resolvent density */
    SUB = 4     /* parts of a grid cell per side when it is put into bins */
};
/* Kept of the resolvent: nx, ny, width, mass, x, y, marginal, its error, cumulative, its error, density, its error */
enum {
    HEAD = 4,
    GRID_X = HEAD,
    GRID_Y = GRID_X + SIDE,
    MARGINAL = GRID_Y + SIDE,
    MARGINAL_SE = MARGINAL + SIDE,
    CUMULATIVE = MARGINAL_SE + SIDE,
    CUMULATIVE_SE = CUMULATIVE + SIDE,
    PLANE = CUMULATIVE_SE + SIDE,
    PLANE_SE = PLANE + SIDE * SIDE,
    RESOLVENT_DOUBLES = PLANE_SE + SIDE * SIDE
};

static int64_t moments_of(const sx_spectrum *s) {
    return s->o.order > 0 ? (s->o.order + 1) / 2 * 2 : MOMENTS;
}
static int64_t steps_of(const sx_spectrum *s) {
    int64_t steps = s->o.order > 0 ? s->o.order : STEPS;
    return steps < s->n ? steps : s->n;
}

int64_t sx_spectrum_density_doubles(const sx_spectrum *s) {
    switch ((sx_density_method)s->density) {
    case SX_DENSITY_KERNEL_POLYNOMIAL:
        return HEAD + s->o.probes * moments_of(s);
    case SX_DENSITY_LANCZOS:
        return HEAD + s->o.probes * (1 + 3 * steps_of(s));
    case SX_DENSITY_RESOLVENT:
        return RESOLVENT_DOUBLES;
    case SX_DENSITY_AUTO:
    case SX_DENSITY_DENSE:
    case SX_DENSITY_NONE:
        break;
    }
    return 0;
}

/* -- the phase ---------------------------------------------------------------------------------------------------------------- */

static sx_status measure_moments(sx_ctx *ctx, const sx_spectrum *s, const sx_operator *op, sx_key key, double *out) {
    sx_moments m = { 0 };
    sx_status status = sx_moments_create(ctx, op, (int)s->o.probes, (int)moments_of(s), 1, 0, key, &m);
    if (status != SX_OK) return status < 0 ? sx_frame_at(ctx, status, __FILE__, __LINE__, __func__) : status;
    out[0] = m.lower;
    out[1] = m.upper;
    memcpy(out + HEAD, m.mu, sizeof(double) * (size_t)(s->o.probes * moments_of(s)));
    sx_moments_free(ctx, &m);
    return SX_OK;
}

static sx_status measure_quadrature(sx_ctx *ctx, const sx_spectrum *s, const sx_operator *op, sx_key key, double *out) {
    sx_quadrature q = { 0 };
    int64_t probes = s->o.probes, size = probes * steps_of(s);
    sx_status status = sx_quadrature_create(ctx, op, (int)probes, (int)steps_of(s), key, &q);
    if (status != SX_OK) return status < 0 ? sx_frame_at(ctx, status, __FILE__, __LINE__, __func__) : status;
    for (int64_t p = 0; p < probes; p++) out[HEAD + p] = q.size[p];
    memcpy(out + HEAD + probes, q.node, sizeof(double) * (size_t)size);
    memcpy(out + HEAD + probes + size, q.weight, sizeof(double) * (size_t)size);
    memcpy(out + HEAD + probes + 2 * size, q.residual, sizeof(double) * (size_t)size);
    sx_quadrature_free(ctx, &q);
    return SX_OK;
}

static sx_status measure_plane(sx_ctx *ctx, const sx_spectrum *s, const sx_operator *op, sx_key key, double *out) {
    sx_joint_density d = { 0 };
    sx_joint_opts o = { .probes = (int)((s->o.probes + 3) / 4),
                        .steps = s->o.order > 0 ? (int)s->o.order : RESOLVENT_STEPS,
                        .x0 = 1,
                        .x1 = 0,
                        .width = s->o.smoothing,
                        .key = key,
                        .what = s->group };
    if (o.probes < 2) o.probes = 2;
    sx_status status = sx_joint_density_create(ctx, op, &o, &d);
    if (status != SX_OK) return status < 0 ? sx_frame_at(ctx, status, __FILE__, __LINE__, __func__) : status;
    if (d.nx > SIDE || d.ny > SIDE) {
        status = SX_FAIL(ctx, SX_E_USAGE,
                         "spectrum.smoothing = %g: a grid of %lld x %lld over a spectrum of radius %.3g; the limit is "
                         "%d on a side: want at least %.3g",
                         s->o.smoothing, (long long)d.nx, (long long)d.ny, d.radius, SIDE,
                         s->o.smoothing * (double)(d.nx > d.ny ? d.nx : d.ny) / (SIDE - 2));
    } else {
        out[0] = (double)d.nx;
        out[1] = (double)d.ny;
        out[2] = d.width;
        out[3] = d.mass;
        const double *from[6] = { d.x, d.y, d.marginal, d.marginal_se, d.cumulative, d.cumulative_se };
        for (int k = 0; k < 6; k++)
            memcpy(out + HEAD + k * SIDE, from[k], sizeof(double) * (size_t)(k == 1 ? d.ny : d.nx));
        memcpy(out + PLANE, d.density, sizeof(double) * (size_t)(d.nx * d.ny));
        memcpy(out + PLANE_SE, d.density_se, sizeof(double) * (size_t)(d.nx * d.ny));
    }
    sx_joint_density_free(ctx, &d);
    return status;
}

sx_status sx_spectrum_density(sx_ctx *ctx, const sx_spectrum *s, int64_t point, void *state, const sx_exec *exec) {
    double *out = sx_spectrum_part_at(s, state, PART_DENSITY);
    bool plane = s->density == SX_DENSITY_RESOLVENT;
    sx_tangent t = { 0 };
    sx_operator op;
    sx_key key = sx_key_derive(s->key, "density", (uint64_t)point);
    if (!out) return SX_OK;
    SX_TRY(ctx, sx_tangent_create(ctx, s, point, plane || s->map ? 1 : -1, exec, &t, &op));
    sx_status status = plane                              ? measure_plane(ctx, s, &op, key, out)
                       : s->density == SX_DENSITY_LANCZOS ? measure_quadrature(ctx, s, &op, key, out)
                                                          : measure_moments(ctx, s, &op, key, out);
    sx_tangent_free(ctx, &t);
    return status;
}

/* -- views of what was kept --------------------------------------------------------------------------------------------------- */

int sx_spectrum_probes(const sx_spectrum *s) {
    return s->density == SX_DENSITY_KERNEL_POLYNOMIAL || s->density == SX_DENSITY_LANCZOS ? (int)s->o.probes : 1;
}

/* One probe as a set of moments, or as a quadrature (size: room for its one number of nodes). */
static sx_moments one_moments(const sx_spectrum *s, const double *kept, int probe) {
    int64_t m = moments_of(s);
    return (sx_moments){ 1, (int)m, kept[0], kept[1], (double *)(uintptr_t)(kept + HEAD + probe * m) };
}
static sx_quadrature one_quadrature(const sx_spectrum *s, const double *kept, int probe, int *size) {
    int64_t steps = steps_of(s), all = s->o.probes * steps;
    double *node = (double *)(uintptr_t)(kept + HEAD + s->o.probes + probe * steps);
    *size = (int)kept[HEAD + probe];
    return (sx_quadrature){ 1, (int)steps, s->n, size, node, node + all, node + 2 * all };
}

static void widen(double v, double *lo, double *hi) {
    *lo = fmin(*lo, v);
    *hi = fmax(*hi, v);
}

/* Rates of maps between the ends of zeta: the fastest is taken at a hundredth of the largest modulus. */
static void map_ends(const sx_spectrum *s, double largest, double *lo, double *hi) {
    widen(-log(fmax(largest, DBL_MIN)) / s->step, lo, hi);
    widen(-log(fmax(0.01 * largest, DBL_MIN)) / s->step, lo, hi);
}

void sx_spectrum_ends(const sx_spectrum *s, const void *state, double *lo, double *hi, double *frequency) {
    const double *scalars = sx_spectrum_part_at(s, state, PART_SCALARS),
                 *zeta = sx_spectrum_part_at(s, state, PART_EIGENVALUE),
                 *kept = sx_spectrum_part_at(s, state, PART_DENSITY);
    double rate, omega, floor = DBL_EPSILON * scalars[POINT_NORM];
    bool smooth = kept && s->density == SX_DENSITY_RESOLVENT; /* wider than the eigenvalues */
    for (int64_t i = 0; zeta && !smooth && i < s->n; i++) {
        if (s->map && hypot(zeta[2 * i], zeta[2 * i + 1]) <= floor) continue;
        sx_spectrum_rate(s, zeta[2 * i], zeta[2 * i + 1], floor, &rate, &omega);
        widen(rate, lo, hi);
        *frequency = fmax(*frequency, fabs(omega));
    }
    if ((zeta && !smooth) || !kept) return;
    if (smooth) {
        int64_t nx = (int64_t)kept[0], ny = (int64_t)kept[1];
        double x0 = kept[GRID_X], x1 = kept[GRID_X + nx - 1], y1 = kept[GRID_Y + ny - 1];
        if (s->map) {
            map_ends(s, fmax(fabs(x0), fmax(fabs(x1), y1)), lo, hi);
            *frequency = M_PI / s->step;
        } else {
            widen(-x0, lo, hi);
            widen(-x1, lo, hi);
            *frequency = fmax(*frequency, y1);
        }
        return;
    }
    double a = kept[0], b = kept[1];
    for (int p = 0; s->density == SX_DENSITY_LANCZOS && p < sx_spectrum_probes(s); p++) {
        int size;
        sx_quadrature q = one_quadrature(s, kept, p, &size);
        a = p ? fmin(a, q.node[0]) : q.node[0];
        b = p ? fmax(b, q.node[size - 1]) : q.node[size - 1];
    }
    if (s->map)
        map_ends(s, fmax(fabs(a), fabs(b)), lo, hi);
    else {
        widen(a, lo, hi);
        widen(b, lo, hi);
    }
}

/* -- cumulative share of rates ------------------------------------------------------------------------------------------------ */

static void cumulative_dense(const sx_spectrum *s, const void *state, int64_t points, const double *rate, double *out) {
    const double *zeta = sx_spectrum_part_at(s, state, PART_EIGENVALUE);
    double floor = DBL_EPSILON * sx_spectrum_part_at(s, state, PART_SCALARS)[POINT_NORM], value = 0, frequency;
    int64_t i = 0;
    for (int64_t k = 0; k < points; k++) { /* both ascend */
        for (; i < s->n; i++) {
            sx_spectrum_rate(s, zeta[2 * i], zeta[2 * i + 1], floor, &value, &frequency);
            if (value > rate[k]) break;
        }
        out[k] = (double)i / (double)s->n;
    }
}

/* Sum of v h over the columns right of x = grid + (i + u) h, parts of columns in proportion. */
static double right_of(const double *v, int64_t nx, double h, int64_t i, double u) {
    double sum = (0.5 - u) * v[i]; /* column i reaches from -1/2 to 1/2 about its point */
    if (u > 0.5) sum = (0.5 - u) * v[i + 1];
    for (int64_t k = i + 1; k < nx; k++) sum += v[k];
    return sum * h;
}

/* Weight of the grid cells of the plane with a rate up to rate[k] (maps), or the cumulative of Re zeta (flows). se: the errors of the density added up
 * from the slow end, so that a difference of two of them is an upper bound of the error of what lies between. */
static void cumulative_plane(const sx_spectrum *s, const double *kept, int64_t points, const double *rate, double *out,
                             double *se) {
    int64_t nx = (int64_t)kept[0], ny = (int64_t)kept[1];
    double h = kept[2];
    for (int64_t k = 0; k < points; k++) {
        out[k] = 0;
        double error = 0;
        if (s->map) {
            double r = exp(-rate[k] * s->step);
            for (int64_t c = 0; c < nx * ny; c++) {
                int outside = 0;
                for (int j = 0; j < SUB * SUB; j++) {
                    double x = kept[GRID_X + c / ny] + h * ((j / SUB + 0.5) / SUB - 0.5),
                           y = kept[GRID_Y + c % ny] + h * ((j % SUB + 0.5) / SUB - 0.5);
                    outside += hypot(x, y) >= r;
                }
                out[k] += kept[PLANE + c] * h * h * outside / (SUB * SUB);
                error += kept[PLANE_SE + c] * h * h * outside / (SUB * SUB);
            }
        } else {
            double at = (-rate[k] - kept[GRID_X]) / h;
            int64_t i = at < 0 ? 0 : at >= (double)(nx - 1) ? nx - 2 : (int64_t)at;
            double u = fmin(1, fmax(0, at - (double)i));
            /* cubic through values and slopes: the density varies over one step, a chord would flatten it */
            double c0 = kept[CUMULATIVE + i], c1 = kept[CUMULATIVE + i + 1], d0 = h * kept[MARGINAL + i],
                   d1 = h * kept[MARGINAL + i + 1], v = 1 - u;
            double below = c0 * v * v * (1 + 2 * u) + c1 * u * u * (1 + 2 * v) + d0 * u * v * v - d1 * u * u * v;
            out[k] = kept[CUMULATIVE + nx - 1] - below;
            error = right_of(kept + MARGINAL_SE, nx, h, i, u);
        }
        if (se) se[k] = error;
    }
}

static sx_status cumulative_probe(sx_ctx *ctx, const sx_spectrum *s, const double *kept, int probe, int64_t points,
                                  const double *x, double *out) {
    int size;
    if (s->density == SX_DENSITY_LANCZOS) {
        sx_quadrature q = one_quadrature(s, kept, probe, &size);
        return sx_quadrature_cumulative(ctx, &q, points, x, out, NULL);
    }
    sx_moments m = one_moments(s, kept, probe);
    return sx_moments_cumulative(ctx, &m, points, x, out, NULL);
}

sx_status sx_spectrum_cumulative(sx_ctx *ctx, const sx_spectrum *s, const void *state, int probe, int64_t points,
                                 const double *rate, double *out, double *se) {
    const double *kept = sx_spectrum_part_at(s, state, PART_DENSITY);
    double *x = NULL;
    sx_status status = SX_OK;
    if (se) memset(se, 0, sizeof(double) * (size_t)points);
    if (s->density == SX_DENSITY_DENSE) {
        cumulative_dense(s, state, points, rate, out);
        return SX_OK;
    }
    if (s->density == SX_DENSITY_RESOLVENT) {
        cumulative_plane(s, kept, points, rate, out, se);
        return SX_OK;
    }
    if (!s->map) return cumulative_probe(ctx, s, kept, probe, points, rate, out);
    /* |zeta| >= r: 1 - C(r) + C(-r), points in ascending order */
    SX_TRY(ctx, sx_alloc(ctx, 4 * points, sizeof *x, &x));
    double *c = x + 2 * points;
    for (int64_t k = 0; k < points; k++) {
        double r = exp(-rate[k] * s->step);
        x[k] = -r;
        x[2 * points - 1 - k] = r;
    }
    SX_GO(ctx, status, done, cumulative_probe(ctx, s, kept, probe, 2 * points, x, c));
    for (int64_t k = 0; k < points; k++) out[k] = 1 - c[2 * points - 1 - k] + c[k];
done:
    sx_free(ctx, x);
    return status;
}

/* -- rates with weights ------------------------------------------------------------------------------------------------------- */

int64_t sx_spectrum_atoms_most(const sx_spectrum *s) {
    switch ((sx_density_method)s->density) {
    case SX_DENSITY_KERNEL_POLYNOMIAL:
        return 4 * moments_of(s);
    case SX_DENSITY_LANCZOS:
        return steps_of(s);
    case SX_DENSITY_RESOLVENT:
        return s->map ? SIDE * SIDE * SUB * SUB : SIDE;
    case SX_DENSITY_AUTO:
    case SX_DENSITY_DENSE:
    case SX_DENSITY_NONE:
        break;
    }
    return s->n;
}

/* Cells between the extremes of Chebyshev polynomials of twice the order, each at its centre. */
static sx_status atoms_moments(sx_ctx *ctx, const sx_spectrum *s, const double *kept, int probe, int64_t *n, double *x,
                               double *weight) {
    int64_t cells = 4 * moments_of(s);
    double *edge = NULL, middle = 0.5 * (kept[0] + kept[1]), half = 0.5 * (kept[1] - kept[0]);
    sx_moments m = one_moments(s, kept, probe);
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, 2 * (cells + 1), sizeof *edge, &edge));
    double *c = edge + cells + 1;
    for (int64_t k = 0; k <= cells; k++) edge[k] = middle - half * cos(M_PI * (double)k / (double)cells);
    SX_GO(ctx, status, done, sx_moments_cumulative(ctx, &m, cells + 1, edge, c, NULL));
    for (int64_t k = 0; k < cells; k++) {
        x[k] = 0.5 * (edge[k] + edge[k + 1]);
        weight[k] = c[k + 1] - c[k];
    }
    *n = cells;
done:
    sx_free(ctx, edge);
    return status;
}

sx_status sx_spectrum_atoms(sx_ctx *ctx, const sx_spectrum *s, const void *state, int probe, int64_t *n, double *rate,
                            double *weight, double *se) {
    const double *kept = sx_spectrum_part_at(s, state, PART_DENSITY),
                 *zeta = sx_spectrum_part_at(s, state, PART_EIGENVALUE);
    double floor = DBL_EPSILON * sx_spectrum_part_at(s, state, PART_SCALARS)[POINT_NORM], omega;
    int size;
    memset(se, 0, sizeof(double) * (size_t)sx_spectrum_atoms_most(s));
    if (s->density == SX_DENSITY_DENSE) {
        *n = s->n;
        for (int64_t i = 0; i < s->n; i++) {
            sx_spectrum_rate(s, zeta[2 * i], zeta[2 * i + 1], floor, &rate[i], &omega);
            weight[i] = 1 / (double)s->n;
        }
        return SX_OK;
    }
    if (s->density == SX_DENSITY_RESOLVENT) {
        int64_t nx = (int64_t)kept[0], ny = (int64_t)kept[1], k = 0;
        double h = kept[2];
        for (int64_t i = 0; !s->map && i < nx; i++) { /* columns */
            rate[k] = -kept[GRID_X + i];
            weight[k] = kept[MARGINAL + i] * h;
            se[k++] = kept[MARGINAL_SE + i] * h;
        }
        for (int64_t c = 0; s->map && c < nx * ny; c++)
            for (int j = 0; j < SUB * SUB; j++) {
                double x = kept[GRID_X + c / ny] + h * ((j / SUB + 0.5) / SUB - 0.5),
                       y = kept[GRID_Y + c % ny] + h * ((j % SUB + 0.5) / SUB - 0.5);
                sx_spectrum_rate(s, x, y, floor, &rate[k], &omega);
                weight[k] = kept[PLANE + c] * h * h / (SUB * SUB);
                se[k++] = kept[PLANE_SE + c] * h * h / (SUB * SUB);
            }
        *n = k;
        return SX_OK;
    }
    if (s->density == SX_DENSITY_LANCZOS) {
        sx_quadrature q = one_quadrature(s, kept, probe, &size);
        memcpy(rate, q.node, sizeof(double) * (size_t)size);
        memcpy(weight, q.weight, sizeof(double) * (size_t)size);
        *n = size;
    } else {
        SX_TRY(ctx, atoms_moments(ctx, s, kept, probe, n, rate, weight));
    }
    for (int64_t i = 0; s->map && i < *n; i++) sx_spectrum_rate(s, rate[i], 0, floor, &rate[i], &omega);
    return SX_OK;
}

/* -- the plane of rate and frequency ------------------------------------------------------------------------------------------ */

static int64_t cell(double v, double lo, double hi, int64_t n) {
    double at = (v - lo) / (hi - lo) * (double)n;
    if (!(at >= 0 && at <= (double)n)) return -1;
    return at >= (double)n ? n - 1 : (int64_t)at;
}

bool sx_spectrum_joint(const sx_spectrum *s, const void *state, int64_t rates, const double range[2],
                       int64_t frequencies, double most, double *weight, double *se) {
    const double *kept = sx_spectrum_part_at(s, state, PART_DENSITY),
                 *zeta = sx_spectrum_part_at(s, state, PART_EIGENVALUE);
    double floor = DBL_EPSILON * sx_spectrum_part_at(s, state, PART_SCALARS)[POINT_NORM], rate, omega;
    if (s->density == SX_DENSITY_DENSE) {
        for (int64_t i = 0; i < s->n; i++) {
            sx_spectrum_rate(s, zeta[2 * i], zeta[2 * i + 1], floor, &rate, &omega);
            int64_t r = cell(rate, range[0], range[1], rates), f = cell(omega, -most, most, frequencies);
            if (r >= 0 && f >= 0) weight[r * frequencies + f] += 1 / (double)s->n;
        }
        return true;
    }
    if (s->density != SX_DENSITY_RESOLVENT) return false;
    int64_t nx = (int64_t)kept[0], ny = (int64_t)kept[1];
    double h = kept[2], area = h * h / (SUB * SUB);
    for (int64_t c = 0; c < nx * ny; c++)
        for (int j = 0; j < SUB * SUB; j++) {
            double x = kept[GRID_X + c / ny] + h * ((j / SUB + 0.5) / SUB - 0.5),
                   y = kept[GRID_Y + c % ny] + h * ((j % SUB + 0.5) / SUB - 0.5);
            sx_spectrum_rate(s, x, y, floor, &rate, &omega);
            int64_t r = cell(rate, range[0], range[1], rates), f = cell(omega, -most, most, frequencies);
            if (r < 0 || f < 0) continue;
            weight[r * frequencies + f] += kept[PLANE + c] * area;
            se[r * frequencies + f] += kept[PLANE_SE + c] * area;
        }
    return true;
}
