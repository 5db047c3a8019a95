// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Cells against PyTorch in double precision (tests/data/cell, made by tools/make_cell_fixtures.py), every derivative, refusals. */
#include "model_checks.h"

#include <separatrix/io.h>

#define DATA(name) SX_TEST_DATA "/cell/" name

static sx_array read_array(sx_ctx *ctx, const char *path, const char *name) {
    sx_array a = { 0 };
    sx_read_opts o = { .name = name, .missing_error = true };
    if (sx_array_read(ctx, path, &o, &a) < 0) fail_msg("%s", sx_ctx_message(ctx));
    return a;
}

enum { MOST_LAYERS = 2 };
typedef struct weights {
    sx_array a[MOST_LAYERS][4];
    sx_cell_layer layer[MOST_LAYERS];
    int layers;
} weights;

static void read_weights(sx_ctx *ctx, const char *path, const char *prefix, int layers, weights *out) {
    static const char *const part[] = { "weight_ih_l", "weight_hh_l", "bias_ih_l", "bias_hh_l" };
    memset(out, 0, sizeof *out);
    out->layers = layers;
    for (int l = 0; l < layers; ++l) {
        sx_values v[4];
        for (int k = 0; k < 4; ++k) {
            char name[64];
            snprintf(name, sizeof name, "%s%s%d", prefix, part[k], l);
            out->a[l][k] = read_array(ctx, path, name);
            v[k] = (sx_values){ out->a[l][k].n, out->a[l][k].data };
        }
        out->layer[l] = (sx_cell_layer){ .w_ih = v[0], .w_hh = v[1], .b_ih = v[2], .b_hh = v[3] };
    }
}
static void free_weights(sx_ctx *ctx, weights *w) {
    for (int l = 0; l < w->layers; ++l) {
        for (int k = 0; k < 4; ++k) sx_array_free(ctx, &w->a[l][k]);
    }
}

static sx_cell_opts defaults(int cell) {
    sx_cell_opts o = SX_CELL_OPTS;
    sx_fields_default(sx_cell_fields, &o);
    o.cell = cell;
    return o;
}
static sx_cell_opts with_layers(int cell, int64_t n, const sx_cell_layer *layers) {
    sx_cell_opts o = defaults(cell);
    o.layers = (sx_tables){ n, layers };
    return o;
}

static const struct {
    const char *name, *arrays;
    int cell, relu, layers, hidden;
    bool is_long;
} cases[] = {
    { "rnn_tanh", "h", SX_CELL_VANILLA, 0, 1, 4, true }, { "rnn_relu", "h", SX_CELL_VANILLA, 1, 1, 4, true },
    { "gru", "h", SX_CELL_GRU, 0, 1, 4, true },          { "lstm", "h c", SX_CELL_LSTM, 0, 1, 3, true },
    { "gru2", "h0 h1", SX_CELL_GRU, 0, 2, 3, true },     { "lstm2", "h0 h1 c0 c1", SX_CELL_LSTM, 0, 2, 2, false },
};
enum { CASES = sizeof cases / sizeof *cases, INPUTS = 2, POINTS = 16 };

static void path_of(char *out, size_t size, int k, const char *end) {
    snprintf(out, size, "%s/cell/%s%s", SX_TEST_DATA, cases[k].name, end);
}

