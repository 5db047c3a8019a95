// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Files that are whole or absent: write to a temporary name in the same directory, fsync, verify, rename, fsync the directory. */
#ifndef SX_CORE_FILE_H
#define SX_CORE_FILE_H

#include <separatrix/context.h>

typedef struct sx_chunk {
    const void *data;
    size_t size;
} sx_chunk;
/* Write the chunks one after the other as file `name` in directory `dir`. Space is reserved first, so a full disk harms nothing.
 * SX_E_IO names path, bytes and reason. */
SX_API sx_status sx_file_replace(sx_ctx *ctx, const char *dir, const char *name, const sx_chunk *chunks,
                                 int n) SX_MUST_USE;
/* Whole content of a regular file (no symlink followed when nofollow). Free with sx_free. Refuses more than max_bytes.
 * A zero byte follows the content. SX_E_FILE: missing, not a regular file, too large; SX_E_IO: reading failed. */
SX_API sx_status sx_file_slurp(sx_ctx *ctx, const char *path, int64_t max_bytes, bool nofollow, char **out,
                               size_t *size) SX_MUST_USE;
/* CRC-32C (crc: 0, or the sum of what came before) and a keyed 128-bit hash (two 64-bit lanes, see file.c), to verify content. */
SX_API uint32_t sx_crc32c(uint32_t crc, const void *data, size_t n);
uint32_t sx_crc32c_portable(uint32_t crc, const void *data, size_t n); /* without the CRC instruction: for the test */
typedef struct sx_hash128 {
    uint64_t h[2];
} sx_hash128;
SX_API sx_hash128 sx_hash(const void *data, size_t n, uint64_t seed);

#endif
