// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Densities of all points on common axes (unified-dynamics.md sections 1.3, 4, 4.1), rates r with shares of all N modes:
 *     tdos(r) = share / width,   tdos_log = share of ln tau / width of ln tau = r tdos(r),   K(t) = mean of e^{-r t} over the modes that decay
 *     infrared exponent: truncated power law in the window by maximum likelihood
 * Probes give independent estimates: mean and standard error over them; a single estimate carries the error that its method knows. */
#include "spectrum_private.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { JOINT_MOST = 200 };

typedef struct sx_axes {
    int64_t bins, time_bins, joint, lags;
    double range[2], frequency;
    double *edge, *time_edge, *rate_edge, *lag; /* rate_edge: 1 / time_edge, ascending */
} sx_axes;

/* -- axes --------------------------------------------------------------------------------------------------------------------- */

/* Slowest resolved rate > 0 of the reported modes, fastest rate. */
static void positive_ends(const sx_spectrum *s, const void *const *states, double hi, double *slow, double *fast) {
    *slow = INFINITY;
    *fast = hi;
    for (int64_t p = 0; p < s->places.n; p++) {
        const double *rate = sx_spectrum_mode(s, states[p], MODE_RATE),
                     *resolved = sx_spectrum_mode(s, states[p], MODE_RESOLVED);
        int64_t count = (int64_t)sx_spectrum_part_at(s, states[p], PART_SCALARS)[POINT_MODES];
        for (int64_t j = 0; j < count; j++)
            if (rate[j] > 0 && resolved[j] > 0) {
                *slow = fmin(*slow, rate[j]);
                break;
            }
    }
    if (!isfinite(*slow)) *slow = 1e-3 * hi;
}

static sx_status make_axes(sx_ctx *ctx, const sx_spectrum *s, const void *const *states, sx_axes *a) {
    double lo = INFINITY, hi = -INFINITY, slow, fast;
    double few = fmax(12, ceil(sqrt((double)s->n))); /* of counts: cells on a side, about one mode in each */
    *a = (sx_axes){ .bins = s->o.bins, .joint = s->o.bins < JOINT_MOST ? s->o.bins : JOINT_MOST };
    if (s->density == SX_DENSITY_DENSE && few < (double)a->joint) a->joint = (int64_t)few;
    for (int64_t p = 0; p < s->places.n; p++) sx_spectrum_ends(s, states[p], &lo, &hi, &a->frequency);
    if (!(lo <= hi)) lo = hi = 0;
    positive_ends(s, states, hi, &slow, &fast);
    double margin = 0.02 * (hi - lo);
    if (!(margin > 1e-9 * fmax(fabs(lo), fabs(hi)))) margin = lo != 0 || hi != 0 ? 0.1 * fmax(fabs(lo), fabs(hi)) : 1;
    a->range[0] = s->range[1] > s->range[0] ? s->range[0] : lo - margin;
    a->range[1] = s->range[1] > s->range[0] ? s->range[1] : hi + margin;
    a->frequency *= 1.02;
    SX_TRY(ctx, sx_alloc(ctx, a->bins + 1, sizeof *a->edge, &a->edge));
    for (int64_t k = 0; k <= a->bins; k++)
        a->edge[k] = a->range[0] + (a->range[1] - a->range[0]) * (double)k / (double)a->bins;
    if (!(fast > 0)) return SX_OK; /* nothing decays: no relaxation times */
    a->time_bins = a->bins;
    SX_TRY(ctx, sx_alloc(ctx, a->bins + 1, sizeof *a->time_edge, &a->time_edge));
    SX_TRY(ctx, sx_alloc(ctx, a->bins + 1, sizeof *a->rate_edge, &a->rate_edge));
    double first = 0.9 / fast, last = 1.1 / fmin(slow, fast);
    for (int64_t k = 0; k <= a->bins; k++) {
        a->time_edge[k] = first * pow(last / first, (double)k / (double)a->bins);
        a->rate_edge[a->bins - k] = 1 / a->time_edge[k];
    }
    a->lags = s->o.lags;
    double from = 0.01 / fast, to = 10 / fmin(slow, fast);
    if (s->lag_range[1] > 0) {
        from = s->lag_range[0];
        to = s->lag_range[1];
    }
    SX_TRY(ctx, sx_alloc(ctx, a->lags, sizeof *a->lag, &a->lag));
    for (int64_t k = 0; k < a->lags; k++)
        a->lag[k] = a->lags > 1 ? from * pow(to / from, (double)k / (double)(a->lags - 1)) : from;
    return SX_OK;
}

