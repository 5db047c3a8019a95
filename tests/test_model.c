// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The model object: copies, sharing, labels, questions about operations, own models, coloured noise, stiffness, the registry. */
#include "model_checks.h"

#include "core/linalg.h"
#include "failing_host.h"

static sx_rate_opts rate_defaults(void) {
    sx_rate_opts o = { .struct_size = sizeof o };
    sx_fields_default(sx_rate_fields, &o);
    return o;
}
static sx_model *rate_network(sx_ctx *ctx, int64_t n, const char *const *labels) {
    sx_rate_opts o = rate_defaults();
    sx_coupling *W = dense(ctx, "W", n, 1.3);
    sx_model *m = NULL;
    OK(sx_rate_create(ctx, &o, W, NULL, NULL, labels, &m));
    sx_coupling_free(ctx, W);
    return m;
}

static void copies_and_sharing(void **state) {
    sx_ctx *ctx = *state;
    char a[8] = "AVAL", b[8] = "AVAR", c[8] = "RIM", buf[32];
    const char *labels[] = { a, b, c };
    size_t before = sx_ctx_bytes(ctx);
    sx_model *m = rate_network(ctx, 3, labels);
    a[0] = 'X'; /* labels were copied */
    assert_string_equal(sx_model_unit_label(m, 0, buf, sizeof buf), "AVAL");
    assert_string_equal(sx_model_unit_label(m, 2, buf, sizeof buf), "RIM");
    assert_int_equal(sx_model_layout(m)->n_arrays, 1);
    assert_string_equal(sx_model_layout(m)->arrays[0].name, "x");
    assert_string_equal(sx_model_layout(m)->arrays[0].dim, "unit");
    assert_string_equal(sx_model_equation(m), "tau_i x_i' = -x_i + g sum_j W_ij tanh(x_j)");
    assert_non_null(strstr(sx_model_latex(m), "\\sum_j W_{ij}"));
    assert_int_equal(sx_noise_class_of(sx_model_noise(m)), SX_NOISE_NONE);
    assert_int_equal(sx_model_calculus(m), SX_KINETIC);
    /* another noise: the same operations and data, and both outlive each other */
    double D = 0.5;
    sx_noise *noise = NULL;
    sx_model *noisy = NULL, *again = sx_model_ref(m);
    OK(sx_noise_additive(ctx, 3, (sx_values){ 1, &D }, &noise));
    size_t small = sx_ctx_bytes(ctx);
    OK(sx_model_with_noise(ctx, m, noise, SX_ITO, &noisy));
    assert_true(sx_ctx_bytes(ctx) - small < 512);
    assert_ptr_equal(sx_model_self(noisy), sx_model_self(m));
    sx_noise_free(ctx, noise);
    sx_model_free(ctx, m);
    sx_model_free(ctx, again);
    assert_int_equal(sx_noise_class_of(sx_model_noise(noisy)), SX_NOISE_ADDITIVE_DIAGONAL);
    double x[3] = { 0.1, 0.2, 0.3 }, F[3];
    apply_op(noisy, OP_F, 0.0, x, 1, NULL, 1, F, NULL);
    OK(sx_noise_additive(ctx, 4, (sx_values){ 1, &D }, &noise));
    assert_int_equal(sx_model_with_noise(ctx, noisy, noise, SX_ITO, &m), SX_E_USAGE);
    sx_noise_free(ctx, noise);
    sx_model_free(ctx, noisy);
    sx_model_free(ctx, NULL);
    sx_ctx_clear(ctx);
    assert_true(sx_ctx_bytes(ctx) <= before + 4096); /* the message */
    sx_model *unlabelled = rate_network(ctx, 3, NULL);
    assert_string_equal(sx_model_unit_label(unlabelled, 2, buf, sizeof buf), "x[2]");
    sx_model_free(ctx, unlabelled);
}

