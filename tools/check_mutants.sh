#!/bin/sh
# The tests of the tests. One build holds every deliberate fault (src/core/mutant.h); each line of tools/mutants.txt names a fault and a test
# that must fail on it by an assertion, and must pass without it. BUILD: folder of the build; JOBS: how many at a time.
set -eu
build=${BUILD:-build-mutants}
jobs=${JOBS:-2}
list=$(sed 's/#.*//' tools/mutants.txt | awk 'NF')
bad=0
fail() { echo "check_mutants: $*"; bad=1; }

# Every fault in the sources is in the list, and the other way round.
grep -rhoE 'SX_MUTANT\([a-zA-Z0-9_]+\)' src --include='*.c' --include='*.h' | sed 's/.*(\(.*\))/\1/' | grep -vx name | sort -u >"${TMPDIR:-/tmp}/mutants.$$"
trap 'rm -f "${TMPDIR:-/tmp}/mutants.$$"' EXIT
for name in $(cat "${TMPDIR:-/tmp}/mutants.$$"); do
    echo "$list" | awk '{ print $1 }' | grep -qx "$name" || fail "'$name' is in src/ but not in tools/mutants.txt"
done
for name in $(echo "$list" | awk '{ print $1 }' | sort -u); do
    grep -qx "$name" "${TMPDIR:-/tmp}/mutants.$$" || fail "no source knows the fault '$name'"
done
[ $bad = 0 ] || exit 1

cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_FLAGS_RELEASE=-O1 -DCMAKE_CXX_FLAGS_RELEASE=-O1 -DSX_MUTANTS=ON >/dev/null
logs=$build/mutants
rm -rf "$logs"
mkdir -p "$logs"
cmake --build "$build" -j "$jobs" --target $(echo "$list" | awk '{ print $2 }' | sort -u) >"$logs/build" || { tail -40 "$logs/build"; exit 1; }

# one NAME PROGRAM TEST: run TEST of PROGRAM with the fault NAME (none: -) and say what came of it
cat >"$logs/one" <<'END'
name=$1 program=$2 test=$3
log=$LOGS/$name.$program.$test.log
[ "$name" = - ] && fault= || fault=$name
status=0
SX_MUTANT=$fault SX_TEST_FILTER=$test timeout 300 "$PROGRAMS/$program" >"$log" 2>&1 || status=$?
if [ "$name" = - ]; then
    [ $status = 0 ] && grep -qE '\[ +OK +\]' "$log" || { echo "SOUND $program fails $test without any fault ($log)"; exit 0; }
    echo "ok    $program $test passes"
elif [ $status = 0 ]; then
    echo "ALIVE '$name' survived $program $test"
elif [ $status -ge 124 ] || grep -q 'Test failed with exception' "$log"; then
    echo "CRASH '$name' ended $program $test, but not by a failed assertion ($log)"
elif ! grep -q 'error: Failure!' "$log"; then
    echo "CRASH '$name': $program $test ended with $status and no failed test ($log)"
else
    echo "ok    $name: killed by $program $test"
fi
END
export LOGS="$logs" PROGRAMS="$build/tests"
{
    echo "$list" | awk '{ print "-", $2, $3 }' | sort -u
    echo "$list" | awk '{ print $1, $2, $3 }'
} | xargs -P "$jobs" -L 1 sh "$logs/one" | tee "$logs/report"
grep -v '^ok ' "$logs/report" && { echo "check_mutants: some tests cannot see their fault"; exit 1; }
faults=$(echo "$list" | awk '{ print $1 }' | sort -u | wc -l)
echo "check_mutants: $faults faults, $(echo "$list" | wc -l) tests see theirs, all pass without"
