// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The graph: equal nodes are one, constants are folded, 0 and 1 vanish. What depends on neither state nor time nor direction becomes a
 * number or a vector of numbers at once. */
#include "models/equations.h"

#include "models/coupling_private.h"

/* -- nodes ------------------------------------------------------------------------------------------------------------------- */

sx_status sx_eq_graph_init(sx_ctx *ctx, int boundary, int n_ranges, int64_t *range, int n_arrays, sx_eq_array *array,
                           sx_eq_graph *g) {
    *g = (sx_eq_graph){
        .ctx = ctx, .boundary = boundary, .n_ranges = n_ranges, .n_arrays = n_arrays, .range = range, .array = array
    };
    g->radius = g->radius_square = -1;
    g->table_size = 1024;
    SX_TRY(ctx, sx_alloc(ctx, g->table_size, sizeof *g->table, &g->table));
    (void)sx_eq_const(g, 0.0); /* node 0: what a failed operation returns */
    return g->status;
}

void sx_eq_graph_free(sx_eq_graph *g) {
    if (!g->ctx) return; /* never made */
    for (int32_t i = 0; i < g->n_vectors; ++i) sx_free(g->ctx, g->vector[i].v);
    for (int32_t i = 0; i < g->n_matrices; ++i) sx_coupling_free(g->ctx, g->matrix[i].w);
    sx_free(g->ctx, g->vector);
    sx_free(g->ctx, g->matrix);
    sx_free(g->ctx, g->node);
    sx_free(g->ctx, g->table);
    memset(g, 0, sizeof *g);
}

void sx_eq_graph_seal(sx_eq_graph *g) {
    sx_free(g->ctx, g->node);
    sx_free(g->ctx, g->table);
    g->node = NULL;
    g->table = NULL;
    g->n = g->capacity = 0;
}

sx_eq_node sx_eq_blank(sx_eq_op op, int dims, int r0, int r1) {
    return (sx_eq_node){ .op = (uint8_t)op,
                         .dims = (uint8_t)dims,
                         .r0 = (int16_t)r0,
                         .r1 = (int16_t)r1,
                         .a = { -1, -1, -1, -1 },
                         .folded = -1 };
}

static uint64_t mix(uint64_t h, uint64_t v) {
    h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ (h >> 29);
}
static uint64_t bits(double x) {
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}
static uint64_t hash(const sx_eq_node *n) {
    uint64_t h = (uint64_t)n->op | (uint64_t)n->dims << 8 | (uint64_t)(uint8_t)n->s0 << 16 |
                 (uint64_t)(uint8_t)n->s1 << 24 | (uint64_t)(uint16_t)n->r0 << 32 | (uint64_t)(uint16_t)n->r1 << 48;
    h = mix(0, h);
    for (int i = 0; i < 4; ++i) h = mix(h, (uint32_t)n->a[i]);
    h = mix(h, (uint32_t)n->k);
    h = mix(h, (uint64_t)n->shift);
    return mix(h, bits(n->value));
}
static bool same(const sx_eq_node *x, const sx_eq_node *y) {
    return x->op == y->op && x->dims == y->dims && x->s0 == y->s0 && x->s1 == y->s1 && x->r0 == y->r0 &&
           x->r1 == y->r1 && memcmp(x->a, y->a, sizeof x->a) == 0 && x->k == y->k && x->shift == y->shift &&
           bits(x->value) == bits(y->value);
}

static bool grow(sx_eq_graph *g) {
    if (g->n == g->capacity) {
        int32_t capacity = 2 * g->capacity + 256;
        g->status = g->node ? sx_resize(g->ctx, capacity, sizeof *g->node, &g->node)
                            : sx_alloc(g->ctx, capacity, sizeof *g->node, &g->node);
        if (g->status < 0) return false;
        g->capacity = capacity;
    }
    if (2 * (int64_t)g->n < g->table_size) return true;
    int32_t *table = NULL;
    int64_t size = 4 * g->table_size;
    g->status = sx_alloc(g->ctx, size, sizeof *table, &table);
    if (g->status < 0) return false;
    for (int32_t i = 0; i < g->n; ++i) {
        uint64_t at = hash(&g->node[i]) & (uint64_t)(size - 1);
        while (table[at]) at = (at + 1) & (uint64_t)(size - 1);
        table[at] = i + 1;
    }
    sx_free(g->ctx, g->table);
    g->table = table;
    g->table_size = size;
    return true;
}

