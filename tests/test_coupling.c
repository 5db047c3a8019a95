// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Products of every form of coupling against the triple loop, with bounds on the rounding error of a sum (Higham 2002, section 3.1:
 * |error| <= n eps sum |w_ij x_j|), and against themselves on another number of workers, bit for bit. */
#include "models/coupling_private.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static double random_number(int64_t purpose, int64_t i) {
    double x;
    sx_normal_fill(sx_key_derive(sx_key_seed(5), "test", (uint64_t)purpose), 0, SX_SLOT_USER, i, 1, 1, &x);
    return x;
}

static sx_ctx *ctx_with(int threads) {
    sx_host host = { .struct_size = sizeof host, .threads = threads };
    return sx_ctx_create(&host);
}

static double *vector(sx_ctx *ctx, int64_t n) {
    double *x = NULL;
    assert_int_equal(sx_alloc(ctx, n, sizeof *x, &x), SX_OK);
    return x;
}

/* -- one coupling of every form ---------------------------------------------------------------------------------------------------- */

static sx_coupling *make_dense(sx_ctx *ctx, int64_t n_out, int64_t n_in) {
    sx_coupling *c = NULL;
    double *w = vector(ctx, n_out * n_in);
    sx_normal_fill(sx_key_seed(1), 0, SX_SLOT_USER, 0, n_out, n_in, w);
    assert_int_equal(sx_coupling_dense(ctx, n_out, n_in, w, &c), SX_OK);
    sx_free(ctx, w);
    return c;
}

/* rows of 0 to 10 entries; row 0 is empty */
static sx_coupling *make_csr(sx_ctx *ctx, int64_t n_out, int64_t n_in) {
    sx_coupling *c = NULL;
    int64_t *start = NULL, at = 0;
    int32_t *column = NULL;
    double *w = vector(ctx, 11 * n_out);
    assert_int_equal(sx_alloc(ctx, n_out + 1, sizeof *start, &start), SX_OK);
    assert_int_equal(sx_alloc(ctx, 11 * n_out, sizeof *column, &column), SX_OK);
    for (int64_t i = 0; i < n_out; i++) {
        int64_t step = n_in / 11 + 1;
        for (int64_t j = i * 7 % step, k = 0; j < n_in && k < i % 11; j += step, k++) {
            column[at] = (int32_t)j;
            w[at] = random_number(2, at);
            at++;
        }
        start[i + 1] = at;
    }
    assert_int_equal(sx_coupling_csr(ctx, n_out, n_in, start, column, w, &c), SX_OK);
    assert_int_equal(sx_coupling_nonzeros(c), at);
    sx_free(ctx, w);
    sx_free(ctx, start);
    sx_free(ctx, column);
    return c;
}

static sx_coupling *make_lowrank(sx_ctx *ctx, int64_t n_out, int64_t n_in, int64_t rank) {
    sx_coupling *c = NULL;
    double *U = vector(ctx, n_out * rank), *V = vector(ctx, n_in * rank);
    sx_normal_fill(sx_key_seed(3), 0, SX_SLOT_USER, 0, n_out, rank, U);
    sx_normal_fill(sx_key_seed(4), 0, SX_SLOT_USER, 0, n_in, rank, V);
    assert_int_equal(sx_coupling_lowrank(ctx, n_out, n_in, rank, U, V, &c), SX_OK);
    sx_free(ctx, U);
    sx_free(ctx, V);
    return c;
}

static sx_coupling *make_sum(sx_ctx *ctx, int64_t n_out, int64_t n_in) {
    sx_coupling *part[3] = { make_lowrank(ctx, n_out, n_in, 3), make_csr(ctx, n_out, n_in),
                             make_dense(ctx, n_out, n_in) },
                *c = NULL;
    const sx_coupling *parts[3] = { part[0], part[1], part[2] };
    const double scale[3] = { 0.5, -2.0, 1.25 };
    assert_int_equal(sx_coupling_sum(ctx, 3, parts, scale, &c), SX_OK);
    for (int i = 0; i < 3; i++) sx_coupling_free(ctx, part[i]);
    return c;
}

