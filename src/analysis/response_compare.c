// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* `response` beside a simulation. A run obeys the law of its scheme at its step, not that of the continuum: the scheme is run on the linearised
 * model, x' = J x + sqrt(2) B xi, and read as a matrix (run/scheme_law.h), which gives the covariance at any lag. Welch's estimate of a spectrum has
 * an expected value that follows from the autocovariance without approximation:
 *     E S(f) = T / sum w^2  sum_ts v_t c(t - s) v_s^*,    v_t = w_t e^{-2 pi i f t} - mean(w_t e^{-2 pi i f t})
 * with window weights w (Hann), the mean of every window removed, sample interval T. The mean of v vanishes beyond the first two frequencies. */
#include "analysis/response_private.h"

#include "core/fft.h"
#include "core/linalg.h"
#include "core/mutant.h"
#include "run/scheme_law.h"

#include <separatrix/models.h>
#include <separatrix/simulate.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SCHEME_LIMIT 1000 /* numbers in the state; O(n^3) time, O(n^2) memory */
#define NAMED        8    /* units compared by name */
#define PI           3.14159265358979323846

typedef struct sx_beside {
    const sx_response *r;
    const void *const *states;
    sx_result *result;
    const char *group; /* of the simulation */
    int64_t point;
    double *C, *next, *M; /* [n][n]: of the scheme; next and M NULL: the continuum */
    int64_t every;        /* steps between samples */
    double interval;
    const char *source;
} sx_beside;

static const void *state_of(const sx_beside *b, int64_t point) {
    return b->states[point * (1 + b->r->probes)];
}

static int find(const sx_beside *b, const char *name) {
    return sx_result_find(b->result, b->group, name);
}

/* All numbers of a variable; *out NULL when it is missing or has another size. */
static sx_status read_all(sx_ctx *ctx, const sx_beside *b, const char *name, int64_t size, double **out) {
    int64_t shape[8], n = 1;
    const char *dims[8];
    int id = find(b, name);
    *out = NULL;
    if (id < 0) return SX_OK;
    int nd = sx_result_shape(b->result, id, shape, dims);
    for (int k = 0; k < nd; k++) n *= shape[k];
    if (n != size || n == 0) return SX_OK;
    SX_TRY(ctx, sx_alloc(ctx, n, sizeof **out, out));
    sx_status status = sx_result_read(ctx, b->result, id, NULL, NULL, *out);
    if (status < 0) {
        sx_free(ctx, *out);
        *out = NULL;
    }
    return status;
}

static double attribute(const sx_beside *b, const char *wanted) {
    const char *name, *text;
    double number;
    for (int i = 0; sx_result_attr(b->result, b->group, NULL, i, &name, &text, &number); i++)
        if (strcmp(name, wanted) == 0) return number;
    return NAN;
}

/* -- the law of the run ----------------------------------------------------------------------------------------------------------- */

static sx_status linear_model(sx_ctx *ctx, const sx_response *r, const double *J, const double *B, sx_model **out) {
    int64_t n = r->n, rank = r->rank;
    sx_linear_opts o = SX_LINEAR_OPTS;
    sx_coupling *W = NULL;
    sx_noise *noise = NULL;
    sx_model *bare = NULL;
    double *D = NULL, leak = r->map ? 1 : 0;
    sx_noise_class cls = sx_noise_class_of(sx_model_noise(r->model));
    sx_status status;
    sx_fields_default(sx_linear_fields, &o);
    o.struct_size = sizeof o;
    o.time = r->map;
    o.n = n;
    o.leak = (sx_values){ 1, &leak };
    SX_GO(ctx, status, done, sx_coupling_dense(ctx, n, n, J, &W));
    SX_GO(ctx, status, done, sx_linear_create(ctx, &o, W, NULL, &bare));
    if (cls == SX_NOISE_ADDITIVE_DIAGONAL || cls == SX_NOISE_DIAGONAL) {
        SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *D, &D));
        for (int64_t u = 0; u < n; u++) D[u] = B[u * rank + u] * B[u * rank + u];
        SX_GO(ctx, status, done, sx_noise_additive(ctx, n, (sx_values){ n, D }, &noise));
    } else
        SX_GO(ctx, status, done, sx_noise_additive_factor(ctx, n, rank, B, &noise));
    SX_GO(ctx, status, done, sx_model_with_noise(ctx, bare, noise, SX_KINETIC, out));
