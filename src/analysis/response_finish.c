// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Outputs of `response`. One point: variables as they are; several: a leading dimension `point`, with NaN where a point is unstable. */
#include "analysis/response_private.h"

#include "core/stats.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

sx_status sx_response_define(sx_ctx *ctx, void *instance, sx_result *result) {
    const sx_response *r = instance;
    SX_TRY(ctx, sx_result_dim(ctx, result, "", "unit", r->n));
    SX_TRY(ctx, sx_result_attr_text(ctx, result, r->group, NULL, "task", "response"));
    SX_TRY(ctx, sx_result_attr_text(ctx, result, r->group, NULL, "drift", "F"));
    return sx_result_attr_text(ctx, result, r->group, NULL, "method", r->dense ? "dense" : "krylov");
}

typedef struct sx_writer_ {
    const sx_response *r;
    const void *const *states;
    sx_result *result;
    const char *unit, *unit2; /* dimensions of the chosen units */
    bool any;                 /* a stable point */
} sx_writer_;

static const void *state_of(const sx_writer_ *w, int64_t point) {
    return w->states[point * (1 + w->r->probes)];
}
static bool stable(const sx_writer_ *w, int64_t point) {
    bool yes = true;
    for (int64_t k = 0; k <= w->r->probes; k++)
        yes = yes && sx_response_at_numbers(w->r, w->states[point * (1 + w->r->probes) + k])[AT_STABLE];
    return yes;
}
/* The least rate seen by the items of a point; the largest residual of its probes. */
static double least_rate(const sx_writer_ *w, int64_t point) {
    double x = INFINITY;
    for (int64_t k = 0; k <= w->r->probes; k++)
        x = fmin(x, sx_response_at_part(w->r, w->states[point * (1 + w->r->probes) + k], RESPONSE_NUMBER)[NUMBER_RATE]);
    return x;
}
static double probe_residual(const sx_writer_ *w, int64_t point) {
    double x = 0;
    for (int64_t k = 1; k <= w->r->probes; k++)
        x = fmax(
            x, sx_response_at_part(w->r, w->states[point * (1 + w->r->probes) + k], RESPONSE_NUMBER)[NUMBER_RESIDUAL]);
    return x;
}

/* "point,unit,unit2", or without the point. */
static void with_point(const sx_writer_ *w, char *out, size_t size, const char *dims) {
    bool several = w->r->places.n > 1;
    snprintf(out, size, "%s%s%s", several ? "point" : "", several && *dims ? "," : "", dims);
}

static sx_status define(sx_ctx *ctx, const sx_writer_ *w, const char *name, const char *dims, sx_dtype dtype,
                        const char *units, const char *help, int *id) {
    char all[160];
    with_point(w, all, sizeof all, dims);
    sx_var var = { .name = name, .dims = all, .dtype = dtype, .units = units, .long_name = help };
    return sx_result_define(ctx, w->result, w->r->group, &var, id);
}

/* Cells of one point. */
static sx_status write_point(sx_ctx *ctx, const sx_writer_ *w, int id, int64_t point, const void *data) {
    int64_t shape[8], start[8] = { point };
    const char *dims[8];
    (void)sx_result_shape(w->result, id, shape, dims);
    if (w->r->places.n == 1) return sx_result_write(ctx, w->result, id, NULL, NULL, data);
    shape[0] = 1;
    return sx_result_write(ctx, w->result, id, start, shape, data);
}

/* A whole section of the states of the stable points. */
static sx_status put_part(sx_ctx *ctx, const sx_writer_ *w, sx_response_part part, const char *name, const char *dims,
                          const char *units, const char *help) {
    int id;
    if (w->r->section_of[part] < 0 || !w->any) return SX_OK;
    SX_TRY(ctx, define(ctx, w, name, dims, SX_DT_F64, units, help, &id));
    for (int64_t p = 0; p < w->r->places.n; p++)
        if (stable(w, p)) SX_TRY(ctx, write_point(ctx, w, id, p, sx_response_at_part(w->r, state_of(w, p), part)));
    return SX_OK;
}

