// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Recall: what can be known exactly. Without weights the mean response to a cue is the mean of each unit, so r^2 follows from the cue; free spins step between labels at known
 * rates; the numbers of the digits are those of an independent implementation (theory, Simulations 2 and 3). */
#include <separatrix/experiment.h>
#include <separatrix/separatrix.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OK(call)                                                                                                       \
    do {                                                                                                               \
        sx_status s_ = (call);                                                                                         \
        if (s_ < 0) print_error("%s\n", sx_ctx_message(ctx));                                                          \
        assert_int_equal(s_, SX_OK);                                                                                   \
    } while (0)

static void get(sx_ctx *ctx, const sx_result *r, const char *group, const char *name, double *out) {
    int id = sx_result_find(r, group, name);
    if (id < 0) print_error("no variable '%s'\n", name);
    assert_true(id >= 0);
    OK(sx_result_read(ctx, r, id, NULL, NULL, out));
}

static int setup(void **state) {
    *state = sx_ctx_create(NULL);
    return *state == NULL;
}
static int teardown(void **state) {
    size_t left = sx_ctx_bytes(*state);
    sx_ctx_free(*state);
    return left != 0;
}

static sx_result *run(sx_ctx *ctx, const sx_model *m, sx_recall_opts *o) {
    sx_result *r = NULL;
    OK(sx_result_create(ctx, NULL, &r));
    OK(sx_task_run(ctx, &sx_recall_task, m, o, sx_key_seed(4), "recall", NULL, r));
    return r;
}

static sx_recall_opts defaults(int64_t rows, int64_t n, const double *x) {
    sx_recall_opts o = SX_RECALL_OPTS;
    sx_fields_default(sx_recall_fields, &o);
    o.struct_size = sizeof o;
    o.data = (sx_data){ .name = "patterns", .rows = rows, .columns = n, .x = x };
    return o;
}

/* J = 0: the response converges to L(cue), whose correlation with the target is known from the cue that the result implies: without noise both are
 * functions of the pattern alone. */
static void unconnected(void **state) {
    enum { N = 16, T = 4 };
    sx_ctx *ctx = *state;
    double x[2 * N], response[T * N], r2[T], cue[T], gain, pattern[T];
    sx_sampler_opts so = SX_SAMPLER_OPTS;
    sx_model *m = NULL;
    for (int i = 0; i < 2 * N; i++) x[i] = 2 * sin(i + 1);
    sx_fields_default(sx_sampler_fields, &so);
    so.struct_size = sizeof so;
    so.n = N;
    OK(sx_free_energy_create(ctx, &so, NULL, NULL, &m));
    sx_recall_opts o = defaults(2, N, x);
    o.snr = 0;
    o.trials = T;
    o.steps = 20000;
    sx_result *r = run(ctx, m, &o);
    get(ctx, r, "recall", "response", response);
    get(ctx, r, "recall", "r2_response", r2);
    get(ctx, r, "recall", "r2_cue", cue);
    get(ctx, r, "recall", "pattern", pattern);
    get(ctx, r, "recall", "r2_gain", &gain);
    for (int k = 0; k < T; k++) {
        assert_true(pattern[k] == k % 2 && fabs(cue[k] - 1) < 1e-14);
        for (int i = 0; i < N; i++) {
            double t = x[k % 2 * N + i], mean = 1 / tanh(t) - 1 / t, variance = 1 / (t * t) - 1 / (sinh(t) * sinh(t));
            assert_true(fabs(response[k * N + i] - mean) < 5 * sqrt(variance / 20000));
        }
        assert_true(r2[k] < 1 && r2[k] > 0.95);
    }
    assert_true(gain < 0 && gain > -0.05);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
}

/* flip: free spins follow a strong cue, so the response is its sign. Exactly round(0.1 * 20) signs of each trial differ from the pattern, and each
 * unit is as likely as the others: among T trials T/10 times, with the variance of a binomial law. */
