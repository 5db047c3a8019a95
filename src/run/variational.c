// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Source: E. Hairer, S. P. Norsett, G. Wanner, Solving Ordinary Differential Equations I, 2nd ed., II.5 and II.10 (code DOP853): twelve stages, order 8,
 * error from embedded formulas of order 5 and 3. */
#include "run/variational.h"

#include <math.h>
#include <string.h>

enum { STAGES = 12 };
static const double a[STAGES][STAGES - 1] = {
    { 0 },
    { 0.05260015195876773 },
    { 0.0197250569845379, 0.0591751709536137 },
    { 0.02958758547680685, 0, 0.08876275643042054 },
    { 0.2413651341592667, 0, -0.8845494793282861, 0.924834003261792 },
    { 0.037037037037037035, 0, 0, 0.17082860872947386, 0.12546768756682242 },
    { 0.037109375, 0, 0, 0.17025221101954405, 0.06021653898045596, -0.017578125 },
    { 0.03709200011850479, 0, 0, 0.17038392571223998, 0.10726203044637328, -0.015319437748624402,
      0.008273789163814023 },
    { 0.6241109587160757, 0, 0, -3.3608926294469414, -0.868219346841726, 27.59209969944671, 20.154067550477894,
      -43.48988418106996 },
    { 0.47766253643826434, 0, 0, -2.4881146199716677, -0.590290826836843, 21.230051448181193, 15.279233632882423,
      -33.28821096898486, -0.020331201708508627 },
    { -0.9371424300859873, 0, 0, 5.186372428844064, 1.0914373489967295, -8.149787010746927, -18.52006565999696,
      22.739487099350505, 2.4936055526796523, -3.0467644718982196 },
    { 2.273310147516538, 0, 0, -10.53449546673725, -2.0008720582248625, -17.9589318631188, 27.94888452941996,
      -2.8589982771350235, -8.87285693353063, 12.360567175794303, 0.6433927460157636 },
};
static const double weight[STAGES] = { 0.054293734116568765,
                                       0,
                                       0,
                                       0,
                                       0,
                                       4.450312892752409,
                                       1.8915178993145003,
                                       -5.801203960010585,
                                       0.3111643669578199,
                                       -0.1521609496625161,
                                       0.20136540080403034,
                                       0.04471061572777259 };
/* error estimates of order 5 and 3 */
static const double e5[STAGES] = { 0.01312004499419488,
                                   0,
                                   0,
                                   0,
                                   0,
                                   -1.2251564463762044,
                                   -0.4957589496572502,
                                   1.6643771824549864,
                                   -0.35032884874997366,
                                   0.3341791187130175,
                                   0.08192320648511571,
                                   -0.022355307863886294 };
static const double e3[STAGES] = { -0.18980075407240762,
                                   0,
                                   0,
                                   0,
                                   0,
                                   4.450312892752409,
                                   1.8915178993145003,
                                   -5.801203960010585,
                                   -0.4226823213237919,
                                   -0.1521609496625161,
                                   0.20136540080403034,
                                   0.02265179219836082 };

static int64_t padded(int64_t n) {
    return (n + 7) / 8 * 8;
}

/* Twelve stages, a sum and the next state, for the state and the columns. */
int64_t sx_variational_scratch(const sx_model *m, int64_t b) {
    int64_t n = sx_model_n(m);
    return (STAGES + 1) * padded(n) + (STAGES + 1) * padded(n * b) + padded(n * b) + padded(n) +
           sx_model_work(m, b > 1 ? b : 1) + 64;
}

/* y = x + h sum_j w_j k_j, in the order of j */
static void combine(int64_t size, const double *x, double h, int stages, const double *w, const double *k, double *y) {
    int64_t stride = padded(size);
    for (int64_t i = 0; i < size; i++) y[i] = 0;
    for (int j = 0; j < stages; j++)
        if (w[j] != 0)
            for (int64_t i = 0; i < size; i++) y[i] += w[j] * k[j * stride + i];
    for (int64_t i = 0; i < size; i++) y[i] = x[i] + h * y[i];
}

