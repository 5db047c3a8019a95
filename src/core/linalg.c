// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Dense linear algebra. LAPACK stores columns; a symmetric matrix reads the same both ways, and where a matrix is general we either
 * solve the transposed equation or transpose: so no LAPACKE copy is made behind our back and all memory is the context's. */
#include "core/linalg.h"

#include <assert.h>
#include <cblas.h>
#include <float.h>
#include <inttypes.h>
#include <lapacke.h>
#include <math.h>
#include <string.h>

void sx_gemm(bool ta, bool tb, int64_t m, int64_t n, int64_t k, double alpha, const double *A, int64_t lda,
             const double *B, int64_t ldb, double beta, double *C, int64_t ldc) {
    if (m <= 0 || n <= 0) return;
    assert(m <= INT32_MAX && n <= INT32_MAX && k <= INT32_MAX && lda <= INT32_MAX && ldb <= INT32_MAX &&
           ldc <= INT32_MAX);
    /* the row strides BLAS insists on are at least 1 even for empty sums */
    cblas_dgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, (int)m, (int)n, (int)k,
                alpha, A, (int)(lda > 0 ? lda : 1), B, (int)(ldb > 0 ? ldb : 1), beta, C, (int)ldc);
}

/* -- common ---------------------------------------------------------------------------------------------------------------------- */

/* n x n in 32-bit LAPACK integers, finite entries */
static sx_status check_matrix(sx_ctx *ctx, int64_t n, const double *A, const char *what) {
    if (n < 0 || n > INT32_MAX)
        return SX_FAIL(ctx, SX_E_USAGE, "%s: size %" PRId64 ": want 0 to %d (LAPACK integers)", what, n, INT32_MAX);
    for (int64_t i = 0; i < n * n; ++i)
        if (!isfinite(A[i]))
            return SX_FAIL(ctx, SX_E_NUMERIC, "%s: entry [%" PRId64 "][%" PRId64 "] = %g: want a finite number", what,
                           i / n, i % n, A[i]);
    return SX_OK;
}

static sx_status copy_of(sx_ctx *ctx, int64_t n, const double *A, double **out) {
    double *copy;
    SX_TRY(ctx, sx_alloc(ctx, n * n, sizeof *copy, &copy));
    memcpy(copy, A, (size_t)(n * n) * sizeof *copy);
    *out = copy;
    return SX_OK;
}

static void transpose(int64_t n, double *A) {
    for (int64_t i = 0; i < n; ++i)
        for (int64_t j = 0; j < i; ++j) {
            double a = A[i * n + j];
            A[i * n + j] = A[j * n + i];
            A[j * n + i] = a;
        }
}

static void symmetrise(int64_t n, double *A) {
    for (int64_t i = 0; i < n; ++i)
        for (int64_t j = 0; j < i; ++j) A[i * n + j] = A[j * n + i] = 0.5 * (A[i * n + j] + A[j * n + i]);
}

static double max_abs(int64_t count, const double *x) {
    double m = 0;
    for (int64_t i = 0; i < count; ++i) m = fmax(m, fabs(x[i]));
    return m;
}

/* largest row sum of |a_ij| */
static double norm_inf(int64_t n, const double *A) {
    double m = 0;
    for (int64_t i = 0; i < n; ++i) {
        double s = 0;
        for (int64_t j = 0; j < n; ++j) s += fabs(A[i * n + j]);
        m = fmax(m, s);
    }
    return m;
}

static sx_status lapack_failed(sx_ctx *ctx, const char *routine, lapack_int info) {
    if (info < 0) return SX_FAIL(ctx, SX_E_INTERNAL, "%s: argument %d is wrong", routine, (int)-info);
    return SX_FAIL(ctx, SX_E_NUMERIC, "%s did not converge (info = %d)", routine, (int)info);
}

