// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Networks of random units. theta = beta (b + J s); a unit is drawn from a law with natural parameter theta_i and mean m(theta_i):
 *     free-energy   density exp(theta x) on [-1, 1],  m = L(theta) = coth theta - 1/theta
 *     ising         exp(theta x) on {-1, 1},          m = tanh theta
 * F is the mean of the next state under the synchronous update, F = m(theta); with m_k = d^k m:
 *     J u = beta m_1 (J u),  J^T p = beta J^T (m_1 p),  d2F[u,v] = beta^2 m_2 Ju Jv,  grad p.Jv = beta^2 J^T (m_2 p Jv),
 *     d3F = beta^3 m_3 Ju Jv Jw.  E = -b.s - s.J s / 2 with the symmetric part of J, grad E = -b - (J + J^T) s / 2. */
#include <separatrix/samplers.h>

#include "models/continuous_bernoulli.h"
#include "models/input.h"
#include "models/samplers_private.h"

#include <float.h>

typedef struct network {
    int64_t n;
    const sx_kernels *k;
    double beta;
    double *bias;   /* owned */
    sx_coupling *J; /* owned reference or NULL */
    double *rows;   /* owned: J row-major, for one unit at a time; NULL: none needed */
    const unit_law *law;
    sx_sampler sampler;
} network;

/* -- laws ------------------------------------------------------------------------------------------------------------------------ */

static void draw_continuous(const sx_kernels *k, int64_t n, const double *theta, const double *u, double *s) {
    k->continuous_bernoulli(n, theta, u, s);
}

static void mean_ising(int order, int64_t n, const double *theta, double *y) {
    static const sx_activation phi = { .kind = SX_PHI_TANH };
    sx_phi(&phi, order, n, theta, y);
}

/* s = 1 if u < 1 / (1 + e^{-2 theta}), that is u + u e^{-2 theta} < 1 */
static void draw_ising(const sx_kernels *k, int64_t n, const double *theta, const double *u, double *s) {
    for (int64_t i = 0; i < n; i++) s[i] = -2.0 * theta[i];
    k->exp(n, s, s);
    for (int64_t i = 0; i < n; i++) s[i] = u[i] + u[i] * s[i] < 1.0 ? 1.0 : -1.0;
}

static const unit_law continuous = { sx_langevin, draw_continuous }, two = { mean_ising, draw_ising };

/* -- the field and its products -------------------------------------------------------------------------------------------------- */

static void product(const network *m, bool transposed, sx_cbatch u, sx_batch out, sx_work w) {
    if (m->J)
        sx_coupling_apply(m->J, transposed, m->beta, u, 0.0, out, w);
    else
        memset(out.x, 0, (size_t)(out.n * out.b) * sizeof *out.x);
}

/* theta = beta (b + J s) */
static sx_batch field(const network *m, sx_cbatch s, sx_work *w) {
    sx_batch theta = sx_take_batch(w, s.n, s.b);
    product(m, false, s, theta, *w);
    for (int64_t i = 0; i < s.n; i++)
        for (int64_t r = 0; r < s.b; r++) theta.x[i * s.b + r] += m->beta * m->bias[i];
    return theta;
}

static void F(const void *self, double t, sx_cbatch x, sx_batch out, sx_work w) {
    const network *m = self;
    (void)t;
    sx_batch theta = field(m, x, &w);
    m->law->mean(0, x.n * x.b, theta.x, out.x);
}

