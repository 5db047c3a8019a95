// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Shared by the tests of the array readers: a counting, failing allocator, exact messages, seeded mutations, files of tests/data/arrays. */
#ifndef SX_TESTS_ARRAY_TESTING_H
#define SX_TESTS_ARRAY_TESTING_H

#include <separatrix/io.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#ifndef SX_MUTATIONS
#define SX_MUTATIONS 2000
#endif
#define MUTATION_LIMIT 65536 /* max_bytes of mutated files */

/* An allocator that counts, and fails call number fail_at (and, if persistent, all later ones). */
typedef struct meter {
    int64_t calls, fail_at;
    bool persistent;
    size_t held, peak, largest;
} meter;

static inline void *meter_alloc(void *user, void *p, size_t old_size, size_t new_size) {
    meter *m = user;
    void *q = NULL;
    if (new_size > 0) {
        m->calls++;
        if (m->fail_at > 0 && (m->persistent ? m->calls >= m->fail_at : m->calls == m->fail_at)) return NULL;
        if (new_size > m->largest) m->largest = new_size;
        q = aligned_alloc(64, (new_size + 63) / 64 * 64);
        if (!q) return NULL;
        if (p) memcpy(q, p, old_size < new_size ? old_size : new_size);
    }
    m->held += new_size;
    if (m->held > m->peak) m->peak = m->held; /* while both blocks exist */
    m->held -= old_size;
    free(p);
    return q;
}

static inline sx_ctx *meter_ctx(meter *m) {
    sx_host host = { .struct_size = sizeof host, .user = m, .alloc = meter_alloc, .threads = 1 };
    sx_ctx *ctx = sx_ctx_create(&host);
    assert_non_null(ctx);
    return ctx;
}

static inline char *data_path(const char *file) {
    static char path[4096];
    snprintf(path, sizeof path, "%s/arrays/%s", SX_TEST_DATA, file);
    return path;
}

static inline unsigned char *load_file(const char *file, size_t *n) {
    FILE *f = fopen(data_path(file), "rb");
    assert_non_null(f);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    *n = (size_t)ftell(f);
    rewind(f);
    unsigned char *b = malloc(*n + 1);
    assert_non_null(b);
    assert_int_equal(fread(b, 1, *n, f), *n);
    fclose(f);
    return b;
}

/* Bytes that end exactly at the end of their block, so that a sanitizer sees every read beyond. */
static inline sx_status parse_exact(sx_ctx *ctx, const char *name, const char *format, const void *bytes, size_t n,
                                    const sx_read_opts *opts, sx_array *out) {
    unsigned char *block = malloc(n > 0 ? n : 1);
    assert_non_null(block);
    if (n > 0) memcpy(block, bytes, n);
    sx_status status = sx_array_parse(ctx, name, format, block, n, opts, out);
    free(block);
    return status;
}

/* The file is refused with this status and exactly this message; the output stays untouched. */
static inline void expect_refused_as(sx_status expected, const char *name, const char *format, const void *bytes,
                                     size_t n, const sx_read_opts *opts, const char *message) {
    meter m = { 0 };
    sx_ctx *ctx = meter_ctx(&m);
    size_t held = m.held;
    sx_array a, before;
    memset(&a, 0x5a, sizeof a);
    memset(&before, 0x5a, sizeof before);
    sx_status status = parse_exact(ctx, name, format, bytes, n, opts, &a);
    if (strcmp(sx_ctx_message(ctx), message) != 0) print_message("got:  %s\nwant: %s\n", sx_ctx_message(ctx), message);
    assert_string_equal(sx_ctx_message(ctx), message);
    assert_int_equal(status, expected);
    assert_memory_equal(&a, &before, sizeof a);
    assert_int_equal(m.held, held);
    sx_ctx_free(ctx);
}

static inline void expect_refused(const char *name, const char *format, const void *bytes, size_t n,
                                  const sx_read_opts *opts, const char *message) {
    expect_refused_as(SX_E_FILE, name, format, bytes, n, opts, message);
}

/* Everything an array says it has can be read. Returns a sum, so that nothing is optimised away. */
static inline double touch(const sx_array *a) {
    double sum = 0;
    int64_t product = 1;
    assert_in_range(a->ndim, 0, 8);
    for (int k = 0; k < a->ndim; k++) {
        assert_true(a->shape[k] >= 0);
        product *= a->shape[k];
    }
    if (a->data) assert_int_equal(a->n, product);
    for (int64_t i = 0; i < a->n; i++) sum += a->data[i];
    for (int64_t k = 0; k < a->nnz; k++) {
        assert_true(a->row[k] >= 0 && a->row[k] < a->shape[0]);
        assert_true(a->column[k] >= 0 && a->column[k] < a->shape[1]);
        sum += a->value[k];
    }
    if (a->row_labels)
        for (int64_t i = 0; i < a->shape[0]; i++) sum += (double)strlen(a->row_labels[i]);
    if (a->column_labels)
        for (int64_t i = 0; i < a->shape[1]; i++) sum += (double)strlen(a->column_labels[i]);
    return sum;
}

/* One file for mutations and allocation failures. */
typedef struct sample {
    const void *bytes;
    size_t n;
    sx_read_opts opts;
} sample;

