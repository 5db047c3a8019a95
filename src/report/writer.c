// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* A growing text with escaping. */
#include "report/writer.h"

#include "core/number.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for n more bytes and the zero byte. */
static bool room(sx_writer *t, int64_t n) {
    if (t->status < 0) return false;
    if (t->n + n + 1 <= t->capacity) return true;
    int64_t capacity = 2 * t->capacity + n + 256;
    t->status = t->p ? sx_resize(t->ctx, capacity, 1, &t->p) : sx_alloc(t->ctx, capacity, 1, &t->p);
    if (t->status < 0) return false;
    t->capacity = capacity;
    return true;
}

void sx_writer_add_bytes(sx_writer *t, const char *s, int64_t n) {
    if (!room(t, n)) return;
    memcpy(t->p + t->n, s, (size_t)n);
    t->n += n;
    t->p[t->n] = 0;
}

void sx_writer_add(sx_writer *t, const char *s) {
    sx_writer_add_bytes(t, s, (int64_t)strlen(s));
}

void sx_writer_addf(sx_writer *t, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n >= 0 && room(t, n)) {
        vsnprintf(t->p + t->n, (size_t)n + 1, format, again);
        t->n += n;
    }
    va_end(again);
}

/* Length of the valid UTF-8 character at s (1 to 4) and its code point; 0 if it is not valid (RFC 3629). */
static int character(const char *s, uint32_t *code) {
    const unsigned char *u = (const unsigned char *)s;
    if (u[0] < 0x80) {
        *code = u[0];
        return 1;
    }
    int n = u[0] >= 0xc2 && u[0] < 0xe0 ? 2 : (u[0] & 0xf0) == 0xe0 ? 3 : u[0] >= 0xf0 && u[0] < 0xf5 ? 4 : 0;
    if (n == 0) return 0;
    uint32_t c = u[0] & (n == 2 ? 0x1fu : n == 3 ? 0x0fu : 0x07u);
    for (int k = 1; k < n; k++) {
        if ((u[k] & 0xc0) != 0x80) return 0;
        c = c << 6 | (u[k] & 0x3fu);
    }
    if ((n == 3 && c < 0x800) || (n == 4 && (c < 0x10000 || c > 0x10ffff)) || (c >= 0xd800 && c < 0xe000)) return 0;
    *code = c;
    return n;
}

static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */

void sx_writer_escape(sx_writer *t, const char *s) {
    while (*s) {
        uint32_t c = 0;
        int n = character(s, &c);
        bool allowed = n > 0 && (c >= 0x20 || c == '\n' || c == '\t' || c == '\r') && !(c >= 0x7f && c < 0xa0) &&
                       c != 0xfffe && c != 0xffff;
        if (!allowed)
            sx_writer_add(t, replacement);
        else if (c == '&')
            sx_writer_add(t, "&amp;");
        else if (c == '<')
            sx_writer_add(t, "&lt;");
        else if (c == '>')
            sx_writer_add(t, "&gt;");
        else if (c == '"')
            sx_writer_add(t, "&quot;");
        else if (c == '\'')
            sx_writer_add(t, "&#39;");
        else
            sx_writer_add_bytes(t, s, n);
        s += n > 0 ? n : 1;
    }
}

void sx_writer_json(sx_writer *t, const char *s) {
    sx_writer_add(t, "\"");
    while (*s) {
        uint32_t c = 0;
        int n = character(s, &c);
        if (n == 0)
            sx_writer_add(t, replacement);
        else if (c < 0x20 || c == '<' || c == '>' || c == '&' || c == '"' || c == '\\' || c == 0x7f || c == 0x2028 ||
                 c == 0x2029)
            sx_writer_addf(t, "\\u%04x", c);
        else
            sx_writer_add_bytes(t, s, n);
        s += n > 0 ? n : 1;
    }
    sx_writer_add(t, "\"");
}

