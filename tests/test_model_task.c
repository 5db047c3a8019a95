// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Every model against every task. A cell either runs to a result whose numbers are all finite, or is refused with SX_E_UNSUPPORTED
 * and the name of the missing operation; which of the two follows from the operations alone. With --markdown the same cells are run and
 * printed as the tables of the documentation (built without cmocka: -DSX_MARKDOWN_ONLY). */
#ifndef SX_MARKDOWN_ONLY
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#endif

#include <separatrix/experiment.h>
#include <separatrix/response.h>
#include <separatrix/orbits.h>
#include <separatrix/separatrix.h>

#include <complex.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N = 4, REPLICAS = 16, CASES = 400 };

static const char *const operations[] = { "F",        "jvp",        "vjp",       "hvv",      "phv",     "tvvv",
                                          "jacobian", "divergence", "potential", "gradient", "metric",  "reentrant",
                                          "sample",   "kick",       "move",      "observe",  "symmetry" };
enum { OPERATIONS = sizeof operations / sizeof *operations };

/* One model with one noise, or the reason why there is none. */
typedef struct model_case {
    char group[64], name[128]; /* row of the table; what exactly */
    sx_model *m;
    sx_status status; /* of creation */
    char message[256];
} model_case;

typedef struct cases {
    model_case item[CASES];
    int n;
} cases;

/* -- models ------------------------------------------------------------------------------------------------------------------- */

/* Small enough that every activation and every map stays bounded. */
static const double weights[N * N] = { 0.0, 0.2,  -0.1, 0.1, -0.2, 0.0, 0.15, 0.05,
                                       0.1, -0.1, 0.0,  0.2, 0.05, 0.1, -0.2, 0.0 };

static void add(sx_ctx *ctx, cases *c, const char *group, const char *name, sx_status status, sx_model *const *m) {
    if (c->n == CASES) abort();
    model_case *k = &c->item[c->n++];
    snprintf(k->group, sizeof k->group, "%s", group);
    snprintf(k->name, sizeof k->name, "%s", name);
    k->m = status < 0 ? NULL : *m;
    k->status = status;
    snprintf(k->message, sizeof k->message, "%s", status < 0 ? sx_ctx_message(ctx) : "");
    sx_ctx_clear(ctx);
}

static sx_status linear(sx_ctx *ctx, int time, const sx_coupling *w, sx_model **out) {
    sx_linear_opts o = { .struct_size = sizeof o };
    double leak = 0.8;
    sx_fields_default(sx_linear_fields, &o);
    o.struct_size = sizeof o;
    o.time = time;
    o.leak = (sx_values){ 1, &leak };
    return sx_linear_create(ctx, &o, w, NULL, out);
}

static sx_status rate(sx_ctx *ctx, int form, int time, int phi, const sx_coupling *w, sx_model **out) {
    sx_rate_opts o = { .struct_size = sizeof o };
    sx_fields_default(sx_rate_fields, &o);
    o.struct_size = sizeof o;
    o.form = form;
    o.time = time;
    o.phi = phi;
    return sx_rate_create(ctx, &o, w, NULL, NULL, NULL, out);
}

static sx_status composed(sx_ctx *ctx, int potential, int metric, int flow, const sx_coupling *w, sx_model **out) {
    static const double keys[2 * N] = { 1, 0.5, -0.5, 0, -0.5, 1, 0, 0.5 }, values[N] = { 1, 2, 1, 0.5 };
    static const double minus_one = -1;
    sx_composed_opts o = { .struct_size = sizeof o };
    sx_fields_default(sx_composed_fields, &o);
    o.struct_size = sizeof o;
    o.n = N;
    o.potential = potential;
    o.metric = metric;
    o.flow = flow;
    if (potential == SX_POTENTIAL_QUARTIC || potential == SX_POTENTIAL_RADIAL) o.a = (sx_values){ 1, &minus_one };
    if (potential == SX_POTENTIAL_LOGSUMEXP) o.keys = (sx_values){ 2 * N, keys };
    if (metric == SX_METRIC_DIAGONAL) o.metric_values = (sx_values){ N, values };
    bool needs_w = potential == SX_POTENTIAL_HOPFIELD || flow == SX_FLOW_ACTIVATION;
    return sx_composed_create(ctx, &o, needs_w ? w : NULL, NULL, NULL, out);
}

/* Both forms, with rotation and a coupling, with fast weights of two neurons. */
static sx_status reentry(sx_ctx *ctx, int form, bool fast, const sx_coupling *w, sx_model **out) {
    sx_reentry_opts o = SX_REENTRY_OPTS;
    sx_fields_default(sx_reentry_fields, &o);
    o.form = form;
    o.n = fast ? 2 : N;
    o.gamma = 0.7;
    o.omega = 0.3;
    o.eta = fast ? 0.2 : 0.0;
    return sx_reentry_create(ctx, &o, fast ? NULL : w, NULL, out);
}
static void add_reentry(sx_ctx *ctx, cases *c, const sx_coupling *w) {
    char group[64], form[32];
    sx_model *m = NULL;
    for (int k = 0; k < 4; k++) {
        snprintf(group, sizeof group, "`reentry`, %s%s",
                 sx_choice_name(SX_REENTRY_FORM_CHOICES, k % 2, form, sizeof form), k / 2 ? ", fast weights" : "");
        add(ctx, c, group, group, reentry(ctx, k % 2, k / 2, w, &m), &m);
    }
}

