// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* A figure as SVG: readable at 8 cm width, colours that colour-blind readers tell apart, theory dashed. The presentation is in
 * attributes (the file stands alone on a light ground) and classes (the page may restyle it on a dark one). */
#include "report/figure_scale.h"

#include <math.h>

static const char *const palette[] = { "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f" };
enum { PALETTE = sizeof palette / sizeof *palette };
static const char foreground[] = "#222";

typedef struct canvas {
    sx_writer *t;
    const sx_figure *figure;
    sx_scale x, y;
    double width, height, left, right, top, bottom;
} canvas;

static void number(sx_writer *t, double x) {
    sx_writer_fixed(t, x, 2);
}

static void attribute(sx_writer *t, const char *name, double x) {
    sx_writer_addf(t, " %s=\"", name);
    number(t, x);
    sx_writer_add(t, "\"");
}

static const char *colour(const sx_series *s) {
    return s->colour < 0 ? foreground : palette[s->colour % PALETTE];
}

/* class="s3" stroke="#cc79a7" (or fill) */
static void paint(sx_writer *t, const sx_series *s, bool fill) {
    sx_writer_addf(t, " class=\"%c%d\" %s=\"%s\"", fill ? 'f' : 's', s->colour < 0 ? -1 : s->colour % PALETTE,
                   fill ? "fill" : "stroke", colour(s));
}

static void text(canvas *c, double x, double y, const char *anchor, const char *more, const char *s) {
    sx_writer_add(c->t, "<text");
    attribute(c->t, "x", x);
    attribute(c->t, "y", y);
    sx_writer_addf(c->t, " text-anchor=\"%s\"%s>", anchor, more);
    sx_writer_escape(c->t, s);
    sx_writer_add(c->t, "</text>\n");
}

static void line(canvas *c, double x1, double y1, double x2, double y2) {
    sx_writer_add(c->t, "<line");
    attribute(c->t, "x1", x1);
    attribute(c->t, "y1", y1);
    attribute(c->t, "x2", x2);
    attribute(c->t, "y2", y2);
    sx_writer_add(c->t, "/>\n");
}

/* -- ranges ----------------------------------------------------------------------------------------------------------------- */

static void stretch(double v, bool log, double *low, double *high) {
    if (!isfinite(v) || (log && v <= 0)) return;
    if (v < *low) *low = v;
    if (v > *high) *high = v;
}

static void set_scales(canvas *c) {
    const sx_figure *f = c->figure;
    double x0 = HUGE_VAL, x1 = -HUGE_VAL, y0 = HUGE_VAL, y1 = -HUGE_VAL;
    bool lines = true;
    for (int k = 0; k < f->n_series; k++) {
        const sx_series *s = &f->series[k];
        lines = lines && (s->kind == SX_SERIES_LINE || s->kind == SX_SERIES_STEPS);
        for (int64_t i = 0; i < s->n; i++) {
            double e = s->error && isfinite(s->error[i]) ? s->error[i] : 0;
            if (!isfinite(s->y[i]) || (f->y.log && s->y[i] <= 0)) continue;
            stretch(s->x[i] - s->width / 2, f->x.log, &x0, &x1);
            stretch(s->x[i] + s->width / 2, f->x.log, &x0, &x1);
            stretch(s->y[i], f->y.log, &y0, &y1);
            stretch(s->y[i] + e, f->y.log, &y0, &y1);
            if (!f->y.log) stretch(s->y[i] - e, false, &y0, &y1);
            if (s->kind == SX_SERIES_BARS && !f->y.log) stretch(0, false, &y0, &y1);
        }
    }
    sx_scale_set(&c->x, x0, x1, f->x.log, lines ? 0 : 0.03, (int)((c->right - c->left) / 75));
    sx_scale_set(&c->y, y0, y1, f->y.log, 0.05, (int)((c->bottom - c->top) / 42));
    c->x.from = c->left;
    c->x.to = c->right;
    c->y.from = c->bottom;
    c->y.to = c->top;
}

/* -- axes ------------------------------------------------------------------------------------------------------------------- */

static void axis_title(canvas *c, const sx_axis *axis, const sx_scale *s, double x, double y, const char *more) {
    sx_writer t = { .ctx = c->t->ctx };
    sx_writer_add(&t, axis->label);
    if (s->power != 0 || *axis->unit) {
        sx_writer_add(&t, " (");
        if (s->power != 0) {
            sx_writer_add(&t, "10");
            sx_writer_superscript(&t, s->power);
            if (*axis->unit) sx_writer_add(&t, " ");
        }
        sx_writer_addf(&t, "%s)", axis->unit);
    }
    if (t.p) text(c, x, y, "middle", more, t.p);
    if (t.status < 0) c->t->status = t.status;
    sx_free(c->t->ctx, t.p);
}

