// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Experiments from text to result: what is built is compared with the same numbers worked out by hand, what is run with exact moments. */
#include <separatrix/experiment.h>
#include <separatrix/models.h>

#include "comma_locale.h"
#include "failing_host.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct fixture {
    sx_ctx *ctx;
    char directory[64];
    int calls, stop_at; /* of the progress callback; stop_at 0 = never */
} fixture;

static bool progress(void *user, const char *what, double done, double total) {
    fixture *f = user;
    (void)what;
    (void)done;
    (void)total;
    f->calls++;
    return !(f->stop_at && f->calls >= f->stop_at);
}

static int setup(void **state) {
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    sx_host host = { .struct_size = sizeof host, .user = f, .progress = progress, .threads = 2 };
    f->ctx = sx_ctx_create(&host);
    assert_non_null(f->ctx);
    snprintf(f->directory, sizeof f->directory, "/tmp/sx_experiment_XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    *state = f;
    return 0;
}

static int teardown(void **state) {
    fixture *f = *state;
    char command[96];
    assert_int_equal(sx_ctx_bytes(f->ctx), 0); /* whatever failed on the way */
    sx_ctx_free(f->ctx);
    snprintf(command, sizeof command, "rm -r %s", f->directory);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

static void put_file(const fixture *f, const char *name, const char *text) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", f->directory, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static sx_experiment *load(fixture *f, const char *text) {
    sx_experiment *e = NULL;
    if (sx_experiment_parse(f->ctx, "t.toml", f->directory, text, strlen(text), NULL, 0, &e) < 0)
        fail_msg("%s", sx_ctx_message(f->ctx));
    return e;
}

#define RUN_TASK "[noise]\nkind = \"none\"\n[[task]]\ndo = \"simulate\"\nduration = 1.0\ndt = 0.1\n"

static sx_model *build(fixture *f, const char *model) {
    char text[4096];
    sx_model *m = NULL;
    snprintf(text, sizeof text, "[model]\n%s" RUN_TASK, model);
    sx_experiment *e = load(f, text);
    if (sx_experiment_model(f->ctx, e, &m) < 0) fail_msg("%s: %s", model, sx_ctx_message(f->ctx));
    sx_experiment_free(f->ctx, e);
    return m;
}

/* F of a model of n <= 8 units at time t, for global replica r. */
static void drift(fixture *f, const sx_model *m, double t, int64_t r, const double *x, double *out) {
    double *p = NULL;
    int64_t n = sx_model_n(m), work = sx_model_work(m, 1);
    double in[8];
    memcpy(in, x, (size_t)n * sizeof *in);
    assert_int_equal(sx_alloc(f->ctx, work, sizeof *p, &p), SX_OK);
    sx_model_F(m, t, (sx_cbatch){ in, n, 1 }, (sx_batch){ out, n, 1 },
               (sx_work){ .p = p, .doubles = work, .replica0 = r });
    sx_free(f->ctx, p);
}

static void expect_drift(fixture *f, const char *model, const double *x, const double *want) {
    sx_model *m = build(f, model);
    double out[8];
    drift(f, m, 0, 0, x, out);
    for (int64_t i = 0; i < sx_model_n(m); i++)
        if (fabs(out[i] - want[i]) > 1e-13 * (1 + fabs(want[i])))
            fail_msg("%s: F[%d] = %.17g, want %.17g", model, (int)i, out[i], want[i]);
    sx_model_free(f->ctx, m);
}

/* W[i][j] is the weight from j to i. With leak 0 the linear model is x' = W x; x = (1, 10, 100) makes each entry visible.
 * Links of all files: b <- a with 2, c <- a with 3, a <- c with 4:  W x = (400, 2, 3). */
static void test_orientation_and_layouts(void **state) {
    fixture *f = *state;
    const double x[] = { 1, 10, 100 }, want[] = { 400, 2, 3 };
    put_file(f, "target.csv", "0,0,4\n2,0,0\n3,0,0\n");
    put_file(f, "source.csv", "0,2,3\n0,0,0\n4,0,0\n");
    put_file(f, "labelled.csv", ",a,b,c\na,0,0,4\nb,2,0,0\nc,3,0,0\n");
    put_file(f, "columns.csv", ",c,a,b\na,4,0,0\nb,0,2,0\nc,0,3,0\n");
    put_file(f, "edges.csv", "source,target,weight\na,b,2\na,c,3\nc,a,4\n");
    put_file(f, "numbers.csv", "source,target,weight\n2,0,4\n0,1,2\n0,2,3\n");
    put_file(f, "w.mtx", "%%MatrixMarket matrix coordinate real general\n3 3 3\n1 3 4\n2 1 2\n3 1 3\n");
#define LINEAR "kind = \"linear\"\nleak = 0.0\n"
    expect_drift(f, LINEAR "coupling = { matrix = [[0, 0, 4], [2, 0, 0], [3, 0, 0]] }\n", x, want);
    expect_drift(f, LINEAR "coupling = { matrix = [[0, 2, 3], [0, 0, 0], [4, 0, 0]], rows = \"source\" }\n", x, want);
    expect_drift(f, LINEAR "coupling = { file = \"target.csv\", rows = \"target\", header = false }\n", x, want);
    expect_drift(f, LINEAR "coupling = { file = \"source.csv\", rows = \"source\", header = false }\n", x, want);
    expect_drift(
        f,
        LINEAR "coupling = { file = \"labelled.csv\", rows = \"target\", header = true, labels = \"first-column\" }\n",
        x, want);
    expect_drift(f,
                 LINEAR
                 "coupling = { file = \"columns.csv\", rows = \"target\", header = true, labels = \"first-column\" }\n",
                 x, want);
    expect_drift(
        f,
        LINEAR
        "coupling = { file = \"edges.csv\", layout = \"edges\", header = true, labels = [\"a\", \"b\", \"c\"] }\n",
        x, want);
    expect_drift(f, LINEAR "coupling = { file = \"numbers.csv\", layout = \"edges\", header = true }\n", x, want);
    expect_drift(f, LINEAR "coupling = { file = \"w.mtx\", rows = \"target\" }\n", x, want);
    /* an edge list names only units with a link; the list of labels adds the others */
    sx_model *m = build(f, LINEAR "coupling = { file = \"edges.csv\", layout = \"edges\", header = true, labels = "
                                  "[\"z\", \"c\", \"b\", \"a\"] }\n");
    double out[8], y[] = { 7, 100, 10, 1 }, four[] = { 0, 3, 2, 400 };
    char buf[32];
    assert_int_equal(sx_model_n(m), 4);
    drift(f, m, 0, 0, y, out);
    for (int i = 0; i < 4; i++) assert_true(out[i] == four[i]);
    assert_string_equal(sx_model_unit_label(m, 3, buf, sizeof buf), "a");
    sx_model_free(f->ctx, m);
}

/* Two couplings with their units in different orders add in the order of the first; strength and type act on their own part. */
static void test_couplings_join_by_label(void **state) {
    fixture *f = *state;
    put_file(f, "chemical.csv", ",a,b,c\na,0,0,4\nb,2,0,0\nc,3,0,0\n");
    put_file(f, "gap.csv", ",c,b,a\nc,0,5,0\nb,5,0,1\na,0,1,0\n"); /* c-b 5, b-a 1 */
    const char *model =
        LINEAR "[[model.coupling]]\nname = \"chemical\"\nfile = \"chemical.csv\"\nrows = \"target\"\nheader = true\n"
               "labels = \"first-column\"\n[[model.coupling]]\nname = \"gap\"\nfile = \"gap.csv\"\nrows = \"target\"\n"
               "header = true\nlabels = \"first-column\"\ntype = \"diffusive\"\nstrength = 0.5\n";
    /* diffusive: a: 0.5 * 1 (10 - 1); b: 0.5 (5 (100 - 10) + 1 (1 - 10)); c: 0.5 * 5 (10 - 100) */
    const double x[] = { 1, 10, 100 }, want[] = { 400 + 4.5, 2 + 220.5, 3 - 225 };
    expect_drift(f, model, x, want);
}

/* Spectral radius of [[0, 8], [2, 0]] is 4; strength acts after normalising. The rate model adds -x and tanh. */
static void test_normalise_and_rate(void **state) {
    fixture *f = *state;
    const double x[] = { 0.3, -0.2 };
    const double linear[] = { 3 * 8 * -0.2 / 4, 3 * 2 * 0.3 / 4 };
    const double rate[] = { (-0.3 + 1.5 * 2 * tanh(-0.2)) / 10, (0.2 + 1.5 * 0.5 * tanh(0.3)) / 20 };
    expect_drift(f,
                 LINEAR "coupling = { matrix = [[0, 8], [2, 0]], normalise = \"spectral-radius\", strength = 3.0 }\n",
                 x, linear);
    expect_drift(f,
                 "kind = \"rate\"\ngain = 1.5\ntau = [10, 20]\ncoupling = { matrix = [[0, 8], [2, 0]], normalise = "
                 "\"spectral-radius\" }\n",
                 x, rate);
}

/* The same samples with their axes in any order drive the model in the same way; replica r takes trial r. */
static void test_input_axes(void **state) {
    fixture *f = *state;
    char path[128];
    /* I[trial][time][channel] = 100 trial + 10 time + channel, 2 x 3 x 2 */
    double a[12], b[12];
    for (int i = 0; i < 2; i++)
        for (int t = 0; t < 3; t++)
            for (int c = 0; c < 2; c++) {
                a[(i * 3 + t) * 2 + c] = 100 * i + 10 * t + c;
                b[(t * 2 + c) * 2 + i] = 100 * i + 10 * t + c;
            }
    snprintf(path, sizeof path, "%s/a.npy", f->directory);
    assert_int_equal(sx_npy_write(f->ctx, path, 3, (int64_t[]){ 2, 3, 2 }, a), SX_OK);
    snprintf(path, sizeof path, "%s/b.npy", f->directory);
    assert_int_equal(sx_npy_write(f->ctx, path, 3, (int64_t[]){ 3, 2, 2 }, b), SX_OK);
    static const char *const models[] = {
        "kind = \"rate\"\ncoupling = { matrix = [[0, 0], [0, 0]] }\ninput = { file = \"a.npy\", axes = [\"trial\", "
        "\"time\", \"channel\"], dt = 0.5 }\n",
        "kind = \"rate\"\ncoupling = { matrix = [[0, 0], [0, 0]] }\ninput = { file = \"b.npy\", axes = [\"time\", "
        "\"channel\", \"trial\"], dt = 0.5 }\n",
    };
    for (int k = 0; k < 2; k++) {
        sx_model *m = build(f, models[k]);
        double out[2], x[2] = { 0, 0 };
        assert_int_equal(sx_model_trials(m), 2);
        drift(f, m, 1.1, 1, x, out); /* floor(1.1/0.5) = 2 */
        assert_true(out[0] == 120 && out[1] == 121);
        drift(f, m, 0.5, 0, x, out);
        assert_true(out[0] == 10 && out[1] == 11);
        sx_model_free(f->ctx, m);
    }
    /* channels by index: channel 0 drives unit 1 */
    sx_model *m = build(
        f, "kind = \"rate\"\ncoupling = { matrix = [[0, 0], [0, 0]] }\n"
           "input = { file = \"a.npy\", axes = [\"trial\", \"time\", \"channel\"], dt = 0.5, channels = [1, 0] }\n");
    double out[2], x[2] = { 0, 0 };
    drift(f, m, 0, 0, x, out);
    assert_true(out[0] == 1 && out[1] == 0);
    sx_model_free(f->ctx, m);
}

/* ------------------------------------------------------------------------------------------------------------- running */

#define RATE_OF                                                                                                        \
    "seed = 3\n%s[model]\nkind = \"rate\"\ncoupling = { ensemble = \"gaussian\", n = 4 }\n[noise]\nkind = "            \
    "\"additive\"\nD = %s\n"                                                                                           \
    "%s[[task]]\nname = \"b\"\ndo = \"simulate\"\nduration = 1.0\ndt = 0.1\nreplicas = 8\npilot = false\n"             \
    "initial = { kind = \"gaussian\", sd = 1.0 }\n"
#define WALK_OF                                                                                                        \
    "seed = 3\nseeds = { initial = %d }\n[model]\nkind = \"linear\"\nn = 2\nleak = 0.0\n[noise]\nkind = "              \
    "\"additive\"\nD = %s\n[[task]]\n"                                                                                 \
    "name = \"w\"\ndo = \"simulate\"\nduration = 1.0\ndt = 0.5\nreplicas = 8\npilot = false\ncompare = \"none\"\n"     \
    "method = \"euler-maruyama\"\ninitial = { kind = \"gaussian\", sd = 1.0 }\n"
#define LEAK_OF                                                                                                        \
    "seed = %d\n[model]\nkind = \"linear\"\nn = 2\nleak = { file = \"leak.csv\", header = false }\n[noise]\nkind = "   \
    "\"additive\"\nD = 0.1\n"                                                                                          \
    "[[task]]\nname = \"t\"\ndo = \"simulate\"\nduration = 5.0\ndt = 0.01\n"

#define OU                                                                                                             \
    "title = \"OU\"\nseed = 3\nunits = { time = \"ms\", state = \"mV\" }\n[model]\nkind = \"linear\"\nn = 4\nleak = "  \
    "2.0\n"                                                                                                            \
    "[noise]\nkind = \"additive\"\nD = 0.5\n[[task]]\nname = \"traj\"\ndo = \"simulate\"\nburn_in = 5.0\nduration = "  \
    "20.0\ndt = 0.05\n"                                                                                                \
    "replicas = 64\npilot = false\n"

static sx_result *result_of(fixture *f, const char *text) {
    sx_experiment *e = load(f, text);
    sx_result *r = NULL;
    if (sx_experiment_result(f->ctx, e, &r) != SX_OK) fail_msg("%s", sx_ctx_message(f->ctx));
    sx_experiment_free(f->ctx, e);
    return r;
}

/* A whole variable, at most `room` numbers; returns how many. */
static int64_t values_of(fixture *f, const sx_result *r, const char *group, const char *name, double *out,
                         int64_t room) {
    int64_t shape[8], n = 1;
    const char *dims[8];
    int id = sx_result_find(r, group, name);
    if (id < 0) fail_msg("%s/%s is missing", group, name);
    int ndim = sx_result_shape(r, id, shape, dims);
    for (int k = 0; k < ndim; k++) n *= shape[k];
    assert_true(n <= room);
    assert_int_equal(sx_result_read(f->ctx, r, id, NULL, NULL, out), SX_OK);
    return n;
}

/* x' = -k x + xi with <xi xi> = 2 D delta has variance D / k = 0.25 (the task takes the exact stepper); sigma = 1 is the same D.
 * Mutant noise_sqrt2 (variance half of what it is) must turn this red. */
static void test_ornstein_uhlenbeck(void **state) {
    fixture *f = *state;
    const char *texts[] = {
        OU,
        "seed = 4\n[model]\nkind = \"linear\"\nn = 4\nleak = 2.0\n[noise]\nkind = \"additive\"\nsigma = 1.0\n[[task]]\n"
        "name = \"traj\"\ndo = \"simulate\"\nburn_in = 5.0\nduration = 20.0\ndt = 0.05\nreplicas = 64\n"
    };
    for (int k = 0; k < 2; k++) {
        double v[4], se[4];
        sx_result *r = result_of(f, texts[k]);
        assert_int_equal(values_of(f, r, "traj", "x_variance", v, 4), 4);
        assert_int_equal(values_of(f, r, "traj", "x_variance_se", se, 4), 4);
        for (int i = 0; i < 4; i++) {
            double z = (v[i] - 0.25) / se[i];
            assert_true(se[i] > 0 && se[i] < 0.02);
            if (!(fabs(z) <= 5)) fail_msg("variance %g +- %g, want 0.25, z = %g", v[i], se[i], z);
        }
        sx_result_free(f->ctx, r);
    }
}

static void test_root_attributes(void **state) {
    fixture *f = *state;
    sx_result *r = result_of(f, OU);
    const char *want[][2] = { { "title", "OU" },     { "seed", "3" },       { "calculus", "kinetic" },
                              { "complete", "yes" }, { "unit_time", "ms" }, { "version", sx_version() } };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        const char *text = sx_result_attr_find(r, "", NULL, want[i][0]);
        assert_non_null(text);
        assert_string_equal(text, want[i][1]);
    }
    int variance = sx_result_find(r, "traj", "x_variance");
    assert_true(variance >= 0);
    assert_string_equal(sx_result_var(r, variance, NULL)->units, "mV^2"); /* the labels of the experiment */
    const char *other[] = {
        "revision", "hash", "kernel_set", "blas", "model_equation", "drift", "units", "experiment"
    };
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        const char *text = sx_result_attr_find(r, "", NULL, other[i]);
        if (!text || !*text) fail_msg("the attribute %s is missing", other[i]);
    }
    sx_result_free(f->ctx, r);
    put_file(f, "w.csv", ",a,b\na,0,1\nb,1,0\n");
    r = result_of(f, "[model]\nkind = \"rate\"\ncoupling = { file = \"w.csv\", rows = \"target\", header = true, "
                     "labels = \"first-column\" }\n"
                     "[[task]]\nname = \"traj\"\ndo = \"simulate\"\nduration = 1.0\ndt = 0.1\nrecord = { every = 0.5, "
                     "units = [\"b\"] }\n");
    int id = sx_result_find(r, "", "unit_label");
    assert_true(id >= 0);
    assert_string_equal(sx_result_text(r, id, 1), "b");
    sx_result_free(f->ctx, r);
}

