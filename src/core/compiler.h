// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* C text -> shared library in this process, by the host's compiler, kept in the host's cache (sx_host in context.h).
 *
 * The compiler is started directly, without a shell, with a fixed list of arguments, in the cache directory. The directory must be the
 * user's own and closed to everyone else; a missing one is made so. An entry is named after a hash of text, arguments, first lines of
 * `compiler --version` and kernel set, ends with that hash and a checksum, and appears under its name only when it is whole: processes
 * that compile the same text at the same time all succeed, and a damaged entry is compiled anew. */
#ifndef SX_CORE_COMPILER_H
#define SX_CORE_COMPILER_H

#include <separatrix/context.h>

typedef struct sx_compiled sx_compiled;

/* `name` begins the names of files and messages ("equations"). SX_E_USAGE: no compiler, or it refuses the text (its first lines are in
 * the message); SX_E_IO: the cache cannot be used. The text must not depend on the CPU: it is compiled for the level of the kernel set,
 * without contraction of products and sums. */
sx_status sx_compile(sx_ctx *ctx, const char *name, const char *text, sx_compiled **out) SX_MUST_USE;
/* Address of a function or object; SX_E_INTERNAL if there is none. */
sx_status sx_compiled_symbol(sx_ctx *ctx, const sx_compiled *c, const char *name, void **out) SX_MUST_USE;
/* Whether the library was found in the cache. */
bool sx_compiled_cached(const sx_compiled *c);
/* Unload, when no other holder is left (the loader counts); NULL is fine. */
void sx_compiled_free(sx_ctx *ctx, sx_compiled *c);

#endif
