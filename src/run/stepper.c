// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Steppers: the table of methods, the automatic choice, creation, and the loop over steps. */
#include "run/stepper_private.h"

#include <string.h>

#define FITS(strong, weak)                                                                                             \
    { strong, weak, NULL }
#define REFUSED(text)                                                                                                  \
    { 0, 0, text }

/* Orders of convergence in the noise class of the column: strong, weak. Without noise both are the order of the resulting
 * Runge-Kutta method. Strong order 0 is "none claimed": leimkuhler-matthews shifts half of each increment into the next step
 * (weak order 1, stationary averages of gradient systems 2), exact has the exact law but not the path of one W. INFINITY: exact. */
static const char for_additive[] =
    "integrates noise-free flows; with additive noise use sra, exact (linear models), heun, milstein, "
    "leimkuhler-matthews or euler-maruyama";
static const char for_diagonal[] =
    "integrates noise-free flows; with diagonal noise use milstein, heun or euler-maruyama";
static const char for_general[] = "integrates noise-free flows; with general noise use heun or euler-maruyama";
#define ODE_CELLS(order)                                                                                               \
    { FITS(order, order), REFUSED(for_additive), REFUSED(for_additive), REFUSED(for_diagonal), REFUSED(for_general) }
static const char additive_for_diagonal[] =
    "needs additive noise; with diagonal noise use milstein, heun or euler-maruyama";
static const char additive_for_general[] = "needs additive noise; with general noise use heun or euler-maruyama";
#define REFUSED_STATE_DEPENDENT REFUSED(additive_for_diagonal), REFUSED(additive_for_general)

static const sx_method_row_ rows[SX_METHODS] = {
    [SX_METHOD_AUTO] = { "auto",
                         SX_DRAW_NONE_,
                         0,
                         0,
                         NULL,
                         NULL,
                         { FITS(5, 5), FITS(1.5, 2), FITS(1.5, 2), FITS(1, 1), FITS(0.5, 1) } },
    [SX_METHOD_EULER_MARUYAMA] = { "euler-maruyama",
                                   SX_DRAW_DW_,
                                   2,
                                   1,
                                   sx_step_euler_maruyama_,
                                   NULL,
                                   { FITS(1, 1), FITS(1, 1), FITS(1, 1), FITS(0.5, 1), FITS(0.5, 1) } },
    [SX_METHOD_HEUN] = { "heun",
                         SX_DRAW_DW_,
                         5,
                         2,
                         sx_step_heun_,
                         NULL,
                         { FITS(2, 2), FITS(1, 2), FITS(1, 2), FITS(1, 1), FITS(0.5, 1) } },
    [SX_METHOD_MILSTEIN] = { "milstein",
                             SX_DRAW_DW_,
                             3,
                             1,
                             sx_step_milstein_,
                             NULL,
                             { FITS(1, 1), FITS(1, 1), FITS(1, 1), FITS(1, 1),
                               REFUSED("needs diagonal noise, B_ii(x_i): the noise sources of general noise do not "
                                       "commute and their Levy areas are not "
                                       "drawn; use heun or euler-maruyama") } },
    [SX_METHOD_SRA] = { "sra",
                        SX_DRAW_DZ_,
                        5,
                        2,
                        sx_step_sra_,
                        NULL,
                        { FITS(2, 2), FITS(1.5, 2), FITS(1.5, 2), REFUSED_STATE_DEPENDENT } },
    [SX_METHOD_LEIMKUHLER_MATTHEWS] = { "leimkuhler-matthews",
                                        SX_DRAW_NEXT_,
                                        3,
                                        1,
                                        sx_step_leimkuhler_matthews_,
                                        NULL,
                                        { FITS(1, 1), FITS(0, 1), FITS(0, 1), REFUSED_STATE_DEPENDENT } },
    [SX_METHOD_EXACT] = { "exact",
                          SX_DRAW_DW_,
                          1,
                          0,
                          sx_step_exact_,
                          NULL,
                          { FITS(HUGE_VAL, HUGE_VAL), FITS(0, HUGE_VAL), FITS(0, HUGE_VAL), REFUSED_STATE_DEPENDENT } },
    [SX_METHOD_RK4] = { "rk4", SX_DRAW_NONE_, 5, 4, sx_step_rk4_, NULL, ODE_CELLS(4) },
    [SX_METHOD_DORMAND_PRINCE] = { "dormand-prince", SX_DRAW_NONE_, 11, 6, NULL, sx_advance_dormand_prince_,
                                   ODE_CELLS(5) },
    [SX_METHOD_CVODE] = { "cvode", SX_DRAW_NONE_, 1, 20, NULL, sx_advance_cvode_, ODE_CELLS(5) },
    [SX_METHOD_MAP] = { "map",
                        SX_DRAW_DW_,
                        2,
                        1,
                        sx_step_map_,
                        NULL,
                        { FITS(HUGE_VAL, HUGE_VAL), FITS(HUGE_VAL, HUGE_VAL), FITS(HUGE_VAL, HUGE_VAL),
                          FITS(HUGE_VAL, HUGE_VAL), FITS(HUGE_VAL, HUGE_VAL) } },
};

