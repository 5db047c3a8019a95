// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The model object: a shared, reference-counted core (operations, data, layout, texts) with one noise and one calculus. */
#include "models/rows.h"

#include "core/mutant.h"

#include <stdatomic.h>
#include <stdio.h>

/* What models with different noise share. Everything is owned but `ops`. */
typedef struct model_core {
    atomic_int_least64_t references;
    const sx_model_ops *ops;
    void *self;
    sx_kind kind;
    sx_layout layout;
    sx_state_array *arrays;
    int64_t block, panel;
    double flops;
    char *equation, *latex;
} model_core;

struct sx_model {
    atomic_int_least64_t references;
    model_core *core;
    sx_noise *noise;
    sx_calculus calculus;
};

static void layout_free(sx_ctx *ctx, model_core *c) {
    for (int a = 0; c->arrays && a < c->layout.n_arrays; ++a) {
        char **labels = (char **)(uintptr_t)c->arrays[a].labels;
        for (int64_t i = 0; labels && i < c->arrays[a].n; ++i) sx_free(ctx, labels[i]);
        sx_free(ctx, labels);
        sx_free(ctx, (void *)(uintptr_t)c->arrays[a].name);
        sx_free(ctx, (void *)(uintptr_t)c->arrays[a].dim);
    }
    sx_free(ctx, c->arrays);
}

/* Frees everything but self: on failure that stays with the caller. */
static void core_free(sx_ctx *ctx, model_core *c) {
    if (!c) return;
    layout_free(ctx, c);
    sx_free(ctx, c->equation);
    sx_free(ctx, c->latex);
    sx_free(ctx, c);
}

static sx_status layout_copy(sx_ctx *ctx, const sx_layout *from, model_core *c) {
    SX_TRY(ctx, sx_alloc(ctx, from->n_arrays, sizeof *c->arrays, &c->arrays));
    c->layout.n_arrays = from->n_arrays;
    c->layout.arrays = c->arrays;
    for (int a = 0; a < from->n_arrays; ++a) {
        const sx_state_array *src = &from->arrays[a];
        sx_state_array *dst = &c->arrays[a];
        char *text = NULL;
        SX_TRY(ctx, sx_strdup(ctx, src->name, &text));
        dst->name = text;
        SX_TRY(ctx, sx_strdup(ctx, src->dim, &text));
        dst->dim = text;
        dst->n = src->n;
        c->layout.n += src->n;
        if (!src->labels) continue;
        char **labels = NULL;
        SX_TRY(ctx, sx_alloc(ctx, src->n, sizeof *labels, &labels));
        dst->labels = (const char *const *)labels;
        for (int64_t i = 0; i < src->n; ++i) SX_TRY(ctx, sx_strdup(ctx, src->labels[i], &labels[i]));
    }
    return SX_OK;
}

static sx_status desc_check(sx_ctx *ctx, const sx_model_desc *d) {
    if (!d || d->struct_size != sizeof *d)
        return SX_FAIL(ctx, SX_E_USAGE, "model: struct_size = %zu: want %zu (initialise with SX_MODEL_DESC)",
                       d ? d->struct_size : (size_t)0, sizeof *d);
    const sx_model_ops *o = d->ops;
    if (!o || o->abi != SX_MODEL_ABI || o->struct_size != sizeof *o)
        return SX_FAIL(ctx, SX_E_USAGE, "model: operations of abi %u and size %u: want abi %d and size %zu",
                       o ? (unsigned)o->abi : 0U, o ? (unsigned)o->struct_size : 0U, SX_MODEL_ABI, sizeof *o);
    if (!o->name || !o->work || !o->F)
        return SX_FAIL(ctx, SX_E_USAGE, "model: name, work and F are required operations");
    if (d->layout.n_arrays < 1 || !d->layout.arrays)
        return SX_FAIL(ctx, SX_E_USAGE, "model %s: %d state arrays: want at least 1", o->name, d->layout.n_arrays);
    int64_t n = 0;
    for (int a = 0; a < d->layout.n_arrays; ++a) {
        const sx_state_array *s = &d->layout.arrays[a];
        if (!s->name || !s->dim || s->n < 1)
            return SX_FAIL(ctx, SX_E_USAGE, "model %s: state array %d needs a name, the name of its index and n >= 1",
                           o->name, a);
        n += s->n;
    }
    if (d->layout.n != n)
        return SX_FAIL(ctx, SX_E_USAGE, "model %s: layout.n = %lld: want %lld, the sum over its arrays", o->name,
                       (long long)d->layout.n, (long long)n);
    if (d->block < 8 || d->block % 8 != 0)
        return SX_FAIL(ctx, SX_E_USAGE, "model %s: block = %lld: want a positive multiple of 8", o->name,
                       (long long)d->block);
    if (d->panel < 1)
        return SX_FAIL(ctx, SX_E_USAGE, "model %s: panel = %lld: want at least 1 row", o->name, (long long)d->panel);
    return SX_OK;
}

