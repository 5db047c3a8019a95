// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* How the bytes of a result reach the disk, and how damage is seen.
 *
 * Writing: when a write fails (disk full), the HDF5 library (1.10) cannot close the file any more: it keeps it open, leaks, and ends the
 * process with "infinite loop closing library". So a small file driver of our own stands between HDF5 and the file: the first failure
 * is noted, later writes go to memory instead, HDF5 closes in peace and we report the failure. Contents of variables are not kept
 * then, only HDF5's own tables, so this takes little memory.
 *
 * Reading: HDF5 protects its tables and our chunks by checksums, but not its heaps (texts); a wrong bit there can make the library
 * run astray. So 32 bytes follow the HDF5 part of the file, with the CRC-32C of all of it. Programs that know nothing of this ignore
 * them; programs that change the file cut them off. */
#include "io/hdf5_private.h"

#include "core/file.h"

#if H5_VERSION_GE(1, 13, 2)
#include <H5FDdevelop.h>
#endif

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* -- the driver ------------------------------------------------------------------------------------------------------ */
typedef struct sx_h5_piece {
    struct sx_h5_piece *next;
    haddr_t address;
    size_t size;
    /* content follows */
} piece;

typedef struct driver {
    H5FD_t common; /* must be first */
    sx_h5_disk *disk;
    haddr_t end_of_space, end_of_file;
} driver;

static H5FD_t *driver_open(const char *name, unsigned flags, hid_t access, haddr_t max) {
    (void)name, (void)flags, (void)max;
    sx_h5_disk *const *disk = H5Pget_driver_info(access);
    return disk && *disk ? (*disk)->file : NULL;
}

static herr_t driver_close(H5FD_t *file) {
    (void)file; /* sx_h5_disk_end frees it */
    return 0;
}

static herr_t driver_query(const H5FD_t *file, unsigned long *flags) {
    (void)file;
    *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
             H5FD_FEAT_AGGREGATE_SMALLDATA;
    return 0;
}

static haddr_t driver_get_eoa(const H5FD_t *file, H5FD_mem_t type) {
    (void)type;
    return ((const driver *)file)->end_of_space;
}
static herr_t driver_set_eoa(H5FD_t *file, H5FD_mem_t type, haddr_t address) {
    (void)type;
    ((driver *)file)->end_of_space = address;
    return 0;
}
static haddr_t driver_get_eof(const H5FD_t *file, H5FD_mem_t type) {
    (void)type;
    return ((const driver *)file)->end_of_file;
}

/* Unwritten bytes are zero; what could not be written lies over what is in the file. */
static herr_t driver_read(H5FD_t *file, H5FD_mem_t type, hid_t transfer, haddr_t address, size_t size, void *buffer) {
    (void)type, (void)transfer;
    const sx_h5_disk *disk = ((driver *)file)->disk;
    char *to = buffer;
    size_t got = 0;
    while (got < size) {
        const ssize_t n = pread(disk->fd, to + got, size - got, (off_t)(address + got));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return -1;
        if (n == 0) break;
        got += (size_t)n;
    }
    memset(to + got, 0, size - got);
    for (const piece *p = disk->lost; p; p = p->next) { /* oldest first */
        const haddr_t from = p->address > address ? p->address : address;
        const haddr_t end = p->address + p->size < address + size ? p->address + p->size : address + size;
        if (from < end)
            memcpy(to + (from - address), (const char *)(p + 1) + (from - p->address), (size_t)(end - from));
    }
    return 0;
}

static herr_t driver_write(H5FD_t *file, H5FD_mem_t type, hid_t transfer, haddr_t address, size_t size,
                           const void *buffer) {
    (void)transfer;
    driver *d = (driver *)file;
    sx_h5_disk *disk = d->disk;
    const char *from = buffer;
    if (address + size > d->end_of_file) d->end_of_file = address + size;
    for (size_t done = 0; disk->error == 0 && done < size;) {
        const ssize_t n = pwrite(disk->fd, from + done, size - done, (off_t)(address + done));
        if (n < 0 && errno == EINTR) continue;
        if (n > 0)
            done += (size_t)n;
        else
            disk->error = n < 0 ? errno : ENOSPC;
    }
    if (disk->error == 0 || type == H5FD_MEM_DRAW) return 0;
    piece *p;
    if (sx_alloc(disk->ctx, (int64_t)(sizeof *p + size), 1, &p) < 0) return 0; /* the failure is known anyway */
    p->address = address;
    p->size = size;
    memcpy(p + 1, buffer, size);
    *disk->last = p;
    disk->last = &p->next;
    return 0;
}

static herr_t driver_truncate(H5FD_t *file, hid_t transfer, hbool_t closing) {
    (void)transfer, (void)closing;
    driver *d = (driver *)file;
    if (d->disk->error == 0 && ftruncate(d->disk->fd, (off_t)d->end_of_space) != 0) d->disk->error = errno;
    d->end_of_file = d->end_of_space;
    return 0;
}

static const H5FD_class_t driver_class = {
#ifdef H5FD_CLASS_VERSION
    .version = H5FD_CLASS_VERSION,
    .value = (H5FD_class_value_t)600, /* a number not registered with the HDF Group; never written into files */
#endif
    .name = "separatrix",
    .maxaddr = (haddr_t)INT64_MAX,
    .fc_degree = H5F_CLOSE_STRONG,
    .fapl_size = sizeof(sx_h5_disk *),
    .open = driver_open,
    .close = driver_close,
    .query = driver_query,
    .get_eoa = driver_get_eoa,
    .set_eoa = driver_set_eoa,
    .get_eof = driver_get_eof,
    .read = driver_read,
    .write = driver_write,
    .truncate = driver_truncate,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
};

