// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* A heat map as a PNG with a palette (ISO/IEC 15948): signature, IHDR, PLTE, tRNS, IDAT, IEND; colour 255 is transparent (no number). */
#include "report/figure.h"

#include <math.h>
#include <string.h>
#include <zlib.h>

typedef struct bytes {
    unsigned char *p;
    int64_t n;
} bytes;

static void put32(unsigned char *p, uint32_t v) {
    for (int k = 0; k < 4; k++) p[k] = (unsigned char)(v >> (24 - 8 * k));
}

static void chunk(bytes *b, const char *type, const unsigned char *data, int64_t n) {
    unsigned char *p = b->p + b->n;
    put32(p, (uint32_t)n);
    memcpy(p + 4, type, 4);
    if (n > 0) memcpy(p + 8, data, (size_t)n);
    put32(p + 8 + n, (uint32_t)crc32(0, p + 4, (uInt)(n + 4)));
    b->n += n + 12;
}

static sx_status encode(const sx_figure *f, sx_writer *out) {
    double low, high;
    bool diverging;
    int64_t width = f->columns, height = f->rows, raw_size = (width + 1) * height;
    uLongf size = compressBound((uLong)raw_size);
    unsigned char *raw = NULL, palette[768], alpha[256], header[13] = { 0 };
    bytes png = { 0 }, packed = { 0 };
    sx_status status;
    sx_figure_limits(f, &low, &high, &diverging);
    SX_GO(out->ctx, status, done, sx_alloc(out->ctx, raw_size, 1, &raw));
    SX_GO(out->ctx, status, done, sx_alloc(out->ctx, (int64_t)size, 1, &packed.p));
    SX_GO(out->ctx, status, done, sx_alloc(out->ctx, (int64_t)size + 1200, 1, &png.p));
    for (int64_t i = 0; i < height; i++)
        for (int64_t j = 0; j < width; j++) {
            double v = f->cells[(height - 1 - i) * width + j], u = fmin(1, fmax(0, (v - low) / (high - low)));
            raw[i * (width + 1) + 1 + j] = isfinite(v) ? (unsigned char)(254 * u + 0.5) : 255;
        }
    if (compress2(packed.p, &size, raw, (uLong)raw_size, 9) != Z_OK) {
        status = SX_FAIL(out->ctx, SX_E_INTERNAL, "figure %s: compression failed", f->id);
        goto done;
    }
    for (int k = 0; k < 256; k++) sx_figure_colour(k / 254.0, diverging, palette + 3 * k);
    memset(alpha, 255, sizeof alpha);
    alpha[255] = 0;
    put32(header, (uint32_t)width);
    put32(header + 4, (uint32_t)height);
    header[8] = 8; /* bits */
    header[9] = 3; /* palette */
    memcpy(png.p, "\x89PNG\r\n\x1a\n", 8);
    png.n = 8;
    chunk(&png, "IHDR", header, 13);
    chunk(&png, "PLTE", palette, 768);
    chunk(&png, "tRNS", alpha, 256);
    chunk(&png, "IDAT", packed.p, (int64_t)size);
    chunk(&png, "IEND", NULL, 0);
    sx_writer_add(out, "data:image/png;base64,");
    sx_writer_base64(out, png.p, png.n);
done:
    sx_free(out->ctx, raw);
    sx_free(out->ctx, packed.p);
    sx_free(out->ctx, png.p);
    return status;
}

void sx_figure_png(const sx_figure *figure, sx_writer *out) {
    if (out->status < 0) return;
    sx_status status = encode(figure, out);
    if (status < 0) out->status = status;
}
