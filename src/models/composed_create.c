// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Creation of a composed model: units, texts, field table. */
#include "models/composed.h"

#include <stdio.h>

/* Units: given, else from a coupling, the keys or the number of metric values. */
static sx_status units(sx_ctx *ctx, const sx_composed_opts *o, const sx_coupling *W, const sx_coupling *A,
                       int64_t *out) {
    int64_t n = o->n;
    if (n == 0 && W) n = sx_coupling_rows(W);
    if (n == 0 && A) n = sx_coupling_rows(A);
    if (n == 0 && o->patterns > 0 && o->keys.n % o->patterns == 0) n = o->keys.n / o->patterns;
    if (n == 0 && o->metric_values.n > 1) n = o->metric_values.n;
    if (n == 0) return SX_FAIL(ctx, SX_E_USAGE, "model.n is missing: want the number of units");
    const sx_coupling *both[] = { W, A };
    for (int i = 0; i < 2; ++i) {
        if (both[i] && (sx_coupling_rows(both[i]) != n || sx_coupling_columns(both[i]) != n))
            return SX_FAIL(ctx, SX_E_USAGE, "%s is %lld x %lld: want %lld x %lld, the number of units",
                           i == 0 ? "model.coupling" : "the flow coupling", (long long)sx_coupling_rows(both[i]),
                           (long long)sx_coupling_columns(both[i]), (long long)n, (long long)n);
    }
    if (W && o->potential != SX_POTENTIAL_HOPFIELD && o->flow != SX_FLOW_ACTIVATION)
        return SX_FAIL(ctx, SX_E_USAGE,
                       "model.coupling has a meaning only with potential = \"hopfield\" or flow = \"activation\"");
    bool uses_tau = o->metric == SX_METRIC_ACTIVATION || o->flow == SX_FLOW_ACTIVATION;
    if (!uses_tau && o->tau.n != 0)
        return SX_FAIL(ctx, SX_E_USAGE,
                       "model.tau has a meaning only with metric = \"activation\" or flow = \"activation\"");
    for (int64_t i = 0; i < o->tau.n; ++i) {
        if (!(o->tau.data[i] > 0.0 && isfinite(o->tau.data[i])))
            return SX_FAIL(ctx, SX_E_USAGE, "model.tau[%lld] = %g: want a value > 0", (long long)i, o->tau.data[i]);
    }
    *out = n;
    return SX_OK;
}

static const char *const phi_text[][2] = {
    [SX_POTENTIAL_QUADRATIC] = { "sum a_i x_i^2/2 (or x.H x/2)", "\\tfrac12 x^\\top H x" },
    [SX_POTENTIAL_QUARTIC] = { "sum a x_i^2/2 + b x_i^3/3 + g x_i^4/4",
                               "\\sum_i \\left(\\tfrac{a}{2} x_i^2 + \\tfrac{b}{3} x_i^3 + \\tfrac{g}{4} "
                               "x_i^4\\right)" },
    [SX_POTENTIAL_RADIAL] = { "a |x|^2/2 + g |x|^4/4", "\\tfrac{a}{2} |x|^2 + \\tfrac{g}{4} |x|^4" },
    [SX_POTENTIAL_HOPFIELD] = { "-s.W_S s/2 + sum int_0^s_i artanh - I.s, s = tanh x",
                                "-\\tfrac12 s^\\top W_S s + \\sum_i \\int_0^{s_i} \\mathrm{artanh} - I\\cdot s,\\ s = "
                                "\\tanh x" },
    [SX_POTENTIAL_LOGSUMEXP] = { "|x|^2/2 - ln(sum_mu exp(beta k_mu.x))/beta",
                                 "\\tfrac12 |x|^2 - \\tfrac1\\beta \\ln \\sum_\\mu e^{\\beta k_\\mu \\cdot x}" },
};
static const char *const metric_text[][2] = {
    [SX_METRIC_IDENTITY] = { "1", "1" },
    [SX_METRIC_DIAGONAL] = { "diag(g_i)", "\\mathrm{diag}(g_i)" },
    [SX_METRIC_ACTIVATION] = { "diag(tau_i tanh'(x_i))", "\\mathrm{diag}(\\tau_i \\tanh'(x_i))" },
    [SX_METRIC_RADIAL_TANGENTIAL] = { "(mu_r n n^T + mu_t (1 - n n^T))^-1, n = x/|x|",
                                      "\\left(\\mu_r n n^\\top + \\mu_t (1 - n n^\\top)\\right)^{-1},\\ n = x/|x|" },
    [SX_METRIC_LORENTZIAN] = { "diag(1/(1 + x_i^2))", "\\mathrm{diag}\\,(1 + x_i^2)^{-1}" },
};
static const char *const flow_text[][2] = {
    [SX_FLOW_NONE] = { "0", "0" },
    [SX_FLOW_ANTISYMMETRIC] = { "omega A x", "\\omega A x" },
    [SX_FLOW_GRADIENT] = { "-omega A grad Phi", "-\\omega A \\nabla\\Phi" },
    [SX_FLOW_ACTIVATION] = { "W_A tanh(x)/tau", "\\tau^{-1} W_A \\tanh x" },
};

