// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* A user's program against the installed library: the variance of an Ornstein-Uhlenbeck process, beside theory. */
#include <separatrix/experiment.h>
#include <separatrix/separatrix.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

int main(void) {
    const char *text =
        "seed = 1\n[model]\nkind = \"linear\"\nn = 1\nleak = 1.0\n[noise]\nkind = \"additive\"\nD = 1.0\n"
        "[[task]]\ndo = \"simulate\"\nburn_in = 10.0\nduration = 100.0\ndt = 0.1\nreplicas = 64\n";
    sx_ctx *ctx = sx_ctx_create(NULL);
    sx_experiment *experiment = NULL;
    sx_result *result = NULL;
    double variance = 0, se = 0;
    if (sx_experiment_parse(ctx, "ou.toml", ".", text, strlen(text), NULL, 0, &experiment) < 0 ||
        sx_experiment_result(ctx, experiment, &result) < 0 ||
        sx_result_read(ctx, result, sx_result_find(result, "simulate", "x_variance"), NULL, NULL, &variance) < 0 ||
        sx_result_read(ctx, result, sx_result_find(result, "simulate", "x_variance_se"), NULL, NULL, &se) < 0) {
        fprintf(stderr, "%s\n%s\n", sx_ctx_message(ctx), sx_ctx_trace(ctx));
        return 1;
    }
    printf("Separatrix %s: variance %.4f +- %.4f, exact 1\n", sx_version(), variance, se);
    sx_result_free(ctx, result);
    sx_experiment_free(ctx, experiment);
    sx_ctx_free(ctx);
    return fabs(variance - 1) < 5 * se ? 0 : 1;
}
