// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Attention: every operation against the composed model and against equations and potentials as text, the drift of all forms against sums
 * written out, derivatives against differences, and closed forms: the bifurcation at beta = 1 (unified-dynamics.md, T9), clusters of tokens
 * (Geshkovski et al. 2023), the spectrum of causal attention. */
#include "same_model.h"

#include "core/linalg.h"

#include <separatrix/attention.h>
#include <separatrix/equations.h>
#include <separatrix/noise.h>

enum { D = 4, P = 5 };

static sx_attention_opts defaults(int form) {
    sx_attention_opts o = SX_ATTENTION_OPTS;
    sx_fields_default(sx_attention_fields, &o);
    o.struct_size = sizeof o;
    o.form = form;
    return o;
}
static sx_model *make(sx_ctx *ctx, const sx_attention_opts *o) {
    sx_model *m = NULL;
    if (sx_attention_create(ctx, o, NULL, &m) < 0) fail_msg("%s", sx_ctx_message(ctx));
    return m;
}

/* -- one token: built natively = built from parts ------------------------------------------------------------------------------------- */

static void tied_is_composed(void **state) {
    sx_ctx *ctx = *state;
    double keys[P * D];
    fill("keys", -1, 1, P * D, keys);
    sx_attention_opts o = defaults(SX_ATTENTION_TIED);
    o.beta = 1.7;
    o.dimension = D;
    o.keys = (sx_values){ P * D, keys };
    sx_composed_opts c = { .struct_size = sizeof c };
    sx_fields_default(sx_composed_fields, &c);
    c.struct_size = sizeof c;
    c.n = D;
    c.potential = SX_POTENTIAL_LOGSUMEXP;
    c.beta = 1.7;
    c.keys = o.keys;
    sx_model *native = make(ctx, &o), *parts = NULL;
    OK(sx_composed_create(ctx, &c, NULL, NULL, NULL, &parts));
    same_model("tied", native, parts, 3.0, true, 1e-12);
    sx_model_free(ctx, parts);
    sx_model_free(ctx, native);
}

/* Potential (values, M diagonal) and equations (all forms) as text. */
static void one_token_as_text(void **state) {
    sx_ctx *ctx = *state;
    double beta = 1.3, t[P * D], M[D], WQ[2 * D], WK[2 * D], WV[D * D], key[P * D], value[P * D];
    fill("keys", -1, 1, P * D, t);
    fill("M", 0.5, 2, D, M);
    fill("WQ", -1, 1, 2 * D, WQ);
    fill("WK", -1, 1, 2 * D, WK);
    fill("WV", -1, 1, D * D, WV);
    for (int untied = 0; untied < 2; ++untied) {
        for (int m = 0; m < P; ++m) {
            double query[2] = { 0, 0 };
            for (int h = 0; h < 2; ++h) query[h] = dot(D, WK + (ptrdiff_t)h * D, t + (ptrdiff_t)m * D);
            for (int i = 0; i < D; ++i) {
                key[m * D + i] = untied ? WQ[i] * query[0] + WQ[D + i] * query[1] : t[m * D + i];
                value[m * D + i] = untied ? dot(D, WV + (ptrdiff_t)i * D, t + (ptrdiff_t)m * D) : M[i] * t[m * D + i];
            }
        }
        sx_equations_index indices[] = { { "i", D, NULL }, { "j", 0, "i" }, { "m", P, NULL } };
        sx_equations_state states[] = { { "x", "i", NULL } };
        sx_equations_parameter parameters[] = { { "beta", NULL, { 1, &beta }, NULL },
                                                { "M", "i", { D, M }, NULL },
                                                { "K", "m,i", { P * D, key }, NULL },
                                                { "V", "m,i", { P * D, value }, NULL } };
        sx_equations_text definitions[] = { { "e[m]", "exp(beta*sum(j, K[m,j]*x[j]))" }, { "Z", "sum(m, e[m])" } };
        sx_equations_text equation = { "x", "-x[i] + sum(m, V[m,i]*e[m])/Z" }, metric = { "x", "1/M[i]" };
        sx_equations_desc d = SX_EQUATIONS_DESC;
        d.n_indices = 3;
        d.indices = indices;
        d.n_states = 1;
        d.states = states;
        d.n_parameters = 4;
        d.parameters = parameters;
        d.n_definitions = 2;
        d.definitions = definitions;
        d.n_equations = 1;
        d.equations = &equation;
        sx_attention_opts o = defaults(untied ? SX_ATTENTION_UNTIED : SX_ATTENTION_VALUES);
        o.beta = beta;
        o.dimension = D;
        o.keys = (sx_values){ P * D, t };
        o.mobility = (sx_values){ D, M };
        if (untied) {
            o.W_Q = (sx_values){ 2 * D, WQ };
            o.W_K = (sx_values){ 2 * D, WK };
            o.W_V = (sx_values){ D * D, WV };
        }
        sx_model *native = make(ctx, &o), *text = NULL;
        OK(sx_equations_create(ctx, &d, NULL, &text));
        same_model(untied ? "untied as text" : "values as text", native, text, 2.0, false, 1e-12);
        sx_model_free(ctx, text);
        d.n_equations = 0;
        d.potential = "sum(i, x[i]^2/M[i])/2 - log(Z)/beta";
        d.n_metric = 1;
        d.metric = &metric;
        sx_equations_text flow = { "x", "sum(m, (V[m,i] - M[i]*K[m,i])*e[m])/Z" };
        d.n_flow = untied;
        d.flow = &flow;
        OK(sx_equations_create(ctx, &d, NULL, &text));
        same_model(untied ? "untied from parts" : "values from parts", native, text, 2.0, true, 1e-12);
        sx_model_free(ctx, text);
        sx_model_free(ctx, native);
    }
}

