// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Associative memories. Built natively = built from their parts, for every operation, to 1e-12: the parts as texts of `equations` (a derived
 * gradient, symbolic derivatives) for every activation and energy, and as objects of `composed` where these exist. Every derivative against
 * differences; thermal noise against that of the texts; equalities between models (degree 2 = Hebb, gain = a change of units); the pair of
 * patterns of unified-dynamics.md, T9; other weights and inputs; what is refused. */
#include "model_checks.h"

#include <separatrix/experiment.h>
#include <separatrix/hopfield.h>

enum { N = 5, P = 4, B = 8, COUNT = N * B };

typedef struct world {
    double g, beta, tau[N], I[N], W[N * N], V[N * N], K[P * N];
    sx_coupling *w;
} world;

static void make(sx_ctx *ctx, world *a) {
    a->g = 1.7;
    a->beta = 1.3;
    fill("tau", 0.5, 2.0, N, a->tau);
    fill("I", -0.4, 0.4, N, a->I);
    fill("W", -0.9, 0.9, N * N, a->W);
    fill("K", -1.2, 1.2, P * N, a->K);
    for (int i = 0; i < N * N; i++) a->V[i] = a->W[i % N * N + i / N];
    OK(sx_coupling_dense(ctx, N, N, a->W, &a->w));
}

static sx_model *hopfield(sx_ctx *ctx, const world *a, int phi, double gain, const sx_coupling *w) {
    sx_hopfield_opts o = SX_HOPFIELD_OPTS;
    sx_model *m = NULL;
    sx_fields_default(sx_hopfield_fields, &o);
    o.struct_size = sizeof o;
    o.n = w ? 0 : N;
    o.phi = phi;
    o.gain = gain;
    o.tau = (sx_values){ N, a->tau };
    o.input = (sx_values){ N, a->I };
    OK(sx_hopfield_create(ctx, &o, w, NULL, &m));
    return m;
}

static sx_dense_hopfield_opts dense_defaults(void) {
    sx_dense_hopfield_opts o = SX_DENSE_HOPFIELD_OPTS;
    sx_fields_default(sx_dense_hopfield_fields, &o);
    o.struct_size = sizeof o;
    return o;
}
/* degree 0: log-sum-exp */
static sx_model *dense_hopfield(sx_ctx *ctx, const world *a, int phi, double gain, int degree) {
    sx_dense_hopfield_opts o = dense_defaults();
    sx_model *m = NULL;
    o.n = N;
    o.keys = (sx_values){ P * N, a->K };
    o.energy = degree ? SX_DENSE_POLYNOMIAL : SX_DENSE_LOGSUMEXP;
    if (degree) o.degree = degree;
    o.beta = a->beta;
    o.phi = phi;
    o.gain = gain;
    o.tau = (sx_values){ N, a->tau };
    o.input = (sx_values){ N, a->I };
    OK(sx_dense_hopfield_create(ctx, &o, NULL, &m));
    return m;
}

/* -- the parts of a model --------------------------------------------------------------------------------------------------------- */

enum { POTENTIAL, GRADIENT, METRIC, INVERSE, REENTRANT, PARTS };
static void part(const sx_model *m, int which, const double *x, const double *v, double *out) {
    const sx_model_ops *o = sx_model_operations(m);
    const void *self = sx_model_self(m);
    static const sx_op op[] = { SX_OP_POTENTIAL, SX_OP_GRADIENT, SX_OP_METRIC, SX_OP_METRIC, SX_OP_REENTRANT };
    sx_work w = scratch(o->work(self, op[which], B), NULL);
    sx_batch y = { out, N, B };
    if (which == POTENTIAL)
        o->potential(self, 0, view(x, N, B), out, w);
    else if (which == GRADIENT)
        o->gradient(self, 0, view(x, N, B), y, w);
    else if (which == REENTRANT)
        o->reentrant(self, 0, view(x, N, B), y, w);
    else
        o->metric(self, which == INVERSE, view(x, N, B), view(v, N, B), y, w);
    release(w);
}

/* Every operation of two models of the same equation; Phi up to a constant. */
static void same(const char *name, const sx_model *a, const sx_model *b) {
    double x[COUNT], u[COUNT], v[COUNT], z[COUNT], p[COUNT], ya[COUNT], yb[COUNT];
    char what[128];
    fill("x", -1.2, 1.2, COUNT, x);
    fill("u", -1, 1, COUNT, u);
    fill("v", -1, 1, COUNT, v);
    fill("z", -1, 1, COUNT, z);
    fill("p", -1, 1, COUNT, p);
    for (int op = OP_F; op <= OP_TVVV; op++) {
        const double *d[3] = { op == OP_VJP || op == OP_PHV ? p : u, v, z };
        apply_op(a, op, 0, x, B, d, B, ya, NULL);
        apply_op(b, op, 0, x, B, d, B, yb, NULL);
        snprintf(what, sizeof what, "%s: operation %d", name, op);
        close_to(what, COUNT, ya, yb, 1e-12, 1.0);
    }
    for (int k = POTENTIAL; k < PARTS; k++) {
        part(a, k, x, v, ya);
        part(b, k, x, v, yb);
        for (int r = B - 1; r >= 0 && k == POTENTIAL; r--) {
            ya[r] -= ya[0];
            yb[r] -= yb[0];
        }
        snprintf(what, sizeof what, "%s: part %d", name, k);
        close_to(what, k == POTENTIAL ? B : COUNT, ya, yb, 1e-12, 1.0);
    }
    double Ja[N * N], Jb[N * N], da[B], db[B];
    const sx_model *both[2] = { a, b };
    for (int k = 0; k < 2; k++) {
        const sx_model_ops *o = sx_model_operations(both[k]);
        const void *self = sx_model_self(both[k]);
        sx_work w = scratch(o->work(self, SX_OP_JACOBIAN, 1), NULL);
        o->jacobian(self, 0, x, k ? Jb : Ja, w);
        release(w);
        w = scratch(o->work(self, SX_OP_DIVERGENCE, B), NULL);
        o->divergence(self, 0, view(x, N, B), k ? db : da, w);
        release(w);
    }
    snprintf(what, sizeof what, "%s: jacobian", name);
    close_to(what, N * N, Ja, Jb, 1e-12, 1.0);
    snprintf(what, sizeof what, "%s: divergence", name);
    close_to(what, B, da, db, 1e-12, 1.0);
}

