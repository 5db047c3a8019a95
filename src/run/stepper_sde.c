// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* One step of the stochastic schemes for dx = f dt + sqrt(2) B(x) dW. n, n1, n2 are standard normals; W increments are
 * sqrt(h) n. f_I is the Ito drift F + c, f_S the Stratonovich drift f_I - (d_k B_ij) B_kj; for additive noise they agree.
 * Sources: Kloeden & Platen 1992 (chapters 10, 11, 15); Roessler, SIAM J. Numer. Anal. 48 (2010) 922 (SRA1);
 * Leimkuhler & Matthews, Appl. Math. Res. Express 2013 (1) 34. */
#include "run/stepper_private.h"

#include <string.h>

static bool additive_(const sx_stepper *s) {
    return s->cls <= SX_NOISE_ADDITIVE_MATRIX;
}

/* f = F + the correction of the given calculus; tmp: one batch. */
static void drift_(const sx_stepper *s, sx_calculus as, double t, sx_cbatch x, double *f, double *tmp, sx_work w) {
    if (SX_MUTANT(ito_stratonovich)) as = as == SX_ITO ? SX_STRATONOVICH : SX_ITO;
    sx_model_F(s->m, t, x, sx_as_batch_(f, s->n, x.b), w);
    if (!additive_(s) && sx_model_correction(s->m, as, t, x, sx_as_batch_(tmp, s->n, x.b), w))
        s->k->axpy(s->n * x.b, 1.0, tmp, f);
}

/* g = B(x) n */
static void noise_(const sx_stepper *s, double t, sx_cbatch x, const double *n, double *g, sx_work w) {
    const sx_noise *noise = sx_model_noise(s->m);
    sx_noise_operations(noise)->B(sx_noise_self(noise), t, x, sx_as_cbatch_(n, s->rank, x.b),
                                  sx_as_batch_(g, s->n, x.b), w);
}

/* y += h f + a n over rows, in panels on the executor when the batch is large. */
#define PANEL_NUMBERS 16384
typedef struct euler_job_ {
    const sx_stepper *s;
    const double *f, *n;
    sx_batch y;
    int64_t rows;
} euler_job_;

static void euler_panel_(void *arg, int64_t i) {
    const euler_job_ *j = arg;
    const sx_stepper *s = j->s;
    const int64_t first = i * j->rows, rows = s->n - first < j->rows ? s->n - first : j->rows, at = first * j->y.b;
    if (s->amplitude_uniform)
        s->k->em(rows * j->y.b, s->h, j->f + at, s->amplitude[0], j->n + at, j->y.x + at);
    else
        s->k->em_rows(rows, j->y.b, s->h, j->f + at, s->amplitude + first, j->n + at, j->y.x + at);
}

static void euler_(const sx_stepper *s, const double *f, const double *n, sx_batch y, const sx_exec *exec) {
    euler_job_ job = { s, f, n, y, s->n };
    if (exec && s->n * y.b >= SX_PARALLEL_SIZE_) job.rows = y.b < PANEL_NUMBERS ? PANEL_NUMBERS / y.b : 1;
    sx_exec_for(exec, (s->n + job.rows - 1) / job.rows, euler_panel_, &job);
}

/* y += h f + sqrt(2 h) B n for constant B; g: one batch. */
static void add_increment_(const sx_stepper *s, double t, const double *f, const double *n, sx_batch y, double *g,
                           sx_work w) {
    const int64_t size = s->n * y.b;
    if (s->cls == SX_NOISE_NONE) {
        s->k->axpy(size, s->h, f, y.x);
    } else if (s->amplitude) {
        euler_(s, f, n, y, w.exec);
    } else {
        noise_(s, t, sx_const_batch(y), n, g, w);
        s->k->em(size, s->h, f, s->scale, g, y.x);
    }
}

/* Euler-Maruyama: x' = x + h f_I(x) + sqrt(2 h) B(x) n. Batches: f, g. */
void sx_step_euler_maruyama_(const sx_stepper *s, double t, sx_batch x, const double *n1, const double *n2, double *p,
                             sx_work w) {
    double *f = p, *g = p + sx_stride_(s, x.b);
    (void)n2;
    drift_(s, SX_ITO, t, sx_const_batch(x), f, g, w);
    add_increment_(s, t, f, n1, x, g, w);
}

/* Heun, which converges to the Stratonovich solution:
 *     y  = x + h f_S(t, x) + sqrt(2 h) B(x) n
 *     x' = x + h [f_S(t, x) + f_S(t+h, y)] / 2 + sqrt(2 h) [B(x) + B(y)] n / 2
 * Batches: f, f2, y, g, g2. */
