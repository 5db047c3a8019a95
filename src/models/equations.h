// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Equations as text, inside: text -> tree -> graph of arrays -> derivatives -> programs. A tree is one expression, nodes in postorder
 * (children before parents), so that every walk is a loop. A graph node is a number, an array over one range, or a pair array over two
 * (only inside sums); nodes are immutable, equal ones are one, and operands come before their users. */
#ifndef SX_MODELS_EQUATIONS_H
#define SX_MODELS_EQUATIONS_H

#include <separatrix/equations.h>

#include "models/rows.h"

enum { EQ_TEXT_MAX = 65536, EQ_DEPTH_MAX = 200, EQ_TREE_MAX = 100000, EQ_GRAPH_MAX = 1000000 };

/* -- tree ------------------------------------------------------------------------------------------------------------------ */

typedef enum sx_eq_kind { EQ_NUMBER, EQ_NAME, EQ_ELEMENT, EQ_SUM, EQ_IF, EQ_APPLY } sx_eq_kind;

/* Functions and operators, of the tree and of the graph. The order of the functions is that of their names in equations_parse.c. */
typedef enum sx_eq_op {
    /* unary */
    EQ_EXP,
    EQ_EXPM1,
    EQ_LOG,
    EQ_LOG1P,
    EQ_SQRT,
    EQ_SIN,
    EQ_COS,
    EQ_TAN,
    EQ_TANH,
    EQ_SINH,
    EQ_COSH,
    EQ_ERF,
    EQ_ABS,
    EQ_SIGN,
    EQ_HEAVISIDE,
    EQ_ATAN,
    EQ_MIN,
    EQ_MAX,
    EQ_POWER, /* names end here */
    EQ_NEG,
    EQ_ADD,
    EQ_SUB,
    EQ_MUL,
    EQ_DIV,
    /* graph only */
    EQ_MULZ,   /* a b, 0 where a is 0: adjoints under `if` */
    EQ_SELECT, /* (a cmp b) ? c : d */
    EQ_CONST,
    EQ_VECTOR,
    EQ_TIME,
    EQ_STATE,
    EQ_DIRECTION,
    EQ_MATRIX,
    EQ_ROW,
    EQ_COL,
    EQ_GATHER, /* pair (i,j): v_i, v_j, v at s0 i + s1 j + shift */
    EQ_SHIFT,
    EQ_UNSHIFT,
    EQ_PICK,
    EQ_PLACE,   /* v at i + shift and its adjoint; element and its adjoint */
    EQ_PRODUCT, /* W v or W^T v */
    EQ_TOTAL,   /* sum over the range of a vector */
    EQ_REDUCE,  /* sum_j (W_ij) body_ij */
    EQ_SCATTER, /* out[s0 i + s1 j + shift] += body_ij */
    EQ_COPY     /* programs only */
} sx_eq_op;
typedef enum sx_eq_compare { EQ_LT, EQ_LE, EQ_GT, EQ_GE, EQ_EQ, EQ_NE, EQ_GT_OR_NAN, EQ_LT_OR_NAN } sx_eq_compare;

/* Index expression: +-name +-name +-number; names are spans of the text. */
typedef struct sx_eq_place {
    int32_t at[2], length[2];
    int8_t sign[2];
    int8_t n; /* names */
    int64_t shift;
} sx_eq_place;

typedef struct sx_eq_tree_node {
    sx_eq_kind kind;
    int op;           /* sx_eq_op; EQ_IF: sx_eq_compare */
    int n;            /* children, or places */
    int32_t child[4]; /* EQ_ELEMENT: child[0] = first place */
    double value;
    int32_t at, length; /* of the number, name or operator; EQ_SUM: of the index */
} sx_eq_tree_node;

typedef struct sx_eq_tree {
    const char *text; /* borrowed */
    int32_t n, capacity, n_places, places_capacity;
    sx_eq_tree_node *node; /* owned; the root is the last */
    sx_eq_place *place;    /* owned */
} sx_eq_tree;

/* What the parser found wrong: character from 1, and why. */
typedef struct sx_eq_error {
    int64_t position;
    char why[400];
} sx_eq_error;

