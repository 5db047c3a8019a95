// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* What the eigenvalues of J say of a point. With lambda those of a flow and zeta those of a map:
 *     unstable    Re lambda > 0, |zeta| > 1
 *     rate        -max Re lambda, -ln max |zeta|
 *     index       sign det(-J) = (-1)^(real lambda > 0),  sign det(1 - J) = (-1)^(real zeta > 1)
 * Up to 3000 units all of them are computed; beyond, Krylov-Schur finds the rightmost (largest) until a stable one is among them. */
#include "fixed_points_private.h"

#include "core/krylov.h"
#include "core/linalg.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { DENSE_LIMIT = 3000, MODES_FIRST = 6, MODES_MOST = 48, SAMPLES = 8 };

/* A rate that is typical of the box: |G(y)| over the distance to y, the largest of a few. Eigenvalues far below it are 0 to rounding. */
static double typical_rate(const sx_fp *s, const sx_root_system *system, const sx_fp_point *p, sx_root_work *w) {
    double most = 0;
    for (int64_t k = 0; k < SAMPLES; k++) {
        sx_fp_random(s, "rate", k, w->x_new);
        sx_root_G(system, w->x_new, w->g, w);
        double G = sx_max_abs(s->n, w->g), far = 0;
        for (int64_t i = 0; i < s->n; i++) far = fmax(far, fabs(w->x_new[i] - p->x[i]));
        if (isfinite(G) && far > 0) most = fmax(most, G / far);
    }
    return most;
}

/* From `count` eigenvalues, all of them or (partial) the leading ones down to a stable one. */
static void classify(const sx_fp *s, sx_fp_point *p, double scale, int64_t count, const double *re, const double *im,
                     bool partial) {
    double lead = -HUGE_VAL, lead_im = 0, edge;
    int64_t unstable = 0, odd = 0;
    bool neutral = false, singular = false, complex_unstable = false;
    for (int64_t k = 0; k < count; k++) scale = fmax(scale, hypot(re[k], im[k]));
    edge = 1e-9 * (s->map ? 1 : scale);
    for (int64_t k = 0; k < count; k++) {
        double size = hypot(re[k], im[k]), growth = s->map ? size - 1 : re[k];
        if (growth > lead) {
            lead = growth;
            lead_im = im[k];
        }
        if (fabs(growth) <= edge) neutral = true;
        if (fabs(s->map ? re[k] - 1 : re[k]) <= edge && fabs(im[k]) <= edge) singular = true;
        if (growth > 0) {
            unstable++;
            complex_unstable = complex_unstable || im[k] != 0;
        }
        odd += im[k] == 0 && (s->map ? re[k] > 1 : re[k] > 0);
    }
    p->rate = s->map ? -log1p(lead) : -lead;
    if (s->map && !(lead > -1)) p->rate = 1e300; /* every direction dies in one step */
    if (partial && lead <= 0) lead_im = im[0];
    p->n_unstable = unstable;
    p->index = singular ? 0 : odd % 2 ? -1 : 1;
    bool focus = unstable == 0 || unstable == s->n ? lead_im != 0 : complex_unstable;
    const char *kind = neutral            ? "non-hyperbolic"
                       : unstable == 0    ? (focus ? "stable focus" : "stable node")
                       : unstable == s->n ? (focus ? "unstable focus" : "unstable node")
                       : focus            ? "saddle focus"
                                          : "saddle";
    snprintf(p->kind, sizeof p->kind, "%s", p->slow ? "slow" : kind);
}

static sx_status by_all(sx_ctx *ctx, const sx_fp *s, const sx_root_system *system, sx_fp_point *p, double scale,
                        sx_root_work *w) {
    int64_t n = s->n;
    double *a = NULL, *re = NULL, *im = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, n * n, sizeof *a, &a));
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *re, &re));
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *im, &im));
    sx_root_matrix(system, p->x, a, w);
    for (int64_t i = 0; s->map && i < n; i++) a[i * n + i] += 1;
    if (!(sx_max_abs(n * n, a) < HUGE_VAL)) goto done; /* J has no value here: not known */
    SX_GO(ctx, status, done, sx_eigenvalues(ctx, n, a, re, im));
    classify(s, p, scale, n, re, im, false);