/* Workspace: LAPACK answers lwork = -1 with its wish. */
static sx_status workspace(sx_ctx *ctx, double wish, double **work, lapack_int *lwork) {
    if (!(wish >= 1 && wish <= INT32_MAX))
        return SX_FAIL(ctx, SX_E_MEMORY, "LAPACK workspace of %g numbers: too large", wish);
    SX_TRY(ctx, sx_alloc(ctx, (int64_t)wish, sizeof **work, work));
    *lwork = (lapack_int)wish;
    return SX_OK;
}

/* -- eigenvalues ----------------------------------------------------------------------------------------------------------------- */

sx_status sx_symmetric_eigen(sx_ctx *ctx, int64_t n, const double *A, double *values, double *V) {
    SX_TRY(ctx, check_matrix(ctx, n, A, "symmetric eigenvalues"));
    if (n == 0) return SX_OK;
    double *a = NULL, *w = NULL, *work = NULL, wish;
    lapack_int *iwork = NULL, lwork, liwork, N = (lapack_int)n;
    sx_status status;
    SX_GO(ctx, status, done, copy_of(ctx, n, A, &a));
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *w, &w));
    char job = V ? 'V' : 'N';
    lapack_int info = LAPACKE_dsyevd_work(LAPACK_COL_MAJOR, job, 'U', N, a, N, w, &wish, -1, &liwork, -1);
    if (info) {
        status = lapack_failed(ctx, "dsyevd", info);
        goto done;
    }
    SX_GO(ctx, status, done, workspace(ctx, wish, &work, &lwork));
    SX_GO(ctx, status, done, sx_alloc(ctx, liwork, sizeof *iwork, &iwork));
    info = LAPACKE_dsyevd_work(LAPACK_COL_MAJOR, job, 'U', N, a, N, w, work, lwork, iwork, liwork);
    if (info) {
        status = lapack_failed(ctx, "dsyevd", info);
        goto done;
    }
    memcpy(values, w, (size_t)n * sizeof *w);
    if (V) {
        transpose(n, a); /* columns of V */
        memcpy(V, a, (size_t)(n * n) * sizeof *a);
    }
done:
    sx_free(ctx, iwork);
    sx_free(ctx, work);
    sx_free(ctx, w);
    sx_free(ctx, a);
    return status;
}

sx_status sx_eigenvalues(sx_ctx *ctx, int64_t n, const double *A, double *re, double *im) {
    SX_TRY(ctx, check_matrix(ctx, n, A, "eigenvalues"));
    if (n == 0) return SX_OK;
    double *a = NULL, *w = NULL, *work = NULL, wish, none;
    lapack_int lwork, N = (lapack_int)n;
    sx_status status;
    SX_GO(ctx, status, done, copy_of(ctx, n, A, &a)); /* A^T has the same eigenvalues */
    SX_GO(ctx, status, done, sx_alloc(ctx, 2 * n, sizeof *w, &w));
    lapack_int info = LAPACKE_dgeev_work(LAPACK_COL_MAJOR, 'N', 'N', N, a, N, w, w + n, &none, 1, &none, 1, &wish, -1);
    if (info) {
        status = lapack_failed(ctx, "dgeev", info);
        goto done;
    }
    SX_GO(ctx, status, done, workspace(ctx, wish, &work, &lwork));
    info = LAPACKE_dgeev_work(LAPACK_COL_MAJOR, 'N', 'N', N, a, N, w, w + n, &none, 1, &none, 1, work, lwork);
    if (info) {
        status = lapack_failed(ctx, "dgeev", info);
        goto done;
    }
    memcpy(re, w, (size_t)n * sizeof *w);
    memcpy(im, w + n, (size_t)n * sizeof *w);
done:
    sx_free(ctx, work);
    sx_free(ctx, w);
    sx_free(ctx, a);
    return status;
}

/* -- factors and systems ----------------------------------------------------------------------------------------------------------- */