/* out = m_k(theta(x)) prod (beta J d), k directions */
static void directional(const network *m, sx_cbatch x, int k, const sx_cbatch *d, sx_batch out, sx_work w) {
    sx_batch theta = field(m, x, &w), y = sx_take_batch(&w, out.n, out.b);
    m->law->mean(k, x.n * x.b, theta.x, theta.x);
    product(m, false, d[0], out, w);
    for (int j = 1; j < k; j++) {
        product(m, false, d[j], y, w);
        m->k->mul(out.n * out.b, out.x, y.x, out.x);
    }
    sx_mul_base(m->k, theta.x, x.b, sx_const_batch(out), out.x);
}
static void jvp(const void *self, double t, sx_cbatch x, sx_cbatch u, sx_batch out, sx_work w) {
    (void)t;
    directional(self, x, 1, &u, out, w);
}
static void hvv(const void *self, double t, sx_cbatch x, sx_cbatch u, sx_cbatch v, sx_batch out, sx_work w) {
    const sx_cbatch d[] = { u, v };
    (void)t;
    directional(self, x, 2, d, out, w);
}
static void tvvv(const void *self, double t, sx_cbatch x, sx_cbatch u, sx_cbatch v, sx_cbatch z, sx_batch out,
                 sx_work w) {
    const sx_cbatch d[] = { u, v, z };
    (void)t;
    directional(self, x, 3, d, out, w);
}
static void vjp(const void *self, double t, sx_cbatch x, sx_cbatch p, sx_batch out, sx_work w) {
    const network *m = self;
    (void)t;
    sx_batch theta = field(m, x, &w), q = sx_take_batch(&w, p.n, p.b);
    m->law->mean(1, x.n * x.b, theta.x, theta.x);
    sx_mul_base(m->k, theta.x, x.b, p, q.x);
    product(m, true, sx_const_batch(q), out, w);
}
static void phv(const void *self, double t, sx_cbatch x, sx_cbatch p, sx_cbatch v, sx_batch out, sx_work w) {
    const network *m = self;
    (void)t;
    sx_batch theta = field(m, x, &w), q = sx_take_batch(&w, p.n, p.b);
    m->law->mean(2, x.n * x.b, theta.x, theta.x);
    product(m, false, v, q, w);
    m->k->mul(p.n * p.b, q.x, p.x, q.x);
    sx_mul_base(m->k, theta.x, x.b, sx_const_batch(q), q.x);
    product(m, true, sx_const_batch(q), out, w);
}
static void jacobian(const void *self, double t, const double *x, double *out, sx_work w) {
    const network *m = self;
    (void)t;
    sx_batch theta = field(m, sx_view(x, m->n, 1), &w);
    m->law->mean(1, m->n, theta.x, theta.x);
    memset(out, 0, (size_t)(m->n * m->n) * sizeof *out);
    if (m->J) sx_coupling_add_to_dense(m->J, m->beta, NULL, out);
    for (int64_t i = 0; i < m->n; i++)
        for (int64_t j = 0; j < m->n; j++) out[i * m->n + j] *= theta.x[i];
}
static void divergence(const void *self, double t, sx_cbatch x, double *out, sx_work w) {
    (void)self, (void)t, (void)w;
    for (int64_t r = 0; r < x.b; r++) out[r] = 0; /* no unit acts on itself */
}
static void gradient(const void *self, double t, sx_cbatch x, sx_batch out, sx_work w) {
    const network *m = self;
    (void)t;
    memset(out.x, 0, (size_t)(out.n * out.b) * sizeof *out.x);
    if (m->J) {
        sx_coupling_apply(m->J, false, -0.5, x, 0.0, out, w);
        sx_coupling_apply(m->J, true, -0.5, x, 1.0, out, w);
    }
    for (int64_t i = 0; i < x.n; i++)
        for (int64_t r = 0; r < x.b; r++) out.x[i * x.b + r] -= m->bias[i];
}
/* E = (-b.s + grad E.s) / 2 */
static void potential(const void *self, double t, sx_cbatch x, double *out, sx_work w) {
    const network *m = self;
    sx_batch g = sx_take_batch(&w, x.n, x.b);
    gradient(self, t, x, g, w);
    for (int64_t r = 0; r < x.b; r++) out[r] = 0;
    for (int64_t i = 0; i < x.n; i++)
        for (int64_t r = 0; r < x.b; r++) out[r] += 0.5 * (g.x[i * x.b + r] - m->bias[i]) * x.x[i * x.b + r];
}

/* -- draws ------------------------------------------------------------------------------------------------------------------------- */

