// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Models from text: F and J u of 1002 random equations against a second evaluator in complex numbers, higher derivatives and adjoints
 * against lower orders, a rate network against the built-in one, and models whose answers are known. */
#include "equations_network.h"
#include "failing_host.h"

#define LENGTH(a) (int)(sizeof(a) / sizeof *(a))

static sx_model *create(sx_ctx *ctx, const sx_equations_desc *d) {
    sx_model *m = NULL;
    sx_equations_fault fault;
    if (sx_equations_create(ctx, d, &fault, &m) < 0) {
        print_error("%s\n%s", sx_ctx_message(ctx), sx_ctx_trace(ctx));
        for (int e = 0; e < d->n_equations; ++e) print_error("%s = %s\n", d->equations[e].left, d->equations[e].text);
        fail();
    }
    return m;
}

/* F and J u of a model against the second evaluator, to `tol` of their size. */
static void compare_with_world(sx_ctx *ctx, const sx_equations_desc *d, const sx_model *m, double radius, double tol,
                               const char *name) {
    enum { B = 8 };
    int64_t n = sx_model_n(m), count = n * B;
    double *x = numbers("x", -radius, radius, count), *u = numbers("u", -1, 1, count),
           *a = malloc((size_t)count * sizeof *a), *c = malloc((size_t)count * sizeof *c);
    double one[64], along[64], f[64], ju[64];
    const double *dir[1] = { u };
    assert_true(n <= 64);
    apply_op(m, OP_F, 0.4, x, B, NULL, B, a, NULL);
    apply_op(m, OP_JVP, 0.4, x, B, dir, B, c, NULL);
    for (int64_t r = 0; r < B; ++r) {
        double size_f = 0.1, size_j = 0.1;
        for (int64_t i = 0; i < n; ++i) {
            one[i] = x[i * B + r];
            along[i] = u[i * B + r];
        }
        world_F(ctx, d, 0.4, one, along, n, f, ju);
        for (int64_t i = 0; i < n; ++i) {
            size_f = fmax(size_f, fabs(f[i]));
            size_j = fmax(size_j, fabs(ju[i]));
        }
        for (int64_t i = 0; i < n; ++i) {
            if (fabs(a[i * B + r] - f[i]) <= tol * size_f && fabs(c[i * B + r] - ju[i]) <= tol * size_j) continue;
            print_error("%s: unit %d replica %d: F %.17g, want %.17g; J u %.17g, want %.17g\n", name, (int)i, (int)r,
                        a[i * B + r], f[i], c[i * B + r], ju[i]);
            for (int e = 0; e < d->n_equations; ++e)
                print_error("%s = %s\n", d->equations[e].left, d->equations[e].text);
            fail();
        }
    }
    free(x);
    free(u);
    free(a);
    free(c);
}

