// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* report.html of results made by hand: every section, verdicts in words, hostile texts, nothing loaded from elsewhere, size, hashes
 * against FIPS 180-4, formulas as MathML, failing memory. tests/web/check_report.py opens one in a browser. */
#include <separatrix/report.h>

#include "models/equations.h"
#include "core/file.h"
#include "report/page.h"

#include "failing_host.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "report_checks.h"

static const char hostile[] = "<img src=x onerror=alert(1)> </script> \"quoted\" 'single' & \x01 \xff";
static const char harmless[] = "&lt;img src=x onerror=alert(1)&gt; &lt;/script&gt; &quot;quoted&quot; &#39;single&#39; "
                               "&amp; \xef\xbf\xbd \xef\xbf\xbd";

static char directory[] = "test_report_XXXXXX";

static char *report_of(sx_ctx *ctx, const sx_result *r, size_t *size) {
    char path[64], *text = NULL;
    snprintf(path, sizeof path, "%s/report.html", directory);
    OK(sx_report_write(ctx, r, path));
    OK(sx_file_slurp(ctx, path, 64 << 20, true, &text, size));
    assert_int_equal(unlink(path), 0);
    return text;
}

static void attr(sx_ctx *ctx, sx_result *r, const char *name, const char *value) {
    OK(sx_result_attr_text(ctx, r, "", NULL, name, value));
}

/* A result with every kind of content; `text` is in each place that a user writes. */
static sx_result *full_result(sx_ctx *ctx, const char *text) {
    enum { N = 3, T = 40 };
    static const double mean[N] = { 0.1, -0.2, 0.3 }, se[N] = { 0.01, 0.01, 0.02 }, small[N] = { 1e-4, -2e-4, 1e-4 },
                        small_se[N] = { 1e-5, 1e-5, 1e-5 }, large[N] = { 0.5, 0.4, -0.6 }, scalar = 0.25;
    const char *const names[N] = { text, "b", "c" };
    double time[T], x[T * N];
    sx_result *r;
    OK(sx_result_create(ctx, NULL, &r));
    attr(ctx, r, "title", text);
    attr(ctx, r, "model", "linear");
    attr(ctx, r, "model_equation", text);
    attr(ctx, r, "model_latex", "\\dot x_i = -k_i x_i + \\sum_j W_{ij} x_j");
    attr(ctx, r, "unit_time", "ms");
    attr(ctx, r, "unit_state", "mV");
    attr(ctx, r, "seed", "71");
    attr(ctx, r, "version", "0.1.0");
    attr(ctx, r, "revision", "abc123");
    attr(ctx, r, "kernel_set", "x86-64-v3");
    attr(ctx, r, "hash", "0123456789abcdef");
    attr(ctx, r, "experiment", text);
    attr(ctx, r, "complete", "yes");
    OK(sx_result_attr_text(ctx, r, "run", NULL, "task", "simulate"));
    OK(sx_result_attr_text(ctx, r, "run", NULL, "title", text));
    OK(sx_result_attr_number(ctx, r, "run", NULL, "dt", 0.5));
    OK(sx_result_attr_number(ctx, r, "run", NULL, "steps", 80));
    OK(sx_result_attr_number(ctx, r, "run", NULL, "replicas", 16));
    for (int t = 0; t < T; t++) {
        time[t] = t;
        for (int i = 0; i < N; i++) x[t * N + i] = sin(0.1 * t + i);
    }
    OK(sx_result_dim(ctx, r, "", "unit", N));
    put_texts(ctx, r, "", "unit_label", "unit", names);
    OK(sx_result_dim(ctx, r, "run", "replica", 1));
    OK(sx_result_dim(ctx, r, "run", "time", T));
    OK(sx_result_put(ctx, r, "run", "time", "time", "time", "time", time));
    OK(sx_result_put(ctx, r, "run", "x", "replica,time,unit", "state", text, x));
    OK(sx_result_put(ctx, r, "run", "x_mean", "unit", "state", "mean", mean));
    OK(sx_result_put(ctx, r, "run", "x_mean_se", "unit", "state", "standard error", se));
    OK(sx_result_put(ctx, r, "run", "x_variance", "unit", "state^2", "variance", mean));
    OK(sx_result_put(ctx, r, "run", "x_variance_se", "unit", "state^2", "standard error", se));
    OK(sx_result_put(ctx, r, "run", "dt_shift_mean", "unit", "state", "shift", small));
    OK(sx_result_put(ctx, r, "run", "dt_shift_mean_se", "unit", "state", "shift", small_se));
    OK(sx_result_put(ctx, r, "run", "dt_shift_variance", "unit", "state^2", "shift", large));
    OK(sx_result_put(ctx, r, "run", "dt_shift_variance_se", "unit", "state^2", "shift", se));
    OK(sx_result_put(ctx, r, "run", "exponent", "", "1/time", text, &scalar));
    OK(sx_result_warn(ctx, r, "run", "%s", text));
    OK(sx_result_verdict(ctx, r, "run", &(sx_verdict){ text, 1.02, 0.01, 1.0, "exact" }));
    OK(sx_result_verdict(ctx, r, "run", &(sx_verdict){ "second", 1.0, 0.01, 1.04, "exact" }));
    OK(sx_result_verdict(ctx, r, "run", &(sx_verdict){ "third", -3.5, 0.1, -3.0 + 0.05, text }));
    OK(sx_result_verdict(ctx, r, "run", &(sx_verdict){ "fourth", 1.0, 0, 1.0, "exact" }));
    return r;
}

