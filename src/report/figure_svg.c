// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* A figure as SVG: readable at 8 cm width, colours that colour-blind readers tell apart, theory dashed. The presentation is in
 * attributes (the file stands alone on a light ground) and classes (the page may restyle it on a dark one). */
#include "report/figure_svg.h"

#include <math.h>
#include <string.h>

static const char *const palette[] = { "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f" };
enum { PALETTE = sizeof palette / sizeof *palette };
static const char foreground[] = "#222";

static void number(sx_writer *t, double x) {
    sx_writer_fixed(t, x, 2);
}

void sx_svg_attribute(sx_writer *t, const char *name, double x) {
    sx_writer_addf(t, " %s=\"", name);
    number(t, x);
    sx_writer_add(t, "\"");
}

static const char *colour(const sx_series *s) {
    return s->colour < 0 ? foreground : palette[s->colour % PALETTE];
}

/* class="s3" stroke="#cc79a7" (or fill) */
void sx_svg_paint(sx_writer *t, const sx_series *s, bool fill) {
    int k = s->colour < 0 ? PALETTE : s->colour % PALETTE;
    sx_writer_addf(t, " class=\"%c%d\" %s=\"%s\"", fill ? 'f' : 's', k, fill ? "fill" : "stroke", colour(s));
}

void sx_svg_text(sx_canvas *c, double x, double y, const char *anchor, const char *more, const char *s) {
    sx_writer_add(c->t, "<text");
    sx_svg_attribute(c->t, "x", x);
    sx_svg_attribute(c->t, "y", y);
    sx_writer_addf(c->t, " text-anchor=\"%s\"%s>", anchor, more);
    sx_writer_escape(c->t, s);
    sx_writer_add(c->t, "</text>\n");
}

double sx_svg_text_width(const char *s) {
    double w = 0;
    for (; *s; s++) {
        unsigned char u = (unsigned char)*s;
        if ((u & 0xc0) == 0x80) continue;
        w += strchr("ijl.,:;'|!ft()[] ", u) ? 4.6 : strchr("mwMW%@", u) ? 12 : u >= 'A' && u <= 'Z' ? 10 : 8;
    }
    return w;
}

static void line(sx_canvas *c, double x1, double y1, double x2, double y2) {
    sx_writer_add(c->t, "<line");
    sx_svg_attribute(c->t, "x1", x1);
    sx_svg_attribute(c->t, "y1", y1);
    sx_svg_attribute(c->t, "x2", x2);
    sx_svg_attribute(c->t, "y2", y2);
    sx_writer_add(c->t, "/>\n");
}

/* -- ranges ----------------------------------------------------------------------------------------------------------------- */

static void stretch(double v, bool log, double *low, double *high) {
    if (!isfinite(v) || (log && v <= 0)) return;
    if (v < *low) *low = v;
    if (v > *high) *high = v;
}

enum { X_NAMES = 24, Y_NAMES = 16, CELL = 24 };

/* Whether every point of a discrete axis gets its name, and how long the longest is. */
static bool shows_names(const sx_axis *a, int limit, double *longest) {
    *longest = 0;
    if (!a->discrete || !a->names || a->n_names > limit) return false;
    for (int64_t i = 0; i < a->n_names; i++) *longest = fmax(*longest, 1.1 * sx_svg_text_width(a->names[i]));
    return true;
}

/* Half a cell beyond the first and last centre. */
static void cell_range(const double *x, int64_t n, double *low, double *high) {
    double half = n > 1 ? (x[n - 1] - x[0]) / (double)(n - 1) / 2 : 0.5;
    *low = x[0] - half;
    *high = x[n - 1] + half;
}

static void series_range(const sx_figure *f, double x[2], double y[2]) {
    for (int k = 0; k < f->n_series; k++) {
        const sx_series *s = &f->series[k];
        for (int64_t i = 0; i < s->n; i++) {
            double e = s->error && isfinite(s->error[i]) ? s->error[i] : 0;
            if (!isfinite(s->y[i]) || (f->y.log && s->y[i] <= 0) || (f->x.log && s->x[i] <= 0)) continue;
            stretch(s->x[i] - s->width / 2, f->x.log, &x[0], &x[1]);
            stretch(s->x[i] + s->width / 2, f->x.log, &x[0], &x[1]);
            stretch(s->y[i], f->y.log, &y[0], &y[1]);
            stretch(s->y[i] + e, f->y.log, &y[0], &y[1]);
            if (!f->y.log) stretch(s->y[i] - e, false, &y[0], &y[1]);
            if (s->kind == SX_SERIES_BARS && !f->y.log) stretch(0, false, &y[0], &y[1]);
        }
    }
}

