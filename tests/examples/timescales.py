#!/usr/bin/env python3
# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""examples/timescales beside NumPy: the eigenvalues of the same weights, both kinds of vectors, the laws of random matrices."""
import os

from example import main, np, run

EXPERIMENT = """title = "weights of NumPy"
seed = 1
[model]
kind = "rate"
time = "%s"
coupling = { file = "w.npy", rows = "target" }
[[task]]
name = "s"
do = "spectrum"
%s
"""

TRAJECTORY = """title = "along a trajectory"
[model]
kind = "equations"
state = ["x", "y"]
[model.equations]
x = "y"
y = "2*(1 - x^2)*y - x"
[noise]
kind = "none"
[[task]]
name = "traj"
do = "simulate"
initial = [2.0, 0.0]
replicas = 2
duration = 8.0
dt = 0.01
record = { every = 0.1 }
[[task]]
name = "along"
do = "spectrum"
at = { task = "traj", select = "recorded", n = 54 }
track = true
"""


def circular(u):
    """Share of the circular law of radius 1 with real part below u."""
    u = np.clip(u, -1, 1)
    return 0.5 + (u * np.sqrt(1 - u * u) + np.arcsin(u)) / np.pi


def weights(check, program, directory):
    rng = np.random.default_rng(5)
    N, dt = 120, 0.02
    W = rng.standard_normal((N, N)) * 0.8 / np.sqrt(N)
    np.save(os.path.join(directory, "w.npy"), W)
    J = W - np.eye(N)
    for time, options, A in (("continuous", "", J), ("discrete", "time_step = %g" % dt, W)):
        name = os.path.join(directory, time + ".toml")
        with open(name, "w") as f:
            f.write(EXPERIMENT % (time, options))
        g = run(program, name, directory)["s"]
        z = np.linalg.eigvals(A)
        rates = np.sort(-z.real if time == "continuous" else -np.log(np.abs(z)) / dt)
        scale = 1 if time == "continuous" else 1 / dt
        check.near("%s: rates, largest error" % time, np.abs(g["relaxation_rate"][0] - rates).max(), 0, 1e-10 * scale)
        v = g["right"][0, :, :, 0] + 1j * g["right"][0, :, :, 1]
        w = g["left"][0, :, :, 0] + 1j * g["left"][0, :, :, 1]
        zeta = g["eigenvalue"][0, :, 0] + 1j * g["eigenvalue"][0, :, 1]
        check.near("%s: J v = zeta v" % time, np.abs(A @ v.T - v.T * zeta).max(), 0, 1e-12)
        check.near("%s: w^H v = 1" % time, np.abs(w.conj() @ v.T - np.eye(N)).max(), 0, 1e-10)
        check.near("%s: J = sum of zeta v w^H" % time, np.abs((v.T * zeta) @ w.conj() - A).max(), 0, 1e-10)
        check.near("%s: condition is |w| |v|" % time, np.abs(g["condition"][0] / (np.linalg.norm(w, axis=1) * np.linalg.norm(v, axis=1)) - 1).max(), 0, 1e-9)
        p = np.abs(w * v)
        p /= p.sum(axis=1)[:, None]
        check.near("%s: participation" % time, np.abs(g["participation"][0] * (p**2).sum(axis=1) - 1).max(), 0, 1e-9)
        henrici = np.sqrt(np.linalg.norm(A) ** 2 - (np.abs(z) ** 2).sum())
        check.near("%s: Henrici's departure" % time, g["henrici"][0], henrici, 1e-9)
        abscissa = np.linalg.eigvalsh((A + A.T) / 2).max() if time == "continuous" else np.log(np.linalg.norm(A, 2)) / dt
        check.near("%s: numerical abscissa" % time, g["numerical_abscissa"][0], abscissa, 1e-6 * scale)
        t = g["lag"][:]
        check.near("%s: memory kernel" % time, np.abs(g["kernel"][0] - np.exp(-np.outer(t, rates[rates > 0])).mean(axis=1)).max(), 0, 1e-10)


