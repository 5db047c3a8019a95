// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The task `fixed-points`: points known in closed form, completeness that cannot be faked, the same bits for any number of workers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/linalg.h"
#include "points_testing.h"

#include "analysis/fixed_points_private.h"
#include "core/stats.h"

static sx_fixed_points_opts options(void) {
    sx_fixed_points_opts o = SX_FIXED_POINTS_OPTS;
    sx_fields_default(sx_fixed_points_fields, &o);
    o.struct_size = sizeof o;
    return o;
}

static sx_result *run_status(sx_ctx *ctx, const sx_model *m, const sx_fixed_points_opts *o, sx_status want) {
    sx_result *r = NULL;
    OK(ctx, sx_result_create(ctx, NULL, &r));
    sx_status s = sx_task_run(ctx, &sx_fixed_points_task, m, o, sx_key_seed(3), "p", NULL, r);
    if (s != want) fail_msg("status %d: %s\n%s", s, sx_ctx_message(ctx), sx_ctx_trace(ctx));
    return r;
}
static sx_result *run(sx_ctx *ctx, const sx_model *m, const sx_fixed_points_opts *o) {
    return run_status(ctx, m, o, SX_OK);
}

/* The n points want[n][dim] are those found, in any order, to `limit`; n_unstable of each. */
static void assert_points(sx_ctx *ctx, const sx_result *r, int64_t n, int64_t dim, const double *want,
                          const int *unstable, double limit) {
    double *x = all_of(ctx, r, "p", "x"), *u = all_of(ctx, r, "p", "n_unstable");
    assert_int_equal(size_of(r, "p", "residual"), n);
    for (int64_t k = 0; k < n; k++) {
        int64_t found = -1;
        for (int64_t p = 0; p < n; p++) {
            double far = 0;
            for (int64_t i = 0; i < dim; i++) far = fmax(far, fabs(x[p * dim + i] - want[k * dim + i]));
            if (far <= limit) found = p;
        }
        if (found < 0) fail_msg("point %d (%.15g, ...) is missing", (int)k, want[k * dim]);
        if (unstable && u[found] != unstable[k])
            fail_msg("point %d has %g unstable directions, want %d", (int)k, u[found], unstable[k]);
    }
    free(u);
    free(x);
}

/* -- known roots -------------------------------------------------------------------------------------------------------------------- */

