// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Text to tree by operator precedence with an explicit stack. Precedence, loosest first: + -, * /, sign, ^ (to the right). Nothing is
 * looked up but functions; nothing is executed. */
#include "models/equations.h"

#include "core/number.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const functions[] = { "exp",       "expm1", "log",  "log1p", "sqrt", "sin", "cos",
                                         "tan",       "tanh",  "sinh", "cosh",  "erf",  "abs", "sign",
                                         "heaviside", "atan",  "min",  "max",   "pow" };
enum { N_FUNCTIONS = sizeof functions / sizeof *functions };

const char *sx_eq_function_name(int op) {
    return op >= 0 && op < N_FUNCTIONS ? functions[op] : "?";
}
static int arity(int op) {
    return op == EQ_MIN || op == EQ_MAX || op == EQ_POWER ? 2 : 1;
}

enum { PENDING_MAX = 1024 };
/* What waits on the stack: an operator for its right side, or an open bracket for its end. */
typedef enum wait_kind { WAIT_BINARY, WAIT_NEG, WAIT_PAREN, WAIT_CALL, WAIT_SUM, WAIT_IF } wait_kind;
typedef struct waiting {
    wait_kind kind;
    int op, stage; /* IF: stage 0 left of the comparison, 1 right, 2 first branch, 3 second; CALL: arguments so far */
    int32_t at, length; /* place of the operator; SUM: its index */
    int32_t open;       /* place of the bracket */
} waiting;

typedef struct parser {
    sx_ctx *ctx;
    const char *text;
    int32_t at;
    sx_eq_tree *tree;
    sx_eq_error *error;
    waiting stack[PENDING_MAX];
    int n, depth;
    int32_t *values, n_values, values_capacity; /* roots waiting for an operator */
} parser;

static sx_status wrong(parser *p, int32_t at, const char *format, ...) SX_PRINTF(3, 4);
static sx_status wrong(parser *p, int32_t at, const char *format, ...) {
    va_list args;
    va_start(args, format);
    (void)vsnprintf(p->error->why, sizeof p->error->why, format, args);
    va_end(args);
    p->error->position = (int64_t)at + 1;
    return SX_E_USAGE;
}

/* -- characters ------------------------------------------------------------------------------------------------------------- */

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
static void skip(parser *p) {
    while (p->text[p->at] == ' ' || p->text[p->at] == '\t' || p->text[p->at] == '\n' || p->text[p->at] == '\r') ++p->at;
}
static int32_t name_end(const parser *p, int32_t at) {
    while (is_letter(p->text[at]) || is_digit(p->text[at])) ++at;
    return at;
}
/* "'x'", "the end", for messages */
static const char *seen(const parser *p, char buf[24]) {
    unsigned char c = (unsigned char)p->text[p->at];
    if (c == '\0') return "the end of the text";
    if (c < 0x20 || c >= 0x7f)
        (void)snprintf(buf, 24, "the byte 0x%02X", c);
    else
        (void)snprintf(buf, 24, "'%c'", c);
    return buf;
}

/* -- nodes ------------------------------------------------------------------------------------------------------------------- */

static sx_status push_node(parser *p, sx_eq_tree_node node) {
    sx_eq_tree *t = p->tree;
    if (t->n >= EQ_TREE_MAX)
        return wrong(p, p->at, "more than %d numbers, names and operators in one text", EQ_TREE_MAX);
    if (t->n == t->capacity) {
        int32_t capacity = 2 * t->capacity + 32;
        SX_TRY(p->ctx, t->node ? sx_resize(p->ctx, capacity, sizeof *t->node, &t->node)
                               : sx_alloc(p->ctx, capacity, sizeof *t->node, &t->node));
        t->capacity = capacity;
    }
    if (p->n_values == p->values_capacity) {
        int32_t capacity = 2 * p->values_capacity + 32;
        SX_TRY(p->ctx, p->values ? sx_resize(p->ctx, capacity, sizeof *p->values, &p->values)
                                 : sx_alloc(p->ctx, capacity, sizeof *p->values, &p->values));
        p->values_capacity = capacity;
    }
    t->node[t->n] = node;
    p->values[p->n_values++] = t->n++;
    return SX_OK;
}
/* A node over the last n waiting values. */
static sx_status reduce(parser *p, sx_eq_kind kind, int op, int n, int32_t at, int32_t length) {
    sx_eq_tree_node node = { .kind = kind, .op = op, .n = n, .at = at, .length = length };
    assert(p->n_values >= n);
    p->n_values -= n;
    for (int i = 0; i < n; ++i) node.child[i] = p->values[p->n_values + i];
    return push_node(p, node);
}
static sx_status push_waiting(parser *p, waiting w) {
    bool bracket = w.kind >= WAIT_PAREN;
    if (p->n == PENDING_MAX || (bracket && p->depth == EQ_DEPTH_MAX))
        return wrong(p, w.at, "brackets and operators are nested more than %d deep", EQ_DEPTH_MAX);
    p->depth += bracket;
    p->stack[p->n++] = w;
    return SX_OK;
}

