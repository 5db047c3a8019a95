// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Noise from expressions. Constant ones become numbers; else one source per unit, whose amplitude depends on the unit's own state:
 *     B_ii = s_i(x_i)/sqrt 2 or sqrt(D_i(x_i)),   div D = D',   (d_k B_ij) B_kj = B'B = D'/2,   (u.grad B) w = B' u w,
 *     grad p.Dp = D' p^2,   d2D[u,v] p = D'' u v p. */
#include "models/equations.h"

#include "core/compiler.h"

enum { P_B, P_DB, P_D, P_D1, P_D2, PROGRAMS };

typedef struct text_noise {
    sx_eq_model m;
    sx_eq_program program[PROGRAMS];
    sx_compiled *compiled; /* owned; NULL: the evaluator does everything */
} text_noise;

static int64_t work(const void *self, int64_t b) {
    const text_noise *n = self;
    int64_t most = 0;
    for (int k = 0; k < PROGRAMS; ++k) {
        int64_t need = sx_eq_program_work(&n->program[k], b);
        if (need > most) most = need;
    }
    return most + 2 * sx_pad(n->m.n * b);
}

/* out = program(x) for the columns of out */
static void values(const text_noise *n, int program, sx_cbatch x0, sx_batch out, sx_work w) {
    sx_cbatch x = sx_spread(x0, out.b, &w);
    sx_eq_run(&n->program[program], 0.0, x.x, NULL, out.b, out.x, w);
}
/* out = program(x) w */
static void times(const text_noise *n, int program, sx_cbatch x, sx_cbatch w, sx_batch out, sx_work wk) {
    const sx_kernels *k = sx_kernels_get(NULL);
    values(n, program, x, out, wk);
    k->mul(out.n * out.b, w.x, out.x, out.x);
}
static void B(const void *self, double t, sx_cbatch x, sx_cbatch w, sx_batch out, sx_work wk) {
    (void)t;
    times(self, P_B, x, w, out, wk);
}
static void Dinv(const void *self, double t, sx_cbatch x, sx_cbatch v, sx_batch out, double *residual, sx_work wk) {
    (void)t;
    values(self, P_D, x, out, wk);
    for (int64_t r = 0; residual && r < v.b; ++r) residual[r] = 0.0;
    for (int64_t i = 0; i < v.n; ++i) {
        for (int64_t r = 0; r < v.b; ++r) {
            int64_t k = i * v.b + r;
            bool inside = out.x[k] > 0.0;
            if (residual && !inside) residual[r] += v.x[k] * v.x[k];
            out.x[k] = inside ? v.x[k] / out.x[k] : 0.0;
        }
    }
    for (int64_t r = 0; residual && r < v.b; ++r) residual[r] = sqrt(residual[r]);
}
static void div_D(const void *self, double t, sx_cbatch x, sx_batch out, sx_work wk) {
    (void)t;
    values(self, P_D1, x, out, wk);
}
static void strat(const void *self, double t, sx_cbatch x, sx_batch out, sx_work wk) {
    (void)t;
    values(self, P_D1, x, out, wk);
    for (int64_t k = 0; k < out.n * out.b; ++k) out.x[k] *= 0.5;
}
static void dB(const void *self, double t, sx_cbatch x, sx_cbatch u, sx_cbatch w, sx_batch out, sx_work wk) {
    (void)t;
    times(self, P_DB, x, w, out, wk);
    for (int64_t i = 0; i < out.n; ++i) {
        for (int64_t r = 0; r < out.b; ++r) out.x[i * out.b + r] *= sx_at(u, i, r);
    }
}
static void grad_pDp(const void *self, double t, sx_cbatch x, sx_cbatch p, sx_batch out, sx_work wk) {
    (void)t;
    times(self, P_D1, x, p, out, wk);
    sx_kernels_get(NULL)->mul(out.n * out.b, p.x, out.x, out.x);
}
static void d2D(const void *self, double t, sx_cbatch x, sx_cbatch u, sx_cbatch v, sx_cbatch p, sx_batch out,
                sx_work wk) {
    (void)t;
    times(self, P_D2, x, p, out, wk);
    for (int64_t i = 0; i < out.n; ++i) {
        for (int64_t r = 0; r < out.b; ++r) out.x[i * out.b + r] *= sx_at(u, i, r) * sx_at(v, i, r);
    }
}
static void destroy(sx_ctx *ctx, void *self) {
    text_noise *n = self;
    if (!n) return;
    for (int k = 0; k < PROGRAMS; ++k) sx_eq_program_free(ctx, &n->program[k]);
    sx_eq_model_clear(ctx, &n->m);
    sx_compiled_free(ctx, n->compiled);
    sx_free(ctx, n);
}
static const sx_noise_ops ops = {
    .abi = SX_MODEL_ABI,
    .struct_size = sizeof(sx_noise_ops),
    .name = "expressions",
    .work = work,
    .B = B,
    .Bt = B,
    .Dinv = Dinv,
    .div_D = div_D,
    .strat = strat,
    .dB = dB,
    .grad_pDp = grad_pDp,
    .d2D = d2D,
    .destroy = destroy,
};

