// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The modes of a point (unified-dynamics.md section 4):
 *     J v = zeta v,   w^H J = zeta w^H,   |v| = 1,   w^H v = 1,   kappa = |w| |v| / |w^H v|
 *     flow: rate = -Re zeta, frequency = Im zeta      map: rate = -ln|zeta| / step, frequency = arg zeta / step
 *     variance of w^H (x - x*) under the noise, <xi xi> = 2 D:  flow w^H D w / rate,  map 2 w^H D w / (1 - |zeta|^2);  w^H D w = |B^T w|^2
 *     error of a rate: (eps |J| + residual) kappa, of a map over |zeta| step
 * Gradient flows with metric G: G J = (G J)^T = -H, so H v = rate G v is a symmetric pencil and w = G v / (v^T G v). */
#include "spectrum_private.h"

#include "core/linalg.h"
#include "core/linalg_eigen.h"
#include "core/mutant.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- J as products ------------------------------------------------------------------------------------------------------------ */

static sx_status tangent_product(void *user, sx_ctx *ctx, int64_t b, const double *x, double *y, bool adjoint) {
    sx_tangent *t = user;
    const sx_model_ops *ops = sx_model_operations(t->m);
    int64_t n = sx_model_n(t->m);
    sx_work w = { .p = t->scratch, .doubles = t->work, .exec = t->exec };
    (void)ctx;
    (adjoint ? ops->vjp : ops->jvp)(sx_model_self(t->m), 0, (sx_cbatch){ t->x, n, 1 }, (sx_cbatch){ x, n, b },
                                    (sx_batch){ y, n, b }, w);
    for (int64_t i = 0; t->sign < 0 && i < n * b; i++) y[i] = -y[i];
    return SX_OK;
}
static sx_status tangent_apply(void *user, sx_ctx *ctx, int64_t b, const double *x, double *y) {
    return tangent_product(user, ctx, b, x, y, false);
}
static sx_status tangent_adjoint(void *user, sx_ctx *ctx, int64_t b, const double *x, double *y) {
    return tangent_product(user, ctx, b, x, y, true);
}

sx_status sx_tangent_create(sx_ctx *ctx, const sx_spectrum *s, int64_t point, double sign, const sx_exec *exec,
                            sx_tangent *out, sx_operator *op) {
    const sx_model *m = s->places.models[point];
    /* with several trials of an input every column would see its own: one column sees trial 0 */
    *out = (sx_tangent){ .m = m, .x = s->places.x + point * s->n, .sign = sign, .exec = exec };
    out->block = sx_model_trials(m) > 1 ? 1 : 8;
    out->work = sx_model_work(m, out->block);
    SX_TRY(ctx, sx_alloc(ctx, out->work, sizeof *out->scratch, &out->scratch));
    *op = (sx_operator){ .n = s->n, .user = out, .apply = tangent_apply, .block = out->block };
    if (sx_model_has(m, "vjp")) op->adjoint = tangent_adjoint;
    return SX_OK;
}

void sx_tangent_free(sx_ctx *ctx, sx_tangent *t) {
    sx_free(ctx, t->scratch);
    t->scratch = NULL;
}

static double norm2(int64_t n, const double *x) {
    double scale = 0, sum = 0;
    for (int64_t i = 0; i < n; i++) scale = fmax(scale, fabs(x[i]));
    if (!(scale > 0) || !isfinite(scale)) return scale;
    for (int64_t i = 0; i < n; i++) sum += x[i] / scale * (x[i] / scale);
    return scale * sqrt(sum);
}

