# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""Separatrix: the program, run on an experiment file, reading and writing included; the driver takes differences of durations, so that
what happens once drops out."""
import os
import shutil
import subprocess
import tempfile

import h5py

import problems

EXPERIMENT = """title = "Comparison with peers: {title}"
seed = 1

[model]
{model}

[noise]
kind = "additive"
D = {D}

[[task]]
name = "run"
do = "simulate"
method = "euler-maruyama"
dt = {dt}
duration = {dt}
replicas = {replicas}
initial = {{ kind = "gaussian", mean = 0.0, sd = 1.0 }}
moments = false
pilot = false
compare = "none"
"""
NETWORK = """kind = "rate"
form = "current"
phi = "tanh"
tau = 1.0
coupling = {{ file = "{weights}", rows = "target" }}"""
LEAK = """kind = "linear"
n = 1
leak = 1.0"""


def build(config):
    folder = tempfile.mkdtemp(prefix="separatrix-peers-", dir=config["folder"])
    file, out = os.path.join(folder, "experiment.toml"), os.path.join(folder, "out")
    model = LEAK if config["n"] == 1 else NETWORK.format(weights=config["weights"])
    with open(file, "w", encoding="utf-8") as f:
        f.write(EXPERIMENT.format(title=config["problem"], model=model, D=problems.D, dt=problems.DT, replicas=config["replicas"]))

    def run(steps):
        shutil.rmtree(out, ignore_errors=True)
        subprocess.run([config["exe"], "run", file, "--out", out, "--quiet", "--no-report", "--threads", str(config["threads"]),
                        "--set", f"task.run.duration={steps * problems.DT!r}"], check=True, stdout=subprocess.DEVNULL)
        return os.path.join(out, "result.h5")

    return run


class Final:
    """x_final(replica, unit), read only when it is asked for: reading is no part of the time."""

    def __init__(self, path):
        self.path = path

    def __array__(self, dtype=None, copy=None):
        with h5py.File(self.path) as f:
            return f["run/x_final"][...]


def final(build_):
    def build_final(config):
        run = build_(config)
        return lambda steps: Final(run(steps))

    return build_final


if __name__ == "__main__":
    import json
    import sys

    exe = json.loads(sys.argv[1])["exe"]
    version = subprocess.run([exe, "--version"], check=True, capture_output=True, text=True).stdout.split("\n")[0]
    problems.serve(final(build), 1, version)
