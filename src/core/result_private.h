// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* What libseparatrix-io needs of a result beyond result.h: variables whose content stays in a file, and exact reading. */
#ifndef SX_CORE_RESULT_PRIVATE_H
#define SX_CORE_RESULT_PRIVATE_H

#include <separatrix/result.h>

/* Read the hyperslab start, count (one number per dimension of the variable; none for a scalar), row-major, in its dtype. */
typedef sx_status (*sx_result_reader)(void *user, sx_ctx *ctx, const int64_t *start, const int64_t *count, void *data);

/* Define a read-only variable whose content comes through `read` when asked for; not for SX_DT_STRING. `user` is borrowed: it lives
 * as long as the result (see sx_result_on_free). */
SX_API sx_status sx_result_define_external(sx_ctx *ctx, sx_result *r, const char *group, const sx_var *var,
                                           sx_result_reader read, void *user, int *id) SX_MUST_USE;
/* Call release(user, ctx) when the result is freed: closes the file that external variables read. One per result; the last one set. */
SX_API void sx_result_on_free(sx_result *r, void (*release)(void *user, sx_ctx *ctx), void *user);
/* Read a hyperslab in the variable's own dtype (not strings): integers beyond 2^53 stay exact. NULL start = all. */
SX_API sx_status sx_result_read_raw(sx_ctx *ctx, const sx_result *r, int id, const int64_t *start, const int64_t *count,
                                    void *out) SX_MUST_USE;
/* Whether attribute i (as in sx_result_attr) was given as a number. */
SX_API bool sx_result_attr_is_number(const sx_result *r, const char *group, const char *var, int i);
/* Make a group if it does not exist. */
SX_API sx_status sx_result_add_group(sx_ctx *ctx, sx_result *r, const char *group) SX_MUST_USE;
/* Add a warning without logging it: one that was logged when the result was made. */
SX_API sx_status sx_result_add_warning(sx_ctx *ctx, sx_result *r, const char *group, const char *text) SX_MUST_USE;
/* Bytes of one element; SX_DT_STRING: of a pointer. */
SX_API size_t sx_dtype_size(sx_dtype dtype);

#endif
