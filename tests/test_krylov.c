// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Krylov-Schur against closed forms and against dense LAPACK (dgeevx, dsyevd). */
#include "krylov_checks.h"

#include "core/linalg.h"
#include "core/linalg_eigen.h"
#include "failing_host.h"

#include <float.h>

static const double pi = 3.14159265358979323846;

static sx_krylov_opts wanted(int k, int rule) {
    sx_krylov_opts o = { .k = k, .wanted = rule, .tolerance = 1e-10, .norm = -1, .key = sx_key_seed(11) };
    return o;
}

/* |x_k - y_k| for the rows of modes: sorted by wanted order on both sides, so positions agree */
static void same_values(int count, const double *re, const double *im, const double *want_re, const double *want_im,
                        double tolerance) {
    for (int k = 0; k < count; ++k)
        if (!(hypot(re[k] - want_re[k], im[k] - want_im[k]) <= tolerance))
            fail_msg("eigenvalue %d: %.15g%+.15gi, want %.15g%+.15gi within %g", k, re[k], im[k], want_re[k],
                     want_im[k], tolerance);
}

/* The residual of packed rows by the test's own loop. */
static double residual_of(const double *a, int64_t n, const sx_modes *m, int k, bool left) {
    const double *rows = left ? m->left : m->right;
    double worst = 0, size = 0, lambda_im = left ? -m->im[k] : m->im[k];
    for (int64_t i = 0; i < n; ++i) {
        double re = 0, im = 0, x, y;
        for (int64_t j = 0; j < n; ++j) {
            sx_modes_component(rows, m->im, n, k, j, &x, &y);
            double w = left ? a[j * n + i] : a[i * n + j];
            re += w * x;
            im += w * y;
        }
        sx_modes_component(rows, m->im, n, k, i, &x, &y);
        re -= m->re[k] * x - lambda_im * y;
        im -= m->re[k] * y + lambda_im * x;
        worst += re * re + im * im;
        size += x * x + y * y;
    }
    return sqrt(worst / size);
}

/* -- closed forms -------------------------------------------------------------------------------------------------------------------- */

/* Tridiagonal Toeplitz matrices: lambda_k = d + 2 sqrt(l u) cos(k pi/(n + 1)), v_j = (l/u)^(j/2) sin(j k pi/(n + 1)); real but non-normal for l u > 0,
 * and on a line Re = d for l u < 0 (S. Noschese, L. Pasquini, L. Reichel, Numer. Linear Algebra Appl. 20 (2013) 302). */
static void toeplitz_real(void **state) {
    (void)state;
    enum { N = 60, K = 6 };
    sparse s;
    toeplitz(N, 1.2, -3, 0.8, &s);
    sx_operator a = sparse_operator(&s);
    sx_krylov_opts o = wanted(K, SX_WANTED_RIGHTMOST);
    o.left = true;
    o.basis = 40;
    sx_modes m;
    OK(sx_krylov_eigen(ctx, &a, &o, &m));
    assert_int_equal(m.count, K);
    assert_int_equal(m.converged, K);
    for (int k = 0; k < K; ++k) {
        double angle = (k + 1) * pi / (N + 1), exact = -3 + 2 * sqrt(0.96) * cos(angle), inner = 0, vv = 0, ww = 0;
        assert_true(fabs(m.re[k] - exact) < 1e-9);
        assert_true(m.im[k] == 0);
        for (int j = 1; j <= N; ++j) { /* w_j = (u/l)^(j/2) sin */
            double v = pow(1.5, 0.5 * j) * sin(j * angle), w = pow(1.5, -0.5 * j) * sin(j * angle);
            inner += v * w;
            vv += v * v;
            ww += w * w;
        }
        double kappa = sqrt(vv * ww) / fabs(inner);
        if (!(fabs(m.condition[k] / kappa - 1) < 1e-5)) fail_msg("condition %g, want %g", m.condition[k], kappa);
        for (int l = 0; l < K; ++l) { /* biorthogonal */
            double sum = 0;
            for (int j = 0; j < N; ++j) sum += m.left[k * N + j] * m.right[l * N + j];
            assert_true(fabs(sum - (k == l)) < 1e-9);
        }
    }
    sx_modes_free(ctx, &m);
    sparse_free(&s);
}

