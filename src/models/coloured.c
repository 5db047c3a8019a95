// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Coloured noise as a larger model with white noise:
 *     x' = F(x) + eta,   eta' = -eta/tau + (sqrt(2)/tau) B xi,   <eta_i(t) eta_j(0)> = (D_ij/tau) e^{-|t|/tau} -> 2 D_ij delta(t). */
#include "models/rows.h"

#include "core/mutant.h"

typedef struct coloured {
    sx_model_ops ops; /* as the base model allows; the model's table points here */
    sx_model *base;   /* owned reference */
    const sx_model_ops *f;
    const void *self; /* of the base, borrowed */
    int64_t n;        /* units of the base */
    double rate;      /* 1/tau */
} coloured;

/* The x half and the eta half of a batch of 2n rows. */
static sx_cbatch upper(const coloured *c, sx_cbatch x) {
    return sx_view(x.x, c->n, x.b);
}
static const double *lower(const coloured *c, sx_cbatch x) {
    return x.x + c->n * x.b;
}
static sx_batch upper_out(const coloured *c, sx_batch x) {
    sx_batch y = { x.x, c->n, x.b };
    return y;
}
static void clear_lower(const coloured *c, sx_batch out) {
    memset(out.x + c->n * out.b, 0, (size_t)(c->n * out.b) * sizeof *out.x);
}
/* upper out += eta, lower out = -eta/tau */
static void add_eta(const coloured *c, const double *eta, sx_batch out) {
    int64_t count = c->n * out.b;
    for (int64_t i = 0; i < count; ++i) {
        out.x[i] += eta[i];
        out.x[count + i] = -c->rate * eta[i];
    }
}

static int64_t work(const void *self, sx_op op, int64_t b) {
    const coloured *c = self;
    return c->f->work(c->self, op, b);
}
static void F(const void *self, double t, sx_cbatch x, sx_batch out, sx_work w) {
    const coloured *c = self;
    c->f->F(c->self, t, upper(c, x), upper_out(c, out), w);
    add_eta(c, lower(c, x), out);
}
static void jvp(const void *self, double t, sx_cbatch x, sx_cbatch u, sx_batch out, sx_work w) {
    const coloured *c = self;
    c->f->jvp(c->self, t, upper(c, x), upper(c, u), upper_out(c, out), w);
    add_eta(c, lower(c, u), out);
}
static void vjp(const void *self, double t, sx_cbatch x, sx_cbatch p, sx_batch out, sx_work w) {
    const coloured *c = self;
    int64_t count = c->n * p.b;
    c->f->vjp(c->self, t, upper(c, x), upper(c, p), upper_out(c, out), w);
    for (int64_t i = 0; i < count; ++i) out.x[count + i] = p.x[i] - c->rate * p.x[count + i];
}
static void hvv(const void *self, double t, sx_cbatch x, sx_cbatch u, sx_cbatch v, sx_batch out, sx_work w) {
    const coloured *c = self;
    c->f->hvv(c->self, t, upper(c, x), upper(c, u), upper(c, v), upper_out(c, out), w);
    clear_lower(c, out);
}
static void phv(const void *self, double t, sx_cbatch x, sx_cbatch p, sx_cbatch v, sx_batch out, sx_work w) {
    const coloured *c = self;
    c->f->phv(c->self, t, upper(c, x), upper(c, p), upper(c, v), upper_out(c, out), w);
    clear_lower(c, out);
}
static void tvvv(const void *self, double t, sx_cbatch x, sx_cbatch u, sx_cbatch v, sx_cbatch z, sx_batch out,
                 sx_work w) {
    const coloured *c = self;
    c->f->tvvv(c->self, t, upper(c, x), upper(c, u), upper(c, v), upper(c, z), upper_out(c, out), w);
    clear_lower(c, out);
}
/* [ J 1 ; 0 -1/tau ]: J is written at the front of out, then its rows are moved to their places, last first. */
static void jacobian(const void *self, double t, const double *x, double *out, sx_work w) {
    const coloured *c = self;
    int64_t n = c->n;
    c->f->jacobian(c->self, t, x, out, w);
    for (int64_t i = n - 1; i >= 0; --i) {
        memmove(out + i * 2 * n, out + i * n, (size_t)n * sizeof *out);
        memset(out + i * 2 * n + n, 0, (size_t)n * sizeof *out);
        out[i * 2 * n + n + i] = 1.0;
    }
    memset(out + 2 * n * n, 0, (size_t)(2 * n * n) * sizeof *out);
    for (int64_t i = n; i < 2 * n; ++i) out[i * 2 * n + i] = -c->rate;
}
static void divergence(const void *self, double t, sx_cbatch x, double *out, sx_work w) {
    const coloured *c = self;
    c->f->divergence(c->self, t, upper(c, x), out, w);
    for (int64_t r = 0; r < x.b; ++r) out[r] -= c->rate * (double)c->n;
}
static double input_end(const void *self) {
    return sx_model_input_end(((const coloured *)self)->base);
}
static int64_t trials(const void *self) {
    return sx_model_trials(((const coloured *)self)->base);
}
static void destroy(sx_ctx *ctx, void *self) {
    coloured *c = self;
    if (!c) return;
    sx_model_free(ctx, c->base);
    sx_free(ctx, c);
}