sx_status sx_model_create(sx_ctx *ctx, const sx_model_desc *desc, sx_model **out) {
    SX_TRY(ctx, desc_check(ctx, desc));
    model_core *core = NULL;
    sx_model *m = NULL;
    sx_noise *none = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, 1, sizeof *core, &core));
    core->ops = desc->ops;
    core->kind = desc->kind;
    core->block = desc->block;
    core->panel = desc->panel;
    core->flops = desc->flops;
    SX_GO(ctx, status, done, layout_copy(ctx, &desc->layout, core));
    SX_GO(ctx, status, done, sx_strdup(ctx, desc->equation ? desc->equation : "", &core->equation));
    SX_GO(ctx, status, done, sx_strdup(ctx, desc->latex ? desc->latex : "", &core->latex));
    SX_GO(ctx, status, done, sx_noise_none(ctx, core->layout.n, &none));
    SX_GO(ctx, status, done, sx_alloc(ctx, 1, sizeof *m, &m));
    core->self = desc->self;
    atomic_init(&core->references, 1);
    atomic_init(&m->references, 1);
    m->core = core;
    m->noise = none;
    m->calculus = SX_KINETIC;
    *out = m;
    return SX_OK;
done:
    sx_noise_free(ctx, none);
    core_free(ctx, core);
    return status;
}

sx_status sx_model_with_noise(sx_ctx *ctx, const sx_model *m, const sx_noise *noise, sx_calculus calculus,
                              sx_model **out) {
    if (noise && sx_noise_units(noise) != m->core->layout.n)
        return SX_FAIL(ctx, SX_E_USAGE, "noise of %lld units on a model of %lld", (long long)sx_noise_units(noise),
                       (long long)m->core->layout.n);
    if ((int)calculus < 0 || calculus > SX_COVARIANT)
        return SX_FAIL(ctx, SX_E_USAGE, "calculus = %d: want one of kinetic, ito, stratonovich, covariant",
                       (int)calculus);
    sx_noise *none = NULL;
    sx_model *new = NULL;
    SX_TRY(ctx, sx_alloc(ctx, 1, sizeof *new, &new));
    if (!noise) {
        sx_status status = sx_noise_none(ctx, m->core->layout.n, &none);
        if (status < 0) {
            sx_free(ctx, new);
            return status;
        }
    }
    atomic_init(&new->references, 1);
    atomic_fetch_add(&m->core->references, 1);
    new->core = m->core;
    new->noise = noise ? sx_noise_ref(noise) : none;
    new->calculus = calculus;
    *out = new;
    return SX_OK;
}

/* The same core with other data. */
static sx_status rebind(sx_ctx *ctx, const sx_model *m, const sx_coupling *weights, const sx_input *input,
                        sx_model **out) {
    const model_core *c = m->core;
    sx_model_desc d = SX_MODEL_DESC;
    sx_model *bare = NULL;
    if (!c->ops->rebind)
        return SX_FAIL(ctx, SX_E_UNSUPPORTED, "the model '%s' has no %s that can be exchanged", c->ops->name,
                       weights ? "single coupling" : "input");
    SX_TRY(ctx, c->ops->rebind(ctx, c->self, weights, input, &d.self));
    d.ops = c->ops;
    d.kind = c->kind;
    d.layout = c->layout;
    d.block = c->block;
    d.panel = c->panel;
    d.flops = c->flops;
    d.equation = c->equation;
    d.latex = c->latex;
    sx_status status = sx_model_create(ctx, &d, &bare);
    if (status < 0) {
        if (c->ops->destroy) c->ops->destroy(ctx, d.self);
        return status;
    }
    status = sx_model_with_noise(ctx, bare, m->noise, m->calculus, out);
    sx_model_free(ctx, bare);
    return status;
}

