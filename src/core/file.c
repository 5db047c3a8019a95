// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Files that are whole or absent, and the two sums that verify content. */
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__x86_64__) && defined(__GNUC__)
#include <nmmintrin.h>
#define SX_HAVE_SSE42 1
#endif

/* -- checksums --------------------------------------------------------------------------------------------------------------------- */

/* CRC-32C (Castagnoli), polynomial 0x1EDC6F41, reflected: remainders of the 256 bytes (RFC 3720, appendix B.4). */
static const uint32_t crc_table[256] = {
    0x00000000u, 0xf26b8303u, 0xe13b70f7u, 0x1350f3f4u, 0xc79a971fu, 0x35f1141cu, 0x26a1e7e8u, 0xd4ca64ebu, 0x8ad958cfu,
    0x78b2dbccu, 0x6be22838u, 0x9989ab3bu, 0x4d43cfd0u, 0xbf284cd3u, 0xac78bf27u, 0x5e133c24u, 0x105ec76fu, 0xe235446cu,
    0xf165b798u, 0x030e349bu, 0xd7c45070u, 0x25afd373u, 0x36ff2087u, 0xc494a384u, 0x9a879fa0u, 0x68ec1ca3u, 0x7bbcef57u,
    0x89d76c54u, 0x5d1d08bfu, 0xaf768bbcu, 0xbc267848u, 0x4e4dfb4bu, 0x20bd8edeu, 0xd2d60dddu, 0xc186fe29u, 0x33ed7d2au,
    0xe72719c1u, 0x154c9ac2u, 0x061c6936u, 0xf477ea35u, 0xaa64d611u, 0x580f5512u, 0x4b5fa6e6u, 0xb93425e5u, 0x6dfe410eu,
    0x9f95c20du, 0x8cc531f9u, 0x7eaeb2fau, 0x30e349b1u, 0xc288cab2u, 0xd1d83946u, 0x23b3ba45u, 0xf779deaeu, 0x05125dadu,
    0x1642ae59u, 0xe4292d5au, 0xba3a117eu, 0x4851927du, 0x5b016189u, 0xa96ae28au, 0x7da08661u, 0x8fcb0562u, 0x9c9bf696u,
    0x6ef07595u, 0x417b1dbcu, 0xb3109ebfu, 0xa0406d4bu, 0x522bee48u, 0x86e18aa3u, 0x748a09a0u, 0x67dafa54u, 0x95b17957u,
    0xcba24573u, 0x39c9c670u, 0x2a993584u, 0xd8f2b687u, 0x0c38d26cu, 0xfe53516fu, 0xed03a29bu, 0x1f682198u, 0x5125dad3u,
    0xa34e59d0u, 0xb01eaa24u, 0x42752927u, 0x96bf4dccu, 0x64d4cecfu, 0x77843d3bu, 0x85efbe38u, 0xdbfc821cu, 0x2997011fu,
    0x3ac7f2ebu, 0xc8ac71e8u, 0x1c661503u, 0xee0d9600u, 0xfd5d65f4u, 0x0f36e6f7u, 0x61c69362u, 0x93ad1061u, 0x80fde395u,
    0x72966096u, 0xa65c047du, 0x5437877eu, 0x4767748au, 0xb50cf789u, 0xeb1fcbadu, 0x197448aeu, 0x0a24bb5au, 0xf84f3859u,
    0x2c855cb2u, 0xdeeedfb1u, 0xcdbe2c45u, 0x3fd5af46u, 0x7198540du, 0x83f3d70eu, 0x90a324fau, 0x62c8a7f9u, 0xb602c312u,
    0x44694011u, 0x5739b3e5u, 0xa55230e6u, 0xfb410cc2u, 0x092a8fc1u, 0x1a7a7c35u, 0xe811ff36u, 0x3cdb9bddu, 0xceb018deu,
    0xdde0eb2au, 0x2f8b6829u, 0x82f63b78u, 0x709db87bu, 0x63cd4b8fu, 0x91a6c88cu, 0x456cac67u, 0xb7072f64u, 0xa457dc90u,
    0x563c5f93u, 0x082f63b7u, 0xfa44e0b4u, 0xe9141340u, 0x1b7f9043u, 0xcfb5f4a8u, 0x3dde77abu, 0x2e8e845fu, 0xdce5075cu,
    0x92a8fc17u, 0x60c37f14u, 0x73938ce0u, 0x81f80fe3u, 0x55326b08u, 0xa759e80bu, 0xb4091bffu, 0x466298fcu, 0x1871a4d8u,
    0xea1a27dbu, 0xf94ad42fu, 0x0b21572cu, 0xdfeb33c7u, 0x2d80b0c4u, 0x3ed04330u, 0xccbbc033u, 0xa24bb5a6u, 0x502036a5u,
    0x4370c551u, 0xb11b4652u, 0x65d122b9u, 0x97baa1bau, 0x84ea524eu, 0x7681d14du, 0x2892ed69u, 0xdaf96e6au, 0xc9a99d9eu,
    0x3bc21e9du, 0xef087a76u, 0x1d63f975u, 0x0e330a81u, 0xfc588982u, 0xb21572c9u, 0x407ef1cau, 0x532e023eu, 0xa145813du,
    0x758fe5d6u, 0x87e466d5u, 0x94b49521u, 0x66df1622u, 0x38cc2a06u, 0xcaa7a905u, 0xd9f75af1u, 0x2b9cd9f2u, 0xff56bd19u,
    0x0d3d3e1au, 0x1e6dcdeeu, 0xec064eedu, 0xc38d26c4u, 0x31e6a5c7u, 0x22b65633u, 0xd0ddd530u, 0x0417b1dbu, 0xf67c32d8u,
    0xe52cc12cu, 0x1747422fu, 0x49547e0bu, 0xbb3ffd08u, 0xa86f0efcu, 0x5a048dffu, 0x8ecee914u, 0x7ca56a17u, 0x6ff599e3u,
    0x9d9e1ae0u, 0xd3d3e1abu, 0x21b862a8u, 0x32e8915cu, 0xc083125fu, 0x144976b4u, 0xe622f5b7u, 0xf5720643u, 0x07198540u,
    0x590ab964u, 0xab613a67u, 0xb831c993u, 0x4a5a4a90u, 0x9e902e7bu, 0x6cfbad78u, 0x7fab5e8cu, 0x8dc0dd8fu, 0xe330a81au,
    0x115b2b19u, 0x020bd8edu, 0xf0605beeu, 0x24aa3f05u, 0xd6c1bc06u, 0xc5914ff2u, 0x37faccf1u, 0x69e9f0d5u, 0x9b8273d6u,
    0x88d28022u, 0x7ab90321u, 0xae7367cau, 0x5c18e4c9u, 0x4f48173du, 0xbd23943eu, 0xf36e6f75u, 0x0105ec76u, 0x12551f82u,
    0xe03e9c81u, 0x34f4f86au, 0xc69f7b69u, 0xd5cf889du, 0x27a40b9eu, 0x79b737bau, 0x8bdcb4b9u, 0x988c474du, 0x6ae7c44eu,
    0xbe2da0a5u, 0x4c4623a6u, 0x5f16d052u, 0xad7d5351u,
};

