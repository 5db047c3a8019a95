// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Dense eigenvectors of both sides: definitions checked entry by entry, badly scaled matrices, pencils, multipliers. */
#include "krylov_checks.h"

#include "core/linalg_eigen.h"
#include "failing_host.h"

/* A v = lambda v, w^H A = lambda w^H, w^H v = delta, |v| = 1 with the largest component real and positive */
static void check(int n, const double *a, double tolerance) {
    double *re = numbers(n), *im = numbers(n), *v = numbers(n * n), *w = numbers(n * n), *kappa = numbers(n);
    OK(sx_general_eigen(ctx, n, a, re, im, v, w, kappa));
    for (int k = 0; k < n; ++k) {
        double norm = 0, left = 0, most = 0, phase = 0;
        for (int i = 0; i < n; ++i) {
            double vr, vi, wr, wi, r = 0, ri = 0, l = 0, li = 0, x, y;
            sx_modes_component(v, im, n, k, i, &vr, &vi);
            sx_modes_component(w, im, n, k, i, &wr, &wi);
            norm += vr * vr + vi * vi;
            left += wr * wr + wi * wi;
            if (hypot(vr, vi) > most * (1 + 1e-9)) {
                most = hypot(vr, vi);
                phase = vr > 0 ? fabs(vi) : 1;
            }
            for (int j = 0; j < n; ++j) {
                sx_modes_component(v, im, n, k, j, &x, &y);
                r += a[i * n + j] * x;
                ri += a[i * n + j] * y;
                sx_modes_component(w, im, n, k, j, &x, &y); /* (w^H A)_i = sum_j conj(w_j) a_ji */
                l += x * a[j * n + i];
                li -= y * a[j * n + i];
            }
            assert_true(hypot(r - re[k] * vr + im[k] * vi, ri - re[k] * vi - im[k] * vr) < tolerance);
            assert_true(hypot(l - re[k] * wr - im[k] * wi, li + re[k] * wi - im[k] * wr) < tolerance * kappa[k]);
        }
        assert_true(fabs(norm - 1) < 1e-12 && phase < 1e-12);
        assert_true(fabs(kappa[k] / sqrt(left) - 1) < 1e-10);
        for (int m = 0; m < n; ++m) {
            double sum = 0, cross = 0, vr, vi, wr, wi;
            for (int i = 0; i < n; ++i) {
                sx_modes_component(w, im, n, k, i, &wr, &wi);
                sx_modes_component(v, im, n, m, i, &vr, &vi);
                sum += wr * vr + wi * vi;
                cross += wr * vi - wi * vr;
            }
            assert_true(hypot(sum - (k == m), cross) < 1e-10 * kappa[k]);
        }
    }
    sx_free(ctx, re);
    sx_free(ctx, im);
    sx_free(ctx, v);
    sx_free(ctx, w);
    sx_free(ctx, kappa);
}

static void both_sides(void **state) {
    (void)state;
    enum { N = 37 };
    double a[N * N], one[1] = { 4 };
    sx_normal_fill(sx_key_seed(8), 0, SX_SLOT_USER, 0, N * N, 1, a);
    check(N, a, 1e-12);
    for (int i = 0; i < N; ++i)
        for (int j = 0; j < N; ++j) a[i * N + j] *= exp(0.1 * (i - j)); /* balancing is for this */
    check(N, a, 1e-11);
    check(1, one, 1e-15);
    double re[N], im[N];
    OK(sx_general_eigen(ctx, N, a, re, im, NULL, NULL, NULL));
    a[5] = NAN;
    assert_int_equal(sx_general_eigen(ctx, N, a, re, im, NULL, NULL, NULL), SX_E_NUMERIC);
    assert_int_equal(sx_general_eigen(ctx, 0, a, re, im, NULL, NULL, NULL), SX_E_USAGE);
    sx_ctx_clear(ctx);
}

/* unified-dynamics.md T8 (ii): J = -(1 + A) H, H = diag(1, 9), A = w [[0, 1], [-1, 0]]: lambda = 5 +- sqrt(25 - 9 (1 + w^2)) */
static void gradient_and_rotation(void **state) {
    (void)state;
    static const double ws[] = { 0, 0.5, 1, 2, 5 };
    for (size_t i = 0; i < sizeof ws / sizeof *ws; ++i) {
        double w = ws[i], a[4] = { 1, 9 * w, -w, 9 }, re[2], im[2], d = 25 - 9 * (1 + w * w);
        OK(sx_general_eigen(ctx, 2, a, re, im, NULL, NULL, NULL));
        double spread = fabs(re[0] - re[1]) / 2, mean = (re[0] + re[1]) / 2;
        assert_true(fabs(mean - 5) < 1e-13);
        assert_true(fabs(spread - (d > 0 ? sqrt(d) : 0)) < 1e-12 && fabs(im[0] - (d < 0 ? sqrt(-d) : 0)) < 1e-12);
    }
}

