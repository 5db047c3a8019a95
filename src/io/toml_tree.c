// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* TOML documents: memory, checks before parsing, reading nodes. Changes are in toml_set.c, text in toml_print.c. */
#include "io/toml_tree.h"

#include <string.h>

/* -- memory: everything of a document lives in a list of blocks ------------------------------------------------------ */
sx_status sx_toml_take(sx_ctx *ctx, sx_toml *t, size_t n, size_t size, void *out) {
    enum { BLOCK = 32 << 10, ALIGN = 16 };
    const size_t head = (sizeof(sx_toml_block) + ALIGN - 1) / ALIGN * ALIGN;
    if (size != 0 && n > (SIZE_MAX / 4) / size)
        return SX_FAIL(ctx, SX_E_MEMORY, "%s: %zu nodes of %zu bytes are too large", t->name, n, size);
    const size_t want = (n * size + ALIGN - 1) / ALIGN * ALIGN;
    sx_toml_block *b = t->blocks;
    if (!b || b->size - b->used < want) {
        const size_t room = want > BLOCK / 4 ? want : (size_t)BLOCK;
        SX_TRY(ctx, sx_alloc(ctx, (int64_t)(head + room), 1, &b));
        b->size = room;
        if (want > BLOCK / 4 && t->blocks) { /* large pieces do not end the block in use */
            b->next = t->blocks->next;
            t->blocks->next = b;
        } else {
            b->next = t->blocks;
            t->blocks = b;
        }
    }
    *(void **)out = (char *)b + head + b->used;
    b->used += want;
    return SX_OK;
}

sx_status sx_toml_take_text(sx_ctx *ctx, sx_toml *t, const char *text, size_t n, const char **out) {
    char *copy;
    SX_TRY(ctx, sx_toml_take(ctx, t, n + 1, 1, &copy));
    if (n) memcpy(copy, text, n);
    *out = copy;
    return SX_OK;
}

void sx_toml_free(sx_ctx *ctx, sx_toml *t) {
    if (!t) return;
    while (t->blocks) {
        sx_toml_block *next = t->blocks->next;
        sx_free(ctx, t->blocks);
        t->blocks = next;
    }
    sx_free(ctx, t->name);
    sx_free(ctx, t);
}

/* -- checks before parsing ------------------------------------------------------------------------------------------- */
/* Length of the UTF-8 sequence at s (n bytes left), 0 if it is not one: RFC 3629, no overlong forms, no surrogates. */
static size_t utf8_length(const unsigned char *s, size_t n) {
    if (s[0] < 0x80) return 1;
    size_t k = s[0] >= 0xC2 && s[0] <= 0xDF ? 2 : (s[0] & 0xF0) == 0xE0 ? 3 : s[0] >= 0xF0 && s[0] <= 0xF4 ? 4 : 0;
    if (k == 0 || k > n) return 0;
    for (size_t i = 1; i < k; i++)
        if ((s[i] & 0xC0) != 0x80) return 0;
    if (s[0] == 0xE0 && s[1] < 0xA0) return 0;
    if (s[0] == 0xED && s[1] > 0x9F) return 0;
    if (s[0] == 0xF0 && s[1] < 0x90) return 0;
    if (s[0] == 0xF4 && s[1] > 0x8F) return 0;
    return k;
}

static bool starts_key(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("_-\"'", c));
}

/* Encoding, size, names of [headers] (toml++ 3.3 only asserts that there is one) and the length of dotted keys. toml++ limits the nesting of values, not of a.b.c...: a key of 1e5 dots would make a
 * tree that no recursion survives. The scan knows strings and comments; where it disagrees with TOML, toml++ has failed before. */
static sx_status precheck(sx_ctx *ctx, const char *name, const char *text, size_t n) {
    if (n > SX_TOML_MAX_TEXT)
        return SX_FAIL(ctx, SX_E_USAGE, "%s: %zu bytes; an experiment has at most 1 MB (data belong in other files)",
                       name, n);
    const unsigned char *s = (const unsigned char *)text;
    int line = 1, column = 1, dots = 0, open = 0; /* brackets that are open */
    bool fresh = true;                            /* only blanks so far in this line */
    char quote = 0;                               /* 0 outside, ' or " inside a string */
    bool triple = false, comment = false, escaped = false;
    for (size_t i = 0; i < n;) {
        const size_t k = utf8_length(s + i, n - i);
        if (k == 0)
            return SX_FAIL(ctx, SX_E_USAGE, "%s:%d:%d: not valid UTF-8 (byte 0x%02x)", name, line, column, s[i]);
        const char c = text[i];
        if (c == 0) return SX_FAIL(ctx, SX_E_USAGE, "%s:%d:%d: the character NUL is not text", name, line, column);
        size_t used = k;
        const bool three = i + 2 < n && (c == '"' || c == '\'') && text[i + 1] == c && text[i + 2] == c;
        if (comment) {
            comment = c != '\n';
        } else if (quote) {
            if (escaped)
                escaped = false;
            else if (c == '\\' && quote == '"')
                escaped = true;
            else if (c == '\n' && !triple)
                quote = 0;
            else if (c == quote && !triple)
                quote = 0;
            else if (c == quote && three) {
                used = 3;
                while (i + used < n && used < 5 && text[i + used] == quote)
                    used++; /* """a""""" ends in two quotes of its own */
                quote = 0;
            }
        } else if (c == '#') {
            comment = true;
        } else if (c == '"' || c == '\'') {
            quote = c;
            triple = three;
            if (three) used = 3;
        } else if (c == '.') {
            if (++dots >= SX_TOML_MAX_DEPTH)
                return SX_FAIL(ctx, SX_E_USAGE, "%s:%d:%d: a key of more than %d parts", name, line, column,
                               SX_TOML_MAX_DEPTH);
        } else if (strchr("\n,{}[]=", c)) {
            dots = 0;
            if (c == '[' && open == 0 && fresh) {
                size_t j = i + 1;
                while (j < n && strchr(" \t[", text[j]) && text[j]) j++;
                if (j < n && text[j] != ']' && !starts_key(text[j]))
                    return SX_FAIL(ctx, SX_E_USAGE, "%s:%d:%d: a [header] begins with a name", name, line,
                                   column + (int)(j - i));
            }
            open += c == '[' || c == '{' ? 1 : (c == ']' || c == '}') && open > 0 ? -1 : 0;
        }
        fresh = c == '\n' || (fresh && (c == ' ' || c == '\t'));
        if (c == '\n') {
            line++;
            column = 1;
        } else {
            column += used == k ? 1 : (int)used;
        }
        i += used;
    }
    return SX_OK;
}

