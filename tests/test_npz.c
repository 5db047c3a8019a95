// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* .npz: archives written by NumPy (tools/make_array_fixtures.py), all number types, damaged archives, mutations, no memory. */
#include "array_testing.h"

static const sx_read_opts plain = { .header = -1, .missing_error = true };

/* The patterns of the fixtures: 5 i mod 23 less 10.5 (floats), 11 (signed), 0 (unsigned); i mod 3 == 0 (booleans). */
static double number(char kind, int64_t i) {
    double v = (double)(5 * i % 23);
    return kind == 'f' ? v - 10.5 : kind == 'i' ? v - 11 : kind == 'u' ? v : (double)(i % 3 == 0);
}

static void test_types(void **state) {
    (void)state;
    static const char *const types[] = { "f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1" };
    static const char *const files[] = { "types.npz", "types_deflated.npz" };
    static const char *const ends[] = { "", "_fortran", "_be", "_be_fortran" };
    sx_ctx *ctx = sx_ctx_create(NULL);
    int arrays = 0;
    for (int f = 0; f < 2; f++)
        for (size_t t = 0; t < sizeof types / sizeof *types; t++)
            for (int e = 0; e < (types[t][1] == '1' ? 2 : 4); e++, arrays++) {
                char name[32];
                sx_read_opts o = plain;
                sx_array a;
                snprintf(name, sizeof name, "%s%s%s", types[t], ends[e], f ? ".npy" : "");
                o.name = name;
                assert_int_equal(sx_array_read(ctx, data_path(files[f]), &o, &a), SX_OK);
                assert_true(a.ndim == 3 && a.shape[0] == 2 && a.shape[1] == 3 && a.shape[2] == 4 && a.n == 24);
                for (int64_t i = 0; i < 24; i++) assert_true(a.data[i] == number(types[t][0], i));
                sx_array_free(ctx, &a);
            }
    assert_int_equal(arrays, 84);
    static const char *const one[] = { "one.npz", "one_zip64.npz", "one_streamed.npz" };
    for (int f = 0; f < 3; f++) {
        sx_array a;
        assert_int_equal(sx_array_read(ctx, data_path(one[f]), NULL, &a), SX_OK);
        assert_true(a.ndim == 2 && a.shape[0] == 3 && a.shape[1] == 4);
        for (int64_t i = 0; i < 12; i++) assert_true(a.data[i] == number('f', i));
        sx_array_free(ctx, &a);
    }
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* one.npz: a local header at 0 (30 bytes, name of 5, zip64 extra of 20), 224 bytes of data at 55, the directory at 279 (46 + 5 bytes),
 * the end record at 330 (22 bytes). */
#define DATA      55
#define DIRECTORY 279
#define END       330

typedef struct change {
    size_t at;
    int n;
    unsigned char bytes[8];
    const char *message;
} change;

static void test_refused(void **state) {
    (void)state;
    static const char differs[] =
        "w.npz: entry 'W.npy' is described differently by its local header and by the directory";
    static const char no_end[] =
        "w.npz: not a complete .npz (zip) file; it must end with a zip end record without comment";
    static const char names[] = "w.npz: entry 1 has a name that is not made of letters, digits, _, . and -";
    static const change changes[] = {
        { END, 1, { 'X' }, no_end },
        { END + 4, 1, { 1 }, "w.npz: zip archives in several parts are not read" },
        { END + 8, 1, { 2 }, "w.npz: zip archives in several parts are not read" },
        { END + 8, 4, { 1, 4, 1, 4 }, "w.npz: 1025 entries; at most 1024 are read" },
        { END + 8, 4, { 2, 0, 2, 0 }, "w.npz: the zip directory is malformed at entry 2" },
        { END + 8, 4, { 0, 0, 0, 0 }, "w.npz: the zip directory holds more than its entries" },
        { END + 16, 1, { 0 }, "w.npz: the zip directory does not lie before the end record" },
        { END + 16, 4, { 0xff, 0xff, 0xff, 0x7f }, "w.npz: the zip directory does not lie before the end record" },
        { DIRECTORY, 1, { 'X' }, "w.npz: the zip directory is malformed at entry 1" },
        { DIRECTORY + 28, 2, { 0xff, 0xff }, "w.npz: the zip directory is malformed at entry 1" },
        { DIRECTORY + 46, 1, { '/' }, names },
        { DIRECTORY + 46, 1, { '.' }, names },
        { DIRECTORY + 46, 1, { 0 }, names },
        { DIRECTORY + 46,
          1,
          { 'V' },
          "w.npz: entry 'V.npy' is described differently by its local header and by the directory" },
        { DIRECTORY + 42, 1, { 1 }, "w.npz: entry 'W.npy' has no local header where the directory says" },
        { DIRECTORY + 42,
          4,
          { 0xfe, 0xff, 0xff, 0xff },
          "w.npz: entry 'W.npy' has no local header where the directory says" },
        { DIRECTORY + 42,
          4,
          { 0xff, 0xff, 0xff, 0xff },
          "w.npz: entry 'W.npy' has no local header where the directory says" },
        { DIRECTORY + 20, 4, { 0xff, 0xff, 0xff, 0x7f }, "w.npz: entry 'W.npy' runs out of the file" },
        { DIRECTORY + 24, 4, { 0xff, 0xff, 0xff, 0x7f }, differs },
        { DIRECTORY + 16, 1, { 0 }, differs },
        { DIRECTORY + 10, 1, { 8 }, differs },
        { DIRECTORY + 8, 1, { 8 }, differs },
        { 14, 1, { 0 }, differs },
        { 26, 1, { 200 }, "w.npz: entry 'W.npy' runs out of the file" },
        { 26, 2, { 255, 255 }, "w.npz: entry 'W.npy' has a local header that runs out of the file" },
        { 37, 1, { 200 }, "w.npz: entry 'W.npy' has a malformed zip64 field" },
        { 37, 1, { 4 }, "w.npz: entry 'W.npy' has a malformed zip64 field" },
        { DATA + 150, 1, { 1 }, "w.npz[W]: the CRC does not agree; the file is damaged" },
    };
    size_t n;
    unsigned char *b = load_file("one.npz", &n);
    assert_int_equal(n, 352);
    for (size_t k = 0; k < sizeof changes / sizeof *changes; k++) {
        unsigned char copy[352];
        memcpy(copy, b, n);
        memcpy(copy + changes[k].at, changes[k].bytes, (size_t)changes[k].n);
        expect_refused("w.npz", "npz", copy, n, &plain, changes[k].message);
    }
    expect_refused("w.npz", "npz", b, n - 1, &plain, no_end);
    expect_refused("w.npz", "npz", "", 0, &plain, no_end);
    /* in both places */
    unsigned char copy[352];
    memcpy(copy, b, n);
    copy[6] = copy[DIRECTORY + 8] = 1;
    expect_refused("w.npz", "npz", copy, n, &plain,
                   "w.npz: entry 'W.npy' is encrypted or of another kind that is not read");
    copy[6] = copy[DIRECTORY + 8] = 8;
    expect_refused("w.npz", "npz", copy, n, &plain,
                   "w.npz: entry 'W.npy' has no data descriptor that agrees with the directory");
    copy[6] = copy[DIRECTORY + 8] = 0;
    copy[8] = copy[DIRECTORY + 10] = 12;
    expect_refused("w.npz", "npz", copy, n, &plain,
                   "w.npz: entry 'W.npy' is neither stored nor deflated; save it with numpy.savez");
    copy[8] = copy[DIRECTORY + 10] = 8;
    expect_refused("w.npz", "npz", copy, n, &plain,
                   "w.npz[W]: the compressed data are damaged or not of the declared size");
    sx_read_opts other = { .name = "V" }, tight = { .max_bytes = 223 };
    expect_refused("w.npz", "npz", b, n, &other, "w.npz: holds no array 'V'; it holds W");
    expect_refused("w.npz", "npz", b, n, &tight, "w.npz: the entries expand to more than the limit of 223 bytes");
    expect_refused("w.npz", "npz", b + END, 0, &plain, no_end);
    static const unsigned char none[22] = { 'P', 'K', 5, 6 };
    expect_refused("w.npz", "npz", none, sizeof none, &plain, "w.npz: holds no array");
    free(b);
}

static void test_refused_files(void **state) {
    (void)state;
    size_t n;
    unsigned char *b = load_file("types.npz", &n);
    expect_refused("w.npz", "npz", b, n, &plain,
                   "w.npz: holds 42 arrays (f2, f2_fortran, f2_be, f2_be_fortran, f4, f4_fortran, f4_be, "
                   "f4_be_fortran, ...); say which by name");
    free(b);
    b = load_file("bomb.npz", &n);
    expect_refused("w.npz", "npz", b, n, &plain,
                   "w.npz[W]: expands more than 200-fold, from 2133 to 2097280 bytes or more, which is refused; save "
                   "it uncompressed");
    free(b);
    b = load_file("one_zip64.npz", &n); /* the locator is the 20 bytes before the last 22 */
    b[n - 22 - 20 + 8] ^= 1;
    expect_refused("w.npz", "npz", b, n, &plain, "w.npz: the zip64 end record is malformed");
    free(b);
    b = load_file("one_streamed.npz", &n);
    size_t size = b[26] + 256u * b[27], at = 30 + size, packed = 0;
    for (packed = 1; at + packed + 4 < n && memcmp(b + at + packed, "PK\7\10", 4) != 0; packed++) {
    }
    b[at + packed + 8] ^= 1; /* compressed size in the descriptor */
    expect_refused("w.npz", "npz", b, n, &plain,
                   "w.npz: entry 'W.npy' has no data descriptor that agrees with the directory");
    free(b);
}

/* An archive of stored entries: name, place of the local header of which each shall claim. */
static size_t put(unsigned char *b, size_t at, uint64_t v, int n) {
    for (int i = 0; i < n; i++) b[at + (size_t)i] = (unsigned char)(i < 8 ? v >> (8 * i) : 0);
    return at + (size_t)n;
}

static size_t archive(unsigned char *b, int entries, const char *const *names, const size_t *claimed,
                      const char *content, size_t length, uint32_t crc) {
    size_t at = 0, start[4], directory = 0;
    for (int pass = 0; pass < 2; pass++) {
        if (pass == 1) directory = at;
        for (int k = 0; k < entries; k++) {
            if (pass == 0) start[k] = at;
            at = put(b, at, pass ? 0x02014b50 : 0x04034b50, 4);
            if (pass) at = put(b, at, 20, 2);
            at = put(b, at, 20, 2);
            at = put(b, at, 0, 2); /* flags */
            at = put(b, at, 0, 2); /* stored */
            at = put(b, at, 0, 4); /* time */
            at = put(b, at, crc, 4);
            at = put(b, at, length, 4);
            at = put(b, at, length, 4);
            at = put(b, at, strlen(names[k]), 2);
            at = put(b, at, 0, 2);
            if (pass) {
                at = put(b, at, 0, 10);
                at = put(b, at, claimed ? claimed[k] : start[k], 4);
            }
            memcpy(b + at, names[k], strlen(names[k]));
            at += strlen(names[k]);
            if (pass) continue;
            memcpy(b + at, content, length);
            at += length;
        }
    }
    size_t end = at;
    at = put(b, at, 0x06054b50, 4);
    at = put(b, at, 0, 4);
    at = put(b, at, (uint64_t)entries, 2);
    at = put(b, at, (uint64_t)entries, 2);
    at = put(b, at, end - directory, 4);
    at = put(b, at, directory, 4);
    return put(b, at, 0, 2);
}

static void test_crafted(void **state) {
    (void)state;
    unsigned char b[1024];
    /* 0x352441c2 = zlib.crc32(b"abc") of CPython */
    static const char *const twice[] = { "a.npy", "a.npy" }, *const text[] = { "a.txt", "b.npy" };
    size_t n = archive(b, 2, twice, NULL, "abc", 3, 0x352441c2);
    expect_refused("w.npz", "npz", b, n, &plain, "w.npz: entry 'a.npy' is there twice");
    n = archive(b, 2, text, NULL, "abc", 3, 0x352441c2);
    expect_refused("w.npz", "npz", b, n, &plain,
                   "w.npz[b]: not a .npy file; its first bytes must be 93 4e 55 4d 50 59 (\\x93NUMPY)");
    /* the second entry lies inside the data of the first: content = a complete local entry "b.npy" of the same length field */
    unsigned char inner[64];
    size_t m = put(inner, 0, 0x04034b50, 4);
    m = put(inner, m, 20, 2);
    m = put(inner, m, 0, 8);
    m = put(inner, m, 0x11111111, 4);
    size_t sizes = m;
    m = put(inner, m, 0, 8);
    m = put(inner, m, 5, 4);
    memcpy(inner + m, "b.npy", 5);
    m += 5;
    put(inner, sizes, m, 4);
    put(inner, sizes + 4, m, 4);
    static const char *const nested[] = { "a.npy", "b.npy" };
    static const size_t claimed[] = { 0, 35 }; /* 30 + 5 bytes: the data of the first */
    n = archive(b, 2, nested, claimed, (const char *)inner, m, 0x11111111);
    expect_refused("w.npz", "npz", b, n, &plain, "w.npz: entry 'b.npy' overlaps another entry");
}

static void test_mutations(void **state) {
    (void)state;
    static const char *const files[] = { "one.npz", "one_zip64.npz", "one_streamed.npz", "types.npz",
                                         "types_deflated.npz" };
    sample s[5] = { 0 };
    for (int k = 0; k < 5; k++) {
        s[k].bytes = load_file(files[k], &s[k].n);
        if (k > 2) s[k].opts.name = "i2_be_fortran";
    }
    expect_survives("npz", s, 5, 6);
    for (int k = 0; k < 5; k++) free((void *)(uintptr_t)s[k].bytes);
}

static void test_no_memory(void **state) {
    (void)state;
    static const char *const files[] = { "one.npz", "one_streamed.npz" };
    for (int k = 0; k < 2; k++) {
        sample s = { .opts = plain };
        s.bytes = load_file(files[k], &s.n);
        expect_memory_safe("npz", &s);
        free((void *)(uintptr_t)s.bytes);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),   cmocka_unit_test(test_refused),   cmocka_unit_test(test_refused_files),
        cmocka_unit_test(test_crafted), cmocka_unit_test(test_mutations), cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
