// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Pictures in PNG, read by libpng: an array (height, width) of the stored grey values, 0 to 2^depth - 1; colours become the luma
 * 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601), also those of a palette. Opacity is not used. */
#include "io/array_private.h"

#include <png.h>

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE_LIMIT = 65536, WORKSPACE = 4 << 20 };

/* What libpng's callbacks and the code after a long jump share. */
typedef struct picture {
    const sx_source *s;
    size_t at; /* bytes that are read */
    bool out_of_memory;
    char message[160]; /* of the error that ended it */
    png_structp png;
    png_infop info;
    int64_t width, height, row; /* row: bytes of a line */
    int channels, wide;         /* wide: bytes of a sample */
    unsigned char *lines;       /* owned */
} picture;

static void read_bytes(png_structp png, png_bytep out, png_size_t n) {
    picture *v = png_get_io_ptr(png);
    if (n > v->s->n - v->at) png_error(png, "the file ends too early");
    memcpy(out, v->s->bytes + v->at, n);
    v->at += n;
}

static void on_error(png_structp png, png_const_charp text) {
    picture *v = png_get_error_ptr(png);
    snprintf(v->message, sizeof v->message, "%s", text);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text) {
    (void)png;
    (void)text;
}

/* No more than a chunk, which is in the file, or lines and tables: what a damaged length asks for is refused, and libpng skips that chunk. */
static png_voidp take(png_structp png, png_alloc_size_t n) {
    picture *v = png_get_mem_ptr(png);
    void *p = NULL;
    if (n > v->s->n + WORKSPACE) return NULL;
    if (sx_alloc(v->s->ctx, (int64_t)n, 1, &p) < 0) v->out_of_memory = true;
    return p;
}

static void give_back(png_structp png, png_voidp p) {
    picture *v = png_get_mem_ptr(png);
    sx_free(v->s->ctx, p);
}

/* Samples of one or two bytes, palettes as colours, no opacity; a damaged chunk of any kind is an error. */
static void read_header(picture *v) {
    png_structp png = v->png;
    png_set_read_fn(png, v, read_bytes);
    png_set_user_limits(png, SIDE_LIMIT, SIDE_LIMIT);
    png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    png_read_info(png, v->info);
    if (png_get_color_type(png, v->info) == PNG_COLOR_TYPE_PALETTE)
        png_set_palette_to_rgb(png);
    else
        png_set_packing(png);
    png_set_strip_alpha(png);
    (void)png_set_interlace_handling(png);
    png_read_update_info(png, v->info);
    v->width = png_get_image_width(png, v->info);
    v->height = png_get_image_height(png, v->info);
    v->channels = png_get_channels(png, v->info);
    v->wide = png_get_bit_depth(png, v->info) == 16 ? 2 : 1;
    v->row = (int64_t)png_get_rowbytes(png, v->info);
}

static void read_lines(picture *v) {
    for (int pass = png_set_interlace_handling(v->png); pass > 0; pass--)
        for (int64_t y = 0; y < v->height; y++) png_read_row(v->png, v->lines + y * v->row, NULL);
    png_read_end(v->png, NULL);
}

/* False when libpng gave up; nothing of the caller's lives in registers across the jump. */
static bool guarded(picture *v, void (*step)(picture *)) {
    if (setjmp(png_jmpbuf(v->png))) return false;
    step(v);
    return true;
}

static sx_status failure(const picture *v) {
    if (v->out_of_memory) return SX_E_MEMORY;
    return SX_FAIL(v->s->ctx, SX_E_FILE, "%s: not a PNG that can be read: %s", v->s->name, v->message);
}

static double sample(const picture *v, const unsigned char *line, int64_t i) {
    return v->wide == 2 ? 256.0 * line[2 * i] + line[2 * i + 1] : line[i];
}

static void grey_values(const picture *v, double *out) {
    for (int64_t y = 0; y < v->height; y++) {
        const unsigned char *line = v->lines + y * v->row;
        for (int64_t x = 0; x < v->width; x++) {
            const int64_t i = x * v->channels;
            double grey = sample(v, line, i);
            if (v->channels >= 3)
                grey = (299 * grey + 587 * sample(v, line, i + 1) + 114 * sample(v, line, i + 2)) / 1000;
            out[y * v->width + x] = grey;
        }
    }
}

sx_status sx_png_parse(const sx_source *s, sx_array *a) {
    picture v = { .s = s };
    sx_status status = SX_OK;
    v.png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &v, on_error, on_warning, &v, take, give_back);
    if (!v.png) return v.out_of_memory ? SX_E_MEMORY : SX_FAIL(s->ctx, SX_E_FILE, "%s: libpng: %s", s->name, v.message);
    v.info = png_create_info_struct(v.png);
    if (!v.info || !guarded(&v, read_header)) {
        status = failure(&v);
        goto done;
    }
    const int64_t shape[2] = { v.height, v.width };
    SX_GO(s->ctx, status, done, sx_array_shape(s, 2, shape, a));
    SX_GO(s->ctx, status, done, sx_alloc(s->ctx, v.height * v.row, 1, &v.lines));
    if (!guarded(&v, read_lines) || v.out_of_memory) {
        status = failure(&v);
        goto done;
    }
    SX_GO(s->ctx, status, done, sx_alloc(s->ctx, a->n, sizeof *a->data, &a->data));
    grey_values(&v, a->data);
done:
    sx_free(s->ctx, v.lines);
    png_destroy_read_struct(&v.png, &v.info, NULL);
    return status;
}
