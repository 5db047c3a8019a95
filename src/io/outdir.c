// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Output directories: one process at a time, refused before any work if they cannot be written, nothing of an earlier result lost.
 * Inside, everything is opened relative to the directory and no symbolic link is followed. */
#include <separatrix/io.h>

#include "core/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

typedef struct part {
    char *name; /* file name; owned */
    int64_t bytes;
    int fd;
} part;

struct sx_outdir {
    char *path;
    int fd, lock, parts_fd;
    part *parts;
    int n, space;
    sx_store store;
};

static const char LOCK[] = "lock.pid";
/* What a run keeps in a directory of its own until the result is in place. */
static const char *const working[] = { "checkpoints", "parts" };

#define IO_FAIL(...) SX_FAIL(ctx, SX_E_IO, __VA_ARGS__)

/* -- the store ------------------------------------------------------------------------------------------------------- */
/* "traj.x" -> "traj.x.bin"; bytes that do not belong into a file name as %XX. */
static sx_status part_name(sx_ctx *ctx, const char *name, char out[256]) {
    size_t used = 0;
    for (const char *p = name; *p; p++) {
        const bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
                           *p == '_' || *p == '-' || (*p == '.' && p > name);
        if (used + 8 > 255) return SX_FAIL(ctx, SX_E_USAGE, "%.40s...: too long for a file name", name);
        used +=
            (size_t)(plain ? snprintf(out + used, 4, "%c", *p) : snprintf(out + used, 4, "%%%02X", (unsigned char)*p));
    }
    if (used == 0) return SX_FAIL(ctx, SX_E_USAGE, "a stored variable without name");
    memcpy(out + used, ".bin", 5);
    return SX_OK;
}

static sx_status reserve_space(sx_ctx *ctx, const sx_outdir *d, int fd, const char *file, int64_t bytes) {
    if (bytes == 0) return SX_OK;
    int e;
    do e = posix_fallocate(fd, 0, (off_t)bytes);
    while (e == EINTR);
    if ((e == EOPNOTSUPP || e == EINVAL) && ftruncate(fd, (off_t)bytes) == 0)
        return SX_OK; /* file systems without reservation */
    if (e) return IO_FAIL("%s/parts/%s: %" PRId64 " bytes cannot be reserved: %s", d->path, file, bytes, strerror(e));
    return SX_OK;
}

static sx_status store_reserve(void *user, sx_ctx *ctx, const char *name, int64_t bytes, int *handle) {
    sx_outdir *d = user;
    char file[256];
    struct stat st;
    sx_status status = SX_OK;
    SX_TRY(ctx, part_name(ctx, name, file));
    for (int i = 0; i < d->n; i++)
        if (strcmp(d->parts[i].name, file) == 0) {
            if (d->parts[i].bytes != bytes)
                return SX_FAIL(ctx, SX_E_INTERNAL, "%s: reserved with %" PRId64 " bytes, now wanted with %" PRId64,
                               file, d->parts[i].bytes, bytes);
            *handle = i;
            return SX_OK;
        }
    if (d->n == d->space) {
        SX_TRY(ctx, sx_resize(ctx, 2 * d->space + 8, sizeof *d->parts, &d->parts));
        d->space = 2 * d->space + 8;
    }
    char *copy = NULL;
    SX_TRY(ctx, sx_strdup(ctx, file, &copy));
    const int fd = openat(d->parts_fd, file, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0666);
    if (fd < 0) {
        status = IO_FAIL("%s/parts/%s: %s", d->path, file, strerror(errno));
        goto failed;
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        status = IO_FAIL("%s/parts/%s: not a regular file", d->path, file);
        goto failed;
    }
    if (st.st_size != (off_t)bytes) { /* otherwise an earlier run that is being resumed has left it */
        if (st.st_size != 0 && ftruncate(fd, 0) != 0) {
            status = IO_FAIL("%s/parts/%s: cannot be emptied: %s", d->path, file, strerror(errno));
            goto failed;
        }
        status = reserve_space(ctx, d, fd, file, bytes);
        if (status < 0) {
            (void)unlinkat(d->parts_fd, file, 0);
            goto failed;
        }
    }
    d->parts[d->n] = (part){ copy, bytes, fd };
    *handle = d->n++;
    return SX_OK;
failed:
    if (fd >= 0) (void)close(fd);
    sx_free(ctx, copy);
    return status;
}

