// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Numbers as text. */
#include "core/number.h"

#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* From enter to leave the calling thread alone is in the C locale. glibc makes that one without allocating. */
typedef struct c_locale {
    locale_t own, before;
} c_locale;

static c_locale enter(void) {
    locale_t own = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    return (c_locale){ own, own ? uselocale(own) : (locale_t)0 };
}

static void leave(c_locale l) {
    if (!l.own) return;
    (void)uselocale(l.before);
    freelocale(l.own);
}

int sx_number_vprint(char *buf, size_t size, const char *format, va_list args) {
    const c_locale l = enter();
    int n = vsnprintf(buf, size, format, args);
    leave(l);
    return n;
}

const char *sx_number_print(char buf[32], double x) {
    if (isnan(x)) return strcpy(buf, "nan");
    if (isinf(x)) return strcpy(buf, x > 0 ? "inf" : "-inf");
    const c_locale l = enter();
    for (int digits = 15; digits <= 17; ++digits) {
        snprintf(buf, 32, "%.*g", digits, x);
        if (strtod(buf, NULL) == x) break;
    }
    leave(l);
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
        const char first = p[1] == '-' || p[1] == '+' ? p[2] : p[1];
        if (first < '0' || first > '9') return false;
        long e = strtol(p + 1, &end, 10);
        if (e > 9999 || e < -9999) return false;
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
        const c_locale l = enter();
        *out = strtod(plain, NULL);
        leave(l);
    }
    return true;
}
