// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Every file of examples/zoo: loads, builds, and J u agrees with differences of F of fourth order in the step at random states. */
#include "model_checks.h"

#include <separatrix/experiment.h>

#include <glob.h>

/* Random states are centre +- width where F is smooth, h is a step small beside the scale on which F bends; elsewhere 0 +- 1, 1e-3. */
typedef struct place {
    const char *name;
    double centre, width, h;
} place;
static const place places[] = {
    { "lotka-volterra", 1.0, 0.5, 1e-3 },
    { "ring-attractor", 0.0, 0.01, 1e-5 }, /* its kink is elsewhere */
    { "wong-wang", 0.5, 0.4, 1e-4 },
    { "jansen-rit", 0.1, 0.1, 1e-5 }, /* exponentials of 42 S and of 76 y0 */
};

/* J u = (8 [F(x + h u) - F(x - h u)] - [F(x + 2 h u) - F(x - 2 h u)]) / (12 h) + O(h^4) */
static double largest_deviation(sx_ctx *ctx, const char *file, const char *name) {
    enum { B = 8 };
    sx_experiment *e = NULL;
    sx_model *m = NULL;
    if (sx_experiment_load(ctx, file, NULL, 0, &e) < 0 || sx_experiment_model(ctx, e, &m) < 0) {
        print_error("%s: %s\n", file, sx_ctx_message(ctx));
        fail();
    }
    place at = { name, 0.0, 1.0, 1e-3 };
    for (size_t k = 0; k < sizeof places / sizeof *places; ++k) {
        if (strcmp(name, places[k].name) == 0) at = places[k];
    }
    int64_t n = sx_model_n(m), count = n * B;
    double *x = numbers("x", at.centre - at.width, at.centre + at.width, count), *u = numbers("u", -1, 1, count);
    double *y = malloc((size_t)count * sizeof *y), *ju = malloc((size_t)count * sizeof *ju);
    double *f = malloc((size_t)count * sizeof *f), *sum = calloc((size_t)count, sizeof *sum);
    const double *d[1] = { u };
    const double step[] = { 1.0, -1.0, 2.0, -2.0 }, weight[] = { 8.0, -8.0, -1.0, 1.0 };
    apply_op(m, OP_JVP, 0.0, x, B, d, B, ju, NULL);
    for (int k = 0; k < 4; ++k) {
        for (int64_t i = 0; i < count; ++i) y[i] = x[i] + step[k] * at.h * u[i];
        apply_op(m, OP_F, 0.0, y, B, NULL, B, f, NULL);
        for (int64_t i = 0; i < count; ++i) sum[i] += weight[k] * f[i] / (12.0 * at.h);
    }
    double worst = 0.0;
    for (int64_t r = 0; r < B; ++r) {
        double size = 1e-3, off = 0.0;
        for (int64_t i = r; i < count; i += B) {
            size = fmax(size, fabs(ju[i]));
            off = isfinite(sum[i]) && isfinite(ju[i]) ? fmax(off, fabs(sum[i] - ju[i])) : (double)INFINITY;
        }
        worst = fmax(worst, off / size);
    }
    print_message("%-32s n = %4d, largest deviation %.2g\n", name, (int)n, worst);
    free(sum);
    free(f);
    free(ju);
    free(y);
    free(u);
    free(x);
    sx_model_free(ctx, m);
    sx_experiment_free(ctx, e);
    return worst;
}

static void test_zoo(void **state) {
    (void)state;
    glob_t files;
    assert_int_equal(glob(SX_TEST_DATA "/../../examples/zoo/*.toml", 0, NULL, &files), 0);
    assert_true(files.gl_pathc >= 25);
    int wrong = 0;
    for (size_t k = 0; k < files.gl_pathc; ++k) {
        sx_ctx *ctx = sx_ctx_create(NULL);
        char name[64];
        const char *base = strrchr(files.gl_pathv[k], '/') + 1;
        (void)snprintf(name, sizeof name, "%.*s", (int)(strlen(base) - strlen(".toml")), base);
        if (!(largest_deviation(ctx, files.gl_pathv[k], name) <= 1e-7)) ++wrong;
        sx_ctx_free(ctx);
    }
    globfree(&files);
    assert_int_equal(wrong, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_zoo) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
