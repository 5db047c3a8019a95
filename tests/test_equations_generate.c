// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Generated C beside the evaluator: the same bits for every function, for 200 random equations and for every kind of sum; a text that
 * holds nothing of the user's; the compiler and its cache under every fault that a test can make. */
#include "equations_network.h"
#include "failing_host.h"

#include <separatrix/experiment.h>

#include "core/compiler.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LENGTH(a) (int)(sizeof(a) / sizeof *(a))

static char root[] = "/tmp/separatrix-test-XXXXXX", cache[64]; /* of all tests that do not make their own */

static int make_root(void **state) {
    (void)state;
    if (!mkdtemp(root)) return -1;
    (void)snprintf(cache, sizeof cache, "%s/deep/cache", root); /* both folders are missing */
    return 0;
}
static int remove_one(const char *path, const struct stat *s, int kind, struct FTW *at) {
    (void)s, (void)kind, (void)at;
    return remove(path);
}
static int remove_root(void **state) {
    (void)state;
    return nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
static sx_ctx *context(const char *compiler, const char *folder) {
    sx_host host = { .struct_size = sizeof host, .threads = 2, .compiler = compiler, .cache = folder };
    sx_ctx *ctx = sx_ctx_create(&host);
    assert_non_null(ctx);
    return ctx;
}

static sx_model *create(sx_ctx *ctx, const sx_equations_desc *d, bool compile) {
    sx_equations_desc c = *d;
    sx_model *m = NULL;
    sx_equations_fault fault;
    c.compile = compile;
    if (sx_equations_create(ctx, &c, &fault, &m) < 0) {
        print_error("%s\n%s", sx_ctx_message(ctx), sx_ctx_trace(ctx));
        fail();
    }
    return m;
}

/* Equal bits; any NaN equals any other, since + and * may pass on either operand's. */
static void same_bits(const char *what, int64_t n, const double *got, const double *want) {
    for (int64_t k = 0; k < n; ++k) {
        if (memcmp(&got[k], &want[k], sizeof *got) == 0 || (isnan(got[k]) && isnan(want[k]))) continue;
        print_error("%s: [%lld] generated %a, evaluator %a\n", what, (long long)k, got[k], want[k]);
        fail();
    }
}

/* -- programs -------------------------------------------------------------------------------------------------------------------- */

enum { MANY = 100, BOTH_J = 1, SECOND = 2 }; /* lines; J u and J^T p; (J u)'v and grad p.J v */

/* Programs of F and the orders asked for, twice: as they are and generated; equal bits on batches of several widths. */
static void compare_programs(sx_ctx *ctx, const sx_equations_desc *d, const char *name, int orders, const double *at) {
    enum { KINDS = 5 };
    int kinds = 1 + (orders & BOTH_J ? 2 : 0) + (orders & SECOND ? 2 : 0);
    sx_eq_model m = { 0 };
    sx_eq_program plain[KINDS] = { 0 }, fast[KINDS] = { 0 }, *all[KINDS];
    sx_compiled *compiled = NULL;
    sx_equations_fault fault;
    int32_t roots[KINDS][MANY];
    if (sx_eq_lower(ctx, d, NULL, 0, NULL, &m, &fault) < 0) {
        print_error("%s: %s\n", name, sx_ctx_message(ctx));
        fail();
    }
    int n = m.n_arrays;
    assert_true(n <= MANY);
    memcpy(roots[0], m.F, (size_t)n * sizeof *m.F);
    if (orders) {
        OK(sx_eq_forward(&m.g, n, m.F, 0, roots[1]));
        OK(sx_eq_reverse(&m.g, m.F, 0, roots[2]));
    }
    if (orders & SECOND) {
        OK(sx_eq_forward(&m.g, n, roots[1], 1, roots[3]));
        OK(sx_eq_forward(&m.g, n, roots[2], 1, roots[4]));
    }
    for (int k = 0; k < kinds; ++k) {
        OK(sx_eq_compile(&m.g, n, roots[k], m.array, &plain[k]));
        OK(sx_eq_compile(&m.g, n, roots[k], m.array, &fast[k]));
        all[k] = &fast[k];
    }
    sx_eq_graph_seal(&m.g);
    if (sx_eq_generate_compiled(ctx, kinds, all, &compiled) < 0) {
        print_error("%s: %s\n", name, sx_ctx_message(ctx));
        fail();
    }
    assert_non_null(compiled);
    static const int64_t widths[] = { 1, 2, 7, 40, 1027 };
    for (int e = 0; e < LENGTH(widths); ++e) {
        int64_t b = widths[e], count = m.n * b;
        if (at && b > 7) continue;
        double *x = numbers("x", -1, 1, count), *u = numbers("u", -1, 1, count), *v = numbers("v", -1, 1, count),
               *got = numbers("got", 0, 1, count), *want = numbers("want", 0, 1, count);
        const double *dir[EQ_DIRECTIONS] = { u, v, u };
        for (int64_t k = 0; at && k < count; ++k) x[k] = at[k % m.n]; /* wanders through all columns */
        for (int k = 0; k < kinds; ++k) {
            assert_true(fast[k].n_calls > 0);
            sx_work w = scratch(sx_eq_program_work(&plain[k], b), NULL);
            sx_eq_run(&plain[k], 0.4, x, dir, b, want, w);
            release(w);
            w = scratch(sx_eq_program_work(&fast[k], b), sx_ctx_exec(ctx));
            sx_eq_run(&fast[k], 0.4, x, dir, b, got, w);
            release(w);
            same_bits(name, count, got, want);
        }
        free(x);
        free(u);
        free(v);
        free(got);
        free(want);
    }
    for (int k = 0; k < kinds; ++k) {
        sx_eq_program_free(ctx, &plain[k]);
        sx_eq_program_free(ctx, &fast[k]);
    }
    sx_compiled_free(ctx, compiled);
    sx_eq_model_clear(ctx, &m);
}

/* The network with further arrays that only stand on the left, so that one compilation serves many texts. */
typedef struct wide {
    network w;
    sx_equations_state states[MANY];
    sx_equations_text lines[MANY];
    char names[MANY][8];
    sx_equations_desc d;
} wide;
static void wide_make(sx_ctx *ctx, wide *m, int n, const char *const *texts) {
    network_make(ctx, &m->w);
    m->d = m->w.d;
    m->d.n_states = m->d.n_equations = n;
    m->d.states = m->states;
    m->d.equations = m->lines;
    for (int k = 0; k < n; ++k) {
        (void)snprintf(m->names[k], sizeof m->names[k], "e%d", k);
        m->states[k] = k < 3 ? m->w.states[k] : (sx_equations_state){ m->names[k], "i", NULL };
        m->lines[k] = (sx_equations_text){ m->states[k].name, texts[k] };
    }
}

/* n arrays over an index, one text each. */
typedef struct plain_model {
    sx_equations_index index;
    sx_equations_state states[MANY];
    sx_equations_text lines[MANY];
    char names[MANY][8];
    sx_equations_desc d;
} plain_model;
static void plain_make(plain_model *m, int64_t points, int n, const char *const *texts) {
    m->index = (sx_equations_index){ "i", points, NULL };
    for (int k = 0; k < n; ++k) {
        (void)snprintf(m->names[k], sizeof m->names[k], k == 0 ? "x" : k == 1 ? "y" : "s%d", k);
        m->states[k] = (sx_equations_state){ m->names[k], "i", NULL };
        m->lines[k] = (sx_equations_text){ m->names[k], texts[k] };
    }
    m->d = (sx_equations_desc){ .struct_size = sizeof m->d,
                                .n_indices = 1,
                                .indices = &m->index,
                                .n_states = n,
                                .states = m->states,
                                .n_equations = n,
                                .equations = m->lines };
}

static void write_script(const char *path, const char *text) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, 0700), 0);
}
/* A compiler that names its version and then does this. */
static void write_compiler(const char *path, const char *version, const char *then) {
    char text[600];
    (void)snprintf(text, sizeof text, "#!/bin/sh\nif [ \"$1\" = --version ]; then echo %s; exit 0; fi\n%s\n", version,
                   then);
    write_script(path, text);
}

