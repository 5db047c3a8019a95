// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Exact laws of the steppers at finite step, by moment recursion of the steps themselves (no sampling), and two sampled answers. */
#include "cli/selfcheck.h"

#include <separatrix/models.h>
#include <separatrix/random.h>
#include <separatrix/simulate.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

/* x' = -leak x + W x + sqrt(2 D) xi */
static sx_status linear(sx_ctx *ctx, int64_t n, const double *leak, const double *W, double D, sx_model **out) {
    sx_linear_opts o = { 0 };
    sx_coupling *w = NULL;
    sx_noise *noise = NULL;
    sx_model *bare = NULL;
    sx_status status;
    sx_fields_default(sx_linear_fields, &o);
    o.struct_size = sizeof o;
    o.n = n;
    o.leak = (sx_values){ n, leak };
    if (W) SX_GO(ctx, status, done, sx_coupling_dense(ctx, n, n, W, &w));
    SX_GO(ctx, status, done, sx_linear_create(ctx, &o, w, NULL, &bare));
    SX_GO(ctx, status, done, sx_noise_additive(ctx, n, (sx_values){ 1, &D }, &noise));
    SX_GO(ctx, status, done, sx_model_with_noise(ctx, bare, noise, SX_KINETIC, out));
done:
    sx_noise_free(ctx, noise);
    sx_model_free(ctx, bare);
    sx_coupling_free(ctx, w);
    return status;
}

/* A step of a linear model of up to two units: x' = M x + N w + P z, read off by unit vectors in the columns of one batch. */
typedef struct step_map {
    double M[4], N[4], P[4];
} step_map;

static sx_status read_step(sx_ctx *ctx, const sx_model *m, sx_method method, double h, step_map *s) {
    double x[16] = { 0 }, w[16] = { 0 }, z[16] = { 0 };
    double *p = NULL;
    sx_stepper *stepper = NULL;
    sx_status status;
    int64_t n = sx_model_n(m);
    /* columns 0, 1: unit states; 2, 3: unit first normals; 4, 5: unit second normals */
    for (int64_t k = 0; k < n; k++) x[k * 8 + k] = w[k * 8 + 2 + k] = z[k * 8 + 4 + k] = 1;
    SX_GO(ctx, status, done, sx_stepper_create(ctx, m, method, h, 1e-8, 1e-10, &stepper));
    int64_t doubles = sx_stepper_work(stepper, 8);
    SX_GO(ctx, status, done, sx_alloc(ctx, doubles, sizeof *p, &p));
    SX_GO(ctx, status, done,
          sx_stepper_step_with(ctx, stepper, 0, (sx_batch){ x, n, 8 }, (sx_cbatch){ w, n, 8 }, (sx_cbatch){ z, n, 8 },
                               (sx_work){ .p = p, .doubles = doubles }));
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < n; k++) {
            s->M[i * n + k] = x[i * 8 + k];
            s->N[i * n + k] = x[i * 8 + 2 + k];
            s->P[i * n + k] = x[i * 8 + 4 + k];
        }
done:
    sx_free(ctx, p);
    sx_stepper_free(ctx, stepper);
    return status;
}

/* E[x^2] at time 1 of x' = -x + xi, x(0) = 1, in steps of 1/16: recursion of the step against the closed form of the scheme, whose error
 * against e^-2 + (1 - e^-2)/2 is the known error of the scheme (order 1: 9.8108e-3, order 2: -3.4288e-4). */
static sx_status finite_time(sx_ctx *ctx, sx_checklist *list) {
    const double leak = 1, h = 1.0 / 16, exact = exp(-2.0) + (1 - exp(-2.0)) / 2;
    sx_model *m = NULL;
    step_map s;
    sx_status status;
    SX_GO(ctx, status, done, linear(ctx, 1, &leak, NULL, 0.5, &m));
    static const sx_method methods[] = { SX_METHOD_EULER_MARUYAMA, SX_METHOD_HEUN };
    static const char *const names[] = { "E[x^2](1) - exact, Euler-Maruyama, h = 1/16",
                                         "E[x^2](1) - exact, Heun, h = 1/16" };
    const double want[] = { 9.8108e-3, -3.4288e-4 };
    for (int k = 0; k < 2; k++) {
        SX_GO(ctx, status, done, read_step(ctx, m, methods[k], h, &s));
        double second = 1;
        for (int step = 0; step < 16; step++) second = s.M[0] * s.M[0] * second + s.N[0] * s.N[0];
        sx_checklist_number(list, names[k], second - exact, want[k], 6e-9 / (k ? 1 : 0.1));
    }
done:
    sx_model_free(ctx, m);
    return status;
}

