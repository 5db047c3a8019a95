// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Files whole or absent, reading with limits, checksums. */
#include "core/file.h"
#include "failing_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static sx_ctx *ctx;
static char dir[64], path[128];

static int open_dir(void **state) {
    (void)state;
    ctx = sx_ctx_create(NULL);
    strcpy(dir, "/tmp/sx_test_file_XXXXXX");
    if (!ctx || !mkdtemp(dir)) return -1;
    snprintf(path, sizeof path, "%s/data", dir);
    return 0;
}

static int files_in(const char *folder) {
    int n = 0;
    DIR *d = opendir(folder);
    if (!d) return -1;
    for (struct dirent *e; (e = readdir(d));) n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    closedir(d);
    return n;
}

static int close_dir(void **state) {
    (void)state;
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) (void)unlinkat(dirfd(d), e->d_name, 0);
    if (d) closedir(d);
    (void)rmdir(dir);
    size_t held = sx_ctx_bytes(ctx);
    sx_ctx_free(ctx);
    return held == 0 ? 0 : -1;
}

static void expect_content(const char *expected, size_t n) {
    char *got = NULL;
    size_t size = 0;
    if (sx_file_slurp(ctx, path, 1 << 24, true, &got, &size) != SX_OK) fail_msg("%s", sx_ctx_message(ctx));
    assert_int_equal(size, n);
    assert_memory_equal(got, expected, n);
    assert_int_equal(got[n], 0);
    sx_free(ctx, got);
}

static void replace(void **state) {
    (void)state;
    sx_chunk three[3] = { { "spike", 5 }, { NULL, 0 }, { " train", 6 } };
    assert_int_equal(sx_file_replace(ctx, dir, "data", three, 3), SX_OK);
    expect_content("spike train", 11);
    assert_int_equal(files_in(dir), 1);                                   /* nothing temporary is left */
    assert_int_equal(sx_file_replace(ctx, dir, "data", three, 1), SX_OK); /* shorter: no old tail */
    expect_content("spike", 5);
    assert_int_equal(sx_file_replace(ctx, dir, "data", NULL, 0), SX_OK);
    expect_content("", 0);
    /* larger than the buffer of the verification, not a multiple of it */
    enum { BIG = 300007 };
    char *big;
    assert_int_equal(sx_alloc(ctx, BIG, 1, &big), SX_OK);
    for (int i = 0; i < BIG; ++i) big[i] = (char)(i * 31 + (i >> 8));
    sx_chunk chunks[2] = { { big, 70001 }, { big + 70001, BIG - 70001 } };
    assert_int_equal(sx_file_replace(ctx, dir, "data", chunks, 2), SX_OK);
    expect_content(big, BIG);
    sx_free(ctx, big);
    assert_int_equal(files_in(dir), 1);
}

/* A failure leaves the earlier file and no other. */
static void replace_failures(void **state) {
    (void)state;
    sx_chunk old = { "old", 3 }, none = { "new", 3 };
    assert_int_equal(sx_file_replace(ctx, dir, "data", &old, 1), SX_OK);
    int before = files_in(dir);
    assert_int_equal(sx_file_replace(ctx, "/nowhere/at/all", "data", &none, 1), SX_E_IO);
    assert_string_equal(sx_ctx_message(ctx),
                        "/nowhere/at/all/data: opening the directory failed (3 bytes): No such file or directory");
    static const char *const bad[] = { "", "a/b", "../x", "/etc/x" };
    for (int i = 0; i < 4; ++i) assert_int_equal(sx_file_replace(ctx, dir, bad[i], &none, 1), SX_E_USAGE);

    /* the target is a folder: rename fails */
    char folder[128];
    snprintf(folder, sizeof folder, "%s/folder", dir);
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(sx_file_replace(ctx, dir, "folder", &none, 1), SX_E_IO);
    assert_non_null(strstr(sx_ctx_message(ctx), "renaming failed"));
    assert_int_equal(rmdir(folder), 0);

    /* a link in the place of the file is replaced, not followed */
    char link_path[128];
    snprintf(link_path, sizeof link_path, "%s/link", dir);
    assert_int_equal(symlink("data", link_path), 0);
    assert_int_equal(sx_file_replace(ctx, dir, "link", &none, 1), SX_OK);
    expect_content("old", 3);
    assert_int_equal(unlink(link_path), 0);

    /* a limit on the size of files: space cannot be reserved */
    struct rlimit was, limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    limit = was;
    limit.rlim_cur = 8192;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    static const char big[20000];
    sx_chunk large = { big, sizeof big };
    sx_status status = sx_file_replace(ctx, dir, "data", &large, 1);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    signal(SIGXFSZ, handler);
    assert_int_equal(status, SX_E_IO);
    assert_non_null(strstr(sx_ctx_message(ctx), "reserving space failed (20000 bytes): File too large"));

    failing_host h = { .fail_at = 4 };
    sx_host host = failing_host_of(&h);
    sx_ctx *poor = sx_ctx_create(&host);
    assert_non_null(poor);
    assert_int_equal(sx_file_replace(poor, dir, "data", &none, 1), SX_E_MEMORY);
    sx_ctx_free(poor);
    assert_int_equal(h.held, 0);

    expect_content("old", 3);
    assert_int_equal(files_in(dir), before);
}