/* One step from 16 points, each with its own input, at once (trials) and with a constant input; names and order of the state arrays. */
static void one_step(void **state) {
    sx_ctx *ctx = *state;
    for (int k = 0; k < CASES; ++k) {
        char path[256];
        weights w;
        path_of(path, sizeof path, k, "_golden.npz");
        read_weights(ctx, path, "w_", cases[k].layers, &w);
        sx_array x = read_array(ctx, path, "x"), u = read_array(ctx, path, "u"), y = read_array(ctx, path, "y");
        sx_cell_opts o = with_layers(cases[k].cell, cases[k].layers, w.layer);
        o.nonlinearity = cases[k].relu;
        sx_input in = SX_INPUT;
        in.kind = SX_INPUT_SAMPLES;
        in.trials = POINTS;
        in.times = 1;
        in.channels = INPUTS;
        in.dt = 1.0;
        in.data = u.data;
        sx_model *m = NULL, *held = NULL;
        OK(sx_cell_create(ctx, &o, &in, &m));
        int64_t n = sx_model_n(m);
        assert_int_equal(n, x.shape[1]);
        assert_int_equal(sx_model_kind(m), SX_MAP);
        assert_int_equal(sx_model_trials(m), POINTS);
        assert_true(sx_model_input_end(m) == 1.0);
        char names[64] = "";
        for (int a = 0; a < sx_model_layout(m)->n_arrays; ++a) {
            const sx_state_array *array = &sx_model_layout(m)->arrays[a];
            assert_int_equal(array->n, cases[k].hidden);
            snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", a ? " " : "", array->name);
        }
        assert_string_equal(names, cases[k].arrays);
        double *columns = malloc(sizeof(double) * (size_t)(n * POINTS)),
               *out = malloc(sizeof(double) * (size_t)(n * POINTS));
        for (int64_t i = 0; i < n; ++i) {
            for (int r = 0; r < POINTS; ++r) columns[i * POINTS + r] = x.data[r * n + i];
        }
        apply_op(m, OP_F, 0.0, columns, POINTS, NULL, POINTS, out, NULL);
        for (int64_t i = 0; i < n; ++i) {
            for (int r = 0; r < POINTS; ++r) assert_true(fabs(out[i * POINTS + r] - y.data[r * n + i]) <= 1e-13);
        }
        sx_input constant = SX_INPUT; /* the third point's input, held */
        constant.amplitude = (sx_values){ INPUTS, u.data + 2 * INPUTS };
        OK(sx_cell_with_input(ctx, m, &constant, &held));
        assert_int_equal(sx_model_trials(held), 1);
        apply_op(held, OP_F, 0.0, x.data + 2 * n, 1, NULL, 1, out, NULL);
        for (int64_t i = 0; i < n; ++i) assert_true(fabs(out[i] - y.data[2 * n + i]) <= 1e-13);
        sx_model_free(ctx, held);
        sx_model_free(ctx, m);
        free(columns);
        free(out);
        sx_array_free(ctx, &x);
        sx_array_free(ctx, &u);
        sx_array_free(ctx, &y);
        free_weights(ctx, &w);
    }
}

/* Networks that contract: after any number of steps the error stays at rounding; 1e-10 is allowed at each of 1000 steps. */
static void long_runs(void **state) {
    sx_ctx *ctx = *state;
    sx_array u = read_array(ctx, DATA("long.npy"), NULL);
    for (int k = 0; k < CASES; ++k) {
        if (!cases[k].is_long) continue;
        char path[256];
        weights w;
        path_of(path, sizeof path, k, ".safetensors");
        read_weights(ctx, path, "rnn.", cases[k].layers, &w);
        path_of(path, sizeof path, k, "_golden.npz");
        sx_array want = read_array(ctx, path, "long");
        sx_cell_opts o = with_layers(cases[k].cell, cases[k].layers, w.layer);
        o.nonlinearity = cases[k].relu;
        sx_input in = SX_INPUT;
        in.kind = SX_INPUT_SAMPLES;
        in.trials = 1;
        in.times = u.shape[0];
        in.channels = INPUTS;
        in.dt = 1.0;
        in.data = u.data;
        sx_model *m = NULL;
        OK(sx_cell_create(ctx, &o, &in, &m));
        int64_t n = sx_model_n(m);
        double x[16] = { 0 }, y[16], worst = 0.0, size = 0.0;
        for (int64_t t = 0; t < u.shape[0]; ++t) {
            apply_op(m, OP_F, (double)t, x, 1, NULL, 1, y, NULL);
            memcpy(x, y, sizeof x);
            for (int64_t i = 0; i < n; ++i) worst = fmax(worst, fabs(x[i] - want.data[t * n + i]));
            size = fmax(size, largest(n, want.data + t * n));
        }
        assert_true(size > 0.2); /* not asleep */
        if (!(worst <= 1e-10)) fail_msg("%s: off by %g", cases[k].name, worst);
        sx_model_free(ctx, m);
        sx_array_free(ctx, &want);
        free_weights(ctx, &w);
    }
    sx_array_free(ctx, &u);
}

