// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Running a C compiler, and the cache of what it made. */
#include "core/compiler.h"
#include "core/context_private.h"
#include "core/file.h"
#include "core/kernels.h"
#include "core/mutant.h"
#include "core/program.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct sx_compiled {
    void *handle;
    bool cached;
};

enum { NAME_MAX_ = 120 };
#define ENTRY_MAX (INT64_C(1) << 30)

static sx_status cannot_start(sx_ctx *ctx, const char *name, const char *compiler, int error) {
    return SX_FAIL(
        ctx, SX_E_USAGE,
        "%s: compile = true wants a C compiler, but '%s' cannot be started: %s; install one (Debian: gcc), name "
        "another with --cc, or leave compile = false: the numbers are the same",
        name, compiler, strerror(error));
}

/* -- the cache ------------------------------------------------------------------------------------------------------------------- */

typedef struct cache {
    int fd;
    bool temporary; /* a directory of ours that goes with the call */
    char *path;     /* owned */
} cache;

/* Folders on the way to `path` that are missing, open to the user alone. */
static sx_status make_folders(sx_ctx *ctx, const char *path) {
    char *part = NULL;
    SX_TRY(ctx, sx_strdup(ctx, path, &part));
    for (char *p = part + 1; *p; ++p) {
        if (*p != '/') continue;
        *p = '\0';
        (void)mkdir(part, 0700); /* what fails here fails below */
        *p = '/';
    }
    sx_status status = SX_OK;
    if (mkdir(part, 0700) != 0 && errno != EEXIST)
        status = SX_FAIL(ctx, SX_E_IO, "the cache %s cannot be made: %s; --cache names another directory", path,
                         strerror(errno));
    sx_free(ctx, part);
    return status;
}