/* Every form; two tokens on a circle. */
static sx_status attention(sx_ctx *ctx, int form, int normalise, bool causal, sx_model **out) {
    static const double keys[2 * N] = { 1, 0.5, -0.5, 0, -0.5, 1, 0, 0.5 }, M[N] = { 1, 2, 1, 0.5 };
    sx_attention_opts o = SX_ATTENTION_OPTS;
    sx_fields_default(sx_attention_fields, &o);
    bool tokens = form == SX_ATTENTION_TOKENS;
    o.form = form;
    o.dimension = tokens ? 2 : N;
    o.tokens = tokens ? 2 : 1;
    if (!tokens) o.keys = (sx_values){ 2 * N, keys };
    if (form == SX_ATTENTION_VALUES) o.mobility = (sx_values){ N, M };
    if (form == SX_ATTENTION_UNTIED) o.W_V = (sx_values){ N * N, weights };
    o.normalise = normalise;
    o.causal = causal;
    return sx_attention_create(ctx, &o, NULL, out);
}
static void add_attention(sx_ctx *ctx, cases *c) {
    char group[64], form[32];
    sx_model *m = NULL;
    for (int k = 0; k < 6; k++) {
        int f = k < SX_ATTENTION_TOKENS ? k : SX_ATTENTION_TOKENS;
        snprintf(group, sizeof group, "`attention`, %s%s", sx_choice_name(SX_ATTENTION_CHOICES, f, form, sizeof form),
                 k == 4   ? ", not normalised"
                 : k == 5 ? ", causal"
                          : "");
        add(ctx, c, group, group, attention(ctx, f, k == 4, k == 5, &m), &m);
    }
}

/* N numbers of state: one layer of N, a stack of two, or an LSTM of N/2. */
static sx_status cell(sx_ctx *ctx, int kind, int relu, int layers, sx_model **out) {
    double numbers[3 * N * N];
    int64_t gates = sx_cell_gates((sx_cell_kind)kind), H = N / layers / (kind == SX_CELL_LSTM ? 2 : 1);
    bool low = kind == SX_CELL_LOWRANK;
    for (int i = 0; i < 3 * N * N; i++) numbers[i] = weights[i % (N * N)];
    sx_values w = { gates * H * H, numbers }, b = { gates * H, numbers }, none = { 0, NULL };
    sx_cell_layer layer = { w, low ? none : w, b, b, low ? b : none, low ? b : none }, both[] = { layer, layer };
    sx_cell_opts o = SX_CELL_OPTS;
    sx_fields_default(sx_cell_fields, &o);
    o.cell = kind;
    o.nonlinearity = relu;
    o.hidden = H;
    if (kind == SX_CELL_LEAKY || low) o.alpha = 0.5;
    o.layers = (sx_tables){ layers, both };
    return sx_cell_create(ctx, &o, NULL, out);
}

static void add_cells(sx_ctx *ctx, cases *c) {
    static const char *const names[] = { "vanilla", "gru", "lstm", "leaky", "low-rank" };
    char group[64], name[128];
    sx_model *m = NULL;
    for (int kind = 0; kind <= SX_CELL_LOWRANK; kind++)
        for (int relu = 0; relu < (kind == SX_CELL_GRU || kind == SX_CELL_LSTM ? 1 : 2); relu++)
            for (int layers = 1; layers <= (kind == SX_CELL_LOWRANK ? 1 : 2); layers++) {
                snprintf(group, sizeof group, "`cell`, %s", names[kind]);
                snprintf(name, sizeof name, "cell, %s, %s, %d layers", names[kind], relu ? "relu" : "tanh", layers);
                add(ctx, c, group, name, cell(ctx, kind, relu, layers, &m), &m);
            }
}

/* N numbers over one index, as a flow and as a map, with a product, a shift and a scalar beside it. */
static sx_status equations(sx_ctx *ctx, int time, const sx_coupling *w, sx_model **out) {
    sx_equations_desc d = SX_EQUATIONS_DESC;
    double one = 1;
    sx_equations_index indices[] = { { "i", N, NULL }, { "j", 0, "i" } };
    sx_equations_state states[] = { { "x", "i", NULL } };
    sx_equations_parameter parameters[] = { { "W", "i,j", { 0, NULL }, w }, { "g", NULL, { 1, &one }, NULL } };
    sx_equations_text flow[] = { { "x", "-x[i] + g*sum(j, W[i,j]*tanh(x[j])) + 0.1*(x[i+1] - x[i])" } };
    sx_equations_text map[] = { { "x", "0.5*x[i] + 0.2*g*sum(j, W[i,j]*tanh(x[j])) + 0.1*sin(x[i-1])" } };
    d.time = time;
    d.n_indices = 2;
    d.n_states = 1;
    d.n_parameters = 2;
    d.n_equations = 1;
    d.indices = indices;
    d.states = states;
    d.parameters = parameters;
    d.equations = time ? map : flow;
    return sx_equations_create(ctx, &d, NULL, out);
}

/* A potential, a metric and a flow as text. */
static sx_status potential(sx_ctx *ctx, const sx_coupling *w, sx_model **out) {
    sx_equations_desc d = SX_EQUATIONS_DESC;
    sx_equations_index indices[] = { { "i", N, NULL }, { "j", 0, "i" } };
    sx_equations_state states[] = { { "x", "i", NULL } };
    sx_equations_parameter parameters[] = { { "W", "i,j", { 0, NULL }, w } };
    sx_equations_text metric = { "x", "1/(1+x[i]^2)" }, flow = { "x", "0.2*(x[i+1] - x[i-1])" };
    d.n_indices = 2;
    d.n_states = d.n_parameters = d.n_metric = d.n_flow = 1;
    d.indices = indices;
    d.states = states;
    d.parameters = parameters;
    d.potential = "sum(i, x[i]^4/4 + x[i]^2/2) - 0.5*sum(i, sum(j, W[i,j]*x[i]*x[j]))";
    d.metric = &metric;
    d.flow = &flow;
    return sx_equations_create(ctx, &d, NULL, out);
}

