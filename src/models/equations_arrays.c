// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Nodes that look across elements: products, sums, shifts, single elements, pair arrays. What is constant is worked out at once. */
#include "models/equations.h"

/* W v for numbers. */
static int32_t product_of_numbers(sx_eq_graph *g, int matrix, bool transposed, const double *v) {
    const sx_eq_matrix *m = &g->matrix[matrix];
    int in = transposed ? m->r0 : m->r1, out = transposed ? m->r1 : m->r0;
    double *y = sx_eq_numbers_new(g, g->range[out]), *scratch = NULL;
    int64_t need = sx_coupling_work(m->w, 1);
    if (g->status >= 0) g->status = sx_alloc(g->ctx, need, sizeof *scratch, &scratch);
    if (g->status < 0) {
        sx_free(g->ctx, y);
        return 0;
    }
    sx_work w = { scratch, need, NULL, 0 };
    sx_coupling_apply(m->w, transposed, 1.0, sx_view(v, g->range[in], 1), 0.0, (sx_batch){ y, g->range[out], 1 }, w);
    sx_free(g->ctx, scratch);
    return sx_eq_vector_new(g, out, y);
}
static int32_t matrix_sums(sx_eq_graph *g, int matrix, bool transposed) {
    sx_eq_matrix *m = &g->matrix[matrix];
    int *kept = transposed ? &m->column_sums : &m->row_sums;
    if (*kept >= 0) return *kept;
    int64_t n = g->range[transposed ? m->r0 : m->r1];
    double *ones = sx_eq_numbers_new(g, n);
    if (!ones) return 0;
    for (int64_t i = 0; i < n; ++i) ones[i] = 1.0;
    int32_t v = product_of_numbers(g, matrix, transposed, ones);
    sx_free(g->ctx, ones);
    *kept = v;
    return v;
}

/* -- arrays ------------------------------------------------------------------------------------------------------------------ */

int64_t sx_eq_wrap(int boundary, int64_t m, int64_t n) {
    if (m >= 0 && m < n) return m;
    if (boundary == 1) return -1;
    if (boundary == 2) return m < 0 ? 0 : n - 1;
    m %= n;
    return m < 0 ? m + n : m;
}

static int32_t pair_of(sx_eq_graph *g, sx_eq_op op, int32_t v, int r0, int r1) {
    if (g->status < 0) return 0;
    if (g->node[v].dims == 0) return v;
    sx_eq_node n = sx_eq_blank(op, 2, r0, r1);
    n.a[0] = v;
    return sx_eq_intern(g, n);
}
int32_t sx_eq_row(sx_eq_graph *g, int32_t v, int r0, int r1) {
    return pair_of(g, EQ_ROW, v, r0, r1);
}
int32_t sx_eq_col(sx_eq_graph *g, int32_t v, int r0, int r1) {
    return pair_of(g, EQ_COL, v, r0, r1);
}

/* A vector of ones where f of the element is inside, for arrays that are a number. */
static int32_t counted(sx_eq_graph *g, int range, int64_t n_from, int64_t n_inner, int s0, int s1, int64_t shift,
                       bool targets) {
    double *v = sx_eq_numbers_new(g, g->range[range]);
    if (!v) return 0;
    for (int64_t i = 0; i < n_from; ++i) {
        for (int64_t j = 0; j < n_inner; ++j) {
            int64_t m = sx_eq_wrap(g->boundary, s0 * i + s1 * j + shift, g->range[range]);
            if (m >= 0) v[targets ? m : i] += 1.0;
        }
    }
    return sx_eq_vector_new(g, range, v);
}

int32_t sx_eq_gather(sx_eq_graph *g, int32_t v, int range, int s0, int s1, int64_t shift, int r0, int r1) {
    if (g->status < 0) return 0;
    sx_eq_node n = sx_eq_blank(EQ_GATHER, 2, r0, r1);
    if (g->node[v].dims == 0) {
        if (g->boundary != 1 || sx_eq_is(g, v, 0.0)) return v;
        double *ones = sx_eq_numbers_new(g, g->range[range]);
        if (!ones) return 0;
        for (int64_t i = 0; i < g->range[range]; ++i) ones[i] = 1.0;
        return sx_eq_mul(g, v, sx_eq_gather(g, sx_eq_vector_new(g, range, ones), range, s0, s1, shift, r0, r1));
    }
    n.s0 = (int8_t)s0;
    n.s1 = (int8_t)s1;
    n.shift = shift;
    n.a[0] = v;
    return sx_eq_intern(g, n);
}

