// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The task `basins`: fractions and attractors known in closed form or from the literature, every kind of attractor, noise, slices, edges, the same bits
 * for any number of workers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "points_testing.h"

#include <separatrix/noise.h>

static sx_basins_opts options(void) {
    sx_basins_opts o = SX_BASINS_OPTS;
    sx_fields_default(sx_basins_fields, &o);
    o.struct_size = sizeof o;
    return o;
}
static sx_result *run_status(sx_ctx *ctx, const sx_model *m, const sx_basins_opts *o, sx_status want) {
    sx_result *r = NULL;
    OK(ctx, sx_result_create(ctx, NULL, &r));
    sx_status s = sx_task_run(ctx, &sx_basins_task, m, o, sx_key_seed(3), "p", NULL, r);
    if (s != want) fail_msg("status %d: %s\n%s", s, sx_ctx_message(ctx), sx_ctx_trace(ctx));
    return r;
}
static sx_result *run(sx_ctx *ctx, const sx_model *m, const sx_basins_opts *o) {
    return run_status(ctx, m, o, SX_OK);
}
/* The fraction of attractor k against p: the spread is that of the binomial. */
static void assert_fraction(sx_ctx *ctx, const sx_result *r, int k, double p, double starts) {
    double f = get(ctx, r, "p", "fraction", k), se = sqrt(p * (1 - p) / starts), z = (f - p) / se;
    print_message("fraction %.4f, exact %.4f, z = %.2f\n", f, p, z);
    assert_true(fabs(z) < 5);
    assert_near(get(ctx, r, "p", "fraction_se", k), sqrt(f * (1 - f) / starts), 1e-15);
    assert_true(get(ctx, r, "p", "fraction_lo", k) < f && f < get(ctx, r, "p", "fraction_hi", k));
}

