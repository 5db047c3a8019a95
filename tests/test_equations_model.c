// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Models of kind "equations" in experiments: tables to models, parameters from ensembles, lists and files, noise and initial states from
 * expressions, --set, the resolved text; wrong tables with their place and what would be right. */
#include "model_checks.h"

#include "core/file.h"
#include "experiment/build.h"

#include <separatrix/report.h>

#include <unistd.h>

static sx_ctx *ctx;
static char directory[64];

static int setup(void **state) {
    (void)state;
    ctx = sx_ctx_create(NULL);
    (void)snprintf(directory, sizeof directory, "/tmp/sx_equations_XXXXXX");
    return mkdtemp(directory) && ctx ? 0 : -1;
}
static int teardown(void **state) {
    (void)state;
    char command[96];
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
    (void)snprintf(command, sizeof command, "rm -r %s", directory);
    return system(command);
}

static sx_experiment *parse(const char *text, const char *const *set, int n_set) {
    sx_experiment *e = NULL;
    if (sx_experiment_parse(ctx, "t.toml", directory, text, strlen(text), set, n_set, &e) < 0)
        fail_msg("%s", sx_ctx_message(ctx));
    return e;
}
static sx_build built(const char *text, const char *const *set, int n_set) {
    sx_build b;
    sx_experiment *e = parse(text, set, n_set);
    if (sx_build_create(ctx, e, false, &b) < 0) fail_msg("%s\n%s", sx_ctx_message(ctx), sx_ctx_trace(ctx));
    sx_experiment_free(e ? ctx : NULL, e);
    return b;
}
static void values_at(const sx_model *m, const double *x, double *out) {
    apply_op(m, OP_F, 0.0, x, 1, NULL, 1, out, NULL);
}

#define TASK "[[task]]\ndo = \"simulate\"\nduration = 1.0\ndt = 0.1\n"
#define PLANE                                                                                                          \
    "[model]\nkind = \"equations\"\nstate = [\"x\", \"y\"]\nparameters = { beta = 10.0, D = 0.02 }\n"                  \
    "[model.equations]\nx = \"x - x^3 - beta*x*y^2\"\ny = \"-(1 + x^2)*y\"\n"

/* F by hand, names as labels, --set reaches parameters, the resolved text resolves to itself. */
static void test_plane(void **state) {
    (void)state;
    const char *const set[] = { "model.parameters.beta=2.5" };
    const double x[2] = { 0.5, -0.25 };
    double f[2];
    for (int n = 0; n < 2; ++n) {
        sx_build b = built(PLANE "[noise]\nD = \"D\"\n" TASK, set, n);
        double beta = n ? 2.5 : 10.0;
        values_at(b.model, x, f);
        assert_true(f[0] == 0.5 - 0.125 - beta * 0.5 * 0.0625 && f[1] == 1.25 * 0.25);
        assert_string_equal(sx_model_layout(b.model)->arrays[0].labels[1], "y");
        assert_int_equal(sx_noise_class_of(sx_model_noise(b.model)), SX_NOISE_ADDITIVE_DIAGONAL);
        sx_build_free(ctx, &b);
    }
    sx_experiment *first = parse(PLANE "[noise]\nsigma = { x = \"sqrt(2*D)\", y = 0 }\n" TASK, NULL, 0);
    sx_experiment *again = parse(sx_experiment_text(first), NULL, 0);
    assert_string_equal(sx_experiment_text(first), sx_experiment_text(again));
    assert_true(sx_experiment_hash(first) == sx_experiment_hash(again));
    sx_experiment_free(ctx, again);
    sx_experiment_free(ctx, first);
}

