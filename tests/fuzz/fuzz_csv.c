// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* libFuzzer entry point of the CSV reader: the first byte chooses format, layout and options. */
#include "fuzz_array.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const formats[] = { "csv", "csv", "txt", "csv.gz" };
    if (size == 0) return 0;
    sx_read_opts opts = { .layout = data[0] % 3,
                          .header = (data[0] >> 2) % 3 - 1,
                          .first_column_labels = data[0] & 16,
                          .missing_error = data[0] & 32,
                          .allow_nonfinite = data[0] & 32 };
    if (opts.layout == SX_CSV_COLUMN && opts.header != 0) opts.key = "neuron", opts.column = "tau_ms";
    fuzz_array(formats[data[0] >> 6], data + 1, size - 1, opts);
    return 0;
}