/* Values with a full M; untied with a full M: derivatives, gradient, F = -G^-1 grad Phi + R. Helmholtz: G times the Jacobian of -G^-1 grad Phi is
 * symmetric, that of F is so only without R. */
static void full_mobility(void **state) {
    sx_ctx *ctx = *state;
    double t[P * D], M[D * D], WV[D * D], a[D * D], J[D * D], MJ[D * D], Minv[D * D], one[D * D] = { 0 };
    fill("keys", -1, 1, P * D, t);
    fill("a", -0.5, 0.5, D * D, a);
    fill("WV", -1, 1, D * D, WV);
    for (int i = 0; i < D * D; ++i) {
        int r = i / D, c = i % D;
        one[i] = r == c ? 1 : 0;
        M[i] = 0.5 * (r == c);
        for (int k = 0; k < D; ++k) M[i] += a[r * D + k] * a[c * D + k];
    }
    OK(sx_solve(ctx, D, D, M, one, Minv));
    for (int untied = 0; untied < 2; ++untied) {
        sx_attention_opts o = defaults(untied ? SX_ATTENTION_UNTIED : SX_ATTENTION_VALUES);
        o.beta = 1.4;
        o.patterns = P;
        o.keys = (sx_values){ P * D, t };
        o.mobility = (sx_values){ D * D, M };
        if (untied) o.W_V = (sx_values){ D * D, WV };
        sx_model *m = make(ctx, &o);
        assert_int_equal(sx_model_n(m), D);
        check_model(ctx, "full mobility", m, 0.0, 1.5, 0.03);
        check_gradient("full mobility", m, 1.5, 0.03);
        check_parts("full mobility", m, 2.0, 1e-12);
        double x[D], R[D], worst = 0;
        fill("x", -1, 1, D, x);
        apply_part(m, PART_JACOBIAN, x, NULL, 1, J);
        for (int i = 0; i < D; ++i) {
            for (int j = 0; j < D; ++j) {
                MJ[i * D + j] = 0;
                for (int k = 0; k < D; ++k) MJ[i * D + j] += Minv[i * D + k] * J[k * D + j];
            }
        }
        for (int i = 0; i < D * D; ++i) worst = fmax(worst, fabs(MJ[i] - MJ[i % D * D + i / D]));
        apply_part(m, PART_REENTRANT, x, NULL, 1, R);
        if (untied)
            assert_true(worst > 0.1 && largest(D, R) > 0.1);
        else
            assert_true(worst < 1e-12 && largest(D, R) == 0.0);
        /* thermal noise D = T M */
        sx_noise *noise = NULL;
        OK(sx_noise_thermal(ctx, m, 0.3, &noise));
        assert_int_equal(sx_noise_class_of(noise), SX_NOISE_ADDITIVE_MATRIX);
        const sx_noise_ops *ops = sx_noise_operations(noise);
        sx_work w = scratch((ops->work ? ops->work(sx_noise_self(noise), 1) : 0) + 64, NULL);
        double back[D], residual, v[D] = { 1, -0.5, 0.3, 0.2 };
        ops->Dinv(sx_noise_self(noise), 0, view(x, D, 1), view(v, D, 1), (sx_batch){ back, D, 1 }, &residual, w);
        release(w);
        for (int i = 0; i < D; ++i) assert_true(fabs(0.3 * dot(D, M + (ptrdiff_t)i * D, back) - v[i]) < 1e-12);
        sx_noise_free(ctx, noise);
        sx_model_free(ctx, m);
    }
}