static void flipped_cues(void **state) {
    enum { N = 20, T = 400 };
    sx_ctx *ctx = *state;
    static double response[T * N];
    double x[N], of_unit[N] = { 0 }, z2 = 0;
    sx_sampler_opts so = SX_SAMPLER_OPTS;
    sx_model *m = NULL;
    for (int i = 0; i < N; i++) x[i] = i % 3 ? 1 : -1;
    sx_fields_default(sx_sampler_fields, &so);
    so.struct_size = sizeof so;
    so.n = N;
    OK(sx_ising_create(ctx, &so, NULL, NULL, &m));
    sx_recall_opts o = defaults(1, N, x);
    o.snr = 0;
    o.strength = 1000;
    o.flip = 0.1;
    o.trials = T;
    o.steps = 1;
    sx_result *r = run(ctx, m, &o);
    get(ctx, r, "recall", "response", response);
    for (int k = 0; k < T; k++) {
        int flips = 0;
        for (int i = 0; i < N; i++) {
            flips += response[k * N + i] != x[i];
            of_unit[i] += response[k * N + i] != x[i];
        }
        assert_int_equal(flips, 2);
    }
    for (int i = 0; i < N; i++) {
        double z = (of_unit[i] - T * 0.1) / sqrt(T * 0.09);
        assert_true(fabs(z) < 5);
        z2 += z * z;
    }
    assert_true(z2 > 4 && z2 < 50); /* chi^2 of 19 degrees: mean 19, sd 6.2 */
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
}

/* Two free spins with fields h and -h: each step is drawn afresh, and the state is nearest to the pattern (-1, 1) with probability q^2,
 * q = 1/(1 + e^{2h}), else to (1, -1), which also takes ties. So a step goes from a to b p_a p_b times of all. */
static void free_spins(void **state) {
    enum { TRIALS = 20, STEPS = 2001 };
    sx_ctx *ctx = *state;
    static const double x[4] = { 1, -1, -1, 1 }, bias[2] = { 0.3, -0.3 };
    double count[4], r, q = 1 / (1 + exp(2 * 0.3)), p[2] = { 1 - q * q, q * q }, total = TRIALS * (STEPS - 1);
    sx_sampler_opts so = SX_SAMPLER_OPTS;
    sx_model *m = NULL;
    sx_fields_default(sx_sampler_fields, &so);
    so.struct_size = sizeof so;
    so.n = 2;
    so.bias = (sx_values){ 2, bias };
    OK(sx_ising_create(ctx, &so, NULL, NULL, &m));
    sx_recall_opts o = defaults(2, 2, x);
    o.mode = SX_RECALL_REPLAY;
    o.trials = TRIALS;
    o.steps = STEPS;
    sx_result *result = run(ctx, m, &o);
    get(ctx, result, "recall", "transitions", count);
    get(ctx, result, "recall", "label_correlation", &r);
    assert_true(count[0] + count[1] + count[2] + count[3] == total);
    for (int to = 0; to < 2; to++)
        for (int from = 0; from < 2; from++) {
            double want = total * p[to] *
                          p[from]; /* neighbouring pairs share a state: at most three times the binomial variance */
            assert_true(fabs(count[2 * to + from] - want) < 5 * sqrt(3 * want));
        }
    double aligned = q * q + (1 - q) * (1 - q); /* correlation 1; ties have 0 */
    assert_true(fabs(r - aligned) < 5 * sqrt(aligned * (1 - aligned) / total));
    sx_result_free(ctx, result);
    sx_model_free(ctx, m);
}

/* The digits, learned and recalled through an experiment (theory, Simulation 2, balanced; independent implementation, 8 seeds: gain of retrieval
 * 0.2775 to 0.3051, of generalisation 0.020 to 0.105, |J| 18.05 +- 0.2, 9 or 10 attractors) and a sequence (Simulation 3: asymmetry 0.981,
 * forward 258 of 979 steps, none backward). */
