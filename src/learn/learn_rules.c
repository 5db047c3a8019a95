// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The rules, an epoch at a time. Sources: Spisak & Friston, arXiv 2505.22749 (free-energy); Personnaz, Guyon & Dreyfus, J. Physique Lett. 46
 * (1985) 359 (pseudo-inverse); Storkey, ICANN 1997 (storkey); Oja, J. Math. Biol. 15 (1982) 267; Hopfield, Feinstein & Palmer, Nature 304
 * (1983) 158 (anti-hebbian); Hinton, Neural Comput. 14 (2002) 1771 (contrastive divergence). */
#include "learn_private.h"

#include "core/linalg.h"
#include "core/mutant.h"
#include "models/continuous_bernoulli.h"

#include <math.h>
#include <string.h>

void sx_learn_mean(const sx_learner *l, int64_t n, const double *t, double *y) {
    if (l->parts.ising)
        l->k->tanh(n, t, y);
    else
        l->k->langevin(n, t, y);
}

/* As the model draws: u < 1 / (1 + e^{-2t}) for spins. */
void sx_learn_draw(const sx_learner *l, int64_t n, const double *t, const double *u, double *y) {
    if (!l->parts.ising) {
        l->k->continuous_bernoulli(n, t, u, y);
        return;
    }
    for (int64_t i = 0; i < n; i++) y[i] = -2.0 * t[i];
    l->k->exp(n, y, y);
    for (int64_t i = 0; i < n; i++) y[i] = u[i] + u[i] * y[i] < 1.0 ? 1.0 : -1.0;
}

void sx_learn_product(const sx_learner *l, const double *J, const double *s, double *h) {
    l->k->rows_times(l->n, l->ld, J, s, h);
}

/* Unit i given the others. */
static void draw_unit(const sx_learner *l, double beta, const double *J, const double *b, double u, int64_t i,
                      double *s, double *h) {
    l->k->rows_times(1, l->ld, J + i * l->ld, s, &h[i]);
    double theta = beta * (b[i] + h[i]), y;
    sx_learn_draw(l, 1, &theta, &u, &y);
    s[i] = y;
}

void sx_learn_step(const sx_learner *l, double beta, const double *J, const double *b, sx_key key, uint64_t step,
                   double *s, double *h, double *theta, double *u) {
    const int64_t n = l->n;
    l->k->uniform(key, step, SX_SLOT_DW, 0, n, 1, u);
    if (l->parts.sampler == SX_SAMPLER_GIBBS_SWEEP) {
        for (int64_t i = 0; i < n; i++) draw_unit(l, beta, J, b, u[i], i, s, h);
        return;
    }
    if (l->parts.sampler == SX_SAMPLER_GIBBS_RANDOM) {
        l->k->uniform(key, step, SX_SLOT_DZ, 0, n, 1, theta);
        for (int64_t e = 0; e < n; e++) draw_unit(l, beta, J, b, u[e], (int64_t)(theta[e] * (double)n), s, h);
        return;
    }
    sx_learn_product(l, J, s, h);
    l->k->lincomb(n, beta, b, beta, h, theta);
    if (l->parts.sampler == SX_SAMPLER_DETERMINISTIC)
        sx_learn_mean(l, n, theta, s);
    else
        sx_learn_draw(l, n, theta, u, s);
}

/* J += e v^T for each row, the diagonal stays 0; h = J v afterwards. */
static void add_outer(const sx_learner *l, const double *e, const double *v, double *J, double *h) {
    l->k->rank_one(l->n, l->ld, e, v, J, h);
    for (int64_t i = 0; i < l->n; i++) J[i * l->ld + i] = 0;
    for (int64_t i = 0; i < l->n; i++) h[i] -= (e[i] * v[i]) * v[i]; /* what the diagonal was */
}

/* accuracy = b.m + m.J m, complexity = sum KL(law(b + h) | law(b)), m the mean given b + h; free energy = complexity - accuracy. */
void sx_learn_monitor(const sx_learner *l, void *state, const double *b, double *t, double *m, double *y) {
    const int64_t *clock = sx_learn_at(l, state, SX_LEARN_CLOCK);
    const double *J = sx_learn_at(l, state, SX_LEARN_WEIGHTS), *h = sx_learn_at(l, state, SX_LEARN_FIELD);
    double *out = (double *)sx_learn_at(l, state, SX_LEARN_MONITOR) + 3 * (clock[1] / l->every - 1);
    double accuracy = 0, complexity = 0;
    for (int64_t i = 0; i < l->n; i++) t[i] = b[i] + h[i];
    sx_learn_mean(l, l->n, t, m);
    sx_learn_product(l, J, m, y);
    for (int64_t i = 0; i < l->n; i++) {
        accuracy += b[i] * m[i] + m[i] * y[i];
        complexity +=
            l->parts.ising ? log(cosh(b[i]) / cosh(t[i])) + (t[i] - b[i]) * m[i] : sx_cb_divergence(t[i], b[i]);
    }
    out[0] = complexity - accuracy;
    out[1] = accuracy;
    out[2] = complexity;
}