/* Every kind of parameter, against numbers worked out here. */
static void test_parameters(void **state) {
    (void)state;
    char path[128];
    static const double tau[3] = { 1, 2, 4 }, V[6] = { 1, 2, 3, 4, 5, 6 };
    int64_t three = 3, shape[2] = { 3, 2 };
    (void)snprintf(path, sizeof path, "%s/tau.npy", directory);
    OK(sx_npy_write(ctx, path, 1, &three, tau));
    (void)snprintf(path, sizeof path, "%s/V.npy", directory);
    OK(sx_npy_write(ctx, path, 2, shape, V));
    sx_build b =
        built("seed = 7\n[model]\nkind = \"equations\"\nboundary = \"zero\"\n"
              "index = { k = { file = \"V.npy\", axis = 1 }, i = { file = \"V.npy\" }, j = \"i\" }\n"
              "state = { x = \"i\", u = \"\" }\n"
              "[model.parameters]\ng = 2\ntau = { file = \"tau.npy\", shape = \"i\" }\n"
              "c = { values = [0.5, 0.25], shape = \"k\" }\n"
              "V = { file = \"V.npy\", shape = \"i,k\" }\n"
              "W = { ensemble = \"gaussian\", shape = \"i,j\", g = 1.5 }\n"
              "M = { matrix = [[0, 1, 0], [0, 0, 2], [3, 0, 0]], shape = \"i,j\" }\n"
              "[model.let]\n\"r[i]\" = \"g*x[i]\"\n"
              "[model.equations]\n"
              "x = \"sum(k, V[i,k]*c[k]) + sum(j, W[i,j]*r[j]) + sum(j, M[i,j]*x[j])*u - x[i]/tau[i] + x[i+1]\"\n"
              "u = \"-u\"\n[noise]\nkind = \"none\"\n" TASK,
              NULL, 0);
    const double x[4] = { 0.3, -0.2, 0.7, 1.5 };
    double f[4], W[9] = { 0 };
    sx_ensemble en = { .struct_size = sizeof en };
    sx_fields_default(sx_ensemble_fields, &en);
    en.kind = SX_ENSEMBLE_GAUSSIAN;
    en.n = 3;
    en.g = 1.5;
    sx_coupling *w = NULL;
    OK(sx_coupling_realise(ctx, &en, sx_key_derive(sx_key_derive(sx_key_seed(7), "coupling", 0), "W", 0), &w));
    sx_coupling_add_to_dense(w, 1.0, NULL, W);
    sx_coupling_free(ctx, w);
    values_at(b.model, x, f);
    static const double M[9] = { 0, 1, 0, 0, 0, 2, 3, 0, 0 };
    for (int i = 0; i < 3; ++i) {
        double want = 0.5 * V[2 * i] + 0.25 * V[2 * i + 1] - x[i] / tau[i] + (i < 2 ? x[i + 1] : 0.0);
        for (int j = 0; j < 3; ++j) want += 2.0 * W[3 * i + j] * x[j] + M[3 * i + j] * x[j] * x[3];
        assert_true(fabs(f[i] - want) <= 1e-14);
    }
    assert_true(f[3] == -1.5);
    assert_int_equal(sx_model_layout(b.model)->n_arrays, 2);
    assert_string_equal(sx_model_layout(b.model)->arrays[1].name, "u");
    sx_build_free(ctx, &b);
}

/* Constant amplitudes per state; amplitudes of the state with each calculus: c = 0, (B'B), D' for ito, stratonovich, kinetic. */
static void test_noise(void **state) {
    (void)state;
    sx_build b = built(PLANE "[noise]\nsigma = { y = \"beta/5\", x = 0.5 }\n" TASK, NULL, 0);
    double x[2] = { 0.4, -0.3 }, w[2] = { 1, 1 }, out[2];
    const sx_noise *n = sx_model_noise(b.model);
    sx_noise_operations(n)->B(sx_noise_self(n), 0.0, view(x, 2, 1), view(w, 2, 1), (sx_batch){ out, 2, 1 },
                              (sx_work){ NULL, 0, NULL, 0 });
    assert_true(fabs(out[0] - 0.5 / sqrt(2.0)) <= 1e-16 && fabs(out[1] - 2.0 / sqrt(2.0)) <= 3e-16);
    sx_build_free(ctx, &b);
    static const char *const calculus[] = { "ito", "stratonovich", "kinetic" };
    for (int k = 0; k < 3; ++k) {
        char text[1024];
        (void)snprintf(text, sizeof text,
                       PLANE "[noise]\nsigma = { x = \"0.3*(1+x^2)\", y = \"0.1\" }\ncalculus = \"%s\"\n" TASK,
                       calculus[k]);
        b = built(text, NULL, 0);
        assert_int_equal(sx_noise_class_of(sx_model_noise(b.model)), SX_NOISE_DIAGONAL);
        sx_work s = scratch(sx_model_work(b.model, 1), NULL);
        bool any = sx_model_correction(b.model, SX_ITO, 0.0, view(x, 2, 1), (sx_batch){ out, 2, 1 }, s);
        release(s);
        /* D = s^2/2, D' = s s' with s = 0.3 (1 + x^2), s' = 0.6 x */
        double D1 = 0.3 * (1.0 + 0.16) * 0.6 * 0.4;
        assert_int_equal(any, k > 0);
        if (any) assert_true(fabs(out[0] - (k == 1 ? 0.5 * D1 : D1)) <= 1e-16 && out[1] == 0.0);
        sx_build_free(ctx, &b);
    }
    b = built(PLANE
              "[noise]\nkind = \"ou\"\ntau = 2.0\nD = \"D\"\n[[task]]\ndo = \"simulate\"\nduration = 1.0\ndt = 0.1\n"
              "initial = { x = \"D*50\", y = 0 }\n",
              NULL, 0);
    const sx_simulate_opts *o = b.task_opts[0];
    assert_int_equal(sx_model_n(b.model), 4);
    assert_int_equal(o->initial.values.n, 4);
    assert_true(o->initial.values.data[0] == 1.0 && o->initial.values.data[2] == 0.0);
    sx_build_free(ctx, &b);
}

