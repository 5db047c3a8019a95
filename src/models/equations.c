// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The model of equations given as text: one program per operation. */
#include "models/equations.h"

#include "core/compiler.h"

#include <stdio.h>

enum {
    P_F,
    P_JVP,
    P_VJP,
    P_HVV,
    P_PHV,
    P_TVVV,
    P_DIVERGENCE,
    P_POTENTIAL,
    P_GRADIENT,
    P_METRIC,
    P_INVERSE,
    P_REENTRANT,
    PROGRAMS
};

typedef struct equations {
    sx_eq_model m;
    sx_eq_program program[PROGRAMS];
    bool structured;       /* the divergence has a program */
    sx_eq_thermal thermal; /* of a model with a potential */
    sx_compiled *compiled; /* owned; NULL: the evaluator does everything */
} equations;

/* -- operations ---------------------------------------------------------------------------------------------------------------- */

static void run(const equations *e, int program, double t, sx_cbatch x0, int n, const sx_cbatch *d, sx_batch out,
                sx_work w) {
    const double *direction[EQ_DIRECTIONS] = { NULL };
    sx_cbatch x = n ? sx_spread(x0, d[0].b, &w) : x0;
    for (int k = 0; k < n; ++k) direction[k] = d[k].x;
    sx_eq_run(&e->program[program], t, x.x, direction, x.b, out.x, w);
}
static void F(const void *self, double t, sx_cbatch x, sx_batch out, sx_work w) {
    run(self, P_F, t, x, 0, NULL, out, w);
}
static void jvp(const void *self, double t, sx_cbatch x, sx_cbatch u, sx_batch out, sx_work w) {
    run(self, P_JVP, t, x, 1, &u, out, w);
}
static void vjp(const void *self, double t, sx_cbatch x, sx_cbatch p, sx_batch out, sx_work w) {
    run(self, P_VJP, t, x, 1, &p, out, w);
}
static void hvv(const void *self, double t, sx_cbatch x, sx_cbatch u, sx_cbatch v, sx_batch out, sx_work w) {
    const sx_cbatch d[2] = { u, v };
    run(self, P_HVV, t, x, 2, d, out, w);
}
static void phv(const void *self, double t, sx_cbatch x, sx_cbatch p, sx_cbatch v, sx_batch out, sx_work w) {
    const sx_cbatch d[2] = { p, v };
    run(self, P_PHV, t, x, 2, d, out, w);
}
static void tvvv(const void *self, double t, sx_cbatch x, sx_cbatch u, sx_cbatch v, sx_cbatch z, sx_batch out,
                 sx_work w) {
    const sx_cbatch d[3] = { u, v, z };
    run(self, P_TVVV, t, x, 3, d, out, w);
}
static void jacobian(const void *self, double t, const double *x, double *out, sx_work w) {
    sx_jacobian_by_columns(&sx_equations_ops, self, ((const equations *)self)->m.n, t, x, out, w);
}

/* tr J: its own program where elements are local, else n directions (cost n times that of J u). */
static void divergence(const void *self, double t, sx_cbatch x, double *out, sx_work w) {
    const equations *e = self;
    int64_t n = e->m.n, b = x.b;
    if (e->structured) {
        sx_eq_run(&e->program[P_DIVERGENCE], t, x.x, NULL, b, out, w);
        return;
    }
    sx_batch unit = sx_take_batch(&w, n, b), column = sx_take_batch(&w, n, b);
    memset(unit.x, 0, (size_t)(n * b) * sizeof *unit.x);
    memset(out, 0, (size_t)b * sizeof *out);
    for (int64_t i = 0; i < n; ++i) {
        for (int64_t r = 0; r < b; ++r) unit.x[i * b + r] = 1.0;
        jvp(self, t, x, sx_const_batch(unit), column, w);
        for (int64_t r = 0; r < b; ++r) {
            unit.x[i * b + r] = 0.0;
            out[r] += column.x[i * b + r];
        }
    }
}

/* With a potential: F = -G^-1 grad Phi + R, and its parts. */
static void potential(const void *self, double t, sx_cbatch x, double *out, sx_work w) {
    sx_eq_run(&((const equations *)self)->program[P_POTENTIAL], t, x.x, NULL, x.b, out, w);
}
static void gradient(const void *self, double t, sx_cbatch x, sx_batch out, sx_work w) {
    run(self, P_GRADIENT, t, x, 0, NULL, out, w);
}
static void metric(const void *self, int inverse, sx_cbatch x, sx_cbatch v, sx_batch out, sx_work w) {
    run(self, inverse ? P_INVERSE : P_METRIC, 0.0, x, 1, &v, out, w);
}
static void reentrant(const void *self, double t, sx_cbatch x, sx_batch out, sx_work w) {
    run(self, P_REENTRANT, t, x, 0, NULL, out, w);
}

