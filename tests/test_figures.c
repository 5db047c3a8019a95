// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Figures of results made by hand: where the points lie in the drawing (computed here from the printed ticks), numbers that read back
 * exactly, survival functions, colours of heat maps from the decoded image, units, hostile texts, failing memory and disks. */
#include <separatrix/report.h>

#include "core/number.h"
#include "report/figure_scale.h"

#include "failing_host.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#include "report_checks.h"

static const sx_figure *find(const sx_figures *f, const char *id) {
    for (int64_t i = 0; i < f->n; i++)
        if (strcmp(f->item[i].id, id) == 0) return &f->item[i];
    fail_msg("no figure %s", id);
    return NULL;
}

static char *svg_of(sx_ctx *ctx, const sx_figure *figure) {
    sx_writer t = { .ctx = ctx };
    sx_figure_svg(figure, true, &t);
    OK(t.status);
    const char *fault = xml_fault(t.p);
    if (fault) fail_msg("%s: %s\n%s", figure->id, fault, t.p);
    return t.p;
}

/* -- reading a drawing back ------------------------------------------------------------------------------------------------- */

static double attribute(const char *tag, const char *name) {
    char key[32];
    snprintf(key, sizeof key, " %s=\"", name);
    const char *p = strstr(tag, key);
    assert_non_null(p);
    return strtod(p + strlen(key), NULL);
}

/* "−0.5", "10⁻³" without the powers: only plain numbers are used here */
static double number_of(const char *s) {
    bool negative = strncmp(s, "−", strlen("−")) == 0;
    double v = strtod(negative ? s + strlen("−") : s, NULL);
    return negative ? -v : v;
}

typedef struct map {
    double value[2], at[2];
    bool log;
} map;

/* The first and the last tick of class "tx" or "ty"; the text of y stands 4.5 below its tick. */
static map ticks(const char *svg, const char *class, const char *coordinate, double shift, bool logarithmic) {
    char key[32];
    map m = { .log = logarithmic };
    int n = 0;
    snprintf(key, sizeof key, "class=\"%s\"", class);
    for (const char *p = svg; (p = strstr(p, key)); p++) {
        const char *tag = p;
        while (*tag != '<') tag--;
        int k = n++ > 0;
        m.at[k] = attribute(tag, coordinate) - shift;
        m.value[k] = number_of(strchr(p, '>') + 1);
    }
    assert_true(n >= 2);
    return m;
}

static double place(const map *m, double v) {
    double a = m->value[0], b = m->value[1];
    double u = m->log ? log(v / a) / log(b / a) : (v - a) / (b - a);
    return m->at[0] + u * (m->at[1] - m->at[0]);
}

/* Points "M1 2L3 4" of the d of the k-th path of a class. */
static int path(const char *svg, const char *class, int k, double (*out)[2], int room) {
    char key[32];
    const char *p = svg;
    snprintf(key, sizeof key, "class=\"%s\"", class);
    for (;; p++) {
        p = strstr(p, key);
        assert_non_null(p);
        const char *tag = p;
        while (*tag != '<') tag--;
        if (strncmp(tag, "<path", 5) == 0 && k-- == 0) break;
    }
    p = strstr(p, " d=\"") + 4;
    int n = 0;
    while (*p == 'M' || *p == 'L') {
        char *end;
        assert_true(n < room);
        out[n][0] = strtod(p + 1, &end);
        out[n++][1] = strtod(end, &end);
        p = end;
    }
    return n;
}

#define NEAR(a, b, tolerance)                                                                                          \
    do {                                                                                                               \
        double a_ = (a), b_ = (b);                                                                                     \
        if (!(fabs(a_ - b_) <= (tolerance))) fail_msg("line %d: %.17g, want %.17g", __LINE__, a_, b_);                 \
    } while (0)

/* -- results ---------------------------------------------------------------------------------------------------------------- */

static const double lag[] = { 0, 1.5, 3, 4.5, 6 }, cov[] = { 2, 0.5, -0.25, -0.75, 0.125 },
                    cov_se[] = { 0.125, 0.25, 0.1, 0.0625, 0.2 }, cov_theory[] = { 1.75, 0.6, -0.2, -0.7, 0 };

