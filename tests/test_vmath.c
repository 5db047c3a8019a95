// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Elementary functions: error against mpmath tables (tools/make_vmath_tables.py) and against the 80-bit functions of glibc (below
 * 1 ulp of 64 bits), Annex F values, equal bits of all levels, frozen bits for all compilers. */
#include <separatrix/vmath.h>

#include "core/kernels.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QNAN ((double)NAN)
#define INF  ((double)INFINITY)

static const char *const level_names[] = { "x86-64", "x86-64-v3", "x86-64-v4" };

typedef enum { EXP, EXPM1, LOG, TANH, ERF, SINPI, COSPI, FUNCTIONS } function;
static const char *const function_names[] = { "exp", "expm1", "log", "tanh", "erf", "sinpi", "cospi" };

static void apply(const sx_kernels *K, function f, int64_t n, const double *x, double *y) {
    switch (f) {
    case EXP:
        K->exp(n, x, y);
        break;
    case EXPM1:
        K->expm1(n, x, y);
        break;
    case LOG:
        K->log(n, x, y);
        break;
    case TANH:
        K->tanh(n, x, y);
        break;
    case ERF:
        K->erf(n, x, y);
        break;
    case SINPI:
        K->sincospi(n, x, y, NULL);
        break;
    default:
        K->sincospi(n, x, NULL, y);
        break;
    }
}

static double one(function f, double x) {
    double y;
    apply(sx_kernels_get(NULL), f, 1, &x, &y);
    return y;
}

static uint64_t bits(double x) {
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static double from_bits(uint64_t u) {
    double x;
    memcpy(&x, &u, sizeof x);
    return x;
}

/* Weyl sequence through the finaliser of splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t next(uint64_t *s) {
    uint64_t z = (*s += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static double uniform(uint64_t *s, double a, double b) {
    return a + (b - a) * ((double)(next(s) >> 11) * 0x1p-53);
}

static double ulp_of(long double y) {
    int e;
    (void)frexpl(y, &e);
    return ldexp(1.0, e - 53 < -1074 ? -1074 : e - 53);
}

/* -- accuracy --------------------------------------------------------------------------------------------------------------- */

static double table_error(function f) {
    char path[512], line[160];
    double worst = 0;
    int lines = 0;
    (void)snprintf(path, sizeof path, "%s/vmath_%s.csv", SX_TEST_DATA, function_names[f]);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        if (line[0] == '#') continue;
        char *end;
        double x = strtod(line, &end);
        double y = strtod(end + 1, &end);
        double rest = strtod(end + 1, NULL);
        double got = one(f, x);
        if (isinf(y)) {
            assert_true(got == y);
        } else {
            double ulp = ulp_of((long double)y);
            int e; /* y = +-2^k above the truth: the truth's ulp is half of y's */
            if (fabs(frexp(y, &e)) == 0.5 && rest * y < 0 && e > -1021) ulp *= 0.5;
            double error = fabs((got - y) / ulp - rest);
            if (error > worst) worst = error;
            if (!(error <= 2.0)) fail_msg("%s(%a) = %a, want %a: %.3f ulp", function_names[f], x, got, y, error);
        }
        lines++;
    }
    (void)fclose(file);
    assert_true(lines > 900);
    return worst;
}

static void tables(void **state) {
    (void)state;
    for (int f = 0; f < FUNCTIONS; f++)
        print_message("%-6s table: at most %.3f ulp\n", function_names[f], table_error(f));
}

/* sin(pi x), cos(pi x) with exact reduction: x = k/2 + r */
static long double turn(double x, int quarter) {
    const long double pi = 3.14159265358979323846264338327950288L;
    long double k = rintl(2.0L * (long double)x), r = (long double)x - 0.5L * k;
    int q = (int)fmodl(k, 4.0L) + quarter;
    q = ((q % 4) + 4) % 4;
    long double v = q % 2 ? cosl(pi * r) : sinl(pi * r);
    return q >= 2 ? -v : v;
}