/* Names, not order, key the random numbers: another task, another title or limits move nothing; each seed moves its own part. */
static void test_random_numbers_belong_to_names(void **state) {
    fixture *f = *state;
    const struct {
        const char *head, *D, *before;
        bool same;
    } cases[] = {
        { "", "0.1", "", true },
        { "title = \"x\"\n", "0.1", "", true },
        { "", "0.1", "[[task]]\nname = \"a\"\ndo = \"simulate\"\nduration = 2.0\ndt = 0.1\n", true },
        { "seeds = { noise = 3, coupling = 3, initial = 3 }\n", "0.1", "", true },
        { "seeds = { data = 9 }\n", "0.1", "", true },
        { "seeds = { noise = 9 }\n", "0.1", "", false },
        { "seeds = { coupling = 9 }\n", "0.1", "", false },
        { "seeds = { initial = 9 }\n", "0.1", "", false },
    };
    double first[32], x[32];
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        char text[2048];
        snprintf(text, sizeof text, RATE_OF, cases[k].head, cases[k].D, cases[k].before);
        sx_result *r = result_of(f, text);
        assert_int_equal(values_of(f, r, "b", "x_final", k ? x : first, 32), 32);
        sx_result_free(f->ctx, r);
        if (k && (memcmp(x, first, sizeof x) == 0) != cases[k].same)
            fail_msg("case %d: same bits is %s", (int)k, cases[k].same ? "wanted" : "not wanted");
    }
    /* seeds.initial = 9 changes the first state, not the noise: without dynamics between them the difference is that of the states. A linear
     * model with leak 0 keeps x(t) = x0 + noise. */
    double d[2][2][16];
    for (int s = 0; s < 2; s++)
        for (int n = 0; n < 2; n++) {
            char text[1024];
            snprintf(text, sizeof text, WALK_OF, s ? 9 : 3, n ? "0.5" : "0.0");
            sx_result *r = result_of(f, text);
            assert_int_equal(values_of(f, r, "w", "x_final", d[s][n], 16), 16);
            sx_result_free(f->ctx, r);
        }
    for (int i = 0; i < 16; i++) {
        assert_true(fabs((d[1][1][i] - d[1][0][i]) - (d[0][1][i] - d[0][0][i])) < 1e-14 * 16);
        assert_true(d[0][0][i] != d[1][0][i]);
    }
}

