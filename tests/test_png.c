// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Pictures as data: every kind of PNG against Pillow (tests/data/png/README.md), tiles, lists, other sizes, and what is refused. */
#include <separatrix/experiment.h>
#include <separatrix/io.h>
#include <separatrix/separatrix.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "failing_host.h"

#define OK(call)                                                                                                       \
    do {                                                                                                               \
        sx_status s_ = (call);                                                                                         \
        if (s_ < 0) print_error("%s\n", sx_ctx_message(ctx));                                                          \
        assert_int_equal(s_, SX_OK);                                                                                   \
    } while (0)
#define FOLDER SX_TEST_DATA "/png"

static int setup(void **state) {
    *state = sx_ctx_create(NULL);
    return *state == NULL;
}
static int teardown(void **state) {
    size_t left = sx_ctx_bytes(*state);
    sx_ctx_free(*state);
    return left != 0;
}

/* A line of pillow.csv: its numbers. */
static int64_t pillow(const char *name, double *out) {
    char line[8192];
    size_t length = strlen(name);
    FILE *f = fopen(FOLDER "/pillow.csv", "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        if (strncmp(line, name, length) != 0 || line[length] != ',') continue;
        int64_t n = 0;
        for (char *p = line + length; *p == ',';) out[n++] = strtod(p + 1, &p);
        fclose(f);
        return n;
    }
    fail_msg("no line '%s'", name);
    return 0;
}

static void kinds(void **state) {
    sx_ctx *ctx = *state;
    static const char *const names[] = { "grey8",         "grey16",      "grey1",    "grey4",     "colour8",
                                         "colour_alpha8", "grey_alpha8", "palette8", "interlaced" };
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        char path[600];
        double want[64];
        sx_array a = { 0 };
        snprintf(path, sizeof path, FOLDER "/%s.png", names[k]);
        OK(sx_array_read(ctx, path, NULL, &a));
        assert_int_equal(a.ndim, 2);
        const char *same = strcmp(names[k], "interlaced") == 0 ? "grey8" : names[k];
        assert_true(a.shape[0] == 7 && a.shape[1] == 9 && pillow(same, want) == a.n);
        for (int64_t i = 0; i < a.n; i++)
            if (fabs(a.data[i] - want[i]) > 1e-5 * fmax(1, want[i]))
                fail_msg("%s[%d]: %.9g, want %.9g", names[k], (int)i, a.data[i], want[i]);
        sx_array_free(ctx, &a);
    }
}

static void refused_files(void **state) {
    sx_ctx *ctx = *state;
    static const struct { const char *file, *text; } bad[] = { { "damaged", "CRC error" }, { "cut", "the file ends" } };
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        char path[600];
        sx_array a = { 0 };
        snprintf(path, sizeof path, FOLDER "/%s.png", bad[k].file);
        assert_int_equal(sx_array_read(ctx, path, NULL, &a), SX_E_FILE);
        if (!strstr(sx_ctx_message(ctx), bad[k].text)) fail_msg("%s", sx_ctx_message(ctx));
        sx_ctx_clear(ctx);
    }
    /* every prefix and every single changed byte of a good file is refused or read, never worse */
    unsigned char whole[400], *copy;
    FILE *f = fopen(FOLDER "/palette8.png", "rb");
    assert_non_null(f);
    size_t n = fread(whole, 1, sizeof whole, f);
    fclose(f);
    for (size_t cut = 0; cut < n; cut++) {
        sx_array a = { 0 };
        copy = malloc(cut + 1);
        assert_non_null(copy);
        memcpy(copy, whole, cut);
        assert_int_equal(sx_array_parse(ctx, "f", "png", copy, cut, NULL, &a), SX_E_FILE);
        sx_ctx_clear(ctx);
        free(copy);
    }
    for (size_t at = 0; at < n; at++) {
        sx_array a = { 0 };
        copy = malloc(n);
        assert_non_null(copy);
        memcpy(copy, whole, n);
        copy[at] ^= 0x10;
        assert_int_equal(sx_array_parse(ctx, "f", "png", copy, n, NULL, &a), SX_E_FILE);
        sx_ctx_clear(ctx);
        free(copy);
    }
}