sx_status sx_h5_disk_use(sx_ctx *ctx, sx_h5_disk *disk, int fd, hid_t access) {
    sx_status status = SX_OK;
    *disk = (sx_h5_disk){ .ctx = ctx, .fd = fd, .driver = H5I_INVALID_HID };
    disk->last = &disk->lost;
    driver *d;
    SX_TRY(ctx, sx_alloc(ctx, 1, sizeof *d, &d));
    d->disk = disk;
    disk->file = &d->common;
    SX_H5(ctx, status, SX_E_IO, done, disk->driver = H5FDregister(&driver_class));
    SX_H5(ctx, status, SX_E_IO, done, H5Pset_driver(access, disk->driver, &disk));
done:
    return status;
}

sx_status sx_h5_disk_error(sx_ctx *ctx, const sx_h5_disk *disk) {
    return disk->error ? SX_FAIL(ctx, SX_E_IO, "writing failed: %s", strerror(disk->error)) : SX_OK;
}

void sx_h5_disk_end(sx_h5_disk *disk) {
    while (disk->lost) {
        piece *next = disk->lost->next;
        sx_free(disk->ctx, disk->lost);
        disk->lost = next;
    }
    disk->last = &disk->lost;
    sx_free(disk->ctx, disk->file);
    disk->file = NULL;
    if (disk->driver >= 0) (void)H5FDunregister(disk->driver);
    disk->driver = H5I_INVALID_HID;
}

/* -- the seal: magic, length of the HDF5 part, its CRC-32C, CRC-32C of these 20 bytes, zeros ----------------------------- */
enum { SEAL = 32, SEALED = 20, BLOCK = 1 << 20 };
static const char MAGIC[8] = { 'S', 'X', 'R', 'E', 'S', 'U', 'L', 'T' };

static void put_number(unsigned char *to, uint64_t x, int n) {
    for (int i = 0; i < n; i++) to[i] = (unsigned char)(x >> (8 * i));
}
static uint64_t get_number(const unsigned char *from, int n) {
    uint64_t x = 0;
    for (int i = 0; i < n; i++) x |= (uint64_t)from[i] << (8 * i);
    return x;
}

static sx_status read_all(sx_ctx *ctx, int fd, void *to, size_t n, int64_t at) {
    for (size_t got = 0; got < n;) {
        const ssize_t k = pread(fd, (char *)to + got, n - got, (off_t)at + (off_t)got);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) return SX_FAIL(ctx, SX_E_IO, "reading failed: %s", k < 0 ? strerror(errno) : "the file was cut");
        got += (size_t)k;
    }
    return SX_OK;
}

static sx_status checksum(sx_ctx *ctx, int fd, int64_t n, uint32_t *out) {
    char *block;
    uint32_t crc = 0;
    sx_status status = SX_OK;
    SX_TRY(ctx, sx_alloc(ctx, BLOCK, 1, &block));
    for (int64_t at = 0; at < n; at += BLOCK) {
        const size_t k = (size_t)(n - at < BLOCK ? n - at : BLOCK);
        SX_GO(ctx, status, done, read_all(ctx, fd, block, k, at));
        crc = sx_crc32c(crc, block, k);
    }
    *out = crc;
done:
    sx_free(ctx, block);
    return status;
}

sx_status sx_h5_seal(sx_ctx *ctx, int fd) {
    struct stat st;
    uint32_t crc;
    unsigned char seal[SEAL] = { 0 };
    if (fstat(fd, &st) != 0) return SX_FAIL(ctx, SX_E_IO, "%s", strerror(errno));
    SX_TRY(ctx, checksum(ctx, fd, st.st_size, &crc));
    memcpy(seal, MAGIC, sizeof MAGIC);
    put_number(seal + 8, (uint64_t)st.st_size, 8);
    put_number(seal + 16, crc, 4);
    put_number(seal + SEALED, sx_crc32c(0, seal, SEALED), 4);
    for (int done = 0; done < SEAL;) {
        const ssize_t n = pwrite(fd, seal + done, (size_t)(SEAL - done), st.st_size + done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return SX_FAIL(ctx, SX_E_IO, "writing failed: %s", n < 0 ? strerror(errno) : "no progress");
        done += (int)n;
    }
    return SX_OK;
}

sx_status sx_h5_check_seal(sx_ctx *ctx, int fd, int64_t size, bool *sealed) {
    unsigned char seal[SEAL];
    uint32_t crc;
    *sealed = false;
    if (size < SEAL) return SX_OK;
    SX_TRY(ctx, read_all(ctx, fd, seal, SEAL, size - SEAL));
    if (memcmp(seal, MAGIC, sizeof MAGIC) != 0) return SX_OK;
    if (get_number(seal + SEALED, 4) != sx_crc32c(0, seal, SEALED) ||
        get_number(seal + 8, 8) != (uint64_t)(size - SEAL))
        return SX_FAIL(ctx, SX_E_FILE, "damaged: the end of the file does not fit");
    *sealed = true;
    if (size > SX_H5_CHECK_ALL) return SX_OK;
    SX_TRY(ctx, checksum(ctx, fd, size - SEAL, &crc));
    if (crc != get_number(seal + 16, 4))
        return SX_FAIL(ctx, SX_E_FILE, "damaged: its checksum is %08x, not %08x as written", (unsigned)crc,
                       (unsigned)get_number(seal + 16, 4));
    return SX_OK;
}