static void test_replicas_are_trials(void **state) {
    fixture *f = *state;
    char path[128];
    double a[2 * 20];
    for (int i = 0; i < 40; i++) a[i] = i < 20 ? 1 : 2;
    snprintf(path, sizeof path, "%s/i.npy", f->directory);
    assert_int_equal(sx_npy_write(f->ctx, path, 2, (int64_t[]){ 2, 20 }, a), SX_OK);
    sx_result *r = result_of(
        f, "[model]\nkind = \"rate\"\ntime = \"discrete\"\ncoupling = { matrix = [[0]] }\ninput = { file = \"i.npy\", "
           "axes = "
           "[\"trial\", \"time\"] }\n[[task]]\nname = \"t\"\ndo = \"simulate\"\nsteps = 10\nreplicas = \"trials\"\n");
    double x[2]; /* x <- I: each replica ends at its own trial's input */
    assert_int_equal(values_of(f, r, "t", "x_final", x, 2), 2);
    assert_true(x[0] == 1 && x[1] == 2);
    sx_result_free(f->ctx, r);
}

/* ------------------------------------------------------------------------------------------------ text, hash, overrides */

static void test_resolved_text(void **state) {
    fixture *f = *state;
    int n;
    const sx_model_info *infos = sx_model_infos(&n);
    assert_true(n >= 3);
    for (int i = 0; i < n; i++) {
        sx_experiment *e = load(f, infos[i].example), *again = load(f, sx_experiment_text(e));
        assert_string_equal(sx_experiment_text(e), sx_experiment_text(again));
        assert_true(sx_experiment_hash(e) == sx_experiment_hash(again));
        sx_experiment_free(f->ctx, again);
        char *text = NULL;
        assert_int_equal(sx_experiment_template(f->ctx, infos[i].kind, &text), SX_OK);
        again = load(f, text); /* the starting file is the example */
        assert_true(sx_experiment_hash(e) == sx_experiment_hash(again));
        sx_free(f->ctx, text);
        sx_experiment_free(f->ctx, again);
        sx_experiment_free(f->ctx, e);
    }
    sx_experiment *e = load(f, OU), *titled = load(f, OU "[limits]\ntime = \"1h\"\n");
    assert_true(sx_experiment_hash(e) == sx_experiment_hash(titled));
    sx_experiment_free(f->ctx, titled);
    const char *set[] = { "task.traj.dt=0.1" };
    assert_int_equal(sx_experiment_parse(f->ctx, "t.toml", ".", OU, strlen(OU), set, 1, &titled), SX_OK);
    assert_true(sx_experiment_hash(e) != sx_experiment_hash(titled));
    assert_non_null(strstr(sx_experiment_text(titled), "\ndt = 0.1\n"));
    assert_int_equal(sx_experiment_tasks(titled), 1);
    assert_string_equal(sx_experiment_task_name(titled, 0), "traj");
    assert_string_equal(sx_experiment_title(titled), "OU");
    sx_experiment_free(f->ctx, titled);
    sx_experiment_free(f->ctx, e);
}

