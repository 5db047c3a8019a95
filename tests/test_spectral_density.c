// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Densities by random probes against the semicircle, closed forms and dense spectra; the infrared exponent. The probes' errors are predicted: a
 * Rademacher estimate of tr P / n over S probes has the standard deviation sqrt(2 (tr P^2 - sum P_ii^2))/(n sqrt S). */
#include "krylov_checks.h"

#include "core/linalg.h"
#include "core/linalg_eigen.h"
#include "core/spectral_density.h"
#include "failing_host.h"

static const double pi = 3.14159265358979323846;

/* share of the sorted values at or below x */
static double share(int64_t n, const double *sorted, double x) {
    int64_t low = 0, high = n;
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (sorted[middle] <= x)
            low = middle + 1;
        else
            high = middle;
    }
    return (double)low / (double)n;
}

/* -- symmetric ------------------------------------------------------------------------------------------------------------------------ */

/* GOE of N = 2000: the semicircle of radius 2 sigma (the eigenvalues' own distance from it is of order 1/N). With S = 16 probes the cumulative is off by a
 * Brownian bridge of scale sqrt(2/(N S)) = 0.0079: its largest value is 0.0069 in the mean. */
static void goe_cumulative(void **state) {
    (void)state;
    enum { N = 2000, POINTS = 81 };
    const double sigma = 0.5;
    double *a = goe(N, sigma, 42), x[POINTS], exact[POINTS], kpm[POINTS], slq[POINTS], se[POINTS], density[POINTS],
           dse[POINTS];
    sx_dense_matrix matrix = { N, a };
    sx_operator op = sx_operator_dense(&matrix);
    for (int i = 0; i < POINTS; ++i) {
        x[i] = 2 * sigma * (-1.04 + 0.026 * i);
        double t = fmin(fmax(x[i] / (2 * sigma), -1), 1);
        exact[i] = 0.5 + (t * sqrt(1 - t * t) + asin(t)) / pi;
    }
    sx_moments m;
    sx_quadrature q;
    OK(sx_moments_create(ctx, &op, 16, 128, 0, 0, sx_key_seed(5), &m));
    OK(sx_quadrature_create(ctx, &op, 16, 60, sx_key_seed(6), &q));
    OK(sx_moments_cumulative(ctx, &m, POINTS, x, kpm, se));
    OK(sx_quadrature_cumulative(ctx, &q, POINTS, x, slq, NULL));
    OK(sx_moments_density(ctx, &m, POINTS, x, density, dse));
    assert_true(m.lower < -0.98 && m.lower > -1.2 && m.upper > 0.98 && m.upper < 1.2);
    for (int i = 0; i < POINTS; ++i) {
        if (!(fabs(kpm[i] - exact[i]) < 0.01))
            fail_msg("KPM at %g: %g, want %g (se %g)", x[i], kpm[i], exact[i], se[i]);
        if (!(fabs(slq[i] - exact[i]) < 0.01)) fail_msg("SLQ at %g: %g, want %g", x[i], slq[i], exact[i]);
        assert_true(se[i] < 0.005);
        double rho = 2 / (pi * 4 * sigma * sigma) * sqrt(fmax(4 * sigma * sigma - x[i] * x[i], 0));
        if (fabs(x[i]) < 0.9) assert_true(fabs(density[i] - rho) <= 5 * dse[i] && dse[i] < 0.1 * rho);
    }
    /* K(t) = tr e^{-A t}/N: 2 I_1(2 sigma t)/(2 sigma t) of the semicircle; I_1(1) and I_1(4) from mpmath */
    const double t[2] = { 1, 4 }, bessel[2] = { 0.56515910399248502721, 9.7594651537044499094 };
    double k[2], kse[2];
    OK(sx_quadrature_kernel(ctx, &q, 2, t, k, kse));
    assert_true(fabs(k[0] / (2 * bessel[0] / 1) - 1) < 3 / sqrt(16.0 * N));
    assert_true(fabs(k[1] - 2 * bessel[1] / 4) < 5 * kse[1] + 0.01);
    sx_moments_free(ctx, &m);
    sx_quadrature_free(ctx, &q);
    sx_free(ctx, a);
}