/* -- bifurcation (T9) --------------------------------------------------------------------------------------------------------------- */

/* Keys +-v, |v| = 1: x' = -x + tanh(beta x) along v; beta = 2: x* = .9575040241, rate .8336279122; 1.2: .6585696604, .3204567971; across: rate 1.
 * Below beta = 1 the origin is stable with rate 1 - beta. */
static void pair_of_keys(void **state) {
    sx_ctx *ctx = *state;
    const double want[][3] = {
        { 2, .9575040241, .8336279122 }, { 1.2, .6585696604, .3204567971 }, { .7, 0, .3 }, { 1, 0, 0 }
    };
    const double keys[4] = { 0.6, 0.8, -0.6, -0.8 }, along[2] = { 0.6, 0.8 }, across[2] = { -0.8, 0.6 };
    for (int k = 0; k < 4; ++k) {
        sx_attention_opts o = defaults(SX_ATTENTION_TIED);
        o.beta = want[k][0];
        o.patterns = 2;
        o.keys = (sx_values){ 4, keys };
        sx_model *m = make(ctx, &o);
        double x[2] = { 0.6 * want[k][1], 0.8 * want[k][1] }, F[2], Ju[2];
        const double *u[1] = { along };
        apply_op(m, OP_F, 0, x, 1, NULL, 1, F, NULL);
        assert_true(largest(2, F) < 1e-10);
        apply_op(m, OP_JVP, 0, x, 1, u, 1, Ju, NULL);
        assert_true(fabs(dot(2, Ju, along) + want[k][2]) < 1e-9);
        u[0] = across;
        apply_op(m, OP_JVP, 0, x, 1, u, 1, Ju, NULL);
        assert_true(fabs(dot(2, Ju, across) + 1) < 1e-14);
        sx_model_free(ctx, m);
    }
}