static void test_prediction_and_limits(void **state) {
    fixture *f = *state;
    sx_experiment *e = load(f, OU "[limits]\nmemory = \"1GB\"\ndisk = \"1GB\"\ntime = \"1h\"\n");
    sx_prediction p = { 0 };
    assert_int_equal(sx_experiment_check(f->ctx, e, &p), SX_OK);
    assert_true(p.memory > 1 << 20 && p.memory < INT64_C(1) << 30 && p.disk > 0 && p.seconds > 0 && p.seconds < 60);
    sx_experiment_free(f->ctx, e);
    (void)comma_locale_begin(); /* the host's locale does not matter */
    e = load(f, OU "[limits]\nmemory = \"1.0 MB\"\n");
    comma_locale_end();
    assert_int_equal(sx_experiment_check(f->ctx, e, &p), SX_E_USAGE);
    assert_non_null(strstr(sx_ctx_message(f->ctx), "limits.memory = 1 MB"));
    sx_result *r = NULL;
    assert_int_equal(sx_experiment_result(f->ctx, e, &r), SX_E_USAGE);
    assert_null(r);
    sx_experiment_free(f->ctx, e);
}

/* Tasks of all kinds have a time, also those whose points another task has still to find and those that refuse the origin;
 * many more replicas take longer, and a limit of time holds for them. */
