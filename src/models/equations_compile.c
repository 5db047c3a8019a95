// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Graph to program. Operations on whole arrays (products, sums, shifts, loops over pairs) cut the work into stages; between them,
 * elementwise nodes over one range are one loop over chunks that fit the first-level cache. A node is computed as late as its users
 * allow where that costs no storage. Values that live across loops get slots, others registers; both are reused when dead. */
#include "models/equations.h"

#include "models/coupling_private.h"

#include <stdlib.h>

typedef struct place_of {
    int32_t id, stage, range;
    uint8_t loop; /* 0: operation on arrays */
} place_of;

typedef struct compiler {
    sx_eq_graph *g;
    sx_eq_program *p;
    int n_out;
    const int32_t *roots;
    const sx_eq_array *out; /* of the result */
    int32_t top;
    bool *used;
    int32_t *stage, *latest;
    uint8_t *where; /* sx_eq_where of a computed node */
    int32_t *index; /* slot, register, or array of the result */
    int32_t *last;  /* last step that reads a node; in loops: last instruction */
    int32_t *step_of;
    place_of *order;
    int32_t n_order;
    bool *copied; /* arrays of the result that need a copy at the end */
    int32_t code_capacity, step_capacity;
    bool *mark;    /* of pair nodes */
    int32_t *list; /* scratch */
} compiler;

static bool is_leaf(const sx_eq_node *n) {
    return n->op >= EQ_CONST && n->op <= EQ_DIRECTION;
}
static bool is_array_operation(const sx_eq_node *n) {
    return n->op >= EQ_SHIFT && n->op <= EQ_SCATTER;
}

/* The nodes outside of pair arrays that `id` reads. */
static int32_t needs(compiler *c, int32_t id, int32_t *out) {
    const sx_eq_graph *g = c->g;
    const sx_eq_node *n = &g->node[id];
    int32_t count = 0;
    if (n->op != EQ_REDUCE && n->op != EQ_SCATTER) {
        for (int k = 0; k < 4 && n->a[k] >= 0; ++k) out[count++] = n->a[k];
        return count;
    }
    int32_t pair = n->a[0];
    c->mark[pair] = true;
    for (int32_t i = pair; i >= 0; --i) {
        if (!c->mark[i]) continue;
        c->mark[i] = false;
        if (g->node[i].dims != 2) {
            out[count++] = i;
            continue;
        }
        for (int k = 0; k < 4 && g->node[i].a[k] >= 0; ++k) c->mark[g->node[i].a[k]] = true;
    }
    return count;
}

/* -- stages -------------------------------------------------------------------------------------------------------------------- */

static void schedule(compiler *c) {
    const sx_eq_graph *g = c->g;
    int32_t most = 0;
    for (int32_t i = 0; i <= c->top; ++i) { /* as early as possible */
        const sx_eq_node *n = &g->node[i];
        c->stage[i] = 0;
        if (!c->used[i] || is_leaf(n)) continue;
        int32_t count = needs(c, i, c->list);
        for (int32_t k = 0; k < count; ++k) {
            const sx_eq_node *x = &g->node[c->list[k]];
            int32_t s = c->stage[c->list[k]] + (is_array_operation(n) && !is_leaf(x) && !is_array_operation(x));
            c->stage[i] = s > c->stage[i] ? s : c->stage[i];
        }
        most = c->stage[i] > most ? c->stage[i] : most;
    }
    for (int32_t i = 0; i <= c->top; ++i) c->latest[i] = most;
    for (int32_t i = c->top; i >= 0; --i) { /* latest stage that all users allow */
        const sx_eq_node *n = &g->node[i];
        if (!c->used[i] || is_leaf(n)) continue;
        int32_t count = needs(c, i, c->list), limit = is_array_operation(n) ? c->stage[i] - 1 : c->latest[i];
        for (int32_t k = 0; k < count; ++k) {
            int32_t x = c->list[k];
            if (limit < c->latest[x]) c->latest[x] = limit;
        }
    }
    for (int32_t i = 0; i <= c->top; ++i) { /* late where no operand must be kept for it */
        const sx_eq_node *n = &g->node[i];
        if (!c->used[i] || is_leaf(n) || is_array_operation(n)) continue;
        bool late = true;
        int32_t early = 0;
        for (int k = 0; k < 4 && n->a[k] >= 0; ++k) {
            const sx_eq_node *x = &g->node[n->a[k]];
            if (is_leaf(x)) continue;
            early = c->stage[n->a[k]] > early ? c->stage[n->a[k]] : early;
            if (!is_array_operation(x) && c->stage[n->a[k]] != c->latest[i]) late = false;
        }
        c->stage[i] = late ? c->latest[i] : early;
    }
}

