// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* separatrix bench: Jacobians of a trained network at many points, as `spectrum` and `fixed-points` want them. */
#include "cli/cmd_bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { UNITS = 256, POINTS = 1024, GATES = 3, ROUNDS = 5 };

/* A GRU as a new PyTorch module has it: every number uniform in +-1/sqrt(UNITS). */
static sx_status make_gru(sx_ctx *ctx, sx_model **out) {
    enum { NUMBERS = GATES * UNITS * UNITS };
    double *w = NULL;
    sx_status status;
    SX_TRY(ctx, sx_alloc(ctx, NUMBERS, sizeof *w, &w));
    sx_normal_fill(sx_key_seed(1), 0, SX_SLOT_USER, 0, NUMBERS, 1, w);
    for (int64_t i = 0; i < NUMBERS; i++) w[i] = erf(w[i] / sqrt(2)) / sqrt(UNITS);
    sx_cell_layer layer = { .w_ih = { GATES * UNITS, w },
                            .w_hh = { NUMBERS, w },
                            .b_ih = { GATES * UNITS, w + GATES * UNITS },
                            .b_hh = { GATES * UNITS, w + 2 * GATES * UNITS } };
    sx_cell_opts o = SX_CELL_OPTS;
    sx_fields_default(sx_cell_fields, &o);
    o.struct_size = sizeof o;
    o.cell = SX_CELL_GRU;
    o.hidden = UNITS;
    o.inputs = 1;
    o.layers = (sx_tables){ 1, &layer };
    status = sx_cell_create(ctx, &o, NULL, out);
    sx_free(ctx, w);
    return status;
}

typedef struct job {
    const sx_model *m;
    const double *x;
    double *out, *scratch;
    int64_t work;
} job;

static sx_status one(sx_ctx *ctx, int64_t k, int worker, void *arg) {
    const job *j = arg;
    (void)ctx;
    sx_model_operations(j->m)->jacobian(sx_model_self(j->m), 0, j->x + k * UNITS, j->out + k * UNITS * UNITS,
                                        (sx_work){ j->scratch + worker * j->work, j->work, NULL, 0 });
    return SX_OK;
}

sx_status sx_bench_jacobians(sx_ctx *ctx, sx_rates *r, int threads) {
    sx_model *m = NULL;
    job j = { 0 };
    double *x = NULL, best = INFINITY;
    sx_status status;
    SX_GO(ctx, status, done, make_gru(ctx, &m));
    j.m = m;
    j.work = sx_model_operations(m)->work(sx_model_self(m), SX_OP_JACOBIAN, 1);
    SX_GO(ctx, status, done, sx_alloc(ctx, POINTS * UNITS, sizeof *x, &x));
    SX_GO(ctx, status, done, sx_alloc(ctx, (int64_t)POINTS * UNITS * UNITS, sizeof *j.out, &j.out));
    SX_GO(ctx, status, done, sx_alloc(ctx, threads * j.work, sizeof *j.scratch, &j.scratch));
    sx_normal_fill(sx_key_seed(2), 0, SX_SLOT_USER, 0, POINTS * UNITS, 1, x);
    j.x = x;
    for (int round = 0; round < ROUNDS; round++) {
        double t = sx_seconds();
        SX_GO(ctx, status, done, sx_parallel_for(ctx, POINTS, one, &j));
        t = sx_seconds() - t;
        if (t < best) best = t;
    }
    if (threads == 1)
        printf("\n%-34s %7s %12s %12s %10s\n", "Jacobians of a GRU", "threads", "ms", "bound ms", "of bound");
    const double bound = sx_floor_jacobians(r, UNITS, GATES, POINTS) / threads;
    printf("%-34s %7d %12.4g %12.4g %8.0f %%\n", "N=256, 1024 points", threads, 1e3 * best, 1e3 * bound,
           100 * bound / best);
    fflush(stdout);
done:
    sx_free(ctx, j.scratch);
    sx_free(ctx, j.out);
    sx_free(ctx, x);
    sx_model_free(ctx, m);
    return status;
}