double sx_stepper_capability(sx_method method, sx_noise_class cls, const char **refusal) {
    const char *text = "no such method or class of noise";
    double order = 0;
    if ((unsigned)method < SX_METHODS && (unsigned)cls < SX_NOISE_CLASSES) {
        text = rows[method].cell[cls].refusal;
        order = rows[method].cell[cls].strong;
    }
    if (refusal) *refusal = text;
    return order;
}

double sx_stepper_weak_order(sx_method method, sx_noise_class cls) {
    return (unsigned)method < SX_METHODS && (unsigned)cls < SX_NOISE_CLASSES ? rows[method].cell[cls].weak : 0;
}

/* exact costs n^3 once and a dense product per step: the automatic choice takes it up to this n */
enum { EXACT_AUTO_LIMIT = 1000 };

static bool named_linear(const sx_model *m) {
    return strcmp(sx_model_name(m), "linear") == 0 && sx_model_has(m, "jacobian");
}

static sx_method choose(const sx_model *m, sx_noise_class cls) {
    if (sx_model_kind(m) == SX_MAP || sx_model_kind(m) == SX_SAMPLER) return SX_METHOD_MAP;
    switch (cls) {
    case SX_NOISE_NONE:
        return SX_METHOD_DORMAND_PRINCE;
    case SX_NOISE_ADDITIVE_DIAGONAL:
    case SX_NOISE_ADDITIVE_MATRIX:
        return named_linear(m) && sx_model_n(m) <= EXACT_AUTO_LIMIT ? SX_METHOD_EXACT : SX_METHOD_SRA;
    case SX_NOISE_DIAGONAL:
        return SX_METHOD_MILSTEIN;
    case SX_NOISE_GENERAL:
        break;
    }
    return SX_METHOD_HEUN;
}

/* The noise operation that the drift of a method needs and the noise lacks, or NULL. A missing one would count as zero. */
static const char *missing_operation(const sx_model *m, sx_method method, sx_noise_class cls) {
    const sx_noise_ops *o = sx_noise_operations(sx_model_noise(m));
    const sx_calculus own = sx_model_calculus(m);
    if (cls != SX_NOISE_DIAGONAL && cls != SX_NOISE_GENERAL) return NULL;
    if (method == SX_METHOD_MAP) return NULL;
    if (own == SX_KINETIC && !o->div_D) return "div_D (divergence of D), which the kinetic calculus reads";
    if (own == SX_COVARIANT && !o->covariant) return "covariant, which the covariant calculus reads";
    const bool strat =
        method == SX_METHOD_MILSTEIN || (method == SX_METHOD_HEUN ? own != SX_STRATONOVICH : own == SX_STRATONOVICH);
    if (strat && !o->strat) return "strat ((d_k B_ij) B_kj)";
    return NULL;
}

