// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* What `learn` leaves: weights, their asymmetry, the entropy production of the free network, the attractors that the patterns lead to. */
#include "learn_private.h"

#include "core/stats.h"

#include <math.h>
#include <string.h>

enum { RELAX_STEPS = 1000, BATCHES = 32 };
#define RELAX_TOLERANCE 1e-10
#define DISTINCT        0.01 /* attractors are told apart in the second decimal, as in the paper */

sx_status sx_learn_define(sx_ctx *ctx, void *instance, sx_result *r) {
    sx_learner *l = instance;
    char rule[40];
    double *epoch = NULL;
    SX_TRY(ctx, sx_result_dim(ctx, r, "", "unit", l->n));
    SX_TRY(ctx, sx_result_dim(ctx, r, l->group, "unit2", l->n));
    SX_TRY(ctx, sx_result_dim(ctx, r, l->group, "snapshot", l->n_snapshots));
    SX_TRY(ctx, sx_result_attr_text(ctx, r, l->group, NULL, "task", "learn"));
    SX_TRY(ctx, sx_result_attr_text(ctx, r, l->group, NULL, "rule",
                                    sx_choice_name(SX_RULE_CHOICES, l->o.rule, rule, sizeof rule)));
    if (l->o.data.name) SX_TRY(ctx, sx_result_attr_text(ctx, r, l->group, NULL, "data", l->o.data.name));
    if (l->o.data.image[0] > 0) {
        SX_TRY(ctx, sx_result_attr_number(ctx, r, l->group, NULL, "image_height", (double)l->o.data.image[0]));
        SX_TRY(ctx, sx_result_attr_number(ctx, r, l->group, NULL, "image_width", (double)l->o.data.image[1]));
    }
    bool metric = l->o.rule == SX_RULE_METRIC;
    sx_var weights = { .name = metric ? "metric" : "weights",
                       .dims = "snapshot,unit,unit2",
                       .dtype = SX_DT_F64,
                       .units = "1",
                       .long_name = metric ? "metric" : "weights, from unit2 to unit",
                       .stored = true };
    SX_TRY(ctx, sx_result_define(ctx, r, l->group, &weights, &l->id_weights));
    SX_TRY(ctx, sx_alloc(ctx, l->n_snapshots, sizeof *epoch, &epoch));
    for (int64_t k = 0; k < l->n_snapshots; k++) epoch[k] = (double)l->snapshot[k];
    sx_status status =
        sx_result_put(ctx, r, l->group, "epoch", "snapshot", "1", "presentations before the snapshot", epoch);
    sx_free(ctx, epoch);
    return status;
}

/* -- snapshots ---------------------------------------------------------------------------------------------------------------------- */

static void shape_of(const sx_learner *l, const double *J, double *asymmetry, double *norm) {
    double a = 0, b = 0;
    for (int64_t i = 0; i < l->n; i++)
        for (int64_t j = 0; j < l->n; j++) {
            double w = J[i * l->ld + j], d = w - J[j * l->ld + i];
            a += d * d;
            b += w * w;
        }
    *norm = sqrt(b);
    *asymmetry = b > 0 ? sqrt(a / b) : 0;
}

/* 2 beta E[s(t+1).J_a s(t)] = beta E[s(t+1).J s(t) - s(t).J s(t+1)] over a free run without evidence, error from batches. */
static void entropy_production(const sx_learner *l, const double *J, int64_t snapshot, double *p, double *mean,
                               double *se) {
    double *s = p, *h = s + l->ld, *theta = h + l->ld, *u = theta + l->ld, *old = u + l->ld, *g = old + l->ld;
    double batch[BATCHES] = { 0 };
    const double beta = l->parts.inverse_temperature;
    int64_t per = l->o.free_steps / BATCHES;
    memset(p, 0, (size_t)(6 * l->ld) * sizeof *p);
    sx_key key = sx_key_derive(l->key_free, "snapshot", (uint64_t)snapshot);
    for (int64_t t = -per; t < per * BATCHES; t++) { /* one batch of burn-in */
        memcpy(old, s, (size_t)l->ld * sizeof *s);
        sx_learn_step(l, beta, J, l->bias, key, (uint64_t)(t + per), s, h, theta, u);
        if (t < 0) continue;
        sx_learn_product(l, J, s, g);
        double forward = l->k->dot(l->ld, s, h), backward = l->k->dot(l->ld, old, g);
        batch[t / per] += beta * (forward - backward) / (double)per;
    }
    sx_mean_se(BATCHES, batch, mean, se);
}

