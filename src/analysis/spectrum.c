// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The task `spectrum`: one work item is one point. Its phases: shuffled copies of J (one per call), modes, non-normality, density.
 *
 *   open     1 options against the model   2 method   3 layout of a point's state
 *   advance  one phase
 *   finish   common axes of all points, densities, kernels, laws (spectrum_finish.c, spectrum_density.c, spectrum_law.c)
 */
#include "spectrum_private.h"

#include "core/linalg.h"
#include "core/nonnormal.h"

#include <float.h>
#include <math.h>
#include <string.h>

extern const sx_output sx_spectrum_outputs[];

enum { DENSE_AUTO = 1500, DENSE_LIMIT = 20000, KRYLOV_MODES = 20, TRACK_LIMIT = 4000 };

/* -- options ------------------------------------------------------------------------------------------------------------------ */

static sx_status read_pair(sx_ctx *ctx, const char *name, sx_values v, double out[2]) {
    out[0] = out[1] = 0;
    if (v.n == 0) return SX_OK;
    if (v.n != 2)
        return SX_FAIL(ctx, SX_E_USAGE, "spectrum.%s: %lld numbers: want two, [first, last]", name, (long long)v.n);
    if (!(v.data[1] > v.data[0]))
        return SX_FAIL(ctx, SX_E_USAGE, "spectrum.%s = [%g, %g]: want the first number below the last", name, v.data[0],
                       v.data[1]);
    out[0] = v.data[0];
    out[1] = v.data[1];
    return SX_OK;
}

static sx_status need(sx_ctx *ctx, const sx_spectrum *s, const char *option, const char *operation) {
    const sx_model *m = s->places.models[0];
    if (sx_model_has(m, operation)) return SX_OK;
    return SX_FAIL(ctx, SX_E_UNSUPPORTED, "spectrum.%s needs the operation '%s', which the model '%s' does not have",
                   option, operation, sx_model_name(m));
}

static sx_status choose_method(sx_ctx *ctx, sx_spectrum *s, bool time_step) {
    const sx_spectrum_opts *o = &s->o;
    int64_t n = s->n;
    s->dense = o->method == SX_SPECTRUM_DENSE || (o->method == SX_SPECTRUM_AUTO && n <= DENSE_AUTO);
    if (s->dense && n > DENSE_LIMIT)
        return SX_FAIL(ctx, SX_E_USAGE,
                       "spectrum.method = \"dense\": %lld numbers in the state; the limit is %d, use \"krylov\"",
                       (long long)n, DENSE_LIMIT);
    s->k = o->modes > 0 ? o->modes : s->dense || n < KRYLOV_MODES ? n : KRYLOV_MODES;
    if (s->k > n) s->k = n;
    if (!s->dense) {
        SX_TRY(ctx, need(ctx, s, "method = \"krylov\"", "vjp"));
        if (s->k > n / 2 && n > 4)
            return SX_FAIL(ctx, SX_E_USAGE,
                           "spectrum.modes = %lld with Krylov and %lld numbers in the state: want at most half, or "
                           "method = \"dense\"",
                           (long long)s->k, (long long)n);
    }
    if (time_step && !s->map)
        return SX_FAIL(ctx, SX_E_USAGE,
                       "spectrum.time_step = %g: the model is a flow, its time is continuous; only maps have steps",
                       o->time_step);
    s->step = s->map ? o->time_step : 1;
    if (!s->dense && o->pseudospectrum > 0)
        return SX_FAIL(ctx, SX_E_USAGE, "spectrum.pseudospectrum = %lld needs method = \"dense\"",
                       (long long)o->pseudospectrum);
    if (!s->dense && o->collective && o->null == SX_NULL_SHUFFLED)
        return SX_FAIL(ctx, SX_E_USAGE,
                       "spectrum.null = \"shuffled\" needs method = \"dense\"; \"edge\" works with Krylov");
    if (o->filter > SX_SPECTRUM_FILTER_NONE && (s->dense || s->map))
        return SX_FAIL(ctx, SX_E_USAGE, "spectrum.filter is for Krylov modes of flows; here %s",
                       s->dense ? "all modes are found by LAPACK" : "the model is a map");
    if (o->track && !o->vectors)
        return SX_FAIL(ctx, SX_E_USAGE, "spectrum.track = true compares eigenvectors: want vectors = true");
    if (o->track && s->k > TRACK_LIMIT)
        return SX_FAIL(ctx, SX_E_USAGE, "spectrum.track = true follows at most %d modes, here %lld: give `modes`",
                       TRACK_LIMIT, (long long)s->k);
    s->density = o->density;
    if (s->density == SX_DENSITY_AUTO && s->dense) s->density = SX_DENSITY_DENSE;
    if (s->density == SX_DENSITY_DENSE && !s->dense)
        return SX_FAIL(ctx, SX_E_USAGE, "spectrum.density = \"dense\" needs method = \"dense\"");
    if (s->density == SX_DENSITY_RESOLVENT) SX_TRY(ctx, need(ctx, s, "density = \"resolvent\"", "vjp"));
    return SX_OK;
}

