// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
#include "floors.h"

#include <separatrix/random.h>
#include <separatrix/vmath.h>

#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RUNS 7 /* the best of so many is the rate */

double sx_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double *numbers(int64_t n) {
    double *x = aligned_alloc(64, ((size_t)n * sizeof *x + 63) / 64 * 64);
    for (int64_t i = 0; x && i < n; i++) x[i] = 0.5 + 1e-3 * (double)(i % 997);
    return x;
}

/* A result the compiler must keep. */
static void keep(const double *x) {
    __asm__ volatile("" : : "r"(x) : "memory");
}

/* Best seconds of `body` over RUNS, repeated until each run takes some milliseconds. */
#define BEST(best, body)                                                                                               \
    do {                                                                                                               \
        best = INFINITY;                                                                                               \
        int64_t repeat_ = 1;                                                                                           \
        for (int run_ = 0; run_ < RUNS; run_++) {                                                                      \
            double t_ = sx_seconds();                                                                                  \
            for (int64_t k_ = 0; k_ < repeat_; k_++) body;                                                             \
            t_ = sx_seconds() - t_;                                                                                    \
            if (t_ / (double)repeat_ < best) best = t_ / (double)repeat_;                                              \
            if (run_ == 0) repeat_ = t_ < 5e-3 ? (int64_t)(5e-3 / (t_ + 1e-9)) + 1 : 1;                                \
        }                                                                                                              \
    } while (0)

/* One unit-step of Euler-Maruyama without the coupling: x += h f + s w. */
static void euler(int64_t n, double h, const double *restrict f, double s, const double *restrict w,
                  double *restrict x) {
    for (int64_t i = 0; i < n; i++) x[i] += h * f[i] + s * w[i];
}

/* The textbook loop: Philox word by word, Box-Muller with libm. */
static void libm_normals(int64_t n, double *out) {
    sx_key key = { { 1, 2 } };
    for (int64_t i = 0; i + 1 < n; i += 2) {
        uint32_t c[4] = { (uint32_t)i, 0, 0, 0 }, r[4];
        sx_philox(c, key, r);
        double u = ((double)((((uint64_t)r[0] << 32) | r[1]) >> 11) + 0.5) * 0x1p-53,
               v = (double)((((uint64_t)r[2] << 32) | r[3]) >> 11) * 0x1p-53;
        double radius = sqrt(-2 * log(u));
        out[i] = radius * cos(6.283185307179586 * v);
        out[i + 1] = radius * sin(6.283185307179586 * v);
    }
}

static void libm_tanhs(int64_t n, const double *x, double *y) {
    for (int64_t i = 0; i < n; i++) y[i] = tanh(x[i]);
}

void sx_measure_vector(sx_rates *r) {
    enum { N = 4096 }; /* three arrays stay in the second-level cache */
    double *x = numbers(N), *y = numbers(N), *w = numbers(N), best;
    for (int64_t i = 0; i < N; i++) x[i] = 4.0 * (double)i / N - 2.0;
    BEST(best, {
        sx_vtanh(N, x, y);
        keep(y);
    });
    r->tanh = best / N;
    BEST(best, {
        sx_normal_fill((sx_key){ { 1, 2 } }, 3, SX_SLOT_DW, 0, 8, N / 8, y);
        keep(y);
    });
    r->normal = best / N;
    BEST(best, {
        euler(N, 1e-9, y, 1e-9, w, x);
        keep(x);
    });
    r->elementwise = best / N;
    BEST(best, {
        libm_tanhs(N, x, y);
        keep(y);
    });
    r->libm_tanh = best / N;
    BEST(best, {
        libm_normals(N, y);
        keep(y);
    });
    r->libm_normal = best / N;
    free(w);
    free(y);
    free(x);
}

void sx_measure_dgemm(sx_rates *r, int64_t n) {
    double *w = numbers(n * n), *x = numbers(n * 1024), *y = numbers(n * 1024), best;
    r->dgemm = 0;
    for (int64_t b = 32; b <= 1024; b *= 2) {
        BEST(best, {
            cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)n, (int)b, (int)n, 1, w, (int)n, x, (int)b, 0,
                        y, (int)b);
            keep(y);
        });
        double rate = 2.0 * (double)n * (double)n * (double)b / best;
        if (rate > r->dgemm) {
            r->dgemm = rate;
            r->dgemm_block = b;
        }
    }
    free(y);
    free(x);
    free(w);
}

