// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Rules about equilibria, activities and geometry: gradients against differences of a cost that is solved here in another way, closed forms, a task that no
 * network without hidden units can do. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "learn_testing.h"

static sx_model *spins(sx_ctx *ctx, int64_t n, int sampler, double beta, const double *J, const double *bias) {
    return sampled(ctx, sx_ising_create, n, sampler, beta, J, bias);
}

/* -- equilibrium propagation ------------------------------------------------------------------------------------------------------------ */

enum { UNITS = 7, HELD = 2, WANTED = 5 }; /* 0, 1 clamped; 2, 3, 4 hidden; 5, 6 targets */
static const double beta = 0.9;

/* (s_5 - x_5)^2 / 2 + (s_6 - x_6)^2 / 2 at the fixed point of s = tanh(beta (b + J s)), all units at once, half a step at a time. */
static double cost(const double *J, const double *b, const double *x) {
    double s[UNITS] = { x[0], x[1] }, c = 0;
    for (int step = 0; step < 4000; step++) {
        double y[UNITS];
        for (int i = HELD; i < UNITS; i++) {
            double t = b[i];
            for (int j = 0; j < UNITS; j++) t += J[i * UNITS + j] * s[j];
            y[i] = tanh(beta * t);
        }
        for (int i = HELD; i < UNITS; i++) s[i] += 0.5 * (y[i] - s[i]);
    }
    for (int i = WANTED; i < UNITS; i++) c += (s[i] - x[i]) * (s[i] - x[i]) / 2;
    return c;
}

/* The change of the weights is -rate times the derivative of the cost by J_ij = J_ji, up to nudge^2: against central differences; a tenth of the nudge, a
 * hundredth of the error. */
static void gradient(void **state) {
    sx_ctx *ctx = *state;
    double J[UNITS * UNITS] = { 0 }, b[UNITS], x[UNITS], W[UNITS * UNITS], c, error[2] = { 0 };
    for (int i = 0; i < UNITS; i++) {
        b[i] = 0.3 * sin(5 + i);
        x[i] = 0.8 * cos(2 * i + 1);
        for (int j = 0; j < i; j++) J[i * UNITS + j] = J[j * UNITS + i] = 0.9 * sin(1 + 3 * i + 11 * j);
    }
    sx_model *m = spins(ctx, UNITS, SX_SAMPLER_SYNC, beta, J, b);
    for (int k = 0; k < 2; k++) {
        sx_learn_opts o = defaults(SX_RULE_EQUILIBRIUM_PROPAGATION, 1, UNITS, x);
        o.attractors = false;
        o.start = 1;
        o.rate = 1;
        o.steps = 2000;
        o.nudge = k ? 0.005 : 0.05;
        o.clamped = "0:2";
        o.targets = "5:7";
        sx_result *r = learn(ctx, m, &o);
        get(ctx, r, "weights", W);
        get(ctx, r, "cost", &c);
        assert_true(fabs(c - cost(J, b, x)) < 1e-12);
        for (int i = 0; i < UNITS; i++)
            for (int j = 0; j <= i; j++) {
                double change = W[i * UNITS + j] - J[i * UNITS + j], d = 1e-4, C[2], K[UNITS * UNITS];
                assert_true(W[i * UNITS + j] == W[j * UNITS + i]);
                if (i == j || i < HELD) {
                    assert_true(change == 0);
                    continue;
                }
                for (int side = 0; side < 2; side++) {
                    memcpy(K, J, sizeof K);
                    K[i * UNITS + j] += side ? d : -d;
                    K[j * UNITS + i] = K[i * UNITS + j];
                    C[side] = cost(K, b, x);
                }
                error[k] = fmax(error[k], fabs(change + (C[1] - C[0]) / (2 * d)));
            }
        sx_result_free(ctx, r);
    }
    assert_true(error[0] < 1e-2 && error[1] < 1e-4);
    assert_true(fabs(error[0] / error[1] - 100) < 10);
    sx_model_free(ctx, m);
}

