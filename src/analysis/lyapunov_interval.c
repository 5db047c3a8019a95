// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* One interval between QR factors. R_ii is known to about eps L_i, L_i = |u_i| / R_ii. The interval m adapts: it doubles while L stays far
 * below LOSS, halves above it, and an interval that lost more than REDO is done again in halves. m is part of the state, so
 * interruptions change nothing. */
#include "lyapunov_private.h"

#include "core/linalg.h"
#include "run/stepper_tangent.h"

#include <math.h>
#include <string.h>

#define LOSS      1e3
#define REDO      1e6
#define DEPENDENT 1e10

enum { LONGEST = 1024 };

sx_status sx_lyapunov_blow_up(sx_ctx *ctx, const sx_lyapunov_run *s, int64_t replica, int64_t step, const char *what) {
    return SX_FAIL(
        ctx, SX_E_NUMERIC,
        "task '%s': %s of replica %lld is not finite at t = %.9g (step %lld, dt = %g). A smaller dt helps if "
        "the equations themselves stay bounded.",
        s->group, what, (long long)replica, s->t0 + (double)step * s->h, (long long)step, s->h);
}

/* Rate of change of volume at x: tr J for flows, ln |det J| = sum ln R_ii of J = Q R for maps. */
static sx_status volume_rate(sx_ctx *ctx, const sx_lyapunov_run *s, int64_t replica, int64_t step, const double *x,
                             sx_lyapunov_scratch *g, double *out) {
    const sx_model *m = sx_lyapunov_model(s, replica);
    const sx_model_ops *ops = sx_model_operations(m);
    const int64_t n = s->n;
    const double t = s->t0 + (double)step * s->h;
    if (!s->map) {
        ops->divergence(sx_model_self(m), t, (sx_cbatch){ x, n, 1 }, out, g->work);
        return SX_OK;
    }
    double *J = g->jacobian, *R = J + n * n;
    ops->jacobian(sx_model_self(m), t, x, J, g->work);
    SX_TRY(ctx, sx_qr(ctx, n, n, J, n, R, g->jacobian + sx_lyapunov_pad(2 * n * n)));
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += log(R[i * n + i]);
    *out = sum;
    return SX_OK;
}

static double speed(const sx_lyapunov_run *s, int64_t replica, int64_t step, const double *x, sx_lyapunov_scratch *g) {
    double sum = 0;
    sx_model_F(sx_lyapunov_model(s, replica), s->t0 + (double)step * s->h, (sx_cbatch){ x, s->n, 1 },
               (sx_batch){ g->f, s->n, 1 }, g->work);
    for (int64_t i = 0; i < s->n; i++) sum += g->f[i] * g->f[i];
    return sqrt(sum);
}

/* L_i = |R(:, i)| / R_ii, the largest of them; INFINITY when a column vanished. */
static double loss_of(int64_t k, const double *R) {
    double worst = 1;
    for (int64_t i = 0; i < k; i++) {
        double sum = 0;
        for (int64_t j = 0; j <= i; j++) sum += R[j * k + i] * R[j * k + i];
        const double loss = R[i * k + i] > 0 ? sqrt(sum) / R[i * k + i] : HUGE_VAL;
        if (!(loss <= worst)) worst = loss;
    }
    return worst;
}

/* sum += v with the rounding of earlier additions carried along (Kahan): runs of 10^9 steps lose no digits. -infinity stays. */
static void accumulate(double *sum, double *carry, double v) {
    if (isinf(v) || isinf(*sum)) {
        *sum += v;
        return;
    }
    const double y = v - *carry, next = *sum + y;
    *carry = (next - *sum) - y;
    *sum = next;
}

/* sums += ln R_ii. A column that one step has turned into a multiple of earlier ones to working precision has exponent -infinity. */
static void add_logs(const sx_lyapunov_run *s, int64_t m, const double *R, double *sum, int64_t *clock) {
    bool singular = false;
    for (int64_t i = 0; i < s->k; i++) {
        double norm = 0;
        for (int64_t j = 0; j <= i; j++) norm += R[j * s->k + i] * R[j * s->k + i];
        const double r = R[i * s->k + i];
        const bool gone = r <= 0 || (m == 1 && r <= 4 * 0x1p-52 * (double)s->n * sqrt(norm));
        accumulate(&sum[i], &sum[s->k + 1 + i], gone ? -HUGE_VAL : log(r));
        singular = singular || gone;
    }
    clock[CLOCK_SINGULAR] += singular;
}

