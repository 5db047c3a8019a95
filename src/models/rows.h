// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Elementwise helpers of the models: scratch, broadcasting of one base point, loops over rows and columns, and functions of the
 * models folder that several files share. */
#ifndef SX_MODELS_ROWS_H
#define SX_MODELS_ROWS_H

#include <separatrix/models.h>

#include "core/kernels.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* Scratch comes in multiples of 8 doubles so that every piece stays 64-byte aligned. */
static inline int64_t sx_pad(int64_t doubles) {
    return (doubles + 7) & ~INT64_C(7);
}
static inline double *sx_take(sx_work *w, int64_t doubles) {
    double *p = w->p;
    int64_t n = sx_pad(doubles);
    assert(n <= w->doubles);
    w->p += n;
    w->doubles -= n;
    return p;
}
static inline sx_batch sx_take_batch(sx_work *w, int64_t n, int64_t b) {
    sx_batch x = { sx_take(w, n * b), n, b };
    return x;
}
static inline sx_cbatch sx_view(const double *x, int64_t n, int64_t b) {
    sx_cbatch c = { x, n, b };
    return c;
}

/* Number of a base point (b == 1 serves every column r). */
static inline double sx_at(sx_cbatch x, int64_t i, int64_t r) {
    return x.x[x.b == 1 ? i : i * x.b + r];
}

/* x itself, or its single column repeated b times into scratch. */
static inline sx_cbatch sx_spread(sx_cbatch x, int64_t b, sx_work *w) {
    if (x.b == b) return x;
    sx_batch y = sx_take_batch(w, x.n, b);
    for (int64_t i = 0; i < x.n; ++i) {
        for (int64_t r = 0; r < b; ++r) y.x[i * b + r] = x.x[i];
    }
    return sx_const_batch(y);
}

/* out_ir = d_ir u_ir, or d_i u_ir when d is a single column. out may equal u. */
static inline void sx_mul_base(const sx_kernels *k, const double *d, int64_t d_b, sx_cbatch u, double *out) {
    if (d_b == u.b) {
        k->mul(u.n * u.b, d, u.x, out);
    } else {
        k->scale_rows(u.n, u.b, d, u.x, out);
    }
}

/* Rows [i0, i1) of an elementwise loop, in fixed panels; elementwise results do not depend on the cut. */
typedef struct sx_rows_job {
    void (*body)(void *arg, int64_t row0, int64_t row1);
    void *arg;
    int64_t n, rows;
} sx_rows_job;
static inline void sx_rows_panel(void *arg, int64_t i) {
    const sx_rows_job *job = arg;
    int64_t row0 = i * job->rows, row1 = row0 + job->rows;
    job->body(job->arg, row0, row1 < job->n ? row1 : job->n);
}
/* Small batches run at once; large ones (n b >= 65536) in panels of about 16384 numbers on the executor. */
static inline void sx_rows_for(const sx_exec *exec, int64_t n, int64_t b, void (*body)(void *, int64_t, int64_t),
                               void *arg) {
    if (!exec || n * b < 65536) {
        body(arg, 0, n);
        return;
    }
    sx_rows_job job = { body, arg, n, b < 16384 ? 16384 / b : 1 };
    sx_exec_for(exec, (n + job.rows - 1) / job.rows, sx_rows_panel, &job);
}

/* -- shared between files of this folder ------------------------------------------------------------------------------------ */

/* Units of a noise. */
int64_t sx_noise_units(const sx_noise *noise);

/* Replicas of a block and rows of a panel, from the number of units and the main coupling (NULL: none). */
int64_t sx_block_choose(int64_t n, const sx_coupling *w);
int64_t sx_panel_choose(int64_t n);

/* Dense couplings that take their input in tiles of SX_COLUMNS columns, tiles[b / SX_COLUMNS][n][SX_COLUMNS]: whoever computes the input writes it there
 * at once. out = alpha W in; `after` (or NULL) is called for each panel of rows while it is in the cache. */
bool sx_coupling_takes_tiles(const sx_coupling *w, int64_t b);
void sx_coupling_apply_tiles(const sx_coupling *w, double alpha, const double *tiles, sx_batch out,
                             void (*after)(void *arg, int64_t row0, int64_t row1), void *arg, const sx_exec *exec);
/* Row u of a batch into the tiles. */
static inline void sx_tile_row(int64_t n, int64_t b, int64_t u, const double *row, double *tiles) {
    for (int64_t t = 0; t < b / SX_COLUMNS; t++)
        memcpy(tiles + (t * n + u) * SX_COLUMNS, row + t * SX_COLUMNS, SX_COLUMNS * sizeof *row);
}

/* Copy numbers per unit into a new array of n: absent = def, one = the same for all. SX_E_USAGE "NAME: k numbers for n units". */
sx_status sx_values_spread(sx_ctx *ctx, const char *name, sx_values v, int64_t n, double def, double **out) SX_MUST_USE;

/* The dense Jacobian column by column through jvp, SX_JACOBIAN_COLUMNS at a time, and its scratch. */
#define SX_JACOBIAN_COLUMNS 16
void sx_jacobian_by_columns(const sx_model_ops *ops, const void *self, int64_t n, double t, const double *x,
                            double *out, sx_work w);
int64_t sx_jacobian_work(const sx_model_ops *ops, const void *self, int64_t n);

/* The operations of the built-in models, for the registry. */
extern const sx_model_ops sx_linear_ops, sx_rate_ops, sx_composed_ops;

#endif
