// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Context, allocation, error trace, the parallel loop, status texts. */
#include "core/context_private.h"
#include "failing_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sched.h>
#include <stdio.h>
#include <string.h>

static sx_ctx *with_threads(int threads) {
    sx_host host = { .struct_size = sizeof host, .threads = threads };
    sx_ctx *ctx = sx_ctx_create(&host);
    assert_non_null(ctx);
    return ctx;
}

static void status_texts(void **state) {
    (void)state;
    assert_string_equal(sx_status_text(SX_OK), "done");
    assert_string_equal(sx_status_text(SX_E_MEMORY), "out of memory");
    assert_string_equal(sx_status_text((sx_status)12345), "unknown status");
    static const struct {
        sx_status status;
        int code;
    } codes[] = { { SX_OK, 0 },     { SX_STOPPED, 75 },     { SX_NOT_CONVERGED, 4 }, { SX_E_USAGE, 2 },
                  { SX_E_FILE, 3 }, { SX_E_NUMERIC, 4 },    { SX_E_IO, 5 },          { SX_E_MEMORY, 6 },
                  { SX_E_BUSY, 8 }, { SX_E_CHECKPOINT, 7 }, { SX_E_UNSUPPORTED, 2 }, { SX_E_INTERNAL, 70 } };
    for (size_t i = 0; i < sizeof codes / sizeof *codes; ++i)
        assert_int_equal(sx_status_exit_code(codes[i].status), codes[i].code);
    int a, b, c;
    assert_int_equal(sscanf(sx_version(), "%d.%d.%d", &a, &b, &c), 3);
    assert_true(strlen(sx_revision()) > 0);
}

static void allocation(void **state) {
    (void)state;
    sx_ctx *ctx = with_threads(1);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    double *x = NULL;
    for (int64_t n = 0; n < 200; n += 7) {
        assert_int_equal(sx_alloc(ctx, n, sizeof *x, &x), SX_OK);
        assert_int_equal((uintptr_t)x % 64, 0);
        assert_int_equal(sx_ctx_bytes(ctx), n ? (size_t)n * sizeof *x : 1);
        for (int64_t i = 0; i < n; ++i) {
            assert_true(x[i] == 0);
            x[i] = (double)i;
        }
        assert_int_equal(sx_resize(ctx, 2 * n + 1, sizeof *x, &x), SX_OK);
        for (int64_t i = 0; i < 2 * n + 1; ++i) assert_true(x[i] == (i < n ? (double)i : 0));
        assert_int_equal(sx_resize(ctx, 3, sizeof *x, &x), SX_OK);
        for (int64_t i = 0; i < 3; ++i) assert_true(x[i] == (i < n ? (double)i : 0));
        assert_int_equal((uintptr_t)x % 64, 0);
        assert_int_equal(sx_ctx_bytes(ctx), 3 * sizeof *x);
        sx_free(ctx, x);
        assert_int_equal(sx_ctx_bytes(ctx), 0);
    }
    assert_int_equal(sx_ctx_peak_bytes(ctx),
                     (196 + 2 * 196 + 1) * sizeof *x); /* old and new block of the largest resize */

    double *untouched = (double *)&untouched;
    assert_int_equal(sx_alloc(ctx, INT64_MAX / 4, sizeof *x, &untouched), SX_E_MEMORY);
    assert_non_null(strstr(sx_ctx_message(ctx), "too large"));
    assert_int_equal(sx_alloc(ctx, -1, sizeof *x, &untouched), SX_E_MEMORY);
    assert_ptr_equal(untouched, &untouched);
    failing_host full = { .fail_at = 4 }; /* after the three of the context */
    sx_host host = failing_host_of(&full);
    sx_ctx *poor = sx_ctx_create(&host);
    assert_non_null(poor);
    assert_int_equal(sx_alloc(poor, 1000, sizeof *x, &untouched), SX_E_MEMORY);
    assert_non_null(strstr(sx_ctx_message(poor), "8000 bytes"));
    assert_ptr_equal(untouched, &untouched);
    sx_ctx_free(poor);
    sx_free(ctx, NULL);

    int64_t product = 7;
    assert_int_equal(sx_mul_size(ctx, INT64_C(3037000500), INT64_C(3037000500), &product), SX_E_MEMORY);
    assert_int_equal(sx_mul_size(ctx, -1, 2, &product), SX_E_MEMORY);
    assert_int_equal(product, 7);
    assert_int_equal(sx_mul_size(ctx, INT64_C(3037000499), INT64_C(3037000499), &product), SX_OK);
    assert_int_equal(product, INT64_C(9223372030926249001));
    assert_int_equal(sx_mul_size(ctx, 0, INT64_MAX, &product), SX_OK);
    assert_int_equal(product, 0);

    char *s = NULL, *t = NULL;
    assert_int_equal(sx_strdup(ctx, "soma", &s), SX_OK);
    assert_int_equal(sx_format(ctx, &t, "%s-%d-%s", s, 12, "dendrite"), SX_OK);
    assert_string_equal(t, "soma-12-dendrite");
    sx_free(ctx, s);
    sx_free(ctx, t);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
    sx_ctx_free(NULL);
}

