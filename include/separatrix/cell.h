// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/** @file cell.h  Trained recurrent networks as maps: vanilla, GRU, LSTM, leaky and low-rank cells, one layer or a stack.
 *
 *  One step of one layer, u the input of the step (of layer l > 0: the new h of layer l - 1), * the product of elements, s the logistic
 *  function, phi = tanh or relu. Equations, order of gates and shapes are those of PyTorch (torch.nn.RNN, GRU, LSTM):
 *
 *      vanilla    h' = phi(W_ih u + b_ih + W_hh h + b_hh)
 *      gru        r = s(W_ir u + b_ir + W_hr h + b_hr),  z = s(W_iz u + b_iz + W_hz h + b_hz)
 *                 n = tanh(W_in u + b_in + r * (W_hn h + b_hn)),  h' = (1 - z) * n + z * h                       rows r, z, n
 *      lstm       i, f, o = s(W_i. u + b_i. + W_h. h + b_h.),  g = tanh(W_ig u + b_ig + W_hg h + b_hg)
 *                 c' = f * c + i * g,  h' = o * tanh(c')                                                         rows i, f, g, o
 *      leaky      h' = (1 - alpha) h + alpha phi(W_ih u + b_ih + W_hh h + b_hh)
 *      low-rank   h' = (1 - alpha) h + alpha (left right^T phi(h + b_hh) / hidden + W_ih u + b_ih)               one layer
 *
 *  The state arrays are "h" (one layer), "h" and "c" (LSTM), "h0", "h1", ... (a stack), "h0", "h1", ..., "c0", "c1", ... (a stack of LSTMs):
 *  h of all layers, then c of all layers, as in PyTorch's (h_n, c_n). The input sample of time k drives the step from k to k + 1, so the
 *  state at time k + 1 is PyTorch's output number k. Derivatives are analytic to third order; those of relu are of the pieces, 0 at the
 *  kink. Sources: PyTorch documentation of the modules; low-rank: A. Dubreuil, A. Valente, M. Beiran, F. Mastrogiuseppe, S. Ostojic, Nat.
 *  Neurosci. 25 (2022) 783. */
#ifndef SEPARATRIX_CELL_H
#define SEPARATRIX_CELL_H

#include <separatrix/models.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The cells. */
typedef enum sx_cell_kind { SX_CELL_VANILLA, SX_CELL_GRU, SX_CELL_LSTM, SX_CELL_LEAKY, SX_CELL_LOWRANK } sx_cell_kind;
/** Their names in experiment files. */
#define SX_CELL_CHOICES "vanilla|gru|lstm|leaky|low-rank"
/** Blocks of rows in the weights of a cell: 1, GRU 3, LSTM 4. */
SX_API int sx_cell_gates(sx_cell_kind cell);

/** Weights of one layer, row-major, rows are targets. */
typedef struct sx_cell_layer {
    sx_values w_ih;        /**< gates hidden x inputs; layer l > 0: gates hidden x hidden */
    sx_values w_hh;        /**< gates hidden x hidden; not for low-rank */
    sx_values b_ih, b_hh;  /**< gates hidden; absent = 0 */
    sx_values left, right; /**< low-rank: hidden x rank each; W = left right^T / hidden */
} sx_cell_layer;
/** Fields of sx_cell_layer. */
SX_API extern const sx_field sx_cell_layer_fields[];

/** Where an experiment takes the weights from; sx_cell_create itself wants layers. */
typedef struct sx_cell_weights {
    const char *file;   /**< .safetensors or .npz */
    const char *prefix; /**< of the names of the tensors, "rnn." */
    int ensemble;       /**< 0: every number uniform in +-scale/sqrt(hidden), as a new PyTorch module */
    int64_t layers;     /**< of the ensemble */
    double scale;       /**< of the ensemble */
    bool given;         /**< the table is there */
    bool has_ensemble;  /**< `ensemble` is given */
    bool has_layers;    /**< `layers` is given */
    bool has_scale;     /**< `scale` is given */
} sx_cell_weights;

/** Options of a cell. */
typedef struct sx_cell_opts {
    size_t struct_size;      /**< sizeof(sx_cell_opts) */
    int cell;                /**< an sx_cell_kind */
    int nonlinearity;        /**< phi: 0 tanh, 1 relu (not for GRU and LSTM) */
    int convention;          /**< 0 PyTorch: order of gates, biases, names of tensors */
    int64_t hidden;          /**< units of a layer; 0 = taken from the weights */
    int64_t inputs;          /**< numbers of one input; 0 = taken from the weights */
    double alpha;            /**< leaky, low-rank: dt/tau in (0, 1]; 0 = not given */
    int64_t layer;           /**< experiments: this layer of the file alone, when has_layer */
    bool has_layer;          /**< `layer` is given */
    sx_tables layers;        /**< sx_cell_layer, from the input to the output */
    sx_cell_weights weights; /**< experiments: file or ensemble that fills `layers` */
} sx_cell_opts;
/** Initialiser; fill in the defaults with sx_fields_default. */
#define SX_CELL_OPTS                                                                                                   \
    { sizeof(sx_cell_opts) }
/** Fields of sx_cell_opts. */
SX_API extern const sx_field sx_cell_fields[];

/** Create a cell from its layers (copied). input: one number per input feature (units of sx_input are input features here), a waveform,
 *  or samples; NULL: 0. SX_E_USAGE names the layer and the shape that is wrong. Memory: the weights once. */
SX_API sx_status sx_cell_create(sx_ctx *ctx, const sx_cell_opts *o, const sx_input *input, sx_model **out) SX_MUST_USE;
/** The same cell with another input (NULL: 0), for contexts that are held constant: weights are shared, noise and calculus kept. */
SX_API sx_status sx_cell_with_input(sx_ctx *ctx, const sx_model *m, const sx_input *input, sx_model **out) SX_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
