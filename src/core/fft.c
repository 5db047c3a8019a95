// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Real fast Fourier transform: the even and odd samples as one complex series of half the length, transformed by Stockham's
 * self-sorting radix-2 algorithm (W. T. Cochran et al., Proc. IEEE 55 (1967) 1664): every inner loop runs over adjacent numbers. The
 * twiddle factors come from sx_vsincospi, so the bits are the same on every CPU. */
#include "core/fft.h"

#include <separatrix/vmath.h>

#include <inttypes.h>

struct sx_fft {
    int64_t n;
    double *c, *s; /* cos, sin of 2 pi k / n for k = 0 .. n/2 - 1 */
};

sx_status sx_fft_create(sx_ctx *ctx, int64_t n, sx_fft **out) {
    if (n < 4 || (n & (n - 1)) != 0)
        return SX_FAIL(ctx, SX_E_USAGE, "Fourier transform of %" PRId64 " samples: want a power of two >= 4", n);
    sx_fft *f;
    double *x = NULL;
    sx_status status;
    SX_TRY(ctx, sx_alloc(ctx, 1, sizeof *f, &f));
    f->n = n;
    SX_GO(ctx, status, failed, sx_alloc(ctx, n / 2, sizeof(double), &f->c));
    SX_GO(ctx, status, failed, sx_alloc(ctx, n / 2, sizeof(double), &f->s));
    SX_GO(ctx, status, failed, sx_alloc(ctx, n / 2, sizeof(double), &x));
    for (int64_t k = 0; k < n / 2; ++k) x[k] = 2 * (double)k / (double)n;
    sx_vsincospi(n / 2, x, f->s, f->c);
    sx_free(ctx, x);
    *out = f;
    return SX_OK;
failed:
    sx_fft_free(ctx, f);
    return status;
}

void sx_fft_free(sx_ctx *ctx, sx_fft *f) {
    if (!f) return;
    sx_free(ctx, f->c);
    sx_free(ctx, f->s);
    sx_free(ctx, f);
}

int64_t sx_fft_length(const sx_fft *f) {
    return f->n;
}

int64_t sx_fft_scratch(const sx_fft *f) {
    return 2 * f->n * (int64_t)sizeof(double);
}

/* One stage: sequences of length `length`, `stride` of them interleaved, a = x[p], b = x[p + length/2] for p < length/2:
 *     y[2p] = a + b,   y[2p + 1] = (a - b) e^{-2 pi i p / length} */
static void stage(int64_t length, int64_t stride, int64_t step, const double *c, const double *s,
                  const double *restrict xr, const double *restrict xi, double *restrict yr, double *restrict yi) {
    const int64_t half = length / 2;
    for (int64_t p = 0; p < half; ++p) {
        const double wr = c[p * step], wi = -s[p * step];
        const double *ar = xr + stride * p, *ai = xi + stride * p, *br = ar + stride * half, *bi = ai + stride * half;
        double *ur = yr + stride * 2 * p, *ui = yi + stride * 2 * p, *vr = ur + stride, *vi = ui + stride;
        for (int64_t q = 0; q < stride; ++q) {
            double dr = ar[q] - br[q], di = ai[q] - bi[q];
            ur[q] = ar[q] + br[q];
            ui[q] = ai[q] + bi[q];
            vr[q] = dr * wr - di * wi;
            vi[q] = dr * wi + di * wr;
        }
    }
}

void sx_fft_forward(const sx_fft *f, const double *x, double *re, double *im, void *scratch) {
    const int64_t n = f->n, m = n / 2;
    double *ar = scratch, *ai = ar + m, *br = ar + 2 * m, *bi = ar + 3 * m;
    /* 1. z_k = x_2k + i x_2k+1 */
    for (int64_t k = 0; k < m; ++k) {
        ar[k] = x[2 * k];
        ai[k] = x[2 * k + 1];
    }
    /* 2. Z = transform of z; e^{-2 pi i p / length} is entry p (n / length) of the table */
    for (int64_t length = m, stride = 1; length > 1; length /= 2, stride *= 2) {
        stage(length, stride, n / length, f->c, f->s, ar, ai, br, bi);
        double *tr = ar, *ti = ai;
        ar = br;
        ai = bi;
        br = tr;
        bi = ti;
    }
    /* 3. X_k = (Z_k + Z*_{m-k}) / 2 - i e^{-2 pi i k / n} (Z_k - Z*_{m-k}) / 2, with Z_m = Z_0 */
    re[0] = ar[0] + ai[0];
    im[0] = 0;
    re[m] = ar[0] - ai[0];
    im[m] = 0;
    for (int64_t k = 1; k < m; ++k) {
        double er = 0.5 * (ar[k] + ar[m - k]), ei = 0.5 * (ai[k] - ai[m - k]);
        double dr = 0.5 * (ai[k] + ai[m - k]), di = -0.5 * (ar[k] - ar[m - k]); /* -i (Z_k - Z*_{m-k}) / 2 */
        re[k] = er + dr * f->c[k] + di * f->s[k];
        im[k] = ei + di * f->c[k] - dr * f->s[k];
    }
}