static void test_initial(void **state) {
    (void)state;
    sx_build b =
        built("[model]\nkind = \"equations\"\nindex = { i = 4 }\nstate = { x = \"i\", u = \"\" }\n"
              "equations = { x = \"-x[i]\", u = \"-u\" }\nparameters = { a = 0.5 }\n[noise]\nkind = \"none\"\n"
              "[[task]]\ndo = \"simulate\"\nduration = 1.0\ndt = 0.1\ninitial = { u = \"2*a\", x = \"a*i\" }\n",
              NULL, 0);
    const sx_simulate_opts *o = b.task_opts[0];
    const double want[5] = { 0, 0.5, 1, 1.5, 1 };
    assert_int_equal(o->initial.kind, SX_INITIAL_VALUES);
    assert_int_equal(o->initial.values.n, 5);
    assert_memory_equal(o->initial.values.data, want, sizeof want);
    sx_build_free(ctx, &b);
}

/* The report of a run shows the model as mathematics. */
static void test_report(void **state) {
    (void)state;
    sx_result *result = NULL;
    char path[128], *page = NULL;
    size_t size = 0;
    sx_experiment *e = parse(
        "[model]\nkind = \"equations\"\nindex = { i = 3 }\nstate = { x = \"i\" }\npotential = \"sum(i, x[i]^4/4)\"\n"
        "metric = \"1/(1+x[i]^2)\"\n" TASK,
        NULL, 0);
    OK(sx_experiment_result(ctx, e, &result));
    (void)snprintf(path, sizeof path, "%s/report.html", directory);
    OK(sx_report_write(ctx, result, path));
    OK(sx_file_slurp(ctx, path, 64 << 20, true, &page, &size));
    assert_non_null(strstr(page, "<mi>Φ</mi><mo>=</mo><munder><mo>∑</mo><mrow><mi>i</mi></mrow></munder>"));
    assert_non_null(strstr(page, "<mfrac><mrow><mo>∂</mo><mi>Φ</mi></mrow><mrow><mo>∂</mo><msub><mi>x</mi>"));
    assert_non_null(strstr(page, "Phi = sum(i, x[i]^4/4);  G_x[i] = 1/(1 + x[i]^2);  x[i]&#39; = -dPhi/dx[i]/G_x[i]"));
    sx_free(ctx, page);
    sx_result_free(ctx, result);
    /* and `check --latex` prints the same lines */
    char *lines = NULL;
    OK(sx_experiment_equations(ctx, e, true, &lines));
    assert_string_equal(lines, "\\Phi = \\sum_{i} \\frac{x_{i}^{4}}{4}\nG_{x,i} = \\frac{1}{1 + x_{i}^{2}}\n"
                               "\\frac{d}{dt} x_{i} = -\\frac{1}{G_{x,i}}\\, \\frac{\\partial \\Phi}{\\partial "
                               "x_{i}}\n");
    sx_free(ctx, lines);
    sx_experiment_free(ctx, e);
}

