// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Trees as text that parses back to the same tree, and as LaTeX. The stack holds what is still to be written, last first. */
#include "models/equations.h"

#include "core/number.h"

#include <stdio.h>

void sx_eq_put(sx_ctx *ctx, sx_eq_buffer *t, const char *text, int64_t n) {
    if (n < 0) n = (int64_t)strlen(text);
    if (t->status < 0) return;
    if (t->n + n + 1 > t->capacity) {
        int64_t capacity = 2 * t->capacity + n + 64;
        t->status = t->p ? sx_resize(ctx, capacity, 1, &t->p) : sx_alloc(ctx, capacity, 1, &t->p);
        if (t->status < 0) return;
        t->capacity = capacity;
    }
    memcpy(t->p + t->n, text, (size_t)n);
    t->n += n;
    t->p[t->n] = '\0';
}

static bool is_greek(const char *name, int64_t n) {
    static const char *const greek[] = { "alpha",  "beta",   "gamma", "delta", "epsilon", "zeta",  "eta",   "theta",
                                         "kappa",  "lambda", "mu",    "nu",    "xi",      "pi",    "rho",   "sigma",
                                         "tau",    "phi",    "chi",   "psi",   "omega",   "Gamma", "Delta", "Theta",
                                         "Lambda", "Xi",     "Pi",    "Sigma", "Phi",     "Psi",   "Omega" };
    for (size_t i = 0; i < sizeof greek / sizeof *greek; ++i) {
        if (strlen(greek[i]) == (size_t)n && memcmp(greek[i], name, (size_t)n) == 0) return true;
    }
    return false;
}

static void put_word(sx_ctx *ctx, sx_eq_buffer *out, const char *name, int64_t n) {
    if (is_greek(name, n)) {
        sx_eq_put(ctx, out, "\\", 1);
        sx_eq_put(ctx, out, name, n);
        sx_eq_put(ctx, out, " ", 1);
    } else if (n == 1) {
        sx_eq_put(ctx, out, name, n);
    } else {
        sx_eq_put(ctx, out, "\\mathrm{", -1);
        for (int64_t i = 0; i < n; ++i) sx_eq_put(ctx, out, name[i] == '_' ? "\\_" : name + i, name[i] == '_' ? 2 : 1);
        sx_eq_put(ctx, out, "}", 1);
    }
}

/* tau_in: a subscript; the element's index is added to it */
static void put_base(sx_ctx *ctx, sx_eq_buffer *out, const char *name, int64_t n, bool *subscript) {
    const char *bar = memchr(name, '_', (size_t)n);
    *subscript = bar && bar > name && bar < name + n - 1;
    if (!*subscript) {
        put_word(ctx, out, name, n);
        return;
    }
    put_word(ctx, out, name, bar - name);
    sx_eq_put(ctx, out, "_{", -1);
    put_word(ctx, out, bar + 1, n - (bar + 1 - name));
}

void sx_eq_print_name(sx_ctx *ctx, sx_eq_buffer *out, const char *name, int64_t n, bool latex) {
    bool subscript = false;
    if (!latex) {
        sx_eq_put(ctx, out, name, n);
        return;
    }
    put_base(ctx, out, name, n, &subscript);
    if (subscript) sx_eq_put(ctx, out, "}", 1);
}

static void put_place(sx_ctx *ctx, sx_eq_buffer *out, const sx_eq_tree *t, const sx_eq_place *p, bool latex) {
    char buf[32];
    for (int k = 0; k < p->n; ++k) {
        if (p->sign[k] < 0)
            sx_eq_put(ctx, out, "-", 1);
        else if (k > 0)
            sx_eq_put(ctx, out, "+", 1);
        if (latex)
            put_word(ctx, out, t->text + p->at[k], p->length[k]);
        else
            sx_eq_put(ctx, out, t->text + p->at[k], p->length[k]);
    }
    if (p->n > 0 && p->shift == 0) return;
    (void)snprintf(buf, sizeof buf, p->n ? "%+lld" : "%lld", (long long)p->shift);
    sx_eq_put(ctx, out, buf, -1);
}

static void put_element(sx_ctx *ctx, sx_eq_buffer *out, const sx_eq_tree *t, const sx_eq_tree_node *e, bool latex) {
    bool subscript = false;
    if (latex)
        put_base(ctx, out, t->text + e->at, e->length, &subscript);
    else
        sx_eq_put(ctx, out, t->text + e->at, e->length);
    sx_eq_put(ctx, out, latex ? (subscript ? "," : "_{") : "[", -1);
    for (int k = 0; k < e->n; ++k) {
        if (k > 0) sx_eq_put(ctx, out, ",", 1);
        put_place(ctx, out, t, &t->place[e->child[0] + k], latex);
    }
    sx_eq_put(ctx, out, latex ? "}" : "]", 1);
}

