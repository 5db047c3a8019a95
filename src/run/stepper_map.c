// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Discrete time. Maps: x' = F(t, x) + sqrt(2) B(x) n, so the noise of a step has covariance 2D. Samplers draw x' themselves. */
#include "run/stepper_private.h"

#include <string.h>

/* Batches: f, g. */
void sx_step_map_(const sx_stepper *s, double t, sx_batch x, const double *n1, const double *n2, double *p, sx_work w) {
    const int64_t size = s->n * x.b;
    double *f = p, *g = p + sx_stride_(s, x.b);
    (void)n2;
    sx_model_F(s->m, t, sx_const_batch(x), sx_as_batch_(f, s->n, x.b), w);
    if (s->amplitude) {
        s->k->axpy_rows(s->n, x.b, s->amplitude, n1, f);
    } else if (s->cls != SX_NOISE_NONE) {
        const sx_noise *noise = sx_model_noise(s->m);
        sx_noise_operations(noise)->B(sx_noise_self(noise), t, sx_const_batch(x), sx_as_cbatch_(n1, s->rank, x.b),
                                      sx_as_batch_(g, s->n, x.b), w);
        s->k->axpy(size, s->scale, g, f);
    }
    memcpy(x.x, f, (size_t)size * sizeof(double));
}

void sx_draw_samples_(const sx_stepper *s, sx_key key, int64_t step, int64_t count, sx_batch x, sx_work w) {
    const sx_model_ops *ops = sx_model_operations(s->m);
    for (int64_t k = 0; k < count; k++) ops->sample(sx_model_self(s->m), key, (uint64_t)(step + k), w.replica0, x, w);
}