/* Operations of the density of one point. */
static double density_flops(const sx_spectrum *s, int density) {
    const double product = sx_model_flops(s->places.models[0]) * 2, probes = (double)s->o.probes;
    return product * (density == SX_DENSITY_KERNEL_POLYNOMIAL ? probes * 256
                      : density == SX_DENSITY_LANCZOS         ? probes * 120
                      : density == SX_DENSITY_RESOLVENT       ? 1e3 * probes * 160
                                                              : 0);
}

/* AUTO without all modes: which method fits follows from J at the first point. A resolvent that would take more than some minutes must be asked for. */
static const double AUTO_FLOPS = 1e12;
static sx_status choose_density(sx_ctx *ctx, sx_spectrum *s) {
    sx_tangent t = { 0 };
    sx_operator op;
    bool symmetric = true;
    if (s->density == SX_DENSITY_DENSE || s->density == SX_DENSITY_NONE || s->density == SX_DENSITY_RESOLVENT ||
        s->empty)
        return SX_OK;
    if (s->density != SX_DENSITY_AUTO) SX_TRY(ctx, need(ctx, s, "density", "vjp"));
    for (int64_t p = 0; p < s->places.n && symmetric && s->o.at.n >= 0; p++) {
        SX_TRY(ctx, sx_tangent_create(ctx, s, p, 1, NULL, &t, &op));
        sx_status status = sx_tangent_symmetric(ctx, s, &op, &symmetric);
        sx_tangent_free(ctx, &t);
        if (status < 0) return sx_frame_at(ctx, status, __FILE__, __LINE__, __func__);
    }
    if (s->density == SX_DENSITY_AUTO) {
        const double flops = density_flops(s, SX_DENSITY_RESOLVENT);
        s->left_out = !symmetric && flops > AUTO_FLOPS ? flops : 0;
        s->density = symmetric         ? SX_DENSITY_KERNEL_POLYNOMIAL
                     : s->left_out > 0 ? SX_DENSITY_NONE
                                       : SX_DENSITY_RESOLVENT;
    } else if (!symmetric)
        return SX_FAIL(
            ctx, SX_E_USAGE,
            "spectrum.density = \"%s\" is for symmetric Jacobians; this one is not: want \"resolvent\" or \"dense\"",
            s->density == SX_DENSITY_LANCZOS ? "lanczos" : "kernel-polynomial");
    return SX_OK;
}

/* Bins of the density: of counts 2 sqrt(N) of them, which hold sqrt(N)/2 modes each; 80 of a smooth one. */
static sx_status choose_bins(sx_ctx *ctx, sx_spectrum *s) {
    double fit = ceil(2 * sqrt((double)s->n));
    if (s->o.bins == 1)
        return SX_FAIL(ctx, SX_E_USAGE, "spectrum.bins = 1: want at least 2, or 0 for a number that fits the modes");
    if (s->o.bins == 0) s->o.bins = s->density != SX_DENSITY_DENSE || fit > 80 ? 80 : fit < 12 ? 12 : (int64_t)fit;
    return SX_OK;
}

/* -- state -------------------------------------------------------------------------------------------------------------------- */

static void add_part(sx_spectrum *s, sx_spectrum_part part, const char *name, sx_dtype dtype, int64_t count) {
    s->section_of[part] = s->n_sections;
    s->sections[s->n_sections++] = (sx_section){ name, dtype, count, s->state_bytes };
    s->state_bytes += ((size_t)count * 8 + 63) / 64 * 64;
}

