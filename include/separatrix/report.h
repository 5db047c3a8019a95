// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/** @file report.h  Figures and the report, derived from a result alone. */
#ifndef SEPARATRIX_REPORT_H
#define SEPARATRIX_REPORT_H

#include <separatrix/result.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Write report.html: one self-contained file. The result's root attributes hold title, experiment text, model equation. */
SX_API sx_status sx_report_write(sx_ctx *ctx, const sx_result *r, const char *path) SX_MUST_USE;
/** What sx_figures_write writes; PDF is made by the program rsvg-convert (librsvg). */
enum { SX_FIGURES_SVG = 1, SX_FIGURES_CSV = 2, SX_FIGURES_PDF = 4 };

/** Write every figure in the wanted formats (any of SX_FIGURES_*) into a directory (created if missing). task NULL = all. Returns the
 *  number of figures in *count. SX_E_USAGE: PDF without rsvg-convert. */
SX_API sx_status sx_figures_write(sx_ctx *ctx, const sx_result *r, const char *directory, const char *task,
                                  unsigned formats, int *count) SX_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
