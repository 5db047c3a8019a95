// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Running a program: each loop in chunks of at most 1024 numbers, rows of b replicas or a part of one row. Panels of chunks write
 * disjoint rows and have registers of their own; sums run in the order of rows. So the bits depend neither on b nor on who runs what. */
#include "models/equations.h"

typedef struct machine {
    const sx_eq_program *p;
    const sx_kernels *k;
    double t;
    const double *x;
    const double *const *direction;
    int64_t b;
    double *out, *slots, *registers; /* registers of panel i begin at i * stride */
    int64_t stride;
    sx_work w; /* what is left, for products */
} machine;

/* Part of an array: rows [row, row + rows) of columns [column, column + columns), whole rows or one row. */
typedef struct chunk {
    int64_t row, rows, column, columns;
    int64_t outer;        /* pair loops: element of the first index */
    const int32_t *links; /* pair loops: elements of the second, or NULL: row, row + 1, ... */
    double *registers;
} chunk;
typedef struct view {
    const double *p;
    int64_t row; /* distance of rows */
    int step;    /* distance of replicas: 0 or 1 */
} view;

static int64_t slot_at(const machine *m, int32_t slot) {
    return sx_pad(m->p->slot_first[slot] * m->b) + 8 * (int64_t)slot;
}
/* First number of an array. */
static double *array_of(const machine *m, const sx_eq_operand *o) {
    switch (o->where) {
    case EQ_AT_STATE:
        return (double *)(uintptr_t)(m->x + o->first * m->b);
    case EQ_AT_DIRECTION:
        return (double *)(uintptr_t)(m->direction[o->direction] + o->first * m->b);
    case EQ_AT_OUT:
        return m->out + o->first * m->b;
    default:
        return m->slots + slot_at(m, o->index);
    }
}

static view look(const machine *m, const sx_eq_operand *o, const chunk *c) {
    int64_t row = o->row ? c->outer : c->row;
    switch (o->where) {
    case EQ_AT_NUMBER:
        return (view){ &o->value, 0, 0 };
    case EQ_AT_TIME:
        return (view){ &m->t, 0, 0 };
    case EQ_AT_VECTOR:
        return (view){ o->v + row, !o->row, 0 };
    case EQ_AT_MATRIX:
        return (view){ o->v + c->outer * o->first + row, 1, 0 };
    case EQ_AT_REGISTER:
        return (view){ c->registers + (int64_t)o->index * EQ_CHUNK, c->columns, 1 };
    default:
        if (o->whole) return (view){ array_of(m, o) + c->column, 0, 1 };
        return (view){ array_of(m, o) + row * m->b + c->column, o->row ? 0 : m->b, 1 };
    }
}

static void apply(const machine *m, const sx_eq_instruction *i, int64_t n, const double *const in[4], const int step[4],
                  int operands, double *y) {
    if (i->op == EQ_SELECT) {
        sx_eq_rows_select((sx_eq_compare)i->compare, n, in, step, y);
    } else if (operands == 2) {
        sx_eq_rows_binary(m->k, (sx_eq_op)i->op, n, in[0], step[0], in[1], step[1], y);
    } else if (step[0]) {
        sx_eq_rows_unary(m->k, (sx_eq_op)i->op, n, in[0], y);
    } else {
        double v;
        sx_eq_rows_unary(m->k, (sx_eq_op)i->op, 1, in[0], &v);
        for (int64_t k = 0; k < n; ++k) y[k] = v;
    }
}

static int operands_of(int op) {
    if (op == EQ_SELECT) return 4;
    return (op >= EQ_ADD && op <= EQ_MULZ) || op == EQ_POWER ? 2 : 1;
}

/* An element of a vector at every pair of the chunk. */
static void load(const machine *m, const sx_eq_instruction *i, const chunk *c) {
    const sx_eq_operand *o = &i->in[0];
    double *y = c->registers + (int64_t)i->out.index * EQ_CHUNK;
    const double *v = o->where == EQ_AT_VECTOR ? o->v : array_of(m, o) + c->column;
    for (int64_t r = 0; r < c->rows; ++r, y += c->columns) {
        int64_t j = c->links ? c->links[c->row + r] : c->row + r;
        if (i->op == EQ_GATHER) j = sx_eq_wrap(m->p->boundary, i->s0 * c->outer + i->s1 * j + i->shift, i->in[1].first);
        if (j < 0) {
            memset(y, 0, (size_t)c->columns * sizeof *y);
        } else if (o->where == EQ_AT_VECTOR) {
            for (int64_t k = 0; k < c->columns; ++k) y[k] = v[j];
        } else {
            memcpy(y, v + j * m->b, (size_t)c->columns * sizeof *y);
        }
    }
}