static void free_axes(sx_ctx *ctx, sx_axes *a) {
    sx_free(ctx, a->edge);
    sx_free(ctx, a->time_edge);
    sx_free(ctx, a->rate_edge);
    sx_free(ctx, a->lag);
}

static sx_status put_centres(sx_ctx *ctx, const sx_spectrum *s, sx_result *r, const char *name, int64_t n,
                             const double *edge, bool geometric, const char *units, const char *help) {
    double *v = NULL;
    SX_TRY(ctx, sx_result_dim(ctx, r, s->group, name, n));
    SX_TRY(ctx, sx_alloc(ctx, n, sizeof *v, &v));
    for (int64_t k = 0; k < n; k++) v[k] = geometric ? sqrt(edge[k] * edge[k + 1]) : 0.5 * (edge[k] + edge[k + 1]);
    sx_status status = sx_spectrum_put(ctx, s, r, name, name, units, help, v);
    sx_free(ctx, v);
    return status;
}

/* -- estimates with errors over probes ---------------------------------------------------------------------------------------- */

/* Running mean and sum of squares over probes (Welford). */
static void add_estimate(int probe, int64_t n, const double *value, double *mean, double *square) {
    for (int64_t k = 0; k < n; k++) {
        double d = value[k] - mean[k];
        mean[k] += d / (probe + 1);
        square[k] += d * (value[k] - mean[k]);
    }
}
/* square -> standard error of the mean, or the method's own error if there is one estimate */
static void close_estimate(int probes, int64_t n, const double *own, double *square) {
    for (int64_t k = 0; k < n; k++) square[k] = probes > 1 ? sqrt(square[k] / ((double)probes * (probes - 1))) : own[k];
}

/* share[k] = cumulative difference over edges, own[k] its error; from one probe. */
static sx_status shares(sx_ctx *ctx, const sx_spectrum *s, const void *state, int probe, int64_t n, const double *edge,
                        double *share, double *own) {
    double *c = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, 2 * (n + 1), sizeof *c, &c));
    SX_GO(ctx, status, done, sx_spectrum_cumulative(ctx, s, state, probe, n + 1, edge, c, c + n + 1));
    for (int64_t k = 0; k < n; k++) {
        share[k] = c[k + 1] - c[k];
        own[k] = fabs(c[n + 2 + k] - c[n + 1 + k]); /* they are sums: an upper bound of the error of the bin */
    }
    if (s->density ==
        SX_DENSITY_DENSE) { /* bins are closed on the left: a rate on the first edge belongs to the first bin */
        double before = nextafter(edge[0], -INFINITY), value;
        SX_GO(ctx, status, done, sx_spectrum_cumulative(ctx, s, state, probe, 1, &before, &value, NULL));
        share[0] += c[0] - value;
    }
done:
    sx_free(ctx, c);
    return status;
}

static sx_status density_of_point(sx_ctx *ctx, const sx_spectrum *s, const void *state, int64_t n, const double *edge,
                                  double *mean, double *se) {
    int probes = sx_spectrum_probes(s);
    double *share = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, 2 * n, sizeof *share, &share));
    for (int p = 0; p < probes; p++) {
        SX_GO(ctx, status, done, shares(ctx, s, state, p, n, edge, share, share + n));
        add_estimate(p, n, share, mean, se);
    }
    close_estimate(probes, n, share + n, se);
