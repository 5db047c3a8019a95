// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Tasks that begin where earlier ones ended. Exact relations only: without noise two runs of T are one run of 2T bit for bit, and the
 * trajectories of x' = x - x^3 end at -1 and 1. */
#include <separatrix/experiment.h>
#include <separatrix/separatrix.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define WELL                                                                                                           \
    "[model]\nkind = \"equations\"\nstate = [\"x\", \"y\"]\n"                                                          \
    "[model.equations]\nx = \"x - x^3\"\ny = \"-y\"\n"
#define ARRAYS                                                                                                         \
    "[model]\nkind = \"equations\"\nindex = { i = 2 }\nstate = { u = \"i\", v = \"i\" }\n"                             \
    "[model.equations]\nu = \"u[i] - u[i]^3 - 0.5*v[i]\"\nv = \"0.2*u[i] - 0.1*v[i]\"\n"
#define FIRST                                                                                                          \
    "[[task]]\nname = \"a\"\ndo = \"simulate\"\nmethod = \"rk4\"\ndt = 0.0625\nduration = 16.0\nreplicas = 3\n"        \
    "initial = [[-0.5, 0.1], [0.5, 0.2], [2.0, 0.3]]\nrecord = { every = 4.0 }\n"
#define NEXT(name, rest)                                                                                               \
    "[[task]]\nname = \"" name "\"\ndo = \"simulate\"\nmethod = \"rk4\"\ndt = 0.0625\nduration = 16.0\n" rest

static sx_result *run(sx_ctx *ctx, const char *text, sx_status want) {
    sx_experiment *e = NULL;
    sx_result *r = NULL;
    sx_status status = sx_experiment_parse(ctx, "t.toml", ".", text, strlen(text), NULL, 0, &e);
    if (status == SX_OK) status = sx_experiment_result(ctx, e, &r);
    if (status != want) print_error("%s\n", sx_ctx_message(ctx));
    assert_int_equal(status, want);
    sx_experiment_free(ctx, e);
    return r;
}

static void final(sx_ctx *ctx, const sx_result *r, const char *group, double *out) {
    int id = sx_result_find(r, group, "x_final");
    assert_true(id >= 0);
    assert_int_equal(sx_result_read(ctx, r, id, NULL, NULL, out), SX_OK);
}

static void test_final(void **state) {
    double once[6], twice[6], second[6];
    (void)state;
    sx_ctx *ctx = sx_ctx_create(NULL);
    sx_result *r = run(ctx, WELL FIRST NEXT("b", "replicas = 3\ninitial = { task = \"a\" }\n"), SX_OK);
    sx_result *s = run(ctx,
                       WELL "[[task]]\nname = \"a\"\ndo = \"simulate\"\nmethod = \"rk4\"\ndt = 0.0625\n"
                            "duration = 32.0\nreplicas = 3\ninitial = [[-0.5, 0.1], [0.5, 0.2], [2.0, 0.3]]\n",
                       SX_OK);
    final(ctx, r, "a", once);
    final(ctx, r, "b", second);
    final(ctx, s, "a", twice);
    assert_memory_equal(second, twice, sizeof twice);
    assert_true(memcmp(once, twice, sizeof twice) != 0); /* y has gone on decaying */
    sx_result_free(ctx, r);
    sx_result_free(ctx, s);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

static void test_choice(void **state) {
    double first[6], x[8], recorded[30];
    (void)state;
    sx_ctx *ctx = sx_ctx_create(NULL);
    sx_result *r =
        run(ctx,
            WELL FIRST NEXT("near", "replicas = 2\ninitial = { task = \"a\", near = { x = -3.0 } }\n")
                NEXT("list", "replicas = 4\ninitial = { task = \"a\", select = [2, 0] }\n")
                    NEXT("recorded", "replicas = 3\ninitial = { task = \"a\", select = \"recorded\", n = 3 }\n"),
            SX_OK);
    final(ctx, r, "a", first);
    assert_true(fabs(first[0] + 1) < 1e-12 && fabs(first[2] - 1) < 1e-12 && fabs(first[4] - 1) < 1e-12);
    final(ctx, r, "near", x);
    for (int k = 0; k < 2; k++) assert_true(fabs(x[2 * k] + 1) < 1e-12);
    final(ctx, r, "list", x); /* replicas take the points in turn */
    for (int k = 0; k < 4; k++) assert_true(fabs(x[2 * k] - (k % 2 ? -1 : 1)) < 1e-12);
    /* 3 replicas of 5 records: rows 0, 5, 10, the initial states; so the run is the first one again */
    assert_int_equal(sx_result_read(ctx, r, sx_result_find(r, "a", "x"), NULL, NULL, recorded), SX_OK);
    assert_true(recorded[0] == -0.5 && recorded[10] == 0.5 && recorded[20] == 2.0);
    final(ctx, r, "recorded", x);
    assert_memory_equal(x, first, sizeof first);
    sx_result_free(ctx, r);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* Records of several state arrays come back as one flat state, which the result explains. */
static void test_arrays(void **state) {
    double first[4], x[4], index[4];
    (void)state;
    sx_ctx *ctx = sx_ctx_create(NULL);
    sx_result *r = run(ctx,
                       ARRAYS NEXT("a", "initial = [0.5, -0.5, 0.1, 0.2]\nrecord = { every = 16.0 }\n")
                           NEXT("b", "initial = { task = \"a\", select = \"recorded\", n = 1 }\n")
                               NEXT("c", "initial = { task = \"a\", select = [0] }\n"),
                       SX_OK);
    final(ctx, r, "a", first);
    final(ctx, r, "b", x); /* from the first record, the initial state */
    assert_memory_equal(x, first, sizeof first);
    final(ctx, r, "c", x);
    assert_true(memcmp(x, first, sizeof first) != 0);
    int array = sx_result_find(r, "", "unit_array"), label = sx_result_find(r, "", "unit_label");
    assert_true(array >= 0 && label >= 0);
    assert_string_equal(sx_result_text(r, array, 1), "u");
    assert_string_equal(sx_result_text(r, array, 2), "v");
    assert_string_equal(sx_result_text(r, label, 3), "v[1]");
    assert_int_equal(sx_result_read(ctx, r, sx_result_find(r, "", "unit_index"), NULL, NULL, index), SX_OK);
    assert_true(index[0] == 0 && index[1] == 1 && index[2] == 0 && index[3] == 1);
    sx_result_free(ctx, r);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* What can be known before the run is refused before it; the rest when the task is reached, with the place. */
static void test_refusals(void **state) {
    (void)state;
    sx_ctx *ctx = sx_ctx_create(NULL);
    assert_null(run(ctx, WELL FIRST NEXT("b", "initial = { task = \"a\", select = [3] }\n"), SX_E_USAGE));
    assert_non_null(strstr(sx_ctx_message(ctx), "number 3, but task 'a' found 3 points (0 to 2)"));
    assert_non_null(strstr(sx_ctx_message(ctx), "t.toml:22:"));
    sx_ctx_clear(ctx);
    assert_null(run(ctx, WELL FIRST NEXT("b", "initial = { task = \"a\", near = [1.0] }\n"), SX_E_USAGE));
    assert_non_null(strstr(sx_ctx_message(ctx), "near: 1 coordinates, but the state has 2"));
    sx_ctx_clear(ctx);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_final), cmocka_unit_test(test_choice),
                                        cmocka_unit_test(test_arrays), cmocka_unit_test(test_refusals) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
