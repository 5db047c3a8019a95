// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Models of kind `reentry`: the radial reduction at each point, and the regime that follows from it (reentry.h). */
#include "spectrum_private.h"

#include <separatrix/reentry.h>

#include <string.h>

static const char *const regimes[] = { "quenched", "reactive", "reflective" };

sx_status sx_spectrum_shell(sx_ctx *ctx, const sx_spectrum *s, sx_result *r) {
    int64_t n = s->places.n;
    double *v = NULL;
    const char **names = NULL;
    sx_status status = SX_OK;
    int id;
    if (!s->dense || strcmp(sx_model_name(s->places.models[0]), "reentry") != 0) return SX_OK;
    sx_var regime = { .name = "regime",
                      .dims = "point",
                      .dtype = SX_DT_STRING,
                      .units = "1",
                      .long_name = "quenched: no shell; reactive: shell_frequency <= shell_rate; reflective: above" };
    SX_GO(ctx, status, done, sx_alloc(ctx, 3 * n, sizeof *v, &v));
    SX_GO(ctx, status, done, sx_alloc(ctx, n, sizeof *names, &names));
    for (int64_t p = 0; p < n; p++) {
        sx_reentry_shell shell;
        status = sx_reentry_shell_at(ctx, s->places.models[p], s->places.x + p * s->n, &shell);
        if (status == SX_E_UNSUPPORTED) { /* with coloured noise the state is another one */
            sx_ctx_clear(ctx);
            status = SX_OK;
            goto done;
        }
        SX_GO(ctx, status, done, status);
        v[p] = shell.radius;
        v[n + p] = shell.rate;
        v[2 * n + p] = shell.frequency;
        names[p] = regimes[shell.regime];
    }
    SX_GO(ctx, status, done,
          sx_spectrum_put(ctx, s, r, "shell_radius", "point", "state",
                          "radius of the shell in the direction of the point", v));
    SX_GO(ctx, status, done,
          sx_spectrum_put(ctx, s, r, "shell_rate", "point", "1/time", "relaxation rate of the radius on the shell",
                          v + n));
    SX_GO(ctx, status, done,
          sx_spectrum_put(ctx, s, r, "shell_frequency", "point", "1/time", "angular velocity on the shell", v + 2 * n));
    SX_GO(ctx, status, done, sx_result_define(ctx, r, s->group, &regime, &id));
    SX_GO(ctx, status, done, sx_result_write(ctx, r, id, NULL, NULL, names));
done:
    sx_free(ctx, names);
    sx_free(ctx, v);
    return status;
}
