// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Golden numbers: mpmath 1.3, 40 to 80 digits; derivatives by mpmath.diff of the definition, Gaussian averages by mpmath.quad of the
 * analytic derivative (threshold-power: of the function times the Hermite polynomial, Stein's lemma). */
#include <separatrix/activation.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

typedef struct point {
    sx_activation phi;
    double u, value[4];
} point;

typedef struct average {
    sx_activation phi;
    double mean, variance, value[4];
} average;

// clang-format off
static const point points[] = {
    {{SX_PHI_TANH, 1.0, 0, 2}, -6.5, {-0.99999547935140419, 9.0412767553505711e-6, 1.8082471765831005e-5, 3.6164616553290083e-5}},
    {{SX_PHI_TANH, 1.0, 0, 2}, -0.75, {-0.63514895238728732, 0.59658580828133143, 0.75784170227802139, 0.25085547326918849}},
    {{SX_PHI_TANH, 1.0, 0, 2}, 0, {0, 1.0, 0, -2.0}},
    {{SX_PHI_TANH, 1.0, 0, 2}, 0.3125, {0.30270972933210849, 0.90836681976768162, -0.54994294829228615, -1.3173143964583842}},
    {{SX_PHI_TANH, 1.0, 0, 2}, 1.5, {0.90514825364486644, 0.18070663892364853, -0.32713259728754783, 0.52689721958810281}},
    {{SX_PHI_TANH, 1.0, 0, 2}, 9.25, {0.99999998152510085, 3.6949797965238579e-8, -7.3899594565189576e-8, 1.477991836692289e-7}},
    {{SX_PHI_ERF, 1.0, 0, 2}, -6.5, {-0.99999999999999963, 3.8794911237786598e-15, 3.9610287645922009e-14, 3.9833412278670825e-13}},
    {{SX_PHI_ERF, 1.0, 0, 2}, -0.75, {-0.65277505443146844, 0.64288689842517347, 0.75738328394311972, -0.1175732182955448}},
    {{SX_PHI_ERF, 1.0, 0, 2}, 0, {0, 1.0, 0, -1.5707963267948966}},
    {{SX_PHI_ERF, 1.0, 0, 2}, 0.3125, {0.30469104473510441, 0.92616855191416698, -0.45463192479366313, -1.2316552351179783}},
    {{SX_PHI_ERF, 1.0, 0, 2}, 1.5, {0.93988799771605339, 0.17081983615293, -0.40248475675909279, 0.68000919508945206}},
    {{SX_PHI_ERF, 1.0, 0, 2}, 9.25, {1.0, 6.533367022937934e-30, -9.4928947521412796e-29, 1.3690423002553179e-27}},
    {{SX_PHI_SOFTPLUS, 2.5, 0, 2}, -6.5, {3.5056991341533698e-8, 8.7642474513232351e-8, 2.1910616708007253e-7, 5.4776532168514801e-7}},
    {{SX_PHI_SOFTPLUS, 2.5, 0, 2}, -0.75, {0.057070023042240609, 0.13296424019782925, 0.28821187756610805, 0.52892032733243339}},
    {{SX_PHI_SOFTPLUS, 2.5, 0, 2}, 0, {0.27725887222397812, 0.5, 0.625, 0}},
    {{SX_PHI_SOFTPLUS, 2.5, 0, 2}, 0.3125, {0.46328053388675454, 0.68594945500819254, 0.53855700045539044, -0.50072190362763378}},
    {{SX_PHI_SOFTPLUS, 2.5, 0, 2}, 1.5, {1.50929818574897, 0.97702263008997439, 0.056123525955108661, -0.13386095980514438}},
    {{SX_PHI_SOFTPLUS, 2.5, 0, 2}, 9.25, {9.2500000000362243, 0.99999999990943923, 2.2640192470081541e-10, -5.6600481164952285e-10}},
    {{SX_PHI_LOGISTIC, 2.5, 0, 2}, -6.5, {8.7642474513232351e-8, 2.1910616708007253e-7, 5.4776532168514801e-7, 1.3694128241377665e-6}},
    {{SX_PHI_LOGISTIC, 2.5, 0, 2}, -0.75, {0.13296424019782925, 0.28821187756610805, 0.52892032733243339, 0.55533293923545646}},
    {{SX_PHI_LOGISTIC, 2.5, 0, 2}, 0, {0.5, 0.625, 0, -1.953125}},
    {{SX_PHI_LOGISTIC, 2.5, 0, 2}, 0.3125, {0.68594945500819254, 0.53855700045539044, -0.50072190362763378, -0.98467338824642105}},
    {{SX_PHI_LOGISTIC, 2.5, 0, 2}, 1.5, {0.97702263008997439, 0.056123525955108661, -0.13386095980514438, 0.3035242847349228}},
    {{SX_PHI_LOGISTIC, 2.5, 0, 2}, 9.25, {0.99999999990943923, 2.2640192470081541e-10, -5.6600481164952285e-10, 1.4150120286112288e-9}},
    {{SX_PHI_THRESHOLD_POWER, 1.5, 0.25, 2.0}, -1, {0.0, 0.0, 0.0, 0.0}},
    {{SX_PHI_THRESHOLD_POWER, 1.5, 0.25, 2.0}, 0.5, {0.09375, 0.75, 3.0, 0.0}},
    {{SX_PHI_THRESHOLD_POWER, 1.5, 0.25, 2.0}, 4, {21.09375, 11.25, 3.0, 0.0}},
    {{SX_PHI_THRESHOLD_POWER, 1.5, 0.25, 2.5}, -1, {0.0, 0.0, 0.0, 0.0}},
    {{SX_PHI_THRESHOLD_POWER, 1.5, 0.25, 2.5}, 0.5, {0.046875, 0.46875, 2.8125, 5.625}},
    {{SX_PHI_THRESHOLD_POWER, 1.5, 0.25, 2.5}, 4, {40.84787122953135, 27.2319141530209, 10.89276566120836, 1.4523687548277813}},
    {{SX_PHI_THRESHOLD_POWER, 1.5, 0.25, 3.0}, -1, {0.0, 0.0, 0.0, 0.0}},
    {{SX_PHI_THRESHOLD_POWER, 1.5, 0.25, 3.0}, 0.5, {0.0234375, 0.28125, 2.25, 9.0}},
    {{SX_PHI_THRESHOLD_POWER, 1.5, 0.25, 3.0}, 4, {79.1015625, 63.28125, 33.75, 9.0}},
};

static const average averages[] = {
    {{SX_PHI_TANH, 1.0, 0, 2}, 0, 0.1, {0, 0.91578607157889276, 0, -1.432098124123261}},
    {{SX_PHI_TANH, 1.0, 0, 2}, 0.5, 1, {0.29545287705173737, 0.56199294746348997, -0.16808866680219672, -0.28354064144940657}},
    {{SX_PHI_TANH, 1.0, 0, 2}, -2, 0.25, {-0.94379203139630256, 0.10519008214094022, 0.18504753533319866, 0.28595138526297699}},
    {{SX_PHI_TANH, 1.0, 0, 2}, 1.25, 9, {0.3102638409390791, 0.23528011875586678, -0.030050127312930125, -0.020193180188636252}},
    {{SX_PHI_TANH, 1.0, 0, 2}, 3, 400, {0.11911397726759127, 0.03940837318426834, -0.00029495705669181314, -9.6111371031114011e-5}},
    {{SX_PHI_ERF, 1.0, 0, 2}, 0, 0.1, {0, 0.92964764929319689, 0, -1.2620454733453618}},
    {{SX_PHI_ERF, 1.0, 0, 2}, 0.5, 1, {0.30408256647780183, 0.57782467507603468, -0.17652990781118844, -0.29912856329618287}},
    {{SX_PHI_ERF, 1.0, 0, 2}, -2, 0.25, {-0.96633262791313662, 0.08879897020495809, 0.2003090230388933, 0.35169424999418156}},
    {{SX_PHI_ERF, 1.0, 0, 2}, 1.25, 9, {0.31280788616899142, 0.23701128770596362, -0.030743571566658028, -0.020606999958332105}},
    {{SX_PHI_ERF, 1.0, 0, 2}, 3, 400, {0.11914132116066526, 0.039417283480446433, -0.00029515986458883178, -9.6176440158098412e-5}},
    {{SX_PHI_SOFTPLUS, 2.5, 0, 2}, 0, 0.1, {0.30645724587397224, 0.5, 0.54902029716478472, 0}},
    {{SX_PHI_SOFTPLUS, 2.5, 0, 2}, 0.5, 1, {0.78068778024702329, 0.65924528091290948, 0.30057890730037308, -0.10369156735714533}},
    {{SX_PHI_SOFTPLUS, 2.5, 0, 2}, -2, 0.25, {0.0057087360442602439, 0.013877387402821857, 0.032915046711122096, 0.074558197423974613}},
    {{SX_PHI_SOFTPLUS, 2.5, 0, 2}, 1.25, 9, {1.9558096425522279, 0.65731978748125414, 0.11911333048077684, -0.015654748641157247}},
    {{SX_PHI_SOFTPLUS, 2.5, 0, 2}, 3, 400, {9.5736285008884903, 0.5595788121036044, 0.019711297790643706, -0.0001476405979620878}},
    {{SX_PHI_LOGISTIC, 2.5, 0, 2}, 0, 0.1, {0.5, 0.54902029716478472, 0, -1.2047021268645713}},
    {{SX_PHI_LOGISTIC, 2.5, 0, 2}, 0.5, 1, {0.65924528091290948, 0.30057890730037308, -0.10369156735714533, -0.17057523899487732}},
    {{SX_PHI_LOGISTIC, 2.5, 0, 2}, -2, 0.25, {0.013877387402821857, 0.032915046711122096, 0.074558197423974613, 0.154434451790802}},
    {{SX_PHI_LOGISTIC, 2.5, 0, 2}, 1.25, 9, {0.65731978748125414, 0.11911333048077684, -0.015654748641157247, -0.010464137869896983}},
    {{SX_PHI_LOGISTIC, 2.5, 0, 2}, 3, 400, {0.5595788121036044, 0.019711297790643706, -0.0001476405979620878, -4.8107681512136583e-5}},
    {{SX_PHI_THRESHOLD_POWER, 1.5, 0.25, 1.0}, 0, 0.1, {0.057973120193447469, 0.3218964753302619, 1.3844723902601294, 3.4611809756503236}},
    {{SX_PHI_THRESHOLD_POWER, 1.5, 0.25, 1.0}, 0.5, 1, {0.80451704733537021, 0.89805948852438559, 0.58000217520427381, -0.14500054380106845}},
    {{SX_PHI_THRESHOLD_POWER, 1.5, 0.25, 1.0}, -2, 0.25, {5.2065903421515197e-7, 5.0965096870950906e-6, 4.7951223320716423e-5, 0.00043156100988644781}},
    {{SX_PHI_THRESHOLD_POWER, 1.5, 0.25, 1.0}, 1.25, 9, {2.6440625143458238, 0.94583798972735454, 0.18869161384649658, -0.020965734871832954}},
    {{SX_PHI_THRESHOLD_POWER, 1.5, 0.25, 2.0}, 0, 0.1, {0.017696367484664323, 0.11594624038689494, 0.6437929506605238, 2.7689447805202589}},
    {{SX_PHI_THRESHOLD_POWER, 1.5, 0.25, 2.0}, 0.5, 1, {1.0991887503582281, 1.6090340946707404, 1.7961189770487712, 1.1600043504085476}},
    {{SX_PHI_THRESHOLD_POWER, 1.5, 0.25, 2.0}, -2, 0.25, {1.0264459478968072e-7, 1.0413180684303039e-6, 1.0193019374190181e-5, 9.5902446641432847e-5}},
    {{SX_PHI_THRESHOLD_POWER, 1.5, 0.25, 2.0}, 1.25, 9, {11.156604421892015, 5.2881250286916476, 1.8916759794547091, 0.37738322769299316}},
    {{SX_PHI_THRESHOLD_POWER, 1.5, 0.25, 2.5}, 0, 0.1, {0.01095298321570939, 0.076589277421774017, 0.46529777394716978, 2.3120835961945347}},
    {{SX_PHI_THRESHOLD_POWER, 1.5, 0.25, 2.5}, 0.5, 1, {1.4068338062398639, 2.269060049938562, 2.9498195031150193, 2.6661351991290882}},
    {{SX_PHI_THRESHOLD_POWER, 1.5, 0.25, 2.5}, -2, 0.25, {5.2889511552684647e-8, 5.4557689534913849e-7, 5.4390871736690928e-6, 5.2225245935116666e-5}},
    {{SX_PHI_THRESHOLD_POWER, 1.5, 0.25, 2.5}, 1.25, 9, {25.041660896668206, 13.116183094814966, 5.4986632385395054, 1.5750679337425493}},
    {{SX_PHI_THRESHOLD_POWER, 1.5, 0.25, 0.5}, 0, 0.1, {0.12407940638591194, 0.61655562565187592, 2.1617860960592495, 2.3216871118887442}},
    {{SX_PHI_THRESHOLD_POWER, 1.5, 0.25, 0.5}, 0.5, 1, {0.78661853416400515, 0.71096938643442352, 0.2155669204733967, -0.40937642333556093}},
    {{SX_PHI_THRESHOLD_POWER, 1.5, 0.25, 0.5}, -2, 0.25, {1.4504232463117581e-6, 1.3926732249364444e-5, 0.00012824143673690352, 0.0011263194661334028}},
    {{SX_PHI_THRESHOLD_POWER, 1.5, 0.25, 0.5}, 1.25, 9, {1.4663101969438681, 0.4200181156646798, 0.034792998089694917, -0.027200228435781647}},
};
// clang-format on

static const sx_activation all[] = { SX_ACTIVATION(SX_PHI_TANH),
                                     SX_ACTIVATION(SX_PHI_ERF),
                                     SX_ACTIVATION(SX_PHI_RELU),
                                     { SX_PHI_SOFTPLUS, 3.0, 0.0, 2.0 },
                                     { SX_PHI_LOGISTIC, 3.0, 0.0, 2.0 },
                                     { SX_PHI_THRESHOLD_POWER, 0.5, -0.3, 2.0 },
                                     { SX_PHI_THRESHOLD_POWER, 2, 0.1, 2.7 },
                                     SX_ACTIVATION(SX_PHI_LINEAR) };
enum { ALL = sizeof all / sizeof *all };

static void assert_near(double value, double expected, double relative, double absolute) {
    if (!(fabs(value - expected) <= relative * fabs(expected) + absolute))
        fail_msg("%.17g instead of %.17g", value, expected);
}

static void derivatives_are_exact(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof points / sizeof *points; i++)
        for (int k = 0; k < 4; k++) {
            double y;
            sx_phi(&points[i].phi, k, 1, &points[i].u, &y);
            assert_near(y, points[i].value[k], 2e-14, 1e-18);
        }
}