done:
    sx_free(ctx, D);
    sx_noise_free(ctx, noise);
    sx_model_free(ctx, bare);
    sx_coupling_free(ctx, W);
    return status;
}

/* The stationary law of the scheme on the linearised model; SX_OK with b->M NULL when the scheme or its law is not to be had. */
static sx_status scheme_law(sx_ctx *ctx, sx_beside *b) {
    const sx_response *r = b->r;
    int64_t n = r->n, nn = n * n;
    const char *name = sx_result_attr_find(b->result, b->group, NULL, "method");
    int method = name ? sx_choice_index(SX_METHOD_CHOICES, name) : -1;
    double h = attribute(b, "dt");
    sx_model *m = NULL;
    sx_stepper *stepper = NULL;
    sx_scheme scheme = { 0 };
    const void *state = state_of(b, b->point);
    sx_status status;
    if (method < 0 || !(h > 0) || !r->dense || n > SCHEME_LIMIT || SX_MUTANT(response_continuum)) return SX_OK;
    SX_GO(
        ctx, status, done,
        linear_model(ctx, r, sx_response_at_part(r, state, RESPONSE_J), sx_response_at_part(r, state, RESPONSE_B), &m));
    SX_GO(ctx, status, done, sx_stepper_create(ctx, m, (sx_method)method, h, 1e-6, 1e-9, &stepper));
    SX_GO(ctx, status, done, sx_scheme_read(ctx, stepper, n, &scheme));
    SX_GO(ctx, status, done, sx_alloc(ctx, nn, sizeof *b->next, &b->next));
    SX_GO(ctx, status, done, sx_scheme_stationary(ctx, &scheme, NULL, b->C, b->next));
    b->M = scheme.M;
    scheme.M = NULL;
    b->interval = attribute(b, "sample_interval");
    b->every = (int64_t)nearbyint(b->interval / h);
    b->source = "linear theory at the point, for the scheme at its time step";
done:
    sx_scheme_free(ctx, &scheme);
    sx_stepper_free(ctx, stepper);
    sx_model_free(ctx, m);
    if (status < 0 && status != SX_E_MEMORY && status != SX_E_INTERNAL) { /* say so, and go on with the continuum */
        const char *why = sx_ctx_message(ctx);
        char text[400];
        snprintf(text, sizeof text, "%s", why);
        sx_ctx_clear(ctx);
        return sx_result_warn(ctx, b->result, r->group, "beside task '%s': not corrected for its time step: %s",
                              b->group, text);
    }
    return status;
}

static sx_status find_law(sx_ctx *ctx, sx_beside *b) {
    const sx_response *r = b->r;
    int64_t nn = r->n * r->n;
    b->source = "linear theory at the point (Lyapunov equation)";
    SX_TRY(ctx, sx_alloc(ctx, nn, sizeof *b->C, &b->C));
    SX_TRY(ctx, scheme_law(ctx, b));
    if (!b->M)
        memcpy(b->C, sx_response_at_part(r, state_of(b, b->point), RESPONSE_COVARIANCE), sizeof(double) * (size_t)nn);
    return SX_OK;
}

/* The stable point nearest to the measured mean; the first if that was not measured. */
static sx_status nearest_point(sx_ctx *ctx, sx_beside *b) {
    const sx_response *r = b->r;
    double *mean = NULL, least = INFINITY;
    SX_TRY(ctx, read_all(ctx, b, "x_mean", r->n, &mean));
    b->point = -1;
    for (int64_t p = 0; p < r->places.n; p++) {
        double d = 0;
        if (!sx_response_at_numbers(r, state_of(b, p))[AT_STABLE]) continue;
        for (int64_t u = 0; u < r->n && mean; u++) {
            double e = r->places.x[p * r->n + u] - mean[u];
            d += e * e;
        }
        if (d < least) {
            least = d;
            b->point = p;
        }
    }
    sx_free(ctx, mean);
    double point = (double)b->point;
    return sx_result_put(ctx, b->result, r->group, "compared_point", "", "1", "point beside the measurements", &point);
}

/* -- moments ---------------------------------------------------------------------------------------------------------------------- */

static sx_status put(sx_ctx *ctx, const sx_beside *b, const char *name, const char *dims, const char *units,
                     const char *help, const double *v) {
    return sx_result_put(ctx, b->result, b->r->group, name, dims, units, help, v);
}

static const char *label(const sx_response *r, int64_t unit, char *buf, size_t size) {
    return sx_model_unit_label(r->model, unit, buf, size);
}

