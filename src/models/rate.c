// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Rate networks. With m = 1/tau, f_k = d^k phi, g the gain and a = g W r + I:
 *     current   F = m (-x + g W phi(x) + L x + I)        J u = m (-u + g W (f1 u) + L u)
 *               d2F[u,v] = m g W (f2 u v)                 grad p.Jv = f2 v g W^T (m p)        d3F = m g W (f3 u v z)
 *     activity  F = m (-r + phi(a) + L r)                 J u = m (-u + f1(a) g W u + L u)
 *               d2F[u,v] = m f2(a) gWu gWv                grad p.Jv = g W^T (m p f2(a) gWv)   d3F = m f3(a) gWu gWv gWz
 * Maps have neither the leak -x nor tau. */
#include "models/input.h"

#include "core/mutant.h"

#include <stdio.h>

typedef struct rate {
    int64_t n;
    const sx_kernels *k;
    bool activity, discrete;
    sx_activation phi;
    double gain;
    double *m;                       /* owned: 1/tau_i, 1 for maps */
    sx_coupling *W, *L;              /* owned references or NULL */
    double *W_diagonal, *L_diagonal; /* owned */
    sx_drive drive;
} rate;

/* -- elementwise pieces in panels ----------------------------------------------------------------------------------------------- */

typedef struct job {
    const rate *m;
    int order;
    const double *x, *I;
    double *y;
    int64_t b;
} job;

enum { PHI_ROW = 1024 }; /* replicas of a block are fewer */

static void phi_panel(void *arg, int64_t row0, int64_t row1) {
    const job *j = arg;
    int64_t at = row0 * j->b;
    sx_phi(&j->m->phi, j->order, (row1 - row0) * j->b, j->x + at, j->y + at);
}
/* y = d^order phi (x) over a batch */
static void phi_batch(const rate *m, int order, sx_cbatch x, double *y, const sx_exec *exec) {
    job j = { m, order, x.x, NULL, y, x.b };
    sx_rows_for(exec, x.n, x.b, phi_panel, &j);
}
/* tiles = phi(x), a row at a time through the first-level cache */
static void phi_tile_panel(void *arg, int64_t row0, int64_t row1) {
    const job *j = arg;
    double row[PHI_ROW];
    for (int64_t u = row0; u < row1; u++) {
        sx_phi(&j->m->phi, 0, j->b, j->x + u * j->b, row);
        sx_tile_row(j->m->n, j->b, u, row, j->y);
    }
}
static void leak_panel(void *arg, int64_t row0, int64_t row1) {
    const job *j = arg;
    int64_t at = row0 * j->b;
    j->m->k->leak_rows(row1 - row0, j->b, j->x + at, j->I ? j->I + row0 : NULL, j->m->m + row0, j->y + at);
}

/* y += I_u (I may be NULL) */
static void add_rows(int64_t n, int64_t b, const double *I, double *y) {
    for (int64_t i = 0; I && i < n; ++i) {
        for (int64_t r = 0; r < b; ++r) y[i * b + r] += I[i];
    }
}
/* Input common to all replicas into scratch (NULL without one). */
static const double *common_input(const rate *m, double t, sx_work *w) {
    if (!m->drive.on || !sx_drive_common(&m->drive)) return NULL;
    double *I = sx_take(w, m->n);
    sx_drive_rows(&m->drive, t, I);
    return I;
}

/* y = (y - x + I) m for flows, y + I for maps: the end of every F */
static void finish(const rate *m, sx_cbatch x, const double *I, sx_batch y, const sx_exec *exec) {
    if (m->discrete) {
        add_rows(x.n, x.b, I, y.x);
        return;
    }
    job j = { m, 0, x.x, I, y.x, x.b };
    sx_rows_for(exec, x.n, x.b, leak_panel, &j);
}
static void coupling(const sx_coupling *c, bool transposed, double alpha, const double *in, double beta, sx_batch out,
                     sx_work w) {
    if (c) {
        sx_coupling_apply(c, transposed, alpha, sx_view(in, out.n, out.b), beta, out, w);
    } else if (beta == 0.0) {
        memset(out.x, 0, (size_t)(out.n * out.b) * sizeof *out.x);
    }
}

