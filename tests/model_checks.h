// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Checks that hold for every model: each derivative against Richardson-extrapolated differences of the next lower one, adjoints,
 * contractions, traces, one base point for many directions, serial against executor, and scratch that is exactly what `work` says. */
#ifndef SX_TESTS_MODEL_CHECKS_H
#define SX_TESTS_MODEL_CHECKS_H

#include <separatrix/separatrix.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OK(call) assert_int_equal((call), SX_OK)
#define CANARY   1234.5

/* Numbers in (lo, hi) from the library's own generator, by name. */
static inline void fill(const char *name, double lo, double hi, int64_t n, double *out) {
    sx_uniform_fill(sx_key_derive(sx_key_seed(20250101), name, 0), 0, SX_SLOT_USER, 0, n, 1, out);
    for (int64_t i = 0; i < n; ++i) out[i] = lo + (hi - lo) * out[i];
}
static inline double *numbers(const char *name, double lo, double hi, int64_t n) {
    double *x = malloc((size_t)n * sizeof *x);
    assert_non_null(x);
    fill(name, lo, hi, n, x);
    return x;
}

/* Scratch of exactly `need` doubles with a canary behind it (and the sanitizer behind that). */
static inline sx_work scratch(int64_t need, const sx_exec *exec) {
    void *p = NULL;
    assert_int_equal(posix_memalign(&p, 64, (size_t)(need + 1) * sizeof(double)), 0);
    sx_work w = { p, need, exec, 0 };
    for (int64_t i = 0; i < need; ++i) w.p[i] = (double)NAN; /* reading what was not written shows */
    w.p[need] = CANARY;
    return w;
}
static inline void release(sx_work w) {
    assert_true(w.p[w.doubles] == CANARY);
    free(w.p);
}

static inline sx_cbatch view(const double *x, int64_t n, int64_t b) {
    sx_cbatch c = { x, n, b };
    return c;
}
static inline double dot(int64_t n, const double *a, const double *b) {
    double s = 0.0;
    for (int64_t i = 0; i < n; ++i) s += a[i] * b[i];
    return s;
}
static inline double largest(int64_t n, const double *a) {
    double s = 0.0;
    for (int64_t i = 0; i < n; ++i) s = fmax(s, fabs(a[i]));
    return s;
}
/* |a - b| <= tol (scale + largest |b|) everywhere */
static inline void close_to(const char *what, int64_t n, const double *a, const double *b, double tol, double scale) {
    double size = scale + largest(n, b);
    for (int64_t i = 0; i < n; ++i) {
        if (!(fabs(a[i] - b[i]) <= tol * size)) {
            print_error("%s: [%lld] %.17g, want %.17g (off by %g of %g, allowed %g)\n", what, (long long)i, a[i], b[i],
                        fabs(a[i] - b[i]), size, tol);
            fail();
        }
    }
}

/* A model operation with directions, all n x b. */
enum { OP_F, OP_JVP, OP_VJP, OP_HVV, OP_PHV, OP_TVVV };
static const sx_op op_code[] = { SX_OP_F, SX_OP_JVP, SX_OP_VJP, SX_OP_HVV, SX_OP_PHV, SX_OP_TVVV };
static inline void apply_op(const sx_model *m, int op, double t, const double *x, int64_t xb, const double *const *d,
                            int64_t b, double *out, const sx_exec *exec) {
    const sx_model_ops *o = sx_model_operations(m);
    const void *self = sx_model_self(m);
    int64_t n = sx_model_n(m);
    sx_work w = scratch(o->work(self, op_code[op], b), exec);
    sx_batch y = { out, n, b };
    sx_cbatch at = view(x, n, xb);
    switch (op) {
    case OP_F:
        o->F(self, t, at, y, w);
        break;
    case OP_JVP:
        o->jvp(self, t, at, view(d[0], n, b), y, w);
        break;
    case OP_VJP:
        o->vjp(self, t, at, view(d[0], n, b), y, w);
        break;
    case OP_HVV:
        o->hvv(self, t, at, view(d[0], n, b), view(d[1], n, b), y, w);
        break;
    case OP_PHV:
        o->phv(self, t, at, view(d[0], n, b), view(d[1], n, b), y, w);
        break;
    default:
        o->tvvv(self, t, at, view(d[0], n, b), view(d[1], n, b), view(d[2], n, b), y, w);
        break;
    }
    release(w);
}

