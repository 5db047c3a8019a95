// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Results: structure, hyperslabs against a plain loop, stores, external variables, failing allocator. */
#include "core/result_private.h"
#include "failing_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

static sx_ctx *ctx;
static int open_ctx(void **state) {
    (void)state;
    sx_host host = { .struct_size = sizeof host, .threads = 3 };
    ctx = sx_ctx_create(&host);
    return ctx ? 0 : -1;
}
static int close_ctx(void **state) {
    (void)state;
    size_t held = sx_ctx_bytes(ctx);
    sx_ctx_free(ctx);
    return held == 0 ? 0 : -1;
}

#define OK(call)                                                                                                       \
    do {                                                                                                               \
        if ((call) != SX_OK) fail_msg("%s: %s", #call, sx_ctx_message(ctx));                                           \
    } while (0)

/* -- a store in memory ----------------------------------------------------------------------------------------------------------- */

typedef struct memory_store {
    char names[4][64];
    unsigned char bytes[4][4096];
    int64_t size[4];
    int n, writes;
    bool broken;
} memory_store;
static sx_status reserve(void *user, sx_ctx *c, const char *name, int64_t bytes, int *handle) {
    memory_store *s = user;
    if (s->n == 4 || bytes > 4096) return SX_FAIL(c, SX_E_IO, "the store is full");
    snprintf(s->names[s->n], 64, "%s", name);
    s->size[s->n] = bytes;
    *handle = s->n++;
    return SX_OK;
}
static sx_status store_write(void *user, sx_ctx *c, int handle, int64_t offset, int64_t bytes, const void *data) {
    memory_store *s = user;
    if (s->broken) return SX_FAIL(c, SX_E_IO, "the store broke");
    if (offset < 0 || bytes < 0 || offset + bytes > s->size[handle])
        return SX_FAIL(c, SX_E_INTERNAL, "outside of the store");
    memcpy(s->bytes[handle] + offset, data, (size_t)bytes);
    ++s->writes;
    return SX_OK;
}
static sx_status store_read(void *user, sx_ctx *c, int handle, int64_t offset, int64_t bytes, void *data) {
    memory_store *s = user;
    if (s->broken) return SX_FAIL(c, SX_E_IO, "the store broke");
    if (offset < 0 || bytes < 0 || offset + bytes > s->size[handle])
        return SX_FAIL(c, SX_E_INTERNAL, "outside of the store");
    memcpy(data, s->bytes[handle] + offset, (size_t)bytes);
    return SX_OK;
}
static sx_store store_of(memory_store *s) {
    return (sx_store){
        .struct_size = sizeof(sx_store), .user = s, .reserve = reserve, .write = store_write, .read = store_read
    };
}

/* -- structure ------------------------------------------------------------------------------------------------------------------- */

static void structure(void **state) {
    (void)state;
    sx_result *r = NULL;
    int id = -1;
    OK(sx_result_create(ctx, NULL, &r));
    assert_int_equal(sx_result_groups(r), 1);
    assert_string_equal(sx_result_group(r, 0), "");
    OK(sx_result_dim(ctx, r, "", "unit", 3));
    OK(sx_result_dim(ctx, r, "run", "time", 4));
    OK(sx_result_dim(ctx, r, "run", "time", 4));
    assert_int_equal(sx_result_dim(ctx, r, "run", "time", 5), SX_E_USAGE);
    assert_string_equal(sx_ctx_message(ctx), "dimension time of group \"run\" has length 4; it cannot become 5");
    assert_int_equal(sx_result_dim(ctx, r, "run", "bad", -1), SX_E_USAGE);

    sx_var v = { .name = "x", .dims = "time,unit", .dtype = SX_DT_F64, .units = "1", .long_name = "state" };
    OK(sx_result_define(ctx, r, "run", &v, &id));
    assert_int_equal(id, 0);
    int64_t shape[8];
    const char *dims[8], *group;
    assert_int_equal(sx_result_shape(r, id, shape, dims), 2);
    assert_true(shape[0] == 4 && shape[1] == 3);
    assert_string_equal(dims[0], "time");
    assert_string_equal(dims[1], "unit");
    const sx_var *w = sx_result_var(r, id, &group);
    assert_string_equal(group, "run");
    assert_string_equal(w->name, "x");
    assert_string_equal(w->dims, "time,unit");
    assert_string_equal(w->long_name, "state");
    assert_null(w->method);
    double x[12];
    OK(sx_result_read(ctx, r, id, NULL, NULL, x));
    for (int i = 0; i < 12; ++i) assert_true(isnan(x[i]));

    /* refusals, each leaving the result as it was */
    static const struct {
        const char *group, *name, *dims, *says;
    } bad[] = { { "run", "x", "time", "defined already" },
                { "run", "y", "time,replica", "\"replica\" is not defined" },
                { "other", "y", "time", "\"time\" is not defined in group \"other\"" },
                { "run", "a b", "", "want 1 to 200 of the characters" },
                { "run", "", "", "want 1 to 200 of the characters" },
                { "run", "\xc3\xa9", "", "want 1 to 200" },
                { "r/un", "y", "", "group \"r/un\"" },
                { "run", "time", "time,unit", "must have that dimension alone" },
                { "run", "time", "unit", "must have that dimension alone" },
                { "run", "unit", "time", "must have that dimension alone" },
                { "run", "time", "", "must have that dimension alone" },
                { "run", "y", "time,", "end with a comma" },
                { "run", "y", ",time", "\"\" is not defined" },
                { "run", "y", "unit,unit,unit,unit,unit,unit,unit,unit,unit", "at most 8" } };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
        sx_var b = { .name = bad[i].name, .dims = bad[i].dims };
        id = 77;
        assert_int_equal(sx_result_define(ctx, r, bad[i].group, &b, &id), SX_E_USAGE);
        if (!strstr(sx_ctx_message(ctx), bad[i].says)) fail_msg("case %zu: %s", i, sx_ctx_message(ctx));
        assert_int_equal(id, 77);
        assert_int_equal(sx_result_vars(r), 1);
    }
    sx_var huge = { .name = "huge", .dims = "big,big,big" };
    OK(sx_result_dim(ctx, r, "run", "big", INT64_C(1) << 31));
    assert_int_equal(sx_result_define(ctx, r, "run", &huge, &id), SX_E_MEMORY);

    sx_var time = { .name = "time", .dims = "time", .dtype = SX_DT_F64, .units = "ms", .long_name = "time" };
    OK(sx_result_define(ctx, r, "run", &time, &id));
    assert_int_equal(sx_result_find(r, "run", "time"), id);
    assert_int_equal(sx_result_find(r, "", "time"), -1);
    assert_int_equal(sx_result_find(r, "nowhere", "time"), -1);
    const char *name;
    int64_t length;
    assert_true(sx_result_dim_at(r, "run", 0, &name, &length));
    assert_string_equal(name, "time");
    assert_int_equal(length, 4);
    assert_true(sx_result_dim_at(r, "run", 1, &name, &length));
    assert_false(sx_result_dim_at(r, "run", 2, &name, &length));
    assert_int_equal(sx_result_write(ctx, r, 99, NULL, NULL, x), SX_E_USAGE);
    assert_null(sx_result_var(r, 99, &group));
    assert_int_equal(sx_result_shape(r, -1, shape, dims), -1);
    sx_result_free(ctx, r);
    sx_result_free(ctx, NULL);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
}