static void toeplitz_complex(void **state) {
    (void)state;
    enum { N = 50, K = 5 };
    sparse s;
    toeplitz(N, 1, -2, -1, &s); /* skew plus a multiple of 1: normal, lambda = -2 +- 2 i cos */
    sx_operator a = sparse_operator(&s);
    sx_krylov_opts o = wanted(K, SX_WANTED_LARGEST);
    o.left = true;
    o.basis = 30;
    sx_modes m;
    OK(sx_krylov_eigen(ctx, &a, &o, &m));
    assert_int_equal(m.count, K + 1); /* the last pair stays whole */
    for (int k = 0; k < K + 1; ++k) {
        double exact = 2 * cos((k / 2 + 1) * pi / (N + 1));
        assert_true(fabs(m.re[k] + 2) < 1e-9);
        assert_true(fabs(m.im[k] - (k % 2 ? -exact : exact)) < 1e-9);
        assert_true(fabs(m.condition[k] - 1) < 1e-9);
        double most = 0, norm = 0, at_most_im = 1;
        for (int u = 0; u < N; ++u) {
            double x, y;
            sx_modes_component(m.right, m.im, N, k, u, &x, &y);
            norm += x * x + y * y;
            if (hypot(x, y) > most * (1 + 1e-12)) {
                most = hypot(x, y);
                at_most_im = x > 0 ? y : 1;
            }
        }
        assert_true(fabs(norm - 1) < 1e-12);
        assert_true(fabs(at_most_im) < 1e-9);
    }
    sx_modes_free(ctx, &m);
    sparse_free(&s);
}

/* The discrete Laplacian on a line, lambda = 2 - 2 cos(k pi/(n + 1)): its slow end is hard (relative gaps of 1e-6), so the filter has to help. */
static void laplacian_filtered(void **state) {
    (void)state;
    enum { N = 700, K = 8 };
    sparse s;
    toeplitz(N, -1, 2, -1, &s);
    sx_operator a = sparse_operator(&s);
    for (int filter = SX_FILTER_CHEBYSHEV; filter <= SX_FILTER_AUTO; ++filter) {
        sx_krylov_opts o = wanted(K, SX_WANTED_LEFTMOST);
        o.symmetric = true;
        o.left = true;
        o.filter = filter;
        sx_modes m;
        OK(sx_krylov_eigen(ctx, &a, &o, &m));
        assert_true(m.degree > 1);
        for (int k = 0; k < K; ++k) {
            double exact = 4 * pow(sin(0.5 * (k + 1) * pi / (N + 1)), 2);
            if (!(fabs(m.re[k] - exact) < 1e-13)) fail_msg("%g, want %g", m.re[k], exact);
            assert_true(m.residual[k] <= 1e-10 * 4);
        }
        assert_memory_equal(m.left, m.right, K * N * sizeof(double));
        sx_modes_free(ctx, &m);
    }
    sparse_free(&s);
}