done:
    sx_free(ctx, share);
    return status;
}

static sx_status write_density(sx_ctx *ctx, const sx_spectrum *s, const void *const *states, const sx_axes *a,
                               bool logarithmic, sx_result *r) {
    int64_t n = logarithmic ? a->time_bins : a->bins, points = s->places.n;
    double *mean = NULL, *se = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, points * n, sizeof *mean, &mean));
    SX_GO(ctx, status, done, sx_alloc(ctx, points * n, sizeof *se, &se));
    for (int64_t p = 0; p < points; p++) {
        double *m = mean + p * n, *e = se + p * n;
        SX_GO(ctx, status, done, density_of_point(ctx, s, states[p], n, logarithmic ? a->rate_edge : a->edge, m, e));
        for (int64_t k = 0; k < n; k++) {
            double width = logarithmic ? log(a->rate_edge[k + 1] / a->rate_edge[k]) : a->edge[k + 1] - a->edge[k];
            m[k] /= width;
            e[k] /= width;
        }
        for (int64_t k = 0; logarithmic && k < n / 2; k++) { /* rates ascend, times descend */
            double t = m[k], u = e[k];
            m[k] = m[n - 1 - k];
            e[k] = e[n - 1 - k];
            m[n - 1 - k] = t;
            e[n - 1 - k] = u;
        }
    }
    const char *name = logarithmic ? "tdos_log" : "tdos", *dims = logarithmic ? "point,time_bin" : "point,bin",
               *units = logarithmic ? "1" : "time";
    SX_GO(ctx, status, done,
          sx_spectrum_put(ctx, s, r, name, dims, units,
                          logarithmic ? "density of relaxation times per ln tau" : "density of relaxation rates",
                          mean));
    SX_GO(ctx, status, done,
          sx_spectrum_put(ctx, s, r, logarithmic ? "tdos_log_se" : "tdos_se", dims, units,
                          logarithmic ? "standard error of tdos_log; 0 where all eigenvalues are counted"
                                      : "standard error of tdos; 0 where all eigenvalues are counted",
                          se));
done:
    sx_free(ctx, se);
    sx_free(ctx, mean);
    return status;
}

static sx_status write_joint(sx_ctx *ctx, const sx_spectrum *s, const void *const *states, const sx_axes *a,
                             sx_result *r) {
    int64_t n = a->joint, cells = n * n, points = s->places.n, total;
    double *weight = NULL, *se = NULL, *edge = NULL;
    bool known = a->frequency > 0;
    sx_status status = SX_OK;
    if (!known || points == 0 || (s->density != SX_DENSITY_DENSE && s->density != SX_DENSITY_RESOLVENT)) return SX_OK;
    SX_GO(ctx, status, done, sx_mul_size(ctx, points, cells, &total));
    SX_GO(ctx, status, done, sx_alloc(ctx, total, sizeof *weight, &weight));
    SX_GO(ctx, status, done, sx_alloc(ctx, total, sizeof *se, &se));
    SX_GO(ctx, status, done, sx_alloc(ctx, 2 * (n + 1), sizeof *edge, &edge));
    double *frequency = edge + n + 1, area = (a->range[1] - a->range[0]) / (double)n * 2 * a->frequency / (double)n;
    for (int64_t k = 0; k <= n; k++) {
        edge[k] = a->range[0] + (a->range[1] - a->range[0]) * (double)k / (double)n;
        frequency[k] = a->frequency * (2 * (double)k / (double)n - 1);
    }
    for (int64_t p = 0; p < points; p++)
        (void)sx_spectrum_joint(s, states[p], n, a->range, n, a->frequency, weight + p * cells, se + p * cells);
    for (int64_t k = 0; k < total; k++) {
        weight[k] /= area;
        se[k] /= area;
    }
    SX_GO(ctx, status, done, put_centres(ctx, s, r, "rate_bin", n, edge, false, "1/time", "relaxation rate"));
    SX_GO(ctx, status, done,
          put_centres(ctx, s, r, "frequency_bin", n, frequency, false, "1/time", "angular frequency"));
    SX_GO(ctx, status, done,
          sx_spectrum_put(ctx, s, r, "tdos_joint", "point,rate_bin,frequency_bin", "time^2",
                          "joint density of relaxation rate and angular frequency", weight));
    SX_GO(ctx, status, done,
          sx_spectrum_put(ctx, s, r, "tdos_joint_se", "point,rate_bin,frequency_bin", "time^2",
                          "standard error of tdos_joint (upper bound); 0 where all eigenvalues are counted", se));
done:
    sx_free(ctx, edge);
    sx_free(ctx, se);
    sx_free(ctx, weight);
    return status;
}