static void digits(void **state) {
    static const char text[] =
        "[data.digits]\nfile = \"digits.csv.gz\"\nlabel_column = -1\nimage = [8, 8]\nrange = [0, 16]\n"
        "preprocess = [\"square\", \"zscore-row\"]\n"
        "[data.train]\nfrom = \"digits\"\nrows = \"0:10\"\n[data.test]\nfrom = \"digits\"\nrows = \"10:\"\n"
        "[data.three]\nfrom = \"digits\"\nrows = \"1:4\"\n"
        "[model]\nkind = \"free-energy\"\nn = 64\n[noise]\nkind = \"none\"\n"
        "[[task]]\nname = \"train\"\ndo = \"learn\"\ndata = \"train\"\nrate = 0.001\nevidence = 11.0\n"
        "inverse_temperature = 0.16681\nepochs = 5000\nsteps = 10\nattractor_scale = 1.1\n"
        "[[task]]\nname = \"retrieval\"\ndo = \"recall\"\nmodel = { task = \"train\" }\ndata = \"train\"\nstrength = "
        "1.1\n"
        "trials = 200\n"
        "[[task]]\nname = \"new\"\ndo = \"recall\"\nmodel = { task = \"train\" }\ndata = \"test\"\nstrength = "
        "1.1\ntrials = 400\n"
        "order = \"random\"\n"
        "[[task]]\nname = \"sequence\"\ndo = \"learn\"\ndata = \"three\"\nrate = 0.001\nevidence = 20.0\n"
        "epochs = 2000\nsteps = 1\norder = \"sequential\"\n"
        "[[task]]\nname = \"replay\"\ndo = \"recall\"\nmode = \"replay\"\nmodel = { task = \"sequence\" }\ndata = "
        "\"three\"\n"
        "steps = 999\nburn_in = 20\ntrials = 8\n";
    sx_ctx *ctx = *state;
    sx_experiment *e = NULL;
    sx_result *r = NULL;
    double v, counts[9], orthogonality;
    int64_t shape[8];
    const char *dims[8];
    OK(sx_experiment_parse(ctx, "digits.toml", SX_TEST_DATA "/../../examples/digits", text, strlen(text), NULL, 0, &e));
    OK(sx_experiment_result(ctx, e, &r));
    get(ctx, r, "train", "norm", &v);
    assert_true(fabs(v - 18.05) < 0.3);
    get(ctx, r, "train", "data_orthogonality", &v);
    assert_true(fabs(v - 23.263817) < 1e-6);
    assert_int_equal(sx_result_shape(r, sx_result_find(r, "train", "state"), shape, dims), 2);
    get(ctx, r, "train", "n_unsettled", &v);
    assert_in_range(shape[0] + (int64_t)v, 8, 10); /* the paper counts unsettled starts as attractors */
    get(ctx, r, "train", "orthogonality", &orthogonality);
    assert_true(orthogonality > 17 && orthogonality < 24);
    get(ctx, r, "retrieval", "r2_gain", &v);
    assert_true(fabs(v - 0.293) < 0.03);
    get(ctx, r, "new", "r2_gain", &v);
    assert_true(fabs(v - 0.066) < 0.05);
    get(ctx, r, "sequence", "asymmetry", &v);
    assert_true(fabs(v - 0.981) < 0.006);
    get(ctx, r, "replay", "transitions", counts); /* [to][from] */
    double stay = counts[0] + counts[4] + counts[8], forward = counts[3] + counts[7] + counts[2];
    assert_true(stay + forward == 8 * 978); /* none backward */
    assert_true(fabs(forward / 8 - 258) < 15);
    sx_result_free(ctx, r);
    sx_experiment_free(ctx, e);
}

