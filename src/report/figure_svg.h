// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Shared by the writers of SVG: frame, axes and legend (figure_svg.c); what is inside the frame (figure_svg_series.c). */
#ifndef SX_REPORT_FIGURE_SVG_H
#define SX_REPORT_FIGURE_SVG_H

#include "report/figure_scale.h"

typedef struct sx_canvas {
    sx_writer *t;
    const sx_figure *figure;
    sx_scale x, y;
    double width, height, left, right, top, bottom;
} sx_canvas;

/* name="1.25" */
void sx_svg_attribute(sx_writer *t, const char *name, double x);
/* class and colour of a series; fill: fill instead of stroke */
void sx_svg_paint(sx_writer *t, const sx_series *s, bool fill);
void sx_svg_text(sx_canvas *c, double x, double y, const char *anchor, const char *more, const char *s);
/* Width of a text at the size of the figure, from the widths of Helvetica. */
double sx_svg_text_width(const char *s);
void sx_svg_series(sx_canvas *c, const sx_series *s);
void sx_svg_heat(sx_canvas *c);
/* Colour bar right of the frame. */
void sx_svg_colour_bar(sx_canvas *c);
/* "variance of x (10⁻³ mV²)" */
void sx_svg_axis_title(sx_canvas *c, const sx_axis *axis, const sx_scale *s, double x, double y, const char *anchor,
                       const char *more);

#endif