/* -- memory kernel and infrared exponent ------------------------------------------------------------------------------------- */

typedef struct sx_atoms {
    int64_t n;
    double *rate, *weight, *se;
} sx_atoms;

/* K(t) of one probe: sum over rates > 0 of w e^{-r t} / sum of w; own: the same of the errors of the weights. */
static void kernel_of(const sx_atoms *atoms, int64_t lags, const double *lag, double *value, double *own) {
    double mass = 0;
    for (int64_t i = 0; i < atoms->n; i++) mass += atoms->rate[i] > 0 ? atoms->weight[i] : 0;
    for (int64_t k = 0; k < lags; k++) {
        double sum = 0, error = 0;
        for (int64_t i = 0; i < atoms->n; i++) {
            if (!(atoms->rate[i] > 0)) continue;
            double f = exp(-atoms->rate[i] * lag[k]);
            sum += atoms->weight[i] * f;
            error += atoms->se[i] * f;
        }
        value[k] = mass > 0 ? sum / mass : (double)NAN;
        own[k] = mass > 0 ? error / mass : (double)NAN;
    }
}

static sx_status write_kernel(sx_ctx *ctx, const sx_spectrum *s, const void *const *states, const sx_axes *a,
                              sx_result *r) {
    int64_t points = s->places.n, most = sx_spectrum_atoms_most(s);
    int probes = sx_spectrum_probes(s);
    double *mean = NULL, *se = NULL, *value = NULL, *room = NULL;
    sx_status status = SX_OK;
    if (a->lags == 0) return SX_OK;
    SX_GO(ctx, status, done, sx_alloc(ctx, points * a->lags, sizeof *mean, &mean));
    SX_GO(ctx, status, done, sx_alloc(ctx, points * a->lags, sizeof *se, &se));
    SX_GO(ctx, status, done, sx_alloc(ctx, 2 * a->lags, sizeof *value, &value));
    SX_GO(ctx, status, done, sx_alloc(ctx, 3 * most, sizeof *room, &room));
    sx_atoms atoms = { 0, room, room + most, room + 2 * most };
    for (int64_t p = 0; p < points; p++) {
        for (int k = 0; k < probes; k++) {
            SX_GO(ctx, status, done,
                  sx_spectrum_atoms(ctx, s, states[p], k, &atoms.n, atoms.rate, atoms.weight, atoms.se));
            kernel_of(&atoms, a->lags, a->lag, value, value + a->lags);
            add_estimate(k, a->lags, value, mean + p * a->lags, se + p * a->lags);
        }
        close_estimate(probes, a->lags, value + a->lags, se + p * a->lags);
    }
    SX_GO(ctx, status, done, sx_result_dim(ctx, r, s->group, "lag", a->lags));
    SX_GO(ctx, status, done, sx_spectrum_put(ctx, s, r, "lag", "lag", "time", "lag", a->lag));
    SX_GO(ctx, status, done,
          sx_spectrum_put(ctx, s, r, "kernel", "point,lag", "1",
                          "memory kernel: mean of exp(-rate t) over the modes that decay", mean));
    SX_GO(ctx, status, done,
          sx_spectrum_put(ctx, s, r, "kernel_se", "point,lag", "1",
                          "standard error of kernel; 0 where all eigenvalues are known", se));
done:
    sx_free(ctx, room);
    sx_free(ctx, value);
    sx_free(ctx, se);
    sx_free(ctx, mean);
    return status;
}