static void blocks(void **state) {
    sx_ctx *ctx = *state;
    const int64_t n[] = { 1, 2, 13, 64, 65, 300 }, want[] = { 1024, 1024, 1024, 256, 128, 128 };
    for (int i = 0; i < 6; ++i) {
        sx_model *m = rate_network(ctx, n[i], NULL);
        assert_int_equal(sx_model_block(m), want[i]);
        sx_model_free(ctx, m);
    }
    enum { BIG = 20000 }; /* a sparse ring: 8 columns */
    int64_t *start = calloc(BIG + 1, sizeof *start);
    int32_t *column = calloc(BIG, sizeof *column);
    double *w = calloc(BIG, sizeof *w);
    for (int64_t i = 0; i < BIG; ++i) {
        start[i + 1] = i + 1;
        column[i] = (int32_t)((i + 1) % BIG);
    }
    sx_coupling *W = NULL;
    sx_model *m = NULL;
    OK(sx_coupling_csr(ctx, BIG, BIG, start, column, w, &W));
    sx_rate_opts o = rate_defaults();
    OK(sx_rate_create(ctx, &o, W, NULL, NULL, NULL, &m));
    assert_int_equal(sx_model_block(m), 8);
    sx_model_free(ctx, m);
    sx_coupling_free(ctx, W);
    free(w);
    free(column);
    free(start);
}

/* -- an own model: x' = -x^3 in two arrays ------------------------------------------------------------------------------------------- */

static int64_t own_work(const void *self, sx_op op, int64_t b) {
    (void)self, (void)op, (void)b;
    return 0;
}
static void own_F(const void *self, double t, sx_cbatch x, sx_batch out, sx_work w) {
    (void)self, (void)t, (void)w;
    for (int64_t i = 0; i < x.n * x.b; ++i) out.x[i] = -x.x[i] * x.x[i] * x.x[i];
}
static void own_destroy(sx_ctx *ctx, void *self) {
    (void)ctx;
    ++*(int *)self;
}
static const sx_model_ops own_ops = { .abi = SX_MODEL_ABI,
                                      .struct_size = sizeof(sx_model_ops),
                                      .name = "own",
                                      .work = own_work,
                                      .F = own_F,
                                      .destroy = own_destroy };

static void own_model(void **state) {
    sx_ctx *ctx = *state;
    int destroyed = 0;
    const sx_state_array arrays[2] = { { "v", "i", 2, NULL }, { "w", "j", 3, NULL } };
    sx_model_desc d = {
        .struct_size = sizeof d, .ops = &own_ops, .self = &destroyed, .layout = { 5, 2, arrays }, .block = 8, .panel = 5
    };
    sx_model *m = NULL, *ou = NULL;
    OK(sx_model_create(ctx, &d, &m));
    char buf[32];
    assert_string_equal(sx_model_unit_label(m, 1, buf, sizeof buf), "v[1]");
    assert_string_equal(sx_model_unit_label(m, 4, buf, sizeof buf), "w[2]");
    assert_true(sx_model_has(m, "F"));
    const char *lacking[] = { "jvp",       "vjp",    "hvv",  "phv",  "tvvv",    "jacobian", "divergence",
                              "potential", "sample", "kick", "move", "observe", "no such" };
    for (size_t i = 0; i < sizeof lacking / sizeof *lacking; ++i) assert_false(sx_model_has(m, lacking[i]));
    assert_true(isinf(sx_model_input_end(m)));
    assert_int_equal(sx_model_trials(m), 1);
    double x[5] = { 1, 2, 3, 4, 5 }, s = 0.0;
    assert_int_equal(sx_model_stiffness(ctx, m, x, &s), SX_E_UNSUPPORTED);
    assert_non_null(strstr(sx_ctx_message(ctx), "jvp"));
    /* coloured noise on it: what it lacks stays lacking, its arrays keep their names */
    double D = 0.5;
    sx_noise *noise = NULL;
    OK(sx_noise_additive(ctx, 5, (sx_values){ 1, &D }, &noise));
    OK(sx_model_with_coloured_noise(ctx, m, noise, 2.0, &ou));
    assert_int_equal(sx_model_layout(ou)->n_arrays, 3);
    assert_string_equal(sx_model_unit_label(ou, 5, buf, sizeof buf), "eta[0]");
    assert_true(sx_model_has(ou, "F") && !sx_model_has(ou, "jvp"));
    sx_noise_free(ctx, noise);
    sx_model_free(ctx, m);
    assert_int_equal(destroyed, 0);
    sx_model_free(ctx, ou);
    assert_int_equal(destroyed, 1);
    /* refusals; self stays with the caller */
    const struct {
        size_t struct_size;
        int64_t n, block, panel;
        const char *says;
    } cases[] = { { 0, 5, 8, 5, "struct_size" },
                  { sizeof d, 4, 8, 5, "layout.n" },
                  { sizeof d, 5, 12, 5, "block" },
                  { sizeof d, 5, 0, 5, "block" },
                  { sizeof d, 5, 8, 0, "panel" } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        sx_model_desc e = d;
        e.struct_size = cases[i].struct_size;
        e.layout.n = cases[i].n;
        e.block = cases[i].block;
        e.panel = cases[i].panel;
        m = NULL;
        assert_int_equal(sx_model_create(ctx, &e, &m), SX_E_USAGE);
        assert_non_null(strstr(sx_ctx_message(ctx), cases[i].says));
        assert_null(m);
    }
    sx_model_ops old = own_ops;
    old.abi = 0;
    d.ops = &old;
    assert_int_equal(sx_model_create(ctx, &d, &m), SX_E_USAGE);
    assert_non_null(strstr(sx_ctx_message(ctx), "abi"));
    assert_int_equal(destroyed, 1);
}