static const char *after(const char *text, const char *what) {
    const char *p = strstr(text, what);
    if (!p) fail_msg("not in the report: %s", what);
    return p + strlen(what);
}

static void test_sections(void **state) {
    sx_ctx *ctx = *state;
    sx_result *r = full_result(ctx, "plain text");
    size_t n;
    char *html = report_of(ctx, r, &n);
    static const char *const sections[] = { "<section id=\"summary\">",
                                            "<section id=\"model\">",
                                            "<section id=\"verdicts\">",
                                            "<section id=\"task-",
                                            "<h3>Numbers</h3>",
                                            "<figure id=\"figure-run-x\"",
                                            "<figure id=\"figure-run-x_mean\"",
                                            "<h3>Error of the time step</h3>",
                                            "<section id=\"warnings\">",
                                            "<section id=\"reproduce\">" };
    const char *p = html;
    for (size_t k = 0; k < sizeof sections / sizeof *sections; k++) p = after(p, sections[k]); /* all, in this order */
    /* every entry of the contents leads somewhere */
    const char *end = strstr(html, "</nav>");
    for (p = strstr(html, "<nav"); (p = strstr(p, "href=\"#")) && p < end; p++) {
        char id[64];
        snprintf(id, sizeof id, "id=\"%.*s\"", (int)strcspn(p + 7, "\""), p + 7);
        after(html, id);
    }
    after(html, "16 independent trajectories of 40 ms in steps of 0.5 ms");
    after(html, "<tr><th scope=\"row\">seed</th><td>71</td>");
    after(html, "separatrix run experiment.toml");
    after(html, "exponent</td>");
    assert_int_equal(occurrences(html, "<figure "), 3);
    assert_int_equal(occurrences(html, "<svg "), 3);
    sx_free(ctx, html);
    /* drawings and prose are well-formed as XML: what lies between <main> and </main> */
    html = report_of(ctx, r, &n);
    char *from = strstr(html, "<main>"), *to = strstr(html, "</main>");
    to[7] = 0;
    for (char *s; (s = strstr(from, "<details open>"));)
        memcpy(s, "<details     >", 14); /* the one attribute without value */
    const char *fault = xml_fault(from);
    if (fault) fail_msg("%s", fault);
    sx_free(ctx, html);
    sx_result_free(ctx, r);
}

/* z = 2, -4, -5.5, none: in words and colours; the summary counts them. */
static void test_verdicts(void **state) {
    sx_ctx *ctx = *state;
    sx_result *r = full_result(ctx, "first");
    size_t n;
    char *html = report_of(ctx, r, &n);
    const char *p = after(html, "<section id=\"verdicts\">");
    p = after(p, "<td>first</td><td class=\"number\">1.020 ± 0.010</td><td class=\"number\">1</td><td "
                 "class=\"number\">2.00</td><td><span class=\"verdict agree\">agrees</span>");
    p = after(p, "<td>second</td><td class=\"number\">1.000 ± 0.010</td><td class=\"number\">1.04</td><td "
                 "class=\"number\">−4.00</td><td><span class=\"verdict doubt\">doubtful</span>");
    p = after(p, "<td>third</td><td class=\"number\">−3.50 ± 0.10</td><td class=\"number\">−2.95</td><td "
                 "class=\"number\">−5.50</td><td><span class=\"verdict against\">disagrees</span>");
    after(p, "<td>fourth</td><td class=\"number\">1</td><td class=\"number\">1</td><td class=\"number\"></td><td>no "
             "error known</td>");
    after(html, "Theory stands beside 4 numbers: 1 agrees, 1 is doubtful, <b>1 disagrees</b>.");
    sx_free(ctx, html);
    sx_result_free(ctx, r);
}

