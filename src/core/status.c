// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Texts and exit codes of the return values; version of the library. */
#include <separatrix/status.h>

#ifndef SX_VERSION
#define SX_VERSION "0.1.0"
#endif
#ifndef SX_REVISION
#define SX_REVISION "unknown"
#endif

const char *sx_status_text(sx_status status) {
    switch (status) {
#define SX_STATUS_CASE(name, value, text)                                                                              \
    case name:                                                                                                         \
        return text;
        SX_STATUS_LIST(SX_STATUS_CASE)
#undef SX_STATUS_CASE
    }
    return "unknown status";
}

int sx_status_exit_code(sx_status status) {
    switch (status) {
    case SX_OK:
        return 0;
    case SX_STOPPED:
        return 75;
    case SX_NOT_CONVERGED:
        return 4;
    case SX_E_UNSUPPORTED:
        return 2;
    case SX_E_USAGE:
    case SX_E_FILE:
    case SX_E_NUMERIC:
    case SX_E_IO:
    case SX_E_MEMORY:
    case SX_E_CHECKPOINT:
    case SX_E_BUSY:
        return -(int)status;
    case SX_E_INTERNAL:
        break;
    }
    return 70;
}

const char *sx_version(void) {
    return SX_VERSION;
}

const char *sx_revision(void) {
    return SX_REVISION;
}
