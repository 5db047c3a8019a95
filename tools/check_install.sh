#!/bin/sh
# Build a consumer against the installed library, by pkg-config and by CMake, and run the program from a moved tree.
set -eu
build=$1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cmake --install "$build" --prefix "$tmp/first" >/dev/null
mv "$tmp/first" "$tmp/moved"
prefix=$tmp/moved
"$prefix/bin/separatrix" --version
pc=$(dirname "$(find "$prefix" -name separatrix.pc)")
libdir=$(dirname "$pc")
PKG_CONFIG_PATH=$pc gcc -std=c11 -Wall -Wextra -Werror tests/consumer/consumer.c -o "$tmp/consumer" $(PKG_CONFIG_PATH=$pc pkg-config --cflags --libs separatrix-io) -lm
LD_LIBRARY_PATH=$libdir "$tmp/consumer"
cmake -S tests/consumer -B "$tmp/cmake" -DCMAKE_PREFIX_PATH="$prefix" >/dev/null
cmake --build "$tmp/cmake" >/dev/null
"$tmp/cmake/consumer"
python3 tests/cli/test_compile.py "$prefix/bin/separatrix" # generated C needs nothing of the source tree
echo "check_install: ok"
