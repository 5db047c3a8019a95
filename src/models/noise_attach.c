// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The [noise] section: field table, rules, and the model with its noise. */
#include "models/rows.h"

#include "core/mutant.h"

enum { KIND_NONE, KIND_ADDITIVE, KIND_THERMAL, KIND_MULTIPLICATIVE, KIND_OU };
enum { SCALED_NONE, SCALED_TAU };

#define AT(member) offsetof(sx_noise_opts, member)
const sx_field sx_noise_fields[] = {
    { .name = "kind",
      .type = SX_ENUM,
      .offset = AT(kind),
      .def = "\"additive\"",
      .choices = SX_NOISE_KIND_CHOICES,
      .help = "none, additive, thermal (D = T G^-1), multiplicative, or ou (coloured)" },
    { .name = "D",
      .type = SX_VALUES,
      .offset = AT(D),
      SX_UNBOUNDED,
      .unit = "state^2/time",
      .shape = "unit,unit",
      .given = AT(has_D),
      .flags = SX_FROM_FILE,
      .help = "diffusion, <xi xi> = 2 D delta: one number, one per unit, or a symmetric matrix (row by row)" },
    { .name = "sigma",
      .type = SX_VALUES,
      .offset = AT(sigma),
      SX_UNBOUNDED,
      .unit = "state/time^0.5",
      .shape = "unit,unit",
      .given = AT(has_sigma),
      .flags = SX_FROM_FILE,
      .help = "amplitude, dx = f dt + sigma dW, D = sigma^2/2; instead of D" },
    { .name = "factor",
      .type = SX_VALUES,
      .offset = AT(factor),
      SX_UNBOUNDED,
      .unit = "state/time^0.5",
      .shape = "unit,rank",
      .given = AT(has_factor),
      .flags = SX_FROM_FILE,
      .help = "factor B of D = B B^T for noise of low rank; instead of D" },
    { .name = "temperature",
      .type = SX_F64,
      .offset = AT(temperature),
      .lo = 0,
      .hi = HUGE_VAL,
      .unit = "1",
      .given = AT(has_temperature),
      .flags = SX_HI_OPEN,
      .help = "temperature T of thermal noise" },
    { .name = "tau",
      .type = SX_F64,
      .offset = AT(tau),
      .lo = 0,
      .hi = HUGE_VAL,
      .unit = "time",
      .given = AT(has_tau),
      .flags = SX_LO_OPEN | SX_HI_OPEN,
      .help = "correlation time of kind = \"ou\"" },
    { .name = "amplitude",
      .type = SX_ENUM,
      .offset = AT(amplitude),
      .def = "\"linear\"",
      .choices = SX_AMPLITUDE_CHOICES,
      .help = "multiplicative: sigma (offset + slope x), sigma sqrt(offset + slope x), or sigma sqrt(1 + x^2)" },
    { .name = "offset",
      .type = SX_F64,
      .offset = AT(offset),
      SX_UNBOUNDED,
      .def = "0.0",
      .unit = "1",
      .help = "multiplicative: offset of the amplitude" },
    { .name = "slope",
      .type = SX_F64,
      .offset = AT(slope),
      SX_UNBOUNDED,
      .def = "1.0",
      .unit = "1/state",
      .help = "multiplicative: slope of the amplitude" },
    { .name = "calculus",
      .type = SX_ENUM,
      .offset = AT(calculus),
      .choices = SX_CALCULUS_CHOICES,
      .given = AT(has_calculus),
      .help = "reading of state-dependent noise; thermal: kinetic unless written, multiplicative: must be written" },
    { .name = "scaled_by",
      .type = SX_ENUM,
      .offset = AT(scaled_by),
      .def = "\"none\"",
      .choices = "none|tau",
      .help = "tau: sigma is divided by the unit's tau (D by tau^2)" },
    SX_FIELD_END,
};

