#!/usr/bin/env python3
# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""examples/bars: Simulation 1 of Spisak & Friston (arXiv 2505.22749). Expected numbers: an independent implementation of the authors' rule over 40 seeds
(attractors), 20 seeds (retrieval, inverse temperatures), and the authors' own notebook (free energy)."""
from example import main, np, run

BARS = np.zeros((2, 5, 5))
BARS[0, :, 2] = BARS[1, 2, :] = 1
BARS[:, 2, 2] = 4
SEEDS = 6


def correlation(a, b):
    return np.corrcoef(a, b)[0, 1]


def check(c, program, work):
    x = BARS.reshape(2, 25)
    c.near("r of the data", correlation(x[0], x[1]), 0.770642, 1e-6)
    r, asymmetry, norm, first, last, cue, clean, horizontal, vertical, plus = np.empty((10, SEEDS))
    pattern = np.zeros((5, 5))
    pattern[2] = 1
    for k in range(SEEDS):
        with run(program, "bars/bars.toml", work, "seed=%d" % (k + 1)) as f:
            g = f["train"]
            states = g["state"][:]
            c.true("two attractors, seed %d" % (k + 1), len(states) == 2 and g["n_unsettled"][()] == 0)
            r[k] = correlation(states[0], states[1])
            asymmetry[k], norm[k] = g["asymmetry"][-1], g["norm"][-1]
            F = g["free_energy"][:]
            c.true("complexity - accuracy", np.abs(F - (g["complexity"][:] - g["accuracy"][:])).max() < 1e-9)
            first[k], last[k] = F[:100].mean(), F[-100:].mean()
            response = f["retrieval"]["response"][:]
            cue[k] = np.sqrt(f["retrieval"]["r2_cue"][:]).mean()
            clean[k] = np.mean([correlation(p, pattern.ravel()) for p in response])
            c.near("correlation in the result", f["retrieval"]["correlation"][()], clean[k], 1e-12)
            vertical[k], horizontal[k] = (np.mean([correlation(p, b) for p in response]) for b in x)
            plus[k] = f["generalisation"]["correlation"][()]
    root = np.sqrt(SEEDS)
    c.z("r of the attractors (40 seeds: -0.178 +- 0.030)", r.mean(), -0.178, 0.030 / root)
    c.true("each seed between -0.26 and -0.08", np.all((r > -0.26) & (r < -0.08)), str(np.round(r, 3)))
    c.near("asymmetry (0.787)", asymmetry.mean(), 0.787, 0.05)
    c.near("norm of J (10.32)", norm.mean(), 10.32, 0.3)
    c.near("free energy of the first 100 steps (-453 to -458)", first.mean(), -455, 5)
    c.near("free energy of the last 100 steps (-536.5)", last.mean(), -536.5, 2)
    c.near("r of the noisy cue, 1/sqrt(1 + 1/4) for many units", cue.mean(), 1 / np.sqrt(1.25), 0.01)
    c.near("r of the response with the clean row (0.981 +- 0.007)", clean.mean(), 0.981, 0.012)
    c.near("r of the response with the horizontal bar (0.776)", horizontal.mean(), 0.776, 0.02)
    c.near("r of the response with the vertical bar (0.307)", vertical.mean(), 0.307, 0.05)
    c.near("r of the response to the plus sign (0.990 +- 0.023)", plus.mean(), 0.990, 0.012)
    # r against the inverse temperature of training (mean and sd over 20 seeds)
    for beta, want, sd in ((0.2, -0.0908, 0.0134), (0.5, -0.0035, 0.0021), (1.0, 0.01125, 0.00086)):
        r = []
        for k in range(3):
            with run(program, "bars/bars.toml", work, "seed=%d" % (k + 1), "task.train.inverse_temperature=%.1f" % beta) as f:
                states = f["train"]["state"][:]
                r.append(correlation(states[0], states[1]))
        c.z("r of the attractors learned at %g" % beta, np.mean(r), want, sd * np.sqrt(1 / 3 + 1 / 20))


main(check)
