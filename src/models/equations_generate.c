// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Programs to C. Each loop of a program (elementwise, or over pairs) becomes one or more kernels: functions that read their operands,
 * compute every value of the loop in registers of the CPU, and write what is used elsewhere. The evaluator keeps the rest: chunks,
 * panels, gathers, and operations on whole arrays such as products with W. A kernel does the same operations in the same order as the
 * evaluator, on the same inline functions, so the bits are the same.
 *
 * The text holds structure alone: no name, number or size of the user's model. Numbers come in as operands, so a sweep over a parameter
 * compiles once. */
#include "models/equations.h"

#include "core/compiler.h"
#include "core/file.h"
#include "core/mutant.h"

#include <stdarg.h>
#include <stdio.h>

/* A kernel holds so many instructions and inputs at most; beyond, the loop goes on in the next one and values cross in chunks of scratch.
 * Programs of more instructions are left to the evaluator: compilers take too long over them. Up to so many calls of elementary
 * functions are inlined. */
enum { KERNEL_CODE = 150, KERNEL_INPUTS = 64, PROGRAM_CODE = 4000, INLINED = 24 };

/* How the numbers of an operand lie in a chunk of rows x columns: all of them, one per row, one row for all, one. */
typedef enum kind { ALL, PER_ROW, ONE_ROW, ONE } kind;

typedef struct input {
    sx_eq_operand o;
    kind kind;
    int32_t value; /* instruction that makes it in an earlier kernel, or -1 */
} input;

/* An instruction of the present step as a value. */
typedef struct value {
    int32_t ref[4];       /* instructions of the step that make its operands, or -1 */
    int32_t kernel, last; /* the kernel that makes it, and the last one that reads it */
    int32_t buffer;       /* of loads and of values that cross; -1 */
    bool load;
} value;

typedef struct generator {
    sx_ctx *ctx;
    sx_eq_buffer text;
    sx_hash128 *known; /* of the kernels */
    int32_t n_kernels, kernels_capacity;
    int64_t calls; /* of elementary functions in the text */
    /* the present program and step */
    sx_eq_program *p;
    sx_eq_step *s;
    value *v;
    int32_t *at_register, *at_slot, *at_out; /* the value that holds them */
    int32_t n_loads, last_kernel, in_ref;    /* in_ref: the value of a loop over pairs, -1: an operand */
    int32_t first;                           /* value of the present kernel: names count from it */
    input in[KERNEL_INPUTS + 8];
    int32_t n_in;
    int32_t calls_capacity, operands_capacity;
} generator;

SX_PRINTF(2, 3)
static void put(generator *g, const char *format, ...) {
    char line[256];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    sx_eq_put(g->ctx, &g->text, line, -1);
}

static bool is_load(const sx_eq_instruction *i) {
    return i->op == EQ_GATHER || i->op == EQ_COL;
}
static int operands_of(int op) {
    if (op == EQ_SELECT) return 4;
    return (op >= EQ_ADD && op <= EQ_MULZ) || op == EQ_POWER ? 2 : 1;
}
static bool is_elementary(int op) {
    return (op <= EQ_ATAN && op != EQ_SQRT && op != EQ_ABS && op != EQ_SIGN && op != EQ_HEAVISIDE) || op == EQ_POWER;
}

static kind kind_of(const sx_eq_step *s, const sx_eq_operand *o) {
    bool one_row = s->op == EQ_COPY && s->rows == 1;
    switch (o->where) {
    case EQ_AT_NUMBER:
    case EQ_AT_TIME:
        return ONE;
    case EQ_AT_VECTOR:
        return o->row || one_row ? ONE : PER_ROW;
    case EQ_AT_MATRIX:
        return PER_ROW;
    case EQ_AT_REGISTER:
        return ALL;
    default:
        return (o->whole || o->row) && !one_row ? ONE_ROW : ALL;
    }
}
static bool same_operand(const sx_eq_operand *a, const sx_eq_operand *b) {
    return a->where == b->where && a->row == b->row && a->whole == b->whole && a->direction == b->direction &&
           a->index == b->index && a->first == b->first && a->v == b->v &&
           memcmp(&a->value, &b->value, sizeof a->value) == 0;
}