/* F = -G^-1 grad Phi + R from the operations of the model itself. */
static void own_parts(const char *name, const sx_model *m) {
    double x[COUNT], F[COUNT], g[COUNT], force[COUNT], R[COUNT], back[COUNT];
    fill("x", -1.5, 1.5, COUNT, x);
    apply_op(m, OP_F, 0, x, B, NULL, B, F, NULL);
    part(m, GRADIENT, x, NULL, g);
    part(m, INVERSE, x, g, force);
    part(m, METRIC, x, force, back);
    part(m, REENTRANT, x, NULL, R);
    for (int i = 0; i < COUNT; i++) force[i] = R[i] - force[i];
    close_to(name, COUNT, F, force, 1e-12, 1.0);
    close_to(name, COUNT, back, g, 1e-12, 1.0);
}

/* -- the same from texts ------------------------------------------------------------------------------------------------------------ */

static const struct {
    const char *name, *s, *U, *metric;
} activations[] = {
    { "tanh", "tanh(g*x[i])", "x[i]*s[i] - log(cosh(g*x[i]))/g", "tau[i]*g/cosh(g*x[i])^2" },
    { "erf", "erf(sqrt(pi)*g*x[i]/2)", "-2/pi*exp(-pi*(g*x[i])^2/4)/g", "tau[i]*g*exp(-pi*(g*x[i])^2/4)" },
    { "logistic", "1/(1 + exp(-g*x[i]))", "x[i]*s[i] - log(1 + exp(g*x[i]))/g",
      "tau[i]*g*exp(-g*x[i])/(1 + exp(-g*x[i]))^2" },
    { "linear", "g*x[i]", "g*x[i]^2/2", "tau[i]*g" },
};

/* degree -1: hopfield, 0: log-sum-exp, else polynomial */
static sx_model *from_texts(sx_ctx *ctx, const world *a, int phi, double gain, int degree) {
    char potential[512], energy[200];
    if (degree < 0)
        snprintf(energy, sizeof energy, "0.5*sum(i, sum(j, W[i,j]*s[i]*s[j]))");
    else if (degree == 0)
        snprintf(energy, sizeof energy, "log(sum(m, exp(beta*sum(i, K[m,i]*s[i]))))/beta");
    else
        snprintf(energy, sizeof energy, "(%d/%d)*sum(m, (sum(i, K[m,i]*s[i])/%d)^%d)", N, degree, N, degree);
    snprintf(potential, sizeof potential, "sum(i, %s - I[i]*s[i]) - %s", activations[phi].U, energy);
    sx_equations_index indices[] = { { "i", N, NULL }, { "j", 0, "i" }, { "m", P, NULL } };
    sx_equations_state states[] = { { "x", "i", NULL } };
    sx_equations_parameter parameters[] = {
        { "g", NULL, { 1, &gain }, NULL },       { "tau", "i", { N, a->tau }, NULL },
        { "I", "i", { N, a->I }, NULL },         { "W", "i,j", { N * N, a->W }, NULL },
        { "V", "i,j", { N * N, a->V }, NULL },   { "K", "m,i", { P * N, a->K }, NULL },
        { "beta", NULL, { 1, &a->beta }, NULL },
    };
    sx_equations_text s = { "s[i]", activations[phi].s }, metric = { "x", activations[phi].metric },
                      flow = { "x", "0.5*(sum(j, W[i,j]*s[j]) - sum(j, V[i,j]*s[j]))/tau[i]" };
    sx_equations_desc d = SX_EQUATIONS_DESC;
    d.n_indices = 3;
    d.indices = indices;
    d.n_states = 1;
    d.states = states;
    d.n_parameters = 7;
    d.parameters = parameters;
    d.n_definitions = 1;
    d.definitions = &s;
    d.potential = potential;
    d.n_metric = 1;
    d.metric = &metric;
    d.n_flow = degree < 0;
    d.flow = &flow;
    sx_model *m = NULL;
    if (sx_equations_create(ctx, &d, NULL, &m) < 0) {
        print_error("%s\n%s\n%s\n", potential, sx_ctx_message(ctx), sx_ctx_trace(ctx));
        fail();
    }
    return m;
}

