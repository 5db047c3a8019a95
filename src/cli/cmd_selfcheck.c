// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* separatrix selfcheck: exact-answer checks on the user's machine, after the check programs of lattice codes that are run before a
 * simulation with its own parameters (openQCD, devel/). Exit 0: all hold; 4: one does not. */
#include "cli/cli.h"
#include "cli/selfcheck.h"

#include <separatrix/experiment.h>
#include <separatrix/vmath.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

void sx_checklist_section(const char *title) {
    printf("\n%-46s %22s %22s %10s\n", title, "value", "expected", "error");
}

void sx_checklist_number(sx_checklist *list, const char *name, double value, double expected, double tolerance) {
    bool ok = fabs(value - expected) <= tolerance;
    list->rows++;
    list->failed += !ok;
    printf("  %-44s %22.15g %22.15g %10.2g  %s\n", name, value, expected, value - expected, ok ? "ok" : "FAILED");
    fflush(stdout);
}

void sx_checklist_bits(sx_checklist *list, const char *name, uint64_t value, uint64_t expected) {
    bool ok = value == expected;
    list->rows++;
    list->failed += !ok;
    printf("  %-44s       %016llx       %016llx %10s  %s\n", name, (unsigned long long)value,
           (unsigned long long)expected, ok ? "0" : "bits", ok ? "ok" : "FAILED");
    fflush(stdout);
}

void sx_checklist_skip(const char *name, const char *reason) {
    printf("  %-44s skipped: %s\n", name, reason);
}

uint64_t sx_check_hash(uint64_t hash, int64_t n, const double *x) {
    const unsigned char *p = (const unsigned char *)x;
    for (int64_t i = 0; i < 8 * n; i++) hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static int check(const sx_command *self, const char *file, const char *const *set, int n_set) {
    sx_checklist list = { 0, 0 };
    sx_experiment *e = NULL;
    sx_model *m = NULL;
    sx_cli_tools tools = { 0 };
    sx_host host = { .struct_size = sizeof host };
    sx_cli_tools_find(&tools);
    sx_cli_lend(&tools, &host);
    sx_ctx *ctx = sx_ctx_create(&host);
    int code;
    if (!ctx) return sx_cli_fail(self, NULL, SX_E_MEMORY);
    sx_status status = file ? sx_cli_load(ctx, file, set, n_set, &e) : SX_OK;
    if (status >= 0 && e) status = sx_experiment_model(ctx, e, &m);
    if (status < 0) goto done;
    printf("separatrix %s (%s), kernels %s\n", sx_version(), sx_revision(), sx_kernel_set());
    status = sx_selfcheck_machine(&list);
    if (status >= 0) status = sx_selfcheck_laws(ctx, &list);
    if (status >= 0 && m) status = sx_selfcheck_model(ctx, m, &list);
done:
    if (status < 0)
        code = sx_cli_fail(self, ctx, status);
    else {
        code = list.failed ? 4 : 0;
        printf("\n%d checks, %d failed%s\n", list.rows, list.failed,
               list.failed ? ": do not trust results of this machine or model before the cause is known" : "");
    }
    sx_model_free(ctx, m);
    sx_experiment_free(ctx, e);
    sx_ctx_free(ctx);
    return code;
}

int sx_cmd_selfcheck(const sx_command *self, int argc, char **argv) {
    static const struct option options[] = { { "set", required_argument, NULL, 's' },
                                             { "help", no_argument, NULL, 'h' },
                                             { NULL, 0, NULL, 0 } };
    int n_set = 0, code = -1;
    const char **set = calloc((size_t)argc + 1, sizeof *set);
    if (!set) return sx_cli_fail(self, NULL, SX_E_MEMORY);
    for (int c; code < 0 && (c = getopt_long(argc, argv, ":s:h", options, NULL)) != -1;) {
        if (c == 's')
            set[n_set++] = optarg;
        else
            code = c == 'h' ? sx_cli_help(self) : sx_cli_bad_option(self, c, argv);
    }
    if (code < 0 && argc - optind > 1) code = sx_cli_usage(self, "one experiment at a time");
    if (code < 0 && n_set > 0 && argc == optind)
        code = sx_cli_usage(self, "--set changes an experiment, but none is given");
    if (code < 0) code = check(self, argc > optind ? argv[optind] : NULL, set, n_set);
    free((void *)set);
    return code;
}
