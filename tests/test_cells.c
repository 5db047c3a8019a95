// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Cells in experiments: trajectories from files as PyTorch saves them against PyTorch's own (tests/data/cell), and what is said about
 * weights that do not fit. */
#include <separatrix/cell.h>
#include <separatrix/experiment.h>

#include "failing_host.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define OK(call) assert_int_equal((call), SX_OK)
#define DATA     SX_TEST_DATA "/cell"

typedef struct fixture {
    sx_ctx *ctx;
    char directory[64];
} fixture;

static int setup(void **state) {
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    sx_host host = { .struct_size = sizeof host, .threads = 2 };
    f->ctx = sx_ctx_create(&host);
    assert_non_null(f->ctx);
    snprintf(f->directory, sizeof f->directory, "/tmp/sx_cells_XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    *state = f;
    return 0;
}
static int teardown(void **state) {
    fixture *f = *state;
    char command[96];
    assert_int_equal(sx_ctx_bytes(f->ctx), 0);
    sx_ctx_free(f->ctx);
    snprintf(command, sizeof command, "rm -r %s", f->directory);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

#define TASK "[[task]]\nname = \"t\"\ndo = \"simulate\"\n"

static sx_status parse(fixture *f, const char *directory, const char *model, const char *task, sx_experiment **out) {
    char text[4096];
    snprintf(text, sizeof text, "[model]\nkind = \"cell\"\n%s[noise]\nkind = \"none\"\n" TASK "%s", model, task);
    return sx_experiment_parse(f->ctx, "t.toml", directory, text, strlen(text), NULL, 0, out);
}

/* A model from the fixtures of PyTorch. */
static sx_model *model_of(fixture *f, const char *directory, const char *model) {
    sx_experiment *e = NULL;
    sx_model *m = NULL;
    if (parse(f, directory, model, "steps = 1\n", &e) < 0) fail_msg("%s", sx_ctx_message(f->ctx));
    if (sx_experiment_model(f->ctx, e, &m) < 0) fail_msg("%s", sx_ctx_message(f->ctx));
    sx_experiment_free(f->ctx, e);
    return m;
}

static sx_array read_array(sx_ctx *ctx, const char *path, const char *name) {
    sx_array a = { 0 };
    sx_read_opts o = { .name = name, .missing_error = true };
    if (sx_array_read(ctx, path, &o, &a) < 0) fail_msg("%s", sx_ctx_message(ctx));
    return a;
}

/* Every step of three trials, with weights in three narrow formats and in .npz as torch.nn.GRUCell names them; steps are left out. */
static void trajectories(void **state) {
    fixture *f = *state;
    static const struct {
        const char *weights, *golden;
    } list[] = { { "file = \"gru_f32.safetensors\", prefix = \"rnn.\"", "f32" },
                 { "file = \"gru_f16.safetensors\", prefix = \"rnn.\"", "f16" },
                 { "file = \"gru_bf16.safetensors\", prefix = \"rnn.\"", "bf16" },
                 { "file = \"gru_cell.npz\", prefix = \"cell.\"", "f32" } };
    enum { TRIALS = 3, TIMES = 40, H = 4 };
    for (size_t k = 0; k < sizeof list / sizeof *list; k++) {
        char model[512];
        sx_experiment *e = NULL;
        sx_result *r = NULL;
        snprintf(model, sizeof model,
                 "cell = \"gru\"\nweights = { %s }\nlayer = 0\nconvention = \"pytorch\"\n"
                 "input = { file = \"trials.npy\", axes = [\"trial\", \"time\", \"channel\"] }\n",
                 list[k].weights);
        OK(parse(f, DATA, model, "initial = \"zero\"\nreplicas = \"trials\"\nrecord = { every = 1 }\n", &e));
        if (sx_experiment_result(f->ctx, e, &r) < 0) fail_msg("%s", sx_ctx_message(f->ctx));
        int id = sx_result_find(r, "t", "h");
        int64_t shape[8];
        const char *dims[8];
        assert_int_equal(sx_result_shape(r, id, shape, dims), 3);
        assert_int_equal(shape[0], TRIALS);
        assert_int_equal(shape[1], TIMES + 1);
        assert_int_equal(shape[2], H);
        assert_string_equal(dims[2], "unit");
        double h[TRIALS * (TIMES + 1) * H];
        OK(sx_result_read(f->ctx, r, id, NULL, NULL, h));
        sx_array want = read_array(f->ctx, DATA "/precisions_golden.npz", list[k].golden);
        for (int trial = 0; trial < TRIALS; trial++)
            for (int i = 0; i < (TIMES + 1) * H; i++) {
                double w = i < H ? 0.0 : want.data[trial * TIMES * H + i - H];
                assert_true(fabs(h[trial * (TIMES + 1) * H + i] - w) <= 1e-14);
            }
        sx_array_free(f->ctx, &want);
        sx_result_free(f->ctx, r);
        sx_experiment_free(f->ctx, e);
    }
}

static void F(const sx_model *m, double t, const double *x, double *out) {
    int64_t n = sx_model_n(m), need = sx_model_operations(m)->work(sx_model_self(m), SX_OP_F, 1);
    void *p = NULL;
    assert_int_equal(posix_memalign(&p, 64, (size_t)(need + 1) * sizeof(double)), 0);
    sx_work w = { p, need, NULL, 0 };
    sx_cbatch c = { x, n, 1 };
    sx_model_operations(m)->F(sx_model_self(m), t, c, (sx_batch){ out, n, 1 }, w);
    free(p);
}

/* Stacks: every layer of the file, or one alone, which then is driven by what the one below sends. */
static void layers(void **state) {
    fixture *f = *state;
    const char *input = "input = { file = \"long.npy\", axes = [\"time\", \"channel\"] }\n";
    char text[512];
    snprintf(text, sizeof text, "cell = \"gru\"\nweights = { file = \"gru2.safetensors\", prefix = \"rnn.\" }\n%s",
             input);
    sx_model *both = model_of(f, DATA, text);
    snprintf(text, sizeof text,
             "cell = \"gru\"\nlayer = 0\nweights = { file = \"gru2.safetensors\", prefix = \"rnn.\" }\n%s", input);
    sx_model *first = model_of(f, DATA, text);
    enum { H = 3, STEPS = 25 };
    assert_int_equal(sx_model_n(both), 2 * H);
    assert_int_equal(sx_model_n(first), H);
    sx_array want = read_array(f->ctx, DATA "/gru2_golden.npz", "long");
    double x[2 * H] = { 0 }, y[2 * H], a[H] = { 0 }, b[H], c[H] = { 0 }, d[H];
    for (int t = 0; t < STEPS; t++) {
        F(both, t, x, y);
        F(first, t, a, b);
        snprintf(text, sizeof text,
                 "cell = \"gru\"\nlayer = 1\nweights = { file = \"gru2.safetensors\", prefix = \"rnn.\" }\n"
                 "input = [%.17g, %.17g, %.17g]\n",
                 b[0], b[1], b[2]);
        sx_model *second = model_of(f, DATA, text);
        F(second, 0, c, d);
        sx_model_free(f->ctx, second);
        for (int i = 0; i < H; i++) {
            assert_true(fabs(y[i] - want.data[t * 2 * H + i]) <= 1e-13);
            assert_true(fabs(y[H + i] - want.data[t * 2 * H + H + i]) <= 1e-13);
            assert_true(fabs(b[i] - y[i]) <= 1e-15 && fabs(d[i] - y[H + i]) <= 1e-15);
        }
        memcpy(x, y, sizeof x);
        memcpy(a, b, sizeof a);
        memcpy(c, d, sizeof c);
    }
    sx_array_free(f->ctx, &want);
    sx_model_free(f->ctx, first);
    sx_model_free(f->ctx, both);
}

/* -- files made here ------------------------------------------------------------------------------------------------------------- */

typedef struct tensor {
    const char *name;
    int64_t rows, columns; /* columns 0: one axis */
    const double *data;    /* NULL: 0.25 everywhere */
} tensor;

static void put_tensors(const fixture *f, const char *name, const tensor *t, int n) {
    char path[160], header[2048] = "{";
    int64_t place = 0;
    for (int k = 0; k < n; k++) {
        int64_t count = t[k].rows * (t[k].columns ? t[k].columns : 1);
        char shape[48];
        if (t[k].columns)
            snprintf(shape, sizeof shape, "%lld, %lld", (long long)t[k].rows, (long long)t[k].columns);
        else
            snprintf(shape, sizeof shape, "%lld", (long long)t[k].rows);
        size_t used = strlen(header);
        snprintf(header + used, sizeof header - used,
                 "%s\"%s\": {\"dtype\": \"F64\", \"shape\": [%s], \"data_offsets\": [%lld, %lld]}", k ? ", " : "",
                 t[k].name, shape, (long long)place, (long long)(place + 8 * count));
        place += 8 * count;
    }
    strcat(header, "}");
    snprintf(path, sizeof path, "%s/%s", f->directory, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    uint64_t length = strlen(header);
    for (int i = 0; i < 8; i++) fputc((int)(length >> (8 * i) & 255), file);
    fputs(header, file);
    for (int k = 0; k < n; k++)
        for (int64_t i = 0; i < t[k].rows * (t[k].columns ? t[k].columns : 1); i++) {
            double x = t[k].data ? t[k].data[i] : 0.25;
            assert_int_equal(fwrite(&x, 8, 1, file), 1);
        }
    assert_int_equal(fclose(file), 0);
}

/* m, n, wi, si, b as in lowrank_inference: x' = (1 - alpha) x + alpha (m n^T tanh(x + b)/N + (si wi)^T u) */
static void lowrank(void **state) {
    fixture *f = *state;
    static const double m[] = { 1, -2, 0.5 }, n[] = { 3, 1, -1 }, wi[] = { 1, 2, 3, -1, 0.5, 4 }, si[] = { 2, 10 },
                        b[] = { 0.1, 0, -0.2 };
    const tensor t[] = { { "m", 3, 1, m }, { "n", 3, 1, n }, { "wi", 2, 3, wi }, { "si", 2, 0, si }, { "b", 3, 0, b } };
    put_tensors(f, "low.safetensors", t, 5);
    sx_model *model =
        model_of(f, f->directory,
                 "cell = \"low-rank\"\nalpha = 0.2\nweights = { file = \"low.safetensors\" }\ninput = [1.0, -0.5]\n");
    double x[3] = { 0.5, -1, 2 }, y[3], kappa = 0;
    F(model, 0, x, y);
    for (int i = 0; i < 3; i++) kappa += n[i] * tanh(x[i] + b[i]) / 3;
    for (int i = 0; i < 3; i++) {
        double want = 0.8 * x[i] + 0.2 * (m[i] * kappa + 2 * wi[i] * 1.0 + 10 * wi[3 + i] * -0.5);
        assert_true(fabs(y[i] - want) <= 1e-15 * 10);
    }
    sx_model_free(f->ctx, model);
}

/* Weights in the text; an input per channel by index. */
static void written_out(void **state) {
    fixture *f = *state;
    sx_model *m =
        model_of(f, f->directory,
                 "cell = \"leaky\"\nalpha = 0.5\ninput = [2.0]\n"
                 "layers = [{ w_ih = [[1.0], [0.5]], w_hh = [[0.0, -1.0], [1.0, 0.25]], b_ih = [0.1, 0.2] }]\n");
    double x[2] = { 0.3, -0.2 }, y[2];
    F(m, 0, x, y);
    assert_true(fabs(y[0] - (0.15 + 0.5 * tanh(2.0 + 0.1 + 0.2))) <= 1e-15);
    assert_true(fabs(y[1] - (-0.1 + 0.5 * tanh(1.0 + 0.2 + 0.3 - 0.05))) <= 1e-15);
    sx_model_free(f->ctx, m);
    m = model_of(f, DATA,
                 "cell = \"gru\"\nweights = { file = \"gru.safetensors\", prefix = \"rnn.\" }\n"
                 "input = { file = \"trials.npy\", axes = [\"trial\", \"time\", \"channel\"], channels = [1, 0] }\n");
    assert_int_equal(sx_model_trials(m), 3);
    sx_model_free(f->ctx, m);
}

/* Untrained networks: within the bound, from seeds.coupling, layers different, independent of what else is there. */
static void ensembles(void **state) {
    fixture *f = *state;
    const char *text =
        "cell = \"lstm\"\nhidden = 16\ninputs = 2\nweights = { ensemble = \"uniform\", layers = 2, scale = 0.5 }\n";
    sx_model *a = model_of(f, f->directory, text), *b = model_of(f, f->directory, text);
    enum { N = 64 };
    assert_int_equal(sx_model_n(a), N);
    double x[N], y[N], z[N], J[N * N];
    for (int i = 0; i < N; i++) x[i] = 0.01 * i;
    F(a, 0, x, y);
    F(b, 0, x, z);
    assert_memory_equal(y, z, sizeof y);
    /* with h = c = 0 and biases and weights within +-0.125: |pre-activation| <= 2 * 0.125 + ...; J_cc = f = s(a_f) */
    memset(x, 0, sizeof x);
    int64_t need = sx_model_operations(a)->work(sx_model_self(a), SX_OP_JACOBIAN, 1);
    void *p = NULL;
    assert_int_equal(posix_memalign(&p, 64, (size_t)need * sizeof(double)), 0);
    sx_model_operations(a)->jacobian(sx_model_self(a), 0, x, J, (sx_work){ p, need, NULL, 0 });
    free(p);
    double low = 1, high = 0;
    for (int i = 32; i < 48; i++) { /* c0: a_f is a sum of two numbers of size at most 0.125 */
        low = fmin(low, J[i * N + i]);
        high = fmax(high, J[i * N + i]);
    }
    double edge = 1 / (1 + exp(0.25));
    assert_true(low >= edge && high <= 1 - edge && high - low > 0.02);
    sx_model_free(f->ctx, a);
    sx_model_free(f->ctx, b);
}

/* -- messages ----------------------------------------------------------------------------------------------------------------------- */

static void messages(void **state) {
    fixture *f = *state;
    const tensor gru[] = { { "rnn.weight_ih_l0", 12, 2, NULL },
                           { "rnn.weight_hh_l0", 12, 4, NULL },
                           { "rnn.bias_ih_l0", 12, 0, NULL },
                           { "rnn.bias_hh_l0", 12, 0, NULL },
                           { "embedding.weight", 50, 2, NULL } };
    const tensor lstm[] = { { "weight_ih_l0", 16, 2, NULL }, { "weight_hh_l0", 16, 4, NULL } };
    const tensor vanilla[] = { { "weight_ih_l0", 4, 2, NULL }, { "weight_hh_l0", 4, 4, NULL } };
    const tensor transposed[] = { { "weight_ih_l0", 2, 12, NULL }, { "weight_hh_l0", 4, 12, NULL } };
    const tensor rows[] = { { "weight_ih_l0", 9, 2, NULL }, { "weight_hh_l0", 12, 4, NULL } };
    const tensor half[] = { { "weight_ih_l0", 12, 2, NULL },
                            { "weight_hh_l0", 12, 4, NULL },
                            { "bias_ih_l0", 12, 0, NULL } };
    const tensor bias[] = { { "weight_ih_l0", 12, 2, NULL },
                            { "weight_hh_l0", 12, 4, NULL },
                            { "bias_ih_l0", 4, 0, NULL },
                            { "bias_hh_l0", 12, 0, NULL } };
    const tensor both[] = { { "weight_ih_l0", 12, 2, NULL },
                            { "weight_hh_l0", 12, 4, NULL },
                            { "weight_hh_l0_reverse", 12, 4, NULL } };
    const tensor projected[] = { { "weight_ih_l0", 16, 2, NULL },
                                 { "weight_hh_l0", 16, 2, NULL },
                                 { "weight_hr_l0", 2, 4, NULL } };
    const tensor stack[] = { { "weight_ih_l0", 12, 2, NULL },
                             { "weight_hh_l0", 12, 4, NULL },
                             { "weight_ih_l1", 12, 8, NULL },
                             { "weight_hh_l1", 12, 4, NULL } };
    put_tensors(f, "gru.safetensors", gru, 5);
    put_tensors(f, "lstm.safetensors", lstm, 2);
    put_tensors(f, "vanilla.safetensors", vanilla, 2);
    put_tensors(f, "transposed.safetensors", transposed, 2);
    put_tensors(f, "rows.safetensors", rows, 2);
    put_tensors(f, "half.safetensors", half, 3);
    put_tensors(f, "bias.safetensors", bias, 4);
    put_tensors(f, "both.safetensors", both, 3);
    put_tensors(f, "projected.safetensors", projected, 3);
    put_tensors(f, "stack.safetensors", stack, 4);
#define GRU        "cell = \"gru\"\n"
#define FROM(name) "weights = { file = \"" name ".safetensors\" }\n"
    static const struct {
        const char *model;
        sx_status status;
        const char *message;
    } list[] = {
        /* files */
        { GRU "weights = { file = \"gru.safetensors\", prefix = \"net.\" }\n", SX_E_FILE,
          "t.toml:4:11: weights: gru.safetensors holds no tensor 'net.weight_hh_l0'; did you mean prefix = \"rnn.\"? "
          "it holds 5: "
          "rnn.weight_ih_l0, rnn.weight_hh_l0, rnn.bias_ih_l0, rnn.bias_hh_l0, embedding.weight" },
        { GRU FROM("gru"), SX_E_FILE,
          "t.toml:4:11: weights: gru.safetensors holds no tensor 'weight_hh_l0'; did you mean prefix = \"rnn.\"? it "
          "holds 5: "
          "rnn.weight_ih_l0, rnn.weight_hh_l0, rnn.bias_ih_l0, rnn.bias_hh_l0, embedding.weight" },
        { GRU FROM("lstm"), SX_E_FILE,
          "t.toml:4:11: weights: lstm.safetensors: tensor 'weight_hh_l0' is 16 x 4; want 3 x hidden rows and hidden "
          "columns for cell = "
          "\"gru\"; 4 x 4 rows look like an LSTM: write cell = \"lstm\"" },
        { "cell = \"lstm\"\nweights = { file = \"gru.safetensors\", prefix = \"rnn.\" }\n", SX_E_FILE,
          "t.toml:4:11: weights: gru.safetensors: tensor 'rnn.weight_hh_l0' is 12 x 4; want 4 x hidden rows and hidden "
          "columns for cell "
          "= \"lstm\"; 3 x 4 rows look like a GRU: write cell = \"gru\"" },
        { GRU FROM("vanilla"), SX_E_FILE,
          "t.toml:4:11: weights: vanilla.safetensors: tensor 'weight_hh_l0' is 4 x 4; want 3 x hidden rows and hidden "
          "columns for cell "
          "= \"gru\"; as many rows as columns look like torch.nn.RNN: write cell = \"vanilla\"" },
        { GRU FROM("transposed"), SX_E_FILE,
          "t.toml:4:11: weights: transposed.safetensors: tensor 'weight_hh_l0' is 4 x 12; want 3 x hidden rows and "
          "hidden columns for "
          "cell = \"gru\"; it looks transposed" },
        { GRU FROM("rows"), SX_E_FILE,
          "t.toml:4:11: weights: rows.safetensors: tensor 'weight_ih_l0' is 9 x 2; want 12 rows, as many as the "
          "recurrent weights have" },
        { GRU FROM("half"), SX_E_FILE,
          "t.toml:4:11: weights: half.safetensors holds no tensor 'bias_hh_l0'; did you mean 'bias_ih_l0'? it holds 3: "
          "weight_ih_l0, "
          "weight_hh_l0, bias_ih_l0" },
        { GRU FROM("bias"), SX_E_FILE,
          "t.toml:4:11: weights: bias.safetensors: tensor 'bias_ih_l0' is 4; want 12 numbers" },
        { GRU FROM("both"), SX_E_FILE,
          "t.toml:4:11: weights: both.safetensors: tensor 'weight_hh_l0_reverse': a bidirectional network reads its "
          "input backwards as "
          "well and is no map in time; take one direction alone" },
        { "cell = \"lstm\"\n" FROM("projected"), SX_E_FILE,
          "t.toml:4:11: weights: projected.safetensors: tensor 'weight_hr_l0': LSTMs with projections (proj_size) are "
          "not supported" },
        { GRU FROM("stack"), SX_E_FILE,
          "t.toml:4:11: weights: stack.safetensors: tensor 'weight_ih_l1' is 12 x 8; want 4 columns, the hidden units "
          "of the layer "
          "below" },
        { GRU "layer = 2\n" FROM("stack"), SX_E_FILE,
          "t.toml:5:11: weights: stack.safetensors has the layers 0 to 1 under the prefix '': want one of them, not "
          "2" },
        { GRU "hidden = 8\nweights = { file = \"gru.safetensors\", prefix = \"rnn.\" }\n", SX_E_FILE,
          "t.toml:5:11: weights: gru.safetensors has 4 hidden units, but hidden = 8" },
        { GRU "weights = { file = \"gru.pt\" }\n", SX_E_FILE,
          "t.toml:4:11: weights: gru.pt: want a .safetensors or an .npz file; from PyTorch: "
          "safetensors.torch.save_file(net.state_dict(), \"net.safetensors\") (a pickle can run code and is never "
          "opened)" },
        { "cell = \"low-rank\"\nalpha = 0.1\n" FROM("lstm"), SX_E_FILE,
          "t.toml:5:11: weights: lstm.safetensors holds no tensor 'm'; it holds 2: weight_ih_l0, weight_hh_l0" },
        /* the input against the weights */
        { GRU "weights = { file = \"gru.safetensors\", prefix = \"rnn.\" }\ninput = [1.0, 2.0, 3.0]\n", SX_E_USAGE,
          "t.toml:5:9: input: 3 numbers, but the network has 2 input features; 'embedding.weight' in gru.safetensors "
          "stands in front "
          "of it: give what that layer sends to the network" },
        { "cell = \"lstm\"\n" FROM("lstm") "input = [1.0, 2.0, 3.0]\n", SX_E_USAGE,
          "t.toml:1:1: [model]: input: 3 numbers, but the network has 2 input features (columns of w_ih); if an "
          "embedding or an encoder "
          "stands in front of the network, give what it sends to the network" },
        /* keys */
        { GRU, SX_E_USAGE,
          "t.toml:1:1: [model]: 'weights' is missing, as in weights = { file = \"gru.safetensors\", prefix = \"rnn.\" "
          "}" },
        { GRU FROM("gru") "layers = []\n", SX_E_USAGE, "t.toml:5:10: [model]: give 'weights' or 'layers', not both" },
        { GRU "weights = { prefix = \"rnn.\" }\n", SX_E_USAGE,
          "t.toml:4:11: weights: want exactly one of 'file' and 'ensemble', got none" },
        { GRU "weights = { file = \"gru.safetensors\", scale = 2.0 }\n", SX_E_USAGE,
          "t.toml:4:47: weights: 'scale' belongs to an ensemble" },
        { GRU "weights = { ensemble = \"uniform\" }\n", SX_E_USAGE,
          "t.toml:4:11: weights: an ensemble wants 'hidden' and 'inputs' in [model]" },
        { GRU "layer = 0\nhidden = 4\ninputs = 1\nweights = { ensemble = \"uniform\" }\n", SX_E_USAGE,
          "t.toml:4:9: [model]: 'layer' chooses a layer of weights from a file" },
        { GRU FROM("gru") "coupling = { ensemble = \"gaussian\", n = 4 }\n", SX_E_USAGE,
          "t.toml:5:12: models of kind 'cell' have no coupling; their weights stand in 'weights'" },
        { "cell = \"leaky\"\n" FROM("vanilla"), SX_E_USAGE,
          "t.toml:1:1: [model]: model.alpha is missing: a leaky cell wants alpha = dt/tau in (0, 1]" },
        { "cell = \"gruu\"\n" FROM("gru"), SX_E_USAGE,
          "t.toml:3:8: cell = \"gruu\": want one of vanilla, gru, lstm, leaky, low-rank; did you mean 'gru'? (vanilla "
          "(torch.nn.RNN), "
          "gru, lstm, leaky: h' = (1 - alpha) h + alpha phi(...), or low-rank)" },
    };
    for (size_t k = 0; k < sizeof list / sizeof *list; k++) {
        sx_experiment *e = NULL;
        sx_model *m = NULL;
        sx_status status = parse(f, f->directory, list[k].model, "steps = 1\n", &e);
        if (status >= 0) status = sx_experiment_model(f->ctx, e, &m);
        assert_null(m);
        if (status != list[k].status || strcmp(sx_ctx_message(f->ctx), list[k].message) != 0)
            fail_msg("%s\nstatus %d: %s\nwant %d: %s", list[k].model, status, sx_ctx_message(f->ctx), list[k].status,
                     list[k].message);
        sx_ctx_clear(f->ctx);
        sx_experiment_free(f->ctx, e);
    }
}

/* Names of the arrays of a container. */
static void names(void **state) {
    fixture *f = *state;
    static const char *const files[] = { "gru_f32.safetensors", "gru_cell.npz" }, *const formats[] = { "safetensors",
                                                                                                       "npz" };
    static const char *const want[2][5] = {
        { "rnn.weight_ih_l0", "rnn.weight_hh_l0", "rnn.bias_ih_l0", "rnn.bias_hh_l0", "decoder.weight" },
        { "cell.weight_ih", "cell.weight_hh", "cell.bias_ih", "cell.bias_hh", NULL }
    };
    for (int k = 0; k < 2; k++) {
        char path[256], *bytes = NULL, **list = NULL;
        size_t n = 0;
        int64_t count = 0;
        snprintf(path, sizeof path, DATA "/%s", files[k]);
        OK(sx_file_read(f->ctx, path, 1 << 20, &bytes, &n));
        OK(sx_array_names(f->ctx, files[k], formats[k], bytes, n, &list, &count));
        assert_int_equal(count, k == 0 ? 5 : 4);
        for (int i = 0; i < count; i++) assert_string_equal(list[i], want[k][i]);
        sx_free(f->ctx, list);
        for (size_t cut = 0; cut < n; cut += n / 61 + 1) { /* cut files have no names */
            assert_int_equal(sx_array_names(f->ctx, files[k], formats[k], bytes, cut, &list, &count), SX_E_FILE);
            sx_ctx_clear(f->ctx);
        }
        assert_int_equal(sx_array_names(f->ctx, files[k], "csv", bytes, n, &list, &count), SX_E_USAGE);
        sx_ctx_clear(f->ctx);
        sx_free(f->ctx, bytes);
    }
}

/* Every allocation of load and build fails once, then for good. */
static void failing_allocations(void **state) {
    (void)state;
#define TRIALS "input = { file = \"trials.npy\", axes = [\"trial\", \"time\", \"channel\"] }\n"
    static const char *const texts[] = {
        ("cell = \"gru\"\nweights = { file = \"gru2.safetensors\", prefix = \"rnn.\" }\n" TRIALS),
        "cell = \"lstm\"\nhidden = 2\ninputs = 2\nweights = { ensemble = \"uniform\", layers = 2 }\ninput = 1.0\n",
        "cell = \"low-rank\"\nalpha = 0.1\nhidden = 2\nlayers = [{ left = [1.0, 2.0], right = [1.0, -1.0] }]\n"
    };
    for (int which = 0; which < 3; which++)
        for (int persistent = 0; persistent < 2; persistent++) {
            bool through = false;
            for (int64_t k = 1; !through && k < 4000; k++) {
                failing_host h = { .persistent = persistent };
                sx_host host = failing_host_of(&h);
                fixture f = { .ctx = sx_ctx_create(&host) };
                assert_non_null(f.ctx);
                size_t before = sx_ctx_bytes(f.ctx);
                sx_experiment *e = NULL;
                sx_model *m = NULL;
                h.fail_at = h.calls + k;
                sx_status status = parse(&f, DATA, texts[which], "steps = 1\n", &e);
                assert_true((status < 0) == (e == NULL));
                if (status >= 0) {
                    status = sx_experiment_model(f.ctx, e, &m);
                    assert_true((status < 0) == (m == NULL));
                }
                if (status < 0 && status != SX_E_MEMORY)
                    fail_msg("allocation %d: status %d: %s", (int)k, status, sx_ctx_message(f.ctx));
                through = h.calls < h.fail_at;
                h.fail_at = 0;
                sx_model_free(f.ctx, m);
                sx_experiment_free(f.ctx, e);
                if (sx_ctx_bytes(f.ctx) != before) fail_msg("allocation %d leaks", (int)k);
                sx_ctx_free(f.ctx);
                assert_int_equal(h.held, 0);
            }
            assert_true(through);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(trajectories, setup, teardown),
        cmocka_unit_test_setup_teardown(layers, setup, teardown),
        cmocka_unit_test_setup_teardown(lowrank, setup, teardown),
        cmocka_unit_test_setup_teardown(written_out, setup, teardown),
        cmocka_unit_test_setup_teardown(ensembles, setup, teardown),
        cmocka_unit_test_setup_teardown(messages, setup, teardown),
        cmocka_unit_test_setup_teardown(names, setup, teardown),
        cmocka_unit_test(failing_allocations),
    };
    return cmocka_run_group_tests_name("cells", tests, NULL, NULL);
}
