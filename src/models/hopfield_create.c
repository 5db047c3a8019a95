// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Creation of `hopfield` and `dense-hopfield`: checks, texts, field tables, other weights and inputs. */
#include "models/hopfield_private.h"

#include <stdio.h>

/* The metric G = diag(tau ds/dx) through M = 1/(tau g phi'(g x)): cosh^2 for tanh; logistic(u) = (1 + tanh(u/2))/2. */
static void choose_metric(sx_hopfield *h) {
    double scale = h->phi.kind == SX_PHI_LOGISTIC ? 4.0 / h->gain : 1.0 / h->gain;
    h->metric.kind = h->phi.kind == SX_PHI_LINEAR ? SX_METRIC_DIAGONAL : SX_METRIC_ACTIVATION;
    h->metric.n = h->n;
    h->metric.k = h->k;
    h->metric.gain = h->phi.kind == SX_PHI_LOGISTIC ? 0.5 * h->gain : h->gain;
    h->metric.gaussian = h->phi.kind == SX_PHI_ERF;
    for (int64_t i = 0; i < h->n; ++i) h->metric.m[i] = scale * h->m[i];
}

static sx_status values(sx_ctx *ctx, sx_hopfield *h, sx_values tau, sx_values input) {
    SX_TRY(ctx, sx_values_spread(ctx, "model.tau", tau, h->n, 1.0, &h->m));
    for (int64_t i = 0; i < h->n; ++i) {
        if (!(h->m[i] > 0.0 && isfinite(h->m[i])))
            return SX_FAIL(ctx, SX_E_USAGE, "model.tau[%lld] = %g: want a finite value > 0", (long long)i, h->m[i]);
        h->m[i] = 1.0 / h->m[i];
    }
    SX_TRY(ctx, sx_values_spread(ctx, "model.input", input, h->n, 0.0, &h->input));
    for (int64_t i = 0; i < h->n; ++i) {
        if (!isfinite(h->input[i]))
            return SX_FAIL(ctx, SX_E_USAGE, "model.input[%lld] = %g: want a finite value", (long long)i, h->input[i]);
    }
    SX_TRY(ctx, sx_alloc(ctx, h->n, sizeof *h->metric.m, &h->metric.m));
    choose_metric(h);
    return SX_OK;
}

static sx_status set_coupling(sx_ctx *ctx, sx_hopfield *h, const sx_coupling *W) {
    SX_TRY(ctx, sx_alloc(ctx, h->n, sizeof *h->diagonal, &h->diagonal));
    if (!W) return SX_OK;
    if (sx_coupling_rows(W) != h->n || sx_coupling_columns(W) != h->n)
        return SX_FAIL(ctx, SX_E_USAGE, "weights of %lld x %lld: want %lld x %lld", (long long)sx_coupling_rows(W),
                       (long long)sx_coupling_columns(W), (long long)h->n, (long long)h->n);
    sx_coupling_diagonal(W, h->diagonal);
    h->W = sx_coupling_ref(W);
    return SX_OK;
}

void sx_hopfield_destroy(sx_ctx *ctx, void *self) {
    sx_hopfield *h = self;
    if (!h) return;
    sx_free(ctx, h->m);
    sx_free(ctx, h->input);
    sx_free(ctx, h->diagonal);
    sx_metric_clear(ctx, &h->metric);
    sx_coupling_free(ctx, h->W);
    sx_memory_clear(ctx, &h->memory);
    sx_free(ctx, h);
}