static void native_is_its_parts(void **state) {
    sx_ctx *ctx = *state;
    static const int degrees[] = { -1, 0, 2, 3, 4, 7 };
    world a;
    make(ctx, &a);
    for (int phi = 0; phi < 4; phi++)
        for (int k = 0; k < 6; k++) {
            char name[64];
            if (phi == SX_HOPFIELD_LINEAR && degrees[k] > 2) continue;
            snprintf(name, sizeof name, "%s, degree %d", activations[phi].name, degrees[k]);
            sx_model *m = degrees[k] < 0 ? hopfield(ctx, &a, phi, a.g, a.w)
                                         : dense_hopfield(ctx, &a, phi, a.g, degrees[k]),
                     *texts = from_texts(ctx, &a, phi, a.g, degrees[k]);
            same(name, m, texts);
            own_parts(name, m);
            sx_model_free(ctx, texts);
            sx_model_free(ctx, m);
        }
    sx_coupling_free(ctx, a.w);
}

/* composed: tanh, gain 1. A gain g is a change of units: with y = g x the weights are g W and the input g I, so F(x) = F'(g x)/g,
 * J u = J' u, Phi(x) = Phi'(g x)/g. The composed model without flow has W_S. */
static void native_is_composed(void **state) {
    sx_ctx *ctx = *state;
    world a;
    make(ctx, &a);
    sx_composed_opts o = SX_COMPOSED_OPTS;
    sx_fields_default(sx_composed_fields, &o);
    o.struct_size = sizeof o;
    o.n = N;
    o.potential = SX_POTENTIAL_HOPFIELD;
    o.metric = SX_METRIC_ACTIVATION;
    o.flow = SX_FLOW_ACTIVATION;
    o.tau = (sx_values){ N, a.tau };
    o.input = (sx_values){ N, a.I };
    sx_model *m = hopfield(ctx, &a, SX_HOPFIELD_TANH, 1.0, a.w), *c = NULL;
    OK(sx_composed_create(ctx, &o, a.w, NULL, NULL, &c));
    same("composed hopfield", m, c);
    sx_model_free(ctx, c);
    sx_model_free(ctx, m);

    double gI[N], x[COUNT], gx[COUNT], u[COUNT], y[COUNT], want[COUNT];
    sx_coupling *gW = NULL;
    OK(sx_coupling_scaled(ctx, a.w, a.g, &gW));
    for (int i = 0; i < N; i++) gI[i] = a.g * a.I[i];
    o.input = (sx_values){ N, gI };
    OK(sx_composed_create(ctx, &o, gW, NULL, NULL, &c));
    m = hopfield(ctx, &a, SX_HOPFIELD_TANH, a.g, a.w);
    fill("x", -1.5, 1.5, COUNT, x);
    fill("u", -1, 1, COUNT, u);
    for (int i = 0; i < COUNT; i++) gx[i] = a.g * x[i];
    const double *d[1] = { u };
    for (int op = OP_F; op <= OP_VJP; op++) {
        apply_op(m, op, 0, x, B, d, B, y, NULL);
        apply_op(c, op, 0, gx, B, d, B, want, NULL);
        for (int i = 0; i < COUNT && op == OP_F; i++) want[i] /= a.g;
        close_to("gain", COUNT, y, want, 1e-12, 1.0);
    }
    part(m, POTENTIAL, x, NULL, y);
    part(c, POTENTIAL, gx, NULL, want);
    for (int r = 0; r < B; r++) want[r] /= a.g;
    close_to("gain, potential", B, y, want, 1e-12, 1.0);
    sx_model_free(ctx, c);
    sx_model_free(ctx, m);
    sx_coupling_free(ctx, gW);

    /* log-sum-exp with linear units, tau = 1, I = 0: attention */
    sx_composed_opts q = SX_COMPOSED_OPTS;
    sx_fields_default(sx_composed_fields, &q);
    q.struct_size = sizeof q;
    q.n = N;
    q.potential = SX_POTENTIAL_LOGSUMEXP;
    q.beta = a.beta;
    q.keys = (sx_values){ P * N, a.K };
    OK(sx_composed_create(ctx, &q, NULL, NULL, NULL, &c));
    sx_dense_hopfield_opts e = dense_defaults();
    e.n = N;
    e.phi = SX_HOPFIELD_LINEAR;
    e.beta = a.beta;
    e.keys = (sx_values){ P * N, a.K };
    OK(sx_dense_hopfield_create(ctx, &e, NULL, &m));
    same("composed log-sum-exp", m, c);
    sx_model_free(ctx, c);
    sx_model_free(ctx, m);
    sx_coupling_free(ctx, a.w);
}

/* Degree 2 with self-coupling is Hebb's matrix X X^T/n. */
static void degree_two_is_hebb(void **state) {
    sx_ctx *ctx = *state;
    world a;
    double hebb[N * N] = { 0 };
    make(ctx, &a);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++)
            for (int k = 0; k < P; k++) hebb[i * N + j] += a.K[k * N + i] * a.K[k * N + j] / N;
    sx_coupling *w = NULL;
    OK(sx_coupling_dense(ctx, N, N, hebb, &w));
    for (int phi = 0; phi < 4; phi++) {
        sx_model *m = hopfield(ctx, &a, phi, a.g, w), *d = dense_hopfield(ctx, &a, phi, a.g, 2);
        same("degree 2", d, m);
        sx_model_free(ctx, d);
        sx_model_free(ctx, m);
    }
    sx_coupling_free(ctx, w);
    sx_coupling_free(ctx, a.w);
}

