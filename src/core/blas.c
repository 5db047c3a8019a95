// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Settings of the BLAS library in use. The OpenBLAS functions are weak, so that any other BLAS links too. */
#include "core/linalg.h"

#if defined(__GNUC__)
#define SX_WEAK __attribute__((weak))
#else
#define SX_WEAK
#endif
extern void openblas_set_num_threads(int threads) SX_WEAK;
extern int openblas_get_num_threads(void) SX_WEAK;
extern char *openblas_get_config(void) SX_WEAK;

void sx_blas_single_thread(void) {
    /* several contexts may be created at once: do not touch the setting when it is right already */
    if (openblas_set_num_threads && openblas_get_num_threads && openblas_get_num_threads() != 1)
        openblas_set_num_threads(1);
}

const char *sx_blas_name(void) {
    return openblas_get_config ? openblas_get_config() : "unknown";
}
