// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* .npy: files written by NumPy (tools/make_array_fixtures.py), written files read back, malformed files, mutations, no memory. */
#include "array_testing.h"

#include <unistd.h>

static const sx_read_opts plain = { .header = -1, .missing_error = true };

/* 5 i mod 23 - 10.5: the pattern of the fixtures */
static double number(int64_t i) {
    return (double)(5 * i % 23) - 10.5;
}

static void read_ok(const char *file, const sx_read_opts *opts, int ndim, const int64_t *shape, sx_array *a,
                    sx_ctx *ctx) {
    sx_status status = sx_array_read(ctx, data_path(file), opts, a);
    if (status < 0) print_message("%s\n", sx_ctx_message(ctx));
    assert_int_equal(status, SX_OK);
    assert_int_equal(a->ndim, ndim);
    for (int k = 0; k < ndim; k++) assert_int_equal(a->shape[k], shape[k]);
}

static void test_files(void **state) {
    (void)state;
    sx_ctx *ctx = sx_ctx_create(NULL);
    sx_array a;
    for (int f = 0; f < 2; f++) {
        read_ok(f ? "matrix_fortran.npy" : "matrix.npy", &plain, 2, (int64_t[]){ 3, 4 }, &a, ctx);
        assert_int_equal(a.n, 12);
        for (int64_t i = 0; i < 12; i++) assert_true(a.data[i] == number(i));
        assert_null(a.row_labels);
        sx_array_free(ctx, &a);
        assert_null(a.data);
    }
    for (int f = 0; f < 2; f++) { /* format versions 2.0 ('>i4') and 3.0 ('<i2') */
        read_ok(f ? "vector_v3.npy" : "vector_v2.npy", NULL, 1, (int64_t[]){ 5 }, &a, ctx);
        for (int64_t i = 0; i < 5; i++) assert_true(a.data[i] == number(i) - 0.5);
        sx_array_free(ctx, &a);
    }
    read_ok("scalar.npy", &plain, 0, NULL, &a, ctx);
    assert_int_equal(a.n, 1);
    assert_true(a.data[0] == 2.5);
    sx_array_free(ctx, &a);
    read_ok("empty.npy", &plain, 2, (int64_t[]){ 0, 3 }, &a, ctx);
    assert_int_equal(a.n, 0);
    sx_array_free(ctx, &a);
    /* binary16: zeros, largest, smallest subnormal, smallest normal, -1/3 rounded to 11 bits = -1365 / 4096 */
    static const double half[] = { 0, -0.0, 1, 65504, 0x1p-24, 0x1p-14, -1365.0 / 4096 };
    read_ok("half.npy", &plain, 1, (int64_t[]){ 7 }, &a, ctx);
    assert_memory_equal(a.data, half, sizeof half);
    sx_array_free(ctx, &a);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* A .npy file of version 1.0 with this header text. */
static size_t build(unsigned char *out, const char *header, const void *data, size_t n) {
    size_t length = strlen(header);
    memcpy(out, "\x93NUMPY\1\0", 8);
    out[8] = (unsigned char)(length & 255);
    out[9] = (unsigned char)(length >> 8);
    memcpy(out + 10, header, length);
    if (n > 0) memcpy(out + 10 + length, data, n);
    return 10 + length + n;
}

/* float16 NaN and infinities, float32 subnormals, all through one-element files */
static void test_values(void **state) {
    (void)state;
    static const struct {
        const char *descr;
        unsigned char bytes[8];
        int n;
        double value;
    } good[] = {
        { "<f2", { 0x00, 0x7c }, 2, (double)INFINITY },
        { "<f2", { 0x00, 0xfc }, 2, -(double)INFINITY },
        { "<f2", { 0xff, 0x03 }, 2, 1023 * 0x1p-24 },
        { "<f4", { 0x01, 0, 0, 0 }, 4, 0x1p-149 },
        { ">f4", { 0x80, 0, 0, 1 }, 4, -0x1p-149 },
        { ">f8", { 0, 0, 0, 0, 0, 0, 0, 1 }, 8, 0x1p-1074 },
        { "|i1", { 0x80 }, 1, -128 },
        { "|u1", { 0x80 }, 1, 128 },
        { "<i1", { 0xff }, 1, -1 },
        { ">i2", { 0x80, 0x00 }, 2, -32768 },
        { "<u2", { 0x00, 0x80 }, 2, 32768 },
        { "<i4", { 0, 0, 0, 0x80 }, 4, -2147483648.0 },
        { ">u4", { 0xff, 0xff, 0xff, 0xff }, 4, 4294967295.0 },
        { "<i8", { 0, 0, 0, 0, 0, 0, 0x20, 0 }, 8, 9007199254740992.0 },
        { "<i8", { 0, 0, 0, 0, 0, 0, 0xe0, 0xff }, 8, -9007199254740992.0 },
        { ">u8", { 0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, 8, 9007199254740991.0 },
        { "|b1", { 1 }, 1, 1 },
    };
    sx_ctx *ctx = sx_ctx_create(NULL);
    sx_read_opts all = { .allow_nonfinite = true };
    for (size_t k = 0; k < sizeof good / sizeof *good; k++) {
        unsigned char file[256];
        char header[128];
        sx_array a = { 0 };
        /* other order of keys, double quotes, no padding, Python 2's L */
        snprintf(header, sizeof header, "{\"shape\":(1L,), 'fortran_order' : False,\n'descr':\"%s\"}", good[k].descr);
        size_t n = build(file, header, good[k].bytes, (size_t)good[k].n);
        assert_int_equal(parse_exact(ctx, "v.npy", "npy", file, n, &all, &a), SX_OK);
        assert_int_equal(a.n, 1);
        assert_true(a.data[0] == good[k].value);
        sx_array_free(ctx, &a);
    }
    sx_ctx_free(ctx);
}

#define HEAD(descr, order, shape) "{'descr': '" descr "', 'fortran_order': " order ", 'shape': " shape ", }\n"

static void test_refused(void **state) {
    (void)state;
    static const struct {
        const char *header, *message;
    } bad[] = {
        { HEAD("<f8", "False", "(1000000, 1000000)"), "w.npy: shape (1000000, 1000000) needs 8 TB, the limit is 4 GB" },
        { HEAD("<f8", "False", "(9000000000, 9000000000, 9000000000)"),
          "w.npy: shape (9000000000, 9000000000, 9000000000) needs 5.83e+12 EB, the limit is 4 GB" },
        { HEAD("<f8", "False", "(0, 9000000000, 9000000000)"),
          "w.npy: shape (0, 9000000000, 9000000000) needs 648 EB, the limit is 4 GB" },
        { HEAD("<f8", "False", "(99999999999999999999,)"), "w.npy: header, character 70: an extent beyond 2^63" },
        { HEAD("<f8", "False", "(2,)"), "w.npy: truncated: 16 bytes of data expected, 8 found" },
        { HEAD("<f8", "False", "(0,)"), "w.npy: 0 bytes of data expected, 8 found; the shape does not fit the file" },
        { HEAD("<f4", "True", "(1, 1)"), "w.npy: 4 bytes of data expected, 8 found; the shape does not fit the file" },
        { HEAD("<f8", "False", "(-1,)"), "w.npy: header, character 52: an extent must be a whole number >= 0" },
        { HEAD("<f8", "False", "(1 1)"), "w.npy: header, character 54: a comma or ) is expected" },
        { HEAD("<f8", "False", "(1)"), "w.npy: header, character 54: a shape of one dimension is written (n,)" },
        { HEAD("<f8", "False", "(,)"), "w.npy: header, character 52: an extent must be a whole number >= 0" },
        { HEAD("<f8", "False", "(1"), "w.npy: header, character 55: an extent must be a whole number >= 0" },
        { HEAD("<f8", "False", "[1]"), "w.npy: header, character 51: the shape must be a tuple such as (3, 4)" },
        { HEAD("<f8", "False", "(1,1,1,1,1,1,1,1,1)"), "w.npy: header, character 68: more than 8 dimensions" },
        { HEAD("<f8", "0", "(1,)"), "w.npy: header, character 35: True or False is expected" },
        { HEAD("|O", "False", "(1,)"), "w.npy: dtype '|O' (Python objects) is not read; save it as float64" },
        { HEAD("<c8", "False", "(1,)"), "w.npy: dtype '<c8' (complex numbers) is not read; save it as float64" },
        { HEAD("=f8", "False", "(1,)"), "w.npy: dtype '=f8' is not read; save it as float64" },
        { HEAD("|f8", "False", "(1,)"), "w.npy: dtype '|f8' is not read; save it as float64" },
        { HEAD("<f16", "False", "(1,)"), "w.npy: dtype '<f16' is not read; save it as float64" },
        { HEAD("", "False", "(1,)"), "w.npy: dtype '' is not read; save it as float64" },
        { HEAD("|V8", "False", "(1,)"), "w.npy: dtype '|V8' (raw records) is not read; save it as float64" },
        { "{'descr': [('x', '<f8')], 'fortran_order': False, 'shape': (1,)}",
          "w.npy: a structured dtype is not read; save each field by itself as float64" },
        { "{'descr': '<f8', 'shape': (1,)}", "w.npy: the header has no fortran_order" },
        { "{'fortran_order': False, 'shape': (1,)}", "w.npy: the header has no descr" },
        { "{'descr': '<f8', 'fortran_order': False}", "w.npy: the header has no shape" },
        { "{'descr': '<f8', 'descr': '<f8'}", "w.npy: header, character 25: the key is given twice" },
        { "{'descr': '<f8', 'exec': 1}",
          "w.npy: header, character 24: unknown key; descr, fortran_order and shape are known" },
        { "{'descr' '<f8'}", "w.npy: header, character 10: a colon is expected" },
        { "{'descr': '<f8' 'shape': (1,)}", "w.npy: header, character 17: a comma or } is expected" },
        { "{'descr': '<f8", "w.npy: header, character 15: the closing quote is missing" },
        { "{descr: '<f8'}", "w.npy: header, character 2: a quoted text is expected" },
        { "__import__('os')", "w.npy: header, character 1: a dictionary { ... } is expected" },
        { HEAD("<f8", "False", "(1,)") "x", "w.npy: header, character 59: text after the dictionary" },
        { "", "w.npy: header, character 1: a dictionary { ... } is expected" },
        { HEAD("<f8", "False", "(1, 1)"), "w.npy: element [0, 0] is nan; only finite numbers are read" },
        { HEAD("<f4", "False", "(2, 1)"), "w.npy: element [1, 0] is nan; only finite numbers are read" },
        { HEAD("<u8", "False", "(1,)"), "w.npy: element [0] is the integer 9223090561878065153; beyond 2^53 a 64-bit "
                                        "float is not exact, save it as float64" },
        { HEAD("|b1", "False", "(8,)"), "w.npy: element [6] is a boolean of value 255; only 0 and 1 are valid" },
    };
    /* as f8 and as the second f4 NaN, as booleans 1 0 0 0 0 0 255 127, as u8 0x7fff000000000001 */
    static const unsigned char data[8] = { 1, 0, 0, 0, 0, 0, 0xff, 0x7f };
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        unsigned char file[512];
        size_t n = build(file, bad[k].header, data, 8);
        expect_refused("w.npy", "npy", file, n, &plain, bad[k].message);
    }
    unsigned char minus[256];
    size_t n = build(minus, HEAD(">i8", "False", "()"), "\xff\xdf\xff\xff\xff\xff\xff\xff", 8);
    expect_refused("w.npy", "npy", minus, n, &plain,
                   "w.npy: element [] is the integer -9007199254740993; beyond 2^53 a 64-bit float is not exact, save "
                   "it as float64");
}

static void test_refused_frames(void **state) {
    (void)state;
    static const char magic[] = "w.npy: not a .npy file; its first bytes must be 93 4e 55 4d 50 59 (\\x93NUMPY)";
    expect_refused("w.npy", "npy", "", 0, &plain, magic);
    expect_refused("w.npy", "npy", "hello, this is text", 19, &plain, magic);
    expect_refused("w.npy", "npy", "\x93NUMPY\1\0", 8, &plain, magic);
    expect_refused("w.npy", "npy", "\x93NUMPY\4\0\1\0{", 11, &plain,
                   "w.npy: version 4.0 of the format is not known; 1.0, 2.0 and 3.0 are");
    expect_refused("w.npy", "npy", "\x93NUMPY\1\0\2\0{", 11, &plain,
                   "w.npy: truncated: a header of 2 bytes expected, 1 found");
    expect_refused("w.npy", "npy", "\x93NUMPY\2\0\2\0\0", 11, &plain, "w.npy: truncated before the header");
    expect_refused("w.npy", "npy", "\x93NUMPY\2\0\xff\xff\xff\xff{", 13, &plain,
                   "w.npy: a header of 4294967295 bytes; at most 65536 are read");
    size_t n;
    unsigned char *b = load_file("matrix.npy", &n);
    sx_read_opts small = { .max_bytes = 95 };
    expect_refused("w.npy", "npy", b, n, &small, "w.npy: shape (3, 4) needs 96 bytes, the limit is 95 bytes");
    expect_refused("w.npy", "npy", b, n - 1, &plain, "w.npy: truncated: 96 bytes of data expected, 95 found");
    free(b);
    expect_refused_as(SX_E_USAGE, "w.mat", "mat", "", 0, &plain,
                      "w.mat: format 'mat' is not read; npy, npz, csv, csv.gz, txt, mtx, safetensors and png are");
}

static void test_refused_numpy_files(void **state) {
    (void)state;
    static const struct {
        const char *file, *message;
    } bad[] = {
        { "objects.npy", "w.npy: dtype '|O' (Python objects) is not read; save it as float64" },
        { "complex.npy", "w.npy: dtype '<c16' (complex numbers) is not read; save it as float64" },
        { "text.npy", "w.npy: dtype '<U2' (text) is not read; save it as float64" },
        { "dates.npy", "w.npy: dtype '<M8[D]' (dates) is not read; save it as float64" },
        { "structured.npy", "w.npy: a structured dtype is not read; save each field by itself as float64" },
    };
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        size_t n;
        unsigned char *b = load_file(bad[k].file, &n);
        expect_refused("w.npy", "npy", b, n, &plain, bad[k].message);
        free(b);
    }
}

