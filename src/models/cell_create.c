// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Creation of a cell: shapes, copies of the weights, layout, texts, field tables. */
#include "models/cell_private.h"

#include <stdio.h>

/* -- texts --------------------------------------------------------------------------------------------------------------------------- */

static const char *const names[] = { "vanilla", "gru", "lstm", "leaky", "low-rank" };

/* Before and after the name of phi, as text and as LaTeX. */
static const char *const equations[][4] = {
    { "h <- ", "(W_ih u + b_ih + W_hh h + b_hh)", "h \\leftarrow ", "(W_{ih} u + b_{ih} + W_{hh} h + b_{hh})" },
    { "r, z = s(W_i. u + b_i. + W_h. h + b_h.), n = tanh(W_in u + b_in + r*(W_hn h + b_hn)), h <- (1 - z)*n + z*h",
      NULL,
      "r, z = \\sigma(W_{i\\cdot} u + b_{i\\cdot} + W_{h\\cdot} h + b_{h\\cdot}),\\quad n = \\tanh\\big(W_{in} u + "
      "b_{in} + "
      "r \\odot (W_{hn} h + b_{hn})\\big),\\quad h \\leftarrow (1 - z) \\odot n + z \\odot h",
      NULL },
    { "i, f, o = s(W_i. u + b_i. + W_h. h + b_h.), g = tanh(W_ig u + b_ig + W_hg h + b_hg), c <- f*c + i*g, h <- "
      "o*tanh(c)",
      NULL,
      "i, f, o = \\sigma(W_{i\\cdot} u + b_{i\\cdot} + W_{h\\cdot} h + b_{h\\cdot}),\\quad g = \\tanh(W_{ig} u + "
      "b_{ig} + "
      "W_{hg} h + b_{hg}),\\quad c \\leftarrow f \\odot c + i \\odot g,\\quad h \\leftarrow o \\odot \\tanh(c)",
      NULL },
    { "h <- (1 - alpha) h + alpha ", "(W_ih u + b_ih + W_hh h + b_hh)",
      "h \\leftarrow (1 - \\alpha)\\, h + \\alpha\\, ", "(W_{ih} u + b_{ih} + W_{hh} h + b_{hh})" },
    { "h <- (1 - alpha) h + alpha (left right^T ", "(h + b_hh)/N + W_ih u + b_ih)",
      "h \\leftarrow (1 - \\alpha)\\, h + \\alpha \\big(m\\, n^\\top ", "(h + b_{hh})/N + W_{ih} u + b_{ih}\\big)" },
};

static sx_status texts(sx_ctx *ctx, const sx_cell *m, char **equation, char **latex) {
    const char *const *e = equations[m->kind];
    const char *phi = !e[1] ? "" : m->phi.kind == SX_PHI_RELU ? "relu" : "tanh";
    const char *tex = !e[1] ? "" : m->phi.kind == SX_PHI_RELU ? "\\mathrm{relu}" : "\\tanh";
    char stack[96] = "";
    if (m->layers > 1)
        (void)snprintf(stack, sizeof stack, "; %d layers, u of a layer = new h of the one below", (int)m->layers);
    SX_TRY(ctx, sx_format(ctx, equation, "%s%s%s%s", e[0], phi, e[1] ? e[1] : "", stack));
    if (m->layers > 1) (void)snprintf(stack, sizeof stack, ",\\quad u_l = h_{l-1},\\ l < %d", (int)m->layers);
    return sx_format(ctx, latex, "%s%s%s%s", e[2], tex, e[3] ? e[3] : "", stack);
}

/* -- checks -------------------------------------------------------------------------------------------------------------------------- */

int sx_cell_gates(sx_cell_kind cell) {
    return cell == SX_CELL_GRU ? 3 : cell == SX_CELL_LSTM ? 4 : 1;
}

