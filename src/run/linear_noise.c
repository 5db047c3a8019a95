// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Linear-noise theory beside the statistics of a simulation.
 *
 * Linear model: the stationary law of the scheme itself, exact at finite dt (scheme_law.h).
 * Other models: fixed point F(x*) = 0 by Newton from the measured mean, J = dF/dx, and J C + C J^T + 2 D(x*) = 0
 * (theory/unified-dynamics section 5; van Kampen, ch. X): right to leading order in the noise. */
#include "simulate_private.h"

#include "core/mutant.h"

#include "core/linalg.h"
#include "run/scheme_law.h"

#include <math.h>
#include <string.h>

#define LIMIT        1000 /* units; O(n^3) time, O(n^2) memory */
#define NEWTON_STEPS 50

static sx_batch batch(double *x, int64_t n, int64_t b) {
    return (sx_batch){ x, n, b };
}

static sx_status scheme_law(sx_ctx *ctx, const sx_simulation *s, double *mean, double *C) {
    sx_scheme scheme = { 0 };
    SX_TRY(ctx, sx_scheme_read(ctx, s->stepper, s->n, &scheme));
    sx_status status = sx_scheme_stationary(ctx, &scheme, mean, C, NULL);
    sx_scheme_free(ctx, &scheme);
    return status;
}

/* Damped Newton on F(x) = 0 from x; *found false when it does not reach 1e-12 of the state's scale. J is left at the root. */
static sx_status newton(sx_ctx *ctx, const sx_model *model, int64_t n, double *x, double *J, double *F, double *dx,
                        sx_work w, bool *found) {
    const sx_model_ops *ops = sx_model_operations(model);
    *found = false;
    for (int k = 0; k < NEWTON_STEPS; k++) {
        sx_model_F(model, 0, (sx_cbatch){ x, n, 1 }, batch(F, n, 1), w);
        ops->jacobian(sx_model_self(model), 0, x, J, w);
        if (sx_solve(ctx, n, 1, J, F, dx) < 0) {
            sx_ctx_clear(ctx);
            return SX_OK;
        }
        double step = 0, scale = 1;
        for (int64_t u = 0; u < n; u++) {
            step = fmax(step, fabs(dx[u]));
            scale = fmax(scale, fabs(x[u]));
        }
        if (!isfinite(step)) return SX_OK;
        double damp = step > scale ? scale / step : 1;
        for (int64_t u = 0; u < n; u++) x[u] -= damp * dx[u];
        if (step < 1e-12 * scale) {
            ops->jacobian(sx_model_self(model), 0, x, J, w);
            *found = true;
            return SX_OK;
        }
    }
    return SX_OK;
}

static sx_status fixed_point_law(sx_ctx *ctx, const sx_simulation *s, double *mean, double *C, const char **why,
                                 bool *found) {
    int64_t n = s->n, rank = sx_noise_rank(sx_model_noise(s->model)), b = rank > 8 ? rank : 8,
            work = sx_model_work(s->model, b);
    const sx_noise *noise = sx_model_noise(s->model);
    double *J = NULL, *Q = NULL, *v = NULL, *w = NULL, *xb = NULL, *scratch = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, n * n, sizeof *J, &J));
    SX_GO(ctx, status, done, sx_alloc(ctx, n * n, sizeof *Q, &Q));
    SX_GO(ctx, status, done, sx_alloc(ctx, 2 * n, sizeof *v, &v));
    SX_GO(ctx, status, done, sx_alloc(ctx, rank * b, sizeof *w, &w));
    SX_GO(ctx, status, done, sx_alloc(ctx, 2 * n * b, sizeof *xb, &xb));
    SX_GO(ctx, status, done, sx_alloc(ctx, work, sizeof *scratch, &scratch));
    sx_work wk = { .p = scratch, .doubles = work };
    SX_GO(ctx, status, done, newton(ctx, s->model, n, mean, J, v, v + n, wk, found));
    if (!*found) {
        *why = "no fixed point was found near the mean";
        goto done;
    }
    for (int64_t u = 0; u < n; u++)
        for (int64_t k = 0; k < b; k++) xb[u * b + k] = mean[u];
    for (int64_t k = 0; k < rank; k++) w[k * b + k] = 1;
    sx_noise_operations(noise)->B(sx_noise_self(noise), 0, (sx_cbatch){ xb, n, b }, (sx_cbatch){ w, rank, b },
                                  batch(xb + n * b, n, b), wk);
    for (int64_t u = 0; u < n; u++)
        for (int64_t k = rank; k < b; k++) xb[n * b + u * b + k] = 0;
    sx_gemm(false, true, n, n, b, SX_MUTANT(linear_noise_2D) ? 1 : 2, xb + n * b, b, xb + n * b, b, 0, Q, n);
    if (sx_lyapunov(ctx, n, J, Q, C) < 0) {
        sx_ctx_clear(ctx);
        *found = false;
        *why = "the linearisation at the fixed point is marginal";
        goto done;
    }
    for (int64_t u = 0; u < n; u++)
        if (!(C[u * n + u] >= 0)) {
            *found = false;
            *why = "the fixed point nearest to the mean is unstable";
        }
done:
    sx_free(ctx, scratch);
    sx_free(ctx, xb);
    sx_free(ctx, w);
    sx_free(ctx, v);
    sx_free(ctx, Q);
    sx_free(ctx, J);
    return status;
}

sx_status sx_linear_noise(sx_ctx *ctx, const sx_simulation *s, const double *near, double *mean, double *C,
                          const char **source, bool *found) {
    const sx_noise *noise = sx_model_noise(s->model);
    sx_noise_class cls = sx_noise_class_of(noise);
    bool linear = strcmp(sx_model_name(s->model), "linear") == 0;
    bool additive = cls == SX_NOISE_ADDITIVE_DIAGONAL || cls == SX_NOISE_ADDITIVE_MATRIX;
    sx_method method = sx_stepper_method(s->stepper);
    *found = false;
    if (s->n > LIMIT) {
        *source = "more than 1000 units";
        return SX_OK;
    }
    if (cls == SX_NOISE_NONE) {
        *source = "the model has no noise";
        return SX_OK;
    }
    if (linear && additive && method != SX_METHOD_LEIMKUHLER_MATTHEWS) {
        sx_status status = scheme_law(ctx, s, mean, C);
        *found = status == SX_OK;
        *source = "stationary law of the scheme, exact at this dt";
        if (status != SX_E_NUMERIC) return status;
        sx_ctx_clear(ctx);
        *source = "the scheme has no stationary law at this dt (spectral radius of a step >= 1)";
        return SX_OK;
    }
    if (sx_model_kind(s->model) != SX_FLOW || !sx_model_has(s->model, "jacobian")) {
        *source = "linear-noise theory is for flows with a Jacobian";
        return SX_OK;
    }
    *source = "linear-noise theory at the fixed point (Lyapunov equation)";
    memcpy(mean, near, sizeof(double) * (size_t)s->n);
    return fixed_point_law(ctx, s, mean, C, source, found);
}