static void derivatives(void **state) {
    sx_ctx *ctx = *state;
    world a;
    make(ctx, &a);
    for (int phi = 0; phi < 4; phi++) {
        static const int degrees[] = { -1, 0, 3, 4 };
        for (int k = 0; k < 4; k++) {
            if (phi == SX_HOPFIELD_LINEAR && degrees[k] > 2) continue;
            sx_model *m =
                degrees[k] < 0 ? hopfield(ctx, &a, phi, a.g, a.w) : dense_hopfield(ctx, &a, phi, a.g, degrees[k]);
            static const char *const all[] = {
                "F",        "jvp",        "vjp",       "hvv",      "phv",    "tvvv",
                "jacobian", "divergence", "potential", "gradient", "metric", "reentrant"
            };
            for (size_t i = 0; i < sizeof all / sizeof *all; i++) assert_true(sx_model_has(m, all[i]));
            check_model(ctx, activations[phi].name, m, 0, 1.2, 0.02);
            sx_model_free(ctx, m);
        }
    }
    /* sparse weights, and many units: the weights take tiles (F fused with the leak) */
    sx_coupling *w = sparse(ctx, "sparse", N, 2);
    sx_model *m = hopfield(ctx, &a, SX_HOPFIELD_TANH, 1.3, w);
    check_model(ctx, "sparse", m, 0, 1.2, 0.02);
    sx_model_free(ctx, m);
    sx_coupling_free(ctx, w);
    sx_coupling_free(ctx, a.w);
}

/* 70 units: the packed product against the sum written out with libm, for a batch that takes tiles and one that does not. */
static void large(void **state) {
    enum { L = 70, R = 32 };
    sx_ctx *ctx = *state;
    sx_coupling *w = dense(ctx, "large", L, 1.0);
    double *W = calloc(L * L, sizeof *W), *x = numbers("x", -2, 2, L * R), *y = numbers("y", 0, 1, L * R),
           *want = numbers("z", 0, 1, L * R);
    sx_hopfield_opts o = SX_HOPFIELD_OPTS;
    sx_model *m = NULL;
    sx_fields_default(sx_hopfield_fields, &o);
    o.struct_size = sizeof o;
    o.gain = 0.8;
    OK(sx_hopfield_create(ctx, &o, w, NULL, &m));
    sx_coupling_add_to_dense(w, 1, NULL, W);
    for (int b = 5; b <= R; b += R - 5) {
        apply_op(m, OP_F, 0, x, b, NULL, b, y, NULL);
        for (int i = 0; i < L; i++)
            for (int r = 0; r < b; r++) {
                double sum = -x[i * b + r];
                for (int j = 0; j < L; j++) sum += W[i * L + j] * tanh(0.8 * x[j * b + r]);
                want[i * b + r] = sum;
            }
        close_to("70 units", L * b, y, want, 1e-13, 1.0);
    }
    sx_model_free(ctx, m);
    sx_coupling_free(ctx, w);
    free(want);
    free(y);
    free(x);
    free(W);
}

/* Thermal noise D = T G^-1: every operation beside that of the texts, whose derivatives are symbolic. */
static void thermal(void **state) {
    sx_ctx *ctx = *state;
    world a;
    make(ctx, &a);
    double x[COUNT], u[COUNT], v[COUNT], p[COUNT], y[2][COUNT];
    fill("x", -1.2, 1.2, COUNT, x);
    fill("u", -1, 1, COUNT, u);
    fill("v", -1, 1, COUNT, v);
    fill("p", -1, 1, COUNT, p);
    for (int phi = 0; phi < 4; phi++)
        for (int op = 0; op < 9; op++) {
            sx_model *m[2] = { hopfield(ctx, &a, phi, a.g, a.w), from_texts(ctx, &a, phi, a.g, -1) };
            bool absent[2] = { false, false };
            for (int k = 0; k < 2; k++) {
                sx_noise *n = NULL;
                OK(sx_noise_thermal(ctx, m[k], 0.3, &n));
                const sx_noise_ops *o = sx_noise_operations(n);
                const void *self = sx_noise_self(n);
                sx_work w = scratch(o->work(self, B), NULL);
                sx_batch out = { y[k], N, B };
                sx_cbatch at = view(x, N, B), U = view(u, N, B), V = view(v, N, B), Q = view(p, N, B);
                memset(y[k], 0, sizeof y[k]); /* a missing derivative vanishes */
                if (op == 0) o->B(self, 0, at, U, out, w);
                if (op == 1) o->Bt(self, 0, at, U, out, w);
                if (op == 2) o->Dinv(self, 0, at, U, out, NULL, w);
                if (op == 3 && o->div_D) o->div_D(self, 0, at, out, w);
                if (op == 4 && o->strat) o->strat(self, 0, at, out, w);
                if (op == 5 && o->covariant) o->covariant(self, 0, at, out, w);
                if (op == 6 && o->dB) o->dB(self, 0, at, U, V, out, w);
                if (op == 7 && o->grad_pDp) o->grad_pDp(self, 0, at, Q, out, w);
                if (op == 8 && o->d2D) o->d2D(self, 0, at, U, V, Q, out, w);
                absent[k] = op > 2 && !o->div_D;
                release(w);
                sx_noise_free(ctx, n);
            }
            assert_true(absent[0] == (op > 2 && phi == SX_HOPFIELD_LINEAR));
            close_to(activations[phi].name, COUNT, y[0], y[1], 1e-12, 1.0);
            sx_model_free(ctx, m[0]);
            sx_model_free(ctx, m[1]);
        }
    sx_coupling_free(ctx, a.w);
}

