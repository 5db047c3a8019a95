// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* What `learn` leaves: weights, their asymmetry, the entropy production of the free network, the free energy on the way. Several networks:
 * curves are means over them with standard errors. */
#include "learn_private.h"

#include "core/stats.h"

#include <math.h>
#include <string.h>

enum { BATCHES = 32 };

sx_status sx_learn_define(sx_ctx *ctx, void *instance, sx_result *r) {
    sx_learner *l = instance;
    char rule[40];
    double *epoch = NULL;
    SX_TRY(ctx, sx_result_dim(ctx, r, "", "unit", l->n));
    SX_TRY(ctx, sx_result_dim(ctx, r, l->group, "unit2", l->n));
    SX_TRY(ctx, sx_result_dim(ctx, r, l->group, "snapshot", l->n_snapshots));
    if (l->o.networks > 1) SX_TRY(ctx, sx_result_dim(ctx, r, l->group, "network", l->o.networks));
    SX_TRY(ctx, sx_result_attr_text(ctx, r, l->group, NULL, "task", "learn"));
    SX_TRY(ctx, sx_result_attr_text(ctx, r, l->group, NULL, "rule",
                                    sx_choice_name(SX_RULE_CHOICES, l->o.rule, rule, sizeof rule)));
    if (l->o.data.name) SX_TRY(ctx, sx_result_attr_text(ctx, r, l->group, NULL, "data", l->o.data.name));
    if (l->o.data.image[0] > 0) {
        SX_TRY(ctx, sx_result_attr_number(ctx, r, l->group, NULL, "image_height", (double)l->o.data.image[0]));
        SX_TRY(ctx, sx_result_attr_number(ctx, r, l->group, NULL, "image_width", (double)l->o.data.image[1]));
    }
    for (int k = 0; k < SX_LEARN_WARNINGS; k++) {
        char text[SX_LEARN_WARNING];
        if (sx_learn_warning(l, k, text)) SX_TRY(ctx, sx_result_warn(ctx, r, l->group, "%s", text));
    }
    bool metric = l->o.rule == SX_RULE_METRIC;
    sx_var weights = { .name = metric ? "metric" : "weights",
                       .dims = l->o.networks > 1 ? "network,snapshot,unit,unit2" : "snapshot,unit,unit2",
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

static sx_status read_weights(sx_ctx *ctx, const sx_learner *l, const sx_result *r, int64_t network, int64_t k,
                              double *J) {
    for (int64_t i = 0; i < l->n; i++) {
        const int64_t at[] = { network, k, i, 0 }, count[] = { 1, 1, 1, l->n };
        const int first = l->o.networks > 1 ? 0 : 1;
        SX_TRY(ctx, sx_result_read(ctx, r, l->id_weights, at + first, count + first, J + i * l->ld));
    }
    return SX_OK;
}

/* x: one row of n numbers for each network. The mean over networks, and with several its standard error; se: the error of a single network or
 * NULL. */
static sx_status put_mean(sx_ctx *ctx, const sx_learner *l, sx_result *r, const char *name, const char *dim,
                          const char *text, int64_t n, const double *x, const double *se) {
    const int64_t K = l->o.networks;
    double *v = NULL;
    char *of_error = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, 2 * n + K, sizeof *v, &v));
    SX_GO(ctx, status, done, sx_format(ctx, &of_error, "%s_se", name));
    double *mean = v, *error = v + n, *one = v + 2 * n;
    for (int64_t i = 0; i < n; i++) {
        for (int64_t k = 0; k < K; k++) one[k] = x[k * n + i];
        sx_mean_se(K, one, &mean[i], &error[i]);
    }
    SX_GO(ctx, status, done, sx_result_put(ctx, r, l->group, name, dim, "1", text, mean));
    if (K > 1) se = error;
    if (se)
        SX_GO(ctx, status, done,
              sx_result_put(ctx, r, l->group, of_error, dim, "1",
                            K > 1 ? "standard error over networks" : "standard error", se));
done:
    sx_free(ctx, of_error);
    sx_free(ctx, v);
    return status;
}

