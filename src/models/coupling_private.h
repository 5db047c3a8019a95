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
/* Dense weights are kept a second time, packed, up to so many bytes. */
#define SX_COUPLING_PACKED_BYTES (INT64_C(256) << 20)

/* Entries in the order (panel of rows, block of columns, row): while a block of columns is in use, its tile of the input stays in the cache. One
 * block is plain CSR. Segment s holds the entries segment[s] .. segment[s + 1]; see sx_csr_segments. */
typedef struct sx_csr {
    int64_t rows, nonzeros;
    int64_t *segment; /* [rows * blocks + 1] */
    int32_t *column;
    double *value;
    int64_t panels, *panel; /* first rows, panel[0..panels]: shares of about equal work */
    int64_t blocks, width;  /* of columns, each so wide */
} sx_csr;

/* Segments of panel p in block c, one for each of its rows. */
static inline const int64_t *sx_csr_segments(const sx_csr *m, int64_t p, int64_t c) {
    return m->segment + m->blocks * m->panel[p] + c * (m->panel[p + 1] - m->panel[p]);
}

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
    sx_csr csr, csr_t; /* CSR; its transpose, empty if there are several blocks: these scatter */
    int64_t rank;      /* low rank */
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
/* Plain CSR of the data of a coupling in CSR form, or of their transpose, without its factor; to be freed by the caller. */
sx_status sx_coupling_plain(sx_ctx *ctx, const sx_coupling *w, bool transposed, sx_csr *out);
void sx_csr_free(sx_ctx *ctx, sx_csr *m);
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