static sx_status check_range(sx_ctx *ctx, const sx_outdir *d, int handle, int64_t offset, int64_t bytes) {
    if (handle < 0 || handle >= d->n || offset < 0 || bytes < 0 || offset > d->parts[handle].bytes - bytes)
        return SX_FAIL(ctx, SX_E_INTERNAL, "part %d, %" PRId64 " bytes at %" PRId64 ": outside of its file", handle,
                       bytes, offset);
    return SX_OK;
}

static sx_status store_write(void *user, sx_ctx *ctx, int handle, int64_t offset, int64_t bytes, const void *data) {
    const sx_outdir *d = user;
    SX_TRY(ctx, check_range(ctx, d, handle, offset, bytes));
    const char *from = data;
    while (bytes > 0) {
        const ssize_t n = pwrite(d->parts[handle].fd, from, (size_t)bytes, (off_t)offset);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0)
            return IO_FAIL("%s/parts/%s: %" PRId64 " bytes at %" PRId64 " cannot be written: %s", d->path,
                           d->parts[handle].name, bytes, offset, n < 0 ? strerror(errno) : "no progress");
        from += n, offset += n, bytes -= n;
    }
    return SX_OK;
}

static sx_status store_read(void *user, sx_ctx *ctx, int handle, int64_t offset, int64_t bytes, void *data) {
    const sx_outdir *d = user;
    SX_TRY(ctx, check_range(ctx, d, handle, offset, bytes));
    char *to = data;
    while (bytes > 0) {
        const ssize_t n = pread(d->parts[handle].fd, to, (size_t)bytes, (off_t)offset);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0)
            return IO_FAIL("%s/parts/%s: %" PRId64 " bytes at %" PRId64 " cannot be read: %s", d->path,
                           d->parts[handle].name, bytes, offset, n < 0 ? strerror(errno) : "the file was cut");
        to += n, offset += n, bytes -= n;
    }
    return SX_OK;
}

const sx_store *sx_outdir_store(sx_outdir *d) {
    return &d->store;
}

static sx_status sync_fd(sx_ctx *ctx, const sx_outdir *d, int fd, const char *what) {
    if (fsync(fd) != 0) return IO_FAIL("%s/%s: fsync: %s", d->path, what, strerror(errno));
    return SX_OK;
}

sx_status sx_outdir_flush(sx_ctx *ctx, sx_outdir *d) {
    for (int i = 0; i < d->n; i++) SX_TRY(ctx, sync_fd(ctx, d, d->parts[i].fd, d->parts[i].name));
    if (d->n) SX_TRY(ctx, sync_fd(ctx, d, d->parts_fd, "parts"));
    return SX_OK;
}