/* Potential, metric and flow: F by hand, the resolved text resolves to itself, --set reaches them, thermal noise is attached. */
static void test_potential(void **state) {
    (void)state;
#define WELLS                                                                                                          \
    "[model]\nkind = \"equations\"\nindex = { i = 2, j = \"i\" }\nstate = { x = \"i\" }\n"                             \
    "parameters = { W = { matrix = [[0, 0.5], [0.25, 0]], shape = \"i,j\" } }\n"                                       \
    "potential = \"sum(i, x[i]^4/4 - x[i]^2/2) - 0.5*sum(i, sum(j, W[i,j]*x[i]*x[j]))\"\n"                             \
    "metric = { x = \"1/(1+x[i]^2)\" }\nflow = \"0.1*x[i+1]\"\n"
    const char *const set[] = { "model.metric=2", "model.flow={ x = 0.25 }" };
    const double x[2] = { 0.5, -0.75 };
    double f[2], back[2];
    for (int k = 0; k < 2; ++k) {
        sx_build b = built(WELLS "[noise]\nkind = \"thermal\"\ntemperature = 0.1\n" TASK, set, 2 * k);
        values_at(b.model, x, f);
        for (int i = 0; i < 2; ++i) {
            double grad = x[i] * x[i] * x[i] - x[i] - 0.375 * x[1 - i];
            double want = k ? -grad / 2 + 0.25 : -(1 + x[i] * x[i]) * grad + 0.1 * x[1 - i];
            assert_true(fabs(f[i] - want) <= 1e-15);
        }
        assert_int_equal(sx_noise_class_of(sx_model_noise(b.model)),
                         k ? SX_NOISE_ADDITIVE_DIAGONAL : SX_NOISE_DIAGONAL);
        assert_int_equal(sx_model_calculus(b.model), SX_KINETIC);
        assert_true(sx_model_has(b.model, "potential") && sx_model_has(b.model, "metric") &&
                    sx_model_has(b.model, "gradient") && sx_model_has(b.model, "reentrant"));
        sx_build_free(ctx, &b);
    }
    sx_experiment *first = parse(WELLS "[noise]\nkind = \"none\"\n" TASK, NULL, 0),
                  *again = parse(sx_experiment_text(first), NULL, 0);
    assert_string_equal(sx_experiment_text(first), sx_experiment_text(again));
    assert_non_null(strstr(sx_experiment_text(first), "potential = "));
    assert_non_null(strstr(sx_experiment_text(first), "metric = "));
    assert_non_null(strstr(sx_experiment_text(first), "flow = "));
    sx_experiment_free(ctx, again);
    sx_experiment_free(ctx, first);
    /* numbers as states; the same motion as a circle: grad (x^2 + y^2)/2, turned */
    sx_build b = built("[model]\nkind = \"equations\"\nstate = [\"p\", \"q\"]\npotential = \"(p^2 + q^2)/2\"\n"
                       "metric = { radial = \"1 + r^2\", tangential = \"4\" }\nflow = { p = \"-q\", q = \"p\" }\n" TASK,
                       NULL, 0);
    values_at(b.model, x, f);
    double g = 1 + 0.25 + 0.5625; /* the gradient is radial */
    back[0] = -x[0] / g - x[1];
    back[1] = -x[1] / g + x[0];
    assert_true(fabs(f[0] - back[0]) <= 1e-15 && fabs(f[1] - back[1]) <= 1e-15);
    assert_string_equal(sx_model_layout(b.model)->arrays[0].labels[1], "q");
    sx_build_free(ctx, &b);
}