void sx_step_heun_(const sx_stepper *s, double t, sx_batch x, const double *n1, const double *n2, double *p,
                   sx_work w) {
    const int64_t size = s->n * x.b, stride = sx_stride_(s, x.b);
    double *f = p, *f2 = p + stride, *g = p + 3 * stride, *g2 = p + 4 * stride;
    sx_batch y = sx_as_batch_(p + 2 * stride, s->n, x.b);
    (void)n2;
    drift_(s, SX_STRATONOVICH, t, sx_const_batch(x), f, g, w);
    memcpy(y.x, x.x, (size_t)size * sizeof(double));
    if (additive_(s)) {
        add_increment_(s, t, f, n1, y, g, w);
        drift_(s, SX_STRATONOVICH, t + s->h, sx_const_batch(y), f2, g2, w);
        s->k->lincomb(size, 0.5, f, 0.5, f2, f);
        add_increment_(s, t, f, n1, x, g, w);
        return;
    }
    noise_(s, t, sx_const_batch(x), n1, g, w);
    s->k->em(size, s->h, f, s->scale, g, y.x);
    drift_(s, SX_STRATONOVICH, t + s->h, sx_const_batch(y), f2, g2, w);
    noise_(s, t + s->h, sx_const_batch(SX_MUTANT(heun_noise) ? x : y), n1, g2, w);
    s->k->lincomb(size, 0.5, f, 0.5, f2, f);
    s->k->lincomb(size, 0.5, g, 0.5, g2, g);
    s->k->em(size, s->h, f, s->scale, g, x.x);
}

/* Milstein for diagonal noise, B_ii(x_i):
 *     x_i' = x_i + h f_I + sqrt(2 h) B_i n_i + h B_i B_i' (n_i^2 - 1)
 * since (1/2) s s' (dW^2 - h) with s = sqrt(2) B; B_i B_i' is the operation `strat`. Additive noise has no such term.
 * Batches: f, g, q. */
void sx_step_milstein_(const sx_stepper *s, double t, sx_batch x, const double *n1, const double *n2, double *p,
                       sx_work w) {
    const int64_t size = s->n * x.b, stride = sx_stride_(s, x.b);
    double *f = p, *g = p + stride, *restrict q = p + 2 * stride, *restrict xs = x.x;
    const double *restrict normal = n1;
    const double h = s->h;
    (void)n2;
    if (additive_(s)) {
        sx_step_euler_maruyama_(s, t, x, n1, n2, p, w);
        return;
    }
    const sx_noise *noise = sx_model_noise(s->m);
    drift_(s, SX_ITO, t, sx_const_batch(x), f, g, w);
    noise_(s, t, sx_const_batch(x), n1, g, w);
    sx_noise_operations(noise)->strat(sx_noise_self(noise), t, sx_const_batch(x), sx_as_batch_(q, s->n, x.b), w);
    s->k->em(size, h, f, s->scale, g, xs);
    for (int64_t i = 0; i < size; i++)
        xs[i] += h * (q[i] * (normal[i] * normal[i] - (SX_MUTANT(milstein_ito) ? 0.0 : 1.0)));
}

/* SRA1 of strong order 1.5 for additive noise. With dW = sqrt(h) n1 and dZ = int (W_s - W_t) ds = h^(3/2)/2 (n1 + n2/sqrt 3):
 *     y  = x + 3/4 h f(t, x) + 3/2 sqrt(2) B dZ/h
 *     x' = x + h [f(t, x) + 2 f(t + 3/4 h, y)] / 3 + sqrt(2) B dW
 * The second term of y is sqrt(2 h) B m, m = 3/4 (n1 + n2/sqrt 3). Batches: f, f2, y, g, m (rank
 * rows). */
void sx_step_sra_(const sx_stepper *s, double t, sx_batch x, const double *n1, const double *n2, double *p, sx_work w) {
    const int64_t size = s->n * x.b, stride = sx_stride_(s, x.b);
    double *f = p, *f2 = p + stride, *g = p + 3 * stride, *m = p + 4 * stride;
    sx_batch y = sx_as_batch_(p + 2 * stride, s->n, x.b);
    sx_model_F(s->m, t, sx_const_batch(x), sx_as_batch_(f, s->n, x.b), w);
    s->k->lincomb(size, 1.0, x.x, 0.75 * s->h, f, y.x);
    if (s->cls != SX_NOISE_NONE) {
        s->k->lincomb(s->rank * x.b, 0.75, n1, SX_MUTANT(sra_dz) ? 0.75 : 0.75 / sqrt(3.0), n2, m);
        if (s->amplitude) {
            s->k->axpy_rows(s->n, x.b, s->amplitude, m, y.x);
        } else {
            noise_(s, t, sx_const_batch(x), m, g, w);
            s->k->axpy(size, s->scale, g, y.x);
        }
    }
    sx_model_F(s->m, t + 0.75 * s->h, sx_const_batch(y), sx_as_batch_(f2, s->n, x.b), w);
    s->k->lincomb(size, 1.0 / 3.0, f, 2.0 / 3.0, f2, f);
    add_increment_(s, t, f, n1, x, g, w);
}

/* Leimkuhler-Matthews: x' = x + h f(x) + sqrt(2 h) B (n_k + n_{k+1}) / 2, n_{k+1} shared with the next step. Stationary averages
 * of gradient systems err by O(h^2) only, and of linear ones not at all. Batches: f, g, m (rank rows). */
void sx_step_leimkuhler_matthews_(const sx_stepper *s, double t, sx_batch x, const double *n1, const double *n2,
                                  double *p, sx_work w) {
    const int64_t stride = sx_stride_(s, x.b);
    double *f = p, *g = p + stride, *m = p + 2 * stride;
    sx_model_F(s->m, t, sx_const_batch(x), sx_as_batch_(f, s->n, x.b), w);
    if (s->cls != SX_NOISE_NONE) s->k->lincomb(s->rank * x.b, 0.5, n1, 0.5, SX_MUTANT(lm_shared) ? n1 : n2, m);
    add_increment_(s, t, f, m, x, g, w);
}