/* One unit of all replicas: theta_i from the present state, then its draw. */
static void update_row(const network *m, int64_t i, const double *u, double *theta, sx_batch s) {
    const double *row = m->rows + i * m->n;
    for (int64_t r = 0; r < s.b; r++) theta[r] = m->bias[i];
    for (int64_t j = 0; j < s.n; j++)
        for (int64_t r = 0; r < s.b; r++) theta[r] += row[j] * s.x[j * s.b + r];
    for (int64_t r = 0; r < s.b; r++) theta[r] *= m->beta;
    m->law->draw(m->k, s.b, theta, u, s.x + i * s.b);
}

static void update_one(const network *m, int64_t i, int64_t r, double u, sx_batch s) {
    const double *row = m->rows + i * m->n;
    double theta = m->bias[i], x;
    for (int64_t j = 0; j < s.n; j++) theta += row[j] * s.x[j * s.b + r];
    theta *= m->beta;
    m->law->draw(m->k, 1, &theta, &u, &x);
    s.x[i * s.b + r] = x;
}

/* Uniform numbers of a step: slot SX_SLOT_DW for the draws, SX_SLOT_DZ for the choice of units. */
static void sample(const void *self, sx_key key, uint64_t step, int64_t replica0, sx_batch s, sx_work w) {
    const network *m = self;
    double *u = sx_take(&w, s.n * s.b);
    m->k->uniform(key, step, SX_SLOT_DW, (uint32_t)replica0, s.n, s.b, u);
    if (m->sampler == SX_SAMPLER_SYNC) {
        sx_batch theta = field(m, sx_const_batch(s), &w);
        m->law->draw(m->k, s.n * s.b, theta.x, u, s.x);
    } else if (m->sampler == SX_SAMPLER_GIBBS_SWEEP) {
        double *theta = sx_take(&w, s.b);
        for (int64_t i = 0; i < s.n; i++) update_row(m, i, u + i * s.b, theta, s);
    } else {
        double *which = sx_take(&w, s.n * s.b);
        m->k->uniform(key, step, SX_SLOT_DZ, (uint32_t)replica0, s.n, s.b, which);
        for (int64_t e = 0; e < s.n; e++)
            for (int64_t r = 0; r < s.b; r++)
                update_one(m, (int64_t)(which[e * s.b + r] * (double)s.n), r, u[e * s.b + r], s);
    }
}

/* -- life -------------------------------------------------------------------------------------------------------------------------- */

static int64_t work(const void *self, sx_op op, int64_t b) {
    const network *m = self;
    int64_t batches = op == SX_OP_F ? 1 : 2;
    if (op == SX_OP_JACOBIAN) b = 1;
    return (m->J ? sx_coupling_work(m->J, b) : 0) + batches * sx_pad(m->n * b) + sx_pad(b);
}
static void destroy(sx_ctx *ctx, void *self) {
    network *m = self;
    if (!m) return;
    sx_free(ctx, m->bias);
    sx_free(ctx, m->rows);
    sx_coupling_free(ctx, m->J);
    sx_free(ctx, m);
}

static sx_status set_coupling(sx_ctx *ctx, network *m, const sx_coupling *J) {
    double *diagonal = NULL;
    if (!J) return SX_OK;
    if (sx_coupling_rows(J) != m->n || sx_coupling_columns(J) != m->n)
        return SX_FAIL(ctx, SX_E_USAGE, "weights of %lld x %lld: want %lld x %lld", (long long)sx_coupling_rows(J),
                       (long long)sx_coupling_columns(J), (long long)m->n, (long long)m->n);
    SX_TRY(ctx, sx_alloc(ctx, m->n, sizeof *diagonal, &diagonal));
    sx_coupling_diagonal(J, diagonal);
    int64_t i = 0;
    while (i < m->n && diagonal[i] == 0) i++;
    sx_status status = i == m->n ? SX_OK
                                 : SX_FAIL(ctx, SX_E_USAGE,
                                           "J[%lld][%lld] = %g: want a zero diagonal, as a unit is drawn given the "
                                           "others",
                                           (long long)i, (long long)i, diagonal[i]);
    sx_free(ctx, diagonal);
    if (status < 0) return status;
    m->J = sx_coupling_ref(J);
    return SX_OK;
}

