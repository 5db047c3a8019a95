// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The elementwise part of a step of a cell and its adjoint, in jets, a few dozen elements at a time on the stack.
 *
 *   product      (f g)_S   = sum over subsets A of S of f_A g_(S - A)
 *   composition  phi(x)_S  = sum over partitions of S of phi^(number of blocks)(x_0) times the product of x_block
 *   adjoints     y = f g: f* = g y*;   y = phi(x): x* = phi'(x) y*; both are products of jets */
#include "models/cell_private.h"

#include "core/mutant.h"

enum { CHUNK = 64 };
typedef double jet[SX_CELL_COEFFICIENTS][CHUNK];

static const sx_activation logistic = SX_ACTIVATION(SX_PHI_LOGISTIC), hyperbolic = SX_ACTIVATION(SX_PHI_TANH);

/* -- arithmetic ------------------------------------------------------------------------------------------------------------------ */

/* out (+)= f g */
static void product(int K, int n, jet f, jet g, bool add, jet out) {
    for (int S = 0; S < K; ++S) {
        if (!add) {
            for (int i = 0; i < n; ++i) out[S][i] = f[0][i] * g[S][i];
        } else {
            for (int i = 0; i < n; ++i) out[S][i] += f[0][i] * g[S][i];
        }
        for (int A = S; A > 0; A = (A - 1) & S) {
            for (int i = 0; i < n; ++i) out[S][i] += f[A][i] * g[S & ~A][i];
        }
    }
}

/* y = the function phi^(order) of x; y is not x */
static void compose(const sx_activation *phi, int order, int K, int n, jet x, jet y) {
    double f1[CHUNK], f2[CHUNK], f3[CHUNK];
    sx_phi(phi, order, n, x[0], y[0]);
    if (K == 1) return;
    sx_phi(phi, order + 1, n, x[0], f1);
    for (int S = 1; S < K; ++S) {
        for (int i = 0; i < n; ++i) y[S][i] = f1[i] * x[S][i];
    }
    if (K == 2) return;
    sx_phi(phi, order + 2, n, x[0], f2);
    for (int i = 0; i < n; ++i) y[3][i] += f2[i] * (x[1][i] * x[2][i]);
    if (K == 4) return;
    sx_phi(phi, order + 3, n, x[0], f3);
    for (int i = 0; i < n; ++i) {
        double a = x[1][i], b = x[2][i], c = x[4][i];
        y[5][i] += f2[i] * (a * c);
        y[6][i] += f2[i] * (b * c);
        y[7][i] +=
            f2[i] * (a * x[6][i] + b * x[5][i] + (SX_MUTANT(cell_third) ? 0.0 : c * x[3][i])) + f3[i] * (a * b * c);
    }
}

/* out = a f + b g */
static void combine(int K, int n, double a, jet f, double b, jet g, jet out) {
    for (int S = 0; S < K; ++S) {
        for (int i = 0; i < n; ++i) out[S][i] = a * f[S][i] + b * g[S][i];
    }
}

/* -- moving between batches and the stack ---------------------------------------------------------------------------------------- */

/* Elements e0 .. e0 + n of a block of rows, counted row by row over b columns; row0 is the first row of the block. */
static void load(const sx_cell_jets *from, int K, int64_t b, int64_t row0, int64_t e0, int n, jet to) {
    for (int S = 0; S < K; ++S) {
        const double *p = from->c[S];
        if (!p) {
            memset(to[S], 0, (size_t)n * sizeof(double));
        } else if (S > 0 || from->b0 == b) {
            memcpy(to[S], p + row0 * b + e0, (size_t)n * sizeof(double));
        } else { /* one column for all */
            int64_t row = e0 / b, column = e0 % b;
            for (int i = 0; i < n; ++i) {
                to[0][i] = p[row0 + row];
                if (++column == b) {
                    column = 0;
                    ++row;
                }
            }
        }
    }
}
static void store(int K, int64_t b, int64_t b0, int64_t row0, int64_t e0, int n, jet from, double *const *to) {
    for (int S = 0; S < K; ++S) {
        if (!to[S]) continue;
        if (S > 0 || b0 == b) {
            memcpy(to[S] + row0 * b + e0, from[S], (size_t)n * sizeof(double));
        } else {
            for (int i = 0; i < n; ++i) to[0][row0 + (e0 + i) / b] = from[0][i];
        }
    }
}

