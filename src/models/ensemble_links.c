// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Ensembles of random links, from key and indices alone.
 *
 * Pairwise law (gaussian; sparse with symmetry): units i < j draw the standard normals s, a and the uniform u of counter
 * { i, 0, j, slot }. With sigma = g / sqrt(n d), d the density and gamma the symmetry,
 *     W_ij = sigma (sqrt((1+c)/2) s + sqrt((1-c)/2) a),   W_ji = sigma (sqrt((1+c)/2) s - sqrt((1-c)/2) a),
 * each kept or set to zero as u says: both with probability p = |gamma| d + (1 - |gamma|) d^2, one of them with d - p each. The choice
 * c = gamma d / p makes <W_ij W_ji> / <W_ij^2> = gamma at every density. W_ii = sigma sqrt(1+c) s as in the Gaussian orthogonal ensemble.
 *
 * Directed law (sparse without symmetry, dale): row i draws its links by geometric skips and then one normal per link. */
#include "models/coupling_private.h"

#include "core/mutant.h"

#include <separatrix/vmath.h>

#include <math.h>
#include <string.h>

enum { DRAWS = 256, DENSE_ROWS = 16, SPARSE_ROWS = 64 };

static const double sqrt_2 = 1.41421356237309504880;

typedef struct law {
    const sx_ensemble *e;
    const sx_kernels *k;
    sx_key weight, mask;
    bool pairwise;
    double both, one;                /* pairwise: P(both), P(exactly i -> j or exactly j -> i) */
    double symmetric, antisymmetric; /* factors of s and a */
    double log_absent;               /* directed: ln(1 - density) */
    double sigma;                    /* sparse */
    int64_t excitatory;              /* dale: the first columns */
    double log_mean[2], log_sd;      /* dale: of ln |w|, excitatory and inhibitory */
} law;

/* ln(1 - d), accurate for small d (Higham 2002, section 1.14.1) */
static double log_one_minus(double d) {
    double w = 1.0 - d;
    return w == 1 ? -d : sx_log1(w) * (-d / (w - 1.0));
}

static law law_of(const sx_ensemble *e, sx_key key) {
    law l = { .e = e, .k = sx_kernels_get(NULL) };
    double n = (double)e->n, d = e->density, gamma = fabs(e->symmetry);
    l.weight = sx_key_derive(key, "weight", 0);
    l.mask = sx_key_derive(key, "mask", 0);
    l.pairwise = e->kind == SX_ENSEMBLE_GAUSSIAN || e->kind == SX_ENSEMBLE_LOWRANK ||
                 (e->kind == SX_ENSEMBLE_SPARSE && e->symmetry != 0);
    l.sigma = e->g / sqrt(SX_MUTANT(ensemble_density) ? n : n * d);
    l.both = gamma * d + (1.0 - gamma) * d * d;
    l.one = d - l.both;
    double c = e->symmetry * d / l.both;
    l.symmetric = l.sigma * sqrt(0.5 * (1.0 + c > 0 ? 1.0 + c : 0.0));
    l.antisymmetric = l.sigma * sqrt(0.5 * (1.0 - c > 0 ? 1.0 - c : 0.0));
    if (SX_MUTANT(ensemble_symmetry)) l.antisymmetric = l.symmetric;
    l.log_absent = d < 1 ? log_one_minus(d) : 0.0;
    if (e->kind == SX_ENSEMBLE_DALE) {
        /* |w| lognormal with mean a and variance a^2 (ln |w| has variance ln 2). Balance f a_E = (1 - f) a_I; an entry, present or not,
         * has variance a^2 d (2 - d); its average over the columns is to be g^2/n, which makes g the radius of the bulk
         * (Rajan and Abbott, Phys. Rev. Lett. 97, 188104, 2006). */
        l.excitatory = (int64_t)floor(e->excitatory * n + 0.5);
        double f = (double)l.excitatory / n, common = e->g / sqrt(n * d * (2.0 - d)), ln2 = sx_log1(2.0);
        l.log_mean[0] = sx_log1(common * sqrt((1.0 - f) / f)) - 0.5 * ln2;
        l.log_mean[1] = sx_log1(common * sqrt(f / (1.0 - f))) - 0.5 * ln2;
        l.log_sd = sqrt(ln2);
    }
    return l;
}

/* -- pairwise ----------------------------------------------------------------------------------------------------------------- */