/* -- working directories --------------------------------------------------------------------------------------------- */
/* Open a sub-directory that is no link; -1 and errno. */
static int open_inside(const sx_outdir *d, const char *name) {
    return openat(d->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Call remove for every entry, or only count them (remove false). */
static sx_status entries(sx_ctx *ctx, const sx_outdir *d, const char *name, bool remove_them, int64_t *count,
                         int64_t *bytes) {
    sx_status status = SX_OK;
    *count = *bytes = 0;
    const int fd = open_inside(d, name);
    if (fd < 0) {
        if (errno == ENOENT) return SX_OK;
        return IO_FAIL("%s/%s: %s", d->path, name,
                       errno == ENOTDIR || errno == ELOOP ? "not a directory of its own" : strerror(errno));
    }
    DIR *dir = fdopendir(fd);
    if (!dir) {
        (void)close(fd);
        return IO_FAIL("%s/%s: %s", d->path, name, strerror(errno));
    }
    for (const struct dirent *e; status >= 0 && (e = readdir(dir));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        struct stat st;
        if (fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
            *bytes += (int64_t)st.st_blocks * 512;
        ++*count;
        if (remove_them && unlinkat(dirfd(dir), e->d_name, 0) != 0)
            status = IO_FAIL("%s/%s/%s: cannot be removed: %s", d->path, name, e->d_name, strerror(errno));
    }
    (void)closedir(dir);
    return status;
}

static sx_status make_inside(sx_ctx *ctx, const sx_outdir *d, const char *name, int *out) {
    if (mkdirat(d->fd, name, 0777) != 0 && errno != EEXIST)
        return IO_FAIL("%s/%s: cannot be made: %s", d->path, name, strerror(errno));
    const int fd = open_inside(d, name);
    if (fd < 0)
        return IO_FAIL("%s/%s: %s", d->path, name,
                       errno == ENOTDIR || errno == ELOOP ? "not a directory of its own" : strerror(errno));
    if (out)
        *out = fd;
    else
        (void)close(fd);
    return SX_OK;
}

sx_status sx_outdir_clean(sx_ctx *ctx, sx_outdir *d) {
    int64_t count, bytes;
    for (int k = 0; k < 2; k++) { /* open parts stay readable until the directory is closed */
        SX_TRY(ctx, entries(ctx, d, working[k], true, &count, &bytes));
        if (unlinkat(d->fd, working[k], AT_REMOVEDIR) != 0 && errno != ENOENT)
            return IO_FAIL("%s/%s: cannot be removed: %s", d->path, working[k], strerror(errno));
    }
    SX_TRY(ctx, sync_fd(ctx, d, d->fd, ""));
    return SX_OK;
}

/* -- opening --------------------------------------------------------------------------------------------------------- */
static sx_status busy(sx_ctx *ctx, const sx_outdir *d, int lock) {
    char text[32] = "";
    const ssize_t n = pread(lock, text, sizeof text - 1, 0);
    long pid = n > 0 ? strtol(text, NULL, 10) : 0;
    if (pid > 0) return SX_FAIL(ctx, SX_E_BUSY, "%s: in use by process %ld", d->path, pid);
    return SX_FAIL(ctx, SX_E_BUSY, "%s: in use by another process", d->path);
}

/* Take the lock file. It is removed at the end, so the one that was locked must still be the one in the directory. */
static sx_status take_lock(sx_ctx *ctx, sx_outdir *d) {
    for (int attempt = 0; attempt < 100; attempt++) {
        struct stat own, there;
        const int fd = openat(d->fd, LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0666);
        if (fd < 0)
            return IO_FAIL("%s: cannot be written: %s", d->path,
                           errno == ELOOP ? "lock.pid is a link" : strerror(errno));
        if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
            const int e = errno;
            sx_status status;
            if (e == EWOULDBLOCK)
                status = busy(ctx, d, fd);
            else
                status = IO_FAIL("%s: cannot be locked: %s", d->path, strerror(e));
            (void)close(fd);
            return status;
        }
        if (fstat(fd, &own) == 0 && fstatat(d->fd, LOCK, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
            own.st_ino == there.st_ino && own.st_dev == there.st_dev) {
            char text[32];
            const int n = snprintf(text, sizeof text, "%ld\n", (long)getpid());
            d->lock = fd;
            if (!S_ISREG(own.st_mode)) return IO_FAIL("%s/%s: not a regular file", d->path, LOCK);
            if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)n, 0) != n)
                return IO_FAIL("%s/%s: cannot be written: %s", d->path, LOCK, strerror(errno));
            return SX_OK;
        }
        (void)close(fd);
    }
    return SX_FAIL(ctx, SX_E_BUSY, "%s: its lock changes all the time", d->path);
}

