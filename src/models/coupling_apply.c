// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Products of couplings with batches. Every product is cut into panels whose shape follows from the coupling alone; panels write
 * disjoint rows, so the bits do not depend on who runs them. */
#include "models/coupling_private.h"

#include "core/mutant.h"

#include "models/rows.h"

#include "core/linalg.h"

#include <assert.h>
#include <string.h>

/* -- dense -------------------------------------------------------------------------------------------------------------------- */

/* out[m][b] = beta out + alpha op(W) in[k][b], W row-major with row stride ld. */
typedef struct dense_job {
    const sx_kernels *kernels;
    bool transposed;
    int64_t m, k, b, panel, ld;
    double alpha, beta;
    const double *w, *in;
    double *out;
} dense_job;

/* Up to 256 rows one product; beyond, equal panels of at most 512 rows, a multiple of 8: every panel packs the whole input again. */
static int64_t panel_rows(int64_t m) {
    int64_t panels = m <= 256 ? 1 : m <= 1024 ? 2 : (m + 511) / 512, rows = (m + panels - 1) / panels;
    return (rows + 7) / 8 * 8;
}

static void dense_panel(void *arg, int64_t i) {
    const dense_job *d = arg;
    int64_t first = i * d->panel, rows = d->m - first < d->panel ? d->m - first : d->panel;
    const double *w = d->transposed ? d->w + first : d->w + first * d->ld;
    sx_gemm(d->transposed, false, rows, d->b, d->k, d->alpha, w, d->ld, d->in, d->b, d->beta, d->out + first * d->b,
            d->b);
}

static void dense_product(const dense_job *job, const sx_exec *exec) {
    dense_job d = *job;
    if (d.m <= SX_COUPLING_SMALL && d.k <= SX_COUPLING_SMALL) {
        (d.transposed ? d.kernels->gemm_t : d.kernels->gemm)(d.m, d.k, d.b, d.alpha, d.w, d.ld, d.in, d.beta, d.out);
        return;
    }
    d.panel = panel_rows(d.m);
    sx_exec_for(exec, (d.m + d.panel - 1) / d.panel, dense_panel, &d);
}

/* -- dense, packed: whole strips of rows, the input in tiles ------------------------------------------------------------------------ */

/* A panel: its rows of the product stay in the second-level cache for what comes after. */
enum { PANEL_STRIPS = 9, TILE_ROWS = 64 };

typedef struct packed_job {
    const sx_coupling *w;
    double alpha, beta;
    const double *in;
    double *tiles, *out;
    int64_t b;
    void (*after)(void *arg, int64_t row0, int64_t row1);
    void *arg;
} packed_job;

static void tile_panel(void *arg, int64_t i) {
    const packed_job *p = arg;
    int64_t first = i * TILE_ROWS, last = first + TILE_ROWS < p->w->n_in ? first + TILE_ROWS : p->w->n_in;
    for (int64_t u = first; u < last; u++) sx_tile_row(p->w->n_in, p->b, u, p->in + u * p->b, p->tiles);
}

static void packed_panel(void *arg, int64_t i) {
    const packed_job *p = arg;
    const sx_coupling *w = p->w;
    int64_t first = i * PANEL_STRIPS * SX_STRIP, left = w->n_out - first;
    int64_t rows = left < PANEL_STRIPS * SX_STRIP ? left : PANEL_STRIPS * SX_STRIP;
    w->kernels->gemm_packed(rows, w->n_in, p->b, p->alpha, w->packed + first * w->n_in, p->tiles, p->beta,
                            p->out + first * p->b);
    if (p->after) p->after(p->arg, first, first + rows);
}

static bool takes_tiles(const sx_coupling *w, bool transposed, int64_t b) {
    return w->form == SX_COUPLING_DENSE && w->packed && !transposed && b % SX_COLUMNS == 0;
}

bool sx_coupling_takes_tiles(const sx_coupling *w, int64_t b) {
    return takes_tiles(w, false, b);
}

