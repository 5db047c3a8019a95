// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Ensembles of couplings: their field table, which fields belong to which kind, and the realisation. Random links are drawn in
 * ensemble_links.c. */
#include "models/coupling_private.h"

#include <separatrix/vmath.h>

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define AT(member) offsetof(sx_ensemble, member)
#define POSITIVE   .lo = 0, .hi = HUGE_VAL

const sx_field sx_ensemble_fields[] = {
    { .name = "ensemble",
      .type = SX_ENUM,
      .offset = AT(kind),
      SX_UNBOUNDED,
      .def = "\"gaussian\"",
      .unit = "1",
      .help = "law of the coupling",
      .choices = SX_ENSEMBLE_CHOICES },
    { .name = "n",
      .type = SX_I64,
      .offset = AT(n),
      .lo = 1,
      .hi = INT32_MAX,
      .unit = "1",
      .help = "number of units",
      .flags = SX_REQUIRED },
    { .name = "g",
      .type = SX_F64,
      .offset = AT(g),
      POSITIVE,
      .def = "1.0",
      .unit = "1",
      .help = "gain: the variance of a present link is g^2 / (n density)" },
    { .name = "symmetry",
      .type = SX_F64,
      .offset = AT(symmetry),
      .lo = -1,
      .hi = 1,
      .def = "0.0",
      .unit = "1",
      .help = "gamma = <W_ij W_ji> / <W_ij^2> (gaussian, sparse, low-rank)" },
    { .name = "density",
      .type = SX_F64,
      .offset = AT(density),
      .lo = 0,
      .hi = 1,
      .def = "1.0",
      .unit = "1",
      .help = "probability that a link is present (gaussian, sparse, dale, low-rank)",
      .flags = SX_LO_OPEN },
    { .name = "self",
      .type = SX_ENUM,
      .offset = AT(self),
      SX_UNBOUNDED,
      .def = "\"zero\"",
      .unit = "1",
      .help = "self-coupling W_ii: none, or as the law gives it",
      .choices = "zero|random" },
    { .name = "excitatory",
      .type = SX_F64,
      .offset = AT(excitatory),
      .lo = 0,
      .hi = 1,
      .def = "0.8",
      .unit = "1",
      .help = "fraction of units, the first ones, whose outgoing links are positive (dale)",
      .flags = SX_LO_OPEN | SX_HI_OPEN },
    { .name = "rank",
      .type = SX_I64,
      .offset = AT(rank),
      .lo = 1,
      .hi = INT32_MAX,
      .def = "1",
      .unit = "1",
      .help = "number of structured modes (low-rank)" },
    { .name = "outlier",
      .type = SX_F64,
      .offset = AT(outlier),
      SX_UNBOUNDED,
      .def = "0.0",
      .unit = "1",
      .help = "expected eigenvalue of each structured mode (low-rank)" },
    { .name = "patterns",
      .type = SX_I64,
      .offset = AT(patterns),
      .lo = 1,
      .hi = INT32_MAX,
      .def = "1",
      .unit = "1",
      .help = "number of stored patterns (hebbian)" },
    { .name = "width",
      .type = SX_F64,
      .offset = AT(width),
      POSITIVE,
      .def = "10.0",
      .unit = "1",
      .help = "standard deviation of the bump, in units of the index (ring)",
      .flags = SX_LO_OPEN },
    { .name = "amplitude",
      .type = SX_F64,
      .offset = AT(amplitude),
      SX_UNBOUNDED,
      .def = "1.0",
      .unit = "1",
      .help = "weight of the bump at distance 0 (ring)" },
    { .name = "inhibition",
      .type = SX_F64,
      .offset = AT(inhibition),
      SX_UNBOUNDED,
      .def = "0.0",
      .unit = "1",
      .help = "subtracted from every weight (ring)" },
    SX_FIELD_END
};

/* -- checks ----------------------------------------------------------------------------------------------------------------------- */

