// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Assignment by shortest augmenting paths (H. W. Kuhn, Nav. Res. Logist. Q. 2 (1955) 83; R. Jonker, A. Volgenant, Computing 38 (1987) 325):
 * potentials u_i, v_j with cost_ij - u_i - v_j >= 0, and = 0 where row i has column j. Each row is added by the path of least reduced cost to a free
 * column. */
#include "core/assignment.h"

#include <math.h>

/* Row number `row` enters: at = the column looked at (n: the new row's own, not a real one). */
static void augment(int64_t n, const double *cost, int64_t row, double *u, double *v, int64_t *owner, double *least,
                    int64_t *from, bool *done) {
    for (int64_t j = 0; j <= n; j++) {
        least[j] = (double)INFINITY;
        from[j] = n;
        done[j] = false;
    }
    int64_t at = n;
    owner[n] = row;
    do {
        int64_t i = owner[at], next = n;
        double step = (double)INFINITY;
        done[at] = true;
        for (int64_t j = 0; j < n; j++) {
            if (done[j]) continue;
            double reduced = cost[i * n + j] - u[i] - v[j];
            if (reduced < least[j]) {
                least[j] = reduced;
                from[j] = at;
            }
            if (least[j] < step) {
                step = least[j];
                next = j;
            }
        }
        for (int64_t j = 0; j <= n; j++) {
            if (done[j]) {
                u[owner[j]] += step;
                v[j] -= step;
            } else {
                least[j] -= step;
            }
        }
        at = next;
    } while (owner[at] >= 0);
    while (at != n) { /* the path back: each column takes the row of the one before it */
        owner[at] = owner[from[at]];
        at = from[at];
    }
}

sx_status sx_assign(sx_ctx *ctx, int64_t n, const double *cost, int64_t *column) {
    double *real = NULL;
    int64_t *whole = NULL;
    bool *done = NULL;
    sx_status status;
    SX_GO(ctx, status, end, sx_alloc(ctx, 3 * n + 2, sizeof *real, &real));
    SX_GO(ctx, status, end, sx_alloc(ctx, 2 * n + 2, sizeof *whole, &whole));
    SX_GO(ctx, status, end, sx_alloc(ctx, n + 1, sizeof *done, &done));
    double *u = real, *v = real + n, *least = real + 2 * n + 1;
    int64_t *owner = whole, *from = whole + n + 1;
    for (int64_t j = 0; j <= n; j++) owner[j] = -1;
    for (int64_t i = 0; i < n; i++) augment(n, cost, i, u, v, owner, least, from, done);
    for (int64_t j = 0; j < n; j++) column[owner[j]] = j;
end:
    sx_free(ctx, done);
    sx_free(ctx, whole);
    sx_free(ctx, real);
    return status;
}