static int64_t work(const void *self, sx_op op, int64_t b) {
    const equations *e = self;
    static const int8_t programs[SX_OP_COUNT] = {
        [SX_OP_F] = P_F,
        [SX_OP_JVP] = P_JVP,
        [SX_OP_VJP] = P_VJP,
        [SX_OP_HVV] = P_HVV,
        [SX_OP_PHV] = P_PHV,
        [SX_OP_TVVV] = P_TVVV,
        [SX_OP_POTENTIAL] = P_POTENTIAL,
        [SX_OP_GRADIENT] = P_GRADIENT,
        [SX_OP_METRIC] = P_METRIC,
        [SX_OP_REENTRANT] = P_REENTRANT,
    };
    if (op == SX_OP_JACOBIAN) return sx_jacobian_work(&sx_equations_ops, self, e->m.n);
    if (op == SX_OP_DIVERGENCE) {
        if (e->structured) return sx_eq_program_work(&e->program[P_DIVERGENCE], b);
        return 3 * sx_pad(e->m.n * b) + sx_eq_program_work(&e->program[P_JVP], b);
    }
    if (op > SX_OP_REENTRANT || (op > SX_OP_TVVV && !e->m.parts.given)) return 0;
    int64_t need = sx_eq_program_work(&e->program[programs[op]], b);
    int64_t other = op == SX_OP_METRIC ? sx_eq_program_work(&e->program[P_INVERSE], b) : 0;
    return sx_pad(e->m.n * b) + (need > other ? need : other);
}

void sx_equations_programs(const void *self, const sx_eq_program **F_program, const sx_eq_program **jvp_program) {
    const equations *e = self;
    *F_program = &e->program[P_F];
    *jvp_program = &e->program[P_JVP];
}

static void destroy(sx_ctx *ctx, void *self) {
    equations *e = self;
    if (!e) return;
    for (int k = 0; k < PROGRAMS; ++k) sx_eq_program_free(ctx, &e->program[k]);
    sx_eq_thermal_clear(ctx, &e->thermal);
    sx_eq_model_clear(ctx, &e->m);
    sx_compiled_free(ctx, e->compiled);
    sx_free(ctx, e);
}

#define OPERATIONS                                                                                                     \
    .abi = SX_MODEL_ABI, .struct_size = sizeof(sx_model_ops), .name = "equations", .work = work, .F = F, .jvp = jvp,   \
    .vjp = vjp, .hvv = hvv, .phv = phv, .tvvv = tvvv, .jacobian = jacobian, .divergence = divergence,                  \
    .destroy = destroy
const sx_model_ops sx_equations_ops = { OPERATIONS };
const sx_model_ops sx_equations_potential_ops = {
    OPERATIONS, .potential = potential, .gradient = gradient, .metric = metric, .reentrant = reentrant,
};

bool sx_equations_made(const sx_model *m) {
    return sx_model_operations(m) == &sx_equations_ops || sx_model_operations(m) == &sx_equations_potential_ops;
}
const sx_eq_thermal *sx_equations_thermal_of(const sx_model *m) {
    return sx_model_operations(m) == &sx_equations_potential_ops ? &((const equations *)sx_model_self(m))->thermal
                                                                 : NULL;
}

/* -- creation ------------------------------------------------------------------------------------------------------------------ */

static sx_status compile_divergence(equations *e) {
    sx_eq_graph *g = &e->m.g;
    const sx_eq_array one = { -1, 1, 0 };
    int32_t sum = sx_eq_const(g, 0.0);
    for (int a = 0; a < e->m.n_arrays; ++a) {
        int32_t own = sx_eq_own(g, e->m.F[a], a);
        if (g->status < 0) return g->status;
        if (own < 0) return SX_OK;
        sum = sx_eq_add(g, sum, g->array[a].range < 0 ? own : sx_eq_total(g, own, g->array[a].range));
    }
    SX_TRY(g->ctx, sx_eq_compile(g, 1, &sum, &one, &e->program[P_DIVERGENCE]));
    e->structured = true;
    return SX_OK;
}

