// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Steppers: choice, table of capabilities, refusals, and exact equalities: splitting of a run, of a block, given normals, zero
 * noise. No statistics. */
#include "stepper_models.h"

#include <separatrix/models.h>

#include <stdlib.h>

static const char *const names[] = {
    "auto", "euler-maruyama", "heun",  "milstein", "sra", "leimkuhler-matthews", "exact",
    "rk4",  "dormand-prince", "cvode", "map"
};
enum { METHODS = sizeof names / sizeof *names };

static const double coupled[9] = { -1, 0.5, 0, 0.25, -2, 0.125, 0, -0.75, -1.5 };
static const double factor[6] = { 0.5, 0, 0.25, 0.75, -0.5, 1 };

/* A model of three units for each class of noise. */
static sx_model *of_class(sx_ctx *ctx, sx_noise_class cls, bool linear) {
    static const double input[3] = { 0.5, -0.25, 1 };
    sx_model *m = linear ? linear_model(ctx, SX_FLOW, 3, coupled, input) : poly_model(ctx, 3, 0.1, 1, 0, -1);
    switch (cls) {
    case SX_NOISE_ADDITIVE_DIAGONAL: {
        static const double D[3] = { 0.5, 0.25, 0.125 };
        const sx_values v = { 3, D };
        sx_noise *noise = NULL;
        OK(sx_noise_additive(ctx, 3, v, &noise));
        return noisy(ctx, m, noise, SX_KINETIC);
    }
    case SX_NOISE_ADDITIVE_MATRIX:
        return with_factor(ctx, m, 2, factor);
    case SX_NOISE_DIAGONAL:
        return with_lorentz(ctx, m, SX_KINETIC);
    case SX_NOISE_GENERAL:
        sx_model_free(ctx, m);
        return with_area(ctx);
    case SX_NOISE_NONE:
        break;
    }
    return m;
}

static void test_auto(void **state) {
    sx_ctx *ctx = *state;
    static const double one[1] = { -0.5 };
    const struct {
        sx_model *m;
        sx_method want;
    } cases[] = {
        { of_class(ctx, SX_NOISE_NONE, false), SX_METHOD_DORMAND_PRINCE },
        { of_class(ctx, SX_NOISE_NONE, true), SX_METHOD_DORMAND_PRINCE },
        { of_class(ctx, SX_NOISE_ADDITIVE_DIAGONAL, true), SX_METHOD_EXACT },
        { of_class(ctx, SX_NOISE_ADDITIVE_MATRIX, true), SX_METHOD_EXACT },
        { of_class(ctx, SX_NOISE_ADDITIVE_DIAGONAL, false), SX_METHOD_SRA },
        { of_class(ctx, SX_NOISE_ADDITIVE_MATRIX, false), SX_METHOD_SRA },
        { of_class(ctx, SX_NOISE_DIAGONAL, false), SX_METHOD_MILSTEIN },
        { of_class(ctx, SX_NOISE_GENERAL, false), SX_METHOD_HEUN },
        { linear_model(ctx, SX_MAP, 1, one, NULL), SX_METHOD_MAP },
        { with_additive(ctx, linear_model(ctx, SX_MAP, 1, one, NULL), 0.5), SX_METHOD_MAP },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sx_stepper *s = NULL;
        OK(sx_stepper_create(ctx, cases[i].m, SX_METHOD_AUTO, 0.01, 1e-6, 1e-9, &s));
        assert_int_equal(sx_stepper_method(s), cases[i].want);
        assert_string_equal(sx_stepper_name(s), names[cases[i].want]);
        sx_stepper_free(ctx, s);
        sx_model_free(ctx, cases[i].m);
    }
}