static void add_equations(sx_ctx *ctx, cases *c, const sx_coupling *w) {
    sx_model *m = NULL;
    for (int time = 0; time < 2; time++) {
        const char *group = time ? "`equations`, map" : "`equations`, flow";
        add(ctx, c, group, group, equations(ctx, time, w, &m), &m);
    }
    const char *group = "`equations`, potential";
    add(ctx, c, group, group, potential(ctx, w, &m), &m);
}

/* A table of operations as a plug-in has it: x' = -x + W tanh(x), alone, with F for complex numbers, with the Jacobian matrix. */
static void plugin_F(const void *self, double t, sx_cbatch x, sx_batch out, sx_work w) {
    (void)self, (void)t, (void)w;
    for (int64_t i = 0; i < N; i++)
        for (int64_t r = 0; r < x.b; r++) {
            out.x[i * x.b + r] = -x.x[i * x.b + r];
            for (int64_t j = 0; j < N; j++) out.x[i * x.b + r] += weights[i * N + j] * tanh(x.x[j * x.b + r]);
        }
}
static void plugin_F_complex(const void *self, double t, const double *x, double *out, int64_t b, sx_work w) {
    (void)self, (void)t, (void)w;
    const double complex *z = (const double complex *)(const void *)x;
    double complex *y = (double complex *)(void *)out;
    for (int64_t i = 0; i < N; i++)
        for (int64_t r = 0; r < b; r++) {
            y[i * b + r] = -z[i * b + r];
            for (int64_t j = 0; j < N; j++) y[i * b + r] += weights[i * N + j] * ctanh(z[j * b + r]);
        }
}
static void plugin_jacobian(const void *self, double t, const double *x, double *out, sx_work w) {
    (void)self, (void)t, (void)w;
    for (int64_t i = 0; i < N; i++)
        for (int64_t j = 0; j < N; j++) {
            double s = tanh(x[j]);
            out[i * N + j] = weights[i * N + j] * (1 - s * s) - (i == j);
        }
}
static int plugin_make(const double *values, sx_plugin_model *out, char *message, size_t size) {
    (void)values, (void)message, (void)size;
    out->desc.layout.n = N;
    return 0;
}
static const sx_model_ops plugin_plain = { .abi = SX_MODEL_ABI, .struct_size = sizeof plugin_plain, .F = plugin_F },
                          plugin_matrix = { .abi = SX_MODEL_ABI,
                                            .struct_size = sizeof plugin_matrix,
                                            .F = plugin_F,
                                            .jacobian = plugin_jacobian };
static const sx_plugin plugins[] = {
    { SX_PLUGIN_ABI, sizeof(sx_plugin), &plugin_plain, NULL, plugin_make, NULL },
    { SX_PLUGIN_ABI, sizeof(sx_plugin), &plugin_plain, NULL, plugin_make, plugin_F_complex },
    { SX_PLUGIN_ABI, sizeof(sx_plugin), &plugin_matrix, NULL, plugin_make, NULL },
};
static void add_plugins(sx_ctx *ctx, cases *c) {
    static const char *const names[] = { "plugin, F alone", "plugin, F for complex numbers", "plugin, Jacobian" };
    sx_model *m = NULL;
    for (int k = 0; k < 3; k++)
        add(ctx, c, "`plugin`", names[k], sx_plugin_create(ctx, "test", &plugins[k], 0, NULL, NULL, 1e-6, &m), &m);
}

static sx_status sampler(sx_ctx *ctx, bool ising, int kind, const sx_coupling *w, sx_model **out) {
    sx_sampler_opts o = SX_SAMPLER_OPTS;
    sx_fields_default(sx_sampler_fields, &o);
    o.struct_size = sizeof o;
    o.sampler = kind;
    return (ising ? sx_ising_create : sx_free_energy_create)(ctx, &o, w, NULL, out);
}

static void add_samplers(sx_ctx *ctx, cases *c, const sx_coupling *w) {
    static const char *const groups[2][2] = { { "`free-energy`, sampler", "`free-energy`, map" },
                                              { "`ising`, sampler", "`ising`, map" } };
    sx_model *m = NULL;
    for (int ising = 0; ising < 2; ising++)
        for (int kind = 0; kind <= SX_SAMPLER_DETERMINISTIC; kind++) {
            const char *group = groups[ising][kind == SX_SAMPLER_DETERMINISTIC];
            add(ctx, c, group, group, sampler(ctx, ising, kind, w, &m), &m);
        }
}

static void add_memories(sx_ctx *ctx, cases *c, const sx_coupling *w) {
    static const double keys[2 * N] = { 1, 0.5, -0.5, 0, -0.5, 1, 0, 0.5 };
    char phi[32], name[128];
    sx_model *m = NULL;
    for (int k = 0; k <= SX_HOPFIELD_LINEAR; k++) {
        sx_hopfield_opts o = SX_HOPFIELD_OPTS;
        sx_fields_default(sx_hopfield_fields, &o);
        o.struct_size = sizeof o;
        o.phi = k;
        snprintf(name, sizeof name, "hopfield, %s", sx_choice_name(SX_HOPFIELD_PHI_CHOICES, k, phi, sizeof phi));
        add(ctx, c, "`hopfield`", name, sx_hopfield_create(ctx, &o, w, NULL, &m), &m);
        for (int energy = 0; energy <= SX_DENSE_LOGSUMEXP; energy++) {
            sx_dense_hopfield_opts d = SX_DENSE_HOPFIELD_OPTS;
            sx_fields_default(sx_dense_hopfield_fields, &d);
            d.struct_size = sizeof d;
            d.n = N;
            d.keys = (sx_values){ 2 * N, keys };
            d.energy = energy;
            d.degree = k == SX_HOPFIELD_LINEAR ? 2 : 3;
            d.phi = k;
            snprintf(name, sizeof name, "dense-hopfield, %s, %s", energy ? "log-sum-exp" : "polynomial", phi);
            add(ctx, c, "`dense-hopfield`", name, sx_dense_hopfield_create(ctx, &d, NULL, &m), &m);
        }
    }
}