static void test_random_expressions(void **state) {
    (void)state;
    sx_ctx *ctx = sx_ctx_create(NULL);
    network w;
    network_make(ctx, &w);
    for (uint64_t seed = 1; seed <= 334; ++seed) { /* three equations each */
        writer line[3];
        char name[64];
        (void)snprintf(name, sizeof name, "random expressions, seed %d", (int)seed);
        for (int k = 0; k < 3; ++k) {
            memset(&line[k], 0, sizeof line[k]);
            line[k].seed = 10 * seed + (uint64_t)k;
            line[k].smooth = seed % 3 != 0;
            write_expression(&line[k], 4, k < 2);
            w.equations[k].text = line[k].text;
        }
        w.d.boundary = (int)(seed % 2) * (int)(seed % 3);
        sx_model *m = create(ctx, &w.d);
        compare_with_world(ctx, &w.d, m, 1.0, 1e-12, name);
        if (line[0].smooth) check_model(ctx, name, m, 0.4, 1.0, 0.02);
        sx_model_free(ctx, m);
    }
    sx_coupling_free(ctx, w.sparse);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* Hand-made: every way a sum is taken apart, every boundary. */
static void test_sums(void **state) {
    (void)state;
    static const char *const lines[][3] = {
        { "(-x[i] + sum(j, W[i,j]*r[j]) - y[i])/tau[i]", "(x[i] - y[i])/50", "-u" },
        { "sum(j, S[i,j]*(x[j] - x[i]))*u - y[i]", "(x[i+1]*x[i-1] - y[i+2])/5", "-u^3 + sum(j, x[j]*y[j])/20" },
        { "sum(j, S[i,j]*sin(x[j] - x[i] + 0.3))", "sum(j, sin(y[j] - 2*y[i])) + t*x[3]", "cos(u)*sum(i, x[i]^2)" },
        { "sum(j, S[i,j]*tanh(x[j] - x[i])) - x[i]", "sum(j, tanh(y[j]*x[i])*W[j,i])",
          "u*x[0] + sum(j, sum(i, W[i,j]*tanh(x[i]-y[j])))" },
        { "sum(j, tau[i-j]*r[j]) - x[i]", "sum(j, tau[j]*tanh(y[i+j])) - y[i]^3*u", "sum(i, W[i,i]*x[i])" },
        { "sum(j, tau[j]*x[i+j]*x[i-j]) - x[i]", "sum(j, exp(-(i-j)^2/9)*r[j]*y[i])", "exp(-u*u) + atan(u)" },
        { "sum(j, S[i,j]*W[i,j]*tanh(x[j]*y[i]) + S[i,j]*x[j]) + x[2]*x[i+1]", "sum(j, S[j,i]*y[j+1]*tanh(x[i]-y[j]))",
          "sum(i, sum(j, W[i,j]*x[i]*x[j]))" },
        { "sum(j, 1) + x[i]*sum(j, K[i,j]*K[j,i])", "K[i,i]*y[i] + sum(j, K[i,j]*(x[i]+1)/(2+y[j]))",
          "sum(j, u*x[j]/(2+x[j]))" },
        { "-x[5] + u", "u", "x[0]*y[5]" },
        { "0", "x[i]", "1" },
        { "sum(j, S[i,j]*sqrt(1+(x[j]-x[i])^2)/(1+y[i]^2)) + i*x[i]", "sum(j, (x[j]-y[i])^3)/10",
          "sum(j, tanh(u*x[j])/j*0 + 1)*0 + u^2" },
    };
    sx_ctx *ctx = sx_ctx_create(NULL);
    network w;
    network_make(ctx, &w);
    for (int boundary = 0; boundary < 3; ++boundary) {
        for (int k = 0; k < LENGTH(lines) - 1; ++k) {
            char name[64];
            (void)snprintf(name, sizeof name, "sums %d, boundary %d", k, boundary);
            w.d.boundary = boundary;
            for (int e = 0; e < 3; ++e) w.equations[e].text = lines[k][e];
            sx_model *m = create(ctx, &w.d);
            compare_with_world(ctx, &w.d, m, 0.8, 1e-12, name);
            check_model(ctx, name, m, 0.3, 0.8, 0.05);
            sx_model_free(ctx, m);
        }
    }
    sx_coupling_free(ctx, w.sparse);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* -- against mpmath ------------------------------------------------------------------------------------------------------------------ */

static double *three_numbers(char *text, double *out) {
    for (int k = 0; k < 3; ++k) out[k] = strtod(text, &text);
    return out;
}

/* 110 expressions, second and third directional derivatives from tools/make_equations_derivatives.py (mpmath, 30 digits), and the same
 * through phv: p.d2F[u,v] = u.grad(p.J v). Scale: the largest of the value, f and 1. */
static void test_golden(void **state) {
    (void)state;
    sx_ctx *ctx = sx_ctx_create(NULL);
    FILE *f = fopen(SX_TEST_DATA "/equations_derivatives.csv", "r");
    char line[4096];
    int rows = 0, failed = 0;
    double worst = 0.0;
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        char *part[8] = { line };
        if (line[0] == '#') continue;
        for (int k = 1; k < 8; ++k) {
            part[k] = strchr(part[k - 1], ';');
            assert_non_null(part[k]);
            *part[k]++ = '\0';
        }
        sx_equations_state s[] = { { "x", NULL, NULL }, { "y", NULL, NULL }, { "z", NULL, NULL } };
        sx_equations_text e[] = { { "x", "y" }, { "y", part[0] }, { "z", "-x" } };
        sx_equations_desc d = { .struct_size = sizeof d, .n_states = 3, .states = s, .n_equations = 3, .equations = e };
        sx_model *m = create(ctx, &d);
        double x[3], u[3], v[3], w[3], got[4], out[3];
        const double p[3] = { 0, 1, 0 },
                     *const dir[] = { three_numbers(part[2], u), three_numbers(part[3], v), three_numbers(part[4], w) },
                     *const adjoint[] = { p, v };
        (void)three_numbers(part[1], x);
        const double f0 = strtod(part[5], NULL), second = strtod(part[6], NULL),
                     want[4] = { f0, second, strtod(part[7], NULL), second };
        static const int ops[] = { OP_F, OP_HVV, OP_TVVV, OP_PHV };
        for (int k = 0; k < 4; ++k) {
            apply_op(m, ops[k], 0.0, x, 1, k == 3 ? adjoint : dir, 1, out, NULL);
            got[k] = k == 3 ? dot(3, out, u) : out[1];
            double error = fabs(got[k] - want[k]) / fmax(fabs(want[k]), fmax(fabs(f0), 1.0));
            worst = fmax(worst, error);
            if (error <= 1e-13) continue;
            print_error("%s\noperation %d: %.17g, want %.17g (%.1e)\n", line, ops[k], got[k], want[k], error);
            ++failed;
        }
        sx_model_free(ctx, m);
        ++rows;
    }
    (void)fclose(f);
    print_message("%d expressions, largest error %.1e\n", rows, worst);
    assert_int_equal(rows, 110);
    assert_int_equal(failed, 0);
    sx_ctx_free(ctx);
}

/* -- kinks ------------------------------------------------------------------------------------------------------------------------- */

static double slope(sx_ctx *ctx, const char *text, double x, double *value, double *adjoint) {
    sx_equations_state s = { "x", NULL, NULL };
    sx_equations_text e = { "x", text };
    sx_equations_desc d = { .struct_size = sizeof d, .n_states = 1, .states = &s, .n_equations = 1, .equations = &e };
    sx_model *m = create(ctx, &d);
    double one = 1.0, out;
    const double *dir[1] = { &one };
    apply_op(m, OP_F, 0.0, &x, 1, NULL, 1, value, NULL);
    apply_op(m, OP_VJP, 0.0, &x, 1, dir, 1, adjoint, NULL);
    apply_op(m, OP_JVP, 0.0, &x, 1, dir, 1, &out, NULL);
    sx_model_free(ctx, m);
    return out;
}

/* The stated values and slopes at kinks, and no 0 times infinity from branches that are not taken. */
static void test_kinks(void **state) {
    (void)state;
    static const struct {
        const char *text;
        double x, value, slope;
    } cases[] = {
        { "abs(x)", 0.0, 0.0, -1.0 },
        { "abs(x)", 2.0, 2.0, 1.0 },
        { "abs(x)", -2.0, 2.0, -1.0 },
        { "max(x, 0)", 0.0, 0.0, 0.0 },
        { "max(0, x)", 0.0, 0.0, 1.0 },
        { "min(x, 0)", 0.0, 0.0, 0.0 },
        { "max(x, 0)", 0.5, 0.5, 1.0 },
        { "sign(x)", 0.0, 0.0, 0.0 },
        { "sign(x)", -0.1, -1.0, 0.0 },
        { "heaviside(x)", 0.0, 0.0, 0.0 },
        { "heaviside(x)", 1e-300, 1.0, 0.0 },
        { "if(x > 0, sqrt(x), 0)", 0.0, 0.0, 0.0 },
        { "if(x > 0, sqrt(x), 0)", -1.0, 0.0, 0.0 },
        { "if(x > 0, log(x)*x, 0)", 0.0, 0.0, 0.0 },
        { "if(x <= 1, x^2, 2*x-1)", 1.0, 1.0, 2.0 },
        { "if(x < 1, 3*x, x)", 1.0, 1.0, 1.0 },
        { "if(x == 1, 5*x, x)", 1.0, 5.0, 5.0 },
        { "if(x != 1, 5*x, x)", 1.0, 1.0, 1.0 },
        { "if(x >= 1, 7*x, x)", 1.0, 7.0, 7.0 },
        { "x*0 + 3", 9.0, 3.0, 0.0 },
        { "x^0", 0.0, 1.0, 0.0 },
        { "(x-1)^3", -1.0, -8.0, 12.0 },
        { "x^-2", 2.0, 0.25, -0.25 },
        { "4^x", 0.5, 2.0, 2.0 * 0x1.62e42fefa39efp+0 },
        { "-x^2", 3.0, -9.0, -6.0 },
        { "2^3^2 + 0*x", 1.0, 512.0, 0.0 },
        { "2^-x", 1.0, 0.5, -0.5 * 0x1.62e42fefa39efp-1 },
        { "8/2/2*x", 1.0, 2.0, 2.0 },
        { "5 - 2 - 1 + x", 0.0, 2.0, 1.0 },
        { "x/4", 3.0, 0.75, 0.25 },
        { "log(exp(x))", 0.7, 0.7, 1.0 },
        { "atan(x)", 1e300, 0x1.921fb54442d18p+0, 0.0 },
        { "sin(x)", 1000000.0, -0.34999350217129296, 0.93675212753314474 },
    };
    sx_ctx *ctx = sx_ctx_create(NULL);
    for (int k = 0; k < LENGTH(cases); ++k) {
        double value, adjoint, s = slope(ctx, cases[k].text, cases[k].x, &value, &adjoint);
        bool fine = fabs(value - cases[k].value) <= 2e-15 * fmax(1.0, fabs(cases[k].value)) &&
                    fabs(s - cases[k].slope) <= 4e-15 * fmax(1.0, fabs(cases[k].slope)) &&
                    fabs(adjoint - cases[k].slope) <= 4e-15 * fmax(1.0, fabs(cases[k].slope));
        if (!fine) {
            print_error("%s at %g: %.17g, slope %.17g, adjoint %.17g\n", cases[k].text, cases[k].x, value, s, adjoint);
            fail();
        }
    }
    sx_ctx_free(ctx);
}

/* -- against the built-in model ------------------------------------------------------------------------------------------------------ */

static void test_equals_rate(void **state) {
    (void)state;
    enum { UNITS = 100, B = 8 };
    sx_ctx *ctx = sx_ctx_create(NULL);
    sx_coupling *W[] = { dense(ctx, "W", UNITS, 1.5), sparse(ctx, "S", UNITS, 7) };
    double gain = 1.3, *tau = numbers("tau", 0.5, 2.0, UNITS);
    for (int form = 0; form < 2; ++form) {
        for (int k = 0; k < 2; ++k) {
            sx_rate_opts o = { .struct_size = sizeof o };
            sx_model *rate = NULL;
            sx_fields_default(sx_rate_fields, &o);
            o.form = form;
            o.gain = gain;
            o.tau = (sx_values){ UNITS, tau };
            OK(sx_rate_create(ctx, &o, W[k], NULL, NULL, NULL, &rate));
            sx_equations_index indices[] = { { "i", UNITS, NULL }, { "j", 0, "i" } };
            sx_equations_state s = { "x", "i", NULL };
            sx_equations_parameter p[] = { { "g", NULL, { 1, &gain }, NULL },
                                           { "tau", "i", { UNITS, tau }, NULL },
                                           { "W", "i,j", { 0, NULL }, W[k] } };
            sx_equations_text e = { "x[i]", form ? "(-x[i] + tanh(g*sum(j, W[i,j]*x[j])))/tau[i]"
                                                 : "(-x[i] + g*sum(j, W[i,j]*tanh(x[j])))/tau[i]" };
            sx_equations_desc d = { .struct_size = sizeof d,
                                    .n_indices = 2,
                                    .indices = indices,
                                    .n_states = 1,
                                    .states = &s,
                                    .n_parameters = 3,
                                    .parameters = p,
                                    .n_equations = 1,
                                    .equations = &e };
            sx_model *m = create(ctx, &d);
            int64_t count = UNITS * B;
            double *x = numbers("x", -2, 2, count), *u = numbers("u", -1, 1, count), *v = numbers("v", -1, 1, count),
                   *z = numbers("z", -1, 1, count), *a = malloc((size_t)count * sizeof *a),
                   *c = malloc((size_t)count * sizeof *c);
            const double *dir[3] = { u, v, z };
            for (int op = OP_F; op <= OP_TVVV; ++op) {
                apply_op(m, op, 0.0, x, B, dir, B, a, NULL);
                apply_op(rate, op, 0.0, x, B, dir, B, c, NULL);
                close_to("equations and rate", count, a, c, 1e-12, 0.0);
            }
            check_model(ctx, "rate as equations", m, 0.0, 1.0, 0.05);
            free(x);
            free(u);
            free(v);
            free(z);
            free(a);
            free(c);
            sx_model_free(ctx, m);
            sx_model_free(ctx, rate);
        }
    }
    free(tau);
    for (int k = 0; k < 2; ++k) sx_coupling_free(ctx, W[k]);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* -- known models ---------------------------------------------------------------------------------------------------------------------- */

static sx_model *scalars(sx_ctx *ctx, int n, const char *const *names, int n_parameters, const char *const *parameter,
                         const double *value, const char *const *texts) {
    sx_equations_state s[8];
    sx_equations_parameter p[8];
    sx_equations_text e[8];
    for (int k = 0; k < n; ++k) {
        s[k] = (sx_equations_state){ names[k], NULL, NULL };
        e[k] = (sx_equations_text){ names[k], texts[k] };
    }
    for (int k = 0; k < n_parameters; ++k)
        p[k] = (sx_equations_parameter){ parameter[k], NULL, { 1, &value[k] }, NULL };
    sx_equations_desc d = { .struct_size = sizeof d,
                            .n_states = n,
                            .states = s,
                            .n_parameters = n_parameters,
                            .parameters = p,
                            .n_equations = n,
                            .equations = e };
    return create(ctx, &d);
}
static void jacobian_at(const sx_model *m, const double *x, double *J) {
    const sx_model_ops *o = sx_model_operations(m);
    sx_work w = scratch(o->work(sx_model_self(m), SX_OP_JACOBIAN, 1), NULL);
    o->jacobian(sx_model_self(m), 0.0, x, J, w);
    release(w);
}
static double divergence_at(const sx_model *m, const double *x) {
    const sx_model_ops *o = sx_model_operations(m);
    double out;
    sx_work w = scratch(o->work(sx_model_self(m), SX_OP_DIVERGENCE, 1), NULL);
    o->divergence(sx_model_self(m), 0.0, view(x, sx_model_n(m), 1), &out, w);
    release(w);
    return out;
}

/* Lorenz, J. Atmos. Sci. 20, 130 (1963): fixed points (+-sqrt(b(r-1)), same, r-1), div F = -(s + 1 + b). Maier and Stein, J. Stat.
 * Phys. 83, 291 (1996): stable at (+-1, 0) with eigenvalues -2, -2, saddle at 0 with 1, -1. van der Pol: div F = mu (1 - x^2). */
static void test_known_scalars(void **state) {
    (void)state;
    sx_ctx *ctx = sx_ctx_create(NULL);
    const char *const xyz[] = { "x", "y", "z" };
    const double lorenz[] = { 10.0, 28.0, 8.0 / 3.0 };
    sx_model *m = scalars(ctx, 3, xyz, 3, (const char *const[]){ "s", "r", "b" }, lorenz,
                          (const char *const[]){ "s*(y - x)", "x*(r - z) - y", "x*y - b*z" });
    double c = sqrt(8.0 / 3.0 * 27.0), fixed[3] = { c, c, 27.0 }, f[3], J[9];
    assert_string_equal(sx_model_layout(m)->arrays[0].name, "x");
    assert_string_equal(sx_model_layout(m)->arrays[0].labels[2], "z");
    assert_string_equal(sx_model_equation(m), "x' = s*(y - x);  y' = x*(r - z) - y;  z' = x*y - b*z");
    apply_op(m, OP_F, 0.0, fixed, 1, NULL, 1, f, NULL);
    for (int k = 0; k < 3; ++k) assert_true(fabs(f[k]) <= 2e-14);
    assert_true(fabs(divergence_at(m, fixed) + 10.0 + 1.0 + 8.0 / 3.0) <= 1e-14);
    check_model(ctx, "lorenz", m, 0.0, 2.0, 0.1);
    sx_model_free(ctx, m);

    const double beta = 10.0;
    m = scalars(ctx, 2, xyz, 1, (const char *const[]){ "beta" }, &beta,
                (const char *const[]){ "x - x^3 - beta*x*y^2", "-(1 + x^2)*y" });
    const double at[3][2] = { { -1, 0 }, { 1, 0 }, { 0, 0 } }, want[3][2] = { { -2, -2 }, { -2, -2 }, { 1, -1 } };
    for (int k = 0; k < 3; ++k) {
        apply_op(m, OP_F, 0.0, at[k], 1, NULL, 1, f, NULL);
        jacobian_at(m, at[k], J);
        assert_true(f[0] == 0.0 && f[1] == 0.0 && J[0] == want[k][0] && J[3] == want[k][1] && J[1] == 0.0 &&
                    J[2] == 0.0);
    }
    check_model(ctx, "Maier-Stein", m, 0.0, 1.5, 0.1);
    sx_model_free(ctx, m);

    const double mu = 3.0, point[2] = { 0.7, -0.2 };
    m = scalars(ctx, 2, xyz, 1, (const char *const[]){ "mu" }, &mu, (const char *const[]){ "y", "mu*(1 - x^2)*y - x" });
    assert_true(fabs(divergence_at(m, point) - 3.0 * (1.0 - 0.49)) <= 1e-15);
    sx_model_free(ctx, m);

    /* FitzHugh-Nagumo: v = w = 0 for a = 0, I = 0; J = [1 -1; eps -eps b] there */
    const double fhn[] = { 0.08, 0.8 };
    m = scalars(ctx, 2, (const char *const[]){ "v", "w" }, 2, (const char *const[]){ "eps", "b" }, fhn,
                (const char *const[]){ "v - v^3/3 - w", "eps*(v - b*w)" });
    const double rest[2] = { 0, 0 };
    jacobian_at(m, rest, J);
    assert_true(J[0] == 1.0 && J[1] == -1.0 && J[2] == 0.08 && fabs(J[3] + 0.064) <= 1e-17);
    check_model(ctx, "FitzHugh-Nagumo", m, 0.0, 1.5, 0.1);
    sx_model_free(ctx, m);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* Kuramoto (1975): odd coupling, so the frequencies' sum is the sum of F; a common phase changes nothing, so rows of J sum to zero. The
 * double sum costs O(N) here: two products with vectors. Ring: the discrete Laplacian has eigenvalues -4 sin^2(pi k/N). */
static void test_known_networks(void **state) {
    (void)state;
    enum { UNITS = 50 };
    sx_ctx *ctx = sx_ctx_create(NULL);
    double K = 2.0, *omega = numbers("omega", -1, 1, UNITS), *theta = numbers("theta", -3, 3, UNITS), f[UNITS],
           sum = 0.0, all = 0.0;
    double *J = malloc(sizeof *J * UNITS * UNITS);
    sx_equations_index indices[] = { { "i", UNITS, NULL }, { "j", 0, "i" } };
    sx_equations_state s = { "theta", "i", NULL };
    sx_equations_parameter p[] = { { "K", NULL, { 1, &K }, NULL }, { "omega", "i", { UNITS, omega }, NULL } };
    sx_equations_text e = { "theta", "omega[i] + K/50*sum(j, sin(theta[j] - theta[i]))" };
    sx_equations_desc d = { .struct_size = sizeof d,
                            .n_indices = 2,
                            .indices = indices,
                            .n_states = 1,
                            .states = &s,
                            .n_parameters = 2,
                            .parameters = p,
                            .n_equations = 1,
                            .equations = &e };
    sx_model *m = create(ctx, &d);
    assert_string_equal(sx_model_layout(m)->arrays[0].name, "theta");
    assert_string_equal(sx_model_layout(m)->arrays[0].dim, "unit");
    assert_true(sx_model_flops(m) < 200.0 * UNITS); /* not N^2 */
    apply_op(m, OP_F, 0.0, theta, 1, NULL, 1, f, NULL);
    jacobian_at(m, theta, J);
    for (int i = 0; i < UNITS; ++i) {
        double direct = omega[i], row = 0.0;
        for (int j = 0; j < UNITS; ++j) {
            direct += K / UNITS * sin(theta[j] - theta[i]);
            row += J[i * UNITS + j];
        }
        assert_true(fabs(f[i] - direct) <= 1e-14);
        assert_true(fabs(row) <= 1e-14);
        sum += f[i];
        all += omega[i];
    }
    assert_true(fabs(sum - all) <= 1e-13);
    check_model(ctx, "Kuramoto", m, 0.0, 3.0, 0.1);
    sx_model_free(ctx, m);

    sx_equations_state ring = { "x", "i", NULL };
    sx_equations_text laplace = { "x", "x[i+1] - 2*x[i] + x[i-1]" };
    sx_equations_desc r = { .struct_size = sizeof r,
                            .n_indices = 1,
                            .indices = indices,
                            .n_states = 1,
                            .states = &ring,
                            .n_equations = 1,
                            .equations = &laplace };
    m = create(ctx, &r);
    for (int k = 0; k < 5; ++k) {
        double wave[UNITS], rate = -4.0 * pow(sin(acos(-1.0) * k / UNITS), 2);
        for (int i = 0; i < UNITS; ++i) wave[i] = cos(2.0 * acos(-1.0) * k * i / UNITS);
        apply_op(m, OP_F, 0.0, wave, 1, NULL, 1, f, NULL);
        for (int i = 0; i < UNITS; ++i) assert_true(fabs(f[i] - rate * wave[i]) <= 1e-14);
    }
    assert_true(divergence_at(m, omega) == -2.0 * UNITS);
    sx_model_free(ctx, m);
    /* "zero": the first and last rows lose a neighbour; "copy": each end loses one diffusive link */
    for (r.boundary = 1; r.boundary <= 2; ++r.boundary) {
        m = create(ctx, &r);
        jacobian_at(m, theta, J);
        for (int i = 0; i < UNITS; ++i) {
            bool end = i == 0 || i == UNITS - 1;
            double own = end && r.boundary == 2 ? -1.0 : -2.0;
            for (int j = 0; j < UNITS; ++j)
                assert_true(J[i * UNITS + j] == (i == j ? own : abs(i - j) == 1 ? 1.0 : 0.0));
        }
        sx_model_free(ctx, m);
    }
    free(J);
    free(omega);
    free(theta);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* Maps: the text is the next state. */
static void test_map(void **state) {
    (void)state;
    sx_ctx *ctx = sx_ctx_create(NULL);
    sx_equations_state s[] = { { "x", NULL, NULL }, { "y", NULL, NULL } };
    sx_equations_text e[] = { { "x", "1 - 1.4*x^2 + y" }, { "y", "0.3*x" } }; /* Henon (1976): det J = -0.3 */
    sx_equations_desc d = {
        .struct_size = sizeof d, .time = 1, .n_states = 2, .states = s, .n_equations = 2, .equations = e
    };
    sx_model *m = create(ctx, &d);
    double x[2] = { 0.3, -0.7 }, J[4];
    assert_int_equal(sx_model_kind(m), SX_MAP);
    assert_string_equal(sx_model_equation(m), "x <- 1 - 1.4*x^2 + y;  y <- 0.3*x");
    jacobian_at(m, x, J);
    assert_true(fabs(J[0] * J[3] - J[1] * J[2] + 0.3) <= 1e-16);
    sx_model_free(ctx, m);
    sx_ctx_free(ctx);
}

/* Batches of every width give the same bits, and so do panels. */
static void test_widths(void **state) {
    (void)state;
    enum { WIDE = 1500 };
    sx_ctx *ctx = sx_ctx_create(NULL);
    network w;
    network_make(ctx, &w);
    w.equations[0].text = "(-x[i] + 0.1*sum(j, tanh(x[j]*y[i])*W[i,j]) + u*r[i+1])/tau[i]";
    w.equations[1].text = "if(x[i] > y[i], sin(x[i]), y[i]^2)*sum(j, x[j]) - sum(j, S[i,j]*tanh(x[j]-x[i]))";
    w.equations[2].text = "-u + sum(j, tau[j]*x[j])*t";
    sx_model *m = create(ctx, &w.d);
    int64_t n = sx_model_n(m);
    double *x = numbers("x", -1, 1, n * WIDE), *all = malloc(sizeof *all * (size_t)(n * WIDE)),
           *part = malloc(sizeof *part * (size_t)(n * WIDE)), *out = malloc(sizeof *out * (size_t)(n * WIDE));
    apply_op(m, OP_F, 0.5, x, WIDE, NULL, WIDE, all, NULL);
    static const int64_t widths[] = { 1, 2, 7, 8, 100, 1024, 1025, 1500 };
    for (int k = 0; k < LENGTH(widths); ++k) {
        int64_t b = widths[k];
        for (int64_t i = 0; i < n; ++i) memcpy(part + i * b, x + i * WIDE, (size_t)b * sizeof *part);
        apply_op(m, OP_F, 0.5, part, b, NULL, b, out, sx_ctx_exec(ctx));
        for (int64_t i = 0; i < n; ++i) assert_memory_equal(out + i * b, all + i * WIDE, (size_t)b * sizeof *out);
    }
    free(x);
    free(all);
    free(part);
    free(out);
    sx_model_free(ctx, m);
    sx_coupling_free(ctx, w.sparse);
    sx_ctx_free(ctx);
}

/* Every allocation fails once, and from then on: an error, nothing lost. */
static void test_memory(void **state) {
    (void)state;
    for (int persistent = 0; persistent < 2; ++persistent) {
        int64_t k = 1;
        for (bool done = false; !done; k += k < 60 ? 1 : 7) {
            failing_host h = { .fail_at = 0, .persistent = persistent };
            sx_host host = failing_host_of(&h);
            sx_ctx *ctx = sx_ctx_create(&host);
            network w;
            network_make(ctx, &w);
            w.equations[0].text = "(-x[i] + sum(j, K[i,j]*r[j] + tanh(x[j]-x[i])*S[i,j]))/tau[i]";
            w.equations[1].text = "if(x[i] > y[i], sin(x[i]), y[i]^2)*sum(j, x[j]) + sum(j, tau[i-j]*x[j])";
            w.equations[2].text = "-u + sum(j, tau[j]*x[j])*t";
            sx_model *m = NULL;
            sx_equations_fault fault;
            size_t before = sx_ctx_bytes(ctx);
            h.fail_at = h.calls + k;
            sx_status status = sx_equations_create(ctx, &w.d, &fault, &m);
            h.fail_at = 0;
            done = status >= 0;
            if (!done) {
                assert_int_equal(status, SX_E_MEMORY);
                assert_null(m);
                assert_int_equal(sx_ctx_bytes(ctx), before);
            }
            sx_model_free(ctx, m);
            sx_coupling_free(ctx, w.sparse);
            sx_ctx_free(ctx);
            assert_int_equal(h.held, 0);
        }
        assert_true(k > 100);
    }
}

/* Sums over the links of a matrix that its coupling holds in blocks: x_i' = sum_j S_ij sin(x_j - x_i) and its Jacobian, forwards and transposed,
 * against the sums over the links. */
static void test_links_in_blocks(void **state) {
    enum { SIZE = 16400, LINKS = 12 };
    (void)state;
    sx_ctx *ctx = sx_ctx_create(NULL);
    int64_t *start = malloc(sizeof *start * (SIZE + 1));
    int32_t *column = malloc(sizeof *column * SIZE * LINKS);
    double *value = malloc(sizeof *value * SIZE * LINKS), *x = calloc(6 * SIZE, sizeof *x);
    double *u = x + SIZE, *f = u + SIZE, *ju = f + SIZE, *jtu = ju + SIZE, *want = jtu + SIZE;
    start[0] = 0;
    for (int64_t i = 0; i < SIZE; ++i) {
        x[i] = sin(3.0 * (double)i);
        u[i] = cos(5.0 * (double)i);
        for (int64_t k = 0; k < LINKS; ++k) {
            column[i * LINKS + k] = (int32_t)(k * 1366 + (i * 37 + k * 101) % 1366);
            value[i * LINKS + k] = sin((double)(7 * i + k));
        }
        start[i + 1] = (i + 1) * LINKS;
    }
    sx_coupling *w = NULL;
    sx_model *m = NULL;
    OK(sx_coupling_csr(ctx, SIZE, SIZE, start, column, value, &w));
    const sx_equations_index indices[] = { { "i", SIZE, NULL }, { "j", 0, "i" } };
    const sx_equations_state states[] = { { "x", "i", NULL } };
    const sx_equations_parameter parameters[] = { { "S", "i,j", { 0, NULL }, w } };
    const sx_equations_text equations[] = { { "x", "sum(j, S[i,j]*sin(x[j] - x[i]))" } };
    const sx_equations_desc d = { .struct_size = sizeof d,
                                  .n_indices = 2,
                                  .indices = indices,
                                  .n_states = 1,
                                  .states = states,
                                  .n_parameters = 1,
                                  .parameters = parameters,
                                  .n_equations = 1,
                                  .equations = equations };
    if (sx_equations_create(ctx, &d, NULL, &m) < 0) fail_msg("%s", sx_ctx_message(ctx));
    apply_op(m, OP_F, 0.0, x, 1, NULL, 1, f, NULL);
    const double *const direction[] = { u };
    apply_op(m, OP_JVP, 0.0, x, 1, direction, 1, ju, NULL);
    apply_op(m, OP_VJP, 0.0, x, 1, direction, 1, jtu, NULL);
    for (int64_t i = 0; i < SIZE; ++i) {
        double sum = 0, derivative = 0;
        for (int64_t k = start[i]; k < start[i + 1]; ++k) {
            const int64_t j = column[k];
            const double c = value[k] * cos(x[j] - x[i]);
            sum += value[k] * sin(x[j] - x[i]);
            derivative += c * (u[j] - u[i]);
            want[j] += c * u[i];
            want[i] -= c * u[i];
        }
        assert_true(fabs(f[i] - sum) < 1e-13 && fabs(ju[i] - derivative) < 1e-13);
    }
    for (int64_t i = 0; i < SIZE; ++i) assert_true(fabs(jtu[i] - want[i]) < 1e-13);
    sx_model_free(ctx, m);
    sx_coupling_free(ctx, w);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
    free(x), free(value), free(column), free(start);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_links_in_blocks),
        cmocka_unit_test(test_random_expressions),
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_kinks),
        cmocka_unit_test(test_equals_rate),
        cmocka_unit_test(test_known_scalars),
        cmocka_unit_test(test_known_networks),
        cmocka_unit_test(test_map),
        cmocka_unit_test(test_widths),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
