// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The task `basins`: one work item is a block of starts, run without noise to its attractor (basins_run.c); a last one follows the edge. */
#include "basins_private.h"

#include <separatrix/noise.h>

#include <math.h>
#include <string.h>

enum { EDGE_COLUMNS = 8 };

/* -- options ------------------------------------------------------------------------------------------------------------------ */

static sx_status set_box(sx_ctx *ctx, sx_ba *s) {
    const sx_values *b = &s->o.box;
    if (b->n != 0 && b->n != 2 && b->n != 2 * s->n)
        return SX_FAIL(ctx, SX_E_USAGE, "basins.box: %lld numbers: want 2 (lo, hi) or a pair for each of %lld units",
                       (long long)b->n, (long long)s->n);
    SX_TRY(ctx, sx_alloc(ctx, s->n, sizeof *s->lo, &s->lo));
    SX_TRY(ctx, sx_alloc(ctx, s->n, sizeof *s->hi, &s->hi));
    for (int64_t i = 0; i < s->n; i++) {
        const double *pair = b->n == 0 ? NULL : b->data + (b->n == 2 ? 0 : 2 * i);
        s->lo[i] = pair ? pair[0] : -2;
        s->hi[i] = pair ? pair[1] : 2;
        if (!(isfinite(s->lo[i]) && isfinite(s->hi[i]) && s->lo[i] < s->hi[i]))
            return SX_FAIL(ctx, SX_E_USAGE, "basins.box: unit %lld has [%g, %g]: want lo < hi", (long long)i, s->lo[i],
                           s->hi[i]);
    }
    return SX_OK;
}

/* n numbers, or one for all. */
static sx_status spread(sx_ctx *ctx, const sx_ba *s, const char *name, sx_values v, double **out) {
    if (v.n != 1 && v.n != s->n)
        return SX_FAIL(ctx, SX_E_USAGE, "%s: %lld numbers for %lld units", name, (long long)v.n, (long long)s->n);
    SX_TRY(ctx, sx_alloc(ctx, s->n, sizeof **out, out));
    for (int64_t u = 0; u < s->n; u++) (*out)[u] = v.data[v.n == 1 ? 0 : u];
    return SX_OK;
}

static sx_status one_unit(sx_ctx *ctx, const sx_ba *s, const char *name, sx_units u, int64_t otherwise, int64_t *out) {
    if (u.n > 1) return SX_FAIL(ctx, SX_E_USAGE, "basins.slice.%s: want one unit", name);
    *out = u.n == 1 ? u.index[0] : otherwise;
    if (*out < 0 || *out >= s->n)
        return SX_FAIL(ctx, SX_E_USAGE, "basins.slice.%s: unit %lld: the model has units 0 to %lld", name,
                       (long long)*out, (long long)s->n - 1);
    return SX_OK;
}

static sx_status set_starts(sx_ctx *ctx, sx_ba *s) {
    const sx_basins_opts *o = &s->o;
    s->starts = o->starts;
    if (o->initial.kind == SX_INITIAL_VALUES) {
        if (o->initial.values.n == 0 || o->initial.values.n % s->n)
            return SX_FAIL(ctx, SX_E_USAGE, "basins.initial: %lld numbers for %lld units",
                           (long long)o->initial.values.n, (long long)s->n);
        s->n_initial = o->initial.values.n / s->n;
        SX_TRY(ctx, sx_alloc(ctx, o->initial.values.n, sizeof *s->initial, &s->initial));
        memcpy(s->initial, o->initial.values.data, (size_t)o->initial.values.n * sizeof *s->initial);
    }
    if (o->slice.given) {
        s->side = o->slice.points;
        SX_TRY(ctx, one_unit(ctx, s, "x", o->slice.x, 0, &s->slice_x));
        SX_TRY(ctx, one_unit(ctx, s, "y", o->slice.y, 1, &s->slice_y));
        if (s->slice_x == s->slice_y) return SX_FAIL(ctx, SX_E_USAGE, "basins.slice: x and y are the same unit");
        if (o->slice.at.n) SX_TRY(ctx, spread(ctx, s, "basins.slice.at", o->slice.at, &s->at));
    }
    if (o->edge.given) {
        SX_TRY(ctx, spread(ctx, s, "basins.edge.from", o->edge.from, &s->from));
        SX_TRY(ctx, spread(ctx, s, "basins.edge.to", o->edge.to, &s->to));
    }
    s->runs = s->starts + s->side * s->side;
    return SX_OK;
}

