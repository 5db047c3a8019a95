// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Noises: every operation against B and its differences, calculi against closed forms, the rules of the [noise] section. */
#include "model_checks.h"

enum { N = 4, B = 8 };

static sx_composed_opts composed(void) {
    sx_composed_opts o = { .struct_size = sizeof o };
    sx_fields_default(sx_composed_fields, &o);
    return o;
}

/* -- operations at points x[N][B] ------------------------------------------------------------------------------------------------ */

enum { NB, NBT, NDIV, NSTRAT, NCOV, NDB, NGRAD, ND2 };
static void noise_op(const sx_noise *noise, int op, const double *x, const double *a, const double *c, const double *e,
                     double *out) {
    const sx_noise_ops *o = sx_noise_operations(noise);
    const void *self = sx_noise_self(noise);
    int64_t rank = sx_noise_rank(noise);
    sx_work w = scratch(o->work(self, B), NULL);
    sx_batch y = { out, N, B }, z = { out, rank, B };
    switch (op) {
    case NB:
        o->B(self, 0.0, view(x, N, B), view(a, rank, B), y, w);
        break;
    case NBT:
        o->Bt(self, 0.0, view(x, N, B), view(a, N, B), z, w);
        break;
    case NDIV:
        o->div_D(self, 0.0, view(x, N, B), y, w);
        break;
    case NSTRAT:
        o->strat(self, 0.0, view(x, N, B), y, w);
        break;
    case NCOV:
        o->covariant(self, 0.0, view(x, N, B), y, w);
        break;
    case NDB:
        o->dB(self, 0.0, view(x, N, B), view(a, N, B), view(c, rank, B), y, w);
        break;
    case NGRAD:
        o->grad_pDp(self, 0.0, view(x, N, B), view(a, N, B), y, w);
        break;
    default:
        o->d2D(self, 0.0, view(x, N, B), view(a, N, B), view(c, N, B), view(e, N, B), y, w);
        break;
    }
    release(w);
}
/* D v = B B^T v */
static void apply_D(const sx_noise *noise, const double *x, const double *v, double *out) {
    double *z = calloc((size_t)(sx_noise_rank(noise) * B), sizeof *z);
    noise_op(noise, NBT, x, v, NULL, NULL, z);
    noise_op(noise, NB, x, z, NULL, NULL, out);
    free(z);
}

typedef struct with_vectors {
    const sx_noise *noise;
    const double *a, *c;
} with_vectors;
static void f_B(void *arg, const double *x, double *out) {
    with_vectors *v = arg;
    noise_op(v->noise, NB, x, v->a, NULL, NULL, out);
}
static void f_D(void *arg, const double *x, double *out) {
    with_vectors *v = arg;
    apply_D(v->noise, x, v->a, out);
}
static void f_pDp(void *arg, const double *x, double *out) {
    with_vectors *v = arg;
    double Dp[N * B];
    apply_D(v->noise, x, v->a, Dp);
    for (int r = 0; r < B; ++r) out[r] = 0.0;
    for (int i = 0; i < N * B; ++i) out[i % B] += v->a[i] * Dp[i];
}
static void f_dD(void *arg, const double *x, double *out) { /* dD[c] a by differences */
    with_vectors *v = arg;
    richardson(f_D, v, N * B, x, v->c, N * B, 0.04, out);
}
/* constant directions e_k in all columns */
static void axis(int k, double *e) {
    for (int i = 0; i < N * B; ++i) e[i] = i / B == k ? 1.0 : 0.0;
}

