// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* What the commands share. Results go to stdout, everything else to stderr. */
#ifndef SX_CLI_CLI_H
#define SX_CLI_CLI_H

#include <separatrix/context.h>
#include <separatrix/result.h>

#include <getopt.h>
#include <stdio.h>

#define SX_EXIT_USAGE 2
#define SX_EXIT_IO    5

typedef struct sx_command {
    const char *name, *usage, *help; /* "run", "run FILE|- [--out DIR] ...", one line */
    const char *options;             /* one line each, for --help; may be NULL */
    int (*run)(const struct sx_command *self, int argc, char **argv);
} sx_command;

int sx_cmd_run(const sx_command *self, int argc, char **argv);
int sx_cmd_check(const sx_command *self, int argc, char **argv);
int sx_cmd_info(const sx_command *self, int argc, char **argv);
int sx_cmd_report(const sx_command *self, int argc, char **argv);
int sx_cmd_figures(const sx_command *self, int argc, char **argv);
int sx_cmd_models(const sx_command *self, int argc, char **argv);
int sx_cmd_tasks(const sx_command *self, int argc, char **argv);
int sx_cmd_bench(const sx_command *self, int argc, char **argv);
int sx_cmd_selfcheck(const sx_command *self, int argc, char **argv);
int sx_cmd_new(const sx_command *self, int argc, char **argv);

/* Help of a command on stdout; returns 0. */
int sx_cli_help(const sx_command *self);
/* "separatrix NAME: message" and a hint on stderr; returns SX_EXIT_USAGE. */
int sx_cli_usage(const sx_command *self, const char *format, ...) SX_PRINTF(2, 3);
/* The failure of a context on stderr; returns the exit code of `status`. */
int sx_cli_fail(const sx_command *self, const sx_ctx *ctx, sx_status status);
/* Every option that getopt_long refuses ends here: says which, returns SX_EXIT_USAGE. */
int sx_cli_bad_option(const sx_command *self, int c, char **argv);
/* Flush stdout; a full disk or closed pipe turns `code` into SX_EXIT_IO. */
int sx_cli_end(const sx_command *self, int code);

/* Log and progress of one run: bar on a terminal, plain lines otherwise, everything with times in a log file once there is one. */
typedef struct sx_screen sx_screen;
sx_screen *sx_screen_create(bool quiet, const char *log_directory);
void sx_screen_free(sx_screen *s);
/* Host callbacks with an sx_screen as user. */
void sx_screen_log(void *user, int level, const char *text);
bool sx_screen_progress(void *user, const char *what, double done, double total);
bool sx_screen_cancelled(void *user);

/* Ask for a stop at SIGINT, SIGTERM, SIGHUP, SIGXCPU, SIGUSR1; the second one ends the process as if nothing were caught. */
void sx_signals_catch(void);
bool sx_signals_stop(void);
/* Name of the signal that asked, or NULL. */
const char *sx_signals_name(void);

/* What models with compile = true need: C compiler and cache, from the command line or where the user's caches are. */
typedef struct sx_cli_tools {
    const char *compiler, *cache; /* NULL: "cc"; nothing is kept */
    char found[4096];
} sx_cli_tools;
/* The cache where the user's caches are: $XDG_CACHE_HOME/separatrix or ~/.cache/separatrix; options may replace it. */
void sx_cli_tools_find(sx_cli_tools *t);
/* Into a host; t must outlive the context. */
void sx_cli_lend(const sx_cli_tools *t, sx_host *host);

/* RESULT: a result.h5 or its directory. */
sx_status sx_cli_open_result(sx_ctx *ctx, const char *path, sx_result **out) SX_MUST_USE;
/* "--threads N" */
bool sx_cli_threads(const char *text, int *out);
/* A finite number of seconds >= 0. */
bool sx_cli_seconds(const char *text, double *out);
/* FILE, or "-" for standard input, parsed with overrides. */
struct sx_experiment;
sx_status sx_cli_load(sx_ctx *ctx, const char *file, const char *const *set, int n_set,
                      struct sx_experiment **out) SX_MUST_USE;

#endif
