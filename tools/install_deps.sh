#!/bin/sh
# Install what is missing for a purpose: build, check, nightly or docs. Debian and Ubuntu; no prompts; sudo only when not root.
set -eu
purpose=${1:-build}

build="gcc g++ npm cmake ninja-build pkg-config git python3 libopenblas-pthread-dev liblapacke-dev libhdf5-dev libtomlplusplus-dev libsundials-dev libcjson-dev libzip-dev zlib1g-dev libpng-dev"
check="$build clang clang-format libcmocka-dev librandom123-dev libomp-dev netcdf-bin hdf5-tools binutils python3-numpy python3-h5py python3-h5netcdf python3-xarray librsvg2-bin"
nightly="$check libclang-rt-dev"
docs="$build doxygen python3-sphinx python3-breathe python3-myst-parser furo"
case $purpose in
build) want=$build ;;
check) want=$check ;;
nightly) want=$nightly ;;
docs) want=$docs ;;
*) echo "install_deps.sh: want build, check, nightly or docs" >&2; exit 2 ;;
esac

missing=
for package in $want; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
# A CMake or Ninja that did not come as a package serves as well.
for tool in npm:npm cmake:cmake ninja-build:ninja git:git python3:python3 gcc:gcc g++:g++ pkg-config:pkg-config; do
    command -v "${tool#*:}" >/dev/null 2>&1 && missing=$(printf '%s ' $missing | sed "s/\b${tool%%:*} //")
done
[ -n "$(echo $missing)" ] || exit 0

command -v apt-get >/dev/null 2>&1 || { echo "missing:$missing; this script knows apt only, please install them" >&2; exit 1; }
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -qq
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