/* x' = x - x^3 from [-1, 3]: three quarters go to +1. */
static void test_double_well(void **state) {
    (void)state;
    static const char *const text[] = { "x - x^3" };
    static const double box[] = { -1, 3 };
    sx_ctx *ctx = context(2);
    sx_model *m = texts(ctx, false, 1, text);
    sx_basins_opts o = options();
    o.box = (sx_values){ 2, box };
    o.starts = 2000;
    sx_result *r = run(ctx, m, &o);
    assert_int_equal(size_of(r, "p", "fraction"), 2);
    assert_fraction(ctx, r, 0, 0.75, 2000);
    assert_fraction(ctx, r, 1, 0.25, 2000);
    assert_near(get(ctx, r, "p", "state", 0), 1, 1e-14);
    assert_near(get(ctx, r, "p", "state", 1), -1, 1e-14);
    assert_near(get(ctx, r, "p", "exponent", 0), -2, 1e-12);
    assert_string_equal(text_of(r, "p", "kind", 0), "point");
    assert_int_equal(get(ctx, r, "p", "n_unresolved", 0), 0);
    double *outcome = all_of(ctx, r, "p", "outcome"), right = 0;
    for (int k = 0; k < 2000; k++) right += outcome[k] == 0;
    assert_near(right / 2000, get(ctx, r, "p", "fraction", 0), 1e-15);
    free(outcome);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* r' = -r (r^2 - 1)(r^2 - 4)/4, phi' = 1: the point 0 draws the disk r < 1, the cycle r = 2 of period 2 pi everything else; on the edge r = 1 runs an
 * unstable cycle. */
static const char *const rings[] = { "-x*(x^2 + y^2 - 1)*(x^2 + y^2 - 4)/4 - y",
                                     "-y*(x^2 + y^2 - 1)*(x^2 + y^2 - 4)/4 + x" };
static void test_cycle(void **state) {
    (void)state;
    static const double box[] = { -3, 3 }, from[] = { 0.1, 0 }, to[] = { 1.9, 0.3 };
    const double pi = 3.14159265358979323846;
    sx_ctx *ctx = context(2);
    sx_model *m = texts(ctx, false, 2, rings);
    sx_basins_opts o = options();
    o.box = (sx_values){ 2, box };
    o.starts = 1500;
    o.dt = 0.02;
    o.transient = 20;
    o.window = 40;
    o.edge = (sx_edge_opts){ .from = { 2, from }, .to = { 2, to }, .rounds = 12, .given = true };
    sx_result *r = run(ctx, m, &o);
    assert_int_equal(size_of(r, "p", "fraction"), 2);
    assert_fraction(ctx, r, 0, 1 - pi / 36, 1500);
    assert_fraction(ctx, r, 1, pi / 36, 1500);
    assert_string_equal(text_of(r, "p", "kind", 0), "cycle");
    assert_string_equal(text_of(r, "p", "kind", 1), "point");
    assert_near(get(ctx, r, "p", "period", 0), 2 * pi, 1e-4);
    assert_near(hypot(get(ctx, r, "p", "state", 0), get(ctx, r, "p", "state", 1)), 2, 1e-6);
    assert_near(get(ctx, r, "p", "sd_state", 0), sqrt(2), 0.05); /* over a window that is no whole number of periods */
    assert_near(get(ctx, r, "p", "exponent", 0), 0, 0.02);       /* along the flow */
    assert_near(get(ctx, r, "p", "exponent", 1), -1, 1e-10);
    assert_near(hypot(get(ctx, r, "p", "edge_state", 0), get(ctx, r, "p", "edge_state", 1)), 1, 1e-4);
    assert_int_equal(get(ctx, r, "p", "edge_is_point", 0), 0);
    assert_near(get(ctx, r, "p", "edge_speed", 0), 0.5, 1e-3);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
    sx_ctx_free(ctx);
}

/* Van der Pol, mu = 1: the period is 6.6632868593 (Andersen and Geer, SIAM J. Appl. Math. 42 (1982) 678, series; ODE to 1e-12). */
static void test_van_der_pol(void **state) {
    (void)state;
    static const char *const text[] = { "y", "(1 - x^2)*y - x" };
    sx_ctx *ctx = context(2);
    sx_model *m = texts(ctx, false, 2, text);
    sx_basins_opts o = options();
    o.starts = 200;
    o.dt = 0.02;
    o.transient = 40;
    o.window = 60;
    sx_result *r = run(ctx, m, &o);
    assert_int_equal(size_of(r, "p", "fraction"), 1);
    assert_near(get(ctx, r, "p", "fraction", 0), 1, 0);
    assert_string_equal(text_of(r, "p", "kind", 0), "cycle");
    assert_near(get(ctx, r, "p", "period", 0), 6.6632868593, 2e-4);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
    sx_ctx_free(ctx);
}

/* Lorenz at rho = 28: one chaotic attractor with exponent 0.9056 (Sprott 2003). */
static void test_chaos(void **state) {
    (void)state;
    static const char *const text[] = { "10*(y - x)", "x*(28 - z) - y", "x*y - 8/3*z" };
    static const double box[] = { -15, 15, -15, 15, 10, 40 };
    sx_ctx *ctx = context(2);
    sx_model *m = texts(ctx, false, 3, text);
    sx_basins_opts o = options();
    o.box = (sx_values){ 6, box };
    o.starts = 32;
    o.dt = 0.01;
    o.transient = 20;
    o.window = 160;
    sx_result *r = run(ctx, m, &o);
    assert_int_equal(size_of(r, "p", "fraction"), 1);
    assert_string_equal(text_of(r, "p", "kind", 0), "chaos");
    double e = get(ctx, r, "p", "exponent", 0), se = get(ctx, r, "p", "exponent_se", 0);
    print_message("exponent %.4f +- %.4f\n", e, se);
    assert_true(fabs(e - 0.9056) < 5 * se + 0.002 && se < 0.01);
    assert_near(get(ctx, r, "p", "mean_state", 2), 23.55, 0.1); /* <z> */
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
    sx_ctx_free(ctx);
}

/* Damped Duffing oscillator, x'' = -k x' + x - x^3: nothing but the two wells at +-1, however weakly it is damped (rate k/2). The transient that is left out
 * follows from the fastest rate and is far too short for that. By symmetry each well has half of the box. */
static void test_weakly_damped(void **state) {
    (void)state;
    static const char *const damped[] = { "y", "-0.25*y + x - x^3" };
    static const double box[] = { -2, 2 };
    sx_ctx *ctx = context(2);
    sx_model *m = texts(ctx, false, 2, damped);
    sx_basins_opts o = options();
    o.starts = 160;
    o.box = (sx_values){ 2, box };
    sx_result *r = run(ctx, m, &o);
    assert_int_equal(size_of(r, "p", "fraction"), 2);
    assert_int_equal(get(ctx, r, "p", "n_unresolved", 0), 0);
    for (int k = 0; k < 2; k++) {
        assert_string_equal(text_of(r, "p", "kind", k), "point");
        assert_near(fabs(get(ctx, r, "p", "state", 2 * k)), 1, 1e-9);
        assert_near(get(ctx, r, "p", "exponent", k), -0.125, 1e-9);
        assert_fraction(ctx, r, k, 0.5, 160);
    }
    sx_result_free(ctx, r);
    o.transient = 18; /* given: nothing is repeated, and what has not arrived is neither cycle nor torus */
    o.window = 36;
    r = run(ctx, m, &o);
    assert_int_equal(size_of(r, "p", "fraction"), 2);
    assert_true(get(ctx, r, "p", "n_unresolved", 0) > 0);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
    sx_ctx_free(ctx);
}

/* Two oscillators of frequencies 1 and sqrt 2 on circles of radius 1: a torus. */
static void test_torus(void **state) {
    (void)state;
    static const char *const text[] = { "x*(1 - x^2 - y^2) - y", "y*(1 - x^2 - y^2) + x",
                                        "z*(1 - z^2 - u^2) - sqrt(2)*u", "u*(1 - z^2 - u^2) + sqrt(2)*z" };
    sx_ctx *ctx = context(2);
    sx_model *m = texts(ctx, false, 4, text);
    sx_basins_opts o = options();
    o.starts = 64;
    o.dt = 0.05;
    o.transient = 30;
    o.window = 400;
    sx_result *r = run(ctx, m, &o);
    assert_int_equal(size_of(r, "p", "fraction"), 1);
    assert_string_equal(text_of(r, "p", "kind", 0), "torus");
    assert_near(get(ctx, r, "p", "exponent", 0), 0, 0.01);
    assert_near(get(ctx, r, "p", "sd_state", 2), sqrt(0.5), 0.01);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
    sx_ctx_free(ctx);
}

/* x <- r x (1 - x). r = 3.2: the 2-cycle (r + 1 +- sqrt((r - 3)(r + 1)))/(2 r), and everything outside of [0, 1] escapes; r = 3.5: a 4-cycle; r = 4: chaos with
 * exponent ln 2. */
static void test_logistic(void **state) {
    (void)state;
    static const char *const two[] = { "3.2*x*(1 - x)" }, *const four[] = { "3.5*x*(1 - x)" },
                             *const chaotic[] = { "4*x*(1 - x)" };
    static const double wide[] = { -1, 2 }, narrow[] = { 0.05, 0.95 };
    sx_ctx *ctx = context(2);
    sx_model *m = texts(ctx, true, 1, two);
    sx_basins_opts o = options();
    o.box = (sx_values){ 2, wide };
    o.starts = 1200;
    sx_result *r = run(ctx, m, &o);
    assert_int_equal(size_of(r, "p", "fraction"), 1);
    assert_fraction(ctx, r, 0, 1.0 / 3, 1200);
    assert_string_equal(text_of(r, "p", "kind", 0), "cycle");
    assert_near(get(ctx, r, "p", "period", 0), 2, 0);
    double x = get(ctx, r, "p", "state", 0), d = sqrt(0.2 * 4.2);
    assert_true(fabs(x - (4.2 + d) / 6.4) < 1e-12 || fabs(x - (4.2 - d) / 6.4) < 1e-12);
    /* exponent: half the logarithm of the multiplier |4 + 2 r - r^2| */
    assert_near(get(ctx, r, "p", "exponent", 0), 0.5 * log(fabs(4 + 6.4 - 3.2 * 3.2)), 1e-3);
    assert_near(get(ctx, r, "p", "escaped_fraction", 0) + get(ctx, r, "p", "fraction", 0), 1, 1e-12);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);

    o.box = (sx_values){ 2, narrow };
    o.starts = 100;
    m = texts(ctx, true, 1, four);
    r = run(ctx, m, &o);
    assert_int_equal(size_of(r, "p", "fraction"), 1);
    assert_near(get(ctx, r, "p", "period", 0), 4, 0);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);

    m = texts(ctx, true, 1, chaotic);
    r = run(ctx, m, &o);
    assert_int_equal(size_of(r, "p", "fraction"), 1);
    assert_string_equal(text_of(r, "p", "kind", 0), "chaos");
    double e = get(ctx, r, "p", "exponent", 0), se = get(ctx, r, "p", "exponent_se", 0);
    print_message("exponent %.5f +- %.5f, ln 2 = %.5f\n", e, se, log(2));
    assert_true(fabs(e - log(2)) < 5 * se + 1e-4 && se < 0.01);
    assert_near(get(ctx, r, "p", "mean_state", 0), 0.5, 0.02);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
    sx_ctx_free(ctx);
}

