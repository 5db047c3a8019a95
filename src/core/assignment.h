// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The linear assignment problem. */
#ifndef SX_CORE_ASSIGNMENT_H
#define SX_CORE_ASSIGNMENT_H

#include <separatrix/context.h>

/* column[i] of each row i of a row-major n x n matrix, a permutation, so that the sum of cost[i][column[i]] is least. Finite costs. O(n^3) time,
 * O(n) memory. Of several best permutations always the same one. */
sx_status sx_assign(sx_ctx *ctx, int64_t n, const double *cost, int64_t *column) SX_MUST_USE;

#endif