static sx_status check_opts(sx_ctx *ctx, const sx_cell_opts *o) {
    const char *name = names[o->cell];
    bool leaky = o->cell == SX_CELL_LEAKY || o->cell == SX_CELL_LOWRANK;
    if (o->weights.given)
        return SX_FAIL(ctx, SX_E_USAGE,
                       "model.weights: files and ensembles are read by experiments; want model.layers");
    if (o->layers.n < 1)
        return SX_FAIL(ctx, SX_E_USAGE, "model.layers is missing: want the weights of at least one layer");
    if (o->layers.n > SX_CELL_LAYERS)
        return SX_FAIL(ctx, SX_E_USAGE, "model.layers: %lld layers: want at most %d", (long long)o->layers.n,
                       SX_CELL_LAYERS);
    if (o->cell == SX_CELL_LOWRANK && o->layers.n > 1)
        return SX_FAIL(ctx, SX_E_USAGE, "model.layers: %lld layers: a low-rank cell has one", (long long)o->layers.n);
    if (leaky && o->alpha == 0.0)
        return SX_FAIL(ctx, SX_E_USAGE, "model.alpha is missing: a %s cell wants alpha = dt/tau in (0, 1]", name);
    if (!leaky && o->alpha != 0.0)
        return SX_FAIL(ctx, SX_E_USAGE, "model.alpha = %g has no meaning for cell = \"%s\"", o->alpha, name);
    if (o->nonlinearity != 0 && (o->cell == SX_CELL_GRU || o->cell == SX_CELL_LSTM))
        return SX_FAIL(ctx, SX_E_USAGE, "model.nonlinearity = \"relu\" has no meaning for cell = \"%s\"", name);
    return SX_OK;
}

/* hidden and inputs, given or from the first layer. */
static sx_status sizes(sx_ctx *ctx, const sx_cell_opts *o, sx_cell *m) {
    const sx_cell_layer *first = o->layers.items;
    int64_t H = o->hidden, count = first->w_hh.n;
    if (H == 0 && m->kind != SX_CELL_LOWRANK)
        for (H = 1; m->gates * H * H < count;) ++H;
    if (H == 0) return SX_FAIL(ctx, SX_E_USAGE, "model.hidden is missing: want the number of hidden units");
    m->hidden = H;
    m->inputs = o->inputs ? o->inputs : first->w_ih.n / (m->gates * H);
    m->n = m->arrays * m->layers * H;
    return SX_OK;
}

/* "model.layers[1].w_hh has 30 numbers: cell = "gru" wants (3 x 4) x 4 = 48" */
static sx_status want_shape(sx_ctx *ctx, const sx_cell *m, int64_t l, const char *name, sx_values v, int64_t gates,
                            int64_t columns) {
    int64_t want = 0;
    char rows[64];
    SX_TRY(ctx, sx_mul_size(ctx, gates * m->hidden, columns, &want));
    if (v.n == want) {
        for (int64_t i = 0; i < v.n; ++i) {
            if (!isfinite(v.data[i]))
                return SX_FAIL(ctx, SX_E_USAGE, "model.layers[%lld].%s[%lld] = %g: want finite numbers", (long long)l,
                               name, (long long)i, v.data[i]);
        }
        return SX_OK;
    }
    if (gates == 1)
        (void)snprintf(rows, sizeof rows, "%lld", (long long)m->hidden);
    else
        (void)snprintf(rows, sizeof rows, "(%lld x %lld)", (long long)gates, (long long)m->hidden);
    return SX_FAIL(ctx, SX_E_USAGE, "model.layers[%lld].%s has %lld numbers: cell = \"%s\" wants %s x %lld = %lld",
                   (long long)l, name, (long long)v.n, names[m->kind], rows, (long long)columns, (long long)want);
}

/* -- weights --------------------------------------------------------------------------------------------------------------------------- */

static sx_status bias(sx_ctx *ctx, const sx_cell *m, int64_t l, const char *name, sx_values v, double **out) {
    int64_t rows = m->gates * m->hidden;
    if (v.n != 0) SX_TRY(ctx, want_shape(ctx, m, l, name, v, m->gates, 1));
    SX_TRY(ctx, sx_alloc(ctx, rows, sizeof **out, out));
    if (v.n) memcpy(*out, v.data, (size_t)rows * sizeof **out);
    return SX_OK;
}

static sx_status lowrank(sx_ctx *ctx, const sx_cell *m, const sx_cell_layer *layer, sx_cell_part *part) {
    int64_t rank = layer->left.n / m->hidden;
    sx_coupling *W = NULL;
    if (layer->w_hh.n)
        return SX_FAIL(ctx, SX_E_USAGE,
                       "model.layers[0].w_hh has no meaning for cell = \"low-rank\": want left and right");
    if (rank < 1)
        return SX_FAIL(ctx, SX_E_USAGE, "model.layers[0].left has %lld numbers: want hidden x rank, hidden = %lld",
                       (long long)layer->left.n, (long long)m->hidden);
    SX_TRY(ctx, want_shape(ctx, m, 0, "left", layer->left, 1, rank));
    SX_TRY(ctx, want_shape(ctx, m, 0, "right", layer->right, 1, rank));
    SX_TRY(ctx, sx_coupling_lowrank(ctx, m->hidden, m->hidden, rank, layer->left.data, layer->right.data, &W));
    sx_status status = sx_coupling_scaled(ctx, W, 1.0 / (double)m->hidden, &part->w_hh);
    sx_coupling_free(ctx, W);
    if (status >= 0) sx_coupling_diagonal(part->w_hh, part->diagonal);
    return status;
}

