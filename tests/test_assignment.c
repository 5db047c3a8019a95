// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The assignment problem against all permutations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <separatrix/random.h>

#include "core/assignment.h"

#include <math.h>
#include <string.h>

enum { LARGEST = 7 };

/* Least sum over the permutations of columns `first` .. n - 1 of `order`. */
static double best(int64_t n, const double *cost, int64_t *order, int64_t first) {
    double least = first == n ? 0 : (double)INFINITY;
    for (int64_t k = first; k < n; k++) {
        int64_t t = order[first];
        order[first] = order[k];
        order[k] = t;
        least = fmin(least, cost[first * n + order[first]] + best(n, cost, order, first + 1));
        order[k] = order[first];
        order[first] = t;
    }
    return least;
}

static void test_all_permutations(void **state) {
    (void)state;
    sx_ctx *ctx = sx_ctx_create(NULL);
    double cost[LARGEST * LARGEST];
    for (int64_t trial = 0; trial < 60; trial++) {
        int64_t n = 1 + trial % LARGEST, order[LARGEST], column[LARGEST], seen[LARGEST] = { 0 };
        sx_normal_fill(sx_key_seed(3), (uint64_t)trial, SX_SLOT_USER, 0, n * n, 1, cost);
        for (int64_t i = 0; i < n * n && trial % 3 == 0; i++) cost[i] = round(cost[i]); /* ties */
        for (int64_t j = 0; j < n; j++) order[j] = j;
        assert_int_equal(sx_assign(ctx, n, cost, column), SX_OK);
        double sum = 0;
        for (int64_t i = 0; i < n; i++) {
            assert_true(column[i] >= 0 && column[i] < n);
            seen[column[i]]++;
            sum += cost[i * n + column[i]];
        }
        for (int64_t j = 0; j < n; j++) assert_int_equal(seen[j], 1);
        assert_true(fabs(sum - best(n, cost, order, 0)) < 1e-12);
    }
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* A hidden permutation of cost 0 in a matrix of cost 1 is found again, and the identity where everything is equal. */
static void test_hidden_permutation(void **state) {
    (void)state;
    enum { N = 150 };
    static double cost[N * N];
    static int64_t column[N];
    sx_ctx *ctx = sx_ctx_create(NULL);
    for (int64_t i = 0; i < N * N; i++) cost[i] = 1;
    for (int64_t i = 0; i < N; i++) cost[i * N + (37 * i + 11) % N] = 0;
    assert_int_equal(sx_assign(ctx, N, cost, column), SX_OK);
    for (int64_t i = 0; i < N; i++) assert_int_equal(column[i], (37 * i + 11) % N);
    memset(cost, 0, sizeof cost);
    assert_int_equal(sx_assign(ctx, N, cost, column), SX_OK);
    for (int64_t i = 0; i < N; i++) assert_int_equal(column[i], i);
    sx_ctx_free(ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_permutations),
        cmocka_unit_test(test_hidden_permutation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
