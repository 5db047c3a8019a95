// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* A description read line by line: indices, states, parameters, definitions, equations; and the texts in normal form. */
#include "models/equations_lower.h"

#include <stdio.h>

/* -- tables -------------------------------------------------------------------------------------------------------------------- */

static sx_status read_indices(sx_eq_lowering *l) {
    const sx_equations_desc *d = l->d;
    int n_ranges = 0;
    for (int i = 0; i < d->n_indices; ++i) {
        const sx_equations_index *x = &d->indices[i];
        sx_eq_symbol *s;
        sx_eq_at(l, 1, i, x->name ? x->name : "");
        SX_TRY(l->ctx,
               sx_eq_add_symbol(l, x->name ? x->name : "", x->name ? (int64_t)strlen(x->name) : 0, SYMBOL_INDEX, &s));
        s->matrix = i;
        if (x->same) {
            int same = -1;
            for (int k = 0; k < i; ++k) {
                if (strcmp(d->indices[k].name, x->same) == 0) same = k;
            }
            if (same < 0) return sx_eq_wrong(l, 0, "there is no index '%s' above it to run over", x->same);
            l->index_range[i] = l->index_range[same];
            continue;
        }
        if (x->n < 1 || x->n > INT32_MAX)
            return sx_eq_wrong(l, 0, "%lld elements: want 1 to 2^31 - 1", (long long)x->n);
        l->index_range[i] = n_ranges;
        l->m->range[n_ranges++] = x->n;
    }
    return SX_OK;
}

static sx_status read_states(sx_eq_lowering *l) {
    const sx_equations_desc *d = l->d;
    int64_t first = 0;
    sx_eq_at(l, 2, 0, "");
    if (d->n_states < 1) return sx_eq_wrong(l, 0, "there is no state: want at least one name");
    for (int a = 0; a < d->n_states; ++a) {
        const sx_equations_state *x = &d->states[a];
        int index = -1;
        sx_eq_at(l, 2, a, x->name ? x->name : "");
        if (x->index && *x->index) SX_TRY(l->ctx, sx_eq_find_index(l, x->index, (int64_t)strlen(x->index), 0, &index));
        l->m->array[a] =
            (sx_eq_array){ index < 0 ? -1 : l->index_range[index], index < 0 ? 1 : sx_eq_index_size(l, index), first };
        first += l->m->array[a].n;
    }
    l->m->n = first;
    return SX_OK;
}

/* The graph exists now: nodes of indices, states, t and pi. */
static sx_status name_states(sx_eq_lowering *l) {
    const sx_equations_desc *d = l->d;
    sx_eq_graph *g = &l->m->g;
    sx_eq_symbol *s;
    sx_eq_at(l, 2, 0, "");
    SX_TRY(l->ctx, sx_eq_add_symbol(l, "t", 1, SYMBOL_TIME, &s));
    s->node = sx_eq_time(g);
    SX_TRY(l->ctx, sx_eq_add_symbol(l, "pi", 2, SYMBOL_PI, &s));
    s->node = sx_eq_const(g, 0x1.921fb54442d18p+1);
    for (int i = 0; i < d->n_indices && g->status >= 0; ++i) {
        double *v = NULL;
        int64_t n = sx_eq_index_size(l, i);
        SX_TRY(l->ctx, sx_alloc(l->ctx, n, sizeof *v, &v));
        for (int64_t k = 0; k < n; ++k) v[k] = (double)k;
        sx_eq_find(l, d->indices[i].name, (int64_t)strlen(d->indices[i].name))->node =
            sx_eq_vector_new(g, l->index_range[i], v);
    }
    for (int a = 0; a < d->n_states; ++a) {
        const char *index = d->states[a].index;
        const char *name = d->states[a].name ? d->states[a].name : "";
        sx_eq_at(l, 2, a, name);
        SX_TRY(l->ctx, sx_eq_add_symbol(l, name, (int64_t)strlen(name), SYMBOL_VALUE, &s));
        s->n_indices = l->m->array[a].range >= 0;
        s->range[0] = l->m->array[a].range;
        if (s->n_indices) SX_TRY(l->ctx, sx_eq_find_index(l, index, (int64_t)strlen(index), 0, &s->shown[0]));
        s->node = sx_eq_state(g, a);
    }
    return g->status;
}

