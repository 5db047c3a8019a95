// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Plug-ins: completed derivatives against the analytic ones of a rate network, errors against their estimates, what is left out, what is
 * noticed; shared libraries that work, twice and from several threads, and that do not, with exit code and place. */
#include "failing_host.h"
#include "model_checks.h"

#include "experiment/build.h"

#include <complex.h>

enum { N = 5, B = 8, COUNT = N * B };

/* -- one function, with more or fewer of its derivatives ----------------------------------------------------------------------------- */

/* F of a rate network, x' = -x + W tanh(x); self is that model, built in, and gives the operations that a table has. */
static double W[N * N];
#define FORWARD(name, call)                                                                                            \
    static void name {                                                                                                 \
        const sx_model *m = self;                                                                                      \
        sx_model_operations(m)->call;                                                                                  \
    }
FORWARD(F(const void *self, double t, sx_cbatch x, sx_batch out, sx_work w), F(sx_model_self(m), t, x, out, w))
FORWARD(jvp(const void *self, double t, sx_cbatch x, sx_cbatch u, sx_batch out, sx_work w),
        jvp(sx_model_self(m), t, x, u, out, w))
FORWARD(vjp(const void *self, double t, sx_cbatch x, sx_cbatch u, sx_batch out, sx_work w),
        vjp(sx_model_self(m), t, x, u, out, w))
FORWARD(hvv(const void *self, double t, sx_cbatch x, sx_cbatch u, sx_cbatch v, sx_batch out, sx_work w),
        hvv(sx_model_self(m), t, x, u, v, out, w))
FORWARD(phv(const void *self, double t, sx_cbatch x, sx_cbatch u, sx_cbatch v, sx_batch out, sx_work w),
        phv(sx_model_self(m), t, x, u, v, out, w))
FORWARD(tvvv(const void *self, double t, sx_cbatch x, sx_cbatch u, sx_cbatch v, sx_cbatch z, sx_batch out, sx_work w),
        tvvv(sx_model_self(m), t, x, u, v, z, out, w))
FORWARD(jacobian(const void *self, double t, const double *x, double *out, sx_work w),
        jacobian(sx_model_self(m), t, x, out, w))
FORWARD(divergence(const void *self, double t, sx_cbatch x, double *out, sx_work w),
        divergence(sx_model_self(m), t, x, out, w))
static int64_t work(const void *self, sx_op op, int64_t b) {
    const sx_model *m = self;
    return sx_model_operations(m)->work(sx_model_self(m), op, b);
}
static void F_complex(const void *self, double t, const double *x, double *out, int64_t b, sx_work w) {
    const double complex *z = (const double complex *)(const void *)x;
    double complex *y = (double complex *)(void *)out;
    (void)self, (void)t, (void)w;
    for (int i = 0; i < N; ++i) {
        for (int64_t r = 0; r < b; ++r) {
            y[i * b + r] = -z[i * b + r];
            for (int j = 0; j < N; ++j) y[i * b + r] += W[i * N + j] * ctanh(z[j * b + r]);
        }
    }
}
static void other_complex(const void *self, double t, const double *x, double *out, int64_t b, sx_work w) {
    F_complex(self, t, x, out, b, w);
    out[0] += 0.5;
}
/* F as a program in single precision would give it */
static void coarse_F(const void *self, double t, sx_cbatch x, sx_batch out, sx_work w) {
    F(self, t, x, out, w);
    for (int64_t i = 0; i < out.n * out.b; ++i) out.x[i] = (double)(float)out.x[i];
}
/* J u with a wrong sign in one place; J^T p of another matrix */
static void wrong_jvp(const void *self, double t, sx_cbatch x, sx_cbatch u, sx_batch out, sx_work w) {
    jvp(self, t, x, u, out, w);
    for (int64_t r = 0; r < out.b; ++r) out.x[out.b + r] = -out.x[out.b + r];
}
static void wrong_vjp(const void *self, double t, sx_cbatch x, sx_cbatch u, sx_batch out, sx_work w) {
    jvp(self, t, x, u, out, w);
}
static void far_F(const void *self, double t, sx_cbatch x, sx_batch out, sx_work w) {
    F(self, t, x, out, w);
    for (int64_t r = 0; r < out.b; ++r) out.x[2 * out.b + r] += log(x.x[2 * x.b + r] - 3.0);
}

