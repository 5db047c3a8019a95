// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The task `orbits`: closed forms, the literature, SciPy; symmetric pairs; what is no orbit; the same bits for any workers and after interruptions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <separatrix/orbits.h>
#include <separatrix/separatrix.h>

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OK(ctx, call)                                                                                                  \
    do {                                                                                                               \
        if ((call) < 0) fail_msg("%s\n%s", sx_ctx_message(ctx), sx_ctx_trace(ctx));                                    \
    } while (0)
#define NEAR(value, want, tolerance)                                                                                   \
    do {                                                                                                               \
        double value_ = (value), want_ = (want), tolerance_ = (tolerance);                                             \
        if (!(fabs(value_ - want_) <= tolerance_))                                                                     \
            fail_msg("%s = %.17g, want %.17g +- %g", #value, value_, want_, tolerance_);                               \
    } while (0)

static const double pi = 3.14159265358979323846;

/* -- models: f(x) and its derivative as a dense matrix ---------------------------------------------------------------------------- */

enum { MOST = 8 };
typedef struct system {
    int n;
    sx_kind kind;
    void (*f)(const double *p, const double *x, double *out);
    void (*df)(const double *p, const double *x, double *J);
    double p[4];
    bool driven;
} system_;

static int64_t work(const void *self, sx_op op, int64_t b) {
    (void)self, (void)op, (void)b;
    return 0;
}
static void column(const system_ *s, sx_cbatch x, int64_t r, double *out) {
    for (int u = 0; u < s->n; u++) out[u] = x.x[x.b == 1 ? u : u * x.b + r];
}
static void F(const void *self, double t, sx_cbatch x, sx_batch out, sx_work w) {
    const system_ *s = self;
    double y[MOST], f[MOST];
    (void)w;
    for (int64_t r = 0; r < x.b; r++) {
        column(s, x, r, y);
        s->f(s->p, y, f);
        for (int u = 0; u < s->n; u++) out.x[u * x.b + r] = f[u] + (s->driven ? sin(t) : 0);
    }
}
static void product(const system_ *s, sx_cbatch x, sx_cbatch v, sx_batch out, bool transposed) {
    double y[MOST], J[MOST * MOST];
    for (int64_t r = 0; r < v.b; r++) {
        column(s, x, r, y);
        s->df(s->p, y, J);
        for (int u = 0; u < s->n; u++) {
            double sum = 0;
            for (int k = 0; k < s->n; k++) sum += (transposed ? J[k * s->n + u] : J[u * s->n + k]) * v.x[k * v.b + r];
            out.x[u * v.b + r] = sum;
        }
    }
}
static void jvp(const void *self, double t, sx_cbatch x, sx_cbatch u, sx_batch out, sx_work w) {
    (void)t, (void)w;
    product(self, x, u, out, false);
}
static void vjp(const void *self, double t, sx_cbatch x, sx_cbatch u, sx_batch out, sx_work w) {
    (void)t, (void)w;
    product(self, x, u, out, true);
}
static const sx_model_ops ops = { .abi = SX_MODEL_ABI,
                                  .struct_size = sizeof(sx_model_ops),
                                  .name = "test",
                                  .work = work,
                                  .F = F,
                                  .jvp = jvp,
                                  .vjp = vjp };

static sx_model *make(sx_ctx *ctx, const system_ *s) {
    sx_state_array array = { "x", "unit", s->n, NULL };
    sx_model_desc d = SX_MODEL_DESC;
    sx_model *m = NULL;
    d.ops = &ops;
    d.self = (void *)(uintptr_t)s;
    d.kind = s->kind;
    d.layout = (sx_layout){ s->n, 1, &array };
    d.block = 8;
    d.panel = s->n;
    d.flops = 10;
    d.equation = "test";
    OK(ctx, sx_model_create(ctx, &d, &m));
    return m;
}

static sx_orbits_opts options(void) {
    sx_orbits_opts o = SX_ORBITS_OPTS;
    sx_fields_default(sx_orbits_fields, &o);
    o.struct_size = sizeof o;
    return o;
}
static sx_ctx *context(int threads) {
    sx_host host = { .struct_size = sizeof host, .threads = threads };
    return sx_ctx_create(&host);
}
static sx_result *run(sx_ctx *ctx, const sx_model *m, const sx_orbits_opts *o, sx_status want) {
    sx_result *r = NULL;
    OK(ctx, sx_result_create(ctx, NULL, &r));
    sx_status s = sx_task_run(ctx, &sx_orbits_task, m, o, sx_key_seed(3), "orbits", NULL, r);
    OK(ctx, s);
    assert_int_equal(s, want);
    return r;
}
static double *all(sx_ctx *ctx, const sx_result *r, const char *name, int64_t *count) {
    int id = sx_result_find(r, "orbits", name);
    int64_t shape[8], size = 1;
    const char *dims[8];
    if (id < 0) fail_msg("no variable %s", name);
    for (int i = 0, nd = sx_result_shape(r, id, shape, dims); i < nd; i++) size *= shape[i];
    double *v = malloc(sizeof(double) * (size_t)(size + 1));
    OK(ctx, sx_result_read(ctx, r, id, NULL, NULL, v));
    if (count) *count = size;
    return v;
}
static double get(sx_ctx *ctx, const sx_result *r, const char *name, int64_t k) {
    double *v = all(ctx, r, name, NULL), x = v[k];
    free(v);
    return x;
}

static void stuart_landau(const double *p, const double *x, double *f) { /* mu, omega */
    double g = p[0] - x[0] * x[0] - x[1] * x[1];
    f[0] = g * x[0] - p[1] * x[1];
    f[1] = g * x[1] + p[1] * x[0];
}
static void d_stuart_landau(const double *p, const double *x, double *J) {
    double g = p[0] - x[0] * x[0] - x[1] * x[1];
    J[0] = g - 2 * x[0] * x[0];
    J[1] = -2 * x[0] * x[1] - p[1];
    J[2] = -2 * x[0] * x[1] + p[1];
    J[3] = g - 2 * x[1] * x[1];
}
static void van_der_pol(const double *p, const double *x, double *f) {
    f[0] = x[1];
    f[1] = p[0] * (1 - x[0] * x[0]) * x[1] - x[0];
}
static void d_van_der_pol(const double *p, const double *x, double *J) {
    J[0] = 0, J[1] = 1;
    J[2] = -2 * p[0] * x[0] * x[1] - 1;
    J[3] = p[0] * (1 - x[0] * x[0]);
}
static void nagumo(const double *p, const double *x, double *f) {
    (void)p;
    f[0] = x[0] - x[0] * x[0] * x[0] / 3 - x[1] + 0.5;
    f[1] = (x[0] + 0.7 - 0.8 * x[1]) / 12.5;
}
static void d_nagumo(const double *p, const double *x, double *J) {
    (void)p;
    J[0] = 1 - x[0] * x[0], J[1] = -1;
    J[2] = 1 / 12.5, J[3] = -0.8 / 12.5;
}
enum { RING = 5 };
static double ring_weight(int i, int j) {
    return j == (i + RING - 1) % RING ? -2.0 - 0.2 * i : j == (i + 1) % RING ? 0.5 : 0;
}
static void ring(const double *p, const double *x, double *f) {
    (void)p;
    for (int i = 0; i < RING; i++) {
        f[i] = -x[i];
        for (int j = 0; j < RING; j++) f[i] += ring_weight(i, j) * tanh(x[j]);
    }
}
static void d_ring(const double *p, const double *x, double *J) {
    (void)p;
    for (int i = 0; i < RING; i++)
        for (int j = 0; j < RING; j++) J[i * RING + j] = -(i == j) + ring_weight(i, j) * (1 - tanh(x[j]) * tanh(x[j]));
}
static void lorenz(const double *p, const double *x, double *f) {
    (void)p;
    f[0] = 10 * (x[1] - x[0]);
    f[1] = x[0] * (28 - x[2]) - x[1];
    f[2] = x[0] * x[1] - 8.0 / 3 * x[2];
}
static void d_lorenz(const double *p, const double *x, double *J) {
    (void)p;
    J[0] = -10, J[1] = 10, J[2] = 0;
    J[3] = 28 - x[2], J[4] = -1, J[5] = -x[0];
    J[6] = x[1], J[7] = x[0], J[8] = -8.0 / 3;
}
static void henon(const double *p, const double *x, double *f) { /* a, b */
    f[0] = 1 - p[0] * x[0] * x[0] + x[1];
    f[1] = p[1] * x[0];
}
static void d_henon(const double *p, const double *x, double *J) {
    J[0] = -2 * p[0] * x[0], J[1] = 1;
    J[2] = p[1], J[3] = 0;
}
static void well(const double *p, const double *x, double *f) { /* settles at +-1 */
    (void)p;
    f[0] = x[0] - x[0] * x[0] * x[0];
    f[1] = -x[1];
}
static void d_well(const double *p, const double *x, double *J) {
    (void)p;
    J[0] = 1 - 3 * x[0] * x[0], J[1] = J[2] = 0, J[3] = -1;
}

/* -- flows ---------------------------------------------------------------------------------------------------------------------- */

/* Stuart-Landau: circle of radius sqrt(mu), period 2 pi/omega, multipliers 1 and exp(-2 mu 2 pi/omega), from one in ten to 1e-22. Phase 0 is the
 * maximum of the first unit; 64 phases on the circle. */
static void test_stuart_landau(void **state) {
    (void)state;
    sx_ctx *ctx = context(1);
    static const double mu[] = { 0.05, 1, 4 }, omega[] = { -0.3, 1, 1 };
    for (int k = 0; k < 3; k++) {
        system_ s = { 2, SX_FLOW, stuart_landau, d_stuart_landau, { mu[k], omega[k] }, false };
        sx_model *m = make(ctx, &s);
        sx_orbits_opts o = options();
        o.random = 2;
        o.transient = 100;
        o.duration = 100;
        sx_result *r = run(ctx, m, &o, SX_OK);
        double T = 2 * pi / fabs(omega[k]), multiplier = exp(-2 * mu[k] * T), *x = all(ctx, r, "x", NULL);
        NEAR(get(ctx, r, "n_orbit", 0), 1, 0);
        NEAR(get(ctx, r, "period", 0), T, 1e-10 * T);
        NEAR(get(ctx, r, "multiplier", 0), 1, 1e-9);
        NEAR(get(ctx, r, "multiplier", 2), multiplier, 1e-8 * multiplier);
        NEAR(get(ctx, r, "multiplier", 3), 0, 0);
        NEAR(get(ctx, r, "stable", 0), 1, 0);
        assert_true(get(ctx, r, "residual", 0) < 1e-12 && get(ctx, r, "trivial_error", 0) < 1e-9);
        for (int i = 0; i < 64; i++) {
            double phi = 2 * pi * i / 64 * (omega[k] < 0 ? -1 : 1);
            NEAR(x[2 * i], sqrt(mu[k]) * cos(phi), 1e-9);
            NEAR(x[2 * i + 1], sqrt(mu[k]) * sin(phi), 1e-9);
        }
        free(x);
        sx_result_free(ctx, r);
        sx_model_free(ctx, m);
    }
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* van der Pol, mu = 1: period 6.6632868593231 and amplitude 2.00861986087 (P. Amore, J. P. Boyd, F. M. Fernandez, J. Math. Phys. 59 (2018) 012702); its
 * multiplier, and all of FitzHugh-Nagumo and of a ring of five tanh units, from SciPy (solve_ivp, DOP853, rtol 1e-13: events, the variational equation, and
 * Liouville's formula for the smallest multiplier). */
static void test_scipy(void **state) {
    (void)state;
    sx_ctx *ctx = context(2);
    system_ s = { 2, SX_FLOW, van_der_pol, d_van_der_pol, { 1 }, false };
    sx_model *m = make(ctx, &s);
    sx_orbits_opts o = options();
    o.random = 2;
    sx_result *r = run(ctx, m, &o, SX_OK); /* times chosen by itself */
    NEAR(get(ctx, r, "n_orbit", 0), 1, 0);
    NEAR(get(ctx, r, "period", 0), 6.6632868593231, 1e-11);
    NEAR(get(ctx, r, "multiplier", 2), 0.00085969506360, 1e-12);
    double *x = all(ctx, r, "x", NULL), top = 0;
    for (int k = 0; k < 64; k++) top = fmax(top, fabs(x[2 * k]));
    NEAR(top, 2.00861986087, 2e-3); /* the maximum of x is not that of the widest unit, y */
    free(x);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);

    s = (system_){ 2, SX_FLOW, nagumo, d_nagumo, { 0 }, false };
    m = make(ctx, &s);
    r = run(ctx, m, &o, SX_OK);
    NEAR(get(ctx, r, "period", 0), 39.47441498, 1e-8);
    NEAR(get(ctx, r, "x", 0), 1.85211747, 1e-8); /* at the maximum of v */
    NEAR(get(ctx, r, "x", 1), 0.23432046, 1e-8);
    NEAR(get(ctx, r, "multiplier", 2), 2.29947903e-17, 1e-23);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);

    s = (system_){ RING, SX_FLOW, ring, d_ring, { 0 }, false };
    m = make(ctx, &s);
    r = run(ctx, m, &o, SX_OK);
    static const double multiplier[RING] = { 1, 3.765963463283659e-2, 9.809037677434612e-4, 7.730433445092572e-4,
                                             7.104969425378913e-5 };
    NEAR(get(ctx, r, "n_orbit", 0), 1, 0);
    NEAR(get(ctx, r, "period", 0), 5.3847018202706, 1e-11);
    for (int k = 0; k < RING; k++) NEAR(get(ctx, r, "multiplier", 2 * k), multiplier[k], 1e-10);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* Lorenz at the classical parameters: unstable cycles out of chaos. The shortest is AB, T = 1.5586522107161747 (D. Viswanath, Nonlinearity 16 (2003) 1035, table 1); the
 * next are AAB and its mirror image ABB, T = 2.3059072639398. The product of the multipliers is exp(-(10 + 1 + 8/3) T) (Liouville). */
static void test_lorenz(void **state) {
    (void)state;
    sx_ctx *ctx = context(2);
    system_ s = { 3, SX_FLOW, lorenz, d_lorenz, { 0 }, false };
    sx_model *m = make(ctx, &s);
    sx_orbits_opts o = options();
    o.random = 2;
    o.spread = 10;
    o.transient = 20;
    o.duration = 400;
    o.samples = 20000;
    o.recurrences = 100;
    o.period_max = 2.5;
    sx_result *r = run(ctx, m, &o, SX_OK);
    int64_t count;
    double *T = all(ctx, r, "period", &count), *mu = all(ctx, r, "multiplier", NULL), *x = all(ctx, r, "x", NULL);
    for (int64_t k = 0; k < count; k++) {
        double *q = mu + 6 * k, volume = q[0] * q[2] * q[4], want = exp(-(11 + 8.0 / 3) * T[k]);
        print_message("T = %.13f, multipliers %.8g %.8g %.8g, hits %g\n", T[k], q[0], q[2], q[4],
                      get(ctx, r, "hits", k));
        NEAR(volume, want, 1e-5 * want);
        NEAR(get(ctx, r, "n_unstable", k), 1, 0);
        NEAR(get(ctx, r, "stable", k), 0, 0);
        assert_true(fabs(q[0]) > 2 && fabs(q[2] - 1) < 1e-6);
    }
    assert_int_equal(count, 3);
    NEAR(T[0], 1.5586522107161747, 1e-10);
    NEAR(T[1], 2.3059072639398, 1e-10);
    NEAR(T[2], 2.3059072639398, 1e-10);
    NEAR(mu[6], mu[12], 1e-6); /* mirror images */
    assert_true(fabs(x[64 * 3 * 1] - x[64 * 3 * 2]) > 0.1);
    free(T), free(mu), free(x);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* -- maps ----------------------------------------------------------------------------------------------------------------------- */

/* Henon, a = 1.4, b = 0.3. Period 2: x1 + x2 = (1 - b)/a, x1 x2 = ((1 - b)^2 - a)/a^2; M has determinant b^2 and trace 4 a^2 x1 x2 + 2 b. Cycles of
 * periods 1 to 7 on the attractor: 1, 1, 0, 1, 0, 2, 4 (O. Biham, W. Wenzel, Phys. Rev. Lett. 63 (1989) 819; the second fixed point is not on it). */
static void test_henon(void **state) {
    (void)state;
    sx_ctx *ctx = context(2);
    double a = 1.4, b = 0.3;
    system_ s = { 2, SX_MAP, henon, d_henon, { a, b }, false };
    sx_model *m = make(ctx, &s);
    sx_orbits_opts o = options();
    o.random = 1;
    o.spread = 0.1;
    o.duration = 4000;
    o.recurrences = 60;
    o.period_max = 7;
    sx_result *r = run(ctx, m, &o, SX_OK);
    int64_t count, of[8] = { 0 };
    double *T = all(ctx, r, "period", &count), *mu = all(ctx, r, "multiplier", NULL), *x = all(ctx, r, "x", NULL);
    for (int64_t k = 0; k < count; k++) {
        int64_t p = (int64_t)T[k];
        double *q = mu + 4 * k, *y = x + k * 7 * 2;
        of[p]++;
        NEAR(q[0] * q[2] - q[1] * q[3], pow(-b, (double)p), 1e-9);
        for (int64_t i = 0; i < p; i++) { /* it is a cycle, from the largest x on */
            double next = 1 - a * y[2 * i] * y[2 * i] + y[2 * i + 1];
            NEAR(next, y[(i + 1) % p * 2], 1e-12);
            assert_true(y[2 * i] <= y[0]);
        }
        for (int64_t i = 2 * p; i < 14; i++) assert_true(isnan(y[i]));
    }
    static const int64_t want[8] = { 0, 1, 1, 0, 1, 0, 2, 4 };
    for (int p = 1; p < 8; p++) assert_int_equal(of[p], want[p]);
    double one = (-(1 - b) + sqrt((1 - b) * (1 - b) + 4 * a)) / (2 * a), sum = (1 - b) / a,
           product_ = ((1 - b) * (1 - b) - a) / (a * a), root = sqrt(sum * sum / 4 - product_),
           trace = 4 * a * a * product_ + 2 * b;
    NEAR(x[0], one, 1e-13);
    NEAR(x[14], sum / 2 + root, 1e-13);
    NEAR(x[16], sum / 2 - root, 1e-13);
    NEAR(mu[4], trace / 2 - sqrt(trace * trace / 4 - b * b), 1e-11);
    NEAR(mu[6], trace / 2 + sqrt(trace * trace / 4 - b * b), 1e-11);
    NEAR(get(ctx, r, "n_unstable", 1), 1, 0);
    free(T), free(mu), free(x);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
    /* a = 1: the 4-cycle attracts; a = 0.9: the 2-cycle */
    s.p[0] = 1;
    m = make(ctx, &s);
    o = options();
    o.random = 3;
    o.spread = 0.1;
    r = run(ctx, m, &o, SX_OK);
    NEAR(get(ctx, r, "n_orbit", 0), 1, 0);
    NEAR(get(ctx, r, "period", 0), 4, 0);
    NEAR(get(ctx, r, "stable", 0), 1, 0);
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* -- none, and refusals --------------------------------------------------------------------------------------------------------- */

static void refused(sx_ctx *ctx, const sx_model *m, const sx_orbits_opts *o, sx_status want, const char *words) {
    sx_plan plan;
    sx_status s = sx_task_plan(ctx, &sx_orbits_task, m, o, "orbits", &plan);
    if (s != want || !strstr(sx_ctx_message(ctx), words))
        fail_msg("status %d, want %d and '%s': %s", s, want, words, sx_ctx_message(ctx));
    sx_ctx_clear(ctx);
}

static void test_none(void **state) {
    (void)state;
    sx_ctx *ctx = context(1);
    system_ s = { 2, SX_FLOW, well, d_well, { 0 }, false };
    sx_model *m = make(ctx, &s);
    sx_orbits_opts o = options();
    o.random = 3;
    sx_result *r = run(ctx, m, &o, SX_NOT_CONVERGED);
    NEAR(get(ctx, r, "n_orbit", 0), 0, 0);
    assert_string_equal(sx_result_attr_find(r, "orbits", NULL, "empty"),
                        "no trajectory came back to where it had been");
    assert_int_equal(sx_result_warnings(r), 1);
    sx_result_free(ctx, r);
    o.period_min = 10;
    o.period_max = 5;
    refused(ctx, m, &o, SX_E_USAGE, "period_min = 10: want at most period_max = 5");
    o = options();
    o.random = 0;
    refused(ctx, m, &o, SX_E_USAGE, "no start");
    o = options();
    o.samples = 3;
    refused(ctx, m, &o, SX_E_USAGE, "orbits.samples = 3");
    o = options();
    o.segments = 1000;
    sx_model_free(ctx, m);
    s.driven = true;
    m = make(ctx, &s);
    o = options();
    refused(ctx, m, &o, SX_E_UNSUPPORTED, "driven by an input");
    sx_model_free(ctx, m);
    /* the Henon map from far away runs off; from nearby it does not */
    system_ h = { 2, SX_MAP, henon, d_henon, { 0.9, 0.3 }, false };
    double x[4] = { 100, 0, 0.1, 0.1 };
    m = make(ctx, &h);
    o = options();
    o.start = (sx_points){ .n = 2, .size = 2, .x = x };
    r = run(ctx, m, &o, SX_OK);
    NEAR(get(ctx, r, "n_orbit", 0), 1, 0);
    NEAR(get(ctx, r, "period", 0), 2, 0);
    assert_int_equal(sx_result_warnings(r), 1);
    assert_non_null(strstr(sx_result_warning(r, 0, NULL), "1 of 2 trajectories ran away"));
    sx_result_free(ctx, r);
    o.period_max = 3000;
    refused(ctx, m, &o, SX_E_USAGE, "periods up to 1000");
    sx_model_free(ctx, m);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* -- the same bits -------------------------------------------------------------------------------------------------------------- */

typedef struct interrupt {
    int polls, limit;
} interrupt;
static bool cancelled(void *user) {
    interrupt *i = user;
    return __atomic_add_fetch(&i->polls, 1, __ATOMIC_RELAXED) > i->limit;
}

static uint64_t bits(sx_ctx *ctx, const sx_result *r) {
    static const char *const names[] = { "x",    "period",     "multiplier",    "residual",
                                         "hits", "n_unstable", "trivial_error", "n_recurrence" };
    uint64_t h = 0;
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        int64_t size;
        double *v = all(ctx, r, names[k], &size);
        for (int64_t i = 0; i < size; i++) {
            uint64_t u;
            memcpy(&u, &v[i], sizeof u);
            h = (h ^ u) * UINT64_C(0x9e3779b97f4a7c15);
            h ^= h >> 29;
        }
        free(v);
    }
    return h;
}

static void test_bits(void **state) {
    (void)state;
    system_ s = { 2, SX_FLOW, van_der_pol, d_van_der_pol, { 2 }, false };
    sx_orbits_opts o = options();
    o.random = 5;
    o.transient = 20;
    o.duration = 60;
    o.samples = 1500;
    uint64_t first = 0;
    for (int threads = 1; threads <= 3; threads++) {
        sx_ctx *ctx = context(threads);
        sx_model *m = make(ctx, &s);
        sx_result *r = run(ctx, m, &o, SX_OK);
        uint64_t h = bits(ctx, r);
        if (threads == 1) first = h;
        assert_true(h == first);
        sx_result_free(ctx, r);
        sx_model_free(ctx, m);
        sx_ctx_free(ctx);
    }
    char dir[] = "/tmp/sx-orbits-XXXXXX";
    assert_non_null(mkdtemp(dir));
    int stops = 0;
    for (sx_status status = SX_STOPPED; status != SX_OK; stops += status != SX_OK) {
        interrupt stop = { 0, 15 + stops % 7 };
        sx_host host = { .struct_size = sizeof host, .threads = 1 + stops % 2, .user = &stop, .cancelled = cancelled };
        sx_ctx *ctx = sx_ctx_create(&host);
        sx_model *m = make(ctx, &s);
        sx_result *r = NULL;
        OK(ctx, sx_result_create(ctx, NULL, &r));
        sx_checkpoints c = { .struct_size = sizeof c, .directory = dir, .hash = 7, .resume = true, .interval = 0 };
        status = sx_task_run(ctx, &sx_orbits_task, m, &o, sx_key_seed(3), "orbits", &c, r);
        OK(ctx, status);
        if (status == SX_OK) assert_true(bits(ctx, r) == first);
        sx_result_free(ctx, r);
        sx_model_free(ctx, m);
        assert_int_equal(sx_ctx_bytes(ctx), 0);
        sx_ctx_free(ctx);
        assert_true(stops < 1000);
    }
    print_message("%d interruptions\n", stops);
    assert_true(stops >= 5);
    DIR *d = opendir(dir);
    char path[512];
    for (struct dirent *e; (e = readdir(d));) {
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        if (e->d_name[0] != '.') unlink(path);
    }
    closedir(d);
    rmdir(dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stuart_landau), cmocka_unit_test(test_scipy), cmocka_unit_test(test_lorenz),
        cmocka_unit_test(test_henon),         cmocka_unit_test(test_none),  cmocka_unit_test(test_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
