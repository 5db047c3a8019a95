// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Values, units and initial states of an experiment: numbers, lists and files joined by label. Expected numbers are those written into the
 * files here. */
#include "experiment/values.h"

#include "comma_locale.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char *const labels[] = { "a", "b", "c" };

typedef struct fixture {
    sx_ctx *ctx;
    sx_arena arena;
    sx_binding bind;
    sx_reader r;
    sx_toml *doc;
    char directory[64];
} fixture;

static void put_file(const fixture *f, const char *name, const char *text) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", f->directory, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static int setup(void **state) {
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->ctx = sx_ctx_create(NULL);
    assert_non_null(f->ctx);
    snprintf(f->directory, sizeof f->directory, "/tmp/sx_values_XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    f->bind = (sx_binding){ .directory = f->directory, .n = 3, .state = 3, .labels = labels };
    f->r = (sx_reader){ f->ctx, "t.toml", &f->arena, &f->bind };
    *state = f;
    return 0;
}

static int teardown(void **state) {
    fixture *f = *state;
    char command[96];
    sx_toml_free(f->ctx, f->doc);
    sx_arena_free(f->ctx, &f->arena);
    assert_int_equal(sx_ctx_bytes(f->ctx), 0);
    sx_ctx_free(f->ctx);
    snprintf(command, sizeof command, "rm -r %s", f->directory);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

/* The node `v` of "v = TEXT". */
static const sx_toml_node *node(fixture *f, const char *text) {
    char line[512];
    snprintf(line, sizeof line, "v = %s\n", text);
    sx_toml_free(f->ctx, f->doc);
    f->doc = NULL;
    assert_int_equal(sx_toml_parse(f->ctx, "t.toml", line, strlen(line), &f->doc), SX_OK);
    return sx_toml_get(sx_toml_root(f->doc), "v");
}

static const sx_field per_unit = {
    .name = "tau", .type = SX_VALUES, .shape = "unit", .lo = 0, .hi = 1e300, .flags = SX_FROM_FILE | SX_LO_OPEN
};
static const sx_field matrix = { .name = "D", .type = SX_VALUES, .shape = "unit,unit", .flags = SX_FROM_FILE };

static void expect(fixture *f, const sx_field *field, const char *text, int64_t n, const double *want) {
    sx_values v = { -1, NULL };
    sx_status s = sx_values_read(&f->r, node(f, text), field, &v);
    if (s < 0) fail_msg("%s: %s", text, sx_ctx_message(f->ctx));
    assert_int_equal(v.n, n);
    for (int64_t i = 0; i < n; i++)
        if (v.data[i] != want[i]) fail_msg("%s: [%d] = %.17g, want %.17g", text, (int)i, v.data[i], want[i]);
}

/* Fails with this status and these words, and leaves the output alone. */
static void refuse(fixture *f, const sx_field *field, const char *text, sx_status status, const char *words) {
    sx_values v = { -1, NULL };
    assert_int_equal(sx_values_read(&f->r, node(f, text), field, &v), status);
    if (!strstr(sx_ctx_message(f->ctx), words)) fail_msg("%s: '%s' lacks '%s'", text, sx_ctx_message(f->ctx), words);
    assert_int_equal(strncmp(sx_ctx_message(f->ctx), "t.toml:1:", 9), 0);
    assert_int_equal(v.n, -1);
    sx_ctx_clear(f->ctx);
}

static void test_numbers_and_lists(void **state) {
    fixture *f = *state;
    expect(f, &per_unit, "2", 1, (double[]){ 2 });
    expect(f, &per_unit, "0.1", 1, (double[]){ 0.1 });
    expect(f, &per_unit, "[1, 2.5, 3]", 3, (double[]){ 1, 2.5, 3 });
    expect(f, &matrix, "[[1, 2, 3], [4, 5, 6], [7, 8, 9]]", 9, (double[]){ 1, 2, 3, 4, 5, 6, 7, 8, 9 });
    refuse(f, &per_unit, "0", SX_E_USAGE, "v = 0: want a value in (0");
    refuse(f, &per_unit, "[1, 2]", SX_E_USAGE, "tau: 2 values, but the model has 3 units");
    refuse(f, &per_unit, "[[1, 2, 3]]", SX_E_USAGE, "flat list");
    refuse(f, &per_unit, "[1, [2], 3]", SX_E_USAGE, "mixed");
    refuse(f, &matrix, "[[1, 2], [3]]", SX_E_USAGE, "row 1 has 1 numbers");
    refuse(f, &per_unit, "true", SX_E_USAGE, "number");
    refuse(f, &per_unit, "9007199254740993", SX_E_USAGE, "2^53");
    refuse(f, &per_unit, "nan", SX_E_USAGE, "finite");
    sx_field single = per_unit;
    single.flags = SX_NO_LIST;
    refuse(f, &single, "[1]", SX_E_USAGE, "single number");
    refuse(f, &single, "{ file = \"tau.csv\" }", SX_E_USAGE, "a file is not possible here");
}

/* While loading nothing is read: a file that is not there is no error yet. */
static void test_loading_opens_no_file(void **state) {
    fixture *f = *state;
    sx_values v = { -1, NULL };
    f->r.bind = NULL;
    assert_int_equal(sx_values_read(&f->r, node(f, "{ file = \"absent.csv\" }"), &per_unit, &v), SX_OK);
    assert_int_equal(v.n, 0);
    f->r.bind = &f->bind;
    refuse(f, &per_unit, "{ file = \"absent.csv\" }", SX_E_FILE, "absent.csv");
}

static void test_files_join_by_label(void **state) {
    fixture *f = *state;
    put_file(f, "tau.csv", "neuron,tau_ms,other\nc,30,1\na,10,2\nb,20,3\n");
    put_file(f, "some.csv", "neuron,tau_ms\nb,20\n");
    put_file(f, "extra.csv", "neuron,tau_ms\na,10\nb,20\nc,30\nd,40\n");
    put_file(f, "zero.csv", "neuron,tau_ms\na,10\nb,0\nc,30\n");
    put_file(f, "plain.csv", "5\n6\n7\n");
    put_file(f, "short.csv", "5\n6\n");
    expect(f, &per_unit, "{ file = \"tau.csv\", column = \"tau_ms\", key = \"neuron\" }", 3, (double[]){ 10, 20, 30 });
    expect(f, &per_unit, "{ file = \"tau.csv\", column = \"other\", key = \"neuron\" }", 3, (double[]){ 2, 3, 1 });
    expect(f, &per_unit, "{ file = \"some.csv\", column = \"tau_ms\", key = \"neuron\", missing = 7.5 }", 3,
           (double[]){ 7.5, 20, 7.5 });
    expect(f, &per_unit, "{ file = \"plain.csv\", header = false }", 3, (double[]){ 5, 6, 7 });
    refuse(f, &per_unit, "{ file = \"some.csv\", column = \"tau_ms\", key = \"neuron\" }", SX_E_FILE,
           "some.csv: 1 units, but the model has 3; missing: a, c");
    refuse(f, &per_unit, "{ file = \"extra.csv\", column = \"tau_ms\", key = \"neuron\", missing = 1.0 }", SX_E_FILE,
           "not among them: d");
    refuse(f, &per_unit, "{ file = \"zero.csv\", column = \"tau_ms\", key = \"neuron\" }", SX_E_FILE, "(b) is 0");
    refuse(f, &per_unit, "{ file = \"some.csv\", column = \"tau_ms\", key = \"neuron\", missing = 0.0 }", SX_E_USAGE,
           "missing = 0.0");
    refuse(f, &per_unit, "{ file = \"short.csv\", header = false }", SX_E_FILE, "2 values, but the model has 3 units");
    refuse(f, &per_unit, "{ fil = \"tau.csv\" }", SX_E_USAGE, "unknown key 'fil'");
    f->bind.labels = NULL;
    refuse(f, &per_unit, "{ file = \"tau.csv\", column = \"tau_ms\", key = \"neuron\" }", SX_E_USAGE, "no labels");
}

/* The hash of what was read tells contents apart, and nothing else. */
static void test_file_hash(void **state) {
    fixture *f = *state;
    uint64_t first, again, other;
    put_file(f, "tau.csv", "5\n6\n7\n");
    expect(f, &per_unit, "{ file = \"tau.csv\", header = false }", 3, (double[]){ 5, 6, 7 });
    first = f->bind.files;
    f->bind.files = 0;
    expect(f, &per_unit, "{ file = \"tau.csv\", header = false }", 3, (double[]){ 5, 6, 7 });
    again = f->bind.files;
    put_file(f, "tau.csv", "5\n6\n8\n");
    f->bind.files = 0;
    expect(f, &per_unit, "{ file = \"tau.csv\", header = false }", 3, (double[]){ 5, 6, 8 });
    other = f->bind.files;
    assert_true(first == again);
    assert_true(first != other);
}

static void test_many_missing_labels_are_cut(void **state) {
    fixture *f = *state;
    char name[8][4];
    const char *want[8];
    const char *have[] = { "u0" };
    int64_t order[8];
    for (int i = 0; i < 8; i++) {
        snprintf(name[i], sizeof name[i], "u%d", i);
        want[i] = name[i];
    }
    assert_int_equal(sx_labels_join(&f->r, node(f, "1"), "x.csv", "the model", 8, want, 1, have, false, order),
                     SX_E_FILE);
    assert_non_null(strstr(sx_ctx_message(f->ctx), "missing: u1, u2, u3, u4, u5 and 2 more"));
    const char *twice[] = { "u0", "u1", "u0" };
    assert_int_equal(sx_labels_join(&f->r, node(f, "1"), "x.csv", "the model", 2, want, 3, twice, false, order),
                     SX_E_FILE);
    assert_non_null(strstr(sx_ctx_message(f->ctx), "the label 'u0' occurs twice"));
    assert_int_equal(sx_labels_join(&f->r, node(f, "1"), "x.csv", "the model", 3, want, 1, have, true, order), SX_OK);
    assert_int_equal(order[0], 0);
    assert_int_equal(order[1], -1);
    assert_int_equal(order[2], -1);
}

static void test_units(void **state) {
    fixture *f = *state;
    static const sx_field field = { .name = "units", .type = SX_UNITS };
    sx_units u;
    assert_int_equal(sx_units_read(&f->r, node(f, "[\"c\", 0]"), &field, &u), SX_OK);
    assert_int_equal(u.n, 2);
    assert_int_equal(u.index[0], 0); /* in the order of the model */
    assert_int_equal(u.index[1], 2);
    assert_int_equal(sx_units_read(&f->r, node(f, "\"b\""), &field, &u), SX_OK);
    assert_int_equal(u.n, 1);
    assert_int_equal(u.index[0], 1);
    const char *const bad[][2] = { { "[3]", "unit 3: the model has 3 units" },
                                   { "[-1]", "indices run from 0" },
                                   { "[\"A\"]", "no unit is labelled 'A'" },
                                   { "[\"b\", 1]", "unit 1 is given twice" },
                                   { "[1.0]", "labels or indices" } };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(sx_units_read(&f->r, node(f, bad[i][0]), &field, &u), SX_E_USAGE);
        if (!strstr(sx_ctx_message(f->ctx), bad[i][1])) fail_msg("%s: %s", bad[i][0], sx_ctx_message(f->ctx));
    }
}