/* -- creation ------------------------------------------------------------------------------------------------------------------ */

/* Whether element i of the root reads x_i of its own array alone: no other array, no operation across elements. */
static sx_status check_own(sx_ctx *ctx, const sx_equations_desc *d, const sx_eq_graph *g, int32_t root, int array,
                           const char *what, const sx_equations_text *line, sx_equations_fault *fault, int item) {
    bool *used = NULL;
    const char *why = NULL, *name = "";
    SX_TRY(ctx, sx_alloc(ctx, root + 1, sizeof *used, &used));
    used[root] = true;
    for (int32_t i = root; i >= 0; --i) {
        const sx_eq_node *n = &g->node[i];
        if (!used[i]) continue;
        if (n->op == EQ_TIME) why = "depends on time";
        if (n->op == EQ_STATE && n->k != array) {
            why = "depends on another state, ";
            name = d->states[n->k].name;
        }
        if (n->op >= EQ_ROW && n->op <= EQ_SCATTER && (n->depends & EQ_ON_STATE))
            why = "depends on other elements of the state";
        for (int k = 0; k < 4 && n->a[k] >= 0; ++k) used[n->a[k]] = true;
    }
    sx_free(ctx, used);
    if (!why) return SX_OK;
    *fault = (sx_equations_fault){ 6, item, 0 };
    return SX_FAIL(ctx, SX_E_USAGE, "%s.%s: %s%s: want an amplitude of a unit's own state alone", what, line->left, why,
                   name);
}

/* Line of an array among the texts. */
static int line_of(const sx_equations_desc *d, int array, int n, const sx_equations_text *texts) {
    size_t length = strlen(d->states[array].name);
    for (int k = 0; k < n; ++k) {
        char next = texts[k].left[strcspn(texts[k].left, "[ ")];
        if (strncmp(texts[k].left, d->states[array].name, length) == 0 && strcspn(texts[k].left, "[ ") == length &&
            (next == '\0' || next == '[' || next == ' '))
            return k;
    }
    return 0;
}

/* One value per unit of the roots, without state; finite, and not below `least`. */
static sx_status numbers_of(sx_ctx *ctx, const sx_equations_desc *d, sx_eq_model *m, const char *what, double least,
                            int n, const sx_equations_text *texts, sx_equations_fault *fault, double **out) {
    sx_eq_program p = { 0 };
    double *scratch = NULL, *v = NULL, *zero = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_eq_compile(&m->g, m->n_arrays, m->F, m->array, &p));
    int64_t need = sx_eq_program_work(&p, 1);
    SX_GO(ctx, status, done, sx_alloc(ctx, need, sizeof *scratch, &scratch));
    SX_GO(ctx, status, done, sx_alloc(ctx, m->n, sizeof *v, &v));
    SX_GO(ctx, status, done, sx_alloc(ctx, m->n, sizeof *zero, &zero));
    sx_eq_run(&p, 0.0, zero, NULL, 1, v, (sx_work){ scratch, need, NULL, 0 });
    for (int a = 0; a < m->n_arrays; ++a) {
        for (int64_t i = 0; i < m->array[a].n; ++i) {
            double x = v[m->array[a].first + i];
            if (x >= least && isfinite(x)) continue;
            *fault = (sx_equations_fault){ 6, line_of(d, a, n, texts), 0 };
            status = SX_FAIL(ctx, SX_E_USAGE, "%s.%s: element %lld is %g: want a finite number%s", what,
                             d->states[a].name, (long long)i, x, least == 0.0 ? " >= 0" : "");
            goto done;
        }
    }
    *out = v;
    v = NULL;
done:
    sx_eq_program_free(ctx, &p);
    sx_free(ctx, scratch);
    sx_free(ctx, v);
    sx_free(ctx, zero);
    return status;
}

