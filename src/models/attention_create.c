// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Creation of an attention model, its field table and its thermal noise. */
#include "models/attention_private.h"

#include "core/linalg.h"

#include <stdio.h>

static sx_status misplaced(sx_ctx *ctx, const char *name, const char *where) {
    return SX_FAIL(ctx, SX_E_USAGE, "model.%s has a meaning only with form = %s", name, where);
}

static sx_status check_given(sx_ctx *ctx, const sx_attention_opts *o) {
    bool tokens = o->form == SX_ATTENTION_TOKENS, untied = o->form == SX_ATTENTION_UNTIED;
    const char *matrices = "\"untied\" or \"tokens\"", *sphere = "\"tokens\"",
               *one = "\"tied\", \"values\" or \"untied\"";
    const struct {
        const char *name;
        bool given, allowed;
        const char *where;
    } rule[] = {
        { "keys", o->keys.n > 0, !tokens, one },
        { "patterns", o->patterns > 0, !tokens, one },
        { "mobility", o->mobility.n > 0, o->form == SX_ATTENTION_VALUES || untied, "\"values\" or \"untied\"" },
        { "W_Q", o->W_Q.n > 0, untied || tokens, matrices },
        { "W_K", o->W_K.n > 0, untied || tokens, matrices },
        { "W_V", o->W_V.n > 0, untied || tokens, matrices },
        { "tokens", o->has_tokens, tokens, sphere },
        { "normalise", o->has_normalise, tokens, sphere },
        { "causal", o->has_causal, tokens, sphere },
        { "shell", o->has_shell, tokens, sphere },
    };
    for (size_t i = 0; i < sizeof rule / sizeof *rule; ++i)
        if (rule[i].given && !rule[i].allowed) return misplaced(ctx, rule[i].name, rule[i].where);
    return SX_OK;
}

/* d, and the number of keys. */
static sx_status sizes(sx_ctx *ctx, const sx_attention_opts *o, int64_t *d, int64_t *patterns) {
    bool tokens = o->form == SX_ATTENTION_TOKENS;
    *d = o->dimension;
    *patterns = o->patterns;
    if (*d == 0 && *patterns > 0 && o->keys.n % *patterns == 0) *d = o->keys.n / *patterns;
    if (*d == 0 && *patterns > 0 && o->keys.n > 0)
        return SX_FAIL(ctx, SX_E_USAGE, "model.keys: %lld numbers: want a multiple of patterns = %lld",
                       (long long)o->keys.n, (long long)*patterns);
    if (*d < 1)
        return SX_FAIL(ctx, SX_E_USAGE, "model.dimension is missing: want the number of components of a token%s",
                       tokens ? "" : ", or patterns, the number of keys");
    if (tokens && *d < 2)
        return SX_FAIL(ctx, SX_E_USAGE, "model.dimension = %lld: a sphere wants at least 2", (long long)*d);
    if (tokens) return SX_OK;
    if (*patterns == 0) *patterns = o->keys.n / *d;
    if (o->keys.n == 0)
        return SX_FAIL(ctx, SX_E_USAGE, "model.keys is missing: want patterns x %lld numbers", (long long)*d);
    if (*patterns < 1 || o->keys.n != *patterns * *d)
        return SX_FAIL(ctx, SX_E_USAGE, "model.keys: %lld numbers: want patterns x dimension = %lld x %lld",
                       (long long)o->keys.n, (long long)*patterns, (long long)*d);
    return SX_OK;
}

/* A d x d matrix as given, or NULL for the unit matrix. */
static sx_status square(sx_ctx *ctx, const char *name, sx_values v, int64_t d, double **out) {
    if (v.n == 0) return SX_OK;
    if (v.n != d * d)
        return SX_FAIL(ctx, SX_E_USAGE, "model.%s: %lld numbers: want dimension x dimension = %lld x %lld", name,
                       (long long)v.n, (long long)d, (long long)d);
    SX_TRY(ctx, sx_alloc(ctx, d * d, sizeof **out, out));
    memcpy(*out, v.data, (size_t)(d * d) * sizeof **out);
    return SX_OK;
}