/* J against torch.autograd. */
static void autograd(void **state) {
    sx_ctx *ctx = *state;
    for (int k = 0; k < CASES; ++k) {
        char path[256];
        weights w;
        path_of(path, sizeof path, k, "_golden.npz");
        read_weights(ctx, path, "w_", cases[k].layers, &w);
        sx_array x = read_array(ctx, path, "x"), u = read_array(ctx, path, "u"), want = read_array(ctx, path, "J");
        sx_cell_opts o = with_layers(cases[k].cell, cases[k].layers, w.layer);
        o.nonlinearity = cases[k].relu;
        sx_input in = SX_INPUT;
        in.amplitude = (sx_values){ INPUTS, u.data };
        sx_model *m = NULL;
        OK(sx_cell_create(ctx, &o, &in, &m));
        int64_t n = sx_model_n(m);
        const sx_model_ops *f = sx_model_operations(m);
        double *J = numbers("J", 0, 1, n * n);
        sx_work s = scratch(f->work(sx_model_self(m), SX_OP_JACOBIAN, 1), NULL);
        f->jacobian(sx_model_self(m), 0.0, x.data, J, s);
        release(s);
        close_to(cases[k].name, n * n, J, want.data, 1e-13, 1e-3);
        free(J);
        sx_model_free(ctx, m);
        sx_array_free(ctx, &x);
        sx_array_free(ctx, &u);
        sx_array_free(ctx, &want);
        free_weights(ctx, &w);
    }
}

/* Random layers. */
typedef struct random_weights {
    double *x[3][6];
    sx_cell_layer layer[3];
} random_weights;
static void draw(random_weights *r, int cell, int layers, int64_t H, int64_t inputs, int64_t rank, double size) {
    int64_t G = sx_cell_gates((sx_cell_kind)cell);
    for (int l = 0; l < layers; ++l) {
        int64_t in = l == 0 ? inputs : H;
        bool low = cell == SX_CELL_LOWRANK;
        const int64_t count[6] = {
            G * H * in, low ? 0 : G * H * H, G * H, G * H, low ? H * rank : 0, low ? H * rank : 0
        };
        sx_values v[6];
        for (int k = 0; k < 6; ++k) {
            char name[16];
            snprintf(name, sizeof name, "w%d%d", l, k);
            r->x[l][k] = numbers(name, -size, size, count[k] + 1);
            v[k] = (sx_values){ count[k], count[k] ? r->x[l][k] : NULL };
        }
        r->layer[l] = (sx_cell_layer){ v[0], v[1], v[2], v[3], v[4], v[5] };
    }
}
static void undraw(random_weights *r, int layers) {
    for (int l = 0; l < layers; ++l) {
        for (int k = 0; k < 6; ++k) free(r->x[l][k]);
    }
}

/* Every derivative of every kind, with one to three layers and every kind of input; one case large enough for BLAS and for panels. */
static void derivatives(void **state) {
    sx_ctx *ctx = *state;
    const struct {
        int cell, layers;
        int64_t H;
        double size;
    } list[] = { { SX_CELL_VANILLA, 1, 7, 1.0 }, { SX_CELL_VANILLA, 3, 4, 0.8 }, { SX_CELL_GRU, 1, 6, 1.0 },
                 { SX_CELL_GRU, 3, 4, 0.8 },     { SX_CELL_LSTM, 1, 5, 1.0 },    { SX_CELL_LSTM, 2, 4, 0.8 },
                 { SX_CELL_LEAKY, 1, 7, 1.0 },   { SX_CELL_LEAKY, 2, 5, 0.8 },   { SX_CELL_LOWRANK, 1, 9, 1.5 },
                 { SX_CELL_GRU, 2, 70, 0.15 } };
    double *data = numbers("input", -1, 1, 8 * 5 * 3), amplitude[3] = { 0.5, -0.3, 0.7 };
    for (size_t k = 0; k < sizeof list / sizeof *list; ++k) {
        random_weights r;
        draw(&r, list[k].cell, list[k].layers, list[k].H, 3, 2, list[k].size);
        sx_cell_opts o = with_layers(list[k].cell, list[k].layers, r.layer);
        if (list[k].cell >= SX_CELL_LEAKY) o.alpha = 0.3;
        if (list[k].cell == SX_CELL_LOWRANK) o.hidden = list[k].H;
        sx_input none[] = { SX_INPUT, SX_INPUT, SX_INPUT, SX_INPUT };
        none[1].amplitude = (sx_values){ 3, amplitude };
        none[2].kind = SX_INPUT_SINE;
        none[2].amplitude = (sx_values){ 3, amplitude };
        none[2].frequency = 0.13;
        none[3].kind = SX_INPUT_SAMPLES;
        none[3].trials = 8;
        none[3].times = 5;
        none[3].channels = 3;
        none[3].dt = 1.0;
        none[3].data = data;
        for (int input = 0; input < (list[k].H > 64 ? 1 : 4); ++input) {
            sx_model *m = NULL;
            OK(sx_cell_create(ctx, &o, input == 0 ? NULL : &none[input], &m));
            check_model(ctx, sx_model_equation(m), m, 3.0, 1.0, 0.08);
            sx_model_free(ctx, m);
        }
        undraw(&r, list[k].layers);
    }
    free(data);
}