/* The Laplacian on a line, N = 500: exact eigenvalues, so z-scores of the errors can be asked for: predicted spread = the se over probes. */
static void line_scores(void **state) {
    (void)state;
    enum { N = 500, S = 64, POINTS = 5 };
    sparse s;
    toeplitz(N, -1, 2, -1, &s);
    sx_operator op = sparse_operator(&s);
    double eigen[N], times[POINTS] = { 0.1, 0.5, 2, 10, 50 }, k[POINTS], se[POINTS];
    for (int i = 0; i < N; ++i) eigen[i] = 4 * pow(sin(0.5 * (i + 1) * pi / (N + 1)), 2);
    sx_quadrature q;
    OK(sx_quadrature_create(ctx, &op, S, 100, sx_key_seed(8), &q));
    OK(sx_quadrature_kernel(ctx, &q, POINTS, times, k, se));
    for (int i = 0; i < POINTS; ++i) {
        /* P = e^{-A t}: sd^2 = 2 (tr P^2 - sum P_ii^2)/(N^2 S), P_ii = sum_k v_ki^2 e^{-lambda_k t} with v_ki^2 = 2/(N+1) sin^2 */
        double exact = 0, squares = 0, diagonal = 0;
        for (int j = 0; j < N; ++j) {
            exact += exp(-eigen[j] * times[i]) / N;
            squares += exp(-2 * eigen[j] * times[i]);
        }
        for (int u = 0; u < N; ++u) {
            double p = 0;
            for (int j = 0; j < N; ++j)
                p += 2.0 / (N + 1) * pow(sin((u + 1.0) * (j + 1) * pi / (N + 1)), 2) * exp(-eigen[j] * times[i]);
            diagonal += p * p;
        }
        double sd = sqrt(2 * (squares - diagonal) / S) / N, z = (k[i] - exact) / sd;
        if (!(fabs(z) <= 5)) fail_msg("K(%g) = %g, want %g: z = %g", times[i], k[i], exact, z);
        if (!(fabs(se[i] / sd - 1) < 5 / sqrt(2.0 * (S - 1)))) fail_msg("se %g, predicted %g", se[i], sd);
    }
    sx_quadrature_free(ctx, &q);
    sparse_free(&s);
}

static sx_status symmetric_apply(void *user, sx_ctx *c, int64_t b, const double *x, double *y) {
    sparse *s = user;
    double *t;
    SX_TRY(c, sx_alloc(c, s->n * b, sizeof *t, &t));
    sx_status status = sparse_apply(s, c, b, x, y);
    if (status == SX_OK) status = sparse_adjoint(s, c, b, x, t);
    for (int64_t i = 0; i < s->n * b; ++i) y[i] = 0.5 * (y[i] + t[i]);
    sx_free(c, t);
    return status;
}

/* A sparse symmetric matrix, N = 1000, against its dense spectrum: S = 64 probes, so a largest error of 0.0049 is expected. */
static void sparse_symmetric(void **state) {
    (void)state;
    enum { N = 1000, POINTS = 60 };
    sparse w;
    sparse_random(N, 11, 0.7, 17, &w);
    double *a = dense_of(&w), *values = numbers(N), x[POINTS], kpm[POINTS], slq[POINTS], density[POINTS - 1];
    for (int i = 0; i < N; ++i)
        for (int j = 0; j < i; ++j) a[i * N + j] = a[j * N + i] = 0.5 * (a[i * N + j] + a[j * N + i]);
    OK(sx_symmetric_eigen(ctx, N, a, values, NULL));
    sx_operator op = { N, &w, symmetric_apply, symmetric_apply, 0 };
    sx_moments m;
    sx_quadrature q;
    OK(sx_moments_create(ctx, &op, 64, 256, 0, 0, sx_key_seed(1), &m));
    OK(sx_quadrature_create(ctx, &op, 64, 60, sx_key_seed(2), &q));
    for (int i = 0; i < POINTS; ++i) x[i] = values[0] - 0.05 + (values[N - 1] - values[0] + 0.1) * i / (POINTS - 1);
    OK(sx_moments_cumulative(ctx, &m, POINTS, x, kpm, NULL));
    OK(sx_quadrature_cumulative(ctx, &q, POINTS, x, slq, NULL));
    OK(sx_quadrature_density(ctx, &q, POINTS - 1, x, density, NULL));
    double sum = 0;
    for (int i = 0; i < POINTS; ++i) {
        double exact = share(N, values, x[i]);
        if (!(fabs(kpm[i] - exact) <= 0.01)) fail_msg("KPM at %g: %g, want %g", x[i], kpm[i], exact);
        if (!(fabs(slq[i] - exact) <= 0.01)) fail_msg("SLQ at %g: %g, want %g", x[i], slq[i], exact);
        if (i + 1 < POINTS) sum += density[i] * (x[i + 1] - x[i]);
    }
    assert_true(fabs(sum - 1) < 1e-12);
    sx_moments_free(ctx, &m);
    sx_quadrature_free(ctx, &q);
    sx_free(ctx, a);
    sx_free(ctx, values);
    sparse_free(&w);
}