static sx_result *curve_result(sx_ctx *ctx) {
    sx_result *r;
    OK(sx_result_create(ctx, NULL, &r));
    OK(sx_result_attr_text(ctx, r, "", NULL, "unit_time", "ms"));
    OK(sx_result_attr_text(ctx, r, "", NULL, "unit_state", "mV"));
    OK(sx_result_dim(ctx, r, "run", "lag", 5));
    OK(sx_result_put(ctx, r, "run", "lag", "lag", "time", "lag", lag));
    OK(sx_result_put(ctx, r, "run", "x_autocovariance", "lag", "state^2", "autocovariance", cov));
    OK(sx_result_put(ctx, r, "run", "x_autocovariance_se", "lag", "state^2", "standard error", cov_se));
    OK(sx_result_put(ctx, r, "run", "x_autocovariance_theory", "lag", "state^2", "exact", cov_theory));
    return r;
}

/* Curve, band and theory lie where the ticks say; labels and units stand on the axes; theory is dashed. */
static void test_positions(void **state) {
    sx_ctx *ctx = *state;
    sx_result *r = curve_result(ctx);
    sx_figures f;
    double p[16][2];
    OK(sx_figures_build(ctx, r, NULL, &f));
    assert_int_equal(f.n, 1);
    char *svg = svg_of(ctx, find(&f, "run-x_autocovariance"));
    map x = ticks(svg, "tx", "x", 0, false), y = ticks(svg, "ty", "y", 4.5, false);
    assert_int_equal(path(svg, "s0", 0, p, 16), 5);
    for (int i = 0; i < 5; i++) {
        NEAR(p[i][0], place(&x, lag[i]), 0.03);
        NEAR(p[i][1], place(&y, cov[i]), 0.03);
    }
    assert_int_equal(path(svg, "f0", 0, p, 16), 10); /* the band: up along +se, back along -se */
    for (int i = 0; i < 5; i++) {
        NEAR(p[i][1], place(&y, cov[i] + cov_se[i]), 0.03);
        NEAR(p[9 - i][1], place(&y, cov[i] - cov_se[i]), 0.03);
    }
    assert_int_equal(path(svg, "s7", 0, p, 16), 5); /* one curve: theory has the colour of the text */
    for (int i = 0; i < 5; i++) NEAR(p[i][1], place(&y, cov_theory[i]), 0.03);
    assert_int_equal(occurrences(svg, "<path fill=\"none\" stroke-linejoin=\"round\" class=\"s7\" stroke=\"#222\" "
                                      "stroke-width=\"1.6\" stroke-dasharray"),
                     1);
    assert_non_null(strstr(svg, ">lag (ms)</text>"));
    assert_non_null(strstr(svg, ">autocovariance of x (mV²)</text>"));
    assert_non_null(strstr(svg, ">simulation</text>"));
    assert_non_null(strstr(svg, ">theory</text>"));
    sx_free(ctx, svg);
    sx_figures_free(&f);
    sx_result_free(ctx, r);
}

/* A spectrum: logarithmic axes, f = 0 left out, y = 1 / (1 + f^2) at its places. */
static void test_spectrum(void **state) {
    sx_ctx *ctx = *state;
    sx_result *r;
    sx_figures f;
    double freq[101], s[101], p[128][2];
    for (int i = 0; i <= 100; i++) {
        freq[i] = i * 0.25;
        s[i] = 1 / (1 + freq[i] * freq[i]);
    }
    OK(sx_result_create(ctx, NULL, &r));
    OK(sx_result_dim(ctx, r, "run", "frequency", 101));
    OK(sx_result_put(ctx, r, "run", "frequency", "frequency", "1/time", "frequency", freq));
    OK(sx_result_put(ctx, r, "run", "x_psd", "frequency", "state^2 time", "two-sided power spectral density", s));
    OK(sx_figures_build(ctx, r, "run", &f));
    char *svg = svg_of(ctx, find(&f, "run-x_psd"));
    map x = ticks(svg, "tx", "x", 0, true), y = ticks(svg, "ty", "y", 4.5, true);
    assert_int_equal(path(svg, "s0", 0, p, 128), 100);
    for (int i = 1; i <= 100; i++) {
        NEAR(p[i - 1][0], place(&x, freq[i]), 0.03);
        NEAR(p[i - 1][1], place(&y, s[i]), 0.03);
    }
    sx_free(ctx, svg);
    sx_figures_free(&f);
    sx_result_free(ctx, r);
}