static void slurp_limits(void **state) {
    (void)state;
    sx_chunk five = { "12345", 5 };
    char *got = (char *)&got, link_path[128];
    size_t size = 77;
    assert_int_equal(sx_file_replace(ctx, dir, "data", &five, 1), SX_OK);
    assert_int_equal(sx_file_slurp(ctx, path, 4, true, &got, &size), SX_E_FILE);
    assert_non_null(strstr(sx_ctx_message(ctx), "5 bytes: want at most 4"));
    assert_int_equal(sx_file_slurp(ctx, dir, 100, true, &got, &size), SX_E_FILE);
    assert_non_null(strstr(sx_ctx_message(ctx), "not a directory"));
    assert_int_equal(sx_file_slurp(ctx, "/nowhere/x", 100, true, &got, &size), SX_E_FILE);
    assert_int_equal(sx_file_slurp(ctx, "/dev/zero", 100, false, &got, &size), SX_E_FILE);
    snprintf(link_path, sizeof link_path, "%s/link", dir);
    assert_int_equal(symlink("data", link_path), 0);
    assert_int_equal(sx_file_slurp(ctx, link_path, 100, true, &got, &size), SX_E_FILE);
    assert_ptr_equal(got, &got);
    assert_int_equal(size, 77);
    assert_int_equal(sx_file_slurp(ctx, link_path, 100, false, &got, &size), SX_OK);
    assert_string_equal(got, "12345");
    sx_free(ctx, got);
    assert_int_equal(unlink(link_path), 0);
    char pipe_path[128];
    snprintf(pipe_path, sizeof pipe_path, "%s/pipe", dir);
    assert_int_equal(mkfifo(pipe_path, 0600), 0);
    assert_int_equal(sx_file_slurp(ctx, pipe_path, 100, false, &got, &size), SX_E_FILE); /* returns at once */
    assert_int_equal(unlink(pipe_path), 0);
}

static void crc(void **state) {
    (void)state;
    /* check value of CRC-32C, and RFC 3720 appendix B.4: 32 bytes of zeros, ones, ascending */
    unsigned char zeros[32] = { 0 }, ones[32], ascending[32], data[300];
    memset(ones, 0xff, sizeof ones);
    for (int i = 0; i < 32; ++i) ascending[i] = (unsigned char)i;
    assert_true(sx_crc32c(0, "123456789", 9) == 0xE3069283u);
    assert_true(sx_crc32c(0, zeros, 32) == 0x8A9136AAu);
    assert_true(sx_crc32c(0, ones, 32) == 0x62A8AB43u);
    assert_true(sx_crc32c(0, ascending, 32) == 0x46DD794Eu);
    for (int i = 0; i < 300; ++i) data[i] = (unsigned char)(i * i + 3 * i);
    for (size_t n = 0; n <= 300; ++n) { /* instruction and table, any split */
        uint32_t whole = sx_crc32c(0, data, n);
        assert_true(whole == sx_crc32c_portable(0, data, n));
        assert_true(whole == sx_crc32c(sx_crc32c(0, data, n / 3), data + n / 3, n - n / 3));
    }
}