sx_status sx_cholesky(sx_ctx *ctx, int64_t n, const double *A, double *L) {
    SX_TRY(ctx, check_matrix(ctx, n, A, "Cholesky factor"));
    if (n == 0) return SX_OK;
    double *a;
    SX_TRY(ctx, copy_of(ctx, n, A, &a));
    /* by columns, U^T U = A: U is our L^T, so its columns are the rows of L */
    lapack_int info = LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'U', (lapack_int)n, a, (lapack_int)n);
    sx_status status = SX_OK;
    if (info > 0)
        status = SX_FAIL(ctx, SX_E_NUMERIC, "Cholesky factor: the matrix is not positive definite (leading minor %d)",
                         (int)info);
    else if (info < 0)
        status = lapack_failed(ctx, "dpotrf", info);
    else
        for (int64_t i = 0; i < n; ++i)
            for (int64_t j = 0; j < n; ++j) L[i * n + j] = j <= i ? a[i * n + j] : 0;
    sx_free(ctx, a);
    return status;
}

/* A pivot u_kk = a_kk - sum_{j<k} l_kj u_jk is rounding noise alone when it is below the rounding of that sum. Unlike a condition
 * number, this does not change when rows or columns are scaled. Returns the first such k, or -1. */
static int64_t noise_pivot(int64_t n, const double *lu) {
    for (int64_t k = 0; k < n; ++k) {
        double sum = 0;
        for (int64_t j = 0; j < k; ++j) sum += fabs(lu[j * n + k] * lu[k * n + j]);
        if (fabs(lu[k * n + k]) <= 4 * DBL_EPSILON * sum) return k;
    }
    return -1;
}

/* B <- A^-1 B in place, A is destroyed; both by rows. LAPACK sees A^T, so it solves with the transpose of what it factors. */
static sx_status solve_in_place(sx_ctx *ctx, int64_t n, int64_t m, double *A, double *B) {
    double *columns = NULL;
    lapack_int *pivot = NULL, N = (lapack_int)n;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, n * m, sizeof *columns, &columns));
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *pivot, &pivot));
    lapack_int info = LAPACKE_dgetrf_work(LAPACK_COL_MAJOR, N, N, A, N, pivot);
    if (info > 0) {
        status = SX_FAIL(ctx, SX_E_NUMERIC, "the matrix is singular (pivot %d is zero)", (int)info);
        goto done;
    }
    if (info < 0) {
        status = lapack_failed(ctx, "dgetrf", info);
        goto done;
    }
    int64_t noise = noise_pivot(n, A);
    if (noise >= 0) {
        status =
            SX_FAIL(ctx, SX_E_NUMERIC, "the matrix is singular to working precision (pivot %" PRId64 ")", noise + 1);
        goto done;
    }
    for (int64_t i = 0; i < n; ++i)
        for (int64_t j = 0; j < m; ++j) columns[j * n + i] = B[i * m + j];
    info = LAPACKE_dgetrs_work(LAPACK_COL_MAJOR, 'T', N, (lapack_int)m, A, N, pivot, columns, N);
    if (info) {
        status = lapack_failed(ctx, "dgetrs", info);
        goto done;
    }
    for (int64_t i = 0; i < n * m; ++i)
        if (!isfinite(columns[i])) {
            status = SX_FAIL(ctx, SX_E_NUMERIC, "the solution of a linear system overflows");
            goto done;
        }
    for (int64_t i = 0; i < n; ++i)
        for (int64_t j = 0; j < m; ++j) B[i * m + j] = columns[j * n + i];
done:
    sx_free(ctx, pivot);
    sx_free(ctx, columns);
    return status;
}