static void notes(void **state) {
    (void)state;
    sx_result *r;
    OK(sx_result_create(ctx, NULL, &r));
    OK(sx_result_put(ctx, r, "run", "r", "", "1", "radius", &(double){ 2.5 }));
    OK(sx_result_attr_text(ctx, r, "run", "r", "source", "Higham"));
    OK(sx_result_attr_number(ctx, r, "run", "r", "option.dt", 0.1));
    OK(sx_result_attr_number(ctx, r, "", NULL, "seed", 7));
    OK(sx_result_attr_text(ctx, r, "run", "r", "source", "Pad\xc3\xa9")); /* replaces */
    const char *name, *text;
    double number;
    assert_true(sx_result_attr(r, "run", "r", 0, &name, &text, &number));
    assert_string_equal(name, "source");
    assert_string_equal(text, "Pad\xc3\xa9");
    assert_true(isnan(number));
    assert_false(sx_result_attr_is_number(r, "run", "r", 0));
    assert_true(sx_result_attr(r, "run", "r", 1, &name, &text, &number));
    assert_string_equal(text, "0.1");
    assert_true(number == 0.1 && sx_result_attr_is_number(r, "run", "r", 1));
    assert_false(sx_result_attr(r, "run", "r", 2, &name, &text, &number));
    assert_false(sx_result_attr(r, "run", "nothing", 0, &name, &text, &number));
    assert_string_equal(sx_result_attr_find(r, "", NULL, "seed"), "7");
    assert_null(sx_result_attr_find(r, "", NULL, "seeds"));
    assert_int_equal(sx_result_attr_text(ctx, r, "run", "nothing", "a", "b"), SX_E_USAGE);

    OK(sx_result_warn(ctx, r, "run", "dt = %g is large", 0.5));
    assert_int_equal(sx_result_warnings(r), 1);
    assert_string_equal(sx_result_warning(r, 0, &name), "dt = 0.5 is large");
    assert_string_equal(name, "run");
    assert_null(sx_result_warning(r, 1, &name));
    char key[] = "variance";
    sx_verdict v = { .name = key, .value = 1.02, .se = 0.01, .theory = 1, .source = "Lyapunov", .comparisons = 7 };
    OK(sx_result_verdict(ctx, r, "run", &v));
    key[0] = 'X'; /* texts are copied */
    const sx_verdict *back = sx_result_verdict_at(r, 0, &name);
    assert_string_equal(back->name, "variance");
    assert_string_equal(back->source, "Lyapunov");
    assert_true(back->value == 1.02 && back->se == 0.01 && back->theory == 1 && back->comparisons == 7);
    assert_int_equal(sx_result_verdicts(r), 1);
    assert_null(sx_result_verdict_at(r, 1, &name));
    sx_result_free(ctx, r);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
}