/* a = g W r + I of the activity form, for the columns of r */
static sx_batch field(const rate *m, double t, sx_cbatch r, sx_work *w) {
    sx_batch a = sx_take_batch(w, r.n, r.b);
    const double *I = common_input(m, t, w);
    coupling(m->W, false, m->gain, r.x, 0.0, a, *w);
    add_rows(r.n, r.b, I, a.x);
    if (!sx_drive_common(&m->drive)) sx_drive_add(&m->drive, t, w->replica0, a);
    return a;
}
/* With inputs that differ between replicas one base point is not one field: each direction then has its own. */
static sx_cbatch base_of(const rate *m, sx_cbatch x, int64_t b, sx_work *w) {
    return sx_drive_common(&m->drive) ? x : sx_spread(x, b, w);
}

/* F of the current form whose coupling takes tiles: each panel of rows is finished while the product is in the cache. */
static void tiled_current(const rate *m, sx_cbatch x, const double *I, double *tiles, sx_batch out,
                          const sx_exec *exec) {
    job phi = { m, 0, x.x, NULL, tiles, x.b }, leak = { m, 0, x.x, I, out.x, x.b };
    sx_rows_for(exec, x.n, x.b, phi_tile_panel, &phi);
    sx_coupling_apply_tiles(m->W, m->gain, tiles, out, leak_panel, &leak, exec);
}

/* -- F --------------------------------------------------------------------------------------------------------------------------- */

static void F(const void *self, double t, sx_cbatch x, sx_batch out, sx_work w) {
    const rate *m = self;
    const double *I = NULL;
    if (m->activity) {
        sx_batch a = field(m, t, x, &w);
        phi_batch(m, 0, sx_const_batch(a), out.x, w.exec);
    } else {
        double *s = sx_take(&w, x.n * x.b);
        I = common_input(m, t, &w);
        bool alone = m->W && !m->L && !m->discrete && sx_drive_common(&m->drive);
        if (alone && x.b <= PHI_ROW && sx_coupling_takes_tiles(m->W, x.b)) {
            tiled_current(m, x, I, s, out, w.exec);
            return;
        }
        phi_batch(m, 0, x, s, w.exec);
        coupling(m->W, false, m->gain, s, 0.0, out, w);
        if (!sx_drive_common(&m->drive)) sx_drive_add(&m->drive, t, w.replica0, out);
    }
    coupling(m->L, false, 1.0, x.x, 1.0, out, w);
    finish(m, x, I, out, w.exec);
}

/* -- first derivatives -------------------------------------------------------------------------------------------------------------- */

/* out = m (out - u + L u): leak and diffusion of a direction */
static void finish_direction(const rate *m, sx_cbatch u, sx_batch out, sx_work w) {
    coupling(m->L, false, 1.0, u.x, 1.0, out, w);
    finish(m, u, NULL, out, w.exec);
}

static void jvp(const void *self, double t, sx_cbatch x0, sx_cbatch u, sx_batch out, sx_work w) {
    const rate *m = self;
    sx_cbatch x = base_of(m, x0, u.b, &w);
    double *f1 = sx_take(&w, x.n * x.b);
    if (m->activity) {
        sx_batch a = field(m, t, x, &w);
        phi_batch(m, 1, sx_const_batch(a), f1, w.exec);
        coupling(m->W, false, m->gain, u.x, 0.0, out, w);
        sx_mul_base(m->k, f1, x.b, sx_const_batch(out), out.x);
    } else {
        double *fu = sx_take(&w, u.n * u.b);
        phi_batch(m, 1, x, f1, w.exec);
        sx_mul_base(m->k, f1, x.b, u, fu);
        coupling(m->W, false, m->gain, fu, 0.0, out, w);
    }
    finish_direction(m, u, out, w);
}

