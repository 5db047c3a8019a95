#!/usr/bin/env python3
# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""examples/stochastic-limit-cycle beside the exact law. z = r e^{i phi}: r' = mu r - r^3 + D/r + noise, phi' = omega + noise of diffusion D/r^2, so
    <x(t) x(0)> = cos(omega t)/2 <r e^{t L} r>,   L u = (1/p) d/dr (D p du/dr) - D u/r^2,   p = r exp(-(r^4/4 - mu r^2/2)/D):
the generator of angular momentum 1, symmetric in the weight p, by finite volumes. Its slowest rate at D = 0.02 is 0.020911 (0.02091100 in
the reference table T5, leading order D/r^2 = 0.02)."""
from example import main, np, run

MU, OMEGA, D = 1.0, 2.0, 0.02


def generator(cells, largest):
    """Rates, and the weights of the stationary state's r in the eigenvectors."""
    h = largest / cells
    r = (np.arange(cells) + 0.5) * h
    face = np.arange(1, cells) * h

    def log_p(s):
        return np.log(s) - (s**4 / 4 - MU * s**2 / 2) / D
    p = np.exp(log_p(r) - log_p(r).max())
    lower = D * np.exp(log_p(face) - log_p(r[:-1])) / h**2  # D p_face / (p_i h^2), and seen from the other side
    upper = D * np.exp(log_p(face) - log_p(r[1:])) / h**2
    diagonal = D / r**2
    diagonal[:-1] += lower
    diagonal[1:] += upper
    A = np.diag(diagonal) - np.diag(np.sqrt(lower * upper), 1) - np.diag(np.sqrt(lower * upper), -1)
    rate, V = np.linalg.eigh(A)
    weight = V.T @ (r * np.sqrt(p / p.sum()))
    return rate, weight**2, (r * r * p).sum() / p.sum()


def test(check, program, directory):
    (e1, _, _), (rate, weight, r2) = generator(300, 2.2), generator(600, 2.2)
    slowest = (4 * rate[0] - e1[0]) / 3  # Richardson: the error goes with the square of the cell
    check.near("slowest rate of the exact generator against the table", slowest, 0.02091100, 2e-7)

    r = run(program, "stochastic-limit-cycle/stochastic-limit-cycle.toml", directory)
    g = r["traj"]
    check.z_many("variances of x and y", g["x_variance"][:], np.full(2, r2 / 2), g["x_variance_se"][:])
    lag = g["lag"][:]
    want = 0.5 * np.cos(OMEGA * lag) * (weight * np.exp(-np.outer(lag, rate))).sum(axis=1)
    check.near("at lag 0: half of <r^2>", want[0], r2 / 2, 1e-12)
    for k in (0, 16, 31, 79, 157, 236, 300):
        check.z_many("autocovariances at t = %.1f" % lag[k], g["x_autocovariance"][k], np.full(2, want[k]), g["x_autocovariance_se"][k])
    period = np.pi * np.arange(1, 20)  # nearest lags to full turns: amplitude of the correlation
    near = np.array([np.abs(lag - t).argmin() for t in period])
    value = g["x_autocovariance"][:][near].mean(axis=1) / np.cos(OMEGA * lag[near])
    slope = -np.polyfit(lag[near], np.log(value), 1)[0]
    check.near("measured rate at which the phase is forgotten: 10 %", slope / slowest, 1, 0.1)
    check.true("it is not the rate of any eigenvalue of the Jacobian", slope < 0.05 * 2 * MU, "%.4f per time" % slope)

    f, psd = g["frequency"][:], g["x_psd"][:].mean(axis=1)
    check.near("the spectrum has its peak at the frequency of the cycle", f[psd.argmax()], OMEGA / (2 * np.pi), 2 * (f[1] - f[0]))

    c = r["cycle"]
    check.true("one orbit, stable", c["n_orbit"][()] == 1 and c["n_unstable"][0] == 0)
    check.near("its period", c["period"][0], 2 * np.pi / OMEGA, 1e-9)
    multiplier = np.sort(c["multiplier"][0, :, 0])
    check.near("Floquet multiplier exp(-2 mu T)", multiplier[0] / np.exp(-2 * MU * 2 * np.pi / OMEGA) - 1, 0, 1e-7)
    check.near("the other is 1", multiplier[1], 1, 1e-9)
    check.near("radius", np.abs(np.hypot(c["x"][0, :, 0], c["x"][0, :, 1]) - np.sqrt(MU)).max(), 0, 1e-9)

    s = r["centre"]
    check.near("rates of the focus at the origin", np.abs(s["relaxation_rate"][0] + MU).max(), 0, 1e-14)
    check.near("its frequency", s["angular_frequency"][0, 0], OMEGA, 1e-14)


main(test)