/* Points per unit with names, marks of theory, and the scatter against theory with its diagonal. */
static void test_units(void **state) {
    sx_ctx *ctx = *state;
    enum { N = 9 };
    static const char *const names[N] = { "AVAL", "AVAR", "a<b", "&c", "\"d\"", "e", "f", "g", "h" };
    sx_result *r;
    sx_figures f;
    double v[N], se[N], theory[N], p[2 * N][2];
    for (int i = 0; i < N; i++) {
        v[i] = 1 + 0.5 * i;
        se[i] = 0.25;
        theory[i] = 1.125 + 0.5 * i;
    }
    OK(sx_result_create(ctx, NULL, &r));
    OK(sx_result_attr_text(ctx, r, "", NULL, "unit_state", "mV"));
    OK(sx_result_dim(ctx, r, "", "unit", N));
    put_texts(ctx, r, "", "unit_label", "unit", names);
    OK(sx_result_put(ctx, r, "run", "x_variance", "unit", "state^2", "variance over time and replicas", v));
    OK(sx_result_put(ctx, r, "run", "x_variance_se", "unit", "state^2", "standard error", se));
    OK(sx_result_put(ctx, r, "run", "x_variance_theory", "unit", "state^2", "Lyapunov equation", theory));
    OK(sx_figures_build(ctx, r, NULL, &f));
    assert_int_equal(f.n, 2);
    char *svg = svg_of(ctx, find(&f, "run-x_variance"));
    map y = ticks(svg, "ty", "y", 4.5, false);
    for (int i = 0; i < N; i++) { /* each name stands under its point */
        static const char *const escaped[N] = {
            "AVAL", "AVAR", "a&lt;b", "&amp;c", "&quot;d&quot;", "e", "f", "g", "h"
        };
        char key[64];
        snprintf(key, sizeof key, ">%s</text>", escaped[i]);
        const char *tag = strstr(svg, key);
        assert_non_null(tag);
        while (*tag != '<') tag--;
        double at = attribute(tag, "x");
        const char *circle = strstr(svg, "<g class=\"f0\"");
        for (int k = 0; k <= i; k++) circle = strstr(circle + 1, "<circle");
        NEAR(attribute(circle, "cx"), at, 4.02); /* turned names stand 4 to the right */
        NEAR(attribute(circle, "cy"), place(&y, v[i]), 0.03);
    }
    assert_int_equal(path(svg, "s0", 0, p, 2 * N), 2 * N); /* error bars */
    assert_int_equal(path(svg, "s1", 0, p, 2 * N), 2 * N); /* marks */
    for (int i = 0; i < N; i++) NEAR(p[2 * i][1], place(&y, theory[i]), 0.03);
    assert_non_null(strstr(svg, ">variance of x (mV²)</text>"));
    sx_free(ctx, svg);
    const sx_figure *scatter = find(&f, "run-x_variance-2");
    assert_true(scatter->diagonal);
    svg = svg_of(ctx, scatter);
    map x = ticks(svg, "tx", "x", 0, false);
    y = ticks(svg, "ty", "y", 4.5, false);
    const char *circle = strstr(svg, "<g class=\"f0\"");
    for (int i = 0; i < N; i++) {
        circle = strstr(circle + 1, "<circle");
        NEAR(attribute(circle, "cx"), place(&x, theory[i]), 0.03);
        NEAR(attribute(circle, "cy"), place(&y, v[i]), 0.03);
    }
    sx_free(ctx, svg);
    sx_figures_free(&f);
    sx_result_free(ctx, r);
}

