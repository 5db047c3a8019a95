// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* What the files of `spectrum` share: the instance (immutable during the run), the sections of a point's state, the phases of a point. */
#ifndef SX_ANALYSIS_SPECTRUM_PRIVATE_H
#define SX_ANALYSIS_SPECTRUM_PRIVATE_H

#include <separatrix/noise.h>
#include <separatrix/spectrum.h>

#include "analysis/points.h"
#include "core/krylov.h"
#include "core/spectral_density.h"

/* A point is worked on in this order, one phase or one shuffled copy per call of advance. */
typedef enum sx_spectrum_phase {
    PHASE_SHUFFLES,
    PHASE_MODES,
    PHASE_NONNORMAL,
    PHASE_DENSITY,
    PHASE_DONE
} sx_spectrum_phase;

typedef enum sx_spectrum_part {
    PART_PROGRESS,   /* i64 [2]            phase, shuffled copies done */
    PART_SCALARS,    /* [SCALARS] */
    PART_EIGENVALUE, /* [n][2]             of J, in the order of the modes (dense) */
    PART_MODE,       /* [MODE_NUMBERS][k]  of the reported modes */
    PART_SHUFFLED,   /* [2][shuffles]       slowest rates and their participations */
    PART_PSEUDO,     /* [g][g]             smallest singular value of z - J: rows Im, columns Re */
    PART_DENSITY,    /* what spectrum_measure.c keeps of a stochastic density */
    PART_COUNT
} sx_spectrum_part;

/* Numbers of a point. */
typedef enum sx_spectrum_scalar {
    POINT_MODES,     /* reported */
    POINT_STRUCTURE, /* sx_spectrum_structure */
    POINT_NORM,      /* |J|_2 */
    POINT_SPEED,     /* |F|, or |F - x| of a map */
    POINT_ABSCISSA,
    POINT_HENRICI,
    POINT_KREISS,
    POINT_KREISS_AT,
    POINT_CENTRE, /* elliptic law of the entries of J: centre, sigma, tau */
    POINT_SIGMA,
    POINT_TAU,
    POINT_LAW,  /* 1: drawn */
    POINT_EDGE, /* slowest rate of the null model and its spread */
    POINT_EDGE_SD,
    POINT_LOCALISED, /* participation of the localised states of the shuffled copies */
    POINT_UNCONVERGED,
    POINT_PSEUDO_RE0,
    POINT_PSEUDO_RE1,
    POINT_PSEUDO_IM1,
    SCALARS
} sx_spectrum_scalar;

/* general; J = J^T; G J = (G J)^T with the metric G of the model */
typedef enum sx_spectrum_structure { STRUCTURE_GENERAL, STRUCTURE_SYMMETRIC, STRUCTURE_PENCIL } sx_spectrum_structure;

typedef enum sx_spectrum_number {
    MODE_RATE,
    MODE_FREQUENCY, /* angular */
    MODE_RE,        /* eigenvalue of J */
    MODE_IM,
    MODE_PARTICIPATION,
    MODE_CONDITION,
    MODE_ERROR, /* of the rate */
    MODE_RESOLVED,
    MODE_RESIDUAL,
    MODE_COLLECTIVE,
    MODE_GAP,
    MODE_PERSISTENCE,
    MODE_VARIATION,  /* of the rate while the state moves on */
    MODE_LOCALISED,  /* participation of a localised state as slow as this */
    MODE_EXCITATION, /* variance over the noise floor */
    MODE_VARIANCE,   /* of its amplitude under the model's noise */
    MODE_NUMBERS
} sx_spectrum_number;

typedef struct sx_spectrum {
    sx_spectrum_opts o;
    sx_places places; /* n points; none of them when a reference found nothing */
    char *group;
    sx_key key;
    int64_t n, k;   /* numbers of the state, reported modes */
    int64_t stride; /* a track goes from point p to p + stride: several points per model */
    double range[2], lag_range[2], infrared[2];
    bool map, dense, empty;
    bool noisy;      /* the model has noise with B^T */
    int density;     /* sx_density_method, never AUTO */
    double left_out; /* operations of the density that AUTO found too many; 0: it was not left out */
    double step;     /* duration of a step of a map, 1 for flows */
    sx_section sections[PART_COUNT];
    int section_of[PART_COUNT], n_sections;
    size_t state_bytes;
    int id_right, id_left, id_member;
} sx_spectrum;