/* Phi = -x^2/2 + x^4/4: the wells +-1 with rate 2, the barrier 0 with rate -1. */
static void test_double_well(void **state) {
    (void)state;
    sx_ctx *ctx = context(1);
    sx_composed_opts c = SX_COMPOSED_OPTS;
    static const double a = -1;
    sx_fields_default(sx_composed_fields, &c);
    c.struct_size = sizeof c;
    c.n = 1;
    c.potential = SX_POTENTIAL_QUARTIC;
    c.a = (sx_values){ 1, &a };
    sx_model *m = NULL;
    OK(ctx, sx_composed_create(ctx, &c, NULL, NULL, NULL, &m));
    sx_fixed_points_opts o = options();
    sx_result *r = run(ctx, m, &o);
    static const double want[] = { -1, 1, 0 };
    static const int unstable[] = { 0, 0, 1 };
    assert_points(ctx, r, 3, 1, want, unstable, 1e-15);
    for (int k = 0; k < 3; k++) { /* sorted: stable ones by coordinate, then the barrier */
        assert_near(get(ctx, r, "p", "x", k), want[k], 1e-15);
        assert_near(get(ctx, r, "p", "slowest_rate", k), k < 2 ? 2 : -1, 1e-12);
        assert_int_equal(get(ctx, r, "p", "index", k), k < 2 ? 1 : -1);
        assert_true(get(ctx, r, "p", "hits", k) > 0);
    }
    assert_string_equal(text_of(r, "p", "kind", 0), "stable node");
    assert_string_equal(text_of(r, "p", "kind", 2), "unstable node");
    assert_int_equal(get(ctx, r, "p", "index_sum", 0), 1);
    assert_int_equal(get(ctx, r, "p", "index_consistent", 0), 1);
    assert_int_equal(get(ctx, r, "p", "n_starts", 0), 257);
    assert_int_equal(get(ctx, r, "p", "proven_complete", 0), 0); /* no intervals for this kind of model */
    assert_near(get(ctx, r, "p", "unseen_mass_hi", 0), 0.014306362729038515, 1e-12); /* 0 of 256, see test_unseen */
    assert_string_equal(sx_result_attr_find(r, "p", NULL, "drift"), "F");
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* Starts that are given: the origin is one start; one start far off still finds the well it leads to, and says no limit. */
static void test_given(void **state) {
    (void)state;
    sx_ctx *ctx = context(1);
    sx_composed_opts c = SX_COMPOSED_OPTS;
    static const double a = -1, far[] = { 25 };
    sx_fields_default(sx_composed_fields, &c);
    c.struct_size = sizeof c;
    c.n = 1;
    c.potential = SX_POTENTIAL_QUARTIC;
    c.a = (sx_values){ 1, &a };
    sx_model *m = NULL;
    OK(ctx, sx_composed_create(ctx, &c, NULL, NULL, NULL, &m));
    for (int k = 0; k < 2; k++) {
        sx_fixed_points_opts o = options();
        o.deflation = 0;
        if (k)
            o.start = (sx_points){ .n = 1, .size = 1, .x = far };
        else
            o.start.origin = true;
        sx_result *r = run(ctx, m, &o);
        static const double barrier[] = { 0 },
                            wells[] = { 1, -1 }; /* the second well is the mirror image of the first */
        static const int unstable[] = { 1, 0, 0 };
        assert_points(ctx, r, k + 1, 1, k ? wells : barrier, k ? unstable + 1 : unstable, 1e-15);
        assert_int_equal(get(ctx, r, "p", "n_starts", 0), 1);
        assert_int_equal(get(ctx, r, "p", "n_outside", 0), 0);
        sx_result_free(ctx, r);
    }
    sx_model_free(ctx, m);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

static const char *const maier_stein[] = { "x - x^3 - 10*x*y^2", "-(1 + x^2)*y" };

/* Maier and Stein (1993): (+-1, 0) nodes with the rates 2 and 2, (0, 0) a saddle with 1 and -1. */
static void test_maier_stein(void **state) {
    (void)state;
    sx_ctx *ctx = context(2);
    sx_model *m = texts(ctx, false, 2, maier_stein);
    sx_fixed_points_opts o = options();
    sx_result *r = run(ctx, m, &o);
    static const double want[] = { -1, 0, 1, 0, 0, 0 };
    static const int unstable[] = { 0, 0, 1 };
    assert_points(ctx, r, 3, 2, want, unstable, 1e-14);
    assert_string_equal(text_of(r, "p", "kind", 2), "saddle");
    assert_int_equal(get(ctx, r, "p", "proven_complete", 0), 1);
    assert_int_equal(get(ctx, r, "p", "index_consistent", 0), 1);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
    sx_ctx_free(ctx);
}

/* Lorenz 1963, sigma = 10, rho = 28, beta = 8/3: 0 with one unstable direction, rate (sigma + 1 - sqrt((sigma - 1)^2 + 4 sigma rho))/2, and
 * (+-sqrt(beta (rho - 1)), same, rho - 1), spirals with two (rho > 24.74). */
static void test_lorenz(void **state) {
    (void)state;
    static const char *const text[] = { "10*(y - x)", "x*(28 - z) - y", "x*y - 8/3*z" };
    sx_ctx *ctx = context(2);
    sx_model *m = texts(ctx, false, 3, text);
    sx_fixed_points_opts o = options();
    static const double box[] = { -30, 30, -30, 30, -5, 60 };
    o.box = (sx_values){ 6, box };
    sx_result *r = run(ctx, m, &o);
    double c = sqrt(8.0 / 3 * 27);
    const double want[] = { 0, 0, 0, -c, -c, 27, c, c, 27 };
    static const int unstable[] = { 1, 2, 2 };
    assert_points(ctx, r, 3, 3, want, unstable, 1e-12);
    assert_near(get(ctx, r, "p", "slowest_rate", 0), (11 - sqrt(81 + 1120)) / 2, 1e-10);
    assert_string_equal(text_of(r, "p", "kind", 0), "saddle");
    assert_string_equal(text_of(r, "p", "kind", 1), "saddle focus");
    assert_int_equal(get(ctx, r, "p", "index_sum", 0), 1); /* -1 + 1 + 1 */
    assert_int_equal(get(ctx, r, "p", "proven_complete", 0), 1);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
    sx_ctx_free(ctx);
}

/* Products of double wells in n units: 3^n points, C(n, k) 2^(n - k) of them with k unstable directions. */
static void test_products(void **state) {
    (void)state;
    static const char *const text[] = { "x - x^3", "y - y^3", "z - z^3", "u - u^3" };
    sx_ctx *ctx = context(2);
    for (int n = 1, points = 3; n <= 4; n++, points *= 3) {
        sx_model *m = texts(ctx, false, n, text);
        sx_fixed_points_opts o = options();
        sx_result *r = run(ctx, m, &o);
        int count[5] = { 0 }, choose = 1;
        assert_int_equal(size_of(r, "p", "residual"), points);
        for (int k = 0; k < points; k++) count[(int)get(ctx, r, "p", "n_unstable", k)]++;
        for (int k = 0; k <= n; k++) {
            assert_int_equal(count[k], choose << (n - k));
            choose = choose * (n - k) / (k + 1);
        }
        assert_int_equal(get(ctx, r, "p", "index_sum", 0), 1);
        assert_int_equal(get(ctx, r, "p", "proven_complete", 0), 1);
        sx_result_free(ctx, r);
        sx_model_free(ctx, m);
    }
    sx_ctx_free(ctx);
}

/* Henon's map, a = 1.4, b = 0.3: x = (b - 1 +- sqrt((1 - b)^2 + 4 a))/(2 a), y = b x; multipliers -a x +- sqrt(a^2 x^2 + b). */
static void test_henon(void **state) {
    (void)state;
    static const char *const text[] = { "1 - 1.4*x^2 + y", "0.3*x" };
    sx_ctx *ctx = context(1);
    sx_model *m = texts(ctx, true, 2, text);
    sx_fixed_points_opts o = options();
    sx_result *r = run(ctx, m, &o);
    double root = sqrt(0.49 + 5.6), a = (-0.7 + root) / 2.8, b = (-0.7 - root) / 2.8;
    const double want[] = { a, 0.3 * a, b, 0.3 * b };
    static const int unstable[] = { 1, 1 };
    assert_points(ctx, r, 2, 2, want, unstable, 1e-14);
    for (int k = 0; k < 2; k++) {
        double x = get(ctx, r, "p", "x", 2 * k), d = sqrt(1.96 * x * x + 0.3);
        assert_near(get(ctx, r, "p", "slowest_rate", k), -log(fmax(fabs(-1.4 * x + d), fabs(-1.4 * x - d))), 1e-12);
    }
    assert_int_equal(get(ctx, r, "p", "index_sum", 0), 0);         /* sign det(1 - J) = +1 and -1 */
    assert_int_equal(get(ctx, r, "p", "index_consistent", 0), -1); /* it does not map a ball into itself */
    assert_int_equal(get(ctx, r, "p", "proven_complete", 0), 1);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
    sx_ctx_free(ctx);
}

/* x' = -x + K softmax(beta K^T x) with K = 1 (three orthogonal patterns), beta = 8. On the simplex the points are those of subsets of the patterns:
 * 3 near one pattern (stable), 3 between two, 1 between all. The same as text, where they are proved to be all. */
static void test_modern_hopfield(void **state) {
    (void)state;
    static const double keys[] = { 1, 0, 0, 0, 1, 0, 0, 0, 1 };
    static const char *const text[] = { "exp(8*x)/(exp(8*x) + exp(8*y) + exp(8*z)) - x",
                                        "exp(8*y)/(exp(8*x) + exp(8*y) + exp(8*z)) - y",
                                        "exp(8*z)/(exp(8*x) + exp(8*y) + exp(8*z)) - z" };
    static const double box[] = { -0.5, 1.5 };
    sx_ctx *ctx = context(2);
    sx_composed_opts c = SX_COMPOSED_OPTS;
    sx_fields_default(sx_composed_fields, &c);
    c.struct_size = sizeof c;
    c.n = 3;
    c.potential = SX_POTENTIAL_LOGSUMEXP;
    c.beta = 8;
    c.keys = (sx_values){ 9, keys };
    sx_model *m = NULL, *t = texts(ctx, false, 3, text);
    OK(ctx, sx_composed_create(ctx, &c, NULL, NULL, NULL, &m));
    sx_fixed_points_opts o = options();
    o.box = (sx_values){ 2, box };
    sx_result *a = run(ctx, m, &o), *b = run(ctx, t, &o);
    assert_int_equal(size_of(a, "p", "residual"), 7);
    assert_int_equal(get(ctx, b, "p", "proven_complete", 0), 1);
    double *x = all_of(ctx, b, "p", "x");
    assert_points(ctx, a, 7, 3, x, NULL, 1e-12);
    int stable = 0;
    for (int k = 0; k < 7; k++) {
        stable += get(ctx, a, "p", "n_unstable", k) == 0;
        double s = x[3 * k] + x[3 * k + 1] + x[3 * k + 2];
        assert_near(s, 1, 1e-13);
    }
    assert_int_equal(stable, 3);
    assert_int_equal(get(ctx, a, "p", "index_sum", 0), 1);
    free(x);
    sx_result_free(ctx, a);
    sx_result_free(ctx, b);
    sx_model_free(ctx, m);
    sx_model_free(ctx, t);
    sx_ctx_free(ctx);
}

/* -- completeness --------------------------------------------------------------------------------------------------------------------- */

static void random_weights(int number, int n, double *w, double *b) {
    double g = 0.5 + 0.02 * number;
    sx_key key = sx_key_derive(sx_key_seed(19), "map", (uint64_t)number);
    sx_normal_fill(key, 0, SX_SLOT_USER, 0, n * n, 1, w);
    sx_normal_fill(key, 1, SX_SLOT_USER, 0, n, 1, b);
    for (int i = 0; i < n * n; i++) w[i] *= g / sqrt(n);
    for (int i = 0; i < n; i++) b[i] *= 0.1;
}

static sx_model *random_map(sx_ctx *ctx, int number, int n) {
    sx_equations_desc d = SX_EQUATIONS_DESC;
    double w[36], b[6];
    random_weights(number, n, w, b);
    sx_equations_index indices[] = { { "i", n, NULL }, { "j", 0, "i" } };
    sx_equations_state states[] = { { "x", "i", NULL } };
    sx_equations_parameter parameters[] = { { "W", "i,j", { n * n, w }, NULL }, { "b", "i", { n, b }, NULL } };
    sx_equations_text lines[] = { { "x", "sum(j, W[i,j]*tanh(2*x[j])) + b[i]" } };
    d.time = 1;
    d.n_indices = 2;
    d.n_states = 1;
    d.n_parameters = 2;
    d.n_equations = 1;
    d.indices = indices;
    d.states = states;
    d.parameters = parameters;
    d.equations = lines;
    sx_model *m = NULL;
    OK(ctx, sx_equations_create(ctx, &d, NULL, &m));
    return m;
}

/* All fixed points of a one-dimensional map in (lo, hi) by sign changes on a fine grid: independent of everything else here. */
static int roots_by_grid(sx_ctx *ctx, const sx_model *m, double lo, double hi) {
    enum { STEPS = 20000, B = 100 };
    int roots = 0;
    double x[B], f[B], last = 0;
    int64_t doubles = sx_model_work(m, B);
    double *scratch = NULL;
    OK(ctx, sx_alloc(ctx, doubles, sizeof *scratch, &scratch));
    for (int k = 0; k < STEPS; k += B) {
        for (int r = 0; r < B; r++) x[r] = lo + (hi - lo) * (k + r + 0.37) / STEPS;
        sx_model_F(m, 0, (sx_cbatch){ x, 1, B }, (sx_batch){ f, 1, B }, (sx_work){ .p = scratch, .doubles = doubles });
        for (int r = 0; r < B; r++) {
            double g = f[r] - x[r];
            roots += (k + r > 0) && g * last < 0;
            last = g;
        }
    }
    sx_free(ctx, scratch);
    return roots;
}

/* An exhaustive search of its own for x <- W tanh(2 x) + b: every fixed point lies in the image of the box, and tanh is monotonic, so that the image of a
 * box is known to rounding. Boxes are cut with their images (nothing is lost) and halved until they are 0.1 wide; from the middle of every
 * box that is left Newton's method, written out, must arrive at one of the `found` points x, wherever that is. */
typedef struct sx_search {
    int n;
    double w[36], b[6];
    int64_t boxes, left, lost;
} sx_search;

static bool cut(const sx_search *s, double *lo, double *hi) {
    double t[6][2], width = 0;
    for (int j = 0; j < s->n; j++) {
        t[j][0] = tanh(2 * lo[j]);
        t[j][1] = tanh(2 * hi[j]);
    }
    for (int i = 0; i < s->n; i++) {
        double a = s->b[i], c = s->b[i];
        for (int j = 0; j < s->n; j++) {
            double v = s->w[i * s->n + j];
            a += v * t[j][v < 0];
            c += v * t[j][v > 0];
        }
        lo[i] = fmax(lo[i], a - 1e-12);
        hi[i] = fmin(hi[i], c + 1e-12);
        width = fmax(width, hi[i] - lo[i]);
        if (lo[i] > hi[i]) return false;
    }
    return true;
}

static bool newton(sx_ctx *ctx, const sx_search *s, double *x) {
    int n = s->n;
    double J[36], g[6], dx[6];
    for (int step = 0; step < 60; step++) {
        double far = 0;
        for (int i = 0; i < n; i++) {
            g[i] = s->b[i] - x[i];
            for (int j = 0; j < n; j++) {
                double t = tanh(2 * x[j]);
                g[i] += s->w[i * n + j] * t;
                J[i * n + j] = (i == j) - 2 * s->w[i * n + j] * (1 - t * t);
            }
        }
        if (sx_solve(ctx, n, 1, J, g, dx) < 0) {
            sx_ctx_clear(ctx);
            return false;
        }
        for (int i = 0; i < n; i++) far = fmax(far, fabs(dx[i]));
        for (int i = 0; i < n; i++) x[i] += dx[i] * fmin(1, 0.5 / far);
        if (far < 1e-12) return true;
    }
    return false;
}

static void search(sx_ctx *ctx, sx_search *s, const double *from, const double *to, int64_t found, const double *x) {
    double lo[6], hi[6], widest = 0, middle[6], least = HUGE_VAL;
    int side = 0;
    memcpy(lo, from, sizeof lo);
    memcpy(hi, to, sizeof hi);
    s->boxes++;
    for (int k = 0; k < 3; k++)
        if (!cut(s, lo, hi)) return;
    for (int i = 0; i < s->n; i++)
        if (hi[i] - lo[i] > widest) {
            widest = hi[i] - lo[i];
            side = i;
        }
    if (widest > 0.1) {
        double half = 0.5 * (lo[side] + hi[side]), end = hi[side];
        hi[side] = half;
        search(ctx, s, lo, hi, found, x);
        lo[side] = half;
        hi[side] = end;
        search(ctx, s, lo, hi, found, x);
        return;
    }
    s->left++;
    for (int i = 0; i < s->n; i++) middle[i] = 0.5 * (lo[i] + hi[i]);
    if (!newton(ctx, s, middle)) return;
    for (int64_t q = 0; q < found; q++) {
        double far = 0;
        for (int i = 0; i < s->n; i++) far = fmax(far, fabs(middle[i] - x[q * s->n + i]));
        least = fmin(least, far);
    }
    s->lost += least > 1e-8;
}

/* 100 random maps x <- W tanh(2 x) + b with 1 to 6 units: the set that the task reports and proves complete is that of another exhaustive interval search,
 * written out above, which bounds the whole of the image. What starts and deflation alone find is a part of it, nearly always all. */
static void test_random_maps(void **state) {
    (void)state;
    enum { MAPS = 100 };
    sx_ctx *ctx = context(1);
    int points = 0, several = 0, alone = 0;
    int64_t boxes = 0;
    for (int k = 0; k < MAPS; k++) {
        int n = 1 + k % 6;
        sx_model *m = random_map(ctx, k, n);
        static const double box[] = { -6, 6 };
        sx_fixed_points_opts o = options();
        o.box = (sx_values){ 2, box };
        o.random = 40;
        o.deflation = 8;
        o.boxes = 400000;
        sx_result *r = run(ctx, m, &o);
        int64_t found = size_of(r, "p", "residual");
        if (get(ctx, r, "p", "proven_complete", 0) != 1) fail_msg("map %d (%d units) is not proved complete", k, n);
        assert_int_equal(get(ctx, r, "p", "index_sum", 0), 1); /* Lefschetz: the image of the ball lies in the ball */
        assert_int_equal(get(ctx, r, "p", "index_consistent", 0), 1);
        if (n == 1) assert_int_equal(found, roots_by_grid(ctx, m, -6, 6));
        for (int64_t p = 0; p < found; p++) {
            assert_true(get(ctx, r, "p", "residual", p) < 1e-13);
            assert_string_not_equal(text_of(r, "p", "kind", p), "non-hyperbolic");
        }
        sx_search exhaustive = { .n = n };
        double *points_found = all_of(ctx, r, "p", "x"), from[6], to[6];
        random_weights(k, n, exhaustive.w, exhaustive.b);
        for (int i = 0; i < n; i++) {
            from[i] = box[0];
            to[i] = box[1];
        }
        search(ctx, &exhaustive, from, to, found, points_found);
        assert_int_equal(exhaustive.lost, 0);
        assert_true(exhaustive.left >= found);
        boxes += exhaustive.boxes;
        free(points_found);
        o.interval = false;
        sx_result *s = run(ctx, m, &o);
        int64_t by_starts = size_of(s, "p", "residual");
        assert_int_equal(get(ctx, s, "p", "proven_complete", 0), 0);
        assert_true(by_starts <= found);
        double *x = all_of(ctx, r, "p", "x"), *y = all_of(ctx, s, "p", "x");
        for (int64_t p = 0; p < by_starts; p++) {
            double least = HUGE_VAL;
            for (int64_t q = 0; q < found; q++) {
                double far = 0;
                for (int i = 0; i < n; i++) far = fmax(far, fabs(x[q * n + i] - y[p * n + i]));
                least = fmin(least, far);
            }
            assert_true(least < 1e-10);
        }
        free(x);
        free(y);
        points += (int)found;
        several += found > 1;
        alone += by_starts == found;
        sx_result_free(ctx, r);
        sx_result_free(ctx, s);
        sx_model_free(ctx, m);
    }
    print_message(
        "%d points, %d maps with several; starts alone found all points of %d maps; %lld boxes of the other search\n",
        points, several, alone, (long long)boxes);
    assert_true(several >= 40 && points >= 200);
    assert_true(alone >= 95);
    sx_ctx_free(ctx);
}

/* F = -x ((x - 3)^2 - 0.01) has 0 and the pair 2.9 (unstable), 3.1 (stable). Starts near 0 alone never see the pair, and the index sum cannot: the set is
 * not called complete. Interval search finds the pair. */
static sx_model *missed_pair(sx_ctx *ctx) {
    static const char *const text[] = { "-x*((x - 3)^2 - 0.01)" };
    return texts(ctx, false, 1, text);
}
static void test_missed_pair(void **state) {
    (void)state;
    static const double box[] = { -4, 4 };
    static double starts[200];
    sx_ctx *ctx = context(1);
    sx_model *m = missed_pair(ctx);
    sx_fixed_points_opts o = options();
    for (int k = 0; k < 200; k++) starts[k] = 0.005 * (k - 100);
    o.start = (sx_points){ .n = 200, .size = 1, .x = starts };
    o.box = (sx_values){ 2, box };
    o.deflation = 0;
    o.interval = false;
    sx_result *r = run(ctx, m, &o);
    assert_int_equal(size_of(r, "p", "residual"), 1);
    assert_int_equal(get(ctx, r, "p", "hits", 0), 200);
    assert_int_equal(get(ctx, r, "p", "index_sum", 0), 1);
    assert_int_equal(get(ctx, r, "p", "index_consistent", 0), 1); /* not sufficient */
    assert_int_equal(get(ctx, r, "p", "proven_complete", 0), 0);
    assert_true(get(ctx, r, "p", "unseen_mass_hi", 0) > 0.018);
    assert_null(strstr(sx_result_attr_find(r, "p", NULL, "completeness"), "proved for"));
    assert_non_null(strstr(sx_result_attr_find(r, "p", NULL, "completeness"), "not proved"));
    sx_result_free(ctx, r);

    o.deflation = 8; /* finds the pair */
    r = run(ctx, m, &o);
    static const double want[] = { 0, 2.9, 3.1 };
    static const int unstable[] = { 0, 1, 0 };
    assert_points(ctx, r, 3, 1, want, unstable, 1e-12);
    assert_int_equal(get(ctx, r, "p", "n_deflated", 0), 2);
    assert_int_equal(get(ctx, r, "p", "proven_complete", 0), 0);
    sx_result_free(ctx, r);

    o.deflation = 0;
    o.interval = true; /* finds the pair, and proves that it is all */
    r = run(ctx, m, &o);
    assert_points(ctx, r, 3, 1, want, unstable, 1e-12);
    assert_int_equal(get(ctx, r, "p", "proven_complete", 0), 1);
    assert_int_equal(get(ctx, r, "p", "hits", 2), 0);
    sx_result_free(ctx, r);

    o.boxes = 3; /* too few to finish */
    r = run(ctx, m, &o);
    assert_int_equal(get(ctx, r, "p", "proven_complete", 0), 0);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
    sx_ctx_free(ctx);
}

/* A double root, a kink at a root and a jump: no proof where derivatives do not decide. A kink beside the roots does no harm. */
static void test_no_proof(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int points, proven;
    } cases[] = {
        { "x^2*(1 - x)", 2, 0 },
        { "-abs(x)*(x - 1)", 2, 0 },
        { "heaviside(x) - 0.5 - x", 2, 0 },
        { "abs(x + 1.5)*(1 - x)*(1 + x)", 3, 0 },
        { "(2 + abs(x - 0.5))*(1 - x)", 1, 1 },
    };
    sx_ctx *ctx = context(1);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        sx_model *m = texts(ctx, false, 1, &cases[k].text);
        sx_fixed_points_opts o = options();
        sx_result *r = run(ctx, m, &o);
        if (size_of(r, "p", "residual") != cases[k].points || get(ctx, r, "p", "proven_complete", 0) != cases[k].proven)
            fail_msg("%s: %d points, proven %g", cases[k].text, (int)size_of(r, "p", "residual"),
                     get(ctx, r, "p", "proven_complete", 0));
        if (k == 0) { /* the double root has no index */
            assert_int_equal(get(ctx, r, "p", "index_consistent", 0), -1);
            assert_string_equal(text_of(r, "p", "kind", fabs(get(ctx, r, "p", "x", 0)) < 0.5 ? 0 : 1),
                                "non-hyperbolic");
        }
        sx_result_free(ctx, r);
        sx_model_free(ctx, m);
    }
    sx_ctx_free(ctx);
}

