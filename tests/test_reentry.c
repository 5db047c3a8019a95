// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Homeostatic reentry: every operation against the composed model and against its equation and parts as text (a second, symbolic
 * differentiation), every derivative against differences, and radii, rates, frequencies and regimes (unified-dynamics.md, 7.1). */
#include "same_model.h"

#include "core/linalg.h"

#include <separatrix/equations.h>
#include <separatrix/noise.h>
#include <separatrix/reentry.h>

enum { N = 4 };

static sx_reentry_opts defaults(int form) {
    sx_reentry_opts o = SX_REENTRY_OPTS;
    sx_fields_default(sx_reentry_fields, &o);
    o.struct_size = sizeof o;
    o.form = form;
    o.n = N;
    return o;
}
static sx_model *make(sx_ctx *ctx, const sx_reentry_opts *o, const sx_coupling *C) {
    sx_model *m = NULL;
    OK(sx_reentry_create(ctx, o, C, NULL, &m));
    return m;
}

/* -- built natively = built from parts -------------------------------------------------------------------------------------------- */

/* Soft shell with rotation: Phi = (1 - gamma rho) r^2/2 + kappa r^4/4, G = 1, R = gamma omega A y, as `composed` has them. */
static void soft_shell_is_composed(void **state) {
    sx_ctx *ctx = *state;
    sx_coupling *C = dense(ctx, "C", N, 0.8);
    for (int variant = 0; variant < 2; ++variant) { /* rotation of the pairs; antisymmetric part of a coupling */
        sx_reentry_opts o = defaults(SX_REENTRY_SOFT_SHELL);
        sx_composed_opts c = { .struct_size = sizeof c };
        double a, full[N * N] = { 0 }, anti[N * N];
        sx_coupling *A = NULL;
        sx_model *native = NULL, *parts = NULL;
        o.gamma = 1.3;
        o.rho = 0.9;
        o.omega = variant ? 0.0 : 0.7;
        o.kappa = 0.6;
        sx_fields_default(sx_composed_fields, &c);
        c.struct_size = sizeof c;
        c.n = N;
        c.potential = SX_POTENTIAL_RADIAL;
        c.flow = SX_FLOW_ANTISYMMETRIC;
        a = 1.0 - o.gamma * o.rho;
        c.a = (sx_values){ 1, &a };
        c.g = o.kappa;
        c.omega = o.gamma * (variant ? 1.0 : o.omega);
        sx_coupling_add_to_dense(C, 1.0, NULL, full);
        for (int i = 0; i < N * N; ++i) anti[i] = 0.5 * (full[i] - full[i % N * N + i / N]);
        OK(sx_coupling_dense(ctx, N, N, anti, &A));
        native = make(ctx, &o, variant ? A : NULL);
        OK(sx_composed_create(ctx, &c, NULL, variant ? A : NULL, NULL, &parts));
        same_model(variant ? "soft shell, coupling" : "soft shell", native, parts, 2.0, true, 1e-12);
        sx_model_free(ctx, parts);
        sx_model_free(ctx, native);
        sx_coupling_free(ctx, A);
    }
    sx_coupling_free(ctx, C);
}

/* Potential and flow as texts; W is the symmetric or antisymmetric part of the coupling, s = tr W/n. */
typedef struct texts {
    sx_equations_index indices[2];
    sx_equations_state states[6];
    sx_equations_parameter parameters[9];
    sx_equations_text definitions[1], metric[4], flow[6];
    double gamma, kappa, beta, s, eta, tau, S[N * N], A[N * N], rest[N * N];
    sx_equations_desc d;
} texts;

