// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Large spectra, checked and measured; minutes of work, so tools/nightly.sh runs it and the ordinary tests do not.
 *   large_spectrum            everything
 *   large_spectrum modes      N = 1e5, 1e7 couplings: the 20 slowest modes to residuals of 1e-8, memory at most the matrix and 150 vectors
 *   large_spectrum density    N = 4000 against dense spectra: cumulative densities to 0.01 (symmetric) and 0.03 (non-normal, smoothed at 0.05 of
 *                             the radius), K(1) to 3/sqrt(N S)
 * J = -1 + g W, W a sparse random matrix of spectral radius 1: the edge of a disc, where modes are dense. */
#include "core/krylov.h"
#include "core/linalg.h"
#include "core/spectral_density.h"

#include <separatrix/coupling.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int failures;

static void expect(bool right, const char *what) {
    if (!right) {
        printf("  WRONG: %s\n", what);
        ++failures;
    }
}

static void need(sx_ctx *ctx, sx_status status) {
    if (status == SX_OK) return;
    fprintf(stderr, "%s\n%s", sx_ctx_message(ctx), sx_ctx_trace(ctx));
    exit(1);
}

typedef struct clocks {
    double wall, cpu;
} clocks;
static clocks now(void) {
    struct timespec w, c;
    clock_gettime(CLOCK_MONOTONIC, &w);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &c);
    return (clocks){ (double)w.tv_sec + 1e-9 * (double)w.tv_nsec, (double)c.tv_sec + 1e-9 * (double)c.tv_nsec };
}

/* -1 + W, or -1 + (W + W^T)/2 */
typedef struct network {
    int64_t n;
    sx_coupling *w;
    bool symmetric;
    double *scratch;
    int64_t doubles;
} network;

static void product(network *s, sx_ctx *ctx, bool transposed, int64_t b, const double *x, double *y) {
    sx_work work = { s->scratch, s->doubles, sx_ctx_exec(ctx), 0 };
    sx_cbatch in = { x, s->n, b };
    sx_batch out = { y, s->n, b };
    memcpy(y, x, (size_t)(s->n * b) * sizeof *y);
    sx_coupling_apply(s->w, transposed, s->symmetric ? 0.5 : 1, in, -1, out, work);
    if (s->symmetric) sx_coupling_apply(s->w, !transposed, 0.5, in, 1, out, work);
}
static sx_status apply(void *user, sx_ctx *ctx, int64_t b, const double *x, double *y) {
    product(user, ctx, false, b, x, y);
    return SX_OK;
}
static sx_status adjoint(void *user, sx_ctx *ctx, int64_t b, const double *x, double *y) {
    product(user, ctx, true, b, x, y);
    return SX_OK;
}

static sx_operator create(sx_ctx *ctx, int64_t n, double per_row, bool symmetric, network *s) {
    sx_ensemble e = { 0 };
    sx_fields_default(sx_ensemble_fields, &e);
    e.struct_size = sizeof e;
    e.kind = SX_ENSEMBLE_SPARSE;
    e.n = n;
    e.g = 0.9;
    e.density = per_row / (double)n;
    *s = (network){ .n = n, .symmetric = symmetric };
    need(ctx, sx_coupling_realise(ctx, &e, sx_key_seed(1), &s->w));
    s->doubles = sx_coupling_work(s->w, 8);
    need(ctx, sx_alloc(ctx, s->doubles, sizeof *s->scratch, &s->scratch));
    return (sx_operator){ n, s, apply, adjoint, 8 };
}
static void destroy(sx_ctx *ctx, network *s) {
    sx_coupling_free(ctx, s->w);
    sx_free(ctx, s->scratch);
}

static bool report(void *user, const char *what, double done, double total) {
    (void)user;
    fprintf(stderr, "  %s %g of %g\n", what, done, total);
    return true;
}

