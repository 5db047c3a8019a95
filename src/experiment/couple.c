// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Couplings: files and ensembles become matrices W[i][j] from j to i in one common order of units. */
#include "experiment/couple.h"

#include "core/mutant.h"
#include "experiment/values.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a file or an inline matrix gives before ordering: dense, or entries. */
typedef struct raw {
    int64_t n;
    const double *dense; /* n x n as in the file */
    int64_t nnz;
    const int64_t *row, *column;
    const double *value;
    bool transpose;            /* rows of the file are sources */
    const int64_t *column_of;  /* dense: place in the file of the column of row unit j; NULL = j */
    const char *const *labels; /* n, or NULL */
} raw;

static const int64_t *inverse(int64_t n, const int64_t *order, int64_t *out) {
    for (int64_t k = 0; k < n; k++) out[order[k]] = k;
    return out;
}

typedef struct entry {
    int64_t row, column;
    double value;
} entry;

static int compare_entries(const void *a, const void *b) {
    const entry *x = a, *y = b;
    if (x->row != y->row) return x->row < y->row ? -1 : 1;
    return (x->column > y->column) - (x->column < y->column);
}

/* CSR from sorted entries. */
static sx_status make_csr(sx_ctx *ctx, int64_t n, int64_t nnz, const entry *e, sx_coupling **out) {
    sx_status status = SX_OK;
    int64_t *start = NULL;
    int32_t *column = NULL;
    double *value = NULL;
    if (n > INT32_MAX) return SX_FAIL(ctx, SX_E_USAGE, "a coupling of %lld units; at most 2^31 - 1 fit", (long long)n);
    SX_GO(ctx, status, done, sx_alloc(ctx, n + 1, sizeof *start, &start));
    SX_GO(ctx, status, done, sx_alloc(ctx, nnz, sizeof *column, &column));
    SX_GO(ctx, status, done, sx_alloc(ctx, nnz, sizeof *value, &value));
    for (int64_t k = 0; k < nnz; k++) {
        start[e[k].row + 1]++;
        column[k] = (int32_t)e[k].column;
        value[k] = e[k].value;
    }
    for (int64_t i = 0; i < n; i++) start[i + 1] += start[i];
    SX_GO(ctx, status, done, sx_coupling_csr(ctx, n, n, start, column, value, out));
done:
    sx_free(ctx, start);
    sx_free(ctx, column);
    sx_free(ctx, value);
    return status;
}

/* Below this share of nonzeros a matrix of many units is kept sparse; a function of the weights only, so results do not depend on
 * the machine. */
#define SPARSE_SHARE 0.1
#define SPARSE_UNITS 64

static sx_status from_dense(sx_ctx *ctx, const raw *a, const int64_t *order, sx_coupling **out) {
    sx_status status = SX_OK;
    int64_t n = a->n, size = 0, nnz = 0;
    double *w = NULL;
    entry *e = NULL;
    SX_GO(ctx, status, done, sx_mul_size(ctx, n, n, &size));
    SX_GO(ctx, status, done, sx_alloc(ctx, size, sizeof *w, &w));
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            int64_t p = order ? order[i] : i, q = order ? order[j] : j;
            if (a->transpose != SX_MUTANT(W_transposed)) {
                int64_t swap = p;
                p = q;
                q = swap;
            }
            w[i * n + j] = a->dense[p * n + (a->column_of ? a->column_of[q] : q)];
            nnz += w[i * n + j] != 0;
        }
    if (n < SPARSE_UNITS || (double)nnz >= SPARSE_SHARE * (double)size) {
        SX_GO(ctx, status, done, sx_coupling_dense(ctx, n, n, w, out));
        goto done;
    }
    SX_GO(ctx, status, done, sx_alloc(ctx, nnz, sizeof *e, &e));
    nnz = 0;
    for (int64_t k = 0; k < size; k++)
        if (w[k] != 0) e[nnz++] = (entry){ k / n, k % n, w[k] };
    SX_GO(ctx, status, done, make_csr(ctx, n, nnz, e, out));