/* -- cells ----------------------------------------------------------------------------------------------------------------------- */

/* All hyperslabs of a 2 x 3 x 4 variable: written and read, in memory and in a store, against a plain triple loop. */
static void hyperslabs(void **state) {
    (void)state;
    memory_store s = { .n = 0 };
    sx_store store = store_of(&s);
    sx_result *r;
    OK(sx_result_create(ctx, &store, &r));
    OK(sx_result_dim(ctx, r, "g", "a", 2));
    OK(sx_result_dim(ctx, r, "g", "b", 3));
    OK(sx_result_dim(ctx, r, "g", "c", 4));
    int id[2];
    sx_var in_memory = { .name = "m", .dims = "a,b,c" }, stored = { .name = "s", .dims = "a,b,c", .stored = true };
    OK(sx_result_define(ctx, r, "g", &in_memory, &id[0]));
    OK(sx_result_define(ctx, r, "g", &stored, &id[1]));
    assert_int_equal(s.n, 1);
    assert_string_equal(s.names[0], "g.s");
    assert_int_equal(s.size[0], 24 * 8);
    int64_t start[3], count[3];
    int slabs = 0;
    for (start[0] = 0; start[0] <= 2; ++start[0])
        for (start[1] = 0; start[1] <= 3; ++start[1])
            for (start[2] = 0; start[2] <= 4; ++start[2])
                for (count[0] = 0; start[0] + count[0] <= 2; ++count[0])
                    for (count[1] = 0; start[1] + count[1] <= 3; ++count[1])
                        for (count[2] = 0; start[2] + count[2] <= 4; ++count[2]) {
                            double whole[24], part[24], expected[24], got[25];
                            int n = 0;
                            for (int i = 0; i < 24; ++i) whole[i] = expected[i] = i;
                            for (int64_t i = 0; i < count[0]; ++i)
                                for (int64_t j = 0; j < count[1]; ++j)
                                    for (int64_t k = 0; k < count[2]; ++k) {
                                        part[n] = 1000 + n;
                                        expected[((start[0] + i) * 3 + start[1] + j) * 4 + start[2] + k] = part[n];
                                        ++n;
                                    }
                            for (int v = 0; v < 2; ++v) {
                                OK(sx_result_write(ctx, r, id[v], NULL, NULL, whole));
                                OK(sx_result_write(ctx, r, id[v], start, count, part));
                                OK(sx_result_read(ctx, r, id[v], NULL, NULL, got));
                                assert_memory_equal(got, expected, sizeof expected);
                                for (int i = 0; i < 25; ++i) got[i] = -1;
                                OK(sx_result_read(ctx, r, id[v], start, count, got));
                                for (int i = 0; i < 25; ++i) assert_true(got[i] == (i < n ? part[i] : -1));
                            }
                            ++slabs;
                        }
    assert_int_equal(slabs, 6 * 10 * 15);
    s.writes = 0;
    double row[8] = { 0 };
    OK(sx_result_write(ctx, r, id[1], (int64_t[]){ 1, 1, 0 }, (int64_t[]){ 1, 2, 4 }, row));
    assert_int_equal(s.writes, 1); /* adjacent rows are one write */
    assert_int_equal(sx_result_write(ctx, r, id[0], (int64_t[]){ 1, 1, 0 }, (int64_t[]){ 1, 3, 4 }, row), SX_E_USAGE);
    assert_string_equal(sx_ctx_message(ctx), "variable m: cells 1 to 3 along b: want within 0 to 2");
    assert_int_equal(sx_result_write(ctx, r, id[0], (int64_t[]){ -1, 1, 0 }, (int64_t[]){ 1, 1, 1 }, row), SX_E_USAGE);
    assert_int_equal(sx_result_write(ctx, r, id[0], (int64_t[]){ 0, 1, 0 }, (int64_t[]){ INT64_MAX, 1, 1 }, row),
                     SX_E_USAGE);
    s.broken = true;
    assert_int_equal(sx_result_write(ctx, r, id[1], NULL, NULL, row), SX_E_IO);
    assert_int_equal(sx_result_read(ctx, r, id[1], NULL, NULL, row), SX_E_IO);
    assert_string_equal(sx_ctx_message(ctx), "the store broke");
    sx_result_free(ctx, r);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
}