/* Numbers of the CSV read back as the same doubles; the header has names and units. */
static void test_csv(void **state) {
    sx_ctx *ctx = *state;
    static const double t[] = { 0, 0.1, 1.0 / 3, 1e-300, 4.9e-324, 1.7976931348623157e308 },
                        v[] = { -0.0, M_PI, NAN, 1e22, -1.0 / 3, 123456789012345678.0 };
    sx_result *r;
    sx_figures f;
    OK(sx_result_create(ctx, NULL, &r));
    OK(sx_result_attr_text(ctx, r, "", NULL, "unit_time", "a,\"b"));
    OK(sx_result_dim(ctx, r, "run", "time", 6));
    OK(sx_result_put(ctx, r, "run", "time", "time", "time", "time", t));
    OK(sx_result_put(ctx, r, "run", "speed", "time", "state/time", "speed", v));
    OK(sx_figures_build(ctx, r, NULL, &f));
    sx_writer csv = { .ctx = ctx };
    sx_figure_csv(find(&f, "run-speed"), &csv);
    OK(csv.status);
    const char *unit;
    OK(sx_figures_unit(&f, "state/time", &unit));
    assert_string_equal(unit, "a,\"b⁻¹");
    assert_true(strncmp(csv.p, "series,\"time [a,\"\"b]\",\"speed [a,\"\"b⁻¹]\",standard error\r\n", 58) == 0);
    const char *p = strstr(csv.p, "\r\n") + 2;
    for (int i = 0; i < 6; i++) {
        double a, b;
        char field[64];
        assert_true(strncmp(p, "speed,", 6) == 0);
        p += 6;
        snprintf(field, sizeof field, "%.*s", (int)strcspn(p, ","), p);
        assert_true(sx_number_parse(field, &a));
        p += strcspn(p, ",") + 1;
        snprintf(field, sizeof field, "%.*s", (int)strcspn(p, ","), p);
        assert_true(sx_number_parse(field, &b));
        assert_memory_equal(&a, &t[i], sizeof a);
        if (isnan(v[i]))
            assert_true(isnan(b));
        else
            assert_memory_equal(&b, &v[i], sizeof b);
        p = strstr(p, "\r\n") + 2;
    }
    assert_int_equal(*p, 0);
    sx_free(ctx, csv.p);
    sx_writer_csv(&(sx_writer){ .ctx = ctx, .status = SX_E_MEMORY }, "x"); /* after a failure nothing is added */
    sx_writer formula = { .ctx = ctx };
    sx_writer_csv(&formula, "=HYPERLINK(\"x\")");
    assert_string_equal(formula.p, "\"'=HYPERLINK(\"\"x\"\")\"");
    sx_free(ctx, formula.p);
    sx_figures_free(&f);
    sx_result_free(ctx, r);
}

static void test_unit_words(void **state) {
    sx_ctx *ctx = *state;
    static const char *const cases[][2] = { { "state^2 time", "mV² ms" },
                                            { "1/state", "mV⁻¹" },
                                            { "1/time", "ms⁻¹" },
                                            { "1", "" },
                                            { "", "" },
                                            { "state", "mV" },
                                            { "state^2/time", "mV² ms⁻¹" },
                                            { "state^-1", "mV⁻¹" },
                                            { "rad", "rad" },
                                            { "(mV/s)^2", "(mV/s)²" },
                                            { "(mV/s) ms^2", "mV/s ms²" } };
    sx_result *r;
    OK(sx_result_create(ctx, NULL, &r));
    for (int pass = 0; pass < 2; pass++) {
        sx_figures f = { .ctx = ctx, .r = r };
        const char *unit;
        for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
            OK(sx_figures_unit(&f, cases[k][0], &unit));
            assert_string_equal(unit, pass == 1 || k >= 8 ? cases[k][1] : "");
        }
        sx_figures_free(&f);
        OK(sx_result_attr_text(ctx, r, "", NULL, "unit_time", "ms"));
        OK(sx_result_attr_text(ctx, r, "", NULL, "unit_state", "mV"));
    }
    sx_result_free(ctx, r);
}

