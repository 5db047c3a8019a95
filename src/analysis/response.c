// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The task `response`: options, plan, work items. */
#include "analysis/response_private.h"

#include <math.h>
#include <string.h>

#define DENSE_LIMIT   1500 /* numbers in the state up to which `auto` is dense */
#define DENSE_LARGEST 8192
#define PI            3.14159265358979323846

#define F(member) .offset = offsetof(sx_response_opts, member)
const sx_field sx_response_fields[] = {
    { .name = "at",
      .type = SX_POINTS,
      F(at),
      .def = "\"origin\"",
      .unit = "state",
      .help = "fixed points of the model; each must be stable" },
    { .name = "method",
      .type = SX_ENUM,
      F(method),
      .def = "\"auto\"",
      .choices = SX_RESPONSE_METHOD_CHOICES,
      .help = "dense matrices, or products of J and J^T alone; auto: dense up to 1500 numbers in the state" },
    { .name = "units",
      .type = SX_UNITS,
      F(units),
      .def = "[]",
      .help = "units of spectra and responses, by label or index; empty = the first 16 (krylov: the first 4)" },
    { .name = "frequencies",
      .type = SX_I64,
      F(frequencies),
      .lo = 0,
      .hi = 1e6,
      .def = "201",
      .help = "number of frequencies; 0 = no spectra" },
    { .name = "frequency_min",
      .type = SX_F64,
      F(frequency_min),
      .lo = 0,
      .hi = INFINITY,
      .flags = SX_HI_OPEN,
      .def = "0.0",
      .unit = "1/time",
      .help = "first frequency (angular frequency over 2 pi); 0: 1e-4 of the last if logarithmic" },
    { .name = "frequency_max",
      .type = SX_F64,
      F(frequency_max),
      .lo = 0,
      .hi = INFINITY,
      .flags = SX_HI_OPEN,
      .def = "0.0",
      .unit = "1/time",
      .help = "last frequency; 0: an estimate of the largest singular value of J over pi, 1/2 for maps" },
    { .name = "spacing",
      .type = SX_ENUM,
      F(spacing),
      .def = "\"logarithmic\"",
      .choices = SX_RESPONSE_SPACING_CHOICES,
      .help = "of the frequencies" },
    { .name = "cross",
      .type = SX_BOOL,
      F(cross),
      .def = "true",
      .help = "cross spectra and susceptibilities between the units" },
    { .name = "max_lag",
      .type = SX_F64,
      F(max_lag),
      .lo = 0,
      .hi = INFINITY,
      .flags = SX_HI_OPEN,
      .def = "0.0",
      .unit = "time",
      .help = "response functions and lagged covariance up to this time (steps for maps); 0 = none" },
    { .name = "lags",
      .type = SX_I64,
      F(lags),
      .lo = 1,
      .hi = 1e6,
      .def = "100",
      .help = "intervals between 0 and max_lag (maps: one each step)" },
    { .name = "compare",
      .type = SX_STRING,
      F(compare),
      .flags = SX_TASK_NAME,
      .help =
          "an earlier task `simulate` whose measured variances, covariances and spectra are set beside the theory" },
    { .name = "subspace",
      .type = SX_I64,
      F(subspace),
      .lo = 2,
      .hi = 10000,
      .def = "200",
      .help = "krylov: vectors of a basis" },
    { .name = "probes",
      .type = SX_I64,
      F(probes),
      .lo = 0,
      .hi = 100000,
      .def = "16",
      .help = "krylov: random vectors behind the variances of all units and the entropy production; 0 = none" },
    { .name = "tolerance",
      .type = SX_F64,
      F(tolerance),
      .lo = 0,
      .hi = 1,
      .flags = SX_LO_OPEN,
      .def = "1e-6",
      .help = "relative residual above which a warning is given" },
    SX_FIELD_END
};
#undef F

