// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Outputs of `spectrum`: definition of what is written while running, and the numbers of all points and modes. */
#include "spectrum_private.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

sx_status sx_spectrum_put(sx_ctx *ctx, const sx_spectrum *s, sx_result *r, const char *name, const char *dims,
                          const char *units, const char *help, const double *data) {
    return sx_result_put(ctx, r, s->group, name, dims, units, help, data);
}

static const char *density_method(const sx_spectrum *s) {
    switch ((sx_density_method)s->density) {
    case SX_DENSITY_DENSE:
        return "counts of all eigenvalues";
    case SX_DENSITY_KERNEL_POLYNOMIAL:
        return "kernel polynomial method";
    case SX_DENSITY_LANCZOS:
        return "stochastic Lanczos quadrature";
    case SX_DENSITY_RESOLVENT:
        return "Hermitised resolvent";
    case SX_DENSITY_AUTO:
    case SX_DENSITY_NONE:
        break;
    }
    return "none";
}

sx_status sx_spectrum_define(sx_ctx *ctx, void *instance, sx_result *r) {
    sx_spectrum *s = instance;
    int64_t points = s->empty ? 0 : s->places.n;
    SX_TRY(ctx, sx_result_attr_text(ctx, r, s->group, NULL, "task", "spectrum"));
    SX_TRY(ctx, sx_result_attr_text(ctx, r, s->group, NULL, "drift", "F"));
    SX_TRY(ctx, sx_result_attr_text(ctx, r, s->group, NULL, "method", s->dense ? "dense" : "krylov"));
    SX_TRY(ctx, sx_result_attr_text(ctx, r, s->group, NULL, "density", density_method(s)));
    SX_TRY(ctx, sx_result_attr_text(ctx, r, s->group, NULL, "time", s->map ? "discrete" : "continuous"));
    if (s->map) SX_TRY(ctx, sx_result_attr_number(ctx, r, s->group, NULL, "time_step", s->step));
    if (!s->dense) SX_TRY(ctx, sx_result_attr_number(ctx, r, s->group, NULL, "tolerance", s->o.tolerance));
    if (points == 0) return SX_OK;
    SX_TRY(ctx, sx_result_dim(ctx, r, "", "unit", s->n));
    SX_TRY(ctx, sx_result_dim(ctx, r, s->group, "point", points));
    SX_TRY(ctx, sx_result_dim(ctx, r, s->group, "mode", s->k));
    sx_var right = { .name = "right",
                     .dims = "point,mode,unit,complex",
                     .dtype = SX_DT_F64,
                     .units = "1",
                     .long_name = "right eigenvectors, J v = zeta v, |v| = 1, largest component real and positive",
                     .stored = true };
    sx_var left = { .name = "left",
                    .dims = "point,mode,unit,complex",
                    .dtype = SX_DT_F64,
                    .units = "1",
                    .long_name = "left eigenvectors, w^H J = zeta w^H, w^H v = 1",
                    .stored = true };
    sx_var member = { .name = "member",
                      .dims = "point,mode,unit",
                      .dtype = SX_DT_U8,
                      .units = "1",
                      .long_name = "1 for units with p_u > 1/N of a collective mode",
                      .stored = true };
    if (s->o.vectors || s->dense) SX_TRY(ctx, sx_result_dim(ctx, r, "", "complex", 2));
    if (s->o.vectors) {
        SX_TRY(ctx, sx_result_define(ctx, r, s->group, &right, &s->id_right));
        SX_TRY(ctx, sx_result_define(ctx, r, s->group, &left, &s->id_left));
    }
    return s->o.collective ? sx_result_define(ctx, r, s->group, &member, &s->id_member) : SX_OK;
}

/* One number of every point. */
static sx_status put_scalar(sx_ctx *ctx, const sx_spectrum *s, const void *const *states, sx_result *r,
                            const char *name, const char *units, const char *help, sx_spectrum_scalar which) {
    double *v = NULL;
    SX_TRY(ctx, sx_alloc(ctx, s->places.n, sizeof *v, &v));
    for (int64_t p = 0; p < s->places.n; p++) v[p] = sx_spectrum_part_at(s, states[p], PART_SCALARS)[which];
    sx_status status = sx_spectrum_put(ctx, s, r, name, "point", units, help, v);
    sx_free(ctx, v);
    return status;
}

