#!/bin/sh
# Longer suites: everything of `make check`, then more kills, larger networks, thread sanitizer, and ten minutes of fuzzing per reader.
set -eu
jobs=${JOBS:-$(nproc)}
sh tools/check.sh
SX_NIGHTLY=1 ctest --test-dir build-ci --output-on-failure -L slow
cmake --preset tsan >/dev/null
cmake --build build-tsan -j "$jobs"
TSAN_OPTIONS=halt_on_error=1 ctest --test-dir build-tsan --output-on-failure -R 'test_(context|simulate|coupling|rate)$'
cmake --preset fuzz >/dev/null
cmake --build build-fuzz -j "$jobs"
for target in build-fuzz/tests/fuzz/fuzz_*; do
    [ -x "$target" ] && [ -f "$target" ] && "$target" -max_total_time="${SX_FUZZ_SECONDS:-600}" -rss_limit_mb=2048
done
