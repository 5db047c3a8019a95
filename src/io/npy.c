// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* NumPy's .npy: "\x93NUMPY", version (2 bytes), length of the header, the header, the numbers. The header is the text of a Python
 * dictionary, {'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }; it is parsed here, never evaluated.
 * Source: numpy.lib.format, versions 1.0, 2.0 and 3.0. */
#include "core/file.h"
#include "io/array_private.h"

#include <stdio.h>
#include <string.h>

typedef struct header {
    const sx_source *s;
    const char *start, *p, *end;
    char descr[SX_QUOTE];
    bool has_descr, has_order, has_shape, fortran_order;
    int ndim;
    int64_t shape[8];
} header;

static sx_status header_fail(const header *h, const char *what) {
    return SX_FAIL(h->s->ctx, SX_E_FILE, "%s: header, character %lld: %s", h->s->name, (long long)(h->p - h->start + 1),
                   what);
}

static void skip_blanks(header *h) {
    while (h->p < h->end && (*h->p == ' ' || *h->p == '\t' || *h->p == '\n' || *h->p == '\r')) h->p++;
}

/* Blanks, then this character. */
static bool take(header *h, char c) {
    skip_blanks(h);
    if (h->p == h->end || *h->p != c) return false;
    h->p++;
    return true;
}

static bool take_word(header *h, const char *word) {
    size_t n = strlen(word);
    skip_blanks(h);
    if ((size_t)(h->end - h->p) < n || memcmp(h->p, word, n) != 0) return false;
    h->p += n;
    return true;
}

static sx_status take_string(header *h, const char **text, int64_t *n) {
    skip_blanks(h);
    if (h->p == h->end || (*h->p != '\'' && *h->p != '"')) return header_fail(h, "a quoted text is expected");
    char quote = *h->p++;
    *text = h->p;
    while (h->p < h->end && *h->p != quote && *h->p != '\\' && *h->p != '\n') h->p++;
    if (h->p == h->end || *h->p != quote) return header_fail(h, "the closing quote is missing");
    *n = h->p++ - *text;
    return SX_OK;
}

static sx_status take_shape(header *h) {
    bool comma = true;
    if (!take(h, '(')) return header_fail(h, "the shape must be a tuple such as (3, 4)");
    for (h->ndim = 0; !take(h, ')'); h->ndim++) {
        int64_t v = 0;
        if (h->ndim == 8) return header_fail(h, "more than 8 dimensions");
        if (!comma) return header_fail(h, "a comma or ) is expected");
        const char *first = h->p;
        for (; h->p < h->end && *h->p >= '0' && *h->p <= '9'; h->p++) {
            if (v > (INT64_MAX - 9) / 10) return header_fail(h, "an extent beyond 2^63");
            v = 10 * v + (*h->p - '0');
        }
        if (h->p == first) return header_fail(h, "an extent must be a whole number >= 0");
        h->shape[h->ndim] = v;
        if (h->p < h->end && *h->p == 'L') h->p++; /* Python 2 */
        comma = take(h, ',');
    }
    if (h->ndim == 1 && !comma) return header_fail(h, "a shape of one dimension is written (n,)");
    return SX_OK;
}

static sx_status take_descr(header *h) {
    const char *text;
    int64_t n;
    skip_blanks(h);
    if (h->p < h->end && *h->p == '[')
        return SX_FAIL(h->s->ctx, SX_E_FILE, "%s: a structured dtype is not read; save each field by itself as float64",
                       h->s->name);
    SX_TRY(h->s->ctx, take_string(h, &text, &n));
    (void)sx_text_quote(h->descr, text, n);
    return SX_OK;
}

static sx_status take_entry(header *h) {
    const char *key;
    int64_t n;
    bool *seen;
    SX_TRY(h->s->ctx, take_string(h, &key, &n));
    if (n == 5 && memcmp(key, "descr", 5) == 0)
        seen = &h->has_descr;
    else if (n == 13 && memcmp(key, "fortran_order", 13) == 0)
        seen = &h->has_order;
    else if (n == 5 && memcmp(key, "shape", 5) == 0)
        seen = &h->has_shape;
    else
        return header_fail(h, "unknown key; descr, fortran_order and shape are known");
    if (*seen) return header_fail(h, "the key is given twice");
    *seen = true;
    if (!take(h, ':')) return header_fail(h, "a colon is expected");
    if (seen == &h->has_descr) return take_descr(h);
    if (seen == &h->has_shape) return take_shape(h);
    h->fortran_order = take_word(h, "True");
    if (!h->fortran_order && !take_word(h, "False")) return header_fail(h, "True or False is expected");
    return SX_OK;
}

static sx_status read_header(header *h) {
    if (!take(h, '{')) return header_fail(h, "a dictionary { ... } is expected");
    while (!take(h, '}')) {
        SX_TRY(h->s->ctx, take_entry(h));
        if (take(h, ',')) continue;
        if (take(h, '}')) break;
        return header_fail(h, "a comma or } is expected");
    }
    skip_blanks(h);
    if (h->p != h->end) return header_fail(h, "text after the dictionary");
    if (!h->has_descr || !h->has_order || !h->has_shape)
        return SX_FAIL(h->s->ctx, SX_E_FILE, "%s: the header has no %s", h->s->name,
                       !h->has_descr   ? "descr"
                       : !h->has_order ? "fortran_order"
                                       : "shape");
    return SX_OK;
}

/* '<f8', '>i4', '|b1', ...; '=' and a missing sign mean the byte order of the machine that wrote, so they are refused. */
static sx_status read_type(const header *h, sx_number_type *type) {
    static const char *const known[] = { "f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1" };
    const char *d = h->descr, *what = "";
    size_t n = strlen(d);
    for (size_t k = 0; n == 3 && k < sizeof known / sizeof *known; k++) {
        if (strcmp(d + 1, known[k]) != 0) continue;
        int size = d[2] - '0';
        if (d[0] != '<' && d[0] != '>' && (d[0] != '|' || size > 1)) break;
        *type = (sx_number_type){ d[1], size, d[0] == '>' };
        return SX_OK;
    }
    if (n > 1) {
        char kind = d[strspn(d, "<>|=")];
        what = kind == 'O'                  ? " (Python objects)"
               : kind == 'c'                ? " (complex numbers)"
               : kind == 'U' || kind == 'S' ? " (text)"
               : kind == 'M' || kind == 'm' ? " (dates)"
               : kind == 'V'                ? " (raw records)"
                                            : "";
    }
    return SX_FAIL(h->s->ctx, SX_E_FILE, "%s: dtype '%s'%s is not read; save it as float64", h->s->name, d, what);
}

sx_status sx_npy_parse(const sx_source *s, sx_array *a) {
    const unsigned char *b = s->bytes;
    sx_number_type type = { 0 };
    if (s->n < 10 || memcmp(b, "\x93NUMPY", 6) != 0)
        return SX_FAIL(s->ctx, SX_E_FILE, "%s: not a .npy file; its first bytes must be 93 4e 55 4d 50 59 (\\x93NUMPY)",
                       s->name);
    if (b[6] < 1 || b[6] > 3 || b[7] != 0)
        return SX_FAIL(s->ctx, SX_E_FILE, "%s: version %d.%d of the format is not known; 1.0, 2.0 and 3.0 are", s->name,
                       b[6], b[7]);
    size_t before = b[6] == 1 ? 10 : 12;
    if (s->n < before) return SX_FAIL(s->ctx, SX_E_FILE, "%s: truncated before the header", s->name);
    uint64_t length = sx_bytes_load(b + 8, (int)before - 8, false);
    if (length > SX_NPY_HEADER_LIMIT)
        return SX_FAIL(s->ctx, SX_E_FILE, "%s: a header of %llu bytes; at most %d are read", s->name,
                       (unsigned long long)length, SX_NPY_HEADER_LIMIT);
    if (length > s->n - before)
        return SX_FAIL(s->ctx, SX_E_FILE, "%s: truncated: a header of %llu bytes expected, %llu found", s->name,
                       (unsigned long long)length, (unsigned long long)(s->n - before));
    const char *text = (const char *)b + before;
    header h = { .s = s, .start = text, .p = text, .end = text + length };
    SX_TRY(s->ctx, read_header(&h));
    SX_TRY(s->ctx, read_type(&h, &type));
    SX_TRY(s->ctx, sx_array_shape(s, h.ndim, h.shape, a));
    uint64_t expected = (uint64_t)a->n * (uint64_t)type.size, found = s->n - before - length;
    if (found < expected)
        return SX_FAIL(s->ctx, SX_E_FILE, "%s: truncated: %llu bytes of data expected, %llu found", s->name,
                       (unsigned long long)expected, (unsigned long long)found);
    if (found > expected)
        return SX_FAIL(s->ctx, SX_E_FILE,
                       "%s: %llu bytes of data expected, %llu found; the shape does not fit the file", s->name,
                       (unsigned long long)expected, (unsigned long long)found);
    return sx_array_convert(s, type, h.fortran_order, b + before + length, a);
}

sx_status sx_npy_write(sx_ctx *ctx, const char *path, int ndim, const int64_t *shape, const double *data) {
    _Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are written as they lie in memory");
    char head[512], *dir = NULL;
    int64_t n = 1;
    if (ndim < 0 || ndim > 8) return SX_FAIL(ctx, SX_E_USAGE, "%s: %d dimensions; 0 to 8 can be written", path, ndim);
    int at =
        snprintf(head, sizeof head, "\x93NUMPY%c%c%c%c{'descr': '<f8', 'fortran_order': False, 'shape': (", 1, 0, 0, 0);
    for (int k = 0; k < ndim; k++) {
        SX_TRY(ctx, sx_mul_size(ctx, n, shape[k], &n));
        at += snprintf(head + at, sizeof head - (size_t)at, k > 0 ? ", %lld" : "%lld", (long long)shape[k]);
    }
    SX_TRY(ctx, sx_mul_size(ctx, n, (int64_t)sizeof *data, &n));
    at += snprintf(head + at, sizeof head - (size_t)at, ndim == 1 ? ",), }" : "), }");
    /* the numbers begin at a multiple of 64 bytes */
    while ((at + 1) % 64 != 0) head[at++] = ' ';
    head[at++] = '\n';
    head[8] = (char)((at - 10) & 255);
    head[9] = (char)((at - 10) >> 8);
    const char *slash = strrchr(path, '/');
    SX_TRY(ctx, slash ? sx_format(ctx, &dir, "%.*s", slash == path ? 1 : (int)(slash - path), path)
                      : sx_strdup(ctx, ".", &dir));
    sx_chunk chunks[2] = { { head, (size_t)at }, { data, (size_t)n } };
    sx_status status = sx_file_replace(ctx, dir, slash ? slash + 1 : path, chunks, n > 0 ? 2 : 1);
    sx_free(ctx, dir);
    SX_TRY(ctx, status);
    return SX_OK;
}
