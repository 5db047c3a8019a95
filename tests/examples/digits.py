#!/usr/bin/env python3
# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""examples/digits against an independent implementation of the authors' rule (its numbers over seeds in Spisak & Friston's Simulations 2 and 3, theory text;
tests/data/fep/README.md) and against NumPy on the learned weights: angles, norms, relaxation to the attractors."""
from example import main, np, run


def langevin(t):
    small = np.abs(t) < 1e-3
    u = np.where(small, 1.0, t)
    return np.where(small, t / 3, 1 / np.tanh(u) - 1 / u)


def check_digits(c, program, work):
    with run(program, "digits/digits.toml", work) as f:
        g = f["train"]
        J = g["weights"][-1]
        c.near("norm of J (8 seeds: 18.05 +- 0.06)", np.linalg.norm(J), 18.05, 0.3)
        c.near("norm in the result", g["norm"][-1], np.linalg.norm(J), 1e-12)
        c.near("asymmetry in the result", g["asymmetry"][-1], np.linalg.norm(J - J.T) / np.linalg.norm(J), 1e-12)
        c.near("orthogonality of the data", g["data_orthogonality"][()], 23.2638173, 1e-6)
        states = g["state"][:]
        found = len(states) + g["n_unsettled"][()]
        c.true("9 or 10 attractors over seeds, unsettled starts counted as in the paper", 8 <= found <= 10, "%d" % found)
        c.near("attractors are fixed points of s = L(J s)", np.abs(langevin(states @ J.T) - states).max(), 0, 1e-8)
        unit = states / np.linalg.norm(states, axis=1)[:, None]
        angles = np.degrees(np.arccos(np.clip(unit @ unit.T, -1, 1)))
        off = angles[np.triu_indices(len(states), 1)]
        off = off[(off > 1) & (off < 179)]
        c.near("orthogonality of the attractors, NumPy", g["orthogonality"][()], np.abs(90 - off).mean(), 1e-9)
        c.near("orthogonality of the attractors (18.7 to 23.0)", g["orthogonality"][()], 20.5, 3.5)
        c.true("weights grow from snapshot to snapshot", np.all(np.diff(g["norm"][:]) > 0))
        c.near("gain of retrieval (8 seeds: 0.278 to 0.305)", f["retrieval"]["r2_gain"][()], 0.293, 0.03)
        c.near("gain of generalisation (8 seeds: 0.020 to 0.105)", f["generalisation"]["r2_gain"][()], 0.066, 0.05)
        c.near("r^2 of the cue", np.median(f["retrieval"]["r2_cue"][:]), 0.51, 0.05)


def check_sequence(c, program, work):
    with run(program, "digits/sequence.toml", work) as f:
        c.near("asymmetry (20 seeds: 0.98057 +- 0.0017)", f["train"]["asymmetry"][-1], 0.98057, 5 * 0.0017)
        flux, se = f["train"]["entropy_production"][-1], f["train"]["entropy_production_se"][-1]
        c.z("entropy production of the free network, nats per step (65.9 +- 2.0)", flux, 65.9, float(np.hypot(se, 2.0)))
        t = f["replay"]["transitions"][:]
        trials = 16
        forward = t[1, 0] + t[2, 1] + t[0, 2]
        backward = t[0, 1] + t[1, 2] + t[2, 0]
        c.true("no step backward", backward == 0, "%d" % backward)
        c.z("steps forward of 979 (20 seeds: 258 +- 4)", forward / trials, 258, 4 / np.sqrt(trials) + 4 / np.sqrt(20))


def check(c, program, work):
    check_digits(c, program, work)
    check_sequence(c, program, work)


main(check)
