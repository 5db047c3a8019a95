// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Options and outputs of `recall`, as tables. */
#include <separatrix/recall.h>
#include <separatrix/samplers.h>

#include <math.h>
#include <stddef.h>

#define F(member) .offset = offsetof(sx_recall_opts, member)
const sx_field sx_recall_fields[] = {
    { .name = "mode",
      .type = SX_ENUM,
      F(mode),
      .def = "\"denoise\"",
      .choices = SX_RECALL_CHOICES,
      .help =
          "denoise: noisy evidence; complete: a part of the units has none; replay: no evidence at all; retain: the "
          "noisy pattern is the first state, without evidence" },
    { .name = "data", .type = SX_DATA, F(data), .flags = SX_REQUIRED, .help = "patterns, one number per unit" },
    { .name = "strength",
      .type = SX_F64,
      F(strength),
      SX_UNBOUNDED,
      .def = "1.0",
      .unit = "1",
      .help = "the target is strength * pattern" },
    { .name = "snr",
      .type = SX_F64,
      F(snr),
      .lo = 0,
      .hi = INFINITY,
      .flags = SX_HI_OPEN,
      .def = "1.0",
      .unit = "1",
      .help = "the noise of a cue has the standard deviation of the target over snr; 0 = no noise" },
    { .name = "hidden",
      .type = SX_F64,
      F(hidden),
      .lo = 0,
      .hi = 1,
      .flags = SX_HI_OPEN,
      .def = "0.5",
      .unit = "1",
      .help = "complete: fraction of the units without evidence" },
    { .name = "trials", .type = SX_I64, F(trials), .lo = 1, .hi = 1e7, .def = "100", .help = "independent trials" },
    { .name = "order",
      .type = SX_ENUM,
      F(order),
      .def = "\"sequential\"",
      .choices = "sequential|random",
      .help = "which pattern a trial takes" },
    { .name = "start",
      .type = SX_ENUM,
      F(start),
      .def = "\"zero\"",
      .choices = "zero|cue|previous",
      .help = "first state, with replay zero means random; previous: the last state of the trial before, trials run "
              "one after "
              "the other" },
    { .name = "sampler",
      .type = SX_ENUM,
      F(sampler),
      .def = "\"model\"",
      .choices = "model|" SX_SAMPLER_CHOICES,
      .help = "how the network is updated" },
    { .name = "steps",
      .type = SX_I64,
      F(steps),
      .lo = 1,
      .hi = 1e9,
      .def = "100",
      .help = "steps of the network in a trial" },
    { .name = "burn_in",
      .type = SX_I64,
      F(burn_in),
      .lo = 0,
      .hi = 1e9,
      .def = "0",
      .help = "first steps that are left out" },
    { .name = "inverse_temperature",
      .type = SX_F64,
      F(inverse_temperature),
      .lo = 0,
      .hi = INFINITY,
      .flags = SX_LO_OPEN | SX_HI_OPEN,
      .def = "0.0",
      .unit = "1",
      .help = "of the network; left out: the model's" },
    SX_FIELD_END
};

const sx_output sx_recall_outputs[] = {
    { "r2_response", "trial", "1", "squared correlation of the mean response with the target" },
    { "r2_cue", "trial", "1", "squared correlation of the cue with the target" },
    { "r2_gain", "", "1", "median over trials of r2_response - r2_cue" },
    { "r2_gain_low", "", "1", "lower end of its 95 % interval (order statistics)" },
    { "r2_gain_high", "", "1", "upper end" },
    { "correlation", "", "1", "mean over trials of the correlation of the response with the target" },
    { "correlation_se", "", "1", "its standard error" },
    { "response", "trial,unit", "state", "mean response" },
    { "cue", "trial,unit", "state", "pattern with noise" },
    { "target", "trial,unit", "state", "strength * pattern" },
    { "pattern", "trial", "1", "row of the data that a trial presented" },
    { "transitions", "pattern,pattern2", "1", "steps from pattern2 to pattern; the diagonal: steps that stayed" },
    { "label_correlation", "", "1", "mean correlation of a state with its label" },
    { NULL, NULL, NULL, NULL }
};
