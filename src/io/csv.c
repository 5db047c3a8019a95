// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Tables as text: .csv, .csv.gz and .txt.
 *
 * Strict: UTF-8; LF or CR LF; # lines only at the top; every line has as many fields as the first; no empty lines inside; fields may be
 * quoted ("a, b", a quote inside is doubled), not across lines. The separator is what the first line holds: a tab, else a semicolon,
 * else a comma; a .txt whose first line has none of them is separated by blanks. Numbers use a decimal point whatever the locale.
 * Empty fields, nan and NA are missing values.
 *
 * Layouts:
 *   matrix  a dense array (lines, fields) with optional labels from the header line and from the first column.
 *   edges   a sparse array. Columns source, target, weight by header name (any case), or the first three. Node names are labels or
 *           integers, taken as text. row_labels holds all of them in order of first appearance (in a line the source comes
 *           first) and names rows AND columns: row[k] = target, column[k] = source, shape = {n, n}; column_labels stays NULL.
 *           The same edge twice is an error.
 *   column  data = the column `column` (or the only one besides the labels), shape = {n}; row_labels = the column `key` (or the
 *           first with first_column_labels). Naming a column means that there is a header line.
 * The column of an error is the character in the line, from 1. */
#include "io/array_private.h"

#include "core/mutant.h"

#include <stdio.h>
#include <string.h>

typedef struct field {
    const char *text; /* without blanks and quotes around it */
    int64_t n;
    const char *at;       /* its place in the line */
    bool quoted, doubled; /* quoted; with "" inside */
} field;

typedef struct csv {
    const sx_source *s;
    sx_lines l, first; /* the present line; the first that is no comment */
    bool commented;    /* comment lines were skipped */
    char separator;
    locale_t locale;
    int64_t fields, lines; /* per line; all lines from the first on, with the header */
    bool header, labels;   /* the first line is a header; the first column holds labels */
    sx_names rows, columns;
    char *scratch; /* a quoted field with its doubled quotes undone */
} csv;

/* Walks the fields of the present line. */
typedef struct walk {
    const char *p;
    bool more;
    int64_t i; /* number of the field just read, from 0 */
} walk;

static walk walk_start(const csv *c) {
    return (walk){ .p = c->l.start, .more = true, .i = -1 };
}

static const char *skip(const csv *c, const char *p) {
    while (p < c->l.stop && (*p == ' ' || (*p == '\t' && c->separator != '\t'))) p++;
    return p;
}

static sx_status next_field(const csv *c, walk *w, field *f) {
    const char *stop = c->l.stop, *p = skip(c, w->p);
    *f = (field){ .text = p, .at = p };
    if (p < stop && *p == '"') {
        f->quoted = true;
        f->text = ++p;
        for (;; p++) {
            if (p == stop) return sx_lines_fail(&c->l, f->at, "the closing quote is missing in this line");
            if (*p != '"') continue;
            if (p + 1 == stop || p[1] != '"') break;
            f->doubled = true;
            p++;
        }
        f->n = p - f->text;
        p = skip(c, p + 1);
        if (p < stop && *p != c->separator && c->separator != ' ')
            return sx_lines_fail(&c->l, p, "text after a closing quote; a quote inside a field is written \"\"");
    } else {
        for (; p < stop && *p != c->separator; p++)
            if (*p == '"')
                return sx_lines_fail(&c->l, p, "a quote inside a field; quote the whole field and write it as \"\"");
        const char *last = p;
        while (last > f->text && (last[-1] == ' ' || last[-1] == '\t')) last--;
        f->n = last - f->text;
    }
    if (c->separator == ' ') { /* any number of blanks separates, none counts at the end */
        p = skip(c, p);
        w->more = p < stop;
    } else {
        w->more = p < stop;
        if (w->more) p++;
    }
    w->p = p;
    w->i++;
    return SX_OK;
}

static bool blank(const sx_lines *l) {
    for (const char *p = l->start; p < l->stop; p++)
        if (*p != ' ') return false;
    return true;
}