/* -- against dense LAPACK --------------------------------------------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static const double *sort_re, *sort_im;
static int by_rightmost(const void *a, const void *b) {
    int i = *(const int *)a, j = *(const int *)b;
    if (sort_re[i] != sort_re[j]) return sort_re[i] > sort_re[j] ? -1 : 1;
    return sort_im[i] > sort_im[j] ? -1 : 1;
}

/* The 20 slowest modes of a sparse random matrix, N = 1000: eigenvalues to 1e-8, both sides' residuals, conditions. */
static void slowest_modes(void **state) {
    (void)state;
    enum { N = 1000, K = 20 };
    sparse s;
    sparse_random(N, 21, 0.9, 3, &s);
    double *dense = dense_of(&s), *re = numbers(N), *im = numbers(N), *want_re = numbers(K + 1),
           *want_im = numbers(K + 1);
    int order[N];
    OK(sx_eigenvalues(ctx, N, dense, re, im));
    for (int i = 0; i < N; ++i) order[i] = i;
    sort_re = re;
    sort_im = im;
    qsort(order, N, sizeof *order, by_rightmost);
    for (int k = 0; k < K + 1; ++k) {
        want_re[k] = re[order[k]];
        want_im[k] = im[order[k]];
    }
    sx_operator a = sparse_operator(&s);
    for (int filter = SX_FILTER_NONE; filter <= SX_FILTER_AUTO; ++filter) {
        sx_krylov_opts o = wanted(K, SX_WANTED_RIGHTMOST);
        o.filter = filter;
        o.left = filter == SX_FILTER_CHEBYSHEV;
        sx_modes m;
        OK(sx_krylov_eigen(ctx, &a, &o, &m));
        assert_true(m.converged >= K);
        same_values(m.count, m.re, m.im, want_re, want_im, 1e-8);
        for (int k = 0; k < m.count; k += 4) assert_true(residual_of(dense, N, &m, k, false) < 1e-9);
        if (o.left)
            for (int k = 0; k < m.count; k += 4) {
                double r = residual_of(dense, N, &m, k, true);
                if (!(r < 1e-9)) fail_msg("left residual %g of mode %d (own: %g)", r, k, m.left_residual[k]);
            }
        sx_modes_free(ctx, &m);
    }
    sx_free(ctx, dense);
    sx_free(ctx, re);
    sx_free(ctx, im);
    sx_free(ctx, want_re);
    sx_free(ctx, want_im);
    sparse_free(&s);
}

/* The slowest modes of a map: the largest in modulus, all around the circle, with and without the filter A^d. */
static void largest_modes(void **state) {
    (void)state;
    enum { N = 400, K = 12 };
    sparse s;
    sparse_random(N, 15, 0.9, 41, &s);
    for (int i = 0; i < N; ++i) s.value[15 * i] = 0; /* without the leak */
    double *dense = dense_of(&s), *re = numbers(N), *im = numbers(N), modulus[N];
    OK(sx_eigenvalues(ctx, N, dense, re, im));
    for (int i = 0; i < N; ++i) modulus[i] = -hypot(re[i], im[i]);
    qsort(modulus, N, sizeof *modulus, ascending);
    sx_operator a = sparse_operator(&s);
    for (int filter = SX_FILTER_NONE; filter <= SX_FILTER_AUTO; ++filter) {
        sx_krylov_opts o = wanted(K, SX_WANTED_LARGEST);
        o.filter = filter;
        sx_modes m;
        OK(sx_krylov_eigen(ctx, &a, &o, &m));
        for (int k = 0; k < m.count; ++k) {
            assert_true(fabs(hypot(m.re[k], m.im[k]) + modulus[k]) < 1e-8);
            assert_true(residual_of(dense, N, &m, k, false) < 1e-9);
        }
        if (filter == SX_FILTER_CHEBYSHEV) assert_true(m.degree > 1);
        sx_modes_free(ctx, &m);
    }
    sx_free(ctx, dense);
    sx_free(ctx, re);
    sx_free(ctx, im);
    sparse_free(&s);
}