/* The fastest shape known for a tiny product without BLAS: four rows at once over 32 columns, everything in registers and cache. */
static void small_product(int64_t n, int64_t b, const double *restrict w, const double *restrict x,
                          double *restrict y) {
    for (int64_t c = 0; c < b; c += 16)
        for (int64_t i = 0; i < n; i += 2) {
            double s[2][16] = { { 0 } };
            for (int64_t j = 0; j < n; j++)
                for (int k = 0; k < 2; k++)
                    for (int q = 0; q < 16; q++) s[k][q] += w[(i + k) * n + j] * x[j * b + c + q];
            for (int k = 0; k < 2; k++) memcpy(y + (i + k) * b + c, s[k], sizeof s[k]);
        }
}

void sx_measure_small(sx_rates *r, int64_t n) {
    double *w = numbers((n + 1) * n), *x = numbers(n * 1024), *y = numbers((n + 1) * 1024), best;
    r->small_gemm = 0;
    for (int64_t b = 32; b <= 1024; b *= 2) {
        BEST(best, {
            small_product(n, b, w, x, y);
            keep(y);
        });
        double flops = 2.0 * (double)n * (double)n * (double)b, own = flops / best;
        BEST(best, {
            cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)n, (int)b, (int)n, 1, w, (int)n, x, (int)b, 0,
                        y, (int)b);
            keep(y);
        });
        if (flops / best > own) own = flops / best;
        if (own > r->small_gemm) r->small_gemm = own;
    }
    free(y);
    free(x);
    free(w);
}

void sx_measure_memory(sx_rates *r, int64_t columns) {
    int64_t n = 1 << 23;
    double *a = numbers(n), *b = numbers(n), *c = numbers(n), best;
    BEST(best, {
        for (int64_t i = 0; i < n; i++) a[i] = b[i] + 3.0 * c[i];
        keep(a);
    });
    r->triad = 24.0 * (double)n / best;
    free(c);
    free(b);
    free(a);

    int64_t reads = 1 << 20;
    double *x = numbers(columns * 8), sum[8] = { 0 };
    int32_t *index = malloc(sizeof *index * (size_t)reads);
    uint64_t state = 1;
    for (int64_t i = 0; index && i < reads; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        index[i] = (int32_t)((state >> 33) % (uint64_t)columns);
    }
    BEST(best, {
        for (int64_t i = 0; i < reads; i++) {
            __builtin_prefetch(x + 8 * (int64_t)index[i + 24 < reads ? i + 24 : i]);
            for (int q = 0; q < 8; q++) sum[q] += x[8 * (int64_t)index[i] + q];
        }
        keep(sum);
    });
    r->lines = (double)reads / best;
    free(index);
    free(x);
}

void sx_measure_qr(sx_rates *r, int64_t n, int64_t k) {
    enum { PANEL = 32 };
    const lapack_int N = (lapack_int)n, K = (lapack_int)k;
    double *a = numbers(n * k), *q = numbers(n * k), *c = numbers(n * k), *t = numbers((PANEL + 64) * k), best;
    uint64_t state = 3;
    for (int64_t i = 0; i < n * k; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        a[i] = (double)(state >> 40) * 0x1p-24 - 0.5;
    }
    BEST(best, {
        memcpy(q, a, (size_t)(n * k) * sizeof *q);
        LAPACKE_dgeqrf_work(LAPACK_COL_MAJOR, N, K, q, N, t, t + k, (lapack_int)(PANEL * k));
        LAPACKE_dorgqr_work(LAPACK_COL_MAJOR, N, K, K, q, N, t, t + k, (lapack_int)(PANEL * k));
        keep(q);
    });
    r->qr = best;
    if (k >= PANEL) {
        BEST(best, {
            memcpy(q, a, (size_t)(n * k) * sizeof *q);
            LAPACKE_dgeqrt_work(LAPACK_COL_MAJOR, N, K, PANEL, q, N, t, PANEL, t + PANEL * k);
            memset(c, 0, (size_t)(n * k) * sizeof *c);
            for (int64_t j = 0; j < k; j++) c[j * n + j] = 1;
            LAPACKE_dgemqrt_work(LAPACK_COL_MAJOR, 'L', 'N', N, K, K, PANEL, q, N, t, PANEL, c, N, t + PANEL * k);
            keep(c);
        });
        if (best < r->qr) r->qr = best;
    }
    free(t);
    free(c);
    free(q);
    free(a);
}

/* 2 n^2 flops a replica at the best dgemm rate, one tanh and one normal a unit. */
double sx_floor_dense(const sx_rates *r, int64_t n, int64_t replicas) {
    double N = (double)n, R = (double)replicas;
    return R * (2 * N * N / r->dgemm + N * (r->tanh + r->normal));
}

