// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Modes followed from point to point by `spectrum`: matrices whose modes are known at every point, so that each track has a known rate.
 * unified-dynamics.md sections 8 and A5. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <separatrix/separatrix.h>

#include "core/linalg.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static sx_ctx *context(int threads) {
    sx_host host = { .struct_size = sizeof host, .threads = threads };
    return sx_ctx_create(&host);
}

#define OK(ctx, call)                                                                                                  \
    do {                                                                                                               \
        if ((call) != SX_OK) fail_msg("%s\n%s", sx_ctx_message(ctx), sx_ctx_trace(ctx));                               \
    } while (0)

static void near(double value, double want, double tolerance) {
    if (!(fabs(value - want) <= tolerance))
        fail_msg("%.17g, want %.17g +- %.1e (off by %.1e)", value, want, tolerance, value - want);
}

/* x' = A x, or x <- A x */
static sx_model *matrix_model(sx_ctx *ctx, int64_t n, const double *A, bool map) {
    sx_linear_opts o = SX_LINEAR_OPTS;
    sx_coupling *w = NULL;
    sx_model *m = NULL;
    double leak = map ? 1 : 0;
    sx_fields_default(sx_linear_fields, &o);
    o.struct_size = sizeof o;
    o.time = map;
    o.leak = (sx_values){ 1, &leak };
    OK(ctx, sx_coupling_dense(ctx, n, n, A, &w));
    OK(ctx, sx_linear_create(ctx, &o, w, NULL, &m));
    sx_coupling_free(ctx, w);
    return m;
}

/* What one run says of its tracks. */
typedef struct tracked {
    int64_t points, modes, count;
    double *index, *overlap, *rate, *frequency; /* [points][modes] twice, [count][points] twice */
} tracked;

static double *read_all(sx_ctx *ctx, const sx_result *r, const char *name, int64_t rows, int64_t columns) {
    int64_t shape[8];
    const char *dims[8];
    int id = sx_result_find(r, "s", name);
    if (id < 0) fail_msg("no variable %s", name);
    assert_int_equal(sx_result_shape(r, id, shape, dims), 2);
    assert_int_equal(shape[0], rows);
    assert_int_equal(shape[1], columns);
    double *v = calloc((size_t)(rows * columns), sizeof *v);
    OK(ctx, sx_result_read(ctx, r, id, NULL, NULL, v));
    return v;
}

/* The models one after the other, `per_model` points each (all at the origin: linear models are the same everywhere). */
static tracked follow(sx_ctx *ctx, int64_t count, sx_model **models, int64_t per_model, sx_spectrum_opts *o) {
    tracked t = { .points = count * per_model };
    int64_t n = sx_model_n(models[0]);
    double *x = calloc((size_t)(t.points * n), sizeof *x), number;
    const sx_model **each = calloc((size_t)t.points, sizeof(sx_model *));
    sx_result *r = NULL;
    for (int64_t p = 0; p < t.points; p++) each[p] = models[p / per_model];
    o->at = (sx_points){ .n = t.points, .size = n, .x = x, .models = each };
    o->track = true;
    OK(ctx, sx_result_create(ctx, NULL, &r));
    OK(ctx, sx_task_run(ctx, &sx_spectrum_task, models[0], o, sx_key_seed(1), "s", NULL, r));
    OK(ctx, sx_result_read(ctx, r, sx_result_find(r, "s", "n_track"), NULL, NULL, &number));
    t.count = (int64_t)number;
    t.modes = o->modes > 0 ? o->modes : n;
    t.index = read_all(ctx, r, "track_index", t.points, t.modes);
    t.overlap = read_all(ctx, r, "track_overlap", t.points, t.modes);
    if (t.count > 0) {
        t.rate = read_all(ctx, r, "track_rate", t.count, t.points);
        t.frequency = read_all(ctx, r, "track_frequency", t.count, t.points);
    } else {
        assert_int_equal(sx_result_find(r, "s", "track_rate"), -1);
    }
    sx_result_free(ctx, r);
    free(each);
    free(x);
    return t;
}

static void forget(tracked *t) {
    free(t->index);
    free(t->overlap);
    free(t->rate);
    free(t->frequency);
}