static void axes(canvas *c) {
    sx_writer *t = c->t;
    char more[96];
    sx_writer_addf(t, "<g class=\"axis\" stroke=\"%s\" stroke-width=\"1\" fill=\"none\">\n", foreground);
    sx_writer_add(t, "<path d=\"M");
    number(t, c->left);
    sx_writer_add(t, " ");
    number(t, c->top);
    sx_writer_add(t, "V");
    number(t, c->bottom);
    sx_writer_add(t, "H");
    number(t, c->right);
    sx_writer_add(t, "\"/>\n");
    for (int i = 0; i < c->x.n_ticks; i++) {
        double x = sx_scale_at(&c->x, c->x.tick[i]);
        line(c, x, c->bottom, x, c->bottom + (c->x.minor[i] ? 3 : 5));
    }
    for (int i = 0; i < c->y.n_ticks; i++) {
        double y = sx_scale_at(&c->y, c->y.tick[i]);
        line(c, c->left - (c->y.minor[i] ? 3 : 5), y, c->left, y);
    }
    sx_writer_addf(t, "</g>\n<g class=\"text\" fill=\"%s\">\n", foreground);
    for (int k = 0; k < 2; k++) {
        const sx_scale *s = k ? &c->y : &c->x;
        for (int i = 0; i < s->n_ticks; i++) {
            if (s->minor[i]) continue;
            sx_writer label = { .ctx = t->ctx };
            sx_scale_tick_text(s, i, &label);
            double at = sx_scale_at(s, s->tick[i]);
            if (label.p)
                text(c, k ? c->left - 8 : at, k ? at + 4.5 : c->bottom + 19, k ? "end" : "middle",
                     k ? " class=\"ty\"" : " class=\"tx\"", label.p);
            if (label.status < 0) t->status = label.status;
            sx_free(t->ctx, label.p);
        }
    }
    axis_title(c, &c->figure->x, &c->x, (c->left + c->right) / 2, c->bottom + 39, " class=\"xl\"");
    double y = (c->top + c->bottom) / 2;
    sx_writer turn = { .ctx = t->ctx };
    sx_writer_add(&turn, " class=\"yl\" transform=\"rotate(-90 16 ");
    number(&turn, y);
    sx_writer_add(&turn, ")\"");
    (void)more;
    if (turn.p) axis_title(c, &c->figure->y, &c->y, 16, y, turn.p);
    if (turn.status < 0) t->status = turn.status;
    sx_free(t->ctx, turn.p);
    sx_writer_add(t, "</g>\n");
}

/* -- series ----------------------------------------------------------------------------------------------------------------- */

static bool visible(const canvas *c, double x, double y) {
    return isfinite(x) && isfinite(y) && !(c->x.log && x <= 0) && !(c->y.log && y <= 0);
}

/* A value that may be below a logarithmic axis, kept near the drawing. */
static double y_at(const canvas *c, double y) {
    if (c->y.log && y < c->y.low / 100) y = c->y.low / 100;
    return sx_scale_at(&c->y, y);
}

static void point(canvas *c, char command, double x, double y) {
    sx_writer_add_bytes(c->t, &command, 1);
    number(c->t, x);
    sx_writer_add(c->t, " ");
    number(c->t, y);
}

