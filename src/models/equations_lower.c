// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Names, indices and shapes: trees become nodes of the graph. A value knows which indices it depends on (at most two); sums take one
 * away. Every failure names the character and what would be right. */
#include "models/equations_lower.h"

#include <stdarg.h>
#include <stdio.h>

const char *sx_eq_section_name(const sx_eq_lowering *l) {
    static const char *const names[] = { "", "index",     "state",     "parameters", "let", "equations",
                                         "", "equations", "potential", "metric",     "flow" };
    return l->section == 6 ? l->what : names[l->section];
}

sx_status sx_eq_wrong(sx_eq_lowering *l, int64_t position, const char *format, ...) {
    char why[1024], place[48] = "";
    va_list args;
    va_start(args, format);
    (void)vsnprintf(why, sizeof why, format, args);
    va_end(args);
    *l->fault = (sx_equations_fault){ l->section, l->item, position };
    if (position > 0) (void)snprintf(place, sizeof place, "character %lld: ", (long long)position);
    return SX_FAIL(l->ctx, SX_E_USAGE, "%s%s%.80s: %s%s", sx_eq_section_name(l), l->left && *l->left ? "." : "",
                   l->left ? l->left : "", place, why);
}
void sx_eq_at(sx_eq_lowering *l, int section, int item, const char *left) {
    l->section = section;
    l->item = item;
    l->left = left;
}

/* -- symbols ------------------------------------------------------------------------------------------------------------------- */

sx_eq_symbol *sx_eq_find(const sx_eq_lowering *l, const char *name, int64_t length) {
    for (int i = 0; i < l->n_symbols; ++i) {
        sx_eq_symbol *s = &l->symbols[i];
        if (s->length == length && memcmp(s->name, name, (size_t)length) == 0) return s;
    }
    return NULL;
}