/* Ticks are 1, 2 or 5 times a power of ten, inside the range, and as many as asked for up to a factor of two. */
static void test_ticks(void **state) {
    (void)state;
    static const double ranges[][2] = { { 0, 1 },        { -3.7, 2.1 }, { 1e-9, 4e-9 },
                                        { 99.5, 100.5 }, { -2e7, 5e6 }, { 0, 7 } };
    for (size_t k = 0; k < sizeof ranges / sizeof *ranges; k++) {
        sx_scale s = { 0 };
        sx_scale_set(&s, ranges[k][0], ranges[k][1], false, 0, 5);
        double step = s.tick[1] - s.tick[0], m = step / pow(10, floor(log10(step) + 1e-9));
        assert_true(fabs(m - 1) < 1e-6 || fabs(m - 2) < 1e-6 || fabs(m - 5) < 1e-6);
        assert_true(s.n_ticks >= 2 && s.n_ticks <= 7);
        for (int i = 0; i < s.n_ticks; i++) {
            assert_true(s.tick[i] >= s.low - 1e-9 * step && s.tick[i] <= s.high + 1e-9 * step);
            NEAR(fmod(fabs(s.tick[i]) + step / 2, step), step / 2, 1e-6 * step);
        }
    }
    sx_scale s = { 0 };
    sx_scale_set(&s, 1e-4, 20, true, 0, 5);
    for (int i = 0; i < s.n_ticks; i++)
        if (!s.minor[i]) NEAR(log10(s.tick[i]), round(log10(s.tick[i])), 1e-9);
    sx_scale_set(&s, NAN, NAN, false, 0.05, 5); /* nothing to show: still an axis */
    assert_true(s.low < s.high);
    sx_scale_set(&s, 3, 3, false, 0.05, 5);
    assert_true(s.low < 3 && s.high > 3);
}

/* 400000 points with one spike: reduced to 2 x 800, and the extremes survive. */
static void test_reduction(void **state) {
    sx_ctx *ctx = *state;
    enum { N = 400000 };
    sx_result *r;
    sx_figures f;
    double *t = malloc(N * sizeof *t), *v = malloc(N * sizeof *v);
    for (int i = 0; i < N; i++) {
        t[i] = 0.5 * i;
        v[i] = sin(1e-3 * i);
    }
    v[123457] = 40;
    v[399999] = -30;
    OK(sx_result_create(ctx, NULL, &r));
    OK(sx_result_dim(ctx, r, "run", "replica", 1));
    OK(sx_result_dim(ctx, r, "run", "time", N));
    OK(sx_result_put(ctx, r, "run", "time", "time", "time", "time", t));
    OK(sx_result_put(ctx, r, "run", "energy", "replica,time", "1", "potential", v));
    OK(sx_figures_build(ctx, r, NULL, &f));
    const sx_figure *figure = find(&f, "run-energy");
    const sx_series *s = &figure->series[0];
    assert_int_equal(s->n, 2 * SX_FIGURE_BUCKETS);
    bool spike = false, dip = false;
    for (int64_t i = 0; i < s->n; i++) {
        assert_true(i == 0 || s->x[i] >= s->x[i - 1]);
        assert_true(s->y[i] == v[(int64_t)(2 * s->x[i])]); /* every point is one of the data */
        spike = spike || (s->y[i] == 40 && s->x[i] == t[123457]);
        dip = dip || (s->y[i] == -30 && s->x[i] == t[399999]);
    }
    assert_true(spike && dip);
    assert_non_null(strstr(figure->caption, "800 intervals"));
    char *svg = svg_of(ctx, figure);
    assert_true(strlen(svg) < 60000);
    sx_free(ctx, svg);
    sx_figures_free(&f);
    sx_result_free(ctx, r);
    free(t);
    free(v);
}