/* Few replicas: rows of one number each, or one row for all, are written out once instead of a call per row. */
enum { NARROW = 32 };
static void write_out(const chunk *c, const view *v, double *y) {
    for (int64_t r = 0; r < c->rows; ++r, y += c->columns) {
        const double *x = v->p + r * v->row;
        for (int64_t k = 0; k < c->columns; ++k) y[k] = x[k * v->step];
    }
}

/* Compiled loops: operands begin where the chunk does. */
static void run_calls(const machine *m, const sx_eq_step *s, const chunk *c) {
    const double *in[EQ_OPERANDS];
    double *out[EQ_OPERANDS];
    for (int32_t k = s->first_call; k < s->first_call + s->n_calls; ++k) {
        const sx_eq_call *call = &m->p->call[k];
        const sx_eq_operand *o = m->p->operand + call->first;
        for (int32_t e = 0; e < call->n_in; ++e) in[e] = look(m, &o[e], c).p;
        for (int32_t e = 0; e < call->n_out; ++e) out[e] = (double *)(uintptr_t)look(m, &o[call->n_in + e], c).p;
        call->run(c->rows, c->columns, in, out);
    }
}

static void run_code(const machine *m, const sx_eq_step *s, const chunk *c) {
    for (int32_t at = s->first; at < s->first + s->n; ++at) {
        const sx_eq_instruction *i = &m->p->code[at];
        if (i->op == EQ_GATHER || i->op == EQ_COL) {
            load(m, i, c);
            continue;
        }
        int operands = operands_of(i->op), step[4] = { 0 };
        const double *in[4] = { NULL };
        view v[4];
        bool flat = true;
        for (int k = 0; k < operands; ++k) {
            v[k] = look(m, &i->in[k], c);
            if (c->columns == 1) v[k].row = v[k].step = v[k].row != 0; /* one replica: a number per row is an array */
            in[k] = v[k].p;
            step[k] = v[k].step;
            if (c->rows > 1) flat = flat && (v[k].step ? v[k].row == c->columns : v[k].row == 0);
        }
        double *y = i->out.where == EQ_AT_REGISTER ? c->registers + (int64_t)i->out.index * EQ_CHUNK
                                                   : array_of(m, &i->out) + c->row * m->b + c->column;
        double narrow[4][EQ_CHUNK];
        for (int k = 0; !flat && c->columns <= NARROW && k < operands; ++k) {
            if (v[k].step ? v[k].row == c->columns : v[k].row == 0) continue;
            write_out(c, &v[k], narrow[k]);
            in[k] = narrow[k];
            step[k] = 1;
        }
        if (flat || c->columns <= NARROW) {
            apply(m, i, c->rows * c->columns, in, step, operands, y);
            continue;
        }
        for (int64_t r = 0; r < c->rows; ++r) {
            for (int k = 0; k < operands; ++k) in[k] = v[k].p + r * v[k].row;
            apply(m, i, c->columns, in, step, operands, y + r * c->columns);
        }
    }
    if (s->n_calls) run_calls(m, s, c);
}

/* -- loops --------------------------------------------------------------------------------------------------------------------- */

typedef struct job {
    const machine *m;
    const sx_eq_step *s;
    int64_t units, panels; /* chunks of a loop, rows of a pair loop; shared among the panels */
    int64_t chunk_rows, chunk_columns;
} job;

static int64_t panels_of(const sx_eq_program *p, int64_t b) {
    return p->most_rows * b >= 65536 ? EQ_PANELS : 1;
}

