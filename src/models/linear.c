// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The linear model: x' = -k x + W x + I (flow), x' = (1 - k) x + W x + I (map). J = diag(-k) + W, or diag(1 - k) + W. */
#include "models/rows.h"

#include "core/mutant.h"

typedef struct linear {
    int64_t n;
    const sx_kernels *k;
    double *own;    /* owned: -k_i, or 1 - k_i: the factor of x_i itself */
    double *input;  /* owned */
    double trace;   /* of J */
    sx_coupling *W; /* owned reference or NULL */
} linear;

static int64_t work(const void *self, sx_op op, int64_t b) {
    const linear *m = self;
    (void)op;
    return m->W ? sx_coupling_work(m->W, b) : 0;
}

/* out = own u + op(W) u */
static void product(const linear *m, bool transposed, sx_cbatch u, sx_batch out, sx_work w) {
    m->k->scale_rows(u.n, u.b, m->own, u.x, out.x);
    if (m->W) sx_coupling_apply(m->W, transposed, 1.0, u, 1.0, out, w);
}
static void F(const void *self, double t, sx_cbatch x, sx_batch out, sx_work w) {
    (void)t;
    const linear *m = self;
    product(m, false, x, out, w);
    for (int64_t i = 0; i < x.n; ++i) {
        for (int64_t r = 0; r < x.b; ++r) out.x[i * x.b + r] += m->input[i];
    }
}
static void jvp(const void *self, double t, sx_cbatch x, sx_cbatch u, sx_batch out, sx_work w) {
    (void)t, (void)x;
    product(self, false, u, out, w);
}
static void vjp(const void *self, double t, sx_cbatch x, sx_cbatch p, sx_batch out, sx_work w) {
    (void)t, (void)x;
    product(self, true, p, out, w);
}
static void zero(sx_batch out) {
    memset(out.x, 0, (size_t)(out.n * out.b) * sizeof *out.x);
}
static void second(const void *self, double t, sx_cbatch x, sx_cbatch u, sx_cbatch v, sx_batch out, sx_work w) {
    (void)self, (void)t, (void)x, (void)u, (void)v, (void)w;
    zero(out);
}
static void tvvv(const void *self, double t, sx_cbatch x, sx_cbatch u, sx_cbatch v, sx_cbatch z, sx_batch out,
                 sx_work w) {
    (void)self, (void)t, (void)x, (void)u, (void)v, (void)z, (void)w;
    zero(out);
}
static void jacobian(const void *self, double t, const double *x, double *out, sx_work w) {
    (void)t, (void)x, (void)w;
    const linear *m = self;
    memset(out, 0, (size_t)(m->n * m->n) * sizeof *out);
    if (m->W) sx_coupling_add_to_dense(m->W, 1.0, NULL, out);
    for (int64_t i = 0; i < m->n; ++i) out[i * m->n + i] += m->own[i];
}
static void divergence(const void *self, double t, sx_cbatch x, double *out, sx_work w) {
    (void)t, (void)w;
    for (int64_t r = 0; r < x.b; ++r) out[r] = ((const linear *)self)->trace;
}
static void destroy(sx_ctx *ctx, void *self) {
    linear *m = self;
    if (!m) return;
    sx_free(ctx, m->own);
    sx_free(ctx, m->input);
    sx_coupling_free(ctx, m->W);
    sx_free(ctx, m);
}

const sx_model_ops sx_linear_ops = {
    .abi = SX_MODEL_ABI,
    .struct_size = sizeof(sx_model_ops),
    .name = "linear",
    .work = work,
    .F = F,
    .jvp = jvp,
    .vjp = vjp,
    .hvv = second,
    .phv = second,
    .tvvv = tvvv,
    .jacobian = jacobian,
    .divergence = divergence,
    .destroy = destroy,
};

