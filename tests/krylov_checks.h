// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Matrices and small helpers for the tests of large eigenvalue problems. */
#ifndef SX_TESTS_KRYLOV_CHECKS_H
#define SX_TESTS_KRYLOV_CHECKS_H

#include "core/krylov.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
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

#define OK(call)                                                                                                       \
    do {                                                                                                               \
        if ((call) != SX_OK) fail_msg("%s: %s", #call, sx_ctx_message(ctx));                                           \
    } while (0)

static inline double *numbers(int64_t n) {
    double *x;
    OK(sx_alloc(ctx, n, sizeof *x, &x));
    return x;
}

/* A sparse matrix by rows, `per_row` entries each, as an operator with adjoint; sums in the order of the entries. */
typedef struct sparse {
    int64_t n, per_row;
    int32_t *column; /* [n][per_row]; < 0: none */
    double *value;
    int64_t products;
    int64_t stop_after; /* products until the host wants to stop; 0: never */
} sparse;

static inline sx_status sparse_apply(void *user, sx_ctx *c, int64_t b, const double *x, double *y) {
    sparse *s = user;
    (void)c;
    s->products += b;
    for (int64_t i = 0; i < s->n; ++i)
        for (int64_t r = 0; r < b; ++r) {
            double sum = 0;
            for (int64_t k = i * s->per_row; k < (i + 1) * s->per_row; ++k)
                if (s->column[k] >= 0) sum += s->value[k] * x[s->column[k] * b + r];
            y[i * b + r] = sum;
        }
    return SX_OK;
}
static inline sx_status sparse_adjoint(void *user, sx_ctx *c, int64_t b, const double *x, double *y) {
    sparse *s = user;
    (void)c;
    s->products += b;
    memset(y, 0, (size_t)(s->n * b) * sizeof *y);
    for (int64_t i = 0; i < s->n; ++i)
        for (int64_t k = i * s->per_row; k < (i + 1) * s->per_row; ++k)
            for (int64_t r = 0; r < b && s->column[k] >= 0; ++r) y[s->column[k] * b + r] += s->value[k] * x[i * b + r];
    return SX_OK;
}
static inline sx_operator sparse_operator(sparse *s) {
    sx_operator a = { s->n, s, sparse_apply, sparse_adjoint, 0 };
    return a;
}

static inline void sparse_create(int64_t n, int64_t per_row, sparse *out) {
    *out = (sparse){ .n = n, .per_row = per_row };
    OK(sx_alloc(ctx, n * per_row, sizeof *out->column, &out->column));
    OK(sx_alloc(ctx, n * per_row, sizeof *out->value, &out->value));
    for (int64_t k = 0; k < n * per_row; ++k) out->column[k] = -1;
}
static inline void sparse_free(sparse *s) {
    sx_free(ctx, s->column);
    sx_free(ctx, s->value);
}

/* -1 + g W, W with per_row - 1 random entries of variance 1/(per_row - 1) in each row */
static inline void sparse_random(int64_t n, int64_t per_row, double g, uint64_t seed, sparse *s) {
    sparse_create(n, per_row, s);
    double *normal = numbers(n * per_row), *place = numbers(n * per_row);
    sx_normal_fill(sx_key_seed(seed), 0, SX_SLOT_COUPLING, 0, n * per_row, 1, normal);
    sx_uniform_fill(sx_key_seed(seed), 1, SX_SLOT_COUPLING, 0, n * per_row, 1, place);
    for (int64_t i = 0; i < n; ++i)
        for (int64_t k = i * per_row; k < (i + 1) * per_row; ++k) {
            bool diagonal = k == i * per_row;
            s->column[k] = (int32_t)(diagonal ? (double)i : floor((double)n * place[k]));
            s->value[k] = diagonal ? -1 : g * normal[k] / sqrt((double)(per_row - 1));
        }
    sx_free(ctx, normal);
    sx_free(ctx, place);
}

/* the same matrix, dense */
static inline double *dense_of(const sparse *s) {
    double *a = numbers(s->n * s->n);
    for (int64_t k = 0; k < s->n * s->per_row; ++k)
        if (s->column[k] >= 0) a[k / s->per_row * s->n + s->column[k]] += s->value[k];
    return a;
}

/* lower, diagonal, upper constants on three diagonals */
static inline void toeplitz(int64_t n, double lower, double diagonal, double upper, sparse *s) {
    sparse_create(n, 3, s);
    for (int64_t i = 0; i < n; ++i)
        for (int k = 0; k < 3; ++k) {
            int64_t j = i + k - 1;
            s->column[3 * i + k] = j >= 0 && j < n ? (int32_t)j : -1;
            s->value[3 * i + k] = k == 0 ? lower : k == 1 ? diagonal : upper;
        }
}

/* GOE of radius 2 sigma: variance sigma^2/n off the diagonal, twice that on it */
static inline double *goe(int64_t n, double sigma, uint64_t seed) {
    double *a = numbers(n * n);
    sx_normal_fill(sx_key_seed(seed), 0, SX_SLOT_COUPLING, 0, n * n, 1, a);
    for (int64_t i = 0; i < n; ++i)
        for (int64_t j = 0; j <= i; ++j)
            a[i * n + j] = a[j * n + i] = a[i * n + j] * sigma * sqrt((i == j ? 2.0 : 1.0) / (double)n);
    return a;
}

#endif
