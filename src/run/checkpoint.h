// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Checkpoints of a task: the states of its work items, written whole or not at all, verified before anything is touched. */
#ifndef SX_RUN_CHECKPOINT_H
#define SX_RUN_CHECKPOINT_H

#include <separatrix/task.h>

/* The states of all items of one task, contiguous. */
typedef struct sx_states {
    int64_t n_items;
    size_t state_bytes; /* stride, a multiple of 64 */
    const sx_section *sections;
    int n_sections;
    uint64_t hash;       /* of experiment, build and kernel set */
    uint8_t *done;       /* n_items */
    unsigned char *data; /* n_items * state_bytes */
} sx_states;

static inline void *sx_state_at(const sx_states *s, int64_t item) {
    return s->data + (size_t)item * s->state_bytes;
}

/* Write generation `generation` of task `task` into the directory and drop all but the newest three. */
sx_status sx_checkpoint_write(sx_ctx *ctx, const char *directory, const char *task, int64_t generation,
                              const sx_states *states) SX_MUST_USE;
/* Read the newest valid generation into `states` (whose shape must match). *generation = -1 when the directory holds none of this
 * task. A damaged file is passed over with a warning that names it and why; SX_E_CHECKPOINT if files exist but none is valid. */
sx_status sx_checkpoint_read(sx_ctx *ctx, const char *directory, const char *task, sx_states *states,
                             int64_t *generation) SX_MUST_USE;

#endif