/* -- values ---------------------------------------------------------------------------------------------------------------------- */

static int32_t *holder(generator *g, const sx_eq_operand *o) {
    switch (o->where) {
    case EQ_AT_REGISTER:
        return &g->at_register[o->index];
    case EQ_AT_SLOT:
        return &g->at_slot[o->index];
    case EQ_AT_OUT:
        return &g->at_out[o->index];
    default:
        return NULL;
    }
}
/* The value that an operand is, -1: it was there before the step. */
static int32_t find(generator *g, const sx_eq_operand *o) {
    const int32_t *h = holder(g, o);
    return h ? *h - 1 : -1;
}
static void find_values(generator *g) {
    const sx_eq_step *s = g->s;
    g->n_loads = 0;
    for (int32_t k = 0; k < s->n; ++k) {
        const sx_eq_instruction *i = &g->p->code[s->first + k];
        value *v = &g->v[k];
        *v = (value){ .ref = { -1, -1, -1, -1 }, .kernel = -1, .last = -1, .buffer = -1, .load = is_load(i) };
        if (v->load)
            v->buffer = g->n_loads++;
        else
            for (int e = 0; e < operands_of(i->op); ++e) v->ref[e] = find(g, &i->in[e]);
        *holder(g, &i->out) = k + 1;
    }
    g->in_ref = s->op == EQ_COPY ? -1 : find(g, &s->in);
    for (int32_t k = 0; k < s->n; ++k) *holder(g, &g->p->code[s->first + k].out) = 0;
}

/* Where a value is for kernels after its own. */
static sx_eq_operand stored(const generator *g, int32_t id) {
    const sx_eq_operand *out = &g->p->code[g->s->first + id].out;
    if (out->where != EQ_AT_REGISTER) return *out;
    return (sx_eq_operand){ .where = EQ_AT_REGISTER, .index = g->v[id].buffer };
}

/* The number of an operand among the inputs of the kernel; -1: too many. */
static int32_t input_of(generator *g, const sx_eq_operand *o, int32_t ref) {
    for (int32_t k = 0; k < g->n_in; ++k) {
        if (ref >= 0 ? g->in[k].value == ref : g->in[k].value < 0 && same_operand(&g->in[k].o, o)) return k;
    }
    if (g->n_in == KERNEL_INPUTS + 8) return -1;
    g->in[g->n_in] = (input){ .kind = ref >= 0 ? ALL : kind_of(g->s, o), .value = ref };
    if (ref < 0) g->in[g->n_in].o = *o;
    return g->n_in++;
}

/* Cuts the instructions into kernels and says which values cross. */
static void cut(generator *g) {
    const sx_eq_step *s = g->s;
    int32_t kernel = 0, count = 0;
    g->n_in = 0;
    for (int32_t k = 0; k < s->n; ++k) {
        const sx_eq_instruction *i = &g->p->code[s->first + k];
        value *v = &g->v[k];
        if (v->load) continue;
        if (count == KERNEL_CODE || g->n_in + 4 > KERNEL_INPUTS) {
            ++kernel;
            count = g->n_in = 0;
        }
        ++count;
        v->kernel = kernel;
        for (int e = 0; e < operands_of(i->op); ++e) {
            value *x = v->ref[e] >= 0 ? &g->v[v->ref[e]] : NULL;
            if (x) x->last = kernel;
            if (!x || x->kernel != kernel) (void)input_of(g, &i->in[e], v->ref[e]);
        }
    }
    g->last_kernel = count || s->op == EQ_REDUCE ? kernel : -1;
    if (g->in_ref >= 0) g->v[g->in_ref].last = s->op == EQ_REDUCE ? kernel : INT32_MAX;
}

