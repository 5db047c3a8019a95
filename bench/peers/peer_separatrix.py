# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""Separatrix: the program, run on an experiment file, reading and writing included; the driver takes differences of durations, so that
what happens once drops out. Variants: "" the built-in models; "text" the same equations as text, evaluated; "compiled" the text as generated
C, kept in a cache that is empty at first: the first run compiles."""
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
{noise}

[[task]]
name = "run"
do = "simulate"
{method}
dt = {dt}
duration = {dt}
replicas = {replicas}
initial = {initial}
moments = false
pilot = false
compare = "none"
"""
NOISY = {
    "noise": f'kind = "additive"\nD = {problems.D}',
    "method": 'method = "euler-maruyama"',
    "initial": '{ kind = "gaussian", mean = 0.0, sd = 1.0 }',
}
PLAIN = {
    "noise": 'kind = "none"',
    "method": f'method = "dormand-prince"\nrtol = {problems.RTOL}\natol = {problems.ATOL}',
    "initial": "[1.0, 1.0, 1.0]",
}
NETWORK = """kind = "rate"
form = "current"
phi = "tanh"
tau = 1.0
coupling = {{ file = "{weights}", rows = "target" }}"""
LEAK = """kind = "linear"
n = 1
leak = 1.0"""

TEXT = """kind = "equations"
compile = {compile}
{text}"""
NETWORK_TEXT = """index = {{ i = {n}, j = "i" }}
state = {{ x = "i" }}
parameters = {{ W = {{ file = "{weights}", rows = "target", shape = "i,j" }} }}
equations = {{ x = "-x[i] + sum(j, W[i,j]*tanh(x[j]))" }}"""
LORENZ_TEXT = """state = ["x", "y", "z"]
parameters = { s = 10.0, r = 28.0, b = 2.6666666666666665 }
equations = { x = "s*(y - x)/10", y = "(x*(r - z) - y)/10", z = "(x*y - b*z)/10" }"""


def model_of(config):
    if config["variant"] == "":
        return LEAK if config["equation"] == "leak" else NETWORK.format(weights=config["weights"])
    text = LORENZ_TEXT if config["equation"] == "lorenz" else NETWORK_TEXT.format(**config)
    return TEXT.format(compile="true" if config["variant"] == "compiled" else "false", text=text)


def build(config):
    folder = tempfile.mkdtemp(prefix="separatrix-peers-", dir=config["folder"])
    file, out = os.path.join(folder, "experiment.toml"), os.path.join(folder, "out")
    dt = config.get("dt", problems.DT)
    how = NOISY if config.get("noise", True) else PLAIN
    with open(file, "w", encoding="utf-8") as f:
        f.write(EXPERIMENT.format(title=config["problem"], model=model_of(config), dt=dt, replicas=config["replicas"], **how))

    def run(steps):
        shutil.rmtree(out, ignore_errors=True)
        subprocess.run([config["exe"], "run", file, "--out", out, "--quiet", "--no-report", "--threads", str(config["threads"]),
                        "--cache", os.path.join(folder, "cache"), "--set", f"task.run.duration={steps * dt!r}"], check=True, stdout=subprocess.DEVNULL)
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