/* Left vectors and condition numbers beside dgeevx. */
static void left_and_condition(void **state) {
    (void)state;
    enum { N = 120, K = 7 };
    sparse s;
    sparse_random(N, 9, 0.7, 5, &s);
    double *dense = dense_of(&s), *re = numbers(N), *im = numbers(N), *kappa = numbers(N);
    OK(sx_general_eigen(ctx, N, dense, re, im, NULL, NULL, kappa));
    sx_operator a = sparse_operator(&s);
    sx_krylov_opts o = wanted(K, SX_WANTED_RIGHTMOST);
    o.left = true;
    sx_modes m;
    OK(sx_krylov_eigen(ctx, &a, &o, &m));
    for (int k = 0; k < m.count; ++k) {
        int best = 0;
        for (int i = 0; i < N; ++i)
            if (hypot(re[i] - m.re[k], im[i] - m.im[k]) < hypot(re[best] - m.re[k], im[best] - m.im[k])) best = i;
        assert_true(hypot(re[best] - m.re[k], im[best] - m.im[k]) < 1e-9);
        assert_true(fabs(m.condition[k] / kappa[best] - 1) < 1e-7);
        for (int l = 0; l < m.count; ++l) { /* w_k^H v_l = delta */
            double sum_re = 0, sum_im = 0, x, y, p, q;
            for (int u = 0; u < N; ++u) {
                sx_modes_component(m.left, m.im, N, k, u, &p, &q);
                sx_modes_component(m.right, m.im, N, l, u, &x, &y);
                sum_re += p * x + q * y;
                sum_im += p * y - q * x;
            }
            assert_true(hypot(sum_re - (k == l), sum_im) < 1e-9);
        }
    }
    sx_modes_free(ctx, &m);
    sx_free(ctx, dense);
    sx_free(ctx, re);
    sx_free(ctx, im);
    sx_free(ctx, kappa);
    sparse_free(&s);
}

/* -- transformed operators ---------------------------------------------------------------------------------------------------------------- */

/* x = (T - sigma)^-1 b for a Toeplitz matrix by elimination without pivoting (sigma outside of the spectrum on its left: definite) */
typedef struct shifted {
    int64_t n;
    double lower, diagonal, upper;
} shifted;
static sx_status solve_tridiagonal(const shifted *s, double lower, double upper, const double *b, double *x) {
    double *c = malloc((size_t)s->n * sizeof *c);
    assert_non_null(c);
    for (int64_t i = 0; i < s->n; ++i) {
        double pivot = s->diagonal - (i > 0 ? lower * c[i - 1] : 0);
        c[i] = upper / pivot;
        x[i] = (b[i] - (i > 0 ? lower * x[i - 1] : 0)) / pivot;
    }
    for (int64_t i = s->n - 2; i >= 0; --i) x[i] -= c[i] * x[i + 1];
    free(c);
    return SX_OK;
}
static sx_status shifted_apply(void *user, sx_ctx *c, int64_t b, const double *x, double *y) {
    const shifted *s = user;
    (void)c, (void)b;
    return solve_tridiagonal(s, s->lower, s->upper, x, y);
}
static sx_status shifted_adjoint(void *user, sx_ctx *c, int64_t b, const double *x, double *y) {
    const shifted *s = user;
    (void)c, (void)b;
    return solve_tridiagonal(s, s->upper, s->lower, x, y);
}

static void shift_invert(void **state) {
    (void)state;
    enum { N = 400, K = 5 };
    sparse s;
    toeplitz(N, -1.02, 2.5, -0.98, &s);
    double middle = sqrt(1.02 * 0.98), sigma = 0.45; /* left of the spectrum */
    shifted inverse = { N, -1.02, 2.5 - sigma, -0.98 };
    sx_operator a = sparse_operator(&s), c = { N, &inverse, shifted_apply, shifted_adjoint, 1 };
    sx_krylov_opts o = wanted(K, SX_WANTED_NEAREST);
    o.target_re = sigma;
    o.left = true;
    o.transformed = &c;
    sx_modes m;
    OK(sx_krylov_eigen(ctx, &a, &o, &m));
    for (int k = 0; k < K; ++k) {
        double exact = 2.5 - 2 * middle * cos((k + 1) * pi / (N + 1));
        if (!(fabs(m.re[k] - exact) < 1e-10)) fail_msg("%.12g, want %.12g", m.re[k], exact);
        assert_true(m.residual[k] < 1e-9 && m.left_residual[k] < 1e-9);
    }
    assert_true(m.restarts <= 6); /* that is what the inverse is for */
    sx_modes_free(ctx, &m);
    sparse_free(&s);
}