static void test_initial(void **state) {
    fixture *f = *state;
    static const sx_field field = { .name = "initial", .type = SX_INITIAL };
    sx_initial x;
    f->bind.initial = sx_key_seed(5);
    assert_int_equal(sx_initial_read(&f->r, node(f, "\"zero\""), &field, &x), SX_OK);
    assert_int_equal(x.kind, SX_INITIAL_ZERO);
    assert_int_equal(sx_initial_read(&f->r, node(f, "{ kind = \"gaussian\", sd = 2 }"), &field, &x), SX_OK);
    assert_int_equal(x.kind, SX_INITIAL_GAUSSIAN);
    assert_true(x.mean == 0 && x.sd == 2 && x.has_key);
    assert_memory_equal(&x.key, &f->bind.initial, sizeof x.key);
    assert_int_equal(sx_initial_read(&f->r, node(f, "{ kind = \"uniform\", lo = -3.0, hi = 4.0 }"), &field, &x), SX_OK);
    assert_true(x.kind == SX_INITIAL_UNIFORM && x.lo == -3 && x.hi == 4);
    assert_int_equal(sx_initial_read(&f->r, node(f, "[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]"), &field, &x), SX_OK);
    assert_true(x.kind == SX_INITIAL_VALUES && x.values.n == 6 && x.values.data[5] == 6);
    put_file(f, "x0.csv", "name,v\nc,3\nb,2\na,1\n");
    assert_int_equal(
        sx_initial_read(&f->r, node(f, "{ file = \"x0.csv\", column = \"v\", key = \"name\" }"), &field, &x), SX_OK);
    assert_true(x.values.n == 3 && x.values.data[0] == 1 && x.values.data[2] == 3);
    assert_int_equal(sx_initial_read(&f->r, node(f, "[1.0, 2.0]"), &field, &x), SX_E_USAGE);
    assert_int_equal(sx_initial_read(&f->r, node(f, "{ task = \"rest\" }"), &field, &x), SX_E_USAGE);
    assert_non_null(strstr(sx_ctx_message(f->ctx), "no task before this one is called 'rest'"));
}

