// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* External input I_i(t) of a model: a copy of sx_input ready for evaluation. */
#ifndef SX_MODELS_INPUT_H
#define SX_MODELS_INPUT_H

#include "models/rows.h"

typedef struct sx_drive {
    const sx_kernels *k;
    bool on;
    int kind, hold;
    int64_t n;
    double *amplitude; /* owned: per unit; samples: the scale is 1 */
    double frequency, phase, start, stop, dt;
    int64_t trials, times, channels;
    double *data;  /* owned: trials x times x channels */
    int64_t *unit; /* owned: unit of each channel */
} sx_drive;

/* input NULL: off (I = 0). */
sx_status sx_drive_init(sx_ctx *ctx, const sx_input *input, int64_t n, sx_drive *out) SX_MUST_USE;
/* A drive of its own with the same input. */
sx_status sx_drive_copy(sx_ctx *ctx, const sx_drive *from, sx_drive *out) SX_MUST_USE;
void sx_drive_clear(sx_ctx *ctx, sx_drive *d);
/* The input is the same for all replicas: one number per unit (sx_drive_rows); else it differs (sx_drive_add). */
static inline bool sx_drive_common(const sx_drive *d) {
    return d->trials <= 1;
}
/* out[n] = I(t) */
void sx_drive_rows(const sx_drive *d, double t, double *out);
/* out[n][b] += I(t) of the trial of replica0 + r in column r */
void sx_drive_add(const sx_drive *d, double t, int64_t replica0, sx_batch out);
double sx_drive_end(const sx_drive *d);
const char *sx_drive_text(const sx_drive *d);

#endif
