// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Equations evaluated a second way: straight from the trees, element by element, in complex numbers. The imaginary part of
 * f(x + i h u), h = 1e-30, is h times the derivative along u to rounding (Squire and Trapp, SIAM Rev. 40, 110 (1998)): no step size,
 * no cancellation. Nothing of the graph, its simplifications or its programs is used. */
#ifndef SX_TESTS_EQUATIONS_WORLD_H
#define SX_TESTS_EQUATIONS_WORLD_H

#include "model_checks.h"

#include "core/cmplx.h"
#include "models/equations.h"

typedef double complex number;

typedef struct world {
    const sx_equations_desc *d;
    const number *state; /* all arrays, concatenated */
    double t;
    int64_t at[8]; /* present element of each index */
    sx_eq_tree let[8], let_left[8];
} world;

static inline bool named(const sx_eq_tree *t, int32_t at, int32_t length, const char *name) {
    return strlen(name) == (size_t)length && memcmp(t->text + at, name, (size_t)length) == 0;
}
static inline int index_of(const world *w, const sx_eq_tree *t, int32_t at, int32_t length) {
    for (int i = 0; i < w->d->n_indices; ++i) {
        if (named(t, at, length, w->d->indices[i].name)) return i;
    }
    fail();
    return 0;
}
static inline int64_t size_of_index(const sx_equations_desc *d, const char *name) {
    for (int i = 0; i < d->n_indices; ++i) {
        if (strcmp(d->indices[i].name, name) == 0)
            return d->indices[i].same ? size_of_index(d, d->indices[i].same) : d->indices[i].n;
    }
    fail();
    return 0;
}
static inline int64_t place_value(const world *w, const sx_eq_tree *t, const sx_eq_place *p) {
    int64_t m = p->shift;
    for (int k = 0; k < p->n; ++k) m += p->sign[k] * w->at[index_of(w, t, p->at[k], p->length[k])];
    return m;
}
/* element of an array with the boundary applied; outside of "zero": 0 */
static inline int64_t bounded(const world *w, int64_t m, int64_t n) {
    if (m >= 0 && m < n) return m;
    if (w->d->boundary == 1) return -1;
    if (w->d->boundary == 2) return m < 0 ? 0 : n - 1;
    return ((m % n) + n) % n;
}

static number value_of(world *w, const sx_eq_tree *t, int32_t node);

static inline number lookup(world *w, const sx_eq_tree *t, const sx_eq_tree_node *n) {
    const sx_equations_desc *d = w->d;
    int64_t place[2] = { 0, 0 }, first = 0;
    int places = n->kind == EQ_ELEMENT ? n->n : 0;
    for (int k = 0; k < places; ++k) place[k] = place_value(w, t, &t->place[n->child[0] + k]);
    if (named(t, n->at, n->length, "t")) return w->t;
    if (named(t, n->at, n->length, "pi")) return acos(-1.0);
    for (int i = 0; i < d->n_indices; ++i) {
        if (named(t, n->at, n->length, d->indices[i].name)) return (double)w->at[i];
    }
    for (int a = 0; a < d->n_states; ++a) {
        int64_t size = d->states[a].index ? size_of_index(d, d->states[a].index) : 1;
        if (named(t, n->at, n->length, d->states[a].name)) {
            int64_t m = bounded(w, place[0], size);
            return m < 0 ? 0.0 : w->state[first + m];
        }
        first += size;
    }
    for (int p = 0; p < d->n_parameters; ++p) {
        const sx_equations_parameter *x = &d->parameters[p];
        if (!named(t, n->at, n->length, x->name)) continue;
        if (places == 0 || x->values.n == 1) return x->values.data[0];
        if (places == 1) {
            int64_t m = bounded(w, place[0], x->values.n);
            return m < 0 ? 0.0 : x->values.data[m];
        }
        char second[8];
        (void)snprintf(second, sizeof second, "%s", strchr(x->shape, ',') + 1);
        return x->values.data[place[0] * size_of_index(d, second) + place[1]];
    }
    for (int k = 0; k < d->n_definitions; ++k) {
        const sx_eq_tree *left = &w->let_left[k];
        if (!named(t, n->at, n->length, "") &&
            !(left->node[0].length == n->length && memcmp(left->text, t->text + n->at, (size_t)n->length) == 0))
            continue;
        int64_t kept[8];
        memcpy(kept, w->at, sizeof kept);
        for (int e = 0; e < places; ++e) {
            const sx_eq_place *p = &left->place[left->node[0].child[0] + e];
            int i = index_of(w, left, p->at[0], p->length[0]);
            int64_t m = bounded(w, place[e], size_of_index(d, d->indices[i].name));
            if (m < 0) {
                memcpy(w->at, kept, sizeof kept);
                return 0.0;
            }
            kept[i] = w->at[i];
            w->at[i] = m;
        }
        number v = value_of(w, &w->let[k], w->let[k].n - 1);
        memcpy(w->at, kept, sizeof kept);
        return v;
    }
    print_error("no name %.*s\n", (int)n->length, t->text + n->at);
    fail();
    return 0;
}

