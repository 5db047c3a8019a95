// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
#include "core/shifted.h"

#include <lapacke.h>
#include <math.h>
#include <string.h>

static void transpose(int64_t n, double *A) {
    for (int64_t i = 0; i < n; ++i)
        for (int64_t j = 0; j < i; ++j) {
            double a = A[i * n + j];
            A[i * n + j] = A[j * n + i];
            A[j * n + i] = a;
        }
}

/* Largest of the wishes for workspace of the two routines. */
static lapack_int wish(int64_t n, double *columns, double *tau) {
    double a = 1, b = 1;
    lapack_int N = (lapack_int)n;
    (void)LAPACKE_dgehrd_work(LAPACK_COL_MAJOR, N, 1, N, columns, N, tau, &a, -1);
    (void)LAPACKE_dorghr_work(LAPACK_COL_MAJOR, N, 1, N, columns, N, tau, &b, -1);
    return (lapack_int)fmax(fmax(a, b), (double)n);
}

sx_status sx_hessenberg(sx_ctx *ctx, int64_t n, const double *A, double *H, double *Q) {
    if (n < 0 || n > INT32_MAX)
        return SX_FAIL(ctx, SX_E_USAGE, "Hessenberg form: size %lld: want 0 to %d", (long long)n, INT32_MAX);
    for (int64_t k = 0; k < n * n; ++k)
        if (!isfinite(A[k])) return SX_FAIL(ctx, SX_E_NUMERIC, "Hessenberg form: the matrix is not finite");
    if (n == 0) return SX_OK;
    double *h = NULL, *q = NULL, *tau = NULL, *work = NULL;
    lapack_int N = (lapack_int)n, info;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, n * n, sizeof *h, &h));
    SX_GO(ctx, status, done, sx_alloc(ctx, n * n, sizeof *q, &q));
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *tau, &tau));
    memcpy(h, A, (size_t)(n * n) * sizeof *h);
    transpose(n, h);
    lapack_int lwork = wish(n, h, tau);
    SX_GO(ctx, status, done, sx_alloc(ctx, lwork, sizeof *work, &work));
    info = LAPACKE_dgehrd_work(LAPACK_COL_MAJOR, N, 1, N, h, N, tau, work, lwork);
    memcpy(q, h, (size_t)(n * n) * sizeof *q);
    if (info == 0) info = LAPACKE_dorghr_work(LAPACK_COL_MAJOR, N, 1, N, q, N, tau, work, lwork);
    if (info != 0) {
        status = SX_FAIL(ctx, SX_E_INTERNAL, "dgehrd, dorghr: argument %d is wrong", (int)-info);
        goto done;
    }
    transpose(n, h);
    transpose(n, q);
    for (int64_t i = 2; i < n; ++i) memset(h + i * n, 0, (size_t)(i - 1) * sizeof *h); /* the reflectors */
    memcpy(H, h, (size_t)(n * n) * sizeof *H);
    memcpy(Q, q, (size_t)(n * n) * sizeof *Q);
done:
    sx_free(ctx, work);
    sx_free(ctx, tau);
    sx_free(ctx, q);
    sx_free(ctx, h);
    return status;
}

/* Row k of s - H, from column `first` on. */
static void shifted_row(int64_t n, const double *H, int64_t k, int64_t first, double s_re, double s_im, double *re,
                        double *im) {
    for (int64_t j = first; j < n; ++j) {
        re[j] = -H[k * n + j];
        im[j] = 0;
    }
    re[k] += s_re;
    im[k] += s_im;
}

/* y_j -= w u_j for j = from .. n-1, complex */
static void subtract(int64_t n, int64_t from, double w_re, double w_im, const double *restrict u_re,
                     const double *restrict u_im, double *restrict re, double *restrict im) {
    for (int64_t j = from; j < n; ++j) {
        re[j] -= w_re * u_re[j] - w_im * u_im[j];
        im[j] -= w_re * u_im[j] + w_im * u_re[j];
    }
}

static void divide(double a_re, double a_im, double b_re, double b_im, double *re, double *im) {
    if (fabs(b_re) >= fabs(b_im)) { /* Smith's algorithm: no overflow in between */
        double q = b_im / b_re, d = b_re + q * b_im;
        *re = (a_re + a_im * q) / d;
        *im = (a_im - a_re * q) / d;
    } else {
        double q = b_re / b_im, d = b_re * q + b_im;
        *re = (a_re * q + a_im) / d;
        *im = (a_im * q - a_re) / d;
    }
}

/* s - H = P_0^-1 L_0^-1 P_1^-1 L_1^-1 ... U: step k swaps rows k and k+1 where that gives the larger pivot, then subtracts l_k row k from row k+1. With
 * y = w (L_{n-2} P_{n-2}) ... (L_0 P_0) the system is w U = r, whose forward substitution needs row k of U only at step k. */
bool sx_hessenberg_rows(int64_t n, const double *H, double s_re, double s_im, int64_t m, double *re, double *im,
                        double *scratch) {
    double *a_re = scratch, *a_im = a_re + n, *b_re = a_im + n, *b_im = b_re + n, *l_re = b_im + n, *l_im = l_re + n,
           *swaps = l_im + n;
    if (n == 0) return true;
    shifted_row(n, H, 0, 0, s_re, s_im, a_re, a_im);
    for (int64_t k = 0; k < n; ++k) {
        bool swapped = false;
        if (k + 1 < n) {
            shifted_row(n, H, k + 1, k, s_re, s_im, b_re, b_im);
            double pa = fabs(a_re[k]) + fabs(a_im[k]), pb = fabs(b_re[k]) + fabs(b_im[k]);
            if (pb > pa) {
                double *t = a_re;
                a_re = b_re, b_re = t;
                t = a_im, a_im = b_im, b_im = t;
                swapped = true;
            }
        }
        if (a_re[k] == 0 && a_im[k] == 0) return false;
        for (int64_t i = 0; i < m; ++i) { /* w_k, and its part of the columns to come */
            double *y_re = re + i * n, *y_im = im + i * n, w_re, w_im;
            divide(y_re[k], y_im[k], a_re[k], a_im[k], &w_re, &w_im);
            subtract(n, k + 1, w_re, w_im, a_re, a_im, y_re, y_im);
            y_re[k] = w_re;
            y_im[k] = w_im;
        }
        if (k + 1 == n) break;
        double q_re, q_im;
        divide(b_re[k], b_im[k], a_re[k], a_im[k], &q_re, &q_im);
        subtract(n, k + 1, q_re, q_im, a_re, a_im, b_re, b_im);
        l_re[k] = q_re;
        l_im[k] = q_im;
        swaps[k] = swapped;
        double *t = a_re;
        a_re = b_re, b_re = t;
        t = a_im, a_im = b_im, b_im = t;
    }
    for (int64_t k = n - 2; k >= 0; --k) {
        double q_re = l_re[k], q_im = l_im[k];
        for (int64_t i = 0; i < m; ++i) {
            double *y_re = re + i * n + k, *y_im = im + i * n + k;
            y_re[0] -= q_re * y_re[1] - q_im * y_im[1];
            y_im[0] -= q_re * y_im[1] + q_im * y_re[1];
            if (swaps[k] == 0) continue;
            double t = y_re[0];
            y_re[0] = y_re[1], y_re[1] = t;
            t = y_im[0], y_im[0] = y_im[1], y_im[1] = t;
        }
    }
    return true;
}