/* W_ij and W_ji of the pairs (i, j), j in [first, first + m), m <= DRAWS, i <= first; an absent link is an exact zero. */
static void pairs(const law *l, int64_t i, int64_t first, int64_t m, double *w, double *wt) {
    double z[2 * DRAWS], u[DRAWS];
    l->k->normal(l->weight, (uint64_t)i, SX_SLOT_COUPLING, (uint32_t)first, 2, m, z);
    for (int64_t j = 0; j < m; j++) {
        double s = l->symmetric * z[j], a = l->antisymmetric * z[m + j];
        w[j] = s + a;
        wt[j] = s - a;
    }
    double density = l->both + l->one, diagonal = l->e->self ? sqrt_2 * (l->symmetric * z[0]) : 0.0;
    if (l->e->density < 1) {
        l->k->uniform(l->mask, (uint64_t)i, SX_SLOT_COUPLING, (uint32_t)first, 1, m, u);
        for (int64_t j = 0; j < m; j++) {
            if (!(u[j] < density)) w[j] = 0;
            if (!(u[j] < l->both || (u[j] >= density && u[j] < density + l->one))) wt[j] = 0;
        }
        if (!(u[0] < density)) diagonal = 0;
    }
    if (first == i) w[0] = wt[0] = diagonal; /* the pair of a unit with itself */
}

/* The same as a list of the links there are; where they are rare, weights are drawn for those only. */
static int64_t listed_pairs(const law *l, int64_t i, int64_t first, int64_t m, int32_t *column, double *w, double *wt) {
    double z[2 * DRAWS], u[DRAWS], density = l->both + l->one, any = density + l->one;
    int64_t count = 0;
    bool rare = any < 1.0 / 16;
    l->k->uniform(l->mask, (uint64_t)i, SX_SLOT_COUPLING, (uint32_t)first, 1, m, u);
    if (!rare) l->k->normal(l->weight, (uint64_t)i, SX_SLOT_COUPLING, (uint32_t)first, 2, m, z);
    for (int64_t j = 0; j < m; j++) {
        if (!(u[j] < any)) continue;
        double pair[2];
        if (rare) {
            l->k->normal(l->weight, (uint64_t)i, SX_SLOT_COUPLING, (uint32_t)(first + j), 2, 1, pair);
        } else {
            pair[0] = z[j];
            pair[1] = z[m + j];
        }
        double s = l->symmetric * pair[0], a = l->antisymmetric * pair[1];
        column[count] = (int32_t)(first + j);
        w[count] = u[j] < density ? s + a : 0;
        wt[count] = u[j] < l->both || u[j] >= density ? s - a : 0;
        if (first + j == i) w[count] = wt[count] = u[j] < density && l->e->self ? sqrt_2 * s : 0;
        count++;
    }
    return count;
}

/* -- lists of links ----------------------------------------------------------------------------------------------------------- */

/* Links of a block of rows: of row r the entries [start[r], start[r+1]). wt is the mirror image, pairwise only. */
typedef struct link_block {
    int64_t start[SPARSE_ROWS + 1];
    int64_t room;
    int32_t *column;
    double *w, *wt;
} link_block;

static sx_status resize(sx_ctx *ctx, link_block *b, int64_t room, bool mirror) {
    SX_TRY(ctx, sx_resize(ctx, room, sizeof *b->column, &b->column));
    SX_TRY(ctx, sx_resize(ctx, room, sizeof *b->w, &b->w));
    if (mirror) SX_TRY(ctx, sx_resize(ctx, room, sizeof *b->wt, &b->wt));
    b->room = room;
    return SX_OK;
}

static sx_status reserve(sx_ctx *ctx, link_block *b, int64_t need, bool mirror) {
    if (need > b->room) SX_TRY(ctx, resize(ctx, b, need + need / 2 + 1024, mirror));
    return SX_OK;
}

static void release(sx_ctx *ctx, link_block *b) {
    sx_free(ctx, b->column);
    sx_free(ctx, b->w);
    sx_free(ctx, b->wt);
    b->column = NULL;
    b->w = b->wt = NULL;
}

/* -- directed ----------------------------------------------------------------------------------------------------------------- */

