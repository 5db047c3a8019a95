// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Reading TOML tables by field tables: exact types, ranges, choices, unknown keys with the nearest name. */
#include "experiment/schema.h"
#include "core/number.h"
#include "experiment/data.h"
#include "experiment/refer.h"
#include "experiment/values.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct sx_arena_block {
    struct sx_arena_block *next;
    void *data;
};

sx_status sx_arena_alloc(sx_ctx *ctx, sx_arena *arena, int64_t n, size_t size, void *out) {
    struct sx_arena_block *b = NULL;
    void *data = NULL;
    SX_TRY(ctx, sx_alloc(ctx, n, size, &data));
    sx_status s = sx_alloc(ctx, 1, sizeof *b, &b);
    if (s < 0) {
        sx_free(ctx, data);
        return s;
    }
    b->data = data;
    b->next = arena->first;
    arena->first = b;
    memcpy(out, &data, sizeof data);
    return SX_OK;
}

sx_status sx_arena_strdup(sx_ctx *ctx, sx_arena *arena, const char *text, const char **out) {
    size_t n = strlen(text) + 1;
    char *p = NULL;
    SX_TRY(ctx, sx_arena_alloc(ctx, arena, (int64_t)n, 1, &p));
    memcpy(p, text, n);
    *out = p;
    return SX_OK;
}

void sx_arena_free(sx_ctx *ctx, sx_arena *arena) {
    for (struct sx_arena_block *b = arena->first; b;) {
        struct sx_arena_block *next = b->next;
        sx_free(ctx, b->data);
        sx_free(ctx, b);
        b = next;
    }
    arena->first = NULL;
}

/* ---------------------------------------------------------------------------------------------------------------- messages */

#define MESSAGE_SIZE 4096

