// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* A figure as numbers: what SVG, CSV and the interactive page are all written from. Builders make figures out of a result. */
#ifndef SX_REPORT_FIGURE_H
#define SX_REPORT_FIGURE_H

#include "report/writer.h"

#include <separatrix/result.h>

enum {
    SX_FIGURE_CURVES = 7,    /* curves in one figure: as many as there are colours */
    SX_FIGURE_POINTS = 2000, /* points of a curve; longer ones are reduced to SX_FIGURE_BUCKETS pairs of extremes */
    SX_FIGURE_BUCKETS = 800,
    SX_FIGURE_CELLS = 400 /* rows and columns of a heat map; larger ones are averaged over blocks */
};

typedef enum sx_series_kind {
    SX_SERIES_LINE,   /* error: band */
    SX_SERIES_POINTS, /* error: bars */
    SX_SERIES_MARKS,  /* short horizontal dashes: theory over a discrete axis */
    SX_SERIES_STEPS,  /* constant from x[i] to x[i + 1] */
    SX_SERIES_BARS    /* histogram, centred on x, `width` wide */
} sx_series_kind;

typedef struct sx_axis {
    const char *label, *unit; /* unit "" = none */
    bool log;
    const char *const *names; /* of the points 0 .. n_names - 1 of a discrete axis, or NULL */
    int64_t n_names;
    bool discrete; /* the numbers are indices */
} sx_axis;

typedef struct sx_series {
    const char *name;
    sx_series_kind kind;
    bool dashed; /* theory */
    int colour;  /* index into the palette; -1: that of the text */
    int64_t n;
    const double *x, *y, *error; /* error NULL = none */
    const char *const *names;    /* of the points, or NULL */
    double width;                /* of bars */
} sx_series;

typedef struct sx_figure {
    const char *group, *id; /* id: group-variable, a file name and an XML name */
    const char *title, *caption;
    sx_axis x, y, z; /* z: colour of a heat map */
    sx_series *series;
    int n_series;
    bool wide, diagonal; /* diagonal: the line y = x, dashed */
    /* heat map: cell [row * columns + column] covers y row (axis y), x column (axis x); coordinates of the centres */
    int64_t rows, columns;
    const double *cells, *cell_x, *cell_y;
    /* gallery: the cells are pictures in rows and columns, one empty cell between them; the axes name these, and the integer part of a
     * coordinate is the number of the picture */
    bool gallery;
} sx_figure;

/* The figures of a result and the memory they live in. */
typedef struct sx_figures {
    sx_ctx *ctx;
    const sx_result *r;
    sx_figure *item;
    int64_t n, capacity;
    void **blocks;
    int64_t n_blocks, block_room;
} sx_figures;

/* All figures of a result (task NULL) or of one group. Free with sx_figures_free, also after a failure. */
sx_status sx_figures_build(sx_ctx *ctx, const sx_result *r, const char *task, sx_figures *out) SX_MUST_USE;
void sx_figures_free(sx_figures *f);

/* -- for builders ----------------------------------------------------------------------------------------------------------- */

/* Memory that lives as long as the figures. */
sx_status sx_figures_take(sx_figures *f, int64_t n, size_t size, void *out) SX_MUST_USE;
sx_status sx_figures_print(sx_figures *f, const char **out, const char *format, ...) SX_PRINTF(3, 4);
/* An empty figure of variable id with n_series series (zeroed): id, group, title set. The pointer holds until the next one is added. */
sx_status sx_figures_add(sx_figures *f, int id, int n_series, sx_figure **out) SX_MUST_USE;
/* "state^2 time" with the units of the experiment: "mV² ms"; quantities without a unit drop out. */
sx_status sx_figures_unit(sx_figures *f, const char *units, const char **out) SX_MUST_USE;
/* Variable `name` + `suffix` of the group of variable id with the same shape, or -1. */
int sx_figures_beside(const sx_figures *f, int id, const char *suffix);
/* Variable `name` of a group or of the root, or -1. */
int sx_figures_find(const sx_figures *f, const char *group, const char *name);
/* Labels of a dimension (variable <dim>_label or a string variable <dim>), or NULL. */
sx_status sx_figures_labels(sx_figures *f, const char *group, const char *dim, int64_t n,
                            const char *const **out) SX_MUST_USE;
