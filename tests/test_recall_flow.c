// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Recall by flows and maps, and overlaps over time: closed forms only. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "learn_testing.h"

enum { N = 8, P = 2 };
/* orthogonal */
static const double xi[P * N] = { 1, 1, 1, 1, -1, -1, -1, -1, 1, -1, 1, -1, 1, -1, 1, -1 };

static sx_recall_opts asks(void) {
    sx_recall_opts o = SX_RECALL_OPTS;
    sx_fields_default(sx_recall_fields, &o);
    o.struct_size = sizeof o;
    o.data = (sx_data){ .name = "patterns", .rows = P, .columns = N, .x = xi };
    o.snr = 0;
    o.trials = P;
    return o;
}

static sx_result *recall(sx_ctx *ctx, const sx_model *m, const sx_recall_opts *o) {
    sx_result *r = NULL;
    OK(sx_result_create(ctx, NULL, &r));
    OK(sx_task_run(ctx, &sx_recall_task, m, o, sx_key_seed(4), "train", NULL, r));
    return r;
}

/* sum_mu g_mu xi_mu xi_mu^T / N */
static sx_coupling *memories(sx_ctx *ctx, double g0, double g1) {
    double W[N * N];
    sx_coupling *w = NULL;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) W[i * N + j] = (g0 * xi[i] * xi[j] + g1 * xi[N + i] * xi[N + j]) / N;
    OK(sx_coupling_dense(ctx, N, N, W, &w));
    return w;
}

/* x' = -x + W x with W = sum g_mu xi_mu xi_mu^T / N: m_mu(t) = m_mu(0) e^{(g_mu - 1) t}; a map x' = W x: m_mu(k) = m_mu(0) g_mu^k. The cue of trial 0 is
 * 1.5 xi_0, of trial 1 1.5 xi_1, so the mean over trials is that of two exponentials and its error their distance / 2 (mutant recall_target). */
static void linear(void **state) {
    sx_ctx *ctx = *state;
    for (int map = 0; map < 2; map++) {
        sx_linear_opts lo = SX_LINEAR_OPTS;
        sx_model *m = NULL;
        sx_coupling *w = memories(ctx, 0.25, 0.75);
        double t[100], own[100], se[100], m_mu[100 * P], response[P * N], gain;
        const double one = 1;
        sx_fields_default(sx_linear_fields, &lo);
        lo.struct_size = sizeof lo;
        lo.time = map;
        lo.leak = (sx_values){ 1, &one };
        OK(sx_linear_create(ctx, &lo, w, NULL, &m));
        sx_recall_opts o = asks();
        o.strength = 1.5;
        o.dt = map ? 0 : 0.05;
        sx_result *r = recall(ctx, m, &o);
        get(ctx, r, "step", t);
        get(ctx, r, "target_overlap", own);
        get(ctx, r, "target_overlap_se", se);
        get(ctx, r, "overlap", m_mu);
        get(ctx, r, "response", response);
        get(ctx, r, "r2_gain", &gain);
        for (int k = 0; k < 100; k++) {
            double time = map ? k + 1 : 0.05 * (k + 1);
            double a = 1.5 * (map ? pow(0.25, time) : exp(-0.75 * time)),
                   b = 1.5 * (map ? pow(0.75, time) : exp(-0.25 * time));
            assert_true(fabs(t[k] - time) < 1e-12);
            assert_true(fabs(own[k] - (a + b) / 2) < 1e-5 && fabs(se[k] - fabs(a - b) / 2) < 1e-5);
            assert_true(fabs(m_mu[P * k] - a) < 1e-5 && fabs(m_mu[P * k + 1]) < 1e-9);
        }
        /* the response is the last state */
        double last = 1.5 * (map ? pow(0.75, 100) : exp(-0.25 * 5));
        for (int i = 0; i < N; i++) assert_true(fabs(response[N + i] - last * xi[N + i]) < 1e-5);
        assert_true(fabs(gain) < 1e-9); /* cue and response are multiples of the target */
        sx_result_free(ctx, r);
        sx_model_free(ctx, m);
        sx_coupling_free(ctx, w);
    }
}

/* Projector on two patterns, x' = -x + W tanh(4 x): both are fixed points x = y xi with y = tanh(4 y); a cue with one wrong sign of 8 and one with a quarter of
 * its units missing come back to them, a cue with half of its signs wrong has no overlap to begin with. */