static sx_model *noisy(sx_ctx *ctx, double tilt, double D) {
    char line[64];
    const char *text[] = { line };
    snprintf(line, sizeof line, "x - x^3 + %g", tilt);
    sx_model *bare = texts(ctx, false, 1, text), *m = NULL;
    sx_noise *noise = NULL;
    OK(ctx, sx_noise_additive(ctx, 1, (sx_values){ 1, &D }, &noise));
    OK(ctx, sx_model_with_noise(ctx, bare, noise, SX_KINETIC, &m));
    sx_noise_free(ctx, noise);
    sx_model_free(ctx, bare);
    return m;
}

/* A tilted double well at D = 0.4 for the time 60: all start in the right well; after relaxation the occupation of the basins is that of exp(-Phi/D),
 * by Simpson's rule on either side of the barrier. Correlation times are about 5. Mutant: basins_noise. */
static void test_noise(void **state) {
    (void)state;
    const double tilt = 0.1, D = 0.4;
    static const double right = 1;
    sx_ctx *ctx = context(2);
    sx_model *m = noisy(ctx, tilt, D);
    sx_basins_opts o = options();
    o.initial = (sx_initial){ .kind = SX_INITIAL_VALUES, .values = { 1, &right } };
    o.noise = 60;
    o.dt = 0.02;
    o.transient = 30;
    o.starts = 4000;
    sx_result *r = run(ctx, m, &o);
    assert_int_equal(size_of(r, "p", "fraction"), 2);
    double barrier = -0.1, mass[2] = { 0, 0 };
    for (int k = 0; k < 60; k++) barrier -= (barrier - pow(barrier, 3) + tilt) / (1 - 3 * barrier * barrier);
    for (int side = 0; side < 2; side++) {
        double a = side ? barrier : -5, b = side ? 5 : barrier;
        for (int k = 0; k <= 2000; k++) {
            double x = a + (b - a) * k / 2000, weight = k == 0 || k == 2000 ? 1 : k % 2 ? 4 : 2;
            mass[side] += weight * (b - a) * exp((x * x / 2 - pow(x, 4) / 4 + tilt * x) / D);
        }
    }
    int up = get(ctx, r, "p", "state", 0) > 0 ? 0 : 1;
    assert_fraction(ctx, r, up, mass[1] / (mass[0] + mass[1]), 4000);
    assert_int_equal(up, 0);
    sx_result_free(ctx, r);
    o.noise = 0; /* without it nobody leaves */
    r = run(ctx, m, &o);
    assert_int_equal(size_of(r, "p", "fraction"), 1);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
    sx_ctx_free(ctx);
}