/* -- operands ---------------------------------------------------------------------------------------------------------------- */

static sx_status number(parser *p) {
    int32_t from = p->at, end = from;
    char buf[61];
    double value;
    while (is_digit(p->text[end])) ++end;
    if (p->text[end] == '.') {
        ++end;
        while (is_digit(p->text[end])) ++end;
    }
    if (p->text[end] == 'e' || p->text[end] == 'E') {
        int32_t e = end + 1 + (p->text[end + 1] == '+' || p->text[end + 1] == '-');
        if (!is_digit(p->text[e])) return wrong(p, e, "a number: want digits of the exponent");
        while (is_digit(p->text[e])) ++e;
        end = e;
    }
    if (is_letter(p->text[end]))
        return wrong(p, end, "want an operator after the number %.*s (a product is written with *)",
                     (int)(end - from < 40 ? end - from : 40), p->text + from);
    if (p->text[end] == '.') return wrong(p, end, "a number with two decimal points");
    if (end - from >= (int32_t)sizeof buf)
        return wrong(p, from, "a number of more than %d characters", (int)sizeof buf - 1);
    memcpy(buf, p->text + from, (size_t)(end - from));
    buf[end - from] = '\0';
    if (!sx_number_parse(buf, &value)) return wrong(p, from, "'%s' is not a number", buf);
    if (!isfinite(value)) return wrong(p, from, "the number %.40s is too large", buf);
    p->at = end;
    return push_node(p, (sx_eq_tree_node){ .kind = EQ_NUMBER, .value = value, .at = from, .length = end - from });
}

/* [ +-name +-name +-number ] */
static sx_status place(parser *p, sx_eq_place *out) {
    char buf[24];
    bool shifted = false, first = true;
    *out = (sx_eq_place){ 0 };
    for (;; first = false) {
        int sign = 1;
        skip(p);
        char c = p->text[p->at];
        if (c == '+' || c == '-') {
            sign = c == '-' ? -1 : 1;
            ++p->at;
            skip(p);
            c = p->text[p->at];
        } else if (!first) {
            return SX_OK;
        }
        if (is_letter(c)) {
            int32_t end = name_end(p, p->at);
            if (out->n == 2) return wrong(p, p->at, "an element takes at most two indices in one place, as in K[i-j]");
            out->at[out->n] = p->at;
            out->length[out->n] = end - p->at;
            out->sign[out->n++] = (int8_t)sign;
            p->at = end;
        } else if (is_digit(c)) {
            int64_t v = 0;
            int32_t from = p->at;
            if (shifted) return wrong(p, p->at, "an element takes one whole number, as in x[i+1]");
            for (; is_digit(p->text[p->at]); ++p->at) {
                v = 10 * v + (p->text[p->at] - '0');
                if (v > INT64_C(1000000000000)) return wrong(p, from, "the number of an element is too large");
            }
            if (is_letter(p->text[p->at]) || p->text[p->at] == '.')
                return wrong(p, p->at, "the number of an element: want a whole number");
            out->shift = sign * v;
            shifted = true;
        } else {
            return wrong(p, p->at, "want an index or a whole number in [ ], as in x[i], x[i+1] or x[0], got %s",
                         seen(p, buf));
        }
    }
}

static sx_status element(parser *p, int32_t from, int32_t length) {
    sx_eq_tree *t = p->tree;
    char buf[24];
    int32_t first = t->n_places, open = p->at;
    do {
        if (t->n_places == t->places_capacity) {
            int32_t capacity = 2 * t->places_capacity + 16;
            SX_TRY(p->ctx, t->place ? sx_resize(p->ctx, capacity, sizeof *t->place, &t->place)
                                    : sx_alloc(p->ctx, capacity, sizeof *t->place, &t->place));
            t->places_capacity = capacity;
        }
        ++p->at; /* [ or , */
        sx_eq_place where;
        sx_status status = place(p, &where);
        if (status < 0) return status;
        if (t->n_places - first == 2)
            return wrong(p, open, "%.*s has more than two indices", (int)(length < 40 ? length : 40), p->text + from);
        t->place[t->n_places++] = where;
    } while (p->text[p->at] == ',');
    if (p->text[p->at] != ']')
        return wrong(p, p->at, "want ']' for the '[' at character %d, got %s", (int)open + 1, seen(p, buf));
    ++p->at;
    return push_node(
        p, (sx_eq_tree_node){
               .kind = EQ_ELEMENT, .n = t->n_places - first, .child = { first }, .at = from, .length = length });
}

