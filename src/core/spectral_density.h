// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Densities of eigenvalues by random probes, each with its standard error over probes.
 * Symmetric operators: kernel polynomial method (A. Weisse, G. Wellein, A. Alvermann, H. Fehske, Rev. Mod. Phys. 78 (2006) 275) and stochastic
 * Lanczos quadrature (S. Ubaru, J. Chen, Y. Saad, SIAM J. Matrix Anal. Appl. 38 (2017) 1075). Any operator: the Hermitised resolvent
 * (J. Feinberg, A. Zee, Nucl. Phys. B 504 (1997) 579). The standard errors are those of the probes alone: `probes` = 1 gives NaN. */
#ifndef SX_CORE_SPECTRAL_DENSITY_H
#define SX_CORE_SPECTRAL_DENSITY_H

#include "core/krylov.h"

/* Bounds of the spectrum of a symmetric operator from `steps` Lanczos steps (0: 40), widened by 1 % of the range and by the residuals. */
sx_status sx_spectral_bounds(sx_ctx *ctx, const sx_operator *a, int steps, sx_key key, double *lower,
                             double *upper) SX_MUST_USE;

/* -- kernel polynomial method --------------------------------------------------------------------------------------------------------- */

/* mu_n = z^T T_n(A~) z / n for Rademacher probes z, A~ = (2 A - (lower + upper)) / (upper - lower). */
typedef struct sx_moments {
    int probes, moments;
    double lower, upper;
    double *mu; /* [probes][moments]; mu_0 = 1 */
} sx_moments;
/* probes 0: 16; moments 0: 512 (even). lower >= upper: found by sx_spectral_bounds. Cost: moments/2 products per probe; memory 4 x 8 vectors. */
sx_status sx_moments_create(sx_ctx *ctx, const sx_operator *a, int probes, int moments, double lower, double upper,
                            sx_key key, sx_moments *out) SX_MUST_USE;
void sx_moments_free(sx_ctx *ctx, sx_moments *m);
/* Density per unit of lambda and its cumulative at points x, Jackson kernel, outside of [lower, upper] 0 and 0 or 1. se may be NULL. The
 * resolution is about pi (upper - lower) / (2 moments). */
sx_status sx_moments_density(sx_ctx *ctx, const sx_moments *m, int64_t points, const double *x, double *density,
                             double *se) SX_MUST_USE;
sx_status sx_moments_cumulative(sx_ctx *ctx, const sx_moments *m, int64_t points, const double *x, double *cumulative,
                                double *se) SX_MUST_USE;

/* -- stochastic Lanczos quadrature ---------------------------------------------------------------------------------------------------- */

/* For every probe the Gauss rule of its spectral measure: nodes (Ritz values, ascending) and weights (sum 1). */
typedef struct sx_quadrature {
    int probes, steps;
    int64_t n;
    int *size;        /* [probes] nodes of the probe, steps unless the space became invariant */
    double *node;     /* [probes][steps] */
    double *weight;   /* [probes][steps] */
    double *residual; /* [probes][steps] beta_m |e_m . y|: |A u - theta u| of the Ritz vector u */
} sx_quadrature;
/* Full reorthogonalisation. probes 0: 16; steps 0: 120 (at most n). Memory: steps + 2 vectors per probe, one probe at a time (up to 8 when they fit
 * into 64 MiB). */
sx_status sx_quadrature_create(sx_ctx *ctx, const sx_operator *a, int probes, int steps, sx_key key,
                               sx_quadrature *out) SX_MUST_USE;
void sx_quadrature_free(sx_ctx *ctx, sx_quadrature *q);
/* tr f(A) / n = sum_k w_k f(theta_k), mean over probes. se may be NULL. */
sx_status sx_quadrature_trace(sx_ctx *ctx, const sx_quadrature *q, double (*f)(double x, const void *arg),
                              const void *arg, double *mean, double *se) SX_MUST_USE;
/* Memory kernel K(t) = tr e^{-A t} / n. */
sx_status sx_quadrature_kernel(sx_ctx *ctx, const sx_quadrature *q, int64_t lags, const double *t, double *kernel,
                               double *se) SX_MUST_USE;