static void loop_panel(void *arg, int64_t panel) {
    const job *j = arg;
    const machine *m = j->m;
    int64_t across = (m->b + j->chunk_columns - 1) / j->chunk_columns;
    for (int64_t u = panel * j->units / j->panels; u < (panel + 1) * j->units / j->panels; ++u) {
        chunk c = { .row = u / across * j->chunk_rows, .column = u % across * j->chunk_columns };
        c.rows = j->s->rows - c.row < j->chunk_rows ? j->s->rows - c.row : j->chunk_rows;
        c.columns = m->b - c.column < j->chunk_columns ? m->b - c.column : j->chunk_columns;
        c.registers = m->registers + panel * m->stride;
        run_code(m, j->s, &c);
    }
}

/* y_c += w_j body_jc for the rows of a chunk, in order */
static void add_chunk(const machine *m, const sx_eq_step *s, const chunk *c, const double *weight, double *y) {
    view v = look(m, &s->in, c);
    for (int64_t r = 0; r < c->rows; ++r) {
        const double *x = v.p + r * v.row;
        double w = weight ? weight[c->row + r] : 1.0;
        if (v.step) {
            for (int64_t k = 0; k < c->columns; ++k) y[k] += w * x[k];
        } else {
            for (int64_t k = 0; k < c->columns; ++k) y[k] += w * x[0];
        }
    }
}

/* Matrices of the body and weights begin at the row of the outer element. */
static void pairs_of(const machine *m, const sx_eq_step *s, int64_t i, int64_t chunk_rows, int64_t chunk_columns,
                     double *registers, void (*use)(const machine *, const sx_eq_step *, const chunk *, int64_t i)) {
    int64_t first = s->row_start ? s->row_start[i] : 0, last = s->row_start ? s->row_start[i + 1] : s->inner;
    for (int64_t column = 0; column < m->b; column += chunk_columns) {
        for (int64_t row = first; row < last; row += chunk_rows) {
            chunk c = { .row = row,
                        .column = column,
                        .outer = i,
                        .links = s->row_start ? s->column : NULL,
                        .registers = registers };
            c.rows = last - row < chunk_rows ? last - row : chunk_rows;
            c.columns = m->b - column < chunk_columns ? m->b - column : chunk_columns;
            run_code(m, s, &c);
            use(m, s, &c, i);
        }
    }
}

static void use_reduce(const machine *m, const sx_eq_step *s, const chunk *c, int64_t i) {
    if (s->n_calls) return; /* the last kernel adds */
    const double *weight = s->row_start ? s->link : s->dense ? s->dense + i * s->inner : NULL;
    add_chunk(m, s, c, weight, array_of(m, &s->out) + i * m->b + c->column);
}
static void use_scatter(const machine *m, const sx_eq_step *s, const chunk *c, int64_t i) {
    view v = look(m, &s->in, c);
    for (int64_t r = 0; r < c->rows; ++r) {
        int64_t at = sx_eq_wrap(m->p->boundary, s->s0 * i + s->s1 * (c->row + r) + s->shift, s->target);
        if (at < 0) continue;
        const double *x = v.p + r * v.row;
        double *y = array_of(m, &s->out) + at * m->b + c->column;
        for (int64_t k = 0; k < c->columns; ++k) y[k] += x[k * v.step];
    }
}

static void reduce_panel(void *arg, int64_t panel) {
    const job *j = arg;
    const machine *m = j->m;
    for (int64_t i = panel * j->units / j->panels; i < (panel + 1) * j->units / j->panels; ++i) {
        double *y = array_of(m, &j->s->out) + i * m->b;
        memset(y, 0, (size_t)m->b * sizeof *y);
        pairs_of(m, j->s, i, j->chunk_rows, j->chunk_columns, m->registers + panel * m->stride, use_reduce);
        for (int64_t k = 0; j->s->factor != 1.0 && k < m->b; ++k) y[k] *= j->s->factor;
    }
}