static int compare_places(const void *a, const void *b) {
    const place_of *x = a, *y = b;
    if (x->stage != y->stage) return x->stage < y->stage ? -1 : 1;
    if (x->loop != y->loop) return x->loop < y->loop ? -1 : 1;
    if (x->loop && x->range != y->range) return x->range < y->range ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}
static void order(compiler *c) {
    for (int32_t i = 0; i <= c->top; ++i) {
        const sx_eq_node *n = &c->g->node[i];
        if (!c->used[i] || is_leaf(n)) continue;
        c->order[c->n_order++] = (place_of){ i, c->stage[i], n->dims ? n->r0 : -1, !is_array_operation(n) };
    }
    if (c->n_order > 1) qsort(c->order, (size_t)c->n_order, sizeof *c->order, compare_places);
    int32_t step = -1;
    for (int32_t k = 0; k < c->n_order; ++k) {
        const place_of *o = &c->order[k], *before = o - 1;
        bool same = k > 0 && o->loop && before->loop && o->stage == before->stage && o->range == before->range;
        step += !same;
        c->step_of[o->id] = step;
    }
}

/* -- storage ------------------------------------------------------------------------------------------------------------------- */

/* Who reads a node, and whether it may stay in a register. */
static void find_uses(compiler *c) {
    const sx_eq_graph *g = c->g;
    for (int32_t i = 0; i <= c->top; ++i) {
        c->where[i] = EQ_AT_REGISTER;
        c->last[i] = -1;
    }
    for (int32_t k = 0; k < c->n_order; ++k) {
        int32_t id = c->order[k].id, count = needs(c, id, c->list);
        if (!c->order[k].loop) c->where[id] = EQ_AT_SLOT;
        for (int32_t e = 0; e < count; ++e) {
            int32_t x = c->list[e];
            if (is_leaf(&g->node[x])) continue;
            if (c->step_of[x] != c->step_of[id]) c->where[x] = EQ_AT_SLOT;
            if (c->step_of[id] > c->last[x]) c->last[x] = c->step_of[id];
        }
    }
    int32_t steps = c->n_order ? c->step_of[c->order[c->n_order - 1].id] + 1 : 0;
    for (int a = 0; a < c->n_out; ++a) {
        int32_t r = c->roots[a];
        bool fits = !is_leaf(&g->node[r]) && g->node[r].dims == (c->out[a].range >= 0) && c->where[r] != EQ_AT_OUT;
        c->copied[a] = !fits;
        if (fits) {
            c->where[r] = EQ_AT_OUT;
            c->index[r] = a;
        } else if (!is_leaf(&g->node[r])) {
            if (c->where[r] == EQ_AT_REGISTER) c->where[r] = EQ_AT_SLOT;
            c->last[r] = steps;
        }
    }
}

