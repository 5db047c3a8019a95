#!/usr/bin/env python3
# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""examples/digits/images.toml: pictures of 16 x 16 pixels beside tests/nightly/fep_numpy.py, which learns the same pictures with other random numbers. With the
same rate * units the numbers of the network hardly depend on the number of pixels, so with SX_NIGHTLY=1 the 4096 units of the example are compared with
these; the time of a step is printed beside the time that two readings and a writing of J take here."""
import os
import sys
import time

from example import main, np, run

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "nightly"))
import fep_numpy  # noqa: E402


def retained(J, x, steps):
    """Mean correlation with x of the last state of s = L(100 J s) from x."""
    s = x.copy()
    for _ in range(steps):
        s = fep_numpy.langevin(100 * s @ J.T)
    return np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(s, x)])


def rebuilt(rng, J, x, trials):
    """Mean correlation of the response to cues with noise of twice the standard deviation, 40 steps of which 30 count."""
    x = x[np.arange(trials) % len(x)]
    cue = x + 2 * x.std(1, keepdims=True) * rng.normal(size=x.shape)
    s, total = np.zeros_like(cue), 0
    for step in range(40):
        s = fep_numpy.draw(rng, cue + s @ J.T)
        total = total + (step >= 10) * s
    return np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(total, x)])


def check(c, program, work):
    side, n = 16, 256
    small = ["data.digits.resize=[%d,%d]" % (side, side), "model.n=%d" % n, "task.train.rate=%g" % (7e-5 * 4096 / n), "task.reconstruction.trials=40"]
    ours = []
    for seed in (1, 2, 3):
        with run(program, "digits/images.toml", work, "seed=%d" % seed, *small) as f:
            x, J = f["train"]["patterns"][:], f["train"]["weights"][-1]
            ours.append([f["train"]["norm"][-1], f["retention"]["correlation"][()], f["reconstruction"]["correlation"][()]])
            c.near("retention, NumPy on the same weights", ours[-1][1], retained(J, x, 150), 1e-3)
    c.near("pictures: mean 0, standard deviation 1", max(np.abs(x.mean(1)).max(), np.abs(x.std(1) - 1).max()), 0, 1e-12)
    theirs = []
    for seed in range(2):
        rng = np.random.default_rng(seed)
        J = fep_numpy.train(rng, x, 1.0, 0.7, 7e-5 * 4096 / n, 100, 10)
        theirs.append([np.linalg.norm(J), retained(J, x, 150), rebuilt(rng, J, x, 40)])
    ours, theirs = np.array(ours), np.array(theirs)
    for k, (what, sd) in enumerate((("norm of J", 0.08), ("retention", 0.012), ("reconstruction", 0.012))):
        c.z("%s beside NumPy's networks" % what, ours[:, k].mean(), theirs[:, k].mean(), sd * np.sqrt(1 / 3 + 1 / 2))
    if not os.environ.get("SX_NIGHTLY"):
        return
    begin = time.monotonic()
    with run(program, "digits/images.toml", work, "task.train.epochs=50") as f:
        half = time.monotonic() - begin
        J = f["train"]["weights"][-1]
        a = time.monotonic()
        J += 1.0
        bound = 1.5 * (time.monotonic() - a)
    begin = time.monotonic()
    with run(program, "digits/images.toml", work) as f:
        step = (time.monotonic() - begin - half) / 500
        got = [f["train"]["norm"][-1], f["retention"]["correlation"][()], f["reconstruction"]["correlation"][()]]
    for k, (what, sd) in enumerate((("norm of J", 0.2), ("retention", 0.03), ("reconstruction", 0.03))):
        c.near("4096 units, %s beside 256 units" % what, got[k], ours[:, k].mean(), 5 * sd)
    print("        4096 units: %.0f ms a step of learning; J read twice and written once by NumPy: %.0f ms" % (1000 * step, 1000 * bound))


main(check)