static void run_loop(const machine *m, const sx_eq_step *s) {
    job j = { .m = m, .s = s, .chunk_columns = m->b < EQ_CHUNK ? m->b : EQ_CHUNK };
    int64_t most = panels_of(m->p, m->b);
    if (s->op == EQ_COPY && s->rows * m->b <= EQ_CHUNK) { /* one chunk: few replicas of a small model */
        run_code(m, s, &(chunk){ .rows = s->rows, .columns = m->b, .registers = m->registers });
        return;
    }
    j.chunk_rows = m->b < EQ_CHUNK ? EQ_CHUNK / m->b : 1;
    if (s->op == EQ_SCATTER) {
        memset(array_of(m, &s->out), 0, (size_t)(s->target * m->b) * sizeof *m->out);
        for (int64_t i = 0; i < s->rows; ++i)
            pairs_of(m, s, i, j.chunk_rows, j.chunk_columns, m->registers, use_scatter);
        return;
    }
    j.units = s->rows;
    if (s->op == EQ_COPY)
        j.units = (s->rows + j.chunk_rows - 1) / j.chunk_rows * ((m->b + j.chunk_columns - 1) / j.chunk_columns);
    j.panels = !m->w.exec || most == 1 ? 1 : j.units < most ? j.units : most;
    sx_exec_for(m->w.exec, j.panels, s->op == EQ_COPY ? loop_panel : reduce_panel, &j);
}

/* -- operations on whole arrays -------------------------------------------------------------------------------------------------- */

static void run_array(const machine *m, const sx_eq_step *s) {
    int64_t b = m->b;
    size_t row = (size_t)b * sizeof(double);
    double *y = array_of(m, &s->out);
    const double *x = s->in.where >= EQ_AT_STATE ? array_of(m, &s->in) : NULL;
    switch (s->op) {
    case EQ_PRODUCT:
        sx_coupling_apply(s->w, s->transposed, 1.0, sx_view(x, s->inner, b), 0.0, (sx_batch){ y, s->rows, b }, m->w);
        return;
    case EQ_TOTAL:
        memset(y, 0, row);
        for (int64_t i = 0; i < s->inner; ++i) {
            for (int64_t r = 0; r < b; ++r) y[r] += x[i * b + r];
        }
        return;
    case EQ_SHIFT:
        for (int64_t i = 0; i < s->rows; ++i) {
            int64_t from = sx_eq_wrap(m->p->boundary, i + s->shift, s->rows);
            if (from < 0)
                memset(y + i * b, 0, row);
            else
                memcpy(y + i * b, x + from * b, row);
        }
        return;
    case EQ_UNSHIFT:
        memset(y, 0, (size_t)s->rows * row);
        for (int64_t i = 0; i < s->rows; ++i) {
            double *to = y + sx_eq_wrap(m->p->boundary, i + s->shift, s->rows) * b;
            for (int64_t r = 0; r < b; ++r) to[r] += x[i * b + r];
        }
        return;
    case EQ_PICK:
        memcpy(y, x + s->shift * b, row);
        return;
    case EQ_PLACE: {
        const chunk c = { .rows = 1, .columns = b };
        view v = look(m, &s->in, &c);
        memset(y, 0, (size_t)s->rows * row);
        for (int64_t r = 0; r < b; ++r) y[s->shift * b + r] = v.p[r * v.step];
        return;
    }
    default:
        run_loop(m, s);
    }
}

int64_t sx_eq_program_work(const sx_eq_program *p, int64_t b) {
    int64_t products = 0;
    for (int32_t i = 0; i < p->n_steps; ++i) {
        int64_t need = p->step[i].op == EQ_PRODUCT ? sx_coupling_work(p->step[i].w, b) : 0;
        if (need > products) products = need;
    }
    int64_t slots = p->n_slots ? sx_pad(p->slot_first[p->n_slots] * b) + 8 * (int64_t)p->n_slots : 0;
    return slots + panels_of(p, b) * p->registers * EQ_CHUNK + sx_pad(products);
}

void sx_eq_run(const sx_eq_program *p, double t, const double *x, const double *const *direction, int64_t b,
               double *out, sx_work w) {
    machine m = { .p = p,
                  .k = p->n_calls ? NULL : sx_kernels_get(NULL),
                  .t = t,
                  .x = x,
                  .direction = direction,
                  .b = b,
                  .out = out };
    m.stride = (int64_t)p->registers * EQ_CHUNK;
    m.slots = sx_take(&w, p->n_slots ? sx_pad(p->slot_first[p->n_slots] * b) + 8 * (int64_t)p->n_slots : 0);
    m.registers = sx_take(&w, panels_of(p, b) * m.stride);
    m.w = w;
    for (int32_t i = 0; i < p->n_steps; ++i) {
        if (p->step[i].op == EQ_COPY)
            run_loop(&m, &p->step[i]);
        else
            run_array(&m, &p->step[i]);
    }
}
