// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The external input of a model: a constant, a waveform, or samples from a file with named axes. */
#include "experiment/load.h"
#include "experiment/values.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct samples_opts {
    const char *file, *name;
    sx_strings axes;
    sx_units channels;
    bool header, has_header;
} samples_opts;
#define F(member) .offset = offsetof(samples_opts, member)
static const sx_field samples_fields[] = {
    { .name = "file", .type = SX_STRING, F(file), .help = "array of samples" },
    { .name = "name", .type = SX_STRING, F(name), .help = "array of an .npz or .safetensors file" },
    { .name = "axes",
      .type = SX_STRINGS,
      F(axes),
      .help = "order of the axes of the file: \"trial\", \"time\", \"channel\"" },
    { .name = "channels",
      .type = SX_UNITS,
      F(channels),
      .shape = "channel",
      .help = "unit that each channel drives; left out: channel k drives unit k" },
    { .name = "header",
      .type = SX_BOOL,
      F(header),
      .given = offsetof(samples_opts, has_header),
      .help = "CSV: the first line holds names" },
    SX_FIELD_END
};
#undef F

enum { TRIAL, TIME, CHANNEL, AXES };
static const char *const axis_names[AXES] = { "trial", "time", "channel" };

/* which[a] = what axis a of the file is */
static sx_status read_axes(const sx_reader *r, const sx_toml_node *node, const samples_opts *o, int which[AXES],
                           int *count) {
    const sx_toml_node *axes = sx_toml_get(node, "axes");
    bool seen[AXES] = { false };
    if (!axes) {
        which[0] = TIME;
        *count = 1;
        return SX_OK;
    }
    if (o->axes.n < 1 || o->axes.n > AXES)
        return sx_node_fail(r, axes, SX_E_USAGE, "input: axes: want one to three of \"trial\", \"time\", \"channel\"");
    for (int64_t a = 0; a < o->axes.n; a++) {
        int k = 0;
        while (k < AXES && strcmp(axis_names[k], o->axes.text[a]) != 0) k++;
        if (k == AXES || seen[k])
            return sx_node_fail(r, sx_toml_at(axes, a), SX_E_USAGE,
                                "input: axes: '%s' %s; want \"trial\", \"time\" and \"channel\" once each",
                                o->axes.text[a], k == AXES ? "is not an axis" : "is given twice");
        seen[k] = true;
        which[a] = k;
    }
    if (!seen[TIME]) return sx_node_fail(r, axes, SX_E_USAGE, "input: axes: an axis must be \"time\"");
    *count = (int)o->axes.n;
    return SX_OK;
}

/* Read the file and bring its axes into the order trial, time, channel. */
static sx_status read_samples(const sx_reader *r, const sx_toml_node *node, const samples_opts *o, const int *which,
                              int n_axes, sx_input *in) {
    sx_ctx *ctx = r->ctx;
    sx_status status = SX_OK;
    sx_array a = { 0 };
    sx_read_opts ro = {
        .name = o->name, .layout = SX_CSV_MATRIX, .header = o->has_header ? o->header : -1, .missing_error = true
    };
    int64_t length[AXES] = { 1, 1, 1 }, stride[AXES] = { 0, 0, 0 }, n = 0, s = 1;
    double *data = NULL;
    SX_GO(ctx, status, done, sx_values_file(r, node, o->file, &ro, &a));
    int ndim = a.ndim;
    int64_t *shape = a.shape;
    int64_t flat[1] = { a.n };
    if (ndim == 2 && n_axes == 1 && (shape[0] == 1 || shape[1] == 1)) { /* a CSV column is a vector */
        ndim = 1;
        shape = flat;
    }
    if (!a.data || ndim != n_axes) {
        status =
            sx_node_fail(r, node, SX_E_FILE,
                         ndim > 1 && !sx_toml_get(node, "axes")
                             ? "input: %s has %d axes; say which is which: axes = [\"trial\", \"time\", \"channel\"]"
                             : "input: %s has %d axes, which does not fit the %d of `axes`",
                         o->file, ndim, n_axes);
        goto done;
    }
    for (int k = n_axes - 1; k >= 0; k--) {
        length[which[k]] = shape[k];
        stride[which[k]] = s;
        s *= shape[k];
    }
    SX_GO(ctx, status, done, sx_arena_alloc(ctx, r->arena, a.n, sizeof *data, &data));
    for (int64_t i = 0; i < length[TRIAL]; i++)
        for (int64_t t = 0; t < length[TIME]; t++)
            for (int64_t c = 0; c < length[CHANNEL]; c++)
                data[n++] = a.data[i * stride[TRIAL] + t * stride[TIME] + c * stride[CHANNEL]];
    in->trials = length[TRIAL];
    in->times = length[TIME];
    in->channels = length[CHANNEL];
    in->data = data;
    for (int k = 0; k < n_axes; k++)
        if (which[k] == TRIAL) r->bind->trials = length[TRIAL];
    if (o->channels.n && o->channels.n != in->channels)
        status = sx_node_fail(r, sx_toml_get(node, "channels"), SX_E_FILE,
                              "input: channels names %lld units, but %s has %lld channels", (long long)o->channels.n,
                              o->file, (long long)in->channels);
    else if (!o->channels.n && r->bind->n >= 0 && in->channels > r->bind->n)
        status = sx_node_fail(
            r, node, SX_E_FILE,
            "input: %s has %lld channels, but the model has %lld units; name the driven ones in `channels`", o->file,
            (long long)in->channels, (long long)r->bind->n);
    if (o->channels.n) in->channel_unit = o->channels.index;
done:
    sx_array_free(ctx, &a);
    return status;
}

