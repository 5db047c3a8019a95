// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Floors: the least time this machine needs for a piece of work, each a formula over rates measured in the same process with the
 * fastest shape known. Speeds are published as ratios to them. */
#ifndef SX_BENCH_FLOORS_H
#define SX_BENCH_FLOORS_H

#include <stdint.h>

/* Rates of one thread, best of several runs. */
typedef struct sx_rates {
    double dgemm;        /* flop/s of W (n x n) times X (n x b), best over b = 32 .. 1024 */
    int64_t dgemm_block; /* that b */
    double small_gemm;   /* flop/s of the small product n x n times n x b without BLAS, best over b */
    double triad;        /* bytes/s of a[i] = b[i] + s c[i], 24 bytes an element, arrays far larger than the caches */
    double lines;        /* random 64-byte lines per second out of an array of the sparse case's size */
    double tanh;         /* seconds per tanh, in cache */
    double normal;       /* seconds per normal, in cache */
    double elementwise;  /* seconds per unit of x += h f + s w, in cache */
    double libm_tanh, libm_normal; /* the scalar loops with libm, to compare */
    double
        qr; /* seconds for Q and R of an n x k matrix, the faster of LAPACK's two blocked routines, stored as they like it */
} sx_rates;

void sx_measure_vector(sx_rates *r);
void sx_measure_dgemm(sx_rates *r, int64_t n);
void sx_measure_small(sx_rates *r, int64_t n);
void sx_measure_memory(sx_rates *r, int64_t columns);
void sx_measure_qr(sx_rates *r, int64_t n, int64_t k);

/* Seconds per step of an ensemble on one thread. */
double sx_floor_dense(const sx_rates *r, int64_t n, int64_t replicas);
double sx_floor_small(const sx_rates *r, int64_t n, int64_t replicas);
double sx_floor_sparse(const sx_rates *r, int64_t n, int64_t nonzeros, int64_t replicas);
/* Seconds per step of one trajectory of n units with k tangent vectors: `stages` products with the state and the vectors, Q and R after
 * every `every` steps. */
double sx_floor_lyapunov(const sx_rates *r, int64_t n, int64_t k, int stages, int64_t every);
/* Seconds for so many Jacobians of a cell with n units on one thread. */
double sx_floor_jacobians(const sx_rates *r, int64_t n, int64_t gates, int64_t points);
/* What a step of on-line learning with n units cannot avoid, in seconds of one thread. */
typedef struct sx_learning_rates {
    double stream;  /* n^2 weights read and written once (dscal) */
    double chain;   /* one conditional draw whose parameter waits for the draw before it: sx_vexp, sx_vlog */
    double uniform; /* one uniform number */
} sx_learning_rates;
void sx_measure_learning(sx_learning_rates *r, int64_t n);
/* Seconds of a step; draw: of one draw. */
double sx_floor_learning(const sx_rates *r, const sx_learning_rates *l, int64_t n, double draw);

/* Seconds of one product with one vector by the plain CSR loop, measured on a random matrix of that size. */
double sx_plain_csr(int64_t n, int64_t per_row);

double sx_seconds(void);

#endif
