// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Enclosures: the value at any point of an interval, computed in extended precision (80 bit, C library), lies inside; on a point they are a
 * few ulp wide; and F and J of equations over boxes contain what the model computes at points of the box. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <separatrix/separatrix.h>

#include "core/interval.h"
#include "models/equations_interval.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { DRAWS = 20000 };

static double uniform(uint64_t k, uint64_t slot) {
    double u;
    sx_uniform_fill(sx_key_seed(77), k, SX_SLOT_USER, (int64_t)slot, 1, 1, &u);
    return u;
}

/* Ends on a logarithmic scale of either sign, some intervals thin, some with an end at 0. */
static sx_interval draw(uint64_t k, uint64_t slot, double scale) {
    double a = (2 * uniform(k, slot) - 1) * scale * pow(10, -3 * uniform(k, slot + 1));
    double w = scale * pow(10, -6 * uniform(k, slot + 2));
    if (k % 7 == 0) w = 0;
    if (k % 11 == 0) a = 0;
    return sx_iv(a, a + w);
}
static double inside(sx_interval a, double u) {
    return fmin(fmax(a.lo + u * (a.hi - a.lo), a.lo), a.hi);
}
static bool contains(sx_interval y, long double v) {
    return (long double)y.lo <= v && v <= (long double)y.hi;
}

