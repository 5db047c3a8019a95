// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Learning rules against the authors' trajectory (tests/data/fep), closed forms and laws: every expected number is exact or cited. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "learn_testing.h"

static sx_model *network(sx_ctx *ctx, int64_t n, int sampler, double beta, const double *J, const double *bias) {
    return sampled(ctx, sx_free_energy_create, n, sampler, beta, J, bias);
}

/* "NAME,v1,v2,..." of the reference file. */
static void reference(const char *name, int64_t n, double *out) {
    char path[512], line[4096];
    size_t length = strlen(name);
    snprintf(path, sizeof path, "%s/fep/unit_vector_N6.csv", SX_TEST_DATA);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        if (strncmp(line, name, length) != 0 || line[length] != ',') continue;
        char *p = line + length;
        for (int64_t i = 0; i < n; i++) out[i] = strtod(p + 1, &p);
        fclose(f);
        return;
    }
    fail_msg("no line '%s'", name);
}

static void close_to(const char *what, int64_t n, const double *got, const double *want, double tolerance) {
    for (int64_t i = 0; i < n; i++)
        if (!(fabs(got[i] - want[i]) <= tolerance * fmax(1, fabs(want[i]))))
            fail_msg("%s[%d]: %.17g, want %.17g", what, (int)i, got[i], want[i]);
}

/* Three deterministic steps of the authors' class: weights, accuracy, complexity and free energy to 1e-12. The class begins at x0, which the task
 * cannot: the first step is made here by hand from the definition, then the task goes on from J1 with... no state. So the trajectory is checked
 * with the rule written out once more, and the task against this second writing from s = 0. */
static void authors(void **state) {
    enum { N = 6 };
    sx_ctx *ctx = *state;
    double J[N * N], b[N], s[N], want[N * N], x[N], values[3], got[3];
    reference("J0", N * N, J);
    reference("b", N, b);
    reference("x0", N, s);
    const double zero[N] = { 0 };
    for (int from_zero = 0; from_zero < 2; from_zero++) {
        if (from_zero) {
            reference("J0", N * N, J);
            memcpy(s, zero, sizeof s);
        }
        for (int step = 1; step <= 3; step++) {
            double h[N], e[N];
            char name[16];
            for (int i = 0; i < N; i++) {
                h[i] = 0;
                for (int j = 0; j < N; j++) h[i] += J[i * N + j] * s[j];
            }
            for (int i = 0; i < N; i++) {
                double t = 0.7 * (b[i] + h[i]);
                s[i] = 1 / tanh(t) - 1 / t;
                e[i] = fabs(h[i]) < 1e-3 ? h[i] / 3 - h[i] * h[i] * h[i] / 45 : 1 / tanh(h[i]) - 1 / h[i];
                e[i] = 0.05 * (s[i] - e[i]);
            }
            for (int i = 0; i < N; i++)
                for (int j = 0; j < N; j++)
                    if (i != j) J[i * N + j] += e[i] * s[j];
            if (from_zero) continue;
            snprintf(name, sizeof name, "J%d", step);
            reference(name, N * N, want);
            close_to(name, N * N, J, want, 1e-12);
            snprintf(name, sizeof name, "x%d", step);
            reference(name, N, x);
            close_to(name, N, s, x, 1e-12);
        }
    }
    /* the task from s = 0, and the monitors after each step: the same formulas as the authors' values, which are checked below */
    double J0[N * N];
    reference("J0", N * N, J0);
    sx_model *m = network(ctx, N, SX_SAMPLER_DETERMINISTIC, 0.7, J0, NULL);
    sx_learn_opts o = defaults(SX_RULE_FREE_ENERGY, 1, N, b);
    o.rate = 0.05;
    o.epochs = 3;
    o.steps = 1;
    o.start = 1;
    o.monitor = 3;
    sx_result *r = learn(ctx, m, &o);
    get(ctx, r, "weights", want);
    close_to("weights", N * N, want, J, 1e-12);
    /* accuracy = b.L + L.J L, complexity = KL, with L = L(b + J s), after three steps */
    double accuracy = 0, complexity = 0, L[N];
    for (int i = 0; i < N; i++) {
        double t = b[i];
        for (int j = 0; j < N; j++) t += J[i * N + j] * s[j];
        L[i] = 1 / tanh(t) - 1 / t;
        complexity += log(fabs(t) / sinh(fabs(t))) + t * L[i] - log(fabs(b[i]) / sinh(fabs(b[i]))) - b[i] * L[i];
    }
    for (int i = 0; i < N; i++) {
        accuracy += b[i] * L[i];
        for (int j = 0; j < N; j++) accuracy += L[i] * J[i * N + j] * L[j];
    }
    get(ctx, r, "accuracy", &got[0]);
    get(ctx, r, "complexity", &got[1]);
    get(ctx, r, "free_energy", &got[2]);
    values[0] = accuracy, values[1] = complexity, values[2] = complexity - accuracy;
    close_to("accuracy, complexity, free energy", 3, got, values, 1e-12);
    /* the same formulas at the authors' third state give the authors' numbers */
    reference("J3", N * N, J);
    reference("x3", N, s);
    reference("acc_comp_vfe_3", 3, values);
    accuracy = complexity = 0;
    for (int i = 0; i < N; i++) {
        double t = b[i];
        for (int j = 0; j < N; j++) t += J[i * N + j] * s[j];
        L[i] = 1 / tanh(t) - 1 / t;
        complexity += log(fabs(t) / sinh(fabs(t))) + t * L[i] - log(fabs(b[i]) / sinh(fabs(b[i]))) - b[i] * L[i];
    }
    for (int i = 0; i < N; i++) {
        accuracy += b[i] * L[i];
        for (int j = 0; j < N; j++) accuracy += L[i] * J[i * N + j] * L[j];
    }
    got[0] = accuracy, got[1] = complexity, got[2] = complexity - accuracy;
    close_to("authors' monitors", 3, got, values, 1e-11);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
}

