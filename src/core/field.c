// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Field tables: defaults, checks, the wording of what is allowed, nearest names. */
#include <separatrix/field.h>

#include "core/number.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- choices --------------------------------------------------------------------------------------------------------------------- */

/* the next of "a|b|c", its length in *n; NULL at the end */
static const char *next_choice(const char **rest, size_t *n) {
    const char *p = *rest;
    if (!p) return NULL;
    *n = strcspn(p, "|");
    *rest = p[*n] ? p + *n + 1 : NULL;
    return p;
}

static int find_choice(const char *choices, const char *name, size_t length) {
    size_t n;
    const char *p;
    for (int i = 0; (p = next_choice(&choices, &n)); ++i)
        if (n == length && !memcmp(p, name, n)) return i;
    return -1;
}

int sx_choice_index(const char *choices, const char *name) {
    return choices && name ? find_choice(choices, name, strlen(name)) : -1;
}

const char *sx_choice_name(const char *choices, int index, char *buf, size_t size) {
    size_t n = 0;
    const char *p = NULL;
    for (int i = 0; i <= index && (p = next_choice(&choices, &n)); ++i) {
    }
    if (p && index >= 0)
        snprintf(buf, size, "%.*s", (int)n, p);
    else
        snprintf(buf, size, "?");
    return buf;
}

static int count_choices(const char *choices) {
    size_t n;
    int count = 0;
    while (next_choice(&choices, &n)) ++count;
    return count;
}

/* -- defaults -------------------------------------------------------------------------------------------------------------------- */

static void put(void *opts, size_t offset, const void *value, size_t size) {
    memcpy((char *)opts + offset, value, size);
}

static const void *at(const void *opts, size_t offset) {
    return (const char *)opts + offset;
}

static int64_t integer_default(const char *def) {
    char plain[32];
    size_t n = 0;
    for (const char *p = def; *p && n + 1 < sizeof plain; ++p)
        if (*p != '_') plain[n++] = *p;
    plain[n] = '\0';
    /* U64 beyond 2^63 wraps to the same bits */
    return plain[0] == '-' ? strtoll(plain, NULL, 10) : (int64_t)strtoull(plain, NULL, 10);
}

/* "\"heun\"" or "heun" -> index; 0 if it is no choice */
static int enum_default(const sx_field *f) {
    const char *text = f->def;
    size_t n = strlen(text);
    if (n >= 2 && text[0] == '"' && text[n - 1] == '"') {
        ++text;
        n -= 2;
    }
    int index = find_choice(f->choices, text, n);
    if (index < 0) index = (int)strtol(text, NULL, 10);
    return index;
}

static void field_default(const sx_field *f, void *opts) {
    const char *def = f->def;
    switch (f->type) {
    case SX_BOOL: {
        bool value = def && !strcmp(def, "true");
        put(opts, f->offset, &value, sizeof value);
        break;
    }
    case SX_I64:
    case SX_U64: {
        int64_t value = def ? integer_default(def) : 0;
        put(opts, f->offset, &value, sizeof value);
        break;
    }
    case SX_F64: {
        double value = 0;
        if (def && !sx_number_parse(def, &value)) value = (double)NAN;
        put(opts, f->offset, &value, sizeof value);
        break;
    }
    case SX_ENUM: {
        int value = def ? enum_default(f) : 0;
        put(opts, f->offset, &value, sizeof value);
        break;
    }
    case SX_STRING: {
        /* a quoted text other than "" has no place without its quotes: the experiment parser, which owns memory, sets it */
        const char *value = !def ? NULL : def[0] != '"' ? def : !strcmp(def, "\"\"") ? "" : NULL;
        put(opts, f->offset, &value, sizeof value);
        break;
    }
    case SX_VALUES: {
        sx_values value = { .n = 0, .data = NULL };
        put(opts, f->offset, &value, sizeof value);
        break;
    }
    case SX_UNITS: {
        sx_units value = { .n = 0, .index = NULL };
        put(opts, f->offset, &value, sizeof value);
        break;
    }
    case SX_STRINGS: {
        sx_strings value = { .n = 0, .text = NULL };
        put(opts, f->offset, &value, sizeof value);
        break;
    }
    case SX_TABLES: {
        sx_tables value = { .n = 0, .items = NULL };
        put(opts, f->offset, &value, sizeof value);
        break;
    }
    case SX_TABLE:
        if (f->sub) sx_fields_default(f->sub, (char *)opts + f->offset);
        break;
    case SX_INITIAL: {
        sx_initial value;
        memset(&value, 0, sizeof value);
        put(opts, f->offset, &value, sizeof value);
        break;
    }
    case SX_DATA: {
        sx_data value;
        memset(&value, 0, sizeof value);
        put(opts, f->offset, &value, sizeof value);
        break;
    }
    case SX_POINTS: {
        sx_points value;
        memset(&value, 0, sizeof value);
        put(opts, f->offset, &value, sizeof value);
        break;
    }
    }
    if (f->given) {
        bool no = false;
        put(opts, f->given, &no, sizeof no);
    }
}