/* Patterns v and -v, |v| = 1, linear units: along v x' = -x + tanh(beta x); rest and rate of unified-dynamics.md, T9. Across: rate 1. */
static void pair_of_patterns(void **state) {
    sx_ctx *ctx = *state;
    static const double keys[4] = { 0.6, 0.8, -0.6, -0.8 },
                        want[2][3] = { { 2.0, .9575040241, .8336279122 }, { 1.2, .6585696604, .3204567971 } };
    for (int k = 0; k < 2; k++) {
        sx_dense_hopfield_opts o = dense_defaults();
        sx_model *m = NULL;
        o.n = 2;
        o.keys = (sx_values){ 4, keys };
        o.beta = want[k][0];
        o.phi = SX_HOPFIELD_LINEAR;
        OK(sx_dense_hopfield_create(ctx, &o, NULL, &m));
        const double along[2] = { 0.6, 0.8 }, across[2] = { -0.8, 0.6 }, *d[1] = { along };
        double x[2] = { 0.6 * want[k][1], 0.8 * want[k][1] }, y[2];
        apply_op(m, OP_F, 0, x, 1, NULL, 1, y, NULL);
        assert_true(fabs(y[0]) < 1e-10 && fabs(y[1]) < 1e-10);
        apply_op(m, OP_JVP, 0, x, 1, d, 1, y, NULL);
        assert_true(fabs(dot(2, y, along) + want[k][2]) < 1e-9 && fabs(dot(2, y, across)) < 1e-12);
        d[0] = across;
        apply_op(m, OP_JVP, 0, x, 1, d, 1, y, NULL);
        assert_true(fabs(dot(2, y, across) + 1) < 1e-12);
        sx_model_free(ctx, m);
    }
}

/* Where all patterns get the same attention, J = -1 + beta Cov: with patterns of mean zero that is the origin (unified-dynamics.md, T9:
 * lambda_min = 1 - beta lambda_max(Cov), first crossed at beta = 1/lambda_max). */
static void uniform_attention(void **state) {
    sx_ctx *ctx = *state;
    double keys[P * N], x[N] = { 0 }, y[N], u[N];
    fill("keys", -1, 1, P * N, keys);
    fill("u", -1, 1, N, u);
    for (int i = 0; i < N; i++) {
        double mean = 0;
        for (int k = 0; k < P; k++) mean += keys[k * N + i] / P;
        for (int k = 0; k < P; k++) keys[k * N + i] -= mean;
    }
    sx_dense_hopfield_opts o = dense_defaults();
    sx_model *m = NULL;
    o.n = N;
    o.keys = (sx_values){ P * N, keys };
    o.beta = 2.3;
    o.phi = SX_HOPFIELD_LINEAR;
    OK(sx_dense_hopfield_create(ctx, &o, NULL, &m));
    const double *d[1] = { u };
    apply_op(m, OP_F, 0, x, 1, NULL, 1, y, NULL);
    assert_true(largest(N, y) < 1e-15);
    apply_op(m, OP_JVP, 0, x, 1, d, 1, y, NULL);
    for (int i = 0; i < N; i++) {
        double want = -u[i];
        for (int k = 0; k < P; k++) want += 2.3 / P * keys[k * N + i] * dot(N, keys + (ptrdiff_t)k * N, u);
        assert_true(fabs(y[i] - want) < 1e-14);
    }
    sx_model_free(ctx, m);
}

/* Far from the origin F is finite: nothing of the form 0 times infinity; and the energy falls along the flow of symmetric weights. */
static void saturation_and_descent(void **state) {
    sx_ctx *ctx = *state;
    world a;
    make(ctx, &a);
    double far[N] = { 60, -60, 200, 400, -1e4 }, y[N];
    sx_model *m = hopfield(ctx, &a, SX_HOPFIELD_TANH, 30, a.w);
    apply_op(m, OP_F, 0, far, 1, NULL, 1, y, NULL);
    for (int i = 0; i < N; i++) {
        double s = a.I[i];
        for (int j = 0; j < N; j++) s += a.W[i * N + j] * (far[j] > 0 ? 1 : -1);
        assert_true(fabs(y[i] - (s - far[i]) / a.tau[i]) <= 1e-13 * fabs(y[i]));
    }
    sx_model_free(ctx, m);
    static const int degrees[] = { 0, 3 };
    for (int k = 0; k < 2; k++) {
        m = dense_hopfield(ctx, &a, SX_HOPFIELD_TANH, 2.5, degrees[k]);
        double x[COUNT], F[COUNT], before[COUNT], after[COUNT];
        fill("x", -1.5, 1.5, COUNT, x);
        for (int step = 0; step < 200; step++) {
            part(m, POTENTIAL, x, NULL, before);
            apply_op(m, OP_F, 0, x, B, NULL, B, F, NULL);
            for (int i = 0; i < COUNT; i++) x[i] += 0.01 * F[i];
            part(m, POTENTIAL, x, NULL, after);
            for (int r = 0; r < B; r++) assert_true(after[r] < before[r]);
        }
        sx_model_free(ctx, m);
    }
    sx_coupling_free(ctx, a.w);
}