static const char *const maier_stein[] = { "x - x^3 - 10*x*y^2", "-(1 + x^2)*y" };

/* Maier and Stein: the basins are the half planes, the edge state is the saddle at 0. */
static void test_slice_and_edge(void **state) {
    (void)state;
    enum { SIDE = 20 };
    static const double from[] = { -1, 0.7 }, to[] = { 1.3, 0.9 };
    sx_ctx *ctx = context(2);
    sx_model *m = texts(ctx, false, 2, maier_stein);
    sx_basins_opts o = options();
    o.starts = 40;
    o.dt = 0.02;
    o.transient = 40;
    o.slice = (sx_slice_opts){ .points = SIDE, .given = true };
    o.edge = (sx_edge_opts){ .from = { 2, from }, .to = { 2, to }, .rounds = 30, .given = true };
    sx_result *r = run(ctx, m, &o);
    assert_int_equal(size_of(r, "p", "slice_outcome"), SIDE * SIDE);
    double *picture = all_of(ctx, r, "p", "slice_outcome");
    for (int row = 0; row < SIDE; row++)
        for (int column = 0; column < SIDE; column++) {
            double x = -2 + 4.0 / (SIDE - 1) * column,
                   to_state = get(ctx, r, "p", "state", 2 * (int)picture[row * SIDE + column]);
            assert_true(x * to_state > 0);
        }
    free(picture);
    assert_near(get(ctx, r, "p", "slice_x", SIDE - 1), 2, 1e-14);
    assert_near(get(ctx, r, "p", "edge_state", 0), 0, 1e-10);
    assert_near(get(ctx, r, "p", "edge_state", 1), 0, 1e-10);
    assert_int_equal(get(ctx, r, "p", "edge_is_point", 0), 1);
    assert_int_equal(get(ctx, r, "p", "edge_n_unstable", 0), 1);
    sx_result_free(ctx, r);
    static const double near[] = { -1.2, 0.1 };
    o.edge.to = (sx_values){ 2, near };
    r = run_status(ctx, m, &o, SX_E_USAGE);
    assert_non_null(strstr(sx_ctx_message(ctx), "same attractor"));
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
    sx_ctx_free(ctx);
}