/* start = "previous": without noise, the state of trial k is tanh(x_k + J s_{k-1}), s_{-1} = 0, whatever the length of segments. */
static void chained(void **state) {
    enum { N = 3, T = 5 };
    sx_ctx *ctx = *state;
    static const double J[N * N] = { 0, 1.5, -0.5, 0.7, 0, 2, -1, 0.4, 0 },
                              x[2 * N] = { 0.3, -0.2, 0.9, -0.4, 0.8, 0.1 };
    double response[T * N], s[N] = { 0 };
    sx_sampler_opts so = SX_SAMPLER_OPTS;
    sx_coupling *w = NULL;
    sx_model *m = NULL;
    sx_fields_default(sx_sampler_fields, &so);
    so.struct_size = sizeof so;
    so.sampler = SX_SAMPLER_DETERMINISTIC;
    OK(sx_coupling_dense(ctx, N, N, J, &w));
    OK(sx_ising_create(ctx, &so, w, NULL, &m));
    sx_recall_opts o = defaults(2, N, x);
    o.start = 2;
    o.snr = 0;
    o.steps = 1;
    o.trials = T;
    sx_result *r = run(ctx, m, &o);
    get(ctx, r, "recall", "response", response);
    for (int k = 0; k < T; k++) {
        double y[N];
        for (int i = 0; i < N; i++) {
            y[i] = x[k % 2 * N + i];
            for (int j = 0; j < N; j++) y[i] += J[i * N + j] * s[j];
            y[i] = tanh(y[i]);
        }
        memcpy(s, y, sizeof s);
        for (int i = 0; i < N; i++) assert_true(fabs(response[k * N + i] - s[i]) < 1e-14);
    }
    sx_result_free(ctx, r);
    double alone[N]; /* a chain of one trial is a trial, also over more than one advance */
    for (int previous = 0; previous < 2; previous++) {
        o.start = 2 * previous;
        o.sampler = 1 + SX_SAMPLER_SYNC;
        o.trials = 1;
        o.steps = 5001;
        r = run(ctx, m, &o);
        get(ctx, r, "recall", "response", previous ? response : alone);
        sx_result_free(ctx, r);
    }
    assert_memory_equal(response, alone, sizeof alone);
    sx_model_free(ctx, m);
    sx_coupling_free(ctx, w);
}

/* The r^2 of a cue x + xi / snr of N numbers with x: for N large snr^2 / (1 + snr^2), its mean over trials within 5 errors of that and 2 / N. */
static void noisy_cues(void **state) {
    enum { N = 100, T = 400 };
    sx_ctx *ctx = *state;
    double x[N], r2[T], mean = 0, square = 0;
    sx_sampler_opts so = SX_SAMPLER_OPTS;
    sx_model *m = NULL;
    for (int i = 0; i < N; i++) x[i] = i % 2 ? 1 : -1;
    sx_fields_default(sx_sampler_fields, &so);
    so.struct_size = sizeof so;
    so.n = N;
    OK(sx_ising_create(ctx, &so, NULL, NULL, &m));
    sx_recall_opts o = defaults(1, N, x);
    o.snr = 2;
    o.trials = T;
    o.steps = 1;
    sx_result *r = run(ctx, m, &o);
    get(ctx, r, "recall", "r2_cue", r2);
    for (int k = 0; k < T; k++) mean += r2[k] / T, square += r2[k] * r2[k] / T;
    assert_true(fabs(mean - 0.8) < 5 * sqrt((square - mean * mean) / T) + 2.0 / N);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
}

/* One step without noise is known: from the cue x with the cue as evidence tanh(beta (b + x + J x)), without evidence ("retain") tanh(beta (b + J x)). */
static void first_states(void **state) {
    enum { N = 5 };
    sx_ctx *ctx = *state;
    double J[N * N], x[N], bias[N], response[N], r, m[2], v[3];
    sx_sampler_opts so = SX_SAMPLER_OPTS;
    sx_coupling *w = NULL;
    sx_model *model = NULL;
    for (int i = 0; i < N; i++) {
        x[i] = 1.5 * cos(3 * i);
        bias[i] = 0.1 * i;
        for (int j = 0; j < N; j++) J[i * N + j] = i == j ? 0 : sin(1 + i + 7 * j);
    }
    sx_fields_default(sx_sampler_fields, &so);
    so.struct_size = sizeof so;
    so.bias = (sx_values){ N, bias };
    OK(sx_coupling_dense(ctx, N, N, J, &w));
    OK(sx_ising_create(ctx, &so, w, NULL, &model));
    for (int retain = 0; retain < 2; retain++) {
        sx_recall_opts o = defaults(1, N, x);
        o.mode = retain ? SX_RECALL_RETAIN : SX_RECALL_DENOISE;
        o.start = !retain;
        o.sampler = 1 + SX_SAMPLER_DETERMINISTIC;
        o.inverse_temperature = 0.7;
        o.snr = 0;
        o.steps = o.trials = 1;
        sx_result *result = run(ctx, model, &o);
        get(ctx, result, "recall", "response", response);
        get(ctx, result, "recall", "correlation", &r);
        memset(m, 0, sizeof m);
        memset(v, 0, sizeof v);
        for (int i = 0; i < N; i++) {
            double t = bias[i] + (retain ? 0 : x[i]);
            for (int j = 0; j < N; j++) t += J[i * N + j] * x[j];
            assert_true(fabs(response[i] - tanh(0.7 * t)) < 1e-14);
            m[0] += response[i] / N;
            m[1] += x[i] / N;
        }
        for (int i = 0; i < N; i++) {
            v[0] += (response[i] - m[0]) * (x[i] - m[1]);
            v[1] += (response[i] - m[0]) * (response[i] - m[0]);
            v[2] += (x[i] - m[1]) * (x[i] - m[1]);
        }
        assert_true(fabs(r - v[0] / sqrt(v[1] * v[2])) < 1e-14);
        sx_result_free(ctx, result);
    }
    sx_model_free(ctx, model);
    sx_coupling_free(ctx, w);
}