static const sx_output outputs[] = {
    { "x", "point,unit", "state", "the points" },
    { "stable", "point", "1", "1 where the point is stable; the other variables are missing where it is not" },
    { "slowest_rate", "point", "1/time", "slowest relaxation rate, < 0 when unstable" },
    { "speed", "point", "state/time", "largest component of F at the point (F(x) - x for maps), 0 at a fixed point" },
    { "covariance", "point,unit,unit2", "state^2", "stationary covariance" },
    { "covariance_residual", "point", "1",
      "residual of the equation of the covariance, relative to 2 D; krylov: estimated relative error of the "
      "propagators" },
    { "variance_residual", "point", "1", "krylov: largest residual of that equation in a probe" },
    { "variance", "point,unit", "state^2", "its diagonal; variance_se with random probes" },
    { "circulation", "point,unit,unit2", "state^2/time", "Q = (J C - C J^T)/2, the antisymmetric part of J C" },
    { "fdt_violation", "point", "1", "|Q| / |D| (Frobenius norms), 0 in equilibrium" },
    { "entropy_production", "point", "1/time", "-tr(D^-1 J Q); missing where it is infinite" },
    { "static_susceptibility", "point,unit,unit2", "time", "dx/de, -J^-1 or (1 - A)^-1" },
    { "frequency", "frequency", "1/time", "angular frequency over 2 pi" },
    { "psd", "point,frequency,unit", "state^2 time", "two-sided power spectral density" },
    { "csd", "point,frequency,unit,unit2,complex", "state^2 time",
      "cross spectral density S_ij = int <x_i(t) x_j(0)> e^{iwt} dt" },
    { "susceptibility", "point,frequency,unit,unit2,complex", "time", "H_ij, response of unit i to a force on unit j" },
    { "fdt_violation_psd", "point,frequency,unit", "state^2 time",
      "psd - 2 Im (H D)_ii / w (w: sin w for maps), 0 in equilibrium" },
    { "lag", "lag", "time", "lag" },
    { "response", "point,lag,unit,unit2", "1", "e^{J t}: displacement of unit i a time t after one of unit j" },
    { "lagged_covariance", "point,lag,unit,unit2", "state^2", "<x_i(t) x_j(0)> = e^{J t} C" },
    { "solve_residual", "point", "1", "krylov: largest relative residual of a row of H" },
    { "compared_point", "", "1", "point that stands beside the measurements: the one nearest to their mean" },
    { "variance_measured", "unit", "state^2", "x_variance of the task `compare`, with _se and _theory" },
    { "covariance_measured", "unit,unit2", "state^2", "x_covariance of the task `compare`, with _se and _theory" },
    { "covariance_measured_z", "", "1", "largest |z| of covariance_measured" },
    { "psd_measured", "measured_frequency,measured_unit", "state^2 time",
      "x_psd of the task `compare`, with _se and _theory" },
    { "psd_measured_z", "", "1", "largest |z| of psd_measured" },
    { NULL, NULL, NULL, NULL }
};

/* -- options ------------------------------------------------------------------------------------------------------------------ */

static sx_status choose_units(sx_ctx *ctx, sx_response *r, const sx_units *u) {
    int64_t most = r->dense ? 16 : 4;
    r->m = u->n > 0 ? u->n : r->n < most ? r->n : most;
    SX_TRY(ctx, sx_alloc(ctx, r->m, sizeof *r->unit, &r->unit));
    for (int64_t i = 0; i < r->m; i++) {
        r->unit[i] = u->n > 0 ? u->index[i] : i;
        if (r->unit[i] < 0 || r->unit[i] >= r->n)
            return SX_FAIL(ctx, SX_E_USAGE, "response.units: unit %lld: the model has units 0 to %lld",
                           (long long)r->unit[i], (long long)(r->n - 1));
        for (int64_t j = 0; j < i; j++)
            if (r->unit[j] == r->unit[i])
                return SX_FAIL(ctx, SX_E_USAGE, "response.units: unit %lld is given twice", (long long)r->unit[i]);
    }
    r->all = r->m == r->n;
    for (int64_t i = 0; i < r->m; i++) r->all = r->all && r->unit[i] == i;
    return SX_OK;
}

/* Largest row sum of |J| at the first point where the model has no products with J^T for an estimate of the largest singular value. */
static sx_status scale_of(sx_ctx *ctx, const sx_response *r, double *out) {
    const sx_model *m = r->places.models[0];
    double *J = NULL, *B = NULL, speed;
    sx_status status;
    if (sx_model_has(m, "jvp") && sx_model_has(m, "vjp")) return sx_model_stiffness(ctx, m, r->places.x, out);
    SX_GO(ctx, status, done, sx_alloc(ctx, r->n * r->n, sizeof *J, &J));
    SX_GO(ctx, status, done, sx_alloc(ctx, r->n * r->rank, sizeof *B, &B));
    SX_GO(ctx, status, done, sx_response_linearise(ctx, r, 0, J, B, &speed));
    *out = 0;
    for (int64_t i = 0; i < r->n; i++) {
        double sum = 0;
        for (int64_t j = 0; j < r->n; j++) sum += fabs(J[i * r->n + j]);
        *out = fmax(*out, sum);
    }
done:
    sx_free(ctx, B);
    sx_free(ctx, J);
    return status;
}