static sx_status lay_out(sx_ctx *ctx, sx_spectrum *s) {
    int64_t most = INT64_C(1) << 40, g = s->o.pseudospectrum, density = sx_spectrum_density_doubles(s);
    for (int i = 0; i < PART_COUNT; i++) s->section_of[i] = -1;
    if (density > most || s->k * MODE_NUMBERS > most)
        return SX_FAIL(ctx, SX_E_MEMORY, "spectrum: the state of a point is too large");
    add_part(s, PART_PROGRESS, "progress", SX_DT_I64, 2);
    add_part(s, PART_SCALARS, "scalars", SX_DT_F64, SCALARS);
    if (s->dense) add_part(s, PART_EIGENVALUE, "eigenvalue", SX_DT_F64, 2 * s->n);
    add_part(s, PART_MODE, "mode", SX_DT_F64, MODE_NUMBERS * s->k);
    if (s->o.collective && s->o.null == SX_NULL_SHUFFLED)
        add_part(s, PART_SHUFFLED, "shuffled", SX_DT_F64, 2 * s->o.shuffles);
    if (g > 0) add_part(s, PART_PSEUDO, "pseudospectrum", SX_DT_F64, g * g);
    if (density > 0) add_part(s, PART_DENSITY, "density", SX_DT_F64, density);
    return SX_OK;
}

static void fill_plan(sx_ctx *ctx, const sx_spectrum *s, sx_plan *plan) {
    double n = (double)s->n, points = s->empty ? 0 : (double)s->places.n, k = (double)s->k;
    int64_t workers = sx_ctx_threads(ctx), items = s->empty ? 0 : s->places.n;
    double product = sx_model_flops(s->places.models[0]) * 2;
    double shuffles = s->section_of[PART_SHUFFLED] >= 0 ? (double)s->o.shuffles : 0;
    double flops = s->dense ? (25 + 27 * shuffles) * n * n * n + (s->o.non_normality ? 35 * n * n * n : 0)
                            : 400 * (k + 20) * (product + 4 * n * (2 * k + 20));
    if (s->o.pseudospectrum > 0) flops += 0.5 * (double)(s->o.pseudospectrum * s->o.pseudospectrum) * 160 * n * n;
    if (workers > items) workers = items;
    double held = s->dense ? 8 * n * n * 7 : 8 * n * (4 * k + 64); /* matrices of one point, LAPACK's copies included */
    double tracked = s->o.track ? 8 * (8 * k * n + 4 * k * k) + 24 * points * k : 0; /* of finish */
    int64_t stored = (s->o.vectors ? 4 * 8 * s->k * s->n : 0) + (s->o.collective ? s->k * s->n : 0);
    *plan = (sx_plan){ .n_items = items,
                       .state_bytes = s->state_bytes,
                       .sections = s->sections,
                       .n_sections = s->n_sections,
                       .shared_bytes =
                           (size_t)(s->places.n * s->n * 8) + (size_t)(held * (double)workers) + (size_t)tracked,
                       .result_bytes = items * (int64_t)s->state_bytes + (s->o.bins * 8 * 8 + s->o.lags * 16) * items +
                                       (s->density == SX_DENSITY_DENSE ? 2 * 8 * s->o.bins * s->o.bins * items : 0),
                       .flops =
                           points * (flops + density_flops(s, s->density) + (s->o.track ? 8 * k * k * (2 * n + k) : 0)),
                       .segments = 4 + shuffles };
    plan->disk_bytes = 2 * stored * items + plan->result_bytes + 4 * items * (int64_t)s->state_bytes;
}

/* -- task operations ---------------------------------------------------------------------------------------------------------- */

static void close_spectrum(sx_ctx *ctx, void *instance) {
    sx_spectrum *s = instance;
    if (!s) return;
    sx_places_free(ctx, &s->places);
    sx_free(ctx, s->group);
    sx_free(ctx, s);
}