/* Pattern of a presentation. */
const double *sx_learn_present(const sx_learner *l, int64_t epoch) {
    double u[2];
    if (l->o.order == 1) return l->x + epoch % l->patterns * l->n;
    if (l->o.order == 2) return l->x + l->schedule[epoch % l->n_schedule] * l->n;
    l->k->uniform(l->key_order, (uint64_t)epoch, SX_SLOT_USER, 0, 2, 1, u);
    return l->x + (int64_t)(u[0] * (double)l->patterns) * l->n;
}

/* e_i / m'(beta h_i), m' at least 1e-8 as in the authors' code */
static void precision(const sx_learner *l, const double *h, double *t, double *e) {
    for (int64_t i = 0; i < l->n; i++) {
        double g;
        t[i] = l->beta * h[i];
        if (l->parts.ising) {
            double m = tanh(t[i]);
            g = 1 - m * m;
        } else {
            sx_langevin(1, 1, &t[i], &g);
        }
        e[i] /= g > 1e-8 ? g : 1e-8;
    }
}

bool sx_learn_recorded(const sx_learner *l, int64_t step) {
    return step % l->every == 0 && step / l->every <= l->records;
}

void sx_learn_evidence(const sx_learner *l, int64_t epoch, double *b) {
    const double *x = sx_learn_present(l, epoch);
    l->k->lincomb(l->n, 1, l->bias, l->o.evidence, x, b);
}

void sx_learn_error(const sx_learner *l, const double *b, const double *s, const double *h, double *t, double *e) {
    const bool printed = l->o.rule == SX_RULE_FREE_ENERGY_PRINTED;
    if (printed) l->k->lincomb(l->n, 1, h, 1, b, t);
    sx_learn_mean(l, l->n, printed ? t : h, e);
    l->k->lincomb(l->n, l->o.rate, s, SX_MUTANT(learn_prediction) ? 0 : -l->o.rate, e, e);
    if (l->o.rule == SX_RULE_NATURAL_GRADIENT) precision(l, h, t, e);
}

/* One presentation of the free-energy rules. With h = J s of the present state,
 *     s' given beta (b + h);   e = rate (s' - m(h)), printed: rate (s' - m(b + h));   J += e s'^T;   h = J s'
 * natural-gradient: e_i is divided by m'(beta h_i), the Fisher information of the unit's law about its parameter. */
static void free_energy(const sx_learner *l, void *state, double *p) {
    int64_t *clock = sx_learn_at(l, state, SX_LEARN_CLOCK);
    double *J = sx_learn_at(l, state, SX_LEARN_WEIGHTS), *s = sx_learn_at(l, state, SX_LEARN_STATE);
    double *h = sx_learn_at(l, state, SX_LEARN_FIELD);
    const int64_t n = l->n, ld = l->ld;
    double *b = p, *theta = b + ld, *u = theta + ld, *e = u + ld;
    sx_learn_evidence(l, clock[0], b);
    if (l->o.reset) {
        memset(s, 0, (size_t)ld * sizeof *s);
        memset(h, 0, (size_t)ld * sizeof *h);
    }
    for (int64_t t = 0; t < l->o.steps; t++) {
        l->k->lincomb(n, l->beta, b, l->beta, h, theta);
        if (l->parts.sampler == SX_SAMPLER_DETERMINISTIC) {
            sx_learn_mean(l, n, theta, s);
        } else {
            l->k->uniform(l->key_draw, (uint64_t)clock[1], SX_SLOT_DW, 0, n, 1, u);
            sx_learn_draw(l, n, theta, u, s);
        }
        sx_learn_error(l, b, s, h, theta, e);
        add_outer(l, e, s, J, h);
        clock[1]++;
        if (sx_learn_recorded(l, clock[1])) sx_learn_monitor(l, state, b, theta, u, e);
    }
}

