// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Noise-free flows x' = F(t, x): the classical Runge-Kutta method of order 4 and the Dormand-Prince pair 5(4).
 * Sources: Hairer, Norsett & Wanner, Solving Ordinary Differential Equations I, II.1, II.4, II.5 and code DOPRI5;
 * Dormand & Prince, J. Comp. Appl. Math. 6 (1980) 19. */
#include "run/stepper_private.h"

#include <separatrix/vmath.h>

#include <string.h>

/* y = x + h sum_j a_j k_j; the sum runs in the order of j. y may equal x. */
static void combine(int64_t size, const double *x, double h, int stages, const double *a, const double *k,
                    int64_t stride, double *y) {
    enum { CHUNK = 256 };
    double sum[CHUNK];
    for (int64_t first = 0; first < size; first += CHUNK) {
        const int64_t count = size - first < CHUNK ? size - first : CHUNK;
        for (int64_t i = 0; i < count; i++) sum[i] = 0.0;
        for (int j = 0; j < stages; j++) {
            const double *kj = k + j * stride + first;
            const double aj = a[j];
            if (aj == 0.0) continue;
            for (int64_t i = 0; i < count; i++) sum[i] += aj * kj[i];
        }
        for (int64_t i = 0; i < count; i++) y[first + i] = x[first + i] + h * sum[i];
    }
}

/* Batches: k1..k4, y. */
void sx_step_rk4_(const sx_stepper *s, double t, sx_batch x, const double *n1, const double *n2, double *p, sx_work w) {
    static const double weight[4] = { 1.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 6 };
    static const double node[4] = { 0.0, 0.5, 0.5, 1.0 };
    const int64_t size = s->n * x.b, stride = sx_stride_(s, x.b);
    sx_batch y = sx_as_batch_(p + 4 * stride, s->n, x.b);
    (void)n1;
    (void)n2;
    sx_model_F(s->m, t, sx_const_batch(x), sx_as_batch_(p, s->n, x.b), w);
    for (int j = 1; j < 4; j++) {
        s->k->lincomb(size, 1.0, x.x, node[j] * s->h, p + (j - 1) * stride, y.x);
        sx_model_F(s->m, SX_MUTANT(rk4_time) ? t : t + node[j] * s->h, sx_const_batch(y),
                   sx_as_batch_(p + j * stride, s->n, x.b), w);
    }
    combine(size, x.x, s->h, 4, weight, p, stride, x.x);
}

/* -- Dormand-Prince 5(4) --------------------------------------------------------------------------------------------------- */

enum { STAGES = 7 };
static const double dp_c[STAGES] = { 0, 1.0 / 5, 3.0 / 10, 4.0 / 5, 8.0 / 9, 1, 1 };
static const double dp_a[STAGES][STAGES - 1] = {
    { 0 },
    { 1.0 / 5 },
    { 3.0 / 40, 9.0 / 40 },
    { 44.0 / 45, -56.0 / 15, 32.0 / 9 },
    { 19372.0 / 6561, -25360.0 / 2187, 64448.0 / 6561, -212.0 / 729 },
    { 9017.0 / 3168, -355.0 / 33, 46732.0 / 5247, 49.0 / 176, -5103.0 / 18656 },
    { 35.0 / 384, 0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784, 11.0 / 84 },
};
/* fifth minus fourth order weights */
static const double dp_e[STAGES] = { 71.0 / 57600,      0,          -71.0 / 16695, 71.0 / 1920,
                                     -17253.0 / 339200, 22.0 / 525, -1.0 / 40 };

/* x^p for x > 0 with the library's own functions: the same bits on every CPU. */
static double power(double x, double p) {
    return sx_exp(p * sx_log1(x));
}

/* Largest root-mean-square error of a column in units of atol + rtol max(|x|, |y|). sum: b numbers. */
static double error_norm(const sx_stepper *s, int64_t b, const double *x, const double *y, const double *e,
                         double *sum) {
    double worst = 0;
    for (int64_t r = 0; r < b; r++) sum[r] = 0;
    for (int64_t u = 0; u < s->n; u++) {
        for (int64_t r = 0; r < b; r++) {
            const int64_t i = u * b + r;
            const double ax = fabs(x[i]), ay = fabs(y[i]), v = e[i] / (s->atol + s->rtol * (ax > ay ? ax : ay));
            sum[r] += v * v;
        }
    }
    for (int64_t r = SX_MUTANT(dopri_norm); r < b; r++)
        if (!(sum[r] <= worst)) worst = sum[r]; /* a NaN stays */
    return sqrt(worst / (double)s->n);
}

