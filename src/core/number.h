// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Numbers as text, independent of the host's locale. */
#ifndef SX_CORE_NUMBER_H
#define SX_CORE_NUMBER_H

#include <separatrix/status.h>

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* The shortest of 15, 16 or 17 digits that reads back as x: "0.1", "1e-300", "inf", "-inf", "nan". Returns buf. */
SX_API const char *sx_number_print(char buf[32], double x);
/* A TOML number ("0.01", "1_000", "-3e5", "inf", "+inf", "-inf", "nan") or false. */
SX_API bool sx_number_parse(const char *text, double *out);
/* vsnprintf in the C locale: a decimal point whatever the host's locale. */
SX_API SX_PRINTF(3, 0) int sx_number_vprint(char *buf, size_t size, const char *format, va_list args);

#endif