static void describe(texts *t, const sx_reentry_opts *o, const double *C) {
    memset(t, 0, sizeof *t);
    t->gamma = o->gamma;
    t->kappa = o->kappa;
    t->beta = o->beta;
    t->eta = o->eta;
    t->tau = o->tau_fast;
    t->s = o->rho;
    for (int i = 0; i < N; ++i) t->s += C[i * N + i] / N;
    for (int i = 0; i < N; ++i) {
        for (int j = 0; j < N; ++j) {
            double turn = i == j + 1 && j % 2 == 0 ? o->omega : j == i + 1 && i % 2 == 0 ? -o->omega : 0.0;
            double W = (i == j ? o->rho : 0.0) + turn + C[i * N + j], V = (i == j ? o->rho : 0.0) - turn + C[j * N + i];
            t->S[i * N + j] = 0.5 * (W + V);
            t->A[i * N + j] = 0.5 * (W - V);
            t->rest[i * N + j] = W - (i == j ? t->s : 0.0);
        }
    }
    t->indices[0] = (sx_equations_index){ "i", N, NULL };
    t->indices[1] = (sx_equations_index){ "j", 0, "i" };
    t->states[0] = (sx_equations_state){ "x", "i", NULL };
    const struct {
        const char *name;
        const double *value;
        int n;
    } p[] = { { "gamma", &t->gamma, 1 }, { "kappa", &t->kappa, 1 }, { "beta", &t->beta, 1 },
              { "s", &t->s, 1 },         { "eta", &t->eta, 1 },     { "tau", &t->tau, 1 },
              { "S", t->S, N * N },      { "A", t->A, N * N },      { "R", t->rest, N * N } };
    for (int k = 0; k < 9; ++k)
        t->parameters[k] =
            (sx_equations_parameter){ p[k].name, p[k].n > 1 ? "i,j" : NULL, { p[k].n, p[k].value }, NULL };
    t->definitions[0] = (sx_equations_text){ "q", "sum(i, x[i]^2)" };
    bool gain = o->form == SX_REENTRY_GAIN;
    t->flow[0] = (sx_equations_text){ "x", gain ? "gamma*sum(j, R[i,j]*x[j])/(1 - beta + beta*sqrt(q))"
                                                : "gamma*sum(j, A[i,j]*x[j])" };
    t->d = (sx_equations_desc){ .struct_size = sizeof t->d };
    t->d.n_indices = 2;
    t->d.indices = t->indices;
    t->d.n_states = 1;
    t->d.states = t->states;
    t->d.n_parameters = 9;
    t->d.parameters = t->parameters;
    t->d.n_definitions = 1;
    t->d.definitions = t->definitions;
    t->d.potential = gain ? "q/2 - gamma*s*(sqrt(q)/beta - (1 - beta)/beta^2*log(1 + beta*sqrt(q)/(1 - beta)))"
                          : "q/2 - gamma/2*sum(i, x[i]*sum(j, S[i,j]*x[j])) + kappa/4*q^2";
    t->d.n_flow = 1;
    t->d.flow = t->flow;
}

/* Both forms with rotation and a general coupling. */
static void is_its_parts_as_text(void **state) {
    sx_ctx *ctx = *state;
    sx_coupling *C = dense(ctx, "C", N, 0.8);
    double full[N * N] = { 0 }, none[N * N] = { 0 };
    sx_coupling_add_to_dense(C, 1.0, NULL, full);
    for (int k = 0; k < 4; ++k) {
        sx_reentry_opts o = defaults(k % 2);
        texts t;
        sx_model *parts = NULL;
        char name[64];
        snprintf(name, sizeof name, "%s%s as text", k % 2 ? "gain" : "soft shell", k / 2 ? ", coupling" : "");
        o.gamma = 1.4;
        o.rho = 0.8;
        o.omega = 0.6;
        o.beta = 0.35;
        describe(&t, &o, k / 2 ? full : none);
        OK(sx_equations_create(ctx, &t.d, NULL, &parts));
        sx_model *native = make(ctx, &o, k / 2 ? C : NULL);
        same_model(name, native, parts, 2.0, true, 1e-12);
        sx_model_free(ctx, parts);
        sx_model_free(ctx, native);
    }
    sx_coupling_free(ctx, C);
}

