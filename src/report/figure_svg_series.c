// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Inside the frame of an SVG figure: lines with bands, points with bars, marks, histograms, heat maps. */
#include "report/figure_svg.h"

#include <math.h>

static void number(sx_writer *t, double x) {
    sx_writer_fixed(t, x, 2);
}

/* -- series ----------------------------------------------------------------------------------------------------------------- */

static bool visible(const sx_canvas *c, double x, double y) {
    return isfinite(x) && isfinite(y) && !(c->x.log && x <= 0) && !(c->y.log && y <= 0);
}

/* A value that may be below a logarithmic axis, kept near the drawing. */
static double y_at(const sx_canvas *c, double y) {
    if (c->y.log && y < c->y.low / 100) y = c->y.low / 100;
    return sx_scale_at(&c->y, y);
}

static void point(sx_canvas *c, char command, double x, double y) {
    sx_writer_add_bytes(c->t, &command, 1);
    number(c->t, x);
    sx_writer_add(c->t, " ");
    number(c->t, y);
}

static void draw_line(sx_canvas *c, const sx_series *s) {
    sx_writer *t = c->t;
    if (s->error) {
        for (int64_t i = 0; i < s->n;) { /* one band per stretch without gaps */
            int64_t end = i;
            while (end < s->n && visible(c, s->x[end], s->y[end]) && isfinite(s->error[end])) end++;
            if (end - i > 1) {
                sx_writer_add(t, "<path");
                sx_svg_paint(t, s, true);
                sx_writer_add(t, " fill-opacity=\"0.22\" d=\"");
                for (int64_t j = i; j < end; j++)
                    point(c, j == i ? 'M' : 'L', sx_scale_at(&c->x, s->x[j]), y_at(c, s->y[j] + s->error[j]));
                for (int64_t j = end - 1; j >= i; j--)
                    point(c, 'L', sx_scale_at(&c->x, s->x[j]), y_at(c, s->y[j] - s->error[j]));
                sx_writer_add(t, "Z\"/>\n");
            }
            i = end + 1;
        }
    }
    sx_writer_add(t, "<path fill=\"none\" stroke-linejoin=\"round\"");
    sx_svg_paint(t, s, false);
    sx_writer_addf(t, " stroke-width=\"%s\"%s d=\"", s->n > 400 && !s->dashed ? "1" : "1.6",
                   s->dashed ? " stroke-dasharray=\"6 4\"" : "");
    bool open = false;
    double last = 0;
    for (int64_t i = 0; i < s->n; i++) {
        if (!visible(c, s->x[i], s->y[i])) {
            open = false;
            continue;
        }
        double x = sx_scale_at(&c->x, s->x[i]), y = sx_scale_at(&c->y, s->y[i]);
        if (open && s->kind == SX_SERIES_STEPS) point(c, 'L', x, last);
        point(c, open ? 'L' : 'M', x, y);
        open = true;
        last = y;
    }
    sx_writer_add(t, "\"/>\n");
}

static void draw_points(sx_canvas *c, const sx_series *s) {
    sx_writer *t = c->t;
    double radius = s->n > 150 ? 1.8 : s->n > 40 ? 2.4 : 3.2;
    if (s->error) {
        sx_writer_add(t, "<path fill=\"none\" stroke-width=\"1.2\"");
        sx_svg_paint(t, s, false);
        sx_writer_add(t, " d=\"");
        for (int64_t i = 0; i < s->n; i++) {
            if (!visible(c, s->x[i], s->y[i]) || !isfinite(s->error[i])) continue;
            double x = sx_scale_at(&c->x, s->x[i]);
            point(c, 'M', x, y_at(c, s->y[i] - s->error[i]));
            point(c, 'L', x, y_at(c, s->y[i] + s->error[i]));
        }
        sx_writer_add(t, "\"/>\n");
    }
    sx_writer_add(t, "<g");
    sx_svg_paint(t, s, true);
    sx_writer_add(t, ">\n");
    for (int64_t i = 0; i < s->n; i++) {
        if (!visible(c, s->x[i], s->y[i])) continue;
        sx_writer_add(t, "<circle");
        sx_svg_attribute(t, "cx", sx_scale_at(&c->x, s->x[i]));
        sx_svg_attribute(t, "cy", sx_scale_at(&c->y, s->y[i]));
        sx_svg_attribute(t, "r", radius);
        sx_writer_add(t, "/>\n");
    }
    sx_writer_add(t, "</g>\n");
}