/* Every cell of the table: either a stepper with the order of the table, or a refusal that names methods that do fit. */
static void test_capability(void **state) {
    sx_ctx *ctx = *state;
    static const double strong[METHODS][5] = {
        { 5, 1.5, 1.5, 1, 0.5 }, { 1, 1, 1, 0.5, 0.5 }, { 2, 1, 1, 1, 0.5 },        { 1, 1, 1, 1, -1 },
        { 2, 1.5, 1.5, -1, -1 }, { 1, 0, 0, -1, -1 },   { HUGE_VAL, 0, 0, -1, -1 }, { 4, -1, -1, -1, -1 },
        { 5, -1, -1, -1, -1 },   { 5, -1, -1, -1, -1 },
    };
    for (int method = 1; method < SX_METHOD_MAP; method++) {
        for (int cls = 0; cls < 5; cls++) {
            const char *refusal = "x";
            const double order = sx_stepper_capability((sx_method)method, (sx_noise_class)cls, &refusal);
            sx_model *m = of_class(ctx, (sx_noise_class)cls, method == SX_METHOD_EXACT);
            assert_int_equal(sx_noise_class_of(sx_model_noise(m)), cls);
            sx_stepper *s = NULL;
            const sx_status status = sx_stepper_create(ctx, m, (sx_method)method, 0.01, 1e-6, 1e-9, &s);
            if (strong[method][cls] < 0) {
                assert_non_null(refusal);
                assert_int_equal(status, SX_E_USAGE);
                assert_null(s);
                assert_non_null(strstr(sx_ctx_message(ctx), names[method]));
                assert_non_null(strstr(sx_ctx_message(ctx), refusal));
                /* at least one method named behind "use", and all named ones fit this class */
                const char *use = strstr(refusal, "use ");
                int found = 0;
                assert_non_null(use);
                for (int other = 1; other < METHODS; other++) {
                    const char *at = strstr(use, names[other]), *reason;
                    if (!at) continue;
                    found++;
                    (void)sx_stepper_capability((sx_method)other, (sx_noise_class)cls, &reason);
                    assert_null(reason);
                }
                assert_true(found > 0);
            } else {
                assert_null(refusal);
                assert_true(order == strong[method][cls]);
                assert_int_equal(status, SX_OK);
                assert_true(sx_stepper_strong_order(s) == order);
                assert_true(sx_stepper_flops(s) > 0);
                assert_true(sx_stepper_work(s, 16) > sx_stepper_work(s, 8));
            }
            sx_stepper_free(ctx, s);
            sx_model_free(ctx, m);
        }
    }
    const char *refusal = NULL;
    assert_true(sx_stepper_capability((sx_method)99, SX_NOISE_NONE, &refusal) == 0 && refusal);
    assert_true(sx_stepper_weak_order(SX_METHOD_SRA, SX_NOISE_ADDITIVE_DIAGONAL) == 2);
}

static void refused(sx_ctx *ctx, sx_model *m, sx_method method, double h, double rtol, sx_status want,
                    const char *text) {
    sx_stepper *s = NULL;
    assert_int_equal(sx_stepper_create(ctx, m, method, h, rtol, 1e-9, &s), want);
    assert_null(s);
    if (!strstr(sx_ctx_message(ctx), text)) fail_msg("\"%s\" lacks \"%s\"", sx_ctx_message(ctx), text);
    sx_model_free(ctx, m);
}