/* B and B^T, D^-1 D = 1 on the range, and for state-dependent noise all derivatives. */
static void check_noise(const char *name, const sx_noise *noise, const double *x) {
    const sx_noise_ops *o = sx_noise_operations(noise);
    int64_t rank = sx_noise_rank(noise);
    double *w = numbers("w", -1, 1, rank * B + 1), *Btp = numbers("Btp", 0, 1, rank * B + 1);
    double p[N * B], Bw[N * B], v[N * B], Dv[N * B], back[N * B], residual[B], got[N * B], want[N * B], e[N * B],
        tmp[N * B];
    fill("p", -1, 1, N * B, p);
    fill("v", -1, 1, N * B, v);
    noise_op(noise, NB, x, w, NULL, NULL, Bw);
    noise_op(noise, NBT, x, p, NULL, NULL, Btp);
    for (int r = 0; r < B; ++r) {
        double left = 0.0, right = 0.0;
        for (int i = 0; i < N; ++i) left += p[i * B + r] * Bw[i * B + r];
        for (int64_t k = 0; k < rank; ++k) right += w[k * B + r] * Btp[k * B + r];
        assert_true(fabs(left - right) <= 1e-13 * (1.0 + fabs(left)));
    }
    apply_D(noise, x, v, Dv);
    sx_work s = scratch(o->work(sx_noise_self(noise), B), NULL);
    o->Dinv(sx_noise_self(noise), 0.0, view(x, N, B), view(Dv, N, B), (sx_batch){ back, N, B }, residual, s);
    release(s);
    for (int r = 0; r < B; ++r) assert_true(residual[r] <= 1e-13 * (1.0 + largest(N * B, Dv)));
    apply_D(noise, x, back, got); /* D D^-1 (D v) = D v, also when D is singular */
    close_to(name, N * B, got, Dv, 1e-12, 1e-3);
    if (o->div_D) {
        memset(want, 0, sizeof want);
        for (int k = 0; k < N; ++k) { /* d_k D_ik */
            axis(k, e);
            with_vectors a = { noise, e, NULL };
            richardson(f_D, &a, N * B, x, e, N * B, 0.04, tmp);
            for (int i = 0; i < N * B; ++i) want[i] += tmp[i];
        }
        noise_op(noise, NDIV, x, NULL, NULL, NULL, got);
        close_to(name, N * B, got, want, 1e-9, 1e-3);
        memset(want, 0, sizeof want);
        for (int j = 0; j < rank; ++j) { /* (d_k B_ij) B_kj: the derivative of column j along itself */
            double column[N * B], unit[N * B];
            axis(j, unit);
            noise_op(noise, NB, x, unit, NULL, NULL, column);
            with_vectors a = { noise, unit, NULL };
            richardson(f_B, &a, N * B, x, column, N * B, 0.02, tmp);
            for (int i = 0; i < N * B; ++i) want[i] += tmp[i];
        }
        noise_op(noise, NSTRAT, x, NULL, NULL, NULL, got);
        close_to(name, N * B, got, want, 1e-9, 1e-3);
        with_vectors a = { noise, w, NULL };
        richardson(f_B, &a, N * B, x, v, N * B, 0.04, want);
        noise_op(noise, NDB, x, v, w, NULL, got);
        close_to(name, N * B, got, want, 1e-9, 1e-3);
        a = (with_vectors){ noise, p, NULL };
        noise_op(noise, NGRAD, x, p, NULL, NULL, got);
        for (int k = 0; k < N; ++k) {
            axis(k, e);
            richardson(f_pDp, &a, N * B, x, e, B, 0.04, tmp);
            close_to(name, B, got + (ptrdiff_t)k * B, tmp, 1e-9, 1.0);
        }
        a = (with_vectors){ noise, p, v };
        fill("u", -1, 1, N * B, e);
        richardson(f_dD, &a, N * B, x, e, N * B, 0.04, want);
        noise_op(noise, ND2, x, v, e, p, got);
        close_to(name, N * B, got, want, 1e-7, 1e-2);
    }
    free(Btp);
    free(w);
}