static sx_status compare_variance(sx_ctx *ctx, const sx_beside *b) {
    const sx_response *r = b->r;
    int64_t n = r->n;
    double *v = NULL, *se = NULL, *theory = NULL;
    sx_status status;
    SX_GO(ctx, status, done, read_all(ctx, b, "x_variance", n, &v));
    SX_GO(ctx, status, done, read_all(ctx, b, "x_variance_se", n, &se));
    if (!v || !se) {
        status =
            sx_result_warn(ctx, b->result, r->group, "task '%s' has measured no variances of this model", b->group);
        goto done;
    }
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *theory, &theory));
    for (int64_t u = 0; u < n; u++) theory[u] = b->C[u * (n + 1)];
    SX_GO(ctx, status, done, put(ctx, b, "variance_measured", "unit", "state^2", "variance in the simulation", v));
    SX_GO(ctx, status, done,
          put(ctx, b, "variance_measured_se", "unit", "state^2", "standard error of variance_measured", se));
    SX_GO(ctx, status, done, put(ctx, b, "variance_measured_theory", "unit", "state^2", b->source, theory));
    for (int64_t u = 0; u < n && u < NAMED; u++) {
        char text[64], name[128];
        snprintf(name, sizeof name, "variance of %s", label(r, u, text, sizeof text));
        sx_verdict row = { name, v[u], se[u], theory[u], b->source };
        if (se[u] > 0) SX_GO(ctx, status, done, sx_result_verdict(ctx, b->result, r->group, &row));
    }
done:
    sx_free(ctx, theory);
    sx_free(ctx, se);
    sx_free(ctx, v);
    return status;
}

/* Largest |z| of n comparisons where an error is known; -1: none. */
static int64_t worst(int64_t n, const double *v, const double *se, const double *theory, int64_t *count, double *z) {
    int64_t at = -1;
    *z = 0;
    *count = 0;
    for (int64_t k = 0; k < n; k++) {
        if (!(se[k] > 0)) continue;
        double e = fabs(v[k] - theory[k]) / se[k];
        ++*count;
        if (at < 0 || e > *z) {
            at = k;
            *z = e;
        }
    }
    return at;
}

static sx_status compare_covariance(sx_ctx *ctx, const sx_beside *b) {
    const sx_response *r = b->r;
    int64_t n = r->n, count;
    double *v = NULL, *se = NULL, z;
    sx_status status;
    SX_GO(ctx, status, done, read_all(ctx, b, "x_covariance", n * n, &v));
    SX_GO(ctx, status, done, read_all(ctx, b, "x_covariance_se", n * n, &se));
    if (!v || !se) goto done;
    SX_GO(ctx, status, done,
          put(ctx, b, "covariance_measured", "unit,unit2", "state^2", "covariance in the simulation", v));
    SX_GO(ctx, status, done,
          put(ctx, b, "covariance_measured_se", "unit,unit2", "state^2", "standard error of covariance_measured", se));
    SX_GO(ctx, status, done, put(ctx, b, "covariance_measured_theory", "unit,unit2", "state^2", b->source, b->C));
    int64_t at = worst(n * n, v, se, b->C, &count, &z);
    if (at < 0) goto done;
    SX_GO(ctx, status, done, put(ctx, b, "covariance_measured_z", "", "1", "largest |z| of covariance_measured", &z));
    const int64_t pairs = n * (n + 1) / 2;
    char left[64], right[64], name[256];
    snprintf(name, sizeof name, "covariance of %s and %s (largest |z| of %lld pairs)",
             label(r, at / n, left, sizeof left), label(r, at % n, right, sizeof right), (long long)pairs);
    sx_verdict row = { name, v[at], se[at], b->C[at], b->source, pairs };
    SX_GO(ctx, status, done, sx_result_verdict(ctx, b->result, r->group, &row));
done:
    sx_free(ctx, se);
    sx_free(ctx, v);
    return status;
}

/* -- spectra ---------------------------------------------------------------------------------------------------------------------- */

