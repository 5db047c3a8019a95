// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Weights of cells. Names in files: PyTorch's state_dict of RNN, GRU and LSTM, weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, _l1, ...
 * under a prefix; of RNNCell, GRUCell and LSTMCell, the same without _l0. Low-rank networks: m and n (hidden x rank), wi (inputs x hidden),
 * si (a factor per input, optional), b (inside phi, optional), as in github.com/adrian-valente/lowrank_inference. */
#include "experiment/cells.h"
#include "experiment/values.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------------------------------------------------------------- checks */

static sx_status belongs(const sx_reader *r, const sx_toml_node *table, const char *key, const char *to) {
    const sx_toml_node *node = table ? sx_toml_get(table, key) : NULL;
    return node ? sx_node_fail(r, node, SX_E_USAGE, "weights: '%s' belongs to %s", key, to) : SX_OK;
}

sx_status sx_cell_check(const sx_reader *r, const sx_experiment *e, const sx_cell_opts *o) {
    sx_ctx *ctx = r->ctx;
    const sx_toml_node *model = e->model, *weights = sx_toml_get(model, "weights"),
                       *layers = sx_toml_get(model, "layers");
    const sx_toml_node *coupling = sx_toml_get(model, "coupling"), *layer = sx_toml_get(model, "layer");
    bool file = o->weights.file != NULL, ensemble = o->weights.has_ensemble;
    if (coupling)
        return sx_node_fail(r, coupling, SX_E_USAGE,
                            "models of kind 'cell' have no coupling; their weights stand in 'weights'");
    if (!weights && !layers)
        return sx_node_fail(
            r, model, SX_E_USAGE,
            "[model]: 'weights' is missing, as in weights = { file = \"gru.safetensors\", prefix = \"rnn.\" }");
    if (weights && layers) return sx_node_fail(r, layers, SX_E_USAGE, "[model]: give 'weights' or 'layers', not both");
    if (weights && file == ensemble)
        return sx_node_fail(r, weights, SX_E_USAGE, "weights: want exactly one of 'file' and 'ensemble', got %s",
                            file ? "both" : "none");
    if (file) {
        SX_TRY(ctx, belongs(r, weights, "layers", "an ensemble; a file has all its layers, or the one of 'layer'"));
        SX_TRY(ctx, belongs(r, weights, "scale", "an ensemble"));
    } else if (layer) {
        return sx_node_fail(r, layer, SX_E_USAGE, "[model]: 'layer' chooses a layer of weights from a file");
    }
    if (!ensemble) return SX_OK;
    SX_TRY(ctx, belongs(r, weights, "prefix", "weights from a file"));
    if (o->cell == SX_CELL_LOWRANK)
        return sx_node_fail(r, weights, SX_E_USAGE,
                            "weights: there is no ensemble of low-rank cells; give a file or 'layers'");
    if (!o->hidden || !o->inputs)
        return sx_node_fail(r, weights, SX_E_USAGE, "weights: an ensemble wants 'hidden' and 'inputs' in [model]");
    return SX_OK;
}

/* -------------------------------------------------------------------------------------------------------------------- files */

enum { W_IH, W_HH, B_IH, B_HH, LEFT, RIGHT, PARTS };

/* The weights of a model while it is made. */
typedef struct weights {
    const sx_reader *r;
    const sx_cell_opts *o;
    const sx_toml_node *node;
    const char *file, *prefix, *format;
    char *path, *bytes, **names; /* owned */
    size_t n_bytes;
    int64_t n_names;
    int64_t layers, hidden, inputs;
    sx_cell_layer *layer; /* owned: layers */
    double **data;        /* owned: layers * PARTS arrays */
} weights;

static void free_weights(sx_ctx *ctx, weights *w) {
    for (int64_t k = 0; w->data && k < w->layers * PARTS; k++) sx_free(ctx, w->data[k]);
    sx_free(ctx, w->data);
    sx_free(ctx, w->layer);
    sx_free(ctx, w->names);
    sx_free(ctx, w->bytes);
    sx_free(ctx, w->path);
}