sx_status sx_model_with_weights(sx_ctx *ctx, const sx_model *m, const sx_coupling *weights, sx_model **out) {
    return rebind(ctx, m, weights, NULL, out);
}

sx_status sx_model_with_input(sx_ctx *ctx, const sx_model *m, int64_t channels, const double *values, sx_model **out) {
    sx_input input = SX_INPUT;
    input.kind = SX_INPUT_CONSTANT;
    input.amplitude = (sx_values){ channels, values };
    return rebind(ctx, m, NULL, &input, out);
}

sx_model *sx_model_ref(const sx_model *m) {
    /* the count is the one mutable member of an otherwise immutable object */
    sx_model *mutable_m = (sx_model *)(uintptr_t)m;
    atomic_fetch_add(&mutable_m->references, 1);
    return mutable_m;
}

void sx_model_free(sx_ctx *ctx, sx_model *m) {
    if (!m || atomic_fetch_sub(&m->references, 1) != 1) return;
    sx_noise_free(ctx, m->noise);
    if (atomic_fetch_sub(&m->core->references, 1) == 1) {
        if (m->core->ops->destroy) m->core->ops->destroy(ctx, m->core->self);
        core_free(ctx, m->core);
    }
    sx_free(ctx, m);
}

const char *sx_model_name(const sx_model *m) {
    return m->core->ops->name;
}
const char *sx_model_equation(const sx_model *m) {
    return m->core->equation;
}
const char *sx_model_latex(const sx_model *m) {
    return m->core->latex;
}
sx_kind sx_model_kind(const sx_model *m) {
    return m->core->kind;
}
sx_calculus sx_model_calculus(const sx_model *m) {
    return m->calculus;
}
const sx_layout *sx_model_layout(const sx_model *m) {
    return &m->core->layout;
}
int64_t sx_model_n(const sx_model *m) {
    return m->core->layout.n;
}
int64_t sx_model_block(const sx_model *m) {
    return m->core->block;
}
int64_t sx_model_panel(const sx_model *m) {
    return m->core->panel;
}
double sx_model_flops(const sx_model *m) {
    return m->core->flops;
}
const sx_model_ops *sx_model_operations(const sx_model *m) {
    return m->core->ops;
}
const void *sx_model_self(const sx_model *m) {
    return m->core->self;
}
const sx_noise *sx_model_noise(const sx_model *m) {
    return m->noise;
}

bool sx_model_has(const sx_model *m, const char *operation) {
    const sx_model_ops *o = m->core->ops;
    const struct {
        const char *name;
        bool has;
    } table[] = {
        { "F", o->F != NULL },
        { "jvp", o->jvp != NULL },
        { "vjp", o->vjp != NULL },
        { "hvv", o->hvv != NULL },
        { "phv", o->phv != NULL },
        { "tvvv", o->tvvv != NULL },
        { "jacobian", o->jacobian != NULL },
        { "divergence", o->divergence != NULL },
        { "potential", o->potential != NULL },
        { "gradient", o->gradient != NULL },
        { "metric", o->metric != NULL },
        { "reentrant", o->reentrant != NULL },
        { "sample", o->sample != NULL },
        { "kick", o->kick != NULL },
        { "move", o->move != NULL },
        { "observe", o->observe != NULL },
        { "symmetry", o->symmetry != NULL },
    };
    for (size_t i = 0; operation && i < sizeof table / sizeof *table; ++i) {
        if (strcmp(operation, table[i].name) == 0) return table[i].has;
    }
    return false;
}

double sx_model_input_end(const sx_model *m) {
    const model_core *c = m->core;
    return c->ops->input_end ? c->ops->input_end(c->self) : HUGE_VAL;
}

int64_t sx_model_trials(const sx_model *m) {
    const model_core *c = m->core;
    return c->ops->trials ? c->ops->trials(c->self) : 1;
}

const char *sx_model_unit_label(const sx_model *m, int64_t unit, char *buf, size_t size) {
    const sx_layout *l = &m->core->layout;
    int64_t first = 0;
    for (int a = 0; a < l->n_arrays; ++a) {
        const sx_state_array *s = &l->arrays[a];
        if (unit >= first && unit < first + s->n) {
            if (s->labels) return s->labels[unit - first];
            (void)snprintf(buf, size, "%s[%lld]", s->name, (long long)(unit - first));
            return buf;
        }
        first += s->n;
    }
    (void)snprintf(buf, size, "unit %lld", (long long)unit);
    return buf;
}