/* The next line; empty lines may only follow the last. */
static sx_status next_line(csv *c, bool *more) {
    SX_TRY(c->s->ctx, sx_lines_next(&c->l, more));
    if (!*more || !blank(&c->l)) return SX_OK;
    sx_lines empty = c->l;
    while (*more && blank(&c->l)) SX_TRY(c->s->ctx, sx_lines_next(&c->l, more));
    if (*more) return sx_lines_fail(&empty, empty.start, "an empty line inside the table; remove it");
    return SX_OK;
}

static void find_separator(csv *c) {
    bool quoted = false, semicolon = false, comma = false;
    c->separator = ',';
    for (const char *p = c->l.start; p < c->l.stop; p++) {
        if (*p == '"') quoted = !quoted;
        if (quoted) continue;
        if (*p == '\t') {
            c->separator = '\t';
            return;
        }
        semicolon |= *p == ';';
        comma |= *p == ',';
    }
    if (semicolon)
        c->separator = ';';
    else if (!comma && strcmp(c->s->format, "txt") == 0)
        c->separator = ' ';
}

/* To the first line that is no comment. */
static sx_status find_first(csv *c) {
    bool more = true;
    do {
        SX_TRY(c->s->ctx, sx_lines_next(&c->l, &more));
        if (more && c->l.start < c->l.stop && *c->l.start == '#') c->commented = true;
    } while (more && (blank(&c->l) || *c->l.start == '#'));
    if (!more) return SX_FAIL(c->s->ctx, SX_E_FILE, "%s: holds no table", c->s->name);
    c->first = c->l;
    find_separator(c);
    return SX_OK;
}

static bool is_number(const csv *c, const field *f) {
    double v;
    return sx_number_scan(c->locale, f->text, f->n, &v) != SX_NUMBER_NOT;
}

/* Structure first: count lines and fields, so that memory is taken once and in the right size. */
static sx_status count(csv *c) {
    for (bool more = true; more;) {
        walk w = walk_start(c);
        field f;
        while (w.more) {
            SX_TRY(c->s->ctx, next_field(c, &w, &f));
            if (w.i >= SX_FIELD_LIMIT)
                return sx_lines_fail(&c->l, f.at, "more than %d fields in a line", SX_FIELD_LIMIT);
        }
        int64_t fields = w.i + 1;
        if (c->lines == 0)
            c->fields = fields;
        else if (fields == c->fields + 1 && c->lines == 1 && c->header)
            return sx_lines_fail(
                &c->l, c->l.start,
                "%lld fields, but the header in line %lld has %lld; a column of labels needs a header field too "
                "(it may be empty)",
                (long long)fields, (long long)c->first.line, (long long)c->fields);
        else if (fields != c->fields)
            return sx_lines_fail(&c->l, c->l.start, "%lld fields, but line %lld has %lld; every line must have as many",
                                 (long long)fields, (long long)c->first.line, (long long)c->fields);
        c->lines++;
        SX_TRY(c->s->ctx, next_line(c, &more));
    }
    c->l = c->first;
    return SX_OK;
}

/* The text of a field with doubled quotes undone; valid until the next call. */
static sx_status field_text(csv *c, const field *f, const char **text, int64_t *n) {
    *text = f->text;
    *n = f->n;
    if (!f->doubled) return SX_OK;
    SX_TRY(c->s->ctx, sx_resize(c->s->ctx, f->n, 1, &c->scratch));
    *n = 0;
    for (int64_t i = 0; i < f->n; i++) {
        c->scratch[(*n)++] = f->text[i];
        if (f->text[i] == '"') i++;
    }
    *text = c->scratch;
    return SX_OK;
}

/* A label that must be there and be new. `what` is "row" or "column". */
static sx_status add_label(csv *c, sx_names *names, const field *f, const char *what) {
    char quote[SX_QUOTE];
    const char *text;
    int64_t n, index;
    bool fresh;
    if (f->n == 0) return sx_lines_fail(&c->l, f->at, "the %s label is empty", what);
    SX_TRY(c->s->ctx, field_text(c, f, &text, &n));
    SX_TRY(c->s->ctx, sx_names_add(c->s->ctx, names, text, n, &index, &fresh));
    if (!fresh)
        return sx_lines_fail(&c->l, f->at, "the %s label '%s' is there twice; labels must be unique", what,
                             sx_text_quote(quote, text, n));
    return SX_OK;
}