static void set_scales(sx_canvas *c) {
    const sx_figure *f = c->figure;
    double x[2] = { HUGE_VAL, -HUGE_VAL }, y[2] = { HUGE_VAL, -HUGE_VAL }, pad = 0;
    int x_ticks = (int)((c->right - c->left) / 75), y_ticks = (int)((c->bottom - c->top) / 42);
    if (f->cells) {
        cell_range(f->cell_x, f->columns, &x[0], &x[1]);
        cell_range(f->cell_y, f->rows, &y[0], &y[1]);
    } else {
        series_range(f, x, y);
        for (int k = 0; k < f->n_series; k++)
            if (f->series[k].kind == SX_SERIES_POINTS) pad = 0.03;
    }
    if (!f->cells && f->x.discrete && x[1] - x[0] < X_NAMES) { /* half a place at both ends */
        x[0] -= 0.5;
        x[1] += 0.5;
        pad = 0;
    }
    if (f->diagonal) { /* the same range on both axes, so that equality is the diagonal */
        x[0] = y[0] = fmin(x[0], y[0]);
        x[1] = y[1] = fmax(x[1], y[1]);
    }
    if (f->x.discrete && x_ticks > x[1] - x[0]) x_ticks = x[1] - x[0] >= 1 ? (int)(x[1] - x[0]) : 1; /* whole numbers */
    if (f->y.discrete && y_ticks > y[1] - y[0]) y_ticks = y[1] - y[0] >= 1 ? (int)(y[1] - y[0]) : 1;
    sx_scale_set(&c->x, x[0], x[1], f->x.log, f->diagonal ? 0.05 : pad, x_ticks);
    sx_scale_set(&c->y, y[0], y[1], f->y.log, f->cells ? 0 : 0.05, y_ticks);
    c->x.from = c->left;
    c->x.to = c->right;
    c->y.from = c->bottom;
    c->y.to = c->top;
}

/* Room for the numbers of the y axis. */
static void widen(sx_canvas *c) {
    double widest = 0, longest;
    if (shows_names(&c->figure->y, Y_NAMES, &longest)) return;
    for (int i = 0; i < c->y.n_ticks; i++) {
        sx_writer label = { .ctx = c->t->ctx };
        if (!c->y.minor[i]) sx_scale_tick_text(&c->y, i, &label);
        if (label.p) widest = fmax(widest, sx_svg_text_width(label.p));
        if (label.status < 0) c->t->status = label.status;
        sx_free(c->t->ctx, label.p);
    }
    double more = fmax(0, widest + 38 - c->left);
    c->left += more;
    if (c->figure->diagonal) {
        c->right += more;
        c->width += more;
    }
}

/* -- axes ------------------------------------------------------------------------------------------------------------------- */

void sx_svg_axis_title(sx_canvas *c, const sx_axis *axis, const sx_scale *s, double x, double y, const char *anchor,
                       const char *more) {
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
    if (t.p) sx_svg_text(c, x, y, anchor, more, t.p);
    if (t.status < 0) c->t->status = t.status;
    sx_free(c->t->ctx, t.p);
}

/* Where the middle of picture 0 lies on an axis; pictures have pitch 1. */
static double picture_middle(const sx_figure *f, int k) {
    const double *at = k ? f->cell_y : f->cell_x;
    double pitch = at[0] > 0 ? 1 / (2 * at[0]) : 1; /* cells from one picture to the next */
    return (pitch - 1) / (2 * pitch);
}

/* Names, or numbers, of the ticks of one axis; k = 0: x, 1: y. */
static void tick_texts(sx_canvas *c, int k, const sx_axis *axis, const sx_scale *s) {
    double longest;
    bool names = shows_names(axis, k ? Y_NAMES : X_NAMES, &longest);
    int64_t n = names ? axis->n_names : s->n_ticks;
    bool turned = names && k == 0 && longest > (c->right - c->left) / (double)n;
    for (int64_t i = 0; i < n; i++) {
        if (!names && (s->minor[i] || c->figure->gallery)) continue;
        sx_writer label = { .ctx = c->t->ctx }, more = { .ctx = c->t->ctx };
        double middle = c->figure->gallery ? picture_middle(c->figure, k) : 0;
        double at = sx_scale_at(s, names ? (double)i + middle : s->tick[i]), x = k ? c->left - 8 : at,
               y = k ? at + 4.5 : c->bottom + 19;
        if (names)
            sx_writer_add(&label, axis->names[i]);
        else
            sx_scale_tick_text(s, (int)i, &label);
        sx_writer_add(&more, k ? " class=\"ty\"" : " class=\"tx\"");
        if (turned) {
            x += 4;
            y -= 4;
            sx_writer_add(&more, " transform=\"rotate(-45 ");
            number(&more, x);
            sx_writer_add(&more, " ");
            number(&more, y);
            sx_writer_add(&more, ")\"");
        }
        if (label.p && more.p) sx_svg_text(c, x, y, k || turned ? "end" : "middle", more.p, label.p);
        if (label.status < 0) c->t->status = label.status;
        if (more.status < 0) c->t->status = more.status;
        sx_free(c->t->ctx, label.p);
        sx_free(c->t->ctx, more.p);
    }
}