static sx_status add_layer(sx_ctx *ctx, sx_cell *m, int64_t l, const sx_cell_layer *layer) {
    sx_cell_part *part = &m->part[l];
    int64_t H = m->hidden, rows = m->gates * H;
    part->in = l == 0 ? m->inputs : H;
    if (part->in > 0) {
        SX_TRY(ctx, want_shape(ctx, m, l, "w_ih", layer->w_ih, m->gates, part->in));
        SX_TRY(ctx, sx_coupling_dense(ctx, rows, part->in, layer->w_ih.data, &part->w_ih));
    }
    SX_TRY(ctx, bias(ctx, m, l, "b_ih", layer->b_ih, &part->b_ih));
    SX_TRY(ctx, bias(ctx, m, l, "b_hh", layer->b_hh, &part->b_hh));
    SX_TRY(ctx, sx_alloc(ctx, rows, sizeof *part->diagonal, &part->diagonal));
    if (m->kind == SX_CELL_LOWRANK) return lowrank(ctx, m, layer, part);
    if (layer->left.n || layer->right.n)
        return SX_FAIL(ctx, SX_E_USAGE, "model.layers[%lld].%s belongs to cell = \"low-rank\"", (long long)l,
                       layer->left.n ? "left" : "right");
    SX_TRY(ctx, want_shape(ctx, m, l, "w_hh", layer->w_hh, m->gates, H));
    SX_TRY(ctx, sx_coupling_dense(ctx, rows, H, layer->w_hh.data, &part->w_hh));
    for (int64_t i = 0; i < rows; ++i) part->diagonal[i] = layer->w_hh.data[i * H + i % H];
    return SX_OK;
}

void sx_cell_free(sx_ctx *ctx, sx_cell *m) {
    if (!m) return;
    for (int64_t l = 0; m->part && l < m->layers; ++l) {
        sx_coupling_free(ctx, m->part[l].w_ih);
        sx_coupling_free(ctx, m->part[l].w_hh);
        sx_free(ctx, m->part[l].b_ih);
        sx_free(ctx, m->part[l].b_hh);
        sx_free(ctx, m->part[l].diagonal);
    }
    sx_free(ctx, m->part);
    sx_free(ctx, m->fixed);
    sx_drive_clear(ctx, &m->drive);
    sx_free(ctx, m);
}

/* -- input and model ------------------------------------------------------------------------------------------------------------------- */

/* The input; where it never changes, its part of the pre-activations of layer 0 as well. */
static sx_status set_input(sx_ctx *ctx, sx_cell *m, const sx_input *input) {
    const sx_cell_part *part = &m->part[0];
    int64_t rows = m->gates * m->hidden;
    double *u = NULL;
    sx_status status = SX_OK;
    if (input && m->inputs == 0)
        return SX_FAIL(ctx, SX_E_USAGE, "model.input has no meaning for a network without w_ih");
    if (input && input->kind == SX_INPUT_SAMPLES && !input->channel_unit && input->channels != m->inputs)
        return SX_FAIL(
            ctx, SX_E_USAGE,
            "input: %lld channels, but the network has %lld input features (columns of w_ih); if an embedding or an "
            "encoder stands in front of the network, give what it sends to the network",
            (long long)input->channels, (long long)m->inputs);
    if (input && input->kind != SX_INPUT_SAMPLES && input->amplitude.n > 1 && input->amplitude.n != m->inputs)
        return SX_FAIL(
            ctx, SX_E_USAGE,
            "input: %lld numbers, but the network has %lld input features (columns of w_ih); if an embedding or an "
            "encoder stands in front of the network, give what it sends to the network",
            (long long)input->amplitude.n, (long long)m->inputs);
    SX_TRY(ctx, sx_drive_init(ctx, input, m->inputs > 0 ? m->inputs : 1, &m->drive));
    if (m->drive.on && m->drive.kind != SX_INPUT_CONSTANT) return SX_OK;
    SX_GO(ctx, status, done, sx_alloc(ctx, rows, sizeof *m->fixed, &m->fixed));
    memcpy(m->fixed, part->b_ih, (size_t)rows * sizeof *m->fixed);
    if (!m->drive.on || !part->w_ih) goto done;
    SX_GO(ctx, status, done, sx_alloc(ctx, m->inputs, sizeof *u, &u));
    sx_drive_rows(&m->drive, 0.0, u);
    sx_work none = { NULL, 0, NULL, 0 };
    sx_coupling_apply(part->w_ih, false, 1.0, sx_view(u, m->inputs, 1), 1.0, (sx_batch){ m->fixed, rows, 1 }, none);
done:
    sx_free(ctx, u);
    return status;
}