static bool is_word(const parser *p, int32_t from, int32_t length, const char *word) {
    return (size_t)length == strlen(word) && memcmp(p->text + from, word, (size_t)length) == 0;
}

/* name(...): leaves the parser behind the opening bracket (sum: behind its index). */
static sx_status call(parser *p, int32_t from, int32_t length) {
    char buf[24], name[48];
    waiting w = { .kind = WAIT_CALL, .op = -1, .at = from, .length = length, .open = p->at };
    ++p->at;
    if (is_word(p, from, length, "sum")) {
        w.kind = WAIT_SUM;
        skip(p);
        if (!is_letter(p->text[p->at]))
            return wrong(p, p->at, "sum: want an index first, as in sum(j, W[i,j]*x[j]), got %s", seen(p, buf));
        w.at = p->at;
        p->at = name_end(p, p->at);
        w.length = p->at - w.at;
        skip(p);
        if (p->text[p->at] != ',')
            return wrong(p, p->at, "sum: want ',' after the index %.*s, got %s", (int)(w.length < 40 ? w.length : 40),
                         p->text + w.at, seen(p, buf));
        ++p->at;
        return push_waiting(p, w);
    }
    if (is_word(p, from, length, "if")) {
        w.kind = WAIT_IF;
        return push_waiting(p, w);
    }
    for (int i = 0; i < N_FUNCTIONS; ++i) {
        if (is_word(p, from, length, functions[i])) w.op = i;
    }
    if (w.op >= 0) return push_waiting(p, w);
    (void)snprintf(name, sizeof name, "%.*s", (int)(length < 40 ? length : 40), p->text + from);
    const char *known[N_FUNCTIONS + 2] = { "sum", "if" };
    memcpy((void *)(known + 2), (const void *)functions, sizeof functions);
    const char *near = sx_nearest(name, known, N_FUNCTIONS + 2);
    return wrong(p, from,
                 "unknown function '%s'%s%s%s known: sum, if, exp, expm1, log, log1p, sqrt, sin, cos, tan, tanh, sinh, "
                 "cosh, erf, "
                 "abs, sign, heaviside, atan, min, max, pow",
                 name, near ? "; did you mean '" : ";", near ? near : "", near ? "'?" : "");
}

/* One operand or an opening; *operator is set when an operator comes next. */
static sx_status operand(parser *p, bool *operator) {
    char buf[24], c = p->text[p->at];
    *operator= false;
    if (is_digit(c) || (c == '.' && is_digit(p->text[p->at + 1]))) {
        *operator= true;
        return number(p);
    }
    if (is_letter(c)) {
        int32_t from = p->at, length;
        p->at = name_end(p, from);
        length = p->at - from;
        if (length > 64) return wrong(p, from, "a name of more than 64 characters");
        skip(p);
        if (p->text[p->at] == '(') return call(p, from, length);
        *operator= true;
        if (p->text[p->at] == '[') return element(p, from, length);
        return push_node(p, (sx_eq_tree_node){ .kind = EQ_NAME, .at = from, .length = length });
    }
    if (c == '-') {
        sx_status status = push_waiting(p, (waiting){ .kind = WAIT_NEG, .at = p->at });
        ++p->at;
        return status;
    }
    if (c == '+') {
        ++p->at;
        return SX_OK;
    }
    if (c == '(') {
        sx_status status = push_waiting(p, (waiting){ .kind = WAIT_PAREN, .at = p->at, .open = p->at });
        ++p->at;
        return status;
    }
    return wrong(p, p->at, "want a number, a name, '-' or '(', got %s", seen(p, buf));
}

/* -- operators --------------------------------------------------------------------------------------------------------------- */

static int strength(int op) {
    return op == EQ_ADD || op == EQ_SUB ? 1 : op == EQ_MUL || op == EQ_DIV ? 2 : op == EQ_NEG ? 3 : 4;
}