int32_t sx_eq_intern(sx_eq_graph *g, sx_eq_node n) {
    if (g->status < 0) return 0;
    for (int i = 0; i < 4; ++i) {
        if (n.a[i] >= 0) n.depends |= g->node[n.a[i]].depends;
    }
    uint64_t at = hash(&n) & (uint64_t)(g->table_size - 1);
    for (; g->table[at]; at = (at + 1) & (uint64_t)(g->table_size - 1)) {
        if (same(&g->node[g->table[at] - 1], &n)) return g->table[at] - 1;
    }
    if (g->n >= EQ_GRAPH_MAX) {
        g->status =
            SX_FAIL(g->ctx, SX_E_USAGE,
                    "the equations and their derivatives to third order want more than %d operations", EQ_GRAPH_MAX);
        return 0;
    }
    if (!grow(g)) return 0;
    at = hash(&n) & (uint64_t)(g->table_size - 1);
    while (g->table[at]) at = (at + 1) & (uint64_t)(g->table_size - 1);
    g->table[at] = g->n + 1;
    g->node[g->n] = n;
    return g->n++;
}

/* -- leaves ------------------------------------------------------------------------------------------------------------------ */

int32_t sx_eq_const(sx_eq_graph *g, double value) {
    sx_eq_node n = sx_eq_blank(EQ_CONST, 0, -1, -1);
    n.value = value;
    return sx_eq_intern(g, n);
}
int32_t sx_eq_time(sx_eq_graph *g) {
    sx_eq_node n = sx_eq_blank(EQ_TIME, 0, -1, -1);
    n.depends = EQ_ON_TIME;
    return sx_eq_intern(g, n);
}
static int32_t array_node(sx_eq_graph *g, sx_eq_op op, int array, int k, int depends) {
    int range = g->array[array].range;
    sx_eq_node n = sx_eq_blank(op, range >= 0, range, -1);
    n.depends = (uint8_t)depends;
    n.k = k;
    return sx_eq_intern(g, n);
}
int32_t sx_eq_state(sx_eq_graph *g, int array) {
    return array_node(g, EQ_STATE, array, array, EQ_ON_STATE);
}
int32_t sx_eq_direction(sx_eq_graph *g, int k, int array) {
    return array_node(g, EQ_DIRECTION, array, k * g->n_arrays + array, EQ_ON_DIRECTION);
}

int32_t sx_eq_vector_new(sx_eq_graph *g, int range, double *v) {
    if (g->status >= 0 && g->n_vectors == g->vectors_capacity) {
        int32_t capacity = 2 * g->vectors_capacity + 16;
        g->status = g->vector ? sx_resize(g->ctx, capacity, sizeof *g->vector, &g->vector)
                              : sx_alloc(g->ctx, capacity, sizeof *g->vector, &g->vector);
        if (g->status >= 0) g->vectors_capacity = capacity;
    }
    if (g->status < 0) {
        sx_free(g->ctx, v);
        return 0;
    }
    sx_eq_node n = sx_eq_blank(EQ_VECTOR, 1, range, -1);
    n.k = g->n_vectors;
    g->vector[g->n_vectors++] = (sx_eq_vector){ range, v };
    return sx_eq_intern(g, n);
}

int sx_eq_matrix_new(sx_eq_graph *g, const sx_coupling *w, int r0, int r1) {
    if (g->status >= 0 && g->n_matrices == g->matrices_capacity) {
        int32_t capacity = 2 * g->matrices_capacity + 8;
        g->status = g->matrix ? sx_resize(g->ctx, capacity, sizeof *g->matrix, &g->matrix)
                              : sx_alloc(g->ctx, capacity, sizeof *g->matrix, &g->matrix);
        if (g->status >= 0) g->matrices_capacity = capacity;
    }
    if (g->status < 0) return 0;
    g->matrix[g->n_matrices] = (sx_eq_matrix){ sx_coupling_ref(w), r0, r1, -1, -1, -1 };
    return g->n_matrices++;
}
int32_t sx_eq_matrix_node(sx_eq_graph *g, int matrix, bool transposed) {
    const sx_eq_matrix *m = &g->matrix[matrix];
    sx_eq_node n = sx_eq_blank(EQ_MATRIX, 2, transposed ? m->r1 : m->r0, transposed ? m->r0 : m->r1);
    n.k = 2 * matrix + transposed;
    return sx_eq_intern(g, n);
}