static long double oracle(function f, double x) {
    const long double X = (long double)x;
    switch (f) {
    case EXP:
        return expl(X);
    case EXPM1:
        return expm1l(X);
    case LOG:
        return logl(X);
    case TANH:
        return tanhl(X);
    case ERF:
        return erfl(X);
    case SINPI:
        return turn(x, 0);
    default:
        return turn(x, 1);
    }
}

static void dense(function f, double a, double b) {
    enum { N = 40000 };
    static double x[N], y[N];
    uint64_t s = bits(a) ^ bits(b) ^ (uint64_t)f;
    double worst = 0, at = 0;
    for (int i = 0; i < N; i++) x[i] = uniform(&s, a, b);
    apply(sx_kernels_get(NULL), f, N, x, y);
    for (int i = 0; i < N; i++) {
        long double t = oracle(f, x[i]);
        double error = (double)(fabsl((long double)y[i] - t) / (long double)ulp_of(t));
        if (!(error <= worst)) worst = error, at = x[i];
    }
    print_message("%-6s on [%g, %g]: %.3f ulp at %a\n", function_names[f], a, b, worst, at);
    assert_true(worst <= 2.0);
}

static void dense_random(void **state) {
    (void)state;
    static const struct {
        function f;
        double a, b;
    } range[] = {
        { EXP, -708, 709.7 },   { EXP, -1, 1 },         { EXP, -745, -708 },    { EXPM1, -40, 709.7 },
        { EXPM1, -2, 2 },       { EXPM1, 0.34, 0.4 },   { LOG, 0, 1e-300 },     { LOG, 0, 1 },
        { LOG, 0.5, 2 },        { LOG, 0.69, 0.72 },    { LOG, 1.4, 1.43 },     { LOG, 0, 1e308 },
        { TANH, -0.2, 0.2 },    { TANH, 0.2, 0.26 },    { TANH, 0.26, 0.6 },    { TANH, 0.6, 3 },
        { TANH, 3, 22 },        { ERF, -0.5, 0.5 },     { ERF, 0.5, 1 },        { ERF, 1, 1.4 },
        { ERF, -6.5, -1.4 },    { SINPI, -0.26, 0.26 }, { SINPI, -4, 4 },       { SINPI, 0, 1e14 },
        { COSPI, -0.26, 0.26 }, { COSPI, -4, 4 },       { COSPI, -1e14, 1e14 },
    };
    for (size_t i = 0; i < sizeof range / sizeof range[0]; i++) dense(range[i].f, range[i].a, range[i].b);
}

/* -- special values (C99 Annex F; sinPi and cosPi of IEEE 754-2019) ------------------------------------------------------------ */

static void is(function f, double x, double want) {
    double y = one(f, x);
    if (isnan(want) ? !isnan(y) : bits(y) != bits(want))
        fail_msg("%s(%a) = %a, want %a", function_names[f], x, y, want);
}

