// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Couplings as values: creation, sharing, derived couplings. Products are in coupling_apply.c, random ones in ensemble.c. */
#include "models/coupling_private.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* -- life ------------------------------------------------------------------------------------------------------------------- */

static sx_status check_size(sx_ctx *ctx, int64_t n_out, int64_t n_in) {
    if (n_out < 1 || n_in < 1 || n_out > INT32_MAX || n_in > INT32_MAX)
        return SX_FAIL(ctx, SX_E_USAGE, "coupling of %" PRId64 " x %" PRId64 " units: want between 1 and %d each",
                       n_out, n_in, INT32_MAX);
    return SX_OK;
}

static sx_status coupling_new(sx_ctx *ctx, sx_coupling_form form, int64_t n_out, int64_t n_in, sx_coupling **out) {
    sx_coupling *c = NULL;
    SX_TRY(ctx, check_size(ctx, n_out, n_in));
    SX_TRY(ctx, sx_alloc(ctx, 1, sizeof *c, &c));
    c->form = form;
    atomic_init(&c->references, 1);
    c->n_out = n_out;
    c->n_in = n_in;
    c->factor = 1;
    c->kernels = sx_kernels_get(NULL);
    *out = c;
    return SX_OK;
}

sx_coupling *sx_coupling_ref(const sx_coupling *w) {
    sx_coupling *c = (sx_coupling *)(uintptr_t)w; /* the count is the one mutable member */
    if (c) atomic_fetch_add_explicit(&c->references, 1, memory_order_relaxed);
    return c;
}

void sx_csr_free(sx_ctx *ctx, sx_csr *m) {
    sx_free(ctx, m->segment);
    sx_free(ctx, m->column);
    sx_free(ctx, m->value);
    sx_free(ctx, m->panel);
    *m = (sx_csr){ 0 };
}

void sx_coupling_free(sx_ctx *ctx, sx_coupling *w) {
    if (!w || atomic_fetch_sub_explicit(&w->references, 1, memory_order_acq_rel) > 1) return;
    if (w->owner) {
        sx_coupling_free(ctx, w->owner);
    } else {
        sx_free(ctx, w->w);
        sx_free(ctx, w->packed);
        sx_csr_free(ctx, &w->csr);
        sx_csr_free(ctx, &w->csr_t);
        sx_free(ctx, w->U);
        sx_free(ctx, w->V);
        for (int i = 0; i < w->n_parts; i++) sx_coupling_free(ctx, w->parts[i]);
        sx_free(ctx, w->parts);
        sx_free(ctx, w->scale);
    }
    sx_free(ctx, w);
}

/* -- dense ------------------------------------------------------------------------------------------------------------------ */

static sx_status check_finite(sx_ctx *ctx, const char *what, int64_t rows, int64_t columns, const double *x) {
    const sx_kernels *k = sx_kernels_get(NULL);
    for (int64_t i = 0; i < rows; i++) {
        if (!k->nonfinite(columns, x + i * columns)) continue;
        for (int64_t j = 0; j < columns; j++)
            if (!isfinite(x[i * columns + j]))
                return SX_FAIL(ctx, SX_E_USAGE, "%s[%" PRId64 "][%" PRId64 "] = %g: want a finite number", what, i, j,
                               x[i * columns + j]);
    }
    return SX_OK;
}

/* Strips of SX_STRIP rows, column by column: packed[row / SX_STRIP][column][row % SX_STRIP]. */
static sx_status pack(sx_ctx *ctx, sx_coupling *c) {
    int64_t strips = (c->n_out + SX_STRIP - 1) / SX_STRIP, size;
    bool small = c->n_out <= SX_COUPLING_SMALL && c->n_in <= SX_COUPLING_SMALL;
    if (!c->kernels->gemm_packed || small || c->bytes > SX_COUPLING_PACKED_BYTES) return SX_OK;
    SX_TRY(ctx, sx_mul_size(ctx, strips * SX_STRIP, c->n_in, &size));
    SX_TRY(ctx, sx_alloc(ctx, size, sizeof *c->packed, &c->packed));
    for (int64_t i = 0; i < c->n_out; i++) {
        double *strip = c->packed + i / SX_STRIP * c->n_in * SX_STRIP + i % SX_STRIP;
        for (int64_t j = 0; j < c->n_in; j++) strip[j * SX_STRIP] = c->w[i * c->n_in + j];
    }
    c->bytes += size * (int64_t)sizeof *c->packed;
    return SX_OK;
}