static void additive(void **state) {
    sx_ctx *ctx = *state;
    double x[N * B], D[N] = { 0.5, 0.0, 2.0, 1e-3 }, v[N * B], out[N * B], residual[B], M[N * N], f[N * 2];
    fill("x", -1, 1, N * B, x);
    fill("v", -1, 1, N * B, v);
    sx_noise *noise = NULL;
    OK(sx_noise_additive(ctx, N, (sx_values){ N, D }, &noise));
    assert_int_equal(sx_noise_class_of(noise), SX_NOISE_ADDITIVE_DIAGONAL);
    check_noise("additive", noise, x);
    apply_D(noise, x, v, out);
    for (int i = 0; i < N * B; ++i) assert_true(fabs(out[i] - D[i / B] * v[i]) < 1e-15);
    /* the part outside the range of D is the second unit */
    sx_noise_operations(noise)->Dinv(sx_noise_self(noise), 0.0, view(x, N, B), view(v, N, B), (sx_batch){ out, N, B },
                                     residual, (sx_work){ NULL, 0, NULL, 0 });
    for (int r = 0; r < B; ++r) assert_true(fabs(residual[r] - fabs(v[B + r])) < 1e-15 && out[B + r] == 0.0);
    sx_noise_free(ctx, noise);
    D[2] = -1.0;
    assert_int_equal(sx_noise_additive(ctx, N, (sx_values){ N, D }, &noise), SX_E_USAGE);
    /* matrix of rank 2: B B^T = D, rank 2 */
    fill("f", -1, 1, N * 2, f);
    for (int i = 0; i < N; ++i) {
        for (int j = 0; j < N; ++j) M[i * N + j] = f[i * 2] * f[j * 2] + f[i * 2 + 1] * f[j * 2 + 1];
    }
    double want[N * B];
    for (int i = 0; i < N; ++i) {
        for (int r = 0; r < B; ++r) {
            want[i * B + r] = 0.0;
            for (int j = 0; j < N; ++j) want[i * B + r] += M[i * N + j] * v[j * B + r];
        }
    }
    for (int form = 0; form < 2; ++form) {
        if (form == 0)
            OK(sx_noise_additive_matrix(ctx, N, M, &noise));
        else
            OK(sx_noise_additive_factor(ctx, N, 2, f, &noise));
        assert_int_equal(sx_noise_class_of(noise), SX_NOISE_ADDITIVE_MATRIX);
        assert_int_equal(sx_noise_rank(noise), 2);
        check_noise("matrix", noise, x);
        apply_D(noise, x, v, out);
        close_to("D v", N * B, out, want, 1e-14, 1.0);
        /* residual of v: its distance from the plane of the two columns of f */
        sx_work s = scratch(sx_noise_operations(noise)->work(sx_noise_self(noise), B), NULL);
        sx_noise_operations(noise)->Dinv(sx_noise_self(noise), 0.0, view(x, N, B), view(v, N, B),
                                         (sx_batch){ out, N, B }, residual, s);
        release(s);
        double aa = 0, bb = 0, ab = 0;
        for (int i = 0; i < N; ++i) {
            aa += f[i * 2] * f[i * 2];
            bb += f[i * 2 + 1] * f[i * 2 + 1];
            ab += f[i * 2] * f[i * 2 + 1];
        }
        for (int r = 0; r < B; ++r) {
            double av = 0, bv = 0, vv = 0, det = aa * bb - ab * ab;
            for (int i = 0; i < N; ++i) {
                av += f[i * 2] * v[i * B + r];
                bv += f[i * 2 + 1] * v[i * B + r];
                vv += v[i * B + r] * v[i * B + r];
            }
            double in_plane = (bb * av * av - 2 * ab * av * bv + aa * bv * bv) / det;
            assert_true(fabs(residual[r] - sqrt(vv - in_plane)) < 1e-12);
        }
        sx_noise_free(ctx, noise);
    }
    /* more columns than units */
    double wide[N * 7];
    fill("wide", -1, 1, N * 7, wide);
    OK(sx_noise_additive_factor(ctx, N, 7, wide, &noise));
    check_noise("wide factor", noise, x);
    sx_noise_free(ctx, noise);
    M[1] += 0.5;
    assert_int_equal(sx_noise_additive_matrix(ctx, N, M, &noise), SX_E_USAGE);
    assert_non_null(strstr(sx_ctx_message(ctx), "symmetric"));
    M[1] -= 0.5;
    for (int i = 0; i < N; ++i) M[i * N + i] -= 0.3;
    assert_int_equal(sx_noise_additive_matrix(ctx, N, M, &noise), SX_E_USAGE);
    assert_non_null(strstr(sx_ctx_message(ctx), "semidefinite"));
}