sx_status sx_toml_parse(sx_ctx *ctx, const char *name, const char *text, size_t n, sx_toml **out) {
    if (!name || !out || (!text && n)) return SX_FAIL(ctx, SX_E_USAGE, "sx_toml_parse: name, text and out are needed");
    SX_TRY(ctx, precheck(ctx, name, text, n));
    sx_toml *t;
    sx_status status;
    SX_TRY(ctx, sx_alloc(ctx, 1, sizeof *t, &t));
    t->ctx = ctx;
    SX_GO(ctx, status, done, sx_strdup(ctx, name, &t->name));
    SX_GO(ctx, status, done, sx_toml_build(ctx, t, text ? text : "", n, NULL, &t->root));
    *out = t;
    t = NULL;
done:
    sx_toml_free(ctx, t);
    return status;
}

/* -- reading --------------------------------------------------------------------------------------------------------- */
const sx_toml_node *sx_toml_root(const sx_toml *t) {
    return t->root;
}
const char *sx_toml_name(const sx_toml *t) {
    return t->name;
}
sx_toml_type sx_toml_type_of(const sx_toml_node *node) {
    return node->type;
}
int sx_toml_line(const sx_toml_node *node) {
    return node->line;
}
int sx_toml_column(const sx_toml_node *node) {
    return node->column;
}
const char *sx_toml_key(const sx_toml_node *node) {
    return node->key;
}
int sx_toml_key_line(const sx_toml_node *node) {
    return node->key_line;
}
int sx_toml_key_column(const sx_toml_node *node) {
    return node->key_column;
}

int64_t sx_toml_count(const sx_toml_node *node) {
    return node->count;
}

const sx_toml_node *sx_toml_at(const sx_toml_node *node, int64_t i) {
    return i >= 0 && i < node->count ? node->child[i] : NULL;
}

const sx_toml_node *sx_toml_get(const sx_toml_node *table, const char *key) {
    if (!table || table->type != SX_TOML_TABLE) return NULL;
    for (int64_t i = 0; i < table->count; i++)
        if (strcmp(table->child[i]->key, key) == 0) return table->child[i];
    return NULL;
}

const char *sx_toml_string(const sx_toml_node *node, size_t *length) {
    if (length) *length = node->length;
    return node->text;
}
int64_t sx_toml_integer(const sx_toml_node *node) {
    return node->integer;
}
double sx_toml_float(const sx_toml_node *node) {
    return node->type == SX_TOML_INTEGER ? (double)node->integer : node->number;
}
bool sx_toml_bool(const sx_toml_node *node) {
    return node->boolean;
}

bool sx_toml_is_section(const sx_toml_node *node) {
    if (node->inlined) return false;
    if (node->type == SX_TOML_TABLE) return true;
    if (node->type != SX_TOML_ARRAY || node->count == 0) return false;
    for (int64_t i = 0; i < node->count; i++)
        if (node->child[i]->type != SX_TOML_TABLE || node->child[i]->inlined) return false;
    return true;
}

/* Where a node came from. The text is made at the first call and kept in the document (a document belongs to one thread). */
static const char *place(const sx_toml_node *node, int line, int column, char **slot) {
    if (node->cause) return node->cause;
    if (*slot) return *slot;
    sx_toml *t = node->doc;
    char *text, *kept;
    if (sx_format(t->ctx, &text, "%s:%d:%d", t->name, line, column) < 0) return t->name;
    const size_t n = strlen(text) + 1;
    if (sx_toml_take(t->ctx, t, n, 1, &kept) == SX_OK) {
        memcpy(kept, text, n);
        *slot = kept;
    }
    sx_free(t->ctx, text);
    return *slot ? *slot : t->name;
}

const char *sx_toml_origin(const sx_toml_node *node) {
    sx_toml_node *own = (sx_toml_node *)node;
    return place(node, node->line, node->column, &own->origin);
}

const char *sx_toml_key_origin(const sx_toml_node *node) {
    sx_toml_node *own = (sx_toml_node *)node;
    if (!node->key) return sx_toml_origin(node);
    return place(node, node->key_line, node->key_column, &own->key_origin);
}