static void special_values(void **state) {
    (void)state;
    const double inf = INF, tiny = DBL_TRUE_MIN;
    for (int f = 0; f < FUNCTIONS; f++) is(f, QNAN, QNAN), is(f, -QNAN, QNAN);
    is(EXP, 0.0, 1), is(EXP, -0.0, 1), is(EXP, inf, inf), is(EXP, -inf, 0), is(EXP, DBL_MAX, inf), is(EXP, -DBL_MAX, 0);
    is(EXP, 0x1.62e42fefa39fp+9, inf), is(EXP, -0x1.74910d52d3053p+9, 0),
        is(EXP, tiny, 1); /* the first x beyond either end */
    is(EXPM1, 0.0, 0.0), is(EXPM1, -0.0, -0.0), is(EXPM1, inf, inf), is(EXPM1, -inf, -1), is(EXPM1, DBL_MAX, inf);
    is(EXPM1, -DBL_MAX, -1), is(EXPM1, tiny, tiny), is(EXPM1, -tiny, -tiny), is(EXPM1, 0x1p-1022, 0x1p-1022);
    is(LOG, 1, 0.0), is(LOG, 0.0, -inf), is(LOG, -0.0, -inf), is(LOG, inf, inf), is(LOG, -inf, QNAN), is(LOG, -1, QNAN);
    is(LOG, -tiny, QNAN), is(LOG, tiny, -0x1.74385446d71c3p+9); /* -1074 ln 2, mpmath */
    is(TANH, 0.0, 0.0), is(TANH, -0.0, -0.0), is(TANH, inf, 1), is(TANH, -inf, -1), is(TANH, 25, 1),
        is(TANH, DBL_MAX, 1);
    is(TANH, tiny, tiny), is(TANH, -3 * tiny, -3 * tiny);
    is(ERF, 0.0, 0.0), is(ERF, -0.0, -0.0), is(ERF, inf, 1), is(ERF, -inf, -1), is(ERF, 7, 1), is(ERF, DBL_MAX, 1),
        is(ERF, tiny, tiny);
    for (int k = -9; k <= 9; k++) {
        is(SINPI, k, k > 0 ? 0.0 : k < 0 ? -0.0 : 0.0);
        is(COSPI, k, k % 2 ? -1 : 1);
        is(COSPI, k + 0.5, 0.0);
        is(SINPI, k + 0.5, k % 2 ? -1 : 1);
    }
    is(SINPI, -0.0, -0.0), is(COSPI, -0.0, 1), is(SINPI, inf, QNAN), is(COSPI, -inf, QNAN), is(COSPI, tiny, 1);
    is(SINPI, 0x1p53, 0.0), is(COSPI, 0x1p53, 1), is(COSPI, 0x1p53 - 1, -1), is(COSPI, -DBL_MAX, 1),
        is(SINPI, -DBL_MAX, -0.0);
    is(SINPI, 0x1p52 - 0.5, -1), is(COSPI, 0x1p52 + 1, -1), is(COSPI, 0x1p51 + 0.5, 0.0);
    /* tanh never exceeds 1 and reaches it */
    for (double x = 15; x < 25; x += 0x1p-12) assert_true(one(TANH, x) <= 1 && one(ERF, x) == 1);
}

/* -- equal bits ---------------------------------------------------------------------------------------------------------------- */

enum { TOTAL = 1 << 20, MASK = 4095 };

static void fill(double *x) {
    uint64_t s = 7;
    for (int i = 0; i < TOTAL; i++) switch (i & 7) {
        case 0:
            x[i] = from_bits(next(&s));
            break;
        case 1:
            x[i] = uniform(&s, -760, 720);
            break;
        case 2:
            x[i] = uniform(&s, -22, 22);
            break;
        case 3:
            x[i] = uniform(&s, -3, 3);
            break;
        case 4:
            x[i] = uniform(&s, 0, 4);
            break;
        case 5:
            x[i] = from_bits(next(&s) & ~(UINT64_C(0x7ff) << 52));
            break; /* subnormal */
        case 6:
            x[i] = 0.25 * (double)((int64_t)(next(&s) & MASK) - 2048);
            break;
        default: {
            int shift = (int)(next(&s) & 63);
            x[i] = 1 + ldexp(uniform(&s, -1, 1), -shift);
        }
        }
    static const double special[] = { 0.0, -0.0, INF, -INF, QNAN, -QNAN, DBL_MAX, -DBL_MAX, DBL_MIN, -DBL_TRUE_MIN };
    memcpy(x + 100, special, sizeof special);
}

static uint64_t hash(uint64_t h, int64_t n, const double *y) { /* FNV-1a over 64-bit words; every NaN counts as one */
    for (int64_t i = 0; i < n; i++)
        h = (h ^ (isnan(y[i]) ? UINT64_C(0x7ff8000000000000) : bits(y[i]))) * UINT64_C(0x100000001b3);
    return h;
}

