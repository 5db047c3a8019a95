// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Signals ask for a stop; a second one is not caught. The only static variables of the program, as handlers have no other way. */
#include "cli/cli.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>

static volatile sig_atomic_t caught;

static const struct {
    int number;
    const char *name;
} stops[] = {
    { SIGINT, "SIGINT" }, { SIGTERM, "SIGTERM" }, { SIGHUP, "SIGHUP" }, { SIGXCPU, "SIGXCPU" }, { SIGUSR1, "SIGUSR1" }
};
#define N_STOPS (sizeof stops / sizeof *stops)

static void handle(int number) {
    if (caught) { /* at once, with the exit status of the signal */
        struct sigaction action;
        memset(&action, 0, sizeof action);
        action.sa_handler = SIG_DFL;
        sigaction(number, &action, NULL);
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, number);
        sigprocmask(SIG_UNBLOCK, &set, NULL);
        raise(number);
        return;
    }
    caught = number;
}

void sx_signals_catch(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handle;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < N_STOPS; i++) {
        struct sigaction old;
        /* what was ignored stays ignored: nohup, background jobs */
        if (sigaction(stops[i].number, NULL, &old) == 0 && old.sa_handler == SIG_IGN) continue;
        sigaction(stops[i].number, &action, NULL);
    }
    signal(SIGPIPE, SIG_IGN); /* a reader that goes away must not end a long run */
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is a failed write, with its message */
}

bool sx_signals_stop(void) {
    return caught != 0;
}

const char *sx_signals_name(void) {
    for (size_t i = 0; i < N_STOPS; i++)
        if (stops[i].number == caught) return stops[i].name;
    return NULL;
}
