// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Creation of a reentry model, its field table, its thermal noise, and the radial reduction that tells its regime. */
#include "models/reentry_private.h"

#include "core/linalg.h"
#include "core/mutant.h"

#include <stdio.h>

sx_status sx_reentry_bind(sx_ctx *ctx, const sx_coupling *C, sx_reentry *m) {
    double *diagonal = NULL;
    m->trace = m->rho * (double)m->n;
    if (!C) return SX_OK;
    SX_TRY(ctx, sx_parity_init(ctx, C, 1.0, &m->C_S));
    m->C = sx_coupling_ref(C);
    SX_TRY(ctx, sx_alloc(ctx, m->n, sizeof *diagonal, &diagonal));
    sx_coupling_diagonal(C, diagonal);
    for (int64_t i = 0; i < m->n; ++i) m->trace += diagonal[i];
    sx_free(ctx, diagonal);
    return SX_OK;
}

static sx_status check(sx_ctx *ctx, const sx_reentry_opts *o, const sx_coupling *C, int64_t *n) {
    bool gain = o->form == SX_REENTRY_GAIN;
    if (gain && o->has_kappa)
        return SX_FAIL(ctx, SX_E_USAGE, "model.kappa has a meaning only with form = \"soft-shell\"");
    if (!gain && o->has_beta) return SX_FAIL(ctx, SX_E_USAGE, "model.beta has a meaning only with form = \"gain\"");
    if (o->has_tau && o->eta == 0.0)
        return SX_FAIL(ctx, SX_E_USAGE, "model.tau_fast has a meaning only with fast weights, eta > 0");
    if (o->eta > 0.0 && !(o->gamma > 0.0))
        return SX_FAIL(ctx, SX_E_USAGE, "model.gamma = %g: with fast weights want a value > 0", o->gamma);
    *n = o->n ? o->n : C ? sx_coupling_rows(C) : 0;
    if (*n < 1) return SX_FAIL(ctx, SX_E_USAGE, "model.n is missing: want the number of units or a coupling");
    if (C && (sx_coupling_rows(C) != *n || sx_coupling_columns(C) != *n))
        return SX_FAIL(ctx, SX_E_USAGE, "model.coupling is %lld x %lld: want %lld x %lld, the number of units",
                       (long long)sx_coupling_rows(C), (long long)sx_coupling_columns(C), (long long)*n, (long long)*n);
    if (o->omega != 0.0 && *n < 2)
        return SX_FAIL(ctx, SX_E_USAGE, "model.omega = %g: one unit cannot rotate; want at least 2", o->omega);
    if (o->eta > 0.0 && *n > 30000)
        return SX_FAIL(ctx, SX_E_USAGE, "model.eta: fast weights of %lld units: want at most 30000", (long long)*n);
    return SX_OK;
}

/* W as text: the terms that are there */
static void weights_text(const sx_reentry *m, char *plain, char *latex, size_t size) {
    const char *terms[][2] = { { "rho", "\\rho" }, { "omega A", "\\omega A" }, { "C", "C" } };
    const bool there[] = { m->rho != 0.0 || (m->omega == 0.0 && !m->C), m->omega != 0.0, m->C != NULL };
    size_t a = 0, b = 0;
    plain[0] = latex[0] = '\0';
    for (int k = 0; k < 3; ++k) {
        if (!there[k]) continue;
        a += (size_t)snprintf(plain + a, size - a, "%s%s", a ? " + " : "", terms[k][0]);
        b += (size_t)snprintf(latex + b, size - b, "%s%s", b ? " + " : "", terms[k][1]);
    }
}

