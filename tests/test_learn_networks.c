// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Independent networks in one task, scheduled presentations, and what is counted as an attractor. Simulation 1 of Spisak & Friston (arXiv 2505.22749) over
 * seeds in one run: bands of the theory text, sections 6 and 11. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "learn_testing.h"

enum { N = 25, NETWORKS = 20 };

/* Two correlated 5 x 5 patterns, each to mean 0 and standard deviation 1. */
static void bars(double *x) {
    memset(x, 0, 2 * N * sizeof *x);
    for (int k = 0; k < 2; k++) {
        double m = 0, v = 0, *p = x + k * N;
        for (int i = 0; i < 5; i++) p[k ? 10 + i : 5 * i + 2] = 1;
        p[12] = 4;
        for (int i = 0; i < N; i++) m += p[i] / N;
        for (int i = 0; i < N; i++) v += (p[i] - m) * (p[i] - m) / N;
        for (int i = 0; i < N; i++) p[i] = (p[i] - m) / sqrt(v);
    }
}

static sx_learn_opts simulation(const double *x, int64_t networks) {
    sx_learn_opts o = defaults(SX_RULE_FREE_ENERGY, 2, N, x);
    o.rate = 0.01;
    o.evidence = 30;
    o.inverse_temperature = 0.1;
    o.epochs = 500;
    o.steps = 10;
    o.monitor = 1;
    o.networks = networks;
    return o;
}

/* Acceptance rows 4 and 6: correlation of the attractors over 20 networks in [-0.20, -0.15], each in [-0.26, -0.08]; free energy of the first 100 steps
 * -455 (5), of the last -536.5 (2). The distribution is known better now: 80 networks of tests/nightly/fep_numpy.py give -0.197 +- 0.036 (single
 * network), 240 of this program -0.193 +- 0.032; 40 of the theory text -0.178 +- 0.030. So a mean over 20 scatters by 0.007 about -0.194, and one seed in
 * five is outside of the band; this seed is not. Within it the test asks for the mean over both, |z| <= 5 (mutants learn_prediction, learn_networks). */
static void simulation_1(void **state) {
    sx_ctx *ctx = *state;
    double x[2 * N], r[NETWORKS], found[NETWORKS], F[5000], se[5000], asymmetry, norm, mean = 0, sd = 0, first = 0,
                                                                                       last = 0;
    bars(x);
    sx_model *m = sampled(ctx, sx_free_energy_create, N, SX_SAMPLER_SYNC, 1, NULL, NULL);
    sx_learn_opts o = simulation(x, NETWORKS);
    sx_result *result = learn(ctx, m, &o);
    get(ctx, result, "attractor_correlation", r);
    get(ctx, result, "n_attractors", found);
    for (int k = 0; k < NETWORKS; k++) {
        assert_true(found[k] == 2);
        assert_true(r[k] > -0.26 && r[k] < -0.08);
        mean += r[k] / NETWORKS;
    }
    for (int k = 0; k < NETWORKS; k++) sd += (r[k] - mean) * (r[k] - mean) / (NETWORKS - 1);
    sd = sqrt(sd);
    print_message("r of the attractors: %.4f +- %.4f\n", mean, sd);
    assert_true(mean > -0.20 && mean < -0.15);
    assert_true(fabs(mean + 0.194) < 5 * 0.032 / sqrt((double)NETWORKS));
    assert_true(sd > 0.032 * (1 - 5 / sqrt(2.0 * NETWORKS)) && sd < 0.032 * (1 + 5 / sqrt(2.0 * NETWORKS)));
    get(ctx, result, "asymmetry", &asymmetry);
    get(ctx, result, "norm", &norm);
    assert_true(fabs(asymmetry - 0.787) < 0.02 && fabs(norm - 10.37) < 5 * 0.11 / sqrt((double)NETWORKS));
    get(ctx, result, "free_energy", F);
    get(ctx, result, "free_energy_se", se);
    for (int i = 0; i < 100; i++) first += F[i] / 100, last += F[4900 + i] / 100;
    print_message("free energy: %.1f, then %.1f\n", first, last);
    assert_true(fabs(first + 455) < 5 && fabs(last + 536.5) < 2);
    for (int i = 1; i < 5000; i++) assert_true(se[i] > 0);
    sx_result_free(ctx, result);
    sx_model_free(ctx, m);
}

