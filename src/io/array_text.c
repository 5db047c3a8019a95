// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Text for the array readers: UTF-8, lines and places, numbers without the locale of the host, distinct names, taken pairs. */
#include "io/array_private.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Well-formed UTF-8 (Unicode 15, table 3-7): no overlong forms, surrogates or code points beyond 10FFFF. */
bool sx_utf8_valid(const char *text, size_t n, size_t *bad) {
    const unsigned char *p = (const unsigned char *)text;
    for (size_t i = 0; i < n;) {
        unsigned char c = p[i], low = 0x80, high = 0xbf;
        size_t more = c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
        *bad = i;
        if (c == 0xe0) low = 0xa0;
        if (c == 0xed) high = 0x9f;
        if (c == 0xf0) low = 0x90;
        if (c == 0xf4) high = 0x8f;
        if ((c >= 0x80 && c < 0xc2) || c > 0xf4 || more > n - i - 1) return false;
        for (size_t k = 1; k <= more; k++, low = 0x80, high = 0xbf)
            if (p[i + k] < low || p[i + k] > high) return false;
        i += more + 1;
    }
    *bad = n;
    return true;
}

sx_status sx_text_check(const sx_source *s, const char **text, const char **end) {
    const char *p = (const char *)s->bytes, *stop = p + s->n;
    size_t bad;
    if (s->n >= 2 && s->bytes[0] == 0x1f && s->bytes[1] == 0x8b)
        return SX_FAIL(s->ctx, SX_E_FILE, "%s: gzip-compressed; unpack it or, for CSV, name it .csv.gz", s->name);
    if (s->n >= 2 && ((s->bytes[0] == 0xff && s->bytes[1] == 0xfe) || (s->bytes[0] == 0xfe && s->bytes[1] == 0xff)))
        return SX_FAIL(s->ctx, SX_E_FILE, "%s: UTF-16 text is not read; save it as UTF-8", s->name);
    if (s->n >= 4 && memcmp(p, "PK\3\4", 4) == 0)
        return SX_FAIL(s->ctx, SX_E_FILE, "%s: a zip archive or spreadsheet, not text; export it as CSV", s->name);
    if (s->n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0) p += 3; /* byte order mark */
    bool good = sx_utf8_valid(p, (size_t)(stop - p), &bad);
    sx_lines l = { .s = s, .p = p, .end = stop, .start = p, .stop = p, .line = 1 };
    for (const char *q = p; q < p + bad; q++) {
        unsigned char c = (unsigned char)*q;
        if (c == '\n') {
            l.start = q + 1;
            l.line++;
        } else if ((c < 0x20 && c != '\t' && c != '\r') || c == 0x7f)
            return sx_lines_fail(&l, q, "control character 0x%02x; this is not a text file", c);
    }
    if (!good)
        return sx_lines_fail(&l, p + bad, "byte 0x%02x is not UTF-8; save the file as UTF-8", (unsigned char)p[bad]);
    *text = p;
    *end = stop;
    return SX_OK;
}

sx_status sx_lines_next(sx_lines *l, bool *more) {
    *more = l->p < l->end;
    if (!*more) return SX_OK;
    const char *stop = memchr(l->p, '\n', (size_t)(l->end - l->p));
    l->start = l->p;
    l->p = stop ? stop + 1 : l->end;
    if (!stop) stop = l->end;
    if (stop > l->start && stop[-1] == '\r') stop--;
    l->stop = stop;
    l->line++;
    if (stop - l->start > SX_LINE_LIMIT)
        return sx_lines_fail(l, l->start, "a line of %lld bytes; at most %d are read", (long long)(stop - l->start),
                             SX_LINE_LIMIT);
    const char *cr = memchr(l->start, '\r', (size_t)(stop - l->start));
    if (cr) return sx_lines_fail(l, cr, "a carriage return without line feed; end lines with LF or CR LF");
    return SX_OK;
}

long sx_lines_column(const sx_lines *l, const char *at) {
    long column = 1;
    for (const char *p = l->start; p < at; p++)
        if (((unsigned char)*p & 0xc0) != 0x80) column++;
    return column;
}