static void vjp(const void *self, double t, sx_cbatch x0, sx_cbatch p, sx_batch out, sx_work w) {
    const rate *m = self;
    sx_cbatch x = base_of(m, x0, p.b, &w);
    int64_t count = p.n * p.b;
    double *q = sx_take(&w, count), *f1 = sx_take(&w, x.n * x.b);
    m->k->scale_rows(p.n, p.b, m->m, p.x, q);
    if (m->activity) {
        double *fq = sx_take(&w, count);
        sx_batch a = field(m, t, x, &w);
        phi_batch(m, 1, sx_const_batch(a), f1, w.exec);
        sx_mul_base(m->k, f1, x.b, sx_view(q, p.n, p.b), fq);
        coupling(m->W, true, m->gain, fq, 0.0, out, w);
    } else {
        phi_batch(m, 1, x, f1, w.exec);
        coupling(m->W, true, m->gain, q, 0.0, out, w);
        sx_mul_base(m->k, f1, x.b, sx_const_batch(out), out.x);
    }
    coupling(m->L, true, 1.0, q, 1.0, out, w);
    if (!m->discrete) m->k->axpy(count, -1.0, q, out.x);
}

/* -- second and third ------------------------------------------------------------------------------------------------------------------ */

/* out = m d^kF[d_0, ..., d_(k-1)] for k = 2, 3 */
static void higher(const rate *m, double t, sx_cbatch x0, int k, const sx_cbatch *d, sx_batch out, sx_work w) {
    sx_cbatch x = base_of(m, x0, d[0].b, &w);
    int64_t n = out.n, b = out.b, count = n * b;
    double *f = sx_take(&w, x.n * x.b), *y = sx_take(&w, count);
    if (m->activity) {
        sx_batch a = field(m, t, x, &w), v = sx_take_batch(&w, n, b);
        phi_batch(m, k, sx_const_batch(a), f, w.exec);
        coupling(m->W, false, m->gain, d[0].x, 0.0, v, w);
        sx_mul_base(m->k, f, x.b, sx_const_batch(v), out.x);
        for (int e = 1; e < k; ++e) {
            coupling(m->W, false, m->gain, d[e].x, 0.0, v, w);
            m->k->mul(count, v.x, out.x, out.x);
        }
    } else {
        phi_batch(m, k, x, f, w.exec);
        sx_mul_base(m->k, f, x.b, d[0], y);
        for (int e = 1 + SX_MUTANT(rate_hessian); e < k; ++e) m->k->mul(count, d[e].x, y, y);
        coupling(m->W, false, m->gain, y, 0.0, out, w);
    }
    m->k->scale_rows(n, b, m->m, out.x, out.x);
}
static void hvv(const void *self, double t, sx_cbatch x, sx_cbatch u, sx_cbatch v, sx_batch out, sx_work w) {
    const sx_cbatch d[2] = { u, v };
    higher(self, t, x, 2, d, out, w);
}
static void tvvv(const void *self, double t, sx_cbatch x, sx_cbatch u, sx_cbatch v, sx_cbatch z, sx_batch out,
                 sx_work w) {
    const sx_cbatch d[3] = { u, v, z };
    higher(self, t, x, 3, d, out, w);
}
static void phv(const void *self, double t, sx_cbatch x0, sx_cbatch p, sx_cbatch v, sx_batch out, sx_work w) {
    const rate *m = self;
    sx_cbatch x = base_of(m, x0, p.b, &w);
    int64_t n = p.n, b = p.b, count = n * b;
    double *f2 = sx_take(&w, x.n * x.b), *q = sx_take(&w, count);
    m->k->scale_rows(n, b, m->m, p.x, q);
    if (m->activity) {
        sx_batch a = field(m, t, x, &w), Wv = sx_take_batch(&w, n, b);
        phi_batch(m, 2, sx_const_batch(a), f2, w.exec);
        coupling(m->W, false, m->gain, v.x, 0.0, Wv, w);
        sx_mul_base(m->k, f2, x.b, sx_const_batch(Wv), Wv.x);
        m->k->mul(count, Wv.x, q, q);
        coupling(m->W, true, m->gain, q, 0.0, out, w);
    } else {
        phi_batch(m, 2, x, f2, w.exec);
        coupling(m->W, true, m->gain, q, 0.0, out, w);
        sx_mul_base(m->k, f2, x.b, sx_const_batch(out), out.x);
        m->k->mul(count, v.x, out.x, out.x);
    }
}