/* What was given and has no meaning for the kind: nothing is silently ignored. */
static sx_status check_given(sx_ctx *ctx, const sx_noise_opts *o) {
    char kind[32];
    (void)sx_choice_name(SX_NOISE_KIND_CHOICES, o->kind, kind, sizeof kind);
    bool amplitude = o->kind == KIND_ADDITIVE || o->kind == KIND_MULTIPLICATIVE || o->kind == KIND_OU;
    const struct {
        const char *name;
        bool given, allowed;
    } rule[] = {
        { "D", o->has_D, amplitude },
        { "sigma", o->has_sigma, amplitude },
        { "factor", o->has_factor, o->kind == KIND_ADDITIVE || o->kind == KIND_OU },
        { "temperature", o->has_temperature, o->kind == KIND_THERMAL },
        { "tau", o->has_tau, o->kind == KIND_OU },
        { "scaled_by", o->scaled_by != SCALED_NONE, amplitude },
    };
    for (size_t i = 0; i < sizeof rule / sizeof *rule; ++i) {
        if (rule[i].given && !rule[i].allowed)
            return SX_FAIL(ctx, SX_E_USAGE, "noise.%s has no meaning with noise.kind = \"%s\"", rule[i].name, kind);
    }
    if (amplitude && o->has_D + o->has_sigma + (o->kind != KIND_MULTIPLICATIVE && o->has_factor) != 1)
        return SX_FAIL(
            ctx, SX_E_USAGE,
            "noise: give exactly one of D (<xi xi> = 2 D delta) and sigma (dx = f dt + sigma dW)%s; %s given",
            o->has_factor ? " or factor" : "",
            o->has_D + o->has_sigma + o->has_factor == 0 ? "none was" : "several were");
    if (o->kind == KIND_THERMAL && !o->has_temperature)
        return SX_FAIL(ctx, SX_E_USAGE, "noise.temperature is missing: noise.kind = \"thermal\" wants a number >= 0");
    if (o->kind == KIND_OU && !o->has_tau)
        return SX_FAIL(ctx, SX_E_USAGE, "noise.tau is missing: noise.kind = \"ou\" wants a correlation time > 0");
    return SX_OK;
}

/* 1/tau_i, or ones */
static sx_status scales(sx_ctx *ctx, const sx_noise_opts *o, sx_values tau, int64_t n, double **out) {
    if (o->scaled_by == SCALED_TAU && tau.n == 0)
        return SX_FAIL(ctx, SX_E_USAGE, "noise.scaled_by = \"tau\": this model has no time constants tau");
    SX_TRY(ctx, sx_values_spread(ctx, "tau", o->scaled_by == SCALED_TAU ? tau : (sx_values){ 0, NULL }, n, 1.0, out));
    for (int64_t i = 0; i < n; ++i) (*out)[i] = 1.0 / (*out)[i];
    return SX_OK;
}

/* Additive noise from D, sigma or factor; scaled rows. */
static sx_status additive(sx_ctx *ctx, const sx_noise_opts *o, sx_values tau, int64_t n, sx_noise **out) {
    sx_values v = o->has_D ? o->D : o->has_sigma ? o->sigma : o->factor;
    const char *name = o->has_D ? "D" : o->has_sigma ? "sigma" : "factor";
    bool matrix = n > 1 && v.n == n * n && !o->has_factor;
    if (o->has_factor ? v.n == 0 || v.n % n != 0 : !matrix && v.n != 1 && v.n != n) {
        if (o->has_factor)
            return SX_FAIL(ctx, SX_E_USAGE, "noise.factor: %lld numbers: want units x rank, a multiple of %lld",
                           (long long)v.n, (long long)n);
        return SX_FAIL(ctx, SX_E_USAGE, "noise.%s: %lld numbers for %lld units: want 1, %lld or %lld x %lld", name,
                       (long long)v.n, (long long)n, (long long)n, (long long)n, (long long)n);
    }
    sx_status status;
    double *s = NULL, *a = NULL;
    SX_GO(ctx, status, done, scales(ctx, o, tau, n, &s));
    if (!matrix && !o->has_factor) {
        SX_GO(ctx, status, done, sx_values_spread(ctx, "noise", v, n, 0.0, &a));
        for (int64_t i = 0; i < n; ++i) {
            if (!(a[i] >= 0.0 && isfinite(a[i]))) {
                status =
                    SX_FAIL(ctx, SX_E_USAGE, "noise.%s[%lld] = %g: want a finite value >= 0", name, (long long)i, a[i]);
                goto done;
            }
            a[i] = s[i] * s[i] * (o->has_D ? a[i] : (SX_MUTANT(noise_sigma) ? 1.0 : 0.5) * a[i] * a[i]);
        }
        SX_GO(ctx, status, done, sx_noise_additive(ctx, n, (sx_values){ n, a }, out));
        goto done;
    }
    SX_GO(ctx, status, done, sx_alloc(ctx, v.n, sizeof *a, &a));
    int64_t columns = v.n / n;
    for (int64_t i = 0; i < n; ++i) {
        for (int64_t j = 0; j < columns; ++j) a[i * columns + j] = s[i] * v.data[i * columns + j];
    }
    if (o->has_D) {
        for (int64_t i = 0; i < n; ++i) {
            for (int64_t j = 0; j < n; ++j) a[i * n + j] *= s[j];
        }
        SX_GO(ctx, status, done, sx_noise_additive_matrix(ctx, n, a, out));
    } else {
        /* sigma dW = sqrt(2) B dW */
        for (int64_t i = 0; o->has_sigma && i < v.n; ++i) a[i] /= sqrt(2.0);
        SX_GO(ctx, status, done, sx_noise_additive_factor(ctx, n, columns, a, out));
    }
done:
    sx_free(ctx, a);
    sx_free(ctx, s);
    return status;
}