static void failing_create(void **state) {
    (void)state;
    for (int k = 1;; ++k) {
        failing_host h = { .fail_at = k };
        sx_host host = failing_host_of(&h);
        sx_ctx *ctx = sx_ctx_create(&host);
        if (!ctx) {
            assert_int_equal(h.held, 0);
            continue;
        }
        assert_true(k > 1);
        sx_ctx_free(ctx);
        assert_int_equal(h.held, 0);
        break;
    }
}

static sx_status inner(sx_ctx *ctx) {
    return SX_FAIL(ctx, SX_E_NUMERIC, "dt = %g: want > 0", -1.0);
}
static sx_status middle(sx_ctx *ctx) {
    SX_TRY(ctx, inner(ctx));
    return SX_OK;
}
static sx_status outer(sx_ctx *ctx) {
    sx_status status;
    SX_GO(ctx, status, done, middle(ctx));
done:
    return status;
}

static void messages(void **state) {
    (void)state;
    failing_host h = { 0 };
    sx_host host = failing_host_of(&h);
    sx_ctx *ctx = sx_ctx_create(&host);
    assert_string_equal(sx_ctx_message(ctx), "");
    assert_string_equal(sx_ctx_trace(ctx), "");
    assert_int_equal(outer(ctx), SX_E_NUMERIC);
    assert_int_equal(sx_ctx_status(ctx), SX_E_NUMERIC);
    assert_string_equal(sx_ctx_message(ctx), "dt = -1: want > 0");
    const char *trace = sx_ctx_trace(ctx);
    const char *a = strstr(trace, "(inner)\n"), *b = strstr(trace, "(middle)\n"), *c = strstr(trace, "(outer)\n");
    assert_true(a && b && c && a < b && b < c);
    assert_int_equal(strncmp(trace, "at test_context.c:", 18), 0);
    assert_int_equal(sx_fail_prefix(ctx, "%s:%d", "a.toml", 3), SX_E_NUMERIC);
    assert_string_equal(sx_ctx_message(ctx), "a.toml:3: dt = -1: want > 0");

    /* a new failure may quote the last one; it replaces message and trace */
    assert_int_equal(SX_FAIL(ctx, SX_E_FILE, "again, %s", sx_ctx_message(ctx)), SX_E_FILE);
    assert_string_equal(sx_ctx_message(ctx), "again, a.toml:3: dt = -1: want > 0");
    assert_null(strstr(sx_ctx_trace(ctx), "(inner)"));

    /* long messages are kept whole while there is memory */
    char text[5001];
    memset(text, 'x', 5000);
    text[5000] = '\0';
    (void)SX_FAIL(ctx, SX_E_FILE, "%s!", text);
    assert_int_equal(strlen(sx_ctx_message(ctx)), 5001);
    (void)sx_fail_prefix(ctx, "%s", text);
    assert_int_equal(strlen(sx_ctx_message(ctx)), 5000 + 2 + 5001);
    for (int i = 0; i < 100; ++i) (void)sx_frame_at(ctx, SX_E_FILE, "/a/b/src/run/x.c", i, "f");
    assert_non_null(strstr(sx_ctx_trace(ctx), "at src/run/x.c:99 (f)\n"));
    /* ... and cut, not lost, without */
    h.fail_at = h.calls + 1;
    h.persistent = true;
    (void)SX_FAIL(ctx, SX_E_MEMORY, "%s!", text);
    assert_in_range(strlen(sx_ctx_message(ctx)), 400, 512);
    (void)sx_fail_prefix(ctx, "while reading");
    assert_int_equal(strncmp(sx_ctx_message(ctx), "while reading: xxx", 18), 0);
    for (int i = 0; i < 100; ++i) (void)sx_frame_at(ctx, SX_E_MEMORY, "x.c", i, "f");
    assert_int_equal(sx_ctx_status(ctx), SX_E_MEMORY);
    h.fail_at = 0;

    sx_ctx_clear(ctx);
    assert_int_equal(sx_ctx_status(ctx), SX_OK);
    assert_string_equal(sx_ctx_message(ctx), "");
    assert_int_equal(sx_frame_at(ctx, SX_E_IO, "x.c", 1, "f"), SX_E_IO); /* failed without a word */
    assert_string_equal(sx_ctx_message(ctx), sx_status_text(SX_E_IO));
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
    assert_int_equal(h.held, 0);
}