static void test_prediction_of_tasks(void **state) {
    fixture *f = *state;
    static const char *const chain =
        "[model]\nkind = \"rate\"\ncoupling = { ensemble = \"gaussian\", n = 30, g = 3.0 }\n[noise]\nkind = "
        "\"additive\"\nD = 0.1\n"
        "[[task]]\nname = \"rest\"\ndo = \"fixed-points\"\n[[task]]\nname = \"modes\"\ndo = \"spectrum\"\nat = { task "
        "= \"rest\" }\n"
        "[[task]]\nname = \"linear\"\ndo = \"response\"\nat = { task = \"rest\", select = \"stable\" }\n"
        "[[task]]\nname = \"chaos\"\ndo = \"lyapunov\"\nduration = 2000.0\ndt = 0.05\n";
    const char *const more[] = { "task.chaos.replicas=4000" }, *const limit[] = { "task.chaos.duration=1e9",
                                                                                  "limits.time=\"1s\"" };
    sx_prediction p = { 0 }, longer = { 0 };
    sx_experiment *e = load(f, chain), *other;
    assert_int_equal(sx_experiment_check(f->ctx, e, &p), SX_OK);
    assert_true(p.seconds > 0 && isfinite(p.seconds));
    assert_int_equal(sx_experiment_parse(f->ctx, "t.toml", ".", chain, strlen(chain), more, 1, &other), SX_OK);
    assert_int_equal(sx_experiment_check(f->ctx, other, &longer), SX_OK);
    assert_true(longer.seconds > p.seconds);
    sx_experiment_free(f->ctx, other);
    assert_int_equal(sx_experiment_parse(f->ctx, "t.toml", ".", chain, strlen(chain), limit, 2, &other), SX_OK);
    assert_int_equal(sx_experiment_check(f->ctx, other, &p), SX_E_USAGE);
    assert_non_null(strstr(sx_ctx_message(f->ctx), "limits.time"));
    sx_experiment_free(f->ctx, other);
    sx_experiment_free(f->ctx, e);
}

