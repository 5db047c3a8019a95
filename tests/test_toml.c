// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* TOML documents: places, order, limits, --set, and printing that reads back as the same tree. */
#include <separatrix/io.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static sx_toml *parse(sx_ctx *ctx, const char *text) {
    sx_toml *t = NULL;
    if (sx_toml_parse(ctx, "f", text, strlen(text), &t) < 0) fail_msg("%s", sx_ctx_message(ctx));
    return t;
}

/* "a.b.0.c": plain path for the tests. */
static const sx_toml_node *at(const sx_toml *t, const char *path) {
    const sx_toml_node *node = sx_toml_root(t);
    char copy[256], *save = NULL;
    snprintf(copy, sizeof copy, "%s", path);
    for (char *part = strtok_r(copy, ".", &save); part && node; part = strtok_r(NULL, ".", &save))
        node = sx_toml_type_of(node) == SX_TOML_ARRAY ? sx_toml_at(node, atoi(part)) : sx_toml_get(node, part);
    return node;
}

static bool same(const sx_toml_node *a, const sx_toml_node *b) {
    if (sx_toml_type_of(a) != sx_toml_type_of(b) || sx_toml_count(a) != sx_toml_count(b)) return false;
    const char *ka = sx_toml_key(a), *kb = sx_toml_key(b);
    if ((ka == NULL) != (kb == NULL) || (ka && strcmp(ka, kb) != 0)) return false;
    size_t na, nb;
    double fa, fb;
    switch (sx_toml_type_of(a)) {
    case SX_TOML_STRING:
    case SX_TOML_DATE: {
        const char *sa = sx_toml_string(a, &na), *sb = sx_toml_string(b, &nb);
        return na == nb && memcmp(sa, sb, na + 1) == 0;
    }
    case SX_TOML_INTEGER:
        return sx_toml_integer(a) == sx_toml_integer(b);
    case SX_TOML_BOOL:
        return sx_toml_bool(a) == sx_toml_bool(b);
    case SX_TOML_FLOAT:
        fa = sx_toml_float(a), fb = sx_toml_float(b);
        return (isnan(fa) && isnan(fb)) || memcmp(&fa, &fb, sizeof fa) == 0;
    default:
        break;
    }
    for (int64_t i = 0; i < sx_toml_count(a); i++)
        if (!same(sx_toml_at(a, i), sx_toml_at(b, i))) return false;
    return true;
}

/* print(t) reads back as t, and printing that again gives the same text. */
static void check_round_trip(sx_ctx *ctx, const sx_toml *t) {
    char *text, *again;
    sx_toml *back;
    if (sx_toml_print(ctx, t, &text) < 0) fail_msg("%s", sx_ctx_message(ctx));
    if (sx_toml_parse(ctx, "printed", text, strlen(text), &back) < 0) fail_msg("%s in\n%s", sx_ctx_message(ctx), text);
    if (!same(sx_toml_root(t), sx_toml_root(back))) fail_msg("another tree:\n%s", text);
    assert_int_equal(sx_toml_print(ctx, back, &again), SX_OK);
    assert_string_equal(text, again);
    sx_toml_free(ctx, back);
    sx_free(ctx, text);
    sx_free(ctx, again);
}

