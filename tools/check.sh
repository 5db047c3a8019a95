#!/bin/sh
# Everything that must hold before a change lands. Each step prints its name; the first failure ends it. JOBS: parallel builds.
set -eu
jobs=${JOBS:-$(nproc)}
step() { printf '\n== %s (%s)\n' "$1" "$(date +%T)"; }

step "formatting"
git ls-files '*.c' '*.h' '*.cpp' | xargs clang-format --dry-run -Werror

step "layers, headers"
python3 tools/check_layers.py --self-test
python3 tools/check_layers.py
sh tools/check_headers.sh

step "build with GCC, warnings are errors"
cmake --preset ci >/dev/null
cmake --build build-ci -j "$jobs"
sh tools/check_symbols.sh build-ci

step "tests"
ctest --test-dir build-ci --output-on-failure -j "$jobs"

step "the installed library: consumer by pkg-config and by CMake, program moved elsewhere"
sh tools/check_install.sh build-ci

step "build with Clang, warnings are errors; same bits as GCC"
cmake --preset clang -DSX_TESTS=OFF >/dev/null
cmake --build build-clang -j "$jobs"
sh tools/check_bits.sh build-ci build-clang

step "address and undefined-behaviour sanitizers"
cmake --preset asan >/dev/null
cmake --build build-asan -j "$jobs"
ctest --test-dir build-asan --output-on-failure -j "$jobs" -LE slow

step "mutants: every deliberate fault must turn its test red"
sh tools/check_mutants.sh

step "done"
