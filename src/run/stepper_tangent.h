// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The derivative of a step: with x' = S(x; n) the step of a stepper at given normals n,
 *     U' = DS(x; n) U
 * for the k columns of U. It is the tangent of the scheme itself, not of the equation that the scheme approximates: the noise is that of
 * the trajectory (common noise), and ln |det DS| is the volume growth of the very numbers that a run produces. */
#ifndef SX_RUN_STEPPER_TANGENT_H
#define SX_RUN_STEPPER_TANGENT_H

#include <separatrix/simulate.h>

/* Methods that have a tangent, for messages. */
#define SX_TANGENT_METHODS "euler-maruyama, heun, milstein, sra, leimkuhler-matthews, exact, rk4, map"

/* The method that `auto` stands for where a tangent is wanted: as in sx_stepper_create, but rk4 for noise-free flows. */
sx_method sx_tangent_method(const sx_model *m, sx_method method);
/* SX_E_USAGE if the method has no tangent (dormand-prince, cvode), SX_E_UNSUPPORTED if the model lacks jvp, its noise lacks dB, or
 * it is a sampler. `what` begins the message ("lyapunov"). */
sx_status sx_tangent_check(sx_ctx *ctx, const sx_stepper *s, const char *what) SX_MUST_USE;
/* Doubles of scratch for one trajectory and k columns. */
int64_t sx_tangent_work(const sx_stepper *s, int64_t k);
/* Floating-point operations of a step of one trajectory and k columns. */
double sx_tangent_flops(const sx_stepper *s, int64_t k);
/* One step, number `step`, of replica `replica`: x (one column) becomes what sx_stepper_advance makes of it, bit for bit, and
 * U[n][k] becomes DS(x) U. */
sx_status sx_tangent_step(sx_ctx *ctx, const sx_stepper *s, sx_key key, double t0, int64_t step, int64_t replica,
                          sx_batch x, sx_batch U, sx_work w) SX_MUST_USE;
/* The same with given normals, as sx_stepper_step_with (dW, dZ: sx_stepper_normals(s) numbers, NULL = zeros). */
sx_status sx_tangent_step_with(sx_ctx *ctx, const sx_stepper *s, double t, sx_batch x, sx_batch U, const double *dW,
                               const double *dZ, sx_work w) SX_MUST_USE;

#endif
