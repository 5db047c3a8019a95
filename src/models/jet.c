// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
#include "models/jet.h"

#include "core/mutant.h"

int sx_jet_order(sx_op op) {
    switch (op) {
    case SX_OP_JVP:
    case SX_OP_PHV:
        return 1;
    case SX_OP_HVV:
        return 2;
    case SX_OP_TVVV:
        return 3;
    default:
        return 0;
    }
}

sx_jet sx_jet_make(int order, sx_cbatch x, int64_t b, const sx_cbatch *direction, sx_work *w) {
    x = sx_spread(x, b, w);
    sx_jet j = sx_jet_constant(order, x);
    for (int k = 0; k < order; ++k) j.p[1 << k] = (double *)(uintptr_t)direction[k].x;
    return j;
}

double *sx_jet_plane(sx_jet *j, int s, sx_work *w) {
    if (!j->p[s]) {
        j->p[s] = sx_take(w, j->n * j->b);
        memset(j->p[s], 0, (size_t)(j->n * j->b) * sizeof(double));
    }
    return j->p[s];
}

void sx_jet_out(const sx_jet *j, sx_batch out) {
    const double *top = j->p[(1 << j->order) - 1];
    if (top)
        memcpy(out.x, top, (size_t)(out.n * out.b) * sizeof *out.x);
    else
        memset(out.x, 0, (size_t)(out.n * out.b) * sizeof *out.x);
}

/* y += alpha x z over one row of b numbers */
static void row_add(int64_t b, double alpha, const double *x, const double *z, double *y) {
    for (int64_t r = 0; r < b; ++r) y[r] += alpha * x[r] * z[r];
}

static void multiply(sx_jet_product_kind kind, int64_t groups, int64_t size, int64_t b, double alpha, const double *x,
                     const double *z, double *y) {
    for (int64_t g = 0; g < groups; ++g) {
        switch (kind) {
        case SX_JET_SCALE:
            for (int64_t c = 0; c < size; ++c)
                row_add(b, alpha, x + (g * size + c) * b, z + g * b, y + (g * size + c) * b);
            break;
        case SX_JET_DOT:
            for (int64_t c = 0; c < size; ++c)
                row_add(b, alpha, x + (g * size + c) * b, z + (g * size + c) * b, y + g * b);
            break;
        case SX_JET_OUTER:
            for (int64_t h = 0; h < groups; ++h)
                for (int64_t c = 0; c < size; ++c)
                    row_add(b, alpha, x + (g * size + c) * b, z + (h * size + c) * b, y + (g * groups + h) * b);
            break;
        case SX_JET_MIX:
            for (int64_t h = 0; h < groups; ++h)
                for (int64_t c = 0; c < size; ++c)
                    row_add(b, alpha, x + (g * groups + h) * b, z + (h * size + c) * b, y + (g * size + c) * b);
            break;
        case SX_JET_MIX_T:
            for (int64_t h = 0; h < groups; ++h)
                for (int64_t c = 0; c < size; ++c)
                    row_add(b, alpha, x + (g * groups + h) * b, z + (g * size + c) * b, y + (h * size + c) * b);
            break;
        }
    }
}

/* Directions s of the product: every part t of them from the one factor, the rest from the other. */
void sx_jet_product(sx_jet_product_kind kind, int64_t groups, int64_t size, double alpha, const sx_jet *a,
                    const sx_jet *b, sx_jet *out, sx_work *w) {
    for (int s = 0; s < 1 << out->order; ++s) {
        for (int t = 0; t <= s; ++t) {
            if ((t & s) != t || !a->p[t] || !b->p[s ^ t]) continue;
            if (SX_MUTANT(jet_product) && s == 3 && t == 1) continue;
            multiply(kind, groups, size, out->b, alpha, a->p[t], b->p[s ^ t], sx_jet_plane(out, s, w));
        }
    }
}

void sx_jet_add(double alpha, const sx_jet *a, sx_jet *out, sx_work *w) {
    for (int s = 0; s < 1 << out->order; ++s) {
        if (!a->p[s]) continue;
        double *y = sx_jet_plane(out, s, w);
        for (int64_t i = 0; i < out->n * out->b; ++i) y[i] += alpha * a->p[s][i];
    }
}

void sx_jet_apply(const sx_coupling *W, bool transposed, double alpha, const sx_jet *a, sx_jet *out, sx_work *w) {
    for (int s = 0; s < 1 << out->order; ++s) {
        if (!a->p[s]) continue;
        sx_batch y = { sx_jet_plane(out, s, w), out->n, out->b };
        sx_coupling_apply(W, transposed, alpha, sx_view(a->p[s], a->n, a->b), 1.0, y, *w);
    }
}

void sx_jet_gemm(const sx_kernels *k, const double *matrix, bool transposed, int64_t groups, int64_t m, int64_t size,
                 double alpha, const sx_jet *a, sx_jet *out, sx_work *w) {
    for (int s = 0; s < 1 << out->order; ++s) {
        if (!a->p[s]) continue;
        double *y = sx_jet_plane(out, s, w);
        for (int64_t g = 0; g < groups; ++g) {
            const double *x = a->p[s] + g * size * a->b;
            if (transposed)
                k->gemm_t(m, size, a->b, alpha, matrix, m, x, 1.0, y + g * m * a->b);
            else
                k->gemm(m, size, a->b, alpha, matrix, size, x, 1.0, y + g * m * a->b);
        }
    }
}

/* f_i = f' a_i,  f_ij = f' a_ij + f'' a_i a_j,  f_ijk = f' a_ijk + f'' (a_i a_jk + a_j a_ik + a_k a_ij) + f''' a_i a_j a_k */
void sx_jet_function(const sx_jet *a, double *const f[4], sx_jet *out, sx_work *w) {
    int64_t count = out->n * out->b;
    out->p[0] = f[0];
    for (int s = 1; s < 1 << out->order; ++s) {
        if (a->p[s]) {
            double *y = sx_jet_plane(out, s, w);
            for (int64_t i = 0; i < count; ++i) y[i] += f[1][i] * a->p[s][i];
        }
        int low = s & -s, rest = s ^ low; /* the pairs of parts {t, s - t}, t holding the lowest direction */
        for (int part = 0; part < 1 << out->order; ++part) {
            int t = part | low, u = s ^ t;
            if (part & low || (part & rest) != part || !u || !a->p[t] || !a->p[u]) continue;
            double *y = sx_jet_plane(out, s, w);
            for (int64_t i = 0; i < count; ++i) y[i] += f[2][i] * a->p[t][i] * a->p[u][i];
        }
        if (s == 7 && a->p[1] && a->p[2] && a->p[4]) {
            double *y = sx_jet_plane(out, s, w);
            for (int64_t i = 0; i < count; ++i) y[i] += f[3][i] * a->p[1][i] * a->p[2][i] * a->p[4][i];
        }
    }
}