/* SX_E_USAGE with *error filled, no message set; or SX_E_MEMORY. */
sx_status sx_eq_parse(sx_ctx *ctx, const char *text, sx_eq_tree *out, sx_eq_error *error) SX_MUST_USE;
void sx_eq_tree_free(sx_ctx *ctx, sx_eq_tree *t);
bool sx_eq_tree_equal(const sx_eq_tree *a, const sx_eq_tree *b);
/* Name of a function, precedence-free operator names otherwise. */
const char *sx_eq_function_name(int op);

/* A growing text; failures are remembered. */
typedef struct sx_eq_buffer {
    char *p;
    int64_t n, capacity;
    sx_status status;
} sx_eq_buffer;
void sx_eq_put(sx_ctx *ctx, sx_eq_buffer *t, const char *text, int64_t n);
sx_status sx_eq_print(sx_ctx *ctx, const sx_eq_tree *t, bool latex, sx_eq_buffer *out);
/* A name ("tau" -> "\tau", "x_in" -> "x_{\mathrm{in}}"). */
void sx_eq_print_name(sx_ctx *ctx, sx_eq_buffer *out, const char *name, int64_t n, bool latex);

/* -- graph ----------------------------------------------------------------------------------------------------------------- */

enum { EQ_ON_STATE = 1, EQ_ON_TIME = 2, EQ_ON_DIRECTION = 4 };

typedef struct sx_eq_node {
    uint8_t op, dims, depends;
    int8_t s0, s1;  /* EQ_GATHER, EQ_SCATTER */
    int16_t r0, r1; /* ranges; -1: none */
    int32_t a[4];   /* operands; -1: none */
    int32_t k;      /* array, direction * arrays + array, vector, matrix * 2 + transposed, comparison */
    int64_t shift;
    double value;
    int32_t folded; /* the constant this node was replaced by; -1 */
} sx_eq_node;

typedef struct sx_eq_matrix {
    sx_coupling *w; /* owned reference */
    int r0, r1;
    int row_sums, column_sums, diagonal; /* vectors, -1: not yet made */
} sx_eq_matrix;
typedef struct sx_eq_vector {
    int range;
    double *v; /* owned */
} sx_eq_vector;
typedef struct sx_eq_array {
    int range; /* -1: a number */
    int64_t n, first;
} sx_eq_array;

typedef struct sx_eq_graph {
    sx_ctx *ctx;
    sx_status status; /* first failure; nodes made after it are 0 */
    int boundary;
    int n_ranges, n_arrays;
    int64_t *range;     /* borrowed sizes */
    sx_eq_array *array; /* borrowed */
    int32_t n, capacity;
    sx_eq_node *node;
    int32_t radius, radius_square; /* r = |x| and r^2, so that r r is r^2; -1: none */
    int32_t *table;                /* hash table of ids + 1 */
    int64_t table_size;
    int32_t n_vectors, vectors_capacity, n_matrices, matrices_capacity;
    sx_eq_vector *vector;
    sx_eq_matrix *matrix;
} sx_eq_graph;

sx_status sx_eq_graph_init(sx_ctx *ctx, int boundary, int n_ranges, int64_t *range, int n_arrays, sx_eq_array *array,
                           sx_eq_graph *g) SX_MUST_USE;
