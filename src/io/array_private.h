// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* What the array readers share: the source being read, number types of binary files, text and names.
 * Limits of hostile input stand here in one place. */
#ifndef SX_IO_ARRAY_PRIVATE_H
#define SX_IO_ARRAY_PRIVATE_H

#include <separatrix/io.h>

#include <locale.h>

#define SX_ARRAY_LIMIT       INT64_C(4000000000)       /* bytes of expanded data unless the caller says otherwise */
#define SX_ARRAY_EXACT       INT64_C(9007199254740992) /* 2^53: integers up to here are exact in f64 */
#define SX_TEXT_PER_NUMBER   4                         /* text may be this many times larger than its numbers */
#define SX_LINE_LIMIT        (1 << 20)                 /* bytes of one line of text */
#define SX_FIELD_LIMIT       1000000                   /* fields of one line */
#define SX_NUMBER_LIMIT      1023                      /* characters of one number */
#define SX_NPY_HEADER_LIMIT  65536
#define SX_NPZ_ENTRY_LIMIT   1024
#define SX_INFLATE_RATIO     200       /* expanded over compressed bytes ... */
#define SX_INFLATE_FREE      (1 << 20) /* ... of what expands beyond this */
#define SX_SAFETENSORS_LIMIT 100000000 /* bytes of the header */
#define SX_SAFETENSORS_DEPTH 4

/* One file (or entry of a file) being read. Everything is borrowed. */
typedef struct sx_source {
    sx_ctx *ctx;
    const char *name;           /* for messages: the file, for an entry "FILE[ENTRY]" */
    const char *format;         /* extension without dot */
    const unsigned char *bytes; /* content, not NUL-terminated */
    size_t n;
    const sx_read_opts *opts; /* never NULL */
    int64_t limit;            /* bytes of expanded data */
} sx_source;

/* The formats. Each fills a zeroed array; on failure the caller frees what is there. */
sx_status sx_npy_parse(const sx_source *s, sx_array *a) SX_MUST_USE;
sx_status sx_npz_parse(const sx_source *s, sx_array *a) SX_MUST_USE;
sx_status sx_csv_parse(const sx_source *s, sx_array *a) SX_MUST_USE;
sx_status sx_mtx_parse(const sx_source *s, sx_array *a) SX_MUST_USE;
sx_status sx_safetensors_parse(const sx_source *s, sx_array *a) SX_MUST_USE;
sx_status sx_png_parse(const sx_source *s, sx_array *a) SX_MUST_USE;

/* -- binary numbers (array_convert.c) ------------------------------------------------------------------------------ */
/* kind: 'f' IEEE float, 'h' bfloat16, 'i' signed, 'u' unsigned, 'b' boolean. */
typedef struct sx_number_type {
    char kind;
    int size;
    bool big; /* most significant byte first */
} sx_number_type;
/* Checks every extent (>= 0), the product and the limit; sets ndim, shape and n. No memory is taken. */
sx_status sx_array_shape(const sx_source *s, int ndim, const int64_t *shape, sx_array *a) SX_MUST_USE;
/* data of `a` (shape set) from n numbers of the given type; the caller has checked the length of `payload`.
 * Refuses integers beyond 2^53, booleans other than 0 and 1 and, unless allowed, NaN and inf. */
sx_status sx_array_convert(const sx_source *s, sx_number_type type, bool fortran_order, const unsigned char *payload,
                           sx_array *a) SX_MUST_USE;
/* n unsigned bytes (<= 8) as one number. */
uint64_t sx_bytes_load(const unsigned char *p, int n, bool big);

/* -- compressed data (array_inflate.c) ----------------------------------------------------------------------------- */
/* Raw deflate of `n` bytes that must expand to exactly `size`, into a new block. */
sx_status sx_inflate_raw(const sx_source *s, const unsigned char *p, size_t n, int64_t size,
                         unsigned char **out) SX_MUST_USE;