/* Where all weights are equal: slowest rate = 1 - beta times the largest eigenvalue of the covariance of the keys. */
static void uniform_point(void **state) {
    sx_ctx *ctx = *state;
    double keys[P * D], C[D * D] = { 0 }, values[D], J[D * D], re[D], im[D], zero[D] = { 0 };
    fill("keys", -1, 1, P * D, keys);
    for (int i = 0; i < D; ++i) {
        double mean = 0;
        for (int k = 0; k < P; ++k) mean += keys[k * D + i] / P;
        for (int k = 0; k < P; ++k) keys[k * D + i] -= mean; /* so that the origin is fixed */
    }
    for (int i = 0; i < D * D; ++i) {
        for (int k = 0; k < P; ++k) C[i] += keys[k * D + i / D] * keys[k * D + i % D] / P;
    }
    OK(sx_symmetric_eigen(ctx, D, C, values, NULL));
    sx_attention_opts o = defaults(SX_ATTENTION_TIED);
    o.beta = 2.3;
    o.patterns = P;
    o.keys = (sx_values){ P * D, keys };
    sx_model *m = make(ctx, &o);
    apply_op(m, OP_F, 0, zero, 1, NULL, 1, re, NULL);
    assert_true(largest(D, re) < 1e-15);
    apply_part(m, PART_JACOBIAN, zero, NULL, 1, J);
    OK(sx_eigenvalues(ctx, D, J, re, im));
    double top = -9;
    for (int i = 0; i < D; ++i) top = fmax(top, re[i]);
    assert_true(fabs(-top - (1 - 2.3 * values[D - 1])) < 1e-13);
    sx_model_free(ctx, m);
}

/* -- tokens ---------------------------------------------------------------------------------------------------------------------------- */

enum { T = 3, Q = 3, ALL = T * Q };

typedef struct weights {
    double WQ[2 * Q], WK[2 * Q], WV[Q * Q], S[Q * Q];
} weights;

/* 0: unit matrices; 1: W_Q, W_K, W_V; 2: a symmetric W_K = W_V, so that B = W_V = B^T */
static sx_attention_opts tokens(int matrices, int normalise, bool causal, double shell, weights *w) {
    sx_attention_opts o = defaults(SX_ATTENTION_TOKENS);
    fill("WQ", -1, 1, 2 * Q, w->WQ);
    fill("WK", -1, 1, 2 * Q, w->WK);
    fill("WV", -1, 1, Q * Q, w->WV);
    for (int i = 0; i < Q * Q; ++i) w->S[i] = 0.5 * (w->WV[i] + w->WV[i % Q * Q + i / Q]);
    o.dimension = Q;
    o.tokens = T;
    o.beta = 1.6;
    o.normalise = normalise;
    o.causal = causal;
    o.shell = shell;
    if (matrices == 1) {
        o.W_Q = (sx_values){ 2 * Q, w->WQ };
        o.W_K = (sx_values){ 2 * Q, w->WK };
        o.W_V = (sx_values){ Q * Q, w->WV };
    }
    if (matrices == 2) o.W_K = o.W_V = (sx_values){ Q * Q, w->S };
    return o;
}

/* The equation written out, with libm. */
static void written_out(const sx_attention_opts *o, const double *x, double *F) {
    double u[T][Q], B[Q][Q] = { { 0 } };
    bool matrices = o->W_K.n > 0;
    for (int i = 0; i < Q; ++i) {
        for (int j = 0; j < Q; ++j) {
            if (o->W_Q.n > 0)
                for (int h = 0; h < 2; ++h) B[i][j] += o->W_Q.data[h * Q + i] * o->W_K.data[h * Q + j];
            else
                B[i][j] = matrices ? o->W_K.data[i * Q + j] : i == j;
        }
    }
    for (int i = 0; i < T; ++i) {
        double q = dot(Q, x + (ptrdiff_t)i * Q, x + (ptrdiff_t)i * Q);
        for (int c = 0; c < Q; ++c) u[i][c] = x[i * Q + c] / sqrt(q);
    }
    for (int i = 0; i < T; ++i) {
        double h[Q] = { 0 }, Z = 0, q = dot(Q, x + (ptrdiff_t)i * Q, x + (ptrdiff_t)i * Q);
        for (int j = 0; j < (o->causal ? i + 1 : T); ++j) {
            double score = 0, e;
            for (int c = 0; c < Q; ++c) score += u[i][c] * dot(Q, B[c], u[j]);
            e = exp(o->beta * score);
            Z += e;
            for (int c = 0; c < Q; ++c) h[c] += e * (o->W_V.n ? dot(Q, o->W_V.data + (ptrdiff_t)c * Q, u[j]) : u[j][c]);
        }
        if (o->normalise == 1) Z = T;
        double across = dot(Q, h, u[i]);
        for (int c = 0; c < Q; ++c)
            F[i * Q + c] = (h[c] - across * u[i][c]) / Z / sqrt(q) + 0.5 * o->shell * (1 - q) * x[i * Q + c];
    }
}