/* e^{A t0} as the time stepper: the slow modes of A from the dominant ones of its propagator. */
static void propagator(void **state) {
    (void)state;
    enum { N = 150, K = 4 };
    sparse s;
    sparse_random(N, 12, 0.8, 9, &s);
    double *dense = dense_of(&s), *scaled = numbers(N * N), *e = numbers(N * N), *re = numbers(N), *im = numbers(N);
    for (int i = 0; i < N * N; ++i) scaled[i] = 10 * dense[i];
    OK(sx_expm(ctx, N, scaled, e));
    OK(sx_eigenvalues(ctx, N, dense, re, im));
    sx_dense_matrix step = { N, e };
    sx_operator a = sparse_operator(&s), c = sx_operator_dense(&step);
    sx_krylov_opts o = wanted(K, SX_WANTED_RIGHTMOST);
    o.transformed = &c;
    o.left = true;
    sx_modes m;
    OK(sx_krylov_eigen(ctx, &a, &o, &m));
    double rightmost = -1e300;
    for (int i = 0; i < N; ++i) rightmost = fmax(rightmost, re[i]);
    assert_true(fabs(m.re[0] - rightmost) < 1e-10);
    assert_true(m.converged >= K);
    for (int k = 0; k < m.count; ++k) assert_true(residual_of(dense, N, &m, k, true) < 1e-9);
    sx_modes_free(ctx, &m);
    sx_free(ctx, dense);
    sx_free(ctx, scaled);
    sx_free(ctx, e);
    sx_free(ctx, re);
    sx_free(ctx, im);
    sparse_free(&s);
}

/* The filters as operators: on a diagonal matrix they are their polynomials, entry by entry. */
static void filters(void **state) {
    (void)state;
    enum { N = 9 };
    double x[N], y[N], z[N], d[N];
    sparse s;
    sparse_create(N, 1, &s);
    for (int i = 0; i < N; ++i) {
        s.column[i] = i;
        s.value[i] = d[i] = -2 + 0.3 * i;
        x[i] = 1 + i;
    }
    sx_operator a = sparse_operator(&s);
    sx_filter *f;
    for (int sign = -1; sign <= 1; ++sign) {
        sx_filter_opts o = {
            .kind = SX_FILTER_CHEBYSHEV, .centre = -1.5, .focus2 = 0.25 * sign, .reference = 1, .degree = 6
        };
        OK(sx_filter_create(ctx, &a, &o, &f));
        assert_int_equal(sx_filter_degree(f), 6);
        const sx_operator *p = sx_filter_operator(f);
        OK(p->apply(p->user, ctx, 1, x, y));
        OK(p->adjoint(p->user, ctx, 1, x, z));
        for (int i = 0; i < N; ++i) {
            /* T_6(w) = 32 w^6 - 48 w^4 + 18 w^2 - 1 in w^2 = t^2/e^2; without e the leading term alone */
            double t = (d[i] + 1.5) * (d[i] + 1.5), r = 2.5 * 2.5, e = 0.25 * sign;
            double at = 32 * t * t * t - 48 * t * t * e + 18 * t * e * e - e * e * e;
            double ref = 32 * r * r * r - 48 * r * r * e + 18 * r * e * e - e * e * e;
            if (!(fabs(y[i] - x[i] * at / ref) < 1e-13)) fail_msg("%g, want %g", y[i], x[i] * at / ref);
            assert_true(fabs(z[i] - y[i]) < 1e-15);
        }
        sx_filter_free(ctx, f);
    }
    /* a Taylor step is within 1e-3 of the exponential where |t0 (z - c)| is largest, and far better near c */
    sx_filter_opts o = { .kind = SX_FILTER_EXPONENTIAL, .centre = 0.4, .radius = 2.4, .time = 3 };
    OK(sx_filter_create(ctx, &a, &o, &f));
    const sx_operator *p = sx_filter_operator(f);
    OK(p->apply(p->user, ctx, 1, x, y));
    for (int i = 0; i < N; ++i) assert_true(fabs(y[i] / x[i] - exp(3 * (d[i] - 0.4))) < (i == N - 1 ? 1e-15 : 1.1e-3));
    sx_filter_free(ctx, f);
    sx_filter_opts bad = { .kind = SX_FILTER_CHEBYSHEV, .degree = 0, .reference = 1 };
    assert_int_equal(sx_filter_create(ctx, &a, &bad, &f), SX_E_USAGE);
    sx_ctx_clear(ctx);
    sparse_free(&s);
}

