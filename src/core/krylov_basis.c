// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Products with bases of long vectors, and operators with the checks that every use of them wants. */
#include "core/krylov_basis.h"

#include "core/linalg.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

static int64_t count_chunks(int64_t n) {
    return (n + SX_BASIS_CHUNK - 1) / SX_BASIS_CHUNK;
}
static int width_of(int64_t n, int64_t i) {
    int64_t left = n - i * SX_BASIS_CHUNK;
    return (int)(left < SX_BASIS_CHUNK ? left : SX_BASIS_CHUNK);
}

sx_status sx_chunks_run(sx_ctx *ctx, int64_t chunks, sx_status (*body)(sx_ctx *child, int64_t i, int worker, void *arg),
                        void *arg) {
    enum { FEW = 16 };
    if (chunks >= FEW) return sx_parallel_for(ctx, chunks, body, arg);
    for (int64_t i = 0; i < chunks; ++i) SX_TRY(ctx, body(ctx, i, 0, arg));
    return SX_OK;
}

sx_status sx_basis_create(sx_ctx *ctx, int64_t n, int m, sx_basis *out) {
    sx_basis b = { .kernels = sx_kernels_get(NULL), .n = n, .chunks = count_chunks(n), .m = m };
    sx_status status;
    SX_GO(ctx, status, fail, sx_alloc(ctx, b.chunks * (m > 0 ? m : 1), sizeof(double), &b.partial));
    SX_GO(ctx, status, fail,
          sx_alloc(ctx, (int64_t)sx_ctx_threads(ctx) * m * SX_BASIS_CHUNK, sizeof(double), &b.rotated));
    SX_GO(ctx, status, fail, sx_alloc(ctx, m, sizeof(double), &b.h));
    *out = b;
    return SX_OK;
fail:
    sx_basis_free(ctx, &b);
    return status;
}

void sx_basis_free(sx_ctx *ctx, sx_basis *b) {
    sx_free(ctx, b->partial);
    sx_free(ctx, b->rotated);
    sx_free(ctx, b->h);
    memset(b, 0, sizeof *b);
}

/* -- Gram-Schmidt ------------------------------------------------------------------------------------------------------------------ */

typedef struct pass {
    int64_t n;
    int j;
    const double *V, *h; /* h: subtract first, NULL = nothing */
    double *w, *partial; /* partial: project then, NULL = not */
} pass;

/* One chunk is in cache: w -= V^T h and V w of the result cost one reading of V. */
static sx_status pass_chunk(sx_ctx *child, int64_t i, int worker, void *arg) {
    (void)child, (void)worker;
    const pass *p = arg;
    const double *V = p->V + i * SX_BASIS_CHUNK;
    double *w = p->w + i * SX_BASIS_CHUNK;
    int width = width_of(p->n, i), ld = (int)p->n;
    if (p->h) cblas_dgemv(CblasRowMajor, CblasTrans, p->j, width, -1, V, ld, p->h, 1, 1, w, 1);
    if (p->partial) cblas_dgemv(CblasRowMajor, CblasNoTrans, p->j, width, 1, V, ld, w, 1, 0, p->partial + i * p->j, 1);
    return SX_OK;
}

static void add_partial(const sx_basis *b, int j, double *h) {
    memset(h, 0, (size_t)j * sizeof *h);
    for (int64_t i = 0; i < b->chunks; ++i)
        for (int k = 0; k < j; ++k) h[k] += b->partial[i * j + k];
}

sx_status sx_basis_orthogonalise(sx_ctx *ctx, sx_basis *b, int j, const double *V, double *w, double *h) {
    if (j == 0) return SX_OK;
    pass first = { .n = b->n, .j = j, .V = V, .w = w, .partial = b->partial };
    SX_TRY(ctx, sx_chunks_run(ctx, b->chunks, pass_chunk, &first));
    add_partial(b, j, h);
    pass second = first;
    second.h = h;
    SX_TRY(ctx, sx_chunks_run(ctx, b->chunks, pass_chunk, &second));
    add_partial(b, j, b->h);
    pass last = { .n = b->n, .j = j, .V = V, .w = w, .h = b->h };
    SX_TRY(ctx, sx_chunks_run(ctx, b->chunks, pass_chunk, &last));
    for (int k = 0; k < j; ++k) h[k] += b->h[k];
    return SX_OK;
}

double sx_basis_norm(const sx_basis *b, const double *x) {
    return sqrt(b->kernels->dot(b->n, x, x));
}

void sx_basis_scale(const sx_basis *b, double s, double *x) {
    b->kernels->lincomb(b->n, s, x, 0, x, x);
}

/* -- rotations and products --------------------------------------------------------------------------------------------------------- */

typedef struct rotation {
    const sx_basis *b;
    int size, k, ldz;
    const double *Z;
    double *V;
} rotation;

static sx_status rotate_chunk(sx_ctx *child, int64_t i, int worker, void *arg) {
    (void)child;
    const rotation *r = arg;
    int64_t n = r->b->n;
    int width = width_of(n, i);
    double *V = r->V + i * SX_BASIS_CHUNK, *out = r->b->rotated + (int64_t)worker * r->b->m * SX_BASIS_CHUNK;
    /* Z is column-major: as a row-major matrix it is Z^T */
    sx_gemm(false, false, r->k, width, r->size, 1, r->Z, r->ldz, V, n, 0, out, SX_BASIS_CHUNK);
    for (int a = 0; a < r->k; ++a)
        memcpy(V + (int64_t)a * n, out + (int64_t)a * SX_BASIS_CHUNK, (size_t)width * sizeof *V);
    return SX_OK;
}