/* One interval of at most `most` steps, up to its QR factors in g->R. */
static sx_status interval(sx_ctx *ctx, const sx_lyapunov_run *s, int64_t replica, void *state, sx_lyapunov_scratch *g,
                          int64_t most, bool measuring, bool frozen, int64_t *done) {
    int64_t *clock = sx_lyapunov_clock_of(s, state);
    const int64_t n = s->n, k = s->k, step = clock[CLOCK_STEP];
    const bool adapt = s->o.orthonormalise_every == 0 && !frozen;
    double *sum = sx_lyapunov_at(s, state, PART_SUM), volume, rate, loss;
    sx_batch x = { sx_lyapunov_at(s, state, PART_X), n, 1 }, U = { sx_lyapunov_at(s, state, PART_Q), n, s->width };
    memcpy(g->x, x.x, (size_t)n * sizeof(double));
    memcpy(g->Q, U.x, (size_t)(n * s->width) * sizeof(double));
    for (;;) {
        const int64_t pieces = (most + clock[CLOCK_INTERVAL] - 1) / clock[CLOCK_INTERVAL],
                      m = (most + pieces - 1) / pieces;
        volume = 0;
        for (int64_t i = 0; i < m; i++) {
            if (measuring && s->volume) {
                SX_TRY(ctx, volume_rate(ctx, s, replica, step + i, x.x, g, &rate));
                volume += rate;
            }
            SX_TRY(ctx, sx_tangent_step(ctx, sx_lyapunov_stepper(s, replica), s->key, s->t0, step + i, replica, x, U,
                                        g->work));
        }
        if (s->kernels->nonfinite(n, x.x)) return sx_lyapunov_blow_up(ctx, s, replica, step + m, "the state");
        const bool overflow = s->kernels->nonfinite(n * s->width, U.x);
        if (!overflow) SX_TRY(ctx, sx_qr(ctx, n, k, U.x, s->width, g->R, g->qr));
        loss = overflow ? HUGE_VAL : loss_of(k, g->R);
        *done = m;
        if (adapt && m > 1 && !(loss <= REDO)) {
            clock[CLOCK_INTERVAL] = m / 2;
            memcpy(x.x, g->x, (size_t)n * sizeof(double));
            memcpy(U.x, g->Q, (size_t)(n * s->width) * sizeof(double));
            continue;
        }
        if (overflow) return sx_lyapunov_blow_up(ctx, s, replica, step + m, "the tangent frame");
        break;
    }
    if (measuring) {
        add_logs(s, *done, g->R, sum, clock);
        accumulate(&sum[k], &sum[2 * k + 1], volume * s->h);
        clock[CLOCK_FACTORS]++;
        clock[CLOCK_DEPENDENT] += *done > 1 && !(loss <= DEPENDENT);
    }
    if (adapt) {
        const double growth = log(loss) / (double)*done; /* per step: what an interval twice as long would lose */
        if (loss > LOSS && clock[CLOCK_INTERVAL] > 1)
            clock[CLOCK_INTERVAL] /= 2;
        else if (2 * *done >= clock[CLOCK_INTERVAL] && clock[CLOCK_INTERVAL] < LONGEST &&
                 growth * 2 * (double)clock[CLOCK_INTERVAL] < log(LOSS))
            clock[CLOCK_INTERVAL] *= 2;
    }
    clock[CLOCK_STEP] = step + *done;
    return SX_OK;
}

/* Keep the R of an interval of the last phase, and the frame and the state at its start at `samples` of the first half. */
static void keep(const sx_lyapunov_run *s, void *state, const sx_lyapunov_scratch *g) {
    const int64_t n = s->n, k = s->k, j = sx_lyapunov_clock_of(s, state)[CLOCK_STORED]++, every = s->half / s->samples;
    double *to = sx_lyapunov_at(s, state, PART_R) + j * (k * (k + 1) / 2);
    for (int64_t i = 0; i < k; i++)
        for (int64_t l = i; l < k; l++) *to++ = g->R[i * k + l];
    if (j % every != 0 || j / every >= s->samples) return;
    double *frame = sx_lyapunov_at(s, state, PART_FRAMES) + j / every * n * k;
    for (int64_t u = 0; u < n; u++) memcpy(frame + u * k, g->Q + u * s->width, (size_t)k * sizeof(double));
    memcpy(sx_lyapunov_at(s, state, PART_STATES) + j / every * n, g->x, (size_t)n * sizeof(double));
}

/* One interval in whatever phase the clock says. */
sx_status sx_lyapunov_interval(sx_ctx *ctx, const sx_lyapunov_run *s, int64_t replica, void *state,
                               sx_lyapunov_scratch *g) {
    int64_t *clock = sx_lyapunov_clock_of(s, state), done;
    const int64_t first = s->burn + s->transient, last = first + s->steps, step = clock[CLOCK_STEP];
    double *sum = sx_lyapunov_at(s, state, PART_SUM), *speeds = sx_lyapunov_at(s, state, PART_SPEED);
    const double *x = sx_lyapunov_at(s, state, PART_X);
    if (step < first) return interval(ctx, s, replica, state, g, first - step, false, false, &done);
    if (step < last) {
        if (step == first && s->autonomous) speeds[0] = speed(s, replica, step, x, g);
        const int64_t mark = clock[CLOCK_MARK], stop = first + sx_lyapunov_mark(s, mark);
        SX_TRY(ctx, interval(ctx, s, replica, state, g, stop - step, true, false, &done));
        if (clock[CLOCK_STEP] < stop) return SX_OK;
        memcpy(sx_lyapunov_at(s, state, PART_MARKS) + mark * (s->k + 1), sum, (size_t)(s->k + 1) * sizeof *sum);
        clock[CLOCK_MARK]++;
        if (clock[CLOCK_STEP] < last) return SX_OK;
        if (s->autonomous) speeds[1] = speed(s, replica, last, x, g);
        if (s->o.orthonormalise_every == 0 && clock[CLOCK_INTERVAL] > 1) clock[CLOCK_INTERVAL] /= 2;
        return SX_OK;
    }
    SX_TRY(ctx, interval(ctx, s, replica, state, g, clock[CLOCK_INTERVAL], false, true, &done));
    keep(s, state, g);
    if (clock[CLOCK_STORED] == 2 * s->half) sx_lyapunov_backward(s, replica, state, g->work.p);
    return SX_OK;
}
