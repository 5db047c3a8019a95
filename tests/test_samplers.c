// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The continuous Bernoulli law against tables computed to 15 digits (tests/data/fep/README.md), the exact stationary laws of two units under
 * three samplers (32-point Gauss-Legendre transition matrices, same source), Ising networks against enumeration, derivatives. */
#include <separatrix/separatrix.h>

#include "core/kernels.h"
#include "models/continuous_bernoulli.h"
#include "model_checks.h"

#include <stdio.h>

/* Rows of a CSV of numbers; lines with # are remarks. */
static int read_rows(const char *name, int columns, double *out, int most) {
    char path[512], line[2048];
    snprintf(path, sizeof path, "%s/fep/%s", SX_TEST_DATA, name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    int n = 0;
    while (n < most && fgets(line, sizeof line, f)) {
        if (line[0] == '#') continue;
        char *p = line;
        for (int k = 0; k < columns; k++) {
            out[n * columns + k] = strtod(p, &p);
            p += *p == ',';
        }
        n++;
    }
    fclose(f);
    return n;
}

static void near(double got, double want, double tolerance, const char *what) {
    if (fabs(got - want) <= tolerance * fabs(want) + 1e-300) return;
    print_error("%s: %.17g, want %.17g\n", what, got, want);
    fail();
}

static void law(void **state) {
    double row[64 * 5], t[2], y[2];
    (void)state;
    int n = read_rows("cb_functions.csv", 5, row, 64);
    assert_int_equal(n, 13);
    for (int i = 0; i < n; i++) {
        const double *r = row + 5 * i;
        for (int sign = 0; sign < 2; sign++) {
            t[0] = sign ? -r[0] : r[0];
            sx_langevin(0, 1, t, y);
            near(sign ? -y[0] : y[0], r[1], 1e-12, "L");
            sx_langevin(1, 1, t, y);
            near(y[0], r[3], 1e-12, "L'");
            near(sx_cb_log_partition(t[0]), r[2], 1e-12, "psi");
            near(sx_cb_entropy(t[0]), r[4], 1e-12, "entropy");
        }
    }
    /* second and third derivative, mpmath at 40 digits */
    static const double d[][3] = { { 0.5, -0.061641863000100856592, -0.10420474618816237237 },
                                   { 1.0, -0.098562980547961016516, -0.041838377152995795827 },
                                   { 3.0, -0.054046340455940593682, 0.033620961869601625662 },
                                   { -3.0, 0.054046340455940593682, 0.033620961869601625662 } };
    for (size_t i = 0; i < sizeof d / sizeof *d; i++) {
        sx_langevin(2, 1, d[i], y);
        near(y[0], d[i][1], 1e-12, "L''");
        sx_langevin(3, 1, d[i], y);
        near(y[0], d[i][2], 1e-12, "L'''");
    }
    assert_true(fabs(sx_cb_divergence(1.5, 1.5)) < 1e-15);
}

static void inverse(void **state) {
    double row[64 * 4], x[3];
    (void)state;
    static const char *const levels[] = { "x86-64", "x86-64-v3", "x86-64-v4" };
    int n = read_rows("cb_inverse_cdf.csv", 4, row, 64);
    assert_true(n >= 49);
    for (int i = 0; i < n; i++) {
        for (int l = 0; l < 3; l++) {
            const sx_kernels *k = sx_kernels_get(levels[l]);
            x[l] = x[0];
            if (k) k->continuous_bernoulli(1, &row[4 * i], &row[4 * i + 1], &x[l]);
        }
        assert_true(x[1] == x[0] && x[2] == x[0]);
        if (!(fabs(x[0] - row[4 * i + 2]) <= 1e-11 * fabs(row[4 * i + 2]) + 1e-15)) {
            print_error("t = %g, u = %g: %.17g, want %.17g\n", row[4 * i], row[4 * i + 1], x[0], row[4 * i + 2]);
            fail();
        }
    }
    /* mean and variance at theta = 2 of 10^6 draws: 0.537315, 0.173978 */
    enum { N = 1000, B = 1000 };
    double *u = calloc(N * B, sizeof *u), *t = calloc(N * B, sizeof *t), sum = 0, squares = 0;
    assert_true(u && t);
    for (int i = 0; i < N * B; i++) t[i] = 2;
    sx_uniform_fill(sx_key_seed(5), 0, SX_SLOT_USER, 0, N, B, u);
    sx_kernels_get(NULL)->continuous_bernoulli(N * B, t, u, t);
    for (int i = 0; i < N * B; i++) sum += t[i], squares += t[i] * t[i];
    double mean = sum / (N * B), variance = squares / (N * B) - mean * mean;
    assert_true(fabs(mean - 0.537314720727548) < 5 * sqrt(0.173978170161929 / (N * B)));
    assert_true(fabs(variance - 0.173978170161929) < 1.5e-3);
    free(u), free(t);
}

static sx_model *network(sx_ctx *ctx, bool ising, int sampler, double beta, int64_t n, const double *J,
                         const double *bias) {
    sx_sampler_opts o = SX_SAMPLER_OPTS;
    sx_coupling *w = NULL;
    sx_model *m = NULL;
    sx_fields_default(sx_sampler_fields, &o);
    o.struct_size = sizeof o;
    o.sampler = sampler;
    o.inverse_temperature = beta;
    o.bias = (sx_values){ n, bias };
    OK(sx_coupling_dense(ctx, n, n, J, &w));
    OK((ising ? sx_ising_create : sx_free_energy_create)(ctx, &o, w, NULL, &m));
    sx_coupling_free(ctx, w);
    return m;
}

/* Mean, and its error from 256 independent replicas, of s_1, s_2 and s_1 s_2 over `steps` steps after 50. */
static void moments(sx_ctx *ctx, sx_model *m, int steps, double mean[3], double se[3]) {
    enum { R = 256 };
    sx_stepper *s = NULL;
    double x[2 * R] = { 0 }, sum[3][R] = { { 0 } }, *p = NULL;
    OK(sx_stepper_create(ctx, m, SX_METHOD_AUTO, 1, 1e-6, 1e-9, &s));
    sx_work w = { .doubles = sx_stepper_work(s, R) };
    OK(sx_alloc(ctx, w.doubles, sizeof *p, &p));
    w.p = p;
    for (int k = 0; k < 50 + steps; k++) {
        OK(sx_stepper_advance(ctx, s, sx_key_seed(77), 0, k, 1, 0, (sx_batch){ x, 2, R }, w));
        for (int r = 0; r < R && k >= 50; r++) {
            sum[0][r] += x[r];
            sum[1][r] += x[R + r];
            sum[2][r] += x[r] * x[R + r];
        }
    }
    for (int q = 0; q < 3; q++) {
        double a = 0, b = 0;
        for (int r = 0; r < R; r++) a += sum[q][r] / steps;
        a /= R;
        for (int r = 0; r < R; r++) b += (sum[q][r] / steps - a) * (sum[q][r] / steps - a);
        mean[q] = a;
        se[q] = sqrt(b / (R - 1) / R);
    }
    sx_free(ctx, p);
    sx_stepper_free(ctx, s);
    sx_model_free(ctx, m);
}

/* Columns: Js, Ja, 4 distances, Boltzmann m1 m2 m12, random Gibbs, sweep, sync. Every row is a test of each sampler. */
static void stationary(void **state) {
    sx_ctx *ctx = *state;
    double row[16 * 18], mean[3], se[3];
    static const double bias[2] = { 0.5, -0.3 };
    static const int column[] = { 15, 12, 9 }; /* sync, sweep, random */
    int n = read_rows("stationary_N2.csv", 18, row, 16);
    assert_true(n >= 6);
    for (int i = 0; i < n; i++) {
        const double *r = row + 18 * i, J[4] = { 0, r[0] + r[1], r[0] - r[1], 0 };
        for (int sampler = SX_SAMPLER_SYNC; sampler <= SX_SAMPLER_GIBBS_RANDOM; sampler++) {
            moments(ctx, network(ctx, false, sampler, 1, 2, J, bias), 1000, mean, se);
            for (int q = 0; q < 3; q++) {
                /* the error of 256 replicas is itself known to 4 %: |z| <= 5 */
                double z = (mean[q] - r[column[sampler] + q]) / se[q];
                if (!(fabs(z) <= 5))
                    print_error("Js = %g, Ja = %g, sampler %d, moment %d: %g, want %g, z = %g\n", r[0], r[1], sampler,
                                q, mean[q], r[column[sampler] + q], z);
                assert_true(fabs(z) <= 5);
            }
        }
    }
}

/* Two spins by enumeration: exp(-beta E) for Gibbs updates, exp(beta b.s) prod cosh for the synchronous one (Peretto). */
static void spins(void **state) {
    sx_ctx *ctx = *state;
    static const double bias[2] = { 0.4, -0.2 }, J[4] = { 0, 0.8, 0.8, 0 };
    const double beta = 0.9;
    for (int sampler = SX_SAMPLER_SYNC; sampler <= SX_SAMPLER_GIBBS_RANDOM; sampler++) {
        double Z = 0, want[3] = { 0 }, mean[3], se[3];
        for (int a = -1; a <= 1; a += 2)
            for (int b = -1; b <= 1; b += 2) {
                double h = bias[0] * a + bias[1] * b, p = exp(beta * (h + J[1] * a * b));
                if (sampler == SX_SAMPLER_SYNC)
                    p = exp(beta * h) * cosh(beta * (bias[0] + J[1] * b)) * cosh(beta * (bias[1] + J[1] * a));
                Z += p;
                want[0] += a * p;
                want[1] += b * p;
                want[2] += a * b * p;
            }
        moments(ctx, network(ctx, true, sampler, beta, 2, J, bias), 1000, mean, se);
        for (int q = 0; q < 3; q++) assert_true(fabs(mean[q] - want[q] / Z) <= 5 * se[q]);
    }
}

static void derivatives(void **state) {
    sx_ctx *ctx = *state;
    enum { N = 5 };
    double J[N * N], bias[N] = { 0.3, -0.1, 0.5, 0, -1 };
    for (int i = 0; i < N * N; i++) J[i] = i % (N + 1) ? sin(i) : 0;
    for (int ising = 0; ising < 2; ising++) {
        sx_model *m = network(ctx, ising, SX_SAMPLER_DETERMINISTIC, 0.7, N, J, bias);
        assert_int_equal(sx_model_kind(m), SX_MAP);
        check_model(ctx, ising ? "ising" : "free-energy", m, 0, 1, 1e-3);
        sx_model_free(ctx, m);
    }
}

/* E = -b.s - s.J s / 2 and its gradient against its definition. */
static void energy(void **state) {
    sx_ctx *ctx = *state;
    enum { N = 3 };
    static const double J[N * N] = { 0, 1, -2, 0.5, 0, 0.25, 3, -1, 0 }, bias[N] = { 0.5, -1, 2 };
    double s[N] = { 0.2, -0.7, 0.9 }, E = 0, got, g[N], p[256];
    sx_model *m = network(ctx, false, SX_SAMPLER_SYNC, 1, N, J, bias);
    sx_work w = { .p = p, .doubles = 256 };
    for (int i = 0; i < N; i++) {
        E -= bias[i] * s[i];
        for (int j = 0; j < N; j++) E -= 0.5 * s[i] * J[i * N + j] * s[j];
    }
    sx_model_operations(m)->potential(sx_model_self(m), 0, (sx_cbatch){ s, N, 1 }, &got, w);
    near(got, E, 1e-14, "E");
    sx_model_operations(m)->gradient(sx_model_self(m), 0, (sx_cbatch){ s, N, 1 }, (sx_batch){ g, N, 1 }, w);
    for (int i = 0; i < N; i++) {
        double want = -bias[i];
        for (int j = 0; j < N; j++) want -= 0.5 * (J[i * N + j] + J[j * N + i]) * s[j];
        near(g[i], want, 1e-14, "grad E");
    }
    sx_model_free(ctx, m);
}

static void refusals(void **state) {
    sx_ctx *ctx = *state;
    static const double J[4] = { 0, 1, 1, 0.5 };
    sx_sampler_opts o = SX_SAMPLER_OPTS;
    sx_coupling *w = NULL;
    sx_model *m = NULL;
    sx_fields_default(sx_sampler_fields, &o);
    o.struct_size = sizeof o;
    assert_int_equal(sx_ising_create(ctx, &o, NULL, NULL, &m), SX_E_USAGE);
    assert_non_null(strstr(sx_ctx_message(ctx), "model.n is missing"));
    sx_ctx_clear(ctx);
    OK(sx_coupling_dense(ctx, 2, 2, J, &w));
    assert_int_equal(sx_ising_create(ctx, &o, w, NULL, &m), SX_E_USAGE);
    assert_non_null(strstr(sx_ctx_message(ctx), "J[1][1] = 0.5: want a zero diagonal"));
    sx_ctx_clear(ctx);
    o.n = 3;
    assert_int_equal(sx_ising_create(ctx, &o, w, NULL, &m), SX_E_USAGE);
    sx_ctx_clear(ctx);
    assert_null(m);
    sx_coupling_free(ctx, w);
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
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(law),         cmocka_unit_test(inverse), cmocka_unit_test(stationary), cmocka_unit_test(spins),
        cmocka_unit_test(derivatives), cmocka_unit_test(energy),  cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