/* One number of every mode; as u8 when it is a flag. */
static sx_status put_mode(sx_ctx *ctx, const sx_spectrum *s, const void *const *states, sx_result *r, const char *name,
                          const char *units, const char *help, sx_spectrum_number which) {
    bool flag = which == MODE_RESOLVED || which == MODE_COLLECTIVE;
    sx_var var = {
        .name = name, .dims = "point,mode", .dtype = flag ? SX_DT_U8 : SX_DT_F64, .units = units, .long_name = help
    };
    unsigned char *bits = NULL;
    int id;
    sx_status status;
    SX_GO(ctx, status, done, sx_result_define(ctx, r, s->group, &var, &id));
    SX_GO(ctx, status, done, sx_alloc(ctx, s->k, 1, &bits));
    for (int64_t p = 0; p < s->places.n; p++) {
        int64_t start[2] = { p, 0 }, count[2] = { 1, s->k };
        const double *v = sx_spectrum_mode(s, states[p], which);
        for (int64_t j = 0; flag && j < s->k; j++) bits[j] = v[j] > 0;
        SX_GO(ctx, status, done, sx_result_write(ctx, r, id, start, count, flag ? (const void *)bits : v));
    }
done:
    sx_free(ctx, bits);
    return status;
}

static sx_status write_modes(sx_ctx *ctx, const sx_spectrum *s, const void *const *states, sx_result *r) {
    static const struct {
        const char *name, *units, *help;
        sx_spectrum_number which;
    } numbers[] = {
        { "relaxation_rate", "1/time", "relaxation rate of a mode, the slowest first; negative: it grows", MODE_RATE },
        { "angular_frequency", "1/time", "angular frequency of a mode", MODE_FREQUENCY },
        { "rate_error", "1/time", "bound of rounding error and residual of the rate", MODE_ERROR },
        { "resolved", "1", "1 where the rate is at least 10 times its error", MODE_RESOLVED },
        { "participation", "1", "number of units that take part in a mode", MODE_PARTICIPATION },
        { "condition", "1", "condition of the eigenvalue, |w| |v| / |w^H v|", MODE_CONDITION },
        { "gap", "1/time", "next larger rate minus the rate", MODE_GAP },
    };
    for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++)
        SX_TRY(ctx, put_mode(ctx, s, states, r, numbers[k].name, numbers[k].units, numbers[k].help, numbers[k].which));
    if (!s->dense)
        SX_TRY(ctx, put_mode(ctx, s, states, r, "residual", s->map ? "1" : "1/time", "|J v - zeta v|", MODE_RESIDUAL));
    if (s->noisy)
        SX_TRY(ctx, put_mode(ctx, s, states, r, "mode_variance", "state^2",
                             "variance of the amplitude w^H (x - x*) of a mode under the noise, linear theory",
                             MODE_VARIANCE));
    if (!s->o.collective) return SX_OK;
    SX_TRY(ctx, put_mode(ctx, s, states, r, "collective", "1", "1 for collective slow modes", MODE_COLLECTIVE));
    SX_TRY(ctx, put_mode(ctx, s, states, r, "persistence", "1",
                         "overlap of a mode with the slow modes one relaxation time later", MODE_PERSISTENCE));
    SX_TRY(ctx, put_mode(ctx, s, states, r, "rate_variation", "1",
                         "relative change of the rate of a slow mode while the state moves on", MODE_VARIATION));
    if (s->noisy)
        SX_TRY(ctx, put_mode(ctx, s, states, r, "excitation", "1", "variance of a mode over the noise floor",
                             MODE_EXCITATION));
    if (s->o.null == SX_NULL_GAP) return SX_OK;
    SX_TRY(ctx, put_mode(ctx, s, states, r, "null_participation", "1",
                         "95 % quantile of the participation of localised states of the null model", MODE_LOCALISED));
    SX_TRY(ctx, put_scalar(ctx, s, states, r, "null_rate", "1/time", "slowest rate of the null model", POINT_EDGE));
    return put_scalar(ctx, s, states, r, "null_rate_sd", "1/time",
                      "standard deviation of the slowest rate of the null model", POINT_EDGE_SD);
}

