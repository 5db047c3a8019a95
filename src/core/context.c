// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The context: allocator, error trace, log, progress, cancellation. */
#include "core/context_private.h"

#include "core/linalg.h"
#include "core/number.h"

#include <assert.h>
#include <inttypes.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN = 64, MAX_THREADS = 1024 };

/* Sits right before a block; the block itself is aligned whatever the host's allocator returns. */
typedef struct header {
    void *raw;
    size_t raw_size, size;
    uint64_t tag;
} header;
_Static_assert(sizeof(header) <= ALIGN, "the header fits before an aligned block");
static const uint64_t tag_live = 0x5e9a7a7217b10c4bU;

/* -- raw memory ---------------------------------------------------------------------------------------------------------------- */

static void *raw_alloc(const sx_host *host, size_t size) {
    if (!host->alloc) return calloc(1, size);
    void *p = host->alloc(host->user, NULL, 0, size);
    if (p) memset(p, 0, size);
    return p;
}

static void raw_free(const sx_host *host, void *p, size_t size) {
    if (!p) return;
    if (host->alloc)
        (void)host->alloc(host->user, p, size, 0);
    else
        free(p);
}

static void count_bytes(sx_family *f, size_t size) {
    size_t now = atomic_fetch_add_explicit(&f->bytes, size, memory_order_relaxed) + size;
    size_t peak = atomic_load_explicit(&f->peak, memory_order_relaxed);
    while (now > peak &&
           !atomic_compare_exchange_weak_explicit(&f->peak, &peak, now, memory_order_relaxed, memory_order_relaxed)) {
    }
}

/* NULL if memory is exhausted. size >= 1. */
static void *block_alloc(sx_family *f, size_t size) {
    if (size > SIZE_MAX / 2) return NULL;
    size_t raw_size = size + 2 * ALIGN;
    unsigned char *raw = raw_alloc(&f->host, raw_size);
    if (!raw) return NULL;
    uintptr_t at = ((uintptr_t)raw + 2 * ALIGN - 1) & ~(uintptr_t)(ALIGN - 1); /* >= raw + ALIGN: room for the header */
    unsigned char *block = raw + (at - (uintptr_t)raw);
    header h = { .raw = raw, .raw_size = raw_size, .size = size, .tag = tag_live };
    memcpy(block - sizeof h, &h, sizeof h);
    count_bytes(f, size);
    return block;
}

static header block_header(const void *block) {
    header h;
    memcpy(&h, (const unsigned char *)block - sizeof h, sizeof h);
    assert(h.tag == tag_live && "a block of sx_alloc that is still held");
    return h;
}

static void block_free(sx_family *f, void *block) {
    header h = block_header(block);
    memset((unsigned char *)block - sizeof h, 0, sizeof h);
    atomic_fetch_sub_explicit(&f->bytes, h.size, memory_order_relaxed);
    raw_free(&f->host, h.raw, h.raw_size);
}

/* -- growing texts ------------------------------------------------------------------------------------------------------------- */

static const char *text_get(const sx_text *t) {
    return t->big ? t->big : t->small;
}

static void text_clear(const sx_host *host, sx_text *t) {
    raw_free(host, t->big, t->capacity);
    t->big = NULL;
    t->capacity = 0;
    t->small[0] = '\0';
}

/* t = head + tail; the arguments may point into t. Cut at the present capacity if no memory is left. */
static void text_join(const sx_host *host, sx_text *t, const char *head, const char *tail) {
    size_t a = strlen(head), b = strlen(tail), need = a + b + 1;
    if (need <= sizeof t->small && !t->big) {
        char joined[sizeof t->small];
        memcpy(joined, head, a);
        memcpy(joined + a, tail, b + 1);
        memcpy(t->small, joined, need);
        return;
    }
    size_t capacity = need > SIZE_MAX / 4 ? need : 2 * need;
    char *big = raw_alloc(host, capacity);
    if (!big) {
        char joined[sizeof t->small];
        int n = snprintf(joined, sizeof joined, "%.*s%.*s", (int)(a < sizeof joined ? a : sizeof joined - 1), head,
                         (int)(b < sizeof joined ? b : sizeof joined - 1), tail);
        text_clear(host, t);
        if (n > 0) memcpy(t->small, joined, sizeof joined);
        return;
    }
    memcpy(big, head, a);
    memcpy(big + a, tail, b + 1);
    text_clear(host, t);
    t->big = big;
    t->capacity = capacity;
}

/* printf into a buffer that is `fixed` if the text fits, else from the heap (cut into `fixed` without memory). */
SX_PRINTF(5, 0)
static char *print_text(const sx_host *host, char *fixed, size_t fixed_size, size_t *heap_size, const char *format,
                        va_list args) {
    va_list again;
    va_copy(again, args);
    int n = sx_number_vprint(fixed, fixed_size, format, args);
    char *text = fixed;
    *heap_size = 0;
    if (n < 0) {
        snprintf(fixed, fixed_size, "(a message that cannot be printed)");
    } else if ((size_t)n >= fixed_size) {
        size_t size = (size_t)n + 1;
        char *heap = raw_alloc(host, size);
        if (heap) {
            sx_number_vprint(heap, size, format, again);
            text = heap;
            *heap_size = size;
        }
    }
    va_end(again);
    return text;
}