sx_status sx_node_fail(const sx_reader *r, const sx_toml_node *node, sx_status status, const char *format, ...) {
    char text[MESSAGE_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return SX_FAIL(r->ctx, status, "%s: %s", node ? sx_toml_origin(node) : r->name, text);
}

/* The same at the place of the key. */
static sx_status key_fail(const sx_reader *r, const sx_toml_node *node, const char *format, ...) SX_PRINTF(3, 4);
static sx_status key_fail(const sx_reader *r, const sx_toml_node *node, const char *format, ...) {
    char text[MESSAGE_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return SX_FAIL(r->ctx, SX_E_USAGE, "%s: %s", sx_toml_key_origin(node), text);
}

sx_status sx_node_prefix(const sx_reader *r, const sx_toml_node *node, sx_status status) {
    const char *key = sx_toml_key(node);
    (void)sx_fail_prefix(r->ctx, "%s%s%s", sx_toml_origin(node), key ? ": " : "", key ? key : "");
    return status;
}

/* "KEY = VALUE: want WHAT", with the value cut to a readable length. */
static sx_status want(const sx_reader *r, const sx_toml_node *node, const sx_field *f, const char *what) {
    sx_buf value = { 0 };
    sx_buf_node(r->ctx, &value, node, NULL);
    bool longer = value.n > 60;
    char hint[512] = "";
    bool def = f && f->def && !sx_field_default_means_absent(f);
    if (f && f->help) snprintf(hint, sizeof hint, " (%s%s%s)", f->help, def ? "; default " : "", def ? f->def : "");
    const char *name = sx_toml_key(node) ? sx_toml_key(node) : f ? f->name : "element";
    sx_status s = sx_node_fail(r, node, SX_E_USAGE, "%s = %.*s%s: want %s%s", name, longer ? 57 : (int)value.n,
                               value.p ? value.p : "", longer ? "..." : "", what, hint);
    sx_free(r->ctx, value.p);
    return s;
}

/* A default outside of its own range stands for "not given": steps = 0, dt = 0, random = -1. */
bool sx_field_default_means_absent(const sx_field *f) {
    bool number = f->type == SX_F64 || f->type == SX_I64 || f->type == SX_U64 || f->type == SX_VALUES;
    double def;
    if (!number || !f->def || (f->lo == 0 && f->hi == 0)) return false;
    if (!sx_number_parse(f->def, &def)) return false;
    return def < f->lo || def > f->hi || ((f->flags & SX_LO_OPEN) && def == f->lo) ||
           ((f->flags & SX_HI_OPEN) && def == f->hi);
}

sx_status sx_schema_want(const sx_reader *r, const sx_toml_node *node, sx_toml_type type, const char *what) {
    return sx_toml_type_of(node) == type ? SX_OK : want(r, node, NULL, what);
}

sx_status sx_schema_string(const sx_reader *r, const sx_toml_node *node, const char **out) {
    size_t n;
    if (sx_toml_type_of(node) != SX_TOML_STRING) return want(r, node, NULL, "a string in quotes");
    const char *s = sx_toml_string(node, &n);
    if (strlen(s) != n) return sx_node_fail(r, node, SX_E_USAGE, "the text contains a zero character");
    return sx_arena_strdup(r->ctx, r->arena, s, out);
}

/* ------------------------------------------------------------------------------------------------------------ unknown keys */

static bool is_handled(const char *const *handled, const char *key) {
    for (; handled && *handled; handled++)
        if (strcmp(*handled, key) == 0) return true;
    return false;
}

static bool is_among(const char *const *names, int64_t n, const char *name) {
    for (int64_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0) return true;
    return false;
}

static sx_status unknown_key(const sx_reader *r, const sx_toml_node *node, const char *what, const sx_part *parts,
                             int n_parts, const char *const *handled) {
    const char *known[256];
    const char *key = sx_toml_key(node);
    int64_t n = 0;
    char list[2048];
    size_t used = 0;
    if (strcmp(key, "delay") == 0 || strcmp(key, "delays") == 0)
        return key_fail(r, node, "'%s' in %s: delays are not supported", key, what);
    for (int k = 0; handled && handled[k] && n < 256; k++) known[n++] = handled[k];
    for (int k = 0; k < n_parts; k++)
        for (const sx_field *f = parts[k].fields; f && f->name && n < 256; f++)
            if (!is_handled(handled, f->name) && !is_among(known, n, f->name)) known[n++] = f->name;
    list[0] = '\0';
    for (int64_t i = 0; i < n && used < sizeof list - 1; i++) {
        int w = snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", known[i]);
        used += w > 0 ? (size_t)w : 0;
    }
    const char *near = NULL;
    for (int64_t i = 0; i < n && !near; i++)
        if (strcasecmp(known[i], key) == 0) near = known[i];
    if (!near) near = sx_nearest(key, known, n);
    return key_fail(r, node, "unknown key '%s' in %s%s%s%s Known: %s", key, what, near ? "; did you mean '" : ".",
                    near ? near : "", near ? "'?" : "", list);
}

sx_status sx_schema_known(const sx_reader *r, const sx_toml_node *table, const char *what, const sx_part *parts,
                          int n_parts, const char *const *handled) {
    for (int64_t i = 0; i < sx_toml_count(table); i++) {
        const sx_toml_node *node = sx_toml_at(table, i);
        const char *key = sx_toml_key(node);
        bool found = is_handled(handled, key);
        for (int k = 0; k < n_parts && !found; k++) found = sx_field_find(parts[k].fields, key) != NULL;
        if (!found) return unknown_key(r, node, what, parts, n_parts, handled);
    }
    return SX_OK;
}

/* ------------------------------------------------------------------------------------------------------------ single values */

static bool in_range(const sx_field *f, double v) {
    if (f->lo == 0 && f->hi == 0) return true;
    bool low = (f->flags & SX_LO_OPEN) ? v > f->lo : v >= f->lo;
    bool high = (f->flags & SX_HI_OPEN) ? v < f->hi : v <= f->hi;
    return low && high;
}

/* "a value in (0, inf)" from the core's text of the range. */
static sx_status out_of_range(const sx_reader *r, const sx_toml_node *node, const sx_field *f, const char *noun) {
    char *range = NULL;
    char what[256];
    SX_TRY(r->ctx, sx_field_range(r->ctx, f, &range));
    snprintf(what, sizeof what, "%s%s%s", strncmp(range, "in ", 3) == 0 ? noun : "",
             strncmp(range, "in ", 3) == 0 ? " " : "", range);
    sx_free(r->ctx, range);
    return want(r, node, f, what);
}

sx_status sx_schema_number(const sx_reader *r, const sx_toml_node *node, const sx_field *f, double *out) {
    sx_toml_type t = sx_toml_type_of(node);
    if (t != SX_TOML_INTEGER && t != SX_TOML_FLOAT) return out_of_range(r, node, f, "a number");
    if (t == SX_TOML_INTEGER) {
        int64_t i = sx_toml_integer(node);
        if (i > (INT64_C(1) << 53) || i < -(INT64_C(1) << 53))
            return want(r, node, f, "an integer of at most 2^53, or a number with a decimal point");
    }
    double v = sx_toml_float(node);
    if (!isfinite(v)) return want(r, node, f, "a finite number");
    if (!in_range(f, v)) return out_of_range(r, node, f, "a value");
    *out = v;
    return SX_OK;
}

static sx_status read_integer(const sx_reader *r, const sx_toml_node *node, const sx_field *f, int64_t *out) {
    if (sx_toml_type_of(node) != SX_TOML_INTEGER) return out_of_range(r, node, f, "an integer");
    int64_t i = sx_toml_integer(node);
    if (f->type == SX_U64 && i < 0) return want(r, node, f, "an integer >= 0");
    if (!in_range(f, (double)i)) return out_of_range(r, node, f, "an integer");
    *out = i;
    return SX_OK;
}

static sx_status read_choice(const sx_reader *r, const sx_toml_node *node, const sx_field *f, int *out) {
    if (sx_toml_type_of(node) != SX_TOML_STRING) return out_of_range(r, node, f, "a string in quotes");
    const char *s = sx_toml_string(node, NULL);
    int k = sx_choice_index(f->choices, s);
    if (k >= 0) {
        *out = k;
        return SX_OK;
    }
    char names[32][48], what[1200];
    const char *known[32];
    int n = 0;
    while (n < 32 && strcmp(sx_choice_name(f->choices, n, names[n], sizeof names[n]), "?") != 0) {
        known[n] = names[n];
        n++;
    }
    size_t used = (size_t)snprintf(what, sizeof what, "one of ");
    for (int i = 0; i < n && used < sizeof what - 64; i++)
        used += (size_t)snprintf(what + used, sizeof what - used, "%s%s", i ? ", " : "", known[i]);
    const char *near = sx_nearest(s, known, n);
    if (near) snprintf(what + used, sizeof what - used, "; did you mean '%s'?", near);
    return want(r, node, f, what);
}

static sx_status read_strings(const sx_reader *r, const sx_toml_node *node, const sx_field *f, sx_strings *out) {
    if (sx_toml_type_of(node) != SX_TOML_ARRAY) return want(r, node, f, "a list of strings");
    const char **text = NULL;
    int64_t n = sx_toml_count(node);
    SX_TRY(r->ctx, sx_arena_alloc(r->ctx, r->arena, n, sizeof *text, &text));
    for (int64_t i = 0; i < n; i++) SX_TRY(r->ctx, sx_schema_string(r, sx_toml_at(node, i), &text[i]));
    out->n = n;
    out->text = text;
    return SX_OK;
}

/* ------------------------------------------------------------------------------------------------------------------- tables */

static sx_status read_tables(const sx_reader *r, const sx_toml_node *node, const sx_field *f, sx_tables *out) {
    if (sx_toml_type_of(node) != SX_TOML_ARRAY) return want(r, node, f, "a list of tables");
    int64_t n = sx_toml_count(node);
    unsigned char *items = NULL;
    SX_TRY(r->ctx, sx_arena_alloc(r->ctx, r->arena, n, f->sub_size, &items));
    for (int64_t i = 0; i < n; i++) {
        const sx_toml_node *child = sx_toml_at(node, i);
        char what[128];
        snprintf(what, sizeof what, "%s[%lld]", f->name, (long long)i);
        if (sx_toml_type_of(child) != SX_TOML_TABLE) return want(r, child, f, "a table");
        sx_part part = { f->sub, items + (size_t)i * f->sub_size };
        SX_TRY(r->ctx, sx_schema_read(r, child, what, &part, 1, NULL));
    }
    out->n = n;
    out->items = items;
    return SX_OK;
}

static sx_status read_field(const sx_reader *r, const sx_toml_node *node, const sx_field *f, void *opts) {
    unsigned char *p = (unsigned char *)opts + f->offset;
    bool word = false;
    /* A number that may also be one of a few words: replicas = K | "trials". The word sets the bool at `given`. */
    if ((f->type == SX_I64 || f->type == SX_F64) && f->choices && sx_toml_type_of(node) == SX_TOML_STRING) {
        int k;
        SX_TRY(r->ctx, read_choice(r, node, f, &k));
        word = true;
    } else {
        switch (f->type) {
        case SX_BOOL:
            if (sx_toml_type_of(node) != SX_TOML_BOOL) return want(r, node, f, "true or false");
            *(bool *)p = sx_toml_bool(node);
            break;
        case SX_I64:
        case SX_U64:
            SX_TRY(r->ctx, read_integer(r, node, f, (int64_t *)(void *)p));
            break;
        case SX_F64:
            SX_TRY(r->ctx, sx_schema_number(r, node, f, (double *)(void *)p));
            break;
        case SX_STRING:
            if (f->flags & SX_TASK_NAME)
                SX_TRY(r->ctx, sx_refer_task(r, node, (const char **)(void *)p));
            else
                SX_TRY(r->ctx, sx_schema_string(r, node, (const char **)(void *)p));
            break;
        case SX_ENUM:
            SX_TRY(r->ctx, read_choice(r, node, f, (int *)(void *)p));
            break;
        case SX_VALUES:
            SX_TRY(r->ctx, sx_values_read(r, node, f, (sx_values *)(void *)p));
            break;
        case SX_UNITS:
            SX_TRY(r->ctx, sx_units_read(r, node, f, (sx_units *)(void *)p));
            break;
        case SX_STRINGS:
            SX_TRY(r->ctx, read_strings(r, node, f, (sx_strings *)(void *)p));
            break;
        case SX_TABLE: {
            if (sx_toml_type_of(node) != SX_TOML_TABLE) return want(r, node, f, "a table { ... }");
            sx_part part = { f->sub, p };
            SX_TRY(r->ctx, sx_schema_read(r, node, f->name, &part, 1, NULL));
            break;
        }
        case SX_TABLES:
            SX_TRY(r->ctx, read_tables(r, node, f, (sx_tables *)(void *)p));
            break;
        case SX_INITIAL:
            SX_TRY(r->ctx, sx_initial_read(r, node, f, (sx_initial *)(void *)p));
            break;
        case SX_DATA:
            SX_TRY(r->ctx, sx_data_find(r, node, (sx_data *)(void *)p));
            break;
        case SX_POINTS:
            SX_TRY(r->ctx, sx_refer_points(r, node, f, (sx_points *)(void *)p));
            break;
        }
    }
    if (f->given) *((bool *)((unsigned char *)opts + f->given)) = f->choices && f->type != SX_ENUM ? word : true;
    return SX_OK;
}

/* A quoted default needs memory. Values without a number stay absent: the model knows their default, and whether they have a meaning. */
static sx_status default_text(const sx_reader *r, const sx_field *f, void *opts) {
    char text[256];
    if (f->type != SX_STRING || !f->def || f->def[0] != '"') return SX_OK;
    snprintf(text, sizeof text, "%.*s", (int)strlen(f->def) - 2, f->def + 1);
    return sx_arena_strdup(r->ctx, r->arena, text, (const char **)(void *)((unsigned char *)opts + f->offset));
}

sx_status sx_schema_read(const sx_reader *r, const sx_toml_node *table, const char *what, const sx_part *parts,
                         int n_parts, const char *const *handled) {
    for (int k = 0; k < n_parts; k++) sx_fields_default(parts[k].fields, parts[k].opts);
    SX_TRY(r->ctx, sx_schema_known(r, table, what, parts, n_parts, handled));
    for (int64_t i = 0; i < sx_toml_count(table); i++) {
        const sx_toml_node *node = sx_toml_at(table, i);
        const char *key = sx_toml_key(node);
        if (is_handled(handled, key)) continue;
        for (int k = 0; k < n_parts; k++) {
            const sx_field *f = sx_field_find(parts[k].fields, key);
            if (!f) continue;
            SX_TRY(r->ctx, read_field(r, node, f, parts[k].opts));
            break;
        }
    }
    for (int k = 0; k < n_parts; k++)
        for (const sx_field *f = parts[k].fields; f && f->name; f++) {
            if (sx_toml_get(table, f->name) || is_handled(handled, f->name)) continue;
            if (f->flags & SX_REQUIRED)
                return sx_node_fail(r, table, SX_E_USAGE, "%s: '%s' is missing (%s)", what, f->name,
                                    f->help ? f->help : "required");
            SX_TRY(r->ctx, default_text(r, f, parts[k].opts));
        }
    return SX_OK;
}
