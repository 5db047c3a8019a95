// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The elliptic law with the moments of the entries of J beside the measured rates (H. Sommers, A. Crisanti, H. Sompolinsky, Y. Stein,
 * Phys. Rev. Lett. 60 (1988) 1895). With n E (J_ij - mean)^2 = sigma^2, n E (J_ij - mean)(J_ji - mean) = tau sigma^2 and J_ii = c the
 * eigenvalues fill the ellipse about c with half-axes a = sigma (1 + tau) and b = sigma (1 - tau) uniformly: tau = 0 the circular law,
 * tau = 1 the semicircle. Share of eigenvalues with real part below c + a u:  1/2 + (u sqrt(1 - u^2) + asin u) / pi  for every tau. */
#include "spectrum_private.h"

#include "core/linalg.h"
#include "core/mutant.h"

#include <math.h>
#include <stdio.h>

enum { FEWEST = 100, PROBES = 16, STRIPS = 4096 };

static double share_below(double u) {
    if (u <= -1) return 0;
    if (u >= 1) return 1;
    return 0.5 + (u * sqrt(1 - u * u) + asin(u)) / M_PI;
}

/* -- moments of the entries --------------------------------------------------------------------------------------------------- */

typedef struct sx_entries {
    double centre, spread; /* of the diagonal */
    double mean, m2, m4, cross;
} sx_entries;

static sx_entries entry_moments(int64_t n, const double *J) {
    sx_entries e = { 0 };
    double pairs = (double)n * (double)(n - 1);
    for (int64_t i = 0; i < n; i++) e.centre += J[i * n + i] / (double)n;
    for (int64_t i = 0; i < n; i++) e.spread += (J[i * n + i] - e.centre) * (J[i * n + i] - e.centre) / (double)n;
    if (n < 2) return e;
    for (int64_t i = 0; i < n; i++) {
        double row = 0;
        for (int64_t j = 0; j < n; j++) row += i == j ? 0 : J[i * n + j];
        e.mean += row / pairs;
    }
    for (int64_t i = 0; i < n; i++) {
        double m2 = 0, m4 = 0, cross = 0;
        for (int64_t j = 0; j < n; j++) {
            if (i == j) continue;
            double a = J[i * n + j] - e.mean, b = J[j * n + i] - e.mean;
            m2 += a * a;
            m4 += a * a * a * a;
            cross += a * b;
        }
        e.m2 += m2 / pairs;
        e.m4 += m4 / pairs;
        e.cross += cross / pairs;
    }
    return e;
}

/* |chi^2 - (n - 1)| <= 5 sqrt(2 (n - 1)) for the mean squares of rows and of columns: variance (m4 - m2^2) / (n - 1) each if entries are
 * independent. A ring has none of this variance, a network of classes more. */
static bool rows_alike(int64_t n, const double *J, const sx_entries *e) {
    double want = (e->m4 - e->m2 * e->m2) / (double)(n - 1), limit = 5 * sqrt(2 * (double)(n - 1));
    double chi[2] = { 0, 0 };
    for (int64_t i = 0; i < n; i++) {
        double sum[2] = { 0, 0 };
        for (int64_t j = 0; j < n; j++) {
            if (i == j) continue;
            double a = J[i * n + j] - e->mean, b = J[j * n + i] - e->mean;
            sum[0] += a * a;
            sum[1] += b * b;
        }
        for (int k = 0; k < 2; k++) {
            double d = sum[k] / (double)(n - 1) - e->m2;
            chi[k] += d * d / want;
        }
    }
    return want > 0 && fabs(chi[0] - (double)(n - 1)) <= limit && fabs(chi[1] - (double)(n - 1)) <= limit;
}

/* tr A^3 / n sigma^3 = 0 and tr A A^T A A^T / n sigma^4 = 2 for independent pairs, whatever tau; a sum of patterns has other ones. */
static sx_status traces_alike(sx_ctx *ctx, int64_t n, const double *J, const sx_entries *e, bool *out) {
    double *A = NULL, *B = NULL, sigma = sqrt((double)n * e->m2), third = 0, fourth = 0, room = 0.05 + 10 / (double)n;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, n * n, sizeof *A, &A));
    SX_GO(ctx, status, done, sx_alloc(ctx, n * n, sizeof *B, &B));
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) A[i * n + j] = i == j ? 0 : (J[i * n + j] - e->mean) / sigma;
    sx_gemm(false, false, n, n, n, 1, A, n, A, n, 0, B, n);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) third += B[i * n + j] * A[j * n + i] / (double)n;
    sx_gemm(false, true, n, n, n, 1, A, n, A, n, 0, B, n);
    for (int64_t k = 0; k < n * n; k++) fourth += B[k] * B[k] / (double)n;
    *out = fabs(third) <= room && fabs(fourth - 2) <= room;