static void modes(int64_t n, double per_row, int filter) {
    sx_host host = { .struct_size = sizeof host, .progress = getenv("SX_VERBOSE") ? report : NULL };
    sx_ctx *ctx = sx_ctx_create(&host),
           *solver = sx_ctx_create(&host); /* the solver's own: its peak is that of the iteration alone */
    network s;
    sx_operator a = create(ctx, n, per_row, false, &s);
    double built = (double)(sx_ctx_peak_bytes(ctx) - sx_ctx_bytes(ctx)) / (8.0 * (double)n);
    sx_krylov_opts o = { .k = 20,
                         .wanted = SX_WANTED_RIGHTMOST,
                         .tolerance = 1e-8,
                         .filter = filter,
                         .key = sx_key_seed(7),
                         .what = "modes" };
    sx_modes m;
    clocks t = now();
    sx_status status = sx_krylov_eigen(solver, &a, &o, &m);
    clocks u = now();
    if (status != SX_NOT_CONVERGED) need(solver, status);
    /* the matrix: a number and a column for each coupling, a start for each row */
    const double matrix = 12 * (double)sx_coupling_nonzeros(s.w) + 8 * (double)(n + 1);
    const double held = (double)sx_coupling_bytes(s.w) - matrix;
    double worst = 0, vectors = ((double)sx_ctx_peak_bytes(solver) + held) / (8.0 * (double)n);
    for (int k = 0; k < m.count; ++k) worst = fmax(worst, m.residual[k] / hypot(m.re[k], m.im[k]));
    printf("%d slowest modes of %" PRId64 " units, %" PRId64 " couplings: rates %.6f to %.6f\n"
           "  %d converged, largest residual %.2g |lambda|; %d restarts, %" PRId64 " products, filter of degree %d\n"
           "  %.1f s, %.1f s of processor time on %d threads; memory beyond the matrix of %.0f MB: %.1f vectors (%.1f "
           "for a "
           "moment while it is built)\n",
           m.count, n, sx_coupling_nonzeros(s.w), -m.re[0], -m.re[m.count - 1], m.converged, worst, m.restarts,
           m.products, m.degree, u.wall - t.wall, u.cpu - t.cpu, sx_ctx_threads(ctx), 1e-6 * matrix, vectors, built);
    expect(m.converged >= 20 && worst <= 1e-8, "20 modes to 1e-8");
    expect(vectors <= 150, "at most 150 vectors");
    sx_modes_free(solver, &m);
    destroy(ctx, &s);
    sx_ctx_free(solver);
    sx_ctx_free(ctx);
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Real parts of all eigenvalues, ascending. */
static double *dense_spectrum(sx_ctx *ctx, const network *s) {
    int64_t n = s->n;
    double *a, *re, *im;
    need(ctx, sx_alloc(ctx, n * n, sizeof *a, &a));
    need(ctx, sx_alloc(ctx, n, sizeof *re, &re));
    need(ctx, sx_alloc(ctx, n, sizeof *im, &im));
    sx_coupling_add_to_dense(s->w, 1, NULL, a);
    for (int64_t i = 0; i < n; ++i) {
        for (int64_t j = 0; s->symmetric && j < i; ++j)
            a[i * n + j] = a[j * n + i] = 0.5 * (a[i * n + j] + a[j * n + i]);
        a[i * n + i] -= 1;
    }
    need(ctx, s->symmetric ? sx_symmetric_eigen(ctx, n, a, re, NULL) : sx_eigenvalues(ctx, n, a, re, im));
    qsort(re, (size_t)n, sizeof *re, ascending);
    sx_free(ctx, a);
    sx_free(ctx, im);
    return re;
}

static void symmetric_density(int64_t n) {
    enum { POINTS = 1000 };
    sx_ctx *ctx = sx_ctx_create(NULL);
    network s;
    sx_operator a = create(ctx, n, 40, true, &s);
    double *re = dense_spectrum(ctx, &s), x[POINTS], f[2][POINTS], worst[2] = { 0 }, cpu[2], one = 1, k, exact = 0;
    sx_moments m;
    sx_quadrature q;
    clocks t = now();
    need(ctx, sx_moments_create(ctx, &a, 0, 0, 0, 0, sx_key_seed(1), &m));
    cpu[0] = now().cpu - t.cpu;
    t = now();
    need(ctx, sx_quadrature_create(ctx, &a, 0, 0, sx_key_seed(1), &q));
    cpu[1] = now().cpu - t.cpu;
    for (int i = 0; i < POINTS; ++i) x[i] = re[0] - 0.02 + (re[n - 1] - re[0] + 0.04) * i / (POINTS - 1);
    need(ctx, sx_moments_cumulative(ctx, &m, POINTS, x, f[0], NULL));
    need(ctx, sx_quadrature_cumulative(ctx, &q, POINTS, x, f[1], NULL));
    int64_t below = 0;
    for (int i = 0; i < POINTS; ++i) {
        while (below < n && re[below] <= x[i]) ++below;
        for (int j = 0; j < 2; ++j) worst[j] = fmax(worst[j], fabs(f[j][i] - (double)below / (double)n));
    }
    need(ctx, sx_quadrature_kernel(ctx, &q, 1, &one, &k, NULL));
    for (int64_t i = 0; i < n; ++i) exact += exp(-re[i]) / (double)n;
    printf("symmetric density of %" PRId64 " units: cumulative off by %.4f (kernel polynomials, %.1f s), %.4f "
           "(Lanczos, %.1f s); tr e^-A by %.2g, bound %.2g\n",
           n, worst[0], cpu[0], worst[1], cpu[1], fabs(k / exact - 1), 3 / sqrt(16.0 * (double)n));
    expect(fmax(worst[0], worst[1]) <= 0.01 * sqrt(4000.0 / (double)n), "cumulative density to 0.01");
    expect(fabs(k / exact - 1) < 3 / sqrt(16.0 * (double)n), "K(1) to 3/sqrt(N S)");
    sx_moments_free(ctx, &m);
    sx_quadrature_free(ctx, &q);
    sx_free(ctx, re);
    destroy(ctx, &s);
    sx_ctx_free(ctx);
}

static void joint_density(int64_t n) {
    sx_ctx *ctx = sx_ctx_create(NULL);
    network s;
    sx_operator a = create(ctx, n, 40, false, &s);
    double *re = dense_spectrum(ctx, &s), worst = 0;
    sx_joint_opts o = { .key = sx_key_seed(1) };
    sx_joint_density d;
    clocks t = now();
    need(ctx, sx_joint_density_create(ctx, &a, &o, &d));
    for (int64_t i = 0; i < d.nx; ++i) {
        double share = 0;
        for (int64_t k = 0; k < n; ++k) share += 0.5 * erfc(-(d.x[i] - re[k]) / (d.width * sqrt(2))) / (double)n;
        worst = fmax(worst, fabs(d.cumulative[i] - share));
    }
    printf("non-normal density of %" PRId64
           " units at width %.3f: cumulative off by %.4f, mass %.4f +- %.4f (%.1f s of processor time)\n",
           n, d.width, worst, d.mass, d.mass_se, now().cpu - t.cpu);
    expect(worst <= 0.03 * sqrt(4000.0 / (double)n), "smoothed cumulative density to 0.03");
    sx_joint_density_free(ctx, &d);
    sx_free(ctx, re);
    destroy(ctx, &s);
    sx_ctx_free(ctx);
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    if (!*what || !strcmp(what, "density")) {
        symmetric_density(4000);
        joint_density(4000);
    }
    if (!*what || !strcmp(what, "modes")) modes(100000, 100, SX_FILTER_CHEBYSHEV);
    if (!strcmp(what, "small")) { /* the same at a size for debugging */
        symmetric_density(500);
        joint_density(300);
        modes(3000, 20, SX_FILTER_CHEBYSHEV);
    }
    return failures > 0;
}