typedef void chunk_fn(const sx_cell_stage *s, int64_t e0, int n);
typedef struct chunk_job {
    const sx_cell_stage *s;
    chunk_fn *f;
} chunk_job;
static void chunk_panel(void *arg, int64_t row0, int64_t row1) {
    const chunk_job *job = arg;
    int64_t e1 = row1 * job->s->b;
    for (int64_t e = row0 * job->s->b; e < e1; e += CHUNK) job->f(job->s, e, e1 - e < CHUNK ? (int)(e1 - e) : CHUNK);
}
static void in_chunks(const sx_cell_stage *s, chunk_fn *f, const sx_exec *exec) {
    chunk_job job = { s, f };
    sx_rows_for(exec, s->m->hidden, s->b, chunk_panel, &job);
}

/* Sum of both parts of a pre-activation of gate g. */
static void gate(const sx_cell_stage *s, int g, int64_t e0, int n, jet a) {
    jet hidden;
    int64_t row0 = g * s->m->hidden;
    load(&s->gi, s->K, s->b, row0, e0, n, a);
    load(&s->gh, s->K, s->b, row0, e0, n, hidden);
    combine(s->K, n, 1.0, a, 1.0, hidden, a);
}

/* -- forward ----------------------------------------------------------------------------------------------------------------------- */

/* h' = phi(a), or (1 - alpha) h + alpha phi(a); low-rank: (1 - alpha) h + alpha a */
static void forward_simple(const sx_cell_stage *s, int64_t e0, int n) {
    const sx_cell *m = s->m;
    jet a, h, y;
    gate(s, 0, e0, n, a);
    if (m->kind == SX_CELL_LOWRANK)
        memcpy(y, a, (size_t)s->K * sizeof *y);
    else
        compose(&m->phi, 0, s->K, n, a, y);
    if (m->kind != SX_CELL_VANILLA) {
        load(&s->h, s->K, s->b, 0, e0, n, h);
        combine(s->K, n, 1.0 - m->alpha, h, m->alpha, y, y);
    }
    store(s->K, s->b, s->hn_b0, 0, e0, n, y, s->hn);
}

/* What both directions need of a GRU: r, z, n, h - n, and the hidden part q of the third gate. */
typedef struct gru_parts {
    jet ar, az, an, r, z, q, n, d;
} gru_parts;
static void gru_gates(const sx_cell_stage *s, int64_t e0, int n, gru_parts *p) {
    int64_t row0 = 2 * s->m->hidden;
    gate(s, 0, e0, n, p->ar);
    gate(s, 1, e0, n, p->az);
    compose(&logistic, 0, s->K, n, p->ar, p->r);
    compose(&logistic, 0, s->K, n, p->az, p->z);
    load(&s->gi, s->K, s->b, row0, e0, n, p->an);
    load(&s->gh, s->K, s->b, row0, e0, n, p->q);
    product(s->K, n, p->r, p->q, true, p->an);
    compose(&hyperbolic, 0, s->K, n, p->an, p->n);
    load(&s->h, s->K, s->b, 0, e0, n, p->d);
    combine(s->K, n, 1.0, p->d, -1.0, p->n, p->d);
}
/* h' = n + z (h - n) */
static void forward_gru(const sx_cell_stage *s, int64_t e0, int n) {
    gru_parts p;
    gru_gates(s, e0, n, &p);
    product(s->K, n, p.z, p.d, true, p.n);
    store(s->K, s->b, s->hn_b0, 0, e0, n, p.n, s->hn);
}

