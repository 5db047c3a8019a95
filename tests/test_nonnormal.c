// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Non-normality: closed forms of 2 x 2 matrices (unified-dynamics.md T8), singular values from symmetric eigenvalues, dense against large. */
#include "krylov_checks.h"

#include "core/linalg.h"
#include "core/linalg_eigen.h"
#include "core/nonnormal.h"
#include "failing_host.h"

/* J = -[[1, k], [0, 2]]; sigma_min of [[p, k], [0, q]]: ((p^2 + q^2 + k^2 + 2 p q)^1/2 - (p^2 + q^2 + k^2 - 2 p q)^1/2)/2 for p q > 0 */
static double smallest2(double p, double q, double k) {
    double s = p * p + q * q + k * k;
    return 0.5 * (sqrt(s + 2 * p * q) - sqrt(s - 2 * p * q));
}

static void two_by_two(void **state) {
    (void)state;
    static const double ks[] = { 0, 1, 2.8, 10, 1e3 };
    for (size_t i = 0; i < sizeof ks / sizeof *ks; ++i) {
        double k = ks[i], J[4] = { -1, -k, 0, -2 }, re[2], im[2], kappa[2], v[4], w[4], abscissa, bound, at;
        OK(sx_general_eigen(ctx, 2, J, re, im, v, w, kappa));
        int slow = re[0] > re[1] ? 0 : 1;
        assert_true(fabs(re[slow] + 1) < 1e-12 && fabs(re[1 - slow] + 2) < 1e-12);
        /* v = (1, 0), (k, 1); w = (1, -k), (0, 1): both conditions sqrt(1 + k^2) */
        assert_true(fabs(kappa[0] / sqrt(1 + k * k) - 1) < 1e-12 && fabs(kappa[1] / kappa[0] - 1) < 1e-12);
        OK(sx_numerical_abscissa_dense(ctx, 2, J, &abscissa));
        assert_true(fabs(abscissa - (-3 + sqrt(1 + k * k)) / 2) < 1e-12 * (1 + k));
        sx_dense_matrix matrix = { 2, J };
        sx_operator op = sx_operator_dense(&matrix);
        OK(sx_numerical_abscissa(ctx, &op, 1e-10, sx_key_seed(1), &abscissa));
        assert_true(fabs(abscissa - (-3 + sqrt(1 + k * k)) / 2) < 1e-9 * (1 + k));
        assert_true(fabs(sx_henrici(2, J, re, im) - k) < 1e-6 * (1 + k));

        sx_resolvent *r;
        OK(sx_resolvent_create(ctx, 2, J, &r));
        double x[3] = { 0, 0.5, 40 }, sigma[3];
        OK(sx_resolvent_smallest(ctx, r, 3, x, NULL, sigma));
        for (int j = 0; j < 3; ++j) assert_true(fabs(sigma[j] / smallest2(x[j] + 1, x[j] + 2, k) - 1) < 1e-6);
        double best = 1;
        for (double y = 1e-4; y < 1e6; y *= 1.001) best = fmax(best, y / smallest2(y + 1, y + 2, k));
        OK(sx_resolvent_kreiss(ctx, r, &bound, &at));
        if (!(fabs(bound / best - 1) < 1e-4)) fail_msg("Kreiss at k = %g: %g, want %g", k, bound, best);
        if (best > 1.0001) assert_true(fabs(at / smallest2(at + 1, at + 2, k) / best - 1) < 1e-4);
        OK(sx_kreiss_bound(ctx, &op, 2 + k, 200, sx_key_seed(1), &bound, &at));
        assert_true(bound >= 1 && bound <= best * (1 + 1e-9)); /* from below */
        sx_resolvent_free(ctx, r);
    }
    /* unstable: no bound */
    double J[4] = { 0.1, 1, 0, -2 }, bound, at;
    sx_resolvent *r;
    OK(sx_resolvent_create(ctx, 2, J, &r));
    OK(sx_resolvent_kreiss(ctx, r, &bound, &at));
    assert_true(isinf(bound));
    sx_resolvent_free(ctx, r);
}