/* Constant B of the base noise in the eta rows: through B itself, so that any additive noise will do. */
static sx_status eta_noise(sx_ctx *ctx, const sx_noise *noise, int64_t n, double rate, sx_noise **out) {
    const sx_noise_ops *o = sx_noise_operations(noise);
    bool diagonal = sx_noise_class_of(noise) == SX_NOISE_ADDITIVE_DIAGONAL;
    int64_t rank = sx_noise_rank(noise), need = o->work ? o->work(sx_noise_self(noise), 1) : 0, size = 0;
    sx_status status;
    double *unit = NULL, *column = NULL, *B = NULL, *scratch = NULL;
    SX_GO(ctx, status, done, sx_mul_size(ctx, 2 * n, diagonal ? 1 : rank, &size));
    SX_GO(ctx, status, done, sx_alloc(ctx, size, sizeof *B, &B));
    SX_GO(ctx, status, done, sx_alloc(ctx, rank, sizeof *unit, &unit));
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *column, &column));
    SX_GO(ctx, status, done, sx_alloc(ctx, need, sizeof *scratch, &scratch));
    sx_work w = { scratch, need, NULL, 0 };
    sx_batch col = { column, n, 1 };
    if (diagonal) {
        for (int64_t i = 0; i < n; ++i) unit[i] = 1.0;
        o->B(sx_noise_self(noise), 0.0, sx_view(column, n, 1), sx_view(unit, rank, 1), col, w);
        for (int64_t i = 0; i < n; ++i) B[n + i] = column[i] * column[i] * rate * rate;
        SX_GO(ctx, status, done, sx_noise_additive(ctx, 2 * n, (sx_values){ 2 * n, B }, out));
    } else {
        for (int64_t k = 0; k < rank; ++k) {
            unit[k] = 1.0;
            o->B(sx_noise_self(noise), 0.0, sx_view(column, n, 1), sx_view(unit, rank, 1), col, w);
            unit[k] = 0.0;
            for (int64_t i = 0; i < n; ++i) B[(n + i) * rank + k] = column[i] * rate;
        }
        SX_GO(ctx, status, done, sx_noise_additive_factor(ctx, 2 * n, rank, B, out));
    }
done:
    sx_free(ctx, scratch);
    sx_free(ctx, column);
    sx_free(ctx, unit);
    sx_free(ctx, B);
    return status;
}

static sx_model_ops table(const sx_model_ops *base) {
    sx_model_ops o = { .abi = SX_MODEL_ABI, .struct_size = sizeof o, .name = "coloured", .work = work, .F = F };
    o.jvp = base->jvp ? jvp : NULL;
    o.vjp = base->vjp ? vjp : NULL;
    o.hvv = base->hvv ? hvv : NULL;
    o.phv = base->phv ? phv : NULL;
    o.tvvv = base->tvvv ? tvvv : NULL;
    o.jacobian = base->jacobian ? jacobian : NULL;
    o.divergence = base->divergence ? divergence : NULL;
    o.input_end = input_end;
    o.trials = trials;
    o.destroy = destroy;
    return o;
}