int32_t sx_eq_shift(sx_eq_graph *g, int32_t v, int range, int64_t shift) {
    if (g->status < 0) return 0;
    int64_t n = g->range[range];
    if (g->boundary == 0) {
        if (g->node[v].op == EQ_SHIFT) {
            shift += g->node[v].shift;
            v = g->node[v].a[0];
        }
        shift = sx_eq_wrap(0, shift, n);
        if (shift > n / 2) shift -= n;
    }
    if (shift == 0) return v;
    if (g->node[v].dims == 0)
        return g->boundary != 1 || sx_eq_is(g, v, 0.0) ? v
                                                       : sx_eq_mul(g, v, counted(g, range, n, 1, 1, 0, shift, false));
    sx_eq_node s = sx_eq_blank(EQ_SHIFT, 1, range, -1);
    s.a[0] = v;
    s.shift = shift;
    if (g->node[v].op != EQ_VECTOR) return sx_eq_intern(g, s);
    int32_t id = sx_eq_intern(g, s);
    if (g->status < 0 || g->node[id].folded >= 0) return g->status < 0 ? 0 : g->node[id].folded;
    double *y = sx_eq_numbers_new(g, n);
    for (int64_t i = 0; y && i < n; ++i) {
        int64_t m = sx_eq_wrap(g->boundary, i + shift, n);
        y[i] = m < 0 ? 0.0 : sx_eq_numbers(g, v)[m];
    }
    int32_t out = y ? sx_eq_vector_new(g, range, y) : 0;
    g->node[id].folded = out;
    return out;
}

/* The adjoint of a shift: back, but ends that were copied add up. */
int32_t sx_eq_unshift(sx_eq_graph *g, int32_t v, int range, int64_t shift) {
    if (g->boundary != 2 || g->status < 0) return sx_eq_shift(g, v, range, -shift);
    if (g->node[v].dims == 0)
        return sx_eq_is(g, v, 0.0) ? v : sx_eq_mul(g, v, counted(g, range, g->range[range], 1, 1, 0, shift, true));
    sx_eq_node s = sx_eq_blank(EQ_UNSHIFT, 1, range, -1);
    s.a[0] = v;
    s.shift = shift;
    return sx_eq_intern(g, s);
}

int32_t sx_eq_pick(sx_eq_graph *g, int32_t v, int64_t k) {
    if (g->status < 0 || g->node[v].dims == 0) return g->status < 0 ? 0 : v;
    if (g->node[v].op == EQ_VECTOR) return sx_eq_const(g, sx_eq_numbers(g, v)[k]);
    sx_eq_node n = sx_eq_blank(EQ_PICK, 0, -1, -1);
    n.a[0] = v;
    n.shift = k;
    return sx_eq_intern(g, n);
}
int32_t sx_eq_place_at(sx_eq_graph *g, int32_t s, int range, int64_t k) {
    if (g->status < 0 || sx_eq_is(g, s, 0.0)) return s;
    sx_eq_node n = sx_eq_blank(EQ_PLACE, 1, range, -1);
    n.a[0] = s;
    n.shift = k;
    return sx_eq_intern(g, n);
}

/* What may leave a sum or product over an array: a sign, a number. Returns the rest. */
static int32_t take_scale(sx_eq_graph *g, int32_t v, int32_t *scale) {
    const sx_eq_node n = g->node[v];
    *scale = -1;
    if (n.op == EQ_NEG) {
        *scale = sx_eq_const(g, -1.0);
        return n.a[0];
    }
    if (n.op == EQ_MUL && n.dims == 1 && g->node[n.a[0]].dims == 0) {
        *scale = n.a[0];
        return n.a[1];
    }
    if (n.op == EQ_MUL && n.dims == 1 && g->node[n.a[1]].dims == 0) {
        *scale = n.a[1];
        return n.a[0];
    }
    return v;
}

int32_t sx_eq_total(sx_eq_graph *g, int32_t v, int range) {
    int32_t scale;
    if (g->status < 0) return 0;
    if (g->node[v].dims == 0) return sx_eq_mul(g, sx_eq_const(g, (double)g->range[range]), v);
    if (g->node[v].op == EQ_VECTOR) {
        double s = 0.0;
        for (int64_t i = 0; i < g->range[range]; ++i) s += sx_eq_numbers(g, v)[i];
        return sx_eq_const(g, s);
    }
    int32_t rest = take_scale(g, v, &scale);
    if (scale >= 0) return sx_eq_mul(g, scale, sx_eq_total(g, rest, range));
    sx_eq_node n = sx_eq_blank(EQ_TOTAL, 0, -1, -1);
    n.a[0] = v;
    return sx_eq_intern(g, n);
}

int32_t sx_eq_product(sx_eq_graph *g, int matrix, bool transposed, int32_t v) {
    int32_t scale;
    if (g->status < 0) return 0;
    const sx_eq_matrix *m = &g->matrix[matrix];
    if (sx_eq_is(g, v, 0.0)) return v;
    if (g->node[v].dims == 0) return sx_eq_mul(g, v, matrix_sums(g, matrix, transposed));
    sx_eq_node n = sx_eq_blank(EQ_PRODUCT, 1, transposed ? m->r1 : m->r0, -1);
    n.a[0] = v;
    n.k = 2 * matrix + transposed;
    if (g->node[v].op == EQ_VECTOR) {
        int32_t id = sx_eq_intern(g, n);
        if (g->status < 0) return 0;
        if (g->node[id].folded < 0) {
            int32_t y = product_of_numbers(g, matrix, transposed, sx_eq_numbers(g, v));
            g->node[id].folded = y;
        }
        return g->node[id].folded;
    }
    int32_t rest = take_scale(g, v, &scale);
    if (scale >= 0) return sx_eq_mul(g, scale, sx_eq_product(g, matrix, transposed, rest));
    return sx_eq_intern(g, n);
}

