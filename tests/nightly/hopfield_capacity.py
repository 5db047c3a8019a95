#!/usr/bin/env python3
# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""Capacity of Hebb's rule by finite-size extrapolation: examples/hopfield-capacity/hebb.toml over sizes, loads and seeds.

Usage: hopfield_capacity.py PROGRAM. For each N the share of patterns that are held (correlation above 0.9 with the mean state of sweeps 60 to 80 from the
pattern) falls with the load alpha = P/N; a logistic curve through it gives alpha_half(N), with a bootstrap error over samples, and alpha_half = alpha_c +
a/N is extrapolated (a/N^(2/3) beside it, as the measure of what the choice of the exponent does).

Temperature 0.1: the replica-symmetric theory (Amit, Gutfreund & Sompolinsky 1987) is stable there, and its alpha_c = 0.1350 is computed from the saddle
point. Temperature 0: single flips get stuck in states near a pattern, and hold it above the theory's 0.1379 (0.138186 with one step of replica symmetry
breaking: Steffan & Kuehn, Z. Phys. B 95 (1994) 249); simulations gave 0.145 +- 0.009 (Amit et al.). Below the capacity the overlap is that of the theory."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "examples"))
from example import main, np, run  # noqa: E402
from hopfield_theory import overlap, warm_capacity, warm_overlap  # noqa: E402

# temperature: { size: (loads about its transition, samples, patterns looked at) }
PLAN = {0.1: {200: ((0.12, 0.135, 0.15, 0.165, 0.18), 16, 60), 400: ((0.12, 0.135, 0.15, 0.165), 10, 60), 800: ((0.125, 0.14, 0.155), 5, 50),
              1600: ((0.13, 0.14), 3, 40)},
        0.0: {200: ((0.17, 0.19, 0.21, 0.23), 12, 60), 400: ((0.16, 0.175, 0.19), 8, 60), 800: ((0.15, 0.165, 0.18), 4, 50), 1600: ((0.15, 0.165), 2, 40)}}


def overlaps(program, work, N, P, seed, T, trials):
    r = run(program, "hopfield-capacity/hebb.toml", work, "data.patterns.shape=[%d,%d]" % (P, N), "model.n=%d" % N, "seed=%d" % seed,
            "model.inverse_temperature=%g" % (1 / T if T > 0 else 1e6), "task.stay.trials=%d" % min(P, trials), "task.stay.steps=80",
            "task.stay.burn_in=60", "task.repair.trials=1", "task.repair.steps=2", "task.repair.burn_in=1")
    m = np.sqrt(r["stay"]["r2_response"][:])
    r.close()
    return m


def half(loads, shares):
    """Load at which a straight line through the logits of the shares is 0."""
    p = np.clip(shares, 0.01, 0.99)
    slope, level = np.polyfit(loads, np.log(p / (1 - p)), 1)
    return -level / slope


def extrapolate(sizes, values, errors, x):
    """alpha_c and its error from alpha_c + a N^-x, weighted least squares."""
    A = np.stack([np.ones(len(sizes)), sizes**-x], axis=1) / errors[:, None]
    C = np.linalg.inv(A.T @ A)
    return (C @ A.T @ (values / errors))[0], np.sqrt(C[0, 0])


def transition(c, program, work, T):
    rng = np.random.default_rng(0)
    sizes, values, errors = [], [], []
    for N, (loads, samples, trials) in PLAN[T].items():
        share = np.array([[(overlaps(program, work, N, round(load * N), 1000 * N + k, T, trials) > 0.9).mean() for k in range(samples)] for load in loads])
        exact = np.array([round(load * N) / N for load in loads])
        boot = [half(exact, share[:, p].mean(axis=1)) for p in rng.integers(samples, size=(200, samples))]
        sizes.append(N), values.append(half(exact, share.mean(axis=1)))
        errors.append(max(np.std(boot, ddof=1) * np.sqrt(samples / (samples - 1)), 0.001))
        print("T = %g, N = %4d: alpha_half = %.4f +- %.4f   shares %s" % (T, N, values[-1], errors[-1], np.round(share.mean(axis=1), 3)), flush=True)
    sizes, values, errors = np.array(sizes, float), np.array(values), np.array(errors)
    c.true("T = %g: the transition moves down with N" % T, values[0] > values[-1])
    return extrapolate(sizes, values, errors, 1), extrapolate(sizes, values, errors, 2 / 3)


def check(c, program, work):
    want = warm_capacity(0.1)
    (a, ea), (b, eb) = transition(c, program, work, 0.1)
    print("T = 0.1: alpha_c = %.4f +- %.4f (1/N), %.4f +- %.4f (N^-2/3); theory %.4f" % (a, ea, b, eb, want))
    c.z("T = 0.1: alpha_c by extrapolation", a, want, np.hypot(ea, abs(a - b)), limit=3)
    c.true("with a useful error", np.hypot(ea, abs(a - b)) < 0.01)
    (a, ea), (b, eb) = transition(c, program, work, 0.0)
    print("T = 0: %.4f +- %.4f (1/N), %.4f +- %.4f (N^-2/3)" % (a, ea, b, eb))
    c.z("T = 0, N^-2/3, beside the simulations of Amit et al.", b, 0.145, np.hypot(eb, 0.009), limit=2)
    for T, load in ((0.0, 0.08), (0.0, 0.1), (0.1, 0.1)):
        m = np.array([overlaps(program, work, 1200, round(load * 1200), 7 + k, T, 40).mean() for k in range(3)])
        theory = overlap(load) if T == 0 else warm_overlap(load, T)
        if T == 0:
            c.z("N = 1200, T = 0, alpha = %g: overlap" % load, m.mean(), theory, np.hypot(m.std(ddof=1) / np.sqrt(3), 0.3 * (1 - theory)))
        else: # the correlation with a mean state is m/sqrt(q) up to the sampling of the mean
            c.true("N = 1200, T = 0.1, alpha = 0.1: held", m.mean() > theory, "correlation %.4f, m %.4f" % (m.mean(), theory))


main(check)