static sx_status put_number(sx_ctx *ctx, const sx_writer_ *w, sx_response_number which, bool every, const char *name,
                            const char *units, const char *help) {
    int id;
    if (!every && !w->any) return SX_OK;
    SX_TRY(ctx, define(ctx, w, name, "", SX_DT_F64, units, help, &id));
    for (int64_t p = 0; p < w->r->places.n; p++)
        if (every || stable(w, p))
            SX_TRY(ctx, write_point(ctx, w, id, p, sx_response_at_part(w->r, state_of(w, p), RESPONSE_NUMBER) + which));
    return SX_OK;
}

static sx_status put_points(sx_ctx *ctx, const sx_writer_ *w) {
    const sx_response *r = w->r;
    int id, flag;
    SX_TRY(ctx, define(ctx, w, "x", "unit", SX_DT_F64, "state", "point", &id));
    SX_TRY(ctx, define(ctx, w, "stable", "", SX_DT_U8, "1", "1 where the point is stable", &flag));
    for (int64_t p = 0; p < r->places.n; p++) {
        uint8_t yes = stable(w, p);
        SX_TRY(ctx, write_point(ctx, w, id, p, r->places.x + p * r->n));
        SX_TRY(ctx, write_point(ctx, w, flag, p, &yes));
    }
    SX_TRY(ctx, define(ctx, w, "slowest_rate", "", SX_DT_F64, "1/time", "slowest relaxation rate", &id));
    for (int64_t p = 0; p < r->places.n; p++) {
        double rate = least_rate(w, p);
        SX_TRY(ctx, write_point(ctx, w, id, p, &rate));
    }
    return put_number(ctx, w, NUMBER_SPEED, true, "speed", "state/time",
                      r->map ? "largest component of F(x) - x at the point" : "largest component of F at the point");
}

static sx_status put_labels(sx_ctx *ctx, const sx_writer_ *w) {
    const sx_response *r = w->r;
    char(*buf)[64] = NULL;
    const char **text = NULL;
    int id;
    sx_status status = SX_OK;
    SX_GO(ctx, status, done, sx_result_dim(ctx, w->result, r->group, w->unit, r->m));
    SX_GO(ctx, status, done, sx_result_dim(ctx, w->result, r->group, w->unit2, r->m));
    SX_GO(ctx, status, done, sx_alloc(ctx, r->m, sizeof *buf, &buf));
    SX_GO(ctx, status, done, sx_alloc(ctx, r->m, sizeof *text, &text));
    for (int64_t i = 0; i < r->m; i++) text[i] = sx_model_unit_label(r->model, r->unit[i], buf[i], sizeof buf[i]);
    sx_var var = { .name = "observed_unit_label",
                   .dims = w->unit,
                   .dtype = SX_DT_STRING,
                   .units = "",
                   .long_name = "label of the unit" };
    SX_GO(ctx, status, done, sx_result_define(ctx, w->result, r->group, &var, &id));
    SX_GO(ctx, status, done, sx_result_write(ctx, w->result, id, NULL, NULL, text));
done:
    sx_free(ctx, text);
    sx_free(ctx, buf);
    return status;
}

static sx_status put_axis(sx_ctx *ctx, const sx_writer_ *w, const char *name, int64_t n, const double *v,
                          const char *units, const char *help) {
    SX_TRY(ctx, sx_result_dim(ctx, w->result, w->r->group, name, n));
    return sx_result_put(ctx, w->result, w->r->group, name, name, units, help, v);
}

/* -- covariance ----------------------------------------------------------------------------------------------------------------- */

