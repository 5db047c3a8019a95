// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Dense linear algebra against exact solutions and 40-digit mpmath 1.3 values. */
#include "core/linalg.h"
#include "failing_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <string.h>

static sx_ctx *ctx;
static int open_ctx(void **state) {
    (void)state;
    ctx = sx_ctx_create(NULL);
    return ctx ? 0 : -1;
}
static int close_ctx(void **state) {
    (void)state;
    size_t held = sx_ctx_bytes(ctx);
    sx_ctx_free(ctx);
    return held == 0 ? 0 : -1;
}

#define OK(call)                                                                                                       \
    do {                                                                                                               \
        if ((call) != SX_OK) fail_msg("%s: %s", #call, sx_ctx_message(ctx));                                           \
    } while (0)

static void near(int64_t n, const double *x, const double *expected, double tolerance) {
    for (int64_t i = 0; i < n; ++i)
        if (!(fabs(x[i] - expected[i]) <= tolerance)) /* NaN fails too */
            fail_msg("entry %d: %.17g, want %.17g within %g", (int)i, x[i], expected[i], tolerance);
}

/* reproducible numbers in [-1, 1) */
static void scatter(int64_t n, double *x, uint64_t seed) {
    for (int64_t i = 0; i < n; ++i) {
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        x[i] = (double)(seed >> 11) * 0x1p-52 - 1;
    }
}

static void multiply(int64_t m, int64_t k, int64_t n, const double *A, const double *B, double *C) {
    for (int64_t i = 0; i < m; ++i)
        for (int64_t j = 0; j < n; ++j) {
            double s = 0;
            for (int64_t l = 0; l < k; ++l) s += A[i * k + l] * B[l * n + j];
            C[i * n + j] = s;
        }
}

enum { SIZE = 60 };
static double A[SIZE * SIZE], Q[SIZE * SIZE], X[SIZE * SIZE], Y[SIZE * SIZE], Z[SIZE * SIZE];

static void gemm(void **state) {
    (void)state;
    enum { M = 5, N = 7, K = 3, LD = 11 };
    double a[LD * LD], b[LD * LD], c[LD * LD], expected[LD * LD];
    for (int ta = 0; ta < 2; ++ta)
        for (int tb = 0; tb < 2; ++tb) {
            scatter(LD * LD, a, 1);
            scatter(LD * LD, b, 2);
            scatter(LD * LD, c, 3);
            memcpy(expected, c, sizeof c);
            for (int i = 0; i < M; ++i)
                for (int j = 0; j < N; ++j) {
                    double s = 0;
                    for (int l = 0; l < K; ++l)
                        s += (ta ? a[l * LD + i] : a[i * LD + l]) * (tb ? b[j * LD + l] : b[l * LD + j]);
                    expected[i * LD + j] = 1.5 * s - 0.5 * c[i * LD + j];
                }
            sx_gemm(ta, tb, M, N, K, 1.5, a, LD, b, LD, -0.5, c, LD);
            near(LD * LD, c, expected, 1e-15); /* also: nothing beyond M x N is touched */
        }
    assert_true(strlen(sx_blas_name()) > 0);
}

static const double matrix3[9] = { 0.3, 1.2, -0.7, -0.4, -0.9, 0.25, 2.0, 0.1, 0.6 };

static void exponential(void **state) {
    (void)state;
    double e[9];
    /* mpmath.expm, 40 digits */
    static const double golden[9] = { 0.35628320127782847815,  0.59288503618568573692, -0.69932680296655075587,
                                      0.015426404400602007321, 0.36903981398728352051, 0.28870964163154736355,
                                      2.3633132938401404753,   1.138146655672605816,   0.93918084670840081256 };
    OK(sx_expm(ctx, 3, matrix3, e));
    near(9, e, golden, 4e-15);
    /* strongly damped, norm 80: (expm(B/64))^64 at 120 digits */
    static const double B[9] = { -30, 50, 0, -50, -30, 10, 0, 0, -100 };
    static const double goldenB[9] = { 9.029788272368281532e-14,
                                       -2.455204957465964568e-14,
                                       -8.4236994681220485994e-15,
                                       2.455204957465964568e-14,
                                       9.029788272368281532e-14,
                                       6.8827693404389389033e-15,
                                       0,
                                       0,
                                       3.720075976020835963e-44 };
    OK(sx_expm(ctx, 3, B, e));
    near(9, e, goldenB, 1e-12 * 9e-14);
    /* exactly: nilpotent, rotation, diagonal, zero */
    static const double nilpotent[9] = { 0, 1, 2, 0, 0, 4, 0, 0, 0 }, exp_nilpotent[9] = { 1, 1, 4, 0, 1, 4, 0, 0, 1 };
    OK(sx_expm(ctx, 3, nilpotent, e));
    near(9, e, exp_nilpotent, 4e-15);
    static const double angles[] = { 1e-9, 0.1, 3, 20, 500 };
    for (int i = 0; i < 5; ++i) {
        double w = angles[i], rotation[4] = { 0, -w, w, 0 }, expected[4] = { cos(w), -sin(w), sin(w), cos(w) };
        OK(sx_expm(ctx, 2, rotation, e));
        near(4, e, expected, 1e-15 * (4 + 2 * w));
    }
    static const double diagonal[9] = { -1000, 0, 0, 0, 1, 0, 0, 0, 50 };
    OK(sx_expm(ctx, 3, diagonal, e));
    assert_true(e[0] >= 0 && e[0] < 1e-300);
    near(1, e + 4, &(double){ 2.7182818284590452354 }, 1e-12);
    near(1, e + 8, &(double){ 5184705528587072464087.4533 }, 1e-12 * 5.2e21);
    double zero[4] = { 0 }, identity[4] = { 1, 0, 0, 1 };
    OK(sx_expm(ctx, 2, zero, e));
    near(4, e, identity, 0);
    memcpy(e, matrix3, sizeof e); /* in place */
    OK(sx_expm(ctx, 3, e, e));
    near(9, e, golden, 4e-15);

    double bad[1] = { 1e5 };
    e[0] = 5;
    assert_int_equal(sx_expm(ctx, 1, bad, e), SX_E_NUMERIC);
    assert_non_null(strstr(sx_ctx_message(ctx), "overflow"));
    bad[0] = (double)NAN;
    assert_int_equal(sx_expm(ctx, 1, bad, e), SX_E_NUMERIC);
    assert_true(e[0] == 5);
    OK(sx_expm(ctx, 0, bad, e));
}

/* A X + X A^T + Q = 0 */
static void lyapunov(void **state) {
    (void)state;
    static const double a[4] = { -1, 4, 0, -2 }, q[4] = { 2, 0, 0, 2 };
    double x[4], expected[4] = { 11.0 / 3, 2.0 / 3, 2.0 / 3, 0.5 }; /* by hand */
    OK(sx_lyapunov(ctx, 2, a, q, x));
    near(4, x, expected, 4e-15 * 4);
    /* complex eigenvalues: the 2 x 2 blocks of the Schur form; damped rotation, x = I q / (2 g) for Q = q I */
    static const double spiral[4] = { -0.5, 7, -7, -0.5 }, q3[4] = { 3, 0, 0, 3 }, three[4] = { 3, 0, 0, 3 };
    OK(sx_lyapunov(ctx, 2, spiral, q3, x));
    near(4, x, three, 1e-14);
    for (int64_t n = 1; n <= SIZE; n += 13) { /* residual of scattered stable systems, not symmetric */
        scatter(n * n, A, (uint64_t)n);
        for (int64_t i = 0; i < n; ++i) A[i * n + i] -= 0.8 * sqrt((double)n) + 1;
        scatter(n * n, Y, 7);
        for (int64_t i = 0; i < n; ++i)
            for (int64_t j = 0; j < n; ++j) Q[i * n + j] = Y[i * n + j] + Y[j * n + i];
        OK(sx_lyapunov(ctx, n, A, Q, X));
        multiply(n, n, n, A, X, Y);
        double size = 0;
        for (int64_t i = 0; i < n * n; ++i) size = fmax(size, fabs(Y[i]));
        for (int64_t i = 0; i < n; ++i)
            for (int64_t j = 0; j < n; ++j) {
                assert_true(X[i * n + j] == X[j * n + i]);
                assert_true(fabs(Y[i * n + j] + Y[j * n + i] + Q[i * n + j]) <= 1e-12 * (1 + size));
            }
    }
    static const double saddle[4] = { 1, 0, 0, -1 }, marginal[4] = { 0, 1, -1, 0 };
    x[0] = 5;
    assert_int_equal(sx_lyapunov(ctx, 2, saddle, q, x), SX_E_NUMERIC);
    assert_non_null(strstr(sx_ctx_message(ctx), "share an eigenvalue"));
    assert_int_equal(sx_lyapunov(ctx, 2, marginal, q, x), SX_E_NUMERIC);
    assert_true(x[0] == 5);
}

/* X = A X A^T + Q: the stationary covariance of Euler-Maruyama steps, (1 + hA) and hQ */
static void stein(void **state) {
    (void)state;
    static const double a[4] = { 1 - 0.01, 0.04, 0, 1 - 0.02 }, q[4] = { 0.02, 0, 0, 0.02 };
    /* Sigma_11, 12, 22 for A = [[-1,4],[0,-2]], Q = 2I, h = 0.01: numpy 1.24 (Kronecker solve), 14 digits */
    static const double expected[4] = { 3.6897251493724, 0.6643617381872, 0.6643617381872, 0.5050505050505 };
    double x[4];
    OK(sx_stein(ctx, 2, a, q, x));
    near(4, x, expected, 6e-14);
    /* x = q / (1 - a^2), close to the edge of stability, and at once for a = 0 */
    static const double ones[] = { 0, 0.5, -0.9, 0.999999, 1 - 0x1p-40 };
    for (int i = 0; i < 5; ++i) {
        double one = 1, sum = 1 / ((1 - ones[i]) * (1 + ones[i]));
        OK(sx_stein(ctx, 1, &ones[i], &one, x));
        near(1, x, &sum, 1e-13 * sum * (1 + 1e-3 / (1 - fabs(ones[i]))));
    }
    int64_t n = 30;
    scatter(n * n, A, 3);
    for (int64_t i = 0; i < n * n; ++i) A[i] *= 0.7 / sqrt((double)n / 3);
    scatter(n * n, Y, 7);
    for (int64_t i = 0; i < n; ++i)
        for (int64_t j = 0; j < n; ++j) Q[i * n + j] = Y[i * n + j] + Y[j * n + i];
    OK(sx_stein(ctx, n, A, Q, X));
    multiply(n, n, n, A, X, Y); /* Y A^T */
    for (int64_t i = 0; i < n; ++i)
        for (int64_t j = 0; j < n; ++j) {
            double s = Q[i * n + j];
            for (int64_t k = 0; k < n; ++k) s += Y[i * n + k] * A[j * n + k];
            assert_true(fabs(s - X[i * n + j]) <= 1e-11);
        }
    static const double edge[4] = { 0, 1, -1, 0 }, outside[4] = { 1.01, 0, 0, 0.5 };
    x[0] = 5;
    assert_int_equal(sx_stein(ctx, 2, edge, q, x), SX_E_NUMERIC);
    assert_int_equal(sx_stein(ctx, 2, outside, q, x), SX_E_NUMERIC);
    assert_non_null(strstr(sx_ctx_message(ctx), "spectral radius"));
    assert_true(x[0] == 5);
}

/* M_ij = ((7 i + 13 j) mod 11 - 5) / 4; eigenvalues by mpmath.eig and mpmath.eigsy, 40 digits */
static void eigenvalues(void **state) {
    (void)state;
    enum { N = 6 };
    double m[N * N], s[N * N], re[N], im[N], w[N], V[N * N];
    for (int i = 0; i < N; ++i)
        for (int j = 0; j < N; ++j) m[i * N + j] = ((7 * i + 13 * j) % 11 - 5) / 4.0;
    for (int i = 0; i < N; ++i)
        for (int j = 0; j < N; ++j) s[i * N + j] = 0.5 * (m[i * N + j] + m[j * N + i]);
    static const double symmetric[N] = { -2.1601438719253197651,  -1.4057028699094065112, -0.46701369509912088888,
                                         0.024464923714164927047, 0.83850160046748688053, 1.9198939127521953576 };
    static const double general[N][2] = { { 1.8388622985494869446, 0 },
                                          { 0.095766807004044585903, -1.9965102927574477979 },
                                          { 0.095766807004044585903, 1.9965102927574477979 },
                                          { 0.13152214225216371688, 0 },
                                          { -1.7059590274048699167, -0.88826823025825939961 },
                                          { -1.7059590274048699167, 0.88826823025825939961 } };
    OK(sx_symmetric_eigen(ctx, N, s, w, V));
    near(N, w, symmetric, 5e-15);
    for (int a = 0; a < N; ++a)
        for (int b = 0; b < N; ++b) { /* V^T V = 1, S V = V w */
            double dot = 0, sv = 0;
            for (int k = 0; k < N; ++k) {
                dot += V[k * N + a] * V[k * N + b];
                sv += s[a * N + k] * V[k * N + b];
            }
            assert_true(fabs(dot - (a == b)) < 1e-14);
            assert_true(fabs(sv - V[a * N + b] * w[b]) < 1e-14);
        }
    memset(w, 0, sizeof w);
    OK(sx_symmetric_eigen(ctx, N, s, w, NULL));
    near(N, w, symmetric, 5e-15);
    OK(sx_eigenvalues(ctx, N, m, re, im));
    for (int i = 0; i < N; ++i) { /* each expected one is found once */
        int found = 0;
        for (int j = 0; j < N; ++j) found += hypot(re[j] - general[i][0], im[j] - general[i][1]) < 1e-13;
        assert_int_equal(found, 1);
    }
    s[3] = (double)INFINITY;
    assert_int_equal(sx_symmetric_eigen(ctx, N, s, w, V), SX_E_NUMERIC);
    assert_string_equal(sx_ctx_message(ctx), "symmetric eigenvalues: entry [0][3] = inf: want a finite number");
    assert_int_equal(sx_eigenvalues(ctx, INT64_C(1) << 40, s, re, im), SX_E_USAGE);
}

static void factors(void **state) {
    (void)state;
    /* L L^T with L = [[2,0,0],[6,1,0],[-8,5,3]]: the textbook example, exact */
    static const double spd[9] = { 4, 12, -16, 12, 37, -43, -16, -43, 98 }, lower[9] = { 2, 0, 0, 6, 1, 0, -8, 5, 3 };
    double L[9], B[9], back[9];
    OK(sx_cholesky(ctx, 3, spd, L));
    near(9, L, lower, 1e-14);
    static const double indefinite[4] = { 1, 2, 2, 1 };
    L[0] = 77;
    assert_int_equal(sx_cholesky(ctx, 2, indefinite, L), SX_E_NUMERIC);
    assert_non_null(strstr(sx_ctx_message(ctx), "not positive definite"));
    assert_true(L[0] == 77);

    /* rank 2: u u^T + v v^T with u = (1,2,3), v = (1,0,-1) */
    static const double psd[9] = { 2, 2, 2, 2, 4, 6, 2, 6, 10 };
    int64_t rank = -1;
    OK(sx_psd_factor(ctx, 3, psd, B, &rank));
    assert_int_equal(rank, 2);
    for (int i = 0; i < 3; ++i)
        for (int j = 0; j < 3; ++j) back[i * 3 + j] = B[i * 2] * B[j * 2] + B[i * 2 + 1] * B[j * 2 + 1];
    near(9, back, psd, 1e-14);
    OK(sx_psd_factor(ctx, 3, (double[9]){ 0 }, B, &rank));
    assert_int_equal(rank, 0);
    assert_int_equal(sx_psd_factor(ctx, 2, indefinite, B, &rank), SX_E_NUMERIC);
    assert_non_null(strstr(sx_ctx_message(ctx), "eigenvalue -1"));
    assert_int_equal(rank, 0);
}

static void solve(void **state) {
    (void)state;
    static const double b[6] = { 1, 2, 3, 4, 5, 6 };
    double x[6], back[6];
    OK(sx_solve(ctx, 3, 2, matrix3, b, x));
    multiply(3, 3, 2, matrix3, x, back);
    near(6, back, b, 2e-14);
    /* Hilbert matrix of size 6 times its inverse (exact integers; OEIS A189765) */
    double h[36], identity[36] = { 0 }, inverse[36];
    for (int i = 0; i < 6; ++i)
        for (int j = 0; j < 6; ++j) h[i * 6 + j] = 1.0 / (i + j + 1);
    for (int i = 0; i < 6; ++i) identity[i * 7] = 1;
    OK(sx_solve(ctx, 6, 6, h, identity, inverse));
    assert_true(fabs(inverse[0] - 36) < 36e-8 && fabs(inverse[1] + 630) < 630e-8 && fabs(inverse[35] - 698544) < 0.007);
    /* scaling does not make a matrix singular ... */
    static const double scaled[4] = { 1e20, 1e20, 1, 2 }, rhs[2] = { 3e20, 5 }, one_two[2] = { 1, 2 };
    OK(sx_solve(ctx, 2, 1, scaled, rhs, x));
    near(2, x, one_two, 1e-14);
    static const double tiny[4] = { 1e-30, 0, 0, 1 }, tiny_b[2] = { 1e-30, 2 };
    OK(sx_solve(ctx, 2, 1, tiny, tiny_b, x));
    near(2, x, one_two, 1e-15);
    /* ... dependent rows do, also where rounding hides the zero pivot */
    static const double singular[4] = { 1, 2, 2, 4 }, hidden[9] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
    x[0] = 5;
    assert_int_equal(sx_solve(ctx, 2, 1, singular, b, x), SX_E_NUMERIC);
    assert_int_equal(sx_solve(ctx, 3, 1, hidden, b, x), SX_E_NUMERIC);
    assert_non_null(strstr(sx_ctx_message(ctx), "singular"));
    assert_true(x[0] == 5);
}

typedef sx_status (*job)(sx_ctx *c);
static sx_status job_eigen(sx_ctx *c) {
    return sx_symmetric_eigen(c, 20, Q, X, Y);
}
static sx_status job_eigenvalues(sx_ctx *c) {
    return sx_eigenvalues(c, 20, A, X, Y);
}
static sx_status job_cholesky(sx_ctx *c) {
    return sx_cholesky(c, 20, Q, X);
}
static sx_status job_solve(sx_ctx *c) {
    return sx_solve(c, 20, 3, A, Q, X);
}
static sx_status job_expm(sx_ctx *c) {
    return sx_expm(c, 20, A, X);
}
static sx_status job_lyapunov(sx_ctx *c) {
    return sx_lyapunov(c, 20, A, Q, X);
}
static sx_status job_stein(sx_ctx *c) {
    return sx_stein(c, 20, Z, Q, X);
}
static sx_status job_factor(sx_ctx *c) {
    int64_t rank;
    return sx_psd_factor(c, 20, Q, X, &rank);
}

static void failing_allocator(void **state) {
    (void)state;
    static const job jobs[] = { job_eigen, job_eigenvalues, job_cholesky, job_solve,
                                job_expm,  job_lyapunov,    job_stein,    job_factor };
    scatter(400, A, 5);
    scatter(400, Y, 6);
    for (int i = 0; i < 20; ++i) A[21 * i] -= 6;
    for (int i = 0; i < 400; ++i) Z[i] = A[i] / 50;
    multiply(20, 20, 20, Y, Y, Q);
    for (int i = 0; i < 20; ++i)
        for (int j = 0; j < 20; ++j) {
            double s = i == j;
            for (int k = 0; k < 20; ++k) s += Y[i * 20 + k] * Y[j * 20 + k];
            Q[i * 20 + j] = s;
        }
    for (size_t j = 0; j < sizeof jobs / sizeof *jobs; ++j)
        for (int64_t k = 1;; ++k) {
            failing_host h = { .fail_at = k + 3 }; /* the context itself takes three */
            sx_host host = failing_host_of(&h);
            sx_ctx *poor = sx_ctx_create(&host);
            assert_non_null(poor);
            for (int i = 0; i < 400; ++i) X[i] = -123;
            sx_status status = jobs[j](poor);
            assert_int_equal(sx_ctx_bytes(poor), 0);
            if (status != SX_OK) {
                assert_int_equal(status, SX_E_MEMORY);
                assert_non_null(strstr(sx_ctx_message(poor), "bytes"));
                for (int i = 0; i < 400; ++i) assert_true(X[i] == -123); /* untouched */
            }
            sx_ctx_free(poor);
            assert_int_equal(h.held, 0);
            if (status == SX_OK) {
                assert_true(k >= 2);
                break;
            }
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gemm),  cmocka_unit_test(exponential),       cmocka_unit_test(lyapunov),
        cmocka_unit_test(stein), cmocka_unit_test(eigenvalues),       cmocka_unit_test(factors),
        cmocka_unit_test(solve), cmocka_unit_test(failing_allocator),
    };
    return cmocka_run_group_tests(tests, open_ctx, close_ctx);
}
