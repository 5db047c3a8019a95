// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Running another program: a C compiler (compiler.h), a converter of figures. */
#ifndef SX_CORE_PROGRAM_H
#define SX_CORE_PROGRAM_H

#include <separatrix/status.h>

#include <stddef.h>

enum { SX_HEARD = 2000 };

typedef struct sx_heard {
    char text[SX_HEARD]; /* the first that the program printed */
    size_t n;
} sx_heard;

/* Run a program in a directory (a descriptor; -1: here), without a shell; standard output and error are heard. 0, an errno of starting it,
 * or -1 with *status as of waitpid (unknown, 0, when the host ignores its children). */
SX_API int sx_program_run(const char *const *argv, int directory, sx_heard *out, int *status);
/* The first lines of what was heard, at most so many, without control characters. */
SX_API const char *sx_program_lines(sx_heard *h, int lines);

#endif