/* Short dashes over a discrete axis. */
static void draw_marks(sx_canvas *c, const sx_series *s) {
    sx_writer *t = c->t;
    double half = fmax(2, fmin(9, 0.35 * (c->right - c->left) / (double)(s->n + 1)));
    sx_writer_add(t, "<path fill=\"none\" stroke-width=\"1.6\"");
    sx_svg_paint(t, s, false);
    sx_writer_add(t, " d=\"");
    for (int64_t i = 0; i < s->n; i++) {
        if (!visible(c, s->x[i], s->y[i])) continue;
        double x = sx_scale_at(&c->x, s->x[i]), y = sx_scale_at(&c->y, s->y[i]);
        point(c, 'M', x - half, y);
        point(c, 'L', x + half, y);
    }
    sx_writer_add(t, "\"/>\n");
}

static void draw_bars(sx_canvas *c, const sx_series *s) {
    sx_writer *t = c->t;
    sx_writer_add(t, "<path fill-opacity=\"0.55\"");
    sx_svg_paint(t, s, true);
    sx_writer_add(t, " d=\"");
    for (int64_t i = 0; i < s->n; i++) {
        if (!visible(c, s->x[i], s->y[i])) continue;
        double zero = c->y.log ? c->bottom : sx_scale_at(&c->y, 0), y = sx_scale_at(&c->y, s->y[i]);
        double x1 = sx_scale_at(&c->x, s->x[i] - s->width / 2), x2 = sx_scale_at(&c->x, s->x[i] + s->width / 2);
        point(c, 'M', x1, zero);
        point(c, 'L', x1, y);
        point(c, 'L', x2, y);
        point(c, 'L', x2, zero);
        sx_writer_add(t, "Z");
    }
    sx_writer_add(t, "\"/>\n");
}

void sx_svg_series(sx_canvas *c, const sx_series *s) {
    switch (s->kind) {
    case SX_SERIES_LINE:
    case SX_SERIES_STEPS:
        draw_line(c, s);
        break;
    case SX_SERIES_POINTS:
        draw_points(c, s);
        break;
    case SX_SERIES_MARKS:
        draw_marks(c, s);
        break;
    case SX_SERIES_BARS:
        draw_bars(c, s);
        break;
    }
}

/* -- heat maps -------------------------------------------------------------------------------------------------------------- */

void sx_svg_heat(sx_canvas *c) {
    sx_writer *t = c->t;
    sx_writer_add(t, "<image preserveAspectRatio=\"none\" image-rendering=\"pixelated\"");
    sx_svg_attribute(t, "x", c->left);
    sx_svg_attribute(t, "y", c->top);
    sx_svg_attribute(t, "width", c->right - c->left);
    sx_svg_attribute(t, "height", c->bottom - c->top);
    sx_writer_add(t, " href=\"");
    sx_figure_png(c->figure, t);
    sx_writer_add(t, "\"/>\n");
}

void sx_svg_colour_bar(sx_canvas *c) {
    enum { STRIPS = 64 };
    sx_writer *t = c->t;
    double low, high, left = c->right + 14, height = (c->bottom - c->top) / STRIPS;
    bool diverging;
    sx_scale s = { 0 };
    char fill[8];
    sx_figure_limits(c->figure, &low, &high, &diverging);
    for (int k = 0; k < STRIPS; k++) {
        unsigned char rgb[3];
        sx_figure_colour((k + 0.5) / STRIPS, diverging, rgb);
        static const char hex[] = "0123456789abcdef";
        fill[0] = '#';
        for (int i = 0; i < 3; i++) {
            fill[1 + 2 * i] = hex[rgb[i] >> 4];
            fill[2 + 2 * i] = hex[rgb[i] & 15];
        }
        fill[7] = 0;
        sx_writer_add(t, "<rect width=\"14\"");
        sx_svg_attribute(t, "x", left);
        sx_svg_attribute(t, "y", c->bottom - (k + 1) * height);
        sx_svg_attribute(t, "height", height + (k > 0 ? 0.6 : 0));
        sx_writer_addf(t, " fill=\"%s\"/>\n", fill);
    }
    sx_scale_set(&s, low, high, false, 0, 6);
    s.from = c->bottom;
    s.to = c->top;
    sx_writer_add(t, "<g class=\"text\" fill=\"#222\">\n");
    for (int i = 0; i < s.n_ticks; i++) {
        sx_writer label = { .ctx = t->ctx };
        sx_scale_tick_text(&s, i, &label);
        if (label.p) sx_svg_text(c, left + 18, sx_scale_at(&s, s.tick[i]) + 4.5, "start", " class=\"tz\"", label.p);
        if (label.status < 0) t->status = label.status;
        sx_free(t->ctx, label.p);
    }
    sx_svg_axis_title(c, &c->figure->z, &s, c->figure->gallery ? left + 14 : c->width - 6, c->top - 9, "end",
                      " class=\"zl\"");
    sx_writer_add(t, "</g>\n");
}
