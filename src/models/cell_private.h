// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Cells: data, and the elementwise part of a step in jet arithmetic.
 *
 * A jet holds a value and its mixed derivatives along up to three directions e1, e2, e3 with e_i^2 = 0: coefficient S, a set of directions
 * written as a bit mask, is the derivative along all directions of S. K = 1, 2, 4, 8 coefficients serve F, J u, d2F[u,v], d3F[u,v,w]; the
 * coefficient of the full set K - 1 is what is asked for. The state itself is linear: x + e1 u + e2 v + e3 w. */
#ifndef SX_MODELS_CELL_PRIVATE_H
#define SX_MODELS_CELL_PRIVATE_H

#include <separatrix/cell.h>

#include "models/input.h"

enum { SX_CELL_COEFFICIENTS = 8, SX_CELL_LAYERS = 32 };

typedef struct sx_cell_part {
    int64_t in;          /* columns of w_ih */
    sx_coupling *w_ih;   /* owned references */
    sx_coupling *w_hh;   /* left right^T / hidden for low-rank */
    double *b_ih, *b_hh; /* owned */
    double *diagonal;    /* owned: of each gate's block of w_hh */
} sx_cell_part;

typedef struct sx_cell {
    sx_cell_kind kind;
    int64_t hidden, inputs, layers, gates, n;
    int arrays; /* state arrays of a layer: 1, LSTM 2 */
    double alpha;
    sx_activation phi;
    const sx_kernels *k;
    sx_cell_part *part; /* owned: layers */
    sx_drive drive;
    double *fixed; /* owned: W_ih u + b_ih of layer 0 for an input that never changes; else NULL */
} sx_cell;

/* Rows of a batch of jets: coefficient S is c[S], rows x columns; NULL = 0. Coefficient 0 may have a single column for all. */
typedef struct sx_cell_jets {
    const double *c[SX_CELL_COEFFICIENTS];
    int64_t b0; /* columns of coefficient 0: 1 or b */
} sx_cell_jets;

/* One elementwise stage of a layer. gi and gh have gates * hidden rows, everything else hidden. */
typedef struct sx_cell_stage {
    const sx_cell *m;
    const double *b_hh; /* low-rank: inside phi */
    int K;
    int64_t b;
    sx_cell_jets gi, gh; /* pre-activations: input part and hidden part */
    sx_cell_jets h, c;   /* old state */
    /* forward: new state, coefficients that are not NULL */
    double *hn[SX_CELL_COEFFICIENTS], *cn[SX_CELL_COEFFICIENTS];
    int64_t hn_b0; /* columns of hn[0] */
    /* backward (K <= 2): adjoints of the new state in, of pre-activations and old state out; NULL = not wanted */
    sx_cell_jets ph, pc;
    double *agi[2], *agh[2], *ah, *ac; /* ah, ac: coefficient K - 1 only, without the part through the weights */
} sx_cell_stage;

/* h' and c' from pre-activations. */
void sx_cell_forward(const sx_cell_stage *s, const sx_exec *exec);
/* Adjoints of pre-activations and old state. */
void sx_cell_backward(const sx_cell_stage *s, const sx_exec *exec);
/* Low-rank: s = phi(h + b_hh), all K coefficients, into hn. */
void sx_cell_rates(const sx_cell_stage *s, const sx_exec *exec);
/* Low-rank: ah += coefficient K - 1 of phi'(h + b_hh) * ph, ph the adjoint of s. */
void sx_cell_rates_backward(const sx_cell_stage *s, const sx_exec *exec);

void sx_cell_free(sx_ctx *ctx, sx_cell *m);
/* cell_create.c */
sx_status sx_cell_rebind(sx_ctx *ctx, const void *self, const sx_coupling *weights, const sx_input *input, void **out);

extern const sx_model_ops sx_cell_ops;

#endif