/* Which point of the earlier task each point was: of a trajectory, replica times samples plus sample. */
static sx_status write_source(sx_ctx *ctx, const sx_spectrum *s, sx_result *r) {
    sx_var var = { .name = "source_index",
                   .dims = "point",
                   .dtype = SX_DT_I64,
                   .units = "1",
                   .long_name = "number of the point in the task that found it" };
    int id;
    if (!s->o.at.task || s->o.at.n < 1 || !s->o.at.index) return SX_OK;
    SX_TRY(ctx, sx_result_define(ctx, r, s->group, &var, &id));
    SX_TRY(ctx, sx_result_write(ctx, r, id, NULL, NULL, s->o.at.index));
    return sx_result_attr_text(ctx, r, s->group, "source_index", "task", s->o.at.task);
}

/* All eigenvalues of J, and how many modes grow. */
static sx_status write_eigenvalues(sx_ctx *ctx, const sx_spectrum *s, const void *const *states, sx_result *r) {
    sx_var var = { .name = "eigenvalue",
                   .dims = "point,eigenvalue_index,complex",
                   .dtype = SX_DT_F64,
                   .units = s->map ? "1" : "1/time",
                   .long_name = s->map ? "multipliers: eigenvalues of the Jacobian of one step"
                                       : "eigenvalues of the Jacobian" };
    double *unstable = NULL;
    int id;
    sx_status status;
    if (!s->dense) return SX_OK;
    SX_GO(ctx, status, done, sx_result_dim(ctx, r, s->group, "eigenvalue_index", s->n));
    SX_GO(ctx, status, done, sx_result_define(ctx, r, s->group, &var, &id));
    SX_GO(ctx, status, done, sx_alloc(ctx, s->places.n, sizeof *unstable, &unstable));
    for (int64_t p = 0; p < s->places.n; p++) {
        const double *zeta = sx_spectrum_part_at(s, states[p], PART_EIGENVALUE);
        int64_t start[3] = { p, 0, 0 }, count[3] = { 1, s->n, 2 };
        double rate, frequency;
        SX_GO(ctx, status, done, sx_result_write(ctx, r, id, start, count, zeta));
        for (int64_t i = 0; i < s->n; i++) {
            sx_spectrum_rate(s, zeta[2 * i], zeta[2 * i + 1], 1e-300, &rate, &frequency);
            unstable[p] += rate < 0;
        }
    }
    SX_GO(ctx, status, done, sx_spectrum_put(ctx, s, r, "n_unstable", "point", "1", "modes that grow", unstable));
done:
    sx_free(ctx, unstable);
    return status;
}

static sx_status write_non_normality(sx_ctx *ctx, const sx_spectrum *s, const void *const *states, sx_result *r) {
    if (!s->o.non_normality) return SX_OK;
    SX_TRY(ctx,
           put_scalar(ctx, s, states, r, "numerical_abscissa", "1/time",
                      s->map ? "ln of the largest growth of |x| in one step" : "largest initial growth rate of |x|",
                      POINT_ABSCISSA));
    SX_TRY(ctx, put_scalar(ctx, s, states, r, "kreiss_bound", "1",
                           "lower bound of the Kreiss constant and of transient growth", POINT_KREISS));
    if (!s->dense) return SX_OK;
    return put_scalar(ctx, s, states, r, "henrici", s->map ? "1" : "1/time", "departure of the Jacobian from normality",
                      POINT_HENRICI);
}