/* Numbers as TOML read back exactly. */
static void test_number_text(void **state) {
    fixture *f = *state;
    const struct {
        double x;
        const char *text;
    } cases[] = { { 0.1, "0.1" },
                  { 1, "1.0" },
                  { -2.5e-8, "-2.5e-8" },
                  { 1e300, "1e+300" },
                  { 1.0 / 3, "0.3333333333333333" },
                  { 5e-324, "4.94065645841247e-324" } };
    for (size_t i = 0; i < 2 * (sizeof cases / sizeof *cases); i++) {
        size_t k = i / 2; /* also with a decimal comma in the host's locale */
        sx_buf t = { 0 };
        if (i % 2 && !comma_locale_begin()) continue;
        sx_buf_number(f->ctx, &t, cases[k].x);
        comma_locale_end();
        assert_int_equal(t.status, SX_OK);
        assert_string_equal(t.p, cases[k].text);
        assert_true(strtod(t.p, NULL) == cases[k].x);
        sx_free(f->ctx, t.p);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_numbers_and_lists, setup, teardown),
        cmocka_unit_test_setup_teardown(test_loading_opens_no_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_files_join_by_label, setup, teardown),
        cmocka_unit_test_setup_teardown(test_file_hash, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_missing_labels_are_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(test_units, setup, teardown),
        cmocka_unit_test_setup_teardown(test_initial, setup, teardown),
        cmocka_unit_test_setup_teardown(test_number_text, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