/* Buffers for values that cross, given again when the last reader is done. Returns how many. */
static int32_t give_buffers(generator *g, int32_t *busy) {
    int32_t n = g->n_loads;
    for (int32_t k = 0; k < g->s->n; ++k) {
        value *v = &g->v[k];
        int32_t found = -1;
        if (v->load || v->last <= v->kernel || g->p->code[g->s->first + k].out.where != EQ_AT_REGISTER) continue;
        for (int32_t b = g->n_loads; b < n && found < 0; ++b) {
            if (busy[b] < v->kernel) found = b;
        }
        if (found < 0) found = n++;
        busy[found] = v->last;
        v->buffer = found;
    }
    return n;
}

/* -- text ------------------------------------------------------------------------------------------------------------------------ */

static const char *const functions[] = { [EQ_EXP] = "v_exp",     [EQ_EXPM1] = "v_expm1", [EQ_LOG] = "v_log",
                                         [EQ_LOG1P] = "v_log1p", [EQ_SQRT] = "v_sqrt",   [EQ_SIN] = "v_sin",
                                         [EQ_COS] = "v_cos",     [EQ_TAN] = "v_tan",     [EQ_TANH] = "v_tanh",
                                         [EQ_SINH] = "v_sinh",   [EQ_COSH] = "v_cosh",   [EQ_ERF] = "v_erf",
                                         [EQ_ABS] = "v_abs",     [EQ_SIGN] = "v_sign",   [EQ_HEAVISIDE] = "v_heaviside",
                                         [EQ_ATAN] = "v_atan" };
static const char *const comparisons[] = { [EQ_LT] = "<",  [EQ_LE] = "<=", [EQ_GT] = ">",        [EQ_GE] = ">=",
                                           [EQ_EQ] = "==", [EQ_NE] = "!=", [EQ_GT_OR_NAN] = ">", [EQ_LT_OR_NAN] = "<" };

typedef char name[16];
static void name_of(generator *g, const sx_eq_operand *o, int32_t ref, int32_t kernel, name out) {
    if (ref >= 0 && g->v[ref].kernel == kernel)
        (void)snprintf(out, sizeof(name), "v%d", (int)(ref - g->first));
    else
        (void)snprintf(out, sizeof(name), "x%d", (int)input_of(g, o, ref));
}

/* v7 = x1 * v3; */
static void put_instruction(generator *g, int32_t k) {
    const sx_eq_instruction *i = &g->p->code[g->s->first + k];
    name n[4];
    for (int e = 0; e < operands_of(i->op); ++e) name_of(g, &i->in[e], g->v[k].ref[e], g->v[k].kernel, n[e]);
    put(g, "const vec v%d = ", (int)(k - g->first));
    switch (i->op) {
    case EQ_ADD:
    case EQ_SUB:
    case EQ_MUL:
    case EQ_DIV:
        put(g, "%s %c %s", n[0], i->op == EQ_ADD ? '+' : i->op == EQ_SUB ? '-' : i->op == EQ_MUL ? '*' : '/', n[1]);
        break;
    case EQ_MULZ:
    case EQ_POWER:
        put(g, "%s(%s, %s)", i->op == EQ_MULZ ? "v_mulz" : "v_power", n[0], n[1]);
        break;
    case EQ_NEG:
        put(g, "-%s", n[0]);
        break;
    case EQ_COPY:
        put(g, "%s", n[0]);
        break;
    case EQ_SELECT:
        put(g, "pick((%s %s %s)", n[0], comparisons[i->compare], n[1]);
        if (i->compare >= EQ_GT_OR_NAN) put(g, " | (%s != %s)", n[0], n[0]);
        put(g, ", %s, %s)", n[2], n[3]);
        break;
    default:
        put(g, "%s(%s)", functions[i->op], n[0]);
    }
    put(g, ";\n");
    g->calls += is_elementary(i->op);
}

/* What a kernel does beside its body. */
typedef struct shape {
    int32_t n_out, out[KERNEL_CODE]; /* values that leave */
    int32_t weight;                  /* accumulating: input with the weights, -1: none */
    name sum;                        /* accumulating: the value; else "" */
    const char *body;
} shape;

