// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* A model from a potential, a metric and a flow given as text:
 *     F = -M grad Phi + R,   M = G^-1,
 * diagonal: M_i = 1/G_i(x); radial, with r = |x| and n = x/r:
 *     G = g_r(r) n n^T + g_t(r) (1 - n n^T),   M = m_t 1 + c x x^T,   c = (m_r - m_t)/r^2,   m = 1/g,
 * where c = 0 at the origin, which has no direction n. Everything is on the graph, so that all derivatives follow from it. */
#include "models/equations_lower.h"

#include <stdio.h>

/* -- algebra ------------------------------------------------------------------------------------------------------------------- */

int32_t sx_eq_dot(sx_eq_graph *g, const int32_t *u, const int32_t *v) {
    int32_t sum = sx_eq_const(g, 0.0);
    for (int a = 0; a < g->n_arrays; ++a) {
        int32_t p = sx_eq_mul(g, u[a], v[a]);
        sum = sx_eq_add(g, sum, g->array[a].range < 0 ? p : sx_eq_total(g, p, g->array[a].range));
    }
    return sum;
}

/* 1/v; 1/(a/b) is b/a */
static int32_t inverse(sx_eq_graph *g, int32_t v) {
    if (g->status < 0) return 0;
    const sx_eq_node n = g->node[v];
    if (n.op == EQ_DIV) return sx_eq_binary(g, EQ_DIV, n.a[1], n.a[0]);
    return sx_eq_binary(g, EQ_DIV, sx_eq_const(g, 1.0), v);
}

void sx_eq_metric_times(sx_eq_model *m, bool inverse_of, const int32_t *v, int32_t *out) {
    sx_eq_graph *g = &m->g;
    const sx_eq_parts *p = &m->parts;
    int32_t zero = sx_eq_const(g, 0.0), c = zero, radial = inverse_of ? p->m_radial : p->g_radial;
    int32_t tangential = inverse_of ? p->m_tangential : p->g_tangential;
    if (p->radial) {
        int32_t x[1], *state = NULL;
        if (g->status >= 0) g->status = sx_alloc(g->ctx, g->n_arrays, sizeof *state, &state);
        if (g->status < 0) return;
        for (int a = 0; a < g->n_arrays; ++a) state[a] = sx_eq_state(g, a);
        x[0] = sx_eq_dot(g, state, v);
        c = sx_eq_select(g, EQ_GT, p->s, zero,
                         sx_eq_binary(g, EQ_DIV, sx_eq_binary(g, EQ_SUB, radial, tangential), p->s), zero);
        c = sx_eq_mul(g, c, x[0]);
        sx_free(g->ctx, state);
    }
    for (int a = 0; a < g->n_arrays; ++a) {
        if (p->radial)
            out[a] = sx_eq_add(g, sx_eq_mul(g, tangential, v[a]), sx_eq_mul(g, c, sx_eq_state(g, a)));
        else
            out[a] = sx_eq_mul(g, inverse_of ? p->M[a] : p->G[a], v[a]);
    }
}

/* -- reading ------------------------------------------------------------------------------------------------------------------- */

/* What a root reads, without looking below the node `but` (-1: none): state, time. */
static sx_status reads(sx_eq_lowering *l, int32_t root, int32_t but, bool *state, bool *time) {
    const sx_eq_graph *g = &l->m->g;
    bool *used = NULL;
    *state = *time = false;
    SX_TRY(l->ctx, sx_alloc(l->ctx, root + 1, sizeof *used, &used));
    used[root] = true;
    for (int32_t i = root; i >= 0; --i) {
        if (!used[i] || i == but || i == (but < 0 ? -1 : g->radius_square)) continue;
        *state = *state || g->node[i].op == EQ_STATE;
        *time = *time || g->node[i].op == EQ_TIME;
        for (int k = 0; k < 4 && g->node[i].a[k] >= 0; ++k) used[g->node[i].a[k]] = true;
    }
    sx_free(l->ctx, used);
    return SX_OK;
}

/* A text that stands for one number: no index is left over. */
static sx_status read_number(sx_eq_lowering *l, const char *text, sx_eq_tree *tree, int32_t *out) {
    sx_eq_value v;
    SX_TRY(l->ctx, sx_eq_parse_line(l, text, "", tree));
    SX_TRY(l->ctx, sx_eq_lower_tree(l, tree, &v));
    if (v.n > 0)
        return sx_eq_wrong(l, 0, "depends on the index %s: want a number; sum over it",
                           sx_eq_index_name(l, v.index[0]));
    *out = v.node;
    return SX_OK;
}