/* J += rate (target - J) */
static void towards_target(const sx_learner *l, double *J) {
    for (int64_t i = 0; i < l->n; i++)
        for (int64_t j = 0; j < l->n; j++) J[i * l->ld + j] += l->o.rate * (l->target[i * l->n + j] - J[i * l->ld + j]);
}

/* h_ij = sum_{k != i, j} J_ik x_k, J_ij += (x_i x_j - x_i h_ji - h_ij x_j) / n; patterns in order, each once. */
static void storkey(const sx_learner *l, double *J, int64_t epoch, double *p) {
    const int64_t n = l->n;
    const double *x = l->x + epoch % l->patterns * n;
    double *g = p;
    for (int64_t i = 0; i < n; i++) {
        g[i] = 0;
        for (int64_t k = 0; k < n; k++) g[i] += J[i * l->ld + k] * x[k];
    }
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = i + 1; j < n; j++) { /* J is symmetric with zero diagonal */
            double w = J[i * l->ld + j], hij = g[i] - w * x[j], hji = g[j] - w * x[i];
            double change = (x[i] * x[j] - x[i] * hji - hij * x[j]) / (double)n;
            J[i * l->ld + j] = J[j * l->ld + i] = w + change;
        }
}

static void oja(const sx_learner *l, double *J, int64_t epoch) {
    const double *x = sx_learn_present(l, epoch);
    for (int64_t i = 0; i < l->n; i++)
        for (int64_t j = 0; j < l->n; j++)
            if (i != j) J[i * l->ld + j] += l->o.rate * (x[i] * x[j] - x[i] * x[i] * J[i * l->ld + j]);
}

static void antisymmetric(const sx_learner *l, double *J, int64_t epoch) {
    if (epoch == 0) return;
    const double *x = sx_learn_present(l, epoch), *y = sx_learn_present(l, epoch - 1);
    for (int64_t i = 0; i < l->n; i++)
        for (int64_t j = 0; j < l->n; j++) J[i * l->ld + j] += l->o.rate * (x[i] * y[j] - y[i] * x[j]);
}

/* x x^T minus the same of the state after `steps` steps from x; unlearning: only the second, from a random state. */
static void contrast(const sx_learner *l, void *state, double *p, bool unlearn) {
    int64_t *clock = sx_learn_at(l, state, SX_LEARN_CLOCK);
    double *J = sx_learn_at(l, state, SX_LEARN_WEIGHTS), *s = sx_learn_at(l, state, SX_LEARN_STATE);
    double *h = sx_learn_at(l, state, SX_LEARN_FIELD), *theta = p, *u = p + l->ld;
    const double *x = l->patterns > 0 ? sx_learn_present(l, clock[0]) : NULL;
    if (unlearn) {
        l->k->uniform(l->key_order, (uint64_t)clock[0], SX_SLOT_USER + 1, 0, l->n, 1, s);
        for (int64_t i = 0; i < l->n; i++) s[i] = 2 * s[i] - 1;
    } else {
        memcpy(s, x, (size_t)l->n * sizeof *s);
    }
    for (int64_t t = 0; t < l->o.steps; t++, clock[1]++)
        sx_learn_step(l, l->beta, J, l->bias, l->key_draw, (uint64_t)clock[1], s, h, theta, u);
    for (int64_t i = 0; i < l->n; i++)
        for (int64_t j = 0; j < l->n; j++)
            if (i != j) J[i * l->ld + j] += l->o.rate * ((unlearn ? 0 : x[i] * x[j]) - s[i] * s[j]);
}

/* J *= 1 + rate (1 - margin - max Re eig J) */
static sx_status homeostatic(sx_ctx *ctx, const sx_learner *l, double *J) {
    const int64_t n = l->n;
    double *A = NULL, *re = NULL, top = -INFINITY;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, n * n, sizeof *A, &A));
    SX_GO(ctx, status, done, sx_alloc(ctx, 2 * n, sizeof *re, &re));
    for (int64_t i = 0; i < n; i++) memcpy(A + i * n, J + i * l->ld, (size_t)n * sizeof *A);
    SX_GO(ctx, status, done, sx_eigenvalues(ctx, n, A, re, re + n));
    for (int64_t i = 0; i < n; i++) top = re[i] > top ? re[i] : top;
    double factor = 1 + l->o.rate * (1 - l->o.margin - top);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) J[i * l->ld + j] *= factor;
