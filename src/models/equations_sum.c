// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* sum_j P_ij, taken apart. P becomes a sum of products of factors that depend on i, on j, on neither, or on both; sin and cos of
 * A_i + B_j go by the addition theorems. With r_i, c_j such factors, K_ij constant and P_ij neither,
 *     sum_j r_i c_j = r_i sum_j c_j,   sum_j r_i K_ij c_j = r_i (K c)_i,   sum_j r_i K_ij P_ij = r_i (loop over pairs or links). */
#include "models/equations.h"

#include "models/coupling_private.h"

enum { TERMS = 64, FACTORS = 16, LEVELS = 100 };
#define MATRIX_ENTRIES (INT64_C(1) << 26)

typedef struct term {
    double c;
    int n;
    int32_t factor[FACTORS];
} term;
typedef struct terms {
    int n;
    term t[TERMS];
} terms;

static bool single(terms *out, int32_t factor) {
    out->n = 1;
    out->t[0] = (term){ .c = 1.0, .n = 1, .factor = { factor } };
    return true;
}
static bool append(terms *out, const terms *more, double c) {
    if (out->n + more->n > TERMS) return false;
    for (int i = 0; i < more->n; ++i) {
        out->t[out->n] = more->t[i];
        out->t[out->n++].c *= c;
    }
    return true;
}
/* out *= by, or false where that becomes too long */
static bool times(sx_eq_graph *g, terms *out, const terms *by) {
    terms *product = NULL;
    if ((int64_t)out->n * by->n > TERMS) return false;
    if (g->status >= 0) g->status = sx_alloc(g->ctx, 1, sizeof *product, &product);
    bool fits = g->status >= 0;
    for (int i = 0; i < out->n && fits; ++i) {
        for (int j = 0; j < by->n && fits; ++j) {
            const term *a = &out->t[i], *b = &by->t[j];
            term *t = &product->t[product->n++];
            fits = a->n + b->n <= FACTORS;
            if (!fits) break;
            *t = *a;
            t->c *= b->c;
            for (int k = 0; k < b->n; ++k) t->factor[t->n++] = b->factor[k];
        }
    }
    if (fits) *out = *product;
    sx_free(g->ctx, product);
    return fits;
}

static bool expand(sx_eq_graph *g, int32_t pair, int level, terms *out);

/* sin(A_i + B_j) = sin A cos B + cos A sin B, cos(A_i + B_j) = cos A cos B - sin A sin B */
static bool addition_theorem(sx_eq_graph *g, sx_eq_op op, int32_t argument, int level, terms *out) {
    terms *split = NULL;
    bool separable = false, any_row = false, any_column = false;
    int32_t A = sx_eq_const(g, 0.0), B = A;
    if (g->status >= 0) g->status = sx_alloc(g->ctx, 1, sizeof *split, &split);
    if (g->status < 0) return single(out, 0);
    separable = expand(g, argument, level, split);
    for (int i = 0; i < split->n && separable; ++i) {
        const term *t = &split->t[i];
        int32_t product = sx_eq_const(g, t->c);
        bool row = false, column = false;
        for (int k = 0; k < t->n; ++k) {
            const sx_eq_node f = g->node[t->factor[k]];
            row = row || f.op == EQ_ROW;
            column = column || f.op == EQ_COL;
            separable = separable && (f.dims == 0 || f.op == EQ_ROW || f.op == EQ_COL);
            if (separable && !(row && column)) product = sx_eq_mul(g, product, t->factor[k]);
        }
        separable = separable && !(row && column);
        any_row = any_row || row;
        any_column = any_column || column;
        if (separable && column)
            B = sx_eq_add(g, B, product);
        else if (separable)
            A = sx_eq_add(g, A, product);
    }
    sx_free(g->ctx, split);
    if (!separable || !any_row || !any_column) return false;
    int32_t sA = sx_eq_unary(g, EQ_SIN, A), cA = sx_eq_unary(g, EQ_COS, A), sB = sx_eq_unary(g, EQ_SIN, B),
            cB = sx_eq_unary(g, EQ_COS, B);
    out->n = 2;
    if (op == EQ_SIN) {
        out->t[0] = (term){ 1.0, 2, { sA, cB } };
        out->t[1] = (term){ 1.0, 2, { cA, sB } };
    } else {
        out->t[0] = (term){ 1.0, 2, { cA, cB } };
        out->t[1] = (term){ -1.0, 2, { sA, sB } };
    }
    return true;
}