/* Every function on every pair of special numbers and over 32 binary orders, compiled for each vector level that this CPU has: the bits
 * are those of the evaluator, whatever the level. */
static void test_functions(void **state) {
    (void)state;
    static const char *const texts[] = { "x[i]",
                                         "y[i]",
                                         "exp(x[i])",
                                         "expm1(x[i])",
                                         "log(x[i])",
                                         "log1p(x[i])",
                                         "sqrt(x[i])",
                                         "sin(x[i])",
                                         "cos(x[i])",
                                         "tan(x[i])",
                                         "tanh(x[i])",
                                         "sinh(x[i])",
                                         "cosh(x[i])",
                                         "erf(x[i])",
                                         "abs(x[i])",
                                         "sign(x[i])",
                                         "heaviside(x[i])",
                                         "atan(x[i])",
                                         "min(x[i], y[i])",
                                         "max(x[i], y[i])",
                                         "x[i]^y[i]",
                                         "x[i]^0.7",
                                         "x[i]^3 + 1/x[i]^2",
                                         "-x[i] - y[i]/x[i]",
                                         "x[i]*y[i] + 0.1",
                                         "if(x[i] < y[i], 1, x[i])",
                                         "if(x[i] <= y[i], 1, 2)",
                                         "if(x[i] > y[i], y[i], 2)",
                                         "if(x[i] >= y[i], 1, 2)",
                                         "if(x[i] == y[i], 1, 2)",
                                         "if(x[i] != y[i], 1, 2)",
                                         "y[i]*t" };
    static const double special[] = {
        0.0,    -0.0,    1.0,    -1.0,     0.5,       -0.5,        0.4375,    0.6875,
        1.1875, 2.4375,  1e-300, -1e-310,  5e-324,    1e300,       -1e300,    0x1p30,
        0x1p60, 0x1p61,  709.78, -745.1,   710.5,     -746.5,      20.5,      -40.5,
        1e-9,   3.14159, 100.0,  HUGE_VAL, -HUGE_VAL, (double)NAN, 0x1p-1022, 0x1.fffffffffffffp1023,
        64.0,   -3.0
    };
    enum { SPECIAL = LENGTH(special), POINTS = SPECIAL * SPECIAL + 2000 };
    static const char *const levels[] = { NULL, "x86-64-v3", "x86-64" };
    plain_model *m = calloc(1, sizeof *m);
    double *x = numbers("magnitudes", -1, 1, POINTS * LENGTH(texts));
    /* every pair of special numbers, then magnitudes from 2^-20 to 2^12 */
    for (int64_t k = 0; k < POINTS; ++k) {
        bool pair = k < SPECIAL * SPECIAL;
        x[k] = pair ? special[k / SPECIAL] : ldexp(x[k], (int)(k % 33) - 20);
        x[POINTS + k] = pair ? special[k % SPECIAL] : ldexp(x[POINTS + k], (int)(k % 5) - 2);
    }
    plain_make(m, POINTS, LENGTH(texts), texts);
    for (int k = 0; k < LENGTH(levels); ++k) {
        char script[80], text[400];
        if (k && !sx_kernels_get(levels[k])) continue;
        if (k) {
            (void)snprintf(script, sizeof script, "%s/%s.sh", root, levels[k]);
            (void)snprintf(text, sizeof text,
                           "for a; do shift; case $a in -march=*) a=-march=%s;; esac; set -- \"$@\" \"$a\"; done\n"
                           "exec %s \"$@\"",
                           levels[k], SX_TEST_CC);
            write_compiler(script, levels[k], text);
        }
        sx_ctx *ctx = context(k ? script : SX_TEST_CC, cache);
        compare_programs(ctx, &m->d, k ? levels[k] : "own level", k ? 0 : BOTH_J, x);
        assert_int_equal(sx_ctx_bytes(ctx), 0);
        sx_ctx_free(ctx);
    }
    free(x);
    free(m);
}