static void types(void **state) {
    (void)state;
    memory_store s = { .n = 0 };
    sx_store store = store_of(&s);
    sx_result *r;
    OK(sx_result_create(ctx, &store, &r));
    OK(sx_result_dim(ctx, r, "", "k", 3));
    const float f[] = { 1.5f, -2, 0.1f };
    const int64_t i[] = { -5, INT64_C(9007199254740993), 7 };
    const uint8_t u[] = { 0, 255, 3 };
    const char *t[] = { "AVAL", NULL, "\xce\xb1" };
    int ids[5];
    const void *data[] = { f, i, u, t, f };
    const sx_dtype dtypes[] = { SX_DT_F32, SX_DT_I64, SX_DT_U8, SX_DT_STRING, SX_DT_F32 };
    double out[3], before[3];
    for (int v = 0; v < 5; ++v) {
        char name[] = { 'v', (char)('0' + v), 0 };
        sx_var var = { .name = name, .dims = "k", .dtype = dtypes[v], .stored = v == 4 || v == 3 };
        OK(sx_result_define(ctx, r, "", &var, &ids[v]));
        if (v < 3) {
            OK(sx_result_read(ctx, r, ids[v], NULL, NULL, before));
            assert_true(v == 0 ? isnan(before[0]) : before[0] == 0);
        }
        if (v == 3) assert_string_equal(sx_result_text(r, ids[v], 0), "");
        OK(sx_result_write(ctx, r, ids[v], NULL, NULL, data[v]));
    }
    assert_int_equal(s.n, 1); /* texts stay in memory */
    assert_string_equal(s.names[0], "v4");
    OK(sx_result_read(ctx, r, ids[0], NULL, NULL, out));
    assert_true(out[0] == 1.5 && out[1] == -2 && out[2] == (double)0.1f);
    OK(sx_result_read(ctx, r, ids[4], (int64_t[]){ 2 }, (int64_t[]){ 1 }, out));
    assert_true(out[0] == (double)0.1f);
    OK(sx_result_read(ctx, r, ids[1], NULL, NULL, out));
    assert_true(out[0] == -5 && out[2] == 7);
    int64_t exact[3];
    OK(sx_result_read_raw(ctx, r, ids[1], NULL, NULL, exact));
    assert_memory_equal(exact, i, sizeof i);
    OK(sx_result_read(ctx, r, ids[2], NULL, NULL, out));
    assert_true(out[1] == 255);
    assert_string_equal(sx_result_text(r, ids[3], 0), "AVAL");
    assert_string_equal(sx_result_text(r, ids[3], 1), "");
    assert_string_equal(sx_result_text(r, ids[3], 2), "\xce\xb1");
    assert_null(sx_result_text(r, ids[3], 3));
    assert_null(sx_result_text(r, ids[0], 0));
    OK(sx_result_write(ctx, r, ids[3], (int64_t[]){ 1 }, (int64_t[]){ 1 }, &(const char *){ "AVAR" }));
    assert_string_equal(sx_result_text(r, ids[3], 1), "AVAR");
    assert_int_equal(sx_result_read(ctx, r, ids[3], NULL, NULL, out), SX_E_USAGE);
    sx_result_free(ctx, r);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
}

/* -- from a file ----------------------------------------------------------------------------------------------------------------- */