static sx_status check_fit(sx_ctx *ctx, const sx_model *m, sx_method method, sx_noise_class cls) {
    const char *name = rows[method].name, *model = sx_model_name(m);
    const sx_kind kind = sx_model_kind(m);
    if (kind == SX_HAMILTONIAN)
        return SX_FAIL(ctx, SX_E_UNSUPPORTED,
                       "method = %s: model %s is Hamiltonian; the steppers advance flows, maps and samplers", name,
                       model);
    if (method == SX_METHOD_MAP && kind == SX_FLOW) {
        const char *fits = cls == SX_NOISE_NONE ? "dormand-prince, rk4, cvode"
                           : cls <= SX_NOISE_ADDITIVE_MATRIX
                               ? "sra, heun, milstein, leimkuhler-matthews, euler-maruyama"
                           : cls == SX_NOISE_DIAGONAL ? "milstein, heun, euler-maruyama"
                                                      : "heun, euler-maruyama";
        return SX_FAIL(ctx, SX_E_USAGE, "method = map needs discrete time; model %s is a flow: want one of %s", model,
                       fits);
    }
    if (method != SX_METHOD_MAP && kind != SX_FLOW)
        return SX_FAIL(ctx, SX_E_USAGE, "method = %s needs continuous time; model %s is a map: want map", name, model);
    if (kind == SX_SAMPLER && !sx_model_has(m, "sample"))
        return SX_FAIL(ctx, SX_E_UNSUPPORTED, "method = map: sampler %s has no operation sample", model);
    if (rows[method].cell[cls].refusal)
        return SX_FAIL(ctx, SX_E_USAGE, "method = %s %s (the noise of model %s is %s)", name,
                       rows[method].cell[cls].refusal, model, sx_noise_class_name(cls));
    if (method == SX_METHOD_EXACT && !named_linear(m))
        return SX_FAIL(ctx, SX_E_USAGE, "method = exact needs the model linear, this is %s: want one of %s", model,
                       cls == SX_NOISE_NONE ? "dormand-prince, rk4, cvode"
                                            : "sra, heun, milstein, leimkuhler-matthews, euler-maruyama");
    const char *lacks = missing_operation(m, method, cls);
    if (lacks)
        return SX_FAIL(ctx, SX_E_UNSUPPORTED, "method = %s: noise %s has no operation %s", name,
                       sx_noise_operations(sx_model_noise(m))->name, lacks);
    if (method == SX_METHOD_MILSTEIN && cls == SX_NOISE_DIAGONAL && sx_noise_rank(sx_model_noise(m)) != sx_model_n(m))
        return SX_FAIL(ctx, SX_E_USAGE,
                       "method = milstein: diagonal noise of rank %lld on %lld units: want one source per unit",
                       (long long)sx_noise_rank(sx_model_noise(m)), (long long)sx_model_n(m));
    return SX_OK;
}

/* sqrt(2 h) B_uu per unit: B is diagonal and constant, so B applied to ones is its diagonal. */
static sx_status read_amplitude(sx_ctx *ctx, sx_stepper *s) {
    const sx_noise *noise = sx_model_noise(s->m);
    double *ones = NULL;
    sx_status status;
    sx_work w = { NULL, sx_model_work(s->m, 1), NULL, 0 };
    SX_GO(ctx, status, done, sx_alloc(ctx, w.doubles, sizeof(double), &w.p));
    SX_GO(ctx, status, done, sx_alloc(ctx, s->n, sizeof(double), &ones));
    SX_GO(ctx, status, done, sx_alloc(ctx, s->n, sizeof(double), &s->amplitude));
    for (int64_t u = 0; u < s->n; u++) ones[u] = 1.0;
    sx_noise_operations(noise)->B(sx_noise_self(noise), 0.0, sx_as_cbatch_(ones, s->n, 1), sx_as_cbatch_(ones, s->n, 1),
                                  sx_as_batch_(s->amplitude, s->n, 1), w);
    s->amplitude_uniform = true;
    for (int64_t u = 0; u < s->n; u++) {
        s->amplitude[u] *= s->scale;
        if (s->amplitude[u] != s->amplitude[0]) s->amplitude_uniform = false;
    }
    status = SX_OK;
done:
    sx_free(ctx, ones);
    sx_free(ctx, w.p);
    return status;
}