static sx_status put_snapshots(sx_ctx *ctx, const sx_learner *l, sx_result *r, double *J, double *p) {
    const int64_t S = l->n_snapshots, K = l->o.networks, all = K * S;
    double *v = NULL;
    sx_status status;
    bool flux = l->sampled && l->o.free_steps >= BATCHES && l->parts.sampler == SX_SAMPLER_SYNC;
    SX_TRY(ctx, sx_alloc(ctx, 4 * all, sizeof *v, &v));
    for (int64_t i = 0; i < all; i++) {
        const sx_learner one = sx_learn_network(l, i / S);
        SX_GO(ctx, status, done, read_weights(ctx, l, r, i / S, i % S, J));
        shape_of(l, J, &v[i], &v[all + i]);
        if (flux) entropy_production(&one, J, i % S, p, &v[2 * all + i], &v[3 * all + i]);
    }
    SX_GO(ctx, status, done, put_mean(ctx, l, r, "asymmetry", "snapshot", "asymmetry |J - J^T| / |J|", S, v, NULL));
    SX_GO(ctx, status, done, put_mean(ctx, l, r, "norm", "snapshot", "Frobenius norm of J", S, v + all, NULL));
    if (flux)
        SX_GO(ctx, status, done,
              put_mean(ctx, l, r, "entropy_production", "snapshot",
                       "entropy production of the free network, nats per step", S, v + 2 * all, v + 3 * all));
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
        SX_GO(ctx, status, done, read_weights(ctx, l, r, 0, k, G));
        SX_GO(ctx, status, done, sx_learn_rates(ctx, l, G, v + k * l->n));
    }
    SX_GO(ctx, status, done,
          sx_result_put(ctx, r, l->group, "relaxation_rate", "snapshot,mode", "1", "eigenvalues of G^-1 H", v));
done:
    sx_free(ctx, v);
    return status;
}

static sx_status put_monitor(sx_ctx *ctx, const sx_learner *l, const void *const *states, sx_result *r) {
    static const char *const names[] = { "free_energy", "accuracy", "complexity" };
    static const char *const texts[] = { "free energy, complexity - accuracy",
                                         "accuracy, b.m + m.J m with m the mean given b + J s",
                                         "complexity, divergence of the law given b + J s from that given b" };
    const int64_t n = l->records, K = l->o.networks;
    double *v = NULL;
    sx_status status = SX_OK;
    if (n == 0) return SX_OK;
    SX_TRY(ctx, sx_alloc(ctx, K * n, sizeof *v, &v));
    SX_GO(ctx, status, done, sx_result_dim(ctx, r, l->group, "step", n));
    bool cost = l->o.rule == SX_RULE_EQUILIBRIUM_PROPAGATION;
    for (int64_t i = 0; i < n; i++) v[i] = (double)((i + 1) * l->every);
    SX_GO(ctx, status, done,
          sx_result_put(ctx, r, l->group, "step", "step", "1", cost ? "presentations" : "steps of the network", v));
    for (int q = 0; q < (cost ? 1 : 3); q++) {
        for (int64_t k = 0; k < K; k++) {
            const double *values = sx_learn_at(l, states[k], SX_LEARN_MONITOR);
            for (int64_t i = 0; i < n; i++) v[k * n + i] = values[3 * i + q];
        }
        SX_GO(ctx, status, done,
              put_mean(ctx, l, r, cost ? "cost" : names[q], "step",
                       cost ? "squared distance to the targets / 2" : texts[q], n, v, NULL));
    }
done:
    sx_free(ctx, v);
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
    SX_GO(ctx, status, done, put_monitor(ctx, l, states, r));
    if (l->sampled && l->o.attractors && l->patterns > 0)
        SX_GO(ctx, status, done, sx_learn_attractors(ctx, l, states, r, p));
    status = SX_OK;
done:
    sx_free(ctx, J);
    sx_free(ctx, p);
    return status;
}
