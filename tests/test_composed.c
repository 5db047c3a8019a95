// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Composed models: F against its own parts at 1000 points, every derivative for every potential x metric x flow, and the models that
 * are special cases (rate, linear, attention). */
#include "model_checks.h"

enum { N = 5, PATTERNS = 4 };

typedef struct parts {
    sx_coupling *W, *A;
    double H[N * N], tau[N], metric[N], input[N], keys[PATTERNS * N];
} parts;

static void parts_make(sx_ctx *ctx, parts *p) {
    p->W = dense(ctx, "W", N, 1.2);
    p->A = dense(ctx, "A", N, 0.8);
    fill("tau", 0.5, 2.0, N, p->tau);
    fill("metric", 0.5, 2.0, N, p->metric);
    fill("input", -0.5, 0.5, N, p->input);
    fill("keys", -1.0, 1.0, PATTERNS * N, p->keys);
    fill("H", -0.5, 0.5, N * N, p->H);
    for (int i = 0; i < N; ++i) {
        for (int j = 0; j < i; ++j) p->H[j * N + i] = p->H[i * N + j];
        p->H[i * N + i] += 2.0;
    }
}
static void parts_free(sx_ctx *ctx, parts *p) {
    sx_coupling_free(ctx, p->A);
    sx_coupling_free(ctx, p->W);
}

static sx_composed_opts defaults(void) {
    sx_composed_opts o = { .struct_size = sizeof o };
    sx_fields_default(sx_composed_fields, &o);
    return o;
}

/* variant: odd = the simpler form (diagonal H, default rotation) */
static sx_model *combination(sx_ctx *ctx, const parts *p, int potential, int metric, int flow, int variant) {
    sx_composed_opts o = defaults();
    o.n = N;
    o.potential = potential;
    o.metric = metric;
    o.flow = flow;
    o.omega = 0.7;
    o.g = 0.6;
    o.b = potential == SX_POTENTIAL_QUARTIC ? 0.3 : 0.0;
    o.beta = 1.5;
    o.mu_r = 0.6;
    o.mu_t = 1.7;
    static const double a = -0.8;
    if (potential == SX_POTENTIAL_QUADRATIC) o.a = variant ? (sx_values){ N, p->metric } : (sx_values){ N * N, p->H };
    if (potential == SX_POTENTIAL_QUARTIC || potential == SX_POTENTIAL_RADIAL) o.a = (sx_values){ 1, &a };
    if (potential == SX_POTENTIAL_LOGSUMEXP) o.keys = (sx_values){ PATTERNS * N, p->keys };
    if (potential == SX_POTENTIAL_HOPFIELD) o.input = (sx_values){ N, p->input };
    if (metric == SX_METRIC_DIAGONAL) o.metric_values = (sx_values){ N, p->metric };
    if (metric == SX_METRIC_ACTIVATION || flow == SX_FLOW_ACTIVATION) o.tau = (sx_values){ N, p->tau };
    bool uses_W = potential == SX_POTENTIAL_HOPFIELD || flow == SX_FLOW_ACTIVATION;
    bool uses_A = (flow == SX_FLOW_ANTISYMMETRIC || flow == SX_FLOW_GRADIENT) && !variant;
    sx_model *m = NULL;
    OK(sx_composed_create(ctx, &o, uses_W ? p->W : NULL, uses_A ? p->A : NULL, NULL, &m));
    return m;
}

/* -G^-1 grad Phi + R from the operations gradient, metric and reentrant */
static void from_parts(const sx_model *m, int64_t b, const double *x, double *out) {
    const sx_model_ops *o = sx_model_operations(m);
    const void *self = sx_model_self(m);
    int64_t n = sx_model_n(m);
    double *g = calloc((size_t)(n * b), sizeof *g), *R = calloc((size_t)(n * b), sizeof *R);
    sx_work w = scratch(o->work(self, SX_OP_GRADIENT, b), NULL);
    o->gradient(self, 0.0, view(x, n, b), (sx_batch){ g, n, b }, w);
    release(w);
    w = scratch(o->work(self, SX_OP_METRIC, b), NULL);
    o->metric(self, 1, view(x, n, b), view(g, n, b), (sx_batch){ out, n, b }, w);
    release(w);
    w = scratch(o->work(self, SX_OP_REENTRANT, b), NULL);
    o->reentrant(self, 0.0, view(x, n, b), (sx_batch){ R, n, b }, w);
    release(w);
    for (int64_t i = 0; i < n * b; ++i) out[i] = R[i] - out[i];
    free(R);
    free(g);
}