static sx_model *reference(sx_ctx *ctx) {
    sx_rate_opts o = { .struct_size = sizeof o };
    sx_coupling *w = NULL;
    sx_model *m = NULL;
    fill("W", -0.8, 0.8, N * N, W);
    OK(sx_coupling_dense(ctx, N, N, W, &w));
    sx_fields_default(sx_rate_fields, &o);
    o.struct_size = sizeof o;
    OK(sx_rate_create(ctx, &o, w, NULL, NULL, NULL, &m));
    sx_coupling_free(ctx, w);
    return m;
}

/* Freed by the tests: `self` is no longer that of the plug-in. */
static sx_model *lent;
static const double *lent_point;
static int64_t lent_n;
static int lend(const double *values, sx_plugin_model *out, char *message, size_t size) {
    (void)values, (void)message, (void)size;
    out->desc.self = lent;
    out->desc.layout.n = lent_n;
    out->point = lent_point;
    return 0;
}
static sx_status make(sx_ctx *ctx, const sx_model_ops *ops,
                      void (*complex_F)(const void *, double, const double *, double *, int64_t, sx_work),
                      double tolerance, sx_model **out) {
    sx_plugin t = { SX_PLUGIN_ABI, sizeof t, ops, NULL, lend, complex_F };
    return sx_plugin_create(ctx, "mine", &t, 0, NULL, NULL, tolerance, out);
}

/* The error that the notes name for an operation; -1: exact. */
static double noted(const sx_model *m, const char *operation) {
    const char *at = strstr(sx_plugin_derivatives(m), "by differences");
    char key[32];
    (void)snprintf(key, sizeof key, " %s ", operation);
    at = at ? strstr(at, key) : NULL;
    return at ? strtod(at + strlen(key), NULL) : -1.0;
}

static const char *const op_name[] = { "F", "jvp", "vjp", "hvv", "phv", "tvvv" };