void sx_writer_csv(sx_writer *t, const char *s) {
    bool formula = *s && strchr("=+-@\t\r", *s);
    if (!formula && !strpbrk(s, ",\"\r\n")) {
        sx_writer_add(t, s);
        return;
    }
    sx_writer_add(t, formula ? "\"'" : "\"");
    for (; *s; s++) sx_writer_add_bytes(t, *s == '"' ? "\"\"" : s, *s == '"' ? 2 : 1);
    sx_writer_add(t, "\"");
}

void sx_writer_exact(sx_writer *t, double x) {
    char buf[32];
    sx_writer_add(t, sx_number_print(buf, x));
}

/* The decimal point of the host's locale, of one or more bytes, becomes a dot. */
static void use_dot(char *s) {
    char *p = s + strspn(s, "+-0123456789");
    if (!*p || *p == 'e' || *p == '.') return;
    size_t n = strcspn(p, "+-0123456789e");
    *p = '.';
    memmove(p + 1, p + n, strlen(p + n) + 1);
}

void sx_writer_number(sx_writer *t, double x, int digits) {
    char buf[64];
    if (!isfinite(x)) {
        sx_writer_exact(t, x);
        return;
    }
    snprintf(buf, sizeof buf, "%.*g", digits, x);
    use_dot(buf);
    sx_writer_add(t, buf);
}

void sx_writer_fixed(sx_writer *t, double x, int decimals) {
    char buf[400];
    snprintf(buf, sizeof buf, "%.*f", decimals, x);
    use_dot(buf);
    if (strchr(buf, '.')) {
        size_t n = strlen(buf);
        while (buf[n - 1] == '0') n--;
        if (buf[n - 1] == '.') n--;
        buf[n] = 0;
    }
    sx_writer_add(t, strcmp(buf, "-0") == 0 ? "0" : buf);
}

void sx_writer_decimals(sx_writer *t, double x, int decimals) {
    char buf[400];
    snprintf(buf, sizeof buf, "%.*f", decimals, x);
    use_dot(buf);
    sx_writer_add(t, buf);
}

void sx_writer_superscript(sx_writer *t, int n) {
    static const char *const digit[] = { "⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹" };
    char buf[16];
    snprintf(buf, sizeof buf, "%d", n);
    for (const char *c = buf; *c; c++) sx_writer_add(t, *c == '-' ? "⁻" : digit[*c - '0']);
}

void sx_writer_human(sx_writer *t, double x, int digits) {
    char buf[64];
    if (!isfinite(x)) {
        sx_writer_add(t, isnan(x) ? "not known" : x > 0 ? "∞" : "−∞");
        return;
    }
    snprintf(buf, sizeof buf, "%.*g", digits, x);
    use_dot(buf);
    char *e = strchr(buf, 'e');
    if (e) *e = 0;
    const char *from = buf;
    if (*from == '-') {
        sx_writer_add(t, "−");
        from++;
    }
    sx_writer_add(t, from);
    if (e) {
        sx_writer_add(t, "×10");
        sx_writer_superscript(t, (int)strtol(e + 1, NULL, 10));
    }
}

void sx_writer_base64(sx_writer *t, const void *data, int64_t n) {
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *b = data;
    if (!room(t, (n + 2) / 3 * 4)) return;
    char *out = t->p + t->n;
    for (int64_t i = 0; i < n; i += 3) {
        uint32_t v =
            (uint32_t)b[i] << 16 | (i + 1 < n ? (uint32_t)b[i + 1] << 8 : 0) | (i + 2 < n ? (uint32_t)b[i + 2] : 0);
        *out++ = alphabet[v >> 18];
        *out++ = alphabet[v >> 12 & 63];
        *out++ = i + 1 < n ? alphabet[v >> 6 & 63] : '=';
        *out++ = i + 2 < n ? alphabet[v & 63] : '=';
    }
    *out = 0;
    t->n = out - t->p;
}

int64_t sx_writer_length(const char *s) {
    int64_t n = 0;
    for (; *s; s++) n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}
