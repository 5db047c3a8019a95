// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Figures of `learn` and `recall` from results made by hand: every pixel of a gallery at its place, weights of the last snapshot and their antisymmetric part,
 * transitions as fractions of what leaves a pattern, success beside that of the cue. */
#include "report/figure.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "report_checks.h"

enum { H = 2, W = 3, UNITS = H * W, STATES = 8, TRIALS = 3, SNAPSHOTS = 2 };

static const sx_figure *find(const sx_figures *f, const char *id) {
    for (int64_t i = 0; i < f->n; i++)
        if (strcmp(f->item[i].id, id) == 0) return &f->item[i];
    return NULL;
}

static sx_result *result(sx_ctx *ctx) {
    sx_result *r;
    double state[STATES * UNITS], J[SNAPSHOTS * UNITS * UNITS], trial[TRIALS * UNITS],
        counts[9] = { 90, 0, 5, 8, 70, 0, 2, 10, 60 }, r2[TRIALS] = { 0.9, 0.25, 0.5 },
        cue[TRIALS] = { 0.5, 0.5, 0.25 };
    OK(sx_result_create(ctx, NULL, &r));
    OK(sx_result_dim(ctx, r, "", "unit", UNITS));
    for (int k = 0; k < 2; k++) {
        const char *group = k ? "recall" : "learn";
        OK(sx_result_attr_text(ctx, r, group, NULL, "task", group));
        OK(sx_result_attr_number(ctx, r, group, NULL, "image_height", H));
        OK(sx_result_attr_number(ctx, r, group, NULL, "image_width", W));
    }
    for (int i = 0; i < STATES * UNITS; i++) state[i] = i;
    for (int i = 0; i < SNAPSHOTS * UNITS * UNITS; i++) J[i] = i;
    for (int i = 0; i < TRIALS * UNITS; i++) trial[i] = i;
    OK(sx_result_dim(ctx, r, "learn", "unit2", UNITS));
    OK(sx_result_dim(ctx, r, "learn", "snapshot", SNAPSHOTS));
    OK(sx_result_dim(ctx, r, "learn", "attractor", STATES));
    OK(sx_result_put(ctx, r, "learn", "weights", "snapshot,unit,unit2", "1", "weights", J));
    static const double epoch[SNAPSHOTS] = { 3, 600 }, norm[SNAPSHOTS] = { 1.5, 2.5 };
    OK(sx_result_put(ctx, r, "learn", "epoch", "snapshot", "1", "epochs", epoch));
    OK(sx_result_put(ctx, r, "learn", "norm", "snapshot", "1", "norm", norm));
    OK(sx_result_put(ctx, r, "learn", "state", "attractor,unit", "state", "attractors", state));
    OK(sx_result_dim(ctx, r, "recall", "trial", TRIALS));
    OK(sx_result_dim(ctx, r, "recall", "pattern", 3));
    OK(sx_result_dim(ctx, r, "recall", "pattern2", 3));
    OK(sx_result_put(ctx, r, "recall", "transitions", "pattern,pattern2", "1", "counts", counts));
    OK(sx_result_put(ctx, r, "recall", "r2_response", "trial", "1", "r2", r2));
    OK(sx_result_put(ctx, r, "recall", "r2_cue", "trial", "1", "r2", cue));
    OK(sx_result_put(ctx, r, "recall", "response", "trial,unit", "state", "response", trial));
    for (int i = 0; i < TRIALS * UNITS; i++) trial[i] += 100;
    OK(sx_result_put(ctx, r, "recall", "cue", "trial,unit", "state", "cue", trial));
    for (int i = 0; i < TRIALS * UNITS; i++) trial[i] += 100;
    OK(sx_result_put(ctx, r, "recall", "target", "trial,unit", "state", "target", trial));
    return r;
}

/* Cell (row, column) counted from the top left. */
static double cell(const sx_figure *g, int64_t row, int64_t column) {
    return g->cells[(g->rows - 1 - row) * g->columns + column];
}

