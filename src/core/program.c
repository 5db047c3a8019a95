// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Running another program. */
#include "core/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

int sx_program_run(const char *const *argv, int directory, sx_heard *out, int *status) {
    int pipe_[2], error = 0;
    pid_t child;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, defaults;
    out->n = 0;
    out->text[0] = '\0';
    if (pipe2(pipe_, O_CLOEXEC) != 0) return errno;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGCHLD); /* a compiler waits for programs of its own */
    sigaddset(&defaults, SIGPIPE);
    error = error ? error : posix_spawnattr_setsigmask(&attributes, &none);
    error = error ? error : posix_spawnattr_setsigdefault(&attributes, &defaults);
    error = error ? error : posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    error = error ? error : posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    error = error ? error : posix_spawn_file_actions_adddup2(&actions, pipe_[1], 1);
    error = error ? error : posix_spawn_file_actions_adddup2(&actions, pipe_[1], 2);
    if (!error && directory >= 0) error = posix_spawn_file_actions_addfchdir_np(&actions, directory);
    /* posix_spawnp takes char *const[] for history's sake and writes nothing */
    error =
        error ? error : posix_spawnp(&child, argv[0], &actions, &attributes, (char *const *)(uintptr_t)argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    (void)close(pipe_[1]);
    while (!error) {
        char more[4096];
        ssize_t got = read(pipe_[0], more, sizeof more);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        size_t room = sizeof out->text - 1 - out->n, take = (size_t)got < room ? (size_t)got : room;
        memcpy(out->text + out->n, more, take);
        out->n += take;
        out->text[out->n] = '\0';
    }
    (void)close(pipe_[0]);
    if (error) return error;
    *status = 0;
    while (waitpid(child, status, 0) < 0 && errno == EINTR) {
    }
    return -1;
}

const char *sx_program_lines(sx_heard *h, int lines) {
    for (size_t i = 0; i < h->n; ++i) {
        if (h->text[i] == '\n' && --lines == 0) h->text[i] = '\0';
        if (h->text[i] == '\0') break;
        if ((unsigned char)h->text[i] < ' ' && h->text[i] != '\n') h->text[i] = ' ';
    }
    for (size_t n = strlen(h->text); n > 0 && h->text[n - 1] == '\n'; --n) h->text[n - 1] = '\0';
    return h->text;
}