static sx_status put_variance(sx_ctx *ctx, const sx_writer_ *w) {
    const sx_response *r = w->r;
    int64_t n = r->n, S = r->probes;
    double *v = NULL, *se = NULL, *row = NULL;
    int id = -1, id_se = -1, id_residual = -1;
    sx_status status = SX_OK;
    if (!w->any || (!r->dense && S == 0)) return SX_OK;
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *v, &v));
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *se, &se));
    SX_GO(ctx, status, done, sx_alloc(ctx, S, sizeof *row, &row));
    SX_GO(ctx, status, done, define(ctx, w, "variance", "unit", SX_DT_F64, "state^2", "stationary variance", &id));
    if (!r->dense)
        SX_GO(ctx, status, done,
              define(ctx, w, "variance_se", "unit", SX_DT_F64, "state^2", "standard error of variance over the probes",
                     &id_se));
    if (!r->dense)
        SX_GO(ctx, status, done,
              define(ctx, w, "variance_residual", "", SX_DT_F64, "1",
                     "largest residual of the equation of the covariance in a probe, relative to 2 D", &id_residual));
    for (int64_t p = 0; p < r->places.n; p++) {
        if (!stable(w, p)) continue;
        for (int64_t u = 0; u < n; u++) {
            if (r->dense) {
                v[u] = sx_response_at_part(r, state_of(w, p), RESPONSE_COVARIANCE)[u * (n + 1)];
                continue;
            }
            for (int64_t k = 0; k < S; k++)
                row[k] = sx_response_at_part(r, w->states[p * (1 + S) + 1 + k], RESPONSE_VARIANCE)[u];
            sx_mean_se(S, row, &v[u], &se[u]);
        }
        SX_GO(ctx, status, done, write_point(ctx, w, id, p, v));
        if (r->dense) continue;
        double residual = probe_residual(w, p);
        SX_GO(ctx, status, done, write_point(ctx, w, id_se, p, se));
        SX_GO(ctx, status, done, write_point(ctx, w, id_residual, p, &residual));
    }
done:
    sx_free(ctx, row);
    sx_free(ctx, se);
    sx_free(ctx, v);
    return status;
}

/* Whether it is finite, dense, or by every probe. */
static bool has_entropy(const sx_writer_ *w, int64_t point) {
    const sx_response *r = w->r;
    bool yes = stable(w, point) && (r->dense || r->probes > 0);
    for (int64_t k = 0; k <= r->probes; k++)
        if (r->dense || k > 0)
            yes = yes && sx_response_at_numbers(r, w->states[point * (1 + r->probes) + k])[AT_ENTROPY];
    return yes;
}

/* Dense: a number of each point where it is finite. Krylov: the mean over probes. */
static sx_status put_entropy(sx_ctx *ctx, const sx_writer_ *w) {
    const sx_response *r = w->r;
    double *row = NULL, value, se;
    int id = -1, id_se = -1;
    bool some = false;
    sx_status status;
    for (int64_t p = 0; p < r->places.n; p++) some = some || has_entropy(w, p);
    if (!some)
        return !w->any || (!r->dense && r->probes == 0)
                   ? SX_OK
                   : sx_result_warn(
                         ctx, w->result, r->group,
                         "no entropy production: irreversible currents run in directions without noise, where it "
                         "is infinite");
    SX_GO(ctx, status, done, sx_alloc(ctx, r->probes, sizeof *row, &row));
    SX_GO(ctx, status, done,
          define(ctx, w, "entropy_production", "", SX_DT_F64, "1/time", "entropy production rate", &id));
    if (!r->dense)
        SX_GO(ctx, status, done,
              define(ctx, w, "entropy_production_se", "", SX_DT_F64, "1/time",
                     "standard error of entropy_production over the probes", &id_se));
    for (int64_t p = 0; p < r->places.n; p++) {
        if (!has_entropy(w, p)) continue;
        value = sx_response_at_part(r, state_of(w, p), RESPONSE_NUMBER)[NUMBER_ENTROPY];
        for (int64_t k = 0; k < r->probes; k++)
            row[k] = sx_response_at_part(r, w->states[p * (1 + r->probes) + 1 + k], RESPONSE_NUMBER)[NUMBER_ENTROPY];
        if (!r->dense) sx_mean_se(r->probes, row, &value, &se);
        SX_GO(ctx, status, done, write_point(ctx, w, id, p, &value));
        if (!r->dense) SX_GO(ctx, status, done, write_point(ctx, w, id_se, p, &se));
    }
done:
    sx_free(ctx, row);
    return status;
}

