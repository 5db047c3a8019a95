// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Scales: the range of an axis and its ticks, at 1, 2 or 5 times a power of ten; decades on a logarithmic axis. */
#ifndef SX_REPORT_FIGURE_SCALE_H
#define SX_REPORT_FIGURE_SCALE_H

#include "report/figure.h"

enum { SX_SCALE_TICKS = 64 };

typedef struct sx_scale {
    double low, high; /* of the axis, in its unit */
    bool log;
    double from, to; /* where low and high lie in the drawing */
    double tick[SX_SCALE_TICKS];
    bool minor[SX_SCALE_TICKS]; /* no text */
    int n_ticks, power;         /* texts are tick / 10^power */
    double step;
} sx_scale;

/* Range of numbers to show with padding (a fraction of the range) and about `wanted` ticks. */
void sx_scale_set(sx_scale *s, double low, double high, bool log, double pad, int wanted);
double sx_scale_at(const sx_scale *s, double value);
void sx_scale_tick_text(const sx_scale *s, int i, sx_writer *t);

#endif