/* The model around a complete cell. */
static sx_status wrap(sx_ctx *ctx, sx_cell *m, sx_model **out) {
    sx_state_array arrays[2 * SX_CELL_LAYERS];
    char text[2 * SX_CELL_LAYERS][2][24];
    char *equation = NULL, *latex = NULL;
    int count = 0;
    sx_status status = SX_OK;
    for (int a = 0; a < m->arrays; ++a) {
        for (int64_t l = 0; l < m->layers; ++l, ++count) {
            char number[8] = "";
            if (m->layers > 1) (void)snprintf(number, sizeof number, "%d", (int)l);
            (void)snprintf(text[count][0], sizeof text[count][0], "%s%s", a == 0 ? "h" : "c", number);
            (void)snprintf(text[count][1], sizeof text[count][1], "%s%s_index", a == 0 ? "h" : "c", number);
            arrays[count] = (sx_state_array){ text[count][0], text[count][1], m->hidden, NULL };
        }
    }
    if (count == 1) arrays[0].dim = "unit"; /* the flat state itself */
    sx_model_desc d = { .struct_size = sizeof d, .ops = &sx_cell_ops, .self = m, .kind = SX_MAP };
    d.layout = (sx_layout){ m->n, count, arrays };
    d.block = sx_block_choose(m->n, m->part[0].w_hh);
    d.panel = sx_panel_choose(m->n);
    d.flops = 40.0 * (double)(m->gates * m->hidden * m->layers);
    for (int64_t l = 0; l < m->layers; ++l) {
        const sx_cell_part *part = &m->part[l];
        d.flops += sx_coupling_flops(part->w_hh);
        if (part->w_ih && !(l == 0 && m->fixed)) d.flops += sx_coupling_flops(part->w_ih);
    }
    SX_GO(ctx, status, done, texts(ctx, m, &equation, &latex));
    d.equation = equation;
    d.latex = latex;
    SX_GO(ctx, status, done, sx_model_create(ctx, &d, out));
done:
    sx_free(ctx, equation);
    sx_free(ctx, latex);
    return status;
}

static sx_status create(sx_ctx *ctx, const sx_cell_opts *o, const sx_input *input, sx_cell *m, sx_model **out) {
    m->kind = (sx_cell_kind)o->cell;
    m->gates = sx_cell_gates(m->kind);
    m->arrays = m->kind == SX_CELL_LSTM ? 2 : 1;
    m->alpha = o->alpha;
    m->k = sx_kernels_get(NULL);
    m->phi = (sx_activation)SX_ACTIVATION(o->nonlinearity == 1 ? SX_PHI_RELU : SX_PHI_TANH);
    m->drive.trials = 1;
    m->layers = o->layers.n;
    SX_TRY(ctx, sizes(ctx, o, m));
    SX_TRY(ctx, sx_alloc(ctx, m->layers, sizeof *m->part, &m->part));
    for (int64_t l = 0; l < m->layers; ++l)
        SX_TRY(ctx, add_layer(ctx, m, l, (const sx_cell_layer *)o->layers.items + l));
    SX_TRY(ctx, set_input(ctx, m, input));
    return wrap(ctx, m, out);
}

sx_status sx_cell_create(sx_ctx *ctx, const sx_cell_opts *o, const sx_input *input, sx_model **out) {
    if (!o || o->struct_size != sizeof *o)
        return SX_FAIL(ctx, SX_E_USAGE, "model cell: want options initialised with SX_CELL_OPTS");
    SX_TRY(ctx, sx_fields_check(ctx, sx_cell_fields, o, "model"));
    SX_TRY(ctx, check_opts(ctx, o));
    sx_cell *m = NULL;
    SX_TRY(ctx, sx_alloc(ctx, 1, sizeof *m, &m));
    sx_status status = create(ctx, o, input, m, out);
    if (status < 0) sx_cell_free(ctx, m);
    return status;
}

