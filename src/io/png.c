// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Pictures in PNG (ISO/IEC 15948; W3C Recommendation, third edition 2025): an array (height, width) of the stored grey values, 0 to 2^depth - 1; colours
 * become the luma 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601), also those of a palette. Opacity is not used. Interlaced pictures are refused. */
#include "io/array_private.h"

#include <stdlib.h>
#include <string.h>

#define SIDE_LIMIT 65536

enum { GREY = 0, COLOUR = 2, PALETTE = 3, GREY_ALPHA = 4, COLOUR_ALPHA = 6 };

typedef struct picture {
    int64_t width, height, row; /* row: bytes of a line without its filter */
    int depth, colour, channels;
    unsigned char palette[768];
    int64_t colours;
    unsigned char *packed; /* owned: the data of all IDAT chunks */
    int64_t n_packed;
} picture;

static uint32_t four(const unsigned char *p) {
    return (uint32_t)sx_bytes_load(p, 4, true);
}

static sx_status read_header(const sx_source *s, const unsigned char *p, uint32_t n, picture *v) {
    static const int channels[7] = { 1, 0, 3, 1, 2, 0, 4 };
    if (n != 13) return SX_FAIL(s->ctx, SX_E_FILE, "%s: the header IHDR has %u bytes: want 13", s->name, n);
    v->width = four(p);
    v->height = four(p + 4);
    v->depth = p[8];
    v->colour = p[9];
    if (v->width < 1 || v->height < 1 || v->width > SIDE_LIMIT || v->height > SIDE_LIMIT)
        return SX_FAIL(s->ctx, SX_E_FILE, "%s: %lld x %lld pixels: want 1 to %d each", s->name, (long long)v->width,
                       (long long)v->height, SIDE_LIMIT);
    bool known = v->colour <= 6 && channels[v->colour] > 0;
    bool small = v->depth == 1 || v->depth == 2 || v->depth == 4;
    if (!known || !(v->depth == 8 || (small && (v->colour == GREY || v->colour == PALETTE)) ||
                    (v->depth == 16 && v->colour != PALETTE)))
        return SX_FAIL(s->ctx, SX_E_FILE, "%s: colour type %d with %d bits is not one of PNG", s->name, v->colour,
                       v->depth);
    if (p[10] != 0 || p[11] != 0)
        return SX_FAIL(s->ctx, SX_E_FILE, "%s: compression %d, filter %d: want 0 and 0", s->name, p[10], p[11]);
    if (p[12] != 0) return SX_FAIL(s->ctx, SX_E_FILE, "%s: interlaced pictures are not read: save it without", s->name);
    v->channels = channels[v->colour];
    v->row = (v->width * v->channels * v->depth + 7) / 8;
    return SX_OK;
}

/* Chunks: length, type, data, CRC of type and data. */
static sx_status read_chunks(const sx_source *s, picture *v) {
    static const unsigned char signature[8] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };
    const unsigned char *p = s->bytes + 8, *end = s->bytes + s->n;
    if (s->n < 8 || memcmp(s->bytes, signature, 8) != 0)
        return SX_FAIL(s->ctx, SX_E_FILE, "%s: not a PNG file", s->name);
    SX_TRY(s->ctx, sx_alloc(s->ctx, (int64_t)s->n, 1, &v->packed));
    for (bool first = true, more = true; more; first = false) {
        if (end - p < 12) return SX_FAIL(s->ctx, SX_E_FILE, "%s: the file ends before its last chunk IEND", s->name);
        const uint32_t n = four(p);
        const unsigned char *type = p + 4, *data = p + 8;
        if ((int64_t)n > end - p - 12)
            return SX_FAIL(s->ctx, SX_E_FILE, "%s: the file ends within a chunk of %u bytes", s->name, n);
        if (four(data + n) != sx_crc32(type, (size_t)n + 4))
            return SX_FAIL(s->ctx, SX_E_FILE, "%s: the checksum of a chunk is wrong: the file is damaged", s->name);
        if (first != (memcmp(type, "IHDR", 4) == 0))
            return SX_FAIL(s->ctx, SX_E_FILE, "%s: the header IHDR must be the first chunk, and there once", s->name);
        if (first) SX_TRY(s->ctx, read_header(s, data, n, v));
        if (memcmp(type, "PLTE", 4) == 0) {
            if (n % 3 != 0 || n == 0 || n > sizeof v->palette)
                return SX_FAIL(s->ctx, SX_E_FILE, "%s: a palette of %u bytes", s->name, n);
            memcpy(v->palette, data, n);
            v->colours = n / 3;
        } else if (memcmp(type, "IDAT", 4) == 0) {
            memcpy(v->packed + v->n_packed, data, n);
            v->n_packed += n;
        } else if (memcmp(type, "IEND", 4) == 0) {
            more = false;
        } else if (!first && type[0] >= 'A' && type[0] <= 'Z') {
            return SX_FAIL(s->ctx, SX_E_FILE, "%s: an unknown chunk that must be understood", s->name);
        }
        p = data + n + 4;
    }
    if (v->colour == PALETTE && v->colours == 0)
        return SX_FAIL(s->ctx, SX_E_FILE, "%s: the palette is missing", s->name);
    return SX_OK;
}