/* -- coloured noise -------------------------------------------------------------------------------------------------------------------- */

/* x' = -k x + eta, eta' = -eta/tau + sqrt(2 D)/tau xi: <x^2> = D / (k (1 + k tau)), <eta^2> = D/tau, <x eta> = D / (1 + k tau)
 * (Haenggi & Jung 1995), here through J C + C J^T + 2 B B^T = 0. */
static void coloured(void **state) {
    sx_ctx *ctx = *state;
    const double k = 1.5, tau = 0.4, D = 0.3;
    sx_linear_opts o = { .struct_size = sizeof o };
    sx_fields_default(sx_linear_fields, &o);
    o.n = 1;
    o.leak = (sx_values){ 1, &k };
    sx_model *m = NULL, *ou = NULL;
    sx_noise *noise = NULL;
    OK(sx_linear_create(ctx, &o, NULL, NULL, &m));
    for (int matrix = 0; matrix < 2; ++matrix) {
        double root = sqrt(D);
        if (matrix)
            OK(sx_noise_additive_factor(ctx, 1, 1, &root, &noise));
        else
            OK(sx_noise_additive(ctx, 1, (sx_values){ 1, &D }, &noise));
        OK(sx_model_with_coloured_noise(ctx, m, noise, tau, &ou));
        assert_int_equal(sx_model_n(ou), 2);
        assert_string_equal(sx_model_layout(ou)->arrays[1].name, "eta");
        double x[2] = { 0, 0 }, J[4], B[4], unit[2], C[4];
        const sx_model_ops *ops = sx_model_operations(ou);
        sx_work w = scratch(ops->work(sx_model_self(ou), SX_OP_JACOBIAN, 1), NULL);
        ops->jacobian(sx_model_self(ou), 0.0, x, J, w);
        release(w);
        const sx_noise *white = sx_model_noise(ou);
        int64_t rank = sx_noise_rank(white);
        double Q[4] = { 0 };
        for (int64_t c = 0; c < rank; ++c) {
            unit[0] = c == 0;
            unit[1] = c == 1;
            w = scratch(sx_model_work(ou, 1), NULL);
            sx_noise_operations(white)->B(sx_noise_self(white), 0.0, view(x, 2, 1), view(unit, rank, 1),
                                          (sx_batch){ B, 2, 1 }, w);
            release(w);
            for (int i = 0; i < 4; ++i) Q[i] += 2.0 * B[i / 2] * B[i % 2];
        }
        OK(sx_lyapunov(ctx, 2, J, Q, C));
        assert_true(fabs(C[0] - D / (k * (1 + k * tau))) < 1e-14);
        assert_true(fabs(C[1] - D / (1 + k * tau)) < 1e-14);
        assert_true(fabs(C[3] - D / tau) < 1e-14);
        sx_model_free(ctx, ou);
        sx_noise_free(ctx, noise);
    }
    sx_model_free(ctx, m);
    /* derivatives, and labels carried to eta */
    const char *labels[] = { "a", "b", "c" };
    char buf[16];
    m = rate_network(ctx, 3, labels);
    OK(sx_noise_additive(ctx, 3, (sx_values){ 1, &D }, &noise));
    OK(sx_model_with_coloured_noise(ctx, m, noise, tau, &ou));
    assert_string_equal(sx_model_unit_label(ou, 4, buf, sizeof buf), "b");
    check_model(ctx, "coloured", ou, 0.0, 1.0, 0.08);
    sx_model_free(ctx, ou);
    assert_int_equal(sx_model_with_coloured_noise(ctx, m, noise, 0.0, &ou), SX_E_USAGE);
    assert_non_null(strstr(sx_ctx_message(ctx), "noise.tau = 0"));
    sx_noise_free(ctx, noise);
    OK(sx_noise_multiplicative(ctx, 3, SX_AMPLITUDE_LINEAR, (sx_values){ 1, &D }, 1.0, 1.0, &noise));
    assert_int_equal(sx_model_with_coloured_noise(ctx, m, noise, tau, &ou), SX_E_USAGE);
    assert_non_null(strstr(sx_ctx_message(ctx), "additive"));
    sx_noise_free(ctx, noise);
    sx_model_free(ctx, m);
}