static sx_status give_slots(compiler *c) {
    sx_ctx *ctx = c->g->ctx;
    sx_eq_program *p = c->p;
    int32_t *busy = NULL; /* last step of the present holder */
    int64_t *rows = NULL;
    int32_t n = 0;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, c->n_order + 1, sizeof *busy, &busy));
    SX_GO(ctx, status, done, sx_alloc(ctx, c->n_order + 1, sizeof *rows, &rows));
    for (int32_t k = 0; k < c->n_order; ++k) {
        int32_t id = c->order[k].id, found = -1;
        const sx_eq_node *x = &c->g->node[id];
        int64_t want = x->dims ? c->g->range[x->r0] : 1;
        if (c->where[id] != EQ_AT_SLOT) continue;
        for (int32_t s = 0; s < n && found < 0; ++s) {
            if (rows[s] == want && busy[s] < c->step_of[id]) found = s;
        }
        if (found < 0) {
            found = n++;
            rows[found] = want;
        }
        busy[found] = c->last[id] > c->step_of[id] ? c->last[id] : c->step_of[id];
        c->index[id] = found;
    }
    SX_GO(ctx, status, done, sx_alloc(ctx, n + 1, sizeof *p->slot_first, &p->slot_first));
    p->n_slots = n;
    for (int32_t s = 0; s < n; ++s) p->slot_first[s + 1] = p->slot_first[s] + rows[s];
done:
    sx_free(ctx, busy);
    sx_free(ctx, rows);
    return status;
}

/* -- code ---------------------------------------------------------------------------------------------------------------------- */

static sx_eq_operand operand(const compiler *c, int32_t id) {
    const sx_eq_graph *g = c->g;
    const sx_eq_node *n = &g->node[id];
    sx_eq_operand o = { .whole = n->dims == 0 };
    switch (n->op) {
    case EQ_CONST:
        o.where = EQ_AT_NUMBER;
        o.value = n->value;
        return o;
    case EQ_TIME:
        o.where = EQ_AT_TIME;
        return o;
    case EQ_VECTOR:
        o.where = EQ_AT_VECTOR;
        o.v = g->vector[n->k].v;
        return o;
    case EQ_STATE:
        o.where = EQ_AT_STATE;
        o.first = g->array[n->k].first;
        return o;
    case EQ_DIRECTION:
        o.where = EQ_AT_DIRECTION;
        o.direction = (int8_t)(n->k / g->n_arrays);
        o.first = g->array[n->k % g->n_arrays].first;
        return o;
    default:
        o.where = c->where[id];
        o.index = c->index[id];
        if (o.where == EQ_AT_OUT) o.first = c->out[o.index].first;
        return o;
    }
}

static sx_status emit(compiler *c, sx_eq_instruction i) {
    sx_eq_program *p = c->p;
    if (p->n_instructions == c->code_capacity) {
        int32_t capacity = 2 * c->code_capacity + 64;
        SX_TRY(c->g->ctx, p->code ? sx_resize(c->g->ctx, capacity, sizeof *p->code, &p->code)
                                  : sx_alloc(c->g->ctx, capacity, sizeof *p->code, &p->code));
        c->code_capacity = capacity;
    }
    p->code[p->n_instructions++] = i;
    return SX_OK;
}
static sx_status add_step(compiler *c, sx_eq_step s) {
    sx_eq_program *p = c->p;
    if (p->n_steps == c->step_capacity) {
        int32_t capacity = 2 * c->step_capacity + 32;
        SX_TRY(c->g->ctx, p->step ? sx_resize(c->g->ctx, capacity, sizeof *p->step, &p->step)
                                  : sx_alloc(c->g->ctx, capacity, sizeof *p->step, &p->step));
        c->step_capacity = capacity;
    }
    if (s.rows > p->most_rows) p->most_rows = s.rows;
    p->step[p->n_steps++] = s;
    return SX_OK;
}

/* Registers of one loop: a free one, or a new one. busy[r] is the last instruction of its holder. */
typedef struct registers {
    int32_t n, capacity, *busy;
} registers;
static sx_status take_register(compiler *c, registers *r, int32_t now, int32_t last, int32_t *out) {
    for (int32_t k = 0; k < r->n; ++k) {
        if (r->busy[k] > now) continue;
        r->busy[k] = last;
        *out = k;
        return SX_OK;
    }
    if (r->n == r->capacity) {
        int32_t capacity = 2 * r->capacity + 16;
        SX_TRY(c->g->ctx, r->busy ? sx_resize(c->g->ctx, capacity, sizeof *r->busy, &r->busy)
                                  : sx_alloc(c->g->ctx, capacity, sizeof *r->busy, &r->busy));
        r->capacity = capacity;
    }
    r->busy[r->n] = last;
    *out = r->n++;
    if (r->n > c->p->registers) c->p->registers = r->n;
    return SX_OK;
}