static void test_refusals(void **state) {
    sx_ctx *ctx = *state;
    static const double one[1] = { -0.5 };
    refused(ctx, poly_model(ctx, 1, 0, -1, 0, 0), SX_METHOD_RK4, 0.0, 1e-6, SX_E_USAGE, "dt = 0");
    refused(ctx, poly_model(ctx, 1, 0, -1, 0, 0), SX_METHOD_RK4, (double)NAN, 1e-6, SX_E_USAGE, "dt = nan");
    refused(ctx, poly_model(ctx, 1, 0, -1, 0, 0), (sx_method)99, 0.1, 1e-6, SX_E_USAGE, "euler-maruyama|heun");
    refused(ctx, poly_model(ctx, 1, 0, -1, 0, 0), SX_METHOD_CVODE, 0.1, 0, SX_E_USAGE, "rtol = 0");
    refused(ctx, poly_model(ctx, 1, 0, -1, 0, 0), SX_METHOD_MAP, 0.1, 1e-6, SX_E_USAGE,
            "is a flow: want one of dormand-prince");
    refused(ctx, linear_model(ctx, SX_MAP, 1, one, NULL), SX_METHOD_HEUN, 0.1, 1e-6, SX_E_USAGE, "is a map: want map");
    refused(ctx, with_additive(ctx, poly_model(ctx, 1, 0, -1, 0, 0), 1), SX_METHOD_EXACT, 0.1, 1e-6, SX_E_USAGE,
            "needs the model linear, this is polynomial: want one of sra");
    refused(ctx, with_area(ctx), SX_METHOD_MILSTEIN, 0.1, 1e-6, SX_E_USAGE, "Levy areas");
    refused(ctx, linear_model(ctx, SX_HAMILTONIAN, 1, one, NULL), SX_METHOD_RK4, 0.1, 1e-6, SX_E_UNSUPPORTED,
            "Hamiltonian");
    /* a model that calls itself linear and is not */
    sx_model_ops liar = poly_ops;
    liar.name = "linear";
    test_self self = { .n = 1, .c = { 0, 1, 0, -1 } };
    refused(ctx, test_model(ctx, SX_FLOW, &liar, &self), SX_METHOD_EXACT, 0.1, 1e-6, SX_E_USAGE, "not linear");
    /* state-dependent noise without the operations that its calculus needs: never silently without correction */
    sx_noise_ops bare = gbm_ops;
    bare.strat = NULL;
    static double s = 0.5;
    bare.destroy = NULL;
    for (int i = 0; i < 3; i++) {
        sx_noise *noise = NULL;
        OK(sx_noise_create(ctx, &bare, &s, SX_NOISE_DIAGONAL, 1, 1, &noise));
        sx_model *m = noisy(ctx, poly_model(ctx, 1, 0, -1, 0, 0), noise, i < 2 ? SX_ITO : SX_STRATONOVICH);
        refused(ctx, m,
                i == 0   ? SX_METHOD_MILSTEIN
                : i == 1 ? SX_METHOD_HEUN
                         : SX_METHOD_EULER_MARUYAMA,
                0.1, 1e-6, SX_E_UNSUPPORTED, "no operation strat");
    }
    /* wrong calls of advance */
    rig g = rig_create(ctx, with_additive(ctx, poly_model(ctx, 2, 0, -1, 0, 0), 1), SX_METHOD_SRA, 0.1, 8);
    double x[16] = { 0 };
    const sx_batch ok = { x, 2, 8 }, wrong = { x, 1, 8 };
    const sx_cbatch none = { NULL, 0, 0 }, narrow = { x, 2, 4 };
    sx_work small = g.w;
    small.doubles--;
    const sx_key key = sx_key_seed(1);
    assert_int_equal(sx_stepper_advance(ctx, g.s, key, 0, 0, 1, 0, wrong, g.w), SX_E_USAGE);
    assert_int_equal(sx_stepper_advance(ctx, g.s, key, 0, 0, 1, 0, ok, small), SX_E_USAGE);
    assert_int_equal(sx_stepper_advance(ctx, g.s, key, 0, -1, 1, 0, ok, g.w), SX_E_USAGE);
    assert_int_equal(sx_stepper_advance(ctx, g.s, key, 0, SX_STEP_LIMIT - 1, 1, 0, ok, g.w), SX_E_USAGE);
    assert_int_equal(sx_stepper_advance(ctx, g.s, key, 0, 0, 1, (INT64_C(1) << 32) - 7, ok, g.w), SX_E_USAGE);
    assert_int_equal(sx_stepper_step_with(ctx, g.s, 0, ok, none, none, g.w), SX_E_USAGE);
    assert_int_equal(sx_stepper_step_with(ctx, g.s, 0, ok, narrow, none, g.w), SX_E_USAGE);
    for (int i = 0; i < 16; i++) assert_true(x[i] == 0);
    OK(sx_stepper_advance(ctx, g.s, key, 0, 0, 0, 0, ok, g.w));
    for (int i = 0; i < 16; i++) assert_true(x[i] == 0);
    rig_free(&g);
}

/* A run of 11 steps of 24 replicas; cut after `split` steps, and into blocks of `block` replicas. */
static void run(sx_ctx *ctx, sx_model *m, sx_method method, int64_t split, int64_t block, double *out) {
    enum { STEPS = 11, REPLICAS = 24 };
    const int64_t n = sx_model_n(m);
    rig g = rig_create(ctx, sx_model_ref(m), method, 0.015625, block);
    double *x = numbers(ctx, n * block);
    for (int64_t first = 0; first < REPLICAS; first += block) {
        const sx_batch v = { x, n, block };
        for (int64_t u = 0; u < n; u++)
            for (int64_t r = 0; r < block; r++) x[u * block + r] = 0.01 * (double)(first + r) - 0.1 * (double)u;
        const sx_key key = sx_key_seed(5);
        OK(sx_stepper_advance(ctx, g.s, key, 1.5, 1000, split, 7 + first, v, g.w));
        memset(g.w.p, 0x7f, (size_t)g.w.doubles * sizeof(double)); /* nothing may live in the scratch */
        OK(sx_stepper_advance(ctx, g.s, key, 1.5, 1000 + split, STEPS - split, 7 + first, v, g.w));
        for (int64_t u = 0; u < n; u++)
            for (int64_t r = 0; r < block; r++) out[u * REPLICAS + first + r] = x[u * block + r];
    }
    sx_free(ctx, x);
    rig_free(&g);
}