sx_status sx_tangent_symmetric(sx_ctx *ctx, const sx_spectrum *s, const sx_operator *op, bool *out) {
    int64_t n = s->n;
    double *x = NULL;
    sx_status status;
    *out = false;
    if (!op->adjoint) return SX_OK;
    SX_GO(ctx, status, done, sx_alloc(ctx, 3 * n, sizeof *x, &x));
    sx_normal_fill(sx_key_derive(s->key, "symmetry", 0), 0, SX_SLOT_USER, 0, n, 1, x);
    SX_GO(ctx, status, done, op->apply(op->user, ctx, 1, x, x + n));
    SX_GO(ctx, status, done, op->adjoint(op->user, ctx, 1, x, x + 2 * n));
    double size = norm2(n, x + n);
    for (int64_t i = 0; i < n; i++) x[2 * n + i] -= x[n + i];
    *out = norm2(n, x + 2 * n) <= 1e-13 * size;
done:
    sx_free(ctx, x);
    return status;
}

/* |A|_2 from below by 20 steps of power iteration on A^T A: what it is compared with is known to a factor only. */
static sx_status operator_norm(sx_ctx *ctx, const sx_spectrum *s, const sx_operator *op, double *out) {
    int64_t n = s->n;
    double *v = NULL, norm = 0;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, 2 * n, sizeof *v, &v));
    sx_normal_fill(sx_key_derive(s->key, "norm", 0), 0, SX_SLOT_USER, 0, n, 1, v);
    for (int step = 0; step < 20; step++) {
        double size = norm2(n, v);
        if (!(size > 0)) break;
        for (int64_t i = 0; i < n; i++) v[i] /= size;
        SX_GO(ctx, status, done, op->apply(op->user, ctx, 1, v, v + n));
        norm = norm2(n, v + n);
        SX_GO(ctx, status, done, op->adjoint(op->user, ctx, 1, v + n, v));
    }
    *out = fmax(norm, DBL_MIN);
    status = SX_OK;
done:
    sx_free(ctx, v);
    return status;
}

/* -- J as a matrix ------------------------------------------------------------------------------------------------------------ */

/* Columns of an operation on unit vectors, as rows of out^T. */
static sx_status columns(sx_ctx *ctx, const sx_model *m, const double *x, bool metric, const sx_exec *exec,
                         double *out) {
    int64_t n = sx_model_n(m), b = sx_model_trials(m) > 1 ? 1 : n < 32 ? n : 32, work = sx_model_work(m, b);
    const sx_model_ops *ops = sx_model_operations(m);
    double *u = NULL, *scratch = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, 2 * n * b, sizeof *u, &u));
    SX_GO(ctx, status, done, sx_alloc(ctx, work, sizeof *scratch, &scratch));
    sx_work w = { .p = scratch, .doubles = work, .exec = exec };
    double *y = u + n * b;
    for (int64_t first = 0; first < n; first += b) {
        int64_t c = n - first < b ? n - first : b;
        memset(u, 0, sizeof(double) * (size_t)(n * b));
        for (int64_t j = 0; j < c; j++) u[(first + j) * c + j] = 1;
        if (metric)
            ops->metric(sx_model_self(m), 0, (sx_cbatch){ x, n, 1 }, (sx_cbatch){ u, n, c }, (sx_batch){ y, n, c }, w);
        else
            ops->jvp(sx_model_self(m), 0, (sx_cbatch){ x, n, 1 }, (sx_cbatch){ u, n, c }, (sx_batch){ y, n, c }, w);
        for (int64_t i = 0; i < n; i++) memcpy(out + i * n + first, y + i * c, sizeof(double) * (size_t)c);
    }
done:
    sx_free(ctx, scratch);
    sx_free(ctx, u);
    return status;
}

sx_status sx_spectrum_jacobian(sx_ctx *ctx, const sx_spectrum *s, const sx_model *m, const double *x,
                               const sx_exec *exec, double *J) {
    int64_t n = s->n;
    if (sx_model_has(m, "jacobian")) {
        int64_t work = sx_model_work(m, 1);
        double *scratch = NULL;
        SX_TRY(ctx, sx_alloc(ctx, work, sizeof *scratch, &scratch));
        sx_model_operations(m)->jacobian(sx_model_self(m), 0, x, J,
                                         (sx_work){ .p = scratch, .doubles = work, .exec = exec });
        sx_free(ctx, scratch);
    } else {
        SX_TRY(ctx, columns(ctx, m, x, false, exec, J));
    }
    for (int64_t i = 0; i < n * n; i++)
        if (!isfinite(J[i])) {
            char label[64];
            return SX_FAIL(ctx, SX_E_NUMERIC, "task '%s': the Jacobian is not finite in the row of unit %lld \"%s\"",
                           s->group, (long long)(i / n), sx_model_unit_label(m, i / n, label, sizeof label));
        }
    return SX_OK;
}

