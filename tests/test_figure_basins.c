// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The plane of the basins and the table of attractors, from a result made by hand. */
#include "report/figure.h"
#include "report/page.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "report_checks.h"

enum { N = 3, SIDE_X = 4, SIDE_Y = 3 };

/* n attractors of three units; the slice holds x (unit 0) and z (unit 2). */
static sx_result *result(sx_ctx *ctx, int n) {
    static const char *const kinds[] = { "point", "cycle", "chaos" }, *const units[] = { "x", "y", "z" };
    static const double fraction[] = { 0.5, 0.3, 0.2 }, se[] = { 0.05, 0.04, 0.03 }, period[] = { 0, 6.25, 0 },
                        state[] = { 1.5, 2, -3, 4, 5, 6, 7, 8, 9 }, x[] = { -2, -1, 0, 1 }, y[] = { 10, 20, 30 };
    int64_t outcome[SIDE_X * SIDE_Y];
    sx_result *r;
    int id;
    for (int k = 0; k < SIDE_X * SIDE_Y; k++) outcome[k] = k % 3 - (k == 5);
    OK(sx_result_create(ctx, NULL, &r));
    OK(sx_result_attr_text(ctx, r, "b", NULL, "task", "basins"));
    OK(sx_result_dim(ctx, r, "", "unit", N));
    OK(sx_result_dim(ctx, r, "b", "attractor", n));
    OK(sx_result_dim(ctx, r, "b", "slice_x", SIDE_X));
    OK(sx_result_dim(ctx, r, "b", "slice_y", SIDE_Y));
    put_texts(ctx, r, "", "unit_label", "unit", units);
    OK(sx_result_put(ctx, r, "b", "fraction", "attractor", "1", "fraction", fraction));
    OK(sx_result_put(ctx, r, "b", "fraction_se", "attractor", "1", "its error", se));
    OK(sx_result_put(ctx, r, "b", "period", "attractor", "time", "period", period));
    OK(sx_result_put(ctx, r, "b", "state", "attractor,unit", "state", "state", state));
    OK(sx_result_put(ctx, r, "b", "mean_state", "attractor,unit", "state", "mean", state));
    put_texts(ctx, r, "b", "kind", "attractor", kinds);
    OK(sx_result_put(ctx, r, "b", "slice_x", "slice_x", "state", "coordinate", x));
    OK(sx_result_put(ctx, r, "b", "slice_y", "slice_y", "state", "coordinate", y));
    OK(sx_result_attr_text(ctx, r, "b", "slice_x", "unit_index", "0"));
    OK(sx_result_attr_text(ctx, r, "b", "slice_y", "unit_index", "2"));
    sx_var var = {
        .name = "slice_outcome", .dims = "slice_y,slice_x", .dtype = SX_DT_I64, .units = "1", .long_name = "outcome"
    };
    OK(sx_result_define(ctx, r, "b", &var, &id));
    OK(sx_result_write(ctx, r, id, NULL, NULL, outcome));
    return r;
}

static void test_plane(void **state) {
    (void)state;
    sx_ctx *ctx = sx_ctx_create(NULL);
    sx_result *r = result(ctx, 3);
    sx_figures f;
    const sx_figure *plane = NULL;
    OK(sx_figures_build(ctx, r, NULL, &f));
    for (int64_t i = 0; i < f.n; i++) {
        if (strcmp(f.item[i].id, "b-slice_outcome") == 0) plane = &f.item[i];
        assert_string_not_equal(f.item[i].id, "b-mean_state");
        assert_string_not_equal(f.item[i].id, "b-period");
    }
    assert_int_equal(f.n, 2); /* fractions, and the plane */
    assert_non_null(plane);
    assert_string_equal(plane->title, "Basins in the plane of x and z");
    assert_string_equal(plane->x.label, "x");
    assert_string_equal(plane->y.label, "z");
    assert_int_equal(plane->rows, SIDE_Y);
    assert_int_equal(plane->columns, SIDE_X);
    for (int k = 0; k < SIDE_X * SIDE_Y; k++) assert_true(plane->cells[k] == k % 3 - (k == 5));
    assert_true(plane->cell_x[3] == 1 && plane->cell_y[2] == 30);
    assert_non_null(strstr(plane->caption, "0: point at x = 1.5, y = 2, z = -3; 1: cycle of period 6.25; 2: chaos."));
    sx_figures_free(&f);
    sx_result_free(ctx, r);
    sx_ctx_free(ctx);
}

/* From two items on they have a table of their own, with coordinates, errors and words; they are not among the single numbers. */
static void test_table(void **state) {
    (void)state;
    sx_ctx *ctx = sx_ctx_create(NULL);
    for (int n = 1; n <= 3; n++) {
        sx_result *r = result(ctx, n);
        sx_figures f = { .ctx = ctx, .r = r };
        sx_writer items = { .ctx = ctx }, numbers = { .ctx = ctx };
        sx_page_items(&items, &f, "b");
        sx_page_numbers(&numbers, &f, "b");
        sx_writer_add(&items, ""); /* a text even when there is nothing in it */
        sx_writer_add(&numbers, "");
        OK(items.status);
        OK(numbers.status);
        if (n == 1) {
            assert_int_equal(items.n, 0);
            assert_non_null(strstr(numbers.p, "fraction"));
        } else {
            assert_null(xml_fault(strstr(items.p, "<div")));
            assert_int_equal(occurrences(items.p, "<tr>"), n + 1);
            assert_non_null(strstr(items.p, "0.500 ± 0.050"));
            assert_non_null(strstr(items.p, "<td>cycle</td>"));
            assert_non_null(strstr(items.p, ">z<"));
            assert_non_null(strstr(items.p, ">1.5<"));
            assert_true(numbers.n == 0 || !strstr(numbers.p, "fraction"));
        }
        sx_free(ctx, items.p);
        sx_free(ctx, numbers.p);
        sx_figures_free(&f);
        sx_result_free(ctx, r);
    }
    sx_ctx_free(ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_plane), cmocka_unit_test(test_table) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