/* Stiffness = largest singular value of J: known for a Hadamard-rotated diagonal, and for a shear. */
static void stiffness(void **state) {
    sx_ctx *ctx = *state;
    const double shear[4] = { 0, 3, 0, 0 }, leak = 1.0;
    sx_coupling *W = NULL;
    sx_linear_opts o = { .struct_size = sizeof o };
    sx_fields_default(sx_linear_fields, &o);
    o.leak = (sx_values){ 1, &leak };
    sx_model *m = NULL;
    double x[2] = { 0, 0 }, s = 0.0;
    OK(sx_coupling_dense(ctx, 2, 2, shear, &W));
    OK(sx_linear_create(ctx, &o, W, NULL, &m));
    OK(sx_model_stiffness(ctx, m, x, &s));
    /* J = [-1 3; 0 -1]: singular values (sqrt(13) +- 3) / 2 */
    assert_true(fabs(s - 0.5 * (sqrt(13.0) + 3.0)) < 1e-3 * s);
    sx_model_free(ctx, m);
    sx_coupling_free(ctx, W);
    const double zero = 0.0;
    o.n = 2;
    o.leak = (sx_values){ 1, &zero };
    OK(sx_linear_create(ctx, &o, NULL, NULL, &m));
    OK(sx_model_stiffness(ctx, m, x, &s)); /* J = 0 */
    assert_true(s == 0.0);
    sx_model_free(ctx, m);
    sx_model *r = rate_network(ctx, 100, NULL); /* against the eigenvalues of J^T J */
    double *point = numbers("x", -1, 1, 100), *J = numbers("J", 0, 1, 10000), *S = numbers("S", 0, 1, 10000),
           eigen[100];
    const sx_model_ops *ops = sx_model_operations(r);
    sx_work w = scratch(ops->work(sx_model_self(r), SX_OP_JACOBIAN, 1), NULL);
    ops->jacobian(sx_model_self(r), 0.0, point, J, w);
    release(w);
    sx_gemm(true, false, 100, 100, 100, 1.0, J, 100, J, 100, 0.0, S, 100);
    OK(sx_symmetric_eigen(ctx, 100, S, eigen, NULL));
    OK(sx_model_stiffness(ctx, r, point, &s));
    assert_true(s <= sqrt(eigen[99]) * (1 + 1e-12) && s > 0.97 * sqrt(eigen[99]));
    point[3] = (double)NAN;
    assert_int_equal(sx_model_stiffness(ctx, r, point, &s), SX_E_NUMERIC);
    free(S);
    free(J);
    free(point);
    sx_model_free(ctx, r);
}

static void registry(void **state) {
    (void)state;
    int n = 0;
    const sx_model_info *infos = sx_model_infos(&n);
    assert_true(n >= 4); /* every kind is in the table of test_model_task.c */
    for (int i = 0; i < n; ++i) {
        char line[64];
        snprintf(line, sizeof line, "kind = \"%s\"", infos[i].kind);
        assert_non_null(strstr(infos[i].example, line));
        assert_non_null(strstr(infos[i].example, "[[task]]"));
        assert_non_null(strstr(infos[i].example, "do = \""));
        assert_string_equal(infos[i].ops->name, infos[i].kind);
        assert_true(infos[i].ops->jvp && infos[i].ops->vjp && infos[i].ops->jacobian && infos[i].ops->divergence);
        for (const sx_field *f = infos[i].fields; f->name; ++f) {
            assert_non_null(f->help);
            assert_true(f->offset < infos[i].opts_size);
            assert_true(f->type == SX_ENUM ? f->choices != NULL : f->type == SX_VALUES ? f->shape != NULL : true);
        }
    }
    const sx_field *tables[] = { sx_input_fields, sx_noise_fields };
    for (int k = 0; k < 2; ++k) {
        for (const sx_field *f = tables[k]; f->name; ++f) assert_non_null(f->help);
    }
}

