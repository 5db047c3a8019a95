// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Noise-free flows x' = F(x) to nearly full precision, with tangents U' = J(x) U: the pair of Dormand and Prince of order 8(5,3) with step control.
 * The tangents take the very steps and stages of the state, so that U is the derivative of the computed map. */
#ifndef SX_RUN_VARIATIONAL_H
#define SX_RUN_VARIATIONAL_H

#include <separatrix/model.h>

typedef struct sx_variational {
    const sx_model *m;
    double rtol, atol; /* error of a step: atol + rtol |x_i|, root mean square over the state */
    double step;       /* first guess; the last good one on return. 0 = chosen */
    int64_t work;      /* model's scratch, doubles: sx_model_work(m, columns) */
    double *scratch;   /* sx_variational_scratch doubles */
} sx_variational;

/* Doubles of scratch for up to b tangent columns. */
int64_t sx_variational_scratch(const sx_model *m, int64_t b);
/* x(0) -> x(duration) in place, duration > 0; U [n][b] as well, b == 0: none. SX_E_NUMERIC when the step becomes too small or the state is not finite;
 * x and U are then undefined. */
sx_status sx_variational_run(sx_ctx *ctx, sx_variational *v, double duration, double *x, int64_t b,
                             double *U) SX_MUST_USE;

#endif