/* 'digits,digits' where the comma does not separate */
static bool decimal_comma(const csv *c, const field *f) {
    char plain[40];
    double v;
    const char *comma = memchr(f->text, ',', (size_t)f->n);
    if (c->separator == ',' && !f->quoted) return false;
    if (!comma || f->n > 40) return false;
    memcpy(plain, f->text, (size_t)f->n);
    plain[comma - f->text] = '.';
    return sx_number_scan(c->locale, plain, f->n, &v) == SX_NUMBER_FINITE;
}

/* Are the fields after the first of the present line all numbers? */
static bool rest_numbers(const csv *c) {
    walk w = walk_start(c);
    field f;
    while (w.more) {
        if (next_field(c, &w, &f) < 0) return false;
        if (w.i > 0 && f.n > 0 && !is_number(c, &f)) return false;
    }
    return w.i > 0;
}

/* Why a field is no number, with what would be right. `i` is its number in the line. */
static sx_status number_fail(const csv *c, const field *f, int64_t i) {
    char quote[SX_QUOTE];
    const char *hint = "";
    sx_text_quote(quote, f->text, f->n);
    if (f->n > SX_NUMBER_LIMIT)
        return sx_lines_fail(&c->l, f->at, "a number of %lld characters; at most %d are read", (long long)f->n,
                             SX_NUMBER_LIMIT);
    if (decimal_comma(c, f)) {
        *strchr(quote, ',') = '.';
        return sx_lines_fail(&c->l, f->at, "'%.*s' has a decimal comma; write %s", (int)f->n, f->text, quote);
    }
    bool matrix = c->s->opts->layout == SX_CSV_MATRIX;
    if (matrix && i == 0 && !c->labels && rest_numbers(c))
        hint = "; for row labels write labels = \"first-column\"";
    else if (c->l.line == c->first.line && !c->header)
        hint = "; this looks like a header line: write header = true";
    return sx_lines_fail(&c->l, f->at, "'%s' is not a number%s", quote, hint);
}

/* " in row 2 ('AVAL'), column 3 ('AVAR')": data rows and columns from 1, with labels where there are some. */
static void place_text(const csv *c, int64_t row, int64_t column, char out[192]) {
    char quote[SX_QUOTE];
    const sx_names *names[2] = { &c->rows, &c->columns };
    const int64_t index[2] = { row, column };
    int at = 0;
    for (int k = 0; k < 2; k++) {
        at += snprintf(out + at, 192 - (size_t)at, "%s %lld", k ? ", column" : " in row", (long long)index[k] + 1);
        if (c->s->opts->layout != SX_CSV_EDGES && index[k] < names[k]->n) {
            const char *label = sx_names_at(names[k], index[k]);
            at += snprintf(out + at, 192 - (size_t)at, " ('%s')", sx_text_quote(quote, label, (int64_t)strlen(label)));
        }
    }
}

/* Number in a field; i: number of the field, (row, column): its place among the data. */
static sx_status field_number(const csv *c, const field *f, int64_t i, int64_t row, int64_t column, double *out) {
    const sx_read_opts *o = c->s->opts;
    char place[192], quote[SX_QUOTE];
    double v = 0;
    sx_number_kind kind =
        f->n == 0 || sx_text_equal(f->text, f->n, "na") ? SX_NUMBER_NAN : sx_number_scan(c->locale, f->text, f->n, &v);
    if (kind == SX_NUMBER_NOT) return number_fail(c, f, i);
    place_text(c, row, column, place);
    if (kind == SX_NUMBER_RANGE)
        return sx_lines_fail(&c->l, f->at, "'%s'%s is too large for a 64-bit float",
                             sx_text_quote(quote, f->text, f->n), place);
    if (kind == SX_NUMBER_NAN) {
        if (o->missing_error)
            return sx_lines_fail(&c->l, f->at, "missing value%s; fill it in or write missing = NUMBER", place);
        v = o->missing;
    }
    if (kind == SX_NUMBER_INF && !o->allow_nonfinite)
        return sx_lines_fail(&c->l, f->at, "'%s'%s; only finite numbers are read", sx_text_quote(quote, f->text, f->n),
                             place);
    *out = v;
    return SX_OK;
}