static sx_status read_matrix(sx_eq_lowering *l, const sx_equations_parameter *x, sx_eq_symbol *s) {
    int64_t n0 = l->m->range[s->range[0]], n1 = l->m->range[s->range[1]];
    sx_coupling *own = NULL;
    const sx_coupling *w = x->coupling;
    double *all = NULL;
    s->kind = SYMBOL_MATRIX;
    if (w) {
        if (sx_coupling_rows(w) != n0 || sx_coupling_columns(w) != n1)
            return sx_eq_wrong(l, 0, "%lld x %lld numbers: want %lld x %lld", (long long)sx_coupling_rows(w),
                               (long long)sx_coupling_columns(w), (long long)n0, (long long)n1);
    } else {
        int64_t size = 0;
        SX_TRY(l->ctx, sx_mul_size(l->ctx, n0, n1, &size));
        if (x->values.n != size && x->values.n != 1)
            return sx_eq_wrong(l, 0, "%lld numbers: want 1 or %lld x %lld", (long long)x->values.n, (long long)n0,
                               (long long)n1);
        SX_TRY(l->ctx, sx_alloc(l->ctx, size, sizeof *all, &all));
        for (int64_t i = 0; i < size; ++i) all[i] = x->values.data[x->values.n == 1 ? 0 : i];
        for (int64_t i = 0; i < size; ++i) {
            if (isfinite(all[i])) continue;
            double bad = all[i];
            sx_free(l->ctx, all);
            return sx_eq_wrong(l, 0, "[%lld,%lld] is %g: want finite numbers", (long long)(i / n1), (long long)(i % n1),
                               bad);
        }
        sx_status status = sx_coupling_dense(l->ctx, n0, n1, all, &own);
        sx_free(l->ctx, all);
        SX_TRY(l->ctx, status);
        w = own;
    }
    s->matrix = sx_eq_matrix_new(&l->m->g, w, s->range[0], s->range[1]);
    sx_coupling_free(l->ctx, own);
    return l->m->g.status;
}

static sx_status read_parameter(sx_eq_lowering *l, const sx_equations_parameter *x) {
    sx_eq_graph *g = &l->m->g;
    sx_eq_symbol *s;
    int n = 0;
    const char *p = x->shape ? x->shape : "";
    SX_TRY(l->ctx,
           sx_eq_add_symbol(l, x->name ? x->name : "", x->name ? (int64_t)strlen(x->name) : 0, SYMBOL_VALUE, &s));
    while (*p) {
        size_t length = strcspn(p, ",");
        size_t blank = strspn(p, " ");
        size_t end = length;
        while (end > blank && p[end - 1] == ' ') --end;
        if (n == 2) return sx_eq_wrong(l, 0, "shape \"%s\": want at most two indices", x->shape);
        SX_TRY(l->ctx, sx_eq_find_index(l, p + blank, blank < end ? (int64_t)(end - blank) : 0, 0, &s->shown[n]));
        s->range[n] = l->index_range[s->shown[n]];
        ++n;
        p += length;
        if (*p == ',') ++p;
    }
    s->n_indices = n;
    if (n == 2) return read_matrix(l, x, s);
    if (x->coupling) return sx_eq_wrong(l, 0, "a coupling has two indices: want shape = \"i,j\"");
    int64_t size = n ? l->m->range[s->range[0]] : 1;
    if (x->values.n != 1 && x->values.n != size)
        return sx_eq_wrong(l, 0,
                           n ? "%lld numbers: want 1 or %lld" : "%lld numbers: want %lld, or a shape such as \"i\"",
                           (long long)x->values.n, (long long)size);
    for (int64_t i = 0; i < x->values.n; ++i) {
        if (!isfinite(x->values.data[i]))
            return sx_eq_wrong(l, 0, "number %lld is %g: want finite numbers", (long long)i, x->values.data[i]);
    }
    if (n == 0 || x->values.n == 1) {
        s->node = sx_eq_const(g, x->values.data[0]);
        return g->status;
    }
    double *v = NULL;
    SX_TRY(l->ctx, sx_alloc(l->ctx, size, sizeof *v, &v));
    memcpy(v, x->values.data, (size_t)size * sizeof *v);
    s->node = sx_eq_vector_new(g, s->range[0], v);
    return g->status;
}