/* Exclusive or: inputs -1 and 1 and a constant, four hidden units, one target. The cost of the best answer without hidden units, 0, is 0.8^2/2 = 0.32 on
 * average; learned to below a hundredth of it. */
static void exclusive_or(void **state) {
    enum { N = 8, T = 6000 };
    sx_ctx *ctx = *state;
    double J[N * N] = { 0 }, x[4 * N] = { 0 }, z[N * N], *c, first = 0, last = 0;
    sx_normal_fill(sx_key_seed(7), 0, SX_SLOT_USER, 0, N * N, 1, z);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < i; j++) J[i * N + j] = J[j * N + i] = 0.5 * z[i * N + j];
    for (int k = 0; k < 4; k++) {
        double *p = x + k * N;
        p[0] = k & 1 ? 1 : -1;
        p[1] = k & 2 ? 1 : -1;
        p[2] = 1;
        p[7] = -0.8 * p[0] * p[1];
    }
    sx_model *m = spins(ctx, N, SX_SAMPLER_SYNC, 1, J, NULL);
    sx_learn_opts o = defaults(SX_RULE_EQUILIBRIUM_PROPAGATION, 4, N, x);
    o.attractors = false;
    o.start = 1;
    o.rate = 0.1;
    o.epochs = T;
    o.steps = 100;
    o.nudge = 0.1;
    o.order = 1;
    o.clamped = "0:3";
    o.targets = "7:8";
    o.monitor = 1;
    assert_non_null(c = malloc(T * sizeof *c));
    sx_result *r = learn(ctx, m, &o);
    get(ctx, r, "cost", c);
    for (int i = 0; i < 100; i++) first += c[i] / 100, last += c[T - 100 + i] / 100;
    if (!(first > 0.25 && last < 0.0032)) fail_msg("cost %g, then %g", first, last);
    free(c);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
}

/* -- synaptic scaling --------------------------------------------------------------------------------------------------------------------- */

/* Without noise and with a constant state s* = (r, r, -r) the rule ends at rows g_i J_i with tanh(b_i + g_i sum_j J_ij s_j*) = s_i*, so
 * g_i = (atanh s_i* - b_i) / sum_j J_ij s_j*; one presentation of one step from s = 0 has r_i = |tanh b_i|. */
static void scaling(void **state) {
    enum { N = 3 };
    sx_ctx *ctx = *state;
    static const double J[N * N] = { 0, 0.7, -0.4, 0.3, 0, -0.6, -0.5, -0.9, 0 }, b[N] = { 0.2, 0.1, -0.15 };
    double W[N * N];
    sx_model *m = spins(ctx, N, SX_SAMPLER_DETERMINISTIC, 1, J, b);
    sx_learn_opts o = defaults(SX_RULE_SYNAPTIC_SCALING, 0, N, NULL);
    o.attractors = false;
    o.start = 1;
    o.steps = 1;
    o.rate = 0.4;
    o.activity = 0.3;
    sx_result *r = learn(ctx, m, &o);
    get(ctx, r, "weights", W);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++)
            assert_true(fabs(W[i * N + j] - J[i * N + j] * pow(0.3 / tanh(fabs(b[i])), 0.4)) < 1e-15);
    sx_result_free(ctx, r);
    o.steps = 50;
    o.epochs = 400;
    o.activity = 0.6;
    r = learn(ctx, m, &o);
    get(ctx, r, "weights", W);
    static const double s[N] = { 0.6, 0.6, -0.6 };
    for (int i = 0; i < N; i++) {
        double h = 0;
        for (int j = 0; j < N; j++) h += J[i * N + j] * s[j];
        double g = (atanh(s[i]) - b[i]) / h;
        for (int j = 0; j < N; j++) assert_true(fabs(W[i * N + j] - g * J[i * N + j]) < 1e-9);
    }
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
}

/* -- geometry ------------------------------------------------------------------------------------------------------------------------------- */

/* H = diag(10^-3 ... 1), G(0) = 1: the rates are h / (h + (1 - h) e^-t) (theory A5, L3) to 1e-8, and their spread goes from 1000 to 1; with H turned by a
 * rotation the same. */