/* The bare models: each kind in each variant. */
static void add_models(sx_ctx *ctx, cases *c, const sx_coupling *w) {
    sx_model *m = NULL;
    char phi[32], potential[32], metric[32], flow[32], name[128];
    for (int time = 0; time < 2; time++) {
        const char *group = time ? "`linear`, map" : "`linear`, flow";
        add(ctx, c, group, group, linear(ctx, time, w, &m), &m);
    }
    for (int form = 0; form < 2; form++)
        for (int time = 0; time < 2; time++)
            for (int k = 0; k <= SX_PHI_LINEAR; k++) {
                char group[64];
                snprintf(group, sizeof group, "`rate`, %s form, %s", form ? "activity" : "current",
                         time ? "map" : "flow");
                snprintf(name, sizeof name, "%s, %s", group, sx_choice_name(SX_PHI_CHOICES, k, phi, sizeof phi));
                add(ctx, c, group, name, rate(ctx, form, time, k, w, &m), &m);
            }
    for (int p = 0; p <= SX_POTENTIAL_LOGSUMEXP; p++)
        for (int g = 0; g <= SX_METRIC_LORENTZIAN; g++)
            for (int f = 0; f <= SX_FLOW_ACTIVATION; f++) {
                char group[64];
                snprintf(group, sizeof group, "`composed`, potential `%s`",
                         sx_choice_name(SX_POTENTIAL_CHOICES, p, potential, sizeof potential));
                snprintf(name, sizeof name, "composed %s, %s, %s", potential,
                         sx_choice_name(SX_METRIC_CHOICES, g, metric, sizeof metric),
                         sx_choice_name(SX_FLOW_CHOICES, f, flow, sizeof flow));
                add(ctx, c, group, name, composed(ctx, p, g, f, w, &m), &m);
            }
    add_reentry(ctx, c, w);
    add_attention(ctx, c);
    add_cells(ctx, c);
    add_samplers(ctx, c, w);
    add_memories(ctx, c, w);
    add_equations(ctx, c, w);
    add_plugins(ctx, c);
}

/* -- noises ------------------------------------------------------------------------------------------------------------------- */

enum {
    NOISE_NONE,
    NOISE_SCALAR,
    NOISE_UNITS,
    NOISE_MATRIX,
    NOISE_FACTOR,
    NOISE_MULTIPLICATIVE,
    NOISE_THERMAL,
    NOISE_OU,
    NOISES
};
static const char *const noise_names[NOISES] = {
    "none",    "additive, scalar", "additive, per unit", "additive, matrix", "additive, factor", "multiplicative",
    "thermal", "coloured"
};
enum { KIND_NONE, KIND_ADDITIVE, KIND_THERMAL, KIND_MULTIPLICATIVE, KIND_OU }; /* SX_NOISE_KIND_CHOICES */

/* calculus -1: not written */
static sx_status with_noise(sx_ctx *ctx, const sx_model *bare, int noise, int amplitude, int calculus, sx_model **out) {
    static const double D = 0.01, units[N] = { 0.01, 0.02, 0.0, 0.01 },
                        factor[2 * N] = { 0.1, 0, 0, 0.1, 0.05, 0.05, 0, 0 };
    static const double matrix[N * N] = { 0.02, 0.005, 0, 0, 0.005, 0.02, 0, 0, 0, 0, 0.01, 0, 0, 0, 0, 0.01 };
    sx_noise_opts o = { .struct_size = sizeof o };
    sx_fields_default(sx_noise_fields, &o);
    o.struct_size = sizeof o;
    o.has_D = noise != NOISE_NONE && noise != NOISE_THERMAL && noise != NOISE_FACTOR;
    o.kind = noise == NOISE_NONE             ? KIND_NONE
             : noise == NOISE_THERMAL        ? KIND_THERMAL
             : noise == NOISE_OU             ? KIND_OU
             : noise == NOISE_MULTIPLICATIVE ? KIND_MULTIPLICATIVE
                                             : KIND_ADDITIVE;
    o.D = noise == NOISE_UNITS    ? (sx_values){ N, units }
          : noise == NOISE_MATRIX ? (sx_values){ N * N, matrix }
                                  : (sx_values){ 1, &D };
    if (!o.has_D) o.D = (sx_values){ 0, NULL };
    if (noise == NOISE_FACTOR) o.factor = (sx_values){ 2 * N, factor };
    o.has_factor = noise == NOISE_FACTOR;
    o.has_temperature = noise == NOISE_THERMAL;
    o.temperature = 0.01;
    o.has_tau = noise == NOISE_OU;
    o.tau = 0.5;
    o.amplitude = amplitude;
    o.offset = 1.0; /* the sqrt amplitude stays away from its edge */
    o.slope = 0.2;
    o.has_calculus = calculus >= 0;
    o.calculus = calculus;
    return sx_noise_attach(ctx, bare, &o, (sx_values){ 0, NULL }, out);
}

