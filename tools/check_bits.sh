#!/bin/sh
# Tier A (no BLAS): the programs of two compilers give byte-identical results, at every kernel level this CPU has.
set -eu
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
for example in ornstein-uhlenbeck double-well; do
    for build in "$1" "$2"; do
        name=$(basename "$build")
        "$build/separatrix" run "examples/$example/$example.toml" --out "$tmp/$name-$example" --no-report --quiet --threads 2 >/dev/null
    done
    h5diff -v "$tmp/$(basename "$1")-$example/result.h5" "$tmp/$(basename "$2")-$example/result.h5" /"$(h5ls "$tmp/$(basename "$1")-$example/result.h5" | awk '/Group/ {print $1; exit}')" >"$tmp/diff" ||
        { cat "$tmp/diff"; echo "check_bits: $example differs between the compilers"; exit 1; }
done
echo "check_bits: ok"