/* Always leaves a valid list in out (at worst the node as one factor); true. */
static bool expand(sx_eq_graph *g, int32_t pair, int level, terms *out) {
    const sx_eq_node n = g->node[pair];
    terms *right = NULL;
    bool done = false;
    out->n = 0;
    if (g->status < 0 || n.dims < 2 || level >= LEVELS) return single(out, pair);
    switch (n.op) {
    case EQ_NEG:
        done = expand(g, n.a[0], level + 1, out);
        for (int i = 0; i < out->n; ++i) out->t[i].c = -out->t[i].c;
        return done;
    case EQ_SIN:
    case EQ_COS:
        return addition_theorem(g, (sx_eq_op)n.op, n.a[0], level + 1, out) || single(out, pair);
    case EQ_ADD:
    case EQ_SUB:
    case EQ_MUL:
    case EQ_DIV:
        g->status = sx_alloc(g->ctx, 1, sizeof *right, &right);
        if (g->status < 0) return single(out, 0);
        (void)expand(g, n.a[0], level + 1, out);
        if (n.op == EQ_DIV) {
            (void)single(right, sx_eq_binary(g, EQ_DIV, sx_eq_const(g, 1.0), n.a[1]));
            done = right->t[0].factor[0] != pair && times(g, out, right);
        } else {
            (void)expand(g, n.a[1], level + 1, right);
            done = n.op == EQ_MUL ? times(g, out, right) : append(out, right, n.op == EQ_SUB ? -1.0 : 1.0);
        }
        sx_free(g->ctx, right);
        return done || single(out, pair);
    default:
        return single(out, pair);
    }
}

/* -- constant pair arrays as matrices ------------------------------------------------------------------------------------------ */

/* Numbers of a constant pair array, row by row; every node keeps one row. */
static sx_status evaluate(sx_eq_graph *g, int32_t pair, int64_t n0, int64_t n1, double *out) {
    sx_ctx *ctx = g->ctx;
    sx_status status = SX_OK;
    const sx_kernels *k = sx_kernels_get(NULL);
    double **row = NULL, **dense = NULL;
    bool *used = NULL;
    SX_GO(ctx, status, done, sx_alloc(ctx, pair + 1, sizeof *row, &row));
    SX_GO(ctx, status, done, sx_alloc(ctx, pair + 1, sizeof *used, &used));
    SX_GO(ctx, status, done, sx_alloc(ctx, pair + 1, sizeof *dense, &dense));
    used[pair] = true;
    for (int32_t i = pair; i >= 0; --i) {
        const sx_eq_node *x = &g->node[i];
        if (!used[i] || x->dims != 2) continue;
        SX_GO(ctx, status, done, sx_alloc(ctx, n1, sizeof **row, &row[i]));
        if (x->op == EQ_MATRIX) {
            const sx_eq_matrix *m = &g->matrix[x->k / 2];
            SX_GO(ctx, status, done, sx_alloc(ctx, n0 * n1, sizeof **dense, &dense[i]));
            sx_coupling_add_to_dense(m->w, 1.0, NULL, dense[i]);
        }
        if (x->op == EQ_ROW || x->op == EQ_COL || x->op == EQ_GATHER) continue;
        for (int a = 0; a < 4 && x->a[a] >= 0; ++a) used[x->a[a]] = true;
    }
    for (int64_t i = 0; i < n0; ++i) {
        for (int32_t id = 0; id <= pair; ++id) {
            const sx_eq_node *x = &g->node[id];
            double *y = row[id];
            if (!y) continue;
            if (x->op == EQ_MATRIX) {
                for (int64_t j = 0; j < n1; ++j) y[j] = x->k & 1 ? dense[id][j * n0 + i] : dense[id][i * n1 + j];
                continue;
            }
            if (x->op == EQ_ROW || x->op == EQ_COL || x->op == EQ_GATHER) {
                const double *v = g->vector[g->node[x->a[0]].k].v;
                int64_t n = g->range[g->node[x->a[0]].r0];
                for (int64_t j = 0; j < n1; ++j) {
                    int64_t m = x->op == EQ_ROW   ? i
                                : x->op == EQ_COL ? j
                                                  : sx_eq_wrap(g->boundary, x->s0 * i + x->s1 * j + x->shift, n);
                    y[j] = m < 0 ? 0.0 : v[m];
                }
                continue;
            }
            const double *in[4] = { NULL };
            int step[4] = { 0 }, count = 0;
            for (; count < 4 && x->a[count] >= 0; ++count) {
                step[count] = g->node[x->a[count]].dims == 2;
                in[count] = step[count] ? row[x->a[count]] : &g->node[x->a[count]].value;
            }
            if (x->op == EQ_SELECT)
                sx_eq_rows_select((sx_eq_compare)x->k, n1, in, step, y);
            else if (count == 2)
                sx_eq_rows_binary(k, (sx_eq_op)x->op, n1, in[0], step[0], in[1], step[1], y);
            else
                sx_eq_rows_unary(k, (sx_eq_op)x->op, n1, in[0], y);
        }
        memcpy(out + i * n1, row[pair], (size_t)n1 * sizeof *out);
    }
done:
    for (int32_t i = 0; i <= pair; ++i) {
        if (row) sx_free(ctx, row[i]);
        if (dense) sx_free(ctx, dense[i]);
    }
    sx_free(ctx, row);
    sx_free(ctx, dense);
    sx_free(ctx, used);
    return status;
}

