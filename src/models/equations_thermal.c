// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Thermal noise D = T M, M = G^-1, of a metric from text; per unit of T:
 *     B = M^(1/2),   div_i = d_k M_ik,   strat_i = (d_k B_ij) B_kj,   covariant_i = div_i + M_ij d_j ln |G|^(1/2).
 * Diagonal: div = M_i', strat = M_i'/2 (' along x_i), ln |G|^(1/2) = -1/2 sum_k ln M_k.
 * Radial, M = a 1 + c x x^T, B = b 1 + e x x^T, a = m_t, b = sqrt a, c = (m_r - m_t)/s, e = (sqrt m_r - sqrt m_t)/s, s = |x|^2, n units:
 *     div = grad a + [x.grad c + (n + 1) c] x,     ln |G|^(1/2) = -1/2 (ln m_r + (n - 1) ln m_t),
 *     strat = b grad b + [e x.grad b + (b + e s) x.grad e + e (b + e s) + e (n b + e s)] x. */
#include "models/equations.h"

typedef struct thermal {
    sx_model *model; /* owned reference: keeps the programs alive */
    const sx_eq_thermal *t;
    double T;
} thermal;

/* -- programs ------------------------------------------------------------------------------------------------------------------ */

typedef struct maker {
    sx_eq_model *m;
    sx_eq_thermal *t;
    int n;
    int32_t *r;                            /* n roots per program */
    int32_t *x, *p, *Mp, *u, *along, *two; /* scratch, one per array: state, direction 0, M p, and others */
} maker;

static int32_t add_scaled(sx_eq_graph *g, int32_t v, int32_t c, int32_t x) {
    return sx_eq_add(g, v, sx_eq_mul(g, c, x));
}

/* Element i of the root reads x_i of its own array alone. */
static sx_status reads_own(sx_eq_graph *g, int32_t root, int array, bool *out) {
    bool *used = NULL;
    SX_TRY(g->ctx, sx_alloc(g->ctx, root + 1, sizeof *used, &used));
    used[root] = *out = true;
    for (int32_t i = root; i >= 0; --i) {
        const sx_eq_node *n = &g->node[i];
        if (!used[i]) continue;
        bool across = n->op >= EQ_ROW && n->op <= EQ_SCATTER && (n->depends & EQ_ON_STATE);
        if (across || (n->op == EQ_STATE && n->k != array)) *out = false;
        for (int k = 0; k < 4 && n->a[k] >= 0; ++k) used[n->a[k]] = true;
    }
    sx_free(g->ctx, used);
    return SX_OK;
}

static sx_status diagonal(maker *k, const sx_equations_desc *d) {
    sx_eq_graph *g = &k->m->g;
    const sx_eq_parts *parts = &k->m->parts;
    int n = k->n;
    int32_t volume = sx_eq_const(g, 0.0), half = sx_eq_const(g, 0.5);
    k->t->local = true;
    for (int a = 0; a < n; ++a) {
        int32_t M = parts->M[a], B = sx_eq_unary(g, EQ_SQRT, M), own = sx_eq_own(g, M, a);
        bool local;
        SX_TRY(g->ctx, g->status);
        SX_TRY(g->ctx, reads_own(g, M, a, &local));
        if (own < 0) { /* no expression for d M_i / d x_i: everything else is made, this noise is refused */
            return sx_strdup(g->ctx, d->states[a].name, &k->t->without);
        }
        k->t->local = k->t->local && local;
        k->r[EQ_T_B * n + a] = sx_eq_mul(g, B, k->p[a]);
        k->r[EQ_T_DIV * n + a] = own;
        k->r[EQ_T_STRAT * n + a] = sx_eq_mul(g, half, own);
        int32_t ln = sx_eq_unary(g, EQ_LOG, M), size = sx_eq_const(g, -0.5);
        volume = sx_eq_add(g, volume,
                           sx_eq_mul(g, size, g->array[a].range < 0 ? ln : sx_eq_total(g, ln, g->array[a].range)));
    }
    if (k->t->local) {
        for (int a = 0; a < n; ++a) k->r[EQ_T_COVARIANT * n + a] = k->r[EQ_T_STRAT * n + a];
        return g->status;
    }
    SX_TRY(g->ctx, sx_eq_gradient(g, volume, k->u));
    for (int a = 0; a < n; ++a)
        k->r[EQ_T_COVARIANT * n + a] = add_scaled(g, k->r[EQ_T_DIV * n + a], parts->M[a], k->u[a]);
    return g->status;
}

static sx_status radial(maker *k) {
    sx_eq_graph *g = &k->m->g;
    const sx_eq_parts *parts = &k->m->parts;
    int n = k->n;
    int32_t s = parts->s, zero = sx_eq_const(g, 0.0), units = sx_eq_const(g, (double)k->m->n);
    int32_t more = sx_eq_const(g, (double)k->m->n + 1.0), less = sx_eq_const(g, (double)k->m->n - 1.0);
    int32_t a = parts->m_tangential, b = sx_eq_unary(g, EQ_SQRT, a);
    int32_t top = sx_eq_binary(g, EQ_SUB, parts->m_radial, a),
            root = sx_eq_binary(g, EQ_SUB, sx_eq_unary(g, EQ_SQRT, parts->m_radial), b);
    int32_t c = sx_eq_select(g, EQ_GT, s, zero, sx_eq_binary(g, EQ_DIV, top, s), zero),
            e = sx_eq_select(g, EQ_GT, s, zero, sx_eq_binary(g, EQ_DIV, root, s), zero);
    int32_t be = add_scaled(g, b, e, s), xw = sx_eq_dot(g, k->x, k->p);
    for (int i = 0; i < n; ++i)
        k->r[EQ_T_B * n + i] = add_scaled(g, sx_eq_mul(g, b, k->p[i]), sx_eq_mul(g, e, xw), k->x[i]);
    SX_TRY(g->ctx, sx_eq_gradient(g, a, k->u));
    SX_TRY(g->ctx, sx_eq_gradient(g, c, k->along));
    int32_t f = add_scaled(g, sx_eq_dot(g, k->x, k->along), more, c);
    for (int i = 0; i < n; ++i) k->r[EQ_T_DIV * n + i] = add_scaled(g, k->u[i], f, k->x[i]);
    SX_TRY(g->ctx, sx_eq_gradient(g, b, k->u));
    SX_TRY(g->ctx, sx_eq_gradient(g, e, k->along));
    f = sx_eq_mul(g, e, sx_eq_dot(g, k->x, k->u));
    f = add_scaled(g, f, be, sx_eq_dot(g, k->x, k->along));
    f = add_scaled(g, f, e, sx_eq_add(g, be, add_scaled(g, sx_eq_mul(g, units, b), e, s)));
    for (int i = 0; i < n; ++i) k->r[EQ_T_STRAT * n + i] = add_scaled(g, sx_eq_mul(g, b, k->u[i]), f, k->x[i]);
    int32_t volume = add_scaled(g, sx_eq_unary(g, EQ_LOG, parts->m_radial), less, sx_eq_unary(g, EQ_LOG, a));
    SX_TRY(g->ctx, sx_eq_gradient(g, sx_eq_mul(g, sx_eq_const(g, -0.5), volume), k->u));
    sx_eq_metric_times(k->m, true, k->u, k->along);
    for (int i = 0; i < n; ++i) k->r[EQ_T_COVARIANT * n + i] = sx_eq_add(g, k->r[EQ_T_DIV * n + i], k->along[i]);
    return g->status;
}

/* Numbers M_i of a metric without state. */
static sx_status constant(sx_ctx *ctx, sx_eq_model *m, sx_eq_thermal *t) {
    const sx_eq_graph *g = &m->g;
    SX_TRY(ctx, sx_alloc(ctx, m->n, sizeof *t->M, &t->M));
    for (int a = 0; a < m->n_arrays; ++a) {
        const sx_eq_node *n = &g->node[m->parts.M[a]];
        const double *v = sx_eq_numbers(g, m->parts.M[a]);
        for (int64_t i = 0; i < m->array[a].n; ++i) t->M[m->array[a].first + i] = v[n->op == EQ_VECTOR ? i : 0];
    }
    t->constant = true;
    return SX_OK;
}

sx_status sx_eq_thermal_compile(sx_ctx *ctx, sx_eq_model *m, const sx_equations_desc *d, sx_eq_thermal *out) {
    sx_eq_graph *g = &m->g;
    maker k = { .m = m, .t = out, .n = m->n_arrays };
    int n = k.n;
    bool numbers = !m->parts.radial;
    sx_status status;
    memset(out, 0, sizeof *out);
    for (int a = 0; a < n && numbers; ++a) {
        uint8_t op = g->node[m->parts.M[a]].op;
        numbers = op == EQ_CONST || op == EQ_VECTOR;
    }
    if (numbers) return constant(ctx, m, out);
    SX_TRY(ctx, sx_alloc(ctx, (EQ_T_PROGRAMS + 6) * (int64_t)n, sizeof *k.r, &k.r));
    k.x = k.r + EQ_T_PROGRAMS * n;
    k.p = k.x + n;
    k.Mp = k.p + n;
    k.u = k.Mp + n;
    k.along = k.u + n;
    k.two = k.along + n;
    for (int a = 0; a < n; ++a) {
        k.x[a] = sx_eq_state(g, a);
        k.p[a] = sx_eq_direction(g, 0, a);
    }
    if (m->parts.radial)
        SX_GO(ctx, status, done, radial(&k));
    else
        SX_GO(ctx, status, done, diagonal(&k, d));
    if (out->without) goto done;
    sx_eq_metric_times(m, true, k.p, k.Mp);
    sx_eq_metric_times(m, false, k.p, k.r + EQ_T_G * n);
    SX_GO(ctx, status, done, sx_eq_forward(g, n, k.r + EQ_T_B * n, 1, k.r + EQ_T_DB * n));
    SX_GO(ctx, status, done, sx_eq_reverse(g, k.Mp, 0, k.r + EQ_T_GRADIENT * n));
    SX_GO(ctx, status, done, sx_eq_forward(g, n, k.Mp, 1, k.two));
    SX_GO(ctx, status, done, sx_eq_forward(g, n, k.two, 2, k.r + EQ_T_SECOND * n));
    for (int i = 0; i < EQ_T_PROGRAMS; ++i)
        SX_GO(ctx, status, done, sx_eq_compile(g, n, k.r + i * n, g->array, &out->program[i]));
done:
    sx_free(ctx, k.r);
    return status;
}

void sx_eq_thermal_clear(sx_ctx *ctx, sx_eq_thermal *t) {
    for (int i = 0; i < EQ_T_PROGRAMS; ++i) sx_eq_program_free(ctx, &t->program[i]);
    sx_free(ctx, t->M);
    sx_free(ctx, t->without);
    t->M = NULL;
    t->without = NULL;
}

/* -- operations ---------------------------------------------------------------------------------------------------------------- */

static int64_t work(const void *self, int64_t b) {
    const thermal *h = self;
    int64_t most = 0, n = sx_model_n(h->model);
    for (int i = 0; i < EQ_T_PROGRAMS; ++i) {
        int64_t need = sx_eq_program_work(&h->t->program[i], b);
        if (need > most) most = need;
    }
    return most + sx_pad(n * b);
}

/* out = factor program(x; directions) */
static void values(const thermal *h, int program, double factor, sx_cbatch x0, int n, const sx_cbatch *d, sx_batch out,
                   sx_work w) {
    const double *direction[EQ_DIRECTIONS] = { NULL };
    sx_cbatch x = sx_spread(x0, out.b, &w);
    for (int i = 0; i < n; ++i) direction[i] = d[i].x;
    sx_eq_run(&h->t->program[program], 0.0, x.x, direction, out.b, out.x, w);
    for (int64_t i = 0; i < out.n * out.b; ++i) out.x[i] *= factor;
}
static void B(const void *self, double t, sx_cbatch x, sx_cbatch w, sx_batch out, sx_work wk) {
    const thermal *h = self;
    (void)t;
    values(h, EQ_T_B, sqrt(h->T), x, 1, &w, out, wk);
}
/* D is positive definite for T > 0; for T = 0 everything is residual. */
static void Dinv(const void *self, double t, sx_cbatch x, sx_cbatch v, sx_batch out, double *residual, sx_work wk) {
    const thermal *h = self;
    (void)t;
    values(h, EQ_T_G, h->T > 0.0 ? 1.0 / h->T : 0.0, x, 1, &v, out, wk);
    for (int64_t r = 0; residual && r < v.b; ++r) {
        double sum = 0.0;
        for (int64_t i = 0; h->T == 0.0 && i < v.n; ++i) sum += v.x[i * v.b + r] * v.x[i * v.b + r];
        residual[r] = sqrt(sum);
    }
}
static void div_D(const void *self, double t, sx_cbatch x, sx_batch out, sx_work wk) {
    const thermal *h = self;
    (void)t;
    values(h, EQ_T_DIV, h->T, x, 0, NULL, out, wk);
}
static void strat(const void *self, double t, sx_cbatch x, sx_batch out, sx_work wk) {
    const thermal *h = self;
    (void)t;
    values(h, EQ_T_STRAT, h->T, x, 0, NULL, out, wk);
}
static void covariant(const void *self, double t, sx_cbatch x, sx_batch out, sx_work wk) {
    const thermal *h = self;
    (void)t;
    values(h, EQ_T_COVARIANT, h->T, x, 0, NULL, out, wk);
}
static void dB(const void *self, double t, sx_cbatch x, sx_cbatch u, sx_cbatch w, sx_batch out, sx_work wk) {
    const thermal *h = self;
    const sx_cbatch d[2] = { w, u };
    (void)t;
    values(h, EQ_T_DB, sqrt(h->T), x, 2, d, out, wk);
}
static void grad_pDp(const void *self, double t, sx_cbatch x, sx_cbatch p, sx_batch out, sx_work wk) {
    const thermal *h = self;
    (void)t;
    values(h, EQ_T_GRADIENT, h->T, x, 1, &p, out, wk);
}
static void d2D(const void *self, double t, sx_cbatch x, sx_cbatch u, sx_cbatch v, sx_cbatch p, sx_batch out,
                sx_work wk) {
    const thermal *h = self;
    const sx_cbatch d[3] = { p, u, v };
    (void)t;
    values(h, EQ_T_SECOND, h->T, x, 3, d, out, wk);
}
static void destroy(sx_ctx *ctx, void *self) {
    thermal *h = self;
    if (!h) return;
    sx_model_free(ctx, h->model);
    sx_free(ctx, h);
}

static const sx_noise_ops ops = {
    .abi = SX_MODEL_ABI,
    .struct_size = sizeof(sx_noise_ops),
    .name = "thermal",
    .work = work,
    .B = B,
    .Bt = B, /* symmetric */
    .Dinv = Dinv,
    .div_D = div_D,
    .strat = strat,
    .covariant = covariant,
    .dB = dB,
    .grad_pDp = grad_pDp,
    .d2D = d2D,
    .destroy = destroy,
};

sx_status sx_equations_thermal(sx_ctx *ctx, const sx_model *m, double temperature, sx_noise **out) {
    const sx_eq_thermal *t = sx_equations_thermal_of(m);
    int64_t n = sx_model_n(m);
    sx_status status;
    if (!t)
        return SX_FAIL(ctx, SX_E_UNSUPPORTED,
                       "thermal noise needs a metric, which a model of kind \"%s\" has with 'potential' only",
                       sx_model_name(m));
    if (!(temperature >= 0.0 && isfinite(temperature)))
        return SX_FAIL(ctx, SX_E_USAGE, "noise.temperature = %g: want a finite value >= 0", temperature);
    if (t->without)
        return SX_FAIL(ctx, SX_E_UNSUPPORTED,
                       "thermal noise needs the derivative of the metric of each unit of '%s' along itself, which has "
                       "no expression "
                       "here: want a metric of the unit's own state, of sums over units, or of r",
                       t->without);
    if (t->constant) { /* D_i = T / G_i */
        double *D = NULL;
        SX_TRY(ctx, sx_alloc(ctx, n, sizeof *D, &D));
        for (int64_t i = 0; i < n; ++i) D[i] = temperature * t->M[i];
        status = sx_noise_additive(ctx, n, (sx_values){ n, D }, out);
        sx_free(ctx, D);
        return status;
    }
    thermal *h = NULL;
    SX_TRY(ctx, sx_alloc(ctx, 1, sizeof *h, &h));
    h->model = sx_model_ref(m);
    h->t = t;
    h->T = temperature;
    status = sx_noise_create(ctx, &ops, h, t->local ? SX_NOISE_DIAGONAL : SX_NOISE_GENERAL, n, n, out);
    if (status < 0) destroy(ctx, h);
    return status;
}