/* Too short a run is said to be too short; nothing found is an empty group. */
static void test_unresolved(void **state) {
    (void)state;
    static const char *const slow[] = { "0.01*(1 - x)" }, *const away[] = { "1 + x^2" };
    sx_ctx *ctx = context(1);
    sx_model *m = texts(ctx, false, 1, slow);
    sx_basins_opts o = options();
    o.starts = 20;
    o.dt = 0.1;
    o.transient = 5;
    o.window = 20;
    sx_result *r = run_status(ctx, m, &o, SX_NOT_CONVERGED);
    assert_int_equal(get(ctx, r, "p", "n_unresolved", 0), 20);
    assert_non_null(sx_result_attr_find(r, "p", NULL, "empty"));
    assert_int_equal(sx_result_warnings(r), 2);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
    m = texts(ctx, false, 1, away);
    r = run_status(ctx, m, &o, SX_NOT_CONVERGED);
    assert_int_equal(get(ctx, r, "p", "n_escaped", 0), 20);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
    sx_ctx_free(ctx);
}

/* -- same bits --------------------------------------------------------------------------------------------------------------- */

static sx_model *for_bits(sx_ctx *ctx) {
    return texts(ctx, false, 2, rings);
}
static void test_bits(void **state) {
    (void)state;
    static const double from[] = { 0.1, 0 }, to[] = { 1.9, 0.3 }, box[] = { -3, 3 };
    uint64_t first = 0, resumed = 0;
    sx_basins_opts o = options();
    o.box = (sx_values){ 2, box };
    o.starts = 60;
    o.dt = 0.05;
    o.transient = 20;
    o.window = 30;
    o.block_ = 8;
    o.slice = (sx_slice_opts){ .points = 5, .given = true };
    o.edge = (sx_edge_opts){ .from = { 2, from }, .to = { 2, to }, .rounds = 5, .given = true };
    for (int threads = 1; threads <= 4; threads++) {
        sx_ctx *ctx = context(threads);
        sx_model *m = for_bits(ctx);
        sx_result *r = run(ctx, m, &o);
        uint64_t h = result_hash(ctx, r);
        if (threads == 1) first = h;
        assert_int_equal(h, first);
        assert_int_equal(size_of(r, "p", "fraction"), 2);
        sx_result_free(ctx, r);
        sx_model_free(ctx, m);
        assert_int_equal(sx_ctx_bytes(ctx), 0);
        sx_ctx_free(ctx);
    }
    int stops = run_interrupted(&sx_basins_task, for_bits, &o, 3, &resumed);
    print_message("%d interruptions\n", stops);
    assert_true(stops >= 5);
    assert_int_equal(resumed, first);
}

