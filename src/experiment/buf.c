// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* A growing text, and TOML in it: numbers that read back exactly, quoted strings, nodes on one line. */
#include "experiment/schema.h"

#include "core/number.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void sx_buf_add(sx_ctx *ctx, sx_buf *t, const char *format, ...) {
    va_list args, again;
    if (t->status < 0) return;
    va_start(args, format);
    va_copy(again, args);
    int n = sx_number_vprint(NULL, 0, format, args);
    va_end(args);
    if (n >= 0 && t->n + n + 1 > t->capacity) {
        int64_t capacity = 2 * t->capacity + n + 64;
        t->status = t->p ? sx_resize(ctx, capacity, 1, &t->p) : sx_alloc(ctx, capacity, 1, &t->p);
        if (t->status >= 0) t->capacity = capacity;
    }
    if (n >= 0 && t->status >= 0) {
        sx_number_vprint(t->p + t->n, (size_t)n + 1, format, again);
        t->n += n;
    }
    va_end(again);
}

void sx_buf_number(sx_ctx *ctx, sx_buf *t, double value) {
    char buf[32];
    (void)sx_number_print(buf, value);
    if (!isfinite(value)) {
        sx_buf_add(ctx, t, "%s", buf);
        return;
    }
    char *e = strchr(buf, 'e'); /* 1e-08 -> 1e-8 */
    if (e) {
        char *digits = e + 1 + (e[1] == '-' || e[1] == '+'), *from = digits;
        while (*from == '0' && from[1]) from++;
        memmove(digits, from, strlen(from) + 1);
    }
    sx_buf_add(ctx, t, "%s%s", buf, strpbrk(buf, ".e") ? "" : ".0");
}

void sx_buf_quote(sx_ctx *ctx, sx_buf *t, const char *s) {
    sx_buf_add(ctx, t, "\"");
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\')
            sx_buf_add(ctx, t, "\\%c", c);
        else if (c == '\n')
            sx_buf_add(ctx, t, "\\n");
        else if (c == '\t')
            sx_buf_add(ctx, t, "\\t");
        else if (c < 0x20 || c == 0x7f)
            sx_buf_add(ctx, t, "\\u%04X", c);
        else
            sx_buf_add(ctx, t, "%c", c);
    }
    sx_buf_add(ctx, t, "\"");
}

static bool is_bare(const char *key) {
    if (!*key) return false;
    for (; *key; key++)
        if (!((*key >= 'a' && *key <= 'z') || (*key >= 'A' && *key <= 'Z') || (*key >= '0' && *key <= '9') ||
              *key == '_' || *key == '-'))
            return false;
    return true;
}

static void add_key(sx_ctx *ctx, sx_buf *t, const char *key) {
    if (is_bare(key))
        sx_buf_add(ctx, t, "%s", key);
    else
        sx_buf_quote(ctx, t, key);
}

static void add_path(sx_ctx *ctx, sx_buf *t, const char *path, const char *base) {
    sx_buf joined = { 0 };
    if (path[0] == '/' || !base || !*base) {
        sx_buf_quote(ctx, t, path);
        return;
    }
    sx_buf_add(ctx, &joined, "%s/%s", base, path);
    if (joined.p) sx_buf_quote(ctx, t, joined.p);
    if (joined.status < 0) t->status = joined.status;
    sx_free(ctx, joined.p);
}

void sx_buf_node(sx_ctx *ctx, sx_buf *t, const sx_toml_node *node, const char *base) {
    const char *key = sx_toml_key(node);
    int64_t n = sx_toml_count(node);
    switch (sx_toml_type_of(node)) {
    case SX_TOML_BOOL:
        sx_buf_add(ctx, t, sx_toml_bool(node) ? "true" : "false");
        break;
    case SX_TOML_INTEGER:
        sx_buf_add(ctx, t, "%lld", (long long)sx_toml_integer(node));
        break;
    case SX_TOML_FLOAT:
        sx_buf_number(ctx, t, sx_toml_float(node));
        break;
    case SX_TOML_DATE:
        sx_buf_add(ctx, t, "(a date)");
        break;
    case SX_TOML_STRING:
        if (key && strcmp(key, "file") == 0)
            add_path(ctx, t, sx_toml_string(node, NULL), base);
        else
            sx_buf_quote(ctx, t, sx_toml_string(node, NULL));
        break;
    case SX_TOML_ARRAY:
        sx_buf_add(ctx, t, "[");
        for (int64_t i = 0; i < n; i++) {
            if (i) sx_buf_add(ctx, t, ", ");
            sx_buf_node(ctx, t, sx_toml_at(node, i), base);
        }
        sx_buf_add(ctx, t, "]");
        break;
    case SX_TOML_TABLE:
        sx_buf_add(ctx, t, "{");
        for (int64_t i = 0; i < n; i++) {
            const sx_toml_node *child = sx_toml_at(node, i);
            sx_buf_add(ctx, t, i ? ", " : " ");
            add_key(ctx, t, sx_toml_key(child));
            sx_buf_add(ctx, t, " = ");
            sx_buf_node(ctx, t, child, base);
        }
        sx_buf_add(ctx, t, n ? " }" : "}");
        break;
    }
}