sx_status sx_solve(sx_ctx *ctx, int64_t n, int64_t m, const double *A, const double *B, double *X) {
    SX_TRY(ctx, check_matrix(ctx, n, A, "linear system"));
    int64_t count;
    SX_TRY(ctx, sx_mul_size(ctx, n, m, &count));
    if (m > INT32_MAX) return SX_FAIL(ctx, SX_E_USAGE, "linear system: %" PRId64 " right-hand sides: too many", m);
    if (count == 0) return SX_OK;
    double *a = NULL, *b = NULL;
    sx_status status;
    SX_GO(ctx, status, done, copy_of(ctx, n, A, &a));
    SX_GO(ctx, status, done, sx_alloc(ctx, count, sizeof *b, &b));
    memcpy(b, B, (size_t)count * sizeof *b);
    SX_GO(ctx, status, done, solve_in_place(ctx, n, m, a, b));
    memcpy(X, b, (size_t)count * sizeof *b);
done:
    sx_free(ctx, b);
    sx_free(ctx, a);
    return status;
}

sx_status sx_psd_factor(sx_ctx *ctx, int64_t n, const double *A, double *B, int64_t *rank) {
    double *w = NULL, *V = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *w, &w));
    int64_t count;
    SX_GO(ctx, status, done, sx_mul_size(ctx, n, n, &count));
    SX_GO(ctx, status, done, sx_alloc(ctx, count, sizeof *V, &V));
    SX_GO(ctx, status, done, sx_symmetric_eigen(ctx, n, A, w, V));
    double least = (double)n * DBL_EPSILON * max_abs(n, w);
    int64_t kept = 0;
    for (int64_t k = 0; k < n; ++k) {
        if (w[k] < -least) {
            status = SX_FAIL(ctx, SX_E_NUMERIC, "the matrix is not positive semidefinite: eigenvalue %g", w[k]);
            goto done;
        }
        if (w[k] > least) ++kept;
    }
    /* B = V_kept sqrt(values), the largest first: column c is eigenvector n-1-c. B has n * kept numbers. */
    for (int64_t i = 0; i < n; ++i)
        for (int64_t c = 0; c < kept; ++c) B[i * kept + c] = V[i * n + n - 1 - c] * sqrt(w[n - 1 - c]);
    *rank = kept;
done:
    sx_free(ctx, V);
    sx_free(ctx, w);
    return status;
}

/* -- matrix exponential ------------------------------------------------------------------------------------------------------------ */

/* Numerator coefficients of the [13/13] Pade approximant of e^x and the norm up to which it needs no scaling:
 * N. J. Higham, The scaling and squaring method for the matrix exponential revisited, SIAM J. Matrix Anal. Appl. 26 (2005) 1179. */
static const double pade13[14] = { 64764752532480000.0,
                                   32382376266240000.0,
                                   7771770303897600.0,
                                   1187353796428800.0,
                                   129060195264000.0,
                                   10559470521600.0,
                                   670442572800.0,
                                   33522128640.0,
                                   1323241920.0,
                                   40840800.0,
                                   960960.0,
                                   16380.0,
                                   182.0,
                                   1.0 };
static const double theta13 = 5.371920351148152;

static void product(int64_t n, const double *A, const double *B, double *C) {
    sx_gemm(false, false, n, n, n, 1, A, n, B, n, 0, C, n);
}