/* -- matrices ---------------------------------------------------------------------------------------------------------------------------- */

static void jacobian(const void *self, double t, const double *x, double *out, sx_work w) {
    const rate *m = self;
    int64_t n = m->n;
    double *f1 = sx_take(&w, n);
    memset(out, 0, (size_t)(n * n) * sizeof *out);
    if (m->activity) {
        sx_batch a = field(m, t, sx_view(x, n, 1), &w);
        sx_phi(&m->phi, 1, n, a.x, f1);
        if (m->W) sx_coupling_add_to_dense(m->W, m->gain, NULL, out);
        for (int64_t i = 0; i < n; ++i) {
            for (int64_t j = 0; j < n; ++j) out[i * n + j] *= f1[i];
        }
    } else {
        sx_phi(&m->phi, 1, n, x, f1);
        if (m->W) sx_coupling_add_to_dense(m->W, m->gain, f1, out);
    }
    if (m->L) sx_coupling_add_to_dense(m->L, 1.0, NULL, out);
    for (int64_t i = 0; i < n && !m->discrete; ++i) out[i * n + i] -= 1.0;
    m->k->scale_rows(n, n, m->m, out, out);
}

/* tr J = sum m (-1 + g W_ii f1 + L_ii) */
static void divergence(const void *self, double t, sx_cbatch x, double *out, sx_work w) {
    const rate *m = self;
    int64_t b = x.b;
    double *f1 = sx_take(&w, x.n * b), leak = m->discrete ? 0.0 : 1.0;
    if (m->activity) {
        sx_batch a = field(m, t, x, &w);
        phi_batch(m, 1, sx_const_batch(a), f1, w.exec);
    } else {
        phi_batch(m, 1, x, f1, w.exec);
    }
    for (int64_t r = 0; r < b; ++r) out[r] = 0.0;
    for (int64_t i = 0; i < x.n; ++i) {
        double own = m->L_diagonal[i] - leak, g = m->gain * m->W_diagonal[i];
        for (int64_t r = 0; r < b; ++r) out[r] += m->m[i] * (own + g * f1[i * b + r]);
    }
}

/* F: phi or the field; directions: the spread base, f, q or y, fq, the field, one product. One input besides. */
static int64_t work(const void *self, sx_op op, int64_t b) {
    const rate *m = self;
    int64_t wW = m->W ? sx_coupling_work(m->W, b) : 0, wL = m->L ? sx_coupling_work(m->L, b) : 0;
    int64_t batches = op == SX_OP_F ? 1 : op == SX_OP_JACOBIAN || op == SX_OP_DIVERGENCE ? 2 : 5;
    if (op == SX_OP_JACOBIAN) b = 1;
    return (wW > wL ? wW : wL) + batches * sx_pad(m->n * b) + sx_pad(m->n);
}
static double input_end(const void *self) {
    return sx_drive_end(&((const rate *)self)->drive);
}
static int64_t trials(const void *self) {
    return ((const rate *)self)->drive.trials;
}
static void destroy(sx_ctx *ctx, void *self) {
    rate *m = self;
    if (!m) return;
    sx_free(ctx, m->m);
    sx_free(ctx, m->W_diagonal);
    sx_free(ctx, m->L_diagonal);
    sx_coupling_free(ctx, m->W);
    sx_coupling_free(ctx, m->L);
    sx_drive_clear(ctx, &m->drive);
    sx_free(ctx, m);
}