/* Every operation against the built-in one: exact to rounding, or to fifty times the error that is printed (an estimate from eight points). */
static void test_completed(void **state) {
    (void)state;
    static const struct {
        const char *name;
        sx_model_ops ops;
        bool complex_F;
        int differences; /* bit op: that operation is by differences */
        double error;    /* of the worst of them */
    } cases[] = {
#define TABLE .abi = SX_MODEL_ABI, .struct_size = sizeof(sx_model_ops), .work = work, .F = F
        { "F alone", { TABLE }, false, 1 << OP_JVP | 1 << OP_VJP | 1 << OP_HVV | 1 << OP_PHV | 1 << OP_TVVV, 1e-6 },
        { "F complex", { TABLE }, true, 1 << OP_HVV | 1 << OP_PHV | 1 << OP_TVVV, 1e-7 },
        { "jvp", { TABLE, .jvp = jvp }, false, 1 << OP_HVV | 1 << OP_PHV | 1 << OP_TVVV, 1e-7 },
        { "jacobian", { TABLE, .jacobian = jacobian }, false, 1 << OP_HVV | 1 << OP_PHV | 1 << OP_TVVV, 1e-7 },
        { "vjp, jvp", { TABLE, .jvp = jvp, .vjp = vjp }, false, 1 << OP_HVV | 1 << OP_PHV | 1 << OP_TVVV, 1e-7 },
        { "second",
          { TABLE, .jvp = jvp, .vjp = vjp, .hvv = hvv, .phv = phv, .divergence = divergence },
          false,
          1 << OP_TVVV,
          1e-9 },
        { "all",
          { TABLE, .jvp = jvp, .vjp = vjp, .hvv = hvv, .phv = phv, .tvvv = tvvv, .jacobian = jacobian,
            .divergence = divergence },
          false,
          0,
          0 },
    };
    sx_ctx *ctx = sx_ctx_create(NULL);
    double x[COUNT], u[COUNT], v[COUNT], z[COUNT], a[COUNT], c[COUNT], scale[6];
    const double *d[3] = { u, v, z };
    lent = reference(ctx);
    lent_n = N;
    lent_point = NULL;
    fill("x", -0.4, 0.4, COUNT, x);
    fill("u", -1, 1, COUNT, u);
    fill("v", -1, 1, COUNT, v);
    fill("z", -1, 1, COUNT, z);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; ++k) {
        sx_model *m = NULL;
        if (make(ctx, &cases[k].ops, cases[k].complex_F ? F_complex : NULL, 1e-5, &m) < 0)
            fail_msg("%s: %s", cases[k].name, sx_ctx_message(ctx));
        assert_string_equal(sx_model_name(m), "plugin");
        double most = 0.0;
        for (int op = OP_F; op <= OP_TVVV; ++op) {
            bool by_differences = cases[k].differences >> op & 1;
            for (int one = 0; one < 2; ++one) { /* one base point for all columns too */
                apply_op(m, op, 0.2, x, one ? 1 : B, d, one && op == OP_F ? 1 : B, a, NULL);
                apply_op(lent, op, 0.2, x, one ? 1 : B, d, one && op == OP_F ? 1 : B, c, NULL);
                int64_t count = one && op == OP_F ? N : COUNT;
                scale[op] = largest(count, c);
                double size = fmax(scale[op], op > OP_VJP ? fmax(scale[OP_F], scale[OP_JVP]) : scale[OP_F]);
                double estimate = noted(m, op_name[op]), worst = 0.0;
                assert_true((estimate >= 0.0) == by_differences);
                for (int64_t i = 0; i < count; ++i) worst = fmax(worst, fabs(a[i] - c[i]) / size);
                most = fmax(most, worst);
                if (!(worst <= (by_differences ? 50.0 * estimate : 1e-14)))
                    fail_msg("%s: %s is off by %g, estimated %g", cases[k].name, op_name[op], worst, estimate);
            }
        }
        assert_true(most <= fmax(cases[k].error, 1e-14));
        double J[N * N], want[N * N], div[B], trace[B];
        sx_work w = scratch(sx_model_operations(m)->work(sx_model_self(m), SX_OP_JACOBIAN, 1), NULL);
        sx_model_operations(m)->jacobian(sx_model_self(m), 0.0, x, J, w);
        release(w);
        w = scratch(work(lent, SX_OP_JACOBIAN, 1), NULL);
        jacobian(lent, 0.0, x, want, w);
        release(w);
        close_to(cases[k].name, N * N, J, want, cases[k].differences >> OP_JVP & 1 ? 1e-11 : 1e-14, 0.0);
        w = scratch(sx_model_operations(m)->work(sx_model_self(m), SX_OP_DIVERGENCE, B), NULL);
        sx_model_operations(m)->divergence(sx_model_self(m), 0.0, view(x, N, B), div, w);
        release(w);
        w = scratch(work(lent, SX_OP_DIVERGENCE, B), NULL);
        divergence(lent, 0.0, view(x, N, B), trace, w);
        release(w);
        close_to(cases[k].name, B, div, trace, cases[k].differences >> OP_JVP & 1 ? 1e-11 : 1e-14, 0.0);
        assert_false(sx_model_has(m, "potential") || sx_model_has(m, "sample") || sx_model_has(m, "kick"));
        sx_model_free(ctx, m);
    }
    sx_model_free(ctx, lent);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* -- what is said ----------------------------------------------------------------------------------------------------------------------- */

static char said[4096];
static void hear(void *user, int level, const char *text) {
    (void)user;
    if (level < SX_LOG_WARNING) return;
    size_t n = strlen(said);
    (void)snprintf(said + n, sizeof said - n, "%s\n", text);
}