/* B = W_Q^T W_K, or NULL when both are left out. */
static sx_status query_key(sx_ctx *ctx, const sx_attention_opts *o, int64_t d, double **out) {
    const sx_values *both[] = { &o->W_Q, &o->W_K };
    const char *const names[] = { "W_Q", "W_K" };
    int64_t h = d;
    for (int k = 0; k < 2; ++k) {
        if (both[k]->n % d != 0)
            return SX_FAIL(ctx, SX_E_USAGE, "model.%s: %lld numbers: want rows of %lld, the dimension", names[k],
                           (long long)both[k]->n, (long long)d);
        if (both[k]->n > 0) h = both[k]->n / d;
    }
    for (int k = 0; k < 2; ++k) {
        if (both[k]->n != h * d && (both[k]->n > 0 || h != d))
            return SX_FAIL(ctx, SX_E_USAGE, "model.W_Q has %lld rows and model.W_K %lld: want as many",
                           (long long)(o->W_Q.n ? o->W_Q.n / d : d), (long long)(o->W_K.n ? o->W_K.n / d : d));
    }
    if (o->W_Q.n == 0 && o->W_K.n == 0) return SX_OK;
    SX_TRY(ctx, sx_alloc(ctx, d * d, sizeof **out, out));
    for (int64_t i = 0; i < d; ++i) {
        for (int64_t j = 0; j < d; ++j) {
            double sum = 0.0;
            for (int64_t a = 0; a < h; ++a)
                sum += (o->W_Q.n ? o->W_Q.data[a * d + i] : a == i) * (o->W_K.n ? o->W_K.data[a * d + j] : a == j);
            (*out)[i * d + j] = sum;
        }
    }
    return SX_OK;
}

/* M, its inverse, and both as couplings. */
static sx_status mobility(sx_ctx *ctx, const sx_attention_opts *o, sx_attention *m) {
    int64_t d = m->d;
    sx_values v = o->mobility;
    double *full = NULL, *inverse = NULL, *unit = NULL;
    sx_status status = SX_OK;
    if (v.n == 0) return SX_OK;
    if (v.n != 1 && v.n != d && v.n != d * d)
        return SX_FAIL(ctx, SX_E_USAGE, "model.mobility: %lld numbers: want 1, %lld or %lld x %lld", (long long)v.n,
                       (long long)d, (long long)d, (long long)d);
    SX_TRY(ctx, sx_alloc(ctx, d * d, sizeof *full, &full));
    m->M_full = full;
    double scale = 0.0;
    for (int64_t i = 0; i < v.n; ++i) scale = fmax(scale, fabs(v.data[i]));
    for (int64_t i = 0; i < d; ++i) {
        for (int64_t j = 0; j < d; ++j) {
            bool matrix = v.n == d * d && d > 1;
            full[i * d + j] = matrix ? v.data[i * d + j] : i == j ? v.data[v.n == 1 ? 0 : i] : 0.0;
            if (matrix && j < i && fabs(v.data[i * d + j] - v.data[j * d + i]) > 1e-12 * scale)
                return SX_FAIL(ctx, SX_E_USAGE,
                               "model.mobility[%lld][%lld] = %.17g but [%lld][%lld] = %.17g: want a symmetric matrix",
                               (long long)i, (long long)j, v.data[i * d + j], (long long)j, (long long)i,
                               v.data[j * d + i]);
        }
    }
    SX_GO(ctx, status, done, sx_alloc(ctx, d * d, sizeof *inverse, &inverse));
    SX_GO(ctx, status, done, sx_alloc(ctx, d * d, sizeof *unit, &unit));
    status = sx_cholesky(ctx, d, full, unit);
    if (status == SX_E_NUMERIC) {
        sx_ctx_clear(ctx);
        status = SX_FAIL(ctx, SX_E_USAGE, "model.mobility: want a positive definite matrix (or positive numbers)");
    }
    SX_GO(ctx, status, done, status);
    for (int64_t i = 0; i < d * d; ++i) unit[i] = i / d == i % d ? 1.0 : 0.0;
    SX_GO(ctx, status, done, sx_solve(ctx, d, d, full, unit, inverse));
    for (int64_t i = 0; i < d; ++i) {
        for (int64_t j = 0; j < i; ++j)
            inverse[i * d + j] = inverse[j * d + i] = 0.5 * (inverse[i * d + j] + inverse[j * d + i]);
    }
    SX_GO(ctx, status, done, sx_coupling_dense(ctx, d, d, full, &m->M));
    SX_GO(ctx, status, done, sx_coupling_dense(ctx, d, d, inverse, &m->Minv));
done:
    sx_free(ctx, unit);
    sx_free(ctx, inverse);
    return status;
}