/* Fields that only some kinds read: a value other than the default would be ignored, and is refused. */
static sx_status check_unused(sx_ctx *ctx, const sx_ensemble *e) {
    enum { GAUSSIAN = 1, SPARSE = 2, DALE = 4, LOWRANK = 8, RING = 16, HEBBIAN = 32 };
    static const struct {
        const char *name;
        int kinds;
    } use[] = { { "g", GAUSSIAN | SPARSE | DALE | LOWRANK },
                { "symmetry", GAUSSIAN | SPARSE | LOWRANK },
                { "density", GAUSSIAN | SPARSE | DALE | LOWRANK },
                { "excitatory", DALE },
                { "rank", LOWRANK },
                { "outlier", LOWRANK },
                { "patterns", HEBBIAN },
                { "width", RING },
                { "amplitude", RING },
                { "inhibition", RING } };
    sx_ensemble def;
    char kind[32];
    memset(&def, 0, sizeof def);
    sx_fields_default(sx_ensemble_fields, &def);
    for (size_t i = 0; i < sizeof use / sizeof *use; i++) {
        const sx_field *f = sx_field_find(sx_ensemble_fields, use[i].name);
        if (use[i].kinds & 1 << e->kind) continue;
        if (memcmp((const char *)e + f->offset, (const char *)&def + f->offset, 8) == 0) continue;
        return SX_FAIL(ctx, SX_E_USAGE, "%s: the ensemble \"%s\" does not use it; leave it out (default %s)", f->name,
                       sx_choice_name(SX_ENSEMBLE_CHOICES, e->kind, kind, sizeof kind), f->def);
    }
    return SX_OK;
}

static sx_status check(sx_ctx *ctx, const sx_ensemble *e) {
    if (e->struct_size != sizeof *e)
        return SX_FAIL(ctx, SX_E_USAGE, "sx_ensemble.struct_size = %zu: want %zu", e->struct_size, sizeof *e);
    SX_TRY(ctx, sx_fields_check(ctx, sx_ensemble_fields, e, "ensemble"));
    SX_TRY(ctx, check_unused(ctx, e));
    double positive = floor(e->excitatory * (double)e->n + 0.5);
    if (e->kind == SX_ENSEMBLE_DALE && (positive < 1 || positive > (double)(e->n - 1)))
        return SX_FAIL(ctx, SX_E_USAGE,
                       "excitatory = %g of n = %" PRId64 " units: want at least one unit of either sign", e->excitatory,
                       e->n);
    return SX_OK;
}

/* -- kinds with structure ------------------------------------------------------------------------------------------------------- */

/* W_ij = amplitude exp(-d^2 / (2 width^2)) - inhibition, d = min(|i-j|, n - |i-j|) */
static sx_status ring(sx_ctx *ctx, const sx_ensemble *e, sx_coupling **out) {
    int64_t n = e->n, size;
    double *w = NULL, *profile = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_mul_size(ctx, n, n, &size));
    SX_GO(ctx, status, done, sx_alloc(ctx, size, sizeof *w, &w));
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *profile, &profile));
    for (int64_t k = 0; k < n; k++) {
        double d = (double)(k < n - k ? k : n - k) / e->width;
        profile[k] = e->amplitude * sx_exp(-0.5 * d * d) - e->inhibition;
    }
    if (e->self == 0) profile[0] = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) w[i * n + j] = profile[i < j ? j - i : i - j];
    status = sx_coupling_own_dense(ctx, n, n, w, out);
    w = NULL;
done:
    sx_free(ctx, w);
    sx_free(ctx, profile);
    return status;
}

/* out = scale U V^T + c_scale C; C may be NULL */
static sx_status low_rank_plus(sx_ctx *ctx, int64_t n, int64_t rank, double scale, const double *U, const double *V,
                               const sx_coupling *c, double c_scale, sx_coupling **out) {
    sx_coupling *uv = NULL;
    SX_TRY(ctx, sx_coupling_lowrank(ctx, n, n, rank, U, V, &uv));
    const sx_coupling *parts[2] = { uv, c };
    const double scales[2] = { scale, c_scale };
    sx_status status = sx_coupling_sum(ctx, c ? 2 : 1, parts, scales, out);
    sx_coupling_free(ctx, uv);
    return status;
}

/* W = (1/n) sum_mu xi^mu xi^mu^T, xi = +-1. Kept as a product of thin matrices while that is cheaper than the matrix. Without
 * self-coupling the diagonal, exactly patterns / n, is subtracted. */
