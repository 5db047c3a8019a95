// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Shapes and numbers of binary array files: sizes are checked before memory is taken, values are converted exactly. */
#include "io/array_private.h"

#include "core/mutant.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* "(3, 4)" */
static void shape_text(char out[256], int ndim, const int64_t *shape) {
    int at = snprintf(out, 256, "(");
    for (int k = 0; k < ndim; k++)
        at += snprintf(out + at, 256 - (size_t)at, k ? ", %lld" : "%lld", (long long)shape[k]);
    (void)snprintf(out + at, 256 - (size_t)at, ndim == 1 ? ",)" : ")");
}

static void size_text(char out[32], double bytes) {
    static const char *const unit[] = { "bytes", "kB", "MB", "GB", "TB", "PB", "EB" };
    int k = 0;
    while (k < 6 && bytes >= 999.5) {
        bytes /= 1000;
        k++;
    }
    (void)snprintf(out, 32, "%.3g %s", bytes, unit[k]);
}

sx_status sx_array_shape(const sx_source *s, int ndim, const int64_t *shape, sx_array *a) {
    char text[256], need[32], limit[32];
    double bytes = sizeof(double);
    int64_t product = 1;
    bool empty = false, fits = true;
    if (ndim < 0 || ndim > 8) return SX_FAIL(s->ctx, SX_E_FILE, "%s: %d dimensions; at most 8 are read", s->name, ndim);
    shape_text(text, ndim, shape);
    for (int k = 0; k < ndim; k++) {
        if (shape[k] < 0) return SX_FAIL(s->ctx, SX_E_FILE, "%s: shape %s has a negative extent", s->name, text);
        if (shape[k] == 0) {
            empty = true;
            continue;
        }
        bytes *= (double)shape[k];
        if (product > INT64_MAX / (int64_t)sizeof(double) / shape[k])
            fits = false;
        else
            product *= shape[k];
    }
    /* an empty array too must have extents whose product is a number: others multiply them */
    if (!fits || (!empty && product > s->limit / (int64_t)sizeof(double))) {
        size_text(need, bytes);
        size_text(limit, (double)s->limit);
        return SX_FAIL(s->ctx, SX_E_FILE, "%s: shape %s needs %s, the limit is %s", s->name, text, need, limit);
    }
    a->ndim = ndim;
    for (int k = 0; k < ndim; k++) a->shape[k] = shape[k];
    a->n = empty ? 0 : product;
    return SX_OK;
}

uint64_t sx_bytes_load(const unsigned char *p, int n, bool big) {
    uint64_t v = 0;
    for (int i = 0; i < n; i++) v = v << 8 | p[big ? i : n - 1 - i];
    return v;
}

/* IEEE 754 binary16: (-1)^s 2^(e-15) 1.m, for e = 0 (-1)^s 2^-14 0.m */
static double half_value(uint64_t bits) {
    int e = (int)(bits >> 10 & 31), m = (int)(bits & 1023);
    double v = e == 31 ? (m ? (double)NAN : (double)INFINITY)
               : e     ? ldexp(1024 + m, e - 25)
                       : ldexp(m, SX_MUTANT(half_subnormal) ? -25 : -24);
    return bits >> 15 ? -v : v;
}

static double single_value(uint64_t bits) {
    uint32_t word = (uint32_t)bits;
    float v;
    memcpy(&v, &word, sizeof v);
    return (double)v;
}

static double float_value(sx_number_type type, uint64_t bits) {
    double v;
    if (type.kind == 'h' && !SX_MUTANT(bfloat16)) return single_value(bits << 16);
    if (type.size == 2) return half_value(bits);
    if (type.size == 4) return single_value(bits);
    memcpy(&v, &bits, sizeof v);
    return v;
}

static void element_text(char out[256], const sx_array *a, int64_t i) {
    int64_t index[8];
    int at = 0;
    for (int k = a->ndim - 1; k >= 0; k--) {
        index[k] = i % a->shape[k];
        i /= a->shape[k];
    }
    out[0] = 0;
    for (int k = 0; k < a->ndim; k++)
        at += snprintf(out + at, 256 - (size_t)at, k ? ", %lld" : "%lld", (long long)index[k]);
}

static sx_status convert_one(const sx_source *s, sx_number_type type, uint64_t bits, const sx_array *a, int64_t i,
                             double *out) {
    char place[256];
    double v;
    if (type.kind == 'f' || type.kind == 'h') {
        v = float_value(type, bits);
        if (!isfinite(v) && !s->opts->allow_nonfinite) {
            element_text(place, a, i);
            return SX_FAIL(s->ctx, SX_E_FILE, "%s: element [%s] is %s; only finite numbers are read", s->name, place,
                           isnan(v) ? "nan"
                           : v > 0  ? "inf"
                                    : "-inf");
        }
        *out = v;
        return SX_OK;
    }
    if (type.kind == 'b') {
        if (bits > 1) {
            element_text(place, a, i);
            return SX_FAIL(s->ctx, SX_E_FILE, "%s: element [%s] is a boolean of value %d; only 0 and 1 are valid",
                           s->name, place, (int)bits);
        }
        *out = (double)bits;
        return SX_OK;
    }
    int shift = 64 - 8 * type.size;
    bool negative = type.kind == 'i' && bits << shift >> 63;
    /* two's complement magnitude within `size` bytes */
    uint64_t magnitude = negative ? (~bits + 1) << shift >> shift : bits;
    if (magnitude > (uint64_t)SX_ARRAY_EXACT) {
        element_text(place, a, i);
        return SX_FAIL(
            s->ctx, SX_E_FILE,
            "%s: element [%s] is the integer %s%llu; beyond 2^53 a 64-bit float is not exact, save it as float64",
            s->name, place, negative ? "-" : "", (unsigned long long)magnitude);
    }
    *out = negative ? -(double)magnitude : (double)magnitude;
    return SX_OK;
}

sx_status sx_array_convert(const sx_source *s, sx_number_type type, bool fortran_order, const unsigned char *payload,
                           sx_array *a) {
    int64_t stride[8] = { 0 }, index[8] = { 0 }, from = 0, step = 1;
    for (int j = 0; j < a->ndim; j++) {
        int k = fortran_order && !SX_MUTANT(fortran_order) ? j : a->ndim - 1 - j;
        stride[k] = step;
        if (a->shape[k] > 0) step *= a->shape[k];
    }
    SX_TRY(s->ctx, sx_alloc(s->ctx, a->n, sizeof(double), &a->data));
    for (int64_t i = 0; i < a->n; i++) {
        uint64_t bits = sx_bytes_load(payload + from * type.size, type.size, type.big);
        SX_TRY(s->ctx, convert_one(s, type, bits, a, i, &a->data[i]));
        for (int k = a->ndim - 1; k >= 0; k--) {
            from += stride[k];
            if (++index[k] < a->shape[k]) break;
            from -= stride[k] * a->shape[k];
            index[k] = 0;
        }
    }
    return SX_OK;
}
