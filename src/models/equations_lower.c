// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Names, indices and shapes: trees become nodes of the graph. A value knows which indices it depends on (at most two); sums take one
 * away. Every failure names the character and what would be right. */
#include "models/equations.h"

#include <stdarg.h>
#include <stdio.h>

enum { INDICES_MAX = 64, LINES_MAX = 4096 };

typedef enum symbol_kind {
    SYMBOL_INDEX,
    SYMBOL_TIME,
    SYMBOL_PI,
    SYMBOL_VALUE,
    SYMBOL_MATRIX,
    SYMBOL_LATER
} symbol_kind;
typedef struct symbol {
    const char *name;
    int64_t length;
    symbol_kind kind;
    int n_indices; /* of a value or matrix */
    int range[2];
    int shown[2]; /* indices as declared, for messages */
    int32_t node; /* value; pair values are in the order of their indices */
    int matrix;   /* or number of the index */
} symbol;

typedef struct lowering {
    sx_ctx *ctx;
    const sx_equations_desc *d;
    sx_eq_model *m;
    sx_equations_fault *fault;
    symbol *symbols;
    int n_symbols;
    int index_range[INDICES_MAX];
    int section, item;
    const char *left; /* of the line */
    const char *what; /* of texts beside the equations */
} lowering;

static const char *section_name(const lowering *l) {
    static const char *const names[] = { "", "index", "state", "parameters", "let", "equations", "", "equations" };
    return l->section == 6 ? l->what : names[l->section];
}

static sx_status wrong(lowering *l, int64_t position, const char *format, ...) SX_PRINTF(3, 4);
static sx_status wrong(lowering *l, int64_t position, const char *format, ...) {
    char why[1024], place[48] = "";
    va_list args;
    va_start(args, format);
    (void)vsnprintf(why, sizeof why, format, args);
    va_end(args);
    *l->fault = (sx_equations_fault){ l->section, l->item, position };
    if (position > 0) (void)snprintf(place, sizeof place, "character %lld: ", (long long)position);
    return SX_FAIL(l->ctx, SX_E_USAGE, "%s%s%.80s: %s%s", section_name(l), l->left && *l->left ? "." : "",
                   l->left ? l->left : "", place, why);
}
static void at(lowering *l, int section, int item, const char *left) {
    l->section = section;
    l->item = item;
    l->left = left;
}

/* -- symbols ------------------------------------------------------------------------------------------------------------------- */

static symbol *find(const lowering *l, const char *name, int64_t length) {
    for (int i = 0; i < l->n_symbols; ++i) {
        symbol *s = &l->symbols[i];
        if (s->length == length && memcmp(s->name, name, (size_t)length) == 0) return s;
    }
    return NULL;
}