static void test_paths(void **state) {
    (void)state;
    sx_ctx *ctx = sx_ctx_create(NULL);
    sx_array a = { 0 };
    assert_int_equal(sx_array_read(ctx, "weights.mat", &plain, &a), SX_E_FILE);
    assert_string_equal(sx_ctx_message(ctx),
                        "weights.mat: arrays are read from .npy, .npz, .csv, .csv.gz, .txt, .mtx and .safetensors");
    assert_int_equal(sx_array_read(ctx, "npy", &plain, &a), SX_E_FILE);
    assert_int_equal(sx_array_read(ctx, data_path("is_not_there.npy"), &plain, &a), SX_E_FILE);
    assert_non_null(strstr(sx_ctx_message(ctx), "is_not_there.npy"));
    sx_ctx_free(ctx);
}

/* What is written has NumPy's own bytes (matrix.npy) and reads back to the same bits. */
static void test_write(void **state) {
    (void)state;
    char folder[] = "/tmp/sx_npy_XXXXXX", path[64];
    sx_ctx *ctx = sx_ctx_create(NULL);
    double x[24];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/x.npy", folder);
    for (int64_t i = 0; i < 24; i++) x[i] = number(i);
    assert_int_equal(sx_npy_write(ctx, path, 2, (int64_t[]){ 3, 4 }, x), SX_OK);
    size_t n, m;
    unsigned char *want = load_file("matrix.npy", &n), got[512];
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    m = fread(got, 1, sizeof got, f);
    fclose(f);
    assert_int_equal(m, n);
    assert_memory_equal(got, want, n);
    free(want);
    static const int64_t shapes[5][8] = { { 0 }, { 24 }, { 2, 3, 4 }, { 1, 2, 1, 3, 1, 4, 1, 1 }, { 0, 5 } };
    static const int ndim[5] = { 0, 1, 3, 8, 2 };
    x[0] = -0.0;
    x[1] = 0x1p-1074;
    for (int k = 0; k < 5; k++) {
        sx_array a;
        assert_int_equal(sx_npy_write(ctx, path, ndim[k], shapes[k], x), SX_OK);
        assert_int_equal(sx_array_read(ctx, path, &plain, &a), SX_OK);
        assert_int_equal(a.ndim, ndim[k]);
        for (int j = 0; j < ndim[k]; j++) assert_int_equal(a.shape[j], shapes[k][j]);
        assert_int_equal(a.n, k == 0 ? 1 : k == 4 ? 0 : 24);
        assert_memory_equal(a.data, x, (size_t)a.n * sizeof *x);
        sx_array_free(ctx, &a);
    }
    assert_int_equal(sx_npy_write(ctx, path, 9, shapes[0], x), SX_E_USAGE);
    assert_true(sx_npy_write(ctx, path, 2, (int64_t[]){ INT64_MAX, 2 }, x) < 0);
    unlink(path);
    rmdir(folder);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

static void test_mutations(void **state) {
    (void)state;
    static const char *const files[] = { "matrix.npy", "matrix_fortran.npy", "vector_v2.npy", "vector_v3.npy",
                                         "scalar.npy", "empty.npy",          "half.npy",      "structured.npy" };
    sample s[8] = { 0 };
    for (int k = 0; k < 8; k++) s[k].bytes = load_file(files[k], &s[k].n);
    s[1].opts.allow_nonfinite = true;
    expect_survives("npy", s, 8, 1);
    for (int k = 0; k < 8; k++) free((void *)(uintptr_t)s[k].bytes);
}

static void test_no_memory(void **state) {
    (void)state;
    sample s = { 0 };
    s.bytes = load_file("matrix.npy", &s.n);
    expect_memory_safe("npy", &s);
    free((void *)(uintptr_t)s.bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_refused_frames),
        cmocka_unit_test(test_refused_numpy_files),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_write),
        cmocka_unit_test(test_mutations),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
