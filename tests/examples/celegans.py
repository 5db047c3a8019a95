#!/usr/bin/env python3
# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""examples/celegans (shortened): the wiring as published, and the linear-noise covariance beside NumPy's own solution from the two tables.

    tau x' = -x + gain W tanh(x) + strength L x + noise,  fixed point 0,  J = (-1 + gain W + strength L)/tau,  J C + C J^T + 2 D = 0"""
import csv
import os

from example import EXAMPLES, main, np, run

FOLDER = os.path.join(EXAMPLES, "celegans")
GAIN, TAU, STRENGTH, D = 0.9, 20.0, 0.1, 0.0001


def table(name):
    with open(os.path.join(FOLDER, name), newline="") as f:
        rows = list(csv.reader(f))
    return rows[0][1:], [r[0] for r in rows[1:]], np.array([[float(v) for v in r[1:]] for r in rows[1:]])


def lyapunov(J, Q):
    """J C + C J^T + Q = 0 by eigenvectors, refined by two corrections with the residual."""
    w, V = np.linalg.eig(J)
    inverse = np.linalg.inv(V)

    def solve(R):
        S = inverse @ R @ inverse.conj().T
        return np.real(V @ (-S / (w[:, None] + w[None, :].conj())) @ V.conj().T)
    C = solve(Q)
    for _ in range(2):
        C = C + solve(J @ C + C @ J.T + Q)
    assert np.abs(J @ C + C @ J.T + Q).max() < 1e-12 * np.abs(Q).max() * len(J)
    return C, w


def settles(check, r, names, J, C):
    """The tasks after the simulation: the fixed point, its slow modes and the neurons that carry them, the linear theory."""
    p, s, q = r["points"], r["modes"], r["response"]
    check.true("one fixed point, the origin, stable", p["x"].shape == (1, 279) and np.abs(p["x"][:]).max() < 1e-9 and p["n_unstable"][0] == 0)
    check.true("every start leads there", p["hits"][0] == p["n_starts"][()] == 24 and p["index_consistent"][()] == 1)
    values, right = np.linalg.eig(J)
    left = np.linalg.inv(right).conj().T
    order = np.argsort(-values.real, kind="stable")[:20]
    check.near("the 20 slowest rates, relative", np.abs(s["relaxation_rate"][0] / -values[order].real - 1).max(), 0, 1e-9)
    for mode in range(2):  # real and simple
        share = np.abs(left[:, order[mode]] * right[:, order[mode]])
        share /= share.sum()
        check.near("participation of mode %d" % mode, s["participation"][0, mode], 1 / (share**2).sum(), 1e-6)
        check.true("mode %d is collective" % mode, s["collective"][0, mode] == 1)
        check.true("its members", ((share * 279 > 1) == (s["member"][0, mode] == 1)).all())
        print("mode %d: %.1f ms, %s" % (mode, -1 / values[order[mode]].real, ", ".join(names[u] for u in np.argsort(-share)[:6])))
    scale = np.sqrt(np.outer(np.diag(C), np.diag(C)))
    check.near("covariance of the linear theory, relative", np.abs((q["covariance"][:] - C) / scale).max(), 0, 1e-8)
    M = J + D * np.linalg.inv(C)  # velocity of the probability current: <v.D^-1 v>
    check.near("entropy production, relative", q["entropy_production"][()] / (np.trace(M.T @ M @ C) / D) - 1, 0, 1e-6)


def test(check, program, directory):
    columns, rows, chemical = table("chemical.csv")
    gap_columns, gap_rows, gap = table("gap.csv")
    check.true("279 neurons, the same names everywhere", len(rows) == 279 and rows == columns == gap_rows == gap_columns)
    check.true("2194 chemical connections (Varshney et al. 2011)", np.count_nonzero(chemical) == 2194, str(np.count_nonzero(chemical)))
    off = gap - np.diag(np.diag(gap))
    check.true("514 gap junctions between neurons, symmetric", np.count_nonzero(off) == 2 * 514 and (off == off.T).all())

    W = chemical.T.copy()  # rows of the file are sources
    W /= np.abs(np.linalg.eigvals(W)).max()
    L = off - np.diag(off.sum(axis=1))
    J = (-np.eye(279) + GAIN * W + STRENGTH * L) / TAU
    C, w = lyapunov(J, 2 * D * np.eye(279))
    check.true("the resting state is stable", w.real.max() < 0, "slowest mode %.4g per ms" % -w.real.max())

    short = ["task.rest.duration=1000.0", "task.rest.burn_in=600.0", "task.rest.replicas=64", "task.rest.psd=false",
             "task.rest.max_lag=100.0", "task.points.random=16", "task.points.start.n=8"]
    r = run(program, "celegans/celegans.toml", directory, *short)
    report = os.path.join(os.path.dirname(r.filename), "report.html")
    check.true("the report is there", os.path.exists(report) and os.path.getsize(report) > 10000)
    g = r["rest"]
    labels = [v.decode() if isinstance(v, bytes) else v for v in r["unit_label"][:]]
    check.true("names of the neurons in the result", labels == rows)
    scale = np.sqrt(np.diag(C)[:, None] * np.diag(C)[None, :])
    check.near("covariance of the program's theory: largest relative error", np.abs((g["x_covariance_theory"][:] - C) / scale).max(), 0, 1e-8)
    check.z_many("279 measured variances beside NumPy's", g["x_variance"][:], np.diag(C), g["x_variance_se"][:])
    total = g["x_variance"][:].sum()  # neighbours are correlated: at most the sum of the errors
    check.near("sum of all variances: 2 %", total / np.trace(C), 1, 0.02)
    check.z_many("279 x 279 measured covariances", g["x_covariance"][:], C, g["x_covariance_se"][:], limit=6.0)  # 39060 different ones
    check.true("the largest of them is judged as one of 39060", 279 * 280 / 2 in r["verdict_comparisons"][:])
    order = [v.decode() if isinstance(v, bytes) else v for v in g["observed_unit_label"][:]]
    values, vectors = np.linalg.eig(J)
    for lag in (10, 25):  # C(t) = e^{Jt} C
        t = g["lag"][lag]
        expected = np.real(vectors @ np.diag(np.exp(values * t)) @ np.linalg.inv(vectors)) @ C
        want = np.array([expected[rows.index(n), rows.index(n)] for n in order])
        check.z_many("autocovariance at %g ms" % t, g["x_autocovariance"][lag], want, g["x_autocovariance_se"][lag])
    settles(check, r, rows, J, C)
    print("slowest relaxation: %.1f ms; AVAL fluctuates by %.4f mV" % (-1 / values.real.max(), np.sqrt(C[rows.index("AVAL")][rows.index("AVAL")])))


main(test)
