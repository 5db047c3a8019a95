// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Newton's method with line search for G(x) = 0, and the minimisation of the speed q = |G|^2/2.
 *
 *     A d = -G,  x <- x + h d,   h halved until |G| falls by the factor 1 - 1e-4 h      (Dennis and Schnabel 1983, ch. 6)
 *
 * dense: LU; krylov: GMRES(60) (Saad and Schultz 1986) with the forcing terms of Eisenstat and Walker (1996), choice 2. Deflation searches
 * the roots of m G with m = prod_k (1 + s^2/|x - r_k|^2), which has none at r_k (Farrell, Birkisson and Funke 2015). By the formula of
 * Sherman and Morrison its Newton step is that of G times 1/(1 - grad ln m . d): nothing more is solved. */
#include "fixed_points_private.h"

#include "core/linalg.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { BASIS = 60, RESTARTS = 10, HALVINGS = 25, POLISH = 60, CG_STEPS = 200 };

static int64_t pad(int64_t doubles) {
    return (doubles + 7) & ~INT64_C(7);
}

static int64_t model_doubles(const sx_root_system *s) {
    const sx_model_ops *o = sx_model_operations(s->model);
    const void *self = sx_model_self(s->model);
    static const sx_op ops[] = { SX_OP_F, SX_OP_JVP, SX_OP_VJP, SX_OP_PHV, SX_OP_JACOBIAN };
    int64_t most = 0;
    for (int k = 0; k < (s->dense ? 5 : 4); k++) {
        int64_t need = o->work(self, ops[k], 1);
        most = need > most ? need : most;
    }
    return pad(most);
}

static int64_t basis_of(const sx_root_system *s) {
    return s->n < BASIS ? s->n : BASIS;
}
static int64_t krylov_doubles(const sx_root_system *s) {
    int64_t basis = s->dense ? 0 : (basis_of(s) + 1) * pad(s->n), gradients = 5 * pad(s->n);
    return basis > gradients ? basis : gradients;
}
enum { SMALL = (BASIS + 1) * (BASIS + 4) };

int64_t sx_root_doubles(const sx_root_system *s) {
    return 4 * pad(s->n) + (s->dense ? 2 * pad(s->n * s->n) : 0) + krylov_doubles(s) + pad(SMALL) + model_doubles(s);
}

void sx_root_carve(const sx_root_system *s, double *p, const sx_exec *exec, sx_root_work *w) {
    int64_t n = pad(s->n);
    w->g = p;
    w->g_new = p + n;
    w->x_new = p + 2 * n;
    w->step = p + 3 * n;
    w->a = p += 4 * n;
    p += s->dense ? 2 * pad(s->n * s->n) : 0;
    w->krylov = p;
    p += krylov_doubles(s);
    w->small = p;
    p += pad(SMALL);
    w->model = (sx_work){ .p = p, .doubles = model_doubles(s), .exec = exec };
}

double sx_max_abs(int64_t n, const double *x) {
    double most = 0;
    for (int64_t i = 0; i < n; i++) {
        if (!isfinite(x[i])) return HUGE_VAL;
        most = fmax(most, fabs(x[i]));
    }
    return most;
}

void sx_root_G(const sx_root_system *s, const double *x, double *g, sx_root_work *w) {
    sx_model_F(s->model, s->t, (sx_cbatch){ x, s->n, 1 }, (sx_batch){ g, s->n, 1 }, w->model);
    for (int64_t i = 0; s->map && i < s->n; i++) g[i] -= x[i];
}

typedef void (*product)(const void *, double, sx_cbatch, sx_cbatch, sx_batch, sx_work);

/* out = A u or A^T u */
static void apply(const sx_root_system *s, product op, const double *x, const double *u, double *out, sx_root_work *w) {
    op(sx_model_self(s->model), s->t, (sx_cbatch){ x, s->n, 1 }, (sx_cbatch){ u, s->n, 1 }, (sx_batch){ out, s->n, 1 },
       w->model);
    for (int64_t i = 0; s->map && i < s->n; i++) out[i] -= u[i];
}

void sx_root_matrix(const sx_root_system *s, const double *x, double *a, sx_root_work *w) {
    const sx_model_ops *o = sx_model_operations(s->model);
    int64_t n = s->n;
    if (o->jacobian) {
        o->jacobian(sx_model_self(s->model), s->t, x, a, w->model);
        for (int64_t i = 0; s->map && i < n; i++) a[i * n + i] -= 1;
        return;
    }
    double *unit = w->krylov, *column = w->krylov + pad(n);
    memset(unit, 0, (size_t)n * sizeof *unit);
    for (int64_t j = 0; j < n; j++) {
        unit[j] = 1;
        apply(s, o->jvp, x, unit, column, w);
        unit[j] = 0;
        for (int64_t i = 0; i < n; i++) a[i * n + j] = column[i];
    }
}