sx_status sx_coupling_own_dense(sx_ctx *ctx, int64_t n_out, int64_t n_in, double *w, sx_coupling **out) {
    sx_coupling *c = NULL;
    sx_status status;
    SX_GO(ctx, status, done, check_size(ctx, n_out, n_in));
    SX_GO(ctx, status, done, check_finite(ctx, "weight", n_out, n_in, w));
    SX_GO(ctx, status, done, coupling_new(ctx, SX_COUPLING_DENSE, n_out, n_in, &c));
    c->w = w;
    w = NULL;
    for (int64_t i = 0; i < n_out * n_in; i++) c->nonzeros += c->w[i] != 0;
    c->bytes = n_out * n_in * (int64_t)sizeof *c->w;
    SX_GO(ctx, status, done, pack(ctx, c));
    *out = c;
    c = NULL;
done:
    sx_coupling_free(ctx, c);
    sx_free(ctx, w);
    return status;
}

sx_status sx_coupling_dense(sx_ctx *ctx, int64_t n_out, int64_t n_in, const double *w, sx_coupling **out) {
    double *copy = NULL;
    int64_t size;
    SX_TRY(ctx, check_size(ctx, n_out, n_in));
    SX_TRY(ctx, sx_mul_size(ctx, n_out, n_in, &size));
    SX_TRY(ctx, sx_alloc(ctx, size, sizeof *copy, &copy));
    memcpy(copy, w, (size_t)size * sizeof *copy);
    SX_TRY(ctx, sx_coupling_own_dense(ctx, n_out, n_in, copy, out));
    return SX_OK;
}

/* -- CSR -------------------------------------------------------------------------------------------------------------------- */

/* Panels of whole rows of about equal work. A panel runs through all tiles of the input, so it is to use each row of a tile several
 * times (6 columns' worth of entries), and yet there are to be some 16 panels to share out; small ones are not worth the call. */
enum { PANEL_ENTRIES = 32768, PANEL_REUSE = 6, PANELS = 16 };

static sx_status csr_panels(sx_ctx *ctx, sx_csr *m, int64_t columns) {
    int64_t total = m->nonzeros + m->rows, size = PANEL_REUSE * columns;
    if (size > total / PANELS) size = total / PANELS;
    if (size < PANEL_ENTRIES) size = PANEL_ENTRIES;
    SX_TRY(ctx, sx_alloc(ctx, total / size + 3, sizeof *m->panel, &m->panel));
    m->panels = 0;
    m->panel[0] = 0;
    for (int64_t i = 1, first = 0; i <= m->rows; i++) {
        int64_t work = m->segment[i] - m->segment[first] + (i - first);
        if (work < size && i < m->rows) continue;
        m->panel[++m->panels] = i;
        first = i;
    }
    return SX_OK;
}

static sx_status csr_alloc(sx_ctx *ctx, int64_t rows, int64_t blocks, int64_t nonzeros, sx_csr *m) {
    *m = (sx_csr){ .rows = rows, .blocks = blocks, .nonzeros = nonzeros };
    SX_TRY(ctx, sx_alloc(ctx, rows * blocks + 1, sizeof *m->segment, &m->segment));
    SX_TRY(ctx, sx_alloc(ctx, nonzeros, sizeof *m->column, &m->column));
    SX_TRY(ctx, sx_alloc(ctx, nonzeros, sizeof *m->value, &m->value));
    return SX_OK;
}

/* A block of columns takes half a megabyte of a tile of eight; with fewer entries of a row in a block than this, starting its sum costs
 * more than the cache gives. A panel has so many rows, fewer if there would not be PANELS of them. */
enum { BLOCK_COLUMNS = 8192, BLOCK_ENTRIES = 6, BLOCK_ROWS = 8192, BLOCK_ROWS_LEAST = 1024 };

static int64_t block_count(const sx_csr *m, int64_t columns) {
    int64_t blocks = columns / BLOCK_COLUMNS, most = m->nonzeros / (BLOCK_ENTRIES * m->rows);
    if (blocks > most) blocks = most;
    return blocks < 2 ? 1 : blocks;
}