static inline uint64_t next_random(uint64_t *state) { /* SplitMix64 (Steele, Lea, Flood 2014) */
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Change n bytes in a buffer of n + 512; returns the new length. */
static inline size_t mutate(unsigned char *b, size_t n, uint64_t *seed) {
    static const unsigned char odd[] = { 0,   1,   0x7f, 0x80, 0xff, '0', '9', '-', '.', ',',
                                         ';', '"', '\n', '\r', '\t', ' ', '{', '}', '[', 'e' };
    for (uint64_t k = 1 + next_random(seed) % 4; k > 0; k--) {
        size_t at = n > 0 ? next_random(seed) % n : 0, length = 1 + next_random(seed) % 32;
        uint64_t r = next_random(seed);
        if (n == 0) return 0;
        if (length > n - at) length = n - at;
        switch (next_random(seed) % 9) {
        case 0:
            b[at] ^= (unsigned char)(1u << r % 8);
            break;
        case 1:
            b[at] = odd[r % sizeof odd];
            break;
        case 2:
            b[at] = (unsigned char)r;
            break;
        case 3: /* leave out */
            memmove(b + at, b + at + length, n - at - length);
            n -= length;
            break;
        case 4: /* repeat */
            if (length > 64) length = 64;
            memmove(b + at + length, b + at, n - at);
            n += length;
            break;
        case 5:
            n = r % 8 == 0 ? at : n;
            break; /* cut */
        case 6:    /* a size */
            for (size_t i = 0; i < (r & 1 ? 8u : 4u) && at + i < n; i++)
                b[at + i] = r & 2 ? 0xff : (unsigned char)(i == 0 ? r >> 8 : 0);
            break;
        case 7: /* move */
            memmove(b + at, b + r % (n - length + 1), length);
            break;
        default:
            b[at] = (unsigned char)(b[at] + (r & 1 ? 1 : -1));
            break;
        }
    }
    return n;
}

/* Mutated samples are read or refused with one line of text; never more memory than the limit and a multiple of the file. */
static inline void expect_survives(const char *format, const sample *samples, int n_samples, uint64_t seed) {
    int64_t read = 0, refused = 0;
    for (int i = 0; i < SX_MUTATIONS; i++) {
        meter m = { 0 };
        sx_ctx *ctx = meter_ctx(&m);
        size_t held = m.held, limit;
        sample s = samples[i % n_samples];
        unsigned char *b = malloc(s.n + 512);
        sx_array a = { 0 };
        assert_non_null(b);
        memcpy(b, s.bytes, s.n);
        size_t n = mutate(b, s.n, &seed);
        s.opts.max_bytes = MUTATION_LIMIT;
        m.largest = m.peak = 0;
        sx_status status = parse_exact(ctx, "m", format, b, n, &s.opts, &a);
        limit = MUTATION_LIMIT + 64 * n + 65536;
        assert_true(m.largest <= limit);
        assert_true(m.peak <= held + 4 * limit);
        if (status == SX_OK) {
            read++;
            assert_false(isinf(touch(&a)) && !s.opts.allow_nonfinite && a.n == 1);
            sx_array_free(ctx, &a);
        } else {
            refused++;
            assert_int_equal(status, SX_E_FILE);
            assert_true(sx_ctx_message(ctx)[0] == 'm' &&
                        (sx_ctx_message(ctx)[1] == ':' || sx_ctx_message(ctx)[1] == '['));
            for (const char *p = sx_ctx_message(ctx); *p; p++) assert_true((unsigned char)*p >= 0x20 && *p != 0x7f);
        }
        assert_int_equal(m.held, held);
        free(b);
        sx_ctx_free(ctx);
    }
    assert_true(refused > SX_MUTATIONS / 10); /* the mutations do bite */
    print_message("%s: %lld mutated files read, %lld refused\n", format, (long long)read, (long long)refused);
}

/* Every single allocation fails in turn, once or for ever: SX_E_MEMORY, nothing leaks, nothing is written. */
static inline void expect_memory_safe(const char *format, const sample *s) {
    for (int persistent = 0; persistent < 2; persistent++)
        for (int64_t k = 1;; k++) {
            meter m = { 0 };
            sx_ctx *ctx = meter_ctx(&m);
            size_t held = m.held;
            sx_array a, before;
            memset(&a, 0x5a, sizeof a);
            memset(&before, 0x5a, sizeof before);
            m.calls = 0;
            m.fail_at = k;
            m.persistent = persistent;
            sx_status status = parse_exact(ctx, "m", format, s->bytes, s->n, &s->opts, &a);
            bool reached = m.calls >= k;
            m.fail_at = 0;
            if (status == SX_OK)
                sx_array_free(ctx, &a);
            else {
                assert_int_equal(status, SX_E_MEMORY);
                assert_memory_equal(&a, &before, sizeof a);
            }
            assert_int_equal(m.held, held);
            sx_ctx_free(ctx);
            assert_true(reached ? status == SX_E_MEMORY : status == SX_OK);
            if (!reached) {
                assert_true(k > 1);
                break;
            }
        }
}

#endif