/* Two neurons with fast weights, number by number. */
static void fast_weights_are_their_parts(void **state) {
    sx_ctx *ctx = *state;
    static const char *const names[] = { "x", "y", "a", "b", "c", "d" };
    for (int form = 0; form < 2; ++form) {
        bool gain = form == SX_REENTRY_GAIN;
        sx_reentry_opts o = defaults(form);
        texts t;
        sx_model *parts = NULL;
        double none[N * N] = { 0 };
        o.n = 2;
        o.gamma = 1.2;
        o.rho = 0.7;
        o.omega = 0.4;
        o.beta = 0.3;
        o.eta = 0.5;
        o.tau_fast = 3.0;
        describe(&t, &o, none);
        t.s = 0.7;
        for (int k = 0; k < 6; ++k) t.states[k] = (sx_equations_state){ names[k], NULL, NULL };
        for (int k = 0; k < 4; ++k) t.metric[k] = (sx_equations_text){ names[2 + k], "gamma*tau/(2*eta)" };
        t.definitions[0] = (sx_equations_text){ "q", "x^2 + y^2" };
        if (gain) {
            t.d.potential = "q/2 - gamma*s*(sqrt(q)/beta - (1 - beta)/beta^2*log(1 + beta*sqrt(q)/(1 - beta))) + "
                            "gamma/(4*eta)*(a^2 + b^2 + c^2 + d^2)";
            t.flow[0] = (sx_equations_text){ "x", "gamma*(a*x + b*y - 0.4*y)/(1 - beta + beta*sqrt(q))" };
            t.flow[1] = (sx_equations_text){ "y", "gamma*(c*x + d*y + 0.4*x)/(1 - beta + beta*sqrt(q))" };
            t.flow[2] = (sx_equations_text){ "a", "eta/tau*x*x" };
            t.flow[3] = (sx_equations_text){ "b", "eta/tau*x*y" };
            t.flow[4] = (sx_equations_text){ "c", "eta/tau*y*x" };
            t.flow[5] = (sx_equations_text){ "d", "eta/tau*y*y" };
        } else {
            t.d.potential = "(1 - gamma*s)*q/2 + kappa/4*q^2 - gamma/2*(a*x*x + (b + c)*x*y + d*y*y) + "
                            "gamma/(4*eta)*(a^2 + b^2 + c^2 + d^2)";
            t.flow[0] = (sx_equations_text){ "x", "gamma*((b - c)/2*y - 0.4*y)" };
            t.flow[1] = (sx_equations_text){ "y", "gamma*((c - b)/2*x + 0.4*x)" };
        }
        t.d.n_indices = 0;
        t.d.n_parameters = 6; /* the matrices are not used */
        t.d.n_states = 6;
        t.d.n_metric = 4;
        t.d.metric = t.metric;
        t.d.n_flow = gain ? 6 : 2;
        sx_equations_fault fault;
        if (sx_equations_create(ctx, &t.d, &fault, &parts) < 0) fail_msg("%s", sx_ctx_message(ctx));
        sx_model *native = make(ctx, &o, NULL);
        same_model(gain ? "fast weights, gain" : "fast weights, soft shell", native, parts, 1.5, true, 1e-12);
        assert_string_equal(sx_model_layout(native)->arrays[1].name, "A");
        sx_model_free(ctx, parts);
        sx_model_free(ctx, native);
    }
}

/* -- derivatives ------------------------------------------------------------------------------------------------------------------- */

static void derivatives(void **state) {
    sx_ctx *ctx = *state;
    enum { BIG = 90 };
    sx_coupling *C = dense(ctx, "C", N, 0.8), *S = sparse(ctx, "S", BIG, 11);
    for (int k = 0; k < 10; ++k) { /* rotation; coupling; fast weights; both; sparse */
        sx_reentry_opts o = defaults(k % 2);
        char name[64];
        const sx_coupling *W = k / 2 == 1 || k / 2 == 3 ? C : k / 2 == 4 ? S : NULL;
        snprintf(name, sizeof name, "form %d, variant %d", k % 2, k / 2);
        o.gamma = 1.4;
        o.omega = 0.5;
        o.beta = 0.4;
        o.eta = k / 2 == 2 || k / 2 == 3 ? 0.3 : 0.0;
        o.tau_fast = 2.0;
        if (W == S) o.n = BIG;
        sx_model *m = make(ctx, &o, W);
        check_model(ctx, name, m, 0.0, 1.5, 0.02);
        check_gradient(name, m, 1.5, 0.02);
        check_parts(name, m, 2.0, 1e-13);
        sx_model_free(ctx, m);
    }
    sx_coupling_free(ctx, S);
    sx_coupling_free(ctx, C);
}

