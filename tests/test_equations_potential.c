// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Potential, metric and flow as text: the gradient against a second evaluator in complex numbers, every derivative against lower orders,
 * F against its parts, text models against the built-in composed ones to 1e-12, thermal noise against them and against differences of
 * D, the normal form, and texts that are wrong. */
#include "equations_world.h"
#include "failing_host.h"

#include <separatrix/noise.h>

#define LENGTH(a) (int)(sizeof(a) / sizeof *(a))

enum { N = 5, B = 8, COUNT_MAX = 16 * B };

/* -- a description ------------------------------------------------------------------------------------------------------------- */

typedef struct setting {
    double g, beta, tau[N], W[N * N], keys[4 * N];
    sx_equations_index indices[3];
    sx_equations_state states[3];
    sx_equations_parameter parameters[6];
    sx_equations_text definitions[2], metric[3], flow[3];
    sx_equations_desc d;
} setting;

static const double pi_values[N] = { 0.3, -0.2, 0.5, -0.1, 0.2 };

/* x over i, y over i, u; `arrays` of them */
static void make(setting *w, int arrays, const char *potential) {
    memset(w, 0, sizeof *w);
    w->g = 0.6;
    w->beta = 1.5;
    fill("tau", 0.5, 2.0, N, w->tau);
    fill("W", -0.8, 0.8, N * N, w->W);
    fill("keys", -1.0, 1.0, 4 * N, w->keys);
    w->indices[0] = (sx_equations_index){ "i", N, NULL };
    w->indices[1] = (sx_equations_index){ "j", 0, "i" };
    w->indices[2] = (sx_equations_index){ "m", 4, NULL };
    w->states[0] = (sx_equations_state){ "x", "i", NULL };
    w->states[1] = (sx_equations_state){ "y", "i", NULL };
    w->states[2] = (sx_equations_state){ "u", NULL, NULL };
    w->parameters[0] = (sx_equations_parameter){ "g", NULL, { 1, &w->g }, NULL };
    w->parameters[1] = (sx_equations_parameter){ "tau", "i", { N, w->tau }, NULL };
    w->parameters[2] = (sx_equations_parameter){ "W", "i,j", { N * N, w->W }, NULL };
    w->parameters[3] = (sx_equations_parameter){ "K", "m,i", { 4 * N, w->keys }, NULL };
    w->parameters[4] = (sx_equations_parameter){ "beta", NULL, { 1, &w->beta }, NULL };
    w->parameters[5] = (sx_equations_parameter){ "I", "i", { N, pi_values }, NULL };
    w->d = (sx_equations_desc){ .struct_size = sizeof w->d,
                                .n_indices = 3,
                                .indices = w->indices,
                                .n_states = arrays,
                                .states = w->states,
                                .n_parameters = 6,
                                .parameters = w->parameters,
                                .definitions = w->definitions,
                                .potential = potential,
                                .metric = w->metric,
                                .flow = w->flow };
}
static void add_metric(setting *w, const char *left, const char *text) {
    w->metric[w->d.n_metric++] = (sx_equations_text){ left, text };
}
static void add_flow(setting *w, const char *left, const char *text) {
    w->flow[w->d.n_flow++] = (sx_equations_text){ left, text };
}
static sx_model *create(sx_ctx *ctx, const sx_equations_desc *d) {
    sx_model *m = NULL;
    sx_equations_fault fault;
    if (sx_equations_create(ctx, d, &fault, &m) < 0) {
        print_error("%s\n%s\n%s\n", d->potential, sx_ctx_message(ctx), sx_ctx_trace(ctx));
        fail();
    }
    return m;
}

/* -- the parts of a model ------------------------------------------------------------------------------------------------------ */

enum { POTENTIAL, GRADIENT, METRIC, INVERSE, REENTRANT };
static void part(const sx_model *m, int which, const double *x, int64_t xb, const double *v, int64_t b, double *out) {
    const sx_model_ops *o = sx_model_operations(m);
    const void *self = sx_model_self(m);
    static const sx_op op[] = { SX_OP_POTENTIAL, SX_OP_GRADIENT, SX_OP_METRIC, SX_OP_METRIC, SX_OP_REENTRANT };
    int64_t n = sx_model_n(m);
    sx_work w = scratch(o->work(self, op[which], b), NULL);
    sx_batch y = { out, n, b };
    sx_cbatch at = view(x, n, xb);
    if (which == POTENTIAL)
        o->potential(self, 0.3, at, out, w);
    else if (which == GRADIENT)
        o->gradient(self, 0.3, at, y, w);
    else if (which == REENTRANT)
        o->reentrant(self, 0.3, at, y, w);
    else
        o->metric(self, which == INVERSE, at, view(v, n, b), y, w);
    release(w);
}

typedef struct at_part {
    const sx_model *m;
    int64_t b;
} at_part;
static void potential_of(void *arg, const double *x, double *out) {
    const at_part *a = arg;
    part(a->m, POTENTIAL, x, a->b, NULL, a->b, out);
}

/* F = -M grad Phi + R, G M v = v, grad Phi . u = d Phi along u, and all of check_model. */
static void check_parts(sx_ctx *ctx, const char *name, const sx_model *m, double radius) {
    int64_t n = sx_model_n(m), count = n * B;
    double x[COUNT_MAX], u[COUNT_MAX], F[COUNT_MAX], grad[COUNT_MAX], force[COUNT_MAX], R[COUNT_MAX], back[COUNT_MAX];
    double along[B], want[B];
    fill("x", -radius, radius, count, x);
    fill("u", -1, 1, count, u);
    apply_op(m, OP_F, 0.3, x, B, NULL, B, F, NULL);
    part(m, GRADIENT, x, B, NULL, B, grad);
    part(m, INVERSE, x, B, grad, B, force);
    part(m, REENTRANT, x, B, NULL, B, R);
    for (int64_t i = 0; i < count; ++i) force[i] = R[i] - force[i];
    close_to(name, count, F, force, 1e-13, 1e-3);
    part(m, INVERSE, x, B, u, B, force);
    part(m, METRIC, x, B, force, B, back);
    close_to(name, count, back, u, 1e-13, 1e-3);
    for (int64_t r = 0; r < B; ++r) {
        want[r] = 0.0;
        for (int64_t i = 0; i < n; ++i) want[r] += grad[i * B + r] * u[i * B + r];
    }
    at_part a = { m, B };
    richardson(potential_of, &a, count, x, u, B, 0.05, along);
    close_to(name, B, along, want, 1e-9, 1e-2);
    check_model(ctx, name, m, 0.3, radius, 0.04);
}