void sx_fields_default(const sx_field *table, void *opts) {
    for (const sx_field *f = table; f->name; ++f) field_default(f, opts);
}

/* -- ranges ---------------------------------------------------------------------------------------------------------------------- */

static bool is_unbounded(const sx_field *f) {
    return f->lo == 0 && f->hi == 0;
}

/* An infinite end is open, unless infinity is the default and so has a meaning. */
static bool is_open(const sx_field *f, double end, sx_field_flag flag) {
    double def;
    return (f->flags & (unsigned)flag) || (isinf(end) && !(f->def && sx_number_parse(f->def, &def) && def == end));
}

static bool in_range(const sx_field *f, double x) {
    if (is_unbounded(f)) return true;
    return (is_open(f, f->lo, SX_LO_OPEN) ? x > f->lo : x >= f->lo) &&
           (is_open(f, f->hi, SX_HI_OPEN) ? x < f->hi : x <= f->hi);
}

sx_status sx_field_range(sx_ctx *ctx, const sx_field *f, char **out) {
    char lo[32], hi[32], interval[80] = "";
    if (!is_unbounded(f))
        snprintf(interval, sizeof interval, "in %c%s, %s%c", is_open(f, f->lo, SX_LO_OPEN) ? '(' : '[',
                 sx_number_print(lo, f->lo), sx_number_print(hi, f->hi), is_open(f, f->hi, SX_HI_OPEN) ? ')' : ']');
    switch (f->type) {
    case SX_BOOL:
        return sx_format(ctx, out, "true or false");
    case SX_I64:
    case SX_U64:
        return sx_format(ctx, out, "an integer%s%s%s", *interval ? " " : "", interval,
                         f->type == SX_U64 && !*interval ? " >= 0" : "");
    case SX_F64:
        return sx_format(ctx, out, "%s", *interval ? interval : "a number");
    case SX_VALUES:
        return sx_format(ctx, out, "%s",
                         *interval               ? interval
                         : f->flags & SX_NO_LIST ? "a number"
                                                 : "a number or a list");
    case SX_STRING:
        return sx_format(ctx, out, "a text");
    case SX_UNITS:
        return sx_format(ctx, out, "a list of unit labels or indices");
    case SX_STRINGS:
        return sx_format(ctx, out, "a list of texts");
    case SX_TABLE:
        return sx_format(ctx, out, "a table { key = value }");
    case SX_TABLES:
        return sx_format(ctx, out, "a list of tables");
    case SX_INITIAL:
        return sx_format(ctx, out, "\"zero\", a list of numbers, or a table { kind = } | { file = } | { task = }");
    case SX_DATA:
        return sx_format(ctx, out, "the name of a section [data.NAME]");
    case SX_POINTS:
        return sx_format(ctx, out,
                         "\"origin\", a list of points, or a table { file = } | { task =, select = | near = }");
    case SX_ENUM:
        break;
    }
    char *text;
    size_t size = sizeof "one of " + 2 * strlen(f->choices) + 1, used, n;
    SX_TRY(ctx, sx_alloc(ctx, (int64_t)size, 1, &text));
    used = (size_t)snprintf(text, size, "one of ");
    const char *rest = f->choices, *p;
    for (int i = 0; (p = next_choice(&rest, &n)); ++i)
        used += (size_t)snprintf(text + used, size - used, "%s%.*s", i ? ", " : "", (int)n, p);
    *out = text;
    return SX_OK;
}

/* -- checks ---------------------------------------------------------------------------------------------------------------------- */

/* "NAME.dt[3] = 0: want a value in (0, inf) (time step; default 0.01)". index < 0: no index. value NULL: it is missing. */
static sx_status refuse(sx_ctx *ctx, const sx_field *f, const char *name, int64_t index, const char *value) {
    char place[40] = "", *range;
    if (index >= 0) snprintf(place, sizeof place, "[%" PRId64 "]", index);
    SX_TRY(ctx, sx_field_range(ctx, f, &range));
    const char *help = f->help ? f->help : "";
    size_t n = strlen(help);
    if (n && help[n - 1] == '.') --n;
    bool def = f->def && !(f->flags & SX_REQUIRED);
    sx_status status = SX_FAIL(ctx, SX_E_USAGE, "%s.%s%s%s%s: want %s%s%s%.*s%s%s%s%s", name, f->name, place,
                               value ? " = " : " is missing", value ? value : "",
                               !strncmp(range, "in ", 3) ? "a value " : "", range, n || def ? " (" : "", (int)n, help,
                               n && def ? "; " : "", def ? "default " : "", def ? f->def : "", n || def ? ")" : "");
    sx_free(ctx, range);
    return status;
}