done:
    sx_free(ctx, e);
    sx_free(ctx, w);
    return status;
}

static sx_status from_entries(sx_ctx *ctx, const raw *a, const int64_t *order, sx_coupling **out) {
    sx_status status = SX_OK;
    int64_t *place = NULL;
    entry *e = NULL;
    SX_GO(ctx, status, done, sx_alloc(ctx, a->n, sizeof *place, &place));
    SX_GO(ctx, status, done, sx_alloc(ctx, a->nnz, sizeof *e, &e));
    for (int64_t i = 0; i < a->n; i++) place[i] = i;
    if (order) inverse(a->n, order, place);
    for (int64_t k = 0; k < a->nnz; k++) {
        int64_t i = place[a->row[k]], j = place[a->column[k]];
        e[k] = a->transpose ? (entry){ j, i, a->value[k] } : (entry){ i, j, a->value[k] };
    }
    if (a->nnz > 1) qsort(e, (size_t)a->nnz, sizeof *e, compare_entries);
    SX_GO(ctx, status, done, make_csr(ctx, a->n, a->nnz, e, out));
done:
    sx_free(ctx, place);
    sx_free(ctx, e);
    return status;
}

/* ------------------------------------------------------------------------------------------------------------------ files */

/* Labels into the arena: the array they came from is freed. */
static sx_status keep_labels(const sx_reader *r, int64_t n, char *const *labels, const char *const **out) {
    const char **text = NULL;
    SX_TRY(r->ctx, sx_arena_alloc(r->ctx, r->arena, n, sizeof *text, &text));
    for (int64_t i = 0; i < n; i++) SX_TRY(r->ctx, sx_arena_strdup(r->ctx, r->arena, labels[i], &text[i]));
    *out = text;
    return SX_OK;
}

/* A list of edges names only units that have one; `labels` then gives the whole set, in order. */
static sx_status complete_edges(const sx_reader *r, const sx_coupling_spec *c, const char *what, sx_strings labels,
                                sx_array *a, raw *out) {
    int64_t *order = NULL;
    SX_TRY(r->ctx, sx_arena_alloc(r->ctx, r->arena, labels.n, sizeof *order, &order));
    SX_TRY(r->ctx, sx_labels_join(r, c->node, what, "the list `labels`", labels.n, labels.text, a->shape[0],
                                  (const char *const *)a->row_labels, true, order));
    int64_t *place = NULL;
    SX_TRY(r->ctx, sx_arena_alloc(r->ctx, r->arena, a->shape[0], sizeof *place, &place));
    for (int64_t k = 0; k < labels.n; k++)
        if (order[k] >= 0) place[order[k]] = k;
    for (int64_t k = 0; k < a->nnz; k++) {
        a->row[k] = place[a->row[k]];
        a->column[k] = place[a->column[k]];
    }
    out->n = labels.n;
    out->labels = labels.text;
    return SX_OK;
}

static int compare_numbers(const void *a, const void *b) {
    long long x = strtoll(*(const char *const *)a, NULL, 10), y = strtoll(*(const char *const *)b, NULL, 10);
    return (x > y) - (x < y);
}

/* Labels of edges come in the order of their first appearance; where all are plain integers, the order is numeric. */
static sx_status edge_labels(const sx_reader *r, const sx_array *a, sx_strings *out) {
    const char *const *text = NULL;
    int64_t n = a->shape[0];
    bool integers = true;
    SX_TRY(r->ctx, keep_labels(r, n, a->row_labels, &text));
    for (int64_t i = 0; i < n && integers; i++) {
        size_t length = strlen(text[i]);
        integers = length > 0 && length < 19 && strspn(text[i], "0123456789") == length;
    }
    if (integers && n > 1) qsort((void *)text, (size_t)n, sizeof *text, compare_numbers);
    *out = (sx_strings){ n, text };
    return SX_OK;
}