/* Plain CSR put into blocks. */
static sx_status csr_blocks(sx_ctx *ctx, const sx_csr *m, int64_t blocks, int64_t columns, sx_csr *b) {
    int64_t height = m->rows / PANELS, from[BLOCK_ROWS], s = 0, at = 0;
    height = height > BLOCK_ROWS ? BLOCK_ROWS : height < BLOCK_ROWS_LEAST ? BLOCK_ROWS_LEAST : height;
    SX_TRY(ctx, csr_alloc(ctx, m->rows, blocks, m->nonzeros, b));
    b->width = (columns + blocks - 1) / blocks;
    b->panels = (m->rows + height - 1) / height;
    SX_TRY(ctx, sx_alloc(ctx, b->panels + 1, sizeof *b->panel, &b->panel));
    for (int64_t p = 0; p <= b->panels; p++) b->panel[p] = p * height < m->rows ? p * height : m->rows;
    for (int64_t p = 0; p < b->panels; p++) {
        const int64_t first = b->panel[p], rows = b->panel[p + 1] - first;
        memcpy(from, m->segment + first, (size_t)rows * sizeof *from);
        for (int64_t c = 0; c < blocks; c++)
            for (int64_t i = 0; i < rows; i++) {
                int64_t e = from[i], last = m->segment[first + i + 1];
                for (; e < last && m->column[e] < (c + 1) * b->width; e++, at++) {
                    b->column[at] = m->column[e];
                    b->value[at] = m->value[e];
                }
                from[i] = e;
                b->segment[++s] = at;
            }
    }
    return SX_OK;
}

/* Blocks put back into plain CSR. */
static sx_status csr_plain(sx_ctx *ctx, const sx_csr *b, sx_csr *m) {
    int64_t at = 0;
    SX_TRY(ctx, csr_alloc(ctx, b->rows, 1, b->nonzeros, m));
    for (int64_t p = 0; p < b->panels; p++)
        for (int64_t i = b->panel[p]; i < b->panel[p + 1]; i++) {
            for (int64_t c = 0; c < b->blocks; c++) {
                const int64_t *s = sx_csr_segments(b, p, c) + (i - b->panel[p]);
                for (int64_t e = s[0]; e < s[1]; e++, at++) {
                    m->column[at] = b->column[e];
                    m->value[at] = b->value[e];
                }
            }
            m->segment[i + 1] = at;
        }
    return SX_OK;
}

/* Of plain CSR. */
static sx_status csr_transpose(sx_ctx *ctx, const sx_csr *m, int64_t columns, sx_csr *t) {
    SX_TRY(ctx, csr_alloc(ctx, columns, 1, m->nonzeros, t));
    for (int64_t k = 0; k < m->nonzeros; k++) t->segment[m->column[k] + 1]++;
    for (int64_t j = 0; j < columns; j++) t->segment[j + 1] += t->segment[j];
    for (int64_t i = 0; i < m->rows; i++) /* segment[j] runs ahead to the next free place of row j ... */
        for (int64_t k = m->segment[i]; k < m->segment[i + 1]; k++) {
            int64_t at = t->segment[m->column[k]]++;
            t->column[at] = (int32_t)i;
            t->value[at] = m->value[k];
        }
    for (int64_t j = columns; j > 0; j--) t->segment[j] = t->segment[j - 1]; /* ... and is moved back */
    t->segment[0] = 0;
    return SX_OK;
}

sx_status sx_coupling_plain(sx_ctx *ctx, const sx_coupling *w, bool transposed, sx_csr *out) {
    sx_csr plain = { 0 };
    sx_status status = csr_plain(ctx, &w->csr, transposed ? &plain : out);
    if (status >= 0 && transposed) status = csr_transpose(ctx, &plain, w->n_in, out);
    sx_csr_free(ctx, &plain);
    if (status < 0) sx_csr_free(ctx, out);
    return status < 0 ? sx_frame_at(ctx, status, __FILE__, __LINE__, __func__) : SX_OK;
}

static int64_t csr_bytes(const sx_csr *m) {
    if (!m->segment) return 0;
    return m->nonzeros * (int64_t)(sizeof *m->column + sizeof *m->value) +
           (m->rows * m->blocks + 1 + m->panels + 1) * (int64_t)sizeof *m->segment;
}