/* -- hard cases ------------------------------------------------------------------------------------------------------------------------------ */

/* Every eigenvalue twice: copies are found because the iteration goes on at random when its space is invariant. */
static void multiple_eigenvalues(void **state) {
    (void)state;
    enum { N = 24 };
    sparse s;
    sparse_create(N, 1, &s);
    for (int i = 0; i < N; ++i) {
        s.column[i] = i;
        s.value[i] = -(1 + i / 2);
    }
    sx_operator a = sparse_operator(&s);
    for (int symmetric = 0; symmetric < 2; ++symmetric) {
        sx_krylov_opts o = wanted(4, SX_WANTED_RIGHTMOST);
        o.symmetric = symmetric;
        o.left = true;
        sx_modes m;
        OK(sx_krylov_eigen(ctx, &a, &o, &m));
        static const double want[4] = { -1, -1, -2, -2 }, none[4];
        same_values(4, m.re, m.im, want, none, 1e-12);
        double cross = 0;
        for (int i = 0; i < N; ++i) cross += m.left[i] * m.right[N + i];
        assert_true(fabs(cross) < 1e-10);
        sx_modes_free(ctx, &m);
    }
    /* the identity: every step breaks down */
    for (int i = 0; i < N; ++i) s.value[i] = 1;
    sx_krylov_opts o = wanted(3, SX_WANTED_LARGEST);
    o.basis = 10;
    sx_modes m;
    OK(sx_krylov_eigen(ctx, &a, &o, &m));
    static const double ones[3] = { 1, 1, 1 }, zeros[3];
    same_values(3, m.re, m.im, ones, zeros, 1e-14);
    sx_modes_free(ctx, &m);
    /* nothing at all */
    for (int i = 0; i < N; ++i) s.value[i] = 0;
    OK(sx_krylov_eigen(ctx, &a, &o, &m));
    same_values(3, m.re, m.im, zeros, zeros, 0);
    sx_modes_free(ctx, &m);
    sparse_free(&s);
}

static void tiny_operators(void **state) {
    (void)state;
    static const double rotation[4] = { 0.5, -2, 2, 0.5 };
    static const double one[1] = { -3 };
    sx_dense_matrix two = { 2, rotation }, single = { 1, one };
    sx_operator a = sx_operator_dense(&two), b = sx_operator_dense(&single);
    sx_krylov_opts o = wanted(1, SX_WANTED_RIGHTMOST);
    o.left = true;
    sx_modes m;
    OK(sx_krylov_eigen(ctx, &a, &o, &m));
    assert_int_equal(m.count, 2);
    assert_true(fabs(m.re[0] - 0.5) < 1e-14 && fabs(m.im[0] - 2) < 1e-14 && fabs(m.im[1] + 2) < 1e-14);
    sx_modes_free(ctx, &m);
    o.k = 5; /* more than there are */
    OK(sx_krylov_eigen(ctx, &b, &o, &m));
    assert_int_equal(m.count, 1);
    assert_true(m.re[0] == -3 && m.condition[0] == 1);
    sx_modes_free(ctx, &m);
}