static sx_status read_definition(sx_eq_lowering *l, const sx_equations_text *x, sx_eq_tree *tree) {
    sx_eq_tree left = { 0 };
    int n, index[2] = { 0, 0 };
    sx_eq_value v;
    sx_status status;
    const sx_eq_tree_node *name = NULL;
    SX_GO(l->ctx, status, done, sx_eq_left_side(l, x->left, &left, &n, index));
    name = &left.node[0];
    SX_GO(l->ctx, status, done, sx_eq_parse_line(l, x->text, "", tree));
    SX_GO(l->ctx, status, done, sx_eq_lower_tree(l, tree, &v));
    SX_GO(l->ctx, status, done, sx_eq_check_free(l, v, n, index));
    sx_eq_symbol *s;
    SX_GO(l->ctx, status, done, sx_eq_add_symbol(l, x->left + name->at, name->length, SYMBOL_VALUE, &s));
    s->n_indices = n;
    for (int k = 0; k < n; ++k) {
        s->shown[k] = index[k];
        s->range[k] = l->index_range[index[k]];
    }
    s->node = v.node;
    if (n == 2) {
        bool swap = index[0] > index[1];
        const int sorted[2] = { index[swap], index[!swap] };
        s->node = sx_eq_as_pair(l, v, sorted);
        if (swap) s->node = sx_eq_transpose(&l->m->g, s->node);
    }
    status = l->m->g.status;
done:
    sx_eq_tree_free(l->ctx, &left);
    return status;
}

/* Names of definitions further down, for the message. */
static sx_status announce(sx_eq_lowering *l) {
    for (int i = 0; i < l->d->n_definitions; ++i) {
        const char *left = l->d->definitions[i].left;
        size_t length = left ? strcspn(left, "[ ") : 0;
        if (length == 0 || sx_eq_find(l, left, (int64_t)length)) continue;
        l->symbols[l->n_symbols++] = (sx_eq_symbol){ .name = left, .length = (int64_t)length, .kind = SYMBOL_LATER };
    }
    return SX_OK;
}

/* The state that a line is for; its left side has the index of the state or none. */
static sx_status line_state(sx_eq_lowering *l, const char *left_text, int *out) {
    const sx_equations_desc *d = l->d;
    sx_eq_tree left = { 0 };
    int count = 0, index[2] = { 0, 0 }, a = 0;
    sx_status status;
    SX_GO(l->ctx, status, done, sx_eq_left_side(l, left_text, &left, &count, index));
    for (a = 0; a < d->n_states; ++a) {
        if (strlen(d->states[a].name) == (size_t)left.node[0].length &&
            memcmp(d->states[a].name, left_text + left.node[0].at, (size_t)left.node[0].length) == 0)
            break;
    }
    if (a == d->n_states) {
        char list[256];
        size_t used = 0;
        for (int k = 0; k < d->n_states && used < sizeof list - 70; ++k)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%.60s", k ? ", " : "", d->states[k].name);
        status = sx_eq_wrong(l, 0, "there is no state '%.*s'; the states are %s", (int)left.node[0].length,
                             left_text + left.node[0].at, list);
        goto done;
    }
    bool array = l->m->array[a].range >= 0;
    const sx_eq_symbol *s = sx_eq_find(l, d->states[a].name, (int64_t)strlen(d->states[a].name));
    if (count > array || (count == 1 && index[0] != s->shown[0])) {
        status = sx_eq_wrong(l, 0, "want %s%s%s%s on the left", d->states[a].name, array ? "[" : "",
                             array ? sx_eq_index_name(l, s->shown[0]) : "", array ? "]" : "");
        goto done;
    }
    *out = a;
done:
    sx_eq_tree_free(l->ctx, &left);
    return status;
}

static sx_status read_line(sx_eq_lowering *l, const char *text, int a, sx_eq_tree *trees, int32_t *roots) {
    const char *name = l->d->states[a].name;
    bool array = l->m->array[a].range >= 0;
    int own[1] = { array ? sx_eq_find(l, name, (int64_t)strlen(name))->shown[0] : 0 };
    sx_eq_value v;
    if (roots[a] >= 0) return sx_eq_wrong(l, 0, "a second line for the state %s", name);
    SX_TRY(l->ctx, sx_eq_parse_line(l, text, "", &trees[a]));
    SX_TRY(l->ctx, sx_eq_lower_tree(l, &trees[a], &v));
    SX_TRY(l->ctx, sx_eq_check_free(l, v, array, own));
    roots[a] = v.node;
    return SX_OK;
}

sx_status sx_eq_read_lines(sx_eq_lowering *l, int section, int n, const sx_equations_text *lines, sx_eq_tree *trees,
                           int32_t *roots) {
    for (int i = 0; i < n; ++i) {
        int a = 0;
        const char *left = lines[i].left ? lines[i].left : "";
        if (*left || section < 8) {
            sx_eq_at(l, section, i, left);
            SX_TRY(l->ctx, line_state(l, lines[i].left, &a));
            SX_TRY(l->ctx, read_line(l, lines[i].text, a, trees, roots));
            continue;
        }
        for (a = 0; a < l->d->n_states; ++a) { /* of all states */
            sx_eq_at(l, section, i, l->d->states[a].name);
            SX_TRY(l->ctx, read_line(l, lines[i].text, a, trees, roots));
        }
    }
    return l->m->g.status;
}

