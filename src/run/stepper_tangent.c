// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Tangents of the steppers. The step of x leaves its stages in the stepper's scratch (stepper_private.h); each tangent below is the
 * derivative of the formula above the step of the same name in stepper_sde.c, stepper_ode.c, stepper_map.c and stepper_exact.c, at those
 * stages. A is the Jacobian of the drift that the scheme reads, A U = J U + (U.grad) c; with x at b = 1 one base point serves all k
 * columns. */
#include "run/stepper_tangent.h"

#include "core/linalg.h"
#include "core/mutant.h"
#include "run/stepper_private.h"

#include <string.h>

enum { BATCHES_ADDITIVE = 3, BATCHES_STATE = 8 };

static bool state_dependent(const sx_stepper *s) {
    return s->cls == SX_NOISE_DIAGONAL || s->cls == SX_NOISE_GENERAL;
}
static int64_t pad(int64_t doubles) {
    return (doubles + 7) / 8 * 8;
}

/* -- what has a tangent --------------------------------------------------------------------------------------------------------- */

sx_method sx_tangent_method(const sx_model *m, sx_method method) {
    const bool flow = sx_model_kind(m) == SX_FLOW;
    const bool quiet = sx_noise_class_of(sx_model_noise(m)) == SX_NOISE_NONE;
    return method == SX_METHOD_AUTO && flow && quiet ? SX_METHOD_RK4 : method;
}

sx_status sx_tangent_check(sx_ctx *ctx, const sx_stepper *s, const char *what) {
    const char *model = sx_model_name(s->m);
    if (s->method == SX_METHOD_DORMAND_PRINCE || s->method == SX_METHOD_CVODE)
        return SX_FAIL(ctx, SX_E_USAGE, "%s: method = %s has no tangent (its steps adapt to the state): want one of %s",
                       what, s->row->name, SX_TANGENT_METHODS);
    if (sx_model_kind(s->m) == SX_SAMPLER)
        return SX_FAIL(ctx, SX_E_UNSUPPORTED,
                       "%s: model %s is a sampler; its random step has no derivative: want a flow or a map", what,
                       model);
    if (s->method != SX_METHOD_EXACT && !sx_model_has(s->m, "jvp"))
        return SX_FAIL(ctx, SX_E_UNSUPPORTED, "%s needs the operation 'jvp', which the model '%s' does not have", what,
                       model);
    const sx_noise_ops *noise = sx_noise_operations(sx_model_noise(s->m));
    if (state_dependent(s) && !noise->dB)
        return SX_FAIL(ctx, SX_E_UNSUPPORTED,
                       "%s needs the operation 'dB' (derivative of B), which the noise '%s' does not have", what,
                       noise->name);
    return SX_OK;
}

/* -- scratch -------------------------------------------------------------------------------------------------------------------- */

/* Pieces of the scratch: the state before the step, two sets of normals, one set repeated for every column, one number per column,
 * one direction and its image, batches of n x k, then the work of the step of x and that of the model. */
typedef struct pieces {
    const sx_stepper *s;
    int64_t k;
    double *x0, *n1, *n2, *wide, *column, *single, *V[BATCHES_STATE];
    sx_work step, model;
} pieces;

static int64_t batches_of(const sx_stepper *s) {
    return state_dependent(s) ? BATCHES_STATE : BATCHES_ADDITIVE;
}

static int64_t own_work(const sx_stepper *s, int64_t k) {
    const int64_t wide = state_dependent(s) ? pad(s->rank * k) : 0;
    return pad(s->n) + 2 * pad(s->rank) + wide + pad(k) + batches_of(s) * pad(s->n * k) + pad(2 * s->n);
}

int64_t sx_tangent_work(const sx_stepper *s, int64_t k) {
    const int64_t one = sx_model_work(s->m, 1), many = sx_model_work(s->m, k);
    return own_work(s, k) + pad(sx_stepper_work(s, 1)) + (one > many ? one : many);
}

