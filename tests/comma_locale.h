// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* A locale with a decimal comma, made here since few machines have one: a LC_NUMERIC file in the layout of glibc, found by LOCPATH. */
#ifndef SX_TESTS_COMMA_LOCALE_H
#define SX_TESTS_COMMA_LOCALE_H

#include <locale.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* From here on the program prints 1.5 as "1,5"; false if the C library does not take the file. End with comma_locale_end. */
static inline bool comma_locale_begin(void) {
    /* magic, number of parts, their offsets; decimal point, thousands separator, grouping, both characters wide, character set */
    struct {
        uint32_t magic, count, at[6];
        char point[2], thousands[1], grouping[1];
        uint32_t wide_point, wide_thousands;
        char codeset[8];
    } file = { 0x20031115u ^ LC_NUMERIC, 6, { 32, 34, 35, 36, 40, 44 }, ",", "", { 127 }, ',', 0, "UTF-8" };
    char directory[] = "/tmp/sx-locale-XXXXXX", path[64];
    if (!mkdtemp(directory)) return false;
    (void)snprintf(path, sizeof path, "%s/comma", directory);
    bool ok = mkdir(path, 0700) == 0;
    (void)snprintf(path, sizeof path, "%s/comma/LC_NUMERIC", directory);
    FILE *f = ok ? fopen(path, "wb") : NULL;
    if (f) {
        ok = fwrite(&file, 1, sizeof file, f) == sizeof file;
        ok = fclose(f) == 0 && ok && setenv("LOCPATH", directory, 1) == 0 && setlocale(LC_NUMERIC, "comma");
        (void)unlink(path); /* the locale is loaded */
    }
    (void)snprintf(path, sizeof path, "%s/comma", directory);
    (void)rmdir(path);
    (void)rmdir(directory);
    char text[8];
    (void)snprintf(text, sizeof text, "%.1f", 1.5);
    return ok && f && strcmp(text, "1,5") == 0;
}

static inline void comma_locale_end(void) {
    (void)setlocale(LC_NUMERIC, "C");
    (void)unsetenv("LOCPATH");
}

#endif
