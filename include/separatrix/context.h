// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/** @file context.h  The context: allocator, error trace, log, progress, cancellation, threads. One per user thread. */
#ifndef SEPARATRIX_CONTEXT_H
#define SEPARATRIX_CONTEXT_H

#include <separatrix/status.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A context: opaque, for one user thread at a time. */
typedef struct sx_ctx sx_ctx;

/** How important a line of the log is. */
typedef enum sx_log_level { SX_LOG_DEBUG = 0, SX_LOG_INFO = 1, SX_LOG_WARNING = 2 } sx_log_level;

/** What the host program lends the library. Every member may be NULL or 0. Callbacks may come from any worker thread
 *  except `progress`, which is only called from the thread that called the library. */
typedef struct sx_host {
    size_t struct_size; /**< sizeof(sx_host); required */
    void *user;         /**< passed to every callback; borrowed */
    /** realloc with sizes: new_size 0 frees, p NULL allocates. Blocks are aligned to 64 bytes. NULL: libc. */
    void *(*alloc)(void *user, void *p, size_t old_size, size_t new_size);
    /** One line of the log, without a newline; level is an sx_log_level. */
    void (*log)(void *user, int level, const char *text);
    /** false = stop at the next block boundary (SX_STOPPED). */
    bool (*progress)(void *user, const char *what, double done, double total);
    /** Polled between segments of work; true = stop (SX_STOPPED). Must be async-signal tolerant and cheap. */
    bool (*cancelled)(void *user);
    /** Runs body(arg, i, worker) for i in [0,n) in any order; worker in [0, threads). NULL: OpenMP. */
    void (*parallel_for)(void *user, int64_t n, void (*body)(void *arg, int64_t i, int worker), void *arg);
    int threads; /**< workers; 0 = all cores */
    /** C compiler of models with `compile = true`: a path, or a name on the PATH; NULL: "cc". Borrowed while the context lives. */
    const char *compiler;
    /** Directory where compiled models are kept; made if it is missing, refused if it is not the user's own or open to others.
     *  NULL: each is compiled in a directory of its own under /tmp and not kept. Borrowed while the context lives. */
    const char *cache;
} sx_host;

/** Create a context. @param[in] host copied; NULL = defaults. Returns NULL only when memory is exhausted. */
SX_API sx_ctx *sx_ctx_create(const sx_host *host);
/** Free a context; NULL is fine. Everything created with it must be freed before. */
SX_API void sx_ctx_free(sx_ctx *ctx);
/** Number of workers that sx_parallel_for uses (>= 1). */
SX_API int sx_ctx_threads(const sx_ctx *ctx);
/** Bytes now held / most ever held through this context and its children. */
SX_API size_t sx_ctx_bytes(const sx_ctx *ctx);
/** The most bytes ever held. */
SX_API size_t sx_ctx_peak_bytes(const sx_ctx *ctx);
/** Message of the last failure ("" if none); borrowed until the next failure or sx_ctx_clear. */
SX_API const char *sx_ctx_message(const sx_ctx *ctx);
/** Trace: one "at file:line (function)" line per frame, innermost first. */
SX_API const char *sx_ctx_trace(const sx_ctx *ctx);
/** Status of the last failure; SX_OK if there is none. */
SX_API sx_status sx_ctx_status(const sx_ctx *ctx);
/** Forget the last failure: message, trace and status. */
SX_API void sx_ctx_clear(sx_ctx *ctx);

/** Record a failure (status < 0) with a message naming the value given and what would be right; returns status. */
SX_API sx_status sx_fail_at(sx_ctx *ctx, sx_status status, const char *file, int line, const char *function,
                            const char *format, ...) SX_PRINTF(6, 7);
/** Add a frame to the trace of a failure on its way out; returns status. */
SX_API sx_status sx_frame_at(sx_ctx *ctx, sx_status status, const char *file, int line, const char *function);
/** Put "prefix: " before the present message (used to add a file, place or task). Returns the context's status. */
SX_API sx_status sx_fail_prefix(sx_ctx *ctx, const char *format, ...) SX_PRINTF(2, 3);
/* The status itself, so that the compiler sees which way a failed call goes on. */
static inline sx_status sx_failed_(sx_status recorded, sx_status status) {
    (void)recorded;
    return status;
}
/** Record a failure here: SX_FAIL(ctx, SX_E_USAGE, "n = %d: want n > 0", n). Its value is the status. */
#define SX_FAIL(ctx, status, ...)                                                                                      \
    sx_failed_(sx_fail_at((ctx), (status), __FILE__, __LINE__, __func__, __VA_ARGS__), (status))
