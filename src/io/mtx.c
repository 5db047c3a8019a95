// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Matrix Market: "%%MatrixMarket matrix coordinate|array real|integer|pattern general|symmetric|skew-symmetric", % comments, a line
 * of sizes, then one entry a line (coordinate, indices from 1) or one number a line by columns (array). Symmetric files hold the
 * lower triangle, skew-symmetric ones without the diagonal; the mirrored entry follows its entry.
 * Source: Boisvert, Pozo, Remington, The Matrix Market Exchange Formats, NISTIR 5935 (1996). */
#include "io/array_private.h"

#include "core/mutant.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct mtx {
    sx_lines l;
    locale_t locale;
    bool coordinate, pattern, integer, symmetric, skew;
    const char *p; /* place in the present line */
} mtx;

typedef struct word {
    const char *text;
    int64_t n;
} word;

/* The next word of the line; n = 0 at the end. */
static word next_word(mtx *m) {
    word w;
    while (m->p < m->l.stop && (*m->p == ' ' || *m->p == '\t')) m->p++;
    w.text = m->p;
    while (m->p < m->l.stop && *m->p != ' ' && *m->p != '\t') m->p++;
    w.n = m->p - w.text;
    return w;
}

/* The next line with something in it that is no comment. */
static sx_status next_line(mtx *m, bool *more) {
    do {
        SX_TRY(m->l.s->ctx, sx_lines_next(&m->l, more));
        m->p = m->l.start;
        word w = next_word(m);
        m->p = m->l.start;
        if (w.n > 0 && w.text[0] != '%') return SX_OK;
    } while (*more);
    return SX_OK;
}

static sx_status end_of_line(mtx *m) {
    char quote[SX_QUOTE];
    word w = next_word(m);
    if (w.n > 0)
        return sx_lines_fail(&m->l, w.text, "'%s' is too much in this line", sx_text_quote(quote, w.text, w.n));
    return SX_OK;
}

static sx_status read_banner(mtx *m) {
    static const char *const known[5] = { "%%MatrixMarket", "matrix", "coordinate or array", "real, integer or pattern",
                                          "general, symmetric or skew-symmetric" };
    char quote[SX_QUOTE];
    bool more;
    SX_TRY(m->l.s->ctx, sx_lines_next(&m->l, &more));
    if (!more) return SX_FAIL(m->l.s->ctx, SX_E_FILE, "%s: the file is empty; expected %s", m->l.s->name, known[0]);
    m->p = m->l.start;
    for (int k = 0; k < 5; k++) {
        word w = next_word(m);
        bool good = k < 2 ? sx_text_equal(w.text, w.n, known[k]) : false;
        if (k == 2) {
            m->coordinate = sx_text_equal(w.text, w.n, "coordinate");
            good = m->coordinate || sx_text_equal(w.text, w.n, "array");
        } else if (k == 3) {
            m->pattern = sx_text_equal(w.text, w.n, "pattern");
            m->integer = sx_text_equal(w.text, w.n, "integer");
            good = m->pattern || m->integer || sx_text_equal(w.text, w.n, "real");
        } else if (k == 4) {
            m->skew = sx_text_equal(w.text, w.n, "skew-symmetric");
            m->symmetric = sx_text_equal(w.text, w.n, "symmetric");
            good = m->skew || m->symmetric || sx_text_equal(w.text, w.n, "general");
        }
        if (!good)
            return sx_lines_fail(&m->l, w.text, "'%s' in the first line; expected %s",
                                 sx_text_quote(quote, w.text, w.n), known[k]);
    }
    SX_TRY(m->l.s->ctx, end_of_line(m));
    if (m->pattern && !m->coordinate) return sx_lines_fail(&m->l, m->l.start, "a pattern must be in coordinate form");
    if (m->pattern && m->skew) return sx_lines_fail(&m->l, m->l.start, "a pattern cannot be skew-symmetric");
    return SX_OK;
}

