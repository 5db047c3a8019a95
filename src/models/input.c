// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
#include "models/input.h"

#include "core/mutant.h"

#include <float.h>

#define AT(member) offsetof(sx_input, member)
const sx_field sx_input_fields[] = {
    { .name = "kind",
      .type = SX_ENUM,
      .offset = AT(kind),
      .def = "\"constant\"",
      .choices = SX_INPUT_CHOICES,
      .help = "constant, sine (amplitude sin(2 pi frequency t + phase)), pulse (amplitude for start <= t < stop), or "
              "samples from a file" },
    { .name = "amplitude",
      .type = SX_VALUES,
      .offset = AT(amplitude),
      SX_UNBOUNDED,
      .def = "0.0",
      .unit = "state",
      .shape = "unit",
      .flags = SX_FROM_FILE,
      .help = "one number or one per unit; for kind = \"constant\" the input itself" },
    { .name = "frequency",
      .type = SX_F64,
      .offset = AT(frequency),
      .lo = 0,
      .hi = HUGE_VAL,
      .def = "1.0",
      .unit = "1/time",
      .flags = SX_HI_OPEN,
      .help = "cycles per unit time of kind = \"sine\"" },
    { .name = "phase",
      .type = SX_F64,
      .offset = AT(phase),
      SX_UNBOUNDED,
      .def = "0.0",
      .unit = "1",
      .help = "phase of kind = \"sine\", in radians" },
    { .name = "start",
      .type = SX_F64,
      .offset = AT(start),
      SX_UNBOUNDED,
      .def = "0.0",
      .unit = "time",
      .help = "first time of kind = \"pulse\"" },
    { .name = "stop",
      .type = SX_F64,
      .offset = AT(stop),
      SX_UNBOUNDED,
      .def = "inf",
      .unit = "time",
      .help = "end of kind = \"pulse\"" },
    { .name = "dt",
      .type = SX_F64,
      .offset = AT(dt),
      .lo = 0,
      .hi = HUGE_VAL,
      .def = "1.0",
      .unit = "time",
      .flags = SX_LO_OPEN | SX_HI_OPEN,
      .help = "time between samples of kind = \"file\"" },
    { .name = "hold",
      .type = SX_ENUM,
      .offset = AT(hold),
      .def = "\"none\"",
      .choices = SX_HOLD_CHOICES,
      .help = "after the last sample: none = running past the end is an error, last = keep the last sample" },
    SX_FIELD_END,
};

static sx_status samples_init(sx_ctx *ctx, const sx_input *in, sx_drive *d) {
    if (in->trials < 1 || in->times < 1 || in->channels < 1 || !in->data)
        return SX_FAIL(ctx, SX_E_USAGE,
                       "input: %lld trials x %lld times x %lld channels: want data and at least one of each",
                       (long long)in->trials, (long long)in->times, (long long)in->channels);
    if (!(in->dt > 0.0 && isfinite(in->dt)))
        return SX_FAIL(ctx, SX_E_USAGE, "input.dt = %g: want a finite value > 0", in->dt);
    if (!in->channel_unit && in->channels != d->n)
        return SX_FAIL(ctx, SX_E_USAGE,
                       "input: %lld channels for %lld units: want one per unit, or the unit of each channel",
                       (long long)in->channels, (long long)d->n);
    int64_t count = 0;
    SX_TRY(ctx, sx_mul_size(ctx, in->trials, in->times, &count));
    SX_TRY(ctx, sx_mul_size(ctx, count, in->channels, &count));
    d->trials = in->trials;
    d->times = in->times;
    d->channels = in->channels;
    d->dt = in->dt;
    d->hold = in->hold;
    SX_TRY(ctx, sx_alloc(ctx, in->channels, sizeof *d->unit, &d->unit));
    for (int64_t c = 0; c < in->channels; ++c) {
        d->unit[c] = in->channel_unit ? in->channel_unit[c] : c;
        if (d->unit[c] < 0 || d->unit[c] >= d->n)
            return SX_FAIL(ctx, SX_E_USAGE, "input: channel %lld drives unit %lld: want a unit in [0, %lld]",
                           (long long)c, (long long)d->unit[c], (long long)(d->n - 1));
    }
    SX_TRY(ctx, sx_alloc(ctx, count, sizeof *d->data, &d->data));
    for (int64_t i = 0; i < count; ++i) {
        if (!isfinite(in->data[i]))
            return SX_FAIL(ctx, SX_E_USAGE, "input: sample %lld of channel %lld is %g: want finite values",
                           (long long)(i / in->channels % in->times), (long long)(i % in->channels), in->data[i]);
        d->data[i] = in->data[i];
    }
    return SX_OK;
}