static double norm(const sx_root_system *s, const double *x) {
    return sqrt(s->kernels->dot(s->n, x, x));
}

/* -- linear solves ------------------------------------------------------------------------------------------------------------- */

/* A d = -g by LU; where A is singular (A^T A + mu) d = -A^T g with a small mu. */
static sx_status solve_dense(sx_ctx *ctx, const sx_root_system *s, const double *x, double *d, sx_root_work *w,
                             bool *solved) {
    int64_t n = s->n;
    double *a = w->a, *b = w->a + pad(n * n), trace = 0;
    sx_root_matrix(s, x, a, w);
    *solved = sx_max_abs(n * n, a) < HUGE_VAL;
    if (!*solved) return SX_OK;
    sx_status status = sx_solve(ctx, n, 1, a, w->g, d);
    if (status == SX_E_NUMERIC || (status >= 0 && !(sx_max_abs(n, d) < HUGE_VAL))) {
        sx_ctx_clear(ctx);
        sx_gemm(true, false, n, n, n, 1, a, n, a, n, 0, b, n);
        for (int64_t i = 0; i < n; i++) trace += b[i * n + i];
        for (int64_t i = 0; i < n; i++) b[i * n + i] += 1e-10 * trace / (double)n + 1e-300;
        sx_gemm(true, false, n, 1, n, 1, a, n, w->g, 1, 0, w->g_new, 1);
        status = sx_solve(ctx, n, 1, b, w->g_new, d);
        *solved = status >= 0;
        if (status == SX_E_NUMERIC) {
            sx_ctx_clear(ctx);
            return SX_OK;
        }
    }
    SX_TRY(ctx, status);
    for (int64_t i = 0; i < n; i++) d[i] = -d[i];
    return SX_OK;
}

/* A rotation that takes (a, b) to (r, 0). */
static void rotation(double a, double b, double *c, double *s) {
    double r = hypot(a, b);
    *c = r > 0 ? a / r : 1;
    *s = r > 0 ? b / r : 0;
}

/* One cycle of GMRES for A d = -g from d; the residual's norm afterwards. */
static double gmres_cycle(const sx_root_system *s, const double *x, double *d, double goal, sx_root_work *w) {
    product jvp = sx_model_operations(s->model)->jvp;
    int64_t n = s->n, m = basis_of(s), row = pad(n), k = 0;
    double *V = w->krylov, *H = w->small, *c = H + (BASIS + 1) * BASIS, *sn = c + BASIS, *rhs = sn + BASIS;
    apply(s, jvp, x, d, V, w);
    for (int64_t i = 0; i < n; i++) V[i] = -w->g[i] - V[i];
    double beta = norm(s, V), left = beta;
    if (!(beta > goal) || !isfinite(beta)) return beta;
    for (int64_t i = 0; i < n; i++) V[i] /= beta;
    rhs[0] = beta;
    while (k < m && left > goal) {
        double *v = V + (k + 1) * row, *h = H + k * (BASIS + 1), before, after;
        apply(s, jvp, x, V + k * row, v, w);
        before = norm(s, v);
        for (int64_t j = 0; j <= k; j++) h[j] = 0;
        for (int pass = 0; pass < 2; pass++)
            for (int64_t j = 0; j <= k; j++) {
                double p = s->kernels->dot(n, V + j * row, v);
                h[j] += p;
                s->kernels->axpy(n, -p, V + j * row, v);
            }
        after = norm(s, v);
        for (int64_t j = 0; j < k; j++) {
            double p = c[j] * h[j] + sn[j] * h[j + 1];
            h[j + 1] = -sn[j] * h[j] + c[j] * h[j + 1];
            h[j] = p;
        }
        rotation(h[k], after, &c[k], &sn[k]);
        h[k] = c[k] * h[k] + sn[k] * after;
        rhs[k + 1] = -sn[k] * rhs[k];
        rhs[k] *= c[k];
        left = fabs(rhs[++k]);
        if (!(after > 1e-14 * before)) break;
        for (int64_t i = 0; i < n; i++) v[i] /= after;
    }
    for (int64_t i = k - 1; i >= 0; i--) {
        for (int64_t j = i + 1; j < k; j++) rhs[i] -= H[j * (BASIS + 1) + i] * rhs[j];
        double pivot = H[i * (BASIS + 1) + i];
        rhs[i] = pivot != 0 ? rhs[i] / pivot : 0;
        s->kernels->axpy(n, rhs[i], V + i * row, d);
    }
    return left;
}