/* f and f' on the real axis, for functions that C has no complex version of */
static inline number lift(number z, double f, double slope) {
    return CMPLX(f, slope * cimag(z));
}
static inline number apply_function(int op, number a, number b) {
    double x = creal(a);
    switch (op) {
    case EQ_EXP:
        return cexp(a);
    case EQ_EXPM1:
        return lift(a, expm1(x), exp(x));
    case EQ_LOG:
        return lift(a, log(x), 1.0 / x);
    case EQ_LOG1P:
        return lift(a, log1p(x), 1.0 / (1.0 + x));
    case EQ_SQRT:
        return lift(a, sqrt(x), 0.5 / sqrt(x));
    case EQ_SIN:
        return csin(a);
    case EQ_COS:
        return ccos(a);
    case EQ_TAN:
        return lift(a, tan(x), 1.0 / (cos(x) * cos(x)));
    case EQ_TANH:
        return lift(a, tanh(x), 1.0 / (cosh(x) * cosh(x)));
    case EQ_SINH:
        return csinh(a);
    case EQ_COSH:
        return ccosh(a);
    case EQ_ERF:
        return lift(a, erf(x), 2.0 / sqrt(acos(-1.0)) * exp(-x * x));
    case EQ_ATAN:
        return lift(a, atan(x), 1.0 / (1.0 + x * x));
    case EQ_ABS:
        return x > 0.0 ? a : -a;
    case EQ_SIGN:
        return x > 0.0 ? 1.0 : x < 0.0 ? -1.0 : 0.0;
    case EQ_HEAVISIDE:
        return x > 0.0 ? 1.0 : 0.0;
    case EQ_MIN:
        return x < creal(b) ? a : b;
    case EQ_MAX:
        return x > creal(b) ? a : b;
    case EQ_NEG:
        return -a;
    case EQ_ADD:
        return a + b;
    case EQ_SUB:
        return a - b;
    case EQ_MUL: /* by parts: the product of two imaginary parts is below rounding, and would underflow */
        return CMPLX(x * creal(b), x * cimag(b) + cimag(a) * creal(b));
    case EQ_DIV:
        return CMPLX(x / creal(b), (cimag(a) - x / creal(b) * cimag(b)) / creal(b));
    default: { /* power; an integer one for any base */
        double e = creal(b), v = pow(x, e);
        double along = e == 0.0 ? 0.0 : e * pow(x, e - 1.0) * cimag(a);
        return CMPLX(v, along + (cimag(b) != 0.0 ? v * log(x) * cimag(b) : 0.0));
    }
    }
}