static void jitter(const sx_spectrum *s, double sd) {
    double pair[2];
    for (int64_t p = 0; p < s->places.n && sd > 0; p++) /* units of one point: the replica is the point */
        for (int64_t u = 0; u < s->n; u += 2) {
            sx_normal_fill(sx_key_derive(s->key, "jitter", (uint64_t)u), 0, SX_SLOT_USER, p, 2, 1, pair);
            s->places.x[p * s->n + u] += sd * pair[0];
            if (u + 1 < s->n) s->places.x[p * s->n + u + 1] += sd * pair[1];
        }
}

/* Points of one model, when there are several models: snapshot after snapshot with the same points each. */
static int64_t points_of_a_model(const sx_points *at) {
    int64_t same = 1;
    if (at->n < 1 || !at->models) return 1;
    while (same < at->n && at->models[same] == at->models[0]) same++;
    return same;
}

static sx_status prepare(sx_ctx *ctx, sx_spectrum *s, const sx_model *m) {
    static const double unit_step = 1;
    const sx_points *at = &s->o.at;
    if (at->random)
        return SX_FAIL(
            ctx, SX_E_USAGE,
            "spectrum.at: random points have no spectrum of interest; want points of a task, a file or values");
    s->empty = at->task && at->n == 0;
    SX_TRY(ctx, sx_places_create(ctx, m, at, "spectrum.at", &s->places));
    s->n = sx_model_n(m);
    s->map = sx_model_kind(m) == SX_MAP || sx_model_kind(m) == SX_SAMPLER;
    s->stride = points_of_a_model(at);
    s->noisy = sx_noise_class_of(sx_model_noise(m)) != SX_NOISE_NONE && sx_noise_operations(sx_model_noise(m))->Bt;
    jitter(s, at->jitter);
    SX_TRY(ctx, read_pair(ctx, "range", s->o.range, s->range));
    SX_TRY(ctx, read_pair(ctx, "lag_range", s->o.lag_range, s->lag_range));
    SX_TRY(ctx, read_pair(ctx, "infrared", s->o.infrared, s->infrared));
    SX_TRY(ctx, choose_method(ctx, s, s->o.time_step != unit_step));
    SX_TRY(ctx, choose_density(ctx, s));
    SX_TRY(ctx, choose_bins(ctx, s));
    return lay_out(ctx, s);
}

static sx_status open_spectrum(sx_ctx *ctx, const sx_model *m, const void *opts, sx_key key, const char *group,
                               void **instance, sx_plan *plan) {
    const sx_spectrum_opts *o = opts;
    sx_spectrum *s = NULL;
    sx_status status;
    if (o->struct_size != sizeof *o)
        return SX_FAIL(ctx, SX_E_USAGE, "spectrum: options are not initialised (sx_fields_default and struct_size)");
    SX_TRY(ctx, sx_fields_check(ctx, sx_spectrum_fields, o, "spectrum"));
    SX_TRY(ctx, sx_alloc(ctx, 1, sizeof *s, &s));
    s->o = *o;
    s->key = key;
    SX_GO(ctx, status, fail, sx_strdup(ctx, group, &s->group));
    SX_GO(ctx, status, fail, prepare(ctx, s, m));
    fill_plan(ctx, s, plan);
    *instance = s;
    return SX_OK;
fail:
    close_spectrum(ctx, s);
    return status;
}

static sx_status start_point(sx_ctx *ctx, const void *instance, int64_t point, void *state) {
    const sx_spectrum *s = instance;
    int64_t *progress = (int64_t *)(void *)sx_spectrum_part_at(s, state, PART_PROGRESS);
    (void)ctx, (void)point;
    progress[0] = s->section_of[PART_SHUFFLED] >= 0 ? PHASE_SHUFFLES : PHASE_MODES;
    return SX_OK;
}

/* -- non-normality ------------------------------------------------------------------------------------------------------------ */