typedef struct talk {
    int logs, last_level, progresses;
    char last[2000];
    bool stop, cancel;
} talk;
static void on_log(void *user, int level, const char *text) {
    talk *t = user;
    ++t->logs;
    t->last_level = level;
    snprintf(t->last, sizeof t->last, "%s", text);
}
static bool on_progress(void *user, const char *what, double done, double total) {
    talk *t = user;
    (void)what;
    ++t->progresses;
    return !t->stop && done <= total;
}
static bool on_cancelled(void *user) {
    return ((talk *)user)->cancel;
}

static void host_callbacks(void **state) {
    (void)state;
    talk t = { 0 };
    sx_host host = { .struct_size = sizeof host,
                     .user = &t,
                     .log = on_log,
                     .progress = on_progress,
                     .cancelled = on_cancelled,
                     .threads = 2 };
    sx_ctx *ctx = sx_ctx_create(&host);
    sx_log(ctx, SX_LOG_INFO, "n = %d", 5);
    assert_string_equal(t.last, "n = 5");
    sx_log(ctx, SX_LOG_WARNING, "%1500s", "long");
    assert_int_equal(strlen(t.last), 1500);
    assert_int_equal(t.logs, 2);
    assert_int_equal(t.last_level, SX_LOG_WARNING);
    assert_int_equal(sx_ctx_warnings(ctx), 1);
    assert_true(sx_progress(ctx, "w", 1, 2));
    t.stop = true;
    assert_false(sx_progress(ctx, "w", 1, 2));
    assert_int_equal(t.progresses, 2);
    assert_false(sx_cancelled(ctx));
    t.cancel = true;
    assert_true(sx_cancelled(ctx));
    sx_ctx_free(ctx);

    ctx = sx_ctx_create(NULL);
    assert_true(sx_ctx_threads(ctx) >= 1);
    sx_log(ctx, SX_LOG_WARNING, "nobody listens");
    assert_true(sx_progress(ctx, "w", 1, 2));
    assert_false(sx_cancelled(ctx));
    sx_ctx_free(ctx);
}

/* -- the loop ------------------------------------------------------------------------------------------------------------------ */

enum { N = 200 };
typedef struct turns {
    _Atomic int count[N], workers[64], seen;
    sx_ctx *root;
    int threads, wait_for;
    int64_t fail_from, fail_every;
} turns;