double *sx_eq_numbers_new(sx_eq_graph *g, int64_t n) {
    double *v = NULL;
    if (g->status >= 0) g->status = sx_alloc(g->ctx, n, sizeof *v, &v);
    return v;
}

int32_t sx_eq_matrix_diagonal(sx_eq_graph *g, int matrix) {
    int vector = g->matrix[matrix].diagonal;
    if (vector >= 0) return vector;
    double *d = sx_eq_numbers_new(g, g->range[g->matrix[matrix].r0]);
    if (!d) return 0;
    sx_coupling_diagonal(g->matrix[matrix].w, d);
    vector = sx_eq_vector_new(g, g->matrix[matrix].r0, d);
    return g->matrix[matrix].diagonal = vector;
}

/* -- elementwise ------------------------------------------------------------------------------------------------------------- */

static bool is_number(const sx_eq_graph *g, int32_t a) {
    return g->node[a].op == EQ_CONST;
}
static bool is_constant(const sx_eq_graph *g, int32_t a) {
    return g->node[a].op == EQ_CONST || g->node[a].op == EQ_VECTOR;
}
const double *sx_eq_numbers(const sx_eq_graph *g, int32_t a) {
    return g->node[a].op == EQ_CONST ? &g->node[a].value : g->vector[g->node[a].k].v;
}

/* A node of constants becomes what it is worth; the node remembers. */
static int32_t fold(sx_eq_graph *g, sx_eq_node n) {
    int32_t id = sx_eq_intern(g, n);
    if (g->status < 0) return 0;
    if (g->node[id].folded >= 0) return g->node[id].folded;
    const sx_kernels *k = sx_kernels_get(NULL);
    const double *in[4] = { NULL };
    int step[4] = { 0 }, operands = 0;
    for (; operands < 4 && n.a[operands] >= 0; ++operands) {
        in[operands] = sx_eq_numbers(g, n.a[operands]);
        step[operands] = g->node[n.a[operands]].op == EQ_VECTOR;
    }
    double one, *y = &one;
    int64_t count = 1;
    if (n.dims == 1) {
        count = g->range[n.r0];
        y = sx_eq_numbers_new(g, count);
        if (!y) return 0;
    }
    if (n.op == EQ_SELECT)
        sx_eq_rows_select((sx_eq_compare)n.k, count, in, step, y);
    else if (operands == 2)
        sx_eq_rows_binary(k, (sx_eq_op)n.op, count, in[0], step[0], in[1], step[1], y);
    else
        sx_eq_rows_unary(k, (sx_eq_op)n.op, count, in[0], y);
    int32_t out = n.dims == 1 ? sx_eq_vector_new(g, n.r0, y) : sx_eq_const(g, one);
    g->node[id].folded = out;
    return out;
}

/* Shape of an elementwise node, and its value where all operands are constants or all of a pair are rows or columns of one kind. */
static int32_t elementwise(sx_eq_graph *g, sx_eq_op op, int n_operands, const int32_t *a, int k) {
    sx_eq_node n = sx_eq_blank(op, 0, -1, -1);
    bool constant = true, rows = true, columns = true;
    if (g->status < 0) return 0;
    for (int i = 0; i < n_operands; ++i) {
        const sx_eq_node *x = &g->node[a[i]];
        n.a[i] = a[i];
        constant = constant && is_constant(g, a[i]);
        rows = rows && (x->dims == 0 || x->op == EQ_ROW);
        columns = columns && (x->dims == 0 || x->op == EQ_COL);
        if (x->dims > n.dims) {
            n.dims = x->dims;
            n.r0 = x->r0;
            n.r1 = x->r1;
        }
    }
    n.k = k;
    if (constant) return fold(g, n);
    if (n.dims == 2 && (rows || columns)) { /* f(v_i) is a row of f(v) */
        int32_t inner[4];
        for (int i = 0; i < n_operands; ++i) inner[i] = g->node[a[i]].dims == 2 ? g->node[a[i]].a[0] : a[i];
        int32_t v = op == EQ_SELECT   ? sx_eq_select(g, (sx_eq_compare)k, inner[0], inner[1], inner[2], inner[3])
                    : n_operands == 2 ? sx_eq_binary(g, op, inner[0], inner[1])
                                      : sx_eq_unary(g, op, inner[0]);
        return rows ? sx_eq_row(g, v, n.r0, n.r1) : sx_eq_col(g, v, n.r0, n.r1);
    }
    return sx_eq_intern(g, n);
}