/** Return at once, with a frame added, if `call` failed (status < 0). */
#define SX_TRY(ctx, call)                                                                                              \
    do {                                                                                                               \
        sx_status sx_try_ = (call);                                                                                    \
        if (sx_try_ < 0) {                                                                                             \
            (void)sx_frame_at((ctx), sx_try_, __FILE__, __LINE__, __func__);                                           \
            return sx_try_;                                                                                            \
        }                                                                                                              \
    } while (0)
/** As SX_TRY, but stores into `status` and goes to `label` (the single exit that frees). */
#define SX_GO(ctx, status, label, call)                                                                                \
    do {                                                                                                               \
        (status) = (call);                                                                                             \
        if ((status) < 0) {                                                                                            \
            (void)sx_frame_at((ctx), (status), __FILE__, __LINE__, __func__);                                          \
            goto label;                                                                                                \
        }                                                                                                              \
    } while (0)

/** Log through the host; a no-op without a log callback. Warnings are also counted. */
SX_API void sx_log(sx_ctx *ctx, sx_log_level level, const char *format, ...) SX_PRINTF(3, 4);
/** Report progress; false when the host asks to stop. */
SX_API bool sx_progress(sx_ctx *ctx, const char *what, double done, double total);
/** Whether the host asks to stop (its callback `cancelled`); false without one. */
SX_API bool sx_cancelled(sx_ctx *ctx);

/** Allocation: zero-filled, 64-byte aligned, counted; n * size is overflow-checked. Fails with SX_E_MEMORY naming the
 *  bytes. n == 0 gives a valid one-byte block. `*out` (a pointer to the caller's pointer) is untouched on failure. */
SX_API sx_status sx_alloc(sx_ctx *ctx, int64_t n, size_t size, void *out) SX_MUST_USE;
/** Resize a block from sx_alloc, keeping min(old,new) content; new content is zero. */
SX_API sx_status sx_resize(sx_ctx *ctx, int64_t n, size_t size, void *inout) SX_MUST_USE;
/** Free a block of sx_alloc / sx_resize / sx_strdup; NULL is fine. Any context of the same family may free it. */
SX_API void sx_free(sx_ctx *ctx, void *block);
/** A copy of a text; free with sx_free. */
SX_API sx_status sx_strdup(sx_ctx *ctx, const char *text, char **out) SX_MUST_USE;
/** printf into a new string. */
SX_API sx_status sx_format(sx_ctx *ctx, char **out, const char *format, ...) SX_PRINTF(3, 4);
/** out = a * b with a check; SX_E_MEMORY "too large" on overflow or a negative factor. */
SX_API sx_status sx_mul_size(sx_ctx *ctx, int64_t a, int64_t b, int64_t *out) SX_MUST_USE;

/** The only parallel loop. body(child, i, worker, arg) for i in [0,n); each worker has its own child context (own error
 *  trace, same allocator). All i run even if one fails; the failure with the LOWEST i is returned and its message
 *  copied, so errors too are independent of the thread count. Nested calls run serially. */
SX_API sx_status sx_parallel_for(sx_ctx *ctx, int64_t n,
                                 sx_status (*body)(sx_ctx *child, int64_t i, int worker, void *arg),
                                 void *arg) SX_MUST_USE;

/** Executor of fixed unit panels inside one model operation, so that a single replica block uses all cores. */
typedef struct sx_exec {
    void *user; /**< passed to run */
    /** Run body(arg, i) for i in [0,n), in any order and perhaps at once. */
    void (*run)(void *user, int64_t n, void (*body)(void *arg, int64_t i), void *arg);
} sx_exec;
/** An executor over this context's workers; borrowed, lives as long as the context. */
SX_API const sx_exec *sx_ctx_exec(sx_ctx *ctx);
/** Serial when exec is NULL or n == 1. */
SX_API void sx_exec_for(const sx_exec *exec, int64_t n, void (*body)(void *arg, int64_t i), void *arg);

#ifdef __cplusplus
}
#endif
#endif