/* At the origin of the gain form: J = gamma g(0) W - 1 exists, second derivatives do not and count as 0. Nothing is infinite nearby. */
static void origin_of_the_gain_form(void **state) {
    sx_ctx *ctx = *state;
    sx_reentry_opts o = defaults(SX_REENTRY_GAIN);
    double x[N] = { 0 }, u[N] = { 0.3, -0.2, 0.5, 0.1 }, out[N], want[N];
    const double *d[3] = { u, u, u };
    o.gamma = 0.9;
    o.omega = 0.5;
    o.beta = 0.2;
    sx_model *m = make(ctx, &o, NULL);
    double c = 0.9 / 0.8; /* gamma/(1 - beta) */
    for (int i = 0; i < N; ++i) want[i] = (c - 1.0) * u[i] + c * 0.5 * (i % 2 ? u[i - 1] : -u[i + 1]);
    apply_op(m, OP_JVP, 0.0, x, 1, d, 1, out, NULL);
    close_to("J at the origin", N, out, want, 1e-15, 0.0);
    for (int op = OP_HVV; op <= OP_TVVV; ++op) {
        apply_op(m, op, 0.0, x, 1, d, 1, out, NULL);
        assert_true(largest(N, out) == 0.0);
    }
    for (int e = 10; e <= 320; e += 10) {
        x[0] = ldexp(0.7, -(int)(3.3 * e));
        for (int op = OP_F; op <= OP_TVVV; ++op) {
            apply_op(m, op, 0.0, x, 1, d, 1, out, NULL);
            for (int i = 0; i < N; ++i) assert_true(isfinite(out[i]));
        }
    }
    sx_model_free(ctx, m);
}

/* U of the gain form for small beta and r, where its closed form cancels: U' = r - gamma rho r g by differences, U(0) = 0, and the limit beta -> 0. */
static void potential_without_cancellation(void **state) {
    sx_ctx *ctx = *state;
    const double betas[] = { 0.0, 1e-12, 1e-6, 1e-3, 0.1, 0.5, 0.9 };
    for (int k = 0; k < 7; ++k) {
        sx_reentry_opts o = defaults(SX_REENTRY_GAIN);
        o.n = 1;
        o.gamma = 1.7;
        o.rho = 0.8;
        o.beta = betas[k];
        sx_model *m = make(ctx, &o, NULL);
        for (double r = 1e-8; r < 30; r *= 7) { /* Simpson's rule of U' over [0, r], 4000 panels */
            double sum = 0.0, value;
            for (int i = 0; i <= 4000; ++i) {
                double y = r * i / 4000.0, slope = y - 1.7 * 0.8 * y / (1.0 + betas[k] * (y - 1.0));
                sum += slope * (i == 0 || i == 4000 ? 1.0 : i % 2 ? 4.0 : 2.0) * r / 12000.0;
            }
            apply_part(m, PART_POTENTIAL, &r, NULL, 1, &value);
            if (!(fabs(value - sum) <= 1e-9 * (r * r)))
                fail_msg("beta %g, r %g: U %.15g, by quadrature %.15g", betas[k], r, value, sum);
        }
        sx_model_free(ctx, m);
    }
}

/* -- radii, rates, regimes ---------------------------------------------------------------------------------------------------------- */