static number value_of(world *w, const sx_eq_tree *t, int32_t node) {
    const sx_eq_tree_node *n = &t->node[node];
    number in[4] = { 0 };
    if (n->kind == EQ_NUMBER) return n->value;
    if (n->kind == EQ_NAME || n->kind == EQ_ELEMENT) return lookup(w, t, n);
    if (n->kind == EQ_SUM) {
        int i = index_of(w, t, n->at, n->length);
        int64_t kept = w->at[i], size = size_of_index(w->d, w->d->indices[i].name);
        number sum = 0;
        for (w->at[i] = 0; w->at[i] < size; ++w->at[i]) sum += value_of(w, t, n->child[0]);
        w->at[i] = kept;
        return sum;
    }
    for (int c = 0; c < (n->kind == EQ_IF ? 2 : n->n); ++c) in[c] = value_of(w, t, n->child[c]);
    if (n->kind == EQ_IF) {
        double a = creal(in[0]), b = creal(in[1]);
        bool holds[] = { a<b, a <= b, a> b, a >= b, a == b, a != b };
        return value_of(w, t, n->child[holds[n->op] ? 2 : 3]);
    }
    return apply_function(n->op, in[0], in[1]);
}

/* F(x) and J(x) u for one replica; J u may be NULL. */
static inline void world_F(sx_ctx *ctx, const sx_equations_desc *d, double t, const double *x, const double *u,
                           int64_t n, double *F, double *Ju) {
    const double h = 1e-30;
    world w = { .d = d, .t = t };
    sx_eq_error error;
    number *z = malloc((size_t)n * sizeof *z);
    for (int64_t i = 0; i < n; ++i) z[i] = CMPLX(x[i], u ? h * u[i] : 0.0);
    w.state = z;
    for (int k = 0; k < d->n_definitions; ++k) {
        OK(sx_eq_parse(ctx, d->definitions[k].text, &w.let[k], &error));
        OK(sx_eq_parse(ctx, d->definitions[k].left, &w.let_left[k], &error));
    }
    int64_t first = 0;
    for (int a = 0; a < d->n_states; ++a) {
        const sx_equations_state *s = &d->states[a];
        int64_t size = s->index ? size_of_index(d, s->index) : 1;
        for (int e = 0; e < d->n_equations; ++e) {
            size_t length = strlen(s->name);
            if (strncmp(d->equations[e].left, s->name, length) != 0 ||
                (d->equations[e].left[length] && d->equations[e].left[length] != '['))
                continue;
            sx_eq_tree tree;
            OK(sx_eq_parse(ctx, d->equations[e].text, &tree, &error));
            for (int64_t i = 0; i < size; ++i) {
                for (int k = 0; k < d->n_indices; ++k)
                    w.at[k] = s->index && strcmp(d->indices[k].name, s->index) == 0 ? i : 0;
                number v = value_of(&w, &tree, tree.n - 1);
                F[first + i] = creal(v);
                if (Ju) Ju[first + i] = cimag(v) / h;
            }
            sx_eq_tree_free(ctx, &tree);
        }
        first += size;
    }
    for (int k = 0; k < d->n_definitions; ++k) {
        sx_eq_tree_free(ctx, &w.let[k]);
        sx_eq_tree_free(ctx, &w.let_left[k]);
    }
    free(z);
}

/* -- random expressions -------------------------------------------------------------------------------------------------------- */

typedef struct writer {
    char text[4096];
    size_t n;
    uint64_t seed, count;
    bool smooth;
} writer;
static inline uint64_t draw(writer *r, uint64_t below) {
    double u;
    sx_uniform_fill(sx_key_derive(sx_key_seed(r->seed), "expression", 0), ++r->count, SX_SLOT_USER, 0, 1, 1, &u);
    uint64_t k = (uint64_t)(u * (double)below);
    return k < below ? k : below - 1;
}
static inline void put(writer *r, const char *s) {
    r->n += (size_t)snprintf(r->text + r->n, sizeof r->text - r->n, "%s", s);
    assert_true(r->n < sizeof r->text);
}