void sx_eq_graph_free(sx_eq_graph *g);
/* Leaves. sx_eq_vector_new takes v over. */
int32_t sx_eq_const(sx_eq_graph *g, double value);
int32_t sx_eq_time(sx_eq_graph *g);
int32_t sx_eq_vector_new(sx_eq_graph *g, int range, double *v);
int32_t sx_eq_state(sx_eq_graph *g, int array);
int32_t sx_eq_direction(sx_eq_graph *g, int k, int array);
int sx_eq_matrix_new(sx_eq_graph *g, const sx_coupling *w, int r0, int r1);
int32_t sx_eq_matrix_node(sx_eq_graph *g, int matrix, bool transposed);
int32_t sx_eq_matrix_diagonal(sx_eq_graph *g, int matrix);
/* Elementwise, simplified; numbers stand for arrays of any shape. */
int32_t sx_eq_unary(sx_eq_graph *g, sx_eq_op op, int32_t a);
int32_t sx_eq_binary(sx_eq_graph *g, sx_eq_op op, int32_t a, int32_t b);
int32_t sx_eq_select(sx_eq_graph *g, sx_eq_compare c, int32_t a, int32_t b, int32_t x, int32_t y);
static inline int32_t sx_eq_mul(sx_eq_graph *g, int32_t a, int32_t b) {
    return sx_eq_binary(g, EQ_MUL, a, b);
}
static inline int32_t sx_eq_add(sx_eq_graph *g, int32_t a, int32_t b) {
    return sx_eq_binary(g, EQ_ADD, a, b);
}
static inline bool sx_eq_is(const sx_eq_graph *g, int32_t a, double value) {
    return g->node[a].op == EQ_CONST && g->node[a].value == value;
}
/* Arrays. Ranges are given because a number may stand for an array. */
int32_t sx_eq_row(sx_eq_graph *g, int32_t v, int r0, int r1);
int32_t sx_eq_col(sx_eq_graph *g, int32_t v, int r0, int r1);
int32_t sx_eq_gather(sx_eq_graph *g, int32_t v, int range, int s0, int s1, int64_t shift, int r0, int r1);
int32_t sx_eq_shift(sx_eq_graph *g, int32_t v, int range, int64_t shift);
int32_t sx_eq_unshift(sx_eq_graph *g, int32_t v, int range, int64_t shift);
int32_t sx_eq_pick(sx_eq_graph *g, int32_t v, int64_t k);
int32_t sx_eq_place_at(sx_eq_graph *g, int32_t s, int range, int64_t k);
int32_t sx_eq_total(sx_eq_graph *g, int32_t v, int range);
int32_t sx_eq_product(sx_eq_graph *g, int matrix, bool transposed, int32_t v);
int32_t sx_eq_scatter(sx_eq_graph *g, int32_t pair, int r0, int r1, int range, int s0, int s1, int64_t shift);
int32_t sx_eq_transpose(sx_eq_graph *g, int32_t pair);
int32_t sx_eq_pair_diagonal(sx_eq_graph *g, int32_t pair);
/* sum over the second range of a pair array, taken apart (equations_sum.c) */
int32_t sx_eq_sum(sx_eq_graph *g, int32_t pair, int r0, int r1);
/* For files of the graph only. */
double *sx_eq_numbers_new(sx_eq_graph *g, int64_t n);
const double *sx_eq_numbers(const sx_eq_graph *g, int32_t constant);
int32_t sx_eq_intern(sx_eq_graph *g, sx_eq_node n);
sx_eq_node sx_eq_blank(sx_eq_op op, int dims, int r0, int r1);
/* Element m of a range with the boundary applied; -1 outside of "zero". */
int64_t sx_eq_wrap(int boundary, int64_t m, int64_t n);

/* -- derivatives (equations_derive.c) -------------------------------------------------------------------------------------- */

/* out[k] = derivative of roots[k] along direction `d`; roots may be numbers or arrays. */
sx_status sx_eq_forward(sx_eq_graph *g, int n, const int32_t *roots, int d, int32_t *out) SX_MUST_USE;
/* out[a] = gradient with respect to array a of sum_k seed_k . roots[k], seeds are the direction `d` of the arrays */
sx_status sx_eq_reverse(sx_eq_graph *g, const int32_t *roots, int d, int32_t *out) SX_MUST_USE;
/* out[a] = gradient of a number with respect to array a */
sx_status sx_eq_gradient(sx_eq_graph *g, int32_t root, int32_t *out) SX_MUST_USE;
/* The derivative of every element with respect to the same element of `array`, -1 where that is not a local expression. */
int32_t sx_eq_own(sx_eq_graph *g, int32_t root, int array);

/* -- text to graph (equations_lower.c) ------------------------------------------------------------------------------------- */

/* F = -G^-1 grad Phi + R from a potential, a metric and a flow. Roots of one per array; M = 1/G. Radial: with n = x/r,
 * G = radial n n^T + tangential (1 - n n^T), and s = r^2. */
typedef struct sx_eq_parts {
    bool given, radial;
    int32_t phi, s, g_radial, g_tangential, m_radial, m_tangential;
    int32_t *gradient, *G, *M, *R; /* in one allocation, at `gradient` */
    sx_eq_tree phi_tree, r_tree, radial_tree, tangential_tree;
    sx_eq_tree *metric, *flow; /* one per array; empty: not given */
    char *r_text;              /* what r is */
} sx_eq_parts;

