// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* separatrix COMMAND ...: the table of commands. */
#include "cli/cli.h"

#include <separatrix/field.h>
#include <separatrix/vmath.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const sx_command commands[] = {
    { "run", "run FILE|- [options]", "run an experiment; the paths of result and report go to stdout",
      "  -o, --out DIR        output directory (default: the file's name with .out)\n"
      "  -s, --set KEY=VALUE  change a value of the experiment, as in --set task.traj.dt=0.01; may be repeated\n"
      "  -t, --threads N      number of threads (default: all cores); the results do not depend on it\n"
      "  -r, --resume         continue a stopped run from its checkpoints\n"
      "  -f, --force          replace an earlier result; with --resume, go on although the kernel set differs\n"
      "  -q, --quiet          only warnings and errors on stderr\n"
      "      --no-report      do not write report.html\n"
      "      --checkpoint-interval SECONDS\n"
      "                       time between checkpoints (default: 30; 0: as often as possible)\n"
      "      --cache DIR      where models with compile = true are kept (default: ~/.cache/separatrix)\n"
      "      --cc PROGRAM     C compiler for them (default: cc)\n",
      sx_cmd_run },
    { "check", "check FILE|- [options]", "validate; print the resolved experiment, predicted memory, disk and time",
      "  -s, --set KEY=VALUE  change a value of the experiment; may be repeated\n"
      "  -t, --threads N      number of threads the prediction is for\n"
      "  -l, --latex          print the equations of the model as LaTeX instead, one per line\n"
      "      --cache DIR      where models with compile = true are kept (default: ~/.cache/separatrix)\n"
      "      --cc PROGRAM     C compiler for them (default: cc)\n",
      sx_cmd_check },
    { "info", "info RESULT", "what is inside a result, in a screenful", NULL, sx_cmd_info },
    { "report", "report RESULT [--out FILE]", "write report.html again",
      "  -o, --out FILE       where to write it (default: report.html beside the result)\n", sx_cmd_report },
    { "figures", "figures RESULT [options]", "every figure as SVG or PDF, with its numbers as CSV",
      "  -o, --out DIR        directory (default: figures beside the result)\n"
      "  -k, --task NAME      only the figures of this task\n"
      "      --svg, --csv     only these (default: both)\n"
      "      --pdf            PDF, by the program rsvg-convert (Debian: librsvg2-bin)\n",
      sx_cmd_figures },
    { "models", "models [KIND]", "model kinds: equations, fields, defaults, an example", NULL, sx_cmd_models },
    { "tasks", "tasks [KIND]", "task kinds: fields, defaults, needs, outputs, an example", NULL, sx_cmd_tasks },
    { "new", "new KIND",
      "a commented starting file; separatrix new rate | separatrix run - ends in seconds with a figure", NULL,
      sx_cmd_new },
    { "selfcheck", "selfcheck [FILE]",
      "exact-answer checks on this machine and, with FILE, of the model of an experiment",
      "  -s, --set KEY=VALUE  change a value of the experiment; may be repeated\n", sx_cmd_selfcheck },
    { "bench", "bench [options]", "the speed table of this machine, beside its limits",
      "  -t, --threads N      up to so many threads (default: all cores)\n"
      "      --quick          without the sparse network of 1e7 couplings\n"
      "      --only PART      dense, small, sparse, lyapunov, jacobians, learning or equations\n",
      sx_cmd_bench },
};
static const int n_commands = (int)(sizeof commands / sizeof *commands);

/* libgomp reads its environment when it is loaded, before main: start again with waiting threads that spin for some 0.2 ms and then
 * sleep. Its default, milliseconds, takes the cores from the working threads as soon as anything else runs on the machine. */
static void bound_spinning(char **argv) {
    if (getenv("OMP_WAIT_POLICY") || getenv("GOMP_SPINCOUNT") || setenv("GOMP_SPINCOUNT", "100000", 1) != 0) return;
    (void)execv("/proc/self/exe", argv); /* on failure go on as it is */
}

static void print_help(FILE *f) {
    fprintf(f, "separatrix %s: noisy neural dynamics from one experiment file\n\nusage: separatrix COMMAND ...\n\n",
            sx_version());
    for (int i = 0; i < n_commands; i++) fprintf(f, "  %-28s %s\n", commands[i].usage, commands[i].help);
    fprintf(
        f,
        "\nseparatrix COMMAND --help says more; separatrix --version.\n"
        "exit codes: 0 ok, 2 usage or experiment, 3 input file, 4 numerics, 5 I/O, 6 memory, 7 no valid checkpoint,\n"
        "8 output directory busy, 70 internal, 75 stopped and resumable\n");
}

int main(int argc, char **argv) {
    static const sx_command self = { .name = NULL };
    const char *names[32];
    bound_spinning(argv);
    if (argc < 2) {
        print_help(stderr);
        return SX_EXIT_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        print_help(stdout);
        return sx_cli_end(&self, 0);
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        printf("separatrix %s (%s, kernels %s)\n", sx_version(), sx_revision(), sx_kernel_set());
        return sx_cli_end(&self, 0);
    }
    for (int i = 0; i < n_commands; i++) {
        names[i] = commands[i].name;
        if (strcmp(commands[i].name, name) == 0)
            return sx_cli_end(&commands[i], commands[i].run(&commands[i], argc - 1, argv + 1));
    }
    const char *near = sx_nearest(name, names, n_commands);
    return sx_cli_usage(&self, "unknown command '%s'%s%s%s", name, near ? "; did you mean '" : "", near ? near : "",
                        near ? "'?" : "");
}
