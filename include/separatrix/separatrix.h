// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/** @file separatrix.h  The whole core API. Files, experiments and reports: io.h, experiment.h, report.h. */
#ifndef SEPARATRIX_SEPARATRIX_H
#define SEPARATRIX_SEPARATRIX_H
#include <separatrix/activation.h>
#include <separatrix/basins.h>
#include <separatrix/attention.h>
#include <separatrix/cell.h>
#include <separatrix/context.h>
#include <separatrix/coupling.h>
#include <separatrix/equations.h>
#include <separatrix/fixed_points.h>
#include <separatrix/field.h>
#include <separatrix/hopfield.h>
#include <separatrix/lyapunov.h>
#include <separatrix/learn.h>
#include <separatrix/model.h>
#include <separatrix/models.h>
#include <separatrix/noise.h>
#include <separatrix/orbits.h>
#include <separatrix/plugin.h>
#include <separatrix/random.h>
#include <separatrix/recall.h>
#include <separatrix/reentry.h>
#include <separatrix/result.h>
#include <separatrix/samplers.h>
#include <separatrix/response.h>
#include <separatrix/simulate.h>
#include <separatrix/spectrum.h>
#include <separatrix/status.h>
#include <separatrix/task.h>
#include <separatrix/vmath.h>
#endif