/* Rows in panels on the executor: the same bits. */
static void panels(void **state) {
    sx_ctx *ctx = *state;
    enum { H = 300, B = 256 };
    random_weights r;
    draw(&r, SX_CELL_LSTM, 1, H, 3, 0, 0.1);
    sx_cell_opts o = with_layers(SX_CELL_LSTM, 1, r.layer);
    sx_model *m = NULL;
    OK(sx_cell_create(ctx, &o, NULL, &m));
    double *x = numbers("x", -1, 1, 2 * H * B), *a = numbers("a", 0, 1, 2 * H * B), *c = numbers("c", 0, 1, 2 * H * B);
    apply_op(m, OP_F, 0.0, x, B, NULL, B, a, NULL);
    apply_op(m, OP_F, 0.0, x, B, NULL, B, c, sx_ctx_exec(ctx));
    assert_memory_equal(a, c, sizeof *a * 2 * H * B);
    free(c);
    free(a);
    free(x);
    sx_model_free(ctx, m);
    undraw(&r, 1);
}

/* leaky and low-rank against the written equations; relu as phi of each. */
static void leaky(void **state) {
    sx_ctx *ctx = *state;
    enum { H = 6, I = 3, R = 2 };
    double x[H], out[H], u[I] = { 0.5, -1.0, 0.25 }, alpha = 0.2;
    fill("x", -1, 1, H, x);
    for (int k = 0; k < 4; ++k) {
        int cell = k < 2 ? SX_CELL_LEAKY : SX_CELL_LOWRANK, relu = k % 2;
        random_weights r;
        draw(&r, cell, 1, H, I, R, 1.0);
        sx_cell_opts o = with_layers(cell, 1, r.layer);
        o.alpha = alpha;
        o.hidden = H;
        o.nonlinearity = relu;
        sx_input in = SX_INPUT;
        in.amplitude = (sx_values){ I, u };
        sx_model *m = NULL;
        OK(sx_cell_create(ctx, &o, &in, &m));
        apply_op(m, OP_F, 0.0, x, 1, NULL, 1, out, NULL);
        const sx_cell_layer *w = r.layer;
        for (int i = 0; i < H; ++i) {
            double drive = w->b_ih.data[i], a;
            for (int j = 0; j < I; ++j) drive += w->w_ih.data[i * I + j] * u[j];
            if (cell == SX_CELL_LEAKY) {
                a = drive + w->b_hh.data[i];
                for (int j = 0; j < H; ++j) a += w->w_hh.data[i * H + j] * x[j];
                a = relu ? fmax(a, 0.0) : tanh(a);
            } else {
                a = drive;
                for (int j = 0; j < H; ++j) {
                    double W = 0.0, s = x[j] + w->b_hh.data[j];
                    for (int q = 0; q < R; ++q) W += w->left.data[i * R + q] * w->right.data[j * R + q] / H;
                    a += W * (relu ? fmax(s, 0.0) : tanh(s));
                }
            }
            assert_true(fabs(out[i] - ((1.0 - alpha) * x[i] + alpha * a)) <= 1e-14);
        }
        assert_non_null(strstr(sx_model_equation(m), relu ? "relu(" : "tanh("));
        sx_model_free(ctx, m);
        undraw(&r, 1);
    }
}