static sx_status as_coupling(sx_eq_graph *g, int64_t n0, int64_t n1, double *w, sx_coupling **out) {
    sx_ctx *ctx = g->ctx;
    sx_status status = SX_OK;
    int64_t links = 0, *start = NULL, used = 0;
    int32_t *column = NULL;
    double *value = NULL;
    for (int64_t i = 0; i < n0 * n1; ++i) {
        if (!isfinite(w[i])) {
            status = SX_FAIL(ctx, SX_E_USAGE, "a kernel of two indices is %g at [%lld,%lld]: want finite numbers", w[i],
                             (long long)(i / n1), (long long)(i % n1));
            goto done;
        }
        links += w[i] != 0.0;
    }
    if (n1 < 64 || 10 * links >= n0 * n1) {
        SX_GO(ctx, status, done, sx_coupling_dense(ctx, n0, n1, w, out));
        goto done;
    }
    SX_GO(ctx, status, done, sx_alloc(ctx, n0 + 1, sizeof *start, &start));
    SX_GO(ctx, status, done, sx_alloc(ctx, links, sizeof *column, &column));
    SX_GO(ctx, status, done, sx_alloc(ctx, links, sizeof *value, &value));
    for (int64_t i = 0; i < n0; ++i) {
        for (int64_t j = 0; j < n1; ++j) {
            if (w[i * n1 + j] == 0.0) continue;
            column[used] = (int32_t)j;
            value[used++] = w[i * n1 + j];
        }
        start[i + 1] = used;
    }
    SX_GO(ctx, status, done, sx_coupling_csr(ctx, n0, n1, start, column, value, out));
done:
    sx_free(ctx, start);
    sx_free(ctx, column);
    sx_free(ctx, value);
    return status;
}

/* The matrix of a constant pair array, made once and remembered by the node; -1 where it would be too large. */
static int matrix_of(sx_eq_graph *g, int32_t pair, int r0, int r1, bool *transposed) {
    int64_t n0 = g->range[r0], n1 = g->range[r1];
    double *w = NULL;
    sx_coupling *coupling = NULL;
    *transposed = false;
    if (g->status < 0) return 0;
    if (g->node[pair].op == EQ_MATRIX) {
        *transposed = g->node[pair].k & 1;
        return g->node[pair].k / 2;
    }
    if (g->node[pair].folded >= 0) return g->node[pair].folded;
    if (n1 > MATRIX_ENTRIES / n0) return -1;
    g->status = sx_alloc(g->ctx, n0 * n1, sizeof *w, &w);
    if (g->status >= 0) g->status = evaluate(g, pair, n0, n1, w);
    if (g->status >= 0) g->status = as_coupling(g, n0, n1, w, &coupling);
    sx_free(g->ctx, w);
    if (g->status < 0) return 0;
    int matrix = sx_eq_matrix_new(g, coupling, r0, r1);
    sx_coupling_free(g->ctx, coupling);
    g->node[pair].folded = matrix;
    return matrix;
}

/* -- the sum ------------------------------------------------------------------------------------------------------------------- */

/* Parts of a term; -1 where there is none. Rows and columns are vectors; pair arrays are constant, or in a loop mixed and matrix. */
typedef struct parts {
    int32_t row, column, constant, matrix, mixed;
} parts;