/* Derivative along u of a function of x by central differences at h, h/2, h/4, h/8, extrapolated: error O(h^8) + O(eps/h). */
typedef void (*function_of_x)(void *arg, const double *x, double *out);
static inline void richardson(function_of_x f, void *arg, int64_t count_x, const double *x, const double *u,
                              int64_t count_out, double h, double *out) {
    double *y = malloc((size_t)count_x * sizeof *y), *table[4], *minus = malloc((size_t)count_out * sizeof *minus);
    for (int l = 0; l < 4; ++l) {
        double step = ldexp(h, -l);
        table[l] = malloc((size_t)count_out * sizeof **table);
        for (int64_t i = 0; i < count_x; ++i) y[i] = x[i] + step * u[i];
        f(arg, y, table[l]);
        for (int64_t i = 0; i < count_x; ++i) y[i] = x[i] - step * u[i];
        f(arg, y, minus);
        for (int64_t i = 0; i < count_out; ++i) table[l][i] = (table[l][i] - minus[i]) / (2.0 * step);
    }
    for (int k = 1; k < 4; ++k) {
        double factor = ldexp(1.0, 2 * k);
        for (int l = 3; l >= k; --l) {
            for (int64_t i = 0; i < count_out; ++i) table[l][i] += (table[l][i] - table[l - 1][i]) / (factor - 1.0);
        }
    }
    memcpy(out, table[3], (size_t)count_out * sizeof *out);
    for (int l = 0; l < 4; ++l) free(table[l]);
    free(y);
    free(minus);
}

typedef struct op_at {
    const sx_model *m;
    int op;
    double t;
    int64_t b;
    const double *d[3];
} op_at;
static inline void call_op(void *arg, const double *x, double *out) {
    op_at *a = arg;
    apply_op(a->m, a->op, a->t, x, a->b, a->d, a->b, out, NULL);
}