static void tokens_written_out(void **state) {
    sx_ctx *ctx = *state;
    enum { B = 200 };
    for (int k = 0; k < 12; ++k) {
        int matrices = k % 3, normalise = k / 3 % 2;
        bool causal = k / 6 == 1;
        weights w;
        char name[64];
        sx_attention_opts o = tokens(matrices, normalise, causal, 0.7, &w);
        snprintf(name, sizeof name, "tokens: matrices %d, %s%s", matrices, normalise ? "none" : "softmax",
                 causal ? ", causal" : "");
        sx_model *m = make(ctx, &o);
        double *x = numbers("points", -1.5, 1.5, ALL * B), *F = numbers("F", 0, 1, ALL * B), one[ALL], want[ALL],
               got[ALL];
        apply_op(m, OP_F, 0, x, B, NULL, B, F, NULL);
        for (int r = 0; r < B; ++r) {
            for (int i = 0; i < ALL; ++i) one[i] = x[i * B + r];
            for (int i = 0; i < ALL; ++i) got[i] = F[i * B + r];
            written_out(&o, one, want);
            close_to(name, ALL, got, want, 1e-12, 1.0);
            for (int i = 0; i < T; ++i) { /* norms: (q)' = shell (1 - q) q */
                double q = dot(Q, one + (ptrdiff_t)i * Q, one + (ptrdiff_t)i * Q);
                assert_true(fabs(2 * dot(Q, one + (ptrdiff_t)i * Q, got + (ptrdiff_t)i * Q) - 0.7 * (1 - q) * q) <
                            1e-12);
            }
        }
        check_parts(name, m, 1.5, 1e-12);
        bool gradient = matrices != 1 && !causal;
        fill("one", -1, 1, ALL, one);
        apply_part(m, PART_REENTRANT, one, NULL, 1, got);
        assert_true(gradient ? largest(ALL, got) == 0.0 : largest(ALL, got) > 0.01);
        free(F);
        free(x);
        sx_model_free(ctx, m);
    }
}

static void tokens_derivatives(void **state) {
    sx_ctx *ctx = *state;
    for (int k = 0; k < 6; ++k) {
        weights w;
        char name[64];
        sx_attention_opts o = tokens(k % 3, k / 3, k == 1, k == 4 ? 0.0 : 0.7, &w);
        snprintf(name, sizeof name, "tokens, variant %d", k);
        sx_model *m = make(ctx, &o);
        check_model(ctx, name, m, 0.0, 1.0, 0.01);
        check_gradient(name, m, 1.0, 0.01);
        sx_model_free(ctx, m);
    }
}