static sx_status copy(sx_ctx *ctx, const double *from, int64_t n, double **out) {
    SX_TRY(ctx, sx_alloc(ctx, n, sizeof **out, out));
    memcpy(*out, from, (size_t)n * sizeof **out);
    return SX_OK;
}

static sx_status copy_parts(sx_ctx *ctx, const sx_cell *from, sx_cell *m) {
    int64_t rows = m->gates * m->hidden;
    SX_TRY(ctx, sx_alloc(ctx, m->layers, sizeof *m->part, &m->part));
    for (int64_t l = 0; l < m->layers; ++l) {
        const sx_cell_part *a = &from->part[l];
        sx_cell_part *b = &m->part[l];
        b->in = a->in;
        b->w_ih = sx_coupling_ref(a->w_ih);
        b->w_hh = sx_coupling_ref(a->w_hh);
        SX_TRY(ctx, copy(ctx, a->b_ih, rows, &b->b_ih));
        SX_TRY(ctx, copy(ctx, a->b_hh, rows, &b->b_hh));
        SX_TRY(ctx, copy(ctx, a->diagonal, rows, &b->diagonal));
    }
    return SX_OK;
}

/* The same weights with another input. */
static sx_status with_input(sx_ctx *ctx, const sx_cell *from, const sx_input *input, sx_cell **out) {
    sx_cell *c = NULL;
    sx_status status;
    SX_TRY(ctx, sx_alloc(ctx, 1, sizeof *c, &c));
    *c = *from;
    c->part = NULL;
    c->fixed = NULL;
    c->drive = (sx_drive){ .trials = 1 };
    SX_GO(ctx, status, fail, copy_parts(ctx, from, c));
    SX_GO(ctx, status, fail, set_input(ctx, c, input));
    *out = c;
    return SX_OK;
fail:
    sx_cell_free(ctx, c);
    return status;
}

sx_status sx_cell_rebind(sx_ctx *ctx, const void *self, const sx_coupling *weights, const sx_input *input, void **out) {
    sx_cell *c = NULL;
    if (weights) return SX_FAIL(ctx, SX_E_UNSUPPORTED, "a cell has no single coupling that can be exchanged");
    SX_TRY(ctx, with_input(ctx, self, input, &c));
    *out = c;
    return SX_OK;
}

sx_status sx_cell_with_input(sx_ctx *ctx, const sx_model *m, const sx_input *input, sx_model **out) {
    if (sx_model_operations(m) != &sx_cell_ops)
        return SX_FAIL(ctx, SX_E_USAGE, "sx_cell_with_input: the model is of kind '%s': want a cell", sx_model_name(m));
    sx_cell *c = NULL;
    sx_model *bare = NULL;
    sx_status status = SX_OK;
    SX_TRY(ctx, with_input(ctx, sx_model_self(m), input, &c));
    SX_GO(ctx, status, done, wrap(ctx, c, &bare));
    c = NULL; /* now owned by the model */
    SX_GO(ctx, status, done, sx_model_with_noise(ctx, bare, sx_model_noise(m), sx_model_calculus(m), out));
done:
    sx_model_free(ctx, bare);
    sx_cell_free(ctx, c);
    return status;
}

/* -- fields ------------------------------------------------------------------------------------------------------------------------------ */

#define AT(member) offsetof(sx_cell_layer, member)
#define TENSOR(member, axes, text)                                                                                     \
    {                                                                                                                  \
        .name = #member, .type = SX_VALUES, .offset = AT(member), SX_UNBOUNDED, .unit = "1", .shape = axes,            \
        .flags = SX_FROM_FILE, .help = text                                                                            \
    }
const sx_field sx_cell_layer_fields[] = {
    TENSOR(w_ih, "gate,input", "input weights, gates hidden x inputs, rows = targets"),
    TENSOR(w_hh, "gate,hidden", "recurrent weights, gates hidden x hidden, rows = targets"),
    TENSOR(b_ih, "gate", "input bias, gates hidden numbers; left out: 0"),
    TENSOR(b_hh, "gate", "recurrent bias, gates hidden numbers; left out: 0"),
    TENSOR(left, "hidden,rank", "low-rank: m of W = m n^T/hidden, hidden x rank"),
    TENSOR(right, "hidden,rank", "low-rank: n of W = m n^T/hidden, hidden x rank"),
    SX_FIELD_END,
};
#undef AT
#undef TENSOR