/* Appends the links into unit i to the list, which holds *at of them. */
static sx_status directed_row(sx_ctx *ctx, const law *l, int64_t i, link_block *b, int64_t *at) {
    const sx_ensemble *e = l->e;
    int64_t n = e->n, count = 0, j = -1;
    if (e->density >= 1) {
        SX_TRY(ctx, reserve(ctx, b, *at + n, false));
        for (j = 0; j < n; j++)
            if (j != i || e->self) b->column[*at + count++] = (int32_t)j;
    } else {
        /* the gap to the next link is geometric: floor(ln u / ln(1 - d)) links are absent before it */
        double u[DRAWS];
        for (uint32_t draw = 0; j < n; draw++) {
            SX_TRY(ctx, reserve(ctx, b, *at + count + DRAWS, false));
            l->k->uniform(l->mask, (uint64_t)i, SX_SLOT_COUPLING, draw, DRAWS, 1, u);
            l->k->log(DRAWS, u, u);
            for (int c = 0; c < DRAWS && j < n; c++) {
                double gap = floor(u[c] / l->log_absent);
                j = gap < (double)(n - j - 1) ? j + 1 + (int64_t)gap : n;
                if (j < n && (j != i || e->self)) b->column[*at + count++] = (int32_t)j;
            }
        }
    }
    const int32_t *column = b->column + *at;
    double *w = b->w + *at;
    l->k->normal(l->weight, (uint64_t)i, SX_SLOT_COUPLING, 0, count, 1, w);
    if (e->kind == SX_ENSEMBLE_SPARSE) {
        for (int64_t c = 0; c < count; c++) w[c] *= l->sigma;
    } else {
        for (int64_t c = 0; c < count; c++) w[c] = l->log_mean[column[c] >= l->excitatory] + l->log_sd * w[c];
        l->k->exp(count, w, w);
        for (int64_t c = 0; c < count; c++)
            if (column[c] >= l->excitatory) w[c] = -w[c];
    }
    *at += count;
    return SX_OK;
}

/* -- one row ------------------------------------------------------------------------------------------------------------------ */

static sx_status directed_dense_row(sx_ctx *ctx, const law *l, int64_t i, double *row) {
    link_block b = { .room = 0 };
    int64_t count = 0;
    sx_status status;
    SX_GO(ctx, status, done, directed_row(ctx, l, i, &b, &count));
    memset(row, 0, (size_t)l->e->n * sizeof *row);
    for (int64_t c = 0; c < count; c++) row[b.column[c]] = b.w[c];
done:
    release(ctx, &b);
    return status;
}

sx_status sx_ensemble_link_row(sx_ctx *ctx, const sx_ensemble *e, sx_key key, int64_t i, double *row) {
    law l = law_of(e, key);
    double unused[DRAWS];
    if (!l.pairwise) return directed_dense_row(ctx, &l, i, row);
    for (int64_t j = 0; j < i; j++) pairs(&l, j, i, 1, unused, row + j);
    for (int64_t j = i; j < e->n; j += DRAWS) pairs(&l, i, j, e->n - j < DRAWS ? e->n - j : DRAWS, row + j, unused);
    return SX_OK;
}

/* -- dense ---------------------------------------------------------------------------------------------------------------------- */

typedef struct dense_fill {
    const law *l;
    double *w;
} dense_fill;

/* Rows [first, last): the upper triangle directly, its mirror image by blocks of columns. */
static sx_status dense_pairs(sx_ctx *ctx, int64_t block, int worker, void *arg) {
    const dense_fill *f = arg;
    int64_t n = f->l->e->n, first = block * DENSE_ROWS, last = first + DENSE_ROWS < n ? first + DENSE_ROWS : n;
    double mirror[DENSE_ROWS][DRAWS];
    (void)ctx;
    (void)worker;
    for (int64_t i = first; i < last; i++) /* the corner on the diagonal */
        for (int64_t j = i; j < last; j++) pairs(f->l, i, j, 1, f->w + i * n + j, f->w + j * n + i);
    for (int64_t j0 = last; j0 < n; j0 += DRAWS) {
        int64_t m = n - j0 < DRAWS ? n - j0 : DRAWS;
        for (int64_t i = first; i < last; i++) pairs(f->l, i, j0, m, f->w + i * n + j0, mirror[i - first]);
        for (int64_t j = 0; j < m; j++)
            for (int64_t i = first; i < last; i++) f->w[(j0 + j) * n + i] = mirror[i - first][j];
    }
    return SX_OK;
}

static sx_status dense_directed(sx_ctx *ctx, int64_t i, int worker, void *arg) {
    const dense_fill *f = arg;
    (void)worker;
    SX_TRY(ctx, directed_dense_row(ctx, f->l, i, f->w + i * f->l->e->n));
    return SX_OK;
}

static sx_status links_dense(sx_ctx *ctx, const law *l, sx_coupling **out) {
    int64_t n = l->e->n, size;
    dense_fill f = { .l = l };
    sx_status status;
    SX_GO(ctx, status, done, sx_mul_size(ctx, n, n, &size));
    SX_GO(ctx, status, done, sx_alloc(ctx, size, sizeof *f.w, &f.w));
    if (l->pairwise)
        SX_GO(ctx, status, done, sx_parallel_for(ctx, (n + DENSE_ROWS - 1) / DENSE_ROWS, dense_pairs, &f));
    else
        SX_GO(ctx, status, done, sx_parallel_for(ctx, n, dense_directed, &f));
    status = sx_coupling_own_dense(ctx, n, n, f.w, out);
    f.w = NULL;
done:
    sx_free(ctx, f.w);
    return status;
}

