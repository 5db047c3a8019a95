// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Results as HDF5: everything comes back bit for bit, equal results give equal files, faults leave the old file, damaged files are
 * refused. The layout as others see it (ncdump, h5py, xarray) is checked by check_netcdf.py. */
#include "core/result_private.h"
#include "io/hdf5_private.h"

#include <separatrix/io.h>

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "test_hdf5_XXXXXX";
static const char *file(const char *name) {
    static char path[4][128];
    static int i;
    i = (i + 1) % 4;
    snprintf(path[i], sizeof path[i], "%s/%s", directory, name);
    return path[i];
}

#define OK(call)                                                                                                       \
    do {                                                                                                               \
        if ((call) < 0) fail_msg("%s\n%s", sx_ctx_message(ctx), sx_ctx_trace(ctx));                                    \
    } while (0)

static char *slurp(const char *path, size_t *n) {
    FILE *f = fopen(path, "rb");
    if (!f) return NULL;
    fseek(f, 0, SEEK_END);
    *n = (size_t)ftell(f);
    rewind(f);
    char *bytes = malloc(*n + 1);
    assert_int_equal(fread(bytes, 1, *n, f), *n);
    fclose(f);
    return bytes;
}
static void spill(const char *path, const char *bytes, size_t n) {
    FILE *f = fopen(path, "wb");
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}
static bool exists(const char *path) {
    struct stat st;
    return lstat(path, &st) == 0;
}

enum { UNITS = 3, TIMES = 12000, REPLICAS = 2 };
static double state_at(int r, int t, int u) {
    return r + sin(0.001 * t) * (u + 1) + (t % 7) * 1e-13;
}

/* A result with every kind of content. `times` > 2600 makes x a chunked variable, > 21845 one that is read on demand. */
static void fill(sx_ctx *ctx, sx_result *r, int times) {
    static const char *const names[UNITS] = { "AVAL", "", "Z\xC3\xA9" };
    static const float f32[UNITS] = { 1.5f, NAN, -0.0f };
    static const int64_t i64[UNITS] = { (1LL << 53) + 1, INT64_MAX, INT64_MIN };
    static const uint8_t u8[UNITS] = { 1, 0, 255 };
    int id;
    char *text = malloc(200001);
    memset(text, 'e', 200000);
    text[200000] = '\0';
    OK(sx_result_attr_text(ctx, r, "", NULL, "experiment", text)); /* larger than an object header */
    free(text);
    OK(sx_result_attr_text(ctx, r, "", NULL, "empty", ""));
    OK(sx_result_attr_number(ctx, r, "", NULL, "seed", 0.1));
    OK(sx_result_dim(ctx, r, "", "unit", UNITS));
    OK(sx_result_dim(ctx, r, "", "complex", 2));
    OK(sx_result_dim(ctx, r, "", "alone", 5));
    const sx_var label = { .name = "unit", .dims = "unit", .dtype = SX_DT_STRING, .long_name = "name of the unit" };
    OK(sx_result_define(ctx, r, "", &label, &id));
    OK(sx_result_write(ctx, r, id, NULL, NULL, names));
    OK(sx_result_dim(ctx, r, "traj", "replica", REPLICAS));
    OK(sx_result_dim(ctx, r, "traj", "time", times));
    OK(sx_result_dim(ctx, r, "traj", "attractor", 0));
    OK(sx_result_attr_text(ctx, r, "traj", NULL, "units", "of a group, not of a variable"));
    const sx_var x = { .name = "x",
                       .dims = "replica,time,unit",
                       .dtype = SX_DT_F64,
                       .units = "mV",
                       .long_name = "state",
                       .method = "euler",
                       .stored = true };
    OK(sx_result_define(ctx, r, "traj", &x, &id));
    double *data = malloc(sizeof(double) * REPLICAS * (size_t)times * UNITS), *p = data;
    for (int k = 0; k < REPLICAS; k++)
        for (int t = 0; t < times; t++)
            for (int u = 0; u < UNITS; u++) *p++ = state_at(k, t, u);
    OK(sx_result_write(ctx, r, id, NULL, NULL, data));
    OK(sx_result_attr_number(ctx, r, "traj", "x", "tolerance", 1e-300));
    for (int t = 0; t < times; t++) data[t] = 0.1 * t;
    OK(sx_result_put(ctx, r, "traj", "time", "time", "ms", "time", data)); /* a coordinate, defined after its use */
    OK(sx_result_put(ctx, r, "traj", "rate", "", "1/ms", "a rate", data + 3));
    OK(sx_result_put(ctx, r, "traj", "point", "attractor,unit", "mV", "nothing found", data));
    OK(sx_result_put(ctx, r, "eig", "lambda", "unit,complex", "1/ms", "eigenvalue", data));
    const sx_var vf = { .name = "f", .dims = "unit", .dtype = SX_DT_F32, .units = "1", .long_name = "single" };
    OK(sx_result_define(ctx, r, "eig", &vf, &id));
    OK(sx_result_write(ctx, r, id, NULL, NULL, f32));
    const sx_var vi = { .name = "n", .dims = "unit", .dtype = SX_DT_I64, .units = "1", .long_name = "integer" };
    OK(sx_result_define(ctx, r, "traj", &vi, &id)); /* another group in between */
    OK(sx_result_write(ctx, r, id, NULL, NULL, i64));
    const sx_var vu = { .name = "flag", .dims = "unit", .dtype = SX_DT_U8, .units = "1", .long_name = "flag" };
    OK(sx_result_define(ctx, r, "eig", &vu, &id));
    OK(sx_result_write(ctx, r, id, NULL, NULL, u8));
    OK(sx_result_add_group(ctx, r, "nothing-in-it"));
    OK(sx_result_warn(ctx, r, "traj", "careful: %d", 5));
    OK(sx_result_warn(ctx, r, "", "and \xE2\x88\x82"));
    const sx_verdict v = { "variance of AVAL", 1.0, 0.1, 1.25, "exact", 39060 },
                     w = { "z undefined", 1.0, 0.0, 1.0, "" };
    OK(sx_result_verdict(ctx, r, "traj", &v));
    OK(sx_result_verdict(ctx, r, "eig", &w));
    free(data);
}

