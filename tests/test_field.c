// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Field tables and numbers as text. */
#include <separatrix/field.h>
#include <separatrix/simulate.h>

#include "core/number.h"
#include "comma_locale.h"
#include "failing_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

typedef struct inner_opts {
    double every;
    bool given;
} inner_opts;
static const sx_field inner_fields[] = { { .name = "every",
                                           .type = SX_F64,
                                           .offset = offsetof(inner_opts, every),
                                           .lo = 0,
                                           .hi = HUGE_VAL,
                                           .flags = SX_HI_OPEN,
                                           .def = "0",
                                           .help = "Time between samples." },
                                         SX_FIELD_END };

typedef struct element {
    const char *name;
    double above;
    double radius;
} element;
static const sx_field element_fields[] = {
    { .name = "name", .type = SX_STRING, .offset = offsetof(element, name), .flags = SX_REQUIRED, .help = "name" },
    { .name = "above",
      .type = SX_F64,
      .offset = offsetof(element, above),
      SX_UNBOUNDED,
      .def = "nan",
      .help = "level" },
    { .name = "radius",
      .type = SX_F64,
      .offset = offsetof(element, radius),
      .lo = 0,
      .hi = 5,
      .def = "1",
      .help = "radius" },
    SX_FIELD_END
};

typedef struct all_opts {
    size_t struct_size;
    bool on, off;
    int64_t count;
    uint64_t seed;
    double dt, end, hole, free_number;
    const char *text, *empty, *none;
    int method, calculus;
    bool has_calculus;
    sx_values tau, single;
    sx_units units;
    sx_strings strings;
    inner_opts record, optional;
    sx_tables targets;
    sx_initial initial;
    double temperature;
    bool has_temperature;
} all_opts;
#define AT(member) .offset = offsetof(all_opts, member)
static const sx_field fields[] = {
    { .name = "on", .type = SX_BOOL, AT(on), .def = "true", .help = "on" },
    { .name = "off", .type = SX_BOOL, AT(off), .def = "false", .help = "off" },
    { .name = "count", .type = SX_I64, AT(count), .lo = 1, .hi = 1000000, .def = "10_000", .help = "how many" },
    { .name = "seed", .type = SX_U64, AT(seed), SX_UNBOUNDED, .def = "18446744073709551615", .help = "seed" },
    { .name = "dt",
      .type = SX_F64,
      AT(dt),
      .lo = 0,
      .hi = HUGE_VAL,
      .flags = SX_LO_OPEN | SX_HI_OPEN,
      .def = "0.01",
      .unit = "time",
      .help = "time step" },
    { .name = "end", .type = SX_F64, AT(end), .lo = 0, .hi = HUGE_VAL, .def = "inf", .help = "end" },
    { .name = "hole", .type = SX_F64, AT(hole), .lo = 0, .hi = 1, .def = "nan", .help = "hole" },
    { .name = "free", .type = SX_F64, AT(free_number), SX_UNBOUNDED, .def = "-2.5e-3", .help = "any" },
    { .name = "text", .type = SX_STRING, AT(text), .def = "plain", .help = "text" },
    { .name = "empty", .type = SX_STRING, AT(empty), .def = "\"\"", .help = "text" },
    { .name = "none", .type = SX_STRING, AT(none), .help = "text" },
    { .name = "method",
      .type = SX_ENUM,
      AT(method),
      .def = "\"heun\"",
      .choices = "euler-maruyama|heun|milstein",
      .help = "the method" },
    { .name = "calculus",
      .type = SX_ENUM,
      AT(calculus),
      .choices = "ito|stratonovich",
      .help = "calculus",
      .given = offsetof(all_opts, has_calculus) },
    { .name = "tau",
      .type = SX_VALUES,
      AT(tau),
      .lo = 0,
      .hi = HUGE_VAL,
      .flags = SX_LO_OPEN | SX_HI_OPEN,
      .def = "1",
      .shape = "unit",
      .help = "time constants" },
    { .name = "single", .type = SX_VALUES, AT(single), SX_UNBOUNDED, .flags = SX_NO_LIST, .help = "one number" },
    { .name = "units", .type = SX_UNITS, AT(units), .def = "[]", .help = "units" },
    { .name = "strings", .type = SX_STRINGS, AT(strings), .def = "[]", .help = "texts" },
    { .name = "record",
      .type = SX_TABLE,
      AT(record),
      .sub = inner_fields,
      .sub_size = sizeof(inner_opts),
      .help = "record" },
    { .name = "optional",
      .type = SX_TABLE,
      AT(optional),
      .sub = inner_fields,
      .sub_size = sizeof(inner_opts),
      .flags = SX_OPTIONAL,
      .given = offsetof(all_opts, optional.given),
      .help = "optional" },
    { .name = "targets",
      .type = SX_TABLES,
      AT(targets),
      .sub = element_fields,
      .sub_size = sizeof(element),
      .help = "targets" },
    { .name = "initial", .type = SX_INITIAL, AT(initial), .def = "\"zero\"", .help = "initial states" },
    { .name = "temperature",
      .type = SX_F64,
      AT(temperature),
      .lo = 0,
      .hi = HUGE_VAL,
      .flags = SX_LO_OPEN,
      .given = offsetof(all_opts, has_temperature),
      .help = "temperature" },
    SX_FIELD_END
};

