// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* separatrix report */
#include "cli/cli.h"

#include <separatrix/report.h>

#include <string.h>
#include <sys/stat.h>

/* The directory of a result: itself, or of the file. */
static sx_status beside(sx_ctx *ctx, const char *result, const char *name, char **out) {
    struct stat st;
    if (stat(result, &st) == 0 && S_ISDIR(st.st_mode)) return sx_format(ctx, out, "%s/%s", result, name);
    const char *slash = strrchr(result, '/');
    return slash ? sx_format(ctx, out, "%.*s/%s", (int)(slash - result), result, name) : sx_strdup(ctx, name, out);
}

int sx_cmd_report(const sx_command *self, int argc, char **argv) {
    static const struct option options[] = { { "out", required_argument, NULL, 'o' },
                                             { "help", no_argument, NULL, 'h' },
                                             { NULL, 0, NULL, 0 } };
    const char *out = NULL;
    for (int c; (c = getopt_long(argc, argv, ":o:h", options, NULL)) != -1;) {
        if (c == 'h') return sx_cli_help(self);
        if (c != 'o') return sx_cli_bad_option(self, c, argv);
        out = optarg;
    }
    if (argc - optind != 1) return sx_cli_usage(self, argc == optind ? "which result?" : "one result at a time");
    sx_ctx *ctx = sx_ctx_create(NULL);
    sx_result *r = NULL;
    char *path = NULL;
    if (!ctx) return sx_cli_fail(self, NULL, SX_E_MEMORY);
    sx_status status = sx_cli_open_result(ctx, argv[optind], &r);
    if (status >= 0) status = out ? sx_strdup(ctx, out, &path) : beside(ctx, argv[optind], "report.html", &path);
    if (status >= 0) status = sx_report_write(ctx, r, path);
    if (status >= 0) printf("%s\n", path);
    int code = status < 0 ? sx_cli_fail(self, ctx, status) : 0;
    sx_free(ctx, path);
    sx_result_free(ctx, r);
    sx_ctx_free(ctx);
    return code;
}

int sx_cmd_figures(const sx_command *self, int argc, char **argv) {
    enum { SVG = 256, CSV, PDF };
    static const struct option options[] = { { "out", required_argument, NULL, 'o' },
                                             { "task", required_argument, NULL, 'k' },
                                             { "svg", no_argument, NULL, SVG },
                                             { "csv", no_argument, NULL, CSV },
                                             { "pdf", no_argument, NULL, PDF },
                                             { "help", no_argument, NULL, 'h' },
                                             { NULL, 0, NULL, 0 } };
    const char *out = NULL, *task = NULL;
    unsigned formats = 0;
    for (int c; (c = getopt_long(argc, argv, ":o:k:h", options, NULL)) != -1;) switch (c) {
        case 'o':
            out = optarg;
            break;
        case 'k':
            task = optarg;
            break;
        case SVG:
            formats |= SX_FIGURES_SVG;
            break;
        case CSV:
            formats |= SX_FIGURES_CSV;
            break;
        case PDF:
            formats |= SX_FIGURES_PDF;
            break;
        case 'h':
            return sx_cli_help(self);
        default:
            return sx_cli_bad_option(self, c, argv);
        }
    if (argc - optind != 1) return sx_cli_usage(self, argc == optind ? "which result?" : "one result at a time");
    sx_ctx *ctx = sx_ctx_create(NULL);
    sx_result *r = NULL;
    char *path = NULL;
    int count = 0;
    if (!ctx) return sx_cli_fail(self, NULL, SX_E_MEMORY);
    sx_status status = sx_cli_open_result(ctx, argv[optind], &r);
    if (status >= 0 && task) {
        bool found = false;
        for (int g = 0; g < sx_result_groups(r); g++)
            found = found || (*sx_result_group(r, g) && strcmp(sx_result_group(r, g), task) == 0);
        if (!found) status = SX_FAIL(ctx, SX_E_USAGE, "%s holds no task '%s'", argv[optind], task);
    }
    if (status >= 0) status = out ? sx_strdup(ctx, out, &path) : beside(ctx, argv[optind], "figures", &path);
    if (status >= 0)
        status = sx_figures_write(ctx, r, path, task, formats ? formats : SX_FIGURES_SVG | SX_FIGURES_CSV, &count);
    if (status >= 0) {
        printf("%s\n", path);
        fprintf(stderr, "%d figures\n", count);
    }
    int code = status < 0 ? sx_cli_fail(self, ctx, status) : 0;
    sx_free(ctx, path);
    sx_result_free(ctx, r);
    sx_ctx_free(ctx);
    return code;
}