static sx_result *make(sx_ctx *ctx, int times) {
    sx_result *r;
    OK(sx_result_create(ctx, NULL, &r));
    fill(ctx, r, times);
    return r;
}

/* Numbers of two results agree bit for bit; texts too when asked for. Independent of the comparison inside sx_result_save. */
static bool equal(sx_ctx *ctx, const sx_result *a, const sx_result *b, bool texts) {
    if (sx_result_vars(a) != sx_result_vars(b)) return false;
    for (int i = 0; i < sx_result_vars(a); i++) {
        const char *group, *dims[8];
        int64_t shape[8], other[8], n = 1;
        const sx_var *va = sx_result_var(a, i, &group);
        const int j = sx_result_find(b, group, va->name), ndim = sx_result_shape(a, i, shape, dims);
        if (j < 0 || sx_result_shape(b, j, other, dims) != ndim || sx_result_var(b, j, NULL)->dtype != va->dtype)
            return false;
        for (int k = 0; k < ndim; k++) {
            if (shape[k] != other[k]) return false;
            n *= shape[k];
        }
        if (n == 0) continue;
        if (va->dtype == SX_DT_STRING) {
            for (int64_t k = 0; texts && k < n; k++)
                if (strcmp(sx_result_text(a, i, k), sx_result_text(b, j, k)) != 0) return false;
            continue;
        }
        const size_t bytes = (size_t)n * sx_dtype_size(va->dtype);
        char *p = malloc(bytes), *q = malloc(bytes);
        OK(sx_result_read_raw(ctx, a, i, NULL, NULL, p));
        const bool same = sx_result_read_raw(ctx, b, j, NULL, NULL, q) == SX_OK && memcmp(p, q, bytes) == 0;
        free(p);
        free(q);
        if (!same) return false;
    }
    return true;
}