/* Two tokens on a circle, not normalised, from potential text: every operation. */
static void two_tokens_from_parts(void **state) {
    sx_ctx *ctx = *state;
    double beta = 1.6, s = 0.7;
    sx_equations_state states[] = {
        { "a", NULL, NULL }, { "b", NULL, NULL }, { "c", NULL, NULL }, { "d", NULL, NULL }
    };
    sx_equations_parameter parameters[] = { { "beta", NULL, { 1, &beta }, NULL }, { "s", NULL, { 1, &s }, NULL } };
    sx_equations_text definitions[] = { { "p", "a^2 + b^2" }, { "q", "c^2 + d^2" }, { "y", "(a*c + b*d)/sqrt(p*q)" } };
    sx_equations_desc d = SX_EQUATIONS_DESC;
    d.n_states = 4;
    d.states = states;
    d.n_parameters = 2;
    d.parameters = parameters;
    d.n_definitions = 3;
    d.definitions = definitions;
    d.potential = "-(2*exp(beta) + 2*exp(beta*y))/(4*beta) + s/8*((p - 1)^2 + (q - 1)^2)";
    sx_attention_opts o = defaults(SX_ATTENTION_TOKENS);
    o.dimension = 2;
    o.tokens = 2;
    o.beta = beta;
    o.shell = s;
    o.normalise = 1;
    sx_model *native = make(ctx, &o), *text = NULL;
    OK(sx_equations_create(ctx, &d, NULL, &text));
    /* on the circle and near it: second and third derivatives grow like 1/r^3 and 1/r^4 towards the centre */
    enum { B = 50 };
    double x[4 * B], u[4 * B], v[4 * B], z[4 * B], left[4 * B], right[4 * B];
    const double *dir[3] = { u, v, z };
    for (int r = 0; r < B; ++r) {
        for (int k = 0; k < 2; ++k) {
            double angle = 0.13 + r * (k ? 0.71 : 0.37), radius = 0.8 + 0.4 * ((r * 7 + k * 3) % 10) / 10;
            x[2 * k * B + r] = radius * cos(angle);
            x[(2 * k + 1) * B + r] = radius * sin(angle);
        }
    }
    fill("u", -1, 1, 4 * B, u);
    fill("v", -1, 1, 4 * B, v);
    fill("z", -1, 1, 4 * B, z);
    for (int op = OP_F; op <= OP_TVVV; ++op) {
        apply_op(native, op, 0, x, B, dir, B, left, NULL);
        apply_op(text, op, 0, x, B, dir, B, right, NULL);
        close_to("two tokens", 4 * B, left, right, 1e-12, 1.0);
    }
    for (int part = 0; part < PARTS; ++part) {
        int64_t count = apply_part(native, part, x, v, B, left);
        apply_part(text, part, x, v, B, right);
        close_to("two tokens, parts", count, left, right, 1e-12, 1.0);
    }
    sx_model_free(ctx, text);
    sx_model_free(ctx, native);
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}
/* Rates -eig(J), sorted. */
static void rates(sx_ctx *ctx, const sx_model *m, const double *x, double *out) {
    int64_t n = sx_model_n(m);
    double *J = numbers("J", 0, 1, n * n), *im = numbers("im", 0, 1, n);
    apply_part(m, PART_JACOBIAN, x, NULL, 1, J);
    OK(sx_eigenvalues(ctx, n, J, out, im));
    for (int64_t i = 0; i < n; ++i) out[i] = -out[i];
    qsort(out, (size_t)n, sizeof *out, ascending);
    free(im);
    free(J);
}

/* Angles on the circle: phi_i' = -(1/Z_i) sum_j h(phi_i - phi_j), h = e^{beta cos} sin, h'(0) = e^beta, h'(pi) = -e^-beta. Modes of m + m antipodal
 * tokens: one turns freely, one of the two groups against each other grows slowly, 2 m - 2 within the groups decay, norms at the rate `shell`:
 *     none:     0, -e^-beta, sinh beta;     softmax: 0, -(1 - tanh beta), tanh beta.
 * All at one place: rates e^beta or 1. Equally spaced: (1/T) sum_j h'(2 pi j/T) (1 - cos(2 pi k j/T)), over Z/T for softmax. */