static void metric(void **state) {
    enum { N = 64 };
    sx_ctx *ctx = *state;
    static double H[N * N], rate[N], G[N * N];
    for (int turned = 0; turned < 2; turned++) {
        sx_composed_opts c = { .struct_size = sizeof c };
        sx_model *m = NULL;
        sx_fields_default(sx_composed_fields, &c);
        c.struct_size = sizeof c;
        memset(H, 0, sizeof H);
        for (int i = 0; i < N; i++) H[i * N + i] = pow(10, -3 + 3.0 * i / (N - 1));
        for (int i = 0; turned && i + 1 < N; i += 2) { /* pairs of axes turned by 45 degrees */
            double p = H[i * N + i], q = H[(i + 1) * N + i + 1];
            H[i * N + i] = H[(i + 1) * N + i + 1] = (p + q) / 2;
            H[i * N + i + 1] = H[(i + 1) * N + i] = (p - q) / 2;
        }
        c.n = N;
        c.potential = SX_POTENTIAL_QUADRATIC;
        c.a = (sx_values){ N * N, H };
        OK(sx_composed_create(ctx, &c, NULL, NULL, NULL, &m));
        for (int t = 1; t <= 20; t += 19) {
            sx_learn_opts o = defaults(SX_RULE_METRIC, 0, N, NULL);
            o.attractors = false;
            o.rate = 0.5;
            o.epochs = t;
            sx_result *r = learn(ctx, m, &o);
            get(ctx, r, "relaxation_rate", rate);
            get(ctx, r, "metric", G);
            for (int i = 0; i < N; i++) {
                double h = pow(10, -3 + 3.0 * i / (N - 1));
                assert_true(fabs(rate[i] - h / (h + (1 - h) * exp(-0.5 * t))) < 1e-8);
                assert_true(fabs(G[i * N + i] - (H[i * N + i] + (1 - H[i * N + i]) * exp(-0.5 * t))) < 1e-10);
            }
            sx_result_free(ctx, r);
        }
        sx_model_free(ctx, m);
    }
}

/* Quartic potential, H_i = the mean over two patterns of a + 2 b x_i + 3 g x_i^2. */
static void metric_at_patterns(void **state) {
    enum { N = 3 };
    sx_ctx *ctx = *state;
    static const double x[2 * N] = { 1, -2, 0.5, 2, 1.5, -1 }, a = 0.5;
    double G[N * N];
    sx_composed_opts c = { .struct_size = sizeof c };
    sx_model *m = NULL;
    sx_fields_default(sx_composed_fields, &c);
    c.struct_size = sizeof c;
    c.n = N;
    c.potential = SX_POTENTIAL_QUARTIC;
    c.a = (sx_values){ 1, &a };
    c.b = 0.25;
    c.g = 0.75;
    OK(sx_composed_create(ctx, &c, NULL, NULL, NULL, &m));
    sx_learn_opts o = defaults(SX_RULE_METRIC, 2, N, x);
    o.attractors = false;
    o.rate = 800; /* e^-800 = 0: G is H */
    sx_result *r = learn(ctx, m, &o);
    get(ctx, r, "metric", G);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            double p = x[i], q = x[N + i], want = 0.5 + 0.25 * (p + q) + 2.25 * (p * p + q * q) / 2;
            assert_true(fabs(G[i * N + j] - (i == j ? want : 0)) < 1e-11);
        }
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
}