sx_status sx_basis_rotate(sx_ctx *ctx, sx_basis *b, int size, int k, const double *Z, int ldz, double *V) {
    rotation r = { .b = b, .size = size, .k = k, .ldz = ldz, .Z = Z, .V = V };
    return sx_chunks_run(ctx, b->chunks, rotate_chunk, &r);
}

/* The chunks in order, each added to the sum of those before. */
void sx_basis_gram(int64_t n, int p, const double *X, int q, const double *Y, double *out) {
    memset(out, 0, (size_t)p * (size_t)q * sizeof *out);
    for (int64_t i = 0; i < count_chunks(n); ++i) {
        int64_t first = i * SX_BASIS_CHUNK;
        sx_gemm(false, true, p, q, width_of(n, i), 1, X + first, n, Y + first, n, 1, out, q);
    }
}

typedef struct combination {
    int64_t n;
    int k, size;
    double alpha, beta;
    const double *C, *V;
    double *out;
} combination;

static sx_status combine_chunk(sx_ctx *child, int64_t i, int worker, void *arg) {
    (void)child, (void)worker;
    const combination *c = arg;
    int64_t first = i * SX_BASIS_CHUNK;
    sx_gemm(false, false, c->k, width_of(c->n, i), c->size, c->alpha, c->C, c->size, c->V + first, c->n, c->beta,
            c->out + first, c->n);
    return SX_OK;
}

sx_status sx_basis_combine(sx_ctx *ctx, int64_t n, int k, int size, double alpha, const double *C, const double *V,
                           double beta, double *Out) {
    combination c = { .n = n, .k = k, .size = size, .alpha = alpha, .beta = beta, .C = C, .V = V, .out = Out };
    return sx_chunks_run(ctx, count_chunks(n), combine_chunk, &c);
}

/* -- operators ---------------------------------------------------------------------------------------------------------------------- */

sx_status sx_operator_apply_block(sx_ctx *ctx, const sx_operator *a, bool adjoint, int64_t b, const double *x,
                                  double *y, int64_t *products) {
    if (sx_cancelled(ctx)) return SX_STOPPED;
    SX_RUN(ctx, (adjoint ? a->adjoint : a->apply)(a->user, ctx, b, x, y));
    *products += b;
    if (sx_kernels_get(NULL)->nonfinite(a->n * b, y))
        return SX_FAIL(ctx, SX_E_NUMERIC, "a product with the operator is not finite");
    return SX_OK;
}

sx_status sx_operator_apply(sx_ctx *ctx, const sx_operator *a, const double *x, double *y, int64_t *products) {
    return sx_operator_apply_block(ctx, a, false, 1, x, y, products);
}

static sx_status swapped_apply(void *user, sx_ctx *ctx, int64_t b, const double *x, double *y) {
    const sx_operator *a = user;
    return a->adjoint(a->user, ctx, b, x, y);
}
static sx_status swapped_adjoint(void *user, sx_ctx *ctx, int64_t b, const double *x, double *y) {
    const sx_operator *a = user;
    return a->apply(a->user, ctx, b, x, y);
}
sx_operator sx_operator_transposed(const sx_operator *a) {
    sx_operator t = { a->n, (void *)(uintptr_t)a, swapped_apply, swapped_adjoint, a->block };
    return t;
}

enum { DENSE_ROWS = 64 };

typedef struct dense_job {
    const sx_dense_matrix *m;
    bool transposed;
    int64_t b;
    const double *x;
    double *y;
} dense_job;

/* 64 rows of the result: y[first..][b] */
static sx_status dense_panel(sx_ctx *child, int64_t i, int worker, void *arg) {
    (void)child, (void)worker;
    const dense_job *d = arg;
    int64_t n = d->m->n, first = i * DENSE_ROWS, rows = n - first < DENSE_ROWS ? n - first : DENSE_ROWS;
    const double *a = d->transposed ? d->m->a + first : d->m->a + first * n;
    double *y = d->y + first * d->b;
    if (d->b > 1)
        sx_gemm(d->transposed, false, rows, d->b, n, 1, a, n, d->x, d->b, 0, y, d->b);
    else if (d->transposed)
        cblas_dgemv(CblasRowMajor, CblasTrans, (int)n, (int)rows, 1, a, (int)n, d->x, 1, 0, y, 1);
    else
        cblas_dgemv(CblasRowMajor, CblasNoTrans, (int)rows, (int)n, 1, a, (int)n, d->x, 1, 0, y, 1);
    return SX_OK;
}

static sx_status dense_run(void *user, sx_ctx *ctx, bool transposed, int64_t b, const double *x, double *y) {
    dense_job d = { user, transposed, b, x, y };
    int64_t panels = (d.m->n + DENSE_ROWS - 1) / DENSE_ROWS;
    if (d.m->n * d.m->n * b >= 100000) return sx_parallel_for(ctx, panels, dense_panel, &d);
    for (int64_t i = 0; i < panels; ++i) SX_TRY(ctx, dense_panel(ctx, i, 0, &d));
    return SX_OK;
}
static sx_status dense_apply(void *user, sx_ctx *ctx, int64_t b, const double *x, double *y) {
    return dense_run(user, ctx, false, b, x, y);
}
static sx_status dense_adjoint(void *user, sx_ctx *ctx, int64_t b, const double *x, double *y) {
    return dense_run(user, ctx, true, b, x, y);
}
sx_operator sx_operator_dense(const sx_dense_matrix *self) {
    sx_operator a = { self->n, (void *)(uintptr_t)self, dense_apply, dense_adjoint, 0 };
    return a;
}
