// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Cells: the operations. Layer l maps (u_l, h_l, c_l) to (h_l', c_l') with u_0 the input and u_l = h_(l-1)'. Pre-activations are affine,
 * gi = W_ih u + b_ih and gh = W_hh h + b_hh, one matrix product per jet coefficient; the rest is elementwise (cell_gates.c).
 *
 *   F, J u, d2F[u,v], d3F[u,v,w]   layers upwards with K = 1, 2, 4, 8 coefficients
 *   J^T p                          layers downwards: (gi*, gh*) from the adjoints of (h', c'), then h* += W_hh^T gh*, u* = W_ih^T gi*
 *   grad_x (p.J v)                 the same with K = 2: coefficient 1 of J(x + e v)^T p
 *   J, tr J                        elementwise adjoints of a single unit are the coefficients of the rows of J */
#include "models/cell_private.h"
#include "models/coupling_private.h"

#include "core/linalg.h"

enum { LAYERS = SX_CELL_LAYERS };

/* -- pre-activations ----------------------------------------------------------------------------------------------------------------- */

static void fill_rows(int64_t n, int64_t b, const double *row, double *out) {
    for (int64_t i = 0; i < n; ++i) {
        for (int64_t r = 0; r < b; ++r) out[i * b + r] = row[i];
    }
}

/* out = W in + bias, coefficient by coefficient, into scratch. */
static void weigh(const sx_coupling *W, const double *bias, int K, int64_t b, const sx_cell_jets *in, sx_cell_jets *out,
                  sx_work *w) {
    int64_t rows = sx_coupling_rows(W);
    out->b0 = in->b0;
    for (int S = 0; S < SX_CELL_COEFFICIENTS; ++S) {
        out->c[S] = NULL;
        if (S >= K || !in->c[S]) continue;
        int64_t columns = S > 0 ? b : in->b0;
        sx_batch y = sx_take_batch(w, rows, columns);
        if (S == 0) fill_rows(rows, columns, bias, y.x);
        sx_coupling_apply(W, false, 1.0, sx_view(in->c[S], sx_coupling_columns(W), columns), S == 0 ? 1.0 : 0.0, y, *w);
        out->c[S] = y.x;
    }
}

/* W_ih u(t) + b_ih of layer 0: one column, or one per replica where trials differ. */
static sx_cell_jets input_part(const sx_cell *m, double t, int64_t b, sx_work *w) {
    sx_cell_jets u = { { NULL }, 1 }, out = { { m->fixed }, 1 };
    if (m->fixed) return out;
    if (sx_drive_common(&m->drive)) {
        double *row = sx_take(w, m->inputs);
        sx_drive_rows(&m->drive, t, row);
        u.c[0] = row;
    } else {
        sx_batch all = sx_take_batch(w, m->inputs, b);
        memset(all.x, 0, (size_t)(m->inputs * b) * sizeof *all.x);
        sx_drive_add(&m->drive, t, w->replica0, all);
        u.c[0] = all.x;
        u.b0 = b;
    }
    weigh(m->part[0].w_ih, m->part[0].b_ih, 1, b, &u, &out, w);
    return out;
}

/* A base point and up to three directions. */
typedef struct point {
    const sx_cell *m;
    int K;
    int64_t b;
    sx_cbatch x;
    const double *d[3]; /* directions 1, 2, 4 */
    sx_cell_jets input; /* of layer 0 */
} point;

static sx_cell_jets array_jets(const point *p, int64_t row) {
    sx_cell_jets a = { { NULL }, p->x.b };
    a.c[0] = p->x.x + row * p->x.b;
    for (int e = 0; e < 3; ++e) a.c[1 << e] = p->d[e] ? p->d[e] + row * p->b : NULL;
    return a;
}
static double *rows_of(sx_batch out, int64_t row) {
    return out.x + row * out.b;
}

static point point_at(const sx_cell *m, int K, double t, sx_cbatch x, int64_t b, sx_work *w) {
    point p = { m, K, b, sx_drive_common(&m->drive) ? x : sx_spread(x, b, w), { NULL }, { { NULL }, 1 } };
    p.input = input_part(m, t, b, w);
    return p;
}