sx_status sx_lines_fail(const sx_lines *l, const char *at, const char *format, ...) {
    char text[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return SX_FAIL(l->s->ctx, SX_E_FILE, "%s:%lld:%ld: %s", l->s->name, (long long)l->line, sx_lines_column(l, at),
                   text);
}

const char *sx_text_quote(char out[SX_QUOTE], const char *text, int64_t n) {
    int64_t keep = n > 40 ? 37 : n;
    while (keep < n && keep > 0 && ((unsigned char)text[keep] & 0xc0) == 0x80) keep--;
    for (int64_t i = 0; i < keep; i++) out[i] = (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? '?' : text[i];
    memcpy(out + keep, keep < n ? "..." : "", keep < n ? 4 : 1);
    return out;
}

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool sx_text_equal(const char *text, int64_t n, const char *word) {
    for (int64_t i = 0; i < n; i++)
        if (!word[i] || lower(text[i]) != lower(word[i])) return false;
    return !word[n];
}

sx_status sx_number_locale(sx_ctx *ctx, locale_t *out) {
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (c == (locale_t)0) return SX_FAIL(ctx, SX_E_MEMORY, "no memory for the C locale");
    *out = c;
    return SX_OK;
}

static bool digit(char c) {
    return c >= '0' && c <= '9';
}

sx_number_kind sx_number_scan(locale_t c_locale, const char *text, int64_t n, double *value) {
    static const double power[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
    const char *p = text, *end = text + n;
    int64_t mantissa = 0, exponent = 0, written = 0;
    int digits = 0;
    bool simple = true;
    if (n < 1 || n > SX_NUMBER_LIMIT) return SX_NUMBER_NOT;
    bool negative = *p == '-';
    if (*p == '+' || *p == '-') p++;
    if (sx_text_equal(p, end - p, "nan")) {
        *value = (double)NAN;
        return SX_NUMBER_NAN;
    }
    if (sx_text_equal(p, end - p, "inf") || sx_text_equal(p, end - p, "infinity")) {
        *value = negative ? -(double)INFINITY : (double)INFINITY;
        return SX_NUMBER_INF;
    }
    for (bool point = false; p < end && (digit(*p) || (*p == '.' && !point)); p++) {
        if (*p == '.') {
            point = true;
            continue;
        }
        digits++;
        if (mantissa <= SX_ARRAY_EXACT / 10 - 1)
            mantissa = 10 * mantissa + (*p - '0');
        else
            simple = false;
        exponent -= point;
    }
    if (digits == 0) return SX_NUMBER_NOT;
    if (p < end && (*p == 'e' || *p == 'E')) {
        bool down = ++p < end && *p == '-';
        if (p < end && (*p == '+' || *p == '-')) p++;
        if (p == end) return SX_NUMBER_NOT;
        for (; p < end && digit(*p); p++)
            if (written < 100000) written = 10 * written + (*p - '0');
        exponent += down ? -written : written;
    }
    if (p != end) return SX_NUMBER_NOT;
    if (simple && exponent >= -22 && exponent <= 22) {
        /* |mantissa| <= 2^53 and 10^|exponent| are exact, so one operation rounds correctly (Clinger 1990) */
        double m = (double)mantissa;
        m = exponent < 0 ? m / power[-exponent] : m * power[exponent];
        *value = negative ? -m : m;
        return SX_NUMBER_FINITE;
    }
    char buffer[SX_NUMBER_LIMIT + 1];
    memcpy(buffer, text, (size_t)n);
    buffer[n] = 0;
    double v = strtod_l(buffer, NULL, c_locale);
    if (!isfinite(v)) return SX_NUMBER_RANGE;
    *value = v;
    return SX_NUMBER_FINITE;
}

static uint64_t mix(uint64_t h) {
    h = (h ^ h >> 33) * UINT64_C(0xff51afd7ed558ccd);
    h = (h ^ h >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return h ^ h >> 33;
}

static uint64_t text_hash(const char *text, int64_t n) {
    uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (int64_t i = 0; i < n; i++) h = (h ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
    return mix(h);
}

/* Twice the slots, every name entered again. */
static sx_status names_grow(sx_ctx *ctx, sx_names *names) {
    int64_t slots = names->slots ? 2 * names->slots : 64, *slot;
    SX_TRY(ctx, sx_alloc(ctx, slots, sizeof *slot, &slot));
    for (int64_t i = 0; i < names->n; i++) {
        const char *text = sx_names_at(names, i);
        uint64_t at = text_hash(text, (int64_t)strlen(text)) & (uint64_t)(slots - 1);
        while (slot[at]) at = (at + 1) & (uint64_t)(slots - 1);
        slot[at] = i + 1;
    }
    sx_free(ctx, names->slot);
    names->slot = slot;
    names->slots = slots;
    return SX_OK;
}

sx_status sx_names_add(sx_ctx *ctx, sx_names *names, const char *text, int64_t n, int64_t *index, bool *fresh) {
    if (2 * (names->n + 1) > names->slots) SX_TRY(ctx, names_grow(ctx, names));
    uint64_t mask = (uint64_t)(names->slots - 1), at = text_hash(text, n) & mask;
    for (; names->slot[at]; at = (at + 1) & mask) {
        const char *other = sx_names_at(names, names->slot[at] - 1);
        if (strlen(other) == (size_t)n && memcmp(other, text, (size_t)n) == 0) {
            *index = names->slot[at] - 1;
            *fresh = false;
            return SX_OK;
        }
    }
    if (names->n == names->offsets) {
        int64_t more = names->offsets ? 2 * names->offsets : 64;
        SX_TRY(ctx, sx_resize(ctx, more, sizeof *names->offset, &names->offset));
        names->offsets = more;
    }
    if (names->room - names->used <= n) {
        int64_t more = 2 * names->room + n + 256;
        SX_TRY(ctx, sx_resize(ctx, more, 1, &names->pool));
        names->room = more;
    }
    memcpy(names->pool + names->used, text, (size_t)n);
    names->pool[names->used + n] = 0;
    names->offset[names->n] = names->used;
    names->used += n + 1;
    *index = names->n++;
    *fresh = true;
    names->slot[at] = names->n;
    return SX_OK;
}

sx_status sx_names_labels(sx_ctx *ctx, const sx_names *names, char ***out) {
    int64_t pointers = names->n * (int64_t)sizeof(char *);
    char *block;
    SX_TRY(ctx, sx_alloc(ctx, pointers + names->used, 1, &block));
    char **labels = (char **)(void *)block;
    if (names->used > 0) memcpy(block + pointers, names->pool, (size_t)names->used);
    for (int64_t i = 0; i < names->n; i++) labels[i] = block + pointers + names->offset[i];
    *out = labels;
    return SX_OK;
}

void sx_names_free(sx_ctx *ctx, sx_names *names) {
    sx_free(ctx, names->pool);
    sx_free(ctx, names->offset);
    sx_free(ctx, names->slot);
    *names = (sx_names){ 0 };
}

sx_status sx_pairs_create(sx_ctx *ctx, int64_t most, sx_pairs *out) {
    int64_t slots = 16;
    while (slots < 2 * most) slots *= 2;
    SX_TRY(ctx, sx_alloc(ctx, slots, sizeof *out->slot, &out->slot));
    out->slots = slots;
    return SX_OK;
}

int64_t sx_pairs_add(sx_pairs *pairs, const sx_array *a, int64_t k) {
    uint64_t mask = (uint64_t)(pairs->slots - 1);
    uint64_t at = mix(mix((uint64_t)a->row[k]) ^ (uint64_t)a->column[k]) & mask;
    for (; pairs->slot[at]; at = (at + 1) & mask) {
        int64_t i = pairs->slot[at] - 1;
        if (a->row[i] == a->row[k] && a->column[i] == a->column[k]) return i;
    }
    pairs->slot[at] = k + 1;
    return -1;
}
