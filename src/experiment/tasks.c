// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The tasks that an experiment can name, in the order of the documentation. */
#include <separatrix/basins.h>
#include <separatrix/experiment.h>
#include <separatrix/learn.h>
#include <separatrix/recall.h>
#include <separatrix/lyapunov.h>
#include <separatrix/response.h>
#include <separatrix/orbits.h>
#include <separatrix/fixed_points.h>
#include <separatrix/simulate.h>
#include <separatrix/spectrum.h>

#include <string.h>

static const sx_task_ops *const all_tasks[] = {
    &sx_simulate_task, &sx_spectrum_task, &sx_lyapunov_task, &sx_response_task, &sx_fixed_points_task,
    &sx_basins_task,   &sx_orbits_task,   &sx_learn_task,    &sx_recall_task,
};

const sx_task_ops *const *sx_tasks(int *n) {
    *n = (int)(sizeof all_tasks / sizeof *all_tasks);
    return all_tasks;
}

const sx_task_ops *sx_task_find(const char *name) {
    int n;
    const sx_task_ops *const *tasks = sx_tasks(&n);
    for (int i = 0; i < n; i++)
        if (strcmp(tasks[i]->name, name) == 0) return tasks[i];
    return NULL;
}
