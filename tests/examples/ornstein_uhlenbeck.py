#!/usr/bin/env python3
# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""examples/ornstein-uhlenbeck against closed forms of the time-discrete process (see its README): every expected value and every
standard error is computed here, from the formulas alone."""
from example import main, np, run

K, D = np.array([1.0, 0.25]), 1.0


def variance_se(variance, b, N, R):
    """Standard error of the mean square of R stationary Gaussian AR(1) series of N samples, coefficient b:
    Var = 2 variance^2 / (N R) * sum_l (1 - |l|/N) b^(2|l|)."""
    l = np.arange(1, N)
    return variance * np.sqrt(2 * (1 + 2 * np.sum((1 - l / N) * b ** (2.0 * l))) / (N * R))


def autocovariance_se(variance, b, lag, N, R):
    """Bartlett (1946): Var C(l) = 1/(N R) sum_m [ C(m)^2 + C(m+l) C(m-l) ]."""
    m = np.arange(-2000, 2001)
    C = lambda k: variance * b ** np.abs(k).astype(float)
    return np.sqrt(np.sum(C(m) ** 2 + C(m + lag) * C(m - lag)) / (N * R))


def welch(variance, b, T, W):
    """Expected value of Welch's estimate at all frequencies: T / sum w^2 * v^H C v with v = w e^{-iwt} - mean(w e^{-iwt}), C_ij =
    variance b^|i-j|; the mean of every window is removed before the Hann window is applied."""
    t = np.arange(W)
    w = 0.5 * (1 - np.cos(2 * np.pi * t / W))
    C = variance * b ** np.abs(t[:, None] - t[None, :])
    out = []
    for f in range(W // 2 + 1):
        v = w * np.exp(-2j * np.pi * f * t / W)
        v = v - v.sum() / W
        out.append(T / np.sum(w * w) * np.real(v.conj() @ C @ v))
    return np.array(out)


def test(check, program, directory):
    r = run(program, "ornstein-uhlenbeck/ornstein-uhlenbeck.toml", directory)

    g = r["euler"]
    h, T, R, N = 0.1, 0.2, 2048, 1000
    a = 1 - K * h
    variance = 2 * D * h / (1 - a**2)
    check.near("formula: variance at k = 1, h = 0.1", variance[0], 1.0526315789473684, 1e-12)
    b = a ** (T / h)
    for u in range(2):
        se = variance_se(variance[u], b[u], N, R)
        check.z("variance of unit %d, predicted error" % u, g["x_variance"][u], variance[u], se)
        check.near("its standard error as reported", g["x_variance_se"][u], se, 0.15 * se)
        mean_se = np.sqrt(variance[u] / (N * R) * (1 + b[u]) / (1 - b[u]))
        check.z("mean of unit %d" % u, g["x_mean"][u], 0.0, mean_se)
        lags = np.arange(41)
        check.near("last lag", g["lag"][40], 8.0, 1e-12)
        C = variance[u] * b[u] ** lags
        ses = np.array([autocovariance_se(variance[u], b[u], l, N, R) for l in lags])
        check.z_many("autocovariance of unit %d" % u, g["x_autocovariance"][:, u], C, ses)
        S = welch(variance[u], b[u], T, 256)
        check.z_many("spectrum of unit %d" % u, g["x_psd"][:, u], S, g["x_psd_se"][:, u], limit=5.0)
        w = 2 * np.pi * g["frequency"][:]
        lorentz = 2 * D / (K[u] ** 2 + w**2)
        middle = slice(6, 16)  # low enough for the continuum, high enough for the window
        check.true("spectrum near the Lorentzian 2D/(k^2 + w^2)",
                   np.abs(g["x_psd"][middle, u] / lorentz[middle] - 1).max() < 0.25)
        exact = variance[u] * T * (1 - b[u] ** 2) / (1 - 2 * b[u] * np.cos(w * T) + b[u] ** 2)
        check.true("and nearer to that of the sampled process", np.abs(g["x_psd"][8:, u] / exact[8:] - 1).max() < 0.06)
    x = g["x"][:].astype(float)  # recorded every sample: the statistics again, from the recording (f32) itself
    for u in range(2):
        own = np.mean(x[:, 1:, u] ** 2)
        check.near("variance from the recording", own, g["x_variance"][u] + g["x_mean"][u] ** 2, 1e-4 * own)
    cross = np.mean(x[:, ::5, 0] * x[:, ::5, 1])
    n_eff = R * N / (2 / (1 - b[0] * b[1]))
    check.z("the two units are independent", cross, 0.0, np.sqrt(variance[0] * variance[1] / n_eff))

    g = r["verdicts"]
    C = g["x_covariance_theory"][:]
    check.near("theory of the program: variance 0", C[0, 0], variance[0], 1e-10)
    check.near("theory of the program: variance 1", C[1, 1], variance[1], 1e-10)
    check.near("theory of the program: covariance", C[0, 1], 0.0, 1e-12)
    check.z_many("covariance measured", g["x_covariance"][:], np.diag(variance), g["x_covariance_se"][:])

    g = r["exact"]
    b = np.exp(-K * 0.5)
    for u in range(2):
        check.near("theory of the program: variance D/k", g["x_variance_theory"][u], D / K[u], 1e-10)
        check.z("exact update: variance of unit %d" % u, g["x_variance"][u], D / K[u], variance_se(D / K[u], b[u], 400, R))


main(test)
