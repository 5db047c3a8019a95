// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* What the tests of the task `response` share: contexts, linear models, running, reading. */
#ifndef SX_RESPONSE_TESTING_H
#define SX_RESPONSE_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <separatrix/response.h>
#include <separatrix/separatrix.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OK(ctx, call)                                                                                                  \
    do {                                                                                                               \
        if ((call) < 0) fail_msg("%s\n%s", sx_ctx_message(ctx), sx_ctx_trace(ctx));                                    \
    } while (0)

static const double pi = 3.14159265358979323846;

static inline sx_ctx *context(int threads) {
    sx_host host = { .struct_size = sizeof host, .threads = threads };
    return sx_ctx_create(&host);
}

/* x' = J x (flow: leak 0) or x <- J x (map: leak 1). */
static inline sx_model *linear(sx_ctx *ctx, int64_t n, const double *J, bool map) {
    sx_linear_opts o = SX_LINEAR_OPTS;
    sx_coupling *w = NULL;
    sx_model *m = NULL;
    double leak = map;
    sx_fields_default(sx_linear_fields, &o);
    o.struct_size = sizeof o;
    o.time = map;
    o.leak = (sx_values){ 1, &leak };
    OK(ctx, sx_coupling_dense(ctx, n, n, J, &w));
    OK(ctx, sx_linear_create(ctx, &o, w, NULL, &m));
    sx_coupling_free(ctx, w);
    return m;
}

/* The model with the noise; both are given up. */
static inline sx_model *with(sx_ctx *ctx, sx_model *bare, sx_noise *noise) {
    sx_model *m = NULL;
    OK(ctx, sx_model_with_noise(ctx, bare, noise, SX_KINETIC, &m));
    sx_noise_free(ctx, noise);
    sx_model_free(ctx, bare);
    return m;
}
static inline sx_model *additive(sx_ctx *ctx, sx_model *bare, int64_t count, const double *D) {
    sx_noise *noise = NULL;
    OK(ctx, sx_noise_additive(ctx, sx_model_n(bare), (sx_values){ count, D }, &noise));
    return with(ctx, bare, noise);
}

static inline sx_response_opts options(void) {
    sx_response_opts o = SX_RESPONSE_OPTS;
    sx_fields_default(sx_response_fields, &o);
    o.struct_size = sizeof o;
    return o;
}

static inline sx_result *run(sx_ctx *ctx, const sx_model *m, const sx_response_opts *o) {
    sx_result *r = NULL;
    OK(ctx, sx_result_create(ctx, NULL, &r));
    OK(ctx, sx_task_run(ctx, &sx_response_task, m, o, sx_key_seed(1), "response", NULL, r));
    return r;
}

/* All numbers of a variable; free with free(). */
static inline double *all(sx_ctx *ctx, const sx_result *r, const char *name, int64_t *count) {
    int id = sx_result_find(r, "response", name);
    int64_t shape[8], size = 1;
    const char *dims[8];
    if (id < 0) fail_msg("no variable %s", name);
    for (int i = 0, nd = sx_result_shape(r, id, shape, dims); i < nd; i++) size *= shape[i];
    double *v = malloc(sizeof(double) * (size_t)(size + 1));
    OK(ctx, sx_result_read(ctx, r, id, NULL, NULL, v));
    if (count) *count = size;
    return v;
}
static inline double get(sx_ctx *ctx, const sx_result *r, const char *name, int64_t k) {
    double *v = all(ctx, r, name, NULL), x = v[k];
    free(v);
    return x;
}
static inline bool has(const sx_result *r, const char *name) {
    return sx_result_find(r, "response", name) >= 0;
}
static inline int warnings_with(const sx_result *r, const char *text) {
    int n = 0;
    for (int i = 0; i < sx_result_warnings(r); i++) n += strstr(sx_result_warning(r, i, NULL), text) != NULL;
    return n;
}

#define NEAR(value, want, tolerance)                                                                                   \
    do {                                                                                                               \
        double value_ = (value), want_ = (want), tolerance_ = (tolerance);                                             \
        if (!(fabs(value_ - want_) <= tolerance_))                                                                     \
            fail_msg("%s = %.17g, want %.17g +- %g", #value, value_, want_, tolerance_);                               \
    } while (0)

#endif