/* [data] of random numbers: rows do not depend on their number, sections with other names are independent, and the laws have the right moments: means of
 * 4000 numbers within 5 errors, sd 1/sqrt(4000); mean squares 1 (sign: exactly; normal: sd sqrt(2/4000)) and 1/3 (uniform: sd sqrt(4/45/4000)). */
static void random_rows(void **state) {
    enum { ROWS = 80, N = 50 };
    static const char *const laws[] = { "sign", "gaussian", "uniform" };
    static const double square[] = { 1, 1, 1.0 / 3 }, spread[] = { 1e-13, 1.41421356, 0.29814240 };
    sx_ctx *ctx = *state;
    double all[ROWS * N], part[3 * N];
    for (int law = 0; law < 3; law++) {
        for (int few = 0; few < 3;
             few++) { /* the response to evidence 1e-6 x of a network without couplings is tanh(1e-6 x) */
            char text[1024];
            sx_experiment *e = NULL;
            sx_result *r = NULL;
            snprintf(text, sizeof text,
                     "[data.%s]\nrandom = \"%s\"\nshape = [%d, %d]\n[model]\nkind = \"ising\"\nn = %d\n[noise]\nkind = "
                     "\"none\"\n[[task]]\ndo = \"recall\"\ndata = \"%s\"\nstrength = 1e-6\nsnr = 0.0\nsteps = 1\n"
                     "sampler = \"deterministic\"\ntrials = %d\n",
                     few == 2 ? "b" : "a", laws[law], few ? 3 : ROWS, N, N, few == 2 ? "b" : "a", few ? 3 : ROWS);
            OK(sx_experiment_parse(ctx, "random.toml", ".", text, strlen(text), NULL, 0, &e));
            OK(sx_experiment_result(ctx, e, &r));
            get(ctx, r, "recall", "response", few ? part : all);
            sx_result_free(ctx, r);
            sx_experiment_free(ctx, e);
            if (few == 1) assert_memory_equal(part, all, sizeof part);
            if (few == 2) assert_memory_not_equal(part, all, sizeof part);
        }
        double sum = 0, sum2 = 0, next = 0, count = ROWS * N;
        for (int i = 0; i < ROWS * N; i++) {
            double x = atanh(all[i]) / 1e-6;
            sum += x;
            sum2 += x * x;
            next += i < (ROWS - 1) * N ? x * atanh(all[i + N]) / 1e-6 : 0; /* the same column of the next row */
        }
        assert_true(fabs(next) < 5 * square[law] * sqrt(count - N));
        assert_true(fabs(sum) < 5 * sqrt(square[law] * count));
        assert_true(fabs(sum2 / count - square[law]) < 5 * spread[law] / sqrt(count) + 1e-9);
    }
    sx_experiment *e = NULL;
    static const char bad[] =
        "[data.a]\nrandom = \"sign\"\n[model]\nkind = \"ising\"\nn = 2\n[[task]]\ndo = \"recall\"\ndata = \"a\"\n";
    assert_int_equal(sx_experiment_parse(ctx, "bad.toml", ".", bad, strlen(bad), NULL, 0, &e), SX_E_USAGE);
    assert_non_null(strstr(sx_ctx_message(ctx), "`random` and `shape = [rows, columns]` belong together"));
    sx_ctx_clear(ctx);
}