static void F_is_its_parts(void **state) {
    sx_ctx *ctx = *state;
    enum { B = 1000 };
    parts p;
    parts_make(ctx, &p);
    double *x = numbers("points", -3, 3, N * B), *a = numbers("a", 0, 1, N * B), *c = numbers("c", 0, 1, N * B);
    for (int k = 0; k < 5 * 5 * 4 * 2; ++k) {
        sx_model *m = combination(ctx, &p, k / 40, k / 8 % 5, k / 2 % 4, k % 2);
        apply_op(m, OP_F, 0.0, x, B, NULL, B, a, NULL);
        from_parts(m, B, x, c);
        for (int i = 0; i < N * B; ++i) {
            double size = 0.0; /* relative to the column */
            for (int j = 0; j < N; ++j) size = fmax(size, fabs(c[j * B + i % B]));
            if (!(fabs(a[i] - c[i]) <= 1e-12 * (1.0 + size))) {
                print_error("combination %d: F %.17g, parts %.17g\n", k, a[i], c[i]);
                fail();
            }
        }
        sx_model_free(ctx, m);
    }
    free(c);
    free(a);
    free(x);
    parts_free(ctx, &p);
}

static void call_potential(void *arg, const double *x, double *out) {
    const sx_model *m = arg;
    const sx_model_ops *o = sx_model_operations(m);
    sx_work w = scratch(o->work(sx_model_self(m), SX_OP_POTENTIAL, 8), NULL);
    o->potential(sx_model_self(m), 0.0, view(x, N, 8), out, w);
    release(w);
}

static void derivatives(void **state) {
    sx_ctx *ctx = *state;
    enum { B = 8 };
    parts p;
    parts_make(ctx, &p);
    for (int k = 0; k < 5 * 5 * 4 * 2; ++k) {
        char name[64];
        int potential = k / 40, metric = k / 8 % 5, flow = k / 2 % 4;
        snprintf(name, sizeof name, "potential %d metric %d flow %d variant %d", potential, metric, flow, k % 2);
        sx_model *m = combination(ctx, &p, potential, metric, flow, k % 2);
        const char *all[] = { "F",        "jvp",        "vjp",       "hvv",      "phv",    "tvvv",
                              "jacobian", "divergence", "potential", "gradient", "metric", "reentrant" };
        for (size_t i = 0; i < sizeof all / sizeof *all; ++i) assert_true(sx_model_has(m, all[i]));
        assert_false(sx_model_has(m, "sample"));
        check_model(ctx, name, m, 0.0, 1.5, 0.04);
        /* gradient against differences of the potential: one unit of all columns at a time */
        const sx_model_ops *o = sx_model_operations(m);
        const void *self = sx_model_self(m);
        double x[N * B], g[N * B], e[N * B], d[B], v[N * B], Mv[N * B], back[N * B];
        fill("x", -1.5, 1.5, N * B, x);
        sx_work w = scratch(o->work(self, SX_OP_GRADIENT, B), NULL);
        o->gradient(self, 0.0, view(x, N, B), (sx_batch){ g, N, B }, w);
        release(w);
        for (int i = 0; i < N; ++i) {
            for (int j = 0; j < N * B; ++j) e[j] = j / B == i ? 1.0 : 0.0;
            richardson(call_potential, m, N * B, x, e, B, 0.04, d);
            close_to(name, B, g + (ptrdiff_t)i * B, d, 1e-9, 1.0);
        }
        /* G (G^-1 v) = v */
        fill("v", -1, 1, N * B, v);
        w = scratch(o->work(self, SX_OP_METRIC, B), NULL);
        o->metric(self, 1, view(x, N, B), view(v, N, B), (sx_batch){ Mv, N, B }, w);
        o->metric(self, 0, view(x, N, B), view(Mv, N, B), (sx_batch){ back, N, B }, w);
        release(w);
        close_to(name, N * B, back, v, 1e-14, 1.0);
        sx_model_free(ctx, m);
    }
    parts_free(ctx, &p);
}