static void forced(double t, int64_t n, const double *x, double *f) {
    for (int64_t i = 0; i < n; i++)
        f[i] = -5 * (double)(i + 1) * (x[i] - 0.25 * t * (2 - t)) + 0.1 * x[(i + 1) % n] * x[i];
}
static void forced_jac(double t, int64_t n, const double *x, double *J) {
    (void)t;
    memset(J, 0, (size_t)(n * n) * sizeof *J);
    for (int64_t i = 0; i < n; i++) {
        J[i * n + i] = -5 * (double)(i + 1) + 0.1 * x[(i + 1) % n];
        J[i * n + (i + 1) % n] += 0.1 * x[i];
    }
}

/* advance(N) == advance(a) + advance(N - a), one block == several blocks, bit for bit. */
static void test_splitting(void **state) {
    sx_ctx *ctx = *state;
    double whole[72], part[72];
    for (int method = 1; method < METHODS; method++) {
        for (int cls = 0; cls < 5; cls++) {
            const char *refusal;
            (void)sx_stepper_capability((sx_method)method, (sx_noise_class)cls, &refusal);
            if (refusal) continue;
            sx_model *m;
            if (method == SX_METHOD_MAP) {
                if (cls > SX_NOISE_ADDITIVE_MATRIX) continue;
                m = linear_model(ctx, SX_MAP, 3, coupled, NULL);
                if (cls == SX_NOISE_ADDITIVE_DIAGONAL) m = with_additive(ctx, m, 0.5);
                if (cls == SX_NOISE_ADDITIVE_MATRIX) m = with_factor(ctx, m, 2, factor);
            } else if (cls == SX_NOISE_NONE && method >= SX_METHOD_RK4) {
                test_self self = { .n = 3, .rhs = forced, .jac = forced_jac };
                m = test_model(ctx, SX_FLOW, &column_ops, &self);
            } else {
                m = of_class(ctx, (sx_noise_class)cls, method == SX_METHOD_EXACT);
            }
            const size_t size = (size_t)(sx_model_n(m) * 24) * sizeof(double);
            run(ctx, m, (sx_method)method, 11, 24, whole);
            for (int64_t i = 0; i < sx_model_n(m) * 24; i++) assert_true(isfinite(whole[i]));
            for (int64_t split = 1; split < 11; split += 4) {
                run(ctx, m, (sx_method)method, split, 24, part);
                if (memcmp(whole, part, size) != 0)
                    fail_msg("%s, class %d: split after %d differs", names[method], cls, (int)split);
            }
            if (method != SX_METHOD_DORMAND_PRINCE) {
                run(ctx, m, (sx_method)method, 11, 8, part);
                if (memcmp(whole, part, size) != 0) fail_msg("%s, class %d: blocks of 8 differ", names[method], cls);
            } else { /* substeps are common to a block: equal within the tolerance */
                run(ctx, m, (sx_method)method, 11, 8, part);
                for (int64_t i = 0; i < sx_model_n(m) * 24; i++) NEAR(part[i], whole[i], 1e-7);
            }
            sx_model_free(ctx, m);
        }
    }
}

/* Keyed steps are the steps with the normals of random.h at (key, step, slot). */
static void test_given_normals(void **state) {
    sx_ctx *ctx = *state;
    static const sx_method methods[] = { SX_METHOD_EULER_MARUYAMA,      SX_METHOD_HEUN,  SX_METHOD_SRA,
                                         SX_METHOD_LEIMKUHLER_MATTHEWS, SX_METHOD_EXACT, SX_METHOD_MILSTEIN };
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        rig g = rig_create(ctx, of_class(ctx, SX_NOISE_ADDITIVE_MATRIX, true), methods[i], 0.125, 8);
        const int64_t rank = sx_stepper_normals(g.s);
        assert_int_equal(rank, methods[i] == SX_METHOD_EXACT ? 3 : 2);
        double a[24], b[24], n1[24], n2[24];
        for (int k = 0; k < 24; k++) a[k] = b[k] = 0.1 * k;
        const sx_batch va = { a, 3, 8 }, vb = { b, 3, 8 };
        const sx_cbatch c1 = { n1, rank, 8 }, c2 = { n2, rank, 8 };
        const sx_key key = sx_key_seed(11);
        OK(sx_stepper_advance(ctx, g.s, key, 0, 40, 3, 16, va, g.w));
        for (uint64_t step = 40; step < 43; step++) {
            sx_normal_fill(key, step, SX_SLOT_DW, 16, rank, 8, n1);
            if (methods[i] == SX_METHOD_LEIMKUHLER_MATTHEWS)
                sx_normal_fill(key, step + 1, SX_SLOT_DW, 16, rank, 8, n2);
            else
                sx_normal_fill(key, step, SX_SLOT_DZ, 16, rank, 8, n2);
            OK(sx_stepper_step_with(ctx, g.s, 0.125 * (double)step, vb, c1, c2, g.w));
        }
        assert_memory_equal(a, b, sizeof a);
        rig_free(&g);
    }
}