static void test_derivatives(void **state) {
    (void)state;
    static const struct {
        const char *potential, *metric, *metric_y, *flow, *flow_u;
    } cases[] = {
        { "sum(i, x[i]^4/4 - x[i]^2/2) + u^2/2", NULL, NULL, NULL, NULL },
        { "sum(i, x[i]^4/4 - x[i]^2/2) - 0.5*sum(i, sum(j, W[i,j]*x[i]*x[j])) + u^2*x[1]/2 + sum(i, y[i]^2*x[i])",
          "1/(1+x[i]^2)", "tau[i]*(1 + x[i]^2*u^2)", "0.3*sum(j, W[i,j]*tanh(y[j]))", "-x[2] + t" },
        { "sum(i, sum(j, tanh(x[i]*y[j])*W[i,j])) + cosh(u)", "exp(x[i]/2)", NULL, "y[i+1] - y[i-1]", NULL },
        { "sum(i, (x[i+1] - x[i])^2)/2 + sum(i, y[i]*y[i-2])*u + sum(i, tau[i]*y[i]^2)", "2 + sin(x[i+1])", NULL, NULL,
          "x[0]*x[1]" },
        { "log(sum(m, exp(beta*sum(i, K[m,i]*x[i])))) + sum(i, cos(y[i] - y[i+1])) + u^4", "1 + sum(j, x[j]^2)", "2",
          NULL, NULL },
        { "sum(i, sum(j, W[i,j]*cos(x[j] - x[i]))) + sum(i, exp(y[i]))*tanh(u)", NULL, "1 + y[i]^4", NULL, "u" },
        { "sum(i, sum(j, exp(-(i-j)^2/4)*sqrt(1 + (x[i]-x[j])^2))) + x[3]*u + sum(i, erf(y[i]*x[i]))", "1.5", NULL,
          "t*x[i]", NULL },
        { "sum(i, sum(j, x[i]*y[i-j]*tau[j]*tanh(x[i+j]))) + atan(u)", "1/(2 + cos(x[i] - y[i]))", NULL, NULL, NULL },
        { "sum(i, if(x[i] > 2, sqrt(x[i]-2), x[i]^3)) + sum(i, max(y[i], -3)^2) + abs(u - 5)", "if(u > 3, u, 1)", NULL,
          NULL, NULL },
    };
    sx_ctx *ctx = sx_ctx_create(NULL);
    for (int k = 0; k < LENGTH(cases); ++k) {
        for (int boundary = 0; boundary < 3; ++boundary) {
            setting w;
            char name[64];
            (void)snprintf(name, sizeof name, "potential %d, boundary %d", k, boundary);
            make(&w, 3, cases[k].potential);
            w.d.boundary = boundary;
            if (cases[k].metric) add_metric(&w, "x", cases[k].metric);
            if (cases[k].metric_y) add_metric(&w, "y[i]", cases[k].metric_y);
            if (cases[k].flow) add_flow(&w, "x", cases[k].flow);
            if (cases[k].flow_u) add_flow(&w, "u", cases[k].flow_u);
            sx_model *m = create(ctx, &w.d);
            check_parts(ctx, name, m, 0.8);
            sx_model_free(ctx, m);
        }
    }
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* G = g_r n n^T + g_t (1 - n n^T) written out element by element; the origin, where there is no n. */
static void test_radial(void **state) {
    (void)state;
    static const char *const functions[][2] = { { "1 + r^2", "2" },
                                                { "0.5", "1/(1 + r^4)" },
                                                { "exp(-r^2)", "1 + r" } };
    sx_ctx *ctx = sx_ctx_create(NULL);
    for (int k = 0; k < LENGTH(functions); ++k) {
        setting w;
        make(&w, 3, "sum(i, x[i]^4/4 - x[i]^2/2 + y[i]^2*u^2/3 + x[i]*y[i])");
        add_metric(&w, "tangential", functions[k][1]);
        add_metric(&w, "radial", functions[k][0]);
        add_flow(&w, "y", "x[i]");
        sx_model *m = create(ctx, &w.d);
        check_parts(ctx, "radial", m, 0.8);
        int64_t n = sx_model_n(m);
        double x[2 * N + 1], v[2 * N + 1], Gv[2 * N + 1], want[2 * N + 1], s = 0, xv = 0;
        fill("point", -0.7, 0.7, n, x);
        fill("vector", -1, 1, n, v);
        for (int64_t i = 0; i < n; ++i) {
            s += x[i] * x[i];
            xv += x[i] * v[i];
        }
        double r = sqrt(s), radial[] = { 1 + s, 0.5, exp(-s) }, tangential[] = { 2, 1 / (1 + s * s), 1 + r };
        for (int64_t i = 0; i < n; ++i) want[i] = tangential[k] * v[i] + (radial[k] - tangential[k]) * x[i] * xv / s;
        part(m, METRIC, x, 1, v, 1, Gv);
        close_to("radial metric", n, Gv, want, 1e-14, 0.0);
        /* at the origin G = g_t(0), and F is finite with its derivatives if r enters through r^2 */
        double zero[2 * N + 1] = { 0 }, at0[] = { 2, 1, 1 }, f[2 * N + 1];
        part(m, METRIC, zero, 1, v, 1, Gv);
        for (int64_t i = 0; i < n; ++i) assert_true(fabs(Gv[i] - at0[k] * v[i]) <= 1e-15);
        const double *d[3] = { v, v, v };
        for (int op = OP_F; op <= OP_TVVV && k < 2; ++op) {
            apply_op(m, op, 0.3, zero, 1, d, 1, f, NULL);
            for (int64_t i = 0; i < n; ++i) assert_true(isfinite(f[i]));
        }
        sx_model_free(ctx, m);
    }
    /* one text that uses r: G = g(r) 1 */
    setting w;
    make(&w, 2, "sum(i, x[i]^2 + y[i]^4)");
    add_metric(&w, "", "1 + r^2");
    sx_model *m = create(ctx, &w.d);
    check_parts(ctx, "isotropic", m, 0.8);
    sx_model_free(ctx, m);
    /* an r of the model's own is that r */
    make(&w, 1, "sum(i, x[i]^2)");
    w.parameters[0].name = "r";
    add_metric(&w, "", "1 + r^2");
    m = create(ctx, &w.d);
    double one[N] = { 1, 1, 1, 1, 1 }, out[N];
    part(m, METRIC, one, 1, one, 1, out);
    assert_true(out[0] == 1 + 0.6 * 0.6);
    sx_model_free(ctx, m);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* With the names that random expressions use: S sparse, r[i] and K[i,j] defined. */
static void make_random(setting *w, double S[N * N], const char *potential) {
    make(w, 3, potential);
    for (int i = 0; i < N * N; ++i) S[i] = (i * 7) % 4 ? 0.0 : w->W[(i * 3) % (N * N)];
    w->parameters[3] = (sx_equations_parameter){ "S", "i,j", { N * N, S }, NULL };
    w->definitions[0] = (sx_equations_text){ "r[i]", "tanh(g*x[i])" };
    w->definitions[1] = (sx_equations_text){ "K[i,j]", "exp(-(i-j)^2/8)*cos(x[j]-y[i])" };
    w->d.n_definitions = 2;
}

/* Gradients of 200 random potentials against the second evaluator: Phi is the equation of the number u, its derivative along v is
 * grad Phi . v. Squire and Trapp (1998): exact to rounding. */
static void test_random(void **state) {
    (void)state;
    sx_ctx *ctx = sx_ctx_create(NULL);
    int64_t n = 2 * N + 1;
    for (uint64_t seed = 1; seed <= 200; ++seed) {
        writer text = { .seed = seed + 500000, .smooth = seed % 3 != 0 };
        double S[N * N] = { 0 }, x[2 * N + 1], v[2 * N + 1], F[2 * N + 1], along[2 * N + 1], grad[2 * N + 1], phi;
        put(&text, "u^2/4 + u*(");
        write_expression(&text, 4, 0);
        put(&text, ")");
        setting w;
        make_random(&w, S, NULL);
        sx_equations_text lines[] = { { "x", "0" }, { "y", "0" }, { "u", text.text } };
        sx_equations_desc plain = w.d;
        plain.n_equations = 3;
        plain.equations = lines;
        fill("x", -0.8, 0.8, n, x);
        fill("v", -1, 1, n, v);
        world_F(ctx, &plain, 0.3, x, v, n, F, along);
        w.d.potential = text.text;
        sx_model *m = create(ctx, &w.d);
        part(m, POTENTIAL, x, 1, NULL, 1, &phi);
        part(m, GRADIENT, x, 1, NULL, 1, grad);
        double got = dot(n, grad, v), size = 0.1;
        for (int64_t i = 0; i < n; ++i) size += fabs(grad[i] * v[i]);
        if (!(fabs(phi - F[n - 1]) <= 1e-12 * (0.1 + fabs(phi)) && fabs(got - along[n - 1]) <= 1e-12 * size)) {
            print_error("seed %d: Phi %.17g, want %.17g; grad Phi.v %.17g, want %.17g\nPhi = %s\n", (int)seed, phi,
                        F[n - 1], got, along[n - 1], text.text);
            fail();
        }
        if (seed % 3 && seed % 4 == 0) check_parts(ctx, text.text, m, 0.5);
        sx_model_free(ctx, m);
    }
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* -- against the built-in composed model ----------------------------------------------------------------------------------------- */

static sx_noise *thermal(sx_ctx *ctx, const sx_model *m) {
    sx_noise *out = NULL;
    if (sx_noise_thermal(ctx, m, 0.4, &out) < 0) {
        print_error("%s\n", sx_ctx_message(ctx));
        fail();
    }
    return out;
}

enum { NB, NBT, NDINV, NDIV, NSTRAT, NCOVARIANT, NDB, NGRAD, ND2D, NOISE_OPERATIONS };
static void call_noise(const sx_noise *noise, int64_t n, int op, const double *x, int64_t xb, const double *const *d,
                       double *out) {
    const sx_noise_ops *o = sx_noise_operations(noise);
    const void *self = sx_noise_self(noise);
    sx_work w = scratch(o->work(self, B), NULL);
    sx_cbatch at = view(x, n, xb), u = view(d[0], n, B), v = view(d[1], n, B), p = view(d[2], n, B);
    sx_batch y = { out, n, B };
    double residual[B];
    void (*const simple[])(const void *, double, sx_cbatch, sx_batch, sx_work) = { o->div_D, o->strat, o->covariant };
    switch (op) {
    case NB:
        o->B(self, 0.0, at, u, y, w);
        break;
    case NBT:
        o->Bt(self, 0.0, at, u, y, w);
        break;
    case NDINV:
        o->Dinv(self, 0.0, at, u, y, residual, w);
        for (int r = 0; r < B; ++r) assert_true(residual[r] == 0.0);
        break;
    case NDIV:
    case NSTRAT:
    case NCOVARIANT:
        simple[op - NDIV](self, 0.0, at, y, w);
        break;
    case NDB:
        o->dB(self, 0.0, at, u, v, y, w);
        break;
    case NGRAD:
        o->grad_pDp(self, 0.0, at, p, y, w);
        break;
    default:
        o->d2D(self, 0.0, at, u, v, p, y, w);
    }
    release(w);
}

static void same_model(sx_ctx *ctx, const char *name, const sx_model *text, const sx_model *native) {
    int64_t n = sx_model_n(text), count = n * B;
    double x[COUNT_MAX], u[COUNT_MAX], v[COUNT_MAX], z[COUNT_MAX], a[COUNT_MAX], c[COUNT_MAX];
    const double *d[3] = { u, v, z };
    assert_int_equal(n, sx_model_n(native));
    fill("x", -0.9, 0.9, count, x);
    fill("u", -1, 1, count, u);
    fill("v", -1, 1, count, v);
    fill("z", -1, 1, count, z);
    for (int op = OP_F; op <= OP_TVVV; ++op) {
        apply_op(text, op, 0.0, x, B, d, B, a, NULL);
        apply_op(native, op, 0.0, x, B, d, B, c, NULL);
        close_to(name, count, a, c, 1e-12, 0.1);
    }
    for (int k = POTENTIAL; k <= REENTRANT; ++k) {
        part(text, k, x, B, u, B, a);
        part(native, k, x, B, u, B, c);
        close_to(name, k == POTENTIAL ? B : count, a, c, 1e-12, 0.1);
    }
    double div[2][B];
    for (int k = 0; k < 2; ++k) {
        const sx_model *m = k ? native : text;
        sx_work w = scratch(sx_model_operations(m)->work(sx_model_self(m), SX_OP_DIVERGENCE, B), NULL);
        sx_model_operations(m)->divergence(sx_model_self(m), 0.0, view(x, n, B), div[k], w);
        release(w);
    }
    close_to(name, B, div[0], div[1], 1e-12, 0.1);
    sx_noise *mine = thermal(ctx, text), *theirs = thermal(ctx, native);
    assert_int_equal(sx_noise_class_of(mine), sx_noise_class_of(theirs));
    for (int op = 0; op < NOISE_OPERATIONS; ++op) {
        sx_noise_class cls = sx_noise_class_of(mine);
        bool constant = cls == SX_NOISE_ADDITIVE_DIAGONAL;
        if (constant && op > NDINV) continue;
        call_noise(mine, n, op, x, B, d, a);
        call_noise(theirs, n, op, x, B, d, c);
        close_to(name, count, a, c, 1e-12, 0.1);
    }
    sx_noise_free(ctx, mine);
    sx_noise_free(ctx, theirs);
}

static void test_native(void **state) {
    (void)state;
    static const struct {
        const char *name, *potential, *metric, *tangential, *flow;
        int p, g, f;
    } cases[] = {
        { "quartic", "sum(i, -0.8*x[i]^2/2 + 0.3*x[i]^3/3 + g*x[i]^4/4)", NULL, NULL, NULL, SX_POTENTIAL_QUARTIC,
          SX_METRIC_IDENTITY, SX_FLOW_NONE },
        { "quartic, lorentzian", "sum(i, -0.8*x[i]^2/2 + 0.3*x[i]^3/3 + g*x[i]^4/4)", "1/(1+x[i]^2)", NULL,
          "0.35*sum(j, (W[i,j] - W[j,i])*x[j])", SX_POTENTIAL_QUARTIC, SX_METRIC_LORENTZIAN, SX_FLOW_ANTISYMMETRIC },
        { "radial, radial-tangential", "-0.8*sum(i, x[i]^2)/2 + g*sum(i, x[i]^2)^2/4", "1/0.6", "1/1.7", NULL,
          SX_POTENTIAL_RADIAL, SX_METRIC_RADIAL_TANGENTIAL, SX_FLOW_NONE },
        { "hopfield, diagonal", "-sum(i, sum(j, W[i,j]*s[i]*s[j]))/2 + sum(i, x[i]*s[i] - log(cosh(x[i])) - I[i]*s[i])",
          "tau[i]", NULL, NULL, SX_POTENTIAL_HOPFIELD, SX_METRIC_DIAGONAL, SX_FLOW_NONE },
        { "hopfield, activation",
          "-sum(i, sum(j, W[i,j]*s[i]*s[j]))/2 + sum(i, x[i]*s[i] - log(cosh(x[i])) - I[i]*s[i])",
          "tau[i]/cosh(x[i])^2", NULL, NULL, SX_POTENTIAL_HOPFIELD, SX_METRIC_ACTIVATION, SX_FLOW_NONE },
        { "log-sum-exp", "sum(i, x[i]^2)/2 - log(sum(m, exp(beta*sum(i, K[m,i]*x[i]))))/beta", NULL, NULL, NULL,
          SX_POTENTIAL_LOGSUMEXP, SX_METRIC_IDENTITY, SX_FLOW_NONE },
        { "log-sum-exp, lorentzian", "sum(i, x[i]^2)/2 - log(sum(m, exp(beta*sum(i, K[m,i]*x[i]))))/beta",
          "1/(1+x[i]^2)", NULL, NULL, SX_POTENTIAL_LOGSUMEXP, SX_METRIC_LORENTZIAN, SX_FLOW_NONE },
    };
    sx_ctx *ctx = sx_ctx_create(NULL);
    for (int k = 0; k < LENGTH(cases); ++k) {
        setting w;
        make(&w, 1, cases[k].potential);
        w.definitions[0] = (sx_equations_text){ "s[i]", "tanh(x[i])" };
        w.d.n_definitions = 1;
        if (cases[k].metric) add_metric(&w, cases[k].tangential ? "radial" : "", cases[k].metric);
        if (cases[k].tangential) add_metric(&w, "tangential", cases[k].tangential);
        if (cases[k].flow) add_flow(&w, "x", cases[k].flow);
        sx_model *text = create(ctx, &w.d), *native = NULL;
        sx_coupling *W = NULL;
        static const double a = -0.8;
        OK(sx_coupling_dense(ctx, N, N, w.W, &W));
        sx_composed_opts o = { .struct_size = sizeof o };
        sx_fields_default(sx_composed_fields, &o);
        o.struct_size = sizeof o;
        o.n = N;
        o.potential = cases[k].p;
        o.metric = cases[k].g;
        o.flow = cases[k].f;
        o.omega = 0.7;
        o.g = w.g;
        o.beta = w.beta;
        if (o.potential == SX_POTENTIAL_QUARTIC) o.b = 0.3;
        if (o.potential == SX_POTENTIAL_QUARTIC || o.potential == SX_POTENTIAL_RADIAL) o.a = (sx_values){ 1, &a };
        if (o.potential == SX_POTENTIAL_LOGSUMEXP) o.keys = (sx_values){ 4 * N, w.keys };
        if (o.potential == SX_POTENTIAL_HOPFIELD) o.input = (sx_values){ N, pi_values };
        if (o.metric == SX_METRIC_DIAGONAL) o.metric_values = (sx_values){ N, w.tau };
        if (o.metric == SX_METRIC_ACTIVATION) o.tau = (sx_values){ N, w.tau };
        if (o.metric == SX_METRIC_RADIAL_TANGENTIAL) {
            o.mu_r = 0.6;
            o.mu_t = 1.7;
        }
        bool uses_W = o.potential == SX_POTENTIAL_HOPFIELD;
        if (sx_composed_create(ctx, &o, uses_W ? W : NULL, o.flow ? W : NULL, NULL, &native) < 0)
            fail_msg("%s: %s", cases[k].name, sx_ctx_message(ctx));
        same_model(ctx, cases[k].name, text, native);
        sx_model_free(ctx, text);
        sx_model_free(ctx, native);
        sx_coupling_free(ctx, W);
    }
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* -- thermal noise of metrics that the built-in model does not have ----------------------------------------------------------------- */

typedef struct at_noise {
    const sx_noise *noise;
    const sx_model *m;
    int64_t n;
    int unit;
} at_noise;
/* column r of D: D e_unit = B (B e_unit) */
static void D_column(void *arg, const double *x, double *out) {
    const at_noise *a = arg;
    double e[COUNT_MAX] = { 0 }, half[COUNT_MAX];
    const double *d[3] = { e, e, e };
    for (int r = 0; r < B; ++r) e[a->unit * B + r] = 1.0;
    call_noise(a->noise, a->n, NB, x, B, d, half);
    d[0] = half;
    call_noise(a->noise, a->n, NB, x, B, d, out);
}
static void B_column(void *arg, const double *x, double *out) {
    const at_noise *a = arg;
    double e[COUNT_MAX] = { 0 };
    const double *d[3] = { e, e, e };
    for (int r = 0; r < B; ++r) e[a->unit * B + r] = 1.0;
    call_noise(a->noise, a->n, NB, x, B, d, out);
}
/* ln |G|^(1/2) = -1/2 sum over the eigenvalues of M: M is diagonal or has det from its own columns by elimination */
static void log_volume(void *arg, const double *x, double *out) {
    const at_noise *a = arg;
    int n = (int)a->n;
    double M[16][16][B];
    for (int j = 0; j < n; ++j) {
        double column[COUNT_MAX], e[COUNT_MAX] = { 0 };
        for (int r = 0; r < B; ++r) e[j * B + r] = 1.0;
        part(a->m, INVERSE, x, B, e, B, column);
        for (int i = 0; i < n; ++i)
            for (int r = 0; r < B; ++r) M[i][j][r] = column[i * B + r];
    }
    for (int r = 0; r < B; ++r) {
        double ln = 0.0;
        for (int k = 0; k < n; ++k) { /* positive definite: no pivoting */
            ln += log(M[k][k][r]);
            for (int i = k + 1; i < n; ++i) {
                double f = M[i][k][r] / M[k][k][r];
                for (int j = k; j < n; ++j) M[i][j][r] -= f * M[k][j][r];
            }
        }
        out[r] = -0.5 * ln;
    }
}
/* out_i += sum_k factor_k d_k (column)_i by differences of a function that gives one column of a matrix */
static void add_derivative(function_of_x f, at_noise *a, const double *x, int unit, double *out) {
    double e[COUNT_MAX] = { 0 };
    for (int r = 0; r < B; ++r) e[unit * B + r] = 1.0;
    richardson(f, a, a->n * B, x, e, a->n * B, 0.05, out);
}

static void check_noise(sx_ctx *ctx, const char *name, const sx_model *m, sx_noise_class want_class) {
    sx_noise *noise = thermal(ctx, m);
    int64_t n = sx_model_n(m), count = n * B;
    double x[COUNT_MAX], u[COUNT_MAX], v[COUNT_MAX], p[COUNT_MAX], a[COUNT_MAX], c[COUNT_MAX], e[COUNT_MAX];
    const double *d[3] = { u, v, p };
    assert_int_equal(sx_noise_class_of(noise), want_class);
    fill("x", -0.9, 0.9, count, x);
    fill("u", -1, 1, count, u);
    fill("v", -1, 1, count, v);
    fill("p", -1, 1, count, p);
    at_noise at = { noise, m, n, 0 };
    /* B B = T M, Dinv D = 1 */
    call_noise(noise, n, NB, x, B, d, a);
    const double *twice[3] = { a, a, a };
    call_noise(noise, n, NB, x, B, twice, c);
    part(m, INVERSE, x, B, u, B, e);
    for (int64_t i = 0; i < count; ++i) e[i] *= 0.4;
    close_to(name, count, c, e, 1e-13, 1e-2);
    const double *back[3] = { c, c, c };
    call_noise(noise, n, NDINV, x, B, back, a);
    close_to(name, count, a, u, 1e-13, 1e-2);
    /* div_D_i = d_k D_ik; strat_i = (d_k B_ij) B_kj */
    double div[COUNT_MAX] = { 0 }, strat[COUNT_MAX] = { 0 }, cov[COUNT_MAX], grad[COUNT_MAX] = { 0 },
           curve[COUNT_MAX] = { 0 }, dB[COUNT_MAX] = { 0 };
    for (int k = 0; k < n; ++k) {
        at.unit = k;
        add_derivative(D_column, &at, x, k, a);
        for (int64_t i = 0; i < count; ++i) div[i] += a[i];
        for (int j = 0; j < n; ++j) {
            at.unit = j;
            B_column(&at, x, c);
            add_derivative(B_column, &at, x, k, a);
            for (int64_t i = 0; i < n; ++i)
                for (int r = 0; r < B; ++r) {
                    strat[i * B + r] += a[i * B + r] * c[k * B + r];
                    dB[i * B + r] += u[k * B + r] * a[i * B + r] * v[j * B + r];
                }
            add_derivative(D_column, &at, x, k, a); /* d_k of column j */
            for (int64_t i = 0; i < n; ++i)
                for (int r = 0; r < B; ++r) grad[k * B + r] += p[i * B + r] * a[i * B + r] * p[j * B + r];
        }
    }
    call_noise(noise, n, NDIV, x, B, d, a);
    close_to(name, count, a, div, 1e-9, 1e-2);
    call_noise(noise, n, NSTRAT, x, B, d, a);
    close_to(name, count, a, strat, 1e-9, 1e-2);
    call_noise(noise, n, NDB, x, B, d, a);
    close_to(name, count, a, dB, 1e-9, 1e-2);
    call_noise(noise, n, NGRAD, x, B, d, a);
    close_to(name, count, a, grad, 1e-9, 1e-2);
    /* covariant = div D + D grad ln |G|^(1/2) */
    for (int k = 0; k < n; ++k) {
        double one[COUNT_MAX] = { 0 };
        for (int r = 0; r < B; ++r) one[k * B + r] = 1.0;
        richardson(log_volume, &at, count, x, one, B, 0.05, e + k * B);
    }
    part(m, INVERSE, x, B, e, B, cov);
    for (int64_t i = 0; i < count; ++i) cov[i] = div[i] + 0.4 * cov[i];
    call_noise(noise, n, NCOVARIANT, x, B, d, a);
    close_to(name, count, a, cov, 1e-9, 1e-2);
    /* d2D[u,v] p by differences of p.dD[u]p would be second differences: of grad instead, u.grad(p.D p) along v, polarised in p */
    double step = 1e-4, plus[COUNT_MAX], minus[COUNT_MAX];
    for (int64_t i = 0; i < count; ++i) {
        plus[i] = x[i] + step * v[i];
        minus[i] = x[i] - step * v[i];
    }
    call_noise(noise, n, NGRAD, plus, B, d, a);
    call_noise(noise, n, NGRAD, minus, B, d, c);
    call_noise(noise, n, ND2D, x, B, d, curve);
    for (int r = 0; r < B; ++r) {
        double left = 0, right = 0;
        for (int64_t i = 0; i < n; ++i) {
            left += u[i * B + r] * (a[i * B + r] - c[i * B + r]) / (2 * step);
            right += p[i * B + r] * curve[i * B + r];
        }
        if (!(fabs(left - right) <= 2e-6 * (1 + fabs(right)))) fail_msg("%s: d2D %g, want %g", name, right, left);
    }
    sx_noise_free(ctx, noise);
}

static void test_thermal(void **state) {
    (void)state;
    static const struct {
        const char *metric_x, *metric_u;
        bool radial;
        sx_noise_class cls;
    } cases[] = {
        { "1/(1+x[i]^2)", "1 + u^2", false, SX_NOISE_DIAGONAL },
        { "tau[i]*exp(x[i]*tanh(x[i]))", NULL, false, SX_NOISE_DIAGONAL },
        { "1 + sum(j, x[j]^2)/3 + x[i]^2*u^2", "2 + cos(u)*tanh(sum(i, x[i]))", false, SX_NOISE_GENERAL },
        { "1 + r^2", "1/(1 + r^2)", false, SX_NOISE_GENERAL },
        { "1 + r^2", "exp(-r^2/2)", true, SX_NOISE_GENERAL },
        { "1/(1 + r^4)", "2 + r", true, SX_NOISE_GENERAL },
    };
    sx_ctx *ctx = sx_ctx_create(NULL);
    for (int k = 0; k < LENGTH(cases); ++k) {
        setting w;
        make(&w, 2, "sum(i, x[i]^2) + u^2");
        w.states[1] = w.states[2];
        add_metric(&w, cases[k].radial ? "radial" : "x", cases[k].metric_x);
        if (cases[k].metric_u) add_metric(&w, cases[k].radial ? "tangential" : "u", cases[k].metric_u);
        sx_model *m = create(ctx, &w.d);
        check_noise(ctx, cases[k].metric_x, m, cases[k].cls);
        sx_model_free(ctx, m);
    }
    /* no expression for d G_i / d x_i: F and all else are there, thermal noise is refused */
    setting w;
    make(&w, 1, "sum(i, x[i]^2)");
    add_metric(&w, "x", "1 + x[2]^2");
    sx_model *m = create(ctx, &w.d);
    sx_noise *noise = NULL;
    check_parts(ctx, "a metric with a fixed element", m, 0.8);
    assert_int_equal(sx_noise_thermal(ctx, m, 0.4, &noise), SX_E_UNSUPPORTED);
    assert_non_null(strstr(sx_ctx_message(ctx), "'x'"));
    sx_ctx_clear(ctx);
    sx_model_free(ctx, m);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* -- the normal form -------------------------------------------------------------------------------------------------------------- */

static void test_print(void **state) {
    (void)state;
    sx_ctx *ctx = sx_ctx_create(NULL);
    setting w;
    char *text = NULL;
    make(&w, 1, "sum(i,x[i]^4/4-x[i]^2/2) - 0.5*sum(i, sum(j, W[i,j]*x[i]*x[j]))");
    add_metric(&w, "", "1/(1+x[i]^2)");
    add_flow(&w, "x", "tau[i]*x[i+1]");
    sx_model *m = create(ctx, &w.d);
    OK(sx_equations_print(ctx, m, false, &text));
    assert_string_equal(text, "Phi = sum(i, x[i]^4/4 - x[i]^2/2) - 0.5*sum(i, sum(j, W[i,j]*x[i]*x[j]))\n"
                              "G_x[i] = 1/(1 + x[i]^2)\nR_x[i] = tau[i]*x[i+1]\nx[i]' = -dPhi/dx[i]/G_x[i] + R_x[i]\n");
    sx_free(ctx, text);
    OK(sx_equations_print(ctx, m, true, &text));
    assert_string_equal(
        text,
        "\\Phi = \\sum_{i} \\left(\\frac{x_{i}^{4}}{4} - \\frac{x_{i}^{2}}{2}\\right) - 0.5\\, \\left(\\sum_{i} "
        "\\sum_{j} W_{i,j}\\, x_{i}\\, x_{j}\\right)\nG_{x,i} = \\frac{1}{1 + x_{i}^{2}}\nR_{x,i} = \\tau _{i}\\, "
        "x_{i+1}\n\\frac{d}{dt} x_{i} = -\\frac{1}{G_{x,i}}\\, \\frac{\\partial \\Phi}{\\partial x_{i}} + "
        "R_{x,i}\n");
    sx_free(ctx, text);
    sx_model_free(ctx, m);
    make(&w, 3, "sum(i, x[i]^2)*u + sum(i, y[i])");
    add_metric(&w, "radial", "1+r^2");
    add_metric(&w, "tangential", "2");
    m = create(ctx, &w.d);
    OK(sx_equations_print(ctx, m, false, &text));
    assert_string_equal(text, "Phi = sum(i, x[i]^2)*u + sum(i, y[i])\nr = sqrt(sum(i, x[i]^2) + sum(i, y[i]^2) + u^2)\n"
                              "G_r = 1 + r^2\nG_t = 2\nG = G_r*n n^T + G_t*(1 - n n^T), n = x/r\n"
                              "x[i]' = -(G^-1 grad Phi)_x[i]\ny[i]' = -(G^-1 grad Phi)_y[i]\n"
                              "u' = -(G^-1 grad Phi)_u\n");
    sx_free(ctx, text);
    sx_model_free(ctx, m);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* Text -> model -> text -> model: the normal form of 100 random models, cut into lines again, gives a model with the same normal form and
 * the same F to the last bit. */
static void test_round_trip(void **state) {
    (void)state;
    sx_ctx *ctx = sx_ctx_create(NULL);
    enum { UNITS = 2 * N + 1 };
    for (uint64_t seed = 1; seed <= 100; ++seed) {
        bool gradient = seed % 2;
        writer line[3];
        double S[N * N], x[UNITS], f[2][UNITS];
        setting w, again;
        sx_equations_text texts[3];
        char *text[2] = { NULL, NULL };
        for (int k = 0; k < 3; ++k) {
            line[k] = (writer){ .seed = 900000 + 3 * seed + (uint64_t)k };
            if (k == 2) put(&line[k], "u^2 + ");
            write_expression(&line[k], 3, k < 2);
            texts[k] = (sx_equations_text){ k == 0 ? "x" : k == 1 ? "y" : "u", line[k].text };
        }
        make_random(&w, S, gradient ? line[2].text : NULL);
        if (gradient) {
            add_metric(&w, "x", seed % 4 == 1 ? "2+x[i]**2" : "(2 + x[i+1]^2)");
            add_flow(&w, "y", line[1].text);
        } else {
            w.d.n_equations = 3;
            w.d.equations = texts;
        }
        sx_model *m = create(ctx, &w.d);
        OK(sx_equations_print(ctx, m, false, &text[0]));
        fill("x", -0.8, 0.8, UNITS, x);
        apply_op(m, OP_F, 0.3, x, 1, NULL, 1, f[0], NULL);
        sx_model_free(ctx, m);
        /* "left = text" and "x[i]' = text": lines of x' beside a potential follow from the others */
        char *copy = strdup(text[0]);
        make_random(&again, S, NULL);
        sx_equations_text lines[3];
        int n = 0;
        for (char *at = strtok(copy, "\n"), *end; at; at = strtok(NULL, "\n")) {
            end = strstr(at, " = ");
            assert_non_null(end);
            const char *right = end + 3;
            bool prime = end[-1] == '\'';
            end[prime ? -1 : 0] = '\0';
            if (strcmp(at, "Phi") == 0)
                again.d.potential = right;
            else if (strncmp(at, "G_", 2) == 0)
                add_metric(&again, at + 2, right);
            else if (strncmp(at, "R_", 2) == 0)
                add_flow(&again, at + 2, right);
            else if (at[0] == 'r' || at[0] == 'K')
                again.definitions[at[0] == 'K'] = (sx_equations_text){ at, right };
            else if (!gradient)
                lines[n++] = (sx_equations_text){ at, right };
        }
        if (!gradient) {
            assert_int_equal(n, 3);
            again.d.n_equations = 3;
            again.d.equations = lines;
        }
        m = create(ctx, &again.d);
        OK(sx_equations_print(ctx, m, false, &text[1]));
        assert_string_equal(text[0], text[1]);
        apply_op(m, OP_F, 0.3, x, 1, NULL, 1, f[1], NULL);
        assert_memory_equal(f[0], f[1], sizeof f[0]);
        sx_model_free(ctx, m);
        free(copy);
        sx_free(ctx, text[0]);
        sx_free(ctx, text[1]);
    }
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* -- wrong texts -------------------------------------------------------------------------------------------------------------------- */

static void test_wrong(void **state) {
    (void)state;
    static const struct {
        const char *potential, *left, *metric, *left2, *metric2, *flow;
        int section, item, position;
        const char *message;
    } cases[] = {
        { "sum(i, x[i]^2", NULL, NULL, NULL, NULL, NULL, 8, 0, 14,
          "potential: character 14: want ')' for the '(' of sum at character 4, got the end of the text" },
        { "sum(i, z[i]^2)", NULL, NULL, NULL, NULL, NULL, 8, 0, 8,
          "potential: character 8: unknown name 'z'; want a state, a parameter, a definition above, "
          "an index, t or pi" },
        { "x[i]^2", NULL, NULL, NULL, NULL, NULL, 8, 0, 0,
          "potential: depends on the index i: want a number; sum over it" },
        { "g + t", NULL, NULL, NULL, NULL, NULL, 8, 0, 0,
          "potential: does not depend on the state: its gradient is 0 everywhere" },
        { "sum(i, x[i]^2)", "x", "W[i,j]", NULL, NULL, NULL, 9, 0, 0,
          "metric.x: depends on the index j, but the left side has i: sum over it" },
        { "sum(i, x[i]^2)", "x,y", "0.1", NULL, NULL, NULL, 9, 0, 0,
          "metric.x,y: an element off the diagonal: want a diagonal metric (a text per state) or a radial one (radial "
          "and tangential, functions of r = |x|); others have no inverse and square root in closed form" },
        { "sum(i, x[i]^2)", "z", "1", NULL, NULL, NULL, 9, 0, 0,
          "metric.z: there is no state 'z'; the states are x, y" },
        { "sum(i, x[i]^2)", "x", "1 + t^2", NULL, NULL, NULL, 9, 0, 0,
          "metric.x: depends on time: want a metric of the state alone" },
        { "sum(i, x[i]^2)", "y", "g - 0.6", NULL, NULL, NULL, 9, 0, 0, "metric.y: is 0: want a metric > 0" },
        { "sum(i, x[i]^2)", "", "I[i]", NULL, NULL, NULL, 9, 0, 0, "metric.x: element 1 is -0.2: want a metric > 0" },
        { "sum(i, x[i]^2)", "x", "1", "x", "2", NULL, 9, 1, 0, "metric.x: a second line for the state x" },
        { "sum(i, x[i]^2)", "radial", "1", NULL, NULL, NULL, 9, 0, 0,
          "metric: tangential is missing: a radial metric wants both radial and tangential" },
        { "sum(i, x[i]^2)", "radial", "1", "x", "1", NULL, 9, 0, 0,
          "metric: tangential is missing: a radial metric wants both radial and tangential" },
        { "sum(i, x[i]^2)", "radial", "1", "radial", "2", NULL, 9, 1, 0, "metric.radial: given twice" },
        { "sum(i, x[i]^2)", "tangential", "1 + x[0]^2", "radial", "1", NULL, 9, 0, 0,
          "metric.tangential: depends on the state other than through r = |x|: want a function of r alone" },
        { "sum(i, x[i]^2)", "tangential", "1", "radial", "1 + t", NULL, 9, 1, 0,
          "metric.radial: depends on time: want a function of r = |x| alone" },
        { "sum(i, x[i]^2)", "tangential", "-1", "radial", "1", NULL, 9, 0, 0,
          "metric.tangential: is -1: want a metric > 0" },
        { "sum(i, x[i]^2)", "tangential", "x[i]", "radial", "1", NULL, 9, 0, 0,
          "metric.tangential: depends on the index i: want a number; sum over it" },
        { "sum(i, x[i]^2)", NULL, NULL, NULL, NULL, "sin(", 10, 0, 5,
          "flow.x: character 5: want a number, a name, '-' or '(', got the end of the text" },
        { "sum(i, x[i]^2)", NULL, NULL, NULL, NULL, "x[j]", 10, 0, 0,
          "flow.x: depends on the index j, but the left side has i: sum over it" },
        { "sum(i, x[i]^2)", "x", "1 + r^2", NULL, NULL, "r", 10, 0, 1,
          "flow.x: character 1: unknown name 'r'; want a state, a parameter, a definition above, an "
          "index, t or pi" },
        { NULL, "x", "1", NULL, NULL, NULL, 9, 0, 0,
          "metric: has a meaning only beside a potential: F = -G^-1 grad Phi + R" },
        { NULL, NULL, NULL, NULL, NULL, "1", 10, 0, 0,
          "flow: has a meaning only beside a potential: F = -G^-1 grad Phi + R" },
    };
    sx_ctx *ctx = sx_ctx_create(NULL);
    int failed = 0;
    for (int k = 0; k < LENGTH(cases) + 2; ++k) {
        setting w;
        sx_equations_fault f = { -1, -1, -1 };
        sx_model *m = NULL;
        sx_equations_text line = { "x", "-x[i]" };
        const char *want =
            k < LENGTH(cases)
                ? cases[k].message
                : (k == LENGTH(cases) ? "potential: want a potential (with metric and flow) or equations, not both"
                                      : "potential: F = -G^-1 grad Phi + R is a flow: want time = \"continuous\"");
        int section = k < LENGTH(cases) ? cases[k].section : 8, item = k < LENGTH(cases) ? cases[k].item : 0;
        make(&w, 2, k < LENGTH(cases) ? cases[k].potential : "sum(i, x[i]^2)");
        if (k < LENGTH(cases)) {
            if (cases[k].left) add_metric(&w, cases[k].left, cases[k].metric);
            if (cases[k].left2) add_metric(&w, cases[k].left2, cases[k].metric2);
            if (cases[k].flow) add_flow(&w, "x", cases[k].flow);
        } else if (k == LENGTH(cases)) {
            w.d.n_equations = 1;
            w.d.equations = &line;
        } else {
            w.d.time = 1;
        }
        sx_status status = sx_equations_create(ctx, &w.d, &f, &m);
        if (status != SX_E_USAGE || strcmp(sx_ctx_message(ctx), want) != 0 || f.section != section || f.item != item ||
            (k < LENGTH(cases) && f.position != cases[k].position)) {
            print_error("case %d: status %d, section %d item %d character %d: %s\nwant %s\n", k, status, f.section,
                        f.item, (int)f.position, status < 0 ? sx_ctx_message(ctx) : "", want);
            ++failed;
        }
        sx_model_free(ctx, m);
        sx_ctx_clear(ctx);
    }
    assert_int_equal(failed, 0);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* Every allocation fails once, and from then on: an error, nothing lost. */
static void test_memory(void **state) {
    (void)state;
    for (int persistent = 0; persistent < 2; ++persistent) {
        int64_t k = 1;
        for (bool done = false; !done; k += k < 100 ? 1 : 13) {
            failing_host h = { .fail_at = 0, .persistent = persistent };
            sx_host host = failing_host_of(&h);
            sx_ctx *ctx = sx_ctx_create(&host);
            setting w;
            sx_model *m = NULL;
            sx_noise *noise = NULL;
            make(&w, 2, "sum(i, x[i]^4 + x[i]*y[i+1]) + log(1 + sum(i, x[i]^2))");
            add_metric(&w, "radial", "1 + r^2");
            add_metric(&w, "tangential", "1 + r^4");
            add_flow(&w, "", "sum(j, W[i,j]*x[j])");
            size_t before = sx_ctx_bytes(ctx);
            h.fail_at = h.calls + k;
            sx_status status = sx_equations_create(ctx, &w.d, NULL, &m);
            if (status >= 0) status = sx_noise_thermal(ctx, m, 0.1, &noise);
            h.fail_at = 0;
            done = status >= 0;
            if (!done) assert_int_equal(status, SX_E_MEMORY);
            sx_noise_free(ctx, noise);
            sx_model_free(ctx, m);
            assert_int_equal(sx_ctx_bytes(ctx), before);
            sx_ctx_free(ctx);
            assert_int_equal(h.held, 0);
        }
        assert_true(k > 50);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_derivatives), cmocka_unit_test(test_radial),  cmocka_unit_test(test_random),
        cmocka_unit_test(test_native),      cmocka_unit_test(test_thermal), cmocka_unit_test(test_print),
        cmocka_unit_test(test_round_trip),  cmocka_unit_test(test_wrong),   cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