/* -- operators --------------------------------------------------------------------------------------------------------------- */

enum { LOOSE = 0, SUM = 1, PRODUCT = 2, SIGN = 3, POWER = 4, ATOM = 5 };

/* pow(a, b) and a^b are the same node, written a^b */
static int strength(const sx_eq_tree_node *n, bool latex) {
    if (n->kind == EQ_SUM) return latex ? PRODUCT : ATOM;
    if (n->kind != EQ_APPLY) return ATOM;
    switch (n->op) {
    case EQ_ADD:
    case EQ_SUB:
        return SUM;
    case EQ_MUL:
        return PRODUCT;
    case EQ_DIV:
        return latex ? ATOM : PRODUCT;
    case EQ_NEG:
        return SIGN;
    case EQ_POWER:
        return POWER;
    default:
        return ATOM;
    }
}

typedef struct item {
    const char *text; /* or a node: */
    int32_t node;
    int least; /* in brackets if the node binds less than this */
} item;
typedef struct printer {
    sx_ctx *ctx;
    sx_eq_buffer *out;
    const sx_eq_tree *t;
    bool latex;
    item *stack;
    int64_t n, capacity;
    sx_status status;
} printer;

static void push(printer *p, item i) {
    if (p->n == p->capacity && p->status >= 0) {
        int64_t capacity = 2 * p->capacity + 64;
        p->status = p->stack ? sx_resize(p->ctx, capacity, sizeof *p->stack, &p->stack)
                             : sx_alloc(p->ctx, capacity, sizeof *p->stack, &p->stack);
        if (p->status >= 0) p->capacity = capacity;
    }
    if (p->status >= 0) p->stack[p->n++] = i;
}
static void push_text(printer *p, const char *text) {
    push(p, (item){ text, 0, 0 });
}
static void push_node(printer *p, int32_t node, int least) {
    push(p, (item){ NULL, node, least });
}

/* Everything is pushed last part first. */
static void plain(printer *p, const sx_eq_tree_node *n) {
    static const char *const compare[] = { " < ", " <= ", " > ", " >= ", " == ", " != " };
    const char *sign = n->op == EQ_ADD   ? " + "
                       : n->op == EQ_SUB ? " - "
                       : n->op == EQ_MUL ? "*"
                       : n->op == EQ_DIV ? "/"
                                         : "^";
    if (n->kind == EQ_SUM) {
        push_text(p, ")");
        push_node(p, n->child[0], LOOSE);
        push_text(p, ", ");
        sx_eq_put(p->ctx, p->out, "sum(", 4);
        sx_eq_put(p->ctx, p->out, p->t->text + n->at, n->length);
        return;
    }
    if (n->kind == EQ_IF) {
        push_text(p, ")");
        push_node(p, n->child[3], LOOSE);
        push_text(p, ", ");
        push_node(p, n->child[2], LOOSE);
        push_text(p, ", ");
        push_node(p, n->child[1], LOOSE);
        push_text(p, compare[n->op]);
        push_node(p, n->child[0], LOOSE);
        push_text(p, "if(");
        return;
    }
    switch (n->op) {
    case EQ_ADD:
    case EQ_SUB:
    case EQ_MUL:
    case EQ_DIV:
        push_node(p, n->child[1], n->op == EQ_ADD || n->op == EQ_SUB ? PRODUCT : SIGN);
        push_text(p, sign);
        push_node(p, n->child[0], n->op == EQ_ADD || n->op == EQ_SUB ? SUM : PRODUCT);
        return;
    case EQ_NEG:
        push_node(p, n->child[0], SIGN);
        push_text(p, "-");
        return;
    case EQ_POWER:
        push_node(p, n->child[1], SIGN);
        push_text(p, sign);
        push_node(p, n->child[0], ATOM);
        return;
    default:
        push_text(p, ")");
        for (int c = n->n - 1; c >= 0; --c) {
            push_node(p, n->child[c], LOOSE);
            if (c > 0) push_text(p, ", ");
        }
        push_text(p, "(");
        push_text(p, sx_eq_function_name(n->op));
    }
}