/* ------------------------------------------------------------------------------------------------------ run and resume */

static void out_path(const fixture *f, const char *name, char path[128]) {
    snprintf(path, 128, "%s/%s", f->directory, name);
}

static void read_saved(fixture *f, const char *directory, const char *group, const char *name, double *out, int64_t n) {
    char path[160];
    sx_result *r = NULL;
    snprintf(path, sizeof path, "%s/result.h5", directory);
    if (sx_result_load(f->ctx, path, &r) < 0) fail_msg("%s", sx_ctx_message(f->ctx));
    assert_int_equal(values_of(f, r, group, name, out, n), n);
    sx_result_free(f->ctx, r);
}

#define TWO_TASKS                                                                                                      \
    "seed = 3\n[model]\nkind = \"rate\"\ncoupling = { ensemble = \"gaussian\", n = 40 }\n[noise]\nkind = "             \
    "\"additive\"\nD = 0.1\n[[task]]\n"                                                                                \
    "name = \"a\"\ndo = \"simulate\"\nduration = 12.0\ndt = 0.01\nreplicas = 256\n[[task]]\nname = \"b\"\ndo = "       \
    "\"simulate\"\n"                                                                                                   \
    "duration = %s\ndt = 0.01\nreplicas = 256\nrecord = { every = 1.0, units = [0, 1] }\n"