enum { FORMS = 5 };
static sx_coupling *make(sx_ctx *ctx, int form, int64_t n_out, int64_t n_in) {
    sx_coupling *c = NULL, *scaled = NULL;
    switch (form) {
    case 0:
        return make_dense(ctx, n_out, n_in);
    case 1:
        return make_csr(ctx, n_out, n_in);
    case 2:
        return make_lowrank(ctx, n_out, n_in, 5);
    case 3:
        return make_sum(ctx, n_out, n_in);
    default: /* a scaled view that outlives its owner's other reference */
        c = make_sum(ctx, n_out, n_in);
        assert_int_equal(sx_coupling_scaled(ctx, c, -0.75, &scaled), SX_OK);
        sx_coupling_free(ctx, c);
        return scaled;
    }
}

/* -- products ---------------------------------------------------------------------------------------------------------------------- */

static void check_apply(sx_ctx *ctx, sx_ctx *other, const sx_coupling *c, bool transposed, double alpha, double beta,
                        int64_t b) {
    int64_t n_out = sx_coupling_rows(c), n_in = sx_coupling_columns(c);
    int64_t m = transposed ? n_in : n_out, k = transposed ? n_out : n_in, scratch = sx_coupling_work(c, b);
    double *w = vector(ctx, n_out * n_in), *x = vector(ctx, k * b), *y = vector(ctx, m * b), *z = vector(ctx, m * b);
    double *y0 = vector(ctx, m * b), *p = vector(ctx, scratch);
    sx_coupling_add_to_dense(c, 1.0, NULL, w);
    sx_normal_fill(sx_key_seed(8), 0, SX_SLOT_USER, 0, k, b, x);
    sx_normal_fill(sx_key_seed(9), 0, SX_SLOT_USER, 0, m, b, y0);
    for (int64_t i = 0; i < m * b; i++) y[i] = z[i] = beta == 0 ? (double)NAN : y0[i];
    sx_work work = { .p = p, .doubles = scratch };
    sx_coupling_apply(c, transposed, alpha, (sx_cbatch){ x, k, b }, beta, (sx_batch){ y, m, b }, work);
    for (int64_t i = 0; i < m; i++)
        for (int64_t r = 0; r < b; r++) {
            double sum = 0, size = 0;
            for (int64_t j = 0; j < k; j++) {
                double t = (transposed ? w[j * n_in + i] : w[i * n_in + j]) * x[j * b + r];
                sum += t;
                size += fabs(t);
            }
            double expected = alpha * sum + (beta == 0 ? 0 : beta * y0[i * b + r]);
            double bound = 1e-14 * (fabs(alpha) * size + 1) * sqrt((double)k);
            if (!(fabs(y[i * b + r] - expected) <= bound))
                fail_msg("form %d b %d transposed %d: %.17g instead of %.17g", sx_coupling_form_of(c), (int)b,
                         transposed, y[i * b + r], expected);
        }
    for (int64_t i = 0; i < scratch; i++) p[i] = (double)NAN;
    work.exec = sx_ctx_exec(other);
    sx_coupling_apply(c, transposed, alpha, (sx_cbatch){ x, k, b }, beta, (sx_batch){ z, m, b }, work);
    assert_memory_equal(y, z, (size_t)(m * b) * sizeof *y);
    sx_free(ctx, w);
    sx_free(ctx, x);
    sx_free(ctx, y);
    sx_free(ctx, z);
    sx_free(ctx, y0);
    sx_free(ctx, p);
}