sx_status sx_stepper_create(sx_ctx *ctx, const sx_model *m, sx_method method, double h, double rtol, double atol,
                            sx_stepper **out) {
    if ((unsigned)method >= SX_METHODS)
        return SX_FAIL(ctx, SX_E_USAGE, "method = %d: want one of %s", (int)method, SX_METHOD_CHOICES);
    if (!(h > 0) || !isfinite(h)) return SX_FAIL(ctx, SX_E_USAGE, "dt = %g: want a value in (0, inf)", h);
    const sx_noise *noise = sx_model_noise(m);
    const sx_noise_class cls = sx_noise_class_of(noise);
    if (method == SX_METHOD_AUTO) method = choose(m, cls);
    SX_TRY(ctx, check_fit(ctx, m, method, cls));
    if (method == SX_METHOD_DORMAND_PRINCE || method == SX_METHOD_CVODE) {
        if (!(rtol > 0) || !isfinite(rtol))
            return SX_FAIL(ctx, SX_E_USAGE, "rtol = %g: want a value in (0, inf)", rtol);
        if (!(atol > 0) || !isfinite(atol))
            return SX_FAIL(ctx, SX_E_USAGE, "atol = %g: want a value in (0, inf)", atol);
    }
    sx_stepper *s = NULL;
    SX_TRY(ctx, sx_alloc(ctx, 1, sizeof *s, &s));
    s->m = sx_model_ref(m);
    s->k = sx_kernels_get(NULL);
    s->row = &rows[method];
    s->advance = s->row->advance;
    s->method = method;
    s->cls = cls;
    s->n = sx_model_n(m);
    s->rank = cls == SX_NOISE_NONE ? 0 : sx_noise_rank(noise);
    s->h = h;
    s->rtol = rtol;
    s->atol = atol;
    /* maps: the covariance of a step is 2 D, whatever the time between steps */
    s->scale = sx_noise_scale_(method == SX_METHOD_MAP ? 1.0 : h);
    sx_status status = SX_OK;
    if (method == SX_METHOD_EXACT) {
        SX_GO(ctx, status, failed, sx_exact_prepare_(ctx, s));
    } else if (cls == SX_NOISE_ADDITIVE_DIAGONAL && s->rank == s->n) {
        SX_GO(ctx, status, failed, read_amplitude(ctx, s));
    }
    *out = s;
    return SX_OK;
failed:
    sx_stepper_free(ctx, s);
    return status;
}

void sx_stepper_free(sx_ctx *ctx, sx_stepper *s) {
    if (!s) return;
    sx_model_free(ctx, s->m);
    sx_free(ctx, s->amplitude);
    sx_free(ctx, s->E);
    sx_free(ctx, s->c);
    sx_free(ctx, s->L);
    sx_free(ctx, s);
}

sx_method sx_stepper_method(const sx_stepper *s) {
    return s->method;
}
const char *sx_stepper_name(const sx_stepper *s) {
    return s->row->name;
}
double sx_stepper_strong_order(const sx_stepper *s) {
    return s->row->cell[s->cls].strong;
}
int64_t sx_stepper_normals(const sx_stepper *s) {
    return s->rank;
}

double sx_stepper_flops(const sx_stepper *s) {
    const double n = (double)s->n, rank = (double)s->rank, normals = s->row->draw == SX_DRAW_DZ_ ? 2.0 : 1.0;
    double flops = s->row->evaluations * (sx_model_flops(s->m) + 4.0 * n) + 25.0 * normals * rank;
    if (s->method == SX_METHOD_EXACT) flops += s->exact_diagonal ? 5.0 * n : 2.0 * n * (n + rank);
    if (s->cls == SX_NOISE_ADDITIVE_MATRIX && s->method != SX_METHOD_EXACT) flops += 2.0 * normals * n * rank;
    if (s->cls >= SX_NOISE_DIAGONAL) flops += 20.0 * n * s->row->evaluations;
    return flops;
}

/* Doubles before the model's own scratch. */
static int64_t own_work(const sx_stepper *s, int64_t b) {
    return (s->row->batches + 2) * sx_stride_(s, b) + (s->method == SX_METHOD_CVODE ? sx_cvode_extra_(s) : 0);
}

int64_t sx_stepper_work(const sx_stepper *s, int64_t b) {
    const int64_t wide = sx_model_work(s->m, b), narrow = sx_model_work(s->m, 1);
    return own_work(s, b) + (wide > narrow ? wide : narrow);
}

/* The scratch of one call, cut into its parts. */
typedef struct parts {
    double *batches, *n1, *n2, *extra;
    sx_work model;
} parts;

static sx_status cut(sx_ctx *ctx, const sx_stepper *s, sx_batch x, sx_work w, int64_t replica0, parts *out) {
    if (x.n != s->n || x.b < 1)
        return SX_FAIL(ctx, SX_E_USAGE, "stepper: a batch of %lld x %lld: want %lld rows and at least one column",
                       (long long)x.n, (long long)x.b, (long long)s->n);
    if (w.doubles < sx_stepper_work(s, x.b))
        return SX_FAIL(ctx, SX_E_USAGE, "stepper: %lld doubles of scratch: want %lld", (long long)w.doubles,
                       (long long)sx_stepper_work(s, x.b));
    const int64_t stride = sx_stride_(s, x.b), own = own_work(s, x.b);
    out->batches = w.p;
    out->n1 = w.p + s->row->batches * stride;
    out->n2 = out->n1 + stride;
    out->extra = out->n2 + stride;
    out->model.p = w.p + own;
    out->model.doubles = w.doubles - own;
    out->model.exec = w.exec;
    out->model.replica0 = replica0;
    return SX_OK;
}

