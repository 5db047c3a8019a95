// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The table that `separatrix selfcheck` prints, shared by its parts. */
#ifndef SX_CLI_SELFCHECK_H
#define SX_CLI_SELFCHECK_H

#include <separatrix/model.h>

typedef struct sx_checklist {
    int rows, failed;
} sx_checklist;

/* A section heading with the names of the columns. */
void sx_checklist_section(const char *title);
/* |value - expected| <= tolerance. */
void sx_checklist_number(sx_checklist *list, const char *name, double value, double expected, double tolerance);
/* The same bits. */
void sx_checklist_bits(sx_checklist *list, const char *name, uint64_t value, uint64_t expected);
/* A check that does not apply here, with the reason. */
void sx_checklist_skip(const char *name, const char *reason);

/* FNV-1a, 64 bits, over the bytes of doubles; begin with SX_CHECK_HASH. */
#define SX_CHECK_HASH UINT64_C(0xcbf29ce484222325)
uint64_t sx_check_hash(uint64_t hash, int64_t n, const double *x);

/* selfcheck_machine.c: known answers, bits, exact laws, threads, resuming. */
sx_status sx_selfcheck_machine(sx_checklist *list) SX_MUST_USE;
sx_status sx_selfcheck_laws(sx_ctx *ctx, sx_checklist *list) SX_MUST_USE;
/* selfcheck_model.c: relations that hold for any model. */
sx_status sx_selfcheck_model(sx_ctx *ctx, const sx_model *m, sx_checklist *list) SX_MUST_USE;

#endif
