// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* libFuzzer entry point of equations: the bytes are the text of one equation of a small model with everything that texts can name. What
 * parses must print to the same tree; what makes a model must evaluate, with every derivative, inside its scratch. */
#include <separatrix/separatrix.h>

#include "models/equations.h"

#include <stdio.h>
#include <stdlib.h>

enum { N = 4, UNITS = 2 * N + 1, B = 3 };

#define MUST(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition)) abort();                                                                                     \
    } while (0)

static void round_trip(sx_ctx *ctx, const char *text) {
    sx_eq_tree a, b;
    sx_eq_error error = { 0, "" };
    sx_eq_buffer out = { 0 };
    if (sx_eq_parse(ctx, text, &a, &error) < 0) {
        MUST(error.position >= 1 && error.why[0]);
        return;
    }
    MUST(sx_eq_print(ctx, &a, true, &out) >= 0);
    sx_free(ctx, out.p);
    out = (sx_eq_buffer){ 0 };
    MUST(sx_eq_print(ctx, &a, false, &out) >= 0);
    if (out.n <= EQ_TEXT_MAX && sx_eq_parse(ctx, out.p, &b, &error) >= 0) { /* brackets may add depth */
        MUST(sx_eq_tree_equal(&a, &b));
        sx_eq_tree_free(ctx, &b);
    }
    sx_free(ctx, out.p);
    sx_eq_tree_free(ctx, &a);
}

static void evaluate(sx_ctx *ctx, const char *text, int boundary) {
    static const double numbers[N * N] = { 0.5, -0.25, 0, 0, 1, 0.75, 0, 0, -1, 0, 0, 2, 0, 0, 0.125, 1 };
    const sx_equations_index indices[] = { { "i", N, NULL }, { "j", 0, "i" }, { "k", 2, NULL } };
    const sx_equations_state states[] = { { "x", "i", NULL }, { "y", "i", NULL }, { "u", NULL, NULL } };
    const sx_equations_parameter parameters[] = { { "g", NULL, { 1, numbers }, NULL },
                                                  { "a", "i", { N, numbers }, NULL },
                                                  { "w", "k", { 2, numbers }, NULL },
                                                  { "W", "i,j", { N * N, numbers }, NULL } };
    const sx_equations_text definitions[] = { { "r[i]", "tanh(x[i])" }, { "K[i,j]", "cos(x[i]-y[j])" } };
    const sx_equations_text equations[] = { { "x", text }, { "y", "-y[i]" }, { "u", "-u" } };
    const sx_equations_desc d = { .struct_size = sizeof d,
                                  .boundary = boundary,
                                  .n_indices = 3,
                                  .indices = indices,
                                  .n_states = 3,
                                  .states = states,
                                  .n_parameters = 4,
                                  .parameters = parameters,
                                  .n_definitions = 2,
                                  .definitions = definitions,
                                  .n_equations = 3,
                                  .equations = equations };
    sx_equations_fault fault;
    sx_model *m = NULL;
    if (sx_equations_create(ctx, &d, &fault, &m) < 0) {
        MUST(sx_ctx_message(ctx)[0]);
        return;
    }
    const sx_model_ops *o = sx_model_operations(m);
    const void *self = sx_model_self(m);
    int64_t need = sx_model_work(m, B);
    double *x = NULL, *out = NULL, *p = NULL, div[B];
    MUST(sx_alloc(ctx, UNITS * B, sizeof *x, &x) >= 0 && sx_alloc(ctx, UNITS * B, sizeof *out, &out) >= 0);
    MUST(sx_alloc(ctx, need, sizeof *p, &p) >= 0);
    for (int i = 0; i < UNITS * B; ++i) x[i] = 0.1 * i - 1.0;
    const sx_work w = { p, need, NULL, 0 };
    const sx_cbatch at = { x, UNITS, B };
    const sx_batch y = { out, UNITS, B };
    o->F(self, 0.5, at, y, w);
    o->jvp(self, 0.5, at, at, y, w);
    o->vjp(self, 0.5, at, at, y, w);
    o->hvv(self, 0.5, at, at, at, y, w);
    o->phv(self, 0.5, at, at, at, y, w);
    o->tvvv(self, 0.5, at, at, at, at, y, w);
    o->divergence(self, 0.5, at, div, w);
    sx_free(ctx, x);
    sx_free(ctx, out);
    sx_free(ctx, p);
    sx_model_free(ctx, m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    sx_ctx *ctx = sx_ctx_create(NULL);
    char *text = malloc(size + 1);
    MUST(ctx && text);
    if (size) memcpy(text, data, size);
    text[size] = '\0';
    round_trip(ctx, text);
    if (size < 400) evaluate(ctx, text, (int)(size % 3)); /* longer ones would only be slow */
    free(text);
    MUST(sx_ctx_bytes(ctx) == 0);
    sx_ctx_free(ctx);
    return 0;
}