/* 200 texts, F, J u and J^T p; those of the last model also with second derivatives. */
static void test_random(void **state) {
    (void)state;
    enum { EACH = 50 };
    sx_ctx *ctx = context(SX_TEST_CC, cache);
    writer *line = calloc(EACH, sizeof *line);
    wide *m = calloc(1, sizeof *m);
    for (uint64_t seed = 1; seed <= 4; ++seed) {
        const char *texts[EACH];
        char name[64];
        (void)snprintf(name, sizeof name, "random expressions, seed %d", (int)seed);
        for (int k = 0; k < EACH; ++k) {
            memset(&line[k], 0, sizeof line[k]);
            line[k].seed = 7000 + EACH * seed + (uint64_t)k;
            line[k].smooth = k % 3 != 0;
            write_expression(&line[k], seed == 4 ? 1 : seed == 3 ? 2 : 3 - k % 2, k == 2 ? 0 : 1);
            texts[k] = line[k].text;
        }
        wide_make(ctx, m, EACH, texts);
        m->d.boundary = (int)(seed % 3);
        compare_programs(ctx, &m->d, name, seed == 4 ? BOTH_J | SECOND : seed == 3 ? BOTH_J : 0, NULL);
        sx_coupling_free(ctx, m->w.sparse);
    }
    free(m);
    free(line);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* Loops over pairs and over links, gathers, reductions, shifts, single elements; every boundary. */
static void test_sums(void **state) {
    (void)state;
    static const char *const texts[] = {
        "(-x[i] + sum(j, W[i,j]*r[j]) - y[i])/tau[i]",
        "(x[i+1]*x[i-1] - y[i+2])/5",
        "-u^3 + sum(j, x[j]*y[j])/20 + u*x[0] + sum(j, sum(i, W[i,j]*tanh(x[i]-y[j])))",
        "sum(j, S[i,j]*sin(x[j] - x[i] + 0.3)) + t*x[3]",
        "sum(j, S[i,j]*tanh(x[j] - x[i])) - x[i]",
        "sum(j, tanh(y[j]*x[i])*W[j,i])",
        "sum(j, tau[i-j]*r[j]) - x[i] + u",
        "sum(j, tau[j]*tanh(y[i+j])) - y[i]^3*u",
        "sum(j, tau[j]*x[i+j]*x[i-j]) - x[i]",
        "sum(j, exp(-(i-j)^2/9)*r[j]*y[i])",
        "sum(j, S[i,j]*W[i,j]*tanh(x[j]*y[i]) + S[i,j]*x[j]) + x[2]*x[i+1]",
        "sum(j, S[j,i]*y[j+1]*tanh(x[i]-y[j]))",
        "x[i]*sum(j, K[i,j]*K[j,i])",
        "-x[5] + u",
        "u",
        "0",
        "x[i]",
        "1",
        "sum(j, (x[j]-y[i])^3)/10",
        "sum(j, max(x[j], y[i])*u)",
        "if(x[i] > y[i], sin(x[i]), y[i]^2)*sum(j, x[j])",
    };
    sx_ctx *ctx = context(SX_TEST_CC, cache);
    wide *m = calloc(1, sizeof *m);
    for (int boundary = 0; boundary < 3; ++boundary) {
        char name[40];
        (void)snprintf(name, sizeof name, "sums, boundary %d", boundary);
        wide_make(ctx, m, LENGTH(texts), texts);
        m->d.boundary = boundary;
        compare_programs(ctx, &m->d, name, boundary == 0 ? BOTH_J : 0, NULL);
        sx_coupling_free(ctx, m->w.sparse);
    }
    free(m);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* A line that no single kernel holds: some 500 operations on 90 inputs, which all use the value of the first one. */
static void test_cut(void **state) {
    (void)state;
    enum { TERMS = 90 };
    sx_ctx *ctx = context(SX_TEST_CC, cache);
    plain_model *m = calloc(1, sizeof *m);
    const char *texts[TERMS];
    sx_eq_buffer text = { 0 };
    sx_eq_put(ctx, &text, "exp(y[i])", -1);
    for (int k = 2; k < TERMS; ++k) {
        char term[100];
        (void)snprintf(term, sizeof term, " + (s%d[i]*0.%d1 - x[i]*s%d[i])*tanh(x[i])/(1 + s%d[i]^2)", k, k,
                       2 + k * 7 % (TERMS - 2), k);
        sx_eq_put(ctx, &text, term, -1);
        texts[k] = "tanh(x[i])";
    }
    texts[0] = "-x[i]";
    texts[1] = text.p;
    plain_make(m, 5, TERMS, texts);
    compare_programs(ctx, &m->d, "cut", 0, NULL);
    free(m);
    sx_free(ctx, text.p);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* -- the text ---------------------------------------------------------------------------------------------------------------------- */

/* C of F and J u of one line over n elements. */
static char *text_of(sx_ctx *ctx, const char *state, const char *parameter, double value, int64_t n, const char *line) {
    sx_equations_index index = { "i", n, NULL };
    sx_equations_state s = { state, "i", NULL };
    sx_equations_parameter p = { parameter, NULL, { 1, &value }, NULL };
    sx_equations_text e = { state, line };
    sx_equations_desc d = { .struct_size = sizeof d,
                            .n_indices = 1,
                            .indices = &index,
                            .n_states = 1,
                            .states = &s,
                            .n_parameters = 1,
                            .parameters = &p,
                            .n_equations = 1,
                            .equations = &e };
    sx_eq_model m = { 0 };
    sx_eq_program program[2] = { 0 }, *const all[] = { &program[0], &program[1] };
    sx_equations_fault fault;
    int32_t J;
    char *text = NULL;
    if (sx_eq_lower(ctx, &d, NULL, 0, NULL, &m, &fault) < 0) {
        print_error("%s\n", sx_ctx_message(ctx));
        fail();
    }
    OK(sx_eq_forward(&m.g, 1, m.F, 0, &J));
    OK(sx_eq_compile(&m.g, 1, m.F, m.array, &program[0]));
    OK(sx_eq_compile(&m.g, 1, &J, m.array, &program[1]));
    OK(sx_eq_generate(ctx, 2, all, &text));
    for (int k = 0; k < 2; ++k) sx_eq_program_free(ctx, &program[k]);
    sx_eq_model_clear(ctx, &m);
    return text;
}

/* Names that mean something in C, numbers and sizes leave no trace: the text is the same byte for byte, so nothing that a user writes
 * can become code. */
static void test_text(void **state) {
    (void)state;
    sx_ctx *ctx = context(SX_TEST_CC, cache);
    char *a = text_of(ctx, "x", "g", 1.5, 7, "tanh(g*x[i])*x[i] - 0.375*x[i]");
    static const char *const names[][2] = {
        { "system", "abort" }, { "asm", "__attribute__" }, { "memcpy", "vec" },
        { "in", "out" },       { "SX_CALLED", "inline" },  { "columns", "k0" },
    };
    assert_non_null(a);
    assert_null(strstr(a, "0.375"));
    for (int k = 0; k < LENGTH(names); ++k) {
        char line[200];
        const char *s = names[k][0], *p = names[k][1];
        (void)snprintf(line, sizeof line, "tanh(%s*%s[i])*%s[i] - 1e-7*%s[i]", p, s, s, s);
        char *b = text_of(ctx, s, p, 2.0 - 3e200 * k, 100000 + k, line);
        assert_string_equal(a, b);
        sx_free(ctx, b);
    }
    char *c = text_of(ctx, "x", "g", 1.5, 7, "tanh(g*x[i])*x[i] + 0.375*x[i]^2"); /* another structure */
    assert_string_not_equal(a, c);
    sx_free(ctx, a);
    sx_free(ctx, c);
    /* what could end a string, a comment or a line is refused by the parser before any text is made */
    static const char *const hostile[] = { "x[i]; system(\"true\")",
                                           "x[i] */ abort() /*",
                                           "x[i]\n#include \"a\"",
                                           "x[i]\\",
                                           "x[i] ? 1 : 2",
                                           "x[i]{}",
                                           "\"x\"",
                                           "x[i]$",
                                           "x[i]`" };
    for (int k = 0; k < LENGTH(hostile); ++k) {
        sx_equations_index index = { "i", 3, NULL };
        sx_equations_state s = { "x", "i", NULL };
        sx_equations_text e = { "x", hostile[k] };
        sx_equations_desc d = { .struct_size = sizeof d,
                                .n_indices = 1,
                                .indices = &index,
                                .n_states = 1,
                                .states = &s,
                                .n_equations = 1,
                                .equations = &e,
                                .compile = true };
        sx_model *m = NULL;
        assert_int_equal(sx_equations_create(ctx, &d, NULL, &m), SX_E_USAGE);
        assert_null(m);
    }
    /* a program that is too long for a compiler stays with the evaluator */
    sx_eq_buffer longest = { 0 };
    for (int k = 0; k < 1500; ++k) {
        char term[64];
        (void)snprintf(term, sizeof term, "%s(x[i] - 0.%d)/(x[i]*x[i] + %d.5)", k ? " + " : "", 1000 + k, k);
        sx_eq_put(ctx, &longest, term, -1);
    }
    assert_null(text_of(ctx, "x", "g", 1.5, 3, longest.p));
    sx_free(ctx, longest.p);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* -- the compiler and its cache ------------------------------------------------------------------------------------------------------ */

static const char answer[] = "int answer(void) { return 42; }\n";

static void expect_answer(sx_ctx *ctx, const char *text, bool cached) {
    sx_compiled *c = NULL;
    void *symbol = NULL;
    int (*f)(void);
    if (sx_compile(ctx, "test", text, &c) < 0) {
        print_error("%s\n", sx_ctx_message(ctx));
        fail();
    }
    assert_int_equal(sx_compiled_cached(c), cached);
    OK(sx_compiled_symbol(ctx, c, "answer", &symbol));
    memcpy(&f, &symbol, sizeof f);
    assert_int_equal(f(), 42);
    assert_int_equal(sx_compiled_symbol(ctx, c, "no_such_symbol", &symbol), SX_E_INTERNAL);
    sx_compiled_free(ctx, c);
}
SX_PRINTF(5, 6)
static void expect_refusal(const char *compiler, const char *folder, const char *text, sx_status want,
                           const char *format, ...) {
    char message[1024];
    va_list args;
    sx_ctx *ctx = context(compiler, folder);
    sx_compiled *c = NULL;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    sx_status got = sx_compile(ctx, "test", text, &c);
    if (got != want || !strstr(sx_ctx_message(ctx), message)) {
        print_error("gave %d: %s\nwant %d: %s\n", got, sx_ctx_message(ctx), want, message);
        fail();
    }
    assert_null(c);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}
/* Files of a folder, hidden ones too; the path of one. */
static int files_of(const char *folder, char path[300]) {
    DIR *d = opendir(folder);
    int n = 0;
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        ++n;
        if (path) (void)snprintf(path, 300, "%s/%s", folder, e->d_name);
    }
    (void)closedir(d);
    return n;
}

static void test_cache(void **state) {
    (void)state;
    char folder[80], entry[300] = "", link[80];
    struct stat s;
    (void)snprintf(folder, sizeof folder, "%s/cache", root);
    (void)snprintf(link, sizeof link, "%s/elsewhere.so", root);
    sx_ctx *ctx = context(SX_TEST_CC, folder);
    mode_t before = umask(0); /* even then nobody else gets in */
    expect_answer(ctx, answer, false);
    umask(before);
    assert_int_equal(stat(folder, &s), 0);
    assert_int_equal(s.st_mode & 0777, 0700);
    assert_int_equal(files_of(folder, entry), 1); /* nothing but the library is left */
    assert_int_equal(stat(entry, &s), 0);
    assert_int_equal(s.st_mode & 022, 0);
    expect_answer(ctx, answer, true);

    /* damage: a byte, the end, other permissions, a link in its place; each time it is compiled anew */
    for (int damage = 0; damage < 4; ++damage) {
        int fd = open(entry, O_RDWR);
        unsigned char byte = 0;
        assert_true(fd >= 0);
        if (damage == 0) {
            assert_int_equal(pread(fd, &byte, 1, 200), 1);
            byte ^= 1;
            assert_int_equal(pwrite(fd, &byte, 1, 200), 1);
        } else if (damage == 1) {
            assert_int_equal(ftruncate(fd, s.st_size - 1), 0);
        } else if (damage == 2) {
            assert_int_equal(fchmod(fd, 0722), 0);
        } else {
            assert_int_equal(rename(entry, link), 0);
            assert_int_equal(symlink(link, entry), 0);
        }
        (void)close(fd);
        expect_answer(ctx, answer, false);
        expect_answer(ctx, answer, true);
        assert_int_equal(files_of(folder, NULL), 1);
    }
    expect_answer(ctx, "int answer(void) { return 40 + 2; }\n", false); /* another text is another entry */
    assert_int_equal(files_of(folder, NULL), 2);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);

    /* folders that are open to others, that are links or files, or that belong to somebody else */
    static const mode_t open_to_others[] = { 0755, 0770, 0702, 0740 };
    for (int k = 0; k < LENGTH(open_to_others); ++k) {
        assert_int_equal(chmod(folder, open_to_others[k]), 0);
        expect_refusal(SX_TEST_CC, folder, answer, SX_E_IO,
                       "the cache %s has permissions %03o: compiled code is loaded from a directory that is closed to "
                       "others only; chmod 700 closes it",
                       folder, (unsigned)open_to_others[k]);
    }
    assert_int_equal(chmod(folder, 0700), 0);
    expect_refusal(SX_TEST_CC, link, answer, SX_E_IO, "the cache %s cannot be opened: Not a directory", link);
    (void)snprintf(link, sizeof link, "%s/link", root);
    assert_int_equal(symlink(folder, link), 0);
    expect_refusal(SX_TEST_CC, link, answer, SX_E_IO, "the cache %s cannot be opened", link);
    expect_refusal(SX_TEST_CC, "/proc/nowhere/cache", answer, SX_E_IO, "the cache /proc/nowhere/cache cannot be made");
    if (geteuid() == 0 && chown(folder, 12345, (gid_t)-1) == 0)
        expect_refusal(SX_TEST_CC, folder, answer, SX_E_IO,
                       "the cache %s belongs to user 12345, not to user 0 who runs this", folder);
}

/* Without a cache nothing stays. */
static void test_no_cache(void **state) {
    (void)state;
    sx_ctx *ctx = context(SX_TEST_CC, NULL);
    expect_answer(ctx, answer, false);
    expect_answer(ctx, answer, false);
    sx_ctx_free(ctx);
}

static void test_compiler_faults(void **state) {
    (void)state;
    char script[80], folder[80], asked[80], text[200], line[1000] = "";
    (void)snprintf(script, sizeof script, "%s/fault.sh", root);
    (void)snprintf(folder, sizeof folder, "%s/faults", root);
    (void)snprintf(asked, sizeof asked, "%s/arguments", root);
    expect_refusal(
        "/no/such/cc", folder, answer, SX_E_USAGE,
        "test: compile = true wants a C compiler, but '/no/such/cc' cannot be started: No such file or "
        "directory; install one (Debian: gcc), name another with --cc, or leave compile = false: the numbers "
        "are the same");
    /* no shell: what would be an argument or a command to one is part of a name */
    expect_refusal("cc -O3; true", folder, answer, SX_E_USAGE, "'cc -O3; true' cannot be started");
    expect_refusal("/bin/false", folder, answer, SX_E_USAGE, "'/bin/false --version' fails");
    expect_refusal(SX_TEST_CC, folder, "int answer(void) { return 42 }\n", SX_E_USAGE,
                   "test: the C compiler '%s' refuses the generated code (exit code 1):\n", SX_TEST_CC);
    expect_refusal(SX_TEST_CC, folder, "int answer(void) { return 42 }\n", SX_E_USAGE, "error: ");
    write_compiler(script, "one",
                   "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo \"line $i of too many\"; done; exit 3");
    expect_refusal(script, folder, answer, SX_E_USAGE,
                   "refuses the generated code (exit code 3):\nline 1 of too many\nline 2 of too many\nline 3 of too "
                   "many\nline 4 of too many\nline 5 of too many\nline 6 of too many");
    write_compiler(script, "two", "kill -9 $$");
    expect_refusal(script, folder, answer, SX_E_USAGE, "was stopped by signal 9");
    /* says it is done and has written nothing, or nonsense */
    write_compiler(script, "three", "exit 0");
    expect_refusal(script, folder, answer, SX_E_IO, "cannot be written: No such file or directory");
    write_compiler(script, "four", "while [ \"$1\" != -o ]; do shift; done; echo nonsense > \"$2\"");
    expect_refusal(script, folder, answer, SX_E_IO, "cannot be loaded");
    /* the arguments are fixed, and hold what keeps the bits */
    (void)snprintf(text, sizeof text, "echo \"$@\" > %s; exit 1", asked);
    write_compiler(script, "five", text);
    expect_refusal(script, folder, answer, SX_E_USAGE, "refuses");
    FILE *f = fopen(asked, "r");
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof line, f));
    (void)fclose(f);
    static const char *const wanted[] = { "-O3 ",   "-march=x86-64", "-ffp-contract=off ", "-fno-fast-math ",
                                          "-fPIC ", "-shared " };
    for (int k = 0; k < LENGTH(wanted); ++k) assert_non_null(strstr(line, wanted[k]));
    assert_null(strstr(line, "native"));
    assert_int_equal(files_of(folder, NULL), 0); /* none of them left anything */
    /* models say the same */
    sx_ctx *ctx = context("/no/such/cc", folder);
    sx_equations_state s = { "x", NULL, NULL };
    sx_equations_text e = { "x", "-x" };
    sx_equations_desc m = {
        .struct_size = sizeof m, .n_states = 1, .states = &s, .n_equations = 1, .equations = &e, .compile = true
    };
    sx_model *model = NULL;
    assert_int_equal(sx_equations_create(ctx, &m, NULL, &model), SX_E_USAGE);
    assert_non_null(
        strstr(sx_ctx_message(ctx), "equations: compile = true wants a C compiler, but '/no/such/cc' cannot"));
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* Processes that compile the same text at the same time: all succeed, one entry is left. */
static void test_processes(void **state) {
    (void)state;
    enum { PROCESSES = 4 };
    char folder[80];
    pid_t child[PROCESSES];
    (void)snprintf(folder, sizeof folder, "%s/together", root);
    for (int k = 0; k < PROCESSES; ++k) {
        child[k] = fork();
        assert_true(child[k] >= 0);
        if (child[k] == 0) {
            sx_host host = { .struct_size = sizeof host, .threads = 1, .compiler = SX_TEST_CC, .cache = folder };
            sx_ctx *ctx = sx_ctx_create(&host);
            sx_compiled *c = NULL;
            void *symbol = NULL;
            int (*f)(void), code = 1;
            if (ctx && sx_compile(ctx, "test", answer, &c) >= 0 && sx_compiled_symbol(ctx, c, "answer", &symbol) >= 0) {
                memcpy(&f, &symbol, sizeof f);
                code = f() == 42 ? 0 : 2;
            }
            _exit(code);
        }
    }
    for (int k = 0; k < PROCESSES; ++k) {
        int how = 0;
        assert_int_equal(waitpid(child[k], &how, 0), child[k]);
        assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 0);
    }
    assert_int_equal(files_of(folder, NULL), 1);
}