done:
    sx_free(ctx, B);
    sx_free(ctx, A);
    return status;
}

sx_status sx_spectrum_entries(sx_ctx *ctx, const sx_spectrum *s, const double *J, void *state) {
    double *scalars = sx_spectrum_part_at(s, state, PART_SCALARS);
    int64_t n = s->n;
    sx_entries e = entry_moments(n, J);
    bool alike = s->o.law == SX_LAW_ELLIPTIC && e.m2 > 0;
    if (s->o.law == SX_LAW_AUTO && n >= FEWEST && e.m2 > 0 && e.spread <= 25 * e.m2 && rows_alike(n, J, &e))
        SX_TRY(ctx, traces_alike(ctx, n, J, &e, &alike));
    scalars[POINT_CENTRE] = e.centre;
    scalars[POINT_SIGMA] = sqrt((double)n * e.m2);
    scalars[POINT_TAU] = e.m2 > 0 ? fmax(-1, fmin(1, e.cross / e.m2)) : 0;
    scalars[POINT_LAW] = alike;
    return SX_OK;
}

/* tr J, |J|_F^2 and tr J^2 from z.Jz, |J z|^2 and J^T z.J z over random signs z; the mean of the other entries is neglected. */
sx_status sx_spectrum_entries_probed(sx_ctx *ctx, const sx_spectrum *s, const sx_operator *op, void *state) {
    double *scalars = sx_spectrum_part_at(s, state, PART_SCALARS), *z = NULL, trace = 0, square = 0, cross = 0;
    int64_t n = s->n;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, 3 * n, sizeof *z, &z));
    for (int k = 0; k < PROBES; k++) {
        sx_uniform_fill(sx_key_derive(s->key, "entries", (uint64_t)k), 0, SX_SLOT_USER, 0, n, 1, z);
        for (int64_t i = 0; i < n; i++) z[i] = z[i] < 0.5 ? -1 : 1;
        SX_GO(ctx, status, done, op->apply(op->user, ctx, 1, z, z + n));
        SX_GO(ctx, status, done, op->adjoint(op->user, ctx, 1, z, z + 2 * n));
        for (int64_t i = 0; i < n; i++) {
            trace += z[i] * z[n + i] / PROBES;
            square += z[n + i] * z[n + i] / PROBES;
            cross += z[n + i] * z[2 * n + i] / PROBES;
        }
    }
    double c = trace / (double)n, variance = fmax(0, square / (double)n - c * c);
    scalars[POINT_CENTRE] = c;
    scalars[POINT_SIGMA] = sqrt(variance);
    scalars[POINT_TAU] = variance > 0 ? fmax(-1, fmin(1, (cross / (double)n - c * c) / variance)) : 0;
    scalars[POINT_LAW] = s->o.law == SX_LAW_ELLIPTIC && variance > 0;
done:
    sx_free(ctx, z);
    return status;
}

/* -- the law ------------------------------------------------------------------------------------------------------------------ */

/* Share of the ellipse (tau = 1: of the semicircle) inside of |z| <= r: strips x = c + a sin(angle), weight cos^2. */
static double share_inside(double c, double a, double b, double r) {
    double inside = 0, all = 0;
    for (int k = 0; k < STRIPS; k++) {
        double angle = M_PI * ((k + 0.5) / STRIPS - 0.5), x = c + a * sin(angle), height = b * cos(angle),
               w = cos(angle) * cos(angle);
        double reach2 = r * r - x * x, reach = reach2 > 0 ? sqrt(reach2) : 0;
        all += w;
        if (reach2 > 0) inside += height <= reach ? w : w * reach / height;
    }
    return inside / all;
}