int32_t sx_eq_unary(sx_eq_graph *g, sx_eq_op op, int32_t a) {
    if (g->status < 0) return 0;
    const sx_eq_node n = g->node[a];
    if (op == EQ_NEG && !is_constant(g, a)) {
        if (n.op == EQ_NEG) return n.a[0];
        if (n.op == EQ_SUB) return sx_eq_binary(g, EQ_SUB, n.a[1], n.a[0]);
        if (n.op == EQ_MUL && is_number(g, n.a[0])) return sx_eq_mul(g, sx_eq_const(g, -g->node[n.a[0]].value), n.a[1]);
    }
    return elementwise(g, op, 1, &a, 0);
}

/* x^m by squaring, m >= 1 */
static int32_t integer_power(sx_eq_graph *g, int32_t x, int m) {
    int32_t out = -1;
    for (;; m >>= 1) {
        if (m & 1) out = out < 0 ? x : sx_eq_mul(g, out, x);
        if (m <= 1) return out;
        x = sx_eq_mul(g, x, x);
    }
}
static int32_t power(sx_eq_graph *g, int32_t a, int32_t b) {
    if (is_number(g, b)) {
        double e = g->node[b].value;
        if (e == 0.0) return sx_eq_const(g, 1.0);
        if (e == rint(e) && fabs(e) <= 64.0) {
            int32_t p = integer_power(g, a, (int)fabs(e));
            return e > 0.0 ? p : sx_eq_binary(g, EQ_DIV, sx_eq_const(g, 1.0), p);
        }
        if (e == 0.5) return sx_eq_unary(g, EQ_SQRT, a);
    }
    const int32_t in[2] = { a, b };
    return elementwise(g, EQ_POWER, 2, in, 0);
}

static int32_t multiply(sx_eq_graph *g, int32_t a, int32_t b) {
    /* constants first, numbers before vectors; else in the order they were made */
    int rank_a = is_number(g, a)     ? 0
                 : is_constant(g, a) ? 1
                                     : 2,
        rank_b = is_number(g, b)     ? 0
                 : is_constant(g, b) ? 1
                                     : 2;
    if (rank_a > rank_b || (rank_a == rank_b && a > b)) {
        int32_t swap = a;
        a = b;
        b = swap;
    }
    const sx_eq_node x = g->node[a], y = g->node[b];
    if (sx_eq_is(g, a, 0.0) || sx_eq_is(g, b, 0.0)) return sx_eq_const(g, 0.0);
    if (sx_eq_is(g, a, 1.0)) return b;
    if (sx_eq_is(g, a, -1.0)) return sx_eq_unary(g, EQ_NEG, b);
    if (a == b && a == g->radius) return g->radius_square; /* smooth at the origin, where r is not */
    if (!is_constant(g, b)) {
        if (is_constant(g, a)) {
            if (y.op == EQ_NEG) return sx_eq_mul(g, sx_eq_unary(g, EQ_NEG, a), y.a[0]);
            if (y.op == EQ_MUL && is_constant(g, y.a[0]) && y.dims < 2)
                return sx_eq_mul(g, sx_eq_mul(g, a, y.a[0]), y.a[1]);
        } else {
            if (x.op == EQ_NEG) return sx_eq_unary(g, EQ_NEG, sx_eq_mul(g, x.a[0], b));
            if (y.op == EQ_NEG) return sx_eq_unary(g, EQ_NEG, sx_eq_mul(g, a, y.a[0]));
            if (x.op == EQ_MUL && is_number(g, x.a[0])) return sx_eq_mul(g, x.a[0], sx_eq_mul(g, x.a[1], b));
            if (y.op == EQ_MUL && is_number(g, y.a[0])) return sx_eq_mul(g, y.a[0], sx_eq_mul(g, a, y.a[1]));
        }
    }
    const int32_t in[2] = { a, b };
    return elementwise(g, EQ_MUL, 2, in, 0);
}