static void same_bits(void **state) {
    (void)state;
    /* frozen: the bits every compiler and level must give */
    static const uint64_t frozen[FUNCTIONS] = {
        UINT64_C(0xdad797e4988c259d), UINT64_C(0x7d692b520e4ced0e), UINT64_C(0x0cdefaa1cfd9e8e4),
        UINT64_C(0xe6547096c32a8c4e), UINT64_C(0xf607920f94da9199), UINT64_C(0xbb49cdf2d01a1bca),
        UINT64_C(0x5511519628b833b3),
    };
    double *x = malloc(TOTAL * sizeof *x), *y = malloc(TOTAL * sizeof *y), *z = malloc(TOTAL * sizeof *z);
    assert_true(x && y && z);
    fill(x);
    for (int f = 0; f < FUNCTIONS; f++) {
        const sx_kernels *base = sx_kernels_get("x86-64");
        assert_non_null(base);
        apply(base, f, TOTAL, x, y);
        uint64_t h = hash(UINT64_C(0xcbf29ce484222325), TOTAL, y);
        if (h != frozen[f]) fail_msg("%s: hash %016llx", function_names[f], (unsigned long long)h);
        for (int l = 1; l < 3; l++) {
            const sx_kernels *K = sx_kernels_get(level_names[l]);
            if (!K) {
                print_message("%s: not on this CPU\n", level_names[l]);
                continue;
            }
            apply(K, f, TOTAL, x, z);
            for (int i = 0; i < TOTAL; i++)
                if (bits(y[i]) != bits(z[i]))
                    fail_msg("%s %s(%a) = %a, not %a", K->name, function_names[f], x[i], z[i], y[i]);
        }
    }
    free(x), free(y), free(z);
}

/* Every length and alignment, and in place. */
static void lengths(void **state) {
    (void)state;
    double x[48], y[48], z[48], w[48];
    for (int l = 0; l < 3; l++) {
        const sx_kernels *K = sx_kernels_get(level_names[l]);
        if (!K) continue;
        for (int n = 0; n <= 40; n++)
            for (int offset = 0; offset < 3; offset++)
                for (int f = 0; f < FUNCTIONS; f++) {
                    for (int i = 0; i < 48; i++) x[i] = 0.07 * (i + 1), y[i] = -77;
                    memcpy(z, x, sizeof z);
                    apply(K, f, n, x + offset, y + offset);
                    apply(K, f, n, z + offset, z + offset);
                    for (int i = 0; i < 48; i++) {
                        int inside = i >= offset && i < offset + n;
                        assert_true(bits(y[i]) == bits(inside ? one(f, x[i]) : -77.0));
                        assert_true(bits(z[i]) == bits(inside ? y[i] : x[i]));
                    }
                }
        K->sincospi(48, x, y, z);
        memcpy(w, x, sizeof w);
        K->sincospi(48, w, w, NULL);
        assert_memory_equal(w, y, sizeof w);
        memcpy(w, x, sizeof w);
        K->sincospi(48, w, y, w);
        assert_memory_equal(w, z, sizeof w);
        K->sincospi(48, w, NULL, NULL);
    }
}

static void scalars_and_public(void **state) {
    (void)state;
    enum { N = 2001 };
    static double x[N], y[N], c[N];
    for (int i = 0; i < N; i++) x[i] = (i - 1000) * 0.0193;
    sx_vexp(N, x, y);
    for (int i = 0; i < N; i++) assert_true(bits(y[i]) == bits(sx_exp(x[i])));
    sx_vexpm1(N, x, y);
    for (int i = 0; i < N; i++) assert_true(bits(y[i]) == bits(sx_expm1(x[i])));
    sx_vtanh(N, x, y);
    for (int i = 0; i < N; i++) assert_true(bits(y[i]) == bits(sx_tanh(x[i])));
    sx_verf(N, x, y);
    for (int i = 0; i < N; i++) assert_true(bits(y[i]) == bits(sx_erf(x[i])));
    sx_vlog(N, x, y);
    for (int i = 1001; i < N; i++) assert_true(bits(y[i]) == bits(sx_log1(x[i])));
    assert_true(isnan(sx_log1(-1)) && isnan(y[0]));
    sx_vsincospi(N, x, y, c);
    for (int i = 0; i < N; i++) assert_true(fabs(y[i] * y[i] + c[i] * c[i] - 1) < 4e-16);
    assert_string_equal(sx_kernel_set(), sx_kernels_get(NULL)->name);
    assert_ptr_equal(sx_kernels_get(sx_kernel_set()), sx_kernels_get(NULL));
    assert_null(sx_kernels_get("x86-64-v9"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables),    cmocka_unit_test(dense_random), cmocka_unit_test(special_values),
        cmocka_unit_test(same_bits), cmocka_unit_test(lengths),      cmocka_unit_test(scalars_and_public),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