typedef struct lstm_parts {
    jet ai, af, ag, ao, i, f, g, o, c, cn, t; /* t = tanh c' */
} lstm_parts;
static void lstm_gates(const sx_cell_stage *s, int64_t e0, int n, lstm_parts *p) {
    gate(s, 0, e0, n, p->ai);
    gate(s, 1, e0, n, p->af);
    gate(s, SX_MUTANT(lstm_gates) ? 3 : 2, e0, n, p->ag);
    gate(s, 3, e0, n, p->ao);
    compose(&logistic, 0, s->K, n, p->ai, p->i);
    compose(&logistic, 0, s->K, n, p->af, p->f);
    compose(&hyperbolic, 0, s->K, n, p->ag, p->g);
    compose(&logistic, 0, s->K, n, p->ao, p->o);
    load(&s->c, s->K, s->b, 0, e0, n, p->c);
    product(s->K, n, p->f, p->c, false, p->cn);
    product(s->K, n, p->i, p->g, true, p->cn);
    compose(&hyperbolic, 0, s->K, n, p->cn, p->t);
}
/* c' = f c + i g, h' = o tanh c' */
static void forward_lstm(const sx_cell_stage *s, int64_t e0, int n) {
    lstm_parts p;
    lstm_gates(s, e0, n, &p);
    store(s->K, s->b, s->hn_b0, 0, e0, n, p.cn, s->cn);
    product(s->K, n, p.o, p.t, false, p.c);
    store(s->K, s->b, s->hn_b0, 0, e0, n, p.c, s->hn);
}

void sx_cell_forward(const sx_cell_stage *s, const sx_exec *exec) {
    in_chunks(s,
              s->m->kind == SX_CELL_GRU    ? forward_gru
              : s->m->kind == SX_CELL_LSTM ? forward_lstm
                                           : forward_simple,
              exec);
}

static void rates(const sx_cell_stage *s, int64_t e0, int n) {
    jet h, y;
    load(&s->h, s->K, s->b, 0, e0, n, h);
    for (int i = 0; i < n; ++i) h[0][i] += s->b_hh[(e0 + i) / s->b];
    compose(&s->m->phi, 0, s->K, n, h, y);
    store(s->K, s->b, s->hn_b0, 0, e0, n, y, s->hn);
}
void sx_cell_rates(const sx_cell_stage *s, const sx_exec *exec) {
    in_chunks(s, rates, exec);
}

/* -- backward ---------------------------------------------------------------------------------------------------------------------- */

/* Adjoint of a gate: a* = phi'(a) y*, into the rows of gate g of both parts. */
static void gate_adjoint(const sx_cell_stage *s, const sx_activation *phi, int g, int64_t e0, int n, jet a, jet y) {
    jet slope, out;
    compose(phi, 1, s->K, n, a, slope);
    product(s->K, n, slope, y, false, out);
    store(s->K, s->b, s->b, g * s->m->hidden, e0, n, out, s->agh);
    if (s->agi[0] != s->agh[0]) store(s->K, s->b, s->b, g * s->m->hidden, e0, n, out, s->agi);
}
/* Coefficient K - 1 of the adjoint of an old state array. */
static void state_adjoint(const sx_cell_stage *s, int64_t e0, int n, jet a, double *out) {
    if (out) memcpy(out + e0, a[s->K - 1], (size_t)n * sizeof *out);
}

static void backward_simple(const sx_cell_stage *s, int64_t e0, int n) {
    const sx_cell *m = s->m;
    jet a, p, old = { { 0 } };
    load(&s->ph, s->K, s->b, 0, e0, n, p);
    if (m->kind != SX_CELL_VANILLA) {
        combine(s->K, n, 1.0 - m->alpha, p, 0.0, p, old);
        combine(s->K, n, m->alpha, p, 0.0, p, p);
    }
    if (m->kind == SX_CELL_LOWRANK) {
        store(s->K, s->b, s->b, 0, e0, n, p, s->agh);
        if (s->agi[0] != s->agh[0]) store(s->K, s->b, s->b, 0, e0, n, p, s->agi);
    } else {
        gate(s, 0, e0, n, a);
        gate_adjoint(s, &m->phi, 0, e0, n, a, p);
    }
    state_adjoint(s, e0, n, old, s->ah);
}