static void exchange(void **state) {
    sx_ctx *ctx = *state;
    world a;
    make(ctx, &a);
    sx_coupling *w = dense(ctx, "other", N, 1.0);
    sx_model *m = hopfield(ctx, &a, SX_HOPFIELD_ERF, 1.2, a.w), *other = NULL, *third = NULL;
    assert_int_equal(sx_model_channels(m), N);
    OK(sx_model_with_weights(ctx, m, w, &other));
    sx_model *want = hopfield(ctx, &a, SX_HOPFIELD_ERF, 1.2, w);
    same("other weights", other, want);
    sx_model_free(ctx, want);
    double input[N] = { 0.1, -0.2, 0.3, 0, 1 }, old[N];
    OK(sx_model_with_input(ctx, m, N, input, &third));
    memcpy(old, a.I, sizeof old);
    memcpy(a.I, input, sizeof input);
    want = hopfield(ctx, &a, SX_HOPFIELD_ERF, 1.2, a.w);
    same("other input", third, want);
    memcpy(a.I, old, sizeof old);
    sx_model_free(ctx, want);
    sx_model_free(ctx, third);
    sx_model_free(ctx, other);
    sx_model_free(ctx, m);
    m = dense_hopfield(ctx, &a, SX_HOPFIELD_TANH, 1, 3);
    assert_int_equal(sx_model_with_weights(ctx, m, w, &other), SX_E_UNSUPPORTED);
    assert_non_null(strstr(sx_ctx_message(ctx), "patterns in the place of weights"));
    sx_ctx_clear(ctx);
    OK(sx_model_with_input(ctx, m, N, input, &third));
    sx_model_free(ctx, third);
    sx_model_free(ctx, m);
    /* no coupling: weights are still to be learned */
    m = hopfield(ctx, &a, SX_HOPFIELD_TANH, 1, NULL);
    double x[N] = { 1, 2, 3, 4, 5 }, y[N];
    apply_op(m, OP_F, 0, x, 1, NULL, 1, y, NULL);
    for (int i = 0; i < N; i++) assert_true(fabs(y[i] - (a.I[i] - x[i]) / a.tau[i]) < 1e-14);
    sx_model_free(ctx, m);
    sx_coupling_free(ctx, w);
    sx_coupling_free(ctx, a.w);
}

/* x -> -x only where F is odd. */
static void symmetry(void **state) {
    sx_ctx *ctx = *state;
    world a;
    make(ctx, &a);
    for (int zero = 0; zero < 2; zero++) {
        if (zero) memset(a.I, 0, sizeof a.I);
        for (int phi = 0; phi < 4; phi++)
            for (int degree = -1; degree < 5; degree++) {
                if (degree == 1 || (phi == SX_HOPFIELD_LINEAR && degree > 2)) continue;
                sx_model *m = degree < 0 ? hopfield(ctx, &a, phi, a.g, a.w) : dense_hopfield(ctx, &a, phi, a.g, degree);
                double x[N] = { 0.3, -0.5, 0.2, 0.9, -1.1 }, minus[N], y[N], z[N];
                int has =
                    sx_model_operations(m)->symmetry(sx_model_self(m), 0, view(x, N, 1), (sx_batch){ minus, N, 1 });
                for (int i = 0; i < N; i++) minus[i] = -x[i];
                apply_op(m, OP_F, 0, x, 1, NULL, 1, y, NULL);
                apply_op(m, OP_F, 0, minus, 1, NULL, 1, z, NULL);
                double off = 0;
                for (int i = 0; i < N; i++) off = fmax(off, fabs(y[i] + z[i]));
                assert_int_equal(has, off < 1e-12);
                sx_model_free(ctx, m);
            }
    }
    sx_coupling_free(ctx, a.w);
}

static void refused(sx_ctx *ctx, sx_status status, const char *words) {
    assert_int_equal(status, SX_E_USAGE);
    if (!strstr(sx_ctx_message(ctx), words)) {
        print_error("%s: want \"%s\"\n", sx_ctx_message(ctx), words);
        fail();
    }
    sx_ctx_clear(ctx);
}