static sx_status create(sx_ctx *ctx, const sx_linear_opts *o, const sx_coupling *W, int64_t n,
                        const char *const *labels, linear *m, sx_model **out) {
    m->n = n;
    m->k = sx_kernels_get(NULL);
    if (W) m->W = sx_coupling_ref(W);
    SX_TRY(ctx, sx_values_spread(ctx, "model.leak", o->leak, n, 1.0, &m->own));
    SX_TRY(ctx, sx_values_spread(ctx, "model.input", o->input, n, 0.0, &m->input));
    double *diagonal = NULL;
    SX_TRY(ctx, sx_alloc(ctx, n, sizeof *diagonal, &diagonal));
    if (W) sx_coupling_diagonal(W, diagonal);
    for (int64_t i = 0; i < n; ++i) {
        m->own[i] = o->time == 0 ? -m->own[i] : (SX_MUTANT(linear_map) ? 0.0 : 1.0) - m->own[i];
        m->trace += m->own[i] + diagonal[i];
    }
    sx_free(ctx, diagonal);
    sx_state_array array = { "x", "unit", n, labels };
    sx_model_desc d = {
        .struct_size = sizeof d, .ops = &sx_linear_ops, .self = m, .kind = o->time == 0 ? SX_FLOW : SX_MAP
    };
    d.layout = (sx_layout){ n, 1, &array };
    d.block = sx_block_choose(n, W);
    d.panel = sx_panel_choose(n);
    d.flops = 2.0 * (double)n + (W ? sx_coupling_flops(W) : 0.0);
    d.equation =
        o->time == 0 ? "x_i' = -k_i x_i + sum_j W_ij x_j + I_i" : "x_i <- (1 - k_i) x_i + sum_j W_ij x_j + I_i";
    d.latex = o->time == 0 ? "\\dot x_i = -k_i x_i + \\sum_j W_{ij} x_j + I_i"
                           : "x_i \\leftarrow (1 - k_i)\\, x_i + \\sum_j W_{ij} x_j + I_i";
    return sx_model_create(ctx, &d, out);
}

sx_status sx_linear_create(sx_ctx *ctx, const sx_linear_opts *o, const sx_coupling *w, const char *const *labels,
                           sx_model **out) {
    if (!o || o->struct_size != sizeof *o)
        return SX_FAIL(ctx, SX_E_USAGE, "model linear: want options initialised with SX_LINEAR_OPTS");
    SX_TRY(ctx, sx_fields_check(ctx, sx_linear_fields, o, "model"));
    int64_t n = o->n ? o->n : w ? sx_coupling_rows(w) : o->leak.n > 1 ? o->leak.n : o->input.n;
    if (n < 1) return SX_FAIL(ctx, SX_E_USAGE, "model.n is missing: want the number of units or a coupling");
    if (w && (sx_coupling_rows(w) != n || sx_coupling_columns(w) != n))
        return SX_FAIL(ctx, SX_E_USAGE, "model.coupling is %lld x %lld: want %lld x %lld, the number of units",
                       (long long)sx_coupling_rows(w), (long long)sx_coupling_columns(w), (long long)n, (long long)n);
    linear *m = NULL;
    SX_TRY(ctx, sx_alloc(ctx, 1, sizeof *m, &m));
    sx_status status = create(ctx, o, w, n, labels, m, out);
    if (status < 0) destroy(ctx, m);
    return status;
}

#define AT(member) offsetof(sx_linear_opts, member)
const sx_field sx_linear_fields[] = {
    { .name = "time",
      .type = SX_ENUM,
      .offset = AT(time),
      .def = "\"continuous\"",
      .choices = "continuous|discrete",
      .help = "continuous: x' = -k x + W x + I; discrete: x <- (1 - k) x + W x + I" },
    { .name = "n",
      .type = SX_I64,
      .offset = AT(n),
      .lo = 0,
      .hi = 1e9,
      .def = "0",
      .unit = "1",
      .help = "number of units; 0 takes it from the coupling" },
    { .name = "leak",
      .type = SX_VALUES,
      .offset = AT(leak),
      SX_UNBOUNDED,
      .def = "1.0",
      .unit = "1/time",
      .shape = "unit",
      .flags = SX_FROM_FILE,
      .help = "leak k: one number or one per unit" },
    { .name = "input",
      .type = SX_VALUES,
      .offset = AT(input),
      SX_UNBOUNDED,
      .def = "0.0",
      .unit = "state/time",
      .shape = "unit",
      .flags = SX_FROM_FILE,
      .help = "constant input I: one number or one per unit" },
    SX_FIELD_END,
};
