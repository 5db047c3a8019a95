// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* FitzHugh-Nagumo, v' = v - v^3/3 - w + I, w' = (v + a - b w)/tau, as a plug-in. F for complex numbers gives exact first derivatives. */
#include <separatrix/plugin.h>

#include <complex.h>
#include <stdlib.h>
#include <string.h>

static const sx_plugin_option options[] = {
    { "a", 0.7, 0, 0, "threshold" },     { "b", 0.8, 0, 0, "recovery" }, { "tau", 12.5, 1e-3, 1e6, "slowness of w" },
    { "I", 0.5, 0, 0, "input current" }, { NULL, 0, 0, 0, NULL },
};
#define FITZHUGH_NAGUMO(number, x, y, b)                                                                               \
    for (int64_t r = 0; r < (b); r++) {                                                                                \
        const double *p = self; /* a, b, tau, I */                                                                     \
        number v = (x)[r], w = (x)[(b) + r];                                                                           \
        (y)[r] = v - v * v * v / 3 - w + p[3];                                                                         \
        (y)[(b) + r] = (v + p[0] - p[1] * w) / p[2];                                                                   \
    }
static void F(const void *self, double t, sx_cbatch x, sx_batch out, sx_work scratch) {
    FITZHUGH_NAGUMO(double, x.x, out.x, x.b)
}
static void F_complex(const void *self, double t, const double *x, double *out, int64_t b, sx_work scratch) {
    FITZHUGH_NAGUMO(double complex, (const double complex *)x, (double complex *)out, b)
}
static int create(const double *values, sx_plugin_model *out, char *message, size_t size) {
    out->desc.layout.n = 2;
    out->desc.self = malloc(4 * sizeof(double));
    if (out->desc.self) memcpy(out->desc.self, values, 4 * sizeof(double));
    return out->desc.self ? 0 : 1;
}
static void destroy(sx_ctx *ctx, void *self) {
    free(self);
}
static const sx_model_ops ops = { .abi = SX_MODEL_ABI, .struct_size = sizeof ops, .F = F, .destroy = destroy };
static const sx_plugin table = { SX_PLUGIN_ABI, sizeof table, &ops, options, create, F_complex };
SX_PLUGIN_EXPORT const sx_plugin *sx_plugin_entry(void) {
    return &table;
}
