// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* File layout, little endian, every part a multiple of 8 bytes:
 *
 *     header   magic, version, byte-order mark, hash, shape
 *     table    one sx_disk_section per section of the state
 *     done     n_items flags, padded
 *     states   n_items * state_bytes
 *     footer   length, 128-bit hash of all before, end magic
 */
#include "checkpoint.h"

#include "core/mutant.h"

#include "core/file.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAGIC           UINT64_C(0x54504b4358532d01)
#define END_MAGIC       UINT64_C(0x444e45544b435853)
#define BYTE_ORDER_MARK UINT32_C(0x01020304)
#define FORMAT_VERSION  UINT32_C(1)
#define KEEP            3
#define MAX_BYTES       (INT64_C(1) << 40)

typedef struct sx_disk_header {
    uint64_t magic;
    uint32_t version, order;
    uint64_t hash;
    int64_t n_items, state_bytes, n_sections;
} sx_disk_header;

typedef struct sx_disk_section {
    char name[40];
    int64_t dtype, count, offset;
} sx_disk_section;

typedef struct sx_disk_footer {
    int64_t length; /* of the whole file */
    sx_hash128 hash;
    uint64_t magic;
} sx_disk_footer;

static size_t padded(int64_t n) {
    return ((size_t)n + 7) / 8 * 8;
}

static void make_table(const sx_states *s, sx_disk_section *table) {
    memset(table, 0, sizeof *table * (size_t)s->n_sections);
    for (int i = 0; i < s->n_sections; i++) {
        snprintf(table[i].name, sizeof table[i].name, "%s", s->sections[i].name);
        table[i].dtype = s->sections[i].dtype;
        table[i].count = s->sections[i].count;
        table[i].offset = (int64_t)s->sections[i].offset;
    }
}

static sx_disk_header make_header(const sx_states *s) {
    sx_disk_header h = { MAGIC,      FORMAT_VERSION,          BYTE_ORDER_MARK, s->hash,
                         s->n_items, (int64_t)s->state_bytes, s->n_sections };
    return h;
}

/* Parts are hashed one by one and the hashes chained, so that the states need not be copied into one buffer. */
static sx_hash128 chain(sx_hash128 h, const void *data, size_t n) {
    sx_hash128 part = sx_hash(data, n, h.h[0] ^ (h.h[1] << 1));
    sx_hash128 both[2] = { h, part };
    return sx_hash(both, sizeof both, 1);
}

static sx_hash128 hash_parts(const sx_disk_header *h, const sx_disk_section *table, int n_sections, const uint8_t *done,
                             const unsigned char *data, size_t bytes) {
    sx_hash128 sum = { { 0, 0 } };
    sum = chain(sum, h, sizeof *h);
    sum = chain(sum, table, sizeof *table * (size_t)n_sections);
    sum = chain(sum, done, padded(h->n_items));
    return chain(sum, data, bytes);
}

/* "TASK.GENERATION.checkpoint" -> generation, or -1. */
static int64_t generation_of(const char *file, const char *task) {
    size_t n = strlen(task);
    if (strncmp(file, task, n) != 0 || file[n] != '.') return -1;
    char *end;
    const char *digits = file + n + 1;
    if (*digits < '0' || *digits > '9') return -1;
    long long g = strtoll(digits, &end, 10);
    return strcmp(end, ".checkpoint") == 0 && g >= 0 ? (int64_t)g : -1;
}

/* Newest generation below `before`, or -1. */
static int64_t newest(const char *directory, const char *task, int64_t before) {
    int64_t best = -1;
    DIR *d = opendir(directory);
    if (!d) return -1;
    for (struct dirent *e; (e = readdir(d));) {
        int64_t g = generation_of(e->d_name, task);
        if (g > best && g < before) best = g;
    }
    closedir(d);
    return best;
}

sx_status sx_checkpoint_write(sx_ctx *ctx, const char *directory, const char *task, int64_t generation,
                              const sx_states *s) {
    sx_status status;
    char *name = NULL, *path = NULL;
    sx_disk_section *table = NULL;
    sx_disk_header header = make_header(s);
    size_t bytes = (size_t)s->n_items * s->state_bytes;

    SX_GO(ctx, status, done, sx_format(ctx, &name, "%s.%08" PRId64 ".checkpoint", task, generation));
    SX_GO(ctx, status, done, sx_alloc(ctx, s->n_sections, sizeof *table, &table));
    make_table(s, table);
    sx_disk_footer footer = { 0, hash_parts(&header, table, s->n_sections, s->done, s->data, bytes), END_MAGIC };
    sx_chunk chunks[] = { { &header, sizeof header },
                          { table, sizeof *table * (size_t)s->n_sections },
                          { s->done, padded(s->n_items) },
                          { s->data, bytes },
                          { &footer, sizeof footer } };
    for (int i = 0; i < 5; i++) footer.length += (int64_t)chunks[i].size;
    sx_log(ctx, SX_LOG_DEBUG, "checkpoint %s: writing %" PRId64 " bytes", name, footer.length);
    SX_GO(ctx, status, done, sx_file_replace(ctx, directory, name, chunks, 5));
    sx_log(ctx, SX_LOG_DEBUG, "checkpoint %s: written", name);

    /* Only now drop old ones. */
    int64_t keep = generation;
    for (int i = 1; i < KEEP && keep >= 0; i++) keep = newest(directory, task, keep);
    for (int64_t g = keep >= 0 ? newest(directory, task, keep) : -1; g >= 0; g = newest(directory, task, g)) {
        SX_GO(ctx, status, done, sx_format(ctx, &path, "%s/%s.%08" PRId64 ".checkpoint", directory, task, g));
        (void)unlink(path);
        sx_free(ctx, path);
        path = NULL;
    }
done:
    sx_free(ctx, path);
    sx_free(ctx, table);
    sx_free(ctx, name);
    return status;
}