/* The shift of the mean is a hundredth of its error, that of the variance thirty times its error. */
static void test_discretisation(void **state) {
    sx_ctx *ctx = *state;
    sx_result *r = full_result(ctx, "text");
    size_t n;
    char *html = report_of(ctx, r, &n);
    const char *p = after(html, "<h3>Error of the time step</h3>");
    const char *mean = after(p, "<td>mean (mV)</td>"), *variance = after(p, "<td>variance (mV²)</td>");
    after(mean, "<td class=\"number\">0.000200 ± 0.000010</td><td class=\"number\">b</td>");
    assert_true(strstr(mean, "small beside") < variance);
    after(variance, "<td class=\"number\">0.600 ± 0.020</td><td class=\"number\">c</td>");
    after(variance, "larger than the statistical error: halve dt");
    sx_free(ctx, html);
    sx_result_free(ctx, r);
}

/* Texts of the user never become markup; no tag but the page's own; nothing is loaded. */
static void test_hostile(void **state) {
    sx_ctx *ctx = *state;
    sx_result *r = full_result(ctx, hostile);
    size_t n;
    char *html = report_of(ctx, r, &n);
    assert_int_equal(strlen(html), n);
    assert_null(strstr(html, "<img"));
    assert_null(strstr(html, hostile));
    assert_true(occurrences(html, harmless) >= 10);
    assert_int_equal(occurrences(html, "</script>"), occurrences(html, "<script"));
    static const char *const foreign[] = { "src=\"http", "href=\"http", "src=\"//", "href=\"//",  "url(",
                                           "@import",    "style=\"",    " onload=", "javascript:" };
    char *script = strstr(html, "<script>"); /* the script itself may hold such words as text */
    if (script) *script = 0;
    for (size_t k = 0; k < sizeof foreign / sizeof *foreign; k++) {
        const char *p = html;
        while ((p = strstr(p, foreign[k]))) {
            if (strcmp(foreign[k], "url(") != 0 || strncmp(p, "url(#clip-", 10) != 0) fail_msg("%.60s", p);
            p++;
        }
    }
    after(html, "default-src 'none'; img-src data:; style-src 'sha256-");
    sx_free(ctx, html);
    sx_result_free(ctx, r);
}

/* A run that stopped says so at the top. */
static void test_incomplete(void **state) {
    sx_ctx *ctx = *state;
    sx_result *r;
    size_t n;
    OK(sx_result_create(ctx, NULL, &r));
    attr(ctx, r, "complete", "no");
    attr(ctx, r, "stopped_in", "long");
    attr(ctx, r, "stopped_because", "replica 3 left the range at t = 5");
    char *html = report_of(ctx, r, &n);
    after(html, "This run is not complete.</b> It stopped in task long: replica 3 left the range at t = 5");
    after(html, "<title>Separatrix report</title>");
    sx_free(ctx, html);
    sx_result_free(ctx, r);
}

