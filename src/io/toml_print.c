// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* A document as TOML text that reads back as the same tree, in the same order.
 *
 * TOML wants the plain keys of a table before the [headers] of its sub-tables. A tree may hold another order (dotted keys, headers
 * whose parent comes later); then the sub-tables before the last plain key are written { inline }, which keeps the order. */
#include "io/toml_tree.h"

#include <stdio.h>
#include <string.h>

enum { WIDTH = 100 }; /* longer arrays are wrapped */

typedef struct printer {
    sx_ctx *ctx;
    char *text;
    size_t used, space;
} printer;

static sx_status put(printer *p, const char *s, size_t n) {
    if (p->space - p->used < n + 1) {
        const size_t space = 2 * (p->used + n) + 4096;
        SX_TRY(p->ctx, sx_resize(p->ctx, (int64_t)space, 1, &p->text));
        p->space = space;
    }
    memcpy(p->text + p->used, s, n);
    p->used += n;
    p->text[p->used] = '\0';
    return SX_OK;
}

static sx_status puts_(printer *p, const char *s) {
    return put(p, s, strlen(s));
}

static sx_status put_string(printer *p, const char *s, size_t n) {
    SX_TRY(p->ctx, puts_(p, "\""));
    size_t from = 0;
    for (size_t i = 0; i <= n; i++) {
        const unsigned char c = i < n ? (unsigned char)s[i] : 0;
        if (i < n && c >= 0x20 && c != '"' && c != '\\' && c != 0x7F) continue;
        SX_TRY(p->ctx, put(p, s + from, i - from));
        from = i + 1;
        if (i == n) break;
        char code[8];
        const char *named = strchr("\"\\\b\t\n\f\r", c);
        if (named && c)
            snprintf(code, sizeof code, "\\%c", "\"\\btnfr"[named - "\"\\\b\t\n\f\r"]);
        else
            snprintf(code, sizeof code, "\\u%04X", c);
        SX_TRY(p->ctx, puts_(p, code));
    }
    return puts_(p, "\"");
}

static sx_status put_key(printer *p, const char *key) {
    const size_t n = strlen(key);
    const char *letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    return n > 0 && strspn(key, letters) == n ? put(p, key, n) : put_string(p, key, n);
}

static sx_status put_value(printer *p, const sx_toml_node *node, bool may_wrap);

static sx_status put_array(printer *p, const sx_toml_node *node, bool may_wrap) {
    SX_TRY(p->ctx, puts_(p, "["));
    size_t line = p->used; /* start of the present line */
    for (int64_t i = 0; i < node->count; i++) {
        if (i > 0) SX_TRY(p->ctx, puts_(p, ", "));
        if (may_wrap && i > 0 && p->used - line > WIDTH) {
            p->used--; /* the blank */
            SX_TRY(p->ctx, puts_(p, "\n    "));
            line = p->used;
        }
        SX_TRY(p->ctx, put_value(p, node->child[i], false));
    }
    return puts_(p, "]");
}

static sx_status put_value(printer *p, const sx_toml_node *node, bool may_wrap) {
    char number[40];
    switch (node->type) {
    case SX_TOML_STRING:
        return put_string(p, node->text, node->length);
    case SX_TOML_DATE:
        return put(p, node->text, node->length);
    case SX_TOML_BOOL:
        return puts_(p, node->boolean ? "true" : "false");
    case SX_TOML_INTEGER:
        snprintf(number, sizeof number, "%lld", (long long)node->integer);
        return puts_(p, number);
    case SX_TOML_FLOAT:
        sx_toml_float_text(node->number, number);
        return puts_(p, number);
    case SX_TOML_ARRAY:
        return put_array(p, node, may_wrap);
    case SX_TOML_TABLE:
        break;
    }
    SX_TRY(p->ctx, puts_(p, node->count ? "{ " : "{"));
    for (int64_t i = 0; i < node->count; i++) {
        if (i > 0) SX_TRY(p->ctx, puts_(p, ", "));
        SX_TRY(p->ctx, put_key(p, node->child[i]->key));
        SX_TRY(p->ctx, puts_(p, " = "));
        SX_TRY(p->ctx, put_value(p, node->child[i], false));
    }
    return puts_(p, node->count ? " }" : "}");
}

/* Names of the tables around a section, outermost first. */
typedef struct place {
    const struct place *outer;
    const char *key;
} place;

static sx_status put_path(printer *p, const place *at) {
    if (at->outer) {
        SX_TRY(p->ctx, put_path(p, at->outer));
        SX_TRY(p->ctx, puts_(p, "."));
    }
    return put_key(p, at->key);
}

static sx_status put_header(printer *p, const place *at, const char *open, const char *close) {
    if (p->used) SX_TRY(p->ctx, puts_(p, "\n"));
    SX_TRY(p->ctx, puts_(p, open));
    SX_TRY(p->ctx, put_path(p, at));
    return puts_(p, close);
}

/* The plain keys of a table, then its sections. */
static sx_status put_table(printer *p, const sx_toml_node *table, const place *at) {
    int64_t plain = table->count; /* children before this one are written key = value */
    while (plain > 0 && sx_toml_is_section(table->child[plain - 1])) plain--;
    for (int64_t i = 0; i < plain; i++) {
        SX_TRY(p->ctx, put_key(p, table->child[i]->key));
        SX_TRY(p->ctx, puts_(p, " = "));
        SX_TRY(p->ctx, put_value(p, table->child[i], true));
        SX_TRY(p->ctx, puts_(p, "\n"));
    }
    for (int64_t i = plain; i < table->count; i++) {
        const sx_toml_node *node = table->child[i];
        const place here = { at, node->key };
        if (node->type == SX_TOML_TABLE) {
            bool header = node->count == 0; /* else [a] is said by [a.b], unless it holds plain keys */
            for (int64_t k = 0; k < node->count && !header; k++) header = !sx_toml_is_section(node->child[k]);
            if (header) SX_TRY(p->ctx, put_header(p, &here, "[", "]\n"));
            SX_TRY(p->ctx, put_table(p, node, &here));
        } else {
            for (int64_t k = 0; k < node->count; k++) {
                SX_TRY(p->ctx, put_header(p, &here, "[[", "]]\n"));
                SX_TRY(p->ctx, put_table(p, node->child[k], &here));
            }
        }
    }
    return SX_OK;
}

sx_status sx_toml_print(sx_ctx *ctx, const sx_toml *t, char **out) {
    printer p = { .ctx = ctx };
    sx_status status;
    SX_GO(ctx, status, done, put(&p, "", 0));
    SX_GO(ctx, status, done, put_table(&p, t->root, NULL));
    *out = p.text;
    p.text = NULL;
done:
    sx_free(ctx, p.text);
    return status;
}