/* Intervals of the unseen mass. Exact ones of a binomial: scipy.stats.binomtest(k, n).proportion_ci(0.95, "exact"). Coverage: 2000 samples of n = 60
 * starts that end at 40 points with p_k ~ 1/k; the true unseen mass lies in the interval in at least 95 % of them, less 5 standard errors of the
 * count. Mutant: unseen_interval. */
static void test_unseen(void **state) {
    (void)state;
    static const struct {
        int64_t k, n;
        double lo, hi;
    } exact[] = { { 0, 256, 0, 0.014306362729038515 },
                  { 5, 50, 0.03327509358902151, 0.2181353664342022 },
                  { 256, 256, 0.9856936372709615, 1 },
                  { 37, 1000, 0.02618270884399008, 0.0506411230599609 } };
    for (size_t k = 0; k < sizeof exact / sizeof *exact; k++) {
        double lo, hi;
        sx_binomial_interval(exact[k].k, exact[k].n, 0.05, &lo, &hi);
        assert_near(lo, exact[k].lo, 1e-12);
        assert_near(hi, exact[k].hi, 1e-12);
    }
    enum { SAMPLES = 2000, STARTS = 60, POINTS = 40 };
    double p[POINTS], total = 0, bias = 0, spread = 0;
    int covered = 0;
    for (int k = 0; k < POINTS; k++) total += 1.0 / (k + 1);
    for (int k = 0; k < POINTS; k++) p[k] = 1.0 / (k + 1) / total;
    for (int s = 0; s < SAMPLES; s++) {
        int hits[POINTS] = { 0 };
        double u[STARTS], unseen = 0;
        int64_t once = 0, twice = 0;
        sx_fp_complete c = { 0 };
        sx_uniform_fill(sx_key_seed(5), (uint64_t)s, SX_SLOT_USER, 0, STARTS, 1, u);
        for (int i = 0; i < STARTS; i++) {
            int k = 0;
            for (double sum = p[0]; u[i] > sum && k < POINTS - 1; sum += p[k]) k++;
            hits[k]++;
        }
        for (int k = 0; k < POINTS; k++) {
            once += hits[k] == 1;
            twice += hits[k] == 2;
            if (hits[k] == 0) unseen += p[k];
        }
        sx_unseen(STARTS, once, twice, &c);
        covered += c.unseen_lo <= unseen && unseen <= c.unseen_hi;
        bias += c.unseen_mass - unseen;
        spread += (c.unseen_mass - unseen) * (c.unseen_mass - unseen);
    }
    bias /= SAMPLES;
    double se = sqrt(spread) / SAMPLES, expect = 0;
    for (int k = 0; k < POINTS; k++)
        expect += p[k] * p[k] * pow(1 - p[k], STARTS - 1); /* E(f1/n - U) = sum p^2 (1 - p)^(n-1) */
    print_message("coverage %.4f, bias %.5f +- %.5f, exact %.5f\n", (double)covered / SAMPLES, bias, se, expect);
    assert_true(covered >= 0.95 * SAMPLES - 5 * sqrt(0.95 * 0.05 * SAMPLES));
    assert_true(fabs(bias - expect) < 5 * se);
}