/* -- dense -------------------------------------------------------------------------------------------------------------------- */

typedef struct sx_decomposition {
    int64_t n;
    int count;
    double *re, *im, *right, *left, *condition, *residual; /* packed as in sx_modes */
} sx_decomposition;

/* max |A - A^T| <= tolerance max |A| */
static bool is_symmetric(int64_t n, const double *A, double tolerance) {
    double largest = 0, asymmetry = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j <= i; j++) {
            largest = fmax(largest, fmax(fabs(A[i * n + j]), fabs(A[j * n + i])));
            asymmetry = fmax(asymmetry, fabs(A[i * n + j] - A[j * n + i]));
        }
    return asymmetry <= tolerance * largest;
}

/* A = (A + A^T) / 2 */
static void symmetrise(int64_t n, double *A) {
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < i; j++) A[i * n + j] = A[j * n + i] = 0.5 * (A[i * n + j] + A[j * n + i]);
}

static void transpose(int64_t n, double *A) {
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < i; j++) {
            double t = A[i * n + j];
            A[i * n + j] = A[j * n + i];
            A[j * n + i] = t;
        }
}

static sx_status symmetric_modes(sx_ctx *ctx, double *J, sx_decomposition *d) {
    int64_t n = d->n;
    symmetrise(n, J);
    SX_TRY(ctx, sx_symmetric_eigen(ctx, n, J, d->re, d->right));
    transpose(n, d->right); /* eigenvectors to rows */
    memcpy(d->left, d->right, sizeof(double) * (size_t)(n * n));
    return SX_OK;
}

/* *found false when G J is not symmetric or G not positive definite. Uses d->right for G and d->left for G J. */
static sx_status pencil_modes(sx_ctx *ctx, const sx_model *m, const double *x, const sx_exec *exec, const double *J,
                              sx_decomposition *d, bool *found) {
    int64_t n = d->n;
    double *G = NULL, *H = d->left;
    sx_status status;
    *found = false;
    SX_GO(ctx, status, done, sx_alloc(ctx, n * n, sizeof *G, &G));
    SX_GO(ctx, status, done, columns(ctx, m, x, true, exec, G));
    sx_gemm(false, false, n, n, n, -1, G, n, J, n, 0, H, n);
    if (!is_symmetric(n, G, 1e-12) || !is_symmetric(n, H, 1e-10)) goto done;
    symmetrise(n, G);
    symmetrise(n, H);
    status = sx_pencil_eigen(ctx, n, H, G, d->re, d->right);
    if (status == SX_E_NUMERIC) {
        sx_ctx_clear(ctx);
        status = SX_OK;
        goto done;
    }
    SX_GO(ctx, status, done, status);
    for (int64_t i = 0; i < n; i++) d->re[i] = -d->re[i];
    sx_gemm(false, false, n, n, n, 1, d->right, n, G, n, 0, d->left, n);
    *found = true;
done:
    sx_free(ctx, G);
    return status;
}