static sx_status cut(sx_ctx *ctx, const sx_stepper *s, sx_batch x, sx_batch U, sx_work w, pieces *out) {
    const int64_t k = U.b;
    if (x.n != s->n || x.b != 1 || U.n != s->n || k < 1)
        return SX_FAIL(
            ctx, SX_E_USAGE,
            "tangent: a state of %lld x %lld and directions of %lld x %lld: want %lld rows, one state and at "
            "least one direction",
            (long long)x.n, (long long)x.b, (long long)U.n, (long long)U.b, (long long)s->n);
    if (w.doubles < sx_tangent_work(s, k))
        return SX_FAIL(ctx, SX_E_USAGE, "tangent: %lld doubles of scratch: want %lld", (long long)w.doubles,
                       (long long)sx_tangent_work(s, k));
    double *p = w.p;
    *out = (pieces){ .s = s, .k = k };
    out->x0 = p, p += pad(s->n);
    out->n1 = p, p += pad(s->rank);
    out->n2 = p, p += pad(s->rank);
    out->wide = p, p += state_dependent(s) ? pad(s->rank * k) : 0;
    out->column = p, p += pad(k);
    out->single = p, p += pad(2 * s->n);
    for (int i = 0; i < batches_of(s); i++) out->V[i] = p, p += pad(s->n * k);
    out->step = (sx_work){ p, pad(sx_stepper_work(s, 1)), w.exec, w.replica0 };
    p += out->step.doubles;
    out->model = (sx_work){ p, w.doubles - (p - w.p), w.exec, w.replica0 };
    return SX_OK;
}

/* -- derivatives of the drift and of the noise ---------------------------------------------------------------------------------- */

static sx_batch batch_of(const pieces *g, double *p) {
    return sx_as_batch_(p, g->s->n, g->k);
}
static sx_cbatch point(const pieces *g, const double *x) {
    return sx_as_cbatch_(x, g->s->n, 1);
}

/* out = J(t, x) U. Column r of a batch belongs to replica replica0 + r, whose input may be another trial: then every direction
 * goes alone, as a batch of one column of this replica. */
static void directions(const pieces *g, double t, const double *x, const double *U, double *out) {
    const sx_stepper *s = g->s;
    const sx_model_ops *ops = sx_model_operations(s->m);
    const void *self = sx_model_self(s->m);
    if (sx_model_trials(s->m) <= 1) {
        ops->jvp(self, t, point(g, x), sx_as_cbatch_(U, s->n, g->k), batch_of(g, out), g->model);
        return;
    }
    double *u = g->single, *Ju = u + s->n;
    for (int64_t r = 0; r < g->k; r++) {
        for (int64_t i = 0; i < s->n; i++) u[i] = U[i * g->k + r];
        ops->jvp(self, t, point(g, x), sx_as_cbatch_(u, s->n, 1), sx_as_batch_(Ju, s->n, 1), g->model);
        for (int64_t i = 0; i < s->n; i++) out[i * g->k + r] = Ju[i];
    }
}

/* out += factor (U.grad) q for a vector field q of the noise by central differences of sixth order,
 *     q'(x)[u] = [45 (q_1 - q_-1) - 9 (q_2 - q_-2) + (q_3 - q_-3)] / (60 e),   q_l = q(x + l e u),
 * with e |u| = 1e-3 of the largest |x_i|: relative error about (e |u|/scale)^6 + 1e-13. For terms whose derivatives are not among
 * the operations. V[6], V[7] and the numbers per column are taken. */
typedef bool field_fn(const pieces *g, double t, sx_cbatch x, sx_batch out);

static void differences(const pieces *g, field_fn *q, double factor, double t, const double *x, const double *U,
                        double *out) {
    static const double weight[3] = { 45, -9, 1 };
    const int64_t n = g->s->n, k = g->k;
    double *at = g->V[6], *value = g->V[7], *e = g->column, largest = 1e-3;
    for (int64_t i = 0; i < n; i++) largest = fmax(largest, fabs(x[i]));
    for (int64_t r = 0; r < k; r++) {
        double size = 0;
        for (int64_t i = 0; i < n; i++) size = fmax(size, fabs(U[i * k + r]));
        e[r] = size > 0 ? 1e-3 * largest / size : 0.0;
    }
    for (int l = 1; l <= 3; l++)
        for (int sign = 1; sign >= -1; sign -= 2) {
            for (int64_t i = 0; i < n; i++)
                for (int64_t r = 0; r < k; r++) at[i * k + r] = x[i] + sign * l * e[r] * U[i * k + r];
            if (!q(g, t, sx_as_cbatch_(at, n, k), batch_of(g, value))) return;
            const double c = factor * sign * weight[l - 1] / 60;
            for (int64_t i = 0; i < n; i++)
                for (int64_t r = 0; r < k; r++)
                    if (e[r] > 0) out[i * k + r] += c / e[r] * value[i * k + r];
        }
}

