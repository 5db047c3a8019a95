// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Messages, results and experiments from the command line. */
#include "cli/cli.h"

#include <separatrix/experiment.h>

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void print_name(const sx_command *self) {
    fprintf(stderr, "separatrix%s%s: ", self->name ? " " : "", self->name ? self->name : "");
}

int sx_cli_help(const sx_command *self) {
    printf("usage: separatrix %s\n\n%s\n", self->usage, self->help);
    if (self->options) printf("\n%s", self->options);
    return 0;
}

int sx_cli_usage(const sx_command *self, const char *format, ...) {
    va_list args;
    print_name(self);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    if (self->usage)
        fprintf(stderr, "\nusage: separatrix %s\n", self->usage);
    else
        fprintf(stderr, "\nseparatrix --help lists the commands\n");
    return SX_EXIT_USAGE;
}

int sx_cli_fail(const sx_command *self, const sx_ctx *ctx, sx_status status) {
    const char *message = ctx ? sx_ctx_message(ctx) : "";
    print_name(self);
    fprintf(stderr, "%s\n", *message ? message : sx_status_text(status));
    if (ctx && status == SX_E_INTERNAL) fprintf(stderr, "%s", sx_ctx_trace(ctx));
    return sx_status_exit_code(status);
}

int sx_cli_bad_option(const sx_command *self, int c, char **argv) {
    const char *word = argv[optind - 1];
    if (c == ':') return sx_cli_usage(self, "the option '%s' needs a value", word);
    return sx_cli_usage(self, "unknown option '%s'", word);
}

int sx_cli_end(const sx_command *self, int code) {
    if (fflush(stdout) == 0 && !ferror(stdout)) return code;
    print_name(self);
    fprintf(stderr, "standard output cannot be written: %s\n", strerror(errno));
    return code ? code : SX_EXIT_IO;
}

bool sx_cli_threads(const char *text, int *out) {
    char *end;
    errno = 0;
    long n = strtol(text, &end, 10);
    if (errno || end == text || *end || n < 1 || n > 4096) return false;
    *out = (int)n;
    return true;
}

bool sx_cli_seconds(const char *text, double *out) {
    char *end;
    errno = 0;
    double s = strtod(text, &end);
    if (errno || end == text || *end || !(s >= 0) || s > 1e9) return false;
    *out = s;
    return true;
}

/* XDG Base Directory Specification: a path that is not absolute is to be ignored. */
void sx_cli_tools_find(sx_cli_tools *t) {
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int n = 0;
    if (cache && *cache == '/')
        n = snprintf(t->found, sizeof t->found, "%s/separatrix", cache);
    else if (home && *home == '/')
        n = snprintf(t->found, sizeof t->found, "%s/.cache/separatrix", home);
    t->cache = n > 0 && (size_t)n < sizeof t->found ? t->found : NULL;
}

void sx_cli_lend(const sx_cli_tools *t, sx_host *host) {
    host->compiler = t->compiler;
    host->cache = t->cache;
}

sx_status sx_cli_open_result(sx_ctx *ctx, const char *path, sx_result **out) {
    struct stat st;
    char *file = NULL;
    if (stat(path, &st) != 0) return SX_FAIL(ctx, SX_E_FILE, "%s: %s", path, strerror(errno));
    SX_TRY(ctx, S_ISDIR(st.st_mode) ? sx_format(ctx, &file, "%s/result.h5", path) : sx_strdup(ctx, path, &file));
    sx_status status = SX_OK;
    if (stat(file, &st) != 0)
        status = SX_FAIL(ctx, SX_E_FILE, "%s: %s", file, strerror(errno));
    else
        status = sx_result_load(ctx, file, out);
    sx_free(ctx, file);
    return status;
}

/* An experiment has at most 1 MB. */
#define TEXT_LIMIT ((size_t)1 << 20)

static sx_status read_stdin(sx_ctx *ctx, char **out, size_t *n) {
    char *text = NULL;
    SX_TRY(ctx, sx_alloc(ctx, (int64_t)TEXT_LIMIT + 2, 1, &text));
    *n = fread(text, 1, TEXT_LIMIT + 1, stdin);
    if (ferror(stdin) || *n > TEXT_LIMIT) {
        sx_free(ctx, text);
        return *n > TEXT_LIMIT ? SX_FAIL(ctx, SX_E_USAGE, "standard input: more than 1 MB is no experiment")
                               : SX_FAIL(ctx, SX_E_FILE, "standard input cannot be read: %s", strerror(errno));
    }
    *out = text;
    return SX_OK;
}

sx_status sx_cli_load(sx_ctx *ctx, const char *file, const char *const *set, int n_set, sx_experiment **out) {
    char *text = NULL;
    size_t n = 0;
    struct stat st;
    if (strcmp(file, "-") != 0) {
        if (stat(file, &st) != 0) return SX_FAIL(ctx, SX_E_USAGE, "%s: %s", file, strerror(errno));
        if (!S_ISREG(st.st_mode)) return SX_FAIL(ctx, SX_E_USAGE, "%s: not a file; want an experiment", file);
        SX_TRY(ctx, sx_experiment_load(ctx, file, set, n_set, out));
        return SX_OK;
    }
    SX_TRY(ctx, read_stdin(ctx, &text, &n));
    sx_status status = n ? sx_experiment_parse(ctx, "stdin", ".", text, n, set, n_set, out)
                         : SX_FAIL(ctx, SX_E_USAGE, "standard input is empty; want an experiment");
    sx_free(ctx, text);
    return status;
}
