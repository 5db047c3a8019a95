#!/usr/bin/env python3
# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""Capacity of Hebb's rule by finite-size extrapolation: examples/hopfield-capacity/hebb.toml over sizes, loads and seeds.

Usage: hopfield_capacity.py PROGRAM. For each N the share of patterns that stay (overlap above 0.9 after 60 sweeps at zero temperature) falls with the load
alpha = P/N; a logistic curve through it gives alpha_half(N), with a bootstrap error over samples. It decreases with N; alpha_half = alpha_c + a N^-x is
fitted. Theory (Amit, Gutfreund & Sompolinsky 1985, replica-symmetric, T = 0): alpha_c = 0.13791; with broken symmetry 0.1382 to 0.144 (Crisanti, Amit &
Gutfreund 1986, Steffan & Kuehn 1994). Below alpha_c the mean overlap is compared with the curve of the theory."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "examples"))
from example import main, np, run  # noqa: E402
from hopfield_theory import capacity, overlap  # noqa: E402

# size: loads about its transition, samples
PLAN = {100: (np.arange(0.14, 0.33, 0.02), 16), 200: (np.arange(0.14, 0.27, 0.02), 12), 400: (np.arange(0.14, 0.23, 0.015), 8),
        800: (np.arange(0.14, 0.195, 0.01), 5), 1600: (np.arange(0.14, 0.175, 0.01), 2)}
TRIALS = 100


def overlaps(program, work, N, P, seed):
    """Overlap with each of (at most TRIALS) patterns of one sample after 60 sweeps from the pattern."""
    r = run(program, "hopfield-capacity/hebb.toml", work, "data.patterns.shape=[%d,%d]" % (P, N), "model.n=%d" % N, "seed=%d" % seed,
            "task.stay.trials=%d" % min(P, TRIALS), "task.stay.steps=60", "task.stay.burn_in=59", "task.repair.trials=1", "task.repair.steps=2",
            "task.repair.burn_in=1")
    m = np.sqrt(r["stay"]["r2_response"][:])
    r.close()
    return m


def half(loads, shares):
    """Load at which a logistic curve fitted to the shares is 1/2 (least squares, Gauss-Newton on midpoint and width)."""
    a, w = loads[np.argmin(np.abs(shares - 0.5))], 0.02
    for _ in range(200):
        y = 1 / (1 + np.exp(np.clip((loads - a) / w, -60, 60)))
        g = y * (1 - y) / w
        J = np.stack([g, g * (loads - a) / w], axis=1)
        d = np.linalg.lstsq(J, shares - y, rcond=None)[0]
        a, w = a + np.clip(d[0], -0.02, 0.02), max(w + np.clip(d[1], -w / 2, w / 2), 1e-4)
    return a


def extrapolate(sizes, values, errors):
    """alpha_c, a, x of alpha_c + a N^-x: for every x a weighted linear fit, then the best x."""
    best = None
    for x in np.arange(0.2, 1.51, 0.01):
        A = np.stack([np.ones(len(sizes)), sizes**-x], axis=1) / errors[:, None]
        c = np.linalg.lstsq(A, values / errors, rcond=None)[0]
        chi2 = ((A @ c - values / errors) ** 2).sum()
        if best is None or chi2 < best[0]:
            best = (chi2, c[0], c[1], x)
    return best


def check(c, program, work):
    rng = np.random.default_rng(0)
    sizes, values, errors, replicas = [], [], [], []
    for N, (loads, samples) in PLAN.items():
        share = np.empty((len(loads), samples))
        for i, load in enumerate(loads):
            for k in range(samples):
                share[i, k] = (overlaps(program, work, N, round(load * N), 1000 * N + k) > 0.9).mean()
        exact = np.array([round(load * N) / N for load in loads])
        picks = rng.integers(samples, size=(200, samples))
        boot = np.array([half(exact, share[:, p].mean(axis=1)) for p in picks])
        sizes.append(float(N)), values.append(half(exact, share.mean(axis=1))), errors.append(boot.std(ddof=1)), replicas.append(boot)
        print("N = %4d: alpha_half = %.4f +- %.4f   shares %s" % (N, values[-1], errors[-1], np.round(share.mean(axis=1), 3)), flush=True)
    sizes, values, errors = np.array(sizes), np.array(values), np.array(errors)
    chi2, alpha, a, x = extrapolate(sizes, values, errors)
    spread = np.std([extrapolate(sizes, np.array([b[k] for b in replicas]), errors)[1] for k in range(200)], ddof=1)
    print("alpha_half = %.4f + %.3f N^-%.2f, chi^2 = %.2f of %d; error of the first %.4f" % (alpha, a, x, chi2, len(sizes) - 3, spread))
    c.true("the transition moves down with N", np.all(np.diff(values) < 0))
    c.near("alpha_c by extrapolation (theory %.5f)" % capacity(), alpha, capacity(), 0.012)
    for load in (0.08, 0.1, 0.12):
        m = np.array([overlaps(program, work, 1600, round(load * 1600), 7 + k).mean() for k in range(3)])
        c.z("N = 1600, alpha = %.2f: overlap" % load, m.mean(), overlap(load), np.hypot(m.std(ddof=1) / np.sqrt(3), 0.3 * (1 - overlap(load))))


main(check)
