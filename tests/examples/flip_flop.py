#!/usr/bin/env python3
# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""examples/flip-flop beside PyTorch's equations of a GRU in NumPy: residuals at the fixed points, Jacobians by complex steps and their
eigenvalues, the memories that the outputs show, and where the unstable directions of the saddles lead."""
import itertools
import json
import os
import struct

from example import EXAMPLES, main, np, run

FOLDER = os.path.join(EXAMPLES, "flip-flop")
STEP = 0.02


def read_safetensors(path):
    with open(path, "rb") as f:
        raw = f.read()
    start = 8 + struct.unpack("<Q", raw[:8])[0]
    out = {}
    for name, t in json.loads(raw[8:start]).items():
        if name != "__metadata__":
            a, b = t["data_offsets"]
            out[name] = np.frombuffer(raw[start + a:start + b], "<f4").reshape(t["shape"]).astype(float)
    return out


def step(w, u, h):
    """One step of the network (PyTorch's torch.nn.GRU); h may be complex."""
    H = h.shape[-1]
    gi = u @ w["rnn.weight_ih_l0"].T + w["rnn.bias_ih_l0"]
    gh = h @ w["rnn.weight_hh_l0"].T + w["rnn.bias_hh_l0"]
    r, z = (1 / (1 + np.exp(-gi[..., g:g + H] - gh[..., g:g + H])) for g in (0, H))
    n = np.tanh(gi[..., 2 * H:] + r * gh[..., 2 * H:])
    return (1 - z) * n + z * h


def jacobian(w, u, h):
    """Complex steps, all columns at once: exact to rounding."""
    d = 1e-30
    return (step(w, u, h + 1j * d * np.eye(len(h))).imag / d).T


def test(check, program, directory):
    w = read_safetensors(os.path.join(FOLDER, "gru.safetensors"))
    u = np.load(os.path.join(FOLDER, "trials.npy")).astype(float)

    def readout(h):
        return h @ w["readout.weight"].T + w["readout.bias"]

    r = run(program, "flip-flop/flip-flop.toml", directory, "task.points.slow.iterations=20")
    h = r["trials/h"][:]
    memory, last, worst = np.zeros_like(u), np.zeros_like(u[:, 0]), 0
    for t in range(u.shape[1]):
        last = np.where(u[:, t] != 0, u[:, t], last)
        memory[:, t] = last
        worst = max(worst, np.abs(step(w, u[:, t], h[:, t]) - h[:, t + 1]).max())
    check.near("every step of eight trials against NumPy", worst, 0, 1e-14)
    check.near("largest error of the outputs, as training printed it", np.abs(readout(h[:, 1:]) - memory).max(), 0.399, 1e-3)

    p, s = r["points"], r["modes"]
    x, unstable, context, held = p["x"][:], p["n_unstable"][:], p["context_index"][:], p["input"][:]
    check.true("no slow points among the fixed ones", not p["slow"][:].any())
    check.near("largest residual, |F - x|", max(np.abs(step(w, held[c], v) - v).max() for v, c in zip(x, context)), 0, 1e-9)
    count = [[int(((context == c) & (unstable == k)).sum()) for k in range(4)] for c in (0, 1)]
    check.true("corners, edges, faces and centre of a cube", count[0] == [8, 12, 6, 1], str(count[0]))
    check.true("under a pulse: corners, edges and centre of a square", count[1] == [4, 4, 1, 0], str(count[1]))
    check.true("index sums", list(p["index_sum"][:]) == [1, 1] and list(p["index_consistent"][:]) == [1, 1])
    check.true("no start led to a point of its own", (p["unseen_mass"][:] < 0.01).all(), str(p["unseen_mass"][:]))

    zeta = [np.linalg.eigvals(jacobian(w, held[c], v)) for v, c in zip(x, context)]
    check.true("unstable directions", all((np.abs(z) > 1).sum() == k for z, k in zip(zeta, unstable)))
    want = np.array([np.sort(-np.log(np.abs(z))) / STEP for z in zeta])
    got = s["relaxation_rate"][:]
    slow = want < 500  # multipliers above e^-10: the others are small numbers of large matrices
    check.near("relaxation rates per second, relative", np.abs((got - want) / want)[slow].max(), 0, 1e-6)
    check.true("the task says what a step lasts", s.attrs["time_step"] == STEP)
    largest = np.array([np.linalg.norm(jacobian(w, held[c], v), 2) for v, c in zip(x, context)])
    check.near("growth in one step, ln |J| per second", np.abs(s["numerical_abscissa"][:] - np.log(largest) / STEP).max(), 0, 1e-7)

    free = context == 0
    y = readout(x)
    corners = {tuple(np.sign(v).astype(int)) for v in y[free & (unstable == 0)]}
    check.true("the eight stable points are the eight memories", corners == set(itertools.product((-1, 1), repeat=3)))
    check.near("outputs there are +1 or -1", np.abs(np.abs(y[free & (unstable == 0)]) - 1).max(), 0, 0.1)
    held_bit = y[(context == 1) & (unstable == 0)]
    check.true("under a pulse the first bit is set, the others are free", (held_bit[:, 0] > 0.8).all() and len({tuple(np.sign(v[1:])) for v in held_bit}) == 4)

    edges = set()
    for v in x[free & (unstable == 1)]:  # both ways down from a saddle
        values, vectors = np.linalg.eig(jacobian(w, held[0], v))
        direction = np.real(vectors[:, np.abs(values).argmax()])
        ends = v + 1e-3 * np.array([direction, -direction])
        for _ in range(4000):
            ends = step(w, held[0], ends)
        a, b = (tuple(np.sign(e).astype(int)) for e in readout(ends))
        edges.add((min(a, b), max(a, b)))
    cube = {(a, b) for a in corners for b in corners if a < b and sum(i != j for i, j in zip(a, b)) == 1}
    check.true("each edge saddle leads to two memories that differ in one bit", edges == cube, "%d of 12 edges" % len(edges & cube))


main(test)
