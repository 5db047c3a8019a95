// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Laws of the ensembles: moments with their exact standard errors (|z| <= 5, fixed keys), exact spectra where there are any, the
 * circular and elliptic laws beyond. Mutants that must turn these red: ensemble_symmetry, ensemble_density (laws_of_random_links). */
#include "models/coupling_private.h"

#include "core/linalg.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const double pi = 3.14159265358979323846;

static sx_ctx *ctx_with(int threads) {
    sx_host host = { .struct_size = sizeof host, .threads = threads };
    return sx_ctx_create(&host);
}

static sx_ensemble ensemble(int kind, int64_t n) {
    sx_ensemble e;
    memset(&e, 0, sizeof e);
    sx_fields_default(sx_ensemble_fields, &e);
    e.struct_size = sizeof e;
    e.kind = kind;
    e.n = n;
    return e;
}

static sx_coupling *realise(sx_ctx *ctx, const sx_ensemble *e, uint64_t seed) {
    sx_coupling *c = NULL;
    sx_status status = sx_coupling_realise(ctx, e, sx_key_seed(seed), &c);
    if (status != SX_OK) fail_msg("%s", sx_ctx_message(ctx));
    return c;
}

static double *vector(sx_ctx *ctx, int64_t n) {
    double *x = NULL;
    assert_int_equal(sx_alloc(ctx, n, sizeof *x, &x), SX_OK);
    return x;
}

static double *matrix(sx_ctx *ctx, const sx_coupling *c) {
    double *w = vector(ctx, sx_coupling_rows(c) * sx_coupling_columns(c));
    sx_coupling_add_to_dense(c, 1.0, NULL, w);
    return w;
}

static void assert_z(const char *what, double value, double expected, double error) {
    if (!(fabs(value - expected) <= 5 * error))
        fail_msg("%s: %.6g instead of %.6g +- %.2g (z = %.1f)", what, value, expected, error,
                 (value - expected) / error);
}

/* -- moments ------------------------------------------------------------------------------------------------------------------------- */

/* W_ij present with probability d, normal of variance s2 = g^2/(n d): <W> = 0, <W^2> = d s2, <W^4> = 3 d s2^2. For a pair,
 * E[W_ij W_ji] = gamma d s2, and E[(W_ij W_ji)^2] = p s2^2 (1 + 2 c^2) with p the probability of both links, c = gamma d / p. */
static void check_moments(sx_ctx *ctx, int kind, double g, double gamma, double d, int self) {
    int64_t n = 400;
    sx_ensemble e = ensemble(kind, n);
    e.g = g;
    e.symmetry = gamma;
    e.density = d;
    e.self = self;
    sx_coupling *c = realise(ctx, &e, 11);
    double *w = matrix(ctx, c), sum = 0, square = 0, links = 0, product = 0, diagonal = 0, self_links = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            double v = w[i * n + j];
            if (i == j) {
                diagonal += v * v;
                self_links += v != 0;
                continue;
            }
            sum += v;
            square += v * v;
            links += v != 0;
            if (i < j) product += v * w[j * n + i];
        }
    double N = (double)n * (double)(n - 1), pairs = N / 2, s2 = g * g / ((double)n * d);
    /* without symmetry a sparse ensemble is drawn link by link */
    double p = fabs(gamma) * d + (1 - fabs(gamma)) * d * d, corr = gamma * d / p;
    /* variances of sums over pairs: W_ij + W_ji, W_ij^2 + W_ji^2, m_ij + m_ji, W_ij W_ji */
    double var_sum = 2 * d * s2 * (1 + gamma), square_mean = d * s2;
    double var_square = 2 * (3 * d * s2 * s2 - square_mean * square_mean) +
                        2 * (p * s2 * s2 * (1 + 2 * corr * corr) - square_mean * square_mean);
    double var_links = 2 * (d - d * d) + 2 * (p - d * d);
    double var_product = p * s2 * s2 * (1 + 2 * corr * corr) - gamma * gamma * square_mean * square_mean;
    assert_z("sum", sum, 0, sqrt(pairs * var_sum) + 1e-12);
    assert_z("variance", square / N, square_mean, sqrt(pairs * var_square) / N);
    assert_z("links", links / N, d, sqrt(pairs * var_links) / N + 1e-12);
    assert_z("symmetry", product / pairs, gamma * square_mean, sqrt(var_product / pairs) + 1e-15);
    if (self) {
        double v = s2 * (1 + corr), m = (double)n;
        assert_z("diagonal", diagonal / m, d * v, sqrt((3 * d - d * d) * v * v / m) + 1e-15);
        if (corr > -1) assert_z("self links", self_links / m, d, sqrt(d * (1 - d) / m) + 1e-12);
    } else {
        assert_true(diagonal == 0);
    }
    bool csr = kind == SX_ENSEMBLE_SPARSE || d <= 0.25;
    assert_int_equal(sx_coupling_form_of(c), csr ? SX_COUPLING_CSR : SX_COUPLING_DENSE);
    assert_int_equal(sx_coupling_nonzeros(c), (int64_t)(links + self_links));
    const sx_ensemble *back = sx_coupling_ensemble(c);
    assert_non_null(back);
    assert_true(back->g == g && back->n == n && back->kind == kind);
    sx_free(ctx, w);
    sx_coupling_free(ctx, c);
}