static sx_status dense_modes(sx_ctx *ctx, const sx_spectrum *s, const sx_model *m, const double *x, const sx_exec *exec,
                             double *J, sx_decomposition *d, double *structure) {
    int64_t n = d->n;
    bool found = false;
    *structure = STRUCTURE_GENERAL;
    if (is_symmetric(n, J, 1e-13)) {
        *structure = STRUCTURE_SYMMETRIC;
        SX_TRY(ctx, symmetric_modes(ctx, J, d));
    } else {
        if (!s->map && sx_model_has(m, "potential") && sx_model_has(m, "metric"))
            SX_TRY(ctx, pencil_modes(ctx, m, x, exec, J, d, &found));
        if (found) *structure = STRUCTURE_PENCIL;
        if (!found) return sx_general_eigen(ctx, n, J, d->re, d->im, d->right, d->left, d->condition);
    }
    memset(d->im, 0, sizeof(double) * (size_t)n);
    sx_modes_normalise(n, (int)n, d->im, d->right, d->left, d->condition);
    return SX_OK;
}

/* -- order -------------------------------------------------------------------------------------------------------------------- */

void sx_spectrum_rate(const sx_spectrum *s, double re, double im, double floor, double *rate, double *frequency) {
    if (!s->map) {
        *rate = -re;
        *frequency = im;
        return;
    }
    double size = hypot(re, im);
    *rate = (size > floor ? sx_multiplier_rate(re, im) : -log(floor)) / s->step;
    *frequency = size > 0 ? atan2(im, re) / s->step : 0;
}

typedef struct sx_ranked {
    double rate, frequency;
    int row, size; /* packed row; 2 for a pair */
} sx_ranked;

