// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Figures of the task `lyapunov` from a result made by hand: what is drawn, against what, and what is left out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "report/figure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define OK(call)                                                                                                       \
    do {                                                                                                               \
        if ((call) != SX_OK) fail_msg("%s", sx_ctx_message(ctx));                                                      \
    } while (0)

enum { T = 6 };

static sx_result *made(sx_ctx *ctx, const char *task, int64_t k) {
    sx_result *r = NULL;
    double *v = calloc((size_t)(T * k), sizeof *v), time[T];
    if (!v) abort();
    OK(sx_result_create(ctx, NULL, &r));
    OK(sx_result_dim(ctx, r, "ly", "exponent_index", k));
    OK(sx_result_dim(ctx, r, "ly", "time", T));
    OK(sx_result_dim(ctx, r, "ly", "replica", 2));
    OK(sx_result_attr_text(ctx, r, "ly", NULL, "task", task));
    for (int64_t i = 0; i < k; i++) v[i] = 1 - (double)i;
    v[k - 1] = -HUGE_VAL;
    OK(sx_result_put(ctx, r, "ly", "exponent", "exponent_index", "1/time", "exponents", v));
    for (int64_t i = 0; i < k; i++) v[i] = 0.01;
    OK(sx_result_put(ctx, r, "ly", "exponent_se", "exponent_index", "1/time", "error", v));
    OK(sx_result_put(ctx, r, "ly", "exponent_theory", "exponent_index", "1/time", "theory", v));
    for (int64_t i = 0; i < 2 * k; i++) v[i] = (double)i;
    OK(sx_result_put(ctx, r, "ly", "exponent_replica", "replica,exponent_index", "1/time", "each", v));
    for (int64_t t = 0; t < T; t++) {
        time[t] = 1 + (double)t;
        for (int64_t i = 0; i < k; i++) v[t * k + i] = (double)i + 1 / time[t];
    }
    OK(sx_result_put(ctx, r, "ly", "time", "time", "time", "time", time));
    OK(sx_result_put(ctx, r, "ly", "trace", "time,exponent_index", "1/time", "averages", v));
    free(v);
    return r;
}

static const sx_figure *find(const sx_figures *f, const char *id) {
    for (int64_t i = 0; i < f->n; i++)
        if (strcmp(f->item[i].id, id) == 0) return &f->item[i];
    fail_msg("no figure %s", id);
    return NULL;
}

static void test_small(void **state) {
    sx_ctx *ctx = *state;
    sx_result *r = made(ctx, "lyapunov", 4);
    sx_figures f = { 0 };
    OK(sx_figures_build(ctx, r, NULL, &f));
    assert_int_equal(f.n, 2); /* no figure of the replicas, none of errors and theory */
    const sx_figure *a = find(&f, "ly-exponent"), *b = find(&f, "ly-trace");
    assert_int_equal(a->n_series, 2);
    assert_int_equal(a->series[0].kind, SX_SERIES_POINTS);
    assert_true(a->series[0].x[0] == 1 && a->series[0].y[0] == 1 && a->series[0].y[2] == -1);
    assert_true(isnan(a->series[0].y[3])); /* minus infinity has no place */
    assert_true(a->series[0].error[1] == 0.01);
    assert_true(a->series[1].dashed && a->series[1].y[2] == 0.01);
    assert_int_equal(b->n_series, 4); /* 0, 1, 2, 3: each once */
    assert_true(b->x.log);
    for (int c = 0; c < 4; c++)
        for (int t = 0; t < T; t++) assert_true(fabs(b->series[c].y[t] - (1 / (1.0 + t) - 1.0 / T)) < 1e-14);
    sx_figures_free(&f);
    sx_result_free(ctx, r);
}

/* Many exponents: a line with a band, six curves of the convergence. Another task with these names is not ours. */
static void test_large(void **state) {
    sx_ctx *ctx = *state;
    sx_result *r = made(ctx, "lyapunov", 100);
    sx_figures f = { 0 };
    OK(sx_figures_build(ctx, r, NULL, &f));
    assert_int_equal(find(&f, "ly-exponent")->series[0].kind, SX_SERIES_LINE);
    const sx_figure *b = find(&f, "ly-trace");
    assert_int_equal(b->n_series, 6);
    assert_string_equal(b->series[3].name, "exponent 51");
    assert_string_equal(b->series[5].name, "exponent 100");
    sx_figures_free(&f);
    sx_result_free(ctx, r);
    r = made(ctx, "other", 4);
    OK(sx_figures_build(ctx, r, NULL, &f));
    find(&f, "ly-exponent_replica");
    assert_string_not_equal(find(&f, "ly-exponent")->title, "Lyapunov spectrum");
    sx_figures_free(&f);
    sx_result_free(ctx, r);
}

static int set_up(void **state) {
    *state = sx_ctx_create(NULL);
    return *state ? 0 : -1;
}
static int tear_down(void **state) {
    const size_t left = sx_ctx_bytes(*state);
    sx_ctx_free(*state);
    return left ? -1 : 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_small, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_large, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
