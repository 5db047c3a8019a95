// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Noise objects and the additive noises: none, per unit, matrix, factor. D = B B^T, <xi xi> = 2 D delta. */
#include "models/rows.h"

#include "core/mutant.h"

#include "core/linalg.h"

#include <float.h>
#include <stdatomic.h>

struct sx_noise {
    atomic_int_least64_t references;
    const sx_noise_ops *ops;
    void *self;
    sx_noise_class cls;
    int64_t n, rank;
};

const char *sx_noise_class_name(sx_noise_class c) {
    switch (c) {
    case SX_NOISE_NONE:
        return "none";
    case SX_NOISE_ADDITIVE_DIAGONAL:
        return "additive diagonal";
    case SX_NOISE_ADDITIVE_MATRIX:
        return "additive matrix";
    case SX_NOISE_DIAGONAL:
        return "diagonal";
    case SX_NOISE_GENERAL:
        return "general";
    }
    return "unknown";
}

sx_status sx_noise_create(sx_ctx *ctx, const sx_noise_ops *ops, void *self, sx_noise_class cls, int64_t n, int64_t rank,
                          sx_noise **out) {
    if (!ops || ops->abi != SX_MODEL_ABI || ops->struct_size != sizeof *ops)
        return SX_FAIL(ctx, SX_E_USAGE, "noise: operations of abi %u and size %u: want abi %d and size %zu",
                       ops ? (unsigned)ops->abi : 0U, ops ? (unsigned)ops->struct_size : 0U, SX_MODEL_ABI, sizeof *ops);
    if (!ops->B && cls != SX_NOISE_NONE)
        return SX_FAIL(ctx, SX_E_USAGE, "noise %s: B is a required operation", ops->name);
    bool diagonal = cls == SX_NOISE_ADDITIVE_DIAGONAL || cls == SX_NOISE_DIAGONAL;
    if (n < 1 || rank < 0 || (diagonal && rank != n) || (cls == SX_NOISE_NONE && rank != 0))
        return SX_FAIL(ctx, SX_E_USAGE, "noise %s (%s): rank %lld for %lld units: want %s", ops->name,
                       sx_noise_class_name(cls), (long long)rank, (long long)n,
                       diagonal ? "as many as units" : "0 or more");
    sx_noise *noise = NULL;
    SX_TRY(ctx, sx_alloc(ctx, 1, sizeof *noise, &noise));
    atomic_init(&noise->references, 1);
    noise->ops = ops;
    noise->self = self;
    noise->cls = cls;
    noise->n = n;
    noise->rank = rank;
    *out = noise;
    return SX_OK;
}

sx_noise *sx_noise_ref(const sx_noise *noise) {
    sx_noise *mutable_noise = (sx_noise *)(uintptr_t)noise; /* only the count changes */
    atomic_fetch_add(&mutable_noise->references, 1);
    return mutable_noise;
}

void sx_noise_free(sx_ctx *ctx, sx_noise *noise) {
    if (!noise || atomic_fetch_sub(&noise->references, 1) != 1) return;
    if (noise->ops->destroy) noise->ops->destroy(ctx, noise->self);
    sx_free(ctx, noise);
}

sx_noise_class sx_noise_class_of(const sx_noise *noise) {
    return noise->cls;
}
int64_t sx_noise_rank(const sx_noise *noise) {
    return noise->rank;
}
const sx_noise_ops *sx_noise_operations(const sx_noise *noise) {
    return noise->ops;
}
const void *sx_noise_self(const sx_noise *noise) {
    return noise->self;
}
int64_t sx_noise_units(const sx_noise *noise) {
    return noise->n;
}

static int64_t no_work(const void *self, int64_t b) {
    (void)self, (void)b;
    return 0;
}

static void set_zero(sx_batch out) {
    memset(out.x, 0, (size_t)(out.n * out.b) * sizeof *out.x);
}

/* Norm per column of v. */
static void column_norms(sx_cbatch v, double *out) {
    for (int64_t r = 0; r < v.b; ++r) out[r] = 0.0;
    for (int64_t i = 0; i < v.n; ++i) {
        for (int64_t r = 0; r < v.b; ++r) out[r] += v.x[i * v.b + r] * v.x[i * v.b + r];
    }
    for (int64_t r = 0; r < v.b; ++r) out[r] = sqrt(out[r]);
}

/* -- none ----------------------------------------------------------------------------------------------------------------------- */