static void laws_of_random_links(void **state) {
    static const double gammas[] = { 0, 0.5, -0.3, 1, -1 }, densities[] = { 1, 0.6, 0.1 };
    sx_ctx *ctx = ctx_with(2);
    (void)state;
    for (int kind = SX_ENSEMBLE_GAUSSIAN; kind <= SX_ENSEMBLE_SPARSE; kind++)
        for (int a = 0; a < 5; a++)
            for (int b = 0; b < 3; b++) check_moments(ctx, kind, 1.3, gammas[a], densities[b], (a + b) % 2);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* P(|lambda|^2 < r2) for a fraction f of columns of variance e2/n and the rest i2/n, by bisection for u. */
static double bulk_below(double r2, double f, double e2, double i2) {
    double lo = 0, hi = 1;
    if (r2 >= f * e2 + (1 - f) * i2) return 1;
    for (int k = 0; k < 60; k++) {
        double u = 0.5 * (lo + hi), value = f * e2 / (r2 + u * e2) + (1 - f) * i2 / (r2 + u * i2);
        if (value > 1)
            lo = u;
        else
            hi = u;
    }
    return f * r2 / (r2 + lo * e2) + (1 - f) * r2 / (r2 + lo * i2);
}

/* Present entries of column j are sign_j a_j e^{s z - s^2/2}, s^2 = ln 2: mean a, variance a^2, fourth central moment 41 a^4 (lognormal with
 * e^{s^2} = 2: kurtosis 2^4 + 2 2^3 + 3 2^2 - 3 = 41). a_E = g sqrt((1-f)/(f n d (2-d))), a_I = a_E f / (1-f). */
static void dale(void **state) {
    sx_ctx *ctx = ctx_with(2);
    (void)state;
    for (int dense = 0; dense < 2; dense++) {
        int64_t n = 500, excitatory = 400;
        double g = 1.5, f = 0.8, d = dense ? 1.0 : 0.2;
        sx_ensemble e = ensemble(SX_ENSEMBLE_DALE, n);
        e.g = g;
        e.density = d;
        sx_coupling *c = realise(ctx, &e, 3);
        assert_int_equal(sx_coupling_form_of(c), dense ? SX_COUPLING_DENSE : SX_COUPLING_CSR);
        double *w = matrix(ctx, c), total = 0;
        for (int type = 0; type < 2; type++) {
            double a = g * sqrt((type ? f / (1 - f) : (1 - f) / f) / ((double)n * d * (2 - d))), links = 0, sum = 0,
                   square = 0;
            int64_t first = type ? excitatory : 0, last = type ? n : excitatory;
            for (int64_t i = 0; i < n; i++)
                for (int64_t j = first; j < last; j++) {
                    double v = type ? -w[i * n + j] : w[i * n + j];
                    if (i == j) assert_true(v == 0);
                    assert_true(v >= 0);
                    links += v != 0;
                    sum += v;
                    if (v != 0) square += (v - a) * (v - a);
                }
            double N = (double)(last - first) * (double)(n - 1);
            assert_z("links", links / N, d, sqrt(d * (1 - d) / N) + 1e-12);
            assert_z("mean", sum / links, a, a / sqrt(links));
            assert_z("variance", square / links, a * a, sqrt(40 / links) * a * a);
            total += type ? -sum : sum;
        }
        /* balance: the sum of all entries has mean 0 but for the diagonal left out, and variance n^2 g^2/n */
        assert_z("balance", total, 0, g * sqrt((double)n));
        /* Bulk of a matrix whose columns have variances d_E^2/n, d_I^2/n (Ahmadian, Fumarola and Miller 2015): |lambda| has the
         * distribution function <r^2 / (r^2 + u d^2)> with <d^2 / (r^2 + u d^2)> = 1, radius <d^2> = g^2; a few outliers come from the
         * rank-one mean. Kolmogorov-Smirnov distance. */
        double *re = vector(ctx, n), *im = vector(ctx, n), *r = vector(ctx, n);
        assert_int_equal(sx_eigenvalues(ctx, n, w, re, im), SX_OK);
        double distance = 0;
        for (int64_t i = 0; i < n; i++) r[i] = re[i] * re[i] + im[i] * im[i];
        for (int64_t i = 0; i < n; i++) {
            int64_t below = 0;
            for (int64_t j = 0; j < n; j++) below += r[j] < r[i];
            double excess =
                fabs((double)below / (double)n - bulk_below(r[i], f, g * g * (1 - f) / f, g * g * f / (1 - f)));
            if (excess > distance) distance = excess;
        }
        if (!(distance < 0.05)) fail_msg("distance from the law of the bulk %.3f", distance);
        sx_free(ctx, re);
        sx_free(ctx, im);
        sx_free(ctx, r);
        sx_free(ctx, w);
        sx_coupling_free(ctx, c);
    }
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* -- spectra ----------------------------------------------------------------------------------------------------------------------------- */

/* Elliptic law (Sommers et al. 1988): uniform in (x / (g (1 + gamma)))^2 + (y / (g (1 - gamma)))^2 <= 1, edges sharp to O(n^-1/2). By
 * simulation with numpy at n = 500 the extreme Re and Im exceed the edge by -.01 to +.06 g; the mean of rho^2 = 1/2 has a rigid spread
 * far below 0.02. */
static void elliptic_law(void **state) {
    static const double gammas[] = { 0, 0.5, -0.4 };
    sx_ctx *ctx = ctx_with(2);
    int64_t n = 500;
    double *re = vector(ctx, n), *im = vector(ctx, n);
    (void)state;
    for (int a = 0; a < 3; a++)
        for (int sparse = 0; sparse < 2; sparse++) {
            double g = 1.5, gamma = gammas[a], x = 0, y = 0, mean = 0;
            sx_ensemble e = ensemble(sparse ? SX_ENSEMBLE_SPARSE : SX_ENSEMBLE_GAUSSIAN, n);
            e.g = g;
            e.symmetry = gamma;
            e.density = sparse ? 0.2 : 1;
            e.self = 1;
            sx_coupling *c = realise(ctx, &e, 21);
            double *w = matrix(ctx, c);
            assert_int_equal(sx_eigenvalues(ctx, n, w, re, im), SX_OK);
            for (int64_t i = 0; i < n; i++) {
                double u = re[i] / (g * (1 + gamma)), v = im[i] / (g * (1 - gamma));
                x = fmax(x, fabs(u));
                y = fmax(y, fabs(v));
                mean += (u * u + v * v) / (double)n;
            }
            if (fabs(x - 1) > 0.1 || fabs(y - 1) > 0.1 || fabs(mean - 0.5) > 0.02)
                fail_msg("gamma %g sparse %d: edges %.3f %.3f, mean %.4f", gamma, sparse, x, y, mean);
            double radius, largest = 0;
            assert_int_equal(sx_coupling_spectral_radius(ctx, c, &radius), SX_OK);
            for (int64_t i = 0; i < n; i++) largest = fmax(largest, hypot(re[i], im[i]));
            assert_true(fabs(radius - largest) < 1e-12 * largest);
            sx_free(ctx, w);
            sx_coupling_free(ctx, c);
        }
    sx_free(ctx, re);
    sx_free(ctx, im);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* GOE, radius 2 g: semicircle distribution function 1/2 + x sqrt(4 - x^2) / (4 pi) + asin(x/2) / pi. Rigidity: the distance of a GOE of
 * n = 400 is below 0.01 (reference run with numpy: .003 to .005). */
static void semicircle(void **state) {
    sx_ctx *ctx = ctx_with(1);
    int64_t n = 400;
    sx_ensemble e = ensemble(SX_ENSEMBLE_GAUSSIAN, n);
    e.g = 0.7;
    e.symmetry = 1;
    e.self = 1;
    sx_coupling *c = realise(ctx, &e, 4);
    double *w = matrix(ctx, c), *values = vector(ctx, n), distance = 0;
    (void)state;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < i; j++) assert_true(w[i * n + j] == w[j * n + i]);
    assert_int_equal(sx_symmetric_eigen(ctx, n, w, values, NULL), SX_OK);
    for (int64_t i = 0; i < n; i++) {
        double x = fmax(-2, fmin(2, values[i] / e.g)), F = 0.5 + x * sqrt(4 - x * x) / (4 * pi) + asin(x / 2) / pi;
        distance = fmax(distance, fabs(((double)i + 0.5) / (double)n - F));
    }
    if (!(distance < 0.01)) fail_msg("distance from the semicircle %.4f", distance);
    sx_free(ctx, w);
    sx_free(ctx, values);
    sx_coupling_free(ctx, c);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* Without noise the one eigenvalue of U V^T / n is V.U / n: mean `outlier`, variance (2 outlier^2 + 1) / n. With noise of gain g < outlier it
 * is still there, with a variance larger by at most a factor of order 1 / (1 - g^2/outlier^2). */
static void outlier_of_low_rank(void **state) {
    sx_ctx *ctx = ctx_with(2);
    int64_t n = 400;
    int seeds = 40;
    double sum = 0, square = 0, target = 1.8;
    (void)state;
    for (int s = 0; s < seeds; s++) {
        sx_ensemble e = ensemble(SX_ENSEMBLE_LOWRANK, n);
        double radius;
        e.g = 0;
        e.outlier = target;
        sx_coupling *c = realise(ctx, &e, 100 + (uint64_t)s);
        assert_int_equal(sx_coupling_form_of(c), SX_COUPLING_SUM);
        assert_int_equal(sx_coupling_nonzeros(c), 2 * n);
        assert_int_equal(sx_coupling_krylov_radius(ctx, c, 5, &radius), SX_OK);
        sum += radius;
        square += (radius - target) * (radius - target);
        sx_coupling_free(ctx, c);
    }
    double variance = (2 * target * target + 1) / (double)n, m = seeds;
    assert_z("mean outlier", sum / m, target, sqrt(variance / m));
    assert_z("variance of the outlier", square / m, variance, variance * sqrt(2 / m));
    sx_ensemble e = ensemble(SX_ENSEMBLE_LOWRANK, n);
    e.g = 0.5;
    e.outlier = 2;
    double radius;
    sx_coupling *c = realise(ctx, &e, 7);
    assert_int_equal(sx_coupling_spectral_radius(ctx, c, &radius), SX_OK);
    assert_z("outlier in noise", radius, 2, sqrt(2 * (2 * 4 + 1) / (double)n));
    sx_coupling_free(ctx, c);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* A ring is circulant: W cos(2 pi k i / n) = lambda_k cos(2 pi k i / n), lambda_k = sum_d w(d) cos(2 pi k d / n). */
static void ring_is_circulant(void **state) {
    sx_ctx *ctx = ctx_with(1);
    int64_t n = 90;
    (void)state;
    for (int self = 0; self < 2; self++) {
        sx_ensemble e = ensemble(SX_ENSEMBLE_RING, n);
        e.width = 6;
        e.amplitude = 2;
        e.inhibition = 0.25;
        e.self = self;
        sx_coupling *c = realise(ctx, &e, 1);
        double *w = matrix(ctx, c);
        for (int k = 0; k < 5; k++) {
            double lambda = 0;
            for (int64_t j = 0; j < n; j++) {
                double d = (double)(j <= n / 2 ? j : n - j);
                if (j > 0 || self) lambda += (2 * exp(-d * d / 72) - 0.25) * cos(2 * pi * k * (double)j / (double)n);
            }
            for (int64_t i = 0; i < n; i++) {
                double y = 0;
                for (int64_t j = 0; j < n; j++) y += w[i * n + j] * cos(2 * pi * k * (double)j / (double)n);
                assert_true(fabs(y - lambda * cos(2 * pi * k * (double)i / (double)n)) < 1e-12);
            }
        }
        sx_free(ctx, w);
        sx_coupling_free(ctx, c);
    }
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* W = X X^T / n: entries are k/n with k of the parity of P, W_ii = P/n; sum_{i != j} W_ij^2 has mean (n-1) P/n; Marchenko-Pastur edges. */
static void hebbian_patterns(void **state) {
    sx_ctx *ctx = ctx_with(1);
    int64_t n = 400;
    (void)state;
    for (int dense = 0; dense < 2; dense++)
        for (int self = 0; self < 2; self++) {
            int64_t p = dense ? 100 : 40;
            sx_ensemble e = ensemble(SX_ENSEMBLE_HEBBIAN, n);
            e.patterns = p;
            e.self = self;
            sx_coupling *c = realise(ctx, &e, 9);
            assert_int_equal(sx_coupling_form_of(c), dense ? SX_COUPLING_DENSE : SX_COUPLING_SUM);
            double *w = matrix(ctx, c), *values = vector(ctx, n), square = 0;
            for (int64_t i = 0; i < n; i++)
                for (int64_t j = 0; j < n; j++) {
                    double k = w[i * n + j] * (double)n;
                    if (i == j) {
                        assert_true(fabs(k - (self ? (double)p : 0)) < 1e-9);
                        continue;
                    }
                    assert_true(fabs(w[i * n + j] - w[j * n + i]) < 1e-15 &&
                                fabs(fmod(fabs(k) + 1e-9, 2) - 1e-9) < 1e-8);
                    square += k * k;
                }
            /* k^2 over pairs: mean P, variance 2 P (P - 1) and uncorrelated */
            double pairs = 0.5 * (double)(n * (n - 1)), P = (double)p;
            assert_z("square", 0.5 * square / pairs, P, sqrt(2 * P * (P - 1) / pairs));
            assert_int_equal(sx_symmetric_eigen(ctx, n, w, values, NULL), SX_OK);
            double shift = self ? 0 : P / (double)n, alpha = P / (double)n;
            for (int64_t i = 0; i < n - p; i++) assert_true(fabs(values[i] + shift) < 1e-12);
            /* Tracy-Widom, beta = 1 (mean -1.2065, variance 1.6078), in the scaling of Johnstone (2001) */
            double rn = sqrt((double)n), rp = sqrt(P), top = (rn + rp) * cbrt(1 / rn + 1 / rp) / (double)n;
            double bottom = (rn - rp) * cbrt(1 / rp - 1 / rn) / (double)n;
            assert_z("upper edge", values[n - 1] + shift, pow(1 + sqrt(alpha), 2) - 1.2065 * top, 1.268 * top);
            assert_z("lower edge", values[n - p] + shift, pow(1 - sqrt(alpha), 2) + 1.2065 * bottom, 1.268 * bottom);
            sx_free(ctx, w);
            sx_free(ctx, values);
            sx_coupling_free(ctx, c);
        }
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* -- realisation --------------------------------------------------------------------------------------------------------------------------- */

static void rows_alone_equal_the_whole(void **state) {
    static const double densities[] = { 1, 0.5, 0.15 };
    sx_ctx *ctx = ctx_with(3), *one = ctx_with(1);
    int64_t n = 333;
    double *row = vector(ctx, n);
    (void)state;
    for (int kind = SX_ENSEMBLE_GAUSSIAN; kind <= SX_ENSEMBLE_DALE; kind++)
        for (int a = 0; a < 3; a++)
            for (int self = 0; self < 2; self++)
                for (int symmetric = 0; symmetric < (kind == SX_ENSEMBLE_DALE ? 1 : 2); symmetric++) {
                    sx_ensemble e = ensemble(kind, n);
                    e.density = densities[a];
                    e.symmetry = symmetric ? 0.4 : 0;
                    e.self = self;
                    sx_coupling *c = realise(ctx, &e, 5), *d = realise(one, &e, 5), *other = realise(one, &e, 6);
                    double *w = matrix(ctx, c), *v = matrix(one, d), *u = matrix(one, other);
                    assert_memory_equal(w, v, (size_t)(n * n) * sizeof *w);
                    assert_memory_not_equal(w, u, (size_t)(n * n) * sizeof *w);
                    for (int64_t i = 0; i < n; i += 29) {
                        assert_int_equal(sx_ensemble_link_row(ctx, &e, sx_key_seed(5), i, row), SX_OK);
                        assert_memory_equal(row, w + i * n, (size_t)n * sizeof *row);
                    }
                    sx_free(ctx, w);
                    sx_free(one, v);
                    sx_free(one, u);
                    sx_coupling_free(ctx, c);
                    sx_coupling_free(one, d);
                    sx_coupling_free(one, other);
                }
    sx_free(ctx, row);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    assert_int_equal(sx_ctx_bytes(one), 0);
    sx_ctx_free(ctx);
    sx_ctx_free(one);
}

/* A million units with ten links each: cost and memory follow the links. */
static void large_and_sparse(void **state) {
    sx_ctx *ctx = ctx_with(2);
    int64_t n = 1000000;
    sx_ensemble e = ensemble(SX_ENSEMBLE_SPARSE, n);
    (void)state;
    e.density = 1e-5;
    sx_coupling *c = realise(ctx, &e, 8);
    assert_z("links", (double)sx_coupling_nonzeros(c), 1e-5 * 1e6 * (1e6 - 1), sqrt(1e7));
    sx_coupling_free(ctx, c);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    assert_true(sx_ctx_peak_bytes(ctx) < (size_t)1 << 30);
    sx_ctx_free(ctx);
}

static void bad_descriptions_are_named(void **state) {
    sx_ctx *ctx = ctx_with(1);
    sx_coupling *c = NULL;
    (void)state;
#define BAD(kind, change, text)                                                                                        \
    do {                                                                                                               \
        sx_ensemble e = ensemble((kind), 10);                                                                          \
        change;                                                                                                        \
        assert_int_equal(sx_coupling_realise(ctx, &e, sx_key_seed(1), &c), SX_E_USAGE);                                \
        if (!strstr(sx_ctx_message(ctx), text)) fail_msg("%s", sx_ctx_message(ctx));                                   \
    } while (0)
    BAD(SX_ENSEMBLE_GAUSSIAN, e.g = -1, "g = -1");
    BAD(SX_ENSEMBLE_GAUSSIAN, e.symmetry = 1.5, "symmetry = 1.5");
    BAD(SX_ENSEMBLE_GAUSSIAN, e.density = 0, "density = 0");
    BAD(SX_ENSEMBLE_GAUSSIAN, e.n = 0, "n = 0");
    BAD(SX_ENSEMBLE_GAUSSIAN, e.patterns = 3, "patterns");
    BAD(SX_ENSEMBLE_DALE, e.symmetry = 0.5, "symmetry");
    BAD(SX_ENSEMBLE_DALE, e.excitatory = 0.01, "excitatory = 0.01");
    BAD(SX_ENSEMBLE_RING, e.g = 2, "g:");
    BAD(SX_ENSEMBLE_RING, e.width = 0, "width = 0");
    BAD(SX_ENSEMBLE_LOWRANK, e.rank = 0, "rank = 0");
    BAD(SX_ENSEMBLE_GAUSSIAN, e.struct_size = 8, "struct_size");
#undef BAD
    assert_null(c);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

static void *failing(void *user, void *p, size_t old_size, size_t new_size) {
    int *left = user;
    void *q = NULL;
    if (new_size > 0 && --*left < 0) return NULL;
    if (new_size > 0 && posix_memalign(&q, 64, new_size)) return NULL;
    if (p && q) memcpy(q, p, old_size < new_size ? old_size : new_size);
    free(p);
    return q;
}

static void survives_every_failed_allocation(void **state) {
    (void)state;
    for (int kind = SX_ENSEMBLE_GAUSSIAN; kind <= SX_ENSEMBLE_HEBBIAN; kind++)
        for (int sparse = 0; sparse < (kind <= SX_ENSEMBLE_LOWRANK ? 2 : 1); sparse++)
            for (int allowed = 0;; allowed++) {
                int left = 1000;
                sx_host host = { .struct_size = sizeof host, .user = &left, .alloc = failing, .threads = 1 };
                sx_ctx *ctx = sx_ctx_create(&host);
                sx_ensemble e = ensemble(kind, 70);
                if (sparse) e.density = 0.2;
                sx_coupling *c = NULL;
                size_t before = sx_ctx_bytes(ctx);
                left = allowed;
                sx_status status = sx_coupling_realise(ctx, &e, sx_key_seed(1), &c);
                left = 1000;
                assert_true((status == SX_OK) == (c != NULL));
                sx_coupling_free(ctx, c);
                assert_int_equal(sx_ctx_bytes(ctx), before);
                sx_ctx_free(ctx);
                if (status == SX_OK) {
                    assert_true(allowed >= 2);
                    break;
                }
                assert_int_equal(status, SX_E_MEMORY);
            }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(laws_of_random_links),
        cmocka_unit_test(dale),
        cmocka_unit_test(elliptic_law),
        cmocka_unit_test(semicircle),
        cmocka_unit_test(outlier_of_low_rank),
        cmocka_unit_test(ring_is_circulant),
        cmocka_unit_test(hebbian_patterns),
        cmocka_unit_test(rows_alone_equal_the_whole),
        cmocka_unit_test(large_and_sparse),
        cmocka_unit_test(bad_descriptions_are_named),
        cmocka_unit_test(survives_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