/* Noise of strength zero gives the noise-free method bit for bit; equal amplitudes take another kernel than a matrix, same law. */
static void test_zero_noise(void **state) {
    sx_ctx *ctx = *state;
    for (int method = SX_METHOD_EULER_MARUYAMA; method <= SX_METHOD_EXACT; method++) {
        double a[48], b[48];
        for (int k = 0; k < 48; k++) a[k] = b[k] = 0.5 - 0.1 * k;
        static const double input[3] = { 0.5, -0.25, 1 };
        rig g = rig_create(ctx, linear_model(ctx, SX_FLOW, 3, coupled, input), (sx_method)method, 0.125, 16);
        rig h = rig_create(ctx, with_additive(ctx, linear_model(ctx, SX_FLOW, 3, coupled, input), 0), (sx_method)method,
                           0.125, 16);
        const sx_batch va = { a, 3, 16 }, vb = { b, 3, 16 };
        OK(sx_stepper_advance(ctx, g.s, sx_key_seed(3), 0, 0, 20, 0, va, g.w));
        OK(sx_stepper_advance(ctx, h.s, sx_key_seed(4), 0, 0, 20, 0, vb, h.w));
        for (int k = 0; k < 48; k++) assert_true(a[k] == b[k]);
        rig_free(&g);
        rig_free(&h);
    }
    /* D = 0.5 per unit: uniform kernel, per-unit kernel (one amplitude made different by an ulp) and matrix factor agree */
    static const double D[3] = { 0.5, 0.5, 0.50000000000000011 };
    const double s = sqrt(0.5);
    const double diagonal[9] = { s, 0, 0, 0, s, 0, 0, 0, s };
    for (int method = SX_METHOD_EULER_MARUYAMA; method <= SX_METHOD_EXACT; method++) {
        double x[3][24];
        for (int kind = 0; kind < 3; kind++) {
            sx_model *m = linear_model(ctx, SX_FLOW, 3, coupled, NULL);
            sx_noise *noise = NULL;
            const sx_values v = { kind == 0 ? 1 : 3, D };
            if (kind < 2)
                OK(sx_noise_additive(ctx, 3, v, &noise));
            else
                OK(sx_noise_additive_factor(ctx, 3, 3, diagonal, &noise));
            rig g = rig_create(ctx, noisy(ctx, m, noise, SX_ITO), (sx_method)method, 0.125, 8);
            memset(x[kind], 0, sizeof x[kind]);
            const sx_batch b = { x[kind], 3, 8 };
            OK(sx_stepper_advance(ctx, g.s, sx_key_seed(3), 0, 0, 20, 0, b, g.w));
            rig_free(&g);
        }
        for (int k = 0; k < 24; k++) {
            assert_true(x[0][k] != 0);
            NEAR(x[1][k], x[0][k], 1e-13);
            NEAR(x[2][k], x[0][k], 1e-13);
        }
    }
}

/* x' = F(x) + sqrt(2) B n, whatever the time between steps. */
static void test_map(void **state) {
    sx_ctx *ctx = *state;
    static const double A[4] = { 0.5, 0.25, -0.125, 0.75 }, input[2] = { 1, -2 }, B[2] = { 0.5, 2 };
    for (int kind = 0; kind < 2; kind++) {
        sx_model *m = linear_model(ctx, SX_MAP, 2, A, input);
        m = kind == 0 ? with_additive(ctx, m, 0.25) : with_factor(ctx, m, 1, B);
        rig g = rig_create(ctx, m, SX_METHOD_AUTO, 0.03, 8);
        double x[16] = { [0] = 2, [8] = 4 }, n[16] = { [0] = 3, [8] = -1 };
        const sx_batch v = { x, 2, 8 };
        const sx_cbatch w = { n, 2 - kind, 8 }, none = { NULL, 0, 0 };
        OK(sx_stepper_step_with(ctx, g.s, 0, v, w, none, g.w));
        const double s = sqrt(2.0);
        NEAR(x[0], 3 + s * (kind == 0 ? 0.5 * 3 : 0.5 * 3), 1e-15);
        NEAR(x[8], 0.75 + s * (kind == 0 ? -0.5 : 2.0 * 3), 1e-14);
        NEAR(x[1], 1, 0);
        rig_free(&g);
    }
}