static int compare_hashes(const void *a, const void *b) {
    return memcmp(a, b, sizeof(sx_hash128));
}

/* All messages that differ from a 67-byte one by one or two flipped bits, or by the length: all hashes are different, in each lane. */
static void hash_distinguishes(void **state) {
    (void)state;
    enum { BYTES = 67, BITS = 8 * BYTES, ALL = 1 + BITS + BITS * (BITS - 1) / 2 + BYTES + 40 };
    unsigned char message[BYTES + 40] = { 0 };
    for (int i = 0; i < BYTES; ++i) message[i] = (unsigned char)(i * 37 + 11);
    message[BYTES - 1] = 0; /* zeros at the end: padding must not hide a truncation */
    message[BYTES - 2] = 0;
    sx_hash128 *h = malloc(ALL * sizeof *h);
    uint64_t *lane = malloc(ALL * 2 * sizeof *lane);
    assert_true(h && lane);
    int64_t n = 0, flipped = 0;
    h[n++] = sx_hash(message, BYTES, 5);
    for (int a = 0; a < BITS; ++a) {
        message[a / 8] ^= (unsigned char)(1 << a % 8);
        h[n++] = sx_hash(message, BYTES, 5);
        for (int k = 0; k < 2; ++k) flipped += __builtin_popcountll(h[n - 1].h[k] ^ h[0].h[k]);
        for (int b = a + 1; b < BITS; ++b) {
            message[b / 8] ^= (unsigned char)(1 << b % 8);
            h[n++] = sx_hash(message, BYTES, 5);
            message[b / 8] ^= (unsigned char)(1 << b % 8);
        }
        message[a / 8] ^= (unsigned char)(1 << a % 8);
    }
    for (size_t length = 0; length < BYTES; ++length) h[n++] = sx_hash(message, length, 5);
    for (size_t more = 1; more <= 40; ++more) h[n++] = sx_hash(message, BYTES + more, 5); /* zeros appended */
    assert_int_equal(n, ALL);
    for (int64_t i = 0; i < n; ++i)
        for (int k = 0; k < 2; ++k) lane[2 * i + k] = h[i].h[k];
    qsort(h, ALL, sizeof *h, compare_hashes);
    for (int64_t i = 1; i < n; ++i) assert_true(compare_hashes(&h[i - 1], &h[i]) != 0);
    /* 1.4e5 hashes: two of them agree in 64 bits with probability 1e-9 */
    for (int k = 0; k < 2; ++k) {
        for (int64_t i = 0; i < n; ++i) h[i].h[0] = lane[2 * i + k], h[i].h[1] = 0;
        qsort(h, ALL, sizeof *h, compare_hashes);
        for (int64_t i = 1; i < n; ++i) assert_true(h[i - 1].h[0] != h[i].h[0]);
    }
    /* one flipped bit moves half of the 128: BITS * 64 +- sqrt(BITS * 32) in all, 5 standard errors */
    double z = ((double)flipped - 64.0 * BITS) / 130.97; /* sqrt(536 * 32) */
    assert_true(z > -5 && z < 5);
    free(h);
    free(lane);
}

static void hash_is_keyed_and_fixed(void **state) {
    (void)state;
    sx_hash128 a = sx_hash("abc", 3, 1), b = sx_hash("abc", 3, 2), c = sx_hash(NULL, 0, 1), d = sx_hash(NULL, 0, 2);
    assert_true(a.h[0] != b.h[0] && a.h[1] != b.h[1] && c.h[0] != d.h[0] && c.h[0] != a.h[0]);
    /* checkpoints carry it: it must not change. By an independent transcription to Python integers. */
    sx_hash128 fixed = sx_hash("slow and fast manifolds", 23, 42);
    assert_true(fixed.h[0] == UINT64_C(0xae4bde24026f12ff) && fixed.h[1] == UINT64_C(0x03fde48de191778f));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replace), cmocka_unit_test(replace_failures),   cmocka_unit_test(slurp_limits),
        cmocka_unit_test(crc),     cmocka_unit_test(hash_distinguishes), cmocka_unit_test(hash_is_keyed_and_fixed),
    };
    return cmocka_run_group_tests(tests, open_dir, close_dir);
}