sx_status sx_hopfield_rebind(sx_ctx *ctx, const void *self, const sx_coupling *weights, const sx_input *input,
                             void **out) {
    const sx_hopfield *from = self;
    sx_hopfield *h = NULL;
    double *tau = NULL;
    sx_status status;
    if (weights && from->patterns)
        return SX_FAIL(ctx, SX_E_UNSUPPORTED, "dense-hopfield has patterns in the place of weights between units");
    if (input && input->kind != SX_INPUT_CONSTANT)
        return SX_FAIL(ctx, SX_E_UNSUPPORTED, "the input of these units is constant");
    SX_GO(ctx, status, fail, sx_alloc(ctx, 1, sizeof *h, &h));
    *h = *from;
    h->m = h->input = h->diagonal = h->metric.m = NULL;
    h->W = NULL;
    h->memory.keys = sx_coupling_ref(from->memory.keys);
    h->memory.squares = sx_coupling_ref(from->memory.squares);
    SX_GO(ctx, status, fail, sx_alloc(ctx, h->n, sizeof *tau, &tau));
    for (int64_t i = 0; i < h->n; ++i) tau[i] = 1.0 / from->m[i];
    sx_values in = input ? input->amplitude : (sx_values){ from->n, from->input };
    SX_GO(ctx, status, fail, values(ctx, h, (sx_values){ h->n, tau }, in));
    memcpy(h->m, from->m, (size_t)h->n * sizeof *h->m); /* 1/(1/m) may differ from m in the last bit */
    memcpy(h->metric.m, from->metric.m, (size_t)h->n * sizeof *h->m);
    SX_GO(ctx, status, fail, set_coupling(ctx, h, weights ? weights : from->W));
    sx_free(ctx, tau);
    *out = h;
    return SX_OK;
fail:
    sx_free(ctx, tau);
    sx_hopfield_destroy(ctx, h);
    return status;
}

/* -- texts --------------------------------------------------------------------------------------------------------------------------- */

static const char *const phi_text[][2] = {
    [SX_HOPFIELD_TANH] = { "tanh(g x_i)", "\\tanh(g x_i)" },
    [SX_HOPFIELD_ERF] = { "erf(sqrt(pi) g x_i/2)", "\\mathrm{erf}\\left(\\tfrac{\\sqrt{\\pi}}{2} g x_i\\right)" },
    [SX_HOPFIELD_LOGISTIC] = { "1/(1 + exp(-g x_i))", "\\left(1 + e^{-g x_i}\\right)^{-1}" },
    [SX_HOPFIELD_LINEAR] = { "g x_i", "g x_i" },
};

static sx_status texts(sx_ctx *ctx, const sx_hopfield *h, int phi, char **equation, char **latex) {
    const char *s = phi_text[phi][0], *ts = phi_text[phi][1];
    const char *common = "\\sum_i \\int^{s_i} x(s)\\,ds", *G = "\\mathrm{diag}(\\tau_i\\, \\partial s_i/\\partial x_i)";
    char Q[160], tQ[160];
    int p = (int)h->memory.degree;
    if (!h->patterns) {
        SX_TRY(ctx, sx_format(ctx, equation, "tau_i x_i' = -x_i + sum_j W_ij s_j + I_i, s_i = %s, g = gain", s));
        return sx_format(ctx, latex,
                         "\\tau_i \\dot x_i = -x_i + \\sum_j W_{ij} s_j + I_i,\\quad s_i = %s,\\quad \\dot x = "
                         "-G^{-1}\\nabla\\Phi + R,\\quad \\Phi = -\\tfrac12 s^\\top W_S s + %s - I\\cdot s,\\quad G = "
                         "%s,\\quad R = \\tau^{-1} W_A s",
                         ts, common, G);
    }
    if (h->memory.energy == SX_DENSE_LOGSUMEXP) {
        (void)snprintf(Q, sizeof Q, "ln(sum_mu exp(beta xi_mu.s))/beta");
        (void)snprintf(tQ, sizeof tQ, "\\tfrac{1}{\\beta} \\ln \\sum_\\mu e^{\\beta \\xi^\\mu \\cdot s}");
    } else {
        (void)snprintf(Q, sizeof Q, "(n/%d) sum_mu (xi_mu.s/n)^%d", p, p);
        (void)snprintf(tQ, sizeof tQ, "\\tfrac{n}{%d} \\sum_\\mu \\left(\\xi^\\mu \\cdot s/n\\right)^{%d}", p, p);
    }
    SX_TRY(ctx, sx_format(ctx, equation, "tau_i x_i' = -x_i + dQ/ds_i + I_i, Q = %s, s_i = %s, g = gain", Q, s));
    return sx_format(ctx, latex,
                     "\\tau_i \\dot x_i = -x_i + \\partial Q/\\partial s_i + I_i,\\quad s_i = %s,\\quad Q = %s,\\quad "
                     "\\dot x = -G^{-1}\\nabla\\Phi,\\quad \\Phi = %s - Q - I\\cdot s,\\quad G = %s",
                     ts, tQ, common, G);
}