/* A whole number in [least, most]. */
static sx_status read_index(mtx *m, const char *what, int64_t least, int64_t most, int64_t *out) {
    char quote[SX_QUOTE];
    word w = next_word(m);
    int64_t v = 0;
    bool fits = true;
    if (w.n == 0) return sx_lines_fail(&m->l, w.text, "the %s is missing", what);
    for (int64_t i = 0; i < w.n; i++) {
        if (w.text[i] < '0' || w.text[i] > '9')
            return sx_lines_fail(&m->l, w.text, "'%s' is not a whole number; expected the %s",
                                 sx_text_quote(quote, w.text, w.n), what);
        int digit = w.text[i] - '0';
        fits = fits && digit <= most && v <= (most - digit) / 10;
        if (fits) v = 10 * v + digit;
    }
    if (v < least || !fits)
        return sx_lines_fail(&m->l, w.text, "%s %s is outside %lld ... %lld", what, sx_text_quote(quote, w.text, w.n),
                             (long long)least, (long long)most);
    *out = v;
    return SX_OK;
}

static sx_status read_value(mtx *m, double *out) {
    char quote[SX_QUOTE];
    word w = next_word(m);
    double v = 0;
    if (w.n == 0) return sx_lines_fail(&m->l, w.text, "the value is missing");
    sx_number_kind kind = sx_number_scan(m->locale, w.text, w.n, &v);
    sx_text_quote(quote, w.text, w.n);
    if (kind == SX_NUMBER_NOT) return sx_lines_fail(&m->l, w.text, "'%s' is not a number", quote);
    if (kind == SX_NUMBER_RANGE) return sx_lines_fail(&m->l, w.text, "'%s' is too large for a 64-bit float", quote);
    if (kind != SX_NUMBER_FINITE && !m->l.s->opts->allow_nonfinite)
        return sx_lines_fail(&m->l, w.text, "'%s': only finite numbers are read", quote);
    if (m->integer && !(v == floor(v) && fabs(v) <= (double)SX_ARRAY_EXACT))
        return sx_lines_fail(&m->l, w.text, "'%s' is not an integer of at most 2^53, as the first line says", quote);
    *out = v;
    return SX_OK;
}

/* Numbers by columns; of symmetric files the lower triangle, of skew-symmetric ones without the diagonal. */
static sx_status read_array(mtx *m, const int64_t shape[2], sx_array *a) {
    sx_ctx *ctx = m->l.s->ctx;
    int64_t rows = shape[0], columns = shape[1];
    bool more;
    SX_TRY(ctx, sx_array_shape(m->l.s, 2, shape, a));
    int64_t below = (a->n - rows) / 2; /* n (n - 1) / 2 of a square matrix */
    int64_t expected = m->symmetric ? below + rows : m->skew ? below : a->n;
    /* a number takes at least two bytes with the end of its line */
    int64_t room = (m->l.end - m->l.p + 1) / 2;
    if (expected > room)
        return SX_FAIL(ctx, SX_E_FILE, "%s: truncated: %lld numbers expected, there is room for %lld", m->l.s->name,
                       (long long)expected, (long long)room);
    SX_TRY(ctx, sx_alloc(ctx, a->n, sizeof *a->data, &a->data));
    for (int64_t j = 0, k = 0; j < columns; j++)
        for (int64_t i = m->symmetric ? j : m->skew ? j + 1 : 0; i < rows; i++, k++) {
            double v;
            SX_TRY(ctx, next_line(m, &more));
            if (!more)
                return SX_FAIL(ctx, SX_E_FILE, "%s: truncated: %lld numbers expected, %lld found", m->l.s->name,
                               (long long)expected, (long long)k);
            SX_TRY(ctx, read_value(m, &v));
            SX_TRY(ctx, end_of_line(m));
            a->data[i * columns + j] = v;
            if (m->symmetric) a->data[j * columns + i] = v;
            if (m->skew) a->data[j * columns + i] = -v;
        }
    return SX_OK;
}

static sx_status read_entry(mtx *m, const int64_t shape[2], sx_array *a, sx_pairs *pairs) {
    sx_ctx *ctx = m->l.s->ctx;
    int64_t i, j, k = a->nnz;
    double v = 1;
    SX_TRY(ctx, read_index(m, "row", 1, shape[0], &i));
    SX_TRY(ctx, read_index(m, "column", 1, shape[1], &j));
    if (!m->pattern) SX_TRY(ctx, read_value(m, &v));
    SX_TRY(ctx, end_of_line(m));
    if ((m->symmetric && i < j) || (m->skew && i <= j))
        return sx_lines_fail(
            &m->l, m->l.start, "entry (%lld, %lld) of a %s matrix; only those below the diagonal%s are given",
            (long long)i, (long long)j, m->skew ? "skew-symmetric" : "symmetric", m->skew ? "" : " and on it");
    a->row[k] = i - 1;
    a->column[k] = j - 1;
    a->value[k] = v;
    if (sx_pairs_add(pairs, a, k) >= 0)
        return sx_lines_fail(&m->l, m->l.start, "entry (%lld, %lld) is given twice", (long long)i, (long long)j);
    a->nnz++;
    if ((m->symmetric || m->skew) && i != j) {
        a->row[k + 1] = j - 1;
        a->column[k + 1] = i - 1;
        a->value[k + 1] = m->skew && !SX_MUTANT(mtx_skew) ? -v : v;
        a->nnz++; /* no other entry can fall here, all given ones are below the diagonal */
    }
    return SX_OK;
}