/* One set of normals, in panels of rows on the executor when the batch is large: each is a function of its unit, so the cut does not
 * matter. */
#define PANEL_ROWS 64
typedef struct fill_job {
    const sx_stepper *s;
    sx_key key;
    uint64_t step;
    uint32_t slot, replica0;
    int64_t b;
    double *out;
} fill_job;

static void fill_panel(void *arg, int64_t i) {
    const fill_job *j = arg;
    const int64_t first = i * PANEL_ROWS, left = j->s->rank - first, units = left < PANEL_ROWS ? left : PANEL_ROWS;
    j->s->k->normal_rows(j->key, j->step, j->slot, j->replica0, SX_MUTANT(panel_units) ? 0 : first, units, j->b,
                         j->out + first * j->b);
}

static void fill(const sx_stepper *s, sx_key key, int64_t step, sx_slot slot, int64_t replica0, int64_t b, double *out,
                 const sx_exec *exec) {
    if (!exec || s->rank * b < SX_PARALLEL_SIZE_) {
        s->k->normal(key, (uint64_t)step, (uint32_t)slot, (uint32_t)replica0, s->rank, b, out);
        return;
    }
    fill_job job = { s, key, (uint64_t)step, (uint32_t)slot, (uint32_t)replica0, b, out };
    sx_exec_for(exec, (s->rank + PANEL_ROWS - 1) / PANEL_ROWS, fill_panel, &job);
}

/* Euler-Maruyama with one amplitude: the normals of a few rows are drawn, used and forgotten in the first-level cache, row by row the same
 * numbers as from fill. x += h f + a n. */
enum { ROWS_NUMBERS = 2048 };
typedef struct euler_rows_job {
    fill_job draw;
    const double *f;
    double *x;
    int64_t rows;
} euler_rows_job;

static void euler_rows_panel(void *arg, int64_t i) {
    const euler_rows_job *j = arg;
    const sx_stepper *s = j->draw.s;
    const int64_t b = j->draw.b, last = (i + 1) * PANEL_ROWS < s->n ? (i + 1) * PANEL_ROWS : s->n;
    double z[ROWS_NUMBERS];
    for (int64_t u = i * PANEL_ROWS; u < last; u += j->rows) {
        const int64_t units = last - u < j->rows ? last - u : j->rows;
        s->k->normal_rows(j->draw.key, j->draw.step, j->draw.slot, j->draw.replica0, u, units, b, z);
        if (s->amplitude_uniform)
            s->k->em(units * b, s->h, j->f + u * b, s->amplitude[0], z, j->x + u * b);
        else
            s->k->em_rows(units, b, s->h, j->f + u * b, s->amplitude + u, z, j->x + u * b);
    }
}

static bool draws_in_rows(const sx_stepper *s, int64_t b) {
    return s->method == SX_METHOD_EULER_MARUYAMA && s->amplitude && s->n * b >= SX_PARALLEL_SIZE_ &&
           2 * b <= ROWS_NUMBERS;
}

static void euler_in_rows(const sx_stepper *s, sx_key key, double t, int64_t step, sx_batch x, double *f, sx_work w) {
    euler_rows_job job = {
        { s, key, (uint64_t)step, SX_SLOT_DW, (uint32_t)w.replica0, x.b, NULL }, f, x.x, ROWS_NUMBERS / x.b / 2 * 2
    };
    sx_model_F(s->m, t, sx_const_batch(x), sx_as_batch_(f, s->n, x.b), w);
    sx_exec_for(w.exec, (s->n + PANEL_ROWS - 1) / PANEL_ROWS, euler_rows_panel, &job);
}

