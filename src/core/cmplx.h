// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* <complex.h> with CMPLX of C11 7.3.9.3, which glibc defines for GCC alone, and without the macro I: an input and an interval have that name. */
#ifndef SX_CORE_CMPLX_H
#define SX_CORE_CMPLX_H

#include <complex.h>
#undef I

#ifndef CMPLX
#define CMPLX(re, im) __builtin_complex((double)(re), (double)(im))
#endif

#endif