static sx_status check_space(sx_ctx *ctx, const char *path, const char *at, int64_t bytes, int64_t present) {
    struct statvfs vfs;
    if (statvfs(at, &vfs) != 0) return IO_FAIL("%s: %s", path, strerror(errno));
    if (vfs.f_flag & ST_RDONLY) return IO_FAIL("%s: the file system is read-only", path);
    const double have = (double)vfs.f_bavail * (double)vfs.f_frsize;
    if ((double)(bytes - present) > have)
        return IO_FAIL("%s: %.3g GB are needed, %.3g GB are free", path, 1e-9 * (double)(bytes - present), 1e-9 * have);
    return SX_OK;
}

/* ".NAME.PID.K.tmp" of sx_file_replace, whose process is gone. */
static bool abandoned(const char *name) {
    const char *end = name + strlen(name), *p = end - 4;
    int64_t pid = 0;
    if (name[0] != '.' || end - name < 10 || strcmp(p, ".tmp") != 0) return false;
    for (int k = 0; k < 2; k++) { /* K, then PID */
        const char *last = p;
        while (p > name + 2 && p[-1] >= '0' && p[-1] <= '9') p--;
        if (p == last || last - p > 10 || p[-1] != '.') return false;
        if (k == 1) pid = strtoll(p, NULL, 10);
        p--;
    }
    if (p - name < 2) return false; /* no NAME */
    return pid > 0 && pid <= INT32_MAX && (pid == getpid() || (kill((pid_t)pid, 0) != 0 && errno == ESRCH));
}

/* Files that a kill has left half written, in the directory itself or in one inside. */
static void sweep(const sx_outdir *d, const char *name) {
    struct stat st;
    const int fd = open_inside(d, name);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        if (fd >= 0) (void)close(fd);
        return;
    }
    for (const struct dirent *e; (e = readdir(dir));)
        if (abandoned(e->d_name) && fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(st.st_mode))
            (void)unlinkat(dirfd(dir), e->d_name, 0);
    (void)closedir(dir);
}

/* Everything that may be refused, in the order: lock, what is there, space. */
static sx_status enter(sx_ctx *ctx, sx_outdir *d, bool force, bool resume, int64_t bytes) {
    struct stat st;
    int64_t present = 0, checkpoints = 0, count, size;
    SX_TRY(ctx, take_lock(ctx, d));
    for (int k = 0; k < 2; k++) {
        SX_TRY(ctx, entries(ctx, d, working[k], false, &count, &size));
        present += size;
        if (k == 0) checkpoints = count;
    }
    if (!force && !resume) {
        if (fstatat(d->fd, "result.h5", &st, AT_SYMLINK_NOFOLLOW) == 0)
            return IO_FAIL("%s: there is a result.h5 already; --force replaces it, --resume continues, --out names "
                           "another directory",
                           d->path);
        if (checkpoints)
            return IO_FAIL("%s: an unfinished run is here; --resume continues it, --force starts again", d->path);
    }
    SX_TRY(ctx, check_space(ctx, d->path, d->path, bytes, present));
    if (force || resume) sweep(d, ".");
    if (resume) sweep(d, working[0]);
    for (int k = 0; k < 2; k++) { /* what an earlier run left would be taken for ours */
        if (!resume) SX_TRY(ctx, entries(ctx, d, working[k], true, &count, &size));
        SX_TRY(ctx, make_inside(ctx, d, working[k], k == 1 ? &d->parts_fd : NULL));
    }
    return SX_OK;
}

/* The directory that holds `path`: "a/b/" -> "a". Owned. */
static sx_status parent_of(sx_ctx *ctx, const char *path, char **out) {
    char *parent;
    SX_TRY(ctx, sx_strdup(ctx, path, &parent));
    size_t n = strlen(parent);
    while (n > 1 && parent[n - 1] == '/') n--;
    while (n > 0 && parent[n - 1] != '/') n--;
    while (n > 1 && parent[n - 1] == '/') n--;
    if (n == 0) parent[n++] = '.';
    parent[n] = '\0';
    *out = parent;
    return SX_OK;
}