sx_status sx_expm(sx_ctx *ctx, int64_t n, const double *A, double *E) {
    SX_TRY(ctx, check_matrix(ctx, n, A, "matrix exponential"));
    if (n == 0) return SX_OK;
    const int64_t nn = n * n;
    double *m = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, 7 * nn, sizeof *m, &m));
    double *a = m, *a2 = m + nn, *a4 = m + 2 * nn, *a6 = m + 3 * nn, *u = m + 4 * nn, *v = m + 5 * nn, *t = m + 6 * nn;

    /* 1. a = A / 2^s with |a| <= theta13 */
    double norm = norm_inf(n, A);
    if (!isfinite(norm)) {
        status = SX_FAIL(ctx, SX_E_NUMERIC, "matrix exponential: the norm of the exponent overflows");
        goto done;
    }
    if (norm == 0) { /* exactly the identity */
        for (int64_t i = 0; i < nn; ++i) E[i] = i % (n + 1) == 0;
        goto done;
    }
    int s = 0;
    if (norm > theta13) {
        (void)frexp(norm / theta13, &s); /* norm / theta = f 2^s, f < 1 */
        if (ldexp(norm, -(s - 1)) <= theta13) --s;
    }
    double scale = ldexp(1, -s);
    for (int64_t i = 0; i < nn; ++i) a[i] = scale * A[i];

    /* 2. u = a (a6 (b13 a6 + b11 a4 + b9 a2) + b7 a6 + b5 a4 + b3 a2 + b1 I),  v = a6 (b12 a6 + b10 a4 + b8 a2) + b6 a6 + ... + b0 I */
    product(n, a, a, a2);
    product(n, a2, a2, a4);
    product(n, a4, a2, a6);
    const double *b = pade13;
    for (int64_t i = 0; i < nn; ++i) t[i] = b[13] * a6[i] + b[11] * a4[i] + b[9] * a2[i];
    product(n, a6, t, v);
    for (int64_t i = 0; i < nn; ++i) v[i] += b[7] * a6[i] + b[5] * a4[i] + b[3] * a2[i];
    for (int64_t i = 0; i < n; ++i) v[i * n + i] += b[1];
    product(n, a, v, u);
    for (int64_t i = 0; i < nn; ++i) t[i] = b[12] * a6[i] + b[10] * a4[i] + b[8] * a2[i];
    product(n, a6, t, v);
    for (int64_t i = 0; i < nn; ++i) v[i] += b[6] * a6[i] + b[4] * a4[i] + b[2] * a2[i];
    for (int64_t i = 0; i < n; ++i) v[i * n + i] += b[0];

    /* 3. r = (v - u)^-1 (v + u), squared s times */
    for (int64_t i = 0; i < nn; ++i) {
        double p = v[i] + u[i], q = v[i] - u[i];
        t[i] = p;
        a[i] = q;
    }
    SX_GO(ctx, status, done, solve_in_place(ctx, n, n, a, t));
    for (; s > 0; --s) {
        product(n, t, t, u);
        double *swap = t;
        t = u;
        u = swap;
    }
    if (!isfinite(norm_inf(n, t))) {
        status = SX_FAIL(ctx, SX_E_NUMERIC, "matrix exponential: overflow (norm of the exponent %g)", norm);
        goto done;
    }
    memcpy(E, t, (size_t)nn * sizeof *t);
done:
    sx_free(ctx, m);
    return status;
}

/* -- matrix equations -------------------------------------------------------------------------------------------------------------- */

/* Real Schur form of the matrix whose columns are in t: t = Z T Z^T. */
static sx_status schur(sx_ctx *ctx, int64_t n, double *t, double *Z) {
    double *w = NULL, *work = NULL, wish;
    lapack_int N = (lapack_int)n, sdim, lwork;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, 2 * n, sizeof *w, &w));
    lapack_int info =
        LAPACKE_dgees_work(LAPACK_COL_MAJOR, 'V', 'N', NULL, N, t, N, &sdim, w, w + n, Z, N, &wish, -1, NULL);
    if (info) {
        status = lapack_failed(ctx, "dgees", info);
        goto done;
    }
    SX_GO(ctx, status, done, workspace(ctx, wish, &work, &lwork));
    info = LAPACKE_dgees_work(LAPACK_COL_MAJOR, 'V', 'N', NULL, N, t, N, &sdim, w, w + n, Z, N, work, lwork, NULL);
    if (info) status = lapack_failed(ctx, "dgees", info);
done:
    sx_free(ctx, work);
    sx_free(ctx, w);
    return status;
}