/* Sparse couplings keep W and W^T apart instead of forming (W + W^T)/2. */
static void sparse_parts(void **state) {
    sx_ctx *ctx = *state;
    enum { BIG = 90, B = 8 };
    sx_coupling *W = sparse(ctx, "S", BIG, 11), *D = NULL;
    double *dense_W = calloc(BIG * BIG, sizeof *dense_W), x[BIG * B], a[BIG * B], c[BIG * B];
    sx_coupling_add_to_dense(W, 1.0, NULL, dense_W);
    OK(sx_coupling_dense(ctx, BIG, BIG, dense_W, &D));
    fill("x", -2, 2, BIG * B, x);
    for (int flow = 0; flow < 4; ++flow) {
        sx_composed_opts o = defaults();
        o.potential = SX_POTENTIAL_HOPFIELD;
        o.metric = flow % 2 ? SX_METRIC_ACTIVATION : SX_METRIC_LORENTZIAN;
        o.flow = flow;
        bool uses_A = flow == SX_FLOW_ANTISYMMETRIC || flow == SX_FLOW_GRADIENT;
        sx_model *s = NULL, *d = NULL;
        OK(sx_composed_create(ctx, &o, W, uses_A ? W : NULL, NULL, &s));
        OK(sx_composed_create(ctx, &o, D, uses_A ? D : NULL, NULL, &d));
        const double *u[2] = { x, x };
        for (int op = OP_F; op <= OP_PHV; ++op) {
            apply_op(s, op, 0.0, x, B, u, B, a, NULL);
            apply_op(d, op, 0.0, x, B, u, B, c, NULL);
            close_to("sparse", BIG * B, a, c, 1e-13, 1e-3);
        }
        sx_model_free(ctx, d);
        sx_model_free(ctx, s);
    }
    free(dense_W);
    sx_coupling_free(ctx, D);
    sx_coupling_free(ctx, W);
}

/* unified-dynamics.md, section 7: leaky rate network = hopfield potential, metric tau phi', flow W_A phi / tau. */
static void equals_rate(void **state) {
    sx_ctx *ctx = *state;
    enum { B = 1000 };
    parts p;
    parts_make(ctx, &p);
    double *x = numbers("points", -4, 4, N * B), *a = numbers("a", 0, 1, N * B), *c = numbers("c", 0, 1, N * B),
           *d = numbers("d", 0, 1, N * B);
    sx_rate_opts r = { .struct_size = sizeof r };
    sx_fields_default(sx_rate_fields, &r);
    r.tau = (sx_values){ N, p.tau };
    sx_input in = { .struct_size = sizeof in, .kind = SX_INPUT_CONSTANT, .amplitude = { N, p.input } };
    sx_model *rate = NULL,
             *whole = combination(ctx, &p, SX_POTENTIAL_HOPFIELD, SX_METRIC_ACTIVATION, SX_FLOW_ACTIVATION, 0);
    OK(sx_rate_create(ctx, &r, p.W, NULL, &in, NULL, &rate));
    apply_op(rate, OP_F, 0.0, x, B, NULL, B, a, NULL);
    apply_op(whole, OP_F, 0.0, x, B, NULL, B, c, NULL);
    from_parts(whole, B, x, d);
    close_to("rate, native", N * B, c, a, 1e-14, 1.0);
    close_to("rate, parts", N * B, d, a, 1e-12, 1.0);
    sx_model_free(ctx, rate);
    sx_model_free(ctx, whole);
    /* symmetric coupling: no flow; antisymmetric: only flow */
    double Wd[N * N] = { 0 }, part[N * N];
    sx_coupling_add_to_dense(p.W, 1.0, NULL, Wd);
    for (int sign = -1; sign <= 1; sign += 2) {
        for (int i = 0; i < N * N; ++i) part[i] = 0.5 * (Wd[i] + sign * Wd[i % N * N + i / N]);
        sx_coupling *P = NULL, *W = p.W;
        OK(sx_coupling_dense(ctx, N, N, part, &P));
        OK(sx_rate_create(ctx, &r, P, NULL, &in, NULL, &rate));
        p.W = P;
        whole = combination(ctx, &p, SX_POTENTIAL_HOPFIELD, SX_METRIC_ACTIVATION,
                            sign > 0 ? SX_FLOW_NONE : SX_FLOW_ACTIVATION, 0);
        p.W = W;
        apply_op(rate, OP_F, 0.0, x, B, NULL, B, a, NULL);
        from_parts(whole, B, x, d);
        close_to("rate, one part", N * B, d, a, 1e-12, 1.0);
        sx_model_free(ctx, rate);
        sx_model_free(ctx, whole);
        sx_coupling_free(ctx, P);
    }
    /* saturation: nothing of the form 0 times infinity */
    double far[N] = { 60, -60, 200, 400, -1e4 }, F[N];
    whole = combination(ctx, &p, SX_POTENTIAL_HOPFIELD, SX_METRIC_ACTIVATION, SX_FLOW_ACTIVATION, 0);
    apply_op(whole, OP_F, 0.0, far, 1, NULL, 1, F, NULL);
    for (int i = 0; i < N; ++i) {
        double s = p.input[i];
        for (int j = 0; j < N; ++j) s += Wd[i * N + j] * (far[j] > 0 ? 1.0 : -1.0);
        assert_true(fabs(F[i] - (s - far[i]) / p.tau[i]) <= 1e-13 * fabs(F[i]));
    }
    sx_model_free(ctx, whole);
    free(d);
    free(c);
    free(a);
    free(x);
    parts_free(ctx, &p);
}