/* -- other ways to points -------------------------------------------------------------------------------------------------------------- */

/* F = 1e-4 + x^2 has no root; the speed is least at 0: (1e-4)^2/2. Beside it y' = -y. */
static void test_slow(void **state) {
    (void)state;
    static const char *const text[] = { "1e-4 + x^2", "-y" };
    sx_ctx *ctx = context(1);
    sx_model *m = texts(ctx, false, 2, text);
    sx_fixed_points_opts o = options();
    sx_result *r = run_status(ctx, m, &o, SX_NOT_CONVERGED);
    assert_non_null(sx_result_attr_find(r, "p", NULL, "empty"));
    assert_int_equal(sx_result_find(r, "p", "x"), -1);
    assert_int_equal(sx_result_warnings(r), 1);
    sx_result_free(ctx, r);
    o.slow = (sx_slow_opts){ .speed_below = 1e-6, .iterations = 500, .given = true };
    r = run(ctx, m, &o);
    assert_int_equal(size_of(r, "p", "residual"), 1);
    assert_int_equal(get(ctx, r, "p", "slow", 0), 1);
    assert_string_equal(text_of(r, "p", "kind", 0), "slow");
    assert_near(get(ctx, r, "p", "speed", 0), 0.5e-8, 1e-16);
    assert_near(get(ctx, r, "p", "residual", 0), 1e-4, 1e-12);
    assert_near(get(ctx, r, "p", "x", 0), 0, 1e-6);
    assert_near(get(ctx, r, "p", "x", 1), 0, 1e-9);
    assert_int_equal(get(ctx, r, "p", "n_converged", 0), 0);
    assert_int_equal(get(ctx, r, "p", "index_sum", 0), 0);
    assert_int_equal(get(ctx, r, "p", "proven_complete", 0), 1); /* that there is no root */
    sx_result_free(ctx, r);
    o.slow.speed_below = 0.4e-8; /* not slow enough */
    r = run_status(ctx, m, &o, SX_NOT_CONVERGED);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
    sx_ctx_free(ctx);
}

