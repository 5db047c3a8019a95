// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Shared libraries for tests/test_plugin.c: x' = -k x + tanh(y), y' = x y - y^3 + s, and faults of several kinds (-DFIXTURE_...). */
#include <separatrix/plugin.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct pair {
    double k, s;
} pair;

static void F(const void *self, double t, sx_cbatch x, sx_batch out, sx_work w) {
    const pair *p = self;
    (void)t, (void)w;
    for (int64_t r = 0; r < x.b; ++r) {
        double u = x.x[r], v = x.x[x.b + r];
        out.x[r] = -p->k * u + tanh(v);
        out.x[x.b + r] = u * v - v * v * v + p->s;
#ifdef FIXTURE_NAN
        out.x[x.b + r] += log(u);
#endif
    }
}
static void destroy(sx_ctx *ctx, void *self) {
    (void)ctx;
    free(self);
}
static int create(const double *values, sx_plugin_model *out, char *message, size_t size) {
    static const char *const labels[] = { "u", "v" };
    static const sx_state_array array = { "x", "unit", 2, labels };
    pair *p = malloc(sizeof *p);
    if (!p || values[1] > 10) {
        free(p);
        snprintf(message, size, "s = %g is too much", values[1]);
        return 7;
    }
    p->k = values[0];
    p->s = values[1];
    out->desc.self = p;
    out->desc.layout = (sx_layout){ 2, 1, &array };
    out->desc.equation = "x' = -k x + tanh y, y' = x y - y^3 + s";
#ifdef FIXTURE_EMPTY
    out->desc.layout.n = 0;
    out->desc.layout.arrays = NULL;
#endif
    return 0;
}

static const sx_model_ops ops = { .abi = SX_MODEL_ABI, .struct_size = sizeof ops, .F = F, .destroy = destroy };
static const sx_plugin_option options[] = {
    { "k", 1.0, 0.5, 2.0, "leak" },
    { "s", NAN, 0, 0, "drive of y" },
    { NULL, 0, 0, 0, NULL },
};
static const sx_plugin table = {
#ifdef FIXTURE_ABI
    SX_PLUGIN_ABI + 6,
#else
    SX_PLUGIN_ABI,
#endif
    sizeof table,      &ops, options, create, NULL
};

#ifdef FIXTURE_SILENT
SX_PLUGIN_EXPORT const sx_plugin *another_name(void);
SX_PLUGIN_EXPORT const sx_plugin *another_name(void) {
    return &table;
}
#else
SX_PLUGIN_EXPORT const sx_plugin *sx_plugin_entry(void) {
    return &table;
}
#endif