/* NULL if the file is a valid checkpoint of this shape, else the reason. Nothing is copied before all is verified. */
static const char *verify(const char *file, size_t n, const sx_states *s, const sx_disk_section *table) {
    sx_disk_header want = make_header(s), have;
    size_t table_bytes = sizeof *table * (size_t)s->n_sections, bytes = (size_t)s->n_items * s->state_bytes;
    size_t need = sizeof have + table_bytes + padded(s->n_items) + bytes + sizeof(sx_disk_footer);
    if (n < sizeof have) return "it is truncated";
    memcpy(&have, file, sizeof have);
    if (have.magic != MAGIC) return "it is not a checkpoint";
    if (have.order != BYTE_ORDER_MARK) return "it was written with another byte order";
    if (have.version != FORMAT_VERSION) return "it has another format version";
    if (have.hash != s->hash) return "it belongs to another experiment, build or kernel set";
    if (memcmp(&have, &want, sizeof have) != 0) return "its shape differs from the task's";
    if (n != need) return "its length is wrong";
    sx_disk_footer footer;
    memcpy(&footer, file + need - sizeof footer, sizeof footer);
    if (footer.magic != END_MAGIC || footer.length != (int64_t)need) return "its end is damaged";
    const unsigned char *p = (const unsigned char *)file + sizeof have;
    sx_hash128 sum = { { 0, 0 } };
    sum = chain(sum, file, sizeof have);
    sum = chain(sum, p, table_bytes);
    sum = chain(sum, p + table_bytes, padded(s->n_items));
    sum = chain(sum, p + table_bytes + padded(s->n_items), bytes);
    if (memcmp(&sum, &footer.hash, sizeof sum) != 0) return "its content does not match its checksum";
    if (memcmp(p, table, table_bytes) != 0) return "its sections differ from the task's";
    return NULL;
}

sx_status sx_checkpoint_read(sx_ctx *ctx, const char *directory, const char *task, sx_states *s, int64_t *generation) {
    sx_status status = SX_OK;
    sx_disk_section *table = NULL;
    char *path = NULL, *file = NULL;
    size_t n = 0;
    int64_t first = newest(directory, task, INT64_MAX);
    const char *reason = NULL;

    *generation = -1;
    if (first < 0) return SX_OK;
    SX_GO(ctx, status, done, sx_alloc(ctx, s->n_sections, sizeof *table, &table));
    make_table(s, table);
    for (int64_t g = first; g >= 0; g = newest(directory, task, g)) {
        SX_GO(ctx, status, done, sx_format(ctx, &path, "%s/%s.%08" PRId64 ".checkpoint", directory, task, g));
        sx_status read = sx_file_slurp(ctx, path, MAX_BYTES, true, &file, &n);
        if (read == SX_E_MEMORY) {
            status = sx_frame_at(ctx, read, __FILE__, __LINE__, __func__);
            goto done;
        }
        reason = read < 0 ? "it cannot be read" : verify(file, n, s, table);
        if (!reason) {
            size_t at = sizeof(sx_disk_header) + sizeof *table * (size_t)s->n_sections;
            memcpy(s->done, file + at, padded(s->n_items));
            memcpy(s->data, file + at + padded(s->n_items), (size_t)s->n_items * s->state_bytes);
            if (SX_MUTANT(checkpoint_section)) memset(s->data + s->sections[s->n_sections - 1].offset, 0, 8);
            *generation = g;
            goto done;
        }
        sx_ctx_clear(ctx);
        sx_log(ctx, SX_LOG_WARNING, "checkpoint %s is not used: %s", path, reason);
        sx_free(ctx, file);
        sx_free(ctx, path);
        file = path = NULL;
    }
    status =
        SX_FAIL(ctx, SX_E_CHECKPOINT, "task '%s': no valid checkpoint in %s (the newest: %s)", task, directory, reason);
done:
    sx_free(ctx, file);
    sx_free(ctx, path);
    sx_free(ctx, table);
    return status;
}