static sx_status hebbian(sx_ctx *ctx, const sx_ensemble *e, sx_key key, sx_coupling **out) {
    int64_t n = e->n, p = e->patterns, size;
    sx_key pattern = sx_key_derive(key, "pattern", 0);
    double *xi = NULL, *w = NULL, *diagonal = NULL;
    sx_coupling *self = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_mul_size(ctx, n, p, &size));
    SX_GO(ctx, status, done, sx_alloc(ctx, size, sizeof *xi, &xi));
    for (int64_t i = 0; i < n; i++) sx_uniform_fill(pattern, 0, SX_SLOT_COUPLING, i, p, 1, xi + i * p);
    for (int64_t i = 0; i < size; i++) xi[i] = xi[i] < 0.5 ? -1.0 : 1.0;
    if (p >= n / 4) {
        SX_GO(ctx, status, done, sx_mul_size(ctx, n, n, &size));
        SX_GO(ctx, status, done, sx_alloc(ctx, size, sizeof *w, &w));
        /* sums of +-1 are exact in any order */
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = i; j < n; j++) {
                double sum = 0;
                for (int64_t mu = 0; mu < p; mu++) sum += xi[i * p + mu] * xi[j * p + mu];
                w[i * n + j] = w[j * n + i] = i == j && e->self == 0 ? 0.0 : sum / (double)n;
            }
        status = sx_coupling_own_dense(ctx, n, n, w, out);
        w = NULL;
        goto done;
    }
    if (e->self == 0) {
        SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *diagonal, &diagonal));
        for (int64_t i = 0; i < n; i++) diagonal[i] = (double)p;
        SX_GO(ctx, status, done, sx_coupling_diagonal_csr(ctx, n, diagonal, &self));
    }
    SX_GO(ctx, status, done, low_rank_plus(ctx, n, p, 1.0 / (double)n, xi, xi, self, -1.0 / (double)n, out));
done:
    sx_free(ctx, xi);
    sx_free(ctx, w);
    sx_free(ctx, diagonal);
    sx_coupling_free(ctx, self);
    return status;
}

/* W = U V^T / n + gaussian part, V = outlier U + Z with U, Z standard normal: E[V^T U] / n = outlier, an eigenvalue outside the bulk
 * when |outlier| > g (Mastrogiuseppe and Ostojic, Neuron 99, 609, 2018). `self` and `density` are those of the gaussian part. */
static sx_status low_rank(sx_ctx *ctx, const sx_ensemble *e, sx_key key, sx_coupling **out) {
    int64_t n = e->n, r = e->rank, size;
    sx_key left = sx_key_derive(key, "U", 0), right = sx_key_derive(key, "V", 0);
    double *U = NULL, *V = NULL;
    sx_coupling *bulk = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_mul_size(ctx, n, r, &size));
    SX_GO(ctx, status, done, sx_alloc(ctx, size, sizeof *U, &U));
    SX_GO(ctx, status, done, sx_alloc(ctx, size, sizeof *V, &V));
    for (int64_t i = 0; i < n; i++) {
        sx_normal_fill(left, 0, SX_SLOT_COUPLING, i, r, 1, U + i * r);
        sx_normal_fill(right, 0, SX_SLOT_COUPLING, i, r, 1, V + i * r);
    }
    for (int64_t i = 0; i < size; i++) V[i] += e->outlier * U[i];
    if (e->g > 0) SX_GO(ctx, status, done, sx_ensemble_links(ctx, e, key, &bulk));
    SX_GO(ctx, status, done, low_rank_plus(ctx, n, r, 1.0 / (double)n, U, V, bulk, 1.0, out));
done:
    sx_free(ctx, U);
    sx_free(ctx, V);
    sx_coupling_free(ctx, bulk);
    return status;
}

sx_status sx_coupling_realise(sx_ctx *ctx, const sx_ensemble *e, sx_key key, sx_coupling **out) {
    sx_coupling *c = NULL;
    SX_TRY(ctx, check(ctx, e));
    switch (e->kind) {
    case SX_ENSEMBLE_RING:
        SX_TRY(ctx, ring(ctx, e, &c));
        break;
    case SX_ENSEMBLE_HEBBIAN:
        SX_TRY(ctx, hebbian(ctx, e, key, &c));
        break;
    case SX_ENSEMBLE_LOWRANK:
        SX_TRY(ctx, low_rank(ctx, e, key, &c));
        break;
    default:
        SX_TRY(ctx, sx_ensemble_links(ctx, e, key, &c));
        break;
    }
    c->has_ensemble = true;
    c->ensemble = *e;
    *out = c;
    return SX_OK;
}