/* Equations (or noise): all states have one. */
static sx_status read_equations(sx_eq_lowering *l, int section, int n, const sx_equations_text *lines,
                                sx_eq_tree *trees) {
    SX_TRY(l->ctx, sx_eq_read_lines(l, section, n, lines, trees, l->m->F));
    for (int a = 0; a < l->d->n_states; ++a) {
        sx_eq_at(l, section == 6 ? 6 : 7, a, "");
        if (l->m->F[a] < 0) return sx_eq_wrong(l, 0, "there is no line for the state %s", l->d->states[a].name);
    }
    return SX_OK;
}

/* -- the normal form ----------------------------------------------------------------------------------------------------------- */

void sx_eq_print_left(sx_eq_lowering *l, sx_eq_buffer *out, const char *left, bool latex) {
    sx_eq_tree t = { 0 };
    sx_eq_error error;
    sx_status status = sx_eq_parse(l->ctx, left, &t, &error);
    if (status == SX_E_MEMORY && out->status >= 0) out->status = status;
    if (status < 0) return;
    if (out->status >= 0) (void)sx_eq_print(l->ctx, &t, latex, out);
    sx_eq_tree_free(l->ctx, &t);
}

static sx_status print_all(sx_eq_lowering *l, bool latex, char **out) {
    const sx_equations_desc *d = l->d;
    sx_eq_buffer t = { 0 };
    char left[160];
    for (int i = 0; i < d->n_definitions && t.status >= 0; ++i) {
        sx_eq_print_left(l, &t, d->definitions[i].left, latex);
        sx_eq_put(l->ctx, &t, " = ", 3);
        (void)sx_eq_print(l->ctx, &l->m->let[i], latex, &t);
        sx_eq_put(l->ctx, &t, "\n", 1);
    }
    if (l->m->parts.given) sx_eq_print_parts(l, &t, latex);
    for (int a = 0; a < d->n_states && !l->m->parts.given && t.status >= 0; ++a) {
        bool array = l->m->array[a].range >= 0;
        (void)snprintf(left, sizeof left, "%s%s%s%s", d->states[a].name, array ? "[" : "",
                       array ? d->states[a].index : "", array ? "]" : "");
        if (latex && d->time == 0) sx_eq_put(l->ctx, &t, "\\frac{d}{dt} ", -1);
        sx_eq_print_left(l, &t, left, latex);
        sx_eq_put(l->ctx, &t, d->time == 1 ? (latex ? " \\leftarrow " : " <- ") : latex ? " = " : "' = ", -1);
        (void)sx_eq_print(l->ctx, &l->m->eq[a], latex, &t);
        sx_eq_put(l->ctx, &t, "\n", 1);
    }
    if (t.status < 0) {
        sx_free(l->ctx, t.p);
        return t.status;
    }
    *out = t.p;
    return SX_OK;
}

/* -- all of it ----------------------------------------------------------------------------------------------------------------- */

static sx_status check_desc(sx_eq_lowering *l) {
    const sx_equations_desc *d = l->d;
    sx_eq_at(l, 0, 0, NULL);
    if (!d || d->struct_size != sizeof *d)
        return SX_FAIL(l->ctx, SX_E_USAGE, "equations: want a description initialised with SX_EQUATIONS_DESC");
    if (d->time < 0 || d->time > 1)
        return SX_FAIL(l->ctx, SX_E_USAGE, "time = %d: want 0 (continuous) or 1 (discrete)", d->time);
    if (d->boundary < 0 || d->boundary > 2)
        return SX_FAIL(l->ctx, SX_E_USAGE, "boundary = %d: want 0 (cyclic), 1 (zero) or 2 (copy)", d->boundary);
    if (d->n_indices > INDICES_MAX || d->n_states > LINES_MAX || d->n_parameters > LINES_MAX ||
        d->n_definitions > LINES_MAX)
        return SX_FAIL(l->ctx, SX_E_USAGE,
                       "at most %d indices, and %d states, parameters and definitions fit in one model", INDICES_MAX,
                       LINES_MAX);
    if (!d->potential && (d->n_metric > 0 || d->n_flow > 0)) {
        sx_eq_at(l, d->n_metric > 0 ? 9 : 10, 0, "");
        return sx_eq_wrong(l, 0, "has a meaning only beside a potential: F = -G^-1 grad Phi + R");
    }
    if (d->potential && d->n_equations > 0) {
        sx_eq_at(l, 8, 0, "");
        return sx_eq_wrong(l, 0, "want a potential (with metric and flow) or equations, not both");
    }
    if (d->potential && d->time == 1) {
        sx_eq_at(l, 8, 0, "");
        return sx_eq_wrong(l, 0, "F = -G^-1 grad Phi + R is a flow: want time = \"continuous\"");
    }
    return SX_OK;
}