static double cost(int op) {
    return op <= EQ_ATAN && op != EQ_SQRT && op != EQ_ABS ? 20.0 : op == EQ_POWER ? 45.0 : 1.0;
}

/* Elementwise nodes [from, to) of the order as one loop. */
static sx_status loop(compiler *c, int32_t from, int32_t to) {
    sx_eq_graph *g = c->g;
    registers r = { 0 };
    int range = c->order[from].range;
    sx_eq_step s = { .op = EQ_COPY, .rows = range < 0 ? 1 : g->range[range], .first = c->p->n_instructions };
    sx_status status = SX_OK;
    for (int32_t k = from; k < to; ++k) { /* last use inside the loop */
        const sx_eq_node *n = &g->node[c->order[k].id];
        for (int e = 0; e < 4 && n->a[e] >= 0; ++e) {
            if (!is_leaf(&g->node[n->a[e]]) && c->where[n->a[e]] == EQ_AT_REGISTER) c->last[n->a[e]] = k;
        }
    }
    for (int32_t k = from; k < to; ++k) {
        int32_t id = c->order[k].id;
        const sx_eq_node *n = &g->node[id];
        sx_eq_instruction i = { .op = n->op, .compare = (uint8_t)n->k };
        for (int e = 0; e < 4 && n->a[e] >= 0; ++e) i.in[e] = operand(c, n->a[e]);
        if (c->where[id] == EQ_AT_REGISTER)
            SX_GO(g->ctx, status, done, take_register(c, &r, k, c->last[id], &c->index[id]));
        i.out = operand(c, id);
        SX_GO(g->ctx, status, done, emit(c, i));
        c->p->flops += cost(n->op) * (double)s.rows;
    }
    s.n = c->p->n_instructions - s.first;
    SX_GO(g->ctx, status, done, add_step(c, s));
done:
    sx_free(g->ctx, r.busy);
    return status;
}

/* Numbers of a matrix, n0 x n1 as the node sees it. */
static sx_status dense_of(compiler *c, int32_t matrix, const double **out) {
    sx_eq_graph *g = c->g;
    sx_eq_program *p = c->p;
    const sx_eq_matrix *m = &g->matrix[matrix / 2];
    int64_t rows = g->range[m->r0], columns = g->range[m->r1], size = 0;
    double *w = NULL, *t = NULL;
    for (int32_t k = 0; k < p->n_dense; ++k) {
        if (p->dense[k].matrix == matrix) {
            *out = p->dense[k].v;
            return SX_OK;
        }
    }
    SX_TRY(g->ctx, p->dense ? sx_resize(g->ctx, p->n_dense + 1, sizeof *p->dense, &p->dense)
                            : sx_alloc(g->ctx, 1, sizeof *p->dense, &p->dense));
    SX_TRY(g->ctx, sx_mul_size(g->ctx, rows, columns, &size));
    SX_TRY(g->ctx, sx_alloc(g->ctx, size, sizeof *w, &w));
    sx_coupling_add_to_dense(m->w, 1.0, NULL, w);
    if (matrix & 1) {
        sx_status status = sx_alloc(g->ctx, size, sizeof *t, &t);
        for (int64_t i = 0; i < rows && status >= 0; ++i) {
            for (int64_t j = 0; j < columns; ++j) t[j * rows + i] = w[i * columns + j];
        }
        sx_free(g->ctx, w);
        SX_TRY(g->ctx, status);
        w = t;
    }
    p->dense[p->n_dense++] = (sx_eq_dense){ matrix, w };
    *out = w;
    return SX_OK;
}