/* unified-dynamics.md T9, spike: N = 800, sigma = 0.4, strength 0.7 on 40 sites: an eigenvalue near 0.9286 beyond the bulk edge 0.8. */
static void spike(void **state) {
    (void)state;
    enum { N = 800, SITES = 40 };
    double *a = goe(N, 0.4, 77), *values = numbers(N), value[20], weight[20], residual[20];
    int count;
    for (int i = 0; i < SITES; ++i)
        for (int j = 0; j < SITES; ++j) a[i * N + j] += 0.7 / SITES;
    OK(sx_symmetric_eigen(ctx, N, a, values, NULL));
    sx_dense_matrix matrix = { N, a };
    sx_operator op = sx_operator_dense(&matrix);
    sx_quadrature q;
    OK(sx_quadrature_create(ctx, &op, 8, 120, sx_key_seed(3), &q));
    OK(sx_quadrature_atoms(ctx, &q, 1e-10, 20, value, weight, residual, &count));
    assert_true(count >= 1 && count < 20);
    for (int i = 0; i < count; ++i) { /* the edges of the bulk converge too: every atom is an eigenvalue */
        double nearest = INFINITY;
        for (int k = 0; k < N; ++k) nearest = fmin(nearest, fabs(values[k] - value[i]));
        assert_true(nearest < 1e-8 && residual[i] <= 1e-10);
    }
    assert_true(fabs(value[count - 1] - values[N - 1]) < 1e-8);
    assert_true(fabs(value[count - 1] - 0.9286) < 0.05);
    /* one mode of N: (z.v)^2 has the mean 1 and at most the variance 2 */
    assert_true(fabs(weight[count - 1] * N - 1) < 5 * sqrt(2.0 / 8));
    sx_quadrature_free(ctx, &q);
    sx_free(ctx, a);
    sx_free(ctx, values);
}