static sx_status init(sx_ctx *ctx, const sx_input *in, sx_drive *d) {
    if (in->struct_size != sizeof *in) return SX_FAIL(ctx, SX_E_USAGE, "input: want options initialised with SX_INPUT");
    if (in->kind == SX_INPUT_SAMPLES) return samples_init(ctx, in, d);
    if (in->kind < 0 || in->kind > SX_INPUT_SAMPLES)
        return SX_FAIL(ctx, SX_E_USAGE, "input.kind = %d: want one of constant, sine, pulse, file", in->kind);
    if (in->kind == SX_INPUT_SINE && !(in->frequency >= 0.0 && isfinite(in->frequency) && isfinite(in->phase)))
        return SX_FAIL(ctx, SX_E_USAGE, "input.frequency = %g, phase = %g: want finite values, frequency >= 0",
                       in->frequency, in->phase);
    if (in->kind == SX_INPUT_PULSE && !(in->start < in->stop))
        return SX_FAIL(ctx, SX_E_USAGE, "input.start = %g, stop = %g: want start < stop", in->start, in->stop);
    d->frequency = in->frequency;
    d->phase = in->phase;
    d->start = in->start;
    d->stop = in->stop;
    return sx_values_spread(ctx, "input.amplitude", in->amplitude, d->n, 0.0, &d->amplitude);
}

sx_status sx_drive_init(sx_ctx *ctx, const sx_input *input, int64_t n, sx_drive *out) {
    sx_drive d = { .k = sx_kernels_get(NULL),
                   .on = input != NULL,
                   .n = n,
                   .kind = input ? input->kind : SX_INPUT_CONSTANT,
                   .trials = 1 };
    if (input) {
        sx_status status = init(ctx, input, &d);
        if (status < 0) {
            sx_drive_clear(ctx, &d);
            return status;
        }
    }
    *out = d;
    return SX_OK;
}

static sx_status copy(sx_ctx *ctx, const void *from, int64_t n, size_t size, void *out) {
    void *p = NULL;
    if (!from) return SX_OK;
    SX_TRY(ctx, sx_alloc(ctx, n, size, &p));
    memcpy(p, from, (size_t)n * size);
    memcpy(out, &p, sizeof p);
    return SX_OK;
}

sx_status sx_drive_copy(sx_ctx *ctx, const sx_drive *from, sx_drive *out) {
    sx_drive d = *from;
    sx_status status;
    d.amplitude = d.data = NULL;
    d.unit = NULL;
    SX_GO(ctx, status, fail, copy(ctx, from->amplitude, from->n, sizeof *d.amplitude, &d.amplitude));
    SX_GO(ctx, status, fail,
          copy(ctx, from->data, from->trials * from->times * from->channels, sizeof *d.data, &d.data));
    SX_GO(ctx, status, fail, copy(ctx, from->unit, from->channels, sizeof *d.unit, &d.unit));
    *out = d;
    return SX_OK;
fail:
    sx_drive_clear(ctx, &d);
    return status;
}

void sx_drive_clear(sx_ctx *ctx, sx_drive *d) {
    sx_free(ctx, d->amplitude);
    sx_free(ctx, d->data);
    sx_free(ctx, d->unit);
    d->amplitude = NULL;
    d->data = NULL;
    d->unit = NULL;
}

/* Sample of time t: floor(t/dt), where t = k h may lie some roundings below a multiple of dt. -1 before t = 0. The run is checked
 * against sx_drive_end beforehand; a stage of a stepper at the end itself still sees the last sample. */
static int64_t sample_at(const sx_drive *d, double t) {
    double q = t / d->dt;
    q = floor(q + (SX_MUTANT(input_rounding) ? 0.0 : 8.0 * DBL_EPSILON * (fabs(q) + 1.0)));
    if (!(q >= 0.0)) return -1;
    return q < (double)d->times ? (int64_t)q : d->times - 1;
}

void sx_drive_rows(const sx_drive *d, double t, double *out) {
    double factor = 1.0;
    for (int64_t i = 0; i < d->n; ++i) out[i] = 0.0;
    if (!d->on) return;
    if (d->kind == SX_INPUT_SAMPLES) {
        int64_t k = sample_at(d, t);
        for (int64_t c = 0; k >= 0 && c < d->channels; ++c) out[d->unit[c]] += d->data[k * d->channels + c];
        return;
    }
    if (d->kind == SX_INPUT_PULSE) factor = t >= d->start && t < d->stop ? 1.0 : 0.0;
    if (d->kind == SX_INPUT_SINE) {
        /* sin(pi a), a = 2 frequency t + phase / pi */
        double a = 2.0 * d->frequency * t + d->phase / 3.141592653589793238462643383279502884, c;
        d->k->sincospi(1, &a, &factor, &c);
    }
    for (int64_t i = 0; i < d->n; ++i) out[i] = factor * d->amplitude[i];
}

void sx_drive_add(const sx_drive *d, double t, int64_t replica0, sx_batch out) {
    if (!d->on || d->kind != SX_INPUT_SAMPLES) return;
    int64_t k = sample_at(d, t);
    if (k < 0) return;
    for (int64_t c = 0; c < d->channels; ++c) {
        double *row = out.x + d->unit[c] * out.b;
        for (int64_t r = 0; r < out.b; ++r)
            row[r] += d->data[((replica0 + r) % d->trials * d->times + k) * d->channels + c];
    }
}

double sx_drive_end(const sx_drive *d) {
    return d->on && d->kind == SX_INPUT_SAMPLES && d->hold == 0 ? (double)d->times * d->dt : HUGE_VAL;
}

const char *sx_drive_text(const sx_drive *d) {
    return !d->on ? "" : d->kind == SX_INPUT_CONSTANT ? "I_i" : "I_i(t)";
}