static sx_status read_weights(sx_ctx *ctx, const sx_learner *l, const sx_result *r, int64_t k, double *J) {
    for (int64_t i = 0; i < l->n; i++) {
        const int64_t at[] = { k, i, 0 }, count[] = { 1, 1, l->n };
        SX_TRY(ctx, sx_result_read(ctx, r, l->id_weights, at, count, J + i * l->ld));
    }
    return SX_OK;
}

static sx_status put_snapshots(sx_ctx *ctx, const sx_learner *l, sx_result *r, double *J, double *p) {
    const int64_t S = l->n_snapshots;
    double *v = NULL;
    sx_status status;
    bool flux = l->sampled && l->o.free_steps >= BATCHES && l->parts.sampler == SX_SAMPLER_SYNC;
    SX_TRY(ctx, sx_alloc(ctx, 4 * S, sizeof *v, &v));
    for (int64_t k = 0; k < S; k++) {
        SX_GO(ctx, status, done, read_weights(ctx, l, r, k, J));
        shape_of(l, J, &v[k], &v[S + k]);
        if (flux) entropy_production(l, J, k, p, &v[2 * S + k], &v[3 * S + k]);
    }
    SX_GO(ctx, status, done,
          sx_result_put(ctx, r, l->group, "asymmetry", "snapshot", "1", "asymmetry |J - J^T| / |J|", v));
    SX_GO(ctx, status, done, sx_result_put(ctx, r, l->group, "norm", "snapshot", "1", "Frobenius norm of J", v + S));
    if (flux) {
        SX_GO(ctx, status, done,
              sx_result_put(ctx, r, l->group, "entropy_production", "snapshot", "1",
                            "entropy production of the free network, nats per step", v + 2 * S));
        SX_GO(ctx, status, done,
              sx_result_put(ctx, r, l->group, "entropy_production_se", "snapshot", "1", "standard error", v + 3 * S));
    }
    status = SX_OK;
done:
    sx_free(ctx, v);
    return status;
}

/* Eigenvalues of G^-1 H at every snapshot. */
static sx_status put_rates(sx_ctx *ctx, const sx_learner *l, sx_result *r, double *G) {
    double *v = NULL;
    sx_status status;
    SX_TRY(ctx, sx_alloc(ctx, l->n_snapshots * l->n, sizeof *v, &v));
    SX_GO(ctx, status, done, sx_result_dim(ctx, r, l->group, "mode", l->n));
    for (int64_t k = 0; k < l->n_snapshots; k++) {
        SX_GO(ctx, status, done, read_weights(ctx, l, r, k, G));
        SX_GO(ctx, status, done, sx_learn_rates(ctx, l, G, v + k * l->n));
    }
    SX_GO(ctx, status, done,
          sx_result_put(ctx, r, l->group, "relaxation_rate", "snapshot,mode", "1", "eigenvalues of G^-1 H", v));
done:
    sx_free(ctx, v);
    return status;
}

