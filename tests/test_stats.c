// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Statistics against hand-computed sums, 40-digit mpmath 1.3 and scipy 1.x. */
#include "core/stats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

static void near(double x, double expected, double relative) {
    if (!(fabs(x - expected) <= relative * fabs(expected)))
        fail_msg("%.17g, want %.17g within %g", x, expected, relative);
}

static void mean_and_error(void **state) {
    (void)state;
    static const double x[] = { 1, 2, 4, 8, 16.5 };
    double mean = -1, se = -1;
    sx_mean_se(5, x, &mean, &se);
    near(mean, 6.3, 1e-15);
    near(se, 2.8178005607210737, 1e-15); /* scipy.stats.sem */
    sx_mean_se(1, x, &mean, &se);
    assert_true(mean == 1 && isnan(se));
    sx_mean_se(0, x, &mean, &se);
    assert_true(isnan(mean) && isnan(se));
}

static void sums(int R, int S, const double *x, double shift, double *sum, double *sumsq) {
    for (int r = 0; r < R; ++r) {
        sum[r] = sumsq[r] = 0;
        for (int s = 0; s < S; ++s) {
            double v = x[r * S + s] + shift;
            sum[r] += v;
            sumsq[r] += v * v;
        }
    }
}

static void pooled(void **state) {
    (void)state;
    /* four replicas of three samples; numpy: mean 3, squared deviations from it 50 of 12 samples, replica means 7/3 14/3 4/3 11/3,
     * mean_se^2 = (4/9 + 25/9 + 25/9 + 4/9)/12 = 29/54; variance = 50/12 + 29/54; jackknife over var of the other nine samples */
    static const double x[12] = { 1, 2, 4, 3, 5, 6, 0, 2, 2, 7, 1, 3 };
    double sum[4], sumsq[4], mean, mean_se, variance, variance_se;
    sums(4, 3, x, 0, sum, sumsq);
    sx_pooled_moments(4, 3, sum, sumsq, &mean, &mean_se, &variance, &variance_se);
    near(mean, 3, 1e-15);
    near(mean_se, 0.73282810879294003, 1e-15);
    near(variance, 4.7037037037037042, 1e-15);
    near(variance_se, 0.97076610533934504, 1e-14);
    /* a large mean: nothing but the rounding of the given sums is lost */
    sums(4, 3, x, 1e6, sum, sumsq);
    sx_pooled_moments(4, 3, sum, sumsq, &mean, &mean_se, &variance, &variance_se);
    near(mean, 1e6 + 3, 1e-15);
    near(variance, 4.7037037037037042, 1e-3);
    sx_pooled_moments(1, 3, sum, sumsq, &mean, &mean_se, &variance, &variance_se);
    assert_true(!isnan(mean) && isnan(mean_se) && isnan(variance) && isnan(variance_se));
    sx_pooled_moments(0, 3, sum, sumsq, &mean, &mean_se, &variance, &variance_se);
    assert_true(isnan(mean) && isnan(variance));
}

/* Are the errors right? Sums of independent standard normals have mean 0 and variance 1; over 400 repetitions (values - truth)/se
 * has mean 0 +- 1/20 and mean square near 1. Normals by Box-Muller from a fixed linear congruential sequence.
 * Mutant stats_independent (samples of a replica taken as independent) must fail here; mean_se_n and variance_biased above. */
static void errors_are_calibrated(void **state) {
    (void)state;
    enum { TRIALS = 400, R = 64, S = 10 };
    uint64_t seed = 20240601;
    double zm = 0, zv = 0, zm2 = 0, zv2 = 0;
    for (int t = 0; t < TRIALS; ++t) {
        double sum[R] = { 0 }, sumsq[R] = { 0 }, mean, mean_se, variance, variance_se;
        for (int r = 0; r < R; ++r) {
            double common = 0; /* correlated samples: half of the variance is shared by a replica */
            for (int s = -1; s < S; ++s) {
                double u[2];
                for (int k = 0; k < 2; ++k) {
                    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
                    uint64_t b = (seed ^ (seed >> 31)) * UINT64_C(0xbf58476d1ce4e5b9);
                    u[k] = ((double)(b >> 11) + 0.5) * 0x1p-53;
                }
                double g = sqrt(-2 * log(u[0])) * cos(6.283185307179586 * u[1]);
                if (s < 0) {
                    common = g;
                    continue;
                }
                double x = (common + g) * 0.70710678118654752;
                sum[r] += x;
                sumsq[r] += x * x;
            }
        }
        sx_pooled_moments(R, S, sum, sumsq, &mean, &mean_se, &variance, &variance_se);
        zm += mean / mean_se / TRIALS;
        zv += (variance - 1) / variance_se / TRIALS;
        zm2 += mean / mean_se * (mean / mean_se) / TRIALS;
        zv2 += (variance - 1) / variance_se * ((variance - 1) / variance_se) / TRIALS;
    }
    /* z of the mean is Student's t with 63 degrees: mean square 63/61, its error 0.074. z of the variance is skewed, since a
     * variance and its error go together: mean -0.1775 and mean square 1.2705 by 40,000 repetitions of the formulas in numpy,
     * with errors 0.056 and 0.117 over these 400. */
    assert_true(fabs(zm) <= 5 * 0.051);
    assert_true(fabs(zm2 - 63.0 / 61) <= 5 * 0.074);
    assert_true(fabs(zv + 0.1775) <= 5 * 0.056);
    assert_true(fabs(zv2 - 1.2705) <= 5 * 0.117);
}