/* Times 1, 2, 3 and one replica censored at 5: S = 1, 3/4, 1/2, 1/4, 1/4. */
static void test_survival(void **state) {
    sx_ctx *ctx = *state;
    static const double time[] = { 3, 5, 1, 2 }, rate[] = { 0.25 }, want_x[] = { 0, 1, 2, 3, 5 },
                        want_y[] = { 1, 0.75, 0.5, 0.25, 0.25 };
    static const uint8_t flags[] = { 0, 1, 0, 0 };
    static const char *const names[] = { "right" };
    sx_result *r;
    sx_figures f;
    int id;
    OK(sx_result_create(ctx, NULL, &r));
    OK(sx_result_dim(ctx, r, "run", "replica", 4));
    OK(sx_result_dim(ctx, r, "run", "target", 1));
    put_texts(ctx, r, "run", "target", "target", names);
    OK(sx_result_put(ctx, r, "run", "first_passage", "replica,target", "time", "first-passage time", time));
    sx_var var = {
        .name = "censored", .dims = "replica,target", .dtype = SX_DT_U8, .units = "1", .long_name = "censored"
    };
    OK(sx_result_define(ctx, r, "run", &var, &id));
    OK(sx_result_write(ctx, r, id, NULL, NULL, flags));
    OK(sx_result_put(ctx, r, "run", "passage_rate", "target", "1/time", "rate", rate));
    OK(sx_figures_build(ctx, r, NULL, &f));
    assert_int_equal(f.n, 1);
    const sx_figure *figure = find(&f, "run-first_passage");
    assert_int_equal(figure->n_series, 2);
    assert_int_equal(figure->series[0].n, 5);
    assert_string_equal(figure->series[0].name, "right");
    for (int i = 0; i < 5; i++) {
        NEAR(figure->series[0].x[i], want_x[i], 0);
        NEAR(figure->series[0].y[i], want_y[i], 1e-15);
    }
    const sx_series *e = &figure->series[1];
    assert_true(e->dashed && e->n > 10);
    for (int64_t i = 0; i < e->n; i++)
        if (!isnan(e->y[i])) NEAR(e->y[i], exp(-0.25 * e->x[i]), 1e-15);
    char *svg = svg_of(ctx, figure);
    sx_free(ctx, svg);
    sx_figures_free(&f);
    sx_result_free(ctx, r);
}

/* -- heat maps -------------------------------------------------------------------------------------------------------------- */

static int64_t base64_bytes(const char *s, unsigned char *out) {
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    int64_t n = 0;
    for (uint32_t v = 0, bits = 0; *s && *s != '=' && *s != '"'; s++) {
        const char *c = strchr(alphabet, *s);
        assert_non_null(c);
        v = v << 6 | (uint32_t)(c - alphabet);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out[n++] = (unsigned char)(v >> bits);
        }
    }
    return n;
}

static uint32_t big_endian(const unsigned char *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Decode the PNG in the drawing with zlib: the largest and the smallest number have the end colours, the missing one is transparent. */
static void test_heat(void **state) {
    sx_ctx *ctx = *state;
    static const double c[12] = { -2, 0, 1, 2, 0.5, 0.5, 0.5, 0.5, 0, NAN, 0, 1 };
    sx_result *r;
    sx_figures f;
    OK(sx_result_create(ctx, NULL, &r));
    OK(sx_result_dim(ctx, r, "", "row", 3));
    OK(sx_result_dim(ctx, r, "", "column", 4));
    OK(sx_result_put(ctx, r, "run", "overlap", "row,column", "1", "overlap", c));
    OK(sx_figures_build(ctx, r, NULL, &f));
    char *svg = svg_of(ctx, find(&f, "run-overlap"));
    unsigned char *png = malloc(strlen(svg)), raw[64];
    int64_t n = base64_bytes(strstr(svg, "base64,") + 7, png), palette = 0, alpha = 0, data = 0;
    assert_memory_equal(png, "\x89PNG\r\n\x1a\n", 8);
    for (int64_t at = 8; at < n;) {
        uint32_t size = big_endian(png + at);
        assert_int_equal(big_endian(png + at + 8 + size), crc32(0, png + at + 4, size + 4));
        if (memcmp(png + at + 4, "IHDR", 4) == 0)
            assert_true(big_endian(png + at + 8) == 4 && big_endian(png + at + 12) == 3);
        if (memcmp(png + at + 4, "PLTE", 4) == 0) palette = at + 8;
        if (memcmp(png + at + 4, "tRNS", 4) == 0) alpha = at + 8;
        if (memcmp(png + at + 4, "IDAT", 4) == 0) data = at;
        at += 12 + size;
    }
    uLongf size = sizeof raw;
    assert_int_equal(uncompress(raw, &size, png + data + 8, big_endian(png + data)), Z_OK);
    assert_int_equal(size, 15); /* 3 lines of a filter byte and 4 pixels */
    /* row 0 is at the bottom: the last line; limits are -2 and 2 */
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 4; j++) {
            int colour = raw[(2 - i) * 5 + 1 + j];
            double v = c[i * 4 + j];
            if (isnan(v))
                assert_int_equal(png[alpha + colour], 0);
            else
                assert_int_equal(colour, (int)(254 * (v + 2) / 4 + 0.5));
        }
    static const unsigned char blue[] = { 33, 102, 172 }, red[] = { 178, 24, 43 };
    assert_memory_equal(png + palette, blue, 3);
    assert_memory_equal(png + palette + 3 * 254, red, 3);
    free(png);
    sx_free(ctx, svg);
    sx_figures_free(&f);
    sx_result_free(ctx, r);
}