static all_opts defaults(void) {
    all_opts o;
    memset(&o, 0xA5, sizeof o);
    o.struct_size = sizeof o;
    sx_fields_default(fields, &o);
    return o;
}

static void default_values(void **state) {
    (void)state;
    all_opts o = defaults();
    assert_int_equal(o.struct_size, sizeof o); /* no field, not touched */
    assert_true(o.on == true && o.off == false);
    assert_int_equal(o.count, 10000);
    assert_true(o.seed == UINT64_MAX);
    assert_true(o.dt == 0.01 && o.free_number == -2.5e-3);
    assert_true(isinf(o.end) && o.end > 0 && isnan(o.hole));
    assert_string_equal(o.text, "plain");
    assert_string_equal(o.empty, "");
    assert_null(o.none);
    assert_int_equal(o.method, 1);
    assert_int_equal(o.calculus, 0);
    assert_false(o.has_calculus);
    assert_true(o.tau.n == 0 && !o.tau.data && o.units.n == 0 && o.strings.n == 0 && o.targets.n == 0 &&
                !o.targets.items);
    assert_true(o.record.every == 0 && o.optional.every == 0);
    assert_false(o.optional.given);
    assert_int_equal(o.initial.kind, SX_INITIAL_ZERO);
}

static sx_ctx *ctx;
static int open_ctx(void **state) {
    (void)state;
    ctx = sx_ctx_create(NULL);
    return ctx ? 0 : -1;
}
static int close_ctx(void **state) {
    (void)state;
    size_t held = sx_ctx_bytes(ctx);
    sx_ctx_free(ctx);
    return held == 0 ? 0 : -1;
}

static void refused(const all_opts *o, const char *message) {
    assert_int_equal(sx_fields_check(ctx, fields, o, "task.run"), SX_E_USAGE);
    assert_string_equal(sx_ctx_message(ctx), message);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
}
static void accepted(const all_opts *o) {
    if (sx_fields_check(ctx, fields, o, "task.run") != SX_OK) fail_msg("%s", sx_ctx_message(ctx));
    assert_int_equal(sx_ctx_bytes(ctx), 0);
}