/* Each noise in each of its variants on one model of each kind and time. */
static void add_noises(sx_ctx *ctx, cases *c, const sx_coupling *w) {
    char amplitude[32], calculus[32], name[128];
    static const char *const groups[] = { "`linear`, flow", "`linear`, map", "`rate`, flow",
                                          "`rate`, map",    "`composed`",    "`equations`, potential" };
    for (int g = 0; g < 6; g++) {
        sx_model *bare = NULL, *m = NULL;
        sx_status s = g < 2   ? linear(ctx, g, w, &bare)
                      : g < 4 ? rate(ctx, 0, g - 2, SX_PHI_TANH, w, &bare)
                      : g < 5 ? composed(ctx, SX_POTENTIAL_QUARTIC, SX_METRIC_LORENTZIAN, SX_FLOW_NONE, w, &bare)
                              : potential(ctx, w, &bare);
        if (s < 0) abort();
        bool map = sx_model_kind(bare) == SX_MAP;
        for (int k = 0; k < NOISES; k++) {
            int amplitudes = k == NOISE_MULTIPLICATIVE ? 3 : 1;
            for (int a = 0; a < amplitudes; a++)
                for (int q = -1; q <= SX_COVARIANT; q++) {
                    bool state = k == NOISE_MULTIPLICATIVE || k == NOISE_THERMAL;
                    if (q >= 0 && (!state || map)) continue; /* constant noise, maps: none */
                    if (k == NOISE_MULTIPLICATIVE && !map && (q < 0 || q == SX_COVARIANT))
                        continue; /* must be written; no metric */
                    snprintf(name, sizeof name, "%s, %s%s%s%s%s", groups[g], noise_names[k], amplitudes > 1 ? " " : "",
                             amplitudes > 1 ? sx_choice_name(SX_AMPLITUDE_CHOICES, a, amplitude, sizeof amplitude) : "",
                             q >= 0 ? ", " : "",
                             q >= 0 ? sx_choice_name(SX_CALCULUS_CHOICES, q, calculus, sizeof calculus) : "");
                    s = with_noise(ctx, bare, k, a, q, &m);
                    add(ctx, c, groups[g], name, s, &m);
                    snprintf(c->item[c->n - 1].group, sizeof c->item->group, "%s/%d", groups[g], k);
                }
        }
        sx_model_free(ctx, bare);
    }
}

static void free_cases(sx_ctx *ctx, cases *c) {
    for (int i = 0; i < c->n; i++) sx_model_free(ctx, c->item[i].m);
    free(c);
}

/* -- one cell ----------------------------------------------------------------------------------------------------------------- */

typedef struct outcome {
    sx_status status;
    char message[512];
    int variables;
    int64_t numbers, wrong; /* read; not finite */
    char bad[64];           /* first variable with a wrong number */
    double largest;         /* of the variable that the cell looks at */
} outcome;

static void inspect(sx_ctx *ctx, const sx_result *r, const char *look, outcome *o) {
    for (int id = 0; id < sx_result_vars(r); id++) {
        const char *group, *dims[8];
        const sx_var *v = sx_result_var(r, id, &group);
        int64_t shape[8], n = 1;
        if (v->dtype == SX_DT_STRING) continue;
        int ndim = sx_result_shape(r, id, shape, dims);
        for (int k = 0; k < ndim; k++) n *= shape[k];
        double *x = calloc((size_t)n + 1, sizeof *x);
        if (!x || sx_result_read(ctx, r, id, NULL, NULL, x) < 0) abort();
        for (int64_t i = 0; i < n; i++) {
            /* a nilpotent step has no slowest rate: infinite */
            if (isfinite(x[i]) || (strcmp(v->name, "slowest_rate") == 0 && x[i] > 0)) continue;
            if (x[i] == HUGE_VAL && (strcmp(v->name, "kreiss_bound") == 0 || strcmp(v->name, "mode_variance") == 0 ||
                                     strcmp(v->name, "excitation") == 0))
                continue;                                         /* of unstable points */
            if (strcmp(v->name, "rate_variation") == 0) continue; /* of slow modes only */
            /* and exponents of minus infinity, as singular steps have */
            if (x[i] == -HUGE_VAL && (strncmp(v->name, "exponent", 8) == 0 || strcmp(v->name, "divergence_mean") == 0))
                continue;
            if (!o->wrong++) snprintf(o->bad, sizeof o->bad, "%s[%lld]", v->name, (long long)i);
        }
        for (int64_t i = 0; i < n && look && strcmp(v->name, look) == 0; i++) o->largest = fmax(o->largest, x[i]);
        o->variables++;
        o->numbers += n;
        free(x);
    }
}

/* Options of the tasks for test runs of a few hundred steps. */
static void simulate_options(const sx_model *m, void *opts) {
    sx_simulate_opts *o = opts;
    bool map = sx_model_kind(m) != SX_FLOW;
    if (map)
        o->steps = 160;
    else {
        o->duration = 4;
        o->dt = 0.025;
    }
    o->replicas = REPLICAS;
    o->initial = (sx_initial){ .kind = SX_INITIAL_GAUSSIAN, .mean = 0.1, .sd = 0.2 };
    o->record = (sx_record_opts){ .every = map ? 4 : 0.1, .given = true };
    o->covariance = o->psd = true;
    o->psd_window = 16;
    o->max_lag = map ? 8 : 0.8;
    o->histogram_bins = 8;
}

static void energy_options(const sx_model *m, void *opts) {
    simulate_options(m, opts);
    ((sx_simulate_opts *)opts)->energy = true;
}

static void response_options(const sx_model *m, void *opts) {
    sx_response_opts *o = opts;
    (void)m;
    o->frequencies = 9;
    o->max_lag = 2;
    o->lags = 4;
}

