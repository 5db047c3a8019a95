#!/bin/sh
# The documentation: sh tools/docs.sh BUILD puts the site into BUILD/docs/html. Builds the program first when it is not there. Nothing is
# taken from the network; a warning of Doxygen or Sphinx ends it.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$root/build}
jobs=${JOBS:-$(nproc)}

mkdir -p "$build"
build=$(cd "$build" && pwd)
if [ ! -e "$build/libseparatrix-io.so" ]; then
    [ -e "$build/build.ninja" ] || cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DSX_TESTS=OFF
    cmake --build "$build" -j "$jobs" --target separatrix separatrix-io separatrix-program
fi

out=$build/docs
rm -rf "$out/source" "$out/html" "$out/doxygen"
mkdir -p "$out/doxygen"
cp -R "$root/docs" "$out/source"
rm -rf "$out/source/_generated" "$out/source/__pycache__"
cp "$root/VERSIONING.md" "$root/CHANGELOG.md" "$out/source/"
mkdir -p "$out/source/examples"
for page in "$root"/examples/*/README.md; do
    cp "$page" "$out/source/examples/$(basename "$(dirname "$page")").md"
done

# tables that the program itself gives
SX_SOURCE=$root python3 "$root/docs/generate.py" "$build" "$out/source/_generated"

# the C API
sed -e "s|@INPUT@|$root/include/separatrix|" -e "s|@OUTPUT@|$out/doxygen|" "$root/docs/Doxyfile.in" >"$out/doxygen/Doxyfile"
doxygen "$out/doxygen/Doxyfile" 2>"$out/doxygen/warnings.txt" || { cat "$out/doxygen/warnings.txt" >&2; exit 1; }
python3 "$root/docs/headers.py" "$out/doxygen/warnings.txt" || { echo "docs.sh: the headers are not documented completely" >&2; exit 1; }

# Debian's Sphinx belongs to Debian's Python, whatever python3 comes first on the path
SX_DOXYGEN_XML=$out/doxygen/xml SX_VERSION=$(sed -n 's/^project(separatrix VERSION \([0-9.]*\).*/\1/p' "$root/CMakeLists.txt") \
    sphinx-build -W --keep-going -q -b html -d "$out/doctrees" "$out/source" "$out/html"
echo "$out/html/index.html"