/* sigma_min(z - A) from the symmetric eigenvalues of the real form of (z - A)^H (z - A), for complex z and complex eigenvalues. */
static void pseudospectrum(void **state) {
    (void)state;
    enum { N = 40, POINTS = 24 };
    sparse s;
    sparse_random(N, 9, 0.9, 13, &s);
    double *a = dense_of(&s), *m = numbers(4 * N * N), *g = numbers(4 * N * N), *w = numbers(2 * N), re[POINTS],
           im[POINTS], sigma[POINTS], lr[N], li[N], er[N], ei[N];
    sx_resolvent *r;
    OK(sx_resolvent_create(ctx, N, a, &r));
    for (int i = 0; i < POINTS; ++i) {
        re[i] = -2 + 0.5 * (i % 6);
        im[i] = -0.7 + 0.5 * (i / 6);
    }
    OK(sx_resolvent_smallest(ctx, r, POINTS, re, im, sigma));
    for (int p = 0; p < POINTS; ++p) {
        for (int i = 0; i < N; ++i)
            for (int j = 0; j < N; ++j) {
                double x = (i == j ? re[p] : 0) - a[i * N + j], y = i == j ? im[p] : 0;
                m[i * 2 * N + j] = m[(N + i) * 2 * N + N + j] = x;
                m[i * 2 * N + N + j] = -y;
                m[(N + i) * 2 * N + j] = y;
            }
        sx_gemm(true, false, 2 * N, 2 * N, 2 * N, 1, m, 2 * N, m, 2 * N, 0, g, 2 * N);
        OK(sx_symmetric_eigen(ctx, 2 * N, g, w, NULL));
        if (!(fabs(sigma[p] / sqrt(w[0]) - 1) < 1e-6))
            fail_msg("z = %g%+gi: %g, want %g", re[p], im[p], sigma[p], sqrt(w[0]));
    }
    /* the Schur form has the eigenvalues, at which the resolvent is infinite */
    sx_resolvent_eigenvalues(r, lr, li);
    OK(sx_eigenvalues(ctx, N, a, er, ei));
    for (int i = 0; i < N; ++i) {
        double nearest = INFINITY;
        for (int j = 0; j < N; ++j) nearest = fmin(nearest, hypot(lr[i] - er[j], li[i] - ei[j]));
        assert_true(nearest < 1e-12);
    }
    OK(sx_resolvent_smallest(ctx, r, 2, lr, li, sigma));
    assert_true(sigma[0] < 1e-13 && sigma[1] < 1e-13);
    sx_resolvent_free(ctx, r);
    sx_free(ctx, a);
    sx_free(ctx, m);
    sx_free(ctx, g);
    sx_free(ctx, w);
    sparse_free(&s);
}

/* A Jordan block at -1, n = 24, couplings 1: (x - J)^-1 is the Toeplitz matrix of (x + 1)^-k; its norm by power iteration on it. Trefethen and Embree's example
 * of eigenvalues that say nothing. Also the conditions of dgeevx's defective eigenvalue. */
static void jordan(void **state) {
    (void)state;
    enum { N = 24 };
    double J[N * N] = { 0 }, x[4] = { 0, 0.1, 1, 5 }, sigma[4], re[N], im[N], kappa[N];
    for (int i = 0; i < N; ++i) {
        J[i * N + i] = -1;
        if (i + 1 < N) J[i * N + i + 1] = 1;
    }
    sx_resolvent *r;
    OK(sx_resolvent_create(ctx, N, J, &r));
    OK(sx_resolvent_smallest(ctx, r, 4, x, NULL, sigma));
    for (int p = 0; p < 4; ++p) {
        double v[N], w[N], norm = 0;
        for (int i = 0; i < N; ++i) v[i] = 1;
        for (int step = 0; step < 20000; ++step) {
            for (int i = 0; i < N; ++i) {
                w[i] = 0;
                for (int j = i; j < N; ++j) w[i] += v[j] * pow(x[p] + 1, -(j - i + 1));
            }
            norm = 0;
            for (int j = 0; j < N; ++j) {
                v[j] = 0;
                for (int i = 0; i <= j; ++i) v[j] += w[i] * pow(x[p] + 1, -(j - i + 1));
                norm += v[j] * v[j];
            }
            norm = sqrt(norm);
            for (int j = 0; j < N; ++j) v[j] /= norm;
            if (step > 60 && p < 2) break;
            if (step > 2000) break;
        }
        if (!(fabs(sigma[p] * sqrt(norm) - 1) < 1e-4)) fail_msg("x = %g: %g, want %g", x[p], sigma[p], 1 / sqrt(norm));
    }
    sx_resolvent_free(ctx, r);
    OK(sx_general_eigen(ctx, N, J, re, im, NULL, NULL, kappa));
    for (int i = 0; i < N; ++i) assert_true(kappa[i] > 1e6); /* infinite up to rounding */
    assert_true(fabs(sx_henrici(N, J, re, im) - sqrt(N - 1)) < 1e-10);
}