static void solve_krylov(const sx_root_system *s, const double *x, double forcing, double *d, sx_root_work *w,
                         bool *solved) {
    double g = norm(s, w->g), goal = forcing * g, left = g;
    memset(d, 0, (size_t)s->n * sizeof *d);
    for (int k = 0; k < RESTARTS && left > goal; k++) left = gmres_cycle(s, x, d, goal, w);
    *solved = left < g && sx_max_abs(s->n, d) < HUGE_VAL; /* what it has is a descent direction of |G| */
}

/* -- Newton ------------------------------------------------------------------------------------------------------------------------ */

/* ln m and grad ln m . d */
static double deflation_log(const sx_deflation *f, int64_t n, const double *x, const double *d, double *slope) {
    double total = 0;
    *slope = 0;
    for (int64_t k = 0; f && k < f->k; k++) {
        const double *r = f->points + k * n;
        double d2 = 0, along = 0;
        for (int64_t i = 0; i < n; i++) {
            double e = x[i] - r[i];
            d2 += e * e;
            if (d) along += e * d[i];
        }
        total += log1p(f->scale2 / d2);
        *slope -= 2 * f->scale2 * along / (d2 * (d2 + f->scale2));
    }
    return total;
}

/* Below the tolerance: full steps as long as they halve the residual. */
static void polish(const sx_root_system *s, double *x, double memory[4], double residual, sx_root_work *w,
                   int *outcome) {
    int64_t n = s->n;
    for (int64_t i = 0; i < n; i++) {
        double to = x[i] + w->step[i];
        w->x_new[i] = fabs(to) < DBL_MIN ? 0 : to; /* rounding, no coordinate */
    }
    sx_root_G(s, w->x_new, w->g_new, w);
    double next = sx_max_abs(n, w->g_new);
    if (next < residual) memcpy(x, w->x_new, (size_t)n * sizeof *x);
    memory[2] += 1;
    *outcome = next <= 0.5 * residual && next > 0 && memory[2] < POLISH ? SX_ROOT_GOING : SX_ROOT_CONVERGED;
}

sx_status sx_newton_step(sx_ctx *ctx, const sx_root_system *s, const sx_deflation *deflation, double *x,
                         double memory[4], sx_root_work *w, int *outcome) {
    int64_t n = s->n;
    bool solved = false;
    *outcome = SX_ROOT_FAILED;
    sx_root_G(s, x, w->g, w);
    double residual = sx_max_abs(n, w->g), size = 1 + sx_max_abs(n, x);
    if (!isfinite(residual)) return SX_OK;
    bool near = residual <= s->tolerance * size, exact = residual <= 8 * DBL_EPSILON * size;
    if (residual == 0) {
        *outcome = SX_ROOT_CONVERGED;
        memory[1] = 0;
        return SX_OK;
    }
    double g = norm(s, w->g), forcing = 0.1;
    if (memory[0] > 0) forcing = fmin(fmax(0.9 * g * g / (memory[0] * memory[0]), 1e-6), 0.1);
    memory[0] = g;
    if (s->dense)
        SX_TRY(ctx, solve_dense(ctx, s, x, w->step, w, &solved));
    else
        solve_krylov(s, x, near ? 1e-3 : forcing, w->step, w, &solved);
    if (!solved) {
        *outcome = exact ? SX_ROOT_CONVERGED : SX_ROOT_FAILED;
        return SX_OK;
    }
    /* A small residual alone is no root: where A is nearly singular the step says how far the root may be. */
    memory[1] = sx_max_abs(n, w->step);
    if (near && (exact || memory[1] <= s->resolution * size)) {
        polish(s, x, memory, residual, w, outcome);
        return SX_OK;
    }
    double slope, ignored, m = deflation_log(deflation, n, x, w->step, &slope), h = 1;
    if (deflation && deflation->k) h = 1 / (1 - slope);
    double most = 10 * size / memory[1]; /* a step goes no further than ten times the size of x */
    if (!(fabs(h) <= most)) h = copysign(most, h);
    for (int k = 0; k < HALVINGS; k++, h *= 0.5) {
        for (int64_t i = 0; i < n; i++) w->x_new[i] = x[i] + h * w->step[i];
        sx_root_G(s, w->x_new, w->g_new, w);
        double next = norm(s, w->g_new);
        if (!isfinite(next)) continue;
        double log_ratio = deflation_log(deflation, n, w->x_new, NULL, &ignored) - m;
        if (next * exp(fmin(log_ratio, 700)) > (1 - 1e-4 * fmin(fabs(h), 1)) * g) continue;
        memcpy(x, w->x_new, (size_t)n * sizeof *x);
        *outcome = SX_ROOT_GOING;
        return SX_OK;
    }
    return SX_OK;
}

/* -- minima of the speed -------------------------------------------------------------------------------------------------------------- */