/* Numbers of unified-dynamics.md 7.1 (gain form): gamma rho, beta, r*, rate of the radius. */
static void shells_of_the_gain_form(void **state) {
    sx_ctx *ctx = *state;
    static const double want[][4] = { { 1, .1, 1, .1 },
                                      { 1.05, .1, 1.5, .142857142857142857 },
                                      { 1.5, .5, 2, .666666666666666667 },
                                      { .8, .5, .6, .375 } };
    for (int k = 0; k < 4; ++k) {
        for (int turning = 0; turning < 2; ++turning) {
            sx_reentry_opts o = defaults(SX_REENTRY_GAIN);
            double x[N] = { 0.48 * want[k][2], -0.6 * want[k][2], 0, 0.64 * want[k][2] }, F[N], Fr = 0, Ft = 0,
                   J[N * N], re[N], im[N];
            sx_reentry_shell s;
            o.gamma = 2.0;
            o.rho = want[k][0] / 2.0;
            o.beta = want[k][1];
            o.omega = turning ? 0.3 : 0.0;
            sx_model *m = make(ctx, &o, NULL);
            apply_op(m, OP_F, 0.0, x, 1, NULL, 1, F, NULL); /* no radial flow; angular velocity omega/rho */
            for (int i = 0; i < N; ++i) Fr += x[i] * F[i];
            for (int i = 0; i < N; ++i) Ft += F[i] * F[i];
            assert_true(fabs(Fr) < 1e-14);
            assert_true(fabs(sqrt(Ft) / want[k][2] - o.omega / o.rho) < 1e-14);
            OK(sx_reentry_shell_at(ctx, m, x, &s));
            assert_true(fabs(s.radius - want[k][2]) < 1e-14 && fabs(s.rate - want[k][3]) < 1e-14);
            assert_true(fabs(s.frequency - o.omega / o.rho) < 1e-14);
            assert_int_equal(s.regime,
                             turning && o.omega / o.rho > want[k][3] ? SX_REGIME_REFLECTIVE : SX_REGIME_REACTIVE);
            if (!turning) { /* one rate, and 0 along the shell */
                apply_part(m, PART_JACOBIAN, x, NULL, 1, J);
                OK(sx_eigenvalues(ctx, N, J, re, im));
                double slow = 0, fast = 0;
                for (int i = 0; i < N; ++i) {
                    if (fabs(re[i]) > fabs(fast)) fast = re[i];
                    slow += fabs(re[i]);
                }
                assert_true(fabs(fast + want[k][3]) < 1e-13 && fabs(slow - want[k][3]) < 1e-12);
            }
            sx_model_free(ctx, m);
        }
    }
}

/* Critical exponents: soft shell r* ~ (gamma rho - 1)^(1/2), time ~ |gamma rho - 1|^-1; the gain form sets in continuously at 1 - beta, r* linear. */
static void onset(void **state) {
    sx_ctx *ctx = *state;
    const double zero[N] = { 0 };
    for (int form = 0; form < 2; ++form) {
        double critical = form ? 0.6 : 1.0, last_r = 0, last_rate = 0;
        for (int k = 0; k < 6; ++k) {
            double e = ldexp(0.25, -4 * k);
            sx_reentry_shell s, below;
            sx_reentry_opts o = defaults(form);
            o.kappa = 0.7;
            o.beta = 0.4;
            o.gamma = critical + e;
            sx_model *m = make(ctx, &o, NULL);
            OK(sx_reentry_shell_at(ctx, m, zero, &s));
            sx_model_free(ctx, m);
            o.gamma = critical - e;
            m = make(ctx, &o, NULL);
            OK(sx_reentry_shell_at(ctx, m, zero, &below));
            sx_model_free(ctx, m);
            assert_int_equal(below.regime, SX_REGIME_QUENCHED);
            assert_true(below.radius == 0 && fabs(below.rate - e / (form ? 0.6 : 1.0)) < 1e-14);
            assert_true(s.regime != SX_REGIME_QUENCHED);
            assert_true(fabs(s.radius - (form ? e / 0.4 : sqrt(e / 0.7))) < 1e-14);
            if (k > 0) { /* slopes over a factor of 16 */
                assert_true(fabs(log2(last_r / s.radius) / 4 - (form ? 1.0 : 0.5)) < 1e-9);
                assert_true(form || fabs(log2(last_rate / s.rate) / 4 - 1.0) < 1e-9);
            }
            last_r = s.radius;
            last_rate = s.rate;
        }
    }
}

