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
/** Write every figure as SVG and its numbers as CSV into a directory (created if missing). task NULL = all. formats: bit 0 SVG,
 *  bit 1 CSV. Returns the number of figures in *count. */
SX_API sx_status sx_figures_write(sx_ctx *ctx, const sx_result *r, const char *directory, const char *task,
                                  unsigned formats, int *count) SX_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