/* Few different eigenvalues: the Krylov spaces are exhausted and everything is exact. */
static void atoms(void **state) {
    (void)state;
    enum { N = 60 };
    sparse s;
    sparse_create(N, 1, &s);
    for (int i = 0; i < N; ++i) {
        s.column[i] = i;
        s.value[i] = i % 3;
    }
    sx_operator op = sparse_operator(&s);
    sx_quadrature q;
    double value[5], weight[5], residual[5], x[6] = { -0.5, 0, 0.5, 1, 1.5, 2 }, f[6];
    int count;
    OK(sx_quadrature_create(ctx, &op, 4, 20, sx_key_seed(4), &q));
    OK(sx_quadrature_atoms(ctx, &q, 1e-9, 5, value, weight, residual, &count));
    assert_int_equal(count, 3);
    for (int i = 0; i < 3; ++i) assert_true(fabs(value[i] - i) < 1e-12 && fabs(weight[i] - 1.0 / 3) < 1e-12);
    OK(sx_quadrature_cumulative(ctx, &q, 6, x, f, NULL));
    const double want[6] = { 0, -1, 1.0 / 3, -1, 2.0 / 3, -1 };
    for (int i = 0; i < 6; ++i)
        if (want[i] >= 0) assert_true(fabs(f[i] - want[i]) < 1e-12);
    sx_quadrature_free(ctx, &q);

    double lower, upper;
    OK(sx_spectral_bounds(ctx, &op, 0, sx_key_seed(1), &lower, &upper));
    assert_true(fabs(lower + 0.02) < 1e-12 && fabs(upper - 2.02) < 1e-12);
    /* bounds that cut the spectrum are noticed */
    sx_moments m;
    assert_int_equal(sx_moments_create(ctx, &op, 2, 64, 0, 1.5, sx_key_seed(1), &m), SX_E_NUMERIC);
    assert_non_null(strstr(sx_ctx_message(ctx), "outside of the bounds"));
    sx_ctx_clear(ctx);
    /* Jackson's kernel at an atom: F = 1/3 + half a step at the first */
    OK(sx_moments_create(ctx, &op, 2, 512, 0, 0, sx_key_seed(1), &m));
    for (int n = 0; n < 10; ++n) { /* mu_n = sum_j T_n(x_j)/3 exactly: every probe sees all of them */
        double exact = 0;
        for (int j = 0; j < 3; ++j) exact += cos(n * acos((2.0 * j - 2) / 2.04)) / 3;
        assert_true(fabs(m.mu[n] - exact) < 1e-12);
    }
    OK(sx_moments_cumulative(ctx, &m, 6, x, f, NULL));
    for (int i = 2; i < 6; i += 2) assert_true(fabs(f[i] - want[i]) < 1e-4);
    sx_moments_free(ctx, &m);
    sparse_free(&s);
}

/* -- any operator ------------------------------------------------------------------------------------------------------------------------- */

/* Share of eigenvalues with Re <= x, smoothed with a Gaussian. */
static double smooth_share(int64_t n, const double *re, double width, double x) {
    double sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += 0.5 * erfc(-(x - re[i]) / (width * sqrt(2)));
    return sum / (double)n;
}

static double worst_share(const sx_joint_density *d, int64_t n, const double *re) {
    double worst = 0;
    for (int64_t i = 0; i < d->nx; ++i)
        worst = fmax(worst, fabs(d->cumulative[i] - smooth_share(n, re, d->width, d->x[i])));
    return worst;
}

/* A sparse random matrix, N = 400, against its dense spectrum. */
static void sparse_nonnormal(void **state) {
    (void)state;
    enum { N = 400 };
    sparse s;
    sparse_random(N, 11, 0.8, 5, &s);
    double *a = dense_of(&s), *re = numbers(N), *im = numbers(N);
    OK(sx_eigenvalues(ctx, N, a, re, im));
    sx_operator op = sparse_operator(&s);
    sx_joint_opts o = { .probes = 3, .steps = 20, .width = 0.09, .key = sx_key_seed(2) };
    sx_joint_density d;
    OK(sx_joint_density_create(ctx, &op, &o, &d));
    double worst = worst_share(&d, N, re);
    if (!(worst <= 0.03)) fail_msg("cumulative off by %g", worst);
    /* the probes' noise in the mass is about 1/sqrt(N S) */
    if (!(fabs(d.mass - 1) < 5 / sqrt(3.0 * N))) fail_msg("mass %g +- %g", d.mass, d.mass_se);
    assert_true(d.mass_se > 0.05 / sqrt(3.0 * N)); /* the probes differ */
    assert_true(fabs(d.radius - 0.8) < 0.1);
    /* the joint density beside the smoothed eigenvalues, at the middle of the disc and outside of it; its sum over y is the marginal */
    int64_t middle = d.ny / 2;
    for (int64_t i = 0; i < d.nx; ++i) {
        double sum = 0, exact = 0;
        for (int64_t j = 0; j < d.ny; ++j) {
            sum += d.width * d.density[i * d.ny + j];
            assert_true(d.density[i * d.ny + j] == d.density[i * d.ny + d.ny - 1 - j]);
        }
        assert_true(fabs(sum - d.marginal[i]) < 1e-12);
        for (int k = 0; k < N; ++k)
            exact += exp(-0.5 * (pow(d.x[i] - re[k], 2) + pow(d.y[middle] - im[k], 2)) / (d.width * d.width));
        exact /= N * 2 * pi * d.width * d.width;
        if (!(fabs(d.density[i * d.ny + middle] - exact) < 0.15))
            fail_msg("density at %g: %g, want %g", d.x[i], d.density[i * d.ny + middle], exact);
    }
    sx_joint_density_free(ctx, &d);
    sx_free(ctx, a);
    sx_free(ctx, re);
    sx_free(ctx, im);
    sparse_free(&s);
}