static void latex(printer *p, const sx_eq_tree_node *n) {
    static const char *const compare[] = { " < ", " \\le ", " > ", " \\ge ", " = ", " \\ne " };
    static const char *const names[] = { "\\exp",    "\\mathrm{expm1}", "\\ln",  "\\mathrm{log1p}", "",
                                         "\\sin",    "\\cos",           "\\tan", "\\tanh",          "\\sinh",
                                         "\\cosh",   "\\mathrm{erf}",   "",      "\\mathrm{sgn}",   "\\Theta",
                                         "\\arctan", "\\min",           "\\max" };
    if (n->kind == EQ_SUM) {
        push_node(p, n->child[0], PRODUCT);
        push_text(p, "} ");
        sx_eq_put(p->ctx, p->out, "\\sum_{", -1);
        put_word(p->ctx, p->out, p->t->text + n->at, n->length);
        return;
    }
    if (n->kind == EQ_IF) {
        push_text(p, ")");
        push_node(p, n->child[3], LOOSE);
        push_text(p, ", ");
        push_node(p, n->child[2], LOOSE);
        push_text(p, ", ");
        push_node(p, n->child[1], LOOSE);
        push_text(p, compare[n->op]);
        push_node(p, n->child[0], LOOSE);
        push_text(p, "\\mathrm{if}(");
        return;
    }
    switch (n->op) {
    case EQ_ADD:
    case EQ_SUB:
        push_node(p, n->child[1], PRODUCT);
        push_text(p, n->op == EQ_ADD ? " + " : " - ");
        push_node(p, n->child[0], SUM);
        return;
    case EQ_MUL:
        push_node(p, n->child[1], SIGN);
        push_text(p, p->t->node[n->child[1]].kind == EQ_NUMBER ? " \\cdot " : "\\, ");
        push_node(p, n->child[0], PRODUCT);
        return;
    case EQ_DIV:
        push_text(p, "}");
        push_node(p, n->child[1], LOOSE);
        push_text(p, "}{");
        push_node(p, n->child[0], LOOSE);
        push_text(p, "\\frac{");
        return;
    case EQ_NEG:
        push_node(p, n->child[0], SIGN);
        push_text(p, "-");
        return;
    case EQ_POWER: {
        push_text(p, "}");
        push_node(p, n->child[1], LOOSE);
        const sx_eq_tree_node *base = &p->t->node[n->child[0]];
        push_text(p, base->kind == EQ_APPLY && base->op == EQ_DIV ? "\\right)^{" : "^{");
        push_node(p, n->child[0], ATOM);
        if (base->kind == EQ_APPLY && base->op == EQ_DIV) push_text(p, "\\left(");
        return;
    }
    case EQ_SQRT:
        push_text(p, "}");
        push_node(p, n->child[0], LOOSE);
        push_text(p, "\\sqrt{");
        return;
    case EQ_ABS:
        push_text(p, "|");
        push_node(p, n->child[0], LOOSE);
        push_text(p, "|");
        return;
    default:
        push_text(p, "\\right)");
        for (int c = n->n - 1; c >= 0; --c) {
            push_node(p, n->child[c], LOOSE);
            if (c > 0) push_text(p, ", ");
        }
        push_text(p, "\\left(");
        push_text(p, names[n->op]);
    }
}

sx_status sx_eq_print(sx_ctx *ctx, const sx_eq_tree *t, bool as_latex, sx_eq_buffer *out) {
    printer p = { .ctx = ctx, .out = out, .t = t, .latex = as_latex };
    char buf[32];
    push_node(&p, t->n - 1, LOOSE);
    while (p.n > 0 && p.status >= 0) {
        item i = p.stack[--p.n];
        if (i.text) {
            sx_eq_put(ctx, out, i.text, -1);
            continue;
        }
        const sx_eq_tree_node *n = &t->node[i.node];
        if (strength(n, as_latex) < i.least) {
            push_text(&p, as_latex ? "\\right)" : ")");
            push_node(&p, i.node, LOOSE);
            sx_eq_put(ctx, out, as_latex ? "\\left(" : "(", -1);
        } else if (n->kind == EQ_NUMBER) {
            sx_eq_put(ctx, out, sx_number_print(buf, n->value), -1);
        } else if (n->kind == EQ_NAME) {
            sx_eq_print_name(ctx, out, t->text + n->at, n->length, as_latex);
        } else if (n->kind == EQ_ELEMENT) {
            put_element(ctx, out, t, n, as_latex);
        } else if (as_latex) {
            latex(&p, n);
        } else {
            plain(&p, n);
        }
    }
    sx_free(ctx, p.stack);
    if (p.status < 0) out->status = p.status;
    return out->status;
}