/* to[mu] = A t_mu (A NULL: 1) */
static void rows_through(const double *A, int64_t P, int64_t d, const double *t, double *to) {
    for (int64_t k = 0; k < P; ++k) {
        for (int64_t i = 0; i < d; ++i) {
            double sum = A ? 0.0 : t[k * d + i];
            for (int64_t j = 0; A && j < d; ++j) sum += A[i * d + j] * t[k * d + j];
            to[k * d + i] = sum;
        }
    }
}

/* Effective keys and values of one token. */
static sx_status stored(sx_ctx *ctx, const sx_attention_opts *o, sx_attention *m) {
    int64_t P = m->patterns, d = m->d;
    double *key = NULL, *value = NULL, *B = NULL, *W_V = NULL;
    sx_status status;
    SX_GO(ctx, status, done, mobility(ctx, o, m));
    SX_GO(ctx, status, done, query_key(ctx, o, d, &B));
    SX_GO(ctx, status, done, square(ctx, "W_V", o->W_V, d, &W_V));
    SX_GO(ctx, status, done, sx_alloc(ctx, P * d, sizeof *key, &key));
    SX_GO(ctx, status, done, sx_alloc(ctx, P * d, sizeof *value, &value));
    rows_through(B, P, d, o->keys.data, key);
    rows_through(m->form == SX_ATTENTION_VALUES ? m->M_full : W_V, P, d, o->keys.data, value);
    SX_GO(ctx, status, done, sx_coupling_dense(ctx, P, d, key, &m->S));
    if (m->form != SX_ATTENTION_TIED) SX_GO(ctx, status, done, sx_coupling_dense(ctx, P, d, value, &m->V));
    SX_GO(ctx, status, done, sx_alloc(ctx, P, sizeof *m->along, &m->along));
    for (int64_t k = 0; k < P; ++k) {
        for (int64_t i = 0; i < d; ++i) m->along[k] += key[k * d + i] * value[k * d + i];
    }
    m->gradient_flow = m->form != SX_ATTENTION_UNTIED;
done:
    sx_free(ctx, W_V);
    sx_free(ctx, B);
    sx_free(ctx, value);
    sx_free(ctx, key);
    return status;
}

static double entry(const double *A, int64_t d, int64_t i, int64_t j) {
    return A ? A[i * d + j] : i == j ? 1.0 : 0.0;
}

static sx_status sphere(sx_ctx *ctx, const sx_attention_opts *o, sx_attention *m) {
    int64_t d = m->d;
    SX_TRY(ctx, query_key(ctx, o, d, &m->B));
    SX_TRY(ctx, square(ctx, "W_V", o->W_V, d, &m->W_V));
    m->gradient_flow = !m->causal;
    for (int64_t i = 0; i < d; ++i) {
        for (int64_t j = 0; j < d; ++j) {
            double b = entry(m->B, d, i, j);
            if (b != entry(m->B, d, j, i) || b != entry(m->W_V, d, i, j)) m->gradient_flow = false;
        }
    }
    if (!m->B) return SX_OK;
    SX_TRY(ctx, sx_alloc(ctx, d * d, sizeof *m->B_S, &m->B_S));
    for (int64_t i = 0; i < d; ++i) {
        for (int64_t j = 0; j < d; ++j) m->B_S[i * d + j] = 0.5 * (m->B[i * d + j] + m->B[j * d + i]);
    }
    return SX_OK;
}

