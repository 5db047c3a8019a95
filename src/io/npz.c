// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* NumPy's .npz: a zip archive of .npy files, stored or deflated. The whole structure is checked before anything is inflated: the
 * end record closes the file, the central directory lies directly before it, each local header agrees with its central one,
 * entries do not overlap, declared sizes are within the limit. Read here and not by a zip library because libraries do not
 * show the places of entries, on which the last checks rest, and take memory outside the context.
 * Source: PKWARE APPNOTE 6.3.x, sections 4.3 to 4.5. */
#include "io/array_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOCAL_SIZE   30
#define CENTRAL_SIZE 46
#define END_SIZE     22
#define END64_SIZE   56
#define LOCATOR_SIZE 20

typedef struct entry {
    const char *name; /* in the central directory, name_n bytes */
    int name_n, method, flags;
    uint32_t crc;
    uint64_t packed, size;     /* bytes in the file, bytes expanded */
    uint64_t begin, data, end; /* local header, data, end of data (with descriptor if any) */
} entry;

typedef struct archive {
    const sx_source *s;
    uint64_t directory, directory_end; /* places of the central directory */
    int n;
    entry *entries;
} archive;

static uint64_t load(const archive *z, uint64_t at, int n) {
    return sx_bytes_load(z->s->bytes + at, n, false);
}

static bool signature(const archive *z, uint64_t at, const char *two) {
    const unsigned char *b = z->s->bytes + at;
    return b[0] == 'P' && b[1] == 'K' && b[2] == (unsigned char)two[0] && b[3] == (unsigned char)two[1];
}

static sx_status find_directory(archive *z) {
    const sx_source *s = z->s;
    if (s->n < END_SIZE || !signature(z, s->n - END_SIZE, "\5\6"))
        return SX_FAIL(s->ctx, SX_E_FILE,
                       "%s: not a complete .npz (zip) file; it must end with a zip end record without comment",
                       s->name);
    uint64_t end = s->n - END_SIZE, here = load(z, end + 8, 2), all = load(z, end + 10, 2);
    uint64_t size = load(z, end + 12, 4), at = load(z, end + 16, 4), disks = load(z, end + 4, 4), stop = end;
    if (end >= LOCATOR_SIZE + END64_SIZE && signature(z, end - LOCATOR_SIZE, "\6\7")) {
        stop = load(z, end - LOCATOR_SIZE + 8, 8); /* zip64: the locator names the place of a wider end record */
        if (stop != end - LOCATOR_SIZE - END64_SIZE || !signature(z, stop, "\6\6") ||
            load(z, stop + 4, 8) != END64_SIZE - 12)
            return SX_FAIL(s->ctx, SX_E_FILE, "%s: the zip64 end record is malformed", s->name);
        here = load(z, stop + 24, 8);
        all = load(z, stop + 32, 8);
        size = load(z, stop + 40, 8);
        at = load(z, stop + 48, 8);
        disks = load(z, stop + 16, 8);
    }
    if (disks != 0 || here != all)
        return SX_FAIL(s->ctx, SX_E_FILE, "%s: zip archives in several parts are not read", s->name);
    if (all > SX_NPZ_ENTRY_LIMIT)
        return SX_FAIL(s->ctx, SX_E_FILE, "%s: %llu entries; at most %d are read", s->name, (unsigned long long)all,
                       SX_NPZ_ENTRY_LIMIT);
    if (at > stop || size != stop - at)
        return SX_FAIL(s->ctx, SX_E_FILE, "%s: the zip directory does not lie before the end record", s->name);
    z->n = (int)all;
    z->directory = at;
    z->directory_end = stop;
    return SX_OK;
}

/* Values of 32 bits that are all ones stand in the zip64 extra field (id 1), in this order, 8 bytes each. */
static bool read_zip64(const archive *z, uint64_t at, uint64_t end, uint64_t *const value[3]) {
    while (end - at >= 4) {
        uint64_t id = load(z, at, 2), n = load(z, at + 2, 2);
        at += 4;
        if (n > end - at) return false;
        if (id == 1) {
            uint64_t p = at;
            for (int k = 0; k < 3; k++) {
                if (!value[k] || *value[k] != UINT32_MAX) continue;
                if (p + 8 > at + n) return false;
                *value[k] = load(z, p, 8);
                p += 8;
            }
            return true;
        }
        at += n;
    }
    return true;
}

