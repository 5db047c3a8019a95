// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Figures of the task `orbits` from results made by hand: the plane of the widest units, closed curves of flows, points of maps without their padding,
 * multipliers beside the unit circle. */
#include "report/figure.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "report_checks.h"

enum { ORBITS = 2, P = 4, N = 3 };

static const sx_figure *find(const sx_figures *f, const char *id) {
    for (int64_t i = 0; i < f->n; i++)
        if (strcmp(f->item[i].id, id) == 0) return &f->item[i];
    return NULL;
}

/* Units 0 and 2 move by 1 and 5, unit 1 by 0.1. Map: the second orbit has period 2, NaN beyond. */
static sx_result *result(sx_ctx *ctx, bool map) {
    sx_result *r;
    double x[ORBITS * P * N], phase[P], period[ORBITS] = { 4, 2 },
                                        m[ORBITS * N * 2] = { 1, 0, 0.5, 0.5, 0.5, -0.5, -2, 0, 1, 0, 0.1, 0 };
    uint8_t stable[ORBITS] = { 1, 0 };
    sx_var flag = { .name = "stable", .dims = "orbit", .dtype = SX_DT_U8, .units = "1", .long_name = "stable" };
    int id;
    OK(sx_result_create(ctx, NULL, &r));
    OK(sx_result_attr_text(ctx, r, "a", NULL, "task", "orbits"));
    OK(sx_result_dim(ctx, r, "", "unit", N));
    OK(sx_result_dim(ctx, r, "", "complex", 2));
    OK(sx_result_dim(ctx, r, "a", "orbit", ORBITS));
    OK(sx_result_dim(ctx, r, "a", "phase", P));
    OK(sx_result_dim(ctx, r, "a", "mode", N));
    for (int k = 0; k < ORBITS; k++)
        for (int i = 0; i < P; i++) {
            bool none = map && k == 1 && i >= 2;
            double *y = x + (k * P + i) * N;
            phase[i] = map ? i : i / (double)P;
            y[0] = none ? (double)NAN : (i % 2) + 0.01 * k;
            y[1] = none ? (double)NAN : 0.1 * (i % 2);
            y[2] = none ? (double)NAN : 5 * (i / 2) + k;
        }
    OK(sx_result_put(ctx, r, "a", "phase", "phase", "1", "phase", phase));
    OK(sx_result_put(ctx, r, "a", "x", "orbit,phase,unit", "state", "orbits", x));
    OK(sx_result_put(ctx, r, "a", "period", "orbit", "time", "period", period));
    OK(sx_result_put(ctx, r, "a", "multiplier", "orbit,mode,complex", "1", "multipliers", m));
    OK(sx_result_define(ctx, r, "a", &flag, &id));
    OK(sx_result_write(ctx, r, id, NULL, NULL, stable));
    return r;
}

static void test_orbits(void **state) {
    sx_ctx *ctx = *state;
    for (int map = 0; map < 2; map++) {
        sx_result *r = result(ctx, map);
        sx_figures f;
        OK(sx_figures_build(ctx, r, NULL, &f));
        assert_int_equal(f.n, 2); /* periods and the like are in the tables */
        const sx_figure *x = find(&f, "a-x"), *m = find(&f, "a-multiplier");
        assert_non_null(x);
        assert_string_equal(x->x.label, "unit 0");
        assert_string_equal(x->y.label, "unit 2");
        assert_int_equal(x->n_series, ORBITS);
        assert_string_equal(x->series[0].name, "orbit 0, period 4, stable");
        assert_string_equal(x->series[1].name, "orbit 1, period 2, unstable");
        assert_int_equal(x->series[0].n, map ? P : P + 1);
        assert_int_equal(x->series[1].n, map ? 2 : P + 1);
        assert_true(x->series[0].kind == (map ? SX_SERIES_POINTS : SX_SERIES_LINE));
        assert_true(x->series[1].dashed == !map && !x->series[0].dashed);
        assert_true(x->series[0].x[1] == 1 && x->series[0].y[3] == 5);
        if (!map) assert_true(x->series[0].x[P] == x->series[0].x[0] && x->series[0].y[P] == x->series[0].y[0]);
        assert_non_null(m);
        assert_int_equal(m->n_series, ORBITS + 1);
        for (int64_t k = 0; k < m->series[0].n; k++)
            assert_true(fabs(hypot(m->series[0].x[k], m->series[0].y[k]) - 1) < 1e-14);
        assert_true(m->series[1].x[1] == 0.5 && m->series[1].y[2] == -0.5 && m->series[2].x[0] == -2);
        sx_figures_free(&f);
        sx_result_free(ctx, r);
    }
}

static int set_up(void **state) {
    *state = sx_ctx_create(NULL);
    return *state ? 0 : -1;
}
static int tear_down(void **state) {
    sx_ctx *ctx = *state;
    size_t left = sx_ctx_bytes(ctx);
    sx_ctx_free(ctx);
    return left == 0 ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(test_orbits, set_up, tear_down) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
