// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Matrix Market: files written by SciPy (tools/make_array_fixtures.py), malformed files, mutations, no memory. */
#include "array_testing.h"

#define BANNER(form) "%%MatrixMarket matrix " form "\n"
#define FILES        8

static const sx_read_opts plain = { .header = -1, .missing_error = true };

/* Expected dense content: 5 i mod 23 - 10.5 row by row; `lower` mirrors the lower triangle with this sign, `mask` keeps entries. */
static double expected(int64_t i, int64_t j, int64_t columns, int lower) {
    if (lower != 0 && i < j) return lower * expected(j, i, columns, lower);
    if (lower < 0 && i == j) return 0;
    return (double)(5 * (i * columns + j) % 23) - 10.5;
}

static void expect_dense(const sx_array *a, int64_t rows, int64_t columns, int lower, double shift) {
    double got[16] = { 0 };
    assert_int_equal(a->ndim, 2);
    assert_int_equal(a->shape[0], rows);
    assert_int_equal(a->shape[1], columns);
    for (int64_t i = 0; i < a->n; i++) got[i] = a->data[i];
    for (int64_t k = 0; k < a->nnz; k++) got[a->row[k] * columns + a->column[k]] += a->value[k];
    for (int64_t i = 0; i < rows * columns; i++)
        assert_true(got[i] == expected(i / columns, i % columns, columns, lower) + shift);
}

