// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* A data race on purpose, in the parallel loop: built with -DSX_SANITIZE=thread only, to see that the thread sanitizer sees one. */
#include <separatrix/context.h>

#include "core/context_private.h"

#include <stdio.h>

static sx_status count(sx_ctx *ctx, int64_t i, int worker, void *arg) {
    int64_t *sum = arg;
    (void)ctx;
    (void)worker;
    *sum += i;
    return SX_OK;
}

int main(void) {
    const sx_host host = { .struct_size = sizeof host, .threads = 4 };
    sx_ctx *ctx = sx_ctx_create(&host);
    int64_t sum = 0;
    for (int k = 0; ctx && k < 100; k++)
        if (sx_parallel_for(ctx, 1000, count, &sum) != SX_OK) break;
    printf("sum %lld\n", (long long)sum);
    sx_ctx_free(ctx);
    return 0;
}
