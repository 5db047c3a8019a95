// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Figures of the task `spectrum` over snapshots of learned weights, from a result made by hand: tracks, the units that carry a mode, names of points. */
#include "report/figure.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "report_checks.h"

enum { T = 9, K = 3, N = 20, TRACKS = 4 };

static const sx_figure *find(const sx_figures *f, const char *id) {
    for (int64_t i = 0; i < f->n; i++)
        if (strcmp(f->item[i].id, id) == 0) return &f->item[i];
    return NULL;
}

/* Tracks: 0 falls from 1 to 0.2; 1 stays at 0.9; 2 and 3 a pair, at the last four snapshots only. Unit u of mode j has |v| = |w| = sqrt of its share. */
static sx_result *result(sx_ctx *ctx, bool learned) {
    sx_result *r;
    static double rate[T][K], frequency[T][K], track_rate[TRACKS][T], track_frequency[TRACKS][T], epoch[T], snapshot[T],
        vector[T][K][N][2];
    OK(sx_result_create(ctx, NULL, &r));
    OK(sx_result_attr_text(ctx, r, "a", NULL, "task", "spectrum"));
    OK(sx_result_dim(ctx, r, "", "unit", N));
    OK(sx_result_dim(ctx, r, "", "complex", 2));
    OK(sx_result_dim(ctx, r, "a", "point", T));
    OK(sx_result_dim(ctx, r, "a", "mode", K));
    OK(sx_result_dim(ctx, r, "a", "track", TRACKS));
    for (int t = 0; t < T; t++) {
        epoch[t] = pow(2, t);
        snapshot[t] = t;
        for (int c = 0; c < TRACKS; c++) {
            bool there = c < 2 || t >= T - 4;
            track_rate[c][t] = !there ? (double)NAN : c == 0 ? 1 - 0.1 * t : c == 1 ? 0.9 : 0.5;
            track_frequency[c][t] = !there ? (double)NAN : c == 2 ? 0.3 : c == 3 ? -0.3 : 0;
        }
        for (int j = 0; j < K; j++) {
            rate[t][j] = 1 + 0.1 * j - 0.01 * t;
            frequency[t][j] = 0;
            for (int u = 0; u < N; u++) {
                vector[t][j][u][0] = 0;
                vector[t][j][u][1] =
                    sqrt(1.0 + (u + 7 * j) % N + (t < T - 1 ? u : 0)); /* a phase; other shares before the last */
            }
        }
    }
    OK(sx_result_put(ctx, r, "a", "relaxation_rate", "point,mode", "1/time", "rates", rate[0]));
    OK(sx_result_put(ctx, r, "a", "rate_error", "point,mode", "1/time", "errors", frequency[0]));
    OK(sx_result_put(ctx, r, "a", "angular_frequency", "point,mode", "1/time", "frequencies", frequency[0]));
    OK(sx_result_put(ctx, r, "a", "slow_fraction", "point", "1", "share of slow modes", snapshot));
    OK(sx_result_put(ctx, r, "a", "slow_fraction_se", "point", "1", "its error", epoch));
    OK(sx_result_put(ctx, r, "a", "right", "point,mode,unit,complex", "1", "right", vector[0][0][0]));
    OK(sx_result_put(ctx, r, "a", "left", "point,mode,unit,complex", "1", "left", vector[0][0][0]));
    OK(sx_result_put(ctx, r, "a", "track_rate", "track,point", "1/time", "rates", track_rate[0]));
    OK(sx_result_put(ctx, r, "a", "track_frequency", "track,point", "1/time", "frequencies", track_frequency[0]));
    if (learned) {
        OK(sx_result_put(ctx, r, "a", "snapshot", "point", "1", "snapshot", snapshot));
        OK(sx_result_put(ctx, r, "a", "epoch", "point", "1", "epoch", epoch));
    }
    return r;
}

static void test_tracks(void **state) {
    sx_ctx *ctx = *state;
    for (int learned = 0; learned < 2; learned++) {
        sx_result *r = result(ctx, learned);
        sx_figures f;
        OK(sx_figures_build(ctx, r, NULL, &f));
        const sx_figure *rate = find(&f, "a-track_rate"), *frequency = find(&f, "a-track_frequency");
        assert_non_null(rate);
        assert_string_equal(rate->x.label, learned ? "epoch" : "point");
        assert_true(rate->x.log == (bool)learned); /* 1 to 256 */
        assert_int_equal(rate->n_series, 4);       /* all modes; of the pair the one that turns forwards */
        assert_int_equal(rate->series[0].n, T * K);
        assert_string_equal(rate->series[0].name, "all modes");
        assert_string_equal(rate->series[1].name, "track 0");
        assert_string_equal(rate->series[2].name, "track 2");
        assert_string_equal(rate->series[3].name, "track 1");
        assert_int_equal(rate->series[1].n, T);
        assert_int_equal(rate->series[2].n, 4);
        for (int t = 0; t < T; t++) {
            assert_true(rate->series[1].x[t] == (learned ? pow(2, t) : t));
            assert_true(fabs(rate->series[1].y[t] - (1 - 0.1 * t)) < 1e-15);
        }
        assert_true(rate->series[2].x[0] == (learned ? 32 : 5) && rate->series[2].y[3] == 0.5);
        const sx_figure *share = find(&f, "a-slow_fraction"); /* over snapshots only */
        assert_true((share != NULL) == (bool)learned);
        if (share)
            assert_true(share->series[0].x[3] == 8 && share->series[0].y[3] == 3 && share->series[0].error[3] == 8);
        assert_null(find(&f, "a-epoch"));
        assert_non_null(frequency);
        assert_true(frequency->series[2].y[0] == 0.3);
        sx_figures_free(&f);
        sx_result_free(ctx, r);
    }
}

/* Learned weights: the last snapshot, by shares |w v| that are 1 + (u + 7 j) mod 20 over 210. Other points: the first one. */
static void test_carriers(void **state) {
    sx_ctx *ctx = *state;
    for (int learned = 0; learned < 2; learned++) {
        sx_result *r = result(ctx, learned);
        sx_figures f;
        OK(sx_figures_build(ctx, r, NULL, &f));
        const sx_figure *who = find(&f, "a-left"), *rates = find(&f, "a-relaxation_rate");
        assert_non_null(who);
        assert_int_equal(who->n_series, K);
        assert_true(who->x.discrete && who->x.n_names == 16);
        for (int i = 0; i < 16; i++) assert_int_equal(atoi(who->x.names[i]), N - 1 - i);
        for (int j = 0; j < K && learned; j++)
            for (int i = 0; i < 16; i++)
                assert_true(fabs(who->series[j].y[i] - (1 + (N - 1 - i + 7 * j) % N) / 210.0) < 1e-15);
        assert_true((strstr(who->caption, "epoch 256") != NULL) == (bool)learned);
        assert_non_null(rates);
        assert_string_equal(rates->series[0].name, learned ? "epoch 1" : "point 0");
        assert_string_equal(rates->series[rates->n_series - 1].name, learned ? "epoch 256" : "point 6");
        assert_true(rates->series[rates->n_series - 1].y[0] == 1 - 0.01 * (learned ? T - 1 : 6));
        sx_figures_free(&f);
        sx_result_free(ctx, r);
    }
}

static int set_up(void **state) {
    *state = sx_ctx_create(NULL);
    return *state ? 0 : -1;
}
static int tear_down(void **state) {
    assert_int_equal(sx_ctx_bytes(*state), 0);
    sx_ctx_free(*state);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_tracks), cmocka_unit_test(test_carriers) };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