static sx_status put_covariance(sx_ctx *ctx, const sx_writer_ *w) {
    const sx_response *r = w->r;
    char pair[160];
    if (r->dense)
        snprintf(pair, sizeof pair, "unit,unit2");
    else
        snprintf(pair, sizeof pair, "%s,%s", w->unit, w->unit2);
    SX_TRY(ctx, sx_result_dim(ctx, w->result, "", "unit2", r->n));
    SX_TRY(ctx, put_part(ctx, w, RESPONSE_STATIC, "static_susceptibility", pair, "time",
                         "static susceptibility: shift of a unit per constant force on another"));
    if (!r->noisy) return SX_OK;
    SX_TRY(ctx, put_part(ctx, w, RESPONSE_COVARIANCE, "covariance", pair, "state^2", "stationary covariance"));
    SX_TRY(ctx, put_number(ctx, w, NUMBER_RESIDUAL, false, "covariance_residual", "1",
                           r->dense ? "residual of the equation of the covariance, relative to 2 D"
                                    : "estimated relative error of the propagators behind the covariance"));
    SX_TRY(ctx, put_variance(ctx, w));
    SX_TRY(ctx, put_entropy(ctx, w));
    if (!r->dense) return SX_OK;
    SX_TRY(ctx, put_part(ctx, w, RESPONSE_CIRCULATION, "circulation", pair, "state^2/time",
                         "circulation, the antisymmetric part of J C"));
    return put_number(ctx, w, NUMBER_VIOLATION, false, "fdt_violation", "1",
                      "violation of the fluctuation-dissipation theorem, |Q|/|D|");
}

/* -- spectra and functions of time ------------------------------------------------------------------------------------------------ */

static sx_status put_spectra(sx_ctx *ctx, const sx_writer_ *w) {
    const sx_response *r = w->r;
    char dims[200], cross[240];
    if (r->F == 0 || !w->any) return SX_OK;
    SX_TRY(ctx, put_axis(ctx, w, "frequency", r->F, r->frequency, "1/time", "frequency (angular frequency over 2 pi)"));
    snprintf(dims, sizeof dims, "frequency,%s", w->unit);
    snprintf(cross, sizeof cross, "frequency,%s,%s,complex", w->unit, w->unit2);
    SX_TRY(ctx, put_part(ctx, w, RESPONSE_PSD, "psd", dims, "state^2 time", "two-sided power spectral density"));
    if (r->o.cross) SX_TRY(ctx, sx_result_dim(ctx, w->result, "", "complex", 2));
    SX_TRY(ctx, put_part(ctx, w, RESPONSE_CSD, "csd", cross, "state^2 time", "two-sided cross spectral density"));
    SX_TRY(ctx, put_part(ctx, w, RESPONSE_SUSCEPTIBILITY, "susceptibility", cross, "time",
                         "response of a unit to a force on another at a frequency"));
    SX_TRY(ctx, put_part(ctx, w, RESPONSE_VIOLATION, "fdt_violation_psd", dims, "state^2 time",
                         "part of psd that the fluctuation-dissipation theorem does not explain"));
    if (r->dense) return SX_OK;
    return put_number(ctx, w, NUMBER_SOLVE, false, "solve_residual", "1",
                      "largest relative residual of a row of the resolvent");
}