static void completion(void **state) {
    sx_ctx *ctx = *state;
    sx_hopfield_opts ho = SX_HOPFIELD_OPTS;
    sx_model *m = NULL;
    sx_coupling *w = memories(ctx, 1, 1);
    double y = 1, own[250], r2[40], cue[40], response[40 * N];
    for (int k = 0; k < 100; k++) y = tanh(4 * y);
    sx_fields_default(sx_hopfield_fields, &ho);
    ho.struct_size = sizeof ho;
    ho.gain = 4;
    OK(sx_hopfield_create(ctx, &ho, w, NULL, &m));
    for (int mode = 0; mode < 2; mode++) {
        sx_recall_opts o = asks();
        o.mode = mode ? SX_RECALL_COMPLETE : SX_RECALL_RETAIN;
        o.hidden = 0.25;
        o.flip = mode ? 0 : 1.0 / N;
        o.trials = 40;
        o.steps = 2000;
        o.dt = 0.02;
        sx_result *r = recall(ctx, m, &o);
        int64_t shape[8];
        const char *dims[8];
        get(ctx, r, "target_overlap", own);
        get(ctx, r, "r2_response", r2);
        get(ctx, r, "r2_cue", cue);
        get(ctx, r, "response", response);
        assert_int_equal(sx_result_shape(r, sx_result_find(r, "train", "target_overlap"), shape, dims), 1);
        assert_int_equal(shape[0], 250);
        int whole = 0;
        for (int k = 0; k < 40; k++) {
            bool right = true;
            for (int i = 0; i < N; i++) right = right && fabs(response[k * N + i] - y * xi[k % P * N + i]) < 1e-6;
            /* one wrong sign: m = 3/4 with the pattern and 1/4 in modulus with the other; hidden units leave m > 1/2 or, at worst, too little */
            if (!mode) assert_true(right && fabs(cue[k] - 0.75 * 0.75 / (1 - 0.0625)) < 0.05);
            whole += right;
            if (right) assert_true(fabs(r2[k] - 1) < 1e-9);
        }
        assert_true(whole >= (mode ? 30 : 40));
        if (!mode) assert_true(fabs(own[249] - y) < 1e-6 && own[0] < 0.9);
        sx_result_free(ctx, r);
    }
    sx_model_free(ctx, m);
    sx_coupling_free(ctx, w);
}

/* A network without weights and with strong evidence: m = xi.L(c xi)/N = L(c) = coth c - 1/c on average at every step; overlap with the other pattern 0. */
static void network(void **state) {
    sx_ctx *ctx = *state;
    double own[50], se[50], m_mu[50 * P], mean = 0, other = 0, expected = 1 / tanh(3.0) - 1.0 / 3,
                                          variance = 1.0 / 9 - pow(sinh(3.0), -2);
    sx_model *m = sampled(ctx, sx_free_energy_create, N, SX_SAMPLER_SYNC, 1, NULL, NULL);
    sx_recall_opts o = asks();
    o.strength = 3;
    o.trials = 50;
    o.steps = 50;
    sx_result *r = recall(ctx, m, &o);
    get(ctx, r, "target_overlap", own);
    get(ctx, r, "target_overlap_se", se);
    get(ctx, r, "overlap", m_mu);
    for (int k = 0; k < 50; k++) {
        mean += own[k] / 50;
        other += m_mu[P * k + 1] / 50;
        assert_true(fabs(own[k] - expected) < 5 * sqrt(variance / N / 50));
        assert_true(se[k] > 0.5 * sqrt(variance / N / 50) && se[k] < 1.7 * sqrt(variance / N / 50));
    }
    assert_true(fabs(mean - expected) < 5 * sqrt(variance / N / 2500));
    assert_true(fabs(other) < 5 * sqrt(variance / N / 50));
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
}

static void refusals(void **state) {
    sx_ctx *ctx = *state;
    sx_coupling *w = memories(ctx, 1, 1);
    sx_hopfield_opts ho = SX_HOPFIELD_OPTS;
    sx_model *flow = NULL, *net = sampled(ctx, sx_free_energy_create, N, SX_SAMPLER_SYNC, 1, NULL, NULL);
    sx_plan plan;
    sx_fields_default(sx_hopfield_fields, &ho);
    ho.struct_size = sizeof ho;
    OK(sx_hopfield_create(ctx, &ho, w, NULL, &flow));
    for (int k = 0; k < 4; k++) {
        static const char *const texts[] = { "recall.dt = 0.1: 'free-energy' is a network of random units",
                                             "recall.sampler: for networks of random units",
                                             "recall.start: for networks", "recall.inverse_temperature: for networks" };
        sx_recall_opts o = asks();
        if (k == 0) o.dt = 0.1;
        if (k == 1) o.sampler = 1;
        if (k == 2) o.start = 2;
        if (k == 3) o.inverse_temperature = 2;
        assert_int_equal(sx_task_plan(ctx, &sx_recall_task, k ? flow : net, &o, "r", &plan), SX_E_USAGE);
        if (!strstr(sx_ctx_message(ctx), texts[k])) fail_msg("%s", sx_ctx_message(ctx));
        sx_ctx_clear(ctx);
    }
    sx_model_free(ctx, flow);
    sx_model_free(ctx, net);
    sx_coupling_free(ctx, w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(linear, setup, teardown),
        cmocka_unit_test_setup_teardown(completion, setup, teardown),
        cmocka_unit_test_setup_teardown(network, setup, teardown),
        cmocka_unit_test_setup_teardown(refusals, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