static void refusals(void **state) {
    sx_ctx *ctx = *state;
    world a;
    make(ctx, &a);
    sx_model *m = NULL;
    sx_hopfield_opts h = SX_HOPFIELD_OPTS;
    sx_fields_default(sx_hopfield_fields, &h);
    h.struct_size = sizeof h;
    refused(ctx, sx_hopfield_create(ctx, &h, NULL, NULL, &m), "model.n is missing");
    h.n = 4;
    refused(ctx, sx_hopfield_create(ctx, &h, a.w, NULL, &m), "model.n = 4, but the coupling has 5 units");
    h.n = 0;
    h.gain = 0;
    refused(ctx, sx_hopfield_create(ctx, &h, a.w, NULL, &m), "model.gain = 0: want a value in (0, inf)");
    h.gain = 1;
    double tau[N] = { 1, 1, -1, 1, 1 };
    h.tau = (sx_values){ N, tau };
    refused(ctx, sx_hopfield_create(ctx, &h, a.w, NULL, &m), "model.tau");
    h.tau = (sx_values){ 3, a.tau };
    refused(ctx, sx_hopfield_create(ctx, &h, a.w, NULL, &m), "3");

    sx_dense_hopfield_opts o = dense_defaults();
    refused(ctx, sx_dense_hopfield_create(ctx, &o, NULL, &m), "none was given");
    o.keys = (sx_values){ P * N, a.K };
    refused(ctx, sx_dense_hopfield_create(ctx, &o, NULL, &m), "model.n is missing");
    o.n = 3;
    refused(ctx, sx_dense_hopfield_create(ctx, &o, NULL, &m), "20 numbers: want patterns of n = 3 each");
    o.n = N;
    o.degree = 1;
    refused(ctx, sx_dense_hopfield_create(ctx, &o, NULL, &m), "model.degree = 1: want");
    o.degree = 3;
    o.beta = -1;
    refused(ctx, sx_dense_hopfield_create(ctx, &o, NULL, &m), "model.beta = -1: want");
    o.beta = 1;
    o.energy = SX_DENSE_POLYNOMIAL;
    o.phi = SX_HOPFIELD_LINEAR;
    refused(ctx, sx_dense_hopfield_create(ctx, &o, NULL, &m), "no lower bound");
    o.phi = SX_HOPFIELD_TANH;
    o.data = (sx_data){ .name = "p", .rows = 1, .columns = N, .x = a.K };
    refused(ctx, sx_dense_hopfield_create(ctx, &o, NULL, &m), "both were given");
    o.keys = (sx_values){ 0, NULL };
    a.K[3] = (double)NAN;
    refused(ctx, sx_dense_hopfield_create(ctx, &o, NULL, &m), "pattern 0 has nan");
    o.n = 4;
    refused(ctx, sx_dense_hopfield_create(ctx, &o, NULL, &m), "model.n = 4, but a row of [data.p] has 5 numbers");
    sx_coupling_free(ctx, a.w);
}

/* From an experiment: patterns by name, weights learned, thermal noise; and what the file may not say. */
static void experiments(void **state) {
    sx_ctx *ctx = *state;
#define DATA "[data.patterns]\nvalues = [[1, 1, 1, 1, -1, -1, -1, -1], [1, 1, -1, -1, 1, 1, -1, -1]]\n"
#define LEARN                                                                                                          \
    "[[task]]\nname = \"train\"\ndo = \"learn\"\nrule = \"hebb\"\ndata = \"patterns\"\nrate = 1.0\nepochs = 1\n"
    static const char text[] = DATA
        "[model]\nkind = \"hopfield\"\nn = 8\ngain = 2.0\n" LEARN
        "[[task]]\nname = \"run\"\ndo = \"simulate\"\nmodel = { task = \"train\" }\ninitial = { data = \"patterns\", "
        "flip = 0.125 }\nreplicas = 2\nduration = 40.0\ndt = 0.05\nmethod = \"rk4\"\n";
    sx_experiment *e = NULL;
    sx_result *r = NULL;
    double x[16];
    OK(sx_experiment_parse(ctx, "hopfield.toml", ".", text, strlen(text), NULL, 0, &e));
    OK(sx_experiment_result(ctx, e, &r));
    OK(sx_result_read(ctx, r, sx_result_find(r, "run", "x_final"), NULL, NULL, x));
    /* orthogonal patterns: x = y xi, y = tanh(2 y), whose root is that of T9 */
    static const int xi[2][8] = { { 1, 1, 1, 1, -1, -1, -1, -1 }, { 1, 1, -1, -1, 1, 1, -1, -1 } };
    for (int i = 0; i < 16; i++) assert_true(fabs(x[i] - .9575040241 * xi[i / 8][i % 8]) < 1e-9);
    sx_result_free(ctx, r);
    sx_experiment_free(ctx, e);

    /* two rules, one after the other: the order of presentation adds an antisymmetric part to Hebb's weights, a flow */
    static const char order[] =
        DATA "[model]\nkind = \"hopfield\"\nn = 8\n" LEARN
             "[[task]]\nname = \"order\"\ndo = \"learn\"\nmodel = { task = \"train\" }\nstart = "
             "\"model\"\nrule = \"antisymmetric\"\norder = \"sequential\"\ndata = "
             "\"patterns\"\nrate = 0.1\nepochs = 2\n";
    double hebb[64], both[64];
    OK(sx_experiment_parse(ctx, "order.toml", ".", order, strlen(order), NULL, 0, &e));
    OK(sx_experiment_result(ctx, e, &r));
    OK(sx_result_read(ctx, r, sx_result_find(r, "train", "weights"), NULL, NULL, hebb));
    OK(sx_result_read(ctx, r, sx_result_find(r, "order", "weights"), NULL, NULL, both));
    for (int i = 0; i < 64; i++) {
        int a = i / 8, b = i % 8;
        double want = hebb[i] + 0.1 * (xi[1][a] * xi[0][b] - xi[0][a] * xi[1][b]);
        assert_true(fabs(hebb[i] - (xi[0][a] * xi[0][b] + xi[1][a] * xi[1][b]) / 8.0) < 1e-15);
        assert_true(fabs(both[i] - want) < 1e-14);
    }
    sx_result_free(ctx, r);
    sx_experiment_free(ctx, e);

    static const struct {
        const char *text, *words;
    } wrong[] = {
        { DATA "[model]\nkind = \"dense-hopfield\"\ndata = \"patern\"\n[[task]]\ndo = \"simulate\"\nduration = 1.0\n",
          "did you mean 'patterns'" },
        { DATA
          "[model]\nkind = \"dense-hopfield\"\ndata = \"patterns\"\ncoupling = { ensemble = \"gaussian\", n = 8, g "
          "= 1.0 }\n[[task]]\ndo = \"simulate\"\nduration = 1.0\n",
          "have no coupling" },
        { DATA
          "[model]\nkind = \"hopfield\"\ncoupling = { type = \"diffusive\", ensemble = \"gaussian\", n = 8, g = 1.0 "
          "}\n[[task]]\ndo = \"simulate\"\nduration = 1.0\n",
          "no diffusive coupling" },
        { DATA "[model]\nkind = \"dense-hopfield\"\ndata = \"patterns\"\nphi = \"relu\"\n[[task]]\ndo = "
               "\"simulate\"\nduration = 1.0\n",
          "tanh, erf, logistic, linear" },
        { DATA "[model]\nkind = \"hopfield\"\nn = 9\n[[task]]\ndo = \"simulate\"\nduration = 1.0\ninitial = { data = "
               "\"patterns\" }\n",
          "has 8 numbers, but the state has 9" },
        { DATA "[model]\nkind = \"hopfield\"\nn = 8\n[[task]]\ndo = \"simulate\"\nduration = 1.0\ninitial = { data = "
               "\"patterns\", flip = 2.0 }\n",
          "flip = 2" },
    };
    for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
        e = NULL;
        r = NULL;
        sx_status s = sx_experiment_parse(ctx, "wrong.toml", ".", wrong[k].text, strlen(wrong[k].text), NULL, 0, &e);
        if (s >= 0) s = sx_experiment_result(ctx, e, &r);
        if (s >= 0 || !strstr(sx_ctx_message(ctx), wrong[k].words)) {
            print_error("%d: %s: want \"%s\"\n", (int)k, sx_ctx_message(ctx), wrong[k].words);
            fail();
        }
        sx_ctx_clear(ctx);
        sx_result_free(ctx, r);
        sx_experiment_free(ctx, e);
    }
}