/* Row 4: with a sequential sweep nothing becomes orthogonal: +0.923 +- 0.206 over 40 networks of the theory text. */
static void sweep(void **state) {
    sx_ctx *ctx = *state;
    double x[2 * N], r[NETWORKS], mean = 0;
    bars(x);
    sx_model *m = sampled(ctx, sx_free_energy_create, N, SX_SAMPLER_GIBBS_SWEEP, 1, NULL, NULL);
    sx_learn_opts o = simulation(x, NETWORKS);
    sx_result *result = learn(ctx, m, &o);
    get(ctx, result, "attractor_correlation", r);
    for (int k = 0; k < NETWORKS; k++) mean += r[k] / NETWORKS;
    print_message("r of the attractors: %.4f\n", mean);
    assert_true(mean > 0.5 && fabs(mean - 0.923) < 5 * 0.206 * sqrt(1.0 / NETWORKS + 1.0 / 40));
    sx_result_free(ctx, result);
    sx_model_free(ctx, m);
}

/* Network 0 is the network of a task with one, the others are others; curves are means over networks with their errors; the same bits on three threads
 * and in short segments. */
static void reduction(void **state) {
    (void)state;
    enum { K = 3, S = 2, R = 20 };
    double x[2 * N], one[S * N * N], all[K * S * N * N], again[K * S * N * N], norm[S], se[S], F[R], F1[R], error[R];
    bars(x);
    for (int threads = 1; threads <= 3; threads += 2) {
        sx_host host = { .struct_size = sizeof host, .threads = threads };
        sx_ctx *ctx = sx_ctx_create(&host);
        sx_model *m = sampled(ctx, sx_free_energy_create, N, SX_SAMPLER_SYNC, 1, NULL, NULL);
        sx_learn_opts o = simulation(x, 1);
        o.epochs = 20;
        o.monitor = 10;
        o.snapshots.n = S;
        sx_result *r = learn(ctx, m, &o);
        get(ctx, r, "weights", one);
        get(ctx, r, "free_energy", F1);
        sx_result_free(ctx, r);
        o.networks = K;
        o.segment_ = threads == 1 ? 0 : 7;
        r = learn(ctx, m, &o);
        get(ctx, r, "weights", threads == 1 ? all : again);
        get(ctx, r, "norm", norm);
        get(ctx, r, "norm_se", se);
        get(ctx, r, "free_energy", F);
        get(ctx, r, "free_energy_se", error);
        assert_memory_equal(all, one, sizeof one);
        for (int s = 0; s < S; s++) {
            double each[K], mean = 0, square = 0;
            for (int k = 0; k < K; k++) {
                each[k] = 0;
                for (int i = 0; i < N * N; i++) each[k] += all[(k * S + s) * N * N + i] * all[(k * S + s) * N * N + i];
                each[k] = sqrt(each[k]);
                mean += each[k] / K;
                assert_true(k == 0 || fabs(each[k] - each[0]) > 1e-3);
            }
            for (int k = 0; k < K; k++) square += (each[k] - mean) * (each[k] - mean) / (K * (K - 1));
            assert_true(fabs(norm[s] - mean) < 1e-12 * mean && fabs(se[s] - sqrt(square)) < 1e-12 * mean);
        }
        for (int i = 0; i < R; i++) assert_true(error[i] > 0 && F[i] != F1[i]);
        sx_result_free(ctx, r);
        sx_model_free(ctx, m);
        assert_true(sx_ctx_bytes(ctx) == 0);
        sx_ctx_free(ctx);
    }
    assert_memory_equal(all, again, sizeof all);
}

/* A schedule of all rows is the sequential order; one that repeats rows is the sequential order of data that repeat them. */
static void schedule(void **state) {
    enum { M = 6, P = 3, Q = 5 };
    static const double rows[Q] = { 2, 0, 0, 1, 2 };
    sx_ctx *ctx = *state;
    double x[P * M], y[Q * M], a[M * M], b[M * M];
    for (int i = 0; i < P * M; i++) x[i] = sin(1 + 2.3 * i);
    for (int k = 0; k < Q; k++) memcpy(y + k * M, x + (int)rows[k] * M, M * sizeof *y);
    sx_model *m = sampled(ctx, sx_free_energy_create, M, SX_SAMPLER_SYNC, 0.6, NULL, NULL);
    static const int rules[] = { SX_RULE_FREE_ENERGY, SX_RULE_ANTISYMMETRIC, SX_RULE_OJA };
    for (int k = 0; k < 3; k++) {
        sx_learn_opts o = defaults(rules[k], Q, M, y);
        o.epochs = 2 * Q + 1;
        o.order = 1;
        sx_result *r = learn(ctx, m, &o);
        get(ctx, r, "weights", a);
        sx_result_free(ctx, r);
        o.data = (sx_data){ .name = "patterns", .rows = P, .columns = M, .x = x };
        o.order = 2;
        o.schedule = (sx_values){ Q, rows };
        r = learn(ctx, m, &o);
        get(ctx, r, "weights", b);
        sx_result_free(ctx, r);
        assert_memory_equal(a, b, sizeof a);
    }
    sx_model_free(ctx, m);
}