static bool ito_correction(const pieces *g, double t, sx_cbatch x, sx_batch out) {
    return sx_model_correction(g->s->m, SX_ITO, t, x, out, g->model);
}
static bool stratonovich_correction(const pieces *g, double t, sx_cbatch x, sx_batch out) {
    return sx_model_correction(g->s->m, SX_STRATONOVICH, t, x, out, g->model);
}
static bool strat(const pieces *g, double t, sx_cbatch x, sx_batch out) {
    const sx_noise *noise = sx_model_noise(g->s->m);
    sx_noise_operations(noise)->strat(sx_noise_self(noise), t, x, out, g->model);
    return true;
}

/* out += factor D_ii''(x_i) U_i for diagonal noise, B_ii(x_i): d2D[U, 1] 1. There B_i B_i' = D_i'/2 and div D = D', so
 * every correction of a diagonal noise is a multiple of D'. */
static void second_derivative(const pieces *g, double factor, double t, const double *x, const double *U, double *out) {
    const sx_noise *noise = sx_model_noise(g->s->m);
    const int64_t size = g->s->n * g->k;
    double *ones = g->V[6], *value = g->V[7];
    for (int64_t i = 0; i < size; i++) ones[i] = 1.0;
    sx_noise_operations(noise)->d2D(sx_noise_self(noise), t, point(g, x), sx_as_cbatch_(U, g->s->n, g->k),
                                    sx_as_cbatch_(ones, g->s->n, g->k), sx_as_cbatch_(ones, g->s->n, g->k),
                                    batch_of(g, value), g->model);
    g->s->k->axpy(size, factor, value, out);
}

static bool has_second(const sx_stepper *s) {
    return s->cls == SX_NOISE_DIAGONAL && sx_noise_operations(sx_model_noise(s->m))->d2D;
}

/* out += (U.grad) c, c the correction of the drift that is read as `as` */
static void add_correction(const pieces *g, sx_calculus as, double t, const double *x, const double *U, double *out) {
    const sx_stepper *s = g->s;
    const sx_calculus own = sx_model_calculus(s->m);
    if (!state_dependent(s) || sx_model_kind(s->m) != SX_FLOW) return;
    if (own == SX_COVARIANT || !has_second(s)) {
        differences(g, as == SX_ITO ? ito_correction : stratonovich_correction, 1.0, t, x, U, out);
        return;
    }
    double factor = own == SX_KINETIC ? 1.0 : own == SX_STRATONOVICH ? 0.5 : 0.0;
    if (as == SX_STRATONOVICH) factor -= 0.5;
    if (factor != 0.0) second_derivative(g, factor, t, x, U, out);
}

/* out = A U of the drift read as `as` */
static void drift(const pieces *g, sx_calculus as, double t, const double *x, const double *U, double *out) {
    directions(g, t, x, U, out);
    add_correction(g, as, t, x, U, out);
}

/* out = (U.grad B(x)) n */
static void noise(const pieces *g, double t, const double *x, const double *n, const double *U, double *out) {
    const sx_stepper *s = g->s;
    const sx_noise *source = sx_model_noise(s->m);
    for (int64_t i = 0; i < s->rank; i++)
        for (int64_t r = 0; r < g->k; r++) g->wide[i * g->k + r] = n[i];
    sx_noise_operations(source)->dB(sx_noise_self(source), t, point(g, x), sx_as_cbatch_(U, s->n, g->k),
                                    sx_as_cbatch_(g->wide, s->rank, g->k), batch_of(g, out), g->model);
    if (SX_MUTANT(tangent_noise)) memset(out, 0, (size_t)(s->n * g->k) * sizeof *out);
}

/* -- one step per method -------------------------------------------------------------------------------------------------------- */

/* Stage j of the step of x, as stepper_sde.c and stepper_ode.c leave it. */
static const double *stage(const pieces *g, int j) {
    return g->step.p + j * sx_stride_(g->s, 1);
}