static sx_status open_cache(sx_ctx *ctx, const char *path, cache *c) {
    struct stat s;
    *c = (cache){ .fd = -1 };
    if (path && *path) {
        SX_TRY(ctx, sx_strdup(ctx, path, &c->path));
        SX_TRY(ctx, make_folders(ctx, path));
    } else { /* the host keeps nothing */
        SX_TRY(ctx, sx_strdup(ctx, "/tmp/separatrix-XXXXXX", &c->path));
        if (!mkdtemp(c->path)) return SX_FAIL(ctx, SX_E_IO, "no directory for a compiler in /tmp: %s", strerror(errno));
        c->temporary = true;
    }
    c->fd = open(c->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (c->fd < 0 || fstat(c->fd, &s) != 0)
        return SX_FAIL(ctx, SX_E_IO, "the cache %s cannot be opened: %s%s; --cache names another directory", c->path,
                       strerror(errno), errno == ENOTDIR ? " (or a link to one)" : "");
    if (s.st_uid != geteuid())
        return SX_FAIL(ctx, SX_E_IO,
                       "the cache %s belongs to user %u, not to user %u who runs this: compiled code is loaded from a "
                       "directory of one's own only; --cache names another",
                       c->path, (unsigned)s.st_uid, (unsigned)geteuid());
    if ((s.st_mode & 077) && !SX_MUTANT(cache_open))
        return SX_FAIL(ctx, SX_E_IO,
                       "the cache %s has permissions %03o: compiled code is loaded from a directory that is closed to "
                       "others only; chmod 700 closes it",
                       c->path, (unsigned)(s.st_mode & 0777));
    return SX_OK;
}

static void close_cache(sx_ctx *ctx, cache *c) {
    if (c->fd >= 0) (void)close(c->fd);
    if (c->temporary) (void)rmdir(c->path);
    sx_free(ctx, c->path);
}

/* What follows the library in its file; the loader does not look there. */
typedef struct trailer {
    char magic[8];
    sx_hash128 key;
    uint32_t crc; /* of all before the trailer */
    uint32_t zero;
} trailer;
static const char magic[8] = { 's', 'x', ' ', 'c', 'o', 'd', 'e', '1' };

/* The whole of an open file; NULL if it is none of ours, or too large. */
static sx_status read_entry(sx_ctx *ctx, int fd, char **out, size_t *size) {
    struct stat s;
    *out = NULL;
    if (fstat(fd, &s) != 0 || !S_ISREG(s.st_mode) || s.st_uid != geteuid() || (s.st_mode & 022) || s.st_size < 1 ||
        s.st_size > ENTRY_MAX)
        return SX_OK;
    char *p = NULL;
    SX_TRY(ctx, sx_alloc(ctx, s.st_size, 1, &p));
    size_t n = 0;
    while (n < (size_t)s.st_size) {
        ssize_t got = pread(fd, p + n, (size_t)s.st_size - n, (off_t)n);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        n += (size_t)got;
    }
    if (n != (size_t)s.st_size) {
        sx_free(ctx, p);
        return SX_OK;
    }
    *out = p;
    *size = n;
    return SX_OK;
}

/* Whether the entry is there, whole, and made of the same key. */
static sx_status entry_holds(sx_ctx *ctx, const cache *c, const char *entry, sx_hash128 key, bool *out) {
    char *p = NULL;
    size_t n = 0;
    trailer t;
    *out = false;
    int fd = openat(c->fd, entry, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return SX_OK;
    sx_status status = read_entry(ctx, fd, &p, &n);
    (void)close(fd);
    if (status >= 0 && p && n > sizeof t) {
        memcpy(&t, p + n - sizeof t, sizeof t);
        *out = memcmp(t.magic, magic, sizeof magic) == 0 && memcmp(&t.key, &key, sizeof key) == 0 &&
               t.crc == sx_crc32c(0, p, n - sizeof t);
    }
    sx_free(ctx, p);
    return status;
}

static bool write_all(int fd, const void *data, size_t n) {
    const char *p = data;
    while (n > 0) {
        ssize_t done = write(fd, p, n);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return false;
        p += done;
        n -= (size_t)done;
    }
    return true;
}

/* The compiler's file gets its trailer and its name. */
static sx_status seal_entry(sx_ctx *ctx, const cache *c, const char *made, const char *entry, sx_hash128 key) {
    trailer t = { .key = key };
    char *p = NULL;
    size_t n = 0;
    sx_status status;
    memcpy(t.magic, magic, sizeof magic);
    int fd = openat(c->fd, made, O_RDWR | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
    bool fine = fd >= 0 && fchmod(fd, 0700) == 0;
    status = fine ? read_entry(ctx, fd, &p, &n) : SX_OK;
    if (fine && p) {
        t.crc = sx_crc32c(0, p, n);
        fine = write_all(fd, &t, sizeof t) && fsync(fd) == 0 && renameat(c->fd, made, c->fd, entry) == 0;
    } else if (status >= 0) {
        fine = false;
    }
    if (status >= 0 && !fine)
        status = SX_FAIL(ctx, SX_E_IO, "%s/%s cannot be written: %s", c->path, entry, strerror(errno));
    if (fd >= 0) (void)close(fd);
    sx_free(ctx, p);
    return status;
}

/* -- compiling ------------------------------------------------------------------------------------------------------------------- */

/* The same level as the kernels, and what keeps the bits: no contraction, no reassociation. Text and library are the last two. */
enum { ARGUMENTS = 16 };
static void arguments_of(const char *compiler, const char *library, const char *text, const char *argv[ARGUMENTS]) {
    const char *level = sx_kernels_get(NULL)->name;
    int n = 0;
    argv[n++] = compiler;
    argv[n++] = "-std=gnu11";
    argv[n++] = "-O3";
    argv[n++] = strcmp(level, "x86-64-v4") == 0   ? "-march=x86-64-v4"
                : strcmp(level, "x86-64-v3") == 0 ? "-march=x86-64-v3"
                                                  : "-march=x86-64";
    if (strcmp(level, "x86-64-v4") == 0) argv[n++] = "-mprefer-vector-width=512";
    argv[n++] = "-fno-fast-math";
    argv[n++] = "-ffp-contract=off";
    argv[n++] = "-fno-math-errno";
    argv[n++] = "-fno-trapping-math";
    argv[n++] = "-fPIC";
    argv[n++] = "-shared";
    argv[n++] = "-w";
    argv[n++] = "-o";
    argv[n++] = library;
    argv[n++] = text;
    argv[n] = NULL;
}

static sx_status write_text(sx_ctx *ctx, const cache *c, const char *file, const char *text) {
    int fd = openat(c->fd, file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool fine = fd >= 0 && write_all(fd, text, strlen(text));
    int error = errno;
    if (fd >= 0 && close(fd) != 0 && fine) {
        fine = false;
        error = errno;
    }
    if (fine) return SX_OK;
    return SX_FAIL(ctx, SX_E_IO, "%s/%s cannot be written: %s; --cache names another directory", c->path, file,
                   strerror(error));
}

static sx_status make_entry(sx_ctx *ctx, const cache *c, const char *name, const char *compiler, const char *text,
                            const char *entry, sx_hash128 key) {
    char source[NAME_MAX_], made[NAME_MAX_];
    const char *argv[ARGUMENTS];
    uint64_t unique[2] = { 0 };
    sx_heard h;
    int how = 0;
    sx_status status;
    if (getrandom(unique, sizeof unique, 0) != (ssize_t)sizeof unique) unique[0] = (uint64_t)getpid();
    (void)snprintf(source, sizeof source, ".%s-%016" PRIx64 "%016" PRIx64 ".c", name, unique[0], unique[1]);
    (void)snprintf(made, sizeof made, ".%s-%016" PRIx64 "%016" PRIx64 ".so", name, unique[0], unique[1]);
    SX_GO(ctx, status, done, write_text(ctx, c, source, text));
    arguments_of(compiler, made, source, argv);
    int error = sx_program_run(argv, c->fd, &h, &how);
    if (error >= 0)
        status = cannot_start(ctx, name, compiler, error);
    else if (WIFSIGNALED(how))
        status =
            SX_FAIL(ctx, SX_E_USAGE, "%s: the C compiler '%s' was stopped by signal %d", name, compiler, WTERMSIG(how));
    else if (!WIFEXITED(how) || WEXITSTATUS(how) != 0)
        status = SX_FAIL(ctx, SX_E_USAGE, "%s: the C compiler '%s' refuses the generated code (exit code %d):\n%s",
                         name, compiler, WEXITSTATUS(how), sx_program_lines(&h, 6));
    if (status < 0) goto done;
    SX_GO(ctx, status, done, seal_entry(ctx, c, made, entry, key));
    made[0] = '\0';
done:
    (void)unlinkat(c->fd, source, 0);
    if (made[0]) (void)unlinkat(c->fd, made, 0);
    return status;
}

/* Everything that decides about the library. */
static sx_status key_of(sx_ctx *ctx, const char *name, const char *compiler, const char *text, sx_hash128 *key) {
    const char *argv[ARGUMENTS], *const ask[] = { compiler, "--version", NULL };
    char *about = NULL;
    sx_heard h;
    int how = 0, error = sx_program_run(ask, -1, &h, &how);
    if (error >= 0) return cannot_start(ctx, name, compiler, error);
    if (!WIFEXITED(how) || WEXITSTATUS(how) != 0)
        return SX_FAIL(ctx, SX_E_USAGE,
                       "%s: '%s --version' fails: want a C compiler such as gcc or clang; it says:\n%s", name, compiler,
                       sx_program_lines(&h, 3));
    arguments_of(compiler, "", "", argv);
    SX_TRY(ctx, sx_format(ctx, &about, "%s", h.text));
    sx_status status = SX_OK;
    for (int i = 0; argv[i] && status >= 0; ++i) {
        char *more = NULL;
        status = sx_format(ctx, &more, "%s\n%s", about, argv[i]);
        if (status < 0) break;
        sx_free(ctx, about);
        about = more;
    }
    if (status >= 0) *key = sx_hash(text, strlen(text), sx_hash(about, strlen(about), 1).h[0]);
    sx_free(ctx, about);
    return status;
}

static sx_status load(sx_ctx *ctx, const char *name, const cache *c, const char *entry, sx_compiled *out) {
    char path[NAME_MAX_ + 40];
    /* through the open directory, which was looked at; entries of one name are equal, wherever the number leads */
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d/%s", c->fd, entry);
    out->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (out->handle) return SX_OK;
    const char *why = dlerror();
    (void)unlinkat(c->fd, entry, 0); /* the next one tries again */
    return SX_FAIL(ctx, SX_E_IO, "%s: %s/%s cannot be loaded: %s", name, c->path, entry, why ? why : "no reason given");
}

sx_status sx_compile(sx_ctx *ctx, const char *name, const char *text, sx_compiled **out) {
    const sx_host *host = &ctx->family->host;
    const char *compiler = host->compiler && *host->compiler ? host->compiler : "cc";
    sx_compiled *made = NULL;
    sx_hash128 key;
    char entry[NAME_MAX_] = "";
    cache c = { .fd = -1 };
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, 1, sizeof *made, &made));
    SX_GO(ctx, status, done, open_cache(ctx, host->cache, &c));
    SX_GO(ctx, status, done, key_of(ctx, name, compiler, text, &key));
    (void)snprintf(entry, sizeof entry, "%s-%016" PRIx64 "%016" PRIx64 ".so", name, key.h[0], key.h[1]);
    SX_GO(ctx, status, done, entry_holds(ctx, &c, entry, key, &made->cached));
    if (!made->cached) SX_GO(ctx, status, done, make_entry(ctx, &c, name, compiler, text, entry, key));
    SX_GO(ctx, status, done, load(ctx, name, &c, entry, made));
    *out = made;
    made = NULL;
done:
    if (c.temporary && c.fd >= 0 && *entry) (void)unlinkat(c.fd, entry, 0);
    close_cache(ctx, &c);
    sx_free(ctx, made);
    return status;
}

sx_status sx_compiled_symbol(sx_ctx *ctx, const sx_compiled *c, const char *name, void **out) {
    void *p = dlsym(c->handle, name);
    if (!p) return SX_FAIL(ctx, SX_E_INTERNAL, "compiled code without '%s'", name);
    *out = p;
    return SX_OK;
}

bool sx_compiled_cached(const sx_compiled *c) {
    return c->cached;
}

void sx_compiled_free(sx_ctx *ctx, sx_compiled *c) {
    if (!c) return;
    (void)dlclose(c->handle);
    sx_free(ctx, c);
}
