#!/bin/sh
# The shared libraries export sx_ symbols only, and exactly those listed in tools/symbols.txt (update: tools/check_symbols.sh BUILD --update).
set -eu
build=$1
[ -f "$build/libseparatrix.so" ] && [ -f "$build/libseparatrix-io.so" ] || { echo "check_symbols: no libraries in $build"; exit 1; }
list() { for lib in libseparatrix.so libseparatrix-io.so; do nm -D --defined-only "$build/$lib" | awk '{print $3}' | sed 's/@.*//' | sort | sed "s/^/$lib /"; done; }
if [ "${2:-}" = --update ]; then list >tools/symbols.txt; exit 0; fi
if list | grep -v ' sx_' | grep -vE ' (_init|_fini|__bss_start|_edata|_end)$'; then echo "check_symbols: exported without the prefix sx_"; exit 1; fi
list | diff tools/symbols.txt - || { echo "check_symbols: the exported symbols changed; if meant, run: tools/check_symbols.sh $build --update"; exit 1; }
# Hidden functions carry the prefix too, so that a static link cannot clash.
if nm "$build"/CMakeFiles/sx_objects.dir/src/*/*.o | awk '$2 ~ /^[TDBR]$/ && $3 !~ /^sx_/ {print $3}' | grep .; then echo "check_symbols: external names without the prefix sx_"; exit 1; fi
echo "check_symbols: ok"
