// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Spectral radius of a coupling: LAPACK for a matrix that fits, Krylov-Schur beyond. */
#include "models/coupling_private.h"

#include "core/krylov.h"
#include "core/linalg.h"

#include <inttypes.h>
#include <math.h>

enum { DENSE_LIMIT = 2000, BASIS = 100, RESTARTS = 400 };

typedef struct product {
    const sx_coupling *w;
    sx_work work;
} product;

static sx_status apply(void *user, sx_ctx *ctx, int64_t b, const double *x, double *y) {
    const product *p = user;
    const int64_t n = p->w->n_out;
    (void)ctx;
    sx_coupling_apply(p->w, false, 1.0, (sx_cbatch){ x, n, b }, 0.0, (sx_batch){ y, n, b }, p->work);
    return SX_OK;
}

sx_status sx_coupling_krylov_radius(sx_ctx *ctx, const sx_coupling *w, int basis, double *out) {
    const int64_t scratch = sx_coupling_work(w, 1);
    product p = { .w = w };
    const sx_operator a = { .n = w->n_out, .user = &p, .apply = apply, .block = 1 };
    const sx_krylov_opts o = {
        .k = 1, .wanted = SX_WANTED_LARGEST, .norm = -1, .basis = basis, .restarts = RESTARTS, .key = sx_key_seed(0)
    };
    sx_modes modes = { 0 };
    double *numbers = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, scratch, sizeof *numbers, &numbers));
    p.work = (sx_work){ .p = numbers, .doubles = scratch, .exec = sx_ctx_exec(ctx) };
    status = sx_krylov_eigen(ctx, &a, &o, &modes);
    if (modes.count > 0) *out = hypot(modes.re[0], modes.im[0]);
done:
    sx_modes_free(ctx, &modes);
    sx_free(ctx, numbers);
    return status;
}

static sx_status dense_radius(sx_ctx *ctx, const sx_coupling *w, double *out) {
    int64_t n = w->n_out;
    double *a = NULL, *re = NULL, *im = NULL, radius = 0;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, n * n, sizeof *a, &a));
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *re, &re));
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *im, &im));
    sx_coupling_add_to_dense(w, 1.0, NULL, a);
    SX_GO(ctx, status, done, sx_eigenvalues(ctx, n, a, re, im));
    for (int64_t i = 0; i < n; i++) {
        double modulus = hypot(re[i], im[i]);
        if (modulus > radius) radius = modulus;
    }
    *out = radius;
done:
    sx_free(ctx, a);
    sx_free(ctx, re);
    sx_free(ctx, im);
    return status;
}

sx_status sx_coupling_spectral_radius(sx_ctx *ctx, const sx_coupling *w, double *out) {
    if (w->n_out != w->n_in)
        return SX_FAIL(ctx, SX_E_USAGE, "spectral radius of a %" PRId64 " x %" PRId64 " coupling: want a square matrix",
                       w->n_out, w->n_in);
    sx_status status =
        w->n_out <= DENSE_LIMIT ? dense_radius(ctx, w, out) : sx_coupling_krylov_radius(ctx, w, BASIS, out);
    return status < 0 ? sx_frame_at(ctx, status, __FILE__, __LINE__, __func__) : status;
}