static sx_status add_symbol(lowering *l, const char *name, int64_t length, symbol_kind kind, symbol **out) {
    bool fine = length > 0 && length <= 64;
    for (int64_t i = 0; i < length; ++i) {
        char c = name[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        fine = fine && (letter || (i > 0 && c >= '0' && c <= '9'));
    }
    if (!fine) return wrong(l, 0, "a name is 1 to 64 letters, digits and '_', not beginning with a digit");
    bool reserved = (length == 3 && memcmp(name, "sum", 3) == 0) || (length == 2 && memcmp(name, "if", 2) == 0);
    for (int op = 0; op <= EQ_POWER; ++op) {
        const char *f = sx_eq_function_name(op);
        reserved = reserved || (strlen(f) == (size_t)length && memcmp(f, name, (size_t)length) == 0);
    }
    if (reserved) return wrong(l, 0, "'%.*s' is a function; want another name", (int)length, name);
    const symbol *old = find(l, name, length);
    if (old && old->kind != SYMBOL_LATER)
        return wrong(l, 0, "the name '%.*s' is already taken%s", (int)length, name,
                     old->kind == SYMBOL_TIME ? " (it is the time)"
                     : old->kind == SYMBOL_PI ? " (it is the number)"
                                              : "");
    symbol *s = (symbol *)(uintptr_t)old;
    if (!s) s = &l->symbols[l->n_symbols++];
    *s = (symbol){ .name = name, .length = length, .kind = kind };
    *out = s;
    return SX_OK;
}

static const char *index_name(const lowering *l, int index) {
    return l->d->indices[index].name;
}
static int64_t index_size(const lowering *l, int index) {
    return l->m->range[l->index_range[index]];
}

static sx_status unknown(lowering *l, const char *name, int64_t length, int64_t position) {
    char text[80];
    const char *known[300];
    int n = 0;
    (void)snprintf(text, sizeof text, "%.*s", (int)(length < 70 ? length : 70), name);
    char *copies = NULL;
    SX_TRY(l->ctx, sx_alloc(l->ctx, 300 * 72, 1, &copies));
    for (int i = 0; i < l->n_symbols && n < 300; ++i) {
        if (l->symbols[i].kind == SYMBOL_LATER) continue;
        (void)snprintf(copies + 72 * n, 72, "%.*s", (int)l->symbols[i].length, l->symbols[i].name);
        known[n] = copies + 72 * n;
        ++n;
    }
    const char *near = sx_nearest(text, known, n);
    sx_status status =
        wrong(l, position, "unknown name '%s'%s%s%s want a state, a parameter, a definition above, an index, t or pi",
              text, near ? "; did you mean '" : ";", near ? near : "", near ? "'?" : "");
    sx_free(l->ctx, copies);
    return status;
}

static sx_status find_index(lowering *l, const char *name, int64_t length, int64_t position, int *out) {
    const symbol *s = find(l, name, length);
    if (!s || s->kind != SYMBOL_INDEX) {
        if (l->d->n_indices == 0)
            return wrong(l, position, "there is no index '%.*s': this model has none", (int)length, name);
        char list[256];
        size_t used = 0;
        for (int i = 0; i < l->d->n_indices && used < sizeof list - 70; ++i)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%.60s", i ? ", " : "", index_name(l, i));
        return wrong(l, position, "there is no index '%.*s'; the indices are %s", (int)length, name, list);
    }
    *out = s->matrix;
    return SX_OK;
}

/* -- values -------------------------------------------------------------------------------------------------------------------- */

typedef struct value {
    int32_t node;
    int n, index[2]; /* indices it depends on, ascending */
} value;

static value plain_value(const lowering *l, int32_t node, int n, int a, int b) {
    value v = { node, n, { a, b } };
    if (l->m->g.status >= 0 && l->m->g.node[node].dims == 0) v.n = 0;
    return v;
}
static int32_t as_pair(lowering *l, value v, const int index[2]) {
    int r0 = l->index_range[index[0]], r1 = l->index_range[index[1]];
    if (v.n != 1) return v.node;
    return v.index[0] == index[0] ? sx_eq_row(&l->m->g, v.node, r0, r1) : sx_eq_col(&l->m->g, v.node, r0, r1);
}

/* Indices of all operands together; three are too many. */
static sx_status unite(lowering *l, const sx_eq_tree_node *n, int count, value *in, value *out) {
    int found[8], k = 0;
    for (int i = 0; i < count; ++i) {
        for (int j = 0; j < in[i].n; ++j) {
            bool old = false;
            for (int e = 0; e < k; ++e) old = old || found[e] == in[i].index[j];
            if (!old) found[k++] = in[i].index[j];
        }
    }
    if (k > 2)
        return wrong(
            l, (int64_t)n->at + 1,
            "this depends on the indices %s, %s and %s at once: want at most two; move factors out of the inner sum",
            index_name(l, found[0]), index_name(l, found[1]), index_name(l, found[2]));
    *out = (value){ 0, k, { k > 0 ? found[0] : 0, k > 1 ? found[1] : 0 } };
    if (k == 2) {
        if (found[0] > found[1]) {
            out->index[0] = found[1];
            out->index[1] = found[0];
        }
        for (int i = 0; i < count; ++i) in[i].node = as_pair(l, in[i], out->index);
    }
    return SX_OK;
}

/* x[...] of one index */
static sx_status vector_element(lowering *l, const sx_eq_tree *t, const sx_eq_tree_node *n, const symbol *s,
                                value *out) {
    sx_eq_graph *g = &l->m->g;
    const sx_eq_place *p = &t->place[n->child[0]];
    int range = s->range[0], a, b;
    int64_t size = l->m->range[range], here = (int64_t)n->at + 1;
    if (p->n == 0) {
        if (p->shift < 0 || p->shift >= size)
            return wrong(l, here, "%.*s[%lld]: want an element from 0 to %lld", (int)s->length, s->name,
                         (long long)p->shift, (long long)size - 1);
        *out = plain_value(l, sx_eq_pick(g, s->node, p->shift), 0, 0, 0);
        return SX_OK;
    }
    SX_TRY(l->ctx, find_index(l, t->text + p->at[0], p->length[0], (int64_t)p->at[0] + 1, &a));
    if (p->n == 1) {
        if (p->sign[0] < 0)
            return wrong(l, (int64_t)p->at[0] + 1, "an index in [ ] with '-' before it needs another, as in K[i-j]");
        if (l->index_range[a] != range)
            return wrong(l, (int64_t)p->at[0] + 1,
                         "%.*s runs over %s (%lld elements), but %s over another range (%lld)", (int)s->length, s->name,
                         index_name(l, s->shown[0]), (long long)size, index_name(l, a), (long long)index_size(l, a));
        *out = plain_value(l, sx_eq_shift(g, s->node, range, p->shift), 1, a, 0);
        return SX_OK;
    }
    SX_TRY(l->ctx, find_index(l, t->text + p->at[1], p->length[1], (int64_t)p->at[1] + 1, &b));
    if (a == b) return wrong(l, (int64_t)p->at[1] + 1, "the index %s twice in one place", index_name(l, a));
    bool swap = a > b;
    int first = swap ? b : a, second = swap ? a : b;
    *out = plain_value(l,
                       sx_eq_gather(g, s->node, range, p->sign[swap], p->sign[!swap], p->shift, l->index_range[first],
                                    l->index_range[second]),
                       2, first, second);
    return SX_OK;
}

/* W[i,j], K[i,j] */
static sx_status pair_element(lowering *l, const sx_eq_tree *t, const sx_eq_tree_node *n, const symbol *s, value *out) {
    sx_eq_graph *g = &l->m->g;
    int index[2];
    for (int k = 0; k < 2; ++k) {
        const sx_eq_place *p = &t->place[n->child[0] + k];
        if (p->n != 1 || p->shift != 0 || p->sign[0] < 0)
            return wrong(l, (int64_t)n->at + 1, "%.*s has two indices: want plain ones, as in %.*s[%s,%s]",
                         (int)s->length, s->name, (int)s->length, s->name, index_name(l, s->shown[0]),
                         index_name(l, s->shown[1]));
        SX_TRY(l->ctx, find_index(l, t->text + p->at[0], p->length[0], (int64_t)p->at[0] + 1, &index[k]));
        if (l->index_range[index[k]] != s->range[k])
            return wrong(l, (int64_t)p->at[0] + 1,
                         "index %d of %.*s runs over %s (%lld elements), but %s over another range (%lld)", k + 1,
                         (int)s->length, s->name, index_name(l, s->shown[k]), (long long)l->m->range[s->range[k]],
                         index_name(l, index[k]), (long long)index_size(l, index[k]));
    }
    bool swap = index[0] > index[1];
    int32_t node;
    if (index[0] == index[1]) {
        node = s->kind == SYMBOL_MATRIX ? sx_eq_matrix_diagonal(g, s->matrix) : sx_eq_pair_diagonal(g, s->node);
        if (node < 0)
            return wrong(l, (int64_t)n->at + 1, "the diagonal of %.*s is not available", (int)s->length, s->name);
        *out = plain_value(l, node, 1, index[0], 0);
        return SX_OK;
    }
    if (s->kind == SYMBOL_MATRIX)
        node = sx_eq_matrix_node(g, s->matrix, swap);
    else
        node = swap ? sx_eq_transpose(g, s->node) : s->node;
    *out = plain_value(l, node, 2, index[swap], index[!swap]);
    return SX_OK;
}

static sx_status named(lowering *l, const sx_eq_tree *t, const sx_eq_tree_node *n, value *out) {
    const char *name = t->text + n->at;
    const symbol *s = find(l, name, n->length);
    int64_t here = (int64_t)n->at + 1;
    if (!s) return unknown(l, name, n->length, here);
    if (s->kind == SYMBOL_LATER)
        return wrong(l, here, "'%.*s' is defined further down: a definition may use only those above it",
                     (int)s->length, s->name);
    int places = n->kind == EQ_ELEMENT ? n->n : 0,
        want = s->kind == SYMBOL_VALUE || s->kind == SYMBOL_MATRIX ? s->n_indices : 0;
    if (places != want) {
        if (want == 0)
            return wrong(l, here, "'%.*s' has no index: want %.*s alone", (int)s->length, s->name, (int)s->length,
                         s->name);
        if (want == 1)
            return wrong(l, here, "'%.*s' has one index: want %.*s[%s]", (int)s->length, s->name, (int)s->length,
                         s->name, index_name(l, s->shown[0]));
        return wrong(l, here, "'%.*s' has two indices: want %.*s[%s,%s]", (int)s->length, s->name, (int)s->length,
                     s->name, index_name(l, s->shown[0]), index_name(l, s->shown[1]));
    }
    if (want == 1) return vector_element(l, t, n, s, out);
    if (want == 2) return pair_element(l, t, n, s, out);
    *out = s->kind == SYMBOL_INDEX ? plain_value(l, s->node, 1, s->matrix, 0) : plain_value(l, s->node, 0, 0, 0);
    return SX_OK;
}

/* Constants must be finite where they are used: 1/0, log(-1), exp(1000). */
static sx_status check_finite(lowering *l, const sx_eq_tree_node *n, int32_t node, const value *in, int count) {
    sx_eq_graph *g = &l->m->g;
    if (g->status < 0) return g->status;
    bool divides = n->op == EQ_DIV && count == 2;
    for (int k = 0; k < 2; ++k) {
        int32_t id = k == 0 ? node : divides ? in[1].node : node;
        const sx_eq_node *x = &g->node[id];
        if (x->op == EQ_ROW || x->op == EQ_COL) x = &g->node[x->a[0]];
        if (x->op != EQ_CONST && x->op != EQ_VECTOR) continue;
        int64_t size = x->op == EQ_VECTOR ? g->range[x->r0] : 1;
        const double *v = x->op == EQ_VECTOR ? g->vector[x->k].v : &x->value;
        for (int64_t i = 0; i < size; ++i) {
            bool zero = k == 1 && divides && v[i] == 0.0;
            if (isfinite(v[i]) && !zero) continue;
            char element[40] = "";
            if (x->op == EQ_VECTOR) (void)snprintf(element, sizeof element, " at element %lld", (long long)i);
            if (divides && (zero || isinf(v[i]))) return wrong(l, (int64_t)n->at + 1, "division by 0%s", element);
            return wrong(l, (int64_t)n->at + 1, "the constant here is %g%s: want a finite number", v[i], element);
        }
    }
    return SX_OK;
}

static sx_status apply(lowering *l, const sx_eq_tree_node *n, bool guarded, value *in, value *out) {
    sx_eq_graph *g = &l->m->g;
    SX_TRY(l->ctx, unite(l, n, n->n, in, out));
    int32_t node;
    if (n->kind == EQ_IF)
        node = sx_eq_select(g, (sx_eq_compare)n->op, in[0].node, in[1].node, in[2].node, in[3].node);
    else if (n->n == 2)
        node = sx_eq_binary(g, (sx_eq_op)n->op, in[0].node, in[1].node);
    else
        node = sx_eq_unary(g, (sx_eq_op)n->op, in[0].node);
    if (!guarded) SX_TRY(l->ctx, check_finite(l, n, node, in, n->n));
    *out = plain_value(l, node, out->n, out->index[0], out->index[1]);
    return g->status;
}

static sx_status sum(lowering *l, const sx_eq_tree *t, const sx_eq_tree_node *n, value in, value *out) {
    sx_eq_graph *g = &l->m->g;
    int over;
    SX_TRY(l->ctx, find_index(l, t->text + n->at, n->length, (int64_t)n->at + 1, &over));
    int range = l->index_range[over];
    bool first = in.n > 0 && in.index[0] == over, second = in.n > 1 && in.index[1] == over;
    if (!first && !second) {
        *out = plain_value(l, sx_eq_mul(g, sx_eq_const(g, (double)l->m->range[range]), in.node), in.n, in.index[0],
                           in.index[1]);
    } else if (in.n == 1) {
        *out = plain_value(l, sx_eq_total(g, in.node, range), 0, 0, 0);
    } else {
        int left = first ? in.index[1] : in.index[0];
        int32_t pair = first ? sx_eq_transpose(g, in.node) : in.node;
        *out = plain_value(l, sx_eq_sum(g, pair, l->index_range[left], range), 1, left, 0);
    }
    return g->status;
}

static sx_status lower_tree(lowering *l, const sx_eq_tree *t, value *out) {
    value *v = NULL;
    bool *guarded = NULL; /* under a branch of `if`: may be infinite where it is not taken */
    sx_status status;
    SX_GO(l->ctx, status, done, sx_alloc(l->ctx, t->n, sizeof *v, &v));
    SX_GO(l->ctx, status, done, sx_alloc(l->ctx, t->n, sizeof *guarded, &guarded));
    for (int32_t i = t->n - 1; i >= 0; --i) {
        const sx_eq_tree_node *n = &t->node[i];
        if (n->kind != EQ_APPLY && n->kind != EQ_IF && n->kind != EQ_SUM) continue;
        for (int c = 0; c < n->n; ++c) guarded[n->child[c]] = guarded[i] || (n->kind == EQ_IF && c >= 2);
    }
    for (int32_t i = 0; i < t->n; ++i) {
        const sx_eq_tree_node *n = &t->node[i];
        value in[4];
        if (n->kind == EQ_NUMBER) {
            v[i] = plain_value(l, sx_eq_const(&l->m->g, n->value), 0, 0, 0);
        } else if (n->kind == EQ_NAME || n->kind == EQ_ELEMENT) {
            SX_GO(l->ctx, status, done, named(l, t, n, &v[i]));
        } else {
            for (int c = 0; c < n->n; ++c) in[c] = v[n->child[c]];
            if (n->kind == EQ_SUM)
                SX_GO(l->ctx, status, done, sum(l, t, n, in[0], &v[i]));
            else
                SX_GO(l->ctx, status, done, apply(l, n, guarded[i], in, &v[i]));
        }
    }
    *out = v[t->n - 1];
    status = l->m->g.status;
done:
    sx_free(l->ctx, v);
    sx_free(l->ctx, guarded);
    return status;
}

/* Parse; a fault is of the present line. */
static sx_status parse(lowering *l, const char *text, const char *what, sx_eq_tree *out) {
    sx_eq_error error = { 0, "" };
    if (!text) return wrong(l, 0, "%s is missing", what);
    sx_status status = sx_eq_parse(l->ctx, text, out, &error);
    if (status == SX_E_USAGE) return wrong(l, error.position, "%s%s", *what ? "the name: " : "", error.why);
    return status;
}

/* The left side: name and plain indices. */
static sx_status left_side(lowering *l, const char *left, sx_eq_tree *t, int *n_indices, int index[2]) {
    SX_TRY(l->ctx, parse(l, left, "the left side", t));
    const sx_eq_tree_node *n = &t->node[t->n - 1];
    if (t->n != 1 || (n->kind != EQ_NAME && n->kind != EQ_ELEMENT))
        return wrong(l, 0, "want a name on the left, as in x or r[i]");
    *n_indices = n->kind == EQ_ELEMENT ? n->n : 0;
    for (int k = 0; k < *n_indices; ++k) {
        const sx_eq_place *p = &t->place[n->child[0] + k];
        if (p->n != 1 || p->shift != 0 || p->sign[0] < 0)
            return wrong(l, 0, "want plain indices on the left, as in r[i]");
        SX_TRY(l->ctx, find_index(l, t->text + p->at[0], p->length[0], 0, &index[k]));
    }
    if (*n_indices == 2 && index[0] == index[1]) return wrong(l, 0, "want two different indices on the left");
    return SX_OK;
}

/* A value that depends on other indices than the line has. */
static sx_status check_free(lowering *l, value v, int n, const int *index) {
    for (int k = 0; k < v.n; ++k) {
        bool known = false;
        for (int e = 0; e < n; ++e) known = known || index[e] == v.index[k];
        if (known) continue;
        if (n == 0)
            return wrong(l, 0, "depends on the index %s, but the left side has none: sum over it",
                         index_name(l, v.index[k]));
        return wrong(l, 0, "depends on the index %s, but the left side has %s%s%s: sum over it",
                     index_name(l, v.index[k]), index_name(l, index[0]), n > 1 ? " and " : "",
                     n > 1 ? index_name(l, index[1]) : "");
    }
    return SX_OK;
}

/* -- tables -------------------------------------------------------------------------------------------------------------------- */

static sx_status read_indices(lowering *l) {
    const sx_equations_desc *d = l->d;
    int n_ranges = 0;
    for (int i = 0; i < d->n_indices; ++i) {
        const sx_equations_index *x = &d->indices[i];
        symbol *s;
        at(l, 1, i, x->name ? x->name : "");
        SX_TRY(l->ctx, add_symbol(l, x->name ? x->name : "", x->name ? (int64_t)strlen(x->name) : 0, SYMBOL_INDEX, &s));
        s->matrix = i;
        if (x->same) {
            int same = -1;
            for (int k = 0; k < i; ++k) {
                if (strcmp(d->indices[k].name, x->same) == 0) same = k;
            }
            if (same < 0) return wrong(l, 0, "there is no index '%s' above it to run over", x->same);
            l->index_range[i] = l->index_range[same];
            continue;
        }
        if (x->n < 1 || x->n > INT32_MAX) return wrong(l, 0, "%lld elements: want 1 to 2^31 - 1", (long long)x->n);
        l->index_range[i] = n_ranges;
        l->m->range[n_ranges++] = x->n;
    }
    return SX_OK;
}

static sx_status read_states(lowering *l) {
    const sx_equations_desc *d = l->d;
    int64_t first = 0;
    at(l, 2, 0, "");
    if (d->n_states < 1) return wrong(l, 0, "there is no state: want at least one name");
    for (int a = 0; a < d->n_states; ++a) {
        const sx_equations_state *x = &d->states[a];
        int index = -1;
        at(l, 2, a, x->name ? x->name : "");
        if (x->index && *x->index) SX_TRY(l->ctx, find_index(l, x->index, (int64_t)strlen(x->index), 0, &index));
        l->m->array[a] =
            (sx_eq_array){ index < 0 ? -1 : l->index_range[index], index < 0 ? 1 : index_size(l, index), first };
        first += l->m->array[a].n;
    }
    l->m->n = first;
    return SX_OK;
}

/* The graph exists now: nodes of indices, states, t and pi. */
static sx_status name_states(lowering *l) {
    const sx_equations_desc *d = l->d;
    sx_eq_graph *g = &l->m->g;
    symbol *s;
    at(l, 2, 0, "");
    SX_TRY(l->ctx, add_symbol(l, "t", 1, SYMBOL_TIME, &s));
    s->node = sx_eq_time(g);
    SX_TRY(l->ctx, add_symbol(l, "pi", 2, SYMBOL_PI, &s));
    s->node = sx_eq_const(g, 0x1.921fb54442d18p+1);
    for (int i = 0; i < d->n_indices && g->status >= 0; ++i) {
        double *v = NULL;
        int64_t n = index_size(l, i);
        SX_TRY(l->ctx, sx_alloc(l->ctx, n, sizeof *v, &v));
        for (int64_t k = 0; k < n; ++k) v[k] = (double)k;
        find(l, d->indices[i].name, (int64_t)strlen(d->indices[i].name))->node =
            sx_eq_vector_new(g, l->index_range[i], v);
    }
    for (int a = 0; a < d->n_states; ++a) {
        const char *index = d->states[a].index;
        const char *name = d->states[a].name ? d->states[a].name : "";
        at(l, 2, a, name);
        SX_TRY(l->ctx, add_symbol(l, name, (int64_t)strlen(name), SYMBOL_VALUE, &s));
        s->n_indices = l->m->array[a].range >= 0;
        s->range[0] = l->m->array[a].range;
        if (s->n_indices) SX_TRY(l->ctx, find_index(l, index, (int64_t)strlen(index), 0, &s->shown[0]));
        s->node = sx_eq_state(g, a);
    }
    return g->status;
}

static sx_status read_matrix(lowering *l, const sx_equations_parameter *x, symbol *s) {
    int64_t n0 = l->m->range[s->range[0]], n1 = l->m->range[s->range[1]];
    sx_coupling *own = NULL;
    const sx_coupling *w = x->coupling;
    double *all = NULL;
    s->kind = SYMBOL_MATRIX;
    if (w) {
        if (sx_coupling_rows(w) != n0 || sx_coupling_columns(w) != n1)
            return wrong(l, 0, "%lld x %lld numbers: want %lld x %lld", (long long)sx_coupling_rows(w),
                         (long long)sx_coupling_columns(w), (long long)n0, (long long)n1);
    } else {
        int64_t size = 0;
        SX_TRY(l->ctx, sx_mul_size(l->ctx, n0, n1, &size));
        if (x->values.n != size && x->values.n != 1)
            return wrong(l, 0, "%lld numbers: want 1 or %lld x %lld", (long long)x->values.n, (long long)n0,
                         (long long)n1);
        SX_TRY(l->ctx, sx_alloc(l->ctx, size, sizeof *all, &all));
        for (int64_t i = 0; i < size; ++i) all[i] = x->values.data[x->values.n == 1 ? 0 : i];
        for (int64_t i = 0; i < size; ++i) {
            if (isfinite(all[i])) continue;
            double bad = all[i];
            sx_free(l->ctx, all);
            return wrong(l, 0, "[%lld,%lld] is %g: want finite numbers", (long long)(i / n1), (long long)(i % n1), bad);
        }
        sx_status status = sx_coupling_dense(l->ctx, n0, n1, all, &own);
        sx_free(l->ctx, all);
        SX_TRY(l->ctx, status);
        w = own;
    }
    s->matrix = sx_eq_matrix_new(&l->m->g, w, s->range[0], s->range[1]);
    sx_coupling_free(l->ctx, own);
    return l->m->g.status;
}

static sx_status read_parameter(lowering *l, const sx_equations_parameter *x) {
    sx_eq_graph *g = &l->m->g;
    symbol *s;
    int n = 0;
    const char *p = x->shape ? x->shape : "";
    SX_TRY(l->ctx, add_symbol(l, x->name ? x->name : "", x->name ? (int64_t)strlen(x->name) : 0, SYMBOL_VALUE, &s));
    while (*p) {
        size_t length = strcspn(p, ",");
        size_t blank = strspn(p, " ");
        size_t end = length;
        while (end > blank && p[end - 1] == ' ') --end;
        if (n == 2) return wrong(l, 0, "shape \"%s\": want at most two indices", x->shape);
        SX_TRY(l->ctx, find_index(l, p + blank, blank < end ? (int64_t)(end - blank) : 0, 0, &s->shown[n]));
        s->range[n] = l->index_range[s->shown[n]];
        ++n;
        p += length;
        if (*p == ',') ++p;
    }
    s->n_indices = n;
    if (n == 2) return read_matrix(l, x, s);
    if (x->coupling) return wrong(l, 0, "a coupling has two indices: want shape = \"i,j\"");
    int64_t size = n ? l->m->range[s->range[0]] : 1;
    if (x->values.n != 1 && x->values.n != size)
        return wrong(l, 0, n ? "%lld numbers: want 1 or %lld" : "%lld numbers: want %lld, or a shape such as \"i\"",
                     (long long)x->values.n, (long long)size);
    for (int64_t i = 0; i < x->values.n; ++i) {
        if (!isfinite(x->values.data[i]))
            return wrong(l, 0, "number %lld is %g: want finite numbers", (long long)i, x->values.data[i]);
    }
    if (n == 0 || x->values.n == 1) {
        s->node = sx_eq_const(g, x->values.data[0]);
        return g->status;
    }
    double *v = NULL;
    SX_TRY(l->ctx, sx_alloc(l->ctx, size, sizeof *v, &v));
    memcpy(v, x->values.data, (size_t)size * sizeof *v);
    s->node = sx_eq_vector_new(g, s->range[0], v);
    return g->status;
}

static sx_status read_definition(lowering *l, const sx_equations_text *x, sx_eq_tree *tree) {
    sx_eq_tree left = { 0 };
    int n, index[2] = { 0, 0 };
    value v;
    sx_status status;
    const sx_eq_tree_node *name = NULL;
    SX_GO(l->ctx, status, done, left_side(l, x->left, &left, &n, index));
    name = &left.node[0];
    SX_GO(l->ctx, status, done, parse(l, x->text, "", tree));
    SX_GO(l->ctx, status, done, lower_tree(l, tree, &v));
    SX_GO(l->ctx, status, done, check_free(l, v, n, index));
    symbol *s;
    SX_GO(l->ctx, status, done, add_symbol(l, x->left + name->at, name->length, SYMBOL_VALUE, &s));
    s->n_indices = n;
    for (int k = 0; k < n; ++k) {
        s->shown[k] = index[k];
        s->range[k] = l->index_range[index[k]];
    }
    s->node = v.node;
    if (n == 2) {
        bool swap = index[0] > index[1];
        const int sorted[2] = { index[swap], index[!swap] };
        s->node = as_pair(l, v, sorted);
        if (swap) s->node = sx_eq_transpose(&l->m->g, s->node);
    }
    status = l->m->g.status;
done:
    sx_eq_tree_free(l->ctx, &left);
    return status;
}

/* Names of definitions further down, for the message. */
static sx_status announce(lowering *l) {
    for (int i = 0; i < l->d->n_definitions; ++i) {
        const char *left = l->d->definitions[i].left;
        size_t length = left ? strcspn(left, "[ ") : 0;
        if (length == 0 || find(l, left, (int64_t)length)) continue;
        l->symbols[l->n_symbols++] = (symbol){ .name = left, .length = (int64_t)length, .kind = SYMBOL_LATER };
    }
    return SX_OK;
}

/* Equations (or noise), each for one state. */
static sx_status read_equations(lowering *l, int section, int n, const sx_equations_text *lines, sx_eq_tree *trees) {
    const sx_equations_desc *d = l->d;
    for (int i = 0; i < n; ++i) {
        sx_eq_tree left = { 0 };
        int count = 0, index[2] = { 0, 0 }, own[1], a = 0;
        value v;
        sx_status status;
        at(l, section, i, lines[i].left ? lines[i].left : "");
        SX_GO(l->ctx, status, next, left_side(l, lines[i].left, &left, &count, index));
        for (a = 0; a < d->n_states; ++a) {
            if (strlen(d->states[a].name) == (size_t)left.node[0].length &&
                memcmp(d->states[a].name, lines[i].left + left.node[0].at, (size_t)left.node[0].length) == 0)
                break;
        }
        if (a == d->n_states) {
            char list[256];
            size_t used = 0;
            for (int k = 0; k < d->n_states && used < sizeof list - 70; ++k)
                used += (size_t)snprintf(list + used, sizeof list - used, "%s%.60s", k ? ", " : "", d->states[k].name);
            status = wrong(l, 0, "there is no state '%.*s'; the states are %s", (int)left.node[0].length,
                           lines[i].left + left.node[0].at, list);
            goto next;
        }
        if (l->m->F[a] >= 0) {
            status = wrong(l, 0, "a second line for the state %s", d->states[a].name);
            goto next;
        }
        bool array = l->m->array[a].range >= 0;
        const symbol *s = find(l, d->states[a].name, (int64_t)strlen(d->states[a].name));
        own[0] = array ? s->shown[0] : 0;
        if (count > array || (count == 1 && index[0] != own[0])) {
            status = wrong(l, 0, "want %s%s%s%s on the left", d->states[a].name, array ? "[" : "",
                           array ? index_name(l, own[0]) : "", array ? "]" : "");
            goto next;
        }
        SX_GO(l->ctx, status, next, parse(l, lines[i].text, "", &trees[a]));
        SX_GO(l->ctx, status, next, lower_tree(l, &trees[a], &v));
        SX_GO(l->ctx, status, next, check_free(l, v, array, own));
        l->m->F[a] = v.node;
    next:
        sx_eq_tree_free(l->ctx, &left);
        if (status < 0) return status;
    }
    for (int a = 0; a < d->n_states; ++a) {
        at(l, section == 6 ? 6 : 7, a, "");
        if (l->m->F[a] < 0) return wrong(l, 0, "there is no line for the state %s", d->states[a].name);
    }
    return SX_OK;
}

/* -- the normal form ----------------------------------------------------------------------------------------------------------- */

static void print_left(lowering *l, sx_eq_buffer *out, const char *left, bool latex) {
    sx_eq_tree t = { 0 };
    sx_eq_error error;
    if (sx_eq_parse(l->ctx, left, &t, &error) < 0) return;
    if (out->status >= 0) (void)sx_eq_print(l->ctx, &t, latex, out);
    sx_eq_tree_free(l->ctx, &t);
}

static sx_status print_all(lowering *l, bool latex, char **out) {
    const sx_equations_desc *d = l->d;
    sx_eq_buffer t = { 0 };
    char left[160];
    for (int i = 0; i < d->n_definitions && t.status >= 0; ++i) {
        print_left(l, &t, d->definitions[i].left, latex);
        sx_eq_put(l->ctx, &t, " = ", 3);
        (void)sx_eq_print(l->ctx, &l->m->let[i], latex, &t);
        sx_eq_put(l->ctx, &t, "\n", 1);
    }
    for (int a = 0; a < d->n_states && t.status >= 0; ++a) {
        bool array = l->m->array[a].range >= 0;
        (void)snprintf(left, sizeof left, "%s%s%s%s", d->states[a].name, array ? "[" : "",
                       array ? d->states[a].index : "", array ? "]" : "");
        if (latex && d->time == 0) sx_eq_put(l->ctx, &t, "\\frac{d}{dt} ", -1);
        print_left(l, &t, left, latex);
        sx_eq_put(l->ctx, &t, d->time == 1 ? (latex ? " \\leftarrow " : " <- ") : latex ? " = " : "' = ", -1);
        (void)sx_eq_print(l->ctx, &l->m->eq[a], latex, &t);
        sx_eq_put(l->ctx, &t, "\n", 1);
    }
    if (t.status < 0) {
        sx_free(l->ctx, t.p);
        return t.status;
    }
    *out = t.p;
    return SX_OK;
}

/* -- all of it ----------------------------------------------------------------------------------------------------------------- */

static sx_status check_desc(lowering *l) {
    const sx_equations_desc *d = l->d;
    at(l, 0, 0, NULL);
    if (!d || d->struct_size != sizeof *d)
        return SX_FAIL(l->ctx, SX_E_USAGE, "equations: want a description initialised with SX_EQUATIONS_DESC");
    if (d->time < 0 || d->time > 1)
        return SX_FAIL(l->ctx, SX_E_USAGE, "time = %d: want 0 (continuous) or 1 (discrete)", d->time);
    if (d->boundary < 0 || d->boundary > 2)
        return SX_FAIL(l->ctx, SX_E_USAGE, "boundary = %d: want 0 (cyclic), 1 (zero) or 2 (copy)", d->boundary);
    if (d->n_indices > INDICES_MAX || d->n_states > LINES_MAX || d->n_parameters > LINES_MAX ||
        d->n_definitions > LINES_MAX)
        return SX_FAIL(l->ctx, SX_E_USAGE,
                       "at most %d indices, and %d states, parameters and definitions fit in one model", INDICES_MAX,
                       LINES_MAX);
    return SX_OK;
}

static sx_status lower_all(lowering *l, int n_texts, const sx_equations_text *texts) {
    const sx_equations_desc *d = l->d;
    sx_eq_model *m = l->m;
    sx_ctx *ctx = l->ctx;
    SX_TRY(ctx, check_desc(l));
    SX_TRY(ctx, sx_alloc(ctx, 2 + (int64_t)d->n_indices + d->n_states + d->n_parameters + 2 * (int64_t)d->n_definitions,
                         sizeof *l->symbols, &l->symbols));
    SX_TRY(ctx, sx_alloc(ctx, d->n_indices + 1, sizeof *m->range, &m->range));
    SX_TRY(ctx, sx_alloc(ctx, d->n_states, sizeof *m->array, &m->array));
    SX_TRY(ctx, sx_alloc(ctx, d->n_states, sizeof *m->F, &m->F));
    SX_TRY(ctx, sx_alloc(ctx, d->n_definitions, sizeof *m->let, &m->let));
    SX_TRY(ctx, sx_alloc(ctx, d->n_states, sizeof *m->eq, &m->eq));
    m->n_arrays = d->n_states;
    m->n_let = d->n_definitions;
    for (int a = 0; a < d->n_states; ++a) m->F[a] = -1;
    SX_TRY(ctx, read_indices(l));
    SX_TRY(ctx, read_states(l));
    SX_TRY(ctx, sx_eq_graph_init(ctx, d->boundary, d->n_indices, m->range, d->n_states, m->array, &m->g));
    SX_TRY(ctx, name_states(l));
    for (int i = 0; i < d->n_parameters; ++i) {
        at(l, 3, i, d->parameters[i].name ? d->parameters[i].name : "");
        SX_TRY(ctx, read_parameter(l, &d->parameters[i]));
    }
    SX_TRY(ctx, announce(l));
    for (int i = 0; i < d->n_definitions; ++i) {
        at(l, 4, i, d->definitions[i].left ? d->definitions[i].left : "");
        SX_TRY(ctx, read_definition(l, &d->definitions[i], &m->let[i]));
    }
    if (n_texts) return read_equations(l, 6, n_texts, texts, m->eq);
    SX_TRY(ctx, read_equations(l, 5, d->n_equations, d->equations, m->eq));
    SX_TRY(ctx, print_all(l, false, &m->text));
    return print_all(l, true, &m->latex);
}

sx_status sx_eq_lower(sx_ctx *ctx, const sx_equations_desc *d, const char *what, int n, const sx_equations_text *texts,
                      sx_eq_model *m, sx_equations_fault *fault) {
    sx_equations_fault unused;
    lowering l = { .ctx = ctx, .d = d, .m = m, .fault = fault ? fault : &unused, .what = what };
    *l.fault = (sx_equations_fault){ 0, 0, 0 };
    memset(m, 0, sizeof *m);
    sx_status status = lower_all(&l, n, texts);
    if (status == SX_E_USAGE && l.fault->section == 0 && l.section > 0) { /* from the graph: say which line */
        *l.fault = (sx_equations_fault){ l.section, l.item, 0 };
        (void)sx_fail_prefix(ctx, "%s.%.80s", section_name(&l), l.left ? l.left : "");
    }
    sx_free(ctx, l.symbols);
    if (status < 0) sx_eq_model_clear(ctx, m);
    return status;
}

void sx_eq_model_clear(sx_ctx *ctx, sx_eq_model *m) {
    for (int i = 0; m->eq && i < m->n_arrays; ++i) sx_eq_tree_free(ctx, &m->eq[i]);
    for (int i = 0; m->let && i < m->n_let; ++i) sx_eq_tree_free(ctx, &m->let[i]);
    if (m->g.ctx) m->g.ctx = ctx; /* any context of the family may free */
    sx_eq_graph_free(&m->g);
    sx_free(ctx, m->range);
    sx_free(ctx, m->array);
    sx_free(ctx, m->F);
    sx_free(ctx, m->let);
    sx_free(ctx, m->eq);
    sx_free(ctx, m->text);
    sx_free(ctx, m->latex);
    memset(m, 0, sizeof *m);
}