sx_status sx_outdir_open(sx_ctx *ctx, const char *path, bool force, bool resume, int64_t bytes, sx_outdir **out) {
    sx_outdir *d = NULL;
    sx_status status;
    char *parent = NULL;
    struct stat st;
    bool made = false;
    if (!path[0]) return SX_FAIL(ctx, SX_E_USAGE, "the output directory has no name");
    if (bytes < 0) return SX_FAIL(ctx, SX_E_USAGE, "%" PRId64 " bytes: want >= 0", bytes);
    SX_GO(ctx, status, done, parent_of(ctx, path, &parent)); /* two bytes suffice for "." */
    SX_GO(ctx, status, done, sx_alloc(ctx, 1, sizeof *d, &d));
    d->fd = d->lock = d->parts_fd = -1;
    d->store = (sx_store){ sizeof d->store, d, store_reserve, store_write, store_read };
    SX_GO(ctx, status, done, sx_strdup(ctx, path, &d->path));
    if (stat(path, &st) != 0) {
        if (errno != ENOENT) {
            status = IO_FAIL("%s: %s", path, strerror(errno));
            goto done;
        }
        if (stat(parent, &st) != 0) {
            status = IO_FAIL("%s: the directory %s does not exist", path, parent);
            goto done;
        }
        SX_GO(ctx, status, done, check_space(ctx, path, parent, bytes, 0));
        if (mkdir(path, 0777) != 0 && errno != EEXIST) {
            status = IO_FAIL("%s: cannot be made: %s", path, strerror(errno));
            goto done;
        }
        made = true;
    }
    d->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (d->fd < 0) {
        status = IO_FAIL("%s: %s", path, errno == ENOTDIR ? "not a directory" : strerror(errno));
        goto done;
    }
    SX_GO(ctx, status, done, enter(ctx, d, force, resume, bytes));
    *out = d;
    d = NULL;
done:
    made = made && status < 0;
    sx_outdir_close(ctx, d);
    if (made) {
        for (int k = 0; k < 2; k++) { /* empty as it was made */
            char inner[4096];
            if (snprintf(inner, sizeof inner, "%s/%s", path, working[k]) < (int)sizeof inner) (void)rmdir(inner);
        }
        (void)rmdir(path);
    }
    sx_free(ctx, parent);
    return status;
}

void sx_outdir_close(sx_ctx *ctx, sx_outdir *d) {
    if (!d) return;
    for (int i = 0; i < d->n; i++) {
        (void)close(d->parts[i].fd);
        sx_free(ctx, d->parts[i].name);
    }
    sx_free(ctx, d->parts);
    if (d->parts_fd >= 0) (void)close(d->parts_fd);
    if (d->lock >= 0) {
        (void)unlinkat(d->fd, LOCK, 0);
        (void)close(d->lock);
    }
    if (d->fd >= 0) (void)close(d->fd);
    sx_free(ctx, d->path);
    sx_free(ctx, d);
}

const char *sx_outdir_path(const sx_outdir *d) {
    return d->path;
}

/* -- small files ----------------------------------------------------------------------------------------------------- */
sx_status sx_file_write(sx_ctx *ctx, const char *path, const void *data, size_t n) {
    char *directory;
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    if (!name[0]) return SX_FAIL(ctx, SX_E_USAGE, "%s: want the name of a file", path);
    SX_TRY(ctx, parent_of(ctx, path, &directory));
    const sx_chunk chunk = { data, n };
    const sx_status status = sx_file_replace(ctx, directory, name, &chunk, 1);
    sx_free(ctx, directory);
    return status < 0 ? sx_frame_at(ctx, status, __FILE__, __LINE__, __func__) : status;
}

sx_status sx_file_read(sx_ctx *ctx, const char *path, int64_t max_bytes, char **out, size_t *n) {
    SX_TRY(ctx, sx_file_slurp(ctx, path, max_bytes, false, out, n));
    return SX_OK;
}