static int by_rate(const void *a, const void *b) {
    const sx_ranked *x = a, *y = b;
    if (x->rate != y->rate) return x->rate < y->rate ? -1 : 1;
    if (x->frequency != y->frequency) return x->frequency < y->frequency ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* order[j]: packed row of the j-th mode by rate; conjugate pairs stay together, Im > 0 first. */
static sx_status rank_modes(sx_ctx *ctx, const sx_spectrum *s, const sx_decomposition *d, double floor, int *order) {
    sx_ranked *list = NULL;
    int n = 0, j = 0;
    SX_TRY(ctx, sx_alloc(ctx, d->count, sizeof *list, &list));
    for (int row = 0; row < d->count; row += list[n - 1].size) {
        sx_ranked *r = &list[n++];
        double rate, frequency;
        sx_spectrum_rate(s, d->re[row], d->im[row], floor, &rate, &frequency);
        *r = (sx_ranked){ rate, fabs(frequency), row, d->im[row] != 0 && row + 1 < d->count ? 2 : 1 };
    }
    qsort(list, (size_t)n, sizeof *list, by_rate);
    for (int i = 0; i < n; i++)
        for (int c = 0; c < list[i].size; c++) order[j++] = list[i].row + c;
    sx_free(ctx, list);
    return SX_OK;
}

/* -- numbers of the modes ----------------------------------------------------------------------------------------------------- */

void sx_spectrum_weights(const sx_mode_set *m, int64_t j, double *p) {
    int row = m->order[j];
    double sum = 0, a, b, c, d;
    for (int64_t u = 0; u < m->n; u++) {
        sx_modes_component(m->right, m->im, m->n, row, u, &a, &b);
        sx_modes_component(m->left, m->im, m->n, row, u, &c, &d);
        p[u] = hypot(a, b) * hypot(c, d);
        sum += p[u];
    }
    if (!(sum > 0)) /* w and v have no unit in common (defective): |v_u|^2 */
        for (int64_t u = 0; u < m->n; u++) {
            sx_modes_component(m->right, m->im, m->n, row, u, &a, &b);
            p[u] = a * a + b * b;
            sum += p[u];
        }
    for (int64_t u = 0; u < m->n; u++) p[u] /= sum;
}

static void fill_numbers(const sx_spectrum *s, const sx_decomposition *d, const int *order, double *p, void *state) {
    double *scalars = sx_spectrum_part_at(s, state, PART_SCALARS), norm = scalars[POINT_NORM];
    double floor = DBL_EPSILON * norm;
    int64_t count = d->count < s->k ? d->count : s->k;
    sx_mode_set set = { d->n, order, d->im, d->right, d->left };
    for (int64_t j = 0; j < count; j++) {
        int row = order[j];
        double re = d->re[row], im = d->im[row], rate, frequency, participation = 0;
        sx_spectrum_rate(s, re, im, floor, &rate, &frequency);
        sx_spectrum_weights(&set, j, p);
        for (int64_t u = 0; u < d->n; u++) participation += p[u] * p[u];
        double condition = fmin(d->condition[row], 1 / DBL_EPSILON), residual = d->residual ? d->residual[row] : 0;
        double error = (DBL_EPSILON * norm + residual) * condition;
        if (s->map && hypot(re, im) > floor) error /= hypot(re, im) * s->step;
        if (s->map && !(hypot(re, im) > floor)) error = rate; /* a bound of the rate is all that is known */
        sx_spectrum_mode(s, state, MODE_RATE)[j] = rate;
        sx_spectrum_mode(s, state, MODE_FREQUENCY)[j] = frequency;
        sx_spectrum_mode(s, state, MODE_RE)[j] = re;
        sx_spectrum_mode(s, state, MODE_IM)[j] = im;
        sx_spectrum_mode(s, state, MODE_PARTICIPATION)[j] = 1 / participation;
        sx_spectrum_mode(s, state, MODE_CONDITION)[j] = condition;
        sx_spectrum_mode(s, state, MODE_RESIDUAL)[j] = residual;
        sx_spectrum_mode(s, state, MODE_ERROR)[j] = error;
        sx_spectrum_mode(s, state, MODE_RESOLVED)[j] = fabs(rate) >= 10 * fabs(error);
    }
    for (int64_t j = count; j < s->k; j++)
        for (int number = 0; number < MODE_NUMBERS; number++)
            sx_spectrum_mode(s, state, (sx_spectrum_number)number)[j] =
                number == MODE_RESOLVED || number == MODE_COLLECTIVE ? 0 : (double)NAN;
    scalars[POINT_MODES] = (double)count;
}

/* The next rate that belongs to another mode or pair: of the reported modes, else of the rest. */
static void fill_gaps(const sx_spectrum *s, const sx_decomposition *d, const int *order, void *state) {
    int64_t count = d->count < s->k ? d->count : s->k;
    double *gap = sx_spectrum_mode(s, state, MODE_GAP),
           floor = DBL_EPSILON * sx_spectrum_part_at(s, state, PART_SCALARS)[POINT_NORM];
    for (int64_t j = 0; j < count; j++) {
        int row = order[j];
        int64_t next = j + 1 + (d->im[row] > 0);
        double rate = 0, other = 0, frequency;
        gap[j] = 0;
        if (next >= d->count) continue;
        sx_spectrum_rate(s, d->re[row], d->im[row], floor, &rate, &frequency);
        sx_spectrum_rate(s, d->re[order[next]], d->im[order[next]], floor, &other, &frequency);
        gap[j] = other - rate;
    }
}

/* From w^H (J C + C J^T + 2 D) w = 0, maps w^H (J C J^T + 2 D - C) w = 0: no equation to solve. */
static sx_status fill_variances(sx_ctx *ctx, const sx_spectrum *s, int64_t point, const sx_decomposition *d,
                                const int *order, void *state, const sx_exec *exec) {
    const sx_model *m = s->places.models[point];
    const sx_noise *noise = sx_model_noise(m);
    const sx_noise_ops *ops = sx_noise_operations(noise);
    const double *rate = sx_spectrum_mode(s, state, MODE_RATE), *re = sx_spectrum_mode(s, state, MODE_RE),
                 *im = sx_spectrum_mode(s, state, MODE_IM);
    double *variance = sx_spectrum_mode(s, state, MODE_VARIANCE), *p = NULL;
    int64_t n = s->n, rank = sx_noise_rank(noise), count = d->count < s->k ? d->count : s->k, work;
    sx_status status = SX_OK;
    for (int64_t j = 0; j < s->k; j++) variance[j] = (double)NAN;
    if (!s->noisy) return SX_OK;
    work = sx_model_work(m, 1) + (ops->work ? ops->work(sx_noise_self(noise), 1) : 0);
    SX_TRY(ctx, sx_alloc(ctx, 2 * n + rank + work, sizeof *p, &p));
    double *w[2] = { p, p + n }, *b = p + 2 * n;
    sx_work scratch = { .p = b + rank, .doubles = work, .exec = exec };
    for (int64_t j = 0; j < count; j++) {
        double power = 0; /* w^H D w */
        for (int64_t u = 0; u < n; u++) sx_modes_component(d->left, d->im, n, order[j], u, &w[0][u], &w[1][u]);
        for (int part = 0; part < (im[j] != 0 ? 2 : 1); part++) {
            ops->Bt(sx_noise_self(noise), 0, (sx_cbatch){ s->places.x + point * n, n, 1 }, (sx_cbatch){ w[part], n, 1 },
                    (sx_batch){ b, rank, 1 }, scratch);
            for (int64_t c = 0; c < rank; c++) power += b[c] * b[c];
        }
        if (SX_MUTANT(mode_variance_2D)) power *= 2;
        variance[j] = (double)INFINITY;
        if (rate[j] > 0) variance[j] = s->map ? 2 * power / (1 - re[j] * re[j] - im[j] * im[j]) : power / rate[j];
    }
    sx_free(ctx, p);
    return status;
}

static sx_status write_vectors(sx_ctx *ctx, const sx_spectrum *s, int64_t point, const sx_decomposition *d,
                               const int *order, sx_result *result) {
    int64_t n = s->n, count = d->count < s->k ? d->count : s->k;
    double *row = NULL;
    sx_status status = SX_OK;
    if (!s->o.vectors) return SX_OK;
    SX_TRY(ctx, sx_alloc(ctx, 2 * n, sizeof *row, &row));
    for (int64_t j = 0; j < 2 * count; j++) {
        const double *side = j < count ? d->right : d->left;
        int64_t start[4] = { point, j % count, 0, 0 }, size[4] = { 1, 1, n, 2 };
        for (int64_t u = 0; u < n; u++)
            sx_modes_component(side, d->im, n, order[j % count], u, &row[2 * u], &row[2 * u + 1]);
        SX_GO(ctx, status, done, sx_result_write(ctx, result, j < count ? s->id_right : s->id_left, start, size, row));
    }
done:
    sx_free(ctx, row);
    return status;
}

/* All that is kept of a decomposition. */
static sx_status keep(sx_ctx *ctx, const sx_spectrum *s, int64_t point, const sx_decomposition *d, void *state,
                      const sx_exec *exec, sx_result *result) {
    int *order = NULL;
    double *p = NULL, *scalars = sx_spectrum_part_at(s, state, PART_SCALARS),
           *zeta = sx_spectrum_part_at(s, state, PART_EIGENVALUE);
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, d->count, sizeof *order, &order));
    SX_GO(ctx, status, done, sx_alloc(ctx, s->n, sizeof *p, &p));
    SX_GO(ctx, status, done, rank_modes(ctx, s, d, DBL_EPSILON * scalars[POINT_NORM], order));
    for (int64_t i = 0; zeta && i < s->n; i++) {
        zeta[2 * i] = d->re[order[i]];
        zeta[2 * i + 1] = d->im[order[i]];
    }
    fill_numbers(s, d, order, p, state);
    fill_gaps(s, d, order, state);
    SX_GO(ctx, status, done, fill_variances(ctx, s, point, d, order, state, exec));
    SX_GO(ctx, status, done, write_vectors(ctx, s, point, d, order, result));
    if (s->o.collective) {
        sx_mode_set set = { s->n, order, d->im, d->right, d->left };
        SX_GO(ctx, status, done, sx_spectrum_collective(ctx, s, point, state, &set, exec, result));
    }