/* One pattern, beta < 1: h* = b beta / (1 - beta) on average (theory section 3: slope 1.02 +- 0.05 at beta = 0.5). */
static void fixed_point(void **state) {
    enum { N = 25 };
    sx_ctx *ctx = *state;
    double b[N], J[N * N], sxy = 0, sxx = 0;
    sx_normal_fill(sx_key_seed(9), 0, SX_SLOT_USER, 0, N, 1, b);
    sx_model *m = network(ctx, N, SX_SAMPLER_SYNC, 0.5, NULL, NULL);
    sx_learn_opts o = defaults(SX_RULE_FREE_ENERGY, 1, N, b);
    o.rate = 0.002;
    o.evidence = 5;
    o.epochs = 100;
    o.steps = 1000;
    sx_result *r = learn(ctx, m, &o);
    get(ctx, r, "weights", J);
    for (int i = 0; i < N; i++) { /* h = J m with m = L(beta (b + h*)), h* = b at beta = 1/2 */
        double h = 0;
        for (int j = 0; j < N; j++) {
            double t = 0.5 * (5 * b[j] + 5 * b[j]);
            h += J[i * N + j] * (1 / tanh(t) - 1 / t);
        }
        sxy += h * 5 * b[i];
        sxx += 25 * b[i] * b[i];
    }
    assert_true(fabs(sxy / sxx - 1.02) < 0.05);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
}

/* Gibbs updates by the definition: each unit is drawn given the others and learns at once, J_ij += rate (s_i - m(h_i)) s_j with the field that it has
 * seen; the uniform numbers are those of the key. Two epochs of three steps, both Gibbs samplers. (mutant sweep_order) */