/* Euler-Maruyama, Leimkuhler-Matthews: U' = U + h A_I U + sqrt(2 h) (U.grad B) n. Milstein adds h (U.grad B_i B_i')(n_i^2 - 1). */
static void euler_maruyama(const pieces *g, double t, double *U) {
    const sx_stepper *s = g->s;
    const int64_t size = s->n * g->k;
    drift(g, SX_ITO, t, g->x0, U, g->V[0]);
    if (!state_dependent(s)) {
        s->k->axpy(size, s->h, g->V[0], U);
        return;
    }
    noise(g, t, g->x0, g->n1, U, g->V[1]);
    if (s->method == SX_METHOD_MILSTEIN) {
        double *q = g->V[2];
        memset(q, 0, (size_t)size * sizeof *q);
        if (has_second(s))
            second_derivative(g, 0.5, t, g->x0, U, q);
        else
            differences(g, strat, 1.0, t, g->x0, U, q);
        for (int64_t i = 0; i < s->n; i++) {
            const double c = g->n1[i] * g->n1[i] - 1.0;
            for (int64_t r = 0; r < g->k; r++) g->V[0][i * g->k + r] += c * q[i * g->k + r];
        }
    }
    s->k->em(size, s->h, g->V[0], s->scale, g->V[1], U);
}

/* U_y = U + h A(x) U + s (U.grad B(x)) n,  U' = U + h/2 [A(x) U + A(y) U_y] + s/2 [(U.grad B(x)) n + (U_y.grad B(y)) n] */
static void heun(const pieces *g, double t, double *U) {
    const sx_stepper *s = g->s;
    const int64_t size = s->n * g->k;
    const double *y = stage(g, 2), h = s->h;
    double *Uy = g->V[1];
    drift(g, SX_STRATONOVICH, t, g->x0, U, g->V[0]);
    s->k->lincomb(size, 1.0, U, h, g->V[0], Uy);
    if (state_dependent(s)) {
        noise(g, t, g->x0, g->n1, U, g->V[3]);
        s->k->axpy(size, s->scale, g->V[3], Uy);
        noise(g, t + h, y, g->n1, Uy, g->V[4]);
        s->k->lincomb(size, 0.5, g->V[3], 0.5, g->V[4], g->V[3]);
    }
    drift(g, SX_STRATONOVICH, t + h, y, Uy, g->V[2]);
    s->k->lincomb(size, 0.5, g->V[0], 0.5, g->V[2], g->V[0]);
    s->k->axpy(size, h, g->V[0], U);
    if (state_dependent(s)) s->k->axpy(size, s->scale, g->V[3], U);
}

/* U_y = U + 3/4 h J(x) U,  U' = U + h/3 [J(x) U + 2 J(y) U_y] */
static void sra(const pieces *g, double t, double *U) {
    const sx_stepper *s = g->s;
    const int64_t size = s->n * g->k;
    directions(g, t, g->x0, U, g->V[0]);
    s->k->lincomb(size, 1.0, U, 0.75 * s->h, g->V[0], g->V[1]);
    directions(g, t + 0.75 * s->h, stage(g, 2), g->V[1], g->V[2]);
    s->k->lincomb(size, 1.0 / 3.0, g->V[0], 2.0 / 3.0, g->V[2], g->V[0]);
    s->k->axpy(size, s->h, g->V[0], U);
}

/* K_j = J(y_j)(U + c_j h K_{j-1}),  U' = U + h sum_j w_j K_j;  y_j = x + c_j h k_{j-1} from the slopes that the step has left */
static void rk4(const pieces *g, double t, double *U) {
    static const double weight[4] = { 1.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 6 };
    static const double node[4] = { 0.0, 0.5, 0.5, 1.0 };
    const sx_stepper *s = g->s;
    const int64_t size = s->n * g->k;
    double *K = g->V[0], *Uy = g->V[1], *sum = g->V[2], *y = g->step.p + 4 * sx_stride_(s, 1);
    directions(g, t, g->x0, U, K);
    s->k->lincomb(size, 1.0, U, s->h * weight[0], K, sum);
    for (int j = 1; j < 4; j++) {
        s->k->lincomb(s->n, 1.0, g->x0, node[j] * s->h, stage(g, j - 1), y);
        s->k->lincomb(size, 1.0, U, node[j] * s->h, K, Uy);
        directions(g, t + node[j] * s->h, y, Uy, K);
        s->k->axpy(size, s->h * weight[j], K, sum);
    }
    memcpy(U, sum, (size_t)size * sizeof *U);
}

/* U' = J U + sqrt 2 (U.grad B) n */
static void map(const pieces *g, double t, double *U) {
    const sx_stepper *s = g->s;
    const int64_t size = s->n * g->k;
    directions(g, t, g->x0, U, g->V[0]);
    if (state_dependent(s)) {
        noise(g, t, g->x0, g->n1, U, g->V[1]);
        s->k->axpy(size, s->scale, g->V[1], g->V[0]);
    }
    memcpy(U, g->V[0], (size_t)size * sizeof *U);
}