/* Close operators on the stack that bind at least as strongly (to the right: more strongly). */
static sx_status close_operators(parser *p, int least, bool right) {
    while (p->n > 0 && p->stack[p->n - 1].kind <= WAIT_NEG) {
        waiting w = p->stack[p->n - 1];
        int s = w.kind == WAIT_NEG ? 3 : strength(w.op);
        if (right ? s <= least : s < least) break;
        --p->n;
        sx_status status = reduce(p, EQ_APPLY, w.kind == WAIT_NEG ? EQ_NEG : w.op, w.kind == WAIT_NEG ? 1 : 2, w.at, 1);
        if (status < 0) return status;
    }
    return SX_OK;
}

static const char *name_of(const parser *p, const waiting *w) {
    (void)p;
    return w->kind == WAIT_SUM    ? "sum"
           : w->kind == WAIT_IF   ? "if"
           : w->kind == WAIT_CALL ? functions[w->op]
                                  : "the bracket";
}

static sx_status comma(parser *p) {
    sx_status status = close_operators(p, 0, false);
    if (status < 0) return status;
    waiting *w = p->n ? &p->stack[p->n - 1] : NULL;
    if (!w || w->kind == WAIT_PAREN) return wrong(p, p->at, "a ',' outside of a function");
    if (w->kind == WAIT_SUM) return wrong(p, p->at, "sum takes an index and one expression: want ')'");
    if (w->kind == WAIT_IF) {
        if (w->stage == 0)
            return wrong(p, p->at, "if: want a comparison (< <= > >= == !=) first, as in if(x > 0, x, 0)");
        if (w->stage == 3) return wrong(p, p->at, "if takes a comparison and two expressions: want ')'");
        ++w->stage;
    } else if (++w->stage >= arity(w->op)) {
        return wrong(p, p->at, "%s takes %d argument%s: want ')'", functions[w->op], arity(w->op),
                     arity(w->op) == 1 ? "" : "s");
    }
    ++p->at;
    return SX_OK;
}

static sx_status close_bracket(parser *p) {
    sx_status status = close_operators(p, 0, false);
    if (status < 0) return status;
    if (p->n == 0) return wrong(p, p->at, "a ')' without '('");
    waiting w = p->stack[p->n - 1];
    if (w.kind == WAIT_IF && w.stage != 3)
        return wrong(p, p->at,
                     w.stage == 0 ? "if: want a comparison (< <= > >= == !=) first, as in if(x > 0, x, 0)"
                                  : "if takes a comparison and two expressions: want ','");
    if (w.kind == WAIT_CALL && w.stage + 1 != arity(w.op))
        return wrong(p, p->at, "%s takes %d arguments: want ','", functions[w.op], arity(w.op));
    --p->n;
    --p->depth;
    ++p->at;
    switch (w.kind) {
    case WAIT_SUM:
        return reduce(p, EQ_SUM, 0, 1, w.at, w.length);
    case WAIT_IF:
        return reduce(p, EQ_IF, w.op, 4, w.at, w.length);
    case WAIT_CALL:
        return reduce(p, EQ_APPLY, w.op, arity(w.op), w.at, w.length);
    default:
        return SX_OK;
    }
}

static sx_status comparison(parser *p, int compare, int length) {
    sx_status status = close_operators(p, 0, false);
    if (status < 0) return status;
    waiting *w = p->n ? &p->stack[p->n - 1] : NULL;
    if (!w || w->kind != WAIT_IF || w->stage > 1)
        return wrong(p, p->at, "a comparison outside of if(comparison, a, b)");
    if (w->stage == 1) return wrong(p, p->at, "if takes one comparison; nest several: if(a < b, if(b < c, x, y), y)");
    w->stage = 1;
    w->op = compare;
    p->at += length;
    return SX_OK;
}

