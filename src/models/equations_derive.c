// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Exact derivatives on the graph: along a direction (forward; again for higher orders), the adjoint (reverse), and the diagonal of the
 * Jacobian where elements are local. All use the same partial derivatives of elementwise nodes. */
#include "models/equations.h"

#include "core/mutant.h"

/* d node / d operand k of an elementwise node (not `select`); -1 where it vanishes. */
static int32_t partial(sx_eq_graph *g, int32_t id, int k) {
    const sx_eq_node n = g->node[id];
    int32_t a = n.a[0], b = n.a[1], one = sx_eq_const(g, 1.0), zero = sx_eq_const(g, 0.0);
    switch (n.op) {
    case EQ_EXP:
        return id;
    case EQ_EXPM1:
        return sx_eq_add(g, one, id);
    case EQ_LOG:
        return sx_eq_binary(g, EQ_DIV, one, a);
    case EQ_LOG1P:
        return sx_eq_binary(g, EQ_DIV, one, sx_eq_add(g, one, a));
    case EQ_SQRT:
        return sx_eq_binary(g, EQ_DIV, sx_eq_const(g, 0.5), id);
    case EQ_SIN:
        return sx_eq_unary(g, EQ_COS, a);
    case EQ_COS:
        return sx_eq_unary(g, EQ_NEG, sx_eq_unary(g, EQ_SIN, a));
    case EQ_TAN:
        return sx_eq_add(g, one, sx_eq_mul(g, id, id));
    case EQ_TANH:
        return sx_eq_binary(g, EQ_SUB, one, sx_eq_mul(g, id, id));
    case EQ_SINH:
        return sx_eq_unary(g, EQ_COSH, a);
    case EQ_COSH:
        return sx_eq_unary(g, EQ_SINH, a);
    case EQ_ERF: /* 2/sqrt(pi) exp(-a^2) */
        return sx_eq_mul(g, sx_eq_const(g, 0x1.20dd750429b6dp+0),
                         sx_eq_unary(g, EQ_EXP, sx_eq_unary(g, EQ_NEG, sx_eq_mul(g, a, a))));
    case EQ_ABS:
        return sx_eq_select(g, EQ_GT, a, zero, one, sx_eq_const(g, -1.0));
    case EQ_ATAN:
        return sx_eq_binary(g, EQ_DIV, one, sx_eq_add(g, one, sx_eq_mul(g, a, a)));
    case EQ_NEG:
        return sx_eq_const(g, -1.0);
    case EQ_ADD:
        return one;
    case EQ_SUB:
        return k == 0 ? one : sx_eq_const(g, -1.0);
    case EQ_MUL:
        return k == 0 ? b : a;
    case EQ_MULZ:
        return k == 0 ? b : a;
    case EQ_DIV:
        return k == 0 ? sx_eq_binary(g, EQ_DIV, one, b) : sx_eq_unary(g, EQ_NEG, sx_eq_binary(g, EQ_DIV, id, b));
    case EQ_POWER:
        if (k == 1) return sx_eq_mul(g, id, sx_eq_unary(g, EQ_LOG, a));
        return sx_eq_mul(g, b, sx_eq_binary(g, EQ_POWER, a, sx_eq_binary(g, EQ_SUB, b, one)));
    default: /* sign, heaviside */
        return -1;
    }
}

static bool is_elementwise(const sx_eq_node *n) {
    return n->op <= EQ_MULZ;
}
static int operands(const sx_eq_node *n) {
    int k = 0;
    while (k < 4 && n->a[k] >= 0) ++k;
    return k;
}
/* Ranges of the pair array that a node sums over. */
static void pair_ranges(const sx_eq_graph *g, const sx_eq_node *n, int *r0, int *r1) {
    *r0 = g->node[n->a[0]].r0;
    *r1 = g->node[n->a[0]].r1;
}
/* W_ij body_ij of a loop */
static int32_t loop_body(sx_eq_graph *g, const sx_eq_node *n, int32_t body) {
    return n->k < 0 ? body : sx_eq_mul(g, sx_eq_matrix_node(g, n->k / 2, n->k & 1), body);
}

/* Marks of everything under the roots. */
static sx_status reach(sx_eq_graph *g, int n, const int32_t *roots, int32_t *top, bool **out) {
    bool *used = NULL;
    *top = 0;
    for (int k = 0; k < n; ++k) *top = roots[k] > *top ? roots[k] : *top;
    SX_TRY(g->ctx, sx_alloc(g->ctx, *top + 1, sizeof *used, &used));
    for (int k = 0; k < n; ++k) used[roots[k]] = true;
    for (int32_t i = *top; i >= 0; --i) {
        for (int k = 0; used[i] && k < 4 && g->node[i].a[k] >= 0; ++k) used[g->node[i].a[k]] = true;
    }
    *out = used;
    return SX_OK;
}