static sx_status compile_parts(sx_ctx *ctx, equations *e, const sx_equations_desc *d, int32_t *v, int32_t *out) {
    sx_eq_graph *g = &e->m.g;
    const sx_eq_parts *p = &e->m.parts;
    const sx_eq_array one = { -1, 1, 0 };
    int n = e->m.n_arrays;
    SX_TRY(ctx, sx_eq_compile(g, 1, &p->phi, &one, &e->program[P_POTENTIAL]));
    SX_TRY(ctx, sx_eq_compile(g, n, p->gradient, g->array, &e->program[P_GRADIENT]));
    SX_TRY(ctx, sx_eq_compile(g, n, p->R, g->array, &e->program[P_REENTRANT]));
    for (int a = 0; a < n; ++a) v[a] = sx_eq_direction(g, 0, a);
    for (int inverse = 0; inverse < 2; ++inverse) {
        sx_eq_metric_times(&e->m, inverse, v, out);
        SX_TRY(ctx, sx_eq_compile(g, n, out, g->array, &e->program[inverse ? P_INVERSE : P_METRIC]));
    }
    return sx_eq_thermal_compile(ctx, &e->m, d, &e->thermal);
}

static sx_status compile_all(sx_ctx *ctx, equations *e, const sx_equations_desc *d) {
    sx_eq_graph *g = &e->m.g;
    int n = e->m.n_arrays;
    int32_t *r = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, 6 * (int64_t)n, sizeof *r, &r));
    int32_t *first = r, *second = r + n, *third = r + 2 * n, *along = r + 3 * n, *adjoint = r + 4 * n,
            *curved = r + 5 * n;
    SX_GO(ctx, status, done, sx_eq_forward(g, n, e->m.F, 0, first));
    SX_GO(ctx, status, done, sx_eq_forward(g, n, first, 1, second));
    SX_GO(ctx, status, done, sx_eq_forward(g, n, second, 2, third));
    SX_GO(ctx, status, done, sx_eq_reverse(g, e->m.F, 0, adjoint));
    SX_GO(ctx, status, done, sx_eq_forward(g, n, e->m.F, 1, along));
    SX_GO(ctx, status, done, sx_eq_reverse(g, along, 0, curved));
    const int32_t *const roots[] = { e->m.F, first, adjoint, second, curved, third };
    for (int k = P_F; k <= P_TVVV; ++k)
        SX_GO(ctx, status, done, sx_eq_compile(g, n, roots[k], g->array, &e->program[k]));
    SX_GO(ctx, status, done, compile_divergence(e));
    if (e->m.parts.given) SX_GO(ctx, status, done, compile_parts(ctx, e, d, r, r + n));
    sx_eq_graph_seal(g);
done:
    sx_free(ctx, r);
    return status;
}

/* All programs in one text. */
static sx_status generate(sx_ctx *ctx, equations *e) {
    sx_eq_program *all[PROGRAMS + EQ_T_PROGRAMS];
    for (int k = 0; k < PROGRAMS; ++k) all[k] = &e->program[k];
    for (int k = 0; k < EQ_T_PROGRAMS; ++k) all[PROGRAMS + k] = &e->thermal.program[k];
    return sx_eq_generate_compiled(ctx, PROGRAMS + EQ_T_PROGRAMS, all, &e->compiled);
}

/* Lines joined into one text. */
static sx_status join(sx_ctx *ctx, const char *lines, const char *between, char **out) {
    sx_eq_buffer t = { 0 };
    for (const char *p = lines; *p;) {
        size_t n = strcspn(p, "\n");
        sx_eq_put(ctx, &t, p, (int64_t)n);
        p += n + (p[n] == '\n');
        if (*p) sx_eq_put(ctx, &t, between, -1);
    }
    if (t.status < 0) {
        sx_free(ctx, t.p);
        return t.status;
    }
    *out = t.p;
    return SX_OK;
}

/* Numbers alone are one array "x" over "unit" with their names as labels; a single array keeps its name over "unit"; several have an
 * index each. */
