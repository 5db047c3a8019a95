// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Small models and noises of the stepper tests, made from operations: independent of the built-in models. */
#ifndef SX_TESTS_STEPPER_MODELS_H
#define SX_TESTS_STEPPER_MODELS_H

#include <separatrix/context.h>
#include <separatrix/noise.h>
#include <separatrix/simulate.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Fails the test with the context's message. */
#define OK(call)                                                                                                       \
    do {                                                                                                               \
        sx_status ok_ = (call);                                                                                        \
        if (ok_ != SX_OK) fail_msg("%s: %s", #call, sx_ctx_message(ctx));                                              \
    } while (0)
/* |value - want| <= tolerance; prints both. */
#define NEAR(value, want, tolerance)                                                                                   \
    do {                                                                                                               \
        const double near_v = (value), near_w = (want), near_t = (tolerance);                                          \
        if (!(fabs(near_v - near_w) <= near_t))                                                                        \
            fail_msg("%s = %.15g, want %.15g +- %.3g", #value, near_v, near_w, near_t);                                \
    } while (0)
/* A statistical test: mean and standard error measured, value predicted. */
#define Z(what, mean, se, want)                                                                                        \
    do {                                                                                                               \
        const double z_ = ((mean) - (want)) / (se);                                                                    \
        print_message("    %-44s %.6f +- %.6f, predicted %.6f: z = %+.2f\n", what, (double)(mean), (double)(se),       \
                      (double)(want), z_);                                                                             \
        if (!(fabs(z_) <= 5)) fail_msg("%s: |z| = %.1f > 5", what, fabs(z_));                                          \
    } while (0)

/* -- models ---------------------------------------------------------------------------------------------------------------- */

/* kind 0: n uncoupled units, F_u = c0 + c1 x + c2 x^2 + c3 x^3.  kind 1: F = A x + I (also as a map). kind 2: a right-hand side per
 * column with its Jacobian. */
typedef void test_rhs(double t, int64_t n, const double *x, double *f);
typedef void test_jac(double t, int64_t n, const double *x, double *J);
typedef struct test_self {
    int64_t n;
    double c[4];
    double A[64], I[8];
    test_rhs *rhs;
    test_jac *jac;
} test_self;

static int64_t test_work(const void *self, sx_op op, int64_t b) {
    const test_self *m = self;
    (void)op;
    (void)b;
    return 2 * m->n + 8;
}

static void test_destroy(sx_ctx *ctx, void *self) {
    sx_free(ctx, self);
}

static void poly_F(const void *self, double t, sx_cbatch x, sx_batch out, sx_work w) {
    const double *c = ((const test_self *)self)->c;
    (void)t;
    (void)w;
    for (int64_t i = 0; i < x.n * x.b; i++) out.x[i] = ((c[3] * x.x[i] + c[2]) * x.x[i] + c[1]) * x.x[i] + c[0];
}

static void poly_jacobian(const void *self, double t, const double *x, double *out, sx_work w) {
    const test_self *m = self;
    const double *c = m->c;
    (void)t;
    (void)w;
    memset(out, 0, (size_t)(m->n * m->n) * sizeof *out);
    for (int64_t i = 0; i < m->n; i++) out[i * m->n + i] = (3 * c[3] * x[i] + 2 * c[2]) * x[i] + c[1];
}

static void linear_F(const void *self, double t, sx_cbatch x, sx_batch out, sx_work w) {
    const test_self *m = self;
    (void)t;
    (void)w;
    for (int64_t i = 0; i < m->n; i++) {
        for (int64_t r = 0; r < x.b; r++) {
            double sum = m->I[i];
            for (int64_t j = 0; j < m->n; j++) sum += m->A[i * m->n + j] * x.x[j * x.b + r];
            out.x[i * x.b + r] = sum;
        }
    }
}

static void linear_jacobian(const void *self, double t, const double *x, double *out, sx_work w) {
    const test_self *m = self;
    (void)t;
    (void)x;
    (void)w;
    memcpy(out, m->A, (size_t)(m->n * m->n) * sizeof *out);
}

static void column_F(const void *self, double t, sx_cbatch x, sx_batch out, sx_work w) {
    const test_self *m = self;
    double *in = w.p, *f = w.p + m->n;
    for (int64_t r = 0; r < x.b; r++) {
        for (int64_t u = 0; u < m->n; u++) in[u] = x.x[u * x.b + r];
        m->rhs(t, m->n, in, f);
        for (int64_t u = 0; u < m->n; u++) out.x[u * x.b + r] = f[u];
    }
}

static void column_jacobian(const void *self, double t, const double *x, double *out, sx_work w) {
    const test_self *m = self;
    (void)w;
    m->jac(t, m->n, x, out);
}

/* J u for right-hand sides that are linear and homogeneous. */
static void column_jvp(const void *self, double t, sx_cbatch x, sx_cbatch u, sx_batch out, sx_work w) {
    (void)x;
    column_F(self, t, u, out, w);
}

static inline sx_model *test_model(sx_ctx *ctx, sx_kind kind, const sx_model_ops *ops, const test_self *self) {
    const sx_state_array array = { "x", "unit", self->n, NULL };
    sx_model_desc d = { .struct_size = sizeof(sx_model_desc) };
    test_self *copy = NULL;
    sx_model *m = NULL;
    OK(sx_alloc(ctx, 1, sizeof *copy, &copy));
    *copy = *self;
    d.ops = ops;
    d.self = copy;
    d.kind = kind;
    d.layout.n = self->n;
    d.layout.n_arrays = 1;
    d.layout.arrays = &array;
    d.block = 64;
    d.panel = 2;
    d.flops = 6.0 * (double)self->n;
    OK(sx_model_create(ctx, &d, &m));
    return m;
}

#define TEST_OPS(title)                                                                                                \
    .abi = SX_MODEL_ABI, .struct_size = sizeof(sx_model_ops), .name = title, .work = test_work, .destroy = test_destroy
static const sx_model_ops poly_ops = { TEST_OPS("polynomial"), .F = poly_F, .jacobian = poly_jacobian };
static const sx_model_ops linear_ops = { TEST_OPS("linear"), .F = linear_F, .jacobian = linear_jacobian };
static const sx_model_ops column_ops = { TEST_OPS("columns"), .F = column_F, .jacobian = column_jacobian };
static const sx_model_ops matrix_free_ops = { TEST_OPS("matrix-free"), .F = column_F, .jvp = column_jvp };

static inline sx_model *poly_model(sx_ctx *ctx, int64_t n, double c0, double c1, double c2, double c3) {
    test_self s = { .n = n, .c = { c0, c1, c2, c3 } };
    return test_model(ctx, SX_FLOW, &poly_ops, &s);
}

static inline sx_model *linear_model(sx_ctx *ctx, sx_kind kind, int64_t n, const double *A, const double *I) {
    test_self s = { .n = n };
    memcpy(s.A, A, (size_t)(n * n) * sizeof *A);
    if (I) memcpy(s.I, I, (size_t)n * sizeof *I);
    return test_model(ctx, kind, &linear_ops, &s);
}

/* -- noises ---------------------------------------------------------------------------------------------------------------- */

/* B = s x / sqrt 2: dx = s x dW. B B' = s^2 x / 2, d D/dx = s^2 x. self: s. */
static void gbm_B(const void *self, double t, sx_cbatch x, sx_cbatch w, sx_batch out, sx_work k) {
    const double s = *(const double *)self / sqrt(2.0);
    (void)t;
    (void)k;
    for (int64_t i = 0; i < x.n * x.b; i++) out.x[i] = s * x.x[i] * w.x[i];
}
static void gbm_strat(const void *self, double t, sx_cbatch x, sx_batch out, sx_work k) {
    const double s = *(const double *)self;
    (void)t;
    (void)k;
    for (int64_t i = 0; i < x.n * x.b; i++) out.x[i] = 0.5 * s * s * x.x[i];
}
static void gbm_div_D(const void *self, double t, sx_cbatch x, sx_batch out, sx_work k) {
    const double s = *(const double *)self;
    (void)t;
    (void)k;
    for (int64_t i = 0; i < x.n * x.b; i++) out.x[i] = s * s * x.x[i];
}

/* D = 1 + x^2: B B' = x, dD/dx = 2 x; with G = 1/(1 + x^2): |G|^-1/2 d(|G|^1/2 D) = x. */
static void lorentz_B(const void *self, double t, sx_cbatch x, sx_cbatch w, sx_batch out, sx_work k) {
    (void)self;
    (void)t;
    (void)k;
    for (int64_t i = 0; i < x.n * x.b; i++) out.x[i] = sqrt(1.0 + x.x[i] * x.x[i]) * w.x[i];
}
static void lorentz_strat(const void *self, double t, sx_cbatch x, sx_batch out, sx_work k) {
    (void)self;
    (void)t;
    (void)k;
    for (int64_t i = 0; i < x.n * x.b; i++) out.x[i] = x.x[i];
}
static void lorentz_div_D(const void *self, double t, sx_cbatch x, sx_batch out, sx_work k) {
    (void)self;
    (void)t;
    (void)k;
    for (int64_t i = 0; i < x.n * x.b; i++) out.x[i] = 2.0 * x.x[i];
}

/* Two units, two sources that do not commute: dx1 = dW1, dx2 = x1 dW2. All corrections vanish: (d_k B_ij) B_kj = 0. */
static void area_B(const void *self, double t, sx_cbatch x, sx_cbatch w, sx_batch out, sx_work k) {
    const double s = 1 / sqrt(2.0);
    (void)self;
    (void)t;
    (void)k;
    for (int64_t r = 0; r < x.b; r++) {
        out.x[r] = s * w.x[r];
        out.x[x.b + r] = s * x.x[r] * w.x[x.b + r];
    }
}
static void zero_term(const void *self, double t, sx_cbatch x, sx_batch out, sx_work k) {
    (void)self;
    (void)t;
    (void)x;
    (void)k;
    memset(out.x, 0, (size_t)(out.n * out.b) * sizeof(double));
}

static int64_t noise_work(const void *self, int64_t b) {
    (void)self;
    (void)b;
    return 0;
}

#define TEST_NOISE(title) .abi = SX_MODEL_ABI, .struct_size = sizeof(sx_noise_ops), .name = title, .work = noise_work
static const sx_noise_ops gbm_ops = {
    TEST_NOISE("gbm"), .B = gbm_B, .strat = gbm_strat, .div_D = gbm_div_D, .destroy = test_destroy,
};
static const sx_noise_ops lorentz_ops = {
    TEST_NOISE("lorentz"), .B = lorentz_B, .strat = lorentz_strat, .div_D = lorentz_div_D, .covariant = lorentz_strat,
};
static const sx_noise_ops area_ops = { TEST_NOISE("area"), .B = area_B, .strat = zero_term, .div_D = zero_term };

/* The model m, which is consumed, with this noise, which is consumed too. */
static inline sx_model *noisy(sx_ctx *ctx, sx_model *m, sx_noise *noise, sx_calculus calculus) {
    sx_model *out = NULL;
    OK(sx_model_with_noise(ctx, m, noise, calculus, &out));
    sx_model_free(ctx, m);
    sx_noise_free(ctx, noise);
    return out;
}

static inline sx_model *with_additive(sx_ctx *ctx, sx_model *m, double D) {
    sx_noise *noise = NULL;
    const sx_values v = { 1, &D };
    OK(sx_noise_additive(ctx, sx_model_n(m), v, &noise));
    return noisy(ctx, m, noise, SX_ITO);
}

static inline sx_model *with_factor(sx_ctx *ctx, sx_model *m, int64_t rank, const double *B) {
    sx_noise *noise = NULL;
    OK(sx_noise_additive_factor(ctx, sx_model_n(m), rank, B, &noise));
    return noisy(ctx, m, noise, SX_ITO);
}

static inline sx_model *with_gbm(sx_ctx *ctx, sx_model *m, double s, sx_calculus calculus) {
    sx_noise *noise = NULL;
    double *self = NULL;
    OK(sx_alloc(ctx, 1, sizeof *self, &self));
    *self = s;
    OK(sx_noise_create(ctx, &gbm_ops, self, SX_NOISE_DIAGONAL, sx_model_n(m), sx_model_n(m), &noise));
    return noisy(ctx, m, noise, calculus);
}

static inline sx_model *with_lorentz(sx_ctx *ctx, sx_model *m, sx_calculus calculus) {
    sx_noise *noise = NULL;
    OK(sx_noise_create(ctx, &lorentz_ops, NULL, SX_NOISE_DIAGONAL, sx_model_n(m), sx_model_n(m), &noise));
    return noisy(ctx, m, noise, calculus);
}

static inline sx_model *with_area(sx_ctx *ctx) {
    sx_noise *noise = NULL;
    OK(sx_noise_create(ctx, &area_ops, NULL, SX_NOISE_GENERAL, 2, 2, &noise));
    return noisy(ctx, poly_model(ctx, 2, 0, 0, 0, 0), noise, SX_ITO);
}

/* -- a stepper with its scratch -------------------------------------------------------------------------------------------- */

typedef struct rig {
    sx_ctx *ctx;
    sx_model *m; /* owned */
    sx_stepper *s;
    sx_work w;
} rig;

static inline rig rig_create(sx_ctx *ctx, sx_model *m, sx_method method, double h, int64_t b) {
    rig g = { ctx, m, NULL, { NULL, 0, NULL, 0 } };
    OK(sx_stepper_create(ctx, m, method, h, 1e-8, 1e-10, &g.s));
    g.w.doubles = sx_stepper_work(g.s, b);
    OK(sx_alloc(ctx, g.w.doubles, sizeof(double), &g.w.p));
    return g;
}

static inline void rig_free(rig *g) {
    sx_free(g->ctx, g->w.p);
    sx_stepper_free(g->ctx, g->s);
    sx_model_free(g->ctx, g->m);
}

static inline double *numbers(sx_ctx *ctx, int64_t n) {
    double *p = NULL;
    OK(sx_alloc(ctx, n, sizeof *p, &p));
    return p;
}

static int setup(void **state) {
    *state = sx_ctx_create(NULL);
    return *state ? 0 : -1;
}
static int teardown(void **state) {
    const size_t left = sx_ctx_bytes(*state);
    sx_ctx_free(*state);
    if (left) print_error("%zu bytes leaked\n", left);
    return left ? -1 : 0;
}

#endif