/* A header below a comment that holds only numbers, not all of them whole, is data whose header was commented out. */
static sx_status check_header(const csv *c) {
    walk w = walk_start(c);
    field f;
    bool whole = true;
    while (w.more) {
        SX_TRY(c->s->ctx, next_field(c, &w, &f));
        if (w.i == 0 && c->labels) continue;
        if (!is_number(c, &f)) return SX_OK;
        for (int64_t i = 0; i < f.n; i++) whole &= f.text[i] >= '0' && f.text[i] <= '9';
    }
    if (whole || !c->commented) return SX_OK;
    return sx_lines_fail(&c->l, c->l.start,
                         "header = true, but this line holds only numbers; a header must not begin with #");
}

static sx_status labels_out(csv *c, const sx_names *names, bool wanted, char ***out) {
    if (!wanted) return SX_OK;
    SX_TRY(c->s->ctx, sx_names_labels(c->s->ctx, names, out));
    return SX_OK;
}

static sx_status read_matrix(csv *c, sx_array *a) {
    int64_t shape[2] = { c->lines - c->header, c->fields - c->labels }, row = 0, k = 0;
    field f;
    if (shape[1] == 0) return sx_lines_fail(&c->l, c->l.start, "there are no columns beside the labels");
    SX_TRY(c->s->ctx, sx_array_shape(c->s, 2, shape, a));
    SX_TRY(c->s->ctx, sx_alloc(c->s->ctx, a->n, sizeof *a->data, &a->data));
    for (bool more = true; more;) {
        bool header = c->header && c->l.line == c->first.line;
        for (walk w = walk_start(c); w.more;) {
            SX_TRY(c->s->ctx, next_field(c, &w, &f));
            if (w.i == 0 && c->labels) {
                if (!header) SX_TRY(c->s->ctx, add_label(c, &c->rows, &f, "row"));
            } else if (header)
                SX_TRY(c->s->ctx, add_label(c, &c->columns, &f, "column"));
            else {
                SX_TRY(c->s->ctx, field_number(c, &f, w.i, row, w.i - c->labels, &a->data[k]));
                k++;
            }
        }
        if (!header) row++;
        SX_TRY(c->s->ctx, next_line(c, &more));
    }
    SX_TRY(c->s->ctx, labels_out(c, &c->rows, c->labels, &a->row_labels));
    return labels_out(c, &c->columns, c->header, &a->column_labels);
}

/* Number of the header field with this name; *found = how many have it. */
static sx_status find_column(csv *c, const char *name, bool any_case, int64_t *index, int *found) {
    const char *text;
    int64_t n;
    field f;
    *found = 0;
    for (walk w = walk_start(c); w.more;) {
        SX_TRY(c->s->ctx, next_field(c, &w, &f));
        SX_TRY(c->s->ctx, field_text(c, &f, &text, &n));
        if (any_case ? !sx_text_equal(text, n, name) : strlen(name) != (size_t)n || memcmp(text, name, (size_t)n) != 0)
            continue;
        if ((*found)++ == 0) *index = w.i;
    }
    return SX_OK;
}

/* Which columns are source, target and weight. */
static sx_status edge_columns(csv *c, int64_t column[3]) {
    static const char *const name[3] = { "source", "target", "weight" };
    int found[3] = { 0 }, all = 0;
    for (int k = 0; k < 3; k++) column[k] = k;
    for (int k = 0; k < 3 && c->header; k++) {
        SX_TRY(c->s->ctx, find_column(c, name[k], true, &column[k], &found[k]));
        if (found[k] > 1) return sx_lines_fail(&c->l, c->l.start, "the header has more than one column '%s'", name[k]);
        all += found[k];
    }
    for (int k = 0; k < 3; k++)
        if (all > 0 && !found[k])
            return sx_lines_fail(&c->l, c->l.start,
                                 "the header has no column '%s'; edges need source, target and weight", name[k]);
    if (c->fields < 3)
        return sx_lines_fail(&c->l, c->l.start, "%lld fields; edges need the columns source, target and weight",
                             (long long)c->fields);
    return SX_OK;
}