/* U' = e^{A h} U */
static void exact(const pieces *g, double *U) {
    const sx_stepper *s = g->s;
    const int64_t n = s->n, k = g->k;
    if (s->exact_diagonal) {
        s->k->scale_rows(n, k, s->E, U, U);
        return;
    }
    sx_gemm(false, false, n, k, n, 1.0, s->E, n, U, k, 0.0, g->V[0], k);
    memcpy(U, g->V[0], (size_t)(n * k) * sizeof *U);
}

/* -- the step ------------------------------------------------------------------------------------------------------------------- */

static sx_status step_both(sx_ctx *ctx, const pieces *g, double t, sx_batch x, sx_batch U) {
    const sx_stepper *s = g->s;
    memcpy(g->x0, x.x, (size_t)s->n * sizeof *x.x);
    SX_TRY(ctx, sx_stepper_step_with(ctx, s, t, x, sx_as_cbatch_(g->n1, s->rank, 1), sx_as_cbatch_(g->n2, s->rank, 1),
                                     g->step));
    switch (s->method) {
    case SX_METHOD_EULER_MARUYAMA:
    case SX_METHOD_MILSTEIN:
    case SX_METHOD_LEIMKUHLER_MATTHEWS:
        euler_maruyama(g, t, U.x);
        break;
    case SX_METHOD_HEUN:
        heun(g, t, U.x);
        break;
    case SX_METHOD_SRA:
        sra(g, t, U.x);
        break;
    case SX_METHOD_RK4:
        rk4(g, t, U.x);
        break;
    case SX_METHOD_MAP:
        map(g, t, U.x);
        break;
    case SX_METHOD_EXACT:
        exact(g, U.x);
        break;
    case SX_METHOD_AUTO:
    case SX_METHOD_DORMAND_PRINCE:
    case SX_METHOD_CVODE:
        return SX_FAIL(ctx, SX_E_INTERNAL, "method = %s has no tangent", s->row->name);
    }
    return SX_OK;
}

sx_status sx_tangent_step(sx_ctx *ctx, const sx_stepper *s, sx_key key, double t0, int64_t step, int64_t replica,
                          sx_batch x, sx_batch U, sx_work w) {
    pieces g;
    w.replica0 = replica;
    SX_TRY(ctx, cut(ctx, s, x, U, w, &g));
    const uint32_t r = (uint32_t)replica;
    if (s->rank > 0) {
        s->k->normal(key, (uint64_t)step, SX_SLOT_DW, r, s->rank, 1, g.n1);
        if (s->row->draw == SX_DRAW_DZ_) s->k->normal(key, (uint64_t)step, SX_SLOT_DZ, r, s->rank, 1, g.n2);
        if (s->row->draw == SX_DRAW_NEXT_) s->k->normal(key, (uint64_t)step + 1, SX_SLOT_DW, r, s->rank, 1, g.n2);
    }
    SX_TRY(ctx, step_both(ctx, &g, t0 + (double)step * s->h, x, U));
    return SX_OK;
}

sx_status sx_tangent_step_with(sx_ctx *ctx, const sx_stepper *s, double t, sx_batch x, sx_batch U, const double *dW,
                               const double *dZ, sx_work w) {
    pieces g;
    SX_TRY(ctx, cut(ctx, s, x, U, w, &g));
    const size_t bytes = (size_t)s->rank * sizeof(double);
    if (dW)
        memcpy(g.n1, dW, bytes);
    else
        memset(g.n1, 0, bytes);
    if (dZ)
        memcpy(g.n2, dZ, bytes);
    else
        memset(g.n2, 0, bytes);
    SX_TRY(ctx, step_both(ctx, &g, t, x, U));
    return SX_OK;
}

double sx_tangent_flops(const sx_stepper *s, int64_t k) {
    const double n = (double)s->n, columns = (double)k, J = 2.0 * sx_model_flops(s->m) * columns;
    if (s->method == SX_METHOD_EXACT) return sx_stepper_flops(s) + (s->exact_diagonal ? 1.0 : 2.0 * n) * n * columns;
    const double stages = s->row->evaluations;
    return sx_stepper_flops(s) + stages * (J + (state_dependent(s) ? 60.0 : 6.0) * n * columns);
}