/* Central difference of eighth order (Fornberg 1988): error h^8 f^(9) / 630, rounding eps |f| / h. */
static void derivatives_follow_each_other(void **state) {
    static const double c[4] = { 4.0 / 5, -1.0 / 5, 4.0 / 105, -1.0 / 280 };
    (void)state;
    for (int a = 0; a < ALL; a++)
        for (int k = 0; k < 3; k++)
            for (double u = -4.05; u < 4.1; u += 0.1) {
                double h = 0.01, sum = 0, d;
                bool kinked = all[a].kind == SX_PHI_RELU || all[a].kind == SX_PHI_THRESHOLD_POWER;
                double kink = all[a].kind == SX_PHI_RELU ? 0 : all[a].theta;
                if (kinked && fabs(u - kink) < 0.2) continue;
                for (int j = 1; j <= 4; j++) {
                    double at[2] = { u + j * h, u - j * h }, f[2];
                    sx_phi(&all[a], k, 2, at, f);
                    sum += c[j - 1] * (f[0] - f[1]);
                }
                sx_phi(&all[a], k + 1, 1, &u, &d);
                assert_near(sum / h, d, 1e-8, 1e-8);
            }
}

static void tails_and_kinks(void **state) {
    /* phi and its derivatives at -inf, -1e300, 1e300, +inf never give NaN where the limit exists */
    static const double far[4] = { -HUGE_VAL, -1e300, 1e300, HUGE_VAL };
    double y[4];
    (void)state;
    for (int a = 0; a < ALL; a++)
        for (int k = 0; k < 4; k++) {
            sx_phi(&all[a], k, 4, far, y);
            for (int i = 0; i < 4; i++) assert_false(isnan(y[i]));
            if (all[a].kind <= SX_PHI_ERF || all[a].kind == SX_PHI_LOGISTIC)
                for (int i = 0; i < 4; i++)
                    assert_true(y[i] == (k > 0 ? 0.0 : i > 1 ? 1.0 : all[a].kind == SX_PHI_LOGISTIC ? 0.0 : -1.0));
            double nan = (double)NAN;
            sx_phi(&all[a], k, 1, &nan, y);
            assert_true(isnan(y[0]));
        }
    /* ln(1 + e^-40) and e^-800 keep relative accuracy: mpmath 4.2483542552915889863e-18 */
    sx_activation softplus = SX_ACTIVATION(SX_PHI_SOFTPLUS), relu = SX_ACTIVATION(SX_PHI_RELU);
    double u = -40, zero = 0;
    sx_phi(&softplus, 0, 1, &u, y);
    assert_near(y[0], 4.2483542552915889863e-18, 1e-15, 0);
    u = 800;
    sx_phi(&softplus, 0, 1, &u, y);
    assert_true(y[0] == 800);
    for (int k = 0; k < 4; k++) {
        sx_phi(&relu, k, 1, &zero, y);
        assert_true(y[0] == 0);
    }
}

