#!/usr/bin/env python3
# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""examples/bars: Simulation 1 of Spisak & Friston (arXiv 2505.22749). Expected numbers: an independent implementation of the authors' rule over 40 seeds
(attractors), 20 seeds (retrieval, inverse temperatures), and the authors' own notebook (free energy). For r of the attractors that implementation gives
-0.178 +- 0.030 (single network), the authors' code -0.120 to -0.222 in five runs; 80 networks of tests/nightly/fep_numpy.py give -0.197 +- 0.036 and 240 of
this program -0.193 +- 0.032. The acceptance band for a mean of 20, [-0.20, -0.15], therefore holds for four seeds in five: this one is fixed."""
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
    asymmetry, norm, first, last, cue, clean, horizontal, vertical, plus = np.empty((9, SEEDS))
    pattern = np.zeros((5, 5))
    pattern[2] = 1
    for k in range(SEEDS):
        with run(program, "bars/bars.toml", work, "seed=%d" % (k + 1)) as f:
            g = f["train"]
            states = g["state"][:]
            c.true("two attractors, seed %d" % (k + 1), len(states) == 2 and g["n_unsettled"][()] == 0)
            c.near("r of the attractors, NumPy", g["attractor_correlation"][()], correlation(states[0], states[1]), 1e-12)
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
    with run(program, "bars/bars.toml", work, "seed=2", "task.train.networks=20") as f:
        r = f["train"]["attractor_correlation"][:]
        c.true("20 networks, each with two attractors", np.all(f["train"]["n_attractors"][:] == 2) and len(r) == 20)
        c.near("mean r of the attractors of 20 networks", r.mean(), -0.175, 0.025)
        c.true("each network between -0.26 and -0.08", np.all((r > -0.26) & (r < -0.08)), str(np.round(r, 3)))
        J = f["train"]["weights"][:, -1]
        own = np.linalg.norm(J, axis=(1, 2))
        c.near("mean norm of 20 networks", f["train"]["norm"][-1], own.mean(), 1e-12)
        c.near("its standard error", f["train"]["norm_se"][-1], own.std(ddof=1) / np.sqrt(20), 1e-12)
    c.near("asymmetry (0.787)", asymmetry.mean(), 0.787, 0.05)
    c.near("norm of J (10.32)", norm.mean(), 10.32, 0.3)
    c.near("free energy of the first 100 steps (-453 to -458)", first.mean(), -455, 5)
    c.near("free energy of the last 100 steps (-536.5)", last.mean(), -536.5, 2)
    c.near("r of the noisy cue, 1/sqrt(1 + 1/4) for many units", cue.mean(), 1 / np.sqrt(1.25), 0.01)
    c.near("r of the response with the clean row (0.981 +- 0.007)", clean.mean(), 0.981, 0.012)
    c.true("retrieval above 0.96 from a cue of 0.90", clean.mean() > 0.96 and abs(cue.mean() - 0.903) < 0.01)
    c.near("r of the response with the horizontal bar (0.776)", horizontal.mean(), 0.776, 0.02)
    c.near("r of the response with the vertical bar (0.307)", vertical.mean(), 0.307, 0.05)
    c.near("r of the response to the plus sign (0.990 +- 0.023)", plus.mean(), 0.990, 0.012)
    # r against the inverse temperature of training: mean and sd over 20 seeds of the independent implementation, and the acceptance rows
    for beta, want, sd, low, high in ((0.2, -0.0908, 0.0134, -1, -0.05), (0.5, -0.0035, 0.0021, -0.01, 0.01), (1.0, 0.01125, 0.00086, 0.006, 0.016)):
        with run(program, "bars/bars.toml", work, "seed=2", "task.train.networks=20", "task.train.inverse_temperature=%.1f" % beta) as f:
            r = f["train"]["attractor_correlation"][:]
        c.z("r of the attractors learned at %g" % beta, r.mean(), want, sd * np.sqrt(2 / 20))
        c.true("its band", low < r.mean() < high, "%.4f" % r.mean())


main(check)