/* Rates of a low-rank cell, and everything an elementwise stage of layer l reads. */
static sx_cell_stage stage_at(const point *p, int64_t l, const sx_cell_jets *up, sx_work *w) {
    const sx_cell *m = p->m;
    const sx_cell_part *part = &m->part[l];
    sx_cell_stage s = { .m = m, .b_hh = part->b_hh, .K = p->K, .b = p->b, .gi = p->input };
    s.h = array_jets(p, l * m->hidden);
    if (m->arrays == 2) s.c = array_jets(p, (m->layers + l) * m->hidden);
    if (l > 0) weigh(part->w_ih, part->b_ih, p->K, p->b, up, &s.gi, w);
    if (m->kind != SX_CELL_LOWRANK) {
        weigh(part->w_hh, part->b_hh, p->K, p->b, &s.h, &s.gh, w);
        return s;
    }
    sx_cell_stage r = s;
    sx_cell_jets rates = { { NULL }, p->x.b };
    r.hn_b0 = p->x.b;
    for (int S = 0; S < p->K; ++S) {
        r.hn[S] = sx_take(w, m->hidden * (S > 0 ? p->b : p->x.b));
        rates.c[S] = r.hn[S];
    }
    sx_cell_rates(&r, w->exec);
    double *zero = sx_take(w, m->hidden);
    memset(zero, 0, (size_t)m->hidden * sizeof *zero);
    weigh(part->w_hh, zero, p->K, p->b, &rates, &s.gh, w);
    return s;
}

/* All coefficients of h_l' into scratch that stays; the last one may go elsewhere. */
static sx_cell_jets new_state(const point *p, sx_cell_stage *s, double *last, sx_work *w) {
    sx_cell_jets up = { { NULL }, p->x.b };
    s->hn_b0 = p->x.b;
    for (int S = 0; S < p->K; ++S) {
        s->hn[S] = last && S == p->K - 1 ? last : sx_take(w, p->m->hidden * (S > 0 ? p->b : s->hn_b0));
        up.c[S] = s->hn[S];
    }
    return up;
}

/* -- upwards ---------------------------------------------------------------------------------------------------------------------------- */

/* Coefficient K - 1 of the new state. */
static void upwards(const point *p, sx_batch out, sx_work w) {
    const sx_cell *m = p->m;
    sx_cell_jets up = { { NULL }, 1 };
    for (int64_t l = 0; l < m->layers; ++l) {
        sx_cell_stage s = { 0 };
        sx_cell_jets next = { { NULL }, 1 };
        double *h = rows_of(out, l * m->hidden);
        if (l + 1 < m->layers) next = new_state(p, &s, h, &w);
        sx_work scratch = w;
        sx_cell_stage full = stage_at(p, l, &up, &scratch);
        memcpy(full.hn, s.hn, sizeof full.hn);
        full.hn_b0 = l + 1 < m->layers ? s.hn_b0 : p->b;
        full.hn[p->K - 1] = h;
        if (m->arrays == 2) full.cn[p->K - 1] = rows_of(out, (m->layers + l) * m->hidden);
        sx_cell_forward(&full, w.exec);
        up = next;
    }
}

static void F(const void *self, double t, sx_cbatch x, sx_batch out, sx_work w) {
    point p = point_at(self, 1, t, x, out.b, &w);
    upwards(&p, out, w);
}
static void jvp(const void *self, double t, sx_cbatch x, sx_cbatch u, sx_batch out, sx_work w) {
    point p = point_at(self, 2, t, x, out.b, &w);
    p.d[0] = u.x;
    upwards(&p, out, w);
}
static void hvv(const void *self, double t, sx_cbatch x, sx_cbatch u, sx_cbatch v, sx_batch out, sx_work w) {
    point p = point_at(self, 4, t, x, out.b, &w);
    p.d[0] = u.x;
    p.d[1] = v.x;
    upwards(&p, out, w);
}
static void tvvv(const void *self, double t, sx_cbatch x, sx_cbatch u, sx_cbatch v, sx_cbatch z, sx_batch out,
                 sx_work w) {
    point p = point_at(self, 8, t, x, out.b, &w);
    p.d[0] = u.x;
    p.d[1] = v.x;
    p.d[2] = z.x;
    upwards(&p, out, w);
}

/* -- downwards -------------------------------------------------------------------------------------------------------------------------- */