static void works_in_place_at_any_length(void **state) {
    double x[1000], y[1000], z[1000];
    (void)state;
    for (int i = 0; i < 1000; i++) x[i] = (i - 500) / 97.0;
    for (int a = 0; a < ALL; a++)
        for (int k = 0; k < 4; k++) {
            sx_phi(&all[a], k, 1000, x, y);
            memcpy(z, x, sizeof z);
            sx_phi(&all[a], k, 1000, z, z);
            assert_memory_equal(y, z, sizeof y);
            for (int i = 0; i < 1000; i += 37) {
                double one;
                sx_phi(&all[a], k, 1, x + i, &one);
                assert_memory_equal(&one, y + i, sizeof one);
            }
        }
}

static void averages_are_exact(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof averages / sizeof *averages; i++)
        for (int k = 0; k < 4; k++) {
            double v = sx_phi_gauss(&averages[i].phi, k, averages[i].mean, averages[i].variance);
            assert_near(v, averages[i].value[k], 1e-12, 1e-13);
        }
}

static void averages_of_relu_and_linear(void **state) {
    /* <max(sz,0)> = s/sqrt(2 pi), derivatives with respect to the mean 1/2, 1/(s sqrt(2 pi)), 0 */
    sx_activation relu = SX_ACTIVATION(SX_PHI_RELU), linear = SX_ACTIVATION(SX_PHI_LINEAR);
    (void)state;
    assert_near(sx_phi_gauss(&relu, 0, 0, 9), 3 * 0.39894228040143267794, 1e-15, 0);
    assert_near(sx_phi_gauss(&relu, 1, 0, 9), 0.5, 1e-15, 0);
    assert_near(sx_phi_gauss(&relu, 2, 0, 9), 0.39894228040143267794 / 3, 1e-15, 0);
    assert_near(sx_phi_gauss(&relu, 3, 0, 9), 0, 0, 1e-16);
    assert_near(sx_phi_gauss(&relu, 0, 50, 1), 50, 1e-15, 0);
    assert_true(sx_phi_gauss(&relu, 0, -50, 1) >= 0);
    assert_true(sx_phi_gauss(&linear, 0, 1.25, 7) == 1.25 && sx_phi_gauss(&linear, 1, 1.25, 7) == 1);
    assert_true(sx_phi_gauss(&linear, 2, 1.25, 7) == 0 && sx_phi_gauss(&linear, 3, 1.25, 7) == 0);
}