/* out = (A^T A + sum_k G_k d2 G_k) v, the second derivative of q; without phv the first part alone (Gauss and Newton). */
static void curvature(const sx_root_system *s, const double *x, const double *v, double *out, double *between,
                      sx_root_work *w) {
    const sx_model_ops *o = sx_model_operations(s->model);
    int64_t n = s->n;
    apply(s, o->jvp, x, v, between, w);
    apply(s, o->vjp, x, between, out, w);
    if (!s->curved) return;
    o->phv(sx_model_self(s->model), s->t, (sx_cbatch){ x, n, 1 }, (sx_cbatch){ w->g, n, 1 }, (sx_cbatch){ v, n, 1 },
           (sx_batch){ between, n, 1 }, w->model);
    s->kernels->axpy(n, 1, between, out);
}

/* tau >= 0 with |p + tau d| = radius */
static double to_boundary(const sx_root_system *s, const double *p, const double *d, double radius) {
    double pp = s->kernels->dot(s->n, p, p), pd = s->kernels->dot(s->n, p, d), dd = s->kernels->dot(s->n, d, d);
    return (-pd + sqrt(fmax(pd * pd + dd * (radius * radius - pp), 0))) / dd;
}

/* p minimises the quadratic model in |p| <= radius, roughly (Steihaug 1983); the fall of the model is returned. */
static double trust_step(const sx_root_system *s, const double *x, const double *gradient, double radius, double *p,
                         double *r, double *d, double *Hd, double *between, sx_root_work *w, bool *at_boundary) {
    const sx_kernels *k = s->kernels;
    int64_t n = s->n, steps = 2 * n + 10 < CG_STEPS ? 2 * n + 10 : CG_STEPS;
    double start = norm(s, gradient), rr = start * start, fall = 0;
    double goal = fmin(0.1, sqrt(start)) * start;
    memset(p, 0, (size_t)n * sizeof *p);
    memcpy(r, gradient, (size_t)n * sizeof *r);
    for (int64_t i = 0; i < n; i++) d[i] = -gradient[i];
    *at_boundary = false;
    for (int64_t step = 0; step < steps && sqrt(rr) > goal; step++) {
        curvature(s, x, d, Hd, between, w);
        double dHd = k->dot(n, d, Hd), rd = k->dot(n, r, d), alpha = rr / dHd;
        double pp = k->dot(n, p, p), pd = k->dot(n, p, d), dd = k->dot(n, d, d);
        bool out = !(dHd > 0) || pp + 2 * alpha * pd + alpha * alpha * dd >= radius * radius;
        if (out) alpha = to_boundary(s, p, d, radius);
        fall -= alpha * rd + 0.5 * alpha * alpha * dHd;
        k->axpy(n, alpha, d, p);
        *at_boundary = out;
        if (out) break;
        k->axpy(n, alpha, Hd, r);
        double next = k->dot(n, r, r);
        for (int64_t i = 0; i < n; i++) d[i] = -r[i] + next / rr * d[i];
        rr = next;
    }
    return fall;
}

sx_status sx_speed_step(sx_ctx *ctx, const sx_root_system *s, double *x, double memory[4], sx_root_work *w,
                        int *outcome) {
    int64_t n = s->n, row = pad(n);
    double *gradient = w->krylov, *r = gradient + row, *d = r + row, *Hd = d + row, *between = Hd + row, *p = w->step;
    bool at_boundary;
    (void)ctx;
    *outcome = SX_ROOT_FAILED;
    sx_root_G(s, x, w->g, w);
    double size = 1 + sx_max_abs(n, x), speed = 0.5 * s->kernels->dot(n, w->g, w->g);
    if (!isfinite(speed)) return SX_OK;
    if (speed == 0) {
        *outcome = SX_ROOT_CONVERGED;
        return SX_OK;
    }
    if (!(memory[0] > 0)) memory[0] = 0.3 * size * sqrt((double)n);
    apply(s, sx_model_operations(s->model)->vjp, x, w->g, gradient, w);
    double fall = trust_step(s, x, gradient, memory[0], p, r, d, Hd, between, w, &at_boundary);
    double length = norm(s, p);
    for (int64_t i = 0; i < n; i++) w->x_new[i] = x[i] + p[i];
    sx_root_G(s, w->x_new, w->g_new, w);
    double next = 0.5 * s->kernels->dot(n, w->g_new, w->g_new);
    double ratio = isfinite(next) && fall > 0 ? (speed - next) / fall : -1;
    if (ratio < 0.25)
        memory[0] = 0.25 * length;
    else if (ratio > 0.75 && at_boundary)
        memory[0] *= 2;
    if (next < speed) memcpy(x, w->x_new, (size_t)n * sizeof *x);
    bool still = sx_max_abs(n, p) <= 1e-10 * size;
    *outcome = still || !(fall > 0) ? SX_ROOT_CONVERGED : SX_ROOT_GOING;
    return SX_OK;
}