void sx_coupling_apply_tiles(const sx_coupling *w, double alpha, const double *tiles, sx_batch out,
                             void (*after)(void *, int64_t, int64_t), void *arg, const sx_exec *exec) {
    packed_job p = { .w = w,
                     .alpha = alpha * w->factor,
                     .tiles = (double *)(uintptr_t)tiles,
                     .out = out.x,
                     .b = out.b,
                     .after = after,
                     .arg = arg };
    sx_exec_for(exec, (w->n_out + PANEL_STRIPS * SX_STRIP - 1) / (PANEL_STRIPS * SX_STRIP), packed_panel, &p);
}

static void packed_product(const sx_coupling *w, double alpha, sx_cbatch in, double beta, sx_batch out, sx_work work) {
    packed_job p = { .w = w, .alpha = alpha, .beta = beta, .in = in.x, .tiles = work.p, .out = out.x, .b = in.b };
    sx_exec_for(work.exec, (w->n_in + TILE_ROWS - 1) / TILE_ROWS, tile_panel, &p);
    sx_exec_for(work.exec, (w->n_out + PANEL_STRIPS * SX_STRIP - 1) / (PANEL_STRIPS * SX_STRIP), packed_panel, &p);
}

/* -- CSR ---------------------------------------------------------------------------------------------------------------------- */

enum { PACK_ROWS = 4096 };

typedef struct csr_job {
    const sx_kernels *kernels;
    const sx_csr *m;
    int64_t n_in, b;
    double alpha, beta;
    const double *in;
    double *tiles;
    double *out;
} csr_job;

/* in[unit][b] -> tiles[b/8][unit][8] for a range of units */
static void pack_panel(void *arg, int64_t i) {
    const csr_job *c = arg;
    int64_t first = i * PACK_ROWS, last = first + PACK_ROWS < c->n_in ? first + PACK_ROWS : c->n_in;
    for (int64_t u = first; u < last; u++)
        for (int64_t t = 0; t < c->b / 8; t++)
            memcpy(c->tiles + (t * c->n_in + u) * 8, c->in + u * c->b + t * 8, 8 * sizeof(double));
}

/* Any b: eight or fewer columns at a time, straight from the batch; the sum over a row in the order of its columns as in the
 * kernel. For single directions and odd batches. */
static void narrow_rows(const csr_job *c, const sx_csr *m, const int64_t *start, int64_t rows, double beta,
                        double *out) {
    for (int64_t i = 0; c->b == 1 && i < rows; i++) {
        double sum = 0;
        for (int64_t k = start[i]; k < start[i + 1]; k++) sum += m->value[k] * c->in[m->column[k]];
        out[i] = beta == 0 ? c->alpha * sum : beta * out[i] + c->alpha * sum;
    }
    for (int64_t i = 0; c->b > 1 && i < rows; i++)
        for (int64_t r0 = 0; r0 < c->b; r0 += 8) {
            int64_t width = c->b - r0 < 8 ? c->b - r0 : 8;
            double sum[8] = { 0 }, *y = out + i * c->b + r0;
            for (int64_t k = start[i]; k < start[i + 1]; k++) {
                const double *in = c->in + (int64_t)m->column[k] * c->b + r0;
                for (int64_t r = 0; r < width; r++) sum[r] += m->value[k] * in[r];
            }
            for (int64_t r = 0; r < width; r++) y[r] = beta == 0 ? c->alpha * sum[r] : beta * y[r] + c->alpha * sum[r];
        }
}

/* out = beta out + the product of the rows whose entries begin at start[0..rows] */
static void csr_rows(const csr_job *c, const sx_csr *m, const int64_t *start, int64_t rows, double beta, double *out) {
    if (c->b % 8 != 0)
        narrow_rows(c, m, start, rows, beta, out);
    else
        c->kernels->csr(0, rows, start, m->column, m->value, c->alpha, c->n_in, c->b / 8, c->b == 8 ? c->in : c->tiles,
                        beta, out);
}