static sx_spectrum_opts options(void) {
    sx_spectrum_opts o = SX_SPECTRUM_OPTS;
    sx_fields_default(sx_spectrum_fields, &o);
    o.struct_size = sizeof o;
    o.density = SX_DENSITY_NONE;
    o.non_normality = o.collective = false;
    o.lags = 0;
    return o;
}

/* A = V B V^-1 for a fixed V = 1 + 0.3 (random) and B of blocks. */
static void conjugate(sx_ctx *ctx, int64_t n, const double *V, const double *B, double *A) {
    double *t = calloc((size_t)(2 * n * n), sizeof *t), *solved = t + n * n;
    sx_gemm(false, false, n, n, n, 1, V, n, B, n, 0, t, n); /* A V = V B, so V^T A^T = (V B)^T */
    double *Vt = calloc((size_t)(2 * n * n), sizeof *Vt), *right = Vt + n * n;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            Vt[i * n + j] = V[j * n + i];
            right[i * n + j] = t[j * n + i];
        }
    OK(ctx, sx_solve(ctx, n, n, Vt, right, solved));
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) A[i * n + j] = solved[j * n + i];
    free(Vt);
    free(t);
}

/* Fixed, non-orthogonal modes whose rates cross again and again: real rates 1 + 0.8 cos(a_i t + i), two pairs with rates and frequencies of their
 * own. Every track is one of them at all points, with overlap 1. Sorting by rate, or by frequency, mixes them. */
static void test_crossings(void **state) {
    (void)state;
    enum { REAL = 5, PAIRS = 2, N = REAL + 2 * PAIRS, T = 24 };
    for (int map = 0; map < 2; map++) {
        sx_ctx *ctx = context(1);
        double V[N * N], B[N * N], A[N * N], rate[T][REAL + PAIRS], frequency[PAIRS] = { 0.7, 1.1 };
        sx_model *models[T];
        sx_normal_fill(sx_key_seed(5), 0, SX_SLOT_USER, 0, N * N, 1, V);
        for (int i = 0; i < N * N; i++) V[i] = 0.3 * V[i] + (i % (N + 1) == 0);
        for (int t = 0; t < T; t++) {
            memset(B, 0, sizeof B);
            for (int i = 0; i < REAL + PAIRS; i++) rate[t][i] = 1 + 0.8 * cos((0.2 + 0.05 * i) * t + i);
            for (int i = 0; i < REAL; i++) B[i * N + i] = map ? exp(-rate[t][i]) : -rate[t][i];
            for (int c = 0; c < PAIRS; c++) {
                int i = REAL + 2 * c;
                double d = rate[t][REAL + c], w = frequency[c];
                double re = map ? exp(-d) * cos(w) : -d, im = map ? exp(-d) * sin(w) : w;
                B[i * N + i] = B[(i + 1) * N + i + 1] = re;
                B[i * N + i + 1] = -im;
                B[(i + 1) * N + i] = im;
            }
            conjugate(ctx, N, V, B, A);
            models[t] = matrix_model(ctx, N, A, map);
        }
        sx_spectrum_opts o = options();
        tracked k = follow(ctx, T, models, 1, &o);
        assert_int_equal(k.count, N);
        for (int64_t p = 0; p < T; p++)
            for (int64_t a = 0; a < N; a++) {
                assert_true(k.index[p * N + a] >= 0);
                if (p == 0)
                    assert_true(isnan(k.overlap[a]));
                else
                    near(k.overlap[p * N + a], 1, 1e-9);
            }
        int found[REAL + PAIRS] = { 0 };
        for (int64_t c = 0; c < N; c++) {
            int which = -1;
            for (int i = 0; i < REAL + PAIRS; i++)
                if (fabs(k.rate[c * T] - rate[0][i]) < 1e-9) which = i;
            assert_true(which >= 0);
            found[which]++;
            for (int t = 0; t < T; t++) {
                near(k.rate[c * T + t], rate[t][which], 1e-9);
                near(fabs(k.frequency[c * T + t]), which < REAL ? 0 : frequency[which - REAL], 1e-9);
                near(k.frequency[c * T + t], k.frequency[c * T], 1e-9); /* the sign stays */
            }
        }
        for (int i = 0; i < REAL + PAIRS; i++) assert_int_equal(found[i], i < REAL ? 1 : 2);
        forget(&k);
        for (int t = 0; t < T; t++) sx_model_free(ctx, models[t]);
        assert_int_equal(sx_ctx_bytes(ctx), 0);
        sx_ctx_free(ctx);
    }
}