static sx_status create(sx_ctx *ctx, const sx_reentry_opts *o, const sx_coupling *C, const char *const *labels,
                        sx_reentry *m, sx_model **out) {
    bool gain = m->form == SX_REENTRY_GAIN;
    char plain[64], tex[64], equation[512], latex[1200];
    SX_TRY(ctx, sx_reentry_bind(ctx, C, m));
    weights_text(m, plain, tex, sizeof plain);
    const char *sum = m->fast ? "(W + A_f)" : "W";
    (void)snprintf(equation, sizeof equation, "y' = -y + gamma %s%s y%s, W = %s%s%s", gain ? "g(r) " : "", sum,
                   gain ? "" : " - kappa r^2 y", plain, gain ? ", g = 1/(1 + beta (r - 1)), r = |y|" : ", r = |y|",
                   m->fast ? ", A_f' = (-A_f + eta y y^T)/tau" : "");
    const char *phi = gain ? "\\tfrac12 r^2 - \\gamma s \\int_0^r g(r)\\, r\\, dr,\\quad s = \\tfrac1n \\mathrm{tr} W"
                           : "\\tfrac12 r^2 - \\tfrac{\\gamma}{2} y^\\top W_S\\, y + \\tfrac{\\kappa}{4} r^4";
    const char *phi_fast = !m->fast ? ""
                           : gain   ? " + \\tfrac{\\gamma}{4 \\eta} |A_f|^2"
                                    : " + \\tfrac{\\gamma}{4 \\eta} |A_f|^2 - \\tfrac{\\gamma}{2} y^\\top A_f\\, y";
    const char *flow = gain      ? m->fast
                                       ? "\\gamma\\, g(r)\\, (W - s + A_f)\\, y,\\quad R_f = \\tfrac{\\eta}{\\tau} y y^\\top"
                                       : "\\gamma\\, g(r)\\, (W - s)\\, y"
                       : m->fast ? "\\gamma\\, (W + A_f)_A\\, y"
                                 : "\\gamma\\, W_A\\, y";
    (void)snprintf(
        latex, sizeof latex,
        "\\dot y = -y + \\gamma\\, %s%s\\, y%s,\\quad W = %s%s%s,\\quad \\Phi = %s%s,\\quad G = 1%s,\\quad R = %s",
        gain ? "g(r)\\, " : "", sum, gain ? "" : " - \\kappa r^2 y", tex,
        gain ? ",\\quad g = \\frac{1}{1 + \\beta (r - 1)},\\quad r = |y|" : ",\\quad r = |y|",
        m->fast ? ",\\quad \\dot A_f = \\frac{-A_f + \\eta\\, y y^\\top}{\\tau}" : "", phi, phi_fast,
        m->fast ? ",\\quad G_f = \\tfrac{\\gamma \\tau}{2 \\eta}" : "", flow);
    sx_state_array arrays[] = { { m->fast ? "y" : "x", m->fast ? "neuron" : "unit", m->n, labels },
                                { "A", "weight", m->n * m->n, NULL } };
    sx_model_desc d = SX_MODEL_DESC;
    d.ops = &sx_reentry_ops;
    d.self = m;
    d.kind = SX_FLOW;
    d.layout = (sx_layout){ m->all, m->fast ? 2 : 1, arrays };
    d.block = sx_block_choose(m->all, C);
    d.panel = sx_panel_choose(m->all);
    d.flops = 12.0 * (double)m->n + (C ? sx_coupling_flops(C) : 0.0) + (m->fast ? 6.0 * (double)(m->n * m->n) : 0.0);
    d.equation = equation;
    d.latex = latex;
    (void)o;
    return sx_model_create(ctx, &d, out);
}

sx_status sx_reentry_create(sx_ctx *ctx, const sx_reentry_opts *o, const sx_coupling *C, const char *const *labels,
                            sx_model **out) {
    int64_t n = 0;
    sx_reentry *m = NULL;
    if (!o || o->struct_size != sizeof *o)
        return SX_FAIL(ctx, SX_E_USAGE, "model reentry: want options initialised with SX_REENTRY_OPTS");
    SX_TRY(ctx, sx_fields_check(ctx, sx_reentry_fields, o, "model"));
    SX_TRY(ctx, check(ctx, o, C, &n));
    SX_TRY(ctx, sx_alloc(ctx, 1, sizeof *m, &m));
    bool gain = o->form == SX_REENTRY_GAIN;
    *m = (sx_reentry){ .form = (sx_reentry_form)o->form, .n = n, .all = n, .fast = o->eta > 0.0, .gamma = o->gamma };
    m->rho = o->rho;
    m->omega = o->omega;
    m->kappa = gain ? 0.0 : o->kappa;
    m->beta = gain ? o->beta : 0.0;
    m->eta = o->eta;
    m->tau = o->tau_fast;
    m->k = sx_kernels_get(NULL);
    if (m->fast) m->all = n + n * n;
    sx_status status = create(ctx, o, C, labels, m, out);
    if (status < 0) sx_reentry_destroy(ctx, m);
    return status;
}