/* The built-in models meet the same choice: linear is recognised and exact, e^{-k h} x + (1 - e^{-k h}) I / k; coloured noise on it is
 * additive; thermal noise of a Lorentzian metric is diagonal. */
static void test_built_in(void **state) {
    sx_ctx *ctx = *state;
    const double leak = 2, input[2] = { 1, -3 }, D = 0.5, h = 0.75;
    sx_linear_opts o = { .struct_size = sizeof o };
    sx_fields_default(sx_linear_fields, &o);
    o.struct_size = sizeof o;
    o.n = 2;
    o.leak = (sx_values){ 1, &leak };
    o.input = (sx_values){ 2, input };
    sx_model *m = NULL, *coloured = NULL;
    OK(sx_linear_create(ctx, &o, NULL, NULL, &m));
    sx_noise *noise = NULL;
    OK(sx_noise_additive(ctx, 2, (sx_values){ 1, &D }, &noise));
    OK(sx_model_with_coloured_noise(ctx, m, noise, 0.5, &coloured));
    sx_stepper *s = NULL;
    OK(sx_stepper_create(ctx, coloured, SX_METHOD_AUTO, h, 0, 0, &s));
    assert_int_equal(sx_stepper_method(s), SX_METHOD_SRA);
    sx_stepper_free(ctx, s);
    sx_model_free(ctx, coloured);

    rig g = rig_create(ctx, noisy(ctx, m, noise, SX_KINETIC), SX_METHOD_AUTO, h, 2);
    assert_int_equal(sx_stepper_method(g.s), SX_METHOD_EXACT);
    double x[4] = { 1, 0, 0, 4 };
    const double n[4] = { 0, 1, 0, -1 }, e = exp(-leak * h), sd = sqrt(-expm1(-2 * leak * h) / leak * D);
    const sx_cbatch none = { NULL, 0, 0 };
    OK(sx_stepper_step_with(ctx, g.s, 0, (sx_batch){ x, 2, 2 }, (sx_cbatch){ n, 2, 2 }, none, g.w));
    NEAR(x[0], e + (1 - e) * 0.5, 1e-14);
    NEAR(x[1], (1 - e) * 0.5 + sd, 1e-14);
    NEAR(x[2], (1 - e) * -1.5, 1e-14);
    NEAR(x[3], 4 * e + (1 - e) * -1.5 - sd, 1e-14);
    rig_free(&g);

    sx_composed_opts c = { .struct_size = sizeof c };
    sx_fields_default(sx_composed_fields, &c);
    c.struct_size = sizeof c;
    c.n = 2;
    c.potential = SX_POTENTIAL_QUADRATIC;
    c.metric = SX_METRIC_LORENTZIAN;
    const double one = 1;
    c.a = (sx_values){ 1, &one };
    OK(sx_composed_create(ctx, &c, NULL, NULL, NULL, &m));
    OK(sx_noise_thermal(ctx, m, 1, &noise));
    g = rig_create(ctx, noisy(ctx, m, noise, SX_KINETIC), SX_METHOD_AUTO, 0.02, 2);
    assert_int_equal(sx_stepper_method(g.s), SX_METHOD_MILSTEIN);
    double y[4] = { 0.5, 0.5, -1, -1 };
    const double w[4] = { 0, 1, 0, 1 };
    OK(sx_stepper_step_with(ctx, g.s, 0, (sx_batch){ y, 2, 2 }, (sx_cbatch){ w, 2, 2 }, none, g.w));
    NEAR(y[0], 0.5 + 0.02 * (0.5 - 0.125) - 0.02 * 0.5, 1e-15); /* Ito drift x - x^3, B B' = x */
    NEAR(y[1], 0.5 + 0.02 * (0.5 - 0.125) + sqrt(0.04 * 1.25), 1e-15);
    NEAR(y[2], -1 + 0.02, 1e-15);
    NEAR(y[3], -1 + sqrt(0.04 * 2), 1e-15);
    rig_free(&g);
}

