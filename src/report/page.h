// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Parts of report.html. */
#ifndef SX_REPORT_PAGE_H
#define SX_REPORT_PAGE_H

#include "report/figure.h"

/* The LaTeX of a model as MathML, one block per equation; a command that is not known is shown as its name. */
void sx_page_math(sx_writer *t, const char *latex);
/* Sections; each writes nothing when there is nothing to say. */
void sx_page_summary(sx_writer *t, const sx_result *r);
void sx_page_model(sx_writer *t, const sx_result *r);
void sx_page_verdicts(sx_writer *t, const sx_result *r);
void sx_page_warnings(sx_writer *t, const sx_result *r);
void sx_page_reproduce(sx_writer *t, const sx_result *r);
/* Of one task: how it was run, its single numbers, the error of the time step. */
void sx_page_task(sx_writer *t, const sx_result *r, const char *group);
void sx_page_numbers(sx_writer *t, sx_figures *f, const char *group);
/* One row per fixed point, orbit or attractor, from two on; whether a variable is part of such a table. */
bool sx_page_is_item(const sx_figures *f, int id);
void sx_page_items(sx_writer *t, sx_figures *f, const char *group);
void sx_page_discretisation(sx_writer *t, sx_figures *f, const char *group);

/* A cell of a table: value and error with a common power of ten; se 0 = none. */
void sx_page_value(sx_writer *t, double value, double se);

/* Base64 of the SHA-256 (FIPS 180-4) of a text: for the content security policy. */
void sx_page_sha256(sx_writer *t, const void *data, size_t n);

/* Files compiled in by cmake/embed.cmake; each ends with a zero byte; empty when the build had no npm. */
extern const char sx_embedded_report_js[], sx_embedded_report_css[], sx_embedded_uplot_js[], sx_embedded_uplot_css[],
    sx_embedded_uplot_license[];

#endif