static const char *const text[][2] = {
    [SX_ATTENTION_TIED] = { "x' = -x + K^T softmax(beta K x)",
                            "\\dot x = -x + K^\\top p,\\quad p = \\mathrm{softmax}(\\beta K x)" },
    [SX_ATTENTION_VALUES] = { "x' = -x + M K^T softmax(beta K x)",
                              "\\dot x = -x + M K^\\top p,\\quad p = \\mathrm{softmax}(\\beta K x)" },
    [SX_ATTENTION_UNTIED] = { "x' = -x + sum_mu p_mu W_V t_mu, p = softmax_mu(beta x.W_Q^T W_K t_mu)",
                              "\\dot x = -x + \\sum_\\mu p_\\mu W_V t_\\mu,\\quad p_\\mu \\propto e^{\\beta\\, x "
                              "\\cdot "
                              "W_Q^\\top W_K t_\\mu}" },
};
static const char *const sphere_text[][2] = {
    { "x_i' = P_i sum_j softmax_j(beta u_i.W_Q^T W_K u_j) W_V u_j/|x_i| + s (1 - |x_i|^2) x_i/2, u = x/|x|, P_i = 1 - "
      "u_i u_i^T",
      "\\dot x_i = \\frac{1}{|x_i|} \\left(1 - u_i u_i^\\top\\right) \\sum_j w_{ij} W_V u_j + \\tfrac{s}{2} (1 - "
      "|x_i|^2)\\, "
      "x_i,\\quad u = \\frac{x}{|x|},\\quad w_{ij} = \\frac{e^{\\beta u_i \\cdot W_Q^\\top W_K u_j}}{\\sum_k e^{\\beta "
      "u_i "
      "\\cdot W_Q^\\top W_K u_k}}" },
    { "x_i' = P_i sum_j exp(beta u_i.W_Q^T W_K u_j) W_V u_j/(T |x_i|) + s (1 - |x_i|^2) x_i/2, u = x/|x|, P_i = 1 - "
      "u_i u_i^T",
      "\\dot x_i = \\frac{1}{|x_i|} \\left(1 - u_i u_i^\\top\\right) \\sum_j w_{ij} W_V u_j + \\tfrac{s}{2} (1 - "
      "|x_i|^2)\\, "
      "x_i,\\quad u = \\frac{x}{|x|},\\quad w_{ij} = \\frac{1}{T} e^{\\beta u_i \\cdot W_Q^\\top W_K u_j}" },
};

/* Phi, G and R as LaTeX. */
static const char *const parts_text[] = {
    [SX_ATTENTION_TIED] =
        "\\Phi = \\tfrac12 |x|^2 - \\tfrac1\\beta \\ln \\sum_\\mu e^{\\beta k_\\mu \\cdot x},\\quad G = 1,\\quad "
        "R = 0",
    [SX_ATTENTION_VALUES] =
        "\\Phi = \\tfrac12 x^\\top M^{-1} x - \\tfrac1\\beta \\ln \\sum_\\mu e^{\\beta k_\\mu \\cdot "
        "x},\\quad G = M^{-1},\\quad R = 0",
    [SX_ATTENTION_UNTIED] =
        "\\Phi = \\tfrac12 x^\\top M^{-1} x - \\tfrac1\\beta \\ln \\sum_\\mu e^{\\beta k_\\mu \\cdot "
        "x},\\quad k_\\mu = W_Q^\\top W_K t_\\mu,\\quad G = M^{-1},\\quad R = \\sum_\\mu p_\\mu (W_V "
        "t_\\mu - M k_\\mu)",
};
static void latex_of(const sx_attention *m, const char *equation, char *out, size_t size) {
    if (m->form != SX_ATTENTION_TOKENS)
        (void)snprintf(out, size, "%s,\\quad %s", equation, parts_text[m->form]);
    else
        (void)snprintf(
            out, size,
            "%s,\\quad \\Phi = -\\frac{1}{2 \\beta T} \\sum_{ij} e^{\\beta u_i \\cdot B_S u_j} + \\tfrac{s}{8} \\sum_i "
            "(|x_i|^2 - 1)^2,\\quad B = W_Q^\\top W_K,\\quad G = %s,\\quad R = %s",
            equation,
            m->softmax ? "u_i u_i^\\top + \\frac{Z_i}{T} \\left(1 - u_i u_i^\\top\\right),\\quad Z_i = \\sum_k "
                         "e^{\\beta u_i \\cdot B u_k}"
                       : "1",
            m->gradient_flow ? "0" : "\\dot x + G^{-1} \\nabla\\Phi");
}