/* Links of a matrix, row by row as the node sees it. */
static sx_status rows_of(compiler *c, int32_t matrix, const sx_csr **out) {
    sx_eq_program *p = c->p;
    const sx_coupling *w = c->g->matrix[matrix / 2].w;
    const bool transposed = matrix & 1;
    if (w->csr.blocks == 1) {
        *out = transposed ? &w->csr_t : &w->csr;
        return SX_OK;
    }
    for (int32_t k = 0; k < p->n_rows; ++k)
        if (p->rows[k].matrix == matrix) {
            *out = p->rows[k].csr;
            return SX_OK;
        }
    sx_ctx *ctx = c->g->ctx;
    sx_csr *csr = NULL;
    SX_TRY(ctx, p->rows ? sx_resize(ctx, p->n_rows + 1, sizeof *p->rows, &p->rows)
                        : sx_alloc(ctx, 1, sizeof *p->rows, &p->rows));
    SX_TRY(ctx, sx_alloc(ctx, 1, sizeof *csr, &csr));
    sx_status status = sx_coupling_plain(ctx, w, transposed, csr);
    if (status < 0) {
        sx_free(ctx, csr);
        return sx_frame_at(ctx, status, __FILE__, __LINE__, __func__);
    }
    p->rows[p->n_rows++] = (sx_eq_rows){ matrix, csr };
    *out = csr;
    return SX_OK;
}

/* The operand of a pair node inside its loop. */
static sx_status pair_operand(compiler *c, int32_t id, bool links, sx_eq_operand *out) {
    const sx_eq_node *n = &c->g->node[id];
    if (n->dims != 2) {
        *out = operand(c, id);
    } else if (n->op == EQ_ROW) {
        *out = operand(c, n->a[0]);
        out->row = 1;
    } else if (n->op == EQ_COL && !links) {
        *out = operand(c, n->a[0]);
    } else if (n->op == EQ_MATRIX) {
        *out = (sx_eq_operand){ .where = EQ_AT_MATRIX, .first = c->g->range[n->r1] };
        return dense_of(c, n->k, &out->v);
    } else {
        *out = (sx_eq_operand){ .where = EQ_AT_REGISTER, .index = c->index[id] };
    }
    return SX_OK;
}

/* Code of a pair array: every chunk of the second index at one element of the first. */
static sx_status pair_code(compiler *c, int32_t pair, bool links, double rows, sx_eq_step *s) {
    sx_eq_graph *g = c->g;
    registers r = { 0 };
    int32_t n = 0;
    sx_status status = SX_OK;
    c->mark[pair] = true;
    for (int32_t i = pair; i >= 0; --i) {
        const sx_eq_node *x = &g->node[i];
        if (!c->mark[i]) continue;
        c->mark[i] = false;
        if (x->dims != 2) continue;
        c->list[n++] = i;
        if (x->op == EQ_ROW || x->op == EQ_COL || x->op == EQ_GATHER) continue;
        for (int k = 0; k < 4 && x->a[k] >= 0; ++k) c->mark[x->a[k]] = true;
    }
    for (int32_t k = 0; k < n; ++k) c->last[c->list[k]] = -1;
    for (int32_t k = n - 1; k >= 0; --k) { /* ascending; times run from 0 */
        const sx_eq_node *x = &g->node[c->list[k]];
        for (int e = 0; e < 4 && x->a[e] >= 0; ++e) {
            if (g->node[x->a[e]].dims == 2) c->last[x->a[e]] = n - 1 - k;
        }
    }
    c->last[pair] = n;
    s->first = c->p->n_instructions;
    for (int32_t k = n - 1; k >= 0; --k) {
        int32_t id = c->list[k];
        const sx_eq_node *x = &g->node[id];
        bool load = x->op == EQ_GATHER || (x->op == EQ_COL && links);
        if (x->op == EQ_ROW || x->op == EQ_MATRIX || (x->op == EQ_COL && !links)) continue;
        sx_eq_instruction i = { .op = x->op, .compare = (uint8_t)x->k, .s0 = x->s0, .s1 = x->s1, .shift = x->shift };
        if (load) {
            i.in[0] = operand(c, x->a[0]);
            i.in[1].first = x->op == EQ_GATHER ? g->range[g->node[x->a[0]].r0] : 0;
        } else {
            for (int e = 0; e < 4 && x->a[e] >= 0; ++e)
                SX_GO(g->ctx, status, done, pair_operand(c, x->a[e], links, &i.in[e]));
        }
        SX_GO(g->ctx, status, done, take_register(c, &r, n - 1 - k, c->last[id], &c->index[id]));
        i.out = (sx_eq_operand){ .where = EQ_AT_REGISTER, .index = c->index[id] };
        SX_GO(g->ctx, status, done, emit(c, i));
        c->p->flops += cost(x->op) * rows;
    }
    s->n = c->p->n_instructions - s->first;
    SX_GO(g->ctx, status, done, pair_operand(c, pair, links, &s->in));
done:
    sx_free(g->ctx, r.busy);
    return status;
}