static void galleries(void **state) {
    sx_ctx *ctx = *state;
    sx_result *r = result(ctx);
    sx_figures f;
    OK(sx_figures_build(ctx, r, NULL, &f));
    const sx_figure *g = find(&f, "learn-state"), *t = find(&f, "recall-response");
    assert_true(g && t && g->gallery && t->gallery);
    /* eight pictures: six in the first row, two in the second */
    assert_int_equal(g->columns, 6 * (W + 1) - 1);
    assert_int_equal(g->rows, 2 * (H + 1) - 1);
    for (int64_t i = 0; i < g->rows; i++)
        for (int64_t j = 0; j < g->columns; j++) {
            int64_t p = i / (H + 1) * 6 + j / (W + 1), y = i % (H + 1), x = j % (W + 1);
            double v = cell(g, i, j);
            if (y == H || x == W || p >= STATES)
                assert_true(isnan(v));
            else
                assert_true(v == (double)(p * UNITS + y * W + x));
        }
    assert_string_equal(g->y.names[1], "0 to 5");
    assert_string_equal(g->y.names[0], "6 to 7");
    /* target above cue above response */
    assert_int_equal(t->columns, TRIALS * (W + 1) - 1);
    assert_int_equal(t->rows, 3 * (H + 1) - 1);
    for (int k = 0; k < 3; k++) { /* numbers 200 - 100 k and on, over the largest of the row */
        double first = 200 - 100 * k, most = first + TRIALS * UNITS - 1;
        assert_true(cell(t, k * (H + 1), 0) == first / most);
        assert_true(cell(t, k * (H + 1) + 1, 2 * (W + 1) + 2) == (first + 2 * UNITS + W + 2) / most);
    }
    assert_string_equal(t->y.names[0], "response");
    assert_string_equal(t->x.names[1], "0.25");
    for (int64_t j = 0; j < t->columns; j++) assert_true((int64_t)t->cell_x[j] == j / (W + 1) || j % (W + 1) == W);
    for (int k = 0; k < 2; k++) {
        sx_writer w = { .ctx = ctx }, json = { .ctx = ctx };
        sx_figure_svg(k ? t : g, true, &w);
        OK(w.status);
        assert_null(xml_fault(w.p));
        assert_null(strstr(w.p, "class=\"xl\"")); /* pictures have no axes */
        sx_figure_json(k ? t : g, &json);
        OK(json.status);
        assert_non_null(strstr(json.p, "\"gallery\":true"));
        sx_free(ctx, w.p);
        sx_free(ctx, json.p);
    }
    assert_null(find(&f, "recall-cue"));
    assert_null(find(&f, "recall-target"));
    sx_figures_free(&f);
    sx_result_free(ctx, r);
}

static void matrices(void **state) {
    sx_ctx *ctx = *state;
    sx_result *r = result(ctx);
    sx_figures f;
    OK(sx_figures_build(ctx, r, NULL, &f));
    const sx_figure *w = find(&f, "learn-weights"), *a = find(&f, "learn-weights-2"),
                    *t = find(&f, "recall-transitions"), *s = find(&f, "recall-r2_response");
    assert_true(w && a && t && s);
    for (int i = 0; i < UNITS; i++)
        for (int j = 0; j < UNITS; j++) {
            double J = UNITS * UNITS + i * UNITS + j, K = UNITS * UNITS + j * UNITS + i;
            assert_true(w->cells[i * UNITS + j] == J && a->cells[i * UNITS + j] == (J - K) / 2);
        }
    assert_string_equal(w->x.label, "from unit");
    static const double want[9] = { NAN, 0, 1, 0.8, NAN, 0, 0.2, 1, NAN };
    for (int i = 0; i < 9; i++) assert_true(isnan(want[i]) ? isnan(t->cells[i]) : fabs(t->cells[i] - want[i]) < 1e-15);
    assert_non_null(strstr(t->caption, "(0.102 of all)")); /* 25 of 245 steps */
    assert_true(s->diagonal && s->series[0].n == TRIALS && s->series[0].x[2] == 0.25 && s->series[0].y[0] == 0.9);
    assert_null(find(&f, "recall-r2_cue"));
    const sx_figure *n = find(&f, "learn-norm");
    assert_true(n && n->x.log && n->series[0].x[1] == 600 && n->series[0].y[0] == 1.5);
    assert_null(find(&f, "learn-epoch"));
    sx_figures_free(&f);
    sx_result_free(ctx, r);
}

static int setup(void **state) {
    *state = sx_ctx_create(NULL);
    return *state == NULL;
}
static int teardown(void **state) {
    size_t left = sx_ctx_bytes(*state);
    sx_ctx_free(*state);
    return left != 0;
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(galleries), cmocka_unit_test(matrices) };
    return cmocka_run_group_tests(tests, setup, teardown);
}