static void checks(void **state) {
    (void)state;
    all_opts o = defaults();
    accepted(&o);
    o.dt = 0;
    refused(&o, "task.run.dt = 0: want a value in (0, inf) (time step; default 0.01)");
    o.dt = (double)INFINITY;
    refused(&o, "task.run.dt = inf: want a value in (0, inf) (time step; default 0.01)");
    o.dt = (double)NAN;
    refused(&o, "task.run.dt = nan: want a value in (0, inf) (time step; default 0.01)");
    o.dt = 1e-300;
    accepted(&o);
    o.hole = 1.5;
    refused(&o, "task.run.hole = 1.5: want a value in [0, 1] (hole; default nan)");
    o.hole = 0;
    accepted(&o);
    o.free_number = (double)NAN;
    refused(&o, "task.run.free = nan: want a number (any; default -2.5e-3)");
    o = defaults();
    o.count = 0;
    refused(&o, "task.run.count = 0: want an integer in [1, 1000000] (how many; default 10_000)");
    o.count = 1000000;
    accepted(&o);
    o.method = 3;
    refused(&o,
            "task.run.method = number 3: want one of euler-maruyama, heun, milstein (the method; default \"heun\")");
    o.method = 2;
    o.calculus = -1; /* "not written" */
    accepted(&o);
    o.has_calculus = true;
    refused(&o, "task.run.calculus = number -1: want one of ito, stratonovich (calculus)");
    o.has_calculus = false;

    double tau[] = { 1, 2, -0.1 };
    o.tau = (sx_values){ 3, tau };
    refused(&o, "task.run.tau[2] = -0.1: want a value in (0, inf) (time constants; default 1)");
    o.tau = (sx_values){ 1, tau + 2 };
    refused(&o, "task.run.tau = -0.1: want a value in (0, inf) (time constants; default 1)");
    o.tau = (sx_values){ 2, tau };
    accepted(&o);
    o.single = (sx_values){ 2, tau };
    refused(&o, "task.run.single = a list of 2: want a number (one number)");
    o.single = (sx_values){ 2, NULL };
    refused(&o, "task.run.single: 2 numbers without data");
    tau[0] = (double)NAN;
    o.single = (sx_values){ 0, NULL };
    refused(&o, "task.run.tau[0] = nan: want a value in (0, inf) (time constants; default 1)");
    o = defaults();

    o.record.every = -1;
    refused(&o, "task.run.record.every = -1: want a value in [0, inf) (Time between samples; default 0)");
    o.record.every = 0.1;
    o.optional.every = -1; /* not given: not looked at */
    accepted(&o);
    o.optional.given = true;
    refused(&o, "task.run.optional.every = -1: want a value in [0, inf) (Time between samples; default 0)");
    o.optional.every = 1;

    element e[2] = { { "a", (double)NAN, 1 }, { "b", 3, 6 } };
    o.targets = (sx_tables){ 2, e };
    refused(&o, "task.run.targets[1].radius = 6: want a value in [0, 5] (radius; default 1)");
    e[1].radius = 5;
    accepted(&o);
    e[0].name = NULL;
    refused(&o, "task.run.targets[0].name is missing: want a text (name)");
    o.targets.n = 0;

    o.temperature = -3; /* not given */
    accepted(&o);
    o.has_temperature = true;
    refused(&o, "task.run.temperature = -3: want a value in (0, inf) (temperature)");
    o.temperature = (double)INFINITY;
    refused(&o, "task.run.temperature = inf: want a value in (0, inf) (temperature)");
    o.has_temperature = false;
    o.end = (double)INFINITY; /* its default */
    accepted(&o);
    o.initial = (sx_initial){ .kind = SX_INITIAL_GAUSSIAN, .sd = -1 };
    refused(&o, "task.run.initial: mean = 0, sd = -1: want finite numbers, sd >= 0");
    o.initial = (sx_initial){ .kind = SX_INITIAL_UNIFORM, .lo = 1, .hi = 0 };
    refused(&o, "task.run.initial: lo = 1, hi = 0: want finite numbers, lo <= hi");
    o.initial.kind = 17;
    refused(&o, "task.run.initial.kind = 17: want zero, values, gaussian or uniform");
}

static void check_survives_failing_allocator(void **state) {
    (void)state;
    for (int64_t k = 1;; ++k) {
        failing_host h = { .fail_at = k + 3, .persistent = true };
        sx_host host = failing_host_of(&h);
        sx_ctx *poor = sx_ctx_create(&host);
        assert_non_null(poor);
        all_opts o = defaults();
        element e = { "b", 3, 6 };
        o.targets = (sx_tables){ 1, &e };
        sx_status status = sx_fields_check(poor, fields, &o, "o");
        assert_true(status == SX_E_MEMORY || status == SX_E_USAGE);
        assert_true(strlen(sx_ctx_message(poor)) > 0);
        assert_int_equal(sx_ctx_bytes(poor), 0);
        sx_ctx_free(poor);
        assert_int_equal(h.held, 0);
        if (status == SX_E_USAGE) break;
        assert_true(k < 1000);
    }
}

static void ranges(void **state) {
    (void)state;
    static const struct {
        const char *name, *range;
    } cases[] = { { "dt", "in (0, inf)" },
                  { "end", "in [0, inf]" },
                  { "free", "a number" },
                  { "count", "an integer in [1, 1000000]" },
                  { "seed", "an integer >= 0" },
                  { "on", "true or false" },
                  { "method", "one of euler-maruyama, heun, milstein" },
                  { "text", "a text" } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        const sx_field *f = sx_field_find(fields, cases[i].name);
        char *text;
        assert_non_null(f);
        assert_int_equal(sx_field_range(ctx, f, &text), SX_OK);
        assert_string_equal(text, cases[i].range);
        sx_free(ctx, text);
    }
    assert_null(sx_field_find(fields, "dT"));
}

static void choices(void **state) {
    (void)state;
    char buf[16];
    assert_int_equal(sx_choice_index("a|bc|d", "a"), 0);
    assert_int_equal(sx_choice_index("a|bc|d", "bc"), 1);
    assert_int_equal(sx_choice_index("a|bc|d", "d"), 2);
    assert_int_equal(sx_choice_index("a|bc|d", "b"), -1);
    assert_int_equal(sx_choice_index("a|bc|d", "a|bc"), -1);
    assert_int_equal(sx_choice_index("a|bc|d", ""), -1);
    assert_string_equal(sx_choice_name("a|bc|d", 1, buf, sizeof buf), "bc");
    assert_string_equal(sx_choice_name("a|bc|d", 3, buf, sizeof buf), "?");
    assert_string_equal(sx_choice_name("a|bc|d", -1, buf, sizeof buf), "?");
    assert_string_equal(sx_choice_name("a|bcdef|d", 1, buf, 3), "bc"); /* cut to the buffer */
}