done:
    sx_free(ctx, p);
    sx_free(ctx, order);
    return status;
}

static sx_status point_speed(sx_ctx *ctx, const sx_spectrum *s, int64_t point, const sx_exec *exec, double *out) {
    const sx_model *m = s->places.models[point];
    const double *x = s->places.x + point * s->n;
    int64_t n = s->n, work = sx_model_work(m, 1);
    double *f = NULL;
    SX_TRY(ctx, sx_alloc(ctx, n + work, sizeof *f, &f));
    sx_model_F(m, 0, (sx_cbatch){ x, n, 1 }, (sx_batch){ f + work, n, 1 },
               (sx_work){ .p = f, .doubles = work, .exec = exec });
    for (int64_t i = 0; s->map && i < n; i++) f[work + i] -= x[i];
    *out = norm2(n, f + work);
    sx_free(ctx, f);
    return SX_OK;
}

static sx_status dense_point(sx_ctx *ctx, const sx_spectrum *s, int64_t point, void *state, const sx_exec *exec,
                             sx_result *result) {
    int64_t n = s->n;
    const sx_model *m = s->places.models[point];
    const double *x = s->places.x + point * n;
    double *scalars = sx_spectrum_part_at(s, state, PART_SCALARS), *J = NULL, *numbers = NULL;
    sx_decomposition d = { .n = n, .count = (int)n };
    sx_dense_matrix matrix = { n, NULL };
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, n * n, sizeof *J, &J));
    SX_GO(ctx, status, done, sx_alloc(ctx, n * n, sizeof *d.right, &d.right));
    SX_GO(ctx, status, done, sx_alloc(ctx, n * n, sizeof *d.left, &d.left));
    SX_GO(ctx, status, done, sx_alloc(ctx, 3 * n, sizeof *numbers, &numbers));
    d.re = numbers;
    d.im = numbers + n;
    d.condition = numbers + 2 * n;
    SX_GO(ctx, status, done, sx_spectrum_jacobian(ctx, s, m, x, exec, J));
    matrix.a = J;
    sx_operator op = sx_operator_dense(&matrix);
    SX_GO(ctx, status, done, operator_norm(ctx, s, &op, &scalars[POINT_NORM]));
    SX_GO(ctx, status, done, sx_spectrum_entries(ctx, s, J, state));
    SX_GO(ctx, status, done, dense_modes(ctx, s, m, x, exec, J, &d, &scalars[POINT_STRUCTURE]));
    SX_GO(ctx, status, done, keep(ctx, s, point, &d, state, exec, result));
