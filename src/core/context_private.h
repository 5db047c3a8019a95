// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Inside of a context, shared by context.c and parallel.c. */
#ifndef SX_CORE_CONTEXT_PRIVATE_H
#define SX_CORE_CONTEXT_PRIVATE_H

#include <separatrix/context.h>

#include <stdatomic.h>

/* A text that begins in place and moves to the heap when it grows; if the heap is full it is cut, never lost. Its memory is not
 * counted by sx_ctx_bytes, so a recorded failure is no leak. The struct may be copied (moved) as a whole. */
typedef struct sx_text {
    char *big; /* owned; NULL: `small` holds the text */
    size_t capacity;
    char small[512];
} sx_text;

/* A recorded failure. All zero = none. */
typedef struct sx_error {
    sx_status status;
    sx_text message, trace;
} sx_error;

/* What a context shares with its children: one per worker, made at creation so that a loop allocates nothing. */
typedef struct sx_family {
    sx_host host;
    int threads;
    _Atomic size_t bytes, peak;
    _Atomic int64_t warnings;
    bool parallel;    /* a parallel loop is running: set and cleared by the calling thread only, outside of the loop */
    sx_ctx *children; /* [threads] */
} sx_family;

struct sx_ctx {
    sx_family *family; /* owned by the root */
    bool root;
    bool progress; /* may call host.progress: runs in the thread that called the library */
    sx_error error;
    sx_exec exec;
    /* of a child, during one loop: */
    sx_error kept; /* the failure with the lowest index of this worker */
    int64_t kept_index, finished_index;
    sx_status finished; /* positive status with the lowest index */
};

void sx_error_clear(sx_ctx *ctx, sx_error *error);
/* Workers that sx_parallel_for can really use when `wanted` are asked for. */
int sx_parallel_threads(const sx_host *host, int wanted);
void sx_exec_run(void *user, int64_t n, void (*body)(void *arg, int64_t i), void *arg);
int64_t sx_ctx_warnings(const sx_ctx *ctx);

#endif