double sx_spectrum_law_cumulative(const sx_spectrum *s, const double *scalars, double rate) {
    double c = scalars[POINT_CENTRE], a = scalars[POINT_SIGMA] * (1 + scalars[POINT_TAU]),
           b = scalars[POINT_SIGMA] * (1 - scalars[POINT_TAU]);
    if (s->map) return 1 - share_inside(c, a, b, exp(-rate * s->step));
    if (!(a > 0)) return rate < -c ? 0 : 1; /* antisymmetric: all on a vertical line */
    return share_below((rate + c) / a);
}

/* Fluctuation of the edge: Tracy-Widom for symmetric J, 1.268 sigma n^(-2/3) (F_1: mean -1.2065, standard deviation 1.2680), else of the
 * order of the distance between eigenvalues, a / (2 sqrt n). */
void sx_spectrum_law_edge(const sx_spectrum *s, const double *scalars, double *edge, double *sd) {
    double c = scalars[POINT_CENTRE], sigma = scalars[POINT_SIGMA], tau = scalars[POINT_TAU], n = (double)s->n;
    if (SX_MUTANT(null_symmetry)) tau = 0;
    double a = sigma * (1 + tau), b = sigma * (1 - tau);
    double width = tau > 0.999 ? 1.2680 * sigma * pow(n, -2.0 / 3) : 0.5 * fmax(a, b) / sqrt(n);
    if (!s->map) {
        *edge = -c - a;
        *sd = width;
        return;
    }
    double largest = 0;
    for (int k = 0; k <= 256; k++) largest = fmax(largest, hypot(c + a * cos(M_PI * k / 256), b * sin(M_PI * k / 256)));
    *edge = largest > 0 ? -log(largest) / s->step : 0;
    *sd = largest > 0 ? width / (largest * s->step) : 0;
}

/* -- beside the measured density ---------------------------------------------------------------------------------------------- */

/* Standard deviation of the share of eigenvalues on one side of a smooth line of length L (in units where their density is 1/pi) through the
 * bulk: variance of their number L / (2 pi^(3/2)) (complex Ginibre; B. Jancovici, J. Lebowitz, G. Manificat, J. Stat. Phys. 72 (1993) 773), twice
 * that for real matrices, whose eigenvalues come in pairs. Symmetric: (1/pi^2) ln n (S. O'Rourke, J. Stat. Phys. 138 (2010) 1045). */
static double share_sd(const sx_spectrum *s, const double *scalars, double u) {
    double n = (double)s->n, tau = scalars[POINT_TAU];
    if (s->map) return sqrt(2 * 2 * M_PI * u * sqrt(n) / (2 * pow(M_PI, 1.5))) / n;
    if (tau > 0.99) return sqrt(log(n)) / (M_PI * n);
    double length = 2 * sqrt(n * (1 - u * u) * (1 - tau) / (1 + tau));
    return sqrt(2 * length / (2 * pow(M_PI, 1.5)) + log(n) / (M_PI * M_PI)) / n;
}

/* The slowest quarter of the law: share of the measured modes that are at least as slow. */
static sx_status quarter_verdict(sx_ctx *ctx, const sx_spectrum *s, int64_t point, const void *state,
                                 sx_result *result) {
    const double *scalars = sx_spectrum_part_at(s, state, PART_SCALARS),
                 *zeta = sx_spectrum_part_at(s, state, PART_EIGENVALUE);
    double u = -0.40397275329951720; /* share_below(u) = 1/4 */
    double c = scalars[POINT_CENTRE], sigma = scalars[POINT_SIGMA], tau = scalars[POINT_TAU], share = 0;
    if (!zeta || (s->map && (fabs(tau) > 0.05 || fabs(c) > 0.05 * sigma)) || tau < -0.9) return SX_OK;
    if (s->map) u = sqrt(0.75);
    for (int64_t i = 0; i < s->n; i++) {
        double re = zeta[2 * i], im = zeta[2 * i + 1];
        bool slow = s->map ? hypot(re, im) >= u * sigma : -re <= -c + u * sigma * (1 + tau);
        share += (double)slow / (double)s->n;
    }
    char name[96];
    snprintf(name, sizeof name, "modes in the slowest quarter of the elliptic law%s", "");
    if (s->places.n > 1)
        snprintf(name, sizeof name, "modes in the slowest quarter of the elliptic law, point %lld", (long long)point);
    sx_verdict v = {
        .name = name,
        .value = share,
        .se = share_sd(s, scalars, u),
        .theory = 0.25,
        .source = "elliptic law with the moments of the entries of J; number variance of the Gaussian ensemble"
    };
    return sx_result_verdict(ctx, result, s->group, &v);
}