static void count_sample(const void *self, sx_key key, uint64_t step, int64_t replica0, sx_batch x, sx_work w) {
    (void)self;
    (void)w;
    assert_int_equal(key.k[1], sx_key_seed(0).k[1]);
    for (int64_t i = 0; i < x.n * x.b; i++) x.x[i] = 10 * x.x[i] + (double)step + 1000 * (double)replica0;
}
static void test_sampler(void **state) {
    sx_ctx *ctx = *state;
    sx_model_ops ops = linear_ops;
    ops.name = "counter";
    ops.sample = count_sample;
    test_self self = { .n = 1 };
    rig g = rig_create(ctx, test_model(ctx, SX_SAMPLER, &ops, &self), SX_METHOD_AUTO, 1, 1);
    double x = 0;
    const sx_batch v = { &x, 1, 1 };
    const sx_cbatch none = { NULL, 0, 0 };
    OK(sx_stepper_advance(ctx, g.s, sx_key_seed(0), 0, 3, 2, 7, v, g.w));
    NEAR(x, 10 * 7003 + 7004, 0);
    assert_int_equal(sx_stepper_step_with(ctx, g.s, 0, v, none, none, g.w), SX_E_UNSUPPORTED);
    rig_free(&g);
}

/* The exact update runs over panels of units: any executor gives the same bits. */
static void backwards(void *user, int64_t n, void (*body)(void *arg, int64_t i), void *arg) {
    ++*(int *)user;
    for (int64_t i = n - 1; i >= 0; i--) body(arg, i);
}
static void test_panels(void **state) {
    sx_ctx *ctx = *state;
    int calls = 0;
    const sx_exec exec = { &calls, backwards };
    double x[2][24];
    for (int k = 0; k < 2; k++) {
        rig g = rig_create(ctx, of_class(ctx, SX_NOISE_ADDITIVE_MATRIX, true), SX_METHOD_EXACT, 0.125, 8);
        for (int i = 0; i < 24; i++) x[k][i] = i;
        const sx_batch v = { x[k], 3, 8 };
        if (k) g.w.exec = &exec;
        OK(sx_stepper_advance(ctx, g.s, sx_key_seed(3), 0, 0, 5, 0, v, g.w));
        rig_free(&g);
    }
    assert_int_equal(calls, 5);
    assert_memory_equal(x[0], x[1], sizeof x[0]);
}

/* A large dense network, whose steps draw their normals a few rows at a time (Euler-Maruyama) or in panels (Heun) and finish F panel by panel: the
 * same bits as with given normals of the whole batch, on an executor that runs panels backwards as well. Mutant: panel_units. */
static void test_large(void **state) {
    enum { N = 300, B = 256, STEPS = 2 };
    sx_ctx *ctx = *state;
    int calls = 0;
    const sx_exec exec = { &calls, backwards };
    sx_ensemble e = { .struct_size = sizeof e };
    sx_rate_opts o = SX_RATE_OPTS;
    sx_coupling *w = NULL;
    sx_model *bare = NULL;
    sx_noise *noise = NULL;
    double *x[3], *n1, per_unit[N];
    sx_fields_default(sx_ensemble_fields, &e);
    e.struct_size = sizeof e;
    e.n = N;
    sx_fields_default(sx_rate_fields, &o);
    o.struct_size = sizeof o;
    for (int i = 0; i < N; i++) per_unit[i] = 0.5 + 0.001 * i;
    OK(sx_coupling_realise(ctx, &e, sx_key_seed(6), &w));
    OK(sx_alloc(ctx, N * B, sizeof *n1, &n1));
    for (int c = 0; c < 3; c++) {
        const sx_values D = { c ? 1 : N, per_unit };
        OK(sx_rate_create(ctx, &o, w, NULL, NULL, NULL, &bare));
        OK(sx_noise_additive(ctx, N, D, &noise));
        sx_model *m = noisy(ctx, bare, noise, SX_KINETIC);
        for (int k = 0; k < 3; k++) {
            rig g = rig_create(ctx, sx_model_ref(m), c < 2 ? SX_METHOD_EULER_MARUYAMA : SX_METHOD_HEUN, 0.125, B);
            OK(sx_alloc(ctx, N * B, sizeof **x, &x[k]));
            sx_normal_fill(sx_key_seed(7), 0, SX_SLOT_USER, 0, N, B, x[k]);
            const sx_batch v = { x[k], N, B };
            if (k == 1) g.w.exec = &exec;
            if (k < 2) {
                OK(sx_stepper_advance(ctx, g.s, sx_key_seed(3), 0, 5, STEPS, 24, v, g.w));
            } else {
                for (uint64_t step = 5; step < 5 + STEPS; step++) {
                    sx_normal_fill(sx_key_seed(3), step, SX_SLOT_DW, 24, N, B, n1);
                    OK(sx_stepper_step_with(ctx, g.s, 0.125 * (double)step, v, (sx_cbatch){ n1, N, B },
                                            (sx_cbatch){ NULL, 0, 0 }, g.w));
                }
            }
            rig_free(&g);
        }
        assert_memory_equal(x[0], x[1], N * B * sizeof **x);
        assert_memory_equal(x[0], x[2], N * B * sizeof **x);
        for (int k = 0; k < 3; k++) sx_free(ctx, x[k]);
        sx_model_free(ctx, m);
    }
    assert_true(calls >= 4 * STEPS);
    sx_free(ctx, n1);
    sx_coupling_free(ctx, w);
}