static sx_status put_monitor(sx_ctx *ctx, const sx_learner *l, const double *values, sx_result *r) {
    static const char *const names[] = { "free_energy", "accuracy", "complexity" };
    static const char *const texts[] = { "free energy, complexity - accuracy",
                                         "accuracy, b.m + m.J m with m the mean given b + J s",
                                         "complexity, divergence of the law given b + J s from that given b" };
    double *v = NULL;
    sx_status status = SX_OK;
    if (l->records == 0) return SX_OK;
    SX_TRY(ctx, sx_alloc(ctx, l->records, sizeof *v, &v));
    SX_GO(ctx, status, done, sx_result_dim(ctx, r, l->group, "step", l->records));
    bool cost = l->o.rule == SX_RULE_EQUILIBRIUM_PROPAGATION;
    for (int64_t i = 0; i < l->records; i++) v[i] = (double)((i + 1) * l->every);
    SX_GO(ctx, status, done,
          sx_result_put(ctx, r, l->group, "step", "step", "1", cost ? "presentations" : "steps of the network", v));
    if (cost) {
        for (int64_t i = 0; i < l->records; i++) v[i] = values[3 * i];
        status = sx_result_put(ctx, r, l->group, "cost", "step", "1", "squared distance to the targets / 2", v);
        goto done;
    }
    for (int k = 0; k < 3; k++) {
        for (int64_t i = 0; i < l->records; i++) v[i] = values[3 * i + k];
        SX_GO(ctx, status, done, sx_result_put(ctx, r, l->group, names[k], "step", "1", texts[k], v));
    }
done:
    sx_free(ctx, v);
    return status;
}

/* -- attractors --------------------------------------------------------------------------------------------------------------------- */

/* s <- m(J s) from m(scale x); true when the state has settled. */
static bool relax(const sx_learner *l, const double *J, const double *x, double *s, double *t) {
    for (int64_t i = 0; i < l->n; i++) s[i] = l->o.attractor_scale * x[i];
    sx_learn_mean(l, l->n, s, s);
    for (int step = 0; step < RELAX_STEPS; step++) {
        double change = 0;
        sx_learn_product(l, J, s, t);
        sx_learn_mean(l, l->n, t, t);
        for (int64_t i = 0; i < l->n; i++) change = fmax(change, fabs(t[i] - s[i]));
        memcpy(s, t, (size_t)l->n * sizeof *s);
        if (change < RELAX_TOLERANCE) return true;
    }
    return false;
}

static double angle(int64_t n, const double *a, const double *b) {
    double ab = 0, aa = 0, bb = 0;
    for (int64_t i = 0; i < n; i++) ab += a[i] * b[i], aa += a[i] * a[i], bb += b[i] * b[i];
    double c = aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
    return acos(c > 1 ? 1 : c < -1 ? -1 : c) * (180 / 3.14159265358979323846);
}

/* Mean |90 - angle| over the pairs of rows; attractors: only of angles between 1 and 179 degrees. NaN without such a pair. */
static double orthogonality(int64_t n, int64_t rows, const double *x, bool all) {
    double sum = 0;
    int64_t count = 0;
    for (int64_t a = 0; a < rows; a++)
        for (int64_t b = a + 1; b < rows; b++) {
            double d = angle(n, x + a * n, x + b * n);
            if (!all && !(d > 1 && d < 179)) continue;
            sum += fabs(90 - d);
            count++;
        }
    return count ? sum / (double)count : (double)NAN;
}

