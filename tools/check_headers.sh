#!/bin/sh
# Every public header compiles alone, as C11 and as C++17.
set -eu
for header in include/separatrix/*.h; do
    name=$(basename "$header")
    for mode in "gcc -std=c11 -x c" "g++ -std=c++17 -x c++"; do
        echo "#include <separatrix/$name>" | $mode -Wall -Wextra -Wpedantic -Werror -Iinclude -fsyntax-only - || { echo "check_headers: $header ($mode)"; exit 1; }
    done
done
echo "check_headers: ok"
