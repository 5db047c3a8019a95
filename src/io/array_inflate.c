// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Inflating with zlib: memory comes from the context, the expansion is bounded by size and by ratio. */
#include "io/array_private.h"

#include <limits.h>
#include <zlib.h>

static void *zlib_alloc(void *ctx, unsigned items, unsigned size) {
    void *block = NULL;
    return sx_alloc((sx_ctx *)ctx, (int64_t)items, size, &block) == SX_OK ? block : NULL;
}

static void zlib_free(void *ctx, void *block) {
    sx_free((sx_ctx *)ctx, block);
}

static sx_status inflate_start(const sx_source *s, z_stream *z, int window_bits) {
    *z = (z_stream){ .zalloc = zlib_alloc, .zfree = zlib_free, .opaque = s->ctx };
    if (inflateInit2(z, window_bits) != Z_OK)
        return SX_FAIL(s->ctx, SX_E_MEMORY, "%s: no memory to inflate it", s->name);
    return SX_OK;
}

/* One call of inflate with 64-bit lengths: *in and *out are moved forward. */
static int inflate_some(z_stream *z, const unsigned char **in, const unsigned char *in_end, unsigned char **out,
                        const unsigned char *out_end) {
    size_t give = (size_t)(in_end - *in), room = (size_t)(out_end - *out);
    z->next_in = (unsigned char *)(uintptr_t)*in; /* zlib's interface lacks const */
    z->avail_in = give > UINT_MAX ? UINT_MAX : (unsigned)give;
    z->next_out = *out;
    z->avail_out = room > UINT_MAX ? UINT_MAX : (unsigned)room;
    int code = inflate(z, Z_NO_FLUSH);
    *in = z->next_in;
    *out = z->next_out;
    return code;
}

static sx_status check_ratio(const sx_source *s, int64_t size, size_t packed) {
    if (size > SX_INFLATE_FREE && (size_t)size / SX_INFLATE_RATIO > packed)
        return SX_FAIL(s->ctx, SX_E_FILE,
                       "%s: expands more than %d-fold, from %llu to %lld bytes or more, which is refused; save it "
                       "uncompressed",
                       s->name, SX_INFLATE_RATIO, (unsigned long long)packed, (long long)size);
    return SX_OK;
}

sx_status sx_inflate_raw(const sx_source *s, const unsigned char *p, size_t n, int64_t size, unsigned char **out) {
    sx_status status = SX_OK;
    z_stream z;
    unsigned char *block = NULL, *at, extra;
    const unsigned char *in = p;
    int code;
    SX_TRY(s->ctx, check_ratio(s, size, n));
    SX_TRY(s->ctx, inflate_start(s, &z, -MAX_WBITS));
    SX_GO(s->ctx, status, done, sx_alloc(s->ctx, size, 1, &block));
    at = block;
    do code = inflate_some(&z, &in, p + n, &at, block + size);
    while (code == Z_OK && at < block + size);
    if (code == Z_OK || code == Z_BUF_ERROR) { /* the block is full (or was empty); the stream must end without more */
        unsigned char *more = &extra;
        code = inflate_some(&z, &in, p + n, &more, &extra + 1);
        if (more != &extra) code = Z_DATA_ERROR;
    }
    if (code == Z_MEM_ERROR)
        status = SX_FAIL(s->ctx, SX_E_MEMORY, "%s: no memory to inflate it", s->name);
    else if (code != Z_STREAM_END || at != block + size || in != p + n)
        status = SX_FAIL(s->ctx, SX_E_FILE, "%s: the compressed data are damaged or not of the declared size", s->name);
done:
    (void)inflateEnd(&z);
    if (status < 0)
        sx_free(s->ctx, block);
    else
        *out = block;
    return status;
}

sx_status sx_inflate_gzip(const sx_source *s, int64_t limit, unsigned char **out, size_t *size) {
    sx_status status = SX_OK;
    z_stream z;
    unsigned char *block = NULL, *at;
    const unsigned char *in = s->bytes, *end = s->bytes + s->n;
    int64_t room = s->n < (size_t)limit / 4 ? 4 * (int64_t)s->n + 64 : limit;
    int code;
    if (room > limit) room = limit;
    if (s->n < 18 || in[0] != 0x1f || in[1] != 0x8b)
        return SX_FAIL(s->ctx, SX_E_FILE, "%s: not a gzip file; its first bytes must be 1f 8b", s->name);
    SX_TRY(s->ctx, inflate_start(s, &z, MAX_WBITS + 16));
    SX_GO(s->ctx, status, done, sx_alloc(s->ctx, room, 1, &block));
    at = block;
    for (;;) {
        const unsigned char *in_before = in, *at_before = at;
        code = inflate_some(&z, &in, end, &at, block + room);
        if (code == Z_STREAM_END) {
            if (in == end) break;
            if (inflateReset(&z) != Z_OK) code = Z_DATA_ERROR; /* another member follows */
        }
        if (code != Z_OK && code != Z_BUF_ERROR && code != Z_STREAM_END) break;
        int64_t used = at - block;
        SX_GO(s->ctx, status, done, check_ratio(s, used, s->n));
        if (used == room) {
            if (room >= limit) {
                status = SX_FAIL(s->ctx, SX_E_FILE, "%s: expands to more than the limit of %lld bytes", s->name,
                                 (long long)limit);
                goto done;
            }
            room = room > limit / 2 ? limit : 2 * room;
            SX_GO(s->ctx, status, done, sx_resize(s->ctx, room, 1, &block));
            at = block + used;
        } else if (in == in_before && at == at_before && code != Z_STREAM_END)
            break; /* no progress: truncated */
    }
    if (code == Z_MEM_ERROR)
        status = SX_FAIL(s->ctx, SX_E_MEMORY, "%s: no memory to inflate it", s->name);
    else if (code != Z_STREAM_END)
        status = SX_FAIL(s->ctx, SX_E_FILE, "%s: the gzip data are damaged or truncated near byte %llu", s->name,
                         (unsigned long long)(in - s->bytes));
done:
    (void)inflateEnd(&z);
    if (status < 0)
        sx_free(s->ctx, block);
    else {
        *out = block;
        *size = (size_t)(at - block);
    }
    return status;
}

uint32_t sx_crc32(const unsigned char *p, size_t n) {
    uLong crc = crc32(0, NULL, 0);
    while (n > 0) {
        unsigned part = n > (1u << 30) ? 1u << 30 : (unsigned)n;
        crc = crc32(crc, p, part);
        p += part;
        n -= part;
    }
    return (uint32_t)crc;
}