/* General W: d(r^2)/dt = -2 r^2 + 2 gamma g y.W_S y, the Rayleigh quotient in the place of rho. At the origin: the largest eigenvalue of W_S. */
static void radial_reduction(void **state) {
    sx_ctx *ctx = *state;
    sx_coupling *C = dense(ctx, "C", N, 0.8);
    double full[N * N] = { 0 }, S[N * N], values[N], V[N * N], x[N], F[N], zero[N] = { 0 };
    sx_reentry_shell s;
    sx_coupling_add_to_dense(C, 1.0, NULL, full);
    for (int i = 0; i < N * N; ++i) S[i] = 0.5 * (full[i] + full[i % N * N + i / N]) + (i / N == i % N ? 1.0 : 0.0);
    OK(sx_symmetric_eigen(ctx, N, S, values, V));
    for (int form = 0; form < 2; ++form) {
        sx_reentry_opts o = defaults(form);
        o.gamma = 1.1;
        o.omega = 0.4;
        o.beta = 0.3;
        sx_model *m = make(ctx, &o, C);
        fill("direction", -1, 1, N, x);
        double q = dot(N, x, x), ySy = 0, flow = 0;
        for (int i = 0; i < N; ++i) ySy += x[i] * dot(N, S + (ptrdiff_t)i * N, x);
        OK(sx_reentry_shell_at(ctx, m, x, &s));
        assert_true(fabs(s.rho - ySy / q) < 1e-13);
        assert_true(s.radius > 0);
        for (int i = 0; i < N; ++i)
            x[i] *= s.radius / sqrt(q); /* on the shell of this direction the radius stands still */
        apply_op(m, OP_F, 0.0, x, 1, NULL, 1, F, NULL);
        flow = dot(N, x, F);
        assert_true(fabs(flow) < 1e-13);
        OK(sx_reentry_shell_at(ctx, m, zero, &s));
        assert_true(fabs(s.rho - values[N - 1]) < 1e-12);
        sx_model_free(ctx, m);
    }
    sx_coupling_free(ctx, C);
}

/* R of the gain form with rotation: no divergence, and R.grad Phi = 0, so that exp(-U/T) is stationary. With a general coupling neither holds. */
static void what_the_flow_keeps(void **state) {
    sx_ctx *ctx = *state;
    enum { B = 8 };
    sx_coupling *C = dense(ctx, "C", N, 0.8);
    for (int general = 0; general < 2; ++general) {
        sx_reentry_opts o = defaults(SX_REENTRY_GAIN);
        double x[N * B], R[N * B], g[N * B], div[B], H[B], worst = 0, sum = 0;
        o.gamma = 1.3;
        o.omega = 0.8;
        sx_model *m = make(ctx, &o, general ? C : NULL), *still;
        fill("x", -2, 2, N * B, x);
        apply_part(m, PART_REENTRANT, x, NULL, B, R);
        apply_part(m, PART_GRADIENT, x, NULL, B, g);
        apply_part(m, PART_DIVERGENCE, x, NULL, B,
                   div); /* of F; that of -grad U follows from the model without rotation */
        o.omega = 0.0;
        still = make(ctx, &o, NULL);
        if (!general) apply_part(still, PART_DIVERGENCE, x, NULL, B, H);
        for (int i = 0; i < N * B; ++i) worst = fmax(worst, fabs(R[i] * g[i]));
        for (int r = 0; r < B; ++r) {
            double Rg = 0;
            for (int i = 0; i < N; ++i) Rg += R[i * B + r] * g[i * B + r];
            sum = fmax(sum, fabs(Rg));
            if (!general) assert_true(fabs(div[r] - H[r]) < 1e-13);
        }
        assert_true(worst > 0.1);
        assert_true(general ? sum > 0.1 : sum < 1e-14);
        sx_model_free(ctx, still);
        sx_model_free(ctx, m);
    }
    sx_coupling_free(ctx, C);
}

