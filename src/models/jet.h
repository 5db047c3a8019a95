// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Exact derivatives to third order by computing with jets: numbers of the algebra with nilpotent e1, e2, e3 (e_k^2 = 0),
 *     f(x + e1 u + e2 v + e3 w) = f + e1 df[u] + e2 df[v] + ... + e1 e2 d2f[u,v] + ... + e1 e2 e3 d3f[u,v,w]
 * (hyper-dual numbers: Fike & Alonso, AIAA 2011-886). Plane s of a jet holds the coefficient of the directions whose bits are set in s, for
 * a whole batch; a plane that vanishes is NULL. A product is a sum over the ways to share the directions between its factors; a function
 * of one number follows from its derivatives (Faa di Bruno). A model writes its drift once, in jets, and J^T p once. */
#ifndef SX_MODELS_JET_H
#define SX_MODELS_JET_H

#include "models/rows.h"

enum { SX_JET_PLANES = 8 };
typedef struct sx_jet {
    int order;    /* directions: 0 to 3 */
    int64_t n, b; /* rows and columns of a plane */
    double *p[SX_JET_PLANES];
} sx_jet;

/* Number of directions of an operation: F, J u, d2F[u,v], d3F[u,v,w]; J^T p has none beside x, grad_x (p.J v) has v. */
int sx_jet_order(sx_op op);
/* x with its directions (x.b == 1 is spread over b columns, which takes sx_pad(x.n b) doubles). Nothing is copied else. */
sx_jet sx_jet_make(int order, sx_cbatch x, int64_t b, const sx_cbatch *direction, sx_work *w);
/* 0 with n rows and b columns */
static inline sx_jet sx_jet_zero(int order, int64_t n, int64_t b) {
    sx_jet j = { order, n, b, { NULL } };
    return j;
}
/* Rows [row, row + n) of a jet. */
static inline sx_jet sx_jet_rows(const sx_jet *a, int64_t row, int64_t n) {
    sx_jet j = { a->order, n, a->b, { NULL } };
    for (int s = 0; s < 1 << a->order; ++s) j.p[s] = a->p[s] ? a->p[s] + row * a->b : NULL;
    return j;
}
/* A number without directions. The plane is only read. */
static inline sx_jet sx_jet_constant(int order, sx_cbatch x) {
    sx_jet j = { order, x.n, x.b, { NULL } };
    j.p[0] = (double *)(uintptr_t)x.x;
    return j;
}
/* Plane s, made and cleared when it is not there. */
double *sx_jet_plane(sx_jet *j, int s, sx_work *w);
/* out = the coefficient of all directions */
void sx_jet_out(const sx_jet *j, sx_batch out);

/* The products of two jets, for rows in `groups` of `size`: out += alpha times
 *     scale   a[g,c] b[g]            rows groups * size, groups
 *     dot     sum_c a[g,c] b[g,c]    out has `groups` rows
 *     outer   a[g].b[h]              out has groups * groups rows (g, h)
 *     mix     sum_h a[g,h] b[h,c]    a has groups * groups rows
 *     mix_t   sum_g a[g,h] b[g,c]    the same with the matrix transposed */
typedef enum sx_jet_product_kind {
    SX_JET_SCALE,
    SX_JET_DOT,
    SX_JET_OUTER,
    SX_JET_MIX,
    SX_JET_MIX_T
} sx_jet_product_kind;
void sx_jet_product(sx_jet_product_kind kind, int64_t groups, int64_t size, double alpha, const sx_jet *a,
                    const sx_jet *b, sx_jet *out, sx_work *w);
/* out += alpha a */
void sx_jet_add(double alpha, const sx_jet *a, sx_jet *out, sx_work *w);
/* out += alpha op(W) a, and for each group of rows of its own: size rows in, m rows out, matrix row-major m x size (or its transpose) */
void sx_jet_apply(const sx_coupling *W, bool transposed, double alpha, const sx_jet *a, sx_jet *out, sx_work *w);
void sx_jet_gemm(const sx_kernels *k, const double *matrix, bool transposed, int64_t groups, int64_t m, int64_t size,
                 double alpha, const sx_jet *a, sx_jet *out, sx_work *w);
/* f(a) from the values f[k] of the k-th derivatives at plane 0, k = 0..order, n * b numbers each; plane 0 of out becomes f[0] itself. */
void sx_jet_function(const sx_jet *a, double *const f[4], sx_jet *out, sx_work *w);

/* The six operations that follow from drift(self, at, out, w) and pull(self, at, p, out, w), which is J^T p; grad_x (p.J v) is its derivative
 * along v. Defines F, jvp, hvv, tvvv, vjp and phv of the operations table (model.h). */
#define SX_JET_OPERATIONS(drift, pull)                                                                                 \
    static void F(const void *self, double t, sx_cbatch x, sx_batch out, sx_work w) {                                  \
        (void)t;                                                                                                       \
        sx_jet at = sx_jet_make(0, x, x.b, NULL, &w);                                                                  \
        drift(self, &at, out, w);                                                                                      \
    }                                                                                                                  \
    static void jvp(const void *self, double t, sx_cbatch x, sx_cbatch u, sx_batch out, sx_work w) {                   \
        (void)t;                                                                                                       \
        sx_jet at = sx_jet_make(1, x, u.b, &u, &w);                                                                    \
        drift(self, &at, out, w);                                                                                      \
    }                                                                                                                  \
    static void hvv(const void *self, double t, sx_cbatch x, sx_cbatch u, sx_cbatch v, sx_batch out, sx_work w) {      \
        (void)t;                                                                                                       \
        const sx_cbatch d[] = { u, v };                                                                                \
        sx_jet at = sx_jet_make(2, x, u.b, d, &w);                                                                     \
        drift(self, &at, out, w);                                                                                      \
    }                                                                                                                  \
    static void tvvv(const void *self, double t, sx_cbatch x, sx_cbatch u, sx_cbatch v, sx_cbatch z, sx_batch out,     \
                     sx_work w) {                                                                                      \
        (void)t;                                                                                                       \
        const sx_cbatch d[] = { u, v, z };                                                                             \
        sx_jet at = sx_jet_make(3, x, u.b, d, &w);                                                                     \
        drift(self, &at, out, w);                                                                                      \
    }                                                                                                                  \
    static void vjp(const void *self, double t, sx_cbatch x, sx_cbatch p, sx_batch out, sx_work w) {                   \
        (void)t;                                                                                                       \
        sx_jet at = sx_jet_make(0, x, p.b, NULL, &w);                                                                  \
        pull(self, &at, p, out, w);                                                                                    \
    }                                                                                                                  \
    static void phv(const void *self, double t, sx_cbatch x, sx_cbatch p, sx_cbatch v, sx_batch out, sx_work w) {      \
        (void)t;                                                                                                       \
        sx_jet at = sx_jet_make(1, x, p.b, &v, &w);                                                                    \
        pull(self, &at, p, out, w);                                                                                    \
    }

#endif