static sx_status write_pseudospectrum(sx_ctx *ctx, const sx_spectrum *s, const void *const *states, sx_result *r) {
    int64_t g = s->o.pseudospectrum, points = s->places.n;
    const char *units = s->map ? "1" : "1/time";
    double *v = NULL;
    sx_status status = SX_OK;
    if (g == 0) return SX_OK;
    SX_GO(ctx, status, done, sx_result_dim(ctx, r, s->group, "row", g));
    SX_GO(ctx, status, done, sx_result_dim(ctx, r, s->group, "column", g));
    SX_GO(ctx, status, done, sx_alloc(ctx, points * g * g, sizeof *v, &v));
    for (int64_t p = 0; p < points; p++)
        memcpy(v + p * g * g, sx_spectrum_part_at(s, states[p], PART_PSEUDO), sizeof(double) * (size_t)(g * g));
    SX_GO(
        ctx, status, done,
        sx_spectrum_put(ctx, s, r, "pseudospectrum", "point,row,column", units, "smallest singular value of z - J", v));
    for (int axis = 0; axis < 2; axis++) {
        for (int64_t p = 0; p < points; p++) {
            const double *scalars = sx_spectrum_part_at(s, states[p], PART_SCALARS);
            double from = axis ? -scalars[POINT_PSEUDO_IM1] : scalars[POINT_PSEUDO_RE0],
                   to = axis ? scalars[POINT_PSEUDO_IM1] : scalars[POINT_PSEUDO_RE1];
            for (int64_t k = 0; k < g; k++)
                v[p * g + k] = g > 1 ? from + (to - from) * (double)k / (double)(g - 1) : from;
        }
        SX_GO(ctx, status, done,
              sx_spectrum_put(ctx, s, r, axis ? "pseudospectrum_im" : "pseudospectrum_re",
                              axis ? "point,row" : "point,column", units,
                              axis ? "imaginary part of z" : "real part of z", v));
    }
done:
    sx_free(ctx, v);
    return status;
}

static sx_status warn(sx_ctx *ctx, const sx_spectrum *s, const void *const *states, sx_result *r) {
    if (s->left_out > 0)
        SX_TRY(ctx, sx_result_warn(ctx, r, s->group,
                                   "no density of rates: it would take about %.1g operations at this size; density = "
                                   "\"resolvent\" asks for it",
                                   s->left_out * (double)s->places.n));
    for (int64_t p = 0; p < s->places.n; p++) {
        const double *scalars = sx_spectrum_part_at(s, states[p], PART_SCALARS),
                     *resolved = sx_spectrum_mode(s, states[p], MODE_RESOLVED);
        int64_t count = (int64_t)scalars[POINT_MODES], blurred = 0;
        if (scalars[POINT_UNCONVERGED] > 0)
            SX_TRY(ctx,
                   sx_result_warn(
                       ctx, r, s->group,
                       "point %lld: %lld of %lld modes did not converge to a residual of %g |J|; they are left out",
                       (long long)p, (long long)scalars[POINT_UNCONVERGED], (long long)s->k, s->o.tolerance));
        for (int64_t j = 0; j < count; j++) blurred += resolved[j] == 0;
        if (blurred > 0)
            SX_TRY(ctx,
                   sx_result_warn(ctx, r, s->group,
                                  "point %lld: %lld of %lld rates are smaller than 10 times their error (resolved = 0)",
                                  (long long)p, (long long)blurred, (long long)count));
    }
    return SX_OK;
}

sx_status sx_spectrum_finish(sx_ctx *ctx, const void *instance, const void *const *states, sx_result *r) {
    const sx_spectrum *s = instance;
    if (s->empty)
        return sx_result_warn(ctx, r, s->group, "the task '%s' found no points: there is no spectrum", s->o.at.task);
    SX_TRY(ctx, sx_spectrum_put(ctx, s, r, "x", "point,unit", "state", "the points", s->places.x));
    SX_TRY(ctx, write_source(ctx, s, r));
    SX_TRY(ctx, put_scalar(ctx, s, states, r, "n_mode", "1", "modes reported", POINT_MODES));
    SX_TRY(ctx, put_scalar(ctx, s, states, r, "speed", s->map ? "state" : "state/time",
                           s->map ? "|F - x| at the point" : "|F| at the point", POINT_SPEED));
    SX_TRY(ctx, write_modes(ctx, s, states, r));
    SX_TRY(ctx, write_eigenvalues(ctx, s, states, r));
    SX_TRY(ctx, write_non_normality(ctx, s, states, r));
    SX_TRY(ctx, write_pseudospectrum(ctx, s, states, r));
    SX_TRY(ctx, sx_spectrum_density_write(ctx, s, states, r));
    SX_TRY(ctx, sx_spectrum_shell(ctx, s, r));
    if (s->o.track) SX_TRY(ctx, sx_spectrum_track(ctx, s, states, r));
    return warn(ctx, s, states, r);
}