/* A chunk that says it has two gigabytes takes no memory. */
static void large_chunk(void **state) {
    sx_ctx *ctx = *state;
    static const unsigned char text[] = { 0x73, 0x72, 0x63, 0x2f, 't', 'E', 'X', 't', 'a', 0, 'b' };
    unsigned char file[33 + sizeof text];
    sx_array a = { 0 };
    FILE *f = fopen(FOLDER "/grey8.png", "rb");
    assert_non_null(f);
    assert_int_equal(fread(file, 1, 33, f), 33); /* signature and header */
    fclose(f);
    memcpy(file + 33, text, sizeof text);
    assert_int_equal(sx_array_parse(ctx, "f", "png", file, sizeof file, NULL, &a), SX_E_FILE);
    assert_true(sx_ctx_peak_bytes(ctx) < 1000000);
    sx_ctx_clear(ctx);
}

/* Every allocation fails once, libpng's own among them: an error, nothing held. */
static void allocations(void **state) {
    (void)state;
    unsigned char whole[400];
    FILE *f = fopen(FOLDER "/palette8.png", "rb");
    assert_non_null(f);
    const size_t n = fread(whole, 1, sizeof whole, f);
    fclose(f);
    failing_host h = { 0 };
    for (int64_t at = 1;; at++) {
        sx_host host = failing_host_of(&h);
        h = (failing_host){ 0 };
        sx_ctx *ctx = sx_ctx_create(&host);
        sx_array a = { 0 };
        h.fail_at = h.calls + at;
        sx_status status = sx_array_parse(ctx, "f", "png", whole, n, NULL, &a);
        const bool reached = h.calls >= h.fail_at;
        h.fail_at = 0;
        assert_int_equal(status, reached ? SX_E_MEMORY : SX_OK);
        sx_array_free(ctx, &a);
        assert_int_equal(sx_ctx_bytes(ctx), 0);
        sx_ctx_free(ctx);
        assert_int_equal(h.held, 0);
        if (!reached) {
            assert_true(at > 5);
            return;
        }
    }
}

/* Weights that Hebb's rule makes of one row x are x x^T/n, so its diagonal gives |x_i|, all that is wanted here; the patterns are in the result too. */
static sx_status patterns(sx_ctx *ctx, const char *section, int n, double *out, int64_t rows) {
    char text[1000];
    sx_experiment *e = NULL;
    sx_result *r = NULL;
    sx_prediction p = { .struct_size = sizeof p };
    snprintf(text, sizeof text,
             "seed = 1\n[model]\nkind = \"hopfield\"\nn = %d\n[noise]\nkind = \"none\"\n[data.a]\n%s\n"
             "[[task]]\nname = \"t\"\ndo = \"learn\"\nrule = \"hebb\"\nrate = 1.0\ndata = \"a\"\n",
             n, section);
    sx_status status = sx_experiment_parse(ctx, "pictures.toml", FOLDER, text, strlen(text), NULL, 0, &e);
    if (status == SX_OK) status = sx_experiment_check(ctx, e, &p);
    if (status == SX_OK) status = sx_experiment_result(ctx, e, &r);
    if (status == SX_OK) {
        int64_t shape[8];
        const char *dims[8];
        int id = sx_result_find(r, "t", "patterns");
        assert_true(id >= 0 && sx_result_shape(r, id, shape, dims) == 2);
        assert_true(shape[0] == rows && shape[1] == n);
        status = sx_result_read(ctx, r, id, NULL, NULL, out);
    }
    sx_result_free(ctx, r);
    sx_experiment_free(ctx, e);
    return status;
}