static void test_round_trip(void **state) {
    sx_ctx *ctx = *state;
    H5E_auto2_t printing, after;
    void *user;
    assert_true(H5Eget_auto2(H5E_DEFAULT, &printing, &user) >= 0);
    for (int times = 40; times <= 40000; times = times == 40 ? TIMES : times == TIMES ? 40000 : 50000) {
        sx_result *a = make(ctx, times), *b;
        OK(sx_result_save(ctx, a, file("r.h5")));
        assert_false(exists(file("r.h5.tmp")));
        OK(sx_result_load(ctx, file("r.h5"), &b));
        assert_true(equal(ctx, a, b, true));
        const int x = sx_result_find(b, "traj", "x");
        const sx_var *var = sx_result_var(b, x, NULL);
        assert_int_equal(var->stored, times == 40000);
        assert_string_equal(var->units, "mV");
        assert_string_equal(var->long_name, "state");
        assert_string_equal(var->method, "euler");
        assert_string_equal(var->dims, "replica,time,unit");
        assert_null(sx_result_var(b, sx_result_find(b, "traj", "rate"), NULL)->method);
        /* part of the variable */
        const int64_t start[] = { 1, 17, 1 }, count[] = { 1, 20, 2 };
        double part[40];
        OK(sx_result_read(ctx, b, x, start, count, part));
        for (int t = 0; t < 20; t++)
            for (int u = 0; u < 2; u++) assert_true(part[2 * t + u] == state_at(1, 17 + t, 1 + u));
        int64_t n[UNITS];
        OK(sx_result_read_raw(ctx, b, sx_result_find(b, "traj", "n"), NULL, NULL, n));
        assert_true(n[0] == (1LL << 53) + 1 && n[1] == INT64_MAX && n[2] == INT64_MIN);
        assert_string_equal(sx_result_text(b, sx_result_find(b, "", "unit"), 2), "Z\xC3\xA9");
        /* groups, dimensions, attributes in order */
        static const char *const groups[] = { "", "traj", "eig", "nothing-in-it" };
        static const char *const dims[][3] = { { "unit", "complex", "alone" }, { "replica", "time", "attractor" } };
        assert_int_equal(sx_result_groups(b), 4);
        for (int g = 0; g < 4; g++) assert_string_equal(sx_result_group(b, g), groups[g]);
        for (int g = 0; g < 2; g++)
            for (int i = 0; i < 3; i++) {
                const char *name;
                int64_t length;
                assert_true(sx_result_dim_at(b, groups[g], i, &name, &length));
                assert_string_equal(name, dims[g][i]);
                assert_int_equal(length, g == 0   ? (i == 0   ? UNITS
                                                     : i == 1 ? 2
                                                              : 5)
                                         : i == 0 ? REPLICAS
                                         : i == 1 ? times
                                                  : 0);
            }
        assert_false(sx_result_dim_at(b, "", 3, NULL, NULL));
        const char *name, *text;
        double number;
        assert_true(sx_result_attr(b, "", NULL, 0, &name, &text, &number));
        assert_string_equal(name, "experiment");
        assert_int_equal(strlen(text), 200000);
        assert_true(sx_result_attr(b, "", NULL, 2, &name, &text, &number) && number == 0.1);
        assert_true(sx_result_attr_is_number(b, "", NULL, 2));
        assert_string_equal(sx_result_attr_find(b, "", NULL, "empty"), "");
        assert_string_equal(sx_result_attr_find(b, "traj", NULL, "units"), "of a group, not of a variable");
        assert_true(sx_result_attr(b, "traj", "x", 0, &name, &text, &number) && number == 1e-300);
        /* warnings and verdicts */
        const char *group;
        assert_int_equal(sx_result_warnings(b), 2);
        assert_string_equal(sx_result_warning(b, 0, &group), "careful: 5");
        assert_string_equal(group, "traj");
        assert_string_equal(sx_result_warning(b, 1, &group), "and \xE2\x88\x82");
        assert_int_equal(sx_result_verdicts(b), 2);
        const sx_verdict *v = sx_result_verdict_at(b, 0, &group);
        assert_string_equal(v->name, "variance of AVAL");
        assert_string_equal(v->source, "exact");
        assert_true(v->value == 1.0 && v->se == 0.1 && v->theory == 1.25);
        sx_result_free(ctx, a);
        sx_result_free(ctx, b);
    }
    assert_true(H5Eget_auto2(H5E_DEFAULT, &after, &user) >= 0);
    assert_true(after == printing);
    assert_int_equal(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL), 0);
}