/* -- forward ------------------------------------------------------------------------------------------------------------------- */

/* partial times what is above or below it. Where the first operand of MULZ vanishes because a branch of `if` is not taken, the second may
 * be infinite: its derivatives vanish there too. */
static int32_t chained(sx_eq_graph *g, int32_t id, int k, int32_t p, int32_t v) {
    if (g->node[id].op != EQ_MULZ) return sx_eq_mul(g, p, v);
    return k == 0 ? sx_eq_binary(g, EQ_MULZ, v, p) : sx_eq_binary(g, EQ_MULZ, p, v);
}

/* The linear operations of a node applied to the derivative v of its operand. */
static int32_t linear(sx_eq_graph *g, const sx_eq_node *n, int32_t v) {
    int r0, r1;
    switch (n->op) {
    case EQ_ROW:
        return sx_eq_row(g, v, n->r0, n->r1);
    case EQ_COL:
        return sx_eq_col(g, v, n->r0, n->r1);
    case EQ_GATHER:
        return sx_eq_gather(g, v, g->node[n->a[0]].r0, n->s0, n->s1, n->shift, n->r0, n->r1);
    case EQ_SHIFT:
        return sx_eq_shift(g, v, n->r0, n->shift);
    case EQ_UNSHIFT:
        return sx_eq_unshift(g, v, n->r0, n->shift);
    case EQ_PICK:
        return sx_eq_pick(g, v, n->shift);
    case EQ_PLACE:
        return sx_eq_place_at(g, v, n->r0, n->shift);
    case EQ_PRODUCT:
        return sx_eq_product(g, n->k / 2, n->k & 1, v);
    case EQ_TOTAL:
        return sx_eq_total(g, v, g->node[n->a[0]].r0);
    case EQ_REDUCE:
        pair_ranges(g, n, &r0, &r1);
        return sx_eq_sum(g, loop_body(g, n, v), r0, r1);
    default:
        pair_ranges(g, n, &r0, &r1);
        return sx_eq_scatter(g, v, r0, r1, n->r0, n->s0, n->s1, n->shift);
    }
}

static int32_t along(sx_eq_graph *g, int32_t id, int d, const int32_t *derivative) {
    const sx_eq_node n = g->node[id];
    if (!(n.depends & EQ_ON_STATE)) return sx_eq_const(g, 0.0);
    if (n.op == EQ_STATE) return sx_eq_direction(g, d, n.k);
    if (n.op == EQ_SELECT)
        return sx_eq_select(g, (sx_eq_compare)n.k, n.a[0], n.a[1], derivative[n.a[2]], derivative[n.a[3]]);
    if (!is_elementwise(&n))
        return sx_eq_is(g, derivative[n.a[0]], 0.0) ? derivative[n.a[0]] : linear(g, &n, derivative[n.a[0]]);
    int32_t sum = sx_eq_const(g, 0.0);
    for (int k = 0; k < operands(&n); ++k) {
        if (sx_eq_is(g, derivative[n.a[k]], 0.0)) continue;
        int32_t p = partial(g, id, k);
        if (p >= 0) sum = sx_eq_add(g, sum, chained(g, id, k, p, derivative[n.a[k]]));
    }
    return sum;
}

sx_status sx_eq_forward(sx_eq_graph *g, int n, const int32_t *roots, int d, int32_t *out) {
    bool *used = NULL;
    int32_t top, *derivative = NULL;
    sx_status status;
    SX_GO(g->ctx, status, done, reach(g, n, roots, &top, &used));
    SX_GO(g->ctx, status, done, sx_alloc(g->ctx, top + 1, sizeof *derivative, &derivative));
    for (int32_t i = 0; i <= top && g->status >= 0; ++i) {
        if (used[i]) derivative[i] = along(g, i, d, derivative);
    }
    for (int k = 0; k < n; ++k) out[k] = derivative[roots[k]];
    status = g->status;
done:
    sx_free(g->ctx, used);
    sx_free(g->ctx, derivative);
    return status;
}

/* -- reverse ------------------------------------------------------------------------------------------------------------------- */

typedef struct backward {
    sx_eq_graph *g;
    int32_t *adjoint; /* -1: none yet */
    bool *guarded;    /* under a branch of `if`: 0 times infinity is 0 */
} backward;

