// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Two models that must be one: every operation of both at random points, to a tolerance relative to the largest number of a column. */
#ifndef SX_TESTS_SAME_MODEL_H
#define SX_TESTS_SAME_MODEL_H

#include "model_checks.h"

/* An operation that is a part, or J, or its trace; `which` 0 and 1: metric and its inverse. Returns how many numbers it has. */
enum {
    PART_JACOBIAN,
    PART_DIVERGENCE,
    PART_POTENTIAL,
    PART_GRADIENT,
    PART_METRIC,
    PART_INVERSE,
    PART_REENTRANT,
    PARTS
};
static inline int64_t apply_part(const sx_model *m, int part, const double *x, const double *v, int64_t b,
                                 double *out) {
    static const sx_op code[PARTS] = { SX_OP_JACOBIAN, SX_OP_DIVERGENCE, SX_OP_POTENTIAL, SX_OP_GRADIENT,
                                       SX_OP_METRIC,   SX_OP_METRIC,     SX_OP_REENTRANT };
    const sx_model_ops *o = sx_model_operations(m);
    const void *self = sx_model_self(m);
    int64_t n = sx_model_n(m), count = n * b;
    sx_work w = scratch(o->work(self, code[part], part == PART_JACOBIAN ? 1 : b), NULL);
    sx_batch y = { out, n, b };
    switch (part) {
    case PART_JACOBIAN: { /* at the first column */
        double *first = malloc((size_t)n * sizeof *first);
        for (int64_t i = 0; i < n; ++i) first[i] = x[i * b];
        o->jacobian(self, 0.0, first, out, w);
        free(first);
        count = n * n;
        break;
    }
    case PART_DIVERGENCE:
        o->divergence(self, 0.0, view(x, n, b), out, w);
        count = b;
        break;
    case PART_POTENTIAL:
        o->potential(self, 0.0, view(x, n, b), out, w);
        count = b;
        break;
    case PART_GRADIENT:
        o->gradient(self, 0.0, view(x, n, b), y, w);
        break;
    case PART_REENTRANT:
        o->reentrant(self, 0.0, view(x, n, b), y, w);
        break;
    default:
        o->metric(self, part == PART_INVERSE, view(x, n, b), view(v, n, b), y, w);
        break;
    }
    release(w);
    return count;
}

/* F = -G^-1 grad Phi + R, from the parts of m itself. */
static inline void check_parts(const char *name, const sx_model *m, double radius, double tol) {
    enum { B = 200 };
    int64_t count = sx_model_n(m) * B;
    double *x = numbers("points", -radius, radius, count), *F = numbers("F", 0, 1, count),
           *g = numbers("g", 0, 1, count), *Mg = numbers("Mg", 0, 1, count), *R = numbers("R", 0, 1, count);
    apply_op(m, OP_F, 0.0, x, B, NULL, B, F, NULL);
    apply_part(m, PART_GRADIENT, x, NULL, B, g);
    apply_part(m, PART_INVERSE, x, g, B, Mg);
    apply_part(m, PART_REENTRANT, x, NULL, B, R);
    for (int64_t i = 0; i < count; ++i) R[i] -= Mg[i];
    close_to(name, count, F, R, tol, 1.0);
    free(R);
    free(Mg);
    free(g);
    free(F);
    free(x);
}

/* The gradient against differences of the potential. */
static inline void call_potential_of(void *arg, const double *x, double *out) {
    apply_part(arg, PART_POTENTIAL, x, NULL, 8, out);
}
static inline void check_gradient(const char *name, sx_model *m, double radius, double h) {
    enum { B = 8 };
    int64_t n = sx_model_n(m), count = n * B;
    double *x = numbers("x", -radius, radius, count), *g = numbers("g", 0, 1, count), *e = numbers("e", 0, 1, count),
           d[B];
    apply_part(m, PART_GRADIENT, x, NULL, B, g);
    for (int64_t i = 0; i < n; ++i) {
        for (int64_t j = 0; j < count; ++j) e[j] = j / B == i ? 1.0 : 0.0;
        richardson(call_potential_of, m, count, x, e, B, h, d);
        close_to(name, B, g + i * B, d, 1e-8, 1.0);
    }
    free(e);
    free(g);
    free(x);
}

/* Every operation of a against that of b; parts: the potential (up to a constant), its gradient, metric and flow as well. */
static inline void same_model(const char *name, const sx_model *a, const sx_model *b, double radius, bool parts,
                              double tol) {
    enum { B = 125 }; /* 8 draws: 1000 points */
    static const char *const ops[] = { "F", "jvp", "vjp", "hvv", "phv", "tvvv" };
    static const char *const part[] = { "jacobian", "divergence", "potential", "gradient",
                                        "metric",   "inverse",    "reentrant" };
    int64_t n = sx_model_n(a), size = n * n > n * B ? n * n : n * B;
    char what[128], key[16];
    assert_int_equal(n, sx_model_n(b));
    double *left = numbers("left", 0, 1, size), *right = numbers("right", 0, 1, size);
    for (int draw = 0; draw < 8; ++draw) {
        snprintf(key, sizeof key, "draw%d", draw);
        double *x = numbers(key, -radius, radius, n * B), *u = numbers("u", -1, 1, n * B),
               *v = numbers("v", -1, 1, n * B), *z = numbers("z", -1, 1, n * B);
        const double *d[3] = { u, v, z };
        for (int op = OP_F; op <= OP_TVVV; ++op) {
            snprintf(what, sizeof what, "%s: %s", name, ops[op]);
            apply_op(a, op, 0.0, x, B, d, B, left, NULL);
            apply_op(b, op, 0.0, x, B, d, B, right, NULL);
            close_to(what, n * B, left, right, tol, 1.0);
        }
        for (int k = 0; k < (parts ? PARTS : PART_POTENTIAL); ++k) {
            snprintf(what, sizeof what, "%s: %s", name, part[k]);
            int64_t count = apply_part(a, k, x, v, B, left);
            assert_int_equal(count, apply_part(b, k, x, v, B, right));
            double shift = k == PART_POTENTIAL ? left[0] - right[0] : 0.0;
            for (int64_t i = 0; i < count; ++i) left[i] -= shift;
            close_to(what, count, left, right, tol, 1.0);
        }
        free(z);
        free(v);
        free(u);
        free(x);
    }
    free(right);
    free(left);
}

#endif