static void batches(void **state) {
    (void)state;
    double sum[40], sumsq[40], a[4], b[4];
    for (int i = 0; i < 40; ++i) {
        sum[i] = i % 7;
        sumsq[i] = 3 + sum[i] * sum[i];
    }
    sx_pooled_moments(40, 5, sum, sumsq, &a[0], &a[1], &a[2], &a[3]);
    sx_batch_moments(40, 5, sum, sumsq, &b[0], &b[1], &b[2], &b[3]);
    assert_memory_equal(a, b, sizeof a);
    sx_batch_moments(29, 5, sum, sumsq, &b[0], &b[1], &b[2], &b[3]);
    assert_true(!isnan(b[0]) && isnan(b[1]) && !isnan(b[2]) && isnan(b[3])); /* too few for an error */
}

static void p_values(void **state) {
    (void)state;
    static const double normal[][2] = { { 0, 1 },
                                        { 0.5, 0.61707507745197379272 },
                                        { 1.96, 0.049995790296440868273 },
                                        { 5, 5.7330314375838782335e-7 },
                                        { 10, 1.5239706048321052132e-23 } }; /* mpmath.erfc */
    for (int i = 0; i < 5; ++i) {
        near(sx_normal_p(normal[i][0]), normal[i][1], 1e-14);
        assert_true(sx_normal_p(-normal[i][0]) == sx_normal_p(normal[i][0]));
    }
    static const double chi2[][3] = {
        { 1, 1, 0.31731050786291410283 },       { 3.84, 1, 0.050043521248705103189 },
        { 10, 10, 0.44049328506521241144 },     { 5, 10, 0.89117801891415124235 },
        { 200, 100, 1.1784500720979422446e-8 }, { 40, 100, 0.99999998754107392028 },
        { 1000, 900, 0.01099460894213584808 },  { 0.01, 3, 0.99973483494134439016 }
    }; /* mpmath.gammainc */
    for (int i = 0; i < 8; ++i) near(sx_chi2_p(chi2[i][0], chi2[i][1]), chi2[i][2], 1e-12);
    for (double x = 0.1; x < 60; x += 0.7) near(sx_chi2_p(x, 2), exp(-x / 2), 1e-13); /* exactly, both branches */
    assert_true(sx_chi2_p(0, 4) == 1 && sx_chi2_p(-1, 4) == 1 && sx_chi2_p((double)INFINITY, 4) == 0);
    assert_true(isnan(sx_chi2_p(1, 0)) && isnan(sx_chi2_p((double)NAN, 3)));

    /* scipy.special.kolmogorov; n so large that the correction is nothing: lambda = d sqrt n */
    static const double ks[][2] = { { 0.3, 0.99999069419866549 },    { 0.5, 0.96394524366487511 },
                                    { 0.8, 0.54414241157419807 },    { 0.99, 0.28087383922554893 },
                                    { 1.0, 0.26999967167735456 },    { 1.36, 0.049485876755377876 },
                                    { 2.0, 0.00067092525577969533 }, { 3.0, 3.0459959489425258e-08 } };
    for (int i = 0; i < 8; ++i) near(sx_ks_p(ks[i][0] * 1e-9, 1e18), ks[i][1], 1e-7);
    /* finite n against the exact distribution, scipy.stats.kstwo.sf: Stephens' correction is good to a few 1e-3 */
    static const double kstwo[][3] = { { 0.1, 100, 0.2526927570063874 },
                                       { 0.05, 1000, 0.013012074781090332 },
                                       { 0.3, 20, 0.04306706665851623 },
                                       { 0.02, 1000, 0.8108971656895577 } };
    for (int i = 0; i < 4; ++i) assert_true(fabs(sx_ks_p(kstwo[i][0], kstwo[i][1]) - kstwo[i][2]) < 5e-3);
    assert_true(sx_ks_p(0, 10) == 1 && sx_ks_p(1, 1e6) < 1e-300 && isnan(sx_ks_p((double)NAN, 5)));
}

static void rates(void **state) {
    (void)state;
    double rate, se;
    sx_censored_rate(25, 10, &rate, &se);
    assert_true(rate == 2.5 && se == 0.5);
    sx_censored_rate(0, 10, &rate, &se);
    assert_true(rate == 0 && isnan(se));
    sx_censored_rate(3, 0, &rate, &se);
    assert_true(isnan(rate) && isnan(se));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mean_and_error), cmocka_unit_test(pooled),   cmocka_unit_test(errors_are_calibrated),
        cmocka_unit_test(batches),        cmocka_unit_test(p_values), cmocka_unit_test(rates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