static void none_B(const void *self, double t, sx_cbatch x, sx_cbatch w, sx_batch out, sx_work wk) {
    (void)self, (void)t, (void)x, (void)w, (void)wk;
    set_zero(out);
}
static void none_Dinv(const void *self, double t, sx_cbatch x, sx_cbatch v, sx_batch out, double *residual,
                      sx_work wk) {
    (void)self, (void)t, (void)x, (void)wk;
    set_zero(out);
    if (residual) column_norms(v, residual);
}
static const sx_noise_ops none_ops = {
    .abi = SX_MODEL_ABI,
    .struct_size = sizeof(sx_noise_ops),
    .name = "none",
    .work = no_work,
    .B = none_B,
    .Bt = none_B, /* rank 0: nothing to write, and out has no rows */
    .Dinv = none_Dinv,
};

sx_status sx_noise_none(sx_ctx *ctx, int64_t n, sx_noise **out) {
    return sx_noise_create(ctx, &none_ops, NULL, SX_NOISE_NONE, n, 0, out);
}

/* -- additive per unit: B = diag(sqrt D_i) -------------------------------------------------------------------------------------- */

typedef struct additive {
    const sx_kernels *k;
    double *B, *Dinv; /* owned; Dinv is 0 where D is */
} additive;

static void additive_B(const void *self, double t, sx_cbatch x, sx_cbatch w, sx_batch out, sx_work wk) {
    (void)t, (void)x, (void)wk;
    const additive *a = self;
    a->k->scale_rows(w.n, w.b, a->B, w.x, out.x);
}
static void additive_Dinv(const void *self, double t, sx_cbatch x, sx_cbatch v, sx_batch out, double *residual,
                          sx_work wk) {
    (void)t, (void)x, (void)wk;
    const additive *a = self;
    a->k->scale_rows(v.n, v.b, a->Dinv, v.x, out.x);
    if (!residual) return;
    for (int64_t r = 0; r < v.b; ++r) residual[r] = 0.0;
    for (int64_t i = 0; i < v.n; ++i) {
        for (int64_t r = 0; a->B[i] == 0.0 && r < v.b; ++r) residual[r] += v.x[i * v.b + r] * v.x[i * v.b + r];
    }
    for (int64_t r = 0; r < v.b; ++r) residual[r] = sqrt(residual[r]);
}
static void additive_destroy(sx_ctx *ctx, void *self) {
    additive *a = self;
    if (!a) return;
    sx_free(ctx, a->B);
    sx_free(ctx, a->Dinv);
    sx_free(ctx, a);
}
static const sx_noise_ops additive_ops = {
    .abi = SX_MODEL_ABI,
    .struct_size = sizeof(sx_noise_ops),
    .name = "additive",
    .work = no_work,
    .B = additive_B,
    .Bt = additive_B,
    .Dinv = additive_Dinv,
    .destroy = additive_destroy,
};

sx_status sx_noise_additive(sx_ctx *ctx, int64_t n, sx_values D, sx_noise **out) {
    additive *a = NULL;
    sx_status status;
    if (D.n == 0) return SX_FAIL(ctx, SX_E_USAGE, "noise.D: no number given: want 1 or %lld", (long long)n);
    for (int64_t i = 0; i < D.n; ++i) {
        if (!(D.data[i] >= 0.0 && isfinite(D.data[i])))
            return SX_FAIL(ctx, SX_E_USAGE, "noise.D[%lld] = %g: want a finite value >= 0", (long long)i, D.data[i]);
    }
    SX_GO(ctx, status, done, sx_alloc(ctx, 1, sizeof *a, &a));
    a->k = sx_kernels_get(NULL);
    SX_GO(ctx, status, done, sx_values_spread(ctx, "noise.D", D, n, 0.0, &a->B));
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *a->Dinv, &a->Dinv));
    for (int64_t i = 0; i < n; ++i) {
        a->Dinv[i] = a->B[i] > 0.0 ? 1.0 / a->B[i] : 0.0;
        a->B[i] = sqrt(SX_MUTANT(noise_2D) ? 2 * a->B[i] : a->B[i]);
    }
    SX_GO(ctx, status, done, sx_noise_create(ctx, &additive_ops, a, SX_NOISE_ADDITIVE_DIAGONAL, n, n, out));
    return SX_OK;
done:
    additive_destroy(ctx, a);
    return status;
}

/* -- additive matrix: B n x rank, D = U diag(lambda) U^T, D^-1 = U diag(1/lambda) U^T ------------------------------------------- */

typedef struct matrix_noise {
    const sx_kernels *k;
    sx_coupling *B, *U; /* owned: n x rank, n x range */
    double *inverse;    /* owned: 1/lambda */
    int64_t n, range;
} matrix_noise;