/* A covariance whose diagonal is far larger than the rest: the colours are those of the rest; the caption says the largest. */
static void test_limits(void **state) {
    sx_ctx *ctx = *state;
    enum { N = 150 };
    double *c = malloc(N * N * sizeof *c), low, high;
    bool diverging;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) c[i * N + j] = i == j ? 50 : sin(i * 1.0) * sin(j * 1.0);
    sx_figure figure = { .rows = N, .columns = N, .cells = c };
    sx_figure_limits(&figure, &low, &high, &diverging);
    assert_true(diverging && high > 0.8 && high <= 1 && low == -high);
    for (int i = 0; i < N * N; i++) c[i] = 1;
    sx_figure_limits(&figure, &low, &high, &diverging);
    assert_true(!diverging && low < high);
    (void)ctx;
    free(c);
}

/* A map of 1000 x 3 is averaged over blocks; block means are those of the numbers. */
static void test_blocks(void **state) {
    sx_ctx *ctx = *state;
    enum { N = 1000 };
    sx_result *r;
    sx_figures f;
    double v[N * 3];
    for (int i = 0; i < N; i++)
        for (int j = 0; j < 3; j++) v[i * 3 + j] = i + 1000 * j;
    OK(sx_result_create(ctx, NULL, &r));
    OK(sx_result_dim(ctx, r, "", "row", N));
    OK(sx_result_dim(ctx, r, "", "column", 3));
    OK(sx_result_put(ctx, r, "run", "m", "row,column", "1", "a map", v));
    OK(sx_figures_build(ctx, r, NULL, &f));
    const sx_figure *figure = find(&f, "run-m");
    assert_int_equal(figure->rows, SX_FIGURE_CELLS);
    for (int i = 0; i < SX_FIGURE_CELLS; i++) {
        int first = i * N / SX_FIGURE_CELLS, last = (i + 1) * N / SX_FIGURE_CELLS - 1;
        for (int j = 0; j < 3; j++) NEAR(figure->cells[i * 3 + j], (first + last) / 2.0 + 1000 * j, 1e-9);
        NEAR(figure->cell_y[i], (first + last) / 2.0, 1e-12);
    }
    sx_figures_free(&f);
    sx_result_free(ctx, r);
}

/* -- files, faults ---------------------------------------------------------------------------------------------------------- */

static bool exists(const char *directory, const char *name) {
    char path[256];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", directory, name);
    bool found = stat(path, &st) == 0;
    if (found) assert_int_equal(unlink(path), 0);
    return found;
}