/* The largest need of any operation; the correction wants one batch besides the noise's own scratch. */
int64_t sx_model_work(const sx_model *m, int64_t b) {
    const model_core *c = m->core;
    int64_t most = 0;
    for (int op = 0; op < SX_OP_COUNT; ++op) {
        int64_t need = c->ops->work(c->self, (sx_op)op, b);
        if (need > most) most = need;
    }
    const sx_noise_ops *noise = sx_noise_operations(m->noise);
    int64_t need = (noise->work ? noise->work(sx_noise_self(m->noise), b) : 0) + sx_pad(c->layout.n * b);
    return need > most ? need : most;
}

void sx_model_F(const sx_model *m, double t, sx_cbatch x, sx_batch out, sx_work w) {
    m->core->ops->F(m->core->self, t, x, out, w);
}

/* With dx = F dt + sqrt(2) B dW read in the model's calculus, the Ito drift is F + c with
 *     ito: 0     stratonovich: (d_k B_ij) B_kj     kinetic: d_k D_ik     covariant: |G|^-1/2 d_j (|G|^1/2 D_ij)
 * and the Stratonovich drift is the Ito one minus (d_k B_ij) B_kj (Gardiner 2009, 4.3.6; Lau & Lubensky 2007). */
bool sx_model_correction(const sx_model *m, sx_calculus as, double t, sx_cbatch x, sx_batch out, sx_work w) {
    if (m->core->kind == SX_MAP || m->core->kind == SX_SAMPLER) return false;
    const sx_noise_ops *o = sx_noise_operations(m->noise);
    const void *self = sx_noise_self(m->noise);
    void (*own)(const void *, double, sx_cbatch, sx_batch, sx_work) = NULL;
    switch (m->calculus) {
    case SX_ITO:
        break;
    case SX_STRATONOVICH:
        own = SX_MUTANT(ito_correction) ? NULL : o->strat;
        break;
    case SX_KINETIC:
        own = SX_MUTANT(kinetic_dropped) ? NULL : o->div_D;
        break;
    case SX_COVARIANT:
        own = o->covariant;
        break;
    }
    void (*minus)(const void *, double, sx_cbatch, sx_batch, sx_work) = as == SX_STRATONOVICH ? o->strat : NULL;
    if (own == minus) return false;
    if (own) own(self, t, x, out, w);
    if (!minus) return true;
    if (!own) memset(out.x, 0, (size_t)(out.n * out.b) * sizeof *out.x);
    double *s = sx_take(&w, out.n * out.b);
    sx_batch strat = { s, out.n, out.b };
    minus(self, t, x, strat, w);
    for (int64_t i = 0; i < out.n * out.b; ++i) out.x[i] -= SX_MUTANT(strat_sign) ? -s[i] : s[i];
    return true;
}

/* Largest singular value of J by power iteration on J^T J from a fixed start; an upper bound of the spectral radius. */
sx_status sx_model_stiffness(sx_ctx *ctx, const sx_model *m, const double *x, double *out) {
    const sx_model_ops *o = m->core->ops;
    if (!o->jvp || !o->vjp)
        return SX_FAIL(ctx, SX_E_UNSUPPORTED, "model %s has no %s: the stiffness estimate needs jvp and vjp; give dt",
                       o->name, o->jvp ? "vjp" : "jvp");
    enum { ITERATIONS = 200 };
    const double tolerance = 1e-4;
    int64_t n = m->core->layout.n;
    sx_status status;
    double *v = NULL, *u = NULL, *scratch = NULL;
    int64_t need = o->work(m->core->self, SX_OP_JVP, 1), need_t = o->work(m->core->self, SX_OP_VJP, 1);
    if (need_t > need) need = need_t;
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *v, &v));
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *u, &u));
    SX_GO(ctx, status, done, sx_alloc(ctx, need, sizeof *scratch, &scratch));
    sx_normal_fill(sx_key_seed(0), 0, SX_SLOT_USER, 0, n, 1, v);
    sx_work w = { scratch, need, sx_ctx_exec(ctx), 0 };
    double norm = 0.0;
    for (int64_t i = 0; i < n; ++i) norm += v[i] * v[i];
    norm = sqrt(norm);
    double sigma = 0.0;
    for (int k = 0; k < ITERATIONS; ++k) {
        for (int64_t i = 0; i < n; ++i) v[i] /= norm;
        sx_batch bu = { u, n, 1 }, bv = { v, n, 1 };
        o->jvp(m->core->self, 0.0, sx_view(x, n, 1), sx_view(v, n, 1), bu, w);
        o->vjp(m->core->self, 0.0, sx_view(x, n, 1), sx_view(u, n, 1), bv, w);
        norm = 0.0;
        for (int64_t i = 0; i < n; ++i) norm += v[i] * v[i];
        norm = sqrt(norm);
        double last = sigma;
        sigma = sqrt(norm);
        if (!isfinite(sigma)) {
            status = SX_FAIL(ctx, SX_E_NUMERIC, "the Jacobian of %s is not finite at this point", o->name);
            goto done;
        }
        if (sigma == 0.0 || (k > 4 && fabs(sigma - last) <= tolerance * sigma)) break;
    }
    *out = sigma;
    status = SX_OK;