/* 64 units, 12 replicas, 20000 times, and a 300 x 300 map: below 3 MB. */
static void test_size(void **state) {
    sx_ctx *ctx = *state;
    enum { R = 2, T = 20000, U = 64, N = 300 };
    double *x = malloc(sizeof *x * R * T * U), *c = malloc(sizeof *c * N * N), *t = malloc(sizeof *t * T);
    sx_result *r;
    size_t n;
    for (int i = 0; i < R * T * U; i++) x[i] = sin(i * 0.7) * cos(i * 1e-3);
    for (int i = 0; i < N * N; i++) c[i] = sin(i * 1.3);
    for (int i = 0; i < T; i++) t[i] = i * 0.1;
    OK(sx_result_create(ctx, NULL, &r));
    OK(sx_result_dim(ctx, r, "run", "replica", R));
    OK(sx_result_dim(ctx, r, "run", "time", T));
    OK(sx_result_dim(ctx, r, "run", "unit", U));
    OK(sx_result_dim(ctx, r, "run", "row", N));
    OK(sx_result_dim(ctx, r, "run", "column", N));
    OK(sx_result_put(ctx, r, "run", "time", "time", "time", "time", t));
    OK(sx_result_put(ctx, r, "run", "x", "replica,time,unit", "state", "recorded trajectories", x));
    OK(sx_result_put(ctx, r, "run", "map", "row,column", "1", "map", c));
    char *html = report_of(ctx, r, &n);
    assert_true(n < 3000000);
    assert_int_equal(occurrences(html, "<figure "), 3); /* curves, heat map over time, map */
    sx_free(ctx, html);
    sx_result_free(ctx, r);
    free(x);
    free(c);
    free(t);
}

/* FIPS 180-4 and its examples ("", "abc", the two-block message); 64 and 1000 times "a" from Python's hashlib. */
static void test_sha256(void **state) {
    sx_ctx *ctx = *state;
    char many[1000];
    memset(many, 'a', sizeof many);
    const struct {
        const char *data;
        size_t n;
        const char *want;
    } cases[] = { { "", 0, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" },
                  { "abc", 3, "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=" },
                  { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
                    "JI1qYdIGOLjlwCaTDD5gOaM85Flk/yFn9uzt1BnbBsE=" },
                  { many, 64, "/+BU/nrgy23GXDr5th1SCfQ5hR20PQulmXM33xVGaOs=" },
                  { many, 1000, "Qe3s5C1j6Nm/UVqbppMuHCDLyfWl0TRkWttdsblzfqM=" } };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        sx_writer t = { .ctx = ctx };
        sx_page_sha256(&t, cases[k].data, cases[k].n);
        assert_string_equal(t.p, cases[k].want);
        sx_free(ctx, t.p);
    }
}