static bool good_name(const char *name, int n) {
    static const char known[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    for (int i = 0; i < n; i++)
        if (!memchr(known, name[i], sizeof known - 1)) return false;
    return n > 0 && name[0] != '.';
}

static sx_status entry_fail(const archive *z, const entry *e, const char *what) {
    char quote[SX_QUOTE];
    return SX_FAIL(z->s->ctx, SX_E_FILE, "%s: entry '%s' %s", z->s->name, sx_text_quote(quote, e->name, e->name_n),
                   what);
}

/* Central header k at *at, which moves past it. */
static sx_status read_central(archive *z, int k, uint64_t *at) {
    const sx_source *s = z->s;
    uint64_t p = *at, left = z->directory_end - p;
    entry *e = &z->entries[k];
    if (left < CENTRAL_SIZE || !signature(z, p, "\1\2"))
        return SX_FAIL(s->ctx, SX_E_FILE, "%s: the zip directory is malformed at entry %d", s->name, k + 1);
    uint64_t name_n = load(z, p + 28, 2), extra = load(z, p + 30, 2), comment = load(z, p + 32, 2);
    if (name_n + extra + comment > left - CENTRAL_SIZE)
        return SX_FAIL(s->ctx, SX_E_FILE, "%s: the zip directory is malformed at entry %d", s->name, k + 1);
    e->name = (const char *)s->bytes + p + CENTRAL_SIZE;
    e->name_n = (int)name_n;
    e->flags = (int)load(z, p + 8, 2);
    e->method = (int)load(z, p + 10, 2);
    e->crc = (uint32_t)load(z, p + 16, 4);
    e->packed = load(z, p + 20, 4);
    e->size = load(z, p + 24, 4);
    e->begin = load(z, p + 42, 4);
    if (!good_name(e->name, e->name_n))
        return SX_FAIL(s->ctx, SX_E_FILE, "%s: entry %d has a name that is not made of letters, digits, _, . and -",
                       s->name, k + 1);
    uint64_t *const wide[3] = { &e->size, &e->packed, &e->begin };
    if (!read_zip64(z, p + CENTRAL_SIZE + name_n, p + CENTRAL_SIZE + name_n + extra, wide))
        return entry_fail(z, e, "has a malformed zip64 field");
    *at = p + CENTRAL_SIZE + name_n + extra + comment;
    return SX_OK;
}

/* Bytes of the data descriptor after the data: [signature] crc, sizes of 4 or 8 bytes each; 0 if there is none that agrees. */
static uint64_t descriptor_size(const archive *z, const entry *e) {
    uint64_t at = e->data + e->packed;
    for (int wide = 4; wide <= 8; wide += 4)
        for (int mark = 0; mark <= 4; mark += 4) {
            uint64_t n = (uint64_t)(mark + 4 + 2 * wide), p = at + (uint64_t)mark;
            if (n > z->directory - at || (mark && !signature(z, at, "\7\10"))) continue;
            if (load(z, p, 4) == e->crc && load(z, p + 4, wide) == e->packed &&
                load(z, p + 4 + (uint64_t)wide, wide) == e->size)
                return n;
        }
    return 0;
}

/* The local header must say the same as the central one. */
static sx_status check_local(const archive *z, entry *e) {
    uint64_t p = e->begin, packed, size;
    if (p > z->directory || z->directory - p < LOCAL_SIZE || !signature(z, p, "\3\4"))
        return entry_fail(z, e, "has no local header where the directory says");
    uint64_t name_n = load(z, p + 26, 2), extra = load(z, p + 28, 2), left = z->directory - p - LOCAL_SIZE;
    if (name_n + extra > left) return entry_fail(z, e, "has a local header that runs out of the file");
    e->data = p + LOCAL_SIZE + name_n + extra;
    if (e->packed > z->directory - e->data) return entry_fail(z, e, "runs out of the file");
    e->end = e->data + e->packed;
    packed = load(z, p + 18, 4);
    size = load(z, p + 22, 4);
    uint64_t *const wide[3] = { &size, &packed, NULL };
    if (!read_zip64(z, p + LOCAL_SIZE + name_n, e->data, wide)) return entry_fail(z, e, "has a malformed zip64 field");
    bool later = e->flags & 8; /* sizes and CRC follow the data, the local ones may be 0 */
    uint32_t crc = (uint32_t)load(z, p + 14, 4);
    if (name_n != (uint64_t)e->name_n || memcmp(z->s->bytes + p + LOCAL_SIZE, e->name, name_n) != 0 ||
        (int)load(z, p + 6, 2) != e->flags || (int)load(z, p + 8, 2) != e->method ||
        !(crc == e->crc || (later && crc == 0)) || !(packed == e->packed || (later && packed == 0)) ||
        !(size == e->size || (later && size == 0)))
        return entry_fail(z, e, "is described differently by its local header and by the directory");
    if (e->flags & ~(8 | 6 | 0x800)) return entry_fail(z, e, "is encrypted or of another kind that is not read");
    if (e->method != 0 && e->method != 8)
        return entry_fail(z, e, "is neither stored nor deflated; save it with numpy.savez");
    if (e->method == 0 && e->packed != e->size) return entry_fail(z, e, "is stored, but its two sizes differ");
    if (later) {
        uint64_t n = descriptor_size(z, e);
        if (n == 0) return entry_fail(z, e, "has no data descriptor that agrees with the directory");
        e->end += n;
    }
    return SX_OK;
}

static int by_begin(const void *a, const void *b) {
    uint64_t x = (*(const entry *const *)a)->begin, y = (*(const entry *const *)b)->begin;
    return (x > y) - (x < y);
}

static sx_status read_directory(archive *z, const entry **order) {
    const sx_source *s = z->s;
    uint64_t at = z->directory, total = 0;
    for (int k = 0; k < z->n; k++) {
        SX_TRY(s->ctx, read_central(z, k, &at));
        SX_TRY(s->ctx, check_local(z, &z->entries[k]));
        for (int j = 0; j < k; j++)
            if (z->entries[j].name_n == z->entries[k].name_n &&
                memcmp(z->entries[j].name, z->entries[k].name, (size_t)z->entries[k].name_n) == 0)
                return entry_fail(z, &z->entries[k], "is there twice");
        if (z->entries[k].size > (uint64_t)s->limit - total)
            return SX_FAIL(s->ctx, SX_E_FILE, "%s: the entries expand to more than the limit of %lld bytes", s->name,
                           (long long)s->limit);
        total += z->entries[k].size;
        order[k] = &z->entries[k];
    }
    if (at != z->directory_end)
        return SX_FAIL(s->ctx, SX_E_FILE, "%s: the zip directory holds more than its entries", s->name);
    qsort(order, (size_t)z->n, sizeof *order, by_begin);
    for (int k = 1; k < z->n; k++)
        if (order[k]->begin < order[k - 1]->end) return entry_fail(z, order[k], "overlaps another entry");
    return SX_OK;
}

static bool is_npy(const entry *e) {
    return e->name_n > 4 && memcmp(e->name + e->name_n - 4, ".npy", 4) == 0;
}

static bool has_name(const entry *e, const char *name) {
    size_t n = strlen(name);
    return (n == (size_t)e->name_n || n + 4 == (size_t)e->name_n) && memcmp(e->name, name, n) == 0 && is_npy(e);
}

/* "a, b, c" (at most 8 names) */
static void list_names(const archive *z, char out[512]) {
    int shown = 0, at = 0;
    out[0] = 0;
    for (int k = 0; k < z->n && shown <= 8; k++) {
        char quote[SX_QUOTE];
        if (!is_npy(&z->entries[k])) continue;
        at += snprintf(out + at, 512 - (size_t)at, "%s%s", shown ? ", " : "",
                       shown == 8 ? "..." : sx_text_quote(quote, z->entries[k].name, z->entries[k].name_n - 4));
        shown++;
    }
}

static sx_status choose(const archive *z, const entry **out) {
    const sx_source *s = z->s;
    const char *name = s->opts->name;
    const entry *found = NULL;
    int arrays = 0;
    char names[512];
    for (int k = 0; k < z->n; k++) {
        const entry *e = &z->entries[k];
        if (!is_npy(e)) continue;
        arrays++;
        if (!name || has_name(e, name)) found = e;
    }
    list_names(z, names);
    if (arrays == 0) return SX_FAIL(s->ctx, SX_E_FILE, "%s: holds no array", s->name);
    if (!found) {
        char quote[SX_QUOTE];
        return SX_FAIL(s->ctx, SX_E_FILE, "%s: holds no array '%s'; it holds %s", s->name,
                       sx_text_quote(quote, name, (int64_t)strlen(name)), names);
    }
    if (!name && arrays > 1)
        return SX_FAIL(s->ctx, SX_E_FILE, "%s: holds %d arrays (%s); say which by name", s->name, arrays, names);
    *out = found;
    return SX_OK;
}

static sx_status read_entry(const archive *z, const entry *e, sx_array *a) {
    const sx_source *s = z->s;
    sx_source inner = *s;
    sx_status status = SX_OK;
    unsigned char *block = NULL;
    char *name = NULL;
    SX_TRY(s->ctx, sx_format(s->ctx, &name, "%s[%.*s]", s->name, e->name_n - 4, e->name));
    inner.name = name;
    inner.bytes = s->bytes + e->data;
    inner.n = (size_t)e->size;
    if (e->method == 8) {
        SX_GO(s->ctx, status, done, sx_inflate_raw(&inner, inner.bytes, (size_t)e->packed, (int64_t)e->size, &block));
        inner.bytes = block;
    }
    if (sx_crc32(inner.bytes, inner.n) != e->crc) {
        status = SX_FAIL(s->ctx, SX_E_FILE, "%s: the CRC does not agree; the file is damaged", name);
        goto done;
    }
    SX_GO(s->ctx, status, done, sx_npy_parse(&inner, a));
done:
    sx_free(s->ctx, block);
    sx_free(s->ctx, name);
    return status;
}

sx_status sx_npz_names(const sx_source *s, sx_names *names) {
    archive z = { .s = s };
    sx_status status = SX_OK;
    const entry **order = NULL;
    SX_TRY(s->ctx, find_directory(&z));
    SX_GO(s->ctx, status, done, sx_alloc(s->ctx, z.n, sizeof *z.entries, &z.entries));
    SX_GO(s->ctx, status, done, sx_alloc(s->ctx, z.n, sizeof *order, &order));
    SX_GO(s->ctx, status, done, read_directory(&z, order));
    for (int k = 0; k < z.n; k++) {
        int64_t index;
        bool fresh;
        if (is_npy(&z.entries[k]))
            SX_GO(s->ctx, status, done,
                  sx_names_add(s->ctx, names, z.entries[k].name, z.entries[k].name_n - 4, &index, &fresh));
    }
done:
    sx_free(s->ctx, order);
    sx_free(s->ctx, z.entries);
    return status;
}

sx_status sx_npz_parse(const sx_source *s, sx_array *a) {
    archive z = { .s = s };
    sx_status status = SX_OK;
    const entry **order = NULL, *e = NULL;
    SX_TRY(s->ctx, find_directory(&z));
    SX_GO(s->ctx, status, done, sx_alloc(s->ctx, z.n, sizeof *z.entries, &z.entries));
    SX_GO(s->ctx, status, done, sx_alloc(s->ctx, z.n, sizeof *order, &order));
    SX_GO(s->ctx, status, done, read_directory(&z, order));
    SX_GO(s->ctx, status, done, choose(&z, &e));
    SX_GO(s->ctx, status, done, read_entry(&z, e, a));
done:
    sx_free(s->ctx, order);
    sx_free(s->ctx, z.entries);
    return status;
}