/* The blocks of a panel one after the other, each adding to the rows of the result. */
static void csr_panel(void *arg, int64_t p) {
    const csr_job *c = arg;
    const sx_csr *m = c->m;
    const int64_t first = m->panel[p], rows = m->panel[p + 1] - first;
    for (int64_t k = 0; k < m->blocks; k++)
        csr_rows(c, m, sx_csr_segments(m, p, k), rows, k ? 1 : c->beta, c->out + first * c->b);
}

static void csr_product(csr_job *c, const sx_exec *exec) {
    if (c->b % 8 == 0 && c->b > 8) {
        if (exec)
            sx_exec_for(exec, (c->n_in + PACK_ROWS - 1) / PACK_ROWS, pack_panel, c);
        else
            c->kernels->tile(c->n_in, c->b, c->in, c->tiles);
    }
    sx_exec_for(exec, c->m->panels, csr_panel, c);
}

/* The transposed product of a matrix in blocks: the entries of a block add to a piece of the result that stays in the cache, up to eight columns at a time.
 * The sum of a number runs in the order of the rows, as it does over the transpose. tiles: n_out of the result times the columns. */
static void scatter_block(void *arg, int64_t k) {
    const csr_job *c = arg;
    const sx_csr *m = c->m;
    const int64_t from = k * m->width, end = from + m->width < c->n_in ? from + m->width : c->n_in;
    for (int64_t r0 = 0; r0 < c->b; r0 += 8) {
        const int64_t wide = c->b - r0 < 8 ? c->b - r0 : 8;
        double *sum = c->tiles;
        memset(sum + from * wide, 0, (size_t)((end - from) * wide) * sizeof *sum);
        for (int64_t p = 0; p < m->panels; p++) {
            const int64_t *s = sx_csr_segments(m, p, k), rows = m->panel[p + 1] - m->panel[p];
            const double *x = c->in + m->panel[p] * c->b + r0;
            if (wide == 8) {
                c->kernels->csr_scatter(rows, s, m->column, m->value, c->b, x, sum);
                continue;
            }
            for (int64_t i = 0; i < rows; i++)
                for (int64_t e = s[i]; e < s[i + 1]; e++)
                    for (int64_t r = 0; r < wide; r++) sum[m->column[e] * wide + r] += m->value[e] * x[i * c->b + r];
        }
        for (int64_t j = from; j < end; j++)
            for (int64_t r = 0; r < wide; r++) {
                double *y = c->out + j * c->b + r0 + r, v = c->alpha * sum[j * wide + r];
                *y = c->beta == 0 ? v : c->beta * *y + v;
            }
    }
}

/* -- all forms ----------------------------------------------------------------------------------------------------------------- */

int64_t sx_coupling_work(const sx_coupling *w, int64_t b) {
    int64_t most = 0;
    switch (w->form) {
    case SX_COUPLING_DENSE:
        return takes_tiles(w, false, b) ? w->n_in * b : 0;
    case SX_COUPLING_CSR:
        if (b % 8 == 0 && b > 8) return (w->n_in > w->n_out ? w->n_in : w->n_out) * b;
        return w->csr.blocks > 1 ? w->n_in * (b < 8 ? b : 8) : 0;
    case SX_COUPLING_LOWRANK:
        return w->rank * b;
    case SX_COUPLING_SUM:
        for (int i = 0; i < w->n_parts; i++) {
            int64_t part = sx_coupling_work(w->parts[i], b);
            if (part > most) most = part;
        }
    }
    return most;
}

