// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Figures of the task `response` from a result made by hand: coherence, moduli, the strongest pairs, the first point that has numbers, measured
 * spectra without frequency 0. */
#include "report/figure.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "report_checks.h"

enum { F = 5, M = 3, POINTS = 2 };

static const sx_figure *find(const sx_figures *f, const char *id) {
    for (int64_t i = 0; i < f->n; i++)
        if (strcmp(f->item[i].id, id) == 0) return &f->item[i];
    return NULL;
}

/* S_ij = (i + 1)(j + 1) e^{i phase} times 0.1 |i - j| off the diagonal: coherence (0.1 |i - j|)^2. H_ij = (1 + i + 10 j)(0.6 + 0.8 i)/(1 + f). Point 0 is unstable. */
static sx_result *result(sx_ctx *ctx, int units) {
    sx_result *r;
    double frequency[F] = { 0.01, 0.1, 1, 10, 100 }, csd[POINTS * F * M * M * 2], sus[POINTS * F * M * M * 2],
           lag[F] = { 0, 1, 2, 3, 4 }, response[POINTS * F * M * M], measured[F], theory[F], se[F];
    OK(sx_result_create(ctx, NULL, &r));
    OK(sx_result_attr_text(ctx, r, "a", NULL, "task", "response"));
    OK(sx_result_dim(ctx, r, "", "unit", units));
    OK(sx_result_dim(ctx, r, "", "unit2", units));
    OK(sx_result_dim(ctx, r, "", "complex", 2));
    OK(sx_result_dim(ctx, r, "a", "point", POINTS));
    OK(sx_result_dim(ctx, r, "a", "frequency", F));
    OK(sx_result_dim(ctx, r, "a", "lag", F));
    OK(sx_result_dim(ctx, r, "a", "measured_frequency", F));
    OK(sx_result_dim(ctx, r, "a", "measured_unit", 1));
    int64_t at = 0, pair = 0;
    for (int p = 0; p < POINTS; p++)
        for (int f = 0; f < F; f++)
            for (int i = 0; i < units; i++)
                for (int j = 0; j < units; j++, at += 2, pair++) {
                    double s = (i + 1) * (j + 1) * (i == j ? 1 : 0.1 * abs(i - j)) / frequency[f],
                           h = (1 + i + 10 * j) / (1 + frequency[f]);
                    csd[at] = p ? s * cos(0.3 * (i - j)) : (double)NAN;
                    csd[at + 1] = p ? s * sin(0.3 * (i - j)) : (double)NAN;
                    sus[at] = p ? 0.6 * h : (double)NAN;
                    sus[at + 1] = p ? 0.8 * h : (double)NAN;
                    response[pair] = p ? (i - j) * exp(-f) : (double)NAN;
                }
    OK(sx_result_put(ctx, r, "a", "frequency", "frequency", "1/time", "frequency", frequency));
    OK(sx_result_put(ctx, r, "a", "lag", "lag", "time", "lag", lag));
    OK(sx_result_put(ctx, r, "a", "csd", "point,frequency,unit,unit2,complex", "state^2 time", "cross spectral density",
                     csd));
    OK(sx_result_put(ctx, r, "a", "susceptibility", "point,frequency,unit,unit2,complex", "time", "susceptibility",
                     sus));
    OK(sx_result_put(ctx, r, "a", "response", "point,lag,unit,unit2", "1", "response function", response));
    for (int f = 0; f < F; f++) {
        frequency[f] = f;
        measured[f] = 10 + f;
        theory[f] = 20 + f;
        se[f] = 0.5;
    }
    OK(sx_result_put(ctx, r, "a", "measured_frequency", "measured_frequency", "1/time", "frequency", frequency));
    OK(sx_result_put(ctx, r, "a", "psd_measured", "measured_frequency,measured_unit", "state^2 time", "spectrum",
                     measured));
    OK(sx_result_put(ctx, r, "a", "psd_measured_se", "measured_frequency,measured_unit", "state^2 time", "error", se));
    OK(sx_result_put(ctx, r, "a", "psd_measured_theory", "measured_frequency,measured_unit", "state^2 time", "theory",
                     theory));
    return r;
}

static void test_pairs(void **state) {
    sx_ctx *ctx = *state;
    sx_result *r = result(ctx, M);
    sx_figures f;
    OK(sx_figures_build(ctx, r, NULL, &f));
    const sx_figure *c = find(&f, "a-csd"), *h = find(&f, "a-susceptibility"), *t = find(&f, "a-response"),
                    *p = find(&f, "a-psd_measured");
    assert_non_null(c);
    assert_int_equal(c->n_series, 3); /* pairs (0, 2), then (0, 1) and (1, 2) */
    assert_string_equal(c->series[0].name, "unit 0 and unit 2");
    for (int k = 0; k < F; k++) {
        assert_true(fabs(c->series[0].y[k] - 0.04) < 1e-15);
        assert_true(fabs(c->series[1].y[k] - 0.01) < 1e-15);
    }
    assert_true(c->x.log && !c->y.log && strstr(c->caption, "Point 1"));
    assert_non_null(h);
    assert_int_equal(h->n_series, SX_FIGURE_CURVES); /* 7 of 9, the strongest first: column 2 from row 2 up */
    assert_string_equal(h->series[0].name, "unit 2 ← unit 2");
    assert_string_equal(h->series[3].name, "unit 2 ← unit 1");
    for (int k = 0; k < F; k++) assert_true(fabs(h->series[0].y[k] - 23 / (1 + pow(10, k - 2))) < 1e-12);
    assert_true(h->x.log && h->y.log && strstr(h->caption, "strongest"));
    assert_non_null(t);
    assert_int_equal(t->n_series, 6); /* the diagonal is silent */
    assert_true(!t->x.log && !t->y.log);
    assert_true(fabs(fabs(t->series[0].y[0]) - 2) < 1e-15);
    assert_non_null(p);
    assert_int_equal(p->n_series, 2);
    assert_true(p->series[0].n == F - 1 && p->series[0].x[0] == 1 && p->series[0].y[0] == 11 &&
                p->series[0].error[0] == 0.5);
    assert_true(p->series[1].dashed && p->series[1].y[0] == 21 && p->x.log && p->y.log);
    sx_figures_free(&f);
    sx_result_free(ctx, r);
}

/* One unit has no pairs; other groups with the same names keep the general figures. */
static void test_others(void **state) {
    sx_ctx *ctx = *state;
    sx_result *r = result(ctx, 1);
    sx_figures f;
    OK(sx_figures_build(ctx, r, NULL, &f));
    assert_null(find(&f, "a-csd"));
    assert_non_null(find(&f, "a-susceptibility"));
    assert_null(find(&f, "a-response")); /* zero throughout */
    sx_figures_free(&f);
    sx_result_free(ctx, r);
    r = result(ctx, M);
    OK(sx_result_attr_text(ctx, r, "a", NULL, "task", "another"));
    OK(sx_figures_build(ctx, r, NULL, &f));
    assert_string_not_equal(find(&f, "a-csd")->title, "Coherence between units");
    sx_figures_free(&f);
    sx_result_free(ctx, r);
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
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_pairs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_others, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
