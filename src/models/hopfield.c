// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Operations of `hopfield` and `dense-hopfield`. With m = 1/tau, s = phi(g x), f_k = d^k s/dx^k, q = W s or the gradient of the energy of
 * patterns (hopfield_memory.c), q' = dq/ds:
 *     F          = m (-x + q + I)                                 J u = m (-u + q'[f1 u])           J^T p = f1 q'^T[m p] - m p
 *     d2F[u,v]   = m (q'[f2 u v] + q''[f1 u, f1 v])
 *     grad p.Jv  = f2 v q'^T[m p] + f1 q''[m p, f1 v]             (q'' is symmetric in its three places)
 *     d3F[u,v,z] = m (q'[f3 u v z] + q''[f2 u v, f1 z] + q''[f2 u z, f1 v] + q''[f2 v z, f1 u] + q'''[f1 u, f1 v, f1 z])
 *     Phi        = sum_i U(x_i) - Q(s) - I.s,   U(x) = int_0^x y s'(y) dy,   Q = s.W s/2
 *     grad Phi   = f1 (x - q_S - I),   q_S = (W + W^T) s/2,       R = m (W - W^T) s/2,              G = diag(tau f1)
 * For matrices q'' = q''' = 0. -G^-1 grad Phi + R is F; it is computed as F, so nothing of the form 0 times infinity at saturation.
 * J. J. Hopfield, PNAS 81 (1984) 3088; M. A. Cohen, S. Grossberg, IEEE Trans. SMC 13 (1983) 815. */
#include "models/hopfield_private.h"

#include "core/mutant.h"

/* -- elementwise pieces ------------------------------------------------------------------------------------------------------------- */

enum { PHI_ROW = 1024 }; /* replicas of a block are fewer */

typedef struct job {
    const sx_hopfield *h;
    int order;
    const double *x;
    double *y;
    int64_t b;
} job;

static void activation(const sx_hopfield *h, int order, int64_t n, const double *x, double *y) {
    double power = 1.0;
    for (int k = 0; k < order; ++k) power *= h->gain;
    for (int64_t i = 0; i < n; ++i) y[i] = h->gain * x[i];
    sx_phi(&h->phi, order, n, y, y);
    for (int64_t i = 0; order > 0 && i < n; ++i) y[i] *= power;
}
static void activation_panel(void *arg, int64_t row0, int64_t row1) {
    const job *j = arg;
    int64_t at = row0 * j->b;
    activation(j->h, j->order, (row1 - row0) * j->b, j->x + at, j->y + at);
}
static void tile_panel(void *arg, int64_t row0, int64_t row1) {
    const job *j = arg;
    double row[PHI_ROW];
    for (int64_t u = row0; u < row1; ++u) {
        activation(j->h, 0, j->b, j->x + u * j->b, row);
        sx_tile_row(j->h->n, j->b, u, row, j->y);
    }
}
static void leak_panel(void *arg, int64_t row0, int64_t row1) {
    const job *j = arg;
    int64_t at = row0 * j->b;
    j->h->k->leak_rows(row1 - row0, j->b, j->x + at, j->h->input + row0, j->h->m + row0, j->y + at);
}
/* f_order(x) into scratch */
static double *f_at(const sx_hopfield *h, int order, sx_cbatch x, sx_work *w) {
    double *y = sx_take(w, x.n * x.b);
    job j = { h, order, x.x, y, x.b };
    sx_rows_for(w->exec, x.n, x.b, activation_panel, &j);
    return y;
}
/* f u v z into scratch (v, z may be NULL) */
static sx_cbatch product(const double *f, sx_cbatch u, const double *v, const double *z, sx_work *w) {
    sx_batch y = sx_take_batch(w, u.n, u.b);
    for (int64_t i = 0; i < u.n * u.b; ++i) y.x[i] = f[i] * u.x[i] * (v ? v[i] : 1.0) * (z ? z[i] : 1.0);
    return sx_const_batch(y);
}

/* -- the interaction ------------------------------------------------------------------------------------------------------------------ */

/* out = beta out + d^order q [d]; transposed: of first order only */
static void interact(const sx_hopfield *h, int order, bool transposed, sx_cbatch s, const sx_cbatch *d, double beta,
                     sx_batch out, sx_work w) {
    if (h->patterns)
        sx_memory_apply(&h->memory, order, s, d, beta, out, w);
    else if (h->W && order < 2)
        sx_coupling_apply(h->W, transposed, 1.0, order ? d[0] : s, beta, out, w);
    else if (beta == 0.0)
        memset(out.x, 0, (size_t)(out.n * out.b) * sizeof *out.x);
}

/* (W s + sign W^T s)/2, or q of patterns and 0 */
static void part(const sx_hopfield *h, double sign, sx_cbatch s, sx_batch out, sx_work w) {
    if (h->patterns && sign > 0.0) {
        sx_memory_apply(&h->memory, 0, s, NULL, 0.0, out, w);
    } else if (h->W && !h->patterns) {
        sx_coupling_apply(h->W, false, 0.5, s, 0.0, out, w);
        sx_coupling_apply(h->W, true, 0.5 * sign, s, 1.0, out, w);
    } else {
        memset(out.x, 0, (size_t)(out.n * out.b) * sizeof *out.x);
    }
}

/* -- F and its derivatives ------------------------------------------------------------------------------------------------------------ */

static void F(const void *self, double t, sx_cbatch x, sx_batch out, sx_work w) {
    (void)t;
    const sx_hopfield *h = self;
    job leak = { h, 0, x.x, out.x, x.b };
    if (h->W && x.b <= PHI_ROW && sx_coupling_takes_tiles(h->W, x.b)) {
        double *tiles = sx_take(&w, x.n * x.b);
        job j = { h, 0, x.x, tiles, x.b };
        sx_rows_for(w.exec, x.n, x.b, tile_panel, &j);
        sx_coupling_apply_tiles(h->W, 1.0, tiles, out, leak_panel, &leak, w.exec);
        return;
    }
    double *s = f_at(h, 0, x, &w);
    interact(h, 0, false, sx_view(s, x.n, x.b), NULL, 0.0, out, w);
    sx_rows_for(w.exec, x.n, x.b, leak_panel, &leak);
}

/* out = m out */
static void slow_down(const sx_hopfield *h, sx_batch out) {
    h->k->scale_rows(out.n, out.b, h->m, out.x, out.x);
}
/* s for the energies of patterns; matrices do not look at it */
static sx_cbatch state(const sx_hopfield *h, sx_cbatch x, sx_work *w) {
    return sx_view(h->patterns ? f_at(h, 0, x, w) : NULL, x.n, x.b);
}

static void jvp(const void *self, double t, sx_cbatch x0, sx_cbatch u, sx_batch out, sx_work w) {
    (void)t;
    const sx_hopfield *h = self;
    sx_cbatch x = sx_spread(x0, u.b, &w), s = state(h, x, &w);
    sx_cbatch a = product(f_at(h, 1, x, &w), u, NULL, NULL, &w);
    interact(h, 1, false, s, &a, 0.0, out, w);
    for (int64_t i = 0; i < u.n * u.b; ++i) out.x[i] -= u.x[i];
    slow_down(h, out);
}

static void vjp(const void *self, double t, sx_cbatch x0, sx_cbatch p, sx_batch out, sx_work w) {
    (void)t;
    const sx_hopfield *h = self;
    sx_cbatch x = sx_spread(x0, p.b, &w), s = state(h, x, &w);
    const double *f1 = f_at(h, 1, x, &w);
    sx_batch r = sx_take_batch(&w, p.n, p.b);
    h->k->scale_rows(p.n, p.b, h->m, p.x, r.x);
    sx_cbatch q = sx_const_batch(r);
    interact(h, 1, true, s, &q, 0.0, out, w);
    for (int64_t i = 0; i < p.n * p.b; ++i) out.x[i] = f1[i] * out.x[i] - r.x[i];
}

static void hvv(const void *self, double t, sx_cbatch x0, sx_cbatch u, sx_cbatch v, sx_batch out, sx_work w) {
    (void)t;
    const sx_hopfield *h = self;
    sx_cbatch x = sx_spread(x0, u.b, &w), s = state(h, x, &w);
    sx_cbatch e = product(f_at(h, 2, x, &w), u, SX_MUTANT(hopfield_second) ? NULL : v.x, NULL, &w);
    interact(h, 1, false, s, &e, 0.0, out, w);
    if (h->patterns) {
        const double *f1 = f_at(h, 1, x, &w);
        sx_cbatch d[2] = { product(f1, u, NULL, NULL, &w), product(f1, v, NULL, NULL, &w) };
        interact(h, 2, false, s, d, 1.0, out, w);
    }
    slow_down(h, out);
}

static void phv(const void *self, double t, sx_cbatch x0, sx_cbatch p, sx_cbatch v, sx_batch out, sx_work w) {
    (void)t;
    const sx_hopfield *h = self;
    sx_cbatch x = sx_spread(x0, p.b, &w), s = state(h, x, &w);
    int64_t count = p.n * p.b;
    const double *f2 = f_at(h, 2, x, &w);
    sx_batch r = sx_take_batch(&w, p.n, p.b);
    h->k->scale_rows(p.n, p.b, h->m, p.x, r.x);
    sx_cbatch q = sx_const_batch(r);
    interact(h, 1, true, s, &q, 0.0, out, w);
    for (int64_t i = 0; i < count; ++i) out.x[i] *= f2[i] * v.x[i];
    if (!h->patterns) return;
    const double *f1 = f_at(h, 1, x, &w);
    sx_cbatch d[2] = { q, product(f1, v, NULL, NULL, &w) };
    sx_batch y = sx_take_batch(&w, p.n, p.b);
    interact(h, 2, false, s, d, 0.0, y, w);
    for (int64_t i = 0; i < count; ++i) out.x[i] += f1[i] * y.x[i];
}

static void tvvv(const void *self, double t, sx_cbatch x0, sx_cbatch u, sx_cbatch v, sx_cbatch z, sx_batch out,
                 sx_work w) {
    (void)t;
    const sx_hopfield *h = self;
    sx_cbatch x = sx_spread(x0, u.b, &w), s = state(h, x, &w);
    sx_cbatch e = product(f_at(h, 3, x, &w), u, v.x, z.x, &w);
    interact(h, 1, false, s, &e, 0.0, out, w);
    if (h->patterns) {
        const sx_cbatch d[3] = { u, v, z };
        const double *f1 = f_at(h, 1, x, &w), *f2 = f_at(h, 2, x, &w);
        sx_cbatch a[3];
        for (int k = 0; k < 3; ++k) a[k] = product(f1, d[k], NULL, NULL, &w);
        for (int k = 0; k < 3; ++k) {
            sx_work inner = w;
            sx_cbatch pair[2] = { product(f2, d[(k + 1) % 3], d[(k + 2) % 3].x, NULL, &inner), a[k] };
            interact(h, 2, false, s, pair, 1.0, out, inner);
        }
        interact(h, 3, false, s, a, 1.0, out, w);
    }
    slow_down(h, out);
}

static void jacobian(const void *self, double t, const double *x, double *out, sx_work w) {
    const sx_hopfield *h = self;
    int64_t n = h->n;
    if (h->patterns) {
        sx_jacobian_by_columns(&sx_dense_hopfield_ops, self, n, t, x, out, w);
        return;
    }
    memset(out, 0, (size_t)(n * n) * sizeof *out);
    if (h->W) sx_coupling_add_to_dense(h->W, 1.0, f_at(h, 1, sx_view(x, n, 1), &w), out);
    for (int64_t i = 0; i < n; ++i) out[i * n + i] -= 1.0;
    h->k->scale_rows(n, n, h->m, out, out);
}

/* tr J = sum_i m_i (f1_i dq_i/ds_i - 1) */
static void divergence(const void *self, double t, sx_cbatch x, double *out, sx_work w) {
    (void)t;
    const sx_hopfield *h = self;
    int64_t n = x.n, b = x.b;
    const double *f1 = f_at(h, 1, x, &w), *own = NULL;
    if (h->patterns) {
        sx_cbatch s = state(h, x, &w);
        sx_batch d = sx_take_batch(&w, n, b);
        sx_memory_diagonal(&h->memory, s, d, w);
        own = d.x;
    }
    for (int64_t r = 0; r < b; ++r) out[r] = 0.0;
    for (int64_t i = 0; i < n; ++i) {
        for (int64_t r = 0; r < b; ++r) {
            double q = own ? own[i * b + r] : h->diagonal[i];
            out[r] += h->m[i] * (f1[i * b + r] * q - 1.0);
        }
    }
}

/* -- potential, metric, flow ------------------------------------------------------------------------------------------------------------ */

/* U(x) = V(g x)/g, V(y) = int_0^y u phi'(u) du: in the order of the activations
 *     y tanh y - ln cosh y,   (2/pi)(1 - exp(-pi y^2/4)),   the first at y/2,   y^2/2. With q = e^(-2|y|) the first is
 *     ln 2 - 2|y| q/(1+q) - ln(1+q), without cancellation of large numbers. */
static void integral(const sx_hopfield *h, sx_cbatch x, double *U, sx_work w) {
    int64_t count = x.n * x.b;
    double *q = sx_take(&w, count), *l = sx_take(&w, count);
    const double ln2 = 0.693147180559945309417232121458176568, pi = 3.14159265358979323846;
    bool half = h->phi.kind == SX_PHI_LOGISTIC;
    for (int64_t i = 0; i < count; ++i) U[i] = h->gain * x.x[i] * (half ? 0.5 : 1.0);
    if (h->phi.kind == SX_PHI_LINEAR) {
        for (int64_t i = 0; i < count; ++i) U[i] = 0.5 * U[i] * U[i] / h->gain;
    } else if (h->phi.kind == SX_PHI_ERF) {
        for (int64_t i = 0; i < count; ++i) q[i] = -0.25 * pi * U[i] * U[i];
        h->k->expm1(count, q, q);
        for (int64_t i = 0; i < count; ++i) U[i] = -2.0 / pi * q[i] / h->gain;
    } else {
        for (int64_t i = 0; i < count; ++i) q[i] = -2.0 * fabs(U[i]);
        h->k->exp(count, q, q);
        for (int64_t i = 0; i < count; ++i) l[i] = 1.0 + q[i];
        h->k->log(count, l, l);
        for (int64_t i = 0; i < count; ++i) U[i] = (ln2 - 2.0 * fabs(U[i]) * q[i] / (1.0 + q[i]) - l[i]) / h->gain;
    }
}

static void potential(const void *self, double t, sx_cbatch x, double *out, sx_work w) {
    (void)t;
    const sx_hopfield *h = self;
    int64_t n = x.n, b = x.b;
    sx_cbatch s = sx_view(f_at(h, 0, x, &w), n, b);
    double *U = sx_take(&w, n * b);
    integral(h, x, U, w);
    if (h->patterns) {
        sx_memory_value(&h->memory, s, out, w);
        for (int64_t r = 0; r < b; ++r) out[r] = -out[r];
    } else {
        sx_batch q = sx_take_batch(&w, n, b);
        interact(h, 0, false, s, NULL, 0.0, q, w);
        for (int64_t r = 0; r < b; ++r) out[r] = 0.0;
        for (int64_t i = 0; i < n; ++i) {
            for (int64_t r = 0; r < b; ++r) out[r] -= 0.5 * s.x[i * b + r] * q.x[i * b + r];
        }
    }
    for (int64_t i = 0; i < n; ++i) {
        for (int64_t r = 0; r < b; ++r) out[r] += U[i * b + r] - h->input[i] * s.x[i * b + r];
    }
}

static void gradient(const void *self, double t, sx_cbatch x, sx_batch out, sx_work w) {
    (void)t;
    const sx_hopfield *h = self;
    sx_cbatch s = sx_view(f_at(h, 0, x, &w), x.n, x.b);
    const double *f1 = f_at(h, 1, x, &w);
    part(h, 1.0, s, out, w);
    for (int64_t i = 0; i < x.n; ++i) {
        for (int64_t r = 0; r < x.b; ++r) {
            int64_t j = i * x.b + r;
            out.x[j] = f1[j] * (x.x[j] - out.x[j] - h->input[i]);
        }
    }
}

static void metric(const void *self, int inverse, sx_cbatch x0, sx_cbatch v, sx_batch out, sx_work w) {
    sx_cbatch x = sx_spread(x0, v.b, &w);
    sx_metric_apply(&((const sx_hopfield *)self)->metric, inverse ? 2 : -2, x, v, out, w);
}

static void reentrant(const void *self, double t, sx_cbatch x, sx_batch out, sx_work w) {
    (void)t;
    const sx_hopfield *h = self;
    part(h, SX_MUTANT(hopfield_flow) ? 1.0 : -1.0, sx_view(f_at(h, 0, x, &w), x.n, x.b), out, w);
    slow_down(h, out);
}

/* -- scratch, symmetry, table ------------------------------------------------------------------------------------------------------------ */

/* F: s. Others: the base, s, two or three derivatives, three directions, a product of two, one more. */
static int64_t work(const void *self, sx_op op, int64_t b) {
    const sx_hopfield *h = self;
    if (op == SX_OP_JACOBIAN && h->patterns) return sx_jacobian_work(&sx_dense_hopfield_ops, self, h->n);
    if (op == SX_OP_JACOBIAN) b = 1;
    int64_t most = h->patterns ? sx_memory_work(&h->memory, b) : h->W ? sx_coupling_work(h->W, b) : 0;
    int64_t metric_work = sx_metric_work(&h->metric, b);
    if (metric_work > most) most = metric_work;
    return most + (op == SX_OP_F ? 1 : 10) * sx_pad(h->n * b);
}

/* x -> -x where s is odd, Q even and I = 0 */
static int symmetry(const void *self, int i, sx_cbatch x, sx_batch out) {
    const sx_hopfield *h = self;
    bool odd = h->phi.kind != SX_PHI_LOGISTIC;
    if (h->patterns) odd = odd && h->memory.energy == SX_DENSE_POLYNOMIAL && h->memory.degree % 2 == 0;
    for (int64_t u = 0; u < h->n; ++u) odd = odd && h->input[u] == 0.0;
    if (i > 0 || !odd) return 0;
    for (int64_t k = 0; k < x.n * x.b; ++k) out.x[k] = -x.x[k];
    return 1;
}

#define OPERATIONS(kind)                                                                                               \
    {                                                                                                                  \
        .abi = SX_MODEL_ABI, .struct_size = sizeof(sx_model_ops), .name = kind, .work = work, .F = F, .jvp = jvp,      \
        .vjp = vjp, .hvv = hvv, .phv = phv, .tvvv = tvvv, .jacobian = jacobian, .divergence = divergence,              \
        .potential = potential, .gradient = gradient, .metric = metric, .reentrant = reentrant, .symmetry = symmetry,  \
        .destroy = sx_hopfield_destroy, .rebind = sx_hopfield_rebind                                                   \
    }
const sx_model_ops sx_hopfield_ops = OPERATIONS("hopfield"), sx_dense_hopfield_ops = OPERATIONS("dense-hopfield");

const sx_metric *sx_hopfield_metric(const sx_model *m) {
    const sx_model_ops *ops = sx_model_operations(m);
    return ops == &sx_hopfield_ops || ops == &sx_dense_hopfield_ops ? &((const sx_hopfield *)sx_model_self(m))->metric
                                                                    : NULL;
}

const sx_coupling *sx_hopfield_weights(const sx_model *m) {
    return sx_model_operations(m) == &sx_hopfield_ops ? ((const sx_hopfield *)sx_model_self(m))->W : NULL;
}
