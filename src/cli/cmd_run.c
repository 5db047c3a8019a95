// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* separatrix run */
#include "cli/cli.h"

#include <separatrix/experiment.h>
#include <separatrix/report.h>

#include <stdlib.h>
#include <string.h>

typedef struct run_args {
    const char *out, *file;
    const char **set;
    int n_set, threads;
    bool resume, force, quiet, no_report;
    double interval; /* seconds between checkpoints */
    sx_cli_tools tools;
} run_args;

/* -1: go on; else the exit code */
static int parse(const sx_command *self, int argc, char **argv, run_args *a) {
    enum { NO_REPORT = 256, INTERVAL, CACHE, CC };
    static const struct option options[] = { { "out", required_argument, NULL, 'o' },
                                             { "set", required_argument, NULL, 's' },
                                             { "threads", required_argument, NULL, 't' },
                                             { "resume", no_argument, NULL, 'r' },
                                             { "force", no_argument, NULL, 'f' },
                                             { "quiet", no_argument, NULL, 'q' },
                                             { "no-report", no_argument, NULL, NO_REPORT },
                                             { "checkpoint-interval", required_argument, NULL, INTERVAL },
                                             { "cache", required_argument, NULL, CACHE },
                                             { "cc", required_argument, NULL, CC },
                                             { "help", no_argument, NULL, 'h' },
                                             { NULL, 0, NULL, 0 } };
    for (int c; (c = getopt_long(argc, argv, ":o:s:t:rfqh", options, NULL)) != -1;) switch (c) {
        case 'o':
            a->out = optarg;
            break;
        case 's':
            a->set[a->n_set++] = optarg;
            break;
        case 't':
            if (!sx_cli_threads(optarg, &a->threads))
                return sx_cli_usage(self, "--threads %s: want an integer from 1 to 4096", optarg);
            break;
        case 'r':
            a->resume = true;
            break;
        case 'f':
            a->force = true;
            break;
        case 'q':
            a->quiet = true;
            break;
        case NO_REPORT:
            a->no_report = true;
            break;
        case INTERVAL:
            if (!sx_cli_seconds(optarg, &a->interval))
                return sx_cli_usage(self, "--checkpoint-interval %s: want a number of seconds, 0 or more", optarg);
            break;
        case CACHE:
            if (!*optarg) return sx_cli_usage(self, "--cache: the name of the directory is empty");
            a->tools.cache = optarg;
            break;
        case CC:
            if (!*optarg) return sx_cli_usage(self, "--cc: the name of the compiler is empty");
            a->tools.compiler = optarg;
            break;
        case 'h':
            return sx_cli_help(self);
        default:
            return sx_cli_bad_option(self, c, argv);
        }
    if (argc - optind != 1)
        return sx_cli_usage(self, argc == optind ? "which experiment?" : "one experiment at a time");
    a->file = argv[optind];
    if (a->out && !*a->out) return sx_cli_usage(self, "--out: the name of the directory is empty");
    return -1;
}

/* dir/worm.toml -> worm.out; "-" -> separatrix.out */
static sx_status default_out(sx_ctx *ctx, const char *file, char **out) {
    const char *base = strrchr(file, '/');
    base = base ? base + 1 : file;
    if (strcmp(file, "-") == 0) base = "separatrix";
    const char *dot = strrchr(base, '.');
    int n = (int)(dot && dot > base ? (size_t)(dot - base) : strlen(base));
    return sx_format(ctx, out, "%.*s.out", n, base);
}

/* report.html from what was saved; the result is safe whatever happens here. */
static sx_status write_report(sx_ctx *ctx, const char *out) {
    sx_status status = SX_OK;
    sx_result *result = NULL;
    char *path = NULL;
    SX_GO(ctx, status, done, sx_cli_open_result(ctx, out, &result));
    SX_GO(ctx, status, done, sx_format(ctx, &path, "%s/report.html", out));
    SX_GO(ctx, status, done, sx_report_write(ctx, result, path));
    printf("%s\n", path);
done:
    sx_free(ctx, path);
    sx_result_free(ctx, result);
    return status;
}

static int run(const sx_command *self, const run_args *a) {
    sx_ctx *ctx = NULL;
    sx_screen *screen = NULL;
    sx_experiment *e = NULL;
    char *out = NULL;
    sx_status status = SX_E_MEMORY;
    int code;
    sx_ctx *loader = sx_ctx_create(NULL); /* the screen needs the directory before the context exists */
    if (!loader) goto fail;
    status = a->out ? sx_strdup(loader, a->out, &out) : default_out(loader, a->file, &out);
    if (status < 0) goto fail;
    screen = sx_screen_create(a->quiet, out);
    sx_host host = { .struct_size = sizeof host,
                     .user = screen,
                     .log = sx_screen_log,
                     .progress = sx_screen_progress,
                     .cancelled = sx_screen_cancelled,
                     .threads = a->threads };
    sx_cli_lend(&a->tools, &host);
    status = SX_E_MEMORY;
    ctx = screen ? sx_ctx_create(&host) : NULL;
    if (!ctx) goto fail;
    status = sx_cli_load(ctx, a->file, a->set, a->n_set, &e);
    if (status < 0) goto fail;
    sx_signals_catch();
    sx_run_opts opts = SX_RUN_OPTS;
    opts.resume = a->resume;
    opts.force = a->force;
    opts.checkpoint_interval = a->interval;
    status = sx_experiment_run_with(ctx, e, out, &opts);
    if (status < 0) goto fail;
    code = sx_status_exit_code(status);
    printf("%s/result.h5\n", out);
    if (status == SX_STOPPED) {
        const char *signal = sx_signals_name();
        sx_screen_free(screen);
        screen = NULL;
        fprintf(stderr,
                "separatrix run: stopped%s%s; the result so far and a checkpoint are in %s; continue with --resume\n",
                signal ? " by " : "", signal ? signal : "", out);
        goto done;
    }
    if (status == SX_NOT_CONVERGED)
        fprintf(stderr, "separatrix run: a task with require = true did not find what it looked for\n");
    if (!a->no_report && (status = write_report(ctx, out)) < 0) goto fail;
    goto done;
fail:
    sx_screen_free(screen);
    screen = NULL;
    code = sx_cli_fail(self, ctx ? ctx : loader, status);
done:
    sx_experiment_free(ctx ? ctx : loader, e);
    sx_free(loader, out);
    sx_ctx_free(ctx);
    sx_ctx_free(loader);
    sx_screen_free(screen);
    return code;
}

int sx_cmd_run(const sx_command *self, int argc, char **argv) {
    run_args a = { .interval = 30 };
    sx_cli_tools_find(&a.tools);
    a.set = calloc((size_t)argc + 1, sizeof *a.set);
    if (!a.set) return sx_cli_fail(self, NULL, SX_E_MEMORY);
    int code = parse(self, argc, argv, &a);
    if (code < 0) code = run(self, &a);
    free((void *)a.set);
    return code;
}