static sx_status create(sx_ctx *ctx, const sx_composed_opts *o, const sx_coupling *W, const sx_coupling *A, int64_t n,
                        const char *const *labels, sx_composed *c, sx_model **out) {
    c->n = n;
    c->k = sx_kernels_get(NULL);
    SX_TRY(ctx, sx_potential_init(ctx, o, n, W, &c->phi));
    SX_TRY(ctx, sx_metric_init(ctx, o, n, &c->metric));
    SX_TRY(ctx, sx_flow_init(ctx, o, n, W, A, &c->flow));
    c->native = c->phi.kind == SX_POTENTIAL_HOPFIELD && c->metric.kind == SX_METRIC_ACTIVATION;
    if (c->native && c->flow.kind == SX_FLOW_ACTIVATION) c->W = sx_coupling_ref(W);
    if (c->native && !c->W) c->symmetric = c->phi.S;
    SX_TRY(ctx, sx_alloc(ctx, n, sizeof *c->W_diagonal, &c->W_diagonal));
    if (c->native) sx_coupling_diagonal(W, c->W_diagonal);

    char equation[512], latex[768];
    (void)snprintf(equation, sizeof equation, "x' = -G^-1 grad Phi + R, Phi = %s, G = %s, R = %s",
                   phi_text[c->phi.kind][0], metric_text[c->metric.kind][0], flow_text[c->flow.kind][0]);
    (void)snprintf(latex, sizeof latex,
                   "\\dot x = -G^{-1}\\nabla\\Phi + R,\\quad \\Phi = %s,\\quad G = %s,\\quad R = %s",
                   phi_text[c->phi.kind][1], metric_text[c->metric.kind][1], flow_text[c->flow.kind][1]);
    sx_state_array array = { "x", "unit", n, labels };
    sx_model_desc d = { .struct_size = sizeof d, .ops = &sx_composed_ops };
    d.self = c;
    d.kind = SX_FLOW;
    d.layout = (sx_layout){ n, 1, &array };
    d.block = sx_block_choose(n, W ? W : A);
    d.panel = sx_panel_choose(n);
    d.flops = sx_potential_flops(&c->phi) + sx_flow_flops(&c->flow) + 5.0 * (double)n;
    d.equation = equation;
    d.latex = latex;
    return sx_model_create(ctx, &d, out);
}

sx_status sx_composed_create(sx_ctx *ctx, const sx_composed_opts *o, const sx_coupling *W, const sx_coupling *A,
                             const char *const *labels, sx_model **out) {
    if (!o || o->struct_size != sizeof *o)
        return SX_FAIL(ctx, SX_E_USAGE, "model composed: want options initialised with SX_COMPOSED_OPTS");
    SX_TRY(ctx, sx_fields_check(ctx, sx_composed_fields, o, "model"));
    int64_t n = 0;
    SX_TRY(ctx, units(ctx, o, W, A, &n));
    sx_composed *c = NULL;
    SX_TRY(ctx, sx_alloc(ctx, 1, sizeof *c, &c));
    sx_status status = create(ctx, o, W, A, n, labels, c, out);
    if (status < 0) sx_composed_destroy(ctx, c);
    return status;
}