/* x.Hx/2, identity, omega A x = linear with W = -H + omega (A - A^T)/2 and no leak */
static void equals_linear(void **state) {
    sx_ctx *ctx = *state;
    enum { B = 1000 };
    parts p;
    parts_make(ctx, &p);
    double *x = numbers("points", -3, 3, N * B), *a = numbers("a", 0, 1, N * B), *c = numbers("c", 0, 1, N * B),
           Ad[N * N] = { 0 }, M[N * N], leak = 0.0;
    sx_coupling_add_to_dense(p.A, 1.0, NULL, Ad);
    for (int i = 0; i < N; ++i) {
        for (int j = 0; j < N; ++j) M[i * N + j] = 0.7 * 0.5 * (Ad[i * N + j] - Ad[j * N + i]) - p.H[i * N + j];
    }
    sx_coupling *W = NULL;
    OK(sx_coupling_dense(ctx, N, N, M, &W));
    sx_linear_opts l = { .struct_size = sizeof l };
    sx_fields_default(sx_linear_fields, &l);
    l.leak = (sx_values){ 1, &leak };
    sx_model *linear = NULL,
             *m = combination(ctx, &p, SX_POTENTIAL_QUADRATIC, SX_METRIC_IDENTITY, SX_FLOW_ANTISYMMETRIC, 0);
    OK(sx_linear_create(ctx, &l, W, NULL, &linear));
    apply_op(linear, OP_F, 0.0, x, B, NULL, B, a, NULL);
    apply_op(m, OP_F, 0.0, x, B, NULL, B, c, NULL);
    close_to("linear", N * B, c, a, 1e-12, 1.0);
    sx_model_free(ctx, m);
    sx_model_free(ctx, linear);
    sx_coupling_free(ctx, W);
    free(c);
    free(a);
    free(x);
    parts_free(ctx, &p);
}

