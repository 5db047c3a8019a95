// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The programs of F and J u, run on intervals: one row after the other, one column at a time. Meant for a few units. */
#include "models/equations_interval.h"
#include "models/equations.h"

struct sx_interval_model {
    const sx_eq_program *F, *jvp;
    int64_t n, work;
    double **F_product, **jvp_product; /* owned: matrices of the product steps, NULL for others */
};

typedef struct machine {
    const sx_eq_program *p;
    double t;
    double *const *product;
    const sx_interval *x, *direction;
    sx_interval *out, *slots, *registers;
    bool *rough;
} machine;

/* A constant of the text, or one that was folded: exact when it has at most 32 binary places, else 4 ulp about it. */
static sx_interval constant(double v) {
    double scaled = v * 0x1p32;
    if (fabs(v) < 0x1p20 && scaled == rint(scaled)) return sx_iv_point(v);
    return sx_iv_widen(sx_iv_point(v), 4);
}

static sx_interval *array_of(const machine *m, const sx_eq_operand *o) {
    switch (o->where) {
    case EQ_AT_STATE:
        return (sx_interval *)(uintptr_t)(m->x + o->first);
    case EQ_AT_DIRECTION:
        return (sx_interval *)(uintptr_t)(m->direction + o->first);
    case EQ_AT_OUT:
        return m->out + o->first;
    default:
        return m->slots + m->p->slot_first[o->index];
    }
}

static sx_interval look(const machine *m, const sx_eq_operand *o, int64_t row, int64_t outer) {
    int64_t r = o->row ? outer : row;
    switch (o->where) {
    case EQ_AT_NUMBER:
        return constant(o->value);
    case EQ_AT_TIME:
        return sx_iv_point(m->t);
    case EQ_AT_VECTOR:
        return constant(o->v[r]);
    case EQ_AT_MATRIX:
        return constant(o->v[outer * o->first + r]);
    case EQ_AT_REGISTER:
        return m->registers[o->index];
    default:
        return array_of(m, o)[o->whole ? 0 : r];
    }
}

static bool same_place(const sx_eq_operand *a, const sx_eq_operand *b) {
    if (a->where != b->where || a->row != b->row || a->whole != b->whole) return false;
    switch (a->where) {
    case EQ_AT_REGISTER:
    case EQ_AT_SLOT:
        return a->index == b->index;
    case EQ_AT_STATE:
    case EQ_AT_OUT:
        return a->first == b->first;
    default:
        return false;
    }
}

/* 1 holds everywhere, 0 nowhere, -1 both. */
static int compare(sx_eq_compare c, sx_interval a, sx_interval b) {
    bool less = a.hi<b.lo, greater = a.lo> b.hi, at_most = a.hi <= b.lo, at_least = a.lo >= b.hi;
    bool equal = at_most && at_least;
    switch (c) {
    case EQ_LT:
    case EQ_LT_OR_NAN:
        return less ? 1 : at_least ? 0 : -1;
    case EQ_LE:
        return at_most ? 1 : greater ? 0 : -1;
    case EQ_GT:
    case EQ_GT_OR_NAN:
        return greater ? 1 : at_most ? 0 : -1;
    case EQ_GE:
        return at_least ? 1 : less ? 0 : -1;
    case EQ_EQ:
        return equal ? 1 : less || greater ? 0 : -1;
    case EQ_NE:
        return equal ? 0 : less || greater ? 1 : -1;
    }
    return -1;
}

/* s 1 where a > 0, low where a < 0, at 0 */
static sx_interval jump(sx_interval a, double low, bool *rough) {
    if (a.lo > 0) return sx_iv_point(1);
    if (a.hi < 0) return sx_iv_point(low);
    *rough = true;
    return sx_iv(low, 1);
}

static sx_interval unary(sx_eq_op op, sx_interval a, bool *rough) {
    switch (op) {
    case EQ_EXP:
        return sx_iv_exp(a);
    case EQ_EXPM1:
        return sx_iv_expm1(a);
    case EQ_LOG:
        return sx_iv_log(a, rough);
    case EQ_LOG1P:
        return sx_iv_log1p(a, rough);
    case EQ_SQRT:
        return sx_iv_sqrt(a, rough);
    case EQ_SIN:
        return sx_iv_sin(a);
    case EQ_COS:
        return sx_iv_cos(a);
    case EQ_TAN:
        return sx_iv_tan(a, rough);
    case EQ_TANH:
        return sx_iv_tanh(a);
    case EQ_SINH:
        return sx_iv_sinh(a);
    case EQ_COSH:
        return sx_iv_cosh(a);
    case EQ_ERF:
        return sx_iv_erf(a);
    case EQ_ATAN:
        return sx_iv_atan(a);
    case EQ_ABS:
        if (sx_iv_has(a, 0)) *rough = true;
        return sx_iv_fabs(a);
    case EQ_SIGN:
        return jump(a, -1, rough);
    case EQ_HEAVISIDE:
        return jump(a, 0, rough);
    case EQ_NEG:
        return sx_iv_neg(a);
    default: /* EQ_COPY */
        return a;
    }
}