/* -- models ------------------------------------------------------------------------------------------------------------------------ */

/* All operations of models; two models of one text share the loaded code, and each goes on working when the others are gone. */
static void test_models(void **state) {
    (void)state;
    enum { B = 9 };
    sx_ctx *ctx = context(SX_TEST_CC, cache);
    network w;
    network_make(ctx, &w);
    w.equations[0].text = "(-x[i] + sum(j, W[i,j]*r[j]))/tau[i]";
    w.equations[1].text = "-y[i]^3 + u";
    w.equations[2].text = "-u + sum(j, x[j])";
    sx_model *plain = create(ctx, &w.d, false), *m[3];
    const sx_model_ops *ops = sx_model_operations(plain);
    int64_t n = sx_model_n(plain), count = n * B;
    double *x = numbers("x", -1, 1, count), *u = numbers("u", -1, 1, count), *v = numbers("v", -1, 1, count),
           *want = numbers("want", 0, 1, n * n + count), *got = numbers("got", 0, 1, n * n + count);
    const double *dir[3] = { u, v, u };
    m[0] = create(ctx, &w.d, true);
    m[1] = create(ctx, &w.d, true);
    m[2] = sx_model_ref(m[0]);
    for (int gone = 0; gone < 3; ++gone) {
        for (int k = gone; k < 3; ++k) {
            for (int op = OP_F; op <= OP_TVVV; ++op) {
                apply_op(plain, op, 0.0, x, B, dir, B, want, NULL);
                apply_op(m[k], op, 0.0, x, B, dir, B, got, NULL);
                same_bits("models", count, got, want);
            }
            for (int which = 0; which < 2; ++which) {
                sx_work s = scratch(ops->work(sx_model_self(which ? m[k] : plain), SX_OP_JACOBIAN, 1), NULL);
                ops->jacobian(sx_model_self(which ? m[k] : plain), 0.0, x, which ? got : want, s);
                release(s);
                s = scratch(ops->work(sx_model_self(which ? m[k] : plain), SX_OP_DIVERGENCE, B), NULL);
                ops->divergence(sx_model_self(which ? m[k] : plain), 0.0, view(x, n, B), (which ? got : want) + n * n,
                                s);
                release(s);
            }
            same_bits("models", n * n + B, got, want);
        }
        sx_model_free(ctx, m[gone]);
    }
    free(x);
    free(u);
    free(v);
    free(want);
    free(got);
    sx_model_free(ctx, plain);
    sx_coupling_free(ctx, w.sparse);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* An experiment with compile = true, noise and a metric from expressions: the same last states to the bit. */
static void test_experiment(void **state) {
    (void)state;
    static const char *const models[] = {
        "kind = \"equations\"\nindex = { i = 20, j = \"i\" }\nstate = { x = \"i\" }\n"
        "parameters = { W = { ensemble = \"gaussian\", shape = \"i,j\", g = 1.2 } }\n"
        "equations = { x = \"-x[i] + sum(j, W[i,j]*tanh(x[j]))\" }\n"
        "[noise]\nsigma = \"0.1*(1 + tanh(x[i])^2)\"\ncalculus = \"ito\"\n",
        "kind = \"equations\"\nindex = { i = 5 }\nstate = { x = \"i\" }\npotential = \"sum(i, x[i]^4/4 - x[i]^2/2)\"\n"
        "metric = \"1 + x[i]^2\"\n[noise]\nkind = \"thermal\"\ntemperature = 0.1\n",
    };
    for (int k = 0; k < LENGTH(models); ++k) {
        double last[2][4 * 20] = { { 0 } };
        for (int compile = 0; compile < 2; ++compile) {
            sx_ctx *ctx = context(SX_TEST_CC, cache);
            sx_experiment *e = NULL;
            sx_result *r = NULL;
            char text[2000];
            (void)snprintf(text, sizeof text,
                           "seed = 3\n[model]\ncompile = %s\n%s[[task]]\ndo = \"simulate\"\nduration = 2.0\ndt = "
                           "0.05\nreplicas = 4\npilot = false\ncompare = \"none\"\n",
                           compile ? "true" : "false", models[k]);
            sx_status status = sx_experiment_parse(ctx, "t.toml", root, text, strlen(text), NULL, 0, &e);
            if (status >= 0) status = sx_experiment_result(ctx, e, &r);
            if (status < 0) {
                print_error("%s\n", sx_ctx_message(ctx));
                fail();
            }
            OK(sx_result_read(ctx, r, sx_result_find(r, "simulate", "x_final"), NULL, NULL, last[compile]));
            sx_result_free(ctx, r);
            sx_experiment_free(ctx, e);
            sx_ctx_free(ctx);
        }
        assert_true(last[0][0] != 0.0 && isfinite(last[0][0]));
        same_bits("experiment", 4 * (k ? 5 : 20), last[1], last[0]);
    }
}

/* Allocations fail one after the other: an error, nothing lost. */
static void test_memory(void **state) {
    (void)state;
    int64_t k = 1;
    for (bool done = false; !done; k += 7) {
        failing_host h = { .fail_at = 0 };
        sx_host host = failing_host_of(&h);
        host.compiler = SX_TEST_CC;
        host.cache = cache;
        sx_ctx *ctx = sx_ctx_create(&host);
        sx_equations_state s = { "x", NULL, NULL };
        sx_equations_text e = { "x", "-x + tanh(x)^2" };
        sx_equations_desc d = {
            .struct_size = sizeof d, .n_states = 1, .states = &s, .n_equations = 1, .equations = &e, .compile = true
        };
        sx_model *m = NULL;
        size_t before = sx_ctx_bytes(ctx);
        h.fail_at = h.calls + k;
        sx_status status = sx_equations_create(ctx, &d, NULL, &m);
        h.fail_at = 0;
        done = status >= 0;
        if (!done) {
            assert_int_equal(status, SX_E_MEMORY);
            assert_null(m);
            assert_int_equal(sx_ctx_bytes(ctx), before);
        }
        sx_model_free(ctx, m);
        sx_ctx_free(ctx);
        assert_int_equal(h.held, 0);
    }
    assert_true(k > 300);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_functions),  cmocka_unit_test(test_random),
        cmocka_unit_test(test_sums),       cmocka_unit_test(test_cut),
        cmocka_unit_test(test_text),       cmocka_unit_test(test_cache),
        cmocka_unit_test(test_no_cache),   cmocka_unit_test(test_compiler_faults),
        cmocka_unit_test(test_processes),  cmocka_unit_test(test_models),
        cmocka_unit_test(test_experiment), cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