/* Fast weights on a shell without rotation: A = eta y y^T, radius of gamma (rho + eta r^2) = 1 + kappa r^2 or 1 + beta (r - 1). */
static void fast_weights_move_the_shell(void **state) {
    sx_ctx *ctx = *state;
    for (int form = 0; form < 2; ++form) {
        sx_reentry_opts o = defaults(form);
        double x[N + N * N], F[N + N * N], r, y[N] = { 0.48, -0.6, 0, 0.64 };
        o.gamma = 1.2;
        o.rho = form ? 0.7 : 1.0;
        o.kappa = 0.9;
        o.beta = 0.8;
        o.eta = 0.25;
        /* soft shell: r^2 = (gamma rho - 1)/(kappa - gamma eta); gain: gamma eta r^2 - beta r + gamma rho - 1 + beta = 0 */
        double a = 1.2 * 0.25, c = 1.2 * o.rho - 0.2;
        r = form ? (0.8 - sqrt(0.64 - 4 * a * c)) / (2 * a) : sqrt(0.2 / (0.9 - a));
        if (form) assert_true(0.64 - 4 * a * c < 0); /* memory wins: no shell at all */
        if (form) {
            o.eta = 0.05;
            a = 1.2 * 0.05;
            r = (0.8 - sqrt(0.64 - 4 * a * c)) / (2 * a);
        }
        for (int i = 0; i < N; ++i) x[i] = r * y[i];
        for (int i = 0; i < N * N; ++i) x[N + i] = o.eta * x[i / N] * x[i % N];
        sx_model *m = make(ctx, &o, NULL);
        apply_op(m, OP_F, 0.0, x, 1, NULL, 1, F, NULL);
        assert_true(largest(N + N * N, F) < 1e-14);
        sx_reentry_shell s; /* the weights as they are: the same radius */
        OK(sx_reentry_shell_at(ctx, m, x, &s));
        assert_true(fabs(s.radius - r) < 1e-13);
        sx_model_free(ctx, m);
    }
}

/* -- noise, exchange of weights, wrong options --------------------------------------------------------------------------------------- */

static void thermal_noise(void **state) {
    sx_ctx *ctx = *state;
    enum { ALL = N + N * N };
    sx_reentry_opts o = defaults(SX_REENTRY_SOFT_SHELL);
    double v[ALL], out[ALL], x[ALL] = { 0 };
    sx_noise *noise = NULL;
    o.gamma = 1.2;
    o.eta = 0.5;
    o.tau_fast = 3.0;
    sx_model *m = make(ctx, &o, NULL);
    OK(sx_noise_thermal(ctx, m, 0.3, &noise));
    assert_int_equal(sx_noise_class_of(noise), SX_NOISE_ADDITIVE_DIAGONAL);
    const sx_noise_ops *ops = sx_noise_operations(noise);
    sx_work w = scratch((ops->work ? ops->work(sx_noise_self(noise), 1) : 0) + 8, NULL);
    for (int i = 0; i < ALL; ++i) v[i] = 1;
    ops->B(sx_noise_self(noise), 0, view(x, ALL, 1), view(v, ALL, 1), (sx_batch){ out, ALL, 1 }, w);
    for (int i = 0; i < ALL; ++i)
        assert_true(fabs(out[i] * out[i] - 0.3 * (i < N ? 1.0 : 2 * 0.5 / (1.2 * 3.0))) < 1e-15);
    release(w);
    assert_int_equal(sx_noise_thermal(ctx, m, -1, &noise), SX_E_USAGE);
    sx_ctx_clear(ctx);
    sx_noise_free(ctx, noise);
    sx_model_free(ctx, m);
}