/* The same with the small product, and the update x += h f + s w, which no longer hides. */
double sx_floor_small(const sx_rates *r, int64_t n, int64_t replicas) {
    double N = (double)n, R = (double)replicas;
    return R * (2 * N * N / r->small_gemm + N * (r->tanh + r->normal + r->elementwise));
}

/* Eight replicas share a tile. Per tile either the memory moves 12 bytes a nonzero plus reading and writing the 8 columns, or the
 * random lines of the input set the pace, whichever is slower; then tanh and normals. */
double sx_floor_sparse(const sx_rates *r, int64_t n, int64_t nonzeros, int64_t replicas) {
    double N = (double)n, Z = (double)nonzeros, tiles = (double)((replicas + 7) / 8);
    double stream = (12 * Z + 2 * 64 * N) / r->triad, random = Z / r->lines;
    return tiles * ((stream > random ? stream : random) + 8 * N * (r->tanh + r->normal));
}

/* 2 n^2 (k + 1) flops a stage at the best dgemm rate, and the QR factors. */
double sx_floor_lyapunov(const sx_rates *r, int64_t n, int64_t k, int stages, int64_t every) {
    const double N = (double)n;
    return stages * 2 * N * N * (double)(k + 1) / r->dgemm + r->qr / (double)every;
}

/* Every entry is a sum over the gates of a product: gates n^2 multiply-adds (x += h f + s w has two), or n^2 numbers written to memory,
 * whichever is slower. */
double sx_floor_jacobians(const sx_rates *r, int64_t n, int64_t gates, int64_t points) {
    double entries = (double)(n * n), compute = (double)gates * entries * r->elementwise / 2,
           write = 8 * entries / r->triad;
    return (double)points * (compute > write ? compute : write);
}

/* Draws from densities proportional to exp(t x) on [-1, 1] by the inverse of the distribution function, each t = b + J x from the draw before; with the library's
 * exponential and logarithm, whose bits are the same everywhere (the C library's are faster, and not). */
static double chain(int64_t n, const double *u, double x) {
    for (int64_t i = 0; i < n; i++) {
        double t = 1.5 + 0.75 * x, y = -2 * t;
        sx_vexp(1, &y, &y);
        y = u[i] + (1 - u[i]) * y;
        sx_vlog(1, &y, &y);
        x = 1 + y / t;
    }
    return x;
}

void sx_measure_learning(sx_learning_rates *r, int64_t n) {
    const int N = (int)n;
    double *J = numbers(n * n), *u = numbers(4096), best;
    for (int64_t i = 0; i < 4096; i++) u[i] = ((double)i + 0.5) / 4096;
    BEST(best, {
        cblas_dscal(N * N, 1 - 1e-12, J, 1);
        keep(J);
    });
    r->stream = best;
    BEST(best, {
        u[0] = 0.25 + 0.125 * chain(4096, u, 0);
        keep(u);
    });
    r->chain = best / 4096;
    BEST(best, {
        sx_uniform_fill((sx_key){ { 1, 2 } }, 3, SX_SLOT_DW, 0, 512, 8, u);
        keep(u);
    });
    r->uniform = best / 4096;
    free(u);
    free(J);
}

/* J += e s^T and h = J s: 4 n^2 flops, n^2 weights read and written once, whichever is slower; then n draws, all at once or each after the one before. */
double sx_floor_learning(const sx_rates *r, const sx_learning_rates *l, int64_t n, double draw) {
    const double N = (double)n, flops = 4 * N * N / r->small_gemm;
    return (flops > l->stream ? flops : l->stream) + N * draw;
}

double sx_plain_csr(int64_t n, int64_t per_row) {
    int64_t nnz = n * per_row;
    int32_t *column = malloc(sizeof *column * (size_t)nnz);
    double *value = numbers(nnz), *x = numbers(n), *y = numbers(n), best = INFINITY;
    uint64_t state = 7;
    for (int64_t i = 0; column && i < nnz; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        column[i] = (int32_t)((state >> 33) % (uint64_t)n);
    }
    for (int run = 0; column && run < 3; run++) {
        double t = sx_seconds();
        for (int64_t i = 0; i < n; i++) {
            double s = 0;
            for (int64_t k = i * per_row; k < (i + 1) * per_row; k++) s += value[k] * x[column[k]];
            y[i] = s;
        }
        keep(y);
        t = sx_seconds() - t;
        if (t < best) best = t;
    }
    free(y);
    free(x);
    free(value);
    free(column);
    return best;
}