static void products_match_the_triple_loop(void **state) {
    static const int64_t sizes[][2] = { { 1, 1 }, { 17, 40 }, { 64, 64 }, { 65, 33 }, { 301, 290 } },
                         columns[] = { 1, 5, 8, 24, 64 };
    sx_ctx *ctx = ctx_with(1), *four = ctx_with(4);
    (void)state;
    for (int form = 0; form < FORMS; form++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            sx_coupling *c = make(ctx, form, sizes[s][0], sizes[s][1]);
            for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
                for (int transposed = 0; transposed < 2; transposed++) {
                    check_apply(ctx, four, c, transposed, 1.0, 0.0, columns[i]);
                    check_apply(ctx, four, c, transposed, -0.5, 2.0, columns[i]);
                }
            sx_coupling_free(ctx, c);
        }
    sx_ctx_free(four);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* CSR with many panels: 200 000 entries; and a single direction has the bits of a column of a batch. */
static void large_csr(void **state) {
    sx_ctx *ctx = ctx_with(1), *three = ctx_with(3);
    (void)state;
    int64_t n = 40001, b = 16, scratch;
    sx_coupling *c = make_csr(ctx, n, n);
    assert_true(c->csr.panels > 5 && c->csr.panel[c->csr.panels] == n);
    scratch = sx_coupling_work(c, b);
    double *x = vector(ctx, n * b), *y = vector(ctx, n * b), *z = vector(ctx, n * b), *p = vector(ctx, scratch);
    double *x1 = vector(ctx, n), *y1 = vector(ctx, n);
    sx_normal_fill(sx_key_seed(8), 0, SX_SLOT_USER, 0, n, b, x);
    for (int transposed = 0; transposed < 2; transposed++) {
        sx_coupling_apply(c, transposed, 1.5, (sx_cbatch){ x, n, b }, 0, (sx_batch){ y, n, b },
                          (sx_work){ .p = p, .doubles = scratch });
        sx_coupling_apply(c, transposed, 1.5, (sx_cbatch){ x, n, b }, 0, (sx_batch){ z, n, b },
                          (sx_work){ .p = p, .doubles = scratch, .exec = sx_ctx_exec(three) });
        assert_memory_equal(y, z, (size_t)(n * b) * sizeof *y);
        for (int64_t i = 0; i < n; i++) x1[i] = x[i * b + 3];
        sx_coupling_apply(c, transposed, 1.5, (sx_cbatch){ x1, n, 1 }, 0, (sx_batch){ y1, n, 1 },
                          (sx_work){ .p = NULL });
        for (int64_t i = 0; i < n; i++) assert_true(y1[i] == y[i * b + 3]);
    }
    sx_free(ctx, x);
    sx_free(ctx, y);
    sx_free(ctx, z);
    sx_free(ctx, p);
    sx_free(ctx, x1);
    sx_free(ctx, y1);
    sx_coupling_free(ctx, c);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(three);
    sx_ctx_free(ctx);
}

/* Wide enough for column blocks: against the sum in the order of the rows, within its rounding error; a column of a batch, a single
 * direction and any number of threads have the same bits. */
static void blocked_csr(void **state) {
    sx_ctx *ctx = ctx_with(1), *three = ctx_with(3);
    (void)state;
    const int64_t rows = 5000, columns = 40000, per_row = 40, b = 16;
    int64_t start[5001] = { 0 };
    int32_t *column = NULL;
    double *w = vector(ctx, rows * per_row);
    sx_coupling *c = NULL;
    assert_int_equal(sx_alloc(ctx, rows * per_row, sizeof *column, &column), SX_OK);
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t k = 0; k < per_row; k++) { /* one entry somewhere in each thousand of columns */
            column[i * per_row + k] = (int32_t)(k * 1000 + (i * 37 + k * 101) % 1000);
            w[i * per_row + k] = random_number(5, i * per_row + k);
        }
        start[i + 1] = (i + 1) * per_row;
    }
    assert_int_equal(sx_coupling_csr(ctx, rows, columns, start, column, w, &c), SX_OK);
    assert_int_equal(c->csr.blocks, 4);
    assert_int_equal(c->csr.panels, 5);
    assert_null(c->csr_t.segment); /* held once */
    assert_true(sx_coupling_bytes(c) < rows * per_row * 12 + rows * 4 * 8 + 1000);
    const int64_t scratch = sx_coupling_work(c, b);
    double *x = vector(ctx, columns * b), *y = vector(ctx, rows * b), *z = vector(ctx, rows * b),
           *p = vector(ctx, scratch);
    double *x1 = vector(ctx, columns), *y1 = vector(ctx, rows);
    sx_normal_fill(sx_key_seed(9), 0, SX_SLOT_USER, 0, columns, b, x);
    for (int64_t i = 0; i < columns; i++) x1[i] = x[i * b + 3];
    for (int pass = 0; pass < 2; pass++) {
        const double beta = pass ? -0.5 : 0;
        for (int64_t i = 0; i < rows * b; i++) y[i] = z[i] = (double)(i % 7);
        for (int64_t i = 0; i < rows; i++) y1[i] = y[i * b + 3];
        sx_coupling_apply(c, false, 1.5, (sx_cbatch){ x, columns, b }, beta, (sx_batch){ y, rows, b },
                          (sx_work){ .p = p, .doubles = scratch });
        for (int64_t i = 0; i < rows; i++)
            for (int64_t r = 0; r < b; r++) {
                double sum = 0, size = 0;
                for (int64_t k = start[i]; k < start[i + 1]; k++) {
                    sum += w[k] * x[column[k] * b + r];
                    size += fabs(w[k] * x[column[k] * b + r]);
                }
                assert_true(fabs(y[i * b + r] - (beta * z[i * b + r] + 1.5 * sum)) <= 1e-14 * (size + 7));
            }
        sx_coupling_apply(c, false, 1.5, (sx_cbatch){ x, columns, b }, beta, (sx_batch){ z, rows, b },
                          (sx_work){ .p = p, .doubles = scratch, .exec = sx_ctx_exec(three) });
        assert_memory_equal(y, z, (size_t)(rows * b) * sizeof *y);
        sx_coupling_apply(c, false, 1.5, (sx_cbatch){ x1, columns, 1 }, beta, (sx_batch){ y1, rows, 1 },
                          (sx_work){ .p = p, .doubles = scratch });
        for (int64_t i = 0; i < rows; i++) assert_true(y1[i] == y[i * b + 3]);
    }
    /* the transposed product: sums over the rows in their order, the same bits for any width and number of threads */
    static const int64_t widths[] = { 1, 5, 8, 16 };
    double *want = vector(ctx, columns * b);
    memset(want, 0, (size_t)(columns * b) * sizeof *want);
    for (int64_t i = 0; i < rows * b; i++) z[i] = y[i];
    for (int64_t i = 0; i < rows; i++)
        for (int64_t k = start[i]; k < start[i + 1]; k++)
            for (int64_t r = 0; r < b; r++) want[column[k] * b + r] += w[k] * z[i * b + r];
    for (size_t q = 0; q < 2 * sizeof widths / sizeof *widths; q++) {
        const int64_t wide = widths[q / 2];
        const double beta = q % 2 ? -0.5 : 0;
        for (int64_t i = 0; i < rows; i++)
            for (int64_t r = 0; r < wide; r++) y[i * wide + r] = z[i * b + r];
        for (int64_t i = 0; i < columns * wide; i++) x[i] = (double)(i % 7);
        sx_coupling_apply(c, true, 1.5, (sx_cbatch){ y, rows, wide }, beta, (sx_batch){ x, columns, wide },
                          (sx_work){ .p = p, .doubles = scratch, .exec = q % 4 < 2 ? NULL : sx_ctx_exec(three) });
        for (int64_t i = 0; i < columns; i++)
            for (int64_t r = 0; r < wide; r++) {
                const double first = beta == 0 ? 0 : beta * (double)((i * wide + r) % 7);
                assert_true(x[i * wide + r] == first + 1.5 * want[i * b + r]);
            }
    }
    sx_csr plain;
    assert_int_equal(sx_coupling_plain(ctx, c, false, &plain), SX_OK);
    assert_memory_equal(plain.segment, start, (size_t)(rows + 1) * sizeof *start);
    assert_memory_equal(plain.column, column, (size_t)(rows * per_row) * sizeof *column);
    assert_memory_equal(plain.value, w, (size_t)(rows * per_row) * sizeof *w);
    sx_csr_free(ctx, &plain);
    assert_int_equal(sx_coupling_plain(ctx, c, true, &plain), SX_OK);
    assert_int_equal(plain.rows, columns);
    for (int64_t j = 0, found = 0; j < columns; j++)
        for (int64_t k = plain.segment[j]; k < plain.segment[j + 1]; k++, found++) {
            const int64_t i = plain.column[k],
                          at = start[i] + j / 1000; /* where row i has its entry of this thousand */
            assert_true(column[at] == j && w[at] == plain.value[k] && found == k);
            assert_true(k == plain.segment[j] || plain.column[k - 1] < i);
        }
    assert_int_equal(plain.segment[columns], rows * per_row);
    sx_csr_free(ctx, &plain);
    for (int64_t i = 0; i < columns; i++) x1[i] = 1;
    sx_coupling_row_sums(c, true, y);
    sx_coupling_apply(c, false, 1, (sx_cbatch){ x1, columns, 1 }, 0, (sx_batch){ y1, rows, 1 },
                      (sx_work){ .p = p, .doubles = scratch });
    for (int64_t i = 0; i < rows; i++) assert_true(fabs(y[i] - y1[i]) < 1e-13);
    double *arrays[] = { w, x, y, z, p, x1, y1, want };
    for (size_t k = 0; k < sizeof arrays / sizeof *arrays; k++) sx_free(ctx, arrays[k]);
    sx_free(ctx, column);
    sx_coupling_free(ctx, c);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(three);
    sx_ctx_free(ctx);
}