/* Autocovariance c[l][m] of units at sample intervals l < W: e_u . M^(every l - 1) next e_u. */
static sx_status autocovariance(sx_ctx *ctx, const sx_beside *b, int64_t m, const int64_t *unit, int64_t W, double *c) {
    int64_t n = b->r->n;
    double *P = NULL, *x = NULL, *y = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, 2 * n * n, sizeof *P, &P));
    SX_GO(ctx, status, done, sx_alloc(ctx, n * m, sizeof *x, &x));
    SX_GO(ctx, status, done, sx_alloc(ctx, n * m, sizeof *y, &y));
    double *T = P + n * n;
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < m; k++) x[i * m + k] = b->next[i * n + unit[k]];
    memcpy(P, b->M, sizeof(double) * (size_t)(n * n));
    for (int64_t s = 1; s < b->every; s++) {
        sx_gemm(false, false, n, m, n, 1, b->M, n, x, m, 0, y, m);
        memcpy(x, y, sizeof(double) * (size_t)(n * m));
        sx_gemm(false, false, n, n, n, 1, P, n, b->M, n, 0, T, n);
        memcpy(P, T, sizeof(double) * (size_t)(n * n));
    }
    for (int64_t k = 0; k < m; k++) c[k] = b->C[unit[k] * (n + 1)];
    for (int64_t l = 1; l < W; l++) {
        for (int64_t k = 0; k < m; k++) c[l * m + k] = x[unit[k] * m + k];
        sx_gemm(false, false, n, m, n, 1, P, n, x, m, 0, y, m);
        memcpy(x, y, sizeof(double) * (size_t)(n * m));
    }
done:
    sx_free(ctx, y);
    sx_free(ctx, x);
    sx_free(ctx, P);
    return status;
}

/* What Welch's estimate of windows of W samples needs: weights w, a(l) = sum_t w_t w_{t+l} (the transform of |w^|^2 over 2 W), scratch. */
typedef struct sx_welch {
    int64_t W;
    sx_fft *fft, *twice;
    double *w, *a;                /* [W] */
    double *x, *re, *im, *prefix; /* [2 W], [W + 1], [W + 1], [W] */
    void *scratch;
} sx_welch;

static void free_welch(sx_ctx *ctx, sx_welch *s) {
    sx_fft_free(ctx, s->fft);
    sx_fft_free(ctx, s->twice);
    sx_free(ctx, s->w);
    sx_free(ctx, s->x);
    sx_free(ctx, s->scratch);
}

static sx_status make_welch(sx_ctx *ctx, int64_t W, sx_welch *s) {
    s->W = W;
    SX_TRY(ctx, sx_fft_create(ctx, W, &s->fft));
    SX_TRY(ctx, sx_fft_create(ctx, 2 * W, &s->twice));
    SX_TRY(ctx, sx_alloc(ctx, 3 * W, sizeof *s->w, &s->w));
    SX_TRY(ctx, sx_alloc(ctx, 4 * W + 2, sizeof *s->x, &s->x));
    SX_TRY(ctx, sx_alloc(ctx, sx_fft_scratch(s->twice), 1, &s->scratch));
    s->a = s->w + W;
    s->prefix = s->a + W;
    s->re = s->x + 2 * W;
    s->im = s->re + W + 1;
    for (int64_t t = 0; t < W; t++) s->x[t] = s->w[t] = 0.5 * (1 - cos(2 * PI * (double)t / (double)W));
    sx_fft_forward(s->twice, s->x, s->re, s->im, s->scratch);
    for (int64_t k = 0; k <= W; k++) s->x[k] = s->re[k] * s->re[k] + s->im[k] * s->im[k];
    for (int64_t k = 1; k < W; k++) s->x[2 * W - k] = s->x[k];
    sx_fft_forward(s->twice, s->x, s->re, s->im, s->scratch);
    for (int64_t l = 0; l < W; l++) s->a[l] = s->re[l] / (double)(2 * W);
    return SX_OK;
}

/* Expected estimate at all frequencies from the autocovariance of one unit, c[l * m]. With u_t = w_t e^{-iwt} and its mean mu,
 *     sum u_t c(t-s) u_s^* = sum_l c(l) a(l) cos(w l),   less 2 Re mu^* sum_t u_t k_t - |mu|^2 sum_t k_t,   k_t = sum_s c(t - s). */