/* Stopped in either task and resumed, a run gives the bits of an undisturbed one. */
static void test_stop_and_resume(void **state) {
    fixture *f = *state;
    char text[1024], whole[128], parts[128];
    double want[2][40 * 256], got[2][40 * 256];
    snprintf(text, sizeof text, TWO_TASKS, "12.0");
    sx_experiment *e = load(f, text);
    out_path(f, "whole", whole);
    if (sx_experiment_run(f->ctx, e, whole, false, false) != SX_OK) fail_msg("%s", sx_ctx_message(f->ctx));
    int total = f->calls;
    assert_true(total >= 6); /* enough places to stop at */
    read_saved(f, whole, "a", "x_final", want[0], 40 * 256);
    read_saved(f, whole, "b", "x_final", want[1], 40 * 256);
    const int stops[] = { 2, total - 2 };
    for (int k = 0; k < 2; k++) {
        snprintf(parts, sizeof parts, "%s/parts%d", f->directory, k);
        f->calls = 0;
        f->stop_at = stops[k];
        sx_status s = sx_experiment_run(f->ctx, e, parts, false, false);
        if (s != SX_STOPPED) fail_msg("status %d, %s", s, sx_ctx_message(f->ctx));
        char path[160];
        sx_result *r = NULL;
        snprintf(path, sizeof path, "%s/result.h5", parts); /* self-contained, and says that it is not whole */
        assert_int_equal(sx_result_load(f->ctx, path, &r), SX_OK);
        assert_string_equal(sx_result_attr_find(r, "", NULL, "complete"), "no");
        assert_string_equal(sx_result_attr_find(r, "", NULL, "stopped_in"), k ? "b" : "a");
        sx_result_free(f->ctx, r);
        f->stop_at = 0;
        if (sx_experiment_run(f->ctx, e, parts, true, false) != SX_OK) fail_msg("%s", sx_ctx_message(f->ctx));
        read_saved(f, parts, "a", "x_final", got[0], 40 * 256);
        read_saved(f, parts, "b", "x_final", got[1], 40 * 256);
        assert_memory_equal(got, want, sizeof want);
        snprintf(path, sizeof path, "%s/checkpoints", parts);
        assert_int_not_equal(access(path, F_OK), 0);
        assert_int_equal(sx_experiment_run(f->ctx, e, parts, true, false), SX_OK); /* nothing left to do */
    }
    sx_experiment_free(f->ctx, e);
}

static void test_resume_refuses_what_differs(void **state) {
    fixture *f = *state;
    char text[1024], out[128];
    put_file(f, "leak.csv", "1\n2\n");
    out_path(f, "out", out);
    snprintf(text, sizeof text, LEAK_OF, 1);
    sx_experiment *e = load(f, text), *other;
    assert_int_equal(sx_experiment_run(f->ctx, e, out, true, false), SX_E_CHECKPOINT); /* nothing there */
    assert_non_null(strstr(sx_ctx_message(f->ctx), "no run to resume"));
    f->stop_at = 1;
    assert_int_equal(sx_experiment_run(f->ctx, e, out, false, false), SX_STOPPED);
    f->stop_at = 0;
    snprintf(text, sizeof text, LEAK_OF, 2);
    other = load(f, text);
    assert_int_equal(sx_experiment_run(f->ctx, other, out, true, false), SX_E_CHECKPOINT);
    assert_non_null(strstr(sx_ctx_message(f->ctx), "was 'seed = 1' and is now 'seed = 2'"));
    sx_experiment_free(f->ctx, other);
    put_file(f, "leak.csv", "1\n3\n");
    assert_int_equal(sx_experiment_run(f->ctx, e, out, true, false), SX_E_CHECKPOINT);
    assert_non_null(strstr(sx_ctx_message(f->ctx), "an input file has changed"));
    put_file(f, "leak.csv", "1\n2\n");
    if (sx_experiment_run(f->ctx, e, out, true, false) != SX_OK) fail_msg("%s", sx_ctx_message(f->ctx));
    assert_true(sx_experiment_run(f->ctx, e, out, false, false) < 0); /* a result is there */
    if (sx_experiment_run(f->ctx, e, out, false, true) != SX_OK) fail_msg("%s", sx_ctx_message(f->ctx));
    sx_experiment_free(f->ctx, e);
    /* experiment.toml of the directory runs as it stands, from anywhere */
    char path[160];
    snprintf(path, sizeof path, "%s/experiment.toml", out);
    assert_int_equal(sx_experiment_load(f->ctx, path, NULL, 0, &e), SX_OK);
    sx_prediction p;
    if (sx_experiment_check(f->ctx, e, &p) != SX_OK) fail_msg("%s", sx_ctx_message(f->ctx));
    sx_experiment_free(f->ctx, e);
}