/* Row by row updates read J as a matrix. */
static sx_status set_rows(sx_ctx *ctx, network *m) {
    int64_t size;
    if (m->sampler != SX_SAMPLER_GIBBS_SWEEP && m->sampler != SX_SAMPLER_GIBBS_RANDOM) return SX_OK;
    SX_TRY(ctx, sx_mul_size(ctx, m->n, m->n, &size));
    SX_TRY(ctx, sx_alloc(ctx, size, sizeof *m->rows, &m->rows));
    if (m->J) sx_coupling_add_to_dense(m->J, 1.0, NULL, m->rows);
    return SX_OK;
}

static sx_status rebind(sx_ctx *ctx, const void *self, const sx_coupling *weights, const sx_input *input, void **out) {
    const network *from = self;
    network *m = NULL;
    sx_status status;
    if (input && input->kind != SX_INPUT_CONSTANT)
        return SX_FAIL(ctx, SX_E_UNSUPPORTED, "the bias of these units is constant");
    SX_TRY(ctx, sx_alloc(ctx, 1, sizeof *m, &m));
    *m = *from;
    m->bias = m->rows = NULL;
    m->J = NULL;
    sx_values bias = input ? input->amplitude : (sx_values){ from->n, from->bias };
    SX_GO(ctx, status, fail, sx_values_spread(ctx, "input.amplitude", bias, m->n, 0.0, &m->bias));
    SX_GO(ctx, status, fail, set_coupling(ctx, m, weights ? weights : from->J));
    SX_GO(ctx, status, fail, set_rows(ctx, m));
    *out = m;
    return SX_OK;
fail:
    destroy(ctx, m);
    return status;
}

#define OPERATIONS(kind)                                                                                               \
    {                                                                                                                  \
        .abi = SX_MODEL_ABI, .struct_size = sizeof(sx_model_ops), .name = kind, .work = work, .F = F, .jvp = jvp,      \
        .vjp = vjp, .hvv = hvv, .phv = phv, .tvvv = tvvv, .jacobian = jacobian, .divergence = divergence,              \
        .potential = potential, .gradient = gradient, .sample = sample, .destroy = destroy, .rebind = rebind           \
    }
const sx_model_ops sx_free_energy_ops = OPERATIONS("free-energy"), sx_ising_ops = OPERATIONS("ising");

bool sx_sampler_parts_of(const sx_model *m, sx_sampler_parts *out) {
    const sx_model_ops *ops = sx_model_operations(m);
    if (ops != &sx_free_energy_ops && ops != &sx_ising_ops) return false;
    const network *p = sx_model_self(m);
    *out = (sx_sampler_parts){ ops == &sx_ising_ops, p->sampler, p->beta, p->bias, p->J };
    return true;
}