static void orbits_options(const sx_model *m, void *opts) {
    sx_orbits_opts *o = opts;
    bool map = sx_model_kind(m) != SX_FLOW;
    o->random = 2;
    o->transient = map ? 40 : 20;
    o->duration = map ? 40 : 20;
    o->samples = 400;
    o->recurrences = 2;
    if (map) o->period_max = 1;
}

static void fixed_points_options(const sx_model *m, void *opts) {
    sx_fixed_points_opts *o = opts;
    (void)m;
    o->random = 8;
    o->deflation = 2;
    o->boxes = 200;
    o->slow = (sx_slow_opts){ .speed_below = 1e-3, .iterations = 50, .given = true };
}

/* Where activations have slopes: at 0 a relu has none. */
static void spectrum_options(const sx_model *m, void *opts) {
    static const double x[] = { 0.3, 0.2, 0.4, 0.1, 0.3, 0.2, 0.4, 0.1, 0.3, 0.2, 0.4, 0.1, 0.3, 0.2, 0.4, 0.1 };
    sx_spectrum_opts *o = opts;
    if (sx_model_n(m) > (int64_t)(sizeof x / sizeof *x)) abort();
    o->at = (sx_points){ .n = 1, .size = sx_model_n(m), .x = x };
    o->bins = 8;
    o->lags = 4;
    o->pseudospectrum = 3;
}

static void lyapunov_options(const sx_model *m, void *opts) {
    sx_lyapunov_opts *o = opts;
    if (sx_model_kind(m) == SX_MAP)
        o->steps = 64;
    else {
        o->duration = 2;
        o->dt = 0.025;
    }
    o->burn_in = o->transient = 1;
    o->trace = false;
    o->initial = (sx_initial){ .kind = SX_INITIAL_GAUSSIAN, .mean = 0.1, .sd = 0.2 };
    o->has_initial = true;
}

static void basins_options(const sx_model *m, void *opts) {
    sx_basins_opts *o = opts;
    o->starts = 16;
    if (sx_model_kind(m) == SX_FLOW) {
        o->dt = 0.05;
        o->transient = 20;
        o->window = 10;
    } else {
        o->transient = 200;
        o->window = 80;
    }
}

/* A column of the table: a task with options. */
typedef struct column {
    const sx_task_ops *task;
    const char *title;
    void (*options)(const sx_model *m, void *opts); /* the defaults are there already */
    const char *also;                               /* an operation that these options need */
    int variables, numbers;                         /* at least so many in the result */
    const char *look; /* a variable whose largest number must lie in (0, 10]; NULL = none */
} column;

/* Two patterns that fit the model; a model with memory in its noise has more than N units. */
static sx_data two_patterns(const sx_model *m) {
    static const double patterns[8 * N] = { 1, 1, -1, -1, 1, -1, 1, -1 };
    if (sx_model_n(m) > 4 * N) abort();
    return (sx_data){ .name = "patterns", .rows = 2, .columns = sx_model_n(m), .x = patterns };
}

static void learn_options(const sx_model *m, void *opts) {
    sx_learn_opts *o = opts;
    o->rule = SX_RULE_HEBB;
    o->rate = 1;
    o->snapshots.n = 1;
    o->data = two_patterns(m);
}

static void recall_options(const sx_model *m, void *opts) {
    sx_recall_opts *o = opts;
    o->trials = 8;
    o->strength = 0.5; /* where every model of the list stays finite */
    o->snr = 4;
    o->data = two_patterns(m);
}

static const column columns[] = {
    { &sx_simulate_task, "`simulate`", simulate_options, NULL, 15, 15 * N, "x_variance" },
    { &sx_simulate_task, "`simulate` with `energy = true`", energy_options, "potential", 15, 15 * N, "x_variance" },
    { &sx_lyapunov_task, "`lyapunov`", lyapunov_options, NULL, 9, 2 * N + 7, NULL },
    { &sx_spectrum_task, "`spectrum`", spectrum_options, NULL, 25, 12 * N, "participation" },
    { &sx_response_task, "`response`", response_options, NULL, 4, N + 3, NULL },
    { &sx_orbits_task, "`orbits`", orbits_options, NULL, 2, 2, NULL },
    { &sx_fixed_points_task, "`fixed-points`", fixed_points_options, NULL, 19, N + 19, NULL },
    { &sx_basins_task, "`basins`", basins_options, NULL, 6, 21, NULL },
    { &sx_recall_task, "`recall`", recall_options, NULL, 7, 8 * N + 27, NULL },
    { &sx_learn_task, "`learn`, Hebb's rule", learn_options, NULL, 4, N *N + 3, NULL },
};
enum { COLUMNS = sizeof columns / sizeof *columns };

static outcome run_cell(sx_ctx *ctx, const column *k, const sx_model *m) {
    outcome o = { .status = SX_OK };
    sx_result *r = NULL;
    void *opts = calloc(1, k->task->opts_size);
    if (!opts) abort();
    sx_fields_default(k->task->fields, opts);
    *(size_t *)opts = k->task->opts_size; /* struct_size comes first */
    k->options(m, opts);
    o.status = sx_result_create(ctx, NULL, &r);
    if (o.status >= 0) o.status = sx_task_run(ctx, k->task, m, opts, sx_key_seed(1), "cell", NULL, r);
    if (o.status == SX_NOT_CONVERGED) o.status = SX_OK; /* nothing found is an answer too */
    if (o.status < 0)
        snprintf(o.message, sizeof o.message, "%s", sx_ctx_message(ctx));
    else
        inspect(ctx, r, k->look, &o);
    sx_ctx_clear(ctx);
    sx_result_free(ctx, r);
    free(opts);
    return o;
}