static void sweeps(void **state) {
    enum { N = 11 };
    sx_ctx *ctx = *state;
    double J0[N * N], x[N], W[N * N];
    for (int i = 0; i < N; i++) {
        x[i] = cos(2 * i);
        for (int j = 0; j < N; j++) J0[i * N + j] = i == j ? 0 : 0.6 * sin(1 + i + 4 * j);
    }
    for (int sampler = SX_SAMPLER_GIBBS_SWEEP; sampler <= SX_SAMPLER_GIBBS_RANDOM; sampler++) {
        double J[N * N], s[N] = { 0 }, u[N], which[N];
        sx_model *m = network(ctx, N, sampler, 0.7, J0, NULL);
        sx_learn_opts o = defaults(SX_RULE_FREE_ENERGY, 1, N, x);
        o.start = 1;
        o.rate = 0.05;
        o.evidence = 1.5;
        o.epochs = 2;
        o.steps = 3;
        sx_result *r = learn(ctx, m, &o);
        get(ctx, r, "weights", W);
        memcpy(J, J0, sizeof J);
        sx_key key = sx_key_derive(sx_key_seed(3), "draw", 0);
        for (int step = 0; step < 6; step++) {
            sx_uniform_fill(key, (uint64_t)step, SX_SLOT_DW, 0, N, 1, u);
            sx_uniform_fill(key, (uint64_t)step, SX_SLOT_DZ, 0, N, 1, which);
            for (int k = 0; k < N; k++) {
                int i = sampler == SX_SAMPLER_GIBBS_SWEEP ? k : (int)(which[k] * N);
                double h = 0;
                for (int j = 0; j < N; j++) h += J[i * N + j] * s[j];
                double t = 0.7 * (1.5 * x[i] + h);
                s[i] = log(u[k] * exp(t) + (1 - u[k]) * exp(-t)) / t;
                double e = 0.05 * (s[i] - (fabs(h) < 1e-4 ? h / 3 : 1 / tanh(h) - 1 / h));
                for (int j = 0; j < N; j++) J[i * N + j] += j == i ? 0 : e * s[j];
            }
        }
        close_to("weights after sweeps", N * N, W, J, 1e-11);
        sx_result_free(ctx, r);
        sx_model_free(ctx, m);
    }
}

/* Closed forms of the other rules. */
static void closed_forms(void **state) {
    enum { N = 12, P = 3 };
    sx_ctx *ctx = *state;
    double x[P * N], W[N * N], y[N];
    sx_rate_opts ro = SX_RATE_OPTS;
    sx_coupling *w = NULL;
    sx_model *m = NULL;
    sx_uniform_fill(sx_key_seed(2), 0, SX_SLOT_USER, 0, P * N, 1, x);
    for (int i = 0; i < P * N; i++) x[i] = x[i] < 0.5 ? -1 : 1;
    sx_fields_default(sx_rate_fields, &ro);
    ro.struct_size = sizeof ro;
    for (int i = 0; i < N * N; i++) W[i] = 0;
    OK(sx_coupling_dense(ctx, N, N, W, &w));
    OK(sx_rate_create(ctx, &ro, w, NULL, NULL, NULL, &m)); /* any model: the diagonal is kept */
    for (int rule = SX_RULE_HEBB; rule <= SX_RULE_PSEUDO_INVERSE; rule++) {
        sx_learn_opts o = defaults(rule, P, N, x);
        o.rate = 1;
        sx_result *r = learn(ctx, m, &o);
        get(ctx, r, "weights", W);
        for (int k = 0; k < P; k++)
            for (int i = 0; i < N; i++) {
                double want = rule == SX_RULE_PSEUDO_INVERSE ? x[k * N + i] : 0;
                y[i] = 0;
                for (int j = 0; j < N; j++) {
                    y[i] += W[i * N + j] * x[k * N + j];
                    if (rule == SX_RULE_HEBB)
                        for (int q = 0; q < P; q++) want += x[q * N + i] * x[q * N + j] / N * x[k * N + j];
                }
                assert_true(fabs(y[i] - want) < 1e-12);
            }
        sx_result_free(ctx, r);
        /* many small steps: 1 - (1 - rate)^epochs of the way */
        double partial[N * N];
        o.rate = 0.1;
        o.epochs = 7;
        r = learn(ctx, m, &o);
        get(ctx, r, "weights", partial);
        for (int i = 0; i < N * N; i++) assert_true(fabs(partial[i] - (1 - pow(0.9, 7)) * W[i]) < 1e-13);
        sx_result_free(ctx, r);
    }
    /* storkey: two patterns by the definition */
    sx_learn_opts o = defaults(SX_RULE_STORKEY, 2, N, x);
    double S[N * N] = { 0 };
    o.epochs = 2;
    sx_result *r = learn(ctx, m, &o);
    get(ctx, r, "weights", W);
    for (int k = 0; k < 2; k++) {
        double T[N * N];
        const double *p = x + k * N;
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++) {
                double hij = 0, hji = 0;
                for (int q = 0; q < N; q++)
                    if (q != i && q != j) hij += S[i * N + q] * p[q], hji += S[j * N + q] * p[q];
                T[i * N + j] = i == j ? 0 : S[i * N + j] + (p[i] * p[j] - p[i] * hji - hij * p[j]) / N;
            }
        memcpy(S, T, sizeof S);
    }
    close_to("storkey", N * N, W, S, 1e-13);
    sx_result_free(ctx, r);
    /* antisymmetric: sequence 0, 1, 2, 0: rate sum (x_t x_{t-1}^T - transposed) */
    o = defaults(SX_RULE_ANTISYMMETRIC, P, N, x);
    o.epochs = 4;
    o.order = 1;
    o.rate = 0.5;
    r = learn(ctx, m, &o);
    get(ctx, r, "weights", W);
    memset(S, 0, sizeof S);
    for (int t = 1; t < 4; t++)
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++)
                S[i * N + j] += 0.5 * (x[t % P * N + i] * x[(t - 1) * N + j] - x[(t - 1) * N + i] * x[t % P * N + j]);
    close_to("antisymmetric", N * N, W, S, 1e-13);
    sx_result_free(ctx, r);
    /* oja with one pattern of +-1: J_ij -> x_i x_j (1 - (1 - rate)^epochs) */
    o = defaults(SX_RULE_OJA, 1, N, x);
    o.epochs = 20;
    o.rate = 0.1;
    r = learn(ctx, m, &o);
    get(ctx, r, "weights", W);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++)
            assert_true(fabs(W[i * N + j] - (i == j ? 0 : x[i] * x[j] * (1 - pow(0.9, 20)))) < 1e-13);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
    sx_coupling_free(ctx, w);
}