static sx_status layout(sx_ctx *ctx, const sx_equations_desc *d, const sx_eq_model *m, sx_layout *out, char **text) {
    sx_state_array *arrays = NULL;
    const char **labels = NULL;
    bool numbers = true;
    for (int a = 0; a < d->n_states; ++a) numbers = numbers && m->array[a].range < 0;
    /* one block: arrays, labels, names of indices */
    int64_t size = d->n_states * (int64_t)(sizeof *arrays + sizeof *labels + 160);
    SX_TRY(ctx, sx_alloc(ctx, size, 1, text));
    arrays = (sx_state_array *)(void *)*text;
    labels = (const char **)(void *)(arrays + d->n_states);
    char *dims = (char *)(labels + d->n_states);
    out->n = m->n;
    out->arrays = arrays;
    out->n_arrays = numbers ? 1 : d->n_states;
    if (numbers) {
        for (int a = 0; a < d->n_states; ++a) labels[a] = d->states[a].name;
        arrays[0] = (sx_state_array){ "x", "unit", m->n, labels };
        return SX_OK;
    }
    for (int a = 0; a < d->n_states; ++a) {
        const sx_equations_state *s = &d->states[a];
        bool shared = false;
        char *dim = dims + 160 * (int64_t)a;
        for (int k = 0; k < a; ++k)
            shared = shared || (s->index && d->states[k].index && strcmp(s->index, d->states[k].index) == 0);
        if (d->n_states == 1)
            (void)snprintf(dim, 160, "unit");
        else if (m->array[a].range < 0)
            (void)snprintf(dim, 160, "%s_unit", s->name);
        else
            (void)snprintf(dim, 160, "%s%s%s", shared ? s->name : "", shared ? "_" : "", s->index);
        arrays[a] = (sx_state_array){ s->name, dim, m->array[a].n, m->array[a].range < 0 ? NULL : s->labels };
    }
    return SX_OK;
}

static sx_status create(sx_ctx *ctx, const sx_equations_desc *d, sx_equations_fault *fault, equations *e,
                        sx_model **out) {
    char *text = NULL, *equation = NULL, *latex = NULL;
    sx_model_desc desc = { .struct_size = sizeof desc };
    const sx_coupling *main = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_eq_lower(ctx, d, NULL, 0, NULL, &e->m, fault));
    SX_GO(ctx, status, done, compile_all(ctx, e, d));
    if (d->compile) SX_GO(ctx, status, done, generate(ctx, e));
    SX_GO(ctx, status, done, join(ctx, e->m.text, ";  ", &equation));
    SX_GO(ctx, status, done, join(ctx, e->m.latex, ",\\quad ", &latex));
    SX_GO(ctx, status, done, layout(ctx, d, &e->m, &desc.layout, &text));
    for (int32_t k = 0; k < e->m.g.n_matrices; ++k) {
        const sx_coupling *w = e->m.g.matrix[k].w;
        if (!main || sx_coupling_nonzeros(w) > sx_coupling_nonzeros(main)) main = w;
    }
    desc.ops = d->potential ? &sx_equations_potential_ops : &sx_equations_ops;
    desc.self = e;
    desc.kind = d->time == 1 ? SX_MAP : SX_FLOW;
    desc.block = sx_block_choose(e->m.n, main);
    desc.panel = sx_panel_choose(e->m.n);
    desc.flops = e->program[P_F].flops;
    desc.equation = equation;
    desc.latex = latex;
    SX_GO(ctx, status, done, sx_model_create(ctx, &desc, out));
done:
    sx_free(ctx, text);
    sx_free(ctx, equation);
    sx_free(ctx, latex);
    return status;
}

sx_status sx_equations_create(sx_ctx *ctx, const sx_equations_desc *desc, sx_equations_fault *fault, sx_model **out) {
    equations *e = NULL;
    SX_TRY(ctx, sx_alloc(ctx, 1, sizeof *e, &e));
    sx_status status = create(ctx, desc, fault, e, out);
    if (status < 0) destroy(ctx, e);
    return status;
}

sx_status sx_equations_print(sx_ctx *ctx, const sx_model *m, bool latex, char **out) {
    if (!sx_equations_made(m))
        return SX_FAIL(ctx, SX_E_UNSUPPORTED, "model %s was not made from texts: want one of kind equations",
                       sx_model_name(m));
    const equations *e = sx_model_self(m);
    return sx_strdup(ctx, latex ? e->m.latex : e->m.text, out);
}

#define AT(member) offsetof(sx_equations_opts, member)
const sx_field sx_equations_fields[] = {
    { .name = "time",
      .type = SX_ENUM,
      .offset = AT(time),
      .def = "\"continuous\"",
      .choices = "continuous|discrete",
      .help = "continuous: the texts are dx/dt; discrete: the next x" },
    { .name = "boundary",
      .type = SX_ENUM,
      .offset = AT(boundary),
      .def = "\"cyclic\"",
      .choices = SX_EQUATIONS_BOUNDARY_CHOICES,
      .help = "elements outside of the range, as in x[i+1] and K[i-j]: cyclic, zero, or a copy of the first or last" },
    { .name = "compile",
      .type = SX_BOOL,
      .offset = AT(compile),
      .def = "false",
      .help =
          "run the equations as C, compiled once by the C compiler of the machine and kept: the same numbers, faster" },
    SX_FIELD_END,
};