static void accumulate(backward *r, int32_t id, int32_t value) {
    if (!(r->g->node[id].depends & EQ_ON_STATE)) return;
    r->adjoint[id] = r->adjoint[id] < 0 ? value : sx_eq_add(r->g, r->adjoint[id], value);
}
/* An operand that is one number for a whole array collects from all elements. */
static void accumulate_from(backward *r, const sx_eq_node *n, int32_t id, int32_t value) {
    sx_eq_graph *g = r->g;
    const sx_eq_node *x = &g->node[id];
    if (x->dims < n->dims && x->dims == 0) {
        if (n->dims == 2) value = sx_eq_sum(g, value, n->r0, n->r1);
        value = sx_eq_total(g, value, n->r0);
    }
    accumulate(r, id, value);
}

static void back(backward *r, int32_t id) {
    sx_eq_graph *g = r->g;
    const sx_eq_node n = g->node[id];
    int32_t adjoint = r->adjoint[id], zero = sx_eq_const(g, 0.0);
    int r0, r1;
    if (is_elementwise(&n)) {
        for (int k = 0; k < operands(&n); ++k) {
            if (!(g->node[n.a[k]].depends & EQ_ON_STATE)) continue;
            int32_t p = partial(g, id, k);
            if (p < 0) continue;
            bool other = n.op == EQ_MULZ && k == 1; /* of MULZ(a, b): 0 where a is 0 */
            sx_eq_op times = r->guarded[id] || n.op == EQ_MULZ ? EQ_MULZ : EQ_MUL;
            accumulate_from(r, &n, n.a[k], sx_eq_binary(g, times, other ? p : adjoint, other ? adjoint : p));
        }
        return;
    }
    switch (n.op) {
    case EQ_SELECT:
        accumulate_from(r, &n, n.a[2], sx_eq_select(g, (sx_eq_compare)n.k, n.a[0], n.a[1], adjoint, zero));
        accumulate_from(r, &n, n.a[3], sx_eq_select(g, (sx_eq_compare)n.k, n.a[0], n.a[1], zero, adjoint));
        return;
    case EQ_ROW:
        accumulate(r, n.a[0], sx_eq_sum(g, adjoint, n.r0, n.r1));
        return;
    case EQ_COL:
        accumulate(r, n.a[0], sx_eq_sum(g, sx_eq_transpose(g, adjoint), n.r1, n.r0));
        return;
    case EQ_GATHER:
        accumulate(r, n.a[0], sx_eq_scatter(g, adjoint, n.r0, n.r1, g->node[n.a[0]].r0, n.s0, n.s1, n.shift));
        return;
    case EQ_SHIFT:
        accumulate(r, n.a[0], sx_eq_unshift(g, adjoint, n.r0, n.shift));
        return;
    case EQ_UNSHIFT: /* this and the next two are themselves adjoints: of gradients */
        accumulate(r, n.a[0], sx_eq_shift(g, adjoint, n.r0, n.shift));
        return;
    case EQ_PLACE:
        accumulate(r, n.a[0], sx_eq_pick(g, adjoint, n.shift));
        return;
    case EQ_SCATTER:
        pair_ranges(g, &n, &r0, &r1);
        accumulate(r, n.a[0], sx_eq_gather(g, adjoint, n.r0, n.s0, n.s1, n.shift, r0, r1));
        return;
    case EQ_PICK:
        accumulate(r, n.a[0], sx_eq_place_at(g, adjoint, g->node[n.a[0]].r0, n.shift));
        return;
    case EQ_PRODUCT:
        accumulate(r, n.a[0], sx_eq_product(g, n.k / 2, (n.k & 1) == SX_MUTANT(equations_adjoint), adjoint));
        return;
    case EQ_TOTAL:
        accumulate(r, n.a[0], adjoint);
        return;
    case EQ_REDUCE:
        pair_ranges(g, &n, &r0, &r1);
        accumulate(r, n.a[0], loop_body(g, &n, sx_eq_row(g, adjoint, r0, r1)));
        return;
    default: /* leaves */
        return;
    }
}