static sx_status rebind(sx_ctx *ctx, const void *self, const sx_coupling *weights, const sx_input *input, void **out) {
    const rate *from = self;
    rate *m = NULL;
    sx_status status;
    if (weights && from->L && !from->W)
        return SX_FAIL(ctx, SX_E_UNSUPPORTED, "this rate network has diffusive couplings only; none can be exchanged");
    if (weights && (sx_coupling_rows(weights) != from->n || sx_coupling_columns(weights) != from->n))
        return SX_FAIL(ctx, SX_E_USAGE, "weights of %lld x %lld: want %lld x %lld",
                       (long long)sx_coupling_rows(weights), (long long)sx_coupling_columns(weights),
                       (long long)from->n, (long long)from->n);
    SX_TRY(ctx, sx_alloc(ctx, 1, sizeof *m, &m));
    *m = *from;
    m->m = m->W_diagonal = m->L_diagonal = NULL;
    m->W = sx_coupling_ref(weights ? weights : from->W);
    m->L = sx_coupling_ref(from->L);
    m->drive = (sx_drive){ .trials = 1 };
    SX_GO(ctx, status, fail, sx_alloc(ctx, m->n, sizeof *m->m, &m->m));
    SX_GO(ctx, status, fail, sx_alloc(ctx, m->n, sizeof *m->W_diagonal, &m->W_diagonal));
    SX_GO(ctx, status, fail, sx_alloc(ctx, m->n, sizeof *m->L_diagonal, &m->L_diagonal));
    memcpy(m->m, from->m, (size_t)m->n * sizeof *m->m);
    if (m->W) sx_coupling_diagonal(m->W, m->W_diagonal);
    if (m->L) sx_coupling_diagonal(m->L, m->L_diagonal);
    SX_GO(ctx, status, fail,
          input ? sx_drive_init(ctx, input, m->n, &m->drive) : sx_drive_copy(ctx, &from->drive, &m->drive));
    *out = m;
    return SX_OK;
fail:
    destroy(ctx, m);
    return status;
}

/* x -> -x where phi is odd and there is no input. */
static int symmetry(const void *self, int i, sx_cbatch x, sx_batch out) {
    const rate *m = self;
    bool odd = m->phi.kind == SX_PHI_TANH || m->phi.kind == SX_PHI_ERF || m->phi.kind == SX_PHI_LINEAR;
    if (i > 0 || !odd || m->drive.on) return 0;
    for (int64_t k = 0; k < x.n * x.b; ++k) out.x[k] = -x.x[k];
    return 1;
}

const sx_model_ops sx_rate_ops = {
    .abi = SX_MODEL_ABI,
    .struct_size = sizeof(sx_model_ops),
    .name = "rate",
    .work = work,
    .F = F,
    .jvp = jvp,
    .vjp = vjp,
    .hvv = hvv,
    .phv = phv,
    .tvvv = tvvv,
    .jacobian = jacobian,
    .divergence = divergence,
    .symmetry = symmetry,
    .destroy = destroy,
    .rebind = rebind,
    .input_end = input_end,
    .trials = trials,
};

const sx_coupling *sx_rate_weights(const sx_model *m) {
    return sx_model_operations(m) == &sx_rate_ops ? ((const rate *)sx_model_self(m))->W : NULL;
}

/* -- creation -------------------------------------------------------------------------------------------------------------------------- */

/* "left term + term + ..." of the terms that are there */
static sx_status join(sx_ctx *ctx, const char *left, int n, const char *const *terms, const char *tail, char **out) {
    char text[1024];
    size_t used = (size_t)snprintf(text, sizeof text, "%s", left);
    const char *plus = "";
    for (int i = 0; i < n; ++i) {
        if (!terms[i][0]) continue;
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", plus, terms[i]);
        plus = " + ";
    }
    return sx_format(ctx, out, "%s%s", text, tail);
}

