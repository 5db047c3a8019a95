// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Eigenvalues of large operators known by their products: thick-restart Krylov-Schur (G. W. Stewart, SIAM J. Matrix Anal. Appl. 23
 * (2002) 601) and, for symmetric operators, thick-restart Lanczos (K. Wu and H. Simon, ibid. 22 (2000) 602), both with full
 * reorthogonalisation, plain or through a transformed operator (shift-invert, polynomial filter, time stepper).
 *
 * Same bits for any number of workers: starts come from a key, vectors are cut into chunks of a fixed size whose sums are added in order.
 * Everything runs on the calling thread, which lends its workers to chunks; cancellation is polled at every product. */
#ifndef SX_CORE_KRYLOV_H
#define SX_CORE_KRYLOV_H

#include <separatrix/context.h>
#include <separatrix/random.h>

/* -- operators -------------------------------------------------------------------------------------------------------------------- */

/* A real n x n operator. apply: y[n][b] = A x[n][b], row-major, any b >= 1 unless `block` says less; x and y never overlap. adjoint: the
 * same with A^T; NULL when it is not known. Both are called by one thread at a time and report failures to ctx. */
typedef struct sx_operator {
    int64_t n;
    void *user; /* borrowed */
    sx_status (*apply)(void *user, sx_ctx *ctx, int64_t b, const double *x, double *y);
    sx_status (*adjoint)(void *user, sx_ctx *ctx, int64_t b, const double *x, double *y);
    int64_t block; /* largest b; 0 = any. Products of 8 columns at once are the fast ones for sparse matrices */
} sx_operator;

/* A dense row-major n x n matrix as an operator; `self` and its data are borrowed by the operator. */
typedef struct sx_dense_matrix {
    int64_t n;
    const double *a;
} sx_dense_matrix;
sx_operator sx_operator_dense(const sx_dense_matrix *self);
/* A^T: products and adjoints swapped. Needs the adjoint. */
sx_operator sx_operator_transposed(const sx_operator *a);

/* -- eigenvalues and modes ---------------------------------------------------------------------------------------------------------- */

/* Which eigenvalues of A. The slowest modes of a flow x' = A x are the rightmost (rate = -Re lambda), of L = -A the leftmost, of a map the
 * largest in modulus (rate = -ln |lambda|). */
typedef enum sx_wanted { SX_WANTED_RIGHTMOST, SX_WANTED_LEFTMOST, SX_WANTED_LARGEST, SX_WANTED_NEAREST } sx_wanted;

/* A filter makes the wanted eigenvalues the largest of p(A), p a polynomial, before the Krylov iteration sees them. It pays for
 * orthogonalisation: one step of the basis takes `degree` products. AUTO: begins without and adds one when the eigenvalues converge slowly. */
typedef enum sx_filter_kind {
    SX_FILTER_NONE,
    SX_FILTER_EXPONENTIAL, /* p ~ e^{t0 (A - c)}: the time stepper; of rightmost and leftmost (t0 < 0 inside) */
    SX_FILTER_CHEBYSHEV, /* T_degree((A - c)/e), unwanted eigenvalues inside an ellipse with foci c +- e, e real or imaginary */
    SX_FILTER_AUTO
} sx_filter_kind;

typedef struct sx_krylov_opts {
    int k;                       /* eigenvalues wanted; one more is returned when k would cut a conjugate pair */
    int wanted;                  /* sx_wanted */
    double target_re, target_im; /* of SX_WANTED_NEAREST */
    bool symmetric;              /* A = A^T: Lanczos, real eigenvalues */
    bool left;                   /* left vectors too, from a second run with A^T (the same as right when symmetric) */
    double
        tolerance; /* |A v - theta v| <= tolerance |theta| (|v| = 1), or <= tolerance * norm if that is larger; 0: 1e-9 */
    double norm;   /* |A| as above; 0: only relative to |theta|; < 0: the largest |Ritz value| seen */
    int basis;     /* vectors of the basis, the most; 0: max(2 k + 20, 40), at most n */
    int restarts; /* at most; 0: 500 */
    int filter;   /* sx_filter_kind */
    int degree;   /* of the filter; 0: chosen from the Ritz values */
    const sx_operator
        *transformed; /* NULL, or C with the eigenvectors of A whose largest eigenvalues belong to the wanted ones of A:
                                        * (A - sigma)^-1 for those near sigma (real), e^{A t0} for the slow ones. Needs its adjoint for
                                        * left vectors. Excludes a filter. Eigenvalues and residuals are those of A all the same. */
    sx_key key;       /* of the starting vector */
    const char *what; /* of progress reports; NULL: none */
} sx_krylov_opts;