/* Operands that are not one number for all: where a row of them is, and how a register is filled from there. */
static void put_inputs(generator *g, bool part) {
    const char *how = part ? "load_part" : "load", *m = part ? ", m" : "";
    for (int32_t e = 0; e < g->n_in; ++e) {
        int n = (int)e;
        if (g->in[e].kind == ALL) put(g, "x%d = %s(p%d + k%s);\n", n, how, n, m);
        if (g->in[e].kind == PER_ROW) put(g, "x%d = flat ? %s(a%d + k%s) : b%d;\n", n, how, n, m, n);
        if (g->in[e].kind == ONE_ROW) put(g, "x%d = flat ? b%d : %s(a%d + k%s);\n", n, n, how, n, m);
    }
}
static void put_outputs(generator *g, const shape *k, bool part) {
    for (int32_t e = 0; e < k->n_out; ++e) {
        int v = (int)(k->out[e] - g->first);
        put(g, part ? "store_part(q%d + k, v%d, m);\n" : "store(q%d + k, v%d);\n", (int)e, v);
    }
}

/* y += w v: in registers along a row; element by element, in order, where a row is one number. */
static void put_sum(generator *g, const shape *k) {
    put(g, "if (flat) {\nconst vec s = %s;\n", k->sum);
    if (k->weight >= 0)
        put(g, "for (int64_t l = 0; l < m && l < LANES; l++) y[0] += a%d[k + l] * s[l];\n", (int)k->weight);
    else
        put(g, "for (int64_t l = 0; l < m && l < LANES; l++) y[0] += s[l];\n");
    put(g, "} else {\nconst vec s = ");
    if (k->weight >= 0) put(g, "x%d * ", (int)k->weight);
    put(g,
        "%s;\nif (m >= LANES) store(y + k, load(y + k) + s);\nelse store_part(y + k, load_part(y + k, m) + s, m);\n}\n",
        k->sum);
}

/* Rows of columns, a register at a time. Where columns == 1 (one replica) or there is nothing that differs between rows and columns, the
 * chunk is one long row. */
static void put_kernel(generator *g, const shape *k) {
    bool plain = !*k->sum;
    put(g, "(int64_t rows, int64_t columns, const double *const *in, double *const *out) {\n");
    for (int32_t e = 0; e < g->n_in; ++e) plain = plain && (g->in[e].kind == ALL || g->in[e].kind == ONE);
    put(g, plain ? "columns *= rows;\nrows = 1;\n"
                 : "const int flat = columns == 1;\nif (flat) {\ncolumns = rows;\nrows = 1;\n}\n");
    for (int32_t e = 0; e < g->n_in; ++e) {
        int n = (int)e;
        if (g->in[e].kind == ONE)
            put(g, "const vec x%d = all(*in[%d]);\n", n, n);
        else
            put(g, "const double *const a%d = in[%d];\n", n, n);
        if (g->in[e].kind == ONE_ROW) put(g, "const vec b%d = all(*a%d);\n", n, n);
    }
    if (*k->sum) put(g, "double *const y = out[%d];\n", (int)k->n_out);
    put(g, "for (int64_t r = 0; r < rows; r++) {\n");
    for (int32_t e = 0; e < g->n_in; ++e) {
        int n = (int)e;
        if (g->in[e].kind == PER_ROW) put(g, "const vec b%d = all(a%d[r]);\n", n, n);
        if (g->in[e].kind == ALL) put(g, "const double *const p%d = a%d + r * columns;\n", n, n);
    }
    for (int32_t e = 0; e < k->n_out; ++e) put(g, "double *const q%d = out[%d] + r * columns;\n", (int)e, (int)e);
    put(g, "for (int64_t k = 0; k < columns; k += LANES) {\nconst int64_t m = columns - k;\n");
    for (int32_t e = 0; e < g->n_in; ++e) {
        if (g->in[e].kind != ONE) put(g, "vec x%d;\n", (int)e);
    }
    put(g, "if (m >= LANES) {\n");
    put_inputs(g, false);
    put(g, "} else {\n");
    put_inputs(g, true);
    put(g, "}\n");
    if (k->body) sx_eq_put(g->ctx, &g->text, k->body, -1);
    if (k->n_out) {
        put(g, "if (m >= LANES) {\n");
        put_outputs(g, k, false);
        put(g, "} else {\n");
        put_outputs(g, k, true);
        put(g, "}\n");
    }
    if (*k->sum) put_sum(g, k);
    put(g, "}\n}\n}\n");
}