/* x' = x^2 from 1 has no solution at t = 1: an error that names the place, and the state as it was. */
static void test_blow_up(void **state) {
    sx_ctx *ctx = *state;
    for (int method = SX_METHOD_DORMAND_PRINCE; method <= SX_METHOD_CVODE; method++) {
        rig g = rig_create(ctx, poly_model(ctx, 1, 0, 0, 1, 0), (sx_method)method, 0.25, 2);
        double x[2] = { 0.5, 1 };
        const sx_batch v = { x, 1, 2 };
        assert_int_equal(sx_stepper_advance(ctx, g.s, sx_key_seed(3), 0, 0, 6, 0, v, g.w), SX_E_NUMERIC);
        assert_non_null(strstr(sx_ctx_message(ctx), names[method]));
        assert_true(x[0] == 0.5 && x[1] == 1);
        OK(sx_stepper_advance(ctx, g.s, sx_key_seed(3), 0, 0, 3, 0, v, g.w));
        NEAR(x[0], 1 / (2 - 0.75), 1e-6);
        NEAR(x[1], 4, 1e-5);
        rig_free(&g);
    }
}

/* Every allocation of creation fails in turn: an error, nothing leaked, output untouched. */
typedef struct miser {
    int64_t left;
} miser;
static void *miserly(void *user, void *p, size_t old_size, size_t new_size) {
    miser *m = user;
    if (new_size == 0) {
        free(p);
        return NULL;
    }
    if (m->left-- <= 0) return NULL;
    void *q = aligned_alloc(64, (new_size + 63) / 64 * 64);
    if (q && p) {
        memcpy(q, p, old_size < new_size ? old_size : new_size);
        free(p);
    }
    return q;
}
static void test_no_memory(void **state) {
    static const sx_method methods[] = { SX_METHOD_EXACT, SX_METHOD_SRA };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        miser purse = { INT64_MAX };
        sx_host host = { .struct_size = sizeof host, .user = &purse, .alloc = miserly, .threads = 1 };
        sx_ctx *ctx = sx_ctx_create(&host);
        sx_model *m = of_class(ctx, SX_NOISE_ADDITIVE_DIAGONAL, true);
        const size_t before = sx_ctx_bytes(ctx);
        int64_t k = 0;
        for (;; k++) {
            sx_stepper *s = NULL;
            purse.left = k;
            const sx_status status = sx_stepper_create(ctx, m, methods[i], 0.1, 0, 0, &s);
            purse.left = INT64_MAX;
            if (status == SX_OK) {
                sx_stepper_free(ctx, s);
                break;
            }
            assert_int_equal(status, SX_E_MEMORY);
            assert_null(s);
            sx_ctx_clear(ctx);
            assert_true(sx_ctx_bytes(ctx) == before);
        }
        assert_true(k >= 3);
        assert_true(sx_ctx_bytes(ctx) == before);
        sx_model_free(ctx, m);
        sx_ctx_free(ctx);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_auto),      cmocka_unit_test(test_capability),    cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_splitting), cmocka_unit_test(test_given_normals), cmocka_unit_test(test_zero_noise),
        cmocka_unit_test(test_map),       cmocka_unit_test(test_built_in),      cmocka_unit_test(test_sampler),
        cmocka_unit_test(test_panels),    cmocka_unit_test(test_large),         cmocka_unit_test(test_blow_up),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