/* The default may lie outside of the range of given values: then it means "not given" (dt = 0: chosen by the task). */
static bool is_default(const sx_field *f, double x) {
    double def;
    return f->def && sx_number_parse(f->def, &def) && x == def;
}

static sx_status check_number(sx_ctx *ctx, const sx_field *f, const char *name, int64_t index, double x) {
    char text[32];
    double def;
    /* NaN means "not given" where that is the default or there is none */
    if (isnan(x)) {
        bool means_absent =
            f->def ? sx_number_parse(f->def, &def) && isnan(def) : !(f->flags & SX_REQUIRED) && index < 0;
        return means_absent ? SX_OK : refuse(ctx, f, name, index, "nan");
    }
    return in_range(f, x) || is_default(f, x) ? SX_OK : refuse(ctx, f, name, index, sx_number_print(text, x));
}

static sx_status check_values(sx_ctx *ctx, const sx_field *f, const char *name, const sx_values *v) {
    char text[64];
    if (v->n < 0 || (v->n > 0 && !v->data))
        return SX_FAIL(ctx, SX_E_USAGE, "%s.%s: %" PRId64 " numbers without data", name, f->name, v->n);
    if (v->n > 1 && (f->flags & SX_NO_LIST)) {
        snprintf(text, sizeof text, "a list of %" PRId64, v->n);
        return refuse(ctx, f, name, -1, text);
    }
    if (v->n == 0 && (f->flags & SX_REQUIRED)) return refuse(ctx, f, name, -1, NULL);
    for (int64_t i = 0; i < v->n; ++i) SX_TRY(ctx, check_number(ctx, f, name, v->n == 1 ? -1 : i, v->data[i]));
    return SX_OK;
}

static sx_status check_tables(sx_ctx *ctx, const sx_field *f, const char *name, const sx_tables *t) {
    if (t->n < 0 || (t->n > 0 && !t->items))
        return SX_FAIL(ctx, SX_E_USAGE, "%s.%s: %" PRId64 " tables without data", name, f->name, t->n);
    if (t->n == 0 && (f->flags & SX_REQUIRED)) return refuse(ctx, f, name, -1, NULL);
    sx_status status = SX_OK;
    for (int64_t i = 0; i < t->n && status >= 0; ++i) {
        char *inner;
        SX_TRY(ctx, sx_format(ctx, &inner, "%s.%s[%" PRId64 "]", name, f->name, i));
        status = sx_fields_check(ctx, f->sub, at(t->items, (size_t)i * f->sub_size), inner);
        sx_free(ctx, inner);
    }
    return status;
}

static sx_status check_points(sx_ctx *ctx, const sx_field *f, const char *name, const void *p) {
    sx_points x;
    memcpy(&x, p, sizeof x);
    bool good = x.n >= -1 && (x.n <= 0 || (x.x && x.size > 0)) && x.jitter >= 0 && (!x.input || x.channels > 0);
    return good ? SX_OK
                : SX_FAIL(ctx, SX_E_USAGE, "%s.%s: want n >= -1 points of size numbers and jitter >= 0", name, f->name);
}

static sx_status check_initial(sx_ctx *ctx, const sx_field *f, const char *name, const sx_initial *x) {
    if (x->kind < SX_INITIAL_ZERO || x->kind > SX_INITIAL_UNIFORM)
        return SX_FAIL(ctx, SX_E_USAGE, "%s.%s.kind = %d: want zero, values, gaussian or uniform", name, f->name,
                       x->kind);
    if (x->kind == SX_INITIAL_VALUES) return check_values(ctx, f, name, &x->values);
    char a[32], b[32];
    if (x->kind == SX_INITIAL_GAUSSIAN && !(isfinite(x->mean) && isfinite(x->sd) && x->sd >= 0))
        return SX_FAIL(ctx, SX_E_USAGE, "%s.%s: mean = %s, sd = %s: want finite numbers, sd >= 0", name, f->name,
                       sx_number_print(a, x->mean), sx_number_print(b, x->sd));
    if (x->kind == SX_INITIAL_UNIFORM && !(isfinite(x->lo) && isfinite(x->hi) && x->lo <= x->hi))
        return SX_FAIL(ctx, SX_E_USAGE, "%s.%s: lo = %s, hi = %s: want finite numbers, lo <= hi", name, f->name,
                       sx_number_print(a, x->lo), sx_number_print(b, x->hi));
    return SX_OK;
}

