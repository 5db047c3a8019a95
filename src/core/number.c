// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Numbers as text. */
#include "core/number.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *sx_number_print(char buf[32], double x) {
    if (isnan(x)) return strcpy(buf, "nan");
    if (isinf(x)) return strcpy(buf, x > 0 ? "inf" : "-inf");
    for (int digits = 15; digits <= 17; ++digits) {
        snprintf(buf, 32, "%.*g", digits, x);
        if (strtod(buf, NULL) == x) break;
    }
    for (char *p = buf; *p; ++p) /* the radix character of the host's locale */
        if (!strchr("0123456789+-e", *p)) *p = '.';
    return buf;
}

bool sx_number_parse(const char *text, double *out) {
    char plain[64];
    size_t n = 0;
    for (const char *p = text; *p; ++p) {
        if (*p == '_') continue;
        if (n + 1 >= sizeof plain) return false;
        plain[n++] = *p;
    }
    plain[n] = '\0';

    const char *p = plain;
    double sign = *p == '-' ? -1 : 1;
    if (*p == '-' || *p == '+') ++p;
    if (!strcmp(p, "inf") || !strcmp(p, "nan")) {
        *out = *p == 'i' ? sign * (double)INFINITY : (double)NAN;
        return true;
    }
    uint64_t mantissa = 0;
    int digits = 0, exponent = 0;
    bool point = false, exact = true;
    for (; (*p >= '0' && *p <= '9') || (*p == '.' && !point); ++p) {
        if (*p == '.') {
            point = true;
            continue;
        }
        ++digits;
        if (mantissa >> 53) exact = false;
        mantissa = 10 * mantissa + (uint64_t)(*p - '0');
        if (point) --exponent;
    }
    if (!digits) return false;
    if (*p == 'e' || *p == 'E') {
        char *end;
        if (p[1] == '\0' || p[1] == ' ') return false;
        long e = strtol(p + 1, &end, 10);
        if (end == p + 1 || e > 9999 || e < -9999) return false;
        exponent += (int)e;
        p = end;
    }
    if (*p) return false;
    /* Up to 2^53 and 10^22 both factors are exact, so one rounding is all there is (Clinger 1990). */
    if (exact && mantissa <= (UINT64_C(1) << 53) && exponent >= -22 && exponent <= 22) {
        double scale = 1;
        for (int i = exponent < 0 ? -exponent : exponent; i > 0; --i) scale *= 10;
        *out = sign * (exponent < 0 ? (double)mantissa / scale : (double)mantissa * scale);
    } else {
        *out = strtod(plain, NULL);
    }
    return true;
}