done:
    sx_free(ctx, scratch);
    sx_free(ctx, u);
    sx_free(ctx, v);
    return status;
}

/* -- helpers of the built-in models ------------------------------------------------------------------------------------------- */

/* Small networks: enough replicas for 16384 numbers in a batch, which stay in the first-level caches. Dense couplings: dgemm
 * packs the weights anew in every call, which costs a fifth of the speed at 128 columns and a tenth at 256; few blocks are no
 * loss, since a single block runs its panels on all cores. Sparse ones: tiles of 8 columns whose state fits a second-level cache. */
int64_t sx_block_choose(int64_t n, const sx_coupling *w) {
    if (n <= 64) {
        int64_t b = (16384 / n) / 32 * 32;
        return b < 32 ? 32 : b > 1024 ? 1024 : b;
    }
    if (w && sx_coupling_form_of(w) == SX_COUPLING_DENSE) return n < 512 ? 128 : 256;
    int64_t b = (163840 / n) / 8 * 8;
    return b < 8 ? 8 : b > 128 ? 128 : b;
}

int64_t sx_panel_choose(int64_t n) {
    if (n <= 64) return n;
    int64_t rows = (n / 16 + 7) / 8 * 8;
    return rows < 64 ? 64 : rows > 1024 ? 1024 : rows;
}

sx_status sx_values_spread(sx_ctx *ctx, const char *name, sx_values v, int64_t n, double def, double **out) {
    if (v.n != 0 && v.n != 1 && v.n != n)
        return SX_FAIL(ctx, SX_E_USAGE, "%s: %lld numbers for %lld units: want 1 or %lld", name, (long long)v.n,
                       (long long)n, (long long)n);
    double *a = NULL;
    SX_TRY(ctx, sx_alloc(ctx, n, sizeof *a, &a));
    for (int64_t i = 0; i < n; ++i) a[i] = v.n == 0 ? def : v.data[v.n == 1 ? 0 : i];
    *out = a;
    return SX_OK;
}

int64_t sx_jacobian_work(const sx_model_ops *ops, const void *self, int64_t n) {
    return 2 * sx_pad(n * SX_JACOBIAN_COLUMNS) + ops->work(self, SX_OP_JVP, SX_JACOBIAN_COLUMNS);
}

void sx_jacobian_by_columns(const sx_model_ops *ops, const void *self, int64_t n, double t, const double *x,
                            double *out, sx_work w) {
    const int64_t b = SX_JACOBIAN_COLUMNS;
    sx_batch unit = sx_take_batch(&w, n, b), column = sx_take_batch(&w, n, b);
    for (int64_t j0 = 0; j0 < n; j0 += b) {
        int64_t count = n - j0 < b ? n - j0 : b;
        memset(unit.x, 0, (size_t)(n * b) * sizeof *unit.x);
        for (int64_t j = 0; j < count; ++j) unit.x[(j0 + j) * b + j] = 1.0;
        ops->jvp(self, t, sx_view(x, n, 1), sx_const_batch(unit), column, w);
        for (int64_t i = 0; i < n; ++i) {
            for (int64_t j = 0; j < count; ++j) out[i * n + j0 + j] = column.x[i * b + j];
        }
    }
}
