// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Arrays from files: the format is chosen by the extension. */
#include "core/file.h"
#include "io/array_private.h"

#include <string.h>

static const struct {
    const char *extension;
    sx_status (*parse)(const sx_source *s, sx_array *a);
    bool text;
} formats[] = {
    { "npy", sx_npy_parse, false },
    { "npz", sx_npz_parse, false },
    { "csv.gz", sx_csv_parse, true },
    { "csv", sx_csv_parse, true },
    { "txt", sx_csv_parse, true },
    { "mtx", sx_mtx_parse, true },
    { "safetensors", sx_safetensors_parse, false },
    { "png", sx_png_parse, false },
};
#define FORMATS ((int)(sizeof formats / sizeof *formats))

static const sx_read_opts no_opts = { .header = -1, .missing_error = true };

void sx_array_free(sx_ctx *ctx, sx_array *a) {
    if (!a) return;
    sx_free(ctx, a->data);
    sx_free(ctx, a->row_labels);
    sx_free(ctx, a->column_labels);
    sx_free(ctx, a->row);
    sx_free(ctx, a->column);
    sx_free(ctx, a->value);
    *a = (sx_array){ 0 };
}

static int64_t data_limit(const sx_read_opts *opts) {
    return opts->max_bytes > 0 ? opts->max_bytes : SX_ARRAY_LIMIT;
}

/* Text is larger than its numbers. */
static int64_t file_limit(int format, const sx_read_opts *opts) {
    int64_t limit = data_limit(opts), most = INT64_MAX / SX_TEXT_PER_NUMBER;
    if (limit > most) limit = most;
    return formats[format].text ? SX_TEXT_PER_NUMBER * limit : limit + SX_SAFETENSORS_LIMIT;
}

static sx_status parse(sx_ctx *ctx, const char *name, int format, const void *bytes, size_t n, const sx_read_opts *opts,
                       sx_array *out) {
    sx_source s = { ctx, name, formats[format].extension, bytes, n, opts, data_limit(opts) };
    sx_array a = { 0 };
    unsigned char *block = NULL;
    sx_status status = SX_OK;
    if (strcmp(s.format, "csv.gz") == 0) {
        SX_TRY(ctx, sx_inflate_gzip(&s, file_limit(format, opts), &block, &s.n));
        s.bytes = block;
    }
    SX_GO(ctx, status, done, formats[format].parse(&s, &a));
    *out = a;
    a = (sx_array){ 0 };
done:
    sx_free(ctx, block);
    sx_array_free(ctx, &a);
    return status;
}

sx_status sx_array_parse(sx_ctx *ctx, const char *name, const char *format, const void *bytes, size_t n,
                         const sx_read_opts *opts, sx_array *out) {
    for (int k = 0; k < FORMATS; k++)
        if (sx_text_equal(format, (int64_t)strlen(format), formats[k].extension)) {
            SX_TRY(ctx, parse(ctx, name, k, n > 0 ? bytes : "", n, opts ? opts : &no_opts, out));
            return SX_OK;
        }
    return SX_FAIL(ctx, SX_E_USAGE,
                   "%s: format '%s' is not read; npy, npz, csv, csv.gz, txt, mtx, safetensors and png are", name,
                   format);
}

sx_status sx_array_names(sx_ctx *ctx, const char *name, const char *format, const void *bytes, size_t n, char ***out,
                         int64_t *count) {
    sx_source s = { ctx, name, format, n > 0 ? bytes : "", n, &no_opts, SX_ARRAY_LIMIT };
    bool npz = sx_text_equal(format, (int64_t)strlen(format), "npz");
    if (!npz && !sx_text_equal(format, (int64_t)strlen(format), "safetensors"))
        return SX_FAIL(ctx, SX_E_USAGE, "%s: arrays have names in .npz and .safetensors files, not in .%s", name,
                       format);
    sx_names names = { 0 };
    sx_status status = SX_OK;
    SX_GO(ctx, status, done, npz ? sx_npz_names(&s, &names) : sx_safetensors_names(&s, &names));
    SX_GO(ctx, status, done, sx_names_labels(ctx, &names, out));
    *count = names.n;
done:
    sx_names_free(ctx, &names);
    return status;
}

sx_status sx_array_read(sx_ctx *ctx, const char *path, const sx_read_opts *opts, sx_array *out) {
    size_t n = strlen(path), size = 0;
    char *bytes = NULL;
    if (!opts) opts = &no_opts;
    for (int k = 0; k < FORMATS; k++) {
        const char *extension = formats[k].extension;
        size_t length = strlen(extension);
        if (n < length + 2 || path[n - length - 1] != '.' ||
            !sx_text_equal(path + n - length, (int64_t)length, extension))
            continue;
        SX_TRY(ctx, sx_file_slurp(ctx, path, file_limit(k, opts), false, &bytes, &size));
        sx_status status = parse(ctx, path, k, bytes, size, opts, out);
        sx_free(ctx, bytes);
        SX_TRY(ctx, status);
        return SX_OK;
    }
    return SX_FAIL(ctx, SX_E_FILE, "%s: arrays are read from .npy, .npz, .csv, .csv.gz, .txt, .mtx and .safetensors",
                   path);
}