static sx_status make_layers(weights *w, int64_t layers) {
    sx_ctx *ctx = w->r->ctx;
    SX_TRY(ctx, sx_alloc(ctx, layers, sizeof *w->layer, &w->layer));
    w->layers = layers;
    return sx_alloc(ctx, layers * PARTS, sizeof *w->data, &w->data);
}

static sx_values *value_of(weights *w, int64_t l, int part) {
    sx_cell_layer *layer = &w->layer[l];
    sx_values *const v[PARTS] = { &layer->w_ih, &layer->w_hh, &layer->b_ih, &layer->b_hh, &layer->left, &layer->right };
    return v[part];
}

static const char *find_name(const weights *w, const char *name) {
    for (int64_t i = 0; i < w->n_names; i++)
        if (strcmp(w->names[i], name) == 0) return w->names[i];
    return NULL;
}

static bool ends_with(const char *text, const char *end) {
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* A tensor that is not there: the same name under another prefix, else the nearest name, and what the file holds. */
static sx_status no_tensor(const weights *w, const char *name) {
    const char *base = name + strlen(w->prefix), *near = NULL;
    char list[512] = "", hint[256] = "";
    size_t used = 0;
    for (int64_t i = 0; i < w->n_names && !near; i++)
        if (ends_with(w->names[i], base)) {
            near = w->names[i];
            (void)snprintf(hint, sizeof hint, "; did you mean prefix = \"%.*s\"?", (int)(strlen(near) - strlen(base)),
                           near);
        }
    if (!near) near = sx_nearest(name, (const char *const *)w->names, w->n_names);
    if (near && !*hint) (void)snprintf(hint, sizeof hint, "; did you mean '%.80s'?", near);
    for (int64_t i = 0; i < w->n_names && i < 8; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%.50s", i ? ", " : "", w->names[i]);
    return sx_node_fail(w->r, w->node, SX_E_FILE, "weights: %s holds no tensor '%s'%s%s it holds %lld: %s%s", w->file,
                        name, hint, *hint ? "" : ";", (long long)w->n_names, list, w->n_names > 8 ? ", ..." : "");
}

static sx_status read_tensor(const weights *w, const char *name, sx_array *out) {
    sx_read_opts ro = { .name = name, .missing_error = true };
    if (!find_name(w, name)) return no_tensor(w, name);
    sx_status status = sx_array_parse(w->r->ctx, w->path, w->format, w->bytes, w->n_bytes, &ro, out);
    return status < 0 ? sx_values_fail(w->r, w->node, status) : SX_OK;
}

static const char *shape_text(const sx_array *a, char out[64]) {
    size_t used = 0;
    out[0] = '\0';
    for (int k = 0; k < a->ndim && used < 48; k++)
        used += (size_t)snprintf(out + used, 64 - used, "%s%lld", k ? " x " : "", (long long)a->shape[k]);
    if (a->ndim == 0) (void)snprintf(out, 64, "a single number");
    return out;
}

static sx_status wrong_shape(const weights *w, const char *name, const sx_array *a, const char *want) {
    char shape[64];
    return sx_node_fail(w->r, w->node, SX_E_FILE, "weights: %s: tensor '%s' is %s; want %s", w->file, name,
                        shape_text(a, shape), want);
}

/* Recurrent weights tell the kind of cell: gates hidden x hidden. */
static sx_status check_recurrent(const weights *w, const char *name, const sx_array *a) {
    static const char *const kinds[] = { "vanilla", "gru", "lstm", "leaky" };
    int64_t gates = sx_cell_gates((sx_cell_kind)w->o->cell);
    char want[256], hint[160] = "";
    int64_t rows = a->ndim == 2 ? a->shape[0] : 0, H = a->ndim == 2 ? a->shape[1] : 0;
    if (H > 0 && rows == gates * H) return SX_OK;
    if (H > 0 && rows == 4 * H)
        (void)snprintf(hint, sizeof hint, "; 4 x %lld rows look like an LSTM: write cell = \"lstm\"", (long long)H);
    else if (H > 0 && rows == 3 * H)
        (void)snprintf(hint, sizeof hint, "; 3 x %lld rows look like a GRU: write cell = \"gru\"", (long long)H);
    else if (H > 0 && rows == H)
        (void)snprintf(hint, sizeof hint, "; as many rows as columns look like torch.nn.RNN: write cell = \"vanilla\"");
    else if (rows > 0 && H == gates * rows)
        (void)snprintf(hint, sizeof hint, "; it looks transposed");
    char times[32] = "";
    if (gates > 1) (void)snprintf(times, sizeof times, "%lld x ", (long long)gates);
    (void)snprintf(want, sizeof want, "%shidden rows and hidden columns for cell = \"%s\"%s", times, kinds[w->o->cell],
                   hint);
    return wrong_shape(w, name, a, want);
}

/* The content of a tensor becomes part of a layer. */
static void keep(weights *w, int64_t l, int part, sx_array *a) {
    w->data[l * PARTS + part] = a->data;
    *value_of(w, l, part) = (sx_values){ a->n, a->data };
    a->data = NULL;
}

/* Name of a part of a layer of PyTorch: with the number of the layer, or as the cell classes have it. */
static void torch_name(const weights *w, int part, int64_t number, char *out, size_t size) {
    static const char *const base[] = { "weight_ih", "weight_hh", "bias_ih", "bias_hh" };
    if (number < 0)
        (void)snprintf(out, size, "%s%s", w->prefix, base[part]);
    else
        (void)snprintf(out, size, "%s%s_l%lld", w->prefix, base[part], (long long)number);
}

static sx_status take(weights *w, int64_t l, int part, const char *name, sx_array *a) {
    int64_t rows = sx_cell_gates((sx_cell_kind)w->o->cell) * w->hidden;
    char want[160];
    if (part == B_IH || part == B_HH) {
        (void)snprintf(want, sizeof want, "%lld numbers", (long long)rows);
        if (a->ndim != 1 || a->n != rows) return wrong_shape(w, name, a, want);
    } else if (part == W_IH) {
        (void)snprintf(want, sizeof want, "%lld rows, as many as the recurrent weights have", (long long)rows);
        if (a->ndim != 2 || a->shape[0] != rows || a->shape[1] < 1) return wrong_shape(w, name, a, want);
        (void)snprintf(want, sizeof want, "%lld columns, the hidden units of the layer below", (long long)w->hidden);
        if (l > 0 && a->shape[1] != w->hidden) return wrong_shape(w, name, a, want);
        if (l == 0) w->inputs = a->shape[1];
    } else {
        (void)snprintf(want, sizeof want, "%lld x %lld as in the first layer", (long long)rows, (long long)w->hidden);
        if (l > 0 && a->shape[1] != w->hidden) return wrong_shape(w, name, a, want);
        w->hidden = a->shape[1];
    }
    keep(w, l, part, a);
    return SX_OK;
}

/* Layer l of the model is layer `number` of the file (-1: of a cell class). */
static sx_status read_layer(weights *w, int64_t l, int64_t number) {
    static const int order[] = { W_HH, W_IH, B_IH, B_HH };
    sx_ctx *ctx = w->r->ctx;
    char name[256], bias[2][256];
    torch_name(w, B_IH, number, bias[0], sizeof bias[0]);
    torch_name(w, B_HH, number, bias[1], sizeof bias[1]);
    bool biased = find_name(w, bias[0]) || find_name(w, bias[1]); /* bias = False: neither is there */
    for (int k = 0; k < (biased ? 4 : 2); k++) {
        sx_array a = { 0 };
        torch_name(w, order[k], number, name, sizeof name);
        sx_status status = read_tensor(w, name, &a);
        if (status >= 0 && order[k] == W_HH) status = check_recurrent(w, name, &a);
        if (status >= 0) status = take(w, l, order[k], name, &a);
        sx_array_free(ctx, &a);
        if (status < 0) return status;
    }
    return SX_OK;
}

/* What PyTorch can save and a map in time cannot have. */
static sx_status check_variants(const weights *w) {
    size_t n = strlen(w->prefix);
    for (int64_t i = 0; i < w->n_names; i++) {
        const char *name = w->names[i];
        if (strncmp(name, w->prefix, n) != 0) continue;
        if (strncmp(name + n, "weight_hr_l", 11) == 0)
            return sx_node_fail(w->r, w->node, SX_E_FILE,
                                "weights: %s: tensor '%s': LSTMs with projections (proj_size) are not supported",
                                w->file, name);
        if (strncmp(name + n, "weight_", 7) == 0 && ends_with(name, "_reverse"))
            return sx_node_fail(
                w->r, w->node, SX_E_FILE,
                "weights: %s: tensor '%s': a bidirectional network reads its input backwards as well and is no map "
                "in time; take one direction alone",
                w->file, name);
    }
    return SX_OK;
}

static sx_status read_torch(weights *w) {
    char name[256];
    int64_t layers = 0;
    SX_TRY(w->r->ctx, check_variants(w));
    torch_name(w, W_HH, -1, name, sizeof name);
    bool single = find_name(w, name) != NULL;
    for (;; layers++) {
        torch_name(w, W_HH, layers, name, sizeof name);
        if (!find_name(w, name)) break;
    }
    if (layers > 0 && w->o->has_layer && w->o->layer >= layers)
        return sx_node_fail(w->r, w->node, SX_E_FILE,
                            "weights: %s has the layers 0 to %lld under the prefix '%s': want one of them, not %lld",
                            w->file, (long long)layers - 1, w->prefix, (long long)w->o->layer);
    if (layers == 0 && !(single && w->o->layer == 0)) return no_tensor(w, name);
    bool one = layers <= 1 || w->o->has_layer;
    SX_TRY(w->r->ctx, make_layers(w, one ? 1 : layers));
    for (int64_t l = 0; l < w->layers; l++)
        SX_TRY(w->r->ctx, read_layer(w, l, layers == 0 ? -1 : one ? w->o->layer : l));
    return SX_OK;
}

/* -- low-rank ---------------------------------------------------------------------------------------------------------- */

static sx_status named(const weights *w, const char *base, char *name, size_t size, sx_array *a) {
    (void)snprintf(name, size, "%s%s", w->prefix, base);
    return read_tensor(w, name, a);
}

/* w_ih = (si wi)^T; wi is inputs x hidden */
static sx_status read_lowrank_input(weights *w, char *name, size_t size) {
    sx_ctx *ctx = w->r->ctx;
    sx_status status = SX_OK;
    sx_array wi = { 0 }, si = { 0 };
    double *data = NULL;
    int64_t H = w->hidden;
    (void)snprintf(name, size, "%swi", w->prefix);
    if (!find_name(w, name)) return SX_OK;
    SX_GO(ctx, status, done, named(w, "wi", name, size, &wi));
    if (wi.ndim != 2 || wi.shape[1] != H || wi.shape[0] < 1) {
        char want[80];
        (void)snprintf(want, sizeof want, "inputs x hidden, hidden = %lld", (long long)H);
        status = wrong_shape(w, name, &wi, want);
        goto done;
    }
    w->inputs = wi.shape[0];
    (void)snprintf(name, size, "%ssi", w->prefix);
    if (find_name(w, name)) SX_GO(ctx, status, done, named(w, "si", name, size, &si));
    if (si.data && (si.ndim != 1 || si.n != w->inputs)) {
        status = wrong_shape(w, name, &si, "one number per input");
        goto done;
    }
    SX_GO(ctx, status, done, sx_alloc(ctx, wi.n, sizeof *data, &data));
    for (int64_t i = 0; i < H; i++)
        for (int64_t k = 0; k < w->inputs; k++)
            data[i * w->inputs + k] = wi.data[k * H + i] * (si.data ? si.data[k] : 1.0);
    w->data[W_IH] = data;
    *value_of(w, 0, W_IH) = (sx_values){ wi.n, data };
done:
    sx_array_free(ctx, &wi);
    sx_array_free(ctx, &si);
    return status;
}

static sx_status read_lowrank(weights *w) {
    sx_ctx *ctx = w->r->ctx;
    static const char *const base[] = { "m", "n" };
    char name[256], want[80];
    int64_t rank = 0;
    SX_TRY(ctx, make_layers(w, 1));
    for (int k = 0; k < 2; k++) {
        sx_array a = { 0 };
        sx_status status = named(w, base[k], name, sizeof name, &a);
        (void)snprintf(want, sizeof want, "%lld x %lld as 'm'", (long long)w->hidden, (long long)rank);
        if (status >= 0 && (a.ndim != 2 || a.n < 1)) status = wrong_shape(w, name, &a, "hidden x rank");
        if (status >= 0 && k == 1 && (a.shape[0] != w->hidden || a.shape[1] != rank))
            status = wrong_shape(w, name, &a, want);
        if (status >= 0) {
            w->hidden = a.shape[0];
            rank = a.shape[1];
            keep(w, 0, LEFT + k, &a);
        }
        sx_array_free(ctx, &a);
        if (status < 0) return status;
    }
    SX_TRY(ctx, read_lowrank_input(w, name, sizeof name));
    (void)snprintf(name, sizeof name, "%sb", w->prefix);
    if (!find_name(w, name)) return SX_OK;
    sx_array b = { 0 };
    SX_TRY(ctx, named(w, "b", name, sizeof name, &b));
    sx_status status = SX_OK;
    if (b.ndim != 1 || b.n != w->hidden)
        status = wrong_shape(w, name, &b, "one number per hidden unit");
    else
        keep(w, 0, B_HH, &b);
    sx_array_free(ctx, &b);
    return status;
}

/* ------------------------------------------------------------------------------------------------------------------- sources */

static sx_status from_file(weights *w) {
    sx_ctx *ctx = w->r->ctx;
    const char *dot = strrchr(w->file, '.');
    w->format = dot ? dot + 1 : "";
    if (strcmp(w->format, "safetensors") != 0 && strcmp(w->format, "npz") != 0)
        return sx_node_fail(w->r, w->node, SX_E_FILE,
                            "weights: %s: want a .safetensors or an .npz file; from PyTorch: "
                            "safetensors.torch.save_file(net.state_dict(), \"net.safetensors\")%s",
                            w->file,
                            strcmp(w->format, "pt") == 0 || strcmp(w->format, "pth") == 0
                                ? " (a pickle can run code and is never opened)"
                                : "");
    SX_TRY(ctx, sx_values_bytes(w->r, w->node, w->file, &w->path, &w->bytes, &w->n_bytes));
    sx_status status = sx_array_names(ctx, w->path, w->format, w->bytes, w->n_bytes, &w->names, &w->n_names);
    if (status < 0) return sx_values_fail(w->r, w->node, status);
    SX_TRY(ctx, w->o->cell == SX_CELL_LOWRANK ? read_lowrank(w) : read_torch(w));
    if (w->o->hidden && w->o->hidden != w->hidden)
        return sx_node_fail(w->r, w->node, SX_E_FILE, "weights: %s has %lld hidden units, but hidden = %lld", w->file,
                            (long long)w->hidden, (long long)w->o->hidden);
    if (w->o->inputs && w->o->inputs != w->inputs)
        return sx_node_fail(w->r, w->node, SX_E_FILE, "weights: %s has %lld input features, but inputs = %lld", w->file,
                            (long long)w->inputs, (long long)w->o->inputs);
    return SX_OK;
}

/* Every number uniform in +-scale/sqrt(hidden), from seeds.coupling and the name of the tensor. */
static sx_status from_ensemble(weights *w, const sx_experiment *e) {
    sx_ctx *ctx = w->r->ctx;
    int64_t H = w->o->hidden, rows = sx_cell_gates((sx_cell_kind)w->o->cell) * H;
    double bound = w->o->weights.scale / sqrt((double)H);
    sx_key base = sx_key_derive(sx_key_seed(e->seeds[SX_SEED_COUPLING]), "cell", 0);
    w->hidden = H;
    w->inputs = w->o->inputs;
    SX_TRY(ctx, make_layers(w, w->o->weights.layers));
    for (int64_t l = 0; l < w->layers; l++) {
        const int64_t columns[] = { l == 0 ? w->inputs : H, H, 1, 1 };
        for (int part = 0; part < 4; part++) {
            char name[64];
            int64_t n = 0;
            double *data = NULL;
            torch_name(w, part, l, name, sizeof name);
            SX_TRY(ctx, sx_mul_size(ctx, rows, columns[part], &n));
            SX_TRY(ctx, sx_alloc(ctx, n, sizeof *data, &data));
            w->data[l * PARTS + part] = data;
            *value_of(w, l, part) = (sx_values){ n, data };
            sx_uniform_fill(sx_key_derive(base, name, 0), 0, SX_SLOT_USER, 0, n, 1, data);
            for (int64_t i = 0; i < n; i++) data[i] = bound * (2.0 * data[i] - 1.0);
        }
    }
    return SX_OK;
}

/* An input that does not fit, where the file shows what stands in front of the network. */
static sx_status check_input(const weights *w, const sx_experiment *e, const sx_input *input) {
    int64_t given = input->kind == SX_INPUT_SAMPLES ? input->channel_unit ? 0 : input->channels : input->amplitude.n;
    const char *front = NULL;
    if (given == 0 || given == w->inputs || (given == 1 && input->kind != SX_INPUT_SAMPLES)) return SX_OK;
    for (int64_t i = 0; i < w->n_names && !front; i++)
        if (strstr(w->names[i], "embed") || strstr(w->names[i], "emb.") || strstr(w->names[i], "encoder"))
            front = w->names[i];
    if (!front) return SX_OK; /* the model says the rest */
    return sx_node_fail(
        w->r, e->input, SX_E_USAGE,
        "input: %lld %s, but the network has %lld input features; '%s' in %s stands in front of it: give what that "
        "layer sends to the network",
        (long long)given, input->kind == SX_INPUT_SAMPLES ? "channels" : "numbers", (long long)w->inputs, front,
        w->file);
}

sx_status sx_cell_build(const sx_reader *r, const sx_experiment *e, const sx_cell_opts *o, const sx_input *input,
                        sx_model **out) {
    sx_ctx *ctx = r->ctx;
    sx_status status = SX_OK;
    sx_cell_opts own = *o;
    weights w = { .r = r, .o = o, .node = sx_toml_get(e->model, "weights"), .file = o->weights.file };
    w.prefix = o->weights.prefix ? o->weights.prefix : "";
    if (strlen(w.prefix) > 200)
        return sx_node_fail(r, w.node, SX_E_USAGE, "weights: prefix: want at most 200 characters");
    if (w.file) SX_GO(ctx, status, done, from_file(&w));
    if (o->weights.has_ensemble) SX_GO(ctx, status, done, from_ensemble(&w, e));
    if (w.layers) {
        own.layers = (sx_tables){ w.layers, w.layer };
        own.hidden = w.hidden;
        own.inputs = w.inputs;
        if (input) SX_GO(ctx, status, done, check_input(&w, e, input));
    }
    own.weights = (sx_cell_weights){ .given = false };
    own.has_layer = false;
    SX_GO(ctx, status, done, sx_cell_create(ctx, &own, input, out));
done:
    free_weights(ctx, &w);
    return status;
}