#define AT(member)    .offset = offsetof(sx_cell_weights, member)
#define GIVEN(member) .given = offsetof(sx_cell_weights, member)
static const sx_field weights_fields[] = {
    { .name = "file",
      .type = SX_STRING,
      AT(file),
      .help = ".safetensors or .npz with weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0 (_l1, ...); low-rank: m, "
              "n, wi" },
    { .name = "prefix", .type = SX_STRING, AT(prefix), .help = "of the names in the file, \"rnn.\"" },
    { .name = "ensemble",
      .type = SX_ENUM,
      AT(ensemble),
      .choices = "uniform",
      GIVEN(has_ensemble),
      .help = "random instead of a file: uniform in +-scale/sqrt(hidden), as PyTorch makes a new network" },
    { .name = "layers",
      .type = SX_I64,
      AT(layers),
      .lo = 1,
      .hi = SX_CELL_LAYERS,
      .def = "1",
      .unit = "1",
      GIVEN(has_layers),
      .help = "layers of the ensemble" },
    { .name = "scale",
      .type = SX_F64,
      AT(scale),
      .lo = 0,
      .hi = HUGE_VAL,
      .def = "1.0",
      .unit = "1",
      GIVEN(has_scale),
      .flags = SX_LO_OPEN | SX_HI_OPEN,
      .help = "scale of the ensemble" },
    SX_FIELD_END,
};
#undef AT
#undef GIVEN

#define AT(member) .offset = offsetof(sx_cell_opts, member)
const sx_field sx_cell_fields[] = {
    { .name = "cell",
      .type = SX_ENUM,
      AT(cell),
      .choices = SX_CELL_CHOICES,
      .flags = SX_REQUIRED,
      .help = "vanilla (torch.nn.RNN), gru, lstm, leaky: h' = (1 - alpha) h + alpha phi(...), or low-rank" },
    { .name = "weights",
      .type = SX_TABLE,
      AT(weights),
      .sub = weights_fields,
      .sub_size = sizeof(sx_cell_weights),
      .given = offsetof(sx_cell_opts, weights) + offsetof(sx_cell_weights, given),
      .flags = SX_OPTIONAL,
      .help = "trained weights { file, prefix }, or untrained ones { ensemble, layers, scale }" },
    { .name = "layer",
      .type = SX_I64,
      AT(layer),
      .lo = 0,
      .hi = SX_CELL_LAYERS - 1,
      .def = "0",
      .unit = "1",
      .given = offsetof(sx_cell_opts, has_layer),
      .help = "this layer of the file alone; left out: all layers, stacked" },
    { .name = "layers",
      .type = SX_TABLES,
      AT(layers),
      .sub = sx_cell_layer_fields,
      .sub_size = sizeof(sx_cell_layer),
      .help = "weights written out or from one file each, instead of `weights`: a list of { w_ih, w_hh, b_ih, b_hh }" },
    { .name = "convention",
      .type = SX_ENUM,
      AT(convention),
      .def = "\"pytorch\"",
      .choices = "pytorch",
      .help = "order of the gates, biases, names of the tensors" },
    { .name = "nonlinearity",
      .type = SX_ENUM,
      AT(nonlinearity),
      .def = "\"tanh\"",
      .choices = "tanh|relu",
      .help = "phi of vanilla, leaky and low-rank cells" },
    { .name = "alpha",
      .type = SX_F64,
      AT(alpha),
      .lo = 0,
      .hi = 1,
      .def = "0.0",
      .unit = "1",
      .flags = SX_LO_OPEN,
      .help = "dt/tau of leaky and low-rank cells" },
    { .name = "hidden",
      .type = SX_I64,
      AT(hidden),
      .lo = 1,
      .hi = 1e6,
      .def = "0",
      .unit = "1",
      .help = "units of a layer; left out: from the weights" },
    { .name = "inputs",
      .type = SX_I64,
      AT(inputs),
      .lo = 1,
      .hi = 1e6,
      .def = "0",
      .unit = "1",
      .help = "numbers of one input; left out: from the weights" },
    SX_FIELD_END,
};