static void multiplicative(void **state) {
    sx_ctx *ctx = *state;
    double x[N * B], s[N] = { 0.5, 1.0, 2.0, 0.1 };
    fill("x", -1, 1, N * B, x);
    const char *names[] = { "linear", "sqrt", "quadratic" };
    for (int shape = 0; shape < 3; ++shape) {
        sx_noise *noise = NULL;
        OK(sx_noise_multiplicative(ctx, N, (sx_amplitude)shape, (sx_values){ N, s }, 2.0, 0.7, &noise));
        assert_int_equal(sx_noise_class_of(noise), SX_NOISE_DIAGONAL);
        check_noise(names[shape], noise, x);
        double one[N * B], out[N * B];
        for (int i = 0; i < N * B; ++i) one[i] = 1.0;
        noise_op(noise, NB, x, one, NULL, NULL, out);
        for (int i = 0; i < N * B; ++i) { /* sigma / sqrt 2 */
            double y = 2.0 + 0.7 * x[i], sigma = s[i / B] * (shape == 0   ? y
                                                             : shape == 1 ? sqrt(y)
                                                                          : sqrt(1.0 + x[i] * x[i]));
            assert_true(fabs(out[i] - sigma / sqrt(2.0)) < 1e-15);
        }
        sx_noise_free(ctx, noise);
    }
    /* demographic noise at and beyond its boundary: B = 0, nothing infinite */
    sx_noise *noise = NULL;
    OK(sx_noise_multiplicative(ctx, N, SX_AMPLITUDE_SQRT, (sx_values){ 1, s }, 0.0, 1.0, &noise));
    for (int i = 0; i < N * B; ++i) x[i] = i % 2 ? -1.0 : 0.0;
    double out[N * B];
    noise_op(noise, NDB, x, x, x, NULL, out);
    for (int i = 0; i < N * B; ++i) assert_true(out[i] == 0.0);
    sx_noise_free(ctx, noise);
}

/* |G|^-1/2 d_j (|G|^1/2 M_ij) = (div M)_i + M_ij d_j ln |G|^1/2, with ln|G| from the metric's own matrix by differences */
static double log_det_G(const sx_model *m, const double *x) {
    const sx_model_ops *o = sx_model_operations(m);
    double G[N][N], e[N], column[N], log_det = 0.0;
    for (int j = 0; j < N; ++j) {
        for (int i = 0; i < N; ++i) e[i] = i == j ? 1.0 : 0.0;
        sx_work w = scratch(o->work(sx_model_self(m), SX_OP_METRIC, 1), NULL);
        o->metric(sx_model_self(m), 0, view(x, N, 1), view(e, N, 1), (sx_batch){ column, N, 1 }, w);
        release(w);
        for (int i = 0; i < N; ++i) G[i][j] = column[i];
    }
    for (int k = 0; k < N; ++k) { /* elimination; G is positive definite */
        log_det += log(G[k][k]);
        for (int i = k + 1; i < N; ++i) {
            double f = G[i][k] / G[k][k];
            for (int j = k; j < N; ++j) G[i][j] -= f * G[k][j];
        }
    }
    return log_det;
}
static void f_log_det(void *arg, const double *x, double *out) {
    *out = log_det_G(arg, x);
}

