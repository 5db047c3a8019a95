// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Changes of a TOML document: --set KEY=VALUE and the defaults of a resolved experiment. Everything is prepared first; the document
 * changes in one last step that cannot fail. */
#include "io/toml_tree.h"

#include <string.h>

/* One change: where (path), what (value), what to call it in messages (cause). */
typedef struct change {
    sx_toml *t;
    const char *cause;
    const char *part[SX_TOML_MAX_DEPTH];
    int parts;
    sx_toml_node *value;
} change;

/* -- the path -------------------------------------------------------------------------------------------------------- */
static bool bare(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* Split n bytes at the dots; parts are bare or in quotes ("a.b".c). */
static sx_status split(sx_ctx *ctx, change *c, const char *path, size_t n) {
    size_t i = 0;
    for (;;) {
        while (i < n && path[i] == ' ') i++;
        size_t from = i, to;
        if (i < n && (path[i] == '"' || path[i] == '\'')) {
            const char quote = path[i++];
            from = i;
            while (i < n && path[i] != quote && path[i] != '\\') i++;
            if (i >= n || path[i] != quote)
                return SX_FAIL(ctx, SX_E_USAGE, "%s: the quote in the key has no end (or a backslash)", c->cause);
            to = i++;
        } else {
            while (i < n && bare(path[i])) i++;
            to = i;
            if (to == from)
                return SX_FAIL(ctx, SX_E_USAGE,
                               "%s: a key is names of letters, digits, _ and - joined by dots, such as task.traj.dt; "
                               "not so at byte %zu",
                               c->cause, i + 1);
        }
        while (i < n && path[i] == ' ') i++;
        if (c->parts == SX_TOML_MAX_DEPTH)
            return SX_FAIL(ctx, SX_E_USAGE, "%s: a key of more than %d parts", c->cause, SX_TOML_MAX_DEPTH);
        if (to - from > SX_TOML_MAX_STRING)
            return SX_FAIL(ctx, SX_E_USAGE, "%s: a name is longer than 64 KB", c->cause);
        SX_TRY(ctx, sx_toml_take_text(ctx, c->t, path + from, to - from, &c->part[c->parts++]));
        if (i == n) return SX_OK;
        if (path[i] != '.') return SX_FAIL(ctx, SX_E_USAGE, "%s: want a dot or '=' at byte %zu", c->cause, i + 1);
        i++;
    }
}

/* The first '=' outside quotes. */
static const char *equals(const char *s) {
    for (char quote = 0; *s; s++) {
        if (quote)
            quote = *s == quote ? 0 : quote;
        else if (*s == '"' || *s == '\'')
            quote = *s;
        else if (*s == '=')
            return s;
    }
    return NULL;
}

/* -- the value ------------------------------------------------------------------------------------------------------- */
/* Text that needs no quotes: names, paths, formulas; nothing that looks like broken TOML. */
static bool bare_string(const char *s, size_t n) {
    if (n == 0 || n > SX_TOML_MAX_STRING) return false;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] < 0x20 || s[i] == 0x7F || strchr("\"'[]{}#=,\\", s[i])) return false;
    return true;
}

static sx_status parse_value(sx_ctx *ctx, change *c, const char *text, bool strict) {
    while (*text == ' ' || *text == '\t') text++;
    size_t n = strlen(text);
    while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\t')) n--;
    if (n == 0) return SX_FAIL(ctx, SX_E_USAGE, "%s: there is no value; an empty string is \"\"", c->cause);
    if (n > SX_TOML_MAX_TEXT) return SX_FAIL(ctx, SX_E_USAGE, "%s: the value is longer than 1 MB", c->cause);
    char *line;
    sx_toml_node *root = NULL;
    SX_TRY(ctx, sx_format(ctx, &line, "v = %.*s\n", (int)n, text));
    sx_toml *probe; /* a document of its own: its checks, without places */
    sx_status status = sx_toml_parse(ctx, c->cause, line, strlen(line), &probe);
    if (status == SX_OK) {
        sx_toml_free(ctx, probe);
        status = sx_toml_build(ctx, c->t, line, strlen(line), c->cause, &root);
    }
    sx_free(ctx, line);
    if (status == SX_OK) {
        if (root->count != 1) return SX_FAIL(ctx, SX_E_USAGE, "%s: want one value, not further keys", c->cause);
        c->value = root->child[0];
        c->t->n_keys--; /* the helper key v */
        return SX_OK;
    }
    if (status != SX_E_USAGE) return status;
    if (strict || !bare_string(text, n)) {
        return SX_FAIL(ctx, SX_E_USAGE,
                       "%s: the value is neither TOML nor a plain word (quote strings: KEY='\"text\"')", c->cause);
    }
    sx_ctx_clear(ctx);
    sx_toml_node *v;
    SX_TRY(ctx, sx_toml_take(ctx, c->t, 1, sizeof *v, &v));
    SX_TRY(ctx, sx_toml_take_text(ctx, c->t, text, n, &v->text));
    v->type = SX_TOML_STRING;
    v->length = n;
    v->doc = c->t;
    v->cause = c->cause;
    c->value = v;
    return SX_OK;
}