/* -- creation ------------------------------------------------------------------------------------------------------------------------- */

static const sx_activation_kind kinds[] = { SX_PHI_TANH, SX_PHI_ERF, SX_PHI_LOGISTIC, SX_PHI_LINEAR };

static sx_status finish(sx_ctx *ctx, sx_hopfield *h, int phi, const char *const *labels, sx_model **out) {
    char *equation = NULL, *latex = NULL;
    const sx_coupling *w = h->patterns ? h->memory.keys : h->W;
    sx_status status = texts(ctx, h, phi, &equation, &latex);
    if (status < 0) {
        sx_free(ctx, equation);
        return status;
    }
    sx_state_array array = { "x", "unit", h->n, labels };
    sx_model_desc d = SX_MODEL_DESC;
    d.ops = h->patterns ? &sx_dense_hopfield_ops : &sx_hopfield_ops;
    d.self = h;
    d.kind = SX_FLOW;
    d.layout = (sx_layout){ h->n, 1, &array };
    d.block = sx_block_choose(h->patterns && h->memory.patterns > h->n ? h->memory.patterns : h->n, w);
    d.panel = sx_panel_choose(h->n);
    d.flops = 26.0 * (double)h->n + (h->W ? sx_coupling_flops(h->W) : 0.0);
    if (h->patterns) d.flops += 2.0 * sx_coupling_flops(w) + 25.0 * (double)h->memory.patterns;
    d.equation = equation;
    d.latex = latex;
    status = sx_model_create(ctx, &d, out);
    sx_free(ctx, equation);
    sx_free(ctx, latex);
    return status;
}

static sx_status begin(sx_ctx *ctx, int64_t n, int phi, double gain, sx_hopfield **out) {
    sx_hopfield *h;
    SX_TRY(ctx, sx_alloc(ctx, 1, sizeof *h, &h));
    h->n = n;
    h->k = sx_kernels_get(NULL);
    h->phi = (sx_activation)SX_ACTIVATION(kinds[phi]);
    h->gain = gain;
    *out = h;
    return SX_OK;
}

sx_status sx_hopfield_create(sx_ctx *ctx, const sx_hopfield_opts *o, const sx_coupling *W, const char *const *labels,
                             sx_model **out) {
    sx_hopfield *h = NULL;
    sx_status status;
    if (!o || o->struct_size != sizeof *o)
        return SX_FAIL(ctx, SX_E_USAGE, "model hopfield: want options initialised with SX_HOPFIELD_OPTS");
    SX_TRY(ctx, sx_fields_check(ctx, sx_hopfield_fields, o, "model"));
    if (!W && o->n < 1)
        return SX_FAIL(ctx, SX_E_USAGE, "model.n is missing: without a coupling the number of units must be given");
    if (W && o->n > 0 && o->n != sx_coupling_rows(W))
        return SX_FAIL(ctx, SX_E_USAGE, "model.n = %lld, but the coupling has %lld units", (long long)o->n,
                       (long long)sx_coupling_rows(W));
    SX_TRY(ctx, begin(ctx, W ? sx_coupling_rows(W) : o->n, o->phi, o->gain, &h));
    SX_GO(ctx, status, fail, values(ctx, h, o->tau, o->input));
    SX_GO(ctx, status, fail, set_coupling(ctx, h, W));
    SX_GO(ctx, status, fail, finish(ctx, h, o->phi, labels, out));
    return SX_OK;
fail:
    sx_hopfield_destroy(ctx, h);
    return status;
}