static sx_status check_csr(sx_ctx *ctx, int64_t n_out, int64_t n_in, const int64_t *row_start, const int32_t *column,
                           const double *w) {
    if (row_start[0] != 0) return SX_FAIL(ctx, SX_E_USAGE, "row_start[0] = %" PRId64 ": want 0", row_start[0]);
    for (int64_t i = 0; i < n_out; i++) {
        if (row_start[i + 1] < row_start[i])
            return SX_FAIL(ctx, SX_E_USAGE, "row_start[%" PRId64 "] = %" PRId64 ": want at least %" PRId64, i + 1,
                           row_start[i + 1], row_start[i]);
        int64_t previous = -1;
        for (int64_t k = row_start[i]; k < row_start[i + 1]; k++) {
            if (column[k] <= previous || column[k] >= n_in)
                return SX_FAIL(ctx, SX_E_USAGE,
                               "row %" PRId64 ": column %d after %" PRId64 ": want increasing columns below %" PRId64,
                               i, column[k], previous, n_in);
            if (!isfinite(w[k]))
                return SX_FAIL(ctx, SX_E_USAGE, "weight[%" PRId64 "][%d] = %g: want a finite number", i, column[k],
                               w[k]);
            previous = column[k];
        }
    }
    return SX_OK;
}

sx_status sx_coupling_own_csr(sx_ctx *ctx, int64_t n_out, int64_t n_in, int64_t *row_start, int32_t *column,
                              double *value, sx_coupling **out) {
    sx_coupling *c = NULL;
    sx_csr m = { .rows = n_out, .blocks = 1, .width = n_in, .segment = row_start, .column = column, .value = value };
    sx_status status;
    SX_GO(ctx, status, done, check_size(ctx, n_out, n_in));
    SX_GO(ctx, status, done, check_csr(ctx, n_out, n_in, row_start, column, value));
    SX_GO(ctx, status, done, coupling_new(ctx, SX_COUPLING_CSR, n_out, n_in, &c));
    c->nonzeros = m.nonzeros = row_start[n_out];
    const int64_t blocks = block_count(&m, n_in);
    if (blocks > 1) {
        SX_GO(ctx, status, done, csr_blocks(ctx, &m, blocks, n_in, &c->csr));
    } else {
        c->csr = m;
        m = (sx_csr){ 0 };
        SX_GO(ctx, status, done, csr_panels(ctx, &c->csr, n_in));
        SX_GO(ctx, status, done, csr_transpose(ctx, &c->csr, n_in, &c->csr_t));
        SX_GO(ctx, status, done, csr_panels(ctx, &c->csr_t, n_out));
    }
    c->bytes = csr_bytes(&c->csr) + csr_bytes(&c->csr_t);
    *out = c;
    c = NULL;
done:
    sx_csr_free(ctx, &m);
    sx_coupling_free(ctx, c);
    return status;
}

sx_status sx_coupling_csr(sx_ctx *ctx, int64_t n_out, int64_t n_in, const int64_t *row_start, const int32_t *column,
                          const double *w, sx_coupling **out) {
    int64_t *start = NULL, nonzeros;
    int32_t *index = NULL;
    double *value = NULL;
    sx_status status;
    SX_GO(ctx, status, done, check_size(ctx, n_out, n_in));
    SX_GO(ctx, status, done, check_csr(ctx, n_out, n_in, row_start, column, w));
    nonzeros = row_start[n_out];
    SX_GO(ctx, status, done, sx_alloc(ctx, n_out + 1, sizeof *start, &start));
    SX_GO(ctx, status, done, sx_alloc(ctx, nonzeros, sizeof *index, &index));
    SX_GO(ctx, status, done, sx_alloc(ctx, nonzeros, sizeof *value, &value));
    memcpy(start, row_start, (size_t)(n_out + 1) * sizeof *start);
    if (nonzeros) memcpy(index, column, (size_t)nonzeros * sizeof *index);
    if (nonzeros) memcpy(value, w, (size_t)nonzeros * sizeof *value);
    status = sx_coupling_own_csr(ctx, n_out, n_in, start, index, value, out);
    start = NULL;
    index = NULL;
    value = NULL;
done:
    sx_free(ctx, start);
    sx_free(ctx, index);
    sx_free(ctx, value);
    return status;
}

sx_status sx_coupling_diagonal_csr(sx_ctx *ctx, int64_t n, const double *d, sx_coupling **out) {
    int64_t *start = NULL;
    int32_t *index = NULL;
    double *value = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, n + 1, sizeof *start, &start));
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *index, &index));
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *value, &value));
    for (int64_t i = 0; i < n; i++) {
        start[i + 1] = i + 1;
        index[i] = (int32_t)i;
        value[i] = d[i];
    }
    status = sx_coupling_own_csr(ctx, n, n, start, index, value, out);
    start = NULL;
    index = NULL;
    value = NULL;
done:
    sx_free(ctx, start);
    sx_free(ctx, index);
    sx_free(ctx, value);
    return status;
}

