// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Bits: random numbers and elementary functions have the same on every x86-64 processor, from every compiler; ensembles the same for any
 * number of threads and after a stop. The hashes were frozen from a build whose functions agree with mpmath and Random123 (test_vmath,
 * test_random). */
#include "cli/selfcheck.h"

#include <separatrix/models.h>
#include <separatrix/random.h>
#include <separatrix/simulate.h>
#include <separatrix/vmath.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Known answers of Random123 (Salmon et al., SC'11), kat_vectors. */
static void philox(sx_checklist *list) {
    static const struct {
        uint32_t counter[4], key[2];
        uint64_t want[2];
    } kat[] = {
        { { 0, 0, 0, 0 }, { 0, 0 }, { UINT64_C(0x6627e8d5e169c58d), UINT64_C(0xbc57ac4c9b00dbd8) } },
        { { ~UINT32_C(0), ~UINT32_C(0), ~UINT32_C(0), ~UINT32_C(0) },
          { ~UINT32_C(0), ~UINT32_C(0) },
          { UINT64_C(0x408f276d41c83b0e), UINT64_C(0xa20bc7c66d5451fd) } },
        { { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344 },
          { 0xa4093822, 0x299f31d0 },
          { UINT64_C(0xd16cfe0994fdcceb), UINT64_C(0x5001e42024126ea1) } },
    };
    for (size_t i = 0; i < sizeof kat / sizeof *kat; i++) {
        uint32_t out[4];
        char name[64];
        sx_philox(kat[i].counter, (sx_key){ { kat[i].key[0], kat[i].key[1] } }, out);
        snprintf(name, sizeof name, "Philox4x32-10, known answer %zu", i + 1);
        sx_checklist_bits(list, name, (uint64_t)out[0] << 32 | out[1], kat[i].want[0]);
        sx_checklist_bits(list, name, (uint64_t)out[2] << 32 | out[3], kat[i].want[1]);
    }
}

#define COUNT 100000

static sx_status functions(sx_ctx *ctx, sx_checklist *list) {
    static const struct {
        const char *name;
        void (*f)(int64_t n, const double *x, double *y);
        double lo, hi;
        uint64_t want;
    } cases[] = {
        { "exp on [-700, 700]", sx_vexp, -700, 700, UINT64_C(0xaa0e988e95e7a8c4) },
        { "expm1 on [-5, 5]", sx_vexpm1, -5, 5, UINT64_C(0xc8f04ce111140f0d) },
        { "log on [0, 1000]", sx_vlog, 0, 1000, UINT64_C(0xfee66c86873d54c0) },
        { "tanh on [-10, 10]", sx_vtanh, -10, 10, UINT64_C(0x5f747054142d1e8d) },
        { "erf on [-4, 4]", sx_verf, -4, 4, UINT64_C(0x998986a99c8c5e3a) },
    };
    double *u = NULL;
    sx_status status;
    SX_GO(ctx, status, done, sx_alloc(ctx, 3 * COUNT, sizeof *u, &u));
    double *x = u + COUNT, *y = x + COUNT;
    uint64_t hash = SX_CHECK_HASH;
    for (int k = 0; k < 10; k++) { /* a million normals */
        sx_normal_fill(sx_key_seed(2026), (uint64_t)k, SX_SLOT_DW, 0, COUNT / 8, 8, u);
        hash = sx_check_hash(hash, COUNT, u);
    }
    sx_checklist_bits(list, "10^6 normals", hash, UINT64_C(0x4c5e0e19b6c89a22));
    sx_uniform_fill(sx_key_seed(2026), 0, SX_SLOT_USER, 0, COUNT / 8, 8, u);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        for (int i = 0; i < COUNT; i++) x[i] = cases[k].lo + (cases[k].hi - cases[k].lo) * u[i];
        cases[k].f(COUNT, x, y);
        sx_checklist_bits(list, cases[k].name, sx_check_hash(SX_CHECK_HASH, COUNT, y), cases[k].want);
    }
    for (int i = 0; i < COUNT; i++) x[i] = 8 * u[i] - 4;
    sx_vsincospi(COUNT, x, y, u);
    hash = sx_check_hash(SX_CHECK_HASH, COUNT, y);
    sx_checklist_bits(list, "sin pi x, cos pi x on [-4, 4]", sx_check_hash(hash, COUNT, u),
                      UINT64_C(0xbb4a74d5d88525dd));
    status = SX_OK;
done:
    sx_free(ctx, u);
    return status;
}

/* -- ensembles ------------------------------------------------------------------------------------------------------------- */

#define UNITS    24
#define REPLICAS 48

static sx_status network(sx_ctx *ctx, sx_model **out) {
    sx_ensemble e = { 0 };
    sx_rate_opts o = { 0 };
    sx_coupling *w = NULL;
    sx_noise *noise = NULL;
    sx_model *bare = NULL;
    double D = 0.05;
    sx_status status;
    sx_fields_default(sx_ensemble_fields, &e);
    sx_fields_default(sx_rate_fields, &o);
    e.struct_size = sizeof e;
    o.struct_size = sizeof o;
    e.kind = SX_ENSEMBLE_GAUSSIAN;
    e.n = UNITS;
    e.g = 1.3;
    SX_GO(ctx, status, done, sx_coupling_realise(ctx, &e, sx_key_seed(3), &w));
    SX_GO(ctx, status, done, sx_rate_create(ctx, &o, w, NULL, NULL, NULL, &bare));
    SX_GO(ctx, status, done, sx_noise_additive(ctx, UNITS, (sx_values){ 1, &D }, &noise));
    SX_GO(ctx, status, done, sx_model_with_noise(ctx, bare, noise, SX_KINETIC, out));
done:
    sx_noise_free(ctx, noise);
    sx_model_free(ctx, bare);
    sx_coupling_free(ctx, w);
    return status;
}