/* out[a] = sum_k seed_k . d roots_k / d array a */
static sx_status reverse(sx_eq_graph *g, int n, const int32_t *roots, const int32_t *seeds, int32_t *out) {
    backward r = { .g = g };
    bool *used = NULL;
    int32_t top;
    sx_status status;
    SX_GO(g->ctx, status, done, reach(g, n, roots, &top, &used));
    SX_GO(g->ctx, status, done, sx_alloc(g->ctx, top + 1, sizeof *r.adjoint, &r.adjoint));
    SX_GO(g->ctx, status, done, sx_alloc(g->ctx, top + 1, sizeof *r.guarded, &r.guarded));
    for (int32_t i = top; i >= 0; --i) {
        const sx_eq_node *x = &g->node[i];
        r.adjoint[i] = -1;
        for (int k = 0; used[i] && k < 4 && x->a[k] >= 0; ++k)
            r.guarded[x->a[k]] =
                r.guarded[x->a[k]] || r.guarded[i] || (x->op == EQ_SELECT && k >= 2) || (x->op == EQ_MULZ && k == 1);
    }
    for (int k = 0; k < n; ++k) accumulate(&r, roots[k], seeds[k]);
    for (int32_t i = top; i >= 0 && g->status >= 0; --i) {
        if (used[i] && r.adjoint[i] >= 0) back(&r, i);
    }
    for (int a = 0; a < g->n_arrays && g->status >= 0; ++a) {
        int32_t x = sx_eq_state(g, a);
        out[a] = x <= top && r.adjoint[x] >= 0 ? r.adjoint[x] : sx_eq_const(g, 0.0);
    }
    status = g->status;
done:
    sx_free(g->ctx, used);
    sx_free(g->ctx, r.adjoint);
    sx_free(g->ctx, r.guarded);
    return status;
}

sx_status sx_eq_reverse(sx_eq_graph *g, const int32_t *roots, int d, int32_t *out) {
    int32_t *seeds = NULL;
    SX_TRY(g->ctx, sx_alloc(g->ctx, g->n_arrays, sizeof *seeds, &seeds));
    for (int a = 0; a < g->n_arrays; ++a) {
        seeds[a] = sx_eq_direction(g, d, a);
        if (g->array[a].range >= 0 && g->node[roots[a]].dims == 0)
            seeds[a] = sx_eq_total(g, seeds[a], g->array[a].range);
    }
    sx_status status = g->status >= 0 ? reverse(g, g->n_arrays, roots, seeds, out) : g->status;
    sx_free(g->ctx, seeds);
    return status;
}

sx_status sx_eq_gradient(sx_eq_graph *g, int32_t root, int32_t *out) {
    int32_t one = sx_eq_const(g, 1.0);
    return g->status >= 0 ? reverse(g, 1, &root, &one, out) : g->status;
}

/* -- own derivative: dF_i/dx_i --------------------------------------------------------------------------------------------------- */

/* What a node is to one array: free of it; local (element i depends on x_i alone, given the rest); a number that depends on all of it
 * through its own vector of derivatives; or something else. */
enum { FREE, LOCAL, GLOBAL, OTHER };

typedef struct own {
    sx_eq_graph *g;
    int array, range;
    int64_t size;
    int8_t *kind;
    int32_t *derivative;         /* of the same element; a vector over the range */
    int32_t *by_row, *by_column; /* pair arrays: with respect to x_i, x_j where they enter as rows, columns */
} own;

/* Sum over operands of partial times their derivatives in `of`. */
static int32_t chain(own *o, int32_t id, const int32_t *of, bool pair) {
    sx_eq_graph *g = o->g;
    const sx_eq_node n = g->node[id];
    int32_t sum = sx_eq_const(g, 0.0);
    if (n.op == EQ_SELECT) return sx_eq_select(g, (sx_eq_compare)n.k, n.a[0], n.a[1], of[n.a[2]], of[n.a[3]]);
    for (int k = 0; k < operands(&n); ++k) {
        if ((pair && g->node[n.a[k]].dims != 2) || sx_eq_is(g, of[n.a[k]], 0.0)) continue;
        int32_t p = partial(g, id, k);
        if (p >= 0) sum = sx_eq_add(g, sum, chained(g, id, k, p, of[n.a[k]]));
    }
    return sum;
}

static void own_pair(own *o, int32_t id) {
    sx_eq_graph *g = o->g;
    const sx_eq_node n = g->node[id];
    int32_t zero = sx_eq_const(g, 0.0);
    o->by_row[id] = o->by_column[id] = zero;
    o->kind[id] = FREE;
    if (n.op == EQ_MATRIX) return;
    for (int k = 0; k < operands(&n); ++k) {
        int8_t kind = o->kind[n.a[k]];
        if (kind == OTHER || (g->node[n.a[k]].dims == 0 && kind != FREE) || (n.op == EQ_GATHER && kind != FREE))
            o->kind[id] = OTHER;
        if (kind != FREE && o->kind[id] == FREE) o->kind[id] = LOCAL;
    }
    if (o->kind[id] != LOCAL) return;
    if (n.op == EQ_ROW) {
        o->by_row[id] = sx_eq_row(g, o->derivative[n.a[0]], n.r0, n.r1);
    } else if (n.op == EQ_COL) {
        o->by_column[id] = sx_eq_col(g, o->derivative[n.a[0]], n.r0, n.r1);
    } else {
        o->by_row[id] = chain(o, id, o->by_row, true);
        o->by_column[id] = chain(o, id, o->by_column, true);
    }
}