static sx_status read_coordinate(mtx *m, const int64_t shape[2], int64_t entries, sx_array *a) {
    sx_ctx *ctx = m->l.s->ctx;
    sx_pairs pairs = { 0 };
    sx_status status = SX_OK;
    sx_array triples = { 0 };
    bool more = true;
    /* an entry takes at least "1 1" or "1 1 1" and the end of its line */
    int64_t least = m->pattern ? 4 : 6, room = (m->l.end - m->l.p + 1) / least;
    if (entries > room)
        return SX_FAIL(ctx, SX_E_FILE, "%s: truncated: %lld entries expected, there is room for %lld", m->l.s->name,
                       (long long)entries, (long long)room);
    int64_t most = m->symmetric || m->skew ? 2 * entries : entries, size[2] = { most, 3 };
    SX_TRY(ctx, sx_array_shape(m->l.s, 2, size, &triples)); /* row, column, value: the limit holds for them */
    a->ndim = 2;
    a->shape[0] = shape[0];
    a->shape[1] = shape[1];
    SX_TRY(ctx, sx_alloc(ctx, most, sizeof *a->row, &a->row));
    SX_TRY(ctx, sx_alloc(ctx, most, sizeof *a->column, &a->column));
    SX_TRY(ctx, sx_alloc(ctx, most, sizeof *a->value, &a->value));
    SX_TRY(ctx, sx_pairs_create(ctx, most, &pairs));
    for (int64_t k = 0; k < entries; k++) {
        SX_GO(ctx, status, done, next_line(m, &more));
        if (!more) {
            status = SX_FAIL(ctx, SX_E_FILE, "%s: truncated: %lld entries expected, %lld found", m->l.s->name,
                             (long long)entries, (long long)k);
            goto done;
        }
        SX_GO(ctx, status, done, read_entry(m, shape, a, &pairs));
    }
done:
    sx_free(ctx, pairs.slot);
    return status;
}

static sx_status read_matrix(mtx *m, sx_array *a) {
    const sx_source *s = m->l.s;
    int64_t shape[2], entries = 0;
    bool more;
    SX_TRY(s->ctx, sx_text_check(s, &m->l.p, &m->l.end));
    SX_TRY(s->ctx, read_banner(m));
    SX_TRY(s->ctx, next_line(m, &more));
    if (!more) return SX_FAIL(s->ctx, SX_E_FILE, "%s: truncated: the line of sizes is missing", s->name);
    SX_TRY(s->ctx, read_index(m, "number of rows", 0, INT32_MAX, &shape[0]));
    SX_TRY(s->ctx, read_index(m, "number of columns", 0, INT32_MAX, &shape[1]));
    if (m->coordinate) SX_TRY(s->ctx, read_index(m, "number of entries", 0, SX_ARRAY_EXACT, &entries));
    SX_TRY(s->ctx, end_of_line(m));
    if ((m->symmetric || m->skew) && shape[0] != shape[1])
        return sx_lines_fail(&m->l, m->l.start, "a %s matrix must be square, not %lld x %lld",
                             m->skew ? "skew-symmetric" : "symmetric", (long long)shape[0], (long long)shape[1]);
    if (m->coordinate)
        SX_TRY(s->ctx, read_coordinate(m, shape, entries, a));
    else
        SX_TRY(s->ctx, read_array(m, shape, a));
    SX_TRY(s->ctx, next_line(m, &more));
    if (more) return sx_lines_fail(&m->l, m->l.start, "more lines than the sizes say");
    return SX_OK;
}

sx_status sx_mtx_parse(const sx_source *s, sx_array *a) {
    mtx m = { .l = { .s = s } };
    SX_TRY(s->ctx, sx_number_locale(s->ctx, &m.locale));
    sx_status status = read_matrix(&m, a);
    freelocale(m.locale);
    SX_TRY(s->ctx, status);
    return SX_OK;
}