static bool is_discrete(const sx_experiment *e) {
    const sx_toml_node *time = sx_toml_get(e->model, "time");
    if (strcmp(e->info->kind, "cell") == 0) return true;
    return time && sx_toml_type_of(time) == SX_TOML_STRING && strcmp(sx_toml_string(time, NULL), "discrete") == 0;
}

sx_status sx_load_input(const sx_reader *r, const sx_experiment *e, sx_input *input) {
    static const sx_field constant = { .name = "input",
                                       .type = SX_VALUES,
                                       .shape = "unit",
                                       .flags = SX_FROM_FILE,
                                       .unit = "state",
                                       .help = "external input" };
    const sx_toml_node *node = e->input;
    sx_input in = { .struct_size = sizeof in };
    samples_opts o = { 0 };
    sx_part parts[] = { { sx_input_fields, &in }, { samples_fields, &o } };
    int which[AXES] = { TIME, TIME, TIME }, n_axes;
    bool table = sx_toml_type_of(node) == SX_TOML_TABLE;
    if (!table || sx_toml_get(node, "column") || sx_toml_get(node, "key") || sx_toml_get(node, "missing")) {
        sx_fields_default(sx_input_fields, &in);
        in.kind = SX_INPUT_CONSTANT;
        SX_TRY(r->ctx, sx_values_read(r, node, &constant, &in.amplitude));
        *input = in;
        return SX_OK;
    }
    SX_TRY(r->ctx, sx_schema_read(r, node, "input", parts, 2, NULL));
    const sx_toml_node *kind = sx_toml_get(node, "kind"), *other;
    if (o.file && kind && in.kind != SX_INPUT_SAMPLES)
        return sx_node_fail(r, kind, SX_E_USAGE, "input: a file holds samples; leave 'kind' out");
    if (!o.file) {
        if (in.kind == SX_INPUT_SAMPLES) return sx_node_fail(r, node, SX_E_USAGE, "input: 'file' is missing");
        for (const sx_field *f = samples_fields; f->name; f++)
            if ((other = sx_toml_get(node, f->name)))
                return sx_node_fail(r, other, SX_E_USAGE, "input: '%s' belongs to an input from a file", f->name);
        if ((other = sx_toml_get(node, "dt")) || (other = sx_toml_get(node, "hold")))
            return sx_node_fail(r, other, SX_E_USAGE, "input: '%s' belongs to an input from a file",
                                sx_toml_key(other));
        if (!sx_toml_get(node, "amplitude")) return sx_node_fail(r, node, SX_E_USAGE, "input: 'amplitude' is missing");
        *input = in;
        return SX_OK;
    }
    in.kind = SX_INPUT_SAMPLES;
    if (!sx_toml_get(node, "dt")) {
        if (!is_discrete(e))
            return sx_node_fail(r, node, SX_E_USAGE, "input: 'dt' is missing: the time between samples of the file");
        in.dt = 1;
    }
    SX_TRY(r->ctx, read_axes(r, node, &o, which, &n_axes));
    if (r->bind) SX_TRY(r->ctx, read_samples(r, node, &o, which, n_axes, &in));
    *input = in;
    return SX_OK;
}
