// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The coupling value as the files of this folder see it. */
#ifndef SX_MODELS_COUPLING_PRIVATE_H
#define SX_MODELS_COUPLING_PRIVATE_H

#include <separatrix/coupling.h>

#include "core/kernels.h"

#include <stdatomic.h>

/* Below or at this size a dense product uses the library's own kernel, which needs no BLAS. */
enum { SX_COUPLING_SMALL = 64 };
/* Weights are kept a second time, packed (dense) or in column blocks (CSR), up to so many bytes. */
#define SX_COUPLING_PACKED_BYTES (INT64_C(256) << 20)

/* CSR arrays and the fixed row panels of about equal work, panel[0..panels]. */
typedef struct sx_csr {
    int64_t rows, nonzeros;
    int64_t *row_start;
    int32_t *column;
    double *value;
    int64_t panels, *panel;
} sx_csr;

/* The same entries in the order (panel, column block, row): while a block of columns is in use, its tile of the input stays in the cache.
 * Row i of panel p in block c is the segment blocks * panel[p] + c * (panel[p + 1] - panel[p]) + i - panel[p] of `m`. */
typedef struct sx_csr_blocks {
    sx_csr m;
    int64_t blocks; /* 0: not kept, the matrix is small, very large or too thin */
} sx_csr_blocks;

struct sx_coupling {
    sx_coupling_form form;
    atomic_int references;
    int64_t n_out, n_in;
    int64_t nonzeros, bytes;   /* of the data */
    double factor;             /* W = factor * data */
    struct sx_coupling *owner; /* of the data of a scaled view; NULL: this */
    const sx_kernels *kernels;
    double *w;         /* dense, row-major */
    double *packed;    /* the same in strips for kernels->gemm_packed; NULL: small, very large, or a level without it */
    sx_csr csr, csr_t; /* CSR and its transpose */
    sx_csr_blocks blocked;
    int64_t rank; /* low rank */
    double *U, *V;
    int n_parts; /* sum */
    struct sx_coupling **parts;
    double *scale;
    bool has_ensemble;
    sx_ensemble ensemble;
};

/* Takes the arrays over (also on failure). */
sx_status sx_coupling_own_dense(sx_ctx *ctx, int64_t n_out, int64_t n_in, double *w, sx_coupling **out);
sx_status sx_coupling_own_csr(sx_ctx *ctx, int64_t n_out, int64_t n_in, int64_t *row_start, int32_t *column,
                              double *value, sx_coupling **out);
/* A diagonal matrix in CSR form. */
sx_status sx_coupling_diagonal_csr(sx_ctx *ctx, int64_t n, const double *d, sx_coupling **out);
/* out_i = sum over j != i (or all j) of W_ij. */
void sx_coupling_row_sums(const sx_coupling *w, bool with_self, double *out);
/* Largest |eigenvalue| to 1e-9 by Krylov-Schur with at most `basis` vectors; SX_NOT_CONVERGED gives the estimate. */
sx_status sx_coupling_krylov_radius(sx_ctx *ctx, const sx_coupling *w, int basis, double *out);

/* Ensembles of random links (gaussian, sparse, dale): the whole coupling, or one row of it as n numbers. */
sx_status sx_ensemble_links(sx_ctx *ctx, const sx_ensemble *e, sx_key key, sx_coupling **out);
sx_status sx_ensemble_link_row(sx_ctx *ctx, const sx_ensemble *e, sx_key key, int64_t i, double *row);

#endif