static sx_status describe_file(const sx_reader *r, const sx_coupling_spec *c, const char *what, sx_array *a, raw *out) {
    bool edges = c->layout == 1;
    if (a->ndim != 2 || a->shape[0] != a->shape[1])
        return sx_node_fail(r, c->node, SX_E_FILE, "%s: %s is %lld x %lld%s; want as many rows as columns%s", what,
                            c->file, (long long)a->shape[0], (long long)(a->ndim > 1 ? a->shape[1] : 1),
                            a->ndim > 2 ? " x ..." : "",
                            !c->first_column && a->ndim == 2 && a->shape[1] == a->shape[0] + 1
                                ? "; is the first column a column of labels? "
                                  "then write labels = \"first-column\""
                                : "");
    *out = (raw){
        .n = a->shape[0], .dense = a->data, .nnz = a->nnz, .row = a->row, .column = a->column, .value = a->value
    };
    out->transpose = !edges && c->rows == 1;
    if (edges) {
        sx_strings labels = c->labels;
        if (!labels.n) SX_TRY(r->ctx, edge_labels(r, a, &labels));
        return complete_edges(r, c, what, labels, a, out);
    }
    if (c->labels.n) {
        if (c->labels.n != out->n)
            return sx_node_fail(r, c->node, SX_E_FILE, "%s: %lld labels, but %s has %lld units", what,
                                (long long)c->labels.n, c->file, (long long)out->n);
        out->labels = c->labels.text;
    } else if (a->row_labels) {
        SX_TRY(r->ctx, keep_labels(r, out->n, a->row_labels, &out->labels));
    } else if (a->column_labels) {
        SX_TRY(r->ctx, keep_labels(r, out->n, a->column_labels, &out->labels));
    }
    if (a->row_labels && a->column_labels && a->data) { /* columns follow the header, not the order of the rows */
        int64_t *order = NULL;
        SX_TRY(r->ctx, sx_arena_alloc(r->ctx, r->arena, out->n, sizeof *order, &order));
        char header[256];
        snprintf(header, sizeof header, "%s: header of %.150s", what, c->file);
        SX_TRY(r->ctx,
               sx_labels_join(r, c->node, header, "its first column", out->n, (const char *const *)a->row_labels,
                              out->n, (const char *const *)a->column_labels, false, order));
        out->column_of = order;
    }
    return SX_OK;
}

/* ------------------------------------------------------------------------------------------------------------- all of them */

/* Place of the model's units in this coupling; NULL when the orders agree or there is nothing to join by. */
static sx_status place_units(const sx_reader *r, const sx_coupling_spec *c, const char *what, const char *first,
                             int64_t n, const char *const *labels, const int64_t **order) {
    sx_binding *b = r->bind;
    char wanter[160];
    int64_t *o = NULL;
    *order = NULL;
    snprintf(wanter, sizeof wanter, "'%.100s'", first ? first : "the model");
    if (b->n >= 0 && labels && b->labels) {
        SX_TRY(r->ctx, sx_arena_alloc(r->ctx, r->arena, b->n, sizeof *o, &o));
        SX_TRY(r->ctx, sx_labels_join(r, c->node, what, wanter, b->n, b->labels, n, labels, false, o));
        *order = o;
        return SX_OK;
    }
    if (b->n >= 0 && b->n != n)
        return sx_node_fail(r, c->node, c->file ? SX_E_FILE : SX_E_USAGE, "%s: %lld units, but %s has %lld", what,
                            (long long)n, wanter, (long long)b->n);
    b->n = n;
    if (labels) b->labels = labels;
    return SX_OK;
}