typedef struct sx_stages {
    const sx_variational *v;
    int64_t n, b;
    double *k, *K;        /* stages of the state and of the columns */
    double *y, *Y, *next; /* arguments of a stage */
    sx_work w;
} sx_stages;

static void stage(const sx_stages *s, int j, const double *x, const double *U) {
    const sx_model *m = s->v->m;
    int64_t n = s->n, b = s->b;
    sx_model_F(m, 0, (sx_cbatch){ x, n, 1 }, (sx_batch){ s->k + j * padded(n), n, 1 }, s->w);
    if (b > 0)
        sx_model_operations(m)->jvp(sx_model_self(m), 0, (sx_cbatch){ x, n, 1 }, (sx_cbatch){ U, n, b },
                                    (sx_batch){ s->K + j * padded(n * b), n, b }, s->w);
}

/* Error of the step over its tolerance: |e5|^2 / sqrt(|e5|^2 + 0.01 |e3|^2), Hairer's combination. */
static double error_of(const sx_stages *s, double h, const double *x) {
    int64_t n = s->n, stride = padded(n);
    double five = 0, three = 0;
    for (int64_t i = 0; i < n; i++) {
        double a5 = 0, a3 = 0, scale = s->v->atol + s->v->rtol * fmax(fabs(x[i]), fabs(s->next[i]));
        for (int j = 0; j < STAGES; j++) {
            a5 += e5[j] * s->k[j * stride + i];
            a3 += e3[j] * s->k[j * stride + i];
        }
        five += a5 / scale * (a5 / scale);
        three += a3 / scale * (a3 / scale);
    }
    if (!isfinite(five)) return INFINITY;
    double d = five + 0.01 * three;
    return d > 0 ? h * five / sqrt(d * (double)n) : 0;
}

/* The state alone decides on the step; the columns follow with the stages that were accepted. */
sx_status sx_variational_run(sx_ctx *ctx, sx_variational *v, double duration, double *x, int64_t b, double *U) {
    int64_t n = sx_model_n(v->m);
    sx_stages s = { .v = v, .n = n, .b = 0 };
    double *p = v->scratch, t = 0, h = v->step > 0 ? v->step : duration / 100;
    s.k = p, p += STAGES * padded(n);
    s.y = p, p += padded(n);
    s.next = p, p += padded(n);
    s.K = p, p += STAGES * padded(n * b);
    s.Y = p, p += padded(n * b);
    double *Unext = p;
    p += padded(n * b);
    s.w = (sx_work){ .p = p, .doubles = sx_model_work(v->m, b > 1 ? b : 1) };
    while (t < duration) {
        double left = duration - t;
        bool last = h >= left * (1 - 1e-12);
        double step = last ? left : h;
        if (!(step > 1e-14 * duration))
            return SX_FAIL(ctx, SX_E_NUMERIC, "the step of the integrator became too small (%g of %g)", step, duration);
        stage(&s, 0, x, U);
        for (int j = 1; j < STAGES; j++) {
            combine(n, x, step, j, a[j], s.k, s.y);
            stage(&s, j, s.y, NULL);
        }
        combine(n, x, step, STAGES, weight, s.k, s.next);
        double error = error_of(&s, step, x), factor = error > 0 ? 0.9 * pow(error, -1.0 / 8) : 6;
        if (!(error <= 1)) {
            h = step * (isfinite(error) ? fmax(0.2, factor) : 0.2);
            continue;
        }
        if (b > 0) { /* the same stages again, with the columns */
            s.b = b;
            stage(&s, 0, x, U);
            for (int j = 1; j < STAGES; j++) {
                combine(n, x, step, j, a[j], s.k, s.y);
                combine(n * b, U, step, j, a[j], s.K, s.Y);
                stage(&s, j, s.y, s.Y);
            }
            combine(n * b, U, step, STAGES, weight, s.K, Unext);
            memcpy(U, Unext, sizeof(double) * (size_t)(n * b));
            s.b = 0;
        }
        memcpy(x, s.next, sizeof(double) * (size_t)n);
        t = last ? duration : t + step;
        if (!last) h = step * fmin(6, fmax(0.2, factor));
    }
    v->step = h;
    return SX_OK;
}