static void welch(sx_welch *s, int64_t m, double T, const double *c, double *out) {
    int64_t W = s->W;
    double norm = s->a[0], total = 0, *prefix = s->prefix;
    const double *w = s->w;
    prefix[0] = 0; /* sum of c(1) .. c(l) */
    for (int64_t l = 1; l < W; l++) prefix[l] = prefix[l - 1] + c[l * m];
    for (int64_t t = 0; t < W; t++) {
        total += c[0] + prefix[t] + prefix[W - 1 - t];
        s->x[t] = (t == 0 ? 1 : 2) * c[t * m] * s->a[t];
    }
    sx_fft_forward(s->fft, s->x, s->re, s->im, s->scratch);
    for (int64_t f = 0; f <= W / 2; f++) out[f] = T / norm * s->re[f];
    for (int64_t f = 0; f < 2; f++) {
        double omega = 2 * PI * (double)f / (double)W, mu_re = 0, mu_im = 0, s_re = 0, s_im = 0;
        for (int64_t t = 0; t < W; t++) {
            double u_re = w[t] * cos(omega * (double)t), u_im = -w[t] * sin(omega * (double)t),
                   k = c[0] + prefix[t] + prefix[W - 1 - t];
            mu_re += u_re / (double)W;
            mu_im += u_im / (double)W;
            s_re += u_re * k;
            s_im += u_im * k;
        }
        out[f] += T / norm * ((mu_re * mu_re + mu_im * mu_im) * total - 2 * (mu_re * s_re + mu_im * s_im));
    }
}

/* Units of the simulation's spectra, by their labels; false when one is not a unit of this model. */
static bool observed_units(const sx_beside *b, int64_t m, int64_t *unit) {
    int id = find(b, "observed_unit_label");
    for (int64_t k = 0; id >= 0 && k < m; k++) {
        const char *text = sx_result_text(b->result, id, k);
        char buf[64];
        unit[k] = -1;
        for (int64_t u = 0; text && unit[k] < 0 && u < b->r->n; u++)
            if (strcmp(label(b->r, u, buf, sizeof buf), text) == 0) unit[k] = u;
        if (unit[k] < 0) return false;
    }
    return id >= 0;
}

static sx_status put_measured_units(sx_ctx *ctx, const sx_beside *b, int64_t m, const int64_t *unit) {
    char(*buf)[64] = NULL;
    const char **text = NULL;
    int id;
    sx_status status;
    sx_var var = { .name = "measured_unit_label",
                   .dims = "measured_unit",
                   .dtype = SX_DT_STRING,
                   .units = "",
                   .long_name = "label of the unit" };
    SX_GO(ctx, status, done, sx_alloc(ctx, m, sizeof *buf, &buf));
    SX_GO(ctx, status, done, sx_alloc(ctx, m, sizeof *text, &text));
    for (int64_t k = 0; k < m; k++) text[k] = label(b->r, unit[k], buf[k], sizeof buf[k]);
    SX_GO(ctx, status, done, sx_result_dim(ctx, b->result, b->r->group, "measured_unit", m));
    SX_GO(ctx, status, done, sx_result_define(ctx, b->result, b->r->group, &var, &id));
    SX_GO(ctx, status, done, sx_result_write(ctx, b->result, id, NULL, NULL, text));
done:
    sx_free(ctx, text);
    sx_free(ctx, buf);
    return status;
}

/* theory[f][m] for every measured frequency and unit */
static sx_status welch_theory(sx_ctx *ctx, const sx_beside *b, int64_t m, const int64_t *unit, int64_t F,
                              double *theory) {
    int64_t W = 2 * (F - 1);
    double *c = NULL, *column = NULL;
    sx_welch s = { 0 };
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, W * m, sizeof *c, &c));
    SX_GO(ctx, status, done, sx_alloc(ctx, F, sizeof *column, &column));
    SX_GO(ctx, status, done, make_welch(ctx, W, &s));
    SX_GO(ctx, status, done, autocovariance(ctx, b, m, unit, W, c));
    for (int64_t k = 0; k < m; k++) {
        welch(&s, m, b->interval, c + k, column);
        for (int64_t f = 0; f < F; f++) theory[f * m + k] = column[f];
    }
done:
    free_welch(ctx, &s);
    sx_free(ctx, column);
    sx_free(ctx, c);
    return status;
}

