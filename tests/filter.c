// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Linked into every test program: SX_TEST_FILTER=name runs only the tests of that name (* and ? are wildcards). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

__attribute__((constructor)) static void choose(void) {
    const char *filter = getenv("SX_TEST_FILTER");
    if (filter && *filter) cmocka_set_test_filter(filter);
}
