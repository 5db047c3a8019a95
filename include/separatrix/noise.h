// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/** @file noise.h  Noises. D is defined by <xi_i(t) xi_j(t')> = 2 D_ij delta(t-t'); sigma by dx = f dt + sigma dW, D = sigma^2/2. */
#ifndef SEPARATRIX_NOISE_H
#define SEPARATRIX_NOISE_H

#include <separatrix/field.h>
#include <separatrix/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Create from operations; self is owned by the noise on success. Diagonal classes have rank n. */
SX_API sx_status sx_noise_create(sx_ctx *ctx, const sx_noise_ops *ops, void *self, sx_noise_class cls, int64_t n,
                                 int64_t rank, sx_noise **out) SX_MUST_USE;
/** One more reference; returns noise. */
SX_API sx_noise *sx_noise_ref(const sx_noise *noise);
/** Drop one reference; NULL is fine. */
SX_API void sx_noise_free(sx_ctx *ctx, sx_noise *noise);
/** Its class. */
SX_API sx_noise_class sx_noise_class_of(const sx_noise *noise);
/** Columns of B: independent sources. */
SX_API int64_t sx_noise_rank(const sx_noise *noise);
/** The table of operations; borrowed. */
SX_API const sx_noise_ops *sx_noise_operations(const sx_noise *noise);
/** The data that the operations take; borrowed. */
SX_API const void *sx_noise_self(const sx_noise *noise);

/** No noise: rank 0. */
SX_API sx_status sx_noise_none(sx_ctx *ctx, int64_t n, sx_noise **out) SX_MUST_USE;
/** Additive, D per unit: D.n == 1 (scalar) or n. Every D_i >= 0. */
SX_API sx_status sx_noise_additive(sx_ctx *ctx, int64_t n, sx_values D, sx_noise **out) SX_MUST_USE;
/** Additive with a symmetric positive semidefinite matrix D (n x n, row-major); B is its symmetric square root restricted to the
 *  range of D (rank = number of eigenvalues above n eps max). SX_E_USAGE if D is not symmetric or has a negative eigenvalue. */
SX_API sx_status sx_noise_additive_matrix(sx_ctx *ctx, int64_t n, const double *D, sx_noise **out) SX_MUST_USE;
/** Additive with an explicit factor B (n x rank, row-major). */
SX_API sx_status sx_noise_additive_factor(sx_ctx *ctx, int64_t n, int64_t rank, const double *B,
                                          sx_noise **out) SX_MUST_USE;
/** Multiplicative diagonal B_ii = |a_i + b_i x_i|^p ... given as named amplitude: sigma_i(x) = s_i * shape(x_i), B = sigma/sqrt 2. */
typedef enum sx_amplitude {
    SX_AMPLITUDE_LINEAR,   /**< s (offset + slope x): geometric Brownian motion with offset 0, slope 1 */
    SX_AMPLITUDE_SQRT,     /**< s sqrt(max(offset + slope x, 0)): demographic noise */
    SX_AMPLITUDE_QUADRATIC /**< s sqrt(1 + x^2) */
} sx_amplitude;
/** Their names in experiment files. */
#define SX_AMPLITUDE_CHOICES "linear|sqrt|quadratic"
/** One source per unit, sigma_i(x) = s_i shape(x_i), B = sigma / sqrt 2; s is one number or n. */
SX_API sx_status sx_noise_multiplicative(sx_ctx *ctx, int64_t n, sx_amplitude shape, sx_values s, double offset,
                                         double slope, sx_noise **out) SX_MUST_USE;
/** Thermal noise D = T G^-1 of a model with a metric (`composed`). SX_E_UNSUPPORTED without one. */
SX_API sx_status sx_noise_thermal(sx_ctx *ctx, const sx_model *m, double temperature, sx_noise **out) SX_MUST_USE;

/** The [noise] section of an experiment. Exactly one of D and sigma unless kind = none or thermal. */
typedef struct sx_noise_opts {
    size_t struct_size; /**< sizeof(sx_noise_opts) */
    int kind;           /**< SX_NOISE_KIND_CHOICES */
    /** scalar, per unit, or (additive) n x n */
    sx_values D, sigma;
    /** which of them was given */
    bool has_D, has_sigma;
    sx_values factor;     /**< n x rank factor B ("low-rank"), alternative to D and sigma */
    bool has_factor;      /**< whether factor was given */
    double temperature;   /**< T of thermal noise */
    bool has_temperature; /**< whether temperature was given */
    double tau;           /**< correlation time of kind = "ou" */
    bool has_tau;         /**< whether tau was given */
    int amplitude;        /**< multiplicative: shape */
    /** multiplicative: offset and slope of the amplitude */
    double offset, slope;
    int calculus;      /**< -1: not written */
    bool has_calculus; /**< whether calculus was written */
    int scaled_by;     /**< none | tau: noise enters dx, or is divided by the unit's tau */
} sx_noise_opts;
/** Kinds of noise in experiment files. */
#define SX_NOISE_KIND_CHOICES "none|additive|thermal|multiplicative|ou"
/** Fields of sx_noise_opts. */
SX_API extern const sx_field sx_noise_fields[];
/** Attach the described noise to a model: checks D/sigma, the calculus rules of the design (none needed for constant noise,
 *  kinetic by default for thermal, required otherwise) and wraps the model for kind = "ou". tau: per-unit time constants for
 *  scaled_by (may be n == 0). */
SX_API sx_status sx_noise_attach(sx_ctx *ctx, const sx_model *m, const sx_noise_opts *opts, sx_values tau,
                                 sx_model **out) SX_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
