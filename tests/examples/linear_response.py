#!/usr/bin/env python3
# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""examples/linear-response recomputed in NumPy: Lyapunov equation by Kronecker products, functions of J by eigenvectors, the sum rule of Harada and
Sasa, the law of Euler's scheme and the expected value of Welch's estimate from double sums."""
from example import main, np, run

W = np.zeros((5, 5))
for i in range(5):
    W[i, (i - 1) % 5] = 0.9
    W[i, (i + 1) % 5] = -0.3
TAU = np.array([10.0, 10.0, 10.0, 20.0, 10.0])
J = (W - np.eye(5)) / TAU[:, None]
D, H, EVERY, WINDOW = 1e-6, 1.0, 2, 128


def lyapunov(J, Q):
    n = len(J)
    K = np.kron(J, np.eye(n)) + np.kron(np.eye(n), J)
    return np.linalg.solve(K, -Q.ravel()).reshape(n, n)


def stein(M, Q):
    n = len(M)
    return np.linalg.solve(np.eye(n * n) - np.kron(M, M), Q.ravel()).reshape(n, n)


def welch(c, T):
    """T / sum w^2 * v^H C v, C_ts = c(|t - s|), v = w e^{-iwt} less its mean; c: autocovariance at the sample interval T."""
    n = len(c)
    t = np.arange(n)
    w = 0.5 * (1 - np.cos(2 * np.pi * t / n))
    C = c[np.abs(t[:, None] - t[None, :])]
    out = []
    for f in range(n // 2 + 1):
        v = w * np.exp(-2j * np.pi * f * t / n)
        v = v - v.mean()
        out.append(T / np.sum(w * w) * np.real(v.conj() @ C @ v))
    return np.array(out)


def test(check, program, directory):
    r = run(program, "linear-response/linear-response.toml", directory)
    g = r["response"]
    n, I = 5, np.eye(5)
    C = lyapunov(J, 2 * D * I)
    Q = (J @ C - C @ J.T) / 2
    rate, vectors = np.linalg.eig(J)
    check.near("slowest rate", g["slowest_rate"][()], -rate.real.max(), 1e-14)
    check.near("covariance", np.abs(g["covariance"][:] - C).max(), 0, 1e-12 * np.abs(C).max())
    check.near("circulation", np.abs(g["circulation"][:] - Q).max(), 0, 1e-12 * np.abs(Q).max())
    entropy = -np.trace(J @ Q) / D
    check.near("entropy production", g["entropy_production"][()], entropy, 1e-10 * entropy)
    check.near("violation", g["fdt_violation"][()], np.linalg.norm(Q) / np.linalg.norm(D * I), 1e-12)
    check.near("static susceptibility", np.abs(g["static_susceptibility"][:] + np.linalg.inv(J)).max(), 0, 1e-11)

    f = g["frequency"][:]
    csd = g["csd"][..., 0] + 1j * g["csd"][..., 1]
    sus = g["susceptibility"][..., 0] + 1j * g["susceptibility"][..., 1]
    worst = np.zeros(3)
    for k, w in enumerate(2 * np.pi * f):
        R = np.linalg.inv(-1j * w * I - J)
        S = 2 * D * R @ R.conj().T
        worst = np.maximum(worst, [np.abs(sus[k] - R).max() / np.abs(R).max(), np.abs(csd[k] - S).max() / np.abs(S).max(),
                                   np.abs(g["psd"][k] - np.diag(S).real).max() / np.abs(S).max()])
    check.true("susceptibility, cross spectra, spectra", (worst < 1e-12).all(), str(worst))
    step = np.log(f[-1] / f[0]) / (len(f) - 1)
    # ends of the integral: S is constant below, falls as 2D/w^2 above
    variance = 2 * step * (f[:, None] * g["psd"][:]).sum(0) + 2 * f[0] * g["psd"][0] * (1 - step / 2) + f[-1] * g["psd"][-1] * (2 - step)
    check.near("variance = integral of the spectrum", np.abs(variance / np.diag(C) - 1).max(), 0, 1e-4)
    inside = f < 3
    sasa = 2 * step * (f[:, None] * (2 * np.pi * f[:, None])**2 * g["fdt_violation_psd"][:] / D)[inside].sum()
    check.near("entropy production by Harada and Sasa", sasa / entropy, 1, 0.02)

    lag = g["lag"][:]
    E = np.array([(vectors * np.exp(rate * t)) @ np.linalg.inv(vectors) for t in lag]).real
    check.near("response functions", np.abs(g["response"][:] - E).max(), 0, 1e-12)
    check.near("lagged covariance", np.abs(g["lagged_covariance"][:] - E @ C).max(), 0, 1e-12 * np.abs(C).max())

    M = I + H * J
    law = stein(M, 2 * H * D * I)
    check.near("law of the scheme", np.abs(g["covariance_measured_theory"][:] - law).max(), 0, 1e-12 * np.abs(law).max())
    check.z_many("covariances", g["covariance_measured"][:][np.tril_indices(n)], law[np.tril_indices(n)],
                 g["covariance_measured_se"][:][np.tril_indices(n)])
    P = np.linalg.matrix_power(M, EVERY)
    lags = [law]
    for _ in range(WINDOW - 1):
        lags.append(P @ lags[-1])
    for u in range(n):
        S = welch(np.array([c[u, u] for c in lags]), EVERY * H)
        check.near("Welch's expected spectrum of unit %d" % u, np.abs(g["psd_measured_theory"][:, u] / S - 1).max(), 0, 1e-9)
        check.z_many("spectrum of unit %d" % u, g["psd_measured"][:, u], S, g["psd_measured_se"][:, u])
    far = np.abs(g["covariance_measured"][:] - C) / g["covariance_measured_se"][:]
    check.true("the measurements tell the scheme from the continuum", far.max() > 5, "%.1f" % far.max())

    # the numbers of the README
    check.near("README: slowest rate", -rate.real.max(), 0.03256974, 1e-8)
    check.near("README: variance of A", C[0, 0], 1.4339913e-05, 1e-12)
    check.near("README: entropy production", entropy, 0.3519660, 1e-7)


main(test)
