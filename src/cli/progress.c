// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The screen of a run: log lines, a bar with rate and time left on a terminal, plain lines elsewhere, a log file in the directory. */
#include "cli/cli.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct sx_screen {
    pthread_mutex_t lock;
    bool quiet, terminal, bar;
    char *directory; /* of the log file */
    FILE *file;      /* open once the directory is made */
    char *early;     /* lines before that */
    size_t early_n;
    char *seen
        [16]; /* warnings that stand on the screen: each is shown once, whether it is found before the run or in it */
    int n_seen;
    char what[80];
    double begin, begin_done, last; /* of the present task */
};

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

sx_screen *sx_screen_create(bool quiet, const char *log_directory) {
    sx_screen *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    pthread_mutex_init(&s->lock, NULL);
    s->quiet = quiet;
    s->terminal = isatty(STDERR_FILENO) != 0;
    if (log_directory) s->directory = strdup(log_directory);
    return s;
}

static void clear_bar(sx_screen *s) {
    if (s->bar) fprintf(stderr, "\r\033[K");
    s->bar = false;
}

void sx_screen_free(sx_screen *s) {
    if (!s) return;
    clear_bar(s);
    if (s->file) fclose(s->file);
    pthread_mutex_destroy(&s->lock);
    for (int i = 0; i < s->n_seen; i++) free(s->seen[i]);
    free(s->directory);
    free(s->early);
    free(s);
}

/* "2026-01-31 12:00:00 warning: text" */
static void file_line(sx_screen *s, const char *level, const char *text) {
    char line[8192], stamp[32] = "";
    time_t t = time(NULL);
    struct tm tm;
    if (!s->directory) return;
    if (localtime_r(&t, &tm)) strftime(stamp, sizeof stamp, "%Y-%m-%d %H:%M:%S", &tm);
    snprintf(line, sizeof line, "%s %s%s\n", stamp, level, text);
    if (!s->file && strncmp(text, "output directory: ", 18) == 0) { /* it is locked now: experiment.h */
        char path[4096];
        int n = snprintf(path, sizeof path, "%s/log.txt", s->directory);
        if (n > 0 && (size_t)n < sizeof path) s->file = fopen(path, "a");
        if (s->file && s->early) fwrite(s->early, 1, s->early_n, s->file);
    }
    if (s->file) {
        fputs(line, s->file);
        fflush(s->file);
        return;
    }
    size_t n = strlen(line);
    char *more = realloc(s->early, s->early_n + n + 1);
    if (!more) return;
    memcpy(more + s->early_n, line, n + 1);
    s->early = more;
    s->early_n += n;
}

static bool seen(sx_screen *s, int level, const char *text) {
    enum { ROOM = sizeof s->seen / sizeof *s->seen };
    if (level < SX_LOG_WARNING) return false;
    for (int i = 0; i < s->n_seen; i++)
        if (strcmp(s->seen[i], text) == 0) return true;
    if (s->n_seen < ROOM && (s->seen[s->n_seen] = strdup(text)) != NULL) s->n_seen++;
    return false;
}

void sx_screen_log(void *user, int level, const char *text) {
    sx_screen *s = user;
    const char *prefix = level >= SX_LOG_WARNING ? "warning: " : "";
    pthread_mutex_lock(&s->lock);
    if (level >= (s->quiet ? SX_LOG_WARNING : SX_LOG_INFO) && !seen(s, level, text)) { /* details go to the file only */
        clear_bar(s);
        fprintf(stderr, "%s%s\n", prefix, text);
    }
    file_line(s, prefix, text);
    pthread_mutex_unlock(&s->lock);
}

static void time_left(char *buf, size_t size, double s) {
    if (s < 100)
        snprintf(buf, size, "%.0f s", s);
    else if (s < 6000)
        snprintf(buf, size, "%d min %02d s", (int)s / 60, (int)s % 60);
    else
        snprintf(buf, size, "%d h %02d min", (int)(s / 3600), (int)(s / 60) % 60);
}

static void draw(sx_screen *s, double share, double rate, const char *left, bool end) {
    char bar[31];
    if (!s->terminal) {
        fprintf(stderr, "%s: %.0f %%, %.3g %%/s, %s left\n", s->what, 100 * share, 100 * rate, left);
        return;
    }
    int filled = (int)(30 * share);
    for (int i = 0; i < 30; i++) bar[i] = i < filled ? '=' : i == filled ? '>' : ' ';
    bar[30] = '\0';
    fprintf(stderr, "\r\033[K%s [%s] %3.0f %%  %.3g %%/s  %s left", s->what, bar, 100 * share, 100 * rate, left);
    s->bar = true;
    if (end) clear_bar(s);
    fflush(stderr);
}

bool sx_screen_progress(void *user, const char *what, double done, double total) {
    sx_screen *s = user;
    double t = now(), share = total > 0 ? done / total : 0;
    pthread_mutex_lock(&s->lock);
    if (strncmp(s->what, what, sizeof s->what - 1) != 0) {
        snprintf(s->what, sizeof s->what, "%s", what);
        s->begin = s->last = t;
        s->begin_done = share;
    }
    bool end = share >= 1;
    double wait = s->terminal ? 0.1 : 10;
    if (!s->quiet && (t - s->last >= wait || (end && s->bar))) {
        double rate = t > s->begin ? (share - s->begin_done) / (t - s->begin) : 0;
        char left[32] = "?";
        if (rate > 0) time_left(left, sizeof left, (1 - share) / rate);
        draw(s, share > 1 ? 1 : share, rate, left, end);
        s->last = t;
    }
    pthread_mutex_unlock(&s->lock);
    return !sx_signals_stop();
}

bool sx_screen_cancelled(void *user) {
    (void)user;
    return sx_signals_stop();
}