/* A normal matrix whose potential is known: one eigenvalue at -1 only. All quadratures are exact, U = log((z + 1)^2 + eta^2)/2, and the density is that of
 * eta^2/(pi (r^2 + eta^2)^2) under the Gaussian. */
static void one_point(void **state) {
    (void)state;
    enum { N = 12 };
    sparse s;
    sparse_create(N, 1, &s);
    for (int i = 0; i < N; ++i) {
        s.column[i] = i;
        s.value[i] = -1;
    }
    sx_operator op = sparse_operator(&s);
    sx_joint_opts o = { .probes = 2,
                        .steps = 3,
                        .x0 = -1.5,
                        .x1 = -0.5,
                        .y1 = 0.5,
                        .width = 0.1,
                        .regularisation = 0.1,
                        .key = sx_key_seed(2) };
    sx_joint_density d;
    OK(sx_joint_density_create(ctx, &op, &o, &d));
    for (int64_t i = 0; i < d.nx; ++i)
        for (int64_t j = 0; j < d.ny; ++j) {
            double exact = 0, h = 0.0125; /* convolution by the midpoint rule */
            if ((i + j) % 5) continue;
            for (double u = -0.6; u < 0.6; u += h)
                for (double v = -0.6; v < 0.6; v += h) {
                    double x = u + h / 2, y = v + h / 2, r2 = pow(d.x[i] - x + 1, 2) + pow(d.y[j] - y, 2);
                    exact += h * h * exp(-(x * x + y * y) / 0.02) / (2 * pi * 0.01) * 0.01 / (pi * pow(r2 + 0.01, 2));
                }
            if (!(fabs(d.density[i * d.ny + j] - exact) < 2e-3 * 100 / (4 * pi)))
                fail_msg("density at %g, %g: %g, want %g", d.x[i], d.y[j], d.density[i * d.ny + j], exact);
            assert_true(d.density_se[i * d.ny + j] < 1e-9); /* every probe sees the same */
        }
    sx_joint_density_free(ctx, &d);
    sparse_free(&s);
}

static void refusals(void **state) {
    (void)state;
    sparse s;
    toeplitz(30, 1, -2, -1, &s);
    sx_operator op = sparse_operator(&s), bare = op;
    sx_joint_opts o = { .width = 1e-5, .key = sx_key_seed(2) };
    sx_joint_density d;
    bare.adjoint = NULL;
    assert_int_equal(sx_joint_density_create(ctx, &bare, &o, &d), SX_E_UNSUPPORTED);
    assert_int_equal(sx_joint_density_create(ctx, &op, &o, &d), SX_E_USAGE);
    assert_non_null(strstr(sx_ctx_message(ctx), "width 1e-05"));
    sx_moments m;
    assert_int_equal(sx_moments_create(ctx, &op, 1, 31, 0, 1, sx_key_seed(1), &m), SX_E_USAGE);
    sx_power_law p;
    assert_int_equal(sx_power_law_fit(ctx, 0, NULL, NULL, 0, 1, &p), SX_E_USAGE);
    sx_ctx_clear(ctx);
    sparse_free(&s);
}

/* -- determinism, memory --------------------------------------------------------------------------------------------------------------------- */