/* Same bits for one worker and for four; not converged, cancelled, broken operators. */
static void same_bits(void **state) {
    (void)state;
    enum { N = 1400, K = 4 };
    sparse s;
    sparse_random(N, 8, 0.9, 21, &s);
    sx_operator a = sparse_operator(&s);
    sx_modes m[2];
    for (int i = 0; i < 2; ++i) {
        sx_host host = { .struct_size = sizeof host, .threads = i ? 4 : 1 };
        sx_ctx *c = sx_ctx_create(&host);
        sx_krylov_opts o = wanted(K, SX_WANTED_RIGHTMOST);
        o.filter = SX_FILTER_CHEBYSHEV;
        assert_int_equal(sx_krylov_eigen(c, &a, &o, &m[i]), SX_OK);
        if (i) {
            assert_int_equal(m[0].products, m[1].products);
            assert_memory_equal(m[0].re, m[1].re, (size_t)m[0].count * sizeof(double));
            assert_memory_equal(m[0].right, m[1].right, (size_t)m[0].count * N * sizeof(double));
            sx_modes_free(c, &m[1]);
            sx_ctx_free(c);
        } else {
            /* kept for the second round: copy into the shared context */
            sx_modes copy = m[0];
            OK(sx_alloc(ctx, copy.count, sizeof(double), &copy.re));
            OK(sx_alloc(ctx, copy.count * N, sizeof(double), &copy.right));
            memcpy(copy.re, m[0].re, (size_t)copy.count * sizeof(double));
            memcpy(copy.right, m[0].right, (size_t)copy.count * N * sizeof(double));
            copy.im = copy.residual = NULL;
            sx_modes_free(c, &m[0]);
            sx_ctx_free(c);
            m[0] = copy;
        }
    }
    sx_modes_free(ctx, &m[0]);

    sx_krylov_opts o = wanted(K, SX_WANTED_RIGHTMOST);
    o.restarts = 1;
    assert_int_equal(sx_krylov_eigen(ctx, &a, &o, &m[0]), SX_NOT_CONVERGED);
    assert_true(m[0].count >= K && m[0].converged < K);
    double worst = 0;
    for (int k = 0; k < K; ++k) worst = fmax(worst, m[0].residual[k]);
    assert_true(worst > 1e-6); /* said honestly */
    sx_modes_free(ctx, &m[0]);
    sparse_free(&s);
}

static bool cancel_later(void *user) {
    return ++*(int *)user > 25;
}
static sx_status broken_apply(void *user, sx_ctx *c, int64_t b, const double *x, double *y) {
    int *calls = user;
    (void)c;
    for (int64_t i = 0; i < 30 * b; ++i) y[i] = ++*calls > 200 ? (double)NAN : x[(i + b) % (30 * b)] * (double)i;
    return SX_OK;
}
static sx_status failing_apply(void *user, sx_ctx *c, int64_t b, const double *x, double *y) {
    (void)user, (void)b, (void)x, (void)y;
    return SX_FAIL(c, SX_E_UNSUPPORTED, "no product today");
}