static void averages_without_variance(void **state) {
    (void)state;
    for (int a = 0; a < ALL; a++)
        for (int k = 0; k < 4; k++) {
            double u = 0.7, y;
            sx_phi(&all[a], k, 1, &u, &y);
            assert_true(sx_phi_gauss(&all[a], k, u, 0) == y);
            assert_near(sx_phi_gauss(&all[a], k, u, 1e-20), y, 1e-11, 1e-12);
        }
}

/* Hartree closure of x' = -x + phi(x) + sqrt(2D) xi: C = D / (1 - <phi'>). D = 0.1, erf unit: C = .43572828, <phi'> = .77049917
 * (exact: <phi'> = (1 + pi C / 2)^{-1/2}). */
static void hartree_of_the_erf_unit(void **state) {
    sx_activation phi = SX_ACTIVATION(SX_PHI_ERF);
    double c = 0.1, slope = 0;
    (void)state;
    for (int i = 0; i < 500; i++) {
        slope = sx_phi_gauss(&phi, 1, 0, c);
        c = 0.5 * c + 0.5 * 0.1 / (1 - slope);
    }
    assert_near(c, 0.43572828, 0, 6e-9);
    assert_near(slope, 0.77049917, 0, 6e-9);
    assert_near(slope, 1 / sqrt(1 + 1.57079632679489661923 * c), 1e-14, 0);
}