typedef struct outside {
    int reads, released;
} outside;
static sx_status outside_read(void *user, sx_ctx *c, const int64_t *start, const int64_t *count, void *data) {
    (void)c;
    ++((outside *)user)->reads;
    float *out = data;
    for (int64_t i = 0; i < count[0]; ++i)
        for (int64_t j = 0; j < count[1]; ++j) *out++ = (float)(10 * (start[0] + i) + start[1] + j);
    return SX_OK;
}
static void outside_release(void *user, sx_ctx *c) {
    (void)c;
    ++((outside *)user)->released;
}

static void external(void **state) {
    (void)state;
    outside o = { 0, 0 };
    sx_result *r;
    int id;
    OK(sx_result_create(ctx, NULL, &r));
    sx_result_on_free(r, outside_release, &o);
    OK(sx_result_add_group(ctx, r, "empty"));
    assert_string_equal(sx_result_group(r, 1), "empty");
    OK(sx_result_dim(ctx, r, "", "i", 5));
    OK(sx_result_dim(ctx, r, "", "j", 6));
    sx_var var = { .name = "x", .dims = "i,j", .dtype = SX_DT_F32 };
    OK(sx_result_define_external(ctx, r, "", &var, outside_read, &o, &id));
    double out[4];
    OK(sx_result_read(ctx, r, id, (int64_t[]){ 3, 4 }, (int64_t[]){ 2, 2 }, out));
    assert_true(out[0] == 34 && out[1] == 35 && out[2] == 44 && out[3] == 45);
    assert_int_equal(o.reads, 1);
    assert_int_equal(sx_result_read(ctx, r, id, (int64_t[]){ 4, 4 }, (int64_t[]){ 2, 2 }, out), SX_E_USAGE);
    assert_int_equal(sx_result_write(ctx, r, id, NULL, NULL, out), SX_E_USAGE);
    var.dtype = SX_DT_STRING;
    var.name = "t";
    assert_int_equal(sx_result_define_external(ctx, r, "", &var, outside_read, &o, &id), SX_E_USAGE);
    sx_result_free(ctx, r);
    assert_int_equal(o.released, 1);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
}

/* -- threads and faults ------------------------------------------------------------------------------------------------------------ */

typedef struct filling {
    sx_result *r;
    int number, text;
} filling;
static sx_status fill_row(sx_ctx *child, int64_t i, int worker, void *arg) {
    filling *f = arg;
    (void)worker;
    double row[7];
    char label[16];
    const char *p = label;
    for (int k = 0; k < 7; ++k) row[k] = (double)(100 * i + k);
    snprintf(label, sizeof label, "row %d", (int)i);
    SX_TRY(child, sx_result_write(child, f->r, f->number, (int64_t[]){ i, 0 }, (int64_t[]){ 1, 7 }, row));
    SX_TRY(child, sx_result_write(child, f->r, f->text, (int64_t[]){ i }, (int64_t[]){ 1 }, &p));
    return SX_OK;
}

static void written_by_workers(void **state) {
    (void)state;
    filling f;
    OK(sx_result_create(ctx, NULL, &f.r));
    OK(sx_result_dim(ctx, f.r, "", "row", 300));
    OK(sx_result_dim(ctx, f.r, "", "k", 7));
    sx_var x = { .name = "x", .dims = "row,k" }, t = { .name = "t", .dims = "row", .dtype = SX_DT_STRING };
    OK(sx_result_define(ctx, f.r, "", &x, &f.number));
    OK(sx_result_define(ctx, f.r, "", &t, &f.text));
    OK(sx_parallel_for(ctx, 300, fill_row, &f));
    static double out[2100];
    OK(sx_result_read(ctx, f.r, f.number, NULL, NULL, out));
    for (int i = 0; i < 2100; ++i) assert_true(out[i] == 100 * (i / 7) + i % 7);
    assert_string_equal(sx_result_text(f.r, f.text, 299), "row 299");
    sx_result_free(ctx, f.r);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
}

