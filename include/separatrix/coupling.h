// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/** @file coupling.h  Couplings between units: a value (dense, CSR, low rank, sums of them) or the description of an ensemble.
 *  W[i][j] is the weight from j to i; rows are targets. Immutable, reference counted. */
#ifndef SEPARATRIX_COUPLING_H
#define SEPARATRIX_COUPLING_H

#include <separatrix/field.h>
#include <separatrix/model.h>
#include <separatrix/random.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A coupling matrix: opaque, immutable, shared by reference. */
typedef struct sx_coupling sx_coupling;
/** How a coupling is stored. */
typedef enum sx_coupling_form {
    SX_COUPLING_DENSE,
    SX_COUPLING_CSR,
    SX_COUPLING_LOWRANK,
    SX_COUPLING_SUM
} sx_coupling_form;

/** Data are copied. Dense: n_out x n_in row-major. */
SX_API sx_status sx_coupling_dense(sx_ctx *ctx, int64_t n_out, int64_t n_in, const double *w,
                                   sx_coupling **out) SX_MUST_USE;
/** CSR: row_start[n_out+1], columns strictly increasing within a row. */
SX_API sx_status sx_coupling_csr(sx_ctx *ctx, int64_t n_out, int64_t n_in, const int64_t *row_start,
                                 const int32_t *column, const double *w, sx_coupling **out) SX_MUST_USE;
/** U V^T: U n_out x rank, V n_in x rank, row-major. */
SX_API sx_status sx_coupling_lowrank(sx_ctx *ctx, int64_t n_out, int64_t n_in, int64_t rank, const double *U,
                                     const double *V, sx_coupling **out) SX_MUST_USE;
/** sum_k scale_k C_k; the parts are referenced, not copied. */
SX_API sx_status sx_coupling_sum(sx_ctx *ctx, int n, const sx_coupling *const *parts, const double *scale,
                                 sx_coupling **out) SX_MUST_USE;
/** The graph Laplacian of W: (L x)_i = sum_j W_ij (x_j - x_i), the diffusive coupling. */
SX_API sx_status sx_coupling_diffusive(sx_ctx *ctx, const sx_coupling *w, sx_coupling **out) SX_MUST_USE;
/** scale * W; shares the data of W. */
SX_API sx_status sx_coupling_scaled(sx_ctx *ctx, const sx_coupling *w, double scale, sx_coupling **out) SX_MUST_USE;
/** One more reference; returns w. NULL is fine. */
SX_API sx_coupling *sx_coupling_ref(const sx_coupling *w);
/** Drop one reference; NULL is fine. */
SX_API void sx_coupling_free(sx_ctx *ctx, sx_coupling *w);

/** How it is stored. */
SX_API sx_coupling_form sx_coupling_form_of(const sx_coupling *w);
/** Number of targets. */
SX_API int64_t sx_coupling_rows(const sx_coupling *w);
/** Number of sources. */
SX_API int64_t sx_coupling_columns(const sx_coupling *w);
/** Stored numbers that are not zero; of a sum or a product of factors those of its parts. */
SX_API int64_t sx_coupling_nonzeros(const sx_coupling *w);
SX_API double sx_coupling_flops(const sx_coupling *w); /**< of one matrix-vector product */
/** Bytes of the data, shared ones included. */
SX_API int64_t sx_coupling_bytes(const sx_coupling *w);

/** out = beta out + alpha op(W) in for whole batches, in fixed row panels run by work.exec; op = W^T when transposed. Dense: one
 *  product of fixed shape per panel (the library's own kernel for n <= 64, the same on every CPU; beyond, packed weights where the kernel set has that
 *  product and b is a multiple of 16, else OpenBLAS).
 *  CSR: tiles of 8 columns. Scratch: sx_coupling_work. */
SX_API void sx_coupling_apply(const sx_coupling *w, bool transposed, double alpha, sx_cbatch in, double beta,
                              sx_batch out, sx_work work);
