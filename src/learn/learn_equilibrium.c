// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Rules that look at equilibria and at activities.
 *
 * Equilibrium propagation (Scellier & Bengio, Front. Comput. Neurosci. 11 (2017) 24). With symmetric J the equilibria of s = m(beta (b + J s)) are the stationary points of
 *     E(s) = -b.s - s.J s / 2 + sum_i psi*(s_i) / beta        (psi* the convex conjugate of the log-partition function, psi*' = m^-1),
 * and those of E + nu C with the cost C = sum over targets of (s_i - x_i)^2 / 2 are s_i = m(beta (b_i + (J s)_i + nu (x_i - s_i))). Along them
 *     dC/dJ_ij = lim (dE/dJ_ij(s+) - dE/dJ_ij(s-)) / 2 nu = -lim (s+_i s+_j - s-_i s-_j) / 2 nu,     s+- the equilibria at +-nu,
 * J_ij = J_ji taken as one number. Both signs (Laborieux et al., Front. Neurosci. 15 (2021) 633674) leave an error of order nu^2.
 *
 * Synaptic scaling (Turrigiano et al., Nature 391 (1998) 892): all weights onto a unit are multiplied by one factor that brings its activity to a
 * set value: J_ij *= (r / r_i)^rate, r_i^2 the mean of s_i^2 over a presentation, at most a factor of two. */
#include "learn_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SETTLED 1e-14

/* "first:end" of units. */
static sx_status read_range(sx_ctx *ctx, const sx_learner *l, const char *name, const char *text, int64_t out[2]) {
    char *p;
    out[0] = strtoll(text, &p, 10);
    out[1] = *p == ':' && p[1] ? strtoll(p + 1, &p, 10) : -1;
    if (p == text || *p || out[0] < 0 || out[1] <= out[0] || out[1] > l->n)
        return SX_FAIL(ctx, SX_E_USAGE, "learn.%s = \"%s\": want units \"first:end\" of 0:%lld", name, text,
                       (long long)l->n);
    return SX_OK;
}

sx_status sx_learn_units(sx_ctx *ctx, sx_learner *l) {
    const double *J = l->first;
    l->clamped[0] = l->clamped[1] = l->targets[0] = 0;
    l->targets[1] = l->n;
    if (l->o.clamped) SX_TRY(ctx, read_range(ctx, l, "clamped", l->o.clamped, l->clamped));
    if (l->o.targets) SX_TRY(ctx, read_range(ctx, l, "targets", l->o.targets, l->targets));
    for (int64_t i = 0; J && i < l->n; i++)
        for (int64_t j = 0; j < i; j++)
            if (fabs(J[i * l->n + j] - J[j * l->n + i]) > 1e-12 * fabs(J[i * l->n + j]))
                return SX_FAIL(ctx, SX_E_USAGE,
                               "learn.rule = \"equilibrium-propagation\" wants symmetric first weights, but "
                               "J[%lld][%lld] = %g and "
                               "J[%lld][%lld] = %g",
                               (long long)i, (long long)j, J[i * l->n + j], (long long)j, (long long)i,
                               J[j * l->n + i]);
    return SX_OK;
}

static bool within(const int64_t range[2], int64_t i) {
    return i >= range[0] && i < range[1];
}

/* Sweeps unit after unit, each of which lowers E + nu C (up to nu, which is treated as it was), until nothing moves. */
static void settle(const sx_learner *l, const double *J, const double *x, double nu, double *s) {
    for (int64_t sweep = 0; sweep < l->o.steps; sweep++) {
        double change = 0;
        for (int64_t i = 0; i < l->n; i++) {
            if (within(l->clamped, i)) continue;
            double t = l->bias[i] + l->k->dot(l->ld, J + i * l->ld, s), y;
            if (within(l->targets, i)) t += nu * (x[i] - s[i]);
            t *= l->beta;
            sx_learn_mean(l, 1, &t, &y);
            change = fmax(change, fabs(y - s[i]));
            s[i] = y;
        }
        if (change < SETTLED) return;
    }
}

void sx_learn_equilibrium(const sx_learner *l, void *state, double *p) {
    int64_t *clock = sx_learn_at(l, state, SX_LEARN_CLOCK);
    double *J = sx_learn_at(l, state, SX_LEARN_WEIGHTS), *s = sx_learn_at(l, state, SX_LEARN_STATE);
    double *values = sx_learn_at(l, state, SX_LEARN_MONITOR), *up = p, *down = up + l->ld, cost = 0;
    const double *x = sx_learn_present(l, clock[0]);
    const double nu = l->o.nudge, rate = l->o.rate / (2 * nu);
    memset(s, 0, (size_t)l->ld * sizeof *s);
    for (int64_t i = l->clamped[0]; i < l->clamped[1]; i++) s[i] = x[i];
    settle(l, J, x, 0, s);
    for (int64_t i = l->targets[0]; i < l->targets[1]; i++)
        if (!within(l->clamped, i)) cost += (s[i] - x[i]) * (s[i] - x[i]) / 2;
    memcpy(up, s, (size_t)l->ld * sizeof *s);
    memcpy(down, s, (size_t)l->ld * sizeof *s);
    settle(l, J, x, nu, up);
    settle(l, J, x, -nu, down);
    for (int64_t i = 0; i < l->n; i++)
        for (int64_t j = 0; j < i; j++) {
            if (within(l->clamped, i) && within(l->clamped, j)) continue; /* no unit that moves is between them */
            double change = rate * (up[i] * up[j] - down[i] * down[j]);
            J[i * l->ld + j] += change;
            J[j * l->ld + i] += change;
        }
    clock[1]++;
    if (sx_learn_recorded(l, clock[1])) values[3 * (clock[1] / l->every - 1)] = cost;
}

void sx_learn_scaling(const sx_learner *l, void *state, double *p) {
    int64_t *clock = sx_learn_at(l, state, SX_LEARN_CLOCK);
    double *J = sx_learn_at(l, state, SX_LEARN_WEIGHTS), *s = sx_learn_at(l, state, SX_LEARN_STATE);
    double *h = sx_learn_at(l, state, SX_LEARN_FIELD), *b = p, *theta = b + l->ld, *u = theta + l->ld, *r = u + l->ld;
    const double *x = l->patterns > 0 ? sx_learn_present(l, clock[0]) : NULL;
    memset(r, 0, (size_t)l->n * sizeof *r);
    for (int64_t i = 0; i < l->n; i++) b[i] = l->bias[i] + (x ? l->o.evidence * x[i] : 0);
    for (int64_t t = 0; t < l->o.steps; t++, clock[1]++) {
        sx_learn_step(l, l->beta, J, b, l->key_draw, (uint64_t)clock[1], s, h, theta, u);
        for (int64_t i = 0; i < l->n; i++) r[i] += s[i] * s[i];
    }
    for (int64_t i = 0; i < l->n; i++) {
        r[i] = sqrt(r[i] / (double)l->o.steps);
        double factor = pow(l->o.activity / fmax(r[i], 1e-300), l->o.rate);
        factor = factor > 2 ? 2 : factor < 0.5 ? 0.5 : factor;
        for (int64_t j = 0; j < l->n; j++) J[i * l->ld + j] *= factor;
    }
}
