// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Scales and their ticks. */
#include "report/figure_scale.h"

#include <math.h>

/* 1, 2 or 5 times a power of ten, at least `rough`. */
static double nice(double rough) {
    double p = pow(10, floor(log10(rough))), m = rough / p;
    return (m <= 1.0000001 ? 1 : m <= 2.0000001 ? 2 : m <= 5.0000001 ? 5 : 10) * p;
}

static void linear_ticks(sx_scale *s, int wanted) {
    double step = nice((s->high - s->low) / wanted), first = ceil(s->low / step - 1e-9);
    s->step = step;
    s->n_ticks = 0;
    for (int i = 0; i < SX_SCALE_TICKS; i++) {
        double v = (first + i) * step;
        if (v > s->high + 1e-9 * step) break;
        s->minor[s->n_ticks] = false;
        s->tick[s->n_ticks++] = v;
    }
    double largest = fmax(fabs(s->low), fabs(s->high));
    int power = (int)floor(log10(largest) + 1e-12);
    s->power = power >= 5 || power <= -3 ? power : 0;
}

static void log_ticks(sx_scale *s, int wanted) {
    int first = (int)floor(log10(s->low) + 1e-9), last = (int)ceil(log10(s->high) - 1e-9),
        every = (last - first + wanted) / (wanted + 1);
    if (every < 1) every = 1;
    s->n_ticks = 0;
    s->power = 0;
    for (int e = first; e <= last; e++)
        for (int m = 1; m < 10; m++) {
            double v = m * pow(10, e);
            bool shown = v >= s->low * (1 - 1e-9) && v <= s->high * (1 + 1e-9) && s->n_ticks < SX_SCALE_TICKS;
            if (!shown || (m > 1 && last - first > 7)) continue;
            bool text = m == 1 ? (e - first) % every == 0 : last - first <= 1 && (m == 2 || m == 5);
            s->minor[s->n_ticks] = !text;
            s->tick[s->n_ticks++] = v;
        }
}

void sx_scale_set(sx_scale *s, double low, double high, bool logarithmic, double pad, int wanted) {
    s->log = logarithmic;
    if (!(low <= high) || !isfinite(low) || !isfinite(high)) low = logarithmic ? 1 : 0, high = logarithmic ? 10 : 1;
    if (logarithmic) {
        if (high < 1.2 * low) low /= 1.5, high *= 1.5;
        double factor = pow(high / low, pad);
        s->low = low / factor;
        s->high = high * factor;
        log_ticks(s, wanted);
        return;
    }
    if (high - low <= 1e-12 * fmax(fabs(low), fabs(high)) || high - low < 1e-300) {
        double spread = low == 0 ? 1 : 0.1 * fabs(low);
        low -= spread;
        high += spread;
    }
    s->low = low - pad * (high - low);
    s->high = high + pad * (high - low);
    linear_ticks(s, wanted);
}

double sx_scale_at(const sx_scale *s, double v) {
    double u = s->log ? log(v / s->low) / log(s->high / s->low) : (v - s->low) / (s->high - s->low);
    return s->from + u * (s->to - s->from);
}

void sx_scale_tick_text(const sx_scale *s, int i, sx_writer *t) {
    double v = s->tick[i];
    if (s->log) {
        int e = (int)floor(log10(v) + 1e-9);
        double m = v / pow(10, e);
        if (e >= -3 && e <= 3) {
            sx_writer_number(t, v, 3);
            return;
        }
        if (m > 1.5) sx_writer_addf(t, "%d×", (int)(m + 0.5));
        sx_writer_add(t, "10");
        sx_writer_superscript(t, e);
        return;
    }
    double scale = pow(10, s->power), shown = v / scale;
    int decimals = (int)fmax(0, -floor(log10(s->step / scale) + 1e-9));
    if (fabs(shown) < 1e-9 * s->step / scale) shown = 0;
    if (shown < 0) sx_writer_add(t, "−");
    sx_writer_fixed(t, fabs(shown), decimals);
}