static void test_notices(void **state) {
    (void)state;
    sx_host host = { .struct_size = sizeof host, .log = hear, .threads = 1 };
    sx_ctx *ctx = sx_ctx_create(&host);
    sx_model *m = NULL;
    sx_model_ops ops = { TABLE };
    lent = reference(ctx);
    lent_n = N;
    lent_point = NULL;
    said[0] = '\0';
    /* a good one says nothing above information */
    OK(make(ctx, &ops, F_complex, 1e-6, &m));
    assert_string_equal(said, "");
    sx_model_free(ctx, m);
    /* single precision: the first derivative is good to 1e-5 or so, the others are noise */
    ops.F = coarse_F;
    OK(make(ctx, &ops, NULL, 1e-3, &m));
    assert_true(sx_model_has(m, "jvp") && sx_model_has(m, "jacobian"));
    assert_true(noted(m, "jvp") > 1e-8 && noted(m, "jvp") < 1e-3);
    sx_model_free(ctx, m);
    said[0] = '\0';
    OK(make(ctx, &ops, NULL, 1e-9, &m));
    for (int op = OP_JVP; op <= OP_TVVV; ++op) assert_false(sx_model_has(m, op_name[op]));
    assert_non_null(strstr(said, "jvp by differences has a relative error"));
    assert_non_null(strstr(sx_plugin_derivatives(m), "left out: jvp, vjp, jacobian, divergence, hvv, phv, tvvv"));
    /* and a task that needs it refuses by name */
    char missing[32];
    sx_task_ops task = sx_simulate_task;
    task.needs = "F jvp";
    assert_string_equal(sx_task_missing(&task, m, missing, sizeof missing), "jvp");
    sx_model_free(ctx, m);
    /* wrong derivatives */
    ops = (sx_model_ops){ TABLE, .jvp = wrong_jvp };
    said[0] = '\0';
    OK(make(ctx, &ops, NULL, 1e-3, &m));
    assert_non_null(strstr(said, "its jvp disagrees with differences"));
    sx_model_free(ctx, m);
    ops = (sx_model_ops){ TABLE, .jvp = jvp, .vjp = wrong_vjp };
    said[0] = '\0';
    OK(make(ctx, &ops, NULL, 1e-3, &m));
    assert_non_null(strstr(said, "its vjp is not the adjoint"));
    sx_model_free(ctx, m);
    /* all right: silence */
    ops = (sx_model_ops){ TABLE, .jvp = jvp, .vjp = vjp, .hvv = hvv, .phv = phv, .tvvv = tvvv };
    said[0] = '\0';
    OK(make(ctx, &ops, F_complex, 1e-6, &m));
    assert_string_equal(said, "");
    sx_model_free(ctx, m);
    sx_model_free(ctx, lent);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* -- tables that are wrong ---------------------------------------------------------------------------------------------------------------- */

static int refuse(const double *values, sx_plugin_model *out, char *message, size_t size) {
    (void)values, (void)out;
    (void)snprintf(message, size, "no licence");
    return 3;
}
static int odd_kind(const double *values, sx_plugin_model *out, char *message, size_t size) {
    out->desc.kind = (sx_kind)9;
    return lend(values, out, message, size);
}
static int odd_layout(const double *values, sx_plugin_model *out, char *message, size_t size) {
    static const sx_state_array arrays[] = { { "x", "unit", 3, NULL } };
    int code = lend(values, out, message, size);
    out->desc.layout.arrays = arrays;
    out->desc.layout.n_arrays = 1;
    return code;
}

static void test_tables(void **state) {
    (void)state;
    sx_ctx *ctx = sx_ctx_create(NULL);
    const sx_model_ops good = { TABLE }, old = { .abi = 0, .struct_size = sizeof old, .F = F },
                       small = { .abi = SX_MODEL_ABI, .struct_size = 8, .F = F },
                       empty = { .abi = SX_MODEL_ABI, .struct_size = sizeof empty }, far = { TABLE };
    sx_model_ops nan = far;
    nan.F = far_F;
    sx_model *m = NULL;
    lent = reference(ctx);
    lent_n = N;
    lent_point = NULL;
#define WRONG(status, text, ...)                                                                                       \
    do {                                                                                                               \
        const sx_plugin t = { __VA_ARGS__ };                                                                           \
        m = NULL;                                                                                                      \
        assert_int_equal(sx_plugin_create(ctx, "mine", &t, 0, NULL, NULL, 1e-6, &m), status);                          \
        if (!strstr(sx_ctx_message(ctx), text)) fail_msg("got '%s', want '%s'", sx_ctx_message(ctx), text);            \
        assert_null(m);                                                                                                \
        sx_ctx_clear(ctx);                                                                                             \
    } while (0)
    WRONG(SX_E_FILE, "plug-in mine: its table has abi 9 and size", 9, sizeof(sx_plugin), &good, NULL, lend, NULL);
    WRONG(SX_E_FILE, "its table has abi 1 and size 12", SX_PLUGIN_ABI, 12, &good, NULL, lend, NULL);
    WRONG(SX_E_FILE, "its table has no operations", SX_PLUGIN_ABI, sizeof(sx_plugin), NULL, NULL, lend, NULL);
    WRONG(SX_E_FILE, "its operations have abi 0", SX_PLUGIN_ABI, sizeof(sx_plugin), &old, NULL, lend, NULL);
    WRONG(SX_E_FILE, "its operations have abi 1 and size 8", SX_PLUGIN_ABI, sizeof(sx_plugin), &small, NULL, lend,
          NULL);
    WRONG(SX_E_FILE, "the operation F is missing", SX_PLUGIN_ABI, sizeof(sx_plugin), &empty, NULL, lend, NULL);
    WRONG(SX_E_FILE, "the function create is missing", SX_PLUGIN_ABI, sizeof(sx_plugin), &good, NULL, NULL, NULL);
    WRONG(SX_E_FILE, "plug-in mine: no licence (code 3)", SX_PLUGIN_ABI, sizeof(sx_plugin), &good, NULL, refuse, NULL);
    WRONG(SX_E_FILE, "kind = 9", SX_PLUGIN_ABI, sizeof(sx_plugin), &good, NULL, odd_kind, NULL);
    WRONG(SX_E_FILE, "layout.n = 5, but its 1 arrays have 3 units", SX_PLUGIN_ABI, sizeof(sx_plugin), &good, NULL,
          odd_layout, NULL);
    WRONG(SX_E_FILE, "F_complex is another function than F", SX_PLUGIN_ABI, sizeof(sx_plugin), &good, NULL, lend,
          other_complex);
    lent_n = 0;
    WRONG(SX_E_FILE, "layout.n = 0: want at least 1 unit", SX_PLUGIN_ABI, sizeof(sx_plugin), &good, NULL, lend, NULL);
    lent_n = -4;
    WRONG(SX_E_FILE, "layout.n = -4: want at least 1 unit", SX_PLUGIN_ABI, sizeof(sx_plugin), &good, NULL, lend, NULL);
    lent_n = N;
    WRONG(SX_E_NUMERIC, "F of unit 2 (x[2]) is nan at t = 0", SX_PLUGIN_ABI, sizeof(sx_plugin), &nan, NULL, lend, NULL);
    assert_int_equal(sx_plugin_create(ctx, "mine", NULL, 0, NULL, NULL, 1e-6, &m), SX_E_FILE);
    sx_ctx_clear(ctx);
    /* another starting point */
    static const double point[N] = { 0, 0, 6, 0, 0 };
    lent_point = point;
    OK(make(ctx, &nan, NULL, 1e-3, &m));
    assert_true(sx_model_has(m, "jvp"));
    sx_model_free(ctx, m);
    sx_model_free(ctx, lent);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* Every allocation fails once: an error, nothing lost. */
static void test_memory(void **state) {
    (void)state;
    bool done = false;
    for (int64_t k = 1; !done; ++k) {
        failing_host h = { .fail_at = 0 };
        sx_host host = failing_host_of(&h);
        sx_ctx *ctx = sx_ctx_create(&host);
        const sx_model_ops ops = { TABLE };
        sx_model *m = NULL;
        lent = reference(ctx);
        lent_n = N;
        lent_point = NULL;
        h.fail_at = h.calls + k;
        sx_status status = make(ctx, &ops, NULL, 1e-6, &m);
        h.fail_at = 0;
        done = status >= 0;
        if (!done) assert_int_equal(status, SX_E_MEMORY);
        sx_model_free(ctx, m);
        sx_model_free(ctx, lent);
        assert_int_equal(sx_ctx_bytes(ctx), 0);
        sx_ctx_free(ctx);
        assert_int_equal(h.held, 0);
        assert_true(k < 1000);
    }
}

/* -- shared libraries ------------------------------------------------------------------------------------------------------------------------- */

#define LIBRARY(variant) SX_TEST_PLUGINS "/plugin_" variant ".so"

typedef struct shared {
    const sx_model *m[2];
    double out[64][2];
} shared;
static sx_status call(sx_ctx *ctx, int64_t index, int worker, void *arg) {
    shared *s = arg;
    const sx_model *m = s->m[index % 2];
    (void)ctx, (void)worker;
    double x[2] = { 0.01 * (double)index, 1.0 };
    for (int k = 0; k < 2000; ++k)
        sx_model_operations(m)->F(sx_model_self(m), 0.0, view(x, 2, 1), (sx_batch){ s->out[index], 2, 1 },
                                  (sx_work){ NULL, 0, NULL, 0 });
    return SX_OK;
}

/* The same library twice, with other numbers, used from four threads; the first freed while the second works. */
static void test_library(void **state) {
    (void)state;
    sx_host host = { .struct_size = sizeof host, .threads = 4 };
    sx_ctx *ctx = sx_ctx_create(&host);
    const char *const names[] = { "s", "k" };
    const double first[] = { 0.25, 0.75 }, second[] = { -1.0, 2.0 };
    sx_model *a = NULL, *b = NULL;
    OK(sx_plugin_open(ctx, LIBRARY("good"), 2, names, first, 1e-6, &a));
    OK(sx_plugin_open(ctx, LIBRARY("good"), 2, names, second, 1e-6, &b));
    shared s = { .m = { a, b } };
    OK(sx_parallel_for(ctx, 64, call, &s));
    for (int i = 0; i < 64; ++i) {
        const double *p = i % 2 ? second : first, x = 0.01 * i;
        assert_true(fabs(s.out[i][0] - (-p[1] * x + tanh(1.0))) <= 1e-15);
        assert_true(fabs(s.out[i][1] - (x - 1.0 + p[0])) <= 1e-15);
    }
    assert_string_equal(sx_model_layout(a)->arrays[0].labels[1], "v");
    sx_model_free(ctx, a);
    OK(sx_parallel_for(ctx, 1, call, &(shared){ .m = { b, b } }));
    double x[2] = { 0.3, -0.4 }, J[4];
    sx_work w = scratch(sx_model_operations(b)->work(sx_model_self(b), SX_OP_JACOBIAN, 1), NULL);
    sx_model_operations(b)->jacobian(sx_model_self(b), 0.0, x, J, w);
    release(w);
    const double want[4] = { -2.0, 1.0 - tanh(0.4) * tanh(0.4), -0.4, 0.3 - 3 * 0.16 };
    close_to("library", 4, J, want, 1e-10, 0.0);
    sx_model_free(ctx, b);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

#define HEAD        "[model]\nkind = \"plugin\"\n"
#define TASK        "[[task]]\ndo = \"simulate\"\nduration = 1.0\ndt = 0.1\n"
#define GOOD        HEAD "file = \"plugin_good.so\"\n"
#define FILE_(name) HEAD "file = \"" name "\"\noptions = { s = 0.1 }\n" TASK

/* Experiments: exit code, place, what is said. */
static void test_experiments(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int code;
        const char *message[2];
    } cases[] = {
        { GOOD "options = { s = 0.1, k = 1.5 }\n" TASK, 0, { NULL } },
        { HEAD TASK, 2, { "t.toml:1:1: ", "'file' is missing" } },
        { HEAD "file = 3\n" TASK, 2, { "t.toml:3:8: ", "file = 3" } },
        { FILE_("absent.so"), 3, { "t.toml:3:8: ", "absent.so" } },
        { FILE_("."), 3, { "t.toml:3:8: ", "." } },
        { FILE_("CTestTestfile.cmake"), 3, { "t.toml:3:8: ", "no shared library that can be loaded" } },
        { FILE_("plugin_silent.so"), 3, { "t.toml:3:8: ", "exports no function sx_plugin_entry" } },
        { FILE_("plugin_abi.so"), 3, { "t.toml:3:8: plug-in plugin_abi.so: its table has abi 7", "want 1" } },
        { FILE_("plugin_empty.so"), 3, { "t.toml:3:8: ", "layout.n = 0: want at least 1 unit" } },
        { FILE_("plugin_nan.so"), 4, { "t.toml:3:8: ", "F of unit 1 (v) is -inf at t = 0 and the starting point" } },
        { GOOD TASK, 2, { "t.toml:1:1: ", "options.s is missing: the plug-in plugin_good.so has no default" } },
        { GOOD "options = { s = 11 }\n" TASK, 3, { "t.toml:3:8: ", "s = 11 is too much (code 7)" } },
        { GOOD "options = { s = 1, k = 3 }\n" TASK,
          2,
          { "t.toml:4:24: ", "options.k = 3: want a number in [0.5, 2] (leak)" } },
        { GOOD "options = { s = 1, kk = 3 }\n" TASK,
          2,
          { "t.toml:4:25: ",
            "options.kk: the plug-in plugin_good.so has no such option; did you mean 'k'? it has: k, s" } },
        { GOOD "options = { s = \"1\" }\n" TASK, 2, { "t.toml:4:17: ", "options.s: want a finite number" } },
        { GOOD "options = [1]\n" TASK, 2, { "t.toml:4:11: ", "a table of numbers" } },
        { GOOD "options = { s = 1 }\ntolerance = 2\n" TASK, 2, { "t.toml:5:13: ", "tolerance = 2" } },
        { GOOD "coupling = { ensemble = \"gaussian\", n = 2, g = 1 }\n" TASK,
          2,
          { "t.toml:4:12: ", "models of kind 'plugin' have no coupling" } },
        { GOOD "options = { s = 1 }\n[noise]\nkind = \"thermal\"\ntemperature = 0.1\n" TASK,
          2,
          { "t.toml:5:1: ", "thermal noise needs a metric" } },
        { GOOD "optoins = { s = 1 }\n" TASK, 2, { "t.toml:4:1: ", "did you mean 'options'?" } },
    };
    sx_ctx *ctx = sx_ctx_create(NULL);
    int failed = 0;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; ++k) {
        sx_experiment *e = NULL;
        sx_build b;
        sx_status status =
            sx_experiment_parse(ctx, "t.toml", SX_TEST_PLUGINS, cases[k].text, strlen(cases[k].text), NULL, 0, &e);
        if (status >= 0) {
            status = sx_build_create(ctx, e, false, &b);
            if (status >= 0) {
                assert_non_null(strstr(b.bind.derivatives, "by differences, relative error: jvp "));
                sx_build_free(ctx, &b);
            }
        }
        const char *message = status < 0 ? sx_ctx_message(ctx) : "";
        bool fine = sx_status_exit_code(status) == cases[k].code;
        if (cases[k].message[0]) /* at the place, and in the text */
            fine = fine && strncmp(message, cases[k].message[0], strlen(cases[k].message[0])) == 0 &&
                   strstr(message, cases[k].message[1]);
        if (!fine) {
            print_error("%s\nexit %d: %s\nwant %d: %s ... %s\n", cases[k].text, sx_status_exit_code(status), message,
                        cases[k].code, cases[k].message[0] ? cases[k].message[0] : "",
                        cases[k].message[0] ? cases[k].message[1] : "");
            ++failed;
        }
        sx_experiment_free(ctx, e);
        sx_ctx_clear(ctx);
    }
    assert_int_equal(failed, 0);
    /* the resolved text resolves to itself, and the library's content is part of what a run may be resumed with */
    sx_experiment *first = NULL, *again = NULL;
    const char *text = GOOD "options = { s = 0.1, k = 1.5 }\n[noise]\nD = 0.1\n" TASK;
    OK(sx_experiment_parse(ctx, "t.toml", SX_TEST_PLUGINS, text, strlen(text), NULL, 0, &first));
    text = sx_experiment_text(first);
    OK(sx_experiment_parse(ctx, "t.toml", SX_TEST_PLUGINS, text, strlen(text), NULL, 0, &again));
    assert_string_equal(sx_experiment_text(again), text);
    assert_non_null(strstr(text, "options = { s = 0.1, k = 1.5 }"));
    sx_build b;
    OK(sx_build_create(ctx, first, false, &b));
    assert_true(b.bind.files != sx_experiment_hash(first));
    sx_build_free(ctx, &b);
    sx_experiment_free(ctx, again);
    sx_experiment_free(ctx, first);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_completed), cmocka_unit_test(test_notices), cmocka_unit_test(test_tables),
        cmocka_unit_test(test_memory),    cmocka_unit_test(test_library), cmocka_unit_test(test_experiments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