static sx_model *two_wells(sx_ctx *ctx) {
    static const char *const text[] = { "x - x^3" };
    return texts(ctx, false, 1, text);
}
static void test_allocations(void **state) {
    (void)state;
    sx_basins_opts o = options();
    o.starts = 8;
    o.dt = 0.1;
    o.transient = 20;
    assert_true(every_allocation_fails(&sx_basins_task, two_wells, &o) > 60);
}

static void test_refusals(void **state) {
    (void)state;
    static const double three[] = { 1, 2, 3 };
    sx_ctx *ctx = context(1);
    sx_model *m = texts(ctx, false, 2, maier_stein), *map = texts(ctx, true, 2, maier_stein);
    sx_plan plan;
#define REFUSED(model, change, status, message)                                                                        \
    do {                                                                                                               \
        sx_basins_opts o = options();                                                                                  \
        change;                                                                                                        \
        assert_int_equal(sx_task_plan(ctx, &sx_basins_task, model, &o, "p", &plan), status);                           \
        if (!strstr(sx_ctx_message(ctx), message)) fail_msg("got: %s\nwant: %s", sx_ctx_message(ctx), message);        \
    } while (0)
    REFUSED(m, (o.box = (sx_values){ 3, three }), SX_E_USAGE, "basins.box: 3 numbers");
    REFUSED(m, o.noise = 1, SX_E_USAGE, "no noise");
    REFUSED(map, o.dt = 0.1, SX_E_USAGE, "basins.dt is for flows");
    REFUSED(m, o.starts = 0, SX_E_USAGE, "basins.starts = 0");
    REFUSED(m, (o.edge = (sx_edge_opts){ .from = { 3, three }, .to = { 2, three }, .rounds = 3, .given = true }),
            SX_E_USAGE, "basins.edge.from: 3 numbers for 2 units");
    REFUSED(m, (o.initial = (sx_initial){ .kind = SX_INITIAL_VALUES, .values = { 3, three } }), SX_E_USAGE,
            "basins.initial: 3 numbers for 2 units");
    static const int64_t same[] = { 1 }, far[] = { 7 };
    REFUSED(m, (o.slice = (sx_slice_opts){ .x = { 1, same }, .y = { 1, same }, .points = 4, .given = true }),
            SX_E_USAGE, "the same unit");
    REFUSED(m, (o.slice = (sx_slice_opts){ .x = { 1, far }, .points = 4, .given = true }), SX_E_USAGE, "unit 7");
    sx_model_free(ctx, m);
    sx_model_free(ctx, map);
    sx_ctx_free(ctx);
}

int main(int argc, char **argv) {
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    setvbuf(stdout, NULL, _IOLBF, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_double_well), cmocka_unit_test(test_cycle), cmocka_unit_test(test_van_der_pol),
        cmocka_unit_test(test_chaos),       cmocka_unit_test(test_torus), cmocka_unit_test(test_weakly_damped),
        cmocka_unit_test(test_logistic),    cmocka_unit_test(test_noise), cmocka_unit_test(test_slice_and_edge),
        cmocka_unit_test(test_unresolved),  cmocka_unit_test(test_bits),  cmocka_unit_test(test_allocations),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