/* log-sum-exp: x' = -x + K softmax(beta K^T x), here with libm */
static void equals_attention(void **state) {
    sx_ctx *ctx = *state;
    enum { B = 1000 };
    parts p;
    parts_make(ctx, &p);
    double *x = numbers("points", -3, 3, N * B), *a = numbers("a", 0, 1, N * B), *c = numbers("c", 0, 1, N * B);
    sx_model *m = combination(ctx, &p, SX_POTENTIAL_LOGSUMEXP, SX_METRIC_IDENTITY, SX_FLOW_NONE, 0);
    apply_op(m, OP_F, 0.0, x, B, NULL, B, a, NULL);
    for (int r = 0; r < B; ++r) {
        double q[PATTERNS], sum = 0.0;
        for (int k = 0; k < PATTERNS; ++k) {
            q[k] = 0.0;
            for (int i = 0; i < N; ++i) q[k] += p.keys[k * N + i] * x[i * B + r];
            q[k] = exp(1.5 * q[k]);
            sum += q[k];
        }
        for (int i = 0; i < N; ++i) {
            c[i * B + r] = -x[i * B + r];
            for (int k = 0; k < PATTERNS; ++k) c[i * B + r] += p.keys[k * N + i] * q[k] / sum;
        }
    }
    close_to("attention", N * B, a, c, 1e-12, 1.0);
    sx_model_free(ctx, m);
    free(c);
    free(a);
    free(x);
    parts_free(ctx, &p);
}

/* Modern Hopfield with keys +v, -v, |v| = 1, along v: x' = -x + tanh(beta x). Fixed point and rate: unified-dynamics.md, T9. */
static void modern_hopfield_pair(void **state) {
    sx_ctx *ctx = *state;
    const double want[][3] = { { 2.0, .9575040241, .8336279122 }, { 1.2, .6585696604, .3204567971 } };
    const double keys[4] = { 0.6, 0.8, -0.6, -0.8 };
    for (int k = 0; k < 2; ++k) {
        sx_composed_opts o = defaults();
        o.n = 2;
        o.potential = SX_POTENTIAL_LOGSUMEXP;
        o.beta = want[k][0];
        o.keys = (sx_values){ 4, keys };
        sx_model *m = NULL;
        OK(sx_composed_create(ctx, &o, NULL, NULL, NULL, &m));
        double x[2] = { 0.6 * want[k][1], 0.8 * want[k][1] }, F[2], Jv[2];
        const double along[2] = { 0.6, 0.8 }, across[2] = { -0.8, 0.6 }, *d[1] = { along };
        apply_op(m, OP_F, 0.0, x, 1, NULL, 1, F, NULL);
        assert_true(fabs(F[0]) < 1e-10 && fabs(F[1]) < 1e-10);
        apply_op(m, OP_JVP, 0.0, x, 1, d, 1, Jv, NULL);
        assert_true(fabs(dot(2, Jv, along) + want[k][2]) < 1e-9);
        d[0] = across;
        apply_op(m, OP_JVP, 0.0, x, 1, d, 1, Jv, NULL);
        assert_true(fabs(dot(2, Jv, across) + 1.0) < 1e-12);
        sx_model_free(ctx, m);
    }
}

/* unified-dynamics.md, T8(ii): H = diag(1, 9), J = -(I + A) H, A = w [0 1; -1 0]: rates 5 +- sqrt(25 - 9 (1 + w^2)), so trace -10 and
 * determinant 9 (1 + w^2). T8(iii): metric G = H gives J = -I. */
static void rotation_and_metric(void **state) {
    sx_ctx *ctx = *state;
    const double H[2] = { 1.0, 9.0 }, A[4] = { 0, 1, -1, 0 }, x[2] = { 0.3, -0.2 };
    double J[4];
    sx_coupling *a = NULL;
    sx_model *m = NULL;
    OK(sx_coupling_dense(ctx, 2, 2, A, &a));
    sx_composed_opts o = defaults();
    o.n = 2;
    o.a = (sx_values){ 2, H };
    o.flow = SX_FLOW_GRADIENT;
    o.omega = 4.0 / 3.0;
    OK(sx_composed_create(ctx, &o, NULL, a, NULL, &m));
    const sx_model_ops *ops = sx_model_operations(m);
    sx_work w = scratch(ops->work(sx_model_self(m), SX_OP_JACOBIAN, 1), NULL);
    ops->jacobian(sx_model_self(m), 0.0, x, J, w);
    release(w);
    assert_true(fabs(J[0] + J[3] + 10.0) < 1e-14 && fabs(J[0] * J[3] - J[1] * J[2] - 25.0) < 1e-13);
    sx_model_free(ctx, m);
    o.flow = SX_FLOW_NONE;
    o.metric = SX_METRIC_DIAGONAL;
    o.metric_values = (sx_values){ 2, H };
    OK(sx_composed_create(ctx, &o, NULL, NULL, NULL, &m));
    w = scratch(ops->work(sx_model_self(m), SX_OP_JACOBIAN, 1), NULL);
    ops->jacobian(sx_model_self(m), 0.0, x, J, w);
    release(w);
    const double minus_one[4] = { -1, 0, 0, -1 };
    close_to("G = H", 4, J, minus_one, 1e-15, 1.0);
    sx_model_free(ctx, m);
    sx_coupling_free(ctx, a);
}