/* round(flip n) signs of each row are changed, at other places in other rows. */
static void flips(void **state) {
    sx_ctx *ctx = *state;
    static const char text[] =
        "[data.ones]\nvalues = [[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1], [2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2]]\n"
        "[model]\nkind = \"hopfield\"\nn = 20\n[[task]]\nname = \"run\"\ndo = \"simulate\"\ninitial = { data = "
        "\"ones\", "
        "flip = 0.3 }\nreplicas = 2\nduration = 1e-9\ndt = 1e-9\nmethod = \"rk4\"\npilot = false\n";
    sx_experiment *e = NULL;
    sx_result *r = NULL;
    double x[40], sum[2] = { 0, 0 }, differ = 0;
    OK(sx_experiment_parse(ctx, "flips.toml", ".", text, strlen(text), NULL, 0, &e));
    OK(sx_experiment_result(ctx, e, &r));
    OK(sx_result_read(ctx, r, sx_result_find(r, "run", "x_final"), NULL, NULL, x));
    for (int i = 0; i < 40; i++) {
        assert_true(fabs(fabs(x[i]) - (i < 20 ? 1 : 2)) < 1e-6);
        sum[i / 20] += x[i] / (i < 20 ? 1 : 2);
    }
    for (int i = 0; i < 20; i++) differ += (x[i] < 0) != (x[20 + i] < 0);
    assert_true(fabs(sum[0] - 8) < 1e-5 && fabs(sum[1] - 8) < 1e-5 && differ > 0);
    sx_result_free(ctx, r);
    sx_experiment_free(ctx, e);
}

static int setup(void **state) {
    *state = sx_ctx_create(NULL);
    return *state == NULL;
}
static int teardown(void **state) {
    size_t left = sx_ctx_bytes(*state);
    sx_ctx_free(*state);
    return left != 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(native_is_its_parts, setup, teardown),
        cmocka_unit_test_setup_teardown(native_is_composed, setup, teardown),
        cmocka_unit_test_setup_teardown(degree_two_is_hebb, setup, teardown),
        cmocka_unit_test_setup_teardown(derivatives, setup, teardown),
        cmocka_unit_test_setup_teardown(large, setup, teardown),
        cmocka_unit_test_setup_teardown(thermal, setup, teardown),
        cmocka_unit_test_setup_teardown(pair_of_patterns, setup, teardown),
        cmocka_unit_test_setup_teardown(uniform_attention, setup, teardown),
        cmocka_unit_test_setup_teardown(saturation_and_descent, setup, teardown),
        cmocka_unit_test_setup_teardown(exchange, setup, teardown),
        cmocka_unit_test_setup_teardown(symmetry, setup, teardown),
        cmocka_unit_test_setup_teardown(refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(experiments, setup, teardown),
        cmocka_unit_test_setup_teardown(flips, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