static sx_status texts(sx_ctx *ctx, const rate *m, char **equation, char **latex) {
    char phi[32], product[96], tail[160];
    (void)sx_choice_name(SX_PHI_CHOICES, (int)m->phi.kind, phi, sizeof phi);
    (void)snprintf(tail, sizeof tail, ",\\quad \\phi(u) = %s", sx_phi_latex(&m->phi));
    const char *I = sx_drive_text(&m->drive), *leak = m->discrete ? "" : "-x_i";
    const char *L = m->L ? "sum_j L_ij x_j" : "", *TL = m->L ? "\\sum_j L_{ij} x_j" : "";
    const char *plus = I[0] ? " + " : "";
    if (m->activity)
        (void)snprintf(product, sizeof product, "%s(%s%s%s)", phi, m->W ? "g sum_j W_ij x_j" : "0", plus, I);
    else
        (void)snprintf(product, sizeof product, "%s%s%s", m->W ? "g sum_j W_ij " : "", m->W ? phi : "",
                       m->W ? "(x_j)" : "");
    const char *terms[] = { leak, product, L, m->activity ? "" : I };
    SX_TRY(ctx, join(ctx, m->discrete ? "x_i <- " : "tau_i x_i' = ", 4, terms, "", equation));
    if (m->activity)
        (void)snprintf(product, sizeof product, "\\phi\\Big(%s%s%s\\Big)", m->W ? "g \\sum_j W_{ij} x_j" : "0", plus,
                       I);
    else
        (void)snprintf(product, sizeof product, "%s", m->W ? "g \\sum_j W_{ij}\\, \\phi(x_j)" : "");
    const char *tex[] = { leak, product, TL, m->activity ? "" : I };
    return join(ctx, m->discrete ? "x_i \\leftarrow " : "\\tau_i \\dot x_i = ", 4, tex, m->W || m->activity ? tail : "",
                latex);
}

static sx_status create(sx_ctx *ctx, const sx_rate_opts *o, const sx_coupling *W, const sx_coupling *L,
                        const sx_input *input, int64_t n, const char *const *labels, rate *m, sx_model **out) {
    m->n = n;
    m->k = sx_kernels_get(NULL);
    m->activity = o->form == 1;
    m->discrete = o->time == 1;
    m->phi = (sx_activation){ (sx_activation_kind)o->phi, o->beta, o->theta, o->power };
    m->gain = o->gain;
    if (W) m->W = sx_coupling_ref(W);
    if (L) m->L = sx_coupling_ref(L);
    SX_TRY(ctx, sx_phi_check(ctx, &m->phi));
    SX_TRY(ctx, sx_values_spread(ctx, "model.tau", o->tau, n, 1.0, &m->m));
    for (int64_t i = 0; i < n; ++i) {
        if (!(m->m[i] > 0.0 && isfinite(m->m[i])))
            return SX_FAIL(ctx, SX_E_USAGE, "model.tau[%lld] = %g: want a finite value > 0", (long long)i, m->m[i]);
        m->m[i] = SX_MUTANT(rate_tau) ? 1.0 : 1.0 / m->m[i];
    }
    SX_TRY(ctx, sx_alloc(ctx, n, sizeof *m->W_diagonal, &m->W_diagonal));
    SX_TRY(ctx, sx_alloc(ctx, n, sizeof *m->L_diagonal, &m->L_diagonal));
    if (W) sx_coupling_diagonal(W, m->W_diagonal);
    if (L) sx_coupling_diagonal(L, m->L_diagonal);
    SX_TRY(ctx, sx_drive_init(ctx, input, n, &m->drive));
    char *equation = NULL, *latex = NULL;
    sx_status status = texts(ctx, m, &equation, &latex);
    if (status >= 0) {
        sx_state_array array = { "x", "unit", n, labels };
        sx_model_desc d = {
            .struct_size = sizeof d, .ops = &sx_rate_ops, .self = m, .kind = m->discrete ? SX_MAP : SX_FLOW
        };
        d.layout = (sx_layout){ n, 1, &array };
        d.block = sx_block_choose(n, W ? W : L);
        d.panel = sx_panel_choose(n);
        d.flops = 25.0 * (double)n + (W ? sx_coupling_flops(W) : 0.0) + (L ? sx_coupling_flops(L) : 0.0);
        d.equation = equation;
        d.latex = latex;
        status = sx_model_create(ctx, &d, out);
    }
    sx_free(ctx, equation);
    sx_free(ctx, latex);
    return status;
}