/** Doubles of scratch that sx_coupling_apply needs for b columns. */
SX_API int64_t sx_coupling_work(const sx_coupling *w, int64_t b);
/** out (row-major n_out x n_in) += alpha W diag(d) (d NULL = 1). */
SX_API void sx_coupling_add_to_dense(const sx_coupling *w, double alpha, const double *d, double *out);
/** out[i] = W_ii. */
SX_API void sx_coupling_diagonal(const sx_coupling *w, double *out);
/** Largest |eigenvalue|, for `normalise`: LAPACK up to n = 2000; Krylov-Schur with fixed start beyond, to a residual of 1e-9
 *  (SX_NOT_CONVERGED after 400 restarts: *out is the estimate reached). */
SX_API sx_status sx_coupling_spectral_radius(sx_ctx *ctx, const sx_coupling *w, double *out) SX_MUST_USE;

/** Random ensembles as descriptions: what theory reads and simulation realises row by row. Variance g^2/(n density) per present
 *  link. realise(description, key) makes row i from the key and i alone. */
typedef enum sx_ensemble_kind {
    SX_ENSEMBLE_GAUSSIAN, /**< symmetry gamma = E W_ij W_ji / E W_ij^2, density (CSR at 0.25 or below); W_ii has 1 + gamma times the
                           *   variance of the others at density 1 (GOE for gamma = 1) */
    SX_ENSEMBLE_SPARSE, /**< each link present with probability `density` (CSR); cost O(links), with symmetry O(n^2) */
    SX_ENSEMBLE_DALE, /**< columns of one sign, the first round(excitatory n) positive; |w| lognormal with coefficient of variation 1,
                           *   expected row sum 0, variance of an entry g^2/n averaged over the columns: bulk radius g (the rank-one
                           *   mean adds outliers beyond it) */
    SX_ENSEMBLE_LOWRANK, /**< U V^T / n, U and Z standard normal n x rank, V = outlier U + Z, plus a gaussian ensemble of gain g */
    SX_ENSEMBLE_RING,   /**< w(|i-j|): amplitude exp(-d^2 / 2 width^2) minus `inhibition`, d on a ring of n (dense) */
    SX_ENSEMBLE_HEBBIAN /**< (1/n) sum_mu xi^mu xi^mu^T of `patterns` random +-1 patterns (low rank below n/4 patterns) */
} sx_ensemble_kind;
/** Their names in experiment files, in the order of sx_ensemble_kind. */
#define SX_ENSEMBLE_CHOICES "gaussian|sparse|dale|low-rank|ring|hebbian"
/** Description of an ensemble; which members count follows from the kind (sx_ensemble_fields tells). */
typedef struct sx_ensemble {
    size_t struct_size; /**< sizeof(sx_ensemble) */
    int kind;           /**< an sx_ensemble_kind */
    int64_t n;          /**< units */
    /** gain; symmetry gamma; probability of a link */
    double g, symmetry, density;
    int self;          /**< diagonal: 0 "zero", 1 "random": as the law gives it (low-rank: of the gaussian part) */
    double excitatory; /**< dale: fraction of excitatory units */
    /** low-rank: modes; hebbian: patterns */
    int64_t rank, patterns;
    /** low-rank: expected outlier; ring: width, height and offset of the profile */
    double outlier, width, amplitude, inhibition;
} sx_ensemble;
/** Fields of sx_ensemble. */
SX_API extern const sx_field sx_ensemble_fields[];
/** One member of the ensemble: a function of description and key alone. */
SX_API sx_status sx_coupling_realise(sx_ctx *ctx, const sx_ensemble *e, sx_key key, sx_coupling **out) SX_MUST_USE;
/** The ensemble a coupling was realised from, or NULL. */
SX_API const sx_ensemble *sx_coupling_ensemble(const sx_coupling *w);

#ifdef __cplusplus
}
#endif
#endif