done:
    sx_free(ctx, re);
    sx_free(ctx, A);
    return status;
}

static bool sweeps(const sx_learner *l) {
    return sx_learn_is_free_energy(l->o.rule) &&
           (l->parts.sampler == SX_SAMPLER_GIBBS_SWEEP || l->parts.sampler == SX_SAMPLER_GIBBS_RANDOM);
}

int64_t sx_learn_scratch(const sx_learner *l) {
    return (4 + (sweeps(l) ? 2 + l->n : 0)) * l->ld;
}

sx_status sx_learn_epoch(sx_ctx *ctx, const sx_learner *l, void *state, double *scratch) {
    int64_t *clock = sx_learn_at(l, state, SX_LEARN_CLOCK);
    double *J = sx_learn_at(l, state, SX_LEARN_WEIGHTS);
    switch ((sx_rule)l->o.rule) {
    case SX_RULE_FREE_ENERGY:
    case SX_RULE_FREE_ENERGY_PRINTED:
    case SX_RULE_NATURAL_GRADIENT:
        if (sweeps(l))
            sx_learn_sweep(l, state, scratch);
        else
            free_energy(l, state, scratch);
        break;
    case SX_RULE_HEBB:
    case SX_RULE_PSEUDO_INVERSE:
        towards_target(l, J);
        break;
    case SX_RULE_STORKEY:
        storkey(l, J, clock[0], scratch);
        break;
    case SX_RULE_OJA:
        oja(l, J, clock[0]);
        break;
    case SX_RULE_ANTI_HEBBIAN:
        contrast(l, state, scratch, true);
        break;
    case SX_RULE_CONTRASTIVE_DIVERGENCE:
        contrast(l, state, scratch, false);
        break;
    case SX_RULE_ANTISYMMETRIC:
        antisymmetric(l, J, clock[0]);
        break;
    case SX_RULE_HOMEOSTATIC:
        SX_TRY(ctx, homeostatic(ctx, l, J));
        break;
    case SX_RULE_EQUILIBRIUM_PROPAGATION:
        sx_learn_equilibrium(l, state, scratch);
        break;
    case SX_RULE_SYNAPTIC_SCALING:
        sx_learn_scaling(l, state, scratch);
        break;
    case SX_RULE_METRIC:
        sx_learn_metric(l, J);
        break;
    }
    clock[0]++;
    return SX_OK;
}

/* hebb: X X^T / n. pseudo-inverse: the orthogonal projector on the span of the patterns, from the eigenvectors of X^T X. Networks of random
 * units act on others only: their diagonal is 0; elsewhere it is kept. */
sx_status sx_learn_target(sx_ctx *ctx, sx_learner *l) {
    const int64_t n = l->n, P = l->patterns;
    double *G = NULL, *values = NULL, *V = NULL, *U = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, n * n, sizeof *l->target, &l->target));
    if (l->o.rule == SX_RULE_HEBB) {
        sx_gemm(true, false, n, n, P, 1.0 / (double)n, l->x, n, l->x, n, 0, l->target, n);
    } else {
        SX_GO(ctx, status, done, sx_alloc(ctx, P * P, sizeof *G, &G));
        SX_GO(ctx, status, done, sx_alloc(ctx, P, sizeof *values, &values));
        SX_GO(ctx, status, done, sx_alloc(ctx, P * P, sizeof *V, &V));
        SX_GO(ctx, status, done, sx_alloc(ctx, P * n, sizeof *U, &U));
        sx_gemm(false, true, P, P, n, 1, l->x, n, l->x, n, 0, G, P);
        SX_GO(ctx, status, done, sx_symmetric_eigen(ctx, P, G, values, V));
        sx_gemm(true, false, P, n, P, 1, V, P, l->x, n, 0, U, n); /* rows: X v_k, of length sqrt(value) */
        for (int64_t k = 0; k < P; k++) {
            bool zero = !(values[k] > 1e-12 * values[P - 1]);
            for (int64_t i = 0; i < n; i++) U[k * n + i] *= zero ? 0 : 1 / sqrt(values[k]);
        }
        sx_gemm(true, false, n, n, P, 1, U, n, U, n, 0, l->target, n);
    }
    for (int64_t i = 0; l->sampled && i < n; i++) l->target[i * n + i] = 0;
    status = SX_OK;
done:
    sx_free(ctx, U);
    sx_free(ctx, V);
    sx_free(ctx, values);
    sx_free(ctx, G);
    return status;
}
