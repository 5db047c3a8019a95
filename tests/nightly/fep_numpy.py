#!/usr/bin/env python3
# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""The network of Spisak & Friston (arXiv 2505.22749) written once more in NumPy, with NumPy's random numbers: where numbers that the paper does not give
come from (Simulation 4 over seeds), and the peer that the speed of `learn` is compared with.

usage: fep_numpy.py forgetting DIGITS.csv.gz SEEDS     mean and standard deviation of every number of Simulation 4 over seeds
       fep_numpy.py speed N STEPS                      seconds of processor time per learning step"""
import sys
import time

import numpy as np


def langevin(t):
    """coth t - 1/t; the series below 1e-2 leaves out t^7/4725 < 1e-17."""
    small = np.abs(t) < 1e-2
    u = np.where(small, 1.0, t)
    return np.where(small, t * (1 / 3 - t * t * (1 / 45 - t * t * 2 / 945)), 1 / np.tanh(u) - 1 / u)


def draw(rng, t):
    """x with density t e^{tx} / (2 sinh t) on [-1, 1] by the inverse of its distribution function, |t| first, then the sign."""
    a = np.maximum(np.abs(t), 1e-6)
    u = rng.random(t.shape)
    x = 1 + np.log(u + (1 - u) * np.exp(-2 * a)) / a
    return np.where(t < 0, -x, x)


def train(rng, patterns, evidence, beta, rate, epochs, steps, J=None, reset=False):
    n = patterns.shape[1]
    J = np.zeros((n, n)) if J is None else J.copy()
    s = np.zeros(n)
    off = 1 - np.eye(n)
    for _ in range(epochs):
        b = evidence * patterns[rng.integers(len(patterns))]
        if reset:
            s = np.zeros(n)
        for _ in range(steps):
            h = J @ s
            s = draw(rng, beta * (b + h))
            J += rate * np.outer(s - langevin(h), s) * off
    return J


def recall(rng, J, patterns, strength, snr, trials, steps):
    """Median over trials of r^2(mean response, target) - r^2(cue, target); the state starts at 0 in each trial."""
    target = strength * patterns[np.arange(trials) % len(patterns)]
    cue = target + rng.normal(size=target.shape) * target.std(1, keepdims=True) / snr
    s, total = np.zeros_like(cue), 0
    for _ in range(steps):
        s = draw(rng, cue + s @ J.T)
        total = total + s
    return np.median(squared(total, target) - squared(cue, target))


def squared(a, b):
    a, b = a - a.mean(1, keepdims=True), b - b.mean(1, keepdims=True)
    return (a * b).sum(1) ** 2 / ((a * a).sum(1) * (b * b).sum(1))


def attractors(J, starts, tolerance=1e-10, most=1000):
    """Distinct fixed points of s = L(J s) from L(start), told apart at 0.01; how many starts did not settle; mean |90 - angle|."""
    found, unsettled = [], 0
    for x in starts:
        s = langevin(x)
        for _ in range(most):
            new = langevin(J @ s)
            change, s = np.abs(new - s).max(), new
            if change < tolerance:
                break
        else:
            unsettled += 1
            continue
        if not any(np.abs(s - f).max() < 0.01 for f in found):
            found.append(s)
    if len(found) < 2:
        return len(found), unsettled, np.nan
    unit = np.array(found) / np.linalg.norm(found, axis=1)[:, None]
    angle = np.degrees(np.arccos(np.clip(unit @ unit.T, -1, 1)))[np.triu_indices(len(found), 1)]
    angle = angle[(angle > 1) & (angle < 179)]
    return len(found), unsettled, np.abs(90 - angle).mean() if len(angle) else np.nan


def digits(path):
    """Pixels squared, each image to mean 0 and standard deviation 1."""
    x = np.loadtxt(path, delimiter=",")[:, :64] ** 2
    return (x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True)


def correlations(A, B):
    """Pearson r of the upper triangles (the authors' number) and of all entries off the diagonal."""
    upper, off = np.triu_indices(len(A), 1), ~np.eye(len(A), dtype=bool)
    return np.corrcoef(A[upper], B[upper])[0, 1], np.corrcoef(A[off], B[off])[0, 1]


def forgetting(path, seeds):
    x = digits(path)
    rows = {}
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        before = train(rng, x[:10], 11.0, 0.16681, 0.001, 5000, 10)
        states = {"train": before}
        for name, beta in (("cold", 1.0), ("hot", 0.16681)):
            states[name] = train(rng, x[:10], 0.0, beta, 0.001, 5000, 10, before)
        for name, J in states.items():
            r = rows.setdefault(name, [])
            count, unsettled, angle = attractors(J, 1.1 * x[:10])
            test = x[10:][rng.permutation(len(x) - 10)]
            r.append([np.linalg.norm(J), np.linalg.norm(J) / np.linalg.norm(before), np.linalg.norm(J - J.T) / np.linalg.norm(J),
                      *correlations(before, J), recall(rng, J, x[:10], 1.1, 1.0, 400, 100), recall(rng, J, test, 1.1, 1.0, 400, 100),
                      count, unsettled, angle])
    print("%-8s" % "" + "".join("%20s" % c for c in ("norm", "ratio", "asymmetry", "r upper", "r off", "retrieval", "generalisation", "attractors",
                                                      "unsettled", "orthogonality")))
    for name, r in rows.items():
        print("%-8s" % name + "".join("%11.4f +- %.4f" % (m, s) for m, s in zip(np.nanmean(r, 0), np.nanstd(r, 0, ddof=1))))


def speed(n, steps):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(10, n))
    t = time.process_time()
    train(rng, x, 5.0, 0.2, 0.02 / n, steps // 10, 10)
    print("%.4g s per step at N = %d" % ((time.process_time() - t) / steps, n))


if __name__ == "__main__":
    if sys.argv[1] == "forgetting":
        forgetting(sys.argv[2], int(sys.argv[3]))
    else:
        speed(int(sys.argv[2]), int(sys.argv[3]))