/* -- life ---------------------------------------------------------------------------------------------------------------------- */

static int online_cores(void) {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) return CPU_COUNT(&set);
    return 1;
}

static void context_init(sx_ctx *ctx, sx_family *family, bool root) {
    ctx->family = family;
    ctx->root = ctx->progress = root;
    ctx->exec = (sx_exec){ .user = ctx, .run = sx_exec_run };
}

sx_ctx *sx_ctx_create(const sx_host *host) {
    sx_host copy;
    memset(&copy, 0, sizeof copy);
    if (host) memcpy(&copy, host, host->struct_size < sizeof copy ? host->struct_size : sizeof copy);
    int threads = copy.threads > 0 ? copy.threads : online_cores();
    threads = sx_parallel_threads(&copy, threads < MAX_THREADS ? threads : MAX_THREADS);

    sx_ctx *ctx = raw_alloc(&copy, sizeof *ctx);
    sx_family *family = raw_alloc(&copy, sizeof *family);
    sx_ctx *children = raw_alloc(&copy, (size_t)threads * sizeof *children);
    if (!ctx || !family || !children) {
        raw_free(&copy, children, (size_t)threads * sizeof *children);
        raw_free(&copy, family, sizeof *family);
        raw_free(&copy, ctx, sizeof *ctx);
        return NULL;
    }
    family->host = copy;
    family->threads = threads;
    family->children = children;
    context_init(ctx, family, true);
    for (int w = 0; w < threads; ++w) context_init(&children[w], family, false);
    sx_blas_single_thread();
    return ctx;
}

void sx_ctx_free(sx_ctx *ctx) {
    if (!ctx || !ctx->root) return;
    sx_family *family = ctx->family;
    sx_host host = family->host;
    for (int w = 0; w < family->threads; ++w) {
        sx_error_clear(ctx, &family->children[w].error);
        sx_error_clear(ctx, &family->children[w].kept);
    }
    sx_error_clear(ctx, &ctx->error);
    raw_free(&host, family->children, (size_t)family->threads * sizeof *family->children);
    raw_free(&host, family, sizeof *family);
    raw_free(&host, ctx, sizeof *ctx);
}

int sx_ctx_threads(const sx_ctx *ctx) {
    return ctx->family->threads;
}

size_t sx_ctx_bytes(const sx_ctx *ctx) {
    return atomic_load_explicit(&ctx->family->bytes, memory_order_relaxed);
}

size_t sx_ctx_peak_bytes(const sx_ctx *ctx) {
    return atomic_load_explicit(&ctx->family->peak, memory_order_relaxed);
}

int64_t sx_ctx_warnings(const sx_ctx *ctx) {
    return atomic_load_explicit(&ctx->family->warnings, memory_order_relaxed);
}

const sx_exec *sx_ctx_exec(sx_ctx *ctx) {
    return &ctx->exec;
}

/* -- failures ------------------------------------------------------------------------------------------------------------------ */

const char *sx_ctx_message(const sx_ctx *ctx) {
    return text_get(&ctx->error.message);
}

const char *sx_ctx_trace(const sx_ctx *ctx) {
    return text_get(&ctx->error.trace);
}

sx_status sx_ctx_status(const sx_ctx *ctx) {
    return ctx->error.status;
}

void sx_error_clear(sx_ctx *ctx, sx_error *error) {
    const sx_host *host = &ctx->family->host;
    error->status = SX_OK;
    text_clear(host, &error->message);
    text_clear(host, &error->trace);
}

void sx_ctx_clear(sx_ctx *ctx) {
    sx_error_clear(ctx, &ctx->error);
}

/* "src/core/context.c" whatever folder the compiler was called from */
static const char *source_name(const char *file) {
    const char *found = NULL;
    for (const char *p = strstr(file, "src/"); p; p = strstr(p + 1, "src/"))
        if (p == file || p[-1] == '/') found = p;
    if (found) return found;
    const char *slash = strrchr(file, '/');
    return slash ? slash + 1 : file;
}

static void add_frame(sx_ctx *ctx, const char *file, int line, const char *function) {
    char frame[256];
    snprintf(frame, sizeof frame, "at %s:%d (%s)\n", source_name(file), line, function);
    text_join(&ctx->family->host, &ctx->error.trace, text_get(&ctx->error.trace), frame);
}

sx_status sx_fail_at(sx_ctx *ctx, sx_status status, const char *file, int line, const char *function,
                     const char *format, ...) {
    assert(status < 0);
    if (!ctx) return status;
    const sx_host *host = &ctx->family->host;
    char fixed[512];
    size_t heap;
    va_list args;
    va_start(args, format);
    char *text = print_text(host, fixed, sizeof fixed, &heap, format, args);
    va_end(args);
    sx_error_clear(ctx, &ctx->error);
    ctx->error.status = status;
    text_join(host, &ctx->error.message, text, "");
    if (heap) raw_free(host, text, heap);
    add_frame(ctx, file, line, function);
    return status;
}