int32_t sx_eq_scatter(sx_eq_graph *g, int32_t pair, int r0, int r1, int range, int s0, int s1, int64_t shift) {
    if (g->status < 0 || sx_eq_is(g, pair, 0.0)) return pair;
    if (g->node[pair].dims == 0)
        return sx_eq_mul(g, pair, counted(g, range, g->range[r0], g->range[r1], s0, s1, shift, true));
    sx_eq_node n = sx_eq_blank(EQ_SCATTER, 1, range, -1);
    n.a[0] = pair;
    n.s0 = (int8_t)s0;
    n.s1 = (int8_t)s1;
    n.shift = shift;
    return sx_eq_intern(g, n);
}

/* -- pair arrays as a whole --------------------------------------------------------------------------------------------------- */

/* A new graph node for every pair node under `pair`, operands first. leaf() says what becomes of leaves, -1: impossible. */
static int32_t map_pair(sx_eq_graph *g, int32_t pair, int32_t (*leaf)(sx_eq_graph *, int32_t)) {
    int32_t *map = NULL, n = pair + 1, out = -1;
    if (g->status >= 0) g->status = sx_alloc(g->ctx, n, sizeof *map, &map);
    if (g->status < 0) return 0;
    map[pair] = 1; /* marks first */
    for (int32_t i = pair; i >= 0; --i) {
        const sx_eq_node *x = &g->node[i];
        if (!map[i] || x->dims != 2 || x->op == EQ_ROW || x->op == EQ_COL || x->op == EQ_GATHER) continue;
        for (int k = 0; k < 4 && x->a[k] >= 0; ++k) map[x->a[k]] = 1;
    }
    for (int32_t i = 0; i <= pair && g->status >= 0; ++i) {
        const sx_eq_node x = g->node[i];
        if (!map[i]) continue;
        if (x.dims != 2) {
            map[i] = i;
        } else if (x.op == EQ_ROW || x.op == EQ_COL || x.op == EQ_GATHER || x.op == EQ_MATRIX) {
            map[i] = leaf(g, i);
            if (map[i] < 0) goto done;
        } else if (x.op == EQ_SELECT) {
            map[i] = sx_eq_select(g, (sx_eq_compare)x.k, map[x.a[0]], map[x.a[1]], map[x.a[2]], map[x.a[3]]);
        } else if (x.a[1] >= 0) {
            map[i] = sx_eq_binary(g, (sx_eq_op)x.op, map[x.a[0]], map[x.a[1]]);
        } else {
            map[i] = sx_eq_unary(g, (sx_eq_op)x.op, map[x.a[0]]);
        }
    }
    out = g->status < 0 ? 0 : map[pair];
done:
    sx_free(g->ctx, map);
    return out;
}

static int32_t transposed_leaf(sx_eq_graph *g, int32_t a) {
    const sx_eq_node x = g->node[a];
    switch (x.op) {
    case EQ_ROW:
        return sx_eq_col(g, x.a[0], x.r1, x.r0);
    case EQ_COL:
        return sx_eq_row(g, x.a[0], x.r1, x.r0);
    case EQ_GATHER:
        return sx_eq_gather(g, x.a[0], g->node[x.a[0]].r0, x.s1, x.s0, x.shift, x.r1, x.r0);
    default:
        return sx_eq_matrix_node(g, x.k / 2, !(x.k & 1));
    }
}
int32_t sx_eq_transpose(sx_eq_graph *g, int32_t pair) {
    return g->status < 0 || g->node[pair].dims != 2 ? pair : map_pair(g, pair, transposed_leaf);
}

/* P_ii as a vector */
static int32_t diagonal_leaf(sx_eq_graph *g, int32_t a) {
    const sx_eq_node x = g->node[a];
    if (x.op == EQ_ROW || x.op == EQ_COL) return x.a[0];
    if (x.op == EQ_MATRIX) return sx_eq_matrix_diagonal(g, x.k / 2);
    int range = g->node[x.a[0]].r0;
    if (x.s0 + x.s1 == 1 && range == x.r0) return sx_eq_shift(g, x.a[0], range, x.shift);
    if (x.s0 + x.s1 != 0) return -1;
    int64_t m = sx_eq_wrap(g->boundary, x.shift, g->range[range]);
    return m < 0 ? sx_eq_const(g, 0.0) : sx_eq_pick(g, x.a[0], m);
}
int32_t sx_eq_pair_diagonal(sx_eq_graph *g, int32_t pair) {
    return g->status < 0 || g->node[pair].dims != 2 ? pair : map_pair(g, pair, diagonal_leaf);
}