/* Links only where the body has no other matrix. */
static bool has_matrix(compiler *c, int32_t pair) {
    bool found = false;
    c->mark[pair] = true;
    for (int32_t i = pair; i >= 0; --i) {
        const sx_eq_node *x = &c->g->node[i];
        if (!c->mark[i]) continue;
        c->mark[i] = false;
        found = found || x->op == EQ_MATRIX;
        if (x->dims != 2 || x->op == EQ_ROW || x->op == EQ_COL || x->op == EQ_GATHER) continue;
        for (int k = 0; k < 4 && x->a[k] >= 0; ++k) c->mark[x->a[k]] = true;
    }
    return found;
}
static sx_status array_operation(compiler *c, int32_t id) {
    sx_eq_graph *g = c->g;
    const sx_eq_node *n = &g->node[id], *x = &g->node[n->a[0]];
    sx_eq_step s = { .op = n->op, .shift = n->shift, .s0 = n->s0, .s1 = n->s1, .out = operand(c, id), .factor = 1.0 };
    s.rows = n->dims ? g->range[n->r0] : 1;
    s.inner = x->dims ? g->range[x->r0] : 1;
    if (n->op == EQ_PRODUCT) {
        s.w = g->matrix[n->k / 2].w;
        s.transposed = n->k & 1;
        c->p->flops += sx_coupling_flops(s.w);
    }
    if (n->op == EQ_TOTAL) c->p->flops += (double)s.inner;
    if (n->op != EQ_REDUCE && n->op != EQ_SCATTER) {
        s.in = operand(c, n->a[0]);
        return add_step(c, s);
    }
    int64_t n0 = g->range[x->r0], n1 = g->range[x->r1];
    bool links = false;
    s.target = s.rows;
    if (n->op == EQ_SCATTER) s.rows = n0;
    s.inner = n1;
    if (n->op == EQ_REDUCE && n->k >= 0) {
        const sx_coupling *w = g->matrix[n->k / 2].w;
        links = sx_coupling_form_of(w) == SX_COUPLING_CSR && !has_matrix(c, n->a[0]);
        if (links) {
            const sx_csr *csr = NULL;
            SX_TRY(g->ctx, rows_of(c, n->k, &csr));
            s.row_start = csr->segment;
            s.column = csr->column;
            s.link = csr->value;
            s.factor = w->factor;
        } else {
            SX_TRY(g->ctx, dense_of(c, n->k, &s.dense));
        }
    }
    double pairs = links ? (double)sx_coupling_nonzeros(g->matrix[n->k / 2].w) : (double)n0 * (double)n1;
    SX_TRY(g->ctx, pair_code(c, n->a[0], links, pairs, &s));
    c->p->flops += 2.0 * pairs;
    return add_step(c, s);
}