static void own_node(own *o, int32_t id) {
    sx_eq_graph *g = o->g;
    const sx_eq_node n = g->node[id];
    int32_t zero = sx_eq_const(g, 0.0);
    o->derivative[id] = zero;
    o->kind[id] = FREE;
    if (!(n.depends & EQ_ON_STATE)) {
        if (n.dims == 2) own_pair(o, id);
        return;
    }
    if (n.dims == 2) {
        own_pair(o, id);
        return;
    }
    if (n.op == EQ_STATE) {
        if (n.k != o->array) return;
        o->kind[id] = LOCAL;
        o->derivative[id] = sx_eq_const(g, 1.0);
        return;
    }
    bool any = false, other = false, global = false;
    for (int k = 0; k < operands(&n); ++k) {
        int8_t kind = o->kind[n.a[k]];
        any = any || kind != FREE;
        other = other || kind == OTHER;
        global = global || kind == GLOBAL;
    }
    if (!any) return;
    o->kind[id] = OTHER;
    if (other) return;
    bool square = n.dims == 1 && n.r0 == o->range, scalar = o->range < 0;
    if (is_elementwise(&n) || n.op == EQ_SELECT) {
        if (n.dims == 1 && !square) return; /* numbers that depend on the array in arrays over another range */
        o->derivative[id] = chain(o, id, o->derivative, false);
        o->kind[id] = global ? GLOBAL : LOCAL;
        return;
    }
    if (scalar) return;
    int8_t kind = o->kind[n.a[0]];
    int32_t inner = o->derivative[n.a[0]];
    if (n.op == EQ_TOTAL && kind == LOCAL) { /* d(sum_j v_j)/dx_i = v_i' */
        o->derivative[id] = inner;
        o->kind[id] = GLOBAL;
    } else if (n.op == EQ_SHIFT && kind == LOCAL && g->boundary != 2 && n.shift % o->size != 0) {
        o->kind[id] = GLOBAL; /* element i depends on x_(i+s) alone, but its shifts do not */
    } else if (n.op == EQ_PRODUCT && kind == LOCAL && square && g->matrix[n.k / 2].r0 == g->matrix[n.k / 2].r1) {
        o->derivative[id] = sx_eq_mul(g, sx_eq_matrix_diagonal(g, n.k / 2), inner);
        o->kind[id] = GLOBAL;
    } else if (n.op == EQ_REDUCE && kind == LOCAL && square) {
        int r0, r1;
        pair_ranges(g, &n, &r0, &r1);
        int32_t rows = sx_eq_sum(g, loop_body(g, &n, o->by_row[n.a[0]]), r0, r1), diagonal = zero;
        if (!sx_eq_is(g, o->by_column[n.a[0]], 0.0)) {
            if (r0 != r1) return;
            diagonal = sx_eq_pair_diagonal(g, loop_body(g, &n, o->by_column[n.a[0]]));
            if (diagonal < 0) return;
        }
        o->derivative[id] = sx_eq_add(g, rows, diagonal);
        o->kind[id] = GLOBAL;
    }
}

int32_t sx_eq_own(sx_eq_graph *g, int32_t root, int array) {
    own o = { .g = g, .array = array, .range = g->array[array].range, .size = g->array[array].n };
    bool *used = NULL;
    int32_t top, out = -1;
    if (g->status >= 0) g->status = reach(g, 1, &root, &top, &used);
    if (g->status < 0) return -1;
    g->status = sx_alloc(g->ctx, top + 1, sizeof *o.kind, &o.kind);
    if (g->status >= 0) g->status = sx_alloc(g->ctx, top + 1, sizeof *o.derivative, &o.derivative);
    if (g->status >= 0) g->status = sx_alloc(g->ctx, top + 1, sizeof *o.by_row, &o.by_row);
    if (g->status >= 0) g->status = sx_alloc(g->ctx, top + 1, sizeof *o.by_column, &o.by_column);
    for (int32_t i = 0; i <= top && g->status >= 0; ++i) {
        if (used[i]) own_node(&o, i);
    }
    if (g->status >= 0 && o.kind[root] != OTHER) out = o.derivative[root];
    sx_free(g->ctx, used);
    sx_free(g->ctx, o.kind);
    sx_free(g->ctx, o.derivative);
    sx_free(g->ctx, o.by_row);
    sx_free(g->ctx, o.by_column);
    return g->status < 0 ? -1 : out;
}
