// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* safetensors: files of the reference implementation (tools/make_array_fixtures.py), malformed headers, mutations, no memory. */
#include "array_testing.h"

static const sx_read_opts plain = { .header = -1, .missing_error = true };

static double number(char kind, int64_t i) {
    double v = (double)(5 * i % 23);
    return kind == 'F' ? v - 10.5 : kind == 'I' ? v - 11 : kind == 'U' ? v : (double)(i % 3 == 0);
}

static void test_types(void **state) {
    (void)state;
    static const char *const types[] = { "F64", "F32", "F16", "I64", "I32", "I16",
                                         "I8",  "U64", "U32", "U16", "U8",  "BOOL" };
    sx_ctx *ctx = sx_ctx_create(NULL);
    sx_read_opts o = plain;
    sx_array a;
    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        o.name = types[t];
        assert_int_equal(sx_array_read(ctx, data_path("types.safetensors"), &o, &a), SX_OK);
        assert_true(a.ndim == 3 && a.shape[0] == 2 && a.shape[1] == 3 && a.shape[2] == 4 && a.n == 24);
        for (int64_t i = 0; i < 24; i++) assert_true(a.data[i] == number(types[t][0], i));
        sx_array_free(ctx, &a);
    }
    o.name = "none";
    assert_int_equal(sx_array_read(ctx, data_path("types.safetensors"), &o, &a), SX_OK);
    assert_true(a.ndim == 2 && a.shape[0] == 0 && a.shape[1] == 2 && a.n == 0);
    sx_array_free(ctx, &a);
    static const char *const one[] = { "one.safetensors", "bf16.safetensors" };
    for (int f = 0; f < 2; f++) {
        assert_int_equal(sx_array_read(ctx, data_path(one[f]), NULL, &a), SX_OK);
        assert_true(a.ndim == 2 && a.shape[0] == 3 && a.shape[1] == 4);
        for (int64_t i = 0; i < 12; i++) assert_true(a.data[i] == number('F', i));
        sx_array_free(ctx, &a);
    }
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

static size_t build(unsigned char *out, const char *header, const void *data, size_t n) {
    size_t length = strlen(header);
    for (int i = 0; i < 8; i++) out[i] = (unsigned char)(length >> 8 * i);
    memcpy(out + 8, header, length);
    if (n > 0) memcpy(out + 8 + length, data, n);
    return 8 + length + n;
}

#define ONE(dtype, shape, offsets) "{\"x\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}}"
#define TWO(a, b)                                                                                                      \
    "{\"x\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":" a                                                       \
    "},\"y\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":" b "}}"

