#!/usr/bin/env python3
# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""examples/digits/grid.py: the regimes of Simulation 2 of Spisak & Friston (arXiv 2505.22749), evidence against inverse temperature, beside one run of an
independent implementation in every cell (tests/data/fep/sim2_replica_grid.csv). Twelve cells; with SX_NIGHTLY=1 all 380."""
import os
import sys

from example import EXAMPLES, main, np

sys.path.insert(0, os.path.join(EXAMPLES, "digits"))
import grid  # noqa: E402

REFERENCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "fep", "sim2_replica_grid.csv")


def regimes(c, program):
    """High and low complexity (4 seeds of the independent implementation each), and the rate that the paper's text prints."""
    at = dict(zip(grid.COLUMNS, grid.cell(program, 16.0, grid.BETA[14], 2)))
    c.near("high complexity: retrieval (0.254 to 0.284)", at["retrieval"], 0.265, 0.03)
    c.near("high complexity: generalisation (-0.055 to -0.076)", at["generalisation"], -0.06, 0.03)
    c.near("high complexity: orthogonality (27.45 to 27.72)", at["orthogonality"], 27.5, 0.5)
    c.near("high complexity: |J|", at["norm"], 35.2, 0.3)
    c.true("high complexity: ten attractors", at["states"] == 10, str(at["states"]))
    at = dict(zip(grid.COLUMNS, grid.cell(program, 6.0, grid.BETA[4], 2)))
    c.near("low complexity: retrieval (0.148 to 0.162)", at["retrieval"], 0.155, 0.02)
    c.near("low complexity: generalisation (0.079 to 0.087)", at["generalisation"], 0.085, 0.015)
    c.near("low complexity: |J|", at["norm"], 5.49, 0.15)
    c.true("low complexity: one attractor", at["attractors"] == 1, str(at["attractors"]))
    at = dict(zip(grid.COLUMNS, grid.cell(program, 11.0, grid.BETA[11], 2, **{"train.rate": 0.01})))
    c.true("ten times the rate collapses", at["retrieval"] < -0.4 and at["norm"] > 200, "gain %.3f, |J| %.0f" % (at["retrieval"], at["norm"]))


def check(c, program, _):
    regimes(c, program)
    nightly = bool(os.environ.get("SX_NIGHTLY"))
    evidence, beta = (grid.EVIDENCE, grid.BETA) if nightly else ([8.0, 12.0, 20.0], [grid.BETA[k] for k in (4, 9, 14, 18)])
    got = np.array(grid.grid(program, evidence, beta)).reshape(len(evidence), len(beta), -1)
    e, b, retrieval, general, count, states, unsettled, _, asymmetry, norm = np.moveaxis(got, 2, 0)
    table = {(int(row[0]), round(9 * (np.log10(row[1]) + 2))): row for row in np.genfromtxt(REFERENCE, delimiter=",", skip_header=1)}
    pairs, beside = [], []
    for i in range(len(evidence)):
        for j in range(len(beta)):
            row = table.get((int(e[i, j]), round(9 * (np.log10(b[i, j]) + 2))))
            if row is not None:
                beside.append(beta[j])
                pairs.append([retrieval[i, j], row[4], general[i, j], row[5], asymmetry[i, j], row[15], norm[i, j], row[17]])
    p, beside = np.array(pairs), np.array(beside)
    # standard deviations of the difference of two networks with the same parameters: medians of 100 trials of networks that learn at 0.4 and above differ more
    cold = beside > 0.36
    for k, (what, low, high) in enumerate((("gain of retrieval", 0.016, 0.07), ("gain of generalisation", 0.022, 0.05), ("asymmetry", 0.01, 0.01))):
        z = (p[:, 2 * k] - p[:, 2 * k + 1]) / np.where(cold, high, low)
        c.true("%s: %d cells beside the reference" % (what, len(z)), np.sqrt((z**2).mean()) < 1.5 + 2 / np.sqrt(len(z)) and np.abs(z).max() < 5,
               "rms z %.2f, max |z| %.2f" % (np.sqrt((z**2).mean()), np.abs(z).max()))
        c.true("%s: no bias" % what, abs(z.mean()) < 5 / np.sqrt(len(z)), "mean z %.2f" % z.mean())
    c.true("|J| beside the reference", np.all(np.abs(p[:, 6] - p[:, 7]) < 0.4 + 0.01 * p[:, 7]), "max %.3f" % np.abs(p[:, 6] - p[:, 7]).max())
    high = e[:, 0] >= 8
    for j in range(len(beta)):
        B = beta[j]
        # Acceptance row: median over evidence of the states that settled, as the paper counts them: 1, then 10. Cells have random numbers of their own. With
        # one seed for all of them the medians were 2 at 0.0278 and 9 at 0.215 for some seeds: the network is odd, so with s also -s is an attractor, and
        # near the loss of stability of the origin (0.0278, |J|/3 of 1.0 to 1.2) one digit fell to -s in seven cells of 13, which is still one attractor up
        # to its sign; at 0.215 three networks in ten have 8 or 9 states. tests/nightly/fep_numpy.py, four sets of 13 networks: 1, 1, 1, 2 and 10, 10, 10, 10.
        some = high & (unsettled[:, j] < 10)
        text = "median %g, %g up to sign, %d of %d starts did not settle" % (
            np.median(states[some, j]), np.median(count[some, j]), unsettled[high, j].sum(), 10 * high.sum())
        if B <= 0.028:
            c.true("one attractor up to its sign at inverse temperature %.3g" % B, np.median(count[some, j]) == 1, text)
            c.true("one state at inverse temperature %.3g" % B, np.median(states[some, j]) == 1, text)
        if B >= 0.215:
            c.true("ten attractors at inverse temperature %.3g" % B, np.median(states[some, j]) == 10, text)
            c.true("every cell there has 8 to 10", np.all(states[high, j] >= 8), str(states[high, j]))
        if B <= 0.101:
            c.true("generalises at %.3g" % B, np.median(general[high, j]) > 0, "%.3f" % np.median(general[high, j]))
        if B >= 0.359:
            c.true("does not generalise at %.3g" % B, np.median(general[high, j]) < 0, "%.3f" % np.median(general[high, j]))
    best = [np.median(retrieval[high, j]) for j in range(len(beta))]
    c.true("retrieval is best between 0.1 and 0.5", 0.1 <= beta[int(np.argmax(best))] <= 0.5, "%.3g" % beta[int(np.argmax(best))])


main(check)