static sx_status realise(const sx_reader *r, const sx_experiment *e, const sx_coupling_spec *c, const char *what,
                         const char *first, sx_coupling **out, int64_t *n, const char *const **labels) {
    sx_ctx *ctx = r->ctx;
    sx_status status = SX_OK;
    sx_array a = { 0 };
    raw m = { 0 };
    const int64_t *order = NULL;
    if (c->has_ensemble) {
        sx_key key = sx_key_derive(sx_key_derive(sx_key_seed(e->seeds[SX_SEED_COUPLING]), "coupling", 0), c->name, 0);
        SX_TRY(ctx, place_units(r, c, what, first, c->ensemble.n, NULL, &order));
        status = sx_coupling_realise(ctx, &c->ensemble, key, out);
        *n = c->ensemble.n;
        return status < 0 ? sx_node_prefix(r, c->node, status) : SX_OK;
    }
    if (c->matrix_rows) {
        m = (raw){ .n = c->matrix_rows, .dense = c->matrix.data, .transpose = c->has_rows && c->rows == 1 };
        if (c->labels.n) m.labels = c->labels.text;
    } else {
        sx_read_opts ro = { .name = c->entry,
                            .layout = c->layout == 1 ? SX_CSV_EDGES : SX_CSV_MATRIX,
                            .header = c->has_header ? c->header : -1,
                            .first_column_labels = c->first_column,
                            .missing_error = !c->has_missing,
                            .missing = c->missing };
        SX_GO(ctx, status, done, sx_values_file(r, c->node, c->file, &ro, &a));
        SX_GO(ctx, status, done, describe_file(r, c, what, &a, &m));
    }
    SX_GO(ctx, status, done, place_units(r, c, what, first, m.n, m.labels, &order));
    SX_GO(ctx, status, done, m.dense ? from_dense(ctx, &m, order, out) : from_entries(ctx, &m, order, out));
    *n = m.n;
    *labels = m.labels;
done:
    sx_array_free(ctx, &a);
    return status;
}

static sx_status couple(const sx_reader *r, const sx_experiment *e, const sx_coupling_spec *c, const char *first,
                        sx_coupled *out) {
    sx_ctx *ctx = r->ctx;
    char what[160];
    sx_coupling *w = NULL;
    double scale = c->strength;
    snprintf(what, sizeof what, "coupling '%.100s'", c->name);
    out->radius = (double)NAN;
    SX_TRY(ctx, realise(r, e, c, what, first, &w, &out->n, &out->labels));
    if (c->normalise == 1) {
        sx_status status = sx_coupling_spectral_radius(ctx, w, &out->radius);
        if (status >= 0 && !(out->radius > 0))
            status =
                sx_node_fail(r, sx_toml_get(c->node, "normalise"), SX_E_FILE,
                             "%s: the spectral radius is zero (no recurrent loop), so it cannot be normalised", what);
        if (status < 0) {
            sx_coupling_free(ctx, w);
            return status;
        }
        scale /= SX_MUTANT(radius_ignored) ? 1 : out->radius;
    }
    if (scale == 1.0) {
        out->w = w;
        return SX_OK;
    }
    sx_status status = sx_coupling_scaled(ctx, w, scale, &out->w);
    sx_coupling_free(ctx, w);
    return status;
}

sx_status sx_couple_one(const sx_reader *r, const sx_experiment *e, const sx_coupling_spec *c, int64_t n,
                        sx_coupled *out) {
    sx_binding bind = *r->bind;
    sx_reader own = *r;
    sx_coupling_spec spec = *c;
    bind.n = n;
    bind.labels = NULL;
    own.bind = &bind;
    spec.ensemble.n = n;
    sx_status status = couple(&own, e, &spec, "its index", out);
    r->bind->files = bind.files;
    return status;
}

sx_status sx_couple_all(const sx_reader *r, const sx_experiment *e, sx_coupled *out) {
    sx_status status = SX_OK;
    const char *first = NULL;
    for (int pass = 0; pass < 2 && status >= 0; pass++) /* first those with labels of their own: they set the order */
        for (int i = 0; i < e->n_couplings && status >= 0; i++) {
            const sx_coupling_spec *c = &e->couplings[i];
            bool named = c->labels.n || c->first_column || (c->has_header && c->header) || (c->file && c->layout == 1);
            if (named != (pass == 0)) continue;
            status = couple(r, e, c, first, &out[i]);
            if (status >= 0 && !first) first = c->name;
        }
    if (status < 0)
        for (int i = 0; i < e->n_couplings; i++) {
            sx_coupling_free(r->ctx, out[i].w);
            out[i].w = NULL;
        }
    return status;
}