static sx_status create(sx_ctx *ctx, const sx_attention_opts *o, const char *const *labels, sx_attention *m,
                        sx_model **out) {
    bool tokens = m->form == SX_ATTENTION_TOKENS;
    char latex[1600];
    double T = (double)m->T, d = (double)m->d, P = (double)m->patterns;
    SX_TRY(ctx, tokens ? sphere(ctx, o, m) : stored(ctx, o, m));
    const char *const *lines = tokens ? sphere_text[m->softmax ? 0 : 1] : text[m->form];
    sx_state_array array = { "x", "unit", m->n, labels };
    sx_model_desc desc = SX_MODEL_DESC;
    desc.ops = &sx_attention_ops;
    desc.self = m;
    desc.kind = SX_FLOW;
    desc.layout = (sx_layout){ m->n, 1, &array };
    desc.block = sx_block_choose(tokens && m->T * m->T / 4 > m->n ? m->T * m->T / 4 : m->n, NULL);
    desc.panel = sx_panel_choose(m->n);
    desc.flops = tokens ? T * T * (4.0 * d + 25.0) + 4.0 * T * d * d : P * (4.0 * d + 25.0);
    desc.equation = lines[0];
    latex_of(m, lines[1], latex, sizeof latex);
    desc.latex = latex;
    return sx_model_create(ctx, &desc, out);
}

sx_status sx_attention_create(sx_ctx *ctx, const sx_attention_opts *o, const char *const *labels, sx_model **out) {
    int64_t d = 0, P = 0, n = 0, squares = 0;
    sx_attention *m = NULL;
    if (!o || o->struct_size != sizeof *o)
        return SX_FAIL(ctx, SX_E_USAGE, "model attention: want options initialised with SX_ATTENTION_OPTS");
    SX_TRY(ctx, sx_fields_check(ctx, sx_attention_fields, o, "model"));
    SX_TRY(ctx, check_given(ctx, o));
    SX_TRY(ctx, sizes(ctx, o, &d, &P));
    bool tokens = o->form == SX_ATTENTION_TOKENS;
    int64_t T = tokens ? o->tokens : 1;
    SX_TRY(ctx, sx_mul_size(ctx, T, d, &n));
    SX_TRY(ctx, sx_mul_size(ctx, d, d, &squares));
    SX_TRY(ctx, sx_mul_size(ctx, T, T, &squares));
    SX_TRY(ctx, sx_alloc(ctx, 1, sizeof *m, &m));
    *m = (sx_attention){ .form = (sx_attention_form)o->form, .n = n, .d = d, .T = T, .patterns = P, .beta = o->beta };
    m->shell = o->shell;
    m->softmax = !tokens || o->normalise == 0;
    m->causal = tokens && o->causal;
    m->k = sx_kernels_get(NULL);
    sx_status status = create(ctx, o, labels, m, out);
    if (status < 0) sx_attention_destroy(ctx, m);
    return status;
}

sx_status sx_attention_thermal(sx_ctx *ctx, const sx_model *model, double temperature, sx_noise **out) {
    const sx_attention *m = sx_model_self(model);
    double *D = NULL;
    if (m->form == SX_ATTENTION_TOKENS && m->softmax)
        return SX_FAIL(
            ctx, SX_E_UNSUPPORTED,
            "thermal noise of tokens with normalise = \"softmax\" would depend on all of them, as their metric "
            "does: want normalise = \"none\", or additive noise");
    if (!m->M_full) return sx_noise_additive(ctx, m->n, (sx_values){ 1, &temperature }, out);
    SX_TRY(ctx, sx_alloc(ctx, m->n * m->n, sizeof *D, &D));
    for (int64_t i = 0; i < m->n * m->n; ++i) D[i] = temperature * m->M_full[i];
    sx_status status = sx_noise_additive_matrix(ctx, m->n, D, out);
    sx_free(ctx, D);
    return status;
}