/* H v = lambda G v with G = H: all exactly 1 (T8 iii); and a pencil whose solutions are known: G = L L^T, H = L diag(d) L^T has v_k = L^-T e_k. */
static void pencil(void **state) {
    (void)state;
    enum { N = 25 };
    double L[N * N] = { 0 }, G[N * N], H[N * N], d[N], values[N], V[N * N];
    sx_normal_fill(sx_key_seed(9), 0, SX_SLOT_USER, 0, N * N, 1, V);
    for (int i = 0; i < N; ++i) {
        for (int j = 0; j < i; ++j) L[i * N + j] = 0.3 * V[i * N + j];
        L[i * N + i] = 1 + 0.1 * i;
        d[i] = -3 + 0.5 * i;
    }
    for (int i = 0; i < N; ++i)
        for (int j = 0; j < N; ++j) {
            G[i * N + j] = H[i * N + j] = 0;
            for (int k = 0; k < N; ++k) {
                G[i * N + j] += L[i * N + k] * L[j * N + k];
                H[i * N + j] += L[i * N + k] * d[k] * L[j * N + k];
            }
        }
    OK(sx_pencil_eigen(ctx, N, H, G, values, V));
    for (int k = 0; k < N; ++k) {
        assert_true(fabs(values[k] - d[k]) < 1e-11);
        for (int c = 0; c < N; ++c) { /* (L^T v_k)_c = +- delta */
            double sum = 0;
            for (int i = 0; i < N; ++i) sum += L[i * N + c] * V[k * N + i];
            assert_true(fabs(fabs(sum) - (k == c)) < 1e-10);
        }
    }
    OK(sx_pencil_eigen(ctx, N, G, G, values, NULL));
    for (int k = 0; k < N; ++k) assert_true(fabs(values[k] - 1) < 1e-12);
    G[0] = -1;
    assert_int_equal(sx_pencil_eigen(ctx, N, H, G, values, V), SX_E_NUMERIC);
    assert_non_null(strstr(sx_ctx_message(ctx), "not positive definite"));
    sx_ctx_clear(ctx);
}

/* T16: zeta = exp(-L dt): -ln|zeta|/dt = Re lambda to 1e-12 even for slow modes */
static void multipliers(void **state) {
    (void)state;
    static const double rates[] = { 1e-9, 1e-4, 0.3, 5, -1e-7, -2 }, omegas[] = { 0, 1e-3, 0.8 };
    for (size_t i = 0; i < 6; ++i)
        for (size_t j = 0; j < 3; ++j) {
            /* |zeta| = 1 + expm1(-rate) exactly enough: zeta = e^{-rate} (cos, sin); the digits lost are those of zeta itself */
            double size = exp(-rates[i]), a = size * cos(omegas[j]), b = size * sin(omegas[j]);
            assert_true(fabs(sx_multiplier_rate(a, b) - rates[i]) < 1e-15 + 1e-12 * fabs(rates[i]));
            assert_true(fabs(sx_multiplier_rate(-a, b) - rates[i]) < 1e-15 + 1e-12 * fabs(rates[i]));
        }
    /* exactly representable: zeta = 1 - 2^-40 */
    assert_true(fabs(sx_multiplier_rate(1 - 0x1p-40, 0) / 0x1p-40 - 1 - 0x1p-41) < 1e-15);
    assert_true(isinf(sx_multiplier_rate(0, 0)));
}

static void failing_allocator(void **state) {
    (void)state;
    double a[9] = { 1, 2, 0, -2, 1, 0.5, 0, 0.1, 3 }, g[9] = { 2, 0, 0, 0, 2, 0, 0, 0, 2 }, re[3], im[3], v[9], w[9];
    for (int which = 0; which < 2; ++which)
        for (int64_t k = 1;; ++k) {
            failing_host h = { .fail_at = k + 3 };
            sx_host host = failing_host_of(&h);
            sx_ctx *poor = sx_ctx_create(&host);
            assert_non_null(poor);
            sx_status status =
                which ? sx_pencil_eigen(poor, 3, a, g, re, v) : sx_general_eigen(poor, 3, a, re, im, v, w, NULL);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_sides),  cmocka_unit_test(gradient_and_rotation), cmocka_unit_test(pencil),
        cmocka_unit_test(multipliers), cmocka_unit_test(failing_allocator),
    };
    return cmocka_run_group_tests(tests, open_ctx, close_ctx);
}