/* New states of all layers but the last: what the layers above see. */
static void climb(const point *p, int64_t layers, sx_cell_jets *up, sx_work *w) {
    for (int64_t l = 0; l < layers; ++l) {
        sx_cell_stage s = { 0 };
        up[l] = new_state(p, &s, NULL, w);
        sx_work scratch = *w;
        sx_cell_stage full = stage_at(p, l, l > 0 ? &up[l - 1] : NULL, &scratch);
        memcpy(full.hn, s.hn, sizeof full.hn);
        full.hn_b0 = s.hn_b0;
        sx_cell_forward(&full, w->exec);
    }
}

/* Adjoints of pre-activations; gi* is kept apart from gh* only where they differ. */
static void take_adjoints(const point *p, sx_cell_stage *s, int64_t l, sx_work *w) {
    const sx_cell *m = p->m;
    int64_t count = m->gates * m->hidden * p->b;
    for (int S = 0; S < p->K; ++S) {
        s->agh[S] = sx_take(w, count);
        s->agi[S] = l == 0 ? NULL : m->kind == SX_CELL_GRU ? sx_take(w, count) : s->agh[S];
    }
}

/* Coefficient K - 1 of J^T p. */
static void downwards(const point *p, sx_cbatch adjoint, sx_batch out, sx_work w) {
    const sx_cell *m = p->m;
    int64_t H = m->hidden, L = m->layers, b = p->b, rows = m->gates * H;
    sx_cell_jets up[LAYERS], ph = { { NULL }, b };
    double *carry[2][2] = { { NULL, NULL }, { NULL, NULL } };
    climb(p, L - 1, up, &w);
    for (int S = 0; S < p->K && L > 1; ++S) {
        carry[0][S] = sx_take(&w, H * b);
        carry[1][S] = sx_take(&w, H * b);
    }
    ph.c[0] = adjoint.x + (L - 1) * H * b;
    for (int64_t l = L - 1; l >= 0; --l) {
        const sx_cell_part *part = &m->part[l];
        sx_work scratch = w;
        sx_cell_stage s = stage_at(p, l, l > 0 ? &up[l - 1] : NULL, &scratch);
        sx_batch oh = { rows_of(out, l * H), H, b };
        take_adjoints(p, &s, l, &scratch);
        s.ph = ph;
        s.pc = (sx_cell_jets){ { m->arrays == 2 ? adjoint.x + (L + l) * H * b : NULL }, b };
        s.ah = oh.x;
        s.ac = m->arrays == 2 ? rows_of(out, (L + l) * H) : NULL;
        sx_cell_backward(&s, w.exec);
        if (m->kind == SX_CELL_LOWRANK) {
            s.ph = (sx_cell_jets){ { NULL }, b };
            for (int S = 0; S < p->K; ++S) {
                sx_batch y = sx_take_batch(&scratch, H, b);
                sx_coupling_apply(part->w_hh, true, 1.0, sx_view(s.agh[S], rows, b), 0.0, y, scratch);
                s.ph.c[S] = y.x;
            }
            sx_cell_rates_backward(&s, w.exec);
        } else {
            sx_coupling_apply(part->w_hh, true, 1.0, sx_view(s.agh[p->K - 1], rows, b), 1.0, oh, scratch);
        }
        for (int S = 0; S < p->K && l > 0; ++S) {
            sx_batch y = { carry[l & 1][S], H, b };
            if (S == 0) memcpy(y.x, adjoint.x + (l - 1) * H * b, (size_t)(H * b) * sizeof *y.x);
            sx_coupling_apply(part->w_ih, true, 1.0, sx_view(s.agi[S], rows, b), S == 0 ? 1.0 : 0.0, y, scratch);
            ph.c[S] = y.x;
        }
    }
}

static void vjp(const void *self, double t, sx_cbatch x, sx_cbatch p, sx_batch out, sx_work w) {
    point at = point_at(self, 1, t, x, out.b, &w);
    downwards(&at, p, out, w);
}
static void phv(const void *self, double t, sx_cbatch x, sx_cbatch p, sx_cbatch v, sx_batch out, sx_work w) {
    point at = point_at(self, 2, t, x, out.b, &w);
    at.d[0] = v.x;
    downwards(&at, p, out, w);
}

/* -- matrices ----------------------------------------------------------------------------------------------------------------------------- */

/* Adjoints of one new state array (0: h', 1: c') per unit: what multiplies each gate and each old state. */
static void unit_adjoints(sx_cell_stage *s, int which, const double *ones, const sx_exec *exec) {
    s->ph = (sx_cell_jets){ { which == 0 ? ones : NULL }, 1 };
    s->pc = (sx_cell_jets){ { which == 1 ? ones : NULL }, 1 };
    sx_cell_backward(s, exec);
}