static void interruptions(void **state) {
    (void)state;
    sparse s;
    sparse_random(300, 8, 0.9, 22, &s);
    sx_operator a = sparse_operator(&s);
    int polls = 0;
    sx_host host = { .struct_size = sizeof host, .user = &polls, .cancelled = cancel_later, .threads = 1 };
    sx_ctx *c = sx_ctx_create(&host);
    sx_krylov_opts o = wanted(3, SX_WANTED_RIGHTMOST);
    sx_modes m = { 0 };
    assert_int_equal(sx_krylov_eigen(c, &a, &o, &m), SX_STOPPED);
    assert_null(m.re);
    assert_true(s.products <= 30);
    assert_int_equal(sx_ctx_bytes(c), 0);
    sx_ctx_free(c);
    sparse_free(&s);

    int calls = 0;
    sx_operator broken = { 30, &calls, broken_apply, NULL, 1 }, failing = { 30, NULL, failing_apply, NULL, 1 };
    assert_int_equal(sx_krylov_eigen(ctx, &broken, &o, &m), SX_E_NUMERIC);
    assert_non_null(strstr(sx_ctx_message(ctx), "not finite"));
    assert_int_equal(sx_krylov_eigen(ctx, &failing, &o, &m), SX_E_UNSUPPORTED);
    assert_non_null(strstr(sx_ctx_message(ctx), "no product today"));
    o.left = true;
    assert_int_equal(sx_krylov_eigen(ctx, &failing, &o, &m), SX_E_UNSUPPORTED);
    assert_non_null(strstr(sx_ctx_message(ctx), "adjoint"));
    o.k = 0;
    assert_int_equal(sx_krylov_eigen(ctx, &failing, &o, &m), SX_E_USAGE);
    sx_ctx_clear(ctx);
}

/* Every allocation in turn fails: a clean refusal, nothing leaks. */
static void failing_allocator(void **state) {
    (void)state;
    sparse s;
    toeplitz(40, 1.2, -3, 0.8, &s);
    sx_operator a = sparse_operator(&s);
    sx_krylov_opts o = wanted(2, SX_WANTED_RIGHTMOST);
    o.left = true;
    o.filter = SX_FILTER_CHEBYSHEV;
    o.basis = 12;
    int failures = 0;
    for (int64_t k = 1;; ++k) {
        failing_host h = { .fail_at = k + 3 };
        sx_host host = failing_host_of(&h);
        sx_ctx *poor = sx_ctx_create(&host);
        assert_non_null(poor);
        sx_modes m = { 0 };
        sx_status status = sx_krylov_eigen(poor, &a, &o, &m);
        sx_modes_free(poor, &m);
        assert_int_equal(sx_ctx_bytes(poor), 0);
        sx_ctx_free(poor);
        assert_int_equal(h.held, 0);
        if (status == SX_OK) break;
        assert_int_equal(status, SX_E_MEMORY);
        ++failures;
    }
    assert_true(failures > 30);
    sparse_free(&s);
}

static void outline(void **state) {
    (void)state;
    enum { N = 800, STEPS = 50 };
    sparse s;
    sparse_random(N, 21, 0.8, 31, &s);
    sx_operator a = sparse_operator(&s);
    double re[STEPS], im[STEPS], left = 0, right = -2, top = 0;
    int count;
    OK(sx_krylov_outline(ctx, &a, STEPS, sx_key_seed(1), re, im, &count));
    assert_int_equal(count, STEPS);
    for (int i = 0; i < count; ++i) {
        left = fmin(left, re[i]);
        right = fmax(right, re[i]);
        top = fmax(top, im[i]);
    }
    /* the circular law: the disc of radius 0.8 around -1, from inside up to the fluctuations of its edge */
    assert_true(fabs(left + 1.8) < 0.1 && fabs(right + 0.2) < 0.1 && fabs(top - 0.8) < 0.1);
    sparse_free(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(toeplitz_real),
        cmocka_unit_test(toeplitz_complex),
        cmocka_unit_test(laplacian_filtered),
        cmocka_unit_test(slowest_modes),
        cmocka_unit_test(largest_modes),
        cmocka_unit_test(left_and_condition),
        cmocka_unit_test(shift_invert),
        cmocka_unit_test(propagator),
        cmocka_unit_test(filters),
        cmocka_unit_test(multiple_eigenvalues),
        cmocka_unit_test(tiny_operators),
        cmocka_unit_test(same_bits),
        cmocka_unit_test(interruptions),
        cmocka_unit_test(failing_allocator),
        cmocka_unit_test(outline),
    };
    return cmocka_run_group_tests(tests, open_ctx, close_ctx);
}