sx_status sx_reentry_thermal(sx_ctx *ctx, const sx_model *model, double temperature, sx_noise **out) {
    const sx_reentry *m = sx_model_self(model);
    double *D = NULL;
    SX_TRY(ctx, sx_alloc(ctx, m->all, sizeof *D, &D));
    for (int64_t i = 0; i < m->all; ++i) D[i] = temperature * (i < m->n ? 1.0 : sx_reentry_mobility(m));
    sx_status status = sx_noise_additive(ctx, m->all, (sx_values){ m->all, D }, out);
    sx_free(ctx, D);
    return status;
}

/* -- the radial reduction ---------------------------------------------------------------------------------------------------- */

/* The direction that grows most: the eigenvector of the largest eigenvalue of W_S; any for W_S = s 1 (the first unit). */
static sx_status top_direction(sx_ctx *ctx, const sx_reentry *m, const double *A, double *y) {
    int64_t n = m->n, size = 0;
    double *S = NULL, *V = NULL, *values = NULL;
    sx_status status;
    memset(y, 0, (size_t)n * sizeof *y);
    y[0] = 1.0;
    if (!m->C && !A) return SX_OK;
    SX_GO(ctx, status, done, sx_mul_size(ctx, n, n, &size));
    SX_GO(ctx, status, done, sx_alloc(ctx, size, sizeof *S, &S));
    SX_GO(ctx, status, done, sx_alloc(ctx, size, sizeof *V, &V));
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *values, &values));
    if (m->C) sx_coupling_add_to_dense(m->C, 1.0, NULL, S);
    for (int64_t i = 0; A && i < size; ++i) S[i] += A[i];
    for (int64_t i = 0; i < n; ++i) {
        for (int64_t j = 0; j <= i; ++j) S[i * n + j] = S[j * n + i] = 0.5 * (S[i * n + j] + S[j * n + i]);
    }
    SX_GO(ctx, status, done, sx_symmetric_eigen(ctx, n, S, values, V));
    int64_t top = 0;
    for (int64_t k = 1; k < n; ++k) top = values[k] > values[top] ? k : top;
    for (int64_t i = 0; i < n; ++i) y[i] = V[i * n + top];
done:
    sx_free(ctx, S);
    sx_free(ctx, V);
    sx_free(ctx, values);
    return status;
}

/* With G = gamma rho and the radius r0 of the shell, r' = -psi(r) r has psi(r0) = 0 and the rate r0 psi'(r0):
 *     soft-shell  G < 1: r0 = 0, rate 1 - G;                     else r0 = sqrt((G - 1)/kappa), rate 2 (G - 1)
 *     gain        G < 1 - beta: r0 = 0, rate 1 - G/(1 - beta);   else r0 = 1 + (G - 1)/beta, rate beta r0 / G
 * and the shell turns at gamma g(r0) |W_A n|. */
static void reduce(const sx_reentry *m, double turn, sx_reentry_shell *s) {
    double G = m->gamma * s->rho, g = 1.0, margin;
    bool gain = m->form == SX_REENTRY_GAIN;
    margin = gain ? G - (1.0 - m->beta) : G - 1.0;
    if (margin < 0.0 || G <= 0.0) {
        s->radius = 0.0;
        g = 1.0 / (gain ? 1.0 - m->beta : 1.0);
        s->rate = 1.0 - g * G;
    } else if (!gain) {
        s->radius = sqrt(margin / m->kappa);
        s->rate = 2.0 * margin;
    } else if (m->beta > 0.0) {
        s->radius = margin / m->beta;
        g = 1.0 / G;
        s->rate = SX_MUTANT(reentry_rate) ? m->beta / G : m->beta * s->radius / G;
    } else { /* no homeostasis: neutral at G = 1, growth without bound above */
        s->radius = margin > 0.0 ? (double)INFINITY : 0.0;
        s->rate = -margin;
    }
    s->frequency = m->gamma * g * turn;
    s->regime = margin < 0.0 || G <= 0.0 ? SX_REGIME_QUENCHED
                : s->frequency > s->rate ? SX_REGIME_REFLECTIVE
                                         : SX_REGIME_REACTIVE;
}