static int paeth(int a, int b, int c) {
    int p = a + b - c, pa = abs(p - a), pb = abs(p - b), pc = abs(p - c);
    return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
}

/* Lines of a filter byte and `row` bytes, in place: a left of, b above, c above left of a byte x, which becomes x + prediction. */
static sx_status unfilter(const sx_source *s, const picture *v, unsigned char *lines) {
    const int64_t pixel = v->depth * v->channels >= 8 ? v->depth * v->channels / 8 : 1;
    for (int64_t y = 0; y < v->height; y++) {
        unsigned char *line = lines + y * (v->row + 1) + 1;
        const unsigned char *above = y > 0 ? line - v->row - 1 : NULL;
        const int filter = line[-1];
        if (filter > 4)
            return SX_FAIL(s->ctx, SX_E_FILE, "%s: line %lld has the filter %d: want 0 to 4", s->name, (long long)y,
                           filter);
        for (int64_t i = 0; i < v->row; i++) {
            int a = i >= pixel ? line[i - pixel] : 0, b = above ? above[i] : 0,
                c = above && i >= pixel ? above[i - pixel] : 0;
            int prediction = filter == 0   ? 0
                             : filter == 1 ? a
                             : filter == 2 ? b
                             : filter == 3 ? (a + b) / 2
                                           : paeth(a, b, c);
            line[i] = (unsigned char)(line[i] + prediction);
        }
    }
    return SX_OK;
}

static unsigned sample(const picture *v, const unsigned char *line, int64_t i) {
    if (v->depth == 16) return 256u * line[2 * i] + line[2 * i + 1];
    if (v->depth == 8) return line[i];
    int64_t bit = i * v->depth;
    return ((unsigned)line[bit / 8] >> (8 - v->depth - bit % 8)) & ((1u << v->depth) - 1);
}

static double luma(double r, double g, double b) {
    return (299 * r + 587 * g + 114 * b) / 1000;
}

static sx_status grey_values(const sx_source *s, const picture *v, const unsigned char *lines, double *out) {
    for (int64_t y = 0; y < v->height; y++) {
        const unsigned char *line = lines + y * (v->row + 1) + 1;
        for (int64_t x = 0; x < v->width; x++) {
            unsigned first = sample(v, line, x * v->channels);
            double grey = first;
            if (v->colour == PALETTE) {
                if ((int64_t)first >= v->colours)
                    return SX_FAIL(s->ctx, SX_E_FILE, "%s: colour %u of a palette of %lld", s->name, first,
                                   (long long)v->colours);
                const unsigned char *c = v->palette + 3 * first;
                grey = luma(c[0], c[1], c[2]);
            } else if (v->channels >= 3) {
                grey = luma(first, sample(v, line, x * v->channels + 1), sample(v, line, x * v->channels + 2));
            }
            out[y * v->width + x] = grey;
        }
    }
    return SX_OK;
}

sx_status sx_png_parse(const sx_source *s, sx_array *a) {
    picture v = { 0 };
    unsigned char *lines = NULL;
    sx_status status;
    SX_GO(s->ctx, status, done, read_chunks(s, &v));
    const int64_t shape[2] = { v.height, v.width };
    SX_GO(s->ctx, status, done, sx_array_shape(s, 2, shape, a));
    /* zlib's two bytes, deflated lines, a checksum of four bytes; every chunk has a checksum of its own */
    if (v.n_packed < 6 || (v.packed[0] & 15) != 8 || (v.packed[0] * 256 + v.packed[1]) % 31 != 0 ||
        (v.packed[1] & 32)) {
        status = SX_FAIL(s->ctx, SX_E_FILE, "%s: the pixels are not packed as PNG says", s->name);
        goto done;
    }
    SX_GO(s->ctx, status, done,
          sx_inflate_raw(s, v.packed + 2, (size_t)v.n_packed - 6, v.height * (v.row + 1), &lines));
    SX_GO(s->ctx, status, done, unfilter(s, &v, lines));
    SX_GO(s->ctx, status, done, sx_alloc(s->ctx, a->n, sizeof *a->data, &a->data));
    SX_GO(s->ctx, status, done, grey_values(s, &v, lines, a->data));
done:
    sx_free(s->ctx, lines);
    sx_free(s->ctx, v.packed);
    return status;
}