/* out[i][j] = (0 or out[i][j]) + sum over gates of a[gate i] W[gate i][j], rows of length ld: row by row, which stays in the cache */
static void add_gates(const sx_cell *m, const sx_coupling *W, const double *a, bool clear, double *out, int64_t ld) {
    const int64_t H = m->hidden, columns = sx_coupling_columns(W);
    for (int64_t i = 0; i < H; ++i) {
        double *to = out + i * ld;
        if (clear) memset(to, 0, (size_t)columns * sizeof *to);
        for (int64_t g = 0; g < m->gates; ++g) {
            const double f = W->factor * a[g * H + i], *row = W->w + (g * H + i) * columns;
            for (int64_t j = 0; j < columns; ++j) to[j] += f * row[j];
        }
    }
}

/* J = (1 - alpha) + alpha W diag(phi'(h + b_hh)) */
static void jacobian_lowrank(const sx_cell *m, const double *x, double *out, sx_work w) {
    int64_t n = m->n;
    double *f1 = sx_take(&w, n);
    for (int64_t i = 0; i < n; ++i) f1[i] = x[i] + m->part[0].b_hh[i];
    sx_phi(&m->phi, 1, n, f1, f1);
    memset(out, 0, (size_t)(n * n) * sizeof *out);
    sx_coupling_add_to_dense(m->part[0].w_hh, m->alpha, f1, out);
    for (int64_t i = 0; i < n; ++i) out[i * n + i] += 1.0 - m->alpha;
}

static void jacobian(const void *self, double t, const double *x, double *out, sx_work w) {
    const sx_cell *m = self;
    int64_t H = m->hidden, L = m->layers, n = m->n;
    if (m->kind == SX_CELL_LOWRANK) {
        jacobian_lowrank(m, x, out, w);
        return;
    }
    point p = point_at(m, 1, t, sx_view(x, n, 1), 1, &w);
    sx_cell_jets up[LAYERS];
    double *ones = sx_take(&w, H), *Q = L > 1 ? sx_take(&w, H * H) : NULL;
    for (int64_t i = 0; i < H; ++i) ones[i] = 1.0;
    climb(&p, L - 1, up, &w);
    for (int64_t l = 0; l < L; ++l) {
        sx_work scratch = w;
        sx_cell_stage s = stage_at(&p, l, l > 0 ? &up[l - 1] : NULL, &scratch);
        take_adjoints(&p, &s, l, &scratch);
        s.ah = sx_take(&scratch, H);
        s.ac = sx_take(&scratch, H);
        for (int which = 0; which < m->arrays; ++which) {
            double *rows = out + (which == 0 ? l : L + l) * H * n;
            unit_adjoints(&s, which, ones, w.exec);
            if (l == 0 && n > H) memset(rows, 0, (size_t)(H * n) * sizeof *rows);
            if (l > 0) {
                add_gates(m, m->part[l].w_ih, s.agi[0], true, Q, H);
                sx_gemm(false, false, H, n, H, 1.0, Q, H, out + (l - 1) * H * n, n, 0.0, rows, n);
            }
            add_gates(m, m->part[l].w_hh, s.agh[0], l == 0, rows + l * H, n);
            for (int64_t i = 0; i < H; ++i) rows[i * n + l * H + i] += s.ah[i];
            for (int64_t i = 0; i < H && m->arrays == 2; ++i) rows[i * n + (L + l) * H + i] += s.ac[i];
        }
    }
}