/* The patterns, from data or keys: *n units, *patterns, *x. */
static sx_status patterns_of(sx_ctx *ctx, const sx_dense_hopfield_opts *o, int64_t *n, int64_t *patterns,
                             const double **x) {
    if ((o->data.name != NULL) == (o->keys.n > 0))
        return SX_FAIL(ctx, SX_E_USAGE,
                       "model: want patterns from exactly one of 'data' (the name of a section [data.NAME]) and 'keys' "
                       "(numbers, one row a pattern); %s given",
                       o->keys.n > 0 ? "both were" : "none was");
    if (o->data.name) {
        if (o->n > 0 && o->n != o->data.columns)
            return SX_FAIL(ctx, SX_E_USAGE, "model.n = %lld, but a row of [data.%s] has %lld numbers", (long long)o->n,
                           o->data.name, (long long)o->data.columns);
        *n = o->data.columns;
        *patterns = o->data.rows;
        *x = o->data.x;
    } else {
        if (o->n < 1) return SX_FAIL(ctx, SX_E_USAGE, "model.n is missing: 'keys' are patterns of n numbers each");
        if (o->keys.n % o->n != 0)
            return SX_FAIL(ctx, SX_E_USAGE, "model.keys: %lld numbers: want patterns of n = %lld each",
                           (long long)o->keys.n, (long long)o->n);
        *n = o->n;
        *patterns = o->keys.n / o->n;
        *x = o->keys.data;
    }
    if (*n < 1 || *patterns < 1 || !*x) return SX_FAIL(ctx, SX_E_USAGE, "model: there are no patterns");
    for (int64_t i = 0; i < *n * *patterns; ++i) {
        if (!isfinite((*x)[i]))
            return SX_FAIL(ctx, SX_E_USAGE, "model: pattern %lld has %g: want finite numbers", (long long)(i / *n),
                           (*x)[i]);
    }
    return SX_OK;
}

sx_status sx_dense_hopfield_create(sx_ctx *ctx, const sx_dense_hopfield_opts *o, const char *const *labels,
                                   sx_model **out) {
    sx_hopfield *h = NULL;
    int64_t n = 0, patterns = 0;
    const double *x = NULL;
    sx_status status;
    if (!o || o->struct_size != sizeof *o)
        return SX_FAIL(ctx, SX_E_USAGE, "model dense-hopfield: want options initialised with SX_DENSE_HOPFIELD_OPTS");
    SX_TRY(ctx, sx_fields_check(ctx, sx_dense_hopfield_fields, o, "model"));
    SX_TRY(ctx, patterns_of(ctx, o, &n, &patterns, &x));
    if (o->energy == SX_DENSE_POLYNOMIAL && o->phi == SX_HOPFIELD_LINEAR && o->degree > 2)
        return SX_FAIL(ctx, SX_E_USAGE,
                       "model.phi = \"linear\" with degree = %lld: the energy has no lower bound; want tanh, erf or "
                       "logistic, or energy = \"log-sum-exp\"",
                       (long long)o->degree);
    SX_TRY(ctx, begin(ctx, n, o->phi, o->gain, &h));
    h->patterns = true;
    SX_GO(ctx, status, fail, values(ctx, h, o->tau, o->input));
    SX_GO(ctx, status, fail, sx_memory_init(ctx, o, n, patterns, x, &h->memory));
    SX_GO(ctx, status, fail, finish(ctx, h, o->phi, labels, out));
    return SX_OK;
fail:
    sx_hopfield_destroy(ctx, h);
    return status;
}

/* -- fields --------------------------------------------------------------------------------------------------------------------------- */