/* -- finding --------------------------------------------------------------------------------------------------------- */
/* What an element of an array of tables is called: its `name`, else its `do`. */
static const char *element_name(const sx_toml_node *element) {
    const sx_toml_node *name = sx_toml_get(element, "name");
    if (!name) name = sx_toml_get(element, "do");
    return name && name->type == SX_TOML_STRING ? name->text : NULL;
}

static sx_status find_element(sx_ctx *ctx, const change *c, const sx_toml_node *array, const char *part, int64_t *out) {
    int64_t found = -1;
    for (int64_t i = 0; i < array->count; i++) {
        const char *name = element_name(array->child[i]);
        if (!name || strcmp(name, part) != 0) continue;
        if (found >= 0)
            return SX_FAIL(ctx, SX_E_USAGE, "%s: elements %lld and %lld are both called \"%s\"; use the number",
                           c->cause, (long long)found, (long long)i, part);
        found = i;
    }
    if (found < 0 && part[0] && strlen(part) <= 9 && strspn(part, "0123456789") == strlen(part)) {
        int64_t index = 0;
        for (const char *p = part; *p; p++) index = 10 * index + (*p - '0');
        if (index < array->count) found = index;
    }
    if (found >= 0) {
        *out = found;
        return SX_OK;
    }
    char names[256] = "";
    size_t used = 0;
    for (int64_t i = 0; i < array->count; i++) {
        const char *name = element_name(array->child[i]);
        if (!name || strlen(name) + used + 8 > sizeof names) continue;
        if (used) memcpy(names + used, ", ", 2), used += 2;
        memcpy(names + used, name, strlen(name));
        used += strlen(name);
    }
    return SX_FAIL(ctx, SX_E_USAGE, "%s: no element \"%s\" among %lld%s%s", c->cause, part, (long long)array->count,
                   used ? ": " : "", names);
}

static const char *type_name(sx_toml_type type) {
    static const char *const names[] = { "a table",  "an array",  "a string", "an integer",
                                         "a number", "a boolean", "a date" };
    return names[type];
}

/* -- changing -------------------------------------------------------------------------------------------------------- */
static int depth_of(const sx_toml_node *node) {
    int deepest = 0;
    for (int64_t i = 0; i < node->count; i++) {
        const int d = 1 + depth_of(node->child[i]);
        if (d > deepest) deepest = d;
    }
    return deepest;
}

/* Hang `node` into a table: plain keys stay before the first section, so that the printed text keeps its shape. Room is there. */
static void insert(sx_toml_node *table, sx_toml_node *node) {
    int64_t at = table->count;
    if (!sx_toml_is_section(node)) {
        at = 0;
        for (int64_t i = 0; i < table->count; i++)
            if (!sx_toml_is_section(table->child[i])) at = i + 1;
    }
    memmove(table->child + at + 1, table->child + at, (size_t)(table->count - at) * sizeof *table->child);
    table->child[at] = node;
    table->count++;
}

static sx_status make_room(sx_ctx *ctx, sx_toml *t, sx_toml_node *table) {
    if (table->count < table->space) return SX_OK;
    const int64_t space = 2 * table->space + 4;
    sx_toml_node **child;
    SX_TRY(ctx, sx_toml_take(ctx, t, (size_t)space, sizeof *child, &child));
    if (table->count) memcpy(child, table->child, (size_t)table->count * sizeof *child);
    table->child = child;
    table->space = space;
    return SX_OK;
}