/* No w_ih: no input; biases left out are 0. */
static void without_input(void **state) {
    sx_ctx *ctx = *state;
    static const double w[4] = { 0.5, -1.0, 1.0, 0.25 };
    sx_cell_layer layer = { .w_hh = { 4, w } };
    sx_cell_opts o = with_layers(SX_CELL_VANILLA, 1, &layer);
    sx_model *m = NULL;
    OK(sx_cell_create(ctx, &o, NULL, &m));
    double x[2] = { 0.3, -0.2 }, out[2];
    apply_op(m, OP_F, 0.0, x, 1, NULL, 1, out, NULL);
    assert_true(fabs(out[0] - tanh(0.35)) <= 1e-15 && fabs(out[1] - tanh(0.25)) <= 1e-15);
    check_model(ctx, "without input", m, 0.0, 1.0, 0.08);
    sx_model_free(ctx, m);
    double one = 1.0;
    sx_input in = SX_INPUT;
    in.amplitude = (sx_values){ 1, &one };
    assert_int_equal(sx_cell_create(ctx, &o, &in, &m), SX_E_USAGE);
    assert_string_equal(sx_ctx_message(ctx), "model.input has no meaning for a network without w_ih");
    sx_ctx_clear(ctx);
}

static void refusals(void **state) {
    sx_ctx *ctx = *state;
    static const double x[64] = { 0 }, bad[4] = { 0, 0, 0, (double)INFINITY };
    sx_cell_layer good = { { 12, x }, { 12, x }, { 6, x }, { 6, x }, { 0, NULL }, { 0, NULL } }; /* GRU 2, inputs 2 */
    struct {
        int cell;
        sx_cell_layer layer[2];
        int64_t layers, hidden;
        double alpha;
        int relu;
        const char *message;
    } list[] = {
        { SX_CELL_GRU, { { { 0 } } }, 0, 0, 0, 0, "model.layers is missing: want the weights of at least one layer" },
        { SX_CELL_GRU, { good }, 33, 0, 0, 0, "model.layers: 33 layers: want at most 32" },
        { SX_CELL_GRU,
          { good },
          1,
          3,
          0,
          0,
          "model.layers[0].w_ih has 12 numbers: cell = \"gru\" wants (3 x 3) x 1 = 9" },
        { SX_CELL_LSTM,
          { good },
          1,
          2,
          0,
          0,
          "model.layers[0].w_ih has 12 numbers: cell = \"lstm\" wants (4 x 2) x 1 = 8" },
        { SX_CELL_GRU,
          { good, { { 12, x }, { 11, x }, { 0, NULL }, { 0, NULL }, { 0, NULL }, { 0, NULL } } },
          2,
          0,
          0,
          0,
          "model.layers[1].w_hh has 11 numbers: cell = \"gru\" wants (3 x 2) x 2 = 12" },
        { SX_CELL_GRU,
          { { { 12, x }, { 12, x }, { 5, x }, { 6, x }, { 0, NULL }, { 0, NULL } } },
          1,
          0,
          0,
          0,
          "model.layers[0].b_ih has 5 numbers: cell = \"gru\" wants (3 x 2) x 1 = 6" },
        { SX_CELL_VANILLA,
          { { { 0, NULL }, { 4, bad }, { 0, NULL }, { 0, NULL }, { 0, NULL }, { 0, NULL } } },
          1,
          0,
          0,
          0,
          "model.layers[0].w_hh[3] = inf: want finite numbers" },
        { SX_CELL_LEAKY, { good }, 1, 0, 0, 0, "model.alpha is missing: a leaky cell wants alpha = dt/tau in (0, 1]" },
        { SX_CELL_GRU, { good }, 1, 0, 0.5, 0, "model.alpha = 0.5 has no meaning for cell = \"gru\"" },
        { SX_CELL_GRU, { good }, 1, 0, 0, 1, "model.nonlinearity = \"relu\" has no meaning for cell = \"gru\"" },
        { SX_CELL_LOWRANK, { good, good }, 2, 2, 0.5, 0, "model.layers: 2 layers: a low-rank cell has one" },
        { SX_CELL_LOWRANK, { good }, 1, 0, 0.5, 0, "model.hidden is missing: want the number of hidden units" },
        { SX_CELL_LOWRANK,
          { { { 0, NULL }, { 4, x }, { 0, NULL }, { 0, NULL }, { 4, x }, { 4, x } } },
          1,
          2,
          0.5,
          0,
          "model.layers[0].w_hh has no meaning for cell = \"low-rank\": want left and right" },
        { SX_CELL_LOWRANK,
          { { { 0, NULL }, { 0, NULL }, { 0, NULL }, { 0, NULL }, { 4, x }, { 6, x } } },
          1,
          2,
          0.5,
          0,
          "model.layers[0].right has 6 numbers: cell = \"low-rank\" wants 2 x 2 = 4" },
        { SX_CELL_VANILLA,
          { { { 0, NULL }, { 4, x }, { 0, NULL }, { 0, NULL }, { 4, x }, { 0, NULL } } },
          1,
          0,
          0,
          0,
          "model.layers[0].left belongs to cell = \"low-rank\"" },
    };
    for (size_t k = 0; k < sizeof list / sizeof *list; ++k) {
        sx_cell_opts o = with_layers(list[k].cell, list[k].layers, list[k].layers ? list[k].layer : NULL);
        sx_cell_layer many[33];
        for (int l = 0; l < 33; ++l) many[l] = good;
        if (list[k].layers > 2) o.layers.items = many;
        o.hidden = list[k].hidden;
        o.alpha = list[k].alpha;
        o.nonlinearity = list[k].relu;
        sx_model *m = NULL;
        assert_int_equal(sx_cell_create(ctx, &o, NULL, &m), SX_E_USAGE);
        assert_string_equal(sx_ctx_message(ctx), list[k].message);
        assert_null(m);
        sx_ctx_clear(ctx);
    }
    sx_cell_opts o = with_layers(SX_CELL_GRU, 1, &good);
    sx_model *m = NULL, *linear = NULL;
    sx_input in = SX_INPUT;
    in.amplitude = (sx_values){ 5, x };
    assert_int_equal(sx_cell_create(ctx, &o, &in, &m), SX_E_USAGE);
    assert_string_equal(
        sx_ctx_message(ctx),
        "input: 5 numbers, but the network has 2 input features (columns of w_ih); if an embedding or an encoder "
        "stands in front of the network, give what it sends to the network");
    sx_ctx_clear(ctx);
    o.weights.given = true;
    assert_int_equal(sx_cell_create(ctx, &o, NULL, &m), SX_E_USAGE);
    sx_ctx_clear(ctx);
    sx_linear_opts lo = SX_LINEAR_OPTS;
    sx_fields_default(sx_linear_fields, &lo);
    lo.n = 2;
    OK(sx_linear_create(ctx, &lo, NULL, NULL, &linear));
    assert_int_equal(sx_cell_with_input(ctx, linear, NULL, &m), SX_E_USAGE);
    assert_string_equal(sx_ctx_message(ctx), "sx_cell_with_input: the model is of kind 'linear': want a cell");
    sx_ctx_clear(ctx);
    sx_model_free(ctx, linear);
    assert_null(m);
}

static int setup(void **state) {
    sx_host host = { .struct_size = sizeof host, .threads = 2 };
    *state = sx_ctx_create(&host);
    return *state ? 0 : -1;
}
static int teardown(void **state) {
    size_t left = sx_ctx_bytes(*state);
    sx_ctx_free(*state);
    return left == 0 ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_step, setup, teardown),
        cmocka_unit_test_setup_teardown(long_runs, setup, teardown),
        cmocka_unit_test_setup_teardown(autograd, setup, teardown),
        cmocka_unit_test_setup_teardown(derivatives, setup, teardown),
        cmocka_unit_test_setup_teardown(panels, setup, teardown),
        cmocka_unit_test_setup_teardown(leaky, setup, teardown),
        cmocka_unit_test_setup_teardown(without_input, setup, teardown),
        cmocka_unit_test_setup_teardown(refusals, setup, teardown),
    };
    return cmocka_run_group_tests_name("cell", tests, NULL, NULL);
}