/* Every derivative of a model at points in (-radius, radius); h is the first step of the differences. */
static inline void check_model(sx_ctx *ctx, const char *name, const sx_model *m, double t, double radius, double h) {
    enum { B = 8 };
    const sx_model_ops *o = sx_model_operations(m);
    const void *self = sx_model_self(m);
    int64_t n = sx_model_n(m), count = n * B;
    double *x = numbers("x", -radius, radius, count), *u = numbers("u", -1, 1, count), *v = numbers("v", -1, 1, count);
    double *z = numbers("z", -1, 1, count), *p = numbers("p", -1, 1, count), *a = numbers("a", 0, 1, count),
           *c = numbers("c", 0, 1, count);
    char what[96];
#define NAME(text) (snprintf(what, sizeof what, "%s: %s", name, text), what)

    assert_true(sx_model_block(m) % 8 == 0 && sx_model_block(m) > 0);
    for (int op = OP_F; op <= OP_TVVV; ++op) { /* sx_model_work covers all */
        assert_true(sx_model_work(m, B) >= o->work(self, op_code[op], B));
    }
    /* differences of the next lower order */
    op_at lower = { m, OP_F, t, B, { NULL, NULL, NULL } };
    const double *d[3] = { u, v, z };
    apply_op(m, OP_JVP, t, x, B, d, B, a, NULL);
    richardson(call_op, &lower, count, x, u, count, h, c);
    close_to(NAME("jvp"), count, a, c, 1e-8, 1e-3);
    lower = (op_at){ m, OP_JVP, t, B, { u, NULL, NULL } };
    apply_op(m, OP_HVV, t, x, B, d, B, a, NULL);
    richardson(call_op, &lower, count, x, v, count, h, c);
    close_to(NAME("hvv"), count, a, c, 1e-8, 1e-3);
    lower = (op_at){ m, OP_HVV, t, B, { u, v, NULL } };
    apply_op(m, OP_TVVV, t, x, B, d, B, a, NULL);
    richardson(call_op, &lower, count, x, z, count, h, c);
    close_to(NAME("tvvv"), count, a, c, 1e-8, 1e-3);

    /* p.J u = u.J^T p and p.d2F[u,v] = u.grad(p.J v), column by column */
    const double *pu[3] = { p, v, NULL };
    const int pair[2][2] = { { OP_JVP, OP_VJP }, { OP_HVV, OP_PHV } };
    for (int k = 0; k < 2; ++k) {
        apply_op(m, pair[k][0], t, x, B, d, B, a, NULL);
        apply_op(m, pair[k][1], t, x, B, pu, B, c, NULL);
        for (int r = 0; r < B; ++r) {
            double left = 0.0, right = 0.0, size = 0.0;
            for (int64_t i = 0; i < n; ++i) {
                left += p[i * B + r] * a[i * B + r];
                right += u[i * B + r] * c[i * B + r];
                size += fabs(p[i * B + r] * a[i * B + r]) + fabs(u[i * B + r] * c[i * B + r]);
            }
            if (!(fabs(left - right) <= 1e-12 * (size + 1e-3))) {
                print_error("%s: adjoint %d: %.17g, %.17g\n", name, k, left, right);
                fail();
            }
        }
    }

    /* the Jacobian matrix against jvp, and its trace against the divergence */
    double *J = numbers("J", 0, 1, n * n), *unit = calloc((size_t)n, sizeof *unit), *column = numbers("col", 0, 1, n);
    double *point = malloc((size_t)n * sizeof *point), div[B];
    for (int64_t i = 0; i < n; ++i) point[i] = x[i * B];
    sx_work w = scratch(o->work(self, SX_OP_JACOBIAN, 1), NULL);
    o->jacobian(self, t, point, J, w);
    release(w);
    double trace = 0.0, size = 0.0;
    for (int64_t j = 0; j < n; ++j) {
        unit[j] = 1.0;
        const double *e[1] = { unit };
        apply_op(m, OP_JVP, t, point, 1, e, 1, column, NULL);
        unit[j] = 0.0;
        for (int64_t i = 0; i < n; ++i) {
            if (!(fabs(J[i * n + j] - column[i]) <= 1e-12 * (largest(n, column) + 1e-3))) {
                print_error("%s: jacobian[%d][%d] = %.17g, jvp %.17g\n", name, (int)i, (int)j, J[i * n + j], column[i]);
                fail();
            }
        }
        trace += J[j * n + j];
        size += fabs(J[j * n + j]);
    }
    w = scratch(o->work(self, SX_OP_DIVERGENCE, B), NULL);
    o->divergence(self, t, view(x, n, B), div, w);
    release(w);
    if (!(fabs(div[0] - trace) <= 1e-12 * (size + 1e-3))) {
        print_error("%s: divergence %.17g, trace %.17g\n", name, div[0], trace);
        fail();
    }

    /* one base point for B directions; a serial run and one on the executor */
    double *spread = malloc((size_t)count * sizeof *spread);
    for (int64_t i = 0; i < count; ++i) spread[i] = point[i / B];
    if (sx_model_trials(m) == 1) {
        for (int op = OP_JVP; op <= OP_TVVV; ++op) {
            apply_op(m, op, t, point, 1, d, B, a, NULL);
            apply_op(m, op, t, spread, B, d, B, c, NULL);
            close_to(NAME("one base point"), count, a, c, 1e-13, 1e-3);
        }
    }
    for (int op = OP_F; op <= OP_TVVV; ++op) {
        apply_op(m, op, t, x, B, d, B, a, NULL);
        apply_op(m, op, t, x, B, d, B, c, sx_ctx_exec(ctx));
        assert_memory_equal(a, c, (size_t)count * sizeof *a);
    }
#undef NAME
    free(spread);
    free(point);
    free(column);
    free(unit);
    free(J);
    free(c);
    free(a);
    free(p);
    free(z);
    free(v);
    free(u);
    free(x);
}

/* Random dense coupling of n units, entries of size g / sqrt(n). */
static inline sx_coupling *dense(sx_ctx *ctx, const char *name, int64_t n, double g) {
    double *a = numbers(name, -g * sqrt(3.0 / (double)n), g * sqrt(3.0 / (double)n), n * n);
    sx_coupling *w = NULL;
    OK(sx_coupling_dense(ctx, n, n, a, &w));
    free(a);
    return w;
}
/* One link in `every`, as CSR. */
static inline sx_coupling *sparse(sx_ctx *ctx, const char *name, int64_t n, int64_t every) {
    int64_t *start = calloc((size_t)n + 1, sizeof *start), used = 0;
    int32_t *column = calloc((size_t)(n * n), sizeof *column);
    double *a = numbers(name, -0.5, 0.5, n * n);
    for (int64_t i = 0; i < n; ++i) {
        for (int64_t j = 0; j < n; ++j) {
            if ((i * 7 + j * 3) % every == 0) column[used++] = (int32_t)j;
        }
        start[i + 1] = used;
    }
    sx_coupling *w = NULL;
    OK(sx_coupling_csr(ctx, n, n, start, column, a, &w));
    free(a);
    free(column);
    free(start);
    return w;
}

#endif