static void thermal(void **state) {
    sx_ctx *ctx = *state;
    const double T = 0.3;
    double x[N * B], tau[N] = { 0.5, 1.0, 2.0, 1.5 }, g[N] = { 1, 2, 4, 8 };
    fill("x", -1.2, 1.2, N * B, x);
    for (int kind = SX_METRIC_IDENTITY; kind <= SX_METRIC_LORENTZIAN; ++kind) {
        sx_composed_opts o = composed();
        o.n = N;
        o.metric = kind;
        o.mu_r = 0.6;
        o.mu_t = 1.7;
        if (kind == SX_METRIC_DIAGONAL) o.metric_values = (sx_values){ N, g };
        if (kind == SX_METRIC_ACTIVATION) o.tau = (sx_values){ N, tau };
        sx_model *m = NULL;
        sx_noise *noise = NULL;
        OK(sx_composed_create(ctx, &o, NULL, NULL, NULL, &m));
        OK(sx_noise_thermal(ctx, m, T, &noise));
        bool constant = kind == SX_METRIC_IDENTITY || kind == SX_METRIC_DIAGONAL;
        assert_int_equal(sx_noise_class_of(noise), constant                              ? SX_NOISE_ADDITIVE_DIAGONAL
                                                   : kind == SX_METRIC_RADIAL_TANGENTIAL ? SX_NOISE_GENERAL
                                                                                         : SX_NOISE_DIAGONAL);
        check_noise("thermal", noise, x);
        /* D v = T G^-1 v */
        double v[N * B], Dv[N * B], Mv[N * B];
        fill("v", -1, 1, N * B, v);
        apply_D(noise, x, v, Dv);
        const sx_model_ops *ops = sx_model_operations(m);
        sx_work w = scratch(ops->work(sx_model_self(m), SX_OP_METRIC, B), NULL);
        ops->metric(sx_model_self(m), 1, view(x, N, B), view(v, N, B), (sx_batch){ Mv, N, B }, w);
        release(w);
        for (int i = 0; i < N * B; ++i) Mv[i] *= T;
        close_to("T G^-1", N * B, Dv, Mv, 1e-14, 1.0);
        if (!constant) {
            double got[N * B], div[N * B], grad[N * B], Dgrad[N * B];
            noise_op(noise, NCOV, x, NULL, NULL, NULL, got);
            noise_op(noise, NDIV, x, NULL, NULL, NULL, div);
            for (int r = 0; r < B; ++r) {
                double point[N], e[N];
                for (int i = 0; i < N; ++i) point[i] = x[i * B + r];
                for (int k = 0; k < N; ++k) {
                    for (int i = 0; i < N; ++i) e[i] = i == k ? 1.0 : 0.0;
                    richardson(f_log_det, m, N, point, e, 1, 0.02, &grad[k * B + r]);
                    grad[k * B + r] *= 0.5;
                }
            }
            apply_D(noise, x, grad, Dgrad);
            for (int i = 0; i < N * B; ++i) Dgrad[i] += div[i];
            close_to("covariant", N * B, got, Dgrad, 1e-9, 0.1);
        }
        sx_noise_free(ctx, noise);
        sx_model_free(ctx, m);
    }
}

/* Lorentzian metric in one dimension: D = T (1 + x^2), D' = 2 T x, B B' = T x. */
static sx_model *lorentzian(sx_ctx *ctx, double T, sx_calculus calculus) {
    sx_composed_opts o = composed();
    o.n = 1;
    o.metric = SX_METRIC_LORENTZIAN;
    sx_model *quiet = NULL, *m = NULL;
    sx_noise *noise = NULL;
    OK(sx_composed_create(ctx, &o, NULL, NULL, NULL, &quiet));
    OK(sx_noise_thermal(ctx, quiet, T, &noise));
    OK(sx_model_with_noise(ctx, quiet, noise, calculus, &m));
    sx_noise_free(ctx, noise);
    sx_model_free(ctx, quiet);
    return m;
}
static bool correction(const sx_model *m, sx_calculus as, double x, double *out) {
    sx_work w = scratch(sx_model_work(m, 1), NULL);
    bool any = sx_model_correction(m, as, 0.0, view(&x, 1, 1), (sx_batch){ out, 1, 1 }, w);
    release(w);
    return any;
}

static void corrections(void **state) {
    sx_ctx *ctx = *state;
    const double T = 0.7, x = 0.9;
    /* factor of T x: as Ito, as Stratonovich (one less); NaN = vanishes identically */
    const double want[4][2] = { [SX_KINETIC] = { 2, 1 },
                                [SX_ITO] = { (double)NAN, -1 },
                                [SX_STRATONOVICH] = { 1, (double)NAN },
                                [SX_COVARIANT] = { 1, 0 } };
    for (int c = 0; c < 4; ++c) {
        sx_model *m = lorentzian(ctx, T, (sx_calculus)c);
        for (int as = 0; as < 2; ++as) {
            double got = -77.0;
            bool any = correction(m, as ? SX_STRATONOVICH : SX_ITO, x, &got);
            assert_int_equal(any, !isnan(want[c][as]));
            if (any)
                assert_true(fabs(got - want[c][as] * T * x) < 1e-15);
            else
                assert_true(got == -77.0);
        }
        sx_model_free(ctx, m);
    }
}