/* sup |measured - law| of the cumulative rates. */
static double distance(const sx_spectrum *s, const void *state) {
    const double *scalars = sx_spectrum_part_at(s, state, PART_SCALARS),
                 *zeta = sx_spectrum_part_at(s, state, PART_EIGENVALUE);
    double largest = 0, rate, frequency, floor = 0x1p-52 * scalars[POINT_NORM];
    for (int64_t i = 0; i < s->n; i++) { /* in the order of their rates */
        sx_spectrum_rate(s, zeta[2 * i], zeta[2 * i + 1], floor, &rate, &frequency);
        double law = sx_spectrum_law_cumulative(s, scalars, rate), below = (double)i / (double)s->n;
        largest = fmax(largest, fmax(fabs(law - below), fabs(law - below - 1 / (double)s->n)));
    }
    return largest;
}

sx_status sx_spectrum_law_write(sx_ctx *ctx, const sx_spectrum *s, const void *const *states, int64_t bins,
                                const double *edges, sx_result *result) {
    int64_t points = s->places.n, drawn = 0, verdicts = 0;
    double *density = NULL, *numbers = NULL;
    sx_status status = SX_OK;
    for (int64_t p = 0; p < points; p++) drawn += sx_spectrum_part_at(s, states[p], PART_SCALARS)[POINT_LAW] > 0;
    if (drawn == 0) return SX_OK;
    SX_GO(ctx, status, done, sx_alloc(ctx, points * bins, sizeof *density, &density));
    SX_GO(ctx, status, done, sx_alloc(ctx, 4 * points, sizeof *numbers, &numbers));
    for (int64_t p = 0; p < points; p++) {
        const double *scalars = sx_spectrum_part_at(s, states[p], PART_SCALARS);
        bool law = scalars[POINT_LAW] > 0;
        double last = law ? sx_spectrum_law_cumulative(s, scalars, edges[0]) : 0;
        for (int64_t k = 0; k < bins; k++) {
            double next = law ? sx_spectrum_law_cumulative(s, scalars, edges[k + 1]) : 0;
            density[p * bins + k] = law ? (next - last) / (edges[k + 1] - edges[k]) : (double)NAN;
            last = next;
        }
        numbers[p] = law ? scalars[POINT_CENTRE] : (double)NAN;
        numbers[points + p] = law ? scalars[POINT_SIGMA] : (double)NAN;
        numbers[2 * points + p] = law ? scalars[POINT_TAU] : (double)NAN;
        numbers[3 * points + p] = law && s->dense ? distance(s, states[p]) : (double)NAN;
        if (law && verdicts++ < 8) SX_GO(ctx, status, done, quarter_verdict(ctx, s, p, states[p], result));
    }
    SX_GO(ctx, status, done,
          sx_spectrum_put(ctx, s, result, "tdos_theory", "point,bin", "time",
                          "elliptic law with the moments of the entries of the Jacobian", density));
    SX_GO(ctx, status, done,
          sx_spectrum_put(ctx, s, result, "law_centre", "point", s->map ? "1" : "1/time",
                          "centre of the ellipse of the law", numbers));
    SX_GO(ctx, status, done,
          sx_spectrum_put(ctx, s, result, "law_sigma", "point", s->map ? "1" : "1/time",
                          "sigma of the law: root of N times the variance of the entries", numbers + points));
    SX_GO(ctx, status, done,
          sx_spectrum_put(ctx, s, result, "law_symmetry", "point", "1",
                          "symmetry tau of the law: correlation of J_ij and J_ji", numbers + 2 * points));
    if (s->dense)
        SX_GO(ctx, status, done,
              sx_spectrum_put(ctx, s, result, "law_distance", "point", "1",
                              "largest difference of the cumulative rates, measured and of the law",
                              numbers + 3 * points));
done:
    sx_free(ctx, numbers);
    sx_free(ctx, density);
    return status;
}
