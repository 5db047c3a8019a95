// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Which fault is on; compiled only with -DSX_MUTANTS=ON. Read once, before any thread exists. */
#include "core/mutant.h"

#include <stdlib.h>
#include <string.h>

static const char *chosen;

__attribute__((constructor)) static void choose(void) {
    chosen = getenv("SX_MUTANT");
}

int sx_mutant_(const char *name) {
    return chosen && strcmp(chosen, name) == 0;
}