/* Stationary density of the Ito drift f: p = exp(int f/D) / D. G^-1 = 1 + x^2, Phi = x^2/2, T = 1 gives <x^2> = 1 (kinetic),
 * .71537774 (Stratonovich without correction, and covariant), .52513528 (Ito): unified-dynamics.md, T8(iv). */
static void calculi(void **state) {
    sx_ctx *ctx = *state;
    const double want[4] = {
        [SX_KINETIC] = 1.0, [SX_ITO] = .52513528, [SX_STRATONOVICH] = .71537774, [SX_COVARIANT] = .71537774
    };
    for (int c = 0; c < 4; ++c) {
        sx_model *m = lorentzian(ctx, 1.0, (sx_calculus)c);
        const sx_noise_ops *o = sx_noise_operations(sx_model_noise(m));
        const double h = 1e-3;
        double exponent = 0.0, norm = 0.0, second = 0.0, last = 0.0;
        for (int k = 0; k <= 12000; ++k) { /* the density is even */
            double x = k * h, F, drift = 0.0, one = 1.0, Bx;
            sx_work w = scratch(sx_model_work(m, 1), NULL);
            sx_model_F(m, 0.0, view(&x, 1, 1), (sx_batch){ &F, 1, 1 }, w);
            o->B(sx_noise_self(sx_model_noise(m)), 0.0, view(&x, 1, 1), view(&one, 1, 1), (sx_batch){ &Bx, 1, 1 }, w);
            release(w);
            (void)correction(m, SX_ITO, x, &drift);
            double ratio = (F + drift) / (Bx * Bx);
            exponent += k ? 0.5 * h * (last + ratio) : 0.0;
            last = ratio;
            double p = (k ? 2.0 : 1.0) * exp(exponent) / (Bx * Bx);
            norm += p;
            second += p * x * x;
        }
        assert_true(fabs(second / norm - want[c]) < 1e-6); /* trapezium rule: error below h^2 */
        sx_model_free(ctx, m);
    }
}

/* -- the [noise] section ----------------------------------------------------------------------------------------------------------- */

static sx_noise_opts section(const char *kind) {
    sx_noise_opts o = { .struct_size = sizeof o };
    sx_fields_default(sx_noise_fields, &o);
    o.kind = sx_choice_index(SX_NOISE_KIND_CHOICES, kind);
    o.struct_size = sizeof o;
    return o;
}

