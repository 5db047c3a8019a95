// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Fourier transform against the direct sum in long double, and its identities. */
#include "core/fft.h"
#include "failing_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

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

enum { MAX = 4096 };
static double x[MAX], re[MAX / 2 + 1], im[MAX / 2 + 1], scratch[2 * MAX];

static sx_fft *plan(int64_t n) {
    sx_fft *f = NULL;
    assert_int_equal(sx_fft_create(ctx, n, &f), SX_OK);
    assert_int_equal(sx_fft_length(f), n);
    assert_true(sx_fft_scratch(f) <= (int64_t)sizeof scratch);
    return f;
}

static void scatter(int64_t n) {
    uint64_t seed = (uint64_t)n;
    for (int64_t i = 0; i < n; ++i) {
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        x[i] = (double)(seed >> 11) * 0x1p-52 - 1;
    }
}

static void direct_sum(void **state) {
    (void)state;
    for (int64_t n = 4; n <= 1024; n *= 2) {
        sx_fft *f = plan(n);
        scatter(n);
        double kept[1024];
        memcpy(kept, x, (size_t)n * sizeof *x);
        sx_fft_forward(f, x, re, im, scratch);
        assert_memory_equal(kept, x, (size_t)n * sizeof *x);
        long double pi = acosl(-1.0L);
        for (int64_t k = 0; k <= n / 2; ++k) {
            long double c = 0, s = 0;
            for (int64_t t = 0; t < n; ++t) {
                long double angle = 2 * pi * (long double)((k * t) % n) / (long double)n;
                c += (long double)x[t] * cosl(angle);
                s -= (long double)x[t] * sinl(angle);
            }
            double tolerance = 2e-16 * sqrt((double)n) * (4 + log2((double)n));
            if (!(fabs(re[k] - (double)c) <= tolerance && fabs(im[k] - (double)s) <= tolerance))
                fail_msg("n = %d, k = %d: %.17g %.17g, want %.17g %.17g", (int)n, (int)k, re[k], im[k], (double)c,
                         (double)s);
        }
        assert_true(im[0] == 0 && im[n / 2] == 0);
        sx_fft_free(ctx, f);
    }
}

static void identities(void **state) {
    (void)state;
    const int64_t n = MAX;
    sx_fft *f = plan(n);
    /* a unit pulse at 0: all ones, exactly */
    memset(x, 0, sizeof x);
    x[0] = 1;
    sx_fft_forward(f, x, re, im, scratch);
    for (int64_t k = 0; k <= n / 2; ++k) assert_true(re[k] == 1 && im[k] == 0);
    /* constant: all at k = 0 */
    for (int64_t t = 0; t < n; ++t) x[t] = 0.5;
    sx_fft_forward(f, x, re, im, scratch);
    assert_true(re[0] == 0.5 * (double)n);
    for (int64_t k = 1; k <= n / 2; ++k) assert_true(fabs(re[k]) < 1e-12 && fabs(im[k]) < 1e-12);
    /* cos(2 pi 37 t/n) + 2 sin(2 pi 500 t/n): n/2 at k = 37, -i n at k = 500 */
    for (int64_t t = 0; t < n; ++t)
        x[t] = cos(2 * 3.14159265358979323846 * (double)((37 * t) % n) / (double)n) +
               2 * sin(2 * 3.14159265358979323846 * (double)((500 * t) % n) / (double)n);
    sx_fft_forward(f, x, re, im, scratch);
    for (int64_t k = 0; k <= n / 2; ++k) {
        assert_true(fabs(re[k] - (k == 37 ? (double)n / 2 : 0)) < 1e-10);
        assert_true(fabs(im[k] - (k == 500 ? -(double)n : 0)) < 1e-10);
    }
    /* Parseval: n sum x^2 = |X_0|^2 + 2 sum |X_k|^2 + |X_n/2|^2 */
    scatter(n);
    sx_fft_forward(f, x, re, im, scratch);
    double power = 0, spectrum = 0;
    for (int64_t t = 0; t < n; ++t) power += x[t] * x[t];
    for (int64_t k = 0; k <= n / 2; ++k) spectrum += (k == 0 || k == n / 2 ? 1 : 2) * (re[k] * re[k] + im[k] * im[k]);
    assert_true(fabs(spectrum / (power * (double)n) - 1) < 1e-14);
    sx_fft_free(ctx, f);
    sx_fft_free(ctx, NULL);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
}

static void refusals(void **state) {
    (void)state;
    static const int64_t bad[] = { -4, 0, 1, 2, 3, 6, 1000 };
    sx_fft *f = NULL;
    for (int i = 0; i < 7; ++i) assert_int_equal(sx_fft_create(ctx, bad[i], &f), SX_E_USAGE);
    assert_string_equal(sx_ctx_message(ctx), "Fourier transform of 1000 samples: want a power of two >= 4");
    assert_null(f);
    for (int64_t k = 1; !f; ++k) {
        failing_host h = { .fail_at = k + 3 }; /* the context itself takes three */
        sx_host host = failing_host_of(&h);
        sx_ctx *poor = sx_ctx_create(&host);
        assert_non_null(poor);
        sx_status status = sx_fft_create(poor, 64, &f);
        assert_true(status == SX_OK || (status == SX_E_MEMORY && !f && sx_ctx_bytes(poor) == 0));
        sx_fft_free(poor, f);
        sx_ctx_free(poor);
        assert_int_equal(h.held, 0);
        assert_true(k < 100);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(direct_sum), cmocka_unit_test(identities),
                                        cmocka_unit_test(refusals) };
    return cmocka_run_group_tests(tests, open_ctx, close_ctx);
}
