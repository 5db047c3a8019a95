#!/usr/bin/env python3
# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""examples/double-well against the Boltzmann law and the exact mean first-passage times by quadrature, and the three readings of
thermal noise in a curved metric. The same numbers to ten digits: Fokker-Planck eigenvalues by sinc-DVR, two grids."""
from example import main, np, run

V = lambda x: x**4 / 4 - x**2 / 2


def boltzmann(T, f):
    x = np.linspace(-6, 6, 24001)
    p = np.exp(-(V(x) + 0.25) / T)
    return np.sum(f(x) * p) / np.sum(p)


def mfpt(T, start, end):
    """Gardiner, Stochastic Methods 5.5.25: T(a -> b) = 1/D int_a^b dy e^{V(y)/D} int_-inf^y dz e^{-V(z)/D}, trapezium rule."""
    h = 1e-4
    z = np.arange(-4, end + h / 2, h)
    p = np.exp(-V(z) / T)
    inner = np.concatenate(([0], np.cumsum((p[1:] + p[:-1]) / 2) * h))
    outer = np.where(z >= start - h / 2, np.exp(V(z) / T) * inner, 0)
    return np.sum((outer[1:] + outer[:-1]) / 2 * (z[1:] > start + h / 2)) * h / T


def kernel_law(h, T, step, f, L=4.0, n=600):
    """Stationary average of f under the chain x' = step(x, noise): transfer operator on n nodes of [-L, L] (Nystrom on a uniform grid;
    densities are smooth, so the rule converges faster than any power of n)."""
    x = np.linspace(-L, L, n)
    P = step(x[:, None], x[None, :])  # density of going from x_j (columns) to x_i (rows)
    P = P / P.sum(axis=0)
    for _ in range(12):  # 4096 steps
        P = P @ P
        P = P / P.sum(axis=0)
    v = P[:, n // 2]
    return np.sum(v * f(x)) / np.sum(v)


def test(check, program, directory):
    # numbers of the tables that the README quotes, beside quadrature
    check.near("<x^2> at T = 0.1 by quadrature", boltzmann(0.1, lambda x: x**2), 0.8713629080, 1e-9)
    check.near("<x^2> at T = 0.2 by quadrature", boltzmann(0.2, lambda x: x**2), 0.8308953527, 1e-9)
    check.near("passage -1 -> 0 by quadrature", mfpt(0.1, -1, 0), 30.821302, 2e-4)
    check.near("passage -1 -> 1 by quadrature", mfpt(0.1, -1, 1), 66.268626, 5e-4)

    r = run(program, "double-well/double-well.toml", directory)
    law(check, r, 0.1, 0.8713629080)
    escape(check, r, 0.02)
    r.close()
    r = run(program, "double-well/double-well.toml", directory, "noise.temperature=0.2", "task.escape.duration=2.0", "task.escape.dt=0.1")
    law(check, r, 0.2, 0.8308953527)
    r.close()
    metric(check, program, directory)


def law(check, r, T, exact):
    g = r["law"]
    x2 = g["x_variance"][0] + g["x_mean"][0] ** 2
    # The scheme is of weak order 2; its own law at dt = 0.05 differs from Boltzmann's by less than 1e-3 (checked in scheme_bias).
    bias = scheme_bias(0.05, T)
    check.true("bias of the scheme at dt = 0.05", abs(bias) < 2e-3, "%.1e" % bias)
    check.z("<x^2> at T = %g" % T, x2, exact + bias, g["x_variance_se"][0])
    check.near("without correction for the step", x2, exact, 2e-3 + 5 * g["x_variance_se"][0])
    x = g["bin"][:]
    p = np.exp(-V(x) / T)
    p /= np.sum(p) * (x[1] - x[0])
    check.near("histogram: total variation distance from e^{-V/T}", np.sum(np.abs(g["x_histogram"][0] - p)) * (x[1] - x[0]) / 2, 0, 0.02)
    x = g["x"][:, ::10, 0].astype(float)  # Schwinger-Dyson: <x V'(x)> = T, that is <x^4> - <x^2> = T
    per = np.mean(x**4 - x**2, axis=1)
    check.z("<x dV/dx> = T", per.mean(), T, per.std() / np.sqrt(len(per)) + 2e-3)


def scheme_bias(h, T):
    """<x^2> of Leimkuhler-Matthews minus Boltzmann's: with y_k = x_k - sqrt(2 T h) n_k / 2 the scheme is the Markov chain y' = x + h f(x) +
    sqrt(2 T h) n / 2, x = y + sqrt(2 T h) n / 2 with the same n (Vilmart, SIAM J. Sci. Comput. 37, A201 (2015)). Gauss-Hermite in n."""
    s = np.sqrt(2 * T * h)
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    weights = weights / weights.sum()
    n = 240
    k = np.arange(n)
    y = 2.6 * np.cos(np.pi * (k + 0.5) / n)  # Chebyshev nodes; E[g(y')] of the Lagrange basis g: the backward operator
    bary = (-1.0) ** k * np.sin(np.pi * (k + 0.5) / n)
    M = np.zeros((n, n))
    for node, weight in zip(nodes, weights):
        x = y + s * node / 2
        to = np.clip(x + h * (x - x**3) + s * node / 2, -2.6, 2.6)
        d = to[:, None] - y[None, :]
        d[d == 0] = 1e-300
        L = bary / d
        M += weight * L / L.sum(axis=1, keepdims=True)
    A = M.T - np.eye(n)
    A[0] = 1
    rhs = np.zeros(n)
    rhs[0] = 1
    p = np.linalg.solve(A, rhs)  # weights of the stationary functional on the nodes
    x2 = sum(w * np.sum(p * (y + s * v / 2) ** 2) for v, w in zip(nodes, weights))
    return x2 - boltzmann(T, lambda x: x**2)


def escape(check, r, h):
    """Passages are seen at the steps only, which acts like a barrier moved outwards by 0.5826 sqrt(2 D h) (Broadie, Glasserman, Kou, Math.
    Finance 7, 325 (1997): 0.5826 = -zeta(1/2)/sqrt(2 pi)); what is left is of order h."""
    g = r["escape"]
    shift = 0.5826 * np.sqrt(2 * 0.1 * h)
    t = g["first_passage"][:]
    check.true("all passages seen", g["censored"][:].sum() <= 2, "%d censored" % g["censored"][:].sum())
    for k, (end, name) in enumerate(((0.0, "saddle"), (1.0, "other well"))):
        se = t[:, k].std() / np.sqrt(len(t))
        plain, shifted = mfpt(0.1, -1, end), mfpt(0.1, -1, end + shift)
        check.z("mean passage time to the %s" % name, t[:, k].mean(), shifted, se)
        check.true("the moved barrier matters or is small", shifted > plain, "%.4g instead of %.4g" % (shifted, plain))
    check.true("passages to the other well are later", (t[:, 1] > t[:, 0]).all())
    rate = g["passage_rate"][0]
    check.near("rate = passages over exposure", rate * t[:, 0].sum(), (g["censored"][:, 0] == 0).sum(), 1e-6)


def metric(check, program, directory):
    """Stationary <x^2> of Euler-Maruyama at dt = 0.02: x' = x + h f_ito(x) + sqrt(2 h (1 + x^2)) n, by the transfer operator; continuum
    values: kinetic 1, Stratonovich 0.71537774, Ito 0.52513528."""
    h = 0.02
    exact = {"kinetic": 1.0, "stratonovich": 0.71537774, "ito": 0.52513528}
    # F = -(1 + x^2) x; the correction c is dD/dx for kinetic, half of it for Stratonovich, D = 1 + x^2
    part = {"kinetic": 1.0, "stratonovich": 0.5, "ito": 0.0}
    measured = {}
    for name in exact:
        def density(to, x):
            mean = x + h * (-(1 + x * x) * x + part[name] * 2 * x)
            var = 2 * h * (1 + x * x)
            return np.exp(-((to - mean) ** 2) / (2 * var)) / np.sqrt(var)
        want = kernel_law(h, 1.0, density, lambda x: x**2, L=6.0, n=500)
        check.near("law of the scheme near that of the equation, " + name, want, exact[name], 0.03)
        r = run(program, "double-well/metric.toml", directory, "noise.calculus=\"%s\"" % name)
        g = r["law"]
        check.z("<x^2>, " + name, g["x_variance"][0] + g["x_mean"][0] ** 2, want, g["x_variance_se"][0])
        measured[name] = g["x_variance"][0], g["x_variance_se"][0]
        r.close()
    for a, b in (("kinetic", "stratonovich"), ("stratonovich", "ito")):
        gap = measured[a][0] - measured[b][0]
        check.true("%s and %s differ by more than 20 errors" % (a, b), gap > 20 * np.hypot(measured[a][1], measured[b][1]))


main(test)