/* The base arrays, then eta. A single array "x" gets an index of its own, as "unit" then counts the whole state. */
static sx_status create(sx_ctx *ctx, coloured *c, sx_state_array *arrays, sx_model **out) {
    const sx_layout *l = sx_model_layout(c->base);
    char *equation = NULL, *latex = NULL;
    sx_status status;
    for (int a = 0; a < l->n_arrays; ++a) arrays[a] = l->arrays[a];
    if (l->n_arrays == 1) arrays[0].dim = "x_index";
    arrays[l->n_arrays] = (sx_state_array){ "eta", "eta_index", c->n, l->n_arrays == 1 ? l->arrays[0].labels : NULL };
    SX_GO(ctx, status, done,
          sx_format(ctx, &equation, "%s, plus eta; eta' = -eta/tau_c + xi/tau_c, tau_c = %g",
                    sx_model_equation(c->base), 1.0 / c->rate));
    SX_GO(ctx, status, done,
          sx_format(ctx, &latex, "%s\\ +\\eta,\\quad \\tau_c \\dot\\eta = -\\eta + \\xi,\\ \\tau_c = %g",
                    sx_model_latex(c->base), 1.0 / c->rate));
    c->ops = table(c->f);
    sx_model_desc d = { .struct_size = sizeof d, .ops = &c->ops, .self = c, .kind = SX_FLOW };
    d.layout = (sx_layout){ 2 * c->n, l->n_arrays + 1, arrays };
    d.block = sx_model_block(c->base);
    d.panel = sx_model_panel(c->base);
    d.flops = sx_model_flops(c->base) + 2.0 * (double)c->n;
    d.equation = equation;
    d.latex = latex;
    SX_GO(ctx, status, done, sx_model_create(ctx, &d, out));
done:
    sx_free(ctx, equation);
    sx_free(ctx, latex);
    return status;
}

sx_status sx_model_with_coloured_noise(sx_ctx *ctx, const sx_model *m, const sx_noise *noise, double tau,
                                       sx_model **out) {
    if (sx_model_kind(m) != SX_FLOW)
        return SX_FAIL(ctx, SX_E_USAGE,
                       "noise.kind = \"ou\" wants a flow (continuous time); this model is discrete or Hamiltonian");
    if (!(tau > 0.0 && isfinite(tau))) return SX_FAIL(ctx, SX_E_USAGE, "noise.tau = %g: want a finite value > 0", tau);
    sx_noise_class cls = sx_noise_class_of(noise);
    if (cls != SX_NOISE_NONE && cls != SX_NOISE_ADDITIVE_DIAGONAL && cls != SX_NOISE_ADDITIVE_MATRIX)
        return SX_FAIL(ctx, SX_E_USAGE, "noise.kind = \"ou\" wants additive noise; this one is %s",
                       sx_noise_class_name(cls));
    int64_t n = sx_model_n(m);
    if (sx_noise_units(noise) != n)
        return SX_FAIL(ctx, SX_E_USAGE, "noise of %lld units on a model of %lld", (long long)sx_noise_units(noise),
                       (long long)n);
    sx_status status;
    coloured *c = NULL;
    sx_state_array *arrays = NULL;
    sx_noise *white = NULL;
    sx_model *quiet = NULL;
    SX_GO(ctx, status, done,
          cls == SX_NOISE_NONE ? sx_noise_none(ctx, 2 * n, &white)
                               : eta_noise(ctx, noise, n, SX_MUTANT(coloured_tau) ? 1.0 : 1.0 / tau, &white));
    SX_GO(ctx, status, done, sx_alloc(ctx, sx_model_layout(m)->n_arrays + 1, sizeof *arrays, &arrays));
    SX_GO(ctx, status, done, sx_alloc(ctx, 1, sizeof *c, &c));
    c->base = sx_model_ref(m);
    c->f = sx_model_operations(m);
    c->self = sx_model_self(m);
    c->n = n;
    c->rate = 1.0 / tau;
    SX_GO(ctx, status, done, create(ctx, c, arrays, &quiet));
    c = NULL; /* now owned by the model */
    SX_GO(ctx, status, done, sx_model_with_noise(ctx, quiet, white, SX_KINETIC, out));
done:
    sx_model_free(ctx, quiet);
    sx_noise_free(ctx, white);
    sx_free(ctx, arrays);
    destroy(ctx, c);
    return status;
}