static sx_status multiplicative(sx_ctx *ctx, const sx_noise_opts *o, sx_values tau, int64_t n, sx_noise **out) {
    sx_values v = o->has_D ? o->D : o->sigma;
    const char *name = o->has_D ? "noise.D" : "noise.sigma";
    sx_status status;
    double *s = NULL, *a = NULL;
    SX_GO(ctx, status, done, scales(ctx, o, tau, n, &s));
    SX_GO(ctx, status, done, sx_values_spread(ctx, name, v, n, 0.0, &a));
    for (int64_t i = 0; i < n; ++i) {
        if (!(a[i] >= 0.0 && isfinite(a[i]))) {
            status = SX_FAIL(ctx, SX_E_USAGE, "%s[%lld] = %g: want a finite value >= 0", name, (long long)i, a[i]);
            goto done;
        }
        a[i] = s[i] * (o->has_D ? sqrt(2.0 * a[i]) : a[i]);
    }
    SX_GO(ctx, status, done,
          sx_noise_multiplicative(ctx, n, (sx_amplitude)o->amplitude, (sx_values){ n, a }, o->offset, o->slope, out));
done:
    sx_free(ctx, a);
    sx_free(ctx, s);
    return status;
}

/* Maps and samplers have no calculus; constant noise needs none; thermal noise is kinetic unless written; any other must be written. */
static sx_status choose_calculus(sx_ctx *ctx, const sx_model *m, const sx_noise_opts *o, const sx_noise *noise,
                                 sx_calculus *out) {
    bool discrete = sx_model_kind(m) == SX_MAP || sx_model_kind(m) == SX_SAMPLER;
    sx_noise_class cls = sx_noise_class_of(noise);
    bool constant = cls == SX_NOISE_NONE || cls == SX_NOISE_ADDITIVE_DIAGONAL || cls == SX_NOISE_ADDITIVE_MATRIX;
    char text[32];
    if (o->has_calculus && discrete)
        return SX_FAIL(ctx, SX_E_USAGE, "noise.calculus = \"%s\": maps and samplers have no calculus; leave it out",
                       sx_choice_name(SX_CALCULUS_CHOICES, o->calculus, text, sizeof text));
    if (!o->has_calculus && !discrete && !constant && o->kind != KIND_THERMAL)
        return SX_FAIL(
            ctx, SX_E_USAGE,
            "noise.calculus is missing: noise that depends on the state wants one of kinetic, ito, stratonovich");
    sx_calculus c = o->has_calculus ? (sx_calculus)o->calculus : SX_KINETIC;
    if (c == SX_COVARIANT && !constant && !sx_noise_operations(noise)->covariant)
        return SX_FAIL(ctx, SX_E_USAGE,
                       "noise.calculus = \"covariant\" wants thermal noise, whose metric defines it; want kinetic, ito "
                       "or stratonovich");
    *out = c;
    return SX_OK;
}

sx_status sx_noise_attach(sx_ctx *ctx, const sx_model *m, const sx_noise_opts *opts, sx_values tau, sx_model **out) {
    if (!opts || opts->struct_size != sizeof *opts)
        return SX_FAIL(ctx, SX_E_USAGE, "noise: struct_size = %zu: want %zu", opts ? opts->struct_size : (size_t)0,
                       sizeof *opts);
    int64_t n = sx_model_n(m);
    SX_TRY(ctx, check_given(ctx, opts));
    for (int64_t i = 0; i < tau.n; ++i) {
        if (!(tau.data[i] > 0.0))
            return SX_FAIL(ctx, SX_E_USAGE, "tau[%lld] = %g: want a value > 0", (long long)i, tau.data[i]);
    }
    sx_noise *noise = NULL;
    sx_calculus calculus = SX_KINETIC;
    sx_status status = SX_OK;
    switch (opts->kind) {
    case KIND_NONE:
        status = sx_noise_none(ctx, n, &noise);
        break;
    case KIND_ADDITIVE:
    case KIND_OU:
        status = additive(ctx, opts, tau, n, &noise);
        break;
    case KIND_THERMAL:
        status = sx_noise_thermal(ctx, m, opts->temperature, &noise);
        break;
    case KIND_MULTIPLICATIVE:
        status = multiplicative(ctx, opts, tau, n, &noise);
        break;
    default:
        return SX_FAIL(ctx, SX_E_USAGE, "noise.kind = %d: want one of none, additive, thermal, multiplicative, ou",
                       opts->kind);
    }
    SX_GO(ctx, status, done, status);
    SX_GO(ctx, status, done, choose_calculus(ctx, m, opts, noise, &calculus));
    if (opts->kind == KIND_OU)
        SX_GO(ctx, status, done, sx_model_with_coloured_noise(ctx, m, noise, opts->tau, out));
    else
        SX_GO(ctx, status, done, sx_model_with_noise(ctx, m, noise, calculus, out));
done:
    sx_noise_free(ctx, noise);
    return status;
}