/* One output step from t to t_end = t + h in substeps of controlled error (PI controller of DOPRI5: safety 0.9, beta 0.04, factors
 * 0.2 to 10). The first substep tried is all of h, and the last one ends at t_end: nothing is carried from one output step to the
 * next but k1 = F(t_end, x), which is the same number when computed anew. So advancing N steps equals advancing a and N - a.
 * Batches: k1..k7, y, error (its first b numbers are sums before). */
static sx_status output_step(sx_ctx *ctx, const sx_stepper *s, double t, double t_end, sx_batch x, double *k,
                             sx_work w) {
    const double beta = 0.04, exponent = 0.2 - 0.75 * beta, safety = 0.9;
    const int64_t size = s->n * x.b, stride = sx_stride_(s, x.b);
    const double h = s->h;
    double *e = k + 8 * stride, *sums = k + 9 * stride;
    sx_batch y = sx_as_batch_(k + 7 * stride, s->n, x.b);
    double done = 0, hs = h, last_error = 1e-4;
    bool rejected = false;
    for (int64_t tries = 0;; tries++) {
        const bool final = done + 1.01 * hs >= h;
        if (final) hs = h - done;
        if (tries >= 1000000 || !(hs > 0x1p-48 * h))
            return SX_FAIL(
                ctx, SX_E_NUMERIC,
                "dormand-prince: substep %g near t = %g does not reach rtol = %g, atol = %g (blow-up, or stiff: "
                "method = cvode)",
                hs, t + done, s->rtol, s->atol);
        for (int j = 1; j < STAGES; j++) {
            const double tj = j < 5 ? t + (done + dp_c[j] * hs) : final ? t_end : t + (done + hs);
            combine(size, x.x, hs, j, dp_a[j], k, stride, y.x);
            sx_model_F(s->m, tj, sx_const_batch(y), sx_as_batch_(k + j * stride, s->n, x.b), w);
        }
        memset(e, 0, (size_t)size * sizeof(double));
        combine(size, e, hs, STAGES, dp_e, k, stride, e);
        const double error = error_norm(s, x.b, x.x, y.x, e, sums);
        if (!(error <= 1.0)) { /* also NaN and infinity */
            hs *= error < 1e10 ? fmax(0.2, safety / power(error, exponent)) : 0.1;
            rejected = true;
            continue;
        }
        memcpy(x.x, y.x, (size_t)size * sizeof(double));
        memcpy(k, k + 6 * stride, (size_t)size * sizeof(double)); /* k7 is F at the new point */
        if (final) return SX_OK;
        done += hs;
        double factor = error > 0 ? safety * power(last_error, beta) / power(error, exponent) : 10.0;
        factor = fmin(rejected ? 1.0 : 10.0, fmax(0.2, factor));
        last_error = fmax(error, 1e-4);
        rejected = false;
        hs *= factor;
    }
}

/* Batches: k1..k7, y, error, sums, the state at entry. */
sx_status sx_advance_dormand_prince_(sx_ctx *ctx, const sx_stepper *s, double t0, int64_t step, int64_t count,
                                     sx_batch x, double *p, double *extra, sx_work w) {
    const int64_t size = s->n * x.b, stride = sx_stride_(s, x.b);
    double *entry = p + 10 * stride;
    (void)extra;
    memcpy(entry, x.x, (size_t)size * sizeof(double));
    sx_model_F(s->m, t0 + (double)step * s->h, sx_const_batch(x), sx_as_batch_(p, s->n, x.b), w);
    for (int64_t k = step; k < step + count; k++) {
        sx_status status = output_step(ctx, s, t0 + (double)k * s->h, t0 + (double)(k + 1) * s->h, x, p, w);
        if (status < 0) {
            memcpy(x.x, entry, (size_t)size * sizeof(double));
            return status;
        }
    }
    return SX_OK;
}