/* The number of the kernel whose text begins at `from`: an equal one that is there already, or a new one. */
static sx_status number_kernel(generator *g, int64_t from, int32_t *out) {
    sx_hash128 h = sx_hash(g->text.p + from, (size_t)(g->text.n - from), 0);
    for (int32_t k = 0; k < g->n_kernels; ++k) {
        if (memcmp(&g->known[k], &h, sizeof h) != 0) continue;
        g->text.n = from;
        *out = k;
        return SX_OK;
    }
    if (g->n_kernels == g->kernels_capacity) {
        int32_t capacity = 2 * g->kernels_capacity + 64;
        SX_TRY(g->ctx, g->known ? sx_resize(g->ctx, capacity, sizeof *g->known, &g->known)
                                : sx_alloc(g->ctx, capacity, sizeof *g->known, &g->known));
        g->kernels_capacity = capacity;
    }
    g->known[g->n_kernels] = h;
    *out = g->n_kernels++;
    return SX_OK;
}

/* -- kernels --------------------------------------------------------------------------------------------------------------------- */

static sx_status add_operand(generator *g, sx_eq_operand o) {
    sx_eq_program *p = g->p;
    if (p->n_operands == g->operands_capacity) {
        int32_t capacity = 2 * g->operands_capacity + 64;
        SX_TRY(g->ctx, p->operand ? sx_resize(g->ctx, capacity, sizeof *p->operand, &p->operand)
                                  : sx_alloc(g->ctx, capacity, sizeof *p->operand, &p->operand));
        g->operands_capacity = capacity;
    }
    p->operand[p->n_operands++] = o;
    return SX_OK;
}
static sx_status add_call(generator *g, const shape *k, int32_t kernel) {
    sx_eq_program *p = g->p;
    if (p->n_calls == g->calls_capacity) {
        int32_t capacity = 2 * g->calls_capacity + 32;
        SX_TRY(g->ctx, p->call ? sx_resize(g->ctx, capacity, sizeof *p->call, &p->call)
                               : sx_alloc(g->ctx, capacity, sizeof *p->call, &p->call));
        g->calls_capacity = capacity;
    }
    sx_eq_call *c = &p->call[p->n_calls++];
    *c = (sx_eq_call){ .kernel = kernel, .first = p->n_operands, .n_in = g->n_in, .n_out = k->n_out };
    for (int32_t e = 0; e < g->n_in; ++e)
        SX_TRY(g->ctx, add_operand(g, g->in[e].value >= 0 ? stored(g, g->in[e].value) : g->in[e].o));
    for (int32_t e = 0; e < k->n_out; ++e) SX_TRY(g->ctx, add_operand(g, stored(g, k->out[e])));
    if (!*k->sum) return SX_OK;
    sx_eq_operand row = g->s->out; /* of the outer element */
    row.row = 1;
    p->call[p->n_calls - 1].n_out++;
    return add_operand(g, row);
}

/* Weights of a loop over pairs: one number per row of a chunk. */
static int32_t weights(generator *g) {
    const sx_eq_step *s = g->s;
    sx_eq_operand o = { .where = EQ_AT_VECTOR, .v = s->link };
    if (!s->row_start) o = (sx_eq_operand){ .where = EQ_AT_MATRIX, .first = s->inner, .v = s->dense };
    return o.v && !SX_MUTANT(generated_weight) ? input_of(g, &o, -1) : -1;
}