/* -- low rank, sums, scaled views ------------------------------------------------------------------------------------------- */

sx_status sx_coupling_lowrank(sx_ctx *ctx, int64_t n_out, int64_t n_in, int64_t rank, const double *U, const double *V,
                              sx_coupling **out) {
    sx_coupling *c = NULL;
    sx_status status;
    int64_t size_u, size_v;
    if (rank < 1 || rank > INT32_MAX)
        return SX_FAIL(ctx, SX_E_USAGE, "rank = %" PRId64 ": want between 1 and %d", rank, INT32_MAX);
    SX_GO(ctx, status, done, coupling_new(ctx, SX_COUPLING_LOWRANK, n_out, n_in, &c));
    SX_GO(ctx, status, done, sx_mul_size(ctx, n_out, rank, &size_u));
    SX_GO(ctx, status, done, sx_mul_size(ctx, n_in, rank, &size_v));
    SX_GO(ctx, status, done, check_finite(ctx, "U", n_out, rank, U));
    SX_GO(ctx, status, done, check_finite(ctx, "V", n_in, rank, V));
    SX_GO(ctx, status, done, sx_alloc(ctx, size_u, sizeof *U, &c->U));
    SX_GO(ctx, status, done, sx_alloc(ctx, size_v, sizeof *V, &c->V));
    memcpy(c->U, U, (size_t)size_u * sizeof *U);
    memcpy(c->V, V, (size_t)size_v * sizeof *V);
    c->rank = rank;
    c->nonzeros = size_u + size_v;
    c->bytes = c->nonzeros * (int64_t)sizeof *U;
    *out = c;
    c = NULL;
done:
    sx_coupling_free(ctx, c);
    return status;
}

sx_status sx_coupling_sum(sx_ctx *ctx, int n, const sx_coupling *const *parts, const double *scale, sx_coupling **out) {
    sx_coupling *c = NULL;
    sx_status status;
    if (n < 1) return SX_FAIL(ctx, SX_E_USAGE, "a sum of %d couplings: want at least 1", n);
    for (int i = 0; i < n; i++) {
        if (parts[i]->n_out != parts[0]->n_out || parts[i]->n_in != parts[0]->n_in)
            return SX_FAIL(ctx, SX_E_USAGE,
                           "coupling %d of a sum is %" PRId64 " x %" PRId64 ": want %" PRId64 " x %" PRId64
                           " like the first",
                           i, parts[i]->n_out, parts[i]->n_in, parts[0]->n_out, parts[0]->n_in);
        if (!isfinite(scale[i])) return SX_FAIL(ctx, SX_E_USAGE, "scale[%d] = %g: want a finite number", i, scale[i]);
    }
    SX_GO(ctx, status, done, coupling_new(ctx, SX_COUPLING_SUM, parts[0]->n_out, parts[0]->n_in, &c));
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof(sx_coupling *), &c->parts));
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *c->scale, &c->scale));
    for (int i = 0; i < n; i++) {
        c->parts[i] = sx_coupling_ref(parts[i]);
        c->scale[i] = scale[i];
        c->nonzeros += parts[i]->nonzeros;
        c->bytes += parts[i]->bytes;
    }
    c->n_parts = n;
    *out = c;
    c = NULL;
done:
    sx_coupling_free(ctx, c);
    return status;
}

/* A view: the data are shared with their owner and the factor is applied in every product. */
sx_status sx_coupling_scaled(sx_ctx *ctx, const sx_coupling *w, double scale, sx_coupling **out) {
    sx_coupling *c = NULL;
    if (!isfinite(scale) || !isfinite(scale * w->factor))
        return SX_FAIL(ctx, SX_E_USAGE, "scale = %g: want a finite number", scale);
    SX_TRY(ctx, coupling_new(ctx, w->form, w->n_out, w->n_in, &c));
    c->nonzeros = w->nonzeros;
    c->bytes = w->bytes;
    c->factor = scale * w->factor;
    c->owner = sx_coupling_ref(w->owner ? w->owner : w);
    c->w = w->w;
    c->packed = w->packed;
    c->csr = w->csr;
    c->csr_t = w->csr_t;
    c->rank = w->rank;
    c->U = w->U;
    c->V = w->V;
    c->n_parts = w->n_parts;
    c->parts = w->parts;
    c->scale = w->scale;
    if (scale == 1 && w->has_ensemble) {
        c->has_ensemble = true;
        c->ensemble = w->ensemble;
    }
    *out = c;
    return SX_OK;
}

