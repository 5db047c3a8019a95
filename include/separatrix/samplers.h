// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/** @file samplers.h  Networks of random units: `free-energy` (continuous units on [-1, 1]) and `ising` (units -1 and 1). */
#ifndef SEPARATRIX_SAMPLERS_H
#define SEPARATRIX_SAMPLERS_H

#include <separatrix/coupling.h>
#include <separatrix/field.h>
#include <separatrix/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How a step draws the next state. theta_i = beta (b_i + sum_j J_ij s_j). Only Gibbs updates with symmetric J sample exp(-beta E),
 *  E = -b.s - s.J s / 2; with symmetric J the synchronous update samples exp(beta b.s) prod_i Z(theta_i) (Little 1974, Peretto 1984). */
typedef enum sx_sampler {
    SX_SAMPLER_SYNC,         /**< all units at once from the old state */
    SX_SAMPLER_GIBBS_SWEEP,  /**< unit after unit, 0 to n - 1 */
    SX_SAMPLER_GIBBS_RANDOM, /**< n updates of units drawn at random */
    SX_SAMPLER_DETERMINISTIC /**< the map of the means: all units at once, no randomness */
} sx_sampler;
/** Their names in experiment files. */
#define SX_SAMPLER_CHOICES "sync|gibbs-sweep|gibbs-random|deterministic"

/** Options of `free-energy` and `ising`. */
typedef struct sx_sampler_opts {
    size_t struct_size;         /**< sizeof(sx_sampler_opts) */
    int64_t n;                  /**< units; 0 = taken from the coupling */
    double inverse_temperature; /**< beta > 0 */
    sx_values bias;             /**< b: one number or one per unit */
    int sampler;                /**< an sx_sampler */
} sx_sampler_opts;
/** Initialiser; fill in the defaults with sx_fields_default. */
#define SX_SAMPLER_OPTS                                                                                                \
    { sizeof(sx_sampler_opts) }
/** Fields of sx_sampler_opts. */
SX_API extern const sx_field sx_sampler_fields[];

/** Continuous units: s_i drawn with density proportional to exp(theta_i s_i) on [-1, 1], mean coth(theta) - 1/theta (Spisak & Friston,
 *  arXiv 2505.22749). A sampler, or a map if deterministic; the map of the means has derivatives to third order either way. J (NULL: 0)
 *  must have a zero diagonal. Cost of a step: one product with J and n draws a replica. */
SX_API sx_status sx_free_energy_create(sx_ctx *ctx, const sx_sampler_opts *o, const sx_coupling *J,
                                       const char *const *labels, sx_model **out) SX_MUST_USE;
/** Units -1 and 1: s_i = 1 with probability 1 / (1 + exp(-2 theta_i)), mean tanh(theta). Initial states between -1 and 1 are taken as they are
 *  for the first step. */
SX_API sx_status sx_ising_create(sx_ctx *ctx, const sx_sampler_opts *o, const sx_coupling *J, const char *const *labels,
                                 sx_model **out) SX_MUST_USE;

/** What a network of random units is made of; borrowed from the model. */
typedef struct sx_sampler_parts {
    bool ising;                 /**< units -1 and 1; else continuous */
    sx_sampler sampler;         /**< how it draws */
    double inverse_temperature; /**< beta */
    const double *bias;         /**< one per unit */
    const sx_coupling *weights; /**< J, or NULL */
} sx_sampler_parts;
/** The parts of a model of kind `free-energy` or `ising`; false for other kinds. */
SX_API bool sx_sampler_parts_of(const sx_model *m, sx_sampler_parts *out);

#ifdef __cplusplus
}
#endif
#endif