/* The same result gives the same bytes: again, through a loaded result, from another process. A loaded result may replace its file. */
static void test_same_bytes(void **state) {
    sx_ctx *ctx = *state;
    sx_result *a = make(ctx, 40000), *b;
    OK(sx_result_save(ctx, a, file("a.h5")));
    const pid_t child = fork();
    if (child == 0) {
        sx_ctx *own = sx_ctx_create(NULL);
        sx_result *r = NULL;
        void *rubbish = malloc(1 << 20);
        memset(rubbish, 0x5A, 1 << 20);
        free(rubbish);
        if (sx_result_create(own, NULL, &r) < 0) _exit(1);
        fill(own, r, 40000);
        _exit(sx_result_save(own, r, file("b.h5")) == SX_OK ? 0 : 2);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    OK(sx_result_load(ctx, file("a.h5"), &b));
    OK(sx_result_save(ctx, b, file("c.h5")));
    OK(sx_result_save(ctx, b, file("a.h5"))); /* onto the file it reads from */
    sx_result_free(ctx, b);
    size_t n[3];
    char *bytes[3] = { slurp(file("a.h5"), &n[0]), slurp(file("b.h5"), &n[1]), slurp(file("c.h5"), &n[2]) };
    for (int i = 1; i < 3; i++) {
        assert_int_equal(n[i], n[0]);
        assert_memory_equal(bytes[i], bytes[0], n[0]);
    }
    for (int i = 0; i < 3; i++) free(bytes[i]);
    sx_result_free(ctx, a);
}

/* A variable larger than the memory it may take: 48 MB out of a store that computes what it is asked for. */
static sx_status computed_reserve(void *user, sx_ctx *ctx, const char *name, int64_t bytes, int *handle) {
    (void)user, (void)ctx, (void)name, (void)bytes;
    *handle = 0;
    return SX_OK;
}
static sx_status computed_write(void *user, sx_ctx *ctx, int handle, int64_t offset, int64_t bytes, const void *data) {
    (void)user, (void)handle, (void)offset, (void)bytes, (void)data;
    return SX_FAIL(ctx, SX_E_INTERNAL, "not written");
}
static sx_status computed_read(void *user, sx_ctx *ctx, int handle, int64_t offset, int64_t bytes, void *data) {
    (void)user, (void)ctx, (void)handle;
    for (int64_t i = 0; i < bytes / 8; i++) ((double *)data)[i] = (double)((offset / 8 + i) % 1000);
    return SX_OK;
}

static void test_bounded_memory(void **state) {
    (void)state;
    sx_ctx *ctx = sx_ctx_create(NULL);
    const sx_store store = { sizeof store, NULL, computed_reserve, computed_write, computed_read };
    sx_result *r, *b;
    int id;
    OK(sx_result_create(ctx, &store, &r));
    OK(sx_result_dim(ctx, r, "g", "time", 3000000));
    OK(sx_result_dim(ctx, r, "g", "unit", 2));
    const sx_var x = { .name = "x", .dims = "time,unit", .dtype = SX_DT_F64, .stored = true };
    OK(sx_result_define(ctx, r, "g", &x, &id));
    OK(sx_result_save(ctx, r, file("big.h5")));
    OK(sx_result_load(ctx, file("big.h5"), &b));
    const int64_t start[] = { 2345678, 0 }, count[] = { 1, 2 };
    double two[2];
    OK(sx_result_read(ctx, b, 0, start, count, two));
    assert_true(two[0] == (2.0 * 2345678) - 4691000 && two[1] == two[0] + 1);
    assert_true(sx_ctx_peak_bytes(ctx) < 8 << 20);
    sx_result_free(ctx, b);
    sx_result_free(ctx, r);
    sx_ctx_free(ctx);
    unlink(file("big.h5"));
}

/* A disk that is full after so many bytes (EFBIG instead of ENOSPC): SX_E_IO, the old file stays, nothing is left behind. In a child
 * process, for the limit cannot be raised again. */
static int full_disk(rlim_t limit) {
    sx_ctx *ctx = sx_ctx_create(NULL);
    sx_result *r = NULL;
    if (sx_result_create(ctx, NULL, &r) < 0) return 10;
    fill(ctx, r, TIMES);
    signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &(struct rlimit){ limit, RLIM_INFINITY }) != 0) return 11;
    const sx_status s = sx_result_save(ctx, r, file("full.h5"));
    if (s == SX_OK) return 1;
    if (s != SX_E_IO) return 12;
    if (!strstr(sx_ctx_message(ctx), "full.h5.tmp: ")) return 13;
    if (H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL) != 0) return 14;
    /* the library is usable afterwards: with room the same call succeeds */
    if (setrlimit(RLIMIT_FSIZE, &(struct rlimit){ RLIM_INFINITY, RLIM_INFINITY }) != 0) return 15;
    if (sx_result_save(ctx, r, file("later.h5")) != SX_OK) return 16;
    sx_result_free(ctx, r);
    sx_ctx_free(ctx);
    return 0;
}