sx_status sx_frame_at(sx_ctx *ctx, sx_status status, const char *file, int line, const char *function) {
    if (!ctx) return status;
    if (ctx->error.status == SX_OK) /* failed without a word */
        return sx_fail_at(ctx, status, file, line, function, "%s", sx_status_text(status));
    add_frame(ctx, file, line, function);
    return status;
}

sx_status sx_fail_prefix(sx_ctx *ctx, const char *format, ...) {
    if (!ctx) return SX_E_INTERNAL;
    if (ctx->error.status == SX_OK) return SX_OK;
    const sx_host *host = &ctx->family->host;
    char fixed[512];
    size_t heap;
    va_list args;
    va_start(args, format);
    char *text = print_text(host, fixed, sizeof fixed, &heap, format, args);
    va_end(args);
    text_join(host, &ctx->error.message, ": ", text_get(&ctx->error.message));
    text_join(host, &ctx->error.message, text, text_get(&ctx->error.message));
    if (heap) raw_free(host, text, heap);
    return ctx->error.status;
}

/* -- log, progress, cancellation ------------------------------------------------------------------------------------------------- */

void sx_log(sx_ctx *ctx, sx_log_level level, const char *format, ...) {
    sx_family *f = ctx->family;
    if (level == SX_LOG_WARNING) atomic_fetch_add_explicit(&f->warnings, 1, memory_order_relaxed);
    if (!f->host.log) return;
    char fixed[1024];
    size_t heap;
    va_list args;
    va_start(args, format);
    char *text = print_text(&f->host, fixed, sizeof fixed, &heap, format, args);
    va_end(args);
    f->host.log(f->host.user, (int)level, text);
    if (heap) raw_free(&f->host, text, heap);
}

bool sx_progress(sx_ctx *ctx, const char *what, double done, double total) {
    const sx_host *host = &ctx->family->host;
    return !ctx->progress || !host->progress || host->progress(host->user, what, done, total);
}

bool sx_cancelled(sx_ctx *ctx) {
    const sx_host *host = &ctx->family->host;
    return host->cancelled && host->cancelled(host->user);
}

/* -- allocation ------------------------------------------------------------------------------------------------------------------ */

/* bytes = n * size, at least 1; false if that does not fit */
static bool block_bytes(int64_t n, size_t size, size_t *bytes) {
    if (n < 0 || (size > 0 && (uint64_t)n > (SIZE_MAX / 2) / size)) return false;
    *bytes = (size_t)n * size;
    if (*bytes == 0) *bytes = 1;
    return true;
}

sx_status sx_alloc(sx_ctx *ctx, int64_t n, size_t size, void *out) {
    size_t bytes;
    if (!block_bytes(n, size, &bytes))
        return SX_FAIL(ctx, SX_E_MEMORY, "%" PRId64 " elements of %zu bytes: too large", n, size);
    void *block = block_alloc(ctx->family, bytes);
    if (!block) return SX_FAIL(ctx, SX_E_MEMORY, "no memory for %zu bytes (%zu are held)", bytes, sx_ctx_bytes(ctx));
    memcpy(out, &block, sizeof block);
    return SX_OK;
}

sx_status sx_resize(sx_ctx *ctx, int64_t n, size_t size, void *inout) {
    void *old, *block;
    memcpy(&old, inout, sizeof old);
    SX_TRY(ctx, sx_alloc(ctx, n, size, &block));
    if (old) {
        size_t held = block_header(old).size, now = block_header(block).size;
        memcpy(block, old, n == 0 || size == 0 ? 0 : held < now ? held : now);
        block_free(ctx->family, old);
    }
    memcpy(inout, &block, sizeof block);
    return SX_OK;
}

void sx_free(sx_ctx *ctx, void *block) {
    if (block) block_free(ctx->family, block);
}

sx_status sx_strdup(sx_ctx *ctx, const char *text, char **out) {
    char *copy = NULL;
    if (text) {
        size_t size = strlen(text) + 1;
        SX_TRY(ctx, sx_alloc(ctx, (int64_t)size, 1, &copy));
        memcpy(copy, text, size);
    }
    *out = copy;
    return SX_OK;
}

sx_status sx_format(sx_ctx *ctx, char **out, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = sx_number_vprint(NULL, 0, format, args);
    va_end(args);
    if (n < 0) return SX_FAIL(ctx, SX_E_INTERNAL, "a text that cannot be printed: format \"%s\"", format);
    char *text;
    SX_TRY(ctx, sx_alloc(ctx, (int64_t)n + 1, 1, &text));
    va_start(args, format);
    sx_number_vprint(text, (size_t)n + 1, format, args);
    va_end(args);
    *out = text;
    return SX_OK;
}

sx_status sx_mul_size(sx_ctx *ctx, int64_t a, int64_t b, int64_t *out) {
    if (a < 0 || b < 0 || (a > 0 && b > INT64_MAX / a))
        return SX_FAIL(ctx, SX_E_MEMORY, "%" PRId64 " x %" PRId64 ": too large", a, b);
    *out = a * b;
    return SX_OK;
}