/* What stands between [model] and the tasks, and the message. */
static void test_wrong(void **state) {
    (void)state;
#define HEAD  "[model]\nkind = \"equations\"\n"
#define TAIL  "[noise]\nkind = \"none\"\n" TASK
#define MODEL HEAD "state = [\"x\"]\nequations = { x = \"-x\" }\n"
#define PHI   HEAD "state = [\"x\", \"y\"]\n"
    static const struct {
        const char *text, *message;
    } cases[] = {
        { HEAD "equations = { x = \"-x\" }\n" TAIL,
          "t.toml:1:1: [model]: 'state' is missing: want state = [\"x\", \"y\"] for numbers or state = { x = "
          "\"i\", u = \"\" } for arrays over an index" },
        { HEAD "state = \"x\"\nequations = { x = \"-x\" }\n" TAIL,
          "t.toml:3:9: state: want state = [\"x\", \"y\"] for numbers or state = { x = \"i\", u = \"\" } for arrays "
          "over an index" },
        { HEAD "state = [\"x\"]\n" TAIL,
          "t.toml:1:1: [model]: 'equations' is missing, as in equations = { x = \"-x[i]\" }; or give potential = "
          "\"sum(i, x[i]^2)\"" },
        { MODEL "potential = \"x^2\"\n" TAIL,
          "t.toml:5:13: potential: [model.equations] is given too: want one of them; beside a potential, what is no "
          "gradient belongs to flow = { x = \"...\" }" },
        { MODEL "metric = \"2\"\n" TAIL,
          "t.toml:5:10: metric has a meaning only beside potential = \"...\": F = -G^-1 grad Phi + R; without one "
          "write the whole right side in [model.equations]" },
        { HEAD "state = [\"x\"]\nflow = { x = \"1\" }\n" TAIL,
          "t.toml:4:8: flow has a meaning only beside potential = \"...\": F = -G^-1 grad Phi + R; without one write "
          "the whole right side in [model.equations]" },
        { PHI "potential = [1]\n" TAIL, "t.toml:4:13: potential: want a number or an expression in quotes" },
        { PHI "potential = \"x^2 +\"\n" TAIL,
          "t.toml:4:13: potential: character 6: want a number, a name, '-' or '(', got the end of the text" },
        { PHI "potential = \"x^2 + z\"\n" TAIL,
          "t.toml:4:13: potential: character 7: unknown name 'z'; want a state, a parameter, a definition above, an "
          "index, t or pi" },
        { PHI "potential = 3.0\n" TAIL,
          "t.toml:4:13: potential: does not depend on the state: its gradient is 0 everywhere" },
        { PHI "potential = \"x^2\"\ntime = \"discrete\"\n[[task]]\ndo = \"simulate\"\nsteps = 3\n",
          "t.toml:4:13: potential: F = -G^-1 grad Phi + R is a flow: want time = \"continuous\"" },
        { PHI "potential = \"x^2\"\nmetric = [[1, 0], [0, 1]]\n" TAIL,
          "t.toml:5:10: metric: want a text for all states, a table { x = \"1/(1+x[i]^2)\" } (diagonal), or { radial "
          "= \"1+r^2\", tangential = \"1\" }; a full matrix has no inverse and square root in closed form" },
        { PHI "potential = \"x^2\"\nmetric = { \"x,y\" = \"0.5\" }\n" TAIL,
          "t.toml:5:20: metric.x,y: an element off the diagonal: want a diagonal metric (a text per state) or a radial "
          "one (radial and tangential, functions of r = |x|); others have no inverse and square root in closed form" },
        { PHI "potential = \"x^2\"\nmetric = {}\n" TAIL,
          "t.toml:5:10: metric is empty: want a text for all states, a table { x = \"1/(1+x[i]^2)\" } (diagonal), or "
          "{ radial = \"1+r^2\", tangential = \"1\" }; a full matrix has no inverse and square root in closed form" },
        { PHI "potential = \"x^2\"\nmetric = { x = true }\n" TAIL,
          "t.toml:5:16: metric.x: want a number or an expression in quotes" },
        { PHI "potential = \"x^2\"\nmetric = { x = \"1 + t\" }\n" TAIL,
          "t.toml:5:16: metric.x: depends on time: want a metric of the state alone" },
        { PHI "potential = \"x^2\"\nmetric = { x = -1 }\n" TAIL, "t.toml:5:16: metric.x: is -1: want a metric > 0" },
        { PHI "potential = \"x^2\"\nmetric = { radial = \"1 + r^2\" }\n" TAIL,
          "t.toml:5:21: metric: tangential is missing: a radial metric wants both radial and tangential" },
        { PHI "potential = \"x^2\"\nmetric = { radial = \"1 + r^2\", tangential = \"x\" }\n" TAIL,
          "t.toml:5:45: metric.tangential: depends on the state other than through r = |x|: want a function of r "
          "alone" },
        { PHI "potential = \"x^2\"\nflow = { z = \"1\" }\n" TAIL,
          "t.toml:5:14: flow.z: there is no state 'z'; the states are x, y" },
        { PHI "potential = \"x^2\"\nflow = \"log(-1)\"\n" TAIL,
          "t.toml:5:8: flow.x: character 1: the constant here is nan: want a finite number" },
        { MODEL "[noise]\nkind = \"thermal\"\ntemperature = 0.1\n" TASK,
          "t.toml:5:1: [noise]: thermal noise needs a metric, which a model of kind \"equations\" has with 'potential' "
          "only" },
        { HEAD "state = [\"x\"]\nequations = \"-x\"\n" TAIL,
          "t.toml:4:13: equations: want a table, as in equations = { x = \"-x[i]\" }" },
        { HEAD "state = [\"x\"]\nequations = { x = 1 }\n" TAIL,
          "t.toml:4:19: equations.x: want an expression in quotes" },
        { HEAD "state = [\"x\"]\nequations = { x = \"-y\" }\n" TAIL,
          "t.toml:4:19: equations.x: character 2: unknown name 'y'; want a state, a parameter, a "
          "definition above, an index, t or pi" },
        { HEAD "state = [\"x\", \"z\"]\nequations = { x = \"-x\" }\n" TAIL,
          "t.toml:4:13: equations: there is no line for the state z" },
        { MODEL "index = { i = 1.5 }\n" TAIL,
          "t.toml:5:15: index i: want a number of elements, the name of an index whose range it shares, or { file = "
          "\"W.npy\", axis = 0 }" },
        { MODEL "index = { i = 0 }\n" TAIL, "t.toml:5:15: index.i: 0 elements: want 1 to 2^31 - 1" },
        { MODEL "index = { i = { axis = 0 } }\n" TAIL, "t.toml:5:15: index i: 'file' is missing" },
        { MODEL "index = { i = { file = \"W.npy\", axis = -1 } }\n" TAIL,
          "t.toml:5:40: index i: axis: want an integer from 0 to 7" },
        { MODEL "parameters = { g = \"1\" }\n" TAIL,
          "t.toml:5:20: parameters.g: want a number, { values = [...], shape = \"i\" }, { file = \"...\", shape = "
          "\"i\" } or a coupling { ensemble = "
          "\"gaussian\", shape = \"i,j\" }; expressions belong to [model.let]" },
        { MODEL "parameters = { g = [1, 2] }\n" TAIL,
          "t.toml:5:20: parameters.g: want a number, { values = [...], shape = \"i\" }, { file = \"...\", shape = "
          "\"i\" } or a coupling { ensemble = "
          "\"gaussian\", shape = \"i,j\" }" },
        { MODEL "parameters = { g = { values = [1] } }\n" TAIL,
          "t.toml:5:20: parameters.g: 'shape' is missing, as in shape = \"i\" or shape = \"i,j\"" },
        { MODEL "index = { i = 3 }\nparameters = { g = { values = [1, 2], shape = \"i\" } }\n" TAIL,
          "t.toml:6:20: parameters.g: 2 numbers: want 1 or 3" },
        { MODEL
          "index = { i = 3, j = \"i\" }\nparameters = { W = { ensemble = \"gaussain\", shape = \"i,j\" } }\n" TAIL,
          "t.toml:6:33: ensemble = \"gaussain\": want one of gaussian, sparse, dale, low-rank, ring, hebbian; did you "
          "mean 'gaussian'? (random "
          "weights of this kind)" },
        { MODEL "index = { i = 3, j = \"i\" }\nparameters = { W = { ensemble = \"gaussian\", shape = \"i,j\", n = 4 } "
                "}\n" TAIL,
          "t.toml:6:64: parameter 'W': n follows from its shape: leave it out" },
        { MODEL "index = { i = 3, j = \"i\" }\nparameters = { W = { file = \"W.npy\", shape = \"i,j\" } }\n" TAIL,
          "t.toml:6:20: parameter 'W': 'rows' is missing: write rows = \"target\" when row i holds the weights into "
          "unit i (W[i][j] from j to i), "
          "rows = \"source\" when it holds the weights out of unit i" },
        { MODEL "coupling = { ensemble = \"gaussian\", n = 3 }\n" TAIL,
          "t.toml:5:12: models of kind 'equations' have no coupling; matrices stand in 'parameters', as in W = { "
          "ensemble = \"gaussian\", shape = "
          "\"i,j\" }" },
        { MODEL "paramters = { g = 1 }\n" TAIL,
          "t.toml:5:1: unknown key 'paramters' in [model]; did you mean 'parameters'? Known: kind, index, state, "
          "parameters, let, equations, potential, metric, flow, time, boundary, compile" },
        { MODEL "boundary = \"open\"\n" TAIL,
          "t.toml:5:12: boundary = \"open\": want one of cyclic, zero, copy; did you mean 'copy'? (elements outside of "
          "the range, as in "
          "x[i+1] and K[i-j]: cyclic, zero, or a copy of the first or last; default \"cyclic\")" },
        { MODEL "let = { \"r\" = \"q\" }\n" TAIL,
          "t.toml:5:15: let.r: character 1: unknown name 'q'; want a state, a parameter, a "
          "definition above, an index, t or pi" },
        { MODEL "[noise]\nsigma = \"1 +\"\n" TASK,
          "t.toml:6:9: noise.sigma.x: character 4: want a number, a name, '-' or '(', got the end of the text" },
        { MODEL "[noise]\nsigma = { y = 1 }\n" TASK,
          "t.toml:6:15: noise.sigma.y: there is no state 'y'; the states are x" },
        { MODEL "[noise]\nsigma = { x = true }\n" TASK,
          "t.toml:6:15: noise.sigma.x: want a number or an expression in quotes" },
        { MODEL "[noise]\nsigma = \"x\"\nD = 1.0\n" TASK, "t.toml:6:9: [noise]: give D (<xi xi> = 2 D delta) or sigma "
                                                          "(dx = f dt + sigma dW, D = sigma^2/2), not both" },
        { MODEL "[noise]\nsigma = \"x\"\n" TASK, "t.toml:5:1: noise.calculus is missing: noise that depends on the "
                                                 "state wants one of kinetic, ito, stratonovich" },
        { MODEL "[noise]\nkind = \"ou\"\ntau = 1.0\nsigma = \"x\"\ncalculus = \"ito\"\n" TASK,
          "t.toml:5:1: noise.kind = \"ou\": noise that depends on the state wants \"additive\" or \"multiplicative\"" },
        { MODEL "[noise]\nsigma = \"x\"\nscaled_by = \"tau\"\ncalculus = \"ito\"\n" TASK,
          "t.toml:7:13: noise.scaled_by: write the factor in the expression" },
        { MODEL
          "time = \"discrete\"\n[noise]\nsigma = \"x\"\ncalculus = \"ito\"\n[[task]]\ndo = \"simulate\"\nsteps = 3\n",
          "t.toml:8:12: noise.calculus: maps have no calculus; leave it out" },
        { MODEL TAIL "initial = { y = 1 }\n", "t.toml:11:17: initial.y: there is no state 'y'; the states are x" },
        { MODEL TAIL "initial = { x = \"x\" }\n",
          "t.toml:11:17: initial.x: depends on the state or on time: want numbers" },
        { "[model]\nkind = \"linear\"\nn = 2\n" TAIL "initial = { x = 1 }\n",
          "t.toml:10:11: initial: 'kind' is missing; want \"zero\", a list of numbers, { kind = \"gaussian\", mean = , "
          "sd = }, { kind = "
          "\"uniform\", lo = , hi = }, { file = }, { data = } or { task = , select = }" },
    };
    int failed = 0;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; ++k) {
        sx_experiment *e = NULL;
        sx_build b;
        sx_status status =
            sx_experiment_parse(ctx, "t.toml", directory, cases[k].text, strlen(cases[k].text), NULL, 0, &e);
        if (status >= 0) {
            status = sx_build_create(ctx, e, false, &b);
            if (status >= 0) sx_build_free(ctx, &b);
        }
        bool lacks = strstr(cases[k].message, " needs ") != NULL; /* an operation that the model has not */
        if (status != (lacks ? SX_E_UNSUPPORTED : SX_E_USAGE) || strcmp(sx_ctx_message(ctx), cases[k].message) != 0) {
            print_error("%s\ngave %d: %s\nwant: %s\n", cases[k].text, status, status < 0 ? sx_ctx_message(ctx) : "",
                        cases[k].message);
            ++failed;
        }
        sx_experiment_free(ctx, e);
        sx_ctx_clear(ctx);
    }
    assert_int_equal(failed, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plane),   cmocka_unit_test(test_parameters), cmocka_unit_test(test_noise),
        cmocka_unit_test(test_initial), cmocka_unit_test(test_potential),  cmocka_unit_test(test_report),
        cmocka_unit_test(test_wrong),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
