// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* separatrix info: a result in a screenful. */
#include "cli/cli.h"

#include <math.h>
#include <string.h>

static void print_root(const sx_result *r) {
    static const char *const names[] = { "title", "model", "model_equation", "calculus",   "drift",
                                         "units", "seed",  "version",        "revision",   "kernel_set",
                                         "blas",  "hash",  "complete",       "stopped_in", "stopped_because" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *text = sx_result_attr_find(r, "", NULL, names[i]);
        if (text && *text) printf("%-16s %s\n", names[i], text);
    }
}

/* Scalars with their errors, X +- X_se. */
static void print_value(sx_ctx *ctx, const sx_result *r, const char *group, const sx_var *v, int id) {
    char se[128];
    double x, dx;
    if (v->dtype == SX_DT_STRING) {
        const char *text = sx_result_text(r, id, 0);
        printf(" = %s", text ? text : "");
        return;
    }
    if (sx_result_read(ctx, r, id, NULL, NULL, &x) < 0) {
        sx_ctx_clear(ctx);
        return;
    }
    printf(" = %.8g", x);
    snprintf(se, sizeof se, "%s_se", v->name);
    int error = sx_result_find(r, group, se);
    if (error >= 0 && sx_result_shape(r, error, (int64_t[8]){ 0 }, (const char *[8]){ 0 }) == 0) {
        if (sx_result_read(ctx, r, error, NULL, NULL, &dx) < 0)
            sx_ctx_clear(ctx);
        else if (!isnan(dx))
            printf(" +- %.2g", dx);
    }
}

static bool is_error_of_another(const sx_result *r, const char *group, const char *name) {
    char base[128];
    size_t n = strlen(name);
    if (n < 4 || n >= sizeof base || strcmp(name + n - 3, "_se") != 0) return false;
    snprintf(base, sizeof base, "%.*s", (int)(n - 3), name);
    return sx_result_find(r, group, base) >= 0;
}

static void print_group(sx_ctx *ctx, const sx_result *r, const char *group) {
    printf("\n%s\n", *group ? group : "(root)");
    for (int id = 0; id < sx_result_vars(r); id++) {
        const char *g, *dims[8];
        int64_t shape[8];
        const sx_var *v = sx_result_var(r, id, &g);
        if (strcmp(g, group) != 0 || is_error_of_another(r, group, v->name)) continue;
        int n = sx_result_shape(r, id, shape, dims);
        char line[256];
        size_t used = (size_t)snprintf(line, sizeof line, "%s", v->name);
        for (int k = 0; k < n && used < sizeof line; k++)
            used += (size_t)snprintf(line + used, sizeof line - used, "%s%s %lld", k ? ", " : "(", dims[k],
                                     (long long)shape[k]);
        printf("  %s%s", line, n ? ")" : "");
        if (n == 0) print_value(ctx, r, group, v, id);
        if (v->units && *v->units && strcmp(v->units, "1") != 0) printf(" [%s]", v->units);
        if (v->long_name && *v->long_name) printf("  %s", v->long_name);
        printf("\n");
    }
}

int sx_cmd_info(const sx_command *self, int argc, char **argv) {
    static const struct option options[] = { { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
    for (int c; (c = getopt_long(argc, argv, ":h", options, NULL)) != -1;)
        return c == 'h' ? sx_cli_help(self) : sx_cli_bad_option(self, c, argv);
    if (argc - optind != 1) return sx_cli_usage(self, argc == optind ? "which result?" : "one result at a time");
    sx_ctx *ctx = sx_ctx_create(NULL);
    sx_result *r = NULL;
    if (!ctx) return sx_cli_fail(self, NULL, SX_E_MEMORY);
    sx_status status = sx_cli_open_result(ctx, argv[optind], &r);
    int code = status < 0 ? sx_cli_fail(self, ctx, status) : 0;
    if (r) {
        print_root(r);
        for (int g = 0; g < sx_result_groups(r); g++) print_group(ctx, r, sx_result_group(r, g));
        for (int i = 0; i < sx_result_verdicts(r); i++) {
            const char *group;
            const sx_verdict *v = sx_result_verdict_at(r, i, &group);
            printf("%s%s: %s = %.6g +- %.2g, theory %.6g, z = %.2f%s%s%s\n", i ? "" : "\n", group, v->name, v->value,
                   v->se, v->theory, (v->value - v->theory) / v->se, v->source ? " (" : "", v->source ? v->source : "",
                   v->source ? ")" : "");
        }
        for (int i = 0; i < sx_result_warnings(r); i++) {
            const char *group;
            const char *text = sx_result_warning(r, i, &group);
            printf("%swarning%s%s: %s\n", i ? "" : "\n", *group ? " in " : "", group, text);
        }
    }
    sx_result_free(ctx, r);
    sx_ctx_free(ctx);
    return code;
}
