// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/** @file status.h  Return values of the library. */
#ifndef SEPARATRIX_STATUS_H
#define SEPARATRIX_STATUS_H

#if defined(__GNUC__)
/** Exported from the shared libraries. */
#define SX_API __attribute__((visibility("default")))
/** The status must not be ignored. */
#define SX_MUST_USE __attribute__((warn_unused_result))
/** Arguments are checked like those of printf. */
#define SX_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#else
#define SX_API
#define SX_MUST_USE
#define SX_PRINTF(fmt, first)
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** name, value, text. Below zero: failed and outputs untouched; zero: done; above: finished for a stated reason. */
#define SX_STATUS_LIST(X)                                                                                              \
    X(SX_OK, 0, "done")                                                                                                \
    X(SX_STOPPED, 1, "stopped on request; the run can be resumed")                                                     \
    X(SX_NOT_CONVERGED, 2, "finished without reaching the requested tolerance")                                        \
    X(SX_E_USAGE, -2, "wrong usage or experiment")                                                                     \
    X(SX_E_FILE, -3, "an input file is missing or malformed")                                                          \
    X(SX_E_NUMERIC, -4, "numerical failure")                                                                           \
    X(SX_E_IO, -5, "reading or writing failed")                                                                        \
    X(SX_E_MEMORY, -6, "out of memory")                                                                                \
    X(SX_E_CHECKPOINT, -7, "no valid checkpoint")                                                                      \
    X(SX_E_BUSY, -8, "the output directory is in use")                                                                 \
    X(SX_E_UNSUPPORTED, -9, "the model has no such operation")                                                         \
    X(SX_E_INTERNAL, -70, "internal error")

/** Status of a call. */
typedef enum sx_status {
#define SX_STATUS_ENUM(name, value, text) name = value,
    SX_STATUS_LIST(SX_STATUS_ENUM)
#undef SX_STATUS_ENUM
} sx_status;

/** Static text of a status; never NULL. */
SX_API const char *sx_status_text(sx_status status);
/** Process exit code of a status: 0, 2..8, 70, 75 (SX_STOPPED), 4 (SX_NOT_CONVERGED), 2 (SX_E_UNSUPPORTED). */
SX_API int sx_status_exit_code(sx_status status);
/** "MAJOR.MINOR.PATCH" of the library. */
SX_API const char *sx_version(void);
/** Git revision the library was built from, or "unknown". */
SX_API const char *sx_revision(void);

#ifdef __cplusplus
}
#endif
#endif