typedef struct sx_eq_model {
    sx_eq_graph g;
    sx_eq_parts parts;
    int64_t *range;
    sx_eq_array *array;
    int n_arrays, n_let;
    int64_t n;
    int32_t *F;           /* root of each array */
    sx_eq_tree *let, *eq; /* trees of the definitions and of the equations, the latter in the order of the arrays */
    char *text, *latex;
} sx_eq_model;
/* Reads a desc; with n > 0 the texts (`what` in messages) are lowered into F instead of the equations. On failure *fault says
 * where. */
sx_status sx_eq_lower(sx_ctx *ctx, const sx_equations_desc *d, const char *what, int n, const sx_equations_text *texts,
                      sx_eq_model *m, sx_equations_fault *fault) SX_MUST_USE;
void sx_eq_model_clear(sx_ctx *ctx, sx_eq_model *m);
/* out_a = (G v)_a or (G^-1 v)_a; r^2 of the state */
void sx_eq_metric_times(sx_eq_model *m, bool inverse, const int32_t *v, int32_t *out);
int32_t sx_eq_dot(sx_eq_graph *g, const int32_t *u, const int32_t *v);

/* -- programs (equations_compile.c, equations_eval.c) ---------------------------------------------------------------------- */

enum { EQ_CHUNK = 1024, EQ_PANELS = 8, EQ_DIRECTIONS = 3 };

/* Where an operand is. */
typedef enum sx_eq_where {
    EQ_AT_NUMBER, /* value; or the time */
    EQ_AT_TIME,
    EQ_AT_VECTOR, /* constants, one per row */
    EQ_AT_STATE,  /* rows of the state */
    EQ_AT_DIRECTION,
    EQ_AT_OUT,      /* rows of the result */
    EQ_AT_SLOT,     /* whole array in scratch */
    EQ_AT_REGISTER, /* chunk in scratch */
    EQ_AT_MATRIX    /* row of a dense matrix, one number per column: inside pair loops */
} sx_eq_where;
typedef struct sx_eq_operand {
    uint8_t where;
    uint8_t whole; /* 1: one row for all rows (a number of each replica) */
    uint8_t row;   /* in pair loops: the row of the outer index */
    int8_t direction;
    int32_t index; /* register or slot */
    int64_t first; /* first row in state, direction or result; columns of a matrix */
    double value;
    const double *v; /* vector, matrix */
} sx_eq_operand;
typedef struct sx_eq_instruction {
    uint8_t op, compare;
    int8_t s0, s1;
    int64_t shift;
    sx_eq_operand out, in[4];
} sx_eq_instruction;

/* One step: an elementwise loop, or an operation on whole arrays. */
typedef struct sx_eq_step {
    uint8_t op; /* EQ_COPY: elementwise loop; else the operation */
    bool transposed;
    int8_t s0, s1;
    int64_t rows, inner; /* of the loop; of the operand, or the second index */
    int64_t target;      /* EQ_SCATTER: rows of the result */
    int64_t shift;
    sx_eq_operand out, in; /* in: of whole arrays; body of pair loops */
    const sx_coupling *w;  /* borrowed from the graph */
    const double *dense;   /* weights of a loop over pairs, rows x inner, or NULL */
    const int64_t *row_start;
    const int32_t *column;
    const double *link; /* weights of a loop over links */
    double factor;
    int32_t first, n;            /* instructions */
    int32_t first_call, n_calls; /* kernels that follow them; 0: not generated */
} sx_eq_step;

/* A compiled loop over the rows x columns numbers of a chunk; operands are where the chunk begins. Arrays of a chunk of several rows lie
 * without gaps. */
typedef void sx_eq_kernel(int64_t rows, int64_t columns, const double *const *in, double *const *out);
typedef struct sx_eq_call {
    sx_eq_kernel *run;
    int32_t kernel;             /* number in the generated text */
    int32_t first, n_in, n_out; /* operands: inputs, then results */
} sx_eq_call;

