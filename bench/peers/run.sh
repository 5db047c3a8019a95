#!/bin/sh
# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
# usage: run.sh EXE [VENV [OPTION of compare.py]...]      Installs the peers into VENV (default .venv-peers) and compares. PIP_OPTIONS, if
# set, goes to pip (another index, for example one with CPU-only wheels of PyTorch: those of the default index carry GPU libraries too).
set -eu
[ $# -ge 1 ] || { echo "usage: run.sh EXE [VENV [OPTION]...]" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
exe=$1
venv=${2:-$here/../../.venv-peers}
[ $# -lt 2 ] && shift 1 || shift 2
[ -x "$exe" ] || { echo "run.sh: $exe is not a program; run make build" >&2; exit 2; }

[ -x "$venv/bin/python" ] || python3 -m venv "$venv" || { echo "run.sh: python3 -m venv failed (Debian: python3-venv)" >&2; exit 2; }
# One peer at a time: a peer that cannot be installed is a row of the table that says so, and no loss to the others.
for peer in "numpy scipy h5py" torch "jax diffrax" torchsde jitcsde jitcode; do
    # shellcheck disable=SC2086
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check ${PIP_OPTIONS:-} -c "$here/requirements.txt" $peer ||
        echo "run.sh: could not install $peer" >&2
done
status=0
"$venv/bin/python" "$here/compare.py" "$exe" "$@" || status=$?
echo
echo "1024 Jacobians of a GRU with 256 units"
"$venv/bin/python" "$here/jacobians.py" "$exe" || echo "jacobians.py: failed" >&2
echo
echo "Free-energy learning"
"$venv/bin/python" "$here/learning.py" "$exe" || echo "learning.py: failed" >&2
exit $status