static sx_status put_attractors(sx_ctx *ctx, const sx_learner *l, const double *J, sx_result *r, double *p) {
    const int64_t n = l->n, P = l->patterns;
    double *s = NULL, *hits = NULL, *angles = NULL, unsettled = 0, value;
    int64_t count = 0;
    sx_status status;
    memset(p, 0, (size_t)(2 * l->ld) * sizeof *p);
    SX_GO(ctx, status, done, sx_alloc(ctx, P * n, sizeof *s, &s));
    SX_GO(ctx, status, done, sx_alloc(ctx, P, sizeof *hits, &hits));
    for (int64_t k = 0; k < P; k++) {
        if (!relax(l, J, l->x + k * n, p, p + l->ld)) {
            unsettled++;
            continue;
        }
        int64_t same = 0;
        for (; same < count; same++) {
            double d = 0;
            for (int64_t i = 0; i < n; i++) d = fmax(d, fabs(s[same * n + i] - p[i]));
            if (d < DISTINCT) break;
        }
        if (same == count) memcpy(s + n * count++, p, (size_t)n * sizeof *s);
        hits[same]++;
    }
    SX_GO(ctx, status, done, sx_alloc(ctx, count * count, sizeof *angles, &angles));
    for (int64_t a = 0; a < count; a++)
        for (int64_t b = 0; b < count; b++) angles[a * count + b] = a == b ? 0 : angle(n, s + a * n, s + b * n);
    if (count > 0) {
        SX_GO(ctx, status, done, sx_result_dim(ctx, r, l->group, "attractor", count));
        SX_GO(ctx, status, done, sx_result_dim(ctx, r, l->group, "attractor2", count));
        SX_GO(ctx, status, done,
              sx_result_put(ctx, r, l->group, "state", "attractor,unit", "state",
                            "attractors reached from the patterns", s));
        SX_GO(ctx, status, done,
              sx_result_put(ctx, r, l->group, "hits", "attractor", "1", "patterns that lead there", hits));
        SX_GO(ctx, status, done,
              sx_result_put(ctx, r, l->group, "angle", "attractor,attractor2", "degree", "angle between attractors",
                            angles));
    }
    SX_GO(ctx, status, done,
          sx_result_put(ctx, r, l->group, "n_unsettled", "", "1", "patterns from which no fixed point was reached",
                        &unsettled));
    if (count > 1) {
        value = orthogonality(n, count, s, false);
        if (isfinite(value))
            SX_GO(ctx, status, done,
                  sx_result_put(ctx, r, l->group, "orthogonality", "", "degree", "mean |90 - angle| of attractors",
                                &value));
    }
    if (P > 1) {
        value = orthogonality(n, P, l->x, true);
        SX_GO(ctx, status, done,
              sx_result_put(ctx, r, l->group, "data_orthogonality", "", "degree", "mean |90 - angle| of patterns",
                            &value));
    }
    status = SX_OK;
done:
    sx_free(ctx, angles);
    sx_free(ctx, hits);
    sx_free(ctx, s);
    return status;
}

/* The patterns themselves, beside what became of them. */
static sx_status put_patterns(sx_ctx *ctx, const sx_learner *l, sx_result *r) {
    if (l->patterns == 0 || l->patterns > SX_LEARN_KEPT) return SX_OK;
    SX_TRY(ctx, sx_result_dim(ctx, r, l->group, "pattern", l->patterns));
    return sx_result_put(ctx, r, l->group, "patterns", "pattern,unit", "1", "patterns that are learned", l->x);
}

sx_status sx_learn_finish(sx_ctx *ctx, const void *instance, const void *const *states, sx_result *r) {
    const sx_learner *l = instance;
    double *p = NULL, *J = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, 6 * l->ld, sizeof *p, &p));
    SX_GO(ctx, status, done, sx_alloc(ctx, l->n * l->ld, sizeof *J, &J));
    SX_GO(ctx, status, done, put_patterns(ctx, l, r));
    if (l->o.rule == SX_RULE_METRIC) {
        status = put_rates(ctx, l, r, J);
        goto done;
    }
    SX_GO(ctx, status, done, put_snapshots(ctx, l, r, J, p));
    SX_GO(ctx, status, done, put_monitor(ctx, l, sx_learn_at(l, states[0], SX_LEARN_MONITOR), r));
    if (l->sampled && l->o.attractors && l->patterns > 0)
        SX_GO(ctx, status, done, put_attractors(ctx, l, sx_learn_at(l, states[0], SX_LEARN_WEIGHTS), r, p));
    status = SX_OK;
done:
    sx_free(ctx, J);
    sx_free(ctx, p);
    return status;
}