static sx_status create(sx_ctx *ctx, const sx_sampler_opts *o, const sx_coupling *J, const char *const *labels,
                        bool ising, sx_model **out) {
    network *m = NULL;
    sx_status status;
    if (!o || o->struct_size != sizeof *o)
        return SX_FAIL(ctx, SX_E_USAGE, "model %s: want options initialised with SX_SAMPLER_OPTS",
                       ising ? "ising" : "free-energy");
    SX_TRY(ctx, sx_fields_check(ctx, sx_sampler_fields, o, "model"));
    if (!J && o->n < 1)
        return SX_FAIL(ctx, SX_E_USAGE, "model.n is missing: without a coupling the number of units must be given");
    if (J && o->n > 0 && o->n != sx_coupling_rows(J))
        return SX_FAIL(ctx, SX_E_USAGE, "model.n = %lld, but the coupling has %lld units", (long long)o->n,
                       (long long)sx_coupling_rows(J));
    SX_TRY(ctx, sx_alloc(ctx, 1, sizeof *m, &m));
    m->n = J ? sx_coupling_rows(J) : o->n;
    m->k = sx_kernels_get(NULL);
    m->beta = o->inverse_temperature;
    m->law = ising ? &two : &continuous;
    m->sampler = (sx_sampler)o->sampler;
    SX_GO(ctx, status, fail, sx_values_spread(ctx, "model.bias", o->bias, m->n, 0.0, &m->bias));
    SX_GO(ctx, status, fail, set_coupling(ctx, m, J));
    SX_GO(ctx, status, fail, set_rows(ctx, m));
    bool map = m->sampler == SX_SAMPLER_DETERMINISTIC;
    sx_state_array array = { "x", "unit", m->n, labels };
    sx_model_desc d = SX_MODEL_DESC;
    d.ops = ising ? &sx_ising_ops : &sx_free_energy_ops;
    d.self = m;
    d.kind = map ? SX_MAP : SX_SAMPLER;
    d.layout = (sx_layout){ m->n, 1, &array };
    d.block = sx_block_choose(m->n, J);
    d.panel = sx_panel_choose(m->n);
    d.flops = 60.0 * (double)m->n + (J ? sx_coupling_flops(J) : 0.0);
    if (ising) {
        d.equation = map ? "s_i <- tanh(beta (b_i + sum_j J_ij s_j))"
                         : "P(s_i = 1) = 1/(1 + exp(-2 theta_i)), theta_i = beta (b_i + sum_j J_ij s_j)";
        d.latex =
            map ? "s_i \\leftarrow \\tanh\\Big(\\beta \\big(b_i + \\sum_j J_{ij} s_j\\big)\\Big)"
                : "P(s_i = 1) = \\frac{1}{1 + e^{-2\\theta_i}},\\quad \\theta_i = \\beta \\Big(b_i + \\sum_j J_{ij} "
                  "s_j\\Big)";
    } else {
        d.equation = map ? "s_i <- L(beta (b_i + sum_j J_ij s_j)), L(t) = coth t - 1/t"
                         : "p(s_i) ~ exp(theta_i s_i) on [-1, 1], theta_i = beta (b_i + sum_j J_ij s_j)";
        d.latex =
            map ? "s_i \\leftarrow L\\Big(\\beta \\big(b_i + \\sum_j J_{ij} s_j\\big)\\Big),\\quad L(t) = \\coth t - "
                  "\\frac{1}{t}"
                : "p(s_i) \\propto e^{\\theta_i s_i},\\; s_i \\in [-1, 1],\\quad \\theta_i = \\beta \\Big(b_i + "
                  "\\sum_j J_{ij} s_j\\Big)";
    }
    SX_GO(ctx, status, fail, sx_model_create(ctx, &d, out));
    return SX_OK;
fail:
    destroy(ctx, m);
    return status;
}

sx_status sx_free_energy_create(sx_ctx *ctx, const sx_sampler_opts *o, const sx_coupling *J, const char *const *labels,
                                sx_model **out) {
    return create(ctx, o, J, labels, false, out);
}
sx_status sx_ising_create(sx_ctx *ctx, const sx_sampler_opts *o, const sx_coupling *J, const char *const *labels,
                          sx_model **out) {
    return create(ctx, o, J, labels, true, out);
}

#define AT(member) offsetof(sx_sampler_opts, member)
const sx_field sx_sampler_fields[] = {
    { .name = "n",
      .type = SX_I64,
      .offset = AT(n),
      .lo = 0,
      .hi = 1e9,
      .def = "0",
      .unit = "1",
      .help = "units; 0 = as many as the coupling has" },
    { .name = "inverse_temperature",
      .type = SX_F64,
      .offset = AT(inverse_temperature),
      .lo = 0,
      .hi = HUGE_VAL,
      .def = "1.0",
      .unit = "1",
      .flags = SX_LO_OPEN | SX_HI_OPEN,
      .help = "beta in theta_i = beta (b_i + sum_j J_ij s_j)" },
    { .name = "bias",
      .type = SX_VALUES,
      .offset = AT(bias),
      SX_UNBOUNDED,
      .def = "0.0",
      .unit = "1",
      .shape = "unit",
      .flags = SX_FROM_FILE,
      .help = "b_i: evidence for each unit" },
    { .name = "sampler",
      .type = SX_ENUM,
      .offset = AT(sampler),
      .def = "\"sync\"",
      .choices = SX_SAMPLER_CHOICES,
      .help =
          "sync: all units at once; gibbs-sweep: in order; gibbs-random: n updates of random units; deterministic: the "
          "map of the means" },
    SX_FIELD_END,
};