static sx_status job_moments(sx_ctx *c, const sx_operator *a, double *out) {
    sx_moments m;
    SX_TRY(c, sx_moments_create(c, a, 3, 16, 0, 0, sx_key_seed(1), &m));
    memcpy(out, m.mu, 48 * sizeof *out);
    sx_moments_free(c, &m);
    return SX_OK;
}
static sx_status job_quadrature(sx_ctx *c, const sx_operator *a, double *out) {
    sx_quadrature q;
    const double x[3] = { 0.1, 1, 3 };
    SX_TRY(c, sx_quadrature_create(c, a, 3, 16, sx_key_seed(1), &q));
    memcpy(out, q.node, 48 * sizeof *out);
    sx_status status = sx_quadrature_cumulative(c, &q, 3, x, out, NULL);
    if (status == SX_OK) status = sx_quadrature_density(c, &q, 2, x, out, NULL);
    sx_quadrature_free(c, &q);
    return status;
}
static sx_status job_joint(sx_ctx *c, const sx_operator *a, double *out) {
    sx_joint_opts o = { .probes = 2, .steps = 4, .width = 0.8, .key = sx_key_seed(2) };
    sx_joint_density d;
    SX_TRY(c, sx_joint_density_create(c, a, &o, &d));
    memcpy(out, d.marginal, 5 * sizeof *out);
    sx_joint_density_free(c, &d);
    return SX_OK;
}

static void same_bits_and_poor(void **state) {
    (void)state;
    static sx_status (*const jobs[])(sx_ctx *, const sx_operator *, double *) = { job_moments, job_quadrature,
                                                                                  job_joint };
    sparse big, small;
    toeplitz(9000, -1, 2, -1, &big); /* more chunks than are done serially */
    toeplitz(50, -1, 2, -1, &small);
    sx_operator a = sparse_operator(&big), b = sparse_operator(&small);
    for (size_t j = 0; j < 3; ++j) {
        double out[2][48] = { { 0 } };
        for (int i = 0; i < 2; ++i) {
            sx_host host = { .struct_size = sizeof host, .threads = i ? 3 : 1 };
            sx_ctx *c = sx_ctx_create(&host);
            assert_int_equal(jobs[j](c, &a, out[i]), SX_OK);
            assert_int_equal(sx_ctx_bytes(c), 0);
            sx_ctx_free(c);
        }
        assert_memory_equal(out[0], out[1], sizeof out[0]);
        for (int64_t k = 1;; ++k) {
            failing_host h = { .fail_at = k + 3 };
            sx_host host = failing_host_of(&h);
            sx_ctx *poor = sx_ctx_create(&host);
            assert_non_null(poor);
            sx_status status = jobs[j](poor, &b, out[0]);
            assert_int_equal(sx_ctx_bytes(poor), 0);
            sx_ctx_free(poor);
            assert_int_equal(h.held, 0);
            if (status == SX_OK) {
                assert_true(k > 3);
                break;
            }
            assert_int_equal(status, SX_E_MEMORY);
        }
    }
    sparse_free(&big);
    sparse_free(&small);
}

/* -- slow edge ----------------------------------------------------------------------------------------------------------------------------------- */