#define AT(member) offsetof(sx_attention_opts, member)
#define COUNT      .type = SX_I64, .lo = 0, .hi = 1e9, .def = "0", .unit = "1"
const sx_field sx_attention_fields[] = {
    { .name = "form",
      .type = SX_ENUM,
      .offset = AT(form),
      .def = "\"tied\"",
      .choices = SX_ATTENTION_CHOICES,
      .help = "one token and stored keys, keys with values M k, keys and values of their own; or tokens on a sphere" },
    { .name = "dimension",
      .offset = AT(dimension),
      COUNT,
      .help = "numbers of one token; 0 takes it from keys and patterns" },
    { .name = "patterns", .offset = AT(patterns), COUNT, .help = "number of keys; 0 takes it from their count" },
    { .name = "tokens",
      .type = SX_I64,
      .offset = AT(tokens),
      .lo = 1,
      .hi = 1e6,
      .def = "1",
      .unit = "1",
      .given = AT(has_tokens),
      .help = "number of tokens on the sphere" },
    { .name = "beta",
      .type = SX_F64,
      .offset = AT(beta),
      .lo = 0,
      .hi = HUGE_VAL,
      .def = "1.0",
      .unit = "1",
      .flags = SX_LO_OPEN | SX_HI_OPEN,
      .help = "inverse temperature" },
    { .name = "keys",
      .type = SX_VALUES,
      .offset = AT(keys),
      SX_UNBOUNDED,
      .unit = "state",
      .shape = "pattern,component",
      .flags = SX_FROM_FILE,
      .help = "keys, one per row; untied: the stored tokens t" },
    { .name = "mobility",
      .type = SX_VALUES,
      .offset = AT(mobility),
      SX_UNBOUNDED,
      .unit = "1",
      .shape = "component,component",
      .flags = SX_FROM_FILE,
      .help = "M = G^-1: one number, one per component or a symmetric positive definite matrix; values: v = M k" },
    { .name = "W_Q",
      .type = SX_VALUES,
      .offset = AT(W_Q),
      SX_UNBOUNDED,
      .unit = "1",
      .shape = "row,component",
      .flags = SX_FROM_FILE,
      .help = "queries; left out: the unit matrix" },
    { .name = "W_K",
      .type = SX_VALUES,
      .offset = AT(W_K),
      SX_UNBOUNDED,
      .unit = "1",
      .shape = "row,component",
      .flags = SX_FROM_FILE,
      .help = "keys; left out: the unit matrix" },
    { .name = "W_V",
      .type = SX_VALUES,
      .offset = AT(W_V),
      SX_UNBOUNDED,
      .unit = "1",
      .shape = "component,component",
      .flags = SX_FROM_FILE,
      .help = "values; left out: the unit matrix" },
    { .name = "normalise",
      .type = SX_ENUM,
      .offset = AT(normalise),
      .def = "\"softmax\"",
      .choices = "softmax|none",
      .given = AT(has_normalise),
      .help = "weights of the tokens: softmax, or exponentials over their number" },
    { .name = "causal",
      .type = SX_BOOL,
      .offset = AT(causal),
      .def = "false",
      .given = AT(has_causal),
      .help = "token i looks at tokens j <= i only" },
    { .name = "shell",
      .type = SX_F64,
      .offset = AT(shell),
      .lo = 0,
      .hi = HUGE_VAL,
      .def = "1.0",
      .unit = "1/time",
      .given = AT(has_shell),
      .flags = SX_HI_OPEN,
      .help = "rate at which the norm of a token returns to 1" },
    SX_FIELD_END,
};