/* One operator, comma or end of a bracket; *operator stays set where another must follow. */
static sx_status operation(parser *p, bool *operator) {
    char buf[24], c = p->text[p->at], next = c ? p->text[p->at + 1] : '\0';
    int op = -1, length = 1;
    *operator= false;
    switch (c) {
    case '+':
        op = EQ_ADD;
        break;
    case '-':
        op = EQ_SUB;
        break;
    case '*':
        op = next == '*' ? EQ_POWER : EQ_MUL;
        length = next == '*' ? 2 : 1;
        break;
    case '/':
        op = EQ_DIV;
        break;
    case '^':
        op = EQ_POWER;
        break;
    case ',':
        return comma(p);
    case ')':
        *operator= true;
        return close_bracket(p);
    case '<':
        return comparison(p, next == '=' ? EQ_LE : EQ_LT, next == '=' ? 2 : 1);
    case '>':
        return comparison(p, next == '=' ? EQ_GE : EQ_GT, next == '=' ? 2 : 1);
    case '=':
        if (next == '=') return comparison(p, EQ_EQ, 2);
        return wrong(p, p->at, "a single '='; equality is written ==, inside if");
    case '!':
        if (next == '=') return comparison(p, EQ_NE, 2);
        break;
    case '[':
        return wrong(p, p->at, "'[' after an expression: only names have elements");
    default:
        break;
    }
    if (op < 0)
        return wrong(p, p->at, "want an operator%s, got %s%s", p->depth ? ", ',' or ')'" : " or the end", seen(p, buf),
                     is_letter(c) || is_digit(c) || c == '(' ? " (a product is written with *)" : "");
    sx_status status = close_operators(p, strength(op), op == EQ_POWER);
    if (status < 0) return status;
    status = push_waiting(p, (waiting){ .kind = WAIT_BINARY, .op = op, .at = p->at });
    p->at += length;
    return status;
}

static sx_status parse(parser *p) {
    bool operator= false;
    skip(p);
    if (!p->text[p->at]) return wrong(p, p->at, "the text is empty: want an expression");
    for (;;) {
        skip(p);
        if (!p->text[p->at] && operator) break;
        sx_status status = operator? operation(p, &operator) : operand(p, &operator);
        if (status < 0) return status;
    }
    sx_status status = close_operators(p, 0, false);
    if (status < 0) return status;
    if (p->n > 0)
        return wrong(p, p->at, "want ')' for the '(' of %s at character %d, got the end of the text",
                     name_of(p, &p->stack[p->n - 1]), (int)p->stack[p->n - 1].open + 1);
    assert(p->n_values == 1 && p->values[0] == p->tree->n - 1);
    return SX_OK;
}

sx_status sx_eq_parse(sx_ctx *ctx, const char *text, sx_eq_tree *out, sx_eq_error *error) {
    parser *p = NULL;
    sx_eq_tree tree = { .text = text };
    SX_TRY(ctx, sx_alloc(ctx, 1, sizeof *p, &p));
    p->ctx = ctx;
    p->text = text;
    p->tree = &tree;
    p->error = error;
    sx_status status;
    if (strnlen(text, EQ_TEXT_MAX + 1) > EQ_TEXT_MAX)
        status = wrong(p, EQ_TEXT_MAX, "the text is longer than %d characters", EQ_TEXT_MAX);
    else
        status = parse(p);
    sx_free(ctx, p->values);
    sx_free(ctx, p);
    if (status < 0)
        sx_eq_tree_free(ctx, &tree);
    else
        *out = tree;
    return status;
}

void sx_eq_tree_free(sx_ctx *ctx, sx_eq_tree *t) {
    sx_free(ctx, t->node);
    sx_free(ctx, t->place);
    memset(t, 0, sizeof *t);
}

static bool same_span(const sx_eq_tree *a, int32_t at, int32_t length, const sx_eq_tree *b, int32_t at_b,
                      int32_t length_b) {
    return length == length_b && memcmp(a->text + at, b->text + at_b, (size_t)length) == 0;
}

bool sx_eq_tree_equal(const sx_eq_tree *a, const sx_eq_tree *b) {
    if (a->n != b->n || a->n_places != b->n_places) return false;
    for (int32_t i = 0; i < a->n; ++i) {
        const sx_eq_tree_node *x = &a->node[i], *y = &b->node[i];
        bool named = x->kind == EQ_NAME || x->kind == EQ_ELEMENT || x->kind == EQ_SUM;
        if (x->kind != y->kind || x->op != y->op || x->n != y->n || x->value != y->value) return false;
        if (named && !same_span(a, x->at, x->length, b, y->at, y->length)) return false;
        for (int c = 0; c < (x->kind == EQ_ELEMENT ? 1 : x->n); ++c) {
            if (x->child[c] != y->child[c]) return false;
        }
    }
    for (int32_t i = 0; i < a->n_places; ++i) {
        const sx_eq_place *x = &a->place[i], *y = &b->place[i];
        if (x->n != y->n || x->shift != y->shift) return false;
        for (int k = 0; k < x->n; ++k) {
            if (x->sign[k] != y->sign[k] || !same_span(a, x->at[k], x->length[k], b, y->at[k], y->length[k]))
                return false;
        }
    }
    return true;
}