/* Pictures have names, no axes. */
static void captions(sx_canvas *c) {
    sx_writer_addf(c->t, "<g class=\"text\" fill=\"%s\">\n", foreground);
    tick_texts(c, 0, &c->figure->x, &c->x);
    tick_texts(c, 1, &c->figure->y, &c->y);
    sx_writer_add(c->t, "</g>\n");
}

static void axes(sx_canvas *c) {
    sx_writer *t = c->t;
    double longest;
    sx_writer_addf(t, "<g class=\"axis\" stroke=\"%s\" stroke-width=\"1\" fill=\"none\">\n<path d=\"M", foreground);
    number(t, c->left);
    sx_writer_add(t, " ");
    number(t, c->top);
    sx_writer_add(t, "V");
    number(t, c->bottom);
    sx_writer_add(t, "H");
    number(t, c->right);
    sx_writer_add(t, "\"/>\n");
    bool x_names = shows_names(&c->figure->x, X_NAMES, &longest),
         y_names = shows_names(&c->figure->y, Y_NAMES, &longest);
    for (int64_t i = 0; i < (x_names ? c->figure->x.n_names : c->x.n_ticks); i++) {
        double x = sx_scale_at(&c->x, x_names ? (double)i : c->x.tick[i]);
        line(c, x, c->bottom, x, c->bottom + (!x_names && c->x.minor[i] ? 3 : 5));
    }
    for (int64_t i = 0; i < (y_names ? c->figure->y.n_names : c->y.n_ticks); i++) {
        double y = sx_scale_at(&c->y, y_names ? (double)i : c->y.tick[i]);
        line(c, c->left - (!y_names && c->y.minor[i] ? 3 : 5), y, c->left, y);
    }
    sx_writer_addf(t, "</g>\n<g class=\"text\" fill=\"%s\">\n", foreground);
    tick_texts(c, 0, &c->figure->x, &c->x);
    tick_texts(c, 1, &c->figure->y, &c->y);
    sx_svg_axis_title(c, &c->figure->x, &c->x, (c->left + c->right) / 2, c->height - 11, "middle", " class=\"xl\"");
    double y = (c->top + c->bottom) / 2;
    sx_writer turn = { .ctx = t->ctx };
    sx_writer_add(&turn, " class=\"yl\" transform=\"rotate(-90 16 ");
    number(&turn, y);
    sx_writer_add(&turn, ")\"");
    if (turn.p) sx_svg_axis_title(c, &c->figure->y, &c->y, 16, y, "middle", turn.p);
    if (turn.status < 0) t->status = turn.status;
    sx_free(t->ctx, turn.p);
    sx_writer_add(t, "</g>\n");
}

/* -- legend: rows above the plot, so that it never covers data ---------------------------------------------------------------- */

static double entry_width(const sx_series *s) {
    return 30 + sx_svg_text_width(s->name) + 16;
}

static bool has_legend(const sx_figure *f) {
    for (int k = 0; k < f->n_series; k++)
        if (f->series[k].name && *f->series[k].name) return true;
    return false;
}

/* Rows of the legend; draws it when c is not NULL. */
static int legend(sx_canvas *c, const sx_figure *f, double left, double right, double top) {
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
                sx_svg_attribute(t, "cx", x + 12);
                sx_svg_attribute(t, "cy", y);
                sx_svg_attribute(t, "r", 3.2);
            } else {
                sx_svg_attribute(t, "x1", s->kind == SX_SERIES_MARKS ? x + 4 : x);
                sx_svg_attribute(t, "x2", s->kind == SX_SERIES_MARKS ? x + 20 : x + 24);
                sx_svg_attribute(t, "y1", y);
                sx_svg_attribute(t, "y2", y);
                sx_writer_addf(t, " stroke-width=\"%s\"%s", s->kind == SX_SERIES_BARS ? "8" : "2",
                               s->dashed && s->kind == SX_SERIES_LINE ? " stroke-dasharray=\"6 4\"" : "");
            }
            sx_svg_paint(t, s, dots);
            sx_writer_add(t, "/>\n<g class=\"text\" fill=\"#222\">");
            sx_svg_text(c, x + 30, y + 4.5, "start", "", s->name);
            sx_writer_add(t, "</g>\n");
        }
        x += w;
    }
    return rows;
}