sx_status sx_eq_add_symbol(sx_eq_lowering *l, const char *name, int64_t length, sx_eq_symbol_kind kind,
                           sx_eq_symbol **out) {
    bool fine = length > 0 && length <= 64;
    for (int64_t i = 0; i < length; ++i) {
        char c = name[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        fine = fine && (letter || (i > 0 && c >= '0' && c <= '9'));
    }
    if (!fine) return sx_eq_wrong(l, 0, "a name is 1 to 64 letters, digits and '_', not beginning with a digit");
    bool reserved = (length == 3 && memcmp(name, "sum", 3) == 0) || (length == 2 && memcmp(name, "if", 2) == 0);
    for (int op = 0; op <= EQ_POWER; ++op) {
        const char *f = sx_eq_function_name(op);
        reserved = reserved || (strlen(f) == (size_t)length && memcmp(f, name, (size_t)length) == 0);
    }
    if (reserved) return sx_eq_wrong(l, 0, "'%.*s' is a function; want another name", (int)length, name);
    const sx_eq_symbol *old = sx_eq_find(l, name, length);
    if (old && old->kind != SYMBOL_LATER)
        return sx_eq_wrong(l, 0, "the name '%.*s' is already taken%s", (int)length, name,
                           old->kind == SYMBOL_TIME ? " (it is the time)"
                           : old->kind == SYMBOL_PI ? " (it is the number)"
                                                    : "");
    sx_eq_symbol *s = (sx_eq_symbol *)(uintptr_t)old;
    if (!s) s = &l->symbols[l->n_symbols++];
    *s = (sx_eq_symbol){ .name = name, .length = length, .kind = kind };
    *out = s;
    return SX_OK;
}

const char *sx_eq_index_name(const sx_eq_lowering *l, int index) {
    return l->d->indices[index].name;
}
int64_t sx_eq_index_size(const sx_eq_lowering *l, int index) {
    return l->m->range[l->index_range[index]];
}

static sx_status unknown(sx_eq_lowering *l, const char *name, int64_t length, int64_t position) {
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
    sx_status status = sx_eq_wrong(
        l, position, "unknown name '%s'%s%s%s want a state, a parameter, a definition above, an index, t or pi", text,
        near ? "; did you mean '" : ";", near ? near : "", near ? "'?" : "");
    sx_free(l->ctx, copies);
    return status;
}

sx_status sx_eq_find_index(sx_eq_lowering *l, const char *name, int64_t length, int64_t position, int *out) {
    const sx_eq_symbol *s = sx_eq_find(l, name, length);
    if (!s || s->kind != SYMBOL_INDEX) {
        if (l->d->n_indices == 0)
            return sx_eq_wrong(l, position, "there is no index '%.*s': this model has none", (int)length, name);
        char list[256];
        size_t used = 0;
        for (int i = 0; i < l->d->n_indices && used < sizeof list - 70; ++i)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%.60s", i ? ", " : "", sx_eq_index_name(l, i));
        return sx_eq_wrong(l, position, "there is no index '%.*s'; the indices are %s", (int)length, name, list);
    }
    *out = s->matrix;
    return SX_OK;
}

/* -- values -------------------------------------------------------------------------------------------------------------------- */

static sx_eq_value plain_value(const sx_eq_lowering *l, int32_t node, int n, int a, int b) {
    sx_eq_value v = { node, n, { a, b } };
    if (l->m->g.status >= 0 && l->m->g.node[node].dims == 0) v.n = 0;
    return v;
}
int32_t sx_eq_as_pair(sx_eq_lowering *l, sx_eq_value v, const int index[2]) {
    int r0 = l->index_range[index[0]], r1 = l->index_range[index[1]];
    if (v.n != 1) return v.node;
    return v.index[0] == index[0] ? sx_eq_row(&l->m->g, v.node, r0, r1) : sx_eq_col(&l->m->g, v.node, r0, r1);
}

/* Indices of all operands together; three are too many. */
static sx_status unite(sx_eq_lowering *l, const sx_eq_tree_node *n, int count, sx_eq_value *in, sx_eq_value *out) {
    int found[8], k = 0;
    for (int i = 0; i < count; ++i) {
        for (int j = 0; j < in[i].n; ++j) {
            bool old = false;
            for (int e = 0; e < k; ++e) old = old || found[e] == in[i].index[j];
            if (!old) found[k++] = in[i].index[j];
        }
    }
    if (k > 2)
        return sx_eq_wrong(
            l, (int64_t)n->at + 1,
            "this depends on the indices %s, %s and %s at once: want at most two; move factors out of the inner sum",
            sx_eq_index_name(l, found[0]), sx_eq_index_name(l, found[1]), sx_eq_index_name(l, found[2]));
    *out = (sx_eq_value){ 0, k, { k > 0 ? found[0] : 0, k > 1 ? found[1] : 0 } };
    if (k == 2) {
        if (found[0] > found[1]) {
            out->index[0] = found[1];
            out->index[1] = found[0];
        }
        for (int i = 0; i < count; ++i) in[i].node = sx_eq_as_pair(l, in[i], out->index);
    }
    return SX_OK;
}

/* x[...] of one index */
static sx_status vector_element(sx_eq_lowering *l, const sx_eq_tree *t, const sx_eq_tree_node *n, const sx_eq_symbol *s,
                                sx_eq_value *out) {
    sx_eq_graph *g = &l->m->g;
    const sx_eq_place *p = &t->place[n->child[0]];
    int range = s->range[0], a, b;
    int64_t size = l->m->range[range], here = (int64_t)n->at + 1;
    if (p->n == 0) {
        if (p->shift < 0 || p->shift >= size)
            return sx_eq_wrong(l, here, "%.*s[%lld]: want an element from 0 to %lld", (int)s->length, s->name,
                               (long long)p->shift, (long long)size - 1);
        *out = plain_value(l, sx_eq_pick(g, s->node, p->shift), 0, 0, 0);
        return SX_OK;
    }
    SX_TRY(l->ctx, sx_eq_find_index(l, t->text + p->at[0], p->length[0], (int64_t)p->at[0] + 1, &a));
    if (p->n == 1) {
        if (p->sign[0] < 0)
            return sx_eq_wrong(l, (int64_t)p->at[0] + 1,
                               "an index in [ ] with '-' before it needs another, as in K[i-j]");
        if (l->index_range[a] != range)
            return sx_eq_wrong(l, (int64_t)p->at[0] + 1,
                               "%.*s runs over %s (%lld elements), but %s over another range (%lld)", (int)s->length,
                               s->name, sx_eq_index_name(l, s->shown[0]), (long long)size, sx_eq_index_name(l, a),
                               (long long)sx_eq_index_size(l, a));
        *out = plain_value(l, sx_eq_shift(g, s->node, range, p->shift), 1, a, 0);
        return SX_OK;
    }
    SX_TRY(l->ctx, sx_eq_find_index(l, t->text + p->at[1], p->length[1], (int64_t)p->at[1] + 1, &b));
    if (a == b) return sx_eq_wrong(l, (int64_t)p->at[1] + 1, "the index %s twice in one place", sx_eq_index_name(l, a));
    bool swap = a > b;
    int first = swap ? b : a, second = swap ? a : b;
    *out = plain_value(l,
                       sx_eq_gather(g, s->node, range, p->sign[swap], p->sign[!swap], p->shift, l->index_range[first],
                                    l->index_range[second]),
                       2, first, second);
    return SX_OK;
}

/* W[i,j], K[i,j] */
static sx_status pair_element(sx_eq_lowering *l, const sx_eq_tree *t, const sx_eq_tree_node *n, const sx_eq_symbol *s,
                              sx_eq_value *out) {
    sx_eq_graph *g = &l->m->g;
    int index[2];
    for (int k = 0; k < 2; ++k) {
        const sx_eq_place *p = &t->place[n->child[0] + k];
        if (p->n != 1 || p->shift != 0 || p->sign[0] < 0)
            return sx_eq_wrong(l, (int64_t)n->at + 1, "%.*s has two indices: want plain ones, as in %.*s[%s,%s]",
                               (int)s->length, s->name, (int)s->length, s->name, sx_eq_index_name(l, s->shown[0]),
                               sx_eq_index_name(l, s->shown[1]));
        SX_TRY(l->ctx, sx_eq_find_index(l, t->text + p->at[0], p->length[0], (int64_t)p->at[0] + 1, &index[k]));
        if (l->index_range[index[k]] != s->range[k])
            return sx_eq_wrong(l, (int64_t)p->at[0] + 1,
                               "index %d of %.*s runs over %s (%lld elements), but %s over another range (%lld)", k + 1,
                               (int)s->length, s->name, sx_eq_index_name(l, s->shown[k]),
                               (long long)l->m->range[s->range[k]], sx_eq_index_name(l, index[k]),
                               (long long)sx_eq_index_size(l, index[k]));
    }
    bool swap = index[0] > index[1];
    int32_t node;
    if (index[0] == index[1]) {
        node = s->kind == SYMBOL_MATRIX ? sx_eq_matrix_diagonal(g, s->matrix) : sx_eq_pair_diagonal(g, s->node);
        if (node < 0)
            return sx_eq_wrong(l, (int64_t)n->at + 1, "the diagonal of %.*s is not available", (int)s->length, s->name);
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

static sx_status named(sx_eq_lowering *l, const sx_eq_tree *t, const sx_eq_tree_node *n, sx_eq_value *out) {
    const char *name = t->text + n->at;
    const sx_eq_symbol *s = sx_eq_find(l, name, n->length);
    int64_t here = (int64_t)n->at + 1;
    if (!s) return unknown(l, name, n->length, here);
    if (s->kind == SYMBOL_LATER)
        return sx_eq_wrong(l, here, "'%.*s' is defined further down: a definition may use only those above it",
                           (int)s->length, s->name);
    int places = n->kind == EQ_ELEMENT ? n->n : 0,
        want = s->kind == SYMBOL_VALUE || s->kind == SYMBOL_MATRIX ? s->n_indices : 0;
    if (places != want) {
        if (want == 0)
            return sx_eq_wrong(l, here, "'%.*s' has no index: want %.*s alone", (int)s->length, s->name, (int)s->length,
                               s->name);
        if (want == 1)
            return sx_eq_wrong(l, here, "'%.*s' has one index: want %.*s[%s]", (int)s->length, s->name, (int)s->length,
                               s->name, sx_eq_index_name(l, s->shown[0]));
        return sx_eq_wrong(l, here, "'%.*s' has two indices: want %.*s[%s,%s]", (int)s->length, s->name, (int)s->length,
                           s->name, sx_eq_index_name(l, s->shown[0]), sx_eq_index_name(l, s->shown[1]));
    }
    if (want == 1) return vector_element(l, t, n, s, out);
    if (want == 2) return pair_element(l, t, n, s, out);
    *out = s->kind == SYMBOL_INDEX ? plain_value(l, s->node, 1, s->matrix, 0) : plain_value(l, s->node, 0, 0, 0);
    return SX_OK;
}

/* Constants must be finite where they are used: 1/0, log(-1), exp(1000). */
static sx_status check_finite(sx_eq_lowering *l, const sx_eq_tree_node *n, int32_t node, const sx_eq_value *in,
                              int count) {
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
            if (divides && (zero || isinf(v[i]))) return sx_eq_wrong(l, (int64_t)n->at + 1, "division by 0%s", element);
            return sx_eq_wrong(l, (int64_t)n->at + 1, "the constant here is %g%s: want a finite number", v[i], element);
        }
    }
    return SX_OK;
}

static sx_status apply(sx_eq_lowering *l, const sx_eq_tree_node *n, bool guarded, sx_eq_value *in, sx_eq_value *out) {
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

static sx_status sum(sx_eq_lowering *l, const sx_eq_tree *t, const sx_eq_tree_node *n, sx_eq_value in,
                     sx_eq_value *out) {
    sx_eq_graph *g = &l->m->g;
    int over;
    SX_TRY(l->ctx, sx_eq_find_index(l, t->text + n->at, n->length, (int64_t)n->at + 1, &over));
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

sx_status sx_eq_lower_tree(sx_eq_lowering *l, const sx_eq_tree *t, sx_eq_value *out) {
    sx_eq_value *v = NULL;
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
        sx_eq_value in[4];
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
sx_status sx_eq_parse_line(sx_eq_lowering *l, const char *text, const char *what, sx_eq_tree *out) {
    sx_eq_error error = { 0, "" };
    if (!text) return sx_eq_wrong(l, 0, "%s is missing", what);
    sx_status status = sx_eq_parse(l->ctx, text, out, &error);
    if (status == SX_E_USAGE) return sx_eq_wrong(l, error.position, "%s%s", *what ? "the name: " : "", error.why);
    return status;
}

/* The left side: name and plain indices. */
sx_status sx_eq_left_side(sx_eq_lowering *l, const char *left, sx_eq_tree *t, int *n_indices, int index[2]) {
    SX_TRY(l->ctx, sx_eq_parse_line(l, left, "the left side", t));
    const sx_eq_tree_node *n = &t->node[t->n - 1];
    if (t->n != 1 || (n->kind != EQ_NAME && n->kind != EQ_ELEMENT))
        return sx_eq_wrong(l, 0, "want a name on the left, as in x or r[i]");
    *n_indices = n->kind == EQ_ELEMENT ? n->n : 0;
    for (int k = 0; k < *n_indices; ++k) {
        const sx_eq_place *p = &t->place[n->child[0] + k];
        if (p->n != 1 || p->shift != 0 || p->sign[0] < 0)
            return sx_eq_wrong(l, 0, "want plain indices on the left, as in r[i]");
        SX_TRY(l->ctx, sx_eq_find_index(l, t->text + p->at[0], p->length[0], 0, &index[k]));
    }
    if (*n_indices == 2 && index[0] == index[1]) return sx_eq_wrong(l, 0, "want two different indices on the left");
    return SX_OK;
}

/* A sx_eq_value that depends on other indices than the line has. */
sx_status sx_eq_check_free(sx_eq_lowering *l, sx_eq_value v, int n, const int *index) {
    for (int k = 0; k < v.n; ++k) {
        bool known = false;
        for (int e = 0; e < n; ++e) known = known || index[e] == v.index[k];
        if (known) continue;
        if (n == 0)
            return sx_eq_wrong(l, 0, "depends on the index %s, but the left side has none: sum over it",
                               sx_eq_index_name(l, v.index[k]));
        return sx_eq_wrong(l, 0, "depends on the index %s, but the left side has %s%s%s: sum over it",
                           sx_eq_index_name(l, v.index[k]), sx_eq_index_name(l, index[0]), n > 1 ? " and " : "",
                           n > 1 ? sx_eq_index_name(l, index[1]) : "");
    }
    return SX_OK;
}