static void clusters(void **state) {
    sx_ctx *ctx = *state;
    enum { M = 8 };
    const double shell = 40.0, pi = acos(-1);
    for (int k = 0; k < 2 * 3; ++k) {
        int none = k % 2, place = k / 2;
        sx_attention_opts o = defaults(SX_ATTENTION_TOKENS);
        double x[2 * M], F[2 * M], got[2 * M], want[2 * M], beta = 2.0, Z = 0;
        o.dimension = 2;
        o.tokens = M;
        o.beta = beta;
        o.normalise = none;
        o.shell = shell;
        sx_model *m = make(ctx, &o);
        for (int i = 0; i < M; ++i) {
            double angle = 0.4 + (place == 0 ? 0 : place == 1 ? pi * (i % 2) : 2 * pi * i / M);
            x[2 * i] = cos(angle);
            x[2 * i + 1] = sin(angle);
            Z += exp(beta * cos(2 * pi * i / M)) / M;
        }
        for (int i = 0; i < M; ++i) {
            want[M + i] = shell;
            if (place == 0) want[i] = i == 0 ? 0 : none ? exp(beta) : 1;
            if (place == 1)
                want[i] = i == 0 ? 0 : i == 1 ? (none ? -exp(-beta) : tanh(beta) - 1) : none ? sinh(beta) : tanh(beta);
            if (place == 2) {
                want[i] = 0;
                for (int j = 0; j < M; ++j) {
                    double y = 2 * pi * j / M, slope = exp(beta * cos(y)) * (cos(y) - beta * sin(y) * sin(y));
                    want[i] += slope * (1 - cos(i * y)) / M / (none ? 1 : Z);
                }
            }
        }
        qsort(want, M, sizeof *want, ascending);
        apply_op(m, OP_F, 0, x, 1, NULL, 1, F, NULL);
        assert_true(largest(2 * M, F) < 1e-14);
        rates(ctx, m, x, got);
        close_to("clusters", 2 * M, got, want, 1e-12, 1.0);
        sx_model_free(ctx, m);
    }
}

/* Causal attention: the eigenvalues of J are those of the diagonal blocks of the tokens (unified-dynamics.md 1.3, 11): random weights, T = 6, d = 8. */
static void causal_union(void **state) {
    sx_ctx *ctx = *state;
    enum { d = 8, n = 6 * d };
    double WQ[d * d], WK[d * d], WV[d * d], x[n], *J = numbers("J", 0, 1, n * n), re[n], im[n], block[d * d], all[n],
                                                  imag[n];
    fill("WQ", -1, 1, d * d, WQ);
    fill("WK", -1, 1, d * d, WK);
    fill("WV", -1, 1, d * d, WV);
    fill("x", -1, 1, n, x);
    sx_attention_opts o = defaults(SX_ATTENTION_TOKENS);
    o.dimension = d;
    o.tokens = 6;
    o.causal = true;
    o.W_Q = (sx_values){ d * d, WQ };
    o.W_K = (sx_values){ d * d, WK };
    o.W_V = (sx_values){ d * d, WV };
    sx_model *m = make(ctx, &o);
    apply_part(m, PART_JACOBIAN, x, NULL, 1, J);
    OK(sx_eigenvalues(ctx, n, J, re, im));
    double below = 0;
    for (int t = 0; t < 6; ++t) {
        for (int i = 0; i < d; ++i) {
            for (int j = 0; j < n; ++j) {
                double y = J[(t * d + i) * n + j];
                if (j / d == t) block[i * d + j % d] = y;
                if (j / d > t) assert_true(y == 0.0);
                if (j / d < t) below = fmax(below, fabs(y));
            }
        }
        OK(sx_eigenvalues(ctx, d, block, all + t * d, imag + t * d));
    }
    assert_true(below > 0.1);
    for (int i = 0; i < n; ++i) { /* each finds its partner */
        double nearest = 9;
        int at = 0;
        for (int j = 0; j < n; ++j) {
            double off = hypot(re[i] - all[j], im[i] - imag[j]);
            if (off < nearest) {
                nearest = off;
                at = j;
            }
        }
        assert_true(nearest < 1e-8);
        all[at] = 1e9;
    }
    sx_model_free(ctx, m);
    free(J);
}

/* -- wrong options ------------------------------------------------------------------------------------------------------------------- */