#define UNARY(name, call, exact, scale, domain)                                                                        \
    for (uint64_t k = 1; k < DRAWS; k++) {                                                                             \
        bool rough = false;                                                                                            \
        (void)rough;                                                                                                   \
        sx_interval a = draw(k, 0, scale), y = call;                                                                   \
        for (int i = 0; i < 4; i++) {                                                                                  \
            double u = i == 0 ? 0 : i == 1 ? 1 : uniform(k, 5 + (uint64_t)i);                                          \
            long double x = inside(a, u);                                                                              \
            if (domain && !contains(y, exact))                                                                         \
                fail_msg("%s at %.17Lg: %.20Lg outside of [%.17g, %.17g]", name, x, (long double)(exact), y.lo, y.hi); \
        }                                                                                                              \
        if (a.lo == a.hi && domain0(a.lo, #domain))                                                                    \
            assert_true(y.hi - y.lo <= 40 * 0x1p-52 * sx_iv_abs_max(y) + 1e-300);                                      \
    }

static bool domain0(double x, const char *domain) {
    return strcmp(domain, "x > 0") == 0 ? x > 0 : strcmp(domain, "x > -1") == 0 ? x > -1 : true;
}

static void test_elementary(void **state) {
    (void)state;
    UNARY("exp", sx_iv_exp(a), expl(x), 30, true)
    UNARY("expm1", sx_iv_expm1(a), expm1l(x), 30, true)
    UNARY("log", sx_iv_log(a, &rough), logl(x), 30, x > 0)
    UNARY("log1p", sx_iv_log1p(a, &rough), log1pl(x), 30, x > -1)
    UNARY("sqrt", sx_iv_sqrt(a, &rough), sqrtl(x), 30, x > 0)
    UNARY("tanh", sx_iv_tanh(a), tanhl(x), 5, true)
    UNARY("sinh", sx_iv_sinh(a), sinhl(x), 20, true)
    UNARY("cosh", sx_iv_cosh(a), coshl(x), 20, true)
    UNARY("erf", sx_iv_erf(a), erfl(x), 4, true)
    UNARY("atan", sx_iv_atan(a), atanl(x), 20, true)
    UNARY("square", sx_iv_square(a), x * x, 20, true)
    for (uint64_t k = 1; k < DRAWS; k++) { /* near zeros of the function the bound is absolute */
        bool rough = false;
        sx_interval a = draw(k, 0, 20), s = sx_iv_sin(a), c = sx_iv_cos(a), t = sx_iv_tan(a, &rough);
        for (int i = 0; i < 6; i++) {
            long double x = inside(a, i < 2 ? i : uniform(k, 5 + (uint64_t)i));
            assert_true(contains(s, sinl(x)) && contains(c, cosl(x)));
            assert_true(rough || contains(t, tanl(x)));
        }
        if (a.lo == a.hi) assert_true(s.hi - s.lo < 1e-14 && c.hi - c.lo < 1e-14);
    }
    /* extremes inside, and not */
    assert_true(sx_iv_sin(sx_iv(1, 2)).hi == 1 && sx_iv_sin(sx_iv(1, 1.5)).hi < 1);
    assert_true(sx_iv_cos(sx_iv(3, 3.3)).lo == -1 && sx_iv_cos(sx_iv(3.2, 3.3)).lo > -1);
}

static void test_arithmetic(void **state) {
    (void)state;
    for (uint64_t k = 1; k < DRAWS; k++) {
        sx_interval a = draw(k, 0, 10), b = draw(k, 20, 10);
        sx_interval sum = sx_iv_add(a, b), difference = sx_iv_sub(a, b), product = sx_iv_mul(a, b),
                    quotient = sx_iv_div(a, b);
        for (int i = 0; i < 6; i++) {
            long double x = inside(a, i < 2 ? i : uniform(k, 40 + (uint64_t)i)),
                        y = inside(b, i < 2 ? 1 - i : uniform(k, 50 + (uint64_t)i));
            assert_true(contains(sum, x + y) && contains(difference, x - y) && contains(product, x * y));
            assert_true(y == 0 || contains(quotient, x / y));
        }
        assert_true(sx_iv_width(product) <=
                    (1 + 1e-12) * (sx_iv_width(a) * sx_iv_abs_max(b) + sx_iv_width(b) * sx_iv_abs_max(a)) + 1e-12);
    }
    /* 0.1 + 0.2: the exact sum of the two doubles is no double */
    sx_interval s = sx_iv_add(sx_iv_point(0.1), sx_iv_point(0.2));
    assert_true(s.lo < s.hi && contains(s, 0.1L + 0.0L + (long double)0.2) && s.hi - s.lo < 1e-15);
    bool rough = false;
    sx_interval all = sx_iv_log(sx_iv(-2, -1), &rough);
    assert_true(rough && all.lo == -HUGE_VAL && all.hi == HUGE_VAL);
    all = sx_iv_div(sx_iv_point(1), sx_iv(-1, 1));
    assert_true(all.lo == -HUGE_VAL && all.hi == HUGE_VAL);
}

#define OK(ctx, call)                                                                                                  \
    do {                                                                                                               \
        if ((call) != SX_OK) fail_msg("%s\n%s", sx_ctx_message(ctx), sx_ctx_trace(ctx));                               \
    } while (0)

/* Every operation of the programs: products, sums over pairs, kernels, shifts, single elements, branches. */
static const char *const texts[] = {
    "-x[i] + sum(j, W[i,j]*tanh(2*x[j])) + 0.1*y[i]*x[0]",
    "sum(j, sin(x[j] - x[i])) - x[i]^3 + x[i+1] - 2*x[i] + x[i-1]",
    "sum(j, K[i-j]*exp(-x[j]^2)) + max(x[i], y[i]) - abs(x[i])",
    "sum(j, W[i,j]*tanh(x[i]*y[j])) + if(x[i] > 0.3, log(2 + x[i]), x[i]*log(2.3) )",
    "x[i]/(1 + x[i]^2) + sqrt(2 + cos(x[i])) + erf(x[i])*atan(y[i]) + cosh(x[i])*sinh(0.2*y[i]) + expm1(x[i]) + "
    "log1p(x[i]^2) + (2 + x[i])^1.5",
};

static sx_model *equations(sx_ctx *ctx, const char *text, sx_coupling **w) {
    static const double kernel[] = { 0.5, -0.25, 0.125, 0.3 }, weights[9] = { 0.3, 0, -0.7, 1.1, 0, 0.2, 0, -0.4, 0.9 };
    OK(ctx, sx_coupling_dense(ctx, 3, 3, weights, w));
    sx_equations_desc d = SX_EQUATIONS_DESC;
    sx_equations_index indices[] = { { "i", 3, NULL }, { "j", 0, "i" } };
    sx_equations_state states[] = { { "x", "i", NULL }, { "y", "i", NULL } };
    sx_equations_parameter parameters[] = { { "W", "i,j", { 0, NULL }, *w }, { "K", "i", { 3, kernel }, NULL } };
    sx_equations_text lines[] = { { "x", text }, { "y", "-y[i] + x[2]*y[i]" } };
    d.n_indices = 2;
    d.n_states = 2;
    d.n_parameters = 2;
    d.n_equations = 2;
    d.indices = indices;
    d.states = states;
    d.parameters = parameters;
    d.equations = lines;
    sx_model *m = NULL;
    OK(ctx, sx_equations_create(ctx, &d, NULL, &m));
    return m;
}

static void test_equations(void **state) {
    (void)state;
    enum { N = 6 };
    sx_ctx *ctx = sx_ctx_create(NULL);
    for (size_t at = 0; at < sizeof texts / sizeof *texts; at++) {
        sx_coupling *w = NULL;
        sx_model *m = equations(ctx, texts[at], &w);
        sx_interval_model *e = NULL;
        sx_interval *work = NULL;
        double *scratch = NULL, worst = 0;
        int64_t doubles = sx_model_work(m, 8), smooth = 0;
        OK(ctx, sx_interval_model_create(ctx, m, &e));
        OK(ctx, sx_alloc(ctx, sx_interval_model_work(e), sizeof *work, &work));
        OK(ctx, sx_alloc(ctx, doubles, sizeof *scratch, &scratch));
        sx_work wk = { .p = scratch, .doubles = doubles };
        for (uint64_t k = 0; k < 300; k++) {
            sx_interval x[N], F[N], J[N * N];
            double y[N], f[N], jac[N * N];
            double size = k % 3 == 0 ? 0 : pow(10, -4 * uniform(k, 1));
            for (int i = 0; i < N; i++) {
                double a = 3 * uniform(k, 10 + (uint64_t)i) - 1.5;
                x[i] = sx_iv(a, a + size);
            }
            bool rough = false;
            sx_interval_model_F(e, 0, x, F, work, &rough);
            sx_interval_model_J(e, 0, x, J, work, &rough);
            smooth += !rough;
            for (uint64_t p = 0; p < 6; p++) {
                for (int i = 0; i < N; i++)
                    y[i] = inside(x[i], p < 2 ? (double)p : uniform(k, 20 + 10 * p + (uint64_t)i));
                sx_model_F(m, 0, (sx_cbatch){ y, N, 1 }, (sx_batch){ f, N, 1 }, wk);
                sx_model_operations(m)->jacobian(sx_model_self(m), 0, y, jac, wk);
                /* the model's own rounding is not part of the enclosure */
                for (int i = 0; i < N; i++) {
                    double slack = 1e-13 * (1 + fabs(f[i]));
                    if (!(F[i].lo - slack <= f[i] && f[i] <= F[i].hi + slack))
                        fail_msg("%s: F[%d] = %.17g outside of [%.17g, %.17g]", texts[at], i, f[i], F[i].lo, F[i].hi);
                    if (size == 0) worst = fmax(worst, F[i].hi - F[i].lo);
                }
                for (int i = 0; i < N * N; i++) {
                    double slack = 1e-13 * (1 + fabs(jac[i]));
                    if (!(J[i].lo - slack <= jac[i] && jac[i] <= J[i].hi + slack))
                        fail_msg("%s: J[%d] = %.17g outside of [%.17g, %.17g]", texts[at], i, jac[i], J[i].lo, J[i].hi);
                }
            }
        }
        print_message("text %d: widest F on a point %.2g, %d of 300 boxes smooth\n", (int)at, worst, (int)smooth);
        assert_true(worst < 1e-12);
        assert_true(smooth > 100);
        sx_free(ctx, work);
        sx_free(ctx, scratch);
        sx_interval_model_free(ctx, e);
        sx_model_free(ctx, m);
        sx_coupling_free(ctx, w);
    }
    sx_ctx_free(ctx);
}

/* A jump and a kink are seen; other kinds of models are refused. */
static void test_rough(void **state) {
    (void)state;
    sx_ctx *ctx = sx_ctx_create(NULL);
    sx_equations_desc d = SX_EQUATIONS_DESC;
    sx_equations_state states[] = { { "x", NULL, NULL } };
    sx_equations_text lines[] = { { "x", "heaviside(x - 1) - 0.5" } };
    d.n_states = 1;
    d.n_equations = 1;
    d.states = states;
    d.equations = lines;
    sx_model *m = NULL;
    sx_interval_model *e = NULL;
    OK(ctx, sx_equations_create(ctx, &d, NULL, &m));
    OK(ctx, sx_interval_model_create(ctx, m, &e));
    sx_interval work[64], x = sx_iv(0, 0.9), F;
    assert_true(sx_interval_model_work(e) <= 64);
    bool rough = false;
    sx_interval_model_F(e, 0, &x, &F, work, &rough);
    assert_true(!rough && fabs(F.lo + 0.5) < 1e-15 && fabs(F.hi + 0.5) < 1e-15 && sx_iv_has(F, -0.5));
    x = sx_iv(0, 1.1);
    sx_interval_model_F(e, 0, &x, &F, work, &rough);
    assert_true(rough && F.lo <= -0.5 && F.hi >= 0.5);
    sx_interval_model_free(ctx, e);
    sx_model_free(ctx, m);

    sx_linear_opts o = SX_LINEAR_OPTS;
    double leak = 1;
    sx_fields_default(sx_linear_fields, &o);
    o.struct_size = sizeof o;
    o.n = 2;
    o.leak = (sx_values){ 1, &leak };
    OK(ctx, sx_linear_create(ctx, &o, NULL, NULL, &m));
    assert_int_equal(sx_interval_model_create(ctx, m, &e), SX_E_UNSUPPORTED);
    assert_non_null(strstr(sx_ctx_message(ctx), "equations"));
    sx_model_free(ctx, m);
    sx_ctx_free(ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_elementary),
        cmocka_unit_test(test_arithmetic),
        cmocka_unit_test(test_equations),
        cmocka_unit_test(test_rough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