static sx_status put_lags(sx_ctx *ctx, const sx_writer_ *w) {
    const sx_response *r = w->r;
    char dims[200];
    double *t = NULL;
    sx_status status;
    if (r->L == 0 || !w->any) return SX_OK;
    SX_GO(ctx, status, done, sx_alloc(ctx, r->L, sizeof *t, &t));
    for (int64_t l = 0; l < r->L; l++) t[l] = (double)l * r->lag_step;
    SX_GO(ctx, status, done, put_axis(ctx, w, "lag", r->L, t, "time", "lag"));
    snprintf(dims, sizeof dims, "lag,%s,%s", w->unit, w->unit2);
    SX_GO(ctx, status, done,
          put_part(ctx, w, RESPONSE_FUNCTION, "response", dims, "1",
                   "displacement of a unit after one of another at lag 0"));
    SX_GO(ctx, status, done,
          put_part(ctx, w, RESPONSE_LAGGED, "lagged_covariance", dims, "state^2",
                   "covariance of a unit with another at lag 0"));
done:
    sx_free(ctx, t);
    return status;
}

/* -- warnings ------------------------------------------------------------------------------------------------------------------- */

static sx_status warn(sx_ctx *ctx, const sx_writer_ *w) {
    const sx_response *r = w->r;
    for (int64_t p = 0; p < r->places.n; p++) {
        const double *number = sx_response_at_part(r, state_of(w, p), RESPONSE_NUMBER);
        double size = 1;
        for (int64_t u = 0; u < r->n; u++) size = fmax(size, fabs(r->places.x[p * r->n + u]));
        if (!stable(w, p)) {
            SX_TRY(ctx,
                   sx_result_warn(ctx, w->result, r->group,
                                  "point %lld is not stable (slowest rate %g%s): it has no stationary fluctuations",
                                  (long long)p, least_rate(w, p),
                                  r->dense ? "" : " in the Krylov spaces, which a strongly non-normal J can mislead"));
            continue;
        }
        if (number[NUMBER_SPEED] > 1e-6 * size)
            SX_TRY(ctx, sx_result_warn(
                            ctx, w->result, r->group,
                            "point %lld is not a fixed point (|F| up to %g): linear theory about it is not that of a "
                            "stationary state",
                            (long long)p, number[NUMBER_SPEED]));
        double worst = fmax(fmax(number[NUMBER_RESIDUAL], number[NUMBER_SOLVE]), probe_residual(w, p));
        if (worst > r->o.tolerance)
            SX_TRY(ctx,
                   sx_result_warn(ctx, w->result, r->group,
                                  "point %lld: relative residual %.2g, above the tolerance %.2g%s", (long long)p, worst,
                                  r->o.tolerance, r->dense ? "" : "; a larger `subspace` or fewer `units` help"));
    }
    if (!r->noisy && w->any)
        SX_TRY(ctx,
               sx_result_warn(ctx, w->result, r->group, "the model has no noise: responses only, no fluctuations"));
    return SX_OK;
}

sx_status sx_response_finish(sx_ctx *ctx, const void *instance, const void *const *states, sx_result *result) {
    const sx_response *r = instance;
    sx_writer_ w = { .r = r, .states = states, .result = result };
    w.unit = r->all ? "unit" : "observed_unit";
    w.unit2 = r->all ? "unit2" : "observed_unit2";
    for (int64_t p = 0; p < r->places.n; p++) w.any = w.any || stable(&w, p);
    if (r->places.n > 1) SX_TRY(ctx, sx_result_dim(ctx, result, r->group, "point", r->places.n));
    SX_TRY(ctx, put_points(ctx, &w));
    SX_TRY(ctx, warn(ctx, &w));
    if (w.any && !r->all) SX_TRY(ctx, put_labels(ctx, &w));
    SX_TRY(ctx, put_covariance(ctx, &w));
    SX_TRY(ctx, put_spectra(ctx, &w));
    SX_TRY(ctx, put_lags(ctx, &w));
    return r->compare && w.any && r->noisy ? sx_response_compare(ctx, r, states, result) : SX_OK;
}