static sx_status read_potential(sx_eq_lowering *l) {
    sx_eq_parts *p = &l->m->parts;
    bool state, time;
    sx_eq_at(l, 8, 0, "");
    SX_TRY(l->ctx, read_number(l, l->d->potential, &p->phi_tree, &p->phi));
    SX_TRY(l->ctx, reads(l, p->phi, -1, &state, &time));
    if (!state) return sx_eq_wrong(l, 0, "does not depend on the state: its gradient is 0 everywhere");
    return SX_OK;
}

/* r = |x| as a text of its own, unless the model has an r. */
static sx_status name_radius(sx_eq_lowering *l) {
    const sx_equations_desc *d = l->d;
    sx_eq_graph *g = &l->m->g;
    sx_eq_parts *p = &l->m->parts;
    sx_eq_buffer t = { 0 };
    sx_eq_symbol *s;
    int32_t r;
    if (sx_eq_find(l, "r", 1)) return SX_OK;
    sx_eq_put(l->ctx, &t, "sqrt(", -1);
    for (int a = 0; a < d->n_states; ++a) {
        const char *name = d->states[a].name, *index = d->states[a].index;
        bool array = l->m->array[a].range >= 0;
        const char *const words[] = { a ? " + " : "", array ? "sum(" : "", array ? index : "", array ? ", " : "",
                                      name,           array ? "[" : "",    array ? index : "", array ? "]" : "",
                                      "^2",           array ? ")" : "" };
        for (size_t k = 0; k < sizeof words / sizeof *words; ++k) sx_eq_put(l->ctx, &t, words[k], -1);
    }
    sx_eq_put(l->ctx, &t, ")", 1);
    p->r_text = t.p;
    SX_TRY(l->ctx, t.status);
    SX_TRY(l->ctx, read_number(l, p->r_text, &p->r_tree, &r));
    SX_TRY(l->ctx, sx_eq_add_symbol(l, "r", 1, SYMBOL_VALUE, &s));
    s->node = r;
    g->radius = r;
    g->radius_square = g->node[r].a[0];
    return SX_OK;
}

/* Numbers must be positive; what depends on the state is what it is. */
static sx_status check_positive(sx_eq_lowering *l, int32_t root) {
    const sx_eq_graph *g = &l->m->g;
    if (g->status < 0) return g->status;
    const sx_eq_node *n = &g->node[root];
    if (n->op != EQ_CONST && n->op != EQ_VECTOR) return SX_OK;
    int64_t size = n->op == EQ_VECTOR ? g->range[n->r0] : 1;
    for (int64_t i = 0; i < size; ++i) {
        double v = sx_eq_numbers(g, root)[i];
        char element[40] = "";
        if (v > 0.0 && isfinite(v)) continue;
        if (size > 1) (void)snprintf(element, sizeof element, "element %lld ", (long long)i);
        return sx_eq_wrong(l, 0, "%sis %g: want a metric > 0", element, v);
    }
    return SX_OK;
}

static sx_status read_radial(sx_eq_lowering *l, int i, bool radial) {
    sx_eq_graph *g = &l->m->g;
    sx_eq_parts *p = &l->m->parts;
    int32_t *out = radial ? &p->g_radial : &p->g_tangential;
    bool state, time;
    sx_eq_at(l, 9, i, l->d->metric[i].left);
    if (*out >= 0) return sx_eq_wrong(l, 0, "given twice");
    SX_TRY(l->ctx, read_number(l, l->d->metric[i].text, radial ? &p->radial_tree : &p->tangential_tree, out));
    SX_TRY(l->ctx, reads(l, *out, g->radius, &state, &time));
    if (time) return sx_eq_wrong(l, 0, "depends on time: want a function of r = |x| alone");
    if (state) return sx_eq_wrong(l, 0, "depends on the state other than through r = |x|: want a function of r alone");
    return check_positive(l, *out);
}

static bool is_state(const sx_equations_desc *d, const char *name) {
    for (int a = 0; a < d->n_states; ++a) {
        if (strcmp(d->states[a].name, name) == 0) return true;
    }
    return false;
}