#define ACTIVATION_FIELDS(opts)                                                                                        \
    { .name = "phi",                                                                                                   \
      .type = SX_ENUM,                                                                                                 \
      .offset = offsetof(opts, phi),                                                                                   \
      .def = "\"tanh\"",                                                                                               \
      .choices = SX_HOPFIELD_PHI_CHOICES,                                                                              \
      .help = "activation, with an inverse" },                                                                         \
        { .name = "gain",                                                                                              \
          .type = SX_F64,                                                                                              \
          .offset = offsetof(opts, gain),                                                                              \
          .lo = 0,                                                                                                     \
          .hi = HUGE_VAL,                                                                                              \
          .def = "1.0",                                                                                                \
          .unit = "1/state",                                                                                           \
          .flags = SX_LO_OPEN | SX_HI_OPEN,                                                                            \
          .help = "g in s = phi(g x): large gains make two-state units" },                                             \
        { .name = "tau",                                                                                               \
          .type = SX_VALUES,                                                                                           \
          .offset = offsetof(opts, tau),                                                                               \
          .lo = 0,                                                                                                     \
          .hi = HUGE_VAL,                                                                                              \
          .def = "1.0",                                                                                                \
          .unit = "time",                                                                                              \
          .shape = "unit",                                                                                             \
          .flags = SX_FROM_FILE | SX_LO_OPEN | SX_HI_OPEN,                                                             \
          .help = "time constants: one number or one per unit" },                                                      \
    {                                                                                                                  \
        .name = "input", .type = SX_VALUES, .offset = offsetof(opts, input), SX_UNBOUNDED, .def = "0.0",               \
        .unit = "state", .shape = "unit", .flags = SX_FROM_FILE,                                                       \
        .help = "constant input I: one number or one per unit"                                                         \
    }

const sx_field sx_hopfield_fields[] = {
    { .name = "n",
      .type = SX_I64,
      .offset = offsetof(sx_hopfield_opts, n),
      .lo = 0,
      .hi = 1e9,
      .def = "0",
      .unit = "1",
      .help = "number of units; 0 takes it from the coupling; without one the weights are 0 until they are learned" },
    ACTIVATION_FIELDS(sx_hopfield_opts),
    SX_FIELD_END,
};

#define AT(member) offsetof(sx_dense_hopfield_opts, member)
const sx_field sx_dense_hopfield_fields[] = {
    { .name = "n",
      .type = SX_I64,
      .offset = AT(n),
      .lo = 0,
      .hi = 1e9,
      .def = "0",
      .unit = "1",
      .help = "number of units; 0 takes it from the data" },
    { .name = "data", .type = SX_DATA, .offset = AT(data), .help = "patterns, one number per unit" },
    { .name = "keys",
      .type = SX_VALUES,
      .offset = AT(keys),
      SX_UNBOUNDED,
      .unit = "1",
      .shape = "pattern,unit",
      .flags = SX_FROM_FILE,
      .help = "patterns as numbers, instead of data" },
    { .name = "energy",
      .type = SX_ENUM,
      .offset = AT(energy),
      .def = "\"log-sum-exp\"",
      .choices = SX_DENSE_ENERGY_CHOICES,
      .help = "polynomial: (n/degree) sum (xi.s/n)^degree; log-sum-exp: ln(sum exp(beta xi.s))/beta" },
    { .name = "degree",
      .type = SX_I64,
      .offset = AT(degree),
      .lo = 2,
      .hi = 30,
      .def = "3",
      .unit = "1",
      .help = "degree of the polynomial energy; 2 is Hebb's rule with self-coupling" },
    { .name = "beta",
      .type = SX_F64,
      .offset = AT(beta),
      .lo = 0,
      .hi = HUGE_VAL,
      .def = "1.0",
      .unit = "1",
      .flags = SX_LO_OPEN | SX_HI_OPEN,
      .help = "inverse temperature of the log-sum-exp energy" },
    ACTIVATION_FIELDS(sx_dense_hopfield_opts),
    SX_FIELD_END,
};