static sx_status generate(compiler *c) {
    sx_eq_graph *g = c->g;
    for (int32_t k = 0; k < c->n_order;) {
        int32_t end = k + 1;
        if (!c->order[k].loop) {
            SX_TRY(g->ctx, array_operation(c, c->order[k].id));
        } else {
            while (end < c->n_order && c->step_of[c->order[end].id] == c->step_of[c->order[k].id]) ++end;
            SX_TRY(g->ctx, loop(c, k, end));
        }
        k = end;
    }
    for (int a = 0; a < c->n_out; ++a) {
        if (!c->copied[a]) continue;
        sx_eq_step s = { .op = EQ_COPY, .rows = c->out[a].n, .first = c->p->n_instructions, .n = 1 };
        sx_eq_instruction i = { .op = EQ_COPY };
        i.in[0] = operand(c, c->roots[a]);
        i.out = (sx_eq_operand){ .where = EQ_AT_OUT, .index = a, .first = c->out[a].first };
        SX_TRY(g->ctx, emit(c, i));
        SX_TRY(g->ctx, add_step(c, s));
    }
    return SX_OK;
}

sx_status sx_eq_compile(sx_eq_graph *g, int n_out, const int32_t *roots, const sx_eq_array *out, sx_eq_program *p) {
    sx_ctx *ctx = g->ctx;
    compiler c = { .g = g, .p = p, .n_out = n_out, .roots = roots, .out = out };
    sx_status status = g->status;
    memset(p, 0, sizeof *p);
    p->boundary = g->boundary;
    if (status < 0) return status;
    for (int a = 0; a < n_out; ++a) c.top = roots[a] > c.top ? roots[a] : c.top;
    int64_t n = (int64_t)c.top + 1;
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *c.used, &c.used));
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *c.mark, &c.mark));
    SX_GO(ctx, status, done, sx_alloc(ctx, n + 4, sizeof *c.list, &c.list));
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *c.stage, &c.stage));
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *c.latest, &c.latest));
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *c.where, &c.where));
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *c.index, &c.index));
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *c.last, &c.last));
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *c.step_of, &c.step_of));
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *c.order, &c.order));
    SX_GO(ctx, status, done, sx_alloc(ctx, n_out, sizeof *c.copied, &c.copied));
    for (int a = 0; a < n_out; ++a) c.used[roots[a]] = true;
    for (int32_t i = c.top; i >= 0; --i) { /* nodes outside of pair arrays */
        if (!c.used[i]) continue;
        int32_t count = needs(&c, i, c.list);
        for (int32_t k = 0; k < count; ++k) c.used[c.list[k]] = true;
    }
    schedule(&c);
    order(&c);
    find_uses(&c);
    SX_GO(ctx, status, done, give_slots(&c));
    SX_GO(ctx, status, done, generate(&c));
done:
    sx_free(ctx, c.used);
    sx_free(ctx, c.mark);
    sx_free(ctx, c.list);
    sx_free(ctx, c.stage);
    sx_free(ctx, c.latest);
    sx_free(ctx, c.where);
    sx_free(ctx, c.index);
    sx_free(ctx, c.last);
    sx_free(ctx, c.step_of);
    sx_free(ctx, c.order);
    sx_free(ctx, c.copied);
    if (status < 0) sx_eq_program_free(ctx, p);
    return status;
}

void sx_eq_program_free(sx_ctx *ctx, sx_eq_program *p) {
    for (int32_t k = 0; k < p->n_dense; ++k) sx_free(ctx, p->dense[k].v);
    sx_free(ctx, p->dense);
    for (int32_t k = 0; k < p->n_rows; ++k) {
        sx_csr_free(ctx, p->rows[k].csr);
        sx_free(ctx, p->rows[k].csr);
    }
    sx_free(ctx, p->rows);
    sx_free(ctx, p->call);
    sx_free(ctx, p->operand);
    sx_free(ctx, p->step);
    sx_free(ctx, p->code);
    sx_free(ctx, p->slot_first);
    memset(p, 0, sizeof *p);
}