/* A model with the symmetries x_0 -> -x_0 and x_0 <-> x_1, F = x - x^3: from (1, 1) alone all four wells. */
static int64_t wells_work(const void *self, sx_op op, int64_t b) {
    (void)self, (void)op, (void)b;
    return 0;
}
static void wells_F(const void *self, double t, sx_cbatch x, sx_batch out, sx_work w) {
    (void)self, (void)t, (void)w;
    for (int64_t k = 0; k < x.n * x.b; k++) out.x[k] = x.x[k] - x.x[k] * x.x[k] * x.x[k];
}
static void wells_jvp(const void *self, double t, sx_cbatch x, sx_cbatch u, sx_batch out, sx_work w) {
    (void)self, (void)t, (void)w;
    for (int64_t i = 0; i < x.n; i++)
        for (int64_t r = 0; r < u.b; r++) {
            double y = x.x[x.b == 1 ? i : i * x.b + r];
            out.x[i * u.b + r] = (1 - 3 * y * y) * u.x[i * u.b + r];
        }
}
static int wells_symmetry(const void *self, int i, sx_cbatch x, sx_batch out) {
    (void)self;
    out.x[0] = i == 0 ? -x.x[0] : x.x[1];
    out.x[1] = i == 0 ? x.x[1] : x.x[0];
    return i < 2;
}
static const sx_model_ops wells_ops = { .abi = SX_MODEL_ABI,
                                        .struct_size = sizeof(sx_model_ops),
                                        .name = "wells",
                                        .work = wells_work,
                                        .F = wells_F,
                                        .jvp = wells_jvp,
                                        .symmetry = wells_symmetry };