/* Two steps without noise from s = 0, written out: rows of the second change are divided by m'(beta h_i), those of the first by m'(0): 1 for spins. */
static void natural(void **state) {
    enum { N = 4 };
    sx_ctx *ctx = *state;
    double J[N * N], W[N * N], x[N], s[N] = { 0 };
    for (int i = 0; i < N; i++) {
        x[i] = cos(3 * i);
        for (int j = 0; j < N; j++) J[i * N + j] = i == j ? 0 : 0.8 * sin(2 + i + 5 * j);
    }
    sx_model *m = spins(ctx, N, SX_SAMPLER_DETERMINISTIC, 0.7, J, NULL);
    sx_learn_opts o = defaults(SX_RULE_NATURAL_GRADIENT, 1, N, x);
    o.attractors = false;
    o.start = 1;
    o.rate = 0.05;
    o.evidence = 1.5;
    o.steps = 2;
    sx_result *r = learn(ctx, m, &o);
    get(ctx, r, "weights", W);
    for (int step = 0; step < 2; step++) {
        double h[N];
        for (int i = 0; i < N; i++) {
            h[i] = 0;
            for (int j = 0; j < N; j++) h[i] += J[i * N + j] * s[j];
        }
        for (int i = 0; i < N; i++) s[i] = tanh(0.7 * (1.5 * x[i] + h[i]));
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++)
                if (i != j) J[i * N + j] += 0.05 * (s[i] - tanh(h[i])) * s[j] * cosh(0.7 * h[i]) * cosh(0.7 * h[i]);
    }
    for (int i = 0; i < N * N; i++) assert_true(fabs(W[i] - J[i]) < 1e-14);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
}

static void refusals(void **state) {
    sx_ctx *ctx = *state;
    static const double x[2] = { 1, 1 }, skew[4] = { 0, 1, -1, 0 };
    static const struct {
        int rule, start;
        bool data;
        const char *clamped, *targets, *text;
    } cases[] = {
        { SX_RULE_EQUILIBRIUM_PROPAGATION, 1, true, NULL, NULL, "wants symmetric first weights, but J[1][0] = -1" },
        { SX_RULE_EQUILIBRIUM_PROPAGATION, 0, true, "0:3", NULL,
          "learn.clamped = \"0:3\": want units \"first:end\" of 0:2" },
        { SX_RULE_EQUILIBRIUM_PROPAGATION, 0, true, NULL, "one", "learn.targets = \"one\"" },
        { SX_RULE_EQUILIBRIUM_PROPAGATION, 0, true, "1:1", NULL, "learn.clamped = \"1:1\"" },
        { SX_RULE_EQUILIBRIUM_PROPAGATION, 0, false, NULL, NULL, "learn.data is missing" },
        { SX_RULE_SYNAPTIC_SCALING, 0, false, NULL, NULL, "the rule \"synaptic-scaling\" scales weights" },
    };
    sx_model *m = spins(ctx, 2, SX_SAMPLER_SYNC, 1, skew, NULL);
    sx_plan plan;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sx_learn_opts o = defaults(cases[i].rule, cases[i].data, 2, x);
        o.attractors = false;
        o.start = cases[i].start;
        o.clamped = cases[i].clamped;
        o.targets = cases[i].targets;
        assert_int_equal(sx_task_plan(ctx, &sx_learn_task, m, &o, "train", &plan), SX_E_USAGE);
        if (!strstr(sx_ctx_message(ctx), cases[i].text)) fail_msg("%s", sx_ctx_message(ctx));
        sx_ctx_clear(ctx);
    }
    sx_model_free(ctx, m);
    /* a model without a potential */
    sx_rate_opts ro = SX_RATE_OPTS;
    sx_coupling *w = NULL;
    sx_fields_default(sx_rate_fields, &ro);
    ro.struct_size = sizeof ro;
    OK(sx_coupling_dense(ctx, 2, 2, skew, &w));
    OK(sx_rate_create(ctx, &ro, w, NULL, NULL, NULL, &m));
    sx_learn_opts o = defaults(SX_RULE_METRIC, 0, 2, NULL);
    o.attractors = false;
    assert_int_equal(sx_task_plan(ctx, &sx_learn_task, m, &o, "train", &plan), SX_E_UNSUPPORTED);
    assert_non_null(strstr(sx_ctx_message(ctx), "follows a potential"));
    sx_ctx_clear(ctx);
    sx_coupling_free(ctx, w);
    sx_model_free(ctx, m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradient), cmocka_unit_test(exclusive_or),       cmocka_unit_test(scaling),
        cmocka_unit_test(metric),   cmocka_unit_test(metric_at_patterns), cmocka_unit_test(natural),
        cmocka_unit_test(refusals)
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
