// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Text to graph: what the reader of tables and the reader of expressions share. */
#ifndef SX_MODELS_EQUATIONS_LOWER_H
#define SX_MODELS_EQUATIONS_LOWER_H

#include "models/equations.h"

enum { INDICES_MAX = 64, LINES_MAX = 4096 };

typedef enum sx_eq_symbol_kind {
    SYMBOL_INDEX,
    SYMBOL_TIME,
    SYMBOL_PI,
    SYMBOL_VALUE,
    SYMBOL_MATRIX,
    SYMBOL_LATER
} sx_eq_symbol_kind;
typedef struct sx_eq_symbol {
    const char *name;
    int64_t length;
    sx_eq_symbol_kind kind;
    int n_indices; /* of a value or matrix */
    int range[2];
    int shown[2]; /* indices as declared, for messages */
    int32_t node; /* value; pair values are in the order of their indices */
    int matrix;   /* or number of the index */
} sx_eq_symbol;

typedef struct sx_eq_lowering {
    sx_ctx *ctx;
    const sx_equations_desc *d;
    sx_eq_model *m;
    sx_equations_fault *fault;
    sx_eq_symbol *symbols;
    int n_symbols;
    int index_range[INDICES_MAX];
    int section, item;
    const char *left; /* of the line */
    const char *what; /* of texts beside the equations */
} sx_eq_lowering;

/* A node, and the indices it depends on, ascending; at most two. */
typedef struct sx_eq_value {
    int32_t node;
    int n, index[2];
} sx_eq_value;

/* Failure at a character (from 1; 0: the line as a whole) of the present line; fills *l->fault. */
sx_status sx_eq_wrong(sx_eq_lowering *l, int64_t position, const char *format, ...) SX_PRINTF(3, 4);
const char *sx_eq_section_name(const sx_eq_lowering *l);
/* The present line. */
void sx_eq_at(sx_eq_lowering *l, int section, int item, const char *left);

sx_eq_symbol *sx_eq_find(const sx_eq_lowering *l, const char *name, int64_t length);
sx_status sx_eq_add_symbol(sx_eq_lowering *l, const char *name, int64_t length, sx_eq_symbol_kind kind,
                           sx_eq_symbol **out);
sx_status sx_eq_find_index(sx_eq_lowering *l, const char *name, int64_t length, int64_t position, int *out);
const char *sx_eq_index_name(const sx_eq_lowering *l, int index);
int64_t sx_eq_index_size(const sx_eq_lowering *l, int index);

/* Parse; `what` names the part of the line where it is not its text. */
sx_status sx_eq_parse_line(sx_eq_lowering *l, const char *text, const char *what, sx_eq_tree *out);
/* The left side: a name and plain indices. */
sx_status sx_eq_left_side(sx_eq_lowering *l, const char *left, sx_eq_tree *t, int *n_indices, int index[2]);
sx_status sx_eq_lower_tree(sx_eq_lowering *l, const sx_eq_tree *t, sx_eq_value *out);
/* Refuses a value that depends on other indices than the line has. */
sx_status sx_eq_check_free(sx_eq_lowering *l, sx_eq_value v, int n, const int *index);
/* Lines, one per state, into trees and roots (-1 where there is none); in sections from 8 a line without left side is for all. */
sx_status sx_eq_read_lines(sx_eq_lowering *l, int section, int n, const sx_equations_text *lines, sx_eq_tree *trees,
                           int32_t *roots);
/* Potential, metric and flow (equations_potential.c): reads them and makes F. */
sx_status sx_eq_read_parts(sx_eq_lowering *l);
void sx_eq_parts_clear(sx_ctx *ctx, sx_eq_model *m);
/* The normal form. */
void sx_eq_print_left(sx_eq_lowering *l, sx_eq_buffer *out, const char *left, bool latex);
void sx_eq_print_parts(sx_eq_lowering *l, sx_eq_buffer *out, bool latex);
/* As a pair array over two indices. */
int32_t sx_eq_as_pair(sx_eq_lowering *l, sx_eq_value v, const int index[2]);

#endif
