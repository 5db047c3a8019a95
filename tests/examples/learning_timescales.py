#!/usr/bin/env python3
# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""examples/learning-timescales beside NumPy: the same rules in a few lines, the eigenvalues of the weights at every snapshot, and what tracks must be.
Laws: Marchenko-Pastur band of X X^T/N, Bendixson's bounds, the circular law (theory of learning: A5, L1 and L2)."""
import os

from example import EXAMPLES, main, np, run

GAIN, PATTERNS, UNITS = 0.8, 10, 200


def by_track(g, name="track_rate"):
    return g[name][:]


def hebb(check, r, X):
    """W = (1 - 0.99^e) X X^T/N: P modes split off along fixed directions."""
    y = np.linalg.eigvalsh(X @ X.T / UNITS)  # the nonzero eigenvalues of X^T X/N
    g = r["slowing"]
    epoch, rate, track = g["epoch"][:], g["relaxation_rate"][:], by_track(g)
    check.true("epoch and number of the snapshots", (epoch == r["hebb/epoch"][:]).all() and (g["snapshot"][:] == np.arange(len(epoch))).all())
    want = 1 - GAIN * np.outer(1 - 0.99**epoch, y[::-1])
    check.near("ten slow rates at every snapshot", np.abs(rate[:, :PATTERNS] - want).max(), 0, 1e-12)
    check.near("190 rates stay at 1", np.abs(rate[:, PATTERNS:] - 1).max(), 0, 1e-12)
    check.near("share of rates below 0.6 at the end", (rate[-1] < 0.6).mean(), PATTERNS / UNITS, 0)
    check.near("slow_fraction at every snapshot", np.abs(g["slow_fraction"][:] - (rate <= 0.6).mean(axis=1)).max(), 0, 1e-14)
    decay = np.array([-np.log(v[v > 0]).mean() for v in rate])
    check.near("mean_log_time at every snapshot", np.abs(g["mean_log_time"][:] - decay).max(), 0, 1e-13)
    edge = 3 * UNITS**(-2 / 3)
    low, high = (1 - np.sqrt(PATTERNS / UNITS))**2, (1 + np.sqrt(PATTERNS / UNITS))**2
    check.true("they lie in the Marchenko-Pastur band", y.min() > low - edge and y.max() < high + edge, "%.3f to %.3f, band %.3f to %.3f" % (y.min(), y.max(), low, high))
    check.true("200 tracks through all snapshots", track.shape == (UNITS, len(epoch)) and np.isfinite(track).all())
    order = np.argsort(track[:, -1])
    check.near("each of ten tracks is one mode throughout", np.abs(track[order[:PATTERNS]].T - want).max(), 0, 1e-12)
    check.near("smallest overlap from snapshot to snapshot", g["track_overlap"][1:].min(), 1, 1e-6)


def turning(check, r, X):
    """W += rate (x x_before^T - x_before x^T) from Hebb's weights."""
    g, epoch = r["turning"], r["order/epoch"][:]
    W, worst, bounds = r["hebb/weights"][-1].copy(), 0, 0
    check.near("Hebb's weights", np.abs(W - (1 - 0.99**1500) * X.T @ X / UNITS).max(), 0, 1e-13)
    symmetric = 1 - GAIN * np.linalg.eigvalsh((W + W.T) / 2)
    top = []
    for e in range(int(epoch[-1])):
        if e > 0:
            x, before = X[e % PATTERNS], X[(e - 1) % PATTERNS]
            W += 4e-5 * (np.outer(x, before) - np.outer(before, x))
        if e + 1 in epoch:
            p = list(epoch).index(e + 1)
            zeta = np.linalg.eigvals(-np.eye(UNITS) + GAIN * W)
            worst = max(worst, np.abs(np.sort(-zeta.real) - g["relaxation_rate"][p]).max())
            worst = max(worst, np.abs(np.sort(zeta.imag) - np.sort(g["angular_frequency"][p])).max())
            bounds = max(bounds, symmetric.min() - (-zeta.real).min(), (-zeta.real).max() - symmetric.max())
            top.append(zeta.imag.max())
    check.near("rates and frequencies at every snapshot", worst, 0, 1e-6)  # pairs are born as square roots: errors of 1e-14 come out as 1e-7
    check.true("all rates inside of Bendixson's bounds", bounds < 1e-9, "%.2g" % bounds)
    check.true("the slowest rate rises", g["relaxation_rate"][-1, 0] > g["relaxation_rate"][0, 0] + 0.1, "%.4f to %.4f" % (g["relaxation_rate"][0, 0], g["relaxation_rate"][-1, 0]))
    check.true("frequencies grow", top[-1] > 0.4 and top[0] < 0.01, "%.4f to %.4f" % (top[0], top[-1]))
    index, overlap, rate = g["track_index"][:], g["track_overlap"][:], by_track(g)
    points = np.arange(len(epoch))
    again = np.full(rate.shape, np.nan)
    for p in points:
        for a in np.flatnonzero(index[p] >= 0):
            again[index[p, a], p] = g["relaxation_rate"][p, a]
    check.true("track_rate is the rate of the modes of a track", np.array_equal(again, rate, equal_nan=True))
    V, L = g["right"][:, :, :, 0] + 1j * g["right"][:, :, :, 1], g["left"][:, :, :, 0] + 1j * g["left"][:, :, :, 1]
    good, count, differ = 0, 0, 0
    for p in points[1:]:  # single modes: overlap |w^H v|, and no other mode fits better than by half
        for b in range(PATTERNS * 2):
            single = np.abs(g["eigenvalue"][p, :, 0] + 1j * g["eigenvalue"][p, :, 1] - complex(*g["eigenvalue"][p, b])) < 1e-6
            if index[p, b] < 0 or np.isnan(overlap[p, b]) or single.sum() > 1:
                continue
            a = int(np.flatnonzero(index[p - 1] == index[p, b])[0])
            differ = max(differ, abs(abs(np.vdot(L[p - 1, a], V[p, b])) - overlap[p, b]))
            good += overlap[p, b] > 0.9
            count += 1
    check.near("overlaps beside NumPy's, of %d links" % count, differ, 0, 1e-9)
    check.true("nearly all links are clear", good > 0.8 * count, "%d of %d above 0.9" % (good, count))


