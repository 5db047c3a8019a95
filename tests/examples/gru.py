#!/usr/bin/env python3
# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""examples/gru against the same network in NumPy (PyTorch's equations, ten lines), against its task, and against PyTorch itself: the small
GRU of tests/data/cell with PyTorch's own trajectories beside it (tools/make_cell_fixtures.py)."""
import json
import os
import shutil
import struct
import subprocess

from example import EXAMPLES, h5py, main, np, run

HERE = os.path.dirname(os.path.abspath(__file__))
PYTORCH = os.path.join(HERE, "..", "data", "cell")
GOLDEN = """[model]
kind = "cell"
cell = "gru"
weights = { file = "gru_f32.safetensors", prefix = "rnn." }
input = { file = "trials.npy", axes = ["trial", "time", "channel"] }
[[task]]
name = "trials"
do = "simulate"
replicas = "trials"
record = { every = 1 }
"""


def read_safetensors(path):
    with open(path, "rb") as f:
        raw = f.read()
    start = 8 + struct.unpack("<Q", raw[:8])[0]
    out = {}
    for name, t in json.loads(raw[8:start]).items():
        if name != "__metadata__":
            assert t["dtype"] == "F32"
            a, b = t["data_offsets"]
            out[name] = np.frombuffer(raw[start + a:start + b], "<f4").reshape(t["shape"]).astype(float)
    return out


def gru(w, u):
    """States (trial, time, unit) after each step from zero."""
    H = w["rnn.weight_hh_l0"].shape[1]
    h, out = np.zeros((u.shape[0], H)), []
    for t in range(u.shape[1]):
        gi = u[:, t] @ w["rnn.weight_ih_l0"].T + w["rnn.bias_ih_l0"]
        gh = h @ w["rnn.weight_hh_l0"].T + w["rnn.bias_hh_l0"]
        r, z = (1 / (1 + np.exp(-gi[:, g:g + H] - gh[:, g:g + H])) for g in (0, H))
        n = np.tanh(gi[:, 2 * H:] + r * gh[:, 2 * H:])
        h = (1 - z) * n + z * h
        out.append(h)
    return np.stack(out, axis=1)


def pytorch(check, program, directory):
    for name in ("gru_f32.safetensors", "trials.npy"):
        shutil.copy(os.path.join(PYTORCH, name), directory)
    with open(os.path.join(directory, "golden.toml"), "w") as f:
        f.write(GOLDEN)
    subprocess.run([program, "run", "golden.toml", "--quiet", "--no-report"], cwd=directory, check=True, stdout=subprocess.DEVNULL)
    with h5py.File(os.path.join(directory, "golden.out", "result.h5"), "r") as r, np.load(os.path.join(PYTORCH, "precisions_golden.npz")) as g:
        check.near("three trials of 40 steps against PyTorch", np.abs(r["trials/h"][:, 1:] - g["f32"]).max(), 0, 1e-14)
        check.true("they begin at zero", not r["trials/h"][:, 0].any())


def test(check, program, directory):
    pytorch(check, program, directory)
    w = read_safetensors(os.path.join(EXAMPLES, "gru", "gru.safetensors"))
    u = np.load(os.path.join(EXAMPLES, "gru", "trials.npy")).astype(float)
    readout = lambda h: h @ w["readout.weight"].T + w["readout.bias"]

    h = run(program, "gru/gru.toml", directory)["trials/h"][:]
    check.near("eight trials of 80 steps against NumPy", np.abs(h[:, 1:] - gru(w, u)).max(), 0, 1e-13)
    memory, last = np.zeros_like(u), np.zeros_like(u[:, 0])
    for t in range(u.shape[1]):
        last = np.where(u[:, t] != 0, u[:, t], last)
        memory[:, t] = last
    y = readout(h[:, 1:])
    check.true("every output has the sign of its channel's last pulse", (np.sign(y) == memory).all())
    check.near("largest error of the outputs, as training printed it", np.abs(y - memory).max(), 0.243, 1e-3)

    h = run(program, "gru/rest.toml", directory)["rest/h"][:]
    check.true("at rest after 2000 steps", np.abs(h[:, -1] - h[:, -2]).max() < 1e-5)
    y = readout(h[:, -1])
    code = (y > 0) @ [4, 2, 1]
    check.true("all eight memories are reached", len(np.unique(code)) == 8)
    check.near("outputs there are +1 or -1", np.abs(np.abs(y) - 1).max(), 0, 0.1)
    spread = max(np.ptp(h[code == k, -1], axis=0).max() for k in range(8))
    check.near("one state per memory", spread, 0, 1e-2)


main(test)