/* g' = eta (1 - margin - a(g W)) converges to a = 1 - margin. */
static void edge(void **state) {
    enum { N = 4 };
    sx_ctx *ctx = *state;
    static const double J[N * N] = {
        0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0.5, 0, 0, -0.5, 0
    }; /* eigenvalues 1, -1, +-i/2 */
    double W[N * N];
    sx_model *m = network(ctx, N, SX_SAMPLER_SYNC, 1, J, NULL);
    sx_learn_opts o = defaults(SX_RULE_HOMEOSTATIC, 0, N, NULL);
    o.data.name = NULL;
    o.start = 1;
    o.rate = 0.5;
    o.epochs = 100;
    o.margin = 0.2;
    sx_result *r = learn(ctx, m, &o);
    get(ctx, r, "weights", W);
    for (int i = 0; i < N * N; i++) assert_true(fabs(W[i] - 0.8 * J[i]) < 1e-12);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
}

/* Contrastive divergence with many steps climbs the likelihood: two units, one coupling, spins seen equal with probability 0.9. In the limit
 * tanh J = 0.8 (the correlation of the data), up to the noise of the samples. */
static void contrast(void **state) {
    sx_ctx *ctx = *state;
    double x[20] = { 0 }, W[4];
    for (int k = 0; k < 10; k++) x[2 * k] = k % 2 ? 1 : -1, x[2 * k + 1] = k == 9 ? -x[2 * k] : x[2 * k];
    sx_sampler_opts so = SX_SAMPLER_OPTS;
    sx_model *m = NULL;
    sx_fields_default(sx_sampler_fields, &so);
    so.struct_size = sizeof so;
    so.n = 2;
    so.sampler = SX_SAMPLER_GIBBS_SWEEP;
    OK(sx_ising_create(ctx, &so, NULL, NULL, &m));
    sx_learn_opts o = defaults(SX_RULE_CONTRASTIVE_DIVERGENCE, 10, 2, x);
    o.rate = 0.002;
    o.epochs = 40000;
    o.steps = 5;
    o.snapshots.n = 40;
    o.attractors = false;
    sx_result *r = learn(ctx, m, &o);
    double all[40 * 4], mean = 0;
    get(ctx, r, "weights", all);
    for (int k = 20; k < 40; k++) mean += all[4 * k + 1] / 20; /* 20 snapshots 1000 presentations apart */
    (void)W;
    /* J wanders with variance rate * var(x1 x2 - s1 s2) / (2 (1 - tanh^2 J)) = 0.002 * 0.72 / 0.72 = 0.002 about atanh 0.8 = 1.0986, with
     * correlation time 1 / (rate (1 - tanh^2 J)) = 1400 presentations: 20000 of them are about 7 independent values */
    assert_true(fabs(mean - atanh(0.8)) < 5 * sqrt(0.002 / 7));
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
}