static void other_weights(void **state) {
    sx_ctx *ctx = *state;
    sx_coupling *C = dense(ctx, "C", N, 0.8), *V = dense(ctx, "V", N, 0.5), *large = dense(ctx, "L", N + 1, 0.5);
    for (int form = 0; form < 2; ++form) {
        sx_reentry_opts o = defaults(form);
        sx_model *m = make(ctx, &o, C), *direct = make(ctx, &o, V), *exchanged = NULL;
        OK(sx_model_with_weights(ctx, m, V, &exchanged));
        same_model("exchanged", exchanged, direct, 2.0, true, 0.0);
        sx_model_free(ctx, exchanged);
        assert_int_equal(sx_model_with_weights(ctx, m, large, &exchanged), SX_E_USAGE);
        sx_ctx_clear(ctx);
        sx_model_free(ctx, direct);
        sx_model_free(ctx, m);
    }
    sx_coupling_free(ctx, large);
    sx_coupling_free(ctx, V);
    sx_coupling_free(ctx, C);
}

static void wrong(sx_ctx *ctx, const sx_reentry_opts *o, const sx_coupling *C, const char *text) {
    sx_model *m = NULL;
    assert_int_equal(sx_reentry_create(ctx, o, C, NULL, &m), SX_E_USAGE);
    if (!strstr(sx_ctx_message(ctx), text)) fail_msg("'%s' lacks '%s'", sx_ctx_message(ctx), text);
    assert_null(m);
    sx_ctx_clear(ctx);
}
static void refusals(void **state) {
    sx_ctx *ctx = *state;
    sx_coupling *C = dense(ctx, "C", N + 1, 0.8);
    sx_reentry_opts o = defaults(SX_REENTRY_GAIN);
    wrong(ctx, &o, C, "model.coupling is 5 x 5: want 4 x 4");
    o.n = 0;
    wrong(ctx, &o, NULL, "model.n is missing");
    o.n = 1;
    o.omega = 0.5;
    wrong(ctx, &o, NULL, "one unit cannot rotate");
    o = defaults(SX_REENTRY_GAIN);
    o.beta = 1.0;
    wrong(ctx, &o, NULL, "model.beta = 1: want a value in [0, 1)");
    o = defaults(SX_REENTRY_GAIN);
    o.has_kappa = true;
    wrong(ctx, &o, NULL, "model.kappa has a meaning only with form = \"soft-shell\"");
    o = defaults(SX_REENTRY_SOFT_SHELL);
    o.has_beta = true;
    wrong(ctx, &o, NULL, "model.beta has a meaning only with form = \"gain\"");
    o = defaults(SX_REENTRY_SOFT_SHELL);
    o.kappa = 0;
    wrong(ctx, &o, NULL, "model.kappa = 0");
    o = defaults(SX_REENTRY_SOFT_SHELL);
    o.has_tau = true;
    wrong(ctx, &o, NULL, "tau_fast has a meaning only with fast weights");
    o = defaults(SX_REENTRY_GAIN);
    o.gamma = 0;
    o.eta = 1;
    wrong(ctx, &o, NULL, "model.gamma = 0: with fast weights");
    o.gamma = -1;
    wrong(ctx, &o, NULL, "model.gamma = -1");
    o.struct_size = 3;
    wrong(ctx, &o, NULL, "SX_REENTRY_OPTS");
    sx_coupling_free(ctx, C);
}

static int setup(void **state) {
    *state = sx_ctx_create(NULL);
    return *state ? 0 : -1;
}
static int teardown(void **state) {
    sx_ctx_free(*state);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(soft_shell_is_composed),
        cmocka_unit_test(is_its_parts_as_text),
        cmocka_unit_test(fast_weights_are_their_parts),
        cmocka_unit_test(derivatives),
        cmocka_unit_test(origin_of_the_gain_form),
        cmocka_unit_test(potential_without_cancellation),
        cmocka_unit_test(shells_of_the_gain_form),
        cmocka_unit_test(onset),
        cmocka_unit_test(radial_reduction),
        cmocka_unit_test(what_the_flow_keeps),
        cmocka_unit_test(fast_weights_move_the_shell),
        cmocka_unit_test(thermal_noise),
        cmocka_unit_test(other_weights),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