static void test_refused(void **state) {
    (void)state;
    static const unsigned char data[8] = { 0, 0, 0, 0, 0, 0, 0xf8, 0x7f };
    static const char *const named = "x";
    static const struct {
        const char *header, *message;
    } bad[] = {
        { "[]", "w.safetensors: header, byte 1: the header must begin with {" },
        { " {}", "w.safetensors: header, byte 1: the header must begin with {" },
        { "{}", "w.safetensors: 8 bytes follow the last tensor" },
        { "{\"x\":1}", "w.safetensors: tensor 'x' is not described by { ... }" },
        { "{\"x\"", "w.safetensors: header, byte 4: not valid JSON" },
        { "{\"x", "w.safetensors: header, byte 2: the closing quote is missing" },
        { "{\"a\nb\":{}}", "w.safetensors: header, byte 4: a control character in a text" },
        { "{\"a\\u0000b\":{}}", "w.safetensors: header, byte 4: a NUL in a text" },
        { "{\"a\xff\":{}}", "w.safetensors: header, byte 4: not UTF-8" },
        { "{} x", "w.safetensors: header, byte 4: text after the header" },
        { "{\"a\":{\"b\":[[[1]]]}}", "w.safetensors: header, byte 13: nested more than 4 deep" },
        { ONE("F64", "[-1]", "[0,8]"),
          "w.safetensors: header, byte 30: a number that is not a whole number from 0 to 999999999999999" },
        { ONE("F64", "[1.0]", "[0,8]"),
          "w.safetensors: header, byte 30: a number that is not a whole number from 0 to 999999999999999" },
        { ONE("F64", "[1e0]", "[0,8]"),
          "w.safetensors: header, byte 30: a number that is not a whole number from 0 to 999999999999999" },
        { ONE("F64", "[01]", "[0,8]"),
          "w.safetensors: header, byte 30: a number that is not a whole number from 0 to 999999999999999" },
        { ONE("F64", "[9999999999999999]", "[0,8]"),
          "w.safetensors: header, byte 30: a number that is not a whole number from 0 to 999999999999999" },
        { ONE("F64", "[99999999999999,9999999999]", "[0,8]"),
          "w.safetensors: tensor 'x' has a shape that is too large" },
        { ONE("F64", "[1,1,1,1,1,1,1,1,1]", "[0,8]"),
          "w.safetensors: tensor 'x' has a shape that is not a list of at most 8 numbers" },
        { ONE("F64", "[\"1\"]", "[0,8]"),
          "w.safetensors: tensor 'x' has a shape that is not a list of at most 8 numbers" },
        { ONE("F64", "1", "[0,8]"), "w.safetensors: tensor 'x' has a shape that is not a list of at most 8 numbers" },
        { ONE("F64", "[1]", "[0]"), "w.safetensors: tensor 'x' has data_offsets that are not two numbers" },
        { ONE("F64", "[1]", "[0,8,9]"), "w.safetensors: tensor 'x' has data_offsets that are not two numbers" },
        { ONE("F64", "[1]", "[8,0]"),
          "w.safetensors: tensor 'x' has data_offsets [8, 0], but the file holds 8 bytes of data" },
        { ONE("F64", "[2]", "[0,16]"),
          "w.safetensors: tensor 'x' has data_offsets [0, 16], but the file holds 8 bytes of data" },
        { ONE("F64", "[2]", "[0,8]"),
          "w.safetensors: tensor 'x' has 2 numbers of 8 bytes, but data_offsets of 8 bytes" },
        { ONE("F32", "[1]", "[0,4]"), "w.safetensors: 4 bytes follow the last tensor" },
        { ONE("F32", "[1]", "[4,8]"), "w.safetensors: tensor 'x' leaves a gap before its data" },
        { ONE("f32", "[1]", "[0,4]"), "w.safetensors: tensor 'x' has a dtype that is not known" },
        { ONE("C64", "[1]", "[0,8]"), "w.safetensors: tensor 'x' has dtype C64, which is not read; save it as F32" },
        { ONE("F64", "[1]", "[0,8]"), "w.safetensors[x]: element [0] is nan; only finite numbers are read" },
        { ONE("BOOL", "[4,2]", "[0,8]"),
          "w.safetensors[x]: element [3, 0] is a boolean of value 248; only 0 and 1 are valid" },
        { "{\"x\":{\"dtype\":\"F64\",\"shape\":[1]}}",
          "w.safetensors: tensor 'x' needs dtype, shape and data_offsets" },
        { "{\"x\":{\"dtype\":\"F64\",\"dtype\":\"F64\"}}", "w.safetensors: tensor 'x' has a key twice" },
        { "{\"x\":{\"dtype\":\"F64\",\"run\":\"F64\"}}",
          "w.safetensors: tensor 'x' has an unknown key; dtype, shape and data_offsets are known" },
        { "{\"x\":{\"dtype\":7,\"shape\":[1],\"data_offsets\":[0,8]}}",
          "w.safetensors: tensor 'x' has a dtype that is not known" },
        { TWO("[0,4]", "[0,4]"), "w.safetensors: tensor 'y' overlaps another" },
        { TWO("[0,4]", "[3,7]"), "w.safetensors: tensor 'y' overlaps another" },
        { "{\"x\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"x\":{\"dtype\":\"U8\",\"shape\":[4],\"data_"
          "offsets\":[4,8]}}",
          "w.safetensors: tensor 'x' is there twice" },
        { TWO("[4,8]", "[0,4]"), "w.safetensors: holds 2 tensors (x, y); say which by name" },
        { "{\"__metadata__\":{\"a\":1}}", "w.safetensors: __metadata__ must hold texts only" },
        { "{\"__metadata__\":{\"a\":\"1\"},\"__metadata__\":{}}", "w.safetensors: __metadata__ is there twice" },
    };
    unsigned char file[512];
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        size_t n = build(file, bad[k].header, data, 8);
        expect_refused("w.safetensors", "safetensors", file, n, &plain, bad[k].message);
    }
    sx_read_opts other = { .name = "z" }, tight = { .name = named, .max_bytes = 300 };
    size_t n = build(file, TWO("[4,8]", "[0,4]"), data, 8);
    expect_refused("w.safetensors", "safetensors", file, n, &other,
                   "w.safetensors: holds no tensor 'z'; it holds x, y");
    expect_refused("w.safetensors", "safetensors", file, n, &tight,
                   "w.safetensors: a header of 15 values, more than the limit of 300 bytes holds");
    n = build(file, "{}", data, 0);
    expect_refused("w.safetensors", "safetensors", file, n, &plain, "w.safetensors: holds no tensor");
    expect_refused("w.safetensors", "safetensors", file, 9, &plain,
                   "w.safetensors: not a safetensors file; 9 bytes are too few");
    file[0] = 3;
    expect_refused("w.safetensors", "safetensors", file, n, &plain,
                   "w.safetensors: truncated: a header of 3 bytes expected, 2 found");
    file[4] = 1;
    expect_refused("w.safetensors", "safetensors", file, n, &plain,
                   "w.safetensors: a header of 4294967299 bytes; at most 100000000 are read");
}

/* A name that is escaped in the JSON, and padding after the header. */
static void test_names(void **state) {
    (void)state;
    unsigned char file[256];
    sx_ctx *ctx = sx_ctx_create(NULL);
    sx_array a;
    sx_read_opts o = { .name = "a/\xc3\xa4\"" };
    size_t n = build(file, "{\"a\\/\\u00e4\\\"\": {\"shape\": [], \"data_offsets\": [0, 1], \"dtype\": \"I8\"}}   ",
                     "\xfe", 1);
    assert_int_equal(parse_exact(ctx, "w", "safetensors", file, n, &o, &a), SX_OK);
    assert_true(a.ndim == 0 && a.n == 1 && a.data[0] == -2);
    sx_array_free(ctx, &a);
    sx_ctx_free(ctx);
}

static void test_mutations(void **state) {
    (void)state;
    static const char *const files[] = { "one.safetensors", "types.safetensors", "bf16.safetensors" };
    sample s[3] = { 0 };
    for (int k = 0; k < 3; k++) s[k].bytes = load_file(files[k], &s[k].n);
    s[1].opts.name = "I16";
    s[2].opts.allow_nonfinite = true;
    expect_survives("safetensors", s, 3, 7);
    for (int k = 0; k < 3; k++) free((void *)(uintptr_t)s[k].bytes);
}

static void test_no_memory(void **state) {
    (void)state;
    sample s = { .opts = { .name = "F16" } };
    s.bytes = load_file("types.safetensors", &s.n);
    expect_memory_safe("safetensors", &s);
    free((void *)(uintptr_t)s.bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),     cmocka_unit_test(test_refused),   cmocka_unit_test(test_names),
        cmocka_unit_test(test_mutations), cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