void sx_coupling_apply(const sx_coupling *w, bool transposed, double alpha, sx_cbatch in, double beta, sx_batch out,
                       sx_work work) {
    int64_t m = transposed ? w->n_in : w->n_out, k = transposed ? w->n_out : w->n_in, b = in.b;
    assert(in.n == k && out.n == m && out.b == b && work.doubles >= sx_coupling_work(w, b));
    alpha *= w->factor;
    switch (w->form) {
    case SX_COUPLING_DENSE: {
        if (takes_tiles(w, transposed, b)) {
            packed_product(w, alpha, in, beta, out, work);
            break;
        }
        dense_job d = { .kernels = w->kernels,
                        .transposed = transposed,
                        .m = m,
                        .k = k,
                        .b = b,
                        .ld = w->n_in,
                        .alpha = alpha,
                        .beta = beta,
                        .w = w->w,
                        .in = in.x,
                        .out = out.x };
        dense_product(&d, work.exec);
        break;
    }
    case SX_COUPLING_CSR: {
        const bool scatter = transposed && w->csr.blocks > 1;
        csr_job c = { .kernels = w->kernels,
                      .m = transposed && !scatter ? &w->csr_t : &w->csr,
                      .n_in = scatter ? m : k,
                      .b = b,
                      .alpha = alpha,
                      .beta = beta,
                      .in = in.x,
                      .tiles = work.p,
                      .out = out.x };
        if (scatter)
            sx_exec_for(work.exec, c.m->blocks, scatter_block, &c);
        else
            csr_product(&c, work.exec);
        break;
    }
    case SX_COUPLING_LOWRANK: { /* y = V^T in, out = beta out + alpha U y */
        const double *left = transposed ? w->V : w->U, *right = transposed ? w->U : w->V;
        dense_job d = { .kernels = w->kernels,
                        .transposed = true,
                        .m = w->rank,
                        .k = k,
                        .b = b,
                        .ld = w->rank,
                        .alpha = 1,
                        .beta = 0,
                        .w = right,
                        .in = in.x,
                        .out = work.p };
        dense_product(&d, work.exec);
        d = (dense_job){ .kernels = w->kernels,
                         .m = m,
                         .k = w->rank,
                         .b = b,
                         .ld = w->rank,
                         .alpha = alpha,
                         .beta = beta,
                         .w = left,
                         .in = work.p,
                         .out = out.x };
        dense_product(&d, work.exec);
        break;
    }
    case SX_COUPLING_SUM:
        for (int i = 0; i < w->n_parts; i++)
            sx_coupling_apply(w->parts[i], transposed, alpha * (SX_MUTANT(coupling_scale) ? 1 : w->scale[i]), in,
                              i == 0 ? beta : 1.0, out, work);
        break;
    }
}

double sx_coupling_flops(const sx_coupling *w) {
    double sum = 0;
    switch (w->form) {
    case SX_COUPLING_DENSE:
        return 2.0 * (double)w->n_out * (double)w->n_in;
    case SX_COUPLING_CSR:
    case SX_COUPLING_LOWRANK:
        return 2.0 * (double)w->nonzeros;
    case SX_COUPLING_SUM:
        for (int i = 0; i < w->n_parts; i++) sum += sx_coupling_flops(w->parts[i]);
    }
    return sum;
}

/* -- entries ------------------------------------------------------------------------------------------------------------------- */

/* Entries e of rows i, those of a row in the order of their columns. */
#define EACH_ENTRY(m, i, e)                                                                                            \
    for (int64_t p_ = 0; p_ < (m)->panels; p_++)                                                                       \
        for (int64_t c_ = 0; c_ < (m)->blocks; c_++)                                                                   \
            for (int64_t i = (m)->panel[p_]; i < (m)->panel[p_ + 1]; i++)                                              \
                for (int64_t e = sx_csr_segments(m, p_, c_)[i - (m)->panel[p_]],                                       \
                             end_ = sx_csr_segments(m, p_, c_)[i - (m)->panel[p_] + 1];                                \
                     e < end_; e++)