/* Every allocation fails once: no leak, and a message. */
static sx_status build_all(sx_ctx *ctx) {
    const double a[9] = { 0, 1, 2, -1, 0, 1, 0.5, 0, 0 }, D = 0.4;
    const char *labels[] = { "a", "b", "c" };
    sx_coupling *W = NULL;
    sx_model *m = NULL, *out = NULL;
    sx_noise *noise = NULL;
    sx_status status;
    sx_rate_opts r = rate_defaults();
    sx_composed_opts c = { .struct_size = sizeof c };
    sx_fields_default(sx_composed_fields, &c);
    c.potential = SX_POTENTIAL_HOPFIELD;
    c.metric = SX_METRIC_ACTIVATION;
    c.flow = SX_FLOW_ACTIVATION;
    sx_input in = {
        .struct_size = sizeof in, .kind = SX_INPUT_SAMPLES, .trials = 1, .times = 3, .channels = 3, .data = a, .dt = 1.0
    };
    sx_noise_opts o = { .struct_size = sizeof o };
    sx_fields_default(sx_noise_fields, &o);
    SX_GO(ctx, status, done, sx_coupling_dense(ctx, 3, 3, a, &W));
    SX_GO(ctx, status, done, sx_rate_create(ctx, &r, W, NULL, &in, labels, &m));
    o.kind = 4;
    o.has_D = o.has_tau = true;
    o.D = (sx_values){ 1, &D };
    o.tau = 1.0;
    SX_GO(ctx, status, done, sx_noise_attach(ctx, m, &o, (sx_values){ 0, NULL }, &out));
    sx_model_free(ctx, m);
    sx_model_free(ctx, out);
    m = out = NULL;
    SX_GO(ctx, status, done, sx_composed_create(ctx, &c, W, NULL, labels, &m));
    SX_GO(ctx, status, done, sx_noise_thermal(ctx, m, 0.5, &noise));
    SX_GO(ctx, status, done, sx_model_with_noise(ctx, m, noise, SX_KINETIC, &out));
    sx_model_free(ctx, out);
    sx_noise_free(ctx, noise);
    out = NULL;
    noise = NULL;
    SX_GO(ctx, status, done, sx_noise_additive_factor(ctx, 3, 2, a, &noise));
    SX_GO(ctx, status, done, sx_model_with_coloured_noise(ctx, m, noise, 1.0, &out));
done:
    sx_noise_free(ctx, noise);
    sx_model_free(ctx, out);
    sx_model_free(ctx, m);
    sx_coupling_free(ctx, W);
    return status;
}
static void failing_allocations(void **state) {
    (void)state;
    failing_host h = { 0 };
    sx_host host = failing_host_of(&h);
    sx_ctx *ctx = sx_ctx_create(&host);
    assert_non_null(ctx);
    assert_int_equal(build_all(ctx), SX_OK);
    sx_ctx_clear(ctx);
    int64_t start = h.calls, held = h.held;
    assert_int_equal(build_all(ctx), SX_OK);
    int64_t total = h.calls - start;
    assert_true(total > 50);
    assert_int_equal(h.held, held);
    for (int64_t k = 1; k <= total; ++k) {
        h.fail_at = h.calls + k;
        sx_status status = build_all(ctx);
        assert_int_equal(status, SX_E_MEMORY);
        assert_true(sx_ctx_message(ctx)[0] != 0);
        h.fail_at = 0;
        sx_ctx_clear(ctx);
    }
    sx_ctx_free(ctx);
    assert_int_equal(h.held, 0);
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
        cmocka_unit_test(copies_and_sharing),  cmocka_unit_test(blocks),
        cmocka_unit_test(own_model),           cmocka_unit_test(coloured),
        cmocka_unit_test(stiffness),           cmocka_unit_test(registry),
        cmocka_unit_test(failing_allocations),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