static sx_interval binary(sx_eq_op op, sx_interval a, sx_interval b, bool same, bool *rough) {
    switch (op) {
    case EQ_ADD:
        return sx_iv_add(a, b);
    case EQ_SUB:
        return sx_iv_sub(a, b);
    case EQ_MUL:
    case EQ_MULZ:
        return same ? sx_iv_square(a) : sx_iv_mul(a, b);
    case EQ_DIV:
        if (sx_iv_has(b, 0)) *rough = true;
        return sx_iv_div(a, b);
    default: /* EQ_POWER: exp(b log a) */
        return sx_iv_exp(sx_iv_mul(b, sx_iv_log(a, rough)));
    }
}

/* The branch that is taken everywhere in the box, else both. */
static sx_interval chosen(const machine *m, const sx_eq_instruction *i, int64_t row, int64_t outer) {
    sx_interval a = look(m, &i->in[0], row, outer), b = look(m, &i->in[1], row, outer);
    int which = compare((sx_eq_compare)i->compare, a, b);
    sx_interval x = look(m, &i->in[2], row, outer), y = look(m, &i->in[3], row, outer);
    if (which >= 0) return which ? x : y;
    *m->rough = true;
    return sx_iv_hull(x, y);
}

static void run_code(const machine *m, const sx_eq_step *s, int64_t row, int64_t outer, const int32_t *links) {
    for (int32_t at = s->first; at < s->first + s->n; ++at) {
        const sx_eq_instruction *i = &m->p->code[at];
        sx_interval y;
        if (i->op == EQ_GATHER || i->op == EQ_COL) {
            int64_t j = links ? links[row] : row;
            if (i->op == EQ_GATHER)
                j = sx_eq_wrap(m->p->boundary, i->s0 * outer + i->s1 * j + i->shift, i->in[1].first);
            y = j < 0                            ? sx_iv_point(0)
                : i->in[0].where == EQ_AT_VECTOR ? constant(i->in[0].v[j])
                                                 : array_of(m, &i->in[0])[j];
        } else if (i->op == EQ_SELECT) {
            y = chosen(m, i, row, outer);
        } else if ((i->op >= EQ_ADD && i->op <= EQ_MULZ) || i->op == EQ_POWER) {
            y = binary((sx_eq_op)i->op, look(m, &i->in[0], row, outer), look(m, &i->in[1], row, outer),
                       same_place(&i->in[0], &i->in[1]), m->rough);
        } else {
            y = unary((sx_eq_op)i->op, look(m, &i->in[0], row, outer), m->rough);
        }
        if (i->out.where == EQ_AT_REGISTER)
            m->registers[i->out.index] = y;
        else
            array_of(m, &i->out)[i->out.whole ? 0 : row] = y;
    }
}

static void run_pairs(const machine *m, const sx_eq_step *s) {
    sx_interval *y = array_of(m, &s->out), factor = constant(s->factor);
    int64_t rows = s->op == EQ_SCATTER ? s->target : s->rows;
    for (int64_t i = 0; i < rows; ++i) y[i] = sx_iv_point(0);
    for (int64_t i = 0; i < s->rows; ++i) {
        int64_t first = s->row_start ? s->row_start[i] : 0, last = s->row_start ? s->row_start[i + 1] : s->inner;
        for (int64_t j = first; j < last; ++j) {
            run_code(m, s, j, i, s->row_start ? s->column : NULL);
            sx_interval v = look(m, &s->in, j, i);
            if (s->op == EQ_SCATTER) {
                int64_t at = sx_eq_wrap(m->p->boundary, s->s0 * i + s->s1 * j + s->shift, s->target);
                if (at >= 0) y[at] = sx_iv_add(y[at], v);
                continue;
            }
            const double *weight = s->row_start ? s->link : s->dense ? s->dense + i * s->inner : NULL;
            y[i] = sx_iv_add(y[i], weight ? sx_iv_mul(constant(weight[j]), v) : v);
        }
        if (s->op == EQ_REDUCE && s->factor != 1.0) y[i] = sx_iv_mul(factor, y[i]);
    }
}

static void run_array(const machine *m, const sx_eq_step *s, const double *matrix) {
    sx_interval *y = array_of(m, &s->out);
    const sx_interval *x = s->in.where >= EQ_AT_STATE ? array_of(m, &s->in) : NULL;
    switch (s->op) {
    case EQ_PRODUCT:
        for (int64_t i = 0; i < s->rows; ++i) {
            y[i] = sx_iv_point(0);
            for (int64_t j = 0; j < s->inner; ++j) {
                double w = s->transposed ? matrix[j * s->rows + i] : matrix[i * s->inner + j];
                if (w != 0) y[i] = sx_iv_add(y[i], sx_iv_mul(constant(w), x[j]));
            }
        }
        return;
    case EQ_TOTAL:
        *y = sx_iv_point(0);
        for (int64_t i = 0; i < s->inner; ++i) *y = sx_iv_add(*y, x[i]);
        return;
    case EQ_SHIFT:
        for (int64_t i = 0; i < s->rows; ++i) {
            int64_t from = sx_eq_wrap(m->p->boundary, i + s->shift, s->rows);
            y[i] = from < 0 ? sx_iv_point(0) : x[from];
        }
        return;
    case EQ_UNSHIFT:
        for (int64_t i = 0; i < s->rows; ++i) y[i] = sx_iv_point(0);
        for (int64_t i = 0; i < s->rows; ++i) {
            int64_t to = sx_eq_wrap(m->p->boundary, i + s->shift, s->rows);
            y[to] = sx_iv_add(y[to], x[i]);
        }
        return;
    case EQ_PICK:
        *y = x[s->shift];
        return;
    case EQ_PLACE: {
        sx_interval v = look(m, &s->in, 0, 0);
        for (int64_t i = 0; i < s->rows; ++i) y[i] = sx_iv_point(0);
        y[s->shift] = v;
        return;
    }
    default:
        run_pairs(m, s);
    }
}