/* Eigenvalues in the wanted order, conjugate pairs adjacent with Im > 0 first, and their vectors in LAPACK's packing: a real eigenvalue k has
 * its vector in row k; for a pair (k, k+1), v_k = row k + i row k+1 and v_{k+1} is its conjugate.
 * Normalisation: |v| = 1 and the largest component of v real and positive; w^H A = lambda w^H with w^H v = 1 for the left ones. */
typedef struct sx_modes {
    int64_t n;
    int count;        /* rows: k, or k + 1 when the last is a pair; fewer when n is or when not as many were found */
    int converged;    /* leading eigenvalues that meet the tolerance (left ones too if wanted) */
    double *re, *im;  /* [count] */
    double *residual; /* [count] |A v - theta v|, computed with A itself */
    double *right;    /* [count][n] */
    double *left;     /* [count][n], or NULL */
    double *left_residual; /* [count] |A^T w - conj(theta) w| / |w|, or NULL */
    double *condition;     /* [count] |w| |v| / |w^H v| = |w|; NULL without left vectors */
    int restarts;          /* of both runs */
    int64_t products;      /* columns that A (and A^T) were applied to */
    int degree;            /* of the filter that was used, 1 = none */
} sx_modes;

/* SX_NOT_CONVERGED: out holds the best found so far with their residuals. SX_STOPPED when cancelled (out is empty). Memory: basis + 2 k + 4
 * vectors, 2 k + 2 of which stay in `out`. */
sx_status sx_krylov_eigen(sx_ctx *ctx, const sx_operator *a, const sx_krylov_opts *o, sx_modes *out) SX_MUST_USE;
void sx_modes_free(sx_ctx *ctx, sx_modes *m);
/* Ritz values after `steps` plain Arnoldi steps (at most n), LAPACK's order: they outline the spectrum from inside. re, im: [steps]. */
sx_status sx_krylov_outline(sx_ctx *ctx, const sx_operator *a, int steps, sx_key key, double *re, double *im,
                            int *count) SX_MUST_USE;
/* Component u of mode k of packed rows: re + i im. im = the eigenvalues' imaginary parts. */
void sx_modes_component(const double *rows, const double *im, int64_t n, int k, int64_t u, double *re_out,
                        double *im_out);

/* Left vectors scaled so that w^H v = 1, right ones to |v| = 1 with the largest component real and positive; condition[k] = |w| |v| / |w^H v|
 * (infinite when w^H v = 0; w is then left alone). Packed rows; left and condition may be NULL. */
void sx_modes_normalise(int64_t n, int count, const double *im, double *right, double *left, double *condition);

/* -- filters ------------------------------------------------------------------------------------------------------------------------ */

typedef struct sx_filter sx_filter;
typedef struct sx_filter_opts {
    int kind;      /* SX_FILTER_EXPONENTIAL or SX_FILTER_CHEBYSHEV */
    double centre; /* c, real */
    double focus2; /* Chebyshev: e^2; negative for foci above each other; 0 a circle */
    double
        reference; /* Chebyshev: real point where the filter has modulus 1 (a wanted eigenvalue); others follow from it */
    double radius; /* exponential: |A - c| is at most about this on the spectrum */
    double time;   /* exponential: t0, its sign that of the wanted side */
    int degree;    /* Chebyshev */
} sx_filter_opts;
/* p(A) as an operator, with the adjoint when A has one. e^{t0 (A - c)}: steps of a Taylor polynomial with |t0| radius / steps <= 8. */
sx_status sx_filter_create(sx_ctx *ctx, const sx_operator *a, const sx_filter_opts *o, sx_filter **out) SX_MUST_USE;
void sx_filter_free(sx_ctx *ctx, sx_filter *f);
const sx_operator *sx_filter_operator(const sx_filter *f); /* borrowed from f */
int sx_filter_degree(const sx_filter *f);                  /* products of A in one of p(A) */

#endif
