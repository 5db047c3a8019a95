// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Between composed.c and noise_thermal.c: the metric of a composed model. */
#ifndef SX_MODELS_COMPOSED_H
#define SX_MODELS_COMPOSED_H

#include "models/metric.h"

/* NULL when the model is of another kind. Borrowed from the model. */
const sx_metric *sx_composed_metric(const sx_model *m);

#endif
