// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Models from a few lines of text and numbers out of results, for the tests of fixed points and basins. Include after cmocka.h. */
#ifndef SX_TESTS_POINTS_TESTING_H
#define SX_TESTS_POINTS_TESTING_H

#include <separatrix/separatrix.h>

#include "core/file.h"
#include "failing_host.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OK(ctx, call)                                                                                                  \
    do {                                                                                                               \
        if ((call) != SX_OK) fail_msg("%s\n%s", sx_ctx_message(ctx), sx_ctx_trace(ctx));                               \
    } while (0)

/* In double precision; cmocka's own compares floats. */
#define assert_near(a, b, limit)                                                                                       \
    do {                                                                                                               \
        double near_a = (a), near_b = (b);                                                                             \
        if (!(fabs(near_a - near_b) <= (limit))) fail_msg("%s = %.17g, want %.17g", #a, near_a, near_b);               \
    } while (0)

static inline sx_ctx *context(int threads) {
    sx_host host = { .struct_size = sizeof host, .threads = threads };
    return sx_ctx_create(&host);
}

/* n single numbers named x, y, z, u, v, w; a text each. */
static inline sx_model *texts(sx_ctx *ctx, bool map, int n, const char *const *text) {
    static const char *const names[] = { "x", "y", "z", "u", "v", "w" };
    sx_equations_state states[6];
    sx_equations_text lines[6];
    sx_equations_desc d = SX_EQUATIONS_DESC;
    for (int i = 0; i < n; i++) {
        states[i] = (sx_equations_state){ names[i], NULL, NULL };
        lines[i] = (sx_equations_text){ names[i], text[i] };
    }
    d.time = map;
    d.n_states = d.n_equations = n;
    d.states = states;
    d.equations = lines;
    sx_model *m = NULL;
    OK(ctx, sx_equations_create(ctx, &d, NULL, &m));
    return m;
}

static inline int64_t size_of(const sx_result *r, const char *group, const char *name) {
    int id = sx_result_find(r, group, name);
    int64_t shape[8], size = 1;
    const char *dims[8];
    if (id < 0) fail_msg("no variable %s", name);
    for (int i = 0, nd = sx_result_shape(r, id, shape, dims); i < nd; i++) size *= shape[i];
    return size;
}
/* Owned by the caller (free). */
static inline double *all_of(sx_ctx *ctx, const sx_result *r, const char *group, const char *name) {
    double *all = malloc(sizeof(double) * (size_t)(size_of(r, group, name) + 1));
    OK(ctx, sx_result_read(ctx, r, sx_result_find(r, group, name), NULL, NULL, all));
    return all;
}
static inline double get(sx_ctx *ctx, const sx_result *r, const char *group, const char *name, int64_t k) {
    double *all = all_of(ctx, r, group, name), v = all[k];
    if (k >= size_of(r, group, name)) fail_msg("%s has no element %d", name, (int)k);
    free(all);
    return v;
}
static inline const char *text_of(const sx_result *r, const char *group, const char *name, int64_t k) {
    return sx_result_text(r, sx_result_find(r, group, name), k);
}

/* Hash over the numbers of every numeric variable, in order of definition. */
static inline uint64_t result_hash(sx_ctx *ctx, const sx_result *r) {
    uint64_t h = 0;
    for (int id = 0; id < sx_result_vars(r); id++) {
        const char *group;
        const sx_var *var = sx_result_var(r, id, &group);
        if (var->dtype == SX_DT_STRING) continue;
        double *all = all_of(ctx, r, group, var->name);
        h = sx_hash(all, sizeof(double) * (size_t)size_of(r, group, var->name), h).h[0];
        free(all);
    }
    return h;
}

/* Every allocation of a task fails once: an error, nothing lost, nothing held; the number of allocations. make: the model in a context. */
static inline int64_t every_allocation_fails(const sx_task_ops *task, sx_model *(*make)(sx_ctx *), const void *opts) {
    failing_host h = { 0 };
    for (int64_t at = 1;; at++) {
        sx_host host = failing_host_of(&h);
        h = (failing_host){ 0 };
        sx_ctx *ctx = sx_ctx_create(&host);
        sx_model *m = make(ctx);
        sx_result *r = NULL;
        OK(ctx, sx_result_create(ctx, NULL, &r));
        h.fail_at = h.calls + at;
        sx_status s = sx_task_run(ctx, task, m, opts, sx_key_seed(3), "p", NULL, r);
        bool reached = h.calls >= h.fail_at;
        h.fail_at = 0;
        assert_true(s == (reached ? SX_E_MEMORY : SX_OK));
        sx_result_free(ctx, r);
        sx_model_free(ctx, m);
        assert_int_equal(sx_ctx_bytes(ctx), 0);
        sx_ctx_free(ctx);
        assert_int_equal(h.held, 0);
        if (!reached) return at - 1;
    }
}

/* -- interruption -------------------------------------------------------------------------------------------------------------- */

typedef struct interruption {
    int polls, limit;
} interruption;
static inline bool interrupt(void *user) {
    interruption *i = user;
    return __atomic_add_fetch(&i->polls, 1, __ATOMIC_RELAXED) > i->limit;
}
static inline char *scratch_directory(void) {
    static char name[64];
    snprintf(name, sizeof name, "/tmp/sx-points-XXXXXX");
    assert_non_null(mkdtemp(name));
    return name;
}
static inline void remove_directory(const char *name) {
    DIR *d = opendir(name);
    char path[512];
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%s", name, e->d_name);
        unlink(path);
    }
    closedir(d);
    rmdir(name);
}

/* Run a task with stops until it is done; the number of stops. make: the model in a context. */
static inline int run_interrupted(const sx_task_ops *task, sx_model *(*make)(sx_ctx *), const void *opts, uint64_t seed,
                                  uint64_t *hash) {
    char *dir = scratch_directory();
    int stops = 0;
    for (;;) {
        interruption stop = { 0, 3 + stops % 5 };
        sx_host host = { .struct_size = sizeof host, .threads = 1 + stops % 3, .user = &stop, .cancelled = interrupt };
        sx_ctx *ctx = sx_ctx_create(&host);
        sx_model *m = make(ctx);
        sx_result *r = NULL;
        OK(ctx, sx_result_create(ctx, NULL, &r));
        sx_checkpoints c = { .struct_size = sizeof c, .directory = dir, .hash = 77, .resume = true, .interval = 0 };
        sx_status s = sx_task_run(ctx, task, m, opts, sx_key_seed(seed), "p", &c, r);
        if (s == SX_OK) *hash = result_hash(ctx, r);
        if (s != SX_OK && s != SX_STOPPED) fail_msg("%s", sx_ctx_message(ctx));
        sx_result_free(ctx, r);
        sx_model_free(ctx, m);
        assert_int_equal(sx_ctx_bytes(ctx), 0);
        sx_ctx_free(ctx);
        if (s == SX_OK) break;
        stops++;
        assert_true(stops < 3000);
    }
    remove_directory(dir);
    return stops;
}

#endif
