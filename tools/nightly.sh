#!/bin/sh
# Longer suites: everything of `make check`, then ten times as many kills with another seed, threads under the thread sanitizer, and fuzzing of
# every reader with address and undefined-behaviour sanitizers. JOBS: parallel builds; SX_SEED: of the kills (today's date); SX_FUZZ_SECONDS:
# per reader. See docs/design/reliability.md.
set -eu
jobs=${JOBS:-$(nproc)}
step() { printf '\n== %s (%s)\n' "$1" "$(date +%T)"; }

sh tools/check.sh

SX_SEED=${SX_SEED:-$(date +%Y%m%d)}
export SX_SEED
step "kills, faults and examples, seed $SX_SEED"
SX_NIGHTLY=1 ctest --test-dir build-ci --output-on-failure -L slow --timeout 7200

step "address and undefined-behaviour sanitizers, long statistics"
ctest --test-dir build-asan --output-on-failure -j "$jobs" -L slow -R '^(test|selfcheck)_'

step "collective modes: 100 networks of 800 units for each claim"
SX_NIGHTLY=1 build-ci/tests/test_spectrum

step "large spectra"
cmake --build build-ci -j "$jobs" --target large_spectrum
build-ci/tests/large_spectrum

step "capacity of Hebb's rule by finite-size extrapolation"
python3 tests/nightly/hopfield_capacity.py build-ci/separatrix

step "thread sanitizer (Clang, libomp, Archer)"
cmake --preset tsan >/dev/null
cmake --build build-tsan -j "$jobs" --target race test_context test_simulate test_stepper test_coupling test_ensemble test_rate test_result
ctest --test-dir build-tsan --output-on-failure -R '^(race|test_(context|simulate|stepper|coupling|ensemble|rate|result))$'

step "fuzzing, ${SX_FUZZ_SECONDS:-600} s each"
cmake --preset fuzz -DSX_TESTS=OFF >/dev/null
cmake --build build-fuzz -j "$jobs" --target fuzz
for target in build-fuzz/tests/fuzz/fuzz_*; do
    [ -x "$target" ] && [ -f "$target" ] || continue
    name=$(basename "$target")
    corpus=build-fuzz/corpus/$name
    mkdir -p "$corpus"
    "$target" -max_total_time="${SX_FUZZ_SECONDS:-600}" -max_len=4096 -timeout=20 -rss_limit_mb=2048 -artifact_prefix="build-fuzz/$name-" \
        -print_final_stats=1 "$corpus" tests/data/arrays >"build-fuzz/$name.log" 2>&1 || { tail -60 "build-fuzz/$name.log"; exit 1; }
    echo "$name: $(sed -n 's/^stat::number_of_executed_units: *//p' "build-fuzz/$name.log") inputs"
done

step "done"