/* With s also -s is an attractor: x and -x lead to two states, which are one attractor up to its sign (mutant attractor_mirrors). */
static void mirrors(void **state) {
    enum { M = 8 };
    static const double x[3 * M] = {
        1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1, -1, 1, 1, 1, 1, 1, -1, 1, -1, 1, -1, 1, -1
    };
    sx_ctx *ctx = *state;
    double W[M * M], hits[3], found, unsettled, s[3 * M], r;
    for (int i = 0; i < M; i++)
        for (int j = 0; j < M; j++) W[i * M + j] = i == j ? 0 : 0.9 * (x[i] * x[j] + x[2 * M + i] * x[2 * M + j]);
    sx_model *m = sampled(ctx, sx_free_energy_create, M, SX_SAMPLER_SYNC, 1, W, NULL);
    sx_learn_opts o = defaults(SX_RULE_OJA, 3, M, x);
    o.start = 1;
    o.rate = 1e-300; /* the weights stay */
    sx_result *result = learn(ctx, m, &o);
    get(ctx, result, "n_attractors", &found);
    get(ctx, result, "n_unsettled", &unsettled);
    get(ctx, result, "hits", hits);
    get(ctx, result, "state", s);
    get(ctx, result, "attractor_correlation", &r);
    assert_true(found == 2 && unsettled == 0);
    for (int k = 0; k < 3; k++) assert_true(hits[k] == 1);
    for (int i = 0; i < M; i++) assert_true(fabs(s[i] + s[M + i]) < 1e-9 && s[i] * x[i] > 0.3);
    assert_true(fabs(r + 1.0 / 3) < 1e-9); /* -1, 0 and 0 */
    sx_result_free(ctx, result);
    sx_model_free(ctx, m);
}

static void refusals(void **state) {
    sx_ctx *ctx = *state;
    static const double x[6] = { 1, 1, 1, -1, 1, -1 }, good[2] = { 2, 0 }, bad[2] = { 0, 3 }, half[1] = { 0.5 };
    sx_model *m = sampled(ctx, sx_free_energy_create, 2, SX_SAMPLER_SYNC, 1, NULL, NULL);
    static const struct {
        int rule, order;
        int64_t networks;
        sx_values schedule;
        const char *text;
    } cases[] = {
        { SX_RULE_HEBB, 0, 2, { 0, NULL }, "nothing is drawn with the rule \"hebb\", all networks would be the same" },
        { SX_RULE_OJA, 1, 2, { 0, NULL }, "nothing is drawn with the rule \"oja\" and this order of presentation" },
        { SX_RULE_OJA, 2, 1, { 0, NULL }, "learn.schedule is missing" },
        { SX_RULE_OJA, 0, 1, { 2, good }, "want order = \"scheduled\" with it" },
        { SX_RULE_OJA, 2, 1, { 2, bad }, "learn.schedule[1] = 3: want a row of the data, 0 to 2" },
        { SX_RULE_OJA, 2, 1, { 1, half }, "learn.schedule[0] = 0.5: want a row" },
        { SX_RULE_OJA, 0, 0, { 0, NULL }, "networks" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sx_learn_opts o = defaults(cases[i].rule, 3, 2, x);
        sx_plan plan;
        o.order = cases[i].order;
        o.networks = cases[i].networks;
        o.schedule = cases[i].schedule;
        assert_int_equal(sx_task_plan(ctx, &sx_learn_task, m, &o, "train", &plan), SX_E_USAGE);
        if (!strstr(sx_ctx_message(ctx), cases[i].text)) fail_msg("%s", sx_ctx_message(ctx));
        sx_ctx_clear(ctx);
    }
    sx_model_free(ctx, m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(simulation_1, setup, teardown),
        cmocka_unit_test_setup_teardown(sweep, setup, teardown),
        cmocka_unit_test(reduction),
        cmocka_unit_test_setup_teardown(schedule, setup, teardown),
        cmocka_unit_test_setup_teardown(mirrors, setup, teardown),
        cmocka_unit_test_setup_teardown(refusals, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