/* Learning that goes on from learned weights, through an experiment: one step at a time, the second half of a run of Hebb's rule, (1 - rate)^2, is the
 * same as a second task that begins with the weights of the first. */
static void continued(void **state) {
    static const char text[] =
        "[data.a]\nvalues = [[1, -1, 1], [1, 1, -1]]\n[model]\nkind = \"ising\"\nn = 3\n[noise]\nkind = "
        "\"none\"\n[[task]]\nname = \"once\"\ndo = \"learn\"\nrule = \"hebb\"\nrate = 0.25\nepochs = 2\ndata = \"a\"\n"
        "[[task]]\nname = \"first\"\ndo = \"learn\"\nrule = \"hebb\"\nrate = 0.25\ndata = \"a\"\n[[task]]\nname = "
        "\"second\"\ndo = \"learn\"\nrule = \"hebb\"\nrate = 0.25\ndata = \"a\"\nmodel = { task = \"first\" }\n"
        "start = \"model\"\n";
    sx_ctx *ctx = *state;
    sx_experiment *e = NULL;
    sx_result *r = NULL;
    sx_prediction p = { .struct_size = sizeof p };
    double once[9], second[9];
    OK(sx_experiment_parse(ctx, "continued.toml", ".", text, strlen(text), NULL, 0, &e));
    OK(sx_experiment_check(ctx, e, &p));
    OK(sx_experiment_result(ctx, e, &r));
    get(ctx, r, "once", "weights", once);
    get(ctx, r, "second", "weights", second);
    assert_memory_equal(once, second, sizeof once);
    /* x_0 x_1 = (1)(-1) + (1)(1) = 0, x_1 x_2 = -2: J_12 = -2/3 (1 - 0.75^2) */
    assert_true(once[1] == 0 && fabs(once[5] + 2.0 / 3 * (1 - 0.5625)) < 1e-15);
    sx_result_free(ctx, r);
    sx_experiment_free(ctx, e);
}

static void refusals(void **state) {
    sx_ctx *ctx = *state;
    static const double x[4] = { 1, -1, 1, 1 };
    sx_sampler_opts so = SX_SAMPLER_OPTS;
    sx_model *m = NULL;
    sx_plan plan;
    sx_fields_default(sx_sampler_fields, &so);
    so.struct_size = sizeof so;
    so.n = 4;
    OK(sx_ising_create(ctx, &so, NULL, NULL, &m));
    sx_recall_opts o = defaults(2, 2, x);
    assert_int_equal(sx_task_plan(ctx, &sx_recall_task, m, &o, "r", &plan), SX_E_USAGE);
    assert_non_null(strstr(sx_ctx_message(ctx), "has 2 numbers, but the model has 4 units"));
    sx_ctx_clear(ctx);
    o = defaults(1, 4, x);
    o.burn_in = o.steps;
    assert_int_equal(sx_task_plan(ctx, &sx_recall_task, m, &o, "r", &plan), SX_E_USAGE);
    assert_non_null(strstr(sx_ctx_message(ctx), "burn_in"));
    sx_ctx_clear(ctx);
    o = defaults(1, 4, x);
    o.data.name = NULL;
    assert_int_equal(sx_task_plan(ctx, &sx_recall_task, m, &o, "r", &plan), SX_E_USAGE);
    sx_ctx_clear(ctx);
    o = defaults(1, 4, x);
    o.mode = SX_RECALL_RETAIN;
    o.start = 1;
    assert_int_equal(sx_task_plan(ctx, &sx_recall_task, m, &o, "r", &plan), SX_E_USAGE);
    assert_non_null(strstr(sx_ctx_message(ctx), "always begins at the cue"));
    sx_ctx_clear(ctx);
    sx_model_free(ctx, m);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(unconnected),  cmocka_unit_test(free_spins),
                                        cmocka_unit_test(digits),       cmocka_unit_test(refusals),
                                        cmocka_unit_test(first_states), cmocka_unit_test(random_rows),
                                        cmocka_unit_test(continued),    cmocka_unit_test(noisy_cues),
                                        cmocka_unit_test(chained),      cmocka_unit_test(flipped_cues) };
    return cmocka_run_group_tests(tests, setup, teardown);
}