#define AT(member) offsetof(sx_composed_opts, member)
const sx_field sx_composed_fields[] = {
    { .name = "n",
      .type = SX_I64,
      .offset = AT(n),
      .lo = 0,
      .hi = 1e9,
      .def = "0",
      .unit = "1",
      .help = "number of units; 0 takes it from the coupling, the keys or the metric values" },
    { .name = "potential",
      .type = SX_ENUM,
      .offset = AT(potential),
      .def = "\"quadratic\"",
      .choices = SX_POTENTIAL_CHOICES,
      .help = "potential Phi" },
    { .name = "a",
      .type = SX_VALUES,
      .offset = AT(a),
      SX_UNBOUNDED,
      .def = "1.0",
      .unit = "1/time",
      .shape = "unit,unit",
      .flags = SX_FROM_FILE,
      .help = "quadratic curvature: one number, one per unit or a symmetric matrix; quartic and radial: one number" },
    { .name = "b",
      .type = SX_F64,
      .offset = AT(b),
      SX_UNBOUNDED,
      .def = "0.0",
      .unit = "1/time",
      .help = "cubic coefficient of the quartic potential" },
    { .name = "g",
      .type = SX_F64,
      .offset = AT(g),
      SX_UNBOUNDED,
      .def = "1.0",
      .unit = "1/time",
      .help = "quartic coefficient of the quartic and radial potentials; a = -1, g = 1 is the double well" },
    { .name = "beta",
      .type = SX_F64,
      .offset = AT(beta),
      .lo = 0,
      .hi = HUGE_VAL,
      .def = "1.0",
      .unit = "1",
      .flags = SX_LO_OPEN,
      .help = "inverse temperature of the log-sum-exp potential" },
    { .name = "keys",
      .type = SX_VALUES,
      .offset = AT(keys),
      SX_UNBOUNDED,
      .unit = "state",
      .shape = "pattern,unit",
      .flags = SX_FROM_FILE,
      .help = "stored patterns of the log-sum-exp potential, one per row" },
    { .name = "patterns",
      .type = SX_I64,
      .offset = AT(patterns),
      .lo = 0,
      .hi = 1e9,
      .def = "0",
      .unit = "1",
      .help = "number of keys; 0 takes it from their count" },
    { .name = "metric",
      .type = SX_ENUM,
      .offset = AT(metric),
      .def = "\"identity\"",
      .choices = SX_METRIC_CHOICES,
      .help = "metric G" },
    { .name = "metric_values",
      .type = SX_VALUES,
      .offset = AT(metric_values),
      .lo = 0,
      .hi = HUGE_VAL,
      .unit = "1",
      .shape = "unit",
      .flags = SX_FROM_FILE | SX_LO_OPEN,
      .help = "diagonal of the metric \"diagonal\"" },
    { .name = "mu_r",
      .type = SX_F64,
      .offset = AT(mu_r),
      .lo = 0,
      .hi = HUGE_VAL,
      .def = "1.0",
      .unit = "1",
      .flags = SX_LO_OPEN,
      .help = "radial mobility of the metric \"radial-tangential\"" },
    { .name = "mu_t",
      .type = SX_F64,
      .offset = AT(mu_t),
      .lo = 0,
      .hi = HUGE_VAL,
      .def = "1.0",
      .unit = "1",
      .flags = SX_LO_OPEN,
      .help = "tangential mobility of the metric \"radial-tangential\"" },
    { .name = "flow",
      .type = SX_ENUM,
      .offset = AT(flow),
      .def = "\"none\"",
      .choices = SX_FLOW_CHOICES,
      .help = "reentrant flow R" },
    { .name = "omega",
      .type = SX_F64,
      .offset = AT(omega),
      SX_UNBOUNDED,
      .def = "1.0",
      .unit = "1/time",
      .help = "strength of the antisymmetric and gradient flows" },
    { .name = "input",
      .type = SX_VALUES,
      .offset = AT(input),
      SX_UNBOUNDED,
      .unit = "state",
      .shape = "unit",
      .flags = SX_FROM_FILE,
      .help = "constant input I of the hopfield potential" },
    { .name = "tau",
      .type = SX_VALUES,
      .offset = AT(tau),
      .lo = 0,
      .hi = HUGE_VAL,
      .def = "1.0",
      .unit = "time",
      .shape = "unit",
      .flags = SX_FROM_FILE | SX_LO_OPEN,
      .help = "time constants of the activation metric and flow" },
    SX_FIELD_END,
};