static sx_status turn(sx_ctx *child, int64_t i, int worker, void *arg) {
    turns *t = arg;
    if (worker < 0 || worker >= t->threads) return SX_FAIL(child, SX_E_INTERNAL, "worker %d", worker);
    ++t->count[i];
    if (t->workers[worker]++ == 0) ++t->seen;
    /* hold the first turns until enough workers are here: proves that they run at the same time */
    for (int64_t k = 0; t->seen < t->wait_for && k < INT64_C(100000000); ++k) sched_yield();
    char *p = NULL;
    SX_TRY(child, sx_alloc(child, 1000 + i, 1, &p));
    p[i] = 1;
    sx_free(child, p);
    if (t->fail_every && i >= t->fail_from && (i - t->fail_from) % t->fail_every == 0)
        return SX_FAIL(child, i % 2 ? SX_E_NUMERIC : SX_E_IO, "turn %d failed", (int)i);
    return SX_OK;
}

static void loop_uses_workers(void **state) {
    (void)state;
    sx_ctx *ctx = with_threads(4);
    if (sx_ctx_threads(ctx) == 1) { /* built without OpenMP */
        sx_ctx_free(ctx);
        skip();
    }
    turns t = { .threads = 4, .wait_for = 2 };
    assert_int_equal(sx_parallel_for(ctx, N, turn, &t), SX_OK);
    for (int i = 0; i < N; ++i) assert_int_equal(t.count[i], 1);
    assert_true(t.seen >= 2);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

static void loop_reports_lowest(void **state) {
    (void)state;
    static const int threads[] = { 1, 2, 3, 7 };
    for (size_t k = 0; k < 4; ++k) {
        sx_ctx *ctx = with_threads(threads[k]);
        for (int round = 0; round < 20; ++round) {
            turns t = { .threads = threads[k], .fail_from = 13, .fail_every = 10 };
            assert_int_equal(sx_parallel_for(ctx, N, turn, &t), SX_E_NUMERIC);
            assert_string_equal(sx_ctx_message(ctx), "turn 13 failed");
            assert_int_equal(sx_ctx_status(ctx), SX_E_NUMERIC);
            assert_non_null(strstr(sx_ctx_trace(ctx), "(turn)"));
            for (int i = 0; i < N; ++i) assert_int_equal(t.count[i], 1); /* all run although some fail */
            sx_ctx_clear(ctx);
            turns good = { .threads = threads[k] };
            assert_int_equal(sx_parallel_for(ctx, N, turn, &good), SX_OK);
            assert_int_equal(sx_ctx_status(ctx), SX_OK); /* nothing is left of the failure */
        }
        assert_int_equal(sx_ctx_bytes(ctx), 0);
        sx_ctx_free(ctx);
    }
}

static sx_status silent(sx_ctx *child, int64_t i, int worker, void *arg) {
    (void)child;
    (void)worker;
    int64_t special = *(int64_t *)arg;
    if (special >= 0) return i == special ? SX_E_FILE : SX_OK;
    return i == 5 ? SX_NOT_CONVERGED : i == 9 ? SX_STOPPED : SX_OK;
}

static sx_status nested(sx_ctx *child, int64_t i, int worker, void *arg) {
    turns *t = arg;
    turns inside = { .threads = t->threads };
    if (i == 4) {
        inside.fail_from = 7;
        inside.fail_every = 3;
    }
    sx_status status = sx_parallel_for(child, 20, turn, &inside);
    for (int k = 0; k < 20; ++k)
        if (inside.count[k] != 1) return SX_FAIL(child, SX_E_INTERNAL, "turn %d ran %d times", k, (int)inside.count[k]);
    if (inside.workers[worker] != 20) return SX_FAIL(child, SX_E_INTERNAL, "a nested loop left its worker");
    ++t->count[i];
    if (status < 0) (void)sx_fail_prefix(child, "turn %d", (int)i);
    return status;
}

static void loop_corners(void **state) {
    (void)state;
    static const int threads[] = { 1, 3 };
    for (size_t k = 0; k < 2; ++k) {
        sx_ctx *ctx = with_threads(threads[k]);
        int64_t special = 3;
        assert_int_equal(sx_parallel_for(ctx, 10, silent, &special), SX_E_FILE);
        assert_string_equal(sx_ctx_message(ctx), sx_status_text(SX_E_FILE));
        special = -1;
        assert_int_equal(sx_parallel_for(ctx, 10, silent, &special), SX_NOT_CONVERGED); /* the lowest index */
        assert_int_equal(sx_parallel_for(ctx, 5, silent, &special), SX_OK);
        assert_int_equal(sx_parallel_for(ctx, 0, silent, &special), SX_OK);
        assert_int_equal(sx_parallel_for(ctx, -1, silent, &special), SX_E_INTERNAL);

        turns t = { .threads = threads[k] };
        assert_int_equal(sx_parallel_for(ctx, 12, nested, &t), SX_E_NUMERIC);
        assert_string_equal(sx_ctx_message(ctx), "turn 4: turn 7 failed");
        for (int i = 0; i < 12; ++i) assert_int_equal(t.count[i], 1);
        sx_ctx_free(ctx);
    }
}

static void backwards(void *user, int64_t n, void (*body)(void *arg, int64_t i, int worker), void *arg) {
    ++*(int *)user;
    for (int64_t i = n - 1; i >= 0; --i) body(arg, i, (int)(i % 3));
}

static void loop_of_the_host(void **state) {
    (void)state;
    int calls = 0;
    sx_host host = { .struct_size = sizeof host, .user = &calls, .parallel_for = backwards, .threads = 3 };
    sx_ctx *ctx = sx_ctx_create(&host);
    turns t = { .threads = 3, .fail_from = 13, .fail_every = 10 };
    assert_int_equal(sx_parallel_for(ctx, N, turn, &t), SX_E_NUMERIC);
    assert_string_equal(sx_ctx_message(ctx), "turn 13 failed");
    assert_int_equal(calls, 1);
    assert_int_equal(t.workers[0] + t.workers[1] + t.workers[2], N);
    sx_ctx_free(ctx);
}

/* -- panels -------------------------------------------------------------------------------------------------------------------- */

typedef struct panel_turns {
    _Atomic int count[N], inside, most_inside;
    bool meet;
} panel_turns;

static void panel(void *arg, int64_t i) {
    panel_turns *p = arg;
    ++p->count[i];
    int now = ++p->inside;
    if (now > p->most_inside) p->most_inside = now;
    for (int64_t k = 0; p->meet && p->most_inside < 2 && k < INT64_C(100000000); ++k) sched_yield();
    --p->inside;
}

typedef struct both {
    const sx_exec *exec;
    panel_turns panels[4];
} both;

static sx_status panels_inside(sx_ctx *child, int64_t i, int worker, void *arg) {
    both *b = arg;
    (void)worker;
    sx_exec_for(b->exec, N, panel, &b->panels[i]); /* the root's executor, used from within a loop */
    sx_exec_for(sx_ctx_exec(child), N, panel, &b->panels[i]);
    return SX_OK;
}

static void executor(void **state) {
    (void)state;
    sx_ctx *ctx = with_threads(2);
    panel_turns p = { .meet = sx_ctx_threads(ctx) > 1 };
    sx_exec_for(sx_ctx_exec(ctx), N, panel, &p);
    for (int i = 0; i < N; ++i) assert_int_equal(p.count[i], 1);
    if (p.meet) assert_true(p.most_inside >= 2);
    panel_turns one = { .meet = false };
    sx_exec_for(NULL, N, panel, &one);
    for (int i = 0; i < N; ++i) assert_int_equal(one.count[i], 1);
    assert_int_equal(one.most_inside, 1);

    both b = { .exec = sx_ctx_exec(ctx) };
    assert_int_equal(sx_parallel_for(ctx, 4, panels_inside, &b), SX_OK);
    for (int k = 0; k < 4; ++k) {
        assert_int_equal(b.panels[k].most_inside, 1); /* serial inside of a loop */
        for (int i = 0; i < N; ++i) assert_int_equal(b.panels[k].count[i], 2);
    }
    sx_ctx_free(ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_texts),        cmocka_unit_test(allocation),
        cmocka_unit_test(failing_create),      cmocka_unit_test(messages),
        cmocka_unit_test(host_callbacks),      cmocka_unit_test(loop_uses_workers),
        cmocka_unit_test(loop_reports_lowest), cmocka_unit_test(loop_corners),
        cmocka_unit_test(loop_of_the_host),    cmocka_unit_test(executor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