static sx_status choose_frequencies(sx_ctx *ctx, sx_response *r) {
    double lo = r->o.frequency_min, hi = r->o.frequency_max, scale = 0;
    r->F = r->o.frequencies;
    SX_TRY(ctx, sx_alloc(ctx, r->F, sizeof *r->frequency, &r->frequency));
    if (r->F == 0) return SX_OK;
    if (hi == 0 && r->map) hi = 0.5;
    if (hi == 0) {
        SX_TRY(ctx, scale_of(ctx, r, &scale));
        hi = scale > 0 && isfinite(scale) ? scale / PI : 1;
        if (lo >= hi) hi = 10 * lo;
    }
    if (lo == 0 && r->o.spacing == 0) lo = 1e-4 * hi;
    if (r->F > 1 && !(lo < hi))
        return SX_FAIL(ctx, SX_E_USAGE, "response.frequency_min = %g: want less than frequency_max = %g", lo, hi);
    if (r->map && hi > 0.5 * (1 + 1e-12))
        return SX_FAIL(ctx, SX_E_USAGE, "response.frequency_max = %g: a map has frequencies up to 1/2 per step", hi);
    for (int64_t k = 0; k < r->F; k++) {
        double u = r->F > 1 ? (double)k / (double)(r->F - 1) : 1;
        r->frequency[k] = r->o.spacing == 0 ? exp((1 - u) * log(lo) + u * log(hi)) : (1 - u) * lo + u * hi;
    }
    r->frequency[r->F - 1] = hi;
    if (r->F > 1) r->frequency[0] = lo;
    return SX_OK;
}

static sx_status choose_lags(sx_ctx *ctx, sx_response *r) {
    if (r->o.max_lag == 0) return SX_OK;
    if (r->map) {
        if (r->o.max_lag != floor(r->o.max_lag) || r->o.max_lag > 1e6)
            return SX_FAIL(ctx, SX_E_USAGE, "response.max_lag = %g: a map wants a whole number of steps up to 1e6",
                           r->o.max_lag);
        r->L = (int64_t)r->o.max_lag + 1;
        r->lag_step = 1;
    } else {
        r->L = r->o.lags + 1;
        r->lag_step = r->o.max_lag / (double)r->o.lags;
    }
    return SX_OK;
}

static sx_status check(sx_ctx *ctx, sx_response *r) {
    const sx_model *m = r->model;
    sx_kind kind = sx_model_kind(m);
    if (kind != SX_FLOW && kind != SX_MAP)
        return SX_FAIL(ctx, SX_E_UNSUPPORTED,
                       "response: linear theory is for flows and maps; the model '%s' is neither", sx_model_name(m));
    r->dense = r->o.method == SX_RESPONSE_DENSE || (r->o.method == SX_RESPONSE_AUTO && r->n <= DENSE_LIMIT);
    if (r->dense && r->n > DENSE_LARGEST)
        return SX_FAIL(ctx, SX_E_USAGE,
                       "response.method = \"dense\": %lld numbers in the state: want at most %d, or \"krylov\"",
                       (long long)r->n, DENSE_LARGEST);
    if (!r->dense && !sx_model_has(m, "vjp"))
        return SX_FAIL(ctx, SX_E_UNSUPPORTED,
                       "response.method = \"krylov\" needs the operation 'vjp', which the model '%s' does not have",
                       sx_model_name(m));
    SX_TRY(ctx, choose_units(ctx, r, &r->o.units));
    if (!r->dense && r->o.subspace < 2 * r->m)
        return SX_FAIL(ctx, SX_E_USAGE,
                       "response.subspace = %lld: want at least two vectors for each of the %lld units",
                       (long long)r->o.subspace, (long long)r->m);
    SX_TRY(ctx, choose_frequencies(ctx, r));
    return choose_lags(ctx, r);
}

/* -- state -------------------------------------------------------------------------------------------------------------------- */