done:
    sx_free(ctx, numbers);
    sx_free(ctx, d.left);
    sx_free(ctx, d.right);
    sx_free(ctx, J);
    return status;
}

enum { PLAIN_RESTARTS = 300, FILTERED_RESTARTS = 40 };

/* -- Krylov ------------------------------------------------------------------------------------------------------------------- */

/* Leading modes within the tolerance. Left vectors, which conditions and participation need, may be a thousand times worse. */
static int converged_modes(const sx_spectrum *s, double norm, const sx_modes *m) {
    int count = 0;
    for (; count < m->count; count++) {
        double limit = s->o.tolerance * fmax(norm, hypot(m->re[count], m->im[count]));
        if (!(m->residual[count] <= limit) || (m->left_residual && !(m->left_residual[count] <= 1e3 * limit))) break;
    }
    if (count > 0 && m->im[count - 1] > 0) count--; /* half of a pair */
    return count;
}

/* By itself without a filter first: an outlier far from the others, such as a memory, is then no obstacle. A polynomial filter, which enlarges it most of all, is
 * tried only where that does not converge; the better of the two is kept. */
static sx_status slowest_modes(sx_ctx *ctx, const sx_spectrum *s, int64_t point, const sx_operator *op, bool symmetric,
                               double norm, sx_modes *out) {
    static const int kind[] = { [SX_SPECTRUM_FILTER_AUTO] = SX_FILTER_NONE,
                                [SX_SPECTRUM_FILTER_NONE] = SX_FILTER_NONE,
                                [SX_SPECTRUM_FILTER_POLYNOMIAL] = SX_FILTER_CHEBYSHEV,
                                [SX_SPECTRUM_FILTER_TIME_STEPPER] = SX_FILTER_EXPONENTIAL };
    const bool automatic = s->o.filter == SX_SPECTRUM_FILTER_AUTO;
    sx_krylov_opts o = { .k = (int)s->k,
                         .wanted = s->map ? SX_WANTED_LARGEST : SX_WANTED_RIGHTMOST,
                         .symmetric = symmetric,
                         .left = true,
                         .tolerance = s->o.tolerance,
                         .norm = norm,
                         .restarts = automatic ? PLAIN_RESTARTS : 0,
                         .filter = s->map ? SX_FILTER_NONE : kind[s->o.filter],
                         .key = sx_key_derive(s->key, "krylov", (uint64_t)point),
                         .what = s->group };
    sx_modes filtered = { 0 };
    sx_status status = sx_krylov_eigen(ctx, op, &o, out);
    if (status == SX_STOPPED || status < 0) return status;
    if (status == SX_OK || converged_modes(s, norm, out) >= s->k || s->map || !automatic) return SX_OK;
    o.filter = SX_FILTER_AUTO;
    o.restarts = FILTERED_RESTARTS;
    status = sx_krylov_eigen(ctx, op, &o, &filtered);
    if (status == SX_STOPPED || status < 0) return status;
    if (converged_modes(s, norm, &filtered) > converged_modes(s, norm, out)) {
        sx_modes better = filtered;
        filtered = *out;
        *out = better;
    }
    sx_modes_free(ctx, &filtered);
    return SX_OK;
}