static sx_status read_metric(sx_eq_lowering *l) {
    const sx_equations_desc *d = l->d;
    sx_eq_graph *g = &l->m->g;
    sx_eq_parts *p = &l->m->parts;
    int found = 0;
    if (d->n_metric > 0) SX_TRY(l->ctx, name_radius(l));
    for (int i = 0; i < d->n_metric; ++i) {
        const char *left = d->metric[i].left ? d->metric[i].left : "";
        bool radial = strcmp(left, "radial") == 0;
        sx_eq_at(l, 9, i, left);
        if ((radial || strcmp(left, "tangential") == 0) && !is_state(d, left)) {
            SX_TRY(l->ctx, read_radial(l, i, radial));
            ++found;
        } else if (strchr(left, ',')) {
            return sx_eq_wrong(l, 0,
                               "an element off the diagonal: want a diagonal metric (a text per state) or a radial one "
                               "(radial and tangential, functions of r = |x|); others have no inverse and square root "
                               "in closed form");
        }
    }
    if (found > 0) {
        sx_eq_at(l, 9, 0, "");
        if (found < 2)
            return sx_eq_wrong(l, 0, "%s is missing: a radial metric wants both radial and tangential",
                               p->g_radial < 0 ? "radial" : "tangential");
        if (found < d->n_metric) return sx_eq_wrong(l, 0, "want radial and tangential, or a text per state, not both");
        p->radial = true;
        p->s = g->radius_square;
        if (p->s < 0)
            return sx_eq_wrong(l, 0, "this model has an r of its own: a radial metric wants r for the distance |x|");
        p->m_radial = inverse(g, p->g_radial);
        p->m_tangential = inverse(g, p->g_tangential);
        return g->status;
    }
    SX_TRY(l->ctx, sx_eq_read_lines(l, 9, d->n_metric, d->metric, p->metric, p->G));
    for (int a = 0; a < d->n_states; ++a) {
        bool state, time, given = p->G[a] >= 0;
        sx_eq_at(l, 9, d->n_metric > 1 ? a : 0, d->states[a].name);
        for (int i = 0; i < d->n_metric; ++i) {
            if (d->metric[i].left && strcmp(d->metric[i].left, d->states[a].name) == 0) l->item = i;
        }
        if (!given) p->G[a] = sx_eq_const(g, 1.0);
        SX_TRY(l->ctx, reads(l, p->G[a], -1, &state, &time));
        if (time) return sx_eq_wrong(l, 0, "depends on time: want a metric of the state alone");
        SX_TRY(l->ctx, check_positive(l, p->G[a]));
        p->M[a] = inverse(g, p->G[a]);
    }
    return g->status;
}

sx_status sx_eq_read_parts(sx_eq_lowering *l) {
    sx_eq_model *m = l->m;
    sx_eq_parts *p = &m->parts;
    int n = m->n_arrays;
    int32_t *force = NULL;
    sx_status status;
    p->given = true;
    p->g_radial = p->g_tangential = p->m_radial = p->m_tangential = p->s = -1;
    SX_TRY(l->ctx, sx_alloc(l->ctx, 4 * (int64_t)n, sizeof *p->gradient, &p->gradient));
    p->G = p->gradient + n;
    p->M = p->gradient + 2 * (int64_t)n;
    p->R = p->gradient + 3 * (int64_t)n;
    for (int k = 0; k < 4 * n; ++k) p->gradient[k] = -1;
    SX_TRY(l->ctx, sx_alloc(l->ctx, n, sizeof *p->metric, &p->metric));
    SX_TRY(l->ctx, sx_alloc(l->ctx, n, sizeof *p->flow, &p->flow));
    SX_TRY(l->ctx, read_potential(l));
    SX_TRY(l->ctx, sx_eq_read_lines(l, 10, l->d->n_flow, l->d->flow, p->flow, p->R));
    SX_TRY(l->ctx, read_metric(l)); /* last: it may bring the name r */
    sx_eq_at(l, 8, 0, "");
    SX_TRY(l->ctx, sx_eq_gradient(&m->g, p->phi, p->gradient));
    SX_TRY(l->ctx, sx_alloc(l->ctx, n, sizeof *force, &force));
    sx_eq_metric_times(m, true, p->gradient, force);
    for (int a = 0; a < n; ++a) {
        if (p->R[a] < 0) p->R[a] = sx_eq_const(&m->g, 0.0);
        m->F[a] = sx_eq_binary(&m->g, EQ_SUB, p->R[a], force[a]);
    }
    status = m->g.status;
    sx_free(l->ctx, force);
    return status;
}

void sx_eq_parts_clear(sx_ctx *ctx, sx_eq_model *m) {
    sx_eq_parts *p = &m->parts;
    for (int a = 0; a < m->n_arrays; ++a) {
        if (p->metric) sx_eq_tree_free(ctx, &p->metric[a]);
        if (p->flow) sx_eq_tree_free(ctx, &p->flow[a]);
    }
    sx_eq_tree_free(ctx, &p->phi_tree);
    sx_eq_tree_free(ctx, &p->r_tree);
    sx_eq_tree_free(ctx, &p->radial_tree);
    sx_eq_tree_free(ctx, &p->tangential_tree);
    sx_free(ctx, p->metric);
    sx_free(ctx, p->flow);
    sx_free(ctx, p->gradient);
    sx_free(ctx, p->r_text);
    memset(p, 0, sizeof *p);
}

