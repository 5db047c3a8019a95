#!/usr/bin/env python3
"""Peak memory of a run is at most 1.1 times what `check` printed plus 64 MB: a dense, a sparse and a many-replica experiment."""
import os
import re
import subprocess
import sys
import tempfile

PROGRAM = os.path.abspath(sys.argv[1])
CASES = {
    "dense": 'coupling = { ensemble = "gaussian", n = 1500, g = 1.0 }',
    "sparse": 'coupling = { ensemble = "sparse", n = 40000, g = 1.0, density = 0.001 }',
    "small": 'coupling = { ensemble = "gaussian", n = 20, g = 1.0 }',
}
TEXT = """seed = 1
[model]
kind = "rate"
%s
[noise]
kind = "additive"
D = 0.1
[[task]]
name = "t"
do = "simulate"
duration = %s
dt = 0.1
replicas = %d
covariance = %s
max_lag = 0.8
sample_every = 0.1
record = { every = 0.5 }
"""
UNITS = {"kB": 1e3, "MB": 1e6, "GB": 1e9, "B": 1}


def predicted(text):
    match = re.search(r"peak memory:\s+([\d.]+)\s*(B|kB|MB|GB)", text)
    assert match, "check prints no memory:\n" + text
    return float(match.group(1)) * UNITS[match.group(2)]


def main():
    failed = 0
    for name, coupling in CASES.items():
        with tempfile.TemporaryDirectory() as directory:
            file = os.path.join(directory, "m.toml")
            with open(file, "w") as out:
                out.write(TEXT % (coupling, "1.0" if name == "sparse" else "2.0", 8 if name == "sparse" else 512, "false" if name == "sparse" else "true"))
            check = subprocess.run([PROGRAM, "check", file, "--threads", "2"], capture_output=True, text=True, check=True)
            limit = 1.1 * predicted(check.stdout + check.stderr) + 64e6
            pid = os.spawnv(os.P_NOWAIT, PROGRAM, [PROGRAM, "run", file, "--threads", "2", "--quiet", "--no-report", "--out", os.path.join(directory, "out")])
            _, status, usage = os.wait4(pid, 0)
            peak = usage.ru_maxrss * 1024
            good = status == 0 and peak <= limit
            print(f"{'ok' if good else 'FAILED'}: {name}: predicted {predicted(check.stdout + check.stderr) / 1e6:.1f} MB, peak {peak / 1e6:.1f} MB, limit {limit / 1e6:.1f} MB")
            failed += not good
    return 1 if failed else 0


sys.exit(main())
