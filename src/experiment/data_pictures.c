// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Sections [data.NAME] of pictures: PNG files as rows, and other sizes of pictures. */
#include "experiment/data.h"
#include "experiment/load.h"
#include "experiment/values.h"

#include "core/mutant.h"

#include <math.h>
#include <string.h>

static bool is_png(const char *file) {
    size_t n = strlen(file);
    return n > 4 && file[n - 4] == '.' && (file[n - 3] | 32) == 'p' && (file[n - 2] | 32) == 'n' &&
           (file[n - 1] | 32) == 'g';
}

bool sx_data_is_pictures(const sx_data_spec *d) {
    return d->files.n > 0 || (d->file && is_png(d->file));
}

/* Tiles of a picture, from left to right and from above, behind the rows that are there. */
static sx_status add_tiles(const sx_reader *r, const sx_toml_node *node, const char *file, const sx_array *a,
                           int64_t expected, sx_data *set, double **rows) {
    const int64_t h = set->image[0], w = set->image[1], down = a->shape[0] / h, across = a->shape[1] / w;
    if (a->shape[0] % h != 0 || a->shape[1] % w != 0)
        return sx_node_fail(r, node, SX_E_FILE, "%s: %lld x %lld pixels cannot be cut into pictures of %lld x %lld",
                            file, (long long)a->shape[0], (long long)a->shape[1], (long long)h, (long long)w);
    if (expected > 0 && down * across != expected)
        return sx_node_fail(r, node, SX_E_FILE, "%s: %lld x %lld pixels: want the size of the first picture", file,
                            (long long)a->shape[0], (long long)a->shape[1]);
    for (int64_t k = 0; k < down * across; k++, set->rows++)
        for (int64_t i = 0; i < h; i++)
            memcpy(*rows + set->rows * h * w + i * w, a->data + (k / across * h + i) * a->shape[1] + k % across * w,
                   (size_t)w * sizeof **rows);
    return SX_OK;
}

sx_status sx_data_pictures(const sx_reader *r, const sx_data_spec *d, sx_data *out) {
    const int64_t count = d->file ? 1 : d->files.n;
    const sx_toml_node *node = sx_toml_get(d->node, d->file ? "file" : "files");
    sx_data set = { .name = d->name };
    double *rows = NULL;
    int64_t each = 0;
    if (d->image.n == 2) set.image[0] = (int64_t)d->image.data[0], set.image[1] = (int64_t)d->image.data[1];
    for (int64_t k = 0; k < count; k++) {
        const char *file = d->file ? d->file : d->files.text[k];
        const sx_toml_node *where = d->file ? node : sx_toml_at(node, k);
        const sx_read_opts ro = { .header = -1, .missing_error = true };
        sx_array a = { 0 };
        if (!is_png(file)) return sx_node_fail(r, where, SX_E_USAGE, "files: '%s': want pictures, .png", file);
        SX_TRY(r->ctx, sx_values_file(r, where, file, &ro, &a));
        if (set.image[0] == 0) set.image[0] = a.shape[0], set.image[1] = a.shape[1];
        sx_status status = SX_OK;
        if (k == 0) {
            each = a.n / (set.image[0] * set.image[1]);
            status = sx_arena_alloc(r->ctx, r->arena, a.n * count + 1, sizeof *rows, &rows);
        }
        if (status == SX_OK) status = add_tiles(r, where, file, &a, k > 0 ? each : 0, &set, &rows);
        sx_array_free(r->ctx, &a);
        if (status < 0) return status;
    }
    set.columns = set.image[0] * set.image[1];
    set.x = rows;
    *out = set;
    return SX_OK;
}

/* ------------------------------------------------------------------------------------------------------------------ other sizes */

/* Position of output i among the inputs, and the weights of the inputs about it: 1 - |x + 1/2 - c| / f with c = (i + 1/2) s, s = in/out, f = max(1, s),
 * divided by their sum: linear interpolation where a picture grows, an average over what becomes one pixel where it shrinks. */
static void weights(int64_t in, int64_t out, int64_t i, int64_t *first, int64_t *count, double *w) {
    const double s = (double)in / (double)out, f = SX_MUTANT(resize_average) || s < 1 ? 1 : s,
                 c = ((double)i + 0.5) * s;
    double sum = 0;
    int64_t from = (int64_t)fmax(0, floor(c - f + 0.5)), to = (int64_t)fmin((double)in, floor(c + f + 0.5));
    for (int64_t x = from; x < to; x++) {
        w[x - from] = fmax(0, 1 - fabs((double)x + 0.5 - c) / f);
        sum += w[x - from];
    }
    for (int64_t x = from; x < to; x++) w[x - from] /= sum;
    *first = from;
    *count = to - from;
}

/* Every line of `n` numbers at a stride becomes one of `m`. */
static void resample(int64_t lines, int64_t n, int64_t m, int64_t line, int64_t stride, const double *x,
                     int64_t line_out, int64_t stride_out, double *y, double *w) {
    for (int64_t i = 0; i < m; i++) {
        int64_t first, count;
        weights(n, m, i, &first, &count, w);
        for (int64_t k = 0; k < lines; k++) {
            double sum = 0;
            for (int64_t q = 0; q < count; q++) sum += w[q] * x[k * line + (first + q) * stride];
            y[k * line_out + i * stride_out] = sum;
        }
    }
}

sx_status sx_data_resize(const sx_reader *r, int64_t height, int64_t width, sx_data *set) {
    const int64_t h = set->image[0], w = set->image[1];
    double *between = NULL, *scratch = NULL, *x = NULL;
    int64_t size;
    sx_status status;
    SX_TRY(r->ctx, sx_mul_size(r->ctx, height, width, &size));
    SX_TRY(r->ctx, sx_mul_size(r->ctx, size, set->rows, &size));
    SX_TRY(r->ctx, sx_arena_alloc(r->ctx, r->arena, size, sizeof *x, &x));
    SX_GO(r->ctx, status, done, sx_alloc(r->ctx, h * width, sizeof *between, &between));
    SX_GO(r->ctx, status, done, sx_alloc(r->ctx, (h > w ? h : w) + 2, sizeof *scratch, &scratch));
    for (int64_t k = 0; k < set->rows; k++) {
        resample(h, w, width, w, 1, set->x + k * h * w, width, 1, between, scratch);
        resample(width, h, height, 1, width, between, 1, width, x + k * height * width, scratch);
    }
    set->x = x;
    set->columns = height * width;
    set->image[0] = height;
    set->image[1] = width;
done:
    sx_free(r->ctx, scratch);
    sx_free(r->ctx, between);
    return status;
}