/* -- the normal form ----------------------------------------------------------------------------------------------------------- */

static void line(sx_eq_lowering *l, sx_eq_buffer *out, const char *left, const sx_eq_tree *t, bool latex) {
    if (strcmp(left, "Phi") == 0 && latex)
        sx_eq_put(l->ctx, out, "\\Phi", -1);
    else
        sx_eq_print_left(l, out, left, latex);
    sx_eq_put(l->ctx, out, " = ", 3);
    if (out->status >= 0) (void)sx_eq_print(l->ctx, t, latex, out);
    sx_eq_put(l->ctx, out, "\n", 1);
}

static bool names_r(const sx_eq_tree *t) {
    for (int32_t i = 0; i < t->n; ++i) {
        const sx_eq_tree_node *n = &t->node[i];
        if (n->kind == EQ_NAME && n->length == 1 && t->text[n->at] == 'r') return true;
    }
    return false;
}

void sx_eq_print_parts(sx_eq_lowering *l, sx_eq_buffer *out, bool latex) {
    const sx_equations_desc *d = l->d;
    const sx_eq_parts *p = &l->m->parts;
    char x[200], left[220];
    bool r = p->radial;
    for (int a = 0; a < d->n_states; ++a) r = r || names_r(&p->metric[a]);
    line(l, out, "Phi", &p->phi_tree, latex);
    if (r && p->r_tree.n > 0) line(l, out, "r", &p->r_tree, latex);
    if (p->radial) {
        line(l, out, "G_r", &p->radial_tree, latex);
        line(l, out, "G_t", &p->tangential_tree, latex);
        sx_eq_put(l->ctx, out,
                  latex ? "G = \\frac{G_{r}}{r^{2}}\\, x x^{\\top} + G_{t}\\, \\left(1 - \\frac{1}{r^{2}}\\, x "
                          "x^{\\top}\\right)\n"
                        : "G = G_r*n n^T + G_t*(1 - n n^T), n = x/r\n",
                  -1);
    }
    for (int part = 0; part < 2; ++part) {
        const sx_eq_tree *trees = part ? p->flow : p->metric;
        for (int a = 0; a < d->n_states; ++a) {
            bool array = l->m->array[a].range >= 0;
            if (trees[a].n == 0) continue;
            (void)snprintf(left, sizeof left, "%s_%.64s%s%.64s%s", part ? "R" : "G", d->states[a].name,
                           array ? "[" : "", array ? d->states[a].index : "", array ? "]" : "");
            line(l, out, left, &trees[a], latex);
        }
    }
    for (int a = 0; a < d->n_states; ++a) {
        bool array = l->m->array[a].range >= 0, G = p->metric[a].n > 0 || p->radial;
        (void)snprintf(x, sizeof x, "%.64s%s%.64s%s", d->states[a].name, array ? "[" : "",
                       array ? d->states[a].index : "", array ? "]" : "");
        if (latex) sx_eq_put(l->ctx, out, "\\frac{d}{dt} ", -1);
        sx_eq_print_left(l, out, x, latex);
        if (p->radial) {
            sx_eq_put(l->ctx, out, latex ? " = -\\left(G^{-1} \\nabla \\Phi\\right)_{" : "' = -(G^-1 grad Phi)_", -1);
            sx_eq_print_left(l, out, x, latex);
            sx_eq_put(l->ctx, out, latex ? "}" : "", -1);
        } else {
            sx_eq_put(l->ctx, out, latex ? " = -" : "' = -", -1);
            if (latex && G) {
                (void)snprintf(left, sizeof left, "G_%s", x);
                sx_eq_put(l->ctx, out, "\\frac{1}{", -1);
                sx_eq_print_left(l, out, left, true);
                sx_eq_put(l->ctx, out, "}\\, ", -1);
            }
            sx_eq_put(l->ctx, out, latex ? "\\frac{\\partial \\Phi}{\\partial " : "dPhi/d", -1);
            sx_eq_print_left(l, out, x, latex);
            if (latex) sx_eq_put(l->ctx, out, "}", 1);
            if (!latex && G) {
                (void)snprintf(left, sizeof left, "/G_%s", x);
                sx_eq_put(l->ctx, out, left, -1);
            }
        }
        if (p->flow[a].n > 0) {
            (void)snprintf(left, sizeof left, "R_%s", x);
            sx_eq_put(l->ctx, out, " + ", 3);
            sx_eq_print_left(l, out, left, latex);
        }
        sx_eq_put(l->ctx, out, "\n", 1);
    }
}