done:
    sx_free(ctx, im);
    sx_free(ctx, re);
    sx_free(ctx, a);
    return status;
}

typedef struct jacobian {
    const sx_fp *s;
    const sx_root_system *system;
    const double *x;
    sx_root_work *w;
} jacobian;

static sx_status apply_jacobian(void *user, sx_ctx *ctx, int64_t b, const double *x, double *y) {
    const jacobian *j = user;
    (void)ctx;
    sx_model_operations(j->system->model)
        ->jvp(sx_model_self(j->system->model), j->system->t, (sx_cbatch){ j->x, j->s->n, 1 },
              (sx_cbatch){ x, j->s->n, b }, (sx_batch){ y, j->s->n, b }, j->w->model);
    return SX_OK;
}

static sx_status by_krylov(sx_ctx *ctx, const sx_fp *s, const sx_root_system *system, sx_fp_point *p, double scale,
                           sx_root_work *w) {
    jacobian j = { s, system, p->x, w };
    sx_operator a = { .n = s->n, .user = &j, .apply = apply_jacobian, .block = 1 };
    for (int k = MODES_FIRST; k <= MODES_MOST; k *= 2) {
        sx_krylov_opts o = { .k = k,
                             .wanted = s->map ? SX_WANTED_LARGEST : SX_WANTED_RIGHTMOST,
                             .tolerance = 1e-6,
                             .norm = -1,
                             .restarts = 60,
                             .filter = s->map ? SX_FILTER_NONE : SX_FILTER_AUTO,
                             .key = sx_key_derive(s->key, "modes", 0) };
        sx_modes m = { 0 };
        sx_status status = sx_krylov_eigen(ctx, &a, &o, &m);
        if (status < 0) return status;
        double last = m.converged > 0
                          ? (s->map ? hypot(m.re[m.converged - 1], m.im[m.converged - 1]) - 1 : m.re[m.converged - 1])
                          : 1;
        bool enough = status == SX_OK && last < 0;
        if (enough) classify(s, p, scale, m.converged, m.re, m.im, true);
        sx_modes_free(ctx, &m);
        if (enough || status != SX_OK) return SX_OK;
    }
    return SX_OK;
}

typedef struct job {
    const sx_fp *s;
    sx_fp_points *all;
    const sx_exec *exec;
} job;

static sx_status one_point(sx_ctx *ctx, int64_t k, int worker, void *arg) {
    const job *j = arg;
    const sx_fp *s = j->s;
    sx_fp_point *p = &j->all->p[k];
    sx_root_system system = sx_fp_system(s, p->context);
    sx_root_work w;
    double *scratch = NULL;
    (void)worker;
    p->n_unstable = -1;
    p->index = 0;
    p->rate = 0;
    snprintf(p->kind, sizeof p->kind, "%s", p->slow ? "slow" : "unknown");
    SX_TRY(ctx, sx_alloc(ctx, sx_root_doubles(&system), sizeof *scratch, &scratch));
    sx_root_carve(&system, scratch, j->exec, &w);
    double scale = typical_rate(s, &system, p, &w);
    sx_status status =
        s->n <= DENSE_LIMIT ? by_all(ctx, s, &system, p, scale, &w) : by_krylov(ctx, s, &system, p, scale, &w);
    sx_free(ctx, scratch);
    return status;
}

sx_status sx_fp_stability(sx_ctx *ctx, const sx_fp *s, sx_fp_points *all) {
    job j = { s, all, NULL };
    if (s->n <= DENSE_LIMIT) return sx_parallel_for(ctx, all->n, one_point, &j);
    j.exec = sx_ctx_exec(ctx);
    for (int64_t k = 0; k < all->n; k++) SX_TRY(ctx, one_point(ctx, k, 0, &j));
    return SX_OK;
}