static sx_coupling *make_coupling(sx_ctx *ctx) {
    sx_coupling *w = NULL;
    if (sx_coupling_dense(ctx, N, N, weights, &w) < 0) abort();
    return w;
}

static cases *make_cases(sx_ctx *ctx, void (*fill)(sx_ctx *, cases *, const sx_coupling *)) {
    cases *c = calloc(1, sizeof *c);
    sx_coupling *w = make_coupling(ctx);
    if (!c) abort();
    fill(ctx, c, w);
    sx_coupling_free(ctx, w);
    return c;
}

/* -- the tables of the documentation ------------------------------------------------------------------------------------------ */

/* A refusal names the operation in quotes. */
static void cell_text(const outcome *o, int count, char *out, size_t size) {
    const char *name = strchr(o->message, '\'');
    if (o->status < 0 && name)
        snprintf(out, size, "refused: needs `%.*s`", (int)strcspn(name + 1, "'"), name + 1);
    else if (o->status < 0)
        snprintf(out, size, "refused: %s", o->message);
    else if (count > 1)
        snprintf(out, size, "runs (%d variants)", count);
    else
        snprintf(out, size, "runs");
}

/* The outcome of the cases i0 <= i < i1, which must all agree. */
static outcome together(sx_ctx *ctx, const cases *c, int i0, int i1, const column *k) {
    outcome first = { .status = SX_OK };
    for (int i = i0; i < i1; i++) {
        outcome o = run_cell(ctx, k, c->item[i].m);
        if (i == i0) first = o;
        if (o.status != first.status || o.wrong) {
            fprintf(stderr, "%s: %s\n", c->item[i].name, o.wrong ? o.bad : o.message);
            exit(1);
        }
    }
    return first;
}

static int print_tables(void) {
    sx_ctx *ctx = sx_ctx_create(NULL);
    cases *c = make_cases(ctx, add_models);
    printf("| model |");
    for (int k = 0; k < COLUMNS; k++) printf(" %s |", columns[k].title);
    printf("\n|---|");
    for (int k = 0; k < COLUMNS; k++) printf("---|");
    printf("\n");
    for (int i = 0; i < c->n;) {
        int end = i;
        char a[600];
        while (end < c->n && strcmp(c->item[end].group, c->item[i].group) == 0) end++;
        printf("| %s |", c->item[i].group);
        for (int k = 0; k < COLUMNS; k++) {
            outcome o = together(ctx, c, i, end, &columns[k]);
            cell_text(&o, end - i, a, sizeof a);
            printf(" %s |", a);
        }
        printf("\n");
        i = end;
    }
    free_cases(ctx, c);

    c = make_cases(ctx, add_noises);
    printf("\nWith every kind of noise (all amplitudes and calculi that the rules allow):\n\n| model |");
    for (int k = 0; k < NOISES; k++) printf(" %s |", noise_names[k]);
    printf("\n|---|---|---|---|---|---|---|---|---|\n");
    for (int i = 0, k = 0; i < c->n; k++) {
        int end = i;
        char a[600];
        while (end < c->n && strcmp(c->item[end].group, c->item[i].group) == 0) end++;
        if (k % NOISES == 0) printf("| %.*s |", (int)strcspn(c->item[i].group, "/"), c->item[i].group);
        if (c->item[i].status < 0)
            snprintf(a, sizeof a, "refused");
        else {
            outcome o = together(ctx, c, i, end, &columns[0]);
            cell_text(&o, end - i, a, sizeof a);
        }
        printf(" %s |%s", a, k % NOISES == NOISES - 1 ? "\n" : "");
        i = end;
    }
    free_cases(ctx, c);
    sx_ctx_free(ctx);
    return 0;
}

/* -- tests -------------------------------------------------------------------------------------------------------------------- */

#ifndef SX_MARKDOWN_ONLY

static void check_outcome(const model_case *k, const column *q, const outcome *o) {
    char missing[32];
    const sx_task_ops *task = q->task;
    const char *lacks = sx_task_missing(task, k->m, missing, sizeof missing);
    if (!lacks && q->also && !sx_model_has(k->m, q->also)) lacks = q->also;
    if (lacks) {
        if (o->status != SX_E_UNSUPPORTED || !strstr(o->message, lacks))
            fail_msg("%s x %s: status %d, want a refusal that names '%s': %s", k->name, task->name, o->status, lacks,
                     o->message);
        return;
    }
    /* theories of flows and maps have nothing to say of a sampler: a refusal that names the model */
    if (sx_model_kind(k->m) == SX_SAMPLER && q->task != &sx_simulate_task && o->status == SX_E_UNSUPPORTED &&
        strstr(o->message, sx_model_name(k->m)))
        return;
    if (o->status != SX_OK) fail_msg("%s x %s: %s", k->name, task->name, o->message);
    if (o->wrong)
        fail_msg("%s x %s: %lld numbers are not finite, first %s", k->name, task->name, (long long)o->wrong, o->bad);
    if (o->variables < q->variables || o->numbers < q->numbers)
        fail_msg("%s x %s: only %d variables", k->name, task->name, o->variables);
    if (q->look && (!(o->largest > 0) || o->largest > 10))
        fail_msg("%s x %s: %s up to %g", k->name, task->name, q->look, o->largest);
}

static void run_all(cases *c, sx_ctx *ctx) {
    int n, known = 0;
    const sx_task_ops *const *tasks = sx_tasks(&n);
    for (int t = 0; t < n; t++, known = 0) {
        for (int k = 0; k < COLUMNS; k++) known += columns[k].task == tasks[t];
        if (!known) fail_msg("this test does not know how to run the task '%s'", tasks[t]->name);
    }
    for (int k = 0; k < COLUMNS; k++)
        for (int i = 0; i < c->n; i++) {
            if (!c->item[i].m) continue;
            outcome o = run_cell(ctx, &columns[k], c->item[i].m);
            check_outcome(&c->item[i], &columns[k], &o);
        }
}