static sx_status everything(sx_ctx *c, sx_result **out, const sx_store *store) {
    sx_result *r = NULL;
    sx_status status;
    int id;
    double data[6] = { 1, 2, 3, 4, 5, 6 }, back[6];
    const char *labels[] = { "a", "b" };
    sx_var text = { .name = "label", .dims = "unit", .dtype = SX_DT_STRING, .method = "none" };
    sx_var small = { .name = "u", .dims = "unit", .dtype = SX_DT_U8 };
    sx_var big = { .name = "big", .dims = "unit", .stored = true };
    sx_verdict v = { .name = "variance", .source = "exact" };
    SX_GO(c, status, done, sx_result_create(c, store, &r));
    SX_GO(c, status, done, sx_result_dim(c, r, "", "unit", 2));
    SX_GO(c, status, done, sx_result_dim(c, r, "run", "k", 3));
    SX_GO(c, status, done, sx_result_put(c, r, "run", "x", "unit,k", "1", "state", data));
    SX_GO(c, status, done, sx_result_define(c, r, "", &text, &id));
    SX_GO(c, status, done, sx_result_write(c, r, id, NULL, NULL, labels));
    SX_GO(c, status, done, sx_result_define(c, r, "", &big, &id));
    SX_GO(c, status, done, sx_result_define(c, r, "", &small, &id));
    SX_GO(c, status, done, sx_result_read(c, r, id, NULL, NULL, back));
    for (int i = 0; i < 10; ++i) {
        char name[16];
        snprintf(name, sizeof name, "a%d", i);
        SX_GO(c, status, done, sx_result_attr_number(c, r, "run", i % 2 ? "x" : NULL, name, i));
        SX_GO(c, status, done, sx_result_attr_text(c, r, name, NULL, name, "text"));
        SX_GO(c, status, done, sx_result_warn(c, r, "run", "warning %d", i));
        SX_GO(c, status, done, sx_result_verdict(c, r, "run", &v));
    }
done:
    if (status < 0)
        sx_result_free(c, r);
    else
        *out = r;
    return status;
}

static void failing_allocator(void **state) {
    (void)state;
    int64_t k = 1;
    for (bool whole = false; !whole; ++k) {
        for (int persistent = 0; persistent < 2; ++persistent) {
            failing_host h = { .fail_at = k + 3, .persistent = persistent }; /* the context itself takes three */
            sx_host host = failing_host_of(&h);
            sx_ctx *poor = sx_ctx_create(&host);
            assert_non_null(poor);
            memory_store s = { .n = 0 };
            sx_store store = store_of(&s);
            sx_result *r = NULL;
            sx_status status = everything(poor, &r, &store);
            if (status < 0) {
                assert_int_equal(status, SX_E_MEMORY);
                assert_non_null(strstr(sx_ctx_message(poor), "bytes"));
                assert_null(r);
            } else {
                assert_int_equal(sx_result_warnings(r), 10);
                whole = true;
            }
            sx_result_free(poor, r);
            assert_int_equal(sx_ctx_bytes(poor), 0);
            sx_ctx_free(poor);
            assert_int_equal(h.held, 0);
        }
    }
    assert_true(k > 100); /* that many allocations were failed */
}

/* n erfc(z / sqrt 2) beside that of 3 (2.70e-3) and of 5 (5.73e-7), from mpmath: z = 4.3: 1.71e-5, 4.6: 4.22e-6, 6: 1.97e-9, 7: 2.56e-12. */
static void judgement(void **state) {
    (void)state;
    static const struct {
        double z;
        int64_t n;
        sx_judgement want;
    } cases[] = { { 2.99, 0, SX_AGREES },
                  { 3.01, 1, SX_DOUBTFUL },
                  { -4.99, 1, SX_DOUBTFUL },
                  { 5.01, 1, SX_DISAGREES },
                  { 4.3, 1, SX_DOUBTFUL },
                  { 4.3, 39060, SX_AGREES },
                  { -4.3, 157, SX_DOUBTFUL },
                  { 4.3, 160, SX_AGREES },
                  { 4.6, 370, SX_DOUBTFUL },
                  { 6, 39060, SX_DOUBTFUL },
                  { 7, 39060, SX_DISAGREES },
                  { 0, 1, SX_AGREES },
                  { (double)NAN, 1, SX_NO_ERROR_KNOWN } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sx_verdict v = { .value = cases[i].z, .se = 1, .theory = 0, .comparisons = cases[i].n };
        assert_int_equal(sx_verdict_judge(&v), cases[i].want);
    }
    assert_int_equal(sx_verdict_judge(&(sx_verdict){ .value = 1, .theory = 1 }), SX_NO_ERROR_KNOWN);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judgement),
        cmocka_unit_test(structure),
        cmocka_unit_test(notes),
        cmocka_unit_test(hyperslabs),
        cmocka_unit_test(types),
        cmocka_unit_test(external),
        cmocka_unit_test(written_by_workers),
        cmocka_unit_test(failing_allocator),
    };
    return cmocka_run_group_tests(tests, open_ctx, close_ctx);
}