static void large_and_dense(void **state) {
    (void)state;
    enum { N = 300 };
    sparse s;
    sparse_random(N, 13, 0.85, 19, &s);
    double *a = dense_of(&s), dense, large, bound, at, kreiss, kreiss_at;
    sx_operator op = sparse_operator(&s);
    OK(sx_numerical_abscissa_dense(ctx, N, a, &dense));
    OK(sx_numerical_abscissa(ctx, &op, 1e-10, sx_key_seed(4), &large));
    assert_true(fabs(dense - large) < 1e-9);
    sx_resolvent *r;
    OK(sx_resolvent_create(ctx, N, a, &r));
    OK(sx_resolvent_kreiss(ctx, r, &kreiss, &kreiss_at));
    OK(sx_kreiss_bound(ctx, &op, 1, 10000, sx_key_seed(4), &bound, &at));
    assert_true(kreiss > 1.02 && bound <= kreiss * (1 + 1e-6));
    if (!(bound > 0.9 * kreiss)) fail_msg("bound %g at %g, want %g at %g", bound, at, kreiss, kreiss_at);
    sx_resolvent_free(ctx, r);

    /* a normal matrix: nothing to see */
    sparse n;
    toeplitz(40, 1, -2, -1, &n);
    double *b = dense_of(&n), re[40], im[40], kappa[40];
    OK(sx_general_eigen(ctx, 40, b, re, im, NULL, NULL, kappa));
    assert_true(sx_henrici(40, b, re, im) < 1e-6);
    for (int i = 0; i < 40; ++i) assert_true(fabs(kappa[i] - 1) < 1e-10);
    OK(sx_resolvent_create(ctx, 40, b, &r));
    OK(sx_resolvent_kreiss(ctx, r, &kreiss, &kreiss_at));
    assert_true(fabs(kreiss - 1) < 1e-6);
    sx_resolvent_free(ctx, r);
    op.adjoint = NULL;
    assert_int_equal(sx_numerical_abscissa(ctx, &op, 1e-8, sx_key_seed(1), &dense), SX_E_UNSUPPORTED);
    assert_int_equal(sx_kreiss_bound(ctx, &op, 1, 100, sx_key_seed(1), &bound, &at), SX_E_UNSUPPORTED);
    sx_ctx_clear(ctx);
    sx_free(ctx, a);
    sx_free(ctx, b);
    sparse_free(&s);
    sparse_free(&n);
}

static void threads_and_memory(void **state) {
    (void)state;
    enum { N = 30, POINTS = 9 };
    double a[N * N], re[POINTS], im[POINTS], sigma[2][POINTS];
    sx_normal_fill(sx_key_seed(3), 0, SX_SLOT_USER, 0, N * N, 1, a);
    for (int i = 0; i < POINTS; ++i) {
        re[i] = 0.7 * i - 3;
        im[i] = 0.3 * i;
    }
    for (int64_t k = 0;; ++k) {
        failing_host h = { .fail_at = k ? k + 3 : 0 };
        sx_host host = failing_host_of(&h);
        host.threads = k ? 1 : 3;
        sx_ctx *c = sx_ctx_create(&host);
        assert_non_null(c);
        sx_resolvent *r = NULL;
        sx_status status = sx_resolvent_create(c, N, a, &r);
        if (status == SX_OK) status = sx_resolvent_smallest(c, r, POINTS, re, im, sigma[k > 0]);
        sx_resolvent_free(c, r);
        assert_int_equal(sx_ctx_bytes(c), 0);
        sx_ctx_free(c);
        assert_int_equal(h.held, 0);
        assert_true(status == SX_OK || (k && status == SX_E_MEMORY));
        if (k && status == SX_OK) {
            assert_true(k > 5);
            break;
        }
    }
    assert_memory_equal(sigma[0], sigma[1], sizeof sigma[0]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_by_two),      cmocka_unit_test(pseudospectrum),     cmocka_unit_test(jordan),
        cmocka_unit_test(large_and_dense), cmocka_unit_test(threads_and_memory),
    };
    return cmocka_run_group_tests(tests, open_ctx, close_ctx);
}