static void wrong(sx_ctx *ctx, const sx_attention_opts *o, const char *text) {
    sx_model *m = NULL;
    assert_int_equal(sx_attention_create(ctx, o, NULL, &m), SX_E_USAGE);
    if (!strstr(sx_ctx_message(ctx), text)) fail_msg("'%s' lacks '%s'", sx_ctx_message(ctx), text);
    sx_ctx_clear(ctx);
}
static void refusals(void **state) {
    sx_ctx *ctx = *state;
    double a[16];
    fill("a", 0.1, 1, 16, a);
    sx_attention_opts o = defaults(SX_ATTENTION_TIED);
    wrong(ctx, &o, "model.dimension is missing");
    o.patterns = 3;
    o.keys = (sx_values){ 4, a };
    wrong(ctx, &o, "model.keys: 4 numbers: want a multiple of patterns = 3");
    o = defaults(SX_ATTENTION_TIED);
    o.dimension = 4;
    wrong(ctx, &o, "model.keys is missing");
    o.keys = (sx_values){ 10, a };
    wrong(ctx, &o, "model.keys: 10 numbers: want patterns x dimension = 2 x 4");
    o.keys.n = 8;
    o.mobility = (sx_values){ 4, a };
    wrong(ctx, &o, "model.mobility has a meaning only with form = \"values\" or \"untied\"");
    o.form = SX_ATTENTION_VALUES;
    o.mobility.n = 3;
    wrong(ctx, &o, "model.mobility: 3 numbers: want 1, 4 or 4 x 4");
    o.mobility.n = 16;
    wrong(ctx, &o, "want a symmetric matrix");
    double minus = -1;
    o.mobility = (sx_values){ 1, &minus };
    wrong(ctx, &o, "positive definite");
    o = defaults(SX_ATTENTION_UNTIED);
    o.dimension = 4;
    o.keys = (sx_values){ 8, a };
    o.W_Q = (sx_values){ 8, a };
    wrong(ctx, &o, "model.W_Q has 2 rows and model.W_K 4: want as many");
    o.W_Q.n = 7;
    wrong(ctx, &o, "model.W_Q: 7 numbers: want rows of 4");
    o.W_Q.n = 0;
    o.W_V = (sx_values){ 8, a };
    wrong(ctx, &o, "model.W_V: 8 numbers: want dimension x dimension = 4 x 4");
    o = defaults(SX_ATTENTION_TOKENS);
    o.dimension = 1;
    wrong(ctx, &o, "a sphere wants at least 2");
    o.dimension = 2;
    o.keys = (sx_values){ 8, a };
    wrong(ctx, &o, "model.keys has a meaning only with form = \"tied\"");
    o = defaults(SX_ATTENTION_TIED);
    o.has_tokens = true;
    wrong(ctx, &o, "model.tokens has a meaning only with form = \"tokens\"");
    o.beta = 0;
    wrong(ctx, &o, "model.beta = 0");
    o.struct_size = 1;
    wrong(ctx, &o, "SX_ATTENTION_OPTS");
    /* thermal noise of softmax tokens */
    weights w;
    o = tokens(0, 0, false, 1, &w);
    sx_model *m = make(ctx, &o);
    sx_noise *noise = NULL;
    assert_int_equal(sx_noise_thermal(ctx, m, 0.1, &noise), SX_E_UNSUPPORTED);
    assert_non_null(strstr(sx_ctx_message(ctx), "want normalise = \"none\""));
    sx_ctx_clear(ctx);
    sx_model_free(ctx, m);
    o.normalise = 1;
    m = make(ctx, &o);
    OK(sx_noise_thermal(ctx, m, 0.1, &noise));
    sx_noise_free(ctx, noise);
    sx_model_free(ctx, m);
}

static int setup(void **state) {
    *state = sx_ctx_create(NULL);
    return *state ? 0 : -1;
}
static int teardown(void **state) {
    sx_ctx_free(*state);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tied_is_composed),   cmocka_unit_test(one_token_as_text),
        cmocka_unit_test(full_mobility),      cmocka_unit_test(pair_of_keys),
        cmocka_unit_test(uniform_point),      cmocka_unit_test(tokens_written_out),
        cmocka_unit_test(tokens_derivatives), cmocka_unit_test(two_tokens_from_parts),
        cmocka_unit_test(clusters),           cmocka_unit_test(causal_union),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