static char *journey(sx_ctx *ctx, const char *name, size_t *n) {
    char path[512], *text;
    snprintf(path, sizeof path, "%s/journeys/%s", SX_TEST_DATA, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(sx_alloc(ctx, 1 << 20, 1, &text), SX_OK);
    *n = fread(text, 1, 1 << 20, f);
    fclose(f);
    return text;
}
static const char *const journeys[] = { "1-connectome.toml",    "2-trained-gru.toml", "3-maier-stein.toml",
                                        "4-edge-of-chaos.toml", "5-digits.toml",      "6-klein-gordon.toml" };

static void test_places_and_order(void **state) {
    sx_ctx *ctx = *state;
    sx_toml *t = parse(ctx, "title = \"x\"\n"
                            "\n"
                            "[zeta]\n"
                            "  N = -3\n"
                            "alpha = [ 1, 2.5,\n"
                            "   true ]\n"
                            "[[task]]\n"
                            "do = 'simulate'\n"
                            "[[task]]\n"
                            "a.b = 1979-05-27T07:32:00Z\n"
                            "[beta.gamma]\n"
                            "x = { q = 1, p = 2 }\n");
    const sx_toml_node *root = sx_toml_root(t);
    static const char *const keys[] = { "title", "zeta", "task", "beta" };
    assert_int_equal(sx_toml_count(root), 4);
    for (int i = 0; i < 4; i++) assert_string_equal(sx_toml_key(sx_toml_at(root, i)), keys[i]);
    const sx_toml_node *n = at(t, "zeta.N");
    assert_int_equal(sx_toml_integer(n), -3);
    assert_int_equal(sx_toml_line(n), 4);
    assert_int_equal(sx_toml_column(n), 7);
    assert_int_equal(sx_toml_key_line(n), 4);
    assert_int_equal(sx_toml_key_column(n), 3);
    assert_string_equal(sx_toml_origin(n), "f:4:7");
    assert_string_equal(sx_toml_key_origin(n), "f:4:3");
    assert_string_equal(sx_toml_origin(at(t, "zeta.alpha.1")), "f:5:14");
    assert_string_equal(sx_toml_origin(at(t, "zeta.alpha.2")), "f:6:4");
    assert_null(sx_toml_key(at(t, "zeta.alpha.2")));
    assert_string_equal(sx_toml_origin(at(t, "task.1")), "f:9:1");
    assert_int_equal(sx_toml_type_of(at(t, "task.1.a.b")), SX_TOML_DATE);
    assert_string_equal(sx_toml_string(at(t, "task.1.a.b"), NULL), "1979-05-27T07:32:00Z");
    assert_string_equal(sx_toml_key_origin(at(t, "beta")), "f:11:2");
    assert_string_equal(sx_toml_key(sx_toml_at(at(t, "beta.gamma.x"), 0)), "q");
    assert_string_equal(sx_toml_origin(at(t, "beta.gamma.x.p")), "f:12:18");
    assert_true(sx_toml_float(at(t, "zeta.alpha.0")) == 1.0 && sx_toml_float(at(t, "zeta.alpha.1")) == 2.5);
    assert_null(sx_toml_get(root, "Title"));
    assert_null(sx_toml_at(root, 4));
    assert_null(sx_toml_at(root, -1));
    assert_string_equal(sx_toml_name(t), "f");
    sx_toml_free(ctx, t);
}

static void test_journeys(void **state) {
    sx_ctx *ctx = *state;
    for (int i = 0; i < 6; i++) {
        size_t n;
        char *text = journey(ctx, journeys[i], &n);
        sx_toml *t;
        if (sx_toml_parse(ctx, journeys[i], text, n, &t) < 0) fail_msg("%s", sx_ctx_message(ctx));
        check_round_trip(ctx, t);
        if (i == 0) {
            assert_string_equal(sx_toml_origin(at(t, "model.coupling.1.strength")), "1-connectome.toml:27:12");
            assert_true(sx_toml_float(at(t, "model.tau.missing")) == 20.0);
            assert_int_equal(sx_toml_count(at(t, "task")), 4);
        }
        if (i == 3) {
            assert_int_equal(sx_toml_integer(at(t, "sweep.axis.1.values.2")), 4000);
            assert_int_equal(sx_toml_integer(at(t, "limits.runs")), 10000);
        }
        sx_toml_free(ctx, t);
        sx_free(ctx, text);
    }
}

static void test_nasty_text(void **state) {
    sx_ctx *ctx = *state;
    static const char *const texts[] = {
        "a = \"\\\"\\\\\\b\\t\\n\\f\\r\\u0001\\u001F\\u007F\\u00e9\\U0001F600 # = [ ] { }\"",
        "a = '''it's\n\"quoted\" \\ raw\n'''\nb = \"\"\"\\\n   folded\"\"\"\nc = \"\"\"two\"\"\"\"\"",
        "\"\" = 1\n\"a.b\" = 2\n'c \"d\"' = 3\n\"\\u00e9\\n\" = 4\nbare-_9 = 5\n\"[x]\".\"y=z\".\"#\" = 6",
        "[a.b]\nx = 1\n[a]\ny = 2", /* the header of the parent comes later */
        "[a]\nb.c = 1\nd = 2\nb.e = 3",
        "[[t]]\n[t.u]\nx=1\n[[t.v]]\n[[t.v]]\nz=2\n[[t]]\n[t.u.w]",
        "a = []\nb = {}\nc = [[], [1], [[]], [{}], [{x={y=[{}]}}]]\n[d]\n[e.f]\n[e.g]",
        "a = [1, 'x', 2.0, {b = 1}, [true]]\n[[c]]\n\n[[c]]\nq = [{r = 1}, {r = 2}]",
        "a = 9223372036854775807\nb = -9223372036854775808\nc = 0xff\nd = 0o17\ne = 0b11\nf = 1_000",
        "a = 1e300\nb = 1e-300\nc = -0.0\nd = inf\ne = -inf\nf = nan\ng = 5e-324\nh = 1e22\ni = 100000.0\nj = 6.02e23",
        "a = 1979-05-27\nb = 07:32:00.5\nc = 1979-05-27T07:32:00\nd = 1979-05-27T00:32:00.999999-07:00",
        "",
        "# nothing\n",
        "\xEF\xBB\xBF\x61 = 1", /* a byte-order mark, then a = 1 */
        "a = 1\r\nb = '''x\r\ny'''\r\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        sx_toml *t = parse(ctx, texts[i]);
        check_round_trip(ctx, t);
        sx_toml_free(ctx, t);
    }
    sx_toml *t = parse(ctx, texts[0]);
    size_t n;
    const char *s = sx_toml_string(at(t, "a"), &n);
    assert_string_equal(s, "\"\\\b\t\n\f\r\x01\x1F\x7F\xC3\xA9\xF0\x9F\x98\x80 # = [ ] { }");
    assert_int_equal(n, strlen(s));
    sx_toml_free(ctx, t);
    /* long arrays wrap and stay the same */
    char *text = malloc(200000);
    size_t used = (size_t)sprintf(text, "a = [");
    for (int i = 0; i < 3000; i++) used += (size_t)sprintf(text + used, "%s%d.5, ['w%d']", i ? "," : "", i, i);
    strcpy(text + used, "]\n");
    t = parse(ctx, text);
    check_round_trip(ctx, t);
    sx_toml_free(ctx, t);
    free(text);
}

static uint64_t next(uint64_t *s) { /* splitmix64 (Steele, Lea, Flood 2014) */
    uint64_t z = (*s += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* Every double survives printing and reading bit for bit. */
static void test_numbers(void **state) {
    sx_ctx *ctx = *state;
    uint64_t seed = 1;
    for (int round = 0; round < 40; round++) {
        double x[500];
        char text[20000], *printed;
        size_t used = (size_t)sprintf(text, "a = [");
        for (int i = 0; i < 500; i++) {
            do {
                uint64_t bits = next(&seed);
                memcpy(&x[i], &bits, sizeof bits);
            } while (!isfinite(x[i]));
            used += (size_t)sprintf(text + used, "%s%.17g", i ? ", " : "", x[i]);
            if (!strpbrk(strrchr(text, i ? ',' : '['), ".e")) used += (size_t)sprintf(text + used, ".0");
        }
        sprintf(text + used, "]");
        sx_toml *t = parse(ctx, text), *back;
        assert_int_equal(sx_toml_print(ctx, t, &printed), SX_OK);
        back = parse(ctx, printed);
        for (int i = 0; i < 500; i++) {
            const double y = sx_toml_float(sx_toml_at(at(back, "a"), i));
            assert_memory_equal(&x[i], &y, sizeof y);
        }
        sx_toml_free(ctx, t);
        sx_toml_free(ctx, back);
        sx_free(ctx, printed);
    }
}

static void expect_error(sx_ctx *ctx, const char *text, size_t n, const char *begins, const char *contains) {
    sx_toml *t = (sx_toml *)ctx; /* must stay untouched */
    sx_ctx_clear(ctx);
    const sx_status status = sx_toml_parse(ctx, "f", text, n, &t);
    if (status != SX_E_USAGE || t != (sx_toml *)ctx) fail_msg("status %d for %.60s", status, text);
    const char *m = sx_ctx_message(ctx);
    if (strncmp(m, begins, strlen(begins)) != 0 || !strstr(m, contains))
        fail_msg("%s: want %s ... %s", m, begins, contains);
}

static void test_errors(void **state) {
    sx_ctx *ctx = *state;
    static const struct {
        const char *text, *begins, *contains;
    } cases[] = {
        { "a = 1\nb = 2.\n", "f:2:", "loat" },
        { "a = 1\nb = 2\na = 3\n", "f:3:", "redefine" },
        { "[a]\n[b]\n[a]\n", "f:3:", "redefine" },
        { "x = \"open\n", "f:1:", "" },
        { "x = \n", "f:1:", "" },
        { "x = 9223372036854775808", "f:1:", "" },
        { "x = \"\\ud800\"", "f:1:", "" },
        { "a = 1\n  b = \"q\\u0000\"", "f:2:7: ", "NUL" },
        { "x = 1 y = 2", "f:1:", "" },
        { "x = [1, 2", "f:1:", "" },
        { "ok = 1\n\xC3\x28 = 1", "f:2:1: ", "UTF-8" },
        { "a = '\xED\xA0\x80'", "f:1:6: ", "UTF-8" },
        { "a = 1\n [=]", "f:2:3: ", "[header]" },
        { "a = [\n [1],\n [ [-1], [{}] ] ]\n[[ .x]]", "f:4:4: ", "[header]" },
        { "a = '\xC0\x80'", "f:1:6: ", "UTF-8" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_error(ctx, cases[i].text, strlen(cases[i].text), cases[i].begins, cases[i].contains);
    expect_error(ctx, "a = 1\nb =\0 2", 12, "f:2:4: ", "NUL");
}

static void test_limits(void **state) {
    sx_ctx *ctx = *state;
    const size_t n = 1100000;
    char *text = malloc(n + 64);
    sx_toml *t;
    memset(text, ' ', n);
    expect_error(ctx, text, n, "f: ", "1 MB");
    assert_int_equal(sx_toml_parse(ctx, "f", text, 1 << 20, &t), SX_OK);
    sx_toml_free(ctx, t);
    /* nesting: 32 is fine, 33 is not; a million brackets or dots neither crash nor take long */
    for (int deep = 30; deep <= 33; deep++) {
        size_t used = (size_t)sprintf(text, "a=");
        for (int i = 0; i < deep; i++) text[used++] = '[';
        for (int i = 0; i < deep; i++) text[used++] = ']';
        if (deep <= 32) {
            assert_int_equal(sx_toml_parse(ctx, "f", text, used, &t), SX_OK);
            sx_toml_free(ctx, t);
        } else {
            expect_error(ctx, text, used, "f:1:", "nest");
        }
    }
    memset(text, '[', 1000000);
    memcpy(text, "a=", 2);
    expect_error(ctx, text, 1000000, "f:1:", "nest");
    for (int i = 0; i < 500000; i++) memcpy(text + 2 * i, "a.", 2);
    memcpy(text + 999999, "=1", 2);
    expect_error(ctx, text, 1000001, "f:1:64: ", "parts");
    for (int i = 0; i < 250000; i++) memcpy(text + 1 + 4 * i, "\"b\".", 4);
    text[0] = '[';
    expect_error(ctx, text, 1000000, "f:1:", "parts");
    size_t used = 0; /* many dotted keys inside each other */
    for (int i = 0; i < 20; i++) used += (size_t)sprintf(text + used, "a.b.c.d.e.f.g.h={");
    used += (size_t)sprintf(text + used, "x=1");
    for (int i = 0; i < 20; i++) text[used++] = '}';
    expect_error(ctx, text, used, "f:1:", "nest");
    used = 0; /* keys */
    for (int i = 0; i < 100000; i++) used += (size_t)sprintf(text + used, "%x=1\n", i);
    assert_int_equal(sx_toml_parse(ctx, "f", text, used, &t), SX_OK);
    assert_int_equal(sx_toml_count(sx_toml_root(t)), 100000);
    sx_toml_free(ctx, t);
    used += (size_t)sprintf(text + used, "z=1\n");
    expect_error(ctx, text, used, "f:100001:1: ", "100000 keys");
    memset(text, 'x', 70000); /* strings */
    memcpy(text, "a='", 3);
    text[65539] = '\'';
    assert_int_equal(sx_toml_parse(ctx, "f", text, 65540, &t), SX_OK); /* 65536 bytes */
    sx_toml_free(ctx, t);
    text[65539] = 'x';
    text[65540] = '\'';
    expect_error(ctx, text, 65541, "f:1:3: ", "64 KB");
    free(text);
}

static void set(sx_ctx *ctx, sx_toml *t, const char *assignment) {
    if (sx_toml_set(ctx, t, assignment) < 0) fail_msg("%s", sx_ctx_message(ctx));
}

static void test_set(void **state) {
    sx_ctx *ctx = *state;
    size_t n;
    char *text = journey(ctx, journeys[0], &n);
    sx_toml *t;
    assert_int_equal(sx_toml_parse(ctx, "worm.toml", text, n, &t), SX_OK);
    set(ctx, t, "task.traj.dt=0.01");
    const sx_toml_node *dt = at(t, "task.0.dt");
    assert_true(sx_toml_float(dt) == 0.01);
    assert_int_equal(sx_toml_line(dt), 0);
    assert_string_equal(sx_toml_origin(dt), "--set task.traj.dt=0.01");
    set(ctx, t, "model.coupling.gap.strength=3");
    assert_int_equal(sx_toml_integer(at(t, "model.coupling.1.strength")), 3);
    set(ctx, t, "task.spectrum.modes = 5 "); /* addressed by `do` */
    assert_int_equal(sx_toml_integer(at(t, "task.2.modes")), 5);
    set(ctx, t, "task.3.compare=rest"); /* by number, a bare word */
    assert_string_equal(sx_toml_string(at(t, "task.3.compare"), NULL), "rest");
    set(ctx, t, "task.traj.record.units=[\"AVAL\"]");
    assert_int_equal(sx_toml_count(at(t, "task.0.record.units")), 1);
    set(ctx, t, "task.traj.record.units.0=PVCL");
    assert_string_equal(sx_toml_string(at(t, "task.0.record.units.0"), NULL), "PVCL");
    set(ctx, t, "limits.time=8h"); /* a new table */
    assert_string_equal(sx_toml_string(at(t, "limits.time"), NULL), "8h");
    assert_string_equal(sx_toml_key_origin(at(t, "limits")), "--set limits.time=8h");
    set(ctx, t, "seeds.noise=3");
    set(ctx, t, "model.tau={ file = \"t.csv\", column = 'x=y' }");
    assert_string_equal(sx_toml_string(at(t, "model.tau.column"), NULL), "x=y");
    set(ctx, t, "title=A plain title");
    assert_string_equal(sx_toml_string(at(t, "title"), NULL), "A plain title");
    set(ctx, t, "model.equations.x=x - x^3");
    assert_string_equal(sx_toml_string(at(t, "model.equations.x"), NULL), "x - x^3");
    set(ctx, t, "model.\"a.b\"='c'");
    assert_non_null(sx_toml_get(at(t, "model"), "a.b"));
    set(ctx, t, "limits.time=true");
    assert_int_equal(sx_toml_type_of(at(t, "limits.time")), SX_TOML_BOOL);
    check_round_trip(ctx, t);
    /* new plain keys stand before the sections, so that the text keeps its shape */
    set(ctx, t, "new=1");
    set(ctx, t, "model.new=1");
    char *printed;
    assert_int_equal(sx_toml_print(ctx, t, &printed), SX_OK);
    assert_non_null(strstr(printed, "\nnew = 1\n\n[model]\n"));
    assert_non_null(strstr(printed, "\n\n[[model.coupling]]\nname = \"chemical\"\n"));
    sx_free(ctx, printed);
    check_round_trip(ctx, t);

    static const char *const bad[][2] = {
        { "task.trja.dt=1", "no element \"trja\" among 4: traj, rest, spectrum, response" },
        { "task.7.dt=1", "no element \"7\"" },
        { "task.traj.dt", "want KEY=VALUE" },
        { "task.traj.dt=", "no value" },
        { "=1", "not so at byte 1" },
        { "task..dt=1", "not so at byte 6" },
        { "title.x=1", "\"title\" is a string and holds no key \"x\"" },
        { "a=[1,2", "neither TOML nor a plain word" },
        { "a=\"x", "neither TOML nor a plain word" },
        { "a=1\nb=2", "one value" },
        { "a=\"\\u0000\"", "neither TOML" },
        { "a=1,2", "neither TOML" },
        { "a b=1", "want a dot or '='" },
        { "\"a=1", "want KEY=VALUE" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *before, *after, head[64];
        assert_int_equal(sx_toml_print(ctx, t, &before), SX_OK);
        sx_ctx_clear(ctx);
        if (sx_toml_set(ctx, t, bad[i][0]) != SX_E_USAGE) fail_msg("accepted: %s", bad[i][0]);
        if (!strstr(sx_ctx_message(ctx), bad[i][1])) fail_msg("%s", sx_ctx_message(ctx));
        snprintf(head, sizeof head, "--set %s: ", bad[i][0]);
        assert_int_equal(strncmp(sx_ctx_message(ctx), head, strlen(head)), 0);
        assert_int_equal(sx_toml_print(ctx, t, &after), SX_OK);
        assert_string_equal(before, after);
        sx_free(ctx, before);
        sx_free(ctx, after);
    }
    sx_toml_free(ctx, t);
    sx_free(ctx, text);
    t = parse(ctx, "[[task]]\ndo='a'\n[[task]]\ndo='a'\n[[task]]\nname='b'\ndo='a'\n");
    assert_int_equal(sx_toml_set(ctx, t, "task.a.x=1"), SX_E_USAGE);
    assert_non_null(strstr(sx_ctx_message(ctx), "elements 0 and 1 are both called \"a\""));
    set(ctx, t, "task.b.x=1");
    assert_int_equal(sx_toml_integer(at(t, "task.2.x")), 1);
    char deep[200] = "k"; /* 33 parts */
    for (int i = 0; i < 32; i++) strcat(deep, ".k");
    strcat(deep, "=1");
    assert_int_equal(sx_toml_set(ctx, t, deep), SX_E_USAGE);
    assert_int_equal(sx_toml_set(ctx, t, deep + 2), SX_OK); /* 32 */
    assert_int_equal(sx_toml_set(ctx, t, "k.k.k=[[[1]]]"), SX_OK);
    check_round_trip(ctx, t);
    sx_toml_free(ctx, t);
}

static void test_put(void **state) {
    sx_ctx *ctx = *state;
    sx_toml *t = parse(ctx, "title = 'x'\n[model]\nkind = 'rate'\ntau = { file = 'a' }\n[[task]]\ndo = 'simulate'\n");
    assert_int_equal(sx_toml_put(ctx, t, "seed", "7"), SX_OK);
    assert_int_equal(sx_toml_put(ctx, t, "model.gain", "1.5"), SX_OK);
    assert_int_equal(sx_toml_put(ctx, t, "model.kind", "\"other\""), SX_OK); /* stays */
    assert_int_equal(sx_toml_put(ctx, t, "model.tau.missing", "20.0"), SX_OK);
    assert_int_equal(sx_toml_put(ctx, t, "task.simulate.record", "{ every = 1.0 }"), SX_OK);
    assert_int_equal(sx_toml_put(ctx, t, "noise.kind", "\"none\""), SX_OK);
    assert_string_equal(sx_toml_origin(at(t, "model.gain")), "default model.gain");
    char *text;
    assert_int_equal(sx_toml_print(ctx, t, &text), SX_OK);
    assert_string_equal(text, "title = \"x\"\nseed = 7\n\n[model]\nkind = \"rate\"\n"
                              "tau = { file = \"a\", missing = 20.0 }\ngain = 1.5\n\n[[task]]\ndo = \"simulate\"\n"
                              "record = { every = 1.0 }\n\n[noise]\nkind = \"none\"\n");
    sx_free(ctx, text);
    check_round_trip(ctx, t);
    assert_int_equal(sx_toml_put(ctx, t, "model.phi", "tanh"), SX_E_USAGE); /* not TOML */
    assert_null(at(t, "model.phi"));
    sx_toml_free(ctx, t);
}

/* Damaged journeys: an error with a place, or a document that survives printing. */
static void test_damaged(void **state) {
    sx_ctx *ctx = *state;
    uint64_t seed = 5;
    int read = 0, refused = 0;
    for (int i = 0; i < 6; i++) {
        size_t n;
        char *text = journey(ctx, journeys[i], &n), *copy = malloc(n + 8);
        for (int k = 0; k < 400; k++) {
            memcpy(copy, text, n);
            size_t m = n;
            for (int j = 0; j < 1 + k % 3; j++) {
                const size_t where = next(&seed) % m;
                const uint64_t how = next(&seed) % 4;
                if (how == 0)
                    copy[where] = (char)next(&seed);
                else if (how == 1)
                    copy[where] = "[]{}=.\"'\n#,0a\\"[next(&seed) % 14];
                else if (how == 2)
                    m = where + 1;
                else
                    memmove(copy + where, copy + next(&seed) % (where + 1), m - where);
            }
            sx_toml *t;
            sx_ctx_clear(ctx);
            if (sx_toml_parse(ctx, "f", copy, m, &t) == SX_OK) {
                check_round_trip(ctx, t);
                sx_toml_free(ctx, t);
                read++;
            } else {
                assert_int_equal(sx_ctx_status(ctx), SX_E_USAGE);
                assert_int_equal(strncmp(sx_ctx_message(ctx), "f:", 2), 0);
                refused++;
            }
        }
        free(copy);
        sx_free(ctx, text);
    }
    assert_true(read > 200 && refused > 200);
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
    sx_host host = { .struct_size = sizeof host, .user = &f, .alloc = failing_alloc, .threads = 1 };
    sx_ctx *ctx = sx_ctx_create(&host);
    const size_t before = sx_ctx_bytes(ctx);
    static const char text[] = "a = ['x', 2]\n[[task]]\ndo = 'simulate'\n[b.c]\nd = { e = 1979-05-27 }\n";
    long k = 0;
    for (;; k++) {
        f.left = k;
        sx_toml *t = NULL;
        char *printed = NULL;
        sx_status s = sx_toml_parse(ctx, "f", text, strlen(text), &t);
        if (s == SX_OK) s = sx_toml_set(ctx, t, "task.simulate.x.y = [1, 2]");
        if (s == SX_OK) s = sx_toml_set(ctx, t, "b.c.f = word");
        if (s == SX_OK) s = sx_toml_print(ctx, t, &printed);
        if (s == SX_OK) assert_non_null(sx_toml_origin(at(t, "b.c.d")));
        sx_free(ctx, printed);
        sx_toml_free(ctx, t);
        assert_int_equal(sx_ctx_bytes(ctx), before);
        if (s == SX_OK && f.left > 0) break;
        if (s != SX_OK) assert_int_equal(s, SX_E_MEMORY);
        assert_true(k < 900);
    }
    assert_true(k >= 8);
    f.left = 1000;
    sx_ctx_free(ctx);
}

static int setup(void **state) {
    *state = sx_ctx_create(NULL);
    return *state ? 0 : 1;
}
static int teardown(void **state) {
    const size_t left = sx_ctx_bytes(*state);
    sx_ctx_free(*state);
    return left == 0 ? 0 : 1;
}

int main(void) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places_and_order),
        cmocka_unit_test(test_journeys),
        cmocka_unit_test(test_nasty_text),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_put),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_memory_fails),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