/* Share of all modes with rates up to slow_below, and the mean of ln tau over those that decay. */
static sx_status write_summary(sx_ctx *ctx, const sx_spectrum *s, const void *const *states, bool decays,
                               sx_result *r) {
    int64_t points = s->places.n, most = sx_spectrum_atoms_most(s);
    int probes = sx_spectrum_probes(s);
    double *room = NULL, *mean = NULL, *se, *column;
    sx_status status = SX_OK;
    SX_GO(ctx, status, done, sx_alloc(ctx, 3 * most, sizeof *room, &room));
    SX_GO(ctx, status, done, sx_alloc(ctx, 5 * points, sizeof *mean, &mean));
    se = mean + 2 * points;
    column = mean + 4 * points;
    sx_atoms atoms = { 0, room, room + most, room + 2 * most };
    for (int64_t p = 0; p < points; p++) {
        double own[2] = { 0, 0 };
        for (int k = 0; k < probes; k++) {
            double value[2] = { 0, 0 }, decay = 0;
            if (s->o.slow_below > 0)
                SX_GO(ctx, status, done,
                      sx_spectrum_cumulative(ctx, s, states[p], k, 1, &s->o.slow_below, &value[0], &own[0]));
            SX_GO(ctx, status, done,
                  sx_spectrum_atoms(ctx, s, states[p], k, &atoms.n, atoms.rate, atoms.weight, atoms.se));
            own[1] = 0;
            for (int64_t i = 0; i < atoms.n; i++) {
                if (!(atoms.rate[i] > 0)) continue;
                value[1] -= atoms.weight[i] * log(atoms.rate[i]);
                own[1] += atoms.se[i] * fabs(log(atoms.rate[i]));
                decay += atoms.weight[i];
            }
            value[1] = decay > 0 ? value[1] / decay : (double)NAN;
            own[1] = decay > 0 ? own[1] / decay : 0;
            add_estimate(k, 2, value, mean + 2 * p, se + 2 * p);
        }
        close_estimate(probes, 2, own, se + 2 * p);
    }
    static const struct {
        const char *name, *help, *error;
    } vars[2] = { { "slow_fraction", "share of all modes with rates up to slow_below",
                    "standard error of slow_fraction" },
                  { "mean_log_time", "mean of ln tau over the modes that decay", "standard error of mean_log_time" } };
    for (int v = s->o.slow_below > 0 ? 0 : 1; v < (decays ? 2 : 1); v++)
        for (int error = 0; error < 2; error++) {
            char name[32];
            (void)snprintf(name, sizeof name, "%s%s", vars[v].name, error ? "_se" : "");
            for (int64_t p = 0; p < points; p++) column[p] = (error ? se : mean)[2 * p + v];
            SX_GO(ctx, status, done,
                  sx_spectrum_put(ctx, s, r, name, "point", "1", error ? vars[v].error : vars[v].help, column));
        }
    if (s->o.slow_below > 0)
        SX_GO(ctx, status, done,
              sx_result_attr_number(ctx, r, s->group, "slow_fraction", "slow_below", s->o.slow_below));
done:
    sx_free(ctx, mean);
    sx_free(ctx, room);
    return status;
}

/* All probes together are one sample of N modes. */
static sx_status fit_point(sx_ctx *ctx, const sx_spectrum *s, const void *state, double *rate, double *weight,
                           double *se, sx_power_law *out) {
    int probes = sx_spectrum_probes(s);
    int64_t n = 0, count;
    for (int k = 0; k < probes; k++, n += count) {
        SX_TRY(ctx, sx_spectrum_atoms(ctx, s, state, k, &count, rate + n, weight + n, se));
        for (int64_t i = 0; i < count; i++) weight[n + i] *= (double)s->n / probes;
    }
    return sx_power_law_fit(ctx, n, rate, s->density == SX_DENSITY_DENSE ? NULL : weight, s->infrared[0],
                            s->infrared[1], out);
}