/* Steps and times. Left out, they follow from the largest spectral radius at a few starts. */
static sx_status set_times(sx_ctx *ctx, sx_ba *s) {
    enum { LOOKS = 5 };
    const sx_basins_opts *o = &s->o;
    double *x = NULL, radius = 0, rho;
    sx_status status = SX_OK;
    bool wanted = !s->map && (o->dt == 0 || o->transient == 0 || o->window == 0);
    if (s->map && o->dt > 0) return SX_FAIL(ctx, SX_E_USAGE, "basins.dt is for flows; this model is a map");
    SX_TRY(ctx, sx_alloc(ctx, s->n, sizeof *x, &x));
    for (int k = 0; k < LOOKS && wanted; k++) {
        sx_ba_start(s, k % s->starts, x);
        SX_GO(ctx, status, done, sx_model_stiffness(ctx, s->model, x, &rho));
        if (isfinite(rho)) radius = fmax(radius, rho);
    }
    if (wanted && !(radius > 0)) radius = 1;
    s->h = s->map ? 1 : o->dt > 0 ? o->dt : 0.1 / radius;
    double transient = o->transient > 0 ? o->transient : s->map ? 1000 : 200 / radius;
    double window = o->window > 0 ? o->window : s->map ? 4000 : 400 / radius;
    if (!(transient / s->h < 1e12 && window / s->h < 1e12 && o->noise / s->h < 1e12)) {
        status = SX_FAIL(ctx, SX_E_USAGE, "basins: more than 1e12 steps of dt = %g", s->h);
        goto done;
    }
    s->transient = (int64_t)ceil(transient / s->h - 1e-9);
    s->rounds = o->transient > 0 ? 0 : SX_BASIN_ROUNDS;
    s->window = (int64_t)ceil(window / s->h / SX_BASIN_BATCHES - 1e-9) * SX_BASIN_BATCHES;
    s->noise_steps = (int64_t)ceil(o->noise / s->h - 1e-9);
    if (s->noise_steps > 0 && sx_noise_class_of(sx_model_noise(s->model)) == SX_NOISE_NONE)
        status = SX_FAIL(ctx, SX_E_USAGE, "basins.noise = %g: the model has no noise", o->noise);
    if (wanted && o->dt == 0)
        sx_log(ctx, SX_LOG_INFO, "task '%s': dt = %.6g (spectral radius of the Jacobian about %.4g)", s->group, s->h,
               radius);
done:
    sx_free(ctx, x);
    return status;
}

/* -- state -------------------------------------------------------------------------------------------------------------------- */

static void add_part(sx_ba *s, sx_ba_part part, const char *name, sx_dtype dtype, int64_t count) {
    s->section_of[part] = s->n_sections;
    s->sections[s->n_sections++] = (sx_section){ name, dtype, count, s->state_bytes };
    s->state_bytes += ((size_t)count * 8 + 63) / 64 * 64;
}