/* Cumulative: for each probe half the weight of a node counts at the node itself and it is interpolated linearly between nodes, except across
 * converged ones (atoms), which are steps. Its integral over bins is the density: weight between edges / width, edges ascending. */
sx_status sx_quadrature_cumulative(sx_ctx *ctx, const sx_quadrature *q, int64_t points, const double *x,
                                   double *cumulative, double *se) SX_MUST_USE;
sx_status sx_quadrature_density(sx_ctx *ctx, const sx_quadrature *q, int64_t bins, const double *edges, double *density,
                                double *se) SX_MUST_USE;
/* Ritz values of any probe with residual <= tolerance: eigenvalues of A. Values within `tolerance` of each other are one atom: the one of the
 * smallest residual, its weight (multiplicity / n) averaged over all probes. At most `most`, ascending; *count of them were found. */
sx_status sx_quadrature_atoms(sx_ctx *ctx, const sx_quadrature *q, double tolerance, int most, double *value,
                              double *weight, double *residual, int *count) SX_MUST_USE;

/* -- any operator: Hermitised resolvent ------------------------------------------------------------------------------------------------- */

typedef struct sx_joint_opts {
    int probes;            /* 0: 4 */
    int steps;             /* Lanczos steps per point of the plane; 0: 40 */
    double x0, x1, y1;     /* box of the spectrum: Re in [x0, x1], |Im| <= y1; x0 >= x1: from Ritz values, widened */
    double width;          /* standard deviation of the smoothing, absolute; 0: 0.05 * radius of the box */
    double regularisation; /* eta of log((z - A)^H (z - A) + eta^2); 0: 0.2 width */
    sx_key key;
    const char *what; /* of progress reports; NULL: none */
} sx_joint_opts;

/* rho(z) = (1/2 pi n) Laplacian of log |det(z - A)|, smoothed with a Gaussian of standard deviation `width` in both directions, on a square grid
 * of step `width`: x ascending, y from -y1 to y1 (the upper half is computed, the lower is its mirror image since A is real). */
typedef struct sx_joint_density {
    int64_t nx, ny;
    double width, regularisation, radius; /* radius: half of the larger side of the box */
    double *x, *y;                        /* [nx], [ny] */
    double *density, *density_se;         /* [nx][ny] per unit area */
    double *marginal, *marginal_se;       /* [nx] density of Re lambda */
    double *cumulative, *cumulative_se;   /* [nx] share of eigenvalues with Re lambda <= x */
    double mass, mass_se;                 /* integral; 1 up to what lies outside of the box */
} sx_joint_density;
/* Needs the adjoint. Cost: points of the upper half plane x probes x steps x 4 products; memory 8 x 4 vectors. */
sx_status sx_joint_density_create(sx_ctx *ctx, const sx_operator *a, const sx_joint_opts *o,
                                  sx_joint_density *out) SX_MUST_USE;
void sx_joint_density_free(sx_ctx *ctx, sx_joint_density *d);

/* -- slow edge ------------------------------------------------------------------------------------------------------------------------- */

/* Exponent of rho(lambda) ~ lambda^beta between lower and upper by maximum likelihood of the truncated power law: with y = ln(lambda/lower) and
 * L = ln(upper/lower), s = 1 + beta solves mean(y) = L/(1 - e^{-s L}) - 1/s. weight: NULL, or modes per rate. */
typedef struct sx_power_law {
    double exponent, se; /* beta = s - 1; NaN when fewer than two rates lie inside */
    double count;        /* rates (sum of weights) inside of the window */
} sx_power_law;
sx_status sx_power_law_fit(sx_ctx *ctx, int64_t n, const double *rate, const double *weight, double lower, double upper,
                           sx_power_law *out) SX_MUST_USE;
/* Its memory kernel: K(t) = s t^-s [gamma(s, upper t) - gamma(s, lower t)] / (upper^s - lower^s), K(0) = 1; s = 1 + exponent > 0 (lower may be 0).
 * gamma is the lower incomplete gamma function. The log-slope of K is not constant inside of the window: compare with this, not a line. */
double sx_power_law_kernel(double exponent, double lower, double upper, double t);

#endif