static int32_t divide(sx_eq_graph *g, int32_t a, int32_t b) {
    if (sx_eq_is(g, a, 0.0) && !is_constant(g, b)) return a;
    if (is_constant(g, b) && !is_constant(g, a)) {
        const int32_t one[2] = { sx_eq_const(g, 1.0), b };
        int32_t r = elementwise(g, EQ_DIV, 2, one, 0);
        bool fine = g->status >= 0;
        int64_t n = fine && g->node[r].op == EQ_VECTOR ? g->range[g->node[r].r0] : 1;
        for (int64_t i = 0; fine && i < n; ++i) fine = isnormal(sx_eq_numbers(g, r)[i]);
        if (fine) return sx_eq_mul(g, r, a);
    }
    if (g->node[a].op == EQ_NEG) return sx_eq_unary(g, EQ_NEG, sx_eq_binary(g, EQ_DIV, g->node[a].a[0], b));
    if (!is_constant(g, a) && g->node[a].op == EQ_MUL && is_number(g, g->node[a].a[0]))
        return sx_eq_mul(g, g->node[a].a[0], sx_eq_binary(g, EQ_DIV, g->node[a].a[1], b));
    const int32_t in[2] = { a, b };
    return elementwise(g, EQ_DIV, 2, in, 0);
}

int32_t sx_eq_binary(sx_eq_graph *g, sx_eq_op op, int32_t a, int32_t b) {
    if (g->status < 0) return 0;
    const sx_eq_node x = g->node[a], y = g->node[b];
    switch (op) {
    case EQ_MUL:
        return multiply(g, a, b);
    case EQ_DIV:
        return divide(g, a, b);
    case EQ_POWER:
        return power(g, a, b);
    case EQ_MIN:
        return sx_eq_select(g, EQ_LT_OR_NAN, a, b, a, b);
    case EQ_MAX:
        return sx_eq_select(g, EQ_GT_OR_NAN, a, b, a, b);
    case EQ_ADD:
        if (sx_eq_is(g, a, 0.0)) return b;
        if (sx_eq_is(g, b, 0.0)) return a;
        if (y.op == EQ_NEG) return sx_eq_binary(g, EQ_SUB, a, y.a[0]);
        if (x.op == EQ_NEG) return sx_eq_binary(g, EQ_SUB, b, x.a[0]);
        if (a == b) return sx_eq_mul(g, sx_eq_const(g, 2.0), a);
        if (a > b) {
            int32_t swap = a;
            a = b;
            b = swap;
        }
        break;
    case EQ_SUB:
        if (sx_eq_is(g, b, 0.0)) return a;
        if (sx_eq_is(g, a, 0.0)) return sx_eq_unary(g, EQ_NEG, b);
        if (a == b) return sx_eq_const(g, 0.0);
        if (y.op == EQ_NEG) return sx_eq_add(g, a, y.a[0]);
        break;
    case EQ_MULZ:
        if (sx_eq_is(g, a, 0.0) || sx_eq_is(g, b, 0.0)) return sx_eq_const(g, 0.0);
        if (is_constant(g, b)) return multiply(g, a, b);
        break;
    default:
        break;
    }
    const int32_t in[2] = { a, b };
    return elementwise(g, op, 2, in, 0);
}

int32_t sx_eq_select(sx_eq_graph *g, sx_eq_compare c, int32_t a, int32_t b, int32_t x, int32_t y) {
    if (g->status < 0) return 0;
    if (x == y) return x;
    const int32_t in[4] = { a, b, x, y };
    if (is_number(g, a) && is_number(g, b)) {
        double pick;
        const double *const v[4] = { sx_eq_numbers(g, a), sx_eq_numbers(g, b), &(double){ 1.0 }, &(double){ 0.0 } };
        const int step[4] = { 0 };
        sx_eq_rows_select(c, 1, v, step, &pick);
        return pick != 0.0 ? x : y;
    }
    return elementwise(g, EQ_SELECT, 4, in, (int)c);
}