static void attach(void **state) {
    sx_ctx *ctx = *state;
    const double tau[N] = { 0.5, 1.0, 2.0, 4.0 }, D[N] = { 1, 2, 3, 4 }, sigma = 0.6;
    double x[N * B] = { 0 }, v[N * B], out[N * B], matrix[N * N];
    fill("v", -1, 1, N * B, v);
    for (int i = 0; i < N * N; ++i) matrix[i] = (i % (N + 1) == 0 ? 2.0 : 0.3);
    sx_composed_opts c = composed();
    c.n = N;
    sx_model *base = NULL, *m = NULL;
    OK(sx_composed_create(ctx, &c, NULL, NULL, NULL, &base));
    sx_noise_opts o = section("additive");
    o.has_D = true;
    o.D = (sx_values){ N, D };
    OK(sx_noise_attach(ctx, base, &o, (sx_values){ 0, NULL }, &m));
    apply_D(sx_model_noise(m), x, v, out);
    for (int i = 0; i < N * B; ++i) assert_true(fabs(out[i] - D[i / B] * v[i]) < 1e-14);
    sx_model_free(ctx, m);
    o.scaled_by = 1;
    OK(sx_noise_attach(ctx, base, &o, (sx_values){ N, tau }, &m));
    apply_D(sx_model_noise(m), x, v, out);
    for (int i = 0; i < N * B; ++i) assert_true(fabs(out[i] - D[i / B] / (tau[i / B] * tau[i / B]) * v[i]) < 1e-14);
    sx_model_free(ctx, m);
    o = section("additive");
    o.has_sigma = true;
    o.sigma = (sx_values){ 1, &sigma };
    OK(sx_noise_attach(ctx, base, &o, (sx_values){ 0, NULL }, &m));
    apply_D(sx_model_noise(m), x, v, out);
    for (int i = 0; i < N * B; ++i) assert_true(fabs(out[i] - 0.18 * v[i]) < 1e-15); /* sigma^2 / 2 */
    sx_model_free(ctx, m);
    /* matrices: D with rows and columns scaled; sigma sigma^T / 2 */
    o = section("additive");
    o.has_D = true;
    o.D = (sx_values){ N * N, matrix };
    o.scaled_by = 1;
    OK(sx_noise_attach(ctx, base, &o, (sx_values){ N, tau }, &m));
    apply_D(sx_model_noise(m), x, v, out);
    for (int i = 0; i < N; ++i) {
        for (int r = 0; r < B; ++r) {
            double want = 0.0;
            for (int j = 0; j < N; ++j) want += matrix[i * N + j] / (tau[i] * tau[j]) * v[j * B + r];
            assert_true(fabs(out[i * B + r] - want) < 1e-13);
        }
    }
    sx_model_free(ctx, m);
    o = section("additive");
    o.has_sigma = true;
    o.sigma = (sx_values){ N * N, matrix };
    OK(sx_noise_attach(ctx, base, &o, (sx_values){ 0, NULL }, &m));
    apply_D(sx_model_noise(m), x, v, out);
    for (int i = 0; i < N; ++i) {
        for (int r = 0; r < B; ++r) {
            double want = 0.0;
            for (int j = 0; j < N; ++j) {
                for (int k = 0; k < N; ++k) want += 0.5 * matrix[i * N + k] * matrix[j * N + k] * v[j * B + r];
            }
            assert_true(fabs(out[i * B + r] - want) < 1e-13);
        }
    }
    sx_model_free(ctx, m);
    /* multiplicative with D: s = sqrt(2 D), so D_ii = D (offset + slope x)^2 */
    o = section("multiplicative");
    o.has_D = true;
    o.D = (sx_values){ 1, &sigma };
    o.offset = 1.0;
    o.slope = 0.0;
    o.has_calculus = true;
    o.calculus = SX_ITO;
    OK(sx_noise_attach(ctx, base, &o, (sx_values){ 0, NULL }, &m));
    assert_int_equal(sx_model_calculus(m), SX_ITO);
    apply_D(sx_model_noise(m), x, v, out);
    for (int i = 0; i < N * B; ++i) assert_true(fabs(out[i] - sigma * v[i]) < 1e-15);
    sx_model_free(ctx, m);
    o = section("thermal");
    o.has_temperature = true;
    o.temperature = 0.5;
    OK(sx_noise_attach(ctx, base, &o, (sx_values){ 0, NULL }, &m));
    assert_int_equal(sx_model_calculus(m), SX_KINETIC);
    sx_model_free(ctx, m);
    sx_model_free(ctx, base);
}

