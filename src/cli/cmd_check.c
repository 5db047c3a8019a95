// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* separatrix check */
#include "cli/cli.h"

#include <separatrix/experiment.h>

#include <stdlib.h>

static int check(const sx_command *self, const char *file, const char *const *set, int n_set, int threads, bool latex,
                 const sx_cli_tools *tools) {
    sx_screen *screen = sx_screen_create(true, NULL); /* warnings only, each once */
    if (!screen) return sx_cli_fail(self, NULL, SX_E_MEMORY);
    sx_host host = { .struct_size = sizeof host, .user = screen, .log = sx_screen_log, .threads = threads };
    sx_cli_lend(tools, &host);
    sx_ctx *ctx = sx_ctx_create(&host);
    sx_experiment *e = NULL;
    sx_prediction p;
    char *text = NULL;
    int code = 0;
    if (!ctx) {
        sx_screen_free(screen);
        return sx_cli_fail(self, NULL, SX_E_MEMORY);
    }
    sx_status status = sx_cli_load(ctx, file, set, n_set, &e);
    if (status >= 0)
        status = latex ? sx_experiment_equations(ctx, e, true, &text) : sx_experiment_describe(ctx, e, &text, &p);
    if (status >= 0)
        printf("%s", text);
    else
        code = sx_cli_fail(self, ctx, status);
    sx_free(ctx, text);
    sx_experiment_free(ctx, e);
    sx_ctx_free(ctx);
    sx_screen_free(screen);
    return code;
}

int sx_cmd_check(const sx_command *self, int argc, char **argv) {
    enum { CACHE = 256, CC };
    static const struct option options[] = { { "set", required_argument, NULL, 's' },
                                             { "threads", required_argument, NULL, 't' },
                                             { "latex", no_argument, NULL, 'l' },
                                             { "cache", required_argument, NULL, CACHE },
                                             { "cc", required_argument, NULL, CC },
                                             { "help", no_argument, NULL, 'h' },
                                             { NULL, 0, NULL, 0 } };
    sx_cli_tools tools = { 0 };
    int n_set = 0, threads = 0, code = -1;
    bool latex = false;
    sx_cli_tools_find(&tools);
    const char **set = calloc((size_t)argc + 1, sizeof *set);
    if (!set) return sx_cli_fail(self, NULL, SX_E_MEMORY);
    for (int c; code < 0 && (c = getopt_long(argc, argv, ":s:t:lh", options, NULL)) != -1;) switch (c) {
        case 's':
            set[n_set++] = optarg;
            break;
        case 't':
            if (!sx_cli_threads(optarg, &threads))
                code = sx_cli_usage(self, "--threads %s: want an integer from 1 to 4096", optarg);
            break;
        case 'l':
            latex = true;
            break;
        case CACHE:
        case CC:
            if (!*optarg) code = sx_cli_usage(self, "--%s: the name is empty", c == CC ? "cc" : "cache");
            *(c == CC ? &tools.compiler : &tools.cache) = optarg;
            break;
        case 'h':
            code = sx_cli_help(self);
            break;
        default:
            code = sx_cli_bad_option(self, c, argv);
        }
    if (code < 0 && argc - optind != 1)
        code = sx_cli_usage(self, argc == optind ? "which experiment?" : "one experiment at a time");
    if (code < 0) code = check(self, argv[optind], set, n_set, threads, latex, &tools);
    free((void *)set);
    return code;
}