/* Maps: largest growth in one step, ln |J|_2, and max over |z| > 1 of (|z| - 1) |(z - J)^-1| on 24 radii and 13 angles of the half plane. */
static sx_status map_kreiss(sx_ctx *ctx, const sx_resolvent *r, double *bound, double *at) {
    enum { RADII = 24, ANGLES = 13 };
    double re[RADII * ANGLES], im[RADII * ANGLES], sigma[RADII * ANGLES];
    for (int i = 0; i < RADII; i++)
        for (int j = 0; j < ANGLES; j++) {
            double radius = 1 + pow(10, -5 + 6.0 * i / (RADII - 1)), angle = M_PI * j / (ANGLES - 1);
            re[i * ANGLES + j] = radius * cos(angle);
            im[i * ANGLES + j] = j == ANGLES - 1 || j == 0 ? 0 : radius * sin(angle);
        }
    SX_TRY(ctx, sx_resolvent_smallest(ctx, r, RADII * ANGLES, re, im, sigma));
    *bound = 1; /* its limit for large z */
    *at = INFINITY;
    for (int k = 0; k < RADII * ANGLES; k++) {
        double radius = hypot(re[k], im[k]), value = (radius - 1) / sigma[k];
        if (value > *bound) {
            *bound = value;
            *at = radius;
        }
    }
    return SX_OK;
}

/* ln |J|_2 per time, the largest growth of |x| in one step: |J|_2^2 is the largest eigenvalue of J^T J. */
static sx_status step_growth(sx_ctx *ctx, const sx_spectrum *s, const double *J, double *out) {
    int64_t n = s->n;
    double *square = NULL, *values = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, n * n, sizeof *square, &square));
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *values, &values));
    sx_gemm(true, false, n, n, n, 1, J, n, J, n, 0, square, n);
    SX_GO(ctx, status, done, sx_symmetric_eigen(ctx, n, square, values, NULL));
    *out = log(fmax(values[n - 1], DBL_MIN)) / (2 * s->step);
done:
    sx_free(ctx, values);
    sx_free(ctx, square);
    return status;
}

/* J^T J as an operator. */
typedef struct sx_gram {
    const sx_operator *op;
    double *y; /* [n][8] */
} sx_gram;
static sx_status gram_apply(void *user, sx_ctx *ctx, int64_t b, const double *x, double *y) {
    sx_gram *g = user;
    sx_status status = g->op->apply(g->op->user, ctx, b, x, g->y);
    return status == SX_OK ? g->op->adjoint(g->op->user, ctx, b, g->y, y) : status;
}

static sx_status step_growth_large(sx_ctx *ctx, const sx_spectrum *s, const sx_operator *op, sx_key key, double *out) {
    sx_gram g = { .op = op };
    sx_modes top = { 0 };
    sx_status status;
    SX_TRY(ctx, sx_alloc(ctx, s->n * op->block, sizeof *g.y, &g.y));
    sx_operator gram = { .n = s->n, .user = &g, .apply = gram_apply, .adjoint = gram_apply, .block = op->block };
    sx_krylov_opts o = { .k = 1, .wanted = SX_WANTED_LARGEST, .symmetric = true, .tolerance = 1e-6, .key = key };
    status = sx_krylov_eigen(ctx, &gram, &o, &top); /* of a symmetric operator: the value is right to 1e-12 */
    sx_free(ctx, g.y);
    if (status == SX_NOT_CONVERGED) sx_ctx_clear(ctx);
    if (status >= 0 && status != SX_STOPPED) {
        *out = top.count > 0 ? log(fmax(top.re[0], DBL_MIN)) / (2 * s->step) : (double)NAN;
        status = SX_OK;
    }
    sx_modes_free(ctx, &top);
    return status < 0 ? sx_frame_at(ctx, status, __FILE__, __LINE__, __func__) : status;
}

/* Box of all eigenvalues with a margin, the same scale on both axes' ends. */
static void pseudo_box(const sx_spectrum *s, const double *zeta, double *scalars) {
    double lo = INFINITY, hi = -INFINITY, top = 0;
    for (int64_t i = 0; i < s->n; i++) {
        lo = fmin(lo, zeta[2 * i]);
        hi = fmax(hi, zeta[2 * i]);
        top = fmax(top, fabs(zeta[2 * i + 1]));
    }
    double margin = 0.3 * fmax(hi - lo, 2 * top);
    if (!(margin > 0)) margin = scalars[POINT_NORM] > 0 ? scalars[POINT_NORM] : 1;
    scalars[POINT_PSEUDO_RE0] = lo - margin;
    scalars[POINT_PSEUDO_RE1] = hi + margin;
    scalars[POINT_PSEUDO_IM1] = top + margin;
}

