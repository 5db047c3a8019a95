// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* A growing text for SVG, CSV, JSON and HTML: escaping, and numbers that do not depend on the host's locale. The first failure
 * stays in `status`; what is added after it is dropped. */
#ifndef SX_REPORT_WRITER_H
#define SX_REPORT_WRITER_H

#include <separatrix/context.h>

typedef struct sx_writer {
    sx_ctx *ctx;
    char *p; /* free with sx_free; a zero byte follows */
    int64_t n, capacity;
    sx_status status;
} sx_writer;

void sx_writer_add(sx_writer *t, const char *s);
void sx_writer_add_bytes(sx_writer *t, const char *s, int64_t n);
/* printf; not for floating-point numbers (locale). */
void sx_writer_addf(sx_writer *t, const char *format, ...) SX_PRINTF(2, 3);
/* Text for XML and HTML, also inside quoted attributes: & < > " ' escaped, invalid UTF-8 and control characters replaced. */
void sx_writer_escape(sx_writer *t, const char *s);
/* A quoted JSON string that is safe inside <script>: < > & and U+2028, U+2029 are written \uXXXX. */
void sx_writer_json(sx_writer *t, const char *s);
/* A CSV field (RFC 4180), quoted when needed; a text that a spreadsheet would take for a formula gets a leading apostrophe. */
void sx_writer_csv(sx_writer *t, const char *s);
/* Shortest text that reads back as x. */
void sx_writer_exact(sx_writer *t, double x);
/* As %.*g. */
void sx_writer_number(sx_writer *t, double x, int digits);
/* As %.*f. */
void sx_writer_decimals(sx_writer *t, double x, int decimals);
/* As %.*f without trailing zeros: coordinates of a drawing. */
void sx_writer_fixed(sx_writer *t, double x, int decimals);
/* For people: 4 digits, 1.2×10⁻³. */
void sx_writer_human(sx_writer *t, double x, int digits);
void sx_writer_superscript(sx_writer *t, int n);
void sx_writer_base64(sx_writer *t, const void *data, int64_t n);
/* Characters (code points) of a text. */
int64_t sx_writer_length(const char *s);

#endif
