// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/** @file random.h  Stateless random numbers: Philox4x32-10 (Salmon et al., SC'11) keyed by meaning, not by order.
 *
 *  key     = hash(seed, path of names and sweep values); adding a task or a sweep point moves no other number.
 *  counter = { step low 32, unit pair, global replica, (step high 16) << 16 | slot }. One call gives 128 bits = two 53-bit
 *  uniforms = two normals: those of the units 2j and 2j+1. */
#ifndef SEPARATRIX_RANDOM_H
#define SEPARATRIX_RANDOM_H

#include <separatrix/status.h>

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A key: what a stream of random numbers is for. */
typedef struct sx_key {
    uint32_t k[2]; /**< the two words of Philox */
} sx_key;

/** Purposes that share one (step, unit pair, replica) of one key. */
typedef enum sx_slot {
    SX_SLOT_DW = 0,
    SX_SLOT_DZ = 1,
    SX_SLOT_INITIAL = 2,
    SX_SLOT_COUPLING = 3,
    SX_SLOT_USER = 16
} sx_slot;

/** Limits: steps < 2^48, unit pairs and replicas < 2^32. */
#define SX_STEP_LIMIT (INT64_C(1) << 48)

/** The ten-round Philox4x32 bijection. Source: Random123. */
SX_API void sx_philox(const uint32_t counter[4], sx_key key, uint32_t out[4]);
/** Root key of a seed. */
SX_API sx_key sx_key_seed(uint64_t seed);
/** Child key: a hash of (parent, name, index); name is any UTF-8 text such as "simulate-a", "g=1.5" or "dW". */
SX_API sx_key sx_key_derive(sx_key parent, const char *name, uint64_t index);

/** Standard normals out[u*b + r] for units u in [0,n), replicas replica0 + r, r in [0,b), at one step and slot.
 *  Box-Muller of 53-bit uniforms u = (k + 1/2) 2^-53 in (0,1) with the library's own log and sincospi: same bits on every
 *  x86-64 CPU and compiler. Cost about 25 vector flops a normal. */
SX_API void sx_normal_fill(sx_key key, uint64_t step, sx_slot slot, int64_t replica0, int64_t n, int64_t b,
                           double *out);
/** Uniforms in (0,1), same indexing. */
SX_API void sx_uniform_fill(sx_key key, uint64_t step, sx_slot slot, int64_t replica0, int64_t n, int64_t b,
                            double *out);

#ifdef __cplusplus
}
#endif
#endif
