// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* separatrix new */
#include "cli/cli.h"

#include <separatrix/experiment.h>

int sx_cmd_new(const sx_command *self, int argc, char **argv) {
    static const struct option options[] = { { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
    for (int c; (c = getopt_long(argc, argv, ":h", options, NULL)) != -1;)
        return c == 'h' ? sx_cli_help(self) : sx_cli_bad_option(self, c, argv);
    if (argc - optind != 1) return sx_cli_usage(self, "which kind of model or task? separatrix models lists them");
    sx_ctx *ctx = sx_ctx_create(NULL);
    char *text = NULL;
    int code = 0;
    if (!ctx) return sx_cli_fail(self, NULL, SX_E_MEMORY);
    sx_status status = sx_experiment_template(ctx, argv[optind], &text);
    if (status >= 0)
        printf("%s", text);
    else
        code = sx_cli_fail(self, ctx, status);
    sx_free(ctx, text);
    sx_ctx_free(ctx);
    return code;
}