static sx_status pseudospectrum(sx_ctx *ctx, const sx_spectrum *s, const sx_resolvent *r, void *state) {
    int64_t g = s->o.pseudospectrum, half = (g + 1) / 2;
    double *scalars = sx_spectrum_part_at(s, state, PART_SCALARS), *out = sx_spectrum_part_at(s, state, PART_PSEUDO);
    double *z = NULL;
    sx_status status;
    pseudo_box(s, sx_spectrum_part_at(s, state, PART_EIGENVALUE), scalars);
    double x0 = scalars[POINT_PSEUDO_RE0], x1 = scalars[POINT_PSEUDO_RE1], y1 = scalars[POINT_PSEUDO_IM1];
    SX_GO(ctx, status, done, sx_alloc(ctx, 3 * half * g, sizeof *z, &z));
    double *re = z, *im = z + half * g, *sigma = z + 2 * half * g;
    for (int64_t i = 0; i < half; i++) /* J is real: the lower half is the mirror image */
        for (int64_t j = 0; j < g; j++) {
            re[i * g + j] = g > 1 ? x0 + (x1 - x0) * (double)j / (double)(g - 1) : x0;
            im[i * g + j] = g > 1 ? y1 - 2 * y1 * (double)i / (double)(g - 1) : y1;
        }
    SX_GO(ctx, status, done, sx_resolvent_smallest(ctx, r, half * g, re, im, sigma));
    for (int64_t i = 0; i < half; i++) {
        memcpy(out + (g - 1 - i) * g, sigma + i * g, sizeof(double) * (size_t)g);
        memcpy(out + i * g, sigma + i * g, sizeof(double) * (size_t)g);
    }
done:
    sx_free(ctx, z);
    return status;
}

static sx_status non_normality_dense(sx_ctx *ctx, const sx_spectrum *s, int64_t point, void *state,
                                     const sx_exec *exec) {
    int64_t n = s->n;
    double *scalars = sx_spectrum_part_at(s, state, PART_SCALARS), *J = NULL, *re = NULL;
    const double *zeta = sx_spectrum_part_at(s, state, PART_EIGENVALUE);
    sx_resolvent *r = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, n * n, sizeof *J, &J));
    SX_GO(ctx, status, done, sx_alloc(ctx, 2 * n, sizeof *re, &re));
    SX_GO(ctx, status, done, sx_spectrum_jacobian(ctx, s, s->places.models[point], s->places.x + point * n, exec, J));
    SX_GO(ctx, status, done, sx_resolvent_create(ctx, n, J, &r));
    if (s->o.non_normality) {
        for (int64_t i = 0; i < n; i++) {
            re[i] = zeta[2 * i];
            re[n + i] = zeta[2 * i + 1];
        }
        scalars[POINT_HENRICI] = sx_henrici(n, J, re, re + n);
        if (s->map) {
            double largest = 0;
            for (int64_t i = 0; i < n; i++) largest = fmax(largest, hypot(re[i], re[n + i]));
            SX_GO(ctx, status, done, step_growth(ctx, s, J, &scalars[POINT_ABSCISSA]));
            scalars[POINT_KREISS] = scalars[POINT_KREISS_AT] = INFINITY;
            if (largest < 1)
                SX_GO(ctx, status, done, map_kreiss(ctx, r, &scalars[POINT_KREISS], &scalars[POINT_KREISS_AT]));
        } else {
            SX_GO(ctx, status, done, sx_numerical_abscissa_dense(ctx, n, J, &scalars[POINT_ABSCISSA]));
            SX_GO(ctx, status, done, sx_resolvent_kreiss(ctx, r, &scalars[POINT_KREISS], &scalars[POINT_KREISS_AT]));
        }
    }
    if (s->o.pseudospectrum > 0) SX_GO(ctx, status, done, pseudospectrum(ctx, s, r, state));
done:
    sx_resolvent_free(ctx, r);
    sx_free(ctx, re);
    sx_free(ctx, J);
    return status;
}