/* -- derived couplings and entries ---------------------------------------------------------------------------------------------------- */

/* The Laplacian of a matrix in blocks: L x = W x - (row sums) x, and its diagonal. */
static void blocked_laplacian(void **state) {
    enum { N = 16400, PER_ROW = 13 };
    sx_ctx *ctx = ctx_with(1);
    (void)state;
    int64_t *start = NULL;
    int32_t *column = NULL;
    double *w = vector(ctx, N * PER_ROW), *x = vector(ctx, N), *y = vector(ctx, N), *z = vector(ctx, N),
           *p = vector(ctx, N);
    sx_coupling *c = NULL, *l = NULL;
    assert_int_equal(sx_alloc(ctx, N + 1, sizeof *start, &start), SX_OK);
    assert_int_equal(sx_alloc(ctx, N * PER_ROW, sizeof *column, &column), SX_OK);
    for (int64_t i = 0; i < N; i++) {
        for (int64_t k = 0; k < PER_ROW; k++) {
            column[i * PER_ROW + k] = (int32_t)(k * 1261 + (i * 37 + k * 101) % 1261);
            w[i * PER_ROW + k] = random_number(6, i * PER_ROW + k);
        }
        start[i + 1] = (i + 1) * PER_ROW;
        x[i] = random_number(7, i);
    }
    assert_int_equal(sx_coupling_csr(ctx, N, N, start, column, w, &c), SX_OK);
    assert_int_equal(sx_coupling_diffusive(ctx, c, &l), SX_OK);
    assert_int_equal(c->csr.blocks, 2);
    assert_int_equal(l->csr.blocks, 2);
    sx_work work = { .p = p, .doubles = N };
    sx_coupling_apply(c, false, 1, (sx_cbatch){ x, N, 1 }, 0, (sx_batch){ y, N, 1 }, work);
    sx_coupling_apply(l, false, 1, (sx_cbatch){ x, N, 1 }, 0, (sx_batch){ z, N, 1 }, work);
    sx_coupling_diagonal(l, p);
    for (int64_t i = 0; i < N; i++) {
        double sum = 0, self = 0;
        for (int64_t k = start[i]; k < start[i + 1]; k++) *(column[k] == i ? &self : &sum) += w[k];
        assert_true(fabs(p[i] + sum) < 1e-13);
        assert_true(fabs(z[i] - (y[i] - (self + sum) * x[i])) < 1e-12);
    }
    double *arrays[] = { w, x, y, z, p };
    for (size_t k = 0; k < sizeof arrays / sizeof *arrays; k++) sx_free(ctx, arrays[k]);
    sx_free(ctx, column);
    sx_free(ctx, start);
    sx_coupling_free(ctx, l);
    sx_coupling_free(ctx, c);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* L_ij = W_ij off the diagonal, L_ii = -sum_{j != i} W_ij; the form is kept. */
static void laplacian(void **state) {
    sx_ctx *ctx = ctx_with(1);
    int64_t n = 45;
    (void)state;
    for (int form = 0; form < FORMS; form++) {
        sx_coupling *w = make(ctx, form, n, n), *l = NULL;
        double *a = vector(ctx, n * n), *b = vector(ctx, n * n), *d = vector(ctx, n);
        assert_int_equal(sx_coupling_diffusive(ctx, w, &l), SX_OK);
        if (form < 2) assert_int_equal(sx_coupling_form_of(l), sx_coupling_form_of(w));
        if (form == 1) assert_true(sx_coupling_nonzeros(l) > sx_coupling_nonzeros(w));
        sx_coupling_add_to_dense(w, 1.0, NULL, a);
        sx_coupling_add_to_dense(l, 1.0, NULL, b);
        sx_coupling_diagonal(l, d);
        for (int64_t i = 0; i < n; i++) {
            double sum = 0;
            for (int64_t j = 0; j < n; j++)
                if (j != i) {
                    assert_true(fabs(a[i * n + j] - b[i * n + j]) <= 1e-15 * (1 + fabs(a[i * n + j])));
                    sum += a[i * n + j];
                }
            assert_true(fabs(b[i * n + i] + sum) < 1e-12 && fabs(d[i] + sum) < 1e-12);
        }
        sx_free(ctx, a);
        sx_free(ctx, b);
        sx_free(ctx, d);
        sx_coupling_free(ctx, w);
        sx_coupling_free(ctx, l);
    }
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

static void entries(void **state) {
    sx_ctx *ctx = ctx_with(1);
    double U[2] = { 1, 2 }, V[3] = { 3, 0, -1 }, W[6] = { 1, 0, 2, 0, 0, 3 }, d[3] = { 10, 100, 1000 }, out[6] = { 0 },
           diagonal[2];
    sx_coupling *uv = NULL, *w = NULL, *sum = NULL, *twice = NULL;
    (void)state;
    assert_int_equal(sx_coupling_lowrank(ctx, 2, 3, 1, U, V, &uv), SX_OK);
    assert_int_equal(sx_coupling_dense(ctx, 2, 3, W, &w), SX_OK);
    const sx_coupling *parts[2] = { uv, w };
    const double scale[2] = { 1, -1 };
    assert_int_equal(sx_coupling_sum(ctx, 2, parts, scale, &sum), SX_OK); /* [[2,0,-3],[6,0,-5]] */
    assert_int_equal(sx_coupling_scaled(ctx, sum, 2, &twice), SX_OK);
    assert_int_equal(sx_coupling_nonzeros(w), 3);
    assert_true(sx_coupling_flops(w) == 12 && sx_coupling_flops(uv) == 10 && sx_coupling_flops(sum) == 22);
    assert_true(sx_coupling_bytes(w) >= 48);
    assert_null(sx_coupling_ensemble(w));
    sx_coupling_free(ctx, uv);
    sx_coupling_free(ctx, w);
    sx_coupling_free(ctx, sum);
    sx_coupling_add_to_dense(twice, 0.5, d, out);
    static const double expected[6] = { 20, 0, -3000, 60, 0, -5000 };
    for (int i = 0; i < 6; i++) assert_true(out[i] == expected[i]);
    sx_coupling_diagonal(twice, diagonal);
    assert_true(diagonal[0] == 4 && diagonal[1] == 0);
    sx_coupling *again = sx_coupling_ref(twice);
    sx_coupling_free(ctx, twice);
    assert_int_equal(sx_coupling_rows(again), 2);
    assert_int_equal(sx_coupling_columns(again), 3);
    sx_coupling_free(ctx, again);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

static void bad_input_is_named(void **state) {
    sx_ctx *ctx = ctx_with(1);
    double w[4] = { 1, 2, (double)NAN, 4 };
    int64_t start[3] = { 0, 2, 3 }, bad_start[3] = { 0, 2, 1 };
    int32_t column[3] = { 0, 1, 1 }, bad_column[3] = { 1, 0, 1 }, far[3] = { 0, 2, 1 };
    sx_coupling *c = NULL, *square = NULL, *wide = NULL;
    (void)state;
    assert_int_equal(sx_coupling_dense(ctx, 2, 2, w, &c), SX_E_USAGE);
    assert_non_null(strstr(sx_ctx_message(ctx), "weight[1][0]"));
    w[2] = 3;
    assert_int_equal(sx_coupling_dense(ctx, 0, 2, w, &c), SX_E_USAGE);
    assert_int_equal(sx_coupling_csr(ctx, 2, 2, bad_start, column, w, &c), SX_E_USAGE);
    assert_int_equal(sx_coupling_csr(ctx, 2, 2, start, bad_column, w, &c), SX_E_USAGE);
    assert_non_null(strstr(sx_ctx_message(ctx), "column 0 after 1"));
    assert_int_equal(sx_coupling_csr(ctx, 2, 2, start, far, w, &c), SX_E_USAGE);
    assert_int_equal(sx_coupling_lowrank(ctx, 2, 2, 0, w, w, &c), SX_E_USAGE);
    assert_int_equal(sx_coupling_dense(ctx, 2, 2, w, &square), SX_OK);
    assert_int_equal(sx_coupling_dense(ctx, 1, 4, w, &wide), SX_OK);
    const sx_coupling *parts[2] = { square, wide };
    const double scale[2] = { 1, 1 };
    assert_int_equal(sx_coupling_sum(ctx, 2, parts, scale, &c), SX_E_USAGE);
    assert_int_equal(sx_coupling_sum(ctx, 0, parts, scale, &c), SX_E_USAGE);
    assert_int_equal(sx_coupling_diffusive(ctx, wide, &c), SX_E_USAGE);
    double radius;
    assert_int_equal(sx_coupling_spectral_radius(ctx, wide, &radius), SX_E_USAGE);
    assert_int_equal(sx_coupling_scaled(ctx, wide, HUGE_VAL, &c), SX_E_USAGE);
    assert_null(c);
    sx_coupling_free(ctx, square);
    sx_coupling_free(ctx, wide);
    sx_coupling_free(ctx, NULL);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* -- spectral radius -------------------------------------------------------------------------------------------------------------------- */

static void spectral_radius(void **state) {
    sx_ctx *ctx = ctx_with(2);
    double radius, krylov;
    sx_coupling *c = NULL;
    (void)state;
    /* rotation by 90 degrees, stretched by 3: eigenvalues +-3i */
    static const double rotation[4] = { 0, -3, 3, 0 };
    assert_int_equal(sx_coupling_dense(ctx, 2, 2, rotation, &c), SX_OK);
    assert_int_equal(sx_coupling_spectral_radius(ctx, c, &radius), SX_OK);
    assert_true(fabs(radius - 3) < 1e-14);
    sx_coupling_free(ctx, c);
    /* Krylov-Schur with a basis far smaller than n against LAPACK */
    for (int form = 0; form < 4; form++) {
        c = make(ctx, form, 300, 300);
        assert_int_equal(sx_coupling_spectral_radius(ctx, c, &radius), SX_OK);
        assert_int_equal(sx_coupling_krylov_radius(ctx, c, 40, &krylov), SX_OK);
        if (!(fabs(krylov - radius) <= 1e-8 * radius))
            fail_msg("form %d: %.15g instead of %.15g", form, krylov, radius);
        sx_coupling_free(ctx, c);
    }
    /* beyond the limit of LAPACK: upper bidiagonal, so that the eigenvalues are the diagonal -3, 2.95 cos 1, 2.95 cos 2, ... */
    enum { N = 2500 };
    int64_t *start = NULL;
    int32_t *column = NULL;
    double *w = vector(ctx, 2 * N);
    assert_int_equal(sx_alloc(ctx, N + 1, sizeof *start, &start), SX_OK);
    assert_int_equal(sx_alloc(ctx, 2 * N, sizeof *column, &column), SX_OK);
    for (int32_t i = 0, at = 0; i < N; i++) {
        column[at] = i;
        w[at++] = i == 0 ? -3 : 2.95 * cos(i);
        if (i + 1 < N) {
            column[at] = i + 1;
            w[at++] = 0.1;
        }
        start[i + 1] = at;
    }
    assert_int_equal(sx_coupling_csr(ctx, N, N, start, column, w, &c), SX_OK);
    assert_int_equal(sx_coupling_spectral_radius(ctx, c, &radius), SX_OK);
    if (!(fabs(radius - 3) < 1e-8)) fail_msg("%.15g instead of 3", radius);
    sx_coupling_free(ctx, c);
    sx_free(ctx, w);
    sx_free(ctx, start);
    sx_free(ctx, column);
    /* a nilpotent matrix has radius 0; its defective eigenvalue is found to about sqrt(eps) */
    static const double nilpotent[4] = { 0, 1, 0, 0 };
    assert_int_equal(sx_coupling_dense(ctx, 2, 2, nilpotent, &c), SX_OK);
    assert_int_equal(sx_coupling_krylov_radius(ctx, c, 2, &krylov), SX_OK);
    assert_true(krylov < 1e-7);
    sx_coupling_free(ctx, c);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* -- memory exhausted at every allocation ------------------------------------------------------------------------------------------------ */

static void *failing(void *user, void *p, size_t old_size, size_t new_size) {
    int *left = user;
    void *q = NULL;
    if (new_size == 0) {
        free(p);
        return NULL;
    }
    if (--*left < 0) return NULL;
    if (posix_memalign(&q, 64, new_size)) return NULL;
    if (p) memcpy(q, p, old_size < new_size ? old_size : new_size);
    free(p);
    return q;
}

static void survives_every_failed_allocation(void **state) {
    sx_ctx *plain = ctx_with(1);
    double w[9] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
    int64_t start[4] = { 0, 1, 2, 3 };
    int32_t column[3] = { 1, 2, 0 };
    (void)state;
    for (int allowed = 0;; allowed++) {
        int left = 1000;
        sx_host host = { .struct_size = sizeof host, .user = &left, .alloc = failing, .threads = 1 };
        sx_ctx *ctx = sx_ctx_create(&host);
        sx_coupling *dense = NULL, *csr = NULL, *uv = NULL, *sum = NULL, *l = NULL;
        double radius;
        size_t before = sx_ctx_bytes(ctx);
        left = allowed;
        sx_status status = sx_coupling_dense(ctx, 3, 3, w, &dense);
        if (status == SX_OK) status = sx_coupling_csr(ctx, 3, 3, start, column, w, &csr);
        if (status == SX_OK) status = sx_coupling_lowrank(ctx, 3, 3, 1, w, w, &uv);
        if (status == SX_OK) {
            const sx_coupling *parts[3] = { dense, csr, uv };
            status = sx_coupling_sum(ctx, 3, parts, w, &sum);
        }
        if (status == SX_OK) status = sx_coupling_diffusive(ctx, sum, &l);
        if (status == SX_OK) status = sx_coupling_krylov_radius(ctx, l, 3, &radius);
        sx_coupling_free(ctx, dense);
        sx_coupling_free(ctx, csr);
        sx_coupling_free(ctx, uv);
        sx_coupling_free(ctx, sum);
        sx_coupling_free(ctx, l);
        assert_int_equal(sx_ctx_bytes(ctx), before);
        left = 1000;
        sx_ctx_free(ctx);
        if (status == SX_OK) {
            assert_true(allowed > 20);
            break;
        }
        assert_int_equal(status, SX_E_MEMORY);
    }
    sx_ctx_free(plain);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_match_the_triple_loop),
        cmocka_unit_test(large_csr),
        cmocka_unit_test(blocked_csr),
        cmocka_unit_test(blocked_laplacian),
        cmocka_unit_test(laplacian),
        cmocka_unit_test(entries),
        cmocka_unit_test(bad_input_is_named),
        cmocka_unit_test(spectral_radius),
        cmocka_unit_test(survives_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
