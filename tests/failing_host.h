// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* A host whose allocator counts what is held and fails at the k-th allocation, once or from then on. */
#ifndef SX_TESTS_FAILING_HOST_H
#define SX_TESTS_FAILING_HOST_H

#include <separatrix/context.h>

#include <stdlib.h>

typedef struct failing_host {
    int64_t calls, fail_at; /* fail_at 0: never */
    bool persistent;
    int64_t held; /* bytes the library has from us */
} failing_host;

static inline void *failing_alloc(void *user, void *p, size_t old_size, size_t new_size) {
    failing_host *h = user;
    if (new_size == 0) {
        h->held -= (int64_t)old_size;
        free(p);
        return NULL;
    }
    ++h->calls;
    if (h->fail_at && (h->calls == h->fail_at || (h->persistent && h->calls > h->fail_at))) return NULL;
    void *q = realloc(p, new_size);
    if (q) h->held += (int64_t)new_size - (int64_t)old_size;
    return q;
}

static inline sx_host failing_host_of(failing_host *h) {
    sx_host host = { .struct_size = sizeof host, .user = h, .alloc = failing_alloc, .threads = 1 };
    return host;
}

#endif