static sx_status generate_kernel(generator *g, int32_t kernel) {
    const sx_eq_step *s = g->s;
    shape k = { .weight = -1 };
    int32_t number = 0;
    char *body = NULL;
    int64_t from = g->text.n;
    sx_status status = SX_OK;
    g->n_in = 0;
    g->first = -1;
    for (int32_t i = 0; i < s->n; ++i) {
        const value *v = &g->v[i];
        if (v->load || v->kernel != kernel) continue;
        if (g->first < 0) g->first = i;
        put_instruction(g, i);
        if (v->last > kernel || g->p->code[s->first + i].out.where != EQ_AT_REGISTER) k.out[k.n_out++] = i;
    }
    if (s->op == EQ_REDUCE && kernel == g->last_kernel) {
        name_of(g, &s->in, g->in_ref, kernel, k.sum);
        k.weight = weights(g);
    }
    SX_GO(g->ctx, status, done, g->text.status);
    if (g->text.n > from) {
        SX_GO(g->ctx, status, done, sx_strdup(g->ctx, g->text.p + from, &body));
        g->text.n = from;
    }
    k.body = body;
    put_kernel(g, &k);
    SX_GO(g->ctx, status, done, g->text.status);
    int32_t before = g->n_kernels;
    SX_GO(g->ctx, status, done, number_kernel(g, from, &number));
    if (number == before) { /* a new one: its head goes before it */
        sx_free(g->ctx, body);
        body = NULL;
        SX_GO(g->ctx, status, done, sx_strdup(g->ctx, g->text.p + from, &body));
        g->text.n = from;
        put(g, "static void k%d", (int)number);
        sx_eq_put(g->ctx, &g->text, body, -1);
        SX_GO(g->ctx, status, done, g->text.status);
    }
    SX_GO(g->ctx, status, done, add_call(g, &k, number));
done:
    sx_free(g->ctx, body);
    return status;
}

/* The step keeps its loads; kernels do the rest. Returns the buffers it wants in *buffers. */
static sx_status generate_step(generator *g, sx_eq_step *s, int32_t *busy, int32_t *buffers) {
    g->s = s;
    find_values(g);
    cut(g);
    int32_t n = give_buffers(g, busy);
    if (n > *buffers) *buffers = n;
    s->first_call = g->p->n_calls;
    for (int32_t k = 0; k <= g->last_kernel; ++k) SX_TRY(g->ctx, generate_kernel(g, k));
    s->n_calls = g->p->n_calls - s->first_call;
    if (s->op == EQ_SCATTER && g->in_ref >= 0) s->in = stored(g, g->in_ref);
    int32_t kept = 0;
    for (int32_t k = 0; k < s->n; ++k) {
        sx_eq_instruction i = g->p->code[s->first + k];
        if (!g->v[k].load) continue;
        i.out = (sx_eq_operand){ .where = EQ_AT_REGISTER, .index = g->v[k].buffer };
        g->p->code[s->first + kept++] = i;
    }
    s->n = kept;
    return SX_OK;
}