static sx_status add_part(sx_ctx *ctx, sx_response *r, sx_response_part part, const char *name, int64_t a, int64_t b,
                          int64_t c) {
    int64_t count;
    r->section_of[part] = -1;
    SX_TRY(ctx, sx_mul_size(ctx, a, b, &count));
    SX_TRY(ctx, sx_mul_size(ctx, count, c, &count));
    if (count == 0) return SX_OK;
    r->section_of[part] = r->n_sections;
    r->sections[r->n_sections++] =
        (sx_section){ name, part == RESPONSE_AT ? SX_DT_I64 : SX_DT_F64, count, r->state_bytes };
    r->state_bytes += ((size_t)count * 8 + 63) / 64 * 64;
    return SX_OK;
}

sx_status sx_response_lay_out(sx_ctx *ctx, sx_response *r) {
    int64_t n = r->n, m = r->m, dense = r->dense, noisy = r->noisy, F = r->F, L = r->L, cross = r->o.cross ? 2 : 0,
            c = dense ? n : m;
    SX_TRY(ctx, add_part(ctx, r, RESPONSE_AT, "at", AT_COUNT, 1, 1));
    SX_TRY(ctx, add_part(ctx, r, RESPONSE_NUMBER, "number", NUMBER_COUNT, 1, 1));
    SX_TRY(ctx, add_part(ctx, r, RESPONSE_COVARIANCE, "covariance", c, c, noisy));
    SX_TRY(ctx, add_part(ctx, r, RESPONSE_CIRCULATION, "circulation", n, n, noisy && dense));
    SX_TRY(ctx, add_part(ctx, r, RESPONSE_STATIC, "static", c, c, 1));
    SX_TRY(ctx, add_part(ctx, r, RESPONSE_VARIANCE, "variance", n, noisy && r->probes > 0, 1));
    SX_TRY(ctx, add_part(ctx, r, RESPONSE_J, "jacobian", n, n, dense));
    SX_TRY(ctx, add_part(ctx, r, RESPONSE_B, "noise", n, r->rank, dense));
    SX_TRY(ctx, add_part(ctx, r, RESPONSE_H, "hessenberg", n, n, dense && F > 0));
    SX_TRY(ctx, add_part(ctx, r, RESPONSE_Q, "reflectors", n, n, dense && F > 0));
    SX_TRY(ctx, add_part(ctx, r, RESPONSE_QB, "reduced_noise", n, r->rank, dense && F > 0));
    SX_TRY(ctx, add_part(ctx, r, RESPONSE_E, "propagator", n, n, dense && L > 0));
    SX_TRY(ctx, add_part(ctx, r, RESPONSE_ROWS, "rows", m, n, dense && L > 0));
    SX_TRY(ctx, add_part(ctx, r, RESPONSE_PSD, "psd", F, m, noisy));
    SX_TRY(ctx, add_part(ctx, r, RESPONSE_CSD, "csd", F * m, m, noisy * cross));
    SX_TRY(ctx, add_part(ctx, r, RESPONSE_SUSCEPTIBILITY, "susceptibility", F * m, m, cross));
    SX_TRY(ctx, add_part(ctx, r, RESPONSE_VIOLATION, "violation", F, m, noisy));
    SX_TRY(ctx, add_part(ctx, r, RESPONSE_FUNCTION, "response", L * m, m, 1));
    return add_part(ctx, r, RESPONSE_LAGGED, "lagged_covariance", L * m, m, noisy);
}

static void close_response(sx_ctx *ctx, void *instance) {
    sx_response *r = instance;
    if (!r) return;
    sx_places_free(ctx, &r->places);
    sx_model_free(ctx, r->model);
    sx_free(ctx, r->unit);
    sx_free(ctx, r->frequency);
    sx_free(ctx, r->group);
    sx_free(ctx, r->compare);
    sx_free(ctx, r);
}