static void test_math(void **state) {
    sx_ctx *ctx = *state;
    static const char *const cases[][2] = {
        { "x_i^2", "<msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup>" },
        { "\\dot x_i", "<msub><mover accent=\"true\"><mi>x</mi><mo>˙</mo></mover><mi>i</mi></msub>" },
        { "\\sum_j W_{ij}",
          "<munder><mo>∑</mo><mi>j</mi></munder><msub><mi>W</mi><mrow><mi>i</mi><mi>j</mi></mrow></msub>" },
        { "\\tfrac12 a", "<mfrac><mn>1</mn><mn>2</mn></mfrac><mi>a</mi>" },
        { "\\sqrt{\\pi}", "<msqrt><mrow><mi>π</mi></mrow></msqrt>" },
        { "G^{-1}", "<msup><mi>G</mi><mn>−1</mn></msup>" },
        { "\\left(1\\right)^p", "<msup><mrow><mo>(</mo><mn>1</mn><mo>)</mo></mrow><mi>p</mi></msup>" },
        { "\\tanh u", "<mi>tanh</mi><mspace width=\"0.17em\"></mspace><mi>u</mi>" },
        { "a<b", "<mi>a</mi><mo>&lt;</mo><mi>b</mi>" },
        { "\\unknown{<}", "<mtext>unknown</mtext><mrow><mo>&lt;</mo></mrow>" },
        { "\\tanh'(x)",
          "<msup><mi>tanh</mi><mo>′</mo></msup><mo stretchy=\"false\">(</mo><mi>x</mi><mo stretchy=\"false\">)</mo>" },
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        sx_writer t = { .ctx = ctx };
        char want[512];
        sx_page_math(&t, cases[k][0]);
        snprintf(want, sizeof want, "<math display=\"block\"><mrow>%s</mrow></math>\n", cases[k][1]);
        assert_string_equal(t.p, want);
        sx_free(ctx, t.p);
    }
    /* all that equations from texts are printed with is known: an unknown command would be a text */
    static const char *const texts[] = {
        "exp(x) + expm1(x) + log(x) + log1p(x) + sqrt(x) + sin(x) + cos(x) + tan(x) + tanh(x) + sinh(x) + cosh(x)",
        "erf(x) + abs(x) + sign(x) + heaviside(x) + atan(x) + min(x, y) + max(x, y) + pow(x, y) + x^-2 + 2*3 + 1e-7",
        "if(x < 1, x, 2) + if(x <= 1, x, 2) + if(x > 1, x, 2) + if(x >= 1, x, 2) + if(x == 1, x, 2) + if(x != 1, x, 2)",
        "sum(i, sum(j, W[i,j]*tau_in[i]*x[i+1]/(1 + alpha*z[j]^2)))*pi*t",
    };
    for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) {
        sx_eq_tree tree;
        sx_eq_error e;
        sx_eq_buffer b = { 0 };
        sx_writer w = { .ctx = ctx };
        OK(sx_eq_parse(ctx, texts[k], &tree, &e));
        OK(sx_eq_print(ctx, &tree, true, &b));
        sx_page_math(&w, b.p);
        if (strstr(w.p, "<mtext>") || strchr(w.p, '\\') || xml_fault(w.p)) fail_msg("%s: %s", b.p, w.p);
        sx_free(ctx, w.p);
        sx_free(ctx, b.p);
        sx_eq_tree_free(ctx, &tree);
    }
    /* texts that are no LaTeX end, and stay well-formed: every one of three of these pieces in a row; deep nesting */
    static const char *const pieces[] = { "{",  "}", "\\left(", "\\right)", "^",         "_", "\\frac", "'",
                                          "\\", "x", "\\Big",   ",\\quad",  "\\mathrm{", "é", "" };
    enum { PIECES = sizeof pieces / sizeof *pieces };
    for (int k = 0; k < PIECES * PIECES * PIECES; k++) {
        char text[64];
        sx_writer t = { .ctx = ctx };
        snprintf(text, sizeof text, "%s%s%s", pieces[k % PIECES], pieces[k / PIECES % PIECES],
                 pieces[k / PIECES / PIECES]);
        sx_writer_add(&t, "<p>");
        sx_page_math(&t, text);
        sx_writer_add(&t, "</p>");
        OK(t.status);
        const char *fault = xml_fault(t.p);
        if (fault) fail_msg("%s: %s: %s", text, fault, t.p);
        sx_free(ctx, t.p);
    }
    char deep[4001];
    memset(deep, '{', 4000);
    deep[4000] = 0;
    sx_writer t = { .ctx = ctx };
    sx_page_math(&t, deep);
    OK(t.status);
    assert_true(t.n < 2000);
    sx_free(ctx, t.p);
}

/* Allocations fail one after the other, and a directory that is not there: an error, no file, nothing kept. */
static void test_faults(void **state) {
    sx_ctx *ctx = *state;
    sx_result *r = full_result(ctx, "text");
    char path[64];
    bool done = false;
    snprintf(path, sizeof path, "%s/none/report.html", directory);
    assert_int_equal(sx_report_write(ctx, r, path), SX_E_IO);
    snprintf(path, sizeof path, "%s/report.html", directory);
    for (int64_t k = 1; !done; k += k < 40 ? 1 : 7) {
        failing_host h = { .fail_at = k, .persistent = k % 2 };
        sx_host host = failing_host_of(&h);
        sx_ctx *failing = sx_ctx_create(&host);
        if (!failing) continue;
        sx_status status = sx_report_write(failing, r, path);
        done = h.calls < k;
        assert_int_equal(status, done ? SX_OK : SX_E_MEMORY);
        sx_ctx_free(failing);
        assert_int_equal(h.held, 0);
        assert_int_equal(access(path, F_OK), done ? 0 : -1);
    }
    assert_int_equal(unlink(path), 0);
    sx_result_free(ctx, r);
}

static int setup(void **state) {
    *state = sx_ctx_create(NULL);
    return *state && mkdtemp(directory) ? 0 : -1;
}
static int teardown(void **state) {
    size_t held = sx_ctx_bytes(*state);
    sx_ctx_free(*state);
    return rmdir(directory) == 0 && held == 0 ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sections), cmocka_unit_test(test_verdicts),   cmocka_unit_test(test_discretisation),
        cmocka_unit_test(test_hostile),  cmocka_unit_test(test_incomplete), cmocka_unit_test(test_size),
        cmocka_unit_test(test_sha256),   cmocka_unit_test(test_math),       cmocka_unit_test(test_faults),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