static sx_status krylov_point(sx_ctx *ctx, const sx_spectrum *s, int64_t point, void *state, const sx_exec *exec,
                              sx_result *result) {
    double *scalars = sx_spectrum_part_at(s, state, PART_SCALARS);
    sx_tangent t = { 0 };
    sx_operator op;
    sx_modes modes = { 0 };
    bool symmetric;
    sx_status status;
    SX_TRY(ctx, sx_tangent_create(ctx, s, point, 1, exec, &t, &op));
    SX_GO(ctx, status, done, operator_norm(ctx, s, &op, &scalars[POINT_NORM]));
    if (!isfinite(scalars[POINT_NORM])) {
        status = SX_FAIL(ctx, SX_E_NUMERIC, "task '%s': the Jacobian is not finite at point %lld", s->group,
                         (long long)point);
        goto done;
    }
    SX_GO(ctx, status, done, sx_tangent_symmetric(ctx, s, &op, &symmetric));
    scalars[POINT_STRUCTURE] = symmetric ? STRUCTURE_SYMMETRIC : STRUCTURE_GENERAL;
    SX_GO(ctx, status, done, sx_spectrum_entries_probed(ctx, s, &op, state));
    status = slowest_modes(ctx, s, point, &op, symmetric, scalars[POINT_NORM], &modes);
    if (status == SX_STOPPED) goto done;
    SX_GO(ctx, status, done, status);
    int count = converged_modes(s, scalars[POINT_NORM], &modes);
    scalars[POINT_UNCONVERGED] = count < s->k ? (double)(s->k - count) : 0;
    sx_decomposition d = { s->n, count, modes.re, modes.im, modes.right, modes.left, modes.condition, modes.residual };
    SX_GO(ctx, status, done, keep(ctx, s, point, &d, state, exec, result));
done:
    sx_modes_free(ctx, &modes);
    sx_tangent_free(ctx, &t);
    return status;
}

sx_status sx_spectrum_modes(sx_ctx *ctx, const sx_spectrum *s, int64_t point, void *state, const sx_exec *exec,
                            sx_result *result) {
    double *scalars = sx_spectrum_part_at(s, state, PART_SCALARS);
    SX_TRY(ctx, point_speed(ctx, s, point, exec, &scalars[POINT_SPEED]));
    return s->dense ? dense_point(ctx, s, point, state, exec, result)
                    : krylov_point(ctx, s, point, state, exec, result);
}