/* tr J: of h' through the blocks of the gates on the diagonal and directly, of c' directly (c enters no pre-activation). */
static void divergence(const void *self, double t, sx_cbatch x, double *out, sx_work w) {
    const sx_cell *m = self;
    int64_t H = m->hidden, L = m->layers, b = x.b;
    point p = point_at(m, 1, t, x, b, &w);
    sx_cell_jets up[LAYERS];
    double *ones = sx_take(&w, H);
    for (int64_t i = 0; i < H; ++i) ones[i] = 1.0;
    for (int64_t r = 0; r < b; ++r) out[r] = 0.0;
    if (m->kind == SX_CELL_LOWRANK) {
        const sx_cell_part *part = &m->part[0];
        double *f1 = sx_take(&w, H * b);
        for (int64_t e = 0; e < H * b; ++e) f1[e] = x.x[e] + part->b_hh[e / b];
        sx_phi(&m->phi, 1, H * b, f1, f1);
        for (int64_t i = 0; i < H; ++i) {
            for (int64_t r = 0; r < b; ++r) out[r] += 1.0 - m->alpha + m->alpha * part->diagonal[i] * f1[i * b + r];
        }
        return;
    }
    climb(&p, L - 1, up, &w);
    for (int64_t l = 0; l < L; ++l) {
        sx_work scratch = w;
        sx_cell_stage s = stage_at(&p, l, l > 0 ? &up[l - 1] : NULL, &scratch);
        const double *diagonal = m->part[l].diagonal;
        take_adjoints(&p, &s, l, &scratch);
        s.ah = sx_take(&scratch, H * b);
        s.ac = sx_take(&scratch, H * b);
        unit_adjoints(&s, 0, ones, w.exec);
        for (int64_t i = 0; i < H; ++i) {
            for (int64_t r = 0; r < b; ++r) out[r] += s.ah[i * b + r];
            for (int64_t g = 0; g < m->gates; ++g) {
                for (int64_t r = 0; r < b; ++r) out[r] += diagonal[g * H + i] * s.agh[0][(g * H + i) * b + r];
            }
        }
        if (m->arrays == 1) continue;
        unit_adjoints(&s, 1, ones, w.exec);
        for (int64_t i = 0; i < H; ++i) {
            for (int64_t r = 0; r < b; ++r) out[r] += s.ac[i * b + r];
        }
    }
}

/* -- the rest ------------------------------------------------------------------------------------------------------------------------------ */

/* The largest scratch of sx_coupling_apply for up to b columns. */
static int64_t product_work(const sx_cell *m, int64_t b) {
    int64_t most = 0;
    for (int64_t l = 0; l < m->layers; ++l) {
        const sx_coupling *both[] = { m->part[l].w_ih, m->part[l].w_hh };
        for (int k = both[0] ? 0 : 1; k < 2; ++k) {
            int64_t need = sx_coupling_work(both[k], b), one = sx_coupling_work(both[k], 1);
            if (need > most) most = need;
            if (one > most) most = one;
        }
    }
    return most;
}

static int64_t work(const void *self, sx_op op, int64_t b) {
    const sx_cell *m = self;
    int64_t K = op == SX_OP_JVP || op == SX_OP_PHV ? 2 : op == SX_OP_HVV ? 4 : op == SX_OP_TVVV ? 8 : 1;
    bool matrix = op == SX_OP_JACOBIAN || op == SX_OP_DIVERGENCE, down = op == SX_OP_VJP || op == SX_OP_PHV || matrix;
    if (op == SX_OP_JACOBIAN) b = 1;
    int64_t H = sx_pad(m->hidden * b), G = sx_pad(m->gates * m->hidden * b), L = m->layers;
    int64_t need = sx_pad(m->n * b) + sx_pad(m->inputs * b) + G; /* spread point, input */
    need += (L - 1) * K * H;                                     /* h' */
    need += K * (L > 1 ? 2 * G : G);                             /* gi, gh */
    if (m->kind == SX_CELL_LOWRANK) need += (down ? 2 : 1) * K * H + sx_pad(m->hidden);
    if (down) need += K * (L > 1 && m->kind == SX_CELL_GRU ? 2 * G : G); /* adjoints */
    if (down && L > 1) need += 2 * K * H;                                /* carried downwards */
    if (matrix) need += 2 * H + sx_pad(m->hidden) + (L > 1 ? sx_pad(m->hidden * m->hidden) : 0);
    return need + product_work(m, b);
}
static double input_end(const void *self) {
    return sx_drive_end(&((const sx_cell *)self)->drive);
}
static int64_t trials(const void *self) {
    return ((const sx_cell *)self)->drive.trials;
}
static void destroy(sx_ctx *ctx, void *self) {
    sx_cell_free(ctx, self);
}

const sx_model_ops sx_cell_ops = {
    .abi = SX_MODEL_ABI,
    .struct_size = sizeof(sx_model_ops),
    .name = "cell",
    .work = work,
    .F = F,
    .jvp = jvp,
    .vjp = vjp,
    .hvv = hvv,
    .phv = phv,
    .tvvv = tvvv,
    .jacobian = jacobian,
    .divergence = divergence,
    .destroy = destroy,
    .rebind = sx_cell_rebind,
    .input_end = input_end,
    .trials = trials,
};