static bool is_loop(const sx_eq_step *s) {
    return s->op == EQ_COPY || s->op == EQ_REDUCE || s->op == EQ_SCATTER;
}
static sx_status generate_program(generator *g, sx_eq_program *p) {
    int32_t most = 0, outs = 0, buffers = 0, *busy = NULL;
    sx_status status = SX_OK;
    for (int32_t k = 0; k < p->n_instructions; ++k) {
        const sx_eq_operand *o = &p->code[k].out;
        if (o->where == EQ_AT_OUT && o->index >= outs) outs = o->index + 1;
    }
    if (p->n_instructions > PROGRAM_CODE) return SX_OK;
    for (int32_t k = 0; k < p->n_steps; ++k) most = p->step[k].n > most ? p->step[k].n : most;
    g->p = p;
    g->v = NULL;
    g->at_register = g->at_slot = g->at_out = NULL;
    g->calls_capacity = g->operands_capacity = 0;
    SX_GO(g->ctx, status, done, sx_alloc(g->ctx, most, sizeof *g->v, &g->v));
    SX_GO(g->ctx, status, done, sx_alloc(g->ctx, p->registers, sizeof *g->at_register, &g->at_register));
    SX_GO(g->ctx, status, done, sx_alloc(g->ctx, p->n_slots, sizeof *g->at_slot, &g->at_slot));
    SX_GO(g->ctx, status, done, sx_alloc(g->ctx, outs, sizeof *g->at_out, &g->at_out));
    SX_GO(g->ctx, status, done, sx_alloc(g->ctx, most, sizeof *busy, &busy));
    for (int32_t k = 0; k < p->n_steps; ++k) {
        if (is_loop(&p->step[k])) SX_GO(g->ctx, status, done, generate_step(g, &p->step[k], busy, &buffers));
    }
    p->registers = buffers;
done:
    sx_free(g->ctx, busy);
    sx_free(g->ctx, g->at_out);
    sx_free(g->ctx, g->at_slot);
    sx_free(g->ctx, g->at_register);
    sx_free(g->ctx, g->v);
    return status;
}

static const char begin[] = "/* Generated by Separatrix from a model of kind equations. */\n"
                            "#include <stdint.h>\n"
                            "#include <string.h>\n"
                            "#define inline inline __attribute__((always_inline))\n"
                            "#define SX_CALLED %s\n";
static const char kernels_begin[] = "typedef void kernel(int64_t, int64_t, const double *const *, double *const *);\n";

sx_status sx_eq_generate(sx_ctx *ctx, int n, sx_eq_program *const *programs, char **text) {
    generator g = { .ctx = ctx };
    sx_eq_buffer whole = { 0 };
    char head[sizeof begin + 40];
    sx_status status = SX_OK;
    for (int k = 0; k < n; ++k) SX_GO(ctx, status, done, generate_program(&g, programs[k]));
    *text = NULL;
    if (g.n_kernels == 0) goto done;
    put(&g, "kernel *const sx_generated[] = {");
    for (int32_t k = 0; k < g.n_kernels; ++k) put(&g, " k%d,", (int)k);
    put(&g, " };\n");
    SX_GO(ctx, status, done, g.text.status);
    (void)snprintf(head, sizeof head, begin, g.calls <= INLINED ? "inline" : "__attribute__((noinline))");
    sx_eq_put(ctx, &whole, head, -1);
    sx_eq_put(ctx, &whole, sx_eq_inline_text, -1);
    sx_eq_put(ctx, &whole, kernels_begin, -1);
    sx_eq_put(ctx, &whole, g.text.p, g.text.n);
    SX_GO(ctx, status, done, whole.status);
    *text = whole.p;
    whole.p = NULL;
done:
    sx_free(ctx, whole.p);
    sx_free(ctx, g.text.p);
    sx_free(ctx, g.known);
    return status;
}

sx_status sx_eq_generate_compiled(sx_ctx *ctx, int n, sx_eq_program *const *programs, sx_compiled **out) {
    char *text = NULL;
    void *symbol = NULL;
    sx_compiled *made = NULL;
    sx_eq_kernel *const *kernels;
    sx_status status;
    SX_TRY(ctx, sx_eq_generate(ctx, n, programs, &text));
    if (!text) return SX_OK; /* nothing but operations on whole arrays */
    SX_GO(ctx, status, done, sx_compile(ctx, "equations", text, &made));
    SX_GO(ctx, status, done, sx_compiled_symbol(ctx, made, "sx_generated", &symbol));
    kernels = symbol;
    for (int k = 0; k < n; ++k) {
        sx_eq_program *p = programs[k];
        for (int32_t c = 0; c < p->n_calls; ++c) p->call[c].run = kernels[p->call[c].kernel];
    }
    *out = made;
    made = NULL;
done:
    sx_compiled_free(ctx, made);
    sx_free(ctx, text);
    return status;
}