/* Put the value in place; missing tables are made. only_new: an existing key stays as it is. */
static sx_status apply(sx_ctx *ctx, change *c, bool only_new) {
    sx_toml_node *node = c->t->root;
    int level = 0;
    int64_t at = -1;
    for (; level < c->parts; level++) { /* as far as the document goes */
        at = -1;
        if (node->type == SX_TOML_ARRAY) {
            SX_TRY(ctx, find_element(ctx, c, node, c->part[level], &at));
        } else if (node->type == SX_TOML_TABLE) {
            for (int64_t i = 0; i < node->count && at < 0; i++)
                if (strcmp(node->child[i]->key, c->part[level]) == 0) at = i;
        } else {
            return SX_FAIL(ctx, SX_E_USAGE, "%s: \"%s\" is %s and holds no key \"%s\"", c->cause, c->part[level - 1],
                           type_name(node->type), c->part[level]);
        }
        if (at < 0 || level == c->parts - 1) break;
        node = node->child[at];
    }
    if (at >= 0 && only_new) return SX_OK;
    if (c->parts + depth_of(c->value) > SX_TOML_MAX_DEPTH)
        return SX_FAIL(ctx, SX_E_USAGE, "%s: tables and arrays would nest more than %d deep", c->cause,
                       SX_TOML_MAX_DEPTH);
    if (at >= 0) { /* replace */
        const sx_toml_node *old = node->child[at];
        c->value->key = old->key;
        node->child[at] = c->value;
        return SX_OK;
    }
    if (c->t->n_keys + c->parts - level > SX_TOML_MAX_KEYS)
        return SX_FAIL(ctx, SX_E_USAGE, "%s: more than %d keys", c->cause, SX_TOML_MAX_KEYS);
    SX_TRY(ctx, make_room(ctx, c->t, node));
    sx_toml_node *hang = c->value; /* the chain of new tables around the value, innermost first */
    hang->key = c->part[c->parts - 1];
    for (int i = c->parts - 2; i >= level; i--) {
        sx_toml_node *table;
        SX_TRY(ctx, sx_toml_take(ctx, c->t, 1, sizeof *table, &table));
        table->type = SX_TOML_TABLE;
        table->inlined = node->inlined;
        table->doc = c->t;
        table->cause = c->cause;
        table->key = c->part[i];
        SX_TRY(ctx, make_room(ctx, c->t, table));
        insert(table, hang);
        hang = table;
    }
    insert(node, hang);
    c->t->n_keys += c->parts - level;
    return SX_OK;
}

sx_status sx_toml_set(sx_ctx *ctx, sx_toml *t, const char *assignment) {
    change c = { .t = t };
    if (strlen(assignment) > SX_TOML_MAX_TEXT)
        return SX_FAIL(ctx, SX_E_USAGE, "--set: the assignment is longer than 1 MB");
    char *cause;
    SX_TRY(ctx, sx_toml_take(ctx, t, strlen(assignment) + 7, 1, &cause));
    memcpy(cause, "--set ", 6);
    memcpy(cause + 6, assignment, strlen(assignment));
    c.cause = cause;
    const char *eq = equals(assignment);
    if (!eq) return SX_FAIL(ctx, SX_E_USAGE, "%s: want KEY=VALUE, such as task.traj.dt=0.01", c.cause);
    SX_TRY(ctx, split(ctx, &c, assignment, (size_t)(eq - assignment)));
    SX_TRY(ctx, parse_value(ctx, &c, eq + 1, false));
    return apply(ctx, &c, false);
}

sx_status sx_toml_put(sx_ctx *ctx, sx_toml *t, const char *path, const char *toml_value) {
    change c = { .t = t };
    char *cause;
    SX_TRY(ctx, sx_toml_take(ctx, t, strlen(path) + 9, 1, &cause));
    memcpy(cause, "default ", 8);
    memcpy(cause + 8, path, strlen(path));
    c.cause = cause;
    SX_TRY(ctx, split(ctx, &c, path, strlen(path)));
    SX_TRY(ctx, parse_value(ctx, &c, toml_value, true));
    return apply(ctx, &c, true);
}
