// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Noise from expressions: every operation against the built-in multiplicative noise and against closed forms. */
#include "equations_world.h"

#include <separatrix/noise.h>

enum { N = 5, B = 8, COUNT = N * B };

typedef struct setting {
    double s[N];
    sx_equations_index index;
    sx_equations_state state;
    sx_equations_parameter parameter;
    sx_equations_text equation, noise;
    sx_equations_desc d;
} setting;
static void make(setting *w, const char *text) {
    memset(w, 0, sizeof *w);
    fill("s", 0.5, 1.5, N, w->s);
    w->index = (sx_equations_index){ "i", N, NULL };
    w->state = (sx_equations_state){ "x", "i", NULL };
    w->parameter = (sx_equations_parameter){ "s", "i", { N, w->s }, NULL };
    w->equation = (sx_equations_text){ "x", "-x[i]" };
    w->noise = (sx_equations_text){ "x", text };
    w->d = (sx_equations_desc){ .struct_size = sizeof w->d,
                                .n_indices = 1,
                                .indices = &w->index,
                                .n_states = 1,
                                .states = &w->state,
                                .n_parameters = 1,
                                .parameters = &w->parameter,
                                .n_equations = 1,
                                .equations = &w->equation };
}
static sx_noise *create(sx_ctx *ctx, setting *w, bool sigma) {
    sx_noise *out = NULL;
    bool constant = true;
    double *numbers_out = NULL;
    sx_equations_fault f;
    if (sx_equations_noise(ctx, &w->d, sigma, 1, &w->noise, &f, &constant, &numbers_out, &out) < 0) {
        print_error("%s\n", sx_ctx_message(ctx));
        fail();
    }
    assert_false(constant);
    assert_null(numbers_out);
    return out;
}

enum { NB, NBT, NDINV, NDIV, NSTRAT, NDB, NGRAD, ND2D, OPERATIONS };
static void call(const sx_noise *n, int op, const double *x, int64_t xb, double *const *d, double *out) {
    const sx_noise_ops *o = sx_noise_operations(n);
    const void *self = sx_noise_self(n);
    sx_work w = scratch(o->work(self, B), NULL);
    sx_cbatch at = view(x, N, xb), u = view(d[0], N, B), v = view(d[1], N, B), p = view(d[2], N, B);
    sx_batch y = { out, N, B };
    double residual[B];
    switch (op) {
    case NB:
        o->B(self, 0.0, at, u, y, w);
        break;
    case NBT:
        o->Bt(self, 0.0, at, u, y, w);
        break;
    case NDINV:
        o->Dinv(self, 0.0, at, u, y, residual, w);
        break;
    case NDIV:
        o->div_D(self, 0.0, at, y, w);
        break;
    case NSTRAT:
        o->strat(self, 0.0, at, y, w);
        break;
    case NDB:
        o->dB(self, 0.0, at, u, v, y, w);
        break;
    case NGRAD:
        o->grad_pDp(self, 0.0, at, p, y, w);
        break;
    default:
        o->d2D(self, 0.0, at, u, v, p, y, w);
        break;
    }
    release(w);
}

static void test_against_multiplicative(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool sigma;
        sx_amplitude shape;
    } cases[] = {
        { "s[i]*(0.7 + 0.4*x[i])", true, SX_AMPLITUDE_LINEAR },
        { "s[i]*sqrt(1 + x[i]^2)", true, SX_AMPLITUDE_QUADRATIC },
        { "s[i]*sqrt(max(0.7 + 0.4*x[i], 0))", true, SX_AMPLITUDE_SQRT },
        { "s[i]^2*(0.7 + 0.4*x[i])/2", false, SX_AMPLITUDE_SQRT },
    };
    sx_ctx *ctx = sx_ctx_create(NULL);
    double *x = numbers("x", -1, 1, COUNT), *u = numbers("u", -1, 1, COUNT), *v = numbers("v", -1, 1, COUNT),
           *p = numbers("p", -1, 1, COUNT);
    double *const d[3] = { u, v, p };
    double a[COUNT], c[COUNT];
    for (int k = 0; k < (int)(sizeof cases / sizeof *cases); ++k) {
        setting w;
        make(&w, cases[k].text);
        sx_noise *mine = create(ctx, &w, cases[k].sigma), *theirs = NULL;
        OK(sx_noise_multiplicative(ctx, N, cases[k].shape, (sx_values){ N, w.s }, 0.7, 0.4, &theirs));
        assert_int_equal(sx_noise_class_of(mine), SX_NOISE_DIAGONAL);
        assert_int_equal(sx_noise_rank(mine), N);
        for (int op = 0; op < OPERATIONS; ++op) {
            for (int one = 0; one < 2; ++one) { /* one base point for all columns */
                call(mine, op, x, one ? 1 : B, d, a);
                call(theirs, op, x, one ? 1 : B, d, c);
                close_to(cases[k].text, COUNT, a, c, 1e-13, 1e-3);
            }
        }
        sx_noise_free(ctx, mine);
        sx_noise_free(ctx, theirs);
    }
    free(x);
    free(u);
    free(v);
    free(p);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* D = exp(x): D' = D'' = D, B' = B/2 */