static sx_status check_field(sx_ctx *ctx, const sx_field *f, const void *opts, const char *name) {
    char text[48];
    const void *p = at(opts, f->offset);
    bool given = !f->given || *(const bool *)at(opts, f->given);
    if (!given && (f->flags & SX_REQUIRED)) return refuse(ctx, f, name, -1, NULL);
    /* what was not given and has no default is not looked at; an enum then may hold -1 */
    if (!given && (!f->def || f->type == SX_ENUM || (f->type == SX_TABLE && (f->flags & SX_OPTIONAL)))) return SX_OK;
    switch (f->type) {
    case SX_BOOL:
    case SX_UNITS:
    case SX_STRINGS:
        return SX_OK;
    case SX_I64: {
        int64_t x;
        memcpy(&x, p, sizeof x);
        snprintf(text, sizeof text, "%" PRId64, x);
        return in_range(f, (double)x) || is_default(f, (double)x) ? SX_OK : refuse(ctx, f, name, -1, text);
    }
    case SX_U64: {
        uint64_t x;
        memcpy(&x, p, sizeof x);
        snprintf(text, sizeof text, "%" PRIu64, x);
        return in_range(f, (double)x) || is_default(f, (double)x) ? SX_OK : refuse(ctx, f, name, -1, text);
    }
    case SX_F64: {
        double x;
        memcpy(&x, p, sizeof x);
        return check_number(ctx, f, name, -1, x);
    }
    case SX_ENUM: {
        int x;
        memcpy(&x, p, sizeof x);
        snprintf(text, sizeof text, "number %d", x);
        return x >= 0 && x < count_choices(f->choices) ? SX_OK : refuse(ctx, f, name, -1, text);
    }
    case SX_STRING: {
        const char *x;
        memcpy(&x, p, sizeof x);
        return x || !(f->flags & SX_REQUIRED) ? SX_OK : refuse(ctx, f, name, -1, NULL);
    }
    case SX_VALUES:
        return check_values(ctx, f, name, p);
    case SX_TABLES:
        return check_tables(ctx, f, name, p);
    case SX_INITIAL:
        return check_initial(ctx, f, name, p);
    case SX_DATA: {
        sx_data x;
        memcpy(&x, p, sizeof x);
        if (x.name || !(f->flags & SX_REQUIRED)) return SX_OK;
        return refuse(ctx, f, name, -1, NULL);
    }
    case SX_POINTS:
        return check_points(ctx, f, name, p);
    case SX_TABLE:
        break;
    }
    if (!f->sub) return SX_OK;
    char *inner;
    SX_TRY(ctx, sx_format(ctx, &inner, "%s.%s", name, f->name));
    sx_status status = sx_fields_check(ctx, f->sub, p, inner);
    sx_free(ctx, inner);
    return status;
}

sx_status sx_fields_check(sx_ctx *ctx, const sx_field *table, const void *opts, const char *name) {
    for (const sx_field *f = table; f->name; ++f) SX_TRY(ctx, check_field(ctx, f, opts, name));
    return SX_OK;
}

/* -- names ----------------------------------------------------------------------------------------------------------------------- */

const sx_field *sx_field_find(const sx_field *table, const char *name) {
    for (const sx_field *f = table; f && f->name; ++f)
        if (!strcmp(f->name, name)) return f;
    return NULL;
}

enum { MAX_NAME = 63, MAX_EDITS = 3 };

/* Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment); too long names are far. */
static int edit_distance(const char *a, const char *b) {
    size_t n = strlen(a), m = strlen(b);
    if (n > MAX_NAME || m > MAX_NAME) return MAX_EDITS + 1;
    int rows[3][MAX_NAME + 1];
    int *before = rows[0], *last = rows[1], *row = rows[2];
    for (size_t j = 0; j <= m; ++j) last[j] = (int)j;
    for (size_t i = 1; i <= n; ++i) {
        row[0] = (int)i;
        for (size_t j = 1; j <= m; ++j) {
            int d = last[j - 1] + (a[i - 1] != b[j - 1]);
            if (last[j] + 1 < d) d = last[j] + 1;
            if (row[j - 1] + 1 < d) d = row[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < d)
                d = before[j - 2] + 1;
            row[j] = d;
        }
        int *spare = before;
        before = last;
        last = row;
        row = spare;
    }
    return last[m];
}

const char *sx_nearest(const char *name, const char *const *known, int64_t n) {
    const char *best = NULL;
    int best_distance = MAX_EDITS + 1;
    for (int64_t i = 0; i < n; ++i) {
        size_t length = strlen(known[i]), other = strlen(name);
        int d = edit_distance(name, known[i]);
        /* a name of which no letter is kept is not near */
        if (d < best_distance && (size_t)d < (length > other ? length : other)) {
            best = known[i];
            best_distance = d;
        }
    }
    return best;
}