static int64_t matrix_work(const void *self, int64_t b) {
    const matrix_noise *m = self;
    int64_t wB = sx_coupling_work(m->B, b), wU = sx_coupling_work(m->U, b);
    return sx_pad(m->range * b) + sx_pad(m->n * b) + (wB > wU ? wB : wU);
}
static void matrix_B(const void *self, double t, sx_cbatch x, sx_cbatch w, sx_batch out, sx_work wk) {
    (void)t, (void)x;
    const matrix_noise *m = self;
    sx_coupling_apply(m->B, false, 1.0, w, 0.0, out, wk);
}
static void matrix_Bt(const void *self, double t, sx_cbatch x, sx_cbatch p, sx_batch out, sx_work wk) {
    (void)t, (void)x;
    const matrix_noise *m = self;
    sx_coupling_apply(m->B, true, 1.0, p, 0.0, out, wk);
}
static void matrix_Dinv(const void *self, double t, sx_cbatch x, sx_cbatch v, sx_batch out, double *residual,
                        sx_work wk) {
    (void)t, (void)x;
    const matrix_noise *m = self;
    sx_batch c = sx_take_batch(&wk, m->range, v.b), rest = sx_take_batch(&wk, m->n, v.b);
    sx_coupling_apply(m->U, true, 1.0, v, 0.0, c, wk);
    if (residual) {
        memcpy(rest.x, v.x, (size_t)(v.n * v.b) * sizeof *rest.x);
        sx_coupling_apply(m->U, false, -1.0, sx_const_batch(c), 1.0, rest, wk);
        column_norms(sx_const_batch(rest), residual);
    }
    m->k->scale_rows(c.n, c.b, m->inverse, c.x, c.x);
    sx_coupling_apply(m->U, false, 1.0, sx_const_batch(c), 0.0, out, wk);
}
static void matrix_destroy(sx_ctx *ctx, void *self) {
    matrix_noise *m = self;
    if (!m) return;
    sx_coupling_free(ctx, m->B);
    sx_coupling_free(ctx, m->U);
    sx_free(ctx, m->inverse);
    sx_free(ctx, m);
}
static const sx_noise_ops matrix_ops = {
    .abi = SX_MODEL_ABI,
    .struct_size = sizeof(sx_noise_ops),
    .name = "additive-matrix",
    .work = matrix_work,
    .B = matrix_B,
    .Bt = matrix_Bt,
    .Dinv = matrix_Dinv,
    .destroy = matrix_destroy,
};

/* From an orthonormal basis U (n x range) of the range of D with eigenvalues lambda, and B (n x rank). */
static sx_status matrix_create(sx_ctx *ctx, int64_t n, int64_t rank, const double *B, int64_t range, const double *U,
                               const double *lambda, sx_noise **out) {
    matrix_noise *m = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, 1, sizeof *m, &m));
    m->k = sx_kernels_get(NULL);
    m->n = n;
    m->range = range;
    SX_GO(ctx, status, done, sx_coupling_dense(ctx, n, rank, B, &m->B));
    SX_GO(ctx, status, done, sx_coupling_dense(ctx, n, range, U, &m->U));
    SX_GO(ctx, status, done, sx_alloc(ctx, range, sizeof *m->inverse, &m->inverse));
    for (int64_t k = 0; k < range; ++k) m->inverse[k] = 1.0 / lambda[k];
    SX_GO(ctx, status, done, sx_noise_create(ctx, &matrix_ops, m, SX_NOISE_ADDITIVE_MATRIX, n, rank, out));
    return SX_OK;
done:
    matrix_destroy(ctx, m);
    return status;
}

/* Eigenvalues above size * eps * max count as the range; V holds eigenvectors in columns, ascending. Returns the first kept. */
static int64_t first_in_range(int64_t size, const double *lambda) {
    double cut = (double)size * DBL_EPSILON * fmax(lambda[size - 1], 0.0);
    int64_t first = 0;
    while (first < size && !(lambda[first] > cut)) ++first;
    return first;
}