static void test_closed_form(void **state) {
    (void)state;
    sx_ctx *ctx = sx_ctx_create(NULL);
    setting w;
    make(&w, "exp(x[i])");
    sx_noise *n = create(ctx, &w, false);
    double *x = numbers("x", -1, 1, COUNT), *u = numbers("u", -1, 1, COUNT), *v = numbers("v", -1, 1, COUNT),
           *p = numbers("p", -1, 1, COUNT);
    double *const d[3] = { u, v, p };
    double out[OPERATIONS][COUNT];
    for (int op = 0; op < OPERATIONS; ++op) call(n, op, x, B, d, out[op]);
    for (int k = 0; k < COUNT; ++k) {
        double D = exp(x[k]), b = sqrt(D);
        const double want[OPERATIONS] = {
            b * u[k], b * u[k], u[k] / D, D, 0.5 * D, 0.5 * b * u[k] * v[k], D * p[k] * p[k], D * u[k] * v[k] * p[k]
        };
        for (int op = 0; op < OPERATIONS; ++op)
            assert_true(fabs(out[op][k] - want[op]) <= 1e-14 * (1.0 + fabs(want[op])));
    }
    free(x);
    free(u);
    free(v);
    free(p);
    sx_noise_free(ctx, n);
    sx_ctx_free(ctx);
}

static void test_constant_and_wrong(void **state) {
    (void)state;
    sx_ctx *ctx = sx_ctx_create(NULL);
    setting w;
    make(&w, "0.5*s[i]^2");
    sx_noise *out = NULL;
    bool constant = false;
    double *values = NULL;
    sx_equations_fault f;
    OK(sx_equations_noise(ctx, &w.d, false, 1, &w.noise, &f, &constant, &values, &out));
    assert_true(constant);
    assert_null(out);
    for (int i = 0; i < N; ++i) assert_true(fabs(values[i] - 0.5 * w.s[i] * w.s[i]) <= 1e-16);
    sx_free(ctx, values);
    static const char *const wrong[][2] = {
        { "x[i+1]",
          "noise.sigma.x: depends on other elements of the state: want an amplitude of a unit's own state alone" },
        { "sum(i, x[i])",
          "noise.sigma.x: depends on other elements of the state: want an amplitude of a unit's own state alone" },
        { "t*x[i]", "noise.sigma.x: depends on time: want an amplitude of a unit's own state alone" },
        { "t", "noise.sigma.x: depends on time: want an amplitude of a unit's own state alone" },
        { "-s[i]", "noise.sigma.x: element 0 is -0.776867: want a finite number >= 0" },
        { "1 + q", "noise.sigma.x: character 5: unknown name 'q'; want a state, a parameter, a definition above, an "
                   "index, t or pi" },
        { "1 +", "noise.sigma.x: character 4: want a number, a name, '-' or '(', got the end of the text" },
    };
    for (int k = 0; k < (int)(sizeof wrong / sizeof *wrong); ++k) {
        w.noise.text = wrong[k][0];
        assert_int_equal(sx_equations_noise(ctx, &w.d, true, 1, &w.noise, &f, &constant, &values, &out), SX_E_USAGE);
        if (k == 4)
            assert_int_equal(strncmp(sx_ctx_message(ctx), "noise.sigma.x: element 0 is -", 29), 0);
        else
            assert_string_equal(sx_ctx_message(ctx), wrong[k][1]);
        assert_int_equal(f.section, 6);
        sx_ctx_clear(ctx);
    }
    w.noise.left = "y";
    w.noise.text = "1";
    assert_int_equal(sx_equations_noise(ctx, &w.d, true, 1, &w.noise, &f, &constant, &values, &out), SX_E_USAGE);
    assert_string_equal(sx_ctx_message(ctx), "noise.sigma.y: there is no state 'y'; the states are x");
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_against_multiplicative),
                                        cmocka_unit_test(test_closed_form), cmocka_unit_test(test_constant_and_wrong) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