static void rules(void **state) {
    sx_ctx *ctx = *state;
    const double one = 1.0, three[3] = { 1, 1, 1 };
    sx_composed_opts c = composed();
    c.n = N;
    c.metric = SX_METRIC_LORENTZIAN;
    sx_linear_opts l = { .struct_size = sizeof l };
    sx_fields_default(sx_linear_fields, &l);
    l.n = N;
    sx_model *flow = NULL, *map = NULL, *linear = NULL, *m = NULL;
    OK(sx_composed_create(ctx, &c, NULL, NULL, NULL, &flow));
    OK(sx_linear_create(ctx, &l, NULL, NULL, &linear));
    l.time = 1;
    OK(sx_linear_create(ctx, &l, NULL, NULL, &map));
    enum { D = 1, SIGMA = 2, FACTOR = 4, TEMPERATURE = 8, TAU = 16, CALCULUS = 32, SCALED = 64, THREE = 128 };
    const struct {
        const sx_model *model;
        const char *kind;
        int given, calculus;
        const char *says;
    } cases[] = {
        { flow, "additive", 0, 0, "exactly one of D" },
        { flow, "additive", D | SIGMA, 0, "exactly one of D" },
        { flow, "additive", D | FACTOR, 0, "exactly one of D" },
        { flow, "additive", D | THREE, 0, "3 numbers for 4 units" },
        { flow, "additive", D | TEMPERATURE, 0, "noise.temperature has no meaning" },
        { flow, "additive", D | TAU, 0, "noise.tau has no meaning" },
        { flow, "additive", D | SCALED, 0, "no time constants" },
        { flow, "none", D, 0, "noise.D has no meaning" },
        { flow, "thermal", 0, 0, "noise.temperature is missing" },
        { flow, "thermal", TEMPERATURE | SIGMA, 0, "noise.sigma has no meaning" },
        { linear, "thermal", TEMPERATURE, 0, "needs a metric" },
        { flow, "multiplicative", SIGMA, 0, "noise.calculus is missing" },
        { flow, "multiplicative", SIGMA | CALCULUS, SX_COVARIANT, "wants thermal noise" },
        { flow, "multiplicative", FACTOR, 0, "noise.factor has no meaning" },
        { map, "additive", D | CALCULUS, SX_ITO, "no calculus" },
        { flow, "ou", D, 0, "noise.tau is missing" },
        { map, "ou", D | TAU, 0, "wants a flow" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        sx_noise_opts o = section(cases[i].kind);
        int given = cases[i].given;
        o.has_D = given & D;
        o.has_sigma = given & SIGMA;
        o.has_factor = given & FACTOR;
        o.has_temperature = given & TEMPERATURE;
        o.has_tau = given & TAU;
        o.has_calculus = given & CALCULUS;
        o.D = given & THREE ? (sx_values){ 3, three } : (sx_values){ 1, &one };
        o.sigma = o.factor = (sx_values){ 1, &one };
        o.temperature = o.tau = 1.0;
        o.calculus = cases[i].calculus;
        o.scaled_by = given & SCALED ? 1 : 0;
        sx_status status = sx_noise_attach(ctx, cases[i].model, &o, (sx_values){ 0, NULL }, &m);
        if ((status != SX_E_USAGE && status != SX_E_UNSUPPORTED) || !strstr(sx_ctx_message(ctx), cases[i].says)) {
            print_error("case %d: %d %s\n", (int)i, (int)status, sx_ctx_message(ctx));
            fail();
        }
        sx_ctx_clear(ctx);
    }
    assert_null(m);
    /* a map takes state-dependent noise without a calculus, and has no correction */
    sx_noise_opts o = section("multiplicative");
    o.has_sigma = true;
    o.sigma = (sx_values){ 1, &one };
    OK(sx_noise_attach(ctx, map, &o, (sx_values){ 0, NULL }, &m));
    double x[N] = { 1, 2, 3, 4 }, out[N];
    sx_work w = scratch(sx_model_work(m, 1), NULL);
    assert_false(sx_model_correction(m, SX_ITO, 0.0, view(x, N, 1), (sx_batch){ out, N, 1 }, w));
    release(w);
    sx_model_free(ctx, m);
    sx_model_free(ctx, map);
    sx_model_free(ctx, linear);
    sx_model_free(ctx, flow);
}

static int setup(void **state) {
    *state = sx_ctx_create(NULL);
    return *state == NULL;
}
static int teardown(void **state) {
    sx_ctx_free(*state);
    return 0;
}
int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(additive),    cmocka_unit_test(multiplicative), cmocka_unit_test(thermal),
        cmocka_unit_test(corrections), cmocka_unit_test(calculi),        cmocka_unit_test(attach),
        cmocka_unit_test(rules),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