/* A gzip file (any number of members) into a new block of at most `limit` bytes. CRCs are checked. */
sx_status sx_inflate_gzip(const sx_source *s, int64_t limit, unsigned char **out, size_t *size) SX_MUST_USE;
uint32_t sx_crc32(const unsigned char *p, size_t n);

/* -- text (array_text.c) ------------------------------------------------------------------------------------------- */
/* The text without byte order mark; refuses what is not UTF-8 and control characters other than tab, CR and LF. */
sx_status sx_text_check(const sx_source *s, const char **text, const char **end) SX_MUST_USE;
/* Lines of a text. `start..stop` is the present line without its end. */
typedef struct sx_lines {
    const sx_source *s;
    const char *p, *end;
    const char *start, *stop;
    int64_t line; /* number of the present line, from 1; 0 before the first */
} sx_lines;
/* The next line; *more = false at the end. LF and CR LF end a line. */
sx_status sx_lines_next(sx_lines *l, bool *more) SX_MUST_USE;
/* Column of a place in the present line: characters from 1. */
long sx_lines_column(const sx_lines *l, const char *at);
/* Record "FILE:LINE:COLUMN: message" as SX_E_FILE. */
sx_status sx_lines_fail(const sx_lines *l, const char *at, const char *format, ...) SX_PRINTF(3, 4);
/* A text for messages: at most 40 bytes, no control characters. Returns `out`. */
#define SX_QUOTE 48
const char *sx_text_quote(char out[SX_QUOTE], const char *text, int64_t n);
bool sx_utf8_valid(const char *text, size_t n, size_t *bad);
bool sx_text_equal(const char *text, int64_t n, const char *word); /* ignoring the case of ASCII letters */

typedef enum sx_number_kind {
    SX_NUMBER_FINITE,
    SX_NUMBER_INF,
    SX_NUMBER_NAN,
    SX_NUMBER_NOT,
    SX_NUMBER_RANGE
} sx_number_kind;
/* [+-] digits [. digits] [e [+-] digits], inf, infinity, nan; the whole of `text`, correctly rounded, in the C locale. */
sx_number_kind sx_number_scan(locale_t c_locale, const char *text, int64_t n, double *value);
/* The locale for sx_number_scan; free with freelocale. */
sx_status sx_number_locale(sx_ctx *ctx, locale_t *out) SX_MUST_USE;

/* Distinct texts, numbered in order of appearance. Zero-initialise; free with sx_names_free. */
typedef struct sx_names {
    char *pool; /* the texts, each with its NUL */
    int64_t used, room;
    int64_t *offset; /* place of text i in the pool */
    int64_t n, offsets;
    int64_t *slot; /* open hash table: index + 1, 0 = empty */
    int64_t slots;
} sx_names;
/* *index of the text; *fresh: it was added now. */
sx_status sx_names_add(sx_ctx *ctx, sx_names *names, const char *text, int64_t n, int64_t *index,
                       bool *fresh) SX_MUST_USE;
static inline const char *sx_names_at(const sx_names *names, int64_t i) {
    return names->pool + names->offset[i];
}
/* All texts as labels of an sx_array: one block of pointers and text. */
sx_status sx_names_labels(sx_ctx *ctx, const sx_names *names, char ***out) SX_MUST_USE;
void sx_names_free(sx_ctx *ctx, sx_names *names);
/* Names of the arrays of a container, in its order; the whole structure is checked as by the readers. */
sx_status sx_npz_names(const sx_source *s, sx_names *names) SX_MUST_USE;
sx_status sx_safetensors_names(const sx_source *s, sx_names *names) SX_MUST_USE;

/* Which (row, column) pairs of a sparse array are taken. */
typedef struct sx_pairs {
    int64_t *slot;
    int64_t slots;
} sx_pairs;
sx_status sx_pairs_create(sx_ctx *ctx, int64_t most, sx_pairs *out) SX_MUST_USE;
/* Enter pair k of the array (entries 0..k-1 are in). Returns the earlier entry with the same place, or -1. */
int64_t sx_pairs_add(sx_pairs *pairs, const sx_array *a, int64_t k);

#endif