/* Stationary variance of x' = -x + sqrt(2) xi at h = 0.1 for every scheme with a constant or one-step noise memory. */
static sx_status stationary(sx_ctx *ctx, sx_checklist *list) {
    const double leak = 1, h = 0.1, a = 1 - h + h * h / 2;
    sx_model *m = NULL;
    step_map s;
    sx_status status;
    SX_GO(ctx, status, done, linear(ctx, 1, &leak, NULL, 1, &m));
    const struct {
        sx_method method;
        const char *name;
        double want;
    } cases[] = {
        { SX_METHOD_EULER_MARUYAMA, "variance, Euler-Maruyama: 1/(1 - h/2)", 1 / (1 - h / 2) },
        { SX_METHOD_HEUN, "variance, Heun", 2 * h * (1 - h / 2) * (1 - h / 2) / (1 - a * a) },
        { SX_METHOD_LEIMKUHLER_MATTHEWS, "variance, Leimkuhler-Matthews: 1", 1 },
        { SX_METHOD_EXACT, "variance, exact update: 1", 1 },
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        SX_GO(ctx, status, done, read_step(ctx, m, cases[k].method, h, &s));
        /* x' = M x + N w + P z; with leimkuhler-matthews z is the w of the next step: <x w> = P */
        double noise = s.N[0] * s.N[0] + s.P[0] * s.P[0];
        if (cases[k].method == SX_METHOD_LEIMKUHLER_MATTHEWS) noise += 2 * s.M[0] * s.N[0] * s.P[0];
        sx_checklist_number(list, cases[k].name, noise / (1 - s.M[0] * s.M[0]), cases[k].want, 1e-12);
    }
done:
    sx_model_free(ctx, m);
    return status;
}

/* x' = [[-1, 4], [0, -2]] x + sqrt(2) xi, Euler-Maruyama, h = 0.01: C = M C M^T + N N^T by squaring. */
static sx_status covariance(sx_ctx *ctx, sx_checklist *list) {
    const double leak[2] = { 1, 2 }, W[4] = { 0, 4, 0, 0 };
    double C[4] = { 0 };
    sx_model *m = NULL;
    step_map s;
    sx_status status;
    SX_GO(ctx, status, done, linear(ctx, 2, leak, W, 1, &m));
    SX_GO(ctx, status, done, read_step(ctx, m, SX_METHOD_EULER_MARUYAMA, 0.01, &s));
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < 2; k++) C[i] += s.N[i / 2 * 2 + k] * s.N[i % 2 * 2 + k];
    for (int doubling = 0; doubling < 14; doubling++) { /* C <- C + M C M^T, M <- M^2 */
        double T[4] = { 0 }, S[4] = { 0 }, M2[4] = { 0 };
        for (int i = 0; i < 4; i++)
            for (int k = 0; k < 2; k++) {
                T[i] += s.M[i / 2 * 2 + k] * C[k * 2 + i % 2];
                M2[i] += s.M[i / 2 * 2 + k] * s.M[k * 2 + i % 2];
            }
        for (int i = 0; i < 4; i++)
            for (int k = 0; k < 2; k++) S[i] += T[i / 2 * 2 + k] * s.M[i % 2 * 2 + k];
        for (int i = 0; i < 4; i++) C[i] += S[i];
        memcpy(s.M, M2, sizeof M2);
    }
    /* the three equations of C = (1 + hA) C (1 + hA)^T + 2 h by hand; 3.6897251493724, 0.6643617381872, 0.5050505050505 */
    sx_checklist_number(list, "covariance of two units, entry 11", C[0], 3.6897251493724, 1e-12);
    sx_checklist_number(list, "covariance of two units, entry 12", C[1], 0.6643617381872, 1e-12);
    sx_checklist_number(list, "covariance of two units, entry 22", C[3], 0.5050505050505, 1e-12);
done:
    sx_model_free(ctx, m);
    return status;
}