static void test_models(void **state) {
    sx_ctx *ctx = *state;
    cases *c = make_cases(ctx, add_models);
    assert_int_equal(c->n, 2 + 2 * 2 * 7 + 5 * 5 * 4 + (2 * 2 + 2 + 2 + 2 * 2 + 2) + 2 * 4 + 3 + 3 + 4 + 4 * 3 + 6);
    for (int i = 0; i < c->n; i++)
        if (!c->item[i].m) fail_msg("%s: %s", c->item[i].name, c->item[i].message);
    run_all(c, ctx);
    print_message("    %d models\n", c->n);
    free_cases(ctx, c);
}

/* Refused noises: thermal noise without a metric (the operation is named), coloured noise in discrete time. Nothing else. */
static void test_noises(void **state) {
    sx_ctx *ctx = *state;
    cases *c = make_cases(ctx, add_noises);
    int refused = 0;
    for (int i = 0; i < c->n; i++) {
        const model_case *k = &c->item[i];
        bool thermal = strstr(k->name, "thermal") && !strstr(k->name, "composed") && !strstr(k->name, "potential");
        bool coloured_map = strstr(k->name, "coloured") && strstr(k->name, "map");
        if ((thermal || coloured_map) != (k->m == NULL))
            fail_msg("%s: %s", k->name, k->m ? "was not refused" : k->message);
        if (thermal && (k->status != SX_E_UNSUPPORTED || !strstr(k->message, "metric")))
            fail_msg("%s: status %d: %s", k->name, k->status, k->message);
        if (coloured_map && k->status != SX_E_USAGE && k->status != SX_E_UNSUPPORTED)
            fail_msg("%s: status %d: %s", k->name, k->status, k->message);
        refused += k->m == NULL;
    }
    run_all(c, ctx);
    print_message("    %d models with noise, %d refused\n", c->n, refused);
    free_cases(ctx, c);
}

/* Whatever a task may need: it is refused, by name and before it opens, exactly where the model has no such operation. The probe opens
 * with a status that nothing else gives here. */
static sx_status never_open(sx_ctx *ctx, const sx_model *m, const void *opts, sx_key key, const char *group,
                            void **instance, sx_plan *plan) {
    (void)m, (void)opts, (void)key, (void)group, (void)instance, (void)plan;
    return SX_FAIL(ctx, SX_E_BUSY, "opened");
}

static void test_needs(void **state) {
    sx_ctx *ctx = *state;
    cases *c = make_cases(ctx, add_models);
    for (int i = 0; i < c->n; i++)
        for (int k = 0; k < OPERATIONS; k++) {
            char needs[48], quoted[48];
            snprintf(needs, sizeof needs, "F %s", operations[k]);
            snprintf(quoted, sizeof quoted, "'%s'", operations[k]);
            sx_task_ops probe = sx_simulate_task;
            probe.name = "probe";
            probe.needs = needs;
            probe.open = never_open;
            bool has = sx_model_has(c->item[i].m, operations[k]);
            sx_status s = sx_task_run(ctx, &probe, c->item[i].m, NULL, sx_key_seed(1), "probe", NULL, NULL);
            const char *message = sx_ctx_message(ctx);
            if (has && s != SX_E_BUSY) fail_msg("%s x %s: %s", c->item[i].name, operations[k], message);
            if (!has && (s != SX_E_UNSUPPORTED || !strstr(message, quoted)))
                fail_msg("%s x %s: %s", c->item[i].name, operations[k], message);
            sx_ctx_clear(ctx);
        }
    free_cases(ctx, c);
}

/* The registry names each built-in kind once; a model made has its operations or some of them. */
static void test_registry(void **state) {
    sx_ctx *ctx = *state;
    cases *c = make_cases(ctx, add_models);
    int n;
    const sx_model_info *infos = sx_model_infos(&n);
    for (int k = 0; k < n; k++) {
        int made = 0;
        for (int i = 0; i < c->n; i++) {
            const sx_model_ops *some = sx_model_operations(c->item[i].m);
            if (strcmp(some->name, infos[k].kind) != 0) continue;
            made++;
            for (size_t at = offsetof(sx_model_ops, work); at < sizeof *some; at += sizeof(void *)) { /* pointers all */
                static const unsigned char none[sizeof(void *)];
                const unsigned char *one = (const unsigned char *)some + at;
                if (memcmp(one, none, sizeof none) != 0 &&
                    memcmp(one, (const unsigned char *)infos[k].ops + at, sizeof none) != 0)
                    fail_msg("%s: an operation that the registry does not have", c->item[i].name);
            }
        }
        if (!made) fail_msg("no model of kind '%s' is among the cases", infos[k].kind);
    }
    free_cases(ctx, c);
}

static int set_up(void **state) {
    *state = sx_ctx_create(NULL);
    return *state ? 0 : -1;
}
static int tear_down(void **state) {
    sx_ctx *ctx = *state;
    size_t left = sx_ctx_bytes(ctx);
    sx_ctx_free(ctx);
    return left == 0 ? 0 : -1;
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_registry, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_needs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_models, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_noises, set_up, tear_down),
    };
    if (argc > 1 && strcmp(argv[1], "--markdown") == 0) return print_tables();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "--markdown") == 0) return print_tables();
    fprintf(stderr, "usage: %s --markdown\n", argv[0]);
    return 2;
}

#endif