static sx_status hash_result(sx_ctx *ctx, const sx_result *r, uint64_t *hash) {
    static const char *const names[] = { "x_final", "x_mean", "x_variance", "x_autocovariance", "x_psd" };
    double *v = NULL;
    SX_TRY(ctx, sx_alloc(ctx, 65536, sizeof *v, &v));
    *hash = SX_CHECK_HASH;
    for (int k = 0; k < 5; k++) {
        int64_t shape[8], n = 1;
        const char *dims[8];
        int id = sx_result_find(r, "selfcheck", names[k]), ndim = id < 0 ? 0 : sx_result_shape(r, id, shape, dims);
        for (int i = 0; i < ndim; i++) n *= shape[i];
        if (id < 0 || n > 65536 || sx_result_read(ctx, r, id, NULL, NULL, v) < 0) {
            sx_free(ctx, v);
            return SX_FAIL(ctx, SX_E_INTERNAL, "selfcheck: no readable '%s' in the result", names[k]);
        }
        *hash = sx_check_hash(*hash, n, v);
    }
    sx_free(ctx, v);
    return SX_OK;
}

/* Hash of an ensemble's outputs; with checkpoints the run may end as SX_STOPPED, *hash untouched. */
static sx_status ensemble(sx_ctx *ctx, const sx_checkpoints *c, uint64_t *hash) {
    sx_simulate_opts o = { 0 };
    sx_model *m = NULL;
    sx_result *r = NULL;
    sx_status status;
    sx_fields_default(sx_simulate_fields, &o);
    o.struct_size = sizeof o;
    o.method = SX_METHOD_SRA;
    o.dt = 0.05;
    o.burn_in = 2;
    o.duration = 60;
    o.replicas = REPLICAS;
    o.max_lag = 2;
    o.psd = true;
    o.psd_window = 64;
    o.initial = (sx_initial){ .kind = SX_INITIAL_GAUSSIAN, .sd = 0.5 };
    o.block_ = 8;
    o.segment_ = 16;
    SX_GO(ctx, status, done, network(ctx, &m));
    SX_GO(ctx, status, done, sx_result_create(ctx, NULL, &r));
    SX_GO(ctx, status, done, sx_task_run(ctx, &sx_simulate_task, m, &o, sx_key_seed(4), "selfcheck", c, r));
    if (status == SX_OK) SX_GO(ctx, status, done, hash_result(ctx, r, hash));
done:
    sx_result_free(ctx, r);
    sx_model_free(ctx, m);
    return status;
}

static bool stop_at_a_third(void *user, const char *what, double done, double total) {
    (void)user;
    (void)what;
    return done < total / 3;
}

/* On failure the message goes to stderr, as contexts do not outlive this function. */
static sx_status in_context(int threads, bool stop, const sx_checkpoints *c, uint64_t *hash) {
    sx_host host = { .struct_size = sizeof host, .threads = threads, .progress = stop ? stop_at_a_third : NULL };
    sx_ctx *ctx = sx_ctx_create(&host);
    if (!ctx) return SX_E_MEMORY;
    sx_status status = ensemble(ctx, c, hash);
    if (status < 0) fprintf(stderr, "selfcheck: %s\n", sx_ctx_message(ctx));
    sx_ctx_free(ctx);
    return status;
}

static void remove_directory(const char *path) {
    DIR *d = opendir(path);
    for (const struct dirent *e; d && (e = readdir(d));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) (void)unlinkat(dirfd(d), e->d_name, 0);
    if (d) closedir(d);
    (void)rmdir(path);
}

static sx_status resume(sx_checklist *list, uint64_t whole) {
    const char *base = getenv("TMPDIR");
    char path[4096];
    uint64_t hash = 0;
    int n = snprintf(path, sizeof path, "%s/separatrix-selfcheck-XXXXXX", base && *base ? base : "/tmp");
    if (n < 0 || (size_t)n >= sizeof path || !mkdtemp(path)) {
        sx_checklist_skip("ensemble stopped and resumed", "no temporary directory can be made (TMPDIR)");
        return SX_OK;
    }
    sx_checkpoints c = { .struct_size = sizeof c, .directory = path, .interval = 1e9, .hash = 1 };
    sx_status status = in_context(2, true, &c, &hash);
    sx_checklist_number(list, "ensemble stopped after a third: status", status, SX_STOPPED, 0);
    c.resume = true;
    if (status >= 0) status = in_context(3, false, &c, &hash);
    sx_checklist_bits(list, "ensemble resumed: the same bits", hash, whole);
    remove_directory(path);
    return status < 0 ? status : SX_OK;
}

sx_status sx_selfcheck_machine(sx_checklist *list) {
    sx_ctx *ctx = sx_ctx_create(NULL);
    if (!ctx) return SX_E_MEMORY;
    sx_checklist_section("random numbers and functions, bit for bit");
    philox(list);
    sx_status status = functions(ctx, list);
    sx_ctx_free(ctx);
    if (status < 0) return status;
    sx_checklist_section("a network of 24 units, 48 replicas");
    uint64_t first = 0;
    for (int threads = 1; threads <= 3; threads++) {
        uint64_t hash = 0;
        char name[64];
        status = in_context(threads, false, NULL, &hash);
        if (status < 0) return status;
        if (threads == 1) {
            first = hash;
            sx_checklist_bits(list, "ensemble, bits of this library anywhere", hash, UINT64_C(0x66e985495042a19a));
        } else {
            snprintf(name, sizeof name, "ensemble with %d threads, bits of 1", threads);
            sx_checklist_bits(list, name, hash, first);
        }
    }
    return resume(list, first);
}