static void test_files(void **state) {
    (void)state;
    static const struct {
        const char *file;
        int64_t rows, columns, nnz;
        int lower;
        double shift;
    } good[] = { { "symmetric.mtx", 4, 4, 16, 1, 0 },      { "skew.mtx", 4, 4, 12, -1, 0 },
                 { "integer.mtx", 4, 3, 12, 0, -0.5 },     { "array.mtx", 3, 4, 0, 0, 0 },
                 { "array_symmetric.mtx", 4, 4, 0, 1, 0 }, { "array_skew.mtx", 4, 4, 0, -1, 0 } };
    sx_ctx *ctx = sx_ctx_create(NULL);
    sx_array a;
    for (size_t k = 0; k < sizeof good / sizeof *good; k++) {
        assert_int_equal(sx_array_read(ctx, data_path(good[k].file), NULL, &a), SX_OK);
        assert_int_equal(a.nnz, good[k].nnz);
        assert_int_equal(a.n, good[k].nnz ? 0 : good[k].rows * good[k].columns);
        expect_dense(&a, good[k].rows, good[k].columns, good[k].lower, good[k].shift);
        sx_array_free(ctx, &a);
    }
    /* in the order of the file */
    static const int64_t row[] = { 0, 1, 2, 3, 3 }, column[] = { 2, 0, 1, 0, 2 };
    static const double value[] = { -0.5, 9.5, 11.5, 3.5, -9.5 };
    assert_int_equal(sx_array_read(ctx, data_path("general.mtx"), NULL, &a), SX_OK);
    assert_int_equal(a.nnz, 5);
    assert_memory_equal(a.row, row, sizeof row);
    assert_memory_equal(a.column, column, sizeof column);
    assert_memory_equal(a.value, value, sizeof value);
    sx_array_free(ctx, &a);
    assert_int_equal(sx_array_read(ctx, data_path("pattern.mtx"), NULL, &a), SX_OK);
    assert_int_equal(a.nnz, 3);
    for (int64_t k = 0; k < 3; k++) assert_true(a.row[k] == k && a.column[k] == k && a.value[k] == 1);
    sx_array_free(ctx, &a);
    /* a mirrored entry follows its entry; upper case, CR LF, comments and empty lines inside */
    static const char text[] =
        "%%matrixmarket MATRIX Coordinate Integer Symmetric\r\n%\r\n\r\n  3 3\t2\r\n% x\r\n3 1 7\r\n\r\n2 2 -4";
    assert_int_equal(parse_exact(ctx, "w.mtx", "mtx", text, sizeof text - 1, NULL, &a), SX_OK);
    assert_int_equal(a.nnz, 3);
    assert_true(a.row[0] == 2 && a.column[0] == 0 && a.value[0] == 7 && a.row[1] == 0 && a.column[1] == 2 &&
                a.value[1] == 7);
    assert_true(a.row[2] == 1 && a.column[2] == 1 && a.value[2] == -4);
    sx_array_free(ctx, &a);
    static const char nothing[] = BANNER("coordinate real general") "2000000000 5 0\n";
    assert_int_equal(parse_exact(ctx, "w.mtx", "mtx", nothing, sizeof nothing - 1, NULL, &a), SX_OK);
    assert_true(a.nnz == 0 && a.shape[0] == 2000000000 && a.shape[1] == 5 && !a.data);
    sx_array_free(ctx, &a);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

static void test_refused(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } bad[] = {
        { "", "w.mtx: the file is empty; expected %%MatrixMarket" },
        { "1 2 3\n", "w.mtx:1:1: '1' in the first line; expected %%MatrixMarket" },
        { "%%MatrixMarket vector\n", "w.mtx:1:16: 'vector' in the first line; expected matrix" },
        { BANNER("dense real general"), "w.mtx:1:23: 'dense' in the first line; expected coordinate or array" },
        { BANNER("array complex general"),
          "w.mtx:1:29: 'complex' in the first line; expected real, integer or pattern" },
        { BANNER("array real hermitian"),
          "w.mtx:1:34: 'hermitian' in the first line; expected general, symmetric or skew-symmetric" },
        { BANNER("array real"), "w.mtx:1:33: '' in the first line; expected general, symmetric or skew-symmetric" },
        { BANNER("array real general x"), "w.mtx:1:42: 'x' is too much in this line" },
        { BANNER("array pattern general"), "w.mtx:1:1: a pattern must be in coordinate form" },
        { BANNER("coordinate pattern skew-symmetric"), "w.mtx:1:1: a pattern cannot be skew-symmetric" },
        { BANNER("array real general") "% only a comment\n", "w.mtx: truncated: the line of sizes is missing" },
        { BANNER("array real general") "2\n", "w.mtx:2:2: the number of columns is missing" },
        { BANNER("array real general") "2 -1\n",
          "w.mtx:2:3: '-1' is not a whole number; expected the number of columns" },
        { BANNER("array real general") "2 3 4\n", "w.mtx:2:5: '4' is too much in this line" },
        { BANNER("array real general") "99999999999 3\n",
          "w.mtx:2:1: number of rows 99999999999 is outside 0 ... 2147483647" },
        { BANNER("array real general") "2000000000 3\n",
          "w.mtx: shape (2000000000, 3) needs 48 GB, the limit is 4 GB" },
        { BANNER("array real general") "2000 3\n1\n", "w.mtx: truncated: 6000 numbers expected, there is room for 1" },
        { BANNER("array real general") "2 1\n1\n%%%\n", "w.mtx: truncated: 2 numbers expected, 1 found" },
        { BANNER("array real general") "1 1\n1 2\n", "w.mtx:3:3: '2' is too much in this line" },
        { BANNER("array real general") "1 1\n1\n2\n", "w.mtx:4:1: more lines than the sizes say" },
        { BANNER("array real general") "1 1\n1,5\n", "w.mtx:3:1: '1,5' is not a number" },
        { BANNER("array real general") "1 1\nnan\n", "w.mtx:3:1: 'nan': only finite numbers are read" },
        { BANNER("array real general") "1 1\n1e999\n", "w.mtx:3:1: '1e999' is too large for a 64-bit float" },
        { BANNER("array integer general") "1 1\n1.5\n",
          "w.mtx:3:1: '1.5' is not an integer of at most 2^53, as the first line says" },
        { BANNER("array integer general") "1 1\n9007199254740994\n",
          "w.mtx:3:1: '9007199254740994' is not an integer of at most 2^53, as the first line says" },
        { BANNER("array real symmetric") "2 3\n", "w.mtx:2:1: a symmetric matrix must be square, not 2 x 3" },
        { BANNER("coordinate real skew-symmetric") "2 3 0\n",
          "w.mtx:2:1: a skew-symmetric matrix must be square, not 2 x 3" },
        { BANNER("coordinate real general") "2 2\n", "w.mtx:2:4: the number of entries is missing" },
        { BANNER("coordinate real general") "2 2 1000000\n1 1 1\n",
          "w.mtx: truncated: 1000000 entries expected, there is room for 1" },
        { BANNER("coordinate real general") "2 2 2\n1 1 1.25e10\n", "w.mtx: truncated: 2 entries expected, 1 found" },
        { BANNER("coordinate real general") "2 2 1\n1 1 1\n2 2 2\n", "w.mtx:4:1: more lines than the sizes say" },
        { BANNER("coordinate real general") "2 2 1\n1 3 1\n", "w.mtx:3:3: column 3 is outside 1 ... 2" },
        { BANNER("coordinate real general") "2 2 1\n0 1 1\n", "w.mtx:3:1: row 0 is outside 1 ... 2" },
        { BANNER("coordinate real general") "5 5 1\n10 1 1\n", "w.mtx:3:1: row 10 is outside 1 ... 5" },
        { BANNER("coordinate real general") "2 2 1\n1.0 1 1\n",
          "w.mtx:3:1: '1.0' is not a whole number; expected the row" },
        { BANNER("coordinate real general") "2 2 1\n1 2    \n", "w.mtx:3:8: the value is missing" },
        { BANNER("coordinate pattern general") "2 2 1\n1 2 5\n", "w.mtx:3:5: '5' is too much in this line" },
        { BANNER("coordinate real general") "2 2 2\n1 2 5\n1 2 5\n", "w.mtx:4:1: entry (1, 2) is given twice" },
        { BANNER("coordinate real symmetric") "2 2 1\n1 2 5\n",
          "w.mtx:3:1: entry (1, 2) of a symmetric matrix; only those below the diagonal and on it are given" },
        { BANNER("coordinate real skew-symmetric") "2 2 1\n1 1 5\n",
          "w.mtx:3:1: entry (1, 1) of a skew-symmetric matrix; only those below the diagonal are given" },
        { BANNER("array real general") "1 1\n\xff\n", "w.mtx:3:1: byte 0xff is not UTF-8; save the file as UTF-8" },
    };
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
        expect_refused("w.mtx", "mtx", bad[k].text, strlen(bad[k].text), &plain, bad[k].message);
    sx_read_opts tight = { .max_bytes = 100 };
    size_t n;
    unsigned char *b = load_file("general.mtx", &n);
    expect_refused("w.mtx", "mtx", b, n, &tight, "w.mtx: shape (5, 3) needs 120 bytes, the limit is 100 bytes");
    free(b);
}

static void load_all(sample s[FILES]) {
    static const char *const files[FILES] = { "general.mtx",         "symmetric.mtx", "skew.mtx",
                                              "integer.mtx",         "pattern.mtx",   "array.mtx",
                                              "array_symmetric.mtx", "array_skew.mtx" };
    for (int k = 0; k < FILES; k++) {
        s[k] = (sample){ .opts = plain };
        s[k].bytes = load_file(files[k], &s[k].n);
    }
}

static void test_mutations(void **state) {
    (void)state;
    sample s[FILES];
    load_all(s);
    s[0].opts.allow_nonfinite = true;
    expect_survives("mtx", s, FILES, 5);
    for (int k = 0; k < FILES; k++) free((void *)(uintptr_t)s[k].bytes);
}

static void test_no_memory(void **state) {
    (void)state;
    sample s[FILES];
    load_all(s);
    for (int k = 0; k < FILES; k++) {
        expect_memory_safe("mtx", &s[k]);
        free((void *)(uintptr_t)s[k].bytes);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_mutations),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