static void test_files(void **state) {
    sx_ctx *ctx = *state;
    sx_result *r = curve_result(ctx);
    char directory[] = "test_figures_XXXXXX", inside[64];
    int count = -1;
    assert_non_null(mkdtemp(directory));
    snprintf(inside, sizeof inside, "%s/new", directory);
    OK(sx_figures_write(ctx, r, inside, NULL, 3, &count));
    assert_int_equal(count, 1);
    assert_true(exists(inside, "run-x_autocovariance.svg") && exists(inside, "run-x_autocovariance.csv"));
    OK(sx_figures_write(ctx, r, inside, "run", 2, &count));
    assert_true(!exists(inside, "run-x_autocovariance.svg") && exists(inside, "run-x_autocovariance.csv"));
    OK(sx_figures_write(ctx, r, inside, "other", 3, &count));
    assert_int_equal(count, 0);
    assert_int_equal(rmdir(inside), 0);
    snprintf(inside, sizeof inside, "%s/missing/new", directory);
    assert_int_equal(sx_figures_write(ctx, r, inside, NULL, 3, &count), SX_E_IO);
    assert_non_null(strstr(sx_ctx_message(ctx), "missing/new"));
    assert_int_equal(rmdir(directory), 0);
    sx_result_free(ctx, r);
}

/* Every allocation in turn fails: an error, nothing kept. */
static void test_memory(void **state) {
    sx_ctx *ctx = *state;
    sx_result *r = curve_result(ctx);
    bool done = false;
    for (int64_t k = 1; !done; k++) {
        failing_host h = { .fail_at = k };
        sx_host host = failing_host_of(&h);
        sx_ctx *failing = sx_ctx_create(&host);
        if (!failing) continue;
        sx_figures f = { 0 };
        sx_writer t = { .ctx = failing };
        sx_status status = sx_figures_build(failing, r, NULL, &f);
        if (status >= 0) {
            for (int64_t i = 0; i < f.n; i++) {
                sx_figure_svg(&f.item[i], true, &t);
                sx_figure_csv(&f.item[i], &t);
                sx_figure_json(&f.item[i], &t);
            }
            status = t.status;
        }
        done = h.calls < k;
        assert_int_equal(status, done ? SX_OK : SX_E_MEMORY);
        sx_free(failing, t.p);
        sx_figures_free(&f);
        sx_ctx_free(failing);
        assert_int_equal(h.held, 0);
    }
    sx_result_free(ctx, r);
}

/* JSON for the page: no character that could end a script, shared x, null for what is no number. */
static void test_json(void **state) {
    sx_ctx *ctx = *state;
    static const double x[] = { 0, 1 }, y[] = { 1, NAN }, z[] = { 2, 3 };
    sx_series series[] = { { .name = "</script><b>&\xe2\x80\xa8\xff", .n = 2, .x = x, .y = y },
                           { .name = "b", .n = 2, .x = x, .y = z } };
    sx_axis axis = { .label = "a\"\\\n", .unit = "" };
    sx_figure figure = {
        .id = "id", .title = "", .caption = "", .x = axis, .y = axis, .z = axis, .series = series, .n_series = 2
    };
    sx_writer t = { .ctx = ctx };
    sx_figure_json(&figure, &t);
    OK(t.status);
    assert_null(strchr(t.p, '<'));
    assert_null(strchr(t.p, '>'));
    assert_null(strchr(t.p, '&'));
    assert_non_null(strstr(t.p, "\"\\u003c/script\\u003e\\u003cb\\u003e\\u0026\\u2028\xef\xbf\xbd\""));
    assert_non_null(strstr(t.p, "\"a\\u0022\\u005c\\u000a\""));
    assert_non_null(strstr(t.p, "\"xs\":{\"0\":[0,1]}"));
    assert_non_null(strstr(t.p, "\"y\":[1,null]"));
    assert_int_equal(occurrences(t.p, "\"x\":0,"), 2);
    sx_free(ctx, t.p);
}

static int setup(void **state) {
    *state = sx_ctx_create(NULL);
    return *state ? 0 : -1;
}
static int teardown(void **state) {
    size_t held = sx_ctx_bytes(*state);
    sx_ctx_free(*state);
    return held == 0 ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_positions), cmocka_unit_test(test_spectrum),   cmocka_unit_test(test_units),
        cmocka_unit_test(test_csv),       cmocka_unit_test(test_unit_words), cmocka_unit_test(test_ticks),
        cmocka_unit_test(test_reduction), cmocka_unit_test(test_survival),   cmocka_unit_test(test_heat),
        cmocka_unit_test(test_limits),    cmocka_unit_test(test_blocks),     cmocka_unit_test(test_files),
        cmocka_unit_test(test_memory),    cmocka_unit_test(test_json),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