static void tiles_and_lists(void **state) {
    sx_ctx *ctx = *state;
    double x[6 * 20], y[3 * 63], want[64];
    OK(patterns(ctx, "file = \"sheet.png\"\nimage = [4, 5]\nrange = [0, 69]", 20, x, 6));
    for (int k = 0; k < 6; k++)
        for (int i = 0; i < 20; i++) assert_true(x[20 * k + i] == 10 * k + i);
    OK(patterns(ctx, "files = [\"grey8.png\", \"grey1.png\", \"grey4.png\"]", 63, y, 3));
    static const char *const names[] = { "grey8", "grey1", "grey4" };
    for (int k = 0; k < 3; k++) {
        assert_int_equal(pillow(names[k], want), 63);
        for (int i = 0; i < 63; i++) assert_true(y[63 * k + i] == want[i]);
    }
}

/* Pillow's bilinear resampling; single precision there (mutant resize_average). */
static void sizes(void **state) {
    sx_ctx *ctx = *state;
    static const int size[3][2] = { { 5, 13 }, { 3, 4 }, { 14, 18 } };
    for (int k = 0; k < 3; k++) {
        char section[200], name[40];
        double want[300], x[300];
        const int n = size[k][0] * size[k][1];
        snprintf(section, sizeof section, "file = \"grey8.png\"\nresize = [%d, %d]", size[k][0], size[k][1]);
        snprintf(name, sizeof name, "resize_%dx%d", size[k][0], size[k][1]);
        OK(patterns(ctx, section, n, x, 1));
        assert_int_equal(pillow(name, want), n);
        for (int i = 0; i < n; i++)
            if (fabs(x[i] - want[i]) > 2e-5 * 255) fail_msg("%s[%d]: %.9g, want %.9g", name, i, x[i], want[i]);
    }
    double x[8], sheet[6 * 20];
    OK(patterns(ctx,
                "values = [[1, 3, 5, 7], [2, 2, 2, 2]]\nimage = [2, 2]\nresize = [1, 2]\npreprocess = [\"centre-row\"]",
                2, x, 2));
    assert_true(fabs(x[0] + 1) < 1e-15 && fabs(x[1] - 1) < 1e-15 && x[2] == 0 && x[3] == 0);
    OK(patterns(ctx, "file = \"sheet.png\"\nimage = [4, 5]\nresize = [4, 5]", 20, sheet, 6));
    for (int i = 0; i < 120; i++) assert_true(fabs(sheet[i] - (10 * (i / 20) + i % 20)) < 1e-12);
}

static void refusals(void **state) {
    sx_ctx *ctx = *state;
    static const struct {
        const char *section, *text;
    } bad[] = {
        { "file = \"sheet.png\"\nimage = [3, 5]", "8 x 15 pixels cannot be cut into pictures of 3 x 5" },
        { "files = [\"grey8.png\", \"sheet.png\"]", "sheet.png: 8 x 15 pixels cannot be cut" },
        { "files = [\"grey8.png\", \"a.csv\"]", "want pictures, .png" },
        { "file = \"grey8.png\"\nlabel_column = -1", "pictures have no columns: `label_column`" },
        { "file = \"grey8.png\"\nrange = [0, 16]", "want a value in [0, 16]" },
        { "values = [[1, 2], [3, 4]]\nresize = [1, 1]", "`image = [height, width]` is missing" },
        { "file = \"grey8.png\"\nresize = [0, 1]", "resize: want [height, width], two integers > 0" },
        { "file = \"no.png\"", "no.png" },
    };
    double x[64];
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        assert_true(patterns(ctx, bad[k].section, 63, x, 1) < 0);
        if (!strstr(sx_ctx_message(ctx), bad[k].text)) fail_msg("%s", sx_ctx_message(ctx));
        sx_ctx_clear(ctx);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(kinds, setup, teardown),
        cmocka_unit_test_setup_teardown(refused_files, setup, teardown),
        cmocka_unit_test_setup_teardown(large_chunk, setup, teardown),
        cmocka_unit_test(allocations),
        cmocka_unit_test_setup_teardown(tiles_and_lists, setup, teardown),
        cmocka_unit_test_setup_teardown(sizes, setup, teardown),
        cmocka_unit_test_setup_teardown(refusals, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