static void test_full_disk(void **state) {
    sx_ctx *ctx = *state;
    sx_result *r = make(ctx, TIMES);
    size_t whole, n, m;
    OK(sx_result_save(ctx, r, file("full.h5")));
    char *old = slurp(file("full.h5"), &whole);
    int refused = 0;
    for (int i = 0; i <= 24; i++) {
        const rlim_t limit = i == 24 ? whole + 65536 : /* HDF5 reserves some space that it gives back */
                                 i == 23 ? whole - 1
                                         : whole * (rlim_t)i / 23;
        fflush(NULL);
        const pid_t child = fork();
        if (child == 0) {
            const int code = full_disk(limit);
            exit(code); /* with the handlers of HDF5 */
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        if (!WIFEXITED(status)) fail_msg("limit %lu: signal %d", (unsigned long)limit, WTERMSIG(status));
        if (WEXITSTATUS(status) > 1) fail_msg("limit %lu: check %d", (unsigned long)limit, WEXITSTATUS(status));
        assert_int_equal(WEXITSTATUS(status), i == 24);
        refused += WEXITSTATUS(status) == 0;
        char *now = slurp(file("full.h5"), &n);
        assert_int_equal(n, whole);
        assert_memory_equal(now, old, n);
        free(now);
        assert_false(exists(file("full.h5.tmp")));
        if (i < 24) {
            now = slurp(file("later.h5"), &m);
            assert_int_equal(m, whole);
            assert_memory_equal(now, old, m);
            free(now);
            unlink(file("later.h5"));
        }
    }
    assert_int_equal(refused, 24);
    free(old);
    sx_result_free(ctx, r);
}

static void refused(sx_ctx *ctx, const char *path, const char *contains) {
    sx_result *b = (sx_result *)ctx;
    sx_ctx_clear(ctx);
    const sx_status s = sx_result_load(ctx, path, &b);
    if (s != SX_E_FILE || b != (sx_result *)ctx) fail_msg("status %d: %s", s, sx_ctx_message(ctx));
    if (strncmp(sx_ctx_message(ctx), path, strlen(path)) != 0 || !strstr(sx_ctx_message(ctx), contains))
        fail_msg("%s: want %s", sx_ctx_message(ctx), contains);
    assert_int_equal(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL), 0);
}