static void run(const sx_interval_model *e, bool derivative, double t, const sx_interval *x,
                const sx_interval *direction, sx_interval *out, sx_interval *work, bool *rough) {
    const sx_eq_program *p = derivative ? e->jvp : e->F;
    machine m = { .p = p, .t = t, .x = x, .direction = direction, .out = out, .slots = work, .rough = rough };
    m.product = derivative ? e->jvp_product : e->F_product;
    m.registers = work + (p->n_slots ? p->slot_first[p->n_slots] : 0);
    for (int32_t i = 0; i < p->n_steps; ++i) {
        const sx_eq_step *s = &p->step[i];
        if (s->op != EQ_COPY) {
            run_array(&m, s, m.product[i]);
            continue;
        }
        for (int64_t row = 0; row < s->rows; ++row) run_code(&m, s, row, row, NULL);
    }
}

void sx_interval_model_F(const sx_interval_model *e, double t, const sx_interval *x, sx_interval *out,
                         sx_interval *work, bool *rough) {
    run(e, false, t, x, NULL, out, work, rough);
}

void sx_interval_model_J(const sx_interval_model *e, double t, const sx_interval *x, sx_interval *out,
                         sx_interval *work, bool *rough) {
    int64_t n = e->n;
    sx_interval *unit = work, *column = work + n, *rest = work + 2 * n;
    for (int64_t i = 0; i < n; ++i) unit[i] = sx_iv_point(0);
    for (int64_t j = 0; j < n; ++j) {
        unit[j] = sx_iv_point(1);
        run(e, true, t, x, unit, column, rest, rough);
        unit[j] = sx_iv_point(0);
        for (int64_t i = 0; i < n; ++i) out[i * n + j] = column[i];
    }
}

int64_t sx_interval_model_work(const sx_interval_model *e) {
    return e->work;
}

static int64_t work_of(const sx_eq_program *p) {
    return (p->n_slots ? p->slot_first[p->n_slots] : 0) + p->registers;
}

/* Matrices of the products, row-major as stored. */
static sx_status products(sx_ctx *ctx, const sx_eq_program *p, double ***out) {
    SX_TRY(ctx, sx_alloc(ctx, p->n_steps, sizeof **out, out));
    for (int32_t i = 0; i < p->n_steps; ++i) {
        const sx_eq_step *s = &p->step[i];
        if (s->op != EQ_PRODUCT) continue;
        int64_t size;
        SX_TRY(ctx, sx_mul_size(ctx, s->rows, s->inner, &size));
        SX_TRY(ctx, sx_alloc(ctx, size, sizeof(double), &(*out)[i]));
        sx_coupling_add_to_dense(s->w, 1.0, NULL, (*out)[i]);
    }
    return SX_OK;
}

static void free_products(sx_ctx *ctx, const sx_eq_program *p, double **product) {
    for (int32_t i = 0; product && i < p->n_steps; ++i) sx_free(ctx, product[i]);
    sx_free(ctx, product);
}

void sx_interval_model_free(sx_ctx *ctx, sx_interval_model *e) {
    if (!e) return;
    free_products(ctx, e->F, e->F_product);
    free_products(ctx, e->jvp, e->jvp_product);
    sx_free(ctx, e);
}

sx_status sx_interval_model_create(sx_ctx *ctx, const sx_model *m, sx_interval_model **out) {
    sx_interval_model *e = NULL;
    if (!sx_equations_made(m))
        return SX_FAIL(ctx, SX_E_UNSUPPORTED,
                       "the model '%s' cannot be evaluated over intervals: want one of kind equations",
                       sx_model_name(m));
    sx_status status = SX_OK;
    SX_TRY(ctx, sx_alloc(ctx, 1, sizeof *e, &e));
    sx_equations_programs(sx_model_self(m), &e->F, &e->jvp);
    e->n = sx_model_n(m);
    int64_t a = work_of(e->F), b = work_of(e->jvp);
    e->work = 2 * e->n + (a > b ? a : b) + 1;
    SX_GO(ctx, status, fail, products(ctx, e->F, &e->F_product));
    SX_GO(ctx, status, fail, products(ctx, e->jvp, &e->jvp_product));
    *out = e;
    return SX_OK;
fail:
    sx_interval_model_free(ctx, e);
    return status;
}