/* at: 1 i is free, 2 j is free, 3 both. Values stay of order one. */
static inline void write_expression(writer *r, int depth, int at) {
    static const char *const wide[] = { "g", "u", "t", "0.7", "1.25", "u", "0.3e0", "2", "x[1]", "y[2]" };
    static const char *const over_i[] = { "x[i]", "y[i]",   "x[i+1]", "y[i-2]", "tau[i]",
                                          "r[i]", "r[i+1]", "x[i]",   "i/4",    "W[i,i]" };
    static const char *const over_j[] = { "x[j]", "y[j]", "r[j]", "tau[j]", "x[j-1]" };
    static const char *const over_both[] = { "W[i,j]", "S[i,j]",   "x[j]",   "x[i]", "W[j,i]",
                                             "K[i,j]", "tau[i-j]", "y[i+j]", "r[j]", "y[i]" };
    if (depth <= 0) {
        if (at == 0 || draw(r, 4) == 0)
            put(r, wide[draw(r, 10)]);
        else
            put(r, at == 1 ? over_i[draw(r, 10)] : at == 2 ? over_j[draw(r, 5)] : over_both[draw(r, 10)]);
        return;
    }
    static const char *const open[] = { "sin(",
                                        "cos(",
                                        "tanh(",
                                        "atan(",
                                        "erf(",
                                        "exp(-0.5 + 0.5*tanh(",
                                        "log(2.5 + tanh(",
                                        "sqrt(1.5+sin(",
                                        "expm1(0.2*cos(",
                                        "log1p(0.5 + 0.4*sin(",
                                        "sinh(0.5*tanh(",
                                        "cosh(0.5*tanh(",
                                        "tan(0.6*sin(" };
    int k = (int)draw(r, r->smooth ? 16 : 19);
    if (k == 15 && at & 2) k = (int)draw(r, 14);
    switch (k) {
    case 0:
    case 1:
    case 2:
        put(r, "(");
        write_expression(r, depth - 1, at);
        put(r, k == 0 ? " + " : k == 1 ? "-" : "*");
        write_expression(r, depth - 1, at);
        put(r, ")");
        return;
    case 3:
        put(r, "tanh(");
        write_expression(r, depth - 1, at);
        put(r, ")/(1.5+(");
        write_expression(r, depth - 2, at);
        put(r, ")^2)");
        return;
    case 4:
        put(r, "tanh(");
        write_expression(r, depth - 1, at);
        put(r, draw(r, 2) ? ")^3" : ")**2");
        return;
    case 5:
        put(r, "(1.5 + tanh(");
        write_expression(r, depth - 1, at);
        put(r, "))^sin(");
        write_expression(r, depth - 2, at);
        put(r, ")");
        return;
    case 6:
        put(r, "-(");
        write_expression(r, depth - 1, at);
        put(r, ")");
        return;
    case 15: /* i or nothing free: a sum over j */
        put(r, "0.2*sum(j, ");
        write_expression(r, depth - 1, at | 2);
        put(r, ")");
        return;
    case 16:
        put(r, draw(r, 2) ? "if(" : "if(0.1 + ");
        write_expression(r, depth - 2, at);
        put(r, draw(r, 2) ? " < " : ">=");
        write_expression(r, depth - 2, at);
        put(r, ", ");
        write_expression(r, depth - 1, at);
        put(r, ", ");
        write_expression(r, depth - 1, at);
        put(r, ")");
        return;
    case 17:
        put(r, draw(r, 2) ? "max(" : "min(");
        write_expression(r, depth - 1, at);
        put(r, ", ");
        write_expression(r, depth - 2, at);
        put(r, ")");
        return;
    case 18:
        put(r, draw(r, 3) ? "abs(" : "(0.5+sign(");
        bool sign = r->text[r->n - 2] == 'n';
        write_expression(r, depth - 1, at);
        put(r, sign ? "))" : ")");
        return;
    default: {
        const char *f = open[draw(r, 13)];
        put(r, f);
        write_expression(r, depth - 1, at);
        put(r, strchr(f, '(') == strrchr(f, '(') ? ")" : "))");
        return;
    }
    }
}

#endif