/* Axis along a dimension: its coordinate with label and unit, or indices. */
sx_status sx_figures_axis(sx_figures *f, const char *group, const char *dim, int64_t n, sx_axis *axis) SX_MUST_USE;
/* A curve: variable id along dimension `along`, the other indices fixed by at[], over its coordinate; its X_se as error unless there
 * are more than SX_FIGURE_POINTS points: then the extremes of SX_FIGURE_BUCKETS intervals, and *reduced is set. */
sx_status sx_figures_curve(sx_figures *f, int id, int along, const int64_t at[8], sx_series *series,
                           bool *reduced) SX_MUST_USE;

/* What an axis says of a variable: "x_mean" -> "mean of x". */
sx_status sx_figures_quantity(sx_figures *f, int id, const char **out) SX_MUST_USE;
/* Axis y (or z) of a variable: quantity and unit. */
sx_status sx_figures_value_axis(sx_figures *f, int id, sx_axis *axis) SX_MUST_USE;
/* "unit 3", or its label */
sx_status sx_figures_item_name(sx_figures *f, const char *const *names, const char *dim, int64_t i,
                               const char **out) SX_MUST_USE;

/* -- families of figures: SX_STOPPED = not of this family ------------------------------------------------------------------- */

sx_status sx_figure_fixed_points(sx_figures *f, int id) SX_MUST_USE; /* points of the state space */
sx_status sx_figure_spectrum(sx_figures *f, int id) SX_MUST_USE;     /* outputs of the task spectrum */
sx_status sx_figure_trajectories(sx_figures *f, int id) SX_MUST_USE; /* anything over replica and time */
sx_status sx_figure_moments(sx_figures *f, int id) SX_MUST_USE;      /* one number per unit, theory beside it */
/* n numbers of variable id against theory, one point each (names NULL = none); nothing if theory hardly varies. */
sx_status sx_figures_scatter(sx_figures *f, int id, int64_t n, const double *y, const double *error,
                             const double *theory, const char *const *names, const char *caption) SX_MUST_USE;
sx_status sx_figure_matrix(sx_figures *f, int id) SX_MUST_USE; /* one number per pair of units */
sx_status sx_figure_histogram(sx_figures *f, int id) SX_MUST_USE;
sx_status sx_figure_passage(sx_figures *f, int id) SX_MUST_USE;  /* survival functions of first-passage times */
sx_status sx_figure_response(sx_figures *f, int id) SX_MUST_USE; /* pairs of units of the task `response` */
sx_status sx_figure_basins(sx_figures *f, int id) SX_MUST_USE;   /* a plane of states by attractor */
sx_status sx_figure_orbits(sx_figures *f, int id) SX_MUST_USE;   /* orbits in a plane, multipliers */
sx_status sx_figure_lyapunov(sx_figures *f, int id) SX_MUST_USE; /* spectrum of exponents, their convergence */
sx_status sx_figure_learn(sx_figures *f,
                          int id) SX_MUST_USE; /* weights, pictures, transitions of `learn` and `recall` */
/* Anything left: curves over a coordinate, numbers per unit. Spectra get logarithmic axes. */
sx_status sx_figure_generic(sx_figures *f, int id) SX_MUST_USE;
/* Heat map of two dimensions of a variable, the other indices fixed by at[]; averaged over blocks if larger than SX_FIGURE_CELLS. */
sx_status sx_figures_heat(sx_figures *f, int id, int row_dim, int column_dim, const int64_t at[8], sx_figure *figure,
                          bool *reduced) SX_MUST_USE;
/* Limits of the colours of a heat map; diverging (symmetric about 0) if the numbers have both signs. */
void sx_figure_limits(const sx_figure *figure, double *low, double *high, bool *diverging);
/* Colour at u in [0, 1] of the sequential or the diverging map. */
void sx_figure_colour(double u, bool diverging, unsigned char rgb[3]);
/* X_se and X_theory of another variable, coordinates, strings, what only the tables show: no figure of their own. */
bool sx_figures_secondary(const sx_figures *f, int id);

/* -- writers ----------------------------------------------------------------------------------------------------------------- */

/* One <svg> element. title: draw the title (a file of its own); else the page has it. */
void sx_figure_svg(const sx_figure *figure, bool title, sx_writer *out);
void sx_figure_csv(const sx_figure *figure, sx_writer *out);
/* An object for web/report.js. */
void sx_figure_json(const sx_figure *figure, sx_writer *out);
/* Heat map as a PNG data URI of columns x rows pixels, the first row at the bottom. */
void sx_figure_png(const sx_figure *figure, sx_writer *out);

#endif