sx_status sx_lyapunov(sx_ctx *ctx, int64_t n, const double *A, const double *Q, double *X) {
    SX_TRY(ctx, check_matrix(ctx, n, A, "Lyapunov equation, A"));
    SX_TRY(ctx, check_matrix(ctx, n, Q, "Lyapunov equation, Q"));
    if (n == 0) return SX_OK;
    const int64_t nn = n * n;
    const lapack_int N = (lapack_int)n;
    double *m = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, 4 * nn, sizeof *m, &m));
    double *t = m, *z = m + nn, *f = m + 2 * nn, *g = m + 3 * nn, scale;

    /* 1. A = Z T Z^T. LAPACK's columns are our rows: hand over A^T, and t, z come back transposed, zT[j][i] = Z[i][j]. */
    memcpy(t, A, (size_t)nn * sizeof *t);
    transpose(n, t);
    SX_GO(ctx, status, done, schur(ctx, n, t, z));

    /* 2. F = -Z^T Q Z, symmetric, so it reads the same by rows and columns */
    sx_gemm(false, false, n, n, n, -1, z, n, Q, n, 0, g, n);
    sx_gemm(false, true, n, n, n, 1, g, n, z, n, 0, f, n);
    symmetrise(n, f);

    /* 3. T Y + Y T^T = scale F */
    lapack_int info = LAPACKE_dtrsyl_work(LAPACK_COL_MAJOR, 'N', 'T', 1, N, N, t, N, t, N, f, N, &scale);
    if (info < 0) {
        status = lapack_failed(ctx, "dtrsyl", info);
        goto done;
    }
    if (info == 1 || !(scale > 0)) {
        status = SX_FAIL(ctx, SX_E_NUMERIC,
                         "Lyapunov equation: A and -A share an eigenvalue (nearly), there is no unique solution");
        goto done;
    }

    /* 4. X = Z Y Z^T / scale */
    sx_gemm(true, false, n, n, n, 1 / scale, z, n, f, n, 0, g, n);
    sx_gemm(false, false, n, n, n, 1, g, n, z, n, 0, f, n);
    if (!isfinite(norm_inf(n, f))) {
        status = SX_FAIL(ctx, SX_E_NUMERIC, "Lyapunov equation: the solution overflows");
        goto done;
    }
    symmetrise(n, f);
    memcpy(X, f, (size_t)nn * sizeof *f);
done:
    sx_free(ctx, m);
    return status;
}

/* X = sum_k A^k Q A^T^k, doubled:  X <- X + P X P^T, P <- P^2  (R. A. Smith, SIAM J. Appl. Math. 16 (1968) 198). */
sx_status sx_stein(sx_ctx *ctx, int64_t n, const double *A, const double *Q, double *X) {
    SX_TRY(ctx, check_matrix(ctx, n, A, "Stein equation, A"));
    SX_TRY(ctx, check_matrix(ctx, n, Q, "Stein equation, Q"));
    if (n == 0) return SX_OK;
    const int64_t nn = n * n;
    double *m = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, 4 * nn, sizeof *m, &m));
    double *p = m, *x = m + nn, *t = m + 2 * nn, *d = m + 3 * nn;
    memcpy(p, A, (size_t)nn * sizeof *p);
    memcpy(x, Q, (size_t)nn * sizeof *x);
    /* the number of steps is that of 1/(1 - spectral radius) in binary: 64 of them cover every double below 1 */
    bool small = false;
    for (int step = 0; step < 64 && !small; ++step) {
        product(n, p, x, t);
        sx_gemm(false, true, n, n, n, 1, t, n, p, n, 0, d, n);
        for (int64_t i = 0; i < nn; ++i) x[i] += d[i];
        symmetrise(n, x);
        product(n, p, p, t);
        double *swap = p;
        p = t;
        t = swap;
        double size = norm_inf(n, p);
        if (!isfinite(size) || !isfinite(norm_inf(n, x))) break;
        /* what is left is at most |P X P^T| / (1 - |P|^2) */
        small = size * size <= DBL_EPSILON * 0x1p-8;
    }
    if (!small) {
        status = SX_FAIL(ctx, SX_E_NUMERIC, "Stein equation: the spectral radius of A is not below 1");
        goto done;
    }
    memcpy(X, x, (size_t)nn * sizeof *x);
done:
    sx_free(ctx, m);
    return status;
}