static sx_status compare_psd(sx_ctx *ctx, const sx_beside *b) {
    const sx_response *r = b->r;
    int64_t shape[8], count;
    const char *dims[8], *d = "measured_frequency,measured_unit", *u = "state^2 time";
    double *v = NULL, *se = NULL, *theory = NULL, *frequency = NULL, z;
    int64_t *unit = NULL;
    int id = find(b, "x_psd");
    sx_status status = SX_OK;
    if (id < 0 || !b->M || b->every < 1 || sx_result_shape(b->result, id, shape, dims) != 2 || shape[0] < 3)
        return SX_OK;
    int64_t F = shape[0], m = shape[1];
    SX_GO(ctx, status, done, sx_alloc(ctx, m, sizeof *unit, &unit));
    SX_GO(ctx, status, done, read_all(ctx, b, "x_psd", F * m, &v));
    SX_GO(ctx, status, done, read_all(ctx, b, "x_psd_se", F * m, &se));
    SX_GO(ctx, status, done, read_all(ctx, b, "frequency", F, &frequency));
    if (!v || !se || !frequency || !observed_units(b, m, unit)) goto done;
    SX_GO(ctx, status, done, sx_alloc(ctx, F * m, sizeof *theory, &theory));
    SX_GO(ctx, status, done, welch_theory(ctx, b, m, unit, F, theory));
    SX_GO(ctx, status, done, put_measured_units(ctx, b, m, unit));
    SX_GO(ctx, status, done, sx_result_dim(ctx, b->result, r->group, "measured_frequency", F));
    SX_GO(ctx, status, done,
          put(ctx, b, "measured_frequency", "measured_frequency", "1/time", "frequency of the measured spectra",
              frequency));
    SX_GO(ctx, status, done, put(ctx, b, "psd_measured", d, u, "power spectral density in the simulation (Welch)", v));
    SX_GO(ctx, status, done, put(ctx, b, "psd_measured_se", d, u, "standard error of psd_measured", se));
    SX_GO(ctx, status, done,
          put(ctx, b, "psd_measured_theory", d, u, "expected value of Welch's estimate, from linear theory", theory));
    int64_t at = worst(F * m, v, se, theory, &count, &z);
    if (at < 0) goto done;
    SX_GO(ctx, status, done, put(ctx, b, "psd_measured_z", "", "1", "largest |z| of psd_measured", &z));
    char text[64], name[256];
    snprintf(name, sizeof name, "spectrum of %s at frequency %.4g (largest |z| of %lld)",
             label(r, unit[at % m], text, sizeof text), frequency[at / m], (long long)count);
    sx_verdict row = { name, v[at], se[at], theory[at], b->source, count };
    SX_GO(ctx, status, done, sx_result_verdict(ctx, b->result, r->group, &row));
done:
    sx_free(ctx, unit);
    sx_free(ctx, theory);
    sx_free(ctx, frequency);
    sx_free(ctx, se);
    sx_free(ctx, v);
    return status;
}

/* -- large models ----------------------------------------------------------------------------------------------------------------- */

/* The variances of the chosen units, whose theory is that of the continuum. */
static sx_status compare_chosen(sx_ctx *ctx, const sx_beside *b) {
    const sx_response *r = b->r;
    const double *C = sx_response_at_part(r, state_of(b, b->point), RESPONSE_COVARIANCE);
    double *v = NULL, *se = NULL;
    sx_status status;
    SX_GO(ctx, status, done, read_all(ctx, b, "x_variance", r->n, &v));
    SX_GO(ctx, status, done, read_all(ctx, b, "x_variance_se", r->n, &se));
    for (int64_t i = 0; v && se && i < r->m; i++) {
        char text[64], name[128];
        snprintf(name, sizeof name, "variance of %s", label(r, r->unit[i], text, sizeof text));
        sx_verdict row = { name, v[r->unit[i]], se[r->unit[i]], C[i * (r->m + 1)],
                           "linear theory at the point, in the limit of small time steps" };
        if (row.se > 0) SX_GO(ctx, status, done, sx_result_verdict(ctx, b->result, r->group, &row));
    }
done:
    sx_free(ctx, se);
    sx_free(ctx, v);
    return status;
}

sx_status sx_response_compare(sx_ctx *ctx, const sx_response *r, const void *const *states, sx_result *result) {
    sx_beside b = { .r = r, .states = states, .result = result, .group = r->compare };
    const char *task = sx_result_attr_find(result, r->compare, NULL, "task");
    sx_status status;
    if (!task || strcmp(task, "simulate") != 0)
        return sx_result_warn(ctx, result, r->group, "compare = \"%s\": %s", r->compare,
                              task ? "want a task `simulate`" : "the result has no such task");
    SX_GO(ctx, status, done, nearest_point(ctx, &b));
    if (!r->dense) {
        status = compare_chosen(ctx, &b);
        goto done;
    }
    SX_GO(ctx, status, done, find_law(ctx, &b));
    SX_GO(ctx, status, done, compare_variance(ctx, &b));
    SX_GO(ctx, status, done, compare_covariance(ctx, &b));
    SX_GO(ctx, status, done, compare_psd(ctx, &b));
done:
    sx_free(ctx, b.M);
    sx_free(ctx, b.next);
    sx_free(ctx, b.C);
    return status;
}