/* B = U diag(sqrt lambda), the symmetric square root restricted to the range of D. */
sx_status sx_noise_additive_matrix(sx_ctx *ctx, int64_t n, const double *D, sx_noise **out) {
    sx_status status;
    double *lambda = NULL, *V = NULL, *U = NULL, *B = NULL;
    int64_t nn = 0;
    SX_TRY(ctx, sx_mul_size(ctx, n, n, &nn));
    double scale = 0.0;
    for (int64_t i = 0; i < nn; ++i) {
        if (!isfinite(D[i]))
            return SX_FAIL(ctx, SX_E_USAGE, "noise.D[%lld][%lld] = %g: want a finite value", (long long)(i / n),
                           (long long)(i % n), D[i]);
        scale = fmax(scale, fabs(D[i]));
    }
    for (int64_t i = 0; i < n; ++i) {
        for (int64_t j = 0; j < i; ++j) {
            if (fabs(D[i * n + j] - D[j * n + i]) > 1e-12 * scale)
                return SX_FAIL(ctx, SX_E_USAGE,
                               "noise.D: D[%lld][%lld] = %.17g but D[%lld][%lld] = %.17g: want a symmetric matrix",
                               (long long)i, (long long)j, D[i * n + j], (long long)j, (long long)i, D[j * n + i]);
        }
    }
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *lambda, &lambda));
    SX_GO(ctx, status, done, sx_alloc(ctx, nn, sizeof *V, &V));
    SX_GO(ctx, status, done, sx_symmetric_eigen(ctx, n, D, lambda, V));
    if (lambda[0] < -(double)n * DBL_EPSILON * 8.0 * scale) {
        status =
            SX_FAIL(ctx, SX_E_USAGE, "noise.D has the eigenvalue %g: want a positive semidefinite matrix", lambda[0]);
        goto done;
    }
    int64_t first = first_in_range(n, lambda), rank = n - first;
    SX_GO(ctx, status, done, sx_alloc(ctx, n * rank, sizeof *U, &U));
    SX_GO(ctx, status, done, sx_alloc(ctx, n * rank, sizeof *B, &B));
    for (int64_t i = 0; i < n; ++i) {
        for (int64_t k = 0; k < rank; ++k) {
            U[i * rank + k] = V[i * n + first + k];
            B[i * rank + k] = U[i * rank + k] * sqrt(lambda[first + k]);
        }
    }
    if (rank == 0) {
        SX_GO(ctx, status, done, sx_noise_none(ctx, n, out));
    } else {
        SX_GO(ctx, status, done, matrix_create(ctx, n, rank, B, rank, U, lambda + first, out));
    }
done:
    sx_free(ctx, B);
    sx_free(ctx, U);
    sx_free(ctx, V);
    sx_free(ctx, lambda);
    return status;
}

/* The range of D = B B^T: eigenvectors of the smaller of B B^T (n x n) and B^T B (rank x rank), whose eigenvectors v give
 * U = B v / sqrt(lambda). */
sx_status sx_noise_additive_factor(sx_ctx *ctx, int64_t n, int64_t rank, const double *B, sx_noise **out) {
    sx_status status;
    double *S = NULL, *lambda = NULL, *V = NULL, *U = NULL;
    int64_t count = 0;
    if (rank < 1) return SX_FAIL(ctx, SX_E_USAGE, "noise.factor: rank %lld: want at least one column", (long long)rank);
    SX_TRY(ctx, sx_mul_size(ctx, n, rank, &count));
    for (int64_t i = 0; i < count; ++i) {
        if (!isfinite(B[i]))
            return SX_FAIL(ctx, SX_E_USAGE, "noise.factor[%lld][%lld] = %g: want a finite value", (long long)(i / rank),
                           (long long)(i % rank), B[i]);
    }
    bool tall = rank < n;
    int64_t size = tall ? rank : n;
    SX_GO(ctx, status, done, sx_alloc(ctx, size * size, sizeof *S, &S));
    SX_GO(ctx, status, done, sx_alloc(ctx, size * size, sizeof *V, &V));
    SX_GO(ctx, status, done, sx_alloc(ctx, size, sizeof *lambda, &lambda));
    if (tall)
        sx_gemm(true, false, rank, rank, n, 1.0, B, rank, B, rank, 0.0, S, rank);
    else
        sx_gemm(false, true, n, n, rank, 1.0, B, rank, B, rank, 0.0, S, n);
    SX_GO(ctx, status, done, sx_symmetric_eigen(ctx, size, S, lambda, V));
    int64_t first = first_in_range(size, lambda), range = size - first;
    if (range == 0) {
        SX_GO(ctx, status, done, sx_noise_none(ctx, n, out));
        goto done;
    }
    SX_GO(ctx, status, done, sx_alloc(ctx, n * range, sizeof *U, &U));
    if (tall) sx_gemm(false, false, n, range, rank, 1.0, B, rank, V + first, size, 0.0, U, range);
    for (int64_t i = 0; i < n; ++i) {
        for (int64_t k = 0; k < range; ++k) {
            if (tall)
                U[i * range + k] /= sqrt(lambda[first + k]);
            else
                U[i * range + k] = V[i * n + first + k];
        }
    }
    SX_GO(ctx, status, done, matrix_create(ctx, n, rank, B, range, U, lambda + first, out));
done:
    sx_free(ctx, U);
    sx_free(ctx, V);
    sx_free(ctx, lambda);
    sx_free(ctx, S);
    return status;
}