static sx_status non_normality_large(sx_ctx *ctx, const sx_spectrum *s, int64_t point, void *state,
                                     const sx_exec *exec) {
    double *scalars = sx_spectrum_part_at(s, state, PART_SCALARS);
    sx_tangent t = { 0 };
    sx_operator op;
    sx_status status = SX_OK;
    SX_TRY(ctx, sx_tangent_create(ctx, s, point, 1, exec, &t, &op));
    sx_key key = sx_key_derive(s->key, "non-normality", (uint64_t)point);
    bool stable = scalars[POINT_MODES] > 0 && sx_spectrum_mode(s, state, MODE_RATE)[0] > 0;
    scalars[POINT_KREISS] = scalars[POINT_KREISS_AT] = stable ? 1 : (double)INFINITY;
    if (s->map)
        SX_GO(ctx, status, done, step_growth_large(ctx, s, &op, key, &scalars[POINT_ABSCISSA]));
    else
        SX_GO(ctx, status, done, sx_numerical_abscissa(ctx, &op, 1e-8, key, &scalars[POINT_ABSCISSA]));
    if (stable && !s->map && status == SX_OK)
        SX_GO(ctx, status, done,
              sx_kreiss_bound(ctx, &op, scalars[POINT_NORM], 4000, key, &scalars[POINT_KREISS],
                              &scalars[POINT_KREISS_AT]));
done:
    sx_tangent_free(ctx, &t);
    return status;
}

/* -- phases ------------------------------------------------------------------------------------------------------------------- */

static sx_status advance_point(sx_ctx *ctx, const void *instance, int64_t point, void *state, void *scratch,
                               const sx_exec *exec, sx_result *result, bool *done, double *fraction) {
    const sx_spectrum *s = instance;
    int64_t *progress = (int64_t *)(void *)sx_spectrum_part_at(s, state, PART_PROGRESS);
    (void)scratch;
    sx_status status = SX_OK;
    switch ((sx_spectrum_phase)progress[0]) {
    case PHASE_SHUFFLES:
        status = sx_spectrum_shuffle(ctx, s, point, progress[1], state, exec);
        break;
    case PHASE_MODES:
        status = sx_spectrum_modes(ctx, s, point, state, exec, result);
        break;
    case PHASE_NONNORMAL:
        if (s->dense && (s->o.non_normality || s->o.pseudospectrum > 0))
            status = non_normality_dense(ctx, s, point, state, exec);
        else if (s->o.non_normality)
            status = non_normality_large(ctx, s, point, state, exec);
        break;
    case PHASE_DENSITY:
        status = sx_spectrum_density(ctx, s, point, state, exec);
        break;
    case PHASE_DONE:
        break;
    }
    SX_TRY(ctx, status);
    if (status == SX_STOPPED) return SX_OK; /* the phase begins again when the run is resumed */
    if (progress[0] != PHASE_SHUFFLES || ++progress[1] == s->o.shuffles) progress[0]++;
    double all = s->section_of[PART_SHUFFLED] >= 0 ? (double)s->o.shuffles : 0;
    *done = progress[0] == PHASE_DONE;
    *fraction =
        ((double)progress[1] + (double)(progress[0] > PHASE_MODES) + (double)(progress[0] > PHASE_NONNORMAL) + *done) /
        (all + 3);
    return SX_OK;
}

const sx_task_ops sx_spectrum_task = {
    .abi = SX_TASK_ABI,
    .struct_size = sizeof(sx_task_ops),
    .name = "spectrum",
    .title = "Relaxation modes and the density of time scales",
    .help = "Eigenvalues and modes of the Jacobian at points: relaxation rates, their density, memory kernel, "
            "non-normality, collective modes.",
    .fields = sx_spectrum_fields,
    .opts_size = sizeof(sx_spectrum_opts),
    .outputs = sx_spectrum_outputs,
    .needs = "F jvp",
    .example =
        "title = \"Time scales of a random network\"\nseed = 1\n\n[model]\nkind = \"rate\"\ncoupling = { "
        "ensemble = \"gaussian\", n = 200, g = 0.8 }\n\n[noise]\nkind = \"none\"\n\n[[task]]\ndo = \"spectrum\"\n",
    .open = open_spectrum,
    .define = sx_spectrum_define,
    .start = start_point,
    .advance = advance_point,
    .finish = sx_spectrum_finish,
    .close = close_spectrum,
};