static sx_status lower_all(sx_eq_lowering *l, int n_texts, const sx_equations_text *texts) {
    const sx_equations_desc *d = l->d;
    sx_eq_model *m = l->m;
    sx_ctx *ctx = l->ctx;
    SX_TRY(ctx, check_desc(l));
    SX_TRY(ctx, sx_alloc(ctx, 3 + (int64_t)d->n_indices + d->n_states + d->n_parameters + 2 * (int64_t)d->n_definitions,
                         sizeof *l->symbols, &l->symbols));
    SX_TRY(ctx, sx_alloc(ctx, d->n_indices + 1, sizeof *m->range, &m->range));
    SX_TRY(ctx, sx_alloc(ctx, d->n_states, sizeof *m->array, &m->array));
    SX_TRY(ctx, sx_alloc(ctx, d->n_states, sizeof *m->F, &m->F));
    SX_TRY(ctx, sx_alloc(ctx, d->n_definitions, sizeof *m->let, &m->let));
    SX_TRY(ctx, sx_alloc(ctx, d->n_states, sizeof *m->eq, &m->eq));
    m->n_arrays = d->n_states;
    m->n_let = d->n_definitions;
    for (int a = 0; a < d->n_states; ++a) m->F[a] = -1;
    SX_TRY(ctx, read_indices(l));
    SX_TRY(ctx, read_states(l));
    SX_TRY(ctx, sx_eq_graph_init(ctx, d->boundary, d->n_indices, m->range, d->n_states, m->array, &m->g));
    SX_TRY(ctx, name_states(l));
    for (int i = 0; i < d->n_parameters; ++i) {
        sx_eq_at(l, 3, i, d->parameters[i].name ? d->parameters[i].name : "");
        SX_TRY(ctx, read_parameter(l, &d->parameters[i]));
    }
    SX_TRY(ctx, announce(l));
    for (int i = 0; i < d->n_definitions; ++i) {
        sx_eq_at(l, 4, i, d->definitions[i].left ? d->definitions[i].left : "");
        SX_TRY(ctx, read_definition(l, &d->definitions[i], &m->let[i]));
    }
    if (n_texts) return read_equations(l, 6, n_texts, texts, m->eq);
    if (d->potential)
        SX_TRY(ctx, sx_eq_read_parts(l));
    else
        SX_TRY(ctx, read_equations(l, 5, d->n_equations, d->equations, m->eq));
    SX_TRY(ctx, print_all(l, false, &m->text));
    return print_all(l, true, &m->latex);
}

sx_status sx_eq_lower(sx_ctx *ctx, const sx_equations_desc *d, const char *what, int n, const sx_equations_text *texts,
                      sx_eq_model *m, sx_equations_fault *fault) {
    sx_equations_fault unused;
    sx_eq_lowering l = { .ctx = ctx, .d = d, .m = m, .fault = fault ? fault : &unused, .what = what };
    *l.fault = (sx_equations_fault){ 0, 0, 0 };
    memset(m, 0, sizeof *m);
    sx_status status = lower_all(&l, n, texts);
    if (status == SX_E_USAGE && l.fault->section == 0 && l.section > 0) { /* from the graph: say which line */
        *l.fault = (sx_equations_fault){ l.section, l.item, 0 };
        (void)sx_fail_prefix(ctx, "%s.%.80s", sx_eq_section_name(&l), l.left ? l.left : "");
    }
    sx_free(ctx, l.symbols);
    if (status < 0) sx_eq_model_clear(ctx, m);
    return status;
}

void sx_eq_model_clear(sx_ctx *ctx, sx_eq_model *m) {
    for (int i = 0; m->eq && i < m->n_arrays; ++i) sx_eq_tree_free(ctx, &m->eq[i]);
    for (int i = 0; m->let && i < m->n_let; ++i) sx_eq_tree_free(ctx, &m->let[i]);
    sx_eq_parts_clear(ctx, m);
    if (m->g.ctx) m->g.ctx = ctx; /* any context of the family may free */
    sx_eq_graph_free(&m->g);
    sx_free(ctx, m->range);
    sx_free(ctx, m->array);
    sx_free(ctx, m->F);
    sx_free(ctx, m->let);
    sx_free(ctx, m->eq);
    sx_free(ctx, m->text);
    sx_free(ctx, m->latex);
    memset(m, 0, sizeof *m);
}