static sx_status open_checked(sx_ctx *ctx, sx_response *r, const char *group, sx_plan *plan) {
    const sx_noise *noise = sx_model_noise(r->model);
    SX_TRY(ctx, sx_strdup(ctx, group, &r->group));
    if (r->o.compare) SX_TRY(ctx, sx_strdup(ctx, r->o.compare, &r->compare));
    SX_TRY(ctx, sx_places_create(ctx, r->model, &r->o.at, "response.at", &r->places));
    r->n = sx_model_n(r->model);
    r->map = sx_model_kind(r->model) == SX_MAP;
    r->noisy = sx_noise_class_of(noise) != SX_NOISE_NONE;
    r->rank = sx_noise_rank(noise);
    SX_TRY(ctx, check(ctx, r));
    r->probes = r->dense || !r->noisy ? 0 : r->o.probes;
    r->K = r->o.subspace < r->n ? r->o.subspace : r->n;
    SX_TRY(ctx, sx_response_lay_out(ctx, r));
    double n = (double)r->n, m = (double)r->m, points = (double)r->places.n, K = (double)r->K;
    int64_t small = (int64_t)((double)(r->F + r->L) * m * m * 4 * 8 * points);
    *plan = (sx_plan){ .n_items = r->places.n * (1 + r->probes),
                       .state_bytes = r->state_bytes,
                       .sections = r->sections,
                       .n_sections = r->n_sections,
                       .scratch_bytes = r->dense ? 64 : (size_t)sx_response_krylov_scratch(r) * 8,
                       .shared_bytes = (size_t)(r->dense ? 8 * n * n * 8 : 12 * K * K * 8),
                       .result_bytes = small + (int64_t)(points * 8 * (r->dense ? 3 * n * n : 2 * n)),
                       .segments = r->dense ? 6 : 1 };
    plan->disk_bytes = plan->result_bytes;
    plan->flops =
        points * (r->dense ? 90 * n * n * n + (double)r->F * n * n * (8 * m + 12) + (double)r->L * 4 * m * n * n
                           : (double)(1 + r->probes) * (4 * n * K * K + K * sx_model_flops(r->model)));
    return SX_OK;
}

static sx_status open_response(sx_ctx *ctx, const sx_model *m, const void *opts, sx_key key, const char *group,
                               void **instance, sx_plan *plan) {
    const sx_response_opts *o = opts;
    if (!o || o->struct_size != sizeof *o)
        return SX_FAIL(ctx, SX_E_USAGE, "task response: want options initialised with SX_RESPONSE_OPTS");
    SX_TRY(ctx, sx_fields_check(ctx, sx_response_fields, o, "response"));
    sx_response *r = NULL;
    SX_TRY(ctx, sx_alloc(ctx, 1, sizeof *r, &r));
    r->model = sx_model_ref(m);
    r->o = *o;
    r->key = key;
    sx_status status = open_checked(ctx, r, group, plan);
    if (status < 0)
        close_response(ctx, r);
    else
        *instance = r;
    return status;
}

static sx_status start_item(sx_ctx *ctx, const void *instance, int64_t item, void *state) {
    (void)ctx, (void)instance, (void)item, (void)state; /* zero: the first stage */
    return SX_OK;
}

static sx_status advance_item(sx_ctx *ctx, const void *instance, int64_t item, void *state, void *scratch,
                              const sx_exec *exec, sx_result *result, bool *done, double *fraction) {
    const sx_response *r = instance;
    (void)result;
    if (r->dense) return sx_response_dense(ctx, r, item, state, done, fraction);
    SX_TRY(ctx, sx_response_krylov(ctx, r, item, state, scratch, exec));
    *done = true;
    *fraction = 1;
    return SX_OK;
}

const sx_task_ops sx_response_task = {
    .abi = SX_TASK_ABI,
    .struct_size = sizeof(sx_task_ops),
    .name = "response",
    .title = "Fluctuations and responses at fixed points",
    .help = "The linear theory about stable fixed points: covariance, spectra, susceptibilities and response "
            "functions, circulation, "
            "entropy production, the violation of the fluctuation-dissipation theorem; beside a simulation if one is "
            "named.",
    .fields = sx_response_fields,
    .opts_size = sizeof(sx_response_opts),
    .outputs = outputs,
    .needs = "F jvp",
    .example = "title = \"A driven pair: fluctuations out of equilibrium\"\nseed = 1\n\n[model]\n"
               "kind = \"linear\"\nn = 2\nleak = [1.0, 2.0]\ncoupling = { matrix = [[0.0, -2.0], [0.0, 0.0]] }\n"
               "\n[noise]\nkind = \"additive\"\nD = 1.0\n\n[[task]]\nname = \"traj\"\ndo = \"simulate\"\n"
               "burn_in = 20.0\nduration = 200.0\ndt = 0.05\nreplicas = 256\ncovariance = true\npsd = true\n"
               "psd_window = 256\n\n[[task]]\ndo = \"response\"\nat = \"origin\"\nmax_lag = 8.0\n"
               "compare = \"traj\"\n",
    .open = open_response,
    .define = sx_response_define,
    .start = start_item,
    .advance = advance_item,
    .finish = sx_response_finish,
    .close = close_response,
};