static sx_model *wells(sx_ctx *ctx) {
    static int self;
    sx_state_array array = { "x", "unit", 2, NULL };
    sx_model_desc d = { .struct_size = sizeof d,
                        .ops = &wells_ops,
                        .self = &self,
                        .kind = SX_FLOW,
                        .layout = { 2, 1, &array },
                        .block = 8,
                        .panel = 2,
                        .flops = 6,
                        .equation = "x' = x - x^3" };
    sx_model *m = NULL;
    OK(ctx, sx_model_create(ctx, &d, &m));
    return m;
}

static void test_symmetry(void **state) {
    (void)state;
    static const double start[] = { 0.9, 1.1, 0.8, 0.05 };
    sx_ctx *ctx = context(1);
    sx_model *m = wells(ctx);
    sx_fixed_points_opts o = options();
    o.start = (sx_points){ .n = 2, .size = 2, .x = start };
    o.deflation = 0;
    sx_result *r = run(ctx, m, &o);
    static const double want[] = { -1, -1, -1, 1, 1, -1, 1, 1, -1, 0, 0, -1, 0, 1, 1, 0 };
    assert_points(ctx, r, 8, 2, want, NULL, 1e-14);
    for (int k = 0; k < 8; k++) assert_int_equal(get(ctx, r, "p", "symmetry_class", k), k / 4);
    double hits = 0;
    for (int k = 0; k < 8; k++) hits += get(ctx, r, "p", "hits", k);
    assert_int_equal(hits, 2);
    assert_int_equal(get(ctx, r, "p", "index_sum", 0), 0); /* 4 - 4: the origin is missing, and it shows */
    assert_int_equal(get(ctx, r, "p", "index_consistent", 0), 0);
    assert_int_equal(sx_result_warnings(r), 1);
    sx_result_free(ctx, r);
    o.symmetry = SX_SYMMETRY_MERGE;
    r = run(ctx, m, &o);
    assert_int_equal(size_of(r, "p", "residual"), 2);
    sx_result_free(ctx, r);
    o.symmetry = SX_SYMMETRY_IGNORE;
    r = run(ctx, m, &o);
    static const double two[] = { 1, 1, 1, 0 };
    assert_points(ctx, r, 2, 2, two, NULL, 1e-14);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
    sx_ctx_free(ctx);
}

/* The built-in odd models: F(-x) = -F(x) at random points wherever they declare it, and they declare it where it holds. */
static sx_model *quartic(sx_ctx *ctx, double cubic) {
    sx_composed_opts c = SX_COMPOSED_OPTS;
    static const double a = -1;
    sx_fields_default(sx_composed_fields, &c);
    c.struct_size = sizeof c;
    c.n = 2;
    c.potential = SX_POTENTIAL_QUARTIC;
    c.a = (sx_values){ 1, &a };
    c.b = cubic;
    c.metric = SX_METRIC_LORENTZIAN;
    c.flow = SX_FLOW_ANTISYMMETRIC;
    c.omega = 0.5;
    sx_model *m = NULL;
    OK(ctx, sx_composed_create(ctx, &c, NULL, NULL, NULL, &m));
    return m;
}
static sx_model *rate(sx_ctx *ctx, int phi, bool driven) {
    static const double w[] = { 2, -1, 0.5, 1.5 }, I[] = { 0.3, 0 };
    sx_coupling *W = NULL;
    sx_model *m = NULL;
    sx_rate_opts o = SX_RATE_OPTS;
    sx_input input = SX_INPUT;
    sx_fields_default(sx_rate_fields, &o);
    o.struct_size = sizeof o;
    o.phi = phi;
    input.amplitude = (sx_values){ 2, I };
    OK(ctx, sx_coupling_dense(ctx, 2, 2, w, &W));
    OK(ctx, sx_rate_create(ctx, &o, W, NULL, driven ? &input : NULL, NULL, &m));
    sx_coupling_free(ctx, W);
    return m;
}
static void test_declared(void **state) {
    (void)state;
    sx_ctx *ctx = context(1);
    sx_model *models[] = { quartic(ctx, 0),
                           quartic(ctx, 0.2),
                           rate(ctx, SX_PHI_TANH, false),
                           rate(ctx, SX_PHI_ERF, false),
                           rate(ctx, SX_PHI_TANH, true),
                           rate(ctx, SX_PHI_RELU, false) };
    static const int odd[] = { 1, 0, 1, 1, 0, 0 };
    for (int k = 0; k < 6; k++) {
        const sx_model_ops *ops = sx_model_operations(models[k]);
        double x[2], y[2], f[2], g[2], worst = 0;
        int64_t doubles = sx_model_work(models[k], 1);
        double *scratch = NULL;
        OK(ctx, sx_alloc(ctx, doubles, sizeof *scratch, &scratch));
        sx_work w = { .p = scratch, .doubles = doubles };
        for (uint64_t d = 0; d < 20; d++) {
            sx_normal_fill(sx_key_seed(6), d, SX_SLOT_USER, 0, 2, 1, x);
            int declared = ops->symmetry(sx_model_self(models[k]), 0, (sx_cbatch){ x, 2, 1 }, (sx_batch){ y, 2, 1 });
            assert_int_equal(declared, odd[k]);
            assert_int_equal(ops->symmetry(sx_model_self(models[k]), 1, (sx_cbatch){ x, 2, 1 }, (sx_batch){ f, 2, 1 }),
                             0);
            for (int i = 0; i < 2; i++) y[i] = -x[i];
            sx_model_F(models[k], 0, (sx_cbatch){ x, 2, 1 }, (sx_batch){ f, 2, 1 }, w);
            sx_model_F(models[k], 0, (sx_cbatch){ y, 2, 1 }, (sx_batch){ g, 2, 1 }, w);
            for (int i = 0; i < 2; i++) worst = fmax(worst, fabs(f[i] + g[i]));
        }
        assert_true(odd[k] ? worst < 1e-14 : worst > 1e-3);
        sx_free(ctx, scratch);
        sx_model_free(ctx, models[k]);
    }
    sx_ctx_free(ctx);
}

static double logistic(double x) {
    return 1 / (1 + exp(-x));
}

/* A GRU of 8 units under three inputs: each point is one of h = (1 - z) n + z h, written out here (PyTorch's equations, order r, z, n); the Lefschetz
 * number is 1 since the cell maps [-1, 1]^8 into itself. */