static inline double *sx_spectrum_part_at(const sx_spectrum *s, const void *state, sx_spectrum_part part) {
    int i = s->section_of[part];
    return i < 0 ? NULL : (double *)((unsigned char *)(uintptr_t)state + s->sections[i].offset);
}
static inline double *sx_spectrum_mode(const sx_spectrum *s, const void *state, sx_spectrum_number number) {
    return sx_spectrum_part_at(s, state, PART_MODE) + number * s->k;
}

/* J at a point as an operator; scratch is its own. */
typedef struct sx_tangent {
    const sx_model *m;
    const double *x;
    double sign; /* +1, or -1 for L = -J */
    double *scratch;
    int64_t work, block;
    const sx_exec *exec;
} sx_tangent;

/* spectrum_modes.c */
sx_status sx_tangent_create(sx_ctx *ctx, const sx_spectrum *s, int64_t point, double sign, const sx_exec *exec,
                            sx_tangent *out, sx_operator *op) SX_MUST_USE;
void sx_tangent_free(sx_ctx *ctx, sx_tangent *t);
/* Whether the operator is its own transpose, by a random vector. */
sx_status sx_tangent_symmetric(sx_ctx *ctx, const sx_spectrum *s, const sx_operator *op, bool *out) SX_MUST_USE;
/* J as a row-major matrix: of the operation, or its products with unit vectors. */
sx_status sx_spectrum_jacobian(sx_ctx *ctx, const sx_spectrum *s, const sx_model *m, const double *x,
                               const sx_exec *exec, double *J) SX_MUST_USE;
/* Rate and angular frequency of an eigenvalue of J. floor: modulus below which a multiplier has no digits. */
void sx_spectrum_rate(const sx_spectrum *s, double re, double im, double floor, double *rate, double *frequency);
/* All phases write into the state alone, PHASE_MODES vectors and members into the result too. */
sx_status sx_spectrum_modes(sx_ctx *ctx, const sx_spectrum *s, int64_t point, void *state, const sx_exec *exec,
                            sx_result *result) SX_MUST_USE;

/* spectrum_collective.c */
/* The modes of a point while their vectors are there: packed rows, order[j] the row of reported mode j. */
typedef struct sx_mode_set {
    int64_t n;
    const int *order;
    const double *im, *right, *left;
} sx_mode_set;
/* p_u = |w_u v_u| / sum of mode j. */
void sx_spectrum_weights(const sx_mode_set *m, int64_t j, double *p);
sx_status sx_spectrum_collective(sx_ctx *ctx, const sx_spectrum *s, int64_t point, void *state, const sx_mode_set *m,
                                 const sx_exec *exec, sx_result *result) SX_MUST_USE;
/* spectrum_persistence.c: MODE_PERSISTENCE and MODE_VARIATION of all modes; `slow` of them count as slow. */
sx_status sx_spectrum_persistence(sx_ctx *ctx, const sx_spectrum *s, int64_t point, void *state, int64_t slow,
                                  const sx_mode_set *m, const sx_exec *exec) SX_MUST_USE;

/* spectrum_null.c */
/* Rate and participation of the slowest mode of shuffled copy number `copy` of J. */
sx_status sx_spectrum_shuffle(sx_ctx *ctx, const sx_spectrum *s, int64_t point, int64_t copy, void *state,
                              const sx_exec *exec) SX_MUST_USE;
/* POINT_EDGE, POINT_EDGE_SD and POINT_LOCALISED. */
sx_status sx_spectrum_null_model(sx_ctx *ctx, const sx_spectrum *s, void *state) SX_MUST_USE;
/* Participation below which a mode with this eigenvalue may be a localised state of the null model. */
double sx_spectrum_localised(const sx_spectrum *s, const double *scalars, double re, double im);