sx_status sx_stepper_advance(sx_ctx *ctx, const sx_stepper *s, sx_key key, double t0, int64_t step, int64_t count,
                             int64_t replica0, sx_batch x, sx_work w) {
    if (step < 0 || count < 0 || step > SX_STEP_LIMIT - 1 - count)
        return SX_FAIL(ctx, SX_E_USAGE, "stepper: steps %lld to %lld: want 0 <= step < 2^48", (long long)step,
                       (long long)(step + count));
    if (replica0 < 0 || replica0 > (INT64_C(1) << 32) - x.b)
        return SX_FAIL(ctx, SX_E_USAGE, "stepper: replicas from %lld: want 0 <= replica < 2^32", (long long)replica0);
    parts p;
    SX_TRY(ctx, cut(ctx, s, x, w, replica0, &p));
    if (count == 0) return SX_OK;
    if (sx_model_kind(s->m) == SX_SAMPLER) {
        sx_draw_samples_(s, key, step, count, x, p.model);
        return SX_OK;
    }
    if (s->advance) {
        SX_TRY(ctx, s->advance(ctx, s, t0, step, count, x, p.batches, p.extra, p.model));
        return SX_OK;
    }
    if (draws_in_rows(s, x.b)) {
        for (int64_t k = step; k < step + count; k++)
            euler_in_rows(s, key, t0 + (double)k * s->h, k, x, p.batches, p.model);
        return SX_OK;
    }
    const sx_draw_ draw = s->rank > 0 ? s->row->draw : SX_DRAW_NONE_;
    double *n1 = draw == SX_DRAW_NONE_ ? NULL : p.n1, *n2 = draw == SX_DRAW_DZ_ || draw == SX_DRAW_NEXT_ ? p.n2 : NULL;
    if (draw == SX_DRAW_NEXT_) fill(s, key, step, SX_SLOT_DW, replica0, x.b, n1, w.exec);
    for (int64_t k = step; k < step + count; k++) {
        const double t = SX_MUTANT(step_time) ? t0 : t0 + (double)k * s->h;
        if (draw == SX_DRAW_NEXT_) {
            fill(s, key, k + 1, SX_SLOT_DW, replica0, x.b, n2, w.exec);
        } else if (draw != SX_DRAW_NONE_) {
            fill(s, key, k, SX_SLOT_DW, replica0, x.b, n1, w.exec);
            if (n2) fill(s, key, k, SX_SLOT_DZ, replica0, x.b, n2, w.exec);
        }
        s->row->step(s, t, x, n1, n2, p.batches, p.model);
        if (draw == SX_DRAW_NEXT_) { /* the next step reads them as its own */
            double *swap = n1;
            n1 = n2;
            n2 = swap;
        }
    }
    return SX_OK;
}

sx_status sx_stepper_step_with(sx_ctx *ctx, const sx_stepper *s, double t, sx_batch x, sx_cbatch dW, sx_cbatch dZ,
                               sx_work w) {
    parts p;
    if (sx_model_kind(s->m) == SX_SAMPLER)
        return SX_FAIL(ctx, SX_E_UNSUPPORTED, "stepper: a sampler draws its own numbers and takes no given normals");
    SX_TRY(ctx, cut(ctx, s, x, w, w.replica0, &p));
    const sx_draw_ draw = s->rank > 0 ? s->row->draw : SX_DRAW_NONE_;
    if (draw != SX_DRAW_NONE_ && (!dW.x || dW.n != s->rank || dW.b != x.b))
        return SX_FAIL(ctx, SX_E_USAGE, "stepper: normals of %lld x %lld: want %lld x %lld", (long long)dW.n,
                       (long long)dW.b, (long long)s->rank, (long long)x.b);
    if (draw > SX_DRAW_DW_ && dZ.x && (dZ.n != s->rank || dZ.b != x.b))
        return SX_FAIL(ctx, SX_E_USAGE, "stepper: second normals of %lld x %lld: want %lld x %lld", (long long)dZ.n,
                       (long long)dZ.b, (long long)s->rank, (long long)x.b);
    if (s->advance) {
        SX_TRY(ctx, s->advance(ctx, s, t, 0, 1, x, p.batches, p.extra, p.model));
        return SX_OK;
    }
    const double *n2 = dZ.x;
    if (draw > SX_DRAW_DW_ && !n2) {
        memset(p.n2, 0, (size_t)(s->rank * x.b) * sizeof(double));
        n2 = p.n2;
    }
    s->row->step(s, t, x, draw == SX_DRAW_NONE_ ? NULL : dW.x, n2, p.batches, p.model);
    return SX_OK;
}