static sx_status read_edge(csv *c, const int64_t column[3], sx_array *a) {
    const char *text;
    int64_t n, node[2];
    bool fresh;
    field f, part[3] = { 0 };
    for (walk w = walk_start(c); w.more;) {
        SX_TRY(c->s->ctx, next_field(c, &w, &f));
        for (int k = 0; k < 3; k++)
            if (w.i == column[k]) part[k] = f;
    }
    SX_TRY(c->s->ctx, field_number(c, &part[2], column[2], a->nnz, column[2], &a->value[a->nnz]));
    for (int k = 0; k < 2; k++) {
        if (part[k].n == 0)
            return sx_lines_fail(&c->l, part[k].at, "the name of the %s is empty", k ? "target" : "source");
        SX_TRY(c->s->ctx, field_text(c, &part[k], &text, &n));
        SX_TRY(c->s->ctx, sx_names_add(c->s->ctx, &c->rows, text, n, &node[k], &fresh));
    }
    a->row[a->nnz] = node[!SX_MUTANT(csv_edges)];
    a->column[a->nnz] = node[SX_MUTANT(csv_edges)];
    return SX_OK;
}

static sx_status read_edges(csv *c, sx_array *a) {
    sx_ctx *ctx = c->s->ctx;
    sx_status status = SX_OK;
    sx_pairs pairs = { 0 };
    int64_t column[3], most = c->lines - c->header, size[2] = { most, 3 };
    sx_array triples = { 0 };
    bool more = true;
    SX_TRY(ctx, edge_columns(c, column));
    SX_TRY(ctx, sx_array_shape(c->s, 2, size, &triples)); /* source, target, weight: the limit holds for them */
    SX_TRY(ctx, sx_alloc(ctx, most, sizeof *a->row, &a->row));
    SX_TRY(ctx, sx_alloc(ctx, most, sizeof *a->column, &a->column));
    SX_TRY(ctx, sx_alloc(ctx, most, sizeof *a->value, &a->value));
    SX_TRY(ctx, sx_pairs_create(ctx, most, &pairs));
    if (c->header) SX_GO(ctx, status, done, next_line(c, &more));
    while (more) {
        SX_GO(ctx, status, done, read_edge(c, column, a));
        int64_t earlier = sx_pairs_add(&pairs, a, a->nnz);
        if (earlier >= 0) { /* one edge a line, without gaps */
            char from[SX_QUOTE], to[SX_QUOTE];
            const char *source = sx_names_at(&c->rows, a->column[a->nnz]),
                       *target = sx_names_at(&c->rows, a->row[a->nnz]);
            status = sx_lines_fail(
                &c->l, c->l.start, "the edge from '%s' to '%s' is already in line %lld; give each edge once",
                sx_text_quote(from, source, (int64_t)strlen(source)),
                sx_text_quote(to, target, (int64_t)strlen(target)), (long long)(c->first.line + c->header + earlier));
            goto done;
        }
        a->nnz++;
        SX_GO(ctx, status, done, next_line(c, &more));
    }
    a->ndim = 2;
    a->shape[0] = a->shape[1] = c->rows.n;
    SX_GO(ctx, status, done, sx_names_labels(ctx, &c->rows, &a->row_labels));
done:
    sx_free(ctx, pairs.slot);
    return status;
}

/* A column by its header name. */
static sx_status named_column(csv *c, const char *name, int64_t *index) {
    char quote[SX_QUOTE], list[512] = "";
    int found, at = 0;
    SX_TRY(c->s->ctx, find_column(c, name, false, index, &found));
    if (found == 1) return SX_OK;
    sx_text_quote(quote, name, (int64_t)strlen(name));
    if (found > 1) return sx_lines_fail(&c->l, c->l.start, "the header has more than one column '%s'", quote);
    for (walk w = walk_start(c); w.more && w.i < 8;) {
        char other[SX_QUOTE];
        field f;
        SX_TRY(c->s->ctx, next_field(c, &w, &f));
        at += snprintf(list + at, sizeof list - (size_t)at, "%s%s", w.i ? ", " : "",
                       w.i == 8 ? "..." : sx_text_quote(other, f.text, f.n));
    }
    return sx_lines_fail(&c->l, c->l.start, "the header has no column '%s'; it has %s", quote, list);
}

