#!/usr/bin/env python3
# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""examples/random-network against dynamical mean-field theory and, at finite size, against an independent simulation with NumPy.

One network of N units has a variance that scatters about the mean-field value by about N^(-1/2). So: several networks of N = 200, whose
mean and scatter must be those of NumPy's own networks (another generator, another scheme); and the mean of larger networks against theory,
with the scatter measured between them. SX_NIGHTLY=1: the example at its full size."""
import os

from example import main, np, run


def mean_field(g, D):
    """Delta_0 of Delta'' = Delta - g^2 C(Delta), Delta'(0+) = -D, Delta -> 0: D^2/2 = Delta_0^2/2 - g^2 Var[ln cosh(sqrt(Delta_0) z)]
    (Sompolinsky, Crisanti, Sommers, PRL 61, 259 (1988); noise: Schuecker, Goedeke, Helias, PRX 8, 041029 (2018))."""
    z, w = np.polynomial.hermite_e.hermegauss(180)
    w = w / w.sum()

    def balance(delta):
        f = np.logaddexp(np.sqrt(delta) * z, -np.sqrt(delta) * z) - np.log(2)
        return delta**2 / 2 - D**2 / 2 - g**2 * (np.sum(w * f * f) - np.sum(w * f) ** 2)
    lo, hi = max(0.05, D), 10.0
    for _ in range(200):
        mid = (lo + hi) / 2
        lo, hi = (mid, hi) if balance(mid) < 0 else (lo, mid)
    return lo


def numpy_networks(count, N, g, seed, dt=0.1, burn=50.0, duration=150.0):
    """Mean square activity of `count` networks, one trajectory each, Heun's scheme."""
    rng = np.random.default_rng(seed)
    out = []
    for _ in range(count):
        W = rng.standard_normal((N, N)) * g / np.sqrt(N)
        np.fill_diagonal(W, 0)
        x = rng.standard_normal((N, 4))
        total = samples = 0
        for step in range(int((burn + duration) / dt)):
            f = -x + W @ np.tanh(x)
            y = x + dt * f
            x = x + dt / 2 * (f - y + W @ np.tanh(y))
            if step * dt >= burn and step % 5 == 0:
                total += np.mean(x * x)
                samples += 1
        out.append(total / samples)
    return np.array(out)


def networks(program, directory, example, task, N, seeds, *more):
    out = []
    for seed in seeds:
        r = run(program, example, directory, "model.coupling.n=%d" % N, "seeds.coupling=%d" % seed, "task.%s.duration=150.0" % task, *more)
        out.append(np.mean(r[task]["x_variance"][:] + r[task]["x_mean"][:] ** 2))
        r.close()
    return np.array(out)


def error(v):
    return v.std(ddof=1) / np.sqrt(len(v))


def test(check, program, directory):
    chaos, noisy = mean_field(1.5, 0.0), mean_field(1.5, 0.125)
    check.near("mean field, no noise", chaos, 0.7476863806, 1e-8)
    check.near("mean field, D = 0.125", noisy, 0.78564116, 1e-7)

    ours = networks(program, directory, "random-network/random-network.toml", "chaos", 200, range(1, 13))
    numpy = numpy_networks(16, 200, 1.5, 7)
    check.z("N = 200, 12 networks, beside 16 of NumPy", ours.mean(), numpy.mean(), np.hypot(error(ours), error(numpy)))
    ratio = ours.std(ddof=1) / numpy.std(ddof=1)  # F law of 11 and 15 degrees of freedom: beyond (1/3.5, 3.5) with probability 1e-4
    check.true("and as scattered", 1 / 3.5 < ratio < 3.5, "%.3f and %.3f" % (ours.std(ddof=1), numpy.std(ddof=1)))
    check.true("scatter of the order N^(-1/2)", 0.3 / np.sqrt(200) < ours.std(ddof=1) < 6 / np.sqrt(200))
    check.z("N = 200 beside mean field", ours.mean(), chaos, error(ours))

    ours = networks(program, directory, "random-network/noisy.toml", "noisy", 400, range(1, 6))
    check.z("N = 400 with noise, 5 networks, beside mean field", ours.mean(), noisy, error(ours), limit=6.0)  # t law, 4 degrees
    check.near("in numbers", ours.mean(), noisy, 0.08)

    if os.environ.get("SX_NIGHTLY"):
        ours = networks(program, directory, "random-network/random-network.toml", "chaos", 1000, range(1, 7))
        check.z("N = 1000, 6 networks, beside mean field", ours.mean(), chaos, error(ours), limit=6.0)
        check.near("in numbers", ours.mean(), chaos, 0.1)


main(test)
