// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Where the searches begin: given points, moved by `jitter` normals, then points drawn evenly from the box. Start k depends on the key and k
 * alone. */
#include "fixed_points_private.h"

#include <math.h>
#include <string.h>

void sx_fp_random(const sx_fp *s, const char *stream, int64_t k, double *x) {
    sx_uniform_fill(sx_key_derive(s->key, stream, 0), 0, SX_SLOT_INITIAL, k, s->n, 1, x);
    for (int64_t i = 0; i < s->n; i++) x[i] = s->lo[i] + (s->hi[i] - s->lo[i]) * x[i];
}

bool sx_fp_reached(const sx_fp *s, const double *x) {
    for (int64_t i = 0; i < s->n; i++)
        if (!(fabs(x[i] - s->middle[i]) <= s->reach[i])) return false;
    return true;
}

void sx_fp_start(const sx_fp *s, int64_t k, double *x) {
    if (k >= s->n_given) {
        sx_fp_random(s, "random", k - s->n_given, x);
        return;
    }
    const double *from = s->given + k * s->n;
    if (s->o.start.jitter > 0) {
        sx_normal_fill(sx_key_derive(s->key, "jitter", 0), 0, SX_SLOT_INITIAL, k, s->n, 1, x);
        for (int64_t i = 0; i < s->n; i++) x[i] = from[i] + s->o.start.jitter * x[i];
    } else {
        memcpy(x, from, (size_t)s->n * sizeof *x);
    }
}
