#!/bin/sh
# Build each mutant of tools/mutants.txt and require that the named test fails on it. The unmutated tests have passed before.
set -eu
survivors=
grep -v '^#' tools/mutants.txt | while read -r mutant test; do
    [ -n "$mutant" ] || continue
    cmake -S . -B build-mutant -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_FLAGS_RELEASE=-O1 -DSX_MUTANT="$mutant" >/dev/null
    cmake --build build-mutant -j "${JOBS:-2}" --target "$test" >/dev/null
    if build-mutant/tests/"$test" >build-mutant/log 2>&1; then
        echo "check_mutants: '$mutant' survived $test"
        exit 1
    fi
    grep -qE 'FAILED TEST|\[  FAILED  \]' build-mutant/log || { cat build-mutant/log; echo "check_mutants: '$mutant' ended $test, but not by a failed assertion"; exit 1; }
    echo "check_mutants: '$mutant' killed by $test"
done
