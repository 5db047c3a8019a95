// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
#include "models/parity.h"

/* Dense and well-filled couplings become one matrix (one product); sparse and low-rank ones stay as they are and are applied
 * twice, as W and as W^T. */
sx_status sx_parity_init(sx_ctx *ctx, const sx_coupling *w, double sign, sx_parity *out) {
    int64_t n = sx_coupling_rows(w), nn = 0;
    sx_parity p = { sign, NULL, false, n };
    SX_TRY(ctx, sx_mul_size(ctx, n, n, &nn));
    if (sx_coupling_form_of(w) == SX_COUPLING_DENSE || n <= 64 || sx_coupling_nonzeros(w) > nn / 8) {
        double *m = NULL;
        SX_TRY(ctx, sx_alloc(ctx, nn, sizeof *m, &m));
        sx_coupling_add_to_dense(w, 1.0, NULL, m);
        for (int64_t i = 0; i < n; ++i) {
            for (int64_t j = 0; j <= i; ++j) {
                double part = 0.5 * (m[i * n + j] + sign * m[j * n + i]);
                m[i * n + j] = part;
                m[j * n + i] = sign * part;
            }
        }
        sx_status status = sx_coupling_dense(ctx, n, n, m, &p.w);
        sx_free(ctx, m);
        SX_TRY(ctx, status);
        p.whole = true;
    } else {
        p.w = sx_coupling_ref(w);
    }
    *out = p;
    return SX_OK;
}

void sx_parity_clear(sx_ctx *ctx, sx_parity *p) {
    sx_coupling_free(ctx, p->w);
    p->w = NULL;
}

void sx_parity_apply(const sx_parity *p, double alpha, sx_cbatch in, double beta, sx_batch out, sx_work w) {
    if (p->whole) {
        sx_coupling_apply(p->w, false, alpha, in, beta, out, w);
        return;
    }
    sx_coupling_apply(p->w, false, 0.5 * alpha, in, beta, out, w);
    sx_coupling_apply(p->w, true, 0.5 * p->sign * alpha, in, 1.0, out, w);
}

int64_t sx_parity_work(const sx_parity *p, int64_t b) {
    return p->n ? sx_coupling_work(p->w, b) : 0;
}

double sx_parity_flops(const sx_parity *p) {
    if (!p->n) return 0.0;
    return sx_coupling_flops(p->w) * (p->whole ? 1.0 : 2.0);
}