static void lay_out(sx_ba *s) {
    int64_t n = s->n, nb = s->n * s->b;
    for (int k = 0; k < BA_PARTS; k++) s->section_of[k] = -1;
    add_part(s, BA_STEP, "step", SX_DT_I64, 4);
    add_part(s, BA_X, "x", SX_DT_F64, nb);
    add_part(s, BA_SHADOW, "shadow", SX_DT_F64, nb);
    add_part(s, BA_REF, "reference", SX_DT_F64, nb);
    add_part(s, BA_SUM, "sum", SX_DT_F64, SX_BASIN_BATCHES * nb);
    add_part(s, BA_SUMSQ, "sumsq", SX_DT_F64, 2 * nb);
    add_part(s, BA_LOW, "low", SX_DT_F64, nb);
    add_part(s, BA_HIGH, "high", SX_DT_F64, nb);
    add_part(s, BA_ANCHOR, "anchor", SX_DT_F64, nb);
    add_part(s, BA_SCALARS, "scalars", SX_DT_F64, BA_SCALAR_ROWS * s->b);
    add_part(s, BA_RESULT, "result", SX_DT_F64, nb);
    add_part(s, BA_MEAN, "mean", SX_DT_F64, nb);
    add_part(s, BA_MEAN_SE, "mean_se", SX_DT_F64, nb);
    add_part(s, BA_SD, "sd", SX_DT_F64, nb);
    add_part(s, BA_INFO, "info", SX_DT_F64, BI_NUMBERS * s->b);
    if (s->o.edge.given) add_part(s, BA_EDGE, "edge", SX_DT_F64, 6 * n);
}

/* -- task operations ---------------------------------------------------------------------------------------------------------- */

static void close_task(sx_ctx *ctx, void *instance) {
    sx_ba *s = instance;
    if (!s) return;
    sx_stepper_free(ctx, s->noisy);
    sx_stepper_free(ctx, s->stepper);
    sx_model_free(ctx, s->quiet);
    sx_model_free(ctx, s->model);
    sx_free(ctx, s->lo);
    sx_free(ctx, s->hi);
    sx_free(ctx, s->weight);
    sx_free(ctx, s->at);
    sx_free(ctx, s->from);
    sx_free(ctx, s->to);
    sx_free(ctx, s->initial);
    sx_free(ctx, s->group);
    sx_free(ctx, s);
}

static sx_status make_steppers(sx_ctx *ctx, sx_ba *s) {
    SX_TRY(ctx, sx_model_with_noise(ctx, s->model, NULL, sx_model_calculus(s->model), &s->quiet));
    SX_TRY(ctx,
           sx_stepper_create(ctx, s->quiet, s->map ? SX_METHOD_MAP : SX_METHOD_RK4, s->h, 1e-6, 1e-9, &s->stepper));
    int64_t columns = s->o.edge.given && s->b < EDGE_COLUMNS ? EDGE_COLUMNS : s->b;
    s->work = sx_stepper_work(s->stepper, columns);
    if (s->noise_steps > 0) {
        SX_TRY(ctx, sx_stepper_create(ctx, s->model, SX_METHOD_AUTO, s->h, 1e-6, 1e-9, &s->noisy));
        int64_t noisy = sx_stepper_work(s->noisy, s->b);
        s->work = noisy > s->work ? noisy : s->work;
    }
    return SX_OK;
}

static sx_status open_all(sx_ctx *ctx, sx_ba *s, sx_plan *plan) {
    sx_kind kind = sx_model_kind(s->model);
    if (kind != SX_FLOW && kind != SX_MAP)
        return SX_FAIL(ctx, SX_E_UNSUPPORTED, "basins: the model '%s' is a %s: attractors are those of flows and maps",
                       sx_model_name(s->model), kind == SX_SAMPLER ? "sampler" : "Hamiltonian system");
    if (sx_model_trials(s->model) > 1)
        return SX_FAIL(ctx, SX_E_USAGE, "basins: the input of the model has %lld trials; want a constant input",
                       (long long)sx_model_trials(s->model));
    s->map = kind == SX_MAP;
    s->n = sx_model_n(s->model);
    s->kernels = sx_kernels_get(NULL);
    SX_TRY(ctx, set_box(ctx, s));
    SX_TRY(ctx, set_starts(ctx, s));
    SX_TRY(ctx, set_times(ctx, s));
    int64_t block = s->o.block_ > 0                 ? (s->o.block_ + 7) / 8 * 8
                    : sx_model_block(s->model) < 64 ? sx_model_block(s->model)
                                                    : 64;
    int64_t need = (s->runs + 7) / 8 * 8;
    s->b = need < block ? need : block;
    s->blocks = (s->runs + s->b - 1) / s->b;
    SX_TRY(ctx, sx_alloc(ctx, s->n, sizeof *s->weight, &s->weight));
    sx_normal_fill(sx_key_seed(0), 0, SX_SLOT_USER, 0, s->n, 1, s->weight); /* the same for every task */
    SX_TRY(ctx, make_steppers(ctx, s));
    lay_out(s);
    double steps = (double)(s->noise_steps + s->transient + s->window);
    double flops = steps * (sx_stepper_flops(s->stepper) + 20 * (double)s->n) * (double)s->runs;
    *plan = (sx_plan){ .n_items = s->blocks + s->o.edge.given,
                       .state_bytes = s->state_bytes,
                       .sections = s->sections,
                       .n_sections = s->n_sections,
                       .scratch_bytes = (size_t)sx_ba_scratch(s) * 8,
                       .shared_bytes = (size_t)(8 * s->n) * 8,
                       .result_bytes = 8 * (s->runs + 16 * (3 * s->n + 16)),
                       .flops = flops,
                       .segments = fmax(flops / (double)s->blocks / 2e8, 1) };
    plan->disk_bytes = plan->result_bytes + 4 * plan->n_items * (int64_t)s->state_bytes;
    return SX_OK;
}

