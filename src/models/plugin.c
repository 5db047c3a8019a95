// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Shared libraries as models: loading, the table and its checks, options by name. */
#include "models/complete.h"

#include <dlfcn.h>
#include <stdio.h>

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* -- the table ------------------------------------------------------------------------------------------------------------------ */

static sx_status check_table(sx_ctx *ctx, const char *name, const sx_plugin *t) {
    const char *built = "was it compiled against the headers of another version?";
    if (!t) return SX_FAIL(ctx, SX_E_FILE, "plug-in %s: " SX_PLUGIN_SYMBOL "() returned no table", name);
    if (t->abi != SX_PLUGIN_ABI || t->struct_size != sizeof *t)
        return SX_FAIL(ctx, SX_E_FILE, "plug-in %s: its table has abi %u and size %u: want %d and %zu; %s", name,
                       (unsigned)t->abi, (unsigned)t->struct_size, SX_PLUGIN_ABI, sizeof *t, built);
    const sx_model_ops *o = t->ops;
    if (!o) return SX_FAIL(ctx, SX_E_FILE, "plug-in %s: its table has no operations", name);
    if (o->abi != SX_MODEL_ABI || o->struct_size != sizeof *o)
        return SX_FAIL(ctx, SX_E_FILE, "plug-in %s: its operations have abi %u and size %u: want %d and %zu; %s", name,
                       (unsigned)o->abi, (unsigned)o->struct_size, SX_MODEL_ABI, sizeof *o, built);
    if (!o->F || !t->create)
        return SX_FAIL(ctx, SX_E_FILE, "plug-in %s: the %s is missing", name, o->F ? "function create" : "operation F");
    return SX_OK;
}

static int count_options(const sx_plugin *t) {
    int n = 0;
    while (t->options && t->options[n].name) ++n;
    return n;
}

static sx_status no_option(sx_ctx *ctx, const char *name, const sx_plugin *t, const char *given) {
    const char *known[64];
    char list[512] = "";
    size_t used = 0;
    int n = 0, all = count_options(t);
    for (; n < all && n < 64; ++n) {
        known[n] = t->options[n].name;
        if (used < sizeof list)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", n ? ", " : "", known[n]);
    }
    if (all == 0)
        return SX_FAIL(ctx, SX_E_USAGE, "options.%s: the plug-in %s takes no options: leave them out", given, name);
    const char *near = sx_nearest(given, known, n);
    return SX_FAIL(ctx, SX_E_USAGE, "options.%s: the plug-in %s has no such option%s%s%s it has: %s", given, name,
                   near ? "; did you mean '" : "", near ? near : "", near ? "'?" : ";", list);
}

static sx_status read_options(sx_ctx *ctx, const char *name, const sx_plugin *t, int n, const char *const *names,
                              const double *values, double *out) {
    int all = count_options(t);
    for (int k = 0; k < all; ++k) out[k] = t->options[k].def;
    for (int i = 0; i < n; ++i) {
        int k = 0;
        while (k < all && strcmp(t->options[k].name, names[i]) != 0) ++k;
        if (k == all) return no_option(ctx, name, t, names[i]);
        const sx_plugin_option *o = &t->options[k];
        bool bounded = o->lo != 0.0 || o->hi != 0.0;
        if (!isfinite(values[i]) || (bounded && !(values[i] >= o->lo && values[i] <= o->hi))) {
            char range[80] = "a finite number";
            if (bounded) (void)snprintf(range, sizeof range, "a number in [%g, %g]", o->lo, o->hi);
            return SX_FAIL(ctx, SX_E_USAGE, "options.%s = %g: want %s%s%s%s", o->name, values[i], range,
                           o->help ? " (" : "", o->help ? o->help : "", o->help ? ")" : "");
        }
        out[k] = values[i];
    }
    for (int k = 0; k < all; ++k) {
        if (isnan(out[k]))
            return SX_FAIL(ctx, SX_E_USAGE, "options.%s is missing: the plug-in %s has no default for it%s%s%s",
                           t->options[k].name, name, t->options[k].help ? " (" : "",
                           t->options[k].help ? t->options[k].help : "", t->options[k].help ? ")" : "");
    }
    return SX_OK;
}

/* -- creation ------------------------------------------------------------------------------------------------------------------- */

void sx_plugin_close(sx_ctx *ctx, void *self) {
    sx_complete *c = self;
    if (!c) return;
    void *handle = c->handle;
    if (c->f && c->f->destroy && c->self) c->f->destroy(ctx, c->self);
    sx_free(ctx, c->notes);
    sx_free(ctx, c);
    if (handle) (void)dlclose(handle);
}

static sx_status check_model(sx_ctx *ctx, const char *name, const sx_plugin_model *m) {
    const sx_layout *l = &m->desc.layout;
    int64_t n = 0;
    if (l->n < 1)
        return SX_FAIL(ctx, SX_E_FILE, "plug-in %s: layout.n = %lld: want at least 1 unit", name, (long long)l->n);
    for (int a = 0; l->arrays && a < l->n_arrays; ++a) {
        if (!l->arrays[a].name || !l->arrays[a].dim)
            return SX_FAIL(ctx, SX_E_FILE, "plug-in %s: state array %d needs a name and the name of its index", name,
                           a);
        n += l->arrays[a].n;
    }
    if (l->arrays && (l->n_arrays < 1 || n != l->n))
        return SX_FAIL(ctx, SX_E_FILE, "plug-in %s: layout.n = %lld, but its %d arrays have %lld units", name,
                       (long long)l->n, l->n_arrays, (long long)n);
    if ((int)m->desc.kind < SX_FLOW || m->desc.kind > SX_HAMILTONIAN)
        return SX_FAIL(ctx, SX_E_FILE, "plug-in %s: kind = %d: want SX_FLOW, SX_MAP, SX_SAMPLER or SX_HAMILTONIAN",
                       name, (int)m->desc.kind);
    return SX_OK;
}