/* Mean first-passage time 0 -> b of x' = -x + sqrt(2) xi: int_0^b e^{y^2/2} sqrt(pi/2) (1 + erf(y/sqrt 2)) dy (Gardiner 5.5.25). */
static double passage_time(double b) {
    const int n = 2000; /* Simpson */
    double sum = 0;
    for (int i = 0; i <= n; i++) {
        double y = b * i / n, f = exp(y * y / 2) * sqrt(acos(-1.0) / 2) * (1 + erf(y / sqrt(2.0)));
        sum += f * (i == 0 || i == n ? 1 : i % 2 ? 4 : 2);
    }
    return sum * b / (3 * n);
}

static sx_status read_number(sx_ctx *ctx, const sx_result *r, const char *name, double *out) {
    return sx_result_read(ctx, r, sx_result_find(r, "selfcheck", name), NULL, NULL, out);
}

/* Sampled: variance of x' = -x + sqrt(2) xi by Euler-Maruyama, and its passage time to 1. Thresholds are looked at once per step, which
 * moves them outwards by 0.5826 sqrt(2 D h) (Broadie, Glasserman, Kou 1997). Values are z = (measured - predicted)/error. */
static sx_status sampled(sx_ctx *ctx, sx_checklist *list) {
    const double leak = 1, h = 0.01;
    const int64_t unit = 0, replicas = 4096;
    const sx_target target = { .name = "one", .unit = { 1, &unit }, .above = 1, .below = NAN };
    sx_simulate_opts o = { 0 };
    sx_model *m = NULL;
    sx_result *r = NULL;
    double *t = NULL, mean = 0, square = 0, variance, se;
    sx_status status;
    sx_fields_default(sx_simulate_fields, &o);
    o.struct_size = sizeof o;
    o.method = SX_METHOD_EULER_MARUYAMA;
    o.dt = h;
    o.duration = 50;
    o.burn_in = 0;
    o.replicas = replicas;
    o.moments = o.pilot = false;
    o.compare = SX_COMPARE_NONE;
    o.first_passage = (sx_tables){ 1, &target };
    SX_GO(ctx, status, done, linear(ctx, 1, &leak, NULL, 1, &m));
    SX_GO(ctx, status, done, sx_alloc(ctx, replicas, sizeof *t, &t));
    SX_GO(ctx, status, done, sx_result_create(ctx, NULL, &r));
    SX_GO(ctx, status, done, sx_task_run(ctx, &sx_simulate_task, m, &o, sx_key_seed(5), "selfcheck", NULL, r));
    SX_GO(ctx, status, done, read_number(ctx, r, "first_passage", t));
    for (int64_t k = 0; k < replicas; k++) mean += t[k] / (double)replicas;
    for (int64_t k = 0; k < replicas; k++) square += (t[k] - mean) * (t[k] - mean) / (double)replicas;
    double want = passage_time(1 + 0.5826 * sqrt(2 * h));
    sx_checklist_number(list, "first passage 0 -> 1, z of the mean", (mean - want) / sqrt(square / (double)replicas), 0,
                        5);
    sx_result_free(ctx, r);
    r = NULL;
    o.first_passage = (sx_tables){ 0, NULL };
    o.moments = true;
    o.burn_in = 10;
    o.duration = 100;
    o.dt = 0.1;
    SX_GO(ctx, status, done, sx_result_create(ctx, NULL, &r));
    SX_GO(ctx, status, done, sx_task_run(ctx, &sx_simulate_task, m, &o, sx_key_seed(6), "selfcheck", NULL, r));
    SX_GO(ctx, status, done, read_number(ctx, r, "x_variance", &variance));
    SX_GO(ctx, status, done, read_number(ctx, r, "x_variance_se", &se));
    sx_checklist_number(list, "sampled variance 1/(1 - h/2), z", (variance - 1 / 0.95) / se, 0, 5);
    /* 4096 replicas of 250 samples with b = 0.9^4: 2 V^2 (1 + b^2)/(1 - b^2) / samples */
    double b2 = pow(0.9, 8), predicted = sqrt(2 * (1 + b2) / (1 - b2) / (4096.0 * 250)) / 0.95;
    sx_checklist_number(list, "its standard error over the predicted one", se / predicted, 1, 0.15);
done:
    sx_result_free(ctx, r);
    sx_free(ctx, t);
    sx_model_free(ctx, m);
    return status;
}

sx_status sx_selfcheck_laws(sx_ctx *ctx, sx_checklist *list) {
    sx_checklist_section("laws of the schemes at finite step");
    SX_TRY(ctx, finite_time(ctx, list));
    SX_TRY(ctx, stationary(ctx, list));
    SX_TRY(ctx, covariance(ctx, list));
    return sampled(ctx, list);
}