static sx_status write_exponent(sx_ctx *ctx, const sx_spectrum *s, const void *const *states, sx_result *r) {
    int64_t points = s->places.n, most = sx_spectrum_atoms_most(s) * sx_spectrum_probes(s);
    double *out = NULL, *room = NULL;
    sx_status status = SX_OK;
    if (!(s->infrared[1] > 0)) return SX_OK;
    SX_GO(ctx, status, done, sx_alloc(ctx, 3 * points, sizeof *out, &out));
    SX_GO(ctx, status, done, sx_alloc(ctx, 3 * most, sizeof *room, &room));
    for (int64_t p = 0; p < points; p++) {
        sx_power_law fit = { NAN, NAN, 0 };
        SX_GO(ctx, status, done, fit_point(ctx, s, states[p], room, room + most, room + 2 * most, &fit));
        out[p] = fit.exponent;
        out[points + p] = fit.se;
        out[2 * points + p] = fit.count;
        if (isnan(fit.exponent))
            SX_GO(ctx, status, done,
                  sx_result_warn(ctx, r, s->group,
                                 "point %lld: %.3g modes in the infrared window [%g, %g]: no exponent", (long long)p,
                                 fit.count, s->infrared[0], s->infrared[1]));
    }
    SX_GO(ctx, status, done,
          sx_spectrum_put(ctx, s, r, "infrared_exponent", "point", "1",
                          "exponent of the density of rates in the window (maximum likelihood)", out));
    SX_GO(ctx, status, done,
          sx_spectrum_put(ctx, s, r, "infrared_exponent_se", "point", "1", "standard error of infrared_exponent",
                          out + points));
    SX_GO(ctx, status, done,
          sx_spectrum_put(ctx, s, r, "infrared_modes", "point", "1", "modes in the window", out + 2 * points));
    SX_GO(ctx, status, done,
          sx_result_attr_number(ctx, r, s->group, "infrared_exponent", "window_first", s->infrared[0]));
    SX_GO(ctx, status, done,
          sx_result_attr_number(ctx, r, s->group, "infrared_exponent", "window_last", s->infrared[1]));
done:
    sx_free(ctx, room);
    sx_free(ctx, out);
    return status;
}

sx_status sx_spectrum_density_write(sx_ctx *ctx, const sx_spectrum *s, const void *const *states, sx_result *r) {
    sx_axes a = { 0 };
    sx_status status = SX_OK;
    if (s->density == SX_DENSITY_NONE || s->empty) return SX_OK;
    SX_GO(ctx, status, done, make_axes(ctx, s, states, &a));
    SX_GO(ctx, status, done, put_centres(ctx, s, r, "bin", a.bins, a.edge, false, "1/time", "relaxation rate"));
    SX_GO(ctx, status, done, write_density(ctx, s, states, &a, false, r));
    SX_GO(ctx, status, done, sx_spectrum_law_write(ctx, s, states, a.bins, a.edge, r));
    if (a.time_bins > 0) {
        SX_GO(ctx, status, done,
              put_centres(ctx, s, r, "time_bin", a.time_bins, a.time_edge, true, "time", "relaxation time"));
        SX_GO(ctx, status, done, write_density(ctx, s, states, &a, true, r));
    }
    SX_GO(ctx, status, done, write_joint(ctx, s, states, &a, r));
    SX_GO(ctx, status, done, write_kernel(ctx, s, states, &a, r));
    SX_GO(ctx, status, done, write_summary(ctx, s, states, a.time_bins > 0, r));
    SX_GO(ctx, status, done, write_exponent(ctx, s, states, r));
done:
    free_axes(ctx, &a);
    return status;
}