def network(check, program, directory):
    r = run(program, "timescales/timescales.toml", directory)
    g, large = r["spectrum"], r["large"]
    z = g["eigenvalue"][0, :, 0] + 1j * g["eigenvalue"][0, :, 1]
    N = len(z)
    bulk = z[1:]
    check.near("the rest inside of the circular law", np.abs(bulk + 1).max(), 0.5, 0.05)
    x = np.sort((bulk.real + 1) / 0.5)
    d = np.abs(circular(x) - (np.arange(N - 1) + 0.5) / (N - 1)).max()
    check.true("cumulative rates of the bulk against the circular law", d < 0.03, "%.4f" % d)
    check.true("one collective mode, the slowest", g["collective"][0, 0] == 1 and g["collective"][0].sum() == 1)
    check.true("hundreds of units take part", g["participation"][0, 0] > 100, "%.1f units" % g["participation"][0, 0])
    check.true("its members are units with more than 1/N", 50 < g["member"][0, 0].sum() < N)
    check.near("the same slow modes from products alone", np.abs(large["relaxation_rate"][0] - g["relaxation_rate"][0, :5]).max(), 0, 1e-7)
    check.near("density integrates to 1", g["tdos"][0].sum() * (g["bin"][1] - g["bin"][0]), 1, 1e-12)


def outliers(check, program, directory, seeds=range(11, 15)):
    """Rate of the slow mode over several networks. W = u v^T/N + G, v = m u + z: to first order the outlier is m |u|^2/N + u.z/N + v.G u/(v.u),
    of variance (2 m^2 + 1)/N + g^2 (m^2 + 1)/(m^2 N)."""
    N, m, g = 400, 0.8, 0.5
    rates = []
    for seed in seeds:
        r = run(program, "timescales/timescales.toml", directory, "seeds.coupling=%d" % seed, "task.spectrum.non_normality=false")
        rates.append(r["spectrum"]["relaxation_rate"][0, 0])
        r.close()
    rates = np.array(rates)
    sd = np.sqrt((2 * m * m + 1) / N + g * g * (m * m + 1) / (m * m * N))
    check.z("slow mode over %d networks" % len(rates), rates.mean(), 1 - m, sd / np.sqrt(len(rates)), limit=4.0)
    check.true("its scatter between networks", 0.3 * sd < rates.std(ddof=1) < 2 * sd, "%.3f, predicted %.3f" % (rates.std(ddof=1), sd))


def trajectory(check, program, directory):
    """Van der Pol: the instantaneous Jacobian along the orbit, [[0, 1], [-4 x y - 1, 2 (1 - x^2)]]."""
    name = os.path.join(directory, "trajectory.toml")
    with open(name, "w") as f:
        f.write(TRAJECTORY)
    r = run(program, name, directory)
    g, states = r["along"], r["traj/x"][:].reshape(-1, 2)
    source = g["source_index"][:]
    check.true("54 states of 162, evenly spread", len(source) == 54 and (np.diff(source) == 3).all() and len(states) == 162)
    check.true("they are those of the trajectory", (g["x"][:] == states[source]).all())
    J = np.array([[[0, 1], [-4 * x * y - 1, 2 * (1 - x * x)]] for x, y in states[source]])
    want = np.sort(-np.linalg.eigvals(J).real, axis=1)
    check.near("rates along the trajectory", np.abs(g["relaxation_rate"][:] - want).max(), 0, 1e-12)
    index, overlap = g["track_index"][:], g["track_overlap"][:]
    linked = [(p, a) for p in range(1, 54) for a in range(2) if np.isfinite(overlap[p, a])]
    check.true("tracks go from state to state", all(index[p, a] in index[p - 1] for p, a in linked) and len(linked) > 80, "%d links of 106" % len(linked))


def memory(check, program, directory):
    g = run(program, "timescales/memory.toml", directory)["slow"]
    rate, gain, ratio = -g["eigenvalue"][0, :, 0], 0.4, 0.25
    y = (1 - rate) / gain
    y = y[np.abs(y) > 1e-10]
    check.true("300 rates are exactly 1", len(y) == 100, "%d others" % len(y))
    check.near("mean of y", y.mean(), 1, 1e-12)
    check.near("edges of the band, above", y.max(), 2.25, 0.12)
    check.near("edges of the band, below", y.min(), 0.25, 0.06)
    e = np.linspace(0.25, 2.25, 4001)[1:-1]
    rho = np.sqrt((2.25 - e) * (e - 0.25)) / (2 * np.pi * ratio * e)
    F = np.cumsum(rho) * (e[1] - e[0])
    d = np.abs(np.interp(np.sort(y), e, F, 0, 1) - (np.arange(100) + 0.5) / 100).max()
    check.true("Marchenko-Pastur law", d < 0.05, "largest difference %.4f" % d)


def test(check, program, directory):
    weights(check, program, directory)
    network(check, program, directory)
    outliers(check, program, directory)
    memory(check, program, directory)
    trajectory(check, program, directory)


main(test)