sx_status sx_reentry_shell_at(sx_ctx *ctx, const sx_model *model, const double *x, sx_reentry_shell *out) {
    if (sx_model_operations(model) != &sx_reentry_ops)
        return SX_FAIL(ctx, SX_E_UNSUPPORTED, "the radial reduction is of models of kind reentry; this is '%s'",
                       sx_model_name(model));
    const sx_reentry *m = sx_model_self(model);
    int64_t n = m->n;
    const double *A = m->fast ? x + n : NULL;
    double *y = NULL, *Wy = NULL, norm = 0.0, turn = 0.0;
    sx_reentry_shell s = { .rho = 0.0 };
    sx_work w = { .doubles = 0 };
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *y, &y));
    SX_GO(ctx, status, done, sx_alloc(ctx, 2 * n, sizeof *Wy, &Wy));
    w.doubles = m->C ? sx_coupling_work(m->C, 1) : 0;
    SX_GO(ctx, status, done, sx_alloc(ctx, w.doubles + 1, sizeof *w.p, &w.p));
    for (int64_t i = 0; i < n; ++i) norm += x[i] * x[i];
    if (norm == 0.0)
        SX_GO(ctx, status, done, top_direction(ctx, m, A, y));
    else
        for (int64_t i = 0; i < n; ++i) y[i] = x[i] / sqrt(norm);
    for (int transposed = 0; transposed < 2; ++transposed) {
        double *to = Wy + transposed * n;
        sx_reentry_add_W(m, transposed, 1.0, sx_view(y, n, 1), (sx_batch){ to, n, 1 }, w);
        for (int64_t i = 0; A && i < n; ++i) {
            for (int64_t j = 0; j < n; ++j) to[i] += A[transposed ? j * n + i : i * n + j] * y[j];
        }
    }
    for (int64_t i = 0; i < n; ++i) {
        double antisymmetric = 0.5 * (Wy[i] - Wy[n + i]);
        s.rho += y[i] * Wy[i];
        turn += antisymmetric * antisymmetric;
    }
    reduce(m, sqrt(turn), &s);
    *out = s;
done:
    sx_free(ctx, w.p);
    sx_free(ctx, Wy);
    sx_free(ctx, y);
    return status;
}

#define AT(member) offsetof(sx_reentry_opts, member)
const sx_field sx_reentry_fields[] = {
    { .name = "form",
      .type = SX_ENUM,
      .offset = AT(form),
      .def = "\"gain\"",
      .choices = SX_REENTRY_FORM_CHOICES,
      .help = "homeostasis: a cubic force towards the origin, or a gain that falls with the radius" },
    { .name = "n",
      .type = SX_I64,
      .offset = AT(n),
      .lo = 0,
      .hi = 1e9,
      .def = "0",
      .unit = "1",
      .help = "number of units; 0 takes it from the coupling" },
    { .name = "gamma",
      .type = SX_F64,
      .offset = AT(gamma),
      .lo = 0,
      .hi = HUGE_VAL,
      .def = "1.0",
      .unit = "1/time",
      .flags = SX_HI_OPEN,
      .help = "reentrant amplification" },
    { .name = "rho",
      .type = SX_F64,
      .offset = AT(rho),
      SX_UNBOUNDED,
      .def = "1.0",
      .unit = "1",
      .help = "structural gain: W = rho 1 + omega A + C; write 0 for a coupling alone" },
    { .name = "omega",
      .type = SX_F64,
      .offset = AT(omega),
      SX_UNBOUNDED,
      .def = "0.0",
      .unit = "1",
      .help = "rotation of the units 2k, 2k+1 in W" },
    { .name = "kappa",
      .type = SX_F64,
      .offset = AT(kappa),
      .lo = 0,
      .hi = HUGE_VAL,
      .def = "1.0",
      .unit = "1/(time state^2)",
      .given = AT(has_kappa),
      .flags = SX_LO_OPEN | SX_HI_OPEN,
      .help = "stiffness of the soft shell" },
    { .name = "beta",
      .type = SX_F64,
      .offset = AT(beta),
      .lo = 0,
      .hi = 1,
      .def = "0.1",
      .unit = "1",
      .given = AT(has_beta),
      .flags = SX_HI_OPEN,
      .help = "homeostatic strength of the gain g = 1/(1 + beta (r - 1)), which has a pole for beta >= 1" },
    { .name = "eta",
      .type = SX_F64,
      .offset = AT(eta),
      .lo = 0,
      .hi = HUGE_VAL,
      .def = "0.0",
      .unit = "1/state^2",
      .flags = SX_HI_OPEN,
      .help = "strength of the fast weights A_f' = (-A_f + eta y y^T)/tau_fast; 0 = none" },
    { .name = "tau_fast",
      .type = SX_F64,
      .offset = AT(tau_fast),
      .lo = 0,
      .hi = HUGE_VAL,
      .def = "1.0",
      .unit = "time",
      .given = AT(has_tau),
      .flags = SX_LO_OPEN | SX_HI_OPEN,
      .help = "time constant of the fast weights" },
    SX_FIELD_END,
};
