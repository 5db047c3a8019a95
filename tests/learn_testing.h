// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Networks of sampled units, their learning and its results, for the tests of learning. Include after cmocka.h. */
#ifndef SX_TESTS_LEARN_TESTING_H
#define SX_TESTS_LEARN_TESTING_H

#include <separatrix/separatrix.h>

#define OK(call)                                                                                                       \
    do {                                                                                                               \
        sx_status s_ = (call);                                                                                         \
        if (s_ < 0) print_error("%s\n", sx_ctx_message(ctx));                                                          \
        assert_int_equal(s_, SX_OK);                                                                                   \
    } while (0)

/* create: sx_free_energy_create or sx_ising_create; J and bias may be NULL. */
static inline sx_model *sampled(sx_ctx *ctx,
                                sx_status (*create)(sx_ctx *, const sx_sampler_opts *, const sx_coupling *,
                                                    const char *const *, sx_model **),
                                int64_t n, int sampler, double beta, const double *J, const double *bias) {
    sx_sampler_opts o = SX_SAMPLER_OPTS;
    sx_coupling *w = NULL;
    sx_model *m = NULL;
    sx_fields_default(sx_sampler_fields, &o);
    o.struct_size = sizeof o;
    o.n = n;
    o.sampler = sampler;
    o.inverse_temperature = beta;
    if (bias) o.bias = (sx_values){ n, bias };
    if (J) OK(sx_coupling_dense(ctx, n, n, J, &w));
    OK(create(ctx, &o, w, NULL, &m));
    sx_coupling_free(ctx, w);
    return m;
}

/* Defaults with one snapshot; rows 0: no data. */
static inline sx_learn_opts defaults(int rule, int64_t rows, int64_t n, const double *x) {
    sx_learn_opts o = SX_LEARN_OPTS;
    sx_fields_default(sx_learn_fields, &o);
    o.struct_size = sizeof o;
    o.rule = rule;
    o.snapshots.n = 1;
    if (rows > 0) o.data = (sx_data){ .name = "patterns", .rows = rows, .columns = n, .x = x };
    return o;
}

/* Group "train". */
static inline sx_result *learn(sx_ctx *ctx, const sx_model *m, const sx_learn_opts *o) {
    sx_result *r = NULL;
    OK(sx_result_create(ctx, NULL, &r));
    OK(sx_task_run(ctx, &sx_learn_task, m, o, sx_key_seed(3), "train", NULL, r));
    return r;
}

static inline void get(sx_ctx *ctx, const sx_result *r, const char *name, double *out) {
    int id = sx_result_find(r, "train", name);
    if (id < 0) print_error("no variable '%s'\n", name);
    assert_true(id >= 0);
    OK(sx_result_read(ctx, r, id, NULL, NULL, out));
}

/* A context for each test, which must leave nothing in it. */
static inline int setup(void **state) {
    *state = sx_ctx_create(NULL);
    return *state == NULL;
}
static inline int teardown(void **state) {
    size_t left = sx_ctx_bytes(*state);
    sx_ctx_free(*state);
    return left != 0;
}

#endif