/* The handle is taken over, also on failure. */
static sx_status create(sx_ctx *ctx, const char *name, void *handle, const sx_plugin *t, int n_options,
                        const char *const *names, const double *values, double tolerance, sx_model **out) {
    sx_state_array single = { "x", "unit", 0, NULL };
    sx_plugin_model m = { .struct_size = sizeof m };
    sx_complete *c = NULL;
    double *numbers = NULL;
    char message[512] = "";
    sx_status status = sx_alloc(ctx, 1, sizeof *c, &c);
    if (status < 0) {
        if (handle) (void)dlclose(handle);
        return status;
    }
    c->handle = handle;
    SX_GO(ctx, status, done, check_table(ctx, name, t));
    SX_GO(ctx, status, done, sx_alloc(ctx, count_options(t), sizeof *numbers, &numbers));
    SX_GO(ctx, status, done, read_options(ctx, name, t, n_options, names, values, numbers));
    m.desc.struct_size = sizeof m.desc;
    m.desc.ops = t->ops;
    int code = t->create(numbers, &m, message, sizeof message);
    message[sizeof message - 1] = '\0';
    if (code != 0) {
        status = SX_FAIL(ctx, SX_E_FILE, "plug-in %s: %s (code %d)", name,
                         *message ? message : "create failed without a message", code);
        goto done;
    }
    c->f = t->ops;
    c->self = m.desc.self;
    SX_GO(ctx, status, done, check_model(ctx, name, &m));
    c->F_complex = t->F_complex;
    c->n = m.desc.layout.n;
    if (!m.desc.layout.arrays) {
        single.n = c->n;
        m.desc.layout.arrays = &single;
        m.desc.layout.n_arrays = 1;
    }
    SX_GO(ctx, status, done, sx_complete_derivatives(ctx, c, name, m.point, tolerance, &m.desc.layout));
    m.desc.struct_size = sizeof m.desc;
    m.desc.ops = &c->ops;
    m.desc.self = c;
    if (m.desc.block == 0) m.desc.block = sx_block_choose(c->n, NULL);
    if (m.desc.panel == 0) m.desc.panel = sx_panel_choose(c->n);
    if (!(m.desc.flops > 0.0)) m.desc.flops = 20.0 * (double)c->n;
    if (!m.desc.equation) m.desc.equation = name;
    SX_GO(ctx, status, done, sx_model_create(ctx, &m.desc, out));
    c = NULL;
done:
    sx_free(ctx, numbers);
    sx_plugin_close(ctx, c);
    return status;
}

sx_status sx_plugin_create(sx_ctx *ctx, const char *name, const sx_plugin *table, int n_options,
                           const char *const *names, const double *values, double tolerance, sx_model **out) {
    return create(ctx, name, NULL, table, n_options, names, values, tolerance, out);
}

sx_status sx_plugin_open(sx_ctx *ctx, const char *path, int n_options, const char *const *names, const double *values,
                         double tolerance, sx_model **out) {
    char *full = NULL;
    union {
        void *object;
        sx_plugin_entry_function function;
    } entry; /* POSIX: a function fits */
    SX_TRY(ctx, sx_format(ctx, &full, "%s%s", strchr(path, '/') ? "" : "./", path));
    void *handle = dlopen(full, RTLD_NOW | RTLD_LOCAL);
    sx_free(ctx, full);
    if (!handle) {
        const char *why = dlerror();
        return SX_FAIL(ctx, SX_E_FILE, "%s: no shared library that can be loaded: %s", path, why ? why : "unknown");
    }
    entry.object = dlsym(handle, SX_PLUGIN_SYMBOL);
    if (!entry.object) {
        (void)dlclose(handle);
        return SX_FAIL(ctx, SX_E_FILE,
                       "%s: exports no function " SX_PLUGIN_SYMBOL ": want 'SX_PLUGIN_EXPORT const sx_plugin "
                       "*" SX_PLUGIN_SYMBOL "(void)', in C++ inside of extern \"C\"",
                       path);
    }
    return create(ctx, base_name(path), handle, entry.function(), n_options, names, values, tolerance, out);
}

const char *sx_plugin_derivatives(const sx_model *m) {
    if (sx_model_operations(m)->destroy != sx_plugin_close) return NULL;
    return ((const sx_complete *)sx_model_self(m))->notes;
}

#define AT(member) offsetof(sx_plugin_opts, member)
const sx_field sx_plugin_fields[] = {
    { .name = "file",
      .type = SX_STRING,
      .offset = AT(file),
      .flags = SX_REQUIRED,
      .help = "shared library that exports " SX_PLUGIN_SYMBOL "(); relative to the experiment" },
    { .name = "tolerance",
      .type = SX_F64,
      .offset = AT(tolerance),
      .lo = 0,
      .hi = 1,
      .def = "1e-6",
      .unit = "1",
      .help = "largest relative error of a derivative completed by differences; worse ones are left out" },
    SX_FIELD_END,
};