/* unified-dynamics.md T11: 20,000 quantile points of rho ~ lambda^-0.17 on [1e-4, 5e-2]. */
static void infrared(void **state) {
    (void)state;
    enum { N = 20000 };
    const double s = 0.83, lower = 1e-4, upper = 5e-2;
    double *rate = numbers(N), *weight = numbers(N), k = 0;
    for (int i = 0; i < N; ++i) {
        rate[i] = pow(pow(lower, s) + (i + 0.5) / N * (pow(upper, s) - pow(lower, s)), 1 / s);
        weight[i] = 2;
        k += exp(-100 * rate[i]) / N;
    }
    assert_true(fabs(k - 0.24165795) < 5e-9);
    sx_power_law p;
    OK(sx_power_law_fit(ctx, N, rate, NULL, lower, upper, &p));
    assert_true(fabs(p.exponent + 0.17) < 5e-5); /* 0.8300 */
    assert_true(p.count == N);
    /* section 4.1: [N (1/s^2 - L^2 e^{sL}/(e^{sL} - 1)^2)]^-1/2 */
    double L = log(upper / lower), e = exp(0.83 * L);
    assert_true(fabs(p.se * sqrt(N * (1 / (s * s) - L * L * e / ((e - 1) * (e - 1)))) - 1) < 1e-3);
    /* the regression over the window that is not used: 0.8965 */
    double mx = 0, my = 0, xy = 0, xx = 0;
    for (int i = 0; i < N; ++i) {
        mx += log(rate[i]) / N;
        my += log(i + 1) / N;
    }
    for (int i = 0; i < N; ++i) {
        xy += (log(rate[i]) - mx) * (log(i + 1) - my);
        xx += pow(log(rate[i]) - mx, 2);
    }
    assert_true(fabs(xy / xx - 0.8965) < 5e-5);
    assert_true(fabs(p.exponent + 1 - xy / xx) > 5 * p.se); /* and the likelihood is not it */
    /* weights count modes */
    double se = p.se;
    OK(sx_power_law_fit(ctx, N, rate, weight, lower, upper, &p));
    assert_true(fabs(p.exponent + 0.17) < 5e-5 && fabs(p.se * sqrt(2) / se - 1) < 1e-9);

    /* the kernel in closed form and its log-slopes */
    assert_true(fabs(sx_power_law_kernel(-0.17, lower, upper, 100) - k) < 1e-6);
    assert_true(fabs(sx_power_law_kernel(-0.17, lower, upper, 0) - 1) < 1e-14);
    static const double at[6] = { 50, 100, 200, 500, 1000, 2000 },
                        slope[6] = { -0.674, -0.826, -0.865, -0.907, -0.969, -1.086 };
    for (int i = 0; i < 6; ++i) {
        double h = 1.001, d = log(sx_power_law_kernel(-0.17, lower, upper, at[i] * h) /
                                  sx_power_law_kernel(-0.17, lower, upper, at[i] / h)) /
                              (2 * log(h));
        if (!(fabs(d - slope[i]) < 6e-4)) fail_msg("slope at %g: %g", at[i], d);
    }
    /* the flat density (section 11): t K(t) = 1 - e^{-t} */
    for (double t = 0.01; t < 1e4; t *= 7) assert_true(fabs(t * sx_power_law_kernel(0, 0, 1, t) + expm1(-t)) < 1e-13);
    assert_true(isnan(sx_power_law_kernel(-1.2, 1e-3, 1, 1)));
    sx_free(ctx, rate);
    sx_free(ctx, weight);
}

/* Random samples of power laws, steep, flat in ln lambda (s = 0) and falling: the likelihood is unbiased within its error. */
static void infrared_samples(void **state) {
    (void)state;
    enum { N = 4000, SETS = 25 };
    static const double exponents[] = { 1.5, 0, -1, -0.17, -2.5 };
    double *u = numbers(N * SETS), *rate = numbers(N), L = log(500);
    for (size_t j = 0; j < sizeof exponents / sizeof *exponents; ++j) {
        double s = 1 + exponents[j], sum = 0, squares = 0;
        sx_uniform_fill(sx_key_seed(90 + j), 0, SX_SLOT_USER, 0, N * SETS, 1, u);
        for (int set = 0; set < SETS; ++set) {
            for (int i = 0; i < N; ++i) {
                double q = u[set * N + i], y = s == 0 ? q * L : log1p(q * expm1(s * L)) / s;
                rate[i] = 1e-3 * exp(y);
            }
            sx_power_law p;
            OK(sx_power_law_fit(ctx, N, rate, NULL, 1e-3, 0.5 * (1 + 1e-12), &p));
            double z = (p.exponent - exponents[j]) / p.se;
            if (!(fabs(z) <= 5)) fail_msg("exponent %g: %g +- %g", exponents[j], p.exponent, p.se);
            sum += z;
            squares += z * z;
        }
        assert_true(fabs(sum / sqrt(SETS)) <= 5);
        assert_true(fabs(squares - SETS) / sqrt(2.0 * SETS) <= 5);
    }
    sx_power_law p;
    OK(sx_power_law_fit(ctx, 1, rate, NULL, 1e-3, 0.5, &p));
    assert_true(isnan(p.exponent) && isnan(p.se));
    sx_free(ctx, u);
    sx_free(ctx, rate);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goe_cumulative),
        cmocka_unit_test(line_scores),
        cmocka_unit_test(sparse_symmetric),
        cmocka_unit_test(spike),
        cmocka_unit_test(atoms),
        cmocka_unit_test(sparse_nonnormal),
        cmocka_unit_test(one_point),
        cmocka_unit_test(refusals),
        cmocka_unit_test(same_bits_and_poor),
        cmocka_unit_test(infrared),
        cmocka_unit_test(infrared_samples),
    };
    return cmocka_run_group_tests(tests, open_ctx, close_ctx);
}
