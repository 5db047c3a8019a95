// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* A network with everything that texts can use: arrays, a number, parameters of every shape, a dense and a sparse matrix, definitions. */
#ifndef SX_TESTS_EQUATIONS_NETWORK_H
#define SX_TESTS_EQUATIONS_NETWORK_H

#include "equations_world.h"

enum { N = 6 }; /* elements of an array */
typedef struct network {
    double g, tau[N], W[N * N], S[N * N];
    sx_equations_index indices[2];
    sx_equations_state states[3];
    sx_equations_parameter parameters[4];
    sx_equations_text definitions[2], equations[3];
    sx_equations_desc d;
    sx_coupling *sparse;
} network;

static inline void network_make(sx_ctx *ctx, network *w) {
    memset(w, 0, sizeof *w);
    w->g = 1.3;
    fill("tau", 0.5, 2.0, N, w->tau);
    fill("W", -0.8, 0.8, N * N, w->W);
    fill("S", -0.8, 0.8, N * N, w->S);
    int64_t start[N + 1] = { 0 }, used = 0;
    int32_t column[N * N];
    double value[N * N];
    for (int64_t i = 0; i < N; ++i) {
        for (int64_t j = 0; j < N; ++j) {
            if ((3 * i + 5 * j) % 4) w->S[i * N + j] = 0.0;
            if (w->S[i * N + j] == 0.0) continue;
            column[used] = (int32_t)j;
            value[used++] = w->S[i * N + j];
        }
        start[i + 1] = used;
    }
    OK(sx_coupling_csr(ctx, N, N, start, column, value, &w->sparse));
    w->indices[0] = (sx_equations_index){ "i", N, NULL };
    w->indices[1] = (sx_equations_index){ "j", 0, "i" };
    w->states[0] = (sx_equations_state){ "x", "i", NULL };
    w->states[1] = (sx_equations_state){ "y", "i", NULL };
    w->states[2] = (sx_equations_state){ "u", NULL, NULL };
    w->parameters[0] = (sx_equations_parameter){ "g", NULL, { 1, &w->g }, NULL };
    w->parameters[1] = (sx_equations_parameter){ "tau", "i", { N, w->tau }, NULL };
    w->parameters[2] = (sx_equations_parameter){ "W", "i,j", { N * N, w->W }, NULL };
    /* the second evaluator reads the numbers, the library the sparse coupling */
    w->parameters[3] = (sx_equations_parameter){ "S", "i,j", { N * N, w->S }, w->sparse };
    w->definitions[0] = (sx_equations_text){ "r[i]", "tanh(g*x[i])" };
    w->definitions[1] = (sx_equations_text){ "K[i,j]", "exp(-(i-j)^2/8)*cos(x[j]-y[i])" };
    for (int k = 0; k < 3; ++k) w->equations[k].left = w->states[k].name;
    w->d = (sx_equations_desc){ .struct_size = sizeof w->d,
                                .n_indices = 2,
                                .indices = w->indices,
                                .n_states = 3,
                                .states = w->states,
                                .n_parameters = 4,
                                .parameters = w->parameters,
                                .n_definitions = 2,
                                .definitions = w->definitions,
                                .n_equations = 3,
                                .equations = w->equations };
}

#endif