static void nearest(void **state) {
    (void)state;
    static const char *const known[] = { "duration", "dt", "replicas", "burn_in", "first_passage" };
    assert_string_equal(sx_nearest("durration", known, 5), "duration");
    assert_string_equal(sx_nearest("replicsa", known, 5), "replicas"); /* a swap is one edit */
    assert_string_equal(sx_nearest("burnin", known, 5), "burn_in");
    assert_string_equal(sx_nearest("td", known, 5), "dt");
    assert_null(sx_nearest("xyzzy", known, 5));
    assert_null(sx_nearest("q", known, 5));                /* nothing of it is kept */
    assert_null(sx_nearest("firstpassagetime", known, 5)); /* five edits */
    assert_null(sx_nearest("dt", known, 0));
    static const char *const swaps[] = { "abcd", "abdce" };
    assert_string_equal(sx_nearest("abdc", swaps, 2), "abcd"); /* ties: the first */
}

static void numbers(void **state) {
    (void)state;
    static const struct {
        double x;
        const char *text;
    } cases[] = { { 0.1, "0.1" },
                  { 1.0 / 3, "0.3333333333333333" },
                  { 0, "0" },
                  { -0.0, "-0" },
                  { 1e-300, "1e-300" },
                  { 5e-324, "4.94065645841247e-324" },
                  { 123456789012345678.0, "1.2345678901234568e+17" },
                  { 2.0 / 3, "0.6666666666666666" },
                  { 1e100, "1e+100" } };
    char buf[32];
    double back;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        assert_string_equal(sx_number_print(buf, cases[i].x), cases[i].text);
        assert_true(sx_number_parse(buf, &back));
        assert_memory_equal(&back, &cases[i].x, sizeof back);
    }
    /* print and read back, over all magnitudes: x = (odd multiples of) 2^-1074 .. 2^1023 */
    uint64_t bits = UINT64_C(0x9e3779b97f4a7c15);
    for (int i = 0; i < 20000; ++i) {
        double x;
        bits = bits * UINT64_C(6364136223846793005) + 1442695040888963407u;
        uint64_t b = bits ^ (bits >> 29);
        memcpy(&x, &b, sizeof x);
        if (isnan(x)) continue;
        assert_true(sx_number_parse(sx_number_print(buf, x), &back));
        assert_memory_equal(&back, &x, sizeof x);
    }
    assert_true(sx_number_parse("inf", &back) && back == (double)INFINITY);
    assert_true(sx_number_parse("-inf", &back) && back == -(double)INFINITY);
    assert_true(sx_number_parse("nan", &back) && isnan(back));
    assert_true(sx_number_parse("1_000.5", &back) && back == 1000.5);
    static const char *const bad[] = { "",
                                       "-",
                                       "e5",
                                       "1e",
                                       "1.2.3",
                                       "0x10",
                                       "1 ",
                                       " 1",
                                       "infinity",
                                       "1e5x",
                                       "--1",
                                       "1e99999",
                                       "1e\t5",
                                       "1e+ 5",
                                       "1e+",
                                       "1,5",
                                       "0,123456789012345678901" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
        back = 7;
        if (sx_number_parse(bad[i], &back)) fail_msg("\"%s\" was read as %g", bad[i], back);
        assert_true(back == 7);
    }
}

/* A host whose locale has a decimal comma: numbers of both reading paths, texts and messages do not change, and its locale stays. */
static void comma(void **state) {
    if (!comma_locale_begin()) skip();
    numbers(state);
    double x;
    assert_true(sx_number_parse("3.14159265358979323846264338327950288", &x) && x == 3.14159265358979323846);
    assert_true(sx_number_parse("2.5e-310", &x) && x == 0x0.02e055c9a3f6cp-1022);
    char *text = NULL;
    assert_int_equal(sx_format(ctx, &text, "%g %.3f", 0.25, 1e3), SX_OK);
    assert_string_equal(text, "0.25 1000.000");
    sx_free(ctx, text);
    assert_int_equal(SX_FAIL(ctx, SX_E_USAGE, "dt = %g", 0.5), SX_E_USAGE);
    assert_string_equal(sx_ctx_message(ctx), "dt = 0.5");
    char own[8];
    (void)snprintf(own, sizeof own, "%g", 0.5);
    assert_string_equal(own, "0,5");
    comma_locale_end();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(default_values), cmocka_unit_test(checks),  cmocka_unit_test(check_survives_failing_allocator),
        cmocka_unit_test(ranges),         cmocka_unit_test(choices), cmocka_unit_test(nearest),
        cmocka_unit_test(numbers),        cmocka_unit_test(comma),
    };
    return cmocka_run_group_tests(tests, open_ctx, close_ctx);
}