/* Entropy production of the synchronous chain at N = 2: b = (.5, -.3), Js = 2, Ja = 1: 0.259733 nats a step, exact by quadrature (theory section 4). */
static void flux(void **state) {
    sx_ctx *ctx = *state;
    static const double J[4] = { 0, 3, 1, 0 }, bias[2] = { 0.5, -0.3 }, x[2] = { 1, 1 };
    double value, se;
    sx_model *m = network(ctx, 2, SX_SAMPLER_SYNC, 1, J, bias);
    sx_learn_opts o = defaults(SX_RULE_OJA, 1, 2, x);
    o.rate = 1e-300; /* the weights stay */
    o.start = 1;
    o.free_steps = 200000;
    sx_result *r = learn(ctx, m, &o);
    get(ctx, r, "entropy_production", &value);
    get(ctx, r, "entropy_production_se", &se);
    assert_true(se < 0.02 && fabs(value - 0.259733) < 5 * se);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
}

/* Cut into segments of 7 epochs: the same bits. Snapshots: epochs 1, 4, 16, 63, 250 of 250. */
static void segments(void **state) {
    enum { N = 10 };
    sx_ctx *ctx = *state;
    double x[2 * N], a[5 * N * N], b[5 * N * N], epoch[5];
    for (int i = 0; i < 2 * N; i++) x[i] = sin(i);
    sx_model *m = network(ctx, N, SX_SAMPLER_GIBBS_SWEEP, 0.4, NULL, NULL);
    for (int k = 0; k < 2; k++) {
        sx_learn_opts o = defaults(SX_RULE_FREE_ENERGY, 2, N, x);
        o.epochs = 250;
        o.snapshots = (sx_snapshot_opts){ 5, 1 };
        o.segment_ = k ? 7 : 0;
        sx_result *r = learn(ctx, m, &o);
        get(ctx, r, "weights", k ? b : a);
        get(ctx, r, "epoch", epoch);
        sx_result_free(ctx, r);
    }
    assert_memory_equal(a, b, sizeof a);
    static const double want[] = { 1, 4, 16, 63, 250 };
    assert_memory_equal(epoch, want, sizeof want);
    sx_model_free(ctx, m);
}

static void refusals(void **state) {
    sx_ctx *ctx = *state;
    static const double x[6] = { 1, 1, 1, -1, 1, -1 };
    sx_model *m = network(ctx, 2, SX_SAMPLER_SYNC, 1, NULL, NULL);
    static const struct {
        int rule, start;
        bool data;
        int64_t columns, epochs;
        sx_status status;
        const char *text;
    } cases[] = {
        { SX_RULE_FREE_ENERGY, 0, false, 2, 1, SX_E_USAGE, "learn.data is missing" },
        { SX_RULE_HEBB, 0, true, 3, 1, SX_E_USAGE, "has 3 numbers, but the model has 2 units" },
        { SX_RULE_HOMEOSTATIC, 0, false, 2, 1, SX_E_USAGE, "want start = \"model\"" },
        { SX_RULE_OJA, 1, true, 2, 1, SX_E_UNSUPPORTED, "no weights to begin with" },
        { SX_RULE_STORKEY, 0, true, 2, 4, SX_E_USAGE, "each of the 3 patterns once" },
        { SX_RULE_FREE_ENERGY, 0, true, 2, 0, SX_E_USAGE, "epochs" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sx_learn_opts o = defaults(cases[i].rule, 6 / cases[i].columns, cases[i].columns, x);
        sx_plan plan;
        if (!cases[i].data) o.data = (sx_data){ .name = NULL };
        o.start = cases[i].start;
        o.epochs = cases[i].epochs;
        assert_int_equal(sx_task_plan(ctx, &sx_learn_task, m, &o, "train", &plan), cases[i].status);
        if (!strstr(sx_ctx_message(ctx), cases[i].text)) fail_msg("%s", sx_ctx_message(ctx));
        sx_ctx_clear(ctx);
    }
    sx_model_free(ctx, m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(authors),      cmocka_unit_test(sweeps),   cmocka_unit_test(fixed_point),
        cmocka_unit_test(closed_forms), cmocka_unit_test(edge),     cmocka_unit_test(contrast),
        cmocka_unit_test(flux),         cmocka_unit_test(segments), cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
