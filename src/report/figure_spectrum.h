// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* What the files of the figures of `spectrum` share: one variable of the task, and which of its points are drawn. */
#ifndef SX_REPORT_FIGURE_SPECTRUM_H
#define SX_REPORT_FIGURE_SPECTRUM_H

#include "report/figure.h"

typedef struct sx_view {
    sx_figures *f;
    int id, n_dims;
    const char *group, *name, *dims[8];
    int64_t shape[8];
    int64_t points, shown; /* points of the task, those drawn */
    int64_t main;          /* where there is room for one point only: the first, or the last snapshot */
} sx_view;

/* Another variable of the task, or -1. */
int sx_view_find(const sx_view *v, const char *name);
/* The i-th point drawn: the first ones, of snapshots some from the first to the last. */
int64_t sx_view_point(const sx_view *v, int64_t i);
/* "epoch 100", "snapshot 3", "point 2"; "" when there is one only. */
sx_status sx_view_point_name(const sx_view *v, int64_t point, const char **out) SX_MUST_USE;
/* A caption that says how many of the points are drawn, and the rest. */
sx_status sx_view_caption(const sx_view *v, const char *rest, const char **out) SX_MUST_USE;
/* n numbers (point, 0 .. n - 1) of a variable. */
sx_status sx_view_row(const sx_view *v, int id, int64_t point, int64_t n, double **out) SX_MUST_USE;

/* figure_spectrum_modes.c: participation, vectors, rates, tracks, numbers over snapshots. SX_STOPPED: none of these. */
sx_status sx_figure_modes(sx_view *v) SX_MUST_USE;

#endif