typedef struct sx_eq_dense {
    int32_t matrix; /* 2 matrix + transposed */
    double *v;      /* owned */
} sx_eq_dense;
typedef struct sx_eq_rows {
    int32_t matrix;     /* 2 matrix + transposed */
    struct sx_csr *csr; /* owned: of a matrix that the coupling holds in blocks */
} sx_eq_rows;
typedef struct sx_eq_program {
    int boundary;
    int64_t most_rows; /* of any step */
    int32_t n_steps, n_instructions, registers, n_slots, n_dense, n_rows;
    sx_eq_step *step;
    sx_eq_instruction *code;
    int64_t *slot_first; /* rows before each slot; the last entry is their sum */
    sx_eq_dense *dense;
    sx_eq_rows *rows;
    sx_eq_call *call;
    sx_eq_operand *operand;
    int32_t n_calls, n_operands;
    double flops;
} sx_eq_program;
/* roots[k] -> rows out[k].first ... of the result. Vectors and couplings of the graph must outlive the program. */
sx_status sx_eq_compile(sx_eq_graph *g, int n, const int32_t *roots, const sx_eq_array *out,
                        sx_eq_program *p) SX_MUST_USE;
/* Nodes and table go, vectors and couplings stay. */
void sx_eq_graph_seal(sx_eq_graph *g);
void sx_eq_program_free(sx_ctx *ctx, sx_eq_program *p);
int64_t sx_eq_program_work(const sx_eq_program *p, int64_t b);
/* x and the directions have b columns. */
void sx_eq_run(const sx_eq_program *p, double t, const double *x, const double *const *direction, int64_t b,
               double *out, sx_work w);

/* -- generated C (equations_generate.c) ------------------------------------------------------------------------------------ */

enum { EQ_OPERANDS = 288 }; /* inputs or results of a kernel, at most */
/* The inline functions of generated text (built from the headers). */
extern const char sx_eq_inline_text[];
/* C for the loops of programs, which then want it: run nothing before the kernels are bound. *text is NULL where there is no loop. */
sx_status sx_eq_generate(sx_ctx *ctx, int n, sx_eq_program *const *programs, char **text) SX_MUST_USE;
/* Generated, compiled and bound. *out is left as it is where there is no loop; it must outlive the programs. */
struct sx_compiled;
sx_status sx_eq_generate_compiled(sx_ctx *ctx, int n, sx_eq_program *const *programs,
                                  struct sx_compiled **out) SX_MUST_USE;

/* Elementwise functions over n numbers (equations_rows.c); y may equal any input. */
void sx_eq_rows_unary(const sx_kernels *k, sx_eq_op op, int64_t n, const double *x, double *y);
/* sx, sy: 1 for arrays, 0 for one number */
void sx_eq_rows_binary(const sx_kernels *k, sx_eq_op op, int64_t n, const double *x, int sx, const double *y, int sy,
                       double *out);
void sx_eq_rows_select(sx_eq_compare c, int64_t n, const double *const in[4], const int s[4], double *out);

/* -- thermal noise of a metric from text (equations_thermal.c) ------------------------------------------------------------------ */

enum { EQ_T_B, EQ_T_DB, EQ_T_DIV, EQ_T_STRAT, EQ_T_COVARIANT, EQ_T_GRADIENT, EQ_T_SECOND, EQ_T_G, EQ_T_PROGRAMS };
typedef struct sx_eq_thermal {
    bool constant, local; /* M is numbers; M_i depends on x_i alone */
    double *M;            /* owned: constant ones */
    char *without;        /* owned: name of the state whose metric has no derivative along itself, or NULL */
    sx_eq_program program[EQ_T_PROGRAMS];
} sx_eq_thermal;
sx_status sx_eq_thermal_compile(sx_ctx *ctx, sx_eq_model *m, const sx_equations_desc *d,
                                sx_eq_thermal *out) SX_MUST_USE;
void sx_eq_thermal_clear(sx_ctx *ctx, sx_eq_thermal *t);
/* D = T G^-1 of a model with a potential from text; SX_E_UNSUPPORTED for others. */
sx_status sx_equations_thermal(sx_ctx *ctx, const sx_model *m, double temperature, sx_noise **out) SX_MUST_USE;
/* The parts of a model made from texts; NULL: of another kind, or without a potential. Borrowed. */
const sx_eq_thermal *sx_equations_thermal_of(const sx_model *m);

/* The operations, without and with a potential; the latter are in the registry. */
extern const sx_model_ops sx_equations_ops, sx_equations_potential_ops;
/* Programs of F and J u of a model made from texts. */
void sx_equations_programs(const void *self, const sx_eq_program **F_program, const sx_eq_program **jvp_program);
/* Whether a model has one of them. */
bool sx_equations_made(const sx_model *m);

#endif