static uint64_t next(uint64_t *s) { /* splitmix64 (Steele, Lea, Flood 2014) */
    uint64_t z = (*s += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static void test_truncated(void **state) {
    sx_ctx *ctx = *state;
    sx_result *r = make(ctx, TIMES);
    size_t n;
    OK(sx_result_save(ctx, r, file("t.h5")));
    char *bytes = slurp(file("t.h5"), &n);
    for (size_t i = 0; i < 200; i++) {
        const size_t keep = i < 50 ? n - 1 - i : i < 100 ? 10 * (i - 50) : n * (i - 100) / 100;
        spill(file("cut.h5"), bytes, keep);
        if (keep == n - 32) continue;
        refused(ctx, file("cut.h5"), "");
    }
    /* without the seal alone, as a program that changes the file leaves it, all is there */
    sx_result *b;
    spill(file("cut.h5"), bytes, n - 32);
    OK(sx_result_load(ctx, file("cut.h5"), &b));
    assert_true(equal(ctx, r, b, true));
    sx_result_free(ctx, b);
    free(bytes);
    sx_result_free(ctx, r);
}

/* One bit wrong anywhere: the file is refused. Without the seal (a program has changed the file) HDF5's own checksums still see wrong
 * numbers. */
static void test_damaged(void **state) {
    sx_ctx *ctx = *state;
    sx_result *r = make(ctx, TIMES), *b;
    size_t n;
    uint64_t seed = 3;
    OK(sx_result_save(ctx, r, file("d.h5")));
    char *bytes = slurp(file("d.h5"), &n);
    for (int i = 0; i < 400; i++) {
        const size_t at = i < 200 ? next(&seed) % 40000 : i < 260 ? n - 1 - next(&seed) % 64 : next(&seed) % n;
        const char old = bytes[at];
        bytes[at] = (char)(old ^ (1 << next(&seed) % 8));
        spill(file("bad.h5"), bytes, n);
        bytes[at] = old;
        if (at < n - 8) refused(ctx, file("bad.h5"), ""); /* the last 8 bytes are not used */
    }
    /* a chunk of x: HDF5 finds it when the numbers are read */
    int found = 0, wrong = 0;
    for (int i = 0; i < 40; i++) {
        const size_t at = n - 32 - n / 4 - next(&seed) % (n / 4);
        bytes[at] = (char)~bytes[at];
        spill(file("bad.h5"), bytes, n - 32);
        bytes[at] = (char)~bytes[at];
        sx_ctx_clear(ctx);
        if (sx_result_load(ctx, file("bad.h5"), &b) == SX_OK) {
            wrong += !equal(ctx, r, b, false) && sx_ctx_status(ctx) == SX_OK;
            sx_result_free(ctx, b);
        } else {
            found++;
        }
    }
    assert_true(found > 20);
    assert_int_equal(wrong, 0);
    free(bytes);
    sx_result_free(ctx, r);
}

/* Files made by others. */
static void test_foreign(void **state) {
    sx_ctx *ctx = *state;
    char *path = strdup(file("f.h5"));
    spill(path, "hello", 5);
    refused(ctx, path, "not a complete HDF5 file");
    refused(ctx, directory, "not a regular file");
    refused(ctx, file("absent.h5"), "No such file");
    const hsize_t three = 3, huge = (hsize_t)1 << 60;
    enum { PLAIN, NEWER, SOFT, EXTERNAL, STORAGE, NO_DIMENSION, TYPE, BOMB, DEEP, VIRTUAL, CASES };
    static const char *const want[CASES] = { "no attribute separatrix_format",
                                             "newer than this program",
                                             "links",
                                             "links",
                                             "external storage",
                                             "no dimension",
                                             "its type",
                                             "no dimension",
                                             "neither a variable nor a group",
                                             "virtual" };
    for (int i = 0; i < CASES; i++) {
        const hid_t f = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), s = H5Screate(H5S_SCALAR);
        const hid_t v = H5Screate_simple(1, &three, NULL), w = H5Screate_simple(1, &huge, NULL);
        const hid_t p = H5Pcreate(H5P_DATASET_CREATE);
        hid_t d = H5I_INVALID_HID, g = H5I_INVALID_HID, h = H5I_INVALID_HID;
        const int64_t format = i == NEWER ? 99 : 1;
        if (i != PLAIN) {
            const hid_t a = H5Acreate2(f, "separatrix_format", H5T_STD_I64LE, s, H5P_DEFAULT, H5P_DEFAULT);
            H5Awrite(a, H5T_NATIVE_INT64, &format);
            H5Aclose(a);
        }
        if (i == SOFT) H5Lcreate_soft("/", f, "loop", H5P_DEFAULT, H5P_DEFAULT);
        if (i == EXTERNAL) H5Lcreate_external("/etc/passwd", "/", f, "out", H5P_DEFAULT, H5P_DEFAULT);
        if (i == STORAGE) H5Pset_external(p, "/etc/passwd", 0, 24);
        if (i == VIRTUAL) {
            const hid_t all = H5Screate_simple(1, &three, NULL);
            H5Pset_virtual(p, all, "other.h5", "x", all);
            H5Sclose(all);
        }
        if (i == STORAGE || i == NO_DIMENSION || i == VIRTUAL)
            d = H5Dcreate2(f, "x", H5T_IEEE_F64LE, v, H5P_DEFAULT, p, H5P_DEFAULT);
        if (i == TYPE) d = H5Dcreate2(f, "x", H5T_STD_I16LE, s, H5P_DEFAULT, p, H5P_DEFAULT);
        if (i == BOMB) {
            H5Pset_chunk(p, 1, &three);
            d = H5Dcreate2(f, "x", H5T_IEEE_F64LE, w, H5P_DEFAULT, p, H5P_DEFAULT);
        }
        if (i == DEEP) {
            g = H5Gcreate2(f, "g", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
            h = H5Gcreate2(g, "h", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        }
        if (d >= 0) H5Dclose(d);
        if (h >= 0) H5Gclose(h);
        if (g >= 0) H5Gclose(g);
        H5Pclose(p);
        H5Sclose(w);
        H5Sclose(v);
        H5Sclose(s);
        assert_true(H5Fclose(f) >= 0);
        refused(ctx, path, want[i]);
    }
    free(path);
}

static void test_names(void **state) {
    sx_ctx *ctx = *state;
    static const char *const taken[] = { "unit", "alone", "verdict_z" };
    for (int i = 0; i < 3; i++) {
        sx_result *r = make(ctx, 40);
        OK(sx_result_add_group(ctx, r, taken[i]));
        assert_int_equal(sx_result_save(ctx, r, file("n.h5")), SX_E_USAGE);
        assert_false(exists(file("n.h5")));
        sx_result_free(ctx, r);
    }
    sx_result *r = make(ctx, 40);
    const double one = 1;
    OK(sx_result_put(ctx, r, "", "warning", "", "1", "a name of the layout", &one));
    assert_int_equal(sx_result_save(ctx, r, file("n.h5")), SX_E_USAGE);
    sx_result_free(ctx, r);
    r = make(ctx, 40);
    assert_int_equal(sx_result_save(ctx, r, file("absent/n.h5")), SX_E_IO);
    assert_non_null(strstr(sx_ctx_message(ctx), "absent/n.h5.tmp"));
    assert_int_equal(symlink("/etc/passwd", file("n.h5.tmp")), 0); /* a link in the way is removed, not followed */
    OK(sx_result_save(ctx, r, file("n.h5")));
    sx_result_free(ctx, r);
}

/* An allocator that fails at the k-th call. */
typedef struct failing {
    long left;
} failing;
static void *failing_alloc(void *user, void *p, size_t old_size, size_t new_size) {
    failing *f = user;
    if (new_size == 0) {
        free(p);
        return NULL;
    }
    if (f->left-- <= 0) return NULL;
    void *q = aligned_alloc(64, (new_size + 63) / 64 * 64);
    if (p && q) {
        memcpy(q, p, old_size < new_size ? old_size : new_size);
        free(p);
    }
    return q;
}

static void test_memory_fails(void **state) {
    (void)state;
    failing f = { 1 << 20 };
    const sx_host host = { .struct_size = sizeof host, .user = &f, .alloc = failing_alloc, .threads = 1 };
    sx_ctx *ctx = sx_ctx_create(&host);
    sx_result *r = make(ctx, 40);
    const size_t before = sx_ctx_bytes(ctx);
    long k = 0;
    for (;; k += k < 150 ? 1 : 5) { /* most later ones are alike: variables being read back */
        sx_result *b = NULL;
        f.left = k;
        unlink(file("m.h5"));
        sx_status s = sx_result_save(ctx, r, file("m.h5"));
        if (s < 0) assert_false(exists(file("m.h5")));
        if (s == SX_OK) s = sx_result_load(ctx, file("m.h5"), &b);
        sx_result_free(ctx, b);
        assert_int_equal(sx_ctx_bytes(ctx), before);
        assert_false(exists(file("m.h5.tmp")));
        assert_int_equal(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL), 0);
        if (s == SX_OK) break;
        if (s != SX_E_MEMORY) fail_msg("allocation %ld: %d %s", k, s, sx_ctx_message(ctx));
    }
    assert_true(k > 150);
    f.left = 1 << 20;
    sx_result_free(ctx, r);
    sx_ctx_free(ctx);
}

static int setup(void **state) {
    *state = sx_ctx_create(NULL);
    return *state && mkdtemp(directory) ? 0 : 1;
}
static int teardown(void **state) {
    static const char *const names[] = { "r.h5", "a.h5",   "b.h5", "c.h5", "full.h5", "t.h5",    "cut.h5",
                                         "d.h5", "bad.h5", "f.h5", "n.h5", "m.h5",    "later.h5" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) unlink(file(names[i]));
    const size_t left = sx_ctx_bytes(*state);
    sx_ctx_free(*state);
    return left == 0 && rmdir(directory) == 0 ? 0 : 1;
}

int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc == 2) { /* write a file for check_netcdf.py */
        sx_ctx *ctx = sx_ctx_create(NULL);
        sx_result *r = NULL;
        if (!ctx || sx_result_create(ctx, NULL, &r) < 0) return 1;
        fill(ctx, r, TIMES);
        const int code = sx_status_exit_code(sx_result_save(ctx, r, argv[1]));
        sx_result_free(ctx, r);
        sx_ctx_free(ctx);
        return code;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_same_bytes), cmocka_unit_test(test_bounded_memory),
        cmocka_unit_test(test_full_disk),  cmocka_unit_test(test_truncated),  cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_foreign),    cmocka_unit_test(test_names),      cmocka_unit_test(test_memory_fails),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