/* -- CSR ------------------------------------------------------------------------------------------------------------------------ */

typedef struct csr_fill {
    const law *l;
    link_block *block;
} csr_fill;

static sx_status csr_links(sx_ctx *ctx, int64_t index, int worker, void *arg) {
    const csr_fill *f = arg;
    link_block *b = &f->block[index];
    int64_t n = f->l->e->n, at = 0;
    (void)worker;
    for (int64_t r = 0; r < SPARSE_ROWS; r++) {
        int64_t i = index * SPARSE_ROWS + r;
        b->start[r] = at;
        if (i < n && f->l->pairwise) {
            for (int64_t j = i; j < n; j += DRAWS) {
                SX_TRY(ctx, reserve(ctx, b, at + DRAWS, true));
                at += listed_pairs(f->l, i, j, n - j < DRAWS ? n - j : DRAWS, b->column + at, b->w + at, b->wt + at);
            }
        } else if (i < n) {
            SX_TRY(ctx, directed_row(ctx, f->l, i, b, &at));
        }
    }
    b->start[SPARSE_ROWS] = at;
    SX_TRY(ctx, resize(ctx, b, at, f->l->pairwise));
    return SX_OK;
}

/* Count, then place, each block freed after its rows. A pair (i, j), j > i gives the last entry so far of row j, as rows are visited in ascending i:
 * columns come out sorted. */
static sx_status csr_merge(sx_ctx *ctx, const law *l, link_block *block, sx_coupling **out) {
    int64_t n = l->e->n, *start = NULL, *next = NULL;
    int32_t *column = NULL;
    double *value = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, n + 1, sizeof *start, &start));
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *next, &next));
    for (int64_t i = 0; i < n; i++) {
        const link_block *b = &block[i / SPARSE_ROWS];
        for (int64_t c = b->start[i % SPARSE_ROWS]; c < b->start[i % SPARSE_ROWS + 1]; c++) {
            start[i + 1] += b->w[c] != 0;
            if (l->pairwise && b->column[c] != i) start[b->column[c] + 1] += b->wt[c] != 0;
        }
    }
    for (int64_t i = 0; i < n; i++) {
        start[i + 1] += start[i];
        next[i] = start[i];
    }
    SX_GO(ctx, status, done, sx_alloc(ctx, start[n], sizeof *column, &column));
    SX_GO(ctx, status, done, sx_alloc(ctx, start[n], sizeof *value, &value));
    for (int64_t i = 0; i < n; i++) {
        const link_block *b = &block[i / SPARSE_ROWS];
        for (int64_t c = b->start[i % SPARSE_ROWS]; c < b->start[i % SPARSE_ROWS + 1]; c++) {
            int64_t j = b->column[c];
            if (b->w[c] != 0) {
                column[next[i]] = (int32_t)j;
                value[next[i]++] = b->w[c];
            }
            if (l->pairwise && j != i && b->wt[c] != 0) {
                column[next[j]] = (int32_t)i;
                value[next[j]++] = b->wt[c];
            }
        }
        if (i % SPARSE_ROWS == SPARSE_ROWS - 1 || i == n - 1) release(ctx, &block[i / SPARSE_ROWS]);
    }
    status = sx_coupling_own_csr(ctx, n, n, start, column, value, out);
    start = NULL;
    column = NULL;
    value = NULL;
done:
    sx_free(ctx, start);
    sx_free(ctx, next);
    sx_free(ctx, column);
    sx_free(ctx, value);
    return status;
}

static sx_status links_csr(sx_ctx *ctx, const law *l, sx_coupling **out) {
    int64_t blocks = (l->e->n + SPARSE_ROWS - 1) / SPARSE_ROWS;
    csr_fill f = { .l = l };
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, blocks, sizeof *f.block, &f.block));
    SX_GO(ctx, status, done, sx_parallel_for(ctx, blocks, csr_links, &f));
    SX_GO(ctx, status, done, csr_merge(ctx, l, f.block, out));
done:
    for (int64_t i = 0; f.block && i < blocks; i++) release(ctx, &f.block[i]);
    sx_free(ctx, f.block);
    return status;
}

sx_status sx_ensemble_links(sx_ctx *ctx, const sx_ensemble *e, sx_key key, sx_coupling **out) {
    law l = law_of(e, key);
    bool csr = e->kind == SX_ENSEMBLE_SPARSE || e->density <= 0.25;
    SX_TRY(ctx, csr ? links_csr(ctx, &l, out) : links_dense(ctx, &l, out));
    return SX_OK;
}
