// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Real fast Fourier transform of double data, lengths a power of two. Our own: Debian has KISS FFT in single
 * precision only, and FFTW is GPL. */
#ifndef SX_CORE_FFT_H
#define SX_CORE_FFT_H

#include <separatrix/context.h>

typedef struct sx_fft sx_fft;
/* Plan for n real samples, n a power of two >= 4; immutable. Transforms are thread-safe when each call has its own scratch (sx_fft_scratch bytes). */
sx_status sx_fft_create(sx_ctx *ctx, int64_t n, sx_fft **out) SX_MUST_USE;
void sx_fft_free(sx_ctx *ctx, sx_fft *f);
int64_t sx_fft_length(const sx_fft *f);
int64_t sx_fft_scratch(const sx_fft *f);
/* re, im: n/2 + 1 numbers, sum_t x_t e^{-2 pi i k t / n}. */
void sx_fft_forward(const sx_fft *f, const double *x, double *re, double *im, void *scratch);

#endif