/* -- the Laplacian ----------------------------------------------------------------------------------------------------------- */

/* L = W with the diagonal -sum_{j != i} W_ij in the same CSR form; a missing diagonal entry is inserted. */
static sx_status diffusive_csr(sx_ctx *ctx, const sx_coupling *w, const double *sums, sx_coupling **out) {
    sx_csr rows = { 0 };
    int64_t *start = NULL, at = 0;
    int32_t *index = NULL;
    double *value = NULL;
    sx_status status;
    if (w->csr.blocks > 1) SX_GO(ctx, status, done, sx_coupling_plain(ctx, w, false, &rows));
    const sx_csr *m = rows.segment ? &rows : &w->csr;
    SX_GO(ctx, status, done, sx_alloc(ctx, m->rows + 1, sizeof *start, &start));
    SX_GO(ctx, status, done, sx_alloc(ctx, m->nonzeros + m->rows, sizeof *index, &index));
    SX_GO(ctx, status, done, sx_alloc(ctx, m->nonzeros + m->rows, sizeof *value, &value));
    for (int64_t i = 0; i < m->rows; i++) {
        int64_t k = m->segment[i], end = m->segment[i + 1];
        for (; k < end && m->column[k] < i; k++, at++) {
            index[at] = m->column[k];
            value[at] = w->factor * m->value[k];
        }
        index[at] = (int32_t)i;
        value[at++] = -sums[i];
        if (k < end && m->column[k] == i) k++;
        for (; k < end; k++, at++) {
            index[at] = m->column[k];
            value[at] = w->factor * m->value[k];
        }
        start[i + 1] = at;
    }
    status = sx_coupling_own_csr(ctx, w->n_out, w->n_in, start, index, value, out);
    start = NULL;
    index = NULL;
    value = NULL;
done:
    sx_csr_free(ctx, &rows);
    sx_free(ctx, start);
    sx_free(ctx, index);
    sx_free(ctx, value);
    return status;
}

sx_status sx_coupling_diffusive(sx_ctx *ctx, const sx_coupling *w, sx_coupling **out) {
    int64_t n = w->n_out;
    double *sums = NULL, *dense = NULL;
    sx_coupling *diagonal = NULL;
    sx_status status;
    if (n != w->n_in)
        return SX_FAIL(ctx, SX_E_USAGE, "a diffusive coupling of %" PRId64 " x %" PRId64 " units: want a square matrix",
                       n, w->n_in);
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *sums, &sums));
    sx_coupling_row_sums(w, w->form == SX_COUPLING_LOWRANK || w->form == SX_COUPLING_SUM, sums);
    if (w->form == SX_COUPLING_DENSE) {
        SX_GO(ctx, status, done, sx_alloc(ctx, n * n, sizeof *dense, &dense));
        for (int64_t i = 0; i < n; i++) {
            for (int64_t j = 0; j < n; j++) dense[i * n + j] = w->factor * w->w[i * n + j];
            dense[i * n + i] = -sums[i];
        }
        status = sx_coupling_own_dense(ctx, n, n, dense, out);
        dense = NULL;
    } else if (w->form == SX_COUPLING_CSR) {
        status = diffusive_csr(ctx, w, sums, out);
    } else {
        const double one[2] = { 1, -1 };
        SX_GO(ctx, status, done, sx_coupling_diagonal_csr(ctx, n, sums, &diagonal));
        const sx_coupling *parts[2] = { w, diagonal };
        status = sx_coupling_sum(ctx, 2, parts, one, out);
    }
done:
    if (status < 0) (void)sx_frame_at(ctx, status, __FILE__, __LINE__, __func__);
    sx_free(ctx, sums);
    sx_free(ctx, dense);
    sx_coupling_free(ctx, diagonal);
    return status;
}

/* -- reading ------------------------------------------------------------------------------------------------------------------ */

sx_coupling_form sx_coupling_form_of(const sx_coupling *w) {
    return w->form;
}

int64_t sx_coupling_rows(const sx_coupling *w) {
    return w->n_out;
}

int64_t sx_coupling_columns(const sx_coupling *w) {
    return w->n_in;
}

int64_t sx_coupling_nonzeros(const sx_coupling *w) {
    return w->nonzeros;
}

int64_t sx_coupling_bytes(const sx_coupling *w) {
    return w->bytes + (int64_t)sizeof *w;
}

const sx_ensemble *sx_coupling_ensemble(const sx_coupling *w) {
    return w->has_ensemble ? &w->ensemble : NULL;
}