void sx_coupling_add_to_dense(const sx_coupling *w, double alpha, const double *d, double *out) {
    int64_t n = w->n_in;
    alpha *= w->factor;
    switch (w->form) {
    case SX_COUPLING_DENSE:
        for (int64_t i = 0; i < w->n_out; i++)
            for (int64_t j = 0; j < n; j++) out[i * n + j] += alpha * w->w[i * n + j] * (d ? d[j] : 1.0);
        break;
    case SX_COUPLING_CSR:
        EACH_ENTRY(&w->csr, i, e) {
            int64_t j = w->csr.column[e];
            out[i * n + j] += alpha * w->csr.value[e] * (d ? d[j] : 1.0);
        }
        break;
    case SX_COUPLING_LOWRANK:
        for (int64_t i = 0; i < w->n_out; i++)
            for (int64_t j = 0; j < n; j++) {
                double sum = 0;
                for (int64_t r = 0; r < w->rank; r++) sum += w->U[i * w->rank + r] * w->V[j * w->rank + r];
                out[i * n + j] += alpha * sum * (d ? d[j] : 1.0);
            }
        break;
    case SX_COUPLING_SUM:
        for (int i = 0; i < w->n_parts; i++) sx_coupling_add_to_dense(w->parts[i], alpha * w->scale[i], d, out);
        break;
    }
}

static void add_diagonal(const sx_coupling *w, double alpha, double *out) {
    int64_t n = w->n_out < w->n_in ? w->n_out : w->n_in;
    alpha *= w->factor;
    switch (w->form) {
    case SX_COUPLING_DENSE:
        for (int64_t i = 0; i < n; i++) out[i] += alpha * w->w[i * w->n_in + i];
        break;
    case SX_COUPLING_CSR:
        EACH_ENTRY(&w->csr, i, e) {
            if (w->csr.column[e] == i) out[i] += alpha * w->csr.value[e];
        }
        break;
    case SX_COUPLING_LOWRANK:
        for (int64_t i = 0; i < n; i++) {
            double sum = 0;
            for (int64_t r = 0; r < w->rank; r++) sum += w->U[i * w->rank + r] * w->V[i * w->rank + r];
            out[i] += alpha * sum;
        }
        break;
    case SX_COUPLING_SUM:
        for (int i = 0; i < w->n_parts; i++) add_diagonal(w->parts[i], alpha * w->scale[i], out);
        break;
    }
}

void sx_coupling_diagonal(const sx_coupling *w, double *out) {
    int64_t n = w->n_out < w->n_in ? w->n_out : w->n_in;
    memset(out, 0, (size_t)n * sizeof *out);
    add_diagonal(w, 1.0, out);
}

static void add_row_sums(const sx_coupling *w, bool with_self, double alpha, double *out) {
    alpha *= w->factor;
    switch (w->form) {
    case SX_COUPLING_DENSE:
        for (int64_t i = 0; i < w->n_out; i++) {
            double sum = 0;
            for (int64_t j = 0; j < w->n_in; j++)
                if (with_self || j != i) sum += w->w[i * w->n_in + j];
            out[i] += alpha * sum;
        }
        break;
    case SX_COUPLING_CSR:
        EACH_ENTRY(&w->csr, i, e) {
            if (with_self || w->csr.column[e] != i) out[i] += alpha * w->csr.value[e];
        }
        break;
    case SX_COUPLING_LOWRANK:
        for (int64_t r = 0; r < w->rank; r++) {
            double total = 0;
            for (int64_t j = 0; j < w->n_in; j++) total += w->V[j * w->rank + r];
            for (int64_t i = 0; i < w->n_out; i++)
                out[i] += alpha * w->U[i * w->rank + r] * (with_self ? total : total - w->V[i * w->rank + r]);
        }
        break;
    case SX_COUPLING_SUM:
        for (int i = 0; i < w->n_parts; i++) add_row_sums(w->parts[i], with_self, alpha * w->scale[i], out);
        break;
    }
}

void sx_coupling_row_sums(const sx_coupling *w, bool with_self, double *out) {
    memset(out, 0, (size_t)w->n_out * sizeof *out);
    add_row_sums(w, with_self, 1.0, out);
}