/* Frame: room for the title, the legend, names of ticks, a colour bar. */
static void lay_out(sx_canvas *c, bool title) {
    const sx_figure *f = c->figure;
    double longest, head = title ? 28 : 6;
    c->width = f->wide ? 560 : 480;
    c->left = 66;
    if (shows_names(&f->y, Y_NAMES, &longest)) c->left = fmin(150, fmax(66, longest + 34));
    c->right = c->width - (f->cells ? 84 : 18);
    c->top = head + 18 * legend(NULL, f, c->left, c->right, head) + (f->cells ? 22 : 8);
    bool square = (f->cells && f->x.discrete && f->y.discrete && !f->wide) || f->diagonal;
    if (f->diagonal) c->right = c->left + 340;
    c->bottom = c->top + (square ? c->right - c->left : f->wide ? 220 : 250);
    if (f->gallery) { /* square cells, not larger than CELL */
        double cell = fmin(CELL, (c->right - c->left) / (double)f->columns);
        c->right = c->left + cell * (double)f->columns;
        c->bottom = c->top + fmax(cell * (double)f->rows, 60);
    }
    c->height = c->bottom + (f->gallery ? 28 : 50);
    if (shows_names(&f->x, X_NAMES, &longest) && longest > (c->right - c->left) / (double)f->x.n_names)
        c->height += fmin(90, fmax(0, 0.72 * longest - 10));
    if (f->diagonal) c->width = c->right + 18;
}

static void guide(sx_canvas *c, double x1, double y1, double x2, double y2, const char *style) {
    sx_writer_addf(c->t, "<g class=\"axis\" stroke=\"%s\" %s>", foreground, style);
    line(c, x1, y1, x2, y2);
    sx_writer_add(c->t, "</g>\n");
}

void sx_figure_svg(const sx_figure *figure, bool title, sx_writer *t) {
    sx_canvas c = { .t = t, .figure = figure };
    lay_out(&c, title);
    set_scales(&c);
    widen(&c);
    set_scales(&c);
    int width = (int)c.width, height = (int)(c.height + 0.5);
    sx_writer_addf(
        t, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" role=\"img\" ",
        width, height, width, height);
    sx_writer_add(t, "font-family=\"Helvetica,Arial,'Liberation Sans',sans-serif\" font-size=\"14\">\n<title>");
    sx_writer_escape(t, figure->title);
    sx_writer_add(t, "</title>\n<desc>");
    sx_writer_escape(t, figure->caption);
    sx_writer_add(t, "</desc>\n");
    if (title) {
        double size = fmin(14, (c.width - 24) / (0.56 * (double)sx_writer_length(figure->title) + 1));
        sx_writer_addf(t, "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n<g class=\"text\" fill=\"%s\"", width,
                       height, foreground);
        sx_svg_attribute(t, "font-size", size);
        sx_writer_add(t, ">");
        sx_svg_text(&c, 10, 20, "start", " font-weight=\"bold\"", figure->title);
        sx_writer_add(t, "</g>\n");
    }
    legend(&c, figure, c.left, c.right, title ? 28 : 6);
    sx_writer_addf(t, "<clipPath id=\"clip-%s\"><rect", figure->id);
    sx_svg_attribute(t, "x", c.left);
    sx_svg_attribute(t, "y", c.top);
    sx_svg_attribute(t, "width", c.right - c.left);
    sx_svg_attribute(t, "height", c.bottom - c.top);
    sx_writer_addf(t, "/></clipPath>\n<g clip-path=\"url(#clip-%s)\">\n", figure->id);
    if (!figure->cells && !c.y.log && c.y.low < 0 && c.y.high > 0) {
        double zero = sx_scale_at(&c.y, 0);
        guide(&c, c.left, zero, c.right, zero, "stroke-opacity=\"0.25\"");
    }
    if (figure->diagonal)
        guide(&c, c.left, c.bottom, c.right, c.top, "stroke-opacity=\"0.8\" stroke-dasharray=\"6 4\"");
    if (figure->cells) sx_svg_heat(&c);
    for (int k = 0; k < figure->n_series; k++) sx_svg_series(&c, &figure->series[k]);
    sx_writer_add(t, "</g>\n");
    if (figure->gallery)
        captions(&c);
    else
        axes(&c);
    if (figure->cells) sx_svg_colour_bar(&c);
    sx_writer_add(t, "</svg>\n");
}
