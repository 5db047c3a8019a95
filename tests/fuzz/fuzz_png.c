// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* libFuzzer entry point of the .png reader. */
#include "fuzz_array.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_array("png", data, size, (sx_read_opts){ .header = -1, .missing_error = true });
    return 0;
}