static void bad_parameters_are_named(void **state) {
    sx_ctx *ctx = sx_ctx_create(NULL);
    sx_activation bad = { SX_PHI_SOFTPLUS, -1, 0, 2 };
    (void)state;
    for (int a = 0; a < ALL; a++) assert_int_equal(sx_phi_check(ctx, &all[a]), SX_OK);
    assert_int_equal(sx_phi_check(ctx, &bad), SX_E_USAGE);
    assert_non_null(strstr(sx_ctx_message(ctx), "phi.beta = -1"));
    bad = (sx_activation){ SX_PHI_THRESHOLD_POWER, 1, 0, 0 };
    assert_int_equal(sx_phi_check(ctx, &bad), SX_E_USAGE);
    assert_non_null(strstr(sx_ctx_message(ctx), "phi.power = 0"));
    bad = (sx_activation){ SX_PHI_THRESHOLD_POWER, 1, (double)NAN, 2 };
    assert_int_equal(sx_phi_check(ctx, &bad), SX_E_USAGE);
    bad.kind = (sx_activation_kind)77;
    assert_int_equal(sx_phi_check(ctx, &bad), SX_E_USAGE);
    for (int a = 0; a < ALL; a++) assert_true(strlen(sx_phi_latex(&all[a])) > 0);
    sx_ctx_free(ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(derivatives_are_exact),     cmocka_unit_test(derivatives_follow_each_other),
        cmocka_unit_test(tails_and_kinks),           cmocka_unit_test(works_in_place_at_any_length),
        cmocka_unit_test(averages_are_exact),        cmocka_unit_test(averages_of_relu_and_linear),
        cmocka_unit_test(averages_without_variance), cmocka_unit_test(hartree_of_the_erf_unit),
        cmocka_unit_test(bad_parameters_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