static sx_status read_column(csv *c, sx_array *a) {
    const sx_read_opts *o = c->s->opts;
    int64_t value = -1, key = c->labels ? 0 : -1, row = 0, shape[1] = { c->lines - c->header };
    field f, part[2] = { 0 };
    bool more = true;
    if (o->key) SX_TRY(c->s->ctx, named_column(c, o->key, &key));
    if (o->column)
        SX_TRY(c->s->ctx, named_column(c, o->column, &value));
    else if (c->fields != 1 + (key >= 0))
        return sx_lines_fail(&c->l, c->l.start, "%lld columns; say which holds the values: column = NAME",
                             (long long)c->fields);
    else
        value = key == 0 ? 1 : 0;
    if (value == key) return sx_lines_fail(&c->l, c->l.start, "the values and their labels are the same column");
    SX_TRY(c->s->ctx, sx_array_shape(c->s, 1, shape, a));
    SX_TRY(c->s->ctx, sx_alloc(c->s->ctx, a->n, sizeof *a->data, &a->data));
    if (c->header) SX_TRY(c->s->ctx, next_line(c, &more));
    while (more) {
        for (walk w = walk_start(c); w.more;) {
            SX_TRY(c->s->ctx, next_field(c, &w, &f));
            if (w.i == value) part[0] = f;
            if (w.i == key) part[1] = f;
        }
        if (key >= 0) SX_TRY(c->s->ctx, add_label(c, &c->rows, &part[1], "row"));
        SX_TRY(c->s->ctx, field_number(c, &part[0], value, row, value, &a->data[row]));
        row++;
        SX_TRY(c->s->ctx, next_line(c, &more));
    }
    return labels_out(c, &c->rows, key >= 0, &a->row_labels);
}

static sx_status read_table(csv *c, sx_array *a) {
    const sx_read_opts *o = c->s->opts;
    SX_TRY(c->s->ctx, sx_text_check(c->s, &c->l.p, &c->l.end));
    c->l.s = c->s;
    SX_TRY(c->s->ctx, find_first(c));
    SX_TRY(c->s->ctx, count(c));
    if (c->header) {
        SX_TRY(c->s->ctx, check_header(c));
        if (c->lines == 1) return sx_lines_fail(&c->l, c->l.start, "a header line without data below it");
    }
    switch (o->layout) {
    case SX_CSV_EDGES:
        return read_edges(c, a);
    case SX_CSV_COLUMN:
        return read_column(c, a);
    default:
        return read_matrix(c, a);
    }
}

sx_status sx_csv_parse(const sx_source *s, sx_array *a) {
    const sx_read_opts *o = s->opts;
    csv c = { .s = s, .labels = o->first_column_labels };
    bool named = o->layout == SX_CSV_COLUMN && (o->column || o->key);
    if (o->layout != SX_CSV_MATRIX && o->layout != SX_CSV_EDGES && o->layout != SX_CSV_COLUMN)
        return SX_FAIL(s->ctx, SX_E_USAGE, "%s: layout %d is not known; matrix, edges and column are", s->name,
                       o->layout);
    if (named && o->header == 0)
        return SX_FAIL(s->ctx, SX_E_USAGE, "%s: column and key are names from the header line: write header = true",
                       s->name);
    c.header = o->header == 1 || named;
    SX_TRY(s->ctx, sx_number_locale(s->ctx, &c.locale));
    sx_status status = read_table(&c, a);
    freelocale(c.locale);
    sx_names_free(s->ctx, &c.rows);
    sx_names_free(s->ctx, &c.columns);
    sx_free(s->ctx, c.scratch);
    SX_TRY(s->ctx, status);
    return SX_OK;
}
