// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Output directories: locked for one process, refused before any work, stores that keep their content for a resumed run. */
#include <separatrix/io.h>

#include <errno.h>
#include <fcntl.h>
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

static char base[] = "test_outdir_XXXXXX";
static const char *in(const char *name) {
    static char path[8][256];
    static int i;
    i = (i + 1) % 8;
    snprintf(path[i], sizeof path[i], "%s/%s", base, name);
    return path[i];
}
static bool exists(const char *path) {
    struct stat st;
    return lstat(path, &st) == 0;
}
static void touch(const char *path, const char *text) {
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

#define OK(call)                                                                                                       \
    do {                                                                                                               \
        if ((call) < 0) fail_msg("%s\n%s", sx_ctx_message(ctx), sx_ctx_trace(ctx));                                    \
    } while (0)
/* Refused with this status and words; nothing handed out. */
static void refused(sx_ctx *ctx, const char *path, bool force, bool resume, int64_t bytes, sx_status want,
                    const char *words) {
    sx_outdir *d = (sx_outdir *)ctx;
    sx_ctx_clear(ctx);
    const sx_status s = sx_outdir_open(ctx, path, force, resume, bytes, &d);
    if (s != want || !strstr(sx_ctx_message(ctx), words)) fail_msg("status %d: %s", s, sx_ctx_message(ctx));
    assert_ptr_equal(d, ctx);
}

static void test_life(void **state) {
    sx_ctx *ctx = *state;
    sx_outdir *d;
    char path[64], *text;
    size_t n;
    snprintf(path, sizeof path, "%s/out/", base); /* a slash at the end is fine */
    OK(sx_outdir_open(ctx, path, false, false, 1000, &d));
    assert_string_equal(sx_outdir_path(d), path);
    assert_true(exists(in("out/checkpoints")) && exists(in("out/parts")));
    OK(sx_file_read(ctx, in("out/lock.pid"), 100, &text, &n));
    assert_int_equal(strtol(text, NULL, 10), getpid());
    sx_free(ctx, text);
    OK(sx_file_write(ctx, in("out/result.h5"), "old", 3));
    OK(sx_file_write(ctx, in("out/checkpoints/1"), "c", 1));
    OK(sx_outdir_clean(ctx, d));
    assert_false(exists(in("out/checkpoints")) || exists(in("out/parts")));
    sx_outdir_close(ctx, d);
    assert_false(exists(in("out/lock.pid")));
    /* the result is not overwritten unless told; with force it stays until it is replaced */
    refused(ctx, path, false, false, 0, SX_E_IO, "--force");
    assert_false(exists(in("out/checkpoints")) || exists(in("out/lock.pid")));
    OK(sx_outdir_open(ctx, path, true, false, 0, &d));
    OK(sx_file_read(ctx, in("out/result.h5"), 100, &text, &n));
    assert_string_equal(text, "old");
    sx_free(ctx, text);
    OK(sx_file_write(ctx, in("out/result.h5"), "new", 3));
    touch(in("out/checkpoints/7"), "x");
    sx_outdir_close(ctx, d);
    assert_int_equal(unlink(in("out/result.h5")), 0);
    /* an unfinished run: continued or thrown away, but only on request */
    refused(ctx, path, false, false, 0, SX_E_IO, "unfinished");
    OK(sx_outdir_open(ctx, path, false, true, 0, &d));
    assert_true(exists(in("out/checkpoints/7")));
    sx_outdir_close(ctx, d);
    OK(sx_outdir_open(ctx, path, true, false, 0, &d));
    assert_false(exists(in("out/checkpoints/7")));
    OK(sx_outdir_clean(ctx, d));
    sx_outdir_close(ctx, d);
    assert_int_equal(rmdir(in("out")), 0); /* nothing else was left */
}

static void test_refusals(void **state) {
    sx_ctx *ctx = *state;
    touch(in("file"), "text");
    refused(ctx, "", false, false, 0, SX_E_USAGE, "no name");
    refused(ctx, in("file"), false, false, 0, SX_E_IO, "not a directory");
    refused(ctx, in("file/x"), false, false, 0, SX_E_IO, "");
    refused(ctx, in("absent/x"), false, false, 0, SX_E_IO, "absent does not exist");
    refused(ctx, in("none"), false, false, INT64_MAX, SX_E_IO, "GB are needed");
    assert_false(exists(in("none")));
    assert_int_equal(mkdir(in("here"), 0777), 0);
    refused(ctx, in("here"), false, false, INT64_MAX, SX_E_IO, "GB are needed");
    refused(ctx, "/proc/self/none", false, false, 0, SX_E_IO, "/proc/self/none");
    refused(ctx, "/proc/self", false, false, 0, SX_E_IO, "/proc/self");
    if (geteuid() != 0) {
        assert_int_equal(chmod(in("here"), 0555), 0);
        refused(ctx, in("here"), false, false, 0, SX_E_IO, "cannot be written");
        refused(ctx, in("here/x"), false, false, 0, SX_E_IO, "cannot be made");
        assert_int_equal(chmod(in("here"), 0777), 0);
    }
    assert_int_equal(rmdir(in("here")), 0); /* empty: nothing was written */
    unlink(in("file"));
}

static void test_links_inside(void **state) {
    sx_ctx *ctx = *state;
    sx_outdir *d;
    static const char *const names[] = { "lock.pid", "checkpoints", "parts" };
    assert_int_equal(mkdir(in("out"), 0777), 0);
    assert_int_equal(mkdir(in("elsewhere"), 0777), 0);
    touch(in("elsewhere/precious"), "keep");
    for (int i = 0; i < 3; i++) {
        char name[64];
        snprintf(name, sizeof name, "out/%s", names[i]);
        assert_int_equal(symlink(i == 0 ? "../elsewhere/lock" : "../elsewhere", in(name)), 0);
        refused(ctx, in("out"), true, false, 0, SX_E_IO, i == 0 ? "lock.pid is a link" : names[i]);
        assert_int_equal(unlink(in(name)), 0);
    }
    assert_true(exists(in("elsewhere/precious")));
    assert_false(exists(in("elsewhere/lock")));
    OK(sx_outdir_open(ctx, in("out"), false, false, 0, &d));
    assert_int_equal(symlink("../../elsewhere/precious", in("out/parts/x.bin")), 0);
    const sx_store *s = sx_outdir_store(d);
    int handle;
    assert_int_equal(s->reserve(s->user, ctx, "x", 8, &handle), SX_E_IO);
    OK(sx_outdir_clean(ctx, d)); /* removes the link, not what it shows */
    sx_outdir_close(ctx, d);
    char *text;
    size_t n;
    OK(sx_file_read(ctx, in("elsewhere/precious"), 10, &text, &n));
    assert_string_equal(text, "keep");
    sx_free(ctx, text);
    unlink(in("elsewhere/precious"));
    assert_int_equal(rmdir(in("elsewhere")) | rmdir(in("out")), 0);
}

static void test_two_processes(void **state) {
    sx_ctx *ctx = *state;
    sx_outdir *d;
    int pipes[2];
    char c, words[64];
    assert_int_equal(pipe(pipes), 0);
    const pid_t child = fork();
    if (child == 0) {
        sx_ctx *own = sx_ctx_create(NULL);
        const bool ok = sx_outdir_open(own, in("out"), false, false, 0, &d) == SX_OK;
        if (write(pipes[1], ok ? "y" : "n", 1) != 1) _exit(1);
        pause(); /* until killed: the lock goes with the process, its file stays */
        _exit(0);
    }
    assert_int_equal(read(pipes[0], &c, 1), 1);
    assert_int_equal(c, 'y');
    snprintf(words, sizeof words, "in use by process %ld", (long)child);
    refused(ctx, in("out"), false, false, 0, SX_E_BUSY, words);
    refused(ctx, in("out"), true, false, 0, SX_E_BUSY, words);
    refused(ctx, in("out"), false, true, 0, SX_E_BUSY, words);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_true(exists(in("out/lock.pid")));
    OK(sx_outdir_open(ctx, in("out"), false, false, 0, &d));
    snprintf(words, sizeof words, "in use by process %ld", (long)getpid());
    refused(ctx, in("out"), false, true, 0, SX_E_BUSY, words);
    OK(sx_outdir_clean(ctx, d));
    sx_outdir_close(ctx, d);
    assert_int_equal(rmdir(in("out")), 0);
    close(pipes[0]);
    close(pipes[1]);
}

/* Half-written files of processes that are gone go when a run is continued or started again; whatever only looks like one stays. */
static void test_abandoned(void **state) {
    sx_ctx *ctx = *state;
    sx_outdir *d;
    fflush(NULL);
    const pid_t gone = fork(); /* a process number that is free */
    if (gone == 0) _exit(0);
    assert_int_equal(waitpid(gone, NULL, 0), gone);
    char stale[4][64], kept[10][64];
    snprintf(stale[0], 64, "out/.result.h5.%ld.0.tmp", (long)gone);
    snprintf(stale[1], 64, "out/.x.%ld.99.tmp", (long)gone);
    snprintf(stale[2], 64, "out/checkpoints/.a.00000003.checkpoint.%ld.1.tmp", (long)gone);
    snprintf(stale[3], 64, "out/.log.txt.%ld.0.tmp",
             (long)getpid());                                   /* a container numbers its processes alike each time */
    snprintf(kept[0], 64, "out/.x.%ld.0.tmp", (long)getppid()); /* alive */
    snprintf(kept[1], 64, "out/x.%ld.0.tmp", (long)gone);
    snprintf(kept[2], 64, "out/.%ld.0.tmp", (long)gone);
    snprintf(kept[3], 64, "out/..%ld.0.tmp", (long)gone);
    snprintf(kept[4], 64, "out/.x.%ld.tmp", (long)gone);
    snprintf(kept[5], 64, "out/.x.%ld..tmp", (long)gone);
    snprintf(kept[6], 64, "out/.x.%ld.a.tmp", (long)gone);
    snprintf(kept[7], 64, "out/.x.%ld.0.tmp~", (long)gone);
    snprintf(kept[8], 64, "out/.x.12345678901.0.tmp");
    snprintf(kept[9], 64, "out/.x.0.0.tmp");
    for (int resume = 0; resume < 2; resume++) {
        assert_int_equal(mkdir(in("out"), 0777), 0);
        assert_int_equal(mkdir(in("out/checkpoints"), 0777), 0);
        for (int i = 0; i < 4; i++) touch(in(stale[i]), "half");
        for (int i = 0; i < 10; i++) touch(in(kept[i]), "own");
        char link[64], folder[64];
        snprintf(link, sizeof link, "out/.l.%ld.0.tmp", (long)gone);
        snprintf(folder, sizeof folder, "out/.f.%ld.0.tmp", (long)gone);
        assert_int_equal(symlink("nowhere", in(link)), 0);
        assert_int_equal(mkdir(in(folder), 0777), 0);
        refused(ctx, in("out"), false, false, 0, SX_E_IO, "unfinished");
        for (int i = 0; i < 4; i++) assert_true(exists(in(stale[i])));
        OK(sx_outdir_open(ctx, in("out"), !resume, resume, 0, &d));
        for (int i = 0; i < 4; i++)
            if (exists(in(stale[i]))) fail_msg("%s was not removed", stale[i]);
        for (int i = 0; i < 10; i++)
            if (!exists(in(kept[i]))) fail_msg("%s was removed", kept[i]);
        assert_true(exists(in(link)) && exists(in(folder)));
        OK(sx_outdir_clean(ctx, d));
        sx_outdir_close(ctx, d);
        for (int i = 0; i < 10; i++) assert_int_equal(unlink(in(kept[i])), 0);
        assert_int_equal(unlink(in(link)), 0);
        assert_int_equal(rmdir(in(folder)), 0);
        assert_int_equal(rmdir(in("out")), 0);
    }
}

/* Parts are reserved whole, keep their content for a resumed run of the same size, and are empty otherwise. */
static void test_store(void **state) {
    sx_ctx *ctx = *state;
    for (int round = 0; round < 4; round++) {
        sx_outdir *d;
        struct stat st;
        int h, again, other;
        double x[4] = { 1, 2, 3, 4 }, y[4];
        const bool resume = round == 1 || round == 2;
        OK(sx_outdir_open(ctx, in("out"), false, resume, 0, &d));
        const sx_store *s = sx_outdir_store(d);
        const int64_t bytes = round == 2 ? 1 << 20 : 2 << 20;
        OK(s->reserve(s->user, ctx, "traj.x", bytes, &h));
        OK(s->reserve(s->user, ctx, "traj.x", bytes, &again));
        assert_int_equal(h, again);
        assert_int_equal(s->reserve(s->user, ctx, "traj.x", bytes + 1, &again), SX_E_INTERNAL);
        OK(s->reserve(s->user, ctx, "../a/b", 0, &other));
        assert_true(exists(in("out/parts/%2E.%2Fa%2Fb.bin")));
        assert_int_equal(stat(in("out/parts/traj.x.bin"), &st), 0);
        assert_int_equal(st.st_size, bytes);
        assert_true((int64_t)st.st_blocks * 512 >= bytes); /* taken, not only promised */
        OK(s->read(s->user, ctx, h, bytes - 32, 32, y));
        for (int i = 0; i < 4; i++) assert_true(y[i] == (round == 1 ? x[i] : 0));
        OK(s->write(s->user, ctx, h, bytes - 32, 32, x));
        OK(s->read(s->user, ctx, h, bytes - 32, 32, y));
        assert_memory_equal(x, y, sizeof x);
        assert_int_equal(s->write(s->user, ctx, h, bytes - 24, 32, x), SX_E_INTERNAL);
        assert_int_equal(s->read(s->user, ctx, h, -8, 8, y), SX_E_INTERNAL);
        assert_int_equal(s->write(s->user, ctx, 99, 0, 8, x), SX_E_INTERNAL);
        OK(sx_outdir_flush(ctx, d));
        if (round == 3) {
            OK(sx_outdir_clean(ctx, d));
            OK(s->read(s->user, ctx, h, bytes - 32, 32, y)); /* the result that lies there can still be read */
            assert_memory_equal(x, y, sizeof x);
        }
        sx_outdir_close(ctx, d);
    }
    assert_int_equal(rmdir(in("out")), 0);
}

/* A full disk (RLIMIT_FSIZE gives EFBIG where a disk gives ENOSPC) shows when space is reserved. */
static void test_full_disk(void **state) {
    sx_ctx *ctx = *state;
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        sx_ctx *own = sx_ctx_create(NULL);
        sx_outdir *d;
        int h;
        signal(SIGXFSZ, SIG_IGN);
        if (setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 100000, RLIM_INFINITY }) != 0) _exit(2);
        if (sx_outdir_open(own, in("full"), false, false, 0, &d) != SX_OK) _exit(3);
        const sx_store *s = sx_outdir_store(d);
        if (s->reserve(s->user, own, "x", 100001, &h) != SX_E_IO) _exit(4);
        if (!strstr(sx_ctx_message(own), "full/parts/x.bin: 100001 bytes cannot be reserved")) _exit(5);
        if (exists(in("full/parts/x.bin"))) _exit(6);
        if (s->reserve(s->user, own, "x", 100000, &h) != SX_OK) _exit(7);
        char *big = calloc(1, 200000);
        if (sx_file_write(own, in("full/log.txt"), "short", 5) != SX_OK) _exit(8);
        if (sx_file_write(own, in("full/log.txt"), big, 200000) != SX_E_IO) _exit(9);
        free(big);
        if (sx_outdir_clean(own, d) != SX_OK) _exit(10);
        sx_outdir_close(own, d);
        sx_ctx_free(own);
        _exit(0);
    }
    int status;
    char *text;
    size_t n;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    OK(sx_file_read(ctx, in("full/log.txt"), 100, &text, &n)); /* the old content */
    assert_string_equal(text, "short");
    sx_free(ctx, text);
    assert_int_equal(unlink(in("full/log.txt")), 0);
    assert_int_equal(rmdir(in("full")), 0); /* and nothing else */
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
    failing f = { 1000 };
    const sx_host host = { .struct_size = sizeof host, .user = &f, .alloc = failing_alloc, .threads = 1 };
    sx_ctx *ctx = sx_ctx_create(&host);
    const size_t before = sx_ctx_bytes(ctx);
    long k = 0;
    for (;; k++) {
        sx_outdir *d = NULL;
        int h;
        f.left = k;
        sx_status s = sx_outdir_open(ctx, in("mem"), false, false, 10, &d);
        if (s == SX_OK) {
            const sx_store *store = sx_outdir_store(d);
            s = store->reserve(store->user, ctx, "x", 10, &h);
        } else {
            assert_false(exists(in("mem"))); /* removed again */
        }
        sx_outdir_close(ctx, d);
        assert_int_equal(sx_ctx_bytes(ctx), before);
        if (s == SX_OK) break;
        assert_int_equal(s, SX_E_MEMORY);
    }
    assert_true(k >= 4);
    f.left = 1000;
    sx_outdir *d;
    OK(sx_outdir_open(ctx, in("mem"), true, false, 0, &d));
    OK(sx_outdir_clean(ctx, d));
    sx_outdir_close(ctx, d);
    assert_int_equal(rmdir(in("mem")), 0);
    sx_ctx_free(ctx);
}

static int setup(void **state) {
    *state = sx_ctx_create(NULL);
    return *state && mkdtemp(base) ? 0 : 1;
}
static int teardown(void **state) {
    const size_t left = sx_ctx_bytes(*state);
    sx_ctx_free(*state);
    return left == 0 && rmdir(base) == 0 ? 0 : 1;
}

int main(void) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),          cmocka_unit_test(test_refusals),  cmocka_unit_test(test_links_inside),
        cmocka_unit_test(test_two_processes), cmocka_unit_test(test_store),     cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_memory_fails),  cmocka_unit_test(test_abandoned),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