static sx_status compile_noise(sx_ctx *ctx, text_noise *n, bool sigma) {
    sx_eq_graph *g = &n->m.g;
    int32_t *r = NULL;
    int arrays = n->m.n_arrays;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, PROGRAMS * (int64_t)arrays, sizeof *r, &r));
    for (int a = 0; a < arrays; ++a) {
        int32_t f = n->m.F[a],
                B0 = sigma ? sx_eq_mul(g, sx_eq_const(g, 0x1.6a09e667f3bcdp-1), f) : sx_eq_unary(g, EQ_SQRT, f);
        int32_t D = sigma ? sx_eq_mul(g, sx_eq_const(g, 0.5), sx_eq_mul(g, f, f)) : f;
        int32_t D1 = sx_eq_own(g, D, a);
        r[P_B * arrays + a] = B0;
        r[P_DB * arrays + a] = sx_eq_own(g, B0, a);
        r[P_D * arrays + a] = D;
        r[P_D1 * arrays + a] = D1;
        r[P_D2 * arrays + a] = sx_eq_own(g, D1, a);
    }
    for (int k = 0; k < PROGRAMS; ++k)
        SX_GO(ctx, status, done, sx_eq_compile(g, arrays, r + k * arrays, g->array, &n->program[k]));
    sx_eq_graph_seal(g);
done:
    sx_free(ctx, r);
    return status;
}

sx_status sx_equations_noise(sx_ctx *ctx, const sx_equations_desc *desc, bool sigma, int n,
                             const sx_equations_text *texts, sx_equations_fault *fault, bool *constant,
                             double **numbers, sx_noise **out) {
    text_noise *noise = NULL;
    sx_eq_program *all[PROGRAMS];
    sx_equations_fault unused;
    const char *what = sigma ? "noise.sigma" : "noise.D";
    sx_status status;
    if (!fault) fault = &unused;
    if (n < 1) return SX_FAIL(ctx, SX_E_USAGE, "%s: no expression given: want one per state", what);
    SX_GO(ctx, status, done, sx_alloc(ctx, 1, sizeof *noise, &noise));
    SX_GO(ctx, status, done, sx_eq_lower(ctx, desc, what, n, texts, &noise->m, fault));
    const sx_eq_graph *g = &noise->m.g;
    bool depends = false;
    for (int a = 0; a < noise->m.n_arrays; ++a) {
        int item = line_of(desc, a, n, texts);
        depends = depends || g->node[noise->m.F[a]].depends != 0;
        SX_GO(ctx, status, done, check_own(ctx, desc, g, noise->m.F[a], a, what, &texts[item], fault, item));
    }
    if (!depends) {
        SX_GO(ctx, status, done, numbers_of(ctx, desc, &noise->m, what, 0.0, n, texts, fault, numbers));
        *constant = true;
        goto done; /* the numbers are all that is wanted */
    }
    SX_GO(ctx, status, done, compile_noise(ctx, noise, sigma));
    for (int k = 0; k < PROGRAMS; ++k) all[k] = &noise->program[k];
    if (desc->compile) SX_GO(ctx, status, done, sx_eq_generate_compiled(ctx, PROGRAMS, all, &noise->compiled));
    int64_t rows = noise->m.n;
    SX_GO(ctx, status, done, sx_noise_create(ctx, &ops, noise, SX_NOISE_DIAGONAL, rows, rows, out));
    *constant = false;
    return SX_OK;
done:
    destroy(ctx, noise);
    return status;
}

sx_status sx_equations_values(sx_ctx *ctx, const sx_equations_desc *desc, const char *what, int n,
                              const sx_equations_text *texts, sx_equations_fault *fault, double **numbers) {
    sx_eq_model m = { 0 };
    sx_equations_fault unused;
    sx_status status;
    if (!fault) fault = &unused;
    if (n < 1) return SX_FAIL(ctx, SX_E_USAGE, "%s: no expression given: want one per state", what);
    SX_TRY(ctx, sx_eq_lower(ctx, desc, what, n, texts, &m, fault));
    for (int a = 0; a < m.n_arrays; ++a) {
        if (m.g.node[m.F[a]].depends == 0) continue;
        *fault = (sx_equations_fault){ 6, line_of(desc, a, n, texts), 0 };
        status = SX_FAIL(ctx, SX_E_USAGE, "%s.%s: depends on the state or on time: want numbers", what,
                         desc->states[a].name);
        goto done;
    }
    SX_GO(ctx, status, done, numbers_of(ctx, desc, &m, what, -HUGE_VAL, n, texts, fault, numbers));
done:
    sx_eq_model_clear(ctx, &m);
    return status;
}