/* An unstable network blows up: exit 4, a result that says so and names the task. */
static void test_blow_up_is_told(void **state) {
    fixture *f = *state;
    char out[128], path[160];
    sx_experiment *e = load(f, "[model]\nkind = \"linear\"\nn = 2\nleak = -50.0\n[noise]\nkind = \"additive\"\nD = "
                               "0.1\n[[task]]\nname = \"t\"\n"
                               "do = \"simulate\"\nduration = 100.0\ndt = 0.01\ncompare = \"none\"\n");
    sx_result *r = NULL;
    out_path(f, "out", out);
    assert_int_equal(sx_experiment_run(f->ctx, e, out, false, false), SX_E_NUMERIC);
    assert_non_null(strstr(sx_ctx_message(f->ctx), "task 't'"));
    snprintf(path, sizeof path, "%s/result.h5", out);
    assert_int_equal(sx_result_load(f->ctx, path, &r), SX_OK);
    assert_string_equal(sx_result_attr_find(r, "", NULL, "complete"), "no");
    sx_result_free(f->ctx, r);
    sx_experiment_free(f->ctx, e);
}

/* Every allocation of load, build and template fails once, then for good: SX_E_MEMORY, nothing leaked, outputs untouched. */
static void test_failing_allocations(void **state) {
    fixture *f = *state;
    put_file(f, "w.csv", ",a,b,c\na,0,0,4\nb,2,0,0\nc,3,0,0\n");
    put_file(f, "tau.csv", "name,v\nc,3\na,1\nb,2\n");
    const char *text = "[model]\nkind = \"rate\"\ntau = { file = \"tau.csv\", column = \"v\", key = \"name\" }\n"
                       "coupling = { file = \"w.csv\", rows = \"target\", header = true, labels = \"first-column\" }\n"
                       "[[task]]\ndo = \"simulate\"\nduration = 1.0\ndt = 0.1\nrecord = { units = [\"b\"] }\n";
    for (int persistent = 0; persistent < 2; persistent++) {
        bool through = false;
        for (int64_t k = 1; !through && k < 3000; k++) {
            failing_host h = { .persistent = persistent };
            sx_host host = failing_host_of(&h);
            sx_ctx *ctx = sx_ctx_create(&host);
            assert_non_null(ctx);
            size_t before = sx_ctx_bytes(ctx);
            sx_experiment *e = NULL;
            sx_model *m = NULL;
            char *template = NULL;
            h.fail_at = h.calls + k;
            sx_status status = sx_experiment_parse(ctx, "t.toml", f->directory, text, strlen(text), NULL, 0, &e);
            assert_true((status < 0) == (e == NULL));
            if (status >= 0) {
                status = sx_experiment_model(ctx, e, &m);
                assert_true((status < 0) == (m == NULL));
            }
            if (status >= 0) {
                status = sx_experiment_template(ctx, "rate", &template);
                assert_true((status < 0) == (template == NULL));
            }
            if (status < 0 && status != SX_E_MEMORY)
                fail_msg("allocation %d: status %d: %s", (int)k, status, sx_ctx_message(ctx));
            through = h.calls < h.fail_at;
            h.fail_at = 0;
            sx_free(ctx, template);
            sx_model_free(ctx, m);
            sx_experiment_free(ctx, e);
            if (sx_ctx_bytes(ctx) != before) fail_msg("allocation %d leaks", (int)k);
            sx_ctx_free(ctx);
            assert_int_equal(h.held, 0);
        }
        assert_true(through);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_orientation_and_layouts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_couplings_join_by_label, setup, teardown),
        cmocka_unit_test_setup_teardown(test_normalise_and_rate, setup, teardown),
        cmocka_unit_test_setup_teardown(test_input_axes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ornstein_uhlenbeck, setup, teardown),
        cmocka_unit_test_setup_teardown(test_root_attributes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_random_numbers_belong_to_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_replicas_are_trials, setup, teardown),
        cmocka_unit_test_setup_teardown(test_resolved_text, setup, teardown),
        cmocka_unit_test_setup_teardown(test_prediction_and_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_prediction_of_tasks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stop_and_resume, setup, teardown),
        cmocka_unit_test_setup_teardown(test_resume_refuses_what_differs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_blow_up_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failing_allocations, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
