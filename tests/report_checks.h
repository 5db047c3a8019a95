// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* For the tests of figures and reports: results made by hand, and a check that a text is well-formed XML. */
#ifndef SX_TESTS_REPORT_CHECKS_H
#define SX_TESTS_REPORT_CHECKS_H

#include <separatrix/result.h>

#include <stdio.h>
#include <string.h>

#define OK(call)                                                                                                       \
    do {                                                                                                               \
        if ((call) < 0) fail_msg("%s\n%s", sx_ctx_message(ctx), sx_ctx_trace(ctx));                                    \
    } while (0)

/* String variable `name` along `dim`. */
static inline void put_texts(sx_ctx *ctx, sx_result *r, const char *group, const char *name, const char *dim,
                             const char *const *texts) {
    sx_var var = { .name = name, .dims = dim, .dtype = SX_DT_STRING, .units = "", .long_name = "names" };
    int id;
    OK(sx_result_define(ctx, r, group, &var, &id));
    OK(sx_result_write(ctx, r, id, NULL, NULL, texts));
}

static inline int64_t occurrences(const char *text, const char *what) {
    int64_t n = 0;
    for (const char *p = text; (p = strstr(p, what)); p += strlen(what)) n++;
    return n;
}

/* NULL, or what is wrong with an XML document: tags nest and match, attributes are quoted and occur once, & begins an entity. */
static inline const char *xml_fault(const char *p) {
    static char fault[200];
    char stack[64][32];
    int depth = 0;
    bool any = false;
    if (strncmp(p, "<?xml", 5) == 0) p = strstr(p, "?>") + 2;
    for (; *p; p++) {
        if (*p == '&') {
            const char *end = p + 1 + strspn(p + 1, "#abcdefghijklmnopqrstuvwxyz0123456789");
            if (*end != ';' || end == p + 1) return "a bare &";
        }
        if (*p == '>') return "a bare >";
        if (*p != '<') continue;
        bool closing = p[1] == '/';
        const char *name = p + 1 + closing;
        size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
        if (n == 0 || n > 31) return "a bare <";
        p = name + n;
        if (closing) {
            if (depth == 0 || strncmp(stack[depth - 1], name, n) != 0 || stack[depth - 1][n] || *p != '>') {
                snprintf(fault, sizeof fault, "</%.*s> closes <%s>", (int)n, name, depth ? stack[depth - 1] : "");
                return fault;
            }
            depth--;
            continue;
        }
        if (depth == 0 && any) return "two roots";
        any = true;
        while (*p == ' ' || *p == '\n') {
            p += strspn(p, " \n");
            if (*p == '>' || *p == '/') break;
            size_t m = strcspn(p, "=> ");
            if (p[m] != '=' || p[m + 1] != '"') return "an attribute without quotes";
            const char *value = p + m + 2, *end = value;
            for (; *end && *end != '"'; end++)
                if (*end == '<') return "< in an attribute";
            if (!*end) return "an open attribute";
            for (const char *q = end + 1;
                 *q && *q != '>';) { /* the rest of this tag: no second attribute of the name */
                q += strspn(q, " \n/");
                if (strncmp(q, p, m + 1) == 0) {
                    snprintf(fault, sizeof fault, "attribute %.*s twice", (int)m, p);
                    return fault;
                }
                const char *quote = strchr(q, '"');
                if (!quote || *q == '>') break;
                q = strchr(quote + 1, '"');
                if (!q) return "an open attribute";
                q++;
            }
            p = end + 1;
        }
        if (*p == '/') {
            if (p[1] != '>') return "a stray /";
            p++;
            continue;
        }
        if (*p != '>') return "an open tag";
        if (depth == 64) return "too deep";
        snprintf(stack[depth++], 32, "%.*s", (int)n, name);
    }
    return depth == 0 ? NULL : "open elements at the end";
}

#endif