static void test_contexts(void **state) {
    (void)state;
    enum { H = 8, I = 2, C = 3 };
    static double wi[3 * H * I], wh[3 * H * H], bi[3 * H], bh[3 * H];
    static const double inputs[C * I] = { 0, 0, 1, -0.5, -2, 1 };
    sx_ctx *ctx = context(2);
    sx_normal_fill(sx_key_seed(4), 0, SX_SLOT_USER, 0, 3 * H * I, 1, wi);
    sx_normal_fill(sx_key_seed(4), 1, SX_SLOT_USER, 0, 3 * H * H, 1, wh);
    sx_normal_fill(sx_key_seed(4), 2, SX_SLOT_USER, 0, 3 * H, 1, bi);
    sx_normal_fill(sx_key_seed(4), 3, SX_SLOT_USER, 0, 3 * H, 1, bh);
    for (int k = 0; k < 3 * H * H; k++) wh[k] *= 0.8;
    sx_cell_layer layer = {
        { 3 * H * I, wi }, { 3 * H * H, wh }, { 3 * H, bi }, { 3 * H, bh }, { 0, NULL }, { 0, NULL }
    };
    sx_cell_opts co = SX_CELL_OPTS;
    sx_fields_default(sx_cell_fields, &co);
    co.cell = SX_CELL_GRU;
    co.hidden = H;
    co.layers = (sx_tables){ 1, &layer };
    sx_model *m = NULL;
    OK(ctx, sx_cell_create(ctx, &co, NULL, &m));
    static const double box[] = { -1, 1 };
    sx_fixed_points_opts o = options();
    o.input = (sx_values){ C * I, inputs };
    o.box = (sx_values){ 2, box };
    o.slow = (sx_slow_opts){ .speed_below = 1e-6, .iterations = 300, .given = true };
    o.reach = 1; /* where the cell can be */
    o.random = 100;
    o.deflation = 8;
    sx_result *r = run(ctx, m, &o);
    int64_t n = size_of(r, "p", "residual");
    assert_int_equal(size_of(r, "p", "index_sum"), C);
    assert_int_equal(size_of(r, "p", "input"), C * I);
    assert_true(n >= C);
    double *h = all_of(ctx, r, "p", "x");
    int seen[C] = { 0 };
    for (int64_t p = 0; p < n; p++) {
        int c = (int)get(ctx, r, "p", "context_index", p);
        if (get(ctx, r, "p", "slow", p) == 1) continue;
        seen[c]++;
        for (int i = 0; i < H; i++) {
            double a[3], b[3];
            for (int g = 0; g < 3; g++) {
                a[g] = bi[g * H + i];
                b[g] = bh[g * H + i];
                for (int k = 0; k < I; k++) a[g] += wi[(g * H + i) * I + k] * inputs[c * I + k];
                for (int k = 0; k < H; k++) b[g] += wh[(g * H + i) * H + k] * h[p * H + k];
            }
            double reset = logistic(a[0] + b[0]), z = logistic(a[1] + b[1]), fresh = tanh(a[2] + reset * b[2]);
            assert_near((1 - z) * fresh + z * h[p * H + i], h[p * H + i], 1e-13);
        }
    }
    for (int c = 0; c < C; c++) {
        assert_true(seen[c] >= 1);
        assert_int_equal(get(ctx, r, "p", "index_expected", c), 1);
        assert_int_equal(get(ctx, r, "p", "index_consistent", c), 1);
        assert_int_equal(get(ctx, r, "p", "proven_complete", c), 0);
        assert_near(get(ctx, r, "p", "input", c * I), inputs[c * I], 0);
    }
    print_message("%d points in three contexts: %d, %d, %d\n", (int)n, seen[0], seen[1], seen[2]);

    /* points with their inputs are starts of another search: the same contexts, the same points */
    double *x = all_of(ctx, r, "p", "x"), *in = calloc((size_t)(n * I), sizeof *in);
    for (int64_t p = 0; p < n; p++)
        memcpy(in + p * I, inputs + (int64_t)get(ctx, r, "p", "context_index", p) * I, I * sizeof *in);
    sx_fixed_points_opts again = options();
    again.start = (sx_points){ .n = n, .size = H, .x = x, .input = in, .channels = I };
    again.deflation = 0;
    sx_result *s = run(ctx, m, &again);
    assert_int_equal(size_of(s, "p", "index_sum"), C);
    assert_true(size_of(s, "p", "residual") >= C);
    sx_result_free(ctx, s);
    free(in);
    free(x);
    free(h);
    sx_result_free(ctx, r);

    static const double three[] = { 1, 2, 3 };
    o.input = (sx_values){ 3, three };
    sx_plan plan;
    assert_int_equal(sx_task_plan(ctx, &sx_fixed_points_task, m, &o, "p", &plan), SX_E_USAGE);
    assert_non_null(strstr(sx_ctx_message(ctx), "lists of 2"));
    sx_model_free(ctx, m);
    sx_ctx_free(ctx);
}

static sx_model *sparse_rate(sx_ctx *ctx, int64_t n, int64_t links, double gain, double drive, uint64_t seed) {
    sx_ensemble e = { .struct_size = sizeof e };
    sx_fields_default(sx_ensemble_fields, &e);
    e.struct_size = sizeof e;
    e.kind = SX_ENSEMBLE_SPARSE;
    e.n = n;
    e.g = gain;
    e.density = (double)links / (double)n;
    sx_coupling *w = NULL;
    sx_model *m = NULL;
    OK(ctx, sx_coupling_realise(ctx, &e, sx_key_seed(seed), &w));
    sx_rate_opts o = SX_RATE_OPTS;
    sx_fields_default(sx_rate_fields, &o);
    o.struct_size = sizeof o;
    double *I = malloc((size_t)n * sizeof *I);
    sx_normal_fill(sx_key_seed(seed), 7, SX_SLOT_USER, 0, n, 1, I);
    for (int64_t i = 0; i < n; i++) I[i] *= drive;
    sx_input input = SX_INPUT;
    input.amplitude = (sx_values){ n, I };
    OK(ctx, sx_rate_create(ctx, &o, w, NULL, &input, NULL, &m));
    sx_coupling_free(ctx, w);
    free(I);
    return m;
}

