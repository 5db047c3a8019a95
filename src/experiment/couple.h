// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Couplings from their descriptions: read, oriented, ordered by label, normalised. */
#ifndef SX_EXPERIMENT_COUPLE_H
#define SX_EXPERIMENT_COUPLE_H

#include "experiment/load.h"

typedef struct sx_coupled {
    sx_coupling *w; /* owned; rows are targets; normalised and scaled; not yet a Laplacian */
    int64_t n;
    const char *const *labels; /* arena; NULL = none */
    double radius;             /* before normalising; NaN = not computed */
} sx_coupled;

/* One coupling of n units, outside of the order of the others. */
sx_status sx_couple_one(const sx_reader *r, const sx_experiment *e, const sx_coupling_spec *c, int64_t n,
                        sx_coupled *out) SX_MUST_USE;

/* Realise couplings of the experiment, all in the unit order of the first that has labels. r->bind receives n and labels. On failure
 * what is there is freed. @param[out] out e->n_couplings elements, zeroed by the caller */
sx_status sx_couple_all(const sx_reader *r, const sx_experiment *e, sx_coupled *out) SX_MUST_USE;

#endif