sx_status sx_rate_create(sx_ctx *ctx, const sx_rate_opts *o, const sx_coupling *W, const sx_coupling *L,
                         const sx_input *input, const char *const *labels, sx_model **out) {
    if (!o || o->struct_size != sizeof *o)
        return SX_FAIL(ctx, SX_E_USAGE, "model rate: want options initialised with SX_RATE_OPTS");
    SX_TRY(ctx, sx_fields_check(ctx, sx_rate_fields, o, "model"));
    if (!W && !L)
        return SX_FAIL(ctx, SX_E_USAGE, "model.coupling is missing: a rate network wants at least one coupling");
    int64_t n = sx_coupling_rows(W ? W : L);
    const sx_coupling *both[] = { W, L };
    for (int i = 0; i < 2; ++i) {
        if (both[i] && (sx_coupling_rows(both[i]) != n || sx_coupling_columns(both[i]) != n))
            return SX_FAIL(ctx, SX_E_USAGE, "the %s coupling is %lld x %lld: want %lld x %lld",
                           i == 0 ? "synaptic" : "diffusive", (long long)sx_coupling_rows(both[i]),
                           (long long)sx_coupling_columns(both[i]), (long long)n, (long long)n);
    }
    if (o->time == 1 && o->tau.n != 0)
        return SX_FAIL(ctx, SX_E_USAGE, "model.tau has no meaning with time = \"discrete\"");
    rate *m = NULL;
    SX_TRY(ctx, sx_alloc(ctx, 1, sizeof *m, &m));
    sx_status status = create(ctx, o, W, L, input, n, labels, m, out);
    if (status < 0) destroy(ctx, m);
    return status;
}

#define AT(member) offsetof(sx_rate_opts, member)
const sx_field sx_rate_fields[] = {
    { .name = "form",
      .type = SX_ENUM,
      .offset = AT(form),
      .def = "\"current\"",
      .choices = "current|activity",
      .help = "current: tau x' = -x + g W phi(x) + I; activity: tau r' = -r + phi(g W r + I)" },
    { .name = "time",
      .type = SX_ENUM,
      .offset = AT(time),
      .def = "\"continuous\"",
      .choices = "continuous|discrete",
      .help = "continuous flow, or the map x <- g W phi(x) + I (r <- phi(g W r + I))" },
    { .name = "phi",
      .type = SX_ENUM,
      .offset = AT(phi),
      .def = "\"tanh\"",
      .choices = SX_PHI_CHOICES,
      .help = "activation function" },
    { .name = "beta",
      .type = SX_F64,
      .offset = AT(beta),
      .lo = 0,
      .hi = HUGE_VAL,
      .def = "1.0",
      .unit = "1",
      .flags = SX_LO_OPEN | SX_HI_OPEN,
      .help = "steepness of softplus and logistic, factor of threshold-power" },
    { .name = "theta",
      .type = SX_F64,
      .offset = AT(theta),
      SX_UNBOUNDED,
      .def = "0.0",
      .unit = "state",
      .help = "threshold of threshold-power" },
    { .name = "power",
      .type = SX_F64,
      .offset = AT(power),
      .lo = 0,
      .hi = HUGE_VAL,
      .def = "2.0",
      .unit = "1",
      .flags = SX_LO_OPEN | SX_HI_OPEN,
      .help = "exponent of threshold-power" },
    { .name = "gain",
      .type = SX_F64,
      .offset = AT(gain),
      SX_UNBOUNDED,
      .def = "1.0",
      .unit = "1",
      .help = "gain g of the synaptic coupling" },
    { .name = "tau",
      .type = SX_VALUES,
      .offset = AT(tau),
      .lo = 0,
      .hi = HUGE_VAL,
      .def = "1.0",
      .unit = "time",
      .shape = "unit",
      .flags = SX_FROM_FILE | SX_LO_OPEN | SX_HI_OPEN,
      .help = "time constants: one number or one per unit; flows only" },
    SX_FIELD_END,
};