static uint32_t crc_by_table(uint32_t crc, const unsigned char *p, size_t n) {
    for (; n > 0; --n) crc = (crc >> 8) ^ crc_table[(crc ^ *p++) & 0xff];
    return crc;
}

#ifdef SX_HAVE_SSE42
__attribute__((target("sse4.2"))) static uint32_t crc_by_instruction(uint32_t crc, const unsigned char *p, size_t n) {
    uint64_t c = crc;
    for (; n >= 8; n -= 8, p += 8) {
        uint64_t w;
        memcpy(&w, p, sizeof w);
        c = _mm_crc32_u64(c, w);
    }
    crc = (uint32_t)c;
    for (; n > 0; --n) crc = _mm_crc32_u8(crc, *p++);
    return crc;
}
#endif

uint32_t sx_crc32c_portable(uint32_t crc, const void *data, size_t n) {
    return ~crc_by_table(~crc, data, n);
}

uint32_t sx_crc32c(uint32_t crc, const void *data, size_t n) {
#ifdef SX_HAVE_SSE42
    if (__builtin_cpu_supports("sse4.2")) return ~crc_by_instruction(~crc, data, n);
#endif
    return sx_crc32c_portable(crc, data, n);
}

/* The finaliser of splitmix64 (Steele, Lea, Flood, OOPSLA 2014): a bijection in which every input bit moves half of the output. */
static uint64_t mix(uint64_t x) {
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* Our own, against accidents, not attackers. Two 64-bit lanes take each 8-byte word w (little-endian; the last one padded by zeros):
 *     a <- m((a ^ w) K1),  m(x) = x ^ (x >> 32);      b <- rotl(b + w K2, 29) K3
 * Each step is a bijection of the lane for given w, and of w for a given lane: a change within one word changes both lanes for
 * certain, and changes in several words cancel in both with probability about 2^-128. The length enters at the start and the
 * end, so a truncation or a padding by zeros is another message. The lanes are mixed with each other at the end. */
sx_hash128 sx_hash(const void *data, size_t n, uint64_t seed) {
    static const uint64_t k1 = UINT64_C(0x9e3779b97f4a7c15), k2 = UINT64_C(0xc2b2ae3d27d4eb4f),
                          k3 = UINT64_C(0xd6e8feb86659fd93);
    const unsigned char *p = data;
    uint64_t a = mix(seed + k1), b = mix(seed + 2 * k1) ^ (uint64_t)n;
    for (size_t left = n; left > 0;) {
        size_t take = left < 8 ? left : 8;
        uint64_t w = 0;
        memcpy(&w, p, take);
        a = (a ^ w) * k1;
        a ^= a >> 32;
        b += w * k2;
        b = ((b << 29) | (b >> 35)) * k3;
        p += take;
        left -= take;
    }
    a = mix(a ^ (uint64_t)n);
    b = mix(b + a);
    a = mix(a + b);
    return (sx_hash128){ { a, b } };
}

/* -- writing ----------------------------------------------------------------------------------------------------------------------- */

typedef struct target {
    const char *dir, *name;
    char temporary[300];
    uint64_t bytes;
} target;

static sx_status failed(sx_ctx *ctx, const target *t, const char *what, int error) {
    char text[128];
    return SX_FAIL(ctx, SX_E_IO, "%s/%s: %s failed (%" PRIu64 " bytes): %s", t->dir, t->name, what, t->bytes,
                   strerror_r(error, text, sizeof text));
}

static int write_all(int fd, const char *data, size_t n) {
    while (n > 0) {
        ssize_t done = write(fd, data, n < (1u << 30) ? n : (1u << 30));
        if (done < 0) {
            if (errno == EINTR) continue;
            return errno;
        }
        if (done == 0) return EIO;
        data += done;
        n -= (size_t)done;
    }
    return 0;
}

/* up to n bytes, fewer only at the end of the file; -1 and errno on failure */
static int64_t read_all(int fd, char *to, size_t n) {
    size_t have = 0;
    while (have < n) {
        size_t want = n - have < (1u << 30) ? n - have : (1u << 30);
        ssize_t done = read(fd, to + have, want);
        if (done < 0) {
            if (errno == EINTR) continue;
            return -1;
        }
        if (done == 0) break;
        have += (size_t)done;
    }
    return (int64_t)have;
}

/* Compare the file with what was to be written. */
static sx_status verify(sx_ctx *ctx, int dirfd, const target *t, const sx_chunk *chunks, int n, char *buffer,
                        size_t size) {
    int fd = openat(dirfd, t->temporary, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return failed(ctx, t, "reopening", errno);
    sx_status status = SX_OK;
    int64_t got = 0;
    for (int c = 0; c < n && status == SX_OK; ++c)
        for (size_t at = 0; at < chunks[c].size && status == SX_OK; at += size) {
            size_t want = chunks[c].size - at < size ? chunks[c].size - at : size;
            got = read_all(fd, buffer, want);
            if (got < 0)
                status = failed(ctx, t, "reading back", errno);
            else if ((size_t)got != want || memcmp(buffer, (const char *)chunks[c].data + at, want) != 0)
                status = SX_FAIL(ctx, SX_E_IO, "%s/%s: what was written does not read back (%" PRIu64 " bytes)", t->dir,
                                 t->name, t->bytes);
        }
    if (status == SX_OK && read_all(fd, buffer, 1) != 0)
        status =
            SX_FAIL(ctx, SX_E_IO, "%s/%s: longer than what was written (%" PRIu64 " bytes)", t->dir, t->name, t->bytes);
    close(fd);
    return status;
}

/* Write, fsync, close: each checked. A failed fsync is final; asking again would be told that all is well. */
static sx_status fill(sx_ctx *ctx, const target *t, int fd, const sx_chunk *chunks, int n) {
    sx_status status = SX_OK;
    int error = 0;
    if (t->bytes > 0) {
        do error = posix_fallocate(fd, 0, (off_t)t->bytes);
        while (error == EINTR);
        if (error && error != EOPNOTSUPP && error != EINVAL) status = failed(ctx, t, "reserving space", error);
    }
    for (int c = 0; c < n && status == SX_OK; ++c)
        if ((error = write_all(fd, chunks[c].data, chunks[c].size))) status = failed(ctx, t, "writing", error);
    if (status == SX_OK && fsync(fd) != 0) status = failed(ctx, t, "fsync", errno);
    if (close(fd) != 0 && status == SX_OK) status = failed(ctx, t, "closing", errno);
    return status;
}

sx_status sx_file_replace(sx_ctx *ctx, const char *dir, const char *name, const sx_chunk *chunks, int n) {
    target t = { .dir = dir, .name = name };
    if (!*name || strchr(name, '/') || strlen(name) > 200)
        return SX_FAIL(ctx, SX_E_USAGE, "file name \"%s\": want 1 to 200 characters without /", name);
    for (int c = 0; c < n; ++c) {
        if (chunks[c].size > INT64_MAX - t.bytes) return SX_FAIL(ctx, SX_E_IO, "%s/%s: too large", dir, name);
        t.bytes += chunks[c].size;
    }
    enum { BUFFER = 1 << 16, TRIES = 100 };
    char *buffer = NULL;
    SX_TRY(ctx, sx_alloc(ctx, BUFFER, 1, &buffer));
    sx_status status;
    int fd = -1, dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dirfd < 0) {
        status = failed(ctx, &t, "opening the directory", errno);
        goto done;
    }
    /* a name of our own: another process that writes the same file never touches ours */
    for (int k = 0; k < TRIES && fd < 0; ++k) {
        snprintf(t.temporary, sizeof t.temporary, ".%s.%ld.%d.tmp", name, (long)getpid(), k);
        fd = openat(dirfd, t.temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
        if (fd < 0 && errno != EEXIST && errno != EINTR) break;
    }
    if (fd < 0) {
        status = failed(ctx, &t, "creating a file", errno);
        goto done;
    }
    status = fill(ctx, &t, fd, chunks, n);
    if (status == SX_OK) status = verify(ctx, dirfd, &t, chunks, n, buffer, BUFFER);
    if (status == SX_OK && renameat(dirfd, t.temporary, dirfd, name) != 0) status = failed(ctx, &t, "renaming", errno);
    if (status != SX_OK) {
        (void)unlinkat(dirfd, t.temporary, 0);
        goto done;
    }
    if (fsync(dirfd) != 0) status = failed(ctx, &t, "fsync of the directory", errno);
done:
    if (dirfd >= 0) close(dirfd);
    sx_free(ctx, buffer);
    return status < 0 ? sx_frame_at(ctx, status, __FILE__, __LINE__, __func__) : SX_OK;
}

/* -- reading ----------------------------------------------------------------------------------------------------------------------- */

sx_status sx_file_slurp(sx_ctx *ctx, const char *path, int64_t max_bytes, bool nofollow, char **out, size_t *size) {
    char text[128];
    /* O_NONBLOCK: a pipe must not hold us before we have seen that it is one */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (nofollow ? O_NOFOLLOW : 0));
    if (fd < 0) return SX_FAIL(ctx, SX_E_FILE, "%s: %s", path, strerror_r(errno, text, sizeof text));
    char *content = NULL;
    struct stat st;
    sx_status status;
    if (fstat(fd, &st) != 0) {
        status = SX_FAIL(ctx, SX_E_IO, "%s: %s", path, strerror_r(errno, text, sizeof text));
        goto done;
    }
    if (!S_ISREG(st.st_mode)) {
        status = SX_FAIL(ctx, SX_E_FILE, "%s: want a regular file, not a %s", path,
                         S_ISDIR(st.st_mode) ? "directory" : "device or pipe");
        goto done;
    }
    if (st.st_size > max_bytes) {
        status = SX_FAIL(ctx, SX_E_FILE, "%s: %" PRId64 " bytes: want at most %" PRId64, path, (int64_t)st.st_size,
                         max_bytes);
        goto done;
    }
    /* one more byte ends texts, and shows a file that grows meanwhile */
    SX_GO(ctx, status, done, sx_alloc(ctx, (int64_t)st.st_size + 1, 1, &content));
    int64_t got = read_all(fd, content, (size_t)st.st_size + 1);
    if (got < 0) {
        status = SX_FAIL(ctx, SX_E_IO, "%s: reading %" PRId64 " bytes failed: %s", path, (int64_t)st.st_size,
                         strerror_r(errno, text, sizeof text));
        goto done;
    }
    if (got != st.st_size) {
        status = SX_FAIL(ctx, SX_E_IO, "%s: the file changes while it is read (%" PRId64 " bytes of %" PRId64 ")", path,
                         got, (int64_t)st.st_size);
        goto done;
    }
    *out = content;
    *size = (size_t)got;
    content = NULL;
    status = SX_OK;
done:
    sx_free(ctx, content);
    close(fd);
    return status;
}