static sx_status open_task(sx_ctx *ctx, const sx_model *m, const void *opts, sx_key key, const char *group,
                           void **instance, sx_plan *plan) {
    const sx_basins_opts *o = opts;
    sx_ba *s = NULL;
    sx_status status;
    if (o->struct_size != sizeof *o)
        return SX_FAIL(ctx, SX_E_USAGE, "basins: options are not initialised (sx_fields_default and struct_size)");
    SX_TRY(ctx, sx_fields_check(ctx, sx_basins_fields, o, "basins"));
    SX_TRY(ctx, sx_alloc(ctx, 1, sizeof *s, &s));
    s->o = *o;
    s->key = sx_key_derive(key, "basins", 0);
    s->model = sx_model_ref(m);
    SX_GO(ctx, status, fail, sx_strdup(ctx, group, &s->group));
    SX_GO(ctx, status, fail, open_all(ctx, s, plan));
    *instance = s;
    return SX_OK;
fail:
    close_task(ctx, s);
    return status;
}

static sx_status start_item(sx_ctx *ctx, const void *instance, int64_t item, void *state) {
    const sx_ba *s = instance;
    (void)ctx;
    if (item < s->blocks) sx_ba_start_block(s, item, state);
    return SX_OK;
}

static sx_status advance_item(sx_ctx *ctx, const void *instance, int64_t item, void *state, void *scratch,
                              const sx_exec *exec, sx_result *result, bool *done, double *fraction) {
    const sx_ba *s = instance;
    (void)result;
    if (item == s->blocks) return sx_ba_edge_advance(ctx, s, state, scratch, exec, done, fraction);
    return sx_ba_advance(ctx, s, item, state, scratch, exec, done, fraction);
}

const sx_task_ops sx_basins_task = {
    .abi = SX_TASK_ABI,
    .struct_size = sizeof(sx_task_ops),
    .name = "basins",
    .title = "Basins of attraction: fractions with errors, any attractor, edges",
    .help = "Runs random starts to their attractors - points, cycles, tori, chaos -, with noise before if wanted, and "
            "counts; "
            "draws planes and follows the boundary between two basins.",
    .fields = sx_basins_fields,
    .opts_size = sizeof(sx_basins_opts),
    .outputs = sx_basins_outputs,
    .needs = "F jvp vjp",
    .example =
        "title = \"Basins of two wells\"\nseed = 1\n\n[model]\nkind = \"equations\"\nstate = [\"x\", "
        "\"v\"]\n[model.equations]\nx = \"v\"\nv = \"x - x^3 - 0.2*v\"\n\n[noise]\nkind = \"none\"\n\n[[task]]\ndo = "
        "\"basins\"\nbox = { x = [-2.0, 2.0], v = [-2.0, 2.0] }\nstarts = 1000\nslice = { x = [\"x\"], y = [\"v\"], "
        "points = 64 }\n",
    .open = open_task,
    .define = sx_ba_define,
    .start = start_item,
    .advance = advance_item,
    .finish = sx_ba_finish,
    .close = close_task,
};
