// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* One fuzzed file: parse it with a small limit, read everything the array says it has, leak nothing. */
#ifndef SX_TESTS_FUZZ_ARRAY_H
#define SX_TESTS_FUZZ_ARRAY_H

#include <separatrix/io.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void fuzz_array(const char *format, const uint8_t *data, size_t size, sx_read_opts opts) {
    sx_ctx *ctx = sx_ctx_create(NULL);
    sx_array a = { 0 };
    volatile double sum = 0;
    if (!ctx) return;
    opts.max_bytes = 1 << 20;
    sx_status status = sx_array_parse(ctx, "f", format, data, size, &opts, &a);
    if (status == SX_OK) {
        for (int64_t i = 0; i < a.n; i++) sum += a.data[i];
        for (int64_t k = 0; k < a.nnz; k++) {
            if (a.row[k] < 0 || a.row[k] >= a.shape[0] || a.column[k] < 0 || a.column[k] >= a.shape[1]) abort();
            sum += a.value[k];
        }
        if (a.row_labels)
            for (int64_t i = 0; i < a.shape[0]; i++) sum += (double)strlen(a.row_labels[i]);
        if (a.column_labels)
            for (int64_t i = 0; i < a.shape[1]; i++) sum += (double)strlen(a.column_labels[i]);
        if (a.n * (int64_t)sizeof(double) > opts.max_bytes) abort();
        sx_array_free(ctx, &a);
    } else if (status != SX_E_FILE)
        abort();
    if (sx_ctx_bytes(ctx) != 0) abort();
    sx_ctx_free(ctx);
}

#endif