static void refusals(void **state) {
    sx_ctx *ctx = *state;
    parts p;
    parts_make(ctx, &p);
    sx_model *m = NULL;
    const double skew[4] = { 1, 2, 3, 4 };
    const struct {
        sx_composed_opts o;
        bool W;
        const char *says;
    } cases[] = {
        { { .n = 0 }, false, "model.n" },
        { { .n = N, .potential = SX_POTENTIAL_HOPFIELD }, false, "model.coupling is missing" },
        { { .n = N, .flow = SX_FLOW_ACTIVATION }, false, "model.coupling is missing" },
        { { .n = N }, true, "meaning only with" },
        { { .n = N + 1, .potential = SX_POTENTIAL_HOPFIELD }, true, "want 6 x 6" },
        { { .n = N, .potential = SX_POTENTIAL_LOGSUMEXP }, false, "model.keys is missing" },
        { { .n = 3, .potential = SX_POTENTIAL_LOGSUMEXP, .keys = { 4, skew } }, false, "model.keys: 4 numbers" },
        { { .n = 2, .a = { 4, skew } }, false, "symmetric" },
        { { .n = 3, .a = { 4, skew } }, false, "4 numbers for 3 units" },
        { { .n = 2, .metric = SX_METRIC_DIAGONAL }, false, "metric_values is missing" },
        { { .n = 2, .metric_values = { 2, skew } }, false, "metric_values" },
        { { .n = 2, .tau = { 2, skew } }, false, "model.tau" },
        { { .n = 2, .input = { 2, skew } }, false, "model.input" },
        { { .n = 1, .flow = SX_FLOW_ANTISYMMETRIC }, false, "at least 2 units" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        sx_composed_opts o = defaults(), c = cases[i].o;
        o.n = c.n;
        o.potential = c.potential;
        o.metric = c.metric;
        o.flow = c.flow;
        o.a = c.a;
        o.keys = c.keys;
        o.metric_values = c.metric_values;
        o.tau = c.tau;
        o.input = c.input;
        assert_int_equal(sx_composed_create(ctx, &o, cases[i].W ? p.W : NULL, NULL, NULL, &m), SX_E_USAGE);
        if (!strstr(sx_ctx_message(ctx), cases[i].says)) {
            print_error("case %d says: %s\n", (int)i, sx_ctx_message(ctx));
            fail();
        }
        sx_ctx_clear(ctx);
    }
    sx_composed_opts o = defaults();
    o.n = 2;
    o.mu_r = 0.0;
    assert_int_equal(sx_composed_create(ctx, &o, NULL, NULL, NULL, &m), SX_E_USAGE);
    assert_non_null(strstr(sx_ctx_message(ctx), "mu_r"));
    assert_null(m);
    parts_free(ctx, &p);
}

static int setup(void **state) {
    *state = sx_ctx_create(NULL);
    return *state == NULL;
}
static int teardown(void **state) {
    sx_ctx_free(*state);
    return 0;
}
int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(F_is_its_parts),
        cmocka_unit_test(derivatives),
        cmocka_unit_test(sparse_parts),
        cmocka_unit_test(equals_rate),
        cmocka_unit_test(equals_linear),
        cmocka_unit_test(equals_attention),
        cmocka_unit_test(modern_hopfield_pair),
        cmocka_unit_test(rotation_and_metric),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
