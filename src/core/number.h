// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Numbers as text, independent of the host's locale. */
#ifndef SX_CORE_NUMBER_H
#define SX_CORE_NUMBER_H

#include <separatrix/status.h>

#include <stdbool.h>

/* The shortest of 15, 16 or 17 digits that reads back as x: "0.1", "1e-300", "inf", "-inf", "nan". Returns buf. */
SX_API const char *sx_number_print(char buf[32], double x);
/* A TOML number ("0.01", "1_000", "-3e5", "inf", "+inf", "-inf", "nan") or false. */
SX_API bool sx_number_parse(const char *text, double *out);

#endif