/* tau x' = -x + W tanh x + I, 5000 units, 10 links each, matrix-free. At g = 0.6 the map x <- W tanh x + I contracts (Picard) to the only point. */
static void test_large(void **state) {
    (void)state;
    enum { N = 5000 };
    sx_ctx *ctx = context(1);
    sx_model *m = sparse_rate(ctx, N, 10, 0.6, 1, 8);
    sx_fixed_points_opts o = options();
    o.random = 2;
    sx_result *r = run(ctx, m, &o);
    assert_int_equal(size_of(r, "p", "residual"), 1);
    assert_int_equal(get(ctx, r, "p", "hits", 0), 3);
    assert_int_equal(get(ctx, r, "p", "n_unstable", 0), 0);
    assert_true(get(ctx, r, "p", "slowest_rate", 0) > 0.2 && get(ctx, r, "p", "slowest_rate", 0) < 1);
    double *x = calloc(N, sizeof *x), *f = calloc(N, sizeof *f), *found = all_of(ctx, r, "p", "x"), far = 0;
    int64_t doubles = sx_model_work(m, 1);
    double *scratch = NULL;
    OK(ctx, sx_alloc(ctx, doubles, sizeof *scratch, &scratch));
    for (int k = 0; k < 200; k++) { /* F + x = W tanh x + I */
        sx_model_F(m, 0, (sx_cbatch){ x, N, 1 }, (sx_batch){ f, N, 1 }, (sx_work){ .p = scratch, .doubles = doubles });
        for (int i = 0; i < N; i++) x[i] += f[i];
    }
    for (int i = 0; i < N; i++) far = fmax(far, fabs(x[i] - found[i]));
    print_message("difference to Picard's iteration %.2g\n", far);
    assert_true(far < 1e-10);
    sx_free(ctx, scratch);
    free(found);
    free(x);
    free(f);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);

    /* 60 units with several points: GMRES and LU agree */
    m = sparse_rate(ctx, 60, 12, 3, 0.05, 9);
    o = options();
    o.random = 60;
    o.deflation = 8;
    sx_result *dense = run(ctx, m, &o);
    o.solver = SX_NEWTON_KRYLOV;
    sx_result *krylov = run(ctx, m, &o);
    int64_t nd = size_of(dense, "p", "residual"), nk = size_of(krylov, "p", "residual"), common = 0;
    double *a = all_of(ctx, dense, "p", "x"), *b = all_of(ctx, krylov, "p", "x");
    for (int64_t p = 0; p < nk; p++)
        for (int64_t q = 0; q < nd; q++) {
            double d = 0;
            for (int i = 0; i < 60; i++) d = fmax(d, fabs(a[q * 60 + i] - b[p * 60 + i]));
            common += d < 1e-9;
        }
    print_message("%d points by LU, %d by GMRES, %d common\n", (int)nd, (int)nk, (int)common);
    assert_true(nk >= 3 && common >= 3);
    for (int64_t p = 0; p < nk; p++) assert_true(get(ctx, krylov, "p", "residual", p) < 1e-9);
    free(a);
    free(b);
    sx_result_free(ctx, dense);
    sx_result_free(ctx, krylov);
    sx_model_free(ctx, m);
    sx_ctx_free(ctx);
}

/* -- same bits ---------------------------------------------------------------------------------------------------------------------------- */

static sx_model *for_bits(sx_ctx *ctx) {
    static const char *const text[] = { "x - x^3 - 10*x*y^2 + 0.1*z", "-(1 + x^2)*y + 0.3*sin(3*z)", "-z + tanh(2*x)" };
    return texts(ctx, false, 3, text);
}
static sx_fixed_points_opts for_bits_options(void) {
    sx_fixed_points_opts o = options();
    o.random = 60;
    o.block_ = 7;
    o.slow = (sx_slow_opts){ .speed_below = 1e-2, .iterations = 100, .given = true };
    return o;
}

static void test_bits(void **state) {
    (void)state;
    uint64_t first = 0, resumed = 0;
    sx_fixed_points_opts o = for_bits_options();
    for (int threads = 1; threads <= 4; threads++) {
        sx_ctx *ctx = context(threads);
        sx_model *m = for_bits(ctx);
        sx_result *r = run(ctx, m, &o);
        uint64_t h = result_hash(ctx, r);
        if (threads == 1) first = h;
        assert_int_equal(h, first);
        assert_true(size_of(r, "p", "residual") >= 3);
        sx_result_free(ctx, r);
        sx_model_free(ctx, m);
        assert_int_equal(sx_ctx_bytes(ctx), 0);
        sx_ctx_free(ctx);
    }
    int stops = run_interrupted(&sx_fixed_points_task, for_bits, &o, 3, &resumed);
    print_message("%d interruptions\n", stops);
    assert_true(stops >= 2);
    assert_int_equal(resumed, first);
}

static void test_allocations(void **state) {
    (void)state;
    sx_fixed_points_opts o = options();
    o.random = 3;
    o.deflation = 2;
    assert_true(every_allocation_fails(&sx_fixed_points_task, wells, &o) > 100);
}

static void test_refusals(void **state) {
    (void)state;
    sx_ctx *ctx = context(1);
    sx_model *m = wells(ctx);
    static const double numbers[] = { 1, 2, 3 };
    sx_plan plan;
#define REFUSED(change, status, message)                                                                               \
    do {                                                                                                               \
        sx_fixed_points_opts o = options();                                                                            \
        change;                                                                                                        \
        assert_int_equal(sx_task_plan(ctx, &sx_fixed_points_task, m, &o, "p", &plan), status);                         \
        if (!strstr(sx_ctx_message(ctx), message)) fail_msg("got: %s\nwant: %s", sx_ctx_message(ctx), message);        \
    } while (0)
    REFUSED((o.box = (sx_values){ 3, numbers }), SX_E_USAGE, "fixed-points.box: 3 numbers");
    static const double reversed[] = { 2, 1 };
    REFUSED((o.box = (sx_values){ 2, reversed }), SX_E_USAGE, "want lo < hi");
    REFUSED((o.input = (sx_values){ 2, numbers }), SX_E_UNSUPPORTED, "no input");
    REFUSED((o.start = (sx_points){ .n = 1, .size = 3, .x = numbers }), SX_E_USAGE, "points of 3 numbers");
    REFUSED((o.start.random = true, o.random = 0), SX_E_USAGE, "no start");
    REFUSED(o.tolerance = 0, SX_E_USAGE, "fixed-points.tolerance = 0");
    REFUSED(o.merge = 2, SX_E_USAGE, "fixed-points.merge = 2");
    REFUSED((o.slow = (sx_slow_opts){ 1e-6, 10, true }), SX_E_UNSUPPORTED, "'vjp'");
    sx_model_free(ctx, m);
    sx_ctx_free(ctx);
}

int main(int argc, char **argv) {
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    setvbuf(stdout, NULL, _IOLBF, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_double_well), cmocka_unit_test(test_maier_stein), cmocka_unit_test(test_lorenz),
        cmocka_unit_test(test_products),    cmocka_unit_test(test_henon),       cmocka_unit_test(test_modern_hopfield),
        cmocka_unit_test(test_random_maps), cmocka_unit_test(test_missed_pair), cmocka_unit_test(test_no_proof),
        cmocka_unit_test(test_unseen),      cmocka_unit_test(test_slow),        cmocka_unit_test(test_symmetry),
        cmocka_unit_test(test_declared),    cmocka_unit_test(test_contexts),    cmocka_unit_test(test_large),
        cmocka_unit_test(test_given),       cmocka_unit_test(test_bits),        cmocka_unit_test(test_allocations),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