/* n* = (1 - z) h'*, z* = (h - n) h'*, h* = z h'*; a_n* = tanh'(a_n) n*, q* = r a_n*, r* = q a_n* */
static void backward_gru(const sx_cell_stage *s, int64_t e0, int n) {
    gru_parts p;
    jet h, y, slope, an;
    int K = s->K;
    int64_t row0 = 2 * s->m->hidden;
    gru_gates(s, e0, n, &p);
    load(&s->ph, K, s->b, 0, e0, n, h);
    product(K, n, p.d, h, false, y);
    gate_adjoint(s, &logistic, 1, e0, n, p.az, y);
    product(K, n, p.z, h, false, y);
    state_adjoint(s, e0, n, y, s->ah);
    combine(K, n, 1.0, h, -1.0, y, y);
    compose(&hyperbolic, 1, K, n, p.an, slope);
    product(K, n, slope, y, false, an);
    if (s->agi[0] != s->agh[0]) store(K, s->b, s->b, row0, e0, n, an, s->agi);
    product(K, n, p.r, an, false, y);
    store(K, s->b, s->b, row0, e0, n, y, s->agh);
    product(K, n, p.q, an, false, y);
    gate_adjoint(s, &logistic, 0, e0, n, p.ar, y);
}

/* o* = t h'*, C* = c'* + o tanh'(c') h'*; f* = c C*, c* = f C*, i* = g C*, g* = i C* */
static void backward_lstm(const sx_cell_stage *s, int64_t e0, int n) {
    lstm_parts p;
    jet h, c, y, slope;
    int K = s->K;
    lstm_gates(s, e0, n, &p);
    load(&s->ph, K, s->b, 0, e0, n, h);
    load(&s->pc, K, s->b, 0, e0, n, c);
    product(K, n, p.t, h, false, y);
    gate_adjoint(s, &logistic, 3, e0, n, p.ao, y);
    compose(&hyperbolic, 1, K, n, p.cn, slope);
    product(K, n, p.o, h, false, y);
    product(K, n, slope, y, true, c);
    product(K, n, p.c, c, false, y);
    gate_adjoint(s, &logistic, 1, e0, n, p.af, y);
    product(K, n, p.g, c, false, y);
    gate_adjoint(s, &logistic, 0, e0, n, p.ai, y);
    product(K, n, p.i, c, false, y);
    gate_adjoint(s, &hyperbolic, 2, e0, n, p.ag, y);
    product(K, n, p.f, c, false, y);
    state_adjoint(s, e0, n, y, s->ac);
    memset(y[K - 1], 0, (size_t)n * sizeof(double)); /* h acts through the gates only */
    state_adjoint(s, e0, n, y, s->ah);
}

void sx_cell_backward(const sx_cell_stage *s, const sx_exec *exec) {
    in_chunks(s,
              s->m->kind == SX_CELL_GRU    ? backward_gru
              : s->m->kind == SX_CELL_LSTM ? backward_lstm
                                           : backward_simple,
              exec);
}

static void rates_backward(const sx_cell_stage *s, int64_t e0, int n) {
    jet h, p, slope, y;
    load(&s->h, s->K, s->b, 0, e0, n, h);
    for (int i = 0; i < n; ++i) h[0][i] += s->b_hh[(e0 + i) / s->b];
    load(&s->ph, s->K, s->b, 0, e0, n, p);
    compose(&s->m->phi, 1, s->K, n, h, slope);
    product(s->K, n, slope, p, false, y);
    for (int i = 0; i < n; ++i) s->ah[e0 + i] += y[s->K - 1][i];
}
void sx_cell_rates_backward(const sx_cell_stage *s, const sx_exec *exec) {
    in_chunks(s, rates_backward, exec);
}