/* spectrum_law.c */
/* Elliptic law: eigenvalues uniform on the ellipse with centre c (real) and half-axes sigma (1 + tau), sigma (1 - tau). */
sx_status sx_spectrum_entries(sx_ctx *ctx, const sx_spectrum *s, const double *J, void *state) SX_MUST_USE;
/* The same numbers from random products. */
sx_status sx_spectrum_entries_probed(sx_ctx *ctx, const sx_spectrum *s, const sx_operator *op, void *state) SX_MUST_USE;
/* Share of rates below `rate`; slowest rate of the law and its fluctuation at size n. */
double sx_spectrum_law_cumulative(const sx_spectrum *s, const double *scalars, double rate);
void sx_spectrum_law_edge(const sx_spectrum *s, const double *scalars, double *edge, double *sd);
/* Law beside the density: variables and a verdict. */
sx_status sx_spectrum_law_write(sx_ctx *ctx, const sx_spectrum *s, const void *const *states, int64_t bins,
                                const double *edges, sx_result *result) SX_MUST_USE;

/* spectrum_measure.c: what is known of all rates of a point, exactly or by probes. */
int64_t sx_spectrum_density_doubles(const sx_spectrum *s); /* of PART_DENSITY */
sx_status sx_spectrum_density(sx_ctx *ctx, const sx_spectrum *s, int64_t point, void *state,
                              const sx_exec *exec) SX_MUST_USE;
/* Independent estimates: probes of a symmetric J, else 1. */
int sx_spectrum_probes(const sx_spectrum *s);
/* Ends of the spectrum of rates. */
void sx_spectrum_ends(const sx_spectrum *s, const void *state, double *lo, double *hi, double *frequency);
/* Share of rates <= rate[k] (ascending) by one probe. se: NULL, or the error where there is only one estimate (else 0). */
sx_status sx_spectrum_cumulative(sx_ctx *ctx, const sx_spectrum *s, const void *state, int probe, int64_t points,
                                 const double *rate, double *out, double *se) SX_MUST_USE;
/* Rates and their weights (sum 1) by one probe; at most sx_spectrum_atoms_most of them. se as above. */
int64_t sx_spectrum_atoms_most(const sx_spectrum *s);
sx_status sx_spectrum_atoms(sx_ctx *ctx, const sx_spectrum *s, const void *state, int probe, int64_t *n, double *rate,
                            double *weight, double *se) SX_MUST_USE;
/* Weights and their errors added to cells [rate][frequency]; false when only the rates are known. */
bool sx_spectrum_joint(const sx_spectrum *s, const void *state, int64_t rates, const double range[2],
                       int64_t frequencies, double most, double *weight, double *se);

/* spectrum_density.c: common axes, densities, memory kernel, infrared exponent of all points */
sx_status sx_spectrum_density_write(sx_ctx *ctx, const sx_spectrum *s, const void *const *states,
                                    sx_result *result) SX_MUST_USE;

/* Models of kind reentry: radius, rate, frequency and regime of the shell. */
sx_status sx_spectrum_shell(sx_ctx *ctx, const sx_spectrum *s, sx_result *r) SX_MUST_USE;
/* spectrum_track.c: links between the modes of successive points, from the vectors in the result. */
sx_status sx_spectrum_track(sx_ctx *ctx, const sx_spectrum *s, const void *const *states,
                            sx_result *result) SX_MUST_USE;

/* spectrum_finish.c */
sx_status sx_spectrum_define(sx_ctx *ctx, void *instance, sx_result *result);
sx_status sx_spectrum_finish(sx_ctx *ctx, const void *instance, const void *const *states, sx_result *result);
/* Define and write a variable of the group. */
sx_status sx_spectrum_put(sx_ctx *ctx, const sx_spectrum *s, sx_result *r, const char *name, const char *dims,
                          const char *units, const char *help, const double *data) SX_MUST_USE;

#endif