static int32_t both(sx_eq_graph *g, int32_t a, int32_t b) {
    return a < 0 ? b : sx_eq_mul(g, a, b);
}
static parts sort(sx_eq_graph *g, const term *t, bool mixed) {
    parts p = { sx_eq_const(g, t->c), -1, -1, -1, -1 };
    for (int k = 0; k < t->n; ++k) {
        const sx_eq_node f = g->node[t->factor[k]];
        mixed = mixed || (f.dims == 2 && f.op != EQ_ROW && f.op != EQ_COL && f.depends);
    }
    for (int k = 0; k < t->n; ++k) {
        const sx_eq_node f = g->node[t->factor[k]];
        if (f.dims < 2)
            p.row = both(g, p.row, t->factor[k]);
        else if (f.op == EQ_ROW)
            p.row = both(g, p.row, f.a[0]);
        else if (f.op == EQ_COL)
            p.column = both(g, p.column, f.a[0]);
        else if (mixed && f.op == EQ_MATRIX && p.matrix < 0)
            p.matrix = t->factor[k]; /* its links may be few */
        else if (mixed)
            p.mixed = both(g, p.mixed, t->factor[k]);
        else
            p.constant = both(g, p.constant, t->factor[k]);
    }
    return p;
}

static int32_t reduce(sx_eq_graph *g, int32_t body, int32_t matrix, int r0) {
    if (g->status < 0 || sx_eq_is(g, body, 0.0)) return body;
    sx_eq_node n = sx_eq_blank(EQ_REDUCE, 1, r0, -1);
    n.a[0] = body;
    n.k = matrix < 0 ? -1 : g->node[matrix].k;
    return sx_eq_intern(g, n);
}

/* Terms that depend on both indices, those with the same matrix in one loop. */
static int32_t loops(sx_eq_graph *g, int n, const parts *mixed, int r0, int r1) {
    int32_t sum = sx_eq_const(g, 0.0);
    for (int i = 0; i < n; ++i) {
        int members = 0, first = i;
        for (int j = 0; j < n; ++j) {
            if (mixed[j].matrix != mixed[i].matrix) continue;
            if (j < first) first = j;
            ++members;
        }
        if (first != i) continue;
        int32_t body = sx_eq_const(g, 0.0), outside = -1;
        for (int j = i; j < n; ++j) {
            if (mixed[j].matrix != mixed[i].matrix) continue;
            int32_t p = mixed[j].mixed;
            if (mixed[j].column >= 0) p = sx_eq_mul(g, p, sx_eq_col(g, mixed[j].column, r0, r1));
            if (members == 1)
                outside = mixed[j].row;
            else
                p = sx_eq_mul(g, p, sx_eq_row(g, mixed[j].row, r0, r1));
            body = sx_eq_add(g, body, p);
        }
        int32_t part = reduce(g, body, mixed[i].matrix, r0);
        sum = sx_eq_add(g, sum, outside >= 0 ? sx_eq_mul(g, outside, part) : part);
    }
    return sum;
}

int32_t sx_eq_sum(sx_eq_graph *g, int32_t pair, int r0, int r1) {
    terms *all = NULL;
    parts mixed[TERMS];
    int n_mixed = 0;
    bool any_matrix = false;
    int32_t sum = sx_eq_const(g, 0.0);
    if (g->status >= 0) g->status = sx_alloc(g->ctx, 1, sizeof *all, &all);
    if (g->status < 0) return 0;
    (void)expand(g, pair, 0, all);
    int n = all->n;
    for (int i = 0; i < n && g->status >= 0; ++i) {
        parts p = sort(g, &all->t[i], false);
        bool transposed = false;
        int matrix = -1;
        if (p.mixed < 0 && p.constant >= 0) {
            matrix = matrix_of(g, p.constant, r0, r1, &transposed);
            if (matrix < 0)
                p = sort(g, &all->t[i], true); /* too large to store: a loop over pairs or links of constants */
        }
        if (p.mixed >= 0) {
            any_matrix = any_matrix || p.matrix >= 0;
            mixed[n_mixed++] = p;
            continue;
        }
        int32_t one = p.column < 0 ? sx_eq_const(g, 1.0) : p.column;
        sum = sx_eq_add(
            g, sum,
            sx_eq_mul(g, p.row, matrix < 0 ? sx_eq_total(g, one, r1) : sx_eq_product(g, matrix, transposed, one)));
    }
    sx_free(g->ctx, all);
    if (g->status < 0) return 0;
    if (n_mixed == n && n > 1 && !any_matrix) return reduce(g, pair, -1, r0); /* nothing gained: as it was written */
    return n_mixed ? sx_eq_add(g, sum, loops(g, n_mixed, mixed, r0, r1)) : sum;
}