def homeostasis(check, r, n):
    """a -> a (1 + rate (1 - margin - a)); all eigenvalues scale alike, so eigenvectors stay."""
    g = r["edge"]
    epoch, zeta = g["epoch"][:], g["eigenvalue"][:, :, 0] + 1j * g["eigenvalue"][:, :, 1]
    top = (zeta.real + 1).max(axis=1)  # of W
    a, want = top[0], []
    for e in range(int(epoch[0]), int(epoch[-1]) + 1):
        if e in epoch:
            want.append(a)
        a *= 1 + 0.5 * (0.95 - a)
    check.near("edge of W at every snapshot", np.abs(top - want).max(), 0, 1e-12)
    check.near("the slowest rate in the end", g["relaxation_rate"][-1, 0], 0.05, 1e-3)
    check.near("overlaps", np.nanmin(g["track_overlap"][:]), 1, 1e-8)
    rate = by_track(g)
    whole = np.isfinite(rate).all(axis=1)
    check.true("39 of 40 tracks or all reach through", whole.sum() >= 39)
    line = (1 - rate[whole]) / (1 - rate[whole][:, :1]) - top / top[0]
    check.near("rates move along straight lines from 1", np.abs(line).max(), 0, 1e-8)
    rates = np.sort(-zeta[-1].real)  # share below 1 - R u by the circular law: 1/2 - (u sqrt(1 - u^2) + asin u)/pi
    radius = np.sqrt((np.abs(zeta[-1] + 1)**2).mean() * 2)  # mean of |z|^2 over the disc is R^2/2
    u = np.clip((rates - 1) / radius, -1, 1)
    law = 0.5 + (u * np.sqrt(1 - u * u) + np.arcsin(u)) / np.pi
    distance = np.abs(law - (np.arange(n) + 0.5) / n).max()
    check.true("density of rates: semicircle about 1", distance < 0.05, "largest difference %.4f, radius %.3f" % (distance, radius))


def digits(check, r):
    """Map x <- m(J x), m(t) = coth t - 1/t = t/3 + ...: multipliers at the origin are the eigenvalues of J/3."""
    g, W = r["timescales"], r["train/weights"][:]
    want = np.array([np.sort(-np.log(np.abs(np.linalg.eigvals(w / 3)))) for w in W])
    rate = g["relaxation_rate"][:]
    check.near("rates per step at every snapshot", np.abs(rate - want).max(), 0, 1e-9)
    share = g["slow_fraction"][:]
    check.near("slow_fraction at every snapshot", np.abs(share - (want <= 0.7).mean(axis=1)).max(), 0, 1e-14)
    check.true("learning slows: no slow mode at first, then about as many as digits", share[0] == 0 and 5 <= 64 * share[-1] <= 10, "%.0f modes" % (64 * share[-1]))
    check.true("the slowest rate falls at every snapshot", (np.diff(rate[:, 0]) < 0).all(), "%.3f to %.3f" % (rate[0, 0], rate[-1, 0]))
    check.true("the slowest mode is one track from beginning to end", np.isfinite(by_track(g)[g["track_index"][-1, 0]]).all())


def test(check, program, directory):
    X = np.loadtxt(os.path.join(EXAMPLES, "learning-timescales", "patterns.csv"), delimiter=",")
    check.true("ten patterns of 200 signs", X.shape == (PATTERNS, UNITS) and (np.abs(X) == 1).all())
    short = ["task.%s.%s" % (t, o) for t in ("slowing", "turning") for o in ("non_normality=false", "collective=false")]
    r = run(program, "learning-timescales/hebb.toml", directory, "task.hebb.snapshots.n=12", "task.order.snapshots.n=20", *short)
    hebb(check, r, X)
    turning(check, r, X)
    r = run(program, "learning-timescales/homeostasis.toml", directory, "model.coupling.n=200", "task.edge.collective=false")
    homeostasis(check, r, 200)
    r = run(program, "learning-timescales/digits.toml", directory, "task.train.epochs=1000", "task.train.snapshots.n=12", "task.timescales.non_normality=false")
    digits(check, r)


main(test)