static void draw_line(canvas *c, const sx_series *s) {
    sx_writer *t = c->t;
    if (s->error) {
        for (int64_t i = 0; i < s->n;) { /* one band per stretch without gaps */
            int64_t end = i;
            while (end < s->n && visible(c, s->x[end], s->y[end]) && isfinite(s->error[end])) end++;
            if (end - i > 1) {
                sx_writer_add(t, "<path");
                paint(t, s, true);
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
    paint(t, s, false);
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

static void draw_points(canvas *c, const sx_series *s) {
    sx_writer *t = c->t;
    double radius = s->n > 150 ? 1.8 : s->n > 40 ? 2.4 : 3.2;
    if (s->error) {
        sx_writer_add(t, "<path fill=\"none\" stroke-width=\"1.2\"");
        paint(t, s, false);
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
    paint(t, s, true);
    sx_writer_add(t, ">\n");
    for (int64_t i = 0; i < s->n; i++) {
        if (!visible(c, s->x[i], s->y[i])) continue;
        sx_writer_add(t, "<circle");
        attribute(t, "cx", sx_scale_at(&c->x, s->x[i]));
        attribute(t, "cy", sx_scale_at(&c->y, s->y[i]));
        attribute(t, "r", radius);
        sx_writer_add(t, "/>\n");
    }
    sx_writer_add(t, "</g>\n");
}

/* Short dashes over a discrete axis. */
static void draw_marks(canvas *c, const sx_series *s) {
    sx_writer *t = c->t;
    double half = fmax(2, fmin(9, 0.35 * (c->right - c->left) / (double)(s->n + 1)));
    sx_writer_add(t, "<path fill=\"none\" stroke-width=\"1.6\"");
    paint(t, s, false);
    sx_writer_add(t, " d=\"");
    for (int64_t i = 0; i < s->n; i++) {
        if (!visible(c, s->x[i], s->y[i])) continue;
        double x = sx_scale_at(&c->x, s->x[i]), y = sx_scale_at(&c->y, s->y[i]);
        point(c, 'M', x - half, y);
        point(c, 'L', x + half, y);
    }
    sx_writer_add(t, "\"/>\n");
}

static void draw_bars(canvas *c, const sx_series *s) {
    sx_writer *t = c->t;
    sx_writer_add(t, "<path fill-opacity=\"0.55\"");
    paint(t, s, true);
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

/* -- legend: rows above the plot, so that it never covers data ---------------------------------------------------------------- */

static double entry_width(const sx_series *s) {
    return 34 + 6.7 * (double)sx_writer_length(s->name) + 12;
}

static bool has_legend(const sx_figure *f) {
    for (int k = 0; k < f->n_series; k++)
        if (f->series[k].name && *f->series[k].name) return true;
    return false;
}

/* Rows of the legend; draws it when c is not NULL. */
static int legend(canvas *c, const sx_figure *f, double left, double right, double top) {
    int rows = 1;
    double x = left;
    if (!has_legend(f)) return 0;
    for (int k = 0; k < f->n_series; k++) {
        const sx_series *s = &f->series[k];
        double w = entry_width(s);
        if (x > left && x + w > right + 10) {
            x = left;
            rows++;
        }
        double y = top + 18 * rows - 9;
        if (c) {
            sx_writer *t = c->t;
            bool dots = s->kind == SX_SERIES_POINTS;
            sx_writer_add(t, dots ? "<circle" : "<line");
            if (dots) {
                attribute(t, "cx", x + 12);
                attribute(t, "cy", y);
                attribute(t, "r", 3.2);
            } else {
                attribute(t, "x1", s->kind == SX_SERIES_MARKS ? x + 4 : x);
                attribute(t, "x2", s->kind == SX_SERIES_MARKS ? x + 20 : x + 24);
                attribute(t, "y1", y);
                attribute(t, "y2", y);
                sx_writer_addf(t, " stroke-width=\"%s\"%s", s->kind == SX_SERIES_BARS ? "8" : "2",
                               s->dashed && s->kind == SX_SERIES_LINE ? " stroke-dasharray=\"6 4\"" : "");
            }
            paint(t, s, dots);
            sx_writer_add(t, "/>\n<g class=\"text\" fill=\"#222\">");
            text(c, x + 30, y + 4.5, "start", "", s->name);
            sx_writer_add(t, "</g>\n");
        }
        x += w;
    }
    return rows;
}

void sx_figure_svg(const sx_figure *figure, bool title, sx_writer *t) {
    canvas c = { .t = t, .figure = figure, .width = figure->wide ? 640 : 480 };
    c.left = 66;
    c.right = c.width - 16;
    double head = title ? 28 : 8;
    c.top = head + 18 * legend(NULL, figure, c.left, c.right, head) + 8;
    c.bottom = c.top + (figure->wide ? 230 : 250);
    c.height = c.bottom + 50;
    set_scales(&c);
    sx_writer_addf(
        t, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" role=\"img\" ",
        (int)c.width, (int)c.height, (int)c.width, (int)c.height);
    sx_writer_add(t, "font-family=\"Helvetica,Arial,'Liberation Sans',sans-serif\" font-size=\"14\">\n<title>");
    sx_writer_escape(t, figure->title);
    sx_writer_add(t, "</title>\n<desc>");
    sx_writer_escape(t, figure->caption);
    sx_writer_add(t, "</desc>\n");
    if (title) {
        sx_writer_addf(t, "<rect class=\"ground\" width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n", (int)c.width,
                       (int)c.height);
        sx_writer_addf(t, "<g class=\"text\" fill=\"%s\">", foreground);
        text(&c, c.left, 20, "start", " font-weight=\"bold\"", figure->title);
        sx_writer_add(t, "</g>\n");
    }
    legend(&c, figure, c.left, c.right, head);
    sx_writer_addf(t, "<clipPath id=\"clip-%s\"><rect", figure->id);
    attribute(t, "x", c.left);
    attribute(t, "y", c.top);
    attribute(t, "width", c.right - c.left);
    attribute(t, "height", c.bottom - c.top);
    sx_writer_addf(t, "/></clipPath>\n<g clip-path=\"url(#clip-%s)\">\n", figure->id);
    for (int k = 0; k < figure->n_series; k++) {
        const sx_series *s = &figure->series[k];
        switch (s->kind) {
        case SX_SERIES_LINE:
        case SX_SERIES_STEPS:
            draw_line(&c, s);
            break;
        case SX_SERIES_POINTS:
            draw_points(&c, s);
            break;
        case SX_SERIES_MARKS:
            draw_marks(&c, s);
            break;
        case SX_SERIES_BARS:
            draw_bars(&c, s);
            break;
        }
    }
    sx_writer_add(t, "</g>\n");
    axes(&c);
    sx_writer_add(t, "</svg>\n");
}