/* Orthogonal modes that turn by an angle from point to point: the overlap is its cosine; at 50 degrees the other mode is nearer; below
 * least_overlap a track ends. */
static void test_turning(void **state) {
    (void)state;
    enum { T = 6 };
    sx_ctx *ctx = context(1);
    static const double degrees[] = { 10, 40, 50, 70 };
    for (size_t d = 0; d < sizeof degrees / sizeof *degrees; d++) {
        double turn = degrees[d] * M_PI / 180;
        sx_model *models[T];
        for (int t = 0; t < T; t++) {
            double c = cos(turn * t), s = sin(turn * t);
            double A[4] = { -c * c - 2 * s * s, c * s, c * s, -s * s - 2 * c * c };
            models[t] = matrix_model(ctx, 2, A, false);
        }
        sx_spectrum_opts o = options();
        tracked k = follow(ctx, T, models, 1, &o);
        double overlap = fmax(cos(turn), sin(turn));
        assert_int_equal(k.count, 2);
        for (int t = 1; t < T; t++)
            for (int a = 0; a < 2; a++) near(k.overlap[t * 2 + a], overlap, 1e-12);
        bool swaps = degrees[d] > 45;
        for (int t = 0; t < T; t++) near(k.rate[t], swaps ? 1 + t % 2 : 1, 1e-12);
        forget(&k);
        o.least_overlap = overlap + 0.001;
        k = follow(ctx, T, models, 1, &o);
        assert_int_equal(k.count, 0);
        for (int i = 0; i < 2 * T; i++) assert_true(k.index[i] == -1 && isnan(k.overlap[i]));
        forget(&k);
        for (int t = 0; t < T; t++) sx_model_free(ctx, models[t]);
    }
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* Hebb's rule from nothing (A5, L1): J = -1 + b (1 - e^{-t}) X X^T/N. At first all rates are 1; P modes split off along fixed directions, N - P stay.
 * The degenerate group has no vectors of its own, yet every track reaches through all points with overlap 1, and P of them end at 1 - b y. */
static void test_degenerate(void **state) {
    (void)state;
    enum { N = 40, P = 4, T = 9 };
    sx_ctx *ctx = context(1);
    double X[P * N], C[P * P], y[P], A[N * N], b = 0.8;
    sx_model *models[T];
    sx_normal_fill(sx_key_seed(9), 0, SX_SLOT_USER, 0, P * N, 1, X);
    for (int i = 0; i < P * N; i++) X[i] = X[i] > 0 ? 1 : -1;
    sx_gemm(false, true, P, P, N, 1.0 / N, X, N, X, N, 0, C, P);
    OK(ctx, sx_symmetric_eigen(ctx, P, C, y, NULL)); /* the nonzero eigenvalues of X X^T / N */
    for (int t = 0; t < T; t++) {                    /* out and back again: the group takes them up */
        double done = sin(M_PI * t / (T - 1));
        if (t == T - 1) done = 0;
        sx_gemm(true, false, N, N, P, b * done / N, X, N, X, N, 0, A, N);
        for (int i = 0; i < N; i++) A[i * N + i] -= 1;
        models[t] = matrix_model(ctx, N, A, false);
    }
    sx_spectrum_opts o = options();
    tracked k = follow(ctx, T, models, 1, &o);
    assert_int_equal(k.count, N);
    for (int i = N; i < N * T; i++) near(k.overlap[i], 1, 1e-7);
    int flat = 0, split[P] = { 0 };
    for (int c = 0; c < N; c++) {
        near(k.rate[c * T], 1, 1e-12);
        near(k.rate[c * T + T - 1], 1, 1e-12);
        double half = k.rate[c * T + (T - 1) / 2];
        flat += fabs(half - 1) < 1e-12;
        for (int i = 0; i < P; i++) {
            if (fabs(half - (1 - b * y[i])) > 1e-12) continue;
            split[i]++;
            for (int t = 0; t < T - 1; t++) near(k.rate[c * T + t], 1 - b * sin(M_PI * t / (T - 1)) * y[i], 1e-12);
        }
    }
    assert_int_equal(flat, N - P);
    for (int i = 0; i < P; i++) assert_int_equal(split[i], 1);
    forget(&k);
    for (int t = 0; t < T; t++) sx_model_free(ctx, models[t]);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* Only the two slowest of three modes are known: one leaves the window and another enters, so a track ends and another begins. Two points of each
 * model: two sequences that never mix. Dense and Krylov give the same tracks. */
static void test_window(void **state) {
    (void)state;
    enum { N = 12, T = 5 };
    static const double slow[3][T] = { { 0.2, 0.3, 0.4, 0.5, 0.6 },
                                       { 0.8, 0.7, 0.6, 0.55, 0.5 },
                                       { 1, 1, 0.9, 0.3, 0.2 } };
    sx_ctx *ctx = context(1);
    sx_model *models[T];
    for (int t = 0; t < T; t++) {
        double A[N * N] = { 0 };
        for (int i = 0; i < N; i++) A[i * N + i] = i < 3 ? -slow[i][t] : -3 - 0.1 * i;
        models[t] = matrix_model(ctx, N, A, false);
    }
    for (int krylov = 0; krylov < 2; krylov++) {
        sx_spectrum_opts o = options();
        o.modes = 2;
        o.method = krylov ? SX_SPECTRUM_KRYLOV : SX_SPECTRUM_DENSE;
        tracked k = follow(ctx, T, models, 2, &o);
        /* unit 0 at t = 0 .. 3, unit 1 at t = 0 .. 2 (and alone at t = 4), unit 2 at t = 3, 4; tracks are numbered in the order of the points */
        static const int unit[6] = { 0, 1, 0, 1, 2, 2 }, begin[6] = { 0, 0, 0, 0, 3, 3 }, end[6] = { 3, 2, 3, 2, 4, 4 },
                         sequence[6] = { 0, 0, 1, 1, 0, 1 };
        assert_int_equal(k.count, 6);
        for (int c = 0; c < 6; c++)
            for (int p = 0; p < 2 * T; p++) {
                int time = p / 2;
                double v = k.rate[c * 2 * T + p];
                if (p % 2 != sequence[c] || time < begin[c] || time > end[c])
                    assert_true(isnan(v));
                else
                    near(v, slow[unit[c]][time], 1e-8);
            }
        for (int p = 8; p < 10; p++) { /* unit 1 has come back: followed to no other point */
            near(k.index[p * 2 + 0], p == 8 ? 4 : 5, 0);
            near(k.index[p * 2 + 1], -1, 0);
        }
        forget(&k);
    }
    for (int t = 0; t < T; t++) sx_model_free(ctx, models[t]);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

static void test_refusals(void **state) {
    (void)state;
    static const double A[4] = { -1, 0, 0, -2 };
    sx_ctx *ctx = context(1);
    sx_model *m = matrix_model(ctx, 2, A, false);
    sx_spectrum_opts o = options();
    sx_result *r = NULL;
    o.track = true;
    o.vectors = false;
    OK(ctx, sx_result_create(ctx, NULL, &r));
    assert_int_equal(sx_task_run(ctx, &sx_spectrum_task, m, &o, sx_key_seed(1), "s", NULL, r), SX_E_USAGE);
    assert_non_null(strstr(sx_ctx_message(ctx), "vectors = true"));
    sx_ctx_clear(ctx);
    o.vectors = true;
    o.least_overlap = 0;
    assert_int_equal(sx_task_run(ctx, &sx_spectrum_task, m, &o, sx_key_seed(1), "s", NULL, r), SX_E_USAGE);
    assert_non_null(strstr(sx_ctx_message(ctx), "spectrum.least_overlap = 0"));
    sx_ctx_clear(ctx);
    sx_result_free(ctx, r);
    sx_model *one[1] = { m }; /* a single point: nothing to follow */
    o = options();
    tracked k = follow(ctx, 1, one, 1, &o);
    assert_int_equal(k.count, 0);
    forget(&k);
    sx_model_free(ctx, m);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crossings), cmocka_unit_test(test_turning),  cmocka_unit_test(test_degenerate),
        cmocka_unit_test(test_window),    cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
